"""The W3C's SPARQL tests over HTTP: against any endpoint that holds their data, or a server started for them.

    python tests/suites.py                            every test, against `unitgraph serve --rdf`
    python tests/suites.py --sample 200 --seed 3      some of them
    python tests/suites.py --write data.nq            only write the data, one named graph a file
    python tests/suites.py --url http://…/sparql      against an endpoint that has loaded data.nq

How the tests are read and judged: `../shared/suites/README.md`. No test is known here by name.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import http.client
import io
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    RdfFormat,
    Store,
    Triple,
    parse,
    parse_query_results,
)

SUITES = Path(__file__).resolve().parents[2] / "shared" / "suites"
KINDS = ("protocol", "service-description", "eval", "syntax-good", "syntax-bad", "update", "update-bad")
NOTHING = "urn:x-suites:nothing"  #: a graph that does not exist
MAX_ADDRESS = 7_000  #: characters of a query that may stand in an address
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
SD = "http://www.w3.org/ns/sparql-service-description#"
RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
XSD = "http://www.w3.org/2001/XMLSchema#"
FORM, QUERY, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
SUFFIXES = {
    "srx": "application/sparql-results+xml",
    "srj": "application/sparql-results+json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "ttl": "text/turtle",
    "nt": "application/n-triples",
    "rdf": "application/rdf+xml",
}
RESULTS = {
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}
#: The formats that may answer where a protocol test says what it expects.
FORMATS = {
    "boolean": {"application/sparql-results+xml", "application/sparql-results+json"},
    "tabular": {*RESULTS, "text/csv"},
    "RDF": {"application/rdf+xml", "text/turtle", "application/n-triples", "text/html"},
}
INTEGERS = re.compile("((nonP|nonN|p|n)(osi|ega)tive)?[iI]nteger|(unsigned)?([lL]ong|[iI]nt|[sS]hort|[bB]yte)")
Test = dict[str, Any]


class Failed(AssertionError):
    """A test that did not pass, and why."""


class Skipped(Exception):
    """A test that cannot be run here, and why."""


def index() -> tuple[str, list[Test]]:
    """The base of the suite, and the tests that speak HTTP."""
    value = json.loads((SUITES / "w3c-rdf-tests" / "index.json").read_text("utf-8"))
    return value["base"], [test for test in value["tests"] if test["kind"] in KINDS]


def limits() -> dict[str, str]:
    """The tests that the bare engine fails, each with its reason."""
    value = json.loads((SUITES / "engine-limits.json").read_text("utf-8"))
    return {test["id"]: test["reason"] for test in value["tests"]}


# The data ------------------------------------------------------------------------------------------


def write_data(path: Path) -> None:
    """One file of N-Quads with every graph of every test under its name."""
    base, tests = index()
    graphs: dict[str, set[str]] = {}
    for test in tests:
        for file in (*test.get("data", ()), *test.get("from", ())):
            graphs.setdefault(file, set()).add(base + file)
        for name, file in test.get("graphs", ()):
            graphs.setdefault(file, set()).add(absolute(base, name))
    with path.open("w", encoding="utf-8") as out:
        for file, names in sorted(graphs.items()):
            for name in sorted(names):
                for quad in read(base, file):
                    graph = NamedNode(name) if isinstance(quad.graph_name, DefaultGraph) else quad.graph_name
                    out.write(f"{Quad(quad.subject, quad.predicate, quad.object, graph)} .\n")


def absolute(base: str, name: str) -> str:
    return name if "://" in name else base + name


def read(base: str, file: str) -> Iterator[Quad]:
    """The quads of a file; blank nodes of two files, or of two readings of one, are different."""
    rdf = RdfFormat.from_extension(file.rpartition(".")[2])
    data = (SUITES / "w3c-rdf-tests" / file).read_bytes()
    for quad in parse(data, format=rdf, base_iri=base + file, rename_blank_nodes=True):
        yield quad if isinstance(quad, Quad) else Quad(quad.subject, quad.predicate, quad.object)


# HTTP ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    body: bytes = field(repr=False)

    def text(self) -> str:
        return re.sub(r"\s+", " ", self.body.decode("utf-8", "replace"))[:200]


class Endpoint:
    """A SPARQL endpoint, asked over one connection."""

    def __init__(self, url: str) -> None:
        self.url, parts = url, urlsplit(url)
        self.path = parts.path
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.netloc, timeout=60)

    def send(self, method: str, query_string: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """One request; a connection that the other side has closed is opened again."""
        address = self.path + (f"?{query_string}" if query_string else "")
        for last in (False, True):
            try:
                self.connection.request(method, address, body, headers)
                response = self.connection.getresponse()
                media_type = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
                return Answer(response.status, media_type, response.read())
            except (http.client.HTTPException, OSError) as error:
                self.connection.close()
                if last:
                    raise Failed(f"no answer: {error!r}") from error
        raise AssertionError

    def ask(self, text: str, way: int, accept: str, dataset: tuple[tuple[str, str], ...] = ()) -> Answer:
        """A query in one of the three ways of SPARQL 1.1 Protocol §2.1."""
        pairs = (("query", text), *dataset)
        headers = {"Accept": accept}
        if way == 0 and len(urlencode(pairs)) <= MAX_ADDRESS:
            return self.send("GET", urlencode(pairs), headers)
        if way == 1:
            return self.send("POST", urlencode(dataset), headers | {"Content-Type": QUERY}, text.encode())
        return self.send("POST", "", headers | {"Content-Type": FORM}, urlencode(pairs).encode())

    def close(self) -> None:
        self.connection.close()

    def digest(self) -> str:
        """SHA-256 of everything that the endpoint holds."""
        text = "SELECT ?g ?s ?p ?o { { GRAPH ?g { ?s ?p ?o } } UNION { ?s ?p ?o } }"
        answer = self.ask(text, 2, "text/tab-separated-values")
        if answer.status != 200:
            raise Failed(f"{answer.status} for all the data: {answer.text()}")
        return hashlib.sha256(b"\n".join(sorted(answer.body.split(b"\n")))).hexdigest()


def way(test: Test, ways: int = 3) -> int:
    """How this test asks: spread over the ways, the same in every run."""
    return int(hashlib.sha256(test["id"].encode()).hexdigest(), 16) % ways


# The kinds of test ---------------------------------------------------------------------------------


def run(endpoint: Endpoint, base: str, test: Test) -> str:
    """Run one test; returns what is worth saying of one that passes.

    Raises:
        Failed, Skipped: with the reason.
    """
    match test["kind"]:
        case "protocol":
            return protocol(endpoint, test)
        case "service-description":
            return service_description(endpoint)
        case "eval":
            return evaluate(endpoint, base, test)
        case "syntax-good" | "syntax-bad":
            return syntax(endpoint, base, test)
    return update(endpoint, test)


def protocol(endpoint: Endpoint, test: Test) -> str:
    """Each request as it is written; updates are refused, and what would ask for their effect is left out."""
    for request in test["requests"]:
        query_string = urlsplit(request["path"]).query
        headers = {name.title(): value for name, value in request["headers"]}
        body = request.get("body")
        data = body.encode(request.get("encoding") or "utf-8") if body is not None else None
        answer = endpoint.send(request["method"], query_string, headers, data)
        expect = request["expect"]
        updates = UPDATE in headers.get("Content-Type", "") or "update" in {
            *parse_qs(query_string),
            *parse_qs(body or ""),
        }
        classes = ["4xx"] if updates else expect["status"]
        what = f"{request['method']} {request['path'][:60]}"
        if f"{answer.status // 100}xx" not in classes:
            raise Failed(f"{what}: {answer.status}, not {' or '.join(classes)}: {answer.text()}")
        if updates:
            return ""
        if expect.get("format") and answer.media_type not in FORMATS[expect["format"]]:
            raise Failed(f"{what}: {answer.media_type} is no {expect['format']} format")
        if "boolean" in expect:
            found = parse_query_results(answer.body, format=RESULTS[answer.media_type])
            if not isinstance(found, QueryBoolean) or bool(found) is not expect["boolean"]:
                raise Failed(f"{what}: the answer is not {expect['boolean']}")
    return ""


def update(endpoint: Endpoint, test: Test) -> str:
    """An update is refused whichever way it comes."""
    text = source(test).decode("utf-8", "replace")
    form, plain = {"Content-Type": FORM}, {"Content-Type": UPDATE}
    as_update, as_query = urlencode({"update": text}), urlencode({"query": text})
    tries = (
        ("POST of a form", "POST", "", form, as_update),
        ("POST of an update", "POST", "", plain, text),
        ("GET", "GET", as_update, {}, None),
        ("GET as a query", "GET", as_query, {}, None),
        ("POST of a form as a query", "POST", "", form, as_query),
        ("POST as a query", "POST", "", {"Content-Type": QUERY}, text),
    )
    for what, method, query_string, headers, body in tries:
        answer = endpoint.send(method, query_string, headers, body.encode() if body is not None else None)
        if not 400 <= answer.status < 500:
            raise Failed(f"{what}: {answer.status}, not 4xx: {answer.text()}")
    return ""


def source(test: Test) -> bytes:
    return (SUITES / "w3c-rdf-tests" / test["action"]).read_bytes()


def with_base(base: str, test: Test) -> str:
    """The text of a query, its base stated."""
    home = test.get("assumedTestBase", base + test["manifest"].rpartition("/")[0] + "/")
    name = test["action"].removeprefix(test["manifest"].rpartition("/")[0] + "/")
    return f"BASE <{home}{name}>\n{source(test).decode('utf-8')}"


def syntax(endpoint: Endpoint, base: str, test: Test) -> str:
    """A query that is taken, or one that is refused with 400."""
    text = with_base(base, test)
    answer = endpoint.ask(text, way(test), "*/*", (("default-graph-uri", NOTHING),))
    if test["kind"] == "syntax-good" and answer.status == 403 and re.search(r"\bSERVICE\b", text, re.IGNORECASE):
        raise Skipped("SERVICE is switched off by configuration")
    expected = 200 if test["kind"] == "syntax-good" else 400
    if answer.status != expected:
        raise Failed(f"{answer.status}, not {expected}: {answer.text()}")
    return ""


def evaluate(endpoint: Endpoint, base: str, test: Test) -> str:
    """A query gives the expected table, truth or graph, in the format of the result file."""
    expected = expectation(base, test)
    table = not isinstance(expected, Dataset)
    suffix = test["result"].rpartition(".")[2]
    if table and suffix not in ("srx", "srj", "csv", "tsv"):
        suffix = ("srx", "srj")[way(test, 2)]
    answer = endpoint.ask(with_base(base, test), way(test), SUFFIXES[suffix], dataset(base, test))
    if answer.status != 200:
        raise Failed(f"{answer.status}, not 200: {answer.text()}")
    if answer.media_type != SUFFIXES[suffix]:
        raise Failed(f"{answer.media_type or 'no type'}, not {SUFFIXES[suffix]}")
    try:
        found = result(answer.body, suffix, base)
    except (SyntaxError, ValueError) as error:
        raise Failed(f"the answer cannot be read: {error}") from error
    if isinstance(expected, Table) and isinstance(found, Table):
        return same_table(expected, found, lax=bool(test.get("lax")))
    if isinstance(expected, Dataset) and isinstance(found, Dataset):
        return same_graph(expected, found)
    if expected is not found:
        raise Failed(f"the answer is {found}, not {expected}")
    return ""


def dataset(base: str, test: Test) -> tuple[tuple[str, str], ...]:
    """The data set of a test as parameters; none where the query names it itself."""
    if test.get("from"):
        return ()
    named = [absolute(base, name) for name, _ in test.get("graphs", ())]
    for file in test.get("data", ()):
        named += {q.graph_name.value for q in read(base, file) if isinstance(q.graph_name, NamedNode)}
    default = [base + file for file in test.get("data", ())] or [NOTHING]
    pairs = [("default-graph-uri", name) for name in default]
    return (*pairs, *(("named-graph-uri", name) for name in sorted(set(named))))


# Service description -------------------------------------------------------------------------------

CLASSES = {"Service", "Feature", "Language", "Function", "Aggregate", "EntailmentRegime", "EntailmentProfile"}
CLASSES |= {"GraphCollection", "Dataset", "Graph", "NamedGraph"}
FEATURES = {"DereferencesURIs", "UnionDefaultGraph", "RequiresDataset", "EmptyGraphs", "BasicFederatedQuery"}
LANGUAGES = {"SPARQL10Query", "SPARQL11Query", "SPARQL11Update"}
#: Each property with the class of its subject and, where it matters here, of its value (§3.4 of the vocabulary).
PROPERTIES = {
    "endpoint": ("Service", ""),
    "feature": ("Service", ""),
    "defaultEntailmentRegime": ("Service", ""),
    "entailmentRegime": ("NamedGraph", ""),
    "defaultSupportedEntailmentProfile": ("Service", ""),
    "supportedEntailmentProfile": ("NamedGraph", ""),
    "extensionFunction": ("Service", ""),
    "extensionAggregate": ("Service", ""),
    "languageExtension": ("Service", ""),
    "supportedLanguage": ("Service", ""),
    "propertyFeature": ("Service", ""),
    "defaultDataset": ("Service", "Dataset"),
    "availableGraphs": ("Service", "GraphCollection"),
    "resultFormat": ("Service", ""),
    "inputFormat": ("Service", ""),
    "defaultGraph": ("Dataset", "Graph"),
    "namedGraph": ("GraphCollection", "NamedGraph"),
    "name": ("NamedGraph", ""),
    "graph": ("NamedGraph", "Graph"),
}


def service_description(endpoint: Endpoint) -> str:
    """GET gives RDF, it names the address that was asked, and uses the vocabulary as that says."""
    answer = endpoint.send("GET", "", {"Accept": "text/turtle, application/rdf+xml;q=0.8"})
    if answer.status != 200 or answer.media_type not in FORMATS["RDF"]:
        raise Failed(f"{answer.status} {answer.media_type}, not RDF")
    store = Store()
    store.load(answer.body, format=RdfFormat.from_media_type(answer.media_type), base_iri=endpoint.url)
    services = {quad.subject for quad in store.quads_for_pattern(None, sd("endpoint"), NamedNode(endpoint.url))}
    if len(services) != 1:
        raise Failed(f"{len(services)} services with sd:endpoint <{endpoint.url}>")
    for quad in store:
        if quad.predicate == RDF_TYPE and quad.object.value.startswith(SD):
            need(quad.object.value[len(SD) :] in CLASSES, f"{quad.object} is no class")
        if not quad.predicate.value.startswith(SD):
            continue
        name = quad.predicate.value[len(SD) :]
        need(name in PROPERTIES, f"{quad.predicate} is no property")
        domain, value = PROPERTIES[name]
        need(is_a(store, quad.subject, domain), f"{quad.subject} has sd:{name} and is no sd:{domain}")
        need(not isinstance(quad.object, Literal), f"sd:{name} is a literal")
        need(not value or is_a(store, quad.object, value), f"{quad.object} is no sd:{value}")
        for known, of in ((FEATURES, "feature"), (LANGUAGES, "supportedLanguage")):
            if name == of and quad.object.value.startswith(SD):
                need(quad.object.value[len(SD) :] in known, f"{quad.object} is no {of}")
    for quad in store.quads_for_pattern(None, RDF_TYPE, sd("NamedGraph")):
        names = list(store.quads_for_pattern(quad.subject, sd("name"), None))
        need(len(names) == 1, f"{quad.subject} has {len(names)} names")
    return ""


def sd(name: str) -> NamedNode:
    return NamedNode(SD + name)


def is_a(store: Store, node: Any, cls: str) -> bool:
    """Whether a node is said to be of a class, or of one below it."""
    below = {"GraphCollection": ("Dataset",), "Graph": ("NamedGraph",)}.get(cls, ())
    return any(Quad(node, RDF_TYPE, sd(name)) in store for name in (cls, *below))


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


# Results and their comparison ----------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Solutions; in order where the order counts. A CSV has strings in place of terms."""

    variables: frozenset[str]
    rows: tuple[tuple[Any, ...], ...]
    ordered: bool = False


