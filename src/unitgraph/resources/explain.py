"""Why a query finds nothing, or what makes it costly: found by asking the engine, within a budget, never by guessing.

The query is taken apart (`patterns`); the engine is asked whether anything is left after the first element of
a group, after the first two, and so on: the element after which nothing is left is the place to look at. What
is proposed instead is a term of this release, looked up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, QueryResultsFormat, QuerySolutions, parse_query_results

from unitgraph import engine, formats, patterns
from unitgraph.answers import Term
from unitgraph.errors import EngineError, EngineUnavailable, QueryRefused, QuerySyntaxError, RequestError
from unitgraph.patterns import Element, Group, Query, Token
from unitgraph.resources import nearest, terms
from unitgraph.site import Site
from unitgraph.vocab import RDF_TYPE

SECONDS = 5.0  #: for one explanation
CALLS = 25  #: of the engine, for one explanation
OWN_SHARE = 0.4  #: of the seconds, for the query itself
LARGE = 10_000  #: solutions; an answer with fewer that came in time is not called costly
MAX_VALUES = 1_000  #: values of a property among which a near one is looked for
MAX_NAMES = 3  #: near names that a sentence gives
MAX_SHOWN = 5  #: values that a sentence names


@dataclass(frozen=True)
class Finding:
    """One thing found out about a query.

    `kind` is what it is about: syntax, prefix, graphs, triple, block, filter, optional, minus, union, graph, values,
    group, select, having, offset, limit, template (where nothing is left); iri, literal, language, case, datatype,
    direction, variable, values, conflict (why); product, compared, path, everything, text, optionals, order
    (what costs). `line` and `column` count from 1, None where no place is meant. `suggestion` is SPARQL to write
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


def as_dict(found: Explanation) -> dict[str, object]:
    """An explanation for programs."""
    return {
        "outcome": found.outcome,
        "summary": found.summary,
        "complete": found.complete,
        "findings": [
            {
                "kind": one.kind,
                "line": one.line,
                "column": one.column,
                "sentence": one.sentence,
                "suggestion": one.suggestion or None,
            }
            for one in found.findings
        ],
    }


def explain(
    site: Site,
    text: str,
    default_graphs: tuple[str, ...] = (),
    named_graphs: tuple[str, ...] = (),
) -> Explanation:
    """Say which part of a query first finds nothing, and what is near; or what makes it costly.

    Raises:
        QueryRefused: the query is none that this endpoint runs.
        EngineUnavailable: there is no place for it just now.
    """
    asker = _Asker(site, default_graphs, named_graphs)
    try:
        count = asker.own_answer(text)
    except QuerySyntaxError as error:
        return Explanation("syntax", f"This is not SPARQL yet: {error}.", tuple(_prefixes(site, text, error)))
    query = patterns.read(text)
    if count is None:
        return _costly(asker, query)
    if query is None:
        return _not_taken_apart(count)
    asker.query = query
    if count and not (count == 1 and query.select.aggregates):
        return _not_empty(asker, query, count)
    return _empty(asker, query, count)


# Asking ------------------------------------------------------------------------------------------------------


class _Stopped(Exception):
    """The budget ended, or the engine gave up on a question of ours."""


class _Unsure(Exception):
    """What we ask is not what the query says: better no explanation than a wrong one."""


@dataclass
class _Asker:
    """Asks the engine over the data set of the request, until the budget ends."""

    site: Site
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]
    query: Query | None = None
    calls: int = CALLS
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
            except (_Stopped, _Unsure):
                found = []
            self.in_use[key] = tuple(one.value for (one,) in found if isinstance(one, NamedNode))
        return self.in_use[key]

    def select(self, head: str, group: str, tail: str = "", share: float = 1.0) -> list[tuple[Term | None, ...]]:
        """Solutions of a question of ours, with the prologue and the data set of the query.

        Raises:
            _Stopped: the budget ended.
            _Unsure: the engine does not take the question.
        """
        assert self.query is not None
        left = self.ends - time.monotonic()
        if self.calls < 1 or left < 0.05:
            raise _Stopped
        self.calls -= 1
        data_set = "" if self.without_data_set else " ".join(token.text for token in self.query.data_set)
        text = f"{self.query.prologue}\n{head}\n{data_set}\nWHERE {{\n{group}\n}}\n{tail}"
        try:
            chunks = self._stream(text, formats.SPARQL_JSON, left * share)
            data = b"".join(chunks) if chunks is not None else b""
        except (EngineError, QueryRefused) as error:
            raise _Stopped from error
        except RequestError as error:
            raise _Unsure from error
        if not data:
            raise _Stopped
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


