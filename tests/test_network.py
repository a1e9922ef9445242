"""The network: who works with whom is what independent queries say; the layout is the same each time."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from xml.etree import ElementTree

import html5lib
import pytest
from pyoxigraph import NamedNode, Quad, Store
from test_matrix import SVG, ask, table, tiny_client
from werkzeug.test import Client

from unitgraph import network
from unitgraph.release import OVERVIEW, Release
from unitgraph.resources import network as pages
from unitgraph.site import Site
from unitgraph.vocab import term

__all__ = ["tiny_client"]


def pairs(release: Release) -> Counter[tuple[str, str]]:
    """Two who work together, with the number of their projects, by a query."""
    text = (
        "SELECT DISTINCT ?one ?other ?p { ?p ug:carriedOutBy ?one ; ug:carriedOutBy|ug:hasPartner ?other "
        "FILTER(?one != ?other) }"
    )
    return Counter(
        (one, other) for one, other, _ in {(*sorted((a, b)), project) for a, b, project in ask(release, text)}
    )


def drawn(client: Client) -> ElementTree.Element:
    return ElementTree.fromstring(client.get("/network.svg?lang=en").data)


def test_the_links_are_those_of_a_query(client: Client, release: Release) -> None:
    record = json.loads(client.get("/network.json").data)
    found = {tuple(sorted((link["source"], link["target"]))): link["count"] for link in record["links"]}
    assert found == dict(pairs(release))


def test_the_sentence_counts_units_organisations_and_projects(client: Client, release: Release) -> None:
    both = {node for pair in pairs(release) for node in pair}
    units = {iri for (iri,) in ask(release, "SELECT ?unit { ?unit a ug:Unit }")}
    joint = "{ ?p ug:carriedOutBy ?a ; ug:carriedOutBy|ug:hasPartner ?b FILTER(?a != ?b) }"
    (projects,) = next(ask(release, f"SELECT (COUNT(DISTINCT ?p) AS ?n) {joint}"))
    sentence = f"{len(both & units)} units and {len(both - units)} organisations, in {projects} projects"
    assert sentence in client.get("/network.html?lang=en").text


def test_the_csv_says_what_the_table_says(client: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/network.csv").text)))
    cells = [row[-3:] for row in table(client.get("/network.html").text, "pairs")[1:]]
    assert [(row["withLabel"], row["projects"]) for row in rows] == [
        (next(r["withLabel"] for r in rows if cell[0].startswith(r["withLabel"])), cell[1]) for cell in cells
    ]


def test_the_drawing_has_one_link_for_each_node_and_one_line_for_each_pair(client: Client, release: Release) -> None:
    root = drawn(client)
    links = [a.get("href") for a in root.iter(f"{SVG}a")]
    assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc") is not None
    assert sorted(links, key=str) == sorted({node for pair in pairs(release) for node in pair})
    assert len(list(root.iter(f"{SVG}line"))) == len(pairs(release))
    assert all(line.find(f"{SVG}title") is not None for line in root.findall(f"{SVG}g/{SVG}g"))


def test_boxes_neither_overlap_nor_leave_the_drawing(client: Client) -> None:
    root = drawn(client)
    _, _, width, height = (float(n) for n in (root.get("viewBox") or "").split())
    boxes = []
    for a in root.iter(f"{SVG}a"):
        rect = a.find(f"{SVG}rect")
        assert rect is not None
        x, y, w, h = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
        assert min(x, y) >= 0 and x + w <= width and y + h <= height
        boxes.append((x, y, x + w, y + h))
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_every_node_has_a_label_and_its_whole_name(client: Client, release: Release) -> None:
    labels = dict(ask(release, "SELECT ?x ?l { ?x skos:prefLabel ?l FILTER(LANGMATCHES(LANG(?l), 'en')) }"))
    for a in drawn(client).iter(f"{SVG}a"):
        assert "".join(a.find(f"{SVG}text").itertext()).strip()  # type: ignore[union-attr]
        assert (a.findtext(f"{SVG}title") or "").endswith(labels[a.get("href", "")])


def test_nodes_are_read_group_by_group_those_with_most_neighbours_first(site: Site) -> None:
    record = pages.as_dict(site)
    order = [(node["group"], -node["neighbours"]) for node in record["nodes"]]  # type: ignore[attr-defined]
    assert order == sorted(order)


def test_each_node_knows_the_nodes_that_it_is_linked_with(client: Client) -> None:
    tree = html5lib.parse(client.get("/network.html").text)
    nodes = {a.get("id"): (a.get("data-near") or "").split() for a in tree.iter(f"{SVG}a")}
    assert nodes
    assert all(key in nodes[other] for key, near in nodes.items() for other in near)


def test_another_process_lays_the_network_out_in_the_same_way(release: Release) -> None:
    text = (
        "import sys; from pyoxigraph import Store; from unitgraph import overview; "
        "sys.stdout.buffer.write(overview.to_bytes(Store.read_only(sys.argv[1])))"
    )
    command = [sys.executable, "-c", text, str(release.folder / "store")]
    done = subprocess.run(
        command, capture_output=True, check=True, env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == (release.folder / OVERVIEW).read_bytes()


def crowd(units: int) -> Store:
    """A project in which everybody takes part with one unit, and that unit with another."""
    store = Store()
    base = "https://example.org/"
    for number in range(1, units):
        project = NamedNode(f"{base}project/{number}")
        for unit in (0, number):
            store.add(Quad(project, term("ug:carriedOutBy"), NamedNode(f"{base}unit/{unit}")))
    return store


def test_no_more_are_drawn_than_a_page_bears_and_all_are_counted() -> None:
    found = network.network(crowd(network.MAX_NODES + 50))
    assert len(found["nodes"]) == network.MAX_NODES
    assert found["nodes"][0]["iri"] == "https://example.org/unit/0"
    assert found["nodes"][0]["neighbours"] == network.MAX_NODES + 49
    assert found["units"] + found["organisations"] == network.MAX_NODES + 50
    assert (len(found["links"]), found["pairs"]) == (network.MAX_NODES - 1, network.MAX_NODES + 49)


def test_an_empty_graph_has_an_empty_network() -> None:
    found = network.network(Store())
    assert (found["nodes"], found["links"], found["projects"]) == ([], [], 0)


@pytest.mark.parametrize("label", ["", " ", "One", "Supercalifragilisticexpialidocious", "睡前詩句" * 20, "a b " * 50])
def test_a_label_is_broken_into_no_more_lines_than_fit(label: str) -> None:
    lines = network.wrapped(label)
    assert 1 <= len(lines) <= network.MAX_LINES
    assert all(len(line) <= network.LINE_CHARACTERS for line in lines)


def test_two_who_share_nothing_are_not_linked(tiny_client: Client) -> None:
    page = tiny_client.get("/network.html?lang=en").text
    assert "Story Hours" not in page  # a unit without a project
    assert re.search(r"2 units and 1 organisation", page)


def test_the_script_is_small_and_names_no_other_host(client: Client) -> None:
    script = client.get("/static/network.js")
    assert script.status_code == 200
    assert len(script.data) < 2_000
    assert b"//" not in script.data.replace(b"// ", b"")
