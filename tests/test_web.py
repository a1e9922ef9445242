"""Every URL answers as HTTP, linked data and the SPARQL protocol ask, and bad requests are told what is wrong."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import asgi
import brotli
import pyoxigraph
import pytest
import zstandard
from conftest import ROOT
from pyoxigraph import Literal, NamedNode, QueryResultsFormat, RdfFormat, Store
from werkzeug.test import Client

from unitgraph import build, errors, formats
from unitgraph.build import Judged
from unitgraph.engine import AsyncStream, Engine, Stream
from unitgraph.release import Release
from unitgraph.resources import entity, graphs, listing, saved_query
from unitgraph.resources.solutions import Solutions
from unitgraph.resources.terms import Value
from unitgraph.settings import Settings
from unitgraph.site import Publication, Site
from unitgraph.vocab import term
from unitgraph.web import create_app, problems, protocol

HTML = {"Accept": "text/html"}
RDF = {"ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES, "jsonld": RdfFormat.JSON_LD, "rdf": RdfFormat.RDF_XML}


def with_engine(site: Site, engine: object, **choices: object) -> Client:
    """A client of the same release with another engine, or with other choices of the operator."""
    settings = replace(site.settings, **choices)  # type: ignore[arg-type]
    other = replace(site, engine=engine, settings=settings)  # type: ignore[arg-type]
    return asgi.client(create_app(SimpleNamespace(site=lambda: other, settings=settings)))  # type: ignore[arg-type]


def next_page(links: list[str]) -> str | None:
    """The address with the relation `next` among `Link` headers."""
    return next((m[1] for link in links if (m := re.match(r'<([^>]*)>; rel="next"', link))), None)


def triples(data: bytes, suffix: str) -> set[object]:
    return {(q.subject, q.predicate, q.object) for q in pyoxigraph.parse(data, format=RDF[suffix])}


# Things and documents --------------------------------------------------------------------------------


def test_the_same_statements_stand_in_every_format(client: Client) -> None:
    for thing in ("/unit/arl", "/unit/lsn", "/project/rscvd", "/direction/3", "/dataset", "/name/unit-lsn-1"):
        expected = triples(client.get(f"{thing}.ttl").data, "ttl")
        assert len(expected) > 5
        for suffix in RDF:
            answer = client.get(f"{thing}.{suffix}")
            assert answer.mimetype == formats.RDF_SUFFIXES[suffix]
            assert triples(answer.data, suffix) == expected
        record = client.get(f"{thing}.json").json
        assert record
        nodes = [record, *record["statements"]]
        assert sum(len(v) for node in nodes for v in node["properties"].values()) == len(expected)
        assert len(client.get(f"{thing}.csv").data.decode().split("\r\n")) - 2 == len(expected)


def test_a_page_shows_what_the_other_formats_say(client: Client, site: Site) -> None:
    """Every literal, and a link to every thing, of the Turtle document stands in the page."""
    for thing in ("/unit/lsn", "/project/rscvd", "/direction/3"):
        page = Words(client.get(f"{thing}.html").get_data(as_text=True))
        for _, predicate, value in triples(client.get(f"{thing}.ttl").data, "ttl"):  # type: ignore[misc]
            if isinstance(value, Literal):
                assert value.value in page.text or predicate in (term("ug:firstYear"), term("ug:lastYear"))
            elif value.value.startswith(site.base) and not value.value.endswith(thing):
                assert "/" + value.value.removeprefix(site.base) in page.links


def test_a_description_holds_the_statements_about_a_thing(client: Client, site: Site) -> None:
    subjects = {s.value.removeprefix(site.base) for s, _, _ in triples(client.get("/unit/lsn.ttl").data, "ttl")}  # type: ignore[misc]
    assert {"unit/lsn", "standing/lsn-section", "placement/lsn-div-iii", "name/unit-lsn-1"} <= subjects
    assert "claim/lsn-section-number" in subjects
    subjects = {s.value.removeprefix(site.base) for s, _, _ in triples(client.get("/dataset.ttl").data, "ttl")}  # type: ignore[misc]
    assert subjects == {"dataset", "dataset#publisher"}


def test_a_document_links_to_its_thing_and_its_other_formats(client: Client, site: Site) -> None:
    links = client.get("/unit/arl.ttl").headers.getlist("Link")
    assert f'<{site.base}unit/arl>; rel="describes"' in links
    assert '</unit/arl.html>; rel="alternate"; type="text/html"' in links
    assert len([link for link in links if 'rel="alternate"' in link]) == len(formats.DOCUMENT_SUFFIXES) - 1
    assert '<https://creativecommons.org/publicdomain/zero/1.0/>; rel="license"' in links


def test_a_page_has_signposts(client: Client, site: Site) -> None:
    """FAIR Signposting, level 1: one `cite-as`, `describedby` with types, `type`, `license`."""
    for method in (client.get, client.head):
        links = method("/unit/arl.html").headers.getlist("Link")
        assert [link for link in links if 'rel="cite-as"' in link] == [f'<{site.base}unit/arl>; rel="cite-as"']
        assert len([link for link in links if 'rel="describedby"' in link and "type=" in link]) == len(RDF)
        for relation in ("type", "license", "collection"):
            assert any(f'rel="{relation}"' in link for link in links)


def test_a_document_has_validators_and_is_sent_once(client: Client, site: Site) -> None:
    for path in ("/unit/arl.ttl", "/unit/arl.html", "/unit", "/ns", "/report.ttl", "/graph/data/unit/arl", "/sparql"):
        first = client.get(path)
        tag = first.headers["ETag"]
        assert re.fullmatch(r'"[\w.-]+"', tag)
        modified = parsedate_to_datetime(first.headers["Last-Modified"])
        assert modified >= datetime.fromisoformat(site.release.issued)
        for since, status in ((modified, 304), (modified + timedelta(1), 304), (modified - timedelta(1), 200)):
            by_time = {"If-Modified-Since": format_datetime(since, usegmt=True)}
            assert client.get(path, headers=by_time).status_code == status
            assert client.get(path, headers=by_time | {"If-None-Match": '"other"'}).status_code == 200
        for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(path, headers={"If-None-Match": condition})
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_variants_have_different_tags(client: Client, site: Site) -> None:
    tags = [client.get(f"/unit/arl.{suffix}").headers["ETag"] for suffix in formats.DOCUMENT_SUFFIXES]
    other = with_engine(site, site.engine, contact="data@example.org")
    assert len({*tags, other.get("/unit/arl.html").headers["ETag"]}) == len(tags) + 1


@pytest.mark.parametrize(
    "path",
    ["/", "/unit/arl", "/unit/arl.ttl", "/unit", "/ns", "/query", "/sparql", "/sparql?query=ASK%7B%7D", "/health"],
)
def test_head_has_the_headers_of_get(client: Client, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert head.data == b""
    assert head.status_code == get.status_code
    assert dict(get.headers) | {"Content-Length": ""} == dict(head.headers) | {"Content-Length": ""}


def test_nobody_can_find_parameters_that_share_the_tag_of_another_page(client: Client) -> None:
    """What is kept is kept by tag: with six digits, 2^24 tries put a page of one's own in place of another."""
    tag = client.get("/query/projects-by-initiative.html").headers["ETag"]
    assert any(len(part) >= 16 and part != tag.strip('"').split("-")[0] for part in tag.strip('"').split("-"))