UNUSED = "explained"  #: a variable of ours

# An empty answer ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Within:
    """Where a group stands: what is put around it so that it can be asked for by itself."""

    before: str = ""
    after: str = ""

    def __call__(self, elements: Iterable[Element], more: str = "") -> str:
        inside = "\n".join([one.text for one in elements] + [more])
        return f"{self.before}{inside}{self.after}"


def _empty(asker: _Asker, query: Query, count: int) -> Explanation:
    found: list[Finding] = []
    complete = True
    try:
        found += _whole(asker, query)
    except _Stopped:
        complete = False
    except _Unsure:
        return _not_taken_apart(count)
    found = list(dict.fromkeys([*found, *_unknown(asker, query, found)]))
    if count and not found:
        return _not_empty(asker, query, count)
    summary = "This query finds nothing." if not count else "Nothing fits this query; its one row only counts that."
    if not complete:
        summary += " The search for the reason was stopped at its limit; this is what was found so far."
    elif not found:
        summary += " No reason could be told with certainty."
        complete = False
    return Explanation("empty", summary, tuple(found), complete)


def _whole(asker: _Asker, query: Query) -> Iterator[Finding]:
    """The group of the query; where that has solutions, what is behind it."""
    if query.where is None:
        yield from _described(asker, query)
        return
    elements = query.where.elements
    if asker.any(_Within()(elements)):
        if query.select.aggregates or query.form == "ASK":
            return
        yield from _modifiers(asker, query, query.select, query.where)
        return
    yield from _data_set(asker, query, elements)
    yield from _descend(asker, query, elements, _Within())


def _data_set(asker: _Asker, query: Query, elements: tuple[Element, ...]) -> Iterator[Finding]:
    """A data set of the request that lacks what the release has."""
    if not (query.data_set or asker.default_graphs or asker.named_graphs):
        return
    named = [query.iri(token) for token in query.data_set if token.kind in ("iri", "name")]
    for iri in [*named, *asker.default_graphs, *asker.named_graphs]:
        if iri and not nearest.known(asker.site, iri, "graph"):
            near = nearest.terms_near(asker.site, iri, "graph", ())
            yield Finding("graph", *_place_of(query, iri), *_unknown_words(query, iri, "graph", near))
    asker.without_data_set = True
    try:
        if asker.any(_Within()(elements)):
            yield Finding(
                "graphs", None, None, "The graphs that the request names do not hold all of this; over all graphs "
                "of the release together there are solutions. Leave the graphs out, or name more of them.",
            )  # fmt: skip
    finally:
        asker.without_data_set = False


def _place_of(query: Query, iri: str) -> tuple[int | None, int | None]:
    for token in patterns.tokens(query.text):
        if query.iri(token) == iri and token.kind in ("iri", "name"):
            return query.place(token.start)
    return None, None


def _descend(asker: _Asker, query: Query, elements: tuple[Element, ...], within: _Within) -> Iterator[Finding]:
    """The first element of an empty group after which nothing is left, and why.

    Filters count last, as they do in SPARQL (§5.2.2): they are about the whole group, wherever they stand.
    """
    ordered = (*(o for o in elements if o.kind != "filter"), *(o for o in elements if o.kind == "filter"))
    if asker.any(within(ordered)):
        raise _Unsure
    low, high = 0, len(ordered)  # after `low` elements something is left, after `high` nothing
    while high - low > 1:
        middle = (low + high) // 2
        if asker.any(within(ordered[:middle])):
            low = middle
        else:
            high = middle
    if not ordered:
        raise _Unsure
    yield from _Place(asker, query, ordered[:low], ordered[low], within).findings()


