"""The page of a project: what it is, who carries it, what it serves and on what ground, what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from unitgraph.resources import parts, ties
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Heading, Period
from unitgraph.resources.reading import Given, Listed, Name, Proof, Reading, Rest
from unitgraph.resources.ties import Aim, Grant, Items, Partnerships
from unitgraph.site import Site
from unitgraph.vocab import term

PART_OF, FOLLOW_UP_OF = term("dcterms:isPartOf"), term("ug:followUpOf")
#: What the page says by statements, and the rules once more by one property.
SUMMED_UP = (
    ties.CARRIED_OUT_BY,
    term("ug:hasPartner"),
    term("ug:contributesTo"),
    term("ug:contributesToDirection"),
    term("ug:toldIn"),
)


@dataclass(frozen=True)
class ProjectPage:
    """What the page of a project shows; a part without anything is empty."""

    thing: Heading
    period: Period
    period_proofs: tuple[Proof, ...]
    form: tuple[Given, ...]
    state: tuple[Given, ...]
    languages: tuple[Given, ...]
    identifiers: tuple[Given, ...]
    pages: tuple[Given, ...]
    leaders: tuple[Given, ...]
    coleaders: tuple[Given, ...]
    whole: tuple[Given, ...]
    parts: Listed
    earlier: tuple[Given, ...]
    later: Listed
    aims: tuple[Aim, ...]
    outputs: Items
    partnerships: Partnerships
    stories: Items
    events: Items
    channels: Items
    grants: tuple[Grant, ...]
    names: tuple[Name, ...]
    rest: Rest


def page(site: Site, described: Description) -> ProjectPage:
    """All that is known about a project."""
    reading = Reading(site, described)
    given = reading.given
    period, period_proofs = reading.when()
    reading.used.update(SUMMED_UP)
    partnering = reading.back(ties.PARTNERSHIP_IN)
    return ProjectPage(
        parts.heading(site, described.iri),
        period,
        period_proofs,
        given(ties.FORM),
        given(ties.STATE),
        given(term("dcterms:language")),
        given(term("dcterms:identifier")),
        (*given(term("ug:homepage")), *given(ties.URL)),
        given(ties.LEADER),
        given(ties.COLEADER),
        given(PART_OF),
        reading.listed(reading.back(PART_OF)),
        given(FOLLOW_UP_OF),
        reading.listed(reading.back(FOLLOW_UP_OF)),
        ties.aims(reading, described.iri),
        ties.items(reading, reading.back(term("ug:outputOf"))),
        ties.partnerships(reading, partnering.nodes, partnering.more),
        ties.items(reading, reading.back(term("ug:tellsOf")), term("ug:inRound")),
        ties.items(reading, reading.back(term("ug:eventOf"))),
        ties.items(reading, reading.back(term("ug:channelOf")), term("ug:channelOf")),
        ties.grants(reading, reading.back(ties.FOR_PROJECT)),
        reading.names(),
        reading.rest(),
    )
