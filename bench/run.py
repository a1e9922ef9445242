"""`make bench`: how fast it is, each figure beside a peer or a raw engine of the same run.

Everything is started here, on loopback, and ends by itself. Prints tables in Markdown; `--json` prints JSON instead.
With `--save` the sections that ran replace those in bench/results.json, and docs/performance.md is written anew.

    python bench/run.py --triples 100k,1M --only speed,streaming
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
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

import pages
import peers
import processes
import servers
import sparql
import synthetic
from processes import ROOT

RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
MARK = "<!-- What follows is written by `make bench ARGS=--save`. -->"
PACKAGES = ("pyoxigraph", "oxigraph", "rdflib", "rdflib-endpoint", "gunicorn", "uvicorn", "granian", "waitress")
QUERY = "SELECT ?unit ?label WHERE { ?unit a <https://w3id.org/unitgraph/ns#Unit> ; \
<http://www.w3.org/2004/02/skos/core#prefLabel> ?label } LIMIT 20"

Row = dict[str, Any]


def editing(_: argparse.Namespace, __: Path) -> list[Row]:
    """The editor's loop, beside what any use of pyshacl costs: importing it and reading the files."""

    def command(*arguments: str) -> Callable[[], object]:
        variables = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        return lambda: subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=variables, capture_output=True, check=True
        )

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


