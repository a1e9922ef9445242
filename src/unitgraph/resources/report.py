"""The validation report of the release: what was checked, what was found in plain words, and the same as RDF."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from pyoxigraph import NamedNode, Triple

from unitgraph.answers import Graph, Term
from unitgraph.resources import listing, terms
from unitgraph.resources.shapes import shapes
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, UG, UGS, curie, term

SEVERITIES = ("Violation", "Warning", "Info")
MAX_RESULTS = 10_000  #: findings that are looked at for a page
MAX_FOCUS = 100  #: things named below one finding
CHECK = f"{UG}check-"  #: before the name of a hygiene query, which is a file and no shape


#: Results and their focus nodes, by severity, message and shape.
Found = dict[tuple[str, Text, str], list[tuple[NamedNode, NamedNode]]]


@dataclass(frozen=True)
class Place:
    """A thing in which something was found, and the graph that is the file to mend it in, if there is one.

    `id` is the fragment of the result's IRI.
    """

    id: str
    thing: Value
    file: Value | None


@dataclass(frozen=True)
class Finding:
    """One shape or check that found something, the first things it found it in, and how many there are.

    `source` is the shape, linked to its sentence; of a check, its name without a link.
    """

    message: Text
    source: Value
    places: tuple[Place, ...]
    count: int

    @property
    def more(self) -> int:
        """How many things are not named."""
        return self.count - len(self.places)


@dataclass(frozen=True)
class Severity:
    """The findings of one severity (`name` is its local name in SHACL), and how many results they stand for."""

    name: str
    findings: tuple[Finding, ...]
    count: int


@dataclass(frozen=True)
class ReportPage:
    """What was checked, in numbers, and what was found, gravest first; `cut` if not all results were looked at."""

    iri: str
    shapes: int
    demands: int
    queries: int
    things: int
    severities: tuple[Severity, ...]
    cut: bool

    @property
    def count(self) -> int:
        """How many results there are in all."""
        return sum(severity.count for severity in self.severities)


def graph(site: Site) -> Graph:
    """The report as RDF (SHACL §3.6)."""
    iri = f"{site.base}report"
    quads = site.store.quads_for_pattern(None, None, None, terms.report_graph(site))
    found: dict[Term, set[Triple]] = {}
    for quad in quads:
        found.setdefault(quad.subject, set()).add(Triple(quad.subject, quad.predicate, quad.object))
    triples = [t for node in sorted(found, key=str) for t in terms.ordered(site, found[node])]
    return Graph(iri, tuple(terms.without_genids(triples)))


@lru_cache(maxsize=8)
def page(site: Site) -> ReportPage:
    """The report for people: each message once, with the things it is about."""
    found: Found = {}
    results = site.store.quads_for_pattern(None, term("sh:resultSeverity"), None, terms.report_graph(site))
    looked_at = list(islice(results, MAX_RESULTS + 1))
    for quad in looked_at[:MAX_RESULTS]:
        node = quad.subject
        if isinstance(node, NamedNode) and isinstance(quad.object, NamedNode):
            severity = quad.object.value.removeprefix(PREFIXES["sh"])
            message = terms.text(site, node, term("sh:resultMessage")) or Text("")
            source = next(iter(terms.objects(site, node, term("sh:sourceShape"))), None)
            iri = source.value if isinstance(source, NamedNode) else ""
            focus = [f for f in terms.objects(site, node, term("sh:focusNode")) if isinstance(f, NamedNode)]
            found.setdefault((severity, message, iri), []).extend((node, one) for one in focus)
    asked = shapes(site)
    everything = (*asked.shapes, *asked.parts)
    return ReportPage(
        f"{site.base}report",
        len(asked.shapes),
        len({one.id for shape in everything for one in shape.properties}),
        len({one.id for shape in everything for one in shape.queries}),
        sum(listing.count(site, segment) for segment in site.kinds),
        tuple(_severity(site, name, found) for name in sorted({*SEVERITIES, *(key[0] for key in found)}, key=_rank)),
        len(looked_at) > MAX_RESULTS,
    )


def _rank(severity: str) -> tuple[int, str]:
    return (SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES), severity)


def _severity(site: Site, name: str, found: Found) -> Severity:
    """The findings of a severity, those of the most things first."""
    own = sorted((key for key in found if key[0] == name), key=lambda key: (-len(found[key]), key[2], key[1].value))
    findings = tuple(_finding(site, message, source, found[name, message, source]) for _, message, source in own)
    return Severity(name, findings, sum(finding.count for finding in findings))


def _finding(site: Site, message: Text, source: str, results: list[tuple[NamedNode, NamedNode]]) -> Finding:
    if source.startswith(UGS):
        shown = terms.value(site, NamedNode(source))
    else:
        shown = Value(source.removeprefix(CHECK) if source.startswith(CHECK) else curie(source))
    first = sorted(results, key=lambda found: (found[1].value, found[0].value))[:MAX_FOCUS]
    places = [
        Place(result.value.rpartition("#")[2], terms.value(site, node), _file(site, node)) for result, node in first
    ]
    places.sort(key=lambda place: (place.thing.text.casefold(), place.thing.iri))
    return Finding(message, shown, tuple(places), len(results))


def _fragment(result: NamedNode) -> str:
    return result.value.rpartition("#")[2]


def _file(site: Site, node: NamedNode) -> Value | None:
    """The source file that describes a thing: its graph is called after it."""
    prefix = f"{site.base}graph/"
    names = {q.graph_name.value for q in terms.quads(site, node) if isinstance(q.graph_name, NamedNode)}
    files = sorted(name for name in names if name.startswith((f"{prefix}data/", f"{prefix}ontology/")))
    return Value(files[0].removeprefix(prefix), None, files[0]) if files else None
