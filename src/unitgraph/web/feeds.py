"""What crawlers and harvesters read first and follow: descriptions, robots.txt, sitemaps, feeds of changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from flask import Response, request
from pyoxigraph import Quad

from unitgraph import formats
from unitgraph.answers import Graph
from unitgraph.errors import NotFound
from unitgraph.formats import HTML
from unitgraph.resources import activity, atom, catalogue, oai, sitemap, stream, terms
from unitgraph.site import Site
from unitgraph.web import links, protocol, respond
from unitgraph.web.respond import Resource, json_text, send, send_text
from unitgraph.web.signposts import link

XML = "application/xml"
ATOM = "application/atom+xml"
IMMUTABLE = "public, max-age=31536000, immutable"


def void(site: Site, suffix: str | None = None) -> Response:
    """The data set in numbers (VoID), at the address where harvesters look for it (RFC 8615)."""
    return _described(site, "/.well-known/void", lambda: catalogue.void(site, partial(links.absolute, site)), suffix)


def catalog(site: Site, suffix: str | None = None) -> Response:
    """The catalogue (DCAT 3)."""
    return _described(site, "/catalog", lambda: catalogue.catalogue(site, partial(links.absolute, site)), suffix)


def _described(site: Site, stem: str, graph: Callable[[], Graph], suffix: str | None) -> Response:
    if site.release.from_files:
        raise NotFound("files that are published as they are have no description")

    def write(media_type: str) -> bytes:
        return formats.write(graph(), media_type, terms.prefixes(site))

    return send(site, Resource(stem, formats.RDF_SUFFIXES, write, None), suffix)


def robots(site: Site) -> Response:
    """Crawlers are welcome to everything but computed answers (RFC 9309)."""
    lines = ["User-agent: *", *(f"Disallow: {links.root(site)}{path}" for path in ("/sparql", "/search"))]
    if not site.release.from_files:
        lines.append(f"Sitemap: {links.absolute(site, '/sitemap.xml')}")
    return Response("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")


def sitemap_index(site: Site) -> Response:
    """All sitemaps, each with the time of what is newest in it."""
    rows = [(links.absolute(site, path), when) for path, when in sitemap.index(site)]
    return send_text(site, "sitemap", XML, lambda: sitemap.written("sitemapindex", "sitemap", rows))


def sitemap_part(site: Site, name: str) -> Response:
    """The addresses of one sitemap."""
    rows = [(links.absolute(site, quote(path)), when) for path, when in sitemap.addresses(site, name)]
    return send_text(site, f"sitemap-{name}", XML, lambda: sitemap.written("urlset", "url", rows))


def activities(site: Site, name: str) -> Response:
    """The entry of the change feed in a profile."""
    of, absolute = activity.profile(name), partial(links.absolute, site)
    found = activity.collection(site, of, absolute)
    return send_text(site, f"changes-{name}", of.media_type, lambda: json_text(found).encode())


def activity_page(site: Site, name: str, number: str) -> Response:
    """One page of the change feed in a profile."""
    of, absolute = activity.profile(name), partial(links.absolute, site)
    if not number.isdecimal() or len(number) > 9:
        raise NotFound(f"pages of /changes/{name} have numbers, the first is /changes/{name}/1")
    found = activity.page(site, of, int(number), absolute)
    return send_text(site, f"changes-{name}-{number}", of.media_type, lambda: json_text(found).encode())


def atom_feed(site: Site) -> Response:
    """The newest changes, for people."""
    page = link(links.public(site, "/release"), "alternate", HTML)
    return send_text(site, "atom", ATOM, lambda: atom.feed(site, partial(links.absolute, site)), (page,))


def event_stream(site: Site) -> Response:
    """The root of the event stream (LDES)."""
    return _quads(site, "/stream", lambda: stream.root(site, partial(links.absolute, site)), "no-cache")


def event_page(site: Site, version: str, number: str) -> Response:
    """The changes of one release as members of the event stream; they never change."""
    if not number.isdecimal() or len(number) > 9:
        raise NotFound(f"pages of /stream/{version[:40]} have numbers, the first is /stream/{version[:40]}/1")
    found = stream.page(site, version, int(number), partial(links.absolute, site))
    return _quads(site, f"/stream/{version}/{number}", lambda: found, IMMUTABLE)


def event_member(site: Site, number: str) -> Response:
    """One member of the event stream."""
    if not number.isdecimal() or len(number) > 9:
        raise NotFound("members of the stream have numbers; /stream leads to all of them")
    found = stream.member(site, int(number), partial(links.absolute, site))
    return _quads(site, f"/stream/member/{number}", lambda: found, IMMUTABLE)


def _quads(site: Site, stem: str, quads: Callable[[], Sequence[Quad]], lasting: str) -> Response:
    """Quads in whichever format keeps their graphs apart."""
    choice = protocol.choose(
        formats.QUAD_SUFFIXES, None, request.args.get("format"), request.headers.get("Accept", ""), loose=True
    )
    tag = respond.etag(site, choice.suffix, (("stem", stem),))
    as_bytes = partial(formats.write_quads, media_type=choice.media_type, prefixes=terms.prefixes(site))
    response = respond.unless_known(site, tag, formats.content_type(choice.media_type), lambda: as_bytes(quads()))
    response = respond.validated(site, response, tag, negotiated=True)
    response.headers["Cache-Control"] = lasting
    return response


def oai_pmh(site: Site) -> Response:
    """The repository (OAI-PMH 2.0); errors of the protocol are answers (§3.6)."""
    form = request.form if request.method == "POST" else request.args
    address = links.absolute(site, "/oai")
    body = oai.answer(site, form.items(multi=True), address, datetime.now(UTC))
    response = Response(body, content_type="text/xml; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"  # it says when it was made
    return response
