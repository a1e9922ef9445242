"""The pages composed for stories, sources, concepts, claims and their like, seen from outside."""

from __future__ import annotations

import csv
import io
import random
import re
from dataclasses import dataclass, field
from itertools import pairwise

import html5lib
import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from werkzeug.test import Client

from unitgraph.release import Release
from unitgraph.resources import entity, said, source
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, RDF_TYPE, term
from unitgraph.web.routes import COMPOSED

OTHERS = {"unit", "project", "direction", "initiative", "organisation"}  # these have tests of their own
KINDS = sorted(set(COMPOSED) - OTHERS)
EACH = 3  #: things of each kind that are looked at
PREFIX = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())


@dataclass
class Page:
    """What a reader has of a page: words, headings, links with their words, numbered items of lists, rows of tables."""

    text: str = ""
    headings: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    numbered: list[tuple[str, str]] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    def heading(self, words: str) -> str:
        """The one heading that has these words in it."""
        (found,) = [text for _, text in self.headings if words in text]
        return found


def words(element: object) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()  # type: ignore[attr-defined]


def read(client: Client, path: str) -> Page:
    response = client.get(path)
    assert response.status_code == 200, path
    page = Page()
    main = next(html5lib.parse(response.text, namespaceHTMLElements=False).iter("main"))
    page.text = words(main)
    for element in main.iter():
        if not isinstance(element.tag, str):
            continue
        if re.fullmatch("h[1-6]", element.tag):
            page.headings.append((int(element.tag[1]), words(element)))
        elif element.tag == "a" and "href" in element.attrib:
            page.links.append((element.attrib["href"], words(element)))
        elif element.tag == "li" and "value" in element.attrib:
            page.numbered.append((element.attrib["value"], next(a.attrib["href"] for a in element.iter("a"))))
        elif element.tag == "tr":
            page.rows.append(words(element))
    return page


def ask(client: Client, text: str) -> list[dict[str, str]]:
    response = client.post("/sparql", data={"query": PREFIX + text}, headers={"Accept": "text/csv"})
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text)))


def number(text: str) -> int:
    return int(re.search(r"[\d,]+", text)[0].replace(",", ""))  # type: ignore[index]


@pytest.fixture(scope="module")
def asserted(release: Release) -> dict[NamedNode, set[Triple]]:
    """What the sources say, by subject: all but what the rules and the build add."""
    left_out = {NamedNode(f"{release.base}graph/{name}") for name in ("inferred", "report", "release")}
    found: dict[NamedNode, set[Triple]] = {}
    for quad in parse(b"\n".join(release.lines()), RdfFormat.N_QUADS):
        if quad.graph_name not in left_out and isinstance(quad.subject, NamedNode):
            found.setdefault(quad.subject, set()).add(Triple(quad.subject, quad.predicate, quad.object))
    return found


@pytest.fixture(scope="module")
def chosen(site: Site, asserted: dict[NamedNode, set[Triple]]) -> dict[str, list[NamedNode]]:
    """A few things of each kind, the same ones every time."""
    found = {}
    for kind in KINDS:
        own = sorted((node for node in asserted if node.value.startswith(f"{site.base}{kind}/")), key=str)
        found[kind] = random.Random(kind).sample(own, min(EACH, len(own)))
    return found


def test_every_kind_has_a_page_of_its_own(site, chosen):
    assert set(site.kinds) <= set(COMPOSED) | OTHERS
    assert [kind for kind, nodes in chosen.items() if not nodes] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_names_and_links_all_that_the_sources_say(kind, site, client, chosen, asserted):
    for node in chosen[kind]:
        page = read(client, f"{site.path(node.value)}.html")
        links = {href for href, _ in page.links}
        for triple in asserted[node]:
            value = triple.object
            if triple.predicate == RDF_TYPE:
                continue
            if isinstance(value, NamedNode):
                assert (site.path(value.value) or value.value) in links or value.value.startswith(PREFIXES["ug"]), (
                    triple
                )
            elif isinstance(value, Literal) and (value.language or value.datatype == term("xsd:string")):
                assert re.sub(r"\s+", " ", value.value).strip() in page.text, triple


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_one_title_headings_in_order_and_no_bare_iri(kind, site, client, chosen):
    for node in chosen[kind]:
        page = read(client, f"{site.path(node.value)}.html")
        levels = [level for level, _ in page.headings]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), page.headings
        assert all(text for _, text in page.headings)
        bare = [text for href, text in page.links if text.startswith("http") and href.startswith("/")]
        assert bare == [site.iri(*node.value.removeprefix(site.base).split("/")).value]  # its identifier, at the foot
        assert all(text for _, text in page.links)


