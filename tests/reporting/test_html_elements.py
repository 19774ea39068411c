"""HTML pages: text from a corpus is escaped, elements are accessible."""

from __future__ import annotations

import re

import pytest

from speechgmm.reporting.html_elements import (
    Html,
    element,
    escaped,
    folded,
    joined,
    legible,
    name,
    page,
    paragraph,
    section,
    table,
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('"it\'s" & so', "&quot;it&#x27;s&quot; &amp; so"),
        ("tr\udcf1s", "tr\ufffds"),
        ("a\x00b\x1b[31mc\x85d", "a\ufffdb\ufffd[31mc\ufffdd"),
        ("\u202egnp.exe\u2069", "\ufffdgnp.exe\ufffd"),
        ("أنثى and 女性\tñ", "أنثى and 女性\tñ"),
    ],
)
def test_text_is_escaped_and_legible(text: str, html: str) -> None:
    """Markup, undecodable bytes, control characters, and text-direction controls."""
    assert escaped(text) == html
    assert element("p", text) == f"<p>{html}</p>"
    assert element("p", title=text) == f'<p title="{html}"></p>'
    html.encode("utf-8")


def test_html_is_not_escaped_again() -> None:
    """`Html` is inserted unchanged."""
    inner = element("b", "<")
    assert element("p", "a ", inner) == "<p>a <b>&lt;</b></p>"
    assert escaped(inner) is inner
    assert joined(["<", inner]) == "&lt;<b>&lt;</b>"
    assert isinstance(joined([]), Html)
    assert legible("<") == "<"


def test_attributes() -> None:
    """Underscores become dashes, True has no value, False and None are left out, numbers become text."""
    audio = element("audio", controls=True, loop=False, id=None, class_="x", aria_label="<", tabindex=0)
    assert audio == '<audio controls class="x" aria-label="&lt;" tabindex="0"></audio>'
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_names_are_isolated() -> None:
    """A right-to-left name does not affect its surroundings."""
    assert name("<أ>") == "<bdi>&lt;أ&gt;</bdi>"
    assert paragraph("a", class_="b") == '<p class="b">a</p>'


def test_tables_are_accessible_and_scroll() -> None:
    """A caption, scopes of rows and columns, and a focusable frame labelled with the caption."""
    made = table(joined(["By ", name("a<b")]), ["x", "n"], [[name("<"), "1"]])
    assert made.startswith(
        '<div class="scroll" role="group" tabindex="0" aria-label="By a&lt;b"><table><caption>By <bdi>'
    )
    assert '<tr><th scope="col">x</th><th scope="col" class="number">n</th></tr>' in made
    assert '<tr><th scope="row"><bdi>&lt;</bdi></th><td class="number">1</td></tr>' in made


def test_a_page_lists_its_sections_and_loads_nothing() -> None:
    """Headings, landmarks, language, and a policy against scripts and external resources."""
    sections = [section("one", "First <", paragraph("a")), section("two", "Second", folded("more", "b"))]
    made = page("Title &", paragraph("lead"), sections, footer=Html("end"))
    assert made.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')
    assert "<title>Title &amp;</title>" in made
    assert "<h1>Title &amp;</h1><p>lead</p>" in made
    assert '<li><a href="#one">First &lt;</a></li><li><a href="#two">Second</a></li>' in made
    assert '<section aria-labelledby="two"><h2 id="two">Second</h2><details><summary>more</summary>b</details>' in made
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', made)
    assert policy is not None
    assert policy[1].startswith("default-src &#x27;none&#x27;; ")
    assert "script" not in made.replace("Content-Security-Policy", "")
    assert not re.search(r"https?:|url\(|@import", made)
    assert 'lang="ar"' in page("t", Html(""), [], footer=Html(""), language="ar")
