"""FAIR Signposting, levels 1 and 2: read by its own library, in the header, in the page, in the link set.

The scenes of the signposting benchmark are cases: what a good scene says about its landing page, our pages say in
the same place; what a bad one does wrong, ours do not.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_any_rdf
from conftest import SHARED
from running import Running, serving
from signposting import Signposting, find_signposting_html, find_signposting_http, find_signposting_linkset
from signposting.htmllinks import HTML, _parse_html
from signposting.linkheader import find_signposting_http_link
from signposting.signpost import AbsoluteURI

from unitgraph import formats
from unitgraph.engine import Engine

BENCH = SHARED / "suites" / "examples" / "signposting-bench"
SCENES = sorted(path.name for path in BENCH.iterdir() if path.is_dir()) if BENCH.is_dir() else []
needs_bench = pytest.mark.skipif(not SCENES, reason="../shared/suites is not here")

THING, STORY, LIST = "unit/arl", "story/arl-2020", "direction"
PAGES = ("", "unit/arl", "project/rscvd", "story/arl-2020", "direction/1", "dataset", "direction", "unit", "ns")
RDF = set(formats.RDF_SUFFIXES.values())

#: Scenes that show a fault, and what there is instead of it here; the tests named below hold for our pages.
FAULTS = {
    "11-http-describedby-iri-wrong-type": "describedby with another type than is sent",
    "21-http-html-citeas-differ": "two identifiers",
    "24-http-citeas-204-no-content": "links of a page that has no content",
    "29-http-500-server-error": "a page that fails",
    "40-rda-f2-01m-t2-dc-wrong-type": "describedby with another type than is sent",
    "53-rda-f1-01d-t1-data-no-pid": "an item that is a redirect to another address",
    "58-rda-r1-01m-t7-type-and-no-about": "a landing page that does not say that it is one",
    "61-rda-f1-01md-t1-citeas-no-pid": "an identifier that is the address of the page itself",
    "67-rda-r1-01m-t1-no-item": "a landing page of content without a link to it",
    "69-rda-r1-01m-t2-wrong-type": "a type that is no media type",
}
#: Attributes of links that have no counterpart: our formats have no profiles.
WITHOUT_PROFILE = ("31-http-describedby-profile", "33-http-item-profile")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The tiny world lacks stories of the first round; this is the checkout, where it listens."""
    with serving(tmp_path_factory.mktemp("signposting")) as server:
        yield server