def expectation(base: str, test: Test) -> Table | Dataset | bool:
    """What a test expects."""
    file, suffix = test["result"], test["result"].rpartition(".")[2]
    if suffix in ("srx", "srj", "csv", "tsv"):
        return result((SUITES / "w3c-rdf-tests" / file).read_bytes(), suffix, base)
    quads = list(read(base, file))
    if any(quad.object == NamedNode(f"{RS}ResultSet") for quad in quads):
        return result_set(quads)
    return Dataset(quads)


def result(data: bytes, suffix: str, base: str) -> Table | Dataset | bool:
    """An answer in one of the formats."""
    if suffix == "csv":
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
        order = sorted(range(len(rows[0])), key=lambda n: rows[0][n])
        cells = tuple(tuple(csv_term(row[n]) for n in order) for row in rows[1:])
        return Table(frozenset(rows[0]), cells)
    if suffix not in ("srx", "srj", "tsv"):
        rdf = RdfFormat.from_media_type(SUFFIXES[suffix])
        return Dataset(Quad(t.subject, t.predicate, t.object) for t in parse(data, format=rdf, base_iri=base))
    found = parse_query_results(data, format=RESULTS[SUFFIXES[suffix]])
    if isinstance(found, QueryBoolean):
        return bool(found)
    names = sorted(variable.value for variable in found.variables)
    return Table(frozenset(names), tuple(tuple(row[name] for name in names) for row in found))


