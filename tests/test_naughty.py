"""Hostile strings, as labels, descriptions, notations, paths and parameters: all are text, and none is a script.

The strings are those of the Big List of Naughty Strings; what sources may not hold is refused with its line.
"""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import asgi
import pyoxigraph
import pytest
from browser import chromium, watched
from conftest import ALL, ROOT, SHARED, needs_chromium
from markup import Page, parse, scripts
from playwright.sync_api import Browser, Dialog
from pyoxigraph import Literal, RdfFormat
from running import serving
from werkzeug.test import Client

from unitgraph import build, cli
from unitgraph.engine import Engine
from unitgraph.release import Release
from unitgraph.site import Publication
from unitgraph.web import create_app

STRINGS = SHARED / "suites" / "strings" / "blns.txt"
HTML = {"Accept": "text/html"}
PLAIN = "nothing special"  #: the string beside which all others are held
SEED = 7
LOADED = 400 if ALL else 40  #: pages of things that are loaded in the browser

pytestmark = pytest.mark.skipif(not STRINGS.is_file(), reason="../shared/suites/strings is not here")


def naughty() -> tuple[str, ...]:
    """The strings of the list, each once: a line each, comments begin with a number sign."""
    lines = STRINGS.read_bytes().decode("utf-8").split("\n")
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def held(text: str) -> bool:
    """Whether a source may hold a string: no control characters of C0 but tabulators, and Unicode normal form C."""
    return not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text) and unicodedata.is_normalized("NFC", text)


# A graph of them --------------------------------------------------------------------------------------------------

HEAD = """@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix ug: <https://w3id.org/unitgraph/ns#> .

"""
THING = """<https://example.org/tiny/output/{slug}> a ug:Output ;
    skos:prefLabel {label} ;
    skos:altLabel {other} ;
    dcterms:description {label} ;
    skos:editorialNote {label} ;
    ug:outputOf <https://example.org/tiny/project/globe-catalogue> ;
    ug:form <https://example.org/tiny/form/guidelines> ;
    ug:statedIn <https://example.org/tiny/source/harbour-globes> ;
    ug:confidence <https://example.org/tiny/confidence/confirmed> {notation}.
"""
LABEL_LINE = HEAD.count("\n") + 2  #: where a label stands in its file


def slug(number: int) -> str:
    return f"naughty-{number}"


def write(folder: Path, strings: dict[int, str]) -> Path:
    """The tiny world with a thing for each string, under its number."""
    shutil.copytree(ROOT / "tests" / "tiny", folder)
    for number, text in strings.items():
        label, other = Literal(text, language="en"), Literal(f"{text} again", language="en")
        notation = f"; skos:notation {Literal(text)} " if text == text.strip(" ") else ""
        path = folder / "data" / "output" / f"{slug(number)}.ttl"
        path.write_text(HEAD + THING.format(slug=slug(number), label=label, other=other, notation=notation), "utf-8")
    return folder


@pytest.fixture(scope="module")
def strings() -> dict[int, str]:
    """The strings that sources may hold, by number; the plain one is 0."""
    return {0: PLAIN} | {number: text for number, text in enumerate(naughty(), 1) if held(text)}


