"""Hostile requests against a running server: each is answered within its limits, and nobody else is hurt.

`hostile/` holds them, a file each; its README says how they are written. What needs a hand on the
connection (half-sent bodies, slow senders) stands here.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import http.client
import io
import itertools
import json
import random
import re
import socket
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import ALL, ROOT
from pyoxigraph import QueryBoolean, QueryResultsFormat, RdfFormat, parse, parse_query_results
from running import Condition, Running, condition, damage, memory_bytes, serving, until

from unitgraph.release import Release

QUERY_SECONDS, MEMORY_BYTES, RESULT_BYTES = 3, 256 << 20, 32 << 20
SLACK_SECONDS = 8  #: the machine has other things to do as well
AT_ONCE = 4
SEED = 3
SLOW_SENDER_SECONDS = 60  #: a request that is not whole after this long is given up

#: What the tree of processes may take: what it has at rest, one memory limit for each query under way,
#: a fifth of it for what the kernel does not count as data, and 256 MiB for the front.
BOUND_BYTES = AT_ONCE * MEMORY_BYTES * 6 // 5 + (256 << 20)

ATTACKER, READER = "127.0.0.3", "127.0.0.2"
TABLES = ("application/sparql-results+json", "application/sparql-results+xml", "text/csv", "text/tab-separated-values")
GRAPHS = ("text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json")
FORM, QUERY, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
LINE_END = "\u20390D 0A\u203a"  #: as the files write it
ADVICE = re.compile(
    r"\b(use|add|send|shorten|make|try|ask|drop|remove|write|encode|split|give|name|choose|close|end|read-only|join)\b"
    r"|line \d+, column \d+"
)
SMALL = "SELECT ?s { ?s a <https://w3id.org/unitgraph/ns#Unit> } ORDER BY ?s LIMIT 5"


# The cases --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A hostile request: `data` is a query (`.rq`) or a whole request (`.http`)."""

    name: str
    data: bytes = field(repr=False)
    statuses: frozenset[str]
    seconds: float = QUERY_SECONDS
    rows: int | None = None
    accept: str = ""
    send: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def number(self) -> int:
        """Decides how it is sent and which format it asks for, always the same."""
        return zlib.crc32(self.name.encode())


def expand(text: str, trap: str = "", host: str = "") -> bytes:
    """Write out repetitions, bytes and names, as `hostile/README.md` explains them."""
    repetition = re.compile("«([0-9]+)\u00d7([^«»]*)»")
    while repetition.search(text):
        text = repetition.sub(_repeated, text)
    text = text.replace("TRAP", trap).replace("HOST", host)
    parts = re.split("\u2039([0-9A-F ]+)\u203a", text)
    return b"".join(bytes.fromhex(part) if n % 2 else part.encode() for n, part in enumerate(parts))


def _repeated(match: re.Match[str]) -> str:
    count, text = int(match[1]), match[2]
    return "".join(text.replace("№", str(n)) for n in range(1, count + 1)) if "№" in text else text * count


def read_case(path: Path, trap: str, host: str) -> Case:
    """A case from its file."""
    lines = path.read_bytes().decode("utf-8").split("\n")
    header = dict[str, list[str]]()
    while lines and lines[0].startswith("#+ "):
        key, _, value = lines.pop(0)[3:].partition(": ")
        header.setdefault(key, []).append(value)
    assert set(header) <= {"why", "status", "seconds", "rows", "accept", "send", "parameter"}, path
    assert header["why"], path
    text = "\n".join(lines).removesuffix("\n")
    return Case(
        path.stem,
        (request_of(text, trap, host) if path.suffix == ".http" else expand(text, trap, host)),
        frozenset(header["status"][0].split()),
        float(header.get("seconds", [str(QUERY_SECONDS)])[0]),
        int(header["rows"][0]) if "rows" in header else None,
        header.get("accept", [""])[0],
        "raw" if path.suffix == ".http" else header.get("send", [""])[0],
        tuple(tuple(value.replace("TRAP", trap).split(" ", 1)) for value in header.get("parameter", [])),  # type: ignore[misc]
    )


