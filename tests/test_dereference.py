"""Foreign clients read things, lists and graphs by their IRI; each finds the triples of the release."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator

import npm
import pyoxigraph
import pytest
import rdflib
from conftest import needs_rapper
from npm import needs_node
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple
from running import Running, serving

from unitgraph.release import Release, rebased

needs_roqet = pytest.mark.skipif(shutil.which("roqet") is None, reason="roqet (rasqal-utils) is not installed")

#: Things of many kinds: with texts in other languages, statements about them, dates, addresses, a dot in the number.
THINGS = ("unit/lsn", "project/rscvd", "direction/1", "initiative/1-1", "story/arl-2020", "strategy/ifla-2019-2024")
FEW = THINGS[:2]  #: for clients that take long to start


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose things live where it listens, so that they answer by their IRI."""
    with serving(tmp_path_factory.mktemp("dereference")) as server:
        yield server


@pytest.fixture(scope="module")
def said(running: Running, release: Release) -> dict[str, set[str]]:
    """What the release says of each subject, under the base of the server."""
    found: dict[str, set[str]] = {}
    for line in rebased(release.lines(), release.base, running.base):
        subject, _, rest = line.decode().partition(" ")
        found.setdefault(subject[1:-1], set()).add(f"{subject} {rest.rpartition(' <')[0]}")
    return found


def n_triples(data: bytes) -> set[str]:
    return {str(quad.triple) for quad in pyoxigraph.parse(data, format=RdfFormat.N_TRIPLES)}


def output(*command: object) -> bytes:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2_000:]
    return done.stdout


def rapper(iri: str) -> set[str]:
    return n_triples(output("rapper", "-q", "-o", "ntriples", iri))


def rapper_guessing(iri: str) -> set[str]:
    return n_triples(output("rapper", "-q", "-g", "-o", "ntriples", iri))


def roqet(iri: str) -> set[str]:
    data = output("roqet", "-q", "-r", "xml", "-e", f"SELECT ?s ?p ?o FROM <{iri}> WHERE {{ ?s ?p ?o }}")
    solutions = pyoxigraph.parse_query_results(data, format=pyoxigraph.QueryResultsFormat.XML)
    return {str(Triple(one["s"], one["p"], one["o"])) for one in solutions}  # type: ignore[union-attr, arg-type]


def rdflib_parse(iri: str) -> set[str]:
    return n_triples(rdflib.Graph().parse(iri).serialize(format="nt", encoding="utf-8"))


def comunica(iri: str) -> set[str]:
    command = npm.installed() / ".bin" / "comunica-sparql"
    query = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    return n_triples(output(command, f"file@{iri}", "-q", query, "-t", "application/n-triples"))


def rdf_dereference(iri: str) -> set[str]:
    quads = json.loads(output(npm.installed() / ".bin" / "rdf-dereference", iri))
    return {
        str(Triple(NamedNode(quad["subject"]), NamedNode(quad["predicate"]), _term(quad["object"]))) for quad in quads
    }


def _term(text: str) -> NamedNode | Literal:
    """A term as rdf-dereference prints it: a literal between quotation marks, its characters as they are."""
    if not text.startswith('"'):
        return NamedNode(text)
    value, _, rest = text[1:].rpartition('"')
    if rest.startswith("@"):
        return Literal(value, language=rest[1:])
    return Literal(value, datatype=NamedNode(rest[2:]) if rest else None)


CLIENTS = [
    pytest.param(rapper, THINGS, marks=needs_rapper),
    pytest.param(rapper_guessing, THINGS, marks=needs_rapper),
    pytest.param(roqet, THINGS, marks=needs_roqet),
    pytest.param(rdflib_parse, THINGS),
    pytest.param(comunica, FEW, marks=needs_node),
    pytest.param(rdf_dereference, FEW, marks=needs_node),
]
Client = Callable[[str], set[str]]


@pytest.fixture(autouse=True)
def terms_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """rdflib would write typed values anew as it reads them."""
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)
    monkeypatch.setattr(rdflib.term, "NORMALIZE_LITERALS", False, raising=False)


@pytest.mark.parametrize(("client", "things"), CLIENTS)
def test_a_client_reads_all_that_the_release_says_of_a_thing(
    running: Running, said: dict[str, set[str]], client: Client, things: tuple[str, ...]
) -> None:
    for thing in things:
        found = client(running.base + thing)
        subjects = {line[1 : line.index(">")] for line in found}
        assert running.base + thing in subjects
        assert found == set().union(*(said[subject] for subject in subjects)), thing


@pytest.mark.parametrize(("client", "things"), CLIENTS)
def test_a_client_reads_a_list(
    running: Running, said: dict[str, set[str]], client: Client, things: tuple[str, ...]
) -> None:
    """A list names its members: each has its types and its labels."""
    found = client(running.base + "direction")
    subjects = {line[1 : line.index(">")] for line in found}
    assert subjects >= {f"{running.base}direction/{number}" for number in (1, 2, 3, 4)}
    assert found <= set().union(*(said[subject] for subject in subjects))
    assert len(things) < len(found)


@pytest.mark.parametrize(("client", "things"), CLIENTS)
def test_a_client_reads_a_graph_by_its_name(
    running: Running, release: Release, client: Client, things: tuple[str, ...]
) -> None:
    for thing in things[:2]:
        name = f"{running.base}graph/data/{thing}"
        lines = [line.decode() for line in rebased(release.lines(), release.base, running.base)]
        expected = {line.rpartition(" <")[0] for line in lines if line.endswith(f" <{name}> .")}
        assert client(name) == expected != set()


def test_the_clients_that_are_named_are_those_that_run() -> None:
    """The lock file pins them; a client of another version would prove something else."""
    packages = json.loads((npm.CLIENTS / "package.json").read_text("utf-8"))["dependencies"]
    assert packages["rdf-dereference"] == "4.0.0"
    assert packages["@comunica/query-sparql"] == "4.5.0"
