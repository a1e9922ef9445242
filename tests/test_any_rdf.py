"""Any RDF files are published as they are, or the fault is named; the pages hold for whatever they say."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import asgi
import pyoxigraph
import pytest
from conftest import ROOT, SHARED
from pyoxigraph import BlankNode, NamedNode, RdfFormat
from test_serve import Running, serving
from werkzeug.test import Client

from unitgraph import rdf
from unitgraph.engine import Engine
from unitgraph.errors import Refused, ReleaseError, SourceError, UsageError
from unitgraph.release import Release, open_release
from unitgraph.site import Publication
from unitgraph.web import create_app

BASE = "http://localhost/"
SUITES = SHARED / "suites"
needs_suites = pytest.mark.skipif(not SUITES.is_dir(), reason="../shared/suites is not here")

RDF_XML = (
    '<?xml version="1.0"?>\n{doctype}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:e="http://e.example/">\n<rdf:Description rdf:about="http://e.example/a">\n{inside}</rdf:Description>\n</rdf:RDF>\n'
)
STATEMENT = "<http://e.example/a> <http://e.example/p> <http://e.example/b> .\n"
#: The same statement in each format.
GOOD = {
    "a.ttl": "@prefix e: <http://e.example/> .\ne:a e:p e:b .\n",
    "a.n3": STATEMENT,
    "a.nt": STATEMENT,
    "a.nq": STATEMENT,
    "a.trig": STATEMENT,
    "a.jsonld": '{"@id": "http://e.example/a", "http://e.example/p": {"@id": "http://e.example/b"}}',
    "a.json": '[{"@id": "http://e.example/a", "http://e.example/p": {"@id": "http://e.example/b"}}]',
    "a.rdf": RDF_XML.format(doctype="", inside='<e:p rdf:resource="http://e.example/b"/>'),
    "a.XML": RDF_XML.format(doctype="", inside='<e:p rdf:resource="http://e.example/b"/>'),
    "a.owl": RDF_XML.format(
        doctype='<!DOCTYPE rdf:RDF [<!ENTITY e "http://e.example/">]>', inside='<e:p rdf:resource="&e;b"/>'
    ),
}
BOMB = '<!DOCTYPE rdf:RDF [\n<!ENTITY a "aaaaaaaaaa">\n<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">\n]>\n'
#: A file with a fault, the line and column at which it is told, and a part of what is told.
BAD = (
    ("a.ttl", "@prefix e: <http://e.example/> .\ne:a e:p e:b ;\n  e:q [ .\n", 3, 9, ""),
    ("a.nt", STATEMENT + '<http://e.example/a> <http://e.example/p> "x .\n', 2, 43, ""),
    ("a.nt", STATEMENT + STATEMENT[:-3], 2, None, "dot"),
    ("a.nq", STATEMENT + "<http://e.example/a> <p> <http://e.example/b> .\n", 2, 22, "IRI"),
    ("a.trig", "<http://e.example/g> {\n<http://e.example/a> <http://e.example/p> 1 .\n", 3, 1, ""),
    ("a.json", '{"@id": "http://e.example/a",\n "http://e.example/p": }', 2, 24, ""),
    ("a.jsonld", '{"@id": 3,\n "http://e.example/p": 1}', 2, 25, "@id"),
    ("a.jsonld", '{\n"@context": "https://e.example/context.jsonld"}', 2, None, "context"),
    ("a.jsonld", "[" * 500 + "]" * 500, 1, None, "deep"),
    ("a.rdf", RDF_XML.format(doctype="", inside="<e:p>x</e:p>\n").partition("</rdf:Desc")[0], 5, 1, "complete"),
    ("a.xml", RDF_XML.format(doctype="", inside="<e:p>x</e:q>\n"), 4, 9, "mismatched tag"),
    ("a.owl", RDF_XML.format(doctype="", inside='<e:p rdf:ID="a b">x</e:p>'), 4, 18, "rdf:ID"),
    ("a.rdf", RDF_XML.format(doctype=BOMB, inside="<e:p>&b;</e:p>"), 4, None, "entity 'b'"),
    (
        "a.rdf",
        RDF_XML.format(doctype='<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>', inside=""),
        2,
        None,
        "'f'",
    ),
    ("a.rdf", RDF_XML.format(doctype="", inside="").replace('"1.0"', '"1.0" encoding="ISO-8859-1"'), 1, 1, "iconv"),
    ("a.ttl", b'<http://e.example/a> <http://e.example/p> "\xff" .\n', 1, None, "UTF-8"),
)


def publish(folder: Path, *paths: Path, base: str = BASE) -> Release:
    """A release of files; a fault is raised."""
    told: list[SourceError] = []
    try:
        return rdf.publish(rdf.files([str(path) for path in paths]), folder / "out", base, told.append)
    except Refused:
        raise told[0] from None


def written(folder: Path, files: dict[str, str | bytes]) -> list[Path]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return [folder / name for name in files]


def graphs(release: Release) -> set[str]:
    return {str(name.value) for name in release.store.named_graphs()}


def client(release: Release, engine: Engine) -> Client:
    return asgi.client(create_app(Publication(release.folder.parent, engine, engine.settings)))


# Files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_every_format_is_read_by_its_suffix(tmp_path: Path, name: str, packed: bool) -> None:
    file = f"{name}.gz" if packed else name
    data = GOOD[name].encode()
    release = publish(tmp_path, *written(tmp_path, {file: gzip.compress(data) if packed else data}))
    quads = [(q.subject.value, q.object.value, q.graph_name.value) for q in release.store]
    assert quads == [("http://e.example/a", "http://e.example/b", f"{BASE}graph/{file}")]


@pytest.mark.parametrize(("name", "text", "line", "column", "part"), BAD, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_fault_is_told_with_file_line_and_column(
    tmp_path: Path, name: str, text: str | bytes, line: int, column: int | None, part: str, packed: bool
) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    [path] = written(tmp_path, {f"{name}.gz" if packed else name: gzip.compress(data) if packed else data})
    with pytest.raises(SourceError) as caught:
        publish(tmp_path, path)
    fault = caught.value
    assert (fault.path, fault.line) == (str(path), line)
    assert column is None or fault.column == column
    assert part in fault.message
    assert str(fault).startswith(f"{path}:{line}:")
    assert not (tmp_path / "out" / "CURRENT").exists()


def test_a_fault_far_inside_a_large_file_is_found(tmp_path: Path) -> None:
    filler = "<e:p>x</e:p>\n" * 20_000
    text = RDF_XML.format(doctype="", inside=filler + '<e:p rdf:ID="a b">x</e:p>' + filler)
    with pytest.raises(SourceError) as caught:
        publish(tmp_path, *written(tmp_path, {"a.rdf": text}))
    assert (caught.value.line, caught.value.column) == (20_004, 18)


def test_a_damaged_compressed_file_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(STATEMENT.encode() * 50)
    for data in (whole[:-12], b"no gzip", whole[:20] + b"\xff" * 20 + whole[40:]):
        with pytest.raises(SourceError, match=r"a\.nt\.gz:1: the compressed file is damaged"):
            publish(tmp_path, *written(tmp_path, {"a.nt.gz": data}))


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    paths = written(tmp_path, {"a.nt": "<a", "b.ttl": GOOD["a.ttl"], "c.rdf": "<a"})
    told: list[SourceError] = []
    with pytest.raises(Refused, match="2 faults"):
        rdf.publish(rdf.files([str(p) for p in paths]), tmp_path / "out", BASE, told.append)
    assert [Path(fault.path).name for fault in told] == ["a.nt", "c.rdf"]


def test_what_is_no_file_of_rdf_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for name, part in (("a.txt", "ends in none of"), ("none.ttl", "does not exist"), (".", "is a folder")):
        with pytest.raises(UsageError, match=part):
            rdf.files([str(tmp_path / name)])


def test_an_empty_file_and_a_byte_order_mark_are_no_faults(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    files = {"a.ttl": "", "b.nq": "", "c.ttl": mark + GOOD["a.ttl"].encode(), "d.rdf": mark + GOOD["a.rdf"].encode()}
    assert graphs(publish(tmp_path, *written(tmp_path, files))) == {f"{BASE}graph/c.ttl", f"{BASE}graph/d.rdf"}


# Graphs and blank nodes ----------------------------------------------------------------------------


def test_files_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    paths = written(tmp_path, {f"x/{name}": STATEMENT for name in ("one/a.ttl", "two/a.ttl", "two/b.ttl", "a.ttl.txt")})
    release = publish(tmp_path, *paths[:3], paths[0])
    assert graphs(release) == {f"{BASE}graph/one/a.ttl", f"{BASE}graph/two/a.ttl", f"{BASE}graph/b.ttl"}


def test_a_graph_may_have_any_name_and_keeps_it(tmp_path: Path) -> None:
    names = ["urn:x-test:1", "http://elsewhere.example/g?a=b#c", "https://w3id.org/unitgraph/ns", "tag:é"]
    text = "".join(f"<urn:s> <urn:p> <urn:o> <{name}> .\n" for name in names)
    trig = "<urn:s> <urn:p> 1 . <urn:g> { <urn:s> <urn:p> 2 } _:g { <urn:s> <urn:p> 3 }"
    release = publish(tmp_path, *written(tmp_path, {"a.nq": text, "b.trig": trig}))
    blank = [name for name in release.store.named_graphs() if isinstance(name, BlankNode)]
    assert graphs(release) - {name.value for name in blank} == {*names, "urn:g", f"{BASE}graph/b.trig"}
    assert len(blank) == 1


def test_a_file_name_with_strange_characters_names_a_graph_that_answers(tmp_path: Path, engine: Engine) -> None:
    names = ["a b.ttl", "100%.ttl", "Köln.ttl", "what?.ttl", "a#b.ttl", "(1) [2] {3}.ttl", "a'b&c;d=e,f.ttl"]
    release = publish(tmp_path, *written(tmp_path, dict.fromkeys(names, STATEMENT)))
    page = client(release, engine)
    assert len(graphs(release)) == len(names)
    for name in names:
        answer = page.get(f"/graph/{quote(name)}", headers={"Accept": "application/n-triples"})
        assert (answer.status_code, answer.get_data(as_text=True)) == (200, STATEMENT)


def test_relative_iris_are_resolved_against_the_graph(tmp_path: Path) -> None:
    release = publish(tmp_path, *written(tmp_path, {"a.ttl": "<> <#p> <b> ."}))
    [quad] = release.store
    graph = f"{BASE}graph/a.ttl"
    assert [quad.subject.value, quad.predicate.value, quad.object.value] == [graph, f"{graph}#p", f"{BASE}graph/b"]


def test_blank_nodes_stay_blank_and_those_of_two_files_differ(tmp_path: Path, engine: Engine) -> None:
    paths = written(tmp_path, {"a.nt": "_:x <urn:p> _:x .\n", "b.nt": "_:x <urn:p> _:x .\n"})
    page = client(publish(tmp_path, *paths), engine)
    query = urlencode({"query": "SELECT DISTINCT ?s { ?s <urn:p> ?s FILTER isBlank(?s) }"})
    answer = page.get(f"/sparql?{query}", headers={"Accept": "application/sparql-results+json"}).json
    found = [row["s"] for row in answer["results"]["bindings"]]
    assert [node["type"] for node in found] == ["bnode", "bnode"]
    assert found[0]["value"] != found[1]["value"]


# The release ---------------------------------------------------------------------------------------


def test_unchanged_files_are_not_loaded_again(tmp_path: Path) -> None:
    [path] = written(tmp_path, {"a.nt": STATEMENT})
    loaded: list[str] = []
    for wanted in (1, 1, 2):
        if wanted == 2:
            path.write_text(STATEMENT + STATEMENT.replace("/b", "/c"))
        release = rdf.publish(rdf.files([str(path)]), tmp_path / "out", BASE, print, loaded.append)
        assert len(loaded) == wanted
    assert release.manifest.quads == 2
    assert open_release(release.folder).digest == release.digest


def test_a_fault_leaves_the_release_before_current(tmp_path: Path) -> None:
    [path] = written(tmp_path, {"a.nt": STATEMENT})
    before = publish(tmp_path, path)
    path.write_text("<a")
    with pytest.raises(SourceError):
        publish(tmp_path, path)
    assert (tmp_path / "out" / "CURRENT").read_text().strip() == before.version
    assert not list((tmp_path / "out").glob(".building*/manifest.json"))


def test_a_release_of_files_says_that_it_has_no_canonical_data(tmp_path: Path) -> None:
    release = publish(tmp_path, *written(tmp_path, {"a.nt": STATEMENT}))
    for ask in (release.lines, release.sound_data, lambda: list(release.problems())):
        with pytest.raises(ReleaseError, match="of files as they are"):
            ask()


def test_reading_files_needs_neither_rdflib_nor_pyshacl() -> None:
    text = "import sys, unitgraph.rdf; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert not {"rdflib", "pyshacl"} & set(done.stdout.split())


# Pages ---------------------------------------------------------------------------------------------

EVERY = ("/", "/graph", "/graph.csv", "/ns", "/ns.ttl", "/shapes", "/shapes.rdf", "/report", "/report.ttl", "/query")
EVERY += (
    "/query.ttl",
    "/unit",
    "/unit.csv",
    "/partner",
    "/dataset",
    "/sparql",
    "/health",
    "/robots.txt",
    "/query/none",
)
ACCEPTS = ("text/html", "text/turtle", "application/ld+json", "application/rdf+xml", "application/n-triples", "*/*")
STRANGE = ROOT / "tests" / "any" / "strange.trig"  #: what the sources of our own graph may not hold


def walk(page: Client, paths: list[str]) -> None:
    """Every path answers in every format, and never with a fault of ours."""
    for path in paths:
        for accept in ACCEPTS:
            answer = page.get(path, headers={"Accept": accept})
            assert answer.status_code in (200, 303, 400, 404, 406), (path, accept, answer.status_code)
            if answer.status_code >= 400:
                assert answer.mimetype in ("application/problem+json", "text/html")
            if answer.status_code == 303:
                document = page.get(answer.headers["Location"])
                assert document.status_code in (200, 406), (path, accept, document.status_code)


def own_paths(release: Release, most: int) -> list[str]:
    """Paths of graphs and of subjects under the base, spread over all of them."""
    subjects = {q.subject.value for q in release.store if not isinstance(q.subject, BlankNode)} | graphs(release)
    found = sorted(iri for iri in subjects if iri.startswith(release.base) and "#" not in iri and "?" not in iri)
    return [iri[len(release.base) - 1 :] for iri in found[:: max(1, len(found) // most)]]


def test_pages_hold_for_statements_that_no_source_of_ours_may_make(tmp_path: Path, engine: Engine) -> None:
    release = publish(tmp_path, STRANGE)
    page = client(release, engine)
    documents = [f"/thing.{suffix}" for suffix in ("html", "ttl", "nt", "jsonld", "rdf", "json", "csv", "xyz")]
    names = [
        "/kind",
        "/kind/a",
        "/k/i",
        "/query/bad",
        "/query/bad.csv",
        "/graph/strange.trig.html",
        "/a%20b",
        "/caf%C3%A9",
    ]
    walk(page, [*EVERY, *documents, *names, "/graph/none", "/%00", *own_paths(release, 100)])
    assert page.get("/a%20b.ttl").status_code == page.get("/caf%C3%A9.ttl").status_code == 200
    for query in ("SELECT * { ?s ?p ?o }", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", "DESCRIBE <http://localhost/thing>"):
        for accept in ("text/html", "text/turtle", "text/csv", "application/n-triples", "application/ld+json"):
            answer = page.get("/sparql", query_string={"query": query}, headers={"Accept": accept})
            assert answer.status_code in (200, 406), (query, accept, answer.get_data(as_text=True))


def test_rdf_xml_that_cannot_be_written_is_not_acceptable(tmp_path: Path, engine: Engine) -> None:
    lines = {"digit.nt": "<urn:s> <http://e.example/1> 'x' .\n".replace("'", '"'), "slash.ttl": "<urn:s> <urn:p/> 1 ."}
    lines["control.ttl"] = '<urn:s> <http://e.example/p> "\\u0007" .'
    page = client(publish(tmp_path, *written(tmp_path, lines)), engine)
    for name in lines:
        assert page.get(f"/graph/{name}.rdf").status_code == 406
        assert page.get(f"/graph/{name}.nt").status_code == 200
        query = {"query": f"CONSTRUCT {{ ?s ?p ?o }} {{ GRAPH <{BASE}graph/{name}> {{ ?s ?p ?o }} }}"}
        assert page.get("/sparql", query_string=query, headers={"Accept": "application/rdf+xml"}).status_code == 406


@needs_suites
@pytest.mark.parametrize(
    ("pattern", "base"),
    [
        ("data/periodo/*.ttl", "http://n2t.net/ark:/99152/"),
        ("data/lobid-vocabs/**/*.ttl", "https://nwbib.de/"),
        ("data/vivo/**/*.*3", "http://vivo.mydomain.edu/individual/"),
        ("data/vivo/**/*.ttl", "http://vivo.mydomain.edu/individual/"),
        ("data/schemaorg/*.ttl", "https://schema.org/"),
        ("shapes/tree/src/*.ttl", "http://www.w3.org/ns/"),
        ("vocab/*.ttl", "http://www.w3.org/ns/"),
    ],
)
def test_pages_hold_for_real_data(tmp_path: Path, engine: Engine, pattern: str, base: str) -> None:
    files = sorted(SUITES.glob(pattern))
    release = publish(tmp_path, *files, base=base)
    assert len(graphs(release)) == len(files)
    walk(client(release, engine), [*EVERY, *own_paths(release, 12)])


@needs_suites
@pytest.mark.parametrize("kind", ["rdf-good", "rdf-bad", "rdf-eval"])
def test_files_of_the_standard_suites_are_taken_or_refused(tmp_path: Path, kind: str) -> None:
    """Every file of the suites: taken, or refused with its line named; and the graph is the expected one."""
    folder = SUITES / "w3c-rdf-tests"
    index = json.loads((folder / "index.json").read_text("utf-8"))
    limits = {test["id"] for test in json.loads((SUITES / "engine-limits.json").read_text("utf-8"))["tests"]}
    wrong = [test["id"] for test in index["tests"] if test["kind"] == kind and not judged(folder, index["base"], test)]
    assert set(wrong) <= limits


class Placed(rdf.RdfFile):
    """A file as if it lay where the suite has it."""

    def graph(self, base: str) -> NamedNode:
        return NamedNode(self.name)


def judged(folder: Path, base: str, test: dict[str, str]) -> bool:
    """Whether a test of the RDF suites passes."""
    [file] = rdf.files([str(folder / test["action"])])
    home = test["manifest"].rpartition("/")[0] + "/"
    iri = test.get("assumedTestBase", base + home) + test["action"].removeprefix(home)
    store = pyoxigraph.Store()
    try:
        rdf.load(store, Placed(file.path, file.shown, file.format, iri), base)
    except SourceError as fault:
        return test["kind"] == "rdf-bad" and fault.line > 0
    if test["kind"] == "rdf-bad":
        return False
    if test["kind"] == "rdf-good":
        return True
    result = RdfFormat.from_extension(test["result"].rpartition(".")[2])
    expected = pyoxigraph.Dataset(pyoxigraph.parse(path=folder / test["result"], format=result, base_iri=base))
    found = pyoxigraph.Dataset(pyoxigraph.parse(path=folder / test["action"], format=file.format, base_iri=iri))
    for dataset in (expected, found):
        dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    return expected == found


# The command ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("any")
    paths = written(folder, {"a.ttl": GOOD["a.ttl"], "b.nq": STATEMENT.replace(" .", " <urn:g> .")})
    (folder / "cache").mkdir()
    with serving(folder / "cache", "--rdf", *map(str, paths)) as running:
        yield running


def test_the_command_serves_files_with_their_graphs(server: Running) -> None:
    status, _, body = server.get("graph.csv")
    assert status == 200
    assert body.decode().split() == ["graph", f"{server.url}graph/a.ttl", "urn:g"]
    query = urlencode({"query": "ASK { GRAPH <urn:g> { ?s ?p ?o } }"})
    assert json.loads(server.get(f"sparql?{query}")[2])["boolean"] is True
    assert server.get("", "text/html")[0] == 200
    assert "2 statements from 2 files" in server.log.read_text()


def test_hundreds_of_files_are_served(tmp_path: Path) -> None:
    paths = written(tmp_path, {f"{n % 20}/{n // 20}.nt": STATEMENT for n in range(400)})
    with serving(tmp_path, "--rdf", *map(str, paths)) as running:
        assert len(running.get("graph.csv")[2].split()) == 401


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "unitgraph.cli", "serve", "--port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)


def test_the_command_refuses_faults_with_their_places(tmp_path: Path) -> None:
    written(tmp_path, {"a.nt": STATEMENT + "<a", "b.rdf": "<a>"})
    done = run(tmp_path, "--rdf", "a.nt", "b.rdf")
    assert (done.returncode, done.stdout) == (1, "")
    rows = done.stderr.splitlines()
    assert rows[0].startswith("a.nt:2:") and rows[1].startswith("b.rdf:1:4: ")
    assert rows[2] == "unitgraph: refused: 2 faults; mend the lines named above and run it again"


def test_the_command_tells_wrong_use(tmp_path: Path) -> None:
    for arguments in (["--rdf", "none.ttl"], ["--rdf", "."], [str(ROOT / "tests" / "tiny"), "--rdf", "none.ttl"]):
        done = run(tmp_path, *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
