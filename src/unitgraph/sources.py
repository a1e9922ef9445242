"""Source files become quads, one named graph a file; every fault has its file and line."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import langcodes
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    Triple,
    parse,
)

from unitgraph.errors import SourceError, UsageError
from unitgraph.turtle import Lines
from unitgraph.vocab import GENID, PREFIXES

FOLDERS = ("ontology", "shapes", "data")
FORMATS = {
    ".ttl": RdfFormat.TURTLE,
    ".trig": RdfFormat.TRIG,
    ".nt": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".jsonld": RdfFormat.JSON_LD,
}
IGNORED_SUFFIXES = {".md", ".rq", ".txt", ".swp", ".tmp", ".orig", ".bak"}
MAX_LITERAL_CHARACTERS = 20_000
BASE = re.compile(r"https?://[^\s<>\"{}|\\^`?#]+/")
MAX_JSON_DEPTH = 100
MAX_FILE_BYTES = 64 * 1024 * 1024
XSD = PREFIXES["xsd"]

# Lexical forms of XML Schema 1.1 part 2; what the store leaves as it is, is checked apart.
_DATE = r"-?([1-9]\d{3,}|0\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_ZONE = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))?"
LEXICAL_FORMS = {
    "date": _DATE + _ZONE,
    "dateTime": _DATE + r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?" + _ZONE,
    "gYear": r"-?([1-9]\d{3,}|0\d{3})" + _ZONE,
    "gYearMonth": r"-?([1-9]\d{3,}|0\d{3})-(0[1-9]|1[0-2])" + _ZONE,
    "gMonthDay": r"--(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])" + _ZONE,
    "boolean": r"true|false",
    "integer": r"[+-]?\d+",
    "nonNegativeInteger": r"\+?\d+",
    "decimal": r"[+-]?(\d+(\.\d*)?|\.\d+)",
    "double": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?INF|NaN",
    "string": r"(?s:.*)",
    "anyURI": r"\S+",
}
DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class SourceFile:
    """One file of RDF: its path relative to the root, its text, its quads (without a graph name)."""

    path: str
    text: str = field(repr=False)
    quads: tuple[Quad, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The path without its suffix: what its graph is called after."""
        return self.path.rsplit(".", 1)[0]

    @cached_property
    def lines(self) -> Lines:
        """Where each statement stands; read only when a finding has to be located."""
        return Lines(self.text, json=self.path.endswith(".jsonld"))


@dataclass(frozen=True)
class Sources:
    """All source files of a data set: `root`, canonical `base`, `files` in path order, `faults`."""

    root: Path
    base: str
    files: tuple[SourceFile, ...]
    faults: tuple[SourceError, ...]

    def graph(self, file: SourceFile) -> NamedNode:
        """The name of a file's graph: `<base>graph/<path without suffix>`."""
        return NamedNode(f"{self.base}graph/{file.name}")

    def quads(self, *folders: str) -> Iterator[Quad]:
        """Every quad, in its file's graph; only those of `folders` when some are named."""
        for file in self.files:
            if not folders or file.path.split("/", 1)[0] in folders:
                graph = self.graph(file)
                for quad in file.quads:
                    yield Quad(quad.subject, quad.predicate, quad.object, graph)

    @cached_property
    def by_subject(self) -> dict[str, tuple[SourceFile, ...]]:
        """The files that say something of a subject, by its IRI."""
        found: dict[str, list[SourceFile]] = {}
        for file in self.files:
            for subject in {quad.subject.value for quad in file.quads if isinstance(quad.subject, NamedNode)}:
                found.setdefault(subject, []).append(file)
        return {subject: tuple(files) for subject, files in found.items()}

    def locate(self, subject: str, predicate: str | None = None, value: str | None = None) -> tuple[str, int]:
        """File and line of a statement, as near as can be told; of its subject otherwise.

        `value` is an IRI or the lexical form of a literal. A subject that is described nowhere is looked
        for as an object.
        """
        files = self.by_subject.get(subject, ())
        best: tuple[int, str, int] | None = None
        for file in files:
            rank, line = file.lines.find(subject, predicate, value)
            if best is None or rank > best[0]:
                best = (rank, file.path, line)
        if best:
            return best[1], best[2]
        for file in self.files:
            if mentioned := file.lines.mention(subject):
                return file.path, mentioned
        return "data/catalog.ttl", 1


