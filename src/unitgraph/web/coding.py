"""Content codings (RFC 9110 §8.4.1): which one a client likes, and ETags with it."""

from __future__ import annotations

import re
from functools import lru_cache

from unitgraph.engine.codings import CODINGS

OFFERED = (*CODINGS, "identity")
WORTH_BYTES = 860  #: less than that is sent as it is

_TEXT = re.compile(r"text/|application/(?:[\w.+-]*json|[\w.+-]*xml|n-triples|n-quads|trig|sparql)|image/svg")
_ELEMENT = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?", re.ASCII)


@lru_cache(256)
def negotiate(accept_encoding: str) -> str:
    """The coding for a response, RFC 9110 §12.5.3; without a header, or with one that rules out all: none.

    >>> negotiate("gzip, br;q=0.5"), negotiate("gzip;q=0"), negotiate("")
    ('gzip', 'identity', 'identity')
    """
    found: dict[str, float] = {}
    for element in accept_encoding.split(","):
        if match := _ELEMENT.fullmatch(element):
            try:
                found[match[1].lower().removeprefix("x-")] = float(match[2] or 1)
            except ValueError:
                continue
    rest = found.get("*", 0.0)
    quality = {name: found.get(name, rest) for name in OFFERED[:-1]}
    quality["identity"] = found.get("identity", 0.0)  # acceptable, and not asked for
    best = max(OFFERED, key=lambda name: quality[name])
    return best if quality[best] > 0 else "identity"


def is_text(media_type: str) -> bool:
    """Whether a media type is one that compresses.

    >>> is_text("application/ld+json"), is_text("image/png")
    (True, False)
    """
    return bool(_TEXT.match(media_type))


def without_coding(tags: str) -> str:
    """ETags as they are before a page is compressed.

    >>> without_coding('"abc-html-br", W/"x"')
    '"abc-html", W/"x"'
    """
    return re.sub(r'-(?:gzip|br|zstd)"', '"', tags)
