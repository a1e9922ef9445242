"""What is wrong with a page as HTML: syntax by html5lib, and what a parser does not look at by rules of our own.

The rules are those of the HTML Living Standard that matter to readers and their tools: identifiers, content models,
labels, headings, tables, languages; and ours: no inline style or script, nothing from another host.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from html5lib.constants import E as MESSAGES

SVG = "{http://www.w3.org/2000/svg}"
RIGHT_TO_LEFT = frozenset({"ar"})

#: A well-formed tag, BCP 47 §2.1; the grandfathered ones are left out, nobody should write them.
TAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wy-z\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?",
    re.IGNORECASE,
)
CONTROLS = frozenset({"input", "select", "textarea", "button", "output", "meter", "progress"})
UNLABELLED = frozenset({"hidden", "submit", "reset"})  #: kinds of input whose label is their value, or nobody sees them
REFERENCES = ("for", "list", "form", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns")
REFERENCES += ("aria-activedescendant", "aria-details", "aria-errormessage", "aria-flowto")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def _named(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: HTML §16.2: elements, and attributes of the elements named (all, where none are), that must not be used.
OBSOLETE = _named(
    "acronym applet basefont bgsound big blink center dir font frame frameset isindex keygen listing marquee menuitem "
    "multicol nextid nobr noembed noframes param plaintext rb rtc spacer strike tt xmp"
)
OBSOLETE_ATTRIBUTES: dict[str, frozenset[str]] = {
    "align": frozenset(),
    "bgcolor": frozenset(),
    "background": frozenset(),
    "cellpadding": frozenset(),
    "cellspacing": frozenset(),
    "compact": frozenset(),
    "frame": frozenset(),
    "hspace": frozenset(),
    "noshade": frozenset(),
    "nowrap": frozenset(),
    "rev": frozenset(),
    "rules": frozenset(),
    "valign": frozenset(),
    "vspace": frozenset(),
    "border": frozenset({"table", "img", "object"}),
    "charset": frozenset({"a", "link", "script"}),
    "height": frozenset({"td", "th", "tr", "table"}),
    "language": frozenset({"script"}),
    "name": frozenset({"a", "img", "embed", "option"}),
    "scope": frozenset({"td"}),
    "abbr": frozenset({"td"}),
    "summary": frozenset({"table"}),
    "width": frozenset({"td", "th", "table", "col", "hr", "pre"}),
}

#: Content models: the elements that may be children of others.
CHILDREN = {
    "ul": frozenset({"li", "script", "template"}),
    "ol": frozenset({"li", "script", "template"}),
    "dl": frozenset({"dt", "dd", "div", "script", "template"}),
    "select": frozenset({"option", "optgroup", "hr", "script", "template"}),
    "tr": frozenset({"th", "td", "script", "template"}),
}
#: Elements that hold phrasing content only, and the elements of the flow that are no phrasing content.
PHRASING = _named(
    "a abbr b bdi bdo button cite code data dfn em h1 h2 h3 h4 h5 h6 i kbd label legend mark meter output p pre "
    "progress q s samp small span strong sub summary sup time u var"
)
FLOW = _named(
    "address article aside blockquote details dialog div dl fieldset figure footer form header hgroup hr main menu nav "
    "ol p pre search section table ul h1 h2 h3 h4 h5 h6 dt dd li"
)
TRANSPARENT = frozenset({"a", "ins", "del", "map"})  #: these may hold what their parents may


def parse(text: str) -> Page:
    """A page from its text, parsed as browsers do."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    root = parser.parse(text)
    errors = tuple(f"line {where[0]}: {MESSAGES.get(code, code) % told}" for where, code, told in parser.errors)
    return Page(root, errors)


@dataclass(frozen=True)
class Page:
    """A page: its root element, and what its parser found wrong, a sentence each."""

    root: Element
    errors: tuple[str, ...]

    @cached_property
    def elements(self) -> tuple[tuple[Element, tuple[Element, ...]], ...]:
        """Every element in document order, each with those it stands in, the nearest last."""
        found: list[tuple[Element, tuple[Element, ...]]] = []
        todo: list[tuple[Element, tuple[Element, ...]]] = [(self.root, ())]
        while todo:
            element, above = todo.pop()
            found.append((element, above))
            inside = (*above, element)
            todo += [(child, inside) for child in reversed(element) if isinstance(child.tag, str)]
        return tuple(found)

    @cached_property
    def ids(self) -> dict[str, Element]:
        return {identifier: element for element, _ in self.elements if (identifier := element.get("id")) is not None}

    def all(self, *names: str) -> list[Element]:
        """The elements of these names, in document order."""
        return [element for element, _ in self.elements if element.tag in names]

    @cached_property
    def links(self) -> tuple[Element, ...]:
        """What leads elsewhere or brings something in: a, area, link, img, script, iframe …, and links in drawings."""
        return tuple(element for element, _ in self.elements if address(element) is not None)


