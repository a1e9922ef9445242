"""A bounded load from loopback: requests over kept connections, their times, and what failed.

Runs as a process of its own so that it does not share an interpreter with what it measures. A load is one JSON
object on standard input, what came of it one JSON object on standard output:

    {"port": 8000, "targets": ["/a", "/b?n={n}"], "connections": 8, "seconds": 3, "headers": {"Accept": "*/*"},
     "source": "127.0.0.2", "warm_up": 0.3, "rest": 0, "pause": 0, "patience": 30, "leave": false,
     "requests": 1000000, "first": 0}

`targets` are asked in turn; `{n}` becomes a number that no other request of this load has, counted from `first`,
so that no cache can hold the answer. `source` is the address to ask from. All times are in seconds: `rest` is the
wait of a connection after an answer, `pause` the one after an answer that is no success, `patience` the longest wait
for one answer. What is asked in `warm_up` is not counted. With `leave`, answers that are under way at the end are not
waited for.

A selector loop with a protocol, no parser: it asks faster than any server here answers (`wrk` on the same
machine agrees; see docs/performance.md).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_CONNECTIONS, MOST_SECONDS = 256, 120.0


@dataclass
class Load:
    """What to ask, when to stop, and what came of it so far."""

    port: int
    targets: list[str]
    connections: int = 1
    seconds: float = 1.0
    headers: dict[str, str] = field(default_factory=dict)
    source: str = ""
    warm_up: float = 0.0
    rest: float = 0.0
    pause: float = 0.0
    patience: float = 30.0
    leave: bool = False
    requests: int = 10_000_000
    first: int = 0

    def __post_init__(self) -> None:
        self.connections = min(self.connections, MOST_CONNECTIONS)
        self.seconds = min(self.seconds, MOST_SECONDS)
        self.begin = time.perf_counter() + self.warm_up
        self.until = self.begin + self.seconds
        self.times: list[float] = []
        self.in_window = self.bytes = 0
        self.last = self.until
        self.failures: Counter[str] = Counter()
        self.asked = 0
        self.statuses: Counter[str] = Counter()
        self.next_request = self._requests()

    def _requests(self) -> Iterator[bytes]:
        """The bytes of the requests, one after another."""
        headers = {"Host": f"localhost:{self.port}", **self.headers}
        rest = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        parts = [f"GET {target} HTTP/1.1\r\n{rest}\r\n".encode().split(b"{n}") for target in self.targets]
        whole = len(parts)
        for number in range(self.requests):
            pieces = parts[number % whole]
            yield pieces[0] if len(pieces) == 1 else (b"%d" % (self.first + number)).join(pieces)

    def note(self, started: float, status: bytes, size: int) -> None:
        """An answer that is whole."""
        now = self.last = time.perf_counter()
        if started < self.begin:
            return
        self.statuses[status.decode("latin-1")] += 1
        if status[:1] not in b"23":
            self.failures[f"status {status.decode('latin-1')}"] += 1
            return
        self.times.append(now - started)
        self.bytes += size
        if now <= self.until:
            self.in_window += 1

    def result(self) -> dict[str, Any]:
        """Requests per second within the time, percentiles of the times of whole answers in milliseconds."""
        times = sorted(self.times)
        # where all answers came too late there is still a rate
        rate = self.in_window / self.seconds if self.in_window else len(times) / (self.last - self.begin)

        def percentile(share: float) -> float | None:
            return round(times[min(int(len(times) * share), len(times) - 1)] * 1000, 3) if times else None

        return {
            "requests_per_second": round(rate, 1),
            "p50_ms": percentile(0.5),
            "p99_ms": percentile(0.99),
            "max_ms": percentile(1.0),
            "asked": self.asked,
            "answers": len(times),
            "bytes_per_answer": self.bytes // len(times) if times else 0,
            "failures": sum(self.failures.values()),
            "reasons": dict(self.failures.most_common(5)),
            "statuses": dict(self.statuses),
        }


class Connection(asyncio.Protocol):
    """One connection: ask, find the end of the answer, ask again. A connection that ends is opened again."""

    def __init__(self, load: Load, done: asyncio.Future[None]) -> None:
        self.load, self.done = load, done
        self.transport: asyncio.Transport | None = None
        self.started = self.size = 0.0
        self.asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.ask()

    def ask(self) -> None:
        """Send the next request, or leave when the time is over."""
        assert self.transport is not None
        now = time.perf_counter()
        request = next(self.load.next_request, None) if now < self.load.until else None
        if request is None or self.transport.is_closing():
            self.leave()
            return
        self.head, self.status, self.left, self.chunked = b"", b"", -1, False
        self.started, self.size, self.asking = now, 0, True
        self.transport.write(request)
        self.load.asked += 1

    def data_received(self, data: bytes) -> None:
        self.size += len(data)
        if self.left < 0:  # the head is not whole yet
            data = self.head + data if self.head else data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.head = data
                return
            head = data[:end].lower()
            self.status, self.closes = head[9:12], b"\nconnection: close" in head
            at = head.find(b"\ncontent-length:")
            if at >= 0:
                self.left = int(head[at + 16 : (head.find(b"\r", at) + 1 or len(head) + 1) - 1])
            elif b"\ntransfer-encoding: chunked" in head:
                self.chunked, self.left, self.head = True, 0, b""
            else:
                self.left = 0 if self.status in (b"204", b"304") else 1 << 60  # up to the end of the connection
            data = data[end + 4 :]
        if self.chunked:
            self.take_chunks(data)
        else:
            self.left -= len(data)
            if self.left <= 0:
                self.answered()

    def take_chunks(self, data: bytes) -> None:
        """RFC 9112 §7.1: size in hexadecimal, line end, that many bytes, line end; size 0 is the last."""
        if self.left >= len(data):
            self.left -= len(data)
            return
        data, at = self.head + data, self.left  # what is kept begins with a size
        self.head = b""
        while True:
            end = data.find(b"\r\n", at)
            if end < 0:
                self.head, self.left = data[at:], 0
                return
            size = int(data[at:end].split(b";")[0], 16)
            if size == 0:
                if len(data) < end + 4:  # no trailers are expected: one empty line
                    self.head, self.left = data[at:], 0
                    return
                self.answered()
                return
            at = end + 2 + size + 2
            if at >= len(data):
                self.left = at - len(data)
                return

    def answered(self) -> None:
        self.asking = False
        self.load.note(self.started, self.status, int(self.size))
        if self.closes:
            assert self.transport is not None
            self.transport.close()
        elif wait := self.load.rest if self.status[:1] == b"2" else self.load.pause:
            asyncio.get_running_loop().call_later(wait, self.ask)
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.asking:
            self.asking = False
            if self.left >= 1 << 59:
                self.load.note(self.started, self.status, int(self.size))
            elif self.started >= self.load.begin:
                self.load.failures[f"connection ended {'in' if self.status else 'before'} the answer"] += 1
        self.leave()

    def leave(self) -> None:
        if self.transport is not None:
            self.transport.close()
        if not self.done.done():
            self.done.set_result(None)


async def client(load: Load) -> None:
    """Keep one connection busy until the time is over; what never answers is a failure."""
    loop = asyncio.get_running_loop()
    source = (load.source, 0) if load.source else None
    while time.perf_counter() < load.until:
        done: asyncio.Future[None] = loop.create_future()
        try:
            _, connection = await loop.create_connection(
                lambda done=done: Connection(load, done), "127.0.0.1", load.port, local_addr=source
            )
        except OSError as error:
            load.failures[f"no connection: {error.strerror}"] += 1
            await asyncio.sleep(0.05)
            continue
        while not done.done():
            await asyncio.wait([done], timeout=1 if not load.leave else 0.1)
            if load.leave and time.perf_counter() > load.until:
                connection.asking = False
                connection.leave()
            if connection.asking and time.perf_counter() - connection.started > load.patience:
                load.failures[f"no whole answer in {load.patience:g} s"] += 1
                connection.asking = False
                connection.leave()
        if load.pause and connection.status[:1] != b"2":
            await asyncio.sleep(load.pause)


async def run(load: Load) -> None:
    await asyncio.gather(*(client(load) for _ in range(load.connections)))


def main() -> None:
    load = Load(**json.load(sys.stdin))
    try:
        import uvloop
    except ImportError:
        asyncio.run(run(load))
    else:
        uvloop.run(run(load))
    print(json.dumps(load.result()))


if __name__ == "__main__":
    main()
