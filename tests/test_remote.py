"""An engine of others behind the same site: releases go in whole, answers come out the same, failures are told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asgi
import engines
import pytest
from conftest import ROOT
from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from unitgraph import build, formats, load, queries
from unitgraph.engine import Broker, Engine
from unitgraph.engine.remote import UNION, RemoteEngine, _Reader, mark, place, with_values
from unitgraph.errors import (
    BadRequest,
    EngineUnavailable,
    NotAcceptable,
    QueryFailed,
    QueryRefused,
    QuerySyntaxError,
    QueryTimeout,
    QueryTooLarge,
    ReleaseError,
    UsageError,
)
from unitgraph.release import Release, open_release
from unitgraph.settings import Settings, from_environment
from unitgraph.site import Publication
from unitgraph.web import create_app

HEAVY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER(?a != ?l) }"
VERSION = "SELECT ?v { ?d <http://www.w3.org/ns/dcat#version> ?v }"
SECRET = "correct-horse-battery"

NAMES = [
    pytest.param("oxigraph", marks=pytest.mark.skipif(not engines.oxigraph_command(), reason="no `oxigraph` here")),
    pytest.param(
        "virtuoso", marks=pytest.mark.skipif(not engines.virtuoso_command(), reason="no `virtuoso-opensource` here")
    ),
]


@pytest.fixture(scope="session", params=NAMES)
def elsewhere_settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An engine of others that runs for these tests."""
    with engines.running(request.param, tmp_path_factory.mktemp(request.param)) as chosen:
        yield chosen


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The tiny world as a second release."""
    judged = build.judge(ROOT / "tests" / "tiny")
    return build.build(judged, tmp_path_factory.mktemp("later"), version="2099.1.1", issued="2099-01-01")


@pytest.fixture(scope="session")
def remote(elsewhere_settings: Settings, tiny: Release, later: Release, release: Release) -> RemoteEngine:
    """It holds three releases."""
    for one in (tiny, later, release):
        load.load(one, elsewhere_settings)
    return RemoteEngine(elsewhere_settings)


@pytest.fixture(scope="session")
def embedded() -> Iterator[Engine]:
    with Broker(Settings(query_seconds=5)) as engine:
        yield engine


@pytest.fixture
def name(elsewhere_settings: Settings) -> str:
    return "virtuoso" if "sparql" in elsewhere_settings.engine else "oxigraph"


def ask(engine: Engine, release: Release, text: str, **options: object) -> bytes:
    chosen = {"solutions_format": formats.SPARQL_JSON, "graph_format": formats.N_TRIPLES, **options}
    return b"".join(engine.ask(release.folder, text, **chosen).chunks)  # type: ignore[arg-type]


def rows(engine: Engine, release: Release, text: str, **options: object) -> list[dict[str, dict[str, str]]]:
    return json.loads(ask(engine, release, text, **options))["results"]["bindings"]


def values(engine: Engine, release: Release, text: str, **options: object) -> list[str]:
    return [next(iter(row.values()))["value"] for row in rows(engine, release, text, **options)]


# The same answers ------------------------------------------------------------------------------------------

SAVED = [(folder, path.stem) for folder in ("queries", "tests/tiny/queries") for path in (ROOT / folder).glob("*.rq")]


@pytest.mark.parametrize(("folder", "stem"), sorted(SAVED))
def test_a_saved_query_gives_the_rows_of_the_embedded_engine(
    remote: RemoteEngine, embedded: Engine, tiny: Release, release: Release, name: str, folder: str, stem: str
) -> None:
    one = release if folder == "queries" else tiny
    saved = queries.parse(stem, (ROOT / folder / f"{stem}.rq").read_text("utf-8"))
    asked = {"substitutions": saved.bindings({})}
    here, there = (ask(engine, one, saved.text, **asked) for engine in (embedded, remote))
    if stem in engines.OTHER_ORDER[name]:
        here, there = (json.loads(data)["results"]["bindings"] for data in (here, there))
        key = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
        here, there = sorted(here, key=key), sorted(there, key=key)
    assert here == there


@pytest.mark.parametrize("media_type", formats.SOLUTIONS)
def test_a_table_has_the_bytes_of_the_embedded_engine(
    remote: RemoteEngine, embedded: Engine, tiny: Release, media_type: str
) -> None:
    for text in (
        "SELECT ?s ?p ?o ?unbound { ?s ?p ?o } ORDER BY STR(?s) STR(?p) STR(?o) LIMIT 50",
        "ASK { ?s ?p ?o }",
        "ASK { ?s ?p <urn:nobody> }",
    ):
        here, there = (ask(engine, tiny, text, solutions_format=media_type) for engine in (embedded, remote))
        assert here == there


@pytest.mark.parametrize("media_type", formats.GRAPHS)
def test_a_graph_has_the_triples_of_the_embedded_engine(
    remote: RemoteEngine, embedded: Engine, tiny: Release, media_type: str
) -> None:
    for text in ("CONSTRUCT WHERE { ?s a ?class }", f"DESCRIBE <{tiny.base}unit/maps>"):
        found = []
        for engine in (embedded, remote):
            data = ask(engine, tiny, text, graph_format=media_type)
            rdf = RdfFormat.from_media_type(media_type)
            found.append({str(quad.triple) for quad in parse(data, format=rdf)})
        assert found[0] == found[1] != set()


def test_a_format_that_is_not_accepted_is_told(remote: RemoteEngine, tiny: Release) -> None:
    with pytest.raises(NotAcceptable):
        ask(remote, tiny, "CONSTRUCT WHERE { ?s ?p ?o }", graph_format=None)


def test_a_malformed_query_is_told_with_its_line(remote: RemoteEngine, tiny: Release) -> None:
    for text, line in (
        ("SELECT *\nWHERE { ?s ?p }", 2),
        ("SELECT * {\n ?s ?p ", 2),
        ("SELECT * { ?s a foaf:Person }", 1),
        ("SELECT ?s\n{ ?s ?p 'a\0b' }", 2),
        ("", 1),
    ):
        with pytest.raises(QuerySyntaxError) as caught:
            ask(remote, tiny, text)
        assert caught.value.line == line, text
        assert "urn:unitgraph" not in str(caught.value)


def test_what_cannot_be_asked_of_graphs_is_refused(remote: RemoteEngine, tiny: Release) -> None:
    for text in (
        "SELECT * { GRAPH ?g { ?s ?p ?o } VALUES (?g ?s) { (<urn:a> <urn:b>) } }",
        "SELECT * { BIND(<urn:a> AS ?g) GRAPH ?g { ?s ?p ?o } }",
        "SELECT * { GRAPH ?g { ?s ?p ?o } FILTER(?a<2#x>\n) }",
    ):
        with pytest.raises(QueryRefused):
            ask(remote, tiny, text)


@pytest.mark.parametrize(
    "text",
    [
        'DEFINE get:soft "soft" SELECT * { ?s ?p ?o }',
        "SELECT (bif:now() AS ?x) {}",
        "SELECT (<bif:now>() AS ?x) {}",
        "PREFIX x: <sql:> SELECT (x:y() AS ?x) {}",
        "SELECT * { BIND(1 AS ?a) FILTER(?a<2)#> '''\n GRAPH ?g { ?a ?b ?c } } #'''",
        "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
        "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
    ],
)
def test_what_is_more_than_sparql_does_not_reach_the_engine(remote: RemoteEngine, tiny: Release, text: str) -> None:
    with pytest.raises((QueryRefused, QuerySyntaxError)):
        ask(remote, tiny, text)


def test_a_kept_connection_carries_many_questions(remote: RemoteEngine, tiny: Release) -> None:
    threads = [threading.Thread(target=ask, args=(remote, tiny, VERSION)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(remote, tiny, VERSION) == [tiny.version]


def test_the_async_twin_gives_the_same_bytes(remote: RemoteEngine, tiny: Release) -> None:
    async def collect() -> bytes:
        found = await remote.stream(tiny.folder, VERSION, solutions_format=formats.CSV, graph_format=None)
        return b"".join([chunk async for chunk in found.chunks])  # type: ignore[attr-defined]

    assert asyncio.run(collect()) == ask(remote, tiny, VERSION, solutions_format=formats.CSV)


# Graphs and data sets ----------------------------------------------------------------------------------------


def test_graphs_have_their_true_names(remote: RemoteEngine, embedded: Engine, tiny: Release) -> None:
    text = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g"
    found = values(remote, tiny, text)
    assert found == values(embedded, tiny, text) == sorted(g.value for g in tiny.store.named_graphs())  # type: ignore[union-attr]
    sizes = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert values(remote, tiny, sizes) == [str(tiny.manifest.quads)]
    for graph in found[:3]:
        for asked in (
            f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}",
            f"PREFIX g: <{graph[:-2]}> SELECT (COUNT(*) AS ?n) {{ GRAPH g:{graph[-2:]} {{ ?s ?p ?o }} }}",
            f"BASE <{tiny.base}> SELECT (COUNT(*) AS ?n) {{ GRAPH <{graph.removeprefix(tiny.base)}> {{ ?s ?p ?o }} }}",
        ):
            assert values(remote, tiny, asked) == values(embedded, tiny, asked) != ["0"]


@pytest.mark.parametrize(
    "group",
    [
        "GRAPH ?g { ?s ?p ?o } FILTER(?g = <IRI>)",
        "GRAPH ?g { ?s ?p ?o } FILTER(?g != <IRI>)",
        "GRAPH ?g { ?s ?p ?o } FILTER(<IRI> = ?g)",
        "VALUES ?g { <IRI> <urn:nobody> } GRAPH ?g { ?s ?p ?o }",
        "GRAPH ?g { ?s ?p ?o } FILTER(?g IN (<urn:nobody>, <IRI>))",
        "GRAPH ?g { ?s ?p ?o } FILTER(STR(?g) = 'IRI')",
        "GRAPH ?g { ?s ?p ?o } FILTER(STRSTARTS(STR(?g), 'IR'))",
        "?s ?p ?o OPTIONAL { GRAPH ?g { ?s ?p ?o } FILTER(?g = <IRI>) } FILTER(BOUND(?g))",
    ],
)
def test_a_graph_is_found_by_its_true_name(
    remote: RemoteEngine, embedded: Engine, tiny: Release, name: str, group: str
) -> None:
    graph = max(g.value for g in tiny.store.named_graphs())  # type: ignore[union-attr]
    group = group.replace("'IR'", f"'{graph[:-1]}'").replace("IRI", graph)
    text = f"SELECT (COUNT(DISTINCT ?s) AS ?n) {{ {group} }}"
    if name == "virtuoso" and "nobody" in group:
        with pytest.raises(QueryRefused, match="loses rows for a list"):
            ask(remote, tiny, text)
        return
    assert values(remote, tiny, text) == values(embedded, tiny, text) != ["0"]
    if group.startswith("GRAPH"):
        bound = values(
            remote, tiny, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }", substitutions={"g": NamedNode(graph)}
        )
        assert bound == [graph]


def test_a_data_set_of_the_reader_has_those_graphs_only(remote: RemoteEngine, embedded: Engine, tiny: Release) -> None:
    one, two = sorted(g.value for g in tiny.store.named_graphs())[:2]  # type: ignore[union-attr]
    plain = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    for text, options in (
        (plain, {"default_graphs": (one,)}),
        (plain, {"default_graphs": (one, two)}),
        (plain, {"named_graphs": (one,)}),
        (plain, {"default_graphs": ("urn:nobody",)}),
        (named, {"named_graphs": (two,)}),
        (named, {"default_graphs": (one,)}),
        (plain.replace("{", f"FROM <{one}> {{", 1), {}),
        (plain.replace("{", f"FROM <{one}> FROM <{two}> {{", 1), {}),
        (named.replace("{", f"FROM NAMED <{two}> {{", 1), {}),
        (plain.replace("{", f"FROM <{one}> {{", 1), {"default_graphs": (two,)}),
    ):
        assert values(remote, tiny, text, **options) == values(embedded, tiny, text, **options), (text, options)


@pytest.mark.parametrize("bad", ['urn:a> define get:soft "soft" <', "no IRI", "urn:a b", ""])
def test_the_name_of_a_graph_cannot_become_a_part_of_the_query(remote: RemoteEngine, tiny: Release, bad: str) -> None:
    with pytest.raises(BadRequest):
        ask(remote, tiny, VERSION, default_graphs=(bad,))


@pytest.mark.parametrize("form", ["SELECT ?v { VALUES ?v { 1 } }", "SELECT ?s ?v { ?s ?p ?o FILTER(?o = ?v) }"])
def test_a_hostile_value_stays_a_value(remote: RemoteEngine, tiny: Release, form: str) -> None:
    for value in (
        Literal('"} GRAPH ?g { ?s ?p ?o } #'),
        Literal("\\\" } } UNION { ?s ?p ?o } { #\n'''"),
        Literal("a", language="en"),
        Literal("\u2028\u0085\t\r\n\\u0022"),
        NamedNode("http://example.org/a'b(c)#)"),
    ):
        assert rows(remote, tiny, form, substitutions={"v": value}) == []
    for strange in ({"v } #": Literal("a")}, {"v": Literal("a\0b")}):
        with pytest.raises(BadRequest):
            ask(remote, tiny, form, substitutions=strange)  # type: ignore[arg-type]


def test_a_value_comes_back_as_it_went(remote: RemoteEngine, tiny: Release) -> None:
    for text in ('"} #', "a\\b", "line\nbreak", "tab\t", "🗺 Karte", "'''", '"""', "\\u0022"):
        assert values(remote, tiny, "SELECT ?v { }", substitutions={"v": Literal(text)}) == [text]


