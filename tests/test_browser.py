"""Pages as readers have them: in Chromium, by keyboard, narrow, enlarged, dark, printed, and judged by axe-core."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from browser import HEIGHT, NARROW, WIDE, chromium, told, violations, watched
from conftest import ALL, needs_chromium
from npm import installed, needs_node
from pages import LANGUAGES, PAGES, SEED, in_language
from playwright.sync_api import Browser, Page
from running import serving

from unitgraph.release import Release

pytestmark = needs_chromium

TABS_TO_CONTENT = 3
UNIT_PAGE_BYTES = 60_000
NARROWEST = 320
SAMPLE = ("home", "unit", "query with parameters", "SPARQL answer", "matrix", "timeline", "network", "search")

#: What WCAG 2.2 §1.4.12 says a reader may set.
TEXT_SPACING = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }"""


@pytest.fixture(scope="module")
def url(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server of the release listens."""
    with serving(tmp_path_factory.mktemp("browser"), str(release.folder.parent)) as running:
        yield running.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def axe() -> Path:
    """The script of axe-core."""
    return installed() / "axe-core" / "axe.min.js"


def right_to_left() -> tuple[str, ...]:
    return tuple(language for language in ("en", "ar") if language in LANGUAGES)


def some(*names: str) -> list[str]:
    """Those of the pages that there are; every page in the full matrix."""
    return [name for name in PAGES if ALL or name in names]


def drawn() -> list[str]:
    """A third of the pages, always the same; every page in the full matrix."""
    return [name for name in PAGES if ALL or zlib.crc32(f"{SEED} {name}".encode()) % 3 == 0]


def by_chance(name: str, choices: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """All choices in the full matrix; otherwise one, always the same for a page."""
    return choices if ALL else [choices[zlib.crc32(name.encode()) % len(choices)]]


def style(page: Page, text: str) -> None:
    """Give a page a stylesheet as readers' tools do, whatever its policy says."""
    page.evaluate(
        """text => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(text);
          document.adoptedStyleSheets = [sheet];
        }""",
        text,
    )


# axe-core ---------------------------------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize("name", drawn())
def test_axe_finds_nothing_serious(
    browser: Browser, url: str, axe: Path, name: str, record_property: pytest.RecordProperty
) -> None:
    """Light and dark; wide and narrow, English and Arabic: all of these in the full matrix, one of them otherwise."""
    serious, minor = list[str](), dict[str, str]()
    for width, language in by_chance(name, list(product((WIDE, NARROW), right_to_left()))):
        with watched(browser, url, viewport={"width": width, "height": HEIGHT}) as seen:
            page = seen.open(in_language(PAGES[name], language))
            page.evaluate(axe.read_text("utf-8"))
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                for violation in violations(page):
                    message = f"{language}, {width} px, {scheme}: {told(violation)}"
                    if violation["impact"] in ("serious", "critical"):
                        serious.append(message)
                    else:
                        minor[violation["id"]] = message
    for message in minor.values():
        record_property("summary", message)
    assert not serious, "\n".join(["", *serious])


# By keyboard alone ------------------------------------------------------------------------------------------------

#: Where the focus is: in the main part, on a link to it, or elsewhere; the skip link counts when it has been followed.
FOCUS = """() => {
  const main = document.querySelector("main"), at = document.activeElement;
  if (at !== main && main.contains(at)) return "content";
  const target = at.hash && at.pathname === location.pathname && document.getElementById(at.hash.slice(1));
  return target && (target === main || main.contains(target) || target.contains(main)) ? "skip" : "elsewhere";
}"""
AT_MAIN = "() => document.querySelector('main').matches(':target, :has(:target), :focus, :focus-within')"

#: How an element looks, with the shapes of a drawing that stand in it.
LOOK = """at => [at, ...[...at.querySelectorAll("rect, circle, path, line")].slice(0, 5)].map(element => {
  const s = getComputedStyle(element);
  return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor, s.borderColor,
    s.textDecorationLine, s.textDecorationThickness, s.stroke, s.strokeWidth, s.fill, s.color].join();
}).join(" ")"""

#: What can be seen of the focus: whether its element stands in the window and has an outline, and how it looks.
SEEN = f"""() => {{
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  const box = at.getBoundingClientRect(), s = getComputedStyle(at);
  const clear = /, 0\\)$|^transparent$/.test(s.outlineColor);
  const outlined = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1 && !clear;
  const inside = box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0
    && box.top < innerHeight && box.left < innerWidth;
  if (!at.dataset.number) at.dataset.number = String(window.numbered = (window.numbered || 0) + 1);
  const told = at.outerHTML.slice(0, 120), look = ({LOOK})(at);
  return {{number: Number(at.dataset.number), outlined, inside, told, look}};
}}"""
BLURRED = f"number => ({LOOK})(document.querySelector(`[data-number='${{number}}']`))"


@pytest.mark.parametrize("name", some(*SAMPLE, "not found", "ontology"))
def test_the_keyboard_reaches_the_content_within_3_tab_stops(browser: Browser, url: str, name: str) -> None:
    for language in right_to_left():
        with watched(browser, url) as seen:
            page = seen.open(in_language(PAGES[name], language))
            for _ in range(TABS_TO_CONTENT):
                page.keyboard.press("Tab")
                where = page.evaluate(FOCUS)
                if where == "skip":
                    page.keyboard.press("Enter")
                    where = "content" if page.evaluate(AT_MAIN) else "elsewhere"
                if where == "content":
                    break
            assert where == "content", f"after {TABS_TO_CONTENT} tab stops the focus is not in the content"


@pytest.mark.parametrize("name", some("home", "unit", "SPARQL answer", "query with parameters", "matrix", "network"))
def test_the_focus_is_always_seen_and_never_caught(browser: Browser, url: str, name: str) -> None:
    """From the first element to the last, and back from the last to the one before."""
    faults: dict[str, None] = {}
    with watched(browser, url) as seen:
        page = seen.open(PAGES[name])
        count, numbers, before = 0, list[int](), None
        most = 400 if ALL else 120
        while count < most:
            page.keyboard.press("Tab")
            now = page.evaluate(SEEN)
            if before and not before["outlined"] and page.evaluate(BLURRED, before["number"]) == before["look"]:
                faults[f"the focus is not seen on {before['told']}"] = None
            if now is None or now["number"] in numbers:
                break
            if not now["inside"]:
                faults[f"what has the focus is not in the window: {now['told']}"] = None
            numbers.append(now["number"])
            before, count = now, count + 1
        assert count > 5
        reached = count == most or page.evaluate("number => window.numbered === number", numbers[-1])
        assert reached and (now is None or count == most or now["number"] == numbers[0]), f"caught at {before}"
        if count == most:
            page.keyboard.press("Shift+Tab")
            assert page.evaluate(SEEN)["number"] == numbers[-2], "the focus does not go back"
    assert not faults, "\n".join(["", *faults])


def test_the_search_is_used_by_keyboard(browser: Browser, url: str) -> None:
    """Type, go through the suggestions, take one; or close them and send what was typed (WAI-ARIA APG: combobox)."""
    with watched(browser, url) as seen:
        page = seen.open("/")
        box = page.locator("form[role=search] input[role=combobox]")
        page.keyboard.press("Tab")
        for _ in range(60):
            if box.evaluate("box => box === document.activeElement"):
                break
            page.keyboard.press("Tab")
        page.keyboard.type("librar", delay=20)
        options = page.locator("form[role=search] [role=option]:visible")
        options.first.wait_for()
        page.wait_for_load_state("networkidle")
        assert box.get_attribute("aria-expanded") == "true"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        active = box.get_attribute("aria-activedescendant")
        chosen = page.locator(f'[id="{active}"]')
        assert chosen.get_attribute("aria-selected") == "true"
        assert page.locator("[role=option][aria-selected=true]").count() == 1
        page.keyboard.press("Escape")
        assert box.get_attribute("aria-expanded") == "false"
        assert not options.count()
        page.keyboard.type("y", delay=20)
        options.first.wait_for()
        page.keyboard.press("ArrowDown")
        label = page.locator("[role=option][aria-selected=true]").inner_text().split("\n")[0]
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("main h1").inner_text().split()[0] in label
        seen.open("/")
        box.focus()
        page.keyboard.type("library")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "/search" in page.url
        assert page.locator("main a").count() > 5


def test_the_search_works_without_a_script(browser: Browser, url: str) -> None:
    with watched(browser, url, java_script_enabled=False) as seen:
        page = seen.open(in_language("/", right_to_left()[-1]))
        page.locator("form[role=search] input[name=q]").focus()
        page.keyboard.type("library")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("html").get_attribute("lang") == right_to_left()[-1]
        assert page.locator("main a").count() > 5


def test_the_network_is_used_by_keyboard(browser: Browser, url: str) -> None:
    """Each node is a link that the focus reaches; the arrow keys go along a line, Enter follows the link."""
    with watched(browser, url) as seen:
        page = seen.open("/network")
        inside = "() => !!document.activeElement.closest('main svg')"
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(inside):
                break
        assert page.evaluate(inside), "no link of the drawing has the focus after 60 tab stops"
        first = page.evaluate("() => document.activeElement.href.baseVal ?? document.activeElement.href")
        for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
            if page.evaluate("() => document.activeElement.href.baseVal ?? document.activeElement.href") != first:
                break
        assert page.evaluate(inside), "an arrow key has left the drawing"
        target = page.evaluate("() => document.activeElement.href.baseVal ?? document.activeElement.href")
        assert target != first, "no arrow key has moved the focus"
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert target.partition("?")[0] in page.url


# Narrow, enlarged, spaced, still, printed -------------------------------------------------------------------------

#: Elements that reach beyond the window and stand in nothing that scrolls.
BEYOND = """() => {
  const wide = document.scrollingElement.scrollWidth, found = [];
  if (wide <= innerWidth) return found;
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    const beyond = (box.right > innerWidth + 1 && box.left < 9000) || (box.left < -1 && box.right > 0);
    if (box.width && beyond && !element.closest("[tabindex] *, svg *"))
      found.push(`${wide} px wide: ${element.cloneNode().outerHTML.slice(0, 120)} ends at ${Math.round(box.right)} px`);
  }
  return found.length ? found.slice(0, 5) : [`${wide} px wide`];
}"""

#: Texts that are cut: what hides its overflow and has some. What only readers' tools see is a pixel wide.
CUT = """() => [...document.querySelectorAll("body *")].filter(element => {
  const s = getComputedStyle(element);
  const hides = [s.overflowX, s.overflowY].some(value => value === "hidden" || value === "clip");
  const shown = element.clientWidth > 2 && element.clientHeight > 2;
  return hides && shown && !element.matches("input, select, textarea, svg, svg *") &&
    (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
}).map(element => `cut: ${element.outerHTML.slice(0, 120)}`)"""


@pytest.mark.parametrize("name", drawn())
def test_no_page_scrolls_sideways_at_320_pixels(browser: Browser, url: str, name: str) -> None:
    """Nor when letters, words and lines are spaced as WCAG 2.2 §1.4.12 says; nothing is cut either."""
    faults = []
    for _, language in by_chance(name, [(NARROWEST, language) for language in right_to_left()]):
        with watched(browser, url, viewport={"width": NARROWEST, "height": 640}) as seen:
            page = seen.open(in_language(PAGES[name], language))
            faults += [f"{language}: {fault}" for fault in page.evaluate(BEYOND)]
            style(page, TEXT_SPACING)
            faults += [f"{language}, spaced: {fault}" for fault in page.evaluate(BEYOND) + page.evaluate(CUT)]
    assert not faults, "\n".join(["", *faults])


@pytest.mark.parametrize("name", some(*SAMPLE))
def test_text_of_twice_the_size_is_not_cut(browser: Browser, url: str, name: str) -> None:
    """By zoom, which halves the window, and by the size of letters alone (WCAG 2.2 §1.4.4)."""
    with watched(browser, url, viewport={"width": WIDE // 2, "height": HEIGHT // 2}, device_scale_factor=2) as seen:
        page = seen.open(PAGES[name])
        faults = page.evaluate(BEYOND) + page.evaluate(CUT)
        page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        style(page, ":root { font-size: 200% !important; }")
        assert (
            page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('main p, main td')).fontSize)") > 20
        )
        faults += page.evaluate(BEYOND) + page.evaluate(CUT)
    assert not faults, "\n".join(["", *faults])


@pytest.mark.parametrize("name", some(*SAMPLE))
def test_nothing_moves_for_readers_who_want_it_still(browser: Browser, url: str, name: str) -> None:
    moving = """() => [...document.querySelectorAll("*")].flatMap(element => ["", "::before", "::after"].map(part => {
      const s = getComputedStyle(element, part || null);
      const seconds = list => Math.max(...list.split(",").map(parseFloat));
      const moves = (s.animationName !== "none" && seconds(s.animationDuration) > .01)
        || seconds(s.transitionDuration) > .01 || s.scrollBehavior === "smooth";
      return moves ? `${element.cloneNode().outerHTML.slice(0, 100)}${part}` : "";
    })).filter(Boolean)"""
    with watched(browser, url, reduced_motion="reduce") as seen:
        assert seen.open(PAGES[name]).evaluate(moving) == []


@pytest.mark.parametrize("name", some(*SAMPLE))
def test_a_printed_page_is_dark_on_light_and_has_its_content(browser: Browser, url: str, name: str) -> None:
    """Also of a reader whose screen is dark; browsers print no backgrounds."""
    light_text = """() => [...document.querySelectorAll("main *")].filter(element => {
      const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
      const s = getComputedStyle(element);
      const [red, green, blue] = s.color.match(/[\\d.]+/g).map(Number);
      return own && element.checkVisibility() && .2126 * red + .7152 * green + .0722 * blue > 150;
    }).map(element => `light text on paper: ${element.outerHTML.slice(0, 100)}`).slice(0, 5)"""
    with watched(browser, url, color_scheme="dark") as seen:
        page = seen.open(PAGES[name])
        heading = page.locator("h1").inner_text()
        page.emulate_media(media="print")
        assert page.locator("h1").is_visible()
        assert page.locator("h1").inner_text() == heading
        elsewhere = page.locator("body > header nav:visible, body > footer nav:visible, form[role=search]:visible")
        assert not elsewhere.count(), "what leads elsewhere is printed"
        printed = page.pdf()
        assert printed.startswith(b"%PDF-")
        assert len(printed) > 5_000
        assert page.evaluate(light_text) == []


# What a first visit costs -----------------------------------------------------------------------------------------

SHIFTS = """new PerformanceObserver(list => {
  for (const entry of list.getEntries()) window.shifted = (window.shifted || 0) + entry.value;
}).observe({type: "layout-shift", buffered: true});"""


@pytest.mark.parametrize("name", ["unit", "unit of many things"])
def test_the_first_visit_of_a_unit_is_small(
    browser: Browser, url: str, name: str, record_property: pytest.RecordProperty
) -> None:
    """As it comes over the line, headers included, scripts left out."""
    with watched(browser, url) as seen:
        session = seen.page.context.new_cdp_session(seen.page)
        session.send("Network.enable")
        kinds: dict[str, str] = {}
        sizes: dict[str, float] = {}
        session.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
        session.on(
            "Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]})
        )
        seen.open(PAGES[name])
        seen.page.wait_for_timeout(300)
    total = sum(size for request, size in sizes.items() if kinds.get(request) != "Script")
    record_property("summary", f"{total:,.0f} bytes in {len(sizes)} answers")
    assert {"Document", "Stylesheet"} <= set(kinds.values())
    assert 2_000 < total < UNIT_PAGE_BYTES


@pytest.mark.parametrize("name", some(*SAMPLE))
def test_nothing_shifts_while_a_page_loads(browser: Browser, url: str, name: str) -> None:
    for width in (WIDE, NARROW):
        with watched(browser, url, viewport={"width": width, "height": HEIGHT}) as seen:
            seen.page.add_init_script(SHIFTS)
            page = seen.open(PAGES[name])
            page.wait_for_timeout(300)
            assert page.evaluate("() => window.shifted || 0") == 0


@pytest.mark.parametrize("name", some(*SAMPLE, "ontology", "report", "patterns"))
def test_a_page_is_complete_without_a_script(browser: Browser, url: str, name: str) -> None:
    """Everything that it says and links to with scripts is there without; and no button that would do nothing."""
    links = "() => [...document.querySelectorAll('main a[href]')].map(a => a.getAttribute('href'))"
    with watched(browser, url, java_script_enabled=False) as plain, watched(browser, url) as scripted:
        plain.open(PAGES[name])
        scripted.open(PAGES[name])
        assert set(scripted.page.evaluate(links)) <= set(plain.page.evaluate(links))
        assert plain.page.locator("main h1").is_visible()
        idle = plain.page.locator("button[type=button]:visible:not([popovertarget])")
        assert idle.count() == 0, f"a button that does nothing: {idle.first.inner_text()}"
        text = plain.page.locator("main").text_content() or ""  # also of what only a script makes visible
        missing = [word for word in scripted.page.locator("main").inner_text().split() if word not in text]
        assert not set(missing) - {"Copy", "Copied"}
