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


#: What can be asked for: a thing is answered by 303, the others themselves. `table` says that there is CSV, too.
THING, DOCUMENT, LIST, HOME, NS, GRAPH = "/unit/arl", "/unit/arl.ttl", "/unit", "/", "/ns", "/graph/data/unit/arl"
PLACES = (THING, DOCUMENT, LIST, HOME, NS, GRAPH)
RDF = (TURTLE, JSON_LD, N_TRIPLES, RDF_XML)
JSON = formats.JSON
ANY = (*RDF, HTML)
DEFAULT = "default"  #: the page, but of a graph the data
NONE = "none"  #: 406

LINKSET = "application/linkset+json,application/linkset;q=0.9,application/json;q=0.3,text/plain;q=0.2"
LDFETCH = (
    "application/trig;q=1.0,application/n-quads,application/ld+json;q=0.9,application/rdf+xml;q=0.8,"
    "text/turtle,application/n-triples"
)
LDF_CLIENT = (
    "application/trig;q=1.0,application/n-quads;q=0.7,text/turtle;q=0.6,application/n-triples;q=0.3,text/n3;q=0.2"
)
PERL = "text/turtle;q=1.0,application/turtle;q=1.0,application/x-turtle;q=1.0,application/rdf+xml;q=0.9,*/*;q=0.1"
FUJI = (
    "text/turtle, application/turtle, application/x-turtle;q=0.8, application/rdf+xml, text/n3;q=0.9, "
    "application/ld+json"
)
WRAPPER = "application/sparql-results+json,application/json,text/javascript,application/javascript"

