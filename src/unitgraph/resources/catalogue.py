"""What the data set says of itself to harvesters: VoID with counted statistics, and a DCAT 3 catalogue.

Title, publisher, licence and languages are those that the sources state; numbers are counted from the release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from unitgraph import history, statistics
from unitgraph.answers import Graph
from unitgraph.resources import service
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, RDF_TYPE, term

Absolute = Callable[[str], str]
DATE_TIME = NamedNode(PREFIXES["xsd"] + "dateTime")
PROTOCOL = NamedNode("http://www.w3.org/TR/sparql11-protocol/")
UNCOUNTED = (term("dcat:version"), term("dcterms:issued"))  #: of the sources; the release states its own


def dataset(site: Site) -> NamedNode:
    """The data set."""
    return site.iri("dataset")


def void(site: Site, absolute: Absolute) -> Graph:
    """The description at `/.well-known/void` (VoID §3, §4.6, §6.2)."""
    here, about = NamedNode(absolute("/.well-known/void")), dataset(site)
    return Graph(
        here.value,
        (
            Triple(here, RDF_TYPE, term("void:DatasetDescription")),
            Triple(here, term("foaf:primaryTopic"), about),
            Triple(here, term("dcterms:modified"), _time(site.release.issued)),
            *_dataset(site),
            Triple(about, term("foaf:homepage"), NamedNode(absolute("/"))),
            Triple(about, term("void:sparqlEndpoint"), NamedNode(service.endpoint(site))),
            Triple(about, term("void:openSearchDescription"), NamedNode(absolute("/opensearch.xml"))),
            *_statistics(site),
        ),
    )


def _dataset(site: Site) -> Iterator[Triple]:
    """What the sources say of the data set and of who publishes it, and which release this is."""
    about = dataset(site)
    agents = [about]
    for quad in sorted(site.store.quads_for_pattern(about, None, None), key=str):
        if quad.predicate not in UNCOUNTED:
            yield Triple(quad.subject, quad.predicate, quad.object)
        if quad.predicate == term("dcterms:publisher") and isinstance(quad.object, NamedNode):
            agents.append(quad.object)
    for agent in agents[1:]:
        for quad in sorted(site.store.quads_for_pattern(agent, None, None), key=str):
            yield Triple(quad.subject, quad.predicate, quad.object)
    yield Triple(about, term("dcterms:identifier"), Literal(about.value))
    yield Triple(about, term("dcat:version"), Literal(site.release.version))
    yield Triple(about, term("dcterms:modified"), _time(site.release.issued))


def _statistics(site: Site) -> Iterator[Triple]:
    about, found = dataset(site), statistics.of(site.release)
    yield Triple(about, term("void:triples"), Literal(found.triples))
    yield Triple(about, term("void:entities"), Literal(site.changes.things))
    yield Triple(about, term("void:distinctSubjects"), Literal(found.subjects))
    yield Triple(about, term("void:distinctObjects"), Literal(found.objects))
    yield Triple(about, term("void:classes"), Literal(len(found.classes)))
    yield Triple(about, term("void:properties"), Literal(len(found.properties)))
    for number, (iri, n) in enumerate(found.classes.items(), 1):
        part = BlankNode(f"class{number}")
        yield Triple(about, term("void:classPartition"), part)
        yield Triple(part, term("void:class"), NamedNode(iri))
        yield Triple(part, term("void:entities"), Literal(n))
    for number, (iri, n) in enumerate(found.properties.items(), 1):
        part = BlankNode(f"property{number}")
        yield Triple(about, term("void:propertyPartition"), part)
        yield Triple(part, term("void:property"), NamedNode(iri))
        yield Triple(part, term("void:triples"), Literal(n))
    for number, (target, predicates) in enumerate(found.links.items(), 1):
        other = BlankNode(f"target{number}")
        yield Triple(other, RDF_TYPE, term("void:Dataset"))
        yield Triple(other, term("void:uriSpace"), Literal(target))
        for place, (predicate, n) in enumerate(predicates.items(), 1):
            links = BlankNode(f"links{number}x{place}")
            yield Triple(about, term("void:subset"), links)
            yield Triple(links, RDF_TYPE, term("void:Linkset"))
            yield Triple(links, term("void:subjectsTarget"), about)
            yield Triple(links, term("void:objectsTarget"), other)
            yield Triple(links, term("void:linkPredicate"), NamedNode(predicate))
            yield Triple(links, term("void:triples"), Literal(n))


def catalogue(site: Site, absolute: Absolute) -> Graph:
    """The catalogue at `/catalog` (DCAT 3, DCAT-AP 3.0.1): the data set, the endpoint, the series of releases."""
    here, about = NamedNode(absolute("/catalog")), dataset(site)
    endpoint, series = NamedNode(service.endpoint(site)), NamedNode(absolute("/release"))
    triples = [
        Triple(here, RDF_TYPE, term("dcat:Catalog")),
        Triple(here, term("dcat:dataset"), about),
        Triple(here, term("dcat:dataset"), series),
        Triple(here, term("dcat:service"), endpoint),
        Triple(here, term("foaf:homepage"), NamedNode(absolute("/"))),
        Triple(here, term("dcterms:modified"), _time(site.release.issued)),
        *_dataset(site),
        Triple(about, term("dcat:landingPage"), NamedNode(absolute("/dataset.html"))),
        Triple(about, term("dcat:inSeries"), series),
        Triple(endpoint, RDF_TYPE, term("dcat:DataService")),
        Triple(endpoint, term("dcterms:title"), Literal("SPARQL endpoint", language="en")),
        Triple(endpoint, term("dcat:endpointURL"), endpoint),
        Triple(endpoint, term("dcat:endpointDescription"), endpoint),
        Triple(endpoint, term("dcat:servesDataset"), about),
        Triple(endpoint, term("dcterms:conformsTo"), PROTOCOL),
        Triple(series, RDF_TYPE, term("dcat:DatasetSeries")),
    ]
    triples += [Triple(NamedNode(absolute("/")), RDF_TYPE, term("foaf:Document"))]
    triples += [Triple(NamedNode(absolute("/dataset.html")), RDF_TYPE, term("foaf:Document"))]
    for shared in ("dcterms:title", "dcterms:description", "dcterms:publisher", "dcterms:license", "dcterms:language"):
        for quad in site.store.quads_for_pattern(about, term(shared), None):
            places = (here,) if shared in ("dcterms:language", "dcterms:license") else (here, series)
            triples += [Triple(place, term(shared), quad.object) for place in places]
            if shared == "dcterms:license":
                triples.append(Triple(endpoint, term(shared), quad.object))
    for earlier in history.releases(site.out):
        if "+" not in earlier.version:
            release = NamedNode(absolute(f"/release/{earlier.version}"))
            triples += [
                Triple(about, term("dcat:hasVersion"), release),
                Triple(release, RDF_TYPE, term("dcat:Resource")),
                Triple(release, term("dcat:version"), Literal(earlier.version)),
                Triple(release, term("dcterms:issued"), _time(earlier.issued)),
            ]
    return Graph(here.value, tuple(dict.fromkeys(triples)))


def _time(issued: str) -> Literal:
    return Literal(issued, datatype=DATE_TIME)
