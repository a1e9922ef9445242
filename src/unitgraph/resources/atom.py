"""The newest changes of things as an Atom feed for people (RFC 4287)."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import NamedNode

from unitgraph.changes import REMOVED, Change
from unitgraph.resources import home, terms
from unitgraph.site import Site

NEWEST = 50


def feed(site: Site, absolute: Callable[[str], str]) -> bytes:
    """The feed: the newest change first; of what was removed its page says what was there."""
    chrome = home.chrome(site)
    here = absolute("/changes.atom")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
        f"<id>{escape(site.base)}changes</id>",
        f"<title>{escape(chrome.title.value)}: changes</title>",
        f"<updated>{site.release.issued}</updated>",
        f'<link rel="self" type="application/atom+xml" href={quoteattr(here)}/>',
        f'<link rel="alternate" type="text/html" href={quoteattr(absolute("/release"))}/>',
        f"<author><name>{escape(chrome.title.value)}</name></author>",
        *(_entry(site, change, absolute) for change in site.changes.latest(NEWEST)),
        "</feed>",
        "",
    ]
    return "\n".join(lines).encode()


def _entry(site: Site, change: Change, absolute: Callable[[str], str]) -> str:
    node = NamedNode(site.base + change.path)
    gone = change.what == REMOVED and change.last
    title = change.path if gone else terms.label(site, node).value
    at = absolute(f"/{change.path}" if gone else f"/{change.path}.html")
    return "".join(
        (
            f"<entry><id>{escape(node.value)}#change-{change.id}</id>",
            f"<title>{escape(title)}: {change.what}</title>",
            f"<updated>{change.step.issued}</updated>",
            f'<link rel="alternate" type="text/html" href={quoteattr(at)}/>',
            f"<category term={quoteattr(change.kind)}/>",
            f"<summary>{escape(change.path)} was {change.what} by release {escape(change.step.version)}.</summary>",
            "</entry>",
        )
    )
