"""The composed pages seen from outside: what stands on them is what the release says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

import asgi
import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store
from werkzeug.test import Client

from unitgraph.engine import Engine
from unitgraph.release import Release
from unitgraph.resources import entity, terms
from unitgraph.resources import unit as unit_page
from unitgraph.site import Publication, Site
from unitgraph.vocab import PREFIXES, term
from unitgraph.web import create_app
from unitgraph.web.routes import COMPOSED

HTML = {"Accept": "text/html"}
KINDS = ("unit", "project", "direction", "initiative", "organisation")
SPARQL_PREFIXES = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """A page as a reader meets it: headings with what stands under them, links with their words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.relations: dict[str, str] = {}
        self.headings: list[tuple[int, str]] = []
        self.sections: dict[str, str] = {}
        self.text = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        attrs = dict(attributes)
        if tag == "a":
            self.links.append((attrs.get("href") or "", ""))
            self.relations[attrs.get("href") or ""] = attrs.get("rel") or ""
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag not in VOID:
            self._open.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        opened = self._open.pop()
        assert opened[0] == tag, f"<{opened[0]}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self.text += data
        for tag, attrs in self._open:
            if tag == "a":
                href, words = self.links.pop()
                self.links.append((href, words + data))
            elif re.fullmatch(r"h[1-6]", tag):
                level, words = self.headings.pop()
                self.headings.append((level, words + data))
            elif tag == "section":
                self.sections[attrs["aria-labelledby"] or ""] = (
                    self.sections.get(attrs["aria-labelledby"] or "", "") + data
                )

    def paths(self) -> set[str]:
        """The paths on this site that are linked."""
        return {unquote(urlsplit(href).path) for href, _ in self.links}

    def heading(self, pattern: str) -> str:
        """The one heading that fits."""
        (found,) = [words for _, words in self.headings if re.search(pattern, words)]
        return " ".join(found.split())


@pytest.fixture(scope="module")
def read(client: Client) -> Any:
    """Reads a page; each once."""

    @cache
    def page(path: str) -> Page:
        response = client.get(path, headers=HTML)
        assert response.status_code == 200, path
        return Page(response.get_data(as_text=True))

    return page


@pytest.fixture(scope="module")
def tiny_client(tiny: Release, engine: Engine) -> Client:
    return asgi.client(create_app(Publication(tiny.folder.parent, engine, engine.settings)))


def ask(site: Site, pattern: str) -> list[tuple[str, ...]]:
    """The solutions of a query over the release, asked of the store itself."""
    store: Store = site.store
    found = store.query(SPARQL_PREFIXES + pattern, use_default_graph_as_union=True)
    return [tuple("" if value is None else value.value for value in solution) for solution in found]  # type: ignore[union-attr]


def things(site: Site, kind: str) -> list[NamedNode]:
    quads = site.store.quads_for_pattern(None, term("rdf:type"), site.kinds[kind].cls)
    prefix = f"{site.base}{kind}/"
    return sorted({q.subject for q in quads if str(q.subject.value).startswith(prefix)}, key=str)  # type: ignore[union-attr]


def everything(site: Site) -> Iterator[tuple[str, NamedNode]]:
    for kind in KINDS:
        for node in things(site, kind):
            yield kind, node


def document(site: Site, node: NamedNode) -> str:
    return f"/{node.value.removeprefix(site.base)}.html"


def test_the_kinds_have_pages_of_their_own() -> None:
    assert set(KINDS) <= set(COMPOSED)


def test_the_page_of_arl_names_its_direction_its_project_its_story_and_its_award(read: Any) -> None:
    page = read("/unit/arl.html")
    assert {
        "/direction/3",
        "/initiative/3-3",
        "/project/acting-locally-reaching-globally",
        "/story/arl-2020",
        "/unit/div-i",
        "/award-grant/dynamic-unit-and-impact-award-2021-arl",
        "/channel/arl-youtube",
        "/event/arl-webinar-2019-12",
    } <= {re.sub(r"^/unitgraph/ifla", "", path) for path in page.paths()}
    assert "Connect and Empower the Field" in page.sections["served-1"]
    assert "Recalled" in page.sections["place"], "that it stood in Division I is said with how sure that is"


def test_a_project_without_a_direction_says_so(read: Any) -> None:
    page = read("/project/rscvd.html")
    assert page.heading("direction") == "No direction is known"
    assert "HERMES" in page.sections["later"]
    assert "Tool only" in page.sections["partners"]


