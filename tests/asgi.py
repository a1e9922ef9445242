"""The ASGI application for tests: as a WSGI one, so that Werkzeug's client asks it without a server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.test import Client

_LOOP = asyncio.new_event_loop()
threading.Thread(target=_LOOP.run_forever, daemon=True).start()


def client(app: Any) -> Client:
    """A client of an ASGI application."""
    return Client(_as_wsgi(app))


def _as_wsgi(app: Any) -> Callable[..., Iterable[bytes]]:
    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = asyncio.run_coroutine_threadsafe(_ask(app, environ), _LOOP).result(120)
        start_response(f"{status} ", [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        return [body]

    return wsgi


async def _ask(app: Any, environ: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of one request; a failure on the way is raised."""
    headers = [
        (name[5:].replace("_", "-").lower().encode(), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers.append((name.replace("_", "-").lower().encode(), environ[name].encode("latin-1")))
    raw = environ.get("REQUEST_URI") or environ["PATH_INFO"]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        "raw_path": raw.partition("?")[0].encode("latin-1"),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    body, said = environ["wsgi.input"].read(), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], list(said[0]["headers"]), b"".join(message.get("body", b"") for message in said[1:])
