"""Saved queries: the question, its parameters, its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph import queries
from unitgraph.answers import Graph
from unitgraph.errors import NotFound
from unitgraph.queries import SavedQuery
from unitgraph.resources import solutions, terms
from unitgraph.resources.solutions import Solutions
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import RDF_TYPE, term, words

FORMS = ("sh:select", "sh:ask", "sh:construct", "sh:describe")


@dataclass(frozen=True)
class Field:
    """A parameter in a form: what was asked for; for an IRI, the thing it names."""

    name: str
    kind: str
    value: str
    thing: Value | None


@dataclass(frozen=True)
class QueryPage:
    """A saved query with its answer; `parameters` is the query string that repeats it."""

    iri: str
    name: str
    summary: Text
    question: Text
    text: str
    tags: tuple[str, ...]
    fields: tuple[Field, ...]
    parameters: tuple[tuple[str, str], ...]
    solutions: Solutions


@dataclass(frozen=True)
class QueryItem:
    """A saved query in the list."""

    query: Value
    question: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class QueriesPage:
    """All saved queries, by summary."""

    items: tuple[QueryItem, ...]


def names(site: Site) -> tuple[NamedNode, ...]:
    """Every saved query, by summary."""
    found = terms.subjects(site, RDF_TYPE, term("sh:SPARQLExecutable"))
    return tuple(sorted(found, key=lambda node: (terms.label(site, node).value.casefold(), node.value)))


def find(site: Site, name: str) -> SavedQuery:
    """The saved query of that name.

    Raises:
        NotFound: there is none.
    """
    node = site.iri("query", name)
    for form in FORMS:
        for text in terms.objects(site, node, term(form)):
            if isinstance(text, Literal):
                return queries.parse(name, text.value)
    raise NotFound(f"release {site.release.version} has no saved query {name!r}; /query lists them")


def graph(site: Site, name: str) -> Graph:
    """The description of a saved query as RDF (SHACL Advanced Features, `sh:SPARQLExecutable`)."""
    node = site.iri("query", name)
    own = {Triple(q.subject, q.predicate, q.object) for q in terms.quads(site, node)}
    return Graph(node.value, tuple(terms.ordered(site, own)))


def page(site: Site, query: SavedQuery, values: dict[str, str], client: str = "") -> QueryPage:
    """A saved query answered for a client with the reader's values, or with its defaults.

    Raises:
        BadRequest: an unknown parameter or a value that does not fit.
        EngineError: the engine gave up.
    """
    bindings = query.bindings(values)
    fields = tuple(
        Field(
            parameter.name,
            parameter.kind,
            values.get(parameter.name) or parameter.default,
            _thing(site, bindings[parameter.name]),
        )
        for parameter in query.parameters
    )
    return QueryPage(
        site.iri("query", query.name).value,
        query.name,
        Text(query.summary, "en"),
        Text(query.question, "en"),
        query.text,
        query.tags,
        fields,
        tuple(sorted((name, value) for name, value in values.items() if value)),
        for_readers(solutions.ask(site, query.text, bindings, client=client), set(bindings)),
    )


def for_readers(answer: Solutions, parameters: set[str]) -> Solutions:
    """An answer as a table to read.

    The columns of parameters go, since the form says what they hold, and those with labels too: `?unitLabel`
    becomes the text of the link in `?unit`. Headings are words.
    """
    column = {variable: n for n, variable in enumerate(answer.variables)}
    labelled = {name for name in column if f"{name}Label" in column}
    dropped = parameters | {f"{name}Label" for name in labelled}
    kept = [name for name in column if name not in dropped] or list(column)

    def cell(row: tuple[Value | None, ...], name: str) -> Value | None:
        shown, label = row[column[name]], row[column[f"{name}Label"]] if name in labelled else None
        return replace(shown, text=label.text, language=label.language) if shown and label else shown

    rows = tuple(tuple(cell(row, name) for name in kept) for row in answer.rows)
    return replace(answer, variables=tuple(words(name) for name in kept), rows=rows)


def _thing(site: Site, value: NamedNode | Literal) -> Value | None:
    return terms.value(site, value) if isinstance(value, NamedNode) else None


def overview(site: Site) -> QueriesPage:
    """The list of saved queries."""
    items = []
    for node in names(site):
        query = find(site, node.value.removeprefix(f"{site.base}query/"))
        items.append(QueryItem(terms.value(site, node), query.question, query.tags))
    return QueriesPage(tuple(items))


def overview_graph(site: Site) -> Graph:
    """The descriptions of all saved queries."""
    nodes = [node.value.removeprefix(f"{site.base}query/") for node in names(site)]
    return Graph(f"{site.base}query", tuple(triple for name in nodes for triple in graph(site, name).triples))
