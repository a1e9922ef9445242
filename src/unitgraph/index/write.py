"""Writes the index of a release: one pass over its sorted quads, then SQLite sorts, counts and numbers."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, islice, zip_longest
from pathlib import Path

from pyoxigraph import Literal, RdfFormat, parse

from unitgraph.index.fold import MAX_CHARACTERS, key, tokens
from unitgraph.vocab import (
    ABOUT,
    ALT_LABEL,
    COMPOSED,
    DEFINITION,
    GENID,
    LABELS,
    MAX_DEPTH,
    NAMES,
    NOTATION,
    PARTNERS,
    PREF_LABEL,
    PREFIXES,
    RDF_TYPE,
    SEGMENT,
    STATEMENTS,
    UG,
    UGS,
    curie,
    in_words,
    number,
    term,
)

VERSION = 1  #: of what the file holds; a file of another version is made anew
MANY = 50  #: references to a thing by one property that are not in the index, since they are quickly read
LARGE = 500  #: the same for the statements about a thing
DESCRIPTION_CHARACTERS = 300
BATCH = 50_000

TABLES = """
CREATE TABLE thing (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE, kind TEXT, label TEXT NOT NULL, language TEXT,
  notation TEXT NOT NULL, description TEXT NOT NULL, description_language TEXT);
CREATE VIRTUAL TABLE words USING fts5(label, code, text, content='', prefix='1 2 3', tokenize='ascii');
CREATE TABLE exact (key TEXT NOT NULL, thing INTEGER NOT NULL, PRIMARY KEY (key, thing)) WITHOUT ROWID;
CREATE TABLE member (kind TEXT NOT NULL, position INTEGER NOT NULL, thing INTEGER NOT NULL,
  PRIMARY KEY (kind, position)) WITHOUT ROWID;