def request_of(text: str, trap: str, host: str) -> bytes:
    """A raw request: lines end in CR LF, chunks end as they should, {LENGTH} is that of the body."""
    head, _, body = text.partition("\n\n")
    if "chunked" in head.lower():
        body = body.rstrip("\n") + "\n\n"
    content = expand(body.replace("\n", LINE_END), trap, host)
    head = head.rstrip("\n").replace("{LENGTH}", str(len(content))).replace("\n", LINE_END)
    return expand(head, trap, host) + b"\r\n\r\n" + content


def chosen() -> list[Path]:
    """All cases, or a third of them, which is always the same."""
    paths = sorted((ROOT / "tests" / "hostile").glob("*.*"))
    paths = [path for path in paths if path.suffix in (".rq", ".http")]
    return paths if ALL else sorted(random.Random(SEED).sample(paths, len(paths) // 3))


# Sending one, and judging the answer ----------------------------------------------------------------------------


@dataclass
class Answer:
    """`status` "closed" where the connection ended without one; `whole` is False for a broken transfer."""

    status: str
    headers: http.client.HTTPMessage | None = None
    body: bytes = b""
    whole: bool = True
    late: bool = False
    more: bytes = b""


def connect(running: Running, source: str = ATTACKER, seconds: float = 30) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), seconds, (source, 0))


def ask(running: Running, case: Case) -> Answer:
    """Send a case as its file or its number says."""
    if case.send == "raw":
        return raw(running, case.data, case.seconds + SLACK_SECONDS)
    way = case.send or ("get", "form", "direct")[case.number % 3]
    extra = urllib.parse.urlencode(case.parameters)
    name = "update" if way.startswith("update") else "query"
    pair = f"{name}={urllib.parse.quote_from_bytes(case.data)}"
    if way == "get" and len(pair) > 7_000:
        way = "form"
    accept = case.accept or f"{TABLES[case.number % 4]}, {GRAPHS[case.number // 4 % 4]}"
    coding = "gzip" if case.number // 16 % 4 == 0 else "identity"
    lines = [f"Host: localhost:{running.port}", f"Accept: {accept}", f"Accept-Encoding: {coding}", "Connection: close"]
    if way in ("get", "update-get"):
        start, body = f"GET /sparql?{pair}&{extra}", b""
    else:
        direct = way.endswith("direct")
        kind, body = (UPDATE if name == "update" else QUERY, case.data) if direct else (FORM, pair.encode())
        start = f"POST /sparql?{extra}" if extra else "POST /sparql"
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([start.rstrip("&") + " HTTP/1.1", *lines, "", ""])
    return raw(running, head.encode() + body, case.seconds + SLACK_SECONDS)


def raw(running: Running, data: bytes, seconds: float) -> Answer:
    """Send bytes, read one answer and what follows it."""
    deadline = time.monotonic() + seconds
    with connect(running, seconds=seconds) as connection:
        with contextlib.suppress(ConnectionError):  # a server may refuse before it has read everything
            connection.sendall(data)
        answer = http.client.HTTPResponse(connection, method=data.split(b" ", 1)[0].decode("latin-1").upper())
        try:
            answer.begin()
        except TimeoutError:
            return Answer("", late=True)
        except (ConnectionError, http.client.HTTPException):
            return Answer("closed")
        found = Answer(str(answer.status), answer.headers)
        body = io.BytesIO()
        try:
            while part := answer.read(65_536):
                body.write(part)
                if time.monotonic() > deadline:
                    found.late = True
                    break
            found.whole = answer.length in (None, 0)
        except TimeoutError:
            found.late = True
        except (ConnectionError, http.client.HTTPException):
            found.whole = False
        found.body = body.getvalue()
        if found.whole and not found.late:
            connection.settimeout(1)
            with contextlib.suppress(OSError):
                found.more = connection.recv(4_096)
    return found


def faults_of(case: Case, answer: Answer) -> Iterator[str]:
    """What is wrong with an answer, a sentence each."""
    if answer.late:
        yield f"not ended after {case.seconds + SLACK_SECONDS:g} s"
        return
    if answer.status not in case.statuses:
        told = answer.body[:200].decode("utf-8", "replace")
        yield f"status {answer.status}, where {' or '.join(sorted(case.statuses))} is allowed: {told}"
        return
    if answer.more:
        yield f"a second answer, or bytes after the end: {answer.more[:80]!r}"
    if case.data.startswith(b"HEAD "):
        if answer.body:
            yield f"an answer to HEAD that has a body: {answer.body[:80]!r}"
        return
    if answer.headers is None or not answer.whole:
        if answer.status not in ("200", "closed"):
            yield f"an error with status {answer.status} that broke off"
        return
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.status == "200":
        try:
            rows = rows_of(kind, decoded(answer))
        except (ValueError, SyntaxError, EOFError, zlib.error) as error:
            yield f"a 200 that ended cleanly and is no {kind}: {error}; it ends in {answer.body[-80:]!r}"
            return
        if case.rows is not None and rows != case.rows:
            yield f"{rows} rows where {case.rows} are right"
    elif answer.status[0] in "45" and (case.send != "raw" or kind == "application/problem+json"):
        yield from faults_of_problem(answer, kind)


