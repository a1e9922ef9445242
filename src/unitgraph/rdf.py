"""Any RDF files become a release, as they are: no shape is asked, every graph keeps its name.

Such a release has a store and a manifest, and no `data.nq`: it is a private copy of files that exist already,
and its `content` is the digest of those files. Statements outside a named graph are in `<base>graph/<file name>`.
Blank nodes stay blank nodes, and those of two files are never the same.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from xml.parsers import expat

from pyoxigraph import NamedNode, QuerySolutions, RdfFormat, Store, parse

from unitgraph import __version__, build, overview
from unitgraph.errors import Refused, ReleaseError, SourceError, UsageError
from unitgraph.index import write as index
from unitgraph.release import COUNTS, MANIFEST, OVERVIEW, STORE, Manifest, Release, current, open_release, sha256
from unitgraph.sources import remote_context, too_deep
from unitgraph.vocab import escaped

FORMATS = {
    ".ttl": RdfFormat.TURTLE,
    ".n3": RdfFormat.TURTLE,  # nearly all files that are called so are Turtle
    ".nt": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".trig": RdfFormat.TRIG,
    ".jsonld": RdfFormat.JSON_LD,
    ".json": RdfFormat.JSON_LD,
    ".rdf": RdfFormat.RDF_XML,
    ".xml": RdfFormat.RDF_XML,
    ".owl": RdfFormat.RDF_XML,
}
GZIP = ".gz"
BOM = b"\xef\xbb\xbf"
CHUNK_BYTES = 1 << 16
MARK = ".fingerprint"
SORTED_LINES = 500_000  #: N-Quads that are sorted at once
COUNTED_QUADS = 2_000_000  #: of so many the distinct triples are counted; of more that would take too much memory
#: Entities as ontology editors write them, for namespaces: short, not nested, few. All else may be a bomb.
MAX_ENTITIES, MAX_ENTITY_CHARACTERS = 256, 256


@dataclass(frozen=True)
class RdfFile:
    """A file to publish: its path, the path as it was typed, its format, and the last part of its graph's name."""

    path: Path
    shown: str
    format: RdfFormat
    name: str

    def graph(self, base: str) -> NamedNode:
        """The graph of what stands outside a named graph; also what relative IRIs are resolved against."""
        name = self.name.encode(errors="surrogateescape").decode("utf-8", "backslashreplace")
        return NamedNode(f"{base}graph/{escaped(name)}")

    def open(self) -> IO[bytes]:
        """The file from its beginning, unpacked, without a byte order mark."""
        packed = self.path.suffix.lower() == GZIP
        file: IO[bytes] = gzip.GzipFile(self.path) if packed else self.path.open("rb")  # type: ignore[assignment]
        if file.read(len(BOM)) != BOM:
            file.seek(0)
        return file


def files(paths: Sequence[str]) -> tuple[RdfFile, ...]:
    """The files that are meant, in the order given, each once.

    A graph is called after its file; where two have the same name, after their paths below the folder that
    all files have in common.

    Raises:
        UsageError: one of them is no file, cannot be read, or has a suffix that stands for no format.
    """
    found = {Path(os.path.abspath(text)): text for text in reversed(paths)}  # noqa: PTH100  a link keeps its name
    for path, text in found.items():
        if not path.is_file():
            what = "is a folder; name the files in it" if path.is_dir() else "does not exist"
            raise UsageError(f"--rdf {text} {what}")
        if not os.access(path, os.R_OK):
            raise UsageError(f"--rdf {text} cannot be read; change its permissions")
    times = Counter(path.name for path in found)
    common = Path(os.path.commonpath([path.parent for path in found])) if found else Path()
    return tuple(
        RdfFile(
            path,
            text,
            _format(path, text),
            path.name if times[path.name] == 1 else path.relative_to(common).as_posix(),
        )
        for path, text in reversed(found.items())
    )


def _format(path: Path, text: str) -> RdfFormat:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == GZIP:
        suffixes.pop()
    if not suffixes or suffixes[-1] not in FORMATS:
        raise UsageError(f"--rdf {text}: its name ends in none of {', '.join(FORMATS)}, nor in one of these and {GZIP}")
    return FORMATS[suffixes[-1]]


# A release ---------------------------------------------------------------------------------------------------


