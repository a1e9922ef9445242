"""Every row of the facts is in the graph, with its relations.

The rows are kept in `facts.json`, reduced to what can be compared. Where the facts themselves are at hand, a
test makes sure that the reduction is still theirs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED, needs_facts

from unitgraph.release import Release

KEPT = Path(__file__).with_name("facts.json")
FACTS = SHARED / "facts"
BASE = "https://w3id.org/unitgraph/ifla/"
SEED = "https://cf2-www.ifla.org/ES/node/93565"

KINDS = {
    "Section": "section",
    "Special Interest Group": "special-interest-group",
    "Division (to 2021)": "division",
    "Professional Division (from 2021)": "professional-division",
    "Regional Division (from 2021)": "regional-division",
    "Review Group": "review-group",
    "Review Group or sub-committee": "sub-committee",
    "Working Group": "working-group",
}
BASES = {
    "stated by the story": "stated-by-story",
    "stated by the story: 2.3 in its lead, 3.1 in its body": "stated-by-story",
    "stated by the story of 2021": "stated-by-story",
    "stated by the feature": "stated-by-story",
    "stated by the Units + Strategy feature of 2022": "stated-by-story",
    "stated by the action plan": "stated-by-action-plan",
    "stated by the action plan (titles without numbers)": "by-title-without-number",
    "relevance criterion named in the 2021 call": "by-award-criterion",
    "part of the story P13": "part-of-a-story",
    "through the action plan P39": "through-the-action-plan",
    "through the feature P49 (for the unit as a whole)": "through-the-unit",
}
FORMS = {"title": "title", "paraphrase by a third party": "paraphrase"}  # all others are phrases


def rows(name: str) -> list[dict[str, str]]:
    with (FACTS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def escaped(url: str) -> str:
    """An address as an IRI: what an IRI may not hold is percent-escaped."""
    bad = '[]<>"{}|\\^` '
    return "".join("".join(f"%{b:02X}" for b in c.encode()) if c in bad else c for c in url)


def split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def reduced() -> dict[str, list[dict[str, Any]]]:
    """The facts, row by row, as far as the graph says the same thing in comparable form."""
    units = [
        {
            "acronym": row["acronym"],
            "label": row["full_name"],
            "kind": KINDS[row["type"]],
            "number": row["section_number"],
            "to2021": row["division_to_2021"].split(" ")[0],
            "from2021": row["division_from_2021"],
            "sponsor": row["sponsor_or_parent"].split(" ")[0],
            "seed": row["in_seed"] == "yes",
            "source": escaped(row["source_url"]),
            "confidence": row["confidence"],
            "divisionConfidence": row["division_confidence"],
        }
        for row in rows("units.csv")
    ]
    strategy = [
        {
            "number": row["number"],
            "kind": row["kind"],
            "parent": row["parent"],
            "title": row["title"],
            "source": escaped(row["source_url"]),
            "confidence": row["confidence"],
        }
        for row in rows("strategy-2019-2024.csv")
    ]
    projects = [
        {
            "id": row["project_id"],
            "leader": row["unit"].strip("()").removesuffix(" HQ"),
            "coleaders": [unit for unit in split(row["co_units"]) if "(" not in unit],
            "initiatives": split(row["key_initiative"]),
            "basis": BASES[row["ki_basis"]] if row["key_initiative"] else "",
            "seed": row["in_seed"] == "yes",
            "source": escaped(row["url"]),
            "confidence": row["confidence"],
        }
        for row in rows("projects.csv")
    ]
    partners = [
        {
            "organisation": row["organisation"],
            "shortName": row["short_name"],
            "country": row["country"],
            "project": row["project_id"],
            "role": row["role_strength"].replace(" ", "-"),
            "words": row["role"],
            "qid": row["wikidata_qid"],
            "source": escaped(row["source_url"]),
            "confidence": row["confidence"],
        }
        for row in rows("partners.csv")
    ]
    labels = [
        {
            "kind": row["entity_kind"],
            "id": row["entity_id"],
            "lang": row["lang"],
            "label": row["label"],
            "form": FORMS.get(row["form"], "phrase"),
            "source": escaped(row["source_url"]),
            "confidence": row["confidence"],
        }
        for row in rows("labels.csv")
    ]
    associations = [
        {
            "who": row["association_or_country"],
            "title": row["title"],
            "year": row["year"],
            "initiative": row["key_initiative"],
            "source": escaped(row["source_url"]),
            "confidence": row["confidence"],
        }
        for row in rows("associations-strategy.csv")
    ]
    found = {"units": units, "strategy": strategy, "projects": projects, "partners": partners}
    return {**found, "labels": labels, "associations": associations}


@needs_facts
def test_the_kept_rows_are_those_of_the_facts(update_snapshots: bool) -> None:
    text = json.dumps(reduced(), indent=1, ensure_ascii=False) + "\n"
    if update_snapshots:
        KEPT.write_text(text, "utf-8")
    assert KEPT.read_text("utf-8") == text


class Asker:
    """Asks a release with the prefixes of the data."""

    def __init__(self, release: Release) -> None:
        self.store = release.store

    def __call__(self, pattern: str, variable: str = "x") -> set[str]:
        text = f"""
            PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
            PREFIX skosxl: <http://www.w3.org/2008/05/skos-xl#> PREFIX schema: <https://schema.org/>
            PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> PREFIX ug: <https://w3id.org/unitgraph/ns#>
            PREFIX : <{BASE}>
            SELECT DISTINCT ?{variable} WHERE {{ {pattern} }}"""
        solutions = self.store.query(text, use_default_graph_as_union=True)
        return {s[variable].value for s in solutions}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def ask(release: Release) -> Asker:
    return Asker(release)


def kept(section: str) -> Iterator[dict[str, Any]]:
    yield from json.loads(KEPT.read_text("utf-8"))[section]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def slug(iris: set[str]) -> set[str]:
    return {iri.rsplit("/", 1)[-1] for iri in iris}


def test_every_unit_is_there_with_kind_number_divisions_sponsor_and_source(ask: Asker) -> None:
    missing = []
    for row in kept("units"):
        unit = f"?u a ug:Unit ; skos:notation {quoted(row['acronym'])} ."
        at = [
            (len(ask(f"{unit} BIND(?u AS ?x)")) == 1, "one unit has the acronym"),
            (row["label"] in ask(f"{unit} ?u skos:prefLabel|skos:altLabel ?x"), "label"),
            (row["kind"] in slug(ask(f"{unit} ?s ug:standingOf ?u ; ug:standingKind ?x")), "standing"),
            (not row["source"] or row["source"] in ask(f"{unit} ?u ug:statedIn/ug:url ?x"), "source"),
            (not row["seed"] or SEED in ask(f"{unit} ?u ug:statedIn/ug:url ?x"), "seed"),
            ({row["confidence"]} == slug(ask(f"{unit} ?u ug:confidence ?x")), "confidence"),
        ]
        if row["number"]:
            at.append((ask(f"{unit} ?u ug:sectionNumber ?x") == {row["number"]}, "section number"))
        placed = f"{unit} ?p ug:placed ?u ; ug:within ?d ; ug:confidence ?c ."
        if row["to2021"]:
            division = f"?d skos:notation {quoted('DIV-' + row['to2021'])} . ?p ug:end ?e"
            at.append((row["divisionConfidence"] in slug(ask(f"{placed} {division}", "c")), "division to 2021"))
        if row["from2021"]:
            division = f"?d skos:notation {quoted('PD-' + row['from2021'])} . ?p ug:start ?b"
            at.append((bool(ask(f"{placed} {division}", "c")), "division from 2021"))
        if row["sponsor"]:
            sponsor = (
                f"?d skos:notation {quoted(row['sponsor'])} . ?p ug:placementRole <{BASE}placement-role/sponsored>"
            )
            at.append((bool(ask(f"{placed} {sponsor}", "c")), "sponsor"))
        missing += [(row["acronym"], what) for held, what in at if not held]
    assert not missing


def test_every_part_of_the_strategy_is_there(ask: Asker) -> None:
    classes = {
        "strategy": "Strategy",
        "vision": "Vision",
        "mission": "Mission",
        "direction": "Direction",
        "initiative": "KeyInitiative",
    }
    missing = []
    for row in kept("strategy"):
        numbered = f"; skos:notation {quoted(row['number'])}" if row["kind"] in ("direction", "initiative") else ""
        part = f"?s a ug:{classes[row['kind']]} {numbered} ."
        at = [
            (row["title"] in ask(f"{part} ?s skos:prefLabel ?x"), "title"),
            (row["source"] in ask(f"{part} ?s ug:statedIn/ug:url ?x"), "source"),
        ]
        if row["kind"] == "initiative":
            at.append((ask(f"{part} ?s skos:broader/skos:notation ?x") == {row["parent"]}, "direction"))
        if row["confidence"] == "recalled":
            claim = f"{part} ?c a ug:Claim ; rdf:subject ?s ; ug:confidence ?x"
            at.append(("recalled" in slug(ask(claim)), "a claim that the wording is recalled"))
        missing += [(row["number"], what) for held, what in at if not held]
    assert not missing


def test_every_project_row_is_there_with_its_units_initiatives_basis_and_source(ask: Asker) -> None:
    lead = "ug:leader|ug:planOf|ug:recipient|ug:tellsOf|dcterms:publisher|^ug:placed/ug:within"
    follow = "ug:coleader|ug:planWith|^ug:placed/ug:within"
    missing = []
    for row in kept("projects"):
        thing = f"?t dcterms:identifier {quoted(row['id'])} ."
        at = [
            (len(ask(f"{thing} BIND(?t AS ?x)")) == 1, "one thing has the key"),
            (row["leader"] in ask(f"{thing} ?t ({lead}) ?l . ?l skos:notation ?x"), "leader"),
            (row["source"] in ask(f"{thing} ?t ug:statedIn/ug:url ?x"), "source"),
            (not row["seed"] or SEED in ask(f"{thing} ?t ug:statedIn/ug:url ?x"), "seed"),
            ({row["confidence"]} == slug(ask(f"{thing} ?t ug:confidence ?x")), "confidence"),
        ]
        for unit in row["coleaders"]:
            at.append((unit in ask(f"{thing} ?t ({follow}) ?l . ?l skos:notation ?x"), f"co-leader {unit}"))
        towards = (
            f"{thing} ?c ug:contributionOf ?t ; ug:towards ?i ; ug:basis ?b . ?i a ug:KeyInitiative ; skos:notation ?x"
        )
        at.append((ask(towards) == set(row["initiatives"]), "initiatives"))
        if row["initiatives"]:
            at.append((slug(ask(towards, "b")) == {row["basis"]}, "basis"))
        missing += [(row["id"], what) for held, what in at if not held]
    assert not missing


def test_every_partner_row_is_there_with_role_country_and_source(ask: Asker) -> None:
    missing = []
    for row in kept("partners"):
        key = f"?o skos:prefLabel|skos:altLabel ?label . FILTER(STR(?label) = {quoted(row['organisation'])})"
        node = f"{key} ?p ug:partner ?o ; ug:partnershipIn/dcterms:identifier {quoted(row['project'])} ."
        at = [
            (len(ask(f"{node} BIND(?p AS ?x)")) == 1, "one partnership"),
            (slug(ask(f"{node} ?p ug:role ?x")) == {row["role"]}, "role"),
            (ask(f"{node} ?p dcterms:description ?x") == {row["words"]}, "role in words"),
            (row["source"] in ask(f"{node} ?p ug:statedIn/ug:url ?x"), "source"),
            (bool(slug(ask(f"{node} ?p ug:confidence ?x")) & {row["confidence"], "inferred"}), "confidence"),
        ]
        if row["shortName"]:
            at.append((row["shortName"] in ask(f"{key} ?o skos:notation ?x"), "short name"))
        if row["country"]:
            at.append((row["country"] in ask(f"{key} ?o ug:country/(skos:prefLabel|skos:altLabel) ?x"), "country"))
        if row["qid"]:
            wikidata = f"http://www.wikidata.org/entity/{row['qid']}"
            at.append((wikidata in ask(f"{key} ?o skos:exactMatch ?x"), "Wikidata item"))
        missing += [(row["organisation"], row["project"], what) for held, what in at if not held]
    assert not missing


def test_every_label_row_is_a_name_with_language_form_and_source(ask: Asker) -> None:
    owners = {
        "direction": "?o a ug:Direction ; skos:notation {id} .",
        "initiative": "?o a ug:KeyInitiative ; skos:notation {id} .",
        "mission": "?o a ug:Mission .",
        "strategy": "?o a ug:Strategy .",
        "unit": "?o a ug:Unit ; skos:notation {id} .",
        "project": "?o dcterms:identifier {id} .",
        "organisation": "?o a ug:Organisation ; skos:notation {id} .",
    }
    missing = []
    for row in kept("labels"):
        owner = owners[row["kind"]].format(id=quoted(row["id"]))
        node = f"{owner} ?o skosxl:prefLabel|skosxl:altLabel ?n . ?n skosxl:literalForm ?f ."
        node += f" FILTER(?f = {quoted(row['label'])}@{row['lang']})"
        at = [
            (slug(ask(f"{node} ?n ug:nameForm ?x")) == {row["form"]}, "form"),
            (row["source"] in ask(f"{node} ?n ug:statedIn/ug:url ?x"), "source"),
            (slug(ask(f"{node} ?n ug:confidence ?x")) == {row["confidence"]}, "confidence"),
        ]
        missing += [(row["kind"], row["id"], row["lang"], what) for held, what in at if not held]
    assert not missing


def test_every_association_row_is_a_story_of_its_year(ask: Asker) -> None:
    missing = []
    for row in kept("associations"):
        story = f"?s a ug:Story ; skos:prefLabel {quoted(row['title'])}@en ."
        at = [
            (len(ask(f"{story} BIND(?s AS ?x)")) == 1, "one story"),
            (any(x.startswith(row["year"]) for x in ask(f"{story} ?s dcterms:issued ?x")), "year"),
            (row["source"] in ask(f"{story} ?s ug:statedIn/ug:url ?x"), "source"),
            (slug(ask(f"{story} ?s ug:confidence ?x")) == {row["confidence"]}, "confidence"),
        ]
        towards = f"{story} ?c ug:contributionOf ?s ; ug:towards/skos:notation ?x"
        at.append((ask(towards) == ({row["initiative"]} - {""}), "initiative"))
        missing += [(row["who"], what) for held, what in at if not held]
    assert not missing


def test_only_authors_and_editors_are_named_as_persons(release: Release) -> None:
    """No agent is a person; creators are literals of outputs."""
    ask = Asker(release)
    assert not ask("?x a <http://xmlns.com/foaf/0.1/Person>") | ask("?x a schema:Person")
    assert ask("?o <http://purl.org/dc/elements/1.1/creator> ?c . ?o a ?x") >= {"https://w3id.org/unitgraph/ns#Output"}
    assert not ask("?x <http://purl.org/dc/elements/1.1/creator> ?c . FILTER NOT EXISTS { ?x a ug:Output }")
