"""Typed links from one resource to others: in headers, in pages, and as a set of their own (RFC 8288, RFC 9264)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LINKSET_JSON = "application/linkset+json"
LINKSET = "application/linkset"
PAGING = ("first", "prev", "next", "last")
MAX_IN_HEADERS = 20  #: members of a list that stand in headers; all are in the link set


@dataclass(frozen=True)
class Link:
    """A link to `target`, and what that is to the resource that links: `rel`, a registered relation or an IRI."""

    target: str
    rel: str
    media_type: str = ""
    language: str = ""

    def __str__(self) -> str:
        """The value of a `Link` header (RFC 8288 §3)."""
        language = f'; hreflang="{self.language}"' if self.language else ""
        return (
            f'<{self.target}>; rel="{self.rel}"' + (f'; type="{self.media_type}"' if self.media_type else "") + language
        )


def link(target: str, rel: str, media_type: str = "") -> Link:
    """A link.

    >>> str(link("/unit/arl.ttl", "alternate", "text/turtle"))
    '</unit/arl.ttl>; rel="alternate"; type="text/turtle"'
    """
    return Link(target, rel, media_type)


def linkset_json(links: Mapping[str, Iterable[Link]]) -> str:
    """The links of several resources, by the address of each (RFC 9264 §4.2)."""
    contexts = []
    for anchor, given in links.items():
        context: dict[str, Any] = {"anchor": anchor}
        for one in given:
            target: dict[str, Any] = {"href": one.target}
            if one.media_type:
                target["type"] = one.media_type
            if one.language:
                target["hreflang"] = [one.language]
            context.setdefault(one.rel, []).append(target)
        contexts.append(context)
    return json.dumps({"linkset": contexts}, indent=2, ensure_ascii=False) + "\n"


def linkset_text(links: Mapping[str, Iterable[Link]]) -> str:
    """The same as lines of a `Link` header (RFC 9264 §4.1)."""
    return ",\n".join(f'{one}; anchor="{anchor}"' for anchor, given in links.items() for one in given) + "\n"
