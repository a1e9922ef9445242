"""Foreign clients ask our endpoint; each must read the rows that the engine's own library finds in the release."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from xml.dom import minidom

import npm
import pyoxigraph
import pytest
import rdflib
import SPARQLWrapper
from conftest import ROOT
from npm import CLIENTS, needs_node
from pyoxigraph import BlankNode, Literal, NamedNode, QueryResultsFormat, QuerySolutions, RdfFormat
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from running import serving

from unitgraph.release import Release

Term = NamedNode | Literal | BlankNode
Row = tuple[tuple[str, str], ...]  #: variables and terms in N-Triples, the unbound left out

XSD = "http://www.w3.org/2001/XMLSchema#"
LABEL = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
NARROW = "application/sparql-results+json"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_roqet = pytest.mark.skipif(shutil.which("roqet") is None, reason="roqet (rasqal-utils) is not installed")

#: The patterns of the questions; each client asks them as SELECT *.
PATTERNS = {
    "texts in every language": "?s ?p ?text FILTER(LANG(?text) NOT IN ('', 'en'))",
    "values of every type": f"?s ?p ?o FILTER(isLiteral(?o) && DATATYPE(?o) NOT IN (<{XSD}string>, "
    "<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>))",
    "what may be missing": f"?s a <https://w3id.org/unitgraph/ns#Unit> "
    f"OPTIONAL {{ ?s {LABEL} ?label FILTER(LANG(?label) = 'fr') }}",
    "characters": """VALUES (?n ?text) {
      (1 "Zürich Łódź Đà Nẵng Ελλάδα Кириллица 图书馆 المكتبة עברית ไทย 한국어 हिन्दी")
      (2 "\U0001f4da \U0001d51e e\u0301 \u00e9 \u200f \ufb01 \u2028 |")
      (3 "an apostrophe ' and \\"quotes\\", a comma, a semicolon; <b>&amp;</b> ]]> \\\\ { } $1 %s")
      (4 "first line\\nsecond line\\ttabulator") (5 "") (6 " spaces ")
      (7 "Straße"@de) (8 "שלום"@he) (9 "圖書館"@zh-hant)
      (10 <http://example.org/Zürich?a=b&c=d#é>) (11 "x"^^<http://example.org/type>) (12 UNDEF) }""",
    "carriage returns": 'VALUES ?text { "one\\rtwo" "one\\r\\ntwo" }',
    "numbers": "VALUES ?n { 1 -1 0 1.5 1e0 1.0E6 true false 9223372036854775807 0.000000000001 }",
    "nothing": "?s <urn:no-such-property> ?o",
}
GRAPH = "CONSTRUCT { ?s ?p ?text } WHERE { ?s ?p ?text FILTER(LANG(?text) NOT IN ('', 'en')) }"
ASKS = {f"ASK {{ ?s {LABEL} ?o }}": True, "ASK { ?s <urn:no-such-property> ?o }": False}


@pytest.fixture(scope="module")
def endpoint(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("clients"), str(release.folder.parent)) as running:
        yield running.url + "sparql"


@pytest.fixture(autouse=True)
def terms_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """rdflib would write typed values anew as it reads them."""
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)
    monkeypatch.setattr(rdflib.term, "NORMALIZE_LITERALS", False, raising=False)


@pytest.fixture(params=PATTERNS)
def pattern(request: pytest.FixtureRequest) -> str:
    return PATTERNS[request.param]


def select(pattern: str) -> str:
    return f"SELECT * WHERE {{ {pattern} }}"


# What is right, and how terms of the clients are compared with it -----------------------------------------------------


def row(bindings: Mapping[str, Term | None]) -> Row:
    return tuple(sorted((name, str(term)) for name, term in bindings.items() if term is not None))


def rows_of(solutions: QuerySolutions) -> Counter[Row]:
    names = [variable.value for variable in solutions.variables]
    return Counter(row({name: solution[name] for name in names}) for solution in solutions)  # type: ignore[misc]


