"""Query files: SPARQL with a header of `#+ key: value` lines, so that any tool can run them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, NamedNode, QuerySolutions, QueryTriples, Store

from unitgraph.errors import BadRequest, QuerySyntaxError, SourceError
from unitgraph.vocab import PREFIXES

SEVERITIES = ("Violation", "Warning", "Info")  #: of a finding, the gravest first (SHACL §2.1.4)
TYPES = {"iri": "", "string": "string", "integer": "integer", "date": "date", "language": "string"}


@dataclass(frozen=True)
class Parameter:
    """A variable of a saved query that the reader may choose.

    `kind` is one of iri, string, integer, date, language; `default` its lexical form.
    """

    name: str
    kind: str
    default: str

    def term(self, value: str) -> NamedNode | Literal:
        """The term that a reader's text stands for; it is bound, never pasted into the query.

        Raises:
            BadRequest: the text is not of this parameter's kind.
        """
        if self.kind == "iri":
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>\"{}|\\^`]+", value):
                raise BadRequest(f"parameter {self.name}: {value[:60]!r} is no absolute IRI")
            try:
                return NamedNode(value)
            except ValueError as error:
                raise BadRequest(f"parameter {self.name}: {value[:60]!r} is no IRI ({error})") from error
        if self.kind == "integer" and not re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
            raise BadRequest(f"parameter {self.name}: {value[:60]!r} is no whole number")
        if self.kind == "date" and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise BadRequest(f"parameter {self.name}: {value[:60]!r} is no date like 2021-04-22")
        return Literal(value, datatype=NamedNode(PREFIXES["xsd"] + TYPES[self.kind]))


@dataclass(frozen=True)
class SavedQuery:
    """A question with its answer in SPARQL: the value of one `.rq` file."""

    name: str
    text: str
    header: tuple[tuple[str, str], ...]

    def get(self, key: str) -> str:
        """The value of a header line, or an empty string."""
        return next((value for name, value in self.header if name == key), "")

    @property
    def summary(self) -> str:
        return self.get("summary")

    @property
    def question(self) -> str:
        return self.get("question") or self.summary

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(tag.strip() for tag in self.get("tags").split(",") if tag.strip())

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        found = []
        for key, value in self.header:
            if key.startswith("parameter."):
                kind, _, default = value.partition(" ")
                found.append(Parameter(key.removeprefix("parameter."), kind, default.strip().strip("<>")))
        return tuple(found)

    @property
    def form(self) -> str:
        """SELECT, ASK, CONSTRUCT or DESCRIBE."""
        return query_form(self.text)

    def bindings(self, values: dict[str, str]) -> dict[str, NamedNode | Literal]:
        """The terms for the parameters: the reader's `values`, else the defaults.

        Raises:
            BadRequest: an unknown parameter, or a value that is not of its kind.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := sorted(set(values) - set(known)):
            offered = ", ".join(known) or "none"
            raise BadRequest(f"no parameter {unknown[0]!r}; this query has: {offered}")
        return {name: p.term(values.get(name) or p.default) for name, p in known.items()}


def syntax_error(error: SyntaxError, text: str) -> QuerySyntaxError:
    """What the engine's parser said, with line and column, as a sentence that a librarian can use."""
    said = error.msg or "not SPARQL"
    match = re.match(r"error at (\d+):(\d+): (.*)", said, re.DOTALL)
    if not match:
        return QuerySyntaxError(re.sub(r"\s+", " ", said))
    line, column = int(match[1]), int(match[2])
    rows = text.splitlines() or [""]
    if line > len(rows):
        line, column = len(rows), len(rows[-1]) + 1
    near = rows[line - 1][max(0, column - 1) :][:20].strip()
    place = f"near {near!r}" if near else "at the end of the line"
    bare = re.sub(r"<[^>\s]*>|#[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", " ", text)
    for opening, closing in ("{}", "()", "[]"):
        if (missing := bare.count(opening) - bare.count(closing)) > 0:
            return QuerySyntaxError(f"not SPARQL: {missing} {opening} without its {closing}", line, column)
        if missing < 0:
            return QuerySyntaxError(f"not SPARQL: {-missing} {closing} without its {opening}", line, column)
    declared = set(re.findall(r"(?i)\bPREFIX\s+([\w-]*):", text))
    used = re.findall(r"(?<![\w:?$@-])([A-Za-z][\w-]*):(?=[\w])", bare)
    if missing_prefix := next((prefix for prefix in used if prefix not in declared), None):
        known = PREFIXES.get(missing_prefix, "…")
        return QuerySyntaxError(
            f"not SPARQL: the prefix {missing_prefix}: is not declared; begin with PREFIX {missing_prefix}: <{known}>",
            line,
            column,
        )
    expected = re.sub(r"\s+", " ", match[3]).replace(", [_]", "").replace("[_]", "more")
    expected = expected if len(expected) < 120 else expected[:117] + "…"
    return QuerySyntaxError(f"not SPARQL {place}: {expected}", line, column)


