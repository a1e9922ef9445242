"""The vocabulary, the shapes and the report as pages say what the graph says, and leave nothing out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import looking as html
import pytest
from conftest import ROOT
from werkzeug.test import Client

from unitgraph.resources import diagram, shapes
from unitgraph.site import Site
from unitgraph.vocab import GENID, PREFIXES, UG, UGS

TEMPLATES = ROOT / "src" / "unitgraph" / "web" / "templates"
PROLOGUE = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())


def ask(site: Site, text: str) -> Iterator[Any]:
    """The solutions of a query over the whole release."""
    yield from site.store.query(PROLOGUE + text, use_default_graph_as_union=True)  # type: ignore[misc]


@pytest.fixture(scope="module")
def terms_page(client: Client) -> dict[str, Element]:
    return html.by_id(html.page(client, "/ns.html?lang=en"))


@pytest.fixture(scope="module")
def shapes_page(client: Client) -> dict[str, Element]:
    return html.by_id(html.page(client, "/shapes.html?lang=en"))


TERMS = """
    SELECT DISTINCT ?term ?definition WHERE {
      ?term a ?sort ; skos:definition ?definition .
      VALUES ?sort { owl:Class owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty }
      FILTER (STRSTARTS(STR(?term), STR(ug:)))
    }