@dataclass(frozen=True)
class _Place:
    """The element after which nothing is left, and those before it, after which something is."""

    asker: _Asker
    query: Query
    before: tuple[Element, ...]
    element: Element
    within: _Within

    def findings(self) -> Iterator[Finding]:
        ways: dict[str, Callable[[], Iterator[Finding]]] = {
            "triple": self._triple,
            "filter": self._filter,
            "minus": self._minus,
            "values": self._values,
            "graph": self._graph,
        }
        yield from ways.get(self.element.kind, self._nested)()

    def _found(self, sentence: str, suggestion: str = "", kind: str = "") -> Finding:
        line, column = self.query.place(self.element.start)
        return Finding(kind or self.element.kind, line, column, sentence, suggestion)

    def _left(self, *more: str) -> bool:
        """Whether anything is left after the elements before and something else."""
        return self.asker.any(self.within(self.before, "\n".join(more)))

    def _alone(self) -> bool:
        return self.asker.any(self.within((self.element,)))

    # A triple -------------------------------------------------------------------------------------------

    def _triple(self) -> Iterator[Finding]:
        shown = self.element.shown
        first = not self.before
        alone = False if first else self._alone()
        if alone:
            yield self._found(
                f"`{shown}` finds something by itself, but nothing that also fits what the query asks for before it."
            )
        else:
            behind = "" if first else ", not even by itself, without the rest of the query"
            yield self._found(f"Nothing in this release fits `{shown}`{behind}.")
        unknown = list(_unknown_in(self.asker, self.query, (*self.before, self.element), self._left_with))
        yield from unknown
        yield from self._literal()
        if unknown:
            return
        yield from self._turned()
        if alone:
            yield from self._conflict()
        yield from self._instead()

    def _left_with(self, old: str, new: str) -> bool:
        """Whether anything is left with another term in the place of one."""
        text = self.within((*self.before, self.element))
        return self.asker.any(patterns.replaced(text, old, new))

    def _literal(self) -> Iterator[Finding]:
        subject, path, value = self.element.nodes
        if value.kind != "literal":
            return
        pattern = f"{subject.text} {path.text} ?{UNUSED}_o ."
        wanted = nearest.literal(value.text, self.query)
        if wanted is None:
            return
        fits = self.asker.values(f"?{UNUSED}_o", self.within(self.before, pattern), MAX_VALUES)
        found = fits or self.asker.values(f"?{UNUSED}_o", self.within((), pattern), MAX_VALUES)
        yield from self._literal_instead(value.text, wanted, found, value.tokens[0], where=f"`{path.shown}`")

    def _literal_instead(
        self, written: str, wanted: Literal, found: list[Term], token: Token, where: str
    ) -> Iterator[Finding]:
        literals = [one for one in found if isinstance(one, Literal)]
        if wanted in literals:
            return
        line, column = self.query.place(token.start)
        variants = nearest.variants(wanted, literals)
        if variants:
            kind, best = variants[0]
            words = {
                "language": f"{where} has this text with another language tag, or with none",
                "datatype": f"{where} has this value with another datatype",
                "case": f"{where} has this text in other capital or small letters",
                "literal": f"{where} has nothing that reads so; the nearest value is",
            }[kind]
            shown = ", ".join(f"`{nearest.written(one, self.query)}`" for _, one in variants[:MAX_SHOWN])
            told = f"{words}: {shown}." if kind != "literal" else f"{words} `{nearest.written(best, self.query)}`."
            yield Finding(kind, line, column, told, nearest.written(best, self.query))
        elif found:
            shown = ", ".join(f"`{nearest.written(one, self.query)}`" for one in found[:MAX_SHOWN])
            more = " and others" if len(found) > MAX_SHOWN else ""
            yield Finding("literal", line, column, f"{where} is never `{written}` here; it is {shown}{more}.")

    def _turned(self) -> Iterator[Finding]:
        """The same pattern the other way round."""
        subject, path, value = self.element.nodes
        if path.kind not in ("iri", "name") or path.text == "a" or value.kind in ("literal", "list"):
            return
        if self._left(f"{value.text} {path.text} {subject.text} ."):
            turned = f"{value.shown} {path.shown} {subject.shown}"
            if "blank" not in (subject.kind, value.kind):
                yield self._found(f"The other way round there are solutions: `{turned}`.", turned, "direction")

    def _conflict(self) -> Iterator[Finding]:
        """One element before it with which this one has nothing in common."""
        for other in self.before:
            if other.kind not in ("triple", "values") or not other.variables & self.element.variables:
                continue
            if not self.asker.any(self.within((other, self.element))):
                line, _ = self.query.place(other.start)
                yield self._found(
                    f"Nothing fits both this and `{other.shown}` on line {line}.", kind="conflict"
                )  # fmt: skip
                return

    def _instead(self) -> Iterator[Finding]:
        """What there is in the place of what is not: values of the property, or properties of the subject."""
        subject, path, value = self.element.nodes
        if value.kind in ("iri", "name") and path.kind in ("iri", "name"):
            pattern = f"{subject.text} {path.text} ?{UNUSED}_o ."
            found = self.asker.values(f"?{UNUSED}_o", self.within(self.before, pattern), MAX_SHOWN + 1)
            if found:
                yield self._found(f"In its place there is {self._named(found)}.", kind="values")
                return
        if subject.kind == "variable" and self.before and path.kind in ("iri", "name"):
            pattern = f"{subject.text} ?{UNUSED}_p ?{UNUSED}_o ."
            found = self.asker.values(f"?{UNUSED}_p", self.within(self.before, pattern), 40)
            wanted = self.query.iri(path.tokens[0]) or ""
            if found and NamedNode(wanted) not in found:
                near = nearest.order(wanted, [one.value for one in found if isinstance(one, NamedNode)])
                named = [NamedNode(iri) for iri in near][: MAX_SHOWN + 1]
                yield self._found(
                    f"`{subject.shown}` does not have this property here; it has {self._named(named)}.", kind="values"
                )

    def _named(self, found: list[Term] | list[NamedNode]) -> str:
        shown = ", ".join(f"`{nearest.written(one, self.query)}`" for one in found[:MAX_SHOWN])
        return shown + (" and others" if len(found) > MAX_SHOWN else "")

    # A filter -------------------------------------------------------------------------------------------

    def _filter(self) -> Iterator[Finding]:
        shown = self.element.shown
        if self.element.word:
            yield from self._exists()
            return
        patterns_only = [one for one in self.before if one.kind != "filter"]
        visible = frozenset[str]().union(*(one.variables for one in patterns_only if one.kind != "minus"))
        yield self._found(f"This filter lets nothing through: `{shown}`. Without it there is something left.")
        missing = sorted(self.element.variables - visible) if "EXISTS" not in shown.upper() else []
        for name in missing:
            near = nearest.order(name, visible, 1)
            told = f"`?{name}` gets no value where this filter stands, so the filter cannot let anything through."
            hint = f" The nearest variable that gets one is `?{near[0]}`." if near else ""
            yield self._found(told + hint, f"?{near[0]}" if near else "", "variable")
        if not missing:
            yield from self._compared()

    def _exists(self) -> Iterator[Finding]:
        (body,) = self.element.bodies
        if self.element.word == "NOT EXISTS":
            yield self._found(f"`{self.element.shown}` takes away everything that was left.")
            return
        if self.asker.any(self.within((), body.text)):
            yield self._found(
                f"`{self.element.shown}` finds something by itself, but nothing that also fits the rest of the query."
            )
        else:
            yield self._found(f"`{self.element.shown}` finds nothing, not even by itself.")
            yield from _descend(self.asker, self.query, body.elements, self.within)

    def _compared(self) -> Iterator[Finding]:
        """What the compared expression is, if it is never what the filter wants."""
        unknown = list(_unknown_in(self.asker, self.query, (self.element,), self._left_with))
        yield from unknown
        compared = patterns.comparison(self.element)
        if compared is None or unknown:
            return
        found = self.asker.values(compared.expression, self.within(self.before), MAX_VALUES)
        if not found:
            yield self._found(f"`{compared.expression}` has no value at all here.", kind="values")
            return
        wanted = nearest.literal(compared.constants[0], self.query) if compared.constants else None
        if wanted and nearest.is_number(wanted) and not any(nearest.is_number(one) for one in found):
            yield self._found(
                f"`{compared.expression}` is never a number here, it is {self._named(found)}; nothing else can be "
                f"compared with {compared.constants[0]}.",
                kind="datatype",
            )
            return
        if compared.sign in ("<", ">", "<=", ">="):
            numbers = sorted(found, key=nearest.size)
            low, high = (nearest.written(one, self.query) for one in (numbers[0], numbers[-1]))
            if len(found) < MAX_VALUES:
                yield self._found(f"`{compared.expression}` lies between `{low}` and `{high}`.", kind="values")
            return
        for constant in compared.constants:
            yield from self._constant(compared, constant, found)

    def _constant(self, compared: patterns.Comparison, constant: str, found: list[Term]) -> Iterator[Finding]:
        where = f"`{compared.expression}`"
        token = next((t for t in self.element.tokens if constant.startswith(t.text) and t.kind != "word"), None)
        wanted = nearest.literal(constant, self.query)
        if wanted is None or token is None:
            yield self._found(f"{where} is one of {self._named(found)}.", kind="values")
            return
        tags = compared.sign == "LANGMATCHES" or compared.expression.upper().replace(" ", "").startswith("LANG(")
        if tags:
            yield from self._language(where, wanted, found, token)
        elif compared.sign in ("=", "IN"):
            yield from self._literal_instead(constant, wanted, found, token, where)
        else:
            part = nearest.parts(wanted.value, [one.value for one in found if isinstance(one, Literal)])
            line, column = self.query.place(token.start)
            if part:
                yield Finding(
                    "case", line, column, f"{where} has `{part}` in other capital or small letters.", f'"{part}"'
                )
            else:
                yield self._found(f"{where} is, for instance, {self._named(found)}.", kind="values")

    def _language(self, where: str, wanted: Literal, found: list[Term], token: Token) -> Iterator[Finding]:
        tags = sorted({one.value for one in found if isinstance(one, Literal)})
        line, column = self.query.place(token.start)
        named = ", ".join(f'"{tag}"' for tag in tags if tag) or "none at all"
        near = nearest.tag(wanted.value, tags)
        hint = f' Write "{near}".' if near else ""
        if not near and "" in tags:
            hint = " The texts have no language tag."
        told = f'No text here is tagged "{wanted.value}"; the tags in use are {named}.{hint}'
        yield Finding("language", line, column, told, f'"{near}"' if near else "")

    # Other elements -------------------------------------------------------------------------------------

    def _minus(self) -> Iterator[Finding]:
        yield self._found(f"`{self.element.shown}` takes away everything that was left.")

    def _values(self) -> Iterator[Finding]:
        if not self._alone():
            yield self._found("This VALUES lists no value, so nothing can fit.")
            return
        yield self._found("None of the values listed here fits what the query asks for before it.")
        yield from _unknown_in(self.asker, self.query, (self.element,), self._left_with)

    def _graph(self) -> Iterator[Finding]:
        (node,), (body,) = self.element.nodes, self.element.bodies
        iri = self.query.iri(node.tokens[0])
        if iri and not nearest.known(self.asker.site, iri, "graph"):
            near = nearest.terms_near(self.asker.site, iri, "graph", ())
            sentence, suggestion = _unknown_words(self.query, iri, "graph", near)
            line, column = self.query.place(node.tokens[0].start)
            yield Finding("graph", line, column, sentence, suggestion)
            return
        if self._left(body.text):
            yield self._found(
                f"Inside `GRAPH {node.shown}` nothing fits all of this; over all graphs together there are solutions. "
                "Leave GRAPH out, or give parts that stand in different graphs a GRAPH each."
            )
            return
        inner = _Within(f"{self.within.before}GRAPH {node.text} {{\n", f"\n}}{self.within.after}")
        if self._alone():
            yield self._joined()
        else:
            yield from _descend(self.asker, self.query, body.elements, inner)

    def _joined(self) -> Finding:
        return self._found(
            f"`{self.element.shown}` finds something by itself, but nothing that also fits what the query asks for "
            "before it."
        )

    def _nested(self) -> Iterator[Finding]:
        if self.element.kind == "block" or self._alone():
            if self.element.kind == "block" and not self._alone():
                yield self._found(f"Nothing in this release fits `{self.element.shown}`.")
            else:
                yield self._joined()
            yield from _unknown_in(self.asker, self.query, (self.element,), self._left_with)
            return
        if self.element.kind == "union":
            yield self._found("No branch of this UNION finds anything.")
        for body in self.element.bodies:
            yield from self._body(body)

    def _body(self, body: Group) -> Iterator[Finding]:
        if body.select is None or not self.asker.any(self.within(body.elements)):
            yield from _descend(self.asker, self.query, body.elements, self.within)
        else:
            yield from _modifiers(self.asker, self.query, body.select, body)


