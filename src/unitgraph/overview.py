"""What the matrix, the timeline and the network show: counted once, when a release is built.

A release without the file, which older software wrote, is counted when it is first asked.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import TypedDict, cast

from pyoxigraph import Literal, NamedNode, Store

from unitgraph.network import Network, network
from unitgraph.release import OVERVIEW, Release
from unitgraph.vocab import RDF_TYPE, term

FORM = 1  #: of the file; one in another form is not read
MAX_ROWS = 100  #: of the matrix, and of each part of the timeline
MAX_NAMED = 10  #: projects that are named in a cell; all are counted

#: From a change to the units that underwent it, that ended in it, that came out of it.
CHANGES = ("ug:changed", "org:originalOrganization", "org:resultingOrganization")


class Tie(TypedDict):
    """A project in a cell, and the contributions that tie it to the aim."""

    project: str
    contributions: list[str]


class Cell(TypedDict):
    """What one unit does for one aim: how many projects count, how many are tied to it but do not.

    The aim is a key initiative, a direction (of what serves none of its initiatives), or empty (of what serves
    none). Of the ties the first are named, those that count before the others.
    """

    aim: str
    count: int
    weak: int
    ties: list[Tie]
    weak_ties: list[Tie]


class Row(TypedDict):
    """A unit or organisation, or those projects that nobody is said to carry out (an empty name)."""

    unit: str
    projects: int
    cells: list[Cell]


class Matrix(TypedDict):
    """Rows that serve most aims first; `totals` count each project once, by aim: what counts, and what does not."""

    rows: list[Row]
    all_rows: int
    projects: int
    units: int
    units_with: int
    totals: dict[str, list[int]]


class Span(TypedDict):
    """A time: of what kind (an IRI, or empty), from, until, whether it is said to go on."""

    kind: str
    start: str
    end: str
    ongoing: bool


class Happening(TypedDict):
    """A change, and when it was (or an empty text)."""

    change: str
    when: str


class Line(TypedDict):
    """A thing on the timeline: its acronym, by whom it is (or of what), its times, the changes that it underwent."""

    thing: str
    short: str
    who: list[str]
    spans: list[Span]
    changes: list[Happening]


class Part(TypedDict):
    """Part of the timeline: how many things there are, for how many a time is known, and the latest of them."""

    count: int
    dated: int
    lines: list[Line]


class Timeline(TypedDict):
    """Units, projects, events."""

    units: Part
    projects: Part
    events: Part


class Overview(TypedDict):
    """Everything that is counted."""

    form: int
    matrix: Matrix
    timeline: Timeline
    network: Network


def to_bytes(store: Store) -> bytes:
    """The file of a release."""
    return json.dumps(overview(store), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def overview(store: Store) -> Overview:
    """Count everything."""
    return {"form": FORM, "matrix": matrix(store), "timeline": timeline(store), "network": network(store)}


@lru_cache(maxsize=8)
def read(release: Release) -> Overview:
    """What was counted of a release when it was built, or is now."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((release.folder / OVERVIEW).read_bytes())
        if found["form"] == FORM:
            return cast(Overview, found)
    return cast(Overview, json.loads(to_bytes(release.store)))


# The matrix ------------------------------------------------------------------------------------------------


def matrix(store: Store) -> Matrix:
    """Projects by who carries them out and which aim of the strategy they serve.

    A project counts for an aim where the rules say that it contributes to it.
    """
    projects = _of_class(store, "ug:Project")
    carriers = {project: objects or {""} for project, objects in _objects(store, "ug:carriedOutBy", projects).items()}
    firm = _aims(store, projects)
    weak, contributions = _contributions(store, projects)
    by_unit: dict[str, set[str]] = defaultdict(set)
    for project, units in carriers.items():
        for unit in units:
            by_unit[unit].add(project)
    units = _of_class(store, "ug:Unit")
    rows: list[Row] = [
        {"unit": unit, "projects": len(own), "cells": _cells(own, firm, weak, contributions)}
        for unit, own in by_unit.items()
    ]
    rows.sort(key=_row_key)
    aims = {aim for found in (*firm.values(), *weak.values()) for aim in found}
    return {
        "rows": rows[:MAX_ROWS],
        "all_rows": len(rows),
        "projects": len(projects),
        "units": len(units),
        "units_with": len(units & by_unit.keys()),
        "totals": {
            aim: [sum(aim in found for found in firm.values()), sum(aim in found for found in weak.values())]
            for aim in sorted(aims | {""})
        },
    }


