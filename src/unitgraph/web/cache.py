"""Answers that were made already, within bounds: those to queries, and whole pages by what decides every byte of them.

Pages are kept as an HTTP cache keeps them (RFC 9111 §4.1): by the request's target and by the values of the headers
that the response itself names in `Vary`. One `Pages` belongs to one state of what is published, so nothing in it can
become stale: when something else is published, it is let go. Behind it are the bytes of documents by ETag: an address
with parameters that mean nothing, or headers that choose the same, is another request, and the same document.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Generic, TypeVar

from werkzeug.http import parse_etags

from unitgraph.engine.codings import coder
from unitgraph.web import coding

Headers = list[tuple[bytes, bytes]]
V = TypeVar("V")

FAULTS = (301, 303, 308, 404, 406, 410)  #: kept as pages are, and apart from them
FAULTS_SHARE = 16  #: a share of 1/16 beside that of the pages is for those
PAGE_BYTES = 1 << 20  #: a larger page is made each time
ASKED_ONCE = 4  #: a share of 1/4 is for pages that nobody has asked for again
MOST_VARIANTS = 32  #: of one target
TARGET_BYTES, HEADER_BYTES = 2_048, 512  #: a longer target or header makes no key
OVERHEAD_BYTES = 1_024  #: what keeping an answer costs beside its bytes

#: Headers that describe what a 304 does not send; Flask leaves out the same.
CONTENT = (b"content-type", b"content-length", b"content-encoding", b"content-language", b"last-modified", b"allow")

#: Headers with which a request asks for less than the whole, or on conditions that pages do not know.
PARTIAL = frozenset((b"range", b"if-range", b"if-match", b"if-unmodified-since", b"authorization"))


@dataclass
class Recent(Generic[V]):
    """Values by key, up to a size in bytes; those used longest ago go first."""

    max_bytes: int
    size_bytes: int = 0
    _kept: OrderedDict[object, tuple[V, int]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: object) -> V | None:
        """The value of a key, if it is kept."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: object, value: V, size_bytes: int) -> None:
        """Keep a value, in the place of another with that key."""
        self.drop(key)
        self._kept[key] = value, size_bytes
        self.size_bytes += size_bytes
        while self.size_bytes > self.max_bytes:
            self.size_bytes -= self._kept.popitem(last=False)[1][1]

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def drop(self, key: object) -> tuple[V, int] | None:
        """Keep it no longer; what it was, and its size."""
        found = self._kept.pop(key, None)
        if found:
            self.size_bytes -= found[1]
        return found


@dataclass
class Bodies:
    """The bytes of documents by path and ETag, which decide them whatever else a request says; for threads."""

    max_bytes: int

    def __post_init__(self) -> None:
        self._recent: Recent[bytes] = Recent(self.max_bytes)
        self._lock = Lock()

    def get(self, path: str, tag: str, make: Callable[[], bytes]) -> bytes:
        """The bytes that are kept, or those that `make` gives now."""
        with self._lock:
            if (kept := self._recent.get((path, tag))) is not None:
                return kept
        body = make()
        if len(body) <= PAGE_BYTES:
            with self._lock:
                self._recent.keep((path, tag), body, len(body) + OVERHEAD_BYTES)
        return body


@dataclass(frozen=True)
class Kept:
    """An answer as it is sent: status, headers, bytes."""

    status: int
    headers: Headers
    body: bytes

    @cached_property
    def tag(self) -> str:
        """Its ETag, or an empty string."""
        return next((value.decode("latin-1") for name, value in self.headers if name == b"etag"), "")

    @cached_property
    def unchanged(self) -> Kept:
        """What a client hears that has it already (RFC 9110 §15.4.5)."""
        return Kept(304, [(name, value) for name, value in self.headers if name not in CONTENT], b"")

    def unless(self, if_none_match: str) -> Kept:
        """This, or 304 for a client that has it: the tag in any coding, weak or not, in a list, or `*`.

        RFC 9110 §13.1.2.
        """
        if not if_none_match or not self.tag or self.status != 200:
            return self
        tags = parse_etags(coding.without_coding(if_none_match))
        return self.unchanged if tags.contains_weak(coding.without_coding(self.tag)[1:-1]) else self


