"""A query that finds nothing is told where and what is near; a costly one, why; nothing is guessed."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from conftest import ROOT
from pyoxigraph import NamedNode, QueryBoolean, QuerySolutions
from werkzeug.test import Client

from unitgraph import patterns, queries
from unitgraph.engine import Broker, Engine
from unitgraph.errors import QueryRefused, UnitgraphError
from unitgraph.patterns import Query
from unitgraph.queries import SavedQuery
from unitgraph.release import Release
from unitgraph.resources import explain
from unitgraph.resources.explain import Explanation, Finding, asker, costs, nearest
from unitgraph.settings import Settings
from unitgraph.site import Site

QUERIES = queries.read_folder(ROOT / "queries")
#: Saved queries that have solutions as they stand, without a value for a parameter.
FULL = [query for query in QUERIES if query.name not in ("names-in-language", "projects-by-year")]
TINY = "https://example.org/tiny/"
NAMESPACES = {
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "ug": "https://w3id.org/unitgraph/ns#",
    "unit": f"{TINY}unit/",
    "unit-kind": f"{TINY}unit-kind/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
PROLOGUE = " ".join(f"PREFIX {prefix}: <{iri}>" for prefix, iri in NAMESPACES.items()) + "\n"
TAIL_OF_TIME = 3.0  #: seconds that a busy machine may add to the budget

Expected = tuple[str, int | None, str]


@pytest.fixture(scope="module")
def patient() -> Iterator[Engine]:
    """An engine for tests of what is found out, whatever else the machine does; others test how soon."""
    with pytest.MonkeyPatch.context() as patch, Broker(Settings(query_seconds=60)) as running:
        patch.setattr(asker, "SECONDS", 60.0)
        yield running


@pytest.fixture(scope="module")
def small(tiny: Release, patient: Engine) -> Site:
    return Site(tiny.folder.parent, tiny, patient, patient.settings)


@pytest.fixture(scope="module")
def large(release: Release, patient: Engine) -> Site:
    return Site(release.folder.parent, release, patient, patient.settings)


def told(found: Explanation) -> list[Expected]:
    return [(one.kind, one.line, one.suggestion) for one in found.findings]


CAUSES = ("iri", "prefix", "language", "case", "datatype", "literal", "conflict", "values", "direction", "variable")

#: Query, and what is found out about it: kind, line (the prologue is line 1) and suggestion.
EMPTY: list[tuple[str, list[Expected]]] = [
    # unknown names
    ("SELECT * { ?u a ug:Uint }", [("triple", 2, ""), ("iri", 2, "ug:Unit")]),
    ("SELECT * { ?u a ug:unit }", [("triple", 2, ""), ("iri", 2, "ug:Unit")]),
    ("SELECT * {\n ?u a ug:Unit ;\n  ug:Homepage ?h }", [("triple", 4, ""), ("iri", 4, "ug:homepage")]),
    ("SELECT * {\n ?u a ug:Unit ;\n  skos:preflabel ?h }", [("triple", 4, ""), ("iri", 4, "skos:prefLabel")]),
    ("SELECT * { unit:mapps ?p ?o }", [("triple", 2, ""), ("iri", 2, "unit:maps")]),
    ("SELECT * { unit:MAPS ?p ?o }", [("iri", 2, "unit:maps")]),
    (f"SELECT * {{ <{TINY}unit/maps/> ?p ?o }}", [("iri", 2, "unit:maps")]),
    ("SELECT * { <https://elsewhere.example/unit/maps> ?p ?o }", [("iri", 2, "unit:maps")]),
    ("SELECT * { ?s ?p <http://nowhere.example/zzzz> }", [("triple", 2, ""), ("iri", 2, "")]),
    ("SELECT * { ?s ug:standingKind ug:Section }", [("iri", 2, "unit-kind:section")]),
    ("SELECT * { VALUES ?u { unit:mapps }\n ?u skos:prefLabel ?n }", [("triple", 3, ""), ("iri", 2, "unit:maps")]),
    ("SELECT * { ?u a ug:Unit FILTER(?u = unit:mapps) }", [("filter", 2, ""), ("iri", 2, "unit:maps")]),
    ("DESCRIBE unit:mapps", [("iri", 2, "unit:maps")]),
    ("ASK { unit:mapps a ug:Unit }", [("triple", 2, ""), ("iri", 2, "unit:maps")]),
    ("SELECT * { ?u <http://w3id.org/unitgraph/ns#homepage> ?h }", [("iri", 2, "ug:homepage")]),
    # prefixes
    (
        "PREFIX skos: <https://www.w3.org/2004/02/skos/core#>\nSELECT * { ?u skos:prefLabel ?n }",
        [("triple", 3, ""), ("prefix", 2, f"PREFIX skos: <{NAMESPACES['skos']}>")],
    ),
    (
        "PREFIX k: <http://www.w3.org/2004/02/skos/core>\nSELECT * { ?u k:prefLabel ?n ; k:notation ?m }",
        [("prefix", 2, f"PREFIX k: <{NAMESPACES['skos']}>")],
    ),
    # literals
    ('SELECT * { ?u skos:prefLabel "Maps and Globes Section" }', [("language", 2, '"Maps and Globes Section"@en')]),
    ('SELECT * { ?u skos:prefLabel "Maps and Globes Section"@eng }', [("language", 2, '"Maps and Globes Section"@en')]),
    ('SELECT * { ?u skos:notation "maps" }', [("triple", 2, ""), ("case", 2, '"MAPS"')]),
    ('SELECT * { ?u skos:notation "MAPS"@en }', [("language", 2, '"MAPS"')]),
    ('SELECT * { ?x ug:end "2020" }', [("datatype", 2, '"2020"^^xsd:gYear')]),
    ("SELECT * { ?x ug:sectionNumber 7 }", [("datatype", 2, '"7"')]),
    ('SELECT * { ?u skos:prefLabel "Maps and Globe Section"@en }', [("literal", 2, '"Maps and Globes Section"@en')]),
    ('SELECT * { ?u ug:sectionNumber "zzzzzz" }', [("literal", 2, "")]),
    # filters
    (
        'SELECT * { ?u a ug:Unit ; skos:prefLabel ?n\nFILTER(LANG(?n) = "EN") }',
        [("filter", 3, ""), ("language", 3, '"en"')],
    ),
    ('SELECT * { ?u skos:prefLabel ?n FILTER langMatches(lang(?n), "ger") }', [("filter", 2, ""), ("language", 2, "")]),
    ('SELECT * { ?u skos:prefLabel ?n FILTER langMatches(lang(?n), "eng") }', [("language", 2, '"en"')]),
    ('SELECT * { ?u skos:prefLabel ?n FILTER(LANG(?n) IN ("EN", "FR")) }', [("language", 2, '"en"')]),
    ('SELECT * { ?u skos:notation ?n FILTER(?n = "maps") }', [("filter", 2, ""), ("case", 2, '"MAPS"')]),
    ('SELECT * { ?u skos:notation ?n FILTER("maps" = STR(?n)) }', [("case", 2, '"MAPS"')]),
    ('SELECT * { ?u skos:prefLabel ?n FILTER(CONTAINS(?n, "GLOBES")) }', [("case", 2, '"Globes"')]),
    ('SELECT * { ?u skos:prefLabel ?n FILTER(REGEX(?n, "^xyz")) }', [("filter", 2, ""), ("values", 2, "")]),
    ("SELECT * { ?u ug:sectionNumber ?n FILTER(?n > 100) }", [("filter", 2, ""), ("datatype", 2, "")]),
    ("SELECT * { ?u ug:sectionNumber ?n FILTER(xsd:integer(?n) > 100) }", [("filter", 2, ""), ("values", 2, "")]),
    ('SELECT * { ?u skos:prefLabel ?name FILTER(?nam = "x") }', [("filter", 2, ""), ("variable", 2, "?name")]),
    (
        'SELECT * { ?u a ug:Unit ; skos:prefLabel ?n\nFILTER(LANG(?n) = "en"\n && ?n = "x"@en) }',
        [("filter", 4, ""), ("literal", 4, "")],
    ),
    ("SELECT * { ?u a ug:Unit FILTER NOT EXISTS { ?u skos:prefLabel ?n } }", [("filter", 2, "")]),
    (
        "SELECT * { ?u a ug:Unit\nFILTER EXISTS { ?u ug:homepag ?n } }",
        [("filter", 3, ""), ("triple", 3, ""), ("iri", 3, "ug:homepage")],
    ),
    # what does not go together
    ("SELECT * { ?u a ug:Unit .\n ?u a ug:Story }", [("triple", 3, ""), ("conflict", 3, "")]),
    ("SELECT * { ?u a ug:Unit .\n ?u ug:leader ?p }", [("triple", 3, ""), ("direction", 3, "?p ug:leader ?u")]),
    ("SELECT * { ?u a ug:Unit .\n ?u ug:tellsOf ?l }", [("triple", 3, ""), ("conflict", 3, "")]),
    # the parts of SPARQL
    ("SELECT * { ?u a ug:Unit\nMINUS { ?u skos:prefLabel ?n } }", [("minus", 3, "")]),
    (
        "SELECT * { { ?u a ug:Uint }\nUNION\n{ ?u a ug:Storry } }",
        [("union", 2, ""), ("triple", 2, ""), ("iri", 2, "ug:Unit"), ("triple", 4, ""), ("iri", 4, "ug:Story")],
    ),
    ("SELECT * { ?u a ug:Unit {SELECT ?u {\n ?u ug:homepag ?h }} }", [("triple", 3, ""), ("iri", 3, "ug:homepage")]),
    ("SELECT * { ?u a ug:Unit . {\n SELECT ?u { ?u ug:homepage ?h } LIMIT 0 } }", [("limit", 3, "")]),
    ("SELECT * { { { ?u a ug:Unit ;\n ug:homepag ?h } } }", [("triple", 3, ""), ("iri", 3, "ug:homepage")]),
    ("SELECT * { GRAPH ?g { ?u a ug:Unit . ?s ug:tellsOf ?u . ?s a ug:Story } }", [("graph", 2, "")]),
    (
        f"SELECT * {{ GRAPH <{TINY}graph/data/unit/mapss> {{ ?s ?p ?o }} }}",
        [("graph", 2, f"<{TINY}graph/data/unit/maps>")],
    ),
    (
        f"SELECT * {{ GRAPH <{TINY}graph/data/unit/maps> {{ ?s ug:homepag ?o }} }}",
        [("triple", 2, ""), ("iri", 2, "ug:homepage")],
    ),
    (f"SELECT *\nFROM <{TINY}graph/data/unit/maps> {{ ?s a ug:Story }}", [("graphs", None, ""), ("triple", 3, "")]),
    (f"SELECT *\nFROM <{TINY}graph/data/unit/map> {{ ?s a ug:Unit }}", [("graph", 3, f"<{TINY}graph/data/unit/maps>")]),
    ("SELECT * { ?u a ug:Unit VALUES ?u {} }", [("values", 2, "")]),
    ("SELECT * { ?u a ug:Unit } VALUES ?u { unit:mapps }", [("values", 2, "")]),
    ("SELECT * { ?u a ug:Unit } LIMIT 0", [("limit", 2, "")]),
    ("SELECT * { ?u a ug:Unit }\nORDER BY ?u OFFSET 1000", [("offset", 3, "")]),
    ("SELECT ?u { ?u a ug:Unit } GROUP BY ?u\nHAVING(COUNT(*) > 5000)", [("having", 3, "")]),
    ("SELECT (COUNT(?u) AS ?n) { ?u a ug:Uint }", [("triple", 2, ""), ("iri", 2, "ug:Unit")]),
    ("CONSTRUCT { ?u ug:kind ?kynd } { ?u a ug:Unit ; ug:unitOf ?kind }", [("template", 2, "?kind")]),
    ("CONSTRUCT WHERE { ?u a ug:Uint }", [("triple", 2, ""), ("iri", 2, "ug:Unit")]),
    # what is odd to read
    ("SELECT * { # } FILTER\n ?u a ug:Uint . # {\n}", [("triple", 3, ""), ("iri", 3, "ug:Unit")]),
    ('SELECT * { ?u a ug:Unit ; skos:prefLabel "a } { FILTER"@en }', [("triple", 2, ""), ("literal", 2, "")]),
    ("SELECT * { ?u a ug:Unit ; skos:prefLabel '''x\n}''' .\n ?u a ug:Story }", [("triple", 2, "")]),
    ("SELECT*{?u<http://w3id.org/unitgraph/ns#homepage>?h}", [("triple", 2, ""), ("iri", 2, "ug:homepage")]),
    ("SELECT * { [ a ug:Unit ;\n ug:homepag ?h ] skos:prefLabel ?n }", [("triple", 3, ""), ("iri", 3, "ug:homepage")]),
    ("SELECT * { ?s ug:tellsOf [ a ug:Uint ] }", [("iri", 2, "ug:Unit")]),
    ("SELECT * { ?s ug:tellsOf (1 2) }", [("triple", 2, "")]),
    ("SELECT * { (1 ?x) ug:tellsOf ?y }", [("block", 2, "")]),
    ("SELECT * { ?s ug:tellsOf/ug:homepag|^ug:kynd ?o }", [("triple", 2, ""), ("iri", 2, "ug:homepage")]),
    ("SELECT * { ?s !(a|^ug:x)/ug:homepag+ ?o }", [("triple", 2, "")]),
    ("SELECT * { OPTIONAL { ?s a ?c OPTIONAL { ?s ?p ?o } }\n ?s a ug:Uint }", [("triple", 3, "")]),
    ("SELECT * { BIND(unit:mapps AS ?u)\n ?u a ug:Unit }", [("triple", 3, ""), ("iri", 2, "unit:maps")]),
    ("SELECT * { ?u ug:sectionNumber -5.0e0 }", [("triple", 2, "")]),
    ("SELECT * { ?u ug:counts true , false ; a ug:Unit . }", [("triple", 2, "")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EMPTY, ids=[text for text, _ in EMPTY])
def test_an_empty_query_is_told_where_nothing_is_left_and_what_is_near(
    small: Site, text: str, expected: list[Expected]
) -> None:
    found = explain.explain(small, PROLOGUE + text)
    assert found.outcome == "empty"
    assert found.complete, found.summary
    seen = told(found)
    assert all(one in seen for one in expected), seen
    assert seen.index(expected[0]) == 0 or expected[0][0] in (
        "iri",
        "prefix",
        "language",
        "case",
        "datatype",
        "literal",
    )


def test_what_is_suggested_is_in_the_release(small: Site) -> None:
    """Every name that is proposed to an empty query is a name of the release; every literal is a value in it."""
    proposed = 0
    for text, _ in EMPTY:
        query = patterns.read(PROLOGUE + text)
        for one in explain.explain(small, PROLOGUE + text).findings:
            if one.kind == "iri" and one.suggestion and query:
                (token,) = patterns.tokens(one.suggestion)
                iri = query.iri(token)
                assert iri
                assert nearest.known(small, iri, "thing"), (text, one)
                proposed += 1
            if one.kind in ("language", "case", "datatype", "literal") and one.suggestion.count('"') == 2:
                value = one.suggestion.split('"')[1]
                ask = f"ASK {{ ?s ?p ?o FILTER(CONTAINS(STR(?o), '{value}') || LANG(?o) = '{value}') }}"
                assert small.store.query(ask, use_default_graph_as_union=True), (text, one)
                proposed += 1
    assert proposed > 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT * { ?u a ug:Unit }", "it has 4 solutions"),
        ("SELECT * {}", "it has 1 solution."),
        ("ASK { ?u a ug:Unit }", "its answer is yes"),
        ("CONSTRUCT { ?u a ug:Unit } { ?u a ug:Unit }", "it has 4 triples"),
        ("SELECT (COUNT(*) AS ?n) { ?u a ug:Unit }", "it has 1 solution."),
        ("SELECT * { { ?u a ug:Unit } UNION { ?u a ug:Nothing } }", "it has 4 solutions"),
        ("SELECT * { ?u a ug:Unit } VALUES ?u { unit:maps }", "it has 1 solution."),
        ('SELECT ("a\\nb" AS ?x) { ?u a ug:Unit }', "it has 4 solutions"),
    ],
)
def test_a_query_that_is_not_empty_is_said_to_be_none(small: Site, text: str, words: str) -> None:
    found = explain.explain(small, PROLOGUE + text)
    assert (found.outcome, found.complete) == ("found", True)
    assert words in found.summary
    assert not [one for one in found.findings if one.kind != "iri"]


def test_an_unknown_name_in_an_optional_part_is_told_although_there_are_solutions(small: Site) -> None:
    found = explain.explain(small, PROLOGUE + "SELECT * { ?u a ug:Unit\nOPTIONAL { ?u ug:homepag ?h } }")
    assert (found.outcome, told(found)) == ("found", [("iri", 3, "ug:homepage")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * { ?u a <a:b>", ("syntax", 1, "")),
        ("SELECT *\n{ ?u a ug:Unit }", ("prefix", 2, f"PREFIX ug: <{NAMESPACES['ug']}>")),
        (f"PREFIX ug: <{NAMESPACES['ug']}>\nSELECT * {{ ?u a uq:Unit }}", ("prefix", 2, "ug:Unit")),
        ("SELECT * { ?u a zzzz:Unit }", ("prefix", 1, "")),
        ("SELECT * { ?u a unit-kind:Unit }", ("prefix", 1, f"PREFIX unit-kind: <{TINY}unit-kind/>")),
        ("hello", ("syntax", 1, "")),
        ("", ("syntax", 1, "")),
    ],
)  # fmt: skip
def test_what_is_no_sparql_is_told_with_its_place(small: Site, text: str, expected: Expected) -> None:
    found = explain.explain(small, text)
    assert found.outcome == "syntax"
    assert told(found)[0] == expected


def test_what_is_refused_is_refused_here_too(small: Site) -> None:
    with pytest.raises(QueryRefused):
        explain.explain(small, "CLEAR ALL")


# What costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("SELECT * { ?a a ug:Unit . ?b a ug:Story }", ["product", "limit"]),
        ("SELECT * { ?a a ug:Unit . ?b a ug:Story } LIMIT 5", ["product"]),
        ("SELECT * { ?a a ug:Unit . ?b a ug:Story . ?b ug:tellsOf ?a } LIMIT 5", []),
        ("SELECT * { ?a a ug:Unit . ?b a ug:Story FILTER(?a != ?b) } LIMIT 5", ["compared"]),
        ("SELECT * { ?a a ug:Unit BIND(1 AS ?one) VALUES ?two { 2 } } LIMIT 5", []),
        ("SELECT * { ?a a ug:Unit OPTIONAL { ?b a ug:Story } } LIMIT 5", ["product"]),
        ("SELECT * { ?a a ug:Unit OPTIONAL { ?b a ug:Story . ?a ug:toldIn ?b } } LIMIT 5", []),
        ("SELECT * { ?a ug:p ?b OPTIONAL { ?a ug:q ?c . ?b ug:r ?d } } LIMIT 5", []),
        ("SELECT * { ?a a ug:Unit { SELECT ?x { ?x a ?a } } } LIMIT 5", ["product"]),
        ("SELECT * { ?a a ug:Unit { SELECT ?a { ?a a ?b } } } LIMIT 5", []),
        ("SELECT * { ?a skos:broader+ ?b } LIMIT 5", ["path"]),
        ("SELECT * { ?a (skos:broader|skos:narrower)* ?b } LIMIT 5", ["path"]),
        ("SELECT * { ?a skos:broader+ ?b . ?b a ug:Direction } LIMIT 5", []),
        ("SELECT * { unit:maps skos:broader+ ?b } LIMIT 5", []),
        ("SELECT * { ?s ?p ?o } LIMIT 5", ["everything"]),
        ("SELECT * { ?s ?p ?o . ?s a ug:Unit } LIMIT 5", []),
        ("SELECT * { ?s skos:prefLabel ?o FILTER regex(?o, 'a') } LIMIT 5", ["text"]),
        ("SELECT * { ?s skos:prefLabel ?o } ORDER BY ?o LIMIT 5", ["order"]),
        ("SELECT (COUNT(*) AS ?n) { ?s skos:prefLabel ?o }", []),
        ("ASK { ?s skos:prefLabel ?o }", []),
        ("SELECT * { ?s a ug:Unit " + "".join(f"OPTIONAL {{ ?s ug:p{n} ?v{n} }}" for n in range(9)) + "} LIMIT 5",
         ["optionals"]),
    ],
)  # fmt: skip
def test_the_shapes_that_cost_are_seen_in_the_text(text: str, kinds: list[str]) -> None:
    query = patterns.read(PROLOGUE + text)
    assert query
    assert [cost.kind for cost in costs.costs(query)] == kinds


def test_a_query_that_does_not_end_is_told_why_with_counts(site: Site) -> None:
    found = explain.explain(site, "SELECT * {\n ?a ?b ?c .\n ?d ?e ?f\n} ORDER BY ?a")
    assert found.outcome == "unfinished"
    assert [one[:2] for one in told(found)][:2] == [("product", 3), ("everything", 2)]
    assert f"{len(site.store):,} solutions" in found.findings[0].sentence
    assert {"order", "limit"} <= {one.kind for one in found.findings}


def test_no_shape_is_blamed_for_a_query_that_has_a_small_answer(large: Site) -> None:
    for query in FULL:
        found = explain.explain(large, query.text)
        assert (found.outcome, found.findings) == ("found", ()), query.name


# Taking apart ----------------------------------------------------------------------------------------------------


def together(query: Query) -> str:
    """The query again, of its parts."""
    assert query.where
    inner = "\n".join(one.text for one in query.where.elements)
    behind = "\n".join(one.text for one in query.select.modifiers)
    data_set = " ".join(token.text for token in query.data_set)
    return f"{query.prologue}\n{query.select.head}\n{data_set} WHERE {{\n{inner}\n}}\n{behind}"


@pytest.mark.parametrize("saved", QUERIES, ids=lambda saved: saved.name)
def test_the_parts_of_a_query_say_what_the_query_says(release: Release, saved: SavedQuery) -> None:
    query = patterns.read(saved.text)
    assert query
    one, other = (release.store.query(text, use_default_graph_as_union=True) for text in (saved.text, together(query)))
    assert isinstance(one, QuerySolutions)
    assert isinstance(other, QuerySolutions)
    assert [tuple(row) for row in one] == [tuple(row) for row in other]


def test_the_parts_of_odd_queries_say_what_the_queries_say(tiny: Release) -> None:
    compared = 0
    for text, _ in EMPTY:
        query = patterns.read(PROLOGUE + text)
        assert query, text
        if query.form in ("SELECT", "ASK"):
            again = tiny.store.query(together(query), use_default_graph_as_union=not query.data_set)
            assert isinstance(again, (QuerySolutions, QueryBoolean))
            empty = not again if isinstance(again, QueryBoolean) else not list(again)
            assert empty or query.select.aggregates, text
            compared += 1
    assert compared > 60


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { << ?s ?p ?o >> ?q ?r }",
        "SELECT * { ?s ?p ?o {| ?q ?r |} }",
        "SELECT * { SERVICE <http://a.example/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p ?o FILTER(?s<?p&&?p>?o) }",
        "SELECT * { ?s ?p ?o FILTERregex(?o, 'a') }",
        "SELECT * { ?s ?p 'open",
        "SELECT * { ?s ?p ?o ) }",
        "INSERT DATA { <a:b> <a:b> 1 }",
        "SELECT * " + "{" * 2_000 + "}" * 2_000,
        "",
    ],
)
def test_what_cannot_be_taken_apart_with_certainty_is_not(text: str) -> None:
    assert patterns.read(text) is None


def test_a_query_that_cannot_be_taken_apart_is_told_so(small: Site) -> None:
    found = explain.explain(small, "SELECT * { ?s ?p ?o FILTERregex(?o, '^zzzz$') }")
    assert (found.outcome, found.complete, found.findings) == ("empty", False, ())
    assert "cannot be taken apart" in found.summary


# Never by guessing ------------------------------------------------------------------------------------------------


def breaks(query: Query) -> Iterator[tuple[str, tuple[int, int], str]]:
    """A query broken in one place in a mechanical way: the text, the place, what stood there."""
    text = query.text

    def put(token: patterns.Token, new: str) -> tuple[str, tuple[int, int], str]:
        return text[: token.start] + new + text[token.end :], query.place(token.start), token.text

    for token in patterns.tokens(text):
        if token.start < len(query.prologue):
            continue
        prefix, _, local = token.text.partition(":")
        if token.kind == "name" and prefix and len(local) > 3:
            yield put(token, f"{prefix}:{local.swapcase()}")
            yield put(token, f"{prefix}:{local[:-1]}{local[-1] * 2}")
        if token.kind == "string" and re.fullmatch(r'"[a-z]{2}"', token.text):
            yield put(token, '"eng"')
    for prefix, (namespace, start) in query.prefixes.items():
        other = namespace.replace("https:", "HTTP:").replace("http:", "https:").replace("HTTP:", "http:")
        for wrong in (other, namespace[:-1]):
            yield text.replace(f"<{namespace}>", f"<{wrong}>"), query.place(start), f"PREFIX {prefix}: <{namespace}>"


@pytest.mark.parametrize("saved", FULL, ids=lambda saved: saved.name)
def test_a_saved_query_that_is_broken_is_told_where_and_what_it_was(large: Site, saved: SavedQuery) -> None:
    query = patterns.read(saved.text)
    assert query
    for text, place, was in breaks(query):
        token = patterns.tokens(was)[0]
        iri = query.iri(token) if token.kind == "name" else None
        if iri and not (
            nearest.known(large, iri, "property") or large.store.query(f"ASK {{ GRAPH ?g {{ <{iri}> ?p ?o }} }}")
        ):
            continue  # the query names what the release has not, in a part that need not fit
        found = explain.explain(large, text)
        if found.outcome == "found" and token.kind == "string":
            continue  # a filter in an optional part
        assert found.outcome in ("empty", "found")
        assert found.complete
        told = [one for one in found.findings if (one.line, one.column) == place]
        assert was in [one.suggestion for one in told], (text, found)


# Within a budget ---------------------------------------------------------------------------------------------------


def mutated(chance: random.Random) -> str:
    """A saved query with a few random changes, most of which leave it SPARQL."""
    seen = list(patterns.tokens(chance.choice(QUERIES).text))
    pool = [token for query in chance.sample(QUERIES, 3) for token in (*patterns.tokens(query.text), *seen)]
    odd = [*'*+?<!"#\\{}5\0', "||", "&&", "^^", "@en", "'''", "<<", "[]", "()"]
    words = [token.text for token in seen]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(seen))
        if chance.random() < 0.8:
            kind = seen[at].kind
            words[at] = chance.choice([token.text for token in pool if token.kind == kind])
        else:
            words[at] = chance.choice(["", chance.choice(odd), f"{words[at]} {chance.choice(pool).text}"])
    return " ".join(words)


@pytest.mark.parametrize("seed", [pytest.param(0), *(pytest.param(n, marks=pytest.mark.full) for n in range(1, 10))])
def test_random_queries_never_break_it_nor_its_budget(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    outcomes = set()
    for _ in range(100):
        text = mutated(chance)
        began = time.monotonic()
        try:
            outcomes.add(explain.explain(site, text).outcome)
        except QueryRefused:
            outcomes.add("refused")
        except UnitgraphError as error:
            pytest.fail(f"{error}: {text}")
        assert time.monotonic() - began < explain.SECONDS + TAIL_OF_TIME, text
    assert {"syntax", "empty", "found"} <= outcomes


class Counting:
    """An engine that counts how often it is asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.settings, self.times = engine, engine.settings, 0

    def ask(self, *arguments: object, **options: object) -> object:
        self.times += 1
        return self.engine.ask(*arguments, **options)  # type: ignore[arg-type]