def _row_key(row: Row) -> tuple[bool, int, int, str]:
    """Those who do most for the strategy first, then those who do most; what nobody does last."""
    serving = sum(cell["count"] for cell in row["cells"] if cell["aim"])
    return (not row["unit"], -serving, -row["projects"], row["unit"])


def _aims(store: Store, projects: set[str]) -> dict[str, set[str]]:
    """The aims that each project serves: initiatives, directions of which it serves no initiative; else none ("")."""
    initiatives = _objects(store, "ug:contributesTo", projects)
    directions = _objects(store, "ug:contributesToDirection", projects)
    broader = {aim: _values(store, aim, "skos:broader") for aim in set().union(*initiatives.values())}
    firm = {}
    for project in projects:
        covered = {direction for initiative in initiatives[project] for direction in broader[initiative]}
        firm[project] = initiatives[project] | (directions[project] - covered) or {""}
    return firm


def _contributions(store: Store, projects: set[str]) -> tuple[dict[str, set[str]], dict[tuple[str, str], list[str]]]:
    """Aims to which projects are tied without counting for them, and the contributions behind each tie."""
    aims = _of_class(store, "ug:KeyInitiative") | _of_class(store, "ug:Direction")
    served = _objects(store, "ug:contributesTo", projects)
    for project, directions in _objects(store, "ug:contributesToDirection", projects).items():
        served[project] |= directions
    weak: dict[str, set[str]] = defaultdict(set)
    behind: dict[tuple[str, str], list[str]] = defaultdict(list)
    for quad in store.quads_for_pattern(None, term("ug:contributionOf"), None):
        if not isinstance(quad.subject, NamedNode) or not isinstance(quad.object, NamedNode):
            continue
        project = quad.object.value
        for aim in _values(store, quad.subject.value, "ug:towards") & aims if project in projects else ():
            behind[project, aim].append(quad.subject.value)
            if aim not in served[project]:
                weak[project].add(aim)
    return weak, behind


