"""The languages of the interface: which one a reader gets, and the catalogues with its words.

A catalogue is read as it stands in `translations/<language>.po`, once, when somebody first asks for its language.
"""

from __future__ import annotations

import io
import re
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain, get_locale, gettext
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

#: The official languages of the federation, by their own names, in the order in which a reader is offered them.
LANGUAGES = {
    "ar": "العربية",
    "zh": "中文",
    "en": "English",
    "fr": "Français",
    "de": "Deutsch",
    "ru": "Русский",
    "es": "Español",
}
DEFAULT = "en"
FOLDER = Path(__file__).parent / "translations"


def _(text: str) -> str:
    """Marks a text that is translated when it is printed."""
    return text


#: The headings of the lists, by segment; a kind that is not here is called as the ontology calls it.
KINDS = {
    "action-plan": _("Action plans"),
    "award": _("Awards"),
    "award-grant": _("Award grants"),
    "basis": _("Bases"),
    "change": _("Changes"),
    "change-kind": _("Kinds of change"),
    "channel": _("Channels"),
    "claim": _("Claims"),
    "confidence": _("Degrees of confidence"),
    "contribution": _("Contributions"),
    "country": _("Countries"),
    "direction": _("Strategic directions"),
    "event": _("Events"),
    "form": _("Forms"),
    "initiative": _("Key initiatives"),
    "language": _("Languages"),
    "mission": _("Missions"),
    "mission-verb": _("Mission verbs"),
    "name": _("Names"),
    "name-form": _("Forms of name"),
    "observance": _("Observances"),
    "organisation": _("Organisations"),
    "output": _("Outputs"),
    "partner": _("Partners"),
    "partnership": _("Partnerships"),
    "placement": _("Placements"),
    "placement-role": _("Roles in placement"),
    "project": _("Projects"),
    "role": _("Roles"),
    "round": _("Rounds"),
    "scheme": _("Schemes"),
    "series": _("Series"),
    "source": _("Sources"),
    "standing": _("Standings"),
    "state": _("States"),
    "story": _("Stories"),
    "strategy": _("Strategies"),
    "succession": _("Successions"),
    "unit": _("Units"),
    "unit-kind": _("Kinds of unit"),
    "vision": _("Visions"),
}


class Catalogues(Domain):  # type: ignore[misc]
    """The catalogues of this package, for Flask-Babel: nothing is compiled beforehand, so nothing is stale."""

    def get_translations(self) -> NullTranslations:
        locale = get_locale()
        return catalogue(str(locale)) if locale else NullTranslations()


@cache
def catalogue(language: str) -> NullTranslations:
    """The words of a language; those of the templates where there is no catalogue."""
    path = FOLDER / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        words = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, words)
    compiled.seek(0)
    return Translations(compiled)


def chosen(parameter: str | None) -> str | None:
    """The language that `?lang=` names, or None where it names none of ours.

    >>> chosen("fr"), chosen("FR-ca"), chosen("xx"), chosen(None)
    ('fr', 'fr', None, None)
    """
    language = (parameter or "")[:35].lower().replace("_", "-").partition("-")[0]
    return language if language in LANGUAGES else None


@lru_cache(256)
def preferred(accept_language: str) -> str:
    """The language a browser asks for (RFC 9110 §12.5.4, RFC 4647 §3.4: look-up), or English.

    >>> preferred("pt-BR, fr-CH;q=0.8, en;q=0.5"), preferred("zh-Hant"), preferred("*"), preferred("de;q=0, *")
    ('fr', 'zh', 'en', 'en')
    """
    accepted = parse_accept_header(accept_language[:1000], LanguageAccept)
    for language, quality in accepted:
        if quality > 0 and (found := chosen(language)):
            return found
    return DEFAULT


def direction(language: str) -> str:
    """`rtl` or `ltr`, as the `dir` attribute has it."""
    return "rtl" if language == "ar" else "ltr"


def register(app: Flask) -> None:
    """Give templates their words, dates and numbers in the language of the request."""
    Babel(app, locale_selector=lambda: g.get("language", DEFAULT))
    catalogues = Catalogues()

    @app.before_request
    def speak() -> None:
        g.asked_language = chosen(request.args.get("lang"))
        g.language = g.asked_language or preferred(request.headers.get("Accept-Language", ""))
        g.words = catalogue(g.language)
        catalogues.as_default()

    # of a page's time a fifth went into finding the catalogue and the context anew for every text
    app.jinja_env.install_gettext_callables(_text, _plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals |= {"_": _text, "gettext": _text, "ngettext": _plural}
    app.jinja_env.filters |= {"number": number, "day": day, "period": period, "tongue": tongue}
    app.jinja_env.globals |= {"kinds": kinds}


def _text(text: str, /, **variables: object) -> Markup:
    """A text of a template in the reader's language; what is put in is escaped."""
    return Markup(g.words.gettext(text)) % variables  # noqa: S704  our own texts


def _plural(one: str, many: str, n: int, /, **variables: object) -> Markup:
    variables.setdefault("num", n)
    return Markup(g.words.ngettext(one, many, n)) % variables  # noqa: S704  our own texts


def kinds(segment: str) -> str | None:
    """The heading of the list of a kind, in the reader's language."""
    return gettext(KINDS[segment]) if segment in KINDS else None


def tongue(tag: str) -> str:
    """What the reader calls a language, or its tag."""
    locale = get_locale() or Locale(DEFAULT)
    return str(locale.languages.get(tag, tag))


def number(value: float) -> str:
    """A number as the reader writes it."""
    return _number(value, g.get("language", DEFAULT))


@lru_cache(4_096)
def _number(value: float, language: str) -> str:
    return str(numbers.format_decimal(value, locale=language))


def day(value: str) -> str:
    """A date of XML Schema (`2020-05`, `2020-05-17`, a time) as the reader writes it; anything else as it is."""
    match = re.fullmatch(r"(\d{4})-(\d\d)(?:-(\d\d))?(T[\d:.]+)?(Z|[+-]\d\d:\d\d)?", value)
    if match is None:
        return value
    locale = get_locale() or Locale(DEFAULT)
    try:
        found = date(int(match[1]), int(match[2]), int(match[3] or 1))
        if match[3]:
            return str(dates.format_date(found, "long", locale=locale))
        return str(dates.format_skeleton("yMMMM", found, locale=locale))
    except (ValueError, UnknownLocaleError):
        return value


def period(start: str, end: str) -> str:
    """From when to when; one of them may be empty."""
    if start and end:
        return f"{day(start)}\N{EN DASH}{day(end)}" if start != end else day(start)
    if start:
        return str(gettext("since %(start)s", start=day(start)))
    return str(gettext("until %(end)s", end=day(end))) if end else ""
