"""SHACL shapes and hygiene queries judge the sources; the outcome is a report.

The shapes are standard SHACL (Shapes Constraint Language, W3C 2017). pyshacl judges the core constraints;
each `sh:sparql` constraint runs once over the whole store instead of once per focus node, which gives the
same results in a fraction of the time (a test compares both).
"""

from __future__ import annotations

import difflib
import hashlib
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, QuerySolutions, Store, Triple

from unitgraph import queries
from unitgraph.answers import Term
from unitgraph.errors import SourceError
from unitgraph.queries import SEVERITIES, SavedQuery
from unitgraph.sources import Sources
from unitgraph.vocab import GENID, PREFIXES, RDF_TYPE, UG, curie, term

if TYPE_CHECKING:
    import rdflib

SH = PREFIXES["sh"]


@dataclass(frozen=True, order=True)
class Result:
    """One finding (SHACL §3.6.2): where it is, what it says, which shape or check says so."""

    severity: str
    path: str
    line: int
    message: str
    focus_node: str
    result_path: str
    value: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity}: {self.message} ({curie(self.source)})"

    @property
    def key(self) -> str:
        """What makes it the same finding from one run to the next, whatever its line."""
        return hashlib.sha256(
            "\t".join((self.source, self.focus_node, self.result_path, self.value)).encode()
        ).hexdigest()[:16]


@dataclass(frozen=True)
class Report:
    """All findings, the gravest first."""

    results: tuple[Result, ...]

    def count(self, severity: str) -> int:
        return sum(result.severity == severity for result in self.results)

    @property
    def conforms(self) -> bool:
        """Nothing of severity Violation: the sources may become a release."""
        return not self.count("Violation")

    def triples(self, report: NamedNode) -> Iterator[Triple]:
        """The report as RDF (SHACL §3.6), named `report`, its results below it."""
        yield Triple(report, RDF_TYPE, term("sh:ValidationReport"))
        yield Triple(report, term("sh:conforms"), Literal(not self.results))
        for result in self.results:
            node = NamedNode(f"{report.value}#result-{result.key}")
            yield Triple(report, term("sh:result"), node)
            yield Triple(node, RDF_TYPE, term("sh:ValidationResult"))
            yield Triple(node, term("sh:resultSeverity"), NamedNode(SH + result.severity))
            yield Triple(node, term("sh:resultMessage"), Literal(result.message, language="en"))
            yield Triple(node, term("sh:focusNode"), NamedNode(result.focus_node))
            yield Triple(node, term("sh:sourceShape"), NamedNode(result.source))
            if result.result_path:
                yield Triple(node, term("sh:resultPath"), NamedNode(result.result_path))


@dataclass(frozen=True)
class Constraint:
    """A `sh:sparql` constraint of a node shape, as one query over the whole store."""

    source: str
    shape: str
    target: str
    severity: str
    message: str
    text: str


