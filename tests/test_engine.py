"""A query has limits, and cannot hurt anyone."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
import zstandard
from pyoxigraph import Literal, NamedNode, QueryResultsFormat, parse_query_results

from unitgraph import formats
from unitgraph.engine import Broker, Engine, guard, outline
from unitgraph.errors import (
    EngineUnavailable,
    NotAcceptable,
    QueryFailed,
    QueryRefused,
    QuerySyntaxError,
    QueryTimeout,
    QueryTooLarge,
    UnitgraphError,
)
from unitgraph.release import Release
from unitgraph.settings import Settings

SECONDS = 5.0

#: What a careless expression would go over again and again.
LONG_WAYS = ('\\"' + '""\\n', '\\"', "''" + "'\\q", "<a", "a.", "((", "?", "@")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Broker(Settings(query_seconds=SECONDS, query_memory_bytes=200 << 20)) as engine:
        yield engine


def ask(engine: Engine, release: Release, text: str, **options: object) -> tuple[str, bytes]:
    chosen = {"solutions_format": formats.SPARQL_JSON, "graph_format": formats.N_TRIPLES, **options}
    stream = engine.ask(release.folder, text, **chosen)  # type: ignore[arg-type]
    return stream.media_type, b"".join(stream.chunks)


def count(engine: Engine, release: Release, text: str, **options: object) -> int:
    return int(json.loads(ask(engine, release, text, **options)[1])["results"]["bindings"][0]["n"]["value"])


@pytest.mark.parametrize(
    ("media_type", "start"),
    [
        (formats.SPARQL_JSON, b'{"head"'),
        (formats.SPARQL_XML, b"<?xml"),
        (formats.CSV, b"n\r\n"),
        (formats.TSV, b"?n\n"),
    ],
)
def test_solutions_come_in_the_format_asked_for(engine: Engine, tiny: Release, media_type: str, start: bytes) -> None:
    told, data = ask(engine, tiny, "SELECT ?n { VALUES ?n { 1 } }", solutions_format=media_type)
    assert told == media_type
    assert data.startswith(start)


@pytest.mark.parametrize("media_type", formats.GRAPHS)
def test_graphs_come_in_the_format_asked_for(engine: Engine, tiny: Release, media_type: str) -> None:
    told, data = ask(engine, tiny, "CONSTRUCT WHERE { ?s a ?class }", graph_format=media_type)
    assert told == media_type
    assert b"https://w3id.org/unitgraph/ns#" in data


def test_the_default_graph_is_the_union_of_all_graphs(engine: Engine, tiny: Release) -> None:
    query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    union = len({(q.subject, q.predicate, q.object) for q in tiny.store})
    assert count(engine, tiny, query) == union


def test_the_data_set_of_the_request_wins_over_from(engine: Engine, tiny: Release) -> None:
    graphs = sorted(g.value for g in tiny.store.named_graphs())[:2]  # type: ignore[union-attr]
    size = [len(list(tiny.store.quads_for_pattern(None, None, None, NamedNode(g)))) for g in graphs]
    query = f"SELECT (COUNT(*) AS ?n) FROM <{graphs[0]}> {{ ?s ?p ?o }}"
    assert count(engine, tiny, query) == size[0]
    assert count(engine, tiny, query, default_graphs=(graphs[1],)) == size[1]
    named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert count(engine, tiny, named, named_graphs=(graphs[1],)) == size[1]


def test_parameters_are_bound_and_never_pasted(engine: Engine, tiny: Release) -> None:
    hostile = Literal('x" } SERVICE <http://127.0.0.1/> { #')
    media, data = ask(engine, tiny, "SELECT ?v { BIND(?v AS ?w) }", substitutions={"v": hostile})
    assert media == formats.SPARQL_JSON
    assert json.loads(data)["results"]["bindings"] in ([{"v": {"type": "literal", "value": hostile.value}}], [{}])


def test_a_malformed_query_is_told_with_line_and_column(engine: Engine, tiny: Release) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        ask(engine, tiny, "SELECT *\nWHERE { ?s ?p }")
    assert (caught.value.line, caught.value.column) == (2, 16)  # the engine points behind what it could read


def test_a_client_that_accepts_no_format_of_the_answer_is_told_which_there_are(engine: Engine, tiny: Release) -> None:
    with pytest.raises(NotAcceptable) as caught:
        ask(engine, tiny, "CONSTRUCT WHERE { ?s ?p ?o }", graph_format=None)
    assert formats.TURTLE in caught.value.offered


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
        "PREFIX a: <urn:SELECT>\nDELETE WHERE { ?s ?p ?o }",
        "# SELECT\nCLEAR ALL",
        "LOAD <http://127.0.0.1/x>",
        "SELECT * { SERVICE <http://127.0.0.1/x> { ?s ?p ?o } }",
        "SELECT * { service silent ?s { ?s ?p ?o } }",
        "SELECT * { 'a' SeRvIcE <x:y> {} }",
        "SELECT * { ?s a ?o.SERVICE <http://127.0.0.1/x> { ?a ?b ?c } }",
        "SELECT * { SERVICESILENT <http://127.0.0.1/x> { ?a ?b ?c } }",
        "PREFIX : <http://127.0.0.1/> SELECT * { SERVICE:x { ?a ?b ?c } }",
        "PREFIX a: <http://127.0.0.1/> SELECT * { SERVICEa:x { ?a ?b ?c } }",
        "SELECT * { ?s ?p 1e5SERVICE <http://127.0.0.1/x> { ?a ?b ?c } }",
        "SELECT * { ?s ?p true.SERVICE <http://127.0.0.1/x> { ?a ?b ?c } }",
        "SELECT * { ?s ?p 'a'@en.SERVICE <http://127.0.0.1/x> { ?a ?b ?c } }",
        "PREFIX a: <urn:a> SELECT * { ?s ?p a:.SERVICE <http://127.0.0.1/x> { ?a ?b ?c } }",
        "SELECT * { BIND(1 AS ?a) FILTER(?a<2)SERVICE#>\n<http://127.0.0.1/x> { ?a ?b ?c } }",
        "SELECT * { BIND(1 AS ?a) FILTER(?a<2)#> '''\n SERVICE <http://127.0.0.1/x> { ?a ?b ?c } } #'''",
        "SELECT * { FILTER(1 IN(1<2,'>','x') ) SERVICE <http://127.0.0.1/x> { ?a ?b ?c } } #'",
        "SELECT * {" * 70 + "}" * 70,
        f"SELECT * {{ VALUES ?x {{ {'1 ' * 40_000} }} }}",
    ],
)
def test_updates_services_and_oversize_are_refused_before_anything_runs(
    engine: Engine, tiny: Release, text: str
) -> None:
    with pytest.raises(QueryRefused):
        ask(engine, tiny, text)


def test_the_words_may_stand_in_strings_iris_and_comments() -> None:
    for text in (
        'SELECT ("SERVICE" AS ?a) { ?s <urn:SERVICE> """ INSERT FROM """ } # SERVICE FROM',
        "SELECT * { ?from :from ?service ; :service 'b'@en-service ; sd:service [] }",
        "SELECT * { ?s <http://www.w3.org/ns/dcat#service> <http://example.org/O'Brien_(service)> }",
        "SELECT * { ?s ?p '', 'it\\'s', \"\", 1.5 . FILTER(?a<2&&?b>1) }",
    ):
        seen = outline(text)
        assert (seen.verb, seen.has_service, seen.has_dataset) == ("SELECT", False, False), text


@pytest.mark.parametrize("text", ['SELECT * { ?s ?p """a }', "SELECT * { ?s ?p 'a\n' }", 'ASK { ?s ?p "a\\q" }'])
def test_a_string_that_is_not_closed_is_told_with_its_place(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match=r"line 1, column 1\d: not SPARQL: the string"):
        guard(text, Settings())


