"""The change table: which record was created, updated or removed by which release, from the first one on.

Each release has the table of all that led to it, as a derived file: that of the release before, and its own rows.
Every feed is read from it. IRIs stand without the base, so that a table is the same wherever a release is built.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from unitgraph import table
from unitgraph.records import GRAPH, Record, records
from unitgraph.release import CHANGES, Release, rebased

VERSION = 1  #: of the tables below
CREATED, UPDATED, REMOVED = "created", "updated", "removed"

TABLES = """
CREATE TABLE release (number INTEGER PRIMARY KEY, version TEXT, issued TEXT, digest TEXT);
CREATE TABLE change (
    id INTEGER PRIMARY KEY, path TEXT, kind TEXT, what TEXT, release INTEGER, sets TEXT, last INTEGER
);
CREATE INDEX by_path ON change (path, id);
CREATE INDEX by_kind ON change (last, kind, id);
CREATE INDEX by_release ON change (release, id);
"""


@dataclass(frozen=True)
class Step:
    """A release in the order in which they came; `number` from 1, `issued` ISO 8601 in UTC."""

    number: int
    version: str
    issued: str
    digest: str


@dataclass(frozen=True)
class Change:
    """What a release did to a record: `what` is created, updated or removed; `id` counts all changes from 1.

    `path` is the IRI without the base, `sets` what it belonged to then, `last` whether nothing came after.
    """

    id: int
    path: str
    kind: str
    what: str
    step: Step
    sets: tuple[str, ...]
    last: bool


# Writing ---------------------------------------------------------------------------------------------------------


def write(path: Path, chain: Sequence[Release]) -> None:
    """Write the table of the last of some releases, each of which came after the one before it.

    Of those before it whatever table is right is taken over.

    Raises:
        ReleaseError: one of them cannot be read.
    """
    _write(path, chain, _copy(path, chain[:-1]))


def _write(path: Path, chain: Sequence[Release], done: int) -> None:
    """Go on with a table that knows the first releases."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        if not done:
            for statement in TABLES.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={VERSION}")
        for number in range(done, len(chain)):
            _append(connection, chain[number - 1] if number else None, chain[number], number + 1)
        connection.execute("COMMIT")


def problems(release: Release, chain: Sequence[Release]) -> Iterator[str]:
    """What does not hold of the table of a release: it is made again, and nothing is taken over from other tables."""
    path = release.folder / CHANGES
    if path.exists():
        with TemporaryDirectory() as scratch:
            wanted = Path(scratch) / CHANGES
            _write(wanted, chain, 0)
            if not usable(path) or _content(wanted) != _content(path):
                yield f"{CHANGES}: it is not what this software writes of the releases; `--repair` makes it again"


def _content(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(table.opened(path)) as connection:
        try:
            return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("release", "change")]  # noqa: S608
        except sqlite3.Error:
            return []


def _copy(path: Path, earlier: Sequence[Release]) -> int:
    """Begin with the table of the newest earlier release that has one; how many releases it knows."""
    path.unlink(missing_ok=True)
    for known in range(len(earlier), 0, -1):
        table = earlier[known - 1].folder / CHANGES
        if usable(table) and [step.digest for step in Changes(table).steps] == [one.digest for one in earlier[:known]]:
            shutil.copyfile(table, path)
            return known
    return 0


def _append(connection: sqlite3.Connection, old: Release | None, new: Release, number: int) -> None:
    step = (number, new.version, new.issued, new.digest)
    connection.execute("INSERT INTO release VALUES (?, ?, ?, ?)", step)
    before = rebased(old.lines(), old.base, new.base) if old else []
    rows = (
        (record.path, record.kind, what, number, " ".join(record.sets(new.base)))
        for record, what in differences(before, new.lines(), new.base)
    )
    if old:
        rows = list(rows)  # type: ignore[assignment]
        connection.executemany("UPDATE change SET last = 0 WHERE path = ? AND last = 1", ((row[0],) for row in rows))
    connection.executemany("INSERT INTO change (path, kind, what, release, sets, last) VALUES (?, ?, ?, ?, ?, 1)", rows)


def differences(old: Iterable[bytes], new: Iterable[bytes], base: str) -> Iterator[tuple[Record, str]]:
    """The records that are not the same in two releases, under one base, and what happened: in the order of records.

    Both are read side by side. Of a removed record it is the old one.
    """
    befores, afters = records(old, base), records(new, base)
    before, after = next(befores, None), next(afters, None)
    while before or after:
        if after and (before is None or _order(after) < _order(before)):
            yield after, CREATED
            after = next(afters, None)
        elif before and (after is None or _order(before) < _order(after)):
            yield before, REMOVED
            before = next(befores, None)
        else:
            assert before is not None
            assert after is not None
            if before.lines != after.lines:
                yield after, UPDATED
            before, after = next(befores, None), next(afters, None)


