"""Namespaces, and the terms that the code names."""

from __future__ import annotations

import re

from pyoxigraph import NamedNode

UG = "https://w3id.org/unitgraph/ns#"
UGS = "https://w3id.org/unitgraph/shapes#"
GENID = UGS + "genid-"  #: what a blank node of a shapes file is called in a release

PREFIXES: dict[str, str] = {
    "adms": "http://www.w3.org/ns/adms#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "org": "http://www.w3.org/ns/org#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "sd": "http://www.w3.org/ns/sparql-service-description#",
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "skosxl": "http://www.w3.org/2008/05/skos-xl#",
    "ug": UG,
    "ugs": UGS,
    "vann": "http://purl.org/vocab/vann/",
    "void": "http://rdfs.org/ns/void#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def term(curie: str) -> NamedNode:
    """The term that a prefixed name stands for.

    >>> term("ug:Unit").value
    'https://w3id.org/unitgraph/ns#Unit'
    """
    prefix, _, local = curie.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


def curie(iri: str) -> str:
    """The shortest prefixed name of an IRI, or the IRI itself.

    >>> curie("http://www.w3.org/2004/02/skos/core#prefLabel")
    'skos:prefLabel'
    """
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace) and iri != namespace and "/" not in iri[len(namespace) :]:
            return f"{prefix}:{iri[len(namespace) :]}"
    return iri


def escaped(path: str) -> str:
    """A path as the end of an IRI: what an IRI cannot hold is percent-encoded (RFC 3987 §3.1).

    >>> escaped("map of Köln.ttl")
    'map%20of%20Köln.ttl'
    """
    return re.sub(r"[\x00-\x20\x7f<>\"{}|\\^`%?#\[\]]", lambda match: f"%{ord(match[0]):02X}", path)


RDF_TYPE = term("rdf:type")
LABEL = term("rdfs:label")
PREF_LABEL = term("skos:prefLabel")
ALT_LABEL = term("skos:altLabel")
NOTATION = term("skos:notation")
DEFINITION = term("skos:definition")
SEGMENT = term("ug:segment")
FORMER_IRI = term("ug:formerIri")
STATED_IN = term("ug:statedIn")
CONFIDENCE = term("ug:confidence")


# What things are called, and what is a statement about them -----------------------------------------

#: Where a label is looked for when there is no `skos:prefLabel`, in this order.
LABELS = (term("skosxl:literalForm"), term("dcterms:title"), LABEL, term("foaf:name"), term("sh:name"))
MAX_DEPTH = 3  #: a label made of labels made of labels

#: What a statement that has no label of its own is called: its parts, in words.
COMPOSED = tuple(
    (term(first), between, term(second))
    for first, between, second in (
        ("ug:standingOf", ": ", "ug:standingKind"),
        ("ug:placed", " in ", "ug:within"),
        ("ug:contributionOf", " → ", "ug:towards"),
        ("ug:partner", " in ", "ug:partnershipIn"),
        ("ug:grantOf", ": ", "ug:recipient"),
        ("rdf:subject", ", ", "rdf:predicate"),
        ("sh:focusNode", ": ", "sh:resultMessage"),
    )
)
#: Properties by which a statement says what it is about, and those by which a thing names its names.
ABOUT = tuple(
    map(
        term,
        (
            "ug:contributionOf",
            "ug:partnershipIn",
            "ug:partner",
            "ug:standingOf",
            "ug:placed",
            "ug:grantOf",
            "ug:recipient",
            "rdf:subject",
        ),
    )
)
NAMES = (term("skosxl:prefLabel"), term("skosxl:altLabel"))
STATEMENTS = ("name", "standing", "placement", "contribution", "partnership", "award-grant", "claim")  #: their order
PARTNERS = "partner"  #: the list of organisations that are somebody's partner


def in_words(name: str) -> str:
    """The prefixed name of a property as words; anything else as it is.

    >>> in_words("skos:altLabel"), in_words("org:Membership"), in_words("https://a.example/b")
    ('alt label', 'org:Membership', 'https://a.example/b')
    """
    prefix, _, local = name.partition(":")
    if prefix not in PREFIXES or not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", local):
        return name
    return words(local)


def words(name: str) -> str:
    """A name in camel case as words.

    >>> words("firstYear")
    'first year'
    """
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: f" {match[0].lower()}", name)


def number(notation: str) -> list[int]:
    """A notation as numbers, for sorting; empty where it is none.

    >>> number("2.10"), number("ARL")
    ([2, 10], [])
    """
    parts = notation.split(".")
    return [int(part) for part in parts] if all(p.isdecimal() and len(p) < 10 for p in parts) else []
