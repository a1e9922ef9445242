"""The validation report of the release: what was found, in plain words and as RDF."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode, Triple

from unitgraph.answers import Graph, Term
from unitgraph.resources import terms
from unitgraph.resources.terms import Value
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, term

SEVERITIES = ("Violation", "Warning", "Info")
MAX_FOCUS = 200  #: things named below one finding


@dataclass(frozen=True)
class Finding:
    """One shape or check that found something, the things it found it in, and how many more."""

    severity: str
    message: str
    language: str | None
    source: Value
    things: tuple[Value, ...]
    count: int


@dataclass(frozen=True)
class ReportPage:
    """The findings, gravest first; counts by severity."""

    iri: str
    findings: tuple[Finding, ...]
    counts: tuple[tuple[str, int], ...]


def graph(site: Site) -> Graph:
    """The report as RDF (SHACL §3.6)."""
    iri = f"{site.base}report"
    quads = site.store.quads_for_pattern(None, None, None, terms.report_graph(site))
    found: dict[Term, set[Triple]] = {}
    for quad in quads:
        found.setdefault(quad.subject, set()).add(Triple(quad.subject, quad.predicate, quad.object))
    triples = [t for node in sorted(found, key=str) for t in terms.ordered(site, found[node])]
    return Graph(iri, tuple(terms.without_genids(triples)))


def page(site: Site) -> ReportPage:
    """The report for people: each message once, with the things it is about."""
    found: dict[tuple[int, str, str | None, str], list[NamedNode]] = {}
    results = site.store.quads_for_pattern(None, term("sh:resultSeverity"), None, terms.report_graph(site))
    for quad in results:
        node = quad.subject
        if isinstance(node, NamedNode) and isinstance(quad.object, NamedNode):
            severity = quad.object.value.removeprefix(PREFIXES["sh"])
            rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
            message = terms.text(site, node, term("sh:resultMessage")) or terms.Text("")
            source = next(iter(terms.objects(site, node, term("sh:sourceShape"))), None)
            iri = source.value if isinstance(source, NamedNode) else ""
            focus = [f for f in terms.objects(site, node, term("sh:focusNode")) if isinstance(f, NamedNode)]
            found.setdefault((rank, message.value, message.language, iri), []).extend(focus)
    findings = tuple(_finding(site, *key, found[key]) for key in sorted(found, key=lambda k: (k[0], k[3], k[1])))
    counts = tuple((s, sum(f.count for f in findings if f.severity == s)) for s in SEVERITIES)
    return ReportPage(f"{site.base}report", findings, counts)


def _finding(site: Site, rank: int, message: str, language: str | None, source: str, focus: list[NamedNode]) -> Finding:
    severity = (*SEVERITIES, "Other")[rank]
    shape = terms.value(site, NamedNode(source)) if source else Value("")
    shown = sorted(focus, key=lambda node: node.value)[:MAX_FOCUS]
    return Finding(severity, message, language, shape, terms.values(site, shown), len(focus))
