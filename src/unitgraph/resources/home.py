"""The first page, and what every page says of the release in its head and foot."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from pyoxigraph import NamedNode

from unitgraph.resources import listing, parts, saved_query, terms, ties
from unitgraph.resources.initiative import CONTRIBUTES_TO, CONTRIBUTES_TO_DIRECTION
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, RDF_TYPE, term

FIRST_ROUND = "units-strategy-2020"
EXAMPLES = 5
COUNTED = 200  #: projects of a direction that are counted
MAX_DIRECTIONS, MAX_ROUNDS, SHOWN_UNITS = 12, 50, 5


@dataclass(frozen=True)
class Chrome:
    """What stands on every page: name of the data set, release, licence, contact.

    `dataset` says that the data set is described, `about_ifla` that it is about that federation,
    `from_files` that somebody's files are published as they are.
    """

    title: Text
    version: str
    issued: str
    content: str
    license: str
    contact: str
    about_ifla: bool
    dataset: bool
    from_files: bool


@dataclass(frozen=True)
class Direction:
    """A strategic direction as a way in: its number, its projects, and the units that carry them out.

    `open_ended`: there are more projects than are counted, and units are not counted at all.
    """

    number: str
    thing: Value
    projects: int
    units: int
    open_ended: bool


@dataclass(frozen=True)
class Story:
    """A story of the first round: its place there, the units it tells of, the key initiatives that it is tied to."""

    position: int
    thing: Value
    units: tuple[Value, ...]
    initiatives: tuple[Initiative, ...]


@dataclass(frozen=True)
class Initiative:
    """A key initiative with its number."""

    number: str
    thing: Value


@dataclass(frozen=True)
class KindCount:
    """A kind of thing, the path of its list, and how many there are."""

    segment: str
    kind: Value
    count: int


@dataclass(frozen=True)
class HomePage:
    """The first page; a part that this release does not have is empty."""

    dataset: str
    title: Text
    descriptions: tuple[Text, ...]
    directions: tuple[Direction, ...]
    round: Value | None
    stories: tuple[Story, ...]
    things: tuple[KindCount, ...]
    statements: tuple[KindCount, ...]
    concepts: tuple[KindCount, ...]
    queries: tuple[Value, ...]


def chrome(site: Site) -> Chrome:
    """Head and foot of every page."""
    dataset = site.iri("dataset")
    licenses = terms.objects(site, dataset, term("dcterms:license"))
    license_ = next((found.value for found in licenses if isinstance(found, NamedNode)), "")
    release = site.release
    return Chrome(
        terms.text(site, dataset, term("dcterms:title")) or Text(site.base),
        release.version,
        release.issued[:10],
        release.manifest.content[:12],
        license_,
        site.settings.contact,
        not release.from_files and terms.exists(site, site.iri("organisation", "ifla")),
        terms.exists(site, dataset),
        release.from_files,
    )


def home(site: Site) -> HomePage:
    """Title, directions, stories, counts and examples."""
    dataset = site.iri("dataset")
    first_round = _first_round(site)
    statement_kinds = {"name", "standing", "placement", "contribution", "partnership", "award-grant", "claim"}
    counts = [_count(site, segment) for segment in site.kinds if listing.count(site, segment)]
    concepts = [c for c, segment in counts if site.kinds[segment].concept and not _in_strategy(segment)]
    statements = [c for c, segment in counts if segment in statement_kinds]
    return HomePage(
        dataset.value,
        terms.text(site, dataset, term("dcterms:title")) or Text(site.base),
        terms.texts(site, dataset, term("dcterms:description")),
        tuple(_directions(site)),
        terms.value(site, first_round) if first_round else None,
        tuple(_stories(site, first_round)),
        tuple(c for c, _ in counts if c not in concepts and c not in statements),
        tuple(statements),
        tuple(concepts),
        tuple(terms.value(site, node) for node in saved_query.names(site)[:EXAMPLES]),
    )


def _in_strategy(segment: str) -> bool:
    return segment in {"direction", "initiative", "mission-verb", "observance"}


def _count(site: Site, segment: str) -> tuple[KindCount, str]:
    name = terms.plural(site.kinds[segment].label)
    return KindCount(segment, Value(name, "en", f"{site.base}{segment}"), listing.count(site, segment)), segment


def _directions(site: Site) -> list[Direction]:
    """The directions by number; of each no more than the first projects are counted."""
    nodes = islice(site.store.quads_for_pattern(None, RDF_TYPE, term("ug:Direction")), MAX_DIRECTIONS)
    found = [_direction(site, quad.subject) for quad in nodes if isinstance(quad.subject, NamedNode)]
    return sorted(set(found), key=lambda one: (ties.number(one.number), one.thing.text))


def _direction(site: Site, node: NamedNode) -> Direction:
    quads = list(islice(site.store.quads_for_pattern(None, CONTRIBUTES_TO_DIRECTION, node), COUNTED + 1))
    prefixes = tuple(f"{site.base}{segment}/" for segment in ties.PROJECTS)
    projects = {q.subject for q in quads if isinstance(q.subject, NamedNode) and q.subject.value.startswith(prefixes)}
    open_ended = len(quads) > COUNTED
    counted = () if open_ended else projects
    carriers = {one for project in counted for one in terms.objects(site, project, ties.CARRIED_OUT_BY)}
    units = [one for one in carriers if isinstance(one, NamedNode) and one.value.startswith(f"{site.base}unit/")]
    number = terms.text(site, node, NOTATION)
    return Direction(number.value if number else "", terms.value(site, node), len(projects), len(units), open_ended)


def _first_round(site: Site) -> NamedNode | None:
    """The round that began first, of the first rounds that are found."""
    quads = islice(site.store.quads_for_pattern(None, RDF_TYPE, term("ug:Round")), MAX_ROUNDS)
    rounds = {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}
    if (known := site.iri("round", FIRST_ROUND)) in rounds:
        return known
    return min(rounds, key=lambda one: (parts.literal(site, one, parts.START) or "9999", one.value), default=None)


def _stories(site: Site, of_round: NamedNode | None) -> list[Story]:
    if of_round is None:
        return []
    found = [_story(site, node) for node in parts.backwards(site, term("ug:inRound"), of_round)]
    return sorted(found, key=lambda story: (story.position or ties.LARGEST, story.thing.text))


def _story(site: Site, node: NamedNode) -> Story:
    """A story with the units it tells of, and the key initiatives of what it tells of."""
    position = parts.literal(site, node, term("schema:position"))
    about = [one for one in terms.objects(site, node, term("ug:tellsOf")) if isinstance(one, NamedNode)]
    units = [one for one in about if one.value.startswith(f"{site.base}unit/")]
    aims = {aim for one in (node, *about) for aim in terms.objects(site, one, CONTRIBUTES_TO)}
    initiatives = [_initiative(site, aim) for aim in aims if isinstance(aim, NamedNode)]
    return Story(
        int(position) if position.isdecimal() else 0,
        terms.value(site, node),
        terms.values(site, units[:SHOWN_UNITS]),
        tuple(sorted(initiatives, key=lambda one: (ties.number(one.number), one.thing.text))),
    )


def _initiative(site: Site, node: NamedNode) -> Initiative:
    number = terms.text(site, node, NOTATION)
    return Initiative(number.value if number else "", terms.value(site, node))
