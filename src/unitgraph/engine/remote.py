"""SPARQL over a release that an engine elsewhere holds: any SPARQL 1.1 endpoint behind the same site.

Releases coexist in one engine. A release's graphs carry a mark made from its digest, and one more graph holds
all its triples once, which is the default graph:

    urn:unitgraph:<16 hex>:<IRI of the graph>   a named graph of the release
    urn:unitgraph:<16 hex>:union                the triples of all of them
    urn:unitgraph:<16 hex>:state                the size of each; last, when all was counted, how many there are

Every query is sent with its data set in those names, so that a switch of releases is one rename on our side.
The mark is put into what a query says of graphs (FROM, GRAPH) and taken out of the answer. The engine is asked
for one table format and one graph format, and the answer is written here: the bytes are the same, whichever
engine has found them.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any
from urllib.parse import urlencode, urljoin

import urllib3
from pyoxigraph import (
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
    serialize,
)

from unitgraph import formats, queries
from unitgraph.answers import Graph, Term
from unitgraph.engine.broker import Broker
from unitgraph.engine.codings import coder
from unitgraph.engine.guard import _TOKENS, guard
from unitgraph.engine.limits import Walls
from unitgraph.engine.pool import AsyncStream, Engine, Stream
from unitgraph.errors import (
    BadRequest,
    EngineUnavailable,
    NotAcceptable,
    QueryFailed,
    QueryRefused,
    QuerySyntaxError,
    QueryTimeout,
    QueryTooLarge,
    UnitgraphError,
)
from unitgraph.settings import Settings
from unitgraph.vocab import PREFIXES

CHUNK_BYTES = 65_536
CONNECT_SECONDS = 5.0
STATE_SECONDS = 30.0  #: for this long a release that was found in the engine is taken to be there still
HEADERS = 20_000  #: Virtuoso repeats the data set in its answer, a header for each graph
MESSAGE_BYTES = 16 << 20  #: an engine may write a part of the answer before the error
FORM = "application/x-www-form-urlencoded"
TRIPLES = "urn:unitgraph:triples"  #: says in the state graph how large a graph is
TABULAR = ("SELECT", "ASK")  #: what is answered by a table
UNION, STATE, NONE = "union", "state", "none"

http.client._MAXHEADERS = max(HEADERS, http.client._MAXHEADERS)  # type: ignore[attr-defined]  # it has no other switch

_TABLES = {
    formats.SPARQL_JSON: QueryResultsFormat.JSON,
    formats.JSON: QueryResultsFormat.JSON,
    formats.SPARQL_XML: QueryResultsFormat.XML,
}
_GRAPHS = {
    formats.N_TRIPLES: RdfFormat.N_TRIPLES,
    "text/plain": RdfFormat.N_TRIPLES,
    formats.TURTLE: RdfFormat.TURTLE,
}
#: How Virtuoso writes truths in a table; inside of a string these quotes would have a backslash.
_BOOLEANS = {
    f'#boolean", "value": "{number}"'.encode(): f'#boolean", "value": "{truth}"'.encode()
    for number, truth in ((1, "true"), (0, "false"))
}
_VIRTUOSO = re.compile(r"Virtuoso (\w{5}) Error ([^\n]*)")
_DOUBTFUL = re.compile(r"<(?![A-Za-z][A-Za-z0-9+.-]*://)[^>]*[#)']")
_WORDS = re.compile("GRAPH|FROM|DEFINE|BIF|SQL", re.IGNORECASE)
_FOREIGN = re.compile(r"<(?:bif|sql):", re.IGNORECASE)


def mark(digest: str) -> str:
    """What the names of a release's graphs begin with in the engine."""
    return f"urn:unitgraph:{digest[:16]}:"


# The query, as the engine gets it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Placed:
    """A query in which graphs have the names they have in the engine, and FROM is blanked out.

    `defaults` and `named` are what FROM named, without the mark. `graphs` are the names that GRAPH has, and
    `ranges` says that it has a variable too, `listed` that this is given by a list of names. `edits` are what
    changed: offset, length, length afterwards.
    """

    text: str
    defaults: tuple[str, ...]
    named: tuple[str, ...]
    graphs: tuple[str, ...]
    ranges: bool
    listed: bool
    edits: tuple[tuple[int, int, int], ...]

    def original(self, offset: int) -> int:
        """Where a place of `text` is in the query as it was."""
        for start, before, after in self.edits:
            if offset < start:
                break
            offset = start if offset < start + after else offset - after + before
        return offset