def test_the_engine_is_asked_a_limited_number_of_times(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PROLOGUE + "SELECT * { " + " ".join(f"?u ug:p{n} ?v{n} ." for n in range(40)) + " }"
    counting = Counting(site.engine)
    watched = Site(site.out, site.release, counting, site.settings)  # type: ignore[arg-type]
    found = explain.explain(watched, text)
    assert counting.times <= explain.CALLS + 1
    assert told(found)[0] == ("triple", 2, "")
    monkeypatch.setattr(asker, "CALLS", 3)
    found = explain.explain(watched, text)
    assert not found.complete
    assert "stopped at its limit" in found.summary


# On the web --------------------------------------------------------------------------------------------------------


def address(text: str, **more: str) -> str:
    return "/sparql?" + urlencode({"query": PROLOGUE + text, **more})


def test_an_empty_answer_on_a_page_links_to_its_explanation(client: Client) -> None:
    page = client.get(address("SELECT * { ?u a ug:Uint }"), headers={"Accept": "text/html"}).get_data(as_text=True)
    link = re.search(r'href="([^"]*explain=1)"', page)
    assert link
    explained = client.get(link[1].replace("&amp;", "&"), headers={"Accept": "text/html"})
    assert explained.mimetype == "text/html"
    words = explained.get_data(as_text=True)
    assert "Why is it empty?" in words
    assert "<code>ug:Unit</code>" in words
    full = client.get(address("SELECT * { ?u a ug:Unit }"), headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "Why is it empty?" not in full
    no = client.get(address("ASK { ?u a ug:Uint }"), headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "Why is it empty?" in no


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/sparql-results+json", ""])
def test_programs_get_an_explanation_as_json(client: Client, accept: str) -> None:
    answer = client.get(address("SELECT * { ?u a ug:Uint }", explain="1"), headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    said = json.loads(answer.data)
    assert said["outcome"] == "empty"
    assert said["findings"][1] == {
        "kind": "iri",
        "line": 2,
        "column": 17,
        "sentence": said["findings"][1]["sentence"],
        "suggestion": "ug:Unit",
    }


def test_markup_in_a_query_is_text_in_its_explanation(client: Client) -> None:
    text = 'SELECT * { ?u skos:prefLabel "<script>`alert`</script>" }'
    page = client.get(address(text, explain="1"), headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "&lt;script&gt;" in page
    assert "<script>" not in page  # ours have a source


def test_a_refused_query_is_refused_with_explain_too(client: Client) -> None:
    assert client.get("/sparql?explain=1&query=CLEAR%20ALL").status_code == 403


def test_a_query_over_a_limit_is_answered_with_the_address_of_its_explanation(client: Client) -> None:
    text = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    problem = client.get(address(text, timeout="2"))
    assert problem.status_code == 503
    where = json.loads(problem.data)["explain"]
    assert where.endswith("explain=1")
    said = json.loads(client.get(where[where.index("/sparql") :]).data)
    assert "product" in {one["kind"] for one in said["findings"]}


def test_a_finding_has_a_place_that_is_in_the_text(small: Site) -> None:
    for text, _ in EMPTY:
        rows = (PROLOGUE + text).splitlines()
        for one in explain.explain(small, PROLOGUE + text).findings:
            assert isinstance(one, Finding)
            assert one.line is None or 1 <= (one.column or 0) <= len(rows[one.line - 1])


def test_a_name_is_written_as_the_query_would() -> None:
    query = patterns.read(PROLOGUE + "SELECT * {}")
    assert query
    assert nearest.written(NamedNode(f"{TINY}unit/maps"), query) == "unit:maps"
    assert nearest.written(NamedNode(f"{TINY}a/b/c"), query) == f"<{TINY}a/b/c>"
