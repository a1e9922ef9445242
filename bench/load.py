"""A bounded load from loopback: requests over kept connections, their times, and what failed.

Runs as a process of its own so that it does not share an interpreter with what it measures:
`python bench/load.py PORT PATH CONNECTIONS SECONDS [ACCEPT]` prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


async def client(port: int, request: bytes, until: float, times: list[float], failures: list[str]) -> None:
    """One connection: ask, read the whole answer, ask again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        started = time.monotonic()
        writer.write(request)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            if b"transfer-encoding: chunked" in lower:
                while size := int((await reader.readline()).strip() or b"0", 16):
                    await reader.readexactly(size + 2)
                await reader.readline()
            else:
                length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError, IndexError, ValueError) as error:
            failures.append(repr(error))
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
            failures.append(head.split(b"\r\n")[0].decode())
        times.append(time.monotonic() - started)
        if b"connection: close" in lower:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def load(port: int, path: str, connections: int, seconds: float, accept: str) -> dict[str, float]:
    """Requests per second, and the 50th and 99th percentile of the answer times in milliseconds."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: {accept}\r\n\r\n".encode()
    times: list[float] = []
    failures: list[str] = []
    started = time.monotonic()
    until = started + min(seconds, 60)
    await asyncio.gather(*(client(port, request, until, times, failures) for _ in range(min(connections, 256))))
    times.sort()
    taken = time.monotonic() - started
    return {
        "requests_per_second": round(len(times) / taken, 1),
        "p50_ms": round(times[len(times) // 2] * 1000, 2) if times else 0,
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 2) if times else 0,
        "failures": len(failures),
    }


if __name__ == "__main__":
    port, path, connections, seconds, *rest = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(port), path, int(connections), float(seconds), *(rest or ["*/*"])))))
