"""What is said of a thing, for a page composed for its kind: values with claims, names, ties, who refers to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from pyoxigraph import Literal, NamedNode

from unitgraph.answers import Term
from unitgraph.resources import parts, terms
from unitgraph.resources.entity import NAMES, Description
from unitgraph.resources.parts import Cut, Evidence, Heading, Period
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import (
    ALT_LABEL,
    CONFIDENCE,
    DEFINITION,
    LABEL,
    NOTATION,
    PREF_LABEL,
    RDF_TYPE,
    STATED_IN,
    curie,
    term,
)

COUNTED = 1_000  #: of more references by one property only the first are counted
LOOKED_AT = 200  #: references among which properties are looked for that are not in `INVERSE`
LISTED, LEAST = 40, 2  #: things that refer by one property, as a page lists them: in all, and of each kind
NOTE = term("skos:editorialNote")
#: What the head and the foot of every page show.
HEAD = frozenset({RDF_TYPE, PREF_LABEL, LABEL, NOTATION, parts.DESCRIPTION, DEFINITION, NOTE, CONFIDENCE, STATED_IN})
SHOWN_LAST = frozenset({term("dcterms:identifier"), term("ug:formerIri"), ALT_LABEL})

#: Properties that are read backwards on a page, in this order; all others come after them.
INVERSE = tuple(
    map(
        term,
        (
            "ug:vision",
            "ug:mission",
            "ug:verb",
            "ug:outputOf",
            "ug:eventOf",
            "ug:channelOf",
            "ug:tellsOf",
            "ug:inRound",
            "ug:replaces",
            "ug:copyOf",
            "ug:marks",
            "ug:towards",
            "ug:basis",
            "ug:role",
            "ug:kind",
            "ug:standingKind",
            "ug:placementRole",
            "ug:changeKind",
            "ug:nameForm",
            "ug:form",
            "ug:state",
            "ug:country",
            "dcterms:language",
            "ug:confidence",
            "ug:statedIn",
            "rdf:object",
        ),
    )
)


@dataclass(frozen=True)
class Statement:
    """A statement about a thing: a link to it, the words it adds, how sure it is and where it is said."""

    statement: Value
    notes: tuple[Text, ...]
    evidence: Evidence | None


@dataclass(frozen=True)
class Given:
    """A value of a property, and the claims that say for it alone how sure it is."""

    value: Value
    claims: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Said:
    """A property (`name` is its prefixed name) with its values; `more` are not shown."""

    name: str
    property: Value
    values: tuple[Given, ...]
    more: int = 0


@dataclass(frozen=True)
class Name:
    """A name of a thing with what is known about it."""

    name: Value
    form: Value | None
    acronym: str
    period: Period
    notes: tuple[Text, ...]
    evidence: Evidence | None


@dataclass(frozen=True)
class Tie:
    """A statement that ties two things: `other` as seen from this page, and `how` (a basis, a role, a rank)."""

    statement: Value
    other: Value
    how: Value | None
    projects: tuple[Value, ...]
    period: Period
    notes: tuple[Text, ...]
    evidence: Evidence | None


@dataclass(frozen=True)
class Ties:
    """Statements of one kind that tie this thing to others; `more` are not shown, `query` asks for all."""

    ties: tuple[Tie, ...] = ()
    more: int = 0
    query: str = ""

    @property
    def count(self) -> int:
        return len(self.ties) + self.more


@dataclass(frozen=True)
class Group:
    """Those of one kind among the things that refer to this one; `query` asks for all of them."""

    segment: str
    things: Cut
    query: str


@dataclass(frozen=True)
class Referring:
    """The things that have this one as the value of a property; with `open_ended` there are more than `count`."""

    name: str
    property: Value
    count: int
    open_ended: bool
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Page:
    """What every composed page shows, besides what its kind adds.

    `statements` are about the thing; they come in so many `pages`, and this page is made from the first.
    """

    thing: Heading
    when: Period
    when_claims: tuple[Statement, ...]
    facts: tuple[Said, ...]
    names: tuple[Name, ...]
    contributions: Ties
    partnerships: Ties
    grants: Ties
    referring: tuple[Referring, ...]
    sources: Cut
    also: tuple[Said, ...]
    statements: int
    pages: int


def page(
    site: Site,
    described: Description,
    used: Iterable[str] = (),
    backwards: Iterable[str] = (),
) -> Page:
    """What every composed page shows.

    Args:
        used: properties (prefixed names) that the page of this kind shows in a way of its own.
        backwards: those that it shows in a way of its own, read from the other end.
    """
    iri = described.iri
    claims = _claims(site, described)
    by_property = _asserted(site, iri)
    when = parts.period(site, iri)
    plain = (
        {parts.START, parts.END} if all(len(by_property.get(p, ())) <= 1 for p in (parts.START, parts.END)) else set()
    )
    hidden = {*HEAD, *NAMES, *map(term, used), *plain}
    labels = _other_labels(site, iri, by_property)
    kept = {p: v for p, v in by_property.items() if p not in hidden and p not in SHOWN_LAST}
    last = {p: v for p, v in by_property.items() if p in SHOWN_LAST and p not in hidden} | labels
    beside = set(kept) | set(last) | plain
    sources = terms.objects(site, iri, STATED_IN)
    return Page(
        parts.heading(site, iri),
        when if plain else Period(),
        tuple(one for key, ones in claims.items() if key[0] in plain for one in ones),
        _said(site, kept, claims),
        names(site, iri),
        ties(site, described, "ug:contributionOf", "ug:towards", "ug:basis"),
        ties(site, described, "ug:partnershipIn", "ug:partner", "ug:role"),
        ties(site, described, "ug:grantOf", "ug:recipient", "ug:rank"),
        referring(site, described, frozenset(map(term, backwards))),
        Cut(terms.values(site, sources[: terms.MAX_VALUES]), max(0, len(sources) - terms.MAX_VALUES)),
        (*_said(site, last, claims), *_claimed(site, {key: v for key, v in claims.items() if key[0] not in beside})),
        described.total,
        described.pages,
    )


def _claimed(site: Site, claims: dict[tuple[NamedNode, Value], tuple[Statement, ...]]) -> tuple[Said, ...]:
    """Claims on what the head of the page, or its kind in a way of its own, shows."""
    return tuple(
        Said(curie(predicate.value), terms.value(site, predicate), (Given(value, ones),))
        for (predicate, value), ones in claims.items()
    )


def _asserted(site: Site, iri: NamedNode) -> dict[NamedNode, list[Term]]:
    """What the sources say of a thing, by property; what the rules add is on the page in its own words."""
    inferred = terms.inferred_graph(site)
    found: dict[NamedNode, dict[Term, None]] = {}
    for quad in terms.quads(site, iri):
        if quad.graph_name != inferred:
            found.setdefault(quad.predicate, {})[quad.object] = None
    return {predicate: list(values) for predicate, values in found.items()}


def _other_labels(site: Site, iri: NamedNode, by_property: dict[NamedNode, list[Term]]) -> dict[NamedNode, list[Term]]:
    """Preferred labels that the heading does not show, and no name."""
    title = terms.label(site, iri)
    literals = [v for v in by_property.get(PREF_LABEL, ()) if isinstance(v, Literal)]
    others: list[Term] = [v for v in literals if (v.value, v.language) != (title.value, title.language)]
    return {PREF_LABEL: others} if others else {}


def _said(
    site: Site,
    by_property: dict[NamedNode, list[Term]],
    claims: dict[tuple[NamedNode, Value], tuple[Statement, ...]],
) -> tuple[Said, ...]:
    found = []
    for predicate in sorted(by_property, key=lambda p: terms.predicate_key(site, p)):
        values = by_property[predicate]
        shown = terms.values(site, values[: terms.MAX_VALUES])
        given = tuple(Given(one, claims.get((predicate, one), ())) for one in shown)
        found.append(Said(curie(predicate.value), terms.value(site, predicate), given, len(values) - len(shown)))
    return tuple(found)


def of(page: Page, name: str) -> tuple[Given, ...]:
    """The values of one of the facts of a page."""
    return next((fact.values for fact in page.facts if fact.name == name), ())


def statement(site: Site, node: NamedNode) -> Statement:
    """A statement as it stands beside what it is about."""
    return Statement(terms.value(site, node), terms.texts(site, node, NOTE), parts.evidence(site, node))


def _claims(site: Site, described: Description) -> dict[tuple[NamedNode, Value], tuple[Statement, ...]]:
    """The claims about a thing, by property and value."""
    found: dict[tuple[NamedNode, Value], tuple[Statement, ...]] = {}
    for node in described.statements:
        if described.iri not in terms.objects(site, node, term("rdf:subject")):
            continue
        for predicate in terms.objects(site, node, term("rdf:predicate")):
            for value in terms.objects(site, node, term("rdf:object")):
                if isinstance(predicate, NamedNode):
                    key = (predicate, terms.value(site, value))
                    found[key] = (*found.get(key, ()), statement(site, node))
    return found


def names(site: Site, iri: NamedNode) -> tuple[Name, ...]:
    """The names of a thing, in the reader's language first."""
    nodes = [node for predicate in NAMES for node in terms.objects(site, iri, predicate)]
    shown = {one.iri: one for one in terms.values(site, nodes[: terms.MAX_VALUES])}
    rank = {site.language: 0, "en": 1}
    found = [_name(site, NamedNode(iri), one) for iri, one in shown.items() if iri]
    return tuple(sorted(found, key=lambda one: (rank.get(one.name.language or "", 2), one.name.language or "")))


