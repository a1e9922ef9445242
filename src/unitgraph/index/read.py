"""Reads the index of a release: lists, references and full text, each at the cost of what is shown."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from unitgraph import table
from unitgraph.index.fold import MAX_CHARACTERS, key, phrases
from unitgraph.index.write import STATEMENT_TIER, VERSION

RANKED = 500  #: matches that are ranked by their words; of more, those that most others refer to come first
SCANNED = 10_000  #: matches of unfinished words that are looked at
BEGINNING = 50  #: labels that begin as they should, from which the most important are suggested
WEIGHTS = "10.0, 8.0, 1.0"  #: of a match in a label, a code, a description
COLUMNS = "id, iri, kind, label, language, notation, description, description_language"


@dataclass(frozen=True)
class Thing:
    """A named node as it stands in a list; `kind` is its segment, or ns, shapes, query, or empty."""

    id: int
    iri: str
    kind: str
    label: str
    language: str | None
    notation: str
    description: str
    description_language: str | None


class How(Enum):
    """Which words a thing must have to be found; a later way is tried where nothing fits an earlier one."""

    WHOLE = "all words"
    UNFINISHED = "all words, the last of which may be the beginning of one"
    BEGINNINGS = "all words, as beginnings of words"
    SOME = "some of the words"


@dataclass(frozen=True)
class Found:
    """What fits some words: `things` of this page, `counts` by kind, each at most `RANKED` and one.

    `reachable` is how many can be paged through, `how` which of the words they have.
    """

    things: tuple[Thing, ...]
    counts: tuple[tuple[str, int], ...]
    reachable: int
    phrases: tuple[str, ...]
    how: How


@dataclass(frozen=True)
class _Place:
    """From which number to which the things of a kind go; those of a lower tier are shown before all others."""

    kind: str
    tier: int
    first: int
    last: int

    @property
    def numbers(self) -> range:
        """The numbers of the things of this kind."""
        return range(self.first, self.last + 1)


def usable(path: Path) -> bool:
    """Whether a file is there that this software can read."""
    return table.usable(path, VERSION)


class Index(table.Reader):
    """The index of one release, opened for reading; threads may share it.

    Raises:
        ReleaseError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, VERSION)

    def _numbers(self, query: str, *values: object) -> list[int]:
        return [int(str(row[0])) for row in self.rows(query, *values)]

    def _texts(self, query: str, *values: object) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in self.rows(query, *values))

    # Things and lists ----------------------------------------------------------------------------------------

    def thing(self, iri: str) -> Thing | None:
        """What is known of a node, if it has a name and is described."""
        query = f"SELECT {COLUMNS} FROM thing WHERE iri = ? AND kind IS NOT NULL"  # noqa: S608  our own columns
        return next((Thing(*row) for row in self.rows(query, iri)), None)  # type: ignore[arg-type]  # as written

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many members the list of each kind has."""
        return {str(name): int(str(n)) for name, n in self.rows("SELECT name, members FROM kind")}

    def members(self, kind: str, offset: int, limit: int) -> tuple[str, ...]:
        """A part of the list of a kind, in its order: IRIs."""
        query = (
            "SELECT t.iri FROM member m JOIN thing t ON t.id = m.thing"
            " WHERE m.kind = ? AND m.position >= ? AND m.position < ? ORDER BY m.position"
        )
        return self._texts(query, kind, offset, offset + limit)

    def uses(self, iri: str) -> int:
        """How many things are of a class, or how many statements have a property."""
        return next(iter(self._numbers("SELECT n FROM uses WHERE term = ?", iri)), 0)

    # Who refers to a thing -----------------------------------------------------------------------------------

    def reference_counts(self, iri: str) -> dict[str, int]:
        """How many things refer to one, by property; empty where there are few by each, which the store tells."""
        query = (
            "SELECT p.iri, c.n FROM thing t JOIN reference_count c ON c.object = t.id"
            " JOIN predicate p ON p.id = c.predicate WHERE t.iri = ? ORDER BY p.iri"
        )
        return {str(predicate): int(str(n)) for predicate, n in self.rows(query, iri)}

    def references(self, iri: str, predicate: str, offset: int, limit: int) -> tuple[str, ...]:
        """A part of the things that refer to one by a property, by label; empty where there are few."""
        query = (
            "SELECT s.iri FROM thing t JOIN predicate p JOIN reference r ON r.object = t.id AND r.predicate = p.id"
            " JOIN thing s ON s.id = r.subject WHERE t.iri = ? AND p.iri = ? AND r.position >= ? AND r.position < ?"
            " ORDER BY r.position"
        )
        return self._texts(query, iri, predicate, offset, offset + limit)

    def statement_count(self, iri: str) -> int:
        """How many statements are about a thing; 0 where there are few."""
        query = "SELECT n FROM statement_count WHERE thing = (SELECT id FROM thing WHERE iri = ?)"
        return next(iter(self._numbers(query, iri)), 0)

    def statements(self, iri: str, offset: int, limit: int) -> tuple[str, ...]:
        """A part of the statements about a thing, by IRI; empty where there are few."""
        query = (
            "SELECT s.iri FROM statement r JOIN thing s ON s.id = r.subject"
            " WHERE r.thing = (SELECT id FROM thing WHERE iri = ?) AND r.position >= ? AND r.position < ?"
            " ORDER BY r.position"
        )
        return self._texts(query, iri, offset, offset + limit)

    # Words ---------------------------------------------------------------------------------------------------

    @cached_property
    def _places(self) -> tuple[_Place, ...]:
        rows = self.rows("SELECT kind, tier, first, last FROM place ORDER BY first")
        return tuple(_Place(*row) for row in rows)  # type: ignore[arg-type]  # as written

    @property
    def _last_thing(self) -> int:
        return max((place.last for place in self._places if place.tier < STATEMENT_TIER), default=0)

    def search(self, text: str, kind: str | None, offset: int, limit: int, before: tuple[str, ...] = ()) -> Found:
        """Things that fit some words, the best first.

        An address is looked for as it is. First come those called exactly so, then units, projects and the like,
        statements last; among each of these by BM25, where labels and codes weigh more.

        Args:
            before: IRIs of things that come before all others, if they are of that kind.
        """
        looked_for = phrases(text[:MAX_CHARACTERS])
        first = self._exact(text, before)
        for how in (How.WHOLE,) if "://" in text else How:
            expression = _expression(looked_for, how)
            matches = self._matches(expression, how) if expression else {}
            counts = {place.kind: n for place in self._places if (n := _count(place, matches.get(place, []), first))}
            if counts or not looked_for:
                break
        chosen = {place: found for place, found in matches.items() if kind is None or place.kind == kind}
        before_all = [at for at in first if any(kind in (None, p.kind) and at in p.numbers for p in self._places)]
        order = list(dict.fromkeys((*before_all, *self._ranked(expression, chosen))))
        found = self._things(order[offset : offset + limit])
        return Found(found, tuple(counts.items()), len(order), looked_for, how)

    def suggest(self, text: str, limit: int) -> tuple[Thing, ...]:
        """Things, and no statements, whose label or code has these words, the last of them perhaps unfinished.

        First those called exactly so, then those of which a label or code begins so.
        """
        looked_for, last = phrases(text[:MAX_CHARACTERS]), self._last_thing
        if not looked_for:
            return ()
        finished = text[-1:].isspace()
        begun = key(text[:MAX_CHARACTERS]) + " " * finished
        query = "SELECT thing FROM exact WHERE key > ? AND key < ? AND thing <= ? LIMIT ?"
        beginning = sorted(self._numbers(query, begun, begun + "\U0010ffff", last, BEGINNING))
        found = [at for at in self._exact(text, ()) if at <= last] + beginning
        if len(found) < limit:
            *words, unfinished = (f'"{phrase}"' for phrase in looked_for)
            unfinished += "" if finished else " *"
            expression = f"{{label code}} : ({' AND '.join((*words, unfinished))})"
            query = "SELECT rowid FROM words WHERE words MATCH ? AND rowid <= ? ORDER BY rowid LIMIT ?"
            found += self._numbers(query, expression, last, 2 * limit)
        return self._things(list(dict.fromkeys(found))[:limit])

    def _exact(self, text: str, before: tuple[str, ...]) -> list[int]:
        """The numbers of what has exactly this name, and of what is meant in another way."""
        found = [thing.id for thing in map(self.thing, before) if thing]
        query = "SELECT thing FROM exact WHERE key = ? ORDER BY thing LIMIT ?"
        return [*found, *self._numbers(query, key(text), RANKED)]

    def _matches(self, expression: str, how: How) -> dict[_Place, list[int]]:
        """The numbers of what matches, by kind, of each at most `RANKED` and one.

        Each kind is asked for by itself. Only where words may be unfinished, so that FTS5 goes through all that
        begin so each time, all kinds are asked for at once, and of very many matches the first are looked at.
        """
        query = "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?"
        most, last = RANKED + 1, self._places[-1].last if self._places else 0
        once = how in (How.UNFINISHED, How.BEGINNINGS)
        every = self._numbers(query, expression, 0, last, SCANNED if once else most)
        found = {}
        for place in self._places:
            if once or len(every) < most:
                numbers = every[bisect_left(every, place.first) : bisect_right(every, place.last)][:most]
            else:
                numbers = self._numbers(query, expression, place.first, place.last, most)
            if numbers:
                found[place] = numbers
        return found

    def _ranked(self, expression: str, matches: dict[_Place, list[int]]) -> list[int]:
        """The numbers of matches, the best first; of very many some of each kind, in the order of their numbers."""
        if not matches:
            return []
        if sum(map(len, matches.values())) > RANKED:
            most = RANKED // len(matches)
            firsts = [(p.tier, n, at) for p, numbers in matches.items() for n, at in enumerate(numbers[:most])]
            return [at for _, _, at in sorted(firsts)]
        tiers = {at: place.tier for place, numbers in matches.items() for at in numbers}
        query = f"SELECT rowid, bm25(words, {WEIGHTS}) FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?"  # noqa: S608  our own numbers
        rows = self.rows(query, expression, min(tiers), max(tiers))
        scores = {int(str(at)): float(str(score)) for at, score in rows}
        return sorted(tiers, key=lambda at: (tiers[at], scores[at], at))

    def _things(self, numbers: list[int]) -> tuple[Thing, ...]:
        query = f"SELECT {COLUMNS} FROM thing WHERE id = ?"  # noqa: S608  our own columns
        return tuple(Thing(*row) for at in numbers for row in self.rows(query, at))  # type: ignore[arg-type]  # as written


def _count(place: _Place, matches: list[int], first: list[int]) -> int:
    """How many of a kind were found, those found in another way included."""
    others = {at for at in first if at in place.numbers}.difference(matches)
    return min(len(matches) + len(others), RANKED + 1)


def _expression(looked_for: tuple[str, ...], how: How) -> str:
    """What FTS5 is asked: every phrase in quotes, so that nothing that somebody writes is an operator."""
    quoted = [f'"{phrase}"' for phrase in looked_for]
    if how is How.BEGINNINGS:
        quoted = [f"{phrase} *" for phrase in quoted]
    elif how is How.UNFINISHED and quoted:
        quoted[-1] += " *"
    return (" OR " if how is How.SOME else " AND ").join(quoted)
