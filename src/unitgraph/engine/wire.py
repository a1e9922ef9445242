"""What broker, workers and clients say to each other: frames in a socket, and a few bytes of shared memory.

request   a frame of JSON: store, query, formats, data set, time limit, bindings, coding, client
answer    a frame of JSON (form and media type, or an error), frames of bytes, and an end
frame     four bytes of length, big-endian, then that many bytes
end       a length of 0; or LAST, where the worker ends itself with this answer
"""

from __future__ import annotations

import hashlib
import mmap
import struct

LENGTH = struct.Struct(">I")
END, LAST = LENGTH.pack(0), LENGTH.pack(0xFFFFFFFF)
CHUNK_BYTES = 65_536

_TIMES = struct.Struct("ddQ")
_STARTED, _DEMOTED = 24, 25


def frame(data: bytes) -> bytes:
    """Bytes as a frame."""
    return LENGTH.pack(len(data)) + data


def client_number(client: str) -> int:
    """A client as the number that stands in its workers' slots; 0 for nobody in particular."""
    return int.from_bytes(hashlib.blake2b(client.encode(), digest_size=8).digest(), "big") if client else 0


class Slot:
    """What a worker tells the broker without a word: since when it is busy, for whom, whether its answer has begun.

    The worker writes it, but for `demoted`, which the broker writes.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 32)

    def begin(self, now: float, cpu_seconds: float, client: int) -> None:
        """A query begins: on the monotonic clock, with the processor time used until now."""
        self._memory[_STARTED] = 0
        _TIMES.pack_into(self._memory, 0, now, cpu_seconds, client)

    def end(self) -> None:
        """It has been answered."""
        _TIMES.pack_into(self._memory, 0, 0.0, 0.0, 0)

    def read(self) -> tuple[float, float, int]:
        """When the query began (0 if there is none), the processor time used before it, and its client."""
        since, cpu_seconds, client = _TIMES.unpack_from(self._memory, 0)
        return since, cpu_seconds, client

    @property
    def started(self) -> bool:
        """Whether a byte of the answer may have left."""
        return bool(self._memory[_STARTED])

    @started.setter
    def started(self, value: bool) -> None:
        self._memory[_STARTED] = value

    @property
    def demoted(self) -> bool:
        """Whether another worker has taken this one's place: it ends itself with its answer."""
        return bool(self._memory[_DEMOTED])

    @demoted.setter
    def demoted(self, value: bool) -> None:
        self._memory[_DEMOTED] = value

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
