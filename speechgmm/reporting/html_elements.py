"""HTML pages: escaped text, accessible elements, one self-contained file.

All elements are built by `element`. Children of type `Html` are inserted unchanged; all other text is escaped. The
content security policy of a page allows only the script passed to `report_page`.
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
    """Markup, inserted into a page without escaping."""

    __slots__ = ()


def legible(text: str) -> str:
    """Replace undecodable bytes, control characters and text-direction controls by U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def escaped(text: str) -> Html:
    """Escape a text, after `legible`; `Html` is returned unchanged."""
    return text if isinstance(text, Html) else Html(html.escape(legible(text)))


def element(tag: str, *children: str, **attributes: str | int | bool | None) -> Html:
    """Build an element.

    Parameters
    ----------
    tag : str
    *children : str
        Escaped unless they are `Html`.
    **attributes : str, int, bool or None
        Escaped. Underscores in names become dashes, and a trailing one is removed (``class_``). True gives an attribute
        without a value; False and None are left out.

    Returns
    -------
    Html
    """
    by_name = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    written = [
        f" {key}" if value is True else f' {key}="{escaped(str(value))}"'
        for key, value in by_name.items()
        if value is not None and value is not False
    ]
    start = f"<{tag}{''.join(written)}>"
    return Html(start if tag in VOID else f"{start}{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Html:
    """Concatenate children."""
    return Html("".join(map(escaped, children)))


def name(text: str) -> Html:
    """A name from a corpus, isolated so that right-to-left text does not affect its surroundings."""
    return element("bdi", text)


def paragraph(*children: str, class_: str | None = None) -> Html:
    """A paragraph."""
    return element("p", *children, class_=class_)


def listing(items: Iterable[str]) -> Html:
    """An unordered list."""
    return element("ul", *(element("li", item) for item in items))


def section(identity: str, title: str, *children: str) -> Html:
    """A section of a page with its heading.

    Parameters
    ----------
    identity : str
        Fragment identifier, unique on the page.
    title : str
    *children : str
    """
    heading = element("h2", title, id=identity)
    return element("section", heading, *children, aria_labelledby=identity)


def folded(summary: str, *children: str) -> Html:
    """Content that is folded until opened; print shows it."""
    return element("details", element("summary", summary), *children)


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, n_texts: int = 1) -> Html:
    """A table that scrolls horizontally where the page is too narrow.

    Parameters
    ----------
    caption : str
    header : sequence of str
        Column titles.
    rows : iterable of sequences of str
        Cells; the first cell is the row header.
    n_texts : int
        Leading columns with text; the others hold numbers.

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
    content = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *titles)),
        element("tbody", *map(cells, rows)),
    )
    return element("div", content, class_="scroll", role="group", tabindex=0, aria_label=_plain(caption))


def figure(picture: Html, *caption: str) -> Html:
    """A figure with its caption."""
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
    """A page: heading, lead, list of sections, sections, footer.

    Parameters
    ----------
    title : str
    lead : Html
        The main result, below the heading.
    sections : sequence of Html
        From `section`.
    footer : Html
    language : str
        Value of the ``lang`` attribute.
    styles : str
        CSS added to the style sheet.
    script : str
        The only script allowed to run; it is placed at the end of the body.
    media : str
        Allowed audio sources, as in the content security policy.

    Returns
    -------
    str
        Content of an HTML file, ending with a newline. The page loads only audio from `media`.
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
    """The style sheet. It also defines the colours of the figures."""
    return resources.files("speechgmm.reporting").joinpath("page.css").read_text(encoding="utf-8")


def _policy(script: str, media: str) -> str:
    """The content security policy; the script is allowed by its hash (CSP level 2)."""
    allowed = f"; script-src 'sha256-{_digest(script)}'" if script else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; media-src {media}; img-src data:{allowed}"


def _digest(script: str) -> str:
    """SHA-256 of a script, in base64."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _contents(sections: Iterable[Html]) -> Html:
    headings = (re.search(r'<h2 id="([^"]*)">(.*?)</h2>', text) for text in sections)
    links = (element("a", Html(heading[2]), href=Html(f"#{heading[1]}")) for heading in headings if heading)
    return listing(links)


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", text)) if isinstance(text, Html) else text
