"""What the pages of stories, rounds, series, strategies and changes add to what every composed page shows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from pyoxigraph import NamedNode

from unitgraph.resources import parts, said, terms
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Cut
from unitgraph.resources.said import Page, Ties
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import term

IN_ROUND, POSITION, TELLS_OF = term("ug:inRound"), term("schema:position"), term("ug:tellsOf")
PART_OF, BROADER, IN_SCHEME = term("dcterms:isPartOf"), term("skos:broader"), term("skos:inScheme")


@dataclass(frozen=True)
class Story:
    """A story in its round: its number where the round is in order, and what it tells of."""

    story: Value
    number: int | None
    about: tuple[Value, ...]


@dataclass(frozen=True)
class Order:
    """Where a story stands in its round, and those before and after it."""

    round: Value
    series: Value | None
    number: int | None
    count: int
    before: Value | None
    after: Value | None


@dataclass(frozen=True)
class StoryPage(Page):
    """A story: what it tells of, where it stands in its round, which aims it serves."""

    orders: tuple[Order, ...]


@dataclass(frozen=True)
class RoundPage(Page):
    """A round: its series and its stories in order; `more` stories are not shown."""

    series: tuple[Value, ...]
    stories: tuple[Story, ...]
    more: int


@dataclass(frozen=True)
class RoundOf:
    """A round of a series with its stories."""

    round: Value
    stories: Cut


@dataclass(frozen=True)
class SeriesPage(Page):
    """A series: its rounds, the oldest first; `more` rounds are not shown."""

    rounds: tuple[RoundOf, ...]
    more: int


@dataclass(frozen=True)
class Aim:
    """A direction with its key initiatives, by number."""

    direction: Value
    notation: str
    description: Text | None
    initiatives: tuple[tuple[Value, str], ...]


@dataclass(frozen=True)
class StrategyPage(Page):
    """A strategy: vision, mission with its verbs, directions with initiatives, what serves it as a whole."""

    visions: tuple[Value, ...]
    missions: tuple[tuple[Value, tuple[Value, ...]], ...]
    aims: tuple[Aim, ...]
    served: Ties


@dataclass(frozen=True)
class AimPage(Page):
    """An aim that is no direction or initiative, such as a verb of a mission: what is said to serve it."""

    missions: tuple[Value, ...]
    served: Ties


@dataclass(frozen=True)
class ChangePage(Page):
    """A change: which units it changed, or which ones were followed by which."""

    kinds: tuple[Value, ...]
    changed: tuple[Value, ...]
    before: tuple[Value, ...]
    after: tuple[Value, ...]


def story(site: Site, described: Description) -> StoryPage:
    """The page of a story."""
    common = said.page(site, described, ("ug:inRound", "schema:position"))
    rounds = [node for node in terms.objects(site, described.iri, IN_ROUND) if isinstance(node, NamedNode)]
    return StoryPage(**vars(common), orders=tuple(_order(site, described.iri, node) for node in rounds))


def _order(site: Site, iri: NamedNode, node: NamedNode) -> Order:
    nodes = _in_order(site, node)
    at = nodes.index(iri) if iri in nodes else -1
    before = terms.value(site, nodes[at - 1]) if at > 0 else None
    after = terms.value(site, nodes[at + 1]) if 0 <= at < len(nodes) - 1 else None
    return Order(terms.value(site, node), parts.one(site, node, PART_OF), _number(site, iri), len(nodes), before, after)


def _number(site: Site, node: NamedNode) -> int | None:
    return next((int(number) for number in terms.numbers(site, node, POSITION)), None)


def _in_order(site: Site, node: NamedNode) -> list[NamedNode]:
    """The stories of a round by their place in it, those without one by IRI at the end."""
    nodes = parts.backwards(site, IN_ROUND, node, said.COUNTED)
    places = {one: _number(site, one) for one in nodes}
    return sorted(nodes, key=lambda one: (inf if (place := places[one]) is None else place, one.value))


def round_(site: Site, described: Description) -> RoundPage:
    """The page of a round."""
    common = said.page(site, described, ("dcterms:isPartOf",), ("ug:inRound",))
    nodes = _in_order(site, described.iri)
    stories = [_story(site, node) for node in nodes[: parts.SHOWN]]
    series = parts.some(site, described.iri, PART_OF)
    return RoundPage(**vars(common), series=series, stories=tuple(stories), more=len(nodes) - len(stories))


def _story(site: Site, node: NamedNode) -> Story:
    return Story(terms.value(site, node), _number(site, node), parts.some(site, node, TELLS_OF))


def series(site: Site, described: Description) -> SeriesPage:
    """The page of a series."""
    common = said.page(site, described, (), ("dcterms:isPartOf",))
    nodes = parts.backwards(site, PART_OF, described.iri, said.COUNTED)
    nodes.sort(key=lambda node: (parts.literal(site, node, parts.START), node.value))
    rounds = [RoundOf(terms.value(site, n), parts.cut(site, _in_order(site, n), 20)) for n in nodes[:20]]
    return SeriesPage(**vars(common), rounds=tuple(rounds), more=len(nodes) - len(rounds))


def strategy(site: Site, described: Description) -> StrategyPage:
    """The page of a strategy."""
    iri = described.iri
    used = ("ug:vision", "ug:mission")
    common = said.page(site, described, used, ("ug:towards", "skos:inScheme", "skos:topConceptOf"))
    missions = [node for node in terms.objects(site, iri, term("ug:mission")) if isinstance(node, NamedNode)]
    return StrategyPage(
        **vars(common),
        visions=parts.some(site, iri, term("ug:vision")),
        missions=tuple((terms.value(site, node), parts.some(site, node, term("ug:verb"))) for node in missions),
        aims=tuple(_aims(site, iri)),
        served=said.ties_to(site, iri, "ug:towards", "ug:contributionOf", "ug:basis"),
    )


def _aims(site: Site, iri: NamedNode) -> list[Aim]:
    """The concepts of a strategy that have no broader one, with those below them, by notation."""
    nodes = parts.backwards(site, IN_SCHEME, iri, 200)
    upper = [node for node in nodes if not terms.objects(site, node, BROADER)]
    aims = [
        Aim(
            terms.value(site, node),
            _notation(site, node),
            terms.text(site, node, parts.DESCRIPTION),
            tuple(_below(site, node)),
        )
        for node in upper
    ]
    return sorted(aims, key=lambda aim: (aim.notation, aim.direction.text))


def _below(site: Site, node: NamedNode) -> list[tuple[Value, str]]:
    below = parts.backwards(site, BROADER, node)
    return sorted(((terms.value(site, one), _notation(site, one)) for one in below), key=lambda one: one[1])


def _notation(site: Site, node: NamedNode) -> str:
    return parts.literal(site, node, term("skos:notation"))


def aim(site: Site, described: Description) -> AimPage:
    """The page of a verb of a mission."""
    common = said.page(site, described, backwards=("ug:towards", "ug:verb"))
    missions = parts.backwards(site, term("ug:verb"), described.iri)
    served = said.ties_to(site, described.iri, "ug:towards", "ug:contributionOf", "ug:basis")
    return AimPage(**vars(common), missions=terms.values(site, missions), served=served)


def change(site: Site, described: Description) -> ChangePage:
    """The page of a change or a succession."""
    properties = ("ug:changeKind", "ug:changed", "org:originalOrganization", "org:resultingOrganization")
    common = said.page(site, described, properties)
    kinds, changed, before, after = (parts.some(site, described.iri, term(name)) for name in properties)
    return ChangePage(**vars(common), kinds=kinds, changed=changed, before=before, after=after)