WORK = """
<http://localhost/book/1> a <https://schema.org/CreativeWork> ;
  <http://purl.org/dc/terms/title> "A report"@en ;
  <https://schema.org/url> <https://e.example/report.pdf> ;
  <http://purl.org/dc/terms/creator> <http://localhost/who/1> , <https://orcid.org/0000-0002-1825-0097> .
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Signposting:
    """The page of a work by somebody who has an IRI, which none in our data is."""
    folder = tmp_path_factory.mktemp("work")
    release = test_any_rdf.publish(folder, *test_any_rdf.written(folder, {"work.ttl": WORK}))
    links = test_any_rdf.client(release, engine).get("/book/1.html").headers.getlist("Link")
    return find_signposting_http_link(links, "http://localhost/book/1.html")


def ask(url: str, accept: str = "*/*", method: str = "GET") -> tuple[str, str, bytes, list[str]]:
    """Address after redirects, media type, body and `Link` values of an answer that must be 200."""
    request = urllib.request.Request(url, headers={"Accept": accept}, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
        links = answer.headers.get_all("Link") or []
        return answer.url, answer.headers.get_content_type(), answer.read(), links


def said(found: Signposting) -> set[tuple[str, str, str]]:
    """Relation, target and type of each signpost."""
    return {(str(one.rel), str(one.target), str(one.type or "")) for one in found.signposts}


def types(found: Signposting) -> set[str]:
    return {str(one.target) for one in found.types}


# Level 1 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_header_and_page_say_the_same(running: Running, path: str) -> None:
    by_header = find_signposting_http(running.base + path)
    by_page = find_signposting_html(running.base + path)
    assert said(by_header) == said(by_page) != set()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_identifier_that_leads_to_it(running: Running, path: str) -> None:
    found = find_signposting_http(running.base + path)
    address, _, body, links = ask(running.base + path, "text/html")
    assert len([one for one in links if 'rel="cite-as"' in one]) == body.count(b'rel="cite-as"') == 1
    assert found.citeAs
    if str(found.citeAs.target).startswith(running.base):  # the vocabulary has its identifier elsewhere
        assert ask(str(found.citeAs.target), "text/html")[0] == address
    if "/" in path:
        assert str(found.citeAs.target) == running.base + path != address


@pytest.mark.parametrize("path", PAGES)
def test_what_describes_a_page_is_of_the_type_that_the_link_says(running: Running, path: str) -> None:
    found = find_signposting_http(running.base + path)
    assert {str(one.type) for one in found.describedBy} == RDF
    for one in found.describedBy:
        _, media_type, body, links = ask(str(one.target), "image/png")
        assert media_type == str(one.type)
        assert body
        back = find_signposting_http_link(links, str(one.target))
        assert any(str(way.rel) == "describes" and str(way.type) == formats.HTML for way in back.signposts)


@pytest.mark.parametrize(
    ("path", "classes"),
    [
        ("unit/arl", {"AboutPage", "Organization"}),
        ("project/rscvd", {"AboutPage", "Project"}),
        ("story/arl-2020", {"AboutPage", "Article"}),
        ("direction/1", {"AboutPage", "DefinedTerm"}),
        ("dataset", {"AboutPage", "Dataset"}),
        ("", {"AboutPage", "Dataset"}),
        ("ns", {"AboutPage", "DefinedTermSet"}),
        ("direction", {"CollectionPage"}),
    ],
)
def test_a_page_says_what_it_is_and_what_it_shows(running: Running, path: str, classes: set[str]) -> None:
    found = types(find_signposting_http(running.base + path))
    assert {one for one in found if one.startswith("https://schema.org/")} == {
        f"https://schema.org/{cls}" for cls in classes
    }


def test_a_list_links_to_its_members_and_they_to_it(running: Running) -> None:
    listed = find_signposting_http(running.base + "direction")
    items = {str(one.target) for one in listed.items}
    assert items == {f"{running.base}direction/{number}" for number in (1, 2, 3, 4)}
    for item in items:
        page = find_signposting_http(item)
        assert page.collection
        assert str(page.collection.target) == running.base + "direction"


def test_a_work_links_to_where_it_can_be_read(running: Running) -> None:
    [item] = find_signposting_http(running.base + STORY).items
    assert str(item.target).startswith("https://www.ifla.org/")


def test_a_work_links_to_who_made_it(work: Signposting) -> None:
    assert {str(one.target) for one in work.authors} == {
        "http://localhost/who/1",
        "https://orcid.org/0000-0002-1825-0097",
    }
    assert {str(one.target) for one in work.items} == {"https://e.example/report.pdf"}
    assert "https://schema.org/CreativeWork" in types(work)


@pytest.mark.parametrize("path", PAGES)
def test_all_links_of_a_header_fit_into_8_kb(running: Running, path: str) -> None:
    for method in ("GET", "HEAD"):
        links = ask(running.base + path, "text/html", method)[3]
        assert sum(len(f"Link: {one}\r\n") for one in links) < 8_000
    assert ask(running.base + path, "text/html")[3] == links


def test_a_thing_that_redirects_names_the_documents_about_it(running: Running) -> None:
    status, _, body = running.get(f"/{THING}", "text/turtle")
    assert (status, body) == (303, b"")

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    request = urllib.request.Request(running.base + THING, method="HEAD")
    with pytest.raises(urllib.error.HTTPError) as caught, urllib.request.build_opener(Stay).open(request):
        pass
    with caught.value as answer:
        found = find_signposting_http_link(answer.headers.get_all("Link"), running.base + THING)
    assert {str(one.type) for one in found.describedBy} == RDF | {formats.HTML}


# Level 2 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path for path in PAGES if path])
@pytest.mark.parametrize("media_type", ["application/linkset+json", "application/linkset"])
def test_the_link_set_holds_the_links_of_every_document(running: Running, path: str, media_type: str) -> None:
    page, _, _, links = ask(running.base + path, "text/html")
    ours = find_signposting_http_link(links, page)
    [target] = {str(one.target) for one in ours.linksets if str(one.type) == media_type}
    assert ask(target, media_type)[1] == media_type
    whole = find_signposting_linkset(target, media_type)
    documents = [f"{running.base}{path}.{suffix}" for suffix in formats.RDF_SUFFIXES]
    page_itself = f"{running.base}{path}.html"
    for document in (*documents, page_itself):
        address, _, _, own = ask(document)
        assert said(find_signposting_http_link(own, address)) <= said(whole.for_context(AbsoluteURI(document)))


def test_a_link_set_has_all_the_members_of_a_page_of_a_list(running: Running) -> None:
    """More than a header holds."""
    assert not find_signposting_http(running.base + "unit").items
    page = f"{running.base}unit.html"
    items = find_signposting_linkset(f"{running.base}unit.linkset").for_context(AbsoluteURI(page)).items
    body = ask(page)[2].decode()
    assert len(items) > 20
    assert all(urllib.parse.urlsplit(str(one.target)).path in body for one in items)


def test_a_link_set_names_the_page_in_every_language(running: Running) -> None:
    contexts = json.loads(ask(f"{running.base}{THING}.linkset")[2])["linkset"]
    [page] = [one for one in contexts if one["anchor"] == f"{running.base}{THING}.html"]
    tongues = {tag: one["href"] for one in page["alternate"] for tag in one.get("hreflang", ())}
    assert set(tongues) == {"ar", "zh", "en", "fr", "de", "ru", "es"}
    assert b'lang="ar"' in ask(tongues["ar"], "text/html")[2]


def test_a_link_set_is_sent_once_and_only_where_there_is_something(running: Running) -> None:
    request = urllib.request.Request(f"{running.base}{THING}.linkset")
    with urllib.request.urlopen(request, timeout=20) as answer:
        request.add_header("If-None-Match", answer.headers["ETag"])
    with pytest.raises(urllib.error.HTTPError, match="304"):
        urllib.request.urlopen(request, timeout=20)
    assert running.get("/unit/nothing.linkset")[0] == 404


def test_the_catalogue_of_interfaces_names_the_endpoint_and_its_description(running: Running) -> None:
    _, media_type, body, links = ask(f"{running.base}.well-known/api-catalog", method="GET")
    assert media_type == "application/linkset+json"
    assert any('rel="api-catalog"' in one for one in links)
    contexts = {one["anchor"]: one for one in json.loads(body)["linkset"]}
    [endpoint] = [one["href"] for one in contexts[f"{running.base}.well-known/api-catalog"]["item"]]
    [description] = contexts[endpoint]["service-desc"]
    assert b"ServiceDescription" in ask(description["href"], description["type"])[2] or description["href"] == endpoint
    assert ask(description["href"], description["type"])[1] == description["type"]
    assert any('rel="api-catalog"' in one for one in ask(running.base, "text/html")[3])


# The scenes of the benchmark -----------------------------------------------------------------------


def landing_links(scene: Path) -> list[str]:
    """The `Link` values that a scene's server adds to its landing page."""
    file = scene / ".htaccess"
    text = file.read_text("utf-8") if file.exists() else ""
    blocks = re.findall(r"<Files index\.html>(.*?)</Files>", text, re.DOTALL)
    blocks += [line for line in text.splitlines() if line.startswith("Header always add")]
    values = re.findall(r"^\s*Header (?:always )?add Link (.*?)\s*$", "\n".join(blocks), re.MULTILINE)
    return [value[1:-1].replace('\\"', '"') if value.startswith('"') else value for value in values]


