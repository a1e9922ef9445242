"""Sources, rules and report become a release folder, or nothing does.

A release is written aside and renamed at the end; `CURRENT` is replaced in one step. A crash at any instant
leaves the release that was published before.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, serialize

from unitgraph import changes, coverage, history, overview, queries, rules, sources, statistics
from unitgraph.checks import Checker, Report
from unitgraph.coverage import COVERAGE
from unitgraph.errors import Refused, ReleaseError, SourceError, UsageError
from unitgraph.index.write import write as index
from unitgraph.release import (
    CHANGES,
    COUNTS,
    CURRENT,
    DATA,
    INDEX,
    MANIFEST,
    OVERVIEW,
    RECORD,
    REPLACED,
    STORE,
    Manifest,
    Member,
    Release,
    content_digest,
    current,
    graph_counts,
    open_release,
    rebased,
    sha256,
)
from unitgraph.sources import Sources
from unitgraph.statistics import STATISTICS
from unitgraph.vocab import RDF_TYPE, term

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """Sources that were read and judged: what is said, what was inferred, what was found."""

    sources: Sources
    store: Store
    report: Report
    inferred: int
    faults: tuple[SourceError, ...]

    @property
    def refusals(self) -> int:
        """How many things keep this from becoming a release."""
        return len(self.faults) + self.report.count("Violation")


def judge(root: Path, progress: Progress = lambda _: None) -> Judged:
    """Read the sources, run the rules, the shapes and the checks.

    Where a file has a fault the shapes are not asked: half a graph would give false findings.
    """
    progress("reading sources")
    read = sources.read(root)
    faults = (
        *read.faults,
        *queries.faults(root / "queries", root),
        *queries.faults(root / "ontology" / "rules", root),
    )
    faults = (*faults, *queries.faults(root / "ontology" / "checks", root))
    store = Store()
    if faults:
        return Judged(read, store, Report(()), 0, faults)
    store.bulk_extend(read.quads())
    progress("checking shapes")
    try:
        report = Checker(read, store).report()
    except SourceError as fault:
        return Judged(read, store, Report(()), 0, (fault,))
    inferred = 0
    if report.conforms:
        progress("running rules")
        rule_files = queries.read_folder(root / "ontology" / "rules")
        try:
            inferred = rules.infer(store, rule_files, NamedNode(f"{read.base}graph/inferred"))
        except SourceError as fault:
            return Judged(read, store, Report(()), 0, (fault,))
    return Judged(read, store, report, inferred, ())


def build(
    judged: Judged,
    out: Path,
    *,
    base: str | None = None,
    version: str | None = None,
    issued: str | None = None,
    development: bool = False,
    progress: Progress = lambda _: None,
    before_switch: Callable[[Release], object] = lambda _: None,
) -> Release:
    """Write a release of judged sources into the folder `out`, and make it the current one.

    Args:
        base: where the things live; the canonical base of the data set if None.
        version, issued: the catalogue's if None; `issued` is a date or an ISO 8601 time in UTC.
        development: name it `<version>+dev.<digest>`, for a server that follows edits.
        before_switch: called with the written release; what it raises leaves the earlier one current.

    Raises:
        Refused: there are faults or Violations.
        ReleaseError: that version exists already with other content.
        UsageError: no version or time is given or stated, or one of them is malformed.
    """
    if judged.refusals:
        raise Refused(judged.refusals)
    canonical = judged.sources.base
    base = canonical if base is None else normalised_base(base)
    stated_version, stated_time = _stated(judged.store, canonical)
    version, issued = version or stated_version, normalised_time(issued or stated_time)
    if not re.fullmatch(r"\d{4}\.\d{1,2}\.\d+", version):
        raise UsageError(f"{version!r} is no version; write a calendar version such as 2026.11.1")
    out.mkdir(parents=True, exist_ok=True)
    with lock(out):
        recover(out)
        _refuse_withdrawn(out, judged.sources)
        progress("writing quads")
        lines = _lines(judged)
        content = content_digest(lines, canonical, canonical)
        if development:
            version = f"{version}+dev.{sha256((content + base + issued).encode())[:12]}"
        lines = sorted([*lines, *_release_lines(canonical, version, issued)])
        taken = tuple(f"{mark}{base}".encode() for mark in ("<", '"'))  # what `rebased` could not tell apart
        if base != canonical and any(mark in line for line in lines for mark in taken):
            raise UsageError(
                f"the sources name IRIs under {base}, the base of this build; state them under {canonical}"
            )
        lines = rebased(lines, canonical, base)
        data = b"".join(line + b"\n" for line in lines)
        existing = _existing(out, version)
        predecessor = (
            existing.manifest.predecessor if existing else None if development else _latest(out, issued, version)
        )
        manifest = Manifest(
            version,
            issued,
            base,
            canonical,
            content,
            len(lines),
            (Member(DATA, len(data), sha256(data)),),
            predecessor,
        )
        if existing:
            if existing.manifest != replace(manifest, replaces=existing.manifest.replaces):
                message = f"release {version} exists in {out} with other content; give this one another --release"
                raise ReleaseError(message)
            if not existing.complete:
                _rebuild(existing)
            before_switch(existing)
            switch(out, version)
            return existing
        progress("writing store")
        _write(out, manifest, data)
        before_switch(open_release(out / version))
        switch(out, version)
    return open_release(out / version)


def use(out: Path, version: str, before_switch: Callable[[Release], object] = lambda _: None) -> Release:
    """Make a release the current one: the switch forward, or the roll-back.

    Raises:
        ReleaseError: there is no such release.
    """
    with lock(out):
        recover(out)
        release = history.find(out, version)
        if not release.complete:
            _rebuild(release)
        before_switch(release)
        switch(out, version)
    return release


def rebuild(release: Release) -> None:
    """Make the derived files of a release again, from `data.nq` or its compact record.

    Raises:
        ReleaseError: neither is what the manifest says.
    """
    with lock(release.folder.parent):
        _rebuild(release)


def _rebuild(release: Release) -> None:
    """The store and the index are written aside and renamed, so that one that is there is whole."""
    data = release.sound_data()
    write_file(release.folder / DATA, data)
    write_file(release.folder / RECORD, _gzip(data))
    aside = release.folder / f".{STORE}.new"
    shutil.rmtree(aside, ignore_errors=True)
    _load(aside, data)
    shutil.rmtree(release.folder / STORE, ignore_errors=True)
    aside.rename(release.folder / STORE)
    write_file(release.folder / COUNTS, _counts(data))
    write_file(release.folder / COVERAGE, coverage.to_bytes(data.splitlines(), release.base))
    write_file(release.folder / STATISTICS, statistics.to_bytes(data.splitlines(), release.base))
    write_file(release.folder / OVERVIEW, _overview(release.folder / STORE))
    write_index(release.folder, data.splitlines(), release.base)
    write_changes(release.folder, release)


def prune(out: Path, keep: int) -> int:
    """Drop the derived files of all releases but the current one and the `keep` newest.

    Returns:
        How many bytes were freed. The compact records and manifests stay.
    """
    freed = 0
    with lock(out):
        recover(out)
        found = history.releases(out)
        whole = {release.version for release in found[max(0, len(found) - keep) :]} | {current(out).version}
        for release in found:
            if release.version in whole or not (release.folder / RECORD).exists():
                continue
            for path in (release.folder / STORE, release.folder / INDEX, release.folder / DATA):
                files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
                freed += sum(p.stat().st_size for p in files)
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return freed


def withdraw(out: Path, iri: str, why: str, when: str) -> history.Withdrawal:
    """Take a thing back from every release, old ones included, and record the new digests.

    The thing's own file graph goes as a whole, and every statement that mentions a node of it.

    Args:
        iri: under the canonical base, or under the base of the releases.
        when: ISO 8601 time in UTC.

    Raises:
        ReleaseError: no release says anything of it.
    """
    with lock(out):
        recover(out)
        found = history.releases(out)
        canonical = _canonical(iri, found)
        renamed: dict[str, str] = {}
        digests = []
        for release in found:
            if rewritten := _rewritten(release, canonical, renamed):
                renamed[release.digest] = sha256(rewritten[0].to_bytes())
                digests.append((release.version, release.digest, renamed[release.digest]))
        if not digests:
            raise ReleaseError(f"no release in {out} says anything of {iri}; give its full IRI")
        withdrawal = history.Withdrawal(canonical, why, when, tuple(digests))
        rows = [vars(w) for w in (*history.withdrawals(out), withdrawal)]
        write_file(out / history.WITHDRAWN, (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode())
        _carry_out(out, withdrawal)
    return withdrawal


def _canonical(iri: str, found: tuple[Release, ...]) -> str:
    """An IRI under the base of one of the releases as it is under the canonical base."""
    for release in reversed(found):
        canonical_base = release.manifest.canonical_base
        if iri.startswith(release.base) and not iri.startswith(canonical_base):
            return canonical_base + iri[len(release.base) :]
    return iri


def _carry_out(out: Path, withdrawal: history.Withdrawal) -> None:
    """Write every release anew that still has the digest it had before a recorded withdrawal."""
    renamed = {was: now for _, was, now in withdrawal.digests}
    for release in history.releases(out):
        rewritten = _rewritten(release, withdrawal.iri, renamed) if release.digest in renamed else None
        if rewritten:
            _write(out, *rewritten)


def _rewritten(release: Release, canonical: str, renamed: dict[str, str]) -> tuple[Manifest, bytes] | None:
    """A release without a thing, its predecessor by its new digest; None where nothing changes."""
    canonical_base = release.manifest.canonical_base
    here = release.base + canonical[len(canonical_base) :] if canonical.startswith(canonical_base) else canonical
    lines = release.lines()
    kept = list(_without(lines, here, release.base))
    predecessor = renamed.get(release.manifest.predecessor or "", release.manifest.predecessor)
    if len(kept) == len(lines) and predecessor == release.manifest.predecessor:
        return None
    data = b"".join(line + b"\n" for line in kept)
    manifest = replace(
        release.manifest,
        content=content_digest(kept, release.base, canonical_base),
        quads=len(kept),
        members=(Member(DATA, len(data), sha256(data)),),
        predecessor=predecessor,
        replaces=release.digest,
    )
    return manifest, data


def normalised_base(base: str) -> str:
    """A base that ends in a slash.

    Raises:
        UsageError: not an absolute http(s) IRI, or with a query or fragment.

    >>> normalised_base("http://localhost:8000")
    'http://localhost:8000/'
    """
    if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`?#/]+(/[^\s<>\"{}|\\^`?#]*)?", base):
        raise UsageError(f"{base!r} is no base; write an address such as https://example.org/graph/")
    return base if base.endswith("/") else base + "/"


def normalised_time(text: str) -> str:
    """A date or time as ISO 8601 in UTC, to the second.

    Raises:
        UsageError: it is neither.

    >>> normalised_time("2026-11-23")
    '2026-11-23T00:00:00Z'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date; write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# What is said ------------------------------------------------------------------------------------------------