def address(element: Element) -> str | None:
    """Where an element leads, or None; a form is not counted."""
    if element.tag in ("a", "area", "link", SVG + "a"):
        return element.get("href", element.get("{http://www.w3.org/1999/xlink}href"))
    return element.get("src", element.get("data") if element.tag == "object" else None)


def words(element: Element) -> str:
    """The text of an element, spaces as one."""
    return " ".join("".join(element.itertext()).split())


def name(element: Element, page: Page) -> str:
    """What an element is called, as readers' tools find it: WAI-ARIA's order, shortened (Accessible Name §4.3)."""
    if references := element.get("aria-labelledby", "").split():
        return " ".join(words(page.ids[one]) for one in references if one in page.ids)
    if label := element.get("aria-label", "").strip():
        return label
    inside = [words(element), *(child.get("alt", "") for child in element.iter("img"))]
    inside += [words(title) for title in element.iter(SVG + "title")]
    return " ".join(part for part in inside if part) or element.get("title", "")


def faults(page: Page, language: str = "en") -> Iterator[str]:
    """What is wrong with a whole page in a language of the interface, a sentence each."""
    yield from page.errors
    yield from _whole(page, language)
    yield from _identifiers(page)
    yield from _content(page)
    yield from _headings(page)
    yield from _controls(page)
    yield from _tables_and_pictures(page)
    yield from _languages(page)
    yield from scripts(page)


def shown(element: Element) -> str:
    """An element as a message names it."""
    told = "".join(f' {key}="{element.get(key)}"' for key in ("id", "class", "href", "name") if element.get(key))
    return f"<{element.tag.removeprefix(SVG)}{told}>"


def _whole(page: Page, language: str) -> Iterator[str]:
    root = page.root
    if root.get("lang") != language:
        yield f"the page is in {root.get('lang')!r}, not {language!r}"
    right_to_left = language in RIGHT_TO_LEFT
    if (root.get("dir") == "rtl") != right_to_left:
        yield f"the direction of a page in {language} is {root.get('dir')!r}"
    titles = [words(title) for title in page.all("title")]
    if len(titles) != 1 or not titles[0]:
        yield f"a page has one title, not {titles}"
    if len(page.all("main")) != 1:
        yield f"a page has one main part, not {len(page.all('main'))}"
    if not any(meta.get("charset", "").lower() == "utf-8" for meta in page.all("meta")):
        yield "no meta element states the encoding"
    if not any(meta.get("name") == "viewport" for meta in page.all("meta")):
        yield "no meta element states the viewport"


def _identifiers(page: Page) -> Iterator[str]:
    counts = Counter(identifier for element, _ in page.elements if (identifier := element.get("id")) is not None)
    for identifier, count in counts.items():
        if count > 1:
            yield f"{count} elements have the id {identifier!r}"
        if not identifier or re.search(r"\s", identifier):
            yield f"{identifier!r} is no id"
    for element, _ in page.elements:
        for attribute in REFERENCES:
            value = element.get(attribute)
            if value is None:
                continue
            for one in value.split() or [""]:
                if one not in page.ids:
                    yield f"{shown(element)}: {attribute} names {one!r}, which is not here"
        if element.tag == "label" and element.get("for") in page.ids:
            target = page.ids[element.get("for", "")]
            if target.tag not in CONTROLS:
                yield f"{shown(element)} labels {shown(target)}, which is no control"


def _interactive(element: Element) -> bool:
    """HTML §3.2.5.2.7."""
    if element.tag == "input":
        return element.get("type") != "hidden"
    if element.tag in ("a", SVG + "a"):
        return element.get("href") is not None
    return element.tag in ("button", "select", "textarea", "details", "iframe", "embed", "label") or (
        element.get("tabindex") is not None
    )


