"""A release is put into an engine elsewhere: in pieces, resumed where it was cut, counted before it counts.

What is there already is the state of an unfinished load: pieces are sent in order and are sets of triples, so
that the size of a graph tells which of them arrived. The state graph lists what will be there; one more triple
in it, written last, is how queries know that the release is there as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import urllib3
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from unitgraph import formats
from unitgraph.engine.remote import FORM, STATE, TRIPLES, UNION, Client, mark
from unitgraph.errors import EngineUnavailable, QueryFailed, ReleaseError, UsageError
from unitgraph.release import Release
from unitgraph.settings import Settings

PIECE_BYTES = 4 << 20  #: sent to a graph store at once
UPDATE_BYTES = 1 << 18  #: sent as one update: engines parse those as a whole
WRITE_SECONDS = 600.0  #: for one piece
COUNT_SECONDS = 600.0
NAMES_AT_ONCE = 200  #: graphs counted by one query
PROBE_ROWS = 100_000  #: an engine that cuts an answer of so many rows is not loaded into

Progress = Callable[[str, int, int], None]  #: what, triples done, triples in all


@dataclass(frozen=True)
class Loaded:
    """What a load did: `sent` triples of `triples`, the union counted, in `graphs` named graphs."""

    version: str
    digest: str
    graphs: int
    triples: int
    sent: int


def load(release: Release, settings: Settings, progress: Progress = lambda *_: None) -> Loaded:
    """Put a release into the engine that the settings name; what is there of it already is not sent again.

    Raises:
        UsageError: the settings name no engine, or no address to write to.
        EngineUnavailable: it does not answer, or does not let us write.
        ReleaseError: what the engine counts afterwards is not what was sent; nothing was switched.
    """
    client = _client(settings)
    prefix = mark(release.digest)
    graphs = by_graph(release)
    expected = {name: len(lines) for name, lines in graphs.items()}
    total = sum(expected.values())
    if client.state(release.digest) == expected:
        return Loaded(release.version, release.digest, len(graphs) - 1, total, 0)
    writer = _Writer(client, settings)
    writer.drop(prefix + STATE)
    writer.add(prefix + STATE, _sizes(prefix, expected))
    there = _counts(client, prefix, expected)
    done = sent = 0
    for name, lines in graphs.items():
        for start, piece in _missing(lines, there.get(name, 0), writer.piece_bytes):
            writer.add(prefix + name, piece)
            sent += len(piece)
            progress("loading", done + start + len(piece), total)
        done += len(lines)
        progress("loading", done, total)
    progress("counting", total, total)
    _require_counts(_counts(client, prefix, expected), expected, release.version)
    _require_whole_answers(client, prefix + UNION, expected[UNION])
    writer.add(prefix + STATE, _sizes(prefix, {STATE: len(expected)}))
    if release.manifest.replaces:  # what was withdrawn goes from here, too
        drop(release.manifest.replaces, settings)
    return Loaded(release.version, release.digest, len(graphs) - 1, total, sent)


def drop(digest: str, settings: Settings) -> int:
    """Take a release out of the engine; from the first step on nobody is answered from a half.

    Returns:
        How many graphs were dropped, its state apart.
    """
    client, prefix = _client(settings), mark(digest)
    names = client.graphs(digest)
    if not names:
        return 0
    writer = _Writer(client, settings)
    writer.add(prefix + STATE, _sizes(prefix, {"going": 0}))  # one more than it says there are
    for name in names:
        if name not in (STATE, "going"):
            writer.drop(prefix + name)
    writer.drop(prefix + STATE)
    return len(set(names) - {STATE, "going"})


def is_loaded(digest: str, settings: Settings) -> bool:
    """Whether the engine holds a release as a whole."""
    return _client(settings).state(digest) is not None


def by_graph(release: Release) -> dict[str, list[bytes]]:
    """The triples of a release, as sorted N-Triples lines, by named graph; last the union of all."""
    graphs: dict[str, list[bytes]] = {}
    for line in release.lines():
        triple, _, name = line.removesuffix(b"> .").rpartition(b" <")
        graphs.setdefault(name.decode(), []).append(triple + b" .")
    union = sorted({line for lines in graphs.values() for line in lines})
    return {**graphs, UNION: union}


def _missing(lines: list[bytes], there: int, piece_bytes: int) -> Iterator[tuple[int, list[bytes]]]:
    """The pieces of a graph that are not there, with the number of the first line. One that was cut goes again."""
    start = 0
    while start < len(lines):
        end, size = start, 0
        while end < len(lines) and (end == start or size + len(lines[end]) < piece_bytes):
            size += len(lines[end]) + 1
            end += 1
        if there < end:
            yield start, lines[start:end]
        start = end


def _counts(client: Client, prefix: str, names: Mapping[str, int]) -> dict[str, int]:
    """How many triples the engine holds in each of these graphs."""
    found: dict[str, int] = {}
    every = list(names)
    for start in range(0, len(every), NAMES_AT_ONCE):
        some = tuple(prefix + name for name in every[start : start + NAMES_AT_ONCE])
        query = "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"
        for row in client.select(query, (prefix + STATE,), some, seconds=COUNT_SECONDS):
            found[row["g"].removeprefix(prefix)] = int(row["n"])
    return found


def _require_whole_answers(client: Client, union: str, count: int) -> None:
    """An engine that cuts its answers would do so without a word for CONSTRUCT; such a one is not used."""
    rows = client.select(f"SELECT ?s {{ ?s ?p ?o }} LIMIT {PROBE_ROWS}", (union,), seconds=COUNT_SECONDS)
    if len(rows) != min(count, PROBE_ROWS):
        raise ReleaseError(f"the engine gives {len(rows):,} of {count:,} rows; raise its limit on rows")


def _require_counts(counted: Mapping[str, int], expected: Mapping[str, int], version: str) -> None:
    for name, count in expected.items():
        if counted.get(name, 0) != count:
            raise ReleaseError(
                f"the engine counts {counted.get(name, 0):,} triples in {name}, {count:,} were sent; nothing is "
                f"switched; run `unitgraph load --drop {version}` and load it again"
            )


def _sizes(prefix: str, sizes: Mapping[str, int]) -> list[bytes]:
    """What the state graph says of these graphs, as N-Triples lines."""
    integer = NamedNode("http://www.w3.org/2001/XMLSchema#integer")
    triples = [
        Triple(NamedNode(prefix + name), NamedNode(TRIPLES), Literal(str(count), datatype=integer))
        for name, count in sizes.items()
    ]
    return (serialize(triples, format=RdfFormat.N_TRIPLES) or b"").splitlines()


def _client(settings: Settings) -> Client:
    if not settings.engine:
        raise UsageError("no engine is named; set UNITGRAPH_ENGINE to its query endpoint")
    return Client(settings)


class _Writer:
    """Writes graphs: by the Graph Store Protocol, or by updates where there is no graph store."""

    def __init__(self, client: Client, settings: Settings) -> None:
        if not (settings.engine_graph_store or settings.engine_update):
            raise UsageError("nowhere to write; set UNITGRAPH_ENGINE_GRAPH_STORE or UNITGRAPH_ENGINE_UPDATE")
        self.client, self.store, self.update = client, settings.engine_graph_store, settings.engine_update
        self.piece_bytes = PIECE_BYTES if self.store else UPDATE_BYTES
        if settings.engine_user:  # so that no piece is sent in vain to be asked who we are
            self._send("GET", self.store or self.update, allowed=range(200, 500))

    def add(self, graph: str, lines: list[bytes]) -> None:
        """Add triples to a graph."""
        data = b"".join(line + b"\n" for line in lines)
        if self.store:
            self._send("POST", self._address(graph), data, formats.N_TRIPLES)
        else:
            self._update(b"INSERT DATA { GRAPH <%s> {\n%s} }" % (graph.encode(), data))

    def drop(self, graph: str) -> None:
        """Drop a graph, if it is there."""
        if self.store:
            self._send("DELETE", self._address(graph), allowed=(*range(200, 300), 404))
        else:
            self._update(b"DROP SILENT GRAPH <%s>" % graph.encode())

    def _address(self, graph: str) -> str:
        """Indirect graph identification (Graph Store Protocol §4.2)."""
        return f"{self.store}{'&' if '?' in self.store else '?'}graph={quote(graph, safe='')}"

    def _update(self, text: bytes) -> None:
        self._send("POST", self.update, urlencode({"update": text}).encode(), FORM)

    def _send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        content_type: str = "",
        allowed: tuple[int, ...] | range = range(200, 300),
    ) -> None:
        try:
            response = self.client.send(method, url, body, content_type, seconds=WRITE_SECONDS)
            said = response.data
        except urllib3.exceptions.HTTPError as error:
            raise EngineUnavailable("the engine broke off while it was written to; load again, it goes on") from error
        if response.status in (401, 403):
            raise EngineUnavailable(
                f"the engine does not let us write ({response.status}); see UNITGRAPH_ENGINE_USER and its rights"
            )
        if response.status not in allowed:
            first = re.sub(r"\s+", " ", said[:200].decode("utf-8", "replace"))
            raise QueryFailed(f"the engine does not take it ({response.status}): {first}")
