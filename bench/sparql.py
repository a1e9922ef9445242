"""The endpoint, side by side with its peers: speed, streaming, shapes of query, neighbours of heavy queries, growth."""

from __future__ import annotations

import http.client
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import engines
import peers
import processes
import synthetic
from peers import JSON, Data, Server, Skipped

Row = dict[str, Any]
MIB = 1 << 20
ROWS = 1_000_000
FLOOR = "a bare socket"
RATIOS = {": oxigraph": "oxigraph serve-read-only", ": rdflib-endpoint": "rdflib-endpoint"}
HEAVY_LOADS = ((0, 0.1), (1, 0.1), (4, 0.1), (16, 0.1), (16, 0.0))  #: how many, and seconds after a refusal
OTHERS, HEAVY = "127.0.0.2", "127.0.0.3"  #: addresses of the other clients, and of the one with heavy queries

SMALL = f"""PREFIX ug: <{synthetic.UG}>
PREFIX skos: <{synthetic.SKOS}>
SELECT ?project ?label WHERE {{ ?project ug:leader <{synthetic.BASE}unit/u3> ; skos:prefLabel ?label \
FILTER(?label != "MARK") }} LIMIT 20"""
CROSS_PRODUCT = 'SELECT (COUNT(*) AS ?n) { ?a ?p ?b . ?c ?q ?d FILTER(STR(?b) = CONCAT(STR(?d), "MARK")) }'


def target(server: Server, query: str, mark: str = "{n}") -> str:
    """The request target of a query; the load generator makes a number of `{n}`."""
    return server.path + quote(query, safe="").replace("MARK", mark)


def skipped(error: Skipped) -> None:
    print(f"  skipped: {error}", file=sys.stderr)


# Speed -----------------------------------------------------------------------------------------------------


def throughput(graph: Data, seconds: float) -> list[Row]:
    """A small query, the same again and again or each time another one, at 1, 8 and 64 connections.

    All servers are up; each case is measured on one after the other, twice, and the better round counts. So what
    else the machine does falls on all alike.
    """
    rows = []
    with ExitStack() as stack:
        servers = list(_started(stack, graph))
        for query, mark in (("each another", "{n}"), ("the same", "again")):
            for connections in (1, 8, 64):
                best: dict[str, dict[str, Any]] = {}
                for server in servers * 2:
                    found = _speed(server, mark, connections, seconds / 2)
                    if server.name not in best or found["requests_per_second"] > _rate(best, server.name):
                        best[server.name] = found
                for server in servers:
                    if server.name == FLOOR and mark != "{n}":
                        continue  # it answers anything with the same bytes
                    case = {"triples": graph.triples, "query": query, "connections": connections}
                    row = {**case, "server": server.name, **processes.figures(best[server.name])}
                    for name, peer in RATIOS.items():
                        if server.name != FLOOR and peer in best and _rate(best, peer):
                            row[name] = round(_rate(best, server.name) / _rate(best, peer), 3)
                    rows.append(row)
    return rows


def _started(stack: ExitStack, graph: Data) -> Iterator[Server]:
    for peer in peers.ALL:
        try:
            yield stack.enter_context(peer(graph))
        except Skipped as error:
            skipped(error)
    port = processes.free_port()
    command = [sys.executable, str(processes.HERE / "floor.py"), str(port), "3500"]
    process = stack.enter_context(processes.running(command, port))
    yield Server(FLOOR, port, process.pid, "/?query=")


def _speed(server: Server, mark: str, connections: int, seconds: float) -> dict[str, Any]:
    asked, before = [target(server, SMALL, mark)], processes.processor_seconds(server.pid)
    found = processes.load(server.port, asked, connections, seconds, headers={"Accept": JSON}, warm_up=0.3)
    after = processes.processor_seconds(server.pid)
    if before is not None and after is not None and found["asked"]:
        found["cpu_ms"] = round((after - before) / found["asked"] * 1000, 3)
    return found


def _rate(best: dict[str, dict[str, Any]], name: str) -> float:
    return float(best[name]["requests_per_second"])


# Streaming -------------------------------------------------------------------------------------------------


