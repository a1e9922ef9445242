"""The documentation says what is so: generated pages, links, commands, and the RDF and SPARQL in it."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT
from pyoxigraph import NamedNode, RdfFormat, Store, parse

from unitgraph import cli, sources
from unitgraph.vocab import PREFIXES, UG

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
BY_HAND = [page for page in PAGES if page.parent.name != "reference"]


def load() -> ModuleType:
    """docs/reference.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module
    spec.loader.exec_module(module)
    return module


REFERENCE = load()
GENERATED = [*(DOCS / "reference" / f"{page}.md" for page in REFERENCE.PAGES), DOCS / "editing.md"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> list[str]:
    """Every command line in a page: at the beginning of a line of a fenced block, or between backticks.

    Where only a command is named, its help is asked for instead: it must exist, its arguments may be missing.
    """
    text = page.read_text("utf-8")
    fenced = [
        line for part in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in part.split("\n")
    ]
    found = [line.removeprefix("$ ") for line in fenced]
    found += re.findall(r"(?<!`)`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [line for line in found if line.startswith("unitgraph ")]
    return [f"{line} --help" if len(line.split()) == 2 else line for line in lines]


def with_prefixes(text: str, base: str) -> str:
    """Turtle with the prefixes that the documentation leaves out."""
    if "@prefix" in text:
        return text
    used = set(re.findall(r"(?<![\w:-])([a-z][a-z-]*):(?=[\w])", re.sub(r'"[^"]*"|<[^>]*>', "", text)))
    return "".join(f"@prefix {p}: <{PREFIXES.get(p, f'{base}{p}/')}> .\n" for p in sorted(used)) + text


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    """What docs/reference.py would write now."""
    return REFERENCE.pages()


@pytest.mark.parametrize("path", GENERATED, ids=name)
def test_a_generated_page_is_what_would_be_generated_now(path: Path, generated: dict[Path, str]) -> None:
    same = path.exists() and path.read_text("utf-8") == generated[path]
    assert same, f"{name(path)} is out of date; run python docs/reference.py"


def test_every_page_with_a_generated_part_is_compared(generated: dict[Path, str]) -> None:
    assert set(generated) == set(GENERATED)


def test_every_generated_page_has_a_function() -> None:
    assert {path.stem for path in (DOCS / "reference").iterdir()} == set(REFERENCE.PAGES)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_local_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    local = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", BY_HAND, ids=name)
def test_every_command_line_is_one_that_the_parser_knows(page: Path) -> None:
    for line in command_lines(page):
        words = shlex.split(line, comments=True)
        try:
            cli._parser().parse_args(words[1:])
        except SystemExit as end:
            assert end.code == 0, f"{name(page)}: {line}"


@pytest.mark.parametrize("page", [page for page in BY_HAND if blocks(page, "turtle")], ids=name)
def test_turtle_in_the_documentation_is_turtle_in_our_terms(page: Path) -> None:
    known = {quad.subject.value for quad in sources.read(ROOT).quads("ontology") if isinstance(quad.subject, NamedNode)}
    base = sources.read_base(ROOT)
    for block in blocks(page, "turtle"):
        quads = list(parse(with_prefixes(block, base).encode(), format=RdfFormat.TURTLE))
        used = {t.value for quad in quads for t in (quad.predicate, quad.object) if isinstance(t, NamedNode)}
        assert {iri for iri in used if iri.startswith(UG)} <= known


@pytest.mark.parametrize("page", [page for page in BY_HAND if blocks(page, "sparql")], ids=name)
def test_sparql_in_the_documentation_is_sparql(page: Path) -> None:
    for block in blocks(page, "sparql"):
        Store().query(block)


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("ns", "/ns"),
        ("ns.ttl", "/ns.ttl"),
        ("ns/1.0.0", "/ns"),
        ("shapes", "/shapes"),
        ("ifla/", "/"),
        ("ifla", "/"),
        ("", "/"),
        ("ifla/unit/arl", "/unit/arl"),
        ("ifla/unit/arl.ttl", "/unit/arl.ttl"),
        ("other", None),
    ],
)
def test_the_redirects_of_w3id_lead_to_the_site(asked: str, led_to: str | None) -> None:
    text = (DOCS / "w3id" / ".htaccess").read_text("utf-8")
    rules = re.findall(r"^RewriteRule (\S+) https://unitgraph\.example(\S+) ", text, re.MULTILINE)
    found = next(
        (re.sub(pattern, to.replace("$1", r"\1"), asked) for pattern, to in rules if re.search(pattern, asked)), None
    )
    assert found == led_to
