"""Responses: representation, validators, links and the headers that every answer has. Each happens here, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flask import Response, g, render_template, request
from werkzeug.http import http_date

from unitgraph import formats
from unitgraph.answers import Term
from unitgraph.resources import home, listing
from unitgraph.site import Site
from unitgraph.vocab import curie
from unitgraph.web import links, protocol
from unitgraph.web.protocol import Choice

METHODS = "GET, HEAD, POST, QUERY, OPTIONS"
EXPOSED = "Allow, Content-Encoding, ETag, Last-Modified, Link, Location, Retry-After, Vary"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
NAVIGATION = ("unit", "project", "direction", "story", "organisation", "award")


@dataclass(frozen=True)
class Resource:
    """A document in several formats.

    `stem` is the path to which a suffix is added, `offered` suffixes with media types, our favourite first.
    `write` gives the bytes in a media type, `page` the template and its context. `links` are further
    `Link` values for any format, `page_links` those of the page for people; `parameters` make the variant.
    `loose` reads inexact media types as SPARQL clients mean them; `by_parameter` says that formats are
    reached by `?format=`, not by a suffix.
    """

    stem: str
    offered: Mapping[str, str]
    write: Callable[[str], bytes]
    page: Callable[[], tuple[str, object]]
    links: tuple[str, ...] = ()
    page_links: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = field(default=())
    loose: bool = False
    by_parameter: bool = False


def choose(resource: Resource, suffix: str | None) -> Choice:
    """The format in which this request wants a resource."""
    return protocol.choose(
        resource.offered,
        suffix,
        request.args.get("format"),
        request.headers.get("Accept", ""),
        loose=resource.loose,
    )


def send(site: Site, resource: Resource, suffix: str | None) -> Response:
    """A resource in the format that was asked for; 304 where the client has it already."""
    choice = choose(resource, suffix)
    tag = etag(site, choice.suffix, resource.parameters)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        body = g.cache.get(request.path, tag, lambda: _body(site, resource, choice))
        response = Response(body, content_type=formats.content_type(choice.media_type))
    return validated(site, response, tag, negotiated=suffix is None, links_to=header_links(site, resource, choice))


def _body(site: Site, resource: Resource, choice: Choice) -> bytes:
    if choice.media_type != formats.HTML:
        return resource.write(choice.media_type)
    template, page = resource.page()
    return render(site, template, page, resource)


def validated(
    site: Site, response: Response, tag: str, *, negotiated: bool, links_to: tuple[str, ...] = ()
) -> Response:
    """Give a response its validators (RFC 9110 §8.8), its links and what it varies with."""
    response.set_etag(tag)
    response.headers["Last-Modified"] = http_date(datetime.fromisoformat(site.release.issued))
    response.headers["Cache-Control"] = "no-cache"
    if negotiated:
        response.headers["Vary"] = "Accept"
    for value in links_to:
        response.headers.add("Link", value)
    return response


def etag(site: Site, variant: str, parameters: tuple[tuple[str, str], ...] = ()) -> str:
    """Release, software, variant: what decides every byte of a representation (RFC 9110 §8.8.3).

    Parameters are a reader's choice: their digest is too long for anyone to find two that share it.
    """
    settings = (site.settings.public_url, site.settings.contact, parameters)
    operator = hashlib.sha256(repr(settings).encode()).hexdigest()[:32]
    return f"{site.release.digest[:16]}-{g.software}-{operator}-{variant}"


@dataclass(frozen=True)
class Asked:
    """A query whose answer is the body of a response; the front asks it and streams what comes."""

    site: Site
    text: str
    solutions_format: str | None = None
    graph_format: str | None = None
    default_graphs: tuple[str, ...] = ()
    substitutions: Mapping[str, Term] = field(default_factory=dict)


def ask(asked: Asked) -> Response:
    """A response whose body is the answer to a query: the headers are made now, the rest by the front."""
    request.environ["unitgraph.asked"] = asked
    return Response()


def redirect(site: Site, status: int, path: str, *, negotiated: bool = False) -> Response:
    """A redirect with no page to look at: 303 to a document about a thing, 301 to where a thing is now."""
    response = Response(status=status)
    response.headers["Location"] = links.public(site, path)
    response.headers["Cache-Control"] = "no-cache"
    del response.headers["Content-Type"]  # there is no body
    response.autocorrect_location_header = False
    if negotiated:
        response.headers["Vary"] = "Accept"
    return response


def json_text(value: object) -> str:
    """A small JSON document."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def link(target: str, rel: str, media_type: str = "") -> str:
    """A value of the `Link` header (RFC 8288 §3).

    >>> link("/unit/arl.ttl", "alternate", "text/turtle")
    '</unit/arl.ttl>; rel="alternate"; type="text/turtle"'
    """
    return f'<{target}>; rel="{rel}"' + (f'; type="{media_type}"' if media_type else "")


