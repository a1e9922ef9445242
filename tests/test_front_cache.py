"""Pages that are kept are answered as if they were made anew, within bounds, never for another release."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asgi
import pytest
from werkzeug.test import Client

from unitgraph.engine import Engine
from unitgraph.release import CURRENT, Release
from unitgraph.settings import Settings
from unitgraph.site import Publication, Site
from unitgraph.web import cache, create_app, respond
from unitgraph.web.cache import Bodies, Page, Pages, Recent
from unitgraph.web.front import Front

PATHS = (
    "/",
    "/unit",
    "/unit.csv",
    "/unit/arl",
    "/unit/arl.html",
    "/unit/arl.ttl",
    "/unit/arl.ttl?page=2",
    "/unit/arl.html?nothing=1",
    "/unit/nobody",
    "/unit/nobody.html",
    "/unit/eals",
    "/ns",
    "/ns?format=ttl",
    "/query/first-round.html",
    "/static/style.css",
    "/favicon.ico",
    "/robots.txt",
    "/graph",
)
ACCEPTS = ("", "text/html,application/xhtml+xml,*/*;q=0.8", "text/turtle", "image/png")
CODINGS = ("", "gzip", "br", "zstd, gzip;q=0.5")


@pytest.fixture
def front(site: Site) -> Front:
    """A front with nothing kept."""
    return create_app(Publication(site.out, site.engine, site.settings))


@pytest.fixture
def bare_front(site: Site) -> Front:
    """A front that makes every page anew."""
    return create_app(Publication(site.out, site.engine, replace(site.settings, page_bytes=0)))


@pytest.fixture
def made(front: Front, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that Flask was asked for, in order."""
    found: list[str] = []
    pages = front.pages

    def asked(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        found.append(environ["PATH_INFO"])
        return pages(environ, start)

    monkeypatch.setattr(front, "pages", asked)
    return found


def told(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that a response is."""
    return answer.status_code, sorted(answer.headers), answer.data


def conditions(tag: str) -> tuple[str, ...]:
    """Values of `If-None-Match`: none, any, this one plain, weak, in a list, in another coding, another one."""
    return ("", "*", tag, f'"a", W/{tag}', tag[:-1] + '-br"', '"other"')


@pytest.mark.parametrize("path", PATHS)
def test_what_is_kept_is_answered_as_what_is_made(bare_front: Front, front: Front, made: list[str], path: str) -> None:
    """Status, all headers and every byte, beside a front that keeps nothing."""
    client, bare = asgi.client(front), asgi.client(bare_front)
    tag = bare.get(path).headers.get("ETag", '"none"')
    cases = {
        *itertools.product(ACCEPTS, CODINGS[:2], conditions(tag)[:2]),
        *itertools.product(ACCEPTS[:1], CODINGS, conditions(tag)),
    }
    for case in cases:
        names = ("Accept", "Accept-Encoding", "If-None-Match")
        headers = {name: value for name, value in zip(names, case, strict=True) if value}
        right = told(bare.get(path, headers=headers))
        for _ in range(2):
            assert told(client.get(path, headers=headers)) == right, headers
            assert told(client.head(path, headers=headers)) == (*right[:2], b""), headers
    made.clear()
    for coding in CODINGS:
        client.get(path, headers={"Accept-Encoding": coding})
    assert made == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/health", {}),
        ("GET", "/status", {}),
        ("GET", "/sparql", {}),
        ("GET", "/sparql?query=ASK%7B%7D", {"Accept": "text/html"}),
        ("OPTIONS", "/unit/arl.html", {}),
        ("POST", "/unit/arl.html", {}),
        ("GET", "/unit?format=nonsense", {}),
        ("GET", "/static/style.css", {"Range": "bytes=0-9"}),
        ("GET", "/static/style.css", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
        ("GET", "/unit", {"Accept": "text/html, " + "text/x, " * 100}),
        ("GET", "/unit/arl.html?a=" + "a" * 3_000, {}),
    ],
)
def test_what_changes_or_is_large_is_asked_for_each_time(
    front: Front, made: list[str], method: str, path: str, headers: dict[str, str]
) -> None:
    client = asgi.client(front)
    for _ in range(2):
        client.open(path, method=method, headers=headers)
    assert len(made) == 2


def test_a_fault_of_ours_is_not_kept(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    client, pages = asgi.client(front), front.pages

    def failing(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("503 Unavailable", [("Content-Type", "text/plain")])
        return [b"not now"]

    monkeypatch.setattr(front, "pages", failing)
    assert client.get("/unit").status_code == 503
    monkeypatch.setattr(front, "pages", pages)
    assert client.get("/unit").status_code == 200


@pytest.mark.parametrize(
    ("path", "varies"),
    [
        ("/unit", "Accept, Accept-Language, Accept-Encoding"),
        ("/unit/arl.html", "Accept-Language, Accept-Encoding"),
        ("/unit/arl.html?lang=fr", "Accept-Encoding"),
        ("/unit/arl.ttl", "Accept-Encoding"),
    ],
)
def test_a_page_says_what_decides_it_and_leaves_the_date_to_the_server(front: Front, path: str, varies: str) -> None:
    for coding in CODINGS:
        headers = asgi.client(front).get(path, headers={"Accept-Encoding": coding}).headers
        assert headers["Vary"] == varies
    assert "Date" not in asgi.client(front).get("/static/style.css").headers


def test_a_header_that_only_looks_like_another_decides_nothing(front: Front) -> None:
    """WSGI has one name for `If-None-Match` and `If_None_Match`; what is kept must not be chosen by the second."""

    async def ask(name: bytes) -> int:
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/unit", "raw_path": b"/unit"}
        await front({**scope, "query_string": b"", "headers": [(name, b"*")]}, receive, send)
        return int(said[0]["status"])

    assert [asyncio.run(ask(name)) for name in (b"if_none_match", b"if-none-match")] == [200, 304]


@pytest.fixture
def two(
    release: Release, tiny: Release, engine: Engine, tmp_path: Path
) -> tuple[Client, Callable[[Release], None], Front]:
    """A front over a folder with two releases, and how to publish one of them."""
    for one in (release, tiny):
        (tmp_path / one.version).symlink_to(one.folder)

    def publish(one: Release) -> None:
        (tmp_path / "next").write_text(one.version)
        (tmp_path / "next").rename(tmp_path / CURRENT)

    publish(release)
    front = create_app(Publication(tmp_path, engine, Settings()))
    return asgi.client(front), publish, front


def test_another_release_is_seen_at_once(
    two: tuple[Client, Callable[[Release], None], Front], release: Release, tiny: Release
) -> None:
    client, publish, _ = two
    first = told(client.get("/"))
    for _ in range(2):
        publish(tiny)
        other = told(client.get("/"))
        assert other != first
        assert told(client.get("/")) == other
        publish(release)
        again = told(client.get("/"))
        assert [one for one in again[1] if one[0] != "Last-Modified"] == [
            one
            for one in first[1]
            if one[0] != "Last-Modified"  # it was published a second time
        ]
        assert (again[0], again[2]) == (first[0], first[2])


def test_a_page_that_was_under_way_when_another_release_came_is_not_kept_for_it(
    two: tuple[Client, Callable[[Release], None], Front],
    release: Release,
    tiny: Release,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, publish, front = two
    pages = front.pages

    def slow(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        body = list(pages(environ, start))
        publish(tiny)
        return body

    monkeypatch.setattr(front, "pages", slow)
    before = client.get("/")
    monkeypatch.setattr(front, "pages", pages)
    assert release.version in before.get_data(as_text=True)
    assert tiny.version in client.get("/").get_data(as_text=True)


def test_what_is_gone_is_looked_up_again_when_the_folder_of_releases_changes(
    two: tuple[Client, Callable[[Release], None], Front], tmp_path: Path
) -> None:
    client, _, front = two
    client.get("/unit/nobody.html")
    before = front._kept[2]
    (tmp_path / "withdrawn.json").write_text("[]")
    client.get("/unit/nobody.html")
    assert front._kept[2] is not before


# Bounds --------------------------------------------------------------------------------------------


def page(number: int, *, status: int = 200, size: int = 1_000, vary: bytes = b"") -> Page:
    headers = [(b"etag", b'"%d"' % number), *([(b"vary", vary)] if vary else [])]
    found = Page(status, headers, b"x" * size, "text/html")
    found.coded("identity")
    return found


def target(number: int) -> tuple[bytes, bytes]:
    return b"/%d" % number, b""


def size(pages: Pages) -> int:
    return sum(recent.size_bytes for recent in (pages.once, pages.again, pages.faults))


def test_what_is_used_longest_ago_goes_first() -> None:
    recent: Recent[str] = Recent(100)
    for key in "abcde":
        recent.keep(key, key, 30)
        recent.get("c")
    assert [key for key in "abcde" if key in recent] == ["c", "d", "e"]
    recent.keep("e", "other", 10)
    assert (recent.get("e"), recent.size_bytes, len(recent)) == ("other", 70, 3)
    recent.keep("f", "too large", 101)
    assert (recent.size_bytes, len(recent)) == (0, 0)


def test_the_bytes_of_documents_stay_within_their_bound() -> None:
    bodies = Bodies(3_000)
    for number in range(10):
        assert bodies.get(f"/{number}", "tag", lambda: b"x" * 400) == b"x" * 400
    assert bodies.get("/9", "tag", lambda: b"other") == b"x" * 400
    assert bodies.get("/9", "new tag", lambda: b"other") == b"other"
    assert bodies.get("/0", "tag", lambda: b"other") == b"other"
    assert Bodies(0).get("/", "tag", lambda: b"made") == b"made"


def test_a_document_under_another_address_is_not_composed_again(
    front: Front, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = asgi.client(front)
    first = client.get("/unit/arl.html")
    monkeypatch.setattr(respond, "render", None)
    again = client.get("/unit/arl.html?utm_source=elsewhere")
    assert (again.data, len(made)) == (first.data, 2)


def test_pages_that_were_asked_for_again_are_not_displaced_by_those_that_nobody_asks_for_twice() -> None:
    pages = Pages(400_000)
    for number in range(50):
        pages.keep(target(number), {}, page(number))
        assert pages.get(target(number), {})
    for number in range(1_000, 3_000):
        pages.keep(target(number), {}, page(number))
        pages.keep(target(-number), {}, page(number, status=404))
        assert size(pages) <= 425_000
    assert all(pages.get(target(number), {}) for number in range(50))


def test_redirects_and_faults_displace_no_page() -> None:
    pages = Pages(100_000)
    pages.keep(target(1), {}, page(1))
    for number in range(1_000):
        pages.keep(target(number), {}, page(number, status=404))
        pages.get(target(number), {})
    assert pages.get(target(1), {}) is not None
    assert len(pages.faults) < 20


def test_a_page_in_more_codings_takes_more_of_the_bound() -> None:
    pages, one = Pages(1 << 24), page(1, size=5_000)
    pages.keep(target(1), {}, one)
    before = size(pages)
    one.coded("gzip")
    pages.keep(target(1), {}, one)
    assert before < size(pages) <= before + 3_000
    assert one.coded("gzip") is one.coded("gzip")


def test_variants_of_a_page_are_chosen_by_the_headers_that_it_names() -> None:
    pages = Pages(1 << 24)
    pages.keep(target(1), {b"accept-language": b"de", b"accept": b"*/*"}, page(1, vary=b"Accept-Language"))
    pages.keep(target(1), {b"accept-language": b"fr", b"accept": b"*/*"}, page(2, vary=b"Accept-Language"))
    german = pages.get(target(1), {b"accept-language": b"de", b"accept": b"text/html"})
    assert german is not None and german.headers[0][1] == b'"1"'
    assert pages.get(target(1), {b"accept-language": b"ru"}) is None
    assert pages.get(target(1), {}) is None


def test_a_response_that_names_another_header_makes_that_one_count_from_then_on() -> None:
    pages = Pages(1 << 24)
    pages.keep(target(1), {b"accept": b"a"}, page(1, vary=b"Accept"))
    pages.keep(target(1), {b"accept": b"b"}, page(2, vary=b"Accept, Accept-Language"))
    assert pages.get(target(1), {b"accept": b"a", b"accept-language": b"de"}) is None
    assert pages.get(target(1), {b"accept": b"b"}) is not None


def test_one_page_for_many_values_of_a_header_counts_once_and_the_values_are_bounded() -> None:
    pages = Pages(1 << 24)
    for number in range(1_000):
        pages.keep(target(1), {b"accept": b"text/html, a/%d" % number}, page(1, vary=b"Accept", size=100_000))
    assert size(pages) < 120_000
    assert pages.get(target(1), {b"accept": b"text/html, a/999"}) is not None
    assert pages.get(target(1), {b"accept": b"text/html, a/0"}) is None


def test_what_varies_with_everything_or_is_too_large_is_not_kept() -> None:
    pages = Pages(1 << 24)
    pages.keep(target(1), {}, page(1, vary=b"*"))
    pages.keep(target(2), {}, page(2, size=cache.PAGE_BYTES + 1))
    pages.keep((b"/" + b"x" * cache.TARGET_BYTES, b""), {}, page(3))
    pages.keep(target(4), {b"accept": b"x" * cache.HEADER_BYTES * 2}, page(4, vary=b"Accept"))
    for status in (302, 400, 405, 500, 503):
        pages.keep(target(status), {}, page(5, status=status))
    assert size(pages) == 0
