"""Reports on segmentations that were held against references."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from speechgmm.errors import EvaluationError
from speechgmm.evaluation.outcomes import Skipped
from speechgmm.segmentation.report import SegmentationReport, report_on
from speechgmm.segmentation.scoring import Errors, Score
from speechgmm.segmentation.serialise import report_to_json
from speechgmm.segmentation.text import report_text

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
    """The rate of all is not the mean of the rates."""
    found = report(ONE, TWO, SILENT)
    assert found.errors.total_s == 100
    assert found.errors.rate == 24 / 100


def test_speaking_time_errors_worked_by_hand() -> None:
    """Shares of all together; root mean squares over recordings, of shares over those with speech."""
    female, male = report(ONE, TWO, SILENT).classes
    assert (female.label, female.reference_s, female.hypothesis_s) == ("female", 60, 45)
    assert (male.reference_share, male.hypothesis_share) == (40 / 100, 50 / 95)
    assert female.rmse_s == pytest.approx(math.sqrt((15**2 + 0 + 0) / 3))
    # 45/75 instead of 60/80, and 0 instead of 0.
    assert female.rmse_share == pytest.approx(math.sqrt(((45 / 75 - 60 / 80) ** 2 + 0) / 2))
    assert male.rmse_share == pytest.approx(female.rmse_share)


def test_the_worst_recordings_come_first() -> None:
    """Those without a rate come last."""
    assert [one.name for one in report(SILENT, TWO, ONE).scores] == ["one.wav", "two.wav", "silent.wav"]


def test_the_interval_needs_five_recordings() -> None:
    """With equal recordings it has no width."""
    assert math.isnan(report(*[ONE] * 4).rate_interval.low)
    interval = report(*[ONE] * 5).rate_interval
    assert (interval.low, interval.high) == (24 / 80, 24 / 80)


def test_nothing_scored_is_an_error() -> None:
    """The message says so."""
    with pytest.raises(EvaluationError, match="no recording could be scored"):
        report()


def test_the_text_has_every_part() -> None:
    """The headline with its parts, speaking times, recordings, what was left out, and how it was scored."""
    assert report_text(report(ONE, replace(TWO, name="t\nwo.wav"))).splitlines() == [
        "Identification error rate 24.0 % on 0:01:40.0 of voices in 2 recordings",
        "                         time  of voices",
        "missed              0:00:08.0      8.0 %",
        "  of these unknown  0:00:02.0      2.0 %",
        "false alarms        0:00:04.0      4.0 %",
        "confused            0:00:12.0     12.0 %",
        "correct             0:01:20.0     80.0 %",
        "reference voices    0:01:40.0    100.0 %",
        "",
        "Model",
        "  trained: 2026",
        "",
        "Speaking time; RMSE over recordings",
        "class   reference      found    error   share   found    RMSE  of share",
        "female  0:01:00.0  0:00:45.0  -15.0 s  60.0 %  47.4 %  10.6 s    10.6 %",
        "male    0:00:40.0  0:00:50.0  +10.0 s  40.0 %  52.6 %   7.1 s    10.6 %",
        "",
        "Recordings, the worst first: 2 of 2",
        "error rate     length     voices     missed  false alarms   confused  recording",
        "30.0 %      0:01:40.0  0:01:20.0  0:00:08.0     0:00:04.0  0:00:12.0  one.wav",
        "0.0 %       0:00:50.0  0:00:20.0  0:00:00.0     0:00:00.0  0:00:00.0  t?wo.wav",
        "",
        "Not scored: 1",
        "  gone.wav: gone.wav: there is no such file",
        "",
        "Scored as pyannote.metrics does, without 0.5 s around each boundary of the reference, overlapping",
        "voices scored; unknown is missed. Speaking time counts everything. Interval from resampling",
        "recordings (1000 resamples, seed 0), with five or more.",
    ]


def test_long_lists_are_cut_in_the_text_alone() -> None:
    """Ten recordings are listed, all are in the file."""
    scores = [replace(ONE, name=f"{number}.wav") for number in range(12)]
    found = report(*scores)
    assert "Recordings, the worst first: 10 of 12" in report_text(found)
    assert len(report_to_json(found)["recordings"]) == 12
    skipped = [Skipped(path=f"{number}.wav", reason="it is damaged " * 9) for number in range(12)]
    lines = report_text(replace(found, skipped=tuple(skipped))).splitlines()
    at = lines.index("Not scored: 12")
    assert lines[at + 1].startswith("  0.wav: it is damaged ")
    assert lines[at + 2].startswith("    ")
    assert lines[at + 21 : at + 23] == ["  and 2 more", ""]
    assert max(map(len, lines)) <= 100


def test_json_has_every_figure() -> None:
    """What is not a number is null."""
    found = json.loads(json.dumps(report_to_json(report(ONE, SILENT)), allow_nan=False))
    assert (found["schema"], found["schema_version"]) == ("speechgmm-segmentation-report", 1)
    assert found["errors"] == {
        **{"rate": 0.3, "total_s": 80, "correct_s": 60, "confused_s": 12},
        **{"missed_s": 8, "unknown_s": 2, "false_alarm_s": 4},
    }
    assert found["rate_interval"] == [None, None]
    assert found["recordings"][1]["errors"]["rate"] is None
    assert found["recordings"][0]["reference_s"] == {"female": 60, "male": 20}
    assert found["classes"][0]["label"] == "female"
    assert (found["collar_s"], found["skip_overlap"], found["resampling"]["seed"]) == (0.5, False, 0)
    assert found["skipped"] == [{"path": "gone.wav", "reason": "gone.wav: there is no such file"}]
