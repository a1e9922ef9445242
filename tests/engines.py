"""Engines of others, started for the tests on free ports of loopback and ended by their process."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unitgraph import load
from unitgraph.engine import Stream
from unitgraph.engine.remote import RemoteEngine
from unitgraph.release import open_release
from unitgraph.settings import Settings

#: Tests of the site that an engine of others does not pass, each with its reason. They are run, and must fail.
DIFFERENCES: dict[str, dict[str, str]] = {
    "oxigraph": {
        "test_web.py::test_the_limits_stand_in_the_description_and_in_the_status": "its walls are not known here",
        "test_web.py::test_an_answer_that_is_not_known_is_not_said_to_be_the_same": "its answers are not kept here",
    },
    "virtuoso": {
        "test_web.py::test_the_limits_stand_in_the_description_and_in_the_status": "its walls are not known here",
        "test_web.py::test_an_answer_that_is_not_known_is_not_said_to_be_the_same": "its answers are not kept here",
        "test_web.py::test_the_three_ways_to_send_a_query": "variables have ASCII names only",
    },
}

#: Saved queries whose rows come in another order: Virtuoso sorts long texts by when they came, not by letters.
OTHER_ORDER: dict[str, set[str]] = {
    "oxigraph": set(),
    "virtuoso": {
        "channels",
        "names-in-language",
        "organisations",
        "partners",
        "projects-by-form",
        "vision-and-mission",
    },
}

VIRTUOSO_INI = """
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
FileExtend = 200
MaxCheckpointRemap = 2000
TempStorage = TempDatabase
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
MaxCheckpointRemap = 2000
[Parameters]
ServerPort = 127.0.0.1:{sql_port}
DisableUnixSocket = 1
MaxClientConnections = 30
CheckpointInterval = 0
DirsAllowed = .
NumberOfBuffers = 10000
MaxDirtyBuffers = 6000
ThreadsPerQuery = 1
MaxQueryMem = 500M
[HTTPServer]
ServerPort = 127.0.0.1:{port}
ServerRoot = .
ServerThreads = 30
MaxKeepAlives = 30
KeepAliveTimeout = 10
Charset = UTF-8
[SPARQL]
ResultSetMaxRows = {rows}
"""


def oxigraph_command() -> str | None:
    """Oxigraph's server, which the package `oxigraph` puts beside Python."""
    beside = Path(sys.executable).parent / "oxigraph"
    return str(beside) if beside.exists() else shutil.which("oxigraph")


def virtuoso_command() -> str | None:
    """Virtuoso's server, from Debian's `virtuoso-opensource`."""
    return shutil.which("virtuoso-t")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(name: str, folder: Path, rows: int = 100_000_000) -> Iterator[Settings]:
    """An engine, empty; the settings that name it. `rows` is where Virtuoso cuts an answer."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    if name == "oxigraph":
        command = [str(oxigraph_command()), "serve", "--location", str(folder / "db"), "--bind", f"127.0.0.1:{port}"]
    else:
        text = VIRTUOSO_INI.format(sql_port=free_port(), port=port, rows=rows)
        (folder / "virtuoso.ini").write_text(text, "utf-8")
        command = [str(virtuoso_command()), "+configfile", "virtuoso.ini", "+foreground"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _wait(process, port, folder)
        yield settings(name, port)
    finally:
        process.send_signal(signal.SIGTERM if name == "oxigraph" else signal.SIGKILL)
        process.wait()


def settings(name: str, port: int) -> Settings:
    """How to reach an engine on this port of loopback."""
    root = f"http://127.0.0.1:{port}"
    if name == "oxigraph":
        return Settings(query_seconds=5, engine=f"{root}/query", engine_graph_store=f"{root}/store")
    return Settings(
        query_seconds=5,
        engine=f"{root}/sparql",
        engine_graph_store=f"{root}/sparql-graph-crud-auth",
        engine_user="dba",
        engine_password="dba",
    )


def variables(chosen: Settings) -> dict[str, str]:
    """The same as variables of the environment."""
    names = ("engine", "engine_graph_store", "engine_update", "engine_user", "engine_password")
    return {f"UNITGRAPH_{name.upper()}": getattr(chosen, name) for name in names}


class LoadingEngine(RemoteEngine):
    """Loads a release when it is asked for the first time, as a publisher would have done before."""

    def ask(self, release_folder: Path, text: str, **options: Any) -> Stream:
        release = open_release(release_folder)
        if release.digest not in self._states:
            load.load(release, self.settings)
        return super().ask(release_folder, text, **options)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    for _ in range(1_200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            address = f"http://127.0.0.1:{port}/{'query' if (folder / 'db').exists() else 'sparql'}?query=ASK%7B%7D"
            with urllib.request.urlopen(address, timeout=5):
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the engine did not start: {(folder / 'output').read_text('utf-8', 'replace')[-500:]}")
