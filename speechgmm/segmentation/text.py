"""Speaking times, and reports on segmentations, as text for people: at most 100 columns wide but for long names."""

from __future__ import annotations

import math
import textwrap

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.text import listed, printable, table
from speechgmm.segmentation.report import SegmentationReport
from speechgmm.segmentation.scoring import Errors
from speechgmm.segmentation.segment import NONSPEECH, clock
from speechgmm.segmentation.speaking_time import Summary

_WIDTH = 100
_LIST_LENGTH = 10


def summary_text(summary: Summary) -> str:
    """Lay out the speaking times of a recording, or of several, for a terminal.

    Parameters
    ----------
    summary : Summary
        From `Tally.summary` or `together`.

    Returns
    -------
    str
        Ends with a newline. Hours are listed where there are two or more.
    """
    times = summary.times
    rows = [
        [printable(label), clock(seconds), _percent(times.share(label)), _percents(summary.intervals[label])]
        for label, seconds in times.classes_s.items()
    ]
    lines = [
        f"Speaking time in {printable(summary.name)}, {clock(times.duration_s)} in all",
        *table(["", "time", "of speech", "95 % interval"], [*rows, ["all classes", clock(times.decided_s)]]),
        f"{UNKNOWN}: {clock(times.unknown_s)}, {_percent(times.undecided)} of what may be speech",
        f"{NONSPEECH}: {clock(times.nonspeech_s)}",
        *_hours(summary),
        *textwrap.wrap(_sureness(summary), _WIDTH),
    ]
    return "\n".join(lines) + "\n"


def _sureness(summary: Summary) -> str:
    if all(math.isnan(interval.low) for interval in summary.intervals.values()):
        return f"There is no interval: {summary.units} cannot tell how the shares vary."
    return (
        f"Intervals from resampling {summary.units}: how the shares vary from one to the next. What the labels get "
        "wrong is not in them."
    )


def _hours(summary: Summary) -> list[str]:
    if len(summary.by_hour) < 2:
        return []
    labels = list(summary.times.classes_s)
    header = ["by hour", *(printable(label) for label in labels), *("of speech" for _ in labels), UNKNOWN, NONSPEECH]
    rows = [
        [
            f"{hour}:00",
            *(clock(times.classes_s[label]) for label in labels),
            *(_percent(times.share(label)) for label in labels),
            clock(times.unknown_s),
            clock(times.nonspeech_s),
        ]
        for hour, times in enumerate(summary.by_hour)
    ]
    return table(header, rows)


def report_text(report: SegmentationReport) -> str:
    """Lay out a report on segmentations for a terminal.

    Parameters
    ----------
    report : SegmentationReport
        From `report_on`.

    Returns
    -------
    str
        The headline, then sections apart by an empty line, ending with a newline. Long lists end after ten entries;
        the report's file has all of them.
    """
    sections = [
        _headline(report),
        _model(report),
        _times(report),
        _recordings(report),
        _skipped(report),
        _method(report),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _headline(report: SegmentationReport) -> list[str]:
    errors = report.errors
    interval = report.rate_interval
    told = "" if math.isnan(interval.low) else f" (95 % interval {_percents(interval)})"
    n_scores = len(report.scores)
    parts = [
        ("missed", errors.missed_s),
        (f"  of these {UNKNOWN}", errors.unknown_s),
        ("false alarms", errors.false_alarm_s),
        ("confused", errors.confused_s),
        ("correct", errors.correct_s),
        ("reference voices", errors.total_s),
    ]
    return [
        *textwrap.wrap(
            f"Identification error rate {_percent(errors.rate)}{told} on {clock(errors.total_s)} of voices in "
            f"{n_scores} recording{'' if n_scores == 1 else 's'}",
            _WIDTH,
        ),
        *table(
            ["", "time", "of voices"],
            [[name, clock(seconds), _percent(_part(seconds, errors))] for name, seconds in parts],
        ),
    ]


def _part(seconds: float, errors: Errors) -> float:
    return seconds / errors.total_s if errors.total_s else math.nan


def _model(report: SegmentationReport) -> list[str]:
    told = [f"{key}: {value}" for key, value in report.model.items() if isinstance(value, (str, int, float))]
    return listed("Model", told)


def _times(report: SegmentationReport) -> list[str]:
    rows = [
        [
            printable(one.label),
            *(clock(one.reference_s), clock(one.hypothesis_s), _signed(one.hypothesis_s - one.reference_s)),
            *(_percent(one.reference_share), _percent(one.hypothesis_share)),
            *(f"{one.rmse_s:.1f} s", _percent(one.rmse_share)),
        ]
        for one in report.classes
    ]
    header = ["class", "reference", "found", "error", "share", "found", "RMSE", "of share"]
    return ["Speaking time; RMSE over recordings", *table(header, rows)]


def _recordings(report: SegmentationReport) -> list[str]:
    rows = [
        [
            _percent(one.errors.rate),
            *(clock(one.duration_s), clock(one.errors.total_s), clock(one.errors.missed_s)),
            *(clock(one.errors.false_alarm_s), clock(one.errors.confused_s), printable(one.name)),
        ]
        for one in report.scores[:_LIST_LENGTH]
    ]
    title = f"Recordings, the worst first: {len(rows)} of {len(report.scores)}"
    header = ["error rate", "length", "voices", "missed", "false alarms", "confused", "recording"]
    return [title, *table(header, rows, last_to_the_left=True)]


def _skipped(report: SegmentationReport) -> list[str]:
    entries = [f"{one.path}: {one.reason}" for one in report.skipped]
    return listed(f"Not scored: {len(entries)}", entries)


def _method(report: SegmentationReport) -> list[str]:
    collar = f"without {report.collar_s:g} s around each boundary of the reference" if report.collar_s else "no collar"
    overlap = "overlapping voices left out" if report.skip_overlap else "overlapping voices scored"
    text = (
        f"Scored as pyannote.metrics does, {collar}, {overlap}; {UNKNOWN} is missed. Speaking time counts everything. "
        f"Interval from resampling recordings ({report.resampling.n_resamples} resamples, seed "
        f"{report.resampling.seed}), with five or more."
    )
    return textwrap.wrap(text, _WIDTH)


def _signed(seconds: float) -> str:
    return f"{seconds:+.1f} s"


def _percent(ratio: float) -> str:
    return "n/a" if math.isnan(ratio) else f"{100 * ratio:.1f} %"


def _percents(interval: Interval) -> str:
    return "n/a" if math.isnan(interval.low) else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
