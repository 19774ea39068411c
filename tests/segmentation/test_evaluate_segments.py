"""Segmentation of recordings and scores against references, with failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from speechgmm.audio.hearing import Heard
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError, CorpusError, EvaluationError, OptionError
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.outcome_counts import Warned
from speechgmm.progress import silent
from speechgmm.segmentation.evaluate_segments import SegmentAssessment, assess_segments
from speechgmm.segmentation.references import Reference
from speechgmm.segmentation.report_json import report_to_json
from speechgmm.segmentation.report_text import report_text
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.segment_recordings import SegmentStream

T = TypeVar("T")


def segment(file: Path) -> Iterator[Segment]:
    """A female voice of 8 s, then non-speech of 2 s."""
    if file.stem == "damaged":
        raise AudioError(f"{file}: it is damaged")
    yield Segment(start=0.0, end=8.0, label="female")
    yield Segment(start=8.0, end=10.0, label=NONSPEECH)


def reference(name: str, *, end: float = 8.0) -> Reference:
    return Reference(
        recording=name, segments=(Segment(start=2.0, end=end, label="female"),), end_s=end, place=f"{name}.rttm:1"
    )


def assessed(*files: str, **options: Any) -> SegmentAssessment:
    recordings = [Recording(file=Path(file), name=file, label="") for file in files]
    references = {name: reference(name) for name in ("one", "two", "damaged")}
    references["late"] = reference("late", end=11.0)
    return assess_segments(segment, recordings, references, model={"m": 1}, **options)


def test_every_recording_is_scored_over_its_whole_length() -> None:
    """A recording ends where its last segment ends, also if that is non-speech."""
    report = assessed("talks/one.wav", "two.wav", resampling=Resampling(seed=3)).report
    assert [score.name for score in report.scores] == ["talks/one.wav", "two.wav"]
    assert [score.duration_s for score in report.scores] == [10.0, 10.0]
    assert (report.errors.total_s, report.errors.correct_s, report.errors.false_alarm_s) == (12, 12, 4)
    assert (report.resampling.seed, report.model) == (3, {"m": 1})


def test_collar_and_overlap_are_passed_on() -> None:
    """Half of the collar is before each boundary: at 2 s it removes false alarm, at 8 s speech."""
    report = assessed("one.wav", collar_s=1.0, skip_overlap=True).report
    assert (report.errors.false_alarm_s, report.errors.total_s) == (1.5, 5)
    assert (report.collar_s, report.skip_overlap) == (1.0, True)


def test_a_bad_collar_is_refused_before_the_work() -> None:
    """No recording is segmented."""
    with pytest.raises(OptionError, match="the collar is -1"):
        assessed("damaged.wav", collar_s=-1)


def test_warnings_are_reported() -> None:
    """A recording whose audio was odd is scored, and listed with the warning."""

    def odd(file: Path) -> SegmentStream:
        return SegmentStream(iter(segment(file)), Heard(remarks=["its channels cancel each other"]))

    recording = Recording(file=Path("one.wav"), name="one.wav", label="")
    report = assess_segments(odd, [recording], {"one": reference("one")}).report

    assert report.warnings == (Warned(path="one.wav", warning="its channels cancel each other"),)
    assert report_to_json(report)["warnings"] == [{"path": "one.wav", "warning": "its channels cancel each other"}]
    assert "Warnings: 1\n  one.wav: its channels cancel each other" in report_text(report)
    assert assessed("one.wav").report.warnings == ()


def test_failures_are_reported() -> None:
    """No reference, a reference that is too long, and a damaged file; the other recording is scored."""
    assessment = assessed("strange.wav", "late.wav", "damaged.wav", "one.wav")
    reasons = [
        "strange.wav: there is no reference for 'strange'",
        (
            "late.rttm:1: the segment ends at 11.000 s, but the recording 'late' at 10.000 s; expected the reference "
            "of this recording"
        ),
        "damaged.wav: it is damaged",
    ]
    assert [failure.reason for failure in assessment.failures] == reasons
    assert [skipped.reason for skipped in assessment.report.skipped] == reasons
    assert [score.name for score in assessment.report.scores] == ["one.wav"]


def test_nothing_scored_is_an_error() -> None:
    """The message has the first reason."""
    with pytest.raises(
        EvaluationError, match=r"none of 2 recordings could be scored, the first: a\.wav: there is no reference for 'a'"
    ):
        assessed("a.wav", "b.wav")


def test_two_recordings_with_one_name_are_refused() -> None:
    """References are matched by file name."""
    with pytest.raises(CorpusError, match=r"b/one\.wav: a/one\.wav has the same file name, so their references cannot"):
        assessed("a/one.wav", "b/one.wav")


def test_progress() -> None:
    """The progress gets the number of recordings."""
    calls: list[tuple[int | None, str]] = []

    def progress(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        calls.append((total, what))
        return silent(items, total=total, what=what)

    assessed("one.wav", "two.wav", progress=progress)
    assert calls == [(2, "segmenting")]
