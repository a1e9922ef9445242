"""The servers that are compared, each over the same synthetic graph: ours, Oxigraph's own, rdflib-endpoint.

A peer that is not installed, or cannot hold a graph of that size, is left out with a sentence that says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
import synthetic

VERSION = "2026.01.1"
RDFLIB_TRIPLES = 100_000  #: rdflib holds the graph in Python objects, and reads it for minutes beyond this
JSON = "application/sparql-results+json"


@dataclass(frozen=True)
class Data:
    """A synthetic graph on disk: `file` as N-Quads, `releases` as a folder that `unitgraph serve` takes.

    `made` says what it took: seconds to write and to load, sizes in bytes, the loader's peak memory.
    """

    triples: int
    file: Path
    releases: Path
    made: dict[str, Any]

    @property
    def store(self) -> Path:
        return self.releases / VERSION / "store"


def data(folder: Path, triples: int) -> Data:
    """The graph of that size, made now unless the folder holds it; in a process of its own, which a store asks for."""
    root = folder / str(triples)
    made = root / "made.json"
    if not made.exists():
        root.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([sys.executable, __file__, str(root), str(triples)], capture_output=True, check=True)
        made.write_bytes(done.stdout)
    return Data(triples, root / "data.nq", root / "releases", json.loads(made.read_text()))


def make(root: Path, triples: int) -> dict[str, Any]:
    """Write the graph, then a release of it: a store, as `unitgraph build` makes it, and a manifest."""
    from pyoxigraph import RdfFormat, Store

    file, release = root / "data.nq", root / "releases" / VERSION
    started = time.monotonic()
    with file.open("w", encoding="utf-8") as out:
        synthetic.write(out, triples)
    written = time.monotonic()
    shutil.rmtree(release, ignore_errors=True)
    release.mkdir(parents=True)
    store = Store(str(release / "store"))
    store.bulk_load(path=str(file), format=RdfFormat.N_QUADS)
    store.flush()
    store.optimize()
    loaded = time.monotonic()
    manifest = {
        "version": VERSION,
        "issued": "2026-01-01T00:00:00Z",
        "base": synthetic.BASE,
        "canonicalBase": synthetic.BASE,
        "content": "0" * 64,  # nobody verifies it: this release is only served
        "quads": triples,
        "predecessor": None,
        "replaces": None,
        "members": {"data.nq": {"size": file.stat().st_size, "sha256": "0" * 64}},
    }
    (release / "manifest.json").write_text(json.dumps(manifest))
    (root / "releases" / "CURRENT").write_text(VERSION)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "write_seconds": round(written - started, 2),
        "load_seconds": round(loaded - written, 2),
        "file_bytes": file.stat().st_size,
        "store_bytes": sum(p.stat().st_size for p in (release / "store").rglob("*") if p.is_file()),
        "load_peak_bytes": peak,
    }


@dataclass(frozen=True)
class Server:
    """A server that runs: `pid` of its first process, `path` of its endpoint up to the query's text."""

    name: str
    port: int
    pid: int
    path: str


class Skipped(Exception):
    """This peer is not measured; the sentence says why."""


@contextlib.contextmanager
def unitgraph(graph: Data) -> Iterator[Server]:
    port = processes.free_port()
    command = [sys.executable, "-m", "unitgraph.cli", "serve", str(graph.releases), "--port", str(port)]
    with processes.running(command, port) as process:
        yield Server("unitgraph", port, process.pid, "/sparql?query=")


@contextlib.contextmanager
def oxigraph(graph: Data) -> Iterator[Server]:
    """Oxigraph's own server, without `--timeout-s`: that keeps a thread for each query until the time is over.

    At 3,000 requests a second and 30 s it answers 500 after some seconds, and then dies.
    """
    found = Path(sys.executable).parent / "oxigraph"
    binary = str(found) if found.exists() else shutil.which("oxigraph")
    if binary is None:
        raise Skipped("oxigraph is not installed; `make bench` installs it")
    port = processes.free_port()
    command = [binary, "serve-read-only", "--location", str(graph.store), "--bind", f"127.0.0.1:{port}"]
    with processes.running([*command, "--union-default-graph"], port) as process:
        yield Server("oxigraph serve-read-only", port, process.pid, "/query?query=")


@contextlib.contextmanager
def rdflib_endpoint(graph: Data) -> Iterator[Server]:
    if importlib.util.find_spec("rdflib_endpoint") is None:
        raise Skipped("rdflib-endpoint is not installed; `make bench` installs it")
    if graph.triples > RDFLIB_TRIPLES:
        raise Skipped(f"rdflib-endpoint holds the graph in memory; it is measured up to {RDFLIB_TRIPLES:,} triples")
    port = processes.free_port()
    command = [sys.executable, "-m", "rdflib_endpoint", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with processes.running([*command, str(graph.file)], port) as process:
        yield Server("rdflib-endpoint", port, process.pid, "/?query=")


ALL = (oxigraph, unitgraph, rdflib_endpoint)


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]), int(sys.argv[2]))))
