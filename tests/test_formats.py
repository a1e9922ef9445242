"""Answers become bytes in every format, and a foreign reader gets the same terms back."""

from __future__ import annotations

import csv
import io
import json

import pyoxigraph
import pytest
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, QueryResultsFormat, RdfFormat, Triple
from rdflib.compare import isomorphic

from unitgraph import formats
from unitgraph.answers import Graph, Table, Truth
from unitgraph.errors import NotAcceptable
from unitgraph.vocab import PREFIXES, RDF_TYPE, term

BASE = "https://example.org/"
MAPS = NamedNode(BASE + "unit/maps")
PREFIX = {**PREFIXES, "unit": BASE + "unit/", "urn": "urn:"}
READERS = {
    formats.TURTLE: RdfFormat.TURTLE,
    formats.N_TRIPLES: RdfFormat.N_TRIPLES,
    formats.RDF_XML: RdfFormat.RDF_XML,
    formats.JSON_LD: RdfFormat.JSON_LD,
    formats.N_QUADS: RdfFormat.N_QUADS,
    formats.TRIG: RdfFormat.TRIG,
}
VALUES = [
    Literal("Karten & Pläne <\"'>", language="de"),
    Literal("خرائط", language="ar"),
    Literal("line\nbreak\r\nand\ttab", language="en"),
    Literal("\\ and \" and '''"),
    Literal(""),
    Literal("2021-04-22", datatype=term("xsd:date")),
    Literal("12345678901234567890", datatype=term("xsd:integer")),
    Literal(True),
    Literal("1.50", datatype=term("xsd:decimal")),
    Literal("@id"),
    NamedNode("urn:isbn:978-3-11-061953-9"),
    NamedNode(BASE + "unit/"),
    NamedNode(BASE + "unit/maps#part"),
    NamedNode("https://example.org/?s=a&cats%5B%5D=b"),
    BlankNode("b1"),
]


def graph(*values: object) -> Graph:
    triples = [Triple(MAPS, RDF_TYPE, term("ug:Unit"))]
    triples += [Triple(MAPS, term("dcterms:relation"), value) for value in values]  # type: ignore[arg-type]
    return Graph(MAPS.value, tuple(triples))


@pytest.mark.parametrize("media_type", READERS)
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_term_survives_every_format(media_type: str, value: object) -> None:
    data = formats.write(graph(value), media_type, PREFIX)
    read = [quad.object for quad in pyoxigraph.parse(data, format=READERS[media_type])]
    if isinstance(value, BlankNode):
        assert any(isinstance(term, BlankNode) for term in read)
    else:
        assert set(read) == {term("ug:Unit"), value}


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own JSON-LD reader
@pytest.mark.parametrize(
    ("media_type", "reader"),
    [
        (formats.TURTLE, "turtle"),
        (formats.N_TRIPLES, "nt"),
        (formats.RDF_XML, "xml"),
        (formats.JSON_LD, "json-ld"),
    ],
)
def test_another_library_reads_the_same_graph(media_type: str, reader: str) -> None:
    whole = graph(*(v for v in VALUES if v != NamedNode(BASE + "unit/")))
    expected = rdflib.Graph().parse(data=formats.write(whole, formats.N_TRIPLES), format="nt")
    found = rdflib.Graph().parse(data=formats.write(whole, media_type, PREFIX), format=reader)
    assert isomorphic(found, expected)


def test_only_prefixes_in_use_are_declared() -> None:
    text = formats.write(graph(Literal("a", language="en")), formats.TURTLE, PREFIX).decode()
    assert text.count("@prefix") == 3
    assert "@prefix unit: <https://example.org/unit/> ." in text


def test_json_ld_is_compact_and_needs_nothing_from_the_network() -> None:
    document = json.loads(formats.write(graph(VALUES[0]), formats.JSON_LD, PREFIX))
    assert document == {
        "@context": {
            "dcterms": PREFIXES["dcterms"],
            "ug": PREFIXES["ug"],
            "unit": BASE + "unit/",
            "dcterms:relation": {"@container": "@language"},
        },
        "@graph": [{"@id": "unit:maps", "@type": "ug:Unit", "dcterms:relation": {"de": VALUES[0].value}}],
    }


TEXTS = (Literal("Maps", language="en"), Literal("Charts", language="en"), Literal("Karten", language="de"))
YEAR = Literal("2020", datatype=term("xsd:gYear"))
OTHER = Literal("x", datatype=NamedNode("http://example.org/type"))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own JSON-LD reader
@pytest.mark.parametrize(
    ("values", "said", "written"),
    [
        (TEXTS, {"@container": "@language"}, {"en": ["Maps", "Charts"], "de": "Karten"}),
        ((MAPS,), {"@type": "@id"}, "unit:maps"),
        ((MAPS, BlankNode("b")), {"@type": "@id"}, ["unit:maps", "_:b"]),
        ((YEAR,), {"@type": "xsd:gYear"}, "2020"),
        ((OTHER,), {"@type": "http://example.org/type"}, "x"),
        ((Literal("a"), Literal("b")), None, ["a", "b"]),
        ((Literal("a"), YEAR), None, ["a", {"@value": "2020", "@type": "xsd:gYear"}]),
        ((MAPS, Literal("a")), None, [{"@id": "unit:maps"}, "a"]),
        ((Literal("unit:maps"),), None, "unit:maps"),
    ],
)
def test_what_all_values_of_a_property_share_is_said_once_in_the_context(
    values: tuple[NamedNode | Literal | BlankNode, ...], said: object, written: object
) -> None:
    """And two other libraries read the same graph from it."""
    whole = graph(*values)
    data = formats.write(whole, formats.JSON_LD, PREFIX)
    document = json.loads(data)
    assert document["@context"].get("dcterms:relation") == said
    assert document["@graph"][0]["dcterms:relation"] == written
    expected = rdflib.Graph().parse(data=formats.write(whole, formats.N_TRIPLES), format="nt")
    assert isomorphic(rdflib.Graph().parse(data=data, format="json-ld"), expected)
    read = b"\n".join(f"{quad.triple} .".encode() for quad in pyoxigraph.parse(data, format=RdfFormat.JSON_LD))
    assert isomorphic(rdflib.Graph().parse(data=read, format="nt"), expected)


