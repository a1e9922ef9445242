"""Who works with whom: units and organisations, joined by the projects that they carry out, laid out on a plane.

Only sums, products and square roots are used, and random numbers of a fixed seed, all of which IEEE 754 and Python
define to the last bit: the same graph is drawn in the same way on every machine.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import combinations
from math import sqrt
from typing import TypedDict

from pyoxigraph import Literal, NamedNode, Store

from unitgraph.vocab import NOTATION, PREF_LABEL, RDF_TYPE, term

MAX_NODES = 200  #: drawn; those with most neighbours
MAX_LINKS = 500  #: drawn, between these; those with most projects
MAX_WORKS = 20  #: named for each link; all are counted
MAX_TOGETHER = 50  #: carriers, and partners, of one project that are joined with each other
LINE_CHARACTERS, MAX_LINES = 18, 3  #: of a label
DISTANCE = 118.0  #: between neighbours, before boxes are pushed apart
GAP = 16.0  #: between two boxes
MARGIN = 40.0  #: around a group of nodes that are linked
WIDTH = 1120.0  #: into which the groups are packed
ROUNDS = 80
MAX_TIDIED = 80  #: nodes of a group whose lines are cleared of boxes, too: that takes nodes times lines


class Node(TypedDict):
    """A unit (with its acronym) or organisation: its neighbours, the centre of its box, the number of its group."""

    iri: str
    short: str
    unit: bool
    neighbours: int
    projects: int
    group: int
    x: int
    y: int


class Link(TypedDict):
    """Two nodes, by their places in the list, and the projects that join them, the first of which are named."""

    source: int
    target: int
    count: int
    projects: list[str]


class Network(TypedDict):
    """Nodes in the order in which they are read: by group, the largest first, then by neighbours.

    `units`, `organisations`, `projects` and `pairs` count all, drawn or not.
    """

    nodes: list[Node]
    links: list[Link]
    width: int
    height: int
    units: int
    organisations: int
    projects: int
    pairs: int


Pairs = dict[tuple[str, str], set[str]]


def network(store: Store) -> Network:
    """The network of a graph, with places for its nodes."""
    pairs = _pairs(store)
    joint: dict[str, set[str]] = defaultdict(set)
    near: dict[str, set[str]] = defaultdict(set)
    for (one, other), works in pairs.items():
        for node, neighbour in ((one, other), (other, one)):
            joint[node] |= works
            near[node].add(neighbour)
    ranked = sorted(near, key=lambda node: (-len(near[node]), -len(joint[node]), node))
    kept = set(ranked[:MAX_NODES])
    within = [pair for pair in pairs if kept.issuperset(pair)]
    shown = sorted(within, key=lambda pair: (-len(pairs[pair]), pair))[:MAX_LINKS]
    beside: dict[str, set[str]] = defaultdict(set)
    for one, other in shown:
        beside[one].add(other)
        beside[other].add(one)
    groups = _groups([node for node in ranked if node in beside], beside)
    ordered = [node for group in groups for node in group]
    units = {node: _is_unit(store, node) for node in near}
    shorts = {node: _word(store, node, NOTATION) if units[node] else "" for node in ordered}
    names = {node: shorts[node] or _word(store, node, PREF_LABEL) or node.rpartition("/")[2] for node in ordered}
    sizes = [box(names[node], units[node], len(near[node])).size for node in ordered]
    place = {node: number for number, node in enumerate(ordered)}
    links: list[Link] = [
        {
            "source": min(place[one], place[other]),
            "target": max(place[one], place[other]),
            "count": len(pairs[one, other]),
            "projects": sorted(pairs[one, other])[:MAX_WORKS],
        }
        for one, other in shown
    ]
    links.sort(key=lambda link: (link["source"], link["target"]))
    places, width, height = _laid_out([len(group) for group in groups], sizes, links)
    group_of = [number for number, group in enumerate(groups) for _ in group]
    return {
        "nodes": [
            {
                "iri": node,
                "short": shorts[node],
                "unit": units[node],
                "neighbours": len(near[node]),
                "projects": len(joint[node]),
                "group": group_of[number],
                "x": round(places[number][0]),
                "y": round(places[number][1]),
            }
            for number, node in enumerate(ordered)
        ],
        "links": links,
        "width": round(width),
        "height": round(height),
        "units": sum(units.values()),
        "organisations": len(units) - sum(units.values()),
        "projects": len(set().union(*pairs.values())),
        "pairs": len(pairs),
    }


def _pairs(store: Store) -> Pairs:
    """Two who carry out a project together, and a carrier with a partner of the project, with these projects."""
    carriers = _by_project(store, "ug:carriedOutBy")
    partners = _by_project(store, "ug:hasPartner")
    pairs: Pairs = defaultdict(set)
    for work, found in carriers.items():
        leading = sorted(found)[:MAX_TOGETHER]
        others = sorted(partners.get(work, set()) - found)[:MAX_TOGETHER]
        for one, other in (*combinations(leading, 2), *((a, b) for a in leading for b in others)):
            pairs[min(one, other), max(one, other)].add(work)
    return dict(pairs)


def _by_project(store: Store, predicate: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for quad in store.quads_for_pattern(None, term(predicate), None):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode):
            found[quad.subject.value].add(quad.object.value)
    return found


def _is_unit(store: Store, node: str) -> bool:
    return next(iter(store.quads_for_pattern(NamedNode(node), RDF_TYPE, term("ug:Unit"))), None) is not None


def _word(store: Store, node: str, predicate: NamedNode) -> str:
    """The English value of a property, else any, or an empty text."""
    quads = store.quads_for_pattern(NamedNode(node), predicate, None)
    words = [quad.object for quad in quads if isinstance(quad.object, Literal)]
    words.sort(key=lambda word: (word.language != "en", word.language or "", word.value))
    return words[0].value if words else ""


def _groups(nodes: list[str], near: dict[str, set[str]]) -> list[list[str]]:
    """The nodes that are linked with each other, the largest group first, in each those with most neighbours."""
    rank = {node: number for number, node in enumerate(nodes)}
    left = dict.fromkeys(nodes)
    groups = []
    while left:
        start = next(iter(left))
        group, waiting = {start}, deque([start])
        while waiting:
            new = near[waiting.popleft()] - group
            group |= new
            waiting.extend(sorted(new))
        for node in group:
            del left[node]
        groups.append(sorted(group, key=rank.__getitem__))
    return sorted(groups, key=lambda group: (-len(group), rank[group[0]]))


# Boxes -----------------------------------------------------------------------------------------------------


class Box:
    """A label broken into lines, and the box around it."""

    def __init__(self, lines: tuple[str, ...], font_size: float, width: float) -> None:
        self.lines, self.font_size = lines, font_size
        self.size = (width, len(lines) * font_size * 1.25 + 10)


def box(label: str, unit: bool, neighbours: int) -> Box:
    """The box of a node: the more neighbours, the larger its letters."""
    font_size = (15.0 if unit else 12.0) + min(neighbours, 12) * 0.5
    lines = wrapped(label)
    width = max(_width(line) for line in lines) * font_size + 18
    return Box(lines, font_size, width)


def wrapped(label: str, characters: int = LINE_CHARACTERS, most: int = MAX_LINES) -> tuple[str, ...]:
    """A label in a few lines; what is too long ends in an ellipsis.

    >>> wrapped("Berlin School of Library and Information Science")
    ('Berlin School of', 'Library and', 'Information…')
    """
    lines: list[str] = []
    for word in _words(label, characters):
        if lines and len(lines[-1]) + 1 + len(word) <= characters:
            lines[-1] = f"{lines[-1]} {word}"
        elif len(lines) == most:
            lines[-1] = lines[-1][: characters - 1].rstrip(" ,-") + "\N{HORIZONTAL ELLIPSIS}"
            break
        else:
            lines.append(word)
    return tuple(lines) or (" ",)


def _words(label: str, most: int) -> Iterator[str]:
    """The words of a label; what is longer than a line in pieces, after its hyphens if it has any."""
    for word in label.split():
        for part in re.split(r"(?<=-)", word) if len(word) > most else (word,):
            yield from (part[at : at + most] for at in range(0, len(part), most))


def _width(line: str) -> float:
    """About how wide a line is, in units of the size of its letters."""
    return sum(
        1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.68 if letter.isupper() else 0.54 for letter in line
    )


# Places ----------------------------------------------------------------------------------------------------

Place = list[float]
Size = tuple[float, float]


def _laid_out(counts: list[int], sizes: list[Size], links: list[Link]) -> tuple[list[Place], float, float]:
    """A place for each node: every group by itself, then the groups packed beside each other."""
    places: list[Place] = []
    blocks: list[tuple[int, int, Size]] = []
    near: list[set[int]] = [set() for _ in sizes]
    for link in links:
        near[link["source"]].add(link["target"])
        near[link["target"]].add(link["source"])
    for count in counts:
        first = len(places)
        own = sizes[first : first + count]
        found = _stressed(_distances([{n - first for n in near[first + i]} for i in range(count)]))
        joins = [(link["source"] - first, link["target"] - first) for link in links if link["source"] >= first]
        joins = [join for join in joins if join[1] < count]
        _push_apart(found, own)
        if count <= MAX_TIDIED:
            _clear_lines(found, own, joins)
        blocks.append((first, count, _to_origin(found, own)))
        places += found
    height = _pack(places, blocks)
    width = max([WIDTH, *(size[0] for _, _, size in blocks)])
    return places, width, height


def _distances(near: list[set[int]]) -> list[list[int]]:
    """How many links lie between every two nodes of a group, breadth first."""
    table = []
    for start in range(len(near)):
        row = [-1] * len(near)
        row[start] = 0
        waiting = deque([start])
        while waiting:
            node = waiting.popleft()
            for other in near[node]:
                if row[other] < 0:
                    row[other] = row[node] + 1
                    waiting.append(other)
        table.append(row)
    return table


def _stressed(table: list[list[int]]) -> list[Place]:
    """Places whose distances are as near as can be to those in the table, by stress majorisation.

    Each node in turn moves to where the others want it, near ones counting more (Gansner, Koren, North 2004, §2).
    """
    chance = random.Random(1)  # noqa: S311 (a layout, no secret: the seed is what makes it the same everywhere)
    spread = DISTANCE * sqrt(len(table))
    places = [[chance.random() * spread, chance.random() * spread] for _ in table]
    for _ in range(ROUNDS):
        for here, row in enumerate(table):
            x = y = weights = 0.0
            for there, steps in enumerate(row):
                if there == here:
                    continue
                across, down = places[here][0] - places[there][0], places[here][1] - places[there][1]
                pull = steps * DISTANCE / (sqrt(across * across + down * down) or 1.0)
                weight = 1.0 / (steps * steps)
                x += weight * (places[there][0] + across * pull)
                y += weight * (places[there][1] + down * pull)
                weights += weight
            if weights:
                places[here] = [x / weights, y / weights]
    return places


def _push_apart(places: list[Place], sizes: list[Size]) -> None:
    """Move boxes that overlap, each pair along the shorter way, until none do."""
    for _ in range(300):
        moved = False
        for one, other in combinations(range(len(places)), 2):
            across, down = places[other][0] - places[one][0], places[other][1] - places[one][1]
            too_wide = (sizes[one][0] + sizes[other][0]) / 2 + GAP - abs(across)
            too_high = (sizes[one][1] + sizes[other][1]) / 2 + GAP - abs(down)
            if too_wide <= 0.01 or too_high <= 0.01:
                continue
            axis, way = (0, across) if too_wide < too_high else (1, down)
            step = min(too_wide, too_high) / 2 * (1 if way >= 0 else -1)
            places[one][axis] -= step
            places[other][axis] += step
            moved = True
        if not moved:
            return


def _clear_lines(places: list[Place], sizes: list[Size], joins: list[tuple[int, int]]) -> None:
    """Move boxes off the lines between others, a little at a time, and apart again."""
    for _ in range(40):
        moved = False
        for one, other in joins:
            (x, y), (across, down) = places[one], _between(places[one], places[other])
            length = sqrt(across * across + down * down) or 1.0
            for node, place in enumerate(places):
                along = ((place[0] - x) * across + (place[1] - y) * down) / length
                if node in (one, other) or not 0 < along < length:
                    continue
                aside = ((place[0] - x) * -down + (place[1] - y) * across) / length
                half = (sizes[node][0] * abs(down) + sizes[node][1] * abs(across)) / (2 * length) + GAP / 2
                lacking = half - abs(aside)
                if lacking > 0.01:
                    step = min(lacking, 12.0) / length * (1 if aside >= 0 else -1)
                    place[0] -= down * step
                    place[1] += across * step
                    moved = True
        _push_apart(places, sizes)
        if not moved:
            return


def _between(one: Place, other: Place) -> Size:
    return other[0] - one[0], other[1] - one[1]


def _to_origin(places: list[Place], sizes: list[Size]) -> Size:
    """Move a group so that its boxes begin at the margin; how large it is with its margins."""
    left = min(place[0] - size[0] / 2 for place, size in zip(places, sizes, strict=True)) - MARGIN / 2
    top = min(place[1] - size[1] / 2 for place, size in zip(places, sizes, strict=True)) - MARGIN / 2
    for place in places:
        place[0] -= left
        place[1] -= top
    right = max(place[0] + size[0] / 2 for place, size in zip(places, sizes, strict=True))
    bottom = max(place[1] + size[1] / 2 for place, size in zip(places, sizes, strict=True))
    return right + MARGIN / 2, bottom + MARGIN / 2


def _pack(places: list[Place], blocks: Iterable[tuple[int, int, Size]]) -> float:
    """Put each group where it comes highest, beside and below those before it; how high all are together."""
    step = 10
    columns = int(WIDTH // step)
    skyline = [0.0] * columns
    for first, count, (width, height) in blocks:
        wide = min(columns, int(width // step) + 1)
        top, at = min((max(skyline[at : at + wide]), at) for at in range(columns - wide + 1))
        skyline[at : at + wide] = [top + height] * wide
        for place in places[first : first + count]:
            place[0] += at * step
            place[1] += top
    return max(skyline)
