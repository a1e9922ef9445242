"""Pictures of the pages, made by Chromium without a window: `make screenshots`.

Starts the server itself, on a free port of loopback, and ends it. The pictures are in `docs/images/`, each called
after its page, its width and how it looks. Git ignores them, but for those that the documentation shows (`SHOWN`).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = Path(__file__).resolve().parent / "images"
HEIGHT = 900

PAGES = {
    "home": "",
    "unit": "unit/arl",
    "project": "project/rscvd",
    "direction": "direction/3",
    "matrix": "matrix",
    "network": "network",
    "search": "search?q=library",
    "ontology": "ns",
}
WIDTHS = (390, 768, 1440)  #: in CSS pixels: a telephone, a tablet, a desk
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "arabic": {"color_scheme": "light", "locale": "ar"},
}

TALLEST = 6_000  #: pixels of a picture of a whole page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-sync",
]


@dataclass(frozen=True)
class Picture:
    """A page at a width, in a look."""

    page: str
    width: int
    look: str

    @property
    def name(self) -> str:
        return f"{self.page}-{self.width}-{self.look}"


#: Pictures of one window that README and docs show, by the name that they have there.
SHOWN = {
    "unit": Picture("unit", 1440, "light"),
    "home": Picture("home", 390, "light"),
    "matrix": Picture("matrix", 1440, "dark"),
    "network": Picture("network", 768, "arabic"),
}


def pictures(only: Collection[str]) -> Iterator[Picture]:
    """Every picture, or those of the pages, widths and looks that are asked for.

    >>> [picture.name for picture in pictures(["unit", "390", "768", "dark"])]
    ['unit-390-dark', 'unit-768-dark']
    """
    pages = [page for page in PAGES if page in only] or list(PAGES)
    widths = [width for width in WIDTHS if str(width) in only] or WIDTHS
    looks = [look for look in LOOKS if look in only] or list(LOOKS)
    return (Picture(*of) for of in product(pages, widths, looks))


def take(browser: Browser, url: str, picture: Picture, name: str) -> Path:
    """Make one picture: of the whole page, or of one window for those that are shown."""
    size = {"width": picture.width, "height": HEIGHT}
    context = browser.new_context(viewport=size, reduced_motion="reduce", **LOOKS[picture.look])  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url + PAGES[picture.page], wait_until="load")
    if name not in SHOWN:
        height = min(page.evaluate("() => document.documentElement.scrollHeight"), TALLEST)
        page.set_viewport_size({"width": picture.width, "height": height})
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    context.close()
    return path


def main() -> int:
    """Make the pictures; 1 if Chromium is missing or the server does not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    words = [*PAGES, *map(str, WIDTHS), *LOOKS]
    parser.add_argument(
        "--only", nargs="+", default=[], choices=words, metavar="WORD", help=f"these alone: {', '.join(words)}"
    )
    parser.add_argument("--shown", action="store_true", help="only those that README and docs show")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is needed for pictures (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    chosen = {picture.name: picture for picture in pictures(options.only)} if not options.shown else {}
    if options.shown or not options.only:
        chosen |= SHOWN
    IMAGES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "unitgraph.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        match = re.match(r"serving (\S+)", server.stdout.readline())
        if match is None:
            return 1
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name, picture in chosen.items():
                print(take(browser, match[1], picture, name).relative_to(ROOT))
            browser.close()
    finally:
        server.terminate()
        server.wait(20)
    return 0


if __name__ == "__main__":
    sys.exit(main())
