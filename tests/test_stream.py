"""Who follows the event stream has every state of every record, quad for quad."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import asgi
import pytest
from pyoxigraph import Dataset, NamedNode, Quad, RdfFormat, parse
from werkzeug.test import Client

from unitgraph.changes import Changes
from unitgraph.engine import Engine
from unitgraph.records import records
from unitgraph.release import CHANGES, Release
from unitgraph.resources import stream
from unitgraph.settings import Settings
from unitgraph.site import Publication
from unitgraph.vocab import RDF_TYPE, term
from unitgraph.web import create_app

MEMBER, NODE = (NamedNode(stream.TREE + name) for name in ("member", "node"))
FORMATS = {
    "application/n-quads": RdfFormat.N_QUADS,
    "application/trig": RdfFormat.TRIG,
    "application/ld+json": RdfFormat.JSON_LD,
}


@pytest.fixture(scope="module")
def reader(five: tuple[Release, ...], engine: Engine) -> Client:
    """A client of the site of five releases, under its own address."""
    return asgi.client(create_app(Publication(five[-1].folder.parent, engine, Settings())))


def path_of(address: str) -> str:
    return "/" + re.sub(r"^https?://[^/]*/(?:tiny/)?", "", address)


def fetched(client: Client, address: str, media_type: str = "application/n-quads") -> Dataset:
    answer = client.get(path_of(address), headers={"Accept": media_type})
    assert (answer.status_code, answer.mimetype) == (200, media_type), address
    return Dataset(parse(answer.data, FORMATS[media_type]))


@dataclass(frozen=True)
class Member:
    """A member as a client sees it; `payload` are the triples of its graph."""

    iri: str
    of: str
    time: str
    kind: str
    value: str
    payload: frozenset[str]


def value(data: Dataset, subject: NamedNode, predicate: NamedNode) -> str:
    found = [quad.object.value for quad in data.quads_for_subject(subject) if quad.predicate == predicate]
    assert len(found) <= 1
    return found[0] if found else ""


def members(client: Client, media_type: str = "application/n-quads") -> Iterator[Member]:
    """Every member, along the relations from the root, each page once."""
    todo, met = ["/stream"], set[str]()
    while todo:
        address = todo.pop(0)
        if path_of(address) in met:
            continue
        met.add(path_of(address))
        data = fetched(client, address, media_type)
        todo += sorted({quad.object.value for quad in data if quad.predicate == NODE})
        for quad in data:
            if quad.predicate == MEMBER:
                iri = quad.object
                graph = {str(q.triple) for q in data.quads_for_graph_name(iri)}
                kind = [q.object.value for q in data.quads_for_subject(iri) if q.predicate == RDF_TYPE]
                yield Member(
                    iri.value,
                    value(data, iri, stream.VERSION_OF),
                    value(data, iri, stream.TIME),
                    kind[0].removeprefix(stream.ACTIVITY),
                    value(data, iri, stream.VALUE),
                    frozenset(graph),
                )


@pytest.mark.parametrize("start", range(5))
def test_replaying_the_stream_on_the_dump_of_any_release_gives_the_current_dump(
    reader: Client, five: tuple[Release, ...], start: int
) -> None:
    then, now = five[start], five[-1]
    held = {now.base + record.path: list(record.lines) for record in records(then.lines(), then.base)}
    for one in sorted(members(reader), key=lambda member: int(member.iri.rpartition("/")[2])):
        if one.time <= then.issued:
            continue
        if one.kind == "Delete":
            del held[one.of]
        else:
            held[one.of] = one.value.encode().splitlines()
    assert sorted(line for lines in held.values() for line in lines) == now.lines()


def test_the_graph_of_a_member_holds_the_triples_of_its_value(reader: Client) -> None:
    for one in members(reader):
        said = {str(quad.triple) for quad in parse(one.value.encode(), RdfFormat.N_QUADS)}
        assert one.payload == said
        assert bool(said) == (one.kind != "Delete")


@pytest.mark.parametrize("media_type", FORMATS)
def test_each_format_has_the_same_members(
    reader: Client, five: tuple[Release, ...], media_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PER_PAGE", 40)
    found = list(members(reader, media_type))
    assert len({one.iri for one in found}) == len(found) == Changes(five[-1].folder / CHANGES).count
    assert all(one.of and one.time for one in found)


def test_the_root_says_how_to_read_the_stream_and_leads_by_time(reader: Client, five: tuple[Release, ...]) -> None:
    data = fetched(reader, "/stream")
    streams = [quad.subject for quad in data if quad.predicate == NamedNode(stream.TREE + "view")]
    assert len(streams) == 1
    assert value(data, streams[0], NamedNode(stream.LDES + "timestampPath")) == term("prov:generatedAtTime").value
    assert value(data, streams[0], NamedNode(stream.LDES + "versionOfPath")) == term("dcterms:isVersionOf").value
    times = {quad.object.value for quad in data if quad.predicate == NamedNode(stream.TREE + "value")}
    assert times == {release.issued for release in five}


def test_a_page_of_members_never_changes_and_the_root_is_asked_again(reader: Client) -> None:
    assert "immutable" in reader.get("/stream/2026.02.1/1").headers["Cache-Control"]
    root = reader.get("/stream")
    assert root.headers["Cache-Control"] == "no-cache"
    assert reader.get("/stream", headers={"If-None-Match": root.headers["ETag"]}).status_code == 304


def test_a_member_answers_at_its_address(reader: Client) -> None:
    one = next(member for member in members(reader) if member.kind == "Update")
    data = fetched(reader, one.iri)
    assert value(data, NamedNode(one.iri), stream.VALUE) == one.value
    assert Quad(NamedNode(one.iri), RDF_TYPE, NamedNode(stream.ACTIVITY + "Update")) in data


@pytest.mark.parametrize(
    "path",
    ["/stream/2026.02.1/0", "/stream/2026.02.1/99", "/stream/2020.01.1/1", "/stream/member/0", "/stream/member/999999"],
)
def test_a_page_that_is_not_there_is_not_found(reader: Client, path: str) -> None:
    assert reader.get(path).status_code == 404
    assert reader.get("/stream", headers={"Accept": "text/html"}).status_code == 406