def streaming(graph: Data, _: float) -> list[Row]:
    """A million rows: the first byte, the whole, and how much the server's processes grow meanwhile."""
    copies = 1 if graph.triples >= ROWS else ROWS // graph.triples + 1
    values = f"VALUES ?n {{ {' '.join(map(str, range(copies)))} }} " if copies > 1 else ""
    query = f"SELECT ?s ?p ?o {{ {values}?s ?p ?o }} LIMIT {ROWS} # MARK"
    rows = []
    for peer in (peers.oxigraph, peers.unitgraph):
        for media_type, coding in (("text/csv", "identity"), (JSON, "identity"), ("text/csv", "gzip")):
            try:
                with peer(graph) as server:
                    row = _streamed(server, target(server, query), media_type, coding)
            except Skipped as error:
                skipped(error)
                continue
            if row:
                rows.append({"triples": graph.triples, "server": server.name, **row})
    return rows


def _streamed(server: Server, path: str, media_type: str, coding: str) -> Row | None:
    """One whole answer, after five of which only the first byte is read; None where the coding is not offered."""
    headers = {"Accept": media_type, "Accept-Encoding": coding}
    first = [_first_byte(server, path.replace("{n}", str(number)), headers) for number in range(6)][1:]
    time.sleep(0.5)
    with processes.Watch(server.pid) as watch:
        started = time.perf_counter()
        connection, response = _get(server, path.replace("{n}", "whole"), headers)
        if response.getheader("Content-Encoding", "identity") != coding:
            connection.close()
            return None
        size = lines = 0
        while part := response.read1(1 << 18):
            size += len(part)
            lines += part.count(b"\n")
        taken = time.perf_counter() - started
        connection.close()
        time.sleep(0.3)
    return {
        "format": media_type.rpartition("/")[2] + (f", {coding}" if coding != "identity" else ""),
        "first byte ms": round(statistics.median(first) * 1000, 1),
        "slowest first byte ms": round(max(first) * 1000, 1),
        "seconds": round(taken, 2),
        "MB": round(size / 1e6, 1),
        "rows": lines - 1 if media_type == "text/csv" and coding == "identity" else "",
        "web processes grow MiB": round(watch.web / MIB, 1),
        "engine grows MiB": round(watch.engine / MIB, 1),
    }


