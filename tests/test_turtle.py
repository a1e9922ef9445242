"""Lines of statements in tricky Turtle, and the one form of files."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT
from pyoxigraph import RdfFormat, parse

from unitgraph.turtle import Lines, formatted

DATA = sorted((ROOT / "data").rglob("*.ttl"))
TURTLE = sorted(
    path for name in ("data", "ontology", "shapes", "tests/tiny/data") for path in (ROOT / name).rglob("*.ttl")
)

TRICKY = '''\
# a comment with "quotes", a ; and a .
@prefix ex: <https://example.org/x#> .   # and "another
PREFIX a: <https://example.org/a/>
@prefix : <https://example.org/> .

ex:one a ex:Thing ;
    ex:text """first ; line .
second "line" , with \\""" inside
    ex:not ex:this .
""" ;
    ex:quoted "a # b ; c . \\" d"@en, 'single "double"'@de ;
    ex:number 1.5, 42, 1.0E6, -3 ;
    ex:typed "2021-04"^^ex:month ;
    ex:nested [ ex:inner ex:deep ; ex:more ( ex:first "second" ) ] ;
    ex:after true .

a:dotted.name.here ex:escaped a:slash\\/and\\,comma ;
    ex:unicode "caf\\u00E9" ;
    ex:iri <https://example.org/with;semicolon,and.dot#hash> .
