"""Each shape refuses its example, and nothing else does; two judges of the shapes agree.

pyshacl judges the shapes as they are, with their queries; `checks` gives it the core constraints only and
asks each query once over the whole store. The outcome has to be the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import ALL, ROOT
from pyoxigraph import NamedNode, Store
from rdflib.plugins.sparql import processor

from unitgraph import sources
from unitgraph.build import Judged
from unitgraph.checks import Checker, Result, shacl
from unitgraph.sources import SourceFile, Sources
from unitgraph.vocab import RDF_TYPE, UGS, curie, term

SHAPES = ROOT / "shapes"
EXAMPLES = sorted(path for path in (SHAPES / "examples").glob("*.ttl") if not path.name.startswith("_"))
SAMPLE = EXAMPLES if ALL else sorted(random.Random(2026).sample(EXAMPLES, 40))
BASE = "https://w3id.org/unitgraph/ifla/"


@pytest.fixture(scope="module", autouse=True)
def _each_query_is_parsed_once() -> Iterator[None]:
    """rdflib parses a query for every focus node, which is most of the time; a prepared query means the same."""
    prepared = cache(lambda text, base, names: processor.prepareQuery(text, dict(names), base))
    evaluate = processor.SPARQLProcessor.query

    def query(
        self: Any, text: Any, bindings: Any = None, names: Any = None, base: Any = None, debug: bool = False
    ) -> Any:
        if isinstance(text, str):
            text = prepared(text, base, tuple(sorted((names or {}).items())))
        return evaluate(self, text, bindings, names, base, debug)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor.SPARQLProcessor, "query", query)
        yield


def read(path: Path, named: str) -> SourceFile:
    file, _ = sources.read_file(path, named)
    assert file is not None, path
    return file


@cache
def vocabulary_and_shapes() -> tuple[SourceFile, ...]:
    """What all examples are judged by: ontology, shapes, and the things that every example may point to."""
    folders = [path for name in ("ontology", "shapes") for path in sorted((ROOT / name).glob("*.ttl"))]
    files = [read(path, path.relative_to(ROOT).as_posix()) for path in folders]
    skolemised = [sources._skolemised(file) if file.path.startswith("shapes/") else file for file in files]
    return (*skolemised, read(SHAPES / "examples" / "_common.ttl", "data/common.ttl"))


def checker(*examples: SourceFile) -> Checker:
    return Checker(Sources(ROOT, BASE, (*vocabulary_and_shapes(), *examples), ()), Store())


def example(path: Path) -> Checker:
    return checker(read(path, "data/example.ttl"))


def outcome(results: Set[Result]) -> set[tuple[str, ...]]:
    """What both judges must agree on; messages are filled in by each in its own way."""
    return {(r.focus_node, r.source, r.severity, r.value, r.result_path) for r in results}


def by_us(checker: Checker) -> set[Result]:
    return {*checker.core(), *checker.sparql()}


def by_pyshacl(checker: Checker) -> set[Result]:
    return set(checker.results(shacl(checker.flat, checker.shapes)))


@cache
def refusals(path: Path) -> frozenset[Result]:
    return frozenset(by_us(example(path)))


def refused_by(path: Path) -> str:
    match = re.match(r"# refused by (ugs:[\w-]+)\n", path.read_text("utf-8"))
    assert match, f"{path} does not begin with `# refused by ugs:…`"
    return match[1]


def test_what_the_examples_have_in_common_conforms() -> None:
    assert not by_us(checker())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_refused_by_its_shape_and_by_no_other(path: Path) -> None:
    assert {curie(result.source) for result in refusals(path)} == {refused_by(path)}
    assert path.stem == refused_by(path).removeprefix("ugs:")


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_pyshacl_alone_refuses_an_example_for_the_same_reason(path: Path) -> None:
    assert outcome(by_pyshacl(example(path))) == outcome(refusals(path))


def test_pyshacl_alone_finds_the_same_in_the_whole_graph(judged: Judged) -> None:
    whole = Checker(judged.sources, judged.store)
    assert outcome(by_pyshacl(whole)) == outcome(by_us(whole))


def test_pyshacl_alone_finds_the_same_in_all_examples_at_once() -> None:
    together = checker(*(read(path, f"data/example/{path.stem}.ttl") for path in EXAMPLES))
    assert outcome(by_pyshacl(together)) == outcome(by_us(together))


def test_every_shape_that_can_refuse_has_an_example() -> None:
    shapes = checker().shapes
    kinds = ("sh:PropertyShape", "sh:SPARQLConstraint")
    named = {quad.subject for kind in kinds for quad in shapes.quads_for_pattern(None, RDF_TYPE, term(kind))}
    used = {
        quad.object
        for name in ("property", "sparql")
        for quad in shapes.quads_for_pattern(None, term(f"sh:{name}"), None)
    }
    targets = {quad.subject for quad in shapes.quads_for_pattern(None, term("sh:pattern"), None)} - named
    shown = {NamedNode(UGS + path.stem) for path in EXAMPLES}
    assert named <= used, "a shape that nothing uses refuses nothing"
    assert named | targets == shown