class Checker:
    """The shapes and checks of one set of sources, ready to judge its data."""

    def __init__(self, sources: Sources, store: Store) -> None:
        self.sources, self.store = sources, store
        self.flat = Store()
        self.flat.bulk_extend(Quad(q.subject, q.predicate, q.object) for q in sources.quads("ontology", "data"))
        self.shapes = Store()
        self.shapes.bulk_extend(Quad(q.subject, q.predicate, q.object) for q in sources.quads("shapes"))

    def report(self) -> Report:
        """Every finding of the shapes and the hygiene queries, each once, located in its file."""
        found = {*self.core(), *self.sparql(), *self.hygiene()}
        return Report(tuple(sorted(found, key=lambda r: (SEVERITIES.index(r.severity), r))))

    # SHACL core, by pyshacl ------------------------------------------------------------------------------

    def core(self) -> Iterator[Result]:
        """The results of the core constraints."""
        shapes = [q for q in self.shapes if q.predicate.value != SH + "sparql"]
        for quad in self.shapes.quads_for_pattern(None, term("sh:pattern"), None):
            try:
                re.compile(_iri(quad.object))
            except re.error as error:
                where = self.sources.locate(_iri(quad.subject), SH + "pattern", _iri(quad.object))
                raise SourceError(*where, f"sh:pattern is no regular expression: {error}") from error
        try:
            report = shacl(self.flat, shapes)
        except Exception as error:
            raise self._broken_shape(shapes) or error from error
        yield from self.results(report)

    def _broken_shape(self, shapes: list[Quad]) -> SourceError | None:
        """The shape that the validator could not work with, found by trying each alone."""
        node, target = NamedNode("urn:unitgraph:probe"), term("sh:targetNode")
        parts = [quad for quad in shapes if _iri(quad.subject).startswith(GENID)]
        for subject in sorted({_iri(quad.subject) for quad in shapes} - {_iri(quad.subject) for quad in parts}):
            own = [quad for quad in shapes if _iri(quad.subject) == subject and quad.predicate != term("sh:property")]
            if not any(quad.predicate == RDF_TYPE and "Shape" in _iri(quad.object) for quad in own):
                continue
            try:
                shacl([Quad(node, RDF_TYPE, node)], [*own, *parts, Quad(NamedNode(subject), target, node)])
            except Exception as error:
                message = re.sub(r"\s+", " ", str(error)).split(" For reference")[0]
                named = re.search(r"sh:(\w+)", message)
                where = self.sources.locate(subject, SH + named[1] if named else None)
                return SourceError(*where, f"the shape {curie(subject)} cannot be used: {message}")
        return None

    def results(self, graph: rdflib.Graph) -> Iterator[Result]:
        """The results in a report that pyshacl gave."""
        from rdflib import SH as TERMS
        from rdflib import BNode

        for node in graph.subjects(TERMS.focusNode):
            focus = str(graph.value(node, TERMS.focusNode))
            path, value = graph.value(node, TERMS.resultPath), graph.value(node, TERMS.value)
            if isinstance(path, BNode):
                path = None  # a path that is no property has no name to report
            source = graph.value(node, TERMS.sourceConstraint) or graph.value(node, TERMS.sourceShape)
            name = f"{GENID}{source}" if isinstance(source, BNode) else str(source)
            severity = str(graph.value(node, TERMS.resultSeverity))[len(SH) :]
            messages = sorted(str(message) for message in graph.objects(node, TERMS.resultMessage))
            lexical = None if value is None else str(value)
            yield self._result(severity, focus, str(path or ""), lexical, messages[0], name)

    # SPARQL-based constraints (SHACL §5), one query each ---------------------------------------------------

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """Every `sh:sparql` constraint.

        Raises:
            SourceError: a constraint that is not directly on a node shape with `sh:targetClass`.
        """
        found = []
        for quad in self.shapes.quads_for_pattern(None, term("sh:sparql"), None):
            shape, node = quad.subject, quad.object
            target = self._shape_value(shape, "sh:targetClass")
            select = self._shape_value(node, "sh:select")
            if not target or "$this" not in select:
                path, line = self.sources.locate(str(getattr(shape, "value", "")))
                message = "sh:sparql stands directly on a node shape with sh:targetClass, and its SELECT uses $this"
                raise SourceError(path, line, message)
            severity = self._shape_value(shape, "sh:severity") or SH + "Violation"
            message = self._shape_value(node, "sh:message") or self._shape_value(shape, "sh:message")
            found.append(
                Constraint(
                    _iri(node),
                    _iri(shape),
                    target,
                    severity[len(SH) :],
                    message,
                    self._prefixes(node) + select,
                )
            )
        return tuple(sorted(found, key=lambda c: c.source))

    def sparql(self) -> Iterator[Result]:
        """The results of the SPARQL-based constraints."""
        for constraint in self.constraints:
            classes = " ".join(f"<{c}>" for c in self._subclasses(constraint.target))
            scope = f"{{ SELECT DISTINCT ?this WHERE {{ VALUES ?targetClass {{ {classes} }} ?this a ?targetClass }} }}"
            select, _, rest = constraint.text.replace("$this", "?this").partition("{")
            try:
                solutions = self.flat.query(f"{select}{{ {scope} {rest}")
            except SyntaxError as error:
                where = self.sources.locate(constraint.source, SH + "select")
                told = queries.syntax_error(error, constraint.text)
                raise SourceError(*where, f"sh:select is no SPARQL: {told}") from error
            assert isinstance(solutions, QuerySolutions)
            names = {variable.value for variable in solutions.variables}
            for solution in solutions:
                row = {name: solution[name] for name in names if solution[name] is not None}
                value = row.get("value", row["this"])
                path = row.get("path")
                yield self._result(
                    constraint.severity,
                    _iri(row["this"]),
                    _iri(path) if path else "",
                    value,
                    _filled(constraint.message, row),
                    constraint.source,
                )

    def _shape_value(self, subject: Term, predicate: str) -> str:
        quads = self.shapes.quads_for_pattern(subject, term(predicate), None)  # type: ignore[arg-type]
        return min((str(getattr(quad.object, "value", "")) for quad in quads), default="")

    def _prefixes(self, constraint: Term) -> str:
        lines = []
        for quad in self.shapes.quads_for_pattern(constraint, term("sh:prefixes"), None):  # type: ignore[arg-type]
            for declared in self.shapes.quads_for_pattern(quad.object, term("sh:declare"), None):  # type: ignore[arg-type]
                prefix = self._shape_value(declared.object, "sh:prefix")
                lines.append(f"PREFIX {prefix}: <{self._shape_value(declared.object, 'sh:namespace')}>")
        return "\n".join(sorted(lines)) + "\n"

    def _subclasses(self, target: str) -> list[str]:
        found, waiting = {target}, [target]
        while waiting:
            for quad in self.flat.quads_for_pattern(None, term("rdfs:subClassOf"), NamedNode(waiting.pop())):
                name = _iri(quad.subject)
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return sorted(found)

    # Hygiene queries ---------------------------------------------------------------------------------------

    def hygiene(self) -> Iterator[Result]:
        """The findings of `ontology/checks/*.rq`, each asked once over the whole store."""
        for check in queries.read_folder(self.sources.root / "ontology" / "checks"):
            yield from self._findings(check)

    def _findings(self, check: SavedQuery) -> Iterator[Result]:
        solutions = self.store.query(check.text, use_default_graph_as_union=True)
        assert isinstance(solutions, QuerySolutions)
        names = {variable.value for variable in solutions.variables}
        for solution in solutions:
            row = {name: solution[name] for name in names if solution[name] is not None}
            value, path = row.get("value"), row.get("path")
            if not isinstance(row.get("this"), NamedNode):
                raise SourceError(f"ontology/checks/{check.name}.rq", 1, "?this is not an IRI in every solution")
            message = _filled(check.get("message"), row)
            if near := self._nearest(value):
                message = f"{message} Did you mean {near}?"
            severity = check.get("severity") or "Violation"
            source = f"{UG}check-{check.name}"
            yield self._result(severity, _iri(row["this"]), _iri(path) if path else "", value, message, source)

    def _nearest(self, value: Term | None) -> str:
        """The nearest known term, or thing of the same kind, for an IRI that nothing is known of."""
        if not isinstance(value, NamedNode) or value.value in self.sources.by_subject:
            return ""
        namespace, mark, local = re.split(r"([/#])(?=[^/#]*$)", value.value)
        known = self._known.get(namespace + mark, ())
        near = difflib.get_close_matches(local, known, n=1, cutoff=0.7)
        return curie(namespace + mark + near[0]).removeprefix(self.sources.base) if near else ""

    @cached_property
    def _known(self) -> dict[str, list[str]]:
        """The local names of our terms and things, by what stands before them."""
        found: dict[str, list[str]] = {}
        for subject in sorted(self.sources.by_subject):
            if subject.startswith((UG, self.sources.base)) and not subject.endswith(("/", "#")):
                namespace, mark, local = re.split(r"([/#])(?=[^/#]*$)", subject)
                found.setdefault(namespace + mark, []).append(local)
        return found

    # ---------------------------------------------------------------------------------------------------------

    def _result(self, severity: str, focus: str, path: str, value: Any, message: str, source: str) -> Result:
        lexical = "" if value is None else str(getattr(value, "value", value))
        if severity not in SEVERITIES:
            where = self.sources.locate(source, SH + "severity")
            raise SourceError(*where, f"sh:severity of {curie(source)} is one of sh:{', sh:'.join(SEVERITIES)}")
        file, line = self.sources.locate(focus, path or None, lexical or None)
        message = re.sub(r"\s+", " ", message).strip().replace(self.sources.base, "")
        return Result(severity, file, line, message, focus, path, lexical, source)


