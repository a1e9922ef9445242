"""Whoever looks for a thing finds it, and no string that somebody may look for does harm."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import asgi
import html5lib
import pytest
from conftest import SHARED, needs_chromium, needs_facts
from pyoxigraph import Literal, NamedNode
from running import serving
from werkzeug.test import Client

from unitgraph import rdf
from unitgraph.engine import Engine
from unitgraph.index import fold
from unitgraph.release import Release
from unitgraph.resources import search
from unitgraph.site import Publication, Site
from unitgraph.vocab import NAMES, STATEMENTS, term
from unitgraph.web import create_app

LABELS = tuple(
    map(term, ("skos:prefLabel", "skos:altLabel", "skosxl:literalForm", "dcterms:title", "rdfs:label", "foaf:name"))
)
STRINGS = SHARED / "suites" / "strings" / "blns.txt"


def labels(site: Site) -> Iterator[tuple[str, Literal]]:
    """Every label in the release, with the thing that has it."""
    for predicate in LABELS:
        for quad in site.store.quads_for_pattern(None, predicate, None):
            if isinstance(quad.subject, NamedNode) and site.release.index.thing(quad.subject.value):
                assert isinstance(quad.object, Literal)
                yield quad.subject.value, quad.object


def first(site: Site, query: str, limit: int = 10) -> list[str]:
    return [thing.iri for thing in site.release.index.search(query, None, 0, limit).things]


# What is found -----------------------------------------------------------------------------------------------


def test_every_label_finds_its_thing_among_the_first_ten(site: Site) -> None:
    found = list(labels(site))
    assert len(found) > 2_000
    assert [(iri, label.value) for iri, label in found if iri not in first(site, label.value)] == []


def test_every_label_finds_its_thing_without_accents_and_capitals(site: Site) -> None:
    found = [(iri, label.value) for iri, label in labels(site) if not label.value.isascii()]
    assert len(found) > 100
    for iri, label in found:
        plain = "".join(c for c in unicodedata.normalize("NFD", label.upper()) if not unicodedata.combining(c))
        assert iri in first(site, plain), plain


@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "fr", "ru", "zh"])
def test_a_word_of_a_name_in_any_language_finds_who_has_it(site: Site, language: str) -> None:
    named = {q.object: q.subject for p in NAMES for q in site.store.quads_for_pattern(None, p, None)}
    tested = 0
    for iri, label in labels(site):
        if (label.language or "").partition("-")[0] != language or tested > 60:
            continue
        owner = named.get(NamedNode(iri), NamedNode(iri))
        word = max(re.findall(r"\w+", label.value), key=len)
        word = word[:4] if language == "zh" else word
        assert isinstance(owner, NamedNode)
        found = site.release.index.search(word, None, 0, 500)
        assert {iri, owner.value} <= {thing.iri for thing in found.things}, word
        tested += 1
    assert tested > 0


def test_a_code_finds_first_what_has_it(site: Site) -> None:
    """Notations, acronyms and identifiers: all that have it stand before all that only mention it."""
    having: dict[str, set[str]] = {}
    called: dict[str, set[str]] = {}
    for iri, label in labels(site):
        called.setdefault(iri, set()).add(fold.key(label.value))
    named = {q.object: q.subject for p in NAMES for q in site.store.quads_for_pattern(None, p, None)}
    for name in ("skos:notation", "dcterms:identifier", "ug:acronym"):
        for quad in site.store.quads_for_pattern(None, term(name), None):
            for node in (quad.subject, named.get(quad.subject, quad.subject)):
                if isinstance(node, NamedNode) and isinstance(quad.object, Literal):
                    having.setdefault(fold.key(quad.object.value), set()).add(node.value)
    assert len(having) > 150
    for code, things in having.items():
        best, *_ = found = first(site, code, len(things) + 5)
        assert things <= set(found), code
        assert best in things or fold.key(re.split("[/#]", best)[-1]) == code or code in called[best], code


@pytest.mark.parametrize("segment", ["unit", "project", "name", "source", "direction"])
def test_an_address_finds_first_what_it_names(site: Site, segment: str) -> None:
    [iri, *_] = site.release.index.members(segment, 0, 1)
    path = iri.removeprefix(site.base)
    for query in (iri, f"<{iri}>", f" {iri} ", path, f"/{path}", f"{iri}.html", f"{path.replace('/', ':')}"):
        page = search.search(site, query)
        assert page.hits[0].iri == iri, query


def test_an_address_under_another_base_finds_what_it_names_here(site: Site) -> None:
    moved = replace(site.release.manifest, canonical_base="https://old.example/graph/")
    elsewhere = replace(
        site,
        release=replace(site.release, manifest=moved),
        settings=replace(site.settings, public_url="https://public.example/x/"),
    )
    [iri] = site.release.index.members("unit", 0, 1)
    path = iri.removeprefix(site.base)
    for base in ("https://old.example/graph/", "https://public.example/x/"):
        assert search.search(elsewhere, base + path).hits[0].iri == iri


def test_a_former_address_and_the_address_of_a_page_elsewhere_are_known(site: Site) -> None:
    former = next(iter(site.store.quads_for_pattern(None, term("ug:formerIri"), None)))
    page = next(iter(site.store.quads_for_pattern(None, term("ug:url"), None)))
    for quad in (former, page):
        assert isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode)
        assert quad.subject.value in [hit.iri for hit in search.search(site, quad.object.value).hits]
    assert search.search(site, former.object.value).hits[0].iri == former.subject.value


def test_a_term_of_the_vocabulary_is_found_by_its_prefixed_name(site: Site) -> None:
    assert search.search(site, "ug:contributesTo").hits[0].iri == term("ug:contributesTo").value


def test_things_stand_before_statements_about_them(site: Site) -> None:
    for query in ("section", "library", "2021", "marketing"):
        hits = site.release.index.search(query, None, 0, 500).things
        late = [thing.kind in STATEMENTS for thing in hits if fold.key(query) != fold.key(thing.label)]
        assert late == sorted(late) and True in late, query


# How it is shown ---------------------------------------------------------------------------------------------


def test_kinds_are_counted_and_chosen(site: Site) -> None:
    every = search.search(site, "music")
    assert sum(facet.count for facet in every.facets) == every.count == every.reachable
    for facet in every.facets:
        own = search.search(site, "music", facet.kind)
        assert {hit.kind for hit in own.hits} == {facet.kind}
        assert (own.count, own.facets) == (facet.count, every.facets)


def test_pages_of_results_have_each_thing_once(site: Site) -> None:
    whole = search.search(site, "section")
    assert whole.pages > 5
    pages = [search.search(site, "section", page=number) for number in range(1, whole.pages + 1)]
    iris = [hit.iri for page in pages for hit in page.hits]
    assert len(iris) == len(set(iris)) == whole.count == whole.reachable
    with pytest.raises(search.NotFound, match=f"the last one is {whole.pages}"):
        search.search(site, "section", page=whole.pages + 1)


def test_the_words_are_marked_where_they_stand(client: Client) -> None:
    page = client.get("/search?q=resume%20MUSIC").text
    assert "<mark>music</mark>" in page.lower() and "some of" not in page
    page = client.get("/search?q=" + quote("图书馆")).text
    assert re.search(r'lang="zh-hans"[^>]*>国际<mark>图书馆</mark>协会和机构联合会<', page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("academ librar", "beginnings of words"),
        ("music xyzzy", "Nothing has all of these words"),
        ("xyzzy", "What to try"),
        ("", "Write a name"),
    ],
)
def test_the_page_says_how_it_searched(client: Client, query: str, sentence: str) -> None:
    answer = client.get("/search", query_string={"q": query})
    assert answer.status_code == 200
    assert sentence in answer.text


def test_results_come_as_a_table_and_as_records(client: Client) -> None:
    records = client.get("/search?q=P61", headers={"Accept": "application/json"}).json
    assert records[0]["kind"] == "action-plan"
    assert client.get("/search.json?q=P61").json == records
    rows = client.get("/search.csv?q=P61").text.splitlines()
    assert rows[0] == "iri,label,kind,notation,snippet" and rows[1].startswith(records[0]["iri"])
    assert client.get("/search.ttl?q=P61").status_code == 404
    tag = client.get("/search?q=P61").headers["ETag"]
    assert client.get("/search?q=P61", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/search?q=P62", headers={"If-None-Match": tag}).status_code == 200


# Suggestions and OpenSearch ----------------------------------------------------------------------------------


def suggested(client: Client, query: str) -> list[tuple[str, str, str]]:
    """Labels, words about them and addresses."""
    answer = client.get("/search/suggest", query_string={"q": query})
    assert (answer.status_code, answer.mimetype) == (200, "application/x-suggestions+json")
    typed, *columns = json.loads(answer.data)
    assert typed == query and len(columns) == 3
    return list(zip(*columns, strict=True))


def test_suggestions_come_while_a_word_is_typed(client: Client) -> None:
    for end in range(3, len("academic and research") + 1):
        found = suggested(client, "Academic and Research"[:end])
        assert found[0] == ("Academic and Research Libraries Section", "ARL · Units", "/unit/arl")
    assert suggested(client, "arl")[0][2] == "/unit/arl"
    assert suggested(client, "国际")[0][0] == "国际图书馆协会和机构联合会"
    assert suggested(client, "xyzzy") == suggested(client, "") == suggested(client, "   ") == []


def test_suggestions_are_in_the_readers_language_and_records_in_english(client: Client) -> None:
    answers = {
        tongue: client.get("/search/suggest?q=IFLA", headers={"Accept-Language": tongue}) for tongue in ("en", "ar")
    }
    assert len({answer.headers["ETag"] for answer in answers.values()}) == 2
    assert json.loads(answers["en"].data)[1][0].startswith("International Federation")
    assert json.loads(answers["ar"].data)[1][0].startswith("الاتحاد")
    assert all("Accept-Language" in answer.headers["Vary"] for answer in answers.values())
    records = [client.get("/search.json?q=IFLA", headers={"Accept-Language": tongue}).data for tongue in ("en", "ar")]
    assert records[0] == records[1]


def test_a_finished_word_is_no_beginning(client: Client) -> None:
    assert suggested(client, "librar") and not suggested(client, "librar ")


def test_suggestions_are_few_and_no_statements(client: Client) -> None:
    for letter in "abcdefghilmnoprstuw123":
        found = suggested(client, letter)
        assert 0 < len(found) <= search.SUGGESTED
        for _, _, address in found:
            assert address.split("/")[1] not in STATEMENTS
            assert client.get(address).status_code in (200, 303)


def test_browsers_learn_of_the_search(client: Client, site: Site) -> None:
    page = html5lib.parse(client.get("/unit/arl.html").text, namespaceHTMLElements=False)
    [link] = page.findall(".//link[@rel='search']")
    answer = client.get(link.get("href"))
    assert answer.mimetype == link.get("type") == "application/opensearchdescription+xml"
    space = "{http://a9.com/-/spec/opensearch/1.1/}"
    described = ET.fromstring(answer.data)
    assert 0 < len(described.findtext(f"{space}ShortName") or "") <= 16
    for url in described.findall(f"{space}Url"):
        address = url.get("template", "").removeprefix(site.public_url)
        address = address.replace("{searchTerms}", quote("música")).replace("{startPage?}", "")
        answer = client.get(f"/{address}")
        assert (answer.status_code, answer.mimetype) == (200, url.get("type"))


def test_every_page_has_the_search_in_its_head(client: Client) -> None:
    for path in ("/", "/unit", "/unit/arl.html", "/ns", "/search?q=music"):
        page = html5lib.parse(client.get(path).text, namespaceHTMLElements=False)
        [form] = page.findall(".//header/form[@role='search']")
        assert (form.get("action"), form.get("data-suggest")) == ("/search", "/search/suggest")
        [field] = form.findall("input[@name='q']")
        [label] = form.findall("label")
        assert label.get("for") == field.get("id") and label.text
    assert client.get("/search?q=%22music%22").text.count('value="&#34;music&#34;"') == 1


def test_the_script_is_small_and_comes_from_here(client: Client) -> None:
    page = client.get("/unit")
    [address] = re.findall(r'<script src="([^"]*search\.js[^"]*)" type="module"></script>', page.text)
    assert len(client.get(unescape(address)).data) < 3_000
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


# What anybody may write --------------------------------------------------------------------------------------


HOSTILE = (
    '"',
    '""',
    '"music',
    "music*",
    "*",
    "NEAR(music library, 2)",
    "music AND",
    "OR",
    "NOT music",
    "label:music",
    "{label}:music",
    "-music",
    "^music",
    "music + library",
    "(((((",
    "'; DROP TABLE thing; --",
    "?1 :a @b $c",
    "ug:",
    ":",
    "://",
    "http://[",
    "http://a b",
    "unit/",
    "/",
    "a" * 10_000,
    "音" * 10_000,
    "a " * 5_000,
    "e\u0301" * 1_000,
    "\u200b\u200d\ufeff\u00ad",
    "\U0001f600",
    "ﷺ" * 200,
    "İıſß",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "../../etc/passwd",
)


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: repr(query[:20]))
def test_no_query_is_an_operator_or_does_harm(client: Client, query: str) -> None:
    harmless(client, quote(query))


@pytest.mark.parametrize(
    "raw", ["%00", "%00music%00", "%ED%A0%80", "%FF%FE", "%", "%zz", "+", "music&q=other", "music&page="]
)
def test_no_bytes_in_the_address_do_harm(client: Client, raw: str) -> None:
    harmless(client, raw)


def harmless(client: Client, raw: str) -> None:
    for path in ("/search?q=", "/search.json?q=", "/search/suggest?q="):
        answer = client.get(path + raw)
        assert answer.status_code == 200, (path, raw)
        if path == "/search?q=":
            assert not re.search(rb"<script(?! type=\"application/ld\+json\"| src=)|<img|\son\w+=", answer.data)
        else:
            json.loads(answer.data)


@needs_facts
def test_every_naughty_string_is_looked_for(client: Client) -> None:
    strings = [line for line in STRINGS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert len(strings) > 400
    for string in strings:
        answer = client.get("/search", query_string={"q": string})
        assert answer.status_code == 200, string
        assert not re.search(rb"<script(?! type=\"application/ld\+json\"| src=)|<img|<svg|<iframe", answer.data), string
        suggestions = client.get("/search/suggest", query_string={"q": string})
        assert suggestions.status_code == 200 and len(json.loads(suggestions.data)) == 4, string


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ("q=a&kind=nonsense", 400),
        ("q=a&kind=%00", 400),
        ("q=a&page=0", 400),
        ("q=a&page=x", 400),
        ("q=music&page=999", 404),
        ("q=a&format=pdf", 400),
        ("kind=unit", 200),
        ("", 200),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(client: Client, parameters: str, status: int) -> None:
    assert client.get(f"/search?{parameters}", headers={"Accept": "text/html"}).status_code == status


def test_names_of_any_scheme_are_found_in_files_as_they_are(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "a.ttl"
    names = ("urn:x:1", "javascript:alert(1)", "https://elsewhere.example/a", "http://localhost/b")
    path.write_text(
        "".join(f'<{iri}> <http://www.w3.org/2000/01/rdf-schema#label> "strange <b>thing" .\n' for iri in names)
    )
    release = rdf.publish(rdf.files([str(path)]), tmp_path / "out", "http://localhost/", print)
    client = asgi.client(create_app(Publication(release.folder.parent, engine, engine.settings)))
    page = html5lib.parse(client.get("/search?q=strange").text, namespaceHTMLElements=False)
    links = [link.get("href") for link in page.findall(".//ol/li//a")]
    assert sorted(links) == ["/b", "https://elsewhere.example/a"] and len(page.findall(".//ol/li")) == 4
    assert set(json.loads(client.get("/search/suggest?q=str").data)[3]) == {"/b", "https://elsewhere.example/a"}


# With a keyboard ---------------------------------------------------------------------------------------------


@needs_chromium
def test_the_combobox_works_by_keyboard(release: Release, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with serving(tmp_path, str(release.folder.parent)) as server, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(server.url)
        field, options = page.get_by_role("combobox"), page.get_by_role("option")

        def state() -> tuple[str | None, str | None, list[str | None]]:
            selected = [option.get_attribute("aria-selected") for option in options.all()]
            return field.get_attribute("aria-expanded"), field.get_attribute("aria-activedescendant"), selected

        field.focus()
        page.keyboard.type("acad")
        options.first.wait_for()
        count = options.count()
        assert count > 2 and state() == ("true", "", ["false"] * count)
        assert page.locator("form [role=status]").inner_text() == f"{count} suggestions; use the arrow keys."
        page.keyboard.press("ArrowDown")
        assert state()[1] == options.first.get_attribute("id") and state()[2][0] == "true"
        page.keyboard.press("ArrowUp")
        assert state()[1] == ""  # back in the field
        page.keyboard.press("ArrowUp")
        assert state()[2][-1] == "true"
        page.keyboard.press("Escape")
        assert state()[0] == "false" and not options.first.is_visible() and field.input_value() == "acad"
        page.keyboard.press("ArrowDown")
        options.first.wait_for()
        page.keyboard.press("ArrowDown")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert urlsplit(page.url).path.startswith("/unit/arl")

        page.get_by_role("combobox").fill("xyzzy")
        page.locator("form [role=status]").get_by_text("Nothing is called so").wait_for(state="attached")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert urlsplit(page.url)[2:4] == ("/search", "q=xyzzy")
        assert page.get_by_role("combobox").input_value() == "xyzzy"
        assert said == []
        browser.close()


@needs_chromium
def test_the_search_works_without_a_script(release: Release, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with serving(tmp_path, str(release.folder.parent)) as server, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(server.url)
        page.get_by_role("searchbox").fill("music")
        page.get_by_role("search").get_by_role("button").click()
        assert page.get_by_role("main").get_by_role("listitem").filter(has_text="Music").count() > 3
        browser.close()
