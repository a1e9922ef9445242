"""Every release answers for ever, and a time finds the right one."""

from __future__ import annotations

import re

import asgi
import pytest
from pyoxigraph import RdfFormat, parse
from werkzeug.test import Client, TestResponse

from unitgraph.engine import Engine
from unitgraph.release import Release
from unitgraph.settings import Settings
from unitgraph.site import Publication
from unitgraph.web import create_app

BASE = "https://example.org/tiny/"


@pytest.fixture(scope="module")
def reader(five: tuple[Release, ...], engine: Engine) -> Client:
    """A client of the site of five releases, under its own address."""
    return asgi.client(create_app(Publication(five[-1].folder.parent, engine, Settings())))


def linked(answer: TestResponse) -> dict[str, str]:
    """Where the links of a response lead, by relation."""
    pairs = (re.fullmatch(r'<([^>]*)>; rel="([^"]*)".*', one) for one in answer.headers.getlist("Link"))
    return {found[2]: found[1] for found in pairs if found}


def gate(reader: Client, path: str, when: str | None) -> TestResponse:
    return reader.get(f"/timegate/{path}", headers={"Accept-Datetime": when} if when else {})


def test_each_release_answers_with_what_it_said_then(reader: Client, five: tuple[Release, ...]) -> None:
    for release in five:
        answer = reader.get(f"/r/{release.version}/unit/division-a.nt")
        assert answer.status_code == 200
        told = {str(quad.triple) for quad in parse(answer.data, RdfFormat.N_TRIPLES)}
        own = {
            str(q.triple)
            for q in parse(b"\n".join(release.lines()), RdfFormat.N_QUADS)
            if f"{BASE}unit/division-a" in str(q.subject)
        }
        assert own <= told
        assert ("Looked at again." in answer.text) == (release.version in ("2026.02.1", "2026.03.1", "2026.04.1"))


@pytest.mark.parametrize("path", ["", "unit", "unit/maps.html", "matrix", "ns", "search?q=maps", "graph", "query"])
def test_the_pages_of_an_earlier_release_link_within_it(reader: Client, five: tuple[Release, ...], path: str) -> None:
    answer = reader.get(f"/r/{five[1].version}/{path}", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["Memento-Datetime"] == "Sun, 01 Feb 2026 00:00:00 GMT"
    own = [one for one in re.findall(r'href="(/[^"]*)"', answer.text) if not one.startswith("//")]
    assert own
    assert all(one.startswith(f"/tiny/r/{five[1].version}/") for one in own), own[:5]


def test_a_thing_of_an_earlier_release_leads_to_its_document_there(reader: Client, five: tuple[Release, ...]) -> None:
    answer = reader.get(f"/r/{five[1].version}/project/tide-tables", headers={"Accept": "text/turtle"})
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"{BASE}r/{five[1].version}/project/tide-tables.ttl",
    )
    assert reader.get(f"/r/{five[0].version}/project/tide-tables").status_code == 404
    assert reader.get("/project/tide-tables").status_code == 301


def test_a_query_is_answered_by_the_release_it_is_asked_of(reader: Client, five: tuple[Release, ...]) -> None:
    ask = "ASK { <https://example.org/tiny/project/star-charts> ?p ?o }"
    for release in five:
        answer = reader.get(f"/r/{release.version}/sparql", query_string={"query": ask}, headers={"Accept": "text/csv"})
        assert answer.status_code == 200
        assert ("true" in answer.text) == (release.version in ("2026.02.1", "2026.03.1"))


@pytest.mark.parametrize(
    ("when", "version"),
    [
        ("Thu, 01 Jan 2015 00:00:00 GMT", "2026.01.1"),
        ("Thu, 01 Jan 2026 00:00:00 GMT", "2026.01.1"),
        ("Sat, 28 Feb 2026 23:59:59 GMT", "2026.02.1"),
        ("Wed, 01 Apr 2026 00:00:00 GMT", "2026.04.1"),
        ("Tue, 01 Jan 2999 00:00:00 GMT", "2026.05.1"),
        (None, "2026.05.1"),
    ],
)
def test_a_time_finds_the_release_that_was_published_then(reader: Client, when: str | None, version: str) -> None:
    for asked in (
        "unit/maps",
        f"{BASE}unit/maps",
        f"{BASE}unit/maps".replace("//", "/"),
        "https%3A%2F%2Fexample.org/tiny/unit/maps",
    ):
        answer = gate(reader, asked, when)
        if "%2F" in asked:  # a slash that is percent-encoded names nothing here
            assert answer.status_code == 404
            continue
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{BASE}r/{version}/unit/maps")
        assert answer.headers["Vary"] == "Accept-Datetime"
        assert "Memento-Datetime" not in answer.headers
        assert linked(answer) == {"original": f"{BASE}unit/maps", "timemap": f"{BASE}timemap/link/unit/maps"}


def test_what_came_and_went_has_the_states_in_which_it_was_there(reader: Client) -> None:
    found = reader.get("/timemap/link/project/star-charts").text
    assert re.findall(r"/r/([^/]*)/", found) == ["2026.02.1", "2026.03.1"]
    assert 'rel="first memento"' in found
    assert 'rel="last memento"' in found
    assert (
        gate(reader, "project/star-charts", "Tue, 01 Jan 2999 00:00:00 GMT")
        .headers["Location"]
        .startswith(f"{BASE}r/2026.03.1/")
    )


def test_a_document_and_its_states_lead_to_each_other(reader: Client, five: tuple[Release, ...]) -> None:
    for method in (reader.get, reader.head):
        now = linked(method("/unit/maps.ttl"))
        assert now["timegate"] == f"{BASE}timegate/unit/maps.ttl"
        then = linked(method(f"/r/{five[0].version}/unit/maps.ttl"))
        assert then["original"] == f"{BASE}unit/maps.ttl"
        assert then["timemap"] == now["timemap"] == f"{BASE}timemap/link/unit/maps.ttl"


def test_what_is_wrong_is_told(reader: Client) -> None:
    assert gate(reader, "unit/maps", "yesterday").status_code == 400
    assert gate(reader, "https://elsewhere.example/x", None).status_code == 404
    for path in ("/r/2020.01.1/unit/maps", "/r/..%2F..%2F/unit", "/r/x/unit", "/r/2026.01.1"):
        assert reader.get(path).status_code == 404, path