def test_a_redirect_keeps_what_was_asked(client: Client) -> None:
    location = client.get("/unit/arl?page=2&format=ttl").headers["Location"]
    assert location == "/unit/arl.ttl?page=2"


def test_an_answer_of_a_saved_query_links_to_its_other_formats(client: Client) -> None:
    links = client.get("/query/first-round.csv").headers.getlist("Link")
    assert '</query/first-round.json>; rel="alternate"; type="application/sparql-results+json"' in links


@pytest.mark.parametrize("iri", ["http://[", "http://a/%zz", "http://a/\x01", "not an IRI"])
def test_a_parameter_that_is_no_iri_is_a_bad_request(client: Client, iri: str) -> None:
    for suffix in ("html", "csv"):
        path = f"/query/projects-by-initiative.{suffix}?" + urlencode({"initiative": iri})
        assert client.get(path).status_code == 400


def test_an_iri_that_is_no_address_is_shown_all_the_same(client: Client) -> None:
    text = "SELECT ?x { VALUES ?x { <http://ex\u2100mple.com/> } }"
    assert client.get("/sparql?" + urlencode({"query": text}), headers=HTML).status_code == 200


def test_a_graph_that_rdf_xml_cannot_hold_is_not_acceptable(client: Client) -> None:
    for text in ("CONSTRUCT { <a:a> <http://x/1> 1 } {}", 'CONSTRUCT { <a:a> <a:b> "\\u0001" } {}'):
        answer = client.get("/sparql?" + urlencode({"query": text, "format": "rdf"}))
        assert (answer.status_code, answer.mimetype) == (406, formats.PROBLEM)


def test_a_former_iri_leads_to_the_thing_for_good(client: Client) -> None:
    assert client.get("/unit/eals").headers["Location"] == "/unit/lsn"
    answer = client.get("/unit/eals.ttl")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/unit/lsn.ttl")


def test_what_was_withdrawn_is_gone(tmp_path: Path) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    release = build.build(judged, tmp_path)
    canonical = release.manifest.canonical_base
    slug = next(path.stem for path in sorted((ROOT / "tests" / "tiny" / "data" / "project").glob("*.ttl")))
    build.withdraw(tmp_path, f"{canonical}project/{slug}", "asked for by its owner", "2026-12-01T00:00:00Z")
    settings = Settings()
    client = asgi.client(create_app(Publication(tmp_path, None, settings)))  # type: ignore[arg-type]
    for path in (f"/project/{slug}", f"/project/{slug}.ttl"):
        answer = client.get(path)
        assert answer.status_code == 410
        assert answer.json
        assert "asked for by its owner" in answer.json["detail"]
        assert b"asked for by its owner" in client.get(path, headers=HTML).data


