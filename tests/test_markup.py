"""The judge of the pages finds each fault it is there for, and none in a page without."""

from __future__ import annotations

import pytest
from markup import faults, parse

GOOD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A</title></head>
<body><main id="content"><h1>One</h1>{}</main></body></html>"""

#: Markup of a body, and what has to be said of it.
BAD = [
    ("<h3>Three</h3>", "h3 'Three' follows h1"),
    ("<h1>Again</h1>", "a page has one h1, not 2"),
    ("<h2></h2>", "<h2> is empty"),
    ("<p id=a></p><p id=a></p>", "2 elements have the id 'a'"),
    ("<p id=''></p>", "'' is no id"),
    ("<label for=none>Name</label>", "<label>: for names 'none', which is not here"),
    ("<p id=a></p><label for=a>Name</label>", '<label> labels <p id="a">, which is no control'),
    ("<p aria-labelledby='content b'></p>", "<p>: aria-labelledby names 'b', which is not here"),
    ("<p aria-describedby=b></p>", "<p>: aria-describedby names 'b', which is not here"),
    ("<button type=button aria-controls=b>B</button>", "<button>: aria-controls names 'b', which is not here"),
    ("<a href=/x><button type=button>B</button></a>", '<button> stands in <a href="/x">, and both can be used'),
    ("<a href=/x><span tabindex=0>B</span></a>", '<span> stands in <a href="/x">, and both can be used'),
    ("<svg aria-hidden=true><a href=/x><a href=/y>b</a></a></svg>", "both can be used"),
    ("<summary><a href=/x>b</a></summary>", '<a href="/x"> stands in <summary>, and both can be used'),
    ("<center>B</center>", "<center> is obsolete"),
    ("<p align=left>B</p>", "<p>: the attribute align is obsolete"),
    ("<a name=b>B</a>", '<a name="b">: the attribute name is obsolete'),
    ("<input name=a>", '<input name="a"> has no label'),
    ("<select><option>a</select>", "<select> has no label"),
    ("<textarea></textarea>", "<textarea> has no label"),
    ("<button type=button></button>", "<button> has no label"),
    ("<a href=/x></a>", '<a href="/x"> has no text'),
    ("<table><caption>T</caption><tr><td>a</table>", "<table> has no header cell"),
    ("<table><tr><th scope=col>a</table>", "<table> has no caption and no label"),
    ("<table><caption>T</caption><tr><th>a</table>", "the header 'a' does not say whether it heads a row or a column"),
    ("<img src=/x.png>", "<img> has no alternative text"),
    ("<svg></svg>", "<svg> is a drawing without a title"),
    ("<p lang=en-a>x</p>", "<p>: 'en-a' is no well-formed language tag"),
    ("<p lang=en_GB>x</p>", "<p>: 'en_GB' is no well-formed language tag"),
    ("<p dir=left>x</p>", "<p>: 'left' is no direction"),
    ("<p style='color:red'>x</p>", "<p> has style of its own"),
    ("<svg aria-hidden=true><style>p{}</style></svg>", "<style> has style of its own"),
    ("<script>1</script>", "<script> has a script of its own"),
    ("<p onclick='a()'>x</p>", "<p> has the attribute onclick"),
    ("<a href='JavaScript:a()'>x</a>", "leads to a script"),
    ("<script src=https://cdn.example/a.js></script>", "brings in https://cdn.example/a.js from another host"),
    ("<script src=//cdn.example/a.js></script>", "brings in //cdn.example/a.js from another host"),
    ("<img alt=a src=http://a.example/a.png>", "brings in http://a.example/a.png from another host"),
    ("<svg aria-hidden=true><image href='a'/><use/></svg><img alt='' src='//b/c'>", "brings in //b/c"),
    ("<ul><p>x</p></ul>", "<p> stands in <ul>"),
    ("<dl><p>x</p></dl>", "<p> stands in <dl>"),
    ("<div><li>x</li></div>", "<li> stands in <div>"),
    ("<span><div>x</div></span>", "<div> stands in <span>"),
    ("<span><a href=/x><p>x</p></a></span>", "<p> stands in <span>"),
    ("<main><p>x</p></main>", "a page has one main part, not 2"),
    ("<b><i>x</b></i>", "line 3: "),
    ("<p a=1 a=2>x</p>", "line 3: "),
    ("<p>a & b &nosuch; </p>", "line 3: "),
    ("</section>", "line 3: "),
]


@pytest.mark.parametrize(("body", "said"), BAD, ids=[body for body, _ in BAD])
def test_each_fault_is_found(body: str, said: str) -> None:
    found = list(faults(parse(GOOD.format(body))))
    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<h2>Two</h2><h3>Three</h3><h2>Two</h2>",
        "<label>Name <input name=a></label><label for=b>B</label><select id=b><option>x</select>",
        "<label for=c>C</label><input id=c><input type=submit value=Go><input type=hidden name=d>",
        "<a href='https://elsewhere.example/'><div>x</div></a><a href=/x><img alt=Picture src=/p.png></a>",
        "<table><caption>T</caption><tr><th scope=col>a<tr><td>b</table>",
        "<dl><div><dt>a<dd>b<ul><li>c</ul></div></dl><details><summary><h2>S</h2></summary><p>x</p></details>",
        "<svg role=img><title>Drawing</title><a href='/x'><text>x</text></a></svg>",
        "<p lang=zh-Hant-TW>x</p><p lang=sr-latn>x</p><p lang=de-1996>x</p><p lang=en-x-old>x</p>",
        "<script type=application/ld+json>{}</script><script src=/static/a.js defer></script>",
    ],
)
def test_nothing_is_found_in_good_markup(body: str) -> None:
    assert list(faults(parse(GOOD.format(body)))) == []


def test_the_language_and_direction_of_the_page_are_those_asked_for() -> None:
    assert list(faults(parse(GOOD.format("")), "ar")) == [
        "the page is in 'en', not 'ar'",
        "the direction of a page in ar is None",
    ]
    arabic = GOOD.format("").replace('lang="en"', 'lang="ar" dir="rtl"')
    assert list(faults(parse(arabic), "ar")) == []
    assert list(faults(parse(arabic.replace('"ar"', '"en"')))) == ["the direction of a page in en is 'rtl'"]