# Behind the group ---------------------------------------------------------------------------------------------


def _modifiers(asker: _Asker, query: Query, select: patterns.Select, group: Group) -> Iterator[Finding]:
    """Solutions are there, yet none comes out: LIMIT, VALUES, HAVING, OFFSET, or a template that stays empty."""
    by_word = {modifier.word: modifier for modifier in select.modifiers}
    inner = "\n".join(one.text for one in group.elements)

    def found(word: str, sentence: str) -> Finding:
        return Finding(word.lower(), *query.place(by_word[word].start), sentence)

    if "LIMIT" in by_word and by_word["LIMIT"].text.split()[-1].strip("0") == "":
        yield found("LIMIT", "LIMIT 0 asks for no solution at all.")
        return
    if "VALUES" in by_word and not asker.any(f"{{\n{inner}\n}}\n{by_word['VALUES'].text}"):
        yield found("VALUES", "There are solutions, but none with the values listed here.")
        return
    if query.form == "CONSTRUCT" and group is query.where:
        yield from _template(asker, query)
        return
    head = select.head if query.form == "SELECT" or group is not query.where else "SELECT *"

    def rows(without: set[str]) -> str:
        kept = "\n".join(one.text for one in select.modifiers if one.word not in {"ORDER", *without})
        return f"{{ {head}\nWHERE {{\n{inner}\n}}\n{kept}\n}}"

    if "HAVING" in by_word and not asker.any(rows({"LIMIT", "OFFSET"})):
        if not asker.any(rows({"LIMIT", "OFFSET", "HAVING"})):
            raise _Unsure
        yield found("HAVING", "There are groups of solutions, but none meets what HAVING asks.")
    elif "OFFSET" in by_word:
        count = asker.count(rows({"LIMIT", "OFFSET"}), LARGE)
        offset = int(by_word["OFFSET"].text.split()[-1])
        if count > offset:
            raise _Unsure
        plural = "solution" if count == 1 else "solutions"
        yield found("OFFSET", f"There are {count:,} {plural}; OFFSET {offset:,} begins behind the last.")


