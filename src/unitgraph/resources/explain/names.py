"""Names in a query that the release does not know: where they stand, and the nearest ones that it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from pyoxigraph import NamedNode

from unitgraph import patterns
from unitgraph.errors import QuerySyntaxError
from unitgraph.patterns import Element, Query, Token
from unitgraph.resources import terms
from unitgraph.resources.explain import nearest
from unitgraph.resources.explain.asker import MAX_NAMES, MAX_VALUES, UNUSED, Asker, Finding, Stopped, Unsure
from unitgraph.site import Site
from unitgraph.vocab import RDF_TYPE


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


#: Whether something is found with other terms in the place of some.
Helps: TypeAlias = Callable[[Mapping[str, str]], bool]


def unknown_in(asker: Asker, query: Query, elements: Iterable[Element], helps: Helps) -> Iterator[Finding]:
    """Names in these elements that the release does not know in their role; the last element first.

    A finding counts on those before it: their suggestions are taken when the next one is tried.
    """
    seen, places = set(), set()
    mended: dict[str, str] = {}
    for element in reversed(list(_flat(elements))):
        for token, iri, role in _constants(query, element):
            if (iri, role) in seen or nearest.known(asker.site, iri, role):
                continue
            seen.add((iri, role))
            found = _wrong_prefix(asker, query, token, role)
            if found is None:
                there = _values_there(asker, query, element, token, mended)
                near = nearest.terms_near(asker.site, iri, role, there, asker.used(role, nearest.split(iri)[0]))
                names = [query.name(one) for one in near]
                best = next((name for name in names[:MAX_NAMES] if helps({**mended, token.text: name})), "")
                found = _unknown(asker, query, token, iri, role, best, near)
                if best or names:
                    mended[token.text] = best or names[0]
            if (found.line, found.column) not in places:
                places.add((found.line, found.column))
                yield found


def _unknown(asker: Asker, query: Query, token: Token, iri: str, role: str, best: str, near: list[str]) -> Finding:
    """An unknown name; `best` is the near one with which something is found, or empty."""
    line, column = query.place(token.start)
    if not best and role in ("property", "class") and nearest.known(asker.site, iri, "thing"):
        use = "no statement uses it as a property" if role == "property" else "nothing is of this class"
        return Finding("unused", line, column, f"`{query.name(iri)}` is described here, but {use}.")
    sentence, suggestion = unknown_words(query, iri, role, near)
    if best:
        what = sentence.partition(" The nearest")[0]
        sentence = f"{what} The nearest name is `{best}`; with that, something is found up to this place."
    return Finding("iri", line, column, sentence, best or suggestion)


def _values_there(
    asker: Asker, query: Query, element: Element, token: Token, mended: Mapping[str, str]
) -> tuple[str, ...]:
    """The things that stand in the place of an unknown one: the values of the same property."""
    if element.kind != "triple" or token not in element.nodes[2].tokens:
        return ()
    subject, path, _ = element.nodes
    pattern = patterns.replaced(f"{subject.text} {path.text} ?{UNUSED}_o .", mended)
    try:
        found = asker.values(f"?{UNUSED}_o", pattern, MAX_VALUES)
    except Unsure:
        return ()
    return tuple(one.value for one in found if isinstance(one, NamedNode))


def _wrong_prefix(asker: Asker, query: Query, token: Token, role: str) -> Finding | None:
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


def unknown_words(query: Query, iri: str, role: str, near: list[str]) -> tuple[str, str]:
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


def unknown_elsewhere(asker: Asker, query: Query, found: list[Finding]) -> list[Finding]:
    """Unknown names in the rest of the query, so that they can be mended in one go."""
    places = {(one.line, one.column) for one in found if one.kind in ("iri", "unused", "prefix", "graph")}
    more: list[Finding] = []
    if query.where is None:
        return more
    try:
        for one in unknown_in(asker, query, query.where.elements, lambda mended: False):
            if (one.line, one.column) not in places and one.kind != "unused":
                more.append(one)
    except (Stopped, Unsure):
        pass
    return more


def undeclared_prefixes(site: Site, text: str, error: QuerySyntaxError) -> Iterator[Finding]:
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
