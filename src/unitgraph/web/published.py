"""Pages about what is published: the releases, the languages of its labels, the components of the pages."""

from __future__ import annotations

from flask import Response, g, request

from unitgraph import formats
from unitgraph.formats import CSV, HTML, JSON
from unitgraph.resources import coverage, releases
from unitgraph.resources.terms import Text, Value
from unitgraph.site import Site
from unitgraph.web import languages, protocol, respond
from unitgraph.web.respond import Resource

RELEASE_FORMATS = {"html": HTML, "json": JSON}
COVERAGE_FORMATS = {"html": HTML, "csv": CSV}


#: What the page of components prints.
SAMPLES = {
    "unit": Value("Maps Unit", "en", "/unit"),
    "elsewhere": Value("Elsewhere", None, "https://example.org/"),
    "plain": Value("plain text"),
    "french": Value("Section des cartes", "fr"),
    "arabic": Value("قسم الخرائط", "ar"),
    "date": Value("2026-11-23", None, None, "xsd:date"),
    "label": Value("label", "en"),
    "text": Text("Section des cartes", "fr"),
}


def current_release(site: Site, suffix: str | None = None) -> Response:
    """The release that is published now, and all others."""
    return _release(site, "/release", None, suffix)


def release(site: Site, name: str) -> Response:
    """One release, by its version, which has dots of its own."""
    version, suffix = name, None
    if name not in releases.versions(site):
        version, suffix = protocol.split_suffix(name)
    return _release(site, f"/release/{version}", version, suffix)


def _release(site: Site, stem: str, version: str | None, suffix: str | None) -> Response:
    """A page that more than the current release decides: its tag names all releases in the folder."""
    found = releases.page(site, version)
    resource = Resource(stem, RELEASE_FORMATS, lambda _: b"", lambda: ("release.html", found))
    if suffix == "linkset":
        return respond.send(site, resource, suffix)
    choice = respond.choose(resource, suffix)
    tongue = f"-{g.language}" + ("-asked" if g.asked_language else "") if choice.media_type == HTML else ""
    tag = respond.etag(site, choice.suffix + tongue, (("releases", releases.state(site)),))
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    elif choice.media_type == HTML:
        response = Response(respond.render(site, "release.html", found, resource))
    else:
        record = releases.record(releases.page(site.speaking("en"), version))
        response = Response(respond.json_text(record), content_type=JSON)
    to = respond.header_links(site, resource, choice)
    response = respond.validated(site, response, tag, negotiated=suffix is None, links_to=to)
    if choice.media_type == HTML:
        respond.spoken(response)
    return response


def label_coverage(site: Site, suffix: str | None = None) -> Response:
    """How many things of each kind have a label in which language."""
    found = coverage.page(site, tuple(languages.LANGUAGES))

    def write(media_type: str) -> bytes:
        return formats.write(coverage.table(found), media_type)

    return respond.send(site, Resource("/coverage", COVERAGE_FORMATS, write, lambda: ("coverage.html", found)), suffix)


def components(site: Site) -> Response:
    """Every component of the stylesheet once, for whoever changes it."""
    return respond.page(site, "patterns.html", SAMPLES)