"""


def test_every_term_has_an_entry_with_its_definition(site: Site, terms_page: dict[str, Element]) -> None:
    found = list(ask(site, TERMS))
    assert len(found) > 100
    for one in found:
        entry = terms_page[one["term"].value.removeprefix(UG)]
        assert one["definition"].value in html.text(entry)


def test_every_note_and_example_of_a_term_stands_in_its_entry(site: Site, terms_page: dict[str, Element]) -> None:
    text = """SELECT ?term ?note WHERE { ?term skos:scopeNote|skos:example|skos:historyNote ?note .
              FILTER (STRSTARTS(STR(?term), STR(ug:))) }"""
    for one in ask(site, text):
        assert one["note"].value in html.text(terms_page[one["term"].value.removeprefix(UG)])


def test_the_count_of_a_term_is_that_of_the_graph(site: Site, terms_page: dict[str, Element]) -> None:
    things = {
        one["t"].value: int(one["n"].value)
        for one in ask(site, "SELECT ?t (COUNT(DISTINCT ?s) AS ?n) { ?s a ?t } GROUP BY ?t")
    }
    statements = {
        one["t"].value: int(one["n"].value) for one in ask(site, "SELECT ?t (COUNT(*) AS ?n) { ?s ?t ?o } GROUP BY ?t")
    }
    for one in ask(site, TERMS):
        iri = one["term"].value
        counted = re.search(r"In this release ([\d,]+) (thing|statement)", html.text(terms_page[iri.removeprefix(UG)]))
        assert counted, iri
        expected = things if counted[2] == "thing" else statements
        assert int(counted[1].replace(",", "")) == expected.get(iri, 0), iri


def test_every_term_leads_to_what_its_shape_asks(
    site: Site, terms_page: dict[str, Element], shapes_page: dict[str, Element]
) -> None:
    text = """SELECT DISTINCT ?term ?shape WHERE {
        { ?shape a sh:NodeShape ; sh:targetClass ?term . FILTER NOT EXISTS { ?shape sh:severity sh:Warning } }
        UNION { [] sh:targetClass ?class ; sh:property ?shape . ?shape sh:path ?term }
        FILTER (STRSTARTS(STR(?term), STR(ug:)))
    }"""
    found = list(ask(site, text))
    assert found
    for one in found:
        name = one["shape"].value.removeprefix(UGS)
        assert any(t.endswith(f"/shapes#{name}") for t in links(terms_page[one["term"].value.removeprefix(UG)])), name
        assert name in shapes_page


def links(element: Element) -> set[str]:
    """Where links lead, without the language that was asked for."""
    return {re.sub(r"[?&]lang=en", "", target) for target in html.targets(element)}


def test_an_entry_names_what_is_wider_and_what_is_narrower(site: Site, terms_page: dict[str, Element]) -> None:
    text = """SELECT ?below ?above WHERE { ?below rdfs:subClassOf|rdfs:subPropertyOf ?above .
              FILTER (STRSTARTS(STR(?below), STR(ug:)) && STRSTARTS(STR(?above), STR(ug:))) }"""
    for one in ask(site, text):
        below, above = (one[name].value.removeprefix(UG) for name in ("below", "above"))
        assert any(target.endswith(f"/ns#{above}") for target in links(terms_page[below]))
        assert any(target.endswith(f"/ns#{below}") for target in links(terms_page[above]))


def test_every_term_stands_in_the_index(site: Site, client: Client) -> None:
    root = html.page(client, "/ns.html")
    index = next(table for table in root.iter("table") if table.get("class") == "index")
    found = {target.rpartition("#")[2] for target in html.targets(index)}
    assert found == {one["term"].value.removeprefix(UG) for one in ask(site, TERMS)}


def test_the_version_of_the_vocabulary_is_said(site: Site, client: Client) -> None:
    (version,) = [one["v"].value for one in ask(site, "SELECT ?v { ?ontology a owl:Ontology ; owl:versionInfo ?v }")]
    assert re.search(f"This version ?{re.escape(version)}", html.text(html.page(client, "/ns.html?lang=en")))


# The diagram -------------------------------------------------------------------------------------------


def test_every_class_with_a_shape_is_a_box_with_a_link(site: Site, client: Client) -> None:
    classes = {one["c"].value.removeprefix(UG) for one in ask(site, "SELECT DISTINCT ?c { [] sh:targetClass ?c }")}
    classes = {name for name in classes if "/" not in name}
    svg = drawing(client)
    boxes = [a for a in svg.iter() if a.get("class") == "box"]
    assert sorted(a.get("href", "").rpartition("#")[2] for a in boxes) == sorted(classes)


def drawing(client: Client) -> Element:
    root = html.page(client, "/ns.html")
    return next(e for e in root.iter() if isinstance(e.tag, str) and e.tag.endswith("svg") and e.get("role") == "group")


def test_the_diagram_has_a_title_and_a_description(client: Client) -> None:
    svg = drawing(client)
    names = {element.get("id"): html.text(element) for element in svg if element.get("id")}
    assert svg.get("aria-labelledby")
    for name in (svg.get("aria-labelledby") or "").split():
        assert names[name]


def test_boxes_keep_apart_and_lines_end_at_boxes(site: Site) -> None:
    drawn = diagram.diagram(site)
    for one, other in combinations(drawn.boxes, 2):
        beside = one.x + drawn.box_width <= other.x or other.x + drawn.box_width <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y, (one.iri, other.iri)
    edges = {(x, box.y + drawn.head // 2) for box in drawn.boxes for x in (box.x, box.x + drawn.box_width)}
    arrows = [line for line in drawn.lines if line.arrow]
    assert arrows
    for line in arrows:
        x, y = line.path.split()[-2:]
        assert (int(x), int(y)) in edges


def test_the_same_shapes_give_the_same_drawing(site: Site) -> None:
    assert diagram.diagram.__wrapped__(site) == diagram.diagram.__wrapped__(site)


def test_the_table_has_every_way_from_class_to_class(site: Site, client: Client) -> None:
    text = """SELECT DISTINCT ?name ?from ?to WHERE {
        [] sh:targetClass ?from ; sh:property ?shape . ?shape sh:name ?name ; sh:class ?to .
        [] sh:targetClass ?to .
        FILTER (STRSTARTS(STR(?from), STR(ug:)) && STRSTARTS(STR(?to), STR(ug:)))
    }"""
    root = html.page(client, "/ns.html")
    rows = set()
    for row in root.iter("tr"):
        cells = [(html.text(cell), {t.rpartition("#")[2] for t in html.targets(cell)}) for cell in row]
        if len(cells) == 4:
            (_, of), (name, _), _, (_, to) = cells
            rows |= {(name, one, other) for one in of for other in to}
    expected = [
        (one["name"].value, *(one[n].value.removeprefix(UG) for n in ("from", "to"))) for one in ask(site, text)
    ]
    assert len(expected) > 50
    assert not set(expected) - rows


# The shapes --------------------------------------------------------------------------------------------


def test_every_property_shape_is_said_in_a_sentence(site: Site, shapes_page: dict[str, Element]) -> None:
    text = "SELECT ?shape ?name WHERE { ?shape a sh:PropertyShape ; sh:path ?path ; sh:name ?name }"
    found = list(ask(site, text))
    assert len(found) > 100
    for one in found:
        sentence = shapes_page[one["shape"].value.removeprefix(UGS)].find("p")
        assert sentence is not None
        assert f"“{one['name'].value}”" in html.text(sentence)
        assert "." in html.text(sentence)


def test_counts_and_classes_are_said_as_they_are_asked(site: Site, shapes_page: dict[str, Element]) -> None:
    text = """SELECT ?shape ?least ?most ?label WHERE { ?shape a sh:PropertyShape .
        OPTIONAL { ?shape sh:minCount ?least } OPTIONAL { ?shape sh:maxCount ?most }
        OPTIONAL { ?shape sh:class ?class . ?class rdfs:label ?label FILTER (LANG(?label) = "en") } }"""
    words = {
        (None, None): "may have any number",
        ("1", None): "has at least one",
        (None, "1"): "has at most one",
        ("1", "1"): "has exactly one",
    }
    said = set()
    for one in ask(site, text):
        sentence = html.text(shapes_page[one["shape"].value.removeprefix(UGS)][0])
        key = tuple(one[name].value if one[name] else None for name in ("least", "most"))
        if key != (None, None) or "Of those" not in sentence:
            assert words[key] in sentence or "The rule" in sentence, sentence
            said.add(key)
        if one["label"]:
            assert f"the class “{one['label'].value}”" in sentence
    assert said == words.keys()


def test_every_message_to_editors_and_every_query_stands_on_the_page(
    site: Site, shapes_page: dict[str, Element]
) -> None:
    everything = html.text(shapes_page["content"])
    for one in ask(site, "SELECT DISTINCT ?message WHERE { ?shape sh:message ?message }"):
        assert re.sub(r"\s+", " ", one["message"].value) in everything
    for one in ask(site, "SELECT ?rule ?select WHERE { ?rule sh:select ?select ; a sh:SPARQLConstraint }"):
        item = shapes_page[one["rule"].value.removeprefix(UGS)]
        assert re.sub(r"\s+", " ", one["select"].value).strip() in html.text(item)


def test_every_constraint_that_is_used_has_a_sentence_of_its_own(site: Site) -> None:
    used = {
        path.value.removeprefix(PREFIXES["sh"])
        for path in (
            one["p"]
            for one in ask(site, "SELECT DISTINCT ?p { ?s a ?c ; ?p ?o VALUES ?c { sh:PropertyShape sh:NodeShape } }")
        )
        if path.value.startswith(PREFIXES["sh"])
    }
    said = {*shapes.SAID, *shapes.COUNTS, *shapes.QUALIFIED, *shapes.NO_CONSTRAINT}
    assert used <= said
    template = (TEMPLATES / "demands.html").read_text("utf-8")
    for kind in (*shapes.SAID, "qualified", "classes"):
        assert f'"{kind}"' in template, kind


def test_no_name_of_a_skolemised_node_is_shown(client: Client) -> None:
    for path in ("/ns.html", "/shapes.html", "/report.html"):
        assert GENID not in client.get(path).get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/ns.html", "/shapes.html", "/report.html", "/release.html", "/coverage.html", "/patterns"]
)
def test_links_within_a_page_lead_somewhere(client: Client, path: str) -> None:
    root = html.page(client, path)
    names = html.by_id(root)
    for target in html.targets(root):
        if target.startswith("#"):
            assert target[1:] in names, target


def test_links_between_vocabulary_shapes_and_report_lead_somewhere(
    client: Client, terms_page: dict[str, Element], shapes_page: dict[str, Element]
) -> None:
    for path in ("/ns.html", "/shapes.html", "/report.html"):
        for target in html.targets(html.page(client, path)):
            address, _, name = target.partition("#")
            if address.endswith("/ns") and name:
                assert name in terms_page, target
            if address.endswith("/shapes") and name:
                assert name in shapes_page, target


# The report --------------------------------------------------------------------------------------------


def test_every_result_of_the_report_is_on_its_page_or_counted(site: Site, client: Client) -> None:
    text = """SELECT ?severity ?message ?focus WHERE {
        ?result sh:resultSeverity ?severity ; sh:resultMessage ?message ; sh:focusNode ?focus }"""
    results = list(ask(site, text))
    assert results
    root = html.page(client, "/report.html?lang=en")
    everything, targets = html.text(root), links(root)
    for one in results:
        assert one["message"].value in everything
        assert any(target.endswith(site.path(one["focus"].value) or "?") for target in targets)
    for severity in ("Violation", "Warning", "Info"):
        count = sum(one["severity"].value.endswith(severity) for one in results)
        assert re.search(f"{severity} ?{count}\\b", everything)


def test_a_finding_names_its_rule_and_the_file_to_mend(site: Site, client: Client) -> None:
    root = html.page(client, "/report.html")
    targets = links(root)
    for one in ask(site, "SELECT DISTINCT ?rule { ?result a sh:ValidationResult ; sh:sourceShape ?rule }"):
        if one["rule"].value.startswith(UGS):
            assert any(target.endswith("/shapes#" + one["rule"].value.removeprefix(UGS)) for target in targets)
    files = {target.rpartition("/graph/")[2] for target in targets if "/graph/data/" in target}
    assert files
    assert all((ROOT / f"{file}.ttl").is_file() for file in files)


def test_the_modules_of_the_index_are_files(client: Client) -> None:
    root = html.page(client, "/ns.html")
    index = next(table for table in root.iter("table") if table.get("class") == "index")
    names = {html.text(row) for row in index.iter("th") if row.get("scope") == "row"}
    assert names == {path.stem for path in Path(ROOT / "ontology").glob("*.ttl")} - {
        "alignments",
        "deprecated",
        "scheme",
    }