def _cells(
    own: set[str], firm: dict[str, set[str]], weak: dict[str, set[str]], behind: dict[tuple[str, str], list[str]]
) -> list[Cell]:
    counting: dict[str, list[str]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for project in sorted(own):
        for aim in firm[project]:
            counting[aim].append(project)
        for aim in weak.get(project, ()):
            others[aim].append(project)

    def ties(found: list[str], aim: str) -> list[Tie]:
        return [{"project": p, "contributions": sorted(behind.get((p, aim), ()))} for p in found[:MAX_NAMED]]

    return [
        {
            "aim": aim,
            "count": len(counting.get(aim, ())),
            "weak": len(others.get(aim, ())),
            "ties": ties(counting.get(aim, []), aim),
            "weak_ties": ties(others.get(aim, []), aim),
        }
        for aim in sorted(counting.keys() | others.keys())
    ]


# The timeline ----------------------------------------------------------------------------------------------


def timeline(store: Store) -> Timeline:
    """Units with their standings and changes, projects, events; each with the times that are stated of it."""
    units, projects, events = (_of_class(store, f"ug:{name}") for name in ("Unit", "Project", "Event"))
    standings, changes = _backwards(store, "ug:standingOf"), _backwards(store, *CHANGES)
    return {
        "units": _part(
            _line(store, unit, _standings(store, unit, standings[unit]), changes=_happenings(store, changes[unit]))
            for unit in units
        ),
        "projects": _part(_line(store, p, [_span(store, p)], "ug:carriedOutBy") for p in projects),
        "events": _part(_line(store, event, [_span(store, event)], "ug:eventOf") for event in events),
    }


def _line(store: Store, thing: str, spans: list[Span], by: str = "", changes: Iterable[Happening] = ()) -> Line:
    return {
        "thing": thing,
        "short": min(_literals(store, thing, "skos:notation"), default=""),
        "who": sorted(_values(store, thing, by))[:MAX_NAMED] if by else [],
        "spans": spans,
        "changes": list(changes),
    }


def _standings(store: Store, unit: str, found: set[str]) -> list[Span]:
    """What a unit was, and when; of a unit whose standings have no time, also its own."""
    spans = []
    for standing in sorted(found):
        span = _span(store, standing)
        span["kind"] = min(_values(store, standing, "ug:standingKind"), default="")
        spans.append(span)
    if not _first(spans):
        own = _span(store, unit)
        spans += [own] if _first([own]) else []
    for span in spans:
        span["ongoing"] = not span["end"]  # the rules, too, take it that what has no end holds
    return sorted(spans, key=lambda span: (not _first([span]), _first([span]), span["kind"]))


def _span(store: Store, thing: str) -> Span:
    """When a thing began and ended; it goes on only where its state says so."""
    start, end = (min(_literals(store, thing, name), default="") for name in ("ug:start", "ug:end"))
    state = min(_values(store, thing, "ug:state"), default="")
    return {"kind": "", "start": start, "end": end, "ongoing": not end and state.endswith("/state/ongoing")}


def _happenings(store: Store, changes: set[str]) -> list[Happening]:
    """Changes in order of time."""
    found = [(_span(store, change), change) for change in changes]
    whens = sorted((span["start"] or span["end"], change) for span, change in found)
    return [{"change": change, "when": when} for when, change in whens]


def _first(spans: list[Span], changes: Iterable[Happening] = ()) -> str:
    """The earliest time that is stated, or an empty text."""
    stated = [span["start"] or span["end"] for span in spans] + [change["when"] for change in changes]
    return min((time for time in stated if time), default="")


def _part(lines: Iterable[Line]) -> Part:
    """The latest of many, in order of time; those without one come last, and go first."""
    found = sorted(lines, key=lambda line: (_first(line["spans"], line["changes"]), line["thing"]))
    undated = [line for line in found if not _first(line["spans"], line["changes"])]
    dated = found[len(undated) :]
    latest = dated[-MAX_ROWS:]
    shown = latest + undated[: MAX_ROWS - len(latest)]
    return {"count": len(found), "dated": len(dated), "lines": shown}


# Look-ups --------------------------------------------------------------------------------------------------


def _of_class(store: Store, name: str) -> set[str]:
    quads = store.quads_for_pattern(None, RDF_TYPE, term(name))
    return {quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)}


def _objects(store: Store, predicate: str, subjects: set[str]) -> dict[str, set[str]]:
    """The values of a property, for each of these subjects."""
    found: dict[str, set[str]] = {subject: set() for subject in subjects}
    for quad in store.quads_for_pattern(None, term(predicate), None):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode) and quad.subject.value in found:
            found[quad.subject.value].add(quad.object.value)
    return found


def _backwards(store: Store, *predicates: str) -> dict[str, set[str]]:
    """The subjects that have each thing as a value."""
    found: dict[str, set[str]] = defaultdict(set)
    for predicate in predicates:
        for quad in store.quads_for_pattern(None, term(predicate), None):
            if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode):
                found[quad.object.value].add(quad.subject.value)
    return found


def _values(store: Store, subject: str, predicate: str) -> set[str]:
    quads = store.quads_for_pattern(NamedNode(subject), term(predicate), None)
    return {quad.object.value for quad in quads if isinstance(quad.object, NamedNode)}


def _literals(store: Store, subject: str, predicate: str) -> set[str]:
    quads = store.quads_for_pattern(NamedNode(subject), term(predicate), None)
    return {quad.object.value for quad in quads if isinstance(quad.object, Literal)}