@pytest.fixture(scope="module")
def world(strings: dict[int, str], tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("naughty")
    judged = build.judge(write(folder / "sources", strings))
    assert judged.faults == ()
    assert judged.report.conforms, [str(result) for result in judged.report.results[:5]]
    return build.build(judged, folder / "releases")


@pytest.fixture(scope="module")
def asked(world: Release, engine: Engine) -> Client:
    return asgi.client(create_app(Publication(world.folder.parent, engine, engine.settings)))


@pytest.fixture(scope="module")
def url(world: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("served"), str(world.folder.parent)) as running:
        yield running.url


# As HTTP and HTML -------------------------------------------------------------------------------------------------


def skeleton(page: Page) -> list[tuple[str, ...]]:
    """The elements of a page with the names of their attributes, without what they say."""
    return [(element.tag, *sorted(element.attrib)) for element, _ in page.elements]


def test_what_sources_may_not_hold_is_refused_with_its_line(tmp_path: Path) -> None:
    refused = {number: text for number, text in enumerate(naughty(), 1) if not held(text)}
    assert len(refused) >= 3
    said = io.StringIO()
    with redirect_stdout(said):
        assert cli.main(["check", str(write(tmp_path / "sources", refused))]) == 1
    for number in refused:
        assert re.search(rf"^data/output/{slug(number)}\.ttl:{LABEL_LINE}: ", said.getvalue(), re.MULTILINE)


def test_each_string_is_text_on_the_page_of_its_thing(asked: Client, strings: dict[int, str]) -> None:
    """And adds no element and no attribute: but for a notation, every page is built as that of a plain string."""
    wrong = []
    built = {}
    for number, text in strings.items():
        answer = asked.get(f"/output/{slug(number)}.html", headers=HTML)
        assert answer.status_code == 200, text
        page = parse(answer.get_data(as_text=True))
        for part in ("title", "h1", "main"):
            whole = "".join("".join(element.itertext()) for element in page.all(part))
            if whole.count(text) < (3 if part == "main" else 1):
                wrong.append(f"{text!r} is {whole.count(text)} times in {part}")
        wrong += [f"{text!r}: {fault}" for fault in scripts(page)]
        if text == text.strip(" ") and skeleton(page) != built.setdefault("", skeleton(page)):
            wrong.append(f"{text!r} is built otherwise than {PLAIN!r}")
    assert not wrong, "\n".join(["", *wrong[:40]])


def test_each_string_is_the_same_in_every_format(asked: Client, strings: dict[int, str]) -> None:
    """RDF/XML is refused where XML 1.0 §2.2 has no such character."""
    numbers = list(strings) if ALL else sorted(random.Random(SEED).sample(sorted(strings), 100))
    numbers += [number for number, text in strings.items() if re.search(r"[\ufffe\uffff\u0085\u2028]", text)]
    for number in numbers:
        text = strings[number]
        for suffix, kind in (("ttl", RdfFormat.TURTLE), ("nt", RdfFormat.N_TRIPLES), ("jsonld", RdfFormat.JSON_LD)):
            data = asked.get(f"/output/{slug(number)}.{suffix}").data
            assert text in {quad.object.value for quad in pyoxigraph.parse(data, format=kind)}  # type: ignore[union-attr]
        assert json.dumps(text, ensure_ascii=False)[1:-1] in json.dumps(
            asked.get(f"/output/{slug(number)}.json").json, ensure_ascii=False
        )
        assert asked.get(f"/output/{slug(number)}.csv").status_code == 200
        answer = asked.get(f"/output/{slug(number)}.rdf")
        if re.search(r"[\ufffe\uffff]", text):
            assert answer.status_code == 406
        else:
            assert text.replace("\r", "\n") in {element.text for element in ElementTree.fromstring(answer.data).iter()}


def test_lists_show_each_string_as_text(asked: Client, strings: dict[int, str]) -> None:
    left, number = set(strings.values()), 1
    while True:
        answer = asked.get(f"/output?page={number}", headers=HTML)
        if answer.status_code == 404:
            break
        assert answer.status_code == 200
        page = parse(answer.get_data(as_text=True))
        assert list(scripts(page)) == []
        left -= {"".join(link.itertext()) for link in page.all("a")}
        if not any(link.get("rel") == "next" for link in page.all("a")):
            break
        number += 1
    assert number > 3
    assert left == set()


#: Where a string can stand in an address, and the statuses that are allowed there.
PLACES: dict[str, tuple[Callable[[str], str], str]] = {
    "a path": (lambda text: f"/{text}", "200 301 303 404"),
    "a unit": (lambda text: f"/unit/{text}", "404"),
    "a document": (lambda text: f"/unit/{text}.html", "404"),
    "a suffix": (lambda text: f"/unit/maps.{text}", "404"),
    "a query": (lambda text: f"/query/{text}", "404"),
    "a graph": (lambda text: f"/graph/{text}", "404"),
    "q": (lambda text: f"/search?q={text}", "200 303 400 404"),
    "suggestions": (lambda text: f"/search/suggest?q={text}", "200 400 404"),
    "kind": (lambda text: f"/search?q=maps&kind={text}", "200 400 404"),
    "lang": (lambda text: f"/unit/maps.html?lang={text}", "200 400"),
    "view": (lambda text: f"/unit/maps.html?view={text}", "200 400 404"),
    "page": (lambda text: f"/unit?page={text}", "200 400 404"),
    "format": (lambda text: f"/unit/maps?format={text}", "303 400 404 406"),
    "an unknown parameter": (lambda text: f"/unit?{text}={text}", "200 400"),
    "a parameter of a query": (lambda text: f"/query/units-of-a-direction?direction={text}", "200 400"),
    "SPARQL": (lambda text: f"/sparql?query={text}", "200 400 403"),
    "SPARQL explained": (lambda text: f"/sparql?explain=1&query={text}", "200 400 403"),
    "a data set": (lambda text: f"/sparql?query=ASK%7B%7D&default-graph-uri={text}", "200 400 403 404"),
    "a graph to read": (lambda text: f"/graphs?graph={text}", "200 400 404"),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_string_in_an_address_breaks_anything(asked: Client, strings: dict[int, str], place: str) -> None:
    """Whatever page comes holds no element of the string; a refusal is told as a page, too."""
    address, allowed = PLACES[place]
    wrong = []
    for number, text in enumerate(naughty()):
        if not ALL and zlib.crc32(f"{place} {number}".encode()) % 4:
            continue
        answer = asked.get(address(quote(text, safe="")), headers=HTML)
        if str(answer.status_code) not in allowed.split():
            wrong.append(f"{text!r}: {answer.status_code}")
        if answer.mimetype == "text/html":
            page = parse(answer.get_data(as_text=True))
            wrong += [f"{text!r}: {fault}" for fault in scripts(page)]
        for name, value in answer.headers.items():
            if not value.isascii():
                wrong.append(f"{text!r} stands in the header {name}")
    assert not wrong, "\n".join(["", *wrong[:40]])


# In the browser ---------------------------------------------------------------------------------------------------

TRAP = """window.ran = [];
for (const name of ["alert", "prompt", "confirm", "print", "open"])
  window[name] = (...told) => { window.ran.push([name, ...told].join(" ")); };
window.addEventListener("securitypolicyviolation", event => window.ran.push(`refused: ${event.violatedDirective}`));"""


@dataclass(frozen=True)
class Traps:
    """Loads addresses in a browser that notes every dialog and every script that runs."""

    browser: Browser
    url: str

    def load(self, addresses: list[str], **options: object) -> list[str]:
        """What ran, or was kept from running by the policy alone."""
        caught: list[str] = []

        def dialog(shown: Dialog) -> None:
            caught.append(f"a dialog: {shown.message}")
            shown.dismiss()

        with watched(self.browser, self.url, **options) as seen:
            seen.page.add_init_script(TRAP)
            seen.page.on("dialog", dialog)
            for address in addresses:
                page = seen.open(address)
                page.keyboard.press("Tab")  # some strings wait for the focus
                caught += [f"{address}: {ran}" for ran in page.evaluate("() => window.ran")]
                assert page.url.startswith(self.url)
        return caught


@pytest.fixture(scope="module")
def traps(url: str) -> Iterator[Traps]:
    with chromium() as browser:
        yield Traps(browser, url)


@needs_chromium
def test_the_traps_catch_a_script(traps: Traps) -> None:
    with watched(traps.browser, traps.url, bypass_csp=True) as seen:
        seen.page.add_init_script(TRAP)
        seen.open("/")
        seen.page.evaluate("() => { document.body.innerHTML = '<img src=/favicon.ico onload=alert(1)>'; }")
        seen.page.wait_for_function("() => window.ran.length > 0", timeout=5_000)
        assert seen.page.evaluate("() => window.ran") == ["alert 1"]


@needs_chromium
@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without it"])
def test_no_script_of_a_string_runs_on_the_pages_of_things(traps: Traps, strings: dict[int, str], policy: bool) -> None:
    """Without the Content-Security-Policy, escaping alone has to hold."""
    with_script = [number for number, text in strings.items() if re.search(r"(?i)script|alert|onerror|<", text)]
    chosen = random.Random(SEED + policy).sample(with_script, min(LOADED, len(with_script)))
    assert traps.load([f"/output/{slug(number)}.html" for number in chosen], bypass_csp=not policy) == []


@needs_chromium
def test_no_script_of_a_string_runs_on_lists_and_where_it_was_typed(traps: Traps, strings: dict[int, str]) -> None:
    with_script = [text for text in strings.values() if re.search(r"(?i)script|alert|onerror", text)]
    addresses = [f"/output?page={page}" for page in range(1, len(strings) // 50)]
    for place, (address, _) in PLACES.items():
        if place not in ("suggestions", "a graph to read", "a path", "format"):
            some = random.Random(place).sample(with_script, 40 if ALL else 3)
            addresses += [address(quote(text, safe="")) for text in some]
    assert traps.load(addresses, bypass_csp=True) == []