def header_links(site: Site, resource: Resource, choice: Choice) -> tuple[str, ...]:
    """Every other format; for the page also what describes it (FAIR Signposting, level 1)."""
    found = []
    for suffix, media_type in resource.offered.items():
        address = links.public(site, document(resource, suffix))
        if suffix != choice.suffix:
            found.append(link(address, "alternate", media_type))
        if choice.media_type == formats.HTML and media_type in formats.RDF_SUFFIXES.values():
            found.append(link(address, "describedby", media_type))
    if license_ := home.chrome(site).license:
        found.append(link(license_, "license"))
    return (*found, *resource.links, *(resource.page_links if choice.media_type == formats.HTML else ()))


def document(resource: Resource, suffix: str) -> str:
    """The path of a resource in one format, with the parameters of this request."""
    if resource.by_parameter:
        return links.with_parameters(resource.stem, (*resource.parameters, ("format", suffix)))
    return links.with_parameters(links.document(resource.stem, suffix), resource.parameters)


def render(site: Site | None, template: str, page: object, resource: Resource | None = None) -> bytes:
    """A page: the template prints a frozen value, with the head and foot that all pages have."""
    alternates = []
    if site and resource:
        for suffix, media_type in resource.offered.items():
            if suffix != "html":
                alternates.append((suffix, media_type, links.root(site) + document(resource, suffix)))
    return render_template(
        template,
        page=page,
        chrome=home.chrome(site) if site else None,
        navigation=_navigation(site) if site else (),
        alternates=alternates,
        url=lambda target, pairs=(), **parameters: _href(site, target, (*pairs, *parameters.items())),
        asset=lambda name: f"{links.root(site) if site else ''}/static/{name}",
        external=lambda iri: links.external(site, iri) if site else True,
        with_parameters=links.with_parameters,
        curie=curie,
    ).encode()


def _href(site: Site | None, target: str, parameters: tuple[tuple[str, object], ...]) -> str | None:
    """The link to an IRI or a path of this site."""
    found = links.href(site, target) if site else target
    if found is None or not parameters:
        return found
    return links.with_parameters(found, tuple((name, str(value)) for name, value in parameters))


def _navigation(site: Site) -> tuple[tuple[str, str], ...]:
    if site.release.from_files:
        return (("/graph", "Graphs"), ("/sparql", "SPARQL"))
    found = [segment for segment in NAVIGATION if segment in site.kinds and listing.count(site, segment)]
    pages = [(f"/{segment}", listing.title(site, segment)) for segment in found]
    return (*pages, ("/query", "Queries"), ("/sparql", "SPARQL"), ("/ns", "Vocabulary"), ("/report", "Report"))


# For every response --------------------------------------------------------------------------------


def preflight() -> Response | None:
    """Answer OPTIONS, for browsers that ask before they ask (Fetch §3.2.2)."""
    if request.method != "OPTIONS":
        return None
    response = Response(status=204)
    del response.headers["Content-Type"]
    response.headers["Allow"] = METHODS if request.path == "/sparql" else "GET, HEAD, OPTIONS"
    response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
    response.headers["Access-Control-Allow-Headers"] = "Accept, Content-Type, If-None-Match, Prefer, Range"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response


def open_headers() -> dict[str, str]:
    """Open to any origin, without credentials; nothing is guessed, nothing is loaded from elsewhere."""
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSED,
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    }


def finish(response: Response) -> Response:
    """Give every response the headers that all have."""
    response.headers.update(open_headers())
    return response