def test_a_basis_that_does_not_count_is_named_and_not_counted(read: Any) -> None:
    page = read("/initiative/1-1.html")
    assert "Through the unit" in page.sections["uncounted"]
    assert "Public Library Manifesto" in page.sections["uncounted"]
    assert "Public Library Manifesto" not in page.sections["projects"]


def test_gaps_are_named_where_no_project_is_known(site: Site, read: Any) -> None:
    gaps = ask(
        site,
        """SELECT ?initiative ?number ?direction WHERE {
             ?initiative a ug:KeyInitiative ; skos:notation ?number ; skos:broader ?direction .
             FILTER NOT EXISTS { ?project a ug:Project ; ug:contributesTo ?initiative } }""",
    )
    assert gaps
    for initiative, number, direction in gaps:
        for iri in (initiative, direction):
            assert f"No project is known for initiative {number}." in read(document(site, NamedNode(iri))).text
    named = sum(read(document(site, node)).text.count("known for initiative") for node in things(site, "direction"))
    assert named == len(gaps), "no other initiative is called a gap"


@pytest.mark.parametrize(
    ("kind", "property_", "heading"),
    [
        ("initiative", "ug:contributesTo", "contributes? to this initiative"),
        ("direction", "ug:contributesToDirection", "contributes? to this direction"),
        ("unit", "ug:carriedOutBy", "carried out by this unit"),
    ],
)
def test_the_number_of_projects_is_that_which_sparql_counts(
    site: Site, read: Any, kind: str, property_: str, heading: str
) -> None:
    pattern = (
        f"SELECT ?thing (COUNT(DISTINCT ?p) AS ?n) WHERE {{ ?p a ug:Project ; {property_} ?thing }} GROUP BY ?thing"
    )
    counted = [(iri, n) for iri, n in ask(site, pattern) if f"/{kind}/" in iri]
    assert counted
    for iri, n in counted:
        assert read(document(site, NamedNode(iri))).heading(heading).split()[0] == n, iri


def test_the_number_of_partners_is_that_which_sparql_counts(site: Site, read: Any) -> None:
    for project, n in ask(
        site, "SELECT ?p (COUNT(DISTINCT ?o) AS ?n) WHERE { ?p a ug:Project ; ug:hasPartner ?o } GROUP BY ?p"
    ):
        if "/project/" not in project:
            continue
        assert read(document(site, NamedNode(project))).heading("partners? in it").split()[0] == n, project


def test_the_first_page_counts_projects_and_units_as_sparql_does(site: Site, read: Any) -> None:
    words = " ".join(read("/").sections["question"].split())
    for label, projects, units in ask(
        site,
        """SELECT (SAMPLE(?name) AS ?label) (COUNT(DISTINCT ?p) AS ?projects) (COUNT(DISTINCT ?u) AS ?units) WHERE {
             ?p a ug:Project ; ug:contributesToDirection ?d ; ug:carriedOutBy ?u . ?u a ug:Unit .
             ?d skos:prefLabel ?name FILTER(LANG(?name) = "en") } GROUP BY ?d""",
    ):
        assert re.search(rf"{label} {projects} projects?, carried out by {units} units?", words), label


def test_the_first_page_asks_for_a_direction_and_has_eleven_stories(read: Any) -> None:
    page = read("/")
    assert page.headings[0] == (1, "Which Strategic Direction are you interested in?")
    assert page.heading("first round") == "11 stories of the first round"
    assert {"/strategy", "/timeline", "/network", "/query", "/sparql"} <= {
        re.sub(r"^/unitgraph/ifla", "", path) for path in page.paths()
    }


def test_the_first_page_of_another_federation_does_not_speak_of_ifla(tiny_client: Client) -> None:
    text = tiny_client.get("/", headers=HTML).get_data(as_text=True)
    assert "Which Strategic Direction are you interested in?" in text
    assert "Maps" in text and "IFLA" not in Page(text).text


def test_every_composed_page_of_the_tiny_world_answers(tiny: Release, tiny_client: Client) -> None:
    seen = 0
    for quad in tiny.store.quads_for_pattern(None, term("rdf:type"), None):
        local = str(quad.subject.value).removeprefix(tiny.base)  # type: ignore[union-attr]
        if local.partition("/")[0] in KINDS and "/" in local:
            assert tiny_client.get(f"/{local}.html", headers=HTML).status_code == 200, local
            seen += 1
    assert seen


