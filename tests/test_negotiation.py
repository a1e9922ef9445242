"""The best acceptable format is chosen, by the rules of HTTP and for the headers that clients really send."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from unitgraph import formats
from unitgraph.errors import NotAcceptable
from unitgraph.formats import (
    CSV,
    HTML,
    JSON_LD,
    N_QUADS,
    N_TRIPLES,
    RDF_XML,
    SPARQL_JSON,
    SPARQL_XML,
    TRIG,
    TURTLE,
    negotiate,
)
from unitgraph.web import protocol

OFFERED = tuple(formats.DOCUMENT_SUFFIXES.values())
RAPPER = (
    "application/rdf+xml, text/rdf;q=0.6, application/n-triples, text/plain;q=0.1, text/turtle, application/x-turtle, "
    "application/turtle, text/n3;q=0.3, text/rdf+n3;q=0.3, text/html;q=0.2, application/xhtml+xml;q=0.4, "
    "text/html;q=0.6, application/xhtml+xml;q=0.8, */*;q=0.1"
)
RDFLIB = (
    "application/rdf+xml, text/n3, text/turtle, application/n-triples, application/ld+json, application/n-quads, "
    "application/trix, application/trig"
)
COMUNICA = (
    "application/n-quads,application/trig;q=0.95,application/ld+json;q=0.9,application/n-triples;q=0.8,"
    "text/turtle;q=0.6,application/rdf+xml;q=0.5,text/n3;q=0.35,application/xml;q=0.3,text/html;q=0.2,"
    "application/xhtml+xml;q=0.18,application/json;q=0.135"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", HTML),
        ("*/*", HTML),
        (BROWSER, HTML),
        ("text/*;q=0.3, text/turtle;q=0.9", TURTLE),
        ("text/html;q=0, */*", TURTLE),
        ("text/*, text/turtle;q=0.2", HTML),
        ("application/rdf+xml;q=0.5, text/turtle", TURTLE),
        ("text/turtle;charset=utf-8", TURTLE),
        ('text/turtle;profile="a,b;q=0";q=0.9, text/html;q=0.1', TURTLE),
        ("TEXT/TURTLE;Q=1", TURTLE),
        ("text/html;q=0.1, text/turtle;q=0.2, text/html;q=0.9", HTML),
        ("application/*", JSON_LD),
        ("text/turtle ; q=0.001, image/*", TURTLE),
        ("text/turtle;q=1.000, text/html;q=0.999", TURTLE),
        (RAPPER, TURTLE),
        ("application/rdf+xml, text/rdf;q=0.6, */*;q=0.1", RDF_XML),
        (RDFLIB, TURTLE),
        (COMUNICA, JSON_LD),
        ("application/trig;q=1.0,application/n-quads;q=0.7,text/turtle;q=0.6,application/n-triples;q=0.3", TURTLE),
        ("text/html, */*", HTML),
        ("application/vnd.schemaorg.ld+json, application/ld+json", JSON_LD),
        ("application/json", formats.JSON),
        ("text/csv", CSV),
    ],
)
def test_the_best_acceptable_format_is_chosen(accept: str, chosen: str) -> None:
    assert negotiate(accept, OFFERED) == chosen


@pytest.mark.parametrize("accept", ["image/png", "*/*;q=0", "text/html;q=0", "application/xml", "text/turtle;q=0.0"])
def test_nothing_acceptable_is_an_error_that_lists_the_offer(accept: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        negotiate(accept, OFFERED)
    assert caught.value.offered == OFFERED


@pytest.mark.parametrize(
    "accept",
    [
        ",,,",
        ";",
        "text",
        "garbage",
        "*/html",
        "text/turtle;q=abc",
        "\x00",
        "\xff/\xfe;q=1",
        '"',
        "q=1",
        "a/b/c",
        "text /html",
    ],
)
def test_a_header_that_cannot_be_read_is_no_header(accept: str) -> None:
    assert negotiate(accept, OFFERED) == HTML


def test_a_malformed_part_does_not_spoil_the_rest() -> None:
    assert negotiate("text/html;q=7, !!, text/turtle;q=0.5", OFFERED) == TURTLE


def test_a_very_long_header_takes_no_long_time() -> None:
    assert negotiate('text/turtle;a="' + '\\"' * 50_000, OFFERED) == TURTLE
    assert negotiate("a/b;q=0.1," * 10_000 + "text/csv", OFFERED) == CSV


@pytest.mark.parametrize(
    ("accept", "chosen", "table", "graph"),
    [
        ("", "", SPARQL_JSON, TURTLE),
        ("*/*", "", SPARQL_JSON, TURTLE),
        (BROWSER, "", HTML, HTML),
        ("application/json", "", SPARQL_JSON, JSON_LD),
        ("text/xml", "", SPARQL_XML, RDF_XML),
        ("application/sparql-results+xml, application/rdf+xml", "", SPARQL_XML, RDF_XML),
        ("application/sparql-results+json;q=1.0,application/sparql-results+xml;q=0.7", "", SPARQL_JSON, None),
        ("application/turtle,text/turtle", "", None, TURTLE),
        ("text/plain", "", None, N_TRIPLES),
        (COMUNICA, "", SPARQL_XML, N_QUADS),
        ("application/trig", "", None, TRIG),
        ("image/png", "", None, None),
        (BROWSER, "csv", CSV, HTML),
        (BROWSER, "xml", SPARQL_XML, RDF_XML),
        ("text/csv", "json", SPARQL_JSON, JSON_LD),
        ("text/turtle", "html", HTML, HTML),
    ],
)
def test_a_query_has_a_format_for_tables_and_one_for_graphs(
    accept: str, chosen: str, table: str | None, graph: str | None
) -> None:
    assert protocol.sparql_formats(accept, chosen) == (table, graph)


# Over HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "location"),
    [
        (None, "/unit/arl.html"),
        ("text/turtle", "/unit/arl.ttl"),
        ("application/n-triples", "/unit/arl.nt"),
        ("application/ld+json", "/unit/arl.jsonld"),
        ("application/rdf+xml", "/unit/arl.rdf"),
        ("application/json", "/unit/arl.json"),
        ("text/csv", "/unit/arl.csv"),
    ],
)
def test_a_thing_leads_to_the_best_document(client: Client, accept: str | None, location: str) -> None:
    for method in (client.get, client.head):
        answer = method("/unit/arl", headers={"Accept": accept} if accept else {})
        assert (answer.status_code, answer.headers["Location"]) == (303, location)
        assert answer.headers["Vary"] == "Accept"
        assert answer.data == b""


def test_suffix_beats_parameter_beats_accept(client: Client) -> None:
    headers = {"Accept": "text/csv"}
    assert client.get("/unit/arl?format=ttl", headers=headers).headers["Location"] == "/unit/arl.ttl"
    assert client.get("/unit/arl.nt?format=ttl", headers=headers).mimetype == N_TRIPLES
    assert client.get("/unit?format=ttl", headers=headers).mimetype == TURTLE
    assert client.get("/unit.nt?format=ttl", headers=headers).mimetype == N_TRIPLES
    assert client.get("/unit?format=none", headers=headers).status_code == 400
    assert client.get("/unit.none", headers=headers).status_code == 404


def test_what_is_not_on_offer_is_406_with_the_list(client: Client) -> None:
    for path in ("/unit/arl", "/unit", "/ns", "/graph/data/unit/arl", "/query", "/sparql", "/sparql?query=ASK%7B%7D"):
        answer = client.get(path, headers={"Accept": "image/png"})
        assert answer.status_code == 406, path
        assert answer.json
        assert answer.json["offered"]
        assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/unit", "/ns", "/shapes", "/report", "/query", "/"])
def test_a_negotiated_page_varies_and_a_suffix_does_not(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert (answer.status_code, answer.mimetype) == (200, TURTLE)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    if path != "/":
        fixed = client.get(f"{path}.ttl", headers={"Accept": "text/html"})
        assert (fixed.status_code, fixed.mimetype) == (200, TURTLE)
        assert fixed.headers["Vary"] == "Accept-Encoding"
        assert fixed.data == answer.data