def find_root(folder: Path) -> Path:
    """A folder of sources: `folder` itself, the current one, or the graph that came with the package.

    Raises:
        UsageError: `folder` has no `ontology/`, `shapes/` and `data/`.
    """
    missing = [name for name in FOLDERS if not (folder / name).is_dir()]
    if missing:
        raise UsageError(f"{folder} is no folder of sources: it has no {', no '.join(f'{m}/' for m in missing)}")
    return folder.resolve()


def packaged_root() -> Path:
    """The sources that came with the package: in a wheel inside it, in a checkout beside `src/`."""
    package = Path(__file__).resolve().parent
    inside = package / "graph"
    return inside if inside.is_dir() else package.parents[1]


def read(root: Path) -> Sources:
    """Read every source file below `root`.

    Faults are collected, not raised, so that an editor sees all of them at once: a file's first syntax
    fault, and every literal, language tag, blank node and slug that a release could not hold.
    """
    faults: list[SourceError] = []
    files: list[SourceFile] = []
    names: dict[str, str] = {}
    for path in _source_paths(root):
        relative = path.relative_to(root).as_posix()
        if not re.fullmatch(r"[A-Za-z0-9./_-]+", relative):
            shown = relative.encode("ascii", "backslashreplace").decode()
            message = "a file is called after its thing, with a-z, 0-9 and - only; rename it"
            faults.append(SourceError(shown, 1, message))
            continue
        file, file_faults = read_file(path, relative)
        faults += file_faults
        if file is None:
            continue
        if file.name in names:
            message = f"this and {names[file.name]} would be one graph; merge or rename them"
            faults.append(SourceError(relative, 1, message))
        names[file.name] = relative
        files.append(_skolemised(file) if relative.startswith("shapes/") else file)
    base = _base(files)
    if base is None or not BASE.fullmatch(base):
        message = 'state the base of the data set: <…/dataset> void:uriSpace "https://…/", with a slash at its end'
        line = next((f.lines.mention(base) for f in files if base and f.path == "data/catalog.ttl"), 1)
        faults.append(SourceError("data/catalog.ttl", line or 1, message))
        return Sources(root, "urn:unitgraph:none/", tuple(files), tuple(faults))
    sources = Sources(root, base, tuple(files), tuple(faults))
    return Sources(root, base, sources.files, (*faults, *_slug_faults(sources)))


