"""Which server to stand behind: speed of a page, and the three demands that speed does not show.

(a) an answer that fails after its first byte must not look whole;
(b) a client that leaves before the first byte can be noticed: the client's socket can be reached;
(c) 64 slow readers must not delay a page.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = b"<!doctype html>" + b"x" * 20_000

COMMANDS = {
    "gunicorn gthread": "-m gunicorn -w 2 -k gthread --threads 64 --log-level critical -b 127.0.0.1:{port} {app}",
    "gunicorn sync": "-m gunicorn -w 2 -k sync --log-level critical -b 127.0.0.1:{port} {app}",
    "granian": "-m granian --interface wsgi --workers 2 --no-log --host 127.0.0.1 --port {port} {app}",
    "waitress": "-m waitress --threads 64 --listen 127.0.0.1:{port} {app}",
}


def probe(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A small application: a page, a stream that fails, a long stream, and whether the socket is at hand."""
    path = environ["PATH_INFO"]
    if path == "/fail":
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first\n" * 2000
        raise RuntimeError("broken off")
    if path == "/socket":
        known = any(key in environ for key in ("gunicorn.socket", "waitress.client_disconnected"))
        body = b"yes" if known else b"no"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        yield body
        return
    if path == "/long":
        start_response("200 OK", [("Content-Type", "text/plain")])
        for _ in range(400):
            yield b"y" * 65_536
        return
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    yield PAGE


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, cwd: Path = HERE) -> Iterator[None]:
    """A server process on loopback, ended by its own id."""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=quiet, stderr=quiet)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command} did not start")
        time.sleep(0.5)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load(port: int, path: str, connections: int, seconds: float, accept: str = "*/*") -> dict[str, float]:
    """The load generator in its own process."""
    command = [sys.executable, str(HERE / "load.py"), str(port), path, str(connections), str(seconds), accept]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


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


def knows_its_client(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = b""
        while part := connection.recv(65536):
            data += part
    return data.endswith(b"yes")


def beside_slow_readers(port: int) -> dict[str, float]:
    """The page's times while 64 clients read a 26 MB answer very slowly."""
    slow = []
    try:
        for _ in range(64):
            connection = socket.create_connection(("127.0.0.1", port), 5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            slow.append(connection)
        time.sleep(0.5)
        command = [sys.executable, str(HERE / "load.py"), str(port), "/", "2", "3"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
        except subprocess.TimeoutExpired:
            return {"requests_per_second": 0.0, "p99_ms": float("inf")}
        return dict(json.loads(done.stdout))
    finally:
        for connection in slow:
            connection.close()


def measure(seconds: float = 3) -> list[dict[str, Any]]:
    """One row for each server that is installed."""
    found = []
    for name, template in COMMANDS.items():
        if importlib.util.find_spec(name.split()[0]) is None:
            continue
        port = free_port()
        command = [sys.executable, *template.format(port=port, app="servers:probe").split()]
        with running(command, port), tempfile.TemporaryDirectory():
            page = load(port, "/", 8, seconds)
            row = {
                "server": name,
                "page requests/s": page["requests_per_second"],
                "page p99 ms": page["p99_ms"],
                "failed stream looks whole": ends_cleanly(port),
                "client can be watched": knows_its_client(port),
            }
            slow = beside_slow_readers(port)
            row["requests/s beside 64 slow readers"] = slow["requests_per_second"]
            row["p99 ms beside them"] = slow["p99_ms"]
        found.append(row)
    return found


if __name__ == "__main__":
    for row in measure():
        print(json.dumps(row))
