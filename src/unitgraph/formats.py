"""Media types: choosing one of them, and writing an answer in it.

What is written is made from pyoxigraph terms, so that a page, a dump and a SPARQL answer agree to the letter.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from unitgraph.answers import Graph, Table, Term, Truth
from unitgraph.errors import NotAcceptable
from unitgraph.vocab import PREFIXES, RDF_TYPE, curie

HTML = "text/html"
TURTLE = "text/turtle"
N_TRIPLES = "application/n-triples"
RDF_XML = "application/rdf+xml"
JSON_LD = "application/ld+json"
N_QUADS = "application/n-quads"
TRIG = "application/trig"
JSON = "application/json"
CSV = "text/csv"
SVG = "image/svg+xml"
TSV = "text/tab-separated-values"
SPARQL_JSON = "application/sparql-results+json"
SPARQL_XML = "application/sparql-results+xml"
SPARQL_QUERY = "application/sparql-query"
TEXT = "text/plain"
PROBLEM = "application/problem+json"

GRAPHS = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD, N_QUADS, TRIG)  #: what a CONSTRUCT can be written in
SOLUTIONS = (SPARQL_JSON, SPARQL_XML, CSV, TSV)  #: what a SELECT can be written in
TRUTHS = (*SOLUTIONS, TEXT)  #: what an ASK can be written in

RDF_SUFFIXES = {"ttl": TURTLE, "jsonld": JSON_LD, "nt": N_TRIPLES, "rdf": RDF_XML}
DOCUMENT_SUFFIXES = {"html": HTML, **RDF_SUFFIXES, "json": JSON, "csv": CSV}  #: documents about things, lists
SOLUTION_SUFFIXES = {"csv": CSV, "json": SPARQL_JSON, "tsv": TSV, "xml": SPARQL_XML}
QUAD_SUFFIXES = {"trig": TRIG, "nq": N_QUADS, "jsonld": JSON_LD}  #: what keeps graphs apart
GRAPH_SUFFIXES = {**RDF_SUFFIXES, "nq": N_QUADS, "trig": TRIG}

PLAIN = (PREFIXES["rdf"] + "langString", PREFIXES["xsd"] + "string")  #: datatypes that are not written out

#: What clients say when they mean something more exact; asked only where a protocol is known for it.
LOOSE = {
    "application/json": (SPARQL_JSON, JSON_LD),
    "text/xml": (SPARQL_XML, RDF_XML),
    "application/xml": (SPARQL_XML, RDF_XML),
    "text/plain": (N_TRIPLES,),
    "application/turtle": (TURTLE,),
    "application/x-turtle": (TURTLE,),
    "text/n3": (TURTLE,),
    "text/x-nquads": (N_QUADS,),
    "application/x-trig": (TRIG,),
}

_ELEMENT = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+', re.DOTALL)
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"?', re.DOTALL)
_RANGE = re.compile(r"(\*/\*|[\w!#$&^.+-]+/(?:\*|[\w!#$&^.+-]+))\s*(?:;|$)", re.ASCII)
_QUALITY = re.compile(r";\s*q\s*=\s*([^;\s]*)", re.IGNORECASE)
_QVALUE = re.compile(r"0?\.\d+|0\.?|1(\.0*)?", re.ASCII)
_XML_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_XML_FORBIDDEN_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
_XML_NAME_AT_END = re.compile(r"[^\W\d][\w.-]*$")


# Negotiation --------------------------------------------------------------------------------------


def negotiate(accept: str, offered: tuple[str, ...], *, loose: bool = False) -> str:
    """Choose one of the media types on offer.

    Proactive negotiation, RFC 9110 §12.5.1: the most specific range that matches a type gives its quality,
    parameters other than `q` are passed over, of a range given twice the higher quality counts. An absent
    header accepts everything, and so does one in which nothing can be read; among equals the order of
    `offered` decides.

    Args:
        accept: value of the `Accept` header, possibly empty.
        offered: media types, our favourite first.
        loose: read `application/json` and other inexact types as what they stand for in SPARQL clients.

    Raises:
        NotAcceptable: the header rules out everything offered.

    >>> negotiate("text/turtle;q=0.9, text/html;q=0.2", (HTML, TURTLE))
    'text/turtle'
    """
    ranges = _ranges(accept, offered, loose) or {"*/*": 1.0}
    best = max(offered, key=lambda media_type: _quality(media_type, ranges))
    if _quality(best, ranges) == 0:
        raise NotAcceptable(offered)
    return best


def _ranges(accept: str, offered: tuple[str, ...], loose: bool) -> dict[str, float]:
    """Media ranges with their qualities; what is malformed is left out."""
    found: dict[str, float] = {}
    for element in _ELEMENT.findall(accept):
        match = _RANGE.match(element.strip())
        quality = _QUALITY.search(_QUOTED.sub('""', element))
        if not match or (quality and not _QVALUE.fullmatch(quality[1])):
            continue
        media_range = match[1].lower()
        if loose and media_range not in offered:
            media_range = next((t for t in LOOSE.get(media_range, ()) if t in offered), media_range)
        found[media_range] = max(found.get(media_range, 0.0), float(quality[1]) if quality else 1.0)
    return found


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    for media_range in (media_type, media_type.split("/")[0] + "/*", "*/*"):
        if media_range in ranges:
            return ranges[media_range]
    return 0.0


def content_type(media_type: str) -> str:
    """The value of the `Content-Type` header: text says its character set.

    >>> content_type(TURTLE)
    'text/turtle; charset=utf-8'
    """
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


# Writing ------------------------------------------------------------------------------------------


def write(answer: Graph | Table | Truth, media_type: str, prefixes: Mapping[str, str] = PREFIXES) -> bytes:
    """Write an answer in a format; only the prefixes that are used are declared.

    Raises:
        NotAcceptable: the format cannot express this answer.
    """
    if isinstance(answer, Graph):
        return _graph(answer, media_type, prefixes)
    writers: dict[str, Callable[[Any], str]] = _TRUTH if isinstance(answer, Truth) else _TABLE
    if media_type not in writers:
        raise NotAcceptable(tuple(writers))
    return writers[media_type](answer).encode()


def _graph(graph: Graph, media_type: str, prefixes: Mapping[str, str]) -> bytes:
    match media_type:
        case "application/ld+json":
            return _json(_json_ld(graph, prefixes)).encode()
        case "application/json":
            return _json(_record(graph)).encode()
        case "text/csv":
            return _statements_csv(graph).encode()
        case "application/n-triples":
            return b"".join(sorted(_serialized(graph, media_type, {}).splitlines(keepends=True)))
        case "application/rdf+xml":
            _require_xml(graph)
            used = used_prefixes(graph.triples, prefixes)
            return _serialized(graph, media_type, used).replace(b"\r", b"&#13;")  # else read as a line end
    if media_type not in GRAPHS:
        raise NotAcceptable(GRAPHS)
    return _serialized(graph, media_type, used_prefixes(graph.triples, prefixes))


def write_quads(quads: Sequence[Quad], media_type: str, prefixes: Mapping[str, str] = PREFIXES) -> bytes:
    """Write quads in a format that keeps their graphs apart, one of `QUAD_SUFFIXES`."""
    used = used_prefixes((quad.triple for quad in quads), prefixes) if media_type == TRIG else {}
    return serialize(quads, format=RdfFormat.from_media_type(media_type), prefixes=used) or b""


def _serialized(graph: Graph, media_type: str, prefixes: Mapping[str, str]) -> bytes:
    rdf = RdfFormat.from_media_type(media_type)
    return serialize(graph.triples, format=rdf, prefixes=dict(prefixes)) or b""


def used_prefixes(triples: Iterable[Triple], prefixes: Mapping[str, str]) -> dict[str, str]:
    """The prefixes whose namespace is that of a term in these triples, in order of their names."""
    seen = set()
    for triple in triples:
        for term in (triple.subject, triple.predicate, triple.object):
            if isinstance(term, NamedNode) and term != RDF_TYPE:
                seen.add(_namespace(term.value))
            elif isinstance(term, Literal) and term.datatype.value not in PLAIN:
                seen.add(_namespace(term.datatype.value))
    return {name: prefixes[name] for name in sorted(prefixes) if prefixes[name] in seen}


def _namespace(iri: str) -> str:
    return iri[: max(iri.rfind("#"), iri.rfind("/")) + 1]


def _require_xml(graph: Graph) -> None:
    """RDF/XML has no way to write some characters, and predicates that end in no XML name."""
    for triple in graph.triples:
        value = triple.object
        element = value if triple.predicate == RDF_TYPE and isinstance(value, NamedNode) else triple.predicate
        impossible = not _XML_NAME_AT_END.search(element.value) or isinstance(value, Triple)
        if impossible or (isinstance(value, Literal) and _XML_FORBIDDEN.search(value.value)):
            raise NotAcceptable(tuple(media_type for media_type in GRAPHS if media_type != RDF_XML))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


# JSON-LD 1.1, compact, its context inside ---------------------------------------------------------


Short = Callable[[NamedNode | BlankNode], str]


def _json_ld(graph: Graph, prefixes: Mapping[str, str]) -> dict[str, Any]:
    """JSON-LD 1.1, compact: its context is inside, so that nothing has to be fetched to read it.

    A property whose values are all of one sort (IRIs, texts in languages, one datatype) says so once, in the
    context, and its values are plain strings.
    """
    context: dict[str, Any] = dict(used_prefixes(graph.triples, prefixes))
    for scheme in {iri.partition(":")[0] for iri in _iris(graph)}:
        context.pop(scheme, None)  # urn:x would be read as a prefixed name if "urn" were a prefix
    names = {namespace: prefix for prefix, namespace in context.items()}

    def short(node: NamedNode | BlankNode) -> str:
        if isinstance(node, BlankNode):
            return str(node)
        namespace = _namespace(node.value)
        prefix, local = names.get(namespace), node.value[len(namespace) :]
        return f"{prefix}:{local}" if prefix and local else node.value

    nodes: dict[str, dict[str, Any]] = {}
    sorts: dict[str, set[tuple[str, str]]] = {}
    for triple in graph.triples:
        if isinstance(triple.subject, Triple) or isinstance(triple.object, Triple):
            raise NotAcceptable((TURTLE, N_TRIPLES))
        node = nodes.setdefault(short(triple.subject), {"@id": short(triple.subject)})
        if triple.predicate == RDF_TYPE and not isinstance(triple.object, Literal):
            node.setdefault("@type", []).append(short(triple.object))
        else:
            name = short(triple.predicate)
            node.setdefault(name, []).append(triple.object)
            sorts.setdefault(name, set()).add(_sort(triple.object, short))
    terms = {name: kinds.pop() for name, kinds in sorts.items() if len(kinds) == 1}
    context |= {name: {key: value} for name, (key, value) in sorted(terms.items()) if key}
    return {"@context": context, "@graph": [_json_ld_node(node, terms, short) for node in nodes.values()]}


def _sort(value: Term, short: Short) -> tuple[str, str]:
    """What a context says of a property with such values: a keyword of JSON-LD and its value; of plain ones nothing."""
    if not isinstance(value, Literal):
        return ("@type", "@id")
    if value.language:
        return ("@container", "@language")
    if value.datatype.value == PREFIXES["xsd"] + "string":
        return ("", "")
    return ("@type", short(value.datatype))


def _json_ld_node(node: Mapping[str, Any], terms: Mapping[str, tuple[str, str]], short: Short) -> dict[str, Any]:
    """A node with its values in the way that the context says."""
    said: dict[str, Any] = {}
    for name, values in node.items():
        if name in ("@id", "@type"):
            said[name] = values
        elif terms.get(name) == ("@container", "@language"):
            by_language: dict[str, Any] = {}
            for value in values:
                by_language.setdefault(value.language, []).append(value.value)
            said[name] = _unlisted(by_language)
        elif name in terms:
            said[name] = [value.value if isinstance(value, Literal) else short(value) for value in values]
        else:
            said[name] = [_json_ld_value(value, short) for value in values]
    return _unlisted(said)


def _json_ld_value(value: Term, short: Short) -> str | dict[str, str]:
    if not isinstance(value, Literal):
        return {"@id": short(value)}  # type: ignore[arg-type]
    if value.language:
        return {"@value": value.value, "@language": value.language}
    if value.datatype.value == PREFIXES["xsd"] + "string":
        return value.value
    return {"@value": value.value, "@type": short(value.datatype)}


def _unlisted(node: dict[str, Any]) -> dict[str, Any]:
    return {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in node.items()}


def _iris(graph: Graph) -> Iterable[str]:
    for triple in graph.triples:
        for term in (triple.subject, triple.predicate, triple.object):
            if isinstance(term, NamedNode):
                yield term.value


# Records for programs and spreadsheets that do not speak RDF --------------------------------------


def _record(graph: Graph) -> dict[str, Any]:
    """A plain record: the subject's properties, and the statements about it with theirs."""
    nodes: dict[str, dict[str, list[Any]]] = {graph.subject: {}}
    for triple in graph.triples:
        properties = nodes.setdefault(_text(triple.subject), {})
        properties.setdefault(curie(triple.predicate.value), []).append(_record_value(triple.object))
    properties = nodes.pop(graph.subject)
    return {
        "iri": graph.subject,
        "properties": properties,
        "statements": [{"iri": iri, "properties": properties} for iri, properties in nodes.items()],
    }


