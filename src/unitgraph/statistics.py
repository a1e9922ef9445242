"""What VoID says of a release in numbers: counted once, from its lines, each triple once in however many graphs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache

from unitgraph.release import Release
from unitgraph.vocab import RDF_TYPE, term

STATISTICS = "statistics.json"

#: Properties that link a thing here with the same or nearly the same elsewhere, or with a code for it.
LINKING = tuple(
    term(name)
    for name in (
        "owl:sameAs",
        "skos:exactMatch",
        "skos:closeMatch",
        "skos:broadMatch",
        "skos:narrowMatch",
        "skos:relatedMatch",
        "schema:sameAs",
        "dcterms:language",
    )
)

_TYPE = str(RDF_TYPE).encode()
_LINKING = {str(one).encode() for one in LINKING}


@dataclass(frozen=True)
class Statistics:
    """Triples, distinct subjects and objects; things by class, triples by property; links by target and property.

    A target is the namespace of the IRIs that are linked to: what precedes their last slash or hash, with it.
    """

    triples: int
    subjects: int
    objects: int
    classes: dict[str, int]
    properties: dict[str, int]
    links: dict[str, dict[str, int]]


def count(lines: Iterable[bytes], base: str) -> Statistics:
    """Count sorted N-Quads, so that a triple stands beside itself in another graph, and a subject together."""
    own, subject, before = f"<{base}".encode(), b"", b""
    triples = subjects = 0
    objects: set[int] = set()
    classes, properties = Counter[bytes](), Counter[bytes]()
    links: Counter[tuple[bytes, bytes]] = Counter()
    for line in lines:
        triple = line[: line.rindex(b" <")]
        if triple == before:
            continue
        before = triple
        who, predicate, value = triple.split(b" ", 2)
        triples += 1
        subjects += who != subject
        subject = who
        objects.add(hash(value))
        properties[predicate] += 1
        if predicate == _TYPE:
            classes[value] += 1
        elif predicate in _LINKING and who.startswith(own) and value.startswith(b"<") and not value.startswith(own):
            links[_namespace(value), predicate] += 1
    found: dict[str, dict[str, int]] = {}
    for (target, predicate), n in sorted(links.items()):
        found.setdefault(target.decode(), {})[predicate[1:-1].decode()] = n
    return Statistics(triples, subjects, len(objects), _by_iri(classes), _by_iri(properties), found)


def _namespace(value: bytes) -> bytes:
    return re.sub(rb"[^/#]*$", b"", value[1:-1])


def _by_iri(counts: Counter[bytes]) -> dict[str, int]:
    return {name[1:-1].decode(): n for name, n in sorted(counts.items()) if name.startswith(b"<")}


def to_bytes(lines: Iterable[bytes], base: str) -> bytes:
    """The derived file of a release."""
    return json.dumps(asdict(count(lines, base))).encode()


@lru_cache(maxsize=8)
def of(release: Release) -> Statistics:
    """The statistics of a release: as they were counted when it was written, or counted now.

    Raises:
        ReleaseError: it is of files as they are, or cannot be read.
    """
    try:
        return Statistics(**json.loads((release.folder / STATISTICS).read_bytes()))
    except (OSError, ValueError, TypeError):
        return count(release.lines(), release.base)
