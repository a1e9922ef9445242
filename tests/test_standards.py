"""What we publish is read by tools that nobody of this project wrote."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib
from conftest import ROOT, needs_rapper
from pyoxigraph import DefaultGraph, Quad, RdfFormat, parse, serialize

from unitgraph import formats
from unitgraph.answers import Graph
from unitgraph.release import Release
from unitgraph.vocab import PREFIXES

VOCABULARY = [*sorted((ROOT / "ontology").glob("*.ttl")), *sorted((ROOT / "shapes").glob("*.ttl"))]


@needs_rapper
@pytest.mark.parametrize("path", VOCABULARY, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vocabulary_and_shapes_are_the_same_in_three_parsers(path: Path) -> None:
    """rapper, rdflib and pyoxigraph count the same triples."""
    ours = len({q.triple for q in parse(path=path)})
    command = ["rapper", "-q", "-i", "turtle", "-o", "ntriples", str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not theirs.stderr
    assert len(set(theirs.stdout.splitlines())) == ours
    assert len(rdflib.Graph().parse(path)) == ours


@needs_rapper
@pytest.mark.parametrize(
    ("media_type", "name"),
    [(formats.TURTLE, "turtle"), (formats.N_TRIPLES, "ntriples"), (formats.RDF_XML, "rdfxml")],
)
def test_a_foreign_parser_reads_the_whole_graph_in_every_format(
    release: Release, tmp_path: Path, media_type: str, name: str
) -> None:
    """All of the data in one document; the shapes are left out of RDF/XML's limits by being apart."""
    triples = {q.triple for q in release.store if "/graph/shapes/" not in q.graph_name.value}  # type: ignore[union-attr]
    path = tmp_path / "all"
    path.write_bytes(formats.write(Graph("", tuple(triples)), media_type))
    command = ["rapper", "-q", "-i", name, "-o", "ntriples", str(path), release.base]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(set(done.stdout.splitlines())) == len(triples)


def dump(release: Release, path: Path, *folders: str) -> Path:
    """The graphs of some folders as one N-Triples file; blank nodes of shapes are blank again."""
    graphs = tuple(f"{release.base}graph/{folder}" for folder in folders)
    triples = [q.triple for q in release.store if q.graph_name.value.startswith(graphs)]  # type: ignore[union-attr]
    data = serialize(
        [Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in triples], format=RdfFormat.N_QUADS
    )
    assert data is not None
    path.write_bytes(re.sub(rb"<https://w3id\.org/unitgraph/shapes#genid-([a-z0-9-]+)>", rb"_:\1", data))
    return path


def test_the_release_passes_pyshacl_from_its_own_command_line(release: Release, tmp_path: Path) -> None:
    """Dumps of data and shapes, nothing of our own in between; Info is advice and does not fail."""
    data = dump(release, tmp_path / "data.nt", "data/", "ontology/")
    shapes = dump(release, tmp_path / "shapes.nt", "shapes/")
    command = [sys.executable, "-m", "pyshacl", "--allow-infos", "-sf", "nt", "-df", "nt", "-s", str(shapes), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Conforms: True" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0


def test_the_vocabulary_has_no_domain_range_or_blank_node() -> None:
    forbidden = {PREFIXES["rdfs"] + "domain", PREFIXES["rdfs"] + "range"}
    for path in sorted((ROOT / "ontology").glob("*.ttl")):
        for quad in parse(path=path):
            assert quad.predicate.value not in forbidden, path
            assert "BlankNode" not in type(quad.subject).__name__ + type(quad.object).__name__, path