def _template(asker: _Asker, query: Query) -> Iterator[Finding]:
    assert query.where is not None
    for name in sorted(query.template - query.where.variables):
        near = nearest.order(name, query.where.variables - query.template or query.where.variables, 1)
        place = next(
            (t.start for t in patterns.tokens(query.text) if t.kind == "variable" and t.text[1:] == name), 0
        )  # fmt: skip
        told = f"The patterns have solutions, but `?{name}` of the template gets no value in them."
        hint = f" The nearest variable that gets one is `?{near[0]}`." if near else ""
        yield Finding("template", *query.place(place), told + hint, f"?{near[0]}" if near else "")


def _described(asker: _Asker, query: Query) -> Iterator[Finding]:
    """DESCRIBE of names without a group."""
    head = patterns.tokens(query.select.head)
    start = query.text.find(query.select.head)
    for token in head:
        iri = query.iri(token) if token.kind in ("iri", "name") else None
        if iri and not nearest.known(asker.site, iri, "thing"):
            near = nearest.terms_near(asker.site, iri, "thing", ())
            yield Finding("iri", *query.place(start + token.start), *_unknown_words(query, iri, "thing", near))


# Unknown terms -------------------------------------------------------------------------------------------------


def _constants(query: Query, element: Element) -> Iterator[tuple[Token, str, str]]:
    """The names in an element with what they stand for and their role: property, class, graph or thing."""
    roles: dict[int, str] = {}
    if element.kind == "triple":
        path, value = element.nodes[1:]
        roles = {token.start: "property" for token in path.tokens}
        if path.kind in ("iri", "name") and query.iri(path.tokens[0]) == RDF_TYPE.value:
            roles |= {token.start: "class" for token in value.tokens}
    some = element.tokens
    for number, token in enumerate(some):
        if token.kind not in ("iri", "name") or token.text.startswith("_:"):
            continue
        after = some[number + 1].text if number + 1 < len(some) else ""
        before = some[number - 1] if number else Token("", "", 0)
        is_function = after == "(" and (element.kind in ("filter", "bind") or before.kind == "operator")
        if before.text == "^^" or is_function:
            continue
        if iri := query.iri(token):
            yield token, iri, roles.get(token.start, "thing")


