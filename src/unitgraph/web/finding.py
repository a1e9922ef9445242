"""Search over HTTP: the page of what was found, suggestions, and the description by which browsers learn of them."""

from __future__ import annotations

from urllib.parse import quote
from xml.sax.saxutils import escape

from flask import Response, current_app, request

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
    """A page of what was found, or the form alone.

    Tables and records are in English, whoever asks.
    """
    query, kind = search.cleaned(request.args.get("q", "")), request.args.get("kind", "")
    number = protocol.page_number(request.args.get("page") or None)  # OpenSearch leaves it empty
    asked = (("q", query), ("kind", kind), ("page", str(number) if number > 1 else ""))

    def write(media_type: str) -> bytes:
        return formats.write(search.table(search.search(site.speaking("en"), query, kind, number)), media_type)

    def page() -> tuple[str, object]:
        return "search.html", search.search(site, query, kind, number)

    parameters = tuple((name, value) for name, value in asked if value)
    return respond.send(site, Resource("/search", FORMATS, write, page, parameters=parameters), suffix)


def suggestions(site: Site) -> Response:
    """What may be meant (OpenSearch Suggestions 1.0): what was typed, labels, words about each, addresses."""
    typed = request.args.get("q", "").encode("utf-8", "replace").decode()
    found = [one for one in search.suggest(site, typed) if links.href(site, one.thing.iri or "")]
    labels, addresses = [one.thing.text for one in found], [_address(site, one) for one in found]
    body = respond.json_text([typed, labels, [_about(one) for one in found], addresses])
    response = Response(body, content_type=SUGGESTIONS)
    tag = respond.etag(site, f"suggestions-{site.language}", (("q", typed),))
    respond.validated(site, response, tag, negotiated=False)
    response.vary.add("Accept-Language")
    return response


def _about(one: Suggestion) -> str:
    in_words = current_app.jinja_env.globals["kinds"]
    kind = in_words(one.kind) or one.title  # type: ignore[operator]  # a function, as templates know it
    return " · ".join(part for part in (one.main, one.notation, kind) if part and part != one.thing.text)


def _address(site: Site, one: Suggestion) -> str:
    return quote(links.href(site, one.thing.iri or "") or "", safe="/:@!$&'()*+,;=~-._%?#")


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
