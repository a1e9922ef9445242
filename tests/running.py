"""What tests of a running server share: starting it, asking it, and watching its processes from outside."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT


@dataclass
class Running:
    """A server that was started for a test; `url` is where it listens, `base` where its things live."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    base: str = ""

    @property
    def port(self) -> int:
        return urllib.parse.urlsplit(self.url).port or 80

    def get(self, path: str, accept: str = "*/*", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body, redirects not followed."""

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object) -> None:
                return None

        request = urllib.request.Request(self.url + path, headers={"Accept": accept}, method=method)
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=20) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def wait_for(self, path: str, needle: bytes, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if needle in self.get(path, "text/turtle")[2]:
                return
            time.sleep(0.2)
        raise AssertionError(f"{needle!r} did not appear at {path}: {self.log.read_text()}")


@contextlib.contextmanager
def serving(cache: Path, *arguments: str, **variables: object) -> Iterator[Running]:
    """`unitgraph serve --port 0 …` until the end of the block; `query_seconds=3` sets UNITGRAPH_QUERY_SECONDS."""
    log = cache / "log"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
    environment |= {f"UNITGRAPH_{name.upper()}": str(value) for name, value in variables.items()}
    command = [sys.executable, "-m", "unitgraph.cli", "serve", "--port", "0", *arguments]
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True, env=environment, cwd=ROOT)
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"serving (http\S+/)\n", line)
    try:
        assert match, f"{line!r} {log.read_text()}"
        base = url = match[1]
        if not re.fullmatch(r"http://localhost:\d+/", base):
            line = process.stdout.readline()
            url = f"http://{line.removeprefix('listening on ').strip()}/"
        yield Running(process, url, log, base)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def until(true: Callable[[], object], seconds: float = 15) -> bool:
    """Wait for something to become true; whether it did."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


# Processes, as /proc shows them -------------------------------------------------------------------------------


def _stats() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat that follow the name: state, parent, …, of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = path.read_text("utf-8", "replace").rsplit(")", 1)[1].split()
    return found


def _below(pid: int, stats: Mapping[int, list[str]]) -> set[int]:
    children = {child for child, fields in stats.items() if int(fields[1]) == pid}
    return children.union(*(_below(child, stats) for child in children))


def below(pid: int) -> set[int]:
    """The processes that a process has started, and those that these have."""
    return _below(pid, _stats())


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def broker(pid: int) -> int:
    """The broker below a server's first process: it runs `unitgraph.engine`, and its parent does not."""
    for _ in range(100):
        stats = _stats()
        engines = {child for child in _below(pid, stats) if "unitgraph.engine" in command_line(child)}
        if first := [child for child in engines if int(stats[child][1]) not in engines]:
            return min(first)
        time.sleep(0.1)
    raise AssertionError("no process below the server runs unitgraph.engine")


def workers(pid: int) -> list[int]:
    """The processes that a broker has forked and that live."""
    return sorted(child for child, fields in _stats().items() if int(fields[1]) == pid and fields[0] not in "ZX")


def zombies(pid: int) -> list[int]:
    """The processes below this one that ended and were not waited for."""
    stats = _stats()
    return sorted(child for child in _below(pid, stats) if stats[child][0] == "Z")


def cpu_seconds(pids: list[int]) -> float:
    """Processor time used by processes so far."""
    stats = _stats()
    ticks = sum(int(stats[pid][11]) + int(stats[pid][12]) for pid in pids if pid in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> dict[int, tuple[str, ...]]:
    """What a process, and each one below it, has open, each file by its kind or name; the workers of a broker apart."""
    disposable = set(workers(broker(pid)))
    found = {}
    for member in {pid, *below(pid)} - disposable:
        names = []
        with contextlib.suppress(OSError):
            for path in Path(f"/proc/{member}/fd").iterdir():
                with contextlib.suppress(OSError):
                    names.append(path.readlink().as_posix().partition("[")[0])
            found[member] = tuple(sorted(names))
    return found


def memory_bytes(pid: int) -> int:
    """Memory of a process and of all below it, what they share counted once (proportional set size)."""
    kibibytes = 0
    for member in {pid, *below(pid)}:
        with contextlib.suppress(OSError):
            match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{member}/smaps_rollup").read_text(), re.MULTILINE)
            kibibytes += int(match[1]) if match else 0
    return kibibytes * 1024


@dataclass(frozen=True)
class Condition:
    """What has to be the same before and after: workers, descriptors of each lasting process."""

    workers: int
    descriptors: Mapping[int, tuple[str, ...]]


def condition(running: Running) -> Condition:
    """How the server is when nothing is asked of it: once its workers stay as many for a while."""
    pid, counts = running.process.pid, [0]

    def settled() -> bool:
        counts.append(len(workers(broker(pid))))
        return len(counts) > 10 and len(set(counts[-10:])) == 1 and not zombies(pid)

    until(settled)
    return Condition(counts[-1], descriptors(pid))


def damage(running: Running, before: Condition, seconds: float = 30) -> list[str]:
    """What is not as it was, after waiting a while for it: one sentence each, none if all is well."""
    pid, faults = running.process.pid, ["never looked"]

    def well() -> bool:
        now = descriptors(pid)
        faults.clear()
        if (count := len(workers(broker(pid)))) != before.workers:
            faults.append(f"{count} workers, {before.workers} before")
        if dead := zombies(pid):
            faults.append(f"{len(dead)} zombies")
        if gone := set(before.descriptors) - set(now):
            faults.append(f"processes {sorted(gone)} are gone or were replaced")
        for member in set(now) & set(before.descriptors):
            store = Counter({name for name in now[member] if "/store/" in name})  # each file opened once, when needed
            new = Counter(now[member]) - Counter(before.descriptors[member]) - store
            if new.total() > 1:
                faults.append(f"process {member} ({command_line(member)[-60:]}) has more files open: {dict(new)}")
        return not faults

    until(well, seconds)
    return faults
