"""Search: things that fit some words, the best first, with the words marked; and suggestions while somebody types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from pyoxigraph import Literal, NamedNode

from unitgraph.answers import Table
from unitgraph.errors import BadRequest, NotFound
from unitgraph.index.fold import MAX_CHARACTERS, key, marked, phrases
from unitgraph.index.read import RANKED, Found, How, Thing
from unitgraph.resources import entity, listing, terms
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import ALT_LABEL, DEFINITION, LABEL, NAMES, NOTATION, PREF_LABEL, term

PER_PAGE = 20
SUGGESTED = 8
SNIPPET_CHARACTERS = 200
MENTIONS = 20  #: things that mention the IRI of something elsewhere
APART = ("query", "ns", "shapes", "")  #: what is no kind of thing, and found all the same
OTHER_LABELS = (PREF_LABEL, ALT_LABEL, LABEL, term("dcterms:title"), term("skosxl:literalForm"), term("foaf:name"))
CODES = (NOTATION, term("dcterms:identifier"), term("ug:acronym"))
DESCRIPTIONS = (term("dcterms:description"), DEFINITION, term("rdfs:comment"), term("skos:scopeNote"))

Pieces = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Marked:
    """A text in pieces, each with whether it is what somebody looked for."""

    pieces: Pieces
    language: str | None

    @property
    def text(self) -> str:
        """The text as a whole."""
        return "".join(piece for piece, _ in self.pieces)


@dataclass(frozen=True)
class Hit:
    """A thing that was found: its kind (a segment), its label, and another text of it in which the words stand."""

    iri: str
    kind: str
    notation: Marked
    label: Marked
    snippet: Marked | None


@dataclass(frozen=True)
class Facet:
    """How many things of a kind were found; with `more` they were not counted further."""

    kind: str
    title: str
    count: int
    more: bool


@dataclass(frozen=True)
class SearchPage:
    """A page of what was found for `query`, of one `kind` or of all (empty).

    With `more` there are more than `count`; `reachable` of them can be paged through. `beginnings` says that the
    words were taken for beginnings of words, `some` that nothing has all of them.
    """

    query: str
    kind: str
    title: str
    hits: tuple[Hit, ...]
    facets: tuple[Facet, ...]
    count: int
    more: bool
    reachable: int
    beginnings: bool
    some: bool
    page: int
    pages: int


def cleaned(query: str) -> str:
    """What is looked for: without spaces around it, half characters and NULs, and no longer than it may be."""
    text = query.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join(text[:MAX_CHARACTERS].split())


def search(site: Site, query: str, kind: str = "", page: int = 1) -> SearchPage:
    """Find things by their labels in every language, acronyms, identifiers, IRIs and descriptions.

    Raises:
        BadRequest: there is no such kind.
        NotFound: there are fewer pages.
    """
    query = cleaned(query)
    known = (*site.kinds, *APART)
    if kind not in known:
        raise BadRequest(f"kind {kind[:60]!r} is no kind of thing here; there are {', '.join(k for k in known if k)}")
    found = site.release.index.search(query, kind or None, (page - 1) * PER_PAGE, PER_PAGE, tuple(meant(site, query)))
    pages = max(1, ceil(found.reachable / PER_PAGE))
    if page > pages:
        raise NotFound(f"page {page} of the search for {query!r} does not exist; the last one is {pages}")
    facets = tuple(Facet(name, _title(site, name), min(n, RANKED), n > RANKED) for name, n in found.counts)
    shown = [facet for facet in facets if not kind or facet.kind == kind]
    return SearchPage(
        query,
        kind,
        _title(site, kind),
        tuple(_hit(site, thing, found) for thing in found.things),
        facets,
        sum(facet.count for facet in shown),
        any(facet.more for facet in shown),
        found.reachable,
        found.how in (How.UNFINISHED, How.BEGINNINGS),
        found.how is How.SOME and len(found.phrases) > 1,
        page,
        pages,
    )


def _title(site: Site, kind: str) -> str:
    return listing.title(site, kind) if kind in site.kinds else ""


def meant(site: Site, query: str) -> Iterator[str]:
    """The IRIs that a query may be: pasted, shortened, a path of this site, a former one, one of somebody else."""
    text = query.strip("<>")
    if not text or " " in text:
        return
    prefix, colon, local = text.partition(":")
    for base in (site.public_url, site.release.manifest.canonical_base):
        text = site.base + text.removeprefix(base) if text.startswith(base) else text
    written = [text, site.base + text.lstrip("/"), terms.prefixes(site).get(prefix, "") + local]
    for iri in dict.fromkeys(written if colon else written[:2]):
        for one in dict.fromkeys((iri, iri.partition("?")[0].rpartition(".")[0])):
            yield from _known(site, one)
    if colon and "//" in text:
        yield from _mentioning(site, text)


def _known(site: Site, iri: str) -> Iterator[str]:
    if site.release.index.thing(iri):
        yield iri
    elif (node := _node(iri)) and (now := entity.former(site, node)):
        yield now.value


def _mentioning(site: Site, iri: str) -> Iterator[str]:
    """Things that have the IRI of something elsewhere as a value, such as the address of their page."""
    if node := _node(iri):
        quads = islice(site.store.quads_for_pattern(None, None, node), MENTIONS)
        yield from sorted({quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)})


def _node(iri: str) -> NamedNode | None:
    try:
        return NamedNode(iri)
    except ValueError:
        return None


# How a thing is shown --------------------------------------------------------------------------------


def _hit(site: Site, thing: Thing, found: Found) -> Hit:
    node = NamedNode(thing.iri)
    label = terms.label(site, node)
    title, notation = _marked(label, found), _marked(Text(thing.notation), found)
    return Hit(thing.iri, thing.kind, notation, title, _snippet(site, node, (title, notation), found))


def _marked(text: Text, found: Found) -> Marked:
    unfinished = found.how in (How.UNFINISHED, How.BEGINNINGS)
    return Marked(marked(text.value, found.phrases, beginnings=unfinished), text.language)


def _snippet(site: Site, node: NamedNode, shown: tuple[Marked, ...], found: Found) -> Marked | None:
    """The text that has most of the words that label and notation do not have; else how the description begins."""
    others = [_marked(text, found) for text in _others(site, node, (*OTHER_LABELS, *CODES))]
    descriptions = [_marked(text, found) for p in DESCRIPTIONS for text in terms.texts(site, node, p)]
    have = set().union(*map(_words, shown))
    missed = [len(_words(one) - have) for one in (*others, *descriptions)]
    if any(missed):
        return _cut((*others, *descriptions)[missed.index(max(missed))])
    return _cut(descriptions[0]) if descriptions else None


def _others(site: Site, node: NamedNode, predicates: tuple[NamedNode, ...]) -> list[Text]:
    """Other texts of a thing, and of its names."""
    named = [one for p in NAMES for one in terms.objects(site, node, p)[: terms.MAX_VALUES]]
    nodes = [node, *(one for one in named if isinstance(one, NamedNode))]
    return [text for one in nodes for p in predicates for text in terms.texts(site, one, p)]


def _words(text: Marked) -> set[str]:
    return {key(piece) for piece, hit in text.pieces if hit}


def _cut(text: Marked) -> Marked:
    """The part of a text around the first word that was looked for."""
    whole = text.text
    if len(whole) <= SNIPPET_CHARACTERS:
        return text
    first = next((i for i, (_, hit) in enumerate(text.pieces) if hit), 0)
    at = sum(len(piece) for piece, _ in text.pieces[:first])
    start = max(0, min(at - SNIPPET_CHARACTERS // 3, len(whole) - SNIPPET_CHARACTERS))
    if start:
        start = whole.find(" ", start, at) + 1 or start
    end = min(len(whole), start + SNIPPET_CHARACTERS)
    if end < len(whole):
        end = max(whole.rfind(" ", at + 1, end), start) if whole.rfind(" ", at + 1, end) > 0 else end
    pieces, place = [], 0
    for piece, hit in text.pieces:
        kept = piece[max(0, start - place) : max(0, end - place)]
        place += len(piece)
        if kept:
            pieces.append((kept, hit))
    before, after = (("… ", False),) if start else (), ((" …", False),) if end < len(whole) else ()
    return Marked((*before, *pieces, *after), text.language)


def table(found: SearchPage) -> Table:
    """The things on a page for a spreadsheet or a program."""
    rows = [
        (
            NamedNode(hit.iri),
            Literal(hit.label.text),
            Literal(hit.kind) if hit.kind else None,
            Literal(hit.notation.text) if hit.notation.text else None,
            Literal(hit.snippet.text) if hit.snippet else None,
        )
        for hit in found.hits
    ]
    return Table(("iri", "label", "kind", "notation", "snippet"), tuple(rows))


# While somebody types --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suggestion:
    """A thing that may be meant, by the label that has what was typed; what it is called else, its code, its kind."""

    thing: Value
    main: str
    notation: str
    kind: str
    title: str


def suggest(site: Site, query: str) -> tuple[Suggestion, ...]:
    """The few things whose label or code begins with what has been typed."""
    text = cleaned(query)
    typed = text + " " * (bool(text) and query[-1:].isspace())
    first = [thing for iri in islice(meant(site, text), 2) if (thing := site.release.index.thing(iri))]
    found = {thing.iri: thing for thing in (*first, *site.release.index.suggest(typed, SUGGESTED))}
    return tuple(_suggestion(site, thing, phrases(text)) for thing in islice(found.values(), SUGGESTED))


def _suggestion(site: Site, thing: Thing, looked_for: tuple[str, ...]) -> Suggestion:
    """A thing by its label, or by another one where that has all that was typed and the first has not."""
    node = NamedNode(thing.iri)
    main = terms.label(site, node)
    fitting = (text for text in (main, *_others(site, node, OTHER_LABELS)) if _has(text, looked_for))
    shown = next(fitting, main)
    other = main.value if shown != main else ""
    return Suggestion(
        Value(shown.value, shown.language, thing.iri), other, thing.notation, thing.kind, _title(site, thing.kind)
    )


def _has(text: Text, looked_for: tuple[str, ...]) -> bool:
    return all(any(hit for _, hit in marked(text.value, (phrase,), beginnings=True)) for phrase in looked_for)
