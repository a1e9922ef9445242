"""Where an IRI leads from here: to a page of this site, to another site, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from werkzeug.urls import iri_to_uri

from unitgraph.site import Site
from unitgraph.vocab import UG, UGS

NAMESPACES = {UG: "/ns", UGS: "/shapes"}  #: fixed namespaces, and the pages on which their terms stand
SAFE_SCHEMES = ("http", "https", "mailto", "tel")


def path(site: Site, iri: str) -> str | None:
    """The path on this site at which an IRI is answered, or None.

    The vocabulary and the shapes keep their namespace whatever the base is, and are served here.
    """
    for namespace, page in NAMESPACES.items():
        if iri == namespace[:-1]:
            return page
        if iri.startswith(namespace):
            return f"{page}#{iri[len(namespace) :]}"
    return site.path(iri)


def href(site: Site, target: str) -> str | None:
    """The link to an IRI, or to a path of this site, as it stands in a page; None where there is nothing to open."""
    if target.startswith("/"):
        return root(site) + target
    local = path(site, target)
    if local is not None:
        return root(site) + local
    return target if target.partition(":")[0].lower() in SAFE_SCHEMES else None


def external(site: Site, iri: str) -> bool:
    """Whether a link leads away from this site."""
    return not iri.startswith("/") and path(site, iri) is None


def root(site: Site) -> str:
    """The path under which the public sees this site, without its last slash; empty at the root of a host."""
    return urlsplit(site.settings.public_url).path.rstrip("/")


def public(site: Site, local: str) -> str:
    """A path of this site as an address for a header: absolute where the operator said so, ASCII always."""
    return iri_to_uri(site.settings.public_url.rstrip("/") + local)


def absolute(site: Site, local: str) -> str:
    """A path of this site as an address that stands by itself, in a document that may be read anywhere."""
    return iri_to_uri(site.public_url.rstrip("/") + local)


def document(stem: str, suffix: str) -> str:
    """The path of a document from the decoded path of its thing.

    >>> document("/unit/arl", "ttl")
    '/unit/arl.ttl'
    """
    return quoted(f"{stem}.{suffix}")


def quoted(path: str) -> str:
    """A decoded path as it stands in an address (RFC 3986 §3.3)."""
    return quote(path, safe="/:@!$&'()*+,;=~-._")


def with_parameters(local: str, parameters: Mapping[str, str] | tuple[tuple[str, str], ...]) -> str:
    """A path with a query string, if there are parameters."""
    return f"{local}?{urlencode(parameters)}" if parameters else local
