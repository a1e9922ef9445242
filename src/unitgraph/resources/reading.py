"""The look-ups of one page: each is made once, none is without a bound, and what the page has shown is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import unquote, urlsplit

from pyoxigraph import Literal, NamedNode, Quad, Triple

from unitgraph.answers import Term
from unitgraph.resources import entity, parts, terms
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Evidence, Period
from unitgraph.resources.terms import Fact, Text, Value
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
    term,
)

COUNTED = 500  #: of things that refer to one by one property no more are counted
REFERRING = 500  #: of all references to a thing no more are looked at for what the page has not shown
UNDATED = Period()
LONGEST_ADDRESS = 60  #: characters of a web address that are shown
NOTE = term("skos:editorialNote")
SUBJECT, PREDICATE, OBJECT = term("rdf:subject"), term("rdf:predicate"), term("rdf:object")
COUNTS = term("ug:counts")
DERIVED = frozenset({term("ug:firstYear"), term("ug:lastYear"), term("skos:broaderTransitive")})
LITERAL_FORM, NAME_FORM, ACRONYM = term("skosxl:literalForm"), term("ug:nameForm"), term("ug:acronym")

#: What the head and the foot of every page show.
HEAD = frozenset({RDF_TYPE, PREF_LABEL, LABEL, NOTATION, DEFINITION, NOTE, CONFIDENCE, STATED_IN, parts.DESCRIPTION})


@dataclass(frozen=True)
class Proof:
    """What stands beside a statement: its own page (empty: it has none), how sure it is, who says it, notes."""

    iri: str = ""
    evidence: Evidence | None = None
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Given:
    """A value with when it held and what is said of it in particular; without proof, what its owner says holds."""

    value: Value
    period: Period = UNDATED
    proof: Proof | None = None


@dataclass(frozen=True)
class More:
    """What a list leaves out: how many (at least that many, where `open_ended`), and the query that finds all."""

    count: int
    query: str
    open_ended: bool = False

    def __bool__(self) -> bool:
        return self.count > 0


NONE_LEFT = More(0, "")


@dataclass(frozen=True)
class Found:
    """Things that refer to one by a property: the first of them, how many there are in all, the rest."""

    nodes: tuple[NamedNode, ...]
    count: int
    more: More = NONE_LEFT


@dataclass(frozen=True)
class Listed:
    """Values of a list and what it leaves out; `count` are there in all."""

    values: tuple[Value, ...] = ()
    more: More = NONE_LEFT

    @property
    def count(self) -> int:
        return len(self.values) + self.more.count


@dataclass(frozen=True)
class Name:
    """One of the names of a thing."""

    text: Text
    preferred: bool
    acronym: str
    form: Value | None
    period: Period
    proof: Proof


@dataclass(frozen=True)
class Rest:
    """What is said and what the page has not shown: facts, and who refers to the thing by which property."""

    facts: tuple[Fact, ...]
    references: tuple[Fact, ...]
    cut: bool

    def __bool__(self) -> bool:
        return bool(self.facts or self.references or self.cut)


class Reading:
    """What one page reads of a release.

    `used` are properties of the thing that the page shows, `shown` the things that it names.
    """

    def __init__(self, site: Site, described: Description) -> None:
        self.site, self.thing, self._own = site, described.iri, described.own
        self.used: set[NamedNode] = set(HEAD)
        self.shown: set[NamedNode] = {site.iri("dataset")}  # that it names some as examples says nothing of them
        self._values: dict[NamedNode, Value] = {}
        self._objects: dict[tuple[NamedNode, NamedNode], list[Term]] = {}
        self._whole: set[Term] = {described.iri, *described.statements}
        for triple in (*described.own, *described.said):
            if isinstance(triple.subject, NamedNode):
                self._objects.setdefault((triple.subject, triple.predicate), []).append(triple.object)
        self._claims = self._claims_about()

    # What is said of a node

    def objects(self, node: NamedNode, predicate: NamedNode) -> list[Term]:
        """The values of a property; one of the thing's own counts as shown."""
        if node == self.thing:
            self.used.add(predicate)
        key = (node, predicate)
        if key not in self._objects:
            quads = () if node in self._whole else self.site.store.quads_for_pattern(node, predicate, None)
            self._objects[key] = list(dict.fromkeys(quad.object for quad in islice(quads, COUNTED)))
        return self._objects[key]

    def nodes(self, node: NamedNode, predicate: NamedNode) -> list[NamedNode]:
        """The values of a property that are things."""
        return [value for value in self.objects(node, predicate) if isinstance(value, NamedNode)]

    def node(self, node: NamedNode, predicate: NamedNode) -> NamedNode | None:
        """The first value of a property that is a thing."""
        return next(iter(self.nodes(node, predicate)), None)

    def text(self, node: NamedNode, predicate: NamedNode) -> str:
        """The first value of a property that is a literal, or an empty text."""
        return next((o.value for o in self.objects(node, predicate) if isinstance(o, Literal)), "")

    def texts(self, node: NamedNode, predicate: NamedNode) -> tuple[Text, ...]:
        """The literals of a property, the reader's language first."""
        found = terms.values(self.site, (o for o in self.objects(node, predicate) if isinstance(o, Literal)))
        return tuple(Text(one.text, one.language) for one in found)

    def value(self, node: NamedNode) -> Value:
        """A thing as a link; it stands on the page from now on."""
        self.shown.add(node)
        if node not in self._values:
            self._values[node] = readable(terms.value(self.site, node))
        return self._values[node]

    def values(self, nodes: Iterable[NamedNode]) -> tuple[Value, ...]:
        """Things as links, by label."""
        return tuple(sorted((self.value(node) for node in nodes), key=lambda v: (v.text.casefold(), v.iri or "")))

    def one(self, node: NamedNode, predicate: NamedNode) -> Value | None:
        """The first value of a property that is a thing, as a link."""
        found = self.node(node, predicate)
        return self.value(found) if found else None

    def some(self, node: NamedNode, predicate: NamedNode) -> tuple[Value, ...]:
        """The values of a property: things as links, literals as they are."""
        return tuple(self._shown(value) for value in self.objects(node, predicate)[: terms.MAX_VALUES])

    def _shown(self, value: Term) -> Value:
        return self.value(value) if isinstance(value, NamedNode) else terms.value(self.site, value)

    def period(self, node: NamedNode) -> Period:
        """When something began and ended."""
        return Period(self.text(node, parts.START), self.text(node, parts.END))

    def segment(self, node: NamedNode) -> str:
        """The kind of a thing, as its path says it."""
        return node.value.removeprefix(self.site.base).partition("/")[0]

    def counts(self, statement: NamedNode, ground: NamedNode, sure: tuple[str, ...]) -> bool:
        """Whether the rules sum up a statement: its role or basis counts, and it is as sure as they ask."""
        confidence = self.node(statement, CONFIDENCE)
        certain = confidence is not None and confidence.value.rpartition("/")[2] in sure
        return certain and all(self.text(value, COUNTS) == "true" for value in self.nodes(statement, ground)[:1])

    # Evidence

    def proof(self, statement: NamedNode) -> Proof:
        """What is known about a statement."""
        self.shown.add(statement)
        return Proof(statement.value, self.evidence(statement), self.texts(statement, NOTE))

    def evidence(self, node: NamedNode) -> Evidence | None:
        """How sure a statement is and who says it."""
        confidence, sources = self.node(node, CONFIDENCE), self.nodes(node, STATED_IN)
        if confidence is None and not sources:
            return None
        named = self.values(sources[: parts.MAX_SOURCES])
        return Evidence(self.value(confidence) if confidence else None, named, more=len(sources) - len(named))

    def _claims_about(self) -> dict[tuple[NamedNode, Term], NamedNode]:
        """The claims on values of the thing, by property and value."""
        found: dict[tuple[NamedNode, Term], NamedNode] = {}
        for (node, predicate), values in list(self._objects.items()):
            if predicate == OBJECT and self.nodes(node, SUBJECT) == [self.thing]:
                for said in self.nodes(node, PREDICATE):
                    found |= {(said, value): node for value in values}
        return found

    def given(self, predicate: NamedNode) -> tuple[Given, ...]:
        """The values of a property of the thing, each with the claim that is made on it."""
        found = [
            Given(self._shown(value), proof=self._proof_of(predicate, value))
            for value in self.objects(self.thing, predicate)[: terms.MAX_VALUES]
        ]
        return tuple(sorted(found, key=lambda given: (given.value.text.casefold(), given.value.iri or "")))

    def _proof_of(self, predicate: NamedNode, value: Term) -> Proof | None:
        claim = self._claims.get((predicate, value))
        return self.proof(claim) if claim else None

    def when(self) -> tuple[Period, tuple[Proof, ...]]:
        """When the thing began and ended, and the claims on that."""
        period = self.period(self.thing)
        found = {c for (p, _), c in self._claims.items() if p in (parts.START, parts.END)}
        return period, tuple(self.proof(claim) for claim in sorted(found, key=str))

    def claimed_elsewhere(self, predicates: Iterable[NamedNode]) -> dict[NamedNode, Proof]:
        """The claims that give the thing as a value of another's property, by that other."""
        asked, found = set(predicates), {}
        for claim in self.back(OBJECT).nodes:
            subject = self.node(claim, SUBJECT)
            if subject and asked & set(self.nodes(claim, PREDICATE)):
                found[subject] = self.proof(claim)
        return found

    # What refers to a node

    def back(
        self,
        predicate: NamedNode,
        node: NamedNode | None = None,
        segments: tuple[str, ...] = (),
        limit: int = parts.SHOWN,
    ) -> Found:
        """The things, of some kinds if these are given, that have a node as the value of a property."""
        target = node or self.thing
        quads = list(islice(self.site.store.quads_for_pattern(None, predicate, target), COUNTED + 1))
        subjects = dict.fromkeys(quad.subject for quad in quads if isinstance(quad.subject, NamedNode))
        found = [node for node in subjects if not segments or self.segment(node) in segments]
        shown = tuple(found[:limit])
        more = More(len(found) - len(shown), everything(predicate, target), len(quads) > COUNTED)
        return Found(shown, len(found), more)

    def listed(self, found: Found) -> Listed:
        """Things as links, by label, and what is left out."""
        return Listed(self.values(found.nodes), found.more)

    # Names, and what is left

    def names(self) -> tuple[Name, ...]:
        """The names of the thing: preferred ones first, then by language; then labels that no name gives."""
        found = []
        for predicate in entity.NAMES:
            for node in self.nodes(self.thing, predicate)[: terms.MAX_VALUES]:
                for text in self.texts(node, LITERAL_FORM):
                    form = self.one(node, NAME_FORM)
                    acronym, preferred = self.text(node, ACRONYM), predicate == entity.NAMES[0]
                    found.append(Name(text, preferred, acronym, form, self.period(node), self.proof(node)))
        named = {name.text for name in found}
        title = terms.label(self.site, self.thing)
        for predicate in (PREF_LABEL, ALT_LABEL):
            for text in self.texts(self.thing, predicate)[: terms.MAX_VALUES]:
                if text not in named and text != title:
                    found.append(Name(text, predicate == PREF_LABEL, "", None, Period(), Proof()))
        found.sort(key=lambda name: (not name.preferred, name.text.language or "", name.period.start, name.text.value))
        return tuple(found)

    def rest(self) -> Rest:
        """What is said of the thing, and who refers to it, as far as the page has not shown it. To be asked last."""
        mine = [triple for triple in self._own if triple.predicate not in self.used]
        derived = self._derived(mine)
        facts = terms.facts(self.site, (triple for triple in mine if triple not in derived))
        facts = tuple(replace(fact, values=tuple(readable(value) for value in fact.values)) for fact in facts)
        quads = list(islice(self.site.store.quads_for_pattern(None, None, self.thing), REFERRING + 1))
        references = self._references([q for q in quads[:REFERRING] if q.subject not in self.shown])
        return Rest(facts, references, len(quads) > REFERRING)

    def _derived(self, mine: list[Triple]) -> set[Triple]:
        """What rules say once more: in other vocabularies, or of things that stand on the page already."""
        look = self.site.store.quads_for_pattern
        quads = [quad for triple in mine for quad in look(self.thing, triple.predicate, triple.object)]
        graph = terms.inferred_graph(self.site)
        again = [q for q in quads if q.graph_name == graph and (q.object in self.shown or q.predicate in DERIVED)]
        return terms.echoes(self.site, quads) | {Triple(q.subject, q.predicate, q.object) for q in again}

    def _references(self, quads: list[Quad]) -> tuple[Fact, ...]:
        echoes, report = terms.echoes(self.site, quads), terms.report_graph(self.site)
        by: dict[NamedNode, set[NamedNode]] = {}
        for quad in quads:
            hidden = quad.graph_name == report or Triple(quad.subject, quad.predicate, quad.object) in echoes
            if isinstance(quad.subject, NamedNode) and quad.subject != self.thing and not hidden:
                by.setdefault(quad.predicate, set()).add(quad.subject)
        found = []
        for predicate in sorted(by, key=lambda p: terms.predicate_key(self.site, p)):
            nodes = sorted(by[predicate], key=str)[: parts.SHOWN]
            found.append(Fact(self.value(predicate), self.values(nodes), len(by[predicate]) - len(nodes)))
        return tuple(found)


