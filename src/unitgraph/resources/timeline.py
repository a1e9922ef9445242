"""Units, projects and events over the years; what is not known is shown as such, never made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pyoxigraph import Literal, NamedNode

from unitgraph import overview
from unitgraph.answers import Table, Term
from unitgraph.overview import Part
from unitgraph.resources import terms
from unitgraph.resources.parts import Period
from unitgraph.resources.terms import Value
from unitgraph.site import Site

WIDTH, LABELS, ROW, TOP = 1080, 330, 22, 26  #: of a drawing, its labels, a line, the years above
LABEL_CHARACTERS = 40
STUB = 20  #: how far an unknown start or end is hinted at
MAX_TICKS = 16
STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000)
Named = Callable[[str], Value]  #: what an IRI is called, looked up once for a page
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T[\d:.]+)?(?:Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True)
class Bar:
    """A time in the drawing, from `x` on; with an `open_start` or `open_end` that is not known, or with an
    end that is still to come (`ongoing`)."""

    x: int
    width: int
    open_start: bool
    open_end: bool
    ongoing: bool


@dataclass(frozen=True)
class Span:
    """A time, and of what kind; `bar` is None where nothing of it is known."""

    kind: Value | None
    period: Period
    ongoing: bool
    bar: Bar | None


@dataclass(frozen=True)
class Change:
    """What happened to a unit, and where that stands in the drawing, if it is known when."""

    thing: Value
    when: str
    x: int | None


@dataclass(frozen=True)
class Line:
    """A thing: by whom (or of what) it is, its times, its changes; `y` is its middle in the drawing."""

    thing: Value
    short: str
    label: str
    who: tuple[Value, ...]
    spans: tuple[Span, ...]
    changes: tuple[Change, ...]
    dated: bool
    y: int


@dataclass(frozen=True)
class Chart:
    """A part of the timeline (`units`, `projects`, `events`): `count` things, a time is known of `dated` of them.

    `ticks` are years and where they stand; `more` things are neither drawn nor in the table.
    """

    part: str
    segment: str
    lines: tuple[Line, ...]
    count: int
    dated: int
    more: int
    ticks: tuple[tuple[int, int], ...]
    labels: int
    width: int
    height: int

    @property
    def drawn(self) -> tuple[Line, ...]:
        """The lines of which a time is known."""
        return tuple(line for line in self.lines if line.dated)


@dataclass(frozen=True)
class TimelinePage:
    """The timeline; a part of which nothing is known is left out. `height` is that of all parts in one drawing."""

    charts: tuple[Chart, ...]
    first: int
    last: int
    width: int
    height: int


@dataclass(frozen=True)
class _Scale:
    """Where a year stands in a drawing."""

    first: int
    last: int

    def x(self, year: float) -> int:
        return round(LABELS + (year - self.first) / (self.last - self.first) * (WIDTH - LABELS - STUB))

    def ticks(self) -> tuple[tuple[int, int], ...]:
        span = self.last - self.first
        step = next((step for step in STEPS if span / step <= MAX_TICKS), STEPS[-1])
        start = -(-self.first // step) * step
        return tuple((year, self.x(year)) for year in range(start, self.last + 1, step))


def timeline(site: Site) -> TimelinePage:
    """The timeline of a release."""
    found = overview.read(site.release)["timeline"]
    charts = (
        _chart(site, "units", "unit", found["units"]),
        _chart(site, "projects", "project", found["projects"]),
        _chart(site, "events", "event", found["events"]),
    )
    shown = tuple(chart for chart in charts if chart.count)
    years = [year for part in (found["units"], found["projects"], found["events"]) for year in _years(part)]
    first, last = (min(years), max(years)) if years else (0, 0)
    return TimelinePage(shown, first, last, WIDTH, sum(chart.height + 40 for chart in shown) + 10)


def _years(part: Part) -> list[int]:
    stated = [text for line in part["lines"] for span in line["spans"] for text in (span["start"], span["end"])]
    stated += [change["when"] for line in part["lines"] for change in line["changes"]]
    return [int(match[1]) for text in stated if (match := _DATE.fullmatch(text))]


def _chart(site: Site, name: str, segment: str, part: Part) -> Chart:
    years = _years(part)
    this_year = int(site.release.issued[:4])
    ongoing = any(span["ongoing"] for line in part["lines"] for span in line["spans"])
    last = max([*years, *([this_year] if ongoing else [])], default=0) + 1
    scale, value = _Scale(min(years, default=0), last), cache(lambda iri: terms.value(site, NamedNode(iri)))
    lines, drawn = [], 0
    for line in part["lines"]:
        spans = tuple(_span(value, scale, span) for span in line["spans"])
        changes = tuple(_change(value, scale, change) for change in line["changes"])
        dated = any(span.bar for span in spans) or any(change.x is not None for change in changes)
        thing, short = value(line["thing"]), line["short"]
        lines.append(
            Line(
                thing,
                short,
                _cut(f"{short} \N{MIDDLE DOT} {thing.text}" if short else thing.text),
                tuple(sorted((value(iri) for iri in line["who"]), key=lambda who: who.text.casefold())),
                spans,
                changes,
                dated,
                TOP + drawn * ROW + ROW // 2 if dated else 0,
            )
        )
        drawn += dated
    more = part["count"] - len(lines)
    ticks = scale.ticks() if years else ()
    height = TOP + drawn * ROW + 6
    return Chart(name, segment, tuple(lines), part["count"], part["dated"], more, ticks, LABELS, WIDTH, height)


def _cut(label: str) -> str:
    """A label that fits beside the bars.

    >>> _cut("x" * 100) == "x" * 39 + "…"
    True
    """
    if len(label) <= LABEL_CHARACTERS:
        return label
    return label[: LABEL_CHARACTERS - 1].rstrip(" ,.-") + "\N{HORIZONTAL ELLIPSIS}"


def _span(value: Named, scale: _Scale, span: overview.Span) -> Span:
    kind = value(span["kind"]) if span["kind"] else None
    return Span(kind, Period(span["start"], span["end"]), span["ongoing"], _bar(scale, span))


def _bar(scale: _Scale, span: overview.Span) -> Bar | None:
    """From the beginning of the start to the end of the end; a side that is not known is left open.

    What is said to go on reaches the edge, whatever else is unknown ends with the year that is known.
    """
    begins, ends = extent(span["start"]), extent(span["end"])
    if begins is None and ends is None:
        return None
    known = (begins or ends, ends or begins)
    assert known[0] and known[1]
    start = scale.x(known[0][0])
    end = scale.x(scale.last) if span["ongoing"] and begins else scale.x(known[1][1])
    open_end = ends is None and not span["ongoing"]
    return Bar(start, max(end - start, 4), begins is None, open_end, span["ongoing"] and begins is not None)


def extent(date: str) -> tuple[float, float] | None:
    """When a date of XML Schema begins and ends, in years; None where it is none.

    >>> extent("2020"), extent("2020-07"), extent("soon")
    ((2020.0, 2021.0), (2020.5, 2020.5833333333333), None)
    """
    match = _DATE.fullmatch(date)
    if match is None:
        return None
    begin, length = float(match[1]), 1.0
    if match[2]:
        begin, length = begin + (int(match[2]) - 1) / 12, 1 / 12
    if match[3]:
        begin, length = begin + (int(match[3]) - 1) / 372, 1 / 372
    return begin, begin + length


def _change(value: Named, scale: _Scale, change: overview.Happening) -> Change:
    found = extent(change["when"])
    return Change(value(change["change"]), change["when"], scale.x(found[0]) if found else None)


def table(page: TimelinePage) -> Table:
    """A line for each time, each change and each event."""
    rows: list[tuple[Term | None, ...]] = []
    for chart in page.charts:
        for line in chart.lines:
            for span in line.spans or (Span(None, Period(), False, None),):
                rows.append(_solution(chart.part, line.thing, span.kind, span.period, span.ongoing))
            for change in line.changes:
                rows.append(_solution("changes", line.thing, change.thing, Period(change.when), False))
    return Table(("part", "iri", "label", "what", "start", "end", "ongoing"), tuple(rows))


def _solution(part: str, thing: Value, what: Value | None, period: Period, ongoing: bool) -> tuple[Term | None, ...]:
    return (
        Literal(part),
        NamedNode(thing.iri or ""),
        Literal(thing.text),
        Literal(what.text) if what else None,
        Literal(period.start) if period.start else None,
        Literal(period.end) if period.end else None,
        Literal(ongoing),
    )


def as_dict(page: TimelinePage) -> dict[str, object]:
    """The timeline for a program."""
    return {
        chart.part: {
            "count": chart.count,
            "dated": chart.dated,
            "things": [
                {
                    "iri": line.thing.iri,
                    "label": line.thing.text,
                    "times": [
                        {
                            "what": span.kind.iri if span.kind else None,
                            "start": span.period.start or None,
                            "end": span.period.end or None,
                            "ongoing": span.ongoing,
                        }
                        for span in line.spans
                    ],
                    "changes": [{"iri": change.thing.iri, "when": change.when or None} for change in line.changes],
                }
                for line in chart.lines
            ],
        }
        for chart in page.charts
    }