def _flat(elements: Iterable[Element]) -> Iterator[Element]:
    """Elements and what is inside of them; a group itself is not named, its elements are."""
    for one in elements:
        if not one.bodies:
            yield one
        for body in one.bodies:
            yield from _flat(body.elements)


def _unknown_in(
    asker: _Asker, query: Query, elements: Iterable[Element], helps: Callable[[str, str], bool]
) -> Iterator[Finding]:
    """Names in these elements that the release does not know in their role; the last element first."""
    seen, places = set(), set()
    for element in reversed(list(_flat(elements))):
        for token, iri, role in _constants(query, element):
            if (iri, role) in seen or nearest.known(asker.site, iri, role):
                continue
            seen.add((iri, role))
            found = _unknown_name(asker, query, element, token, iri, role, helps)
            if found and (found.line, found.column) not in places:
                places.add((found.line, found.column))
                yield found


def _unknown_name(
    asker: _Asker, query: Query, element: Element, token: Token, iri: str, role: str, helps: Callable[[str, str], bool]
) -> Finding | None:
    if prefix := _wrong_prefix(asker, query, token, role):
        return prefix
    there = _values_there(asker, query, element, token)
    near = nearest.terms_near(asker.site, iri, role, there, asker.used(role, nearest.split(iri)[0]))
    best = next((one for one in near[:3] if helps(token.text, query.name(one))), None)
    sentence, suggestion = _unknown_words(query, iri, role, [best] if best else near)
    if role in ("property", "class") and nearest.known(asker.site, iri, "thing") and not best:
        use = "no statement uses it as a property" if role == "property" else "nothing is of this class"
        sentence, suggestion = f"`{query.name(iri)}` is described here, but {use}.", ""
    if best:
        sentence += " With that, something is found up to this place."
    line, column = query.place(token.start)
    return Finding("iri", line, column, sentence, suggestion)


