"""Every internal link leads somewhere, and every page is valid HTML in the language that was asked for."""

from __future__ import annotations

import json
import re
import subprocess
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urldefrag, urlencode, urljoin, urlsplit
from xml.etree.ElementTree import Element

import asgi
import flask
import pytest
from conftest import ALL, ROOT, needs_java
from markup import SVG, Page, address, faults, parse, words
from npm import installed, needs_node
from pages import LANGUAGES, PAGES, STATUS, in_language, one_of_each_kind
from pyoxigraph import NamedNode
from werkzeug.test import Client, TestResponse

from unitgraph.site import Publication, Site
from unitgraph.vocab import UG, UGS, term
from unitgraph.web import create_app

HTML = {"Accept": "text/html"}
OTHERS = 100  #: of links to other formats and other languages, one in so many is followed; all in English at times
ALIKE = 1 if ALL else 10  #: and of those to pages that all are one table of statements
SPOKEN_IN_SMALL = ("ar", "de")  #: the languages of `make test` besides English, in which every link is walked
TOO_MANY = 20_000  #: pages: a walk that finds more goes in circles
SHOWN = 40  #: faults in a message
HTML_TYPE = "text/html"
ASSETS = (HTML_TYPE, "image/svg+xml", "text/css", "text/javascript")  #: what a page is made of
OTHER_FORM = frozenset({"alternate", "linkset", "describedby", "search"})  #: relations to the same in other formats
OF_PAGES = frozenset({"stylesheet", "icon"})  #: what else a head links to is for programs
OTHER_FORMAT = re.compile(r"\.(ttl|nt|jsonld|rdf|json|csv|tsv|xml|xlsx|rq|svg)(\?|$)|[?&]format=")
STATEMENTS = re.compile(r"[?&]view=statements|^/graph/")
LABELS = [term(name) for name in ("rdfs:label", "skos:prefLabel", "skosxl:prefLabel", "dcterms:title", "foaf:name")]
BARE = re.compile(r"(https?|urn|info|doi):\S+|[a-z-]+/[a-z0-9-]+")

#: What the Nu checker reports although it is right, as patterns of its messages, each with the reason.
FALSE_REPORTS: dict[str, str] = {}


# Walking ----------------------------------------------------------------------------------------------------------


def chosen(link: str, one_in: int) -> bool:
    """Whether a link that is not followed always is followed; always the same ones are."""
    return zlib.crc32(link.encode()) % one_in == 0


def fields_of(form: Element) -> list[tuple[str, str]]:
    """Names and values that a form sends as it stands (HTML §4.10.22.4)."""
    found = []
    for control in form.iter():
        name, kind = control.get("name"), control.get("type", "text")
        if not name or control.get("disabled") is not None:
            continue
        if control.tag == "textarea":
            found.append((name, "".join(control.itertext())))
        elif control.tag == "select":
            options = list(control.iter("option"))
            picked = [option for option in options if option.get("selected") is not None] or options[:1]
            found += [(name, option.get("value", words(option))) for option in picked]
        elif control.tag == "input" and kind not in ("submit", "button", "reset", "image", "file"):
            if kind not in ("checkbox", "radio"):
                found.append((name, control.get("value", "")))
            elif control.get("checked") is not None:
                found.append((name, control.get("value", "on")))
    return found


def forms_of(page: Page, here: str) -> list[str]:
    """The addresses to which the forms of a page that can be linked to lead as they stand."""
    found = []
    for form in page.all("form"):
        if form.get("method", "get").lower() == "get":
            target = urljoin(here, form.get("action", here)).partition("?")[0]
            found.append(f"{target}?{urlencode(fields_of(form))}")
    return found


