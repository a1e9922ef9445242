"""The ASGI application: SPARQL answered here as it streams, pages made by Flask in threads, all of it compressed.

A query costs no thread while it runs, and ends when its client leaves: the server cancels what answers for it. What
fails after the first byte breaks the transfer, so that a cut answer never looks whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote_to_bytes

from unitgraph import formats
from unitgraph.engine import AsyncStream, limits, outline
from unitgraph.engine.pool import UNDER_WAY
from unitgraph.errors import BadRequest, NotAcceptable, ReleaseError, UnitgraphError
from unitgraph.site import Publication, Site, identity
from unitgraph.web import coding, languages, problems, protocol
from unitgraph.web.cache import PARTIAL, Headers, Kept, Page, Pages, Recent
from unitgraph.web.respond import Asked, open_headers

if TYPE_CHECKING:
    from flask import Flask

BODY_SECONDS = 8.0  #: a request has to be here by then
ANSWERS_BYTES, ANSWER_BYTES = 64 << 20, 1 << 18  #: of what is kept of SPARQL: all answers, and one
SPARQL_METHODS = ("GET", "HEAD", "POST", "QUERY")

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

_RELEASE = re.compile(r"/r/([0-9][0-9a-z.+]{0,60})/")  #: the beginning of a path in an earlier state
_CHANGING = re.compile(r"\b(?:NOW|RAND|UUID|STRUUID)\s*\(", re.IGNORECASE)  #: functions of the moment


@dataclass(frozen=True)
class Request:
    """A request as the front sees it, its body read."""

    scope: Scope
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    def header(self, name: bytes) -> str:
        """A header's value, or an empty string."""
        return self.headers.get(name, b"").decode("latin-1")


@dataclass(frozen=True)
class Streaming:
    """An answer on its way: its first chunk is here, so what fails before it has a status of its own."""

    headers: Headers
    stream: AsyncStream
    first: bytes | None

    @classmethod
    async def begin(cls, headers: Headers, stream: AsyncStream) -> Streaming:
        """Wait for the first chunk.

        Raises:
            QueryFailed: it did not come.
        """
        return cls(headers, stream, await stream.chunks.read())

    async def send(self, send: Send, *, head_only: bool) -> None:
        """Send chunks as they come. A failure is raised: the server then breaks the connection."""
        try:
            await _start(send, 200, self.headers)
            chunk = None if head_only else self.first
            while chunk is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await self.stream.chunks.read()
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.stream.chunks.close()


