"""Things in the words of schema.org, for search engines and the like: what the graph says of them, and nothing else.

The class comes from the alignments in the ontology (`skos:closeMatch`), or from SKOS; the properties from a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pyoxigraph import Literal, NamedNode

from unitgraph.answers import Term
from unitgraph.resources import terms
from unitgraph.resources.terms import Text
from unitgraph.site import Site
from unitgraph.vocab import DEFINITION, NOTATION, PREFIXES, RDF_TYPE, term

SCHEMA = PREFIXES["schema"]
MAX_VALUES = 20  #: values of one property; the rest stands in the other formats
DESCRIPTIONS = (term("dcterms:description"), DEFINITION)
MATCHES = (term("skos:closeMatch"), term("skos:exactMatch"))

#: What a class of another vocabulary is in schema.org, where nothing more exact is said.
OTHERS = {
    term("skos:Concept"): "DefinedTerm",
    term("skos:ConceptScheme"): "DefinedTermSet",
    term("owl:Class"): "DefinedTerm",
    term("owl:ObjectProperty"): "DefinedTerm",
    term("owl:DatatypeProperty"): "DefinedTerm",
    term("owl:Ontology"): "DefinedTermSet",
    term("dcat:Dataset"): "Dataset",
}
#: The wider classes of those that are used here.
WIDER = {
    "Article": ("CreativeWork",),
    "CreativeWorkSeries": ("CreativeWork",),
    "Dataset": ("CreativeWork",),
    "DefinedTermSet": ("CreativeWork",),
    "EventSeries": ("Event",),
    "OrganizationRole": ("Role",),
    "Project": ("Organization",),
    "WebPage": ("CreativeWork",),
    "WebSite": ("CreativeWork",),
}
#: Property of schema.org, classes whose instances have it (none: all), properties of the graph that say it, and
#: how its values are written: `text` the best one, `texts` all, `url`, `thing`, `number`, or the `code` of a concept.
PROPERTIES: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    ("alternateName", (), ("skos:altLabel",), "texts"),
    ("alternateName", ("Organization",), ("skos:notation",), "texts"),
    ("termCode", ("DefinedTerm",), ("skos:notation",), "text"),
    ("description", (), ("dcterms:description", "skos:definition"), "text"),
    ("identifier", (), ("dcterms:identifier",), "texts"),
    ("url", (), ("schema:url", "foaf:homepage"), "url"),
    ("sameAs", (), ("skos:exactMatch", "owl:sameAs"), "url"),
    ("parentOrganization", ("Organization",), ("org:subOrganizationOf", "org:unitOf"), "thing"),
    ("subOrganization", ("Organization",), ("org:hasSubOrganization",), "thing"),
    ("member", ("Project",), ("ug:carriedOutBy", "ug:hasPartner"), "thing"),
    ("foundingDate", ("Organization",), ("schema:startDate",), "text"),
    ("dissolutionDate", ("Organization",), ("schema:endDate",), "text"),
    ("startDate", ("Event", "CreativeWorkSeries", "Role"), ("schema:startDate",), "text"),
    ("endDate", ("Event", "CreativeWorkSeries", "Role"), ("schema:endDate",), "text"),
    ("location", ("Event",), ("ug:place",), "texts"),
    ("about", ("Event",), ("ug:eventOf",), "thing"),
    ("about", ("CreativeWork",), ("schema:about",), "thing"),
    ("sponsor", ("Organization", "CreativeWork", "Event"), ("schema:sponsor",), "thing"),
    ("funder", ("Organization", "CreativeWork", "Event"), ("schema:funder",), "thing"),
    ("datePublished", ("CreativeWork",), ("dcterms:issued",), "text"),
    ("creator", ("CreativeWork",), ("dcterms:creator",), "thing"),
    ("creditText", ("CreativeWork",), ("dc:creator",), "texts"),
    ("producer", ("CreativeWork",), ("prov:wasGeneratedBy",), "thing"),
    ("publisher", ("CreativeWork",), ("dcterms:publisher",), "thing"),
    ("license", ("CreativeWork",), ("dcterms:license",), "url"),
    ("inLanguage", ("CreativeWork",), ("dcterms:language",), "code"),
    ("isPartOf", ("CreativeWork",), ("dcterms:isPartOf",), "thing"),
    ("hasPart", ("CreativeWork",), ("dcterms:hasPart",), "thing"),
    ("position", ("CreativeWork",), ("schema:position",), "number"),
    ("keywords", ("CreativeWork",), ("dcat:keyword",), "texts"),
    ("version", ("CreativeWork",), ("dcat:version",), "text"),
    ("inDefinedTermSet", ("DefinedTerm",), ("skos:inScheme", "rdfs:isDefinedBy"), "thing"),
    ("hasDefinedTerm", ("DefinedTermSet",), ("skos:hasTopConcept",), "thing"),
    ("subjectOf", (), ("schema:subjectOf",), "thing"),
)


def kind(site: Site, node: NamedNode) -> str | None:
    """The class of a thing in schema.org (`Organization`), or None where nothing says one."""
    classes = sorted(terms.objects(site, node, RDF_TYPE), key=str)
    matches = [
        match.value.removeprefix(SCHEMA)
        for cls in classes
        if isinstance(cls, NamedNode)
        for match in (cls, *(found for way in MATCHES for found in terms.objects(site, cls, way)))
        if isinstance(match, NamedNode) and match.value.startswith(SCHEMA)
    ]
    others = [OTHERS[cls] for cls in classes if isinstance(cls, NamedNode) and cls in OTHERS]
    return next(iter(sorted(matches, key=lambda name: (name not in WIDER, name)) + others), None)


def description(site: Site, node: NamedNode) -> Text | None:
    """What a thing is, in a sentence, in the reader's language where the graph has it."""
    return next((found for predicate in DESCRIPTIONS if (found := terms.text(site, node, predicate))), None)


