"""Pages speak schema.org: extruct reads it, it is valid, and it says nothing that the graph does not say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import extruct
import pyshacl
import pytest
import rdflib
import test_any_rdf
from conftest import SHARED, needs_chromium
from pyoxigraph import Literal, NamedNode, RdfFormat, Store
from rdflib import SH
from running import serving
from werkzeug.test import Client

from unitgraph.engine import Engine
from unitgraph.release import Release
from unitgraph.resources import listing, schema_org
from unitgraph.site import Site
from unitgraph.web import meta

SUITES = SHARED / "suites"
needs_suites = pytest.mark.skipif(not SUITES.is_dir(), reason="../shared/suites is not here")
SCHEMA = "https://schema.org/"
SUBCLASS = NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")

#: The class of each kind of thing whose page must have one.
CLASSES = {
    "unit": "Organization",
    "organisation": "Organization",
    "project": "Project",
    "award": "Project",
    "story": "Article",
    "output": "CreativeWork",
    "action-plan": "CreativeWork",
    "source": "WebPage",
    "event": "Event",
    "change": "Event",
    "direction": "DefinedTerm",
    "initiative": "DefinedTerm",
    "form": "DefinedTerm",
    "unit-kind": "DefinedTerm",
    "strategy": "DefinedTermSet",
    "scheme": "DefinedTermSet",
    "round": "CreativeWorkSeries",
    "series": "CreativeWorkSeries",
    "country": "Country",
    "language": "Language",
}
COMPOSED = ("partnership", "placement")  #: what is called by its parts has a name that is no literal


def read(client: Client, path: str) -> dict[str, Any]:
    """The JSON-LD that extruct finds in a page."""
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, path
    [found] = extruct.extract(answer.text, syntaxes=["json-ld"])["json-ld"]
    return dict(found)


def opengraph(client: Client, path: str) -> dict[str, str]:
    answer = client.get(path, headers={"Accept": "text/html"})
    [found] = extruct.extract(answer.text, syntaxes=["opengraph"])["opengraph"]
    return dict(found["properties"])


@pytest.fixture(scope="module")
def pages(client: Client, site: Site) -> dict[str, dict[str, Any]]:
    """The data in some pages of every kind, by path: three things of each, lists, and the pages of the site."""
    paths = ["/", "/ns.html", "/unit.html", "/direction.html", "/dataset.html"]
    for segment in site.kinds:
        members = listing.members(site, segment)
        paths += [f"{site.path(node.value)}.html" for node in dict.fromkeys((*members[:2], *members[-1:]))]
    return {path: read(client, path) for path in paths}


def nodes(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document.get("@graph", [document])


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """A node and all nodes in it."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from inside(part)
    elif isinstance(value, list):
        for part in value:
            yield from inside(part)


# What a page says -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("segment", "cls"), CLASSES.items())
def test_a_thing_has_the_class_of_its_kind(pages: dict[str, dict[str, Any]], segment: str, cls: str) -> None:
    found = [document for path, document in pages.items() if path.startswith(f"/{segment}/")]
    assert found
    for document in found:
        page, thing = nodes(document)
        assert thing["@type"] == cls
        assert (page["@type"], page["mainEntity"]) == ("AboutPage", {"@id": thing["@id"]})


def test_a_unit_is_an_organisation_with_its_names_and_its_place(client: Client, site: Site) -> None:
    _, unit = nodes(read(client, "/unit/lsn.html"))
    assert "LSN" in unit["alternateName"]
    parents = {parent["@id"] for parent in unit["parentOrganization"]}
    assert f"{site.base}organisation/ifla" in parents


def test_a_story_is_an_article_in_its_series(client: Client, site: Site) -> None:
    _, story = nodes(read(client, "/story/arl-2020.html"))
    assert story["datePublished"] == "2020-12-20"
    assert story["isPartOf"]["@id"] == f"{site.base}round/units-strategy-2020"
    assert {one["@id"] for one in story["about"]} >= {f"{site.base}unit/arl"}
    assert story["position"] == 10


def test_the_first_page_shows_a_data_set_in_a_catalogue(client: Client, site: Site) -> None:
    _, dataset = nodes(read(client, "/"))
    assert dataset["@type"] == "Dataset"
    assert dataset["includedInDataCatalog"]["@type"] == "DataCatalog"
    assert dataset["license"] == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert len(dataset["description"]) >= 50


