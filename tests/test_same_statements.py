"""Every format of a thing says the same: the page of its statements, four RDF formats, the dump and SPARQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import html5lib
import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from werkzeug.test import Client

from unitgraph.release import Release
from unitgraph.site import Site
from unitgraph.vocab import RDF_TYPE, term

FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "jsonld": RdfFormat.JSON_LD,
    "rdf": RdfFormat.RDF_XML,
}
OTHERS = 100
#: By which properties a statement says what it is about: what makes it part of the description of a thing.
ABOUT = [
    *("ug:contributionOf", "ug:partnershipIn", "ug:partner", "ug:standingOf"),
    *("ug:placed", "ug:grantOf", "ug:recipient", "rdf:subject"),
]
NAMES = ["skosxl:prefLabel", "skosxl:altLabel"]

Said = dict[NamedNode, set[Triple]]


@pytest.fixture(scope="module")
def said(release: Release) -> Said:
    """What the dump says, by subject."""
    found: Said = {}
    for quad in parse(b"\n".join(release.lines()), RdfFormat.N_QUADS):
        if isinstance(quad.subject, NamedNode):
            found.setdefault(quad.subject, set()).add(Triple(quad.subject, quad.predicate, quad.object))
    return found


@pytest.fixture(scope="module")
def about(said: Said) -> dict[NamedNode, set[NamedNode]]:
    """The statements about each thing, and its names, as the dump has them."""
    found: dict[NamedNode, set[NamedNode]] = {}
    back, forth = set(map(term, ABOUT)), set(map(term, NAMES))
    for subject, triples in said.items():
        for triple in triples:
            if triple.predicate in back and isinstance(triple.object, NamedNode):
                found.setdefault(triple.object, set()).add(subject)
            if triple.predicate in forth and triple.object in said:
                found.setdefault(subject, set()).add(triple.object)
    return found


def things(site: Site, said: Said) -> dict[str, list[NamedNode]]:
    """Every thing that has a page, by kind."""
    found: dict[str, list[NamedNode]] = {}
    for segment, kind in site.kinds.items():
        own = NamedNode(f"{site.base}{segment}/").value
        is_one = (t for triples in said.values() for t in triples if t.predicate == RDF_TYPE and t.object == kind.cls)
        found[segment] = sorted({t.subject for t in is_one if t.subject.value.startswith(own)}, key=str)
    return found


def in_the_dump(thing: NamedNode, said: Said, about: dict[NamedNode, set[NamedNode]]) -> set[Triple]:
    return said[thing].union(*(said[node] for node in about.get(thing, ())))


def in_a_format(client: Client, path: str, suffix: str) -> set[Triple]:
    response = client.get(f"{path}.{suffix}")
    assert response.status_code == 200, path
    return {Triple(q.subject, q.predicate, q.object) for q in parse(response.data, FORMATS[suffix])}


def in_sparql(client: Client, thing: NamedNode) -> set[Triple]:
    back = "|".join(str(term(name)) for name in ABOUT)
    forth = "|".join(str(term(name)) for name in NAMES)
    own = f"{{ BIND({thing} AS ?s) ?s ?p ?o }}"
    others = f"{{ ?s {back} {thing} ; ?p ?o }} UNION {{ {thing} {forth} ?s . ?s ?p ?o }}"
    query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {own} UNION {others} }}"
    response = client.post("/sparql", data={"query": query}, headers={"Accept": "application/n-triples"})
    assert response.status_code == 200, response.text
    return {Triple(q.subject, q.predicate, q.object) for q in parse(response.data, RdfFormat.N_TRIPLES)}


def in_the_page(client: Client, path: str) -> set[Triple]:
    """The triples of the statements view, read from its markup alone."""
    response = client.get(f"{path}.html?view=statements")
    assert response.status_code == 200, path
    page = html5lib.parse(response.text, namespaceHTMLElements=False)
    return {triple for table in page.iter("table") if "data-subject" in table.attrib for triple in _rows(table)}


def _rows(table: object) -> Iterator[Triple]:
    subject = NamedNode(table.attrib["data-subject"])  # type: ignore[attr-defined]
    predicate = None
    for row in table.iter("tr"):  # type: ignore[attr-defined]
        for cell in row.iter("th"):
            predicate = next((NamedNode(e.attrib["data-iri"]) for e in cell.iter() if "data-iri" in e.attrib), None)
        for cell in row.iter("td"):
            yield Triple(subject, predicate, _value(cell))


def _value(cell: object) -> NamedNode | Literal:
    for element in cell.iter():  # type: ignore[attr-defined]
        if "data-iri" in element.attrib:
            assert element.get("href") or element.tag == "code"
            return NamedNode(element.attrib["data-iri"])
        text = element.get("data-value", "".join(element.itertext()))
        if "data-language" in element.attrib:
            assert element.get("lang", "en") == element.attrib["data-language"]
            return Literal(text, language=element.attrib["data-language"])
        if "data-datatype" in element.attrib:
            return Literal(text, datatype=NamedNode(element.attrib["data-datatype"]))
    raise AssertionError("a cell of the statements view has no value")


@cache
def _seeded(nodes: tuple[NamedNode, ...], seed: int) -> tuple[NamedNode, ...]:
    return tuple(random.Random(seed).sample(nodes, min(OTHERS, len(nodes))))


def sample(by_kind: dict[str, list[NamedNode]]) -> list[NamedNode]:
    """One thing of each kind, and as many others as are asked for: the same ones every time."""
    first = [random.Random(kind).choice(nodes) for kind, nodes in by_kind.items() if nodes]
    others = sorted({node for nodes in by_kind.values() for node in nodes} - set(first), key=str)
    return [*first, *_seeded(tuple(others), 2019)]


def differences(client: Client, thing: NamedNode, path: str, expected: set[Triple]) -> list[str]:
    """In which place which triples are missing or too many."""
    found = {suffix: in_a_format(client, path, suffix) for suffix in FORMATS}
    found |= {"SPARQL": in_sparql(client, thing), "page": in_the_page(client, path)}
    return [
        f"{path} {place}: {sign} {triple}"
        for place, triples in found.items()
        for sign, triple in [("-", t) for t in expected - triples] + [("+", t) for t in triples - expected]
    ]


def compare(
    site: Site, client: Client, nodes: list[NamedNode], said: Said, about: dict[NamedNode, set[NamedNode]]
) -> None:
    wrong = []
    for node in nodes:
        expected = in_the_dump(node, said, about)
        assert expected
        wrong += differences(client, node, site.path(node.value) or "", expected)
    assert not wrong, "\n".join(wrong[:20])


def test_every_kind_of_thing_is_compared(site, said):
    by_kind = things(site, said)
    compared = set(sample(by_kind))
    assert len(compared) >= OTHERS + len([nodes for nodes in by_kind.values() if nodes])
    assert all(compared & set(nodes) for nodes in by_kind.values() if nodes)


def test_page_formats_dump_and_sparql_say_the_same_of_a_thing(site, client, said, about):
    compare(site, client, sample(things(site, said)), said, about)


@pytest.mark.full
def test_page_formats_dump_and_sparql_say_the_same_of_every_thing(site, client, said, about):
    nodes = sorted({node for nodes in things(site, said).values() for node in nodes}, key=str)
    compare(site, client, nodes, said, about)


def test_a_statement_left_out_is_seen(site, client, said, about):
    """The comparison is not blind: what one place lacks is named."""
    thing = things(site, said)["unit"][0]
    expected = in_the_dump(thing, said, about)
    more = Triple(thing, term("skos:note"), Literal("nobody says this"))
    assert len(differences(client, thing, site.path(thing.value) or "", expected | {more})) == len(FORMATS) + 2