def _record_value(term: Term) -> dict[str, str]:
    if not isinstance(term, Literal):
        return {"iri": _text(term)}
    if term.language:
        return {"value": term.value, "language": term.language}
    return {"value": term.value, "datatype": curie(term.datatype.value)}


def _statements_csv(graph: Graph) -> str:
    """One statement a line; the datatype of a value that is an IRI is `iri`."""
    rows = [("subject", "property", "value", "language", "datatype")]
    for triple in graph.triples:
        value = triple.object
        language, datatype = "", "iri"
        if isinstance(value, Literal):
            language, datatype = value.language or "", curie(value.datatype.value)
        rows.append((_text(triple.subject), curie(triple.predicate.value), _text(value), language, datatype))
    return _csv(rows)


def _text(term: Term | None) -> str:
    if term is None:
        return ""
    return term.value if isinstance(term, (NamedNode, Literal)) else str(term)


def _csv(rows: Iterable[Iterable[str]]) -> str:
    """RFC 4180: commas, CRLF, quotes where needed."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


# SPARQL results -----------------------------------------------------------------------------------


def _table_json(table: Table) -> str:
    """SPARQL 1.1 Query Results JSON Format §3."""
    bindings = [
        {name: _json_term(term) for name, term in zip(table.variables, row, strict=True) if term is not None}
        for row in table.solutions
    ]
    return _json({"head": {"vars": list(table.variables)}, "results": {"bindings": bindings}})


def _json_term(term: Term) -> dict[str, str]:
    if isinstance(term, NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, Literal):
        return {"type": "literal", "value": term.value} | _json_literal(term)
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    raise NotAcceptable((TSV,))


def _json_literal(literal: Literal) -> dict[str, str]:
    if literal.language:
        return {"xml:lang": literal.language}
    if literal.datatype.value == PREFIXES["xsd"] + "string":
        return {}
    return {"datatype": literal.datatype.value}


def in_xml(data: bytes) -> bytes:
    """A part of results in XML as it can be sent: a carriage return would be read as a line end.

    Raises:
        NotAcceptable: it has characters that XML cannot hold.
    """
    if _XML_FORBIDDEN_BYTES.search(data):
        raise NotAcceptable((SPARQL_JSON, CSV, TSV))
    return data.replace(b"\r", b"&#13;")


def _table_xml(table: Table) -> str:
    """SPARQL Query Results XML Format (Second Edition) §2."""
    head = "".join(f"<variable name={quoteattr(name)}/>" for name in table.variables)
    results = []
    for row in table.solutions:
        pairs = [(n, t) for n, t in zip(table.variables, row, strict=True) if t is not None]
        bindings = "".join(f"<binding name={quoteattr(n)}>{_xml_term(term)}</binding>" for n, term in pairs)
        results.append(f"<result>{bindings}</result>\n")
    return _xml(f"<head>{head}</head>\n<results>\n{''.join(results)}</results>")


def _xml(inside: str) -> str:
    if _XML_FORBIDDEN.search(inside):
        raise NotAcceptable((SPARQL_JSON, CSV, TSV))
    namespace = "http://www.w3.org/2005/sparql-results#"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<sparql xmlns="{namespace}">\n{inside}\n</sparql>\n'


def _xml_term(term: Term) -> str:
    value = escape(_text(term), {"\r": "&#13;"})
    if isinstance(term, NamedNode):
        return f"<uri>{value}</uri>"
    if isinstance(term, BlankNode):
        return f"<bnode>{escape(term.value)}</bnode>"
    if not isinstance(term, Literal):
        raise NotAcceptable((TSV,))
    if term.language:
        return f"<literal xml:lang={quoteattr(term.language)}>{value}</literal>"
    if term.datatype.value == PREFIXES["xsd"] + "string":
        return f"<literal>{value}</literal>"
    return f"<literal datatype={quoteattr(term.datatype.value)}>{value}</literal>"


def _table_csv(table: Table) -> str:
    """SPARQL 1.1 Query Results CSV §3: values only."""
    return _csv([table.variables, *([_text(term) for term in row] for row in table.solutions)])


def _table_tsv(table: Table) -> str:
    """SPARQL 1.1 Query Results TSV §4: terms as in Turtle."""
    rows = [[f"?{name}" for name in table.variables]]
    rows += [["" if term is None else _tsv_term(term) for term in row] for row in table.solutions]
    return "".join("\t".join(row) + "\n" for row in rows)


def _tsv_term(term: Term) -> str:
    return str(term).replace("\t", "\\t")


def _table_records(table: Table) -> str:
    """A list of plain objects, unbound variables left out."""
    return _json(
        [
            {name: _text(term) for name, term in zip(table.variables, row, strict=True) if term is not None}
            for row in table.solutions
        ]
    )


_TABLE: dict[str, Any] = {
    SPARQL_JSON: _table_json,
    SPARQL_XML: _table_xml,
    CSV: _table_csv,
    TSV: _table_tsv,
    JSON: _table_records,
}
_TRUTH: dict[str, Any] = {
    SPARQL_JSON: lambda truth: _json({"head": {}, "boolean": truth.value}),
    SPARQL_XML: lambda truth: _xml(f"<head/>\n<boolean>{str(truth.value).lower()}</boolean>"),
    CSV: lambda truth: f"{str(truth.value).lower()}\r\n",
    TSV: lambda truth: f"{str(truth.value).lower()}\n",
    JSON: lambda truth: _json(truth.value),
}
