"""Terms of a release that are near to one that it does not know: looked up, by spelling, never invented."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from unitgraph.answers import Term
from unitgraph.patterns import Query
from unitgraph.resources import terms
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, RDF_TYPE, UG, term

CLOSE = 0.6  #: ratio of difflib from which two spellings are near
MAX_CANDIDATES = 5_000
CLASSES = tuple(term(name) for name in ("owl:Class", "rdfs:Class"))
PROPERTIES = tuple(
    term(name) for name in ("owl:ObjectProperty", "owl:DatatypeProperty", "owl:AnnotationProperty", "rdf:Property")
)
_NAME = re.compile(r"(.*[/#:])([^/#:]*)", re.DOTALL)


def known(site: Site, iri: str, role: str) -> bool:
    """Whether a name occurs in its role: as property, as class, as graph, or as a thing anywhere."""
    try:
        node = NamedNode(iri)
    except ValueError:
        return False
    find = site.store.quads_for_pattern
    match role:
        case "property":
            tries = [find(None, node, None)]
        case "class":
            tries = [find(None, RDF_TYPE, node)]
        case "graph":
            tries = [find(None, None, None, node)]
        case _:
            tries = [find(node, None, None), find(None, None, node), find(None, node, None)]
    return any(next(iter(found), None) is not None for found in tries)


def split(iri: str) -> tuple[str, str]:
    """Namespace and local name.

    >>> split("http://a.example/ns#Unit"), split("http://a.example/unit/arl")
    (('http://a.example/ns#', 'Unit'), ('http://a.example/unit/', 'arl'))
    """
    match = _NAME.fullmatch(iri)
    return (match[1], match[2]) if match else ("", iri)


def namespaces(namespace: str, usual: str | None) -> Iterator[str]:
    """Other ways in which a namespace may have been meant: the usual one of its prefix, http or https, # or /."""
    bare = namespace.rstrip("/#")
    scheme, _, rest = bare.partition("://")
    other = {"http": "https", "https": "http"}.get(scheme)
    ways = [usual] if usual else []
    ways += [bare + end for end in ("#", "/", "")]
    ways += [f"{other}://{rest}{end}" for end in ("#", "/", "")] if other else []
    ways += [found for found in PREFIXES.values() if found.casefold().rstrip("/#") == bare.casefold()]
    yield from (way for way in dict.fromkeys(ways) if way and way != namespace)


def terms_near(site: Site, iri: str, role: str, there: Iterable[str] = (), used: Iterable[str] = ()) -> list[str]:
    """Names of the release near to an unknown one, the nearest first.

    The same name in another way of writing its namespace comes first, then names that differ by capital
    letters only, then names of the same namespace, then others. `there` are things that stand in its place
    elsewhere, `used` are names known to be used in its role.
    """
    namespace, local = split(iri)
    exact = [way + local for way in namespaces(namespace, None)]
    exact += [site.base + "/".join(iri.rstrip("/").split("/")[-2:]), iri.rstrip("/")]
    found = [one for one in dict.fromkeys(exact) if one != iri and known(site, one, role)]
    some = [one for one in dict.fromkeys((*there, *used, *_candidates(site, iri, role))) if one != iri]
    equal = [one for one in some if split(one)[1].casefold() == local.casefold()]
    found += sorted(equal, key=lambda one: split(one)[0] != namespace)
    found += order(iri, [one for one in some if split(one)[0] == namespace])
    found += order(iri, [one for one in some if split(one)[0] != namespace])
    return list(dict.fromkeys(found))


def _candidates(site: Site, iri: str, role: str) -> list[str]:
    """Names declared in the release, or those in the list of the kind of thing that the IRI looks like."""
    find = site.store.quads_for_pattern
    if role == "graph":
        return [one.value for one in islice(site.store.named_graphs(), MAX_CANDIDATES) if isinstance(one, NamedNode)]
    if role in ("property", "class"):
        kinds = PROPERTIES if role == "property" else CLASSES
        declared = [quad.subject for kind in kinds for quad in islice(find(None, RDF_TYPE, kind), MAX_CANDIDATES)]
        return [node.value for node in declared if isinstance(node, NamedNode)]
    namespace, _ = split(iri)
    if namespace == UG:
        quads = islice(find(None, term("rdfs:isDefinedBy"), None), MAX_CANDIDATES)
    elif kind := site.kinds.get(namespace.rstrip("/").rpartition("/")[2]):
        quads = islice(find(None, RDF_TYPE, kind.cls), MAX_CANDIDATES)
    else:
        return []
    return [quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)]


