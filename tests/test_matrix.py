"""The strategy matrix: its numbers are those of independent queries, its gaps are named, its cells lead on."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import asgi
import html5lib
import pytest
from pyoxigraph import NamedNode
from werkzeug.test import Client

from unitgraph import overview, rdf
from unitgraph.release import OVERVIEW, Release
from unitgraph.resources import matrix
from unitgraph.site import Publication, Site
from unitgraph.web import create_app

SVG = "{http://www.w3.org/2000/svg}"
UG = "PREFIX ug: <https://w3id.org/unitgraph/ns#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>\n"


def ask(release: Release, text: str) -> Iterator[tuple[str, ...]]:
    """Solutions as texts, by the engine's own library."""
    found = release.store.query(UG + text, use_default_graph_as_union=True)
    for solution in found:  # type: ignore[union-attr]
        yield tuple(term.value for term in solution)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def tiny_client(tiny: Release, site: Site) -> Client:
    other = replace(site, out=tiny.folder.parent, release=tiny)
    return asgi.client(create_app(Publication(other.out, other.engine, other.settings)))


def table(page: str, name: str) -> list[list[str]]:
    """The texts of the cells of a table, row by row; a cell that spans rows stands in the first of them."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    found = next(t for t in tree.iter("table") if t.get("class") == name)
    return [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in found.iter("tr")]


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(address).text)))


def test_each_cell_counts_the_projects_that_a_query_counts(client: Client, release: Release) -> None:
    counted = ask(
        release,
        "SELECT ?unit ?number (COUNT(DISTINCT ?project) AS ?n) { ?project a ug:Project ; ug:carriedOutBy ?unit ; "
        "ug:contributesTo ?aim . ?aim a ug:KeyInitiative ; skos:notation ?number } GROUP BY ?unit ?number",
    )
    expected = {(unit, number): int(n) for unit, number, n in counted}
    rows = [row for row in rows_of(client, "/matrix.csv") if row["iri"]]
    found = {(row["iri"], name): int(n) for row in rows for name, n in row.items() if re.fullmatch(r"\d\.\d", name)}
    assert {key: n for key, n in found.items() if n} == expected


def test_each_row_counts_all_projects_of_the_unit_and_those_without_an_aim(client: Client, release: Release) -> None:
    every = "SELECT ?unit (COUNT(DISTINCT ?p) AS ?n) { ?p a ug:Project ; ug:carriedOutBy ?unit %s } GROUP BY ?unit"
    none = "FILTER NOT EXISTS { ?p ug:contributesTo|ug:contributesToDirection ?aim }"
    rows = [row for row in rows_of(client, "/matrix.csv") if row["iri"]]
    assert {row["iri"]: row["projects"] for row in rows} == dict(ask(release, every % ""))
    assert {row["iri"]: row["no aim"] for row in rows if row["no aim"] != "0"} == dict(ask(release, every % none))


def test_the_last_row_counts_each_project_once(client: Client, release: Release) -> None:
    last = rows_of(client, "/matrix.csv")[-1]
    text = "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?p a ug:Project %s }"
    assert last["projects"] == next(ask(release, text % ""))[0]
    for number, count in last.items():
        if re.fullmatch(r"\d\.\d", number):
            pattern = f'; ug:contributesTo ?aim . ?aim skos:notation "{number}"'
            assert count == next(ask(release, text % pattern))[0]


def test_the_table_on_the_page_says_what_the_csv_says(client: Client) -> None:
    rows = table(client.get("/matrix.html").text, "matrix")
    numbers = [re.findall(r"^\d*", cell)[0] or "0" for row in rows if len(row) > 10 for cell in row[1:]]
    aims = len(next(row for row in rows if row[0] == "1.1"))
    expected = []
    for row in rows_of(client, "/matrix.csv"):
        values = list(row.values())[3 : 3 + aims + 2]
        expected += values
    shown = numbers[-len(expected) :]
    assert shown == expected


def test_every_gap_is_named_and_counted_in_a_sentence(client: Client, release: Release) -> None:
    gaps = {
        number
        for (number,) in ask(
            release,
            "SELECT ?number { ?aim a ug:KeyInitiative ; skos:notation ?number "
            "FILTER NOT EXISTS { ?p a ug:Project ; ug:contributesTo ?aim } }",
        )
    }
    (every,) = next(ask(release, "SELECT (COUNT(DISTINCT ?aim) AS ?n) { ?aim a ug:KeyInitiative }"))
    page = client.get("/matrix.html?lang=en").text
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    listed = next(ul for ul in tree.iter("ul") if ul.get("class") == "gaps")
    assert gaps
    assert f"{len(gaps)} of {every} key initiatives have no project" in page
    assert {"".join(b.itertext()) for b in listed.iter("b")} == gaps


def test_every_number_leads_to_the_projects_that_it_counts(client: Client) -> None:
    tree = html5lib.parse(client.get("/matrix.html").text, namespaceHTMLElements=False)
    cells = {div.get("id"): div for div in tree.iter("div") if div.get("id")}
    grid = next(t for t in tree.iter("table") if t.get("class") == "matrix")
    links = [a for td in grid.iter("td") for a in td.iter("a")]
    assert links
    for link in links:
        counted = sum(int(n) for n in re.findall(r"\d+", "".join(link.itertext())))
        named = cells[link.get("href", "").removeprefix("#")].findall("dd")
        assert len(named) == counted


def test_what_does_not_count_is_marked_and_its_basis_is_named(tiny_client: Client) -> None:
    page = tiny_client.get("/matrix.html?lang=en").text
    entry = page[page.index('id="initiative-1-2--unit-maps"') :].partition("</div>")[0]
    assert "Catalogue of the globes" in entry
    assert "(does not count)" in entry
    assert "/basis/through-the-unit" in entry
    assert "/confidence/inferred" in entry
    assert "1 of 4 key initiatives has no project" in page or "1 of 4 key initiatives have no project" in page


def test_the_headers_of_the_table_have_a_scope(client: Client) -> None:
    tree = html5lib.parse(client.get("/matrix.html").text, namespaceHTMLElements=False)
    grid = next(t for t in tree.iter("table") if t.get("class") == "matrix")
    scopes = {th.get("scope") for th in grid.iter("th")}
    assert scopes == {"col", "colgroup", "row", "rowgroup"}
    assert grid.find("caption") is not None


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_drawing_has_a_title_a_description_and_a_line_for_each_row(client: Client, language: str) -> None:
    answer = client.get(f"/matrix.svg?lang={language}")
    root = ElementTree.fromstring(answer.data)
    rows = rows_of(client, "/matrix.csv")
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert answer.content_type == "image/svg+xml"
    assert answer.headers["Content-Language"] == language
    assert root.find(f"{SVG}title") is not None
    assert "".join(root.find(f"{SVG}desc").itertext()).strip()  # type: ignore[union-attr]
    begins = Counter(text.lstrip("\N{FIRST STRONG ISOLATE}").partition(" ·")[0] for text in texts)
    assert all(begins[row["acronym"]] == 1 for row in rows if row["iri"])


def test_the_style_of_a_drawing_is_the_one_that_the_policy_allows(client: Client) -> None:
    answer = client.get("/matrix.svg")
    style = ElementTree.fromstring(answer.data).find(f"{SVG}style")
    assert style is not None
    digest = b64encode(sha256((style.text or "").encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


def test_the_record_names_the_projects_of_each_cell(client: Client, release: Release) -> None:
    record = json.loads(client.get("/matrix.json").data)
    pairs = {
        (row["iri"], cell["aim"], project["iri"])
        for row in record["rows"]
        for cell in row["cells"]
        for project in cell["projects"]
        if project["counts"] and cell["aim"]
    }
    text = "SELECT ?u ?a ?p { ?p a ug:Project ; ug:carriedOutBy ?u ; ug:contributesTo ?a . ?a a ug:KeyInitiative }"
    assert pairs == set(ask(release, text))


@pytest.mark.parametrize("name", ["matrix", "timeline", "network"])
def test_every_format_is_linked_from_the_others(client: Client, name: str) -> None:
    for suffix in ("html", "json", "csv", "svg"):
        answer = client.get(f"/{name}.{suffix}")
        others = {s for s in ("html", "json", "csv", "svg") if s != suffix}
        linked = set(re.findall(rf'/{name}\.(\w+)>; rel="alternate"', ", ".join(answer.headers.getlist("Link"))))
        assert answer.status_code == 200
        assert linked == others
    assert client.get(f"/{name}", headers={"Accept": "image/svg+xml"}).content_type == "image/svg+xml"
    assert client.get(f"/{name}.ttl").status_code == 404


@pytest.mark.parametrize("name", ["matrix", "timeline", "network"])
def test_the_tiny_world_has_such_a_page_in_every_language(tiny_client: Client, name: str) -> None:
    for language in ("ar", "zh", "en", "fr", "de", "ru", "es"):
        answer = tiny_client.get(f"/{name}.html?lang={language}")
        assert answer.status_code == 200
        html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)


@pytest.mark.parametrize("name", ["matrix", "timeline", "network"])
def test_every_link_of_the_page_leads_somewhere(tiny_client: Client, tiny: Release, name: str) -> None:
    tree = html5lib.parse(tiny_client.get(f"/{name}.html").text, namespaceHTMLElements=False)
    main = next(tree.iter("main"))
    anchors = {element.get("id") for element in tree.iter() if element.get("id")}
    targets = {a.get("href") for a in main.iter() if a.get("href")}
    assert targets
    for target in targets:
        assert target
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert tiny_client.get(target).status_code in (200, 303), target


def test_a_release_without_the_derived_file_is_counted_when_it_is_asked(tiny: Release) -> None:
    written = json.loads((tiny.folder / OVERVIEW).read_bytes())
    older = replace(tiny, folder=tiny.folder / "nowhere")
    object.__setattr__(older, "store", tiny.store)
    assert overview.read(older) == written == overview.read(tiny)


def test_columns_are_in_order_of_their_numbers(site: Site) -> None:
    numbers = [column.number for column in matrix.matrix(site).columns]
    assert numbers == sorted(numbers, key=lambda number: [int(part) for part in number.split(".")])
    assert all(NamedNode(column.aim.iri or "") for column in matrix.matrix(site).columns)


@pytest.mark.parametrize("name", ["matrix", "timeline", "network"])
def test_files_that_are_about_something_else_have_an_empty_page(tmp_path: Path, site: Site, name: str) -> None:
    (tmp_path / "birds.ttl").write_text('<urn:x:a> <urn:x:b> "c" .', "utf-8")
    release = rdf.publish(rdf.files([str(tmp_path / "birds.ttl")]), tmp_path / "out", "https://example.org/", print)
    other = replace(site, out=release.folder.parent, release=release)
    client = asgi.client(create_app(Publication(other.out, other.engine, other.settings)))
    page = client.get(f"/{name}.html?lang=en")
    assert page.status_code == 200
    assert "This release has no" in page.text or "No two units" in page.text
    for suffix in ("csv", "json", "svg"):
        assert client.get(f"/{name}.{suffix}").status_code == 200
    ElementTree.fromstring(client.get(f"/{name}.svg").data)