def publish(
    paths: tuple[RdfFile, ...],
    out: Path,
    base: str,
    tell: Callable[[SourceError], None],
    progress: build.Progress = lambda _: None,
) -> Release:
    """Load files into a release in the folder `out`, and make it the current one; unchanged files are not read.

    Args:
        tell: is told the first fault of each file, as it is found.

    Raises:
        Refused: there are faults; what was current stays so.
    """
    out.mkdir(parents=True, exist_ok=True)
    with build.lock(out):
        build.recover(out)
        mark, fingerprint = out / MARK, _fingerprint(paths)
        before = _published(out)
        if before and mark.exists() and mark.read_text("utf-8") == fingerprint:
            return before[0]
        release = _release(paths, out, base, tell, progress)
        build.switch(out, release.version)
        build.write_file(mark, fingerprint.encode())
        for folder in out.iterdir():
            if folder.is_dir() and folder not in {release.folder, *(one.folder for one in before)}:
                shutil.rmtree(folder, ignore_errors=True)
    return release


def _published(out: Path) -> tuple[Release, ...]:
    """What is current, if anything is: a server may be reading it."""
    try:
        return (current(out),)
    except ReleaseError:
        return ()


def _release(
    paths: tuple[RdfFile, ...],
    out: Path,
    base: str,
    tell: Callable[[SourceError], None],
    progress: build.Progress,
) -> Release:
    content = _content_digest(paths)
    changed = max((path.path.stat().st_mtime for path in paths), default=0.0)
    issued = datetime.fromtimestamp(max(changed, 0.0), UTC)
    digest = sha256(f"{content}{base}{issued}{_software()}".encode())
    version = f"{issued:%Y.%m}.{issued.day}+dev.{digest[:12]}"
    folder, aside = out / version, out / f".building-{version}"
    if not (folder / MANIFEST).exists():
        aside.mkdir()
        quads = _load_all(paths, aside / STORE, base, tell, progress)
        manifest = Manifest(version, f"{issued:%Y-%m-%dT%H:%M:%SZ}", base, base, content, quads, ())
        build.write_file(aside / MANIFEST, manifest.to_bytes())
        build.sync(aside)
        aside.rename(folder)
        build.sync(out)
    return open_release(folder)


def _load_all(
    paths: tuple[RdfFile, ...],
    folder: Path,
    base: str,
    tell: Callable[[SourceError], None],
    progress: build.Progress,
) -> int:
    """Load every file into a new store; returns how many quads it has."""
    store, faults = Store(str(folder)), 0
    for path in paths:
        progress(path.name)
        try:
            load(store, path, base)
        except SourceError as fault:  # the rest is read too, so that all faults are seen at once
            tell(fault)
            faults += 1
    if faults:
        raise Refused(faults)
    store.flush()
    store.optimize()
    build.write_file(folder.with_name(COUNTS), json.dumps(_counts(store)).encode())
    build.write_file(folder.with_name(OVERVIEW), overview.to_bytes(store))
    with TemporaryDirectory(dir=folder.parent) as scratch:
        build.write_index(folder.parent, _sorted_lines(store, Path(scratch)), base)
    return len(store)


def _sorted_lines(store: Store, scratch: Path) -> Iterator[bytes]:
    """The quads of a store as N-Quads in order: parts that fit in memory are sorted and then merged."""
    dump = scratch / "dump.nq"
    store.dump(dump, format=RdfFormat.N_QUADS)
    with contextlib.ExitStack() as opened:
        lines = opened.enter_context(dump.open("rb"))
        parts: list[Iterable[bytes]] = []
        while part := sorted(islice(lines, SORTED_LINES)):
            path = scratch / f"{len(parts)}.nq"
            with path.open("wb") as file:
                file.writelines(part)
            parts.append(opened.enter_context(path.open("rb")))
        for line in merge(*parts):
            yield line.removesuffix(b"\n")


def _counts(store: Store) -> dict[str, int]:
    """The triples of each graph; of their union only where that is known, or small enough to be counted."""
    counts = Counter(str(getattr(quad.graph_name, "value", "")) for quad in store)
    total = sum(counts.values())
    union = {"": total} if len(counts) <= 1 else {}
    if not union and total <= COUNTED_QUADS:
        answer = store.query("SELECT (COUNT(*) AS ?n) { SELECT DISTINCT ?s ?p ?o { GRAPH ?g { ?s ?p ?o } } }")
        assert isinstance(answer, QuerySolutions)
        union = {"": int(next(answer)["n"].value)}
    return {**union, **dict(sorted(counts.items()))}


def _content_digest(paths: tuple[RdfFile, ...]) -> str:
    """SHA-256 of the names and the digests of the files."""
    lines = []
    for path in paths:
        with path.path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return sha256("".join(sorted(lines)).encode())


def _fingerprint(paths: tuple[RdfFile, ...]) -> str:
    """What changes when one of the files, or this software, changes."""
    digest = hashlib.sha256(_software().encode())
    for path in paths:
        stat = path.path.stat()
        digest.update(
            f"{path.path}\0{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="surrogateescape")
        )
    return digest.hexdigest()


def _software() -> str:
    return f"{__version__} {index.VERSION} " + sha256(Path(__file__).read_bytes())