def shacl(data: Iterable[Quad], shapes: Iterable[Quad]) -> rdflib.Graph:
    """The report of pyshacl, without inference, over rdflib graphs in memory.

    Never over a store: pyshacl reports false violations there.
    """
    import pyshacl
    import rdflib

    logging.getLogger("pyshacl-validate").disabled = True  # what it raises says enough
    _, graph, _ = pyshacl.validate(rdflib_graph(data), shacl_graph=rdflib_graph(shapes), inference="none")
    assert isinstance(graph, rdflib.Graph)
    return graph


def rdflib_graph(quads: Iterable[Quad]) -> rdflib.Graph:
    """The triples of quads as an rdflib graph, every literal as it is written.

    What was a blank node in a shapes file is one again: a path may not have an IRI (SHACL §2.3.1).
    """
    import rdflib

    def convert(node: Term) -> Any:
        if isinstance(node, NamedNode):
            return rdflib.BNode(node.value[len(GENID) :]) if node.value.startswith(GENID) else rdflib.URIRef(node.value)
        if isinstance(node, BlankNode):
            return rdflib.BNode(node.value)
        assert isinstance(node, Literal)
        if node.language:
            return rdflib.Literal(node.value, lang=node.language)
        datatype = None if node.datatype.value == PREFIXES["xsd"] + "string" else rdflib.URIRef(node.datatype.value)
        return rdflib.Literal(node.value, datatype=datatype, normalize=False)

    graph = rdflib.Graph()
    for quad in quads:
        graph.add((convert(quad.subject), convert(quad.predicate), convert(quad.object)))
    return graph


def _iri(node: Term | None) -> str:
    return str(getattr(node, "value", ""))


def _filled(message: str, row: dict[str, Term]) -> str:
    """A message with `{?name}`, `{$name}` or `{name}` replaced by what was found."""
    return re.sub(r"\{[?$]?(\w+)\}", lambda m: curie(_iri(row[m[1]])) if m[1] in row else m[0], message)
