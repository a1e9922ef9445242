"""Things and statements about things: what is said of them, and what refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph.answers import Graph, Term
from unitgraph.errors import NotFound
from unitgraph.index.write import LARGE, MANY
from unitgraph.resources import terms
from unitgraph.resources.terms import Fact, Text, Value
from unitgraph.site import Site
from unitgraph.vocab import ABOUT as ABOUT  # other pages find them here
from unitgraph.vocab import (
    ALT_LABEL,
    FORMER_IRI,
    LABEL,
    NOTATION,
    PREF_LABEL,
    RDF_TYPE,
    STATEMENTS,
    term,
)
from unitgraph.vocab import NAMES as NAMES

MAX_STATEMENTS = LARGE  #: statements about a thing on one page, in one document
MAX_REFERENCES = 10_000  #: references that are read at once; what has more that count has them in the index
SHOWN_REFERENCES = 50  #: how many of them a page shows for each property

#: What a SKOS property says when it is read backwards (SKOS Reference §8.3.2); ours say it in the ontology.
BACKWARDS = {
    term("skos:narrower"): {term("skos:broader"), term("skos:broaderTransitive")},
    term("skos:broader"): {term("skos:narrower")},
    term("skos:hasTopConcept"): {term("skos:topConceptOf")},
    term("skos:topConceptOf"): {term("skos:hasTopConcept")},
}
NOTES = (term("dcterms:description"), term("skos:definition"), term("skos:editorialNote"))


@dataclass(frozen=True)
class Description:
    """All that is said of a thing: its own triples, then those of the statements about it, a page of them."""

    iri: NamedNode
    own: tuple[Triple, ...]
    statements: tuple[NamedNode, ...]
    said: tuple[Triple, ...]
    total: int
    page: int
    pages: int

    @property
    def graph(self) -> Graph:
        """The same, ready to be written in any format."""
        return Graph(self.iri.value, (*self.own, *self.said))


@dataclass(frozen=True)
class Row:
    """A statement in a table: a link to itself, a list of values for each column, and its notes."""

    statement: Value
    cells: tuple[tuple[Value, ...], ...]
    notes: tuple[Text, ...]


@dataclass(frozen=True)
class Section:
    """The statements of one class about a thing."""

    id: str
    heading: str
    columns: tuple[Value, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class References:
    """Things that have this one as the value of a property; `more` are not shown."""

    property: Value
    things: tuple[Value, ...]
    count: int
    more: int
    query: str


@dataclass(frozen=True)
class EntityPage:
    """What the page of a thing shows."""

    iri: str
    title: Text
    collection: Value | None
    notations: tuple[str, ...]
    leads: tuple[Text, ...]
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    references: tuple[References, ...]
    notes: tuple[Text, ...]
    echoes: tuple[Fact, ...]
    total: int
    page: int
    pages: int


def former(site: Site, iri: NamedNode) -> NamedNode | None:
    """The thing that once had this IRI."""
    return next(iter(terms.subjects(site, FORMER_IRI, iri)), None)


def describe(site: Site, iri: NamedNode, page: int = 1) -> Description:
    """Everything said of a thing, in every graph, with the statements about it.

    Raises:
        NotFound: nothing is said of it, or there are fewer pages.
    """
    own = _triples(site, iri)
    if not own:
        raise NotFound(f"nothing in release {site.release.version} is named {iri.value}")
    index = site.release.index
    total = index.statement_count(iri.value)
    about = () if total else _statements(site, iri, own)
    total = total or len(about)
    pages = max(1, ceil(total / MAX_STATEMENTS))
    if page > pages:
        raise NotFound(f"page {page} of {iri.value} does not exist; the last one is {pages}")
    offset = (page - 1) * MAX_STATEMENTS
    shown = about or tuple(map(NamedNode, index.statements(iri.value, offset, MAX_STATEMENTS)))
    said = tuple(triple for node in shown for triple in _triples(site, node))
    return Description(iri, tuple(own), shown, said, total, page, pages)


def _triples(site: Site, subject: NamedNode) -> list[Triple]:
    triples = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, subject)}
    return terms.ordered(site, triples)


def _statements(site: Site, iri: NamedNode, own: Iterable[Triple]) -> tuple[NamedNode, ...]:
    """The statements about a thing, its names, and what is called `<thing>#…`, by IRI, where they are few.

    The index holds the others, more than `MAX_STATEMENTS` of them, in the same order.
    """
    found: set[NamedNode] = set()
    for triple in own:
        value = triple.object
        if isinstance(value, NamedNode) and (triple.predicate in NAMES or value.value.startswith(f"{iri.value}#")):
            found.add(value)
    for predicate in ABOUT:
        quads = site.store.quads_for_pattern(None, predicate, iri)
        found |= {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}
    return tuple(sorted((n for n in found if n != iri and terms.exists(site, n)), key=lambda node: node.value))


# The page ------------------------------------------------------------------------------------------


def page(site: Site, described: Description) -> EntityPage:
    """The page of a thing: the same statements as in its other formats, and what refers to it."""
    iri = described.iri
    echoes = terms.echoes(site, terms.quads(site, iri))
    apart = {*NAMES, *NOTES, PREF_LABEL, LABEL, NOTATION}
    title = terms.label(site, iri)
    plain = [t for t in described.own if t not in echoes and (t.predicate not in apart or _is_other(t, title))]
    echoed = [t for t in described.own if t in echoes]
    return EntityPage(
        iri.value,
        title,
        _collection(site, iri),
        tuple(sorted(found.value for found in terms.texts(site, iri, NOTATION))),
        (*terms.texts(site, iri, NOTES[0]), *terms.texts(site, iri, NOTES[1])),
        terms.facts(site, plain),
        tuple(_sections(site, described)),
        _references(site, described),
        terms.texts(site, iri, NOTES[2]),
        terms.facts(site, echoed, exact=True),
        described.total,
        described.page,
        described.pages,
    )


def _is_other(triple: Triple, title: Text) -> bool:
    """A label that the heading does not show already."""
    value = triple.object
    if triple.predicate not in (PREF_LABEL, LABEL) or not isinstance(value, Literal):
        return False
    return (value.value, value.language) != (title.value, title.language)


def _collection(site: Site, iri: NamedNode) -> Value | None:
    """The list in which a thing stands."""
    segment = iri.value.removeprefix(site.base).partition("/")[0]
    kind = site.kinds.get(segment)
    return Value(terms.plural(kind.label), "en", f"{site.base}{segment}") if kind else None


def _sections(site: Site, described: Description) -> Iterator[Section]:
    """The statements about a thing, those of one class in one table."""
    by_class: dict[Term, list[NamedNode]] = {}
    said: dict[NamedNode, list[Triple]] = {node: [] for node in described.statements}
    for triple in described.said:
        if isinstance(triple.subject, NamedNode):
            said[triple.subject].append(triple)
    for node in described.statements:
        by_class.setdefault(_main_class(site, node), []).append(node)
    rank = {str(site.kinds[segment].cls): n for n, segment in enumerate(STATEMENTS) if segment in site.kinds}
    for cls in sorted(by_class, key=lambda cls: (rank.get(str(cls), len(rank)), str(cls))):
        nodes, name = by_class[cls], terms.value(site, cls).text
        yield _section(site, terms.plural(name), [(node, said[node]) for node in nodes], described.iri)


def _main_class(site: Site, node: NamedNode) -> Term:
    inferred = terms.inferred_graph(site)
    quads = list(site.store.quads_for_pattern(node, RDF_TYPE, None))
    asserted = [quad.object for quad in quads if quad.graph_name != inferred]
    found = asserted or [quad.object for quad in quads]
    return min(found, key=str) if found else term("rdfs:Resource")


def _inferred(site: Site, node: NamedNode) -> set[Triple]:
    """What only the rules say of a node."""
    quads = terms.quads(site, node)
    graph = terms.inferred_graph(site)
    said = {Triple(q.subject, q.predicate, q.object) for q in quads if q.graph_name != graph}
    return {Triple(q.subject, q.predicate, q.object) for q in quads} - said


def _section(site: Site, heading: str, statements: list[tuple[NamedNode, list[Triple]]], thing: NamedNode) -> Section:
    skipped = {RDF_TYPE, PREF_LABEL, ALT_LABEL, *NOTES}
    kept: list[tuple[NamedNode, dict[NamedNode, list[Term]]]] = []
    for node, triples in statements:
        inferred = _inferred(site, node)
        cells: dict[NamedNode, list[Term]] = {}
        for triple in triples:
            points_back = triple.predicate in ABOUT and triple.object == thing
            if triple not in inferred and triple.predicate not in skipped and not points_back:
                cells.setdefault(triple.predicate, []).append(triple.object)
        kept.append((node, cells))
    used = {predicate for _, cells in kept for predicate in cells}
    columns = sorted(used, key=lambda predicate: terms.predicate_key(site, predicate))
    rows = [
        Row(
            terms.value(site, node),
            tuple(terms.values(site, cells.get(column, ())) for column in columns),
            tuple(note for predicate in NOTES for note in terms.texts(site, node, predicate)),
        )
        for node, cells in kept
    ]
    rows.sort(key=lambda row: [value.text for cell in row.cells for value in cell])
    name = heading[:1].upper() + heading[1:]
    return Section(heading.replace(" ", "-"), name, tuple(terms.value(site, c) for c in columns), tuple(rows))


def _references(site: Site, described: Description) -> tuple[References, ...]:
    """What refers to a thing, by property: the first of many."""
    hidden = _hidden(site, described)
    groups = []
    for predicate, n in reference_counts(site, described.iri).items():
        if predicate not in hidden:
            found = references(site, described.iri, predicate, 0, SHOWN_REFERENCES)
            nodes = [node for node in found if node not in hidden]
            if nodes:
                groups.append(_group(site, predicate, nodes, n - len(found) + len(nodes), described.iri))
    return tuple(groups)


def reference_counts(site: Site, iri: NamedNode) -> dict[NamedNode, int]:
    """How many things refer to one, by property, in the order of the shapes.

    What only the report says does not count, nor what the rules say once more in other vocabularies.
    """
    known = site.release.index.reference_counts(iri.value)
    counts = {NamedNode(predicate): n for predicate, n in known.items()}
    counts = counts or {predicate: len(nodes) for predicate, nodes in _referring(site, iri, None).items()}
    return {predicate: counts[predicate] for predicate in sorted(counts, key=lambda p: terms.predicate_key(site, p))}


def references(
    site: Site, iri: NamedNode, predicate: NamedNode, offset: int = 0, limit: int = SHOWN_REFERENCES
) -> tuple[NamedNode, ...]:
    """A part of the things that have this one as the value of a property, by label."""
    index = site.release.index
    if index.reference_counts(iri.value).get(predicate.value, 0) > MANY:
        return tuple(map(NamedNode, index.references(iri.value, predicate.value, offset, limit)))
    nodes = _referring(site, iri, predicate).get(predicate, set())
    found = sorted(nodes, key=lambda node: (terms.label(site, node).value.casefold(), node.value))
    return tuple(found[offset : offset + limit])


def _referring(site: Site, iri: NamedNode, predicate: NamedNode | None) -> dict[NamedNode, set[NamedNode]]:
    """What refers to a thing, by property, read from the store; the index says where that would be long."""
    quads = list(islice(site.store.quads_for_pattern(None, predicate, iri), MAX_REFERENCES))
    echoes = terms.echoes(site, quads)
    found: dict[NamedNode, set[NamedNode]] = {}
    for quad in quads:
        subject = quad.subject
        if not isinstance(subject, NamedNode) or subject == iri or quad.graph_name == terms.report_graph(site):
            continue
        if Triple(subject, quad.predicate, iri) not in echoes:
            found.setdefault(quad.predicate, set()).add(subject)
    return found


def _hidden(site: Site, described: Description) -> set[NamedNode]:
    """Statements, which have tables of their own, and properties whose inverse the thing itself states."""
    hidden = {*described.statements, *ABOUT}
    inverse = term("owl:inverseOf")
    for triple in described.own:
        if isinstance(triple.object, NamedNode):
            hidden |= BACKWARDS.get(triple.predicate, set())
            hidden |= {p for p in terms.objects(site, triple.predicate, inverse) if isinstance(p, NamedNode)}
            hidden |= set(terms.subjects(site, inverse, triple.predicate))
    return hidden


def _group(site: Site, predicate: NamedNode, nodes: list[NamedNode], count: int, iri: NamedNode) -> References:
    query = f"SELECT DISTINCT ?thing\nWHERE {{\n  ?thing {predicate} {iri} .\n}}\nORDER BY ?thing\n"
    things = tuple(terms.value(site, node) for node in nodes)
    return References(terms.value(site, predicate), things, count, count - len(nodes), query)
