"""What the pages of things are put together from: a value with its evidence, a period, a list that is cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from pyoxigraph import Literal, NamedNode

from unitgraph.resources import terms
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import DEFINITION, NOTATION, RDF_TYPE, term

SHOWN = 50  #: things of one sort on a page; the rest is counted and linked
MAX_SOURCES = 5  #: sources named beside one statement
CONFIDENCE, STATED_IN = term("ug:confidence"), term("ug:statedIn")
DESCRIPTION = term("dcterms:description")
START, END = term("ug:start"), term("ug:end")


@dataclass(frozen=True)
class Evidence:
    """How sure a statement is and which sources say it; `more` sources are not named."""

    confidence: Value | None
    sources: tuple[Value, ...]
    inferred: bool = False
    more: int = 0


@dataclass(frozen=True)
class Period:
    """From when to when, as XML Schema writes it (`2020`, `2020-05-17`); empty where it is not known."""

    start: str = ""
    end: str = ""

    def __bool__(self) -> bool:
        return bool(self.start or self.end)


@dataclass(frozen=True)
class Stated:
    """A thing as the object of a statement about another: with words about it, when, and on what evidence."""

    thing: Value
    notes: tuple[Text, ...] = ()
    period: Period = Period()
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Cut:
    """The first things of a list; `more` are not shown."""

    things: tuple[Value, ...]
    more: int = 0

    @property
    def count(self) -> int:
        """How many there are in all."""
        return len(self.things) + self.more


@dataclass(frozen=True)
class Heading:
    """The head of a thing's page, and what stands at its foot."""

    iri: str
    segment: str
    title: Text
    notations: tuple[str, ...]
    leads: tuple[Text, ...]
    evidence: Evidence | None
    notes: tuple[Text, ...]


def heading(site: Site, node: NamedNode) -> Heading:
    """What a thing is called, what it is in a sentence, how sure that is."""
    return Heading(
        node.value,
        node.value.removeprefix(site.base).partition("/")[0],
        terms.label(site, node),
        tuple(sorted(text.value for text in terms.texts(site, node, NOTATION))),
        (*terms.texts(site, node, DESCRIPTION), *terms.texts(site, node, DEFINITION)),
        evidence(site, node),
        terms.texts(site, node, term("skos:editorialNote")),
    )


def evidence(site: Site, node: NamedNode) -> Evidence | None:
    """The confidence and the sources of a statement, or of a thing; None where it has neither."""
    confidence = next(iter(terms.objects(site, node, CONFIDENCE)), None)
    sources = terms.objects(site, node, STATED_IN)
    types = list(site.store.quads_for_pattern(node, RDF_TYPE, None))
    inferred = bool(types) and all(quad.graph_name == terms.inferred_graph(site) for quad in types)
    if confidence is None and not sources and not inferred:
        return None
    return Evidence(
        terms.value(site, confidence) if confidence is not None else None,
        terms.values(site, sources[:MAX_SOURCES]),
        inferred,
        max(0, len(sources) - MAX_SOURCES),
    )


def period(site: Site, node: NamedNode) -> Period:
    """When a thing or a statement began and ended."""
    return Period(literal(site, node, START), literal(site, node, END))


def literal(site: Site, node: NamedNode, predicate: NamedNode) -> str:
    """The first value of a property that is a literal, or an empty text."""
    return next((o.value for o in terms.objects(site, node, predicate) if isinstance(o, Literal)), "")


def one(site: Site, node: NamedNode, predicate: NamedNode) -> Value | None:
    """The first value of a property, as it is shown."""
    found = next(iter(terms.objects(site, node, predicate)), None)
    return terms.value(site, found) if found is not None else None


def some(site: Site, node: NamedNode, predicate: NamedNode) -> tuple[Value, ...]:
    """The values of a property, as they are shown; no more than a page shows."""
    return terms.values(site, terms.objects(site, node, predicate)[: terms.MAX_VALUES])


def backwards(site: Site, predicate: NamedNode, node: NamedNode, limit: int = SHOWN) -> list[NamedNode]:
    """The first things that have a node as the value of a property, in no order: no more are looked at than asked."""
    found = site.store.quads_for_pattern(None, predicate, node)
    subjects = dict.fromkeys(quad.subject for quad in islice(found, limit) if isinstance(quad.subject, NamedNode))
    return list(subjects)


def cut(site: Site, nodes: Iterable[NamedNode], limit: int = SHOWN) -> Cut:
    """Things by label, the first of them shown."""
    found = list(nodes)
    return Cut(terms.values(site, found[:limit]), max(0, len(found) - limit))
