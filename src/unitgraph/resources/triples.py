"""The description of a thing triple by triple: nothing is summed up, and every term can be read back exactly."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from unitgraph.answers import Term
from unitgraph.resources import parts, terms
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Heading
from unitgraph.resources.terms import Value
from unitgraph.site import Site
from unitgraph.vocab import curie


@dataclass(frozen=True)
class Exact:
    """A term as it is shown, and what it is: an IRI, a blank node (its label), or a literal.

    Of a literal: the lexical form, the IRI of the datatype (empty where there is a language), language, direction.
    """

    shown: Value
    iri: str = ""
    blank: str = ""
    lexical: str = ""
    datatype: str = ""
    language: str = ""
    direction: str = ""


@dataclass(frozen=True)
class Line:
    """The values of one property of a subject; `name` is its prefixed name."""

    name: str
    property: Exact
    values: tuple[Exact, ...]


@dataclass(frozen=True)
class Subject:
    """Everything said of one subject, in the order in which it is written in all formats."""

    subject: Exact
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class TriplesPage:
    """All triples of a description: those of the thing, then those of the statements about it."""

    thing: Heading
    own: Subject | None
    statements: tuple[Subject, ...]
    count: int
    total: int
    page: int
    pages: int


def page(site: Site, described: Description) -> TriplesPage:
    """The triples of one page of a description, all of them."""
    triples = (*described.own, *described.said)
    subjects = _subjects(site, triples)
    own = next((one for one in subjects if one.subject.iri == described.iri.value), None)
    return TriplesPage(
        parts.heading(site, described.iri),
        own,
        tuple(one for one in subjects if one is not own),
        len(set(triples)),
        described.total,
        described.page,
        described.pages,
    )


def _subjects(site: Site, triples: tuple[Triple, ...]) -> list[Subject]:
    by_subject: dict[Term, dict[NamedNode, list[Term]]] = {}
    for triple in dict.fromkeys(triples):
        by_subject.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
    return [
        Subject(
            exact(site, subject),
            tuple(
                Line(curie(predicate.value), exact(site, predicate), tuple(exact(site, value) for value in values))
                for predicate, values in said.items()
            ),
        )
        for subject, said in by_subject.items()
    ]


def exact(site: Site, one: Term) -> Exact:
    """A term with all that makes it this term (RDF 1.1 Concepts §3)."""
    shown = terms.value(site, one)
    if isinstance(one, NamedNode):
        return Exact(shown, iri=one.value)
    if isinstance(one, BlankNode):
        return Exact(shown, blank=one.value)
    if isinstance(one, Literal):
        datatype = "" if one.language else one.datatype.value
        direction = str(getattr(one, "direction", None) or "")
        return Exact(shown, lexical=one.value, datatype=datatype, language=one.language or "", direction=direction)
    return Exact(shown, lexical=str(one))