def relations(found: Signposting, *, typed: bool = True) -> set[tuple[str, bool]]:
    """Relations, and whether their links have a type."""
    known = [one for one in found.signposts if not str(one.rel).startswith("http")]
    return {(str(one.rel), bool(one.type) and typed) for one in known}


def linkset_relations(scene: Path) -> set[str]:
    found: set[str] = set()
    if (scene / "linkset.json").exists():
        contexts = json.loads((scene / "linkset.json").read_text("utf-8"))["linkset"]
        found |= {key for context in contexts for key in context} - {"anchor"}
    if (scene / "linkset.txt").exists():
        text = " ".join((scene / "linkset.txt").read_text("utf-8").split())
        found |= {str(one.rel) for one in find_signposting_http_link([text], "https://example.org/").signposts}
    return found & {"cite-as", "describedby", "item", "collection", "license", "author", "type"}


def ours(running: Running, relation: str, where: str) -> Signposting:
    """The signposts of the page of ours that has such a link, in the same place."""
    path = STORY if relation == "item" else THING
    address = f"{running.base}{path}.html"
    if where == "linkset":
        return find_signposting_linkset(f"{running.base}{path}.linkset").for_context(AbsoluteURI(address))
    return find_signposting_html(address) if where == "html" else find_signposting_http(address)


@needs_bench
@pytest.mark.parametrize("name", [name for name in SCENES if name not in FAULTS])
def test_what_a_good_scene_says_our_pages_say_in_the_same_place(running: Running, work: Signposting, name: str) -> None:
    scene = BENCH / name
    body = HTML((scene / "index.html").read_text("utf-8"), "text/html", "https://example.org/", "https://example.org/")
    theirs = {
        "http": relations(find_signposting_http_link(landing_links(scene), "https://example.org/")),
        "html": relations(_parse_html(body)),
        "linkset": {(relation, False) for relation in linkset_relations(scene)},
    }
    assert any(theirs.values()), "a scene without links shows nothing"
    for where, shown in theirs.items():
        for relation, typed in shown:
            found = relations(work if relation == "author" else ours(running, relation, where))
            assert relation in {one for one, _ in found}, (where, relation)
            if typed and relation != "item":  # of what stands on other sites the graph knows no type
                assert (relation, True) in found, (where, relation)


@needs_bench
def test_the_scenes_that_show_a_fault_are_there_and_so_are_those_without_counterpart() -> None:
    assert set(FAULTS) | set(WITHOUT_PROFILE) <= set(SCENES)


@needs_bench
def test_what_the_bad_scenes_do_wrong_our_pages_do_not(running: Running) -> None:
    """Types are tested above; here the rest: one identifier, which is not the page, and every link leads somewhere."""
    for path in (THING, STORY, "direction/1"):
        address, media_type, body, links = ask(running.base + path, "text/html")
        by_header = find_signposting_http_link(links, address)
        by_page = find_signposting_html(address)
        assert body and media_type == formats.HTML
        identifiers = {str(one.citeAs.target) for one in (by_header, by_page) if one.citeAs}
        assert identifiers == {running.base + path} != {address}
        assert "https://schema.org/AboutPage" in types(by_header)
        for one in by_header.signposts:
            assert not one.type or re.fullmatch(r"[\w.+-]+/[\w.+-]+", str(one.type))
            if str(one.target).startswith(running.base):
                ask(str(one.target), str(one.type or "*/*"))