@pytest.mark.parametrize(
    ("text", "placed"),
    [
        ("SELECT * FROM <urn:a> { }", "SELECT *              { }"),
        ("SELECT * FROM NAMED <urn:a>\n{ }", "SELECT *                   \n{ }"),
        ("SELECT * { GRAPH <urn:a> {} }", "SELECT * { GRAPH <M:urn:a> {} }"),
        ("BASE <http://a/> SELECT * { GRAPH <b> {} }", "BASE <http://a/> SELECT * { GRAPH <M:http://a/b> {} }"),
        ("PREFIX a: <urn:> SELECT * { graph a:b {} }", "PREFIX a: <urn:> SELECT * { graph <M:urn:b> {} }"),
        (
            "SELECT * { GRAPH ?g {} FILTER(?g = <urn:a> || ?g != <urn:b> || <urn:c> = ?g || <urn:d> != $g) }",
            "SELECT * { GRAPH ?g {} FILTER(?g = <M:urn:a> || ?g != <M:urn:b> || <M:urn:c> = ?g || <M:urn:d> != $g) }",
        ),
        (
            "SELECT * { VALUES ?g { <urn:a> UNDEF } GRAPH ?g {} FILTER(?g NOT IN (<urn:b>, <urn:c>) && ?x = <urn:d>) }",
            "SELECT * { VALUES ?g { <M:urn:a> UNDEF } GRAPH ?g {} "
            "FILTER(?g NOT IN (<M:urn:b>, <M:urn:c>) && ?x = <urn:d>) }",
        ),
        ("SELECT (STR(?g) AS ?n) { GRAPH ?g {} }", 'SELECT (STRAFTER(STR(?g), "M:") AS ?n) { GRAPH ?g {} }'),
        ("SELECT * { ?s ?p <urn:a#b> , <urn:c'd> }",) * 2,
        ("PREFIX a: <urn:a#> SELECT * { GRAPH a:b {} }", "PREFIX a: <urn:a#> SELECT * { GRAPH <M:urn:a#b> {} }"),
        ("SELECT ?from { ?graph ?g 'FROM <urn:a>' } # FROM <urn:b>",) * 2,
    ],
)
def test_graphs_are_renamed_and_nothing_else(text: str, placed: str) -> None:
    assert place(text, "M:").text == placed


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("SELECT ?v { ?s ?p ?v }", "SELECT ?v { VALUES (?v) { (1) }  ?s ?p ?v }"),
        ("SELECT ('{' AS ?a) { }", "SELECT ('{' AS ?a) { VALUES (?v) { (1) }  }"),
        ("SELECT (EXISTS { } AS ?a) { }", "SELECT (EXISTS { } AS ?a) { VALUES (?v) { (1) }  }"),
        ("CONSTRUCT { } WHERE { }", "CONSTRUCT { } WHERE { VALUES (?v) { (1) }  }"),
        ("CONSTRUCT WHERE { ?s ?p ?v }", "CONSTRUCT WHERE { ?s ?p ?v }\nVALUES (?v) { (1) }"),
        ("DESCRIBE ?v # {", "DESCRIBE ?v # {\nVALUES (?v) { (1) }"),
    ],
)
def test_values_stand_where_they_bind(text: str, bound: str) -> None:
    one = Literal("1", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))
    assert with_values(text, {"v": one}).replace('"1"^^<http://www.w3.org/2001/XMLSchema#integer>', "1") == bound


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_the_mark_goes_also_where_two_pieces_share_it(size: int) -> None:
    data = b"<urn:unitgraph:0123:http://a/> urn:unitgraph:012 urn:urn:unitgraph:0123:x urn:unitgraph:0123"
    reader = _Reader((data[n : n + size] for n in range(0, len(data), size)), {b"urn:unitgraph:0123:": b""})
    found = b""
    while part := reader.read(7):
        found += part
    assert found == data.replace(b"urn:unitgraph:0123:", b"")


