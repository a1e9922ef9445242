"""What tests in a browser share: Chromium without a window, pages that are watched, and axe-core."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE, NARROW = 1280, 390  #: widths of a window in CSS pixels
HEIGHT = 900

#: What axe-core is asked for: everything it finds wrong, of all its rules.
AXE = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the system, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page of the browser, and what happened in it that should not; `url` is where the server listens."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page and wait until everything is loaded."""
        self.page.goto(self.url.rstrip("/") + path, wait_until="load")
        return self.page

    def note_request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((self.url, "data:")):
            self.faults.append(f"a request to another host: {request.url}")

    def note_message(self, message: ConsoleMessage) -> None:
        """Errors of the console; that the page itself is an error of HTTP is none."""
        own = message.location.get("url") == self.page.url and "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not own:
            self.faults.append(f"the console says: {message.text}")


@contextlib.contextmanager
def watched(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """A page in a context of its own, with the options of `Browser.new_context`; nothing forbidden may happen in it.

    Forbidden are requests to another host, errors of scripts, and whatever the console complains of: a violation
    of the Content-Security-Policy, a resource that is missing.
    """
    context = browser.new_context(
        **{"viewport": {"width": WIDE, "height": HEIGHT}, "reduced_motion": "reduce"} | options
    )
    context.set_default_timeout(20_000)
    found = Watched(context.new_page(), url)
    found.page.on("request", found.note_request)
    found.page.on("console", found.note_message)
    found.page.on("pageerror", lambda error: found.faults.append(f"an error of a script: {error}"))
    try:
        yield found
    finally:
        context.close()
    assert not found.faults, "\n".join(["", *dict.fromkeys(found.faults)])


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds wrong with a page as it is now: it has to be loaded into it before."""
    found: list[dict[str, Any]] = page.evaluate(AXE)
    return found


def told(violation: dict[str, Any]) -> str:
    """A violation as a message: rule, impact, the first elements."""
    nodes = violation["nodes"]
    where = "; ".join(
        f"{' '.join(node['html'][:100].split())} [{' '.join(map(str, node['target']))}]" for node in nodes[:3]
    )
    why = nodes[0]["failureSummary"].splitlines()[1].strip() if nodes[0].get("failureSummary") else ""
    return f"{violation['impact']} {violation['id']} ({len(nodes)}): {violation['help']}. {why} {where}"
