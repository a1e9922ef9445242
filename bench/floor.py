"""The floor: a socket that answers every request with the same bytes. `python bench/floor.py PORT BYTES`.

What the load generator reaches here is the most that it could measure of any server.
"""

from __future__ import annotations

import asyncio
import sys


class Answer(asyncio.Protocol):
    """Writes the answer once for each request head."""

    body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.body * data.count(b"\r\n\r\n"))  # type: ignore[attr-defined]


async def serve(port: int, size: int) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    Answer.body = head.encode() + b"x" * size
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    port, size = map(int, sys.argv[1:])
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(port, size))
    else:
        uvloop.run(serve(port, size))