# Loading -----------------------------------------------------------------------------------------------------


def test_two_releases_stand_side_by_side(remote: RemoteEngine, tiny: Release, later: Release) -> None:
    for one in (tiny, later, tiny):
        assert values(remote, one, VERSION) == [one.version]
        assert values(remote, one, "SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == [
            str(len(list(one.store.named_graphs())))
        ]


def test_the_site_switches_in_one_step(remote: RemoteEngine, elsewhere_settings: Settings, tmp_path: Path) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    into = lambda release: load.load(release, elsewhere_settings)  # noqa: E731
    first = build.build(judged, tmp_path, version="2098.1.1", issued="2098-01-01", before_switch=into)
    client = asgi.client(create_app(Publication(tmp_path, remote, elsewhere_settings)))
    seen: list[str] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            answer = client.get("/sparql", query_string={"query": VERSION}, headers={"Accept": "text/csv"})
            seen.append(answer.text)

    thread = threading.Thread(target=look)
    thread.start()
    second = build.build(judged, tmp_path, version="2098.1.2", issued="2098-01-02", before_switch=into)
    until = time.monotonic() + 20
    while f"v\r\n{second.version}\r\n" not in seen[-1:] and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert set(seen) == {f"v\r\n{first.version}\r\n", f"v\r\n{second.version}\r\n"}


