"""The timeline of a recording: lanes one below the other over the same time, as SVG that is right at any width.

Bars are placed in percent of the recording's length, so that the lanes can be stretched while letters and patterns
stay as they are. A label has a lane, a colour and a pattern of its own: no two need be told apart by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from speechgmm.reporting.html import Html, element, joined
from speechgmm.segmentation.segment import Segment, clock

N_COLOURS = 6
_PATTERNS = ("", "M-1 1L1-1M0 6L6 0M5 7L7 5", "M0 3H6", "M-1 5L1 7M0 0L6 6M5-1L7 1")  # the first is a plain area
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 5  # there is room for so many on a telephone


def lane(title: Html, picture: Html, kind: str = "") -> Html:
    """A title that stays in view where the lanes are scrolled, and below it a picture over the whole time."""
    return element("div", element("p", title, class_="name"), picture, class_=f"lane {kind}".strip())


def waveform(extremes: npt.NDArray[np.float32], bin_s: float, duration_s: float) -> Html:
    """The outline of a sound, as high as its loudest sample.

    Parameters
    ----------
    extremes : np.ndarray, shape (bins, 2)
        Lowest and highest sample of each bin.
    bin_s : float
        Seconds in a bin.
    duration_s : float
        Seconds the lane is wide.

    Returns
    -------
    Html
        An ``svg`` element.
    """
    scaled = extremes / max(float(np.abs(extremes).max(initial=0.0)), 1e-9)
    above = [f"V{-high:.3f}H{number}" for number, high in enumerate(scaled[:, 1].tolist(), 1)]
    below = [f"V{-low:.3f}H{number}" for number, low in reversed(list(enumerate(scaled[:, 0].tolist())))]
    outline = _line(f"M0 0{''.join([*above, *below])}Z")
    return _stretched(outline, f"0 -1.02 {duration_s / bin_s:.6g} 2.04", "The sound's outline")


def bars(segments: Sequence[Segment], *, number: int, duration_s: float, told: str) -> Html:
    """A bar for each segment of one label.

    Parameters
    ----------
    segments : sequence of Segment
    number : int
        Of the lane, from 0: colour and pattern follow from it.
    duration_s : float
        Seconds the lane is wide.
    told : str
        What the lane shows, for who does not see it.

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
    drawn = element("g", *(_bar(one, duration_s) for one in segments), fill=f"url(#pattern-{number})")
    colour = f"colour-{number % N_COLOURS + 1}"
    return element("svg", element("defs", pattern), drawn, class_=colour, role="img", aria_label=told)


def probabilities(segments: Sequence[Segment], duration_s: float) -> Html:
    """A line as high as the probability of the label, where there is one; the lane's height is 1."""
    lines = [
        f"M{one.start:.3f} {1 - one.probability:.3f}H{one.end:.3f}"
        for one in segments
        if not math.isnan(one.probability)
    ]
    drawn = joined([_line(f"M0 .5H{duration_s:.3f}"), _line("".join(lines), class_="line")])
    return _stretched(drawn, f"0 -.04 {duration_s:.6g} 1.08", "The probability of each label")


def axis(duration_s: float) -> Html:
    """Some times below the lanes."""
    step = next((one for one in _STEPS_S if duration_s / one <= _MOST_TICKS), None)
    if step is None:
        step = 3600 * math.ceil(duration_s / 3600 / _MOST_TICKS)
    ticks = [tick for time in range(0, math.ceil(duration_s), step) for tick in _tick(time, duration_s)]
    return element("svg", *ticks, id="axis", aria_hidden="true")


def _bar(one: Segment, duration_s: float) -> Html:
    probability = "" if math.isnan(one.probability) else f", probability {one.probability:.3f}"
    title = element("title", f"{clock(one.start)} to {clock(one.end)}, {one.label}{probability}")
    return element(
        "rect",
        title,
        x=_percent(one.start, duration_s),
        width=_percent(one.duration_s, duration_s),
        height="100%",
    )


def _tick(time: int, duration_s: float) -> list[Html]:
    """A mark and, unless it would stand out at the end, its time."""
    x = _percent(time, duration_s)
    mark = element("line", x1=x, x2=x, y2=6)
    return [mark, element("text", clock(time, 0), x=x, y=20, dx=3)] if time <= 0.85 * duration_s else [mark]


def _line(course: str, class_: str | None = None) -> Html:
    """A line that stays as thick as it is when its lane is stretched."""
    return element("path", d=course, class_=class_, vector_effect="non-scaling-stroke")


def _stretched(drawing: Html, box: str, told: str) -> Html:
    return element("svg", drawing, viewBox=box, preserveAspectRatio="none", role="img", aria_label=told)


def _percent(seconds: float, duration_s: float) -> str:
    return f"{100 * seconds / duration_s:.7g}%"
