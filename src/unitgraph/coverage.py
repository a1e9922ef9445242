"""In which languages things have labels: counted once, from the lines of a release, by kind."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

from unitgraph.release import Release
from unitgraph.vocab import LABEL, PREF_LABEL, RDF_TYPE, SEGMENT, term

COVERAGE = "coverage.json"

#: What counts as a label: the preferred one, and what stands for it where a kind of thing has none.
LABELS = (PREF_LABEL, LABEL, term("skosxl:literalForm"), term("dcterms:title"))

#: Of each kind (by segment), how many things there are, and how many of them have a label in each language.
Coverage = dict[str, tuple[int, dict[str, int]]]


def count(lines: Iterable[bytes], base: str) -> Coverage:
    """Count the things of each kind, and those with a label in each language (the first subtag of its tag).

    Args:
        lines: sorted N-Quads, so that what is said of a thing stands together. They are read twice.
        base: where the things live; ends in a slash.
    """
    kept = list(lines)
    segments = dict(_segments(kept))
    things: Counter[str] = Counter()
    labels: dict[str, Counter[str]] = {}
    start = f"<{base}".encode()
    for subject, said in groupby((line for line in kept if line.startswith(start)), key=_subject):
        segment = subject[len(start) :].partition(b"/")[0].decode()
        classes, languages = _read(said)
        if any(segments.get(cls) == segment for cls in classes):
            things[segment] += 1
            labels.setdefault(segment, Counter()).update(languages)
    return {segment: (things[segment], dict(sorted(labels[segment].items()))) for segment in sorted(things)}


def _segments(lines: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """The classes that have a list of their own, with its segment."""
    predicate = f" {SEGMENT} ".encode()
    for line in lines:
        if predicate in line:
            cls, _, value = line.partition(predicate)
            if cls.endswith(b">") and value.startswith(b'"'):
                yield cls, value[1 : value.index(b'"', 1)].decode()


def _subject(line: bytes) -> bytes:
    return line[: line.index(b">")]


def _read(lines: Iterable[bytes]) -> tuple[set[bytes], set[str]]:
    """The classes of one thing, and the languages of its labels."""
    typed = f"{RDF_TYPE} ".encode()
    named = tuple(f"{predicate} ".encode() for predicate in LABELS)
    classes, languages = set[bytes](), set[str]()
    for line in lines:
        rest = line[line.index(b"> ") + 2 :]
        if rest.startswith(typed):
            classes.add(rest[len(typed) : rest.index(b">", len(typed)) + 1])
        elif rest.startswith(named) and (tag := re.search(rb'"@([A-Za-z]+)[A-Za-z0-9-]* <[^"]*$', rest)):
            languages.add(tag[1].decode().lower())
    return classes, languages


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