def faults_of_problem(answer: Answer, kind: str) -> Iterator[str]:
    """Whether an error is told as it should be (RFC 9457 §3), with a sentence that says what to do."""
    if kind == "text/html":
        if b"<script>" in answer.body.lower():
            yield "markup of the query is markup of the page"
        return
    if kind != "application/problem+json":
        yield f"an error of type {kind or 'none'}, not a problem document: {answer.body[:100]!r}"
        return
    told = json.loads(answer.body)
    if str(told.get("status")) != answer.status or not told.get("title"):
        yield f"a problem document with status {told.get('status')} and title {told.get('title')}"
    if answer.status != "404" and not ADVICE.search(told.get("detail", "")):
        yield f"a problem that does not say what to do: {told.get('detail')!r}"
    if re.search(r"Traceback|\.py\b|/site-packages|panicked", answer.body.decode()):
        yield f"inner workings are shown: {told.get('detail')!r}"
    if answer.headers is not None and answer.headers.get("Access-Control-Allow-Origin") != "*":
        yield "an error that browsers of other sites may not read"


def decoded(answer: Answer) -> bytes:
    if answer.headers is not None and answer.headers.get("Content-Encoding") == "gzip":
        return gzip.decompress(answer.body)
    return answer.body


def rows_of(kind: str, body: bytes) -> int | None:
    """How many solutions or triples an answer holds; None for an ASK and for what is neither.

    Raises:
        ValueError, SyntaxError, EOFError: it is not of its kind.
    """
    if kind == "text/csv":
        lines = list(csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True))
        if len({max(len(line), 1) for line in lines}) > 1:  # an empty line is a row of one empty field
            raise ValueError("lines of different lengths")
        return len(lines) - 1
    if found := QueryResultsFormat.from_media_type(kind):
        results = parse_query_results(body, format=found)
        return None if isinstance(results, QueryBoolean) else sum(1 for _ in results)
    if rdf := RdfFormat.from_media_type(kind):
        return sum(1 for _ in parse(body, format=rdf, base_iri="http://localhost/"))
    if kind in ("application/json", "application/problem+json"):
        json.loads(body)
    return None


# What watches ------------------------------------------------------------------------------------------------


@dataclass
class Trap:
    """A TCP and a UDP socket on one port of loopback that nobody should ever speak to."""

    tcp: socket.socket
    udp: socket.socket

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.tcp.getsockname()[1]}"

    def caught(self) -> list[str]:
        found = []
        for trap, listen in ((self.tcp, self.tcp.accept), (self.udp, lambda: self.udp.recvfrom(2_000))):
            trap.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                found.append(f"{trap.type.name} from {listen()[1]}")
        return found


@contextlib.contextmanager
def trapping() -> Iterator[Trap]:
    while True:
        tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
            break
        except OSError:
            tcp.close()
            udp.close()
    with tcp, udp:
        yield Trap(tcp, udp)


class Watch(threading.Thread):
    """Samples something again and again until the end of its block."""

    def __init__(self, look: Callable[[], object], pause_seconds: float) -> None:
        super().__init__(daemon=True)
        self.look, self.pause_seconds = look, pause_seconds
        self.seen: list[object] = []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(self.pause_seconds):
            self.seen.append(self.look())

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join(60)


