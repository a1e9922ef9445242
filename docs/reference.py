"""Write the reference pages, and the generated parts of the pages written by hand: `python docs/reference.py`.

Every page is a function that returns its text; tests/test_reference.py compares the text with the file.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Store

from unitgraph import cli, errors, formats, queries, sources, vocab
from unitgraph.engine import Engine
from unitgraph.settings import Settings
from unitgraph.site import Publication
from unitgraph.vocab import UG, UGS, curie, term
from unitgraph.web import create_app, problems

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
HEAD = "<!-- Written by `python docs/reference.py`; do not edit. -->\n\n"

#: The suffixes of URLs, by what is asked for.
SUFFIXES = (
    ("Documents about things, and lists", formats.DOCUMENT_SUFFIXES),
    ("Answers of SELECT and ASK queries", formats.SOLUTION_SUFFIXES),
    ("Answers of CONSTRUCT and DESCRIBE queries", formats.GRAPH_SUFFIXES),
)
NAMES = {
    formats.HTML: "HTML page",
    formats.TURTLE: "Turtle",
    formats.JSON_LD: "JSON-LD 1.1, with its context inside",
    formats.N_TRIPLES: "N-Triples",
    formats.RDF_XML: "RDF/XML",
    formats.JSON: "JSON: a plain record, for programs that do not speak RDF",
    formats.CSV: "CSV",
    formats.TSV: "TSV",
    formats.TEXT: "plain text: `true` or `false`",
    formats.SPARQL_JSON: "SPARQL results as JSON",
    formats.SPARQL_XML: "SPARQL results as XML",
    formats.N_QUADS: "N-Quads",
    formats.TRIG: "TriG",
}
#: The schemes of the cheat sheet, in the order in which an editor needs them.
SCHEMES = ("confidence", "role", "basis", "state", "unit-kind", "placement-role", "change-kind", "name-form")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(text) for text in row)} |\n" for row in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


# Commands and settings ---------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its arguments and options."""
    parts = [f"{HEAD}# Commands\n"]
    for name, sub in _subparsers().items():
        parts.append(f"## unitgraph {name}\n\n{sub.description}\n\n```text\n{_usage(name, sub)}\n```\n")
        rows = [(f"`{_shown(action)}`", action.help or "") for action in _arguments(sub)]
        if rows:
            parts.append(table(("argument", "meaning"), rows))
    parts.append(
        "## Exit codes\n\n"
        + table(
            ("code", "meaning"),
            (
                ("0", "done"),
                ("1", "refused or not found: a fault, a Violation, a release that is missing or damaged"),
                ("2", "a command or option that cannot be meant"),
            ),
        )
    )
    return "\n".join(parts)


