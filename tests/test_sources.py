"""Reading sources: one graph a file, faults with their lines, literals that a release can hold."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from conftest import ROOT
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse, serialize

from unitgraph import sources
from unitgraph.errors import SourceError, UsageError
from unitgraph.sources import SourceFile, Sources

TINY = ROOT / "tests" / "tiny"
BASE = "https://example.org/tiny/"
UNIT = BASE + "unit/"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREF_LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"


@pytest.fixture(scope="module")
def tiny() -> Sources:
    return sources.read(TINY)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tiny world in a folder that a test may change."""
    shutil.copytree(TINY / "data", tmp_path / "data")
    for name in ("ontology", "shapes"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def write(root: Path, path: str, text: str | bytes) -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode() if isinstance(text, str) else text)
    return target


def faults(root: Path, path: str, text: str | bytes) -> list[str]:
    """What is wrong with one file, as lines."""
    return [str(fault) for fault in sources.read_file(write(root, path, text), path)[1]]


# Folders and files -------------------------------------------------------------------------------------------


def test_the_tiny_world_is_read_without_a_fault(tiny: Sources) -> None:
    assert tiny.faults == ()
    assert tiny.base == BASE
    assert {file.path.split("/")[0] for file in tiny.files} == {"data", "ontology", "shapes"}


def test_a_folder_of_sources_may_be_a_link(tiny: Sources) -> None:
    assert (TINY / "ontology").is_symlink()
    assert "ontology/unit.ttl" in [file.path for file in tiny.files]


def test_every_file_is_a_graph_with_the_name_of_its_path(tiny: Sources) -> None:
    graphs = {quad.graph_name.value for quad in tiny.quads("data")}
    expected = {f"{BASE}graph/{path.relative_to(TINY).with_suffix('')}" for path in (TINY / "data").rglob("*.ttl")}
    assert graphs == expected


def test_quads_of_some_folders_are_those_and_no_others(tiny: Sources) -> None:
    count = {name: len(list(tiny.quads(name))) for name in sources.FOLDERS}
    assert len(list(tiny.quads())) == sum(count.values()) == len(list(tiny.quads(*sources.FOLDERS)))


def test_examples_queries_notes_and_hidden_files_are_no_sources(copy: Path, tiny: Sources) -> None:
    for name in (
        "notes.md",
        "query.rq",
        "notes.txt",
        ".hidden.ttl",
        "_draft.ttl",
        "old.ttl~",
        ".git/x.ttl",
        "_x/y.ttl",
    ):
        write(copy, f"data/{name}", "no source at all")
    assert [file.path for file in sources.read(copy).files] == [file.path for file in tiny.files]
    assert not any("examples" in file.path for file in tiny.files)


def test_a_folder_without_its_parts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match="no ontology/, no shapes/"):
        sources.find_root(tmp_path)
    assert sources.find_root(TINY) == TINY


def test_the_graph_that_came_with_the_package_is_a_folder_of_sources() -> None:
    assert sources.find_root(sources.packaged_root()) == ROOT


def test_the_base_is_read_without_the_rest(copy: Path) -> None:
    write(copy, "data/unit/broken.ttl", "no Turtle")
    assert sources.read_base(copy) == BASE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "data/catalog.ttl:1: missing"),
        ("<urn:a> <urn:b> <urn:c> .", "data/catalog.ttl:1: states no void:uriSpace"),
        ("\n<urn:a> <urn:b>", "data/catalog.ttl:2: "),
    ],
)
def test_a_base_that_cannot_be_read_is_a_fault(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        write(tmp_path, "data/catalog.ttl", text)
    with pytest.raises(SourceError, match=f"^{message}"):
        sources.read_base(tmp_path)


@pytest.mark.parametrize(
    "base",
    ["https://example.org/tiny", "example.org/", "https://example.org/a b/", "urn:tiny:", "https://example.org/#"],
)
def test_a_base_that_is_no_folder_of_the_web_is_one_fault_and_no_more(copy: Path, base: str) -> None:
    path = copy / "data" / "catalog.ttl"
    path.write_text(path.read_text("utf-8").replace(f'"{BASE}"', f'"{base}"'), "utf-8")
    [fault] = sources.read(copy).faults
    line = next(n for n, row in enumerate(path.read_text("utf-8").splitlines(), 1) if "uriSpace" in row)
    assert str(fault).startswith(f"data/catalog.ttl:{line}: state the base of the data set")


def test_a_link_that_leads_nowhere_is_a_fault(copy: Path) -> None:
    (copy / "data" / "unit" / "gone.ttl").symlink_to("nowhere.ttl")
    assert [str(fault) for fault in sources.read(copy).faults] == [
        "data/unit/gone.ttl:1: cannot be read (No such file or directory); mend or delete it"
    ]


def test_a_file_that_is_too_large_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 1 << 20)
    text = "#" * (1 << 20) + "\n"
    assert faults(tmp_path, "data/unit/large.ttl", text) == ["data/unit/large.ttl:1: larger than 1 MiB; split it"]


