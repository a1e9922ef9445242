"""Search over HTTP: the page of what was found, suggestions, and the description by which browsers learn of them."""

from __future__ import annotations

from urllib.parse import quote
from xml.sax.saxutils import escape

from flask import Response, request

from unitgraph import formats
from unitgraph.resources import home, search
from unitgraph.resources.search import Suggestion
from unitgraph.site import Site
from unitgraph.web import links, protocol, respond
from unitgraph.web.respond import Resource

FORMATS = {"html": formats.HTML, "json": formats.JSON, "csv": formats.CSV}
SUGGESTIONS = "application/x-suggestions+json"
DESCRIPTION = "application/opensearchdescription+xml"
NAMESPACE = "http://a9.com/-/spec/opensearch/1.1/"
SHORT_NAME = 16  #: characters (OpenSearch 1.1)


def results(site: Site, suffix: str | None = None) -> Response:
    """A page of what was found, or the form alone."""
    query, kind = search.cleaned(request.args.get("q", "")), request.args.get("kind", "")
    number = protocol.page_number(request.args.get("page") or None)  # OpenSearch leaves it empty
    found = search.search(site, query, kind, number)
    asked = (("q", query), ("kind", kind), ("page", str(number) if number > 1 else ""))
    resource = Resource(
        "/search",
        FORMATS,
        lambda media_type: formats.write(search.table(found), media_type),
        lambda: ("search.html", found),
        parameters=tuple((name, value) for name, value in asked if value),
    )
    return respond.send(site, resource, suffix)


def suggestions(site: Site) -> Response:
    """What may be meant (OpenSearch Suggestions 1.0): what was typed, labels, words about each, addresses."""
    typed = request.args.get("q", "")
    found = search.suggest(site, typed)
    body = respond.json_text(
        [
            typed.encode("utf-8", "replace").decode(),
            [one.thing.text for one in found],
            [_about(one) for one in found],
            [_address(site, one) for one in found],
        ]
    )
    response = Response(body, content_type=SUGGESTIONS)
    return respond.validated(site, response, respond.etag(site, "suggestions", (("q", typed),)), negotiated=False)


def _about(one: Suggestion) -> str:
    return " · ".join(part for part in (one.main, one.notation, one.title) if part and part != one.thing.text)


def _address(site: Site, one: Suggestion) -> str:
    found = links.href(site, one.thing.iri or "/") or links.root(site) + "/"
    return quote(found, safe="/:@!$&'()*+,;=~-._%?#")


def description(site: Site) -> Response:
    """The description of the search (OpenSearch 1.1)."""
    title, root = home.chrome(site).title.value, escape(site.public_url)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="{NAMESPACE}">
  <ShortName>{escape(title[:SHORT_NAME].strip())}</ShortName>
  <Description>{escape(title[:1024])}</Description>
  <Url type="{formats.HTML}" template="{root}search?q={{searchTerms}}&amp;page={{startPage?}}"/>
  <Url type="{SUGGESTIONS}" rel="suggestions" template="{root}search/suggest?q={{searchTerms}}"/>
  <Url type="{DESCRIPTION}" rel="self" template="{root}opensearch.xml"/>
  <Image height="16" width="16" type="image/svg+xml">{root}favicon.ico</Image>
  <InputEncoding>UTF-8</InputEncoding>
  <OutputEncoding>UTF-8</OutputEncoding>
</OpenSearchDescription>
"""
    response = Response(text, content_type=DESCRIPTION)
    return respond.validated(site, response, respond.etag(site, "opensearch"), negotiated=False)
