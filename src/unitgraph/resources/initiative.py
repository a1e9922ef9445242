"""The page of a key initiative: the work behind it, on what ground, and what comes before and after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import NamedNode

from unitgraph.resources import parts, ties
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Heading
from unitgraph.resources.reading import Given, More, Name, Proof, Reading, Rest
from unitgraph.resources.terms import Value
from unitgraph.resources.ties import Work
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, term

IN_SCHEME, MISSION, VERB = term("skos:inScheme"), term("ug:mission"), term("ug:verb")
CONTRIBUTES_TO, CONTRIBUTES_TO_DIRECTION = term("ug:contributesTo"), term("ug:contributesToDirection")


@dataclass(frozen=True)
class Neighbour:
    """What comes before or after in the strategy, with its number."""

    number: str
    thing: Value


@dataclass(frozen=True)
class Place:
    """Where something stands in a strategy: as `position` of `count`, after and before which."""

    position: int
    count: int
    previous: Neighbour | None
    following: Neighbour | None


@dataclass(frozen=True)
class Plan:
    """A strategy with its mission and the verbs of that."""

    strategy: Value
    missions: tuple[Value, ...]
    verbs: tuple[Value, ...]


@dataclass(frozen=True)
class Support:
    """Work that serves an aim, on what ground; `counts`: the rules sum it up."""

    work: Work
    basis: Value | None
    counts: bool
    proof: Proof


@dataclass(frozen=True)
class Behind:
    """Who is behind an aim: a unit, and how many of the projects shown are its own."""

    unit: Value
    projects: int


@dataclass(frozen=True)
class InitiativePage:
    """What the page of a key initiative shows; `projects` is empty where it is a gap."""

    thing: Heading
    number: str
    directions: tuple[Given, ...]
    plans: tuple[Plan, ...]
    place: Place | None
    projects: tuple[Support, ...]
    others: tuple[Support, ...]
    uncounted: tuple[Support, ...]
    more: More
    units: tuple[Behind, ...]
    names: tuple[Name, ...]
    rest: Rest


def page(site: Site, described: Description) -> InitiativePage:
    """All that is known about a key initiative."""
    reading = Reading(site, described)
    initiative = described.iri
    found = reading.back(ties.TOWARDS)
    supports = support(reading, found.nodes)
    counted = [one for one in supports if one.counts]
    projects = tuple(one for one in counted if one.work.segment in ties.PROJECTS)
    reading.used.add(term("skos:topConceptOf"))
    directions = reading.nodes(initiative, ties.BROADER)
    siblings = [node for one in directions[:1] for node in reading.back(ties.BROADER, one).nodes]
    return InitiativePage(
        parts.heading(site, initiative),
        reading.text(initiative, NOTATION),
        reading.given(ties.BROADER),
        plans(reading),
        place(reading, siblings),
        projects,
        tuple(one for one in counted if one not in projects),
        tuple(one for one in supports if not one.counts),
        found.more,
        behind(one.work for one in projects),
        reading.names(),
        reading.rest(),
    )


def support(reading: Reading, statements: Iterable[NamedNode]) -> tuple[Support, ...]:
    """Contributions, read from what they serve: the work in order of time."""
    found = []
    for statement in statements:
        for node in reading.nodes(statement, ties.CONTRIBUTION_OF):
            basis = reading.one(statement, ties.BASIS)
            counts = reading.counts(statement, ties.BASIS, ties.SURE)
            found.append(Support(ties.work(reading, node), basis, counts, reading.proof(statement)))
    return tuple(sorted(found, key=lambda one: (ties.when(one.work.period), one.work.thing.text)))


def behind(works: Iterable[Work]) -> tuple[Behind, ...]:
    """Who carries out works: who has most of them first."""
    units: dict[Value, set[str]] = {}
    for work in works:
        for unit in work.by:
            units.setdefault(unit, set()).add(work.thing.iri or "")
    found = [Behind(unit, len(own)) for unit, own in units.items()]
    return tuple(sorted(found, key=lambda one: (-one.projects, one.unit.text)))


def plans(reading: Reading) -> tuple[Plan, ...]:
    """The strategy of which something is a piece, with its mission. No verb of it stands for a direction."""
    found = []
    for strategy in reading.nodes(reading.thing, IN_SCHEME):
        missions = reading.nodes(strategy, MISSION)
        verbs = [verb for mission in missions for verb in reading.nodes(mission, VERB)]
        found.append(Plan(reading.value(strategy), reading.values(missions), reading.values(verbs)))
    return tuple(found)


def place(reading: Reading, siblings: Iterable[NamedNode]) -> Place | None:
    """Where the thing stands among its siblings, by number."""
    numbered = [(reading.text(node, NOTATION), node) for node in dict.fromkeys(siblings)]
    numbered.sort(key=lambda pair: (ties.number(pair[0]), pair[1].value))
    nodes = [node for _, node in numbered]
    if reading.thing not in nodes:
        return None
    here = nodes.index(reading.thing)
    before = Neighbour(numbered[here - 1][0], reading.value(nodes[here - 1])) if here else None
    after = Neighbour(numbered[here + 1][0], reading.value(nodes[here + 1])) if here + 1 < len(nodes) else None
    return Place(here + 1, len(nodes), before, after)
