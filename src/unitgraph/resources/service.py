"""The description of the SPARQL service (SPARQL 1.1 Service Description)."""

from __future__ import annotations

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from unitgraph import formats
from unitgraph.answers import Graph
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
    """The service, its formats and its data set: the union of all graphs, each of which can be named."""
    service, dataset, union = NamedNode(endpoint(site)), NamedNode(f"{site.base}dataset"), BlankNode("union")
    triples = [
        Triple(service, RDF_TYPE, term("sd:Service")),
        Triple(service, term("sd:endpoint"), service),
        Triple(service, term("sd:supportedLanguage"), term("sd:SPARQL11Query")),
        Triple(service, term("sd:feature"), term("sd:UnionDefaultGraph")),
    ]
    for code in sorted(FORMATS.values()):
        triples.append(Triple(service, term("sd:resultFormat"), NamedNode(f"http://www.w3.org/ns/formats/{code}")))
    count = Literal(len(site.store))
    names = sorted(g.value for g in site.store.named_graphs() if isinstance(g, NamedNode))
    nodes = [(BlankNode(f"graph{number}"), NamedNode(name)) for number, name in enumerate(names, 1)]
    triples += [
        Triple(service, term("sd:defaultDataset"), dataset),
        Triple(dataset, RDF_TYPE, term("sd:Dataset")),
        Triple(dataset, term("sd:defaultGraph"), union),
        *(Triple(dataset, term("sd:namedGraph"), node) for node, _ in nodes),
        Triple(union, RDF_TYPE, term("sd:Graph")),
        Triple(union, term("void:triples"), count),
    ]
    for node, name in nodes:
        triples.append(Triple(node, RDF_TYPE, term("sd:NamedGraph")))
        triples.append(Triple(node, term("sd:name"), name))
    return Graph(service.value, tuple(triples))