@dataclass
class Page:
    """What Flask made, and the same in the codings in which it was asked for; `media_type` is empty where unknown."""

    status: int
    headers: Headers
    body: bytes
    media_type: str
    _coded: dict[str, Kept] = field(default_factory=dict)

    @cached_property
    def codable(self) -> bool:
        """Whether it is one of the answers that are compressed."""
        return self.status in (200, 304) and coding.is_text(self.media_type)

    @property
    def size_bytes(self) -> int:
        """What it takes to keep it."""
        bodies = {id(kept.body): len(kept.body) for kept in self._coded.values()} | {id(self.body): len(self.body)}
        return sum(bodies.values()) + OVERHEAD_BYTES * (1 + len(self._coded))

    def made(self, chosen: str) -> Kept | None:
        """The page in a coding, if it is there already."""
        return self._coded.get(chosen if self.codable else "identity")

    def coded(self, chosen: str) -> Kept:
        """The page in a coding; its ETag says which one was asked for, since a 304 cannot know what was worth it."""
        if not self.codable:
            chosen = "identity"
        if chosen not in self._coded:
            self._coded[chosen] = self._code(chosen)
        return self._coded[chosen]

    def _code(self, chosen: str) -> Kept:
        named, body = dict(self.headers), self.body
        headers = [(name, value) for name, value in self.headers if name not in (b"vary", b"etag", b"content-length")]
        vary = named.get(b"vary", b"")
        if self.codable:
            vary = vary + b", Accept-Encoding" if vary else b"Accept-Encoding"
        tag = named.get(b"etag", b"")
        if tag and chosen != "identity":
            tag = tag[:-1] + b"-" + chosen.encode() + b'"'
        if chosen != "identity" and len(body) > coding.WORTH_BYTES:
            body = coder(chosen)(body, True)
            headers.append((b"content-encoding", chosen.encode()))
        if vary:
            headers.append((b"vary", vary))
        if tag:
            headers.append((b"etag", tag))
        if b"content-length" in named:
            headers.append((b"content-length", b"%d" % len(body)))
        return Kept(self.status, headers, body)

    @cached_property
    def varies_with(self) -> tuple[bytes, ...] | None:
        """The headers of a request that decide it, in lower case, the coding aside; None if that cannot be said."""
        listed = b",".join(value for name, value in self.headers if name == b"vary").lower().split(b",")
        names = tuple(sorted({name.strip() for name in listed} - {b"", b"accept-encoding"}))
        return None if b"*" in names else names

    @cached_property
    def lasting(self) -> bool:
        """Whether the same request is answered the same as long as the same is published (RFC 9111 §3)."""
        named = dict(self.headers)
        known = self.status == 200 or self.status in FAULTS
        fixed = b"no-store" not in named.get(b"cache-control", b"") and b"set-cookie" not in named
        return known and fixed and self.varies_with is not None and len(self.body) <= PAGE_BYTES


@dataclass
class Variants:
    """The pages of one target: `names` are the headers that decide between them, `pages` by their values."""

    names: tuple[bytes, ...]
    pages: OrderedDict[tuple[bytes, ...], Page] = field(default_factory=OrderedDict)

    @property
    def size_bytes(self) -> int:
        """What it takes to keep them; a page that answers to several values counts once."""
        keys = sum(len(value) for values in self.pages for value in values) + 128 * len(self.pages)
        return keys + sum(page.size_bytes for page in {id(page): page for page in self.pages.values()}.values())

    def keep(self, page: Page, headers: dict[bytes, bytes]) -> bool:
        """Keep a page for requests like this one; say no where a header is too long."""
        names = tuple(sorted({*self.names, *(page.varies_with or ())}))
        if names != self.names:
            self.names, self.pages = names, OrderedDict()
        values = self._values(headers)
        if any(len(value) > HEADER_BYTES for value in values):
            return False
        same = (kept for kept in self.pages.values() if kept.headers == page.headers and kept.body == page.body)
        self.pages[values] = next(same, page)
        while len(self.pages) > MOST_VARIANTS:
            self.pages.popitem(last=False)
        return True

    def get(self, headers: dict[bytes, bytes]) -> Page | None:
        """The page for a request with these headers."""
        return self.pages.get(self._values(headers))

    def _values(self, headers: dict[bytes, bytes]) -> tuple[bytes, ...]:
        return tuple(headers.get(name, b"") for name in self.names)


@dataclass
class Pages:
    """Every answer of one state of the site, by target and by the headers that decide.

    What was asked for once, what was asked for again, and what leads or says elsewhere (redirects and faults) each
    have a bound of their own, so that addresses that nobody asks twice, invented or crawled, displace no page.
    """

    max_bytes: int

    def __post_init__(self) -> None:
        self.once: Recent[Variants] = Recent(self.max_bytes // ASKED_ONCE)
        self.again: Recent[Variants] = Recent(self.max_bytes - self.max_bytes // ASKED_ONCE)
        self.faults: Recent[Variants] = Recent(self.max_bytes // FAULTS_SHARE)

    def get(self, target: tuple[bytes, bytes], headers: dict[bytes, bytes]) -> Page | None:
        """The page for a request, if it is kept."""
        if variants := self.again.get(target):
            if found := variants.get(headers):
                return found
        elif (variants := self.once.get(target)) and (found := variants.get(headers)):
            self.once.drop(target)
            self.again.keep(target, variants, variants.size_bytes)
            return found
        if variants := self.faults.get(target):
            return variants.get(headers)
        return None

    def keep(self, target: tuple[bytes, bytes], headers: dict[bytes, bytes], page: Page) -> None:
        """Keep a page, or that it has a coding more."""
        if not page.lasting or sum(map(len, target)) > TARGET_BYTES:
            return
        home = self.faults if page.status != 200 else self.again if target in self.again else self.once
        variants = home.get(target) or Variants(())
        if variants.keep(page, headers):
            home.keep(target, variants, variants.size_bytes + sum(map(len, target)))
