"""Recordings segmented and held against references: what is scored, what is left out, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError, CorpusError, EvaluationError, OptionError
from speechgmm.evaluation.intervals import Resampling
from speechgmm.progress import silent
from speechgmm.segmentation.assess import SegmentAssessment, assess_segments
from speechgmm.segmentation.references import Reference
from speechgmm.segmentation.segment import NONSPEECH, Segment


def segment(file: Path) -> Iterator[Segment]:
    """Eight seconds of a woman, two of nobody."""
    if file.stem == "damaged":
        raise AudioError(f"{file}: it is damaged")
    yield Segment(start=0.0, end=8.0, label="female")
    yield Segment(start=8.0, end=10.0, label=NONSPEECH)


def reference(name: str, *, end: float = 8.0) -> Reference:
    return Reference(
        recording=name, segments=(Segment(start=2.0, end=end, label="female"),), end_s=end, place=f"{name}.rttm:1"
    )


def assessed(*files: str, **options: float | bool) -> SegmentAssessment:
    recordings = [Recording(file=Path(file), name=file, label="") for file in files]
    references = {one.recording: one for one in (reference("one"), reference("two"), reference("late", end=11.0))}
    references["damaged"] = reference("damaged")
    return assess_segments(segment, recordings, references, model={"m": 1}, **options)  # type: ignore[arg-type]


def test_every_recording_is_scored_over_its_whole_length() -> None:
    """The recording ends where its last segment ends; nonspeech at the end counts."""
    report = assessed("talks/one.wav", "two.wav", resampling=Resampling(seed=3)).report
    assert [one.name for one in report.scores] == ["talks/one.wav", "two.wav"]
    assert [one.duration_s for one in report.scores] == [10.0, 10.0]
    assert (report.errors.total_s, report.errors.correct_s, report.errors.false_alarm_s) == (12, 12, 4)
    assert (report.resampling.seed, report.model) == (3, {"m": 1})


def test_how_it_is_scored_is_what_was_asked_for() -> None:
    """Half of the collar lies before the boundary at 2 s, and half before the one at 8 s."""
    report = assessed("one.wav", collar_s=1.0, skip_overlap=True).report
    assert (report.errors.false_alarm_s, report.errors.total_s) == (1.5, 5)
    assert (report.collar_s, report.skip_overlap) == (1.0, True)


def test_a_collar_that_is_no_length_is_refused_before_the_work() -> None:
    """Not after the first hours of segmentation."""
    with pytest.raises(OptionError, match="the collar is -1"):
        assessed("damaged.wav", collar_s=-1)


def test_what_cannot_be_scored_is_left_out_and_told() -> None:
    """No reference, one of another recording, and a damaged file; the others are scored all the same."""
    assessment = assessed("strange.wav", "late.wav", "damaged.wav", "one.wav")
    reasons = [
        "strange.wav: there is no reference for 'strange'",
        "late.rttm:1: the segment ends at 11.000 s, but the recording 'late' at 10.000 s; expected the reference of "
        "this very recording",
        "damaged.wav: it is damaged",
    ]
    assert [failure.reason for failure in assessment.failures] == reasons
    assert [one.reason for one in assessment.report.skipped] == reasons
    assert [one.name for one in assessment.report.scores] == ["one.wav"]


def test_nothing_scored_is_an_error() -> None:
    """With the first reason."""
    with pytest.raises(
        EvaluationError, match=r"none of 2 recordings could be scored, the first: a\.wav: there is no reference for 'a'"
    ):
        assessed("a.wav", "b.wav")


def test_two_recordings_of_one_name_cannot_be_told_apart() -> None:
    """References know recordings by their names."""
    with pytest.raises(CorpusError, match=r"b/one\.wav: a/one\.wav has the same name"):
        assessed("a/one.wav", "b/one.wav")


def test_progress_is_watched() -> None:
    """Recording by recording."""
    seen = []

    def progress(items, *, total, what):  # type: ignore[no-untyped-def]
        seen.append((total, what))
        return silent(items, total=total, what=what)

    assessed("one.wav", "two.wav", progress=progress)  # type: ignore[arg-type]
    assert seen == [(2, "segmenting")]
