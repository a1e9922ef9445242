"""The index of a release says what the store says, in order, and never looks at more than it gives."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from math import ceil
from pathlib import Path

import pytest
from conftest import ROOT
from pyoxigraph import Literal, NamedNode

from unitgraph import build, rdf
from unitgraph.engine import Engine
from unitgraph.errors import ReleaseError
from unitgraph.index import fold, write
from unitgraph.index.read import How, Index, usable
from unitgraph.release import INDEX, Manifest, Member, Release, content_digest, open_release, sha256
from unitgraph.resources import entity, listing, terms
from unitgraph.site import Site
from unitgraph.vocab import NOTATION, RDF_TYPE, term

sys.path.insert(0, str(ROOT / "bench"))
import synthetic

TRIPLES = 165_000  #: some 20,000 things
HUB = f"{synthetic.BASE}organisation/hub"
PARTNERSHIPS = 1_200  #: about the hub: more than two pages


def lines_about_a_hub() -> Iterator[str]:
    """An organisation that is partner in very many projects, and is linked from them."""
    graph = f"<{synthetic.BASE}graph/data/organisation/hub>"
    yield f"<{HUB}> {synthetic.TYPE} <{synthetic.UG}Organisation> {graph} .\n"
    yield f'<{HUB}> {synthetic.LABEL} "Hub"@en {graph} .\n'
    for number in range(PARTNERSHIPS):
        one, project = (synthetic.iri(kind, f"hub-{number}") for kind in ("partnership", "project"))
        yield f"{one} {synthetic.TYPE} <{synthetic.UG}Partnership> {graph} .\n"
        yield f"{one} <{synthetic.UG}partner> <{HUB}> {graph} .\n"
        yield f"{one} <{synthetic.UG}partnershipIn> {project} {graph} .\n"
        yield f"{project} <{synthetic.UG}hasPartner> <{HUB}> {graph} .\n"
        yield f'{project} {synthetic.LABEL} "Work {number % 97} with the hub"@en {graph} .\n'


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A synthetic release, written as every release is."""
    text = "".join(chain(synthetic.lines(TRIPLES), lines_about_a_hub()))
    lines = sorted(set(text.encode().splitlines()))
    data, base = b"".join(line + b"\n" for line in lines), synthetic.BASE
    member = Member("data.nq", len(data), sha256(data))
    digest = content_digest(lines, base, base)
    manifest = Manifest("2026.1.1", "2026-01-01T00:00:00Z", base, base, digest, len(lines), (member,))
    out = tmp_path_factory.mktemp("large")
    build._write(out, manifest, data)
    return open_release(out / manifest.version)


@pytest.fixture(scope="module")
def library(large: Release, engine: Engine) -> Site:
    return Site(large.folder.parent, large, engine, engine.settings)


def one_of(release: Release, engine: Engine) -> Site:
    return Site(release.folder.parent, release, engine, engine.settings)


# Labels and lists --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["release", "tiny"])
def test_a_thing_is_called_as_pages_call_it(name: str, request: pytest.FixtureRequest, engine: Engine) -> None:
    site = one_of(request.getfixturevalue(name), engine)
    subjects = {quad.subject for quad in site.store if isinstance(quad.subject, NamedNode)}
    hidden = 0
    for node in subjects:
        found = site.release.index.thing(node.value)
        hidden += found is None
        if found:
            label = terms.label(site, node)
            assert (found.label, found.language) == (label.value, label.language)
    assert 0 < hidden < len(subjects) / 2  # findings of the report and nodes without a name of their own


def in_order(site: Site, nodes: set[NamedNode]) -> list[NamedNode]:
    """By notation where that is a number, then by label: what the order of a list has always been."""

    def place(node: NamedNode) -> tuple[list[int], str, str]:
        notation = terms.text(site, node, NOTATION)
        number = re.fullmatch(r"\d{1,9}(\.\d{1,9})*", notation.value) if notation else None
        parts = [int(part) for part in number[0].split(".")] if number else []
        return (parts, terms.label(site, node).value.casefold(), node.value)

    return sorted(nodes, key=place)