def _stated(store: Store, base: str) -> tuple[str, str]:
    dataset = NamedNode(f"{base}dataset")
    found = []
    for predicate, what in (("dcat:version", "version"), ("dcterms:issued", "date")):
        quad = next(iter(store.quads_for_pattern(dataset, term(predicate), None)), None)
        if quad is None:
            raise UsageError(f"data/catalog.ttl: <{dataset.value}> states no {predicate}; state it or give a {what}")
        found.append(str(getattr(quad.object, "value", "")))
    return found[0], found[1]


def _lines(judged: Judged) -> list[bytes]:
    """Everything said, under the canonical base, without version and time."""
    base = judged.sources.base
    dataset = NamedNode(f"{base}dataset")
    apart = {(dataset, term("dcat:version")), (dataset, term("dcterms:issued"))}
    said = [quad for quad in judged.store if (quad.subject, quad.predicate) not in apart]
    said += _query_quads(judged.sources)
    report = NamedNode(f"{base}graph/report")
    said += [Quad(t.subject, t.predicate, t.object, report) for t in judged.report.triples(NamedNode(f"{base}report"))]
    data = serialize(said, format=RdfFormat.N_QUADS)
    assert data is not None
    return sorted(set(data.splitlines()))


def _release_lines(base: str, version: str, issued: str) -> list[bytes]:
    graph, dataset = NamedNode(f"{base}graph/release"), NamedNode(f"{base}dataset")
    time = Literal(issued, datatype=term("xsd:dateTime"))
    quads = [
        Quad(dataset, term("dcat:version"), Literal(version), graph),
        Quad(dataset, term("dcterms:issued"), time, graph),
    ]
    data = serialize(quads, format=RdfFormat.N_QUADS)
    assert data is not None
    return data.splitlines()


