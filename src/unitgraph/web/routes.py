"""Every URL on one screen, and for each a function that puts a resource together."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from flask import Flask, Response, current_app, g, request
from pyoxigraph import NamedNode

from unitgraph import engine, formats, history
from unitgraph.engine.remote import RemoteEngine
from unitgraph.errors import BadRequest, NotFound, QuerySyntaxError, ReleaseError
from unitgraph.formats import DOCUMENT_SUFFIXES, GRAPH_SUFFIXES, HTML, RDF_SUFFIXES, SOLUTION_SUFFIXES, SPARQL_QUERY
from unitgraph.resources import (
    concept,
    direction,
    entity,
    explain,
    graphs,
    home,
    initiative,
    listing,
    organisation,
    project,
    report,
    said,
    saved_query,
    schema_org,
    service,
    solutions,
    source,
    statement,
    terms,
    triples,
    unit,
    vocabulary,
    work,
)
from unitgraph.resources import shapes as asked
from unitgraph.site import Publication, Site
from unitgraph.vocab import UG, UGS, escaped
from unitgraph.web import feeds, finding, languages, links, memento, overviews, protocol, published, respond, signposts
from unitgraph.web.meta import Subject
from unitgraph.web.respond import Resource, send
from unitgraph.web.signposts import LINKSET_JSON, Link, link

RDF_AND_PAGE = {"html": HTML, **RDF_SUFFIXES}
GRAPH_FORMATS = {**RDF_SUFFIXES, "html": HTML}  # a graph is for machines first
QUERY_FORMATS = {"html": HTML, **SOLUTION_SUFFIXES, **RDF_SUFFIXES, "rq": SPARQL_QUERY}
TABLE_NAMES = (("csv", "CSV"), ("json", "JSON"), ("tsv", "TSV"), ("xml", "XML"))
GRAPH_NAMES = (("ttl", "Turtle"), ("jsonld", "JSON-LD"), ("nt", "N-Triples"), ("rdf", "RDF/XML"))


def register(app: Flask, publication: Publication) -> None:
    """Connect URLs to functions. `<path>` is last: every other IRI under the base is a thing."""
    routes: tuple[tuple[str, Callable[..., Response]], ...] = (
        ("/", first_page),
        ("/ns", ontology),
        ("/ns.<suffix>", ontology),
        ("/shapes", shapes),
        ("/shapes.<suffix>", shapes),
        ("/report", validation_report),
        ("/report.<suffix>", validation_report),
        ("/release", published.current_release),
        ("/release.<suffix>", published.current_release),
        ("/release/<name>", published.release),
        ("/coverage", published.label_coverage),
        ("/coverage.<suffix>", published.label_coverage),
        ("/patterns", published.components),
        ("/graph", graph_list),
        ("/graph.<suffix>", graph_list),
        ("/graph/<path:path>", graph),
        ("/query", query_list),
        ("/query.<suffix>", query_list),
        ("/query/<name>", query),
        ("/matrix", overviews.strategy_matrix),
        ("/matrix.<suffix>", overviews.strategy_matrix),
        ("/timeline", overviews.timeline_of),
        ("/timeline.<suffix>", overviews.timeline_of),
        ("/network", overviews.network_of),
        ("/network.<suffix>", overviews.network_of),
        ("/search", finding.results),
        ("/search.<suffix>", finding.results),
        ("/search/suggest", finding.suggestions),
        ("/opensearch.xml", finding.description),
        ("/sparql", sparql),
        ("/graphs", graph_store),
        ("/health", health),
        ("/status", status),
        ("/.well-known/void", feeds.void),
        ("/.well-known/void.<suffix>", feeds.void),
        ("/catalog", feeds.catalog),
        ("/catalog.<suffix>", feeds.catalog),
        ("/robots.txt", feeds.robots),
        ("/sitemap.xml", feeds.sitemap_index),
        ("/sitemap/<name>.xml", feeds.sitemap_part),
        ("/changes/<name>", feeds.activities),
        ("/changes/<name>/<number>", feeds.activity_page),
        ("/changes.atom", feeds.atom_feed),
        ("/oai", feeds.oai_pmh),
        ("/timegate/<path:path>", memento.time_gate),
        ("/timemap/link/<path:path>", memento.time_map),
        ("/stream", feeds.event_stream),
        ("/stream/member/<number>", feeds.event_member),
        ("/stream/<version>/<number>", feeds.event_page),
        ("/.well-known/api-catalog", api_catalog),
        ("/favicon.ico", icon),
        ("/<path:path>", thing),
    )
    for rule, view in routes:
        methods = ["GET", "POST", "QUERY"] if view is sparql else ["GET", "POST"] if view is feeds.oai_pmh else ["GET"]
        app.add_url_rule(rule, rule, _with_site(view), methods=methods)


def _with_site(view: Callable[..., Response]) -> Callable[..., Response]:
    return lambda **values: view(g.site, **values)


def refuse_strange_paths() -> None:
    """A slash, a backslash or a NUL that was percent-encoded in the path names nothing here."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    if re.search(r"%2f|%5c|%00", raw.partition("?")[0], re.IGNORECASE):
        raise NotFound(f"nothing here is named {request.path[:200]}")