@pytest.mark.parametrize("name", ["release", "tiny", "large"])
def test_every_list_has_its_members_in_order(name: str, request: pytest.FixtureRequest, engine: Engine) -> None:
    site = one_of(request.getfixturevalue(name), engine)
    assert sum(listing.count(site, segment) for segment in site.kinds) > 20
    segments = ("project", "unit", "initiative") if name == "large" else site.kinds
    for segment, kind in ((segment, site.kinds[segment]) for segment in segments):
        quads = site.store.quads_for_pattern(None, RDF_TYPE, kind.cls)
        prefix = f"{site.base}{segment}/"
        nodes = {q.subject for q in quads if isinstance(q.subject, NamedNode) and q.subject.value.startswith(prefix)}
        assert listing.members(site, segment, 0, 1_000_000) == tuple(in_order(site, nodes))
        assert listing.count(site, segment) == len(nodes)
    quads = site.store.quads_for_pattern(None, term("ug:hasPartner"), None)
    partners = {quad.object for quad in quads if isinstance(quad.object, NamedNode)}
    assert listing.members(site, "partner", 0, 1_000_000) == tuple(in_order(site, partners))


def test_the_first_and_the_last_page_of_a_long_list_are_right(library: Site) -> None:
    total = listing.count(library, "project")
    assert total > 30 * listing.PER_PAGE
    every = listing.members(library, "project", 0, total)
    last = ceil(total / listing.PER_PAGE)
    for number in (1, last):
        page = listing.listing(library, "project", number)
        shown = [NamedNode(item.thing.iri or "") for item in page.items]
        assert shown == list(every[(number - 1) * listing.PER_PAGE : number * listing.PER_PAGE])
        assert (page.count, page.pages) == (total, last)


def test_uses_are_counted_as_a_query_counts_them(site: Site) -> None:
    queries = (
        "SELECT ?t (COUNT(DISTINCT ?s) AS ?n) { ?s a ?t } GROUP BY ?t",
        "SELECT ?t (COUNT(*) AS ?n) { ?s ?t ?o } GROUP BY ?t",
    )
    for query in queries:
        for solution in site.store.query(query, use_default_graph_as_union=True):
            assert site.release.index.uses(solution["t"].value) == int(solution["n"].value)
    assert site.release.index.uses("https://example.org/none") == 0


# References --------------------------------------------------------------------------------------------------


def referring(site: Site) -> dict[NamedNode, dict[NamedNode, set[NamedNode]]]:
    """Who refers to each thing, by property, gone through quad by quad."""
    report, inferred = terms.report_graph(site), terms.inferred_graph(site)
    found: dict[NamedNode, dict[NamedNode, set[NamedNode]]] = {}
    ours = (term("ug:").value, term("skos:").value)
    for quad in site.store:
        subject, predicate, value = quad.subject, quad.predicate, quad.object
        if isinstance(subject, NamedNode) and isinstance(value, NamedNode) and subject != value:
            echo = quad.graph_name == inferred and not predicate.value.startswith(ours)
            if quad.graph_name != report and not echo:
                found.setdefault(value, {}).setdefault(predicate, set()).add(subject)
    return found


@pytest.mark.parametrize("name", ["release", "large"])
def test_references_are_counted_and_listed_by_label(name: str, request: pytest.FixtureRequest, engine: Engine) -> None:
    site = one_of(request.getfixturevalue(name), engine)
    by_object = referring(site)
    many = {node for node, by in by_object.items() if any(len(nodes) > write.MANY for nodes in by.values())}
    few = set([node for node in by_object if node not in many][:50])
    if name == "large":  # the very large ones take long to sort here
        many = {node for node in many if sum(map(len, by_object[node].values())) < 700} | {NamedNode(HUB)}
    assert len(many) > 5
    for node in many | few:
        counts = entity.reference_counts(site, node)
        assert counts == {predicate: len(nodes) for predicate, nodes in by_object[node].items()}
        assert bool(site.release.index.reference_counts(node.value)) == (node in many)
        for predicate, nodes in by_object[node].items():
            wanted = sorted(nodes, key=lambda one: (terms.label(site, one).value.casefold(), one.value))
            assert entity.references(site, node, predicate, 0, 60) == tuple(wanted[:60])
            assert entity.references(site, node, predicate, max(0, len(wanted) - 7), 20) == tuple(wanted[-7:])


def test_what_many_refer_to_is_shown_by_the_first_and_counted(library: Site) -> None:
    confirmed = library.iri("confidence", "confirmed")
    has = term("ug:confidence")
    total = entity.reference_counts(library, confirmed)[has]
    assert total == sum(1 for _ in library.store.quads_for_pattern(None, has, confirmed)) > entity.MAX_REFERENCES
    # nothing is said of it here, so it has no page; the hub has one
    hub = entity.page(library, entity.describe(library, NamedNode(HUB)))
    [partners] = [group for group in hub.references if group.property.iri == term("ug:hasPartner").value]
    assert (partners.count, len(partners.things)) == (PARTNERSHIPS, entity.SHOWN_REFERENCES)
    assert [thing.text for thing in partners.things] == sorted(thing.text for thing in partners.things)


