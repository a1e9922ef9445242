"""Who works with whom, as a drawing and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice

from pyoxigraph import Literal, NamedNode

from unitgraph import network as layout
from unitgraph import overview
from unitgraph.answers import Table
from unitgraph.resources import terms
from unitgraph.resources.terms import Value
from unitgraph.site import Site

MOST = 3  #: those with most neighbours, in the summary
NAMED = 5  #: projects named in a line of the table
MAX_NAMED = 300  #: projects named on the page


@dataclass(frozen=True)
class Node:
    """A unit or organisation in its box: `x` and `y` are the centre, `lines` are its label with their baselines."""

    key: str
    thing: Value
    short: str
    unit: bool
    neighbours: int
    projects: int
    x: int
    y: int
    width: int
    height: int
    font_size: float
    lines: tuple[tuple[str, int], ...]
    near: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """Two who work together: through how many projects, the first of them, and the middle of the line."""

    one: Node
    other: Node
    count: int
    projects: tuple[Value, ...]
    more: int
    x: int
    y: int


@dataclass(frozen=True)
class Partners:
    """Part of the table: somebody, and those with whom they work who do not stand above them in it."""

    who: Node
    links: tuple[Link, ...]


@dataclass(frozen=True)
class NetworkPage:
    """The network; `units`, `organisations` and `projects` count all, `more` pairs are not shown."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    table: tuple[Partners, ...]
    most: tuple[Node, ...]
    units: int
    organisations: int
    projects: int
    more: int
    width: int
    height: int


def network(site: Site) -> NetworkPage:
    """The network of a release, with labels in the reader's language."""
    found = overview.read(site.release)["network"]
    near: list[list[str]] = [[] for _ in found["nodes"]]
    keys = [_key(site, node["iri"]) for node in found["nodes"]]
    for link in found["links"]:
        near[link["source"]].append(keys[link["target"]])
        near[link["target"]].append(keys[link["source"]])
    nodes = tuple(_node(site, node, near[number]) for number, node in enumerate(found["nodes"]))
    names = _names(site, found)
    links = tuple(_link(nodes, link, names) for link in found["links"])
    return NetworkPage(
        nodes,
        links,
        tuple(Partners(node, tuple(found)) for node, found in groupby(links, key=lambda link: link.one)),
        tuple(sorted(nodes, key=lambda node: -node.neighbours)[:MOST]),
        found["units"],
        found["organisations"],
        found["projects"],
        found["pairs"] - len(links),
        found["width"],
        found["height"],
    )


def _key(site: Site, iri: str) -> str:
    return iri.removeprefix(site.base).replace("/", "-")


def _node(site: Site, node: layout.Node, near: list[str]) -> Node:
    thing = terms.value(site, NamedNode(node["iri"]))
    box = layout.box(node["short"] or thing.text, node["unit"], node["neighbours"])
    first = node["y"] - (len(box.lines) - 1) * box.font_size * 0.625 + box.font_size * 0.36
    return Node(
        _key(site, node["iri"]),
        thing,
        node["short"],
        node["unit"],
        node["neighbours"],
        node["projects"],
        node["x"],
        node["y"],
        round(box.size[0]),
        round(box.size[1]),
        box.font_size,
        tuple((line, round(first + number * box.font_size * 1.25)) for number, line in enumerate(box.lines)),
        tuple(near),
    )


def _names(site: Site, found: layout.Network) -> dict[str, Value]:
    """The first projects of each link by their labels, no more than a page bears."""
    named = dict.fromkeys(iri for link in found["links"] for iri in link["projects"][:NAMED])
    return {iri: terms.value(site, NamedNode(iri)) for iri in islice(named, MAX_NAMED)}


def _link(nodes: tuple[Node, ...], link: layout.Link, names: dict[str, Value]) -> Link:
    one, other = nodes[link["source"]], nodes[link["target"]]
    named = [names[iri] for iri in link["projects"][:NAMED] if iri in names]
    projects = tuple(sorted(named, key=lambda project: project.text.casefold()))
    middle = ((one.x + other.x) // 2, (one.y + other.y) // 2)
    return Link(one, other, link["count"], projects, link["count"] - len(projects), *middle)


def table(site: Site) -> Table:
    """Who, with whom, through how many projects and which: a line for each pair."""
    found = overview.read(site.release)["network"]
    nodes = [NamedNode(node["iri"]) for node in found["nodes"]]
    labels = [Literal(terms.label(site, node).value) for node in nodes]
    rows = [
        (
            nodes[link["source"]],
            labels[link["source"]],
            nodes[link["target"]],
            labels[link["target"]],
            Literal(link["count"]),
            Literal("; ".join(link["projects"])),
        )
        for link in found["links"]
    ]
    return Table(("who", "label", "with", "withLabel", "projects", "projectIris"), tuple(rows))


def as_dict(site: Site) -> dict[str, object]:
    """Nodes and links, as programs that draw graphs read them."""
    found = overview.read(site.release)["network"]
    iris = [node["iri"] for node in found["nodes"]]
    return {
        "nodes": [
            {
                "id": node["iri"],
                "label": terms.label(site, NamedNode(node["iri"])).value,
                "kind": "unit" if node["unit"] else "organisation",
                "neighbours": node["neighbours"],
                "projects": node["projects"],
                "group": node["group"],
                "x": node["x"],
                "y": node["y"],
            }
            for node in found["nodes"]
        ],
        "links": [
            {
                "source": iris[link["source"]],
                "target": iris[link["target"]],
                "count": link["count"],
                "projects": link["projects"],
            }
            for link in found["links"]
        ],
        "units": found["units"],
        "organisations": found["organisations"],
        "projects": found["projects"],
        "pairs": found["pairs"],
    }