def _order(record: Record) -> tuple[bool, bytes]:
    """Things before graphs; the mark that ends an IRI in a line counts, as it does where the lines were sorted."""
    if record.kind == GRAPH:
        return True, record.path.encode()
    return False, record.path.encode() + b">"


# Reading ---------------------------------------------------------------------------------------------------------


def usable(path: Path) -> bool:
    """Whether a file is there that this software can read."""
    return table.usable(path, VERSION)


class Changes(table.Reader):
    """The table of one release, opened for reading; threads may share it.

    Raises:
        ReleaseError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, VERSION)

    def _changes(self, where: str, *values: object) -> tuple[Change, ...]:
        query = f"SELECT id, path, kind, what, release, sets, last FROM change WHERE {where}"  # noqa: S608  our own words
        return tuple(
            Change(
                int(str(number)),
                str(path),
                str(kind),
                str(what),
                self.steps[int(str(release)) - 1],
                tuple(str(sets).split()),
                bool(last),
            )
            for number, path, kind, what, release, sets, last in self.rows(query, *values)
        )

    def _count(self, query: str, *values: object) -> int:
        return int(str(self.rows(query, *values)[0][0]))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The releases that led to this one and this one, oldest first."""
        rows = self.rows("SELECT number, version, issued, digest FROM release ORDER BY number")
        return tuple(Step(int(str(row[0])), str(row[1]), str(row[2]), str(row[3])) for row in rows)

    @cached_property
    def count(self) -> int:
        """How many changes there are; the newest has this number."""
        return self._count("SELECT count(*) FROM change")

    @cached_property
    def current_counts(self) -> dict[str, int]:
        """How many records of each kind are there now."""
        query = "SELECT kind, count(*) FROM change WHERE last = 1 AND what != ? GROUP BY kind"
        return {str(kind): int(str(n)) for kind, n in self.rows(query, REMOVED)}

    @cached_property
    def things(self) -> int:
        """How many things there are now."""
        return sum(n for kind, n in self.current_counts.items() if kind != GRAPH)

    def current(self, offset: int, limit: int) -> tuple[Change, ...]:
        """The last change of the things that are there now, in the order in which those changes came."""
        there = "last = 1 AND what != ? AND kind != ? ORDER BY id LIMIT ? OFFSET ?"
        return self._changes(there, REMOVED, GRAPH, limit, offset)

    def latest(self, limit: int) -> tuple[Change, ...]:
        """The newest changes of things, the newest first."""
        return self._changes("kind != ? ORDER BY id DESC LIMIT ?", GRAPH, limit)

    def of(self, path: str) -> tuple[Change, ...]:
        """What happened to one record, oldest first."""
        return self._changes("path = ? ORDER BY id", path)

    def after(self, number: int, limit: int) -> tuple[Change, ...]:
        """The changes after one of them, in order."""
        return self._changes("id > ? ORDER BY id LIMIT ?", number, limit)

    def by(self, step: Step) -> tuple[Change, ...]:
        """What one release changed, in order."""
        return self._changes("release = ? ORDER BY id", step.number)

    def range_of(self, step: Step) -> tuple[int, int]:
        """The first and the last number of the changes of a release; the first is larger where there are none."""
        first, last = self.rows("SELECT min(id), max(id) FROM change WHERE release = ?", step.number)[0]
        return (int(str(first)), int(str(last))) if first is not None else (1, 0)

    def newest(self, number: int, limit: int, kind: str | None = None) -> tuple[Change, ...]:
        """The last change of each record, of one kind or all, after one of them, in order; removed ones as well."""
        if kind is None:
            return self._changes("last = 1 AND id > ? ORDER BY id LIMIT ?", number, limit)
        return self._changes("last = 1 AND kind = ? AND id > ? ORDER BY id LIMIT ?", kind, number, limit)

    def select_newest(
        self, number: int, limit: int, first: int, last: int, kind: str, member: str
    ) -> tuple[Change, ...]:
        """The last changes of things after one of them, in order: of a kind, in a set, by some releases."""
        where, values = _narrowed(first, last, kind, member)
        return self._changes(f"{where} AND id > ? ORDER BY id LIMIT ?", *values, number, limit)

    def count_newest(self, first: int, last: int, kind: str, member: str) -> int:
        """How many last changes of things there are of a kind, in a set, by some releases."""
        where, values = _narrowed(first, last, kind, member)
        return self._count(f"SELECT count(*) FROM change WHERE {where}", *values)  # noqa: S608  our own words


def _narrowed(first: int, last: int, kind: str, member: str) -> tuple[str, list[object]]:
    where, values = "last = 1 AND kind != ? AND release BETWEEN ? AND ?", [GRAPH, first, last]
    if kind:
        where, values = f"{where} AND kind = ?", [*values, kind]
    if member:
        where, values = f"{where} AND instr(' ' || sets || ' ', ?)", [*values, f" {member} "]
    return where, list(values)