def test_pages_of_statements_are_all_of_them_in_order(library: Site) -> None:
    quads = library.store.quads_for_pattern(None, term("ug:partner"), NamedNode(HUB))
    wanted = sorted(quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode))
    pages = [entity.describe(library, NamedNode(HUB), number) for number in (1, 2, 3)]
    assert [node.value for page in pages for node in page.statements] == wanted
    assert {(page.total, page.pages) for page in pages} == {(PARTNERSHIPS, 3)}
    with pytest.raises(entity.NotFound, match="the last one is 3"):
        entity.describe(library, NamedNode(HUB), 4)


def test_names_and_fragments_count_among_many_statements(tmp_path: Path) -> None:
    base, graph = "https://example.org/x/", "<https://example.org/x/graph/g>"
    thing, about = f"<{base}unit/a>", term("ug:standingOf")
    alt = term("skosxl:altLabel")
    quads = [f"<{base}standing/{n}> {about} {thing}" for n in range(write.LARGE)]
    quads += [f"{thing} {alt} <{base}name/1>", f"{thing} {alt} <{base}name/undescribed>", f"{thing} {alt} {thing}"]
    quads += [f'<{base}name/1> <{term("skosxl:literalForm").value}> "A"@en', f"{thing} <{base}p> <{base}unit/a#b>"]
    quads += [f'<{base}unit/a#b> <{base}p> "b"']
    write.write(tmp_path / "i", sorted(f"{quad} {graph} .".encode() for quad in quads), base)
    index = Index(tmp_path / "i")
    found = index.statements(f"{base}unit/a", 0, 1_000)
    assert found == tuple(sorted({f"{base}standing/{n}" for n in range(500)} | {f"{base}name/1", f"{base}unit/a#b"}))
    assert index.statement_count(f"{base}unit/a") == len(found)


def test_a_name_in_english_comes_before_a_preferred_label_in_another_language(tmp_path: Path) -> None:
    alt, form, label = (term(name) for name in ("skosxl:altLabel", "skosxl:literalForm", "skos:prefLabel"))
    thing, names = "<https://a.example/x>", [f"<https://a.example/{name}>" for name in "abc"]
    quads = [f'{thing} {label} "Biblioteca"@es', *(f"{thing} {alt} {name}" for name in names)]
    quads += [f'{names[0]} {form} "Bibliothèque"@fr', f'{names[1]} {form} "Library"@en', f'{names[2]} {form} "Lib"']
    write.write(
        tmp_path / "i", sorted(f"{quad} <https://a.example/g> .".encode() for quad in quads), "https://a.example/"
    )
    found = Index(tmp_path / "i").search("bibliotheque", None, 0, 5).things
    assert {(thing.label, thing.language) for thing in found} == {("Library", "en"), ("Bibliothèque", "fr")}


# What it costs -----------------------------------------------------------------------------------------------


def test_no_answer_reads_a_whole_table(large: Release) -> None:
    """SQLite says how it finds rows: by key, never by going through all of them."""
    index, asked = Index(large.folder / INDEX), list[str]()
    index._connection.set_trace_callback(asked.append)
    predicate = term("ug:hasPartner").value
    index.members("project", 3_000, 100)
    index.uses(predicate)
    index.reference_counts(HUB)
    assert len(index.references(HUB, predicate, 1_100, 50)) == 50
    index.statement_count(HUB)
    assert len(index.statements(HUB, 1_000, 500)) == 200
    assert index.thing(HUB)
    index.search("music health", "project", 20, 20)
    index.search("hub", None, 0, 20)
    index.suggest("mus", 8)
    index._connection.set_trace_callback(None)
    own = [query for query in asked if not query.startswith("--")]  # the others are FTS5's
    plans = [row[3] for query in own for row in index._connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    tables = {"words", "main.words_config", "place", "kind"}  # FTS5 has a way of its own; a line for each kind
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    assert len(plans) > 20 and scanned <= tables


def other_names(release: Release, iri: str) -> str:
    """The forms of the other names of a thing, in a row."""
    names = release.store.quads_for_pattern(NamedNode(iri), term("skosxl:altLabel"), None)
    forms = [release.store.quads_for_pattern(quad.object, term("skosxl:literalForm"), None) for quad in names]
    return " ".join(quad.object.value for found in forms for quad in found)


def test_of_very_many_matches_the_first_of_each_kind_are_ranked(large: Release) -> None:
    found = large.index.search("library", None, 0, 20)
    counts = dict(found.counts)
    assert counts["project"] == counts["output"] == 501
    assert found.reachable <= 500
    assert {thing.kind for thing in found.things} > {"direction", "organisation", "project", "story", "unit"}
    units = [thing for thing in found.things if thing.kind == "unit"]
    assert all("library" in thing.label or "library" in other_names(large, thing.iri) for thing in units)
    words = r"\blibrary\b"
    exact = sum(
        any(re.search(words, q.object.value) for q in large.store.quads_for_pattern(node, term("skos:prefLabel"), None))
        for node in map(NamedNode, large.index.members("organisation", 0, 10_000))
    )
    assert counts["organisation"] == exact


# The file ----------------------------------------------------------------------------------------------------


def test_the_same_quads_give_the_same_file(tmp_path: Path, tiny: Release) -> None:
    for name in ("a", "b"):
        write.write(tmp_path / name, tiny.lines(), tiny.base)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tiny.folder / INDEX).read_bytes()


