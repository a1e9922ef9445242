"""Lists of the things of one kind, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph.answers import Graph, Table
from unitgraph.errors import NotFound
from unitgraph.resources import terms
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import LABEL, NOTATION, PARTNERS, PREF_LABEL, RDF_TYPE, term

PER_PAGE = 100


@dataclass(frozen=True)
class Item:
    """A member of a list."""

    thing: Value
    notations: tuple[str, ...]
    description: Text | None


@dataclass(frozen=True)
class ListPage:
    """One page of a list: `count` members in all."""

    segment: str
    title: str
    definition: Text | None
    cls: Value | None
    items: tuple[Item, ...]
    count: int
    page: int
    pages: int


def segments(site: Site) -> tuple[str, ...]:
    """The first part of the path of every list."""
    return (*site.kinds, PARTNERS)


def listing(site: Site, segment: str, page: int = 1) -> ListPage:
    """A page of the list of a kind, by label.

    Raises:
        NotFound: there is no such kind or page.
    """
    total = count(site, segment)
    pages = max(1, ceil(total / PER_PAGE))
    if page > pages:
        raise NotFound(f"page {page} of /{segment} does not exist; the last one is {pages}")
    kind = site.kinds.get(segment)
    items = tuple(_item(site, node) for node in members(site, segment, (page - 1) * PER_PAGE, PER_PAGE))
    definition = terms.text(site, kind.cls, term("skos:definition")) if kind else None
    cls = terms.value(site, kind.cls) if kind else None
    return ListPage(segment, title(site, segment), definition, cls, items, total, page, pages)


def title(site: Site, segment: str) -> str:
    """The heading of a list."""
    noun = terms.plural(site.kinds[segment].label if segment in site.kinds else segment)
    return noun[:1].upper() + noun[1:]


def _item(site: Site, node: NamedNode) -> Item:
    notations = tuple(sorted(found.value for found in terms.texts(site, node, NOTATION)))
    description = terms.text(site, node, term("dcterms:description")) or terms.text(site, node, term("skos:definition"))
    return Item(terms.value(site, node), notations, description)


def members(site: Site, segment: str, offset: int = 0, limit: int = PER_PAGE) -> tuple[NamedNode, ...]:
    """A part of the things of a kind, by notation where that is a number, then by label."""
    return tuple(NamedNode(iri) for iri in site.release.index.members(segment, offset, limit))


def count(site: Site, segment: str) -> int:
    """How many things of a kind there are."""
    return site.release.index.counts.get(segment, 0)


def graph(site: Site, page: ListPage) -> Graph:
    """Type and labels of the members on a page."""
    said = {RDF_TYPE, PREF_LABEL, LABEL, NOTATION, term("skosxl:literalForm")}
    triples = []
    for item in page.items:
        node = NamedNode(item.thing.iri or "")
        own = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, node) if q.predicate in said}
        triples += terms.ordered(site, own)
    return Graph(f"{site.base}{page.segment}", tuple(triples))


def table(page: ListPage) -> Table:
    """The members on a page for a spreadsheet or a program."""
    rows = [
        (
            NamedNode(item.thing.iri or ""),
            Literal(item.thing.text),
            Literal("; ".join(item.notations)) if item.notations else None,
            Literal(item.description.value) if item.description else None,
        )
        for item in page.items
    ]
    return Table(("iri", "label", "notation", "description"), tuple(rows))
