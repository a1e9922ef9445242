"""Processes of a measurement: started on loopback, watched, and ended by their own ids."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
START_SECONDS = 300.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, cwd: Path = HERE, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from the moment at which it answers; ended by its own id, with all that it started.

    To take a connection is not enough: the socket may listen long before anyone accepts.

    Raises:
        RuntimeError: it ended, or did not answer in five minutes.
    """
    path = os.pathsep.join(filter(None, (str(HERE), str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "PYTHONPATH": path, **environment}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=cwd, env=variables, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < until:
            if answers(port):
                break
            time.sleep(0.005)
        else:
            raise RuntimeError(f"{' '.join(command)} did not start")
        yield process
    finally:
        end(process)


def answers(port: int) -> bool:
    """Whether a server says anything in HTTP within half a minute."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return connection.recv(5) == b"HTTP/"
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then end its whole session."""
    members = [process.pid, *descendants(process.pid)]
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        for pid in members:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def load(port: int, targets: list[str], connections: int, seconds: float, **more: Any) -> dict[str, Any]:
    """The load generator in its own process; its result (see load.py)."""
    return start_load(port, targets, connections, seconds, **more)()


def start_load(
    port: int, targets: list[str], connections: int, seconds: float, **more: Any
) -> Callable[[], dict[str, Any]]:
    """Begin a load, to be waited for by calling what is returned.

    Its numbers begin at the microsecond of now: no load repeats a request of an earlier one, which a server may keep.
    """
    first = time.time_ns() // 1_000
    asked = {"port": port, "targets": targets, "connections": connections, "seconds": seconds, "first": first, **more}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, str(HERE / "load.py")], stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked).encode())
    process.stdin.close()
    process.stdin = None

    def wait() -> dict[str, Any]:
        out, _ = process.communicate(timeout=seconds + asked.get("patience", 30) + 60)
        return dict(json.loads(out))

    return wait


def descendants(pid: int) -> list[int]:
    """The ids of all processes below one, children first; none where the system does not tell."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def memory_bytes(pid: int, name: str = "Pss") -> int:
    """Memory of a process, shared pages counted in part (PSS); 0 where it is gone or the system does not tell."""
    with contextlib.suppress(OSError):
        found = re.search(rf"^{name}: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0


def processor_seconds(pid: int) -> float | None:
    """Processor time that a process and all below it have used; None where the system does not tell."""
    found = None
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()
            found = (found or 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


@dataclass
class Watch:
    """The memory of a server while something happens: `with Watch(pid) as watch: …`.

    A server's processes are of two kinds: those of the query engine, and the web processes. `web` and `engine` are
    how much their sums of PSS grew at most, in bytes; `largest` the same of the one web process that grew most.
    """

    pid: int
    web: int = 0
    engine: int = 0
    largest: int = 0
    _before: dict[int, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._before = self._now()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _now(self) -> dict[int, int]:
        return {pid: memory_bytes(pid) for pid in (self.pid, *descendants(self.pid))}

    def _look(self) -> None:
        kinds: dict[int, bool] = {}
        while not self._stop.wait(0.1):
            grown = {pid: size - self._before.get(pid, 0) for pid, size in self._now().items() if size}
            for pid in grown:
                kinds.setdefault(pid, "unitgraph.engine" in command_line(pid))
            web = [size for pid, size in grown.items() if not kinds[pid]]
            self.web = max(self.web, sum(web))
            self.largest = max(self.largest, *web, 0)
            self.engine = max(self.engine, sum(size for pid, size in grown.items() if kinds[pid]))


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """What a round of load has measured, as the columns of a table; a figure that it has not stays empty."""
    said = {
        "requests/s": found["requests_per_second"],
        "p50 ms": found["p50_ms"],
        "p99 ms": found["p99_ms"],
        "failures": found["failures"],
    }
    return said | ({"CPU ms per answer": found["cpu_ms"]} if "cpu_ms" in found else {})