class _Rewriter:
    """Goes over the tokens of a query: reads the prologue, finds FROM, GRAPH and the group of WHERE.

    Without a mark nothing is refused and only `where` and `short` count.
    """

    def __init__(self, text: str, prefix: str = "") -> None:
        self.text, self.mark = text, prefix
        self.prefixes: dict[str, str] = {}
        self.base = ""
        self.defaults: list[str] = []
        self.named: list[str] = []
        self.graphs: list[str] = []
        self.variables: set[str] = set()  #: those that GRAPH has
        self.ranges = self.listed = False
        self.changes: list[tuple[int, int, str]] = []
        self.where: int | None = None  #: behind the brace that opens WHERE, if a VALUES may stand there
        self.short = False  #: CONSTRUCT WHERE { … }, where nothing but triples may stand
        self._verb, self._depth, self._groups = "", 0, 0
        self._tokens = [match for match in _TOKENS.finditer(text) if not re.match(r"\s|#", match.group())]

    def run(self) -> _Rewriter:
        tokens = self._tokens
        for token, following in pairwise(tokens):
            if token.group().upper() == "GRAPH" and following.group()[0] in "?$":
                self.variables.add(following.group()[1:])
        for number, match in enumerate(tokens):
            if match.lastgroup == "word":
                self._word(number, match, match.group().upper())
            elif match.lastgroup == "name":
                self._name(match)
            elif match.lastgroup == "open":
                self._open(match)
            elif match.lastgroup == "close":
                self._depth -= 1
            elif match.lastgroup == "iri" and self.mark:
                self._refuse(match.group())
            elif match.group()[:1] in ("?", "$") and match.group()[1:] in self.variables:
                self._compared(number)
        return self

    def _refuse(self, iri: str) -> None:
        if _FOREIGN.match(iri):
            raise QueryRefused(f"{iri} is a function of the engine's own; use one of SPARQL")
        if self._verb and _DOUBTFUL.match(iri) and _WORDS.search(self.text):
            raise QueryRefused(
                f"{iri[:40]} can be read as an IRI or as a comparison; write it with a prefix or a space"
            )

    def _word(self, number: int, match: re.Match[str], word: str) -> None:
        following = self._tokens[number + 1 : number + 3]
        if word == "DEFINE" and self.mark:
            raise self._error(match, "DEFINE is no word of SPARQL")
        if not self._verb:
            self._prologue(word, following)
        elif word == "FROM" and following:
            is_named = following[0].group().upper() == "NAMED"
            last = following[-1] if is_named else following[0]
            if last.lastgroup in ("iri", "name"):
                (self.named if is_named else self.defaults).append(self._iri(last))
                self.changes.append((match.start(), last.end(), " " * (last.end() - match.start())))
        elif word == "WHERE" and self._verb == "CONSTRUCT" and not self._depth and not self._groups:
            self.short = True
        elif word == "GRAPH" and following and following[0].lastgroup in ("iri", "name"):
            self.graphs.append(self._rename(following[0]))
        elif "GRAPH" in word:
            self.ranges = True
        elif word == "VALUES" and following and following[0].group() == "(" and self.mark:
            self._refuse_columns(number + 2)

    def _refuse_columns(self, number: int) -> None:
        """A graph among the columns of VALUES: which of the names are its is not told by the tokens."""
        for token in self._tokens[number:]:
            if token.lastgroup == "close":
                break
            if token.group()[1:] in self.variables:
                raise QueryRefused(f"{token.group()} is named by GRAPH; give it a VALUES of its own")

    def _compared(self, number: int) -> None:
        """A variable of GRAPH: the names that it is compared with or given by VALUES, and its text in STR."""
        words = [token.group().upper() for token in self._tokens[number : number + 4]]
        before = [token.group().upper() for token in self._tokens[max(0, number - 3) : number]]
        if before[-2:] == ["STR", "("] and words[1:2] == [")"]:
            start, end = self._tokens[number - 2].start(), self._tokens[number + 1].end()
            self.changes.append((start, end, f'STRAFTER({self.text[start:end]}, "{self.mark}")'))
        elif before[-1:] == ["AS"] and self.mark:
            raise QueryRefused(f"{self._tokens[number].group()} is named by GRAPH; compare it instead of binding it")
        elif before[-1:] == ["="]:
            place = number - (3 if before[-2:-1] == ["!"] else 2)
            self._rename(self._tokens[max(0, place)])
        elif words[1:2] == ["="] or words[1:3] == ["!", "="]:
            self._rename_at(number + words.index("=") + 1)
        elif "IN" in words[1:3] or (before[-1:] == ["VALUES"] and words[1:2] == ["{"]):
            after = number + 1 + words[1:].index("(" if "IN" in words[1:3] else "{")
            names = 0
            for token in self._tokens[after + 1 :]:
                if token.lastgroup == "close":
                    break
                names += bool(self._rename(token))
            self.listed = self.listed or names > 1

    def _rename_at(self, number: int) -> None:
        if number < len(self._tokens):
            self._rename(self._tokens[number])

    def _rename(self, match: re.Match[str]) -> str:
        """The name of a graph gets its mark; the name without it, empty where this is none."""
        if match.lastgroup not in ("iri", "name"):
            return ""
        iri = self._iri(match)
        self.changes.append((match.start(), match.end(), f"<{self.mark}{iri}>"))
        return iri

    def _prologue(self, word: str, following: list[re.Match[str]]) -> None:
        if word in ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE"):
            self._verb = word
        elif word == "BASE" and following and following[0].lastgroup == "iri":
            self.base = urljoin(self.base, following[0].group()[1:-1])
        elif word == "PREFIX" and len(following) == 2 and following[1].lastgroup == "iri":
            self.prefixes[following[0].group()[:-1]] = urljoin(self.base, following[1].group()[1:-1])

    def _open(self, match: re.Match[str]) -> None:
        if match.group() == "{" and not self._depth and self._verb:
            self._groups += 1
            if self._groups == (2 if self._verb == "CONSTRUCT" else 1):
                self.where = match.end()
        self._depth += 1

    def _name(self, match: re.Match[str]) -> None:
        """An engine may know prefixes by itself, and functions of its own behind them; here each is declared."""
        prefix, _, local = match.group().partition(":")
        if self.mark and self._verb and prefix != "_" and prefix not in self.prefixes:
            known = PREFIXES.get(prefix, "…")
            raise self._error(match, f"the prefix {prefix}: is not declared; begin with PREFIX {prefix}: <{known}>")
        if self.mark and "\\u" in local.lower():
            raise self._error(match, "write the character itself instead of its number")

    def _error(self, match: re.Match[str], message: str) -> QuerySyntaxError:
        line, column = _line_and_column(self.text, match.start())
        return QuerySyntaxError(f"not SPARQL: {message}", line, column)

    def _iri(self, match: re.Match[str]) -> str:
        text = match.group()
        if text.startswith("<"):
            return urljoin(self.base, text[1:-1])
        self._name(match)
        prefix, _, local = text.partition(":")
        return self.prefixes.get(prefix, f"{prefix}:") + local.replace("\\", "")


