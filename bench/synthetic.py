"""A graph of the domain's shape and of any size: units, projects, initiatives, partners, stories, contributions.

Written line by line, so that size costs no memory, and from a seed, so that it is the same everywhere. Links are
skewed as in life (Zipf): of half of the projects a few units lead most, and one source supports a tenth of what is
said; the other half has units `n0`, `n1`, … with a dozen projects each, whose neighbourhood is the same at every
size. All that is said is said by `source/survey` as well, which has 100,000 inverse links at a million triples, as
`confidence/confirmed` has. One named graph for each file that a person would have written.
`python bench/synthetic.py 100k > data.nq` writes one.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from typing import TextIO

BASE = "https://example.org/library/"
UG = "https://w3id.org/unitgraph/ns#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SKOSXL = "http://www.w3.org/2008/05/skos-xl#"
DCTERMS = "http://purl.org/dc/terms/"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL, NOTATION = f"<{SKOS}prefLabel>", f"<{SKOS}notation>"
DESCRIPTION, IDENTIFIER = f"<{DCTERMS}description>", f"<{DCTERMS}identifier>"

CLASSES = {
    "unit": "Unit",
    "name": "Name",
    "standing": "Standing",
    "placement": "Placement",
    "organisation": "Organisation",
    "source": "Source",
    "direction": "Direction",
    "initiative": "KeyInitiative",
    "project": "Project",
    "contribution": "Contribution",
    "partnership": "Partnership",
    "output": "Output",
    "event": "Event",
    "story": "Story",
}
WORDS = {
    language: words.split()
    for language, words in {
        "en": "open public digital reading library map data school access story training heritage music health",
        "de": "offen öffentlich digital Lesen Bibliothek Karte Daten Schule Zugang Bericht Schulung Erbe Musik",
        "es": "abierto público digital lectura biblioteca mapa datos escuela acceso relato formación patrimonio",
        "fr": "ouvert public numérique lecture bibliothèque carte données école accès récit formation",
        "zh-hans": "开放 公共 数字 阅读 图书馆 地图 数据 学校 获取 故事 培训 遗产 音乐",
    }.items()
}
FORMS = ("webinar-series", "book", "social-media", "guideline", "workshop", "survey", "exhibition", "podcast")
KINDS = ("section", "division", "special-interest-group", "review-group")

PROJECTS = 12  #: of a unit whose neighbourhood is the same at every size
SURVEY = "survey"  #: the source of everything

Triple = tuple[str, str, str]


def count(text: str) -> int:
    """A number of triples as people write it.

    >>> count("100k"), count("1M"), count("2500")
    (100000, 1000000, 2500)
    """
    match = re.fullmatch(r"(\d+)([kM]?)", text)
    if not match:
        raise ValueError(f"{text!r} is no number of triples; write 100k, 1M or 2500")
    return int(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]]


def lines(triples: int, seed: int = 1) -> Iterator[str]:
    """Exactly that many N-Quads, all different, each with its line end; the last file may be cut short."""
    left = triples
    for graph, statements in _files(triples, random.Random(seed)):
        end = f" <{BASE}graph/{graph}> .\n"
        for subject, predicate, value in statements[:left]:
            yield f"{subject} {predicate} {value}{end}"
        left -= len(statements)
        if left <= 0:
            return


def write(file: TextIO, triples: int, seed: int = 1) -> None:
    """Write the graph as N-Quads."""
    file.writelines(lines(triples, seed))


def _files(triples: int, chance: random.Random) -> Iterator[tuple[str, list[Triple]]]:
    """The graphs by name, without end: what all refer to comes first, then projects for ever."""
    units, organisations, sources = max(20, triples // 5_000), max(20, triples // 500), max(20, triples // 400)
    yield "ontology/classes", list(_classes())
    yield "data/strategy", list(_strategy(chance))
    for number in range(units):
        above = f"u{_skewed(chance, number)}" if number else ""  # a tree with few roots, some ten levels deep
        yield f"data/unit/u{number}", _unit(f"u{number}", above, chance)
    for number in range(organisations):
        yield f"data/organisation/o{number}", _organisation(number, chance)
    for number in range(sources):
        yield f"data/source/s{number}", _source(f"s{number}", number)
    yield f"data/source/{SURVEY}", _source(SURVEY, sources)
    number = 0
    while True:
        leader, steady = f"u{_skewed(chance, units)}", f"n{number // (2 * PROJECTS)}"
        if number % (2 * PROJECTS) == 0:
            yield f"data/unit/{steady}", _unit(steady, "u0", chance)
        if number % 2:
            leader = steady
        yield f"data/project/p{number}", _project(number, leader, chance, units, organisations, sources)
        if number % 3 == 0:
            yield f"data/story/t{number}", _story(number, leader, chance, sources)
        number += 1


def _classes() -> Iterator[Triple]:
    for segment, name in CLASSES.items():
        cls = f"<{UG}{name}>"
        yield cls, TYPE, "<http://www.w3.org/2002/07/owl#Class>"
        yield cls, "<http://www.w3.org/2000/01/rdf-schema#label>", f'"{segment}"@en'
        yield cls, f"<{UG}segment>", f'"{segment}"'


def _strategy(chance: random.Random) -> Iterator[Triple]:
    for direction in range(1, 5):
        yield from _thing("direction", str(direction), chance, tuple(WORDS))
        yield iri("direction", str(direction)), NOTATION, f'"{direction}"'
        for initiative in range(1, 5):
            name = f"{direction}-{initiative}"
            yield from _thing("initiative", name, chance, tuple(WORDS))
            yield iri("initiative", name), NOTATION, f'"{direction}.{initiative}"'
            yield iri("initiative", name), f"<{SKOS}broader>", iri("direction", str(direction))


def _unit(name: str, above: str, chance: random.Random) -> list[Triple]:
    """A unit with its other name, its standing and its place, as one file holds them."""
    it, other, standing, placement = iri("unit", name), *(iri(kind, name) for kind in ("name", "standing", "placement"))
    kind = iri("unit-kind", KINDS[int(len(KINDS) * chance.random())])
    found = list(_thing("unit", name, chance, ("en", "fr")))
    found += [
        (it, NOTATION, f'"{name.upper()}"'),
        (it, f"<{UG}kind>", kind),
        (it, f"<{UG}unitOf>", iri("organisation", "o0")),
        (it, f"<{SKOSXL}altLabel>", other),
        (other, TYPE, f"<{UG}Name>"),
        (other, f"<{SKOSXL}literalForm>", f'"{_words("en", chance, 4)} {name}"@en'),
        (standing, TYPE, f"<{UG}Standing>"),
        (standing, f"<{UG}standingOf>", it),
        (standing, f"<{UG}standingKind>", kind),
    ]
    if above:
        found.append((it, f"<{UG}partOf>", iri("unit", above)))
        found.append((placement, TYPE, f"<{UG}Placement>"))
        found.append((placement, f"<{UG}placed>", it))
        found.append((placement, f"<{UG}within>", iri("unit", above)))
    for one in (it, other, standing, *((placement,) if above else ())):
        found += _sure(one, iri("source", "s1"), chance)
    return found


def _organisation(number: int, chance: random.Random) -> list[Triple]:
    it, name = iri("organisation", f"o{number}"), f"o{number}"
    found = list(_thing("organisation", name, chance, ("en",)))
    found.append((it, f"<{UG}country>", iri("country", f"c{_skewed(chance, 150)}")))
    found.append((it, f"<{UG}organisationKind>", '"association"@en'))
    return found


def _source(name: str, number: int) -> list[Triple]:
    it = iri("source", name)
    return [
        (it, TYPE, f"<{UG}Source>"),
        (it, LABEL, f'"Page {number} of a report"@en'),
        (it, f"<{UG}url>", f"<https://example.com/reports/{number}>"),
        (it, f"<{UG}accessed>", f'"20{20 + number % 6}-0{1 + number % 9}-1{number % 10}"^^<{XSD}date>'),
    ]


def _project(
    number: int, leader: str, chance: random.Random, units: int, organisations: int, sources: int
) -> list[Triple]:
    """A project with its contributions, partnerships, outputs and events, as one file holds them."""
    name, it = f"p{number}", iri("project", f"p{number}")
    year = 2015 + int(11 * chance.random() ** 0.5)
    source = iri("source", f"s{_skewed(chance, sources)}")
    found = list(_thing("project", name, chance, _some_languages(chance)))
    found += [
        (it, IDENTIFIER, f'"P{number}"'),
        (it, DESCRIPTION, f'"{_words("en", chance, 20)}."@en'),
        (it, f"<{UG}leader>", iri("unit", leader)),
        (it, f"<{UG}carriedOutBy>", iri("unit", leader)),
        (it, f"<{UG}form>", iri("form", FORMS[_skewed(chance, 8)])),
        (it, f"<{UG}state>", iri("state", "ended" if year < 2024 else "running")),
        (it, f"<{DCTERMS}language>", iri("language", "en")),
        (it, f"<{UG}start>", f'"{year}"^^<{XSD}gYear>'),
        (it, f"<{UG}end>", f'"{year + int(3 * chance.random())}"^^<{XSD}gYear>'),
    ]
    helper = f"u{int(units * chance.random())}"
    if helper != leader and chance.random() < 0.3:
        found.append((it, f"<{UG}carriedOutBy>", iri("unit", helper)))
    if number and chance.random() < 0.1:
        found.append((it, f"<{UG}followUpOf>", iri("project", f"p{int(number * chance.random())}")))
    found += _sure(it, source, chance)
    for initiative in _some(chance, 16, 2):
        place = f"{1 + initiative // 4}-{1 + initiative % 4}"
        found += _contribution("project", name, place, source, chance)
        found.append((it, f"<{UG}contributesTo>", iri("initiative", place)))
    for partner in _some(chance, organisations, 2) if chance.random() < 0.6 else ():
        one = iri("partnership", f"{name}-o{partner}")
        found.append((it, f"<{UG}hasPartner>", iri("organisation", f"o{partner}")))
        found.append((one, TYPE, f"<{UG}Partnership>"))
        found.append((one, f"<{UG}partner>", iri("organisation", f"o{partner}")))
        found.append((one, f"<{UG}partnershipIn>", it))
        found.append((one, f"<{UG}role>", iri("role", "partner" if chance.random() < 0.9 else "planned")))
        found += _sure(one, source, chance)
    for index in range(int(3 * chance.random())):
        one = iri("output", f"{name}-{index}")
        found += _thing("output", f"{name}-{index}", chance, ("en",))
        found.append((one, f"<{UG}outputOf>", it))
        found.append((one, f"<{UG}form>", iri("form", FORMS[_skewed(chance, 8)])))
        found.append((one, f"<{DCTERMS}issued>", f'"{year}-0{1 + index}-1{number % 10}"^^<{XSD}date>'))
        found += _sure(one, source, chance)
    if chance.random() < 0.5:
        one = iri("event", name)
        found += _thing("event", name, chance, ("en",))
        found.append((one, f"<{UG}eventOf>", it))
        found.append((one, f"<{UG}start>", f'"{year}-0{1 + number % 9}"^^<{XSD}gYearMonth>'))
        found += _sure(one, source, chance)
    return found


def _story(number: int, unit: str, chance: random.Random, sources: int) -> list[Triple]:
    name, it = f"t{number}", iri("story", f"t{number}")
    source = iri("source", f"s{_skewed(chance, sources)}")
    found = list(_thing("story", name, chance, _some_languages(chance)))
    found.append((it, f"<{UG}tellsOf>", iri("unit", unit)))
    found.append((it, f"<{UG}tellsOf>", iri("project", f"p{number}")))
    found.append((it, f"<{UG}inRound>", iri("round", f"r{2018 + number % 8}")))
    found.append((it, f"<{DCTERMS}issued>", f'"{2018 + number % 8}"^^<{XSD}gYear>'))
    found += _sure(it, source, chance)
    initiative = _skewed(chance, 16)
    found += _contribution("story", name, f"{1 + initiative // 4}-{1 + initiative % 4}", source, chance)
    return found


def _contribution(segment: str, name: str, place: str, source: str, chance: random.Random) -> Iterator[Triple]:
    one = iri("contribution", f"{name}-{place}")
    yield one, TYPE, f"<{UG}Contribution>"
    yield one, f"<{UG}contributionOf>", iri(segment, name)
    yield one, f"<{UG}towards>", iri("initiative", place)
    yield one, f"<{UG}basis>", iri("basis", f"stated-by-{segment}")
    yield from _sure(one, source, chance)


def _thing(segment: str, name: str, chance: random.Random, languages: tuple[str, ...]) -> Iterator[Triple]:
    it = iri(segment, name)
    yield it, TYPE, f"<{UG}{CLASSES[segment]}>"
    for language in languages:
        yield it, LABEL, f'"{_words(language, chance, 4)} {name}"@{language}'


def _sure(it: str, source: str, chance: random.Random) -> Iterator[Triple]:
    yield it, f"<{UG}statedIn>", source
    yield it, f"<{UG}statedIn>", iri("source", SURVEY)
    yield it, f"<{UG}confidence>", iri("confidence", "confirmed" if chance.random() < 0.9 else "recalled")


def iri(segment: str, name: str) -> str:
    """The IRI of a thing as N-Quads writes it."""
    return f"<{BASE}{segment}/{name}>"


def _skewed(chance: random.Random, size: int) -> int:
    """A number below `size`; k comes up about as often as 1/(k+1), as in Zipf's law."""
    return min(int((size + 1) ** chance.random()) - 1, size - 1)


def _some(chance: random.Random, size: int, most: int) -> set[int]:
    """One to `most` different numbers, the small ones more often."""
    return {_skewed(chance, size) for _ in range(1 + int(most * chance.random()))}


def _some_languages(chance: random.Random) -> tuple[str, ...]:
    return tuple(WORDS)[: 1 + _skewed(chance, len(WORDS))]


def _words(language: str, chance: random.Random, number: int) -> str:
    words = WORDS[language]
    return " ".join(words[int(len(words) * chance.random())] for _ in range(number))


if __name__ == "__main__":
    write(sys.stdout, count(sys.argv[1]))