def csv_term(text: str) -> BlankNode | Literal:
    return BlankNode(text[2:]) if re.fullmatch(r"_:[A-Za-z0-9]+", text) else Literal(text)


def result_set(quads: list[Quad]) -> Table | bool:
    """A table or a truth that is told in RDF (the vocabulary of the first SPARQL tests)."""
    values: dict[Any, dict[str, list[Any]]] = {}
    for quad in quads:
        values.setdefault(quad.subject, {}).setdefault(quad.predicate.value.removeprefix(RS), []).append(quad.object)
    [root] = [said for node, said in values.items() if Quad(node, RDF_TYPE, NamedNode(f"{RS}ResultSet")) in quads]
    if "boolean" in root:
        return root["boolean"][0].value == "true"
    names = sorted({variable.value for variable in root.get("resultVariable", ())})
    rows = []
    for solution in root.get("solution", ()):
        said_of = values.get(solution, {})
        bindings = [values[node] for node in said_of.get("binding", ())]
        row = {said["variable"][0].value: said["value"][0] for said in bindings}
        place = int(said_of["index"][0].value) if "index" in said_of else 0
        rows.append((place, tuple(row.get(name) for name in names)))
    ordered = bool(rows) and all(place for place, _ in rows)
    rows.sort(key=lambda pair: pair[0])
    return Table(frozenset(names), tuple(row for _, row in rows), ordered)


