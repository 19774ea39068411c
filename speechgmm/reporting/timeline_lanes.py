"""Lanes of a timeline, as SVG that scales to any width.

Bars are placed in percent of the recording's duration, so zooming stretches them but not text and patterns. Each label
has its own lane, colour and pattern; colour alone never distinguishes two labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from speechgmm.reporting.html_elements import Html, element, joined
from speechgmm.segmentation.segment import Segment, clock

N_COLOURS = 6
_PATTERNS = ("", "M-1 1L1-1M0 6L6 0M5 7L7 5", "M0 3H6", "M-1 5L1 7M0 0L6 6M5-1L7 1")  # SVG paths; first: plain
_TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MAX_TICKS = 5  # as many as fit on a phone


def lane(title: Html, picture: Html, kind: str = "") -> Html:
    """A lane: a title that stays visible while scrolling, above a picture of the whole duration."""
    return element("div", element("p", title, class_="name"), picture, class_=f"lane {kind}".strip())


def waveform(extremes: npt.NDArray[np.float32], bin_s: float, duration_s: float) -> Html:
    """Waveform, scaled to its largest absolute sample.

    Parameters
    ----------
    extremes : np.ndarray, shape (bins, 2)
        Minimum and maximum sample of each bin.
    bin_s : float
        Bin width in seconds.
    duration_s : float
        Duration of the lane in seconds.

    Returns
    -------
    Html
        An ``svg`` element.
    """
    scaled = extremes / max(float(np.abs(extremes).max(initial=0.0)), 1e-9)
    above = [f"V{-high:.3f}H{number}" for number, high in enumerate(scaled[:, 1].tolist(), 1)]
    below = [f"V{-low:.3f}H{number}" for number, low in reversed(list(enumerate(scaled[:, 0].tolist())))]
    outline = _line(f"M0 0{''.join([*above, *below])}Z")
    return _stretched(outline, f"0 -1.02 {duration_s / bin_s:.6g} 2.04", "Waveform")


def bars(segments: Sequence[Segment], *, number: int, duration_s: float, description: str) -> Html:
    """One bar per segment of one label.

    Parameters
    ----------
    segments : sequence of Segment
    number : int
        Number of the lane, from 0; it selects colour and pattern.
    duration_s : float
        Duration of the lane in seconds.
    description : str
        Text alternative for screen readers.

    Returns
    -------
    Html
        An ``svg`` element.
    """
    lines = _PATTERNS[(number + number // N_COLOURS) % len(_PATTERNS)]
    pattern = element(
        "pattern",
        element("rect", width=6, height=6),
        element("path", d=lines) if lines else "",
        id=f"pattern-{number}",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )
    drawn = element("g", *(_bar(segment, duration_s) for segment in segments), fill=f"url(#pattern-{number})")
    colour = f"colour-{number % N_COLOURS + 1}"
    return element("svg", element("defs", pattern), drawn, class_=colour, role="img", aria_label=description)


def probabilities(segments: Sequence[Segment], duration_s: float) -> Html:
    """Probability of the label of each segment as a step line, from 0 at the bottom to 1 at the top."""
    lines = [
        f"M{segment.start:.3f} {1 - segment.probability:.3f}H{segment.end:.3f}"
        for segment in segments
        if not math.isnan(segment.probability)
    ]
    drawn = joined([_line(f"M0 .5H{duration_s:.3f}"), _line("".join(lines), class_="line")])
    return _stretched(drawn, f"0 -.04 {duration_s:.6g} 1.08", "Probability of the label of each segment")


def axis(duration_s: float) -> Html:
    """Time axis below the lanes."""
    step = next((candidate for candidate in _TICK_STEPS_S if duration_s / candidate <= _MAX_TICKS), None)
    if step is None:
        step = 3600 * math.ceil(duration_s / 3600 / _MAX_TICKS)
    ticks = [tick for time in range(0, math.ceil(duration_s), step) for tick in _tick(time, duration_s)]
    return element("svg", *ticks, id="axis", aria_hidden="true")


def _bar(segment: Segment, duration_s: float) -> Html:
    probability = "" if math.isnan(segment.probability) else f", probability {segment.probability:.3f}"
    title = element("title", f"{clock(segment.start)} to {clock(segment.end)}, {segment.label}{probability}")
    return element(
        "rect",
        title,
        x=_percent(segment.start, duration_s),
        width=_percent(segment.duration_s, duration_s),
        height="100%",
    )


def _tick(time: int, duration_s: float) -> list[Html]:
    """A tick mark with its time; no time where it would extend beyond the end."""
    x = _percent(time, duration_s)
    mark = element("line", x1=x, x2=x, y2=6)
    return [mark, element("text", clock(time, 0), x=x, y=20, dx=3)] if time <= 0.85 * duration_s else [mark]


def _line(path: str, class_: str | None = None) -> Html:
    """A path whose line width does not change when the lane is stretched."""
    return element("path", d=path, class_=class_, vector_effect="non-scaling-stroke")


def _stretched(drawing: Html, box: str, description: str) -> Html:
    return element("svg", drawing, viewBox=box, preserveAspectRatio="none", role="img", aria_label=description)


def _percent(seconds: float, duration_s: float) -> str:
    return f"{100 * seconds / duration_s:.7g}%"
