"""Harvesters that others wrote take five releases from a real server, and have what is there."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from datetime import datetime

import histories
import pytest
import sickle
from memento_client import MementoClient
from running import Running, serving

from unitgraph.records import GRAPH, records
from unitgraph.release import Release


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, tuple[Release, ...]]]:
    """A server of five releases whose things live where it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("harvest")
    releases = histories.five(folder, f"http://localhost:{port}/")
    with serving(folder, str(folder / "releases"), "--port", str(port)) as running:
        yield running, releases


def things(release: Release) -> set[str]:
    return {record.path for record in records(release.lines(), release.base) if record.kind != GRAPH}


def test_sickle_lists_every_thing_and_what_was_removed(served: tuple[Running, tuple[Release, ...]]) -> None:
    running, releases = served
    repository = sickle.Sickle(f"{running.base}oai")
    found = list(repository.ListIdentifiers(metadataPrefix="oai_dc"))
    assert {one.identifier.partition(":localhost:")[2] for one in found if not one.deleted} == things(releases[-1])
    gone = {one.identifier.partition(":localhost:")[2] for one in found if one.deleted}
    assert gone == {"project/tide-tables", "project/star-charts"}
    assert repository.Identify().deletedRecord == "persistent"


def test_sickle_keeps_up_by_asking_only_for_what_is_new(served: tuple[Running, tuple[Release, ...]]) -> None:
    running, releases = served
    repository = sickle.Sickle(f"{running.base}oai")
    fresh = list(repository.ListRecords(**{"metadataPrefix": "oai_dc", "from": releases[3].issued}))
    assert 0 < len(fresh) < 10
    titles = [title for record in fresh if not record.deleted for title in record.metadata["title"]]
    assert "Tides and stars" in titles


@pytest.mark.parametrize("path", ["unit/division-a.html", "unit/division-a.ttl"])
def test_memento_client_finds_the_state_of_a_day(served: tuple[Running, tuple[Release, ...]], path: str) -> None:
    running, _ = served
    for month, noted in ((1, False), (3, True), (5, False)):
        client = MementoClient(check_native_timegate=True)
        found = client.get_memento_info(f"{running.base}{path}", datetime(2026, month, 15))
        address = found["mementos"]["closest"]["uri"][0]
        assert address == f"{running.base}r/2026.0{month}.1/{path}"
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert answer.headers["Memento-Datetime"]
            assert ("Looked at again." in answer.read().decode()) == noted