def by_value(term: Any) -> Any:
    """A term with its numbers and truths in one form; a number keeps its kind (integer, decimal, float, double)."""
    if isinstance(term, Triple):
        return Triple(by_value(term.subject), term.predicate, by_value(term.object))
    if not isinstance(term, Literal) or not term.datatype.value.startswith(XSD):
        return term
    kind = term.datatype.value[len(XSD) :]
    if kind == "boolean":
        return Literal({"0": "false", "1": "true"}.get(term.value, term.value), datatype=term.datatype)
    if kind in ("float", "double"):
        try:
            return Literal(repr(float(term.value)), datatype=term.datatype)
        except ValueError:
            return term
    integer = bool(INTEGERS.fullmatch(kind))
    if integer or kind == "decimal":
        try:
            text = f"{Decimal(term.value):f}"
        except InvalidOperation:
            return term
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return Literal(text, datatype=NamedNode(XSD + ("integer" if integer else kind)))
    return term


def same_graph(expected: Dataset, found: Dataset) -> str:
    """Isomorphic as they are, or with numbers by value."""
    for change in (lambda term: term, by_value):
        pair = []
        for side in (expected, found):
            changed = Dataset(Quad(q.subject, q.predicate, change(q.object), q.graph_name) for q in side)
            changed.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
            pair.append(changed)
        if pair[0] == pair[1]:
            return "" if change is not by_value else "another lexical form"
    raise Failed(f"another graph: {len(expected)} triples expected, {len(found)} found")


