"""A look at a query before it runs: microseconds, without parsing, and with a readable reason for what is refused.

The walls behind it (the worker's limits, its empty network) hold without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from unitgraph.errors import QueryRefused, QuerySyntaxError
from unitgraph.settings import Settings

_ESCAPE = r"\\(?:[tbnrf\"'\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})"
_TOKENS = re.compile(
    rf"""(?P<skip>\s+|\#[^\n\r]*
       |\"{{3}}(?:[^"\\]|{_ESCAPE}|"(?!""))*\"{{3}}|'{{3}}(?:[^'\\]|{_ESCAPE}|'(?!''))*'{{3}}
       |"(?!"")(?:[^"\\\n\r]|{_ESCAPE})*"|'(?!'')(?:[^'\\\n\r]|{_ESCAPE})*'
       |[?$]\w+|@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*)
      |(?P<iri><[^<>"{{}}|^`\\\s]*>)
      |(?P<name>(?:[^\W\d][\w.-]{{0,80}})?:(?:[\w:%\\][\w:.%\\-]*)?)|(?P<word>[^\W\d]\w*)
      |(?P<open>[{{(\[])|(?P<close>[}})\]])|(?P<quote>["'])|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ABSOLUTE = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*://")
UPDATES = {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"}
FORMS = {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}


@dataclass(frozen=True)
class Outline:
    """What a look at a query's tokens tells: its first verb, whether it names a data set or a service.

    `open_string` is where a string begins that is not closed, or None.
    """

    verb: str
    depth: int
    has_dataset: bool
    has_service: bool
    open_string: int | None = None


@lru_cache(64)
def outline(text: str) -> Outline:
    """Look at the tokens of a query without parsing it, in time linear to its length.

    SERVICE is seen wherever the engine might see it. Its parser asks for no white space around a keyword, so
    every keyword and every prefix that contains the word counts; and `?a<2)#>` is a comparison and a comment
    to it, an IRI to us, so after such an IRI the word counts wherever it stands.

    >>> outline("SELECT * { SERVICE <http://a/> { ?s ?p 'SERVICE' } }").has_service
    True
    """
    verb, depth, deepest, service, doubtful = "", 0, 0, False, False
    words, open_string = set(), None
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            depth += 1
            deepest = max(deepest, depth)
        elif kind == "close":
            depth -= 1
        elif kind == "word":
            word = match.group().upper()
            words.add(word)
            service = service or "SERVICE" in word
            if not verb and word in UPDATES | FORMS:
                verb = word
        elif kind == "name":
            service = service or "SERVICE" in match.group().partition(":")[0].upper()
        elif kind == "iri":
            iri = match.group()
            doubtful = doubtful or (not _ABSOLUTE.match(iri) and any(mark in iri for mark in "#)'"))
        elif kind == "quote":
            open_string = match.start()
            break
    service = service or (doubtful and "SERVICE" in text.upper())
    return Outline(verb, deepest, "FROM" in words, service, open_string)


def guard(text: str, settings: Settings) -> Outline:
    """Refuse what this endpoint does not run, with a readable reason.

    Raises:
        QueryRefused: an update, SERVICE, or a query over a stated limit.
        QuerySyntaxError: a string that is not closed.
    """
    if len(text) > settings.query_characters:
        message = f"the query has {len(text):,} characters; the limit here is {settings.query_characters:,}"
        raise QueryRefused(f"{message}; shorten its VALUES or use the dumps")
    seen = outline(text)
    if seen.verb in UPDATES:
        raise QueryRefused(f"{seen.verb} is an update; this endpoint is read-only, the data change by releases")
    if seen.has_service:
        raise QueryRefused("SERVICE is not run here; ask the other endpoint itself and join the answers")
    if seen.depth > settings.query_depth:
        raise QueryRefused(
            f"brackets are {seen.depth} deep; the limit here is {settings.query_depth}; write it flatter"
        )
    if seen.open_string is not None:
        before = text[: seen.open_string]
        message = "not SPARQL: the string that begins here is not closed, or has an escape that is none"
        raise QuerySyntaxError(message, before.count("\n") + 1, seen.open_string - before.rfind("\n"))
    return seen