@dataclass
class Walk:
    """A walk over a site in one language, along all links from page to page; `faults` are what it met."""

    client: Client
    site: Site
    language: str
    faults: list[str] = field(default_factory=list)
    met: dict[str, str] = field(default_factory=dict)  #: every address that was met, and where first
    pages: dict[str, frozenset[str]] = field(default_factory=dict)  #: those that are pages, and the ids on them
    led: dict[str, str] = field(default_factory=dict)  #: redirected addresses, and where they led
    fragments: dict[tuple[str, str], str] = field(default_factory=dict)  #: linked parts of pages, and where first
    todo: deque[str] = field(default_factory=deque)
    statuses: dict[str, int] = field(default_factory=dict)  #: of the pages that are to tell of an error
    kinds: Counter[str] = field(default_factory=Counter)  #: how many documents of each media type

    def start(self, *addresses: str) -> Walk:
        """Walk from some pages to wherever the links lead."""
        for one in addresses:
            self.met.setdefault(one, "the start")
            self.todo.append(one)
        while self.todo:
            assert len(self.pages) < TOO_MANY, f"more than {TOO_MANY} pages, lately {self.todo[-3:]}"
            self.visit(self.todo.popleft())
        for (target, fragment), where in self.fragments.items():
            target = self.led.get(target, target)
            if target in self.pages and fragment not in self.pages[target]:
                self.faults.append(f"{where} links to {target}#{fragment}, and no element has that id")
        return self

    def visit(self, here: str, status: int = 200) -> None:
        """Ask for an address, judge what comes, and note where it leads."""
        answer = self.ask(here)
        if answer.status_code in (301, 302, 303, 307, 308):
            self.led[here] = self.local(here, answer.headers["Location"]) or ""
            met_before = self.led[here] in self.met
            self.met.setdefault(self.led[here], here)
            if met_before:
                return
            here = self.led[here]
            answer = self.ask(here)
        if status != 200:
            self.statuses[here] = status
        if answer.status_code != status:
            told = f"{here} answers {answer.status_code}"
            self.faults.append(f"{self.met.get(here, 'the start')} links to it: {told}")
        self.kinds[answer.mimetype] += 1
        if answer.mimetype == "text/html":
            self.read(here, parse(answer.get_data(as_text=True)))
        elif answer.mimetype == "text/css":
            for brought in re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]*)", answer.get_data(as_text=True)):
                if (local := self.local(here, brought)) is not None:
                    self.follow(here, local)
                else:
                    self.faults.append(f"{here} brings in {brought} from elsewhere")

    def ask(self, here: str) -> TestResponse:
        return self.client.get(here, headers=HTML)

    def read(self, here: str, page: Page) -> None:
        """Judge a page and note its links."""
        self.pages[here] = frozenset(page.ids)
        self.faults += [f"{here}: {fault}" for fault in faults(page, self.language)]
        for element in page.links:
            self.link(here, element)
        for target in forms_of(page, here):
            if (local := self.local(here, target)) is not None:
                self.follow(here, local)
            else:
                self.faults.append(f"{here}: a form is sent to {target}")

    def link(self, here: str, element: Element) -> None:
        target = address(element) or ""
        local = self.local(here, target)
        if element.tag in ("a", SVG + "a") and BARE.fullmatch(text := words(element)):
            node = NamedNode(self.meant(local) if local else target)
            own = local is not None and local.partition("?")[0].removesuffix(".html") in here  # the address to cite
            if not own and any(True for label in LABELS for _ in self.site.store.quads_for_pattern(node, label, None)):
                self.faults.append(f"{here}: the text of a link to {node.value} is {text!r}, and it has a label")
        if local is not None:
            rel = element.get("rel", "").split()
            other = element.get("hreflang") or OTHER_FORM & set(rel) or element.get("type", HTML_TYPE) not in ASSETS
            other = other or (element.tag == "link" and not OF_PAGES & set(rel))
            self.follow(here, local, always=not other and self.same_language(local))

    def follow(self, here: str, target: str, *, always: bool = True) -> None:
        """Note an address for a visit, once; of other formats and languages only some."""
        target, fragment = urldefrag(target)
        if fragment:
            self.fragments.setdefault((target, unquote(fragment)), here)
        if target in self.met:
            return
        if always and not OTHER_FORMAT.search(target):
            if chosen(target, ALIKE if STATEMENTS.search(target) else 1):
                self.met[target] = here
                self.todo.append(target)
        elif chosen(target, 1 if ALL and self.language == "en" else OTHERS):
            self.met[target] = here
            if (status := self.status(target)) != self.statuses.get(here, 200):
                self.faults.append(f"{here} links to {target}, which answers {status}")

    def status(self, target: str) -> int:
        """How an address answers in the end."""
        answer = self.ask(target)
        if answer.status_code in (301, 303):
            answer = self.ask(self.local(target, answer.headers["Location"]) or "")
        self.kinds[answer.mimetype] += 1
        return answer.status_code

    def local(self, here: str, target: str) -> str | None:
        """An address on this site from its path on, or None for one elsewhere."""
        if target.startswith(self.site.base):
            target = "/" + target.removeprefix(self.site.base)
        elif not target.startswith("/"):
            target = urljoin(here, target)
        return target if target.startswith("/") and not target.startswith("//") else None

    def meant(self, local: str) -> str:
        """The IRI of what a page is about."""
        path, fragment = urldefrag(local)
        path = unquote(path.partition("?")[0]).removesuffix(".html")
        if namespace := {"/ns": UG, "/shapes": UGS}.get(path):
            return namespace + fragment
        return quote(self.site.base + path[1:], safe=":/%#~-._")

    def same_language(self, target: str) -> bool:
        return parse_qs(urlsplit(target).query).get("lang", [self.language]) == [self.language]

    def told(self) -> str:
        """All faults; those that many pages have, once."""
        alike: dict[str, list[str]] = {}
        for fault in self.faults:
            alike.setdefault(re.sub(r"(https?:/|^)?/\S*|'[^']*'|\"[^\"]*\"", "", fault), []).append(fault)
        shown = [many[0] + (f" (and {len(many) - 1} like it)" if many[1:] else "") for many in alike.values()]
        return "\n".join(["", f"{len(self.faults)} faults on {len(self.pages)} pages", *shown[:SHOWN]])


