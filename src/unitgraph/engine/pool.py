"""The client's end of the pool: workers leased from the broker, one query at a time each, in fair turns.

All of it happens in one event loop: the web process's own, or one in a thread where there is none. `stream` is for
those who are in that loop, `ask` for all other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from unitgraph.answers import Term
from unitgraph.engine.guard import guard
from unitgraph.engine.limits import Walls
from unitgraph.engine.wire import CHUNK_BYTES, LENGTH, client_number, frame
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

QUEUE_LENGTH = 256  #: queries that may wait for a worker, in all
CLIENT_QUEUE_LENGTH = 64  #: and of one client
OLD_SECONDS = 0.05  #: a client with a query under way for so long does not get the last free worker

#: Where a thread's questions are noted while they are under way: whoever waits for the thread can end them.
UNDER_WAY: ContextVar[list[Future[Any]] | None] = ContextVar("UNDER_WAY", default=None)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Stream:
    """An answer on its way: `form` of the query, `media_type`, and the bytes as they come.

    Close `chunks` to end the query early. A failure after the first byte is raised by the iterator.
    """

    form: str
    media_type: str
    chunks: Iterator[bytes] = field(repr=False)


@dataclass(frozen=True)
class AsyncStream:
    """A `Stream` for those who wait in the event loop; `chunks` has `close`, too."""

    form: str
    media_type: str
    chunks: _Answer = field(repr=False)


class Engine:
    """Asks the workers of the broker behind a socket. Threads may share it; it may be forked before its first use.

    Each event loop has workers of its own.
    """

    def __init__(self, address: str, settings: Settings, workers: int = 0) -> None:
        self.address, self.settings = address, settings
        self.workers = workers or settings.query_workers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None  # of the loop, where it is our own
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._lock = threading.Lock()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do everything in this loop of a web process, which runs in another thread than those that call `ask`.

        The web processes share the workers; each has two at least, so that one long query stops nobody.
        """
        self._loop = loop
        self.workers = max(2, -(-self.settings.query_workers // self.settings.workers))

    def prepare(self, release_folder: Path) -> None:
        """Ask for the workers before the first query comes; called in the loop.

        Raises:
            EngineUnavailable: there is no broker.
        """
        self._own_pool().connect(str(release_folder / "store"))

    def _own_pool(self) -> _Pool:
        """The workers of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = _Pool(self.address, self.workers, self.settings.query_seconds)
        return self._pools[loop]

    def close(self) -> None:
        """Give all workers back. Nothing can be asked afterwards."""
        for loop, pool in self._pools.items():
            if loop.is_running():
                loop.call_soon_threadsafe(pool.close)
            else:
                pool.close()
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def walls(self) -> Walls | None:
        """Which walls stand around a query: the broker says so where it listens. None where that is not known."""
        try:
            return Walls(**json.loads(Path(f"{self.address}.walls").read_text("utf-8")))
        except OSError:
            return Walls()

    def workers_now(self) -> dict[str, int]:
        """The workers of this process: how many there should be, are free, are busy, and how many queries wait."""
        pools = list(self._pools.values())
        return {
            "wanted": sum(pool.wanted for pool in pools),
            "free": sum(len(pool.idle) for pool in pools),
            "busy": sum(len(times) for pool in pools for times in list(pool.busy.values())),
            "waiting": sum(len(turns) for pool in pools for turns in list(pool.waiting.values())),
        }

    async def stream(
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
        client: str = "",
        coding: str = "identity",
    ) -> AsyncStream:
        """Evaluate a query over a release; the answer comes in the format that fits its form.

        Args:
            solutions_format: media type for SELECT and ASK; None if the client accepts none of them.
            graph_format: media type for CONSTRUCT and DESCRIBE, likewise.
            default_graphs, named_graphs: the data set of the request (SPARQL 1.1 Protocol §2.1.4), which
                wins over FROM; with neither, the default graph is the union of all graphs.
            substitutions: terms for variables, bound and never pasted.
            client: who asks; the workers are shared fairly among clients. Empty for the site itself.
            coding: content coding of the bytes: identity, gzip, br or zstd.

        Raises:
            QuerySyntaxError, QueryRefused, NotAcceptable: the request's fault.
            QueryTimeout, QueryTooLarge, QueryFailed, EngineUnavailable: the engine gave up.
        """
        seen = guard(text, self.settings)
        seconds = min(timeout_seconds or self.settings.query_seconds, self.settings.query_seconds)
        store = str(release_folder / "store")
        request = {
            "store": store,
            "query": text,
            "solutions": solutions_format,
            "graph": graph_format,
            "default": default_graphs,
            "named": named_graphs,
            "union": not (default_graphs or named_graphs or seen.has_dataset),
            "seconds": seconds,
            "bind": {name: str(value) for name, value in (substitutions or {}).items()},
            "client": client_number(client),
            "coding": coding,
        }
        data = frame(json.dumps(request, ensure_ascii=False).encode("utf-8", "replace"))
        pool = self._own_pool()
        for _ in range(self.workers + 2):
            answer = _Answer(pool, client, await pool.lease(client, store))
            if head := await answer.begin(data):
                if "error" in head:
                    answer.refused()
                    raise _error(head, seconds)
                return AsyncStream(head["form"], head["media_type"], answer)
        raise EngineUnavailable("the query engine does not answer; try again in a few seconds")

    def ask(self, release_folder: Path, text: str, **options: Any) -> Stream:
        """Do the same as `stream`, with the same arguments, from a thread of one's own."""
        found = self._wait(self.stream(release_folder, text, **options))
        return Stream(found.form, found.media_type, _Chunks(self, found.chunks))

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of something that is done in the loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
        future: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        under_way = UNDER_WAY.get()
        if under_way is not None:
            under_way.append(future)
        try:
            return future.result()
        except CancelledError as error:
            raise QueryFailed("the client has left") from error


class _Chunks(Iterator[bytes]):
    """The chunks of an answer, for a thread."""

    def __init__(self, engine: Engine, answer: _Answer) -> None:
        self._engine, self._answer = engine, answer

    def __next__(self) -> bytes:
        chunk = self._engine._wait(self._answer.read())
        if chunk is None:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Leave; the query ends."""
        loop = self._engine._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._answer.close)

    __del__ = close


class _Pool:
    """The workers that this process has, and who waits for one."""

    def __init__(self, address: str, wanted: int, patience_seconds: float) -> None:
        self.address, self.wanted, self.patience_seconds = address, wanted, patience_seconds
        self.idle: deque[socket.socket] = deque()
        self.busy: dict[str, list[float]] = {}  # when the queries under way began, by client
        self.waiting: dict[str, deque[asyncio.Future[socket.socket]]] = {}  # in turn: the first client is next
        self._control: socket.socket | None = None
        self._loop = asyncio.get_running_loop()

    async def lease(self, client: str, store: str) -> socket.socket:
        """A free worker, as soon as it is this client's turn.

        Raises:
            EngineUnavailable: there is no broker, or too many are waiting.
        """
        self.connect(store)
        self._drop_dead()
        if self.idle and not self.waiting and self._may(client):
            return self._take(client)
        own = self.waiting.get(client, ())
        if sum(map(len, self.waiting.values())) >= QUEUE_LENGTH or (client and len(own) >= CLIENT_QUEUE_LENGTH):
            raise EngineUnavailable(f"{len(own)} queries of yours are waiting; try again in a few seconds")
        turn: asyncio.Future[socket.socket] = self._loop.create_future()
        self.waiting.setdefault(client, deque()).append(turn)
        self._serve()
        limit = self._loop.call_later(self.patience_seconds, _tell, turn, "no place became free for this query")
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self.give_back(client, turn.result(), 0.0)
            raise
        finally:
            limit.cancel()

    def _drop_dead(self) -> None:
        """Workers that died while they were idle are not handed out; the broker sends others."""
        while self.idle and not _alive(self.idle[-1]):
            self.idle.pop().close()

    def _may(self, client: str) -> bool:
        """Whether a client may have a worker: not the last, if it has one already for long."""
        if len(self.idle) > 1 or not client or self.wanted == 1:
            return True
        began = self.busy.get(client)
        return not began or self._loop.time() - min(began) < OLD_SECONDS

    def _take(self, client: str) -> socket.socket:
        self.busy.setdefault(client, []).append(self._loop.time())
        return self.idle.pop()

    def _serve(self) -> None:
        """Give free workers to those who wait: one client after the other, each in the order of its queries."""
        self._drop_dead()
        while self.idle and self.waiting:
            for client, turns in list(self.waiting.items()):
                while turns and turns[0].done():  # it does not wait any more
                    turns.popleft()
                if turns and self._may(client):
                    del self.waiting[client]
                    turns.popleft().set_result(self._take(client))
                    if turns:
                        self.waiting[client] = turns  # at the end
                    break
                if not turns:
                    del self.waiting[client]
            else:
                self._loop.call_later(OLD_SECONDS, self._serve)
                return

    def give_back(self, client: str, worker: socket.socket | None, began: float) -> None:
        """A query has ended; its worker, if it still lives, is free."""
        times = self.busy.get(client)
        if times:
            times.remove(began) if began in times else times.pop()
            if not times:
                del self.busy[client]
        if worker is not None:
            if len(self.idle) < self.wanted and self._control is not None:
                self.idle.append(worker)
            else:
                worker.close()
        if self.waiting:
            self._serve()

    def connect(self, store: str) -> None:
        """Ask the broker for workers, where that was not done yet.

        Raises:
            EngineUnavailable: there is no broker.
        """
        if self._control is not None:
            return
        control = socket.socket(socket.AF_UNIX)
        try:
            control.connect(self.address)
            control.sendall(json.dumps({"workers": self.wanted, "store": store}).encode() + b"\n")
        except OSError as error:
            control.close()
            raise EngineUnavailable("the query engine does not answer; try again in a few seconds") from error
        control.setblocking(False)
        self._control = control
        self._loop.add_reader(control.fileno(), self._receive, control)

    def _receive(self, control: socket.socket) -> None:
        """Workers come from the broker; or it has died, and its workers with it."""
        try:
            data, pipes, _, _ = socket.recv_fds(control, 64, 64)
        except BlockingIOError:
            return
        except OSError:
            data, pipes = b"", []
        for pipe in pipes:
            os.set_blocking(pipe, False)
            self.idle.append(socket.socket(fileno=pipe))
        if len(self.idle) > self.wanted:
            dead = [worker for worker in self.idle if not _alive(worker)]
            self.idle = deque(worker for worker in self.idle if worker not in dead)
            for worker in dead:
                worker.close()
        if not data:
            self.close()
        self._serve()

    def close(self) -> None:
        """Give all workers back, and tell those who wait."""
        if self._control is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        while self.idle:
            self.idle.pop().close()
        for turn in [turn for turns in self.waiting.values() for turn in turns]:
            _tell(turn, "the query engine does not answer")
        self.waiting.clear()


def _alive(worker: socket.socket) -> bool:
    """Whether a worker that has nothing to say still could."""
    try:
        worker.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _tell(turn: asyncio.Future[socket.socket], what: str) -> None:
    if not turn.done():
        turn.set_exception(EngineUnavailable(f"{what}; try again in a few seconds"))


class _Answer(AsyncIterator[bytes]):
    """One query with its worker: the frames of the answer. Closed at the end, by `close`, and when nobody holds it."""

    def __init__(self, pool: _Pool, client: str, worker: socket.socket) -> None:
        self._pool, self._client = pool, client
        self._worker: socket.socket | None = worker
        self._began = pool.busy[client][-1] if client in pool.busy else 0.0
        self._buffer = bytearray()

    async def begin(self, request: bytes) -> dict[str, Any] | None:
        """Send the request and read the head of the answer; None where the worker was dead before it could read."""
        worker = self._worker
        assert worker is not None
        loop = self._pool._loop
        try:
            sent = worker.send(request)
            if sent < len(request):
                await loop.sock_sendall(worker, request[sent:])
            head = await self._frame()
        except OSError:
            self.close()
            return None
        except BaseException:
            self.close()
            raise
        if not head:
            self.close()
            return None
        return dict(json.loads(head))

    async def _frame(self) -> bytes | None:
        """The next frame; None at an end. The end frees the worker.

        Raises:
            OSError: the pipe ended.
        """
        buffer = self._buffer
        while True:
            if len(buffer) >= LENGTH.size:
                (size,) = LENGTH.unpack_from(buffer)
                if size == 0:
                    self._free(reusable=not buffer[LENGTH.size :])
                    return None
                if size == 0xFFFFFFFF:
                    self._free(reusable=False)
                    return None
                if len(buffer) >= LENGTH.size + size:
                    data = bytes(buffer[LENGTH.size : LENGTH.size + size])
                    del buffer[: LENGTH.size + size]
                    return data
            if self._worker is None:
                raise ConnectionResetError
            part = await self._pool._loop.sock_recv(self._worker, 2 * CHUNK_BYTES)
            if not part:
                raise ConnectionResetError
            buffer += part

    async def read(self) -> bytes | None:
        """The next bytes; None at the end.

        Raises:
            QueryFailed: the answer broke off.
        """
        if self._worker is None:
            return None
        try:
            return await self._frame()
        except OSError as error:
            self.close()
            raise QueryFailed("the answer broke off: a limit was reached while it was being sent") from error
        except BaseException:
            self.close()
            raise

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def ended(self) -> bytes | None:
        """All the rest of the answer, if it is here already; else None."""
        buffer, data = self._buffer, bytearray()
        at = 0
        while len(buffer) >= at + LENGTH.size:
            (size,) = LENGTH.unpack_from(buffer, at)
            at += LENGTH.size
            if size in (0, 0xFFFFFFFF):
                self._free(reusable=size == 0 and at == len(buffer))
                return bytes(data)
            data += buffer[at : at + size]
            at += size
        return None

    def refused(self) -> None:
        """After an error instead of an answer: the worker is free if it said so, else it is dead."""
        if self.ended() is None:
            self.close()

    def _free(self, *, reusable: bool) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            if not reusable:
                worker.close()
            self._pool.give_back(self._client, worker if reusable else None, self._began)

    def close(self) -> None:
        """Leave; the broker ends the worker."""
        self._free(reusable=False)

    def __del__(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.close()


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
