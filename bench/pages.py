"""Pages, side by side with Trifid: the page of a unit and its Turtle, kept and made anew, at every size in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import peers
import processes
import synthetic
from peers import Data, Server, Skipped

Row = dict[str, Any]
TRIPLES_PER_UNIT = 1_500  #: a steady unit with its projects takes less
MOST_UNITS = 200  #: of which pages are asked
CONNECTIONS = (1, 8, 64)

#: What a browser sends with a link that was followed, and what an RDF client sends.
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,fr;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}
TURTLE = {"Accept": "text/turtle", "Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class Case:
    """What is asked for.

    `suffix` is that of our document, where Trifid has the thing itself; `hub` is the thing with many inverse links;
    `cold` is where no page is kept.
    """

    what: str
    suffix: str
    headers: dict[str, str]
    hub: bool = False
    cold: bool = False

    @property
    def asked(self) -> str:
        return "made anew" if self.cold else "the same"

    def targets(self, server: Server, graph: Data) -> list[str]:
        """One target, or those of many units in turn."""
        end = "" if server.name.startswith("trifid") else self.suffix
        if self.hub:
            paths = [f"/source/{synthetic.SURVEY}"]
        else:
            paths = [f"/unit/n{number}" for number in range(min(MOST_UNITS, graph.triples // TRIPLES_PER_UNIT))]
        return [path + end for path in (paths if self.cold else paths[:1])]


CASES = [
    Case(what, suffix, headers, hub, cold)
    for what, suffix, headers, hub in (
        ("unit page", ".html", BROWSER, False),
        ("unit as Turtle", ".ttl", TURTLE, False),
        ("page of a source of everything", ".html", BROWSER, True),
    )
    for cold in (False, True)
]


def measure(graphs: Iterable[Data], seconds: float) -> list[Row]:
    """All servers over graphs of all sizes are up; each case is measured on one after the other, twice.

    The better round counts. So what else the machine does falls on all sizes and all servers alike.
    """
    rows: list[Row] = []
    with ExitStack() as stack:
        started = [pair for graph in graphs for pair in _started(stack, graph, rows)]
        smallest = min(graph.triples for _, graph in started)
        for case in CASES:
            left_out = peers.UNITGRAPH if case.cold else peers.UNITGRAPH_KEEPING_NOTHING
            running = [(server, graph) for server, graph in started if server.name != left_out]
            for connections in CONNECTIONS[: 1 if case.hub else None]:
                best: dict[tuple[str, int], dict[str, Any]] = {}
                length = seconds if connections > 8 else seconds / 2  # where each waits for many, a few are not enough
                for server, graph in running * 2:
                    found, key = _load(server, graph, case, connections, length), (server.name, graph.triples)
                    best[key] = _better(best.get(key, found), found)
                for server, graph in running:
                    found = best[server.name, graph.triples]
                    row = {"triples": graph.triples, "what": case.what, "asked": case.asked, "connections": connections}
                    row |= {"server": server.name, **processes.figures(found), "bytes": found["bytes_per_answer"]}
                    peer = next(
                        (best[key] for key in best if key[0].startswith("trifid") and key[1] == graph.triples), None
                    )
                    if peer and peer["requests_per_second"] and not case.hub:  # whose page has no inverse links
                        row[": trifid"] = round(found["requests_per_second"] / peer["requests_per_second"], 1)
                    row |= _growth(found, best[server.name, smallest])
                    rows.append(row)
    return sorted(rows, key=lambda row: row["triples"])


def _started(stack: ExitStack, graph: Data, rows: list[Row]) -> Iterator[tuple[Server, Data]]:
    starting: tuple[Callable[[Data], Any], ...] = (peers.unitgraph, peers.unitgraph_keeping_nothing, peers.trifid)
    for peer in starting:
        try:
            yield stack.enter_context(peer(graph)), graph
        except Skipped as error:
            print(f"  skipped: {error}", file=sys.stderr)
            rows.append({"triples": graph.triples, "what": str(error), "server": f"{peer.__name__}: not here"})


def _load(server: Server, graph: Data, case: Case, connections: int, seconds: float) -> dict[str, Any]:
    before = processes.processor_seconds(server.pid)
    targets = case.targets(server, graph)
    found = processes.load(server.port, targets, connections, seconds, headers=case.headers, warm_up=0.3)
    after = processes.processor_seconds(server.pid)
    if before is not None and after is not None and found["asked"]:
        found["cpu_ms"] = round((after - before) / found["asked"] * 1000, 3)
    return found


def _better(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The round with more answers, with the lower processor time of both: it only grows where others disturb."""
    better = max(one, other, key=lambda found: float(found["requests_per_second"]))
    return better | {"cpu_ms": min(filter(None, (one.get("cpu_ms"), other.get("cpu_ms"))), default=None)}


def _growth(found: dict[str, Any], smallest: dict[str, Any]) -> Row:
    """What an answer costs beside the smallest graph: processor time, which other work disturbs least, and median."""
    said: Row = {}
    for name, figure in (("CPU : smallest", "cpu_ms"), ("p50 : smallest", "p50_ms")):
        if found is not smallest and found.get(figure) and smallest.get(figure):
            said[name] = round(found[figure] / smallest[figure], 2)
    return said