def same_table(expected: Table, found: Table, *, lax: bool) -> str:
    """The same rows as they are, or with numbers by value; blank nodes up to one renaming."""
    if expected.variables != found.variables:
        raise Failed(f"variables {sorted(found.variables)}, not {sorted(expected.variables)}")
    for change in (lambda term: term, by_value):
        left, right = ([tuple(key(change(c)) for c in row) for row in table.rows] for table in (expected, found))
        if lax and lax_rows(left, right):
            return ""
        if len(left) == len(right) and matching(left, right, ordered=expected.ordered):
            return "" if change is not by_value else "another lexical form"
    lost = Counter(map(str, expected.rows)) - Counter(map(str, found.rows))
    more = Counter(map(str, found.rows)) - Counter(map(str, expected.rows))
    shown = f"expected {list(lost)[:2]}, found {list(more)[:2]}"
    raise Failed(f"other rows ({len(expected.rows)} expected, {len(found.rows)} found): {shown[:400]}")


def key(term: Any) -> Any:
    """A term as nested tuples; a blank node is `("blank", its label)`."""
    if isinstance(term, BlankNode):
        return ("blank", term.value)
    if isinstance(term, Triple):
        return ("triple", key(term.subject), key(term.predicate), key(term.object))
    return str(term)


def lax_rows(expected: list[Any], found: list[Any]) -> bool:
    """REDUCED: each row at least once, and at most as often as it is listed."""
    wanted, got = Counter(expected), Counter(found)
    return set(wanted) == set(got) and all(got[row] <= wanted[row] for row in got)


