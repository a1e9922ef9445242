"""The pages that the judges look at: one of every template and kind, in one table, and the languages they stand in."""

from __future__ import annotations

import random
from urllib.parse import quote, urlencode

from unitgraph.site import Site
from unitgraph.vocab import RDF_TYPE

SEED = 4
QUERY = "SELECT ?unit ?label { ?unit a <https://w3id.org/unitgraph/ns#Unit> ; "
QUERY += "<http://www.w3.org/2004/02/skos/core#prefLabel> ?label } ORDER BY ?label LIMIT 20"
NOTHING = "SELECT ?unit { ?unit a <https://w3id.org/unitgraph/ns#Unit> ; a <urn:no-such-class> }"
INITIATIVE = "https://w3id.org/unitgraph/ifla/initiative/2-1"

LANGUAGES = ("en", "ar", "zh", "fr", "de", "ru", "es")

#: Name and path of each page; the release is that of the checkout.
PAGES = {
    "home": "/",
    "unit list": "/unit",
    "second page of a list": "/source?page=2",
    "unit": "/unit/arl",
    "unit of many things": "/unit/lsn",
    "project": "/project/rscvd",
    "direction": "/direction/3",
    "initiative": "/initiative/2-1",
    "organisation": "/organisation/american-library-association",
    "partner list": "/partner",
    "story": "/story/arl-2020",
    "output": "/output/bslise-white-paper",
    "event": "/event/arl-webinar-2019-12",
    "source": "/source/akhase-org-index-2397-html",
    "award": "/award/green-library-award",
    "concept": "/unit-kind/section",
    "scheme": "/scheme/unit-kind",
    "claim": "/claim/lsn-section-number",
    "statement": "/standing/arl-section",
    "statements one by one": "/unit/arl?view=statements",
    "mission": "/mission/ifla-2019-2024",
    "mission verb": "/mission-verb/enable",
    "strategy": "/strategy/ifla-2019-2024",
    "round": "/round/units-strategy-2020",
    "series": "/series/associations-strategy",
    "change": "/change/lpd-renamed-2009",
    "data set": "/dataset",
    "ontology": "/ns",
    "shapes": "/shapes",
    "report": "/report",
    "graph list": "/graph",
    "graph": "/graph/data/unit/arl",
    "query list": "/query",
    "query": "/query/first-round",
    "query with parameters": f"/query/projects-by-initiative?{urlencode({'initiative': INITIATIVE})}",
    "SPARQL form": "/sparql",
    "SPARQL answer": f"/sparql?{urlencode({'query': QUERY})}",
    "SPARQL graph": f"/sparql?query={quote('DESCRIBE <https://w3id.org/unitgraph/ifla/unit/arl>')}",
    "SPARQL error": f"/sparql?query={quote('SELECT ?s { ?s a <')}",
    "explanation": f"/sparql?{urlencode({'query': NOTHING, 'explain': '1'})}",
    "status": "/status",
    "not found": "/unit/no-such-unit",
    "matrix": "/matrix",
    "timeline": "/timeline",
    "network": "/network",
    "search form": "/search",
    "search": "/search?q=library",
    "search that finds nothing": "/search?q=zzzzzzzz",
    "patterns": "/patterns",
    "releases": "/release",
    "coverage": "/coverage",
}
STATUS = {"SPARQL error": 400, "not found": 404}  #: of the pages that tell of an error


def one_of_each_kind(site: Site) -> list[str]:
    """The path of one thing of every kind that has a list, chosen by chance that is always the same."""
    found = []
    for segment, kind in sorted(site.kinds.items()):
        quads = site.store.quads_for_pattern(None, RDF_TYPE, kind.cls)
        paths = sorted({path for quad in quads if (path := site.path(quad.subject.value)) is not None})  # type: ignore[union-attr]
        if paths := [path for path in paths if path.startswith(f"/{segment}/")]:
            found += [f"/{segment}", random.Random(SEED).choice(paths)]
    return found


def in_language(path: str, language: str) -> str:
    """The address of a page in a language: English, unless another is asked for."""
    if language == "en":
        return path
    return f"{path}{'&' if '?' in path else '?'}lang={language}"
