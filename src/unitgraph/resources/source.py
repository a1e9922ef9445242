"""Sources: where a document is read, and what rests on it."""

from __future__ import annotations

from dataclasses import dataclass

from unitgraph.resources import parts, said
from unitgraph.resources.entity import Description
from unitgraph.resources.parts import Cut
from unitgraph.resources.said import Page, Referring
from unitgraph.resources.terms import Value
from unitgraph.site import Site
from unitgraph.vocab import STATED_IN, term

COPY_OF = term("ug:copyOf")
MAX_LISTED = 80  #: of what rests on a source


@dataclass(frozen=True)
class SourcePage(Page):
    """A source: its address, what it is a copy of, its copies, and what rests on it, by kind."""

    addresses: tuple[Value, ...]
    copy_of: tuple[Value, ...]
    copies: Cut
    resting: Referring | None


def source(site: Site, described: Description) -> SourcePage:
    """The page of a source."""
    iri = described.iri
    common = said.page(site, described, ("ug:url", "ug:copyOf"), ("ug:copyOf", "ug:statedIn"))
    return SourcePage(
        **vars(common),
        addresses=parts.some(site, iri, term("ug:url")),
        copy_of=parts.some(site, iri, COPY_OF),
        copies=parts.cut(site, parts.backwards(site, COPY_OF, iri, said.COUNTED)),
        resting=said.refers(site, STATED_IN, iri, listed=MAX_LISTED),
    )
