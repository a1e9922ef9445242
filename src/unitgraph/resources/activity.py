"""The change table as ActivityStreams, in two profiles: EMM 1.0 and IIIF Change Discovery 1.0.

Both are an ordered collection, oldest change first, in pages whose content never changes once they are full. Their
rules for contexts cannot hold in one document: EMM wants that of ActivityStreams in front, IIIF its own last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from unitgraph.changes import CREATED, REMOVED, Change
from unitgraph.errors import NotFound
from unitgraph.site import Site

PER_PAGE = 100
ACTIVITYSTREAMS = "https://www.w3.org/ns/activitystreams"
GRAPH_CLASS = "http://www.w3.org/ns/sparql-service-description#NamedGraph"

Json = dict[str, Any]


@dataclass(frozen=True)
class Profile:
    """What the two profiles say differently: `time` is the property of when, `bulk` the type of a first-time load."""

    name: str
    title: str
    context: str | tuple[str, ...]
    media_type: str
    time: str
    bulk: str


EMM_CONTEXT, IIIF_CONTEXT = "https://emm-spec.org/1.0/context.json", "http://iiif.io/api/discovery/1/context.json"
PROFILES = {
    "emm": Profile(
        "emm",
        "Entity Metadata Management 1.0",
        (ACTIVITYSTREAMS, EMM_CONTEXT),
        "application/activity+json",
        "published",
        "Add",
    ),
    "iiif": Profile(
        "iiif",
        "IIIF Change Discovery 1.0",
        IIIF_CONTEXT,
        f'application/ld+json;profile="{IIIF_CONTEXT}"',
        "endTime",
        "Create",
    ),
}


def profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        NotFound: there is none.
    """
    if name not in PROFILES:
        raise NotFound(f"there is no change feed {name[:40]!r}; there are: {', '.join(PROFILES)}")
    return PROFILES[name]


def collection(site: Site, of: Profile, absolute: Callable[[str], str]) -> Json:
    """The entry: how many changes there are, and its first and last page."""
    last = _pages(site)
    return {
        "@context": of.context,
        "id": absolute(f"/changes/{of.name}"),
        "type": "OrderedCollection",
        "summary": f"Every change of every record, oldest first ({of.title})",
        "totalItems": site.changes.count,
        "first": _page_reference(of, 1, absolute),
        "last": _page_reference(of, last, absolute),
    }


def page(site: Site, of: Profile, number: int, absolute: Callable[[str], str]) -> Json:
    """One page of changes.

    Raises:
        NotFound: there is no such page.
    """
    last = _pages(site)
    if not 1 <= number <= last:
        raise NotFound(f"page {number} of /changes/{of.name} does not exist; the last one is {last}")
    start = (number - 1) * PER_PAGE
    found: Json = {
        "@context": of.context,
        **_page_reference(of, number, absolute),
        "partOf": {"id": absolute(f"/changes/{of.name}"), "type": "OrderedCollection"},
        "startIndex": start,
        "orderedItems": [_activity(site, of, change, absolute) for change in site.changes.after(start, PER_PAGE)],
    }
    if number > 1:
        found["prev"] = _page_reference(of, number - 1, absolute)
    if number < last:
        found["next"] = _page_reference(of, number + 1, absolute)
    return found


def _pages(site: Site) -> int:
    return max(1, ceil(site.changes.count / PER_PAGE))


def _page_reference(of: Profile, number: int, absolute: Callable[[str], str]) -> Json:
    return {"id": absolute(f"/changes/{of.name}/{number}"), "type": "OrderedCollectionPage"}


def _activity(site: Site, of: Profile, change: Change, absolute: Callable[[str], str]) -> Json:
    kind = {CREATED: "Create", REMOVED: "Delete"}.get(change.what, "Update")
    if change.what == CREATED and change.step.number == 1:
        kind = of.bulk
    cls = site.kinds[change.kind].cls.value if change.kind in site.kinds else GRAPH_CLASS
    page_of = (change.id - 1) // PER_PAGE + 1
    return {
        "id": absolute(f"/changes/{of.name}/{page_of}") + f"#change-{change.id}",
        "type": kind,
        "summary": f"{change.path} was {change.what} by release {change.step.version}",
        of.time: change.step.issued,
        "object": {"id": site.base + change.path, "type": cls},
    }
