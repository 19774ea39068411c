"""Pictures as part of a page: matplotlib's SVG less what a page has no use for, in the page's own colours and font."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from speechgmm.reporting.html import Html, element

_SPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_KEPT = ("d", "x", "y", "width", "height", "transform")
_FAMILY = re.compile(r"font-family:[^;]*(;|$)")
_FONT = re.compile(r"font:[^;]*?([\d.]+px)[^;]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SCALE = 1.3  # on a page against on paper
_POINTS_A_REM = 12.0
_WIDE = 400.0  # points; wider ones stand alone in their row
_URL = re.compile(r"url\(#([^)]*)\)")


def inline_svg(drawing: bytes, *, name: str, told: str, colours: Mapping[str, str]) -> Html:
    """Turn an SVG file into an element of a page.

    Parameters
    ----------
    drawing : bytes
        As matplotlib writes it, with text as text (``svg.fonttype: none``).
    name : str
        Unique on the page: identifiers begin with it, so that those of several pictures do not meet.
    told : str
        What the picture shows, for who does not see it.
    colours : mapping of str to str
        From colours in the drawing (``#rrggbb``, lower case) to variables of the style sheet (``--name``).

    Returns
    -------
    Html
    """
    root = ElementTree.fromstring(drawing)
    parts = [_part(node, name, colours) for node in root if node.tag != f"{_SPACE}metadata"]
    box = root.attrib["viewBox"]
    width = float(box.split()[2])
    size = f"max-width: {width * _SCALE / _POINTS_A_REM:.1f}rem"
    shape = "wide" if width > _WIDE else None
    return element("svg", *parts, viewBox=box, style=size, class_=shape, role="img", aria_label=told)


def _part(node: Element, name: str, colours: Mapping[str, str]) -> Html:
    tag = node.tag.removeprefix(_SPACE)
    if tag == "style":  # it would hold for the whole page
        return Html("")
    attributes = {key: value for key, value in node.attrib.items() if key in _KEPT}
    if tag in ("path", "clipPath") and "id" in node.attrib:  # those of groups are referred to by none
        attributes["id"] = f"{name}-{node.attrib['id']}"
    if _LINK in node.attrib:
        attributes["href"] = f"#{name}-{node.attrib[_LINK].removeprefix('#')}"
    if "clip-path" in node.attrib:
        attributes["clip-path"] = _URL.sub(rf"url(#{name}-\1)", node.attrib["clip-path"])
    if "style" in node.attrib:
        attributes["style"] = _style(node.attrib["style"], colours)
    parts = [_part(child, name, colours) for child in node]
    return element(tag, (node.text or "") if tag in ("text", "tspan") else "", *parts, **attributes)


def _style(style: str, colours: Mapping[str, str]) -> str:
    """The font is the page's, its size stays; colours become variables."""
    style = _FONT.sub(r"font-size: \1", _FAMILY.sub("", style)).strip("; ")
    return _COLOUR.sub(lambda found: f"var({colours[found[0]]})" if found[0] in colours else found[0], style)