def _get(server: Server, path: str, headers: dict[str, str]) -> tuple[http.client.HTTPConnection, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{server.name} answers {response.status}: {response.read(300)!r}")
    return connection, response


def _first_byte(server: Server, path: str, headers: dict[str, str]) -> float:
    """Seconds to the first byte of the body; then the client leaves."""
    started = time.perf_counter()
    connection, response = _get(server, path, headers)
    response.read1(1)
    taken = time.perf_counter() - started
    connection.close()
    time.sleep(0.1)
    return taken


# Shapes of query -------------------------------------------------------------------------------------------


def twelve_shapes(graph: Data, _: float) -> list[Row]:
    """Twelve queries: in the bare engine, through our endpoint, and in rdflib, which is the unit of the ratios."""
    raw = _engine("pyoxigraph", str(graph.store))
    other = _engine("rdflib", str(graph.file)) if graph.triples <= peers.RDFLIB_TRIPLES else {}
    with peers.unitgraph(graph) as server:
        ours = {shape: _over_http(server, shape) for shape in engines.SHAPES}
    rows = []
    for shape in engines.SHAPES:
        bare, http, slow = raw[shape], ours[shape], other.get(shape)
        counts = {found[1] for found in (bare, http, slow) if found}
        row: Row = {
            "triples": graph.triples,
            "shape": shape,
            "solutions": " or ".join(map(str, sorted(counts))),
            "pyoxigraph ms": bare and bare[0],
            "unitgraph over HTTP ms": http and http[0],
            "HTTP adds ms": bare and http and round(http[0] - bare[0], 2),
        }
        if other:
            row["rdflib ms"] = slow[0] if slow else f"> {engines.BUDGET_SECONDS * 1000:.0f}"
            row["rdflib : pyoxigraph"] = bare and slow and round(slow[0] / bare[0], 1)
            row["rdflib : unitgraph"] = http and slow and round(slow[0] / http[0], 1)
        rows.append(row)
    if not other:
        print(f"  skipped: rdflib holds the graph in memory; up to {peers.RDFLIB_TRIPLES:,} triples", file=sys.stderr)
    return rows


def _engine(name: str, path: str) -> dict[str, Any]:
    command = [sys.executable, str(processes.HERE / "engines.py"), name, path]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def _over_http(server: Server, shape: str) -> tuple[float, int] | None:
    """Like the engines in-process: one connection, the whole answer, never the same text twice."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    accept = "application/n-triples" if engines.SHAPES[shape].startswith("CONSTRUCT") else JSON
    asked = iter(range(1_000_000))

    def ask() -> bytes:
        connection.request("GET", server.path + quote(engines.text(shape, next(asked))), headers={"Accept": accept})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{shape}: {response.status} {body[:200]!r}")
        return body

    taken, body = engines.median_ms(ask)
    connection.close()
    return taken, engines.solutions(body, shape)


# Neighbours of heavy queries -------------------------------------------------------------------------------


def neighbours(graph: Data, seconds: float) -> list[Row]:
    """Small queries of others while one client runs cross products without pause; the server is fresh each time."""
    rows = []
    for peer in (peers.oxigraph, peers.unitgraph):
        for heavy, pause in HEAVY_LOADS if peer is peers.unitgraph else HEAVY_LOADS[:-1]:
            try:
                with peer(graph) as server:
                    row = _beside(server, heavy, pause, seconds)
            except Skipped as error:
                skipped(error)
                break
            rows.append({"triples": graph.triples, "server": server.name, **row})
    return rows


def _beside(server: Server, heavy: int, pause: float, seconds: float) -> Row:
    """What four other clients see before and while `heavy` connections of one other client ask.

    Each of the four asks up to 50 times a second, so that the idle server is really idle. A heavy query that is
    refused is asked again after `pause`.
    """

    def others(seconds: float) -> dict[str, Any]:
        options = {"source": OTHERS, "headers": {"Accept": JSON}, "warm_up": 1, "rest": 0.02, "patience": 20}
        return processes.load(server.port, [target(server, SMALL)], 4, seconds, **options)

    idle = others(seconds)
    wait: Callable[[], dict[str, Any]] = dict
    if heavy:
        options = {"source": HEAVY, "pause": pause, "patience": 60, "leave": True}
        wait = processes.start_load(server.port, [target(server, CROSS_PRODUCT)], heavy, 2 * seconds + 3.5, **options)
        time.sleep(1.5)
    small = others(2 * seconds)
    statuses = wait().get("statuses", {})
    ratio = round(small["p99_ms"] / idle["p99_ms"], 1) if small["p99_ms"] and idle["p99_ms"] else None
    return {
        "heavy queries": heavy,
        "a refused one asks again": ("at once" if pause == 0 else f"after {pause} s") if heavy else "",
        "idle p50 ms": idle["p50_ms"],
        "idle p99 ms": idle["p99_ms"],
        "p50 ms": small["p50_ms"],
        "p99 ms": small["p99_ms"],
        "p99 : idle p99": ratio,
        "answers": small["answers"],
        "failures": small["failures"],
        "heavy ones refused or stopped": sum(n for status, n in statuses.items() if status != "200"),
    }


# Growth ----------------------------------------------------------------------------------------------------


def growth(graphs: Iterator[Data], seconds: float) -> list[Row]:
    """From small to large: what a graph costs to load, to keep and to start, and what a small query costs in it."""
    rows: list[Row] = []
    last: dict[str, float] = {}
    for graph in graphs:
        made, millions = graph.made, graph.triples / 1e6
        with ExitStack() as stack:
            started = time.perf_counter()
            server = stack.enter_context(peers.unitgraph(graph))
            _first_byte(server, target(server, SMALL), {"Accept": JSON})
            start = time.perf_counter() - started
            small = processes.load(
                server.port, [target(server, SMALL)], 1, seconds, headers={"Accept": JSON}, warm_up=0.5
            )
        now = {
            "triples": graph.triples,
            "load": made["load_seconds"],
            "store": made["store_bytes"],
            "start": start,
            "query": small["p50_ms"],
        }
        exponents = {f"exponent: {name}": _exponent(name, last, now) for name in list(now)[1:]}
        last = now
        rows.append(
            {
                "triples": graph.triples,
                "load s": made["load_seconds"],
                "load s per million": round(made["load_seconds"] / millions, 1),
                "N-Quads MB": round(made["file_bytes"] / 1e6, 1),
                "store MB": round(made["store_bytes"] / 1e6, 1),
                "store bytes per triple": round(made["store_bytes"] / graph.triples),
                "load peak MiB": round(made["load_peak_bytes"] / MIB),
                "start to first answer s": round(start, 2),
                "small query p50 ms": small["p50_ms"],
                "small query p99 ms": small["p99_ms"],
                **exponents,
            }
        )
    return rows


def _exponent(name: str, last: dict[str, float], now: dict[str, float]) -> float | None:
    """The exponent of a power law through two sizes; None at the first."""
    if not last or not last[name]:
        return None
    return round(math.log(now[name] / last[name]) / math.log(now["triples"] / last["triples"]), 2)
