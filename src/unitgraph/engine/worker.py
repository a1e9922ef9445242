"""A worker: a disposable process that evaluates one query after another and writes the answers into its pipe.

It has no network, and takes its limits from the kernel: a timer ends it, memory past its allowance ends it. Nobody
but its own client notices.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping
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
from unitgraph.answers import Graph
from unitgraph.engine.codings import coder
from unitgraph.engine.rewrite import evaluate
from unitgraph.engine.wire import CHUNK_BYTES, END, LAST, LENGTH, Slot, frame
from unitgraph.errors import NotAcceptable
from unitgraph.settings import Settings

PATIENCE = 4  #: a reader may take this many times the time limit of the query to read the whole answer
PR_SET_PDEATHSIG = 1


def serve(pipe: socket.socket, slot: Slot, settings: Settings, store: str) -> None:
    """Answer one query after another; end when the client does, when demoted, or when memory has been used up."""
    confine(pipe, settings)
    limit_bytes = data_bytes() + settings.query_memory_bytes // 2
    stores = _Stores()
    with contextlib.suppress(OSError, RuntimeError):
        stores.open(store)
    gc.freeze()
    last = False
    while not last and (request := _request(pipe)):
        slot.begin(time.monotonic(), time.process_time(), request["client"])
        answer = _Frames(pipe, slot, settings, request["coding"])
        _work(request, answer, stores)
        signal.setitimer(signal.ITIMER_REAL, 0)
        last = slot.demoted or data_bytes() > limit_bytes
        answer.close(LAST if last else END)
        slot.end()


def _request(pipe: socket.socket) -> dict[str, Any] | None:
    """The next request; None when there is no client any more."""
    data = bytearray()
    while len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]:
        part = pipe.recv(CHUNK_BYTES)
        if not part:
            return None
        data += part
    return dict(json.loads(data[LENGTH.size :]))


def _work(request: Mapping[str, Any], answer: _Frames, stores: _Stores) -> None:
    """Answer one request. Whatever goes wrong, the client hears one sentence."""
    try:
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
        _answer(stores.open(request["store"]), request, answer)
    except _Told as told:
        answer.fail(told.head)
    except NotAcceptable as error:
        answer.fail({"error": "format", "offered": error.offered})
    except (MemoryError, OSError, EOFError, ValueError, RuntimeError) as error:
        answer.fail({"error": "failed", "message": f"the engine says: {error}"})


class _Stores:
    """The store that was asked last: the releases before it are asked no more."""

    def __init__(self) -> None:
        self._name: tuple[str, int, int] | None = None
        self._store: Store | None = None

    def open(self, path: str) -> Store:
        """A store, read-only. It is another one after something was withdrawn."""
        stat = os.stat(path)  # noqa: PTH116  once for each query
        name = (path, stat.st_ino, stat.st_ctime_ns)
        if self._store is None or name != self._name:
            self._store = None
            self._store, self._name = Store.read_only(path), name
        return self._store


# Limits ------------------------------------------------------------------------------------------------------


def confine(pipe: socket.socket, settings: Settings) -> None:
    """Memory limit by the kernel, no messages on the terminal, low priority; the timer will end the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    with contextlib.suppress(OSError):
        os.nice(10)
    seconds = int(settings.query_seconds) + 1
    with contextlib.suppress(OSError):  # a reader that takes nothing for so long has left
        pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", seconds, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        limit = data_bytes() + settings.query_memory_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def data_bytes() -> int:
    """What counts towards RLIMIT_DATA already, within a stack's size; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123  once for each query
            return int(file.read(200).split()[5]) * resource.getpagesize()
    except OSError:
        return 0


# The answer --------------------------------------------------------------------------------------------------


class _Told(Exception):
    """What the client is told instead of an answer."""

    def __init__(self, **head: Any) -> None:
        super().__init__()
        self.head = head


class _Frames:
    """A file to write to; what is written leaves as frames, after the head, in the coding that was asked for."""

    def __init__(self, pipe: socket.socket, slot: Slot, settings: Settings, coding: str) -> None:
        self.pipe, self.slot, self.settings = pipe, slot, settings
        self.left_bytes = settings.query_result_bytes
        self.waited_seconds = 0.0
        self.head = b""
        self.is_xml = False
        self.buffer = bytearray()
        self._coder = coder(coding)

    def write(self, data: bytes) -> int:
        self.buffer += formats.in_xml(data) if self.is_xml else data
        if len(self.buffer) >= CHUNK_BYTES:
            self._send_on()
        return len(data)

    def flush(self) -> None:
        """What is written leaves when there is enough of it."""

    def _send_on(self) -> None:
        """Send what there is; the time in which a slow reader does not read is not the query's."""
        data = self._coded(final=False)
        remaining, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        before = time.monotonic()
        self._send(data)
        self.waited_seconds += time.monotonic() - before
        if self.waited_seconds > PATIENCE * self.settings.query_seconds:
            raise TimeoutError("the answer is read too slowly")
        signal.setitimer(signal.ITIMER_REAL, remaining or 0.001)

    def _coded(self, *, final: bool) -> bytes:
        self.left_bytes -= len(self.buffer)
        if self.left_bytes < 0:
            raise MemoryError(f"the answer has more than {self.settings.query_result_bytes:,} bytes")
        data = bytes(self.buffer)
        self.buffer.clear()
        return self._coder(data, final)

    def _send(self, data: bytes, end: bytes = b"") -> None:
        head = b"" if self.slot.started else frame(self.head)
        self.slot.started = True
        self.pipe.sendall(head + (frame(data) if data else b"") + end)

    def fail(self, head: Mapping[str, Any]) -> None:
        """Say what is wrong instead of an answer. One that has begun is broken off, and the pipe with it."""
        if self.slot.started:
            os._exit(0)
        self.head = json.dumps(head).encode()
        self.buffer.clear()
        self._coder = coder("identity")

    def close(self, end: bytes) -> None:
        """Send the rest, and the end."""
        try:
            data = self._coded(final=True)
        except MemoryError as error:
            self.fail({"error": "failed", "message": str(error)})
            data = b""
        with contextlib.suppress(OSError):  # the client has left
            self._send(data, end)


