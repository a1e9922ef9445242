"""How a text, a value and a link are printed: what stands on a page a few hundred times, so not a macro."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flask import g
from markupsafe import Markup, escape

from unitgraph.resources.parts import Evidence
from unitgraph.resources.terms import Text, Value
from unitgraph.web.languages import day, number

RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
DATES = ("xsd:date", "xsd:gYearMonth", "xsd:dateTime")


@dataclass(frozen=True)
class Printer:
    """Prints for one page: its language and direction, where an IRI leads, whether that is elsewhere."""

    language: str
    direction: str
    url: Callable[[str], str | None]
    external: Callable[[str], bool]
    _values: dict[Value, Markup] = field(default_factory=dict)

    def lang(self, own: str | None) -> Markup:
        """The attributes of a text in another language than the page's: read out right, and set in its direction."""
        if own == self.language or not (own or self.direction == "rtl"):
            return Markup()
        said = f' lang="{escape(own)}"' if own else ""
        aside = self.direction == "rtl" or (own or "").partition("-")[0] in RIGHT_TO_LEFT
        return Markup(said + (' dir="auto"' if aside else ""))  # noqa: S704  escaped above

    def tongue(self, own: str | None) -> Markup:
        """The tag of a text that is neither in the reader's language nor in English."""
        if not own or own.partition("-")[0] in ("en", self.language):
            return Markup()
        return Markup(f' <small class="language">{escape(own)}</small>')  # noqa: S704  escaped here

    def text(self, one: Text) -> Markup:
        """A text with its language."""
        printed = f"<span{self.lang(one.language)}>{escape(one.value)}</span>{self.tongue(one.language)}"
        return Markup(printed)  # noqa: S704  escaped here

    def value(self, one: Value) -> Markup:
        """A thing as a link, or a literal."""
        found = self._values.get(one)
        if found is None:
            found = self._values[one] = self._thing(one, one.iri) if one.iri else self.literal(one)
        return found

    def _thing(self, one: Value, iri: str) -> Markup:
        target, words = self.url(iri), escape(one.text)
        if target is None:
            return Markup(f"<code>{words}</code>")  # noqa: S704  escaped above
        rel = ' rel="external"' if self.external(iri) else ""
        link = f'<a href="{escape(target)}"{self.lang(one.language)}{rel}>{words}</a>{self.tongue(one.language)}'
        return Markup(link)  # noqa: S704  escaped above

    def literal(self, one: Value) -> Markup:
        """A literal: a date as the reader writes it, a text with its language."""
        words = escape(one.text)
        if one.datatype in DATES:
            return Markup(f'<time datetime="{words}">{escape(day(one.text))}</time>')  # noqa: S704  escaped
        if one.datatype == "xsd:gYear":
            return Markup(f"<time>{words}</time>")  # noqa: S704  escaped above
        title = f' title="{escape(one.datatype)}"' if one.datatype else ""
        printed = f"<span{self.lang(one.language)}{title}>{words}</span>{self.tongue(one.language)}"
        return Markup(printed)  # noqa: S704  escaped above

    def run(self, many: Iterable[Value]) -> Markup:
        """Values in a row, with commas between them."""
        return Markup(", ").join(self.value(one) for one in many)

    def evidence(self, found: Evidence | None) -> Markup:
        """How sure a statement is, and where it is said: quietly, after the statement."""
        if not found or not (found.confidence or found.sources or found.inferred):
            return Markup()
        _ = g.words.gettext  # the texts are taken in by `make translations`
        parts = [Markup(f'<span class="inferred">{escape(_("inferred"))}</span>')] if found.inferred else []  # noqa: S704
        parts += [self.value(found.confidence)] if found.confidence else []
        names = [_("source")]
        if len(found.sources) > 1:
            names = [_("source %(n)s") % {"n": number(n)} for n in range(1, len(found.sources) + 1)]
        links = [self._source(name, one) for name, one in zip(names, found.sources, strict=False)]
        parts += [Markup(", ").join(links)] if links else []
        more = escape(" " + _("and %(n)s more") % {"n": number(found.more)}) if found.more else ""
        printed = f'<small class="evidence">{Markup(" · ").join(parts)}{more}</small>'
        return Markup(printed)  # noqa: S704  escaped above

    def _source(self, name: str, one: Value) -> Markup:
        title = g.words.gettext("%(name)s: %(title)s") % {"name": name, "title": one.text}
        link = f'<a href="{escape(self.url(one.iri or ""))}" class="source" aria-label="{escape(title)}">'
        return Markup(f"{link}{escape(name)}</a>")  # noqa: S704  escaped here
