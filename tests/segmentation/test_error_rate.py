"""Scores of segmentations: compared with pyannote.metrics, cases worked by hand, and properties."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import OptionError
from speechgmm.segmentation.error_rate import Errors, Score, score_segmentation
from speechgmm.segmentation.segment import NONSPEECH, Segment

core = pytest.importorskip("pyannote.core", reason="pyannote.core is not installed")
oracle = pytest.importorskip("pyannote.metrics.identification", reason="pyannote.metrics is not installed")

DURATION_S = 60.0


def segments(*parts: tuple[float, float, str]) -> list[Segment]:
    return [Segment(start=start, end=end, label=label) for start, end, label in parts]


def score(
    reference: list[Segment], hypothesis: list[Segment], *, collar_s: float = 0.0, skip_overlap: bool = False
) -> Score:
    return score_segmentation(
        reference, hypothesis, name="x", duration_s=DURATION_S, collar_s=collar_s, skip_overlap=skip_overlap
    )


def random_segments(rng: np.random.Generator, *, overlapping: bool) -> list[Segment]:
    """Random segments; times are multiples of 1/64 s, so that sums are exact."""
    drawn: list[Segment] = []
    last_end = 0.0
    while last_end < DURATION_S - 10:
        start = last_end + int(rng.integers(-100 if overlapping and last_end > 3 else 0, 150)) / 64
        end = start + int(rng.integers(1, 300)) / 64
        drawn.append(Segment(start=start, end=end, label=str(rng.choice(["female", "male", "child"]))))
        last_end = max(last_end, end)
    return drawn


def annotation(parts: list[Segment]) -> Any:  # pyannote.core has no types
    """The segments as an annotation of pyannote.core."""
    converted = core.Annotation(uri="x")
    for track, segment in enumerate(parts):
        converted[core.Segment(segment.start, segment.end), track] = segment.label
    return converted


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("collar_s", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("skip_overlap", [False, True])
def test_parts_are_those_of_pyannote(seed: int, collar_s: float, skip_overlap: bool) -> None:
    """Every part is that of pyannote.metrics on random segmentations with overlap on both sides."""
    rng = np.random.default_rng(seed)
    reference, hypothesis = random_segments(rng, overlapping=True), random_segments(rng, overlapping=seed % 2 == 1)
    metric = oracle.IdentificationErrorRate(collar=collar_s, skip_overlap=skip_overlap)
    whole = core.Timeline([core.Segment(0, DURATION_S)])
    theirs = metric(annotation(reference), annotation(hypothesis), uem=whole, detailed=True)
    ours = score(reference, hypothesis, collar_s=collar_s, skip_overlap=skip_overlap).errors
    assert ours.total_s == pytest.approx(theirs["total"], abs=1e-9)
    assert ours.correct_s == pytest.approx(theirs["correct"], abs=1e-9)
    assert ours.confused_s == pytest.approx(theirs["confusion"], abs=1e-9)
    assert ours.missed_s == pytest.approx(theirs["missed detection"], abs=1e-9)
    assert ours.false_alarm_s == pytest.approx(theirs["false alarm"], abs=1e-9)
    assert ours.rate == pytest.approx(theirs["identification error rate"], abs=1e-9)


def test_parts_of_a_case_worked_by_hand() -> None:
    """One second each of confusion, missed speech and false alarm in five seconds of reference speech."""
    reference = segments((0, 3, "female"), (5, 7, "male"))
    hypothesis = segments((0, 2, "female"), (2, 3, "male"), (4, 6, "male"))
    expected = Errors(total_s=5, correct_s=3, confused_s=1, missed_s=1, false_alarm_s=1)
    result = score(reference, hypothesis)
    assert result.errors == expected
    assert result.errors.rate == 3 / 5
    assert result.reference_s == {"female": 3, "male": 2}
    assert result.hypothesis_s == {"female": 2, "male": 3}


def test_a_collar_is_half_before_and_half_after() -> None:
    """With a collar of 0.5 s a segment that is 0.25 s late at both ends is correct, a later one is not."""
    reference = segments((1, 3, "female"))
    late = score(reference, segments((1.25, 3.25, "female")), collar_s=0.5).errors
    assert (late.total_s, late.rate) == (1.5, 0.0)
    later = score(reference, segments((1.375, 3.375, "female")), collar_s=0.5).errors
    assert (later.missed_s, later.false_alarm_s) == (0.125, 0.125)


def test_unknown_over_speech_is_missed_speech() -> None:
    """It is never confusion or false alarm and has no speaking time."""
    reference = segments((0, 4, "female"))
    result = score(reference, segments((0, 1, UNKNOWN), (1, 2, "female"), (3, 9, UNKNOWN)))
    assert result.errors == Errors(total_s=4, correct_s=1, missed_s=3, unknown_s=2)
    assert result.hypothesis_s == {"female": 1}


def test_nonspeech_segments_are_ignored() -> None:
    """On both sides."""
    reference, hypothesis = segments((1, 4, "female")), segments((2, 5, "male"))
    silent = segments((0, 9, NONSPEECH))
    assert score(reference + silent, hypothesis + silent) == score(reference, hypothesis)


def test_order_and_cuts_do_not_matter() -> None:
    """The same segments in another order, or each cut in two, have the same score."""
    rng = np.random.default_rng(5)
    reference, hypothesis = random_segments(rng, overlapping=True), random_segments(rng, overlapping=False)
    cut = [
        Segment(start=start, end=end, label=whole.label)
        for whole in hypothesis
        for start, end in itertools.pairwise([whole.start, (whole.start + whole.end) / 2, whole.end])
    ]
    assert score(reference[::-1], cut[::-1]) == score(reference, hypothesis)


def test_times_outside_the_recording_are_ignored() -> None:
    """A segment counts up to the end of the recording."""
    late = segments((DURATION_S - 2, DURATION_S + 5, "female"))
    assert score(late, late).errors == Errors(total_s=2, correct_s=2)


def test_no_speech_has_no_rate() -> None:
    """Without reference speech the rate is NaN; false alarm is still counted in seconds."""
    errors = score([], segments((0, 1, "male"))).errors
    assert math.isnan(errors.rate)
    assert errors.false_alarm_s == 1
    assert score([], []).errors == Errors()


def test_errors_add() -> None:
    """The rate of a sum of errors is not the mean of the rates."""
    both = Errors(total_s=1, missed_s=1) + Errors(total_s=3, correct_s=3, false_alarm_s=0.5)
    assert both == Errors(total_s=4, correct_s=3, missed_s=1, false_alarm_s=0.5)
    assert both.rate == 1.5 / 4


@pytest.mark.parametrize("collar_s", [-0.1, math.nan, math.inf])
def test_a_bad_collar_is_refused(collar_s: float) -> None:
    """The message has the value and the expected range."""
    with pytest.raises(OptionError, match=f"the collar is {collar_s} s; expected seconds, 0 or more"):
        score([], [], collar_s=collar_s)