def test_the_way_to_a_page_is_a_list_of_steps_that_exist(client: Client, site: Site) -> None:
    for path, length in (("/unit/arl.html", 3), ("/unit.html", 2)):
        page = nodes(read(client, path))[0]
        steps = page["breadcrumb"]["itemListElement"]
        assert [step["position"] for step in steps] == list(range(1, length + 1))
        for step in steps:
            assert client.get(site.path(step["item"]["@id"]) or "", headers={"Accept": "text/html"}).status_code in (
                200,
                303,
            )


def test_names_come_in_the_readers_language(client: Client) -> None:
    english, german = (nodes(read(client, f"/direction/1.html?lang={tag}")) for tag in ("en", "de"))
    assert (english[0]["inLanguage"], german[0]["inLanguage"]) == ("en", "de")
    assert english[1]["name"] == "Strengthen the Global Voice of Libraries"
    steps = [step["name"] for step in german[0]["breadcrumb"]["itemListElement"]]
    assert steps[-1] == german[1]["name"]


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "website"), ("/unit/arl.html", "website"), ("/story/arl-2020.html", "article")]
)
def test_open_graph_says_what_is_shared(client: Client, site: Site, path: str, kind: str) -> None:
    found = opengraph(client, f"{path}?lang=fr")
    assert found["og:type"] == kind
    assert found["og:url"] == site.base + path.strip("/").removesuffix(".html")
    assert found["og:locale"] == "fr_FR"
    assert found["og:site_name"] == "IFLA Units + Strategy as linked data"
    assert found["og:title"]
    assert "og:image" not in found  # there is none
    if kind == "article":
        assert found["og:description"]


# Valid, and true ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vocabulary() -> Store:
    store = Store()
    store.load(path=SUITES / "data" / "schemaorg" / "schemaorg-all-https.ttl", format=RdfFormat.TURTLE)
    return store


def wider(vocabulary: Store, cls: str) -> set[str]:
    """A class of schema.org and all above it."""
    found, open_ = set(), [cls]
    while open_:
        one = open_.pop()
        found.add(one)
        above = vocabulary.quads_for_pattern(NamedNode(SCHEMA + one), SUBCLASS, None)
        open_ += [quad.object.value.removeprefix(SCHEMA) for quad in above]  # type: ignore[union-attr]
    return found


def includes(vocabulary: Store, name: str, way: str) -> set[str]:
    quads = vocabulary.quads_for_pattern(NamedNode(SCHEMA + name), NamedNode(f"{SCHEMA}{way}Includes"), None)
    return {quad.object.value.removeprefix(SCHEMA) for quad in quads}  # type: ignore[union-attr]


DATA_TYPES = {"Text", "URL", "Date", "DateTime", "Number", "Integer", "Boolean"}


@needs_suites
def test_properties_are_used_where_the_vocabulary_has_them(pages: dict[str, dict[str, Any]], vocabulary: Store) -> None:
    for path, document in pages.items():
        for node in inside(document):
            if "@type" not in node:
                continue
            for name, values in node.items():
                if name.startswith("@"):
                    continue
                where = (path, node["@type"], name)
                assert includes(vocabulary, name, "domain") & wider(vocabulary, node["@type"]), where
                allowed = includes(vocabulary, name, "range")
                for value in values if isinstance(values, list) else [values]:
                    if not isinstance(value, dict):
                        assert allowed & DATA_TYPES, where
                    elif "@type" in value:
                        assert allowed & wider(vocabulary, value["@type"]), (*where, value["@type"])


@needs_suites
def test_the_table_of_properties_and_classes_is_as_the_vocabulary_says(vocabulary: Store) -> None:
    for name, classes, _, form in schema_org.PROPERTIES:
        for cls in classes or ("Thing",):
            assert includes(vocabulary, name, "domain") & wider(vocabulary, cls), (name, cls)
        allowed = includes(vocabulary, name, "range")
        assert allowed - DATA_TYPES if form == "thing" else allowed & DATA_TYPES, name
    for cls, above in schema_org.WIDER.items():
        assert set(above) < wider(vocabulary, cls)


