"""Pages as HTML: every text is escaped, everything is inside the file, and a screen reader finds its way.

Elements are built by `element`, whose children are either `Html`, which is taken as it is, or text, which is escaped;
there is no other way for a text onto a page. A page forbids every script but the one it is made with: see `page`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Sequence
from importlib import resources

VOID = ("br", "col", "input", "meta")
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def legible(text: str) -> str:
    """A text that may be shown: bytes that are no text and controls, also of direction, become a replacement sign."""
    return _UNPRINTABLE.sub("\ufffd", text)


def escaped(text: str) -> Html:
    """A text as HTML, legible; HTML as it is."""
    return text if isinstance(text, Html) else Html(html.escape(legible(text)))


def element(tag: str, *children: str, **attributes: str | int | bool | None) -> Html:
    """An element.

    Parameters
    ----------
    tag : str
    *children : str
        Escaped unless they are `Html`.
    **attributes : str, int, bool or None
        Escaped. Underscores in names become dashes, a last one falls off (``class_``). True has no value; False and
        None are left out.

    Returns
    -------
    Html
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    told = [
        f" {key}" if value is True else f' {key}="{escaped(str(value))}"'
        for key, value in given.items()
        if value is not None and value is not False
    ]
    start = f"<{tag}{''.join(told)}>"
    return Html(start if tag in VOID else f"{start}{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Html:
    """Children one after the other."""
    return Html("".join(map(escaped, children)))


def name(text: str) -> Html:
    """A name from a corpus: set apart, so that one written from right to left leaves its surroundings alone."""
    return element("bdi", text)


def paragraph(*children: str, class_: str | None = None) -> Html:
    """A paragraph."""
    return element("p", *children, class_=class_)


def listing(items: Iterable[str]) -> Html:
    """A list without order."""
    return element("ul", *(element("li", item) for item in items))


def section(identity: str, title: str, *children: str) -> Html:
    """A section of a page with its heading.

    Parameters
    ----------
    identity : str
        Unique on the page; what an address ends with to go there.
    title : str
    *children : str
    """
    heading = element("h2", title, id=identity)
    return element("section", heading, *children, aria_labelledby=identity)


def folded(summary: str, *children: str) -> Html:
    """What is shown only to who asks for it; on paper it is shown."""
    return element("details", element("summary", summary), *children)


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, n_texts: int = 1) -> Html:
    """A table in a frame of its own, which scrolls where the page is too narrow for it.

    Parameters
    ----------
    caption : str
    header : sequence of str
        Titles of the columns.
    rows : iterable of sequences of str
        Cells; the first of a row is its title.
    n_texts : int
        Columns of text at the left; the others are numbers.

    Returns
    -------
    Html
    """

    def cells(row: Sequence[str]) -> Html:
        first = element("th", row[0], scope="row")
        return element(
            "tr",
            first,
            *(element("td", cell, class_=None if i < n_texts else "number") for i, cell in enumerate(row[1:], 1)),
        )

    titles = [
        element("th", title, scope="col", class_=None if i < n_texts else "number") for i, title in enumerate(header)
    ]
    inside = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *titles)),
        element("tbody", *map(cells, rows)),
    )
    return element("div", inside, class_="scroll", role="group", tabindex=0, aria_label=_plain(caption))


def figure(picture: Html, *caption: str) -> Html:
    """A picture with its caption."""
    return element("figure", picture, element("figcaption", *caption))


def page(
    title: str,
    lead: Html,
    sections: Sequence[Html],
    *,
    footer: Html,
    language: str = "en",
    styles: str = "",
    script: str = "",
    media: str = "data:",
) -> str:
    """A whole page: a heading, what stands below it, a list of the sections, and the sections.

    Parameters
    ----------
    title : str
    lead : Html
        What a reader must know who reads nothing else.
    sections : sequence of Html
        From `section`.
    footer : Html
    language : str
        Of the page, as HTML has it.
    styles : str
        What this page adds to the style sheet.
    script : str
        The one script that may run; it runs when the page is there.
    media : str
        Where sounds may come from, as the content security policy has it.

    Returns
    -------
    str
        A file's content, ending with a newline. It loads nothing but sounds from `media`.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script, media)),
        element("title", title),
        element("style", Html(style() + styles)),
    )
    body = element(
        "body",
        element("a", "Skip to the content", class_="skip", href="#content"),
        element("header", element("h1", title), lead),
        element("nav", _contents(sections), aria_label="Sections"),
        element("main", *sections, id="content", tabindex=-1),
        element("footer", footer),
        element("script", Html(script)) if script else "",
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang=language)}\n"


def style() -> str:
    """The style sheet, which also holds the colours of the pictures."""
    return resources.files("speechgmm.reporting").joinpath("page.css").read_text(encoding="utf-8")


def _policy(script: str, media: str) -> str:
    """A script is known by the digest of its text (Content Security Policy, level 2)."""
    allowed = f"; script-src 'sha256-{_digest(script)}'" if script else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; media-src {media}; img-src data:{allowed}"


def _digest(script: str) -> str:
    """SHA-256 of a script's text, in base 64."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _contents(sections: Iterable[Html]) -> Html:
    found = (re.search(r'<h2 id="([^"]*)">(.*?)</h2>', one) for one in sections)
    links = (element("a", Html(one[2]), href=Html(f"#{one[1]}")) for one in found if one)
    return listing(links)


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", text)) if isinstance(text, Html) else text
