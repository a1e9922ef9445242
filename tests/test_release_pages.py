"""The pages of releases say exactly what changed; the coverage of labels is what queries count."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asgi
import pytest
from conftest import ROOT
from looking import page, targets, text
from werkzeug.test import Client

from unitgraph import build, coverage, history
from unitgraph.engine import Engine
from unitgraph.release import Release
from unitgraph.resources import releases
from unitgraph.site import Publication, Site
from unitgraph.vocab import PREFIXES
from unitgraph.web import create_app
from unitgraph.web.languages import LANGUAGES

BASE = "https://example.org/tiny/"
PROJECT = f"""
@prefix : <{BASE}> .
@prefix skos: <{PREFIXES["skos"]}> .
@prefix ug: <{PREFIXES["ug"]}> .
<{BASE}project/tide-tables> a ug:Project ;
    skos:prefLabel "Tide tables of the lantern coast"@en ;
    ug:leader <{BASE}unit/maps> ;
    ug:statedIn <{BASE}source/lantern-units> ;
    ug:confidence <{BASE}confidence/seed> .
"""
NOTE = f'\n<{BASE}unit/division-a> <{PREFIXES["skos"]}editorialNote> "Looked at again."@en .\n'


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, ...]:
    """Three releases: in the second a project is new and a note is added, in the third the project is gone."""
    root = Path(shutil.copytree(ROOT / "tests" / "tiny", tmp_path_factory.mktemp("history") / "sources"))
    out = root.parent / "releases"
    project, unit = root / "data" / "project" / "tide-tables.ttl", root / "data" / "unit" / "division-a.ttl"
    found = [build.build(build.judge(root), out, version="2026.01.1", issued="2026-01-01")]
    project.write_text(PROJECT, "utf-8")
    unit.write_text(unit.read_text("utf-8") + NOTE, "utf-8")
    found.append(build.build(build.judge(root), out, version="2026.02.1", issued="2026-02-01"))
    project.unlink()
    found.append(build.build(build.judge(root), out, version="2026.03.1", issued="2026-03-01"))
    return tuple(found)


@pytest.fixture(scope="module")
def reader(three: tuple[Release, ...], engine: Engine) -> Client:
    """A client of the site of the three releases, the last of which is published."""
    return asgi.client(create_app(Publication(three[0].folder.parent, engine, engine.settings)))


def said(release: Release) -> set[bytes]:
    """The statements of a release without their graphs, but for the report and its own description."""
    apart = (b"graph/release> .", b"graph/report> .")
    return {line.rpartition(b" <")[0] for line in release.lines() if not line.endswith(apart)}


def changed(before: Release, after: Release) -> dict[str, tuple[str, int, int]]:
    """What happened to each subject, and how many statements it gained and lost, counted from the lines."""
    old, new = said(before), said(after)

    def subjects(lines: set[bytes]) -> list[str]:
        return [line[1 : line.index(b">")].decode() for line in lines]

    was, now, gained, lost = (subjects(lines) for lines in (old, new, new - old, old - new))
    return {
        one: (
            "created" if one not in set(was) else "removed" if one not in set(now) else "updated",
            gained.count(one),
            lost.count(one),
        )
        for one in {*gained, *lost}
    }


@pytest.mark.parametrize("number", [1, 2])
def test_a_release_names_exactly_what_changed(three: tuple[Release, ...], reader: Client, number: int) -> None:
    before, after = three[number - 1], three[number]
    record = reader.get(f"/release/{after.version}.json").get_json()
    shown = {one["iri"]: (one["change"], one["added"], one["removed"]) for one in record["changes"]["things"]}
    assert shown == changed(before, after)
    assert record["changes"]["counts"] == {
        kind: sum(one[0] == kind for one in shown.values()) for kind in ("created", "updated", "removed")
    }
    assert record["predecessor"] == {"version": before.version, "release": before.digest}


def test_the_page_shows_labels_and_statements_of_what_changed(three: tuple[Release, ...], reader: Client) -> None:
    root = page(reader, "/release/2026.02.1?lang=en")
    (new,) = [element for element in root.iter("ul") if element.get("class") == "changes created"]
    assert "Tide tables of the lantern coast" in text(new)
    items = [text(item) for item in root.iter("li") if item.find("details") is not None]
    assert len(items) == len(changed(three[0], three[1]))
    assert any("Looked at again." in item and "1 added" in item for item in items)
    gone = page(reader, "/release?lang=en")
    removed = next(element for element in gone.iter("ul") if element.get("class") == "changes removed")
    assert "Tide tables of the lantern coast" in text(removed)
    assert not [target for target in targets(removed) if "tide-tables" in target], "a thing that is gone has a link"


def test_the_first_release_has_nothing_before_it(reader: Client) -> None:
    record = reader.get("/release/2026.01.1.json").get_json()
    assert record["changes"] == {"compared": False, "reason": "first"}
    assert "no release before this one" in text(page(reader, "/release/2026.01.1.html?lang=en"))


def test_all_releases_are_listed_and_the_current_one_is_marked(three: tuple[Release, ...], reader: Client) -> None:
    record = reader.get("/release.json").get_json()
    assert [one["version"] for one in record["releases"]] == [r.version for r in reversed(three)]
    assert [one["current"] for one in record["releases"]] == [True, False, False]
    assert (record["version"], record["release"], record["content"]) == (
        three[2].version,
        three[2].digest,
        three[2].manifest.content,
    )
    found = {target for target in targets(page(reader, "/release")) if target.startswith("/release/")}
    assert found >= {f"/release/{release.version}" for release in three}


def test_a_version_is_negotiated_though_it_has_dots(reader: Client) -> None:
    plain = reader.get("/release/2026.02.1", headers={"Accept": "application/json"})
    assert plain.mimetype == "application/json"
    assert "Accept" in plain.headers["Vary"]
    assert plain.get_json() == reader.get("/release/2026.02.1.json").get_json()
    assert reader.get("/release/2026.02.1").mimetype == "text/html"
    assert reader.get("/release/2026.02.9").status_code == 404
    assert reader.get("/release/2026.02.1.ttl").status_code == 404


def test_the_tag_of_a_release_page_names_all_releases(
    three: tuple[Release, ...], reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = reader.get("/release.json").headers["ETag"]
    assert reader.get("/release.json", headers={"If-None-Match": tag}).status_code == 304
    monkeypatch.setattr(history, "releases", lambda out: three[1:])
    # asked for as nobody has before, since the front sees by the folder that a release came, and here none did
    again = reader.get("/release.json?again", headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert len(again.get_json()["releases"]) == 2


def site_of(three: tuple[Release, ...], engine: Engine) -> Site:
    return Site(three[0].folder.parent, three[2], engine, engine.settings)


def test_two_releases_are_compared_once(
    three: tuple[Release, ...], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    changes = history.changes
    monkeypatch.setattr(history, "changes", lambda old, new: compared.append((old, new)) or changes(old, new))
    releases._compared.cache_clear()
    for language in ("en", "fr", "en"):
        assert releases.page(site_of(three, engine).speaking(language)).difference
    assert compared == [(three[1], three[2])]


def test_what_is_shown_of_a_difference_is_bounded(
    three: tuple[Release, ...], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "MAX_CHANGES", 1)
    monkeypatch.setattr(releases, "MAX_STATEMENTS", 2)
    releases._shown.cache_clear()
    found = releases.page(site_of(three, engine), "2026.02.1").difference
    releases._shown.cache_clear()
    assert found
    assert sum(len(changes) for _, changes in found.changes) == 1
    assert found.more == found.count - 1 == len(changed(three[0], three[1])) - 1
    (one,) = found.changes[0][1]
    assert sum(len(fact.values) for fact in one.added.facts) == 2
    assert one.added.more == one.added.count - 2


def test_large_releases_are_not_compared_for_a_page(
    three: tuple[Release, ...], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "MAX_COMPARED", three[2].manifest.quads - 1)
    monkeypatch.setattr(history, "changes", lambda old, new: pytest.fail("they were compared"))
    found = releases.page(site_of(three, engine))
    assert (found.difference, found.reason) == (None, "large")


def test_a_release_whose_predecessor_is_not_kept_says_so(
    three: tuple[Release, ...], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "releases", lambda out: three[2:])
    found = releases.page(site_of(three, engine))
    assert (found.difference, found.reason, found.predecessor) == (None, "missing", "")


# Coverage ------------------------------------------------------------------------------------------------


PROLOGUE = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
COUNTED = """
    SELECT ?segment (COUNT(DISTINCT ?thing) AS ?n) WHERE {
      ?class ug:segment ?segment . ?thing a ?class .
      FILTER (STRSTARTS(STR(?thing), CONCAT("%s", ?segment, "/")))
      %s
    } GROUP BY ?segment
