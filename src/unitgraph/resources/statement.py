"""Statements that have a page of their own: who, what, when, and on what evidence; claims beside those that compete."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode

from unitgraph.answers import Term
from unitgraph.resources import parts, said, terms
from unitgraph.resources.entity import NAMES, Description
from unitgraph.resources.parts import Evidence
from unitgraph.resources.said import Page
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import term

#: The parts of each kind of statement, in the order in which its sentence names them.
PARTS = {
    "name": ("skosxl:literalForm", "ug:nameForm", "ug:acronym"),
    "standing": ("ug:standingOf", "ug:standingKind"),
    "placement": ("ug:placed", "ug:within", "ug:placementRole"),
    "contribution": ("ug:contributionOf", "ug:towards", "ug:basis"),
    "partnership": ("ug:partner", "ug:partnershipIn", "ug:role"),
    "award-grant": ("ug:grantOf", "ug:recipient", "ug:rank"),
}
MAX_CLAIMS = 200  #: claims about one thing that are looked at, for those that compete


@dataclass(frozen=True)
class StatementPage(Page):
    """A statement: its three parts in the order of `PARTS`, any of them perhaps empty; of a name also its owners."""

    segment: str
    parts: tuple[tuple[Value, ...], ...]
    owners: tuple[Value, ...]
    counts: bool | None


@dataclass(frozen=True)
class Contested:
    """One of the values that are given for the same property: by which claim, or by the thing itself."""

    value: Value
    claim: Value | None
    this: bool
    evidence: Evidence | None
    notes: tuple[Text, ...]


@dataclass(frozen=True)
class ClaimPage(Page):
    """A claim: what it is about, and all values of that property side by side."""

    subject: Value
    property: Value
    objects: tuple[Value, ...]
    values: tuple[Contested, ...]
    more: int


def statement(site: Site, described: Description) -> StatementPage:
    """The page of a statement."""
    iri = described.iri
    segment = iri.value.removeprefix(site.base).partition("/")[0]
    names = PARTS.get(segment, ())
    back = ("skosxl:prefLabel", "skosxl:altLabel") if segment == "name" else ()
    common = said.page(site, described, (*names, "skosxl:literalForm"), back)
    owners = {owner: None for predicate in NAMES for owner in parts.backwards(site, predicate, iri)}
    shown = [parts.some(site, iri, term(name)) for name in names]
    return StatementPage(
        **vars(common),
        segment=segment,
        parts=(*shown, *((),) * (3 - len(shown))),
        owners=terms.values(site, owners),
        counts=_counts(site, iri, names[-1]) if names else None,
    )


def _counts(site: Site, iri: NamedNode, name: str) -> bool | None:
    """Whether the role or basis of a statement lets it be summed up; None where that is not said."""
    for how in terms.objects(site, iri, term(name)):
        if isinstance(how, NamedNode) and (found := parts.literal(site, how, term("ug:counts"))):
            return found in ("true", "1")
    return None


def claim(site: Site, described: Description) -> ClaimPage:
    """The page of a claim."""
    iri = described.iri
    names = ("rdf:subject", "rdf:predicate", "rdf:object")
    common = said.page(site, described, names)
    subject, predicate = (next(iter(terms.objects(site, iri, term(name))), None) for name in names[:2])
    values, more = _values(site, subject, predicate, iri)
    return ClaimPage(
        **vars(common),
        subject=terms.value(site, subject if subject is not None else iri),
        property=terms.value(site, predicate if predicate is not None else iri),
        objects=parts.some(site, iri, term("rdf:object")),
        values=values,
        more=more,
    )


def _values(
    site: Site, subject: Term | None, predicate: Term | None, iri: NamedNode
) -> tuple[tuple[Contested, ...], int]:
    """Every value that is given, with the claims on it, or with what is said of the thing as a whole."""
    if not isinstance(subject, NamedNode) or not isinstance(predicate, NamedNode):
        return (), 0
    claims: dict[Term, list[NamedNode]] = {}
    for node in parts.backwards(site, term("rdf:subject"), subject, MAX_CLAIMS):
        if predicate in terms.objects(site, node, term("rdf:predicate")):
            for value in terms.objects(site, node, term("rdf:object")):
                claims.setdefault(value, []).append(node)
    values = list(dict.fromkeys((*terms.objects(site, subject, predicate), *claims)))
    rows: list[Contested] = []
    for value in values[: parts.SHOWN]:
        shown = terms.value(site, value)
        for node in claims.get(value, ()):
            one = said.statement(site, node)
            rows.append(Contested(shown, one.statement, node == iri, one.evidence, one.notes))
        if value not in claims:
            rows.append(Contested(shown, None, False, parts.evidence(site, subject), ()))
    rows.sort(key=lambda row: (not row.this, row.value.text.lower()))
    return tuple(rows), max(0, len(values) - parts.SHOWN)
