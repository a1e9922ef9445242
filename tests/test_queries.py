"""The saved queries: well made, answered as expected, answered alike by two engines, and covering the vocabulary."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator

import pytest
import rdflib
from conftest import ROOT
from pyoxigraph import (
    Literal,
    NamedNode,
    QueryResultsFormat,
    QuerySolutions,
    Variable,
)

from unitgraph import queries
from unitgraph.queries import SavedQuery
from unitgraph.release import DATA, Release
from unitgraph.vocab import UG

QUERIES = queries.read_folder(ROOT / "queries")
ANSWERS = ROOT / "tests" / "answers"
REASONS = ROOT / "tests" / "reasons" / "terms-without-query.csv"
BASE = "https://w3id.org/unitgraph/ifla/"
MAX_LINE = 120

Row = tuple[tuple[str, str, str], ...]

#: For every parameter a value that is not its default and has an answer.
OTHER = {
    ("editorial-notes", "class"): f"{UG}Unit",
    ("labels-missing-by-language", "language"): "zh-hant",
    ("names-in-language", "language"): "de",
    ("outputs-of-project", "project"): f"{BASE}project/creative-reuse",
    ("partners-of-unit", "unit"): f"{BASE}unit/npsig",
    ("projects-by-direction", "direction"): f"{BASE}direction/4",
    ("projects-by-form", "form"): f"{BASE}form/publication",
    ("projects-by-initiative", "initiative"): f"{BASE}initiative/1-2",
    ("projects-by-year", "year"): "2016",
    ("projects-of-unit", "unit"): f"{BASE}unit/cpdwl",
    ("stories-of-unit", "unit"): f"{BASE}unit/lsn",
    ("unit-history", "unit"): f"{BASE}unit/lac",
    ("units-by-kind", "kind"): f"{BASE}unit-kind/regional-division",
    ("units-in-division", "division"): f"{BASE}unit/pd-h",
    ("what-a-source-supports", "source"): f"{BASE}source/cf4-ifla-org-strategy",
}

# rdflib itself uses what it deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Dataset.:DeprecationWarning")

every_query = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)


def solutions(release: Release, query: SavedQuery, values: dict[str, str] | None = None) -> QuerySolutions:
    answer = release.store.query(
        query.text,
        use_default_graph_as_union=True,
        substitutions={Variable(name): term for name, term in query.bindings(values or {}).items()},
    )
    assert isinstance(answer, QuerySolutions)
    return answer


def projected(query: SavedQuery) -> set[str]:
    """The names of the variables between SELECT and WHERE."""
    select = re.search(r"^SELECT (.*?)^WHERE", query.text, re.MULTILINE | re.DOTALL)
    assert select
    return set(re.findall(r"\?(\w+)", select[1]))


@pytest.fixture(scope="session")
def dataset(release: Release) -> Iterator[rdflib.Dataset]:
    """The release in rdflib, literals as they are written."""
    normalize, rdflib.NORMALIZE_LITERALS = rdflib.NORMALIZE_LITERALS, False
    graph = rdflib.Dataset(default_union=True)
    graph.parse(data=(release.folder / DATA).read_bytes(), format="nquads")
    yield graph
    rdflib.NORMALIZE_LITERALS = normalize


# How a query is written ------------------------------------------------------------------------------------


def test_the_query_files_have_no_faults() -> None:
    assert list(queries.faults(ROOT / "queries", ROOT)) == []


@every_query
def test_a_query_has_a_header_an_order_and_nothing_that_ties_it_to_an_engine(query: SavedQuery) -> None:
    assert query.form == "SELECT"
    assert query.summary
    assert query.get("question").endswith("?")
    assert query.tags
    body = re.sub(r"^#.*$", "", query.text, flags=re.MULTILINE)
    assert "ORDER BY" in body
    assert not re.search(r"\b(SERVICE|FROM|LIMIT|OFFSET|SAMPLE|GROUP_CONCAT)\b|SELECT \*", body)


@every_query
def test_a_query_declares_the_prefixes_it_uses_in_order_and_aligned(query: SavedQuery) -> None:
    declared = re.findall(r"^PREFIX ([a-z-]+:)( +)<\S+>$", query.text, re.MULTILINE)
    names = [name for name, _ in declared]
    body = re.sub(r'^(#|PREFIX).*$|"[^"\n]*"|<\S*>', "", query.text, flags=re.MULTILINE)
    used = {f"{name}:" for name in re.findall(r"(?<![\w?-])([a-z-]+):\w", body)}
    assert names == sorted(used)
    assert len({len(name + space) for name, space in declared}) == 1
    rows = [row for row in query.text.splitlines() if not row.startswith("#+")]
    assert [row for row in rows if len(row) > MAX_LINE or row != row.rstrip()] == []


@every_query
def test_a_query_projects_its_parameters(query: SavedQuery) -> None:
    assert {p.name for p in query.parameters} <= projected(query)


# What it answers -------------------------------------------------------------------------------------------


@every_query
def test_an_answer_is_as_expected_and_not_empty(query: SavedQuery, release: Release, update_snapshots: bool) -> None:
    answer = solutions(release, query).serialize(format=QueryResultsFormat.CSV)
    assert answer is not None
    assert answer.count(b"\n") > 1
    path = ANSWERS / f"{query.name}.csv"
    if update_snapshots:
        path.write_bytes(answer)
    assert path.read_bytes() == answer


def test_every_expected_answer_belongs_to_a_query() -> None:
    assert {path.stem for path in ANSWERS.iterdir()} == {query.name for query in QUERIES}


@every_query
def test_the_order_of_an_answer_leaves_nothing_open(query: SavedQuery, release: Release) -> None:
    keys = re.findall(r"\?(\w+)", query.text.rpartition("ORDER BY")[2])
    rows = Counter(tuple(row[key] for key in keys if key in projected(query)) for row in solutions(release, query))
    assert [row for row, count in rows.items() if count > 1] == []


def test_the_first_round_has_eleven_units_eight_of_them_with_key_initiatives(release: Release) -> None:
    query = next(query for query in QUERIES if query.name == "first-round")
    rows = list(solutions(release, query))
    texts = [tuple(str(getattr(row[name], "value", "")) for name in ("acronym", "number")) for row in rows]
    assert texts == [
        ("LSN", ""),
        ("CPDWL", "3.4"),
        ("CPDWL", "4.2"),
        ("DDRS", ""),
        ("ENSULIB", "2.1"),
        ("IFLAPARL", "1.2"),
        ("NPSIG", "3.2"),
        ("HBS", ""),
        ("LBES", "2.1"),
        ("LAC", "4.1"),
        ("ARL", "3.3"),
        ("SET", "3.1"),
    ]
    assert {number[0] for _, number in texts if number} == set("1234")


@every_query
def test_two_engines_agree(query: SavedQuery, release: Release, dataset: rdflib.Dataset) -> None:
    assert rdflib_rows(dataset, query) == Counter(oxigraph_rows(solutions(release, query)))


@pytest.mark.parametrize(("name", "parameter"), OTHER, ids=lambda value: str(value))
def test_another_value_gives_rows_for_that_value_alone(
    name: str, parameter: str, release: Release, dataset: rdflib.Dataset
) -> None:
    query = next(query for query in QUERIES if query.name == name)
    value = OTHER[name, parameter]
    assert value != next(p.default for p in query.parameters if p.name == parameter)
    answer = solutions(release, query, {parameter: value})
    column = [variable.value for variable in answer.variables].index(parameter)
    rows = list(oxigraph_rows(answer))
    assert rows
    assert {row[column][0] for row in rows} == {value}
    assert rdflib_rows(dataset, query, {parameter: value}) == Counter(rows)


def test_every_parameter_has_another_value() -> None:
    assert set(OTHER) == {(query.name, p.name) for query in QUERIES for p in query.parameters}


# What they cover -------------------------------------------------------------------------------------------


def test_every_term_is_used_by_a_query_or_has_a_reason_not_to_be(release: Release) -> None:
    rows = release.store.query(
        "PREFIX owl: <http://www.w3.org/2002/07/owl#> SELECT DISTINCT ?term WHERE { "
        "VALUES ?type { owl:Class owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty } ?term a ?type }",
        use_default_graph_as_union=True,
    )
    assert isinstance(rows, QuerySolutions)
    terms = {row["term"].value.removeprefix(UG) for row in rows if row["term"].value.startswith(UG)}
    bodies = (re.sub(r"^#.*$", "", query.text, flags=re.MULTILINE) for query in QUERIES)
    used = {name for body in bodies for name in re.findall(r"(?<![\w-])ug:(\w+)", body)}
    with REASONS.open(encoding="utf-8", newline="") as file:
        excused = list(csv.DictReader(file))
    assert all(row["reason"] for row in excused)
    assert used <= terms
    assert terms - used == {row["term"].removeprefix("ug:") for row in excused}


# Rows that can be compared ---------------------------------------------------------------------------------


def oxigraph_rows(answer: QuerySolutions) -> Iterator[Row]:
    """Every solution as (lexical form, language, datatype) triples; unbound is empty."""
    names = [variable.value for variable in answer.variables]
    for solution in answer:
        yield tuple(_oxigraph_term(solution[name]) for name in names)


def _oxigraph_term(term: object) -> tuple[str, str, str]:
    if isinstance(term, Literal):
        return term.value, term.language or "", "" if term.language else term.datatype.value
    assert term is None or isinstance(term, NamedNode), f"{term!r}: an answer has only IRIs and literals"
    return (term.value, "", "iri") if term else ("", "", "")


def rdflib_rows(dataset: rdflib.Dataset, query: SavedQuery, values: dict[str, str] | None = None) -> Counter[Row]:
    bindings = {
        name: rdflib.URIRef(term.value)
        if isinstance(term, NamedNode)
        else rdflib.Literal(term.value, datatype=term.datatype.value)
        for name, term in query.bindings(values or {}).items()
    }
    answer = dataset.query(query.text, initBindings=bindings)
    return Counter(tuple(_rdflib_term(term) for term in row) for row in answer)


def _rdflib_term(term: object) -> tuple[str, str, str]:
    if isinstance(term, rdflib.Literal):
        language = (term.language or "").lower()
        return str(term), language, "" if language else str(term.datatype or rdflib.XSD.string)
    assert term is None or isinstance(term, rdflib.URIRef)
    return (str(term), "", "iri") if term else ("", "", "")