def test_a_release_that_cannot_be_loaded_does_not_become_current(tmp_path: Path) -> None:
    nobody = Settings(engine=f"http://127.0.0.1:{engines.free_port()}/", engine_update="http://127.0.0.1:1/")
    judged = build.judge(ROOT / "tests" / "tiny")
    first = build.build(judged, tmp_path)
    with pytest.raises(EngineUnavailable):
        build.build(
            judged, tmp_path, version="2097.1.1", issued="2097-01-01", before_switch=lambda r: load.load(r, nobody)
        )
    assert (tmp_path / "CURRENT").read_text("utf-8").strip() == first.version


LOAD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from unitgraph import load
from unitgraph.release import current
from unitgraph.settings import from_environment

def die(what, done, total):
    if done > total * 0.6:
        os.kill(os.getpid(), signal.SIGKILL)

load.PIECE_BYTES = 4_000
load.load(current(Path(sys.argv[1])), from_environment(os.environ), die)
"""


def test_a_load_that_was_killed_goes_on_where_it_was_cut(
    elsewhere_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    one = build.build(judged, tmp_path, version="2096.1.1", issued="2096-01-01")
    environment = {**os.environ, **engines.variables(elsewhere_settings)}
    done = subprocess.run([sys.executable, "-c", LOAD_AND_DIE, tmp_path], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    engine = RemoteEngine(elsewhere_settings)
    with pytest.raises(EngineUnavailable, match="does not hold release"):
        ask(engine, one, VERSION)
    monkeypatch.setattr(load, "PIECE_BYTES", 4_000)
    again = load.load(one, elsewhere_settings)
    assert 0 < again.sent < again.triples * 0.5
    assert values(engine, one, VERSION) == ["2096.1.1"]
    assert load.load(one, elsewhere_settings).sent == 0


def test_a_wrong_count_refuses_the_release(elsewhere_settings: Settings, tmp_path: Path) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    one = build.build(judged, tmp_path, version="2095.1.1", issued="2095-01-01")
    writer = load._Writer(load._client(elsewhere_settings), elsewhere_settings)
    graph = max((name for name in load.by_graph(one) if name != UNION), key=lambda name: len(load.by_graph(one)[name]))
    writer.add(mark(one.digest) + graph, [b"<urn:a> <urn:b> <urn:stranger> ."])
    with pytest.raises(ReleaseError, match="the engine counts"):
        load.load(one, elsewhere_settings)
    assert not load.is_loaded(one.digest, elsewhere_settings)
    load.drop(one.digest, elsewhere_settings)
    assert load.load(one, elsewhere_settings).triples > 0


def test_a_dropped_release_is_gone_and_others_stay(
    elsewhere_settings: Settings, tmp_path: Path, tiny: Release, remote: RemoteEngine
) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    one = build.build(judged, tmp_path, version="2094.1.1", issued="2094-01-01")
    loaded = load.load(one, elsewhere_settings)
    assert load.drop(one.digest, elsewhere_settings) == loaded.graphs + 1
    union = (mark(one.digest) + UNION,)
    assert load._client(elsewhere_settings).select("SELECT ?s { ?s ?p ?o } LIMIT 1", union) == []
    with pytest.raises(EngineUnavailable):
        ask(RemoteEngine(elsewhere_settings), one, VERSION)
    assert values(remote, tiny, VERSION) == [tiny.version]


def test_what_is_withdrawn_leaves_the_engine(elsewhere_settings: Settings, tmp_path: Path) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    one = build.build(judged, tmp_path, version="2092.1.1", issued="2092-01-01")
    load.load(one, elsewhere_settings)
    iri = f"{one.base}unit/maps"
    mentions = f"SELECT ?p {{ <{iri}> ?p ?o }}"
    assert rows(RemoteEngine(elsewhere_settings), one, mentions)
    command = [sys.executable, "-m", "unitgraph.cli", "withdraw", iri, "--why", "asked for", "--out", str(tmp_path)]
    environment = {**os.environ, **engines.variables(elsewhere_settings)}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    now = open_release(one.folder)
    assert now.digest != one.digest
    assert not load._client(elsewhere_settings).graphs(one.digest)
    assert rows(RemoteEngine(elsewhere_settings), now, mentions) == []
    assert values(RemoteEngine(elsewhere_settings), now, VERSION) == ["2092.1.1"]


def test_a_server_without_its_engine_starts_and_says_so(tmp_path: Path) -> None:
    build.build(build.judge(ROOT / "tests" / "tiny"), tmp_path)
    nobody = Settings(engine=f"http://127.0.0.1:{engines.free_port()}/sparql")
    command = [sys.executable, "-u", "-m", "unitgraph.cli", "serve", str(tmp_path), "--port", "0", "--workers", "1"]
    environment = {**os.environ, **engines.variables(nobody)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stderr
        assert "answered 503" in process.stderr.readline()
        assert process.stdout.readline().startswith("serving ")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_the_command_loads_and_drops(elsewhere_settings: Settings, tmp_path: Path) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    build.build(judged, tmp_path, version="2093.1.1", issued="2093-01-01")
    build.build(judged, tmp_path, version="2093.1.2", issued="2093-01-02")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "unitgraph.cli", "load", "--json", "--out", str(tmp_path), *arguments]
        environment = {**os.environ, **engines.variables(elsewhere_settings)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    first = json.loads(run("2093.1.1").stdout)
    assert first["sent"] == first["triples"] > 0
    assert json.loads(run("2093.1.1").stdout)["sent"] == 0
    assert json.loads(run().stdout)["version"] == "2093.1.2"
    assert run("--drop", "2093.1.2").returncode == 2
    assert json.loads(run("--drop", "2093.1.1").stdout)["dropped"] == first["graphs"] + 1


@pytest.mark.skipif(not engines.oxigraph_command(), reason="no `oxigraph` here")
def test_an_engine_without_a_graph_store_is_written_to_by_updates(tmp_path: Path, tiny: Release) -> None:
    with engines.running("oxigraph", tmp_path) as chosen:
        by_update = replace(chosen, engine_graph_store="", engine_update=chosen.engine.replace("/query", "/update"))
        load.load(tiny, by_update)
        assert values(RemoteEngine(by_update), tiny, VERSION) == [tiny.version]
        assert load.drop(tiny.digest, by_update) > 2
        assert not load.is_loaded(tiny.digest, by_update)


@pytest.mark.skipif(not engines.virtuoso_command(), reason="no `virtuoso-opensource` here")
def test_an_engine_that_cuts_answers_is_not_loaded_into(tmp_path: Path, tiny: Release) -> None:
    with (
        engines.running("virtuoso", tmp_path, rows=200) as chosen,
        pytest.raises(QueryTooLarge, match="cuts answers at 200 rows"),
    ):
        load.load(tiny, chosen)


def test_a_load_without_addresses_says_which_are_missing(tiny: Release) -> None:
    with pytest.raises(UsageError, match="UNITGRAPH_ENGINE "):
        load.load(tiny, Settings())
    with (
        pretending(tiny, lambda h: reply(h, 200, HEAD + b"]}}")) as engine,
        pytest.raises(UsageError, match="UNITGRAPH_ENGINE_GRAPH_STORE"),
    ):
        load.load(tiny, engine.settings)


# Limits and failures ---------------------------------------------------------------------------------------


def test_a_heavy_query_ends_in_time_and_never_with_a_part(remote: RemoteEngine, release: Release) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match="after 1 s"):
        ask(remote, release, HEAVY, timeout_seconds=1)
    assert time.monotonic() - started < 5


STATE = json.dumps(
    {
        "head": {"vars": ["g", "n"]},
        "results": {
            "bindings": [
                {"g": {"type": "uri", "value": f"MARK{name}"}, "n": {"type": "literal", "value": value}}
                for name, value in (("urn:g", "1"), ("union", "1"), ("state", "2"))
            ]
        },
    }
)
ROW = b'{"s":{"type":"uri","value":"urn:a"}},'
HEAD = b'{"head":{"vars":["s"]},"results":{"bindings":['

Act = Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def pretending(release: Release, act: Act, seconds: float = 1.0, **more: str) -> Iterator[RemoteEngine]:
    """An engine that has the release loaded and does `act` when it is asked anything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if b"urn%3Aunitgraph%3Atriples" in body:
                said = STATE.replace("MARK", mark(release.digest)).encode()
                reply(self, 200, said)
            else:
                with contextlib.suppress(OSError):
                    act(self)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}/sparql"
        yield RemoteEngine(Settings(query_seconds=seconds, engine=address, **more))  # type: ignore[arg-type]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Type": formats.SPARQL_JSON, "Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def begin(handler: BaseHTTPRequestHandler, rows: int) -> None:
    """The first rows of an answer, as one chunk."""
    handler.send_response(200)
    handler.send_header("Content-Type", formats.SPARQL_JSON)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    data = HEAD + ROW * rows
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    handler.wfile.flush()