def right(release: Release, pattern: str) -> Counter[Row]:
    """The rows that the engine's library finds in the store of the release."""
    found = release.store.query(select(pattern), use_default_graph_as_union=True)
    assert isinstance(found, QuerySolutions)
    return rows_of(found)


def parsed(data: bytes, media_type: str) -> Counter[Row]:
    """The rows of an answer in a format of results."""
    kind = QueryResultsFormat.from_media_type(media_type)
    assert kind is not None
    results = pyoxigraph.parse_query_results(data, format=kind)
    assert isinstance(results, QuerySolutions)
    return rows_of(results)


def triples(data: bytes, media_type: str) -> set[str]:
    kind = RdfFormat.from_media_type(media_type)
    assert kind is not None
    return {str(quad.triple) for quad in pyoxigraph.parse(data, format=kind)}


def right_triples(release: Release) -> set[str]:
    found = {str(triple) for triple in release.store.query(GRAPH, use_default_graph_as_union=True)}  # type: ignore[union-attr]
    assert len(found) > 100
    return found


def term(value: rdflib.term.Node | None) -> Term | None:
    """A term of rdflib as one of the engine's library."""
    if value is None or isinstance(value, rdflib.BNode):
        return None if value is None else BlankNode(str(value))
    if isinstance(value, rdflib.Literal):
        datatype = NamedNode(str(value.datatype)) if value.datatype and not value.language else None
        return Literal(str(value), language=value.language, datatype=datatype)
    return NamedNode(str(value))


def rdflib_rows(result: Iterable[Mapping[object, rdflib.term.Node]]) -> Counter[Row]:
    return Counter(row({str(name): term(value) for name, value in binding.items()}) for binding in result)


def rdflib_triples(graph: rdflib.Graph) -> set[str]:
    return {" ".join(str(term(node)) for node in triple) for triple in graph}


def json_term(told: Mapping[str, str]) -> Term:
    """SPARQL 1.1 Query Results JSON Format §3.2.2."""
    if told["type"] == "uri":
        return NamedNode(told["value"])
    datatype = NamedNode(told["datatype"]) if "datatype" in told else None
    return Literal(told["value"], language=told.get("xml:lang"), datatype=datatype)


def json_rows(answer: object) -> Counter[Row]:
    bindings = answer["results"]["bindings"]  # type: ignore[index]
    return Counter(row({name: json_term(told) for name, told in binding.items()}) for binding in bindings)


def xml_rows(document: minidom.Document) -> Counter[Row]:
    """SPARQL Query Results XML Format §2.3.1."""
    found: Counter[Row] = Counter()
    for result in document.getElementsByTagName("result"):
        bindings: dict[str, Term | None] = {}
        for binding in result.getElementsByTagName("binding"):
            node = next(child for child in binding.childNodes if child.nodeType == child.ELEMENT_NODE)
            if node.tagName == "unbound":  # as roqet writes it
                continue
            text = "".join(child.data for child in node.childNodes)
            datatype = NamedNode(node.getAttribute("datatype")) if node.hasAttribute("datatype") else None
            bindings[binding.getAttribute("name")] = (
                NamedNode(text)
                if node.tagName == "uri"
                else Literal(text, language=node.getAttribute("xml:lang") or None, datatype=datatype)
            )
        found[row(bindings)] += 1
    return found


def plain(rows: Counter[Row]) -> Counter[tuple[tuple[str, str], ...]]:
    """Rows as CSV tells them: values without their kind, type and language."""
    found: Counter[tuple[tuple[str, str], ...]] = Counter()
    for one, count in rows.items():
        values = []
        for name, text in one:
            value = next(iter(pyoxigraph.parse(f"<urn:s> <urn:p> {text} .", format=RdfFormat.N_TRIPLES))).object
            values.append((name, value.value))  # type: ignore[union-attr]
        found[tuple(pair for pair in values if pair[1])] += count
    return found


