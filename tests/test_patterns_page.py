"""The stylesheet: every class of it is shown and used, its colours can be read, it has no left and right."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT
from looking import page
from werkzeug.test import Client

WEB = ROOT / "src" / "unitgraph" / "web"
STYLE = re.sub(r"/\*.*?\*/", "", (WEB / "static" / "style.css").read_text("utf-8"), flags=re.S)
CLASSES = set(re.findall(r"\.([a-z][a-z-]*)", re.sub(r"\{[^{}]*\}", "{}", STYLE)))


def test_patterns_shows_every_class_of_the_stylesheet(client: Client) -> None:
    shown = {name for element in page(client, "/patterns").iter() for name in element.get("class", "").split()}
    assert not CLASSES - shown


def test_the_stylesheet_has_no_dead_class() -> None:
    templates = [path for path in WEB.rglob("*") if path.suffix in (".html", ".js") and path.name != "patterns.html"]
    used = "\n".join(path.read_text("utf-8") for path in templates)
    assert not {name for name in CLASSES - {"swatches"} if not re.search(rf"\b{name}\b", used)}


def test_every_custom_property_is_defined_and_used() -> None:
    defined = set(re.findall(r"(--[a-z]+):", STYLE))
    used = set(re.findall(r"var\((--[a-z]+)\)", STYLE))
    assert used == defined


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{([^}]*)\}", STYLE)[:2]
    found = dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6});", light))
    return found if scheme == "light" else found | dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6});", dark))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_every_ground(scheme: str) -> None:
    found = colours(scheme)
    for ground in ("--paper", "--panel"):
        for text in ("--text", "--muted", "--link", "--visited", "--accent", "--warn"):
            assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
    assert contrast(found["--paper"], found["--accent"]) >= 4.5, "the text of a button"
    assert contrast(found["--muted"], found["--paper"]) >= 3, "the edge of a field"


def test_the_stylesheet_turns_round_with_the_direction_of_writing() -> None:
    physical = r"(?:margin|padding|border)-(?:left|right)|float\s*:|[{;]\s*(?:left|right)\s*:|text-align\s*:\s*left"
    assert not re.findall(physical, STYLE)