# Reading -----------------------------------------------------------------------------------------------------


def load(store: Store, file: RdfFile, base: str) -> None:
    """Load one file into a store, as a stream.

    Raises:
        SourceError: its first fault, with line and column; what came before it may be in the store.
    """
    graph = file.graph(base)
    try:
        if file.format == RdfFormat.RDF_XML:
            _check_xml(file)
        elif file.format == RdfFormat.JSON_LD:
            _check_depth(file)
        with file.open() as stream:
            if file.path.suffix.lower() == GZIP or stream.tell():
                store.bulk_load(stream, format=file.format, base_iri=graph.value, to_graph=graph)
            else:  # which is faster
                store.bulk_load(path=file.path, format=file.format, base_iri=graph.value, to_graph=graph)
    except SyntaxError as error:
        raise _syntax_fault(error, file, graph.value) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"the compressed file is damaged or cut short ({error}); fetch it again"
        raise SourceError(file.shown, 1, message) from error


def _syntax_fault(error: SyntaxError, file: RdfFile, base: str) -> SourceError:
    message = re.sub(r"^Parser error (at|between) line [a-z\d ]+: ", "", error.msg or "") or "not well-formed"
    if "LoadDocumentCallback" in message:
        with file.open() as stream:
            return SourceError(file.shown, *remote_context(stream.read().decode("utf-8", "replace")))
    line, column = (error.lineno, error.offset) if error.lineno else _position(file, base)
    return SourceError(file.shown, line, message, column)


def _position(file: RdfFile, base: str) -> tuple[int, int]:
    """Line and column at which the parser stops, where it does not say so itself.

    It is fed once more, in pieces; the last piece once more, byte by byte.
    """
    reached = 0
    for fine_from in (None, -1):
        with file.open() as stream:
            feed = _Feed(stream, reached - CHUNK_BYTES if fine_from else None)
            with contextlib.suppress(SyntaxError):
                for _ in parse(feed, format=file.format, base_iri=base):  # type: ignore[arg-type]  # it only reads
                    pass
            reached = feed.count
    return feed.lines + 1, max(1, feed.column)


class _Feed(io.RawIOBase):
    """A file in small pieces, from a place on byte by byte; counts what was taken."""

    def __init__(self, stream: IO[bytes], fine_from: int | None) -> None:
        super().__init__()
        self.stream, self.fine_from = stream, fine_from
        self.count = self.lines = self.column = 0
        self.held = b""  # a line end belongs to its line until something follows

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        fine = self.fine_from is not None and self.count >= self.fine_from
        most = 1 if fine else CHUNK_BYTES if self.fine_from is None else min(CHUNK_BYTES, self.fine_from - self.count)
        data = self.stream.read(most if size < 0 else min(most, size))
        self.count += len(data)
        if data:
            seen, self.held = self.held + data, b"\n" if data.endswith(b"\n") else b""
            seen = seen.removesuffix(self.held)
            if breaks := seen.count(b"\n"):
                self.lines += breaks
                self.column = 0
            self.column += len(seen) - seen.rfind(b"\n") - 1
        return data


def _check_depth(file: RdfFile) -> None:
    """JSON that nests deeper than the parser can go would end the process."""
    with file.open() as stream:
        text = stream.read().decode("utf-8", "replace")
    if line := too_deep(text):
        raise SourceError(file.shown, line, "nested too deeply to be JSON-LD")


def _check_xml(file: RdfFile) -> None:
    """Read XML to its end, without building anything.

    The RDF parser takes a document that is cut short for a whole one, and expands entities without end.
    """
    parser = expat.ParserCreate()
    entities = 0

    def refuse(message: str) -> SourceError:
        return SourceError(file.shown, parser.CurrentLineNumber, message, parser.CurrentColumnNumber + 1)

    def declaration(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.lower() not in ("utf-8", "us-ascii"):
            raise refuse(f"XML in {encoding} is not read here; convert it with `iconv -f {encoding} -t utf-8`")

    def entity(name: str, parameter: int, value: str | None, *_: object) -> None:
        nonlocal entities
        entities += 1
        plain = (
            value is not None and not parameter and len(value) <= MAX_ENTITY_CHARACTERS and not set("&%<") & {*value}
        )
        if not plain or entities > MAX_ENTITIES:
            raise refuse(f"entity {name!r} is not expanded: only a few short, plain ones are; write its text instead")

    parser.XmlDeclHandler, parser.EntityDeclHandler = declaration, entity
    with file.open() as stream:
        try:
            for chunk in _chunks(stream):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            cut = error.code == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]
            message = "the document ends before it is complete" if cut else f"not XML: {expat.ErrorString(error.code)}"
            raise SourceError(file.shown, error.lineno, message, error.offset + 1) from error


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
