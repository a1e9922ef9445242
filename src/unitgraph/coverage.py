"""In which languages things have labels: counted once, from the lines of a release, by kind."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from unitgraph.records import GRAPH, records
from unitgraph.release import Release
from unitgraph.vocab import LABEL, PREF_LABEL, term

COVERAGE = "coverage.json"

#: What counts as a label: the preferred one, and what stands for it where a kind of thing has none.
LABELS = (PREF_LABEL, LABEL, term("skosxl:literalForm"), term("dcterms:title"))

#: Of each kind (by segment), how many things there are, and how many of them have a label in each language.
Coverage = dict[str, tuple[int, dict[str, int]]]


def count(lines: Iterable[bytes], base: str) -> Coverage:
    """Count the things of each kind, and those with a label in each language (the first subtag of its tag).

    Args:
        lines: sorted N-Quads, so that what is said of a thing stands together.
        base: where the things live; ends in a slash.
    """
    things: Counter[str] = Counter()
    labels: dict[str, Counter[str]] = {}
    for record in records(lines, base):
        if record.kind != GRAPH:
            things[record.kind] += 1
            labels.setdefault(record.kind, Counter()).update(_languages(record.lines))
    return {segment: (things[segment], dict(sorted(labels[segment].items()))) for segment in sorted(things)}


def _languages(lines: Iterable[bytes]) -> set[str]:
    """The languages of the labels of one thing."""
    named = tuple(f"{predicate} ".encode() for predicate in LABELS)
    said = (line for line in lines if line[line.index(b"> ") + 2 :].startswith(named))
    tags = (re.search(rb'"@([A-Za-z]+)[A-Za-z0-9-]* <[^"]*$', line) for line in said)
    return {tag[1].decode().lower() for tag in tags if tag}


def to_bytes(lines: Iterable[bytes], base: str) -> bytes:
    """The derived file of a release."""
    return json.dumps(count(lines, base)).encode()


@lru_cache(maxsize=8)
def of(release: Release) -> Coverage:
    """The coverage of a release: as it was counted when that was written, or counted now.

    Raises:
        ReleaseError: it is of files as they are, or cannot be read.
    """
    try:
        found = json.loads((release.folder / COVERAGE).read_bytes())
        return {str(kind): (int(total), dict(languages)) for kind, (total, languages) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return count(release.lines(), release.base)
