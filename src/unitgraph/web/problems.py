"""Errors as answers: one table from error to status; problem documents for programs, pages for people."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, g, request
from pyoxigraph import NamedNode
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as HttpMethodNotAllowed

from unitgraph import errors, formats
from unitgraph.engine import Limit, limits
from unitgraph.formats import HTML, JSON, PROBLEM
from unitgraph.resources import suggest, terms
from unitgraph.resources.terms import Value
from unitgraph.site import Site
from unitgraph.vocab import term
from unitgraph.web import links, respond
from unitgraph.web.signposts import link

#: The status of each error (RFC 9110 §15), and its title. The nearest class in the tree counts.
#: A query over a limit is answered 503, not 504: no other server was asked, and not 408 or 500: nothing is
#: wrong with the request's form or with the server. Only `EngineUnavailable` says when to try again, since
#: the same query would meet the same limit again.
STATUS: dict[type[errors.UnitgraphError], tuple[int, str]] = {
    errors.BadRequest: (400, "The request cannot be read"),
    errors.QuerySyntaxError: (400, "The query is not SPARQL"),
    errors.QueryRefused: (403, "This endpoint does not run that"),
    errors.NotFound: (404, "Not found"),
    errors.MethodNotAllowed: (405, "Method not allowed"),
    errors.NotAcceptable: (406, "No acceptable format"),
    errors.Gone: (410, "Gone"),
    errors.UnsupportedMediaType: (415, "A body of that kind is not read"),
    errors.QueryTimeout: (503, "The query took too long"),
    errors.QueryTooLarge: (503, "The query took too much memory"),
    errors.QueryFailed: (503, "The query could not be finished"),
    errors.EngineUnavailable: (503, "Too many queries just now"),
    errors.ReleaseError: (503, "No release is published"),
}


@dataclass(frozen=True)
class Problem:
    """A problem document (RFC 9457 §3): `name` makes its type, `members` are extensions.

    `near` is what may have been meant, or what came after, `formats` pairs of an address and a media type.
    """

    name: str
    status: int
    title: str
    detail: str
    members: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    near: tuple[Value, ...] = ()
    formats: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """The document, with its type as a URN."""
        value = {"type": f"urn:unitgraph:problem:{self.name}", "title": self.title, "status": self.status}
        return respond.json_text(value | {"detail": self.detail} | self.members)


class Told(Exception):
    """A problem that the front found in a request before anything was asked. Attribute `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


REPLACES = (term("ug:replaces"), term("dcterms:replaces"))

TOO_LARGE = Problem(
    "body-too-large", 413, "The body is too large", "the body is larger than any query may be; send a shorter query"
)
TOO_SLOW = Problem(
    "request-timeout", 408, "The request came too slowly", "the body did not arrive in time; send it again"
)


def problem(error: errors.UnitgraphError, limits: tuple[Limit, ...] = ()) -> Problem:
    """The problem that an error is, with the facts that it carries; a query that failed is told all limits."""
    cls = next((c for c in type(error).__mro__ if c in STATUS), None)
    status, title = STATUS[cls] if cls else (500, "Internal error")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}
    match error:
        case errors.QuerySyntaxError(line=int()):
            members = {"line": error.line, "column": error.column}
        case errors.NotAcceptable():
            members = {"offered": list(error.offered)}
            if error.addresses:
                members["alternatives"] = [{"href": path, "type": kind} for path, kind in error.addresses]
        case errors.Gone():
            members = {"reason": error.reason, "date": error.date}
            if error.label:
                members["label"] = error.label
        case errors.QueryTimeout():
            members = {"limitSeconds": error.seconds}
        case errors.MethodNotAllowed():
            headers = {"Allow": ", ".join(error.allowed)}
        case errors.EngineUnavailable():
            headers = {"Retry-After": str(error.retry_after_seconds)}
        case errors.ReleaseError():
            headers = {"Retry-After": "10"}
    if limits and isinstance(error, (errors.EngineError, errors.QueryRefused)):
        members["limits"] = {limit.name: limit.value for limit in limits}
    return Problem(name, status, title, str(error), members, headers)


def explained(found: Problem, site: Site, query_string: str) -> Problem:
    """A problem with the address that says what makes the query costly, where that was asked by GET."""
    asked = [(name, value) for name, value in parse_qsl(query_string) if name != "format"]
    known = found.name in ("query-timeout", "query-too-large", "query-failed")
    if not known or not asked or "explain" in dict(asked):
        return found
    address = links.public(site, links.with_parameters("/sparql", (*asked, ("explain", "1"))))
    return replace(found, members=found.members | {"explain": address})


def from_http(error: HTTPException) -> Problem:
    """The problem that the framework found: no such route, no such method, a body that is too large."""
    if isinstance(error, HttpMethodNotAllowed):
        allowed = tuple(sorted({*(error.valid_methods or ()), "OPTIONS"}))
        return problem(errors.MethodNotAllowed(request.method[:20], allowed))
    if error.code == 404:
        return problem(errors.NotFound(f"nothing here is named {request.path[:200]}"))
    status = error.code or 500
    if status == 413:
        return TOO_LARGE
    detail = "something went wrong here; the fault is recorded" if status == 500 else error.description or error.name
    return Problem(error.name.lower().replace(" ", "-"), status, error.name, detail)


def answer(found: Problem) -> Response:
    """A page for a browser, a problem document for everything else."""
    try:
        media_type = formats.negotiate(request.headers.get("Accept", ""), (PROBLEM, JSON, HTML))
    except errors.NotAcceptable:
        media_type = PROBLEM
    if media_type == HTML:
        response = respond.page(g.get("site"), "problem.html", found, found.status)
    else:
        response = Response(found.to_json(), found.status, content_type=PROBLEM)
    response.headers.update(found.headers)
    for path, kind in found.formats:
        response.headers.add("Link", str(link(path, "alternate", kind)))
    response.headers["Cache-Control"] = "no-store" if found.status >= 500 else "no-cache"
    response.vary.add("Accept")
    return response


def register(app: Flask) -> None:
    """Answer errors of our tree, and those of the framework; what is neither is a bug and is logged."""
    app.register_error_handler(errors.UnitgraphError, _answer_error)
    app.register_error_handler(HTTPException, _answer_http)


def _answer_http(error: HTTPException) -> Response:
    found = from_http(error)
    return answer(kinder(found, g.site, error) if "site" in g else found)


def kinder(found: Problem, site: Site, error: Exception) -> Problem:
    """A problem with the way on: what was perhaps meant, what came after, or the formats that there are."""
    match error:
        case errors.NotAcceptable():
            return replace(found, formats=tuple((links.public(site, path), kind) for path, kind in error.addresses))
        case errors.Gone():
            near, name = _after(site, error), "replacedBy"
        case _ if found.status == 404:
            near, name = suggest.near(site, request.path), "suggestions"
        case _:
            return found
    told = [{"iri": one.iri, "label": one.text} for one in near]
    return replace(found, near=near, members=found.members | ({name: told} if told else {}))


def _after(site: Site, error: errors.Gone) -> tuple[Value, ...]:
    """What stands in the place of what is gone, as it was said then or as it is said now."""
    gone = NamedNode(error.iri)
    now = [node for way in REPLACES for node in terms.subjects(site, way, gone)]
    then = [NamedNode(iri) for iri in error.replaced_by]
    return tuple(terms.value(site, node) for node in dict.fromkeys((*then, *now)) if terms.exists(site, node))


def _answer_error(error: errors.UnitgraphError) -> Response:
    site: Site | None = g.get("site")
    if site is None:
        return answer(problem(error))
    found = kinder(problem(error, limits(site.settings)), site, error)
    if request.method == "GET" and request.path == "/sparql":
        found = explained(found, site, request.query_string.decode("ascii", "replace"))
    return answer(found)