# Things and their lists ----------------------------------------------------------------------------


def thing(site: Site, path: str) -> Response:
    """A thing (303 to a document about it), such a document, a list, or where a thing has gone."""
    stem, suffix = protocol.split_suffix(path)
    node = _node(site, path)
    if terms.exists(site, node):
        return _see_other(site, path)
    if suffix is not None:
        node = _node(site, stem)
        if terms.exists(site, node):
            return _document(site, stem, node, suffix)
    if stem in listing.segments(site):
        return _list(site, stem, suffix)
    if now := entity.former(site, node):
        target = (site.path(now.value) or "/") + (f".{suffix}" if suffix else "")
        asked = tuple(request.args.items(multi=True))
        return respond.redirect(site, 301, links.with_parameters(target, asked))
    _look_back(site, stem, node)
    raise NotFound(f"nothing in release {site.release.version} is named {node.value[:200]}")


def _node(site: Site, path: str) -> NamedNode:
    """The IRI that a decoded path stands for: what an IRI cannot hold is percent-encoded in it.

    An IRI in the data may have more of its characters encoded than must be; it is found, too.
    """
    try:
        node = site.iri(escaped(path))
        encoded = site.iri(quote(path, safe="/:@!$&'()*+,;=~-._"))
    except ValueError as error:
        raise NotFound(f"nothing here is named {path[:200]!r}") from error
    if encoded != node and not _said(site, node) and _said(site, encoded):
        return encoded
    return node


def _said(site: Site, node: NamedNode) -> bool:
    return terms.exists(site, node) or graphs.exists(site, node)


def _look_back(site: Site, path: str, node: NamedNode) -> None:
    """Say of a thing that was here once that it is gone; older releases that cannot be read say nothing."""
    if re.fullmatch(r"[a-z-]{1,40}/[a-z0-9-]{1,200}", path):
        try:
            history.check_gone(site.out, site.release, node.value)
        except ReleaseError:
            return


def _see_other(site: Site, path: str) -> Response:
    """RFC 9110 §15.4.4: the thing itself cannot be sent, a document about it can."""
    documents = Resource(f"/{path}", DOCUMENT_SUFFIXES, lambda _: b"", lambda: ("", None))
    offered = respond.choose(documents, None)
    document = links.document(f"/{path}", offered.suffix)
    dropped = {"format"} if offered.media_type == HTML else {"format", "lang"}
    asked = tuple((name, value) for name, value in request.args.items(multi=True) if name not in dropped)
    described = respond.described_by(site, documents)
    return respond.redirect(site, 303, links.with_parameters(document, asked), negotiated=True, links_to=described)


def _document(site: Site, path: str, node: NamedNode, suffix: str) -> Response:
    number = protocol.page_number(request.args.get("page"))
    described = entity.describe(site, node, number)
    header = (link(node.value, "describes"), *_paging(site, f"/{path}.{suffix}", number, described.pages))
    return send(
        site,
        Resource(
            f"/{path}",
            DOCUMENT_SUFFIXES,
            lambda media_type: formats.write(described.graph, media_type, terms.prefixes(site)),
            lambda: _page_of(site, path, described),
            header,
            _signposts(site, path, node),
            (*_page_parameter(number), *_view_parameter()),
            about=node.value,
            items=tuple(link(address, "item") for address in schema_org.content(site, node)),
            subject=lambda: _subject(site, path, node),
        ),
        suffix,
    )


