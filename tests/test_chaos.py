"""Workers that are killed, streams that break, clients that leave or want too much: nobody else is hurt."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import SPARQLWrapper
from conftest import ALL
from running import Condition, Running, broker, condition, cpu_seconds, damage, serving, until, workers

from unitgraph.release import Release

QUERY_SECONDS = 6
KILLS = 200 if ALL else 60
HEAVY_FOR_SECONDS = 60 if ALL else 10
SEED = 6
MATCH_SECONDS = 0.5  #: between a kill and the end of the query that it may have cost, beyond the query itself

HEAVY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
ENDLESS = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
SMALL = "SELECT ?s { ?s a <https://w3id.org/unitgraph/ns#Unit> } ORDER BY ?s LIMIT 3"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def server(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = {"query_seconds": QUERY_SECONDS, "query_memory_bytes": 256 << 20}
    with serving(tmp_path_factory.mktemp("chaos"), str(release.folder.parent), **limits) as running:
        assert until(lambda: small(running, "127.0.0.2").fault == "")
        yield running


@pytest.fixture(scope="module")
def at_rest(server: Running) -> Condition:
    """How the server was before anything hostile was asked of it."""
    return condition(server)


@dataclass(frozen=True)
class Outcome:
    """A query from its beginning to its end (monotonic seconds); `fault` is empty where it was answered."""

    began: float
    ended: float
    fault: str = ""


def send(running: Running, query: str, source: str, accept: str, seconds: float = 30) -> socket.socket:
    """Ask a query from an address of loopback; the answer is still to be read."""
    connection = socket.create_connection(("127.0.0.1", running.port), seconds, (source, 0))
    path = f"/sparql?query={urllib.parse.quote(query)}"
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def small(running: Running, source: str) -> Outcome:
    """Ask a small query; what is not a right answer is a fault."""
    began, fault = time.monotonic(), ""
    try:
        with send(running, SMALL, source, "application/sparql-results+json") as connection:
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            body = answer.read()
            if answer.status != 200:
                fault = f"{answer.status} {body[:150].decode('utf-8', 'replace')}"
            elif len(json.loads(body)["results"]["bindings"]) != 3:
                fault = f"a wrong answer: {body[:150]!r}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        fault = repr(error)
    return Outcome(began, time.monotonic(), fault)


def heavy(running: Running, source: str) -> str:
    """Ask a heavy query to its end; its status."""
    try:
        with send(running, HEAVY, source, "application/sparql-results+json") as connection:
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
            return str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        return repr(error)


@contextlib.contextmanager
def repeating(count: int, act: object, *arguments: object) -> Iterator[list[object]]:
    """Do something again and again in so many threads until the end of the block; what it returned."""
    ended, found = threading.Event(), list[object]()

    def loop() -> None:
        while not ended.is_set():
            found.append(act(*arguments))  # type: ignore[operator]
            ended.wait(0.02)

    threads = [threading.Thread(target=loop) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


def unexplained(outcomes: list[Outcome], kills: list[float]) -> list[str]:
    """The faults that no kill explains. A kill may cost the one query that its worker was answering."""
    left, found = sorted(kills), []
    for outcome in sorted((o for o in outcomes if o.fault), key=lambda o: o.ended):
        near = [kill for kill in left if outcome.began - MATCH_SECONDS <= kill <= outcome.ended]
        if near and not outcome.fault.startswith(("4", "500", "a wrong")):
            left.remove(near[0])
        else:
            found.append(outcome.fault)
    return found


def test_a_kill_explains_one_broken_query_and_no_wrong_answer() -> None:
    lost, wrong = Outcome(1, 2, "503 the engine"), Outcome(1, 2, "a wrong answer")
    assert unexplained([lost, Outcome(1, 2)], [1.5]) == []
    assert unexplained([lost, lost], [1.5]) == [lost.fault]
    assert unexplained([lost], [2.5]) == [lost.fault]
    assert unexplained([wrong], [1.5]) == [wrong.fault]


def test_workers_killed_at_random_cost_only_their_own_queries(server: Running, at_rest: Condition) -> None:
    chance = random.Random(SEED)
    engine, kills = broker(server.process.pid), list[float]()
    with (
        repeating(4, small, server, "127.0.0.2") as outcomes,
        repeating(2, heavy, server, "127.0.0.3"),
    ):
        time.sleep(0.5)
        while len(kills) < KILLS:
            if alive := workers(engine):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(alive), signal.SIGKILL)
                    kills.append(time.monotonic())
            time.sleep(chance.uniform(0.01, 0.2))
        time.sleep(0.5)
    told = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    lost = sum(bool(outcome.fault) for outcome in told)
    print(f"{len(kills)} kills, {len(told)} small queries, {lost} lost with their worker")
    assert len(told) > len(kills)
    assert unexplained(told, kills) == []
    assert damage(server, at_rest) == []
    assert small(server, "127.0.0.2").fault == ""


def test_heavy_queries_of_one_client_leave_the_others_answered(server: Running, at_rest: Condition) -> None:
    """16 heavy queries without pause from one address; small ones from two others all succeed."""
    with (
        repeating(16, heavy, server, "127.0.0.3") as heavies,
        repeating(1, small, server, "127.0.0.2") as one,
        repeating(1, small, server, "127.0.0.4") as other,
    ):
        time.sleep(HEAVY_FOR_SECONDS)
    told = [outcome for outcome in (*one, *other) if isinstance(outcome, Outcome)]
    longest = max(outcome.ended - outcome.began for outcome in told)
    print(f"{len(heavies)} heavy and {len(told)} small queries, the longest small one {longest:.2f} s")
    assert [outcome.fault for outcome in told if outcome.fault] == []
    assert len(told) > HEAVY_FOR_SECONDS  # they are answered, and not only kept waiting
    assert {str(status) for status in heavies} <= {"200", "429", "503"}
    assert damage(server, at_rest) == []


# A stream that fails after its first byte ---------------------------------------------------------------------


def busiest(running: Running) -> int:
    """The worker that uses most processor time just now."""
    pids = workers(broker(running.process.pid))
    before = {pid: cpu_seconds([pid]) for pid in pids}
    time.sleep(0.3)
    return max(pids, key=lambda pid: cpu_seconds([pid]) - before[pid])


@contextlib.contextmanager
def a_worker_killed_after(seconds: float, running: Running) -> Iterator[None]:
    """The busiest worker is killed after a while."""

    def kill() -> None:
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(busiest(running), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@needs_curl
@pytest.mark.parametrize("cause", ["its time limit", "kill -9"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_stream_that_breaks_off_is_an_error_to_curl(server: Running, tmp_path: Path, cause: str, coding: str) -> None:
    """Exit code 18: the transfer was partial."""
    url = f"{server.url}sparql?query={urllib.parse.quote(ENDLESS)}"
    slowly = ["--limit-rate", "20M", "--header", "Accept: text/csv", "--header", f"Accept-Encoding: {coding}"]
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *slowly, "--output", tmp_path / "out", url]
    kill = a_worker_killed_after(1, server) if cause == "kill -9" else contextlib.nullcontext()
    with kill:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 18, done.stderr
    received = (tmp_path / "out").read_bytes()
    assert received
    assert b"urn:unitgraph:problem" not in received[-2_000:]


@pytest.mark.parametrize("form", [SPARQLWrapper.JSON, SPARQLWrapper.XML, SPARQLWrapper.CSV])
def test_a_stream_that_breaks_off_is_an_error_to_sparqlwrapper(server: Running, form: str) -> None:
    wrapper = SPARQLWrapper.SPARQLWrapper(server.url + "sparql")
    wrapper.setQuery(ENDLESS)
    wrapper.setReturnFormat(form)
    with a_worker_killed_after(0.5, server), pytest.raises(http.client.IncompleteRead):
        wrapper.query().convert()


# A client that leaves -----------------------------------------------------------------------------------------


def idle(running: Running) -> bool:
    """Whether no worker has used a processor for the last while."""
    pids = workers(broker(running.process.pid))
    before = cpu_seconds(pids)
    time.sleep(0.4)
    return cpu_seconds(pids) - before < 0.05


def busy(running: Running, seconds: float) -> bool:
    return until(lambda: not idle(running), seconds)


@pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
def test_a_client_that_leaves_before_the_first_byte_ends_its_query(
    server: Running, at_rest: Condition, reset: bool
) -> None:
    assert until(lambda: idle(server))
    connection = send(server, HEAVY, "127.0.0.3", "text/csv")
    assert busy(server, 5)
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    left = time.monotonic()
    connection.close()
    assert until(lambda: idle(server), 4), "the query of a client that left still uses a processor"
    assert time.monotonic() - left < QUERY_SECONDS - 1  # it was not the time limit that ended it
    assert damage(server, at_rest) == []


def test_a_client_that_leaves_after_the_first_row_frees_its_worker(server: Running, at_rest: Condition) -> None:
    assert until(lambda: idle(server))
    for _ in range(12):  # more than there are workers, and less than there are places for long queries
        with send(server, ENDLESS, "127.0.0.3", "text/csv") as connection:
            assert connection.recv(1)
    left = time.monotonic()
    assert until(lambda: idle(server), 4), "the query of a client that left still uses a processor"
    assert time.monotonic() - left < QUERY_SECONDS - 1
    assert small(server, "127.0.0.3").fault == ""
    assert damage(server, at_rest) == []
