"""How terms are shown to a reader: labels in a language, values, properties in a steady order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from unitgraph.answers import Term
from unitgraph.site import Site
from unitgraph.vocab import (
    COMPOSED,
    GENID,
    LABELS,
    PREF_LABEL,
    PREFIXES,
    RDF_TYPE,
    UG,
    curie,
    in_words,
    term,
)
from unitgraph.vocab import MAX_DEPTH as MAX_DEPTH

MAX_LABELS = 20_000  #: that are kept for each language: a few megabytes
MAX_VALUES = 100  #: values of one property that a page shows
XSD_STRING = term("xsd:string").value
ALT_NAME, LITERAL_FORM = term("skosxl:altLabel"), term("skosxl:literalForm")

#: Properties that come last on a page and in a document, in this order.
LAST = tuple(
    term(name).value for name in ("ug:firstYear", "ug:lastYear", "ug:formerIri", "ug:confidence", "ug:statedIn")
)


@dataclass(frozen=True)
class Text:
    """Words, and the language they are in if that is known."""

    value: str
    language: str | None = None


@dataclass(frozen=True)
class Value:
    """A value on a page: an IRI with its label, or a literal with its datatype (a prefixed name, or empty)."""

    text: str
    language: str | None = None
    iri: str | None = None
    datatype: str = ""


@dataclass(frozen=True)
class Fact:
    """A property with its values; `more` values are not shown."""

    property: Value
    values: tuple[Value, ...]
    more: int = 0


def quads(site: Site, subject: NamedNode) -> list[Quad]:
    """What every graph says of a subject."""
    return list(site.store.quads_for_pattern(subject, None, None))


def objects(site: Site, subject: NamedNode, predicate: NamedNode) -> list[Term]:
    """The values of a property, each once."""
    found = site.store.quads_for_pattern(subject, predicate, None)
    return list(dict.fromkeys(quad.object for quad in found))


def subjects(site: Site, predicate: NamedNode, value: Term) -> list[NamedNode]:
    """The named nodes that have this value of a property, each once, in order of IRI."""
    found = {q.subject for q in site.store.quads_for_pattern(None, predicate, value)}
    return sorted((node for node in found if isinstance(node, NamedNode)), key=lambda node: node.value)


def exists(site: Site, subject: NamedNode) -> bool:
    """Whether the release says anything of a subject."""
    return next(iter(site.store.quads_for_pattern(subject, None, None)), None) is not None


def texts(site: Site, subject: NamedNode, predicate: NamedNode) -> tuple[Text, ...]:
    """The literals of a property, those in the reader's language first, then English."""
    return _texts(site, objects(site, subject, predicate))


def _texts(site: Site, terms: Iterable[Term]) -> tuple[Text, ...]:
    literals = [value for value in terms if isinstance(value, Literal)]
    literals.sort(key=lambda literal: _preference(literal, site.language))
    return tuple(Text(value.value, value.language) for value in literals)


def text(site: Site, subject: NamedNode, predicate: NamedNode) -> Text | None:
    """The best literal of a property, or None."""
    return next(iter(texts(site, subject, predicate)), None)


def numbers(site: Site, subject: NamedNode, predicate: NamedNode) -> list[float]:
    """The values of a property that are numbers."""
    return _numbers(objects(site, subject, predicate))


def _numbers(terms: Iterable[Term]) -> list[float]:
    found = []
    for value in terms:
        if isinstance(value, Literal):
            with contextlib.suppress(ValueError):
                found.append(float(value.value))
    return found


def _preference(literal: Literal, reader: str) -> tuple[bool, bool, bool, str, str]:
    language = literal.language or ""
    tongue = language.partition("-")[0]
    return (tongue != reader, tongue != "en", bool(language), language, literal.value)


def label(site: Site, node: NamedNode, depth: int = 0) -> Text:
    """What a node is called: its best label, or one composed of its parts, or its prefixed name."""
    if depth:
        return _label(site, node, depth)
    if (kept := site.labels.get(node)) is not None:
        return Text(*kept)
    found = _label(site, node, 0)
    if len(site.labels) >= MAX_LABELS:
        site.labels.clear()
    site.labels[node] = (found.value, found.language)
    return found


def _label(site: Site, node: NamedNode, depth: int) -> Text:
    if preferred := text(site, node, PREF_LABEL):
        return preferred if _spoken(site, preferred) else _name(site, node) or preferred
    said: dict[NamedNode, list[Term]] = {}
    for quad in site.store.quads_for_pattern(node, None, None):
        said.setdefault(quad.predicate, []).append(quad.object)
    for predicate in LABELS:
        if found := _texts(site, said.get(predicate, ())):
            return found[0]
    for first, between, second in COMPOSED if depth < MAX_DEPTH else ():
        if first in said and second in said:
            parts = (value(site, min(said[predicate], key=str), depth + 1).text for predicate in (first, second))
            return Text(between.join(parts), "en")
    return Text(in_words(curie(node.value)))


def _spoken(site: Site, found: Text) -> bool:
    """Whether a text is in the reader's language; one without a language is in every one."""
    return found.language is None or found.language.partition("-")[0] == site.language