def matching(expected: list[Any], found: list[Any], *, ordered: bool) -> bool:
    """Whether one renaming of blank nodes makes two lists of rows the same."""
    if ordered:
        names = ({}, {})
        return all(renamed(a, b, names) is not None for a, b in zip(expected, found, strict=True))
    plain = Counter(row for row in expected if shape(row) == row)
    if plain != Counter(row for row in found if shape(row) == row):
        return False
    left = sorted((row for row in expected if shape(row) != row), key=lambda row: str(shape(row)))
    right = [row for row in found if shape(row) != row]
    return pairing(left, right, ({}, {}))


def pairing(left: list[Any], right: list[Any], names: tuple[dict[str, str], dict[str, str]]) -> bool:
    """Pair the rows with blank nodes, going back where a choice leads nowhere."""
    if not left:
        return not right
    for n, row in enumerate(right):
        if shape(row) == shape(left[0]):
            chosen = (dict(names[0]), dict(names[1]))
            if renamed(left[0], row, chosen) is not None and pairing(left[1:], right[:n] + right[n + 1 :], chosen):
                return True
    return False


def shape(value: Any) -> Any:
    """A term or row without the labels of its blank nodes."""
    if not isinstance(value, tuple):
        return value
    return ("blank",) if value[:1] == ("blank",) and len(value) == 2 else tuple(shape(part) for part in value)


def renamed(a: Any, b: Any, names: tuple[dict[str, str], dict[str, str]]) -> bool | None:
    """Note in `names` how the labels of `a` become those of `b`; None where they cannot."""
    if shape(a) != shape(b):
        return None
    if not isinstance(a, tuple):
        return True
    if a[:1] == ("blank",) and len(a) == 2:
        fits = names[0].setdefault(a[1], b[1]) == b[1] and names[1].setdefault(b[1], a[1]) == a[1]
        return True if fits else None
    return True if all(renamed(x, y, names) for x, y in zip(a, b, strict=True)) else None