PLAIN = ("output", "event", "channel", "award", "action-plan", "mission", "vision", "observance")
CONCEPTS = (
    *("basis", "change-kind", "confidence", "country", "form", "language", "name-form"),
    *("placement-role", "role", "state", "unit-kind"),
)
#: The pages that are composed for a kind of thing, by segment: template and what it prints.
COMPOSED: dict[str, tuple[str, Callable[[Site, entity.Description], object]]] = {
    "story": ("story.html", work.story),
    "round": ("round.html", work.round_),
    "series": ("series.html", work.series),
    "strategy": ("strategy.html", work.strategy),
    "change": ("change.html", work.change),
    "succession": ("change.html", work.change),
    "source": ("source.html", source.source),
    "claim": ("claim.html", statement.claim),
    "scheme": ("scheme.html", concept.scheme),
    "mission-verb": ("aim.html", work.aim),
    **dict.fromkeys(PLAIN, ("composed.html", said.page)),
    **dict.fromkeys(CONCEPTS, ("concept.html", concept.concept)),
    **dict.fromkeys(statement.PARTS, ("statement.html", statement.statement)),
    "direction": ("direction.html", direction.page),
    "initiative": ("initiative.html", initiative.page),
    "organisation": ("organisation.html", organisation.page),
    "project": ("project.html", project.page),
    "unit": ("unit.html", unit.page),
}


def _page_of(site: Site, path: str, described: entity.Description) -> tuple[str, object]:
    """The page of a thing: the one composed for its kind, or all statements about it, one by one."""
    composed = COMPOSED.get(path.partition("/")[0])
    if _view_parameter() or (composed and described.page > 1):
        return "statements.html", triples.page(site, described)
    if composed is None:
        return "entity.html", entity.page(site, described)
    template, page = composed
    return template, page(site, described)


def _view_parameter() -> tuple[tuple[str, str], ...]:
    """`?view=statements`: the statements one by one, instead of the page that is composed of them."""
    return (("view", "statements"),) if request.args.get("view") == "statements" else ()


def _subject(site: Site, path: str, node: NamedNode) -> Subject:
    """What the page of a thing is about, and the way to it."""
    crumbs = _crumbs(site, path.partition("/")[0])
    name = terms.label(site, node).value
    found = schema_org.about(site, node)
    return Subject(found, schema_org.description(site, node), "AboutPage", (*crumbs, (name, f"/{path}")))


def _crumbs(site: Site, segment: str) -> tuple[tuple[str, str], ...]:
    """The first page, and the list of a kind."""
    first = ((home.chrome(site).title.value, "/"),)
    if segment not in listing.segments(site):
        return first
    return (*first, (languages.kinds(segment) or listing.title(site, segment), f"/{segment}"))


def _signposts(site: Site, path: str, node: NamedNode) -> tuple[Link, ...]:
    """FAIR Signposting of a landing page: what it is and shows, who made that, the list in which it stands."""
    found = [link(f"{schema_org.SCHEMA}AboutPage", "type")]
    if cls := schema_org.kind(site, node):
        found.append(link(f"{schema_org.SCHEMA}{cls}", "type"))
    found += [link(author, "author") for author in schema_org.author(site, node)]
    segment = path.partition("/")[0]
    if kind := site.kinds.get(segment):
        found.append(link(kind.cls.value, "type"))
        found.append(link(links.public(site, f"/{segment}"), "collection", HTML))
    return tuple(found)


def _paging(site: Site, path: str, page: int, pages: int) -> tuple[Link, ...]:
    """First, previous, next and last page (RFC 8288, RFC 5005 relations), if there are several."""
    if pages == 1:
        return ()
    numbers = {"first": 1, "prev": page - 1, "next": page + 1, "last": pages}
    return tuple(
        link(links.public(site, links.with_parameters(path, _page_parameter(number))), relation)
        for relation, number in numbers.items()
        if 1 <= number <= pages
    )