#: The headers that real clients send, as they send them, and what suits them; None is no header at all.
CLIENTS: tuple[tuple[str, str | None, tuple[str, ...] | str], ...] = (
    ("rapper, rdfproc", "application/rdf+xml, text/rdf;q=0.6, */*;q=0.1", (RDF_XML,)),
    ("rapper -g, roqet FROM", RAPPER, (RDF_XML, TURTLE, N_TRIPLES)),
    ("rdflib parse", RDFLIB, RDF),
    ("rdflib SPARQLStore", "application/sparql-results+xml, application/rdf+xml", (RDF_XML,)),
    ("rdflib SERVICE", "application/sparql-results+json", NONE),
    ("SPARQLWrapper JSON", WRAPPER, (JSON, NONE)),
    ("SPARQLWrapper Turtle", "application/turtle,text/turtle", (TURTLE,)),
    ("Comunica, rdf-dereference", COMUNICA, (JSON_LD,)),
    ("Comunica, a query", "application/sparql-results+json;q=1.0,application/sparql-results+xml;q=0.7", NONE),
    ("Comunica, a graph", "text/turtle", (TURTLE,)),
    ("ldfetch", LDFETCH, (TURTLE, N_TRIPLES)),
    ("ldf-client", LDF_CLIENT, (TURTLE,)),
    ("RDF::LDF", PERL, (TURTLE,)),
    ("signposting, HEAD", None, DEFAULT),
    ("signposting", "text/html,application/xhtml+xml,application/xml;q=0.9", (HTML,)),
    ("signposting, link set", LINKSET, (JSON, NONE)),
    ("F-UJI", "text/html, */*", DEFAULT),
    ("F-UJI, RDF", FUJI, (TURTLE, RDF_XML, JSON_LD)),
    ("F-UJI, schema.org", "application/vnd.schemaorg.ld+json, application/ld+json", (JSON_LD,)),
    ("oaipmh-scythe", "text/xml; charset=utf-8, application/xml; charset=utf-8", NONE),
    ("scrapy", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", (HTML,)),
    ("extruct, sickle, memento_client, reconciler, redocly", "*/*", DEFAULT),
    ("urllib, resync, redbot, OpenRefine", None, DEFAULT),
    ("unfurl.js", "text/html, application/xhtml+xml", (HTML,)),
    # and what HTTP allows to be written
    ("empty", "", DEFAULT),
    ("a space", " ", DEFAULT),
    ("a quality of 0", "text/html;q=0, text/turtle", (TURTLE,)),
    ("everything but the page", "text/html;q=0, */*;q=0.1", RDF),
    ("only what is not wanted", "*/*;q=0", NONE),
    ("a wildcard for a type", "text/*", DEFAULT),
    ("a wildcard, and what it does not stand for", "text/*;q=0.1, application/rdf+xml;q=0.2", (RDF_XML,)),
    ("the more exact range counts, not the higher", "text/*;q=1, text/html;q=0.1, text/csv;q=0", (TURTLE,)),
    ("three decimals", "text/html;q=0.998, application/ld+json;q=0.999", (JSON_LD,)),
    ("capital letters", "Application/LD+JSON;Q=0.9, Text/HTML;q=0.8", (JSON_LD,)),
    ("a parameter", "text/turtle;charset=utf-8", (TURTLE,)),
    ("a profile", 'application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', (JSON_LD,)),
    ("a comma in quotation marks", 'application/n-triples;a="x,text/html"', (N_TRIPLES,)),
    ("white space", "  text/turtle  ;  q=0.9 ,\ttext/html;q=0.1", (TURTLE,)),
    ("a range twice", "text/turtle;q=0.1, application/ld+json;q=0.5, text/turtle;q=0.9", (TURTLE,)),
    ("no such format", "image/png, video/*", NONE),
    ("no media type", "turtle", DEFAULT),
    ("a quality that is none, beside one that is", "text/html;q=high, text/turtle;q=0.2", (TURTLE,)),
    ("JSON", "application/json", (JSON, NONE)),
    ("a table", "text/csv", (CSV, NONE)),
)
CASES = [(place, *case) for case in CLIENTS for place in PLACES]


def formats_at(place: str) -> set[str]:
    """What is on offer there."""
    return {*ANY, JSON, CSV} if place in (THING, LIST) else set(ANY)


@pytest.mark.parametrize(
    ("place", "accept", "right"),
    [(place, accept, right) for place, _, accept, right in CASES],
    ids=[f"{name} at {place}" for place, name, _, _ in CASES],
)
def test_each_client_gets_what_it_means(
    client: Client, place: str, accept: str | None, right: tuple[str, ...] | str
) -> None:
    """On things, documents, lists, the first page, the vocabulary and graphs; HEAD says the same as GET."""
    headers = {} if accept is None else {"Accept": accept}
    expected = _expected(place, right)
    for method in (client.get, client.head):
        answer = method(place, headers=headers)
        if expected == {NONE}:
            assert (answer.status_code, answer.mimetype) == (406, formats.PROBLEM)
        elif place == THING:
            assert answer.status_code == 303
            suffix = answer.headers["Location"].removeprefix(f"{THING}.")
            assert formats.DOCUMENT_SUFFIXES[suffix] in expected
            assert answer.data == b""
        else:
            assert (answer.status_code, answer.mimetype in expected) == (200, True), answer.mimetype
        assert place == DOCUMENT or "Accept" in answer.headers["Vary"]


def _expected(place: str, right: tuple[str, ...] | str) -> set[str]:
    if place == DOCUMENT:
        return {TURTLE}  # whatever is accepted
    if right == DEFAULT:
        return {TURTLE} if place == GRAPH else {HTML}
    wanted = {right} if isinstance(right, str) else set(right)
    return wanted & formats_at(place) or {NONE}


def test_there_are_as_many_cases_as_are_asked_for() -> None:
    assert len(CASES) > 200
    assert {case[0] for case in CASES} == set(PLACES)


@pytest.mark.parametrize("suffix", formats.DOCUMENT_SUFFIXES)
@pytest.mark.parametrize("accept", ["image/png", "text/html", "*/*;q=0", BROWSER, ""])
def test_a_suffix_beats_whatever_is_accepted(client: Client, suffix: str, accept: str) -> None:
    for path in (THING, LIST):
        answer = client.get(f"{path}.{suffix}?format=nt", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (200, formats.DOCUMENT_SUFFIXES[suffix])


@pytest.mark.parametrize("name", formats.DOCUMENT_SUFFIXES)
def test_a_parameter_beats_whatever_is_accepted(client: Client, name: str) -> None:
    headers = {"Accept": "image/png"}
    answer = client.get(f"{THING}?format={name}", headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{THING}.{name}")
    assert client.get(f"{LIST}?format={name}", headers=headers).mimetype == formats.DOCUMENT_SUFFIXES[name]


def test_a_thing_leads_to_a_document_that_does_not_lead_on(client: Client) -> None:
    for accept in (HTML, TURTLE, JSON_LD, CSV):
        first = client.get(THING, headers={"Accept": accept})
        assert first.status_code == 303
        second = client.get(first.headers["Location"], headers={"Accept": accept})
        assert (second.status_code, second.mimetype) == (200, accept)


@pytest.mark.parametrize("place", [*PLACES, "/unit/arl.html", "/unit/arl.linkset", "/unit.csv", "/ns.jsonld"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_cannot_be_done_is_405_with_what_can(client: Client, place: str, method: str) -> None:
    answer = client.open(place, method=method)
    assert answer.status_code == 405
    assert {one.strip() for one in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    assert client.options(place).headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("place", [DOCUMENT, "/unit/arl.html", LIST, HOME, NS, GRAPH, "/unit/arl.linkset"])
def test_what_is_known_is_not_sent_again(client: Client, place: str) -> None:
    first = client.get(place)
    tag, links = first.headers["ETag"], first.headers.getlist("Link")
    for method in (client.get, client.head):
        for known in (tag, f"W/{tag}", f'"x", W/"y", {tag}', "*"):
            again = method(place, headers={"If-None-Match": known})
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers.getlist("Link") == links
            assert again.headers["ETag"] == tag
            assert again.headers.get("Vary") == first.headers.get("Vary")
        assert method(place, headers={"If-None-Match": '"x"'}).status_code == 200
        by_time = {"If-Modified-Since": first.headers["Last-Modified"]}
        assert method(place, headers=by_time).status_code == 304
        assert method(place, headers=by_time | {"If-None-Match": '"x"'}).status_code == 200
        assert method(place, headers={"If-Modified-Since": "yesterday"}).status_code == 200


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


@pytest.mark.parametrize("path", [THING, LIST, NS, GRAPH])
def test_406_has_the_address_of_every_format(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "image/png"})
    assert answer.json
    told = {one["type"]: one["href"] for one in answer.json["alternatives"]}
    assert set(told) == formats_at(path)
    for media_type, address in told.items():
        assert client.get(address, headers={"Accept": "image/png"}).mimetype == media_type
        assert f'<{address}>; rel="alternate"; type="{media_type}"' in answer.headers.getlist("Link")


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
