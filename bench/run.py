"""`make bench`: how fast it is, each figure beside a peer or a raw engine of the same run.

Everything is started here, on loopback, and ends by itself. Prints tables; `--json` prints JSON.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import servers

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 3.0
QUERY = "SELECT ?unit ?label WHERE { ?unit a <https://w3id.org/unitgraph/ns#Unit> ; \
<http://www.w3.org/2004/02/skos/core#prefLabel> ?label } LIMIT 20"

Row = dict[str, Any]


def timed(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of several runs: the others were disturbed."""
    taken = []
    for _ in range(times):
        started = time.monotonic()
        work()
        taken.append(time.monotonic() - started)
    return min(taken)


def editing() -> list[Row]:
    """The editor's loop, against what any use of pyshacl costs: importing it and reading the files."""

    def command(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)

    floor = "import pyshacl, rdflib, pathlib\nfor p in pathlib.Path('data').rglob('*.ttl'): rdflib.Graph().parse(p)"
    raw = timed(command("-c", floor))
    with tempfile.TemporaryDirectory() as folder:
        build = ["-m", "unitgraph.cli", "build", "--out", folder]
        rows = [
            {"what": "rdflib reads the data, no checks", "seconds": round(raw, 2), "ratio": 1.0},
        ]
        for name, arguments in (("unitgraph check", ["-m", "unitgraph.cli", "check"]), ("unitgraph build", build)):
            taken = timed(command(*arguments))
            rows.append({"what": name, "seconds": round(taken, 2), "ratio": round(taken / raw, 2)})
    return rows


def site() -> list[Row]:
    """Pages and queries of the real server, against the same server with an application that does nothing."""
    rows = []
    port = servers.free_port()
    bare = [sys.executable, *servers.COMMANDS["gunicorn gthread"].format(port=port, app="servers:probe").split()]
    with servers.running(bare, port):
        floor = servers.load(port, "/", 8, SECONDS)
    rows.append({"what": "a page of bytes, same server", **floor, "ratio": 1.0})
    cases = [
        ("unit page", "/unit/arl.html", "text/html"),
        ("unit as Turtle", "/unit/arl.ttl", "text/turtle"),
        ("list of units", "/unit.html", "text/html"),
        ("303 of a thing", "/unit/arl", "text/turtle"),
        ("small SPARQL query", f"/sparql?query={quote(QUERY)}", "application/sparql-results+json"),
    ]
    port = servers.free_port()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        command = [sys.executable, "-m", "unitgraph.cli", "serve", "--port", str(port)]
        subprocess.run(
            [sys.executable, "-m", "unitgraph.cli", "query", "ASK {}"], cwd=ROOT, capture_output=True, check=True
        )
        log = Path(cache) / "log"
        with log.open("w") as file:
            process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        try:
            for _ in range(600):
                if "serving" in log.read_text():
                    break
                time.sleep(0.1)
            for name, path, accept in cases:
                measured = servers.load(port, path, 8, SECONDS, accept)
                ratio = round(measured["requests_per_second"] / floor["requests_per_second"], 3)
                rows.append({"what": name, **measured, "ratio": ratio})
        finally:
            process.terminate()
            process.wait(20)
    return rows


def machine() -> str:
    cpu = next(
        (r.split(":")[1].strip() for r in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in r), ""
    )
    return f"{os.cpu_count()} cores {re.sub(r' +', ' ', cpu)}, {platform.system()}, Python {platform.python_version()}"


def table(title: str, rows: list[Row]) -> str:
    """Rows as a Markdown table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"## {title}", "", "| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(str(row.get(name, "")) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    sections = {"Editing": editing, "Site": site, "Servers": servers.measure}
    found = {}
    for title, measure in sections.items():
        print(f"measuring {title.lower()} …", file=sys.stderr)
        found[title] = measure()
    if "--json" in sys.argv:
        print(json.dumps({"machine": machine(), **found}, indent=2))
        return
    print(f"{machine()}\n")
    for title, rows in found.items():
        print(table(title, rows))


if __name__ == "__main__":
    main()