def test_what_rests_on_a_source_is_counted_as_sparql_counts_it(client, site):
    counted = ask(
        client,
        "SELECT ?source (COUNT(DISTINCT ?thing) AS ?count) WHERE { ?thing ug:statedIn ?source }"
        " GROUP BY ?source ORDER BY DESC(?count) ?source",
    )
    for row in (counted[0], counted[len(counted) // 2], counted[-1]):
        page = read(client, f"{site.path(row['source'])}.html")
        count = int(row["count"])
        sentence = f"{count} thing or statement rests" if count == 1 else f"{count} things and statements rest"
        assert page.heading("on this source") == f"{sentence} on this source"
        rows = ask(client, f"SELECT DISTINCT ?thing WHERE {{ ?thing ug:statedIn <{row['source']}> }}")
        linked = {href for href, _ in page.links} & {site.path(one["thing"]) for one in rows}
        more = [number(text) for href, text in page.links if href.startswith("/sparql?query=")]
        assert len(linked) + sum(more) == count


def test_the_kinds_that_rest_on_a_source_are_counted(client, site):
    (row,) = ask(
        client,
        "SELECT ?source WHERE { ?thing ug:statedIn ?source } GROUP BY ?source ORDER BY DESC(COUNT(?thing)) LIMIT 1",
    )
    page = read(client, f"{site.path(row['source'])}.html")
    (stories,) = ask(client, f"SELECT (COUNT(*) AS ?n) WHERE {{ ?s a ug:Story ; ug:statedIn <{row['source']}> }}")
    assert f"Stories {stories['n']} " in page.text


@pytest.mark.parametrize(
    ("kind", "predicate", "singular", "plural"),
    [
        ("basis", "ug:basis", "contribution is stated on this basis", "contributions are stated on this basis"),
        ("role", "ug:role", "partnership has this role", "partnerships have this role"),
        ("country", "ug:country", "organisation has its seat here", "organisations have their seat here"),
        ("state", "ug:state", "project is in this state", "projects are in this state"),
        ("form", "ug:form", "project or output has this form", "projects and outputs have this form"),
        ("language", "dcterms:language", "work is in this language", "works are in this language"),
        ("confidence", "ug:confidence", "thing or statement is known", "things and statements are known"),
    ],
)
def test_the_uses_of_a_concept_are_counted_as_sparql_counts_them(
    kind, predicate, singular, plural, client, site, chosen
):
    for node in chosen[kind]:
        (row,) = ask(client, f"SELECT (COUNT(DISTINCT ?thing) AS ?n) WHERE {{ ?thing {predicate} {node} }}")
        page = read(client, f"{site.path(node.value)}.html")
        count = int(row["n"])
        if count:
            assert number(page.heading(singular if count == 1 else plural)) == count
        else:
            assert "Nothing in this release uses this concept." in page.text


def test_a_scheme_lists_its_concepts_with_how_often_they_are_used(client, site):
    concepts = ask(
        client,
        f"SELECT ?concept (COUNT(DISTINCT ?thing) AS ?n) WHERE {{ ?concept skos:inScheme <{site.base}scheme/role>"
        " OPTIONAL { ?thing ug:role ?concept } } GROUP BY ?concept",
    )
    page = read(client, "/scheme/role.html")
    assert page.heading("concept") == f"{len(concepts)} concepts"
    for row in concepts:
        name = next(text for href, text in page.links if href == site.path(row["concept"]))
        uses = {"0": "not used", "1": "used 1 time"}.get(row["n"], f"used {row['n']} times")
        assert f"{name} {uses}" in page.text


def test_the_stories_of_a_round_stand_in_their_order(client, site):
    rows = ask(
        client,
        "SELECT ?story ?place WHERE { ?story ug:inRound ?round ; schema:position ?place } ORDER BY ?place",
    )
    page = read(client, "/round/units-strategy-2020.html")
    assert page.numbered == [(row["place"], site.path(row["story"])) for row in rows]
    middle = rows[4]
    story = read(client, f"{site.path(middle['story'])}.html")
    assert f"as number {middle['place']} of {len(rows)}" in story.text
    assert {site.path(rows[3]["story"]), site.path(rows[5]["story"])} <= {href for href, _ in story.links}


def test_the_grants_of_an_award_name_who_got_it(client, site):
    for award in ask(client, "SELECT DISTINCT ?award WHERE { ?grant ug:grantOf ?award }"):
        page = read(client, f"{site.path(award['award'])}.html")
        grants = ask(client, f"SELECT ?grant ?who WHERE {{ ?grant ug:grantOf <{award['award']}> ; ug:recipient ?who }}")
        assert number(page.heading("It was granted")) == len(grants)
        links = {href for href, _ in page.links}
        assert {site.path(row[name]) for row in grants for name in ("grant", "who")} <= links


def test_values_that_compete_stand_side_by_side(client, site):
    """A claim shows every value of its property, with the evidence of each."""
    contested = ask(
        client,
        "SELECT ?claim ?subject ?property WHERE { ?claim a ug:Claim ; rdf:subject ?subject ; rdf:predicate ?property ."
        " ?subject ?property ?one, ?two FILTER(?one != ?two) } ORDER BY ?claim",
    )
    assert contested
    for row in contested[:5]:
        values = ask(client, f"SELECT DISTINCT ?v WHERE {{ <{row['subject']}> <{row['property']}> ?v }}")
        claims = ask(
            client,
            f"SELECT ?claim ?v WHERE {{ ?claim rdf:subject <{row['subject']}> ; rdf:predicate <{row['property']}> ;"
            " rdf:object ?v }",
        )
        page = read(client, f"{site.path(row['claim'])}.html")
        given = len(claims) + len({v["v"] for v in values} - {c["v"] for c in claims})
        assert number(page.heading("side by side")) == given
        assert sum("this claim" in text for text in page.rows) == 1


def test_a_claim_stands_beside_the_value_it_is_about(client, site):
    for row in ask(client, "SELECT ?claim ?subject WHERE { ?claim rdf:subject ?subject } ORDER BY ?claim"):
        kind = row["subject"].removeprefix(site.base).partition("/")[0]
        if kind in KINDS:
            links = [href for href, _ in read(client, f"{site.path(row['subject'])}.html").links]
            assert site.path(row["claim"]) in links, row


def test_a_statement_is_one_sentence_with_its_parts(client, site):
    for kind, parts in {
        "contribution": ("ug:contributionOf", "ug:towards", "ug:basis"),
        "partnership": ("ug:partner", "ug:partnershipIn", "ug:role"),
        "placement": ("ug:placed", "ug:within", "ug:placementRole"),
    }.items():
        pattern = " ; ".join(f"{part} ?p{n}" for n, part in enumerate(parts))
        row = ask(client, f"SELECT * WHERE {{ ?statement {pattern} }} ORDER BY ?statement LIMIT 1")[0]
        page = client.get(f"{site.path(row['statement'])}.html").text
        main = next(html5lib.parse(page, namespaceHTMLElements=False).iter("main"))
        (sentence,) = [e for e in main.iter("p") if e.get("class") == "sentence"]
        assert [a.attrib["href"] for a in sentence.iter("a")] == [site.path(row[f"p{n}"]) for n in range(3)], kind
        assert words(sentence).endswith(".")


def test_a_page_costs_no_more_where_more_refers_to_a_thing(site, monkeypatch):
    """Of very many references the first are counted and some of them listed; the rest is behind a link."""
    monkeypatch.setattr(said, "COUNTED", 20)
    monkeypatch.setattr(source, "MAX_LISTED", 10)
    described = entity.describe(site, site.iri("source", "cf2-ifla-org-es-node-93565"))
    resting = source.source(site, described).resting
    assert resting.open_ended
    assert resting.count <= 20
    assert sum(len(group.things.things) for group in resting.groups) <= 10 + said.LEAST * len(resting.groups)
    assert all("?thing" in group.query for group in resting.groups if group.things.more)


def test_problem_details_say_that_they_are_english(client):
    page = html5lib.parse(
        client.get("/unit/nobody.html?lang=fr", headers={"Accept": "text/html"}).text, namespaceHTMLElements=False
    )
    (title,) = page.iter("h1")
    assert title.attrib["lang"] == "en"
    assert next(page.iter("html")).attrib["lang"] == "fr"
