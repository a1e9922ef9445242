"""A release: an immutable folder of plain files. Opened, verified and read here; written elsewhere.

<version>/
    data.nq         everything said, as sorted canonical N-Quads; the one member that counts
    manifest.json   version, time, base, predecessor, digests; its SHA-256 is the release digest
    data.nq.gz      the compact record (derived)
    store/          the same quads, ready to be queried (derived)
    counts.json     how many triples each graph has, and all of them together (derived)
    coverage.json   how many things of each kind have a label in which language (derived)
    statistics.json how many things of each class, triples of each property, links outward (derived)
    overview.json   what the matrix, the timeline and the network show (derived)
    index.sqlite    lists, references and full text (derived)
    changes.sqlite  what each release up to this one changed (derived)
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pyoxigraph import RdfFormat, Store

from unitgraph.errors import ReleaseError
from unitgraph.index.read import Index, usable
from unitgraph.index.write import sound

DATA = "data.nq"
RECORD = "data.nq.gz"
MANIFEST = "manifest.json"
STORE = "store"
COUNTS = "counts.json"
OVERVIEW = "overview.json"
INDEX = "index.sqlite"
CHANGES = "changes.sqlite"
CURRENT = "CURRENT"
REPLACED = ".replaced-"  #: before the version: where a writer moves a release that it writes anew


@dataclass(frozen=True)
class Member:
    """A canonical file of a release: its name, size in bytes and SHA-256."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a release says of itself; `issued` is ISO 8601 in UTC, `predecessor` a release digest or None.

    `replaces` is the digest that this release had before something was withdrawn from it.
    """

    version: str
    issued: str
    base: str
    canonical_base: str
    content: str
    quads: int
    members: tuple[Member, ...]
    predecessor: str | None = None
    replaces: str | None = None

    def to_bytes(self) -> bytes:
        """The manifest's only form: JSON, keys in order; its SHA-256 is the release digest."""
        value = {
            "version": self.version,
            "issued": self.issued,
            "base": self.base,
            "canonicalBase": self.canonical_base,
            "content": self.content,
            "quads": self.quads,
            "predecessor": self.predecessor,
            "replaces": self.replaces,
            "members": {m.name: {"size": m.size_bytes, "sha256": m.sha256} for m in self.members},
        }
        return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            ReleaseError: it is not one.
        """
        try:
            value = json.loads(data)
            members = tuple(Member(n, m["size"], m["sha256"]) for n, m in sorted(value["members"].items()))
            return cls(
                value["version"],
                value["issued"],
                value["base"],
                value["canonicalBase"],
                value["content"],
                value["quads"],
                members,
                value["predecessor"],
                value["replaces"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseError(f"not a manifest: {error!r}; build the release again") from error


@dataclass(frozen=True)
class Release:
    """One release on disk."""

    folder: Path
    manifest: Manifest = field(repr=False)
    digest: str = field(repr=False)

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def base(self) -> str:
        return self.manifest.base

    @property
    def issued(self) -> str:
        return self.manifest.issued

    @property
    def from_files(self) -> bool:
        """Whether it holds files as they are: it has a store, and neither `data.nq` nor anything that we describe."""
        return not self.manifest.members

    @cached_property
    def manifest_path(self) -> Path:
        """Where the manifest stands."""
        return self.folder / MANIFEST

    @cached_property
    def store(self) -> Store:
        """The quads, opened read-only; the same object for the life of this value.

        Raises:
            ReleaseError: the store cannot be opened.
        """
        try:
            return Store.read_only(str(self.folder / STORE))
        except (OSError, RuntimeError) as error:
            message = (
                f"{self.folder / STORE} cannot be opened ({error}); run `unitgraph verify --repair {self.version}`"
            )
            raise ReleaseError(message) from error

    @property
    def complete(self) -> bool:
        """Whether the derived files by which it answers are there, the index as this software writes it."""
        there = (self.folder / STORE).exists() and (self.folder / CHANGES).exists()
        return there and usable(self.folder / INDEX)

    @cached_property
    def index(self) -> Index:
        """Lists, references and full text; the same object for the life of this value.

        Raises:
            ReleaseError: it is missing, or written by other software.
        """
        return Index(self.folder / INDEX)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many triples each graph has, by name; their union, in which each counts once, under an empty name.

        Of a large release of other people's files the union is not counted.
        """
        try:
            return dict(json.loads((self.folder / COUNTS).read_bytes()))
        except (OSError, ValueError):
            return graph_counts(self.lines())

    def lines(self) -> list[bytes]:
        """The sorted N-Quads lines, without line ends."""
        return self._data().splitlines()

    def _data(self) -> bytes:
        """The bytes of `data.nq`, from the compact record where only that is kept."""
        self._require_data()
        path, record = self.folder / DATA, self.folder / RECORD
        try:
            return path.read_bytes() if path.exists() else gzip.decompress(record.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise ReleaseError(f"{self.folder}: no readable {DATA} ({error}); build or fetch it again") from error

    def _require_data(self) -> None:
        if self.from_files:
            raise ReleaseError(f"release {self.version} is of files as they are: it has a store, and no {DATA}")

    def _record(self) -> bytes | None:
        """What the compact record holds; None where it cannot be read."""
        try:
            return gzip.decompress((self.folder / RECORD).read_bytes())
        except (OSError, EOFError, zlib.error):
            return None

    def sound_data(self) -> bytes:
        """The bytes of `data.nq`, from that file or from the compact record, whichever is as the manifest says.

        Raises:
            ReleaseError: neither is.
        """
        self._require_data()
        path = self.folder / DATA
        for data in (path.read_bytes() if path.exists() else None, self._record()):
            if data is not None and sha256(data) == self.manifest.members[0].sha256:
                return data
        raise ReleaseError(f"release {self.version} is damaged: neither {DATA} nor {RECORD} is whole; fetch it again")

    def problems(self) -> Iterator[str]:
        """What does not hold: digests, sizes, counts, order, derived files, each recomputed from what is on disk."""
        data = self._data()
        for member in self.manifest.members:
            if member.name != DATA:
                yield f"{member.name}: not a member that this software knows"
            elif len(data) != member.size_bytes:
                yield f"{member.name}: {len(data)} bytes, the manifest says {member.size_bytes}"
            elif sha256(data) != member.sha256:
                yield f"{member.name}: its SHA-256 is not the one in the manifest"
        lines = data.splitlines()
        if len(lines) != self.manifest.quads:
            yield f"{DATA}: {len(lines)} quads, the manifest says {self.manifest.quads}"
        if lines != sorted(set(lines)):
            yield f"{DATA}: the lines are not sorted and distinct"
        if content_digest(lines, self.base, self.manifest.canonical_base) != self.manifest.content:
            yield f"{DATA}: its content digest is not the one in the manifest"
        if self._record() != data:
            yield f"{RECORD}: it does not hold the bytes of {DATA}"
        if (self.folder / STORE).exists():
            stored = self.store.dump(format=RdfFormat.N_QUADS) or b""
            if sorted(stored.splitlines()) != lines:
                yield f"{STORE}: its quads are not those of {DATA}"
        whole = sha256(data) == self.manifest.members[0].sha256  # else there is nothing to compare it with
        if whole and (self.folder / INDEX).exists() and not sound(self.folder / INDEX, lines, self.base):
            yield f"{INDEX}: it is not what this software writes of {DATA}; `--repair` makes it again"


def graph_counts(lines: Iterable[bytes]) -> dict[str, int]:
    """The triples of each graph, and under an empty name those of their union.

    Args:
        lines: sorted N-Quads, so that a triple stands beside itself in another graph.

    >>> graph_counts([b"<a> <b> <c> <g> .", b"<a> <b> <c> <h> .", b"<a> <b> <d> <h> ."])
    {'': 2, 'g': 1, 'h': 2}
    """
    counts: Counter[str] = Counter()
    union, before = 0, b""
    for line in lines:
        triple, _, graph = line.rpartition(b" <")
        union += triple != before
        before = triple
        counts[graph[: graph.rindex(b">")].decode()] += 1
    return {"": union, **dict(sorted(counts.items()))}


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def rebased(lines: Iterable[bytes], old: str, new: str) -> list[bytes]:
    """N-Quads lines with the IRIs below `old` moved below `new`, sorted again.

    An IRI counts where it opens with `<`, in a term or in the text of a saved query, and where it is the
    beginning of a literal (`void:uriSpace`).
    """
    if old == new:
        return list(lines)
    pairs = [(f"{mark}{old}".encode(), f"{mark}{new}".encode()) for mark in ("<", '"')]
    moved = []
    for line in lines:
        for before, after in pairs:
            line = line.replace(before, after)
        moved.append(line)
    return sorted(moved)


def content_digest(lines: Iterable[bytes], base: str, canonical_base: str) -> str:
    """SHA-256 of everything said, under the canonical base, whoever publishes it and when.

    The graph `<base>graph/release` (version and time) is left out: two releases, or two copies at
    different addresses, that say the same have the same content digest.
    """
    said_when = f"<{canonical_base}graph/release> .".encode()
    moved = rebased(lines, base, canonical_base)
    return sha256(b"".join(line + b"\n" for line in moved if not line.endswith(said_when)))


def open_release(folder: Path) -> Release:
    """The release in a folder.

    Raises:
        ReleaseError: there is none, or its manifest cannot be read.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ReleaseError(f"no release in {folder}: {error.strerror}") from error
    return Release(folder, Manifest.from_bytes(data), sha256(data))


def current_folder(out: Path) -> Path:
    """The folder of the release that `CURRENT` names; after a kill between two renames, the one moved aside.

    Raises:
        ReleaseError: none is published there.
    """
    try:
        version = (out / CURRENT).read_text("utf-8").strip()
    except OSError as error:
        raise ReleaseError(f"no release is published in {out}; run `unitgraph build --out {out}`") from error
    folder, aside = out / version, out / f"{REPLACED}{version}"
    return aside if (aside / MANIFEST).exists() and not (folder / MANIFEST).exists() else folder


def current(out: Path) -> Release:
    """The release that `CURRENT` in a folder of releases names.

    Raises:
        ReleaseError: none is published there.
    """
    return open_release(current_folder(out))