"""
LABELLED = """
      ?thing skos:prefLabel|rdfs:label|skosxl:literalForm|dcterms:title ?label .
      FILTER (langMatches(LANG(?label), "%s"))
"""


def solutions(release: Release, query: str) -> Iterator[Any]:
    yield from release.store.query(PROLOGUE + query, use_default_graph_as_union=True)  # type: ignore[misc]


def counted(release: Release, pattern: str) -> dict[str, int]:
    return {one["segment"].value: int(one["n"].value) for one in solutions(release, COUNTED % (release.base, pattern))}


def test_coverage_is_what_queries_count(release: Release, client: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/coverage.csv").get_data(as_text=True))))
    everything = counted(release, "")
    assert {row["kind"]: int(row["things"]) for row in rows} == everything
    tags = {row["language"] for row in rows}
    used = {
        one["tag"].value.partition("-")[0]
        for one in solutions(release, "SELECT DISTINCT (LANG(?l) AS ?tag) { ?s skos:prefLabel ?l }")
    }
    assert tags >= {*LANGUAGES, *used}
    for tag in tags:
        found = counted(release, LABELLED % tag)
        shown = {row["kind"]: int(row["labelled"]) for row in rows if row["language"] == tag}
        assert shown == {kind: found.get(kind, 0) for kind in everything}, tag


def test_the_table_of_languages_has_the_same_numbers(client: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/coverage.csv").get_data(as_text=True))))
    root = page(client, "/coverage.html?lang=en")
    (table,) = root.iter("table")
    header = [text(cell) for cell in next(table.iter("tr"))]
    assert header[2:9] == list(LANGUAGES)
    body = next(table.iter("tbody"))
    cells = {}
    for row in body.iter("tr"):
        kind = next(iter(targets(row))).partition("?")[0].removeprefix("/")
        numbers = [text(cell).partition(" ")[0].replace(",", "") for cell in row.iter("td")]
        cells |= {(kind, tag): int(number) for tag, number in zip(header[1:], numbers, strict=True)}
    assert {(row["kind"], row["language"]): int(row["labelled"]) for row in rows}.items() <= cells.items()


def test_coverage_is_counted_when_a_release_is_written_or_else_on_first_use(release: Release) -> None:
    written = json.loads((release.folder / coverage.COVERAGE).read_bytes())
    computed = coverage.count(release.lines(), release.base)
    assert {kind: [count, labels] for kind, (count, labels) in computed.items()} == written
    assert coverage.of(release) == computed


def test_coverage_moves_with_the_base(three: tuple[Release, ...], tmp_path: Path) -> None:
    elsewhere = "http://localhost:8000/a/"
    sources = Path(shutil.copytree(ROOT / "tests" / "tiny", tmp_path / "sources"))
    moved = build.build(build.judge(sources), tmp_path / "out", base=elsewhere)
    assert coverage.of(moved) == coverage.of(three[0])
