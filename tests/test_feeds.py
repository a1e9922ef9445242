"""Who follows a feed ends with what is published: sitemaps, ActivityStreams in two profiles, Atom."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asgi
import pytest
from conftest import SHARED, needs_suites, needs_xmllint
from werkzeug.test import Client

from unitgraph.changes import Changes
from unitgraph.engine import Engine
from unitgraph.records import GRAPH, records
from unitgraph.release import CHANGES, Release
from unitgraph.resources import activity, sitemap
from unitgraph.settings import Settings
from unitgraph.site import Publication
from unitgraph.web import create_app

MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ATOM = "{http://www.w3.org/2005/Atom}"
PROFILES = sorted(activity.PROFILES)


@pytest.fixture(scope="module")
def reader(five: tuple[Release, ...], engine: Engine) -> Client:
    """A client of the site of five releases, under its own address."""
    publication = Publication(five[-1].folder.parent, engine, Settings())
    return asgi.client(create_app(publication))


@pytest.fixture(params=["tiny", "checkout"])
def either(request: pytest.FixtureRequest, reader: Client, client: Client) -> Client:
    return reader if request.param == "tiny" else client


def path_of(address: str) -> str:
    """An address of the tests' sites as a path: what follows the base, whichever of them it is."""
    return "/" + re.sub(r"^https?://[^/]*/(?:tiny/|unitgraph/ifla/)?", "", address)


def xml(client: Client, path: str) -> ET.Element:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text[:200])
    return ET.fromstring(answer.text)


# Sitemaps ---------------------------------------------------------------------------------------------------------