@needs_suites
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own JSON-LD reader
@pytest.mark.filterwarnings("ignore::pyshacl.errors.ShapeRecursionWarning")  # an article is about what it is part of
def test_the_data_are_valid_by_the_shapes(pages: dict[str, dict[str, Any]]) -> None:
    """The shapes ask that texts and dates be IRIs or blank nodes, which none is: that is left out of them."""
    shapes = rdflib.Graph().parse(SUITES / "shapes" / "schemaorg-30.0" / "schemaorg-shapes.ttl")
    classes = rdflib.Graph().parse(SUITES / "shapes" / "schemaorg-30.0" / "schemaorg-subclasses.ttl")
    for name in ("Text", "URL", "Date", "DateTime", "Time", "Number", "Integer", "Float", "Boolean"):
        shape = rdflib.URIRef(f"http://schema.org/validation#ValidSchema{name}")
        assert (shape, SH.nodeKind, None) in shapes
        shapes.remove((shape, SH.nodeKind, None))
    context = json.loads((SUITES / "vocab" / "schemaorgcontext.jsonld").read_text("utf-8"))["@context"]
    whole = {"@context": context, "@graph": [node for document in pages.values() for node in nodes(document)]}
    for node in whole["@graph"]:
        node.pop("@context", None)
    data = rdflib.Graph().parse(data=json.dumps(whole), format="json-ld")
    assert len(data) > 1_000
    conforms, _, text = pyshacl.validate(data, shacl_graph=shapes, ont_graph=classes, inference="none")
    assert conforms, text[:3_000]


def test_nothing_is_said_that_the_graph_does_not_say(pages: dict[str, dict[str, Any]], release: Release) -> None:
    said = {quad.object.value for quad in release.store if isinstance(quad.object, (Literal, NamedNode))}
    said |= {quad.subject.value for quad in release.store if isinstance(quad.subject, NamedNode)}
    said |= {iri.rpartition("/")[2] for iri in said if "/iso639-1/" in iri}  # the code of a language
    for path, document in pages.items():
        if len(nodes(document)) < 2 or path == "/":
            continue
        for node in inside(nodes(document)[1]):
            for name, values in node.items():
                composed = name == "name" and any(f"/{kind}/" in node["@id"] for kind in COMPOSED)
                for value in values if isinstance(values, list) else [values]:
                    assert name == "@type" or composed or isinstance(value, dict) or str(value) in said, (path, name)


# Strings that would break out -----------------------------------------------------------------------

HOSTILE = (
    '</script><script>alert(1)</script> <!-- <script> \u2028 & " \\ ]]>',
    "</SCRIPT >",
    "<!--<script>",
    "{{ 7 * 7 }}",
)


def test_no_string_ends_the_element_that_holds_the_data() -> None:
    strings = [*HOSTILE]
    if (blns := SUITES / "strings" / "blns.txt").exists():
        strings += [line for line in blns.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    for string in strings:
        text = meta.script({"name": string})
        assert json.loads(text) == {"name": string}
        assert not set("<>&\u2028\u2029") & set(text)


def test_a_page_with_such_names_is_read_as_it_is_meant(tmp_path: Path, engine: Engine) -> None:
    lines = [
        f"<http://localhost/a/{n}> a <{SCHEMA}Organization> ; <http://purl.org/dc/terms/title> {Literal(text)} ; "
        f"<http://purl.org/dc/terms/description> {Literal(text)} ."
        for n, text in enumerate(HOSTILE)
    ]
    release = test_any_rdf.publish(tmp_path, *test_any_rdf.written(tmp_path, {"a.ttl": "\n".join(lines)}))
    client = test_any_rdf.client(release, engine)
    for n, text in enumerate(HOSTILE):
        found = nodes(read(client, f"/a/{n}.html"))[1]
        assert (found["name"], found["description"]) == (text, text)
        assert opengraph(client, f"/a/{n}.html")["og:title"].split() == text.split()


@needs_chromium
def test_a_browser_neither_runs_nor_refuses_the_data(release: Release, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with serving(tmp_path, str(release.folder.parent)) as running, sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        for path in ("", "unit/arl.html", "unit.html", "ns.html"):
            page.goto(running.url + path)
            data = page.locator('script[type="application/ld+json"]')
            assert [json.loads(text)["@context"] for text in data.all_text_contents()] == ["https://schema.org"]
        browser.close()
        assert told == []
