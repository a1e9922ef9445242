"""The production server: gunicorn with its ASGI workers, run from our own command line.

Chosen by measurement (docs/why.md): it breaks the connection when an answer fails after its first byte, ends what is
under way for a client that has left, and holds any number of slow readers without a thread for each.
"""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from unitgraph.engine import Engine
from unitgraph.errors import QueryFailed
from unitgraph.settings import Settings
from unitgraph.site import Publication

if TYPE_CHECKING:
    from unitgraph.web.front import Front

HEAD_SECONDS = 20  #: a connection that has sent no whole request head by then is closed


class Protocol(ASGIProtocol):  # type: ignore[misc]  # gunicorn comes without types
    """A connection that says nothing, or only a part of a request, does not stay."""

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(transport)
        self.worker.loop.call_later(HEAD_SECONDS, self._look)

    def _look(self) -> None:
        if self.req_count <= 1 and self._current_request is None:
            self._close_transport()


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # gunicorn comes without types
    """gunicorn's worker, with our limit on request heads."""

    def init_process(self) -> None:
        """Begin to serve."""
        gasgi.ASGIProtocol = Protocol  # which it looks up by this name for each connection
        super().init_process()


class Quiet(logging.Filter):
    """An answer that was broken off on purpose is no fault of the server."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it."""
        return not (record.exc_info and isinstance(record.exc_info[1], QueryFailed))


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn comes without types
    """Serves the current release of a folder from several processes, until SIGTERM or SIGINT."""

    def __init__(self, listener: socket.socket, out: Path, engine: Engine, settings: Settings, base: str) -> None:
        self.listener, self.out, self.engine, self.settings, self.base = listener, out, engine, settings, base
        self.address = listener.getsockname()[:2]
        super().__init__()

    def load_config(self) -> None:
        """What gunicorn should do."""
        options: dict[str, Any] = {
            "bind": f"fd://{self.listener.fileno()}",
            "workers": self.settings.workers,
            "worker_class": f"{__name__}.Worker",
            "asgi_disconnect_grace_period": 0,  # what is under way for a client that has left ends at once
            "keepalive": 15,
            "timeout": 120,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "limit_request_line": 8190,  # the most that it takes: a query in an address is long
            "post_worker_init": self._ready,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Front:
        """The application, made after the fork: an open store has threads."""
        from unitgraph.web import create_app

        logging.getLogger("gunicorn.error").addFilter(Quiet())
        return create_app(Publication(self.out, self.engine, self.settings))

    def _ready(self, worker: Any) -> None:
        if worker.age == 1:
            host, port = self.address
            print(f"serving {self.base}", flush=True)
            if f":{port}/" not in self.base:
                print(f"listening on {host}:{port}", flush=True)