def _query_quads(read: Sources) -> Iterator[Quad]:
    """The saved queries as `sh:SPARQLExecutable` (SHACL §5.1, Advanced Features §5)."""
    graph = NamedNode(f"{read.base}graph/queries")
    forms = {"SELECT": "Select", "ASK": "Ask", "CONSTRUCT": "Construct", "DESCRIBE": "Describe"}
    for query in queries.read_folder(read.root / "queries"):
        node = NamedNode(f"{read.base}query/{query.name}")
        form = forms[query.form]
        yield Quad(node, RDF_TYPE, term("sh:SPARQLExecutable"), graph)
        yield Quad(node, RDF_TYPE, term(f"sh:SPARQL{form}Executable"), graph)
        yield Quad(node, term("rdfs:label"), Literal(query.summary, language="en"), graph)
        yield Quad(node, term("rdfs:comment"), Literal(query.question, language="en"), graph)
        yield Quad(node, term(f"sh:{form.lower()}"), Literal(query.text), graph)
        for tag in query.tags:
            yield Quad(node, term("schema:keywords"), Literal(tag, language="en"), graph)


def _without(lines: list[bytes], iri: str, base: str) -> Iterator[bytes]:
    """The lines that neither stand in the graph of a thing's own file nor mention a node that is described there.

    Of what the build wrote, saved queries and findings of the report, all goes that mentions one: half a
    query is none.
    """
    path = iri.removeprefix(base)
    own = f" <{base}graph/data/{path}> .".encode()
    built = tuple(f" <{base}graph/{name}> .".encode() for name in ("queries", "report"))
    nodes = {line[: line.index(b">") + 1] for line in lines if line.endswith(own)} | {f"<{iri}>".encode()}
    mentions = [line for line in lines if line.endswith(built) and any(node in line for node in nodes)]
    nodes |= {line[: line.index(b">") + 1] for line in mentions} - {f"<{base}report>".encode()}
    for line in lines:
        if not line.endswith(own) and not any(node in line for node in nodes):
            yield line


