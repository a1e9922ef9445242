"""Turtle as text: where each statement stands, and one form for files that keeps their comments."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from unitgraph.vocab import PREFIXES

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<string>\"{3}(?:[^"\\]|\\.|"(?!""))*\"{3} | '{3}(?:[^'\\]|\\.|'(?!''))*'{3}
                 | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
      | (?P<iri><[^<>\s]*>)
      | (?P<mark>\^\^|<<\(?|\)?>>|\{\||\|\}|[;,\[\](){}])
      | (?P<name>(?:\\.|[^\s<>"'{}\[\]();,\#^\\])+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class Lines:
    """Where each statement of a Turtle-like text stands.

    Not a parser: it follows subjects, predicates and objects by punctuation, which is enough to find the
    line of a statement that a real parser has taken.
    """

    def __init__(self, text: str, *, json: bool = False) -> None:
        self.statements: list[tuple[str, str, str, int]] = []
        self.subjects: dict[str, int] = {}
        self.mentions: dict[str, int] = {}
        self.blank: int | None = None
        self.prefixes: dict[str, str] = {}
        self.base = ""
        if json:
            self._read_json(text)
        else:
            self._read(text)

    def find(self, subject: str, predicate: str | None = None, value: str | None = None) -> tuple[int, int]:
        """How well a statement was found (3 exactly, 2 its predicate, 1 its subject, 0 not), and its line."""
        best = (0, self.mentions.get(subject, 1))
        for said, verb, thing, line in self.statements:
            if said != subject:
                continue
            rank = 1
            if predicate is not None and verb == predicate:
                rank = 3 if value is not None and thing == value else 2
            elif predicate is None and value is not None and value in (verb, thing):
                rank = 3
            if rank > best[0]:
                best = (rank, line if rank > 1 else self.subjects.get(subject, line))
        return best

    def mention(self, iri: str) -> int | None:
        """The first line on which an IRI stands, or None."""
        return self.mentions.get(iri)

    def _read(self, text: str) -> None:
        line, depth, place = 1, 0, 0
        subject = predicate = ""
        tokens: list[tuple[str, str, int]] = []
        for match in _TOKEN.finditer(text):
            kind, token = match.lastgroup or "other", match.group()
            if kind != "space":
                bare = re.sub(r"(?<!\\)\.+$", "", token) if kind == "name" else token
                if bare:
                    tokens.append((kind, bare, line))
                if bare != token:
                    tokens.append(("mark", ".", line))
            line += token.count("\n")
        index = 0
        while index < len(tokens):
            kind, token, at = tokens[index]
            index += 1
            if (word := token.lower().lstrip("@")) in ("prefix", "base") and kind == "name":
                index = self._declare(word, tokens, index)
                continue
            if kind == "mark":
                if token in ("[", "(", "<<", "<<(", "{|"):
                    self.blank = self.blank or at
                    depth += 1
                elif token in ("]", ")", ">>", ")>>", "|}"):
                    depth -= 1
                    if depth == 0 and place == 0:
                        subject, place = "", 1
                elif depth == 0:
                    place = {".": 0, "{": 0, "}": 0, ";": 1, ",": 2}.get(token, place)
                continue
            if token.startswith("_:"):
                self.blank = self.blank or at
            if token.startswith("@") or (index > 1 and tokens[index - 2][1] == "^^"):
                continue
            expanded = self._expand(kind, token)
            self.mentions.setdefault(expanded, at)
            if depth:
                continue
            if place == 0:
                subject, place = expanded, 1
                self.subjects.setdefault(expanded, at)
            elif place == 1:
                predicate, place = expanded, 2
            else:
                self.statements.append((subject, predicate, expanded, at))

    def _declare(self, word: str, tokens: list[tuple[str, str, int]], index: int) -> int:
        """Take in a prefix or base; the index after it, and after its full stop."""
        if word == "prefix" and index + 1 < len(tokens):
            self.prefixes[tokens[index][1].rstrip(":")] = tokens[index + 1][1].strip("<>")
            index += 2
        elif index < len(tokens):
            self.base = urljoin(self.base, tokens[index][1].strip("<>"))
            index += 1
        return index + (index < len(tokens) and tokens[index][1] == ".")

    def _read_json(self, text: str) -> None:
        """JSON-LD: every object is a subject, its keys are predicates; a context that stands inside expands names."""
        pairs = re.findall(r'"([^"\\]*)"\s*:\s*(?:\{\s*"@id"\s*:\s*)?"([^"\\]*)"', text)
        for name, iri in pairs:
            if ":" in iri and ":" not in name and not name.startswith("@"):
                self.prefixes.setdefault(name, iri)
        frames: list[dict[str, str]] = []
        found: list[tuple[dict[str, str], str, str, int]] = []
        for match in re.finditer(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}]|[\w.+-]+', text):
            token, at = match[1] or match[0], text.count("\n", 0, match.start()) + 1
            name = self._expand_json(token)
            if token == "{":
                if frames:
                    found.append((frames[-1], frames[-1].get("key", ""), "", at))
                frames.append({})
            elif token == "}":
                del frames[-1:]
            elif match[2] and frames:
                frames[-1]["key"] = name
            elif frames:
                key = frames[-1].get("key", "")
                owner = frames[-2] if key in ("@id", "@value") and len(frames) > 1 else frames[-1]
                if key == "@id":
                    frames[-1]["@id"] = name
                    self.subjects.setdefault(name, at)
                found.append((owner, PREFIXES["rdf"] + "type" if key == "@type" else owner.get("key", ""), name, at))
                self.mentions.setdefault(name, at)
        self.statements = [(owner.get("@id", ""), key, name, at) for owner, key, name, at in found]

    def _expand_json(self, token: str) -> str:
        name = self._expand("string", token) if token.startswith('"') else token
        name = self.prefixes.get(name, name)
        prefix, colon, local = name.partition(":")
        return self.prefixes[prefix] + local if colon and prefix in self.prefixes else name

    def _expand(self, kind: str, token: str) -> str:
        if kind == "iri":
            return urljoin(self.base, token[1:-1]) if self.base else token[1:-1]
        if kind == "string":
            quotes = 3 if token[:3] in ('"""', "'''") else 1
            body = token[quotes:-quotes]
            escapes = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}
            return re.sub(
                r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)",
                lambda m: chr(int(m[1][1:], 16)) if m[1][0] in "uU" and len(m[1]) > 1 else escapes.get(m[1], m[1]),
                body,
            )
        if token == "a":
            return PREFIXES["rdf"] + "type"
        prefix, colon, local = token.partition(":")
        if colon and prefix in self.prefixes:
            return self.prefixes[prefix] + re.sub(r"\\(.)", r"\1", local)
        return token


