"""A costly query: the shapes in its text that make it so, each in a sentence, with counts of this release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unitgraph.patterns import Element, Group, Query, one_line, visible
from unitgraph.resources.explain.asker import LARGE, MAX_SHOWN, Asker, Finding, Stopped, Unsure, Within

MANY_OPTIONALS = 8  #: side by side, from which they are told


@dataclass(frozen=True)
class Cost:
    """A shape that can make a query costly, as far as its text tells.

    `kind` is product (parts that share no variable), compared (only a filter connects them), path (of any
    length between open ends), everything (a pattern without a constant), text (a filter that reads texts),
    optionals (how many in `count`), order (ORDER BY) or limit (there is none). `parts` are those of a product.
    """

    kind: str
    start: int
    shown: str = ""
    count: int = 0
    parts: tuple[tuple[Element, ...], ...] = ()


def costs(query: Query) -> tuple[Cost, ...]:
    """What in the text of a query can make it costly; nothing that would depend on the data."""
    found = list(_group_costs(query.where, frozenset())) if query.where else []
    words = {modifier.word: modifier for modifier in query.select.modifiers}
    if query.form == "ASK":
        return tuple(found)
    if order := words.get("ORDER"):
        found.append(Cost("order", order.start, one_line(" ".join(order.text.split()))))
    if "LIMIT" not in words and not query.select.aggregates and query.where:
        found.append(Cost("limit", len(query.text.rstrip())))
    return tuple(found)


def _group_costs(group: Group, outside: frozenset[str]) -> Iterator[Cost]:
    binding = [one for one in group.elements if one.kind not in ("filter", "minus") and one.variables]
    filters = [one for one in group.elements if one.kind == "filter"]
    yield from _products(binding, filters, outside)
    for one in binding:
        elsewhere = outside.union(*(other.variables for other in binding if other is not one))
        ends = {one.nodes[n].text.lstrip("?$") for n in (0, 2)} if one.kind == "triple" else set()
        if not ends or not all(one.nodes[n].kind in ("variable", "blank") for n in (0, 2)) or ends & elsewhere:
            continue
        path = one.nodes[1]
        if path.kind == "variable" and path.text[1:] not in elsewhere:
            yield Cost("everything", one.start, one.shown)
        if path.kind == "path" and any(token.text in ("*", "+") for token in path.tokens):
            yield Cost("path", one.start, one.shown)
    for one in filters:
        if any(token.upper in ("REGEX", "CONTAINS", "STRSTARTS", "STRENDS") for token in one.tokens):
            yield Cost("text", one.start, one.shown)
    optionals = [one for one in binding if one.kind == "optional"]
    if len(optionals) >= MANY_OPTIONALS:
        yield Cost("optionals", optionals[0].start, count=len(optionals))
    for one in binding:
        for body in one.bodies:
            others = frozenset[str]().union(*(other.variables for other in binding if other is not one))
            yield from _group_costs(body, outside | others if one.kind == "optional" else frozenset())


def _products(binding: list[Element], filters: list[Element], outside: frozenset[str]) -> Iterator[Cost]:
    apart = _connected(binding, [outside])
    if len(apart) < 2:
        return
    compared = _connected(binding, [outside, *(one.variables for one in filters)])
    if len(compared) > 1:
        yield Cost("product", compared[1][0].start, parts=compared)
        return
    across = [one for one in filters if sum(bool(one.variables & visible(part)) for part in apart) > 1]
    if across:
        yield Cost("compared", across[0].start, across[0].shown, parts=apart)


def _connected(some: list[Element], links: Iterable[frozenset[str]]) -> tuple[tuple[Element, ...], ...]:
    """Elements that hang together by their variables, or by a set of linked variables, in order."""
    parts: list[tuple[set[str], list[Element]]] = [(set(link), []) for link in links if link]
    for one in some:
        touching = [part for part in parts if part[0] & one.variables]
        parts = [part for part in parts if not part[0] & one.variables]
        merged: tuple[set[str], list[Element]] = (set(one.variables), [])
        for variables, elements in touching:
            merged = (merged[0] | variables, merged[1] + elements)
        parts.append((merged[0], [*merged[1], one]))
    found = [
        tuple(sorted(elements, key=lambda one: one.start))
        for _, elements in parts
        if any(one.kind not in ("bind", "values") for one in elements)  # which multiply by little
    ]
    return tuple(sorted(found, key=lambda part: part[0].start))


# As sentences ------------------------------------------------------------------------------------------------


def findings(asker: Asker, query: Query, wanted: set[str] | None) -> tuple[list[Finding], bool]:
    found, complete = [], True
    for cost in costs(query):
        if wanted is not None and cost.kind not in wanted:
            continue
        try:
            finding = _cost(asker, query, cost)
        except (Stopped, Unsure):
            complete, finding = False, None
        if finding:
            found.append(finding)
    return found, complete


def _cost(asker: Asker, query: Query, cost: Cost) -> Finding | None:
    """A cost as a sentence, with counts of this release where they tell more."""
    line, column = query.place(cost.start)
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
        return Finding(cost.kind, None, None, sentence, suggestion)
    return Finding(cost.kind, line, column, sentence)


def _pairs(asker: Asker, cost: Cost) -> str | None:
    """The parts of a product with how much each finds; None where that is little."""
    most = 1_000_000
    within = Within()
    counts: list[int | None] = []
    for part in cost.parts:
        try:
            counts.append(asker.count(within(part), most))
        except Stopped:
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
        said = f"Only `{cost.shown}` connects {parts}: every one is compared with every other."
        return f"{said} Add a pattern that has a variable of each."
    size = f", {product:,} in all" if None not in counts else ""
    return (
        f"Nothing connects {parts}: every one is combined with every other{size}. Add a pattern that has a variable "
        "of each."
    )
