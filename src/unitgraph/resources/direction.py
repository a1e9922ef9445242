"""The page of a strategic direction: its key initiatives, the projects and units behind each, the gaps."""

from __future__ import annotations

from dataclasses import dataclass

from unitgraph.resources import parts, ties
from unitgraph.resources.entity import Description
from unitgraph.resources.initiative import (
    CONTRIBUTES_TO,
    CONTRIBUTES_TO_DIRECTION,
    Behind,
    Place,
    Plan,
    Support,
    behind,
    place,
    plans,
    support,
)
from unitgraph.resources.parts import Heading
from unitgraph.resources.reading import Found, Name, Reading, Rest
from unitgraph.resources.terms import Text, Value
from unitgraph.resources.ties import Works
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, term

TOP_CONCEPT_OF = term("skos:topConceptOf")


@dataclass(frozen=True)
class Initiative:
    """A key initiative of a direction and the projects that contribute to it; none: a gap."""

    number: str
    thing: Value
    words: tuple[Text, ...]
    projects: Works


@dataclass(frozen=True)
class DirectionPage:
    """What the page of a direction shows. `direct` is work that names the direction itself, no initiative of it."""

    thing: Heading
    number: str
    plans: tuple[Plan, ...]
    place: Place | None
    initiatives: tuple[Initiative, ...]
    projects: Works
    units: tuple[Behind, ...]
    others: Works
    direct: tuple[Support, ...]
    about: ties.Items
    names: tuple[Name, ...]
    rest: Rest

    @property
    def gaps(self) -> tuple[Initiative, ...]:
        """The initiatives for which no project is known."""
        return tuple(one for one in self.initiatives if not one.projects.count)


def page(site: Site, described: Description) -> DirectionPage:
    """All that is known about a direction."""
    reading = Reading(site, described)
    direction = described.iri
    serving = reading.back(CONTRIBUTES_TO_DIRECTION)
    projects = ties.works(reading, reading.back(CONTRIBUTES_TO_DIRECTION, segments=ties.PROJECTS))
    others = [node for node in serving.nodes if reading.segment(node) not in ties.PROJECTS]
    reading.used.update((term("skos:narrower"), TOP_CONCEPT_OF))
    strategies = reading.nodes(direction, TOP_CONCEPT_OF)
    siblings = [node for one in strategies[:1] for node in reading.back(TOP_CONCEPT_OF, one).nodes]
    return DirectionPage(
        parts.heading(site, direction),
        reading.text(direction, NOTATION),
        plans(reading),
        place(reading, siblings),
        _initiatives(reading),
        projects,
        behind(projects.works),
        ties.works(reading, Found(tuple(others), len(others))),
        support(reading, reading.back(ties.TOWARDS).nodes),
        ties.items(reading, reading.back(term("dcterms:subject"))),
        reading.names(),
        reading.rest(),
    )


def _initiatives(reading: Reading) -> tuple[Initiative, ...]:
    found = []
    for node in reading.back(ties.BROADER).nodes:
        projects = ties.works(reading, reading.back(CONTRIBUTES_TO, node, ties.PROJECTS))
        words = reading.texts(node, parts.DESCRIPTION)
        found.append(Initiative(reading.text(node, NOTATION), reading.value(node), words, projects))
    return tuple(sorted(found, key=lambda one: (ties.number(one.number), one.thing.text)))
