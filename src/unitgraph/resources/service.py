"""The description of the SPARQL service (SPARQL 1.1 Service Description)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from unitgraph import formats
from unitgraph.answers import Graph
from unitgraph.engine import Limit, Walls, limits
from unitgraph.site import Site
from unitgraph.vocab import RDF_TYPE, term

#: The names that the W3C gave to formats (https://www.w3.org/ns/formats/).
FORMATS = {
    formats.SPARQL_JSON: "SPARQL_Results_JSON",
    formats.SPARQL_XML: "SPARQL_Results_XML",
    formats.CSV: "SPARQL_Results_CSV",
    formats.TSV: "SPARQL_Results_TSV",
    formats.TURTLE: "Turtle",
    formats.N_TRIPLES: "N-Triples",
    formats.RDF_XML: "RDF_XML",
    formats.JSON_LD: "JSON-LD",
    formats.N_QUADS: "N-Quads",
    formats.TRIG: "TriG",
}


def endpoint(site: Site) -> str:
    """The address of the endpoint."""
    return f"{site.public_url}sparql"


def description(site: Site) -> Graph:
    """The service, its formats, its limits, and its data set: the union of all graphs, each of which can be named."""
    service, dataset, union = NamedNode(endpoint(site)), NamedNode(f"{site.base}dataset"), BlankNode("union")
    triples = [
        Triple(service, RDF_TYPE, term("sd:Service")),
        Triple(service, term("sd:endpoint"), service),
        Triple(service, term("sd:supportedLanguage"), term("sd:SPARQL11Query")),
        Triple(service, term("sd:feature"), term("sd:UnionDefaultGraph")),
        Triple(service, term("rdfs:comment"), Literal(COMMENT, language="en")),
    ]
    for code in sorted(FORMATS.values()):
        triples.append(Triple(service, term("sd:resultFormat"), NamedNode(f"http://www.w3.org/ns/formats/{code}")))
    triples += _limits(site, service)
    counts = site.release.counts
    nodes = [(BlankNode(f"graph{number}"), name) for number, name in enumerate(filter(None, counts), 1)]
    triples += [
        Triple(service, term("sd:defaultDataset"), dataset),
        Triple(dataset, RDF_TYPE, term("sd:Dataset")),
        Triple(dataset, term("sd:defaultGraph"), union),
        *(Triple(dataset, term("sd:namedGraph"), node) for node, _ in nodes),
        Triple(union, RDF_TYPE, term("sd:Graph")),
        *(Triple(union, term("void:triples"), Literal(counts[name])) for name in counts if not name),
    ]
    for number, (node, name) in enumerate(nodes, 1):
        graph = BlankNode(f"content{number}")
        triples += [
            Triple(node, RDF_TYPE, term("sd:NamedGraph")),
            Triple(node, term("sd:name"), NamedNode(name)),
            Triple(node, term("sd:graph"), graph),
            Triple(graph, RDF_TYPE, term("sd:Graph")),
            Triple(graph, term("void:triples"), Literal(counts[name])),
        ]
    return Graph(service.value, tuple(triples))


COMMENT = (
    "Read-only. The default graph is the union of all named graphs; a data set in the request (default-graph-uri, "
    "named-graph-uri) wins over FROM, and neither is ever fetched. SERVICE is not run. timeout= asks for less time."
)


def _limits(site: Site, service: NamedNode) -> list[Triple]:
    """What a query may take, as property values of schema.org: no vocabulary of services has a word for it."""
    triples = []
    for limit in limits(site.settings):
        node = BlankNode(limit.name)
        value = int(limit.value) if limit.value == int(limit.value) else limit.value
        triples += [
            Triple(service, term("schema:additionalProperty"), node),
            Triple(node, RDF_TYPE, term("schema:PropertyValue")),
            Triple(node, term("schema:propertyID"), Literal(limit.name)),
            Triple(node, term("schema:name"), Literal(limit.label, language="en")),
            Triple(node, term("schema:value"), Literal(value)),
            Triple(node, term("schema:unitCode"), Literal(limit.unit)),
        ]
    return triples


@dataclass(frozen=True)
class Status:
    """How the service stands: the release, the limits of a query, the walls around it, the workers of one process."""

    version: str
    content: str
    limits: tuple[Limit, ...]
    walls: Walls | None
    workers: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "release": self.version,
            "content": self.content,
            "limits": {limit.name: limit.value for limit in self.limits},
            "walls": asdict(self.walls) if self.walls else None,
            "missing": list(self.walls.missing) if self.walls else [],
            "workers": self.workers,
        }

    @property
    def standing(self) -> tuple[tuple[str, bool], ...]:
        """Each wall, and whether it stands."""
        return tuple((wall.name, getattr(self.walls, wall.name)) for wall in fields(Walls)) if self.walls else ()


def status(site: Site) -> Status:
    """How the service stands now."""
    manifest = site.release.manifest
    engine = site.engine
    return Status(manifest.version, manifest.content, limits(site.settings), engine.walls(), engine.workers_now())