def _values_there(asker: _Asker, query: Query, element: Element, token: Token) -> tuple[str, ...]:
    """The things that stand in the place of an unknown one: the values of the same property."""
    if element.kind != "triple" or token not in element.nodes[2].tokens:
        return ()
    subject, path, _ = element.nodes
    try:
        found = asker.values(f"?{UNUSED}_o", f"{subject.text} {path.text} ?{UNUSED}_o .", MAX_VALUES)
    except _Unsure:
        return ()
    return tuple(one.value for one in found if isinstance(one, NamedNode))


def _wrong_prefix(asker: _Asker, query: Query, token: Token, role: str) -> Finding | None:
    """A prefix that stands for another namespace than the one in which the release has this name."""
    prefix, _, local = token.text.partition(":")
    if token.kind != "name" or prefix not in query.prefixes:
        return None
    namespace, start = query.prefixes[prefix]
    known = terms.prefixes(asker.site).get(prefix)
    for other in nearest.namespaces(namespace, known):
        if nearest.known(asker.site, other + local, role):
            told = f"The release has no `{token.text}` with `{prefix}:` as <{namespace}>; it has it with <{other}>."
            return Finding("prefix", *query.place(start), told, f"PREFIX {prefix}: <{other}>")
    return None


def _unknown_words(query: Query, iri: str, role: str, near: list[str]) -> tuple[str, str]:
    """The sentence about an unknown name, and what to write instead."""
    name = query.name(iri)
    what = {
        "property": f"No statement here has the property `{name}`.",
        "class": f"Nothing here is of the class `{name}`.",
        "graph": f"There is no graph `{name}`.",
        "thing": f"`{name}` occurs nowhere here.",
    }[role]
    if not near:
        return f"{what} No name here is close to it.", ""
    names = [f"`{query.name(one)}`" for one in near[:MAX_NAMES]]
    said = f"The nearest name is {names[0]}." if len(names) == 1 else f"The nearest names are {', '.join(names)}."
    return f"{what} {said}", query.name(near[0])


def _unknown(asker: _Asker, query: Query, found: list[Finding]) -> list[Finding]:
    """Unknown names in the rest of the query, so that they can be mended in one go."""
    places = {(one.line, one.column) for one in found if one.kind in ("iri", "prefix", "graph")}
    more: list[Finding] = []
    if query.where is None:
        return more
    try:
        for one in _unknown_in(asker, query, query.where.elements, lambda old, new: False):
            if (one.line, one.column) not in places and (one.suggestion or "described" not in one.sentence):
                more.append(one)
    except (_Stopped, _Unsure):
        pass
    return more


def _prefixes(site: Site, text: str, error: QuerySyntaxError) -> Iterator[Finding]:
    """What is wrong with the text; for a prefix that is not declared, its namespace or the one that was meant."""
    known = terms.prefixes(site)
    unknown = patterns.undeclared(text)
    for token in unknown:
        prefix, _, local = token.text.partition(":")
        line, column = text[: token.start].count("\n") + 1, token.start - text[: token.start].rfind("\n")
        declared = patterns.declared(text)
        told = f"The prefix `{prefix}:` is not declared."
        meant = [name for name, iri in declared.items() if nearest.known(site, iri + local, "thing")]
        if prefix in known:
            said = f"PREFIX {prefix}: <{known[prefix]}>"
            yield Finding("prefix", line, column, f"{told} Begin the query with `{said}`.", said)
        elif meant:
            name = f"{meant[0]}:{local}"
            yield Finding("prefix", line, column, f"{told} With a prefix that is, there is `{name}`.", name)
        else:
            yield Finding("prefix", line, column, f"{told} Begin the query with `PREFIX {prefix}: <…>`.")
    if not unknown:
        yield Finding("syntax", error.line, error.column, f"{error.sentence}.")


# What is not empty ----------------------------------------------------------------------------------------------