def test_a_release_without_its_index_is_completed(tmp_path: Path, tiny: Release) -> None:
    shutil.copytree(tiny.folder.parent, tmp_path / "out")
    folder = tmp_path / "out" / tiny.version
    for damage in ("missing", "older", "garbage"):
        path = folder / INDEX
        if damage == "missing":
            path.unlink()
        elif damage == "older":
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(f"PRAGMA user_version={write.VERSION - 1}")
        else:
            path.write_bytes(b"garbage" * 1_000)
        release = open_release(folder)
        assert not release.complete and not usable(path)
        with pytest.raises(ReleaseError, match="verify --repair"):
            _ = release.index
        assert build.use(tmp_path / "out", tiny.version).index.counts == tiny.index.counts


def test_verify_tells_an_index_that_says_something_else(tmp_path: Path, tiny: Release) -> None:
    shutil.copytree(tiny.folder.parent, tmp_path / "out")
    release = open_release(tmp_path / "out" / tiny.version)
    assert not list(release.problems())
    with closing(sqlite3.connect(release.folder / INDEX, isolation_level=None)) as connection:
        connection.execute("UPDATE thing SET label = 'Other' WHERE kind = 'unit'")
    assert [problem.partition(":")[0] for problem in open_release(release.folder).problems()] == [INDEX]
    build.rebuild(open_release(release.folder))
    assert not list(open_release(release.folder).problems())


def test_a_withdrawn_thing_is_found_no_more(tmp_path: Path, tiny: Release) -> None:
    shutil.copytree(tiny.folder.parent, tmp_path / "out")
    iri = tiny.index.members("project", 0, 1)[0]
    build.withdraw(tmp_path / "out", iri, "why", "2026-03-01T00:00:00Z")
    now = open_release(tmp_path / "out" / tiny.version).index
    assert now.thing(iri) is None and tiny.index.thing(iri) is not None
    assert now.counts["project"] == tiny.index.counts["project"] - 1


def test_an_unchanged_build_makes_an_index_again_and_pruning_takes_it_away(tmp_path: Path) -> None:
    judged = build.judge(ROOT / "tests" / "tiny")
    old = build.build(judged, tmp_path, version="2026.01.1")
    (old.folder / INDEX).unlink()
    assert build.build(judged, tmp_path, version="2026.01.1").index.counts["unit"] > 1
    new = build.build(judged, tmp_path, version="2026.01.2", issued="2026-02-02")
    build.prune(tmp_path, keep=1)
    assert not (old.folder / INDEX).exists() and (new.folder / INDEX).exists()


def test_files_as_they_are_have_an_index_too(tmp_path: Path, tiny: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf, "SORTED_LINES", 100)  # so that several sorted parts are merged
    path = tmp_path / "all.nq"
    path.write_bytes(b"".join(reversed([line + b"\n" for line in tiny.lines()])))
    release = rdf.publish(rdf.files([str(path)]), tmp_path / "out", tiny.base, print)
    assert release.index.counts == tiny.index.counts
    for kind in tiny.index.counts:
        assert release.index.members(kind, 0, 100) == tiny.index.members(kind, 0, 100)
    assert [path.name for path in release.folder.iterdir() if path.name.startswith((".", "tmp"))] == []