def place(text: str, prefix: str, bindings: Mapping[str, Term] | None = None) -> Placed:
    """A query with the names of graphs as they are in the engine, and with terms for some of its variables.

    Raises:
        QuerySyntaxError: it is not SPARQL, though an engine might take it.
        QueryRefused: two parsers may read it in two ways.
    """
    if "\0" in text:
        raise QuerySyntaxError("not SPARQL: a NUL character", *_line_and_column(text, text.index("\0")))
    found = _Rewriter(text, prefix).run()
    changes, end = list(found.changes), ""
    if bindings:
        terms = {name: _marked(value, prefix) if name in found.variables else value for name, value in bindings.items()}
        changes, end = [*changes, *_insertion(found, terms)], _appendix(found, terms)
    parts, edits, done = [], [], 0
    for start, stop, new in sorted(set(changes)):
        parts += [text[done:start], new]
        edits.append((start, stop - start, len(new)))
        done = stop
    placed = "".join([*parts, text[done:], end])
    graphs = tuple(dict.fromkeys(found.graphs))
    return Placed(placed, tuple(found.defaults), tuple(found.named), graphs, found.ranges, found.listed, tuple(edits))


def _marked(term: Term, prefix: str) -> Term:
    return NamedNode(prefix + term.value) if isinstance(term, NamedNode) else term


def with_values(text: str, bindings: Mapping[str, Term]) -> str:
    """A query with terms for some of its variables as a block of VALUES: written by a serializer, never pasted.

    >>> with_values("SELECT ?s { ?s ?p ?v }", {"v": Literal("a")})
    'SELECT ?s { VALUES (?v) { ("a") }  ?s ?p ?v }'
    """
    if not bindings:
        return text
    found = _Rewriter(text).run()
    for start, _, new in _insertion(found, bindings):
        return text[:start] + new + text[start:]
    return text + _appendix(found, bindings)


def _insertion(found: _Rewriter, bindings: Mapping[str, Term]) -> list[tuple[int, int, str]]:
    inside = found.where is not None and not found.short
    return [(found.where, found.where, f" {_values(bindings)} ")] if inside and found.where else []


def _appendix(found: _Rewriter, bindings: Mapping[str, Term]) -> str:
    return "" if _insertion(found, bindings) else f"\n{_values(bindings)}"


def _values(bindings: Mapping[str, Term]) -> str:
    for name, term in bindings.items():
        if not re.fullmatch(r"\w+", name) or not isinstance(term, (NamedNode, Literal)) or "\0" in term.value:
            raise BadRequest(f"the value of {name[:40]} cannot be part of a query")
    names = " ".join(f"?{name}" for name in bindings)
    return f"VALUES ({names}) {{ ({' '.join(str(term) for term in bindings.values())}) }}"


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


# The answer, on its way -------------------------------------------------------------------------------------


class _Left(Exception):
    """Nobody reads this answer any more."""


