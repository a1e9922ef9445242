"""Releases in order; the changes between two, by subject; what is gone and why."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from unitgraph.errors import Gone, ReleaseError
from unitgraph.release import MANIFEST, Release, open_release, rebased
from unitgraph.vocab import LABEL, PREF_LABEL, term

WITHDRAWN = "withdrawn.json"
AFTER = (term("dcterms:isReplacedBy"), term("ug:succeededBy"))  #: what a thing says of the one in its place


@dataclass(frozen=True)
class Change:
    """What happened to one subject between two releases: `kind` is created, updated or removed."""

    subject: str
    kind: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True)
class Withdrawal:
    """Something taken back from all releases. `iri` is under the canonical base, `date` ISO 8601."""

    iri: str
    why: str
    date: str
    digests: tuple[tuple[str, str, str], ...]


def releases(out: Path) -> tuple[Release, ...]:
    """Every release in a folder, oldest first."""
    found = [open_release(path.parent) for path in out.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")]
    return tuple(sorted(found, key=lambda release: (release.issued, release.version)))


def chain(release: Release) -> tuple[Release, ...]:
    """The releases that led to one, and that one; a development build stands alone."""
    if "+" in release.version:
        return (release,)
    order = (release.issued, release.version)
    earlier = [one for one in releases(release.folder.parent) if (one.issued, one.version) < order]
    return (*(one for one in earlier if "+" not in one.version), release)


def find(out: Path, version: str) -> Release:
    """The release of that version.

    Raises:
        ReleaseError: there is none; the message says which there are.
    """
    known = {release.version: release for release in releases(out)}
    if version not in known:
        raise ReleaseError(f"no release {version} in {out}; there are: {', '.join(known) or 'none'}")
    return known[version]


def changes(old: Release, new: Release) -> tuple[Change, ...]:
    """The difference of two releases, grouped by subject, in order of IRI, under the base of `new`.

    Statements are N-Quads lines without the graph: moving a statement to another file changes nothing.
    The release's own description (version, time) is left out.
    """
    before, after = _statements(old, new.base), _statements(new, new.base)
    found: dict[str, tuple[list[str], list[str]]] = {}
    for line in sorted(after - before):
        found.setdefault(_subject(line), ([], []))[0].append(line)
    for line in sorted(before - after):
        found.setdefault(_subject(line), ([], []))[1].append(line)
    was = {_subject(line) for line in before}
    now = {_subject(line) for line in after}
    return tuple(
        Change(
            subject,
            "created" if subject not in was else "removed" if subject not in now else "updated",
            tuple(added),
            tuple(removed),
        )
        for subject, (added, removed) in sorted(found.items())
    )


def _statements(release: Release, base: str) -> set[str]:
    lines = rebased(release.lines(), release.base, base)
    own = f"<{base}graph/release> .".encode()
    report = f"<{base}graph/report> .".encode()
    return {_without_graph(line.decode()) for line in lines if not line.endswith((own, report))}


def _without_graph(line: str) -> str:
    return line[: line.rindex(" <")] + " ."


def _subject(line: str) -> str:
    return line[1 : line.index(">")]


def withdrawals(out: Path) -> tuple[Withdrawal, ...]:
    """Everything that was withdrawn, oldest first.

    Raises:
        ReleaseError: the list is damaged; it is not passed over, since that would publish again.
    """
    path = out / WITHDRAWN
    if not path.exists():
        return ()
    try:
        rows = json.loads(path.read_text("utf-8"))
        return tuple(
            Withdrawal(row["iri"], row["why"], row["date"], tuple((d[0], d[1], d[2]) for d in row["digests"]))
            for row in rows
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{path} is damaged ({error!r}); restore it before anything is published") from error


def check_gone(out: Path, release: Release, iri: str) -> None:
    """Look for a former thing: withdrawn, or said in an earlier release and no longer.

    Raises:
        Gone: it was there once.
    """
    canonical = iri.replace(release.base, release.manifest.canonical_base, 1)
    for withdrawal in withdrawals(out):
        if withdrawal.iri == canonical:
            raise Gone(iri, withdrawal.why, withdrawal.date[:10])
    for other in reversed(releases(out)):
        earlier = other.version != release.version and other.issued <= release.issued
        then = iri.replace(release.base, other.base, 1)
        if earlier and then in _subjects(other):
            label, after = _last_words(other, then)
            after = tuple(one.replace(other.base, release.base, 1) for one in after)
            raise Gone(iri, f"it was last described in release {other.version}", None, label, after)


@lru_cache(maxsize=16)
def _subjects(release: Release) -> frozenset[str]:
    """Every IRI of which a release says something; read once, since a release never changes."""
    return frozenset(_subject(line.decode()) for line in release.lines())


@lru_cache(maxsize=1_024)
def _last_words(release: Release, iri: str) -> tuple[str, tuple[str, ...]]:
    """What a release called a thing, in English if it can, and what it said comes after it."""
    lines = release.lines()
    start = bisect_left(lines, f"<{iri}> ".encode())
    labels, after = [], []
    for line in takewhile(lambda line: line.startswith(f"<{iri}> ".encode()), islice(lines, start, None)):
        quad = next(iter(parse(line, format=RdfFormat.N_QUADS)))
        if quad.predicate in (LABEL, PREF_LABEL) and isinstance(quad.object, Literal):
            labels.append((quad.object.language != "en", quad.object.language or "", quad.object.value))
        elif quad.predicate in AFTER and isinstance(quad.object, NamedNode):
            after.append(quad.object.value)
    return (min(labels)[2] if labels else ""), tuple(dict.fromkeys(after))


def parse_statement(line: str) -> tuple[str, str, str]:
    """Subject, predicate and object of an N-Triples line, each in N-Triples form."""
    quad = next(iter(parse(line.encode(), format=RdfFormat.N_TRIPLES)))
    return str(quad.subject), str(quad.predicate), str(quad.object)
