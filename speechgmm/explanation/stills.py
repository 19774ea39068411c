"""The steps of a figure as pictures, drawn by matplotlib, and as one moving picture."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from speechgmm.explanation.scene import Bars, Ellipse, Figure, Floats, Image, Line, Mark, Panel, Points, Step, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

COLOURS = ("#555e68", "#1f5fa8", "#b4530a", "#1b7a4b", "#8a3ca8", "#a3284a", "#5b6a00")
"""Of the text and the components: those of the page on light ground."""
PANEL_INCHES, WIDE_INCHES, HEIGHT_INCHES = 4.6, 9.2, 3.9
DOTS_PER_INCH = 110
GIF_MS = 600
AREA_PER_RADIUS = 0.9  # of a marker, in points: a radius of 1/400 of a panel's width


def states(figure: Figure) -> Iterator[tuple[str, Step]]:
    """Every step with a name for its file: figure, variant (if there are several) and number."""
    for number, variant in enumerate(figure.variants, start=1):
        part = f"-{number}" if len(figure.variants) > 1 else ""
        for position, step in enumerate(variant.steps):
            yield f"{figure.name}{part}-{position:03}", step


def still(figure: Figure, step: Step, kind: str = "png") -> bytes:
    """One step as a picture.

    Parameters
    ----------
    figure : Figure
    step : Step
        Of the figure.
    kind : str
        "png" or "svg".

    Returns
    -------
    bytes
        The content of a file. The same step gives the same bytes with the same version of matplotlib.
    """
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": figure.name, "font.size": 9.0}):
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        _canvas(figure, step).savefig(stream, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return stream.getvalue()


def moving(pictures: Sequence[bytes]) -> bytes:
    """Pictures of the PNG format as one GIF that repeats."""
    from PIL import Image as Pillow

    frames = [Pillow.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    width, height = (max(frame.size[axis] for frame in frames) for axis in (0, 1))
    sheets = []
    for frame in frames:
        sheet = Pillow.new("RGB", (width, height), "white")
        sheet.paste(frame)
        sheets.append(sheet.quantize(64))
    stream = io.BytesIO()
    sheets[0].save(stream, format="GIF", save_all=True, append_images=sheets[1:], duration=GIF_MS, loop=0)
    return stream.getvalue()


def _canvas(figure: Figure, step: Step) -> Canvas:
    from matplotlib.figure import Figure as Canvas

    columns = min(len(figure.panels), 2)
    rows = -(-len(figure.panels) // columns)
    width = WIDE_INCHES if columns == 2 or figure.panels[0].wide else PANEL_INCHES
    height = rows * HEIGHT_INCHES
    # A layout that is computed takes several times as long as the drawing.
    sides = {"left": 0.7 / width, "right": 1.0 - 0.15 / width, "bottom": 0.55 / height, "top": 1.0 - 0.65 / height}
    canvas = Canvas(figsize=(width, height))
    axes = canvas.subplots(rows, columns, squeeze=False, gridspec_kw={**sides, "wspace": 0.2, "hspace": 0.4}).ravel()
    for unused in axes[len(figure.panels) :]:
        unused.set_axis_off()
    several = max(len(variant.steps) for variant in figure.variants) > 1
    canvas.suptitle(f"{figure.title}: {step.label}" if several else figure.title)
    for own, panel, marks in zip(axes, figure.panels, step.marks, strict=False):
        _draw_panel(own, panel, marks)
    return canvas


def _draw_panel(axes: Axes, panel: Panel, marks: Sequence[Mark]) -> None:
    axes.set_title(panel.title, fontsize=9)
    axes.set_xlim(panel.x.low, panel.x.high)
    axes.set_ylim(panel.y.low, panel.y.high)
    axes.set_xlabel(panel.x.label)
    axes.set_ylabel(panel.y.label)
    if not (panel.x.label or panel.y.label):
        axes.set_axis_off()
    for mark in (*panel.marks, *marks):
        _draw(axes, mark)
    if any(getattr(mark, "label", "") for mark in (*panel.marks, *marks)):
        axes.legend(fontsize=8)


def _draw(axes: Axes, mark: Mark) -> None:
    if isinstance(mark, Points):
        colours = COLOURS[mark.colour] if mark.shares is None else blended(mark.shares)
        area = np.square(AREA_PER_RADIUS * np.asarray(mark.size))
        if mark.shape == "cross":
            axes.scatter(mark.x, mark.y, s=3.0 * area, c="white", marker="x", linewidths=5.0, zorder=3)
            axes.scatter(mark.x, mark.y, s=3.0 * area, c=colours, marker="x", linewidths=2.5, zorder=3)
        else:
            label = mark.label or None
            axes.scatter(mark.x, mark.y, s=3.0 * area, c=colours, alpha=0.85, linewidths=0, zorder=2, label=label)
    elif isinstance(mark, Ellipse):
        x, y = mark.outline()
        _draw(axes, Line(x=x, y=y, colour=mark.colour, dashed=mark.dashed, width=mark.width))
    elif isinstance(mark, Line):
        style = "--" if mark.dashed else "-"
        width = 0.8 * mark.width
        label = mark.label or None
        axes.plot(mark.x, mark.y, style, color=COLOURS[mark.colour], linewidth=width, label=label, zorder=2.5)
    elif isinstance(mark, Bars):
        heights, widths = mark.top - mark.bottom, mark.right - mark.left
        alpha = 0.85 if mark.colour else 0.4
        axes.bar(
            mark.left,
            heights,
            widths,
            mark.bottom,
            align="edge",
            color=COLOURS[mark.colour],
            alpha=alpha,
            label=mark.label or None,
        )
    elif isinstance(mark, Image):
        smooth = "nearest" if mark.exact else "antialiased"
        axes.imshow(mark.pixels, extent=mark.extent, aspect="auto", interpolation=smooth, zorder=1)
    else:
        _write(axes, mark)


def _write(axes: Axes, mark: Text) -> None:
    axes.text(mark.x, mark.y, mark.text, ha="center", va="center", fontsize=8)


def blended(shares: Floats) -> Floats:
    """Colours (T, 3), 0 to 1, mixed from those of the components; grey where all shares are 0."""
    rgb = np.array([[int(each[at : at + 2], 16) / 255.0 for at in (1, 3, 5)] for each in COLOURS])
    chosen = rgb[1 + np.arange(shares.shape[1]) % (len(COLOURS) - 1)]
    total = shares.sum(axis=1, keepdims=True)
    mixed: Floats = np.where(total > 0, shares @ chosen / np.where(total > 0, total, 1.0), rgb[0])
    return mixed