def test_what_is_withdrawn_is_gone_from_a_server_that_runs(tmp_path: Path, engine: Engine) -> None:
    """Pages and SPARQL answers; and a saved query that named it leaves no half behind."""
    release = build.build(build.judge(ROOT / "tests" / "tiny"), tmp_path)
    client = asgi.client(create_app(Publication(tmp_path, engine, engine.settings)))
    ask = "/sparql?format=csv&query=" + quote(f"ASK {{ <{release.base}direction/2> ?p ?o }}")
    assert client.get("/direction/2.html").status_code == 200
    assert [client.get(ask).data for _ in range(8)] == [b"true"] * 8
    queries = client.get("/query.nt").data.count(b"SPARQLSelectExecutable")
    build.withdraw(tmp_path, f"{release.base}direction/2", "asked for by its owner", "2026-12-01T00:00:00Z")
    assert client.get("/direction/2.html").status_code == 410
    assert [client.get(ask).data for _ in range(8)] == [b"false"] * 8
    for path in ("/", "/query", "/report"):
        assert client.get(path, headers=HTML).status_code == 200
    left = client.get("/query.nt").data
    assert left.count(b"SPARQLSelectExecutable") == left.count(b"shacl#select") < queries


def test_a_release_that_could_not_be_opened_once_is_tried_again(tmp_path: Path, judged: Judged) -> None:
    first = build.build(judged, tmp_path, version="2026.02.1", issued="2026-02-01")
    publication = Publication(tmp_path, None, Settings())  # type: ignore[arg-type]
    assert publication.site().release.version == first.version
    second = build.build(judged, tmp_path, version="2026.02.2", issued="2026-02-02")
    (second.folder / "store").rename(second.folder / "away")
    assert publication.site().release.version == first.version
    (second.folder / "away").rename(second.folder / "store")
    assert publication.site().release.version == second.version