# Counting ------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of the tests: counts by section and kind, failures and skips with their reasons."""

    counts: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    known: list[tuple[str, str]] = field(default_factory=list)
    passed_limits: list[str] = field(default_factory=list)
    skips: Counter[str] = field(default_factory=Counter)
    lexical: list[str] = field(default_factory=list)

    def total(self, what: str) -> int:
        return sum(count[what] for count in self.counts.values())

    def sections(self) -> list[str]:
        """A line for each section and kind."""
        return [
            f"{section:<40} {kind:<20} {count['passed']:>4} passed {count['failed']:>4} failed "
            f"{count['skipped']:>4} skipped" + (f" {count['limit']:>4} known limits" if count["limit"] else "")
            for (section, kind), count in sorted(self.counts.items())
        ]

    def report(self) -> list[str]:
        """Everything, as the README of the suites asks."""
        lines = [*self.sections(), ""]
        lines += [f"FAILED {test}: {reason}" for test, reason in self.failures]
        lines += [f"known limit of the engine: {test}: {reason}" for test, reason in self.known]
        lines += [f"passes, though listed as a limit of the engine: {test}" for test in self.passed_limits]
        lines += [f"passed with another lexical form: {test}" for test in self.lexical]
        lines += [f"skipped {count}: {reason}" for reason, count in sorted(self.skips.items())]
        lines.append(f"{self.total('limit')} known limits of the engine, {len(self.lexical)} other lexical forms")
        lines.append(f"{self.total('passed')} passed, {len(self.failures)} failed, {self.total('skipped')} skipped")
        return lines


def run_all(url: str, base: str, tests: list[Test]) -> Tally:
    """Run tests against an endpoint; the data must be the same afterwards."""
    with closing(Endpoint(url)) as endpoint:
        before = endpoint.digest()
        tally = judge(endpoint, base, tests)
        if endpoint.digest() != before:
            tally.failures.append(("all updates", "the data are not the same afterwards"))
    return tally


def judge(endpoint: Endpoint, base: str, tests: list[Test]) -> Tally:
    """Run one test after another."""
    known, tally = limits(), Tally()
    for test in tests:
        count = tally.counts.setdefault((test["section"], test["kind"]), Counter())
        try:
            said = run(endpoint, base, test)
        except Skipped as reason:
            count["skipped"] += 1
            tally.skips[str(reason)] += 1
        except Failed as reason:
            if test["id"] in known:
                count["limit"] += 1
                tally.known.append((test["id"], known[test["id"]]))
            else:
                count["failed"] += 1
                tally.failures.append((test["id"], str(reason)))
        else:
            count["passed"] += 1
            tally.lexical += [test["id"]] if said else []
            tally.passed_limits += [test["id"]] if test["id"] in known else []
    return tally


def sample(tests: list[Test], count: int, seed: int) -> list[Test]:
    """Some of the tests, the same for a seed; in their order."""
    chosen = random.Random(seed).sample(range(len(tests)), min(count, len(tests)))
    return [tests[n] for n in sorted(chosen)]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, metavar="N", help="only N of the tests")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which of them")
    parser.add_argument("--url", help="an endpoint that holds the data")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the data as N-Quads, and run nothing")
    arguments = parser.parse_args()
    if arguments.write:
        write_data(arguments.write)
        return 0
    base, tests = index()
    tests = sample(tests, arguments.sample, arguments.seed) if arguments.sample else tests
    if arguments.url:
        tally = run_all(arguments.url, base, tests)
    else:
        from test_serve import serving

        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "suites.nq"
            write_data(data)
            with serving(Path(folder), "--rdf", str(data)) as server:
                tally = run_all(f"{server.url}sparql", base, tests)
    print("\n".join(tally.report()))
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
