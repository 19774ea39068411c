"""The pictures of a report, as files and as part of a page.

Inside a page every colour becomes the style sheet's variable of the same name, so that a picture follows the reader's
choice of light or dark, and its text stays text: in the page's own font, which knows more scripts than a file's.
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
from speechgmm.reporting.html import Html
from speechgmm.reporting.svg import inline_svg
from speechgmm.reporting.training_plots import rendered, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("png", "svg")

SHOWN = {
    "confusion": "Confusion matrix. The table that follows has its counts.",
    "scores": "Histograms of the log-likelihood ratios of each class.",
    "det": "DET curve: miss rate against false-alarm rate at every threshold, on normal-deviate axes.",
    "roc": "ROC curve: share of targets found against false-alarm rate at every threshold.",
    "reliability": "Reliability diagram: share of targets against probability. The table that follows has its bins.",
    "cllr": "Bars of Cllr, split into discrimination and calibration loss. The table that follows has its figures.",
    "duration": "Accuracy by length of the audio. The table that follows has its figures.",
    "snr": "Accuracy by estimated signal-to-noise ratio. The table that follows has its figures.",
}
"""What each picture shows, by the name of its file."""

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
    """A picture.

    Attributes
    ----------
    inline : Html
        An ``svg`` element.
    files : mapping of str to bytes
        By suffix, one of `KINDS`.
    """

    inline: Html
    files: Mapping[str, bytes]


def draw(report: Report) -> dict[str, Picture]:
    """Draw every picture for which the report has something to show.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict of str to Picture
        Their names are those of `SHOWN`. The same report gives the same pictures, with the same matplotlib.

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
            "duration": figures.groups(report.by_duration, "length of the audio", " s"),
            "snr": figures.groups(report.by_snr, "estimated signal-to-noise ratio", " dB"),
        }
        return {name: _picture(name, figure) for name, figure in drawn.items() if figure is not None}


def _picture(name: str, figure: Figure) -> Picture:
    from matplotlib import rc_context

    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout just found is that of every file: it takes longer than drawing
    with rc_context({"svg.fonttype": "none"}):
        with_text = rendered(figure, "svg")
    return Picture(
        inline=inline_svg(with_text, name=name, told=SHOWN[name], colours=_COLOURS),
        files={kind: rendered(figure, kind) for kind in KINDS},
    )


@contextmanager
def _drawing() -> Iterator[None]:
    """One style whatever the user's own, and no formulas in names."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RULES)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the page's own fonts may have it
        yield
