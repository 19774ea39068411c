"""Speaking times and segmentation reports as plain values for ``json.dumps(..., allow_nan=False)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.plain_values import plain
from speechgmm.segmentation.error_rate import Errors, Score
from speechgmm.segmentation.report import SegmentationReport
from speechgmm.segmentation.speaking_time import Summary, Times

SUMMARY_SCHEMA = "speechgmm-speaking-time"
REPORT_SCHEMA = "speechgmm-segmentation-report"
SCHEMA_VERSION = 1


def summaries_to_json(summaries: Sequence[Summary], overall: Summary | None = None) -> dict[str, Any]:
    """Convert speaking times to plain values.

    Parameters
    ----------
    summaries : sequence of Summary
        One per recording.
    overall : Summary, optional
        Over all of them.

    Returns
    -------
    dict
        ``schema``, ``schema_version``, ``recordings`` and ``overall``; a number that is not finite is None.
    """
    values: dict[str, Any] = plain(
        {
            "schema": SUMMARY_SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "recordings": [_summary(summary) for summary in summaries],
            "overall": None if overall is None else _summary(overall),
        }
    )
    return values


def report_to_json(report: SegmentationReport) -> dict[str, Any]:
    """Convert a segmentation report to plain values.

    Parameters
    ----------
    report : SegmentationReport
        From `report_on`.

    Returns
    -------
    dict
        ``schema``, ``schema_version`` and the fields of the report; a number that is not finite is None.
    """
    values: dict[str, Any] = plain(
        {
            "schema": REPORT_SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "errors": _errors(report.errors),
            "rate_interval": _interval(report.rate_interval),
            "classes": report.classes,
            "recordings": [_score(score) for score in report.scores],
            "skipped": report.skipped,
            "warnings": report.warnings,
            "collar_s": report.collar_s,
            "skip_overlap": report.skip_overlap,
            "resampling": report.resampling,
            "model": report.model,
        }
    )
    return values


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "name": summary.name,
        **_times(summary.times),
        "share_intervals": {label: _interval(interval) for label, interval in summary.intervals.items()},
        "units": summary.units,
        "by_hour": [_times(times) for times in summary.by_hour],
    }


def _times(times: Times) -> dict[str, Any]:
    return {
        "duration_s": times.duration_s,
        "classes_s": times.classes_s,
        "unknown_s": times.unknown_s,
        "nonspeech_s": times.nonspeech_s,
        "shares": {label: times.share(label) for label in times.classes_s},
        "undecided": times.undecided,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "name": score.name,
        "duration_s": score.duration_s,
        "errors": _errors(score.errors),
        "reference_s": score.reference_s,
        "hypothesis_s": score.hypothesis_s,
    }


def _errors(errors: Errors) -> dict[str, Any]:
    return {"rate": errors.rate, **asdict(errors)}


def _interval(interval: Interval) -> list[float]:
    return [interval.low, interval.high]
