"""What ties things together, as several pages show it: work, contributions to a strategy, partnerships, a timeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pyoxigraph import NamedNode

from unitgraph.resources import parts
from unitgraph.resources.parts import Period
from unitgraph.resources.reading import NONE_LEFT, UNDATED, Found, More, Proof, Reading
from unitgraph.resources.terms import Text, Value
from unitgraph.vocab import NOTATION, term

LEADER, COLEADER, CARRIED_OUT_BY = term("ug:leader"), term("ug:coleader"), term("ug:carriedOutBy")
CONTRIBUTION_OF, TOWARDS, BASIS = term("ug:contributionOf"), term("ug:towards"), term("ug:basis")
PARTNER, PARTNERSHIP_IN, ROLE = term("ug:partner"), term("ug:partnershipIn"), term("ug:role")
BROADER, ISSUED, FORM, STATE = term("skos:broader"), term("dcterms:issued"), term("ug:form"), term("ug:state")
URL, GRANT_OF, RECIPIENT = term("ug:url"), term("ug:grantOf"), term("ug:recipient")
RANK, FOR_PROJECT = term("ug:rank"), term("ug:forProject")
PROJECTS = ("project", "award")  #: kinds that are projects: an award is one that is run again and again
#: By which properties a work says whose it is; without an entry: by whom it is carried out.
CARRIERS = {
    "action-plan": (term("ug:planOf"),),
    "award-grant": (RECIPIENT,),
    "story": (term("ug:tellsOf"),),
    "unit": (),
}
SURE = ("seed", "confirmed")  #: how sure a contribution is that the rules sum up
NOT_RECALLED = (*SURE, "inferred")  #: how sure a partnership is that they sum up
LARGEST = 10_000  #: a number of a thing by which it is sorted


@dataclass(frozen=True)
class Aim:
    """A contribution: what it serves, with its number, and on what ground; `counts`: it is summed up by the rules."""

    aim: Value
    number: str
    direction: Value | None
    basis: Value | None
    counts: bool
    proof: Proof


@dataclass(frozen=True)
class Work:
    """A project, an award, a plan, as another's page lists it. `form` is what it is, `by` who carries it out."""

    thing: Value
    segment: str
    period: Period
    form: Value | None
    state: Value | None
    by: tuple[Value, ...] = ()
    aims: tuple[Aim, ...] = ()
    proof: Proof | None = None


@dataclass(frozen=True)
class Works:
    """Works in order of their begin, and what the list leaves out; `count` are there in all."""

    works: tuple[Work, ...] = ()
    more: More = NONE_LEFT

    @property
    def count(self) -> int:
        return len(self.works) + self.more.count

    @property
    def shared(self) -> bool:
        """Whether any of them is carried out by others as well."""
        return any(work.by for work in self.works)


@dataclass(frozen=True)
class Partnership:
    """Who had a part in what, as what; `counts`: it is a partner, not merely named."""

    partner: Value
    of: Value
    by: tuple[Value, ...]
    role: Value | None
    counts: bool
    words: tuple[Text, ...]
    period: Period
    proof: Proof


@dataclass(frozen=True)
class Partnerships:
    """Partnerships, and what the list leaves out. `partners` are the different organisations whose role counts."""

    rows: tuple[Partnership, ...] = ()
    partners: int = 0
    more: More = NONE_LEFT


@dataclass(frozen=True)
class Item:
    """A story, an output, an event, a channel: when it was, what it is, where it stands on the web."""

    thing: Value
    period: Period
    form: Value | None
    pages: tuple[Value, ...]
    words: tuple[Text, ...]
    others: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Items:
    """Items in order of time, and what the list leaves out; `count` are there in all."""

    items: tuple[Item, ...] = ()
    more: More = NONE_LEFT

    @property
    def count(self) -> int:
        return len(self.items) + self.more.count


@dataclass(frozen=True)
class Grant:
    """An award that was given to a unit, or to somebody for a project."""

    thing: Value
    award: Value | None
    recipients: tuple[Value, ...]
    rank: tuple[Text, ...]
    projects: tuple[Value, ...]
    period: Period
    proof: Proof


@dataclass(frozen=True)
class Moment:
    """An entry of a timeline: what began (`standing`, `part`, `sponsored`, `project` …) and when."""

    what: str
    thing: Value
    period: Period


@dataclass(frozen=True)
class Year:
    """A year of a timeline."""

    year: int
    moments: tuple[Moment, ...]


def number(text: str) -> tuple[int, ...]:
    """A number with dots as a key for sorting.

    >>> number("2.10") > number("2.9"), number("")
    (True, (10000,))
    """
    parts_ = text.split(".")
    return tuple(int(p) for p in parts_) if all(p.isdecimal() and len(p) < 10 for p in parts_) else (LARGEST,)


def when(period: Period) -> tuple[bool, str]:
    """A key for sorting by time: what has no date comes last."""
    first = period.start or period.end
    return not first, first


