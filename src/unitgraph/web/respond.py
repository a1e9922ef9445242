"""Responses: representation, validators, links and the headers that every answer has. Each happens here, once."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from flask import Response, g, render_template, request
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.http import http_date

from unitgraph import formats
from unitgraph.answers import Term
from unitgraph.errors import NotAcceptable
from unitgraph.release import CURRENT
from unitgraph.resources import home, listing
from unitgraph.site import Site
from unitgraph.vocab import curie
from unitgraph.web import drawings, languages, links, meta, protocol, signposts
from unitgraph.web.printer import Printer
from unitgraph.web.protocol import Choice
from unitgraph.web.signposts import LINKSET, LINKSET_JSON, Link, link

METHODS = "GET, HEAD, POST, QUERY, OPTIONS"
EXPOSED = "Allow, Content-Encoding, ETag, Last-Modified, Link, Location, Retry-After, Vary"
POLICY = (
    f"default-src 'none'; style-src 'self' {drawings.STYLE_SOURCE}; script-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
SPOKEN = (formats.HTML, formats.SVG)  #: what has words of ours in it
NAVIGATION = ("unit", "project", "direction", "partner", "story")


@dataclass(frozen=True)
class Resource:
    """A document in several formats.

    `stem` is the path to which a suffix is added, `offered` suffixes with media types, our favourite first.
    `write` gives the bytes in a media type, `page` the template and its context where a page is offered. `links` are
    further `Link` values for any format, `page_links` those of the page for people; `parameters` make the variant.
    `page_path` is the path of the page for people, where that is not the stem with `.html`.
    `about` is the IRI of the thing that the documents describe, `items` are links to the members of a list or
    to the work itself, `subject` makes the description in the terms of schema.org that stands in the page.
    `loose` reads inexact media types as SPARQL clients mean them; `by_parameter` says that formats are
    reached by `?format=`, not by a suffix.
    """

    stem: str
    offered: Mapping[str, str]
    write: Callable[[str], bytes]
    page: Callable[[], tuple[str, object]] | None
    links: tuple[Link, ...] = ()
    page_links: tuple[Link, ...] = ()
    parameters: tuple[tuple[str, str], ...] = field(default=())
    loose: bool = False
    by_parameter: bool = False
    page_path: str = ""
    about: str = ""
    items: tuple[Link, ...] = ()
    subject: Callable[[], meta.Subject] | None = None


def choose(resource: Resource, suffix: str | None) -> Choice:
    """The format in which this request wants a resource.

    Raises:
        NotAcceptable: none of them, with the addresses of those that there are.
    """
    try:
        return protocol.choose(
            resource.offered,
            suffix,
            request.args.get("format"),
            request.headers.get("Accept", ""),
            loose=resource.loose,
        )
    except NotAcceptable as error:
        raise _with_addresses(resource, error) from error


def _with_addresses(resource: Resource, error: NotAcceptable) -> NotAcceptable:
    """What there is instead, each with its address."""
    found = {media_type: document(resource, suffix) for suffix, media_type in resource.offered.items()}
    return NotAcceptable(error.offered, tuple((found[one], one) for one in error.offered if one in found))


def send(site: Site, resource: Resource, suffix: str | None) -> Response:
    """A resource in the format that was asked for; 304 where the client has it already."""
    if suffix == "linkset":
        return _linkset(site, resource)
    choice = choose(resource, suffix)
    tag = etag(site, _variant(choice), resource.parameters)
    response = unless_known(site, tag, formats.content_type(choice.media_type), lambda: _body(site, resource, choice))
    response = validated(site, response, tag, negotiated=suffix is None, links_to=header_links(site, resource, choice))
    if choice.media_type in SPOKEN:
        spoken(response)
    return response


def send_text(
    site: Site, name: str, content_type: str, body: Callable[[], bytes], links_to: tuple[Link, ...] = ()
) -> Response:
    """A document with one form and no page, under the tag that its name and its parameters give it."""
    tag = etag(site, name)
    response = unless_known(site, tag, content_type, body)
    return validated(site, response, tag, negotiated=False, links_to=links_to)


def unless_known(site: Site, tag: str, content_type: str, body: Callable[[], bytes]) -> Response:
    """A response with a body, or 304 without one."""
    if known(site, tag):
        return Response(status=304, content_type=content_type)  # which is not sent
    return Response(g.bodies.get(request.path, tag, body), content_type=content_type)


def known(site: Site, tag: str) -> bool:
    """Whether the client has a representation already (RFC 9110 §13.2.2): by its tag, else by its time."""
    if request.headers.get("If-None-Match") is not None:
        return request.if_none_match.contains_weak(tag)
    since = request.if_modified_since
    return since is not None and since >= _modified(site)


def _modified(site: Site) -> datetime:
    """When what is served became what it is: release, publication here, or software, whichever is the latest.

    A release that is rolled back to was published at that moment, so nobody keeps the newer one.
    """
    times = [datetime.fromisoformat(site.release.issued).timestamp(), g.software_time]
    for path in (site.release.manifest_path, site.out / CURRENT):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return datetime.fromtimestamp(int(max(times)), UTC)


def _linkset(site: Site, resource: Resource) -> Response:
    """All links of all documents about a thing in one place (RFC 9264; FAIR Signposting, level 2)."""
    accept = request.headers.get("Accept", "")
    try:
        media_type = formats.negotiate(accept, (LINKSET_JSON, LINKSET))
    except NotAcceptable:
        media_type = LINKSET_JSON  # a suffix beats Accept
    tag = etag(site, media_type.partition("/")[2].replace("+", "-"), resource.parameters)
    write = signposts.linkset_json if media_type == LINKSET_JSON else signposts.linkset_text
    response = unless_known(site, tag, media_type, lambda: write(_link_contexts(site, resource)).encode())
    address = links.public(site, document(resource, "linkset"))
    other = LINKSET if media_type == LINKSET_JSON else LINKSET_JSON
    return validated(site, response, tag, negotiated=True, links_to=(link(address, "alternate", other),))


def _link_contexts(site: Site, resource: Resource) -> dict[str, list[Link]]:
    """The links of each document, and of the thing itself, by absolute address; pages of a list stand in headers."""
    found = {}
    if resource.about:
        found[resource.about] = list(described_by(site, resource))
    for suffix, media_type in resource.offered.items():
        is_page = media_type == formats.HTML
        own = [*header_links(site, resource, Choice(suffix, media_type)), *(resource.items if is_page else ())]
        if is_page:
            tongues = ((tag, links.root(site), address) for tag, _, address in _tongues(site, resource))
            own += [Link(address[len(root) :], "alternate", formats.HTML, tag) for tag, root, address in tongues]
        place = page_address(resource) if is_page else document(resource, suffix)
        found[links.absolute(site, place)] = list(dict.fromkeys(own))
    root = links.public(site, "/")
    return {
        anchor: [
            replace(one, target=links.absolute(site, "/" + one.target.removeprefix(root)))
            if one.target.startswith("/")
            else one
            for one in given
            if one.rel not in signposts.PAGING
        ]
        for anchor, given in found.items()
    }


def _variant(choice: Choice) -> str:
    """What tells one representation from another: its format, and of a page its language and how that was chosen."""
    if choice.media_type not in SPOKEN:
        return choice.suffix
    return f"{choice.suffix}-{g.language}" + ("-asked" if g.asked_language else "")


def spoken(response: Response) -> None:
    """Say in which language a page is, and that browsers are answered in theirs (RFC 9110 §8.5, §12.5.5)."""
    response.headers["Content-Language"] = g.language
    if not g.asked_language:
        response.vary.add("Accept-Language")


def _body(site: Site, resource: Resource, choice: Choice) -> bytes:
    if choice.media_type != formats.HTML:
        return written(resource, lambda: resource.write(choice.media_type))
    assert resource.page is not None, f"{resource.stem} offers a page and has none"
    template, page = resource.page()
    return render(site, template, page, resource)


def written(resource: Resource, write: Callable[[], bytes]) -> bytes:
    """What is written, or which formats can express it.

    Raises:
        NotAcceptable: this format cannot.
    """
    try:
        return write()
    except NotAcceptable as error:
        raise _with_addresses(resource, error) from error


def validated(
    site: Site, response: Response, tag: str, *, negotiated: bool, links_to: tuple[Link, ...] = ()
) -> Response:
    """Give a response its validators (RFC 9110 §8.8), its links and what it varies with."""
    response.set_etag(tag)
    response.headers["Last-Modified"] = http_date(_modified(site))
    response.headers["Cache-Control"] = "no-cache"
    if negotiated:
        response.headers["Vary"] = "Accept"
    for one in links_to:
        response.headers.add("Link", str(one))
    return response


def etag(site: Site, variant: str, parameters: tuple[tuple[str, str], ...] = ()) -> str:
    """Release, software, variant: what decides every byte of a representation (RFC 9110 §8.8.3).

    Parameters are a reader's choice: their digest is too long for anyone to find two that share it.
    """
    settings = (site.settings.public_url, site.settings.contact, parameters)
    operator = hashlib.sha256(repr(settings).encode()).hexdigest()[:32]
    return f"{site.release.digest[:16]}-{g.software}-{operator}-{variant}"


@dataclass(frozen=True)
class Asked:
    """A query whose answer is the body of a response; the front asks it and streams what comes."""

    site: Site
    text: str
    solutions_format: str | None = None
    graph_format: str | None = None
    default_graphs: tuple[str, ...] = ()
    substitutions: Mapping[str, Term] = field(default_factory=dict)


def ask(asked: Asked) -> Response:
    """A response whose body is the answer to a query: the headers are made now, the rest by the front."""
    request.environ["unitgraph.asked"] = asked
    return Response()


def redirect(
    site: Site, status: int, path: str, *, negotiated: bool = False, links_to: tuple[Link, ...] = ()
) -> Response:
    """A redirect with no page to look at: 303 to a document about a thing, 301 to where a thing is now."""
    response = Response(status=status)
    response.headers["Location"] = links.public(site, path)
    response.headers["Cache-Control"] = "no-cache"
    del response.headers["Content-Type"]  # there is no body
    response.autocorrect_location_header = False
    if negotiated:
        response.headers["Vary"] = "Accept"
    for one in links_to:
        response.headers.add("Link", str(one))
    return response


def json_text(value: object) -> str:
    """A small JSON document."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def header_links(site: Site, resource: Resource, choice: Choice) -> tuple[Link, ...]:
    """The links of one document (FAIR Signposting, level 1): from the page to its descriptions, and back."""
    is_page = choice.media_type == formats.HTML
    found = [
        link(links.public(site, document(resource, suffix)), "alternate", media_type)
        for suffix, media_type in resource.offered.items()
        if suffix != choice.suffix
    ]
    if is_page:
        found += [one for one in described_by(site, resource) if one.media_type != formats.HTML]
        if resource.about:
            found.append(link(resource.about, "cite-as"))
        found += resource.items if len(resource.items) <= signposts.MAX_IN_HEADERS else ()
    elif "html" in resource.offered and not resource.by_parameter:
        found.append(link(links.public(site, page_address(resource)), "describes", formats.HTML))
    if license_ := home.chrome(site).license:
        found.append(link(license_, "license"))
    if not resource.by_parameter and not resource.page_path:
        address = links.public(site, document(resource, "linkset"))
        found += [link(address, "linkset", media_type) for media_type in (LINKSET_JSON, LINKSET)]
    return (*found, *resource.links, *(resource.page_links if is_page else ()))


