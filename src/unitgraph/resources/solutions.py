"""Queries asked for a page: the engine's solutions with labels, the first of them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from pyoxigraph import (
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    parse,
    parse_query_results,
)

from unitgraph import formats
from unitgraph.answers import Term
from unitgraph.engine import Stream
from unitgraph.errors import QueryFailed
from unitgraph.resources import terms
from unitgraph.resources.explain import Explanation
from unitgraph.resources.terms import Value
from unitgraph.site import Site

MAX_ROWS = 1_000  #: solutions on a page; the other formats have all


@dataclass(frozen=True)
class Solutions:
    """The answer to a query on a page: a truth, or a table with the first rows."""

    variables: tuple[str, ...]
    rows: tuple[tuple[Value | None, ...], ...]
    more: bool
    truth: bool | None = None


@dataclass(frozen=True)
class SparqlPage:
    """The form for a query, with its answer or what is wrong with it; `parameters` repeat the request.

    `formats` are suffixes and names of the formats in which the whole answer can be had; `explanation` is
    what was found out about the query, where that was asked for instead of the answer.
    """

    text: str
    solutions: Solutions | None = None
    problem: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    formats: tuple[tuple[str, str], ...] = ()
    explanation: Explanation | None = None


def ask(
    site: Site,
    text: str,
    bindings: Mapping[str, Term] | None = None,
    default_graphs: tuple[str, ...] = (),
    named_graphs: tuple[str, ...] = (),
    timeout_seconds: float | None = None,
    client: str = "",
) -> Solutions:
    """Ask the engine, for a client, and read the first solutions, or the first triples of a graph.

    Raises:
        RequestError, EngineError: as the engine does.
    """
    stream = site.engine.ask(
        site.release.folder,
        text,
        solutions_format=formats.SPARQL_JSON,
        graph_format=formats.N_TRIPLES,
        default_graphs=default_graphs,
        named_graphs=named_graphs,
        timeout_seconds=timeout_seconds,
        substitutions=dict(bindings or {}),
        client=client,
    )
    with closing(_Reader(stream)) as reader:
        try:
            return _read(site, stream, reader)
        except SyntaxError as error:
            raise reader.failure or QueryFailed("the answer of the engine could not be read") from error
        except OSError as error:
            raise reader.failure or error from error


def _read(site: Site, stream: Stream, reader: _Reader) -> Solutions:
    source = io.BufferedReader(reader)
    if stream.media_type == formats.N_TRIPLES:
        triples = list(islice(parse(source, format=RdfFormat.N_TRIPLES), MAX_ROWS + 1))
        rows: list[tuple[Term | None, ...]] = [(t.subject, t.predicate, t.object) for t in triples]
        return _table(site, ("subject", "predicate", "object"), rows)
    answer = parse_query_results(source, format=QueryResultsFormat.JSON)
    if isinstance(answer, QueryBoolean):
        return Solutions((), (), False, bool(answer))
    return _table(site, *_first(answer))


def _first(answer: QuerySolutions) -> tuple[tuple[str, ...], list[tuple[Term | None, ...]]]:
    variables = tuple(variable.value for variable in answer.variables)
    # one solution more than is shown tells whether there are more
    return variables, [tuple(solution) for solution in islice(answer, MAX_ROWS + 1)]


def _table(site: Site, variables: tuple[str, ...], rows: list[tuple[Term | None, ...]]) -> Solutions:
    known: dict[Term, Value] = {}

    def shown(one: Term | None) -> Value | None:
        if one is None:
            return None
        if one not in known:
            known[one] = terms.value(site, one)
        return known[one]

    cells = tuple(tuple(shown(one) for one in row) for row in rows[:MAX_ROWS])
    return Solutions(variables, cells, len(rows) > MAX_ROWS)


class _Reader(io.RawIOBase):
    """The chunks of a stream as a file; keeps the failure that ended it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.chunks: Iterator[bytes] = stream.chunks
        self.rest = b""
        self.failure: QueryFailed | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # typeshed: WriteableBuffer
        if not self.rest:
            try:
                self.rest = next(self.chunks, b"")
            except QueryFailed as failure:
                self.failure = failure
                raise OSError(str(failure)) from failure
        count = min(len(buffer), len(self.rest))
        buffer[:count], self.rest = self.rest[:count], self.rest[count:]
        return count

    def close(self) -> None:
        end = getattr(self.chunks, "close", None)
        if end:
            end()
        super().close()
