"""Questions from the command line: to a release at hand, or to an endpoint far away."""

from __future__ import annotations

import difflib
import io
import sys
from collections.abc import Mapping
from pathlib import Path

from pyoxigraph import (
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Variable,
    parse,
    parse_query_results,
)

from unitgraph import formats, queries
from unitgraph.answers import Graph, Term
from unitgraph.engine.remote import with_values
from unitgraph.errors import EngineUnavailable, QueryFailed, QuerySyntaxError, UsageError
from unitgraph.queries import SavedQuery
from unitgraph.release import Release
from unitgraph.vocab import PREFIXES, curie

TABLES = {
    "table": "",
    "csv": formats.CSV,
    "tsv": formats.TSV,
    "json": formats.SPARQL_JSON,
    "xml": formats.SPARQL_XML,
}
GRAPHS = {
    "turtle": formats.TURTLE,
    "ntriples": formats.N_TRIPLES,
    "jsonld": formats.JSON_LD,
    "rdfxml": formats.RDF_XML,
}


def find(text: str, root: Path | None) -> SavedQuery:
    """The query that is meant: `-` for standard input, a file, a saved query's name, or SPARQL itself.

    Raises:
        UsageError: it is none of these.
    """
    if text == "-":
        return queries.parse("-", sys.stdin.read())
    if text.endswith(".rq") or ("\n" not in text and len(text) < 200 and Path(text).is_file()):
        try:
            return queries.parse(Path(text).stem, Path(text).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read {text}: {error}") from error
    if queries.query_form(text):
        return queries.parse("text", text)
    saved = root / "queries" / f"{text}.rq" if root else None
    if saved and saved.is_file():
        return queries.parse(text, saved.read_text("utf-8"))
    names = [path.stem for path in (root / "queries").glob("*.rq")] if root else []
    near = difflib.get_close_matches(text, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "`unitgraph query` lists the saved queries"
    raise UsageError(f"{text[:60]!r} is no saved query, no file and no SPARQL; {hint}")


def local(release: Release, query: SavedQuery, values: dict[str, str], form: str | None) -> bytes:
    """Ask a release on this machine, in this process, without limits.

    Raises:
        QuerySyntaxError: the query is not SPARQL.
        UsageError: the format does not fit the form of the query.
    """
    bindings = _rebased(query.bindings(values), release)
    try:
        answer = release.store.query(
            query.text.replace(f"<{release.manifest.canonical_base}", f"<{release.base}"),
            use_default_graph_as_union=True,
            substitutions={Variable(name): value for name, value in bindings.items()},
            prefixes=PREFIXES,
        )
    except SyntaxError as error:
        raise queries.syntax_error(error, query.text) from error
    except RuntimeError as error:
        raise QueryFailed(str(error)) from error
    if isinstance(answer, (QuerySolutions, QueryBoolean)):
        media_type = _media_type(form, TABLES, "table")
        if media_type:
            return answer.serialize(format=QueryResultsFormat.from_media_type(media_type)) or b""
        return _table(answer, release.base)
    media_type = _media_type(form, GRAPHS, "turtle")
    return formats.write(Graph("", tuple(answer)), media_type)


def remote(endpoint: str, query: SavedQuery, values: dict[str, str], form: str | None) -> bytes:
    """Ask a SPARQL endpoint, through SPARQLWrapper.

    Raises:
        EngineUnavailable: it does not answer.
        QuerySyntaxError, QueryFailed: it refused, or broke off.
    """
    from urllib.error import HTTPError, URLError

    import SPARQLWrapper

    wrapper = SPARQLWrapper.SPARQLWrapper(endpoint, agent="unitgraph")
    wrapper.setMethod(SPARQLWrapper.POST)
    wrapper.setQuery(with_values(query.text, query.bindings(values)))
    is_table = query.form in ("SELECT", "ASK")
    media_type = _media_type(form, TABLES, "table") if is_table else _media_type(form, GRAPHS, "turtle")
    wrapper.setReturnFormat(SPARQLWrapper.JSON if is_table else SPARQLWrapper.TURTLE)
    try:
        data = wrapper.query().response.read()
    except SPARQLWrapper.SPARQLExceptions.QueryBadFormed as error:
        raise QuerySyntaxError(str(error)) from error
    except (HTTPError, SPARQLWrapper.SPARQLExceptions.SPARQLWrapperException) as error:
        raise QueryFailed(f"{endpoint} says: {error}") from error
    except (URLError, OSError) as error:
        raise EngineUnavailable(f"{endpoint} does not answer: {error}") from error
    try:
        if is_table:
            answer = parse_query_results(io.BytesIO(data), format=QueryResultsFormat.JSON)
            results = QueryResultsFormat.from_media_type(media_type) if media_type else None
            return (answer.serialize(format=results) or b"") if results else _table(answer)
        quads = parse(data, format=RdfFormat.TURTLE)
        return formats.write(Graph("", tuple(quad.triple for quad in quads)), media_type)
    except SyntaxError as error:
        raise QueryFailed(f"{endpoint} answers with something else than it says: {error.msg}") from error


def listing(root: Path) -> bytes:
    """The saved queries, a line each."""
    found = queries.read_folder(root / "queries")
    width = max((len(query.name) for query in found), default=0)
    return "".join(f"{query.name:<{width}}  {query.summary}\n" for query in found).encode()


def _media_type(form: str | None, offered: dict[str, str], default: str) -> str:
    name = form or default
    if name not in offered:
        raise UsageError(f"--format {name} does not fit this query; use one of {', '.join(offered)}")
    return offered[name]


def _rebased(bindings: Mapping[str, Term], release: Release) -> dict[str, Term]:
    old, new = release.manifest.canonical_base, release.base
    return {
        name: NamedNode(value.value.replace(old, new, 1)) if isinstance(value, NamedNode) else value
        for name, value in bindings.items()
    }


def _table(answer: QuerySolutions | QueryBoolean, base: str = "") -> bytes:
    """A table for people: as wide as the terminal, IRIs shortened by prefixes and below `base`."""
    if isinstance(answer, QueryBoolean):
        return b"yes\n" if answer else b"no\n"
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=False)
    names = [variable.value for variable in answer.variables]
    for name in names:
        table.add_column(name, overflow="fold")
    count = 0
    for solution in answer:
        count += 1
        table.add_row(*(_cell(solution[name], base) for name in names))
    buffer = io.StringIO()
    console = Console(file=buffer, width=None if sys.stdout.isatty() else 200)
    console.print(table, markup=False)
    return f"{buffer.getvalue()}{count} {'solution' if count == 1 else 'solutions'}\n".encode()


def _cell(term: Term | None, base: str) -> str:
    from rich.markup import escape

    value = "" if term is None else str(getattr(term, "value", term))
    if base and isinstance(term, NamedNode) and value.startswith(base):
        return escape(value[len(base) :] or value)
    return escape(curie(value) if value.startswith(tuple(PREFIXES.values())) else value)
