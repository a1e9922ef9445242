"""Where the engine answers otherwise than SPARQL says, put right in front of it; only where that is exact.

A query is changed before it is asked only if the change provably leaves every right answer as it is; what
the engine's parser refuses is mended and asked again. What cannot be had so stands in docs/engine-limits.md.
A query that needs none of this pays for a few searches of its text, some microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from pyoxigraph import DefaultGraph, NamedNode, QueryBoolean, QuerySolutions, QueryTriples, Store

UNKNOWN_FUNCTIONS = 32  #: a query may call that many functions which do not exist; each costs a planning
GROWTH_CHARACTERS = 65_536  #: a query that would grow by more than this is not mended

_ESCAPE = r"\\(?:[tbnrf\"'\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})"
_TOKENS = re.compile(
    rf"""(?P<skip>\s+|\#[^\n\r]*)
      |(?P<string>\"{{3}}(?:[^"\\]|{_ESCAPE}|"(?!""))*\"{{3}}|'{{3}}(?:[^'\\]|{_ESCAPE}|'(?!''))*'{{3}}
                 |"(?!"")(?:[^"\\\n\r]|{_ESCAPE})*"|'(?!'')(?:[^'\\\n\r]|{_ESCAPE})*')
      |(?P<variable>[?$]\w+)|(?P<language>@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*)
      |(?P<iri><[^<>"{{}}|^`\\\s]*>)
      |(?P<name>(?:[^\W\d][\w.-]{{0,80}})?:(?:[\w:%\\](?:[\w:.%\\-]*[\w:%\\-])?)?)
      |(?P<word>[^\W\d]\w*)
      |(?P<number>\d+(?:\.\d*[eE][+-]?\d+|\.\d+|[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|(?P<other><<\(|.)""",
    re.VERBOSE | re.DOTALL,
)
_IRI = re.compile(r"<[^<>\"{}|^`\\\s]*>")
_SCHEME = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:")
_COMPARISON = re.compile(r"<(?![A-Za-z][A-Za-z0-9+.-]*://)[^>]*[#)']")
_AGGREGATES = ("COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT")
_AGGREGATE_CALL = re.compile(rf"\b(?:{'|'.join(_AGGREGATES)})\s*\(")
_GRAPH_VALUES = re.compile(r"GRAPH[^{}]{1,300}\{\s*VALUES")
_ZERO_PATH = re.compile(r"[\w>)][*?]\s*(?:[?$]\w|<|[\w-]{0,80}:)")
_UNKNOWN = re.compile(r"The custom function <([^>]*)> is not supported")
_ARGUMENTS = re.compile(
    r"The custom function (<[^>]*>) requires between (\d+) and (\d+) arguments, but (\d+) were given"
)
_CLOSING = {"(": ")", "<<(": ")", "{": "}", "[": "]"}
_FICKLE = ("RAND", "UUID", "STRUUID", "BNODE")  #: functions that answer otherwise at each call


class Token(NamedTuple):
    """A token of a query: what `kind` of token, its `text`, where that starts and ends."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords; they have no case."""
        return self.kind == "word" and self.text.upper() in words


@dataclass(frozen=True)
class Edit:
    """What stands between `start` and `end` gives way to `text`."""

    start: int
    end: int
    text: str


Tokens = tuple[Token, ...]
Ends = dict[int, int]  #: of each opening bracket, the index of its closing one


def evaluate(store: Store, text: str, options: Mapping[str, Any]) -> QuerySolutions | QueryBoolean | QueryTriples:
    """Evaluate a query as `store.query(text, **options)` does, but as SPARQL says.

    Raises:
        SyntaxError: the engine's, whose place is one in `text`; also for what SPARQL forbids and the engine
            takes: an aggregate inside an aggregate, a triple term whose subject is a literal or a triple
            term, a wrong number of arguments of a cast.
        RuntimeError, OSError: the engine's own.
    """
    upper = text.upper()
    refuse(text, upper)
    better = improve(store, text, upper, options)
    if better != text:
        try:
            return _ask(store, better, options)
        except SyntaxError:
            pass  # the error is in the text itself, and is told from there
    try:
        return _ask(store, text, options)
    except SyntaxError as error:
        mended = mend(text, str(error))
        if mended == text:
            raise
        try:
            return _ask(store, improve(store, mended, mended.upper(), options), options)
        except SyntaxError:
            raise error from None


def _ask(store: Store, text: str, options: Mapping[str, Any]) -> QuerySolutions | QueryBoolean | QueryTriples:
    """Ask; a function that does not exist gives an expression error (SPARQL 1.1 §17.6), not a failure.

    The engine tells of such a function while it plans the query, one at a time.
    """
    functions = dict(options.get("custom_functions") or {})
    while True:
        try:
            return store.query(text, **{**options, "custom_functions": functions} if functions else options)
        except RuntimeError as error:
            message = str(error)
            if (wrong := _ARGUMENTS.search(message)) is not None:
                raise SyntaxError(f"{wrong[1]} takes {wrong[2]} argument, here it has {wrong[4]}") from error
            if "not a valid RDF 1.2 term" in message:
                raise SyntaxError("no triple has a literal or a triple term as its subject") from error
            unknown = _UNKNOWN.search(message)
            if unknown is None or len(functions) >= UNKNOWN_FUNCTIONS:
                raise
            functions[NamedNode(unknown[1])] = _error


def _error(*_arguments: object) -> None:
    """A function whose every call is an expression error."""


# Before the query is asked -----------------------------------------------------------------------------------


def refuse(text: str, upper: str) -> None:
    """Refuse what SPARQL forbids and the engine would answer.

    SPARQL 1.1 erratum 5 (aggregates do not nest), SPARQL 1.2 grammar (ExprTripleTermSubject; in a pattern the
    subject of a triple term may be another one, which just matches nothing).

    Raises:
        SyntaxError: with line and column, worded as the engine words its own.

    >>> refuse("SELECT (SUM(COUNT(?x)) AS ?y) {}", "SELECT (SUM(COUNT(?X)) AS ?Y) {}")
    Traceback (most recent call last):
    SyntaxError: error at 1:13: an aggregate inside an aggregate; work out the inner one in a sub-SELECT
    """
    if "<<" not in text and not _may_nest_aggregates(upper):
        return
    before = Token("", "", 0, 0)
    inside = [""]  # what is around, for each bracket that is open: an aggregate, another expression or neither
    for token in tokens(text):
        if before.text == "<<(" and inside[-1] and _is_no_subject(token) and not _IRI.match(text, before.start + 1):
            raise _refusal(text, token, "the subject of a triple term is an IRI or a variable")
        if token.text in _CLOSING:
            aggregate = token.text == "(" and before.is_word(*_AGGREGATES)
            if aggregate and inside[-1] == "aggregate":
                raise _refusal(text, before, "an aggregate inside an aggregate; work out the inner one in a sub-SELECT")
            called = token.text == "(" and before.kind == "word" and not _is_object(before)
            around = "" if token.text == "{" else inside[-1]
            inside.append("aggregate" if aggregate else around or ("call" if called else ""))
        elif token.text in _CLOSING.values() and len(inside) > 1:
            inside.pop()
        before = token


def _is_object(word: Token) -> bool:
    """Whether a word may stand in a triple: then a list can follow it, while others are followed by expressions."""
    return word.text == "a" or word.is_word("TRUE", "FALSE")


def _may_nest_aggregates(upper: str) -> bool:
    """Whether a bracket of an aggregate may be open where the next aggregate begins, as far as counting tells."""
    if sum(map(upper.count, _AGGREGATES)) < 2:
        return False
    calls = list(_AGGREGATE_CALL.finditer(upper))
    return any(
        upper.count("(", call.start(), following.start()) > upper.count(")", call.end(), following.start())
        for call, following in pairwise(calls)
    )


def improve(store: Store, text: str, upper: str, options: Mapping[str, Any]) -> str:
    """The query with what the engine would answer otherwise than SPARQL says changed, each time exactly.

    >>> improve(Store(), "SELECT (group_concat(?x) AS ?y) {}", "SELECT (GROUP_CONCAT(?X) AS ?Y) {}", {})
    'SELECT (STR(group_concat(?x)) AS ?y) {}'
    """
    concat = "GROUP_CONCAT" in upper
    values = "GRAPH" in upper and _GRAPH_VALUES.search(upper) is not None
    path = ("*" in text or "? " in text or "?<" in text) and _ZERO_PATH.search(text) is not None
    if not (concat or values or path):
        return text
    seen = tokens(text)
    ends = _brackets(seen)
    edits = [*_plain_concat(seen, ends)] if concat else []
    edits += _values_in_graph(seen, ends) if values else []
    edits += _paths_from_nowhere(store, text, seen, ends, options) if path else []
    return _edited(text, edits)


def _plain_concat(seen: Tokens, ends: Ends) -> Iterator[Edit]:
    """GROUP_CONCAT gives a plain string (test agg-groupconcat-06), here the language of all it concatenates.

    STR drops a language, leaves a plain string, and is an error where GROUP_CONCAT is one. It may stand
    wherever an aggregate may.
    """
    for index, token in enumerate(seen):
        if token.is_word("GROUP_CONCAT") and index + 1 in ends:
            yield Edit(token.start, token.start, "STR(")
            yield Edit(seen[ends[index + 1]].end, seen[ends[index + 1]].end, ")")


def _values_in_graph(seen: Tokens, ends: Ends) -> Iterator[Edit]:
    """`GRAPH ?g { VALUES … }` joins the table with the names of the graphs; the engine forgets the names.

    SPARQL 1.1 §18.6: eval(Graph(g, P)) is the union of eval(P) joined with each name. VALUES does not look
    at a graph, so that is `GRAPH ?g {} VALUES …`, and of a graph that is not there, nothing.
    """
    for index, token in enumerate(seen):
        opening = index + 2
        if token.is_word("GRAPH") and opening in ends and seen[opening].text == "{":
            end = ends[opening]
            if opening + 1 < end and _only_values(seen, ends, opening + 1, end):
                yield Edit(seen[opening].end, seen[opening].end, "}")
                yield Edit(seen[end].start, seen[end].end, "")


def _only_values(seen: Tokens, ends: Ends, index: int, end: int) -> bool:
    """Whether the tokens from `index` to `end` are blocks `VALUES … { … }` and nothing else."""
    while index < end:
        table = next((at for at in range(index, end) if seen[at].text == "{"), None)
        if table is None or not seen[index].is_word("VALUES"):
            return False
        index = ends[table] + 1
    return True


def _paths_from_nowhere(
    store: Store, text: str, seen: Tokens, ends: Ends, options: Mapping[str, Any]
) -> Iterator[Edit]:
    """A path of length zero leads from a term to itself (SPARQL 1.1 §18.4), also if no triple has the term.

    The engine finds nothing then. Such a term has no other path either, so `?x :p* <term>` is that `?x` is the
    term. The pattern stays, as a filter that nobody evaluates: what is wrong with it remains an error. Left
    alone are queries with blank node labels (their scope would be cut), and with EXISTS (its variables may
    have values).
    """
    if any(token.is_word("EXISTS", "LATERAL") or token.text.startswith("_:") for token in seen):
        return
    names, graphs = _namespaces(seen), _graphs_asked(seen, options)
    bound = {variable.value for variable in options.get("substitutions") or {}}
    for index, token in enumerate(seen):
        if token.text not in ("{", "}", "."):
            continue
        end = _after_zero_path(seen, ends, index + 2)
        if not end or end + 1 >= len(seen) or not _ends_pattern(seen[end + 1]):
            continue
        first, last = seen[index + 1], seen[end]
        variable, other = (first, last) if first.kind == "variable" else (last, first)
        term = _iri(other, names)
        if variable.kind != "variable" or variable.text[1:] in bound or term is None:
            continue
        if not any(_is_node(store, term, graph) for graph in graphs):
            pattern = text[first.start : last.end]
            simple = f"{{ BIND(<{term.value}> AS {variable.text}) FILTER(true || EXISTS {{ {pattern} }}) }}"
            yield Edit(first.start, last.end, simple)


def _after_zero_path(seen: Tokens, ends: Ends, index: int) -> int | None:
    """Where a path element with `*` or `?` begins at `index`: the index of what follows it, if something does."""
    if index < len(seen) and seen[index].text == "^":
        index += 1
    if index in ends and seen[index].text == "(":
        index = ends[index]
    elif index >= len(seen) or not (seen[index].kind in ("iri", "name") or seen[index].text == "a"):
        return None
    return index + 2 if index + 2 < len(seen) and seen[index + 1].text in ("*", "?") else None


def _ends_pattern(token: Token) -> bool:
    return token.text in (".", "}") or token.is_word("OPTIONAL", "FILTER", "BIND", "MINUS", "VALUES")


def _namespaces(seen: Tokens) -> dict[str, str]:
    """Prefixes (with their colon) that are declared once; of others the IRI is empty."""
    found: dict[str, str] = {}
    for token, name, iri in zip(seen, seen[1:], seen[2:], strict=False):
        if token.is_word("PREFIX") and name.kind == "name":
            found[name.text] = "" if name.text in found else iri.text.removesuffix(">")
    return found


def _iri(token: Token, names: Mapping[str, str]) -> NamedNode | None:
    """The IRI that a token names, where no base can change it."""
    iri = token.text.removesuffix(">")
    if token.kind == "name":
        prefix, _, local = token.text.partition(":")
        iri = names.get(f"{prefix}:", "") + local
    if not _SCHEME.match(iri) or "/." in iri:
        return None
    try:
        return NamedNode(iri[1:])
    except ValueError:
        return None


def _graphs_asked(seen: Tokens, options: Mapping[str, Any]) -> tuple[Any, ...]:
    """The graphs that a pattern of the query may look at; None stands for every graph there is."""
    default = options.get("default_graph")
    if any(token.is_word("GRAPH") for token in seen) or options.get("use_default_graph_as_union"):
        return (None,)
    if default is not None:
        return tuple(default) if isinstance(default, list) else (default,)
    if options.get("named_graphs") is not None or any(token.is_word("FROM") for token in seen):
        return (None,)
    return (DefaultGraph(),)


def _is_node(store: Store, term: NamedNode, graph: Any) -> bool:
    """Whether a triple of the graph has the term as its subject or object."""
    found = next(store.quads_for_pattern(term, None, None, graph), None)
    return (found or next(store.quads_for_pattern(None, None, term, graph), None)) is not None


# After the engine's parser refused it ------------------------------------------------------------------------


def mend(text: str, message: str) -> str:
    """The query in words that the engine's parser takes, or as it is. `message` is what the parser said.

    >>> mend("SELECT (True AS ?x) {}", "error at 1:9: expected …")
    'SELECT (true AS ?x) {}'
    """
    seen = tokens(text)
    edits = [Edit(token.start, token.end, token.text.lower()) for token in seen if token.is_word("TRUE", "FALSE")]
    if "unbound" in message:
        edits += _grouped_by_variable(seen)
        edits += _reused_expressions(text, seen, _brackets(seen))
    return _edited(text, edits)


def _grouped_by_variable(seen: Tokens) -> Iterator[Edit]:
    """`GROUP BY (?x AS ?y)`, which this parser does not take: COALESCE of one variable is that variable."""
    grouping = False
    for index, token in enumerate(seen):
        if token.is_word("GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES") or token.text == "}":
            grouping = token.is_word("GROUP")
        five = seen[index : index + 5]
        if grouping and [part.kind for part in five] == ["other", "variable", "word", "variable", "other"]:
            opening, variable, as_, _, closing = five
            if opening.text == "(" and as_.is_word("AS") and closing.text == ")":
                yield Edit(variable.start, variable.end, f"COALESCE({variable.text})")


def _reused_expressions(text: str, seen: Tokens, ends: Ends) -> list[Edit]:
    """`SELECT (COUNT(?x) AS ?n) (?n + 1 AS ?m)`: this parser calls ?n unbound if the query has groups.

    A later expression may use the variable of an earlier one (SPARQL 1.1 §18.2.4.4). The earlier expression
    in its place says the same, for in one solution an expression has one value; only RAND and its like differ.
    """
    found: list[Edit] = []
    room = GROWTH_CHARACTERS
    for index, token in enumerate(seen):
        meaning: dict[str, str] = {}
        for start, end in _select_expressions(seen, ends, index + 1) if token.is_word("SELECT") else ():
            edits = []
            for part in _outside_aggregates(seen, ends, start, end):
                if part.kind == "variable" and part.text[1:] in meaning:
                    edits.append(Edit(part.start, part.end, f"({meaning[part.text[1:]]})"))
                    room -= len(edits[-1].text)
                    if room < 0:
                        return []
            found += edits
            if not any(part.is_word(*_FICKLE) for part in seen[start:end]):
                meaning[seen[end + 1].text[1:]] = _edited(text, edits, seen[start].start, seen[end - 1].end)
    return found


def _select_expressions(seen: Tokens, ends: Ends, index: int) -> Iterator[tuple[int, int]]:
    """Where the expressions of a SELECT clause begin and end, in order: `(expression AS ?variable)`."""
    if index < len(seen) and seen[index].is_word("DISTINCT", "REDUCED"):
        index += 1
    while index < len(seen) and (seen[index].kind == "variable" or index in ends):
        if index in ends:
            end = ends[index]
            if end - index < 4 or not seen[end - 2].is_word("AS"):
                return
            yield index + 1, end - 2
            index = end
        index += 1


def _outside_aggregates(seen: Tokens, ends: Ends, index: int, end: int) -> Iterator[Token]:
    """What an expression says of the group: its tokens without the arguments of aggregates and without patterns."""
    while index < end:
        if index in ends and (seen[index].text == "{" or seen[index - 1].is_word(*_AGGREGATES)):
            index = ends[index]
        yield seen[index]
        index += 1


# Tokens ------------------------------------------------------------------------------------------------------


def tokens(text: str) -> Tokens:
    """The tokens of a query; none at all where the engine might see others.

    It might after a relative IRI with `#`, `)` or `'`, which can be a comparison (`?a<2)#>`), after a name with
    a backslash, and where a string is not closed.
    """
    found = []
    for match in _TOKENS.finditer(text):
        kind, token = match.lastgroup or "", match.group()
        doubtful = _COMPARISON.match(token) if kind == "iri" else kind == "name" and "\\" in token
        if doubtful or token in ("'", '"'):
            return ()
        if kind != "skip":
            found.append(Token(kind, token, match.start(), match.end()))
    return tuple(found)


def _brackets(seen: Tokens) -> Ends:
    """Of each opening bracket, the index of the one that closes it; none at all if they do not match."""
    found: Ends = {}
    opened: list[int] = []
    for index, token in enumerate(seen):
        if token.text in _CLOSING:
            opened.append(index)
        elif token.text in _CLOSING.values():
            if not opened or _CLOSING[seen[opened[-1]].text] != token.text:
                return {}
            found[opened.pop()] = index
    return {} if opened else found


def _is_no_subject(token: Token) -> bool:
    """Whether a literal or a triple term begins here."""
    return token.kind in ("string", "number") or token.text in ("+", "-", "<<(") or token.is_word("TRUE", "FALSE")


def _edited(text: str, edits: Iterable[Edit], start: int = 0, end: int | None = None) -> str:
    """The text between `start` and `end` with these edits, none of which overlaps another."""
    parts = []
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [text[start : edit.start], edit.text]
        start = edit.end
    return "".join([*parts, text[start:end]])


def _refusal(text: str, token: Token, message: str) -> SyntaxError:
    """The error at a token, as the engine's parser would tell it."""
    before = text[: token.start]
    return SyntaxError(f"error at {before.count(chr(10)) + 1}:{token.start - before.rfind(chr(10))}: {message}")
