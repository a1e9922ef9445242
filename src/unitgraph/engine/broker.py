"""The broker: one process, single-threaded and without an open store, that owns the workers of the whole site.

It forks workers ahead, hands their pipes to the web processes (its clients), and watches: a query that is long is
demoted and its place refilled by a fresh worker; one past the caps is ended; so is one whose client has left. It is
in nobody's way: a query goes from the web process to its worker and back without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from unitgraph.engine import worker
from unitgraph.engine.limits import Walls
from unitgraph.engine.pool import Engine
from unitgraph.engine.wire import Slot, frame
from unitgraph.errors import EngineUnavailable
from unitgraph.settings import Settings

GRACE_SECONDS = 0.25  #: a query may use a processor for this long and still count as short
SHORT_GRACE_SECONDS = 0.05  #: of a client that has long queries under way already
SLOW_SECONDS = 1.0  #: and may be under way for this long: its client may be a slow reader
WATCH_MILLISECONDS = 40
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000


class Broker:
    """Starts the broker process and ends it: `with Broker(settings) as engine: …`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._folder = tempfile.mkdtemp(prefix="unitgraph-")
        self.address = str(Path(self._folder) / "engine")
        self._process: subprocess.Popen[bytes] | None = None
        self._engine = Engine(self.address, settings)
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
                return self._engine
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
        self._engine.close()
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


# The broker's process ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Client:
    """A web process: how many workers it is to have, and what it said until now of what it wants."""

    control: socket.socket
    wanted: int = 0
    store: str = ""
    said: bytearray = field(default_factory=bytearray)


@dataclass(eq=False)
class _Worker:
    """A forked process. `pipe` is a copy of its end of the pipe: it shows when the client has left, and speaks for
    a worker that died."""

    client: _Client
    pipe: socket.socket
    slot: Slot
    left: bool = False
    stopped: str = ""  # why, where the broker ended it

    @property
    def heavy(self) -> bool:
        """Whether it evaluates a long query, outside the pool."""
        return self.slot.demoted and self.slot.read()[0] > 0


