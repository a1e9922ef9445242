"""The servers that are compared, each over the same synthetic graph: ours, Oxigraph's own, rdflib-endpoint, Trifid.

A peer that is not installed, or cannot hold a graph of that size, is left out with a sentence that says so.
"""

from __future__ import annotations

import contextlib
import hashlib
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
UNITGRAPH, UNITGRAPH_KEEPING_NOTHING = "unitgraph", "unitgraph, keeps none"
TRIFID = processes.HERE / "trifid"  #: how it is installed and what it serves
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
    """Write the graph, then a release of it: a store and what is derived, as `unitgraph build` makes them."""
    from pyoxigraph import RdfFormat, Store

    from unitgraph import build, coverage, overview
    from unitgraph.coverage import COVERAGE
    from unitgraph.release import COUNTS, DATA, OVERVIEW, graph_counts, open_release

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
    lines = sorted(file.read_bytes().splitlines())
    (release / DATA).write_bytes(b"".join(line + b"\n" for line in lines))
    build.write_file(release / COUNTS, json.dumps(graph_counts(lines)).encode())
    build.write_file(release / COVERAGE, coverage.to_bytes(lines, synthetic.BASE))
    build.write_file(release / OVERVIEW, overview.to_bytes(store))
    build.write_index(release, lines, synthetic.BASE)
    derived = time.monotonic()
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
    build.write_changes(release, open_release(release))
    (root / "releases" / "CURRENT").write_text(VERSION)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "write_seconds": round(written - started, 2),
        "load_seconds": round(loaded - written, 2),
        "derive_seconds": round(derived - loaded, 2),
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
def unitgraph(graph: Data, name: str = UNITGRAPH, **variables: str) -> Iterator[Server]:
    port = processes.free_port()
    command = [sys.executable, "-m", "unitgraph.cli", "serve", str(graph.releases), "--port", str(port)]
    with processes.running(command, port, **variables) as process:
        yield Server(name, port, process.pid, "/sparql?query=")


def unitgraph_keeping_nothing(graph: Data) -> contextlib.AbstractContextManager[Server]:
    """Every page is made anew."""
    return unitgraph(graph, UNITGRAPH_KEEPING_NOTHING, UNITGRAPH_PAGE_BYTES="0")


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


@contextlib.contextmanager
def trifid(graph: Data) -> Iterator[Server]:
    """Trifid over the file, which it reads into memory; its own limit for that is half a minute."""
    program = _installed(graph.file.parents[1]) / "node_modules" / "trifid" / "server.js"
    port = processes.free_port()
    variables = {"DATASET_BASE_URL": synthetic.BASE, "FETCH_HANDLER_FILE": str(graph.file), "NODE_ENV": "production"}
    command = ["node", str(program), "--config", str(TRIFID / "config.yaml"), "--port", str(port)]
    with contextlib.ExitStack() as stack:
        try:
            process = stack.enter_context(processes.running(command, port, **variables))
        except RuntimeError as error:
            raise Skipped(f"Trifid did not start over {graph.triples:,} triples") from error
        yield Server(f"trifid {_trifid_version()}", port, process.pid, "/query?query=")


def _trifid_version() -> str:
    return str(json.loads((TRIFID / "package.json").read_text("utf-8"))["dependencies"]["trifid"])


def _installed(folder: Path) -> Path:
    """Where Trifid is: installed from the committed lock file, digests checked, beside the graphs.

    Raises:
        Skipped: npm or node is not here, or cannot install it.
    """
    if not (shutil.which("npm") and shutil.which("node")):
        raise Skipped("node and npm, which Trifid needs, are not here")
    lock = hashlib.sha256((TRIFID / "package-lock.json").read_bytes()).hexdigest()
    target = folder / f"trifid-{lock[:16]}"
    if not target.exists():
        aside = folder / "trifid"
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(TRIFID, aside)
        command = ["npm", "ci", "--ignore-scripts", "--no-progress"]
        done = subprocess.run(command, cwd=aside, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            raise Skipped(f"npm could not install Trifid: {done.stderr[-200:]}")
        aside.rename(target)
    return target


ALL = (oxigraph, unitgraph, rdflib_endpoint)


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]), int(sys.argv[2]))))
