"""A derived SQLite file of a release, opened for reading; what is in it its own module says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from unitgraph.errors import ReleaseError


def usable(path: Path, version: int) -> bool:
    """Whether a file is there, with the tables of that version."""
    if not path.exists():
        return False
    try:
        with closing(opened(path)) as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone()[0] == version)
    except sqlite3.Error:
        return False


def opened(path: Path) -> sqlite3.Connection:
    """A connection that only reads; the file does not change while it is open."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


class Reader:
    """Asks one file; threads may share it.

    Raises:
        ReleaseError: it cannot be opened.
    """

    def __init__(self, path: Path, version: int) -> None:
        if not usable(path, version):
            raise ReleaseError(f"{path} is missing, or of another version; run `unitgraph verify --repair`")
        self._connection, self._lock = opened(path), Lock()

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()
