"""The first page, and what every page says of the release in its head and foot."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from unitgraph.resources import listing, saved_query, terms
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, RDF_TYPE, term

FIRST_ROUND = "units-strategy-2020"
EXAMPLES = 5


@dataclass(frozen=True)
class Chrome:
    """What stands on every page: name of the data set, release, licence, contact.

    `dataset` says that the data set is described, `from_files` that somebody's files are published as they are.
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
class Numbered:
    """A thing with its number: a direction, a story in its round."""

    number: str
    thing: Value
    description: Text | None
    others: tuple[Value, ...] = ()


@dataclass(frozen=True)
class KindCount:
    """A kind of thing and how many there are."""

    kind: Value
    count: int


@dataclass(frozen=True)
class HomePage:
    """The first page; a part that this release does not have is empty."""

    dataset: str
    title: Text
    descriptions: tuple[Text, ...]
    directions: tuple[Numbered, ...]
    round: Value | None
    stories: tuple[Numbered, ...]
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
        terms.exists(site, dataset) and not release.from_files,
        terms.exists(site, dataset),
        release.from_files,
    )


def home(site: Site) -> HomePage:
    """Title, directions, stories, counts and examples."""
    dataset = site.iri("dataset")
    first_round = site.iri("round", FIRST_ROUND)
    statement_kinds = {"name", "standing", "placement", "contribution", "partnership", "award-grant", "claim"}
    counts = [_count(site, segment) for segment in site.kinds if listing.count(site, segment)]
    concepts = [c for c, segment in counts if site.kinds[segment].concept and not _in_strategy(segment)]
    statements = [c for c, segment in counts if segment in statement_kinds]
    return HomePage(
        dataset.value,
        terms.text(site, dataset, term("dcterms:title")) or Text(site.base),
        terms.texts(site, dataset, term("dcterms:description")),
        tuple(_directions(site)),
        terms.value(site, first_round) if terms.exists(site, first_round) else None,
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
    return KindCount(Value(name, "en", f"{site.base}{segment}"), listing.count(site, segment)), segment


def _directions(site: Site) -> list[Numbered]:
    found = []
    for node in terms.subjects(site, RDF_TYPE, term("ug:Direction")):
        number = terms.text(site, node, NOTATION)
        description = terms.text(site, node, term("dcterms:description"))
        found.append(Numbered(number.value if number else "", terms.value(site, node), description))
    return sorted(found, key=lambda direction: (direction.number, direction.thing.text))


def _stories(site: Site, of_round: NamedNode) -> list[Numbered]:
    found = []
    for node in terms.subjects(site, term("ug:inRound"), of_round):
        positions = terms.objects(site, node, term("schema:position"))
        position = next((int(p.value) for p in positions if isinstance(p, Literal) and p.value.isdecimal()), 0)
        about = terms.values(site, terms.objects(site, node, term("ug:tellsOf")))
        description = terms.text(site, node, term("dcterms:description"))
        found.append((position, Numbered(str(position), terms.value(site, node), description, about)))
    return [story for _, story in sorted(found, key=lambda pair: (pair[0], pair[1].thing.text))]
