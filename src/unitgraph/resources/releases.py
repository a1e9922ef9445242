"""The releases there are, and what each changed since the one before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from unitgraph import history
from unitgraph.coverage import LABELS
from unitgraph.errors import NotFound, ReleaseError
from unitgraph.history import Change
from unitgraph.release import Release, sha256
from unitgraph.resources import listing, terms
from unitgraph.resources.terms import Fact, Text, Value
from unitgraph.site import Site

MAX_COMPARED = 200_000  #: quads in a release up to which two are compared for a page
MAX_CHANGES = 200  #: things named on the page of a release
MAX_STATEMENTS = 12  #: statements shown below one thing, of those added and of those removed
KINDS = ("created", "updated", "removed")


@dataclass(frozen=True)
class Statements:
    """Statements about one thing, property by property; `more` are not shown."""

    facts: tuple[Fact, ...]
    count: int
    more: int


@dataclass(frozen=True)
class Changed:
    """What happened to a thing. It has no link where this site does not describe it (any longer)."""

    iri: str
    thing: Value
    kind: str
    added: Statements
    removed: Statements


@dataclass(frozen=True)
class Difference:
    """What changed: how many things were created, updated and removed, and the first of each, `more` are not named."""

    counts: tuple[tuple[str, int], ...]
    changes: tuple[tuple[str, tuple[Changed, ...]], ...]
    count: int
    more: int


@dataclass(frozen=True)
class ReleaseLine:
    """A release in the list of all; `issued` is ISO 8601."""

    version: str
    issued: str
    quads: int
    content: str
    current: bool
    shown: bool


@dataclass(frozen=True)
class KindCount:
    """How many things of a kind there are, and the segment of its list."""

    segment: str
    name: str
    count: int


@dataclass(frozen=True)
class ReleasePage:
    """One release, what it changed, and all the others, newest first.

    `predecessor` is the version before this one. `reason` says why there is no difference: `first` (there is no release
    before it), `missing` (that is not kept here), `large` or `unreadable`. `kinds` are counted for the current release.
    """

    version: str
    issued: str
    base: str
    content: str
    digest: str
    quads: int
    current: bool
    predecessor: str
    predecessor_digest: str
    kinds: tuple[KindCount, ...]
    difference: Difference | None
    reason: str
    releases: tuple[ReleaseLine, ...]


def page(site: Site, version: str | None = None) -> ReleasePage:
    """A release and its history; the current one if no version is named.

    Raises:
        NotFound: there is no such release, or files are published as they are.
    """
    if site.release.from_files:
        raise NotFound("files are published here as they are; there are no releases of them")
    found = {release.version: release for release in history.releases(site.out)}
    found[site.release.version] = site.release
    shown = found.get(version or site.release.version)
    if shown is None:
        raise NotFound(f"there is no release {version}; /release lists those that there are")
    before = next((r for r in found.values() if r.digest == shown.manifest.predecessor), None)
    difference, reason = _difference(site, before, shown)
    newest_first = sorted(found.values(), key=lambda release: (release.issued, release.version), reverse=True)
    current = shown.version == site.release.version
    return ReleasePage(
        shown.version,
        shown.issued,
        shown.base,
        shown.manifest.content,
        shown.digest,
        shown.manifest.quads,
        current,
        before.version if before else "",
        shown.manifest.predecessor or "",
        _kinds(site) if current else (),
        difference,
        reason,
        tuple(_line(site, release, shown) for release in newest_first),
    )


def versions(site: Site) -> frozenset[str]:
    """The versions of all releases that are kept."""
    return frozenset(release.version for release in history.releases(site.out)) | {site.release.version}


def state(site: Site) -> str:
    """What decides a page about releases besides the current one: the digest of the digests of all of them."""
    return sha256("".join(release.digest for release in history.releases(site.out)).encode())


def _line(site: Site, release: Release, shown: Release) -> ReleaseLine:
    return ReleaseLine(
        release.version,
        release.issued,
        release.manifest.quads,
        release.manifest.content,
        release.version == site.release.version,
        release.version == shown.version,
    )


def _kinds(site: Site) -> tuple[KindCount, ...]:
    counts = [KindCount(s, listing.title(site, s), listing.count(site, s)) for s in site.kinds]
    return tuple(kind for kind in counts if kind.count)


# What changed ------------------------------------------------------------------------------------------


def _difference(site: Site, before: Release | None, after: Release) -> tuple[Difference | None, str]:
    """The difference to the release before, or the reason why there is none."""
    if before is None:
        return None, "missing" if after.manifest.predecessor else "first"
    if max(before.manifest.quads, after.manifest.quads) > MAX_COMPARED:
        return None, "large"
    try:
        return _shown(site, before, after), ""
    except ReleaseError:
        return None, "unreadable"


@lru_cache(maxsize=32)
def _shown(site: Site, before: Release, after: Release) -> Difference:
    """The first changes as a page shows them: a value of the two digests and the reader's language."""
    found = _compared(before, after)
    counts = Counter(change.kind for change in found)
    first = found[:MAX_CHANGES]
    groups = tuple((kind, tuple(_changed(site, c) for c in first if c.kind == kind)) for kind in KINDS)
    return Difference(
        tuple((kind, counts[kind]) for kind in KINDS),
        tuple((kind, changes) for kind, changes in groups if changes),
        len(found),
        len(found) - len(first),
    )


