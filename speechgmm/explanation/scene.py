"""The parts of a figure: marks in panels, step by step. Data only; `page` and `stills` draw it.

Colours are numbers: 0 is that of the text, 1 to 6 are those of the components (then again from 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

N_COLOURS = 6
OUTLINE = 64  # points of an ellipse


def component_colour(component: int) -> int:
    """The colour of a component, counted from 0."""
    return component % N_COLOURS + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Points in one colour, or each in a mixture of the components' colours.

    Attributes
    ----------
    x, y : ndarray (T,)
    colour : int
    shares : ndarray (T, K), optional
        Share of each component's colour; rows sum to 1.
    size : float or ndarray (T,)
        Radius in units of 1/400 of the panel's width.
    shape : str
        "dot", or "cross" for centres.
    label : str
        For the legend; empty for none.
    """

    x: Floats
    y: Floats
    colour: int = 0
    shares: Floats | None = None
    size: float | Floats = 3.0
    shape: str = "dot"
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A line through points (N,); NaN interrupts it."""

    x: Floats
    y: Floats
    colour: int = 0
    dashed: bool = False
    width: float = 2.0
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ellipse:
    """The points at a distance from a centre, in standard deviations of a Gaussian.

    Attributes
    ----------
    centre : ndarray (2,)
    root : ndarray (2, 2)
        A square root of the covariance: the ellipse is ``centre + radius root (cos t, sin t)``.
    radius : float
    """

    centre: Floats
    root: Floats
    radius: float = 1.0
    colour: int = 0
    dashed: bool = False
    width: float = 2.0

    def outline(self) -> Floats:
        """Points on the ellipse, (2, N)."""
        angles = np.linspace(0.0, 2.0 * np.pi, OUTLINE)
        points: Floats = self.centre[:, np.newaxis] + self.radius * self.root @ [np.cos(angles), np.sin(angles)]
        return points


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """Rectangles, from `left` to `right` and `bottom` to `top`, (N,) each."""

    left: Floats
    right: Floats
    bottom: Floats
    top: Floats
    colour: int = 0
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """Pixels (H, W, 4) of red, green, blue and opacity, the first row at the top.

    `extent` is left, right, bottom and top; `exact` shows the pixels as squares.
    """

    pixels: Pixels
    extent: tuple[float, float, float, float]
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Text:
    """A short text whose middle is at a point."""

    x: float
    y: float
    text: str


Mark = Points | Line | Ellipse | Bars | Image | Text


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis of a panel, from `low` to `high`; without a label it is not drawn."""

    label: str
    low: float
    high: float

    @classmethod
    def of(cls, label: str, values: npt.ArrayLike, margin: float = 0.06) -> Axis:
        """An axis around values, with a margin in shares of their range; NaN is left out."""
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        room = margin * (high - low) or max(1.0, margin * abs(high))
        return cls(label=label, low=low - room, high=high + room)


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """A pair of axes with the marks that every step shows, below those of the step.

    Attributes
    ----------
    title : str
    x, y : Axis
    marks : tuple of Mark
    wide : bool
        Whether it takes the whole width of the page.
    """

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...] = ()
    wide: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One state of a figure.

    Attributes
    ----------
    label : str
        What it is, such as "M-step 3".
    marks : tuple of sequence of Mark
        For each panel.
    numbers : mapping of str to float
        Values of the step by their names.
    """

    label: str
    marks: tuple[Sequence[Mark], ...]
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """A sequence of steps, such as those from one start; `name` is for the choice among several."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """A figure with its caption.

    Attributes
    ----------
    name : str
        Unique among all figures; lower case and dashes.
    title : str
    panels : tuple of Panel
    variants : tuple of Variant
        One or more.
    caption : str
        What the figure shows; line ends count as blanks.
    formula : str
        As in the docstrings of the code: ``w_k`` for an index, ``x^2`` for a power.
    symbols : mapping of str to str
        What each symbol of the formula is in the code.
    code : str
        Python that computes what the figure shows; it runs by itself.
    start : int
        The step that is shown first.
    source : str
        Where the data are from.
    """

    name: str
    title: str
    panels: tuple[Panel, ...]
    variants: tuple[Variant, ...]
    caption: str
    formula: str
    symbols: Mapping[str, str]
    code: str
    start: int = 0
    source: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chapter:
    """A chapter: its name for the command line, a title, paragraphs with an empty line between them, and figures."""

    name: str
    title: str
    text: str
    figures: tuple[Figure, ...]