@pytest.mark.parametrize("suffix", sources.FORMATS)
def test_every_format_says_the_same(tmp_path: Path, suffix: str) -> None:
    quad = Quad(NamedNode(UNIT + "x"), NamedNode(PREF_LABEL), Literal("Café", language="en"))
    data = serialize([quad], format=sources.FORMATS[suffix])
    assert data is not None
    file, found = sources.read_file(write(tmp_path, f"data/unit/x{suffix}", data), f"data/unit/x{suffix}")
    assert found == []
    assert file is not None
    assert file.quads == (quad,)
    assert file.name == "data/unit/x"


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    assert faults(tmp_path, "data/unit/x.TTL", "<urn:a> <urn:b> <urn:c> .") == []


def test_files_are_read_in_the_order_of_their_paths(tiny: Sources) -> None:
    paths = [Path(file.path) for file in tiny.files]
    assert paths == [path for name in sources.FOLDERS for path in sorted(paths) if path.parts[0] == name]


def test_reading_asks_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/context.jsonld"
        texts = [
            f'{{"@context": "{address}", "@id": "urn:a", "b": "c"}}',
            f'{{"@context": ["{address}"], "@id": "urn:a", "b": "c"}}',
            f'{{"@context": {{"@version": 1.1, "@import": "{address}"}}, "@id": "urn:a", "b": "c"}}',
            f'{{"@id": "urn:a", "urn:b": {{"@context": "{address}", "@id": "urn:c"}}}}',
        ]
        for text in texts:
            [fault] = faults(tmp_path, "data/x.jsonld", text)
            assert "a remote JSON-LD context is not fetched" in fault
        for text in (f"@base <{address}> .\n<a> <b> <c> .", f"<{address}> <urn:b> <{address}> ."):
            assert faults(tmp_path, "data/x.ttl", text) == []
        with pytest.raises(BlockingIOError):
            server.accept()


def test_json_nested_without_end_is_a_fault(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, "data/x.jsonld", '{"urn:a":' * 20_000)
    assert fault.startswith("data/x.jsonld:1: ")


# Lines of findings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "predicate", "value", "path", "row"),
    [
        (UNIT + "maps", None, None, "data/unit/maps.ttl", "unit:maps a ug:Unit"),
        (UNIT + "maps", PREF_LABEL, "Maps and Globes Section", "data/unit/maps.ttl", "skos:prefLabel"),
        (BASE + "standing/maps-section", None, None, "data/unit/maps.ttl", "standing:maps-section a"),
        (BASE + "form/catalogue", PREF_LABEL, "Catalogue", "data/schemes/form.ttl", '"Catalogue"@en'),
        ("https://w3id.org/unitgraph/shapes#Unit-unitOf", None, None, "shapes/unit.ttl", "ugs:Unit-unitOf a"),
        ("https://harbour.example/id/library", None, None, "data/organisation/harbour-library.ttl", "skos:exactMatch"),
    ],
)
def test_a_finding_is_located(
    tiny: Sources, subject: str, predicate: str | None, value: str | None, path: str, row: str
) -> None:
    found, line = tiny.locate(subject, predicate, value)
    assert found == path
    assert row in (TINY / path).read_text("utf-8").splitlines()[line - 1]


def test_what_is_nowhere_is_located_at_the_catalogue(tiny: Sources) -> None:
    assert tiny.locate("urn:nowhere") == ("data/catalog.ttl", 1)