def described_by(site: Site, resource: Resource) -> tuple[Link, ...]:
    """The documents that describe a thing: those in RDF, and the page."""
    described = {formats.HTML, *formats.RDF_SUFFIXES.values()}
    return tuple(
        link(links.public(site, document(resource, suffix)), "describedby", media_type)
        for suffix, media_type in resource.offered.items()
        if media_type in described
    )


def page_address(resource: Resource) -> str:
    """The path of the page for people, with the parameters of this request."""
    if resource.page_path:
        return links.with_parameters(resource.page_path, resource.parameters)
    return document(resource, "html")


def document(resource: Resource, suffix: str) -> str:
    """The path of a resource in one format, with the parameters of this request."""
    if resource.by_parameter:
        return links.with_parameters(resource.stem, (*resource.parameters, ("format", suffix)))
    return links.with_parameters(links.document(resource.stem, suffix), resource.parameters)


def page(site: Site | None, template: str, shown: object, status: int = 200) -> Response:
    """A page that is not one format of a resource among others."""
    response = Response(render(site, template, shown), status, content_type=formats.content_type(formats.HTML))
    spoken(response)
    return response


def render(site: Site | None, template: str, page: object, resource: Resource | None = None) -> bytes:
    """A page: the template prints a frozen value, with the head and foot that all pages have."""
    alternates, addresses = [], dict[str, str | None]()

    def url(target: str, pairs: tuple[tuple[str, object], ...] = (), **parameters: object) -> str | None:
        if pairs or parameters:
            return _href(site, target, (*pairs, *parameters.items()))
        if target not in addresses:
            addresses[target] = _href(site, target, ())
        return addresses[target]

    def external(iri: str) -> bool:
        return links.external(site, iri) if site else True

    if site and resource:
        for suffix, media_type in resource.offered.items():
            if suffix != "html":
                alternates.append((suffix, media_type, links.root(site) + document(resource, suffix)))
    return render_template(
        template,
        page=page,
        meta=_meta(site, resource) if site and resource else None,
        chrome=home.chrome(site) if site else None,
        navigation=_navigation(site) if site else (),
        alternates=alternates,
        language=g.language,
        direction=languages.direction(g.language),
        tongues=_tongues(site, resource),
        asked_language=g.asked_language,
        url=url,
        asset=lambda name: f"{links.root(site) if site else ''}/static/{name}?v={g.assets.get(name, '')}",
        external=external,
        printer=Printer(g.language, languages.direction(g.language), url, external),
        curie=curie,
        drawing_style=Markup(drawings.STYLE),  # noqa: S704 (our own file)
    ).encode()


