"""What the pictures of a report show; matplotlib draws it.

Each function gives a figure, or None where the report has nothing to show. Colours are those of the light page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.breakdown import GroupResult
from speechgmm.evaluation.discrimination import DetectionResult
from speechgmm.evaluation.report import Report
from speechgmm.evaluation.score_curves import ScoreCurves
from speechgmm.reporting.html import legible
from speechgmm.reporting.numbers import formatted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUND, INK, FAINT, LINE, HEAT = "#ffffff", "#1c2024", "#555e68", "#cdd3da", "#8ab4e8"
SERIES = ("#1f5fa8", "#b4530a", "#1b7a4b", "#8a3ca8", "#a3284a", "#5b6a00")
DASHES = ("solid", "dashed", "dotted")
MOST_CLASSES = len(SERIES) * len(DASHES)

WIDTH, HEIGHT = 4.8, 3.4  # inches: small, so that letters are large enough where the picture fills a telephone
_NAME_WIDTH = 18
_RATES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)  # marked on the axes of DET
_LEAST_RATE, _GREATEST_RATE = 0.0005, 0.98


def confusion(report: Report) -> Figure:
    """Counts by label in the corpus and predicted label; a cell is as strong as its share of its row."""
    n_classes = len(report.classes)
    side = min(0.62, 9.0 / n_classes)
    figure, axes = _axes(max(WIDTH, side * (n_classes + 1) + 2.2), max(2.6, side * n_classes + 1.6))
    for row, counts in enumerate(report.confusion):
        for column, count in enumerate(counts):
            share = count / max(1, sum(counts))
            axes.fill_between([column, column + 1], row, row + 1, color=HEAT, alpha=share, linewidth=0)
            if n_classes <= MOST_CLASSES:
                axes.text(column + 0.5, row + 0.5, formatted(count, "count"), ha="center", va="center")
    names = [shortened(name) for name in [*report.classes, UNKNOWN]]
    axes.set_xticks(
        np.arange(n_classes + 1) + 0.5, names, rotation=0 if max(map(len, names)) < 9 < 50 / n_classes else 90
    )
    axes.set_yticks(np.arange(n_classes) + 0.5, names[:-1])
    axes.set(xlim=(0, n_classes + 1), ylim=(n_classes, 0), xlabel="predicted label", ylabel="label in the corpus")
    axes.grid(visible=False)
    return figure


def scores(report: Report) -> Figure | None:
    """Histograms of the log-likelihood ratio of each class, for its own utterances and for the others."""
    curves = [one for one in report.curves[:MOST_CLASSES] if one.scores.edges]
    if not curves:
        return None
    from matplotlib.figure import Figure

    n_columns = min(3, len(curves))
    n_rows = -(-len(curves) // n_columns)
    size = (WIDTH, WIDTH) if len(curves) == 1 else (2 * WIDTH, 2.6 * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    for place, curve in enumerate(curves, 1):
        axes = figure.add_subplot(n_rows, n_columns, place)
        others = report.classes[1] if len(report.classes) == 2 else "all others"
        sides = ((curve.target, curve.scores.targets), (others, curve.scores.nontargets))
        for (name, counts), colour, dash in zip(sides, SERIES, DASHES, strict=False):
            shares = np.array(counts) / max(1, sum(counts))
            label = f"{formatted(sum(counts), 'count')} {shortened(name)}"
            axes.stairs(shares, curve.scores.edges, color=colour, alpha=0.2, fill=True)
            axes.stairs(shares, curve.scores.edges, color=colour, linestyle=dash, label=label)
        axes.axvline(0.0, color=FAINT, linewidth=0.8)
        axes.set(xlabel=f"log-likelihood ratio of {shortened(curve.target)} (nats)", ylabel="share of its utterances")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, fontsize=9)
    return figure


def det(report: Report) -> Figure | None:
    """Miss rate against false-alarm rate on normal-deviate axes (Martin et al. 1997), the EER marked."""
    if not _detected(report):
        return None
    figure, axes = _square(len(_detected(report)))
    for curve, style in _styled(_detected(report)):
        eer = _found(report, curve).eer
        label = f"EER {formatted(eer, 'ratio')} {shortened(curve.target)}"
        axes.plot(_deviates(curve.det.false_alarm), _deviates(curve.det.miss), label=label, **style)
        axes.plot(_deviates([eer]), _deviates([eer]), "o", color=style["color"])
    ends = _deviates([0.0, 1.0])
    axes.plot(ends, ends, color=FAINT, linewidth=0.8, linestyle="dotted")
    names = [f"{100 * rate:g}" for rate in _RATES]
    axes.set_xticks(_deviates(_RATES), names)
    axes.set_yticks(_deviates(_RATES), names)
    axes.set(xlim=ends, ylim=ends, xlabel="false alarms (%)", ylabel="misses (%)")
    _legend_above(figure, axes)
    return figure


def roc(report: Report) -> Figure | None:
    """Share of targets found against false-alarm rate."""
    if not _detected(report):
        return None
    figure, axes = _square(len(_detected(report)))
    for curve, style in _styled(_detected(report)):
        label = f"AUC {formatted(_found(report, curve).auc, 'ratio')} {shortened(curve.target)}"
        axes.plot(curve.det.false_alarm, 1.0 - np.array(curve.det.miss), label=label, **style)
    _finish_unit_square(figure, axes, "false alarms (share)", "targets found (share)")
    return figure


def reliability(report: Report) -> Figure | None:
    """Share of targets among utterances of about the same probability, against that probability."""
    curves = [one for one in report.curves[:MOST_CLASSES] if one.reliability]
    if not curves:
        return None
    figure, axes = _square(len(curves))
    for curve, style in _styled(curves):
        bins = curve.reliability
        probabilities, shares = [one.probability for one in bins], [one.share for one in bins]
        label = f"label {shortened(curve.target)}"
        axes.plot(probabilities, shares, marker="o", markersize=4, label=label, **style)
        if len(curves) == 1:  # the intervals of many classes would hide one another
            ends = [(one.share_wilson.low, one.share_wilson.high) for one in bins]
            axes.errorbar(probabilities, shares, _arms(shares, ends), fmt="none", color=style["color"], capsize=3)
    _finish_unit_square(figure, axes, "probability given", "share that have the label")
    return figure


def cllr(report: Report) -> Figure | None:
    """Cllr of each class against the others: what the order of the scores costs, and what their calibration adds."""
    found = [one for one in report.detection[:MOST_CLASSES] if not np.isnan(one.cllr)]
    if not found:
        return None
    figure, axes = _axes(WIDTH, 1.6 + 0.4 * len(found))
    places, least = np.arange(len(found)), np.array([one.min_cllr for one in found])
    axes.barh(places, least, 0.6, color=SERIES[0], label="discrimination")
    axes.barh(places, [one.calibration_loss for one in found], 0.6, left=least, color=SERIES[1], label="calibration")
    axes.set_yticks(places, [shortened(one.target) for one in found])
    axes.set(xlabel="Cllr (bits)", ylim=(len(found) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    _legend_above(figure, axes)
    return figure


def groups(results: Sequence[GroupResult], what: str, unit: str) -> Figure | None:
    """Accuracy of some groups with Wilson's intervals, and the utterances in each."""
    if not results:
        return None
    figure, axes = _axes(WIDTH, HEIGHT)
    places, accuracies = np.arange(len(results)), [one.accuracy for one in results]
    ends = [(one.accuracy_wilson.low, one.accuracy_wilson.high) for one in results]
    axes.errorbar(places, accuracies, _arms(accuracies, ends), fmt="o", color=SERIES[0], capsize=4)
    names = [f"{one.name.removesuffix(unit)}\nn {formatted(one.n_utterances, 'count')}" for one in results]
    axes.set_xticks(places, names, fontsize=9)
    axes.set(
        xlim=(-0.5, len(results) - 0.5),
        ylim=(min(0.5, np.min(ends) - 0.05), 1.03),
        xlabel=f"{what} ({unit.strip()})",
        ylabel="accuracy",
    )
    axes.grid(axis="x", visible=False)
    return figure