def test_whatever_is_said_of_a_thing_stands_on_its_page(site: Site, read: Any) -> None:
    """Every value, and everything that has it as a value; what only rules say in other words aside."""
    for _, node in everything(site):
        page = read(document(site, node))
        quads = list(site.store.quads_for_pattern(node, None, None))
        echoes, links = terms.echoes(site, quads), " ".join(href for href, _ in page.links)
        for quad in quads:
            value, predicate = quad.object, quad.predicate
            triple_is_echo = any(t.predicate == predicate and t.object == value for t in echoes)
            if triple_is_echo or predicate in (term("rdf:type"), term("ug:firstYear"), term("ug:lastYear")):
                continue
            if isinstance(value, NamedNode):
                assert linked(site, value, page, links), f"{node} {predicate} {value}"
            elif isinstance(value, Literal) and value.datatype.value.endswith(("#string", "#langString")):
                assert squeezed(value.value) in squeezed(page.text), f"{node} {predicate} {value}"
        for quad in site.store.quads_for_pattern(None, None, node):
            subject = quad.subject
            reported = quad.graph_name == terms.report_graph(site)
            if isinstance(subject, NamedNode) and not reported and subject not in (site.iri("dataset"), node):
                assert linked(site, subject, page, links), f"{subject} {quad.predicate} {node}"


def linked(site: Site, node: NamedNode, page: Page, links: str) -> bool:
    if not node.value.startswith(site.base):
        return node.value in links
    return any(path.endswith("/" + node.value.removeprefix(site.base)) for path in page.paths())


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_no_link_has_an_iri_for_its_words(site: Site, read: Any) -> None:
    for _, node in everything(site):
        for href, words in read(document(site, node)).links:
            own = words == node.value  # the identifier at the foot
            assert own or not re.match(r"\s*(https?:|urn:)", words), f"{node}: {href}"
            assert words.strip(), f"{node}: {href}"


def test_links_that_leave_are_marked(site: Site, read: Any) -> None:
    for _, node in everything(site):
        for href, relation in read(document(site, node)).relations.items():
            if href.startswith("http") and not href.startswith(site.base):
                assert "external" in relation, f"{node}: {href}"


def test_headings_are_in_order(site: Site, read: Any) -> None:
    for path in ("/", *(document(site, node) for _, node in everything(site))):
        levels = [level for level, _ in read(path).headings]
        assert levels[0] == 1 and levels.count(1) == 1, path
        assert all(after <= before + 1 for before, after in pairwise(levels)), path


def test_a_timeline_runs_forward(site: Site, read: Any) -> None:
    for node in things(site, "unit"):
        timeline = read(document(site, node)).sections.get("timeline", "")
        years = [int(year) for year in re.findall(r"^\s*(\d{4})\s*$", timeline, re.MULTILINE)]
        assert years == sorted(years), node


class Counting:
    """A store that counts how often it is asked, and how much it is made to give."""

    def __init__(self, store: Store) -> None:
        self.store, self.asked, self.given = store, 0, 0

    def quads_for_pattern(self, *pattern: Any) -> Iterator[Any]:
        self.asked += 1
        for quad in self.store.quads_for_pattern(*pattern):
            self.given += 1
            yield quad


def test_a_page_asks_little_however_much_refers_to_its_thing(site: Site) -> None:
    """A unit with 5,000 projects is read with bounds: about as much is looked at as with 600."""
    base, home = "https://example.org/many/", NamedNode("https://example.org/many/graph/x")
    looked = []
    for many in (600, 5_000):
        store = Store()
        owner = NamedNode(f"{base}unit/u")
        store.extend(quads(base, owner, many, home))
        counting = Counting(store)
        large = Site(site.out, Standing(site.release, base, counting), site.engine, site.settings)  # type: ignore[arg-type]
        described = entity.Description(owner, (), (), (), 0, 1, 1)
        page = unit_page.page(large, described)
        assert len(page.projects.works) == 50
        assert page.projects.more.open_ended
        looked.append((counting.asked, counting.given))
    assert looked[0] == looked[1]


class Standing:
    """A release that stands on another store."""

    def __init__(self, release: Release, base: str, store: Counting) -> None:
        self.release, self.base, self.store = release, base, store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.release, name)


def quads(base: str, owner: NamedNode, many: int, graph: NamedNode) -> Iterator[Any]:
    for n in range(many):
        project = NamedNode(f"{base}project/p{n:05}")
        yield Quad(project, term("ug:carriedOutBy"), owner, graph)
        yield Quad(project, term("skos:prefLabel"), Literal(f"Project {n}", language="en"), graph)