def _subparsers() -> dict[str, argparse.ArgumentParser]:
    """The commands that have a line of help; `develop` is for the program itself."""
    action = next(a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {name: sub for name, sub in action.choices.items() if sub.description}


def _arguments(sub: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in sub._actions if not isinstance(action, argparse._HelpAction)]


def _shown(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return value
    return action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"


def _usage(name: str, sub: argparse.ArgumentParser) -> str:
    """One line; argparse breaks its own differently from version to version."""
    words = [f"unitgraph {name}"]
    for action in _arguments(sub):
        word = _shown(action) + ("…" if action.nargs == "*" else "")
        words.append(word if action.required and action.nargs != "?" else f"[{word}]")
    return " ".join(words)


def settings() -> str:
    """Every setting of the operator."""
    rows = []
    for choice, what in zip(fields(Settings), _comments(), strict=True):
        default = "the user's cache folder" if choice.name == "cache" else f"`{choice.default}`"
        rows.append((f"`UNITGRAPH_{choice.name.upper()}`", str(choice.type), default.replace("``", "none"), what))
    own = {f"UNITGRAPH_{choice.name.upper()}" for choice in fields(Settings)}
    more: dict[str, tuple[str, list[str]]] = {}
    for name, sub in _subparsers().items():
        for action in _arguments(sub):
            variable = re.search(r"UNITGRAPH_\w+", action.help or "")
            if variable and variable[0] not in own:
                more.setdefault(variable[0], (f"`{action.option_strings[0]}`", []))[1].append(f"`{name}`")
    return (
        f"{HEAD}# Settings\n\nWhat only the operator sees is a variable of the environment; an option of a command "
        "wins over it. What the public\nsees (title, licence, contact, base) stands in `data/catalog.ttl`. "
        "There is no third place.\n\n"
        + table(("variable", "type", "default", "meaning"), rows)
        + "\nOptions of commands can be given as variables as well.\n\n"
        + table(
            ("variable", "option", "of"),
            ((v, option, ", ".join(names)) for v, (option, names) in sorted(more.items())),
        )
    )


def _comments() -> list[str]:
    """The `#:` comment of each field of Settings."""
    return re.findall(r"^    \w+: .*?  #: (.*)$", inspect.getsource(Settings), re.MULTILINE)


# The web -----------------------------------------------------------------------------------------------


def urls() -> str:
    """Every URL of the site, and who answers."""
    app = create_app(Publication(ROOT, Engine("", Settings()), Settings())).pages
    rows = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        view = app.view_functions[rule.endpoint]
        view = inspect.getclosurevars(view).nonlocals.get("view", view)
        methods = ", ".join(sorted((rule.methods or set()) & {"GET", "POST", "QUERY"}))
        rows.append((f"`{rule.rule}`", methods, (view.__doc__ or "").splitlines()[0]))
    kinds = sorted(
        (literal(store, cls, "ug:segment"), curie(cls.value), literal(store, cls, "rdfs:label") or "scheme")
        for store in (ontology(),)
        for cls in subjects(store, "ug:segment")
    )
    return (
        f"{HEAD}# URLs\n\nGET includes HEAD. A suffix (`.ttl`, `.csv`) beats `?format=`, which beats the header "
        "`Accept`; see [formats](formats.md).\n\n"
        + table(("URL", "methods", "answers"), rows)
        + "\n## Kinds of thing\n\n`/unit` is the list of all units, `/unit/arl` one of them. The same holds for "
        "every kind.\n\n"
        + table(("list", "class", "kind"), ((f"`/{segment}`", f"`{cls}`", label) for segment, cls, label in kinds))
    )


def error_page() -> str:
    """The error tree with the statuses."""
    rows = []
    for cls in _tree(errors.UnitgraphError):
        known = next((c for c in cls.__mro__ if c in problems.STATUS), None)
        status, title = problems.STATUS[known] if known else ("", "")
        rows.append((f"`{cls.__name__}`", str(status), title, (cls.__doc__ or "").splitlines()[0]))
    drawing = inspect.cleandoc(errors.__doc__ or "").split("\n\n")[1]
    return (
        f"{HEAD}# Errors\n\nErrors go out as problem documents (RFC 9457) for programs and as pages for people; on "
        "the command line as one line\non standard error. Each says what happened, where, and what to do.\n\n"
        f"```text\n{inspect.cleandoc(drawing)}\n```\n\n"
        + table(("error", "HTTP status", "title", "meaning"), rows)
        + "\nAn error without a status is not met by a client of the site. What is not in this tree is a bug: "
        "500, and a traceback in\nthe log.\n"
    )


def _tree(cls: type[errors.UnitgraphError]) -> Iterator[type[errors.UnitgraphError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from _tree(below)


def format_page() -> str:
    """Every format, by suffix."""
    parts = [
        f"{HEAD}# Formats\n\nA URL with a suffix always answers in that format; without one, the header `Accept` "
        "decides (RFC 9110 §12.5.1), or\n`?format=` with a suffix as its value. An unknown suffix is answered "
        "404, an `Accept` that rules out everything 406.\n"
    ]
    for title, suffixes in SUFFIXES:
        rows = ((f"`.{suffix}`", f"`{media_type}`", NAMES[media_type]) for suffix, media_type in suffixes.items())
        parts.append(f"## {title}\n\n{table(('suffix', 'media type', 'format'), rows)}")
    rows = ((f"`{loose}`", ", ".join(f"`{t}`" for t in exact)) for loose, exact in formats.LOOSE.items())
    parts.append(
        "## Inexact media types\n\nSPARQL clients send these; at `/sparql` and `/query/…` they are read as what they "
        f"stand for.\n\n{table(('sent', 'read as'), rows)}"
    )
    return "\n".join(parts)


# The vocabulary, the shapes, the checks, the queries ---------------------------------------------------


@cache
def folder(*names: str) -> Store:
    """The triples of some folders of sources."""
    store = Store()
    store.extend(quad for quad in sources.read(ROOT).quads(*names))
    return store


def ontology() -> Store:
    """The triples of the vocabulary."""
    return folder("ontology")


def subjects(store: Store, predicate: str, value: str | None = None) -> list[NamedNode]:
    """The subjects of a predicate, in order."""
    found = {q.subject for q in store.quads_for_pattern(None, term(predicate), term(value) if value else None)}
    return sorted((node for node in found if isinstance(node, NamedNode)), key=lambda node: node.value)


def values(store: Store, subject: NamedNode, predicate: str) -> list[str]:
    """The values of a property as text; of texts, the English ones."""
    found = [quad.object for quad in store.quads_for_pattern(subject, term(predicate), None)]
    return sorted(
        value.value if isinstance(value, Literal) else curie(str(getattr(value, "value", value)))
        for value in found
        if not isinstance(value, Literal) or value.language in (None, "en")
    )


def literal(store: Store, subject: NamedNode, predicate: str) -> str:
    """The first value of a property, or an empty string."""
    return next(iter(values(store, subject, predicate)), "")


def terms() -> str:
    """Every term of the vocabulary, and every rule that makes triples."""
    store = ontology()
    sorts = {"Classes": ("owl:Class",), "Properties": ("owl:ObjectProperty", "owl:DatatypeProperty")}
    sorts["Annotation properties"] = ("owl:AnnotationProperty",)
    parts = [f"{HEAD}# Terms\n\nThe vocabulary has the namespace <{UG}>; `/ns` shows it with notes and examples.\n"]
    for title, types in sorts.items():
        found = sorted({node.value for cls in types for node in subjects(store, "rdf:type", cls)})
        rows = [_term(store, NamedNode(iri)) for iri in found if iri.startswith(UG)]
        parts.append(f"## {title}\n\n{table(('term', 'label', 'kind of', 'meaning'), rows)}")
    rules = queries.read_folder(ROOT / "ontology" / "rules")
    parts.append(
        "## Rules\n\nWhat is derived is made by these, and stands in the graph `<base>graph/inferred`. "
        "Nobody writes it in a file.\n\n"
        + table(("rule", "says"), ((f"`{rule.name}`", rule.summary) for rule in rules))
    )
    return "\n".join(parts)


def _term(store: Store, node: NamedNode) -> tuple[str, str, str, str]:
    above = values(store, node, "rdfs:subClassOf") + values(store, node, "rdfs:subPropertyOf")
    marks = [name for name in ("derived", "deprecated") if literal(store, node, _MARKS[name]) == "true"]
    definition = literal(store, node, "skos:definition") + "".join(f" ({mark})" for mark in marks)
    return (
        f"`{curie(node.value)}`",
        literal(store, node, "rdfs:label"),
        ", ".join(f"`{name}`" for name in above),
        definition,
    )


_MARKS = {"derived": "ug:derived", "deprecated": "owl:deprecated"}


def query_page() -> str:
    """Every saved query."""
    rows = []
    for query in queries.read_folder(ROOT / "queries"):
        names = ", ".join(f"`{p.name}` ({p.kind})" for p in query.parameters)
        rows.append((f"`{query.name}`", query.question, names))
    return (
        f"{HEAD}# Saved queries\n\nEach is a file in `queries/`, a page at `/query/<name>`, and an argument of "
        "`unitgraph query`.\n\n" + table(("name", "question", "parameters"), rows)
    )


def checks() -> str:
    """Every finding that can be made: hygiene checks, property shapes, constraints."""
    found = queries.read_folder(ROOT / "ontology" / "checks")
    rows = ((f"`{check.name}`", check.get("severity"), check.summary, check.get("message")) for check in found)
    parts = [
        f"{HEAD}# Checks\n\nA *Violation* refuses the release. A *Warning* or an *Info* is published with it.\n\n"
        "## Hygiene\n\nQueries in `ontology/checks/`, each asked once over everything. "
        "In a finding they are called `ug:check-<name>`.\n\n" + table(("check", "severity", "finds", "message"), rows)
    ]
    store = folder("shapes")
    parts.append(
        "## Shapes\n\nStandard SHACL, in `shapes/`; `/shapes` shows them by class.\n\n"
        + table(("shape", "severity", "message"), _shapes(store))
    )
    return "\n".join(parts)


def _shapes(store: Store) -> Iterator[tuple[str, str, str]]:
    for node in subjects(store, "sh:message"):
        if not node.value.startswith(UGS) or node.value.startswith(vocab.GENID):
            continue
        severity = literal(store, node, "sh:severity")
        if not severity:  # a constraint has the severity of the shapes that it stands on
            owners = subjects_of(store, "sh:sparql", node)
            severity = ", ".join(sorted({literal(store, owner, "sh:severity") or "sh:Violation" for owner in owners}))
        yield f"`{curie(node.value)}`", severity.replace("sh:", ""), " / ".join(values(store, node, "sh:message"))


def subjects_of(store: Store, predicate: str, value: NamedNode) -> list[NamedNode]:
    """The subjects that have a value."""
    quads = store.quads_for_pattern(None, term(predicate), value)
    return [quad.subject for quad in quads if isinstance(quad.subject, NamedNode)]


# Generated parts of pages written by hand ---------------------------------------------------------------


def strategy() -> str:
    """The directions, key initiatives and mission verbs, as an editor writes them."""
    store, base = folder("data"), sources.read_base(ROOT)
    rows = []
    for cls in ("ug:Direction", "ug:KeyInitiative"):
        for node in subjects(store, "rdf:type", cls):
            rows.append((literal(store, node, "skos:notation"), _short(node, base), node))
    found = [
        (number if "." in number else f"**{number}**", f"`{name}`", literal(store, node, "skos:prefLabel"))
        for number, name, node in sorted(rows)
    ]
    verbs = [(f"`{_short(node, base)}`", literal(store, node, "skos:prefLabel")) for node in _verbs(store)]
    return (
        table(("number", "write", "title"), found)
        + "\nThe verbs of the mission are **not** the directions, and no verb belongs to a direction. Some pages print "
        "them side by side.\nUse a verb only where the source names the verb.\n\n" + table(("write", "verb"), verbs)
    )


def _verbs(store: Store) -> list[NamedNode]:
    return subjects(store, "rdf:type", "ug:MissionVerb")


def concepts() -> str:
    """The concepts of the small schemes, with what they mean."""
    store, base = folder("data"), sources.read_base(ROOT)
    parts = []
    for segment in SCHEMES:
        scheme = NamedNode(f"{base}scheme/{segment}")
        rows = []
        for node in subjects_of(store, "skos:inScheme", scheme):
            counts = {"true": " *Counts.*", "false": " *Does not count.*"}.get(literal(store, node, "ug:counts"), "")
            rows.append((f"`{_short(node, base)}`", literal(store, node, "skos:definition") + counts))
        title = literal(store, scheme, "skos:prefLabel")
        parts.append(f"**{title}**\n\n{table(('write', 'meaning'), sorted(rows))}")
    return "\n".join(parts)


def _short(node: NamedNode, base: str) -> str:
    return node.value.removeprefix(base).replace("/", ":")


def example() -> str:
    """A file of the tiny world, word for word."""
    text = (ROOT / "tests" / "tiny" / "data" / "project" / "globe-catalogue.ttl").read_text("utf-8")
    return f"```turtle\n{text}```\n"


# All of it ---------------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "urls": urls,
    "errors": error_page,
    "formats": format_page,
    "terms": terms,
    "queries": query_page,
    "checks": checks,
}
PARTS: dict[str, Callable[[], str]] = {"strategy": strategy, "concepts": concepts, "example": example}
_PART = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def with_parts(text: str) -> str:
    """A page with its generated parts filled in: what stands between `<!-- generated: name -->` and `<!-- end -->`."""
    return _PART.sub(lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n{match[4]}", text)


def pages() -> dict[Path, str]:
    """Every page that is generated, or has a generated part, with the text that it should have."""
    found = {DOCS / "reference" / f"{name}.md": write() for name, write in PAGES.items()}
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text("utf-8")
        if _PART.search(text):
            found[path] = with_parts(text)
    return found


def main() -> int:
    """Write what has changed."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"{path.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
