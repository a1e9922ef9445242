"""Pages as trees, for tests that look at them."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import html5lib
from werkzeug.test import Client


def page(client: Client, path: str) -> Element:
    """The root of a page that is there."""
    response = client.get(path)
    assert response.status_code == 200, (path, response.status)
    return parse(response.get_data(as_text=True))


def parse(text: str) -> Element:
    root = html5lib.parse(text, namespaceHTMLElements=False)
    assert isinstance(root, Element)
    return root


def text(element: Element) -> str:
    """What is read of an element, with single spaces."""
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def by_id(root: Element) -> dict[str, Element]:
    """Every element that has an id; each id is there once."""
    found: dict[str, Element] = {}
    for element in root.iter():
        if isinstance(element.tag, str) and (name := element.get("id")):
            assert name not in found, f"the id {name} is there twice"
            found[name] = element
    return found


def targets(root: Element) -> set[str]:
    """Where all links of an element lead."""
    return {element.get("href", "") for element in root.iter("a")}
