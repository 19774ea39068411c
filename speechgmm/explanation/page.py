"""The page: chapters with figures and captions in one HTML file. `explain.js` draws the figures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import resources

from speechgmm.explanation.scene import Chapter, Figure
from speechgmm.explanation.scene_data import figure_data
from speechgmm.reporting.html_elements import Html, element, escaped, joined, page, paragraph, section

_INDEX = re.compile(r"_([A-Za-z0-9]+(?:,[0-9]+)?|\([^)]*\))")
_POWER = re.compile(r"\^([A-Za-z0-9]+(?:_[A-Za-z0-9]+)?|\([^)]*\))")
_SYMBOL = re.compile(r"\b([A-Za-z]|log)_([a-z]{1,2}|\d)\b")
_NO_SCRIPT = "The figures of this page are drawn by its script, and scripts are switched off here."


def explain_page(chapters: Sequence[tuple[int, Chapter]], *, lead: str, footer: str) -> str:
    """Make the page.

    Parameters
    ----------
    chapters : sequence of (int, Chapter)
        With their numbers, in order.
    lead : str
        What the page shows.
    footer : str
        How it was made.

    Returns
    -------
    str
        Content of an HTML file, self-contained.
    """
    return page(
        "Mixtures and EM, step by step",
        joined([paragraph(lead, class_="lead"), element("noscript", paragraph(_NO_SCRIPT, class_="warning")), _help()]),
        [_chapter(number, chapter) for number, chapter in chapters],
        footer=escaped(footer),
        styles=_resource("explain.css"),
        script=_resource("explain.js"),
    )


def formula(text: str) -> Html:
    """A formula as in a docstring, with its indices lowered and its powers raised."""
    marked = _INDEX.sub(r"<sub>\1</sub>", _POWER.sub(r"<sup>\1</sup>", escaped(text)))
    for name, sign in (("sum", "Σ"), ("prod", "Π"), ("&lt;=", "≤")):
        marked = re.sub(rf"(?<![A-Za-z]){name}(?![A-Za-z])", sign, marked)
    return Html(marked.replace(" - ", " − ").replace(";   ", ";<br>").replace(",   ", ",<br>"))


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each in one line."""
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def _prose(text: str) -> list[Html]:
    """Paragraphs in which the index of a symbol, such as ``w_k``, is lowered."""
    return [paragraph(Html(_SYMBOL.sub(r"\1<sub>\2</sub>", escaped(each)))) for each in paragraphs(text)]


def _resource(file: str) -> str:
    return resources.files("speechgmm.explanation").joinpath(file).read_text(encoding="utf-8")


def _help() -> Html:
    keys = (("space", "play or pause"), ("left and right", "a step back or on"), ("Home and End", "first or last step"))
    parts = [joined([element("kbd", key), f" {meaning}"]) for key, meaning in keys]
    return paragraph("Keys in a figure: ", Html("; ".join(parts)), ".", class_="faint keys")


def _chapter(number: int, chapter: Chapter) -> Html:
    title = f"{number}. {chapter.title}"
    return section(chapter.name, title, *_prose(chapter.text), *map(_figure, chapter.figures))


def _figure(figure: Figure) -> Html:
    heading = f"{figure.name}-title"
    return element(
        "figure",
        element("h3", figure.title, id=heading),
        _controls(figure),
        element("div", class_="panels"),
        element("dl", class_="numbers"),
        element(
            "figcaption",
            *_prose(figure.caption),
            paragraph("Data: ", figure.source) if figure.source else "",
            paragraph(formula(figure.formula), class_="formula"),
            _symbols(figure),
            element("details", element("summary", "Python that made it"), element("pre", element("code", figure.code))),
        ),
        element("script", Html(_json(figure)), type="application/json"),
        id=figure.name,
        class_="live",
        tabindex=0,
        aria_labelledby=heading,
    )


def _controls(figure: Figure) -> Html:
    """Choice of the variant, stepper and slider; each only where there is a choice."""
    parts: list[Html] = []
    if len(figure.variants) > 1:
        options = [element("option", each.name, value=str(i)) for i, each in enumerate(figure.variants)]
        select = element("select", *options, class_="variant", aria_label="Start", autocomplete="off")
        parts.append(select)
    buttons = (("back", "◀", "Step back"), ("play", "▶ play", "Play"), ("on", "▶", "Step on"))
    if max(len(each.steps) for each in figure.variants) > 1:
        parts += [
            element("button", sign, type="button", class_=name, aria_label=title) for name, sign, title in buttons
        ]
        parts.append(
            element("input", type="range", class_="scrub", min=0, max=0, value=0, aria_label="Step", autocomplete="off")
        )
    return joined([element("div", *parts, class_="controls"), element("p", class_="step", aria_live="polite")])


def _symbols(figure: Figure) -> Html:
    rows = [
        element("tr", element("th", formula(symbol), scope="row"), element("td", element("code", name)))
        for symbol, name in figure.symbols.items()
    ]
    return element("table", element("tbody", *rows), class_="symbols")


def _json(figure: Figure) -> str:
    """The data of a figure inside a script element, which ``</`` would end."""
    return json.dumps(figure_data(figure), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
