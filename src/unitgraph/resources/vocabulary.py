"""The ontology and the shapes, documented for people and as RDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph.answers import Graph, Term
from unitgraph.resources import terms
from unitgraph.resources.terms import Fact, Text, Value
from unitgraph.site import Site
from unitgraph.vocab import DEFINITION, GENID, LABEL, PREFIXES, RDF_TYPE, SEGMENT, UG, UGS, curie, term

ONTOLOGY = NamedNode(UG.rstrip("#"))
GROUPS = (
    ("classes", "Classes", ("owl:Class", "rdfs:Class")),
    ("properties", "Properties", ("owl:ObjectProperty", "owl:DatatypeProperty", "rdf:Property")),
    ("annotations", "Annotation properties", ("owl:AnnotationProperty",)),
)


@dataclass(frozen=True)
class TermEntry:
    """A term of the ontology; `uses` counts the things of a class, or the statements with a property."""

    id: str
    iri: str
    labels: tuple[Text, ...]
    definitions: tuple[Text, ...]
    scope_notes: tuple[Text, ...]
    examples: tuple[Text, ...]
    facts: tuple[Fact, ...]
    segment: str
    uses: int
    derived: bool
    deprecated: bool


@dataclass(frozen=True)
class TermGroup:
    """Terms of one sort."""

    id: str
    heading: str
    terms: tuple[TermEntry, ...]


@dataclass(frozen=True)
class OntologyPage:
    """The ontology: what it says of itself, then every term."""

    iri: str
    title: Text
    description: Text | None
    facts: tuple[Fact, ...]
    groups: tuple[TermGroup, ...]


@dataclass(frozen=True)
class PropertyShape:
    """What is asked of one property: its path in words, its constraints, and what an editor is told.

    `id` is empty where the shape has stood further up already, for another class.
    """

    id: str
    name: Text
    path: str
    severity: str
    message: Text | None
    constraints: tuple[Fact, ...]


@dataclass(frozen=True)
class NodeShape:
    """What is asked of the things of a class."""

    id: str
    title: Text
    targets: tuple[Value, ...]
    message: Text | None
    properties: tuple[PropertyShape, ...]


@dataclass(frozen=True)
class ShapesPage:
    """Every node shape of the release."""

    shapes: tuple[NodeShape, ...]


def graph(site: Site, folder: str, subject: str) -> Graph:
    """The triples of all graphs of a folder of sources, `ontology` or `shapes`."""
    found: dict[Term, set[Triple]] = {}
    for name in _graphs(site, folder):
        for quad in site.store.quads_for_pattern(None, None, None, name):
            found.setdefault(quad.subject, set()).add(Triple(quad.subject, quad.predicate, quad.object))
    triples = [t for node in sorted(found, key=str) for t in terms.ordered(site, found[node])]
    return Graph(subject, tuple(terms.without_genids(triples)))


def _graphs(site: Site, folder: str) -> list[NamedNode]:
    prefix = f"{site.base}graph/{folder}/"
    names = [g for g in site.store.named_graphs() if isinstance(g, NamedNode) and g.value.startswith(prefix)]
    return sorted(names, key=lambda name: name.value)


# The ontology --------------------------------------------------------------------------------------


def ontology(site: Site) -> OntologyPage:
    """Every term with its definition, its place among others and how often it is used."""
    own = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, ONTOLOGY)}
    title = terms.label(site, ONTOLOGY)
    description = terms.text(site, ONTOLOGY, term("dcterms:description"))
    shown = {term("dcterms:title"), term("dcterms:description"), RDF_TYPE, LABEL}
    facts = terms.facts(site, [t for t in own if t.predicate not in shown])
    groups = tuple(TermGroup(i, heading, tuple(_entries(site, classes))) for i, heading, classes in GROUPS)
    return OntologyPage(ONTOLOGY.value, title, description, facts, tuple(g for g in groups if g.terms))


def _entries(site: Site, classes: tuple[str, ...]) -> Iterator[TermEntry]:
    nodes = {node for cls in classes for node in terms.subjects(site, RDF_TYPE, term(cls))}
    for node in sorted(nodes, key=lambda node: node.value):
        if node.value.startswith(UG):
            yield _entry(site, node)


def _entry(site: Site, node: NamedNode) -> TermEntry:
    apart = {
        LABEL,
        DEFINITION,
        RDF_TYPE,
        SEGMENT,
        term("skos:scopeNote"),
        term("skos:example"),
        term("ug:derived"),
        term("owl:deprecated"),
        term("rdfs:isDefinedBy"),
    }
    own = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, node)}
    segment = terms.text(site, node, SEGMENT)
    true = Literal(True)
    return TermEntry(
        node.value[len(UG) :],
        node.value,
        terms.texts(site, node, LABEL),
        terms.texts(site, node, DEFINITION),
        terms.texts(site, node, term("skos:scopeNote")),
        terms.texts(site, node, term("skos:example")),
        terms.facts(site, [t for t in own if t.predicate not in apart]),
        segment.value if segment else "",
        site.release.index.uses(node.value),
        true in terms.objects(site, node, term("ug:derived")),
        true in terms.objects(site, node, term("owl:deprecated")),
    )


# The shapes ----------------------------------------------------------------------------------------


def shapes(site: Site) -> ShapesPage:
    """Every node shape with its property shapes, in their order."""
    nodes = terms.subjects(site, RDF_TYPE, term("sh:NodeShape"))
    found, seen = [], set[str]()
    for node in nodes:
        if not node.value.startswith(GENID):
            shape = _node_shape(site, node)
            own = tuple(replace(p, id="") if p.id in seen else p for p in shape.properties)
            seen |= {p.id for p in own}
            found.append(replace(shape, properties=own))
    return ShapesPage(tuple(found))


def _node_shape(site: Site, node: NamedNode) -> NodeShape:
    properties = [p for p in terms.objects(site, node, term("sh:property")) if isinstance(p, NamedNode)]
    found = sorted((_order(site, p), p.value, p) for p in properties)
    return NodeShape(
        node.value.removeprefix(UGS),
        terms.label(site, node),
        terms.values(site, terms.objects(site, node, term("sh:targetClass"))),
        terms.text(site, node, term("sh:message")),
        tuple(_property_shape(site, p) for _, _, p in found),
    )


def _order(site: Site, shape: NamedNode) -> float:
    return min(terms.numbers(site, shape, term("sh:order")), default=1_000.0)


def _property_shape(site: Site, shape: NamedNode) -> PropertyShape:
    apart = {"path", "name", "order", "severity", "message", "description"}
    own = [Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, shape)]
    rules = [t for t in own if t.predicate.value.startswith(PREFIXES["sh"])]
    rules = [t for t in rules if t.predicate.value[len(PREFIXES["sh"]) :] not in apart]
    severity = next(iter(terms.objects(site, shape, term("sh:severity"))), term("sh:Violation"))
    path = next(iter(terms.objects(site, shape, term("sh:path"))), None)
    facts = [Fact(_constraint(f.property), tuple(_items(site, f))) for f in terms.facts(site, rules)]
    return PropertyShape(
        shape.value.removeprefix(UGS),
        terms.label(site, shape),
        path_text(site, path),
        curie(severity.value).removeprefix("sh:") if isinstance(severity, NamedNode) else "",
        terms.text(site, shape, term("sh:message")),
        tuple(facts),
    )


def _constraint(shown: Value) -> Value:
    return Value(shown.text.removeprefix("sh:"), shown.language, shown.iri)


def _items(site: Site, fact: Fact) -> Iterator[Value]:
    """The values of a constraint, a list written out."""
    for value in fact.values:
        if value.iri and value.iri.startswith(GENID):
            items = tuple(_list(site, NamedNode(value.iri)))
            yield from (terms.value(site, item) for item in items) if items else (Value("see the Turtle"),)
        else:
            yield value


def _list(site: Site, head: NamedNode) -> Iterator[Term]:
    nil, seen = term("rdf:nil"), set[NamedNode]()
    while head != nil and head not in seen:
        seen.add(head)
        yield from terms.objects(site, head, term("rdf:first"))[:1]
        rest = terms.objects(site, head, term("rdf:rest"))
        if not rest or not isinstance(rest[0], NamedNode):
            return
        head = rest[0]


def path_text(site: Site, path: Term | None, depth: int = 0) -> str:
    """A property path in the notation of SPARQL 1.1 §9.1."""
    if not isinstance(path, NamedNode) or depth > 8:
        return ""
    if not path.value.startswith(GENID):
        return curie(path.value)
    marks = (
        ("sh:inversePath", "^{}"),
        ("sh:zeroOrMorePath", "({})*"),
        ("sh:oneOrMorePath", "({})+"),
        ("sh:zeroOrOnePath", "({})?"),
    )
    for predicate, pattern in marks:
        for inner in terms.objects(site, path, term(predicate)):
            return pattern.format(path_text(site, inner, depth + 1))
    for inner in terms.objects(site, path, term("sh:alternativePath")):
        if isinstance(inner, NamedNode):
            return "|".join(path_text(site, item, depth + 1) for item in _list(site, inner))
    return "/".join(path_text(site, item, depth + 1) for item in _list(site, path))