def _meta(site: Site, resource: Resource) -> meta.Meta:
    """What the head of a page says to programs: its links, and what it is about."""
    html = Choice("html", formats.HTML)
    return meta.meta(
        site,
        links.absolute(site, page_address(resource)),
        header_links(site, resource, html),
        resource.subject() if resource.subject else meta.Subject(),
        resource.about,
    )


def _href(site: Site | None, target: str, parameters: tuple[tuple[str, object], ...]) -> str | None:
    """The link to an IRI or a path of this site; on this site a reader keeps the language that was asked for."""
    found = links.href(site, target) if site else target
    if found is None or (site and links.external(site, target)):
        return found
    if g.asked_language:
        parameters = (*parameters, ("lang", g.asked_language))
    address, mark, fragment = found.partition("#")
    return links.with_parameters(address, tuple((name, str(value)) for name, value in parameters)) + mark + fragment


def _tongues(site: Site | None, resource: Resource | None) -> tuple[tuple[str, str, str], ...]:
    """This page in every language of the interface: tag, name, address."""
    if resource:
        address, parameters = resource.page_path or links.document(resource.stem, "html"), resource.parameters
    else:
        address = links.quoted(request.path if request.method == "GET" else "/")
        parameters = tuple((name, value) for name, value in request.args.items(multi=True) if name != "lang")
    root = links.root(site) if site else ""
    return tuple(
        (tag, name, links.with_parameters(root + address, (*parameters, ("lang", tag))))
        for tag, name in languages.LANGUAGES.items()
    )


