"""What a request asks for: format, page, and the SPARQL 1.1 Protocol. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Network, ip_address, ip_network
from urllib.parse import parse_qsl

from pyoxigraph import NamedNode
from werkzeug.http import parse_options_header

from unitgraph import formats
from unitgraph.errors import BadRequest, NotAcceptable, NotFound, QueryRefused, UnsupportedMediaType

FORM = "application/x-www-form-urlencoded"
UPDATE = "application/sparql-update"
VERSIONS = ("1.0", "1.1", "1.2-basic", "1.2")  #: of SPARQL


@dataclass(frozen=True)
class Choice:
    """The format of an answer: its suffix and media type."""

    suffix: str
    media_type: str


def split_suffix(path: str) -> tuple[str, str | None]:
    """A path and its format: what follows the last dot of the last segment.

    >>> split_suffix("unit/arl.ttl"), split_suffix("unit/arl")
    (('unit/arl', 'ttl'), ('unit/arl', None))
    """
    folder, slash, last = path.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    return (folder + slash + stem, suffix) if dot else (path, None)


def choose(
    offered: Mapping[str, str], suffix: str | None, parameter: str | None, accept: str, *, loose: bool = False
) -> Choice:
    """Suffix beats `?format=` beats `Accept`.

    Raises:
        NotFound: an unknown suffix.
        BadRequest: an unknown `format`.
        NotAcceptable: `Accept` rules out all of them.
    """
    if suffix is not None:
        if suffix not in offered:
            raise NotFound(f"no format .{suffix[:20]} here; there are .{', .'.join(offered)}")
        return Choice(suffix, offered[suffix])
    if parameter:
        if parameter not in offered:
            raise BadRequest(f"format {parameter[:20]!r} is not on offer; use one of {', '.join(offered)}")
        return Choice(parameter, offered[parameter])
    media_type = formats.negotiate(accept, tuple(offered.values()), loose=loose)
    return Choice(next(s for s, t in offered.items() if t == media_type), media_type)


def page_number(text: str | None) -> int:
    """The number of a page, from 1.

    Raises:
        BadRequest: it is no such number.
    """
    if text is None:
        return 1
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise BadRequest(f"page {text[:20]!r} is no page number; pages count from 1")
    return int(text)


# SPARQL 1.1 Protocol §2.1 --------------------------------------------------------------------------


@dataclass(frozen=True)
class SparqlRequest:
    """A query operation; `query` is None for a request without one, `format` one of our suffixes or empty.

    `timeout_seconds` is less time than we would give, `explain` asks why an answer is empty or a query slow.
    """

    query: str | None
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    format: str = ""
    timeout_seconds: float | None = None
    explain: bool = False


def sparql_request(method: str, content_type: str, query_string: bytes, body: bytes) -> SparqlRequest:
    """Read a query operation, SPARQL 1.1 Protocol §2.1.1 to §2.1.4; QUERY (SPARQL 1.2) is a POST that is safe.

    Raises:
        BadRequest: two queries, none in a POST, text that is not UTF-8, a graph name that is no IRI.
        QueryRefused: an update.
        UnsupportedMediaType: a body of another kind.
    """
    pairs = _pairs(query_string, "query string")
    if method in ("POST", "QUERY"):
        kind, options = parse_options_header(content_type)
        kind = kind.lower()  # RFC 9110 §8.3.1
        if kind == FORM:
            pairs += _pairs(body, "form")
        elif kind == formats.SPARQL_QUERY:
            pairs.append(("query", _utf8(body, options.get("charset", "utf-8"))))
        elif kind == UPDATE:
            raise QueryRefused("this endpoint is read-only; the data change by releases")
        else:
            allowed = f"{FORM} or {formats.SPARQL_QUERY}"
            raise UnsupportedMediaType(f"a body of type {kind[:60] or 'unknown'} is not read here; send {allowed}")
    return _read(pairs, required=method in ("POST", "QUERY"))


def _read(pairs: list[tuple[str, str]], *, required: bool) -> SparqlRequest:
    queries = [value for name, value in pairs if name == "query"]
    if any(name == "update" for name, _ in pairs):
        raise QueryRefused("this endpoint is read-only; the data change by releases")
    if len(queries) > 1:
        raise BadRequest(f"{len(queries)} parameters named query; send exactly one")
    if required and not queries:
        raise BadRequest("no parameter named query; send the text of a SPARQL query")
    for name, value in pairs:
        if name == "version":
            _check_version(value)
    known = {**formats.SOLUTION_SUFFIXES, **formats.GRAPH_SUFFIXES, "html": formats.HTML}
    chosen = next((value for name, value in pairs if name == "format" and value in known), "")
    return SparqlRequest(
        queries[0] if queries else None,
        tuple(_iri(value) for name, value in pairs if name == "default-graph-uri"),
        tuple(_iri(value) for name, value in pairs if name == "named-graph-uri"),
        chosen,
        _seconds(next((value for name, value in pairs if name == "timeout"), "")),
        any(name == "explain" and value not in ("", "0", "false") for name, value in pairs),
    )


def _seconds(text: str) -> float | None:
    """A time limit in seconds; none for an empty one and for 0.

    Raises:
        BadRequest: it is no number.
    """
    if not re.fullmatch(r"(\d{1,20}(\.\d{0,20})?(e\d{1,3})?)?", text, re.ASCII | re.IGNORECASE):
        raise BadRequest(f"timeout {text[:20]!r} is no number of seconds; write timeout=5")
    return float(text or 0) or None


def _check_version(version: str) -> None:
    """SPARQL 1.2 Protocol: the version of the language in which the query is written.

    Raises:
        BadRequest: one that is not spoken here.
    """
    if version not in VERSIONS:
        raise BadRequest(f"version {version[:20]!r} of SPARQL is not spoken here; there are {', '.join(VERSIONS)}")


def _pairs(data: bytes, place: str) -> list[tuple[str, str]]:
    try:
        text = data.decode("ascii" if place == "query string" else "utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1_000)
    except UnicodeDecodeError as error:
        raise BadRequest(f"the {place} is not UTF-8 in percent-encoding; encode it as UTF-8") from error
    except ValueError as error:
        raise BadRequest(f"the {place} has more than 1,000 parameters; send a query of fewer graphs") from error


def _utf8(body: bytes, charset: str) -> str:
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(f"a query in {charset[:20]} is not read here; send it as UTF-8")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"byte {error.start} of the query is not UTF-8; send it as UTF-8") from error


def _iri(text: str) -> str:
    try:
        return NamedNode(text).value
    except ValueError as error:
        raise BadRequest(
            f"{text[:80]!r} is no absolute IRI, so it names no graph; use one of the names at /graph"
        ) from error


@lru_cache(512)
def sparql_formats(accept: str, chosen: str, verb: str = "") -> tuple[str | None, str | None]:
    """The media types for a table and for a graph: `text/html` for a page, None where none is acceptable.

    Loose types are read as their authors mean them; `format=` with one of our suffixes beats `Accept`
    where it fits the form of the query. The answer of an ASK may also be plain text.
    """
    written = formats.TRUTHS if verb == "ASK" else formats.SOLUTIONS
    tables = {**formats.SOLUTION_SUFFIXES, "html": formats.HTML}
    graphs = {
        **formats.GRAPH_SUFFIXES,
        "html": formats.HTML,
        "json": formats.JSON_LD,
        "xml": formats.RDF_XML,
    }
    return (
        tables.get(chosen) or _acceptable(accept, (*written, formats.HTML)),
        graphs.get(chosen) or _acceptable(accept, (*formats.GRAPHS, formats.HTML)),
    )


def prefers_page(accept: str) -> bool:
    """Whether a client would rather have a page than JSON.

    >>> prefers_page("text/html,*/*;q=0.8"), prefers_page("*/*"), prefers_page("application/json")
    (True, False, False)
    """
    return _acceptable(accept, (formats.JSON, formats.HTML)) == formats.HTML


def _acceptable(accept: str, offered: tuple[str, ...]) -> str | None:
    try:
        return formats.negotiate(accept, offered, loose=True)
    except NotAcceptable:
        return None


# Who asks ------------------------------------------------------------------------------------------


@lru_cache(1024)
def client(peer: str, forwarded: str, proxies: str) -> str:
    """Who asks, for fair shares: the peer, or behind our own proxies the last hop that is none of them.

    A network of IPv6 addresses that one subscriber has (/64) counts as one client.

    Args:
        peer: the address of the connection.
        forwarded: value of `X-Forwarded-For`; anybody may write anything into its beginning.
        proxies: addresses or networks that are ours, with commas.

    >>> client("127.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2", "127.0.0.1, 10.0.0.0/8")
    '192.0.2.7'
    >>> client("192.0.2.1", "6.6.6.6", "127.0.0.1")
    '192.0.2.1'
    """
    own = [ip_network(one.strip(), strict=False) for one in proxies.split(",") if one.strip()]
    found = peer
    for hop in reversed([peer] if not forwarded else [*forwarded.split(","), peer]):
        try:
            address = ip_address(hop.strip())
        except ValueError:
            break
        found = str(address)
        if not any(address in network for network in own):
            break
    try:
        address = ip_address(found)
    except ValueError:
        return found
    if address.version == 6:
        return str(IPv6Network((address, 64), strict=False))
    return found