def everything(predicate: NamedNode, node: NamedNode) -> str:
    """The query that finds all things that have a node as the value of a property."""
    return f"SELECT DISTINCT ?thing\nWHERE {{\n  ?thing {predicate} {node} .\n}}\nORDER BY ?thing\n"


def readable(value: Value) -> Value:
    """A value that has no other name than its web address, called by that without its scheme.

    >>> readable(Value("https://www.ifla.org/units/eals/", None, "https://www.ifla.org/units/eals/")).text
    'ifla.org/units/eals'
    >>> readable(Value("x", None, "http://www.wikidata.org/entity/Q190593")).text
    'x'
    """
    if value.iri is None or value.text != value.iri:
        return value
    return replace(value, text=address(value.iri))


def address(iri: str) -> str:
    """A web address as people write it: without scheme, `www.` and query; cut where it is long.

    >>> address("https://www.example.org/a/"), address("urn:isbn:1")
    ('example.org/a', 'urn:isbn:1')
    """
    try:
        found = urlsplit(iri)
    except ValueError:
        return iri
    if not found.netloc:
        return iri
    text = found.netloc.removeprefix("www.") + unquote(found.path, errors="replace").rstrip("/")
    return text if len(text) <= LONGEST_ADDRESS else text[: LONGEST_ADDRESS - 1] + "…"