# Blank nodes, names, graphs --------------------------------------------------------------------------------------


def test_blank_nodes_of_shapes_have_names_that_depend_on_their_content_alone(tmp_path: Path) -> None:
    head = "@prefix sh: <http://www.w3.org/ns/shacl#> .\n"
    shape = head + "<urn:s> sh:path [ sh:inversePath <urn:p> ] ; sh:or ( <urn:a> <urn:b> ) .\n"
    other = head + "_:x sh:inversePath <urn:p> .\n<urn:s> sh:path _:x ; sh:or ( <urn:a> <urn:b> ) .\n"
    read = [
        sources.read_file(write(tmp_path, f"shapes/{n}/a.ttl", text), "shapes/a.ttl")[0]
        for n, text in enumerate((shape, other))
    ]
    one, two = (sources._skolemised(file) for file in read if file)
    assert set(one.quads) == set(two.quads)
    assert all(isinstance(node, NamedNode) for quad in one.quads for node in (quad.subject, quad.object))


def test_two_files_that_would_be_one_graph_are_a_fault(copy: Path) -> None:
    write(copy, "data/unit/maps.nt", f'<{UNIT}maps> <{PREF_LABEL}> "x"@de .\n')
    assert [str(fault) for fault in sources.read(copy).faults] == [
        "data/unit/maps.ttl:1: this and data/unit/maps.nt would be one graph; merge or rename them"
    ]


@pytest.mark.parametrize(
    ("local", "good"),
    [
        ("unit/maps", True),
        ("award-grant/bright-shelf-2025-maps", True),
        ("unit/7", True),
        ("dataset", True),
        ("dataset#publisher", True),
        ("", True),
        ("unit/Maps", False),
        ("unit/maps.html", False),
        ("unit/maps_1", False),
        ("unit/maps/old", False),
        ("unit/", False),
        ("unit", False),
        ("unit/maps#it", False),
        ("unit/maps?x=1", False),
        ("unit/caf%C3%A9", False),
        ("unit/café", False),
    ],
)
def test_an_iri_under_the_base_is_a_kind_and_a_slug(local: str, good: bool) -> None:
    text = f"\n<{BASE}{local}> <urn:b> <urn:c> .\n"
    file = SourceFile("data/unit/x.ttl", text, tuple(parse(text, format=RdfFormat.TURTLE)))
    found = list(sources._slug_faults(Sources(ROOT, BASE, (file,), ())))
    assert [(fault.path, fault.line) for fault in found] == ([] if good else [("data/unit/x.ttl", 2)])


# Literals --------------------------------------------------------------------------------------------------------

