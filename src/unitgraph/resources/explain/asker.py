"""The engine asked for an explanation: what may be asked, how often, for how long, and what is told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, QueryResultsFormat, QuerySolutions, parse_query_results

from unitgraph import engine, formats
from unitgraph.answers import Term
from unitgraph.errors import EngineError, EngineUnavailable, QueryRefused, RequestError
from unitgraph.patterns import Element, Query
from unitgraph.resources.explain import nearest
from unitgraph.site import Site

SECONDS = 5.0  #: for one explanation
CALLS = 25  #: of the engine, for one explanation
OWN_SHARE = 0.4  #: of the seconds, for the query itself
LARGE = 10_000  #: solutions; an answer with fewer that came in time is not called costly
MAX_VALUES = 1_000  #: values of a property among which a near one is looked for
MAX_NAMES = 3  #: near names that a sentence gives
MAX_SHOWN = 5  #: values that a sentence names
UNUSED = "explained"  #: a variable of ours, and how others of ours begin


@dataclass(frozen=True)
class Finding:
    """One thing found out about a query.

    `kind` is what it is about. Where nothing is left: syntax, prefix, graphs, triple, block, filter, minus, union,
    graph, values, group, select, having, offset, limit, template. Why: iri, unused, literal, language, case,
    datatype, direction, variable, conflict. Costs: product, compared, path, everything, text, optionals, order
    and limit. `line` and `column` count from 1, None where no place is meant. `suggestion` is SPARQL to write
    instead, made of terms that exist; empty where there is none.
    """

    kind: str
    line: int | None
    column: int | None
    sentence: str
    suggestion: str = ""


@dataclass(frozen=True)
class Explanation:
    """What was found out about a query.

    `outcome` is empty, found (it has solutions), unfinished (the engine stopped it) or syntax. `complete` is
    False where the budget ended first or the query could not be taken apart; `summary` says so.
    """

    outcome: str
    summary: str
    findings: tuple[Finding, ...] = ()
    complete: bool = True


class Stopped(Exception):
    """The budget ended, or the engine gave up on a question of ours."""


class Unsure(Exception):
    """What we ask is not what the query says: better no explanation than a wrong one."""


@dataclass
class Asker:
    """Asks the engine over the data set of the request, until the budget ends."""

    site: Site
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]
    query: Query | None = None
    calls: int = field(default_factory=lambda: CALLS)
    ends: float = field(init=False)
    seconds: float = field(init=False)
    without_data_set: bool = False
    in_use: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: dict[tuple[str, bool], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seconds = min(SECONDS, self.site.settings.query_seconds)
        self.ends = time.monotonic() + self.seconds

    def own_answer(self, text: str) -> int | None:
        """How many solutions, or triples, the query itself has, up to `LARGE`; None if it took too long.

        Raises:
            QuerySyntaxError, QueryRefused, EngineUnavailable: as the engine does.
        """
        truth = engine.outline(text).verb == "ASK"
        stream = self._stream(text, formats.SPARQL_JSON if truth else formats.TSV, self.seconds * OWN_SHARE)
        if stream is None:
            return None
        rows, head = 0, b""
        with closing(stream):  # type: ignore[type-var]  # the chunks of a stream can be closed
            try:
                for chunk in stream:
                    head = (head + chunk)[:1_000] if truth else b""
                    rows += chunk.count(b"\n")
                    if rows > LARGE:
                        break
            except EngineError:
                return None
        if truth:
            return int(b"true" in head)
        return rows - 1 if engine.outline(text).verb == "SELECT" else rows

    def _stream(self, text: str, solutions_format: str, seconds: float) -> Iterator[bytes] | None:
        graphs = ((), ()) if self.without_data_set else (self.default_graphs, self.named_graphs)
        try:
            return self.site.engine.ask(
                self.site.release.folder,
                text,
                solutions_format=solutions_format,
                graph_format=formats.N_TRIPLES,
                default_graphs=graphs[0],
                named_graphs=graphs[1],
                timeout_seconds=seconds,
            ).chunks
        except EngineUnavailable:
            raise
        except EngineError:
            return None

    def used(self, role: str, namespace: str) -> tuple[str, ...]:
        """Names that are used as property, as class, or as a thing of a namespace; none if that takes long."""
        group = {
            "property": f"?{UNUSED}_s ?{UNUSED}_x ?{UNUSED}_o",
            "class": f"?{UNUSED}_s a ?{UNUSED}_x",
            "thing": f"{{ ?{UNUSED}_x a ?{UNUSED}_c }} UNION {{ ?{UNUSED}_s ?{UNUSED}_p ?{UNUSED}_x }} "
            f"FILTER(ISIRI(?{UNUSED}_x) && STRSTARTS(STR(?{UNUSED}_x), {Literal(namespace)}))",
        }.get(role)
        key = f"{role} {namespace}" if role == "thing" else role
        if group is None:
            return ()
        if key not in self.in_use:
            try:
                head, tail = f"SELECT DISTINCT ?{UNUSED}_x", f"LIMIT {nearest.MAX_CANDIDATES}"
                found = self.select(head, group, tail, share=0.3)
            except (Stopped, Unsure):
                found = []
            self.in_use[key] = tuple(one.value for (one,) in found if isinstance(one, NamedNode))
        return self.in_use[key]

    def select(self, head: str, group: str, tail: str = "", share: float = 1.0) -> list[tuple[Term | None, ...]]:
        """Solutions of a question of ours, with the prologue and the data set of the query.

        Raises:
            Stopped: the budget ended.
            Unsure: the engine does not take the question.
        """
        assert self.query is not None
        left = self.ends - time.monotonic()
        if self.calls < 1 or left < 0.05:
            raise Stopped
        self.calls -= 1
        data_set = "" if self.without_data_set else " ".join(token.text for token in self.query.data_set)
        text = f"{self.query.prologue}\n{head}\n{data_set}\nWHERE {{\n{group}\n}}\n{tail}"
        try:
            chunks = self._stream(text, formats.SPARQL_JSON, left * share)
            data = b"".join(chunks) if chunks is not None else b""
        except (EngineError, QueryRefused) as error:
            raise Stopped from error
        except RequestError as error:
            raise Unsure from error
        if not data:
            raise Stopped
        answer = parse_query_results(data, format=QueryResultsFormat.JSON)
        if isinstance(answer, QuerySolutions):
            return [tuple(solution) for solution in answer]
        return [(None,)] if answer else []

    def any(self, group: str) -> bool:
        """Whether a group has a solution; the same is not asked twice."""
        key = (group, self.without_data_set)
        if key not in self.told:
            self.told[key] = bool(self.select("ASK", group))
        return self.told[key]

    def values(self, expression: str, group: str, limit: int) -> list[Term]:
        """Different values of an expression over a group."""
        found = self.select(f"SELECT DISTINCT ({expression} AS ?{UNUSED})", group, f"LIMIT {limit}")
        return [one for (one,) in found if one is not None]

    def count(self, group: str, limit: int) -> int:
        """How many solutions a group has, up to a limit."""
        inner = f"{{ SELECT * WHERE {{\n{group}\n}} LIMIT {limit} }}"
        (found,) = self.select(f"SELECT (COUNT(*) AS ?{UNUSED})", inner)
        return int(found[0].value) if isinstance(found[0], Literal) else 0


@dataclass(frozen=True)
class Within:
    """Where a group stands: what is put around it so that it can be asked for by itself."""

    before: str = ""
    after: str = ""

    def __call__(self, elements: Iterable[Element], more: str = "") -> str:
        inside = "\n".join([one.text for one in elements] + [more])
        return f"{self.before}{inside}{self.after}"