[ ex:of ex:nobody ] ex:says ex:something .
:two ex:last :three.
:four ex:last :five .
'''
EX, A, HERE = "https://example.org/x#", "https://example.org/a/", "https://example.org/"


@pytest.mark.parametrize(
    ("subject", "predicate", "value", "line"),
    [
        (EX + "one", None, None, 6),
        (EX + "one", EX + "text", None, 7),
        (EX + "one", EX + "quoted", 'a # b ; c . " d', 11),
        (EX + "one", EX + "quoted", 'single "double"', 11),
        (EX + "one", EX + "number", "1.5", 12),
        (EX + "one", EX + "number", "-3", 12),
        (EX + "one", EX + "typed", "2021-04", 13),
        (EX + "one", EX + "after", "true", 15),
        (A + "dotted.name.here", EX + "escaped", A + "slash/and,comma", 17),
        (A + "dotted.name.here", EX + "unicode", "café", 18),
        (A + "dotted.name.here", EX + "iri", "https://example.org/with;semicolon,and.dot#hash", 19),
        (HERE + "two", EX + "last", HERE + "three", 21),
        (HERE + "four", EX + "last", HERE + "five", 22),
        (HERE + "four", None, EX + "last", 22),
    ],
)
def test_a_statement_is_found_on_its_line(subject: str, predicate: str | None, value: str | None, line: int) -> None:
    assert Lines(TRICKY).find(subject, predicate, value)[1] == line


def test_the_nearest_line_is_given_for_what_is_not_there() -> None:
    lines = Lines(TRICKY)
    assert lines.find(EX + "one", EX + "number", "7") == (2, 12)
    assert lines.find(EX + "one", EX + "absent") == (1, 6)
    assert lines.find(EX + "absent") == (0, 1)


def test_text_in_strings_and_comments_is_no_statement() -> None:
    lines = Lines(TRICKY)
    assert lines.mention(EX + "not") is None
    assert all(subject != "# a" for subject, _, _, _ in lines.statements)


def test_a_mention_inside_brackets_is_found_and_is_no_statement() -> None:
    lines = Lines(TRICKY)
    assert lines.mention(EX + "deep") == 14
    assert lines.find(EX + "one", None, EX + "deep") == (1, 6)
    assert lines.blank == 14


def test_a_subject_is_where_it_is_described_and_not_where_it_is_mentioned() -> None:
    lines = Lines("@prefix a: <https://example.org/a/> .\na:one a:next a:two .\n\na:two\n    a:next a:three .\n")
    assert lines.mention(A + "two") == 2
    assert lines.find(A + "two") == (1, 4)
    assert lines.find(A + "two", A + "absent") == (1, 4)


def test_names_relative_to_a_base_are_found() -> None:
    lines = Lines("@base <https://example.org/a/> .\n\n<one> <next> <two> .\n")
    assert lines.find(A + "one", A + "next", A + "two") == (3, 3)


def test_statements_inside_a_graph_are_found() -> None:
    lines = Lines(
        "@prefix a: <https://example.org/a/> .\na:graph {\n  a:one a:next a:two .\n}\nGRAPH a:other { a:x a:y a:z }\n"
    )
    assert lines.find(A + "one", A + "next", A + "two") == (3, 3)
    assert lines.find(A + "x", A + "y", A + "z") == (3, 5)


def test_statements_in_json_ld_are_found() -> None:
    text = """{
  "@context": {
    "a": "https://example.org/a/",
    "next": {"@id": "a:next", "@type": "@id"}
  },
  "@graph": [
    {"@id": "a:one",
     "@type": "a:Kind",
     "next": ["a:two",
              "https://example.org/a/three"],
     "a:label": {"@value": "One \\u00e9", "@language": "en"}},
    {"@id": "https://example.org/a/four",
     "a:count": 5}
  ]
}
"""
    lines = Lines(text, json=True)
    assert lines.find(A + "one", A + "next", A + "two") == (3, 9)
    assert lines.find(A + "one", A + "next", A + "three") == (3, 10)
    assert lines.find(A + "one", A + "label", "One é") == (3, 11)
    assert lines.find(A + "one", None, A + "Kind") == (3, 8)
    assert lines.find(A + "four", A + "count", "5") == (3, 13)
    assert lines.find(A + "four", A + "absent") == (1, 12)


@pytest.mark.parametrize(
    "text", ["", "\n", '"', "<", "[[[", ")))", "@prefix", "@prefix a:", "a b", '"""', "{|", "\\", "\0"]
)
def test_text_that_is_no_turtle_is_read_without_an_error(text: str) -> None:
    Lines(text)
    Lines(text, json=True)
    formatted(text)


def test_every_statement_of_the_sources_is_found_exactly() -> None:
    """The data have no blank nodes: there every triple has to be on a line that holds it."""
    for path in DATA:
        text = path.read_text("utf-8")
        lines, rows = Lines(text), text.split("\n")
        for quad in parse(text.encode(), format=RdfFormat.TURTLE):
            rank, line = lines.find(quad.subject.value, quad.predicate.value, quad.object.value)
            assert rank == 3, (path.name, quad)
            last = quad.object.value.replace("\\", "\\\\").replace('"', '\\"').split("\n")[0].rsplit("/", 1)[-1]
            assert last.rsplit("#", 1)[-1] in rows[line - 1] or " a " in rows[line - 1], (path.name, line, quad)


# One form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "\n"),
        (
            "@prefix a: <https://example.org/a/> .\r\na:s a:p a:o .\r\n",
            "@prefix a: <https://example.org/a/> .\n\na:s a:p a:o .\n",
        ),
        (
            "@prefix b: <urn:b:> .\n@prefix a: <urn:a:> .\n\n\n\na:s b:p a:o .",
            "@prefix a: <urn:a:> .\n@prefix b: <urn:b:> .\n\na:s b:p a:o .\n",
        ),
        (
            "@prefix a: <urn:a:> .\n@prefix unused: <urn:u:> .\n\na:s a:p a:o .\n",
            "@prefix a: <urn:a:> .\n\na:s a:p a:o .\n",
        ),
        ("@prefix a: <urn:a:> .\n\na:s a:p a:o . # why  \n", "@prefix a: <urn:a:> .\n\na:s a:p a:o . # why\n"),
        (
            '@prefix a: <urn:a:> .\n\na:s a:p """one  \n\n\n\ntwo""" .\n',
            '@prefix a: <urn:a:> .\n\na:s a:p """one  \n\n\n\ntwo""" .\n',
        ),
        (
            '@prefix a: <urn:a:> .\n\na:s a:p """\n@prefix b: <urn:b:> .\n""" .\n',
            '@prefix a: <urn:a:> .\n\na:s a:p """\n@prefix b: <urn:b:> .\n""" .\n',
        ),
        (
            "@prefix a: <urn:a:> .\n@prefix a-b: <urn:ab:> .\n\na-b:s a-b:p a-b:o .\n",
            "@prefix a-b: <urn:ab:> .\n\na-b:s a-b:p a-b:o .\n",
        ),
        (
            "@prefix a: <urn:1:> .\na:s a:p a:o .\n@prefix a: <urn:2:> .\na:s a:p a:o . \n",
            "@prefix a: <urn:1:> .\na:s a:p a:o .\n@prefix a: <urn:2:> .\na:s a:p a:o .\n",
        ),
        (
            "@base <https://example.org/> .\n@prefix a: <a/> .\na:s a:p a:o . \n",
            "@base <https://example.org/> .\n@prefix a: <a/> .\na:s a:p a:o .\n",
        ),
    ],
)
def test_a_file_has_one_form(before: str, after: str) -> None:
    assert formatted(before) == after


def triples(text: str) -> Counter[str]:
    return Counter(str(quad) for quad in parse(text.encode(), format=RdfFormat.TURTLE, rename_blank_nodes=False))


def untidy(text: str, random: random.Random) -> str:
    """The same statements with other white space and line ends, outside of strings and comments of several lines."""
    if '"""' in text:
        return text
    rows = []
    for row in text.split("\n"):
        rows += [row + " " * random.randrange(3)] + [""] * (0 if row.strip() else random.randrange(3))
    return random.choice(["\n", "\r\n"]).join(rows)


@pytest.mark.parametrize("folder", ["data", "ontology", "shapes", "tests/tiny/data"])
def test_formatting_is_idempotent_and_never_changes_what_is_said(folder: str) -> None:
    chance = random.Random(folder)
    paths: list[Path] = sorted((ROOT / folder).rglob("*.ttl"))
    assert paths
    for path in paths:
        text = path.read_text("utf-8")
        once = formatted(text)
        assert formatted(once) == once, path
        if "[" not in text and "(" not in text:
            assert triples(once) == triples(text), path
        else:
            assert len(triples(once)) == len(triples(text)), path
        assert formatted(untidy(text, chance)) == once, path


@pytest.mark.parametrize("folder", ["data", "tests/tiny/data"])
def test_the_data_are_in_the_one_form(folder: str) -> None:
    assert [
        path for path in (ROOT / folder).rglob("*.ttl") if formatted(path.read_text("utf-8")) != path.read_text("utf-8")
    ] == []