# The tests --------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    "language", [pytest.param(one, marks=[pytest.mark.full] if one != "en" else []) for one in LANGUAGES]
)
def test_every_link_from_the_first_page_on_leads_to_a_valid_page(
    client: Client, site: Site, language: str, record_property: pytest.RecordProperty
) -> None:
    walk = Walk(client, site, language).start(in_language("/", language))
    record_property("summary", f"{len(walk.pages)} pages, {walk.kinds.total()} documents")
    assert not walk.faults, walk.told()
    paths = {one.partition("?")[0].removesuffix(".html") for one in walk.pages}
    for name, path in PAGES.items():
        apart = name in STATUS or (ALIKE > 1 and STATEMENTS.search(path))  # of those only some are walked
        assert path.partition("?")[0] in paths or apart, f"no link leads to {path}"


def in_each_kind(client: Client, site: Site, language: str) -> Walk:
    """The pages of the table and one of each kind, in a language, judged; links are not followed."""
    walk = Walk(client, site, language)
    for name, path in PAGES.items():
        walk.visit(in_language(path, language), STATUS.get(name, 200))
    for path in one_of_each_kind(site):
        if in_language(path, language) not in walk.pages:
            walk.visit(in_language(path, language))
    return walk


@pytest.mark.long
@pytest.mark.parametrize(
    "language", [pytest.param(one, marks=[] if one in SPOKEN_IN_SMALL else [pytest.mark.full]) for one in LANGUAGES]
)
def test_pages_of_every_kind_are_valid_in_every_language(client: Client, site: Site, language: str) -> None:
    """And some of their links are followed."""
    walk = in_each_kind(client, site, language)
    for link in list(walk.todo):
        if chosen(link, 20) and (status := walk.status(link)) != walk.statuses.get(walk.met[link], 200):
            walk.faults.append(f"{walk.met[link]} links to {link}, which answers {status}")
    assert len(walk.pages) > len(PAGES)
    assert not walk.faults, walk.told()


def test_the_table_of_pages_has_every_template(site: Site) -> None:
    client = asgi.client(create_app(Publication(site.out, site.engine, site.settings)))  # one that has kept no page
    folder = ROOT / "src/unitgraph/web/templates"
    sources = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
    used = {
        name for text in sources.values() for name in re.findall(r'{% (?:extends|import|include|from) "([^"]+)"', text)
    }
    shown = set()

    def note(_: flask.Flask, template: object, **__: object) -> None:
        shown.add(template.name)  # type: ignore[attr-defined]

    with flask.template_rendered.connected_to(note):
        for path in PAGES.values():
            client.get(path, headers={**HTML, "Accept-Language": "en"}, follow_redirects=False)
            stem, mark, asked = path.partition("?")
            for suffix in ("html", "svg"):
                client.get(f"{stem}.{suffix}{mark}{asked}")
    missing = set(sources) - used - shown
    assert not missing, f"the pages of {sorted(missing)} are not in tests/pages.py"


@needs_node
@needs_java
@pytest.mark.long
def test_the_nu_checker_finds_no_error(
    client: Client, site: Site, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    """On pages of every kind in two languages; in `make test-all` in every one, and on every page in English."""
    told: dict[str, str] = {}
    for language in LANGUAGES if ALL else SPOKEN_IN_SMALL:
        walk = Saving(client, site, language, folder=tmp_path)
        for name, path in PAGES.items():
            walk.visit(in_language(path, language), STATUS.get(name, 200))
        for path in one_of_each_kind(site):
            walk.visit(in_language(path, language))
        if ALL and language == "en":
            walk.start("/")
        told |= walk.files
    command = [
        "java",
        "-jar",
        str(installed() / "vnu-jar/build/dist/vnu.jar"),
        "--format",
        "json",
        "--exit-zero-always",
    ]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=True, timeout=900)
    messages = json.loads(done.stderr or done.stdout)["messages"]
    kinds: dict[str, Counter[str]] = {"error": Counter(), "info": Counter()}
    where: dict[str, str] = {}
    for message in messages:
        text = message["message"]
        if any(re.search(pattern, text) for pattern in FALSE_REPORTS):
            continue
        kinds["error" if message["type"] != "info" else "info"][text] += 1
        page = told[message.get("url", "").rpartition("/")[2]]
        where.setdefault(text, f"{page} line {message.get('lastLine')}: {message.get('extract', '')!r}")
    for text, count in kinds["info"].most_common():
        record_property("summary", f"{count} times: {text} ({where[text]})")
    assert len(told) > len(PAGES)
    assert not kinds["error"], "\n".join(f"{n} times: {text} ({where[text]})" for text, n in kinds["error"].items())


@dataclass
class Saving(Walk):
    """A walk that writes every page into a folder; `files` says which page is which."""

    folder: Path = field(kw_only=True)
    files: dict[str, str] = field(default_factory=dict)

    def ask(self, here: str) -> TestResponse:
        answer = super().ask(here)
        if answer.mimetype == "text/html":
            name = f"{self.language}-{zlib.crc32(here.encode()):08x}.html"
            (self.folder / name).write_bytes(answer.data)
            self.files[name] = here
        return answer