CREATE TABLE kind (name TEXT PRIMARY KEY, members INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE place (kind TEXT NOT NULL, tier INTEGER NOT NULL, first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE uses (term TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE predicate (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE);
CREATE TABLE reference_count (object INTEGER NOT NULL, predicate INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (object, predicate)) WITHOUT ROWID;
CREATE TABLE reference (object INTEGER NOT NULL, predicate INTEGER NOT NULL, position INTEGER NOT NULL,
  subject INTEGER NOT NULL, PRIMARY KEY (object, predicate, position)) WITHOUT ROWID;
CREATE TABLE statement_count (thing INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE statement (thing INTEGER NOT NULL, position INTEGER NOT NULL, subject INTEGER NOT NULL,
  PRIMARY KEY (thing, position)) WITHOUT ROWID;
-- What the pass finds; nodes have the numbers in which they are met.
CREATE TEMP TABLE link (subject INTEGER, predicate INTEGER, object INTEGER, shown INTEGER);
CREATE TEMP TABLE about (thing INTEGER, node INTEGER);
CREATE TEMP TABLE name (thing INTEGER, node INTEGER);
CREATE TEMP TABLE said (node INTEGER, field INTEGER, text TEXT);
"""

STATEMENT_TIER, HIDDEN_TIER = 3, 4
#: Kinds that are found first; all others come after them, then terms and queries, then statements.
FIRST = ("unit", "project", "direction", "initiative", "organisation", "story", "award")
LABEL_FIELD, CODE_FIELD, TEXT_FIELD, COMPOSED_FIELD = range(4)

Labels = dict[int, tuple[str, str | None]]


def _bytes(*terms: str) -> frozenset[bytes]:
    return frozenset(f"<{term(one).value}>".encode() for one in terms)


_LABELS = [f"<{one.value}>".encode() for one in (PREF_LABEL, *LABELS)]
_COMPOSED = [(f"<{a.value}>".encode(), between, f"<{b.value}>".encode()) for a, between, b in COMPOSED]
_PARTS = frozenset(part for a, _, b in _COMPOSED for part in (a, b))
_CODES = frozenset((f"<{NOTATION.value}>".encode(), *_bytes("dcterms:identifier", "ug:acronym", "schema:identifier")))
_DESCRIPTIONS = [f"<{one.value}>".encode() for one in (term("dcterms:description"), DEFINITION)]
_TEXTS = frozenset((*_DESCRIPTIONS, *_bytes("rdfs:comment", "skos:scopeNote")))
_FIELDS = {
    **dict.fromkeys(_TEXTS, TEXT_FIELD),
    **dict.fromkeys(_CODES, CODE_FIELD),
    **dict.fromkeys((*_LABELS, f"<{ALT_LABEL.value}>".encode()), LABEL_FIELD),
}
_ABOUT = frozenset(f"<{one.value}>".encode() for one in ABOUT)
_NAMES = frozenset(f"<{one.value}>".encode() for one in NAMES)
_TYPE, _SEGMENT, _NOTATION = (f"<{one.value}>".encode() for one in (RDF_TYPE, SEGMENT, NOTATION))
_PREFERRED, _ALT_NAME = f"<{PREF_LABEL.value}>".encode(), f"<{term('skosxl:altLabel').value}>".encode()
_OURS = (f"<{UG}".encode(), f"<{PREFIXES['skos']}".encode())
_LITERAL = re.compile(rb'"([^"\\]*)"(?:@([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*).*|\^\^.*)?', re.DOTALL)


def write(path: Path, lines: Iterable[bytes], base: str) -> None:
    """Write the index of sorted N-Quads, without line ends, to a new file.

    Args:
        base: where the things of the release live; ends in a slash.
    """
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _write(connection, lines, base)


def sound(path: Path, lines: Iterable[bytes], base: str) -> bool:
    """Whether the file at a path holds what would be written now."""
    listed = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY name"
    with (
        closing(sqlite3.connect("")) as wanted,
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found,
    ):
        wanted.isolation_level = None
        _write(wanted, lines, base)
        try:
            names = wanted.execute(listed).fetchall()
            if found.execute(listed).fetchall() != names:
                return False
            queries = [f"SELECT * FROM {name}" for name, sql in names if "VIRTUAL" not in sql]  # noqa: S608  our own names
            missing = object()
            return all(
                a == b
                for query in queries
                for a, b in zip_longest(wanted.execute(query), found.execute(query), fillvalue=missing)
            )
        except sqlite3.Error:
            return False


def _write(connection: sqlite3.Connection, lines: Iterable[bytes], base: str) -> None:
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536", f"user_version={VERSION}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(TABLES)
    connection.execute("BEGIN")
    heard = _hear(connection, lines, base)
    _number(connection, heard, base)
    _write_words(connection)
    _write_references(connection, heard)
    connection.execute("COMMIT")


# The pass ----------------------------------------------------------------------------------------------------


@dataclass
class _Heard:
    """What is kept of the pass in memory: a number for every IRI, what each described node is called.

    `names` are those of nodes whose preferred label is in another language than English.
    """

    numbers: dict[bytes, int] = field(default_factory=dict)
    labels: Labels = field(default_factory=dict)
    names: dict[int, list[int]] = field(default_factory=dict)
    parts: dict[int, tuple[bytes, str, bytes]] = field(default_factory=dict)
    notations: dict[int, str] = field(default_factory=dict)
    descriptions: dict[int, tuple[str, str]] = field(default_factory=dict)
    described: set[int] = field(default_factory=set)
    segments: dict[int, str] = field(default_factory=dict)
    predicates: Counter[bytes] = field(default_factory=Counter)
    types: Counter[bytes] = field(default_factory=Counter)

    def number(self, node: bytes) -> int:
        """The number of a node, by its IRI in angle brackets."""
        return self.numbers.setdefault(node, len(self.numbers))


def _hear(connection: sqlite3.Connection, lines: Iterable[bytes], base: str) -> _Heard:
    heard = _Heard()
    tables = {"link": 4, "about": 2, "name": 2, "said": 3}
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in tables}

    def flush(most: int) -> None:
        for name, width in tables.items():
            if len(rows[name]) > most:
                marks = ",".join("?" * width)
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows[name])  # noqa: S608  our own names
                rows[name].clear()

    for subject, triples in groupby(_triples(lines, base), lambda triple: triple[0]):
        _hear_subject(heard, rows, subject, list(triples))
        flush(BATCH)
    flush(0)
    return heard


def _triples(lines: Iterable[bytes], base: str) -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Each triple once, with whether it is a reference for readers.

    What only the report says is none, nor what the rules say once more in the terms of another vocabulary.
    """
    report, inferred = (f"<{base}graph/{name}>".encode() for name in ("report", "inferred"))
    before: tuple[bytes, bytes, bytes] | None = None
    shown = False
    for line in lines:
        subject, predicate, rest = line.split(b" ", 2)
        value, _, graph = rest[:-2].rpartition(b" ")
        if b'"' in graph or not value:  # a line of the default graph has no fourth term
            value, graph = rest[:-2], b""
        here = graph != report and (graph != inferred or predicate.startswith(_OURS))
        triple = (subject, predicate, value)
        if triple == before:
            shown = shown or here
            continue
        if before:
            yield (*before, shown)
        before, shown = triple, here
    if before:
        yield (*before, shown)


def _hear_subject(
    heard: _Heard,
    rows: Mapping[str, list[tuple[object, ...]]],
    subject: bytes,
    triples: list[tuple[bytes, bytes, bytes, bool]],
) -> None:
    """Take down what is said of one subject."""
    named = subject.startswith(b"<")
    me = heard.number(subject) if named else -1
    fragment = subject[:-1] + b"#"
    said: dict[bytes, list[bytes]] = {}
    for _, predicate, value, shown in triples:
        heard.predicates[predicate] += 1
        if predicate == _TYPE:
            heard.types[value] += 1
        if not named:
            continue
        if value.startswith(b"<") and not value.startswith(b"<<"):
            other = heard.number(value)
            rows["link"].append((me, heard.number(predicate), other, shown and other != me))
            if other != me and predicate in _ABOUT:
                rows["about"].append((other, me))
            if other != me and (predicate in _NAMES or value.startswith(fragment)):
                rows["about"].append((me, other))
            if predicate in _NAMES:
                rows["name"].append((me, other))
            if predicate in _PARTS or predicate == _ALT_NAME:
                said.setdefault(predicate, []).append(value)
        elif predicate in _FIELDS or predicate in _PARTS or predicate == _SEGMENT:
            said.setdefault(predicate, []).append(value)
    if named:
        heard.described.add(me)
        _hear_texts(heard, rows["said"], me, said)


def _hear_texts(heard: _Heard, rows: list[tuple[object, ...]], me: int, said: dict[bytes, list[bytes]]) -> None:
    """Take down what a node is called and which words it is found by."""
    texts = {predicate: _texts(values) for predicate, values in said.items()}
    best = next((texts[predicate][0] for predicate in _LABELS if texts.get(predicate)), None)
    if best:
        heard.labels[me] = (best[0], best[1] or None)
        if said.get(_PREFERRED) and best[1] and not _english(best[1]):
            heard.names[me] = [heard.numbers[name] for name in said.get(_ALT_NAME, ())]
    else:
        found = ((said[a][0], between, said[b][0]) for a, between, b in _COMPOSED if a in said and b in said)
        if parts := next(found, None):
            heard.parts[me] = parts
    if notation := texts.get(_NOTATION):
        heard.notations[me] = notation[0][0]
    if description := next((texts[predicate][0] for predicate in _DESCRIPTIONS if texts.get(predicate)), None):
        heard.descriptions[me] = (description[0][:DESCRIPTION_CHARACTERS], description[1])
    for segment, _ in texts.get(_SEGMENT, ()):
        heard.segments[me] = segment
    kept = {(_FIELDS[p], key(text)) for p, found in texts.items() if p in _FIELDS for text, _ in found}
    rows.extend((me, kind, text) for kind, text in sorted(kept) if text)


def _texts(values: Iterable[bytes]) -> list[tuple[str, str]]:
    """The literals among values, with their languages, the best first."""
    return sorted((_literal(value) for value in values if value.startswith(b'"')), key=_preference)


def _preference(text: tuple[str, str]) -> tuple[bool, bool, str, str]:
    """English first, then what has no language."""
    value, language = text
    return (not _english(language), bool(language), language, value)


def _english(language: str | None) -> bool:
    return (language or "").partition("-")[0] == "en"


def _literal(value: bytes) -> tuple[str, str]:
    if match := _LITERAL.fullmatch(value):
        return match[1].decode(), (match[2] or b"").decode()
    triple = next(iter(parse(b"<a:a> <a:a> " + value + b" .", format=RdfFormat.N_TRIPLES)))
    assert isinstance(triple.object, Literal)
    return triple.object.value, triple.object.language or ""


# Numbers and lists -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A thing before it has its number: the number of the pass, its IRI, kind, tier and what it is called."""

    met: int
    iri: str
    kind: str | None
    tier: int
    label: str
    language: str | None


def _number(connection: sqlite3.Connection, heard: _Heard, base: str) -> None:
    """Give every thing the number that orders what is found; write things, lists and uses."""
    execute = connection.execute
    execute("CREATE TEMP TABLE pair AS SELECT object, predicate, count(*) AS n FROM link WHERE shown GROUP BY 1, 2")
    iris = dict(enumerate(name[1:-1].decode() for name in heard.numbers))
    has_partner = heard.number(f"<{term('ug:hasPartner').value}>".encode())
    partners = {met for (met,) in execute("SELECT DISTINCT object FROM link WHERE predicate = ?", (has_partner,))}
    large = {met for (met,) in execute("SELECT object FROM pair WHERE n > ?", (MANY,))}
    kinds = _kinds(connection, heard, iris, base)
    nodes = [_node(heard, iris, kinds, met, base) for met in sorted(heard.described | partners | large)]
    referred = dict(execute("SELECT object, sum(n) FROM pair GROUP BY 1"))
    nodes.sort(key=lambda node: (node.label.casefold(), node.iri))
    alphabetical = {node.met: rank for rank, node in enumerate(nodes)}
    nodes.sort(key=lambda node: (node.tier, node.kind or "", -referred.get(node.met, 0)))  # and of these by label
    numbers = {node.met: at for at, node in enumerate(nodes, 1)}
    execute("CREATE TEMP TABLE numbered (met INTEGER PRIMARY KEY, id INTEGER, alphabetical INTEGER, described INTEGER)")
    rows = ((n.met, at, alphabetical[n.met], n.met in heard.described) for at, n in enumerate(nodes, 1))
    connection.executemany("INSERT INTO numbered VALUES (?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO thing VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _things(heard, nodes))
    for (tier, kind), run in groupby(enumerate(nodes, 1), lambda pair: (pair[1].tier, pair[1].kind)):
        places = [at for at, _ in run]
        if kind is not None:
            execute("INSERT INTO place VALUES (?, ?, ?, ?)", (kind, tier, places[0], places[-1]))
    _write_lists(connection, heard, nodes, numbers, partners)
    uses = {name[1:-1].decode(): n for counts in (heard.types, heard.predicates) for name, n in counts.items()}
    connection.executemany("INSERT INTO uses VALUES (?, ?)", sorted(uses.items()))


def _kinds(connection: sqlite3.Connection, heard: _Heard, iris: dict[int, str], base: str) -> dict[int, str]:
    """The kind of every thing that is of one: its class has a segment, and its IRI begins with it."""
    of_type = "SELECT subject, object FROM link WHERE predicate = ?"
    found = {}
    for met, cls in connection.execute(of_type, (heard.number(_TYPE),)):
        segment = heard.segments.get(cls)
        if segment is not None and iris[met].startswith(f"{base}{segment}/"):
            found[met] = segment
    return found


def _node(heard: _Heard, iris: dict[int, str], kinds: dict[int, str], met: int, base: str) -> _Node:
    iri = iris[met]
    kind: str | None = kinds.get(met, "")
    tier = 0 if kind in FIRST else STATEMENT_TIER if kind in STATEMENTS else 1
    if not kind:
        tier = 2
        if iri.startswith(f"{base}query/"):
            kind = "query"
        elif iri.startswith((GENID, f"{base}report")) or met not in heard.described:
            kind, tier = None, HIDDEN_TIER
        elif iri.startswith((UG, UGS)):
            kind = "ns" if iri.startswith(UG) else "shapes"
    label, language = _label(heard, iris, met, 0)
    return _Node(met, iri, kind, tier, label, language)


def _label(heard: _Heard, iris: dict[int, str], met: int, depth: int) -> tuple[str, str | None]:
    """What a node is called, as `resources.terms.label` decides it."""
    if met in heard.labels:
        names = (heard.labels.get(name) for name in heard.names.get(met, ()))
        return next((name for name in names if name and _english(name[1])), heard.labels[met])
    if met in heard.parts and depth < MAX_DEPTH:
        first, between, second = heard.parts[met]
        return between.join(_part(heard, iris, value, depth + 1) for value in (first, second)), "en"
    return in_words(curie(iris[met])), None


def _part(heard: _Heard, iris: dict[int, str], value: bytes, depth: int) -> str:
    if value.startswith(b'"'):
        return _literal(value)[0]
    return _label(heard, iris, heard.numbers[value], depth)[0]


def _things(heard: _Heard, nodes: list[_Node]) -> Iterator[tuple[object, ...]]:
    for at, node in enumerate(nodes, 1):
        notation = heard.notations.get(node.met, "")
        description, language = heard.descriptions.get(node.met, ("", ""))
        yield at, node.iri, node.kind, node.label, node.language, notation, description, language or None


def _write_lists(
    connection: sqlite3.Connection, heard: _Heard, nodes: list[_Node], numbers: dict[int, int], partners: set[int]
) -> None:
    """The members of each kind in order: by notation where that is a number, then by label."""
    lists: dict[str, list[_Node]] = {kind: [] for kind in (*heard.segments.values(), PARTNERS)}
    for node in nodes:
        if node.kind in lists:
            lists[node.kind].append(node)
        if node.met in partners:
            lists[PARTNERS].append(node)
    for kind, found in sorted(lists.items()):
        found.sort(key=lambda node: (number(heard.notations.get(node.met, "")), node.label.casefold(), node.iri))
        members = ((kind, position, numbers[node.met]) for position, node in enumerate(found))
        connection.executemany("INSERT INTO member VALUES (?, ?, ?)", members)
        connection.execute("INSERT INTO kind VALUES (?, ?)", (kind, len(found)))
    composed = ((node.met, COMPOSED_FIELD, key(node.label)) for node in nodes if node.met in heard.parts)
    slugs = ((node.met, CODE_FIELD, key(_slug(node.iri))) for node in nodes)
    for rows in (composed, slugs):
        connection.executemany("INSERT INTO said VALUES (?, ?, ?)", rows)


def _slug(iri: str) -> str:
    return re.split(r"[/#]", iri.rstrip("/#"))[-1]


# Words and references ----------------------------------------------------------------------------------------


def _write_words(connection: sqlite3.Connection) -> None:
    """The full text: a thing is found by its own words and by its names', and whole by labels and codes."""
    execute = connection.execute
    execute("CREATE INDEX temp.said_node ON said (node)")
    execute(
        "INSERT INTO said SELECT n.thing, s.field, s.text FROM name n JOIN said s ON s.node = n.node"
        " WHERE s.field IN (?, ?)",
        (LABEL_FIELD, CODE_FIELD),
    )
    joined = "FROM said s JOIN numbered n ON n.met = s.node JOIN thing t ON t.id = n.id WHERE t.kind IS NOT NULL"
    execute(
        f"INSERT INTO exact SELECT DISTINCT s.text, n.id {joined} AND s.field IN (?, ?) AND length(s.text) <= ?"
        " ORDER BY 1, 2",
        (LABEL_FIELD, CODE_FIELD, 2 * MAX_CHARACTERS),
    )
    found = connection.execute(f"SELECT DISTINCT n.id, s.field, s.text {joined} ORDER BY 1, 2, 3")
    rows = groupby(found, lambda row: row[0])
    while batch := [_row(at, texts) for at, texts in islice(rows, BATCH)]:
        connection.executemany("INSERT INTO words (rowid, label, code, text) VALUES (?, ?, ?, ?)", batch)
    execute("INSERT INTO words (words) VALUES ('optimize')")


def _row(at: int, texts: Iterable[tuple[int, int, str]]) -> tuple[int, str, str, str]:
    columns: dict[int, list[str]] = {}
    for _, of, text in texts:
        columns.setdefault(LABEL_FIELD if of == COMPOSED_FIELD else of, []).append(tokens(text))
    label, code, text = (" ".join(columns.get(of, ())) for of in (LABEL_FIELD, CODE_FIELD, TEXT_FIELD))
    return at, label, code, text


def _write_references(connection: sqlite3.Connection, heard: _Heard) -> None:
    """Who refers to a thing, by label, and what is stated about it, by IRI, where that is more than is read quickly."""
    execute = connection.execute
    names = {met: name[1:-1].decode() for name, met in heard.numbers.items() if name in heard.predicates}
    used = {met for (met,) in execute("SELECT DISTINCT predicate FROM pair")}
    connection.executemany("INSERT INTO predicate VALUES (?, ?)", sorted((m, names[m]) for m in used))
    execute(
        "INSERT INTO reference_count SELECT o.id, p.predicate, p.n FROM pair p JOIN numbered o ON o.met = p.object"
        " WHERE p.object IN (SELECT object FROM pair WHERE n > ?) ORDER BY 1, 2",
        (MANY,),
    )
    execute("CREATE TEMP TABLE large AS SELECT object, predicate FROM pair WHERE n > ?", (MANY,))
    execute("CREATE INDEX temp.large_pair ON large (object, predicate)")
    execute(
        "INSERT INTO reference SELECT o.id, l.predicate, row_number() OVER w - 1, s.id FROM link l"
        " JOIN large USING (object, predicate) JOIN numbered o ON o.met = l.object JOIN numbered s ON s.met = l.subject"
        " WHERE l.shown WINDOW w AS (PARTITION BY o.id, l.predicate ORDER BY s.alphabetical) ORDER BY 1, 2, 3"
    )
    execute(
        "CREATE TEMP TABLE stated AS SELECT DISTINCT t.id AS thing, n.id AS node FROM about a"
        " JOIN numbered t ON t.met = a.thing JOIN numbered n ON n.met = a.node WHERE n.described"
    )
    execute(
        "INSERT INTO statement_count SELECT thing, count(*) FROM stated GROUP BY thing HAVING count(*) > ?", (LARGE,)
    )
    execute(
        "INSERT INTO statement SELECT s.thing, row_number() OVER (PARTITION BY s.thing ORDER BY t.iri) - 1, s.node"
        " FROM stated s JOIN statement_count USING (thing) JOIN thing t ON t.id = s.node ORDER BY 1, 2"
    )