def test_many_statements_come_in_pages(client: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = triples(client.get("/unit/lsn.ttl").data, "ttl")
    monkeypatch.setattr(entity, "MAX_STATEMENTS", 3)
    fresh = with_engine(site, None)
    seen: set[object] = set()
    path: str | None = "/unit/lsn.ttl"
    pages = 0
    while path:
        answer = fresh.get(path)
        seen |= triples(answer.data, "ttl")
        pages += 1
        path = next_page(answer.headers.getlist("Link"))
    assert pages > 1
    assert seen == whole
    assert b"come 500 at a time" in fresh.get("/unit/lsn.html?view=statements").data
    assert fresh.get(f"/unit/lsn.ttl?page={pages + 1}").status_code == 404


# Lists, vocabulary, graphs ---------------------------------------------------------------------------


def test_a_list_names_every_thing_of_its_kind(client: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {f"{site.base}unit/{path.stem}" for path in (ROOT / "data" / "unit").glob("*.ttl")}
    monkeypatch.setattr(listing, "PER_PAGE", 20)
    fresh = with_engine(site, None)
    found: list[str] = []
    path: str | None = "/unit.json"
    while path:
        answer = fresh.get(path)
        assert answer.json
        found += [item["iri"] for item in answer.json]
        links = answer.headers.getlist("Link")
        assert {"first", "last"} <= {match[1] for link in links for match in re.finditer(r'rel="(\w+)"', link)}
        path = next_page(links)
    assert len(found) == len(expected)
    assert set(found) == expected


def test_a_list_in_rdf_gives_types_and_labels(client: Client, site: Site) -> None:
    said = triples(client.get("/unit.ttl").data, "ttl")
    arl = site.iri("unit", "arl")
    assert (arl, term("rdf:type"), term("ug:Unit")) in said
    assert (arl, term("skos:notation"), Literal("ARL")) in said


def test_every_kind_has_a_list(client: Client, site: Site) -> None:
    for segment in (*site.kinds, "partner"):
        for suffix in ("", ".csv", ".ttl", ".json"):
            assert client.get(f"/{segment}{suffix}", headers=HTML).status_code == 200, segment


def test_the_partners_are_those_whose_role_counts(client: Client, site: Site) -> None:
    found = {item["iri"] for item in client.get("/partner.json").json or ()}
    partners = {q.object.value for q in site.store.quads_for_pattern(None, term("ug:hasPartner"), None)}  # type: ignore[union-attr]
    assert found == partners
    assert f"{site.base}organisation/oclc" not in found


def test_every_term_is_documented_under_its_name(client: Client, site: Site) -> None:
    page = Words(client.get("/ns", headers=HTML).get_data(as_text=True))
    said = client.get("/ns.nt").data.decode()
    local_names = set(re.findall(r"^<https://w3id\.org/unitgraph/ns#(\w+)>", said, re.MULTILINE))
    assert len(local_names) > 80
    assert local_names <= page.ids


def test_shapes_have_blank_nodes_again(client: Client) -> None:
    for suffix in RDF:
        data = client.get(f"/shapes.{suffix}").data
        assert b"genid-" not in data
        assert b"_:" in data or suffix == "rdf"


def test_every_shape_stands_on_the_page(client: Client) -> None:
    page = Words(client.get("/shapes.html").get_data(as_text=True))
    said = client.get("/shapes.nt").data.decode()
    shapes = set(
        re.findall(r"^<https://w3id\.org/unitgraph/shapes#([\w-]+)> <[^>]*type> <[^>]*NodeShape>", said, re.MULTILINE)
    )
    assert shapes
    assert shapes <= page.ids


def test_a_graph_is_its_triples_for_machines_first(client: Client, site: Site) -> None:
    answer = client.get("/graph/data/unit/arl")
    assert (answer.status_code, answer.mimetype) == (200, formats.TURTLE)
    name = NamedNode(f"{site.base}graph/data/unit/arl")
    stored = {(q.subject, q.predicate, q.object) for q in site.store.quads_for_pattern(None, None, None, name)}
    assert triples(answer.data, "ttl") == stored
    assert client.get("/graph/data/unit/arl", headers=HTML).mimetype == formats.HTML
    assert client.get("/graph/data/unit/arl.nt").mimetype == formats.N_TRIPLES
    assert f"{site.base}graph/inferred" in client.get("/graph.csv").get_data(as_text=True)


def test_a_large_graph_comes_in_pages(client: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = triples(client.get("/graph/inferred.ttl").data, "ttl")
    monkeypatch.setattr(graphs, "MAX_TRIPLES", 1_000)
    fresh = with_engine(site, None)
    seen: set[object] = set()
    path: str | None = "/graph/inferred.ttl"
    while path:
        answer = fresh.get(path)
        seen |= triples(answer.data, "ttl")
        path = next_page(answer.headers.getlist("Link"))
    assert seen == whole


def test_the_first_page_leads_everywhere(client: Client) -> None:
    page = Words(client.get("/", headers=HTML).get_data(as_text=True))
    expected = {
        "/direction/1",
        "/direction/4",
        "/story/arl-2020",
        "/unit",
        "/sparql",
        "/ns",
        "/shapes",
        "/report",
        "/query",
    }
    assert expected <= page.links
    assert len([link for link in page.links if re.fullmatch(r"/story/[a-z0-9-]+", link)]) == 11
    assert "not a publication of IFLA" in page.text
    assert client.get("/", headers={"Accept": "text/turtle"}).data == client.get("/dataset.ttl").data


def test_health_robots_and_icon(client: Client, site: Site) -> None:
    assert client.get("/health").json == {
        "status": "ok",
        "release": site.release.version,
        "content": site.release.manifest.content,
    }
    assert b"Disallow: /sparql" in client.get("/robots.txt").data
    assert client.get("/favicon.ico").status_code == 200
    with client.get("/static/style.css") as style:
        assert style.mimetype == "text/css"


# Saved queries ---------------------------------------------------------------------------------------


@pytest.fixture
def saved(site: Site) -> dict[str, str]:
    """Names of saved queries with the names of their parameters, comma between."""
    found = {}
    for path in sorted((ROOT / "queries").glob("*.rq")):
        names = re.findall(r"^#\+ parameter\.(\w+):", path.read_text("utf-8"), re.MULTILINE)
        found[path.stem] = ",".join(names)
    return found


def test_a_saved_query_has_a_page_and_its_answer_in_every_format(client: Client, saved: dict[str, str]) -> None:
    name = next(iter(saved))
    page = client.get(f"/query/{name}", headers=HTML)
    assert (page.status_code, page.headers["Vary"]) == (200, "Accept, Accept-Language, Accept-Encoding")
    assert b"<table" in page.data
    rows = client.get(f"/query/{name}.json").json
    assert rows
    expected = len(rows["results"]["bindings"])
    assert len(client.get(f"/query/{name}.tsv").data.splitlines()) == expected + 1
    xml = pyoxigraph.parse_query_results(client.get(f"/query/{name}.xml").data, format=QueryResultsFormat.XML)
    assert len(list(xml)) == expected  # type: ignore[arg-type]
    assert client.get(f"/query/{name}", headers={"Accept": "text/csv"}).mimetype == formats.CSV
    assert client.get(f"/query/{name}", headers={"Accept": "application/json"}).mimetype == formats.SPARQL_JSON
    assert client.get(f"/query/{name}.rq").data.startswith(b"#+ ")
    described = triples(client.get(f"/query/{name}.ttl").data, "ttl")
    assert any(predicate == term("sh:select") for _, predicate, _ in described)  # type: ignore[misc]


def test_a_parameter_changes_the_answer_and_its_tag(client: Client, site: Site, saved: dict[str, str]) -> None:
    name, parameter = next((n, p) for n, p in saved.items() if p and "," not in p)
    path = f"/query/{name}.csv?" + urlencode({parameter: f"{site.base}unit/no-such-thing"})
    plain, asked = client.get(f"/query/{name}.csv"), client.get(path)
    assert asked.status_code in (200, 400)
    if asked.status_code == 200:
        assert asked.data != plain.data
        assert asked.headers["ETag"] != plain.headers["ETag"]
    tag = plain.headers["ETag"]
    assert client.get(f"/query/{name}.csv", headers={"If-None-Match": tag}).status_code == 304
    assert client.get(f"/query/{name}?no-such-parameter=1").status_code == 400


# SPARQL ----------------------------------------------------------------------------------------------


def test_media_types_have_no_case(client: Client) -> None:
    assert client.post("/sparql", data=b"ASK {}", content_type="Application/SPARQL-Query").status_code == 200
    assert (
        client.post("/sparql", data=b"query=ASK{}", content_type="APPLICATION/X-WWW-Form-Urlencoded").status_code == 200
    )


def test_the_three_ways_to_send_a_query(client: Client) -> None:
    text = 'SELECT ?é WHERE { BIND("Zoë" AS ?é) }'
    answers = [
        client.get(f"/sparql?query={quote(text)}"),
        client.post("/sparql", data=urlencode({"query": text}), content_type="application/x-www-form-urlencoded"),
        client.post("/sparql", data=text.encode(), content_type="application/sparql-query; charset=UTF-8"),
        client.open("/sparql", method="QUERY", data=text.encode(), content_type="application/sparql-query"),
    ]
    for answer in answers:
        assert (answer.status_code, answer.mimetype) == (200, formats.SPARQL_JSON)
        assert answer.json
        assert answer.json["results"]["bindings"] == [{"é": {"type": "literal", "value": "Zoë"}}]
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("media_type", formats.SOLUTIONS)
def test_solutions_in_every_format(client: Client, media_type: str) -> None:
    answer = client.get("/sparql?query=" + quote("SELECT * { ?s a ?t } LIMIT 3"), headers={"Accept": media_type})
    assert (answer.status_code, answer.mimetype) == (200, media_type)


@pytest.mark.parametrize("media_type", formats.GRAPHS)
def test_graphs_in_every_format(client: Client, media_type: str) -> None:
    text = "CONSTRUCT WHERE { ?s a <https://w3id.org/unitgraph/ns#Direction> }"
    answer = client.get("/sparql?query=" + quote(text), headers={"Accept": media_type})
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert len(list(pyoxigraph.parse(answer.data, format=RdfFormat.from_media_type(media_type)))) == 4


def test_unknown_parameters_are_passed_over_and_our_suffixes_are_not(client: Client) -> None:
    query = {"query": "SELECT * { ?s ?p ?o } LIMIT 1"}
    loose = urlencode({**query, "format": "json", "output": "json", "results": "json"})
    assert client.get(f"/sparql?{loose}").mimetype == formats.SPARQL_JSON
    assert client.get("/sparql?" + urlencode({**query, "format": "csv"}), headers=HTML).mimetype == formats.CSV
    assert client.get("/sparql?" + urlencode({**query, "format": "sparql"})).mimetype == formats.SPARQL_JSON


def test_the_data_set_can_be_named(client: Client, site: Site) -> None:
    count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    name = f"{site.base}graph/data/unit/arl"
    stored = len(list(site.store.quads_for_pattern(None, None, None, NamedNode(name))))
    answer = client.get("/sparql?" + urlencode({"query": count, "default-graph-uri": name}))
    assert answer.json
    assert answer.json["results"]["bindings"][0]["n"]["value"] == str(stored)
    assert client.get("/sparql?" + urlencode({"query": count, "default-graph-uri": "arl"})).status_code == 400


def test_without_a_query_the_service_describes_itself(client: Client, site: Site) -> None:
    answer = client.get("/sparql")
    assert answer.mimetype == formats.TURTLE
    said = Store()
    said.bulk_load(answer.data, format=RdfFormat.TURTLE)
    endpoint = NamedNode(f"{site.base}sparql")
    ask = f"ASK {{ {endpoint} a <{term('sd:Service').value}> ; <{term('sd:endpoint').value}> {endpoint} }}"
    assert bool(said.query(ask))
    for media_type in formats.RDF_SUFFIXES.values():
        assert client.get("/sparql", headers={"Accept": media_type}).mimetype == media_type
    page = client.get("/sparql", headers=HTML)
    assert b"<textarea" in page.data


def test_a_browser_gets_a_table_with_links_and_labels(client: Client) -> None:
    text = "SELECT ?d { ?d a <https://w3id.org/unitgraph/ns#Direction> }"
    page = client.get("/sparql?" + urlencode({"query": text}), headers=HTML)
    assert page.status_code == 200
    words = Words(page.get_data(as_text=True))
    assert "/direction/3" in words.links
    assert "Connect and Empower the Field" in words.text
    assert any(link.startswith("/sparql?query=") and link.endswith("format=csv") for link in words.links)
    text = "SELECT * { ?a ?b ?c } LIMIT 1001"
    page = client.get("/sparql?" + urlencode({"query": text}), headers=HTML)
    assert b"The first 1,000 rows" in page.data
    assert page.data.count(b"<tr>") == 1_001
    page = client.get("/sparql?" + urlencode({"query": "ASK { ?s ?p ?o }"}), headers=HTML)
    assert b"Yes" in page.data


def test_a_malformed_query_is_told_with_its_place(client: Client) -> None:
    bad = "/sparql?" + urlencode({"query": "SELECT *\nWHERE { ?s ?p }"})
    answer = client.get(bad)
    assert (answer.status_code, answer.mimetype) == (400, formats.PROBLEM)
    assert answer.json
    assert answer.json["line"] == 2
    page = client.get(bad, headers=HTML)
    assert page.status_code == 400
    assert b"line 2" in page.data
    assert b"WHERE { ?s ?p }" in page.data


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/sparql-query", b"", 400),
        ("application/sparql-query", b"\xff", 400),
        ("application/sparql-query; charset=utf-16", "ASK {}".encode("utf-16"), 415),
        ("application/sparql-update", b"CLEAR ALL", 403),
        ("application/x-www-form-urlencoded", b"update=CLEAR+ALL", 403),
        ("application/x-www-form-urlencoded", b"", 400),
        ("application/x-www-form-urlencoded", b"query=ASK%7B%7D&query=ASK%7B%7D", 400),
        ("application/x-www-form-urlencoded", b"query=%ff", 400),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("text/plain", b"ASK {}", 415),
        ("", b"ASK {}", 415),
        ("application/sparql-query", b"ASK { " + b"#" * 1_000_000, 413),
    ],
)
def test_a_body_that_is_no_query_is_refused(client: Client, content_type: str, body: bytes, status: int) -> None:
    answer = client.post("/sparql", data=body, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (status, formats.PROBLEM)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("query=ASK%7B%7D&query=ASK%7B%7D", 400),
        ("query=%ff", 400),
        ("query=", 400),
        ("query=%00", 400),
        ("update=CLEAR%20ALL", 403),
        ("query=CLEAR%20ALL", 403),
        ("query=ASK%20%7B%20SERVICE%20%3Chttp%3A%2F%2Fa%2F%3E%20%7B%7D%20%7D", 403),
        ("query=" + "(" * 10_000, 403),
        ("&".join("a=1" for _ in range(2_000)), 400),
    ],
)
def test_a_request_that_is_no_query_is_refused(client: Client, query: str, status: int) -> None:
    for headers in ({}, HTML):
        assert client.get(f"/sparql?{query}", headers=headers).status_code == status


