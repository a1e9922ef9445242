"""The change table as a Linked Data Event Stream (LDES, on TREE): one immutable member for each change of a record.

The root leads to a node for each release, by its time, and each of these from page to page. A member says what it is a
version of, when that came and what happened; its graph, called after it, holds the triples of the record as they were
then, and `prov:value` the same as N-Quads, so that a copy can be kept quad for quad. A removed record is a tombstone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice, takewhile
from math import ceil

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, parse

from unitgraph import history
from unitgraph.changes import CREATED, REMOVED, Change, Step
from unitgraph.errors import NotFound, ReleaseError
from unitgraph.records import GRAPH, records
from unitgraph.release import Release, rebased
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, RDF_TYPE, term

PER_PAGE = 250
LDES, TREE = "https://w3id.org/ldes#", "https://w3id.org/tree#"
ACTIVITY = "https://www.w3.org/ns/activitystreams#"
TIME, VERSION_OF, VALUE = term("prov:generatedAtTime"), term("dcterms:isVersionOf"), term("prov:value")
DATE_TIME = NamedNode(PREFIXES["xsd"] + "dateTime")

Absolute = Callable[[str], str]


def root(site: Site, absolute: Absolute) -> tuple[Quad, ...]:
    """The view of the whole stream: its context, and a relation for each release (LDES §3, TREE §4)."""
    here, stream = NamedNode(absolute("/stream")), _stream(absolute)
    found = [
        Quad(stream, RDF_TYPE, NamedNode(LDES + "EventStream")),
        Quad(stream, NamedNode(TREE + "view"), here),
        Quad(stream, NamedNode(LDES + "timestampPath"), TIME),
        Quad(stream, NamedNode(LDES + "versionOfPath"), VERSION_OF),
        Quad(stream, NamedNode(LDES + "versionCreateObject"), NamedNode(ACTIVITY + "Create")),
        Quad(stream, NamedNode(LDES + "versionUpdateObject"), NamedNode(ACTIVITY + "Update")),
        Quad(stream, NamedNode(LDES + "versionDeleteObject"), NamedNode(ACTIVITY + "Delete")),
        Quad(here, RDF_TYPE, NamedNode(TREE + "Node")),
    ]
    for step in site.changes.steps:
        node = NamedNode(absolute(f"/stream/{step.version}/1"))
        for kind in ("GreaterThanOrEqualToRelation", "LessThanOrEqualToRelation"):
            relation = BlankNode(f"{kind}{step.number}")
            found += [
                Quad(here, NamedNode(TREE + "relation"), relation),
                Quad(relation, RDF_TYPE, NamedNode(TREE + kind)),
                Quad(relation, NamedNode(TREE + "path"), TIME),
                Quad(relation, NamedNode(TREE + "value"), Literal(step.issued, datatype=DATE_TIME)),
                Quad(relation, NamedNode(TREE + "node"), node),
            ]
    return tuple(found)


def page(site: Site, version: str, number: int, absolute: Absolute) -> tuple[Quad, ...]:
    """A page of the changes of one release.

    Raises:
        NotFound: there is no such release or page.
    """
    step = next((step for step in site.changes.steps if step.version == version), None)
    if step is None:
        raise NotFound(f"no release {version[:40]!r} led to this one; /stream lists them")
    first, last = site.changes.range_of(step)
    pages = max(1, ceil((last - first + 1) / PER_PAGE))
    if not 1 <= number <= pages:
        raise NotFound(f"page {number} of /stream/{version} does not exist; the last one is {pages}")
    here, start = NamedNode(absolute(f"/stream/{version}/{number}")), first + (number - 1) * PER_PAGE
    found = [
        Quad(_stream(absolute), NamedNode(TREE + "view"), NamedNode(absolute("/stream"))),
        Quad(here, RDF_TYPE, NamedNode(TREE + "Node")),
    ]
    if number < pages:
        relation = BlankNode("next")
        found += [
            Quad(here, NamedNode(TREE + "relation"), relation),
            Quad(relation, RDF_TYPE, NamedNode(TREE + "Relation")),
            Quad(relation, NamedNode(TREE + "node"), NamedNode(absolute(f"/stream/{version}/{number + 1}"))),
        ]
    if first <= last:
        changes = site.changes.after(start - 1, min(PER_PAGE, last - start + 1))
        for change in changes:
            found += _member(site, step, change, absolute)
    return tuple(found)


def member(site: Site, number: int, absolute: Absolute) -> tuple[Quad, ...]:
    """One member by the number of its change.

    Raises:
        NotFound: there is no such change.
    """
    found = site.changes.after(number - 1, 1) if number > 0 else ()
    if not found:
        raise NotFound(f"change {number} is not told of; the last one is {site.changes.count}")
    return tuple(_member(site, found[0].step, found[0], absolute))


def _stream(absolute: Absolute) -> NamedNode:
    return NamedNode(absolute("/stream") + "#stream")


def _member(site: Site, step: Step, change: Change, absolute: Absolute) -> Iterator[Quad]:
    member = NamedNode(absolute(f"/stream/member/{change.id}"))
    kind = {CREATED: "Create", REMOVED: "Delete"}.get(change.what, "Update")
    yield Quad(_stream(absolute), NamedNode(TREE + "member"), member)
    yield Quad(member, RDF_TYPE, NamedNode(ACTIVITY + kind))
    yield Quad(member, VERSION_OF, NamedNode(site.base + change.path))
    yield Quad(member, TIME, Literal(step.issued, datatype=DATE_TIME))
    if change.what == REMOVED:
        return
    lines = record(site, step.version, change.path, change.kind)
    yield Quad(member, VALUE, Literal(b"".join(line + b"\n" for line in lines).decode()))
    triples = ((quad.subject, quad.predicate, quad.object) for quad in parse(b"\n".join(lines), RdfFormat.N_QUADS))
    for triple in dict.fromkeys(triples):
        yield Quad(*triple, member)


def record(site: Site, version: str, path: str, kind: str) -> tuple[bytes, ...]:
    """The lines of a record as a release had it, under the base of this one.

    Raises:
        NotFound: that release is kept no longer.
    """
    try:
        release = site.release if version == site.release.version else history.find(site.out, version)
    except ReleaseError as error:
        raise NotFound(f"release {version} is kept no longer, and what it changed is not told") from error
    if kind == GRAPH:
        return _graphs(release, site.base).get(site.base + path, ())
    lines, start = _lines(release, site.base), f"<{site.base}{path}> ".encode()
    own = islice(lines, bisect_left(lines, start), None)
    return tuple(takewhile(lambda line: line.startswith(start), own))


@lru_cache(maxsize=2)
def _lines(release: Release, base: str) -> list[bytes]:
    return rebased(release.lines(), release.base, base)


@lru_cache(maxsize=2)
def _graphs(release: Release, base: str) -> dict[str, tuple[bytes, ...]]:
    """What is left of each graph beside the things; small, since the things are most of a release."""
    found = records(_lines(release, base), base)
    return {base + one.path: one.lines for one in found if one.kind == GRAPH}
