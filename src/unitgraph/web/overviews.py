"""The matrix, the timeline and the network: each a page, a table, a drawing and a record for programs."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from unitgraph import formats
from unitgraph.answers import Table
from unitgraph.resources import matrix, network, timeline
from unitgraph.site import Site
from unitgraph.web import respond
from unitgraph.web.respond import Resource

FORMATS = {"html": formats.HTML, "json": formats.JSON, "csv": formats.CSV, "svg": formats.SVG}


def strategy_matrix(site: Site, suffix: str | None = None) -> Response:
    """Directions and key initiatives by unit, with the projects that serve them."""
    return _send(
        site,
        "matrix",
        suffix,
        matrix.matrix,
        lambda plain: matrix.table(matrix.matrix(plain)),
        lambda plain: matrix.as_dict(matrix.matrix(plain)),
    )


def timeline_of(site: Site, suffix: str | None = None) -> Response:
    """Units, projects and events over the years."""
    return _send(
        site,
        "timeline",
        suffix,
        timeline.timeline,
        lambda plain: timeline.table(timeline.timeline(plain)),
        lambda plain: timeline.as_dict(timeline.timeline(plain)),
    )


def network_of(site: Site, suffix: str | None = None) -> Response:
    """Who works with whom: units and organisations, joined by projects."""
    return _send(site, "network", suffix, network.network, network.table, network.as_dict)


def _send(
    site: Site,
    name: str,
    suffix: str | None,
    page: Callable[[Site], object],
    table: Callable[[Site], Table],
    record: Callable[[Site], dict[str, object]],
) -> Response:
    """A page and a drawing in the reader's language; tables and records in English, whoever asks."""

    def write(media_type: str) -> bytes:
        plain = site.speaking("en")
        if media_type == formats.SVG:
            return respond.render(site, f"{name}-drawing.html", page(site)).strip() + b"\n"
        if media_type == formats.CSV:
            return formats.write(table(plain), media_type)
        return respond.json_text(record(plain)).encode()

    return respond.send(site, Resource(f"/{name}", FORMATS, write, lambda: (f"{name}.html", page(site))), suffix)
