"""A class diagram made from the shapes: a box for each class, an arrow for each property that leads to another.

The layout is layered (Sugiyama, Tagawa and Toda 1981): arrows lead from left to right as far as they can, boxes of a
column are put in the order of what they are joined to, and all arrows to the same class run in one lane past the
columns between. The same shapes give the same drawing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from pyoxigraph import NamedNode

from unitgraph.resources import terms
from unitgraph.resources.shapes import NodeShape, PropertyShape, shapes
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.vocab import UG, term

SHARED = 5  #: a property that so many classes share is named beside the drawing: its arrows would hide the others
SWEEPS = 12  #: rounds of ordering and of moving boxes towards what they are joined to
WIDTH, HEAD, ROW, GAP_X, GAP_Y, LANE, MARGIN = 208, 28, 19, 92, 20, 6, 12  #: pixels


@dataclass(frozen=True)
class Link:
    """A property that leads from things of some classes to things of others; `anchor` is its shape.

    `most` is None without a limit. Without a name it is the way to a wider class.
    """

    of: tuple[Value, ...]
    name: Text | None
    anchor: str
    least: int
    most: int | None
    to: tuple[Value, ...]


@dataclass(frozen=True)
class Row:
    """A property in a box: its name, empty for a wider class, and how many values; `own` leads back to the box."""

    name: str
    language: str | None
    count: str
    y: int
    own: bool


@dataclass(frozen=True)
class Box:
    """A class, at pixels from the upper left corner; `href` is its entry on the page."""

    iri: str
    name: Text
    x: int
    y: int
    height: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Line:
    """A line of the drawing, as SVG path data; `wider` leads to a wider class, `arrow` ends at a box."""

    path: str
    wider: bool
    arrow: bool


@dataclass(frozen=True)
class Diagram:
    """The drawing (sizes in pixels), and all that it shows, as links; `shared` ones are not drawn."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    links: tuple[Link, ...]
    shared: tuple[Link, ...]
    box_width: int = WIDTH
    head: int = HEAD


@lru_cache(maxsize=8)
def diagram(site: Site) -> Diagram:
    """The classes of the ontology that have a shape, and what joins them."""
    nodes: dict[str, list[NodeShape]] = {}
    for shape in shapes(site).shapes:
        if (iri := shape.targets[0].iri or "").startswith(UG):
            nodes.setdefault(iri, []).append(shape)
    links, shared = _links(site, nodes)
    joined = {cls.iri for link in links for cls in (*link.of, *link.to) if link.of != link.to}
    drawing = _Drawing(tuple(iri for iri in nodes if iri in joined), links)
    boxes = tuple(drawing.box(iri, nodes[iri][0].noun) for iri in nodes if iri in joined)
    loose = [(iri, nodes[iri][0].noun, [link for link in links if link.of[0].iri == iri]) for iri in nodes]
    boxes += tuple(_below(boxes, [one for one in loose if one[0] not in joined]))
    width = max((box.x + WIDTH for box in boxes), default=0) + MARGIN
    height = max((box.y + box.height for box in boxes), default=0) + MARGIN
    return Diagram(width, height, boxes, tuple(drawing.lines()), links, shared)


def _below(boxes: tuple[Box, ...], loose: list[tuple[str, Text, list[Link]]]) -> Iterable[Box]:
    """Boxes from which no arrow leads to another, in rows below the drawing."""
    columns = sorted({box.x for box in boxes}) or [MARGIN]
    top = max((box.y + box.height for box in boxes), default=0) + 2 * GAP_Y
    step = max((_height(links) for _, _, links in loose), default=0) + GAP_Y
    for i, (iri, name, links) in enumerate(loose):
        row, column = divmod(i, len(columns))
        y = top + row * step
        yield Box(iri, name, columns[column], y, _height(links), tuple(_rows(iri, links, y)))


def _height(links: list[Link]) -> int:
    """The height of a box with these rows."""
    return HEAD + ROW * len(links) + (6 if links else 0)