def stall(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(4)


def stall_after_rows(handler: BaseHTTPRequestHandler) -> None:
    begin(handler, 50_000)
    time.sleep(4)


def trickle(handler: BaseHTTPRequestHandler) -> None:
    begin(handler, 1)
    for _ in range(40):
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(ROW), ROW))
        handler.wfile.flush()
        time.sleep(0.1)


def hang_up_after_rows(handler: BaseHTTPRequestHandler) -> None:
    begin(handler, 50_000)
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("act", [stall, trickle])
def test_the_time_limit_is_ours_too(tiny: Release, act: Act) -> None:
    with pretending(tiny, act) as engine:
        started = time.monotonic()
        with pytest.raises(QueryTimeout):
            ask(engine, tiny, "SELECT ?s { ?s ?p ?o }")
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("act", [stall_after_rows, hang_up_after_rows])
def test_a_stream_that_breaks_is_a_failure(tiny: Release, act: Act) -> None:
    with pretending(tiny, act) as engine:
        found = engine.ask(tiny.folder, "SELECT ?s { ?s ?p ?o }", solutions_format=formats.CSV, graph_format=None)
        assert next(found.chunks).startswith(b"s\r\nurn:a\r\n")
        with pytest.raises(QueryFailed, match="broke"):
            b"".join(found.chunks)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (hang_up, EngineUnavailable),
        (lambda h: reply(h, 503, b"busy", Retry_After="7"), EngineUnavailable),
        (lambda h: reply(h, 401, b""), EngineUnavailable),
        (lambda h: reply(h, 302, b"", Location="http://127.0.0.1:1/"), QueryFailed),
        (lambda h: reply(h, 200, HEAD + b"]}}", X_SQL_State="S1TAT"), QueryTimeout),
        (lambda h: reply(h, 500, b"[ a part Virtuoso S1TAT Error RC...: Returning incomplete"), QueryTimeout),
        (lambda h: reply(h, 500, b"Virtuoso 22012 Error SR084: Division by 0."), QueryFailed),
        (lambda h: reply(h, 200, HEAD + b"]}}", X_SPARQL_MaxRows="10"), QueryTooLarge),
        (lambda h: reply(h, 200, b"<html>", Content_Type="text/html"), QueryFailed),
        (lambda h: reply(h, 200, HEAD + ROW), QueryFailed),
        (lambda h: reply(h, 200, b"no JSON"), QueryFailed),
        (lambda h: reply(h, 400, b"error at 1:3: expected x"), QuerySyntaxError),
    ],
)
def test_each_failure_of_the_engine_has_its_error(tiny: Release, act: Act, error: type[Exception]) -> None:
    with pretending(tiny, act) as engine, pytest.raises(error) as caught:
        ask(engine, tiny, "SELECT ?s { ?s ?p ?o }")
    if "busy" in str(getattr(caught.value, "message", "")):
        assert caught.value.retry_after_seconds == 7  # type: ignore[attr-defined]


