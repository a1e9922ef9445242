"""What a resource can answer: a graph, a table, a truth or a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

Term: TypeAlias = NamedNode | BlankNode | Literal | Triple


@dataclass(frozen=True)
class Graph:
    """RDF triples about `subject`, in the order they should be written."""

    subject: str
    triples: tuple[Triple, ...]


@dataclass(frozen=True)
class Table:
    """SPARQL solutions: one term or None for each variable (SPARQL 1.1 §18.2)."""

    variables: tuple[str, ...]
    solutions: tuple[tuple[Term | None, ...], ...]


@dataclass(frozen=True)
class Truth:
    """The answer of an ASK query."""

    value: bool


@dataclass(frozen=True)
class File:
    """A file of the release, sent as it is."""

    path: Path
    media_type: str


Answer: TypeAlias = Graph | Table | Truth | File