def _name(site: Site, node: NamedNode, shown: Value) -> Name:
    return Name(
        shown,
        parts.one(site, node, term("ug:nameForm")),
        parts.literal(site, node, term("ug:acronym")),
        parts.period(site, node),
        terms.texts(site, node, NOTE),
        parts.evidence(site, node),
    )


def ties(site: Site, described: Description, this: str, other: str, how: str) -> Ties:
    """The statements that name a thing by `this`, as seen from it; those of the first page of its description."""
    predicate = term(this)
    nodes = [n for n in described.statements if described.iri in terms.objects(site, n, predicate)]
    return _ties(site, nodes, this, other, how, described.iri)


def ties_to(site: Site, iri: NamedNode, this: str, other: str, how: str) -> Ties:
    """The same for statements that are not part of the description of a thing, such as contributions to an aim."""
    return _ties(site, parts.backwards(site, term(this), iri, COUNTED), this, other, how, iri)


def _ties(site: Site, nodes: list[NamedNode], this: str, other: str, how: str, iri: NamedNode) -> Ties:
    found = [_tie(site, node, other, how) for node in nodes[: parts.SHOWN]]
    rows = [row for row in found if row]
    rows.sort(key=lambda row: (row.period.start, row.other.text.lower(), row.statement.iri or ""))
    pattern = f"  ?statement {term(this)} {iri} ;\n             {term(other)} ?other .\n"
    query = f"SELECT DISTINCT ?statement ?other\nWHERE {{\n{pattern}}}\nORDER BY ?other\n"
    return Ties(tuple(rows), len(nodes) - len(found), query)


