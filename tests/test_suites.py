"""The W3C's SPARQL tests pass over HTTP, save what the bare engine fails; and their judge tells right from wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import suites
from conftest import SHARED
from pyoxigraph import BlankNode, Dataset, Literal, NamedNode, Quad, Triple
from suites import Failed, Table, Tally, same_graph, same_table
from test_serve import Running, serving

SAMPLE, SEED = 200, 3
needs_suites = pytest.mark.skipif(not (SHARED / "suites").is_dir(), reason="../shared/suites is not here")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server that holds the data of all tests."""
    folder = tmp_path_factory.mktemp("suites")
    suites.write_data(folder / "suites.nq")
    with serving(folder, "--rdf", str(folder / "suites.nq")) as running:
        yield running


def judge(server: Running, count: int, summary: Callable[[str, object], None]) -> Tally:
    base, tests = suites.index()
    tally = suites.run_all(f"{server.url}sparql", base, suites.sample(tests, count, SEED))
    for line in (*tally.sections(), tally.report()[-2], tally.report()[-1]):
        summary("summary", line)
    for test in tally.passed_limits:
        summary("summary", f"passes, though listed as a limit of the engine: {test}")
    return tally


@needs_suites
def test_a_sample_of_the_sparql_suites_passes(server: Running, record_property: Callable[[str, object], None]) -> None:
    tally = judge(server, SAMPLE, record_property)
    assert sum(sum(count.values()) for count in tally.counts.values()) == SAMPLE
    assert not tally.failures, "\n".join(tally.report())


@needs_suites
@pytest.mark.full
def test_all_of_the_sparql_suites_pass(server: Running, record_property: Callable[[str, object], None]) -> None:
    tally = judge(server, len(suites.index()[1]), record_property)
    assert {kind for _, kind in tally.counts} == set(suites.KINDS)
    assert not tally.failures, "\n".join(tally.report())


# The judge -----------------------------------------------------------------------------------------

A, B = NamedNode("urn:a"), NamedNode("urn:b")
X, Y, Z = BlankNode("x"), BlankNode("y"), BlankNode("z")
ONE, ONE_AGAIN, TWO = (Literal(n, datatype=NamedNode(f"{suites.XSD}integer")) for n in ("1", "01", "2"))
TRUE = Literal("true", datatype=NamedNode(f"{suites.XSD}boolean"))


def table(*rows: tuple[object, ...], ordered: bool = False, names: str = "st") -> Table:
    return Table(frozenset(names), rows, ordered)


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        (table((A, ONE), (B, TWO)), table((B, TWO), (A, ONE)), ""),
        (table((A, ONE)), table((A, ONE_AGAIN)), "another lexical form"),
        (table((X, Y), (Y, X), (X, X)), table((Y, Y), (Z, Y), (Y, Z)), ""),
        (table((X, None), (Triple(A, A, X), A)), table((Triple(A, A, Z), A), (Z, None)), ""),
        (table((A, X), (B, X), ordered=True), table((A, Y), (B, Y)), ""),
    ],
)
def test_equal_tables_are_told(expected: Table, found: Table, said: str) -> None:
    assert same_table(expected, found, lax=False) == said


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (table((A, ONE)), table((A, TWO))),
        (table((A, ONE)), table((A, TRUE))),
        (table((A, ONE)), table((A, ONE), (A, ONE))),
        (table((A, ONE), (A, ONE)), table((A, ONE))),
        (table((A, X), (B, X)), table((A, Y), (B, Z))),
        (table((A, X), (B, Y)), table((A, Z), (B, Z))),
        (table((A, X)), table((A, A))),
        (table((A, None)), table((A, Literal("")))),
        (table((A, ONE)), table((A, ONE), names="uv")),
        (table((A, A), (B, B), ordered=True), table((B, B), (A, A))),
        (table((Triple(A, A, X), X)), table((Triple(A, A, Y), Z))),
    ],
)
def test_unequal_tables_are_told(expected: Table, found: Table) -> None:
    with pytest.raises(Failed):
        same_table(expected, found, lax=False)


def test_reduced_may_leave_out_copies_and_no_more() -> None:
    expected = table((A, A), (A, A), (B, B))
    assert same_table(expected, table((A, A), (B, B)), lax=True) == ""
    for found in (table((A, A)), table((A, A), (B, B), (B, B))):
        with pytest.raises(Failed):
            same_table(expected, found, lax=True)


def test_graphs_are_compared_up_to_the_names_of_blank_nodes() -> None:
    ring = Dataset([Quad(X, A, Y), Quad(Y, A, X), Quad(X, B, ONE)])
    assert same_graph(ring, Dataset([Quad(Z, A, X), Quad(X, A, Z), Quad(X, B, ONE)])) == ""
    assert same_graph(ring, Dataset([Quad(Z, A, X), Quad(X, A, Z), Quad(X, B, ONE_AGAIN)])) == "another lexical form"
    with pytest.raises(Failed):
        same_graph(ring, Dataset([Quad(X, A, X), Quad(Y, A, Y), Quad(X, B, ONE)]))
