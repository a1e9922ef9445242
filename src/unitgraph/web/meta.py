"""What the head of a page says to programs: links, Open Graph, and the description in the terms of schema.org."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from flask import g
from markupsafe import Markup

from unitgraph.resources import home, schema_org
from unitgraph.resources.terms import Text
from unitgraph.site import Site
from unitgraph.web import links
from unitgraph.web.signposts import Link

#: The locales of Open Graph, which have a territory, by language of the interface.
LOCALES = {"ar": "ar_AR", "zh": "zh_CN", "en": "en_US", "fr": "fr_FR", "de": "de_DE", "ru": "ru_RU", "es": "es_ES"}
APART = ("alternate", "license")  #: links that every page has in its head already


@dataclass(frozen=True)
class Subject:
    """What a page is about: a node of schema.org if it has a class for it, a sentence about it.

    `page` is the class of the page itself (`AboutPage`), `crumbs` the way to it: names and paths.
    """

    node: dict[str, Any] | None = None
    description: Text | None = None
    page: str = "WebPage"
    crumbs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Meta:
    """The part of a head that programs read: `kind` is an Open Graph type, `url` the identity of what is shown,
    `data` the text of a script element with JSON-LD.
    """

    links: tuple[Link, ...]
    kind: str
    url: str
    description: Text | None
    locale: str
    locales: tuple[str, ...] = field(default=())
    data: Markup = field(default=Markup(""))


def meta(site: Site, address: str, given: tuple[Link, ...], subject: Subject, about: str) -> Meta:
    """The head of the page at an address, about the thing of that IRI."""
    locale = LOCALES[g.language]
    article = subject.node is not None and subject.node["@type"] == "Article"
    return Meta(
        tuple(one for one in given if one.rel not in APART),
        "article" if article else "website",
        about or address,
        subject.description,
        locale,
        tuple(other for other in LOCALES.values() if other != locale),
        script(_graph(site, address, subject)),
    )


def _graph(site: Site, address: str, subject: Subject) -> dict[str, Any]:
    """The page, and what it is about."""
    chrome = home.chrome(site)
    page: dict[str, Any] = {"@type": subject.page, "@id": address, "url": address, "inLanguage": g.language}
    if chrome.license:
        page["license"] = chrome.license
    if subject.crumbs:
        steps = [(name, links.absolute(site, path)) for name, path in subject.crumbs]
        page["breadcrumb"] = schema_org.names(steps)
    if subject.node is None:
        return {"@context": "https://schema.org", **page}
    page["mainEntity"] = {"@id": subject.node["@id"]}
    return {"@context": "https://schema.org", "@graph": [page, subject.node]}


def script(value: object) -> Markup:
    """JSON as the text of a script element: nothing in it can end the element, or begin a comment.

    >>> script("</script><!--")
    Markup('"\\\\u003c/script\\\\u003e\\\\u003c!--"')
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - every sign that HTML reads is escaped above