def csv_rows(data: bytes) -> Counter[tuple[tuple[str, str], ...]]:
    """SPARQL 1.1 Query Results CSV §3; an unbound variable and an empty string look alike."""
    names, *lines = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
    return Counter(tuple(sorted((n, v) for n, v in zip(names, line, strict=False) if v)) for line in lines)


# SPARQLWrapper -----------------------------------------------------------------------------------------------------


def wrapper(endpoint: str, text: str, form: str, way: str) -> SPARQLWrapper.SPARQLWrapper:
    client = SPARQLWrapper.SPARQLWrapper(endpoint)
    client.setMethod("GET" if way == "GET" else "POST")
    client.setRequestMethod("postdirectly" if way == "POSTDIRECTLY" else "urlencoded")
    client.setQuery(text)
    client.setReturnFormat(form)
    return client


READERS: dict[str, Callable[[object], Counter[Row]]] = {
    SPARQLWrapper.JSON: json_rows,
    SPARQLWrapper.XML: xml_rows,  # type: ignore[dict-item]
    SPARQLWrapper.TSV: lambda answer: parsed(answer, "text/tab-separated-values"),  # type: ignore[arg-type]
}
WAYS = ["GET", "URLENCODED", "POSTDIRECTLY"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", READERS)
def test_sparqlwrapper_reads_the_same_rows(endpoint: str, release: Release, pattern: str, form: str, way: str) -> None:
    answer = wrapper(endpoint, select(pattern), form, way).query().convert()
    assert READERS[form](answer) == right(release, pattern)


@pytest.mark.parametrize("way", WAYS)
def test_sparqlwrapper_reads_the_same_values_as_csv(endpoint: str, release: Release, pattern: str, way: str) -> None:
    answer = wrapper(endpoint, select(pattern), SPARQLWrapper.CSV, way).query().convert()
    assert isinstance(answer, bytes)
    assert csv_rows(answer) == plain(right(release, pattern))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # SPARQLWrapper uses it
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", [SPARQLWrapper.TURTLE, SPARQLWrapper.N3, SPARQLWrapper.JSONLD, SPARQLWrapper.RDFXML])
def test_sparqlwrapper_reads_the_same_graph(endpoint: str, release: Release, form: str, way: str) -> None:
    answer = wrapper(endpoint, GRAPH, form, way).query().convert()
    found = rdflib_triples(answer) if isinstance(answer, rdflib.Graph) else triples(answer, "text/turtle")
    assert found == right_triples(release)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("text", "truth"), ASKS.items())
def test_sparqlwrapper_reads_the_truth(endpoint: str, text: str, truth: bool, way: str) -> None:
    assert wrapper(endpoint, text, SPARQLWrapper.JSON, way).query().convert()["boolean"] is truth
    document = wrapper(endpoint, text, SPARQLWrapper.XML, way).query().convert()
    assert document.getElementsByTagName("boolean")[0].firstChild.data == str(truth).lower()


# rdflib ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_rdflib_sparqlstore_reads_the_same_rows(
    endpoint: str, release: Release, pattern: str, form: str, method: str
) -> None:
    store = SPARQLStore(endpoint, method=method, returnFormat=form)
    result = store.query(select(pattern))
    assert rdflib_rows(result.bindings) == right(release, pattern)


def test_rdflib_sparqlstore_is_a_graph(endpoint: str, release: Release) -> None:
    """It asks a query for each pattern that a program looks for."""
    graph = rdflib.Graph(SPARQLStore(endpoint))
    label = rdflib.URIRef(LABEL.strip("<>"))
    found = {f"{term(s)} {term(p)} {term(o)}" for s, p, o in graph.triples((None, label, None))}
    quads = release.store.quads_for_pattern(None, NamedNode(str(label)), None)
    assert found == {str(quad.triple) for quad in quads}
    subject = next(graph.subjects(label, None))
    assert (subject, label, None) in graph
    assert len(graph) == len({quad.triple for quad in release.store})
    assert rdflib_triples(graph.query(GRAPH).graph) == right_triples(release)
    assert {text: graph.query(text).askAnswer for text in ASKS} == ASKS