def order(name: str, candidates: Iterable[str], limit: int = 5) -> list[str]:
    """The nearest of some names by their local part, whatever its capital letters.

    >>> order("http://a.example/ns#uint", ["http://a.example/ns#Unit", "http://a.example/ns#Story"])
    ['http://a.example/ns#Unit']
    """
    wanted = split(name)[1].casefold()
    scored = []
    for number, candidate in enumerate(candidates):
        local = split(candidate)[1].casefold()
        match = difflib.SequenceMatcher(None, wanted, local)
        if match.real_quick_ratio() >= CLOSE and match.quick_ratio() >= CLOSE and (score := match.ratio()) >= CLOSE:
            scored.append((-score, number, candidate))
    return [candidate for _, _, candidate in sorted(scored)[:limit]]


# Literals ----------------------------------------------------------------------------------------------------


def literal(written: str, query: Query) -> Literal | None:
    """The literal that a piece of a query stands for; None if it is none."""
    text = written
    if "^^" in text and not text.endswith(('"', "'")):
        lexical, _, datatype = text.rpartition("^^")
        tokens = query.prefixes
        prefix, _, local = datatype.strip().partition(":")
        iri = datatype.strip()[1:-1] if datatype.strip().startswith("<") else tokens.get(prefix, ("", 0))[0] + local
        text = f"{lexical.strip()}^^<{iri}>"
    try:
        quads = list(parse(f"<urn:s> <urn:p> {text} .".encode(), format=RdfFormat.TURTLE))
    except (SyntaxError, ValueError):
        return None
    found = quads[0].object if len(quads) == 1 else None
    return found if isinstance(found, Literal) else None


def variants(wanted: Literal, found: list[Literal]) -> list[tuple[str, Literal]]:
    """Literals that say nearly the same, with what differs: language, datatype, case, or the text itself."""
    same = [one for one in found if one.value == wanted.value and one != wanted]
    if same:
        return [("language" if one.language or wanted.language else "datatype", one) for one in same]
    folded = [one for one in found if one.value.casefold() == wanted.value.casefold()]
    if folded:
        return [("case", one) for one in folded]
    close = difflib.get_close_matches(wanted.value.casefold(), [one.value.casefold() for one in found], 1, CLOSE)
    return [("literal", one) for one in found if close and one.value.casefold() == close[0]][:1]


def parts(wanted: str, found: list[str]) -> str | None:
    """The piece of a text that is the wanted one in other capital or small letters."""
    for text in found:
        at = text.casefold().find(wanted.casefold())
        if wanted and at >= 0 and len(text) == len(text.casefold()):
            return text[at : at + len(wanted)]
    return None


def tag(wanted: str, tags: list[str]) -> str | None:
    """The language tag in use that a wanted one stands for: other letters, its language, or its ISO 639 code.

    >>> tag("EN", ["en", "de"]), tag("eng", ["en", "es"]), tag("en-GB", ["en"]), tag("xx", ["en"])
    ('en', 'en', 'en', None)
    """
    bare = wanted.lower().replace("_", "-")
    short = ISO_639.get(bare.partition("-")[0], bare.partition("-")[0])
    for one in tags:
        if one.lower() == bare:
            return one
    return next((one for one in tags if one and one.lower().partition("-")[0] == short), None)


#: Three-letter codes (ISO 639-2, both kinds) of the languages of the United Nations and German, as BCP 47 has them.
ISO_639 = {
    "ara": "ar", "chi": "zh", "zho": "zh", "eng": "en", "fra": "fr", "fre": "fr", "ger": "de", "deu": "de", "rus": "ru",
    "spa": "es",
}  # fmt: skip


def is_number(one: Term) -> bool:
    """Whether a term is a number to SPARQL (§17.3); the store keeps no other numeric datatypes."""
    numeric = ("integer", "decimal", "double", "float")
    return isinstance(one, Literal) and one.datatype.value in {PREFIXES["xsd"] + name for name in numeric}


def size(one: Term) -> tuple[bool, float, str]:
    """Sorts values: numbers by size, others by text."""
    text = one.value if isinstance(one, (Literal, NamedNode)) else str(one)
    try:
        return (False, float(text), "")
    except ValueError:
        return (True, 0.0, text)


def written(one: Term, query: Query) -> str:
    """A term as the query would write it."""
    if isinstance(one, NamedNode):
        return query.name(one.value)
    if isinstance(one, Literal) and not one.language and one.datatype.value != terms.XSD_STRING:
        return f'"{one.value}"^^{query.name(one.datatype.value)}'
    return str(one)
