"""A release taken apart into records, each of which is published, changes and goes as one.

A thing is a record: every quad of which it is the subject, whatever file it stands in. So is what is left of each named
graph: the ontology, the shapes, the catalogue, the report. Together the records hold every quad once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from unitgraph.vocab import RDF_TYPE, term

GRAPH = "graph"  #: the kind of what is left of a named graph
SETS = ("direction", "unit")  #: of things of these kinds what refers to them is a set

_TYPE = f"<{RDF_TYPE.value}>".encode()
_SEGMENT = f" <{term('ug:segment').value}> ".encode()


@dataclass(frozen=True)
class Record:
    """The sorted N-Quads lines of one record; `path` is its IRI without the base, `kind` its segment or `graph`."""

    path: str
    kind: str
    lines: tuple[bytes, ...]

    def sets(self, base: str) -> tuple[str, ...]:
        """The things of the kinds in `SETS` that the record refers to or is: `direction/1`, `unit/arl`."""
        start = f"<{base}".encode()
        found = {self.path} if self.kind in SETS else set()
        for line in self.lines:
            value = line.split(b" ", 2)[2]
            if value.startswith(start):
                path = value[len(start) : value.index(b">")].decode()
                if path.partition("/")[0] in SETS:
                    found.add(path)
        return tuple(sorted(found))


def records(lines: Iterable[bytes], base: str) -> Iterator[Record]:
    """The records of sorted N-Quads without line ends: things in the order of their IRIs, then graphs in theirs.

    A thing is of a class that has a segment, and its IRI is below it.
    """
    lines = list(lines)
    segments = dict(_segments(lines))
    start, rest = f"<{base}".encode(), dict[bytes, list[bytes]]()
    for subject, run in groupby(lines, _subject):
        own = list(run)
        kind = _kind(subject, own, segments, start) if subject.startswith(start) else None
        if kind is not None:
            yield Record(subject[len(start) : -1].decode(), kind, tuple(own))
            continue
        for line in own:
            rest.setdefault(line[line.rindex(b" <") + 2 : -3], []).append(line)
    prefix = base.encode()
    for graph, own in sorted(rest.items()):
        yield Record(graph.removeprefix(prefix).decode(), GRAPH, tuple(own))


def _subject(line: bytes) -> bytes:
    return line[: line.index(b" ")]


def _segments(lines: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    for line in lines:
        if _SEGMENT in line and (found := re.match(rb'(<[^>]*>) <[^>]*> "([^"]*)"', line)):
            yield found[1], found[2].decode()


def _kind(subject: bytes, own: Iterable[bytes], segments: dict[bytes, str], start: bytes) -> str | None:
    for line in own:
        _, predicate, rest = line.split(b" ", 2)
        if predicate == _TYPE:
            segment = segments.get(rest[: rest.index(b">") + 1])
            if segment is not None and subject.startswith(start + segment.encode() + b"/"):
                return segment
    return None
