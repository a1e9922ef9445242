"""The text of a query taken apart: clauses, the elements of its groups with their places, what its shape costs.

No engine and no data. What cannot be taken apart with certainty is not taken apart at all: `read` answers None.

    query     prologue, form, head, data set, group, modifiers
    group     { elements }, or { SELECT … }
    element   one triple pattern, or FILTER, OPTIONAL, MINUS, UNION, GRAPH, BIND, VALUES, a group, a SELECT
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from unitgraph.vocab import RDF_TYPE

_ESCAPE = r"\\(?:[tbnrf\"'\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})"
_TOKENS = re.compile(
    rf"""(?P<space>\s+)|(?P<comment>\#[^\n\r]*)
      |(?P<string>\"{{3}}(?:[^"\\]|{_ESCAPE}|"(?!""))*\"{{3}}|'{{3}}(?:[^'\\]|{_ESCAPE}|'(?!''))*'{{3}}
         |"(?!"")(?:[^"\\\n\r]|{_ESCAPE})*"|'(?!'')(?:[^'\\\n\r]|{_ESCAPE})*')
      |(?P<variable>[?$]\w+)|(?P<language>@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*)|(?P<iri><[^<>"{{}}|^`\\\s]*>)
      |(?P<number>(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      |(?P<name>(?:[^\W\d](?:[\w.-]{{0,79}}[\w-])?)?:
         (?:(?:[\w:]|%[0-9A-Fa-f]{{2}}|\\[^\w\s])(?:(?:[\w:.-]|%[0-9A-Fa-f]{{2}}|\\[^\w\s])*
            (?:[\w:-]|%[0-9A-Fa-f]{{2}}|\\[^\w\s]))?)?)
      |(?P<word>[^\W\d]\w*)|(?P<open>[{{(\[])|(?P<close>[}})\]])
      |(?P<operator>\^\^|&&|\|\||[!<>]=|[^"'])|(?P<quote>["'])""",
    re.VERBOSE | re.DOTALL,
)
_CLOSES = {"{": "}", "(": ")", "[": "]"}
_MODIFIERS = {"GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES"}
_AGGREGATES = re.compile(r"(?i)\b(COUNT|SUM|MIN|MAX|AVG|SAMPLE|GROUP_CONCAT)\s*\(")
_TEXT_FUNCTIONS = {"LANGMATCHES", "CONTAINS", "STRSTARTS", "STRENDS", "REGEX"}
_SHOWN_LENGTH = 120


@dataclass(frozen=True)
class Token:
    """A token of a query; `kind` is a group of the tokens' expression, `start` the offset in the text."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """A keyword in capitals; empty for what is no bare word."""
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True)
class Node:
    """A place in a triple pattern: `text` to ask with, `shown` to a reader, and the tokens it is made of."""

    text: str
    shown: str
    kind: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Element:
    """A part of a group that can be asked for by itself.

    `kind` is triple, block, filter, optional, minus, union, graph, bind, values, group or select; `text` is
    SPARQL, `shown` the same on one line, `start` its offset in the query. `nodes` are subject, property and
    object of a triple, or the name in GRAPH; `bodies` the groups inside; `word` EXISTS or NOT EXISTS.
    """

    kind: str
    text: str
    shown: str
    start: int
    tokens: tuple[Token, ...]
    variables: frozenset[str]
    nodes: tuple[Node, ...] = ()
    bodies: tuple[Group, ...] = ()
    word: str = ""


@dataclass(frozen=True)
class Modifier:
    """GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET or VALUES behind a group."""

    word: str
    text: str
    start: int


@dataclass(frozen=True)
class Select:
    """What stands around the group of a SELECT: its first line, and the modifiers behind it."""

    head: str
    modifiers: tuple[Modifier, ...]

    @property
    def aggregates(self) -> bool:
        """Whether it makes one row of many without GROUP BY, so that it has a row even where nothing fits."""
        grouped = any(modifier.word == "GROUP" for modifier in self.modifiers)
        return not grouped and bool(_AGGREGATES.search(self.head))


@dataclass(frozen=True)
class Group:
    """The elements between two braces, in their order; for a sub-query, those of its own group."""

    text: str
    start: int
    elements: tuple[Element, ...]
    variables: frozenset[str]
    select: Select | None = None


@dataclass(frozen=True)
class Query:
    """A query taken apart; `where` is None for a DESCRIBE without a group."""

    text: str
    prologue: str
    prefixes: dict[str, tuple[str, int]]
    base: str
    form: str
    select: Select
    data_set: tuple[Token, ...]
    where: Group | None
    template: frozenset[str] = field(default=frozenset())

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")

    def iri(self, token: Token) -> str | None:
        """The IRI that a token stands for; None where that depends on something else."""
        if token.kind == "iri":
            iri = token.text[1:-1]
            absolute = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri)
            return iri if absolute else urljoin(self.base, iri) if self.base else None
        prefix, _, local = token.text.partition(":")
        if token.kind != "name" or prefix not in self.prefixes:
            return RDF_TYPE.value if token.text == "a" else None
        return self.prefixes[prefix][0] + re.sub(r"\\(.)", r"\1", local)

    def name(self, iri: str) -> str:
        """An IRI as this query would write it."""
        for prefix, (namespace, _) in self.prefixes.items():
            local = iri[len(namespace) :]
            if namespace and iri.startswith(namespace) and re.fullmatch(r"[\w-]+", local):
                return f"{prefix}:{local}"
        return f"<{iri}>"


class _Unclear(Exception):
    """The text cannot be taken apart with certainty."""


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a query, without white space and comments, up to a string that is not closed."""
    found = []
    for match in _TOKENS.finditer(text):
        kind = str(match.lastgroup)
        if kind == "quote":
            break
        if kind not in ("space", "comment"):
            found.append(Token(kind, match.group(), match.start()))
    return tuple(found)


def replaced(text: str, terms: Mapping[str, str]) -> str:
    """A piece of a query with other terms in the place of some, wherever they stand.

    >>> replaced('?s ug:a "ug:a" ; ug:ab 1', {"ug:a": "ug:c"})
    '?s ug:c "ug:a" ; ug:ab 1'
    """
    parts, last = [], 0
    for token in tokens(text):
        if token.text in terms:
            parts += [text[last : token.start], terms[token.text]]
            last = token.end
    return "".join([*parts, text[last:]])


def declared(text: str) -> dict[str, str]:
    """The prefixes that a query declares with their namespaces, also where the rest of it is no SPARQL."""
    seen = tokens(text)
    triples = zip(seen, seen[1:], seen[2:], strict=False)
    return {
        name.text[:-1]: iri.text[1:-1]
        for word, name, iri in triples
        if word.upper == "PREFIX" and name.kind == "name" and iri.kind == "iri"
    }


def undeclared(text: str) -> tuple[Token, ...]:
    """Names whose prefix the query does not declare, each prefix once."""
    known, found, before = declared(text), dict[str, Token](), ""
    for token in tokens(text):
        prefix = token.text.partition(":")[0]
        if token.kind == "name" and prefix not in known and prefix != "_" and before != "PREFIX":
            found.setdefault(prefix, token)
        before = token.upper
    return tuple(found.values())


def read(text: str) -> Query | None:
    """Take a query apart that the engine has read as SPARQL; None where that cannot be done with certainty."""
    try:
        return _Parser(text).query()
    except (_Unclear, RecursionError):
        return None


class _Parser:
    """Walks over the tokens once. It trusts that the text is SPARQL and gives up at anything unexpected."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at = text, tokens(text), 0
        self.invented = 0
        self._closing = self._brackets()

    def _brackets(self) -> dict[int, int]:
        pairs, open_ones = {}, []
        for number, token in enumerate(self.tokens):
            if token.kind == "open":
                open_ones.append(number)
            elif token.kind == "close":
                if not open_ones or _CLOSES[self.tokens[open_ones[-1]].text] != token.text:
                    raise _Unclear
                pairs[open_ones.pop()] = number
        if open_ones:
            raise _Unclear
        return pairs

    # Steps ------------------------------------------------------------------------------------------------

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else Token("end", "", len(self.text))

    def take(self, *expected: str) -> Token:
        token = self.peek()
        if token.kind == "end" or (expected and token.text not in expected and token.upper not in expected):
            raise _Unclear
        self.at += 1
        return token

    def take_kind(self, *kinds: str) -> Token:
        if self.peek().kind not in kinds:
            raise _Unclear
        return self.take()

    def maybe(self, *words: str) -> bool:
        if self.peek().upper in words or (self.peek().kind in ("operator", "open") and self.peek().text in words):
            self.at += 1
            return True
        return False

    def brackets(self, opening: str) -> tuple[int, int]:
        """Step over a bracket and what is in it; the numbers of its two tokens."""
        first = self.at
        self.take(opening)
        self.at = self._closing[first] + 1
        return first, self.at - 1

    def slice(self, first: int, last: int | None = None) -> str:
        """The text from token number `first` up to and without number `last`."""
        last = self.at if last is None else last
        return self.text[self.tokens[first].start : self.tokens[last - 1].end] if last > first else ""

    # Clauses ----------------------------------------------------------------------------------------------

    def query(self) -> Query:
        prefixes: dict[str, tuple[str, int]] = {}
        base = ""
        while (word := self.peek().upper) in ("PREFIX", "BASE", "VERSION"):
            start = self.take().start
            if word == "VERSION":
                self.take_kind("string")
                continue
            name = self.take_kind("name").text[:-1] if word == "PREFIX" else None
            iri = urljoin(base, self.take_kind("iri").text[1:-1])
            if name is None:
                base = iri
            else:
                prefixes[name] = (iri, start)
        prologue = self.slice(0)
        form, first = self.take("SELECT", "ASK", "CONSTRUCT", "DESCRIBE").upper, self.at - 1
        template: frozenset[str] = frozenset()
        if form == "CONSTRUCT" and self.peek().text == "{":
            opening, closing = self.brackets("{")
            template = _variables(self.tokens[opening:closing])
        self._up_to_group()
        head, data_set = self.slice(first), self._data_set()
        where = self.group() if self.peek().text == "{" else None
        if where is None and form != "DESCRIBE":
            raise _Unclear
        modifiers = self._modifiers()
        if self.at != len(self.tokens):
            raise _Unclear
        select = Select(head, modifiers)
        return Query(self.text, prologue, prefixes, base, form, select, data_set, where, template)

    def _up_to_group(self) -> None:
        """Step over variables, expressions and names up to the data set, the group or the end."""
        while (token := self.peek()).kind != "end" and token.text not in ("{", "}"):
            if token.upper in {"FROM", "WHERE"} | _MODIFIERS:
                return
            if token.text == "(":
                self.brackets("(")
            else:
                self.take()

    def _data_set(self) -> tuple[Token, ...]:
        first = self.at
        while self.maybe("FROM"):
            self.maybe("NAMED")
            self.take_kind("iri", "name")
        found = self.tokens[first : self.at]
        self.maybe("WHERE")
        return found

    def _modifiers(self) -> tuple[Modifier, ...]:
        starts = []
        while (token := self.peek()).kind != "end" and token.text != "}":
            if token.upper in _MODIFIERS:
                starts.append(self.at)
            elif not starts:
                raise _Unclear
            if token.kind == "open":
                self.brackets(token.text)
            else:
                self.take()
        ends = [*starts, self.at][1:]
        return tuple(
            Modifier(self.tokens[a].upper, self.slice(a, b), self.tokens[a].start)
            for a, b in zip(starts, ends, strict=True)
        )

    # Groups -----------------------------------------------------------------------------------------------

    def group(self) -> Group:
        first = self.at
        closing = self._closing.get(first, 0)
        self.take("{")
        select = None
        elements: tuple[Element, ...]
        if self.peek().upper == "SELECT":
            head_first = self.at
            self._up_to_group()
            head = self.slice(head_first)
            self.maybe("WHERE")
            elements = self.group().elements
            select = Select(head, self._modifiers())
        else:
            elements = tuple(self._elements())
        if self.at != closing:
            raise _Unclear
        self.take("}")
        bound = _projected(select.head, elements) if select else visible(elements)
        return Group(self.slice(first), self.tokens[first].start, elements, bound, select)

    def _elements(self) -> Iterator[Element]:
        steps: dict[str, Callable[[int], Iterable[Element]]] = {
            "OPTIONAL": self._with_group,
            "MINUS": self._with_group,
            "GRAPH": self._graph,
            "FILTER": self._filter,
            "BIND": self._bind,
            "VALUES": self._values,
        }
        while (token := self.peek()).text != "}":
            first = self.at
            if token.kind == "operator" and token.text == ".":
                self.take()
            elif token.text == "{":
                yield self._union(first)
            elif token.upper in steps:
                self.take()
                yield from steps[token.upper](first)
            elif token.kind == "word" and token.upper not in ("TRUE", "FALSE"):
                raise _Unclear
            else:
                yield from self._triples()

    def _element(self, kind: str, first: int, **more: object) -> Element:
        own = self.tokens[first : self.at]
        known: dict[str, object] = {"variables": _variables(own)} | more
        return Element(kind, self.slice(first), _shown(own), own[0].start, own, **known)  # type: ignore[arg-type]

    def _with_group(self, first: int) -> Iterable[Element]:
        body = self.group()
        kind = self.tokens[first].upper.lower()
        yield self._element(kind, first, bodies=(body,), variables=body.variables)

    def _graph(self, first: int) -> Iterable[Element]:
        token = self.take_kind("iri", "name", "variable")
        node = Node(token.text, token.text, token.kind, (token,))
        body = self.group()
        variables = body.variables | _variables((token,))
        yield self._element("graph", first, nodes=(node,), bodies=(body,), variables=variables)

    def _union(self, first: int) -> Element:
        bodies = [self.group()]
        while self.maybe("UNION"):
            bodies.append(self.group())
        kind = "union" if len(bodies) > 1 else "select" if bodies[0].select else "group"
        variables = frozenset[str]().union(*(body.variables for body in bodies))
        return self._element(kind, first, bodies=tuple(bodies), variables=variables)

    def _bind(self, first: int) -> Iterable[Element]:
        opening, closing = self.brackets("(")
        self._check_expression(opening, closing)
        yield self._element("bind", first)

    def _values(self, first: int) -> Iterable[Element]:
        if self.peek().text == "(":
            self.brackets("(")
        else:
            self.take_kind("variable")
        self.brackets("{")
        yield self._element("values", first)

    def _filter(self, first: int) -> Iterable[Element]:
        negated = self.maybe("NOT")
        if self.maybe("EXISTS"):
            word = "NOT EXISTS" if negated else "EXISTS"
            body = self.group()
            yield self._element("filter", first, word=word, bodies=(body,))
        elif self.peek().text == "(":
            opening, closing = self.brackets("(")
            self._check_expression(opening, closing)
            yield from self._conditions(opening, closing)
        else:
            self.take_kind("word", "iri", "name")
            opening, closing = self.brackets("(")
            self._check_expression(opening, closing)
            yield self._element("filter", first)

    def _conditions(self, opening: int, closing: int) -> Iterator[Element]:
        """`FILTER(a && b)` says the same as `FILTER(a) FILTER(b)` (SPARQL 1.1 §17.2): each is told apart."""
        ends: list[int] = []
        depth = 0
        for number in range(opening + 1, closing):
            token = self.tokens[number]
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            if depth == 0 and token.text == "||":
                ends = []
                break
            if depth == 0 and token.text == "&&":
                ends.append(number)
        for a, b in zip([opening + 1, *(n + 1 for n in ends)], [*ends, closing], strict=True):
            own = self.tokens[a:b]
            if not own:
                raise _Unclear
            start = own[0].start if ends else self.tokens[opening - 1].start
            shown = f"FILTER({_shown(own)})"
            yield Element("filter", f"FILTER({self.slice(a, b)}\n)", shown, start, own, _variables(own))

    def _check_expression(self, opening: int, closing: int) -> None:
        """`?a<?b` and `?c>?d` look like an IRI to a tokenizer; behind an operand no IRI can stand."""
        for before, token in zip(self.tokens[opening:closing], self.tokens[opening + 1 :], strict=False):
            operand = before.kind in ("variable", "number", "string", "language") or before.text == ")"
            if token.kind == "iri" and operand:
                raise _Unclear

    # Triples ----------------------------------------------------------------------------------------------

    def _triples(self) -> Iterator[Element]:
        first = self.at
        if self.peek().text == "(" or self._collection_ahead():
            yield self._block(first)
            return
        inner: list[Element] = []
        own_list = self.peek().text == "["
        subject = self._node(inner)
        start = subject.tokens[0].start
        yield from inner
        if own_list and self.peek().text in (".", "}"):
            return
        yield from self._properties(subject, start, (".", "}"))

    def _collection_ahead(self) -> bool:
        """Whether a list `( … )` stands inside of a `[ … ]` at this place."""
        if self.peek().text != "[":
            return False
        return any(token.text == "(" for token in self.tokens[self.at : self._closing[self.at]])

    def _block(self, first: int) -> Element:
        """A subject with all its properties as one element, where taking it apart would change it."""
        self.brackets(self.peek().text)
        while (token := self.peek()).text not in (".", "}", "{") and token.upper not in (
            "OPTIONAL", "MINUS", "GRAPH", "FILTER", "BIND", "VALUES",
        ):  # fmt: skip
            if token.kind == "open":
                self.brackets(token.text)
            else:
                self.take()
        return self._element("block", first)

    def _properties(self, subject: Node, start: int | None, ends: tuple[str, ...]) -> Iterator[Element]:
        """The triples of a list of properties; the first is placed at its subject, the others where they begin."""
        while True:
            path = self._path()
            place = path.tokens[0].start if start is None else start
            while True:
                inner: list[Element] = []
                value = self._node(inner)
                yield self._triple(subject, path, value, place)
                yield from inner
                if not self.maybe(","):
                    break
                place = self.peek().start
            start = None
            if self.peek().text != ";":
                break
            while self.maybe(";"):
                pass
            if self.peek().text in ends or self._group_word():
                break

    def _group_word(self) -> bool:
        token = self.peek()
        return token.text == "{" or token.upper in ("OPTIONAL", "MINUS", "GRAPH", "FILTER", "BIND", "VALUES")

    def _triple(self, subject: Node, path: Node, value: Node, start: int) -> Element:
        own = (*subject.tokens, *path.tokens, *value.tokens)
        text = f"{subject.text} {path.text} {value.text}\n."
        shown = one_line(f"{subject.shown} {path.shown} {value.shown}")
        named = {node.text[1:] for node in (subject, value) if node.text.startswith("?")}
        variables = _variables(own) | named
        return Element("triple", text, shown, start, own, variables, (subject, path, value))

    def _node(self, inner: list[Element]) -> Node:
        """A subject or an object. `[ … ]` becomes a variable of its own, with its triples in `inner`."""
        first, token = self.at, self.peek()
        if token.text == "(":
            self.brackets("(")
            return self._plain("list", first)
        if token.text == "[":
            return self._blank(inner)
        if token.kind in ("variable", "iri", "name"):
            self.take()
            return self._plain("blank" if token.text.startswith("_:") else token.kind, first)
        if token.kind == "string":
            self.take()
            if self.maybe("^^"):
                self.take_kind("iri", "name")
            elif self.peek().kind == "language":
                self.take()
            return self._plain("literal", first)
        if token.text in ("+", "-"):
            self.take()
            self.take_kind("number")
        elif token.upper in ("TRUE", "FALSE"):
            self.take()
        else:
            self.take_kind("number")
        return self._plain("literal", first)

    def _plain(self, kind: str, first: int) -> Node:
        own = self.tokens[first : self.at]
        return Node(self.slice(first), _shown(own), kind, own)

    def _blank(self, inner: list[Element]) -> Node:
        first = self.at
        opening, closing = first, self._closing[first]
        self.invented += 1
        name = f"?unnamed{self.invented}"
        if name in self.text:
            raise _Unclear
        self.take("[")
        node = Node(name, "[ … ]" if closing > opening + 1 else "[ ]", "blank", (self.tokens[first],))
        if self.peek().text != "]":
            inner += self._properties(node, None, ("]",))
        self.take("]")
        return node

    def _path(self) -> Node:
        first = self.at
        if self.peek().kind == "variable":
            self.take()
            return self._plain("variable", first)
        self._path_alternatives()
        kind = self.tokens[first].kind if self.at == first + 1 else "path"
        return self._plain("name" if kind == "word" else kind, first)

    def _path_alternatives(self) -> None:
        self._path_part()
        while self.maybe("|", "/"):
            self._path_part()

    def _path_part(self) -> None:
        while self.maybe("^", "!"):
            pass
        token = self.peek()
        if token.text == "(":
            closing = self._closing[self.at]
            self.take("(")
            if self.at < closing:
                self._path_alternatives()
            self.take(")")
        elif token.text == "a":
            self.take()
        else:
            self.take_kind("iri", "name")
        self.maybe("?", "*", "+")


def _variables(some: Iterable[Token]) -> frozenset[str]:
    return frozenset(token.text[1:] for token in some if token.kind == "variable")


def visible(elements: Iterable[Element]) -> frozenset[str]:
    """The variables that a group may give a value to (SPARQL 1.1 §18.2.1)."""
    return frozenset[str]().union(*(one.variables for one in elements if one.kind not in ("filter", "minus")))


def _projected(head: str, elements: Iterable[Element]) -> frozenset[str]:
    seen = tokens(head)[1:]
    pairs = list(zip((Token("", "", 0), *seen), seen, strict=False))
    if any(token.text == "*" and before.kind in ("", "word") for before, token in pairs):
        return visible(elements)
    found, depth = set(), 0
    for before, token in pairs:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if token.kind == "variable" and (depth == 0 or (depth == 1 and before.upper == "AS")):
            found.add(token.text[1:])
    return frozenset(found)


def _shown(some: tuple[Token, ...]) -> str:
    """Tokens on one line, as near to how they were written as that allows."""
    parts: list[str] = []
    for before, token in zip((Token("", "", -1), *some), some, strict=False):
        apart = parts and before.end != token.start
        parts.append(f" {token.text}" if apart else token.text)
    return one_line(re.sub(r"\s+", " ", "".join(parts)))


def one_line(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"


# Conditions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """A filter that compares an expression with constants; `sign` is an operator, IN, or a function's name."""

    expression: str
    sign: str
    constants: tuple[str, ...]


def comparison(element: Element) -> Comparison | None:
    """What a filter compares with what, where it is one comparison with constants; else None."""
    some = tuple(token for token in element.tokens if token.upper != "FILTER")
    while some and some[0].text == "(" and _matching(some, 0) == len(some) - 1:
        some = some[1:-1]
    if not some:
        return None
    if some[0].upper in _TEXT_FUNCTIONS and len(some) > 1 and _matching(some, 1) == len(some) - 1:
        arguments = _split(some[2:-1])
        if len(arguments) >= 2 and _constant(arguments[1]):
            return Comparison(_joined(arguments[0]), some[0].upper, (_joined(arguments[1]),))
        return None
    depth = 0
    for number, token in enumerate(some):
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.text in ("=", "<", ">", "<=", ">="):
            left, right = some[:number], some[number + 1 :]
            if _constant(right) and not _constant(left):
                return Comparison(_joined(left), token.text, (_joined(right),))
            if _constant(left) and right:
                mirrored = token.text.translate(str.maketrans("<>", "><"))
                return Comparison(_joined(right), mirrored, (_joined(left),))
            return None
        if depth == 0 and token.upper == "IN" and number and some[number - 1].upper != "NOT":
            listed = _split(some[number + 2 : -1])
            if all(_constant(one) for one in listed):
                return Comparison(_joined(some[:number]), "IN", tuple(_joined(one) for one in listed))
            return None
        if depth == 0 and token.text in ("&&", "||", "!="):
            return None
    return None


def _constant(some: tuple[Token, ...]) -> bool:
    kinds = [token.kind for token in some]
    if len(some) == 3 and kinds[0] == "string" and some[1].text == "^^":
        return True
    if len(some) == 2 and (kinds == ["string", "language"] or (some[0].text in ("+", "-") and kinds[1] == "number")):
        return True
    return len(some) == 1 and kinds[0] in ("string", "number", "iri", "name")


def _matching(some: tuple[Token, ...], opening: int) -> int:
    depth = 0
    for number in range(opening, len(some)):
        depth += {"open": 1, "close": -1}.get(some[number].kind, 0)
        if depth == 0:
            return number
    return -1


def _split(some: tuple[Token, ...]) -> list[tuple[Token, ...]]:
    """Arguments between commas."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in some:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts]


def _joined(some: tuple[Token, ...]) -> str:
    return " ".join(token.text for token in some).replace(" ^^ ", "^^").replace(" @", "@")
