"""Which server to stand behind: speed of a page, and the three demands that speed does not show.

(a) an answer that fails after its first byte must not look whole;
(b) a client that leaves before the first byte can be noticed while the answer is still being made;
(c) 64 slow readers must not delay a page, and what they have not read yet must not pile up in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from processes import Watch, free_port, load, running, start_load

PAGE = b"<!doctype html>" + b"x" * 20_000
FAILS, LONG_PARTS, PART = b"first\n" * 2000, 400, b"y" * 65_536
NOTICE_SECONDS = 5.0

GUNICORN = "-m gunicorn -w 2 --log-level critical -b 127.0.0.1:{port}"
COMMANDS = {
    "gunicorn gthread": f"{GUNICORN} -k gthread --threads 64 servers:probe",
    "gunicorn sync": f"{GUNICORN} -k sync servers:probe",
    "gunicorn asgi": f"{GUNICORN} -k asgi servers:asgi_probe",
    "uvicorn": "-m uvicorn --workers 2 --log-level critical --no-access-log --port {port} servers:asgi_probe",
    "granian": "-m granian --interface wsgi --workers 2 --no-log --host 127.0.0.1 --port {port} servers:probe",
    "waitress": "-m waitress --threads 64 --channel-request-lookahead 1 --listen 127.0.0.1:{port} servers:probe",
}


def probe(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A small application: a page, a stream that fails, a long stream, and one that looks if its client is there."""
    path = environ["PATH_INFO"]
    if path == "/fail":
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield FAILS
        raise RuntimeError("broken off")
    if path == "/watch":
        watch(environ)
    if path == "/long":
        start_response("200 OK", [("Content-Type", "text/plain")])
        for _ in range(LONG_PARTS):
            yield PART
        return
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    yield PAGE


def watch(environ: dict[str, Any]) -> None:
    """Wait for the client to leave, by whatever the server offers for it; leave a note if it does."""
    left = environ.get("waitress.client_disconnected")
    client = environ.get("gunicorn.socket")
    until = time.monotonic() + NOTICE_SECONDS
    while (left or client) and time.monotonic() < until:
        if left and left():
            break
        if client and select.select([client], [], [], 0)[0] and not client.recv(1, socket.MSG_PEEK):
            break
        time.sleep(0.05)
    else:
        return
    noticed()


def noticed() -> None:
    (Path(os.environ["PROBE_FOLDER"]) / "left").touch()


async def asgi_probe(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same application for ASGI."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/watch":
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NOTICE_SECONDS):
                while (await receive())["type"] != "http.disconnect":
                    pass
                noticed()
                return
    fixed = path not in ("/fail", "/long")
    headers = [(b"content-type", b"text/html"), *([(b"content-length", b"%d" % len(PAGE))] if fixed else [])]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/fail":
        await send({"type": "http.response.body", "body": FAILS, "more_body": True})
        raise RuntimeError("broken off")
    for _ in range(LONG_PARTS if path == "/long" else 0):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": PAGE if fixed else b""})


def ends_cleanly(port: int) -> bool:
    """Whether a failed stream looks like a whole answer to its reader."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(5)
        connection.sendall(b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                data += part
                if data.endswith(b"0\r\n\r\n"):
                    return True
    return False


def notices_leaving(port: int, folder: Path) -> bool:
    """Whether the application learns that its client has left before the first byte."""
    note = folder / "left"
    note.unlink(missing_ok=True)
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET /watch HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
    until = time.monotonic() + NOTICE_SECONDS
    while time.monotonic() < until and not note.exists():
        time.sleep(0.05)
    return note.exists()


def beside_slow_readers(port: int) -> dict[str, Any]:
    """The page's times while 64 clients read a 26 MB answer very slowly."""
    slow = []
    try:
        for _ in range(64):
            connection = socket.create_connection(("127.0.0.1", port), 5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            slow.append(connection)
        time.sleep(0.5)
        return start_load(port, ["/"], 2, 3, patience=10, leave=True)()
    finally:
        for connection in slow:
            connection.close()


def measure(seconds: float = 3.0) -> list[dict[str, Any]]:
    """One row for each server that is installed."""
    found = []
    for name, template in COMMANDS.items():
        try:
            version = importlib.metadata.version(name.split()[0])
        except importlib.metadata.PackageNotFoundError:
            print(f"  skipped: {name} is not installed; `make bench` installs it", file=sys.stderr)
            continue
        port = free_port()
        command = [sys.executable, *template.format(port=port).split()]
        with tempfile.TemporaryDirectory() as folder, running(command, port, PROBE_FOLDER=folder) as process:
            page = load(port, ["/"], 8, seconds, warm_up=0.3)
            row = {
                "server": f"{name} {version}",
                "page requests/s": page["requests_per_second"],
                "page p99 ms": page["p99_ms"],
                "failed stream looks whole": "yes" if ends_cleanly(port) else "no",
                "leaving client noticed": "yes" if notices_leaving(port, Path(folder)) else "no",
            }
            with Watch(process.pid) as watched:
                slow = beside_slow_readers(port)
            row["requests/s beside 64 slow readers"] = slow["requests_per_second"]
            row["p99 ms beside them"] = slow["p99_ms"] or "no answer"
            row["MiB grown by them"] = round(watched.web / (1 << 20))
        found.append(row)
    return found
