"""The production server: gunicorn with threads, run from our own command line.

Chosen by measurement (docs/why.md): of the servers tried it is the one that breaks the connection when an
answer fails after its first byte, and that shows the client's socket to who wants to know if it is still there.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from unitgraph.engine import Engine
from unitgraph.settings import Settings
from unitgraph.site import Publication

if TYPE_CHECKING:
    from flask import Flask


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
            "worker_class": "gthread",
            "threads": self.settings.threads,
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

    def load(self) -> Flask:
        """The application, made after the fork: an open store has threads."""
        from unitgraph.web import create_app

        return create_app(Publication(self.out, self.engine, self.settings))

    def _ready(self, worker: Any) -> None:
        if worker.age == 1:
            host, port = self.address
            print(f"serving {self.base}", flush=True)
            if f":{port}/" not in self.base:
                print(f"listening on {host}:{port}", flush=True)
