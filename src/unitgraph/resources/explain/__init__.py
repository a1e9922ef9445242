"""Why a query finds nothing, or what makes it costly: found by asking the engine, within a budget, never by guessing.

The query is taken apart (`patterns`); the engine is asked whether anything is left after the first element of
a group, after the first two, and so on: the element after which nothing is left is the place to look at. What
is proposed instead is a term of this release, looked up.
"""

from __future__ import annotations

import re

from unitgraph import patterns
from unitgraph.errors import QuerySyntaxError
from unitgraph.patterns import Query
from unitgraph.resources.explain.asker import (
    CALLS,
    LARGE,
    OWN_SHARE,
    SECONDS,
    UNUSED,
    Asker,
    Explanation,
    Finding,
    Stopped,
    Unsure,
)
from unitgraph.resources.explain.costs import findings
from unitgraph.resources.explain.empty import whole
from unitgraph.resources.explain.names import undeclared_prefixes, unknown_elsewhere
from unitgraph.site import Site

__all__ = ["CALLS", "SECONDS", "Explanation", "Finding", "as_dict", "explain"]


def as_dict(found: Explanation) -> dict[str, object]:
    """An explanation for programs."""
    return {
        "outcome": found.outcome,
        "summary": found.summary,
        "complete": found.complete,
        "findings": [
            {
                "kind": one.kind,
                "line": one.line,
                "column": one.column,
                "sentence": one.sentence,
                "suggestion": one.suggestion or None,
            }
            for one in found.findings
        ],
    }


def explain(
    site: Site,
    text: str,
    default_graphs: tuple[str, ...] = (),
    named_graphs: tuple[str, ...] = (),
) -> Explanation:
    """Say which part of a query first finds nothing, and what is near; or what makes it costly.

    Raises:
        QueryRefused: the query is none that this endpoint runs.
        EngineUnavailable: there is no place for it just now.
    """
    asker = Asker(site, default_graphs, named_graphs)
    try:
        count = asker.own_answer(text)
    except QuerySyntaxError as error:
        return Explanation("syntax", f"This is not SPARQL yet: {error}.", tuple(undeclared_prefixes(site, text, error)))
    query = patterns.read(text) if not re.search(rf"[?$]({UNUSED}|unnamed\d)", text) else None
    if count is None:
        return _costly(asker, query)
    if query is None:
        return _not_taken_apart(count)
    asker.query = query
    if count and not (count == 1 and query.select.aggregates):
        return _not_empty(asker, query, count)
    return _empty(asker, query, count)


def _empty(asker: Asker, query: Query, count: int) -> Explanation:
    found: list[Finding] = []
    complete = True
    try:
        for one in whole(asker, query):
            found.append(one)  # one by one, so that those before a stop are kept
    except Stopped:
        complete = False
    except Unsure:
        return _not_taken_apart(count)
    found = list(dict.fromkeys([*found, *unknown_elsewhere(asker, query, found)]))
    if count and not found:
        return _not_empty(asker, query, count)
    summary = "This query finds nothing." if not count else "Nothing fits this query; its one row only counts that."
    if not complete:
        summary += " The search for the reason was stopped at its limit; this is what was found so far."
    elif not found:
        summary += " No reason could be told with certainty."
        complete = False
    return Explanation("empty", summary, tuple(found), complete)


def _not_empty(asker: Asker, query: Query, count: int) -> Explanation:
    more = count > LARGE
    number = f"more than {LARGE:,}" if more else f"{count:,}"
    noun = "solution" if count == 1 else "solutions"
    if query.form == "ASK":
        summary = "This query is not empty: its answer is yes."
    elif query.form == "SELECT":
        summary = f"This query is not empty: it has {number} {noun}."
    else:
        summary = f"This query is not empty: it has {number} {'triple' if count == 1 else 'triples'}."
    wanted = {"product", "compared", "path", "everything", "text", "optionals", "order", "limit"}
    if not more:
        wanted = {"product"}
    found, complete = findings(asker, query, wanted)
    return Explanation("found", summary, (*found, *unknown_elsewhere(asker, query, found)), complete)


def _costly(asker: Asker, query: Query | None) -> Explanation:
    told = f"This query was not finished within {asker.seconds * OWN_SHARE:g} s."
    if query is None:
        return Explanation(
            "unfinished", f"{told} It cannot be taken apart with certainty, so nothing is said of why.", (), False
        )
    asker.query = query
    found, complete = findings(asker, query, None)
    if not found:
        told += " Its text shows no common reason; try parts of it by themselves."
        complete = False
    return Explanation("unfinished", told, tuple(found), complete)


def _not_taken_apart(count: int) -> Explanation:
    outcome = "found" if count else "empty"
    told = "This query is not empty." if count else "This query finds nothing."
    return Explanation(
        outcome, f"{told} It cannot be taken apart with certainty, so nothing is said of why.", (), False
    )  # fmt: skip
