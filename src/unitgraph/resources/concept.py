"""Concepts and their schemes: what a concept means, where it stands, how often it is used."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from pyoxigraph import NamedNode

from unitgraph.resources import parts, said, terms
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Cut
from unitgraph.resources.said import Page
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import DEFINITION, NOTATION, term

BROADER, IN_SCHEME = term("skos:broader"), term("skos:inScheme")
#: By which properties the concepts of each kind are used.
USES = {
    kind: tuple(map(term, names.split()))
    for kind, names in {
        "basis": "ug:basis",
        "change-kind": "ug:changeKind",
        "confidence": "ug:confidence",
        "country": "ug:country",
        "form": "ug:form",
        "language": "dcterms:language",
        "mission-verb": "ug:verb ug:towards",
        "name-form": "ug:nameForm",
        "observance": "ug:marks",
        "placement-role": "ug:placementRole",
        "role": "ug:role",
        "state": "ug:state",
        "unit-kind": "ug:kind ug:standingKind",
    }.items()
}
MAX_USES = 200  #: uses of a concept that are counted for a list of concepts


@dataclass(frozen=True)
class ConceptPage(Page):
    """A concept: its schemes, wider and narrower concepts, and whether statements that use it are summed up."""

    schemes: tuple[Value, ...]
    broader: tuple[Value, ...]
    narrower: Cut
    counts: bool | None


@dataclass(frozen=True)
class Listed:
    """A concept in the list of its scheme; with `open_ended` it is used more often than `uses`."""

    concept: Value
    notation: str
    definition: Text | None
    uses: int
    open_ended: bool
    narrower: tuple[Listed, ...] = ()


@dataclass(frozen=True)
class SchemePage(Page):
    """A scheme: its concepts, the narrower ones under the broader ones; `more` are not shown."""

    concepts: tuple[Listed, ...]
    count: int
    more: int


def concept(site: Site, described: Description) -> ConceptPage:
    """The page of a concept."""
    iri = described.iri
    used = ("skos:inScheme", "skos:topConceptOf", "skos:broader", "skos:narrower", "ug:counts")
    common = said.page(site, described, used, ("skos:broader", "skos:narrower", "skos:hasTopConcept"))
    counts = parts.literal(site, iri, term("ug:counts"))
    return ConceptPage(
        **vars(common),
        schemes=parts.some(site, iri, IN_SCHEME),
        broader=parts.some(site, iri, BROADER),
        narrower=parts.cut(site, parts.backwards(site, BROADER, iri, said.COUNTED)),
        counts=counts in ("true", "1") if counts else None,
    )


def scheme(site: Site, described: Description) -> SchemePage:
    """The page of a scheme."""
    used = ("skos:hasTopConcept",)
    common = said.page(site, described, used, ("skos:inScheme", "skos:topConceptOf"))
    nodes = parts.backwards(site, IN_SCHEME, described.iri, said.COUNTED)
    inside = set(nodes)
    above = {
        node: [up for up in terms.objects(site, node, BROADER) if isinstance(up, NamedNode) and up in inside]
        for node in nodes
    }
    tops = _sorted(site, [node for node in nodes if not above[node]])
    below: dict[NamedNode, list[NamedNode]] = {}
    for node, ups in above.items():
        for up in ups:
            below.setdefault(up, []).append(node)
    shown = [_listed(site, node, below) for node in tops[: parts.SHOWN]]
    more = len(nodes) - sum(_size(one) for one in shown)
    return SchemePage(**vars(common), concepts=tuple(shown), count=len(nodes), more=max(0, more))


def _sorted(site: Site, nodes: list[NamedNode]) -> list[NamedNode]:
    return sorted(nodes, key=lambda node: (terms.label(site, node).value.lower(), node.value))


def _listed(site: Site, node: NamedNode, below: dict[NamedNode, list[NamedNode]], depth: int = 0) -> Listed:
    uses, open_ended = _uses(site, node)
    narrower = _sorted(site, below.get(node, []))[: parts.SHOWN] if depth < terms.MAX_DEPTH else []
    return Listed(
        terms.value(site, node),
        parts.literal(site, node, NOTATION),
        terms.text(site, node, DEFINITION) or terms.text(site, node, parts.DESCRIPTION),
        uses,
        open_ended,
        tuple(_listed(site, one, below, depth + 1) for one in narrower),
    )


def _size(one: Listed) -> int:
    return 1 + sum(_size(narrower) for narrower in one.narrower)


def _uses(site: Site, node: NamedNode) -> tuple[int, bool]:
    """How many things and statements use a concept, and whether they are more than were counted."""
    found: set[NamedNode] = set()
    open_ended = False
    for predicate in USES.get(node.value.removeprefix(site.base).partition("/")[0], ()):
        quads = list(islice(site.store.quads_for_pattern(None, predicate, node), MAX_USES + 1))
        open_ended |= len(quads) > MAX_USES
        found |= {quad.subject for quad in quads[:MAX_USES] if isinstance(quad.subject, NamedNode)}
    return len(found), open_ended