_PREFIX = re.compile(r"^@prefix[ \t]+([\w-]*):[ \t]*(<[^>]*>)[ \t]*\.[ \t]*$")


def formatted(text: str) -> str:
    """The same statements and comments in the one form of this project.

    Prefixes that are used, in order; one blank line after them and between subjects; no white space at the
    ends of lines; a line feed at the end. Strings of several lines stay as they are, and so do
    prefixes where one is declared twice or there is a base.

    >>> formatted('@prefix b: <http://b/> .\\n@prefix a: <http://a/> .\\n\\n\\na:s a:p a:o .  ')
    '@prefix a: <http://a/> .\\n\\na:s a:p a:o .\\n'
    """
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match.lastgroup != "string" or "\n" not in match.group():
            return match.group()
        strings.append(match.group())
        return f"\0{len(strings) - 1}\0"

    rows = [row.rstrip() for row in _TOKEN.sub(keep, text.replace("\r\n", "\n")).split("\n")]
    declared = [m for row in rows if (m := _PREFIX.match(row))]
    prefixes = {m[1]: m[2] for m in declared}
    if len(prefixes) < len(declared) or any(re.match(r"\s*@?base\b", row, re.IGNORECASE) for row in rows):
        prefixes = {}  # where one stands decides what it means
    body = "\n".join(row for row in rows if not prefixes or not _PREFIX.match(row)).strip("\n")
    body = re.sub(r"\n{3,}", "\n\n", body)
    used = [prefix for prefix in sorted(prefixes) if re.search(rf"(?<![\w-]){re.escape(prefix)}:", body)]
    head = "".join(f"@prefix {prefix}: {prefixes[prefix]} .\n" for prefix in used)
    whole = f"{head}\n{body}\n" if head and body else f"{head}{body}\n"
    return re.sub("\0(\\d+)\0", lambda m: strings[int(m[1])], whole)