class Failing:
    """An engine that raises, at once or after its first bytes."""

    def __init__(self, error: Exception, first: tuple[bytes, ...] = ()) -> None:
        self.error, self.first = error, first

    def ask(self, *_: object, **__: object) -> Stream:
        if not self.first:
            raise self.error
        return Stream("SELECT", formats.SPARQL_JSON, self.chunks())

    async def stream(self, *_: object, **__: object) -> AsyncStream:
        stream = self.ask()
        return AsyncStream(stream.form, stream.media_type, Waiting(stream.chunks))  # type: ignore[arg-type]

    def chunks(self) -> Iterator[bytes]:
        yield from self.first
        raise self.error


@dataclass
class Waiting:
    """Chunks as the front reads them."""

    chunks: Iterator[bytes]

    async def read(self) -> bytes | None:
        return next(self.chunks, None)

    def ended(self) -> None:
        """It is not here yet."""

    def close(self) -> None:
        """Nothing has to be ended."""


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (errors.QueryTimeout(5), 503, None),
        (errors.QueryTooLarge("too much"), 503, None),
        (errors.QueryFailed("gave up"), 503, None),
        (errors.EngineUnavailable("busy", 7), 503, "7"),
    ],
)
def test_a_query_that_the_engine_does_not_finish(
    site: Site, error: errors.EngineError, status: int, retry: str | None
) -> None:
    client = with_engine(site, Failing(error))
    for headers in ({}, HTML):
        answer = client.get("/sparql?query=ASK%7B%7D", headers=headers)
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == retry
        assert str(error) in answer.get_data(as_text=True)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_failure_after_the_first_byte_breaks_the_transfer(site: Site) -> None:
    client = with_engine(site, Failing(errors.QueryFailed("cut"), (b'{"head":',)))
    with pytest.raises(errors.QueryFailed):
        _ = client.get("/sparql?query=ASK%7B%7D").data
    page = client.get("/sparql?query=ASK%7B%7D", headers=HTML)
    assert page.status_code == 503


