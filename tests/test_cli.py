"""The command line: every command as it is typed, its output, its exit code."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

from unitgraph import cli

TINY = ROOT / "tests" / "tiny"


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNITGRAPH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny world in a folder of its own, which is the current one."""
    folder = Path(shutil.copytree(TINY, tmp_path / "sources"))
    monkeypatch.chdir(folder)
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    try:
        code = cli.main(list(arguments))
    except SystemExit as end:
        code = int(end.code or 0)
    out = capsys.readouterr()
    assert "Traceback" not in out.out + out.err
    return code, out.out, out.err


def test_check_of_good_sources_says_so(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check")
    assert code == 0
    assert out.splitlines()[-1].startswith("good: 0 faults, 0 Violation, 0 Warning")


def test_check_speaks_json_to_programs(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(run(capsys, "check", "--json")[1])["conforms"] is True
    (copy / "data" / "unit" / "wrong.ttl").write_text("<a", "utf-8")
    code, out, _ = run(capsys, "check", "--json")
    found = json.loads(out)
    assert (code, found["conforms"]) == (1, False)
    assert (found["results"][0]["path"], found["results"][0]["line"]) == ("data/unit/wrong.ttl", 1)


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=editor", "-c", "user.email=editor@example.org"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


def test_changed_and_new_findings_are_told_from_those_of_the_last_commit(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = sorted((copy / "data" / "unit").glob("*.ttl"))
    old = unit[0].read_text("utf-8")
    unit[0].write_text(old.replace("skos:notation", "skos:hiddenLabel"), "utf-8")
    git(copy, "init", "-q")
    git(copy, "add", "-A")
    git(copy, "commit", "-qm", "begin")
    known = run(capsys, "check")[1].splitlines()
    assert any("Warning" in row for row in known)
    other = unit[1].read_text("utf-8")
    unit[1].write_text(other.replace("skos:notation", "skos:hiddenLabel"), "utf-8")
    rows = run(capsys, "check")[1].splitlines()
    assert rows[0].startswith(f"data/unit/{unit[1].name}:")
    assert rows[0].endswith("[new]")
    assert not any(row.endswith("[new]") for row in rows if unit[0].name in row)
    changed = run(capsys, "check", "--changed")[1].splitlines()
    assert all(unit[1].name in row for row in changed[:-1])
    assert len(changed) > 1


def test_check_needs_no_git(copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert run(capsys, "check")[0] == 0
    code, _, told = run(capsys, "check", "--changed")
    assert (code, "needs git" in told) == (2, True)


def test_lone_files_are_shapes_and_queries_too(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shapes = ROOT / "shapes" / "unit.ttl"
    assert "[" in shapes.read_text("utf-8")
    assert run(capsys, "check", str(shapes))[0] == 0
    query = copy / "queries" / "wrong.rq"
    query.write_text("#+ summary: wrong\nSELECT * { ?s ?p }", "utf-8")
    code, out, _ = run(capsys, "check", "queries/wrong.rq")
    assert (code, out.startswith("queries/wrong.rq:2: not SPARQL")) == (1, True)


PREFIXES = """@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix ug: <https://w3id.org/unitgraph/ns#> .
@prefix ugs: <https://w3id.org/unitgraph/shapes#> .
"""
SHAPE = "ugs:X a sh:NodeShape ; sh:targetClass ug:Unit ; sh:property "
CHECK = "#+ summary: x\n#+ severity: {}\n#+ message: m\nPREFIX ug: <https://w3id.org/unitgraph/ns#>\nSELECT ?this {}\n"


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        (
            "shapes/x.ttl",
            f"{PREFIXES}{SHAPE}ugs:X-y .\nugs:X-y sh:path skos:note ; sh:minCount 1 ; sh:severity ug:Bad .",
            "shapes/x.ttl:6: sh:severity of ugs:X-y is one of",
        ),
        ("ontology/checks/x.rq", CHECK.format("Error", "{ ?this a ug:Unit }"), "ontology/checks/x.rq:2: severity is"),
        (
            "ontology/checks/x.rq",
            CHECK.format("Info", "{ ?x a ug:Unit OPTIONAL { ?x ug:none ?this } }"),
            "ontology/checks/x.rq:1: ?this is not",
        ),
        ("data/unit/deep.jsonld", '{"a":' * 20_000 + "1" + "}" * 20_000, "data/unit/deep.jsonld:1: nested more than"),
    ],
)
def test_a_rule_that_cannot_be_used_is_told_with_its_line(
    copy: Path, capsys: pytest.CaptureFixture[str], path: str, text: str, told: str
) -> None:
    (copy / path).parent.mkdir(exist_ok=True)
    (copy / path).write_text(text, "utf-8")
    code, out, _ = run(capsys, "check")
    assert (code, told in out) == (1, True), out


def test_a_property_shape_needs_no_name(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shape = f"{PREFIXES}{SHAPE}[ sh:path skos:note ; sh:minCount 1 ; sh:severity sh:Info ; sh:message 'm'@en ] ."
    (copy / "shapes" / "x.ttl").write_text(shape, "utf-8")
    assert run(capsys, "build", "--out", "out")[0] == 0


def test_a_typo_gets_a_suggestion(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = sorted((copy / "data" / "project").glob("*.ttl"))[0]
    project.write_text(project.read_text("utf-8").replace("ug:leader", "ug:leeder", 1), "utf-8")
    code, out, _ = run(capsys, "check")
    assert code == 1
    assert "Did you mean ug:leader?" in out


@pytest.mark.parametrize("kind", ["unit", "project", "story", "organisation", "source"])
def test_new_writes_a_skeleton_that_is_refused_until_it_is_filled_in(
    copy: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    name = "https://example.org/a/page" if kind == "source" else "chess"
    code, out, _ = run(capsys, "new", kind, name)
    slug = "example-org-a-page" if kind == "source" else "chess"
    assert (code, out.split()[0]) == (0, f"data/{kind}/{slug}.ttl")
    code, out, _ = run(capsys, "check")
    assert code == 1
    assert out.startswith(f"data/{kind}/{slug}.ttl:")
    assert run(capsys, "new", kind, name)[0] == 2


def test_a_filled_in_skeleton_is_good(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "new", "source", "https://example.org/a/page")
    source = copy / "data" / "source" / "example-org-a-page.ttl"
    source.write_text(source.read_text("utf-8").replace("…", "A page"), "utf-8")
    run(capsys, "new", "organisation", "chess")
    path = copy / "data" / "organisation" / "chess.ttl"
    text = path.read_text("utf-8").replace("source:…", "source:example-org-a-page").replace('"…"', '"Chess club"')
    text = "".join(row for row in text.splitlines(keepends=True) if "…" not in row)
    path.write_text(text, "utf-8")
    code, out, _ = run(capsys, "check")
    assert code == 0, out


@pytest.mark.parametrize("name", ["Chess", "chess_club", "a/b", "../x", "chess.club", ""])
def test_a_bad_slug_is_wrong_use(copy: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, _, err = run(capsys, "new", "unit", name)
    assert code == 2
    assert "only a-z, 0-9 and -" in err


def test_build_diff_use_verify_withdraw_and_prune(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(capsys, "build", "--release", "2026.02.1", "--date", "2026-02-01", "--json")
    assert first[0] == 0
    assert set(json.loads(first[1])) >= {"version", "content", "release", "quads", "base"}
    unit = sorted((copy / "data" / "unit").glob("*.ttl"))[0]
    unit.write_text(unit.read_text("utf-8").replace("skos:prefLabel", 'skos:altLabel "X"@en ;\n    skos:prefLabel', 1))
    assert run(capsys, "build", "--release", "2026.02.1", "--date", "2026-02-01")[0] == 1
    assert run(capsys, "build", "--release", "2026.02.2", "--date", "2026-02-02")[0] == 0
    code, out, _ = run(capsys, "diff", "2026.02.1", "2026.02.2")
    assert code == 0
    assert f"~ https://example.org/tiny/unit/{unit.stem}" in out.splitlines()
    assert '"X"@en' in out
    assert run(capsys, "use", "2026.02.1")[0] == 0
    assert (copy / "releases" / "CURRENT").read_text() == "2026.02.1\n"
    assert run(capsys, "verify")[0] == 0
    assert run(capsys, "prune", "--keep", "0")[0] == 0
    assert run(capsys, "withdraw", f"https://example.org/tiny/unit/{unit.stem}", "--why", "asked for")[0] == 0
    assert run(capsys, "verify", "--json")[0] == 0
    code, _, err = run(capsys, "build", "--release", "2026.02.3", "--date", "2026-02-03")
    assert code == 1
    assert f"data/unit/{unit.stem}.ttl:" in err


FORMS = {"csv": "story,", "tsv": "?story\t", "json": "{", "xml": "<?xml", "table": "┏"}


@pytest.mark.parametrize("form", FORMS)
def test_query_writes_every_format_of_solutions(capsys: pytest.CaptureFixture[str], copy: Path, form: str) -> None:
    text = "SELECT ?story ?title { ?story a ug:Story ; skos:prefLabel ?title } ORDER BY ?story"
    code, out, _ = run(capsys, "query", text, "--format", form)
    assert code == 0
    assert out.startswith(FORMS[form])


@pytest.mark.parametrize("form", ["turtle", "ntriples", "jsonld", "rdfxml"])
def test_query_writes_every_format_of_graphs(capsys: pytest.CaptureFixture[str], copy: Path, form: str) -> None:
    code, out, _ = run(capsys, "query", "CONSTRUCT WHERE { ?s a ug:Unit }", "--format", form)
    assert code == 0
    assert "ns#" in out


def test_query_takes_a_file_standard_input_and_a_truth(
    capsys: pytest.CaptureFixture[str], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "mine.rq").write_text("ASK { ?s a ug:Unit }", "utf-8")
    assert run(capsys, "query", "mine.rq")[1] == "yes\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("ASK { ?s a ug:Nothing }"))
    assert run(capsys, "query", "-")[1] == "no\n"


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["query", "SELECT * { ?s ?p"], 1, "without its }"),
        (["query", "SELECT * { ?s nope:x ?o }"], 1, "the prefix nope: is not declared"),
        (["query", "no-such-question"], 2, "is no saved query"),
        (["query", "ASK {}", "--format", "turtle"], 2, "does not fit"),
        (["query", "ASK {}", "--endpoint", "http://127.0.0.1:9/sparql"], 1, "does not answer"),
        (["check", "nowhere"], 2, "does not exist"),
        (["check", "data", "data"], 2, "one folder, or files"),
        (["check", "data"], 2, "is no folder of sources"),
        (["build", "--date", "soon"], 2, "no date"),
        (["build", "--base", "here"], 2, "no base"),
        (["use", "2026.09.9"], 1, "no release in releases"),
        (["verify", "--out", "nowhere"], 2, "no release in nowhere"),
        (["serve", "--port", "99999"], 2, "choose another --port"),
        (["frobnicate"], 2, "invalid choice"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], copy: Path, arguments: list[str], code: int, complaint: str
) -> None:
    told, _, err = run(capsys, *arguments)
    assert told == code
    assert complaint in err


def test_the_eleven_stories_are_listed_with_unit_title_project_and_initiative(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight of eleven have a key initiative that their story states; LSN, DDRS and HBS have none."""
    monkeypatch.chdir(ROOT)
    code, out, _ = run(capsys, "query", "first-round", "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    stories = {row["acronym"]: row["storyLabel"] for row in rows}
    stated: dict[str, set[str]] = {}
    for row in rows:
        assert row["projectLabel"]
        stated.setdefault(row["acronym"], set()).update({row["number"]} - {""})
    assert stated == {
        "LSN": set(),
        "CPDWL": {"3.4", "4.2"},
        "DDRS": set(),
        "ENSULIB": {"2.1"},
        "IFLAPARL": {"1.2"},
        "NPSIG": {"3.2"},
        "HBS": set(),
        "LBES": {"2.1"},
        "LAC": {"4.1"},
        "ARL": {"3.3"},
        "SET": {"3.1"},
    }
    assert stories["LSN"] == "IFLA celebrates World Refugee Day"
    for unit in ("LSN", "DDRS", "HBS"):
        text = (ROOT / "data" / "unit" / f"{unit.lower()}.ttl").read_text("utf-8")
        assert "key initiative" in text


def test_fmt_keeps_comments_and_is_content_with_its_own_work(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted((copy / "data" / "unit").glob("*.ttl"))[0]
    path.write_text(path.read_text("utf-8").replace(" ;\n", " ;   \n\n\n\n# kept\n", 1), "utf-8")
    assert run(capsys, "fmt", "--check")[0] == 1
    assert run(capsys, "fmt")[0] == 0
    assert "# kept" in path.read_text("utf-8")
    assert run(capsys, "fmt", "--check")[0] == 0