def test_an_iri_whose_scheme_is_a_prefix_is_not_taken_for_a_prefixed_name() -> None:
    document = json.loads(formats.write(graph(NamedNode("unit:maps")), formats.JSON_LD, PREFIX))
    assert "unit" not in document["@context"]
    assert document["@graph"][0]["@id"] == MAPS.value


def test_n_triples_are_sorted() -> None:
    lines = formats.write(graph(*VALUES), formats.N_TRIPLES).splitlines()
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    "triple",
    [
        Triple(MAPS, term("dcterms:title"), Literal("a\x01b")),
        Triple(MAPS, NamedNode("https://example.org/p/1"), Literal("a")),
        Triple(MAPS, NamedNode("https://example.org/p/"), Literal("a")),
        Triple(MAPS, RDF_TYPE, NamedNode("https://example.org/class/1")),
    ],
)
def test_what_rdf_xml_cannot_say_is_not_acceptable(triple: Triple) -> None:
    with pytest.raises(NotAcceptable):
        formats.write(Graph("", (triple,)), formats.RDF_XML)
    assert formats.write(Graph("", (triple,)), formats.TURTLE)


def test_control_characters_never_stand_bare_in_an_answer() -> None:
    whole = Graph("", (Triple(MAPS, term("dcterms:title"), Literal("a\x01b")),))
    for media_type in (formats.TURTLE, formats.N_TRIPLES, formats.JSON_LD, formats.JSON):
        assert b"\x01" not in formats.write(whole, media_type)


def test_a_thing_as_a_plain_record() -> None:
    statement = NamedNode(BASE + "standing/maps-section")
    whole = Graph(
        MAPS.value,
        (
            Triple(MAPS, term("skos:prefLabel"), Literal("Maps", language="en")),
            Triple(MAPS, term("ug:sectionNumber"), Literal("9")),
            Triple(statement, term("ug:standingOf"), MAPS),
        ),
    )
    assert json.loads(formats.write(whole, formats.JSON)) == {
        "iri": MAPS.value,
        "properties": {
            "skos:prefLabel": [{"value": "Maps", "language": "en"}],
            "ug:sectionNumber": [{"value": "9", "datatype": "xsd:string"}],
        },
        "statements": [{"iri": statement.value, "properties": {"ug:standingOf": [{"iri": MAPS.value}]}}],
    }
    rows = list(csv.reader(io.StringIO(formats.write(whole, formats.CSV).decode(), newline="")))
    assert rows == [
        ["subject", "property", "value", "language", "datatype"],
        [MAPS.value, "skos:prefLabel", "Maps", "en", "rdf:langString"],
        [MAPS.value, "ug:sectionNumber", "9", "", "xsd:string"],
        [statement.value, "ug:standingOf", MAPS.value, "", "iri"],
    ]


TABLE = Table(("thing", "value"), ((MAPS, None), *((MAPS, value) for value in VALUES)))


@pytest.mark.parametrize(
    ("media_type", "reader"),
    [
        (formats.SPARQL_JSON, QueryResultsFormat.JSON),
        (formats.SPARQL_XML, QueryResultsFormat.XML),
        (formats.TSV, QueryResultsFormat.TSV),
    ],
)
def test_solutions_survive_every_format(media_type: str, reader: QueryResultsFormat) -> None:
    found = pyoxigraph.parse_query_results(formats.write(TABLE, media_type), format=reader)
    rows = [tuple(solution) for solution in found]  # type: ignore[union-attr]
    assert tuple(rows) == TABLE.solutions


def test_csv_has_values_only_and_lines_that_end_in_crlf() -> None:
    data = formats.write(TABLE, formats.CSV).decode()
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert rows[0] == ["thing", "value"]
    assert rows[2] == [MAPS.value, VALUES[0].value]  # type: ignore[union-attr]
    assert data.startswith("thing,value\r\n")


def test_a_table_as_plain_records() -> None:
    table = Table(("a", "b"), ((Literal("x"), None),))
    assert json.loads(formats.write(table, formats.JSON)) == [{"a": "x"}]


@pytest.mark.parametrize(
    ("media_type", "reader"),
    [(formats.SPARQL_JSON, QueryResultsFormat.JSON), (formats.SPARQL_XML, QueryResultsFormat.XML)],
)
def test_a_truth_can_be_read(media_type: str, reader: QueryResultsFormat) -> None:
    for value in (True, False):
        assert bool(pyoxigraph.parse_query_results(formats.write(Truth(value), media_type), format=reader)) is value


def test_an_answer_has_no_format_of_another_kind() -> None:
    with pytest.raises(NotAcceptable):
        formats.write(TABLE, formats.TURTLE)
    with pytest.raises(NotAcceptable):
        formats.write(graph(), formats.SPARQL_JSON)
    with pytest.raises(NotAcceptable):
        formats.write(Truth(True), formats.RDF_XML)


def test_suffixes_name_each_media_type_once() -> None:
    for suffixes in (formats.DOCUMENT_SUFFIXES, formats.SOLUTION_SUFFIXES, formats.GRAPH_SUFFIXES):
        assert len(set(suffixes.values())) == len(suffixes)