# Errors, CORS, methods ---------------------------------------------------------------------------------


def test_every_error_has_a_status() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.UnitgraphError)]
    for cls in classes:
        if issubclass(cls, (errors.RequestError, errors.EngineError)) and not cls.__subclasses__():
            assert any(c in problems.STATUS for c in cls.__mro__), cls


BAD_PATHS = [
    "/unit/%zz",
    "/unit/%",
    "/unit/%ff",
    "/unit/%00",
    "/unit%2Farl",
    "/unit/arl%00",
    "/unit/arl%2Ettl%2F",
    "/unit/../unit/arl",
    "/unit/%2e%2e/arl",
    "/unit/arl/",
    "/unit/",
    "/unit/arl.",
    "/unit/arl.foo",
    "/unit/arl.TTL",
    "/unit/arl.ttl.ttl",
    "/unit/ARL",
    "/unit/.ttl",
    "/.ttl",
    "/.",
    "/..",
    "/unit/%E2%80%AE",
    "/unit/%0aSet-Cookie:x",
    "/unit/<script>",
    "/" + "a" * 20_000,
    "/unit/" + "a/" * 2_000,
    "/query/none",
    "/query/%00",
    "/query/a%20b",
    "/query/../ns",
    "/graph/none",
    "/graph/%00",
    "/graph/data/unit/arl.foo",
    "/ns.foo",
    "/report.csv",
    "/static/%00",
    "/static/..%2f__init__.py",
    "/static/../__init__.py",
    "/static/none.css",
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: path[:40])
def test_a_bad_path_is_not_found(client: Client, path: str) -> None:
    for headers in ({}, HTML):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 404
        assert answer.mimetype == (formats.HTML if headers else formats.PROBLEM)
        assert b"<script>" not in answer.data or not headers
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("page", ["0", "-1", "abc", "", "1.5", "999999999999", "%00", "٣"])
def test_a_bad_page_number_is_a_bad_request(client: Client, page: str) -> None:
    for path in ("/unit", "/unit/arl.html", "/graph/inferred"):
        assert client.get(f"{path}?page={page}").status_code == 400
    assert client.get("/unit?page=99").status_code == 404


