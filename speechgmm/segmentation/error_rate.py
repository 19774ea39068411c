"""Identification error rate of a segmentation, with its parts, and the speaking time of each class.

The definitions are those of pyannote.metrics (Bredin 2017); the tests compare with it. At every instant as many
reference segments as hypothesis segments are matched, equal labels first. Matched segments of different labels are
confusion; what is left over in the reference is missed speech, in the hypothesis false alarm. Two overlapping segments
count twice, also if they have the same label. Over several recordings the seconds are summed before the rate is
divided.

`UNKNOWN` in the hypothesis is missed speech where the reference has speech, and no error elsewhere. `NONSPEECH`
segments are ignored.

References
----------
Bredin (2017). pyannote.metrics: a toolkit for reproducible evaluation, diagnostic, and error analysis of speaker
diarization systems. Interspeech, 3587-3591.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import OptionError
from speechgmm.segmentation.array_types import Floats, Mask
from speechgmm.segmentation.segment import NONSPEECH, Segment


@dataclass(frozen=True, kw_only=True)
class Errors:
    """The parts of the identification error rate in seconds; they add up over recordings.

    Attributes
    ----------
    total_s : float
        Reference speech: `correct_s` + `confused_s` + `missed_s`.
    correct_s, confused_s, missed_s : float
        Reference speech with the correct label, with another label (confusion), and without a label (missed speech).
    unknown_s : float
        The part of `missed_s` that is labelled `UNKNOWN`.
    false_alarm_s : float
        Hypothesis speech without reference speech.
    """

    total_s: float = 0.0
    correct_s: float = 0.0
    confused_s: float = 0.0
    missed_s: float = 0.0
    unknown_s: float = 0.0
    false_alarm_s: float = 0.0

    @property
    def wrong_s(self) -> float:
        """Sum of confusion, missed speech and false alarm."""
        return self.confused_s + self.missed_s + self.false_alarm_s

    @property
    def rate(self) -> float:
        """Identification error rate: `wrong_s` / `total_s`; NaN if that is 0."""
        return self.wrong_s / self.total_s if self.total_s else math.nan

    def __add__(self, other: Errors) -> Errors:
        names = [field.name for field in fields(self)]
        return Errors(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class Score:
    """Score of one recording's segmentation.

    Attributes
    ----------
    name : str
        Name of the recording.
    duration_s : float
        Duration in seconds.
    errors : Errors
        Of the time that is scored.
    reference_s, hypothesis_s : mapping of str to float
        Speaking time of each class in the whole recording, in seconds; both have the same classes, sorted. Overlapping
        segments count twice.
    """

    name: str
    duration_s: float
    errors: Errors
    reference_s: Mapping[str, float]
    hypothesis_s: Mapping[str, float]


def score_segmentation(
    reference: Sequence[Segment],
    hypothesis: Sequence[Segment],
    *,
    name: str,
    duration_s: float,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> Score:
    """Score a segmentation against its reference.

    Parameters
    ----------
    reference, hypothesis : sequence of Segment
        In any order, overlapping or not; times outside the recording are ignored.
    name : str
        Name of the recording.
    duration_s : float > 0
        Duration in seconds.
    collar_s : float >= 0
        Seconds around each boundary of the reference that are not scored, half before it and half after. Speaking time
        includes them.
    skip_overlap : bool
        Whether to leave out the time of two or more reference segments.

    Returns
    -------
    Score

    Raises
    ------
    OptionError
        If `collar_s` is negative or not finite.
    """
    check_collar(collar_s)
    reference = [segment for segment in reference if segment.label not in (UNKNOWN, NONSPEECH)]
    hypothesis = [segment for segment in hypothesis if segment.label != NONSPEECH]
    labels = sorted({segment.label for segment in (*reference, *hypothesis)} - {UNKNOWN})
    edges = _edges(reference, hypothesis, duration_s, collar_s)
    in_reference = np.stack([_counts(reference, label, edges) for label in (*labels, UNKNOWN)])
    in_hypothesis = np.stack([_counts(hypothesis, label, edges) for label in (*labels, UNKNOWN)])
    lengths = np.diff(edges)
    scored = lengths * ~_in_collar(reference, edges, collar_s)
    if skip_overlap:
        scored *= in_reference.sum(axis=0) < 2
    return Score(
        name=name,
        duration_s=duration_s,
        errors=_errors(in_reference[:-1], in_hypothesis[:-1], in_hypothesis[-1], scored),
        reference_s=dict(zip(labels, (in_reference @ lengths).tolist(), strict=False)),
        hypothesis_s=dict(zip(labels, (in_hypothesis @ lengths).tolist(), strict=False)),
    )


def check_collar(collar_s: float) -> None:
    """Check a collar.

    Raises
    ------
    OptionError
        If it is negative or not finite.
    """
    if not 0 <= collar_s < math.inf:
        raise OptionError(f"the collar is {collar_s} s; expected seconds, 0 or more")


def _errors(reference: Floats, hypothesis: Floats, unknown: Floats, lengths: Floats) -> Errors:
    """Sum up time pieces within which no segment starts or ends.

    Parameters
    ----------
    reference, hypothesis : array (labels, pieces)
        Number of segments of each label.
    unknown : array (pieces,)
        Number of `UNKNOWN` segments of the hypothesis.
    lengths : array (pieces,)
        Seconds; 0 for pieces that are not scored.
    """
    n_reference, n_hypothesis = reference.sum(axis=0), hypothesis.sum(axis=0)
    correct = np.minimum(reference, hypothesis).sum(axis=0)
    missed = np.maximum(n_reference - n_hypothesis, 0)
    return Errors(
        total_s=float(n_reference @ lengths),
        correct_s=float(correct @ lengths),
        confused_s=float((np.minimum(n_reference, n_hypothesis) - correct) @ lengths),
        missed_s=float(missed @ lengths),
        unknown_s=float(np.minimum(missed, unknown) @ lengths),
        false_alarm_s=float(np.maximum(n_hypothesis - n_reference, 0) @ lengths),
    )


def _edges(reference: Sequence[Segment], hypothesis: Sequence[Segment], duration_s: float, collar_s: float) -> Floats:
    """Times between which nothing changes, from 0 to the recording's end; (pieces + 1,), ascending."""
    boundaries = _boundaries(reference)
    collars = [boundaries - collar_s / 2, boundaries + collar_s / 2]
    times = np.concatenate([[0.0, duration_s], boundaries, *collars, _boundaries(hypothesis)])
    return np.unique(np.clip(times, 0.0, duration_s))


def _boundaries(segments: Sequence[Segment]) -> Floats:
    return np.array([(segment.start, segment.end) for segment in segments], dtype=np.float64).ravel()


def _counts(segments: Sequence[Segment], label: str, edges: Floats) -> Floats:
    """Number of segments of a label in each piece between two edges, (pieces,)."""
    intervals = _boundaries([segment for segment in segments if segment.label == label]).reshape(-1, 2)
    return _coverage(intervals, edges)


def _in_collar(reference: Sequence[Segment], edges: Floats, collar_s: float) -> Mask:
    boundaries = _boundaries(reference)
    inside: Mask = _coverage(boundaries[:, np.newaxis] + [-collar_s / 2, collar_s / 2], edges) > 0
    return inside


def _coverage(intervals: Floats, edges: Floats) -> Floats:
    """Number of intervals (n, 2) over each piece between two edges, (pieces,); the ends of the intervals are edges."""
    changes = np.zeros(len(edges))
    for column, change in ((0, 1.0), (1, -1.0)):
        np.add.at(changes, np.searchsorted(edges, np.clip(intervals[:, column], edges[0], edges[-1])), change)
    coverage: Floats = np.cumsum(changes)[:-1]
    return coverage