class _Pipe:
    """Between the thread that reads the engine's answer and writes it anew, and the one who is answered.

    It is a file to write to for the first. Both give up at the deadline, each by its own look at the clock.
    """

    def __init__(self, seconds: float, limit_bytes: int) -> None:
        self.deadline, self.left_bytes = time.monotonic() + seconds, limit_bytes
        self.buffer = bytearray()
        self.queue: Queue[bytes | Exception | None] = Queue(maxsize=4)
        self.gone = self.is_xml = False
        self._response: urllib3.BaseHTTPResponse | None = None
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Seconds until the deadline.

        Raises:
            TimeoutError: it is past.
        """
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def write(self, data: bytes) -> int:
        self.buffer += formats.in_xml(data) if self.is_xml else data
        if len(self.buffer) >= CHUNK_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self.buffer:
            self.left_bytes -= len(self.buffer)
            if self.left_bytes < 0:
                raise QueryTooLarge("the answer is larger than the limit; add a LIMIT, or use the dumps")
            self.put(bytes(self.buffer))
            self.buffer.clear()

    def put(self, item: bytes | Exception | None) -> None:
        while not self.gone:
            with suppress(Full):
                self.queue.put(item, timeout=min(self.remaining(), 0.5))
                return
        raise _Left

    def get(self) -> bytes | Exception | None:
        try:
            return self.queue.get(timeout=self.remaining())
        except Empty as error:
            raise TimeoutError from error

    def hold(self, response: urllib3.BaseHTTPResponse) -> None:
        """From here on, to leave is to break this response off."""
        with self._lock:
            self._response = response

    def release(self) -> urllib3.BaseHTTPResponse | None:
        """The response, which is no longer broken off by leaving."""
        with self._lock:
            response, self._response = self._response, None
        return response

    def leave(self) -> None:
        """End the query: the engine sees its connection close."""
        self.gone = True
        with self._lock, suppress(OSError, AttributeError):
            self._response.connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # wakes the thread
        with suppress(Empty):
            while True:
                self.queue.get_nowait()


class _Chunks(Iterator[bytes]):
    """The bytes of an answer. The query ends with them, by `close`, and when nobody holds this."""

    def __init__(self, pipe: _Pipe, first: bytes | None) -> None:
        self.pipe, self.first = pipe, first

    def __next__(self) -> bytes:
        if self.pipe.gone:
            raise StopIteration
        item: bytes | Exception | None
        if self.first is not None:
            item, self.first = self.first, None
            return item
        try:
            item = self.pipe.get()
        except TimeoutError as error:
            self.close()
            raise QueryFailed("the answer broke off: its time limit was reached while it was being sent") from error
        if isinstance(item, bytes):
            return item
        self.close()
        if item is None:
            raise StopIteration
        raise QueryFailed(f"the answer broke off: {item}") from item

    def close(self) -> None:
        """Leave; the query is ended."""
        self.pipe.leave()

    __del__ = close


class _Reader:
    """A file to read from: what the engine sends, with some bytes changed, also where two pieces share them."""

    def __init__(self, pieces: Iterable[bytes], changes: Mapping[bytes, bytes]) -> None:
        self.pieces, self.changes = iter(pieces), changes
        self.held, self.ready = b"", memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        while not self.ready:
            piece = next(self.pieces, None)
            if piece is None:
                self.ready, self.held = memoryview(self.held), b""
                break
            data = self.held + piece
            for old, new in self.changes.items():
                data = data.replace(old, new)
            kept = max((_beginning(data, old) for old in self.changes), default=0)
            self.ready, self.held = memoryview(data)[: len(data) - kept], data[len(data) - kept :]
        size = len(self.ready) if size < 0 else size
        found, self.ready = bytes(self.ready[:size]), self.ready[size:]
        return found


def _beginning(data: bytes, sought: bytes) -> int:
    """How many bytes at the end of the data may be the beginning of what is sought.

    >>> _beginning(b"a urn:x urn", b"urn:unitgraph:")
    3
    """
    tail = data[-(len(sought) - 1) :]
    at = tail.find(sought[:1])
    while at >= 0 and not sought.startswith(tail[at:]):
        at = tail.find(sought[:1], at + 1)
    return len(tail) - at if at >= 0 else 0


def _write_table(reader: _Reader, content_type: str, is_truth: bool, media_type: str, pipe: _Pipe) -> None:
    answer = parse_query_results(reader, format=_TABLES[content_type])  # type: ignore[arg-type]  # it only reads
    if is_truth and not isinstance(answer, QueryBoolean):  # Virtuoso says it by a table of one number
        rows = [term for solution in answer for term in solution]
        found = any(isinstance(term, Literal) and term.value in ("1", "true") for term in rows)
        said = f'{{"head":{{}},"boolean":{str(found).lower()}}}'
        answer = parse_query_results(said.encode(), format=QueryResultsFormat.JSON)
    if media_type == formats.TEXT:
        pipe.write(b"true" if answer else b"false")
        return
    pipe.is_xml = media_type == formats.SPARQL_XML
    try:
        answer.serialize(pipe, QueryResultsFormat.from_media_type(media_type))  # type: ignore[arg-type]  # it only writes
    finally:
        del answer  # in this thread: it may be dropped in no other


def _write_graph(reader: _Reader, content_type: str, media_type: str, pipe: _Pipe) -> None:
    triples: Iterator[Triple] = (
        quad.triple
        for quad in parse(reader, format=_GRAPHS[content_type])  # type: ignore[arg-type]
    )
    try:
        if media_type in (formats.JSON_LD, formats.RDF_XML):  # which cannot hold every graph
            pipe.write(formats.write(Graph("", tuple(triples)), media_type))
        else:
            serialize(triples, pipe, RdfFormat.from_media_type(media_type))  # type: ignore[arg-type]
    finally:
        del triples


# The question and what comes of it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Question:
    """A query with its data set as they are sent; `original` is its text as it came."""

    placed: Placed
    original: str
    mark: str
    defaults: tuple[str, ...]
    named: tuple[str, ...]
    verb: str
    media_type: str
    seconds: float


def _data_set(
    placed: Placed, prefix: str, graphs: tuple[str, ...], defaults: tuple[str, ...], named: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The default and named graphs to send: the request's, else those of FROM, else all of the release's.

    Neither is ever empty: an engine takes that for all it holds.

    Raises:
        BadRequest: a name is no IRI; Virtuoso makes it a part of the query's text.
    """
    for name in (*defaults, *named, *placed.defaults, *placed.named):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]*", name):
            raise BadRequest(f"{name[:60]!r} is no absolute IRI of a graph")
    if not (defaults or named):
        defaults, named = placed.defaults, placed.named
    if not (defaults or named):
        defaults = (UNION,)
        named = graphs if placed.ranges else tuple(name for name in placed.graphs if name in graphs)
    return tuple(prefix + name for name in defaults or (NONE,)), tuple(prefix + name for name in named or (NONE,))


