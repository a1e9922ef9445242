"""What the data set says of itself is true, and harvesters read it."""

from __future__ import annotations

from collections.abc import Callable

import pyshacl
import pytest
import rdflib
from conftest import SHARED, needs_suites
from pyoxigraph import NamedNode, RdfFormat, Store, parse
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, VOID
from werkzeug.test import Client

from unitgraph import statistics
from unitgraph.release import Release
from unitgraph.site import Site


@pytest.fixture(scope="module")
def described(client: Client) -> rdflib.Graph:
    return rdflib.Graph().parse(data=client.get("/.well-known/void.ttl").text, format="turtle")


@pytest.fixture(scope="module")
def listed(client: Client) -> rdflib.Graph:
    return rdflib.Graph().parse(data=client.get("/catalog.ttl").text, format="turtle")


@pytest.fixture(scope="module")
def union(release: Release) -> Store:
    """The triples of the release, each once, as another reader of the dump would have them."""
    store = Store()
    for quad in parse(b"\n".join(release.lines()), format=RdfFormat.N_QUADS):
        store.add(type(quad)(quad.subject, quad.predicate, quad.object))
    return store


def number(graph: rdflib.Graph, subject: rdflib.term.Node, predicate: rdflib.URIRef) -> int:
    return int(str(graph.value(subject, predicate)))


def test_the_numbers_of_void_are_those_that_a_query_counts(described: rdflib.Graph, union: Store, site: Site) -> None:
    about = rdflib.URIRef(site.base + "dataset")
    count: Callable[[str], int] = lambda pattern: int(  # noqa: E731
        next(iter(union.query(f"SELECT (COUNT(*) AS ?n) {{ SELECT DISTINCT {pattern} }}")))["n"].value
    )
    assert number(described, about, VOID.triples) == len(union)
    assert number(described, about, VOID.distinctSubjects) == count("?s { ?s ?p ?o }")
    assert number(described, about, VOID.distinctObjects) == count("?o { ?s ?p ?o }")
    assert number(described, about, VOID.properties) == count("?p { ?s ?p ?o }")
    assert number(described, about, VOID.classes) == count("?c { ?s a ?c }")
    parts = list(described.objects(about, VOID.classPartition))
    assert len(parts) > 50
    for part in parts:
        cls = described.value(part, VOID["class"])
        assert number(described, part, VOID.entities) == count(f"?s {{ ?s a <{cls}> }}")
    for part in described.objects(about, VOID.propertyPartition):
        used = described.value(part, VOID.property)
        assert number(described, part, VOID.triples) == count(f"?s ?o {{ ?s <{used}> ?o }}")


def test_the_links_outward_are_counted(described: rdflib.Graph, union: Store) -> None:
    sets = list(described.subjects(RDF.type, VOID.Linkset))
    assert len(sets) >= 2
    for one in sets:
        space = str(described.value(described.value(one, VOID.objectsTarget), VOID.uriSpace))
        predicate = NamedNode(str(described.value(one, VOID.linkPredicate)))
        found = [quad for quad in union.quads_for_pattern(None, predicate, None) if quad.object.value.startswith(space)]
        assert number(described, one, VOID.triples) == len(found)


def test_what_void_leads_to_answers(described: rdflib.Graph, client: Client, site: Site) -> None:
    about = rdflib.URIRef(site.base + "dataset")
    examples = list(described.objects(about, VOID.exampleResource))
    assert examples
    for one in examples:
        path = "/" + str(one).removeprefix(site.base)
        assert client.get(path, headers={"Accept": "text/turtle"}, follow_redirects=True).status_code == 200
    assert str(described.value(about, FOAF.homepage)).startswith("http")
    assert described.value(None, FOAF.primaryTopic, about) is not None


@needs_suites
def test_the_catalogue_keeps_to_the_shapes_of_dcat_ap(listed: rdflib.Graph) -> None:
    shapes = rdflib.Graph()
    shapes.parse(next((SHARED / "suites" / "shapes" / "dcat-ap-3.0.1").rglob("shapes.ttl")), format="turtle")
    conforms, _, told = pyshacl.validate(listed, shacl_graph=shapes, inference="none")
    assert conforms, told


def test_the_catalogue_has_the_data_set_and_the_endpoint(listed: rdflib.Graph, client: Client) -> None:
    here = next(iter(listed.subjects(RDF.type, DCAT.Catalog)))
    assert len(list(listed.objects(here, DCAT.dataset))) == 2
    endpoint = next(iter(listed.objects(here, DCAT.service)))
    assert listed.value(endpoint, DCAT.endpointURL) == endpoint
    for one in (here, *listed.objects(here, DCAT.dataset)):
        assert listed.value(one, DCTERMS.title) is not None
    answer = client.get("/catalog", headers={"Accept": "application/ld+json"})
    assert answer.mimetype == "application/ld+json"


@pytest.mark.parametrize("path", ["/.well-known/void", "/catalog"])
def test_a_description_is_negotiated_and_a_page_is_not_promised(client: Client, path: str) -> None:
    for accept, expected in (("*/*", "text/turtle"), ("application/rdf+xml", "application/rdf+xml")):
        answer = client.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (200, expected)
        assert "Accept" in answer.headers["Vary"]
    assert client.get(path, headers={"Accept": "image/png"}).status_code == 406


def test_statistics_that_were_written_are_those_that_are_counted_now(release: Release) -> None:
    assert statistics.of(release) == statistics.count(release.lines(), release.base)
