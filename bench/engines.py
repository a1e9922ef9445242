"""Twelve shapes of query, each as a reader of this graph would ask it, and their times in one engine.

`python bench/engines.py rdflib data.nq` and `python bench/engines.py pyoxigraph STORE` print, as JSON, for each shape
the median time of an answer in milliseconds and the number of solutions; None where the budget did not suffice.
"""

from __future__ import annotations

import json
import signal
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import synthetic

BUDGET_SECONDS = 20.0  #: for one answer
PREFIXES = f"""PREFIX ug: <{synthetic.UG}>
PREFIX skos: <{synthetic.SKOS}>
PREFIX dcterms: <{synthetic.DCTERMS}>
PREFIX unit: <{synthetic.BASE}unit/>
PREFIX project: <{synthetic.BASE}project/>
PREFIX initiative: <{synthetic.BASE}initiative/>
PREFIX form: <{synthetic.BASE}form/>
"""

SHAPES = {
    "one thing, its triples": "SELECT ?p ?o { project:p3 ?p ?o }",
    "what links to it": "SELECT ?s ?p { ?s ?p initiative:1-1 } LIMIT 100",
    "star": """SELECT ?project ?label ?start { ?project ug:leader unit:u1 ; ug:form form:book ; ug:start ?start ;
        skos:prefLabel ?label FILTER(LANG(?label) = "en") }""",
    "three steps": """SELECT DISTINCT ?partner { ?project ug:leader unit:u2 ; ug:contributesTo initiative:1-1 .
        ?partnership ug:partnershipIn ?project ; ug:partner ?partner . ?partner ug:country ?country }""",
    "path": "SELECT ?unit { ?unit ug:partOf+ unit:u0 }",
    "optional": """SELECT ?project ?label ?before { ?project ug:leader unit:u3
        OPTIONAL { ?project ug:followUpOf ?before }
        OPTIONAL { ?project skos:prefLabel ?label FILTER(LANGMATCHES(LANG(?label), "fr")) } }""",
    "union": """SELECT ?one { { ?one ug:tellsOf unit:u1 } UNION { ?one ug:leader unit:u1 } UNION
        { ?o ug:outputOf ?one . ?one ug:carriedOutBy unit:u1 } }""",
    "without": """SELECT ?project { ?project ug:leader unit:u0
        FILTER NOT EXISTS { ?project ug:hasPartner ?partner } }""",
    "count by group": """SELECT ?initiative (COUNT(DISTINCT ?project) AS ?projects) { ?project a ug:Project ;
        ug:contributesTo ?initiative } GROUP BY ?initiative ORDER BY DESC(?projects)""",
    "newest ten": """SELECT ?output ?issued { ?output a ug:Output ; dcterms:issued ?issued }
        ORDER BY DESC(?issued) ?output LIMIT 10""",
    "words": """SELECT ?project ?label { ?project a ug:Project ; skos:prefLabel ?label
        FILTER(CONTAINS(?label, "map data")) }""",
    "construct": """CONSTRUCT { ?unit ug:worksWith ?partner } WHERE { ?project ug:carriedOutBy ?unit ;
        ug:hasPartner ?partner ; ug:start ?start FILTER(STR(?start) = "2025") }""",
}


def text(shape: str, mark: object = "") -> str:
    """The query's text, ended by a comment that makes it another text."""
    return f"{PREFIXES}{SHAPES[shape]} # {mark}"


def median_ms(ask: Callable[[], Any], budget: float = BUDGET_SECONDS) -> tuple[float, Any]:
    """The median time of an answer: of one, if it is slow, else of as many as fit in half a second."""
    times: list[float] = []
    while not times or (sum(times) < 0.5 and len(times) < 50) or len(times) < min(3, budget / 8 / times[0]):
        started = time.perf_counter()
        answer = ask()
        times.append(time.perf_counter() - started)
    return round(statistics.median(times) * 1000, 3), answer


def solutions(body: bytes, shape: str) -> int:
    """How many solutions an answer in JSON has, or triples, one a line."""
    if SHAPES[shape].startswith("CONSTRUCT"):
        return len(set(filter(None, body.splitlines())))
    return len(json.loads(body)["results"]["bindings"])


class TooSlow(Exception):
    """The budget is used up."""


def stop(*_: object) -> None:
    raise TooSlow


def in_rdflib(path: str) -> Callable[[str], bytes]:
    """rdflib as it is fastest: one graph in memory, without the names of the graphs."""
    import rdflib

    graph = rdflib.Graph()
    dataset = rdflib.Dataset()
    dataset.parse(path, format="nquads")
    for subject, predicate, value, _ in dataset.quads():
        graph.add((subject, predicate, value))  # type: ignore[arg-type]
    del dataset

    def ask(query: str) -> bytes:
        answer = graph.query(query)
        return answer.serialize(format="nt" if answer.type == "CONSTRUCT" else "json") or b""

    return ask


def in_pyoxigraph(path: str) -> Callable[[str], bytes]:
    """The engine without any process, protocol or limit around it."""
    from pyoxigraph import QueryResultsFormat, QueryTriples, RdfFormat, Store

    store = Store.read_only(path)

    def ask(query: str) -> bytes:
        answer = store.query(query, use_default_graph_as_union=True)
        if isinstance(answer, QueryTriples):
            return answer.serialize(format=RdfFormat.N_TRIPLES) or b""
        return answer.serialize(format=QueryResultsFormat.JSON) or b""  # type: ignore[union-attr]

    return ask


def main(engine: str, path: str) -> dict[str, Any]:
    ask = {"rdflib": in_rdflib, "pyoxigraph": in_pyoxigraph}[engine](path)
    signal.signal(signal.SIGALRM, stop)
    found: dict[str, Any] = {}
    for shape in SHAPES:
        query = text(shape)
        signal.setitimer(signal.ITIMER_REAL, BUDGET_SECONDS * 2)
        try:
            taken, body = median_ms(lambda query=query: ask(query))
            found[shape] = (taken, solutions(body, shape))
        except TooSlow:
            found[shape] = None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