def _judge(response: urllib3.BaseHTTPResponse, question: _Question) -> None:
    """Raise what an answer of the engine means that is not a whole answer to the question."""
    state = response.headers.get("X-SQL-State", "")  # Virtuoso: a part of the answer, with status 200
    if rows := response.headers.get("X-SPARQL-MaxRows"):
        raise QueryTooLarge(f"the engine cuts answers at {rows[:20]} rows; add a LIMIT below that, or use the dumps")
    if response.status == 200 and not state:
        return
    said = "" if state else (response.read(MESSAGE_BYTES) or b"").decode("utf-8", "replace")
    vendor = _VIRTUOSO.search(said)
    if "S1TAT" in (state, vendor[1] if vendor else ""):
        raise QueryTimeout(question.seconds)
    message = _one_line(vendor[2] if vendor else said)
    if response.status == 400 and (not vendor or vendor[1] == "37000"):
        raise _syntax_error(said, message, question)
    if response.status in (401, 403, 404, 429, 502, 503, 504):
        raise EngineUnavailable(f"the query engine has no answer just now ({response.status})", _retry_after(response))
    raise QueryFailed(f"the engine says: {message or response.status}")


def _syntax_error(said: str, message: str, question: _Question) -> QuerySyntaxError:
    """What the engine's parser says, at the place in the query as it came."""
    rows = question.placed.text.split("\n")
    if found := re.search(r"error at (\d+):(\d+): (.*)", said, re.DOTALL):  # Oxigraph
        line, column, message = int(found[1]), int(found[2]), found[3]
        offset = sum(len(row) + 1 for row in rows[: line - 1]) + column - 1
    elif found := re.search(r"compiler, line ([1-9]\d*): .*?(?: at '([^']*)')?(?: before |$)", said, re.MULTILINE):
        line = int(found[1])  # Virtuoso: the line, and the word there
        ends = line > len(rows)
        at = -1 if ends or not found[2] else rows[line - 1].find(found[2])
        offset = len(question.placed.text) if ends else sum(len(row) + 1 for row in rows[: line - 1]) + max(at, 0)
    else:
        return QuerySyntaxError(f"not SPARQL: {message}")
    line, column = _line_and_column(question.original, question.placed.original(offset))
    return queries.syntax_error(SyntaxError(f"error at {line}:{column}: {message}"), question.original)


def _one_line(said: str) -> str:
    """The first line of a message, no longer than a sentence, without the mark and without markup."""
    first = next((row.strip() for row in said.splitlines() if row.strip()), "")
    plain = re.sub(r"urn:unitgraph:[0-9a-f]{16}:|SPARQL compiler, line \d+: |\b[A-Z]{2}\d{3}: |<[^>]*>", "", first)
    return plain if len(plain) < 200 else plain[:197] + "…"