def _tie(site: Site, node: NamedNode, other: str, how: str) -> Tie | None:
    found = parts.one(site, node, term(other))
    if found is None:
        return None
    return Tie(
        terms.value(site, node),
        found,
        parts.one(site, node, term(how)),
        parts.some(site, node, term("ug:forProject")),
        parts.period(site, node),
        (*terms.texts(site, node, parts.DESCRIPTION), *terms.texts(site, node, NOTE)),
        parts.evidence(site, node),
    )


# Who refers to a thing ---------------------------------------------------------------------------------


def referring(site: Site, described: Description, apart: frozenset[NamedNode]) -> tuple[Referring, ...]:
    """What refers to a thing, by property, save what the page shows already.

    Of each property at most `COUNTED` references are looked at.
    """
    shown = {*described.statements, described.iri}
    found = [
        group
        for predicate in (*INVERSE, *_others(site, described.iri))
        if predicate not in apart and (group := refers(site, predicate, described.iri, shown))
    ]
    return tuple(found)


def _others(site: Site, iri: NamedNode) -> list[NamedNode]:
    """Further properties by which sources refer to a thing."""
    ours = {terms.inferred_graph(site), terms.report_graph(site)}
    quads = islice(site.store.quads_for_pattern(None, None, iri), LOOKED_AT)
    found = {quad.predicate for quad in quads if quad.graph_name not in ours}
    return sorted(found - set(INVERSE), key=lambda p: terms.predicate_key(site, p))


def refers(
    site: Site, predicate: NamedNode, iri: NamedNode, shown: Iterable[NamedNode] = (), listed: int = LISTED
) -> Referring | None:
    """The things that have this one as the value of a property, by kind, about `listed` of them; None without any."""
    nodes, open_ended = _subjects(site, predicate, iri)
    by_kind: dict[str, list[NamedNode]] = {}
    hidden = set(shown)
    for node in nodes:
        if node not in hidden:
            by_kind.setdefault(_segment(site, node), []).append(node)
    if not by_kind:
        return None
    limit = _share([len(nodes) for nodes in by_kind.values()], listed)
    groups = tuple(_group(site, predicate, iri, segment, by_kind[segment], limit) for segment in sorted(by_kind))
    count = sum(group.things.count for group in groups)
    return Referring(curie(predicate.value), terms.value(site, predicate), count, open_ended, groups)


def _subjects(site: Site, predicate: NamedNode, iri: NamedNode) -> tuple[list[NamedNode], bool]:
    report = terms.report_graph(site)
    quads = list(islice(site.store.quads_for_pattern(None, predicate, iri), COUNTED + 1))
    found = {q.subject for q in quads[:COUNTED] if isinstance(q.subject, NamedNode) and q.graph_name != report}
    return sorted(found, key=lambda node: node.value), len(quads) > COUNTED


def _segment(site: Site, node: NamedNode) -> str:
    segment = node.value.removeprefix(site.base).partition("/")[0]
    return segment if segment in site.kinds else ""


def _share(sizes: list[int], room: int) -> int:
    """How many of each kind are listed, so that a page lists about as many as it may; small kinds leave room to others.

    >>> _share([5, 20], 40), _share([20, 300], 40), _share([1] * 4 + [500] * 80, 40)
    (40, 20, 2)
    """
    everything = room
    for left, size in zip(range(len(sizes), 0, -1), sorted(sizes), strict=True):
        if size > room // left:
            return max(LEAST, room // left)
        room -= size
    return everything


def _group(site: Site, predicate: NamedNode, iri: NamedNode, segment: str, nodes: list[NamedNode], limit: int) -> Group:
    kind = f"  ?thing a {site.kinds[segment].cls} .\n" if segment else ""
    query = f"SELECT DISTINCT ?thing\nWHERE {{\n  ?thing {predicate} {iri} .\n{kind}}}\nORDER BY ?thing\n"
    return Group(segment, parts.cut(site, nodes, limit), query)
