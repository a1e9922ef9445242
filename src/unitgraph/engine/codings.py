"""Content codings (RFC 9110 §8.4.1), as bytes come: what has come can be read without what is still to come."""

from __future__ import annotations

import zlib
from collections.abc import Callable

CODINGS = ("zstd", "br", "gzip")  #: our favourite first

Coder = Callable[[bytes, bool], bytes]  #: bytes, and whether they are the last, to their coded form


def coder(coding: str) -> Coder:
    """A function that codes a body, one piece after another; `identity` leaves it as it is."""
    if coding == "gzip":
        deflate = zlib.compressobj(6, wbits=31)
        return lambda data, final: deflate.compress(data) + deflate.flush(zlib.Z_FINISH if final else zlib.Z_SYNC_FLUSH)
    if coding == "br":
        import brotli

        brotli_ = brotli.Compressor(quality=4)
        return lambda data, final: brotli_.process(data) + (brotli_.finish() if final else brotli_.flush())
    if coding == "zstd":
        import zstandard

        zstd = zstandard.ZstdCompressor(level=3).compressobj()
        modes = (zstandard.COMPRESSOBJ_FLUSH_BLOCK, zstandard.COMPRESSOBJ_FLUSH_FINISH)
        return lambda data, final: zstd.compress(data) + zstd.flush(modes[final])
    return lambda data, final: data
