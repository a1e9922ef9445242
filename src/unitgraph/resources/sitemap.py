"""Sitemaps: every page for people, with the day on which what it shows changed (sitemaps.org)."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from xml.sax.saxutils import escape

from unitgraph.errors import NotFound
from unitgraph.site import Site

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PER_MAP = 10_000  #: addresses; the protocol allows 50,000 and 50 MB
OVERVIEWS = ("", "matrix", "timeline", "network", "ns", "shapes", "report", "release", "coverage", "query", "graph")


def index(site: Site) -> tuple[tuple[str, str], ...]:
    """The paths of all sitemaps, of the overviews and of things, with the times of what is newest in them."""
    maps = ceil(site.changes.things / PER_MAP)
    newest = [site.changes.current(min(n * PER_MAP, site.changes.things) - 1, 1)[0] for n in range(1, maps + 1)]
    things = ((f"/sitemap/{n}.xml", change.step.issued) for n, change in enumerate(newest, 1))
    return (("/sitemap/pages.xml", site.release.issued), *things)


def addresses(site: Site, name: str) -> Iterable[tuple[str, str]]:
    """The paths of the pages in one sitemap, and when each changed.

    Raises:
        NotFound: there is no such sitemap.
    """
    if name == "pages":
        lists = [segment for segment, n in site.release.index.counts.items() if n]
        return [(f"/{path}", site.release.issued) for path in (*OVERVIEWS, *sorted(lists))]
    maps = ceil(site.changes.things / PER_MAP)
    if not name.isdecimal() or len(name) > 9 or not 1 <= int(name) <= maps:
        raise NotFound(f"there is no sitemap {name[:40]!r}; /sitemap.xml lists them")
    found = site.changes.current((int(name) - 1) * PER_MAP, PER_MAP)
    return [(f"/{change.path}.html", change.step.issued) for change in found]


def written(element: str, child: str, rows: Iterable[tuple[str, str]]) -> bytes:
    """A sitemap (`urlset`, `url`) or an index of them (`sitemapindex`, `sitemap`) of addresses and times."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{element} xmlns="{NAMESPACE}">']
    lines += [f"<{child}><loc>{escape(at)}</loc><lastmod>{when}</lastmod></{child}>" for at, when in rows]
    return "\n".join([*lines, f"</{element}>", ""]).encode()
