"""What the shapes ask of the data, taken apart so that a page can say it in plain words.

A shape comes as values, not as sentences: a `Clause` names the constraint (SHACL §4) and what it is about, and the
template has a sentence for each. What has no sentence still stands among the constraints as they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph.answers import Term
from unitgraph.resources import terms
from unitgraph.resources.terms import Fact, Text, Value
from unitgraph.site import Site
from unitgraph.vocab import GENID, PREFIXES, RDF_TYPE, UGS, curie, term

SH = PREFIXES["sh"]
MAX_DEPTH = 8  #: a path made of paths, a list in a list

#: Said in a word elsewhere on the page, so no constraints.
NO_CONSTRAINT = {"path", "name", "order", "severity", "message", "description", "property", "sparql", "group"}
NO_CONSTRAINT |= {"targetClass", "targetNode", "targetSubjectsOf", "targetObjectsOf"}
#: Said together: how many values there are, or how many of them are of a sort.
COUNTS = ("minCount", "maxCount")
QUALIFIED = ("qualifiedMinCount", "qualifiedMaxCount", "qualifiedValueShape", "qualifiedValueShapesDisjoint")
#: Constraints for which the template has a sentence, in the order in which they are said.
SAID = (
    *("class", "or", "xone", "and", "not", "node", "datatype", "nodeKind", "in", "hasValue", "pattern"),
    *("minLength", "maxLength", "minInclusive", "minExclusive", "maxInclusive", "maxExclusive"),
    *("languageIn", "uniqueLang", "equals", "disjoint", "lessThan", "lessThanOrEquals", "closed"),
)


@dataclass(frozen=True)
class Clause:
    """One constraint: `kind` is its local name in SHACL, `values` what it names.

    `or` with shapes that ask for a class each is of kind `classes`; `qualified` has its counts in `least`, `most`.
    """

    kind: str
    values: tuple[Value, ...] = ()
    least: int = 0
    most: int | None = None


@dataclass(frozen=True)
class PropertyShape:
    """What is asked of one property, and what an editor is told who does not keep to it.

    `least` and `most` count the values (`most` is None without a limit). `paths` are the IRIs of the properties in
    the path, `targets` the classes that a value may have. `anchor` is empty where the shape has stood further up
    already, for another class.
    """

    id: str
    anchor: str
    name: Text
    path: str
    paths: tuple[str, ...]
    severity: str
    message: Text | None
    least: int
    most: int | None
    clauses: tuple[Clause, ...]
    targets: tuple[str, ...]
    constraints: tuple[Fact, ...]


@dataclass(frozen=True)
class QueryShape:
    """What is asked by a query: its name, what an editor is told, and the query (SHACL §5)."""

    id: str
    anchor: str
    name: Text
    severity: str
    message: Text | None
    query: str


@dataclass(frozen=True)
class NodeShape:
    """What is asked of the things of a class; without a target, of the values that other shapes send here."""

    id: str
    title: Text
    targets: tuple[Value, ...]
    noun: Text
    severity: str
    message: Text | None
    clauses: tuple[Clause, ...]
    constraints: tuple[Fact, ...]
    properties: tuple[PropertyShape, ...]
    queries: tuple[QueryShape, ...]


@dataclass(frozen=True)
class Prefix:
    """A prefix that the queries of the shapes may use (SHACL §5.2.1)."""

    id: str
    prefix: str
    namespace: str


@dataclass(frozen=True)
class ShapesPage:
    """Every node shape of the release: those of a class, the parts from which they are made, and the prefixes."""

    shapes: tuple[NodeShape, ...]
    parts: tuple[NodeShape, ...]
    prefixes: tuple[Prefix, ...]


@lru_cache(maxsize=8)
def shapes(site: Site) -> ShapesPage:
    """Every node shape with its property shapes, in their order."""
    found, seen = [], set[str]()
    for node in terms.subjects(site, RDF_TYPE, term("sh:NodeShape")):
        if not node.value.startswith(GENID):
            shape = _node_shape(site, node)
            properties = tuple(replace(p, anchor="" if p.id in seen else p.id) for p in shape.properties)
            queries = tuple(replace(q, anchor="" if q.id in seen else q.id) for q in shape.queries)
            seen |= {p.id for p in properties} | {q.id for q in queries}
            found.append(replace(shape, properties=properties, queries=queries))
    targeted, others = [s for s in found if s.targets], [s for s in found if not s.targets]
    return ShapesPage(tuple(targeted), tuple(others), tuple(_prefixes(site)))


def _prefixes(site: Site) -> Iterator[Prefix]:
    for node in terms.objects(site, NamedNode(UGS + "prefixes"), term("sh:declare")):
        if isinstance(node, NamedNode):
            said = (terms.objects(site, node, term(name)) for name in ("sh:prefix", "sh:namespace"))
            prefix, namespace = (next((one.value for one in of if isinstance(one, Literal)), "") for of in said)
            yield Prefix(_id(node), prefix, namespace)


def _node_shape(site: Site, node: NamedNode) -> NodeShape:
    properties = [p for p in terms.objects(site, node, term("sh:property")) if isinstance(p, NamedNode)]
    found = sorted((_order(site, p), p.value, p) for p in properties)
    targets = terms.values(site, terms.objects(site, node, term("sh:targetClass")))
    title = terms.label(site, node)
    noun = Text(targets[0].text, targets[0].language) if targets else title
    severity = _severity(site, node)
    queries = [q for q in terms.objects(site, node, term("sh:sparql")) if isinstance(q, NamedNode)]
    return NodeShape(
        _id(node),
        title,
        targets,
        noun,
        severity,
        terms.text(site, node, term("sh:message")),
        tuple(_clauses(site, node)),
        _constraints(site, node),
        tuple(_property_shape(site, p) for _, _, p in found),
        tuple(_query_shape(site, q, severity) for q in sorted(queries, key=lambda q: q.value)),
    )


def _id(node: NamedNode) -> str:
    return node.value.removeprefix(UGS)


def _order(site: Site, shape: NamedNode) -> float:
    return min(terms.numbers(site, shape, term("sh:order")), default=1_000.0)


def _severity(site: Site, shape: NamedNode) -> str:
    """The local name of the severity; a Violation where none is stated (SHACL §2.1.4)."""
    found = next(iter(terms.objects(site, shape, term("sh:severity"))), term("sh:Violation"))
    return curie(found.value).removeprefix("sh:") if isinstance(found, NamedNode) else "Violation"


def _query_shape(site: Site, node: NamedNode, severity: str) -> QueryShape:
    select = terms.text(site, node, term("sh:select"))
    message = terms.text(site, node, term("sh:message"))
    return QueryShape(
        _id(node), "", terms.label(site, node), severity, message, _dedented(select.value if select else "")
    )


def _dedented(text: str) -> str:
    """A query without the indentation of the file in which it is written."""
    lines = text.strip("\n").rstrip().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines)


def _property_shape(site: Site, shape: NamedNode) -> PropertyShape:
    path = next(iter(terms.objects(site, shape, term("sh:path"))), None)
    least, most = (_number(site, shape, f"sh:{name}") for name in COUNTS)
    return PropertyShape(
        _id(shape),
        "",
        terms.label(site, shape),
        path_text(site, path),
        tuple(dict.fromkeys(path_terms(site, path))),
        _severity(site, shape),
        terms.text(site, shape, term("sh:message")),
        least or 0,
        most,
        tuple(_clauses(site, shape)),
        tuple(dict.fromkeys(_targets(site, shape))),
        _constraints(site, shape),
    )


def _number(site: Site, shape: NamedNode, predicate: str) -> int | None:
    return next((int(number) for number in terms.numbers(site, shape, term(predicate))), None)


# Constraints -------------------------------------------------------------------------------------------


def _clauses(site: Site, shape: NamedNode) -> Iterator[Clause]:
    """The constraints for which there is a sentence, and the others by their names."""
    stated = {q.predicate.value[len(SH) :] for q in terms.quads(site, shape) if q.predicate.value.startswith(SH)}
    if "qualifiedValueShape" in stated:
        values = _shown(site, shape, "qualifiedValueShape")
        least, most = (_number(site, shape, f"sh:{name}") for name in QUALIFIED[:2])
        yield Clause("qualified", values, least or 0, most)
    for kind in SAID:
        if kind in stated and not (kind == "nodeKind" and stated & {"class", "or", "datatype"}):
            yield _clause(site, shape, kind)
    rest = stated - {*SAID, *COUNTS, *QUALIFIED, *NO_CONSTRAINT, "flags", "ignoredProperties"}
    if rest:
        yield Clause("other", tuple(Value(f"sh:{name}", None, SH + name) for name in sorted(rest)))


def _clause(site: Site, shape: NamedNode, kind: str) -> Clause:
    values = _shown(site, shape, kind)
    nodes = [NamedNode(value.iri) for value in values if value.iri]
    if kind in ("or", "xone"):
        classes = [cls for node in nodes for cls in terms.objects(site, node, term("sh:class"))]
        if classes and len(classes) == len(values):
            return Clause("classes", terms.values(site, classes))
    if kind in ("datatype", "nodeKind"):
        names = tuple(curie(value.iri) if value.iri else value.text for value in values)
        return Clause(kind, tuple(Value(name, None, value.iri) for name, value in zip(names, values, strict=True)))
    return Clause(kind, values)


def _shown(site: Site, shape: NamedNode, kind: str) -> tuple[Value, ...]:
    """The values of a constraint as a page shows them, a list written out in its order."""
    found: list[Value] = []
    for value in terms.objects(site, shape, term(f"sh:{kind}")):
        if isinstance(value, NamedNode) and value.value.startswith(GENID):
            found += [terms.value(site, item) for item in items(site, value)]
        else:
            found.append(terms.value(site, value))
    return tuple(found)


def _targets(site: Site, shape: NamedNode) -> Iterator[str]:
    """The classes that the values of a property shape have, asked directly or as one of several."""
    for value in terms.objects(site, shape, term("sh:class")):
        if isinstance(value, NamedNode):
            yield value.value
    for kind in ("sh:or", "sh:xone"):
        for head in terms.objects(site, shape, term(kind)):
            for part in items(site, head) if isinstance(head, NamedNode) else ():
                yield from _targets(site, part) if isinstance(part, NamedNode) else ()


def _constraints(site: Site, shape: NamedNode) -> tuple[Fact, ...]:
    """The constraints as they are written."""
    own = [Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, shape)]
    rules = [t for t in own if t.predicate.value.startswith(SH)]
    rules = [t for t in rules if t.predicate.value[len(SH) :] not in NO_CONSTRAINT]
    return tuple(Fact(f.property, tuple(_written(site, f))) for f in terms.facts(site, rules, exact=True))


def _written(site: Site, fact: Fact) -> Iterator[Value]:
    for value in fact.values:
        node = NamedNode(value.iri) if value.iri else None
        if node and node.value.startswith(GENID):
            for item in items(site, node):
                yield _exact(terms.value(site, item))
        else:
            yield _exact(value)


def _exact(value: Value) -> Value:
    return Value(curie(value.iri), None, value.iri) if value.iri else value


def items(site: Site, head: NamedNode) -> Iterator[Term]:
    """The members of an RDF list, in order; a list that runs in a circle ends where it began."""
    nil, seen = term("rdf:nil"), set[NamedNode]()
    while head != nil and head not in seen:
        seen.add(head)
        yield from terms.objects(site, head, term("rdf:first"))[:1]
        rest = terms.objects(site, head, term("rdf:rest"))
        if not rest or not isinstance(rest[0], NamedNode):
            return
        head = rest[0]


# Paths -------------------------------------------------------------------------------------------------


def path_text(site: Site, path: Term | None, depth: int = 0) -> str:
    """A property path in the notation of SPARQL 1.1 §9.1."""
    if not isinstance(path, NamedNode) or depth > MAX_DEPTH:
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
            return "|".join(path_text(site, item, depth + 1) for item in items(site, inner))
    return "/".join(path_text(site, item, depth + 1) for item in items(site, path))


def path_terms(site: Site, path: Term | None, depth: int = 0) -> Iterator[str]:
    """The properties that a path is made of."""
    if not isinstance(path, NamedNode) or depth > MAX_DEPTH:
        return
    if not path.value.startswith(GENID):
        yield path.value
        return
    for name in ("inversePath", "zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath"):
        for inner in terms.objects(site, path, term(f"sh:{name}")):
            yield from path_terms(site, inner, depth + 1)
    for inner in (*terms.objects(site, path, term("sh:alternativePath")), path):
        for item in items(site, inner) if isinstance(inner, NamedNode) else ():
            yield from path_terms(site, item, depth + 1)