def test_blank_nodes_quoted_triples_and_default_graphs_do_not_confuse_it(tmp_path: Path) -> None:
    base = "https://example.org/"
    lines = [
        b'<https://example.org/a> <http://www.w3.org/2000/01/rdf-schema#label> "a <b> _:c"@en .',
        b'<https://example.org/a> <https://example.org/p> "x <y"^^<https://example.org/dt> .',
        b"<https://example.org/a> <https://example.org/p> <<( _:a <https://example.org/q> _:b )>> .",
        b"<https://example.org/a> <https://example.org/p> _:b _:g .",
        b'<https://example.org/b> <http://www.w3.org/2000/01/rdf-schema#label> "line\\nbreak \\"\\u00e9\\""@fr--ltr .',
        b'_:b <http://www.w3.org/2000/01/rdf-schema#label> "blank"@en <https://example.org/g> .',
    ]
    write.write(tmp_path / "i", sorted(lines), base)
    index = Index(tmp_path / "i")
    assert [index.thing(f"{base}{name}") and index.thing(f"{base}{name}").label for name in "ab"] == [
        "a <b> _:c",
        'line\nbreak "é"',
    ]
    assert index.uses("http://www.w3.org/2000/01/rdf-schema#label") == 3
    assert not index.search("blank", None, 0, 10).things


# Words -------------------------------------------------------------------------------------------------------


WORDS = {
    "cafe": ("Café de la Bibliothèque", "fr"),
    "lodz": ("Łódź, Bærum, Ærø, Straße", "pl"),
    "arabic": ("الْمَكْتَبَةُ الوطنيّة وَالأرشيف", "ar"),
    "chinese": ("国际图书馆协会和机构联合会", "zh-hans"),
    "japanese": ("国立国会図書館", "ja"),
    "korean": ("국립중앙도서관", "ko"),
    "russian": ("Ёлка и мир", "ru"),
    "greek": ("Βιβλιοθήκη", "el"),
    "digits": ("Année ٢٠٢٠", "fr"),
    "wide": ("\uff29\uff26\uff2c\uff21 \ufb01les", "en"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Labels in many scripts."""
    path = tmp_path_factory.mktemp("words") / "i"
    label = term("skos:prefLabel")
    quads = [f"<https://example.org/{n}> {label} {Literal(t, language=tag)}" for n, (t, tag) in WORDS.items()]
    write.write(path, sorted(f"{quad} <https://example.org/g> .".encode() for quad in quads), "https://example.org/")
    return Index(path)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("cafe bibliotheque", "cafe"),
        ("CAFÉ", "cafe"),
        ("Cafe\u0301", "cafe"),
        ("lodz", "lodz"),
        ("baerum aero strasse", "lodz"),
        ("المكتبة", "arabic"),
        ("مكتبه وطنية", "arabic"),
        ("الأرشيف", "arabic"),
        ("图书馆", "chinese"),
        ("协会和机构", "chinese"),
        ("国会図書館", "japanese"),
        ("도서관", "korean"),
        ("елка", "russian"),
        ("МИР", "russian"),
        ("βιβλιοθηκη", "greek"),
        ("annee 2020", "digits"),
        ("ifla files", "wide"),
        ("bibliotheq", "cafe"),
        ("biblio caf", "cafe"),
        ("café zzz", "cafe"),
        ("digits", "digits"),
    ],
)
def test_a_thing_is_found_however_its_words_are_written(world: Index, query: str, name: str) -> None:
    assert [thing.iri for thing in world.search(query, None, 0, 10).things] == [f"https://example.org/{name}"]


def test_characters_in_another_order_are_not_the_same_word(world: Index) -> None:
    found = world.search("馆书图", None, 0, 10)
    assert not found.things and found.how is How.SOME


@pytest.mark.parametrize(("text", "tag"), WORDS.values())
def test_marked_pieces_are_the_text(text: str, tag: str) -> None:
    for phrases in (fold.phrases(text), fold.phrases(text)[-1:], ()):
        pieces = fold.marked(text, phrases, beginnings=True)
        assert "".join(piece for piece, _ in pieces) == text
        assert any(hit for _, hit in pieces) == any(phrases)


def test_things_that_others_refer_to_come_first(large: Release) -> None:
    referred = Counter(q.object for q in large.store.quads_for_pattern(None, term("ug:statedIn"), None))
    found = large.index.search("page report", "source", 0, 500).things
    assert [referred[NamedNode(thing.iri)] for thing in found[:3]] == sorted(referred.values(), reverse=True)[:3]
