"""Pages that were made already: kept by what decides every byte of them, so none can be stale."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

MAX_BYTES = 32 << 20
MAX_PAGE_BYTES = 1 << 20


@dataclass
class Cache:
    """The bytes of documents by path and ETag; those used longest ago go first."""

    max_bytes: int = MAX_BYTES
    _kept: OrderedDict[tuple[str, str], bytes] = field(default_factory=OrderedDict)
    _size_bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, path: str, tag: str, make: Callable[[], bytes]) -> bytes:
        """The bytes that are kept, or those that `make` gives now."""
        with self._lock:
            if (path, tag) in self._kept:
                self._kept.move_to_end((path, tag))
                return self._kept[path, tag]
        body = make()
        if len(body) <= MAX_PAGE_BYTES:
            self._keep((path, tag), body)
        return body

    def _keep(self, key: tuple[str, str], body: bytes) -> None:
        with self._lock:
            self._size_bytes += len(body) - len(self._kept.get(key, b""))
            self._kept[key] = body
            while self._size_bytes > self.max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._size_bytes -= len(dropped)