GOOD = [
    '"Maps"@en', '"خرائط"@ar', '"地圖"@zh-hant', '"地图"@zh-hans', '"Karten"@de-at', '"x"@mul', '"x"@und', '"Maps"',
    '""@en', '"Tab\\tand\\nline"@en', '"🗺"@en', '"a.b"',
    "5", "0", "-7", "1.5", "true", "false", '"2021"^^xsd:gYear', '"2021-04"^^xsd:gYearMonth', '"2021-04-22"^^xsd:date',
    '"2020-02-29"^^xsd:date', '"2000-02-29"^^xsd:date', '"--10-20"^^xsd:gMonthDay', '"--02-29"^^xsd:gMonthDay',
    '"2021-04-22T10:00:00Z"^^xsd:dateTime', '"https://lantern.example/"^^xsd:anyURI', '"x"^^<urn:own-type>',
]  # fmt: skip
BAD = [
    ('"01"^^xsd:integer', 'would be stored as "1"'),
    ('"+5"^^xsd:integer', 'would be stored as "5"'),
    ('"-0"^^xsd:integer', 'would be stored as "0"'),
    ('"5.0"^^xsd:integer', "is no xsd:integer"),
    ('""^^xsd:integer', "is no xsd:integer"),
    ('"-1"^^xsd:nonNegativeInteger', "is no xsd:nonNegativeInteger"),
    ("1.0", 'would be stored as "1"'),
    ("1e0", 'would be stored as "1"'),
    ('"1,5"^^xsd:decimal', "is no xsd:decimal"),
    ('"1"^^xsd:boolean', "is no xsd:boolean"),
    ('"yes"^^xsd:boolean', "is no xsd:boolean"),
    ('"TRUE"^^xsd:boolean', "is no xsd:boolean"),
    ('"2021-13-01"^^xsd:date', "is no xsd:date"),
    ('"2021-02-29"^^xsd:date', "is no xsd:date"),
    ('"1900-02-29"^^xsd:date', "is no xsd:date"),
    ('"2021-04-31"^^xsd:date', "is no xsd:date"),
    ('"2021-04-22T10:00:00Z"^^xsd:date', "is no xsd:date"),
    ('"0000-01-01"^^xsd:dateTime', "is no xsd:dateTime"),
    ('"2021-04-22T24:00:00Z"^^xsd:dateTime', "is no xsd:dateTime"),
    ('"2021-04-22T10:00:00+15:00"^^xsd:dateTime', "is no xsd:dateTime"),
    ('"2021-02-30T10:00:00Z"^^xsd:dateTime', "is no xsd:dateTime"),
    ('"21"^^xsd:gYear', "is no xsd:gYear"),
    ('"2021-00"^^xsd:gYearMonth', "is no xsd:gYearMonth"),
    ('"--02-30"^^xsd:gMonthDay', "is no xsd:gMonthDay"),
    ('"a b"^^xsd:anyURI', "is no xsd:anyURI"),
    ('"5"^^xsd:int', "xsd:int is not used in this data set"),
    ('"5"^^xsd:wholeNumber', "xsd:wholeNumber is not used in this data set"),
    ('"x"@deutsch', "@deutsch is no language tag of BCP 47"),
    ('"x"@xx-notreal', "is no language tag of BCP 47"),
    ('"x"@eng', "write @en"),
    ('"x"@ger', "write @de"),
    ('"x"@ar--rtl', "--rtl is not read by every tool; write @ar alone"),
    ('"Cafe\u0301"@en', "is not in Unicode normal form C"),
    ('"bell\\u0007"@en', "control character U+0007"),
    ('"null\\u0000"', "control character U+0000"),
    ('"' + "x" * 20_001 + '"', "a literal of 20,001 characters; the limit is 20,000"),
]  # fmt: skip


def document(literal: str) -> str:
    return f"@prefix xsd: <{XSD}> .\n\n<urn:s>\n    <urn:p>\n    {literal} .\n"


@pytest.mark.parametrize("literal", GOOD)
def test_a_literal_that_a_release_holds_unchanged_is_accepted(tmp_path: Path, literal: str) -> None:
    assert faults(tmp_path, "data/x.ttl", document(literal)) == []
    [quad] = parse(document(literal), format=RdfFormat.TURTLE)
    store = Store()
    store.add(quad)
    assert [stored.object for stored in store] == [quad.object]


@pytest.mark.parametrize(("literal", "message"), BAD, ids=[literal[:40] for literal, _ in BAD])
def test_a_literal_that_a_release_cannot_hold_is_a_fault_on_its_line(
    tmp_path: Path, literal: str, message: str
) -> None:
    [fault] = faults(tmp_path, "data/x.ttl", document(literal))
    assert fault.startswith("data/x.ttl:5: ")
    assert message in fault


def test_every_form_that_is_offered_for_a_literal_is_accepted_in_turn(tmp_path: Path) -> None:
    for literal, message in BAD:
        if "would be stored as" in message:
            [fault] = faults(tmp_path, "data/x.ttl", document(literal))
            offered = fault.split("would be stored as ")[1].split(";")[0]
            [quad] = parse(document(literal), format=RdfFormat.TURTLE)
            assert isinstance(quad.object, Literal)
            assert faults(tmp_path, "data/x.ttl", document(f"{offered}^^<{quad.object.datatype.value}>")) == []


def test_the_same_faulty_literal_is_named_once_a_file(tmp_path: Path) -> None:
    text = '<urn:a> <urn:p> "x"@eng .\n<urn:b> <urn:p> "x"@eng .\n<urn:b> <urn:p> "y"@eng .\n'
    assert [fault.split(": ")[0] for fault in faults(tmp_path, "data/x.ttl", text)] == ["data/x.ttl:1", "data/x.ttl:3"]
