"""Format a report as text for a terminal, at most 100 columns wide; every metric is shown with its counts."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation import headline
from speechgmm.evaluation.breakdown import ClassResult, GroupResult
from speechgmm.evaluation.headline import UAR, Estimate, Metric
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.report import Report
from speechgmm.text.terminal import printable

_WIDTH = 100
_NAME_WIDTH = 22
_TITLE_WIDTH = 17
_LIST_LENGTH = 10
_IN_DETECTION = ("eer", "cllr")  # metrics shown with the detection table


def to_text(report: Report, *, columns: Sequence[str] | None = None) -> str:
    """Format a report for a terminal.

    Parameters
    ----------
    report : Report
        From `evaluate`.
    columns : sequence of str, optional
        The columns of `Report.by_column` to show; by default all.

    Returns
    -------
    str
        UAR, then sections separated by empty lines, ending with a newline. Long names are shortened in the middle, long
        lists after ten entries; report.json has both in full. Lines have at most 100 columns, except in the confusion
        counts of more than ten classes.
    """
    shown = report.by_column if columns is None else columns
    by_columns = [_groups(report, f"By {_name(column)}", report.by_column[column]) for column in shown]
    sections = [
        _headline(report),
        _model(report),
        _metrics(report),
        _unknown(report),
        _classes(report),
        _confusion(report),
        _detection(report),
        _groups(report, "By duration of the audio", report.by_duration),
        _groups(report, "By estimated signal-to-noise ratio", report.by_snr) if report.by_snr else [],
        *by_columns,
        _folds(report),
        _speakers(report),
        _skipped(report),
        _warnings(report),
        listed("Notes", report.notes),
        _method(report),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _headline(report: Report) -> list[str]:
    speaker = "named speaker" if report.n_unnamed else "speaker"
    utterances = _amount(report.n_utterances, "utterance")
    interval = _interval(report, report.uar_bootstrap)
    lines = [f"UAR {_ratio(report.uar)} ({interval}) on {utterances} of {_amount(report.n_speakers, speaker)}"]
    if report.n_unnamed:
        lines.append(f"{report.n_unnamed} of {utterances} without a speaker name, each counted as a separate speaker")
    return lines


def _model(report: Report) -> list[str]:
    entries = [f"{key}: {value}" for key, value in report.model.items() if isinstance(value, (str, int, float))]
    return listed("Model", entries)


def _metrics(report: Report) -> list[str]:
    lines = []
    for metric in headline.METRICS:
        if metric.name not in _IN_DETECTION:
            lines += _metric(report, metric, report.metrics[metric.name])
    return lines


def _metric(report: Report, metric: Metric, estimate: Estimate) -> list[str]:
    """One line with the value, and one with the intervals; UAR has its interval in the first line of the report."""
    decided = metric.of == "decided"
    basis = f"{report.n_decided} decided" if decided else _amount(report.n_utterances, "utterance")
    if metric.proportion:
        basis = f"{report.n_correct} of {basis} correct"
    meaning = ", ".join(filter(None, [basis, metric.description]))
    lines = [f"{metric.title:{_TITLE_WIDTH}}  {_ratio(estimate.value)}  {meaning}"]
    intervals = []
    if metric is not UAR and "bootstrap" in estimate.intervals:
        intervals.append(f"{_interval(report, estimate.intervals['bootstrap'])} by speakers")
    if "wilson" in estimate.intervals:
        intervals.append(f"Wilson {_ends(estimate.intervals['wilson'])}")
    if intervals:
        lines.append(f"{'':{_TITLE_WIDTH + 9}}{', '.join(intervals)}")
    return lines


def _unknown(report: Report) -> list[str]:
    reasons = [f"{count}: {reason}" for reason, count in report.unknown_reasons.items()]
    return listed(f"Unknown: {report.n_unknown} of {_amount(report.n_utterances, 'utterance')}", reasons)


def _classes(report: Report) -> list[str]:
    header = ["class", "utterances", "speakers", "correct", "unknown", "recall", _level(report), "precision", "F1"]
    rows = [
        [*_counts(row, 18), _ratio(row.recall), _ends(row.recall_bootstrap), _ratio(row.precision), _ratio(row.f1)]
        for row in report.per_class
    ]
    return ["By class", *table(header, rows)]


def _confusion(report: Report) -> list[str]:
    width = max(5, (_WIDTH - _NAME_WIDTH) // (len(report.classes) + 1) - 2)
    header = ["", *(_name(name, min(width, _NAME_WIDTH)) for name in [*report.classes, UNKNOWN])]
    rows = [[_name(name), *counts] for name, counts in zip(report.classes, report.confusion, strict=True)]
    return ["Confusion counts: rows are labels in the corpus, columns are predictions", *table(header, rows)]


def _detection(report: Report) -> list[str]:
    header = ["target", "targets", "others", "EER", _level(report), "Cllr", _level(report), "min-Cllr"]
    rows = []
    for row in report.detection:
        eer = [_ratio(row.eer), _ends(row.eer_bootstrap)]
        cllr = [_ratio(row.cllr), _ends(row.cllr_bootstrap)]
        rows.append([_name(row.target), row.n_targets, row.n_nontargets, *eer, *cllr, _ratio(row.min_cllr)])
    lines = [f"Log-likelihood ratios of {report.n_decided} decided (costs in bits)", *table(header, rows)]
    n_classes = len(report.classes)
    if n_classes > 2:
        lines.append(
            f"Mean EER {_ratio(report.eer)}; Cllr {_ratio(report.cllr)} of {n_classes} classes "
            f"({_ratio(math.log2(n_classes))} if uninformative)"
        )
        lines.append(f"{_level(report)}: {_ends(report.eer_bootstrap)}; {_ends(report.cllr_bootstrap)}")
    return lines


def _groups(report: Report, title: str, groups: Sequence[GroupResult]) -> list[str]:
    header = ["", "utterances", "speakers", "correct", "unknown", "accuracy", "UAR", _level(report)]
    rows = [[*_counts(row), _ratio(row.accuracy), _ratio(row.uar), _ends(row.uar_bootstrap)] for row in groups]
    return [title, *table(header, rows)]


def _folds(report: Report) -> list[str]:
    if not report.folds:
        return []
    header = ["fold", "utterances", "speakers", "correct", "unknown", "accuracy", "UAR", "EER", "Cllr"]
    metrics = ("accuracy", "uar", "eer", "cllr")
    rows = [[*_counts(row), *(_ratio(getattr(row, metric)) for metric in metrics)] for row in report.folds]
    spreads = [report.fold_spread[metric] for metric in metrics]
    for title, field in (("minimum",) * 2, ("median",) * 2, ("maximum",) * 2, ("SD", "standard_deviation")):
        rows.append([title, "", "", "", "", *(_ratio(getattr(spread, field)) for spread in spreads)])
    return ["By fold, each scored by a model trained without its speakers", *table(header, rows)]


def _counts(row: ClassResult | GroupResult, width: int = _NAME_WIDTH) -> list[object]:
    return [_name(row.name, width) or "(none)", row.n_utterances, row.n_speakers, row.n_correct, row.n_unknown]


def _speakers(report: Report) -> list[str]:
    worst, n_speakers = report.per_speaker[:_LIST_LENGTH], len(report.per_speaker)
    if not worst:
        return []
    n_all_wrong = sum(row.n_errors == row.n_utterances for row in report.per_speaker)
    rows = [
        [_name(row.speaker), _name(row.label), row.n_utterances, row.n_errors, row.n_unknown, _ratio(row.accuracy)]
        for row in worst
    ]
    title = f"Worst speakers: {len(worst)} of {n_speakers}; every utterance wrong: {n_all_wrong} of {n_speakers}"
    return [title, *table(["speaker", "label", "utterances", "errors", "unknown", "accuracy"], rows)]


def _skipped(report: Report) -> list[str]:
    entries = [f"{skipped.path}: {skipped.reason}" for skipped in report.skipped]
    return listed(f"Skipped: {_amount(len(entries), 'recording')}", entries)


def _warnings(report: Report) -> list[str]:
    entries = [f"{warned.path}: {warned.warning}" for warned in report.warnings]
    return listed(f"Warnings: {_amount(len(entries), 'recording')}", entries)


def _method(report: Report) -> list[str]:
    method = report.intervals
    text = (
        f"Intervals of {_level(report)}: {method.bootstrap} ({method.n_resamples} resamples, seed "
        f"{method.seed}); {method.wilson}."
    )
    return textwrap.wrap(text, _WIDTH)


def listed(title: str, entries: Sequence[str]) -> list[str]:
    """Format a title and an indented list; empty without entries."""
    if not entries:
        return []
    lines = [title]
    for entry in entries[:_LIST_LENGTH]:
        lines += textwrap.wrap(printable(entry), _WIDTH, initial_indent="  ", subsequent_indent="    ")
    if len(entries) > _LIST_LENGTH:
        lines.append(f"  and {len(entries) - _LIST_LENGTH} more")
    return lines


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, last_to_the_left: bool = False) -> list[str]:
    """Format a table; the first column is left-aligned, the others right-aligned, missing cells are empty."""
    cells = [list(header), *([*map(str, row), *[""] * (len(header) - len(row))] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        aligned = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        aligned[0] = row[0].ljust(widths[0])
        if last_to_the_left:
            aligned[-1] = row[-1]
        lines.append("  ".join(aligned).rstrip())
    return lines


def _name(name: str, width: int = _NAME_WIDTH) -> str:
    name = printable(name)
    if len(name) <= width:
        return name
    tail = (width - 2) // 2
    return f"{name[: width - 2 - tail]}..{name[-tail:]}"


def _amount(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _ratio(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def _ends(interval: Interval) -> str:
    return f"{_ratio(interval.low)} to {_ratio(interval.high)}"


def _level(report: Report) -> str:
    return f"{100 * report.intervals.level:g} %"


def _interval(report: Report, interval: Interval) -> str:
    return f"{_level(report)} interval {_ends(interval)}"