def _not_empty(asker: _Asker, query: Query, count: int) -> Explanation:
    more = count > LARGE
    number = f"more than {LARGE:,}" if more else f"{count:,}"
    noun = "solution" if count == 1 else "solutions"
    if query.form == "ASK":
        summary = "This query is not empty: its answer is yes."
    elif query.form == "SELECT":
        summary = f"This query is not empty: it has {number} {noun}."
    else:
        summary = f"This query is not empty: it has {number} {'triple' if count == 1 else 'triples'}."
    wanted = {"product", "compared", "path", "everything", "text", "optionals", "order", "limit"}
    if not more:
        wanted = {"product"}
    found, complete = _costs(asker, query, wanted)
    return Explanation("found", summary, (*found, *_unknown(asker, query, found)), complete)


def _costly(asker: _Asker, query: Query | None) -> Explanation:
    told = f"This query was not finished within {asker.seconds * OWN_SHARE:g} s."
    if query is None:
        return Explanation(
            "unfinished", f"{told} It cannot be taken apart with certainty, so nothing is said of why.", (), False
        )
    asker.query = query
    found, complete = _costs(asker, query, None)
    if not found:
        told += " Its text shows no common reason; try parts of it by themselves."
        complete = False
    return Explanation("unfinished", told, tuple(found), complete)


def _costs(asker: _Asker, query: Query, wanted: set[str] | None) -> tuple[list[Finding], bool]:
    found, complete = [], True
    for cost in patterns.costs(query):
        if wanted is not None and cost.kind not in wanted:
            continue
        try:
            finding = _cost(asker, query, cost)
        except (_Stopped, _Unsure):
            complete, finding = False, None
        if finding:
            found.append(finding)
    return found, complete


def _cost(asker: _Asker, query: Query, cost: patterns.Cost) -> Finding | None:
    """A cost as a sentence, with counts of this release where they tell more."""
    line, column = query.place(cost.start)
    suggestion = ""
    total = len(asker.site.store)
    if cost.kind in ("product", "compared"):
        sentence = _pairs(asker, cost)
        if sentence is None:
            return None
    elif cost.kind == "path":
        sentence = (
            f"`{cost.shown}` may begin and end anywhere, over any number of steps: every thing is tried as a "
            "beginning. Say where it begins, or where it ends."
        )
    elif cost.kind == "everything":
        sentence = f"`{cost.shown}` fits every one of the {total:,} statements here. Name the property, or a class."
    elif cost.kind == "text":
        sentence = (
            f"`{cost.shown}` has to read every text that the patterns find, one by one. Narrow the patterns first."
        )
    elif cost.kind == "optionals":
        sentence = (
            f"{cost.count} OPTIONAL parts stand side by side: each one that has several values multiplies the "
            "solutions. Ask for some of them in a query of their own."
        )
    elif cost.kind == "order":
        sentence = (
            f"`{cost.shown}` puts all solutions in order before the first can be shown, also where a LIMIT cuts "
            "them. Leave it out, or make the patterns narrower."
        )
    else:
        sentence = "There is no LIMIT, so every solution is worked out and sent. Add `LIMIT 100` to look at the first."
        suggestion = "LIMIT 100"
    return Finding(cost.kind, line, column, sentence, suggestion)


def _pairs(asker: _Asker, cost: patterns.Cost) -> str | None:
    """The parts of a product with how much each finds; None where that is little."""
    most = 1_000_000
    within = _Within()
    counts: list[int | None] = []
    for part in cost.parts:
        try:
            counts.append(asker.count(within(part), most))
        except _Stopped:
            counts.append(None)
    product = 1
    for number in counts:
        product *= most if number is None else number
    if product <= LARGE:
        return None

    def told(part: tuple[Element, ...], number: int | None) -> str:
        names = [f"`?{name}`" for name in sorted(frozenset[str]().union(*(o.variables for o in part)))[:MAX_SHOWN]]
        names = [name for name in names if not name.startswith("`?unnamed")]
        size = "" if number is None else f" ({'over ' if number >= most else ''}{number:,} solutions)"
        return f"{', '.join(names) or f'`{part[0].shown}`'}{size}"

    parts = " and ".join(told(part, number) for part, number in zip(cost.parts, counts, strict=True))
    if cost.kind == "compared":
        told = f"Only `{cost.shown}` connects {parts}: every one is compared with every other."
        return f"{told} Add a pattern that has a variable of each."
    size = f", {product:,} in all" if None not in counts else ""
    return (
        f"Nothing connects {parts}: every one is combined with every other{size}. Add a pattern that has a variable "
        "of each."
    )


def _not_taken_apart(count: int) -> Explanation:
    outcome = "found" if count else "empty"
    told = "This query is not empty." if count else "This query finds nothing."
    return Explanation(
        outcome, f"{told} It cannot be taken apart with certainty, so nothing is said of why.", (), False
    )  # fmt: skip