def _rows(iri: str, links: list[Link], top: int) -> Iterable[Row]:
    for i, link in enumerate(links):
        name, language = (link.name.value, link.name.language) if link.name else ("", None)
        amount = count(link.least, link.most) if link.name else ""
        yield Row(name, language, amount, _middle(top, i), any(to.iri == iri for to in link.to))


def _middle(top: int, row: int) -> int:
    """The middle of a row of a box that begins at `top`."""
    return top + HEAD + ROW * row + ROW // 2 + 2


def _links(site: Site, nodes: dict[str, list[NodeShape]]) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """The links that are drawn, one for each class, and those that many classes share."""
    of: dict[str, list[Value]] = {}
    shown: dict[str, PropertyShape] = {}
    for node in (shape for own in nodes.values() for shape in own):
        for one in node.properties:
            if any(target in nodes for target in one.targets):
                shown.setdefault(one.id, one)
                of.setdefault(one.id, []).append(node.targets[0])
    drawn, shared = list(_wider(site, nodes)), []
    for one in shown.values():
        to = terms.values(site, [NamedNode(target) for target in one.targets if target in nodes])
        link = Link(tuple(of[one.id]), one.name, one.id, one.least, one.most, to)
        if len(link.of) >= SHARED:
            shared.append(link)
        else:
            drawn += [Link((cls,), link.name, link.anchor, link.least, link.most, to) for cls in link.of]
    drawn.sort(key=lambda link: (link.of[0].text, link.name is not None))
    return tuple(drawn), tuple(shared)


def _wider(site: Site, nodes: dict[str, list[NodeShape]]) -> Iterable[Link]:
    for iri, (node, *_) in nodes.items():
        found = terms.objects(site, NamedNode(iri), term("rdfs:subClassOf"))
        for cls in found:
            if isinstance(cls, NamedNode) and cls.value in nodes:
                yield Link(node.targets[:1], None, node.id, 0, None, (terms.value(site, cls),))


def count(least: int, most: int | None) -> str:
    """How many, as class diagrams write it (UML 2.5.1 §7.5.4).

    >>> count(0, None), count(1, 1), count(1, None)
    ('0..*', '1', '1..*')
    """
    if least == most:
        return str(least)
    return f"{least}..{'*' if most is None else most}"


# Layout ------------------------------------------------------------------------------------------------


@dataclass
class _Node:
    """A box, or the place where a lane passes a column: its column, height, and what it is joined to."""

    key: tuple[str, ...]
    column: int
    height: int
    y: float = 0.0
    joined: list[_Node] = field(default_factory=list)

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