def test_service_from_rdflib_reads_the_same_rows(endpoint: str, release: Release, pattern: str) -> None:
    result = rdflib.Graph().query(f"SELECT * WHERE {{ SERVICE <{endpoint}> {{ {pattern} }} }}")
    assert rdflib_rows(result.bindings) == right(release, pattern)


# Programs ----------------------------------------------------------------------------------------------------------


def output(*command: str | Path) -> bytes:
    """What a command prints, in the locale of no country."""
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=120, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2_000:]
    return done.stdout


def numbers(rows: Counter[Row]) -> list[str | float]:
    """The values of a table of one column, whatever way they are written in."""
    texts = [text.split('"')[1] for ((_, text),) in rows.elements()]
    return sorted((float(text) if text[-1].isdigit() else text for text in texts), key=str)


@needs_roqet
@pytest.mark.parametrize("pattern", [PATTERNS[name] for name in PATTERNS if name != "carriage returns"])
def test_roqet_reads_the_same_rows(endpoint: str, release: Release, pattern: str) -> None:
    """It writes numbers anew, so these are compared by value; it writes a carriage return that
    its readers take for a line feed, and cannot read the answer to an ASK.
    """
    found = xml_rows(minidom.parseString(output("roqet", "-q", "-p", endpoint, "-r", "xml", "-e", select(pattern))))
    if pattern == PATTERNS["numbers"]:
        assert numbers(found) == numbers(right(release, pattern))
    else:
        assert found == right(release, pattern)