def _answer(store: Store, request: Mapping[str, Any], frames: _Frames) -> None:
    options: dict[str, Any] = {"use_default_graph_as_union": request["union"]}
    if request["default"] or request["named"]:
        options["default_graph"] = [NamedNode(iri) for iri in request["default"]]
        options["named_graphs"] = [NamedNode(iri) for iri in request["named"]]
    if request["bind"]:
        options["substitutions"] = {Variable(name): _term(text) for name, text in request["bind"].items()}
    try:
        answer = evaluate(store, request["query"], options)
    except SyntaxError as error:
        told = queries.syntax_error(error, request["query"])
        raise _Told(error="syntax", message=told.sentence, line=told.line, column=told.column) from error
    if isinstance(answer, QueryTriples):
        media_type = _chosen(request["graph"], formats.GRAPHS)
        frames.head = _head("CONSTRUCT", media_type)
        _write_graph(answer, media_type, frames)
        return
    form, offered = ("ASK", formats.TRUTHS) if isinstance(answer, QueryBoolean) else ("SELECT", formats.SOLUTIONS)
    media_type = _chosen(request["solutions"], offered)
    frames.head = _head(form, media_type)
    frames.is_xml = media_type == formats.SPARQL_XML
    if isinstance(answer, QueryBoolean) and media_type == formats.TEXT:
        frames.write(b"true" if answer else b"false")
    else:
        assert isinstance(answer, (QuerySolutions, QueryBoolean))
        answer.serialize(frames, QueryResultsFormat.from_media_type(media_type))  # type: ignore[arg-type]  # it only writes


def _write_graph(triples: QueryTriples, media_type: str, frames: _Frames) -> None:
    if media_type in (formats.JSON_LD, formats.RDF_XML):  # which cannot hold every graph
        frames.write(formats.write(Graph("", tuple(triples)), media_type))
        return
    rdf = RdfFormat.from_media_type(media_type)
    triples.serialize(frames, rdf)  # type: ignore[arg-type]  # it only writes


def _head(form: str, media_type: str) -> bytes:
    return json.dumps({"form": form, "media_type": media_type}).encode()


def _chosen(media_type: str | None, offered: tuple[str, ...]) -> str:
    if media_type not in offered:
        raise _Told(error="format", offered=offered)
    return media_type


def _term(text: str) -> NamedNode | Literal:
    quad = next(iter(parse(f"<urn:s> <urn:p> {text} .".encode(), format=RdfFormat.N_TRIPLES)))
    assert isinstance(quad.object, (NamedNode, Literal))
    return quad.object
