"""An empty answer: the first part of a query after which nothing is left, and what is near to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from unitgraph import patterns
from unitgraph.answers import Term
from unitgraph.patterns import Element, Group, Query, Token
from unitgraph.resources.explain import nearest
from unitgraph.resources.explain.asker import LARGE, MAX_SHOWN, MAX_VALUES, UNUSED, Asker, Finding, Unsure, Within
from unitgraph.resources.explain.names import unknown_in, unknown_words


def whole(asker: Asker, query: Query) -> Iterator[Finding]:
    """The group of the query; where that has solutions, what is behind it."""
    if query.where is None:
        yield from _described(asker, query)
        return
    elements = query.where.elements
    if asker.any(Within()(elements)):
        if query.select.aggregates or query.form == "ASK":
            return
        yield from _modifiers(asker, query, query.select, query.where)
        return
    yield from _data_set(asker, query, elements)
    yield from _descend(asker, query, elements, Within())


def _data_set(asker: Asker, query: Query, elements: tuple[Element, ...]) -> Iterator[Finding]:
    """A data set of the request that lacks what the release has."""
    if not (query.data_set or asker.default_graphs or asker.named_graphs):
        return
    named = [query.iri(token) for token in query.data_set if token.kind in ("iri", "name")]
    for iri in [*named, *asker.default_graphs, *asker.named_graphs]:
        if iri and not nearest.known(asker.site, iri, "graph"):
            near = nearest.terms_near(asker.site, iri, "graph", ())
            yield Finding("graph", *_place_of(query, iri), *unknown_words(query, iri, "graph", near))
    asker.without_data_set = True
    try:
        if asker.any(Within()(elements)):
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


def _descend(asker: Asker, query: Query, elements: tuple[Element, ...], within: Within) -> Iterator[Finding]:
    """The first element of an empty group after which nothing is left, and why.

    Filters count last, as they do in SPARQL (§5.2.2): they are about the whole group, wherever they stand.
    """
    ordered = (*(o for o in elements if o.kind != "filter"), *(o for o in elements if o.kind == "filter"))
    if asker.any(within(ordered)):
        raise Unsure
    low, high = 0, len(ordered)  # after `low` elements something is left, after `high` nothing
    while high - low > 1:
        middle = (low + high) // 2
        if asker.any(within(ordered[:middle])):
            low = middle
        else:
            high = middle
    if not ordered:
        raise Unsure
    yield from _Place(asker, query, ordered[:low], ordered[low], within).findings()


@dataclass(frozen=True)
class _Place:
    """The element after which nothing is left, and those before it, after which something is."""

    asker: Asker
    query: Query
    before: tuple[Element, ...]
    element: Element
    within: Within

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
            behind = "" if first else ", not even by itself"
            yield self._found(f"Nothing in this release fits `{shown}`{behind}.")
        unknown = list(unknown_in(self.asker, self.query, (*self.before, self.element), self._left_with))
        yield from unknown
        yield from self._literal()
        if unknown:
            return
        yield from self._turned()
        if alone:
            yield from self._conflict()
        yield from self._instead()

    def _left_with(self, mended: Mapping[str, str]) -> bool:
        """Whether anything is left with other terms in the place of some."""
        text = self.within((*self.before, self.element))
        return self.asker.any(patterns.replaced(text, mended))

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
        unknown = list(unknown_in(self.asker, self.query, (self.element,), self._left_with))
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
        yield from unknown_in(self.asker, self.query, (self.element,), self._left_with)

    def _graph(self) -> Iterator[Finding]:
        (node,), (body,) = self.element.nodes, self.element.bodies
        iri = self.query.iri(node.tokens[0])
        if iri and not nearest.known(self.asker.site, iri, "graph"):
            near = nearest.terms_near(self.asker.site, iri, "graph", ())
            sentence, suggestion = unknown_words(self.query, iri, "graph", near)
            line, column = self.query.place(node.tokens[0].start)
            yield Finding("graph", line, column, sentence, suggestion)
            return
        if self._left(body.text):
            yield self._found(
                f"Inside `GRAPH {node.shown}` nothing fits all of this; over all graphs together there are solutions. "
                "Leave GRAPH out, or give parts that stand in different graphs a GRAPH each."
            )
            return
        inner = Within(f"{self.within.before}GRAPH {node.text} {{\n", f"\n}}{self.within.after}")
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
            yield from unknown_in(self.asker, self.query, (self.element,), self._left_with)
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


def _modifiers(asker: Asker, query: Query, select: patterns.Select, group: Group) -> Iterator[Finding]:
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
            raise Unsure
        yield found("HAVING", "There are groups of solutions, but none meets what HAVING asks.")
    elif "OFFSET" in by_word:
        count = asker.count(rows({"LIMIT", "OFFSET"}), LARGE)
        offset = int(by_word["OFFSET"].text.split()[-1])
        if count > offset:
            raise Unsure
        plural = "solution" if count == 1 else "solutions"
        yield found("OFFSET", f"There are {count:,} {plural}; OFFSET {offset:,} begins behind the last.")


def _template(asker: Asker, query: Query) -> Iterator[Finding]:
    assert query.where is not None
    for name in sorted(query.template - query.where.variables):
        near = nearest.order(name, query.where.variables - query.template or query.where.variables, 1)
        place = next(
            (t.start for t in patterns.tokens(query.text) if t.kind == "variable" and t.text[1:] == name), 0
        )  # fmt: skip
        told = f"The patterns have solutions, but `?{name}` of the template gets no value in them."
        hint = f" The nearest variable that gets one is `?{near[0]}`." if near else ""
        yield Finding("template", *query.place(place), told + hint, f"?{near[0]}" if near else "")


def _described(asker: Asker, query: Query) -> Iterator[Finding]:
    """DESCRIBE of names without a group."""
    head = patterns.tokens(query.select.head)
    start = query.text.find(query.select.head)
    for token in head:
        iri = query.iri(token) if token.kind in ("iri", "name") else None
        if iri and not nearest.known(asker.site, iri, "thing"):
            near = nearest.terms_near(asker.site, iri, "thing", ())
            yield Finding("iri", *query.place(start + token.start), *unknown_words(query, iri, "thing", near))