def small(running: Running) -> str:
    """What another reader gets meanwhile: "" if a small query is answered, else what happened."""
    query = urllib.parse.quote(SMALL)
    head = f"GET /sparql?query={query} HTTP/1.1\r\nHost: localhost\r\nAccept: {TABLES[0]}\r\nConnection: close\r\n\r\n"
    started = time.monotonic()
    try:
        with connect(running, READER, seconds=15) as connection:
            connection.sendall(head.encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            body = answer.read()
            if answer.status != 200 or len(json.loads(body)["results"]["bindings"]) != 5:
                return f"{answer.status} {body[:200].decode('utf-8', 'replace')}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{error!r} after {time.monotonic() - started:.1f} s"
    return ""


@pytest.fixture(scope="module")
def server(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = {"query_seconds": QUERY_SECONDS, "query_memory_bytes": MEMORY_BYTES, "query_result_bytes": RESULT_BYTES}
    cache = tmp_path_factory.mktemp("hostile")
    with serving(cache, str(release.folder.parent), **limits) as running:
        assert until(lambda: not small(running))
        yield running


@pytest.fixture(scope="module")
def at_rest(server: Running) -> Condition:
    """How the server was before anything hostile was asked of it."""
    return condition(server)


def answers(running: Running) -> list[bytes]:
    """What the endpoint says to a few questions, to compare it before and after."""
    texts = (
        "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g ORDER BY ?g",
        "SELECT ?s ?label { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?label } ORDER BY ?s ?label",
        "ASK { <urn:a> <urn:b> <urn:c> }",
    )
    found = [running.get(f"sparql?query={urllib.parse.quote(text)}", TABLES[0]) for text in texts]
    assert [status for status, _, _ in found] == [200] * len(texts)
    return [body for _, _, body in found]


def tracebacks(log: str) -> list[str]:
    """The last line of each traceback in the log, but for streams that broke off: these may be told so."""
    found = re.findall(r"^Traceback .*\n(?:[ \t]+.*\n|\n)*(\S.*)$(?!\n\n[TD])", log, re.MULTILINE)
    return [f"a traceback in the log: {line[:200]}" for line in found if "QueryFailed" not in line]


# The tests ---------------------------------------------------------------------------------------------------


def test_the_folder_holds_at_least_120_hostile_requests() -> None:
    cases = [read_case(path, "127.0.0.1:9", "localhost") for path in (ROOT / "tests" / "hostile").glob("*.[rh]*")]
    assert len(cases) >= 120
    assert all(status == "closed" or 200 <= int(status) < 600 for case in cases for status in case.statuses)
    assert not any(status.startswith("500") for case in cases for status in case.statuses)


def test_a_case_is_written_out_as_the_readme_explains() -> None:
    row = next(
        line for line in (ROOT / "tests/hostile/README.md").read_text("utf-8").splitlines() if "a1 a2 a3" in line
    )
    written, meant = re.findall("`([^`]*)`", row)[:2]
    assert expand(written) == meant.encode()
    assert expand("\u2039ED A0 80\u203a TRAP", "there:9") == b"\xed\xa0\x80 there:9"
    case = read_case(ROOT / "tests/hostile/http-method-query.http", "there:9", "here:8")
    assert case.data.startswith(b"QUERY /sparql HTTP/1.1\r\nHost: here:8\r\n")
    assert case.data.endswith(b"\r\n\r\nASK {}")


def test_hostile_requests_are_answered_within_their_limits_and_hurt_nobody(server: Running, at_rest: Condition) -> None:
    said = answers(server)
    memory_at_rest = memory_bytes(server.process.pid)
    faults: list[str] = []

    def judge(case: Case) -> None:
        faults.extend(f"{case.name}: {fault}" for fault in faults_of(case, ask(server, case)))

    with (
        trapping() as trap,
        Watch(lambda: memory_bytes(server.process.pid), 0.3) as memory,
        Watch(lambda: small(server), 0.3) as others,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        cases = [read_case(path, trap.address, f"localhost:{server.port}") for path in chosen()]
        list(pool.map(judge, cases))
        faults += [f"the trap caught a connection: {caught}" for caught in trap.caught()]
    faults += [f"a small query of another reader: {told}" for told in others.seen if told]
    most = max(int(str(size)) for size in memory.seen) - memory_at_rest
    print(f"{len(cases)} requests, {len(others.seen)} small queries beside them, {most >> 20} MiB more than at rest")
    if most > BOUND_BYTES:
        faults.append(f"{most >> 20} MiB more than at rest, over {BOUND_BYTES >> 20} MiB")
    faults += damage(server, at_rest)
    if answers(server) != said:
        faults.append("the endpoint does not answer as before")
    faults += tracebacks(server.log.read_text())
    assert not faults, "\n".join(["", *faults])


# With a hand on the connection ------------------------------------------------------------------------------------

HEAD = b"POST /sparql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sparql-query\r\n"
CROSS = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def statuses(connection: socket.socket, seconds: float) -> list[str]:
    """The statuses of all answers on a connection until it ends or is silent for so long."""
    data = b""
    connection.settimeout(seconds)
    with contextlib.suppress(OSError):
        while part := connection.recv(65_536):
            data += part
    return [found.decode() for found in re.findall(rb"HTTP/1\.[01] ([0-9]{3})", data)]


def half_a_body(connection: socket.socket) -> list[str]:
    """A body that ends, with the connection half closed, before its length."""
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nSELECT * {")
    connection.shutdown(socket.SHUT_WR)
    return statuses(connection, 20)


def half_a_head(connection: socket.socket) -> list[str]:
    connection.sendall(HEAD[:30])
    connection.shutdown(socket.SHUT_WR)
    return statuses(connection, 20)


def half_a_chunk(connection: socket.socket) -> list[str]:
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nASK {}")
    connection.shutdown(socket.SHUT_WR)
    return statuses(connection, 20)


def gzip_bomb(connection: socket.socket) -> list[str]:
    """100 MB of spaces that are 100 kB on the way."""
    body = gzip.compress(b"ASK {}" + b" " * 100_000_000)
    connection.sendall(HEAD + b"Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body))
    with contextlib.suppress(ConnectionError):
        connection.sendall(body)
    return statuses(connection, 20)


def gzip_bomb_in_gzip(connection: socket.socket) -> list[str]:
    body = gzip.compress(gzip.compress(b" " * 100_000_000))
    coding = b"Content-Encoding: gzip, gzip\r\n"
    connection.sendall(HEAD + b"Connection: close\r\n%sContent-Length: %d\r\n\r\n" % (coding, len(body)) + body)
    return statuses(connection, 20)


def too_long_a_body(connection: socket.socket) -> list[str]:
    """4 MB that keep coming after the refusal."""
    connection.sendall(HEAD + b"Connection: close\r\nContent-Length: 4000000\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(400):
            connection.sendall(b" " * 10_000)
    return statuses(connection, 20)


def expectation_of_too_much(connection: socket.socket) -> list[str]:
    """Asks first whether it may send a gigabyte; whatever comes first, the refusal does not wait for it."""
    connection.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n")
    return statuses(connection, 20)


def update_behind_a_query(connection: socket.socket) -> list[str]:
    """Two requests at once: each is judged on its own."""
    update = b"POST /sparql HTTP/1.1\r\nHost: a\r\nContent-Type: application/sparql-update\r\nConnection: close\r\n"
    connection.sendall(HEAD + b"Content-Length: 6\r\n\r\nASK {}" + update + b"Content-Length: 9\r\n\r\nCLEAR ALL")
    return statuses(connection, 20)


def twenty_requests_at_once(connection: socket.socket) -> list[str]:
    connection.sendall(b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: localhost\r\n\r\n" * 19)
    connection.sendall(b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return statuses(connection, 20)


def heavy_then_small_at_once(connection: socket.socket) -> list[str]:
    """The second answer waits for the first, which ends at its limit."""
    query = urllib.parse.quote(CROSS + " ORDER BY ?a").encode()
    connection.sendall(b"GET /sparql?query=%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % query)
    connection.sendall(b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return statuses(connection, 20)


def smuggled_request(connection: socket.socket) -> list[str]:
    """Length and chunks disagree: what a proxy takes for a body must not be answered as a request."""
    inner = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % (len(inner) + 5)
    connection.sendall(head + b"0\r\n\r\n" + inner)
    return statuses(connection, 3)


def nothing_but_line_ends(connection: socket.socket) -> list[str]:
    with contextlib.suppress(OSError):
        connection.sendall(b"\r\n" * 50_000)
        connection.shutdown(socket.SHUT_WR)
    return statuses(connection, 20)


def tls_hello(connection: socket.socket) -> list[str]:
    connection.sendall(bytes.fromhex("16030100c8010000c40303") + bytes(range(200)))
    connection.shutdown(socket.SHUT_WR)
    return statuses(connection, 20)


def noise(connection: socket.socket) -> list[str]:
    with contextlib.suppress(OSError):
        connection.sendall(random.Random(SEED).randbytes(200_000))
        connection.shutdown(socket.SHUT_WR)
    return statuses(connection, 20)


#: Which series of statuses is allowed; an empty one is a connection that is closed without an answer.
BY_HAND: tuple[tuple[Callable[[socket.socket], list[str]], str], ...] = (
    (half_a_body, "|400|408"),
    (half_a_head, "|400|408"),
    (half_a_chunk, "|400|408"),
    (gzip_bomb, "|400|413|415"),
    (gzip_bomb_in_gzip, "400|413|415"),
    (too_long_a_body, "|403|413"),
    (expectation_of_too_much, "|403|413|417|100 403|100 413"),
    (update_behind_a_query, "200 403"),
    (twenty_requests_at_once, " ".join(["200"] * 20)),
    (heavy_then_small_at_once, "503 200"),
    (smuggled_request, "|400|501"),
    (nothing_but_line_ends, "|400|408"),
    (tls_hello, "|400"),
    (noise, "|400|414|431|505"),
)


@pytest.mark.parametrize(("act", "allowed"), BY_HAND, ids=[act.__name__ for act, _ in BY_HAND])
def test_a_connection_in_bad_hands_is_answered_or_closed(
    server: Running, act: Callable[[socket.socket], list[str]], allowed: str
) -> None:
    before = len(server.log.read_text())
    with connect(server) as connection:
        assert " ".join(act(connection)) in allowed.split("|")
        with contextlib.suppress(ConnectionError):
            connection.settimeout(10)
            assert connection.recv(1) == b""  # it is closed, and not left open
    assert not tracebacks(server.log.read_text()[before:])
    assert small(server) == ""


def first_fault(running: Running, count: int) -> str:
    """Ask so many small queries; what happened to the first that was not answered, or ""."""
    return next((told for told in (small(running) for _ in range(count)) if told), "")


def trickle(connections: list[socket.socket], ended: threading.Event) -> None:
    """A byte a second into each."""
    while not ended.wait(1):
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.send(b"x")


def closed(connections: list[socket.socket]) -> int:
    """How many of them the server has closed."""
    count = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            while data := connection.recv(65_536):
                assert data
            count += 1
        except BlockingIOError:
            pass
        except OSError:
            count += 1
    return count


def test_slow_senders_keep_nobody_out_and_are_given_up(server: Running, at_rest: Condition) -> None:
    """320 of them, more than there are threads, were there one for each; half in the head, half in the body."""
    ended = threading.Event()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server)) for _ in range(320)]
        for connection, slow_in_head in zip(connections, itertools.cycle((True, False)), strict=False):
            connection.sendall(HEAD + (b"X: " if slow_in_head else b"Content-Length: 60000\r\n\r\n"))
        slow = threading.Thread(target=trickle, args=(connections, ended))
        slow.start()
        try:
            told = first_fault(server, 10)
            given_up = not ALL or until(lambda: closed(connections) == len(connections), SLOW_SENDER_SECONDS)
            left = len(connections) - closed(connections)
        finally:
            ended.set()
            slow.join()
    assert told == ""
    assert given_up, f"{left} slow senders are still waited for after {SLOW_SENDER_SECONDS} s"
    assert not damage(server, at_rest)


def test_slow_readers_keep_nobody_out(server: Running, at_rest: Condition) -> None:
    """64 clients ask for a long answer and do not read it."""
    query = urllib.parse.quote(CROSS).encode()
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            connection = stack.enter_context(connect(server))
            connection.sendall(b"GET /sparql?query=%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n" % query)
        told = first_fault(server, 20)
    assert told == ""
    assert not damage(server, at_rest)


def test_connections_that_say_nothing_keep_nobody_out(server: Running, at_rest: Condition) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connect(server))
        told = first_fault(server, 10)
    assert told == ""
    assert not damage(server, at_rest)


def test_clients_that_break_off_in_the_middle_leave_nothing_behind(server: Running, at_rest: Condition) -> None:
    query = urllib.parse.quote(CROSS).encode()
    for number in range(40):
        with connect(server) as connection:
            connection.sendall(b"GET /sparql?query=%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n" % query)
            if number % 2:
                connection.recv(1_000)
            if number % 4 < 2:  # the connection is reset, not ended
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert not damage(server, at_rest)
    assert small(server) == ""