class _Loop:
    """The broker's loop; it ends with its parent."""

    def __init__(self, address: str, settings: Settings, walls: Walls) -> None:
        self.settings = settings
        Path(f"{address}.walls").write_text(json.dumps(asdict(walls)), "utf-8")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{address}.new")
        self.listener.listen(128)
        Path(f"{address}.new").rename(address)  # whoever sees the name can connect
        self.clients: dict[int, _Client] = {}
        self.workers: dict[int, _Worker] = {}
        self.pipes: dict[int, int] = {}
        self.wake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.poll = select.poll()
        for source in (self.listener, self.wake, sys.stdin):
            self.poll.register(source, select.POLLIN)

    def run(self) -> None:
        """Serve until standard input ends, which it does when the parent ends, however it ends."""
        while True:
            for number, _ in self.poll.poll(WATCH_MILLISECONDS if self.workers else 1_000):
                if number == sys.stdin.fileno():
                    for pid in self.workers:
                        os.kill(pid, signal.SIGKILL)
                    return
                if number == self.listener.fileno():
                    self._accept()
                elif number == self.wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
                elif number in self.clients:
                    self._hear(self.clients[number])
                elif number in self.pipes:
                    self._end(self.pipes[number])
            self._reap()
            self._watch()
            self._fill()

    def _accept(self) -> None:
        control, _ = self.listener.accept()
        control.setblocking(False)
        self.clients[control.fileno()] = _Client(control)
        self.poll.register(control, select.POLLIN)

    def _hear(self, client: _Client) -> None:
        """A client says how many workers it wants and which store it asks; or it has ended."""
        try:
            data = client.control.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._forget(client)
            return
        client.said += data
        *lines, rest = client.said.split(b"\n")
        client.said = bytearray(rest)
        for line in lines:
            said = json.loads(line)
            client.wanted, client.store = said["workers"], said["store"]

    def _forget(self, client: _Client) -> None:
        """A client has ended, and its workers with it."""
        if self.clients.pop(client.control.fileno(), None):
            self.poll.unregister(client.control)
            client.control.close()
            client.wanted = 0
            for pid, one in self.workers.items():
                if one.client is client:
                    self._end(pid)

    def _end(self, pid: int) -> None:
        """End a worker whose client has left."""
        one = self.workers[pid]
        if not one.left:
            one.left = True
            self.poll.unregister(one.pipe)
            os.kill(pid, signal.SIGKILL)

    def _watch(self) -> None:
        """Demote long queries; end those that are past the caps."""
        now = time.monotonic()
        heavy = [one for one in self.workers.values() if one.heavy]
        total, by_client = len(heavy), Counter(one.slot.read()[2] for one in heavy)
        for pid, one in self.workers.items():
            since, cpu_before, client = one.slot.read()
            if not since or one.slot.demoted or one.stopped:
                continue
            share = self.settings.concurrent_queries_per_client if client else total + 1
            full = total >= self.settings.concurrent_queries or by_client[client] >= share
            grace = SHORT_GRACE_SECONDS if client and by_client[client] else GRACE_SECONDS
            if now - since <= grace:
                continue
            busy = _cpu_seconds(pid, now) - cpu_before > grace
            if not busy and now - since <= SLOW_SECONDS:
                continue  # it has only waited for a processor
            if not full:
                one.slot.demoted = True
                total += 1
                by_client[client] += 1
                _step_back(pid)
                continue
            if busy or one.slot.started:
                one.stopped = self._too_many(by_client[client] >= share)
                os.kill(pid, signal.SIGKILL)

    def _too_many(self, own: bool) -> str:
        count = self.settings.concurrent_queries_per_client if own else self.settings.concurrent_queries
        whose = "of yours are" if own else "are"
        return f"{count} long queries {whose} running, as many as may; try again when one has ended, or use the dumps"

    def _fill(self) -> None:
        """Every client has the workers that it wants, apart from demoted ones."""
        if not self.clients:
            return
        has = Counter(id(one.client) for one in self.workers.values() if not (one.slot.demoted or one.left))
        for client in list(self.clients.values()):
            for _ in range(client.wanted - has[id(client)]):
                self._fork(client)

    def _fork(self, client: _Client) -> None:
        slot = Slot()
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                signal.set_wakeup_fd(-1)
                os.dup2(theirs.fileno(), 3)
                os.closerange(4, _most_files())
                worker.serve(socket.socket(fileno=3), slot, self.settings, client.store)
                status = 0
            finally:
                os._exit(status)
        self.workers[pid] = _Worker(client, theirs, slot)
        self.pipes[theirs.fileno()] = pid
        self.poll.register(theirs, 0)  # only that the client left: also where it cannot be told of its worker
        with contextlib.suppress(OSError), ours:
            socket.send_fds(client.control, [b"w"], [ours.fileno()])

    def _reap(self) -> None:
        while self.workers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if one := self.workers.pop(pid, None):
                if not one.left:
                    self.poll.unregister(one.pipe)
                    if one.slot.read()[0] and not one.slot.started:
                        self._explain(one, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
                del self.pipes[one.pipe.fileno()]
                one.pipe.close()
                one.slot.close()

    def _explain(self, one: _Worker, number: int) -> None:
        """Tell the client of a worker that died before its first byte why it did."""
        error, message = "failed", "the engine gave up on this query; make it simpler"
        if one.stopped:
            error, message = "busy", one.stopped
        elif number == signal.SIGALRM:
            error, message = "timeout", ""
        elif number == signal.SIGABRT:
            limit = f"{self.settings.query_memory_bytes >> 20} MiB of memory"
            error, message = "memory", f"the query took more than {limit}; add a LIMIT, or drop ORDER BY or DISTINCT"
        with contextlib.suppress(OSError):
            one.pipe.setblocking(False)
            one.pipe.sendall(frame(json.dumps({"error": error, "message": message}).encode()))


def _step_back(pid: int) -> None:
    """A long query runs when nothing else wants to."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def _most_files() -> int:
    return min(os.sysconf("SC_OPEN_MAX"), 1 << 20)


def _cpu_seconds(pid: int, now: float) -> float:
    """Processor time that a process has used; where the system does not tell, the clock."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()
    except OSError:
        return now
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def isolate_network() -> bool:
    """Move this process into a network namespace of its own, so that nothing can be reached from it.

    Returns:
        Whether the system allowed it.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return any(library.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


def main(arguments: list[str]) -> None:
    """Run the broker: `python -m unitgraph.engine SOCKET SETTINGS-AS-JSON`.

    It leaves the network before the first worker is forked: all workers share its empty network namespace.
    """
    linux = sys.platform == "linux"
    walls = Walls(network=isolate_network(), memory=linux, priority=hasattr(os, "SCHED_IDLE"))
    _Loop(arguments[0], Settings(**json.loads(arguments[1])), walls).run()