def shortened(name: str) -> str:
    """A name short enough for a picture: its middle is left out."""
    name = legible(name)
    half = (_NAME_WIDTH - 1) // 2
    return name if len(name) <= _NAME_WIDTH else f"{name[:half]}…{name[-half:]}"


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _square(n_curves: int) -> tuple[Figure, Axes]:
    """Axes about as wide as high, below a legend of so many curves."""
    return _axes(WIDTH, WIDTH + 0.1 * n_curves)


def _found(report: Report, curve: ScoreCurves) -> DetectionResult:
    return next(one for one in report.detection if one.target == curve.target)


def _detected(report: Report) -> list[ScoreCurves]:
    return [one for one in report.curves[:MOST_CLASSES] if one.det.miss]


def _styled(curves: Sequence[ScoreCurves]) -> Iterator[tuple[ScoreCurves, dict[str, Any]]]:
    """Every curve with a colour and a dash of its own: no two look alike, in grey neither for the first three."""
    for number, curve in enumerate(curves):
        dash = (number + number // len(SERIES)) % len(DASHES)
        yield curve, {"color": SERIES[number % len(SERIES)], "linestyle": DASHES[dash]}


def _deviates(rates: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    deviates: np.ndarray[Any, np.dtype[np.float64]] = ndtri(np.clip(rates, _LEAST_RATE, _GREATEST_RATE))
    return deviates


def _arms(values: Sequence[float], ends: Sequence[tuple[float, float]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    low, high = np.array(ends).T
    return np.maximum([values - low, high - values], 0.0)


def _finish_unit_square(figure: Figure, axes: Axes, across: str, up: str) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle="dotted")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=across, ylabel=up)
    _legend_above(figure, axes)


def _legend_above(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=1 if len(labels) < 3 else 2, fontsize=9)
