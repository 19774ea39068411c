"""Segmentation reports: sums, errors of speaking time, text and JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from speechgmm.errors import EvaluationError
from speechgmm.evaluation.outcome_counts import Skipped
from speechgmm.segmentation.error_rate import Errors, Score
from speechgmm.segmentation.report import SegmentationReport, report_on
from speechgmm.segmentation.report_json import report_to_json
from speechgmm.segmentation.report_text import report_text

ONE = Score(
    name="one.wav",
    duration_s=100.0,
    errors=Errors(total_s=80, correct_s=60, confused_s=12, missed_s=8, unknown_s=2, false_alarm_s=4),
    reference_s={"female": 60.0, "male": 20.0},
    hypothesis_s={"female": 45.0, "male": 30.0},
)
TWO = Score(
    name="two.wav",
    duration_s=50.0,
    errors=Errors(total_s=20, correct_s=20),
    reference_s={"male": 20.0},
    hypothesis_s={"male": 20.0},
)
SILENT = Score(name="silent.wav", duration_s=9.0, errors=Errors(), reference_s={}, hypothesis_s={})


def report(*scores: Score) -> SegmentationReport:
    return report_on(
        scores,
        collar_s=0.5,
        skip_overlap=False,
        skipped=[Skipped(path="gone.wav", reason="gone.wav: there is no such file")],
        model={"trained": "2026", "labels": ["male"]},
    )


def test_seconds_are_pooled_and_divided_once() -> None:
    """The rate over all recordings is not the mean of their rates."""
    errors = report(ONE, TWO, SILENT).errors
    assert errors.total_s == 100
    assert errors.rate == 24 / 100


def test_speaking_time_errors_worked_by_hand() -> None:
    """Shares over all recordings; RMSE over recordings, of shares over those with speech."""
    female, male = report(ONE, TWO, SILENT).classes
    assert (female.label, female.reference_s, female.hypothesis_s) == ("female", 60, 45)
    assert (male.reference_share, male.hypothesis_share) == (40 / 100, 50 / 95)
    assert female.rmse_s == pytest.approx(math.sqrt((15**2 + 0 + 0) / 3))
    # 45/75 instead of 60/80, and 0 instead of 0.
    assert female.rmse_share == pytest.approx(math.sqrt(((45 / 75 - 60 / 80) ** 2 + 0) / 2))
    assert male.rmse_share == pytest.approx(female.rmse_share)


def test_the_worst_recordings_come_first() -> None:
    """Recordings without an error rate come last."""
    assert [score.name for score in report(SILENT, TWO, ONE).scores] == ["one.wav", "two.wav", "silent.wav"]


def test_the_interval_needs_five_recordings() -> None:
    """With equal recordings its width is 0."""
    assert math.isnan(report(*[ONE] * 4).rate_interval.low)
    interval = report(*[ONE] * 5).rate_interval
    assert (interval.low, interval.high) == (24 / 80, 24 / 80)


def test_nothing_scored_is_an_error() -> None:
    """A report needs at least one score."""
    with pytest.raises(EvaluationError, match="no recording could be scored"):
        report()


def test_the_text_has_every_part() -> None:
    """Error rate and its parts, model, speaking times, recordings, failures, and method."""
    assert report_text(report(ONE, replace(TWO, name="t\nwo.wav"))).splitlines() == [
        "Identification error rate 24.0 % on 0:01:40.0 of reference speech in 2 recordings",
        "                         time     rate",
        "missed speech       0:00:08.0    8.0 %",
        "  labelled unknown  0:00:02.0    2.0 %",
        "false alarm         0:00:04.0    4.0 %",
        "confusion           0:00:12.0   12.0 %",
        "correct             0:01:20.0   80.0 %",
        "reference speech    0:01:40.0  100.0 %",
        "",
        "Model",
        "  trained: 2026",
        "",
        "Speaking time; RMSE over recordings",
        "class   reference  hypothesis    error  ref. share  hyp. share    RMSE  RMSE of share",
        "female  0:01:00.0   0:00:45.0  -15.0 s      60.0 %      47.4 %  10.6 s         10.6 %",
        "male    0:00:40.0   0:00:50.0  +10.0 s      40.0 %      52.6 %   7.1 s         10.6 %",
        "",
        "Worst recordings: 2 of 2",
        "error rate   duration     speech     missed  false alarm  confusion  recording",
        "30.0 %      0:01:40.0  0:01:20.0  0:00:08.0    0:00:04.0  0:00:12.0  one.wav",
        "0.0 %       0:00:50.0  0:00:20.0  0:00:00.0    0:00:00.0  0:00:00.0  t?wo.wav",
        "",
        "Not scored: 1",
        "  gone.wav: gone.wav: there is no such file",
        "",
        "Definitions of pyannote.metrics; collar 0.5 s, overlap scored; unknown over speech is missed speech.",
        "Speaking time includes collars and overlap. Interval from resampling recordings (1000 resamples,",
        "seed 0); none with fewer than 5.",
    ]


def test_long_lists_are_cut_only_in_the_text() -> None:
    """The text lists ten recordings, the JSON has all."""
    scores = [replace(ONE, name=f"{number}.wav") for number in range(12)]
    long_report = report(*scores)
    assert "Worst recordings: 10 of 12" in report_text(long_report)
    assert len(report_to_json(long_report)["recordings"]) == 12
    skipped = [Skipped(path=f"{number}.wav", reason="it is damaged " * 9) for number in range(12)]
    lines = report_text(replace(long_report, skipped=tuple(skipped))).splitlines()
    title = lines.index("Not scored: 12")
    assert lines[title + 1].startswith("  0.wav: it is damaged ")
    assert lines[title + 2].startswith("    ")
    assert lines[title + 21 : title + 23] == ["  and 2 more", ""]
    assert max(map(len, lines)) <= 100


def test_json_has_every_field() -> None:
    """NaN is null."""
    values = json.loads(json.dumps(report_to_json(report(ONE, SILENT)), allow_nan=False))
    assert (values["schema"], values["schema_version"]) == ("speechgmm-segmentation-report", 1)
    assert values["errors"] == {
        **{"rate": 0.3, "total_s": 80, "correct_s": 60, "confused_s": 12},
        **{"missed_s": 8, "unknown_s": 2, "false_alarm_s": 4},
    }
    assert values["rate_interval"] == [None, None]
    assert values["recordings"][1]["errors"]["rate"] is None
    assert values["recordings"][0]["reference_s"] == {"female": 60, "male": 20}
    assert values["classes"][0]["label"] == "female"
    assert (values["collar_s"], values["skip_overlap"], values["resampling"]["seed"]) == (0.5, False, 0)
    assert values["skipped"] == [{"path": "gone.wav", "reason": "gone.wav: there is no such file"}]