def read_file(
    path: Path, relative: str, *, blank_nodes: bool | None = None
) -> tuple[SourceFile | None, list[SourceError]]:
    """Read one file and check its syntax and its literals; blank nodes are for shapes alone.

    Returns the file, or None where it cannot be parsed, and the faults found. Nothing is fetched from
    the network: a remote JSON-LD context is a fault.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        message = f"{suffix or path.name} is not read as a source; write Turtle (.ttl), TriG, N-Triples, N-Quads"
        return None, [SourceError(relative, 1, message + ", or JSON-LD with its context inside")]
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None, [SourceError(relative, 1, f"larger than {MAX_FILE_BYTES >> 20} MiB; split it")]
        data = path.read_bytes()
    except OSError as error:
        return None, [SourceError(relative, 1, f"cannot be read ({error.strerror}); mend or delete it")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, [SourceError(relative, line, f"byte 0x{data[error.start]:02x} is not UTF-8; save it as UTF-8")]
    if text.startswith("\ufeff"):
        return None, [SourceError(relative, 1, "starts with a byte order mark; save it as UTF-8 without BOM")]
    if suffix == ".jsonld" and (deep := too_deep(text)):
        return None, [SourceError(relative, deep, f"nested more than {MAX_JSON_DEPTH} deep; write it flat")]
    try:
        quads = tuple(parse(text.encode(), format=FORMATS[suffix]))
    except SyntaxError as error:
        return None, [SourceError(relative, *_syntax_fault(error, text))]
    if suffix == ".jsonld" and (lost := _lost_in_json_ld(text, quads)):
        return None, [SourceError(relative, *lost)]
    file = SourceFile(relative, text, quads)
    allowed = relative.startswith("shapes/") if blank_nodes is None else blank_nodes
    return file, list(_content_faults(file, blank_allowed=allowed))


def _source_paths(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            parts = path.relative_to(root).parts
            if (
                path.is_dir()
                or any(part.startswith((".", "_")) for part in parts)
                or parts[:2] == ("shapes", "examples")
            ):
                continue
            if path.suffix in IGNORED_SUFFIXES or path.name.endswith("~"):
                continue
            yield path


def _syntax_fault(error: SyntaxError, text: str) -> tuple[int, str]:
    message = re.sub(r"^Parser error (at|between) line [a-z\d ]+: ", "", error.msg or "")
    if error.lineno:
        return min(error.lineno, text.rstrip().count("\n") + 1), message or "not well-formed"
    if "LoadDocumentCallback" in message:
        return remote_context(text)
    try:
        json.loads(text)
    except json.JSONDecodeError as fault:
        return fault.lineno, fault.msg
    except RecursionError:
        return 1, "nested too deeply"
    return 1, message or "not well-formed"


def remote_context(text: str) -> tuple[int, str]:
    """Where JSON-LD names a context that would have to be fetched, and what to do."""
    # a context that is a string, alone or in an array, stands for an address
    address = r'"@(context|import)"\s*:\s*(\[([^\[\]{}"]|\{[^{}]*\})*)?"'
    found = re.search(address, text) or re.search("@context", text)
    line = text.count("\n", 0, found.start()) + 1 if found else 1
    return line, "a remote JSON-LD context is not fetched; write the context inside the file"


def too_deep(text: str) -> int | None:
    """The line on which JSON nests deeper than its parser can go; nothing catches it there."""
    depth = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_JSON_DEPTH:
            return text.count("\n", 0, match.start()) + 1
    return None


def _lost_in_json_ld(text: str, quads: tuple[Quad, ...]) -> tuple[int, str] | None:
    """What a JSON-LD processor drops in silence: nodes with a relative name, and everything in plain JSON."""
    relative = None if "@base" in text or "@vocab" in text else re.search(r'"@id"\s*:\s*"([^":]*)"', text)
    if relative:
        return text.count("\n", 0, relative.start()) + 1, f"{_short(relative[1])} is no IRI; write every @id in full"
    return None if quads else (1, "no statement could be read; is the context complete?")


def _content_faults(file: SourceFile, *, blank_allowed: bool) -> Iterator[SourceError]:
    seen: set[Literal] = set()
    store = Store()
    store.bulk_extend(Quad(quad.subject, quad.predicate, quad.object) for quad in file.quads)
    kept = {(quad.subject, quad.predicate, quad.object) for quad in store}
    for quad in file.quads:
        subject, predicate, value = quad.subject, quad.predicate, quad.object
        if not isinstance(quad.graph_name, DefaultGraph):
            line = file.lines.mention(quad.graph_name.value) or 1
            yield SourceError(file.path, line, "the graph of a source is its file; take the statements out of GRAPH")
            return
        if isinstance(value, Triple):
            why = "a statement about a statement is not read by every tool; write a ug:Claim"
            yield SourceError(file.path, file.lines.blank or 1, why)
            return
        if not blank_allowed and (isinstance(subject, BlankNode) or isinstance(value, BlankNode)):
            named = subject.value if isinstance(subject, NamedNode) else ""
            line = file.lines.blank or file.lines.find(named, predicate.value)[1]
            yield SourceError(file.path, line, "blank node; give it an IRI made from its owner's slug")
            return
        for term in (subject, value):
            text = "" if isinstance(term, Triple) else term.value
            if text == "…" or (isinstance(term, NamedNode) and "…" in text):
                line = file.lines.mention(text) or 1
                yield SourceError(
                    file.path, line, "an ellipsis of the skeleton is left; fill it in, or delete the statement"
                )
                return
        if isinstance(value, Literal) and value not in seen:
            seen.add(value)
            changed = (subject, predicate, value) not in kept and not isinstance(subject, BlankNode)
            if message := _literal_fault(value, changed):
                named = subject.value if isinstance(subject, NamedNode) else ""
                line = file.lines.find(named, predicate.value, value.value)[1]
                yield SourceError(file.path, line, message)


def _literal_fault(literal: Literal, changed: bool) -> str | None:
    """What keeps a literal out of a release, as a sentence; None if nothing does."""
    value, datatype = literal.value, literal.datatype.value
    if len(value) > MAX_LITERAL_CHARACTERS:
        return f"a literal of {len(value):,} characters; the limit is {MAX_LITERAL_CHARACTERS:,}"
    if control := next((c for c in value if ord(c) < 32 and c not in "\t\n\r"), None):
        return f"control character U+{ord(control):04X} in a literal; RDF/XML cannot hold it, remove it"
    if not unicodedata.is_normalized("NFC", value):
        return f"{_short(value)} is not in Unicode normal form C; write it precomposed"
    if literal.language:
        if literal.direction:
            return f"--{str(literal.direction).lower()} is not read by every tool; write @{literal.language} alone"
        if not langcodes.tag_is_valid(literal.language):
            return f"@{literal.language} is no language tag of BCP 47; write for instance @en, @de, @zh-hant"
        if len(literal.language.split("-")[0]) == 3 and (short := _shortest(literal.language)):
            return f"@{literal.language} has a shorter form that BCP 47 asks for; write @{short}"
        return None
    if datatype.startswith(XSD):
        form = LEXICAL_FORMS.get(datatype[len(XSD) :])
        if form is None:
            return f"xsd:{datatype[len(XSD) :]} is not used in this data set; use xsd:{', xsd:'.join(LEXICAL_FORMS)}"
        if not re.fullmatch(form, value) or not _day_exists(datatype[len(XSD) :], value):
            return f"{_short(value)} is no xsd:{datatype[len(XSD) :]}"
    if changed:
        store = Store()
        store.add(Quad(NamedNode("urn:s"), NamedNode("urn:p"), literal))
        stored = next(iter(store)).object
        assert isinstance(stored, Literal)
        return f"{_short(value)} would be stored as {_short(stored.value)}; write that"
    return None


def _shortest(tag: str) -> str | None:
    standard = langcodes.standardize_tag(tag)
    return standard if len(standard) < len(tag) else None


def _day_exists(datatype: str, value: str) -> bool:
    if datatype not in ("date", "dateTime", "gMonthDay"):
        return True
    date = value.split("T")[0]
    month_day = re.search(r"(\d\d)-(\d\d)(Z|[+-]\d\d:\d\d)?$", date)
    if not month_day:
        return False
    month, day = int(month_day[1]), int(month_day[2])
    if datatype != "gMonthDay" and (month, day) == (2, 29):
        year = int(date[: month_day.start() - 1])
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= DAYS_IN_MONTH[month - 1]


def _short(text: str) -> str:
    return json.dumps(text if len(text) <= 60 else text[:57] + "…", ensure_ascii=False)


def _slug_faults(sources: Sources) -> Iterator[SourceError]:
    """IRIs under the base are `<segment>/<slug>`, both `[a-z0-9-]+`, or one of the few without a slug."""
    good = re.compile(re.escape(sources.base) + r"([a-z-]+/[a-z0-9-]+|dataset(#[a-z-]+)?|catalog)?")
    for file in sources.files:
        if not file.path.startswith("data/"):
            continue
        terms = {term for quad in file.quads for term in (quad.subject, quad.object) if isinstance(term, NamedNode)}
        for iri in sorted(term.value for term in terms):
            if iri.startswith(sources.base) and not good.fullmatch(iri):
                message = f"{iri[len(sources.base) :]} is no <segment>/<slug>; a slug has only a-z, 0-9 and -"
                yield SourceError(file.path, file.lines.mention(iri) or 1, message)


def read_base(root: Path) -> str:
    """The canonical base of a data set, without reading the rest of it.

    Raises:
        SourceError: the catalogue is missing or does not state it.
    """
    path = root / "data" / "catalog.ttl"
    if not path.exists():
        raise SourceError("data/catalog.ttl", 1, "missing; it describes the data set and states its base")
    file, faults = read_file(path, "data/catalog.ttl")
    base = _base([file]) if file else None
    if base is None:
        raise faults[0] if faults else SourceError("data/catalog.ttl", 1, "states no void:uriSpace")
    return base


def _base(files: Iterable[SourceFile]) -> str | None:
    for file in files:
        if file.path == "data/catalog.ttl":
            for quad in file.quads:
                if quad.predicate.value == PREFIXES["void"] + "uriSpace" and isinstance(quad.object, Literal):
                    return quad.object.value
    return None


def _skolemised(file: SourceFile) -> SourceFile:
    """Blank nodes (lists and paths of shapes) get IRIs that depend only on the file's content (RDFC-1.0)."""
    dataset = Dataset(file.quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    stem = file.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]

    def named(node: object) -> object:
        return NamedNode(f"{GENID}{stem}-{node.value}") if isinstance(node, BlankNode) else node

    quads = tuple(Quad(named(q.subject), q.predicate, named(q.object)) for q in dataset)  # type: ignore[arg-type]
    return SourceFile(file.path, file.text, quads)
