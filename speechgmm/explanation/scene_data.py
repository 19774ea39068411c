"""Figures as plain data, for the script of the page: lists, numbers rounded to what can be seen, images as PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import fields
from typing import Any

import numpy as np

from speechgmm.explanation.scene import Axis, Figure, Image, Mark, Panel, Pixels, Points, Step

DIGITS = 4
"""Significant digits of coordinates. The numbers of a step are not rounded."""
SHARE_STEPS = 100  # shares of colours are whole numbers of these


def figure_data(figure: Figure) -> dict[str, Any]:
    """What the script needs of a figure: panels and variants; the caption is in the page.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    dict
        For `json.dumps`.
    """
    return {
        "panels": [_panel(panel) for panel in figure.panels],
        "variants": [{"name": each.name, "steps": [_step(step) for step in each.steps]} for each in figure.variants],
        "start": figure.start,
    }


def png(pixels: Pixels) -> bytes:
    """An image (H, W, 4) of eight bits a channel as PNG (ISO/IEC 15948), rows unfiltered."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "x": _axis(panel.x),
        "y": _axis(panel.y),
        "wide": panel.wide,
        "marks": [_mark(mark) for mark in panel.marks],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"label": axis.label, "low": axis.low, "high": axis.high}


def _step(step: Step) -> dict[str, Any]:
    return {
        "label": step.label,
        "marks": [[_mark(mark) for mark in marks] for marks in step.marks],
        "numbers": {name: _finite(value) for name, value in step.numbers.items()},
    }


def _mark(mark: Mark) -> dict[str, Any]:
    kind = type(mark).__name__.lower()
    if isinstance(mark, Image):
        address = "data:image/png;base64," + base64.b64encode(png(mark.pixels)).decode("ascii")
        return {"kind": kind, "address": address, "extent": list(mark.extent), "exact": mark.exact}
    values = {each.name: getattr(mark, each.name) for each in fields(mark)}
    if isinstance(mark, Points) and mark.shares is not None:
        values["shares"] = {
            "components": mark.shares.shape[1],
            "bytes": base64.b64encode(np.round(SHARE_STEPS * mark.shares).astype(np.uint8).tobytes()).decode("ascii"),
        }
    return {"kind": kind, **{name: _plain(value) for name, value in values.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, float) or not np.isfinite(value):
        return value if not isinstance(value, float) else None
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded  # two characters less


def _finite(value: float) -> float | None:
    """A number, or None, as JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
