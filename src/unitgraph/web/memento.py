"""Earlier states (RFC 7089): every release answers under `/r/<version>/…`, a TimeGate finds the one of a time.

The IRIs of things stay what they are; an earlier release is another site in the same folder, whose links stay in it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from flask import Response, g, request
from werkzeug.http import http_date

from unitgraph.changes import REMOVED, Step
from unitgraph.errors import BadRequest, NotFound
from unitgraph.records import GRAPH
from unitgraph.release import STORE
from unitgraph.site import Site
from unitgraph.web import links, protocol, respond
from unitgraph.web.signposts import Link

LINK_FORMAT = "application/link-format"


def time_gate(site: Site, path: str) -> Response:
    """Lead to the state of an address at the time that `Accept-Datetime` names; without one to the newest (§4)."""
    here = _here(site, path)
    mementos = _mementos(site, here)
    asked = request.headers.get("Accept-Datetime")
    chosen = mementos[-1]
    if asked is not None:
        wanted = _time(asked)
        chosen = next((step for step in reversed(mementos) if _issued(step) <= wanted), mementos[0])
    response = respond.redirect(site, 302, f"/r/{chosen.version}{here}")
    response.headers["Location"] = links.absolute(site, f"/r/{chosen.version}{here}")
    response.headers["Vary"] = "Accept-Datetime"
    for one in (_link(site, here, "original"), _timemap(site, here)):
        response.headers.add("Link", one)
    return response


def time_map(site: Site, path: str) -> Response:
    """All states of an address (§5)."""
    here = _here(site, path)
    mementos = _mementos(site, here)
    first, last = http_date(_issued(mementos[0])), http_date(_issued(mementos[-1]))
    rows = [
        _link(site, here, "original"),
        f'<{links.absolute(site, f"/timemap/link{here}")}>; rel="self"; type="{LINK_FORMAT}"; '
        f'from="{first}"; until="{last}"',
        _timegate(site, here),
    ]
    for number, step in enumerate(mementos):
        place = "first " * (number == 0) + "last " * (number == len(mementos) - 1)
        address = links.absolute(site, f"/r/{step.version}{here}")
        rows.append(f'<{address}>; rel="{place}memento"; datetime="{http_date(_issued(step))}"')
    body = ",\n".join(rows) + "\n"
    return respond.send_text(site, f"timemap-{here}", LINK_FORMAT, body.encode)


def mark(response: Response) -> Response:
    """Give a state of an earlier release its time, and what has states the way to them (§2.2)."""
    site = g.get("site")
    if site is None or site.release.from_files or response.status_code not in (200, 301, 303, 304):
        return response
    path = str(request.environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace")
    if g.get("version"):
        now = g.current
        response.headers["Memento-Datetime"] = http_date(datetime.fromisoformat(site.release.issued))
        for one in (_link(now, path, "original"), _timegate(now, path), _timemap(now, path)):
            response.headers.add("Link", one)
    elif request.endpoint == "/<path:path>":
        for one in (_timegate(site, path), _timemap(site, path)):
            response.headers.add("Link", one)
    return response


def _here(site: Site, path: str) -> str:
    """The path on this site of what is asked for: an address of ours, or a path; slashes may have been squeezed."""
    found = unquote(path)
    for start in (site.public_url, site.base):
        squeezed = re.sub(r"^(https?:/)/", r"\1", start)
        for one in (start, squeezed):
            if found.startswith(one):
                return links.quoted("/" + found[len(one) :])
    if re.match(r"https?:", found):
        raise NotFound(f"{found[:200]} is no address of this site; states are kept of {site.public_url} alone")
    return links.quoted("/" + found.lstrip("/"))


def _mementos(site: Site, here: str) -> tuple[Step, ...]:
    """The releases that can answer at an address, oldest first: of a thing those that have it."""
    kept = [step for step in site.changes.steps if (site.out / step.version / STORE).exists()]
    stem = protocol.split_suffix(unquote(here)[1:])[0]
    history = site.changes.of(unquote(here)[1:]) or site.changes.of(stem)
    if history and history[0].kind != GRAPH:
        there, held = set[int](), False
        changed = {change.step.number: change.what for change in history}
        for step in site.changes.steps:
            held = changed[step.number] != REMOVED if step.number in changed else held
            there |= {step.number} if held else set()
        kept = [step for step in kept if step.number in there]
    if not kept:
        raise NotFound(f"no release that is kept has {here[:200]}")
    return tuple(kept)


def _time(text: str) -> datetime:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        message = f"Accept-Datetime {text[:80]!r} is no date of HTTP; write Thu, 01 Feb 2024 00:00:00 GMT"
        raise BadRequest(message) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _issued(step: Step) -> datetime:
    return datetime.fromisoformat(step.issued)


def _link(site: Site, here: str, rel: str) -> str:
    return str(Link(links.absolute(site, here), rel))


def _timegate(site: Site, here: str) -> str:
    return str(Link(links.absolute(site, f"/timegate{here}"), "timegate"))


def _timemap(site: Site, here: str) -> str:
    return str(Link(links.absolute(site, f"/timemap/link{here}"), "timemap", LINK_FORMAT))