def _retry_after(response: urllib3.BaseHTTPResponse) -> int:
    value = response.headers.get("Retry-After", "")
    return min(int(value), 3_600) if re.fullmatch(r"\d{1,9}", value) else 5


def _broken(*, begun: bool) -> UnitgraphError:
    """A failure of the connection."""
    if begun:
        return QueryFailed("the engine broke its answer off")
    return EngineUnavailable("the query engine does not answer; try again in a few seconds")


def _digest(folder: Path) -> str:
    """The digest of the release in a folder, which is that of its manifest."""
    try:
        return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    except OSError as error:
        raise EngineUnavailable(f"release {folder.name} is not here ({error.strerror})") from error


class _InTurn(AsyncIterator[bytes]):
    """Chunks for who waits in the event loop: each is fetched in a thread, and coded there."""

    def __init__(self, chunks: Iterator[bytes], coding: str) -> None:
        self._chunks: Iterator[bytes] | None = chunks
        self._coder = coder(coding)

    def _next(self) -> bytes | None:
        if self._chunks is None:
            return None
        chunk = next(self._chunks, None)
        if chunk is None:
            self._chunks = None
            return self._coder(b"", True) or None
        return self._coder(chunk, False)

    async def read(self) -> bytes | None:
        """The next bytes; None at the end.

        Raises:
            QueryFailed: the answer broke off.
        """
        return await asyncio.to_thread(self._next)

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def ended(self) -> bytes | None:
        """All the rest, if it is here already: that is not known here."""
        return None

    def close(self) -> None:
        """Leave; the query is ended."""
        if self._chunks is not None:
            self._chunks.close()  # type: ignore[attr-defined]
            self._chunks = None


class Client:
    """HTTP to the engine: kept connections, credentials, and the few questions that we ask ourselves."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.is_virtuoso = False
        self._pool: tuple[int, urllib3.PoolManager] | None = None
        self._credentials = _Credentials(settings.engine_user, settings.engine_password)

    def query(
        self, text: str, defaults: Iterable[str], named: Iterable[str], *, accept: str, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Send a query with its data set (SPARQL 1.1 Protocol §2.1.2); the response is not read yet."""
        fields = [("query", text)]
        fields += [("default-graph-uri", name) for name in defaults]
        fields += [("named-graph-uri", name) for name in named]
        if self.is_virtuoso:
            fields.append(("timeout", str(max(1_000, int(seconds * 1_000)))))  # it stops by itself, too
        body = urlencode(fields).encode()
        return self.send("POST", self.settings.engine, body, FORM, accept=accept, seconds=seconds)

    def select(
        self, text: str, defaults: tuple[str, ...], named: tuple[str, ...] = (), *, seconds: float = CONNECT_SECONDS
    ) -> list[dict[str, str]]:
        """A small table, its terms as plain text.

        Raises:
            EngineError: the engine does not answer, or not with a table.
        """
        question = _Question(Placed(text, (), (), (), False, False, ()), text, "", (), (), "SELECT", "", seconds)
        response = None
        try:
            response = self.query(
                text, defaults, named or (f"urn:unitgraph:{NONE}",), accept=formats.SPARQL_JSON, seconds=seconds
            )
            _judge(response, question)
            answer = parse_query_results(response.data, format=QueryResultsFormat.JSON)
        except urllib3.exceptions.HTTPError as error:
            raise _broken(begun=response is not None) from error
        except (SyntaxError, ValueError) as error:
            raise QueryFailed(f"the engine's answer cannot be read: {_one_line(str(error))}") from error
        finally:
            if response is not None:
                response.close()  # one that was read to its end has given its connection back
        if isinstance(answer, QueryBoolean):
            raise QueryFailed("the engine answers a SELECT with a truth")
        names = [variable.value for variable in answer.variables]
        return [{name: str(getattr(row[name], "value", "")) for name in names} for row in answer]

    def state(self, digest: str) -> dict[str, int] | None:
        """The graphs of a release, without the mark, and their sizes; None if it was not loaded as a whole."""
        found = self.graphs(digest)
        return found if found.pop(STATE, None) == len(found) else None

    def graphs(self, digest: str) -> dict[str, int]:
        """What the state graph says, whole or not: sizes by name, and under `state` how many there are."""
        prefix = mark(digest)
        rows = self.select(f"SELECT ?g ?n {{ ?g <{TRIPLES}> ?n }}", (prefix + STATE,))
        return {row["g"].removeprefix(prefix): int(row["n"]) for row in rows}

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        content_type: str = "",
        *,
        accept: str = "*/*",
        seconds: float,
    ) -> urllib3.BaseHTTPResponse:
        """One request; every one that we make may be repeated, so a kept connection that was closed is no failure.

        Raises:
            urllib3.exceptions.HTTPError: no answer.
        """
        headers = {"Accept": accept, "User-Agent": "unitgraph"}
        if content_type:
            headers["Content-Type"] = content_type
        for last in (False, False, True):
            try:
                response = self._send(method, url, body, headers, seconds)
            except urllib3.exceptions.ProtocolError:
                if last:
                    raise
                continue
            if response.status == 401 and not last and self._credentials.challenged(url, response.headers):
                response.drain_conn()
                response.release_conn()
                continue
            break
        self.is_virtuoso = self.is_virtuoso or "virtuoso" in response.headers.get("Server", "").lower()
        return response

    def _send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> urllib3.BaseHTTPResponse:
        allowed = self._credentials.header(method, url)
        timeout = urllib3.Timeout(connect=min(seconds, CONNECT_SECONDS), read=seconds)
        return self._connections().request(
            method,
            url,
            body=body or None,
            headers={**headers, **({"Authorization": allowed} if allowed else {})},
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _connections(self) -> urllib3.PoolManager:
        """The pool of this process: a forked one does not share connections with its parent."""
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), urllib3.PoolManager(maxsize=max(4, self.settings.threads))
        return self._pool[1]


