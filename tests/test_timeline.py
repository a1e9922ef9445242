"""The timeline: every time that is stated stands in it, and none that is not."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import html5lib
import pytest
from test_matrix import SVG, ask
from werkzeug.test import Client

from unitgraph import overview
from unitgraph.overview import Line, Span
from unitgraph.release import Release
from unitgraph.resources import timeline
from unitgraph.site import Site


def rows_of(client: Client, part: str) -> list[dict[str, str]]:
    return [row for row in csv.DictReader(io.StringIO(client.get("/timeline.csv").text)) if row["part"] == part]


@pytest.mark.parametrize(("part", "cls"), [("projects", "ug:Project"), ("events", "ug:Event")])
def test_the_times_of_projects_and_events_are_those_that_are_stated(
    client: Client, release: Release, part: str, cls: str
) -> None:
    text = (
        f'SELECT ?x (COALESCE(STR(?s), "") AS ?start) (COALESCE(STR(?e), "") AS ?end) '
        f"{{ ?x a {cls} OPTIONAL {{ ?x ug:start ?s }} OPTIONAL {{ ?x ug:end ?e }} }}"
    )
    assert {(row["iri"], row["start"], row["end"]) for row in rows_of(client, part)} == set(ask(release, text))


def test_every_standing_of_a_unit_is_there(client: Client, release: Release) -> None:
    text = (
        'SELECT ?unit (COALESCE(STR(?s), "") AS ?start) (COALESCE(STR(?e), "") AS ?end) '
        "{ ?x ug:standingOf ?unit OPTIONAL { ?x ug:start ?s } OPTIONAL { ?x ug:end ?e } }"
    )
    shown = {(row["iri"], row["start"], row["end"]) for row in rows_of(client, "units")}
    assert set(ask(release, text)) <= shown


def test_every_change_stands_beside_its_unit(client: Client, release: Release) -> None:
    text = "SELECT ?unit ?label { ?change ug:changed ?unit ; skos:prefLabel ?label }"
    assert set(ask(release, text)) <= {(row["iri"], row["what"]) for row in rows_of(client, "changes")}


def test_what_goes_on_is_said_to_by_its_state(client: Client, release: Release) -> None:
    text = (
        "SELECT ?x { ?x a ug:Project ; ug:state ?state FILTER(STRENDS(STR(?state), '/ongoing')) "
        "FILTER NOT EXISTS { ?x ug:end ?end } }"
    )
    ongoing = {row["iri"] for row in rows_of(client, "projects") if row["ongoing"] == "true"}
    assert ongoing == {iri for (iri,) in ask(release, text)}


def test_the_tables_of_the_page_have_a_line_for_each_line_of_the_csv(client: Client) -> None:
    tree = html5lib.parse(client.get("/timeline.html").text, namespaceHTMLElements=False)
    tables = [t for t in tree.iter("table") if t.get("class") == "times"]
    counts = [len([row for body in t.iter("tbody") for row in body.iter("tr")]) for t in tables]
    assert counts == [len(rows_of(client, part)) for part in ("units", "projects", "events")]


def test_the_drawing_has_one_line_for_each_thing_of_which_a_time_is_known(client: Client, site: Site) -> None:
    page = timeline.timeline(site)
    answer = client.get("/timeline.svg?lang=en")
    root = ElementTree.fromstring(answer.data)
    bars = [path for path in root.iter(f"{SVG}rect") if "bar" in (path.get("class") or "")]
    titles = ["".join(title.itertext()) for title in root.iter(f"{SVG}title")]
    assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc") is not None
    assert len(bars) == sum(span.bar is not None for c in page.charts for line in c.lines for span in line.spans)
    for chart in page.charts:
        assert len(chart.drawn) == chart.dated
        assert all(any(title.startswith(line.thing.text) for title in titles) for line in chart.drawn)


def test_a_drawing_runs_from_right_to_left_for_who_reads_so(client: Client) -> None:
    def first_bar(language: str) -> float:
        root = ElementTree.fromstring(client.get(f"/timeline.svg?lang={language}").data)
        bar = next(rect for rect in root.iter(f"{SVG}rect") if "bar" in (rect.get("class") or ""))
        return float(bar.get("x", "0")) + float(bar.get("width", "0")) / 2

    assert first_bar("ar") == timeline.WIDTH - first_bar("en")


@pytest.mark.parametrize(
    ("start", "end", "ongoing", "open_start", "open_end", "goes_on"),
    [
        ("2019", "2021", False, False, False, False),
        ("2019", "", False, False, True, False),
        ("2019", "", True, False, False, True),
        ("", "2021", False, True, False, False),
    ],
)
def test_an_unknown_start_or_end_is_left_open(
    start: str, end: str, ongoing: bool, open_start: bool, open_end: bool, goes_on: bool
) -> None:
    span: Span = {"kind": "", "start": start, "end": end, "ongoing": ongoing}
    scale = timeline._Scale(2010, 2030)
    bar = timeline._bar(scale, span)
    assert bar
    assert (bar.open_start, bar.open_end, bar.ongoing) == (open_start, open_end, goes_on)
    assert bar.x == scale.x(2019 if start else 2021)
    assert bar.x + bar.width == scale.x(2030 if goes_on else 2022 if end else 2020)


def test_nothing_is_drawn_of_what_has_no_time() -> None:
    scale = timeline._Scale(2010, 2030)
    assert timeline._bar(scale, {"kind": "", "start": "", "end": "", "ongoing": False}) is None
    assert timeline._bar(scale, {"kind": "", "start": "once", "end": "", "ongoing": False}) is None


def test_of_many_the_latest_are_shown() -> None:
    def line(year: int) -> Line:
        start = str(year) if year else ""
        spans: list[Span] = [{"kind": "", "start": start, "end": "", "ongoing": False}]
        return {"thing": f"https://example.org/{year}", "short": "", "who": [], "spans": spans, "changes": []}

    part = overview._part([line(year) for year in (0, *range(1800, 2020))])
    years = [one["spans"][0]["start"] for one in part["lines"]]
    assert (part["count"], part["dated"]) == (221, 220)
    assert years == [str(year) for year in range(2020 - overview.MAX_ROWS, 2020)]
