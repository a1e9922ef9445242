"""The order of the modules, who may know whom, and the names of things hold together."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from unitgraph import errors

PACKAGE = ROOT / "src" / "unitgraph"
ORDER = [
    "errors",
    "vocab",
    "settings",
    "answers",
    "formats",
    "queries",
    "patterns",
    "engine",
    "turtle",
    "sources",
    "rules",
    "checks",
    "table",
    "index",
    "records",
    "release",
    "coverage",
    "statistics",
    "changes",
    "history",
    "network",
    "overview",
    "build",
    "rdf",
    "load",
    "site",
    "resources",
    "web",
    "ask",
    "skeleton",
    "cli",
]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def home(path: Path) -> str:
    """The place in the order that a file belongs to: a package counts as one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """What a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_left(path: Path) -> None:
    if path.name == "__init__.py" and path.parent == PACKAGE:
        return
    own = ORDER.index(home(path))
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "unitgraph" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= own, f"{path.name} imports {name}"


def test_the_order_names_every_module() -> None:
    assert {home(path) for path in modules()} - {"__init__"} == set(ORDER)


def test_only_web_knows_flask() -> None:
    knowing = {home(p) for p in modules() if any(n.split(".")[0] in ("flask", "werkzeug") for n in imports(p))}
    assert knowing == {"web"}


def test_what_serves_cannot_build() -> None:
    builders = {f"unitgraph.{name}" for name in ("sources", "rules", "checks", "build", "rdf")}
    for path in modules():
        if home(path) in ("site", "resources", "web", "engine"):
            assert not imports(path) & builders, path


def test_the_serving_process_stays_free_of_rdflib_and_pyshacl() -> None:
    text = "import sys, unitgraph.cli, unitgraph.web.server, unitgraph.web; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert not {"rdflib", "pyshacl", "SPARQLWrapper"} & set(done.stdout.split())


def tree() -> list[tuple[int, str]]:
    """Depth and name of every class drawn at the top of `errors`."""
    rows = re.findall(r"^ {4}([ │├└─]*)(\w+)", errors.__doc__ or "", re.MULTILINE)
    return [(len(lines) // 4, name) for lines, name in rows]


def test_the_drawing_of_the_error_tree_is_complete_and_true() -> None:
    classes = {n: c for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, errors.UnitgraphError)}
    drawn = tree()
    assert {name for _, name in drawn} == set(classes)
    above: list[str] = []
    for depth, name in drawn:
        above = above[:depth]
        if above:
            assert classes[name].__bases__ == (classes[above[-1]],), name
        above.append(name)


def test_every_module_opens_with_a_sentence() -> None:
    for path in modules():
        first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]
        assert first.endswith((".", ":")), path


def test_every_noun_runs_through_every_folder() -> None:
    """A folder of data has its file in ontology/ and shapes/ (schemes and harvested data aside)."""
    nouns = {path.name for path in (ROOT / "data").iterdir() if path.is_dir()} - {"schemes", "harvested"}
    for folder in ("ontology", "shapes"):
        assert nouns <= {path.stem for path in (ROOT / folder).glob("*.ttl")}