def about(site: Site, node: NamedNode) -> dict[str, Any] | None:
    """A thing as a node of JSON-LD under the context of schema.org; None where schema.org has no class for it."""
    cls = kind(site, node)
    if cls is None:
        return None
    said: dict[str, Any] = {"@type": cls, "@id": node.value, "name": terms.label(site, node).value}
    for name, classes, predicates, form in PROPERTIES:
        if not classes or {cls, *WIDER.get(cls, ())} & set(classes):
            values = [v for predicate in predicates for v in _values(site, node, term(predicate), form)]
            found = said.get(name, [])
            other = (v for v in (*found, *values) if name != "alternateName" or v != said["name"])
            said[name] = list({str(v): v for v in other}.values())
    return {name: _plain(value) for name, value in said.items() if value != []}


def catalog(site: Site, dataset: NamedNode) -> dict[str, Any] | None:
    """The data set, and the catalogue in which it stands: this site."""
    found = about(site, dataset)
    if found is None:
        return None
    return found | {"includedInDataCatalog": {"@type": "DataCatalog", "@id": site.base, "name": found["name"]}}


def author(site: Site, node: NamedNode) -> tuple[str, ...]:
    """Who made a work, by IRI."""
    found = islice(terms.objects(site, node, term("dcterms:creator")), MAX_VALUES)
    return tuple(one.value for one in found if isinstance(one, NamedNode))


def content(site: Site, node: NamedNode) -> tuple[str, ...]:
    """Where a work itself can be read, by address: the page here is only about it."""
    cls = kind(site, node)
    if "CreativeWork" not in (cls, *WIDER.get(cls or "", ())):
        return ()
    return tuple(_values(site, node, term("schema:url"), "url"))


def _plain(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _values(site: Site, node: NamedNode, predicate: NamedNode, form: str) -> Iterator[Any]:
    """The values of a property, no more of them read than are written."""
    quads = islice(site.store.quads_for_pattern(node, predicate, None), 10 * MAX_VALUES)
    found = sorted({quad.object for quad in quads}, key=str)
    if form == "text":
        yield from (text.value for text in terms.texts(site, node, predicate)[:1])
        return
    yield from islice((value for one in found if (value := _value(site, one, form)) is not None), MAX_VALUES)


def _value(site: Site, one: Term, form: str) -> Any:
    match one, form:
        case Literal(), "texts":
            return one.value
        case Literal(), "number":
            return int(one.value) if one.value.isdecimal() else None
        case _, "url" if isinstance(one, (NamedNode, Literal)):
            return one.value if one.value.startswith(("http://", "https://")) else None
        case NamedNode(), "code":
            return _code(site, one)
        case NamedNode(), "thing":
            return _thing(site, one)
    return None


def _code(site: Site, node: NamedNode) -> str | None:
    """The code of a language: its notation, or the end of its IRI at the Library of Congress."""
    notation = terms.text(site, node, NOTATION)
    code = notation.value if notation else node.value.rpartition("/iso639-1/")[2]
    return code if len(code) <= 11 else None


def _thing(site: Site, node: NamedNode) -> dict[str, str]:
    """Another thing, as much of it as makes it known: class and name where the graph has them."""
    cls = kind(site, node)
    said = {"@type": cls, "@id": node.value} if cls else {"@id": node.value}
    return said | ({"name": terms.label(site, node).value} if terms.exists(site, node) else {})


def names(found: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The way to a page from the first one, as names and addresses."""
    steps = [
        {"@type": "ListItem", "position": number, "name": name, "item": {"@id": address}}
        for number, (name, address) in enumerate(found, 1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": steps}
