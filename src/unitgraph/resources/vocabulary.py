"""The ontology and the shapes, documented for people and as RDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph.answers import Graph, Term
from unitgraph.resources import parts, terms
from unitgraph.resources.diagram import Diagram, diagram
from unitgraph.resources.parts import DESCRIPTION
from unitgraph.resources.shapes import PropertyShape, shapes
from unitgraph.resources.terms import Fact, Text, Value
from unitgraph.site import Site
from unitgraph.vocab import DEFINITION, LABEL, RDF_TYPE, SEGMENT, UG, UGS, term

ONTOLOGY = NamedNode(UG.rstrip("#"))
GROUPS = (
    ("classes", ("owl:Class", "rdfs:Class")),
    ("properties", ("owl:ObjectProperty", "owl:DatatypeProperty", "rdf:Property")),
    ("annotations", ("owl:AnnotationProperty",)),
)
LOOKED_AT = 50  #: things among which an example is chosen

#: What the head of the page says already.
HEADING = {
    *(RDF_TYPE, LABEL, DESCRIPTION),
    *(term(f"dcterms:{name}") for name in ("title", "issued")),
    *(term(f"owl:{name}") for name in ("versionInfo", "versionIRI", "priorVersion")),
    term("rdfs:comment"),
}
#: What an entry says in a place of its own.
APART = {
    *(LABEL, DEFINITION, SEGMENT),
    *(term(f"skos:{name}") for name in ("scopeNote", "example", "historyNote")),
    *(term(f"rdfs:{name}") for name in ("isDefinedBy", "subClassOf", "subPropertyOf")),
    *(term("ug:derived"), term("owl:deprecated"), term("dcterms:isReplacedBy")),
}


@dataclass(frozen=True)
class Asked:
    """What a property shape asks: of the things of which classes, how many values, of which classes those are.

    `anchor` is where the shape stands on the page of the shapes; `most` is None without a limit.
    """

    anchor: str
    name: Text
    severity: str
    least: int
    most: int | None
    of: tuple[Value, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Example:
    """A thing of a class in this release, or a statement with a property."""

    subject: Value
    object: Value | None = None


@dataclass(frozen=True)
class TermEntry:
    """A term of the ontology; `uses` counts the things of a class, or the statements with a property.

    `above` are its superclasses or superproperties, `below` those of ours below it, `members` what
    its shape asks of the things of a class, property by property, `shape` the anchor of that shape.
    """

    id: str
    iri: str
    labels: tuple[Text, ...]
    definitions: tuple[Text, ...]
    scope_notes: tuple[Text, ...]
    examples: tuple[Text, ...]
    history: tuple[Text, ...]
    facts: tuple[Fact, ...]
    above: tuple[Value, ...]
    below: tuple[Value, ...]
    replaced_by: tuple[Value, ...]
    shape: str
    asked: tuple[Asked, ...]
    members: tuple[Value, ...]
    instance: Example | None
    segment: str
    uses: int
    derived: bool
    deprecated: bool


@dataclass(frozen=True)
class TermGroup:
    """Terms of one sort."""

    id: str
    terms: tuple[TermEntry, ...]


@dataclass(frozen=True)
class Module:
    """One file of the ontology: its classes, and the properties that are said of their things."""

    name: str
    classes: tuple[Value, ...]
    properties: tuple[Value, ...]


@dataclass(frozen=True)
class OntologyPage:
    """The ontology: what it says of itself, an index, the diagram, then every term; `count` terms in all.

    `version` and `prior` are those of the vocabulary, `changes` what its terms say of their history.
    """

    iri: str
    title: Text
    description: Text | None
    comments: tuple[Text, ...]
    version: str
    version_iri: str
    issued: str
    prior: tuple[Value, ...]
    changes: tuple[tuple[Value, Text], ...]
    facts: tuple[Fact, ...]
    count: int
    modules: tuple[Module, ...]
    diagram: Diagram
    groups: tuple[TermGroup, ...]


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
    """Every term with its definition, its place among others, what is asked of it and how often it is used."""
    own = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, ONTOLOGY)}
    version = terms.text(site, ONTOLOGY, term("owl:versionInfo"))
    version_iri = next((o for o in terms.objects(site, ONTOLOGY, term("owl:versionIRI"))), None)
    asked = _asked(site)
    groups = tuple(TermGroup(i, tuple(_entries(site, classes, asked))) for i, classes in GROUPS)
    found = [entry for group in groups for entry in group.terms]
    return OntologyPage(
        ONTOLOGY.value,
        terms.label(site, ONTOLOGY),
        terms.text(site, ONTOLOGY, DESCRIPTION),
        terms.texts(site, ONTOLOGY, term("rdfs:comment")),
        version.value if version else "",
        version_iri.value if isinstance(version_iri, NamedNode) else "",
        parts.literal(site, ONTOLOGY, term("dcterms:issued")),
        parts.some(site, ONTOLOGY, term("owl:priorVersion")),
        tuple((_name(entry), note) for entry in found for note in entry.history),
        terms.facts(site, [t for t in own if t.predicate not in HEADING]),
        len(found),
        _modules(site, found),
        diagram(site),
        tuple(group for group in groups if group.terms),
    )


def _name(entry: TermEntry) -> Value:
    """A term as a link to its place on this page."""
    label = entry.labels[0] if entry.labels else Text(entry.id)
    return Value(label.value, label.language, entry.iri)


def _modules(site: Site, found: list[TermEntry]) -> tuple[Module, ...]:
    """The terms by the file in which they are described."""
    prefix = f"{site.base}graph/ontology/"
    by_file: dict[str, list[TermEntry]] = {}
    for entry in found:
        quads = site.store.quads_for_pattern(NamedNode(entry.iri), RDF_TYPE, None)
        names = [q.graph_name.value for q in quads if isinstance(q.graph_name, NamedNode)]
        file = min((name.removeprefix(prefix) for name in names if name.startswith(prefix)), default="")
        by_file.setdefault(file, []).append(entry)
    return tuple(
        Module(
            file,
            tuple(_name(e) for e in by_file[file] if e.id[:1].isupper()),
            tuple(_name(e) for e in by_file[file] if not e.id[:1].isupper()),
        )
        for file in sorted(by_file)
    )


def _entries(site: Site, classes: tuple[str, ...], asked: dict[str, list[Asked]]) -> Iterator[TermEntry]:
    nodes = {node for cls in classes for node in terms.subjects(site, RDF_TYPE, term(cls))}
    for node in sorted(nodes, key=lambda node: node.value):
        if node.value.startswith(UG):
            yield _entry(site, node, asked)


def _entry(site: Site, node: NamedNode, asked: dict[str, list[Asked]]) -> TermEntry:
    own = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, node)}
    segment = terms.text(site, node, SEGMENT)
    true = Literal(True)
    above = term("rdfs:subClassOf" if _is_class(node) else "rdfs:subPropertyOf")
    own_shapes = [s for s in shapes(site).shapes if any(t.iri == node.value for t in s.targets)]
    return TermEntry(
        node.value[len(UG) :],
        node.value,
        terms.texts(site, node, LABEL),
        terms.texts(site, node, DEFINITION),
        terms.texts(site, node, term("skos:scopeNote")),
        terms.texts(site, node, term("skos:example")),
        terms.texts(site, node, term("skos:historyNote")),
        terms.facts(site, [t for t in own if t.predicate not in APART]),
        parts.some(site, node, above),
        terms.values(site, [n for n in terms.subjects(site, above, node) if n.value.startswith(UG)]),
        parts.some(site, node, term("dcterms:isReplacedBy")),
        own_shapes[0].id if own_shapes else "",
        tuple(asked.get(node.value, ())),
        tuple(Value(p.name.value, p.name.language, UGS + p.id) for s in own_shapes for p in s.properties),
        _instance(site, node),
        segment.value if segment else "",
        site.release.index.uses(node.value),
        true in terms.objects(site, node, term("ug:derived")),
        true in terms.objects(site, node, term("owl:deprecated")),
    )


def _is_class(node: NamedNode) -> bool:
    """Classes begin with a capital letter, properties with a small one."""
    return node.value[len(UG) : len(UG) + 1].isupper()


def _asked(site: Site) -> dict[str, list[Asked]]:
    """What the shapes ask of each property, by its IRI."""
    of: dict[str, list[Value]] = {}
    shown: dict[str, PropertyShape] = {}
    for node in shapes(site).shapes:
        for one in node.properties:
            shown.setdefault(one.id, one)
            of.setdefault(one.id, []).extend(node.targets)
    found: dict[str, list[Asked]] = {}
    for one in shown.values():
        values = terms.values(site, [NamedNode(target) for target in one.targets])
        asked = Asked(one.id, one.name, one.severity, one.least, one.most, tuple(of[one.id]), values)
        for path in one.paths:
            found.setdefault(path, []).append(asked)
    return found


def _instance(site: Site, node: NamedNode) -> Example | None:
    """A thing of a class, or a statement with a property: the first by IRI of the few that are looked at.

    Of a class, rather one that stands in its own list than one of a narrower class.
    """
    is_class = _is_class(node)
    pattern = (RDF_TYPE, node) if is_class else (node, None)
    found = list(islice(site.store.quads_for_pattern(None, *pattern), LOOKED_AT))
    named = [q for q in found if isinstance(q.subject, NamedNode) and q.subject.value.startswith(site.base)]
    if not named:
        return None
    segment = parts.literal(site, node, SEGMENT)
    own = f"<{site.base}{segment}/" if segment else "<"
    first = min(named, key=lambda q: (not str(q.subject).startswith(own), str(q.subject), str(q.object)))
    assert isinstance(first.subject, NamedNode)
    subject = terms.value(site, first.subject)
    return Example(subject) if is_class else Example(subject, terms.value(site, first.object))
