"""The strategy at a glance: directions and key initiatives by unit, with the projects in each cell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from pyoxigraph import Literal, NamedNode

from unitgraph import overview
from unitgraph.answers import Table, Term
from unitgraph.network import wrapped
from unitgraph.overview import Cell, Row, Tie
from unitgraph.resources import listing, parts, terms
from unitgraph.resources.parts import Evidence
from unitgraph.resources.terms import Value
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, term

MAX_DIRECTIONS, MAX_INITIATIVES = 12, 12  #: columns: directions, and initiatives of each
MAX_TIES = 400  #: projects named below the table in all


@dataclass(frozen=True)
class Number:
    """How many projects count, how many are tied to the aim without counting; `anchor` is where they are named."""

    count: int = 0
    weak: int = 0
    anchor: str = ""


@dataclass(frozen=True)
class Column:
    """An aim: a key initiative, or a direction (`outright`: what serves the direction, and none of its initiatives).

    `total` counts each project once; in a `gap` there is none.
    """

    key: str
    number: str
    aim: Value
    outright: bool
    total: Number
    gap: bool


@dataclass(frozen=True)
class Direction:
    """A direction and its columns; `lines` is what stands above them in the drawing."""

    number: str
    aim: Value
    lines: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Line:
    """A row: who, how many projects in all, a number for each column, and what serves none of them."""

    key: str
    unit: Value | None
    short: str
    projects: int
    cells: tuple[Number, ...]
    none: Number


@dataclass(frozen=True)
class Group:
    """The rows of units, of organisations, or of what nobody is said to carry out (`unit`, `organisation`, empty)."""

    kind: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Tied:
    """A project in a cell: on what basis it is there, how sure that is, whether it counts."""

    project: Value
    bases: tuple[Value, ...]
    evidence: Evidence | None
    counts: bool


@dataclass(frozen=True)
class Entry:
    """A cell spelled out; `more` projects are not named."""

    anchor: str
    unit: Value | None
    short: str
    projects: tuple[Tied, ...]
    more: int


@dataclass(frozen=True)
class Section:
    """A column spelled out; without a column, what serves no aim."""

    column: Column | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class MatrixPage:
    """The matrix; `projects`, `units` and `units_with` count all, `more` rows are not shown."""

    directions: tuple[Direction, ...]
    groups: tuple[Group, ...]
    sections: tuple[Section, ...]
    gaps: tuple[Column, ...]
    initiatives: int
    projects: int
    none: Number
    units: int
    units_with: int
    more: int
    weak: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of all directions."""
        return tuple(column for direction in self.directions for column in direction.columns)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The rows of all groups."""
        return tuple(line for group in self.groups for line in group.lines)


def matrix(site: Site) -> MatrixPage:
    """The matrix of a release."""
    found = overview.read(site.release)["matrix"]
    totals = {aim: Number(firm, weak) for aim, (firm, weak) in found["totals"].items()}
    directions = tuple(_direction(site, node, totals) for node in _directions(site))
    columns = tuple(column for direction in directions for column in direction.columns)
    lines = [(row, _line(site, row, columns)) for row in found["rows"]]
    kinds = ("unit", "organisation", "")
    groups = [Group(kind, tuple(line for row, line in lines if _kind(site, row) == kind)) for kind in kinds]
    initiatives = [column for column in columns if not column.outright]
    return MatrixPage(
        directions,
        tuple(group for group in groups if group.lines),
        tuple(_sections(site, columns, lines)),
        tuple(column for column in initiatives if column.gap),
        len(initiatives),
        found["projects"],
        totals[""],
        found["units"],
        found["units_with"],
        found["all_rows"] - len(lines),
        any(number.weak for number in totals.values()),
    )


def _directions(site: Site) -> list[NamedNode]:
    members = listing.members(site, "direction") if "direction" in site.kinds else ()
    return list(members[:MAX_DIRECTIONS])


def _direction(site: Site, node: NamedNode, totals: dict[str, Number]) -> Direction:
    narrower = [n for n in terms.objects(site, node, term("skos:narrower")) if isinstance(n, NamedNode)]
    initiatives = sorted(narrower, key=lambda n: [*_number_key(_number(site, n)), n.value])[:MAX_INITIATIVES]
    columns = [_column(site, initiative, totals) for initiative in initiatives]
    if node.value in totals:
        columns.append(_column(site, node, totals, outright=True))
    aim = terms.value(site, node)
    lines = wrapped(aim.text, 6 * len(columns) - 2, 2) if len(columns) > 2 else ()
    return Direction(_number(site, node), aim, lines, tuple(columns))


def _column(site: Site, node: NamedNode, totals: dict[str, Number], *, outright: bool = False) -> Column:
    total = totals.get(node.value, Number())
    number = _number(site, node)
    return Column(_key(site, node.value), number, terms.value(site, node), outright, total, not total.count)


def _number(site: Site, node: NamedNode) -> str:
    number = terms.text(site, node, NOTATION)
    return number.value if number else terms.label(site, node).value


def _number_key(number: str) -> list[str]:
    """Sorts 1.10 after 1.9."""
    return [part.zfill(9) for part in number.split(".")]


def _key(site: Site, iri: str) -> str:
    """The name of a thing in the anchors of this page."""
    return iri.removeprefix(site.base).replace("/", "-") or "nobody"


def _kind(site: Site, row: Row) -> str:
    if not row["unit"]:
        return ""
    return "unit" if row["unit"].startswith(f"{site.base}unit/") else "organisation"


def _line(site: Site, row: Row, columns: tuple[Column, ...]) -> Line:
    unit = terms.value(site, NamedNode(row["unit"])) if row["unit"] else None
    key = _key(site, row["unit"])
    by_aim = {cell["aim"]: cell for cell in row["cells"]}
    cells = tuple(_cell(by_aim.get(column.aim.iri or ""), f"{column.key}--{key}") for column in columns)
    return Line(key, unit, _short(site, row["unit"]), row["projects"], cells, _cell(by_aim.get(""), f"none--{key}"))


def _short(site: Site, iri: str) -> str:
    """The acronym of a unit, or an empty text."""
    found = terms.texts(site, NamedNode(iri), NOTATION) if iri else ()
    return min((text.value for text in found), default="")


def _cell(cell: Cell | None, anchor: str) -> Number:
    return Number(cell["count"], cell["weak"], anchor) if cell else Number()


def _sections(site: Site, columns: tuple[Column, ...], lines: list[tuple[Row, Line]]) -> list[Section]:
    """The cells spelled out, by column; no more projects are named than a page bears."""
    named = count()
    by_aim = [({cell["aim"]: cell for cell in row["cells"]}, line) for row, line in lines]
    sections = []
    for column in (*columns, None):
        aim = (column.aim.iri or "") if column else ""
        entries = tuple(
            _entry(site, cells[aim], line, f"{column.key if column else 'none'}--{line.key}", named)
            for cells, line in by_aim
            if aim in cells
        )
        sections.append(Section(column, entries))
    return [section for section in sections if section.entries or section.column]


def _entry(site: Site, cell: Cell, line: Line, anchor: str, named: count[int]) -> Entry:
    ties = [(tie, True) for tie in cell["ties"]] + [(tie, False) for tie in cell["weak_ties"]]
    shown = tuple(_tied(site, tie, counts) for tie, counts in ties if next(named) < MAX_TIES)
    return Entry(anchor, line.unit, line.short, shown, cell["count"] + cell["weak"] - len(shown))


def _tied(site: Site, tie: Tie, counts: bool) -> Tied:
    contributions = [NamedNode(iri) for iri in tie["contributions"][: parts.MAX_SOURCES]]
    bases = {basis.iri: basis for node in contributions for basis in parts.some(site, node, term("ug:basis"))}
    evidence = parts.evidence(site, contributions[0]) if contributions else None
    return Tied(terms.value(site, NamedNode(tie["project"])), tuple(bases.values()), evidence, counts)


def table(page: MatrixPage) -> Table:
    """The matrix for a spreadsheet: a line for each row, and one for all; what does not count in columns of its own."""
    weak = [i for i, column in enumerate(page.columns) if column.total.weak]
    names = [f"{column.number} outright" if column.outright else column.number for column in page.columns]
    head = ("iri", "acronym", "label", *names, "no aim", "projects", *(f"{names[i]} not counted" for i in weak))
    rows = [
        _solution(
            line.unit,
            line.short,
            [*(cell.count for cell in line.cells), line.none.count, line.projects, *(line.cells[i].weak for i in weak)],
        )
        for line in page.lines
    ]
    totals = [column.total for column in page.columns]
    last = [*(total.count for total in totals), page.none.count, page.projects, *(totals[i].weak for i in weak)]
    return Table(head, (*rows, _solution(None, "all", last)))


def _solution(unit: Value | None, short: str, numbers: list[int]) -> tuple[Term | None, ...]:
    iri = NamedNode(unit.iri) if unit and unit.iri else None
    return (iri, Literal(short), Literal(unit.text if unit else ""), *(Literal(number) for number in numbers))


def as_dict(page: MatrixPage) -> dict[str, object]:
    """The matrix for a program: the aims, and for each unit the projects in its cells."""
    cells: dict[str, list[dict[str, object]]] = {line.key: [] for line in page.lines}
    for section in page.sections:
        for entry in section.entries:
            key = entry.anchor.partition("--")[2]
            cells[key].append(
                {
                    "aim": section.column.aim.iri if section.column else None,
                    "projects": [{"iri": t.project.iri, "counts": t.counts} for t in entry.projects],
                    "more": entry.more,
                }
            )
    return {
        "aims": [
            {
                "iri": column.aim.iri,
                "number": column.number,
                "label": column.aim.text,
                "direction": direction.aim.iri,
                "projects": column.total.count,
                "notCounted": column.total.weak,
            }
            for direction in page.directions
            for column in direction.columns
        ],
        "rows": [
            {
                "iri": line.unit.iri if line.unit else None,
                "label": line.unit.text if line.unit else "",
                "projects": line.projects,
                "cells": cells[line.key],
            }
            for line in page.lines
        ],
        "projects": page.projects,
        "withoutAim": page.none.count,
        "moreRows": page.more,
    }
