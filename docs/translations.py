"""The catalogues of the interface: `make translations` takes in what templates and code say now.

What is translated stays; what is new stands there with an empty `msgstr`; what is no longer said goes. A test
compares, so a text without its translations cannot land. Dates and line numbers are left out: same texts, same bytes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from unitgraph.web.languages import DEFAULT, FOLDER, LANGUAGES

PACKAGE = FOLDER.parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
MARKS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def texts() -> Catalog:
    """Every text of templates and code that is translated."""
    found = Catalog(fuzzy=False)
    for file, _, message, _, _ in extract_from_dir(PACKAGE, METHODS, OPTIONS, keywords=MARKS, strip_comment_tags=True):
        found.add(message, locations=[(Path(file).name, None)])
    return found


def merged(language: str, said: Catalog) -> bytes:
    """The catalogue of a language with what is said now."""
    path = FOLDER / f"{language}.po"
    known = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(language)
    catalogue = Catalog(Locale.parse(language), fuzzy=False)
    for message in sorted(said, key=lambda message: _key(message.id)):
        if message.id:
            old = known.get(message.id)
            kept = old.string if old and isinstance(old.id, tuple) == isinstance(message.id, tuple) else None
            catalogue.add(message.id, kept, locations=sorted(set(message.locations)))
    written = io.BytesIO()
    write_po(written, catalogue, omit_header=True, width=110, include_lineno=False)
    return _header(catalogue) + written.getvalue()


def _key(text: str | tuple[str, str]) -> tuple[str, str]:
    return (text, "") if isinstance(text, str) else text


def _header(catalogue: Catalog) -> bytes:
    """What a reader of catalogues needs to know, and nothing that changes by itself."""
    return (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    ).encode()


def main() -> int:
    """Write every catalogue; say how many texts wait for a translation."""
    said = texts()
    for language in LANGUAGES:
        if language != DEFAULT:
            data = merged(language, said)
            (FOLDER / f"{language}.po").write_bytes(data)
            waiting = sum(not _translated(m.string) for m in read_po(io.BytesIO(data), locale=language) if m.id)
            print(f"{language}: {len(said)} texts, {waiting} without a translation")
    return 0


def _translated(string: str | tuple[str, ...] | list[str]) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


if __name__ == "__main__":
    sys.exit(main())
