"""In which languages the things of each kind have labels, as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pyoxigraph import Literal

from unitgraph import coverage
from unitgraph.answers import Table
from unitgraph.errors import NotFound
from unitgraph.resources import listing
from unitgraph.site import Site
from unitgraph.vocab import term

INTEGER = term("xsd:integer")


@dataclass(frozen=True)
class Cell:
    """How many things have a label in a language; `percent` of all, rounded down, so that 100 means all."""

    count: int
    percent: int


@dataclass(frozen=True)
class KindRow:
    """The things of one kind: the segment and name of its list, how many there are, a cell for each language."""

    segment: str
    name: str
    count: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class CoveragePage:
    """The languages (first subtags, those of the interface first), a row for each kind, and all of them together."""

    languages: tuple[str, ...]
    rows: tuple[KindRow, ...]
    total: KindRow


def page(site: Site, first: tuple[str, ...]) -> CoveragePage:
    """The table of languages and kinds.

    Args:
        first: the languages of the interface, which come first and are there even if nothing has a label in them.

    Raises:
        NotFound: files are published as they are.
    """
    if site.release.from_files:
        raise NotFound("files are published here as they are; what their things are called is not counted")
    found = coverage.of(site.release)
    everywhere: Counter[str] = Counter()
    for _, labels in found.values():
        everywhere.update(labels)
    others = sorted(everywhere.keys() - set(first), key=lambda tag: (-everywhere[tag], tag))
    languages = (*first, *others)
    rows = [_row(segment, listing.title(site, segment), *found[segment], languages) for segment in found]
    total = sum(count for count, _ in found.values())
    return CoveragePage(languages, tuple(rows), _row("", "", total, everywhere, languages))


def _row(segment: str, name: str, count: int, labels: dict[str, int], languages: tuple[str, ...]) -> KindRow:
    cells = tuple(Cell(labels.get(tag, 0), 100 * labels.get(tag, 0) // max(1, count)) for tag in languages)
    return KindRow(segment, name, count, cells)


def table(found: CoveragePage) -> Table:
    """The same for a spreadsheet: a row for each kind and language."""
    rows = [
        (
            Literal(row.segment),
            Literal(tag),
            Literal(str(cell.count), datatype=INTEGER),
            Literal(str(row.count), datatype=INTEGER),
        )
        for row in found.rows
        for tag, cell in zip(found.languages, row.cells, strict=True)
    ]
    return Table(("kind", "language", "labelled", "things"), tuple(rows))
