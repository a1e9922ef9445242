"""The interface speaks seven languages: every text is translated, and each reader gets the right one."""

from __future__ import annotations

import re
import sys

import pytest
from babel.messages.pofile import read_po
from conftest import ROOT
from werkzeug.test import Client

from unitgraph.web.languages import DEFAULT, FOLDER, LANGUAGES

sys.path.insert(0, str(ROOT / "docs"))
import translations

PAGE = {"Accept": "text/html"}
OTHERS = [language for language in LANGUAGES if language != DEFAULT]


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|%%", text))


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_holds_what_is_said_now(language: str) -> None:
    written = (FOLDER / f"{language}.po").read_bytes()
    assert translations.merged(language, translations.texts()) == written, "run `make translations`"


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_with_its_placeholders(language: str) -> None:
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        forms = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        wanted = placeholders(message.id[-1] if isinstance(message.id, tuple) else message.id)
        several = isinstance(message.id, tuple)
        for form in forms:
            # a singular, a dual or a zero may say its number in a word
            fits = set(placeholders(form)) <= set(wanted) if several else placeholders(form) == wanted
            if not form or not fits:
                wrong.append((message.id, form))
    assert wrong == []
    assert len(catalogue) > 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_comes_in_the_language_that_was_asked_for(client: Client, language: str) -> None:
    asked = client.get(f"/unit.html?lang={language}", headers={"Accept-Language": "de"})
    negotiated = client.get("/unit.html", headers={"Accept-Language": f"xx, {language}-XX;q=0.9, de;q=0.1"})
    for answer in (asked, negotiated):
        tag = re.search(r'<html lang="([a-z]+)" dir="([a-z]+)">', answer.text)
        assert tag is not None
        assert tag.groups() == (language, "rtl" if language == "ar" else "ltr")
        assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in negotiated.headers["Vary"]
    assert "Accept-Language" not in asked.headers["Vary"]
    assert asked.headers["ETag"] != negotiated.headers["ETag"]
    if language != DEFAULT:
        assert asked.text.count("lang=" + language) > 100  # the reader's own links keep what was asked for


@pytest.mark.parametrize("accept_language", ["", "xx", "*", "tlh, xx-YY;q=0.3", "de;q=0", ";;;,,=", "\x00", "é"])
def test_a_language_that_is_not_here_gives_english(client: Client, accept_language: str) -> None:
    answer = client.get("/unit.html", headers={"Accept-Language": accept_language})
    assert answer.status_code == 200
    assert '<html lang="en"' in answer.text


def test_programs_get_the_same_bytes_whatever_language_they_read(client: Client) -> None:
    for path in ("/unit/arl.ttl", "/unit/arl.jsonld", "/unit.csv", "/unit.ttl"):
        one, other = (client.get(path, headers={"Accept-Language": tag}) for tag in ("fr", "en"))
        assert (one.data, one.headers["ETag"]) == (other.data, other.headers["ETag"])
        assert "Accept-Language" not in one.headers.get("Vary", "")


def test_a_label_stands_in_the_readers_language_where_the_graph_has_it(client: Client) -> None:
    titles = {}
    for tag in ("de", "ar", "en", "ru"):
        found = re.search(r"<h1([^>]*)>\s*([^<]+)", client.get(f"/direction/1.html?lang={tag}", headers=PAGE).text)
        assert found is not None
        titles[tag] = (found[1], found[2].strip())
    assert titles["de"] == ("", "Stärkung der Stimme des Bibliothekswesens weltweit")
    assert titles["ar"][1] == "تقوية الصوت العالمي للمكتبات"
    assert titles["ru"][1] == titles["en"][1] == "Strengthen the Global Voice of Libraries"
    assert ' lang="en"' in titles["ru"][0]  # the original, and said to be in another language


def test_dates_and_numbers_are_written_as_the_reader_writes_them(client: Client) -> None:
    page = client.get("/unit/arl.html?lang=de", headers=PAGE).text
    months = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    assert re.search(rf"\d{{1,2}}\. ({months})", page)
