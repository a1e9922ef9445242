"""SPARQL over a release, within limits: every query has a process to itself, which may be killed.

A broker process, single-threaded and without an open store, forks workers ahead and hands each connection
to an idle one. A worker has no network, takes its memory and time limits from the kernel, opens the store
read-only, evaluates the query and writes the answer as frames into the connection. So no query can outlive
its time, take the memory of another or speak to another host, and none can end the server.

    request   a frame of JSON: store, query, formats, data set, time limit, bindings
    answer    a frame of JSON (form and media type, or an error), frames of bytes, an empty frame
    frame     four bytes of length, big-endian, then that many bytes
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from pyoxigraph import (
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Variable,
    parse,
)

from unitgraph import formats, queries
from unitgraph.answers import Graph, Term
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
from unitgraph.settings import Settings

CHUNK_BYTES = 65_536
QUEUE_LENGTH = 64
GRACE_SECONDS = 0.25  #: a query may use a processor for this long and still count as short
SLOW_SECONDS = 2.0  #: and may be under way for this long: its client may be a slow reader
LEAVING_SECONDS = 0.02  #: between a client's leaving and the end of its query
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000

_ESCAPE = r"\\(?:[tbnrf\"'\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})"
_TOKENS = re.compile(
    rf"""(?P<skip>\s+|\#[^\n\r]*
       |\"{{3}}(?:[^"\\]|{_ESCAPE}|"(?!""))*\"{{3}}|'{{3}}(?:[^'\\]|{_ESCAPE}|'(?!''))*'{{3}}
       |"(?!"")(?:[^"\\\n\r]|{_ESCAPE})*"|'(?!'')(?:[^'\\\n\r]|{_ESCAPE})*'
       |[?$]\w+|@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*)
      |(?P<iri><[^<>"{{}}|^`\\\s]*>)
      |(?P<name>(?:[^\W\d][\w.-]{{0,80}})?:(?:[\w:%\\][\w:.%\\-]*)?)|(?P<word>[^\W\d]\w*)
      |(?P<open>[{{(\[])|(?P<close>[}})\]])|(?P<quote>["'])|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ABSOLUTE = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*://")
UPDATES = {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"}
FORMS = {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}


@dataclass(frozen=True)
class Stream:
    """An answer on its way: `form` of the query, `media_type`, and the bytes as they come.

    Close `chunks` to end the query early. A failure after the first byte is raised by the iterator.
    """

    form: str
    media_type: str
    chunks: Iterator[bytes] = field(repr=False)


@dataclass(frozen=True)
class Outline:
    """What a look at a query's tokens tells: its first verb, whether it names a data set or a service.

    `open_string` is where a string begins that is not closed, or None.
    """

    verb: str
    depth: int
    has_dataset: bool
    has_service: bool
    open_string: int | None = None


def outline(text: str) -> Outline:
    """Look at the tokens of a query without parsing it, in time linear to its length.

    SERVICE is seen wherever the engine might see it. Its parser asks for no white space around a keyword, so
    every keyword and every prefix that contains the word counts; and `?a<2)#>` is a comparison and a comment
    to it, an IRI to us, so after such an IRI the word counts wherever it stands.

    >>> outline("SELECT * { SERVICE <http://a/> { ?s ?p 'SERVICE' } }").has_service
    True
    """
    verb, depth, deepest, service, doubtful = "", 0, 0, False, False
    words, open_string = set(), None
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            depth += 1
            deepest = max(deepest, depth)
        elif kind == "close":
            depth -= 1
        elif kind == "word":
            word = match.group().upper()
            words.add(word)
            service = service or "SERVICE" in word
            if not verb and word in UPDATES | FORMS:
                verb = word
        elif kind == "name":
            service = service or "SERVICE" in match.group().partition(":")[0].upper()
        elif kind == "iri":
            iri = match.group()
            doubtful = doubtful or (not _ABSOLUTE.match(iri) and any(mark in iri for mark in "#)'"))
        elif kind == "quote":
            open_string = match.start()
            break
    service = service or (doubtful and "SERVICE" in text.upper())
    return Outline(verb, deepest, "FROM" in words, service, open_string)


def guard(text: str, settings: Settings) -> Outline:
    """Refuse what this endpoint does not run, with a readable reason.

    Raises:
        QueryRefused: an update, SERVICE, or a query over a stated limit.
        QuerySyntaxError: a string that is not closed.
    """
    if len(text) > settings.query_characters:
        message = f"the query has {len(text):,} characters; the limit here is {settings.query_characters:,}"
        raise QueryRefused(f"{message}; shorten its VALUES or use the dumps")
    seen = outline(text)
    if seen.verb in UPDATES:
        raise QueryRefused(f"{seen.verb} is an update; this endpoint is read-only, the data change by releases")
    if seen.has_service:
        raise QueryRefused("SERVICE is not run here; ask the other endpoint itself and join the answers")
    if seen.depth > settings.query_depth:
        raise QueryRefused(f"brackets are {seen.depth} deep; the limit here is {settings.query_depth}")
    if seen.open_string is not None:
        before = text[: seen.open_string]
        message = "not SPARQL: the string that begins here is not closed, or has an escape that is none"
        raise QuerySyntaxError(message, before.count("\n") + 1, seen.open_string - before.rfind("\n"))
    return seen


class Engine:
    """The client's end: asks the broker behind a socket. Safe to share between threads and processes."""

    def __init__(self, address: str, settings: Settings) -> None:
        self.address, self.settings = address, settings

    def ask(
        self,
        release_folder: Path,
        text: str,
        *,
        solutions_format: str | None,
        graph_format: str | None,
        default_graphs: tuple[str, ...] = (),
        named_graphs: tuple[str, ...] = (),
        timeout_seconds: float | None = None,
        substitutions: Mapping[str, Term] | None = None,
    ) -> Stream:
        """Evaluate a query over a release; the answer comes in the format that fits its form.

        Args:
            solutions_format: media type for SELECT and ASK; None if the client accepts none of them.
            graph_format: media type for CONSTRUCT and DESCRIBE, likewise.
            default_graphs, named_graphs: the data set of the request (SPARQL 1.1 Protocol §2.1.4), which
                wins over FROM; with neither, the default graph is the union of all graphs.
            substitutions: terms for variables, bound and never pasted.

        Raises:
            QuerySyntaxError, QueryRefused, NotAcceptable: the request's fault.
            QueryTimeout, QueryTooLarge, QueryFailed, EngineUnavailable: the engine gave up.
        """
        seen = guard(text, self.settings)
        seconds = min(timeout_seconds or self.settings.query_seconds, self.settings.query_seconds)
        request = {
            "store": str(release_folder / "store"),
            "query": text,
            "solutions": solutions_format,
            "graph": graph_format,
            "default": default_graphs,
            "named": named_graphs,
            "union": not (default_graphs or named_graphs or seen.has_dataset),
            "seconds": seconds,
            "bind": {name: str(value) for name, value in (substitutions or {}).items()},
        }
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(seconds + 10)
            connection.connect(self.address)
            _send(connection, json.dumps(request).encode())
            head = json.loads(_receive(connection))
        except (OSError, EOFError, ValueError) as error:
            connection.close()
            raise EngineUnavailable("the query engine does not answer; try again in a few seconds") from error
        if "error" in head:
            connection.close()
            raise _error(head, seconds)
        return Stream(head["form"], head["media_type"], _Chunks(connection))


class Broker:
    """Starts the broker process and ends it: `with Broker(settings) as engine: …`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._folder = tempfile.mkdtemp(prefix="unitgraph-")
        self.address = str(Path(self._folder) / "engine")
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping, self._lock = threading.Event(), threading.Lock()

    def start(self) -> Engine:
        """Start the broker and wait until it listens; should it ever die, start it again.

        Raises:
            EngineUnavailable: it did not start.
        """
        self._process = self._spawn()
        for _ in range(1_000):
            if Path(self.address).exists():
                threading.Thread(target=self._keep, daemon=True).start()
                return Engine(self.address, self.settings)
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise EngineUnavailable("the query engine did not start")

    def _spawn(self) -> subprocess.Popen[bytes]:
        values = {
            name: value for name, value in asdict(self.settings).items() if name.startswith(("query_", "concurrent"))
        }
        command = [sys.executable, "-m", "unitgraph.engine", self.address, json.dumps(values)]
        return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  our own module

    def _keep(self) -> None:
        """Put another broker in the place of one that died."""
        while not self._stopping.wait(0.2):
            process = self._process
            if process is None or process.poll() is None:
                continue
            with self._lock:
                if not self._stopping.is_set():
                    print("the query engine died and is started again", file=sys.stderr, flush=True)
                    process.stdin.close()  # type: ignore[union-attr]
                    self._process = self._spawn()

    def stop(self) -> None:
        """End the broker and its workers."""
        with self._lock:
            self._stopping.set()
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()  # type: ignore[union-attr]
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Engine:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


# Frames ------------------------------------------------------------------------------------------------------


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(struct.pack(">I", len(data)) + data)


def _receive(connection: socket.socket) -> bytes:
    length = struct.unpack(">I", _exactly(connection, 4))[0]
    return _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = connection.recv(min(count, CHUNK_BYTES))
        if not part:
            raise EOFError("the connection ended inside a frame")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class _Chunks(Iterator[bytes]):
    """The frames of an answer. The connection is closed at the end, by `close`, and when nobody holds it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def __next__(self) -> bytes:
        if self.connection.fileno() < 0:
            raise StopIteration
        try:
            chunk = _receive(self.connection)
        except (OSError, EOFError) as error:
            self.close()
            raise QueryFailed("the answer broke off: a limit was reached while it was being sent") from error
        if not chunk:
            self.close()
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Leave; the broker ends the query."""
        self.connection.close()

    __del__ = close


def _error(head: Mapping[str, Any], seconds: float) -> UnitgraphError:
    message = str(head.get("message", ""))
    match head["error"]:
        case "syntax":
            return QuerySyntaxError(message, head.get("line"), head.get("column"))
        case "refused":
            return QueryRefused(message)
        case "format":
            return NotAcceptable(tuple(head["offered"]))
        case "timeout":
            return QueryTimeout(seconds)
        case "memory":
            return QueryTooLarge(message)
        case "busy":
            return EngineUnavailable(message)
    return QueryFailed(message or "the engine gave up on this query; make it simpler")


# The broker's process ----------------------------------------------------------------------------------------


@dataclass
class _Worker:
    """A forked process: `control` speaks to it, `connection` is the client it answers, if any."""

    control: socket.socket
    started_answer: mmap.mmap
    connection: socket.socket | None = None
    since: float = 0.0
    cpu_before: float = 0.0
    demoted: bool = False
    left_since: float | None = None
    stopped_as_heavy: bool = False


class _Loop:
    """The broker: forks workers ahead, hands them connections, watches the clock, ends with its parent.

    A worker that is busy for longer than a short grace is demoted: it goes on, but no longer counts as one of
    the pool, and a fresh worker takes its place. So long queries cannot use up the places of short ones. There
    may be `concurrent_queries` demoted ones; one more is stopped.
    """

    def __init__(self, address: str, settings: Settings) -> None:
        self.settings = settings
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{address}.new")
        self.listener.listen(128)
        Path(f"{address}.new").rename(address)  # whoever sees the name can connect
        self.workers: dict[int, _Worker] = {}
        self.waiting: deque[socket.socket] = deque()
        self.wake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def run(self) -> None:
        """Serve until standard input ends, which it does when the parent ends, however it ends."""
        while True:
            self._fill()
            self._dispatch()
            poll = select.poll()
            for source in (self.listener, self.wake, sys.stdin):
                poll.register(source, select.POLLIN)
            by_number: dict[int, int] = {}
            for pid, worker in self.workers.items():
                if worker.demoted and worker.connection is None:
                    continue  # it is ending itself
                by_number[worker.control.fileno()] = pid
                poll.register(worker.control, select.POLLIN)
                if worker.connection is not None and worker.left_since is None:
                    by_number[worker.connection.fileno()] = pid
                    poll.register(worker.connection, 0)  # only that the client left
            for number, _ in poll.poll(self._milliseconds()):
                if number == sys.stdin.fileno():
                    for pid in self.workers:
                        os.kill(pid, signal.SIGKILL)
                    return
                if number == self.listener.fileno():
                    self._accept()
                elif number == self.wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
                elif number in by_number:
                    self._hear(by_number[number], number)
            self._reap()
            self._watch()

    def _milliseconds(self) -> int:
        """How long nothing can happen that is only a matter of time."""
        busy = [w for w in self.workers.values() if w.connection is not None and not w.demoted]
        return 10 if any(w.left_since for w in self.workers.values()) else 50 if busy else 1_000

    def _hear(self, pid: int, number: int) -> None:
        """A worker says that it is done, or a client has left."""
        worker = self.workers[pid]
        if number != worker.control.fileno():
            worker.left_since = time.monotonic()
            return
        with contextlib.suppress(OSError):  # it died, and will be reaped
            if worker.control.recv(1) and worker.connection is not None:
                worker.connection.close()
                worker.connection, worker.left_since = None, None
                if worker.demoted:
                    worker.control.shutdown(socket.SHUT_WR)  # its place is taken; it ends itself

    def _watch(self) -> None:
        """End the queries of clients that left, demote long ones, stop the one that is too many."""
        now = time.monotonic()
        demoted = sum(worker.demoted for worker in self.workers.values())
        for pid, worker in self.workers.items():
            if worker.connection is None:
                continue
            if worker.left_since is not None and now - worker.left_since > LEAVING_SECONDS:
                os.kill(pid, signal.SIGKILL)
            elif not worker.demoted and now - worker.since > GRACE_SECONDS:
                if demoted >= self.settings.concurrent_queries:
                    busy = _cpu_seconds(pid, now) - worker.cpu_before > GRACE_SECONDS
                    slow_reader = worker.started_answer[0] and now - worker.since > SLOW_SECONDS
                    if not busy and not slow_reader:
                        continue  # it has only waited for a processor
                    worker.stopped_as_heavy = busy
                    if busy:
                        os.kill(pid, signal.SIGKILL)
                worker.demoted = True
                demoted += 1
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, pid, 19)

    def _fill(self) -> None:
        while sum(not worker.demoted for worker in self.workers.values()) < self.settings.query_workers:
            self._fork()

    def _dispatch(self) -> None:
        idle = ((pid, w) for pid, w in self.workers.items() if w.connection is None and not w.demoted)
        while self.waiting and (found := next(idle, None)):
            pid, worker = found
            connection = self.waiting.popleft()
            worker.started_answer[0] = 0
            try:
                socket.send_fds(worker.control, [b"q"], [connection.fileno()])
            except OSError:
                self.waiting.appendleft(connection)  # this worker is dead, and will be reaped
                continue
            worker.connection, worker.since, worker.left_since = connection, time.monotonic(), None
            worker.cpu_before = _cpu_seconds(pid, worker.since)

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        if len(self.waiting) >= QUEUE_LENGTH:
            self._tell(connection, "busy", f"{QUEUE_LENGTH} queries are waiting; try again in a few seconds")
            connection.close()
        else:
            self.waiting.append(connection)

    def _fork(self) -> None:
        started = mmap.mmap(-1, 1)
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                signal.set_wakeup_fd(-1)
                for other in (self.listener, ours, *self.waiting):
                    other.close()
                for worker in self.workers.values():
                    worker.control.close()
                    if worker.connection is not None:
                        worker.connection.close()
                _serve(theirs, started, self.settings)
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        self.workers[pid] = _Worker(ours, started)

    def _reap(self) -> None:
        while self.workers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if worker := self.workers.pop(pid, None):
                if worker.connection is not None:
                    if worker.started_answer[0] == 0:
                        self._explain(worker, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
                    worker.connection.close()
                worker.control.close()
                worker.started_answer.close()

    def _explain(self, worker: _Worker, number: int) -> None:
        """Tell the client of a worker that died before its first byte why it did."""
        assert worker.connection is not None
        if worker.stopped_as_heavy:
            message = f"{self.settings.concurrent_queries} long queries are running; try again later, or use the dumps"
            self._tell(worker.connection, "busy", message)
        elif number == signal.SIGALRM:
            self._tell(worker.connection, "timeout", "")
        elif number == signal.SIGABRT:
            limit = f"{self.settings.query_memory_bytes >> 20} MiB of memory"
            message = f"the query took more than {limit}; add a LIMIT, or drop ORDER BY or DISTINCT"
            self._tell(worker.connection, "memory", message)
        else:
            self._tell(worker.connection, "failed", "the engine gave up on this query; make it simpler")

    @staticmethod
    def _tell(connection: socket.socket, error: str, message: str) -> None:
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            _send(connection, json.dumps({"error": error, "message": message}).encode())


def _cpu_seconds(pid: int, now: float) -> float:
    """Processor time that a process has used; where the system does not tell, the clock."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()
    except OSError:
        return now
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# The worker's process ----------------------------------------------------------------------------------------


class _Frames:
    """A file to write to; what is written leaves as frames. Its first frame is the head."""

    def __init__(self, connection: socket.socket, started: mmap.mmap, limit_bytes: int) -> None:
        self.connection, self.started, self.left = connection, started, limit_bytes
        self.buffer = bytearray()
        self.head = b""

    def write(self, data: bytes) -> int:
        self.buffer += data
        if len(self.buffer) >= CHUNK_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if not self.buffer:
            return
        self._begin()
        self.left -= len(self.buffer)
        if self.left < 0:
            raise MemoryError("the answer is larger than the limit")
        _send(self.connection, bytes(self.buffer))
        self.buffer.clear()

    def end(self) -> None:
        self.flush()
        self._begin()
        _send(self.connection, b"")

    def _begin(self) -> None:
        if not self.started[0]:
            self.started[0] = 1
            _send(self.connection, self.head)


def _serve(control: socket.socket, started: mmap.mmap, settings: Settings) -> None:
    """Answer one client after another; end when the broker does, or when memory has been used up."""
    _confine(settings)
    limit = _data_bytes() + settings.query_memory_bytes // 2
    opened: dict[str, Store] = {}
    while True:
        _, numbers, _, _ = socket.recv_fds(control, 1, 1)
        if not numbers:
            return
        with socket.socket(fileno=numbers[0]) as connection:
            _work(connection, started, settings, opened)
            signal.setitimer(signal.ITIMER_REAL, 0)
        if _data_bytes() > limit:
            return  # without a word: who says it is done may be handed the next client
        control.send(b"d")


def _work(connection: socket.socket, started: mmap.mmap, settings: Settings, opened: dict[str, Store]) -> None:
    """Read one request, answer it. Whatever goes wrong, the client hears one sentence."""
    frames = _Frames(connection, started, settings.query_result_bytes)
    try:
        request = json.loads(_receive(connection))
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
        stat = Path(request["store"]).stat()
        name = f"{request['store']} {stat.st_ino} {stat.st_ctime_ns}"  # it is another one after a withdrawal
        if name not in opened:
            opened.clear()  # one release at a time; the one before is asked no more
            opened[name] = Store.read_only(request["store"])
        _answer(opened[name], request, frames)
    except _Told as told:
        _finish(connection, started, told.head)
    except (MemoryError, OSError, EOFError, ValueError, RuntimeError) as error:
        _finish(connection, started, {"error": "failed", "message": f"the engine says: {error}"})


def _finish(connection: socket.socket, started: mmap.mmap, head: Mapping[str, Any]) -> None:
    if not started[0]:
        started[0] = 1
        with contextlib.suppress(OSError):
            _send(connection, json.dumps(head).encode())


class _Told(Exception):
    def __init__(self, **head: Any) -> None:
        super().__init__()
        self.head = head


def _confine(settings: Settings) -> None:
    """Memory limit by the kernel, no messages on the terminal, low priority; the timer will end the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    with contextlib.suppress(OSError):
        os.nice(10)
    if sys.platform == "linux":
        limit = _data_bytes() + settings.query_memory_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def isolate_network() -> bool:
    """Move this process into a network namespace of its own, so that nothing can be reached from it.

    Returns:
        Whether the system allowed it. Where it does not, the guard alone keeps SERVICE out.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return any(library.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


def _data_bytes() -> int:
    """What counts towards RLIMIT_DATA already."""
    status = Path("/proc/self/status").read_text("ascii")
    match = re.search(r"VmData:\s+(\d+) kB", status)
    return int(match[1]) * 1024 if match else 0


def _answer(store: Store, request: Mapping[str, Any], frames: _Frames) -> None:
    options: dict[str, Any] = {"use_default_graph_as_union": request["union"]}
    if request["default"] or request["named"]:
        options["default_graph"] = [NamedNode(iri) for iri in request["default"]]
        options["named_graphs"] = [NamedNode(iri) for iri in request["named"]]
    if request["bind"]:
        options["substitutions"] = {Variable(name): _term(text) for name, text in request["bind"].items()}
    try:
        answer = store.query(request["query"], **options)
    except SyntaxError as error:
        told = queries.syntax_error(error, request["query"])
        raise _Told(error="syntax", message=told.sentence, line=told.line, column=told.column) from error
    if isinstance(answer, (QuerySolutions, QueryBoolean)):
        form = "SELECT" if isinstance(answer, QuerySolutions) else "ASK"
        media_type = _chosen(request["solutions"], formats.SOLUTIONS)
        frames.head = _head(form, media_type)
        results = QueryResultsFormat.from_media_type(media_type)
        answer.serialize(frames, results)  # type: ignore[arg-type]  # it only writes
    else:
        assert isinstance(answer, QueryTriples)
        media_type = _chosen(request["graph"], formats.GRAPHS)
        frames.head = _head("CONSTRUCT", media_type)
        _write_graph(answer, media_type, frames)
    frames.end()


def _write_graph(triples: QueryTriples, media_type: str, frames: _Frames) -> None:
    if media_type in (formats.JSON_LD, formats.RDF_XML):  # which cannot hold every graph
        try:
            frames.write(formats.write(Graph("", tuple(triples)), media_type))
        except NotAcceptable as error:
            raise _Told(error="format", offered=error.offered) from error
        return
    rdf = RdfFormat.from_media_type(media_type)
    triples.serialize(frames, rdf)  # type: ignore[arg-type]  # it only writes


def _head(form: str, media_type: str) -> bytes:
    return json.dumps({"form": form, "media_type": media_type}).encode()


def _chosen(media_type: str | None, offered: tuple[str, ...]) -> str:
    if media_type is None:
        raise _Told(error="format", offered=offered)
    return media_type


def _term(text: str) -> NamedNode | Literal:
    quad = next(iter(parse(f"<urn:s> <urn:p> {text} .".encode(), format=RdfFormat.N_TRIPLES)))
    assert isinstance(quad.object, (NamedNode, Literal))
    return quad.object


def main(arguments: list[str]) -> None:
    """Run the broker: `python -m unitgraph.engine SOCKET SETTINGS-AS-JSON`.

    It leaves the network before the first worker is forked: all workers share its empty network namespace.
    """
    isolate_network()
    _Loop(arguments[0], Settings(**json.loads(arguments[1]))).run()


if __name__ == "__main__":
    main(sys.argv[1:])