class _Credentials:
    """Basic or digest authentication (RFC 7617, RFC 7616), as the engine asks for it; never shown."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._lock = threading.Lock()
        self._asked: dict[str, str] = {}  #: by address without parameters, what the engine asked for
        self._passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        self._digest = urllib.request.HTTPDigestAuthHandler(self._passwords)

    def challenged(self, url: str, headers: Mapping[str, str]) -> bool:
        """Take note of what the engine asks for; whether there is an answer to it."""
        if not self._user:
            return False
        with self._lock:
            self._asked[url.partition("?")[0]] = headers.get("WWW-Authenticate", "")
            self._passwords.add_password(None, url, self._user, self._password)
        return True

    def header(self, method: str, url: str) -> str:
        """The value of `Authorization`; empty where the engine did not ask for it."""
        with self._lock:
            asked = self._asked.get(url.partition("?")[0], "")
            scheme, _, rest = asked.partition(" ")
            if scheme.lower() == "basic":
                return urllib3.make_headers(basic_auth=f"{self._user}:{self._password}")["authorization"]
            if scheme.lower() != "digest":
                return ""
            challenge = urllib.request.parse_keqv_list(list(filter(None, urllib.request.parse_http_list(rest))))
            request = urllib.request.Request(url, method=method)  # noqa: S310  it is not opened
            try:
                said = self._digest.get_authorization(request, challenge)
            except (ValueError, urllib.error.URLError):
                return ""  # a kind that the library does not know
        return f"Digest {said}" if said else ""


# The engine -------------------------------------------------------------------------------------------------


class RemoteEngine(Engine):
    """Asks a SPARQL endpoint, over connections that are kept. Safe to share between threads and processes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("", settings)
        self.client = Client(settings)
        self._states: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._available = (0.0, False)

    def ask(  # type: ignore[override]  # the arguments that the other only passes on
        self,
        release_folder: Path,
        text: str,
        *,
        solutions_format: str | None,
        graph_format: str | None,
        default_graphs: tuple[str, ...] = (),
        named_graphs: tuple[str, ...] = (),
        timeout_seconds: float | None = None,
        substitutions: Mapping[str, Term] | None = None,
        client: str = "",
        coding: str = "identity",
    ) -> Stream:
        """Evaluate a query over a release, as `Engine.ask` does.

        Whom it is asked for (`client`) is left to the engine's own limits, and the `coding` to who sends the answer.

        Raises:
            QuerySyntaxError, QueryRefused, NotAcceptable: the request's fault.
            QueryTimeout, QueryTooLarge, QueryFailed: the engine gave up.
            EngineUnavailable: it does not answer, or does not hold the release.
        """
        seen = guard(text, self.settings)
        seconds = min(timeout_seconds or self.settings.query_seconds, self.settings.query_seconds)
        if not seen.verb:
            raise QuerySyntaxError("not SPARQL: it has no SELECT, ASK, CONSTRUCT or DESCRIBE", 1, 1)
        digest = _digest(release_folder)
        placed = place(text, mark(digest), substitutions)
        tabular = seen.verb in TABULAR
        tables = formats.TRUTHS if seen.verb == "ASK" else formats.SOLUTIONS
        media_type, offered = (solutions_format, tables) if tabular else (graph_format, formats.GRAPHS)
        if media_type is None or media_type not in offered:
            raise NotAcceptable(offered)
        graphs = self._graphs(digest, release_folder.name)
        question = _Question(
            placed,
            text,
            mark(digest),
            *_data_set(placed, mark(digest), graphs, default_graphs, named_graphs),
            seen.verb,
            media_type,
            seconds,
        )
        pipe = _Pipe(seconds, self.settings.query_result_bytes)
        threading.Thread(target=self._answer, args=(question, pipe), daemon=True).start()
        try:
            first = pipe.get()
        except TimeoutError as error:
            pipe.leave()
            raise QueryTimeout(seconds) from error
        if not isinstance(first, bytes):
            pipe.leave()
        if isinstance(first, Exception):
            raise first
        form = seen.verb if tabular else "CONSTRUCT"
        return Stream(form, media_type, _Chunks(pipe, first))

    async def stream(self, release_folder: Path, text: str, **options: Any) -> AsyncStream:
        """The same for who waits in the event loop; the bytes come in the coding that was asked for."""
        coding = options.pop("coding", "identity")
        found = await asyncio.to_thread(self.ask, release_folder, text, **options)
        return AsyncStream(found.form, found.media_type, _InTurn(found.chunks, coding))  # type: ignore[arg-type]

    def prepare(self, release_folder: Path) -> None:
        """Nothing has to be ready here."""

    def walls(self) -> Walls | None:
        """Those of the engine are not known here."""
        return None

    def available(self) -> bool:
        """Whether the engine answers just now; asked at most every two seconds."""
        asked, answer = self._available
        if time.monotonic() - asked > 2:
            try:
                self.client.select("SELECT ?s { ?s ?p ?o } LIMIT 1", (f"urn:unitgraph:{NONE}",), seconds=2)
                answer = True
            except UnitgraphError:
                answer = False
            self._available = time.monotonic(), answer
        return answer

    def _graphs(self, digest: str, version: str) -> tuple[str, ...]:
        """The named graphs of a release that was loaded, without the mark.

        Raises:
            EngineUnavailable: the engine does not hold that release as a whole.
        """
        found = self._states.get(digest)
        if found is None or time.monotonic() - found[0] > STATE_SECONDS:
            sizes = self.client.state(digest)
            if sizes is None:
                self._states.pop(digest, None)
                message = f"the engine does not hold release {version} yet; `unitgraph load {version}` puts it there"
                raise EngineUnavailable(message, 60)
            found = time.monotonic(), tuple(name for name in sizes if name != UNION)
            self._states[digest] = found
        return found[1]

    def _answer(self, question: _Question, pipe: _Pipe) -> None:
        """In a thread: ask, read, write anew. Whatever goes wrong, the other end hears it, or has left."""
        with suppress(_Left, TimeoutError):
            pipe.put(self._failure(question, pipe))
        if (response := pipe.release()) is not None:
            response.close()

    def _failure(self, question: _Question, pipe: _Pipe) -> UnitgraphError | None:
        """Pass the answer on; what kept it from its end, without the frames of this thread, or None."""
        try:
            self._pass_on(question, pipe)
            pipe.flush()
        except UnitgraphError as error:
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        except urllib3.exceptions.HTTPError:
            return _broken(begun=pipe.release() is not None)
        except (_Left, TimeoutError):
            raise
        except (SyntaxError, ValueError, OSError) as error:
            return QueryFailed(f"the engine's answer cannot be read: {_one_line(str(error))}")
        return None

    def _pass_on(self, question: _Question, pipe: _Pipe) -> None:
        tabular = question.verb in TABULAR
        text = question.placed.text
        if question.placed.listed and self.client.is_virtuoso:  # it loses rows where many graphs are named, too
            raise QueryRefused("this engine loses rows for a list of graphs; name them as the data set, or one with =")
        if question.verb == "DESCRIBE" and self.client.is_virtuoso:
            text = f'define sql:describe-mode "CBD" {text}'  # what is said of a thing, not by whom
        response = self.client.query(
            text,
            question.defaults,
            question.named,
            accept=formats.SPARQL_JSON if tabular else formats.N_TRIPLES,
            seconds=pipe.remaining(),
        )
        pipe.hold(response)
        _judge(response, question)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type not in (_TABLES if tabular else _GRAPHS):
            raise QueryFailed(f"the engine answers with {content_type[:60] or 'something'}, which is not read here")
        changes = _BOOLEANS if tabular and self.client.is_virtuoso else {}
        if question.placed.ranges or question.placed.graphs:
            changes = {**changes, question.mark.encode(): b""}
        reader = _Reader(response.stream(CHUNK_BYTES), changes)
        if tabular:
            _write_table(reader, content_type, question.verb == "ASK", question.media_type, pipe)
        else:
            _write_graph(reader, content_type, question.media_type, pipe)
        if pipe.release() is not None:
            response.drain_conn()
            response.release_conn()


@contextmanager
def make_engine(settings: Settings) -> Iterator[Engine]:
    """The engine that the settings name: one elsewhere, or worker processes of our own."""
    if settings.engine:
        yield RemoteEngine(settings)
    else:
        with Broker(settings) as engine:
            yield engine