def _refuse_withdrawn(out: Path, read: Sources) -> None:
    for withdrawal in history.withdrawals(out):
        if withdrawal.iri in read.by_subject:
            path, line = read.locate(withdrawal.iri)
            raise SourceError(path, line, f"withdrawn on {withdrawal.date[:10]} ({withdrawal.why}); delete it here too")


# Files ---------------------------------------------------------------------------------------------------------


@contextmanager
def lock(out: Path) -> Iterator[None]:
    """One writer at a time; the system releases the lock of a writer that dies."""
    if not out.is_dir():
        raise ReleaseError(f"no release in {out}: there is no such folder")
    with (out / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def recover(out: Path) -> None:
    """Clear away what an interrupted writer left, put back what it had moved aside, finish what it had begun."""
    for aside in out.glob(f"{REPLACED}*"):
        version = aside.name.removeprefix(REPLACED)
        if (out / version / MANIFEST).exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            shutil.rmtree(out / version, ignore_errors=True)
            aside.rename(out / version)
    for unfinished in out.glob(".building-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    for withdrawal in history.withdrawals(out):
        _carry_out(out, withdrawal)


def _existing(out: Path, version: str) -> Release | None:
    folder = out / version
    return open_release(folder) if (folder / MANIFEST).exists() else None


def _latest(out: Path, issued: str, version: str) -> str | None:
    """The digest of the release before this one."""
    earlier = [release for release in history.releases(out) if release.issued <= issued and release.version != version]
    return earlier[-1].digest if earlier else None


def _write(out: Path, manifest: Manifest, data: bytes) -> None:
    """Write a release aside, then rename it into place; an older one of that version is moved aside first."""
    aside = out / f".building-{manifest.version}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    write_file(aside / DATA, data)
    write_file(aside / RECORD, _gzip(data))
    _load(aside / STORE, data)
    write_file(aside / COUNTS, _counts(data))
    write_file(aside / COVERAGE, coverage.to_bytes(data.splitlines(), manifest.base))
    write_file(aside / STATISTICS, statistics.to_bytes(data.splitlines(), manifest.base))
    write_file(aside / OVERVIEW, _overview(aside / STORE))
    write_index(aside, data.splitlines(), manifest.base)
    write_file(aside / MANIFEST, manifest.to_bytes())
    write_changes(aside, open_release(aside))
    sync(aside)
    folder, replaced = out / manifest.version, out / f"{REPLACED}{manifest.version}"
    if folder.exists():
        folder.rename(replaced)
    aside.rename(folder)
    sync(out)
    shutil.rmtree(replaced, ignore_errors=True)


def switch(out: Path, version: str) -> None:
    write_file(out / CURRENT, f"{version}\n".encode())


def _load(folder: Path, data: bytes) -> None:
    store = Store(str(folder))
    store.bulk_load(data, format=RdfFormat.N_QUADS)
    store.flush()
    store.optimize()


def _counts(data: bytes) -> bytes:
    return json.dumps(graph_counts(data.splitlines())).encode()


def _overview(store: Path) -> bytes:
    return overview.to_bytes(Store.read_only(str(store)))


def write_index(folder: Path, lines: Iterable[bytes], base: str) -> None:
    """Write the index of sorted N-Quads aside and rename it, so that one that is there is whole."""
    aside = folder / f".{INDEX}.new"
    index(aside, lines, base)
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(folder / INDEX)
    sync(folder)


def write_changes(folder: Path, release: Release) -> None:
    """Write the change table of a release aside and rename it."""
    aside = folder / f".{CHANGES}.new"
    changes.write(aside, history.chain(release))
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(folder / CHANGES)
    sync(folder)


def _gzip(data: bytes) -> bytes:
    """The same bytes give the same file, on any day and any machine."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def write_file(path: Path, data: bytes) -> None:
    """Replace a file in one step: its old content or its new one, never a part."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
