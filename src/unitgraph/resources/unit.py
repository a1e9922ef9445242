"""The page of a unit: what it is, where it stands and stood, what it does for which direction, and with whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from pyoxigraph import NamedNode

from unitgraph.resources import parts, ties
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Heading, Period
from unitgraph.resources.reading import Found, Given, More, Name, Proof, Reading, Rest
from unitgraph.resources.terms import Value
from unitgraph.resources.ties import Aim, Grant, Items, Moment, Partnerships, Work, Works, Year
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, term

STANDING_OF, STANDING_KIND = term("ug:standingOf"), term("ug:standingKind")
PLACED, WITHIN, PLACEMENT_ROLE = term("ug:placed"), term("ug:within"), term("ug:placementRole")
PLAN_OF, PLAN_WITH = term("ug:planOf"), term("ug:planWith")
CHANGED, BEFORE, AFTER = term("ug:changed"), term("org:originalOrganization"), term("org:resultingOrganization")
KIND, PART_OF, SPONSORED_BY = term("ug:kind"), term("ug:partOf"), term("ug:sponsoredBy")
#: What the page says by statements, and the rules once more by one property.
SUMMED_UP = (KIND, PART_OF, SPONSORED_BY, term("ug:hasProject"), term("ug:toldIn"), term("ug:contributesTo"))


@dataclass(frozen=True)
class Placement:
    """Where a unit stands or stood: `other` is what it is within, or, read backwards, what is within it."""

    other: Value
    sponsored: bool
    role: Value | None
    period: Period
    proof: Proof


@dataclass(frozen=True)
class Placements:
    """Placements that still hold or were the last ones (`now`), and those before them; `more` are not shown."""

    now: tuple[Placement, ...]
    then: tuple[Placement, ...]
    more: More

    @property
    def count(self) -> int:
        return len(self.now) + len(self.then) + self.more.count


@dataclass(frozen=True)
class Served:
    """The projects of a unit under one direction, each with its aims there; no direction: the mission or all of it."""

    direction: Value | None
    number: str
    works: tuple[Work, ...]


@dataclass(frozen=True)
class Change:
    """A change of the unit; `before` and `after` are the other units, where one took the place of another."""

    thing: Value
    kind: Value | None
    before: tuple[Value, ...]
    after: tuple[Value, ...]
    period: Period
    proof: Proof


@dataclass(frozen=True)
class UnitPage:
    """What the page of a unit shows; a part without anything is empty."""

    thing: Heading
    kinds: tuple[Value, ...]
    within: tuple[Value, ...]
    sponsors: tuple[Value, ...]
    period: Period
    period_proofs: tuple[Proof, ...]
    unit_of: tuple[Given, ...]
    section_numbers: tuple[Given, ...]
    homepages: tuple[Given, ...]
    aims: tuple[Aim, ...]
    projects: Works
    served: tuple[Served, ...]
    unserved: tuple[Work, ...]
    together: tuple[Value, ...]
    partnerships: Partnerships
    stories: Items
    grants: tuple[Grant, ...]
    plans: Works
    channels: Items
    standings: tuple[Given, ...]
    placements: Placements
    members: Placements
    changes: tuple[Change, ...]
    names: tuple[Name, ...]
    timeline: tuple[Year, ...]
    rest: Rest


def page(site: Site, described: Description) -> UnitPage:
    """All that is known about a unit, put in the order in which a reader asks."""
    reading = Reading(site, described)
    unit = described.iri
    period, period_proofs = reading.when()
    kinds, within, sponsors = (reading.some(unit, p) for p in (KIND, PART_OF, SPONSORED_BY))
    carried = reading.back(ties.CARRIED_OUT_BY)
    projects = ties.carried_out(reading, carried, aimed=True)
    served = tuple(_served(reading, projects.works))
    unserved = tuple(work for work in projects.works if not work.aims)
    standings, placements = _standings(reading), _placements(reading, PLACED, WITHIN)
    members = _placements(reading, WITHIN, PLACED)
    stories = ties.items(reading, reading.back(term("ug:tellsOf")), term("ug:inRound"))
    grants = ties.grants(reading, reading.back(ties.RECIPIENT))
    plans = _plans(reading)
    changes = _changes(reading)
    events = [event for project in projects.works for event in _events(reading, project)]
    reading.used.update(SUMMED_UP, (term("ug:contributesToDirection"),))
    return UnitPage(
        parts.heading(site, unit),
        kinds,
        within,
        sponsors,
        period,
        period_proofs,
        reading.given(term("ug:unitOf")),
        reading.given(term("ug:sectionNumber")),
        reading.given(term("ug:homepage")),
        ties.aims(reading, unit),
        projects,
        served,
        unserved,
        reading.values(reading.nodes(unit, term("ug:worksWith"))[: parts.SHOWN]),
        _partnerships(reading, carried),
        stories,
        grants,
        plans,
        ties.items(reading, reading.back(term("ug:channelOf")), term("ug:channelOf")),
        standings,
        placements,
        members,
        changes,
        reading.names(),
        ties.timeline(
            chain(
                (Moment("standing", one.value, one.period) for one in standings),
                (Moment(_as(one), one.other, one.period) for one in (*placements.now, *placements.then)),
                (Moment(work.segment, work.thing, work.period) for work in (*projects.works, *plans.works)),
                (Moment("story", story.thing, story.period) for story in stories.items),
                (Moment("award-grant", grant.thing, grant.period) for grant in grants),
                (Moment("change", change.thing, change.period) for change in changes),
                events,
            )
        ),
        reading.rest(),
    )


def _as(placement: Placement) -> str:
    return "sponsored" if placement.sponsored else "part"


# What it does ----------------------------------------------------------------------------------------


def _served(reading: Reading, works: tuple[Work, ...]) -> Iterator[Served]:
    """The same projects by direction, in order of number; what serves the mission or the whole strategy comes last."""
    groups: dict[Value | None, dict[Work, list[Aim]]] = {}
    for work in works:
        for aim in work.aims:
            groups.setdefault(aim.direction, {}).setdefault(work, []).append(aim)
    numbers = {head: reading.text(NamedNode(head.iri), NOTATION) if head and head.iri else "" for head in groups}
    for head in sorted(groups, key=lambda head: (ties.number(numbers[head]), head.text if head else "")):
        found = tuple(replace(work, aims=tuple(aims)) for work, aims in groups[head].items())
        yield Served(head, numbers[head], found)


def _events(reading: Reading, project: Work) -> Iterator[Moment]:
    for event in reading.back(term("ug:eventOf"), NamedNode(project.thing.iri or "")).nodes[:10]:
        yield Moment("event", reading.value(event), reading.period(event))


def _plans(reading: Reading) -> Works:
    """Its action plans, alone or with others, and what they contribute to."""
    found = [reading.back(PLAN_OF), reading.back(PLAN_WITH)]
    nodes = dict.fromkeys(node for one in found for node in one.nodes)
    shown = []
    for node in nodes:
        others = [n for p in (PLAN_OF, PLAN_WITH) for n in reading.nodes(node, p) if n != reading.thing]
        plan = ties.work(reading, node)
        shown.append(replace(plan, by=reading.values(others), aims=ties.aims(reading, node)))
    return ties.in_order(shown, found[0].more)


def _partnerships(reading: Reading, carried: Found) -> Partnerships:
    """Who had a part in its projects, awards and plans, or in what it was awarded for."""
    plans, grants = reading.back(PLAN_OF).nodes, reading.back(ties.RECIPIENT).nodes
    statements = [
        statement
        for node in (*carried.nodes, *plans, *grants)
        for statement in reading.back(ties.PARTNERSHIP_IN, node).nodes
    ]
    query = (
        "SELECT DISTINCT ?partner ?in\nWHERE {\n"
        f"  ?in {ties.CARRIED_OUT_BY} {reading.thing} .\n"
        f"  ?partnership {ties.PARTNERSHIP_IN} ?in ;\n    {ties.PARTNER} ?partner .\n}}\nORDER BY ?partner ?in\n"
    )
    more = More(max(0, len(statements) - parts.SHOWN), query, bool(carried.more))
    return ties.partnerships(reading, statements[: parts.SHOWN], more)


# What it is and was --------------------------------------------------------------------------------------


def _standings(reading: Reading) -> tuple[Given, ...]:
    """The kinds of unit that it is and was, in order of time."""
    found = [
        Given(reading.value(kind), reading.period(node), reading.proof(node))
        for node in reading.back(STANDING_OF).nodes
        for kind in reading.nodes(node, STANDING_KIND)
    ]
    return tuple(sorted(found, key=lambda one: (_from(one.period), one.value.text)))


def _from(period: Period) -> tuple[str, str]:
    """By begin, what has none first; then by end, what has none last."""
    return period.start, period.end or "9999"


def _placements(reading: Reading, mine: NamedNode, other: NamedNode) -> Placements:
    found = reading.back(mine)
    shown = []
    for node in found.nodes:
        for within in reading.nodes(node, other):
            role = reading.node(node, PLACEMENT_ROLE)
            sponsored = role is not None and role.value.endswith("/sponsored")
            value = reading.value(role) if role else None
            shown.append(Placement(reading.value(within), sponsored, value, reading.period(node), reading.proof(node)))
    shown.sort(key=lambda one: (_from(one.period), one.other.text) if mine == PLACED else (("", ""), one.other.text))
    now = tuple(one for one in shown if not one.period.end)
    return Placements(now, tuple(one for one in shown if one.period.end), found.more)


def _changes(reading: Reading) -> tuple[Change, ...]:
    """Renamings, risings and successions, in order of time."""
    nodes = dict.fromkeys(node for p in (CHANGED, BEFORE, AFTER) for node in reading.back(p).nodes)
    found = [
        Change(
            reading.value(node),
            reading.one(node, term("ug:changeKind")),
            reading.values(one for one in reading.nodes(node, BEFORE) if one != reading.thing),
            reading.values(one for one in reading.nodes(node, AFTER) if one != reading.thing),
            reading.period(node),
            reading.proof(node),
        )
        for node in nodes
    ]
    return tuple(sorted(found, key=lambda change: (ties.when(change.period), change.thing.text)))