def _navigation(site: Site) -> tuple[tuple[str, str], ...]:
    if site.release.from_files:
        return (("/graph", gettext("Graphs")), ("/sparql", "SPARQL"))
    found = [segment for segment in NAVIGATION if segment in listing.segments(site)]
    pages = [(f"/{segment}", languages.kinds(segment) or listing.title(site, segment)) for segment in found]
    return (*pages, ("/query", gettext("Questions")), ("/sparql", "SPARQL"), ("/ns", gettext("Vocabulary")))


# For every response --------------------------------------------------------------------------------


def preflight() -> Response | None:
    """Answer OPTIONS, for browsers that ask before they ask (Fetch §3.2.2)."""
    if request.method != "OPTIONS":
        return None
    response = Response(status=204)
    del response.headers["Content-Type"]
    response.headers["Allow"] = METHODS if request.path == "/sparql" else "GET, HEAD, OPTIONS"
    response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
    response.headers["Access-Control-Allow-Headers"] = "Accept, Content-Type, If-None-Match, Prefer, Range"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response


def keep_assets(response: Response) -> Response:
    """An asset that is asked for by its digest never changes (RFC 8246)."""
    if request.endpoint == "static" and response.status_code in (200, 304):
        name = (request.view_args or {}).get("filename", "")
        current = request.args.get("v") == g.assets.get(name)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
    return response


def open_headers() -> dict[str, str]:
    """Open to any origin, without credentials; nothing is guessed, nothing is loaded from elsewhere."""
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSED,
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    }


def finish(response: Response) -> Response:
    """Give every response the headers that all have; the front hears what it is, which a 304 does not say."""
    request.environ["unitgraph.media_type"] = response.mimetype or ""
    response.headers.update(open_headers())
    return response