def test_an_answer_over_the_limit_is_refused(tiny: Release) -> None:
    with pretending(tiny, lambda h: reply(h, 200, HEAD + (ROW * 9_000)[:-1] + b"]}}")) as engine:
        small = RemoteEngine(replace(engine.settings, query_result_bytes=20_000))
        with pytest.raises(QueryTooLarge):
            ask(small, tiny, "SELECT ?s { ?s ?p ?o }")
        assert len(ask(engine, tiny, "SELECT ?s { ?s ?p ?o }")) > 20_000


def test_leaving_closes_the_connection_to_the_engine(tiny: Release) -> None:
    noticed = threading.Event()

    def act(handler: BaseHTTPRequestHandler) -> None:
        begin(handler, 50_000)
        if handler.connection.recv(1) == b"":
            noticed.set()

    with pretending(tiny, act, seconds=20.0) as engine:
        found = engine.ask(tiny.folder, "SELECT ?s { ?s ?p ?o }", solutions_format=formats.CSV, graph_format=None)
        next(found.chunks)
        found.chunks.close()  # type: ignore[attr-defined]
        assert noticed.wait(5)


def test_without_its_engine_the_site_goes_on_and_says_when_to_come_again(tiny: Release) -> None:
    nobody = Settings(engine=f"http://127.0.0.1:{engines.free_port()}/sparql")
    engine = RemoteEngine(nobody)
    assert not engine.available()
    with pytest.raises(EngineUnavailable):
        ask(engine, tiny, VERSION)
    client = asgi.client(create_app(Publication(tiny.folder.parent, engine, nobody)))
    for path in ("/", "/unit/maps.html", "/unit/maps.ttl", "/unit", "/ns", "/report", "/health"):
        assert client.get(path).status_code == 200, path
    assert "does not answer" in client.get("/health").json["engine"]  # type: ignore[index]
    for path in ("/sparql?query=ASK%7B%7D", "/query/units.csv"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path


# What is not told ------------------------------------------------------------------------------------------


def test_credentials_are_never_shown(tiny: Release, capfd: pytest.CaptureFixture[str]) -> None:
    chosen = Settings(engine="http://127.0.0.1:1/", engine_user="librarian", engine_password=SECRET)
    assert SECRET not in repr(chosen)
    assert "librarian" not in repr(chosen)
    seen: list[str] = []

    def act(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization", ""))
        reply(handler, 401, b"who?", WWW_Authenticate='Basic realm="x"')

    with (
        pretending(tiny, act, engine_user="librarian", engine_password=SECRET) as engine,
        pytest.raises(EngineUnavailable) as caught,
    ):
        ask(engine, tiny, VERSION)
    assert seen[0] == ""
    assert seen[-1].startswith("Basic ")
    told = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    assert SECRET not in told
    assert seen[-1] not in told


@pytest.mark.parametrize("elsewhere_settings", NAMES[1:], indirect=True)  # Oxigraph's server has no passwords
def test_a_wrong_password_is_told_without_it(elsewhere_settings: Settings) -> None:
    wrong = replace(elsewhere_settings, engine_password=SECRET)
    with pytest.raises(EngineUnavailable, match="does not let us write") as caught:
        load._Writer(load._client(wrong), wrong)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("address", [f"http://librarian:{SECRET}@example.org/sparql", "ftp://example.org/", "sparql"])
def test_an_address_with_a_password_or_of_another_kind_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(UsageError, match="UNITGRAPH_ENGINE_PASSWORD") as caught:
        from_environment({"UNITGRAPH_ENGINE": address})
    assert SECRET not in str(caught.value)