def query_form(text: str) -> str:
    """The form of a query, by the first keyword that is not in a comment, an IRI or the prologue.

    >>> query_form("# SELECT\\nPREFIX a: <http://a/ASK> ASK { ?s a:b ?o }")
    'ASK'
    """
    bare = re.sub(r"<[^>\s]*>|#[^\n]*|\"[^\"\n]*\"", " ", text)
    match = re.search(r"\b(SELECT|ASK|CONSTRUCT|DESCRIBE)\b", bare, re.IGNORECASE)
    return match[1].upper() if match else ""


def parse(name: str, text: str) -> SavedQuery:
    """The saved query in the text of a `.rq` file."""
    header = re.findall(r"^#\+[ \t]*([\w.]+):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE)
    return SavedQuery(name, text, tuple(header))


def read_folder(folder: Path) -> tuple[SavedQuery, ...]:
    """Every `.rq` file of a folder, by name."""
    paths = sorted(path for path in folder.glob("*.rq") if path.is_file())
    return tuple(parse(path.stem, path.read_text("utf-8")) for path in paths)


def faults(folder: Path, root: Path) -> Iterator[SourceError]:
    """What is wrong with the query files of a folder: encoding, name, header, parameters, syntax, form.

    A rule (`…/rules/`) is a CONSTRUCT, a check (`…/checks/`) a SELECT that has ?this.
    """
    for path in sorted(path for path in folder.glob("*.rq") if path.is_file()):
        yield from file_faults(path, path.relative_to(root).as_posix())


def file_faults(path: Path, relative: str) -> Iterator[SourceError]:
    """What is wrong with one query file; the folder in which it stands tells what it is for."""
    try:
        query = parse(path.stem, path.read_text("utf-8"))
    except UnicodeDecodeError:
        yield SourceError(relative, 1, "not UTF-8; save it as UTF-8")
    except OSError as error:
        yield SourceError(relative, 1, f"cannot be read ({error.strerror}); mend or delete it")
    else:
        for line, message in _faults(query, path.absolute().parent.name):
            yield SourceError(relative, line, message)


def _faults(query: SavedQuery, folder: str) -> Iterator[tuple[int, str]]:
    if not re.fullmatch(r"[a-z0-9-]+", query.name):
        yield 1, "the name of a query has only a-z, 0-9 and -"
    if not query.summary:
        yield 1, "say what it answers: a first line `#+ summary: …`"
    body = re.sub(r"(?m)^#.*$", "", query.text)
    for parameter in query.parameters:
        line = _line(query.text, f"parameter.{parameter.name}:")
        if parameter.kind not in TYPES or not parameter.default:
            yield line, f"parameter {parameter.name}: write `<kind> <default>`, kind one of {', '.join(TYPES)}"
            continue
        if not re.search(rf"[?$]{re.escape(parameter.name)}\b", body):
            yield line, f"parameter {parameter.name} does not occur in the query; use ?{parameter.name} or drop it"
        try:
            parameter.term(parameter.default)
        except BadRequest as error:
            yield line, f"{error}; mend the default"
    try:
        answer = Store().query(query.text, use_default_graph_as_union=True)
    except SyntaxError as error:
        told = syntax_error(error, query.text)
        yield told.line or 1, told.sentence
        return
    if folder == "rules" and not isinstance(answer, QueryTriples):
        yield 1, "a rule is a CONSTRUCT: its triples are what is inferred"
    if folder == "checks" and query.get("severity") not in ("", *SEVERITIES):
        yield _line(query.text, "severity:"), f"severity is one of {', '.join(SEVERITIES)}"
    if folder == "checks" and not (
        isinstance(answer, QuerySolutions) and "this" in {variable.value for variable in answer.variables}
    ):
        yield 1, "a check is a SELECT that has ?this, the thing to mend"


def _line(text: str, needle: str) -> int:
    return next((number for number, row in enumerate(text.splitlines(), 1) if needle in row), 1)
