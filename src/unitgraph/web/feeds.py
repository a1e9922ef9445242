"""What crawlers and harvesters follow: robots.txt, sitemaps, feeds of changes."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from flask import Response

from unitgraph.errors import NotFound
from unitgraph.formats import HTML
from unitgraph.resources import activity, atom, sitemap
from unitgraph.site import Site
from unitgraph.web import links
from unitgraph.web.respond import json_text, send_text
from unitgraph.web.signposts import link

XML = "application/xml"
ATOM = "application/atom+xml"


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
