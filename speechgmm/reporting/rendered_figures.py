"""Figures of an evaluation report, as files and as inline SVG.

In the inline SVG every colour is a variable of the style sheet, so figures follow the light or dark colour scheme. Text
remains text in the font of the page, which covers more scripts than matplotlib's font.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speechgmm.evaluation.report import Report
from speechgmm.reporting import figures
from speechgmm.reporting.figures import FAINT, GROUND, HEAT, INK, LINE, SERIES
from speechgmm.reporting.html_elements import Html
from speechgmm.reporting.svg import inline_svg
from speechgmm.reporting.training_plots import rendered, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("png", "svg")

DESCRIPTIONS = {
    "confusion": "Confusion matrix. The table below has the counts.",
    "scores": "Histograms of the log-likelihood ratios of each class.",
    "det": "DET curve: miss rate against false-alarm rate at every threshold, on normal-deviate axes.",
    "roc": "ROC curve: true-positive rate against false-alarm rate at every threshold.",
    "reliability": "Reliability diagram: observed share against predicted probability. The table below has the bins.",
    "cllr": "Bar chart of Cllr, split into discrimination loss and calibration loss. The table below has the values.",
    "duration": "Accuracy by duration of the audio. The table below has the values.",
    "snr": "Accuracy by estimated signal-to-noise ratio. The table below has the values.",
}
"""Text alternative of each figure, by file name without suffix."""

_COLOURS = {
    **{GROUND: "--ground", INK: "--ink", FAINT: "--faint", LINE: "--line", HEAT: "--heat"},
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)},
}
_RULES: dict[Any, Any] = {
    **{"text.parse_math": False, "axes.unicode_minus": True, "font.family": "DejaVu Sans", "font.size": 10},
    **{"figure.facecolor": GROUND, "axes.facecolor": GROUND, "text.color": INK, "axes.labelcolor": INK},
    **{"axes.edgecolor": FAINT, "xtick.color": FAINT, "ytick.color": FAINT, "grid.color": LINE, "axes.grid": True},
    **{"xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False},
    **{"axes.axisbelow": True, "legend.frameon": False},
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One figure.

    Attributes
    ----------
    inline : Html
        An ``svg`` element.
    files : mapping of str to bytes
        File content by suffix; the suffixes are `KINDS`.
    """

    inline: Html
    files: Mapping[str, bytes]


def draw(report: Report) -> dict[str, Picture]:
    """Draw every figure for which the report has data.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict of str to Picture
        By names from `DESCRIPTIONS`. The same report gives the same bytes with the same version of matplotlib.

    Raises
    ------
    OptionError
        If matplotlib is not installed.
    """
    require_matplotlib()
    with _drawing():
        drawn = {
            "confusion": figures.confusion(report),
            "scores": figures.scores(report),
            "det": figures.det(report),
            "roc": figures.roc(report),
            "reliability": figures.reliability(report),
            "cllr": figures.cllr(report),
            "duration": figures.groups(report.by_duration, "duration of the audio", " s"),
            "snr": figures.groups(report.by_snr, "estimated signal-to-noise ratio", " dB"),
        }
        return {name: _picture(name, figure) for name, figure in drawn.items() if figure is not None}


def _picture(name: str, figure: Figure) -> Picture:
    from matplotlib import rc_context

    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # reuse this layout: computing it takes longer than drawing
    with rc_context({"svg.fonttype": "none"}):
        with_text = rendered(figure, "svg")
    return Picture(
        inline=inline_svg(with_text, name=name, description=DESCRIPTIONS[name], colours=_COLOURS),
        files={kind: rendered(figure, kind) for kind in KINDS},
    )


@contextmanager
def _drawing() -> Iterator[None]:
    """Draw with the defaults of matplotlib plus `_RULES`, whatever the user has set."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RULES)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the fonts of the page may have it
        yield
