"""A report as text for people: every figure with the counts it rests on, at most 100 columns wide."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.breakdown import ClassResult, GroupResult
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.report import Report

_WIDTH = 100
_NAME_WIDTH = 22
_LIST_LENGTH = 10


def to_text(report: Report, *, columns: Sequence[str] | None = None) -> str:
    """Lay a report out for a terminal.

    Parameters
    ----------
    report : Report
        From `evaluate`.
    columns : sequence of str, optional
        Of the columns that the results are broken down by, those to show; by default all.

    Returns
    -------
    str
        The headline, then sections apart by an empty line, ending with a newline. Long names are cut in the middle
        and long lists after ten entries; both are complete in the report's file. Lines have at most 100 columns,
        except in the confusion counts of more than ten classes.
    """
    shown = report.by_column if columns is None else columns
    by_columns = [_groups(report, f"By {_name(column)}", report.by_column[column]) for column in shown]
    sections = [
        _headline(report),
        _model(report),
        _figures(report),
        _unknown(report),
        _classes(report),
        _confusion(report),
        _detection(report),
        _groups(report, "By length of the audio", report.by_duration),
        _groups(report, "By estimated signal-to-noise ratio", report.by_snr) if report.by_snr else [],
        *by_columns,
        _folds(report),
        _speakers(report),
        _skipped(report),
        listed("Notes", report.notes),
        _method(report),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _headline(report: Report) -> list[str]:
    speaker = "named speaker" if report.n_unnamed else "speaker"
    lines = [
        f"UAR {_ratio(report.uar)} ({_interval(report, report.uar_bootstrap)}) on "
        f"{_amount(report.n_utterances, 'utterance')} of {_amount(report.n_speakers, speaker)}"
    ]
    if report.n_unnamed:
        lines.append(
            f"{report.n_unnamed} of {_amount(report.n_utterances, 'utterance')} without a speaker, each taken as a "
            "speaker of its own"
        )
    return lines


def _model(report: Report) -> list[str]:
    told = [f"{key}: {value}" for key, value in report.model.items() if isinstance(value, (str, int, float))]
    return listed("Model", told)


def _figures(report: Report) -> list[str]:
    right, decided = report.n_correct, report.n_decided
    return [
        f"Accuracy           {_ratio(report.accuracy)}  {right} of {_amount(report.n_utterances, 'utterance')} "
        "correct, unknown is not correct",
        f"                          {_interval(report, report.accuracy_bootstrap)} by speakers, "
        f"Wilson {_ends(report.accuracy_wilson)}",
        f"Accuracy, decided  {_ratio(report.accuracy_decided)}  {right} of {decided} decided correct",
        f"UAR                {_ratio(report.uar)}  mean recall of the classes (balanced accuracy), "
        f"{_amount(report.n_utterances, 'utterance')}",
    ]


def _unknown(report: Report) -> list[str]:
    reasons = [f"{count}: {reason}" for reason, count in report.unknown_reasons.items()]
    return listed(f"Unknown: {report.n_unknown} of {_amount(report.n_utterances, 'utterance')}", reasons)


def _classes(report: Report) -> list[str]:
    header = ["class", "utterances", "speakers", "correct", "unknown", "recall", _level(report), "precision", "F1"]
    rows = [
        [*_counted(one, 18), _ratio(one.recall), _ends(one.recall_bootstrap), _ratio(one.precision), _ratio(one.f1)]
        for one in report.per_class
    ]
    return ["By class", *table(header, rows)]


def _confusion(report: Report) -> list[str]:
    width = max(5, (_WIDTH - _NAME_WIDTH) // (len(report.classes) + 1) - 2)
    header = ["", *(_name(name, min(width, _NAME_WIDTH)) for name in [*report.classes, UNKNOWN])]
    rows = [[_name(name), *counts] for name, counts in zip(report.classes, report.confusion, strict=True)]
    return ["Confusion counts: a row for each label in the corpus, a column for each prediction", *table(header, rows)]


def _detection(report: Report) -> list[str]:
    header = ["target", "targets", "others", "EER", _level(report), "Cllr", _level(report), "min-Cllr"]
    rows = []
    for one in report.detection:
        figures = [(one.eer, one.eer_bootstrap), (one.cllr, one.cllr_bootstrap)]
        cells = [text for figure, interval in figures for text in (_ratio(figure), _ends(interval))]
        rows.append([_name(one.target), one.n_targets, one.n_nontargets, *cells, _ratio(one.min_cllr)])
    lines = [f"Log-likelihood ratios of {report.n_decided} decided (costs in bits)", *table(header, rows)]
    n_classes = len(report.classes)
    if n_classes > 2:
        lines.append(
            f"Mean EER {_ratio(report.eer)}; Cllr {_ratio(report.cllr)} of {n_classes} classes, "
            f"where {_ratio(math.log2(n_classes))} says nothing"
        )
        lines.append(f"{_level(report)}: {_ends(report.eer_bootstrap)}; {_ends(report.cllr_bootstrap)}")
    return lines


def _groups(report: Report, title: str, groups: Sequence[GroupResult]) -> list[str]:
    header = ["", "utterances", "speakers", "correct", "unknown", "accuracy", "UAR", _level(report)]
    rows = [[*_counted(one), _ratio(one.accuracy), _ratio(one.uar), _ends(one.uar_bootstrap)] for one in groups]
    return [title, *table(header, rows)]


def _folds(report: Report) -> list[str]:
    if not report.folds:
        return []
    header = ["fold", "utterances", "speakers", "correct", "unknown", "accuracy", "UAR", "EER", "Cllr"]
    figures = ("accuracy", "uar", "eer", "cllr")
    rows = [[*_counted(one), *(_ratio(getattr(one, figure)) for figure in figures)] for one in report.folds]
    spreads = [report.fold_spread[figure] for figure in figures]
    for title, field in (("least", "minimum"), ("median",) * 2, ("most", "maximum"), ("SD", "standard_deviation")):
        rows.append([title, "", "", "", "", *(_ratio(getattr(spread, field)) for spread in spreads)])
    return ["By fold, each answered by a model that heard none of its speakers", *table(header, rows)]


def _counted(one: ClassResult | GroupResult, width: int = _NAME_WIDTH) -> list[object]:
    return [_name(one.name, width) or "(none)", one.n_utterances, one.n_speakers, one.n_correct, one.n_unknown]


def _speakers(report: Report) -> list[str]:
    worst, n_speakers = report.per_speaker[:_LIST_LENGTH], len(report.per_speaker)
    if not worst:
        return []
    n_all_wrong = sum(one.n_errors == one.n_utterances for one in report.per_speaker)
    rows = [
        [_name(one.speaker), _name(one.label), one.n_utterances, one.n_errors, one.n_unknown, _ratio(one.accuracy)]
        for one in worst
    ]
    title = f"Worst speakers: {len(worst)} of {n_speakers}; every utterance wrong: {n_all_wrong} of {n_speakers}"
    return [title, *table(["speaker", "label", "utterances", "errors", "unknown", "accuracy"], rows)]


def _skipped(report: Report) -> list[str]:
    entries = [f"{one.path}: {one.reason}" for one in report.skipped]
    return listed(f"Skipped: {_amount(len(entries), 'recording')}", entries)


def _method(report: Report) -> list[str]:
    method = report.intervals
    text = (
        f"Intervals of {_level(report)}: {method.bootstrap} ({method.n_resamples} resamples, seed "
        f"{method.seed}); {method.wilson}."
    )
    return textwrap.wrap(text, _WIDTH)


def listed(title: str, entries: Sequence[str]) -> list[str]:
    """A title and an indented list, or nothing if there is nothing to list."""
    if not entries:
        return []
    lines = [title]
    for entry in entries[:_LIST_LENGTH]:
        lines += textwrap.wrap(printable(entry), _WIDTH, initial_indent="  ", subsequent_indent="    ")
    if len(entries) > _LIST_LENGTH:
        lines.append(f"  and {len(entries) - _LIST_LENGTH} more")
    return lines


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, last_to_the_left: bool = False) -> list[str]:
    """Columns as wide as their widest cell, the first to the left and the others to the right; cells may be missing."""
    cells = [list(header), *([*map(str, row), *[""] * (len(header) - len(row))] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        laid = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        laid[0] = row[0].ljust(widths[0])
        if last_to_the_left:
            laid[-1] = row[-1]
        lines.append("  ".join(laid).rstrip())
    return lines


def _name(name: str, width: int = _NAME_WIDTH) -> str:
    name = printable(name)
    if len(name) <= width:
        return name
    tail = (width - 2) // 2
    return f"{name[: width - 2 - tail]}..{name[-tail:]}"


def printable(text: str) -> str:
    """Names come from files: no line ends and no terminal codes get into a line."""
    return "".join(character if character.isprintable() else "?" for character in text)


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