class Front:
    """The site as an ASGI 3 application."""

    def __init__(self, publication: Publication, pages: Flask, software: str) -> None:
        self.publication, self.pages, self.software = publication, pages, software
        self.settings = publication.settings
        self.max_body_bytes = pages.config["MAX_CONTENT_LENGTH"]
        self.limits = limits(self.settings)
        self.answers: Recent[Kept] = Recent(ANSWERS_BYTES)
        self._kept: tuple[Site | None, object, Pages] = (None, None, Pages(0))
        self.threads = ThreadPoolExecutor(self.settings.threads, "page")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            headers, scope = dict(reversed(scope["headers"])), _of_release(scope)
            try:
                body = await self._body(scope, headers, receive)
            except problems.Told as told:
                await _send_problem(send, told.problem)
                return
            request = Request(scope, headers, body)
            if scope["path"] != "/sparql" or not await self._sparql(request, send):
                await self._page(request, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.publication.engine.attach(asyncio.get_running_loop())
                with contextlib.suppress(UnitgraphError):  # whoever asks first is told
                    self.publication.engine.prepare(self.publication.site().release.folder)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self.threads.shutdown(wait=False, cancel_futures=True)
                return

    async def _body(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The body of a request.

        Raises:
            Told: it is too large, or comes too slowly.
        """
        length = int(headers.get(b"content-length", b"0") or b"0")
        if not length and b"transfer-encoding" not in headers:
            return b""
        if length > self.max_body_bytes:
            raise problems.Told(problems.TOO_LARGE)
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise asyncio.CancelledError
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self.max_body_bytes:
                        raise problems.Told(problems.TOO_LARGE)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise problems.Told(problems.TOO_SLOW) from None

    # SPARQL ----------------------------------------------------------------------------------------------------

    async def _sparql(self, request: Request, send: Send) -> bool:
        """Answer a query for a program; say no where a page is wanted, or no query is asked."""
        if request.method not in SPARQL_METHODS:
            return False
        accept = request.header(b"accept")
        try:
            found = await self._evaluated(request, accept)
        except UnitgraphError as error:
            if _wants_page(accept) and not request.body:
                return False
            await _send_problem(send, self._problem(error, request))
            return True
        if found is None:
            return False
        if isinstance(found, Kept):
            await _send_kept(request, send, found)
        else:
            await found.send(send, head_only=request.method == "HEAD")
        return True

    async def _evaluated(self, request: Request, accept: str) -> Kept | Streaming | None:
        """The answer to a query: whole, or on its way; None where that is not for us to say.

        Raises:
            UnitgraphError: there is none.
        """
        site = self._site(request)
        chosen = coding.negotiate(request.header(b"accept-encoding"))
        content_type = request.headers.get(b"content-type")
        asked_how = (request.scope["query_string"], content_type, request.body, accept, chosen)
        key = (site.release.digest, request.scope.get("unitgraph.version"), *asked_how)
        if kept := self.answers.get(key):
            return kept
        asked = self._asked(request)
        if asked.query is None or asked.explain:
            return None
        seen = outline(asked.query)
        table, graph = protocol.sparql_formats(accept, asked.format, seen.verb)
        if (table if seen.verb in ("SELECT", "ASK", "") else graph) == formats.HTML:
            return None
        lasting = not _CHANGING.search(asked.query)
        tag = f'"{hashlib.sha256(repr((self.software, key)).encode()).hexdigest()[:32]}"' if lasting else ""
        if tag and tag in request.header(b"if-none-match"):  # who has it was given an answer
            return Kept(200, [*_OPEN, *_validators(tag)], b"")
        stream = await site.engine.stream(
            site.release.folder,
            asked.query,
            solutions_format=table if table != formats.HTML else None,
            graph_format=graph if graph != formats.HTML else None,
            default_graphs=asked.default_graphs,
            named_graphs=asked.named_graphs,
            timeout_seconds=asked.timeout_seconds,
            client=self._client(request),
            coding=chosen,
        )
        headers = [*_OPEN, *_validators(tag), *_content(stream.media_type, chosen)]
        whole = stream.chunks.ended()
        if whole is None:
            return await Streaming.begin(headers, stream)
        kept = Kept(200, [*headers, (b"content-length", b"%d" % len(whole))], whole)
        if lasting and len(whole) <= ANSWER_BYTES:
            self.answers.keep(key, kept, len(whole) + len(request.body) + len(request.scope["query_string"]))
        return kept

    def _asked(self, request: Request) -> protocol.SparqlRequest:
        if request.headers.get(b"content-encoding", b"identity") != b"identity":
            raise BadRequest("a body with a Content-Encoding is not read here; send it as it is")
        return protocol.sparql_request(
            request.method, request.header(b"content-type"), request.scope["query_string"], request.body
        )

    def _problem(self, error: UnitgraphError, request: Request) -> problems.Problem:
        found = problems.problem(error, self.limits)
        if request.method != "GET" or isinstance(error, ReleaseError):
            return found
        query_string = request.scope["query_string"].decode("ascii", "replace")
        return problems.explained(found, self._site(request), query_string)

    def _site(self, request: Request) -> Site:
        version = request.scope.get("unitgraph.version")
        return self.publication.at(version) if version else self.publication.site()

    def _client(self, request: Request) -> str:
        peer = request.scope.get("client") or ("",)
        return protocol.client(peer[0], request.header(b"x-forwarded-for"), self.settings.trusted_proxies)

    # Pages -----------------------------------------------------------------------------------------------------

    async def _page(self, request: Request, send: Send) -> None:
        """What Flask answers: kept from an earlier time, or made now, in a thread."""
        chosen = coding.negotiate(request.header(b"accept-encoding"))
        if not _by_key(request):
            made = await self._in_thread(self._make, self._environ(request), chosen)
            await self._send_made(request, send, made, chosen)
            return
        pages, target = self._pages(), (request.scope.get("raw_path") or b"", request.scope["query_string"])
        headers = _deciding(request.headers)
        page = pages.get(target, headers)
        if page and (kept := page.made(chosen)):
            await _send_kept(request, send, kept)
            return
        if page:
            await self._in_thread(page.coded, chosen)
            made = _Made(page)
        else:
            made = await self._in_thread(self._make, self._environ(request), chosen)
        if made.asked is None:
            pages.keep(target, headers, made.page)
        await self._send_made(request, send, made, chosen)

    def _pages(self) -> Pages:
        """What is kept of the pages of what is published now; an answer under way may still go to those before.

        What is gone is said by other files beside the current release, so whatever happens in that folder counts.
        """
        try:
            site = self.publication.site()
        except ReleaseError:
            return Pages(0)
        folder = identity(site.out)
        if site is not self._kept[0] or folder != self._kept[1]:
            self._kept = site, folder, Pages(self.settings.page_bytes)
        return self._kept[2]

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """Do some work in a thread; what it has asked of the engine ends with the client."""
        under_way: list[Future[Any]] = []
        context = contextvars.copy_context()
        context.run(UNDER_WAY.set, under_way)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, context.run, work, *arguments)
        except asyncio.CancelledError:  # the client has left
            for future in under_way:
                future.cancel()
            raise

    async def _send_made(self, request: Request, send: Send, made: _Made, chosen: str) -> None:
        if made.asked is None:
            await _send_kept(request, send, made.page.coded(chosen))
        else:
            await self._asked_by_page(request, send, made.page, made.asked, chosen)

    def _environ(self, request: Request) -> dict[str, Any]:
        return _environ(request, self._client(request))

    def _make(self, environ: dict[str, Any], chosen: str) -> _Made:
        """A page, and its form in a coding, which takes time as well."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], error: object = None) -> Callable[..., None]:
            started[:] = [int(status[:3]), [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]]
            return lambda data: None

        body = self.pages(environ, start_response)
        try:
            data = b"".join(body)
        finally:
            if close := getattr(body, "close", None):
                close()
        status, headers = started
        headers = [(name, value) for name, value in headers if name != b"date"]  # which the server says
        made = _Made(
            Page(status, headers, data, environ.get("unitgraph.media_type", "")), environ.get("unitgraph.asked")
        )
        if made.asked is None:
            made.page.coded(chosen)
        return made

    async def _asked_by_page(self, request: Request, send: Send, made: Page, asked: Asked, chosen: str) -> None:
        own = (b"content-type", b"content-length", b"vary", b"etag")
        named = dict(made.headers)
        headers = [(name, value) for name, value in made.headers if name not in own]
        tag = named.get(b"etag", b'""')
        headers.append((b"vary", b"Accept, Accept-Encoding" if b"vary" in named else b"Accept-Encoding"))
        headers.append((b"etag", tag if chosen == "identity" else tag[:-1] + b"-" + chosen.encode() + b'"'))
        try:
            stream = await asked.site.engine.stream(
                asked.site.release.folder,
                asked.text,
                solutions_format=asked.solutions_format,
                graph_format=asked.graph_format,
                default_graphs=asked.default_graphs,
                substitutions=asked.substitutions,
                client=self._client(request),
                coding=chosen,
            )
            found = await Streaming.begin([*headers, *_content(stream.media_type, chosen)], stream)
        except UnitgraphError as error:
            await _send_problem(send, problems.problem(error, self.limits))
        else:
            await found.send(send, head_only=request.method == "HEAD")


@dataclass(frozen=True)
class _Made:
    """What Flask made; `asked` is a query whose answer is the body."""

    page: Page
    asked: Asked | None = None


def _by_key(request: Request) -> bool:
    """Whether target and headers say all of a request, so that what is kept may answer it.

    A header that comes twice is left to who reads both; dates are, too, since pages have none that decides.
    """
    if request.method not in ("GET", "HEAD") or request.body or request.scope["path"] == "/sparql":
        return False
    if "unitgraph.version" in request.scope:  # what is kept belongs to the current release
        return False
    dated = b"if-modified-since" in request.headers and b"if-none-match" not in request.headers
    once = len(request.headers) == len(request.scope["headers"])
    return once and not dated and PARTIAL.isdisjoint(request.headers)


def _of_release(scope: Scope) -> Scope:
    """A request below `/r/<version>/` as one to that release: the rest of the path, with the version beside it."""
    found = _RELEASE.match(scope["path"])
    if not found:
        return scope
    raw = scope.get("raw_path") or scope["path"].encode()
    rest = b"/" + raw.split(b"/", 3)[3]
    return {**scope, "path": scope["path"][found.end() - 1 :], "raw_path": rest, "unitgraph.version": found[1]}


def _deciding(headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The headers of a request, its languages reduced to the one in which it is answered."""
    accepted = headers.get(b"accept-language", b"").decode("latin-1")
    return headers | {b"accept-language": languages.preferred(accepted).encode()}


def _environ(request: Request, client: str) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333)."""
    import io
    import sys

    scope = request.scope
    raw = scope.get("raw_path") or scope["path"].encode()
    server = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET" if scope["method"] == "HEAD" else scope["method"],  # whose body is not sent on
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
        "REQUEST_URI": raw.decode("latin-1"),
        "unitgraph.version": scope.get("unitgraph.version"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 80),
        "CONTENT_LENGTH": str(len(request.body)),
        "REMOTE_ADDR": client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if b"_" in name:  # which would pass for another header
            continue
        if key == "CONTENT_TYPE":
            environ[key] = value.decode("latin-1")
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING", "PROXY"):
            key = f"HTTP_{key}"
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    if tags := environ.get("HTTP_IF_NONE_MATCH"):
        environ["HTTP_IF_NONE_MATCH"] = coding.without_coding(tags)
    return environ


_OPEN: Headers = [(name.lower().encode(), value.encode()) for name, value in open_headers().items()]


def _validators(tag: str) -> Headers:
    headers: Headers = [(b"vary", b"Accept, Accept-Encoding"), (b"cache-control", b"no-cache")]
    return [*headers, (b"etag", tag.encode())] if tag else headers


def _content(media_type: str, chosen: str) -> Headers:
    headers: Headers = [(b"content-type", formats.content_type(media_type).encode())]
    return headers if chosen == "identity" else [*headers, (b"content-encoding", chosen.encode())]


def _wants_page(accept: str) -> bool:
    try:
        return formats.negotiate(accept, (formats.PROBLEM, formats.JSON, formats.HTML)) == formats.HTML
    except NotAcceptable:
        return False


@lru_cache(256)
def _written(name: bytes) -> bytes:
    """A header's name as RFC 9110 writes it: not every reader knows that case means nothing."""
    return b"ETag" if name == b"etag" else name.title()


async def _start(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
    named = [(_written(name), value) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": named})


async def _send(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
    await _start(send, status, headers)
    await send({"type": "http.response.body", "body": body})


async def _send_kept(request: Request, send: Send, kept: Kept) -> None:
    if request.method in ("GET", "HEAD"):
        kept = kept.unless(request.header(b"if-none-match"))
    await _send(send, kept.status, kept.headers, b"" if request.method == "HEAD" else kept.body)


async def _send_problem(send: Send, found: problems.Problem) -> None:
    body = found.to_json().encode()
    headers: Headers = [
        *_OPEN,
        (b"content-type", formats.PROBLEM.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"vary", b"Accept"),
        (b"cache-control", b"no-store" if found.status >= 500 else b"no-cache"),
        *((name.lower().encode(), value.encode("latin-1", "replace")) for name, value in found.headers.items()),
    ]
    await _send(send, found.status, headers, body)