class _Drawing:
    """Where the boxes of a diagram stand and how the lines between them run."""

    def __init__(self, iris: tuple[str, ...], links: tuple[Link, ...]) -> None:
        self.rows = {iri: [link for link in links if link.of[0].iri == iri] for iri in iris}
        self.ends = [(iri, i, to.iri or "") for iri in iris for i, link in enumerate(self.rows[iri]) for to in link.to]
        columns = _columns(iris, [(source, target) for source, _, target in self.ends])
        self.nodes: dict[tuple[str, ...], _Node] = {
            (iri,): _Node((iri,), columns[iri], _height(self.rows[iri])) for iri in iris
        }
        for source, _, target in self.ends:
            self._join(self._way(source, target))
        self.columns = [
            [n for n in self.nodes.values() if n.column == c] for c in range(max(columns.values(), default=-1) + 1)
        ]
        self._order()
        self._place()

    def _way(self, source: str, target: str) -> list[_Node]:
        """The nodes that a link passes, from its box to that of its target."""
        first, last = self.nodes[(source,)], self.nodes[(target,)]
        if first is last:
            return [first]
        step = 1 if first.column < last.column else -1
        way = [first]
        for column in range(first.column + step, last.column, step):
            key = (target, str(column), str(step))
            way.append(self.nodes.setdefault(key, _Node(key, column, LANE)))
        return [*way, last]

    def _join(self, way: list[_Node]) -> None:
        for one, other in itertools.pairwise(way):
            one.joined.append(other)
            other.joined.append(one)

    def _order(self) -> None:
        """Put each column in the order of the means of what its nodes are joined to, to and fro."""
        at = {node.key: i / len(column) for column in self.columns for i, node in enumerate(column)}
        for sweep in range(SWEEPS):
            forth = sweep % 2 == 0
            for column in self.columns if forth else self.columns[::-1]:
                side = -1 if forth else 1
                means = {}
                for node in column:
                    near = [at[n.key] for n in node.joined if n.column == node.column + side]
                    means[node.key] = sum(near) / len(near) if near else at[node.key]
                column.sort(key=lambda node: (means[node.key], node.key))
                at |= {node.key: i / len(column) for i, node in enumerate(column)}

    def _place(self) -> None:
        """Stack the columns, then move every node towards the mean of what it is joined to."""
        for column in self.columns:
            _stack(column, [0.0] * len(column))
        for _ in range(SWEEPS):
            for column in self.columns:
                wanted = []
                for node in column:
                    near = [n.middle for n in node.joined] or [node.middle]
                    wanted.append(sum(near) / len(near) - node.height / 2)
                _stack(column, wanted)
        top = min((node.y for node in self.nodes.values()), default=0.0)
        for node in self.nodes.values():
            node.y += MARGIN - top

    def box(self, iri: str, name: Text) -> Box:
        node = self.nodes[(iri,)]
        top = round(node.y)
        return Box(iri, name, _x(node.column), top, node.height, tuple(_rows(iri, self.rows[iri], top)))

    def lines(self) -> Iterable[Line]:
        """The lines, each once: those that several links share, too."""
        found: dict[str, Line] = {}
        for source, number, target in self.ends:
            way = self._way(source, target)
            wider = self.rows[source][number].name is None
            for one, other in itertools.pairwise(way):
                forth = one.column < other.column
                start = (_x(one.column) + (WIDTH if forth else 0), round(one.middle))
                end = (_x(other.column) + (0 if forth else WIDTH), round(other.middle))
                if one is way[0]:
                    start = (start[0], _middle(round(one.y), number))
                if other is way[-1]:
                    end = (end[0], round(other.y) + HEAD // 2)
                path = _curve(start, end)
                if other is not way[-1]:
                    path += f"H{_x(other.column) + (WIDTH if forth else 0)}"
                found.setdefault(path, Line(path, wider, other is way[-1]))
        return found.values()


def _x(column: int) -> int:
    return MARGIN + column * (WIDTH + GAP_X)


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    """A line that leaves and arrives level."""
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"


def _stack(column: list[_Node], wanted: list[float]) -> None:
    """Give the nodes of a column their places, in order and apart, as near as can be to where they want to be."""
    bottom = -float("inf")
    for node, y in zip(column, wanted, strict=True):
        node.y = max(y, bottom)
        bottom = node.y + node.height + GAP_Y
    shift = sum(node.y - y for node, y in zip(column, wanted, strict=True)) / max(1, len(column))
    for node in column:
        node.y -= shift


def _columns(iris: tuple[str, ...], ends: list[tuple[str, str]]) -> dict[str, int]:
    """The column of each box: right of every box that leads to it, links that close a circle turned around."""
    ahead: dict[str, list[str]] = {iri: [] for iri in iris}
    for source, target in dict.fromkeys(ends):
        if source != target:
            ahead[source].append(target)
    done: list[str] = []
    state: dict[str, int] = {}
    turned: set[tuple[str, str]] = set()

    def visit(iri: str) -> None:
        state[iri] = 1
        for target in ahead[iri]:
            if state.get(target) == 1:
                turned.add((iri, target))
            elif target not in state:
                visit(target)
        state[iri] = 2
        done.append(iri)

    for iri in iris:
        if iri not in state:
            visit(iri)
    edges = [(t, s) if (s, t) in turned else (s, t) for s in iris for t in ahead[s]]
    column = dict.fromkeys(iris, 0)
    for iri in reversed(done):  # no box before those that lead to it
        for source, target in edges:
            if source == iri:
                column[target] = max(column[target], column[iri] + 1)
    for iri in done:  # boxes that nothing leads to stand next to the first that they lead to
        onward = [column[target] for source, target in edges if source == iri]
        if onward and not any(target == iri for _, target in edges):
            column[iri] = min(onward) - 1
    return column
