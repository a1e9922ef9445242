"""The named graphs of a release: one for each source file, and those that the build writes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from pyoxigraph import NamedNode, Triple

from unitgraph.answers import Graph, Table
from unitgraph.errors import NotFound
from unitgraph.resources import terms
from unitgraph.resources.terms import Value
from unitgraph.site import Site

MAX_TRIPLES = 100_000  #: triples of one document; a larger graph comes in pages
SHOWN_TRIPLES = 500  #: rows of the page for people


@dataclass(frozen=True)
class GraphPage:
    """The first statements of a graph, for a look; `count` of them on this page of the documents."""

    iri: str
    rows: tuple[tuple[Value, Value, Value], ...]
    count: int
    page: int
    more: bool


@dataclass(frozen=True)
class GraphsPage:
    """The names of all graphs, by folder."""

    folders: tuple[tuple[str, tuple[Value, ...]], ...]
    count: int


def exists(site: Site, name: NamedNode) -> bool:
    """Whether the release has a graph of that name."""
    return next(iter(site.store.quads_for_pattern(None, None, None, name)), None) is not None


def graph(site: Site, name: NamedNode, page: int = 1) -> tuple[Graph, bool]:
    """The triples of a named graph, and whether there are more on a next page.

    Raises:
        NotFound: no such graph, or no such page of it.
    """
    start = (page - 1) * MAX_TRIPLES
    quads = site.store.quads_for_pattern(None, None, None, name)
    found = list(islice(quads, start, start + MAX_TRIPLES + 1))
    if not found:
        raise NotFound(f"release {site.release.version} has no page {page} of a graph {name.value}")
    triples = sorted(
        (Triple(q.subject, q.predicate, q.object) for q in found[:MAX_TRIPLES]),
        key=lambda t: (str(t.subject), *terms.predicate_key(site, t.predicate), str(t.object)),
    )
    return Graph(name.value, tuple(terms.without_genids(triples))), len(found) > MAX_TRIPLES


def page(site: Site, answer: Graph, page: int, more: bool) -> GraphPage:
    """The beginning of a graph as a table."""
    rows = tuple(
        (terms.value(site, t.subject), terms.value(site, t.predicate), terms.value(site, t.object))
        for t in answer.triples[:SHOWN_TRIPLES]
    )
    return GraphPage(answer.subject, rows, len(answer.triples), page, more)


def overview(site: Site) -> GraphsPage:
    """Every named graph, by folder."""
    prefix = f"{site.base}graph/"
    names = sorted(g.value for g in site.store.named_graphs() if isinstance(g, NamedNode))
    folders: dict[str, list[Value]] = {}
    for name in names:
        short = name.removeprefix(prefix)
        folders.setdefault(short.rpartition("/")[0], []).append(Value(short, None, name))
    return GraphsPage(tuple((f, tuple(v)) for f, v in sorted(folders.items())), len(names))


def table(site: Site) -> Table:
    """The names of all graphs."""
    names = sorted(g.value for g in site.store.named_graphs() if isinstance(g, NamedNode))
    return Table(("graph",), tuple((NamedNode(name),) for name in names))
