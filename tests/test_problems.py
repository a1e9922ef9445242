"""Errors show the way on: what was meant, what came after, and never more than a few things are looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import asgi
import pytest
import test_any_rdf
from conftest import ROOT
from werkzeug.test import Client

from unitgraph import build
from unitgraph.engine import Engine
from unitgraph.release import Release
from unitgraph.resources import listing, suggest
from unitgraph.settings import Settings
from unitgraph.site import Publication, Site
from unitgraph.web import create_app

HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/unit/ARL", "unit/arl"),
        ("/Unit/Arl", "unit/arl"),
        ("/unit/arl/", "unit/arl"),
        ("/unit/", "unit"),
        ("/UNIT", "unit"),
        ("/unit/ARL.ttl", "unit/arl"),
        ("/unit/arl.pdf", "unit/arl"),
        ("/ARL", "unit/arl"),
        ("/arl", "unit/arl"),
        ("/units", "unit"),
        ("/unit/arll", "unit/arl"),
        ("/project/rscdv", "project/rscvd"),
        ("/prject/rscvd", "project/rscvd"),
        ("/initiative/1.1", "initiative/1-1"),
        ("/story/arl_2020", "story/arl-2020"),
    ],
)
def test_a_path_that_is_written_otherwise_is_answered_with_what_was_meant(
    client: Client, site: Site, path: str, meant: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json
    found = [one["iri"].removeprefix(site.base) for one in answer.json["suggestions"]]
    assert found[0] == meant
    assert len(found) <= suggest.SHOWN
    page = client.get(path, headers=HTML)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert f'href="/{meant}"' in page.text


@pytest.mark.parametrize("path", ["/wp-login.php", "/xmlrpc", "/a/b/c/d/e", "/%C3%A4%20%22%3E", "/" + "a/" * 5_000])
def test_a_path_that_is_like_nothing_gets_no_guesses(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json
    assert "suggestions" not in answer.json


def test_a_suggestion_is_never_a_redirect(client: Client) -> None:
    """A second redirect would follow, to the document: clients that meant it ask again."""
    for path in ("/unit/ARL", "/unit/", "/unit/ARL.ttl"):
        assert "Location" not in client.get(path).headers


def test_few_things_are_compared(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "MAX_CANDIDATES", 1)
    assert len(listing.members(site, "unit")) > 1
    assert len(suggest._members(site, "unit")) == 1


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Client, Release]:
    """Two releases of the tiny world: in the second a unit that another one succeeded is no longer described."""
    sources, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("history")
    shutil.copytree(ROOT / "tests" / "tiny", sources, dirs_exist_ok=True)
    first = build.build(build.judge(sources), out, version="2026.01.1", issued="2026-01-01")
    (sources / "data" / "unit" / "story-hours.ttl").unlink()
    (sources / "data" / "succession" / "story-hours-2024.ttl").unlink()
    build.build(build.judge(sources), out, version="2026.01.2", issued="2026-01-02")
    return asgi.client(create_app(Publication(out, None, Settings()))), first  # type: ignore[arg-type]


def test_what_is_gone_is_called_by_its_last_name_and_leads_to_what_came_after(
    history: tuple[Client, Release],
) -> None:
    client, first = history
    for path in ("/unit/story-hours", "/unit/story-hours.ttl"):
        answer = client.get(path)
        assert answer.status_code == 410
        assert answer.json
        assert answer.json["label"] == "Story Hours Section"
        assert [one["iri"] for one in answer.json["replacedBy"]] == [f"{first.base}unit/reading-aloud"]
        assert "2026.01.1" in answer.json["detail"]
    page = client.get("/unit/story-hours", headers=HTML)
    assert page.status_code == 410
    assert "Story Hours Section" in page.text
    assert 'href="/unit/reading-aloud"' in page.text


def test_what_was_withdrawn_is_not_named(tmp_path: Path) -> None:
    release = build.build(build.judge(ROOT / "tests" / "tiny"), tmp_path)
    canonical = release.manifest.canonical_base
    build.withdraw(tmp_path, f"{canonical}project/night-maps", "asked for by its owner", "2026-12-01T00:00:00Z")
    client = asgi.client(create_app(Publication(tmp_path, None, Settings())))  # type: ignore[arg-type]
    answer = client.get("/project/night-maps")
    assert answer.status_code == 410
    assert answer.json
    assert set(answer.json) >= {"reason", "date"}
    assert "label" not in answer.json
    assert "replacedBy" not in answer.json


def test_a_browser_gets_406_as_a_page_with_the_formats(tmp_path: Path, engine: Engine) -> None:
    """RDF/XML cannot hold this character; the other formats can."""
    text = '<http://localhost/a> <http://purl.org/dc/terms/title> "a\\u0001b" .\n'
    release = test_any_rdf.publish(tmp_path, *test_any_rdf.written(tmp_path, {"a.nt": text}))
    client = test_any_rdf.client(release, engine)
    page = client.get("/a.rdf", headers=HTML)
    assert (page.status_code, page.mimetype) == (406, "text/html")
    for suffix in ("ttl", "jsonld", "nt"):
        assert f'href="/a.{suffix}"' in page.text
        assert client.get(f"/a.{suffix}").status_code == 200
    assert 'href="/a.rdf"' not in page.text