@pytest.mark.parametrize("part", LONG_WAYS)
def test_a_look_at_a_query_takes_no_longer_for_hostile_text(part: str) -> None:
    """As a ratio to a plain query of the same length; going over the text again and again takes 1,000 times as long."""

    def seconds(text: str) -> float:
        started = time.process_time()
        outline.__wrapped__(text)  # what is kept of an earlier look does not count
        return time.process_time() - started

    plain = seconds("SELECT * { " + "?s ?p ?o . " * 5_400)
    assert seconds("SELECT * { " + part * (60_000 // len(part))) < 30 * plain


def test_a_worker_reaches_no_other_host(engine: Engine, tiny: Release) -> None:
    """Even what the guard does not know as SERVICE finds no network: a trap on loopback stays empty."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        port = trap.getsockname()[1]
        for text in (
            f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
            f"SELECT * {{ \\u0053ERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
            f"SELECT * FROM <http://127.0.0.1:{port}/> {{ ?s ?p ?o }}",
        ):
            try:
                ask(engine, tiny, text)
            except UnitgraphError as error:
                assert str(error)
        with pytest.raises(TimeoutError):
            trap.accept()


HEAVY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


def test_a_query_is_stopped_at_its_time_limit(engine: Engine, tiny: Release) -> None:
    with pytest.raises(QueryTimeout, match=r"after 0\.5 s"):
        ask(engine, tiny, HEAVY, timeout_seconds=0.5)


def test_a_query_is_stopped_at_its_memory_limit(engine: Engine, tiny: Release) -> None:
    with pytest.raises((QueryTooLarge, QueryTimeout)):
        ask(engine, tiny, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?d ?g")


def test_an_answer_cut_by_a_limit_is_an_error_and_not_an_end(engine: Engine, tiny: Release) -> None:
    stream = engine.ask(
        tiny.folder,
        "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
        solutions_format=formats.CSV,
        graph_format=None,
        timeout_seconds=1,
    )
    with pytest.raises(QueryFailed):
        for _ in stream.chunks:
            pass


def test_small_queries_go_on_beside_heavy_ones_and_after_them(engine: Engine, tiny: Release) -> None:
    def heavy() -> None:
        with pytest.raises(QueryTimeout):
            ask(engine, tiny, HEAVY)

    threads = [threading.Thread(target=heavy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        assert ask(engine, tiny, "ASK {}")[1] == b'{"head":{},"boolean":true}'
    for thread in threads:
        thread.join()
    assert ask(engine, tiny, "ASK {}")[1] == b'{"head":{},"boolean":true}'


def test_a_client_that_leaves_ends_its_query() -> None:
    settings = Settings(query_seconds=30, concurrent_queries=1)
    release = Path("/nonexistent")
    with Broker(settings) as engine:
        for _ in range(3):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(engine.address)
            connection.close()
        with pytest.raises((QueryFailed, EngineUnavailable)):
            engine.ask(release, "ASK {}", solutions_format=formats.SPARQL_JSON, graph_format=None)


def test_with_the_broker_gone_a_query_is_unavailable_and_nothing_hangs(tiny: Release) -> None:
    broker = Broker(Settings())
    engine = broker.start()
    broker.stop()
    with pytest.raises(EngineUnavailable):
        ask(engine, tiny, "ASK {}")


def workers(broker: Broker) -> list[int]:
    """The processes that a broker has forked, zombies included."""
    assert broker._process is not None
    path = Path(f"/proc/{broker._process.pid}/task/{broker._process.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def test_long_queries_do_not_use_up_the_places_of_short_ones(tiny: Release) -> None:
    """More long queries than workers: short ones are still answered."""
    settings = Settings(query_seconds=4, query_workers=2, concurrent_queries=3)
    outcomes: list[str] = []

    def heavy() -> None:
        try:
            ask(engine, tiny, HEAVY)
        except UnitgraphError as error:
            outcomes.append(type(error).__name__)

    with Broker(settings) as engine:
        threads = [threading.Thread(target=heavy) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        answered = 0
        while any(thread.is_alive() for thread in threads):
            assert ask(engine, tiny, "ASK {}")[1] == b'{"head":{},"boolean":true}'
            answered += 1
        assert answered > 20
    assert len(outcomes) == 5
    assert set(outcomes) <= {"EngineUnavailable", "QueryTimeout"}
    assert outcomes.count("QueryTimeout") >= 3


def test_one_long_query_too_many_is_told_so(tiny: Release) -> None:
    with (
        Broker(Settings(query_workers=1, concurrent_queries=0)) as engine,
        pytest.raises(EngineUnavailable, match="long queries are running"),
    ):
        ask(engine, tiny, HEAVY)


def test_workers_that_are_killed_are_replaced_and_leave_nothing_behind(tiny: Release) -> None:
    """`kill -9` of workers at random: only their own query is lost, the pool is whole again."""
    lost = 0
    broker = Broker(Settings(query_workers=3))
    chance = random.Random(1)
    with broker as engine:
        ask(engine, tiny, "ASK {}")
        until = time.monotonic() + 5
        while len(workers(broker)) != 3 and time.monotonic() < until:
            time.sleep(0.05)
        assert broker._process is not None
        descriptors = len(list(Path(f"/proc/{broker._process.pid}/fd").iterdir()))
        for _ in range(60):
            while not (alive := workers(broker)):
                time.sleep(0.01)
            os.kill(chance.choice(alive), signal.SIGKILL)
            try:
                ask(engine, tiny, "ASK {}")
            except QueryFailed:
                lost += 1
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            now = (len(workers(broker)), len(list(Path(f"/proc/{broker._process.pid}/fd").iterdir())))
            if now == (3, descriptors):
                break
            time.sleep(0.05)
        assert now == (3, descriptors)
    assert lost < 30


def test_a_client_that_leaves_frees_its_worker_at_once(tiny: Release) -> None:
    with Broker(Settings(query_seconds=60, query_workers=1, concurrent_queries=1)) as engine:
        for _ in range(3):
            stream = engine.ask(
                tiny.folder,
                "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
                solutions_format=formats.CSV,
                graph_format=None,
            )
            next(stream.chunks)
            stream.chunks.close()  # type: ignore[attr-defined]
        assert ask(engine, tiny, "ASK {}")[1] == b'{"head":{},"boolean":true}'


def test_a_broker_that_died_is_replaced(tiny: Release) -> None:
    broker = Broker(Settings())
    with broker as engine:
        assert broker._process is not None
        os.kill(broker._process.pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while True:
            try:
                assert ask(engine, tiny, "ASK {}")[1] == b'{"head":{},"boolean":true}'
                break
            except EngineUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_a_client_has_its_share_of_long_queries_and_no_more(tiny: Release) -> None:
    """One client asks for more long queries than it may have; others still get theirs, and small ones are quick."""
    settings = Settings(query_seconds=3, query_workers=3, concurrent_queries=6, concurrent_queries_per_client=2)
    outcomes: dict[str, list[str]] = {"greedy": [], "modest": []}

    def heavy(client: str) -> None:
        try:
            ask(engine, tiny, HEAVY, client=client)
        except UnitgraphError as error:
            outcomes[client].append(str(error))

    with Broker(settings) as engine:
        threads = [threading.Thread(target=heavy, args=("greedy",)) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        other = threading.Thread(target=heavy, args=("modest",))
        other.start()
        for _ in range(20):
            assert ask(engine, tiny, "ASK {}", client="small")[1] == b'{"head":{},"boolean":true}'
        for thread in (*threads, other):
            thread.join()
    assert sum("2 long queries of yours" in outcome for outcome in outcomes["greedy"]) == 3
    assert sum("stopped after 3 s" in outcome for outcome in outcomes["greedy"]) == 2
    assert ["stopped after 3 s" in outcome for outcome in outcomes["modest"]] == [True]


def test_a_slow_reader_gets_the_whole_answer(tiny: Release) -> None:
    """The time in which nobody reads is not the query's: one that takes far longer to read than the limit ends well."""
    text = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 60000"
    with Broker(Settings(query_seconds=5)) as engine:
        whole = ask(engine, tiny, text, solutions_format=formats.CSV)[1]
        stream = engine.ask(tiny.folder, text, solutions_format=formats.CSV, graph_format=None)
        slow = bytearray()
        for number, chunk in enumerate(stream.chunks):
            slow += chunk
            if number in (0, 20, 40, 60):
                time.sleep(1.5)
        assert number > 60
        assert bytes(slow) == whole


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_an_answer_is_compressed_as_it_streams(engine: Engine, tiny: Release, coding: str) -> None:
    """What has come until now can be read without what is still to come."""
    text = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000"
    plain = ask(engine, tiny, text, solutions_format=formats.CSV)[1]
    stream = engine.ask(tiny.folder, text, solutions_format=formats.CSV, graph_format=None, coding=coding)
    decode = {
        "gzip": zlib.decompressobj(wbits=31).decompress,
        "br": brotli.Decompressor().process,
        "zstd": zstandard.ZstdDecompressor().decompressobj().decompress,
    }[coding]
    first = decode(next(stream.chunks))
    assert len(first) > 10_000
    assert plain.startswith(first)
    assert first + b"".join(decode(chunk) for chunk in stream.chunks) == plain


def test_an_answer_over_the_size_limit_is_broken_off(tiny: Release) -> None:
    text = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000"
    with Broker(Settings(query_result_bytes=200_000)) as engine:
        stream = engine.ask(tiny.folder, text, solutions_format=formats.CSV, graph_format=None)
        with pytest.raises(QueryFailed):
            for _ in stream.chunks:
                pass
        assert ask(engine, tiny, "ASK {}")[1] == b'{"head":{},"boolean":true}'


def test_the_loop_can_wait_for_answers_and_leave_them(tiny: Release) -> None:
    """The asynchronous side: answers come, a task that is cancelled ends its query, the pool is whole afterwards."""

    async def work(engine: Engine) -> None:
        async def one(text: str) -> bytes:
            stream = await engine.stream(
                tiny.folder, text, solutions_format=formats.SPARQL_JSON, graph_format=None, client="c"
            )
            return b"".join([chunk async for chunk in stream.chunks])

        assert set(await asyncio.gather(*(one("ASK {}") for _ in range(50)))) == {b'{"head":{},"boolean":true}'}
        for _ in range(4):
            task = asyncio.create_task(one(HEAVY))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await one("ASK {}") == b'{"head":{},"boolean":true}'
        assert engine.workers_now()["busy"] == 0

    with Broker(Settings(query_seconds=30, query_workers=2, concurrent_queries=1)) as engine:
        asyncio.run(work(engine))


def test_the_walls_are_said(tiny: Release) -> None:
    with Broker(Settings()) as engine:
        walls = engine.walls()
    assert walls.memory == (sys.platform == "linux")
    assert len(walls.missing) == [walls.network, walls.memory, walls.priority].count(False)


def test_results_in_xml_keep_carriage_returns_and_refuse_what_xml_cannot_hold(engine: Engine, tiny: Release) -> None:
    _, data = ask(engine, tiny, 'SELECT ("one\\rtwo" AS ?v) {}', solutions_format=formats.SPARQL_XML)
    answer = parse_query_results(data, format=QueryResultsFormat.XML)
    assert next(answer)["v"] == Literal("one\rtwo")  # type: ignore[arg-type]
    for text in ('SELECT ("\\u0001" AS ?v) {}', 'SELECT ("\\uFFFF" AS ?v) {}'):
        with pytest.raises(NotAcceptable):
            ask(engine, tiny, text, solutions_format=formats.SPARQL_XML)
        assert ask(engine, tiny, text)[1]
