"""Figures of an evaluation report, drawn with matplotlib.

Each function returns a figure, or None where the report has no data for it. Colours are those of the page's light
colour scheme.
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
from speechgmm.reporting.html_elements import legible
from speechgmm.reporting.numbers import formatted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUND, INK, FAINT, LINE, HEAT = "#ffffff", "#1c2024", "#555e68", "#cdd3da", "#8ab4e8"
SERIES = ("#1f5fa8", "#b4530a", "#1b7a4b", "#8a3ca8", "#a3284a", "#5b6a00")
DASHES = ("solid", "dashed", "dotted")
MAX_CLASSES = len(SERIES) * len(DASHES)  # each curve has its own pair of colour and dash

WIDTH, HEIGHT = 4.8, 3.4  # inches; small, so that text is large enough on a phone
_NAME_WIDTH = 18
_DET_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_DET_MIN, _DET_MAX = 0.0005, 0.98  # ends of the DET axes


def confusion(report: Report) -> Figure:
    """Confusion matrix: counts as text, share of the row as colour intensity."""
    n_classes = len(report.classes)
    side = min(0.62, 9.0 / n_classes)
    figure, axes = _axes(max(WIDTH, side * (n_classes + 1) + 2.2), max(2.6, side * n_classes + 1.6))
    for row, counts in enumerate(report.confusion):
        for column, count in enumerate(counts):
            share = count / max(1, sum(counts))
            axes.fill_between([column, column + 1], row, row + 1, color=HEAT, alpha=share, linewidth=0)
            if n_classes <= MAX_CLASSES:
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
    """Histograms of the log-likelihood ratio of each class, for targets and non-targets."""
    curves = [curve for curve in report.curves[:MAX_CLASSES] if curve.scores.edges]
    if not curves:
        return None
    from matplotlib.figure import Figure

    n_columns = min(3, len(curves))
    n_rows = -(-len(curves) // n_columns)
    size = (WIDTH, WIDTH) if len(curves) == 1 else (2 * WIDTH, 2.6 * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    for index, curve in enumerate(curves, 1):
        axes = figure.add_subplot(n_rows, n_columns, index)
        others = report.classes[1] if len(report.classes) == 2 else "all others"
        sides = ((curve.target, curve.scores.targets), (others, curve.scores.nontargets))
        for (name, counts), colour, dash in zip(sides, SERIES, DASHES, strict=False):
            shares = np.array(counts) / max(1, sum(counts))
            label = f"{formatted(sum(counts), 'count')} {shortened(name)}"
            axes.stairs(shares, curve.scores.edges, color=colour, alpha=0.2, fill=True)
            axes.stairs(shares, curve.scores.edges, color=colour, linestyle=dash, label=label)
        axes.axvline(0.0, color=FAINT, linewidth=0.8)
        axes.set(xlabel=f"log-likelihood ratio of {shortened(curve.target)} (nats)", ylabel="share of the utterances")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, fontsize=9)
    return figure


def det(report: Report) -> Figure | None:
    """DET curve: miss rate against false-alarm rate on normal-deviate axes (Martin et al. 1997), with the EER."""
    curves = _det_curves(report)
    if not curves:
        return None
    figure, axes = _square(len(curves))
    for curve, style in _styled(curves):
        eer = _result_of(report, curve).eer
        label = f"EER {formatted(eer, 'ratio')} {shortened(curve.target)}"
        axes.plot(_deviates(curve.det.false_alarm), _deviates(curve.det.miss), label=label, **style)
        axes.plot(_deviates([eer]), _deviates([eer]), "o", color=style["color"])
    ends = _deviates([0.0, 1.0])
    axes.plot(ends, ends, color=FAINT, linewidth=0.8, linestyle="dotted")
    names = [f"{100 * rate:g}" for rate in _DET_TICKS]
    axes.set_xticks(_deviates(_DET_TICKS), names)
    axes.set_yticks(_deviates(_DET_TICKS), names)
    axes.set(xlim=ends, ylim=ends, xlabel="false-alarm rate (%)", ylabel="miss rate (%)")
    _legend_above(figure, axes)
    return figure


def roc(report: Report) -> Figure | None:
    """ROC curve: true-positive rate against false-alarm rate, with the area under the curve (AUC)."""
    curves = _det_curves(report)
    if not curves:
        return None
    figure, axes = _square(len(curves))
    for curve, style in _styled(curves):
        label = f"AUC {formatted(_result_of(report, curve).auc, 'ratio')} {shortened(curve.target)}"
        axes.plot(curve.det.false_alarm, 1.0 - np.array(curve.det.miss), label=label, **style)
    _finish_unit_square(figure, axes, "false-alarm rate", "true-positive rate")
    return figure


def reliability(report: Report) -> Figure | None:
    """Reliability diagram: observed share of targets against predicted probability, in bins of the probability."""
    curves = [curve for curve in report.curves[:MAX_CLASSES] if curve.reliability]
    if not curves:
        return None
    figure, axes = _square(len(curves))
    for curve, style in _styled(curves):
        bins = curve.reliability
        probabilities, shares = [bin_.probability for bin_ in bins], [bin_.share for bin_ in bins]
        label = shortened(curve.target)
        axes.plot(probabilities, shares, marker="o", markersize=4, label=label, **style)
        if len(curves) == 1:  # error bars of several classes would overlap
            ends = [(bin_.share_wilson.low, bin_.share_wilson.high) for bin_ in bins]
            axes.errorbar(probabilities, shares, _error_bars(shares, ends), fmt="none", color=style["color"], capsize=3)
    _finish_unit_square(figure, axes, "predicted probability", "observed share")
    return figure


def cllr(report: Report) -> Figure | None:
    """Cllr of each class against the others, split into discrimination loss (min Cllr) and calibration loss."""
    results = [result for result in report.detection[:MAX_CLASSES] if not np.isnan(result.cllr)]
    if not results:
        return None
    figure, axes = _axes(WIDTH, 1.6 + 0.4 * len(results))
    rows, min_cllr = np.arange(len(results)), np.array([result.min_cllr for result in results])
    losses = [result.calibration_loss for result in results]
    axes.barh(rows, min_cllr, 0.6, color=SERIES[0], label="discrimination loss")
    axes.barh(rows, losses, 0.6, left=min_cllr, color=SERIES[1], label="calibration loss")
    axes.set_yticks(rows, [shortened(result.target) for result in results])
    axes.set(xlabel="Cllr (bits)", ylim=(len(results) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    _legend_above(figure, axes)
    return figure


def groups(results: Sequence[GroupResult], what: str, unit: str) -> Figure | None:
    """Accuracy of groups with Wilson intervals and numbers of utterances."""
    if not results:
        return None
    figure, axes = _axes(WIDTH, HEIGHT)
    columns, accuracies = np.arange(len(results)), [group.accuracy for group in results]
    ends = [(group.accuracy_wilson.low, group.accuracy_wilson.high) for group in results]
    axes.errorbar(columns, accuracies, _error_bars(accuracies, ends), fmt="o", color=SERIES[0], capsize=4)
    names = [f"{group.name.removesuffix(unit)}\nn {formatted(group.n_utterances, 'count')}" for group in results]
    axes.set_xticks(columns, names, fontsize=9)
    axes.set(
        xlim=(-0.5, len(results) - 0.5),
        ylim=(min(0.5, np.min(ends) - 0.05), 1.03),
        xlabel=f"{what} ({unit.strip()})",
        ylabel="accuracy",
    )
    axes.grid(axis="x", visible=False)
    return figure


def shortened(name: str) -> str:
    """Shorten a name for a figure by leaving out its middle."""
    name = legible(name)
    half = (_NAME_WIDTH - 1) // 2
    return name if len(name) <= _NAME_WIDTH else f"{name[:half]}…{name[-half:]}"


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _square(n_curves: int) -> tuple[Figure, Axes]:
    """Approximately square axes below a legend with one entry per curve."""
    return _axes(WIDTH, WIDTH + 0.1 * n_curves)


def _result_of(report: Report, curve: ScoreCurves) -> DetectionResult:
    return next(result for result in report.detection if result.target == curve.target)


def _det_curves(report: Report) -> list[ScoreCurves]:
    return [curve for curve in report.curves[:MAX_CLASSES] if curve.det.miss]


def _styled(curves: Sequence[ScoreCurves]) -> Iterator[tuple[ScoreCurves, dict[str, Any]]]:
    """Each curve with its own colour and dash; the first three also differ in greyscale."""
    for number, curve in enumerate(curves):
        dash = (number + number // len(SERIES)) % len(DASHES)
        yield curve, {"color": SERIES[number % len(SERIES)], "linestyle": DASHES[dash]}


def _deviates(rates: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    deviates: np.ndarray[Any, np.dtype[np.float64]] = ndtri(np.clip(rates, _DET_MIN, _DET_MAX))
    return deviates


def _error_bars(values: Sequence[float], ends: Sequence[tuple[float, float]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Lengths of error bars below and above the values, shape (2, n); rounding never makes one negative."""
    low, high = np.array(ends).T
    return np.maximum([values - low, high - values], 0.0)


def _finish_unit_square(figure: Figure, axes: Axes, xlabel: str, ylabel: str) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle="dotted")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel)
    _legend_above(figure, axes)


def _legend_above(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=1 if len(labels) < 3 else 2, fontsize=9)