def _page_parameter(page: int) -> tuple[tuple[str, str], ...]:
    return (("page", str(page)),) if page > 1 else ()


def _list(site: Site, segment: str, suffix: str | None) -> Response:
    number = protocol.page_number(request.args.get("page"))
    found = listing.listing(site, segment, number)
    path = f"/{segment}" + (f".{suffix}" if suffix else "")

    def write(media_type: str) -> bytes:
        if media_type in RDF_SUFFIXES.values():
            return formats.write(listing.graph(site, found), media_type, terms.prefixes(site))
        return formats.write(listing.table(found), media_type)

    return send(
        site,
        Resource(
            f"/{segment}",
            DOCUMENT_SUFFIXES,
            write,
            lambda: ("list.html", found),
            _paging(site, path, number, found.pages),
            (link(f"{schema_org.SCHEMA}CollectionPage", "type"),),
            _page_parameter(number),
            about=f"{site.base}{segment}",
            items=tuple(link(item.thing.iri, "item") for item in found.items if item.thing.iri),
            subject=lambda: Subject(None, found.definition, "CollectionPage", _crumbs(site, segment)),
        ),
        suffix,
    )


# The site, its vocabulary, its graphs ----------------------------------------------------------------


def first_page(site: Site) -> Response:
    """The first page; for programs, the description of the data set."""

    def write(media_type: str) -> bytes:
        described = entity.describe(site, site.iri("dataset"))
        return formats.write(described.graph, media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "home.html", home.home(site)

    stem = "/dataset"
    offered = RDF_AND_PAGE if terms.exists(site, site.iri("dataset")) else {"html": HTML}
    own = (
        link(service.endpoint(site), "service-desc"),
        link(links.public(site, "/.well-known/api-catalog"), "api-catalog", LINKSET_JSON),
        link(f"{schema_org.SCHEMA}Dataset", "type"),
        link(f"{schema_org.SCHEMA}AboutPage", "type"),
    )

    def subject() -> Subject:
        dataset = site.iri("dataset")
        return Subject(schema_org.catalog(site, dataset), schema_org.description(site, dataset), "AboutPage")

    home_page = Resource(stem, offered, write, page, page_links=own, page_path="/", about=site.base, subject=subject)
    return send(site, home_page, None)


def ontology(site: Site, suffix: str | None = None) -> Response:
    """The vocabulary."""

    def write(media_type: str) -> bytes:
        return formats.write(vocabulary.graph(site, "ontology", UG[:-1]), media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "ontology.html", vocabulary.ontology(site)

    def subject() -> Subject:
        node = NamedNode(UG[:-1])
        return Subject(schema_org.about(site, node), schema_org.description(site, node), "AboutPage")

    own = tuple(link(f"{schema_org.SCHEMA}{cls}", "type") for cls in ("AboutPage", "DefinedTermSet"))
    resource = Resource("/ns", RDF_AND_PAGE, write, page, page_links=own, about=UG[:-1], subject=subject)
    return send(site, resource, suffix)


def shapes(site: Site, suffix: str | None = None) -> Response:
    """The shapes that the data keep to."""

    def write(media_type: str) -> bytes:
        return formats.write(vocabulary.graph(site, "shapes", UGS[:-1]), media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "shapes.html", asked.shapes(site)

    return send(site, Resource("/shapes", RDF_AND_PAGE, write, page), suffix)


def validation_report(site: Site, suffix: str | None = None) -> Response:
    """What the shapes and checks found."""

    def write(media_type: str) -> bytes:
        return formats.write(report.graph(site), media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "report.html", report.page(site)

    return send(site, Resource("/report", RDF_AND_PAGE, write, page), suffix)


def graph_list(site: Site, suffix: str | None = None) -> Response:
    """The names of all graphs."""
    offered = {name: DOCUMENT_SUFFIXES[name] for name in ("html", "json", "csv")}

    def page() -> tuple[str, object]:
        return "graphs.html", graphs.overview(site)

    return send(site, Resource("/graph", offered, lambda t: formats.write(graphs.table(site), t), page), suffix)


def graph(site: Site, path: str) -> Response:
    """The triples of one named graph."""
    number = protocol.page_number(request.args.get("page"))
    stem, suffix = path, None
    if not graphs.exists(site, _node(site, f"graph/{path}")):
        stem, suffix = protocol.split_suffix(path)
    answer, more = graphs.graph(site, _node(site, f"graph/{stem}"), number)
    local = f"/graph/{path}"
    last = number + 1 if more else number  # the last page is not counted, only whether there is a next one
    return send(
        site,
        Resource(
            f"/graph/{stem}",
            GRAPH_FORMATS,
            lambda media_type: formats.write(answer, media_type, terms.prefixes(site)),
            lambda: ("graph.html", graphs.page(site, answer, number, more)),
            tuple(v for v in _paging(site, local, number, last) if v.rel != "last"),
            parameters=_page_parameter(number),
        ),
        suffix,
    )


# Queries ---------------------------------------------------------------------------------------------


def query_list(site: Site, suffix: str | None = None) -> Response:
    """All saved queries."""

    def write(media_type: str) -> bytes:
        return formats.write(saved_query.overview_graph(site), media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "queries.html", saved_query.overview(site)

    return send(site, Resource("/query", RDF_AND_PAGE, write, page), suffix)


def query(site: Site, name: str) -> Response:
    """A saved query: its page with the answer, the answer in other formats, its description, its text."""
    slug, suffix = protocol.split_suffix(name)
    if not re.fullmatch(r"[a-z0-9-]+", slug):
        raise NotFound(f"release {site.release.version} has no saved query {slug[:60]!r}; /query lists them")
    saved = saved_query.find(site, slug)
    values = {key: value for key, value in request.args.items() if key not in ("format", "lang") and value}
    bindings = saved.bindings(values)
    tabular = saved.form in ("SELECT", "ASK")
    offered = {s: t for s, t in QUERY_FORMATS.items() if tabular or s not in SOLUTION_SUFFIXES}

    def write(media_type: str) -> bytes:
        if media_type == SPARQL_QUERY:
            return saved.text.encode()
        return formats.write(saved_query.graph(site, slug), media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "query.html", saved_query.page(site, saved, values, request.remote_addr or "")

    resource = Resource(
        f"/query/{slug}",
        offered,
        write,
        page,
        parameters=tuple(sorted(values.items())),
        loose=True,
    )
    if suffix == "linkset":
        return send(site, resource, suffix)
    choice = respond.choose(resource, suffix)
    tag = respond.etag(site, choice.suffix, resource.parameters)
    if choice.suffix not in SOLUTION_SUFFIXES or respond.known(site, tag):
        return send(site, resource, suffix)
    response = respond.ask(respond.Asked(site, saved.text, choice.media_type, substitutions=dict(bindings)))
    to = respond.header_links(site, resource, choice)
    return respond.validated(site, response, tag, negotiated=suffix is None, links_to=to)


def sparql(site: Site) -> Response:
    """A query answered on a page; without one, the description of the service, or a form.

    Programs, which take no page, are answered by the front.
    """
    body = request.get_data(cache=False)
    content_type = request.headers.get("Content-Type", "")
    asked = protocol.sparql_request(request.method, content_type, request.query_string, body)
    if asked.query is None:
        return _service(site)
    return (_explanation if asked.explain else _sparql_page)(site, asked, asked.query)


def graph_store(site: Site) -> Response:
    """SPARQL 1.1 Graph Store Protocol, to read: `?graph=<IRI>` or `?default`, which is the union of all graphs."""
    names = request.args.getlist("graph")
    if len(names) + ("default" in request.args) != 1:
        raise BadRequest("say which graph: ?default or one ?graph=<IRI>; /graph lists them")
    for name in names:
        if name not in site.release.counts or not name:
            raise NotFound(f"release {site.release.version} has no graph {name[:200]!r}; /graph lists them")
    choice = protocol.choose(
        GRAPH_SUFFIXES, None, request.args.get("format"), request.headers.get("Accept", ""), loose=True
    )
    text = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    asked = respond.Asked(site, text, graph_format=choice.media_type, default_graphs=tuple(names))
    tag = respond.etag(site, choice.suffix, (("graph", names[0] if names else ""),))
    if respond.known(site, tag):
        return respond.validated(site, Response(status=304), tag, negotiated=True)
    return respond.validated(site, respond.ask(asked), tag, negotiated=True)


def _service(site: Site) -> Response:
    """SPARQL 1.1 Service Description §2: RDF by default, the form for who prefers a page."""

    def write(media_type: str) -> bytes:
        return formats.write(service.description(site), media_type, terms.prefixes(site))

    def page() -> tuple[str, object]:
        return "sparql.html", solutions.SparqlPage("")

    return send(site, Resource("/sparql", GRAPH_FORMATS, write, page, by_parameter=True, page_path="/sparql"), None)


def _explanation(site: Site, asked: protocol.SparqlRequest, text: str) -> Response:
    """Why a query finds nothing or what makes it costly: a page, or JSON for programs."""
    found = explain.explain(site, text, asked.default_graphs, asked.named_graphs)
    accept = "" if asked.format else request.headers.get("Accept", "")
    if asked.format == "html" or protocol.prefers_page(accept):
        page = solutions.SparqlPage(text, explanation=found)
        response = respond.page(site, "sparql.html", page)
    else:
        response = Response(respond.json_text(explain.as_dict(found)), content_type=formats.JSON)
    response.vary.add("Accept")
    response.headers["Cache-Control"] = "no-cache"
    return response


def _sparql_page(site: Site, asked: protocol.SparqlRequest, text: str) -> Response:
    data_set = [("default-graph-uri", iri) for iri in asked.default_graphs]
    data_set += [("named-graph-uri", iri) for iri in asked.named_graphs]
    try:
        found = solutions.ask(
            site, text, None, asked.default_graphs, asked.named_graphs, asked.timeout_seconds, request.remote_addr or ""
        )
        tabular = engine.outline(text).verb in ("SELECT", "ASK")
        names = TABLE_NAMES if tabular else GRAPH_NAMES
        status, page = 200, solutions.SparqlPage(text, found, "", (("query", text), *data_set), names)
    except QuerySyntaxError as error:
        status, page = 400, solutions.SparqlPage(text, problem=str(error))
    response = respond.page(site, "sparql.html", page, status)
    response.vary.add("Accept")
    response.headers["Cache-Control"] = "no-cache"
    return response


# For programs that look after the site -----------------------------------------------------------------


def health(site: Site) -> Response:
    """Whether this process answers, and what it publishes."""
    manifest = site.release.manifest
    said = {"status": "ok", "release": manifest.version, "content": manifest.content}
    if isinstance(site.engine, RemoteEngine) and not site.engine.available():
        said["engine"] = "does not answer; what needs it is answered 503"
    response = Response(respond.json_text(said), content_type=formats.JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def status(site: Site) -> Response:
    """What stands around a query: its limits, the walls that this system offers, the workers of this process."""
    found = service.status(site)
    media_type = formats.negotiate(request.headers.get("Accept", ""), (formats.JSON, HTML))
    if media_type == HTML:
        response = respond.page(site, "status.html", found)
    else:
        response = Response(respond.json_text(found.to_json()), content_type=formats.content_type(media_type))
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    return response


def api_catalog(site: Site) -> Response:
    """What programs can ask here (RFC 9727): the endpoint, its description, its documentation."""
    endpoint = service.endpoint(site)
    here = links.absolute(site, "/.well-known/api-catalog")
    page = links.absolute(site, "/query")
    found = {
        here: (link(endpoint, "item"),),
        endpoint: (link(endpoint, "service-desc", formats.TURTLE), link(page, "service-doc", HTML)),
    }
    content_type = f'{LINKSET_JSON}; profile="https://www.rfc-editor.org/info/rfc9727"'
    response = Response(signposts.linkset_json(found), content_type=content_type)
    tag = respond.etag(site, "api-catalog")
    return respond.validated(site, response, tag, negotiated=False, links_to=(link(here, "api-catalog"),))


def icon(site: Site) -> Response:
    """A small drawing for the browser's tab, at the address where crawlers look for one."""
    response = current_app.send_static_file("icon.svg")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
