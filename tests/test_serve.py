"""The real server, as its users meet it: the command, curl-like requests, a foreign client, edits, signals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
import SPARQLWrapper
from conftest import ENGINE, ROOT
from running import Running, below, serving

TINY = ROOT / "tests" / "tiny"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("cache"), str(TINY)) as running:
        yield running


def test_a_thing_answers_303_and_its_document_names_it(server: Running) -> None:
    status, headers, _ = server.get("unit/globes" if (TINY / "data/unit/globes.ttl").exists() else first_unit())
    assert status == 303
    assert "Accept" in headers["Vary"]
    status, headers, body = server.get(f"{first_unit()}.ttl")
    assert status == 200
    assert headers["Content-Type"].startswith("text/turtle")
    graph = rdflib.Graph().parse(data=body, format="turtle")
    assert (rdflib.URIRef(server.url + first_unit()), None, None) in graph


def first_unit() -> str:
    return "unit/" + sorted(path.stem for path in (TINY / "data" / "unit").glob("*.ttl"))[0]


def test_health_tells_the_release(server: Running) -> None:
    status, _, body = server.get("health")
    assert status == 200
    assert json.loads(body)["release"].startswith("2026.01.1+dev.")


SELECT = "SELECT ?s WHERE { ?s a <https://w3id.org/unitgraph/ns#Unit> } ORDER BY ?s"
CONSTRUCT = "CONSTRUCT WHERE { ?s a <https://w3id.org/unitgraph/ns#Unit> }"


@pytest.mark.parametrize("method", ["GET", "POST", "POSTDIRECTLY"])
@pytest.mark.parametrize("form", [SPARQLWrapper.JSON, SPARQLWrapper.XML, SPARQLWrapper.CSV, SPARQLWrapper.TSV])
def test_sparqlwrapper_reads_every_format_of_solutions(server: Running, method: str, form: str) -> None:
    wrapper = SPARQLWrapper.SPARQLWrapper(server.url + "sparql")
    wrapper.setMethod("POST" if method != "GET" else "GET")
    wrapper.setRequestMethod("postdirectly" if method == "POSTDIRECTLY" else "urlencoded")
    wrapper.setQuery(SELECT)
    wrapper.setReturnFormat(form)
    answer = wrapper.query().convert()
    units = len(list((TINY / "data" / "unit").glob("*.ttl")))
    if form == SPARQLWrapper.JSON:
        assert len(answer["results"]["bindings"]) == units
    elif form == SPARQLWrapper.XML:
        assert len(answer.getElementsByTagName("result")) == units
    else:
        assert len(answer.decode().strip().splitlines()) == units + 1


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # SPARQLWrapper uses it
@pytest.mark.parametrize("form", [SPARQLWrapper.TURTLE, SPARQLWrapper.N3, SPARQLWrapper.JSONLD, SPARQLWrapper.RDFXML])
def test_sparqlwrapper_reads_every_format_of_graphs(server: Running, form: str) -> None:
    wrapper = SPARQLWrapper.SPARQLWrapper(server.url + "sparql")
    wrapper.setQuery(CONSTRUCT)
    wrapper.setReturnFormat(form)
    answer = wrapper.query().convert()
    units = len(list((TINY / "data" / "unit").glob("*.ttl")))
    graph = answer if isinstance(answer, rdflib.Graph) else rdflib.Graph().parse(data=answer, format="turtle")
    assert len(graph) == units


def test_a_long_query_may_stand_in_the_address(server: Running) -> None:
    text = urllib.parse.quote("ASK { ?s ?p ?o } #") + "x" * 7_000
    assert server.get(f"sparql?query={text}")[0] == 200


def test_an_update_is_refused_and_a_malformed_query_is_explained(server: Running) -> None:
    update = urllib.parse.quote("DELETE WHERE { ?s ?p ?o }")
    assert server.get(f"sparql?query={update}")[0] == 403
    status, headers, body = server.get(f"sparql?query={urllib.parse.quote('SELECT * { ?s ?p }')}", "application/json")
    assert status == 400
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "line 1" in json.loads(body)["detail"]


def test_edits_are_followed_and_a_fault_leaves_the_last_good_build(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(TINY, tmp_path / "sources"))
    unit = copy / "data" / f"{first_unit()}.ttl"
    text = unit.read_text("utf-8")
    with serving(tmp_path, str(copy)) as running:
        assert b"A label of today" not in running.get(f"{first_unit()}.ttl")[2]
        unit.write_text(text.replace("skos:prefLabel", 'skos:altLabel "A label of today"@en ;\n    skos:prefLabel', 1))
        running.wait_for(f"{first_unit()}.ttl", b"A label of today")
        unit.write_text(text + "\n<broken")
        for _ in range(100):
            if "the last good build is still served" in running.log.read_text():
                break
            time.sleep(0.2)
        assert f"data/{first_unit()}.ttl:{len(text.splitlines()) + 2}: " in running.log.read_text()
        assert b"A label of today" in running.get(f"{first_unit()}.ttl")[2]
        unit.write_text(text.replace("skos:prefLabel", 'skos:altLabel "Mended"@en ;\n    skos:prefLabel', 1))
        running.wait_for(f"{first_unit()}.ttl", b"Mended")


def test_an_edit_while_the_first_build_runs_is_followed(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(TINY, tmp_path / "sources"))
    unit = copy / "data" / f"{first_unit()}.ttl"
    text = unit.read_text("utf-8")

    def edit() -> None:
        while not list(tmp_path.glob("unitgraph/*/.building-*")):
            time.sleep(0.001)
        unit.write_text(text.replace("skos:prefLabel", 'skos:altLabel "Just now"@en ;\n    skos:prefLabel', 1))

    editor = threading.Thread(target=edit)
    editor.start()
    with serving(tmp_path, str(copy)) as running:
        editor.join()
        running.wait_for(f"{first_unit()}.ttl", b"Just now")


def test_it_ends_cleanly_on_sigterm_and_leaves_no_process(tmp_path: Path) -> None:
    with serving(tmp_path, str(TINY)) as running:
        while len(started := below(running.process.pid)) < (3 if ENGINE else 4):
            time.sleep(0.1)  # two web processes, the follower of edits, the broker of an engine of our own
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in started):
        time.sleep(0.1)
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in running.log.read_text()


def test_a_port_in_use_is_told_in_one_line(server: Running, tmp_path: Path) -> None:
    port = urllib.parse.urlsplit(server.url).port
    command = [sys.executable, "-m", "unitgraph.cli", "serve", str(TINY), "--port", str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"unitgraph: cannot listen on .*; choose another --port\n", done.stderr)


def test_a_folder_of_releases_is_served_and_its_current_is_followed(tmp_path: Path) -> None:
    from unitgraph import build

    judged, out = build.judge(TINY), tmp_path / "out"
    build.build(judged, out, version="2026.02.1", base="http://localhost/")
    build.build(judged, out, version="2026.02.2", base="http://localhost/", issued="2026-02-02")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "unitgraph.cli", "serve", str(out), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "serving http://localhost/\n"
        listening = process.stdout.readline().removeprefix("listening on ").strip()
        running = Running(process, f"http://{listening}/", tmp_path / "none")
        assert json.loads(running.get("health")[2])["release"] == "2026.02.2"
        build.use(out, "2026.02.1")
        assert json.loads(running.get("health")[2])["release"] == "2026.02.1"
        assert running.get(f"{first_unit()}.ttl")[0] == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()
