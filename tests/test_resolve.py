"""Every IRI under the base that occurs in the release resolves, in every format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import asgi
import html5lib
import pyoxigraph
import pytest
from conftest import ROOT
from pyoxigraph import NamedNode, RdfFormat
from werkzeug.test import Client, TestResponse

from unitgraph import build, formats
from unitgraph.build import Judged
from unitgraph.engine import Broker
from unitgraph.release import Release
from unitgraph.settings import Settings
from unitgraph.site import Publication
from unitgraph.web import create_app

BASE = "http://localhost:8000/"
RDF = {
    formats.TURTLE: RdfFormat.TURTLE,
    formats.N_TRIPLES: RdfFormat.N_TRIPLES,
    formats.RDF_XML: RdfFormat.RDF_XML,
    formats.JSON_LD: RdfFormat.JSON_LD,
}


@pytest.fixture(scope="module")
def local(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The real graph as it is on a laptop."""
    return build.build(judged, tmp_path_factory.mktemp("local"), base=BASE)


@pytest.fixture(scope="module")
def client(local: Release) -> Iterator[Client]:
    settings = Settings()
    with Broker(settings) as engine:
        app = create_app(Publication(local.folder.parent, engine, settings))
        yield asgi.client(app)


@pytest.fixture(scope="module")
def iris(local: Release) -> list[str]:
    """Every IRI under the base, wherever it stands."""
    found = set()
    for quad in local.store:
        for term in (quad.subject, quad.predicate, quad.object, quad.graph_name):
            if isinstance(term, NamedNode) and term.value.startswith(BASE):
                found.add(term.value)
    assert len(found) > 1_500
    return sorted(found)


def follow(client: Client, iri: str, accept: str) -> TestResponse:
    """The answer after at most one 303, or a 301 to the IRI that is used now and its 303."""
    path = iri.removeprefix(BASE.rstrip("/")).split("#")[0]
    answer = client.get(path, headers={"Accept": accept})
    for status in (301, 303):
        if answer.status_code == status:
            answer = client.get(urlsplit(answer.headers["Location"]).path, headers={"Accept": accept})
    return answer


@pytest.mark.parametrize("media_type", [*RDF, formats.HTML, formats.JSON, formats.CSV])
def test_every_iri_under_the_base_resolves(client: Client, iris: list[str], media_type: str) -> None:
    wrong = []
    for iri in iris:
        answer = follow(client, iri, media_type)
        told = answer.headers.get("Content-Type", "").split(";")[0]
        fits = told == media_type or (media_type == formats.JSON and told == formats.SPARQL_JSON)
        no_table = media_type in (formats.JSON, formats.CSV) and answer.status_code == 406
        if (answer.status_code != 200 or not fits) and not no_table:
            wrong.append((iri, answer.status_code, told))
            continue
        data = answer.get_data()
        if media_type in RDF and not any(True for _ in pyoxigraph.parse(data, format=RDF[media_type])):
            wrong.append((iri, "no triples", told))
        if told == formats.JSON:
            json.loads(data)
    assert not wrong[:20]


def test_pages_are_html_that_a_strict_parser_takes(client: Client, iris: list[str]) -> None:
    """One page of each kind, whole; html5lib stops at the first fault."""
    parser = html5lib.HTMLParser(strict=True)
    seen = set()
    for iri in [BASE, f"{BASE}ns", f"{BASE}shapes", f"{BASE}report", f"{BASE}query", f"{BASE}sparql", *iris]:
        kind = iri.removeprefix(BASE).split("/")[0]
        if kind in seen:
            continue
        seen.add(kind)
        data = follow(client, iri, formats.HTML).get_data()
        assert parser.parse(data) is not None
        assert data.count(b"<h1") == 1, iri
    assert (ROOT / "data" / "unit").name in seen
