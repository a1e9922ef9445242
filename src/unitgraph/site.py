"""The site as a value: a release, the history it stands in, an engine, and where it is published."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Store

from unitgraph.changes import Changes
from unitgraph.engine import Engine
from unitgraph.errors import NotFound, ReleaseError
from unitgraph.release import CHANGES, CURRENT, MANIFEST, Release, current_folder, open_release
from unitgraph.settings import Settings
from unitgraph.vocab import SEGMENT, term

EARLIER = 4  #: releases that are open beside the current one


@dataclass(frozen=True)
class Kind:
    """A kind of thing with a list of its own: the path segment, its class, the class's label."""

    segment: str
    cls: NamedNode
    label: str
    concept: bool


@dataclass(frozen=True, eq=False)
class Site:
    """What is published: `out` is the folder of releases, `release` the one that answers.

    `language` is the reader's: labels and texts come in it where the graph has them, and `labels` are those that
    were looked up already. Each is equal to itself alone: what is kept of one is found quickly, and goes with it.
    """

    out: Path
    release: Release
    engine: Engine = field(repr=False)
    settings: Settings = field(repr=False)
    language: str = "en"
    spoken: dict[str, Site] = field(default_factory=dict, repr=False)
    labels: dict[NamedNode, tuple[str, str | None]] = field(default_factory=dict, init=False, repr=False)

    def speaking(self, language: str) -> Site:
        """The same site for a reader of another language (`fr`), one for each language."""
        if language == self.language:
            return self
        self.spoken.setdefault(self.language, self)
        return self.spoken.get(language) or self.spoken.setdefault(language, replace(self, language=language))

    @property
    def base(self) -> str:
        """Where the things live; ends in a slash."""
        return self.release.base

    @property
    def public_url(self) -> str:
        """Where links point; ends in a slash."""
        return self.settings.public_url or self.base

    @property
    def store(self) -> Store:
        return self.release.store

    @cached_property
    def changes(self) -> Changes:
        """What each release up to this one changed.

        Raises:
            NotFound: other people's files are published as they are, without a history.
        """
        if self.release.from_files:
            raise NotFound("files that are published as they are have no history, and no feeds")
        return Changes(self.release.folder / CHANGES)

    def iri(self, *parts: str) -> NamedNode:
        """The IRI of a thing: `iri("unit", "arl")`."""
        return NamedNode(self.base + "/".join(parts))

    def path(self, iri: str) -> str | None:
        """The path on this site at which an IRI of ours answers, or None for an IRI of others."""
        return "/" + iri[len(self.base) :] if iri.startswith(self.base) else None

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Every kind of thing that has a segment, by segment: read from the ontology in the release."""
        found = {}
        concept = NamedNode("http://www.w3.org/2004/02/skos/core#Concept")
        for quad in self.store.quads_for_pattern(None, SEGMENT, None):
            cls, segment = quad.subject, quad.object
            if isinstance(cls, NamedNode) and isinstance(segment, Literal):
                labels = self.store.quads_for_pattern(cls, term("rdfs:label"), None)
                words = [q.object for q in labels if isinstance(q.object, Literal)]
                words.sort(key=lambda word: (word.language != "en", word.language or "", word.value))
                label = words[0].value if words else segment.value
                is_concept = next(iter(self.store.quads_for_pattern(cls, term("rdfs:subClassOf"), concept)), None)
                found[segment.value] = Kind(segment.value, cls, label, is_concept is not None)
        return dict(sorted(found.items()))


class Publication:
    """Follows `CURRENT` in a folder of releases: `site()` is always what is published now.

    A release that cannot be opened leaves the previous one served.
    """

    def __init__(self, out: Path, engine: Engine, settings: Settings) -> None:
        self.out, self.engine, self.settings = out, engine, settings
        self._current = out / CURRENT
        self._now: tuple[Site, tuple[object, object]] | None = None
        self._earlier: dict[str, tuple[Site, object]] = {}

    def site(self) -> Site:
        """The site of the current release, also where that was written anew because something was withdrawn.

        Raises:
            ReleaseError: nothing is published.
        """
        named = identity(self._current)  # looked at before it is read, so that no change is missed
        now = self._now
        if now and now[1] == (named, identity(now[0].release.manifest_path)):
            return now[0]
        try:
            folder = current_folder(self.out)
            written = identity(folder / MANIFEST)
            release = open_release(folder)
            _ = release.store, release.index
            if not release.from_files:
                _ = Changes(release.folder / CHANGES)
        except ReleaseError:
            if now:
                return now[0]
            raise
        site = Site(self.out, release, self.engine, self.settings)
        self._now = site, (named, written)
        return site

    def at(self, version: str) -> Site:
        """The site of one of the releases in the folder, whose links lead to itself.

        Raises:
            NotFound: there is no such release, or only its compact record is kept.
        """
        kept = self._earlier.get(version)
        written = identity(self.out / version / MANIFEST)
        if kept and kept[1] == written:
            return kept[0]
        if not re.fullmatch(r"[0-9][0-9a-z.+]*", version) or written is None:
            raise NotFound(f"there is no release {version[:40]!r}; /release lists them")
        release = open_release(self.out / version)
        if not release.complete:
            raise NotFound(f"of release {version} only the compact record is kept; it answers when it is made whole")
        here = f"{self.settings.public_url or release.base}r/{version}/"
        site = Site(self.out, release, self.engine, replace(self.settings, public_url=here))
        while len(self._earlier) >= EARLIER:
            self._earlier.pop(next(iter(self._earlier)), None)
        self._earlier[version] = site, written
        return site


def identity(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