@lru_cache(maxsize=4)
def _compared(before: Release, after: Release) -> tuple[Change, ...]:
    """Every change, created things first, then updated ones, then removed ones."""
    return tuple(sorted(history.changes(before, after), key=lambda c: (KINDS.index(c.kind), c.subject)))


def _changed(site: Site, change: Change) -> Changed:
    added, removed = (_triples(lines) for lines in (change.added, change.removed))
    node = NamedNode(change.subject)
    if terms.exists(site, node):
        thing = terms.value(site, node)
    else:
        label = _label([*removed, *added], site.language)
        thing = Value(label.value if label else change.subject, label.language if label else None)
    return Changed(change.subject, thing, change.kind, _statements(site, added), _statements(site, removed))


def _triples(lines: Iterable[str]) -> list[Triple]:
    return [quad.triple for quad in parse("\n".join(lines).encode(), format=RdfFormat.N_TRIPLES)]


def _label(triples: list[Triple], language: str) -> Text | None:
    """What a thing was called that is not described any longer."""
    named = [(LABELS.index(t.predicate), t.object) for t in triples if t.predicate in LABELS]
    found = [
        (rank, one.language != language, one.language != "en", one.language or "", one.value)
        for rank, one in named
        if isinstance(one, Literal)
    ]
    return Text(min(found)[4], min(found)[3] or None) if found else None


def _statements(site: Site, triples: list[Triple]) -> Statements:
    first = terms.ordered(site, triples)[:MAX_STATEMENTS]
    return Statements(terms.facts(site, first), len(triples), len(triples) - len(first))


# For programs ------------------------------------------------------------------------------------------


def record(found: ReleasePage) -> dict[str, object]:
    """A release, its history and what it changed, as JSON has it."""
    return {
        "version": found.version,
        "issued": found.issued,
        "base": found.base,
        "content": found.content,
        "release": found.digest,
        "quads": found.quads,
        "current": found.current,
        "predecessor": {"version": found.predecessor or None, "release": found.predecessor_digest or None},
        "things": {kind.segment: kind.count for kind in found.kinds},
        "changes": _changes_record(found),
        "releases": [
            {"version": r.version, "issued": r.issued, "content": r.content, "quads": r.quads, "current": r.current}
            for r in found.releases
        ],
    }


def _changes_record(found: ReleasePage) -> dict[str, object]:
    if found.difference is None:
        return {"compared": False, "reason": found.reason}
    return {
        "compared": True,
        "counts": dict(found.difference.counts),
        "shown": found.difference.count - found.difference.more,
        "things": [
            {
                "iri": one.iri,
                "label": one.thing.text,
                "change": kind,
                "added": one.added.count,
                "removed": one.removed.count,
            }
            for kind, changes in found.difference.changes
            for one in changes
        ],
    }
