"""The page of an organisation: what it is, what part it has in which work, and the units that it has."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode

from unitgraph.resources import parts, ties
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Heading, Period
from unitgraph.resources.reading import Found, Given, Listed, More, Name, Proof, Reading, Rest
from unitgraph.resources.terms import Value
from unitgraph.resources.ties import Items, Partnerships, Works
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, term

UNIT_OF, KIND = term("ug:unitOf"), term("ug:kind")
UNITS = 200  #: units that a page names
PER_WORK = 10  #: outputs or events of one project that the page of an organisation names


@dataclass(frozen=True)
class Unit:
    """A unit with its acronyms."""

    thing: Value
    acronyms: tuple[str, ...]


@dataclass(frozen=True)
class Units:
    """The units of one kind; no kind: their kind is not known."""

    kind: Value | None
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class OrganisationPage:
    """What the page of an organisation shows; `outputs` and `events` are those of the projects it had a part in."""

    thing: Heading
    period: Period
    period_proofs: tuple[Proof, ...]
    kinds: tuple[Given, ...]
    countries: tuple[Given, ...]
    homepages: tuple[Given, ...]
    same: tuple[Given, ...]
    carried: Works
    partnerships: Partnerships
    outputs: Items
    events: Items
    stories: Items
    published: Listed
    units: tuple[Units, ...]
    unit_count: int
    more_units: More
    names: tuple[Name, ...]
    rest: Rest


def page(site: Site, described: Description) -> OrganisationPage:
    """All that is known about an organisation."""
    reading = Reading(site, described)
    organisation = described.iri
    carried, partnering = reading.back(ties.CARRIED_OUT_BY), reading.back(ties.PARTNER)
    works = [*carried.nodes, *(of for one in partnering.nodes for of in reading.nodes(one, ties.PARTNERSHIP_IN))]
    reading.used.update((term("ug:hasProject"), term("ug:toldIn")))
    units = reading.back(UNIT_OF, limit=UNITS)
    period, period_proofs = reading.when()
    return OrganisationPage(
        parts.heading(site, organisation),
        period,
        period_proofs,
        reading.given(term("ug:organisationKind")),
        reading.given(term("ug:country")),
        reading.given(term("ug:homepage")),
        reading.given(term("skos:exactMatch")),
        ties.carried_out(reading, carried, aimed=False),
        ties.partnerships(reading, partnering.nodes, partnering.more),
        _of_works(reading, works, term("ug:outputOf")),
        _of_works(reading, works, term("ug:eventOf")),
        ties.items(reading, reading.back(term("ug:tellsOf")), term("ug:inRound")),
        reading.listed(reading.back(term("dcterms:publisher"))),
        _by_kind(reading, units.nodes),
        units.count,
        units.more,
        reading.names(),
        reading.rest(),
    )


def _of_works(reading: Reading, works: list[NamedNode], predicate: NamedNode) -> Items:
    """What belongs to the works in which an organisation has a part."""
    of = dict.fromkeys(work for work in works if reading.segment(work) in ties.PROJECTS)
    nodes = dict.fromkeys(node for work in of for node in reading.back(predicate, work).nodes[:PER_WORK])
    shown = tuple(nodes)[: parts.SHOWN]
    return ties.items(reading, Found(shown, len(shown)), predicate)


def _by_kind(reading: Reading, nodes: tuple[NamedNode, ...]) -> tuple[Units, ...]:
    """Units by kind, the most frequent kind first; within a kind by label."""
    kinds: dict[NamedNode | None, list[Unit]] = {}
    for node in nodes:
        acronyms = tuple(text.value for text in reading.texts(node, NOTATION))
        kinds.setdefault(reading.node(node, KIND), []).append(Unit(reading.value(node), acronyms))
    found = [
        Units(reading.value(kind) if kind else None, tuple(sorted(units, key=lambda unit: unit.thing.text.casefold())))
        for kind, units in kinds.items()
    ]
    return tuple(sorted(found, key=lambda group: (-len(group.units), group.kind.text if group.kind else "")))