def _name(site: Site, node: NamedNode) -> Text | None:
    """A name in the reader's language, where the preferred one is in another (SKOS-XL §B.3)."""
    names = [name for name in objects(site, node, ALT_NAME) if isinstance(name, NamedNode)]
    forms = (text(site, name, LITERAL_FORM) for name in names)
    return next((form for form in forms if form and form.language and _spoken(site, form)), None)


def value(site: Site, shown: Term, depth: int = 0) -> Value:
    """A term as it stands on a page."""
    if isinstance(shown, NamedNode):
        found = label(site, shown, depth)
        return Value(found.value, found.language, shown.value)
    if isinstance(shown, Literal):
        plain = shown.language or shown.datatype.value == XSD_STRING
        return Value(shown.value, shown.language, None, "" if plain else curie(shown.datatype.value))
    return Value(str(shown))


def values(site: Site, terms: Iterable[Term]) -> tuple[Value, ...]:
    """Terms as they stand on a page: literals by language, then things by label."""
    shown = [value(site, one) for one in terms]
    distance = {"en": 1, None: 0, site.language: 0}
    return tuple(sorted(shown, key=lambda v: (v.iri is not None, distance.get(v.language, 2), v.text.lower(), v.text)))


def facts(site: Site, triples: Iterable[Triple], *, exact: bool = False) -> tuple[Fact, ...]:
    """Triples of one subject as properties with their values, in the order of the shapes.

    With `exact` a property is called by its prefixed name.
    """
    by_property: dict[NamedNode, list[Term]] = {}
    for triple in triples:
        by_property.setdefault(triple.predicate, []).append(triple.object)
    found = []
    for predicate in sorted(by_property, key=lambda p: predicate_key(site, p)):
        terms = by_property[predicate]
        shown = values(site, terms[:MAX_VALUES])
        name = Value(curie(predicate.value), None, predicate.value) if exact else value(site, predicate)
        found.append(Fact(name, shown, len(terms) - len(shown)))
    return tuple(found)


@lru_cache(maxsize=16)
def _orders(site: Site) -> dict[str, float]:
    """The lowest `sh:order` that a property shape gives to each property (SHACL §2.3.2.3)."""
    orders: dict[str, float] = {}
    for quad in site.store.quads_for_pattern(None, term("sh:order"), None):
        if isinstance(quad.object, Literal) and isinstance(quad.subject, NamedNode):
            for path in objects(site, quad.subject, term("sh:path")):
                if isinstance(path, NamedNode):
                    for order in _numbers((quad.object,)):
                        orders[path.value] = min(order, orders.get(path.value, order))
    return orders


def predicate_key(site: Site, predicate: NamedNode) -> tuple[bool, float, str]:
    """Sorts properties: the type, then in the order of the shapes, then by name; the source last."""
    order = _orders(site).get(predicate.value, 1_000.0)
    if predicate.value in LAST:
        order = 2_000.0 + LAST.index(predicate.value)
    return (predicate != RDF_TYPE, order, curie(predicate.value))


def ordered(site: Site, triples: Iterable[Triple]) -> list[Triple]:
    """Triples of one subject in the order in which they are written."""
    return sorted(triples, key=lambda t: (*predicate_key(site, t.predicate), _term_key(t.object)))


def _term_key(one: Term) -> tuple[str, str]:
    language = one.language or "" if isinstance(one, Literal) else ""
    return (language, str(one))


def prefixes(site: Site) -> dict[str, str]:
    """The prefixes of a release: those of the vocabularies, and one for each kind of thing."""
    return {segment: f"{site.base}{segment}/" for segment in site.kinds} | PREFIXES


def inferred_graph(site: Site) -> NamedNode:
    """The graph that the rules wrote."""
    return NamedNode(f"{site.base}graph/inferred")


def report_graph(site: Site) -> NamedNode:
    """The graph of the validation report."""
    return NamedNode(f"{site.base}graph/report")


def echoes(site: Site, found: Iterable[Quad]) -> set[Triple]:
    """Triples that say once more, in the terms of another vocabulary, what ours say already."""
    inferred: set[Triple] = set()
    asserted: set[Triple] = set()
    for quad in found:
        home = inferred if quad.graph_name == inferred_graph(site) else asserted
        home.add(Triple(quad.subject, quad.predicate, quad.object))
    ours = (UG, PREFIXES["skos"])
    return {t for t in inferred - asserted if not t.predicate.value.startswith(ours)}


def without_genids(triples: Iterable[Triple]) -> Iterator[Triple]:
    """Triples with the names of skolemised nodes taken off again (RDF 1.1 §3.5)."""
    for triple in triples:
        yield Triple(_blank(triple.subject), triple.predicate, _blank(triple.object))  # type: ignore[arg-type]


def _blank(node: Term) -> Term:
    if isinstance(node, NamedNode) and node.value.startswith(GENID):
        return BlankNode(node.value[len(GENID) :])
    return node


def plural(noun: str) -> str:
    """The English plural of a class label.

    >>> [plural(noun) for noun in ("unit", "story", "series", "basis", "country", "key initiative")]
    ['units', 'stories', 'series', 'bases', 'countries', 'key initiatives']
    >>> plural("kind of change")
    'kinds of change'
    """
    head, space, rest = noun.partition(" ")
    if rest.startswith(("of ", "in ")):
        return plural(head) + space + rest
    if noun.endswith("series"):
        return noun
    if noun.endswith("sis"):
        return noun[:-2] + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
