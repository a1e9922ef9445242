"""What a path that names nothing may have been meant for: looked up, never invented, and never many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pyoxigraph import Literal, NamedNode

from unitgraph.resources import listing, terms
from unitgraph.resources.explain import nearest
from unitgraph.resources.terms import Value
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, RDF_TYPE, escaped

MAX_LENGTH = 200  #: characters of a path that is looked at
MAX_CANDIDATES = 500  #: things of a kind that are compared by spelling
SHOWN = 5


def near(site: Site, path: str) -> tuple[Value, ...]:
    """Things and lists whose path is near to this one, the nearest first.

    The same path without a slash at its end, a suffix or capital letters comes first, then things with the
    last part as their acronym or number, then things of the same kind that are spelled alike.
    """
    asked = path.strip("/")[:MAX_LENGTH]
    found = dict.fromkeys(_meant(site, asked)) or dict.fromkeys(_alike(site, asked))
    return tuple(_shown(site, one) for one in islice(found, SHOWN))


def _meant(site: Site, path: str) -> Iterator[str]:
    """What is there under this path, written in our way; or has its last part as its acronym or number."""
    stem = _stem(path)
    ways = (path, stem, path.replace(".", "-"))
    for way in dict.fromkeys(one.casefold().replace("_", "-").replace(" ", "-") for one in ways):
        if way in listing.segments(site) or _exists(site, way):
            yield site.base + way
    for notation in dict.fromkeys(last for one in (path, stem) for last in _notations(one)):
        quads = islice(site.store.quads_for_pattern(None, NOTATION, Literal(notation)), SHOWN)
        found = sorted(quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode))
        folder = path.rpartition("/")[0].casefold()
        yield from (one for one in found if one.startswith(f"{site.base}{folder}{'/' if folder else ''}"))


def _alike(site: Site, path: str) -> Iterator[str]:
    """Lists that are spelled alike, and things in the list that is."""
    folder, _, last = _stem(path).casefold().rpartition("/")
    segments = nearest.order(f"{site.base}{folder or last}", [site.base + one for one in listing.segments(site)], 2)
    if not folder:
        yield from segments
        return
    for segment in segments[:1]:
        yield from nearest.order(f"{segment}/{last}", _members(site, segment.removeprefix(site.base)), SHOWN - 1)
        yield segment


def _stem(path: str) -> str:
    """A path without what looks like a suffix.

    >>> _stem("unit/ARL.html"), _stem("unit/arl")
    ('unit/ARL', 'unit/arl')
    """
    folder, slash, last = path.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _notations(path: str) -> tuple[str, str]:
    """The last part of a path as an acronym or a number is written."""
    last = path.rpartition("/")[2]
    return last.upper(), last.replace("-", ".")


def _exists(site: Site, path: str) -> bool:
    try:
        return terms.exists(site, NamedNode(site.base + escaped(path)))
    except ValueError:
        return False


def _members(site: Site, segment: str) -> list[str]:
    """Some things of a kind, by IRI."""
    if segment not in site.kinds:
        return []
    quads = islice(site.store.quads_for_pattern(None, RDF_TYPE, site.kinds[segment].cls), MAX_CANDIDATES)
    return sorted({quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)})


def _shown(site: Site, iri: str) -> Value:
    segment = iri.removeprefix(site.base)
    if segment in listing.segments(site):
        return Value(listing.title(site, segment), "en", iri)
    return terms.value(site, NamedNode(iri))