def test_a_problem_is_a_document_for_programs_and_a_page_for_people(client: Client) -> None:
    answer = client.get("/unit/none", headers={"Accept": "text/turtle"})
    assert answer.mimetype == formats.PROBLEM
    assert answer.json
    assert {"type", "title", "status", "detail"} <= set(answer.json)
    page = client.get("/unit/none", headers=HTML)
    assert (page.status_code, page.mimetype) == (404, formats.HTML)
    assert b"<h1>Not found</h1>" in page.data


@pytest.mark.parametrize("path", ["/", "/unit/arl", "/unit/arl.ttl", "/sparql", "/unit/none", "/static/style.css"])
def test_any_origin_may_ask(client: Client, path: str) -> None:
    with client.get(path) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Link" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    preflight = client.options(path, headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"})
    assert (preflight.status_code, preflight.data) == (204, b"")
    assert ("POST" in preflight.headers["Access-Control-Allow-Methods"]) == (path == "/sparql")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"])
def test_other_methods_are_not_allowed(client: Client, method: str) -> None:
    answer = client.open("/unit/arl", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    if method not in ("POST", "QUERY"):
        answer = client.open("/sparql", method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST, QUERY")


def test_no_release_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    client = asgi.client(create_app(Publication(tmp_path, None, Settings())))  # type: ignore[arg-type]
    for path in ("/", "/health", "/unit/arl"):
        for headers in ({}, HTML):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]


def test_nothing_inline_and_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/", "/unit/lsn.html", "/ns.html", "/shapes.html", "/report.html", "/sparql", "/query", "/unit"):
        answer = client.get(path, headers=HTML)
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
        assert not re.search(rb"<script(?! type=\"application/ld\+json\"| src=)|<style|\sstyle=|\son\w+=", answer.data)
        words = Words(answer.get_data(as_text=True))
        assert words.headings.count(1) == 1
        assert all(b - a <= 1 for a, b in zip(words.headings, words.headings[1:], strict=False)), path
        assert len(words.id_list) == len(words.ids), path


def test_what_is_in_the_data_is_text_and_never_markup(tmp_path: Path, judged: Judged) -> None:
    bad = Literal("<script>alert(1)</script>", language="en")
    store = Store()
    store.bulk_extend(judged.store)
    base = judged.sources.base
    subject = NamedNode(f"{base}unit/arl")
    graph = NamedNode(f"{base}graph/data/unit/arl")
    store.add(pyoxigraph.Quad(subject, term("skos:altLabel"), bad, graph))
    store.add(pyoxigraph.Quad(subject, term("ug:homepage"), NamedNode("javascript:alert(1)"), graph))
    release = build.build(replace(judged, store=store), tmp_path)
    client = asgi.client(create_app(Publication(tmp_path, None, Settings())))  # type: ignore[arg-type]
    data = client.get("/unit/arl.html").data
    assert isinstance(release, Release)
    assert b"&lt;script&gt;alert(1)" in data
    assert b"<script>" not in data
    assert b'href="javascript:' not in data


def test_links_follow_the_public_address(site: Site) -> None:
    client = with_engine(site, None, public_url="https://library.example/graph/")
    assert client.get("/unit/arl").headers["Location"] == "https://library.example/graph/unit/arl.html"
    links = client.get("/unit/arl.ttl").headers.getlist("Link")
    assert '<https://library.example/graph/unit/arl.html>; rel="alternate"; type="text/html"' in links
    page = Words(client.get("/unit/arl.html").get_data(as_text=True))
    assert "/graph/unit" in page.links
    assert "/unit" not in page.links
    said = client.get("/sparql").get_data(as_text=True)
    assert "<https://library.example/graph/sparql>" in said


class Words(HTMLParser):
    """What a page says: its text, links, ids and the levels of its headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.links, self.id_list, self.headings = "", set[str](), list[str](), list[int]()
        self.feed(page)

    @property
    def ids(self) -> set[str]:
        return set(self.id_list)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.links.add(values["href"] or "")
        if values.get("id"):
            self.id_list.append(values["id"] or "")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_problem_document_is_json(client: Client) -> None:
    value = json.loads(client.get("/unit/none").data)
    assert next(iter(value)) == "type"


def test_an_answer_for_readers_has_labels_in_its_links() -> None:
    arl = Value("ARL Section", "en", "https://example.org/unit/arl")
    label, year = Value("Academic and Research Libraries", "en"), Value("2021")
    answer = Solutions(("unit", "unitLabel", "firstYear", "kind"), ((arl, label, year, None),), False)
    shown = saved_query.for_readers(answer, {"kind"})
    assert shown.variables == ("unit", "first year")
    assert shown.rows == ((replace(arl, text=label.text), year),)
    assert saved_query.for_readers(answer, set(answer.variables)).variables == (
        "unit",
        "unit label",
        "first year",
        "kind",
    )


# The graph store, codings, limits, status ---------------------------------------------------------------


def test_the_graph_store_gives_each_graph_and_their_union(client: Client, release: Release) -> None:
    name = f"{release.base}graph/data/unit/arl"
    one = client.get("/graphs", query_string={"graph": name}, headers={"Accept": formats.N_TRIPLES})
    stored = {
        (q.subject, q.predicate, q.object) for q in release.store.quads_for_pattern(None, None, None, NamedNode(name))
    }
    assert (one.status_code, triples(one.data, "nt")) == (200, stored)
    union = client.get("/graphs?default", headers={"Accept": formats.N_TRIPLES})
    assert len(triples(union.data, "nt")) == release.counts[""]
    assert client.head("/graphs?default").status_code == 200
    again = client.get("/graphs?default", headers={"Accept": formats.N_TRIPLES, "If-None-Match": union.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/graphs", "*/*", 400),
        ("/graphs?default&graph=urn:x", "*/*", 400),
        ("/graphs?graph=urn:x", "*/*", 404),
        ("/graphs?graph=", "*/*", 404),
        ("/graphs?default", "image/png", 406),
    ],
)
def test_a_graph_that_is_not_there_is_told(client: Client, path: str, accept: str, status: int) -> None:
    assert client.get(path, headers={"Accept": accept}).status_code == status


def test_counts_of_graphs_are_those_of_the_store(release: Release) -> None:
    counted = {str(g.value): 0 for g in release.store.named_graphs()}  # type: ignore[union-attr]
    for quad in release.store:
        counted[quad.graph_name.value] += 1  # type: ignore[union-attr]
    union = len({(q.subject, q.predicate, q.object) for q in release.store})
    assert release.counts == {"": union, **counted}


DECODERS = {
    "gzip": lambda data: zlib.decompress(data, wbits=31),
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.mark.parametrize("coding", DECODERS)
@pytest.mark.parametrize(
    "path",
    [
        "/unit/arl.html",
        "/unit/arl.ttl",
        "/query/first-round.csv",
        "/sparql?query=SELECT*%7B?s?p?o%7D",
        "/graphs?default",
    ],
)
def test_an_answer_comes_in_the_coding_that_is_asked_for(client: Client, path: str, coding: str) -> None:
    plain = client.get(path)
    coded = client.get(path, headers={"Accept-Encoding": f"{coding};q=0.9"})
    assert (plain.headers.get("Content-Encoding"), coded.headers["Content-Encoding"]) == (None, coding)
    assert DECODERS[coding](coded.data) == plain.data  # type: ignore[no-untyped-call]
    assert len(coded.data) < len(plain.data)
    assert coded.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in coded.headers["Vary"]
    again = client.get(path, headers={"Accept-Encoding": coding, "If-None-Match": coded.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_an_answer_that_is_not_known_is_not_said_to_be_the_same(client: Client) -> None:
    for text, status in (("ASK { ?nobody ?asked ?before }", 304), ("ASK { ?s ?p }", 400)):
        address = "/sparql?query=" + quote(text)
        assert client.get(address, headers={"If-None-Match": "*"}).status_code == status


def test_an_answer_of_the_moment_is_not_kept(client: Client) -> None:
    path = "/sparql?query=" + quote("SELECT (RAND() AS ?r) {}")
    first, second = client.get(path), client.get(path)
    assert first.data != second.data
    assert "ETag" not in first.headers


def test_a_query_may_ask_for_less_time_and_say_its_version(client: Client) -> None:
    heavy = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    answer = client.get("/sparql", query_string={"query": heavy, "timeout": "0.3"})
    assert (answer.status_code, answer.json["limitSeconds"]) == (503, 0.3)  # type: ignore[index]
    assert answer.json["limits"]["querySeconds"] == client.get("/status").json["limits"]["querySeconds"]  # type: ignore[index]
    assert client.get("/sparql", query_string={"query": "ASK {}", "timeout": "soon"}).status_code == 400
    assert client.get("/sparql", query_string={"query": "ASK {}", "version": "1.2"}).status_code == 200
    assert client.get("/sparql", query_string={"query": "ASK {}", "version": "9"}).status_code == 400


def test_a_truth_may_be_plain_text(client: Client) -> None:
    answer = client.get("/sparql?query=ASK%7B%7D", headers={"Accept": "text/plain"})
    assert (answer.mimetype, answer.data) == ("text/plain", b"true")
    table = client.get("/sparql?query=SELECT*%7B%7D", headers={"Accept": "text/plain"})
    assert table.status_code == 406


def test_the_limits_stand_in_the_description_and_in_the_status(client: Client) -> None:
    said = client.get("/sparql").get_data(as_text=True)
    status = client.get("/status").json
    assert status
    for name, value in status["limits"].items():
        assert f'"{name}"' in said
        assert f"{value:g}" in said or str(int(value)) in said
    assert set(status["walls"]) == {"network", "memory", "priority"}
    assert client.get("/status", headers=HTML).status_code == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client_is"),
    [
        ("192.0.2.1", "", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9, 10.1.2.3", "127.0.0.0/8, 10.0.0.0/8", "203.0.113.9"),
        ("127.0.0.1", "garbage", "127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3::4", "", "", "2001:db8:1:2::/64"),
    ],
)
def test_who_asks_is_the_last_hop_that_is_not_ours(peer: str, forwarded: str, proxies: str, client_is: str) -> None:
    assert protocol.client(peer, forwarded, proxies) == client_is