CURL = {
    "GET": ["--get", "--data-urlencode"],
    "a form": ["--data-urlencode"],
    "a form with its charset": [
        *("--header", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"),
        "--data-urlencode",
    ],
    "the query itself": ["--header", "Content-Type: application/sparql-query", "--data-binary"],
    "HTTP/1.0": ["--http1.0", "--get", "--data-urlencode"],
    "compressed": ["--compressed", "--data-urlencode"],
}


@needs_curl
@pytest.mark.parametrize("way", CURL)
def test_curl_reads_the_same_rows(endpoint: str, release: Release, pattern: str, way: str, tmp_path: Path) -> None:
    (tmp_path / "query.rq").write_text(select(pattern), "utf-8")
    body = f"@{tmp_path / 'query.rq'}" if way == "the query itself" else f"query@{tmp_path / 'query.rq'}"
    data = output("curl", "--fail", "--silent", "--show-error", "-H", f"Accept: {NARROW}", *CURL[way], body, endpoint)
    assert parsed(data, NARROW) == right(release, pattern)


# Comunica ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comunica() -> Path:
    """Its command."""
    return npm.installed() / ".bin" / "comunica-sparql"


@needs_node
def test_comunica_reads_the_same_rows(comunica: Path, endpoint: str, release: Release, pattern: str) -> None:
    data = output(comunica, f"sparql@{endpoint}", "-q", select(pattern), "-t", NARROW)
    assert json_rows(json.loads(data)) == right(release, pattern)


@needs_node
def test_comunica_finds_out_that_this_is_an_endpoint(comunica: Path, endpoint: str, release: Release) -> None:
    """From its service description: nobody has told it."""
    pattern = PATTERNS["texts in every language"]
    data = output(comunica, endpoint, "-q", select(pattern), "-t", NARROW)
    assert json_rows(json.loads(data)) == right(release, pattern)


@needs_node
def test_comunica_reads_the_same_graph(comunica: Path, endpoint: str, release: Release) -> None:
    data = output(comunica, f"sparql@{endpoint}", "-q", GRAPH, "-t", "application/n-triples")
    assert triples(data, "application/n-triples") == right_triples(release)


@pytest.mark.parametrize("folder", [CLIENTS, ROOT / "bench" / "trifid"], ids=lambda folder: folder.name)
def test_a_lock_file_names_digests_and_no_addresses(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]
    installed = {name: told for name, told in packages.items() if name and not told.get("link")}
    assert len(installed) > 100
    assert [name for name, told in installed.items() if not told.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, told in installed.items() if "resolved" in told] == []


# The headers that real clients send --------------------------------------------------------------------------------

JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
TURTLE, N_TRIPLES, RDF_XML, JSON_LD = (
    "text/turtle",
    "application/n-triples",
    "application/rdf+xml",
    "application/ld+json",
)
N_QUADS, TRIG, HTML = "application/n-quads", "application/trig", "text/html"
RDF = f"{TURTLE} {N_TRIPLES} {RDF_XML} {JSON_LD} {N_QUADS} {TRIG}"

RAPPER = "application/rdf+xml, text/rdf;q=0.6, */*;q=0.1"
RAPPER_GUESS = (
    "application/rdf+xml, text/rdf;q=0.6, application/n-triples, text/plain;q=0.1, text/turtle, "
    "application/x-turtle, application/turtle, text/n3;q=0.3, text/html;q=0.2, application/xhtml+xml;q=0.4, "
    "text/html;q=0.6, application/xhtml+xml;q=0.8, */*;q=0.1"
)
RDFLIB = (
    "application/rdf+xml, text/n3, text/turtle, application/n-triples, application/ld+json, "
    "application/n-quads, application/trix, application/trig"
)
COMUNICA = (
    "application/n-quads,application/trig;q=0.95,application/ld+json;q=0.9,application/n-triples;q=0.8,"
    "text/turtle;q=0.6,application/rdf+xml;q=0.5,text/n3;q=0.35,application/xml;q=0.3,text/xml;q=0.3,"
    "image/svg+xml;q=0.3,text/html;q=0.2,application/xhtml+xml;q=0.18,application/json;q=0.135"
)
LDFETCH = (
    "application/trig;q=1.0,application/n-quads,application/ld+json;q=0.9,application/rdf+xml;q=0.8,"
    "text/turtle,application/n-triples"
)
LDF_CLIENT = (
    "application/trig;q=1.0,application/n-quads;q=0.7,text/turtle;q=0.6,application/n-triples;q=0.3,text/n3;q=0.2"
)
PERL = "text/turtle;q=1.0,application/turtle;q=1.0,application/x-turtle;q=1.0,application/rdf+xml;q=0.9,*/*;q=0.1"
SCRAPY = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FUJI = (
    "text/turtle, application/turtle, application/x-turtle;q=0.8, application/rdf+xml, "
    "text/n3;q=0.9, application/ld+json"
)
WRAPPER_JSON = "application/sparql-results+json,application/json,text/javascript,application/javascript"

TABLE_QUERY, GRAPH_QUERY, NO_QUERY = f"SELECT * {{ ?s {LABEL} ?o }} LIMIT 3", GRAPH, ""

HEADERS = [
    ("roqet", "application/sparql-results+xml", TABLE_QUERY, XML),
    ("rdflib SPARQLStore", "application/sparql-results+xml, application/rdf+xml", TABLE_QUERY, XML),
    ("rdflib SPARQLStore", "application/sparql-results+xml, application/rdf+xml", GRAPH_QUERY, RDF_XML),
    ("rdflib SERVICE", "application/sparql-results+json", TABLE_QUERY, JSON),
    ("SPARQLWrapper JSON", WRAPPER_JSON, TABLE_QUERY, JSON),
    ("SPARQLWrapper Turtle", "application/turtle,text/turtle", GRAPH_QUERY, TURTLE),
    ("Comunica", "application/sparql-results+json;q=1.0,application/sparql-results+xml;q=0.7", TABLE_QUERY, JSON),
    ("Comunica", "text/turtle", GRAPH_QUERY, TURTLE),
    ("Comunica, rdf-dereference", COMUNICA, NO_QUERY, f"{N_QUADS} {TRIG} {JSON_LD}"),
    ("Comunica, rdf-dereference", COMUNICA, GRAPH_QUERY, f"{N_QUADS} {TRIG} {JSON_LD}"),
    ("rapper", RAPPER, NO_QUERY, RDF_XML),
    ("rapper", RAPPER, GRAPH_QUERY, RDF_XML),
    ("rapper -g", RAPPER_GUESS, NO_QUERY, f"{RDF_XML} {TURTLE} {N_TRIPLES}"),
    ("rapper -g", RAPPER_GUESS, GRAPH_QUERY, f"{RDF_XML} {TURTLE} {N_TRIPLES}"),
    ("rdflib parse", RDFLIB, NO_QUERY, RDF),
    ("rdflib parse", RDFLIB, GRAPH_QUERY, RDF),
    ("ldfetch", LDFETCH, NO_QUERY, f"{TRIG} {N_QUADS} {TURTLE} {N_TRIPLES}"),
    ("ldf-client", LDF_CLIENT, NO_QUERY, f"{TRIG} {N_QUADS} {TURTLE}"),
    ("RDF::LDF", PERL, GRAPH_QUERY, TURTLE),
    ("F-UJI, RDF", FUJI, NO_QUERY, RDF),
    ("F-UJI", "text/html, */*", NO_QUERY, f"{HTML} {RDF}"),
    ("F-UJI, schema.org", "application/vnd.schemaorg.ld+json, application/ld+json", GRAPH_QUERY, JSON_LD),
    ("signposting", "text/html,application/xhtml+xml,application/xml;q=0.9", NO_QUERY, HTML),
    ("oaipmh-scythe", "text/xml; charset=utf-8, application/xml; charset=utf-8", TABLE_QUERY, XML),
    ("scrapy", SCRAPY, NO_QUERY, HTML),
    ("extruct, sickle, reconciler", "*/*", TABLE_QUERY, JSON),
    ("extruct, sickle, reconciler", "*/*", GRAPH_QUERY, RDF),
    ("extruct, sickle, reconciler", "*/*", NO_QUERY, RDF),
    ("urllib, resync, OpenRefine", "", TABLE_QUERY, JSON),
    ("urllib, resync, OpenRefine", "", NO_QUERY, RDF),
    ("unfurl.js", "text/html, application/xhtml+xml", NO_QUERY, HTML),
]


@needs_curl
@pytest.mark.parametrize(
    ("client", "accept", "query", "right_ones"), HEADERS, ids=[f"{h[0]}-{n}" for n, h in enumerate(HEADERS)]
)
@pytest.mark.parametrize("way", ["GET", "POST", "HEAD"])
def test_headers_of_real_clients_get_what_they_mean(
    endpoint: str, client: str, accept: str, query: str, right_ones: str, way: str
) -> None:
    """As harvested from the clients; the loose parameters that SPARQLWrapper adds change nothing."""
    url = f"{endpoint}?format=json&output=json&results=json" if client == "SPARQLWrapper JSON" else endpoint
    pair = f"query={urllib.parse.quote(query)}"
    command = ["curl", "--silent", "--output", "-", "--header", f"Accept:{' ' + accept if accept else ''}"]
    if way == "POST" and query:
        command += ["--data", pair]
    elif query:
        url += ("&" if "?" in url else "?") + pair
    told = "\\n%{http_code} %{content_type}"
    body, _, last = output(*command, *(["--head"] if way == "HEAD" else []), "--write-out", told, url).rpartition(b"\n")
    status, _, content_type = last.decode().partition(" ")
    media_type = content_type.partition(";")[0]
    assert (status, media_type in right_ones.split()) == ("200", True), last
    if way != "HEAD" and media_type in RDF.split():
        assert triples(body, media_type)
    elif way != "HEAD" and media_type in (JSON, XML):
        assert parsed(body, media_type).total() == 3