def _content(page: Page) -> Iterator[str]:
    for element, above in page.elements:
        tag = element.tag
        if tag in OBSOLETE:
            yield f"{shown(element)} is obsolete"
        for attribute in element.attrib:
            if attribute in OBSOLETE_ATTRIBUTES and not tag.startswith("{"):
                where = OBSOLETE_ATTRIBUTES[attribute]
                if not where or tag in where:
                    yield f"{shown(element)}: the attribute {attribute} is obsolete"
        if not above:
            continue
        parent = above[-1]
        if parent.tag in CHILDREN and tag not in CHILDREN[parent.tag]:
            yield f"{shown(element)} stands in {shown(parent)}"
        if tag in FLOW:
            holder = next((one for one in reversed(above) if one.tag not in TRANSPARENT), parent)
            if holder.tag in PHRASING and not (holder.tag in ("legend", "summary") and tag in HEADINGS):
                yield f"{shown(element)} stands in {shown(holder)}"
        if tag == "li" and parent.tag not in ("ul", "ol", "menu"):
            yield f"{shown(element)} stands in {shown(parent)}"
        if _interactive(element):
            for one in above:
                if one.tag in ("button", "summary") or (one.tag in ("a", SVG + "a") and one.get("href") is not None):
                    yield f"{shown(element)} stands in {shown(one)}, and both can be used"
                if one.tag == "label" and tag == "label":
                    yield f"{shown(element)} stands in {shown(one)}"


def _headings(page: Page) -> Iterator[str]:
    levels = [(HEADINGS.index(heading.tag) + 1, heading) for heading in page.all(*HEADINGS)]
    if (count := sum(level == 1 for level, _ in levels)) != 1:
        yield f"a page has one h1, not {count}"
    before = 0
    for level, heading in levels:
        if level > before + 1:
            yield f"h{level} {words(heading)!r} follows h{before}" if before else f"h{level} is the first heading"
        if not name(heading, page):
            yield f"{shown(heading)} is empty"
        before = level


def _controls(page: Page) -> Iterator[str]:
    targets = {label.get("for"): label for label in page.all("label")}
    for element, above in page.elements:
        if element.tag in ("a", SVG + "a") and element.get("href") is not None and not name(element, page):
            yield f"{shown(element)} has no text"
        if element.tag not in CONTROLS or element.get("type") in UNLABELLED:
            continue
        labels = [one for one in above if one.tag == "label"]
        if element.get("id") in targets:
            labels.append(targets[element.get("id")])
        own = name(element, page) if element.tag == "button" else ""
        named = own or element.get("aria-label") or element.get("aria-labelledby") or element.get("title")
        if not named and not any(words(label) for label in labels):
            yield f"{shown(element)} has no label"


def _tables_and_pictures(page: Page) -> Iterator[str]:
    for table in page.all("table"):
        if not (table.find("caption") is not None or table.get("aria-labelledby") or table.get("aria-label")):
            yield f"{shown(table)} has no caption and no label"
        if not any(True for _ in table.iter("th")):
            yield f"{shown(table)} has no header cell"
    for cell in page.all("th"):
        if cell.get("scope") not in ("row", "col", "rowgroup", "colgroup"):
            yield f"the header {words(cell)!r} does not say whether it heads a row or a column"
    for picture in page.all("img", "area"):
        if picture.get("alt") is None:
            yield f"{shown(picture)} has no alternative text"
    for drawing in page.all(SVG + "svg"):
        hidden = drawing.get("aria-hidden") == "true" or drawing.get("role") in ("presentation", "none")
        titled = any(child.tag == SVG + "title" and words(child) for child in drawing)
        if not (hidden or titled or drawing.get("aria-label") or drawing.get("aria-labelledby")):
            yield f"{shown(drawing)} is a drawing without a title"


def _languages(page: Page) -> Iterator[str]:
    for element, _ in page.elements:
        for attribute in ("lang", "hreflang", "{http://www.w3.org/XML/1998/namespace}lang"):
            tag = element.get(attribute)
            if tag is not None and not TAG.fullmatch(tag):
                yield f"{shown(element)}: {tag!r} is no well-formed language tag"
        if element.get("dir") not in (None, "ltr", "rtl", "auto"):
            yield f"{shown(element)}: {element.get('dir')!r} is no direction"


def scripts(page: Page) -> Iterator[str]:
    """What the Content-Security-Policy would not run, and what would be fetched from elsewhere."""
    for element, _ in page.elements:
        tag = element.tag.removeprefix(SVG)
        if element.get("style") is not None or tag == "style":
            yield f"{shown(element)} has style of its own"
        if tag == "script" and element.get("src") is None and not element.get("type", "").endswith("json"):
            yield f"{shown(element)} has a script of its own"
        for attribute in element.attrib:
            if attribute.startswith("on"):
                yield f"{shown(element)} has the attribute {attribute}"
        target = address(element) or ""
        if re.match(r"(?i)\s*(javascript|vbscript|data):", target) and tag != "img":
            yield f"{shown(element)} leads to a script"
        brought = element.get("rel", "").split() if tag == "link" else [] if tag in ("a", "area") else ["brought"]
        loads = {"brought", "stylesheet", "icon", "preload", "modulepreload", "manifest", "preconnect", "dns-prefetch"}
        if target and loads & set(brought) and urlsplit(target).netloc:
            yield f"{shown(element)} brings in {target} from another host"
