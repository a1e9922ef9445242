"""Text as it is compared: without case, accents, vowel signs, punctuation; Chinese and the like by character."""

from __future__ import annotations

import re
from itertools import pairwise
from unicodedata import category, decimal, normalize

MAX_CHARACTERS = 200  #: of what somebody looks for

#: Letters that stand for the same and have no decomposition that says so.
ALIKE = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\u0131": "i",  # without its dot
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "\u0671": "\u0627",  # alef wasla, alef
        "\u0649": "\u064a",  # alef maksura, yeh
        "\u06cc": "\u064a",  # Farsi yeh, yeh
        "\u06a9": "\u0643",  # keheh, kaf
        "\u0629": "\u0647",  # teh marbuta, heh
        "\u0640": None,  # tatweel, which only makes a word longer
        "\u200b": " ",  # a space without width
    }
)
#: Scripts that are written without spaces: each of their characters is a word.
ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"
)
#: The Arabic article, alone or after a letter that is written as part of the word.
_ARTICLE = re.compile(r"\b(?:[وفبك]?ال|لل)(?=[\u0621-\u064a]{3})")
_ALONE = re.compile(f"[{ALONE}]")
_RUN = re.compile(f"[{ALONE}]+|[^{ALONE}]+")


class _Folds(dict[int, str]):
    """What each character becomes, found when it is first met (for `str.translate`)."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold(chr(code))
        return folded


def _fold(character: str) -> str:
    kept = []
    for one in normalize("NFKD", character.casefold()).translate(ALIKE):
        kind = category(one)
        if kind == "Nd":
            kept.append(str(decimal(one)))
        elif kind[0] in "LN":
            kept.append(one)
        elif kind[0] != "M" and kind != "Cf":
            kept.append(" ")
    return normalize("NFC", "".join(kept))


_FOLDS = _Folds()


def key(text: str) -> str:
    """A text as it is looked up whole.

    >>> key("  Müller's  ÉCOLE "), key("الْمَكْتَبَة"), key("图书馆 IFLA")
    ('muller s ecole', 'المكتبه', '图书馆 ifla')
    """
    return " ".join(normalize("NFC", text).translate(_FOLDS).split())


def tokens(folded: str) -> str:
    """A key as words with a space between them, Arabic ones without the article.

    >>> tokens("ifla 图书馆"), tokens("للمكتبات")
    ('ifla 图 书 馆', 'مكتبات')
    """
    return " ".join(_ALONE.sub(r" \g<0> ", _ARTICLE.sub("", folded)).split())


def phrases(text: str) -> tuple[str, ...]:
    """What is looked for: words, and for scripts without spaces characters that must follow each other.

    >>> phrases("IFLA 图书馆-Daten")
    ('ifla', '图 书 馆', 'daten')
    """
    return tuple(tokens(run) for word in key(text).split() for run in _RUN.findall(word))


def marked(text: str, looked_for: tuple[str, ...], *, beginnings: bool = False) -> tuple[tuple[str, bool], ...]:
    """A text in pieces, each with whether it is one of the phrases that are looked for.

    With `beginnings` a word counts that only begins like the last word of a phrase.

    >>> marked("Zur Öffnung der Bibliothek", ("offnung", "bibl"), beginnings=True)
    (('Zur ', False), ('Öffnung', True), (' der ', False), ('Bibliothek', True))
    """
    words = _words(text)
    hits = [False] * len(text)
    for phrase in map(str.split, looked_for):
        for at in range(len(words) - len(phrase) + 1):
            taken = words[at : at + len(phrase)]
            *first, last = [word for word, _, _ in taken]
            if first == phrase[:-1] and (last == phrase[-1] or (beginnings and last.startswith(phrase[-1]))):
                for _, start, end in taken:
                    hits[start:end] = [True] * (end - start)
    cuts = [0, *(at for at in range(1, len(text)) if hits[at] != hits[at - 1]), len(text)]
    return tuple((text[a:b], hits[a]) for a, b in pairwise(cuts) if b > a)


def _words(text: str) -> list[tuple[str, int, int]]:
    """The folded words of a text, and from where to where each stands in it."""
    found: list[tuple[str, int, int]] = []
    word, start = "", 0
    for at, character in enumerate(f"{text} "):
        folded = _FOLDS[ord(character)]
        alone = bool(_ALONE.match(folded))
        if word and (alone or " " in folded):
            found.append((_ARTICLE.sub("", word), start, at))
            word = ""
        if alone:
            found.append((folded, at, at + 1))
        elif folded.strip():
            start = start if word else at
            word += folded.strip()
    return found