def timed(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of several runs: the others were disturbed."""
    taken = []
    for _ in range(times):
        started = time.monotonic()
        work()
        taken.append(time.monotonic() - started)
    return min(taken)


def site(options: argparse.Namespace, _: Path) -> list[Row]:
    """Pages and queries of the real server over the real graph, beside the same server with an application of bytes."""
    port = processes.free_port()
    bare = [sys.executable, *servers.COMMANDS["gunicorn gthread"].format(port=port).split()]
    with processes.running(bare, port):
        floor = processes.load(port, ["/"], 8, options.seconds, warm_up=0.3)
    cases = [
        ("unit page", "/unit/arl.html", "text/html"),
        ("unit as Turtle", "/unit/arl.ttl", "text/turtle"),
        ("list of units", "/unit.html", "text/html"),
        ("303 of a thing", "/unit/arl", "text/turtle"),
        ("small SPARQL query", f"/sparql?query={quote(QUERY)}", "application/sparql-results+json"),
    ]
    rows = [{"what": "a page of bytes, gunicorn with threads", **processes.figures(floor), "ratio": 1.0}]
    port = processes.free_port()
    command = [sys.executable, "-m", "unitgraph.cli", "serve", "--port", str(port)]
    with tempfile.TemporaryDirectory() as cache, processes.running(command, port, ROOT, XDG_CACHE_HOME=cache):
        for name, path, accept in cases:
            found = processes.load(port, [path], 8, options.seconds, headers={"Accept": accept}, warm_up=0.3)
            ratio = round(found["requests_per_second"] / floor["requests_per_second"], 3)
            rows.append({"what": name, **processes.figures(found), "ratio": ratio})
    return rows


def front(options: argparse.Namespace, _: Path) -> list[Row]:
    return servers.measure(options.seconds)


def at_each_size(measure: Callable[[peers.Data, float], list[Row]]) -> Callable[..., list[Row]]:
    """A section that is measured over a graph of each size that was asked for."""

    def section(options: argparse.Namespace, folder: Path) -> list[Row]:
        return [row for size in options.triples for row in measure(peers.data(folder, size), options.seconds)]

    return section


def grown(options: argparse.Namespace, folder: Path) -> list[Row]:
    return sparql.growth((peers.data(folder, size) for size in options.growth), options.seconds)


def pages_at_each_size(options: argparse.Namespace, folder: Path) -> list[Row]:
    return pages.measure([peers.data(folder, size) for size in options.pages], options.seconds)


#: name on the command line: title, what the figures are, how to measure
SECTIONS: dict[str, tuple[str, str, Callable[[argparse.Namespace, Path], list[Row]]]] = {
    "speed": (
        "A small query",
        "Labels of the projects of one unit, 20 rows, over kept connections; each time another text, which no cache "
        "can hold, or the same again. The last columns are ratios to a peer in the same case. Each case is measured on "
        "all servers in turn, twice; the better round counts. Processor time is that of all processes of the server; "
        "it is what other work on the machine disturbs least.",
        at_each_size(sparql.throughput),
    ),
    "streaming": (
        "A million rows",
        "First byte: the median of five on an idle server, the client leaving after it. Growth is of PSS, at most, "
        "while one answer is read whole; Oxigraph's server counts as a web process.",
        at_each_size(sparql.streaming),
    ),
    "shapes": (
        "Twelve shapes of query",
        "Median times of whole answers, one at a time; bench/engines.py has the texts. `pyoxigraph` is the engine "
        "in-process, with nothing around it; rdflib has one graph in memory.",
        at_each_size(sparql.twelve_shapes),
    ),
    "neighbours": (
        "Neighbours of heavy queries",
        "One client (127.0.0.3) asks cross products without pause; four others (127.0.0.2) ask small queries, up to 50 "
        "a second each. The ratio is to the p99 of the same server just before; in the rows with no heavy query it "
        "shows how steady the machine was. Oxigraph's server runs without a time limit.",
        at_each_size(sparql.neighbours),
    ),
    "growth": (
        "Growth",
        "Load is what a build does after the checks: N-Quads into the store, in one process. The exponents are those "
        "of a power law between this size and the one before: 1 is linear, 0 constant.",
        grown,
    ),
    "pages": (
        "Pages",
        "The page of a unit as a browser asks for it, and its Turtle: the same again and again, as deployed, or those "
        "of many units from a server that keeps no page, so that each is made anew. A unit has a dozen projects at "
        "every size; the source of everything has a tenth as many inverse links as the graph has triples, and Trifid's "
        "page of it shows none. A browser that follows the link of a thing asks twice here, since the thing answers "
        "303 with its document; Trifid sends the document. `: smallest` compares with the smallest graph in the same "
        "case.",
        pages_at_each_size,
    ),
    "editing": ("Editing", "Seconds for the graph in this repository, the fastest of three.", editing),
    "site": ("Site", "Pages of the graph in this repository, 8 connections, with whatever the site caches.", site),
    "servers": (
        "Servers",
        "A page of 20 kB from an application that does nothing, 2 processes each (waitress has one), 8 connections, "
        "and the demands that speed does not show (bench/servers.py).",
        front,
    ),
}
GROUPS = {"sparql": ["speed", "streaming", "shapes", "neighbours", "growth"], "web": ["pages", "site", "servers"]}


def machine() -> str:
    """The machine in a line: what decides speed, nothing that names it."""
    cpu = next(
        (r.split(":")[1].strip() for r in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in r), ""
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    cores = f"{os.cpu_count()} cores {re.sub(r' +', ' ', cpu)}"
    return f"{cores}, {memory} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def versions() -> str:
    """The packages that are compared, with their versions."""
    found = []
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


def others_percent() -> int | None:
    """Share of all processors that others use while we rest for two seconds; None where the system does not tell."""
    samples = []
    for seconds in (2, 0):
        with contextlib.suppress(OSError):
            samples.append([int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]])
        time.sleep(seconds)
    if len(samples) < 2:
        return None
    spent = [after - before for before, after in zip(*samples, strict=True)]
    return round(100 * (1 - (spent[3] + spent[4]) / max(sum(spent), 1)))  # idle and iowait


def measured(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One section: its rows, and under which circumstances they were found."""
    _, _, measure = SECTIONS[name]
    others = others_percent()
    print(f"measuring {name} …", file=sys.stderr)
    if others and others > 10:
        print(f"  other work uses {others} % of the processors: trust the ratios only, and not far", file=sys.stderr)
    started = time.monotonic()
    rows = measure(options, folder)
    print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr)
    return {
        "machine": machine(),
        "packages": versions(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": options.seconds,
        "others_percent": others,
        "rows": rows,
    }


def table(rows: list[Row]) -> str:
    """Rows as a Markdown table; numbers stand to the right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {n for n in names if all(isinstance(row.get(n), int | float | None) or row[n] == "" for row in rows)}
    lines = ["| " + " | ".join(names) + " |", "|" + "".join(" ---: |" if n in numeric else " --- |" for n in names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1_000 else f"{value:g}"
    return "" if value is None else str(value)


def report(found: dict[str, dict[str, Any]]) -> str:
    """All sections as Markdown; circumstances once, unless they differ."""
    parts, last = [], ""
    for name, (title, note, _) in SECTIONS.items():
        if name not in found:
            continue
        said = found[name]
        where = f"{said['machine']}. {said['packages']}. {said['date']}; {said['seconds']:g} s for each measurement."
        parts.append(f"## {title}\n\n{note}\n")
        if where != last:
            parts.append(f"Measured on {where}\n")
        if said["others_percent"] is not None and said["others_percent"] > 10:
            parts.append(f"Other work used {said['others_percent']} % of the processors just before.\n")
        parts.append(table(said["rows"]))
        last = where
    return "\n".join(parts)


def save(found: dict[str, dict[str, Any]]) -> None:
    """Put these sections in the place of their predecessors; what is above the mark in the page stays."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    kept = {name: {**kept, **found}[name] for name in SECTIONS if name in {**kept, **found}}
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    introduction = PAGE.read_text("utf-8").partition(MARK)[0] if PAGE.exists() else "# Performance\n\n"
    PAGE.write_text(f"{introduction}{MARK}\n\n{report(kept)}", "utf-8")


def arguments() -> argparse.Namespace:
    def sizes(text: str) -> list[int]:
        return [synthetic.count(part) for part in text.split(",")]

    def names(text: str) -> list[str]:
        wanted = [name for part in text.split(",") for name in GROUPS.get(part, [part])]
        if unknown := [name for name in wanted if name not in SECTIONS]:
            raise argparse.ArgumentTypeError(f"no section {unknown[0]!r}; there are {', '.join([*SECTIONS, *GROUPS])}")
        return wanted

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    every = ", ".join([*SECTIONS, *(f"{group} ({', '.join(members)})" for group, members in GROUPS.items())])
    parser.add_argument("--only", type=names, default=list(SECTIONS), help=f"sections, with commas: {every}")
    parser.add_argument("--triples", type=sizes, default=[100_000], help="sizes of the graph, with commas: 10k,1M")
    parser.add_argument("--growth", type=sizes, default=[10_000, 100_000, 1_000_000], help="sizes of section growth")
    parser.add_argument("--pages", type=sizes, default=[10_000, 1_000_000], help="sizes of section pages")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement under load")
    parser.add_argument("--folder", type=Path, help="where the graphs are made and kept; otherwise a temporary folder")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--save", action="store_true", help="write bench/results.json and docs/performance.md")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = {name: measured(name, options, folder) for name in SECTIONS if name in options.only}
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else report(found))
    if options.save:
        save(found)


if __name__ == "__main__":
    main()