def aims(reading: Reading, work: NamedNode) -> tuple[Aim, ...]:
    """What a work contributes to, in the order of the strategy."""
    found = []
    for statement in reading.back(CONTRIBUTION_OF, work).nodes:
        for aim in reading.nodes(statement, TOWARDS):
            direction = reading.value(aim) if reading.segment(aim) == "direction" else reading.one(aim, BROADER)
            basis, counts = reading.one(statement, BASIS), reading.counts(statement, BASIS, SURE)
            notation = reading.text(aim, NOTATION)
            found.append(Aim(reading.value(aim), notation, direction, basis, counts, reading.proof(statement)))
    return tuple(sorted(found, key=lambda aim: (number(aim.number), aim.aim.text)))


def work(reading: Reading, node: NamedNode, *, proof: Proof | None = None) -> Work:
    """A project, an award, a plan, a unit or a story as one of several."""
    form, state = reading.one(node, FORM), reading.one(node, STATE)
    segment = reading.segment(node)
    return Work(reading.value(node), segment, reading.period(node), form, state, carriers(reading, node), proof=proof)


def carriers(reading: Reading, node: NamedNode) -> tuple[Value, ...]:
    """Who carries out a project or an award, whose plan it is, who was given it; of a story, whom it tells of."""
    for predicate in CARRIERS.get(reading.segment(node), (CARRIED_OUT_BY,)):
        if found := [one for one in reading.nodes(node, predicate) if one != reading.thing]:
            return reading.values(found)
    return ()


def works(reading: Reading, found: Found) -> Works:
    """Works in order of time."""
    return in_order((work(reading, node) for node in found.nodes), found.more)


def carried_out(reading: Reading, found: Found, *, aimed: bool) -> Works:
    """What the thing of the page carries out, with the claims on that; `aimed`: with what each contributes to."""
    claims = reading.claimed_elsewhere((LEADER, COLEADER))
    shown = [work(reading, node, proof=claims.get(node)) for node in found.nodes]
    if aimed:
        pairs = zip(shown, found.nodes, strict=True)
        shown = [replace(one, aims=aims(reading, node)) for one, node in pairs]
    return in_order(shown, found.more)


def in_order(works: Iterable[Work], more: More) -> Works:
    """Works in order of time."""
    return Works(tuple(sorted(works, key=lambda one: (when(one.period), one.thing.text))), more)


def partnership(reading: Reading, statement: NamedNode) -> Partnership | None:
    """A partnership; None where it lacks one of the two that it joins."""
    partner, of = reading.node(statement, PARTNER), reading.node(statement, PARTNERSHIP_IN)
    if partner is None or of is None:
        return None
    return Partnership(
        reading.value(partner),
        reading.value(of),
        carriers(reading, of),
        reading.one(statement, ROLE),
        reading.counts(statement, ROLE, NOT_RECALLED),
        reading.texts(statement, parts.DESCRIPTION),
        reading.period(statement),
        reading.proof(statement),
    )


def partnerships(reading: Reading, statements: Iterable[NamedNode], more: More = NONE_LEFT) -> Partnerships:
    """Partnerships: those that count first, then by name."""
    rows = [row for row in (partnership(reading, statement) for statement in statements) if row]
    rows.sort(key=lambda row: (not row.counts, row.partner.text.casefold(), row.of.text))
    partners = {row.partner.iri for row in rows if row.counts}
    return Partnerships(tuple(rows), len(partners), more)


def item(reading: Reading, node: NamedNode, others: Iterable[NamedNode] = ()) -> Item:
    """A story, an output, an event, a channel as one of several."""
    issued = reading.text(node, ISSUED)
    period = Period(issued, issued) if issued else reading.period(node)
    pages, words = reading.some(node, URL), reading.texts(node, parts.DESCRIPTION)
    return Item(reading.value(node), period, reading.one(node, FORM), pages, words, reading.values(others))


def items(reading: Reading, found: Found, other: NamedNode | None = None) -> Items:
    """Items in order of time; of each, the values of `other` that are not the page's own thing."""
    shown = []
    for node in found.nodes:
        others = reading.nodes(node, other) if other else ()
        shown.append(item(reading, node, (one for one in others if one != reading.thing)))
    return Items(tuple(sorted(shown, key=lambda one: (when(one.period), one.thing.text))), found.more)


def grants(reading: Reading, found: Found) -> tuple[Grant, ...]:
    """Awards that were given, in order of time."""
    shown = [
        Grant(
            reading.value(node),
            reading.one(node, GRANT_OF),
            reading.values(one for one in reading.nodes(node, RECIPIENT) if one != reading.thing),
            reading.texts(node, RANK),
            reading.values(one for one in reading.nodes(node, FOR_PROJECT) if one != reading.thing),
            reading.period(node),
            reading.proof(node),
        )
        for node in found.nodes
    ]
    return tuple(sorted(shown, key=lambda grant: (when(grant.period), grant.thing.text)))


def timeline(moments: Iterable[Moment]) -> tuple[Year, ...]:
    """Moments by the year in which they began, or ended where that is all that is known; others are left out.

    A period that says no more than the year is left out of its moment.
    """
    years: dict[int, list[Moment]] = {}
    for moment in sorted(moments, key=lambda one: (when(one.period), one.thing.text)):
        first = (moment.period.start or moment.period.end)[:4]
        plain = moment.period.start == first and moment.period.end in ("", first)
        if first.isdecimal():
            years.setdefault(int(first), []).append(replace(moment, period=UNDATED) if plain else moment)
    return tuple(Year(year, tuple(years[year])) for year in sorted(years))
