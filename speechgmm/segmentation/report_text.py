"""Speaking times and segmentation reports as text for a terminal: at most 100 columns wide except for long names."""

from __future__ import annotations

import math
import textwrap

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.report_text import listed, table
from speechgmm.segmentation.bootstrap_intervals import MIN_UNITS
from speechgmm.segmentation.error_rate import Errors
from speechgmm.segmentation.report import SegmentationReport
from speechgmm.segmentation.segment import NONSPEECH, clock
from speechgmm.segmentation.speaking_time import Summary
from speechgmm.text.terminal import printable

_WIDTH = 100
_LIST_LENGTH = 10


def summary_text(summary: Summary) -> str:
    """Format the speaking times of one or several recordings.

    Parameters
    ----------
    summary : Summary
        From `Tally.summary` or `together`.

    Returns
    -------
    str
        Ends with a newline. Hours are listed if there are two or more.
    """
    times = summary.times
    rows = [
        [printable(label), clock(seconds), _percent(times.share(label)), _percents(summary.intervals[label])]
        for label, seconds in times.classes_s.items()
    ]
    lines = [
        f"Speaking time in {printable(summary.name)}, {clock(times.duration_s)} in all",
        *table(["", "time", "share", "95 % interval"], [*rows, ["all classes", clock(times.decided_s)]]),
        f"{UNKNOWN}: {clock(times.unknown_s)}, {_percent(times.undecided)} of the time that is not {NONSPEECH}",
        f"{NONSPEECH}: {clock(times.nonspeech_s)}",
        *_hours(summary),
        *textwrap.wrap(_interval_note(summary), _WIDTH),
    ]
    return "\n".join(lines) + "\n"


def _interval_note(summary: Summary) -> str:
    if all(math.isnan(interval.low) for interval in summary.intervals.values()):
        return f"No intervals: they need speech in at least {MIN_UNITS} units (here: {summary.units})."
    return f"Intervals of the shares from resampling {summary.units}; label errors are not in them."


def _hours(summary: Summary) -> list[str]:
    if len(summary.by_hour) < 2:
        return []
    labels = list(summary.times.classes_s)
    header = ["by hour", *(printable(label) for label in labels), *("share" for _ in labels), UNKNOWN, NONSPEECH]
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
    """Format a segmentation report.

    Parameters
    ----------
    report : SegmentationReport
        From `report_on`.

    Returns
    -------
    str
        The headline, then sections separated by an empty line; ends with a newline. Lists are cut after ten entries;
        the JSON report has all.
    """
    sections = [
        _headline(report),
        _model(report),
        _times(report),
        _recordings(report),
        _skipped(report),
        _warnings(report),
        _method(report),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _headline(report: SegmentationReport) -> list[str]:
    errors = report.errors
    interval = report.rate_interval
    interval_text = "" if math.isnan(interval.low) else f" (95 % interval {_percents(interval)})"
    n_scores = len(report.scores)
    parts = [
        ("missed speech", errors.missed_s),
        (f"  labelled {UNKNOWN}", errors.unknown_s),
        ("false alarm", errors.false_alarm_s),
        ("confusion", errors.confused_s),
        ("correct", errors.correct_s),
        ("reference speech", errors.total_s),
    ]
    return [
        *textwrap.wrap(
            f"Identification error rate {_percent(errors.rate)}{interval_text} on {clock(errors.total_s)} of reference "
            f"speech in {n_scores} recording{'' if n_scores == 1 else 's'}",
            _WIDTH,
        ),
        *table(
            ["", "time", "rate"],
            [[name, clock(seconds), _percent(_rate(seconds, errors))] for name, seconds in parts],
        ),
    ]


def _rate(seconds: float, errors: Errors) -> float:
    return seconds / errors.total_s if errors.total_s else math.nan


def _model(report: SegmentationReport) -> list[str]:
    entries = [f"{key}: {value}" for key, value in report.model.items() if isinstance(value, (str, int, float))]
    return listed("Model", entries)


def _times(report: SegmentationReport) -> list[str]:
    rows = [
        [
            printable(times.label),
            *(clock(times.reference_s), clock(times.hypothesis_s), _signed(times.hypothesis_s - times.reference_s)),
            *(_percent(times.reference_share), _percent(times.hypothesis_share)),
            *(f"{times.rmse_s:.1f} s", _percent(times.rmse_share)),
        ]
        for times in report.classes
    ]
    header = ["class", "reference", "hypothesis", "error", "ref. share", "hyp. share", "RMSE", "RMSE of share"]
    return ["Speaking time; RMSE over recordings", *table(header, rows)]


def _recordings(report: SegmentationReport) -> list[str]:
    rows = [
        [
            _percent(score.errors.rate),
            *(clock(score.duration_s), clock(score.errors.total_s), clock(score.errors.missed_s)),
            *(clock(score.errors.false_alarm_s), clock(score.errors.confused_s), printable(score.name)),
        ]
        for score in report.scores[:_LIST_LENGTH]
    ]
    title = f"Worst recordings: {len(rows)} of {len(report.scores)}"
    header = ["error rate", "duration", "speech", "missed", "false alarm", "confusion", "recording"]
    return [title, *table(header, rows, last_to_the_left=True)]


def _skipped(report: SegmentationReport) -> list[str]:
    entries = [f"{skipped.path}: {skipped.reason}" for skipped in report.skipped]
    return listed(f"Not scored: {len(entries)}", entries)


def _warnings(report: SegmentationReport) -> list[str]:
    entries = [f"{warned.path}: {warned.warning}" for warned in report.warnings]
    return listed(f"Warnings: {len(entries)}", entries)


def _method(report: SegmentationReport) -> list[str]:
    collar = f"collar {report.collar_s:g} s" if report.collar_s else "no collar"
    overlap = "overlap not scored" if report.skip_overlap else "overlap scored"
    text = (
        f"Definitions of pyannote.metrics; {collar}, {overlap}; {UNKNOWN} over speech is missed speech. Speaking time "
        f"includes collars and overlap. Interval from resampling recordings ({report.resampling.n_resamples} "
        f"resamples, seed {report.resampling.seed}); none with fewer than {MIN_UNITS}."
    )
    return textwrap.wrap(text, _WIDTH)


def _signed(seconds: float) -> str:
    return f"{seconds:+.1f} s"


def _percent(ratio: float) -> str:
    return "n/a" if math.isnan(ratio) else f"{100 * ratio:.1f} %"


def _percents(interval: Interval) -> str:
    return "n/a" if math.isnan(interval.low) else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