def test_robots_lead_to_the_sitemaps_and_these_to_every_thing(
    reader: Client, five: tuple[Release, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap, "PER_MAP", 20)
    robots = reader.get("/robots.txt").text
    entry = path_of(re.search(r"(?m)^Sitemap: (\S+)$", robots)[1])  # type: ignore[index]
    maps = {path_of(one[0].text or ""): one[1].text for one in xml(reader, entry + "?one")}
    assert len(maps) > 3
    dated = {}
    for path, newest in maps.items():
        rows = [(one[0].text or "", one[1].text or "") for one in xml(reader, path + "?one")]
        assert max(when for _, when in rows) == newest
        dated |= {path_of(at): when for at, when in rows}
    for path in dated:
        assert reader.get(path, headers={"Accept": "text/html"}).status_code == 200, path
    things = {record.path for record in records(five[-1].lines(), five[-1].base) if record.kind != GRAPH}
    assert {f"/{path}.html" for path in things} == {path for path in dated if path.endswith(".html")}
    assert dated["/project/tides.html"] == "2026-04-01T00:00:00Z"
    assert dated["/project/night-maps.html"] == "2026-01-01T00:00:00Z"


@needs_suites
@needs_xmllint
@pytest.mark.parametrize(
    ("path", "schema"),
    [("/sitemap/1.xml", "sitemap.xsd"), ("/sitemap/pages.xml", "sitemap.xsd")],
)
def test_sitemaps_are_valid(either: Client, tmp_path: Path, path: str, schema: str) -> None:
    found = next((SHARED / "suites" / "schemas" / "sitemap").rglob(schema))
    (tmp_path / "map.xml").write_bytes(either.get(path).data)
    done = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--schema", str(found), str(tmp_path / "map.xml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "validates" in done.stderr, done.stderr


@pytest.mark.parametrize("path", ["/sitemap/0.xml", "/sitemap/99.xml", "/sitemap/x.xml", "/sitemap/-1.xml"])
def test_a_sitemap_that_is_not_there_is_not_found(reader: Client, path: str) -> None:
    assert reader.get(path).status_code == 404


# ActivityStreams --------------------------------------------------------------------------------------------------


def document(client: Client, address: str) -> dict[str, Any]:
    answer = client.get(path_of(address))
    assert answer.status_code == 200, address
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return dict(json.loads(answer.text))


def forwards(client: Client, name: str) -> Iterator[dict[str, Any]]:
    """All activities, by `first` and `next`; the links back agree."""
    entry = document(client, f"/changes/{name}")
    before, at = None, entry["first"]
    while at:
        page = document(client, at["id"])
        assert page["type"] == at["type"] == "OrderedCollectionPage"
        assert page["id"] == at["id"]
        assert page["partOf"]["id"] == entry["id"]
        assert page["orderedItems"]
        assert page.get("prev") == before
        yield from page["orderedItems"]
        before, at = {"id": page["id"], "type": page["type"]}, page.get("next")
    assert before == entry["last"]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("start", range(5))
def test_replaying_the_activities_from_any_release_on_its_dump_gives_the_current_dump(
    reader: Client, five: tuple[Release, ...], name: str, start: int
) -> None:
    """What changed is fetched as a harvester would: from the records of the release that is published."""
    then, now = five[start], five[-1]
    held = {now.base + record.path: record.lines for record in records(then.lines(), then.base)}
    current = {now.base + record.path: record.lines for record in records(now.lines(), now.base)}
    time = activity.PROFILES[name].time
    for one in forwards(reader, name):
        if one[time] <= then.issued:
            continue
        iri = one["object"]["id"]
        if one["type"] == "Delete":
            held.pop(iri)
        elif iri in current:
            held[iri] = current[iri]
        else:
            held[iri] = ()  # it is gone again, as a later activity will tell
    assert sorted(line for lines in held.values() for line in lines) == now.lines()


@pytest.mark.parametrize("name", PROFILES)
def test_the_activities_are_in_order_and_name_what_answers(reader: Client, name: str) -> None:
    found = list(forwards(reader, name))
    time = activity.PROFILES[name].time
    assert [one[time] for one in found] == sorted(one[time] for one in found)
    assert len({one["id"] for one in found}) == len(found) == document(reader, f"/changes/{name}")["totalItems"]
    last = {one["object"]["id"]: one["type"] for one in found}
    for iri, kind in last.items():
        answer = reader.get(path_of(iri), headers={"Accept": "text/turtle"}, follow_redirects=True)
        assert answer.status_code == (200 if kind != "Delete" else answer.status_code), iri
        if kind == "Delete":
            assert answer.status_code in (200, 410), iri  # it is gone, or leads to what it was merged into


def test_the_contexts_are_as_each_profile_demands() -> None:
    assert activity.PROFILES["emm"].context[0] == activity.ACTIVITYSTREAMS
    assert activity.PROFILES["iiif"].context == "http://iiif.io/api/discovery/1/context.json"


@pytest.mark.parametrize("name", PROFILES)
def test_a_consumer_that_walks_backwards_stops_at_what_it_knows(reader: Client, name: str) -> None:
    """The processing algorithm of IIIF Change Discovery §3.4: from the last page back, until an activity is old."""
    time, since, met = activity.PROFILES[name].time, "2026-04-01T00:00:00Z", []
    at = document(reader, f"/changes/{name}")["last"]
    while at:
        page = document(reader, at["id"])
        fresh = [one for one in reversed(page["orderedItems"]) if one[time] > since]
        met += [one["object"]["id"] for one in fresh]
        at = page.get("prev") if len(fresh) == len(page["orderedItems"]) else None
    assert {path_of(iri) for iri in met} >= {"/unit/division-a", "/unit/maps", "/graph/release"}
    assert "/project/tides" not in {path_of(iri) for iri in met}


@pytest.mark.parametrize(
    "path", ["/changes/emm/0", "/changes/emm/9999", "/changes/emm/x", "/changes/other", "/changes"]
)
def test_a_feed_that_is_not_there_is_not_found(reader: Client, path: str) -> None:
    assert reader.get(path).status_code == 404


# Atom, and all of them -------------------------------------------------------------------------------------------


def test_the_newest_changes_are_told_to_people(reader: Client, five: tuple[Release, ...]) -> None:
    feed = xml(reader, "/changes.atom")
    entries = feed.findall(f"{ATOM}entry")
    titles = [entry.findtext(f"{ATOM}title") or "" for entry in entries]
    newest = Changes(five[-1].folder / CHANGES).latest(len(entries))
    assert len(entries) == len(newest) == 50
    assert any(title == "Tides and stars: updated" for title in titles)
    assert "project/star-charts: removed" in titles
    times = [entry.findtext(f"{ATOM}updated") or "" for entry in entries]
    assert times == sorted(times, reverse=True)
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == len(entries)


@pytest.mark.parametrize("path", ["/sitemap.xml", "/sitemap/1.xml", "/changes/emm", "/changes/iiif/1", "/changes.atom"])
def test_a_feed_that_a_client_has_is_not_sent_again(either: Client, path: str) -> None:
    first = either.get(path)
    assert first.status_code == 200
    assert either.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert either.head(path).headers["ETag"] == first.headers["ETag"]
