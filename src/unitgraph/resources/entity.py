"""Things and statements about things: what is said of them, and what refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph.answers import Graph, Term
from unitgraph.errors import NotFound
from unitgraph.resources import terms
from unitgraph.resources.terms import Fact, Text, Value
from unitgraph.site import Site
from unitgraph.vocab import ALT_LABEL, FORMER_IRI, LABEL, NOTATION, PREF_LABEL, RDF_TYPE, term

MAX_STATEMENTS = 500  #: statements about a thing on one page, in one document
MAX_REFERENCES = 10_000  #: how many references to a thing are counted
SHOWN_REFERENCES = 50  #: how many of them a page shows for each property

#: Properties by which a statement says what it is about, and those by which a thing names its names.
ABOUT = tuple(
    map(
        term,
        (
            "ug:contributionOf",
            "ug:partnershipIn",
            "ug:partner",
            "ug:standingOf",
            "ug:placed",
            "ug:grantOf",
            "ug:recipient",
            "rdf:subject",
        ),
    )
)
#: What a SKOS property says when it is read backwards (SKOS Reference §8.3.2); ours say it in the ontology.
BACKWARDS = {
    term("skos:narrower"): {term("skos:broader"), term("skos:broaderTransitive")},
    term("skos:broader"): {term("skos:narrower")},
    term("skos:hasTopConcept"): {term("skos:topConceptOf")},
    term("skos:topConceptOf"): {term("skos:hasTopConcept")},
}
NAMES = (term("skosxl:prefLabel"), term("skosxl:altLabel"))
STATEMENTS = ("name", "standing", "placement", "contribution", "partnership", "award-grant", "claim")  #: their order
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
    references_cut: bool
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
    about = sorted(_statements(site, iri, own), key=lambda node: node.value)
    pages = max(1, ceil(len(about) / MAX_STATEMENTS))
    if page > pages:
        raise NotFound(f"page {page} of {iri.value} does not exist; the last one is {pages}")
    shown = tuple(about[(page - 1) * MAX_STATEMENTS : page * MAX_STATEMENTS])
    said = tuple(triple for node in shown for triple in _triples(site, node))
    return Description(iri, tuple(own), shown, said, len(about), page, pages)


def _triples(site: Site, subject: NamedNode) -> list[Triple]:
    triples = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, subject)}
    return terms.ordered(site, triples)


def _statements(site: Site, iri: NamedNode, own: Iterable[Triple]) -> set[NamedNode]:
    """The statements about a thing, its names, and what is called `<thing>#…`."""
    found: set[NamedNode] = set()
    for triple in own:
        value = triple.object
        if isinstance(value, NamedNode) and (triple.predicate in NAMES or value.value.startswith(f"{iri.value}#")):
            found.add(value)
    for predicate in ABOUT:
        quads = site.store.quads_for_pattern(None, predicate, iri)
        found |= {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}
    return {node for node in found if node != iri and terms.exists(site, node)}


# The page ------------------------------------------------------------------------------------------


def page(site: Site, described: Description) -> EntityPage:
    """The page of a thing: the same statements as in its other formats, and what refers to it."""
    iri = described.iri
    echoes = terms.echoes(site, terms.quads(site, iri))
    apart = {*NAMES, *NOTES, PREF_LABEL, LABEL, NOTATION}
    title = terms.label(site, iri)
    plain = [t for t in described.own if t not in echoes and (t.predicate not in apart or _is_other(t, title))]
    echoed = [t for t in described.own if t in echoes]
    references, cut = _references(site, described)
    return EntityPage(
        iri.value,
        title,
        _collection(site, iri),
        tuple(sorted(found.value for found in terms.texts(site, iri, NOTATION))),
        (*terms.texts(site, iri, NOTES[0]), *terms.texts(site, iri, NOTES[1])),
        terms.facts(site, plain),
        tuple(_sections(site, described)),
        references,
        cut,
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


def _references(site: Site, described: Description) -> tuple[tuple[References, ...], bool]:
    """What refers to a thing, by property; True where there is more than is counted."""
    iri = described.iri
    quads = list(islice(site.store.quads_for_pattern(None, None, iri), MAX_REFERENCES + 1))
    echoes, hidden = terms.echoes(site, quads), _hidden(site, described)
    found: dict[NamedNode, set[NamedNode]] = {}
    for quad in quads[:MAX_REFERENCES]:
        subject, predicate = quad.subject, quad.predicate
        if not isinstance(subject, NamedNode) or subject in hidden or predicate in hidden or subject == iri:
            continue
        if quad.graph_name != terms.report_graph(site) and Triple(subject, predicate, iri) not in echoes:
            found.setdefault(predicate, set()).add(subject)
    groups = [
        _group(site, predicate, found[predicate], iri)
        for predicate in sorted(found, key=lambda p: terms.predicate_key(site, p))
    ]
    return tuple(groups), len(quads) > MAX_REFERENCES


def _hidden(site: Site, described: Description) -> set[NamedNode]:
    """Statements shown already, and properties whose inverse the thing itself states."""
    hidden = set(described.statements)
    inverse = term("owl:inverseOf")
    for triple in described.own:
        if isinstance(triple.object, NamedNode):
            hidden |= BACKWARDS.get(triple.predicate, set())
            hidden |= {p for p in terms.objects(site, triple.predicate, inverse) if isinstance(p, NamedNode)}
            hidden |= set(terms.subjects(site, inverse, triple.predicate))
    return hidden


def _group(site: Site, predicate: NamedNode, nodes: set[NamedNode], iri: NamedNode) -> References:
    shown = sorted(nodes, key=lambda node: node.value)[:SHOWN_REFERENCES]
    query = f"SELECT DISTINCT ?thing\nWHERE {{\n  ?thing {predicate} {iri} .\n}}\nORDER BY ?thing\n"
    things = terms.values(site, shown)
    return References(terms.value(site, predicate), things, len(nodes), len(nodes) - len(shown), query)
