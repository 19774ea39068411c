"""Inline SVG: matplotlib's SVG without metadata and style sheet, in the colours and font of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from speechgmm.reporting.html_elements import Html, element

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_KEPT = ("d", "x", "y", "width", "height", "transform")
_FAMILY = re.compile(r"font-family:[^;]*(;|$)")
_FONT = re.compile(r"font:[^;]*?([\d.]+px)[^;]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SCALE = 1.3  # size on a page relative to the size in a file
_POINTS_PER_REM = 12.0
_WIDE = 400.0  # points; a wider figure gets a row of its own
_URL = re.compile(r"url\(#([^)]*)\)")


def inline_svg(drawing: bytes, *, name: str, description: str, colours: Mapping[str, str]) -> Html:
    """Convert an SVG file to an ``svg`` element of a page.

    Parameters
    ----------
    drawing : bytes
        SVG from matplotlib, with text as text elements (``svg.fonttype: none``).
    name : str
        Unique on the page: prefix of all identifiers, which keeps those of several figures apart.
    description : str
        Text alternative for screen readers.
    colours : mapping of str to str
        Style-sheet variable (``--name``) of each colour in the drawing (``#rrggbb``, lower case).

    Returns
    -------
    Html
    """
    root = ElementTree.fromstring(drawing)
    parts = [_part(node, name, colours) for node in root if node.tag != f"{_NAMESPACE}metadata"]
    box = root.attrib["viewBox"]
    width = float(box.split()[2])
    size = f"max-width: {width * _SCALE / _POINTS_PER_REM:.1f}rem"
    shape = "wide" if width > _WIDE else None
    return element("svg", *parts, viewBox=box, style=size, class_=shape, role="img", aria_label=description)


def _part(node: Element, name: str, colours: Mapping[str, str]) -> Html:
    tag = node.tag.removeprefix(_NAMESPACE)
    if tag == "style":  # it would apply to the whole page
        return Html("")
    attributes = {key: value for key, value in node.attrib.items() if key in _KEPT}
    if tag in ("path", "clipPath") and "id" in node.attrib:  # identifiers of groups are never referenced
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
    """Remove the font family, keep the font size, replace colours by variables."""
    style = _FONT.sub(r"font-size: \1", _FAMILY.sub("", style)).strip("; ")
    return _COLOUR.sub(lambda match: f"var({colours[match[0]]})" if match[0] in colours else match[0], style)
