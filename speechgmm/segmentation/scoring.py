"""How right a segmentation is: the identification error rate with its parts, and the speaking time of each class.

The rate and its parts are those of pyannote.metrics (Bredin 2017), which the tests hold it against: at every instant as
many reference voices as hypothesis voices are matched, label by label; what is left over on both sides is confusion,
on one side a miss or a false alarm. Two women at once are two voices. Seconds add up over recordings, the rate is
divided once.

`UNKNOWN` claims no class: over speech it is a miss, and told apart as such; elsewhere it is no error. `NONSPEECH` is
the absence of a voice.

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
import numpy.typing as npt

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import OptionError
from speechgmm.segmentation.segment import NONSPEECH, Segment

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Seconds of voices, right and wrong; they add.

    Attributes
    ----------
    total_s : float
        Of voices in the reference: `correct_s` + `confused_s` + `missed_s`.
    correct_s, confused_s, missed_s : float
        With the right label, with a wrong one, with none.
    unknown_s : float
        The part of `missed_s` that was answered with `UNKNOWN`.
    false_alarm_s : float
        Of voices in the hypothesis for which the reference has none.
    """

    total_s: float = 0.0
    correct_s: float = 0.0
    confused_s: float = 0.0
    missed_s: float = 0.0
    unknown_s: float = 0.0
    false_alarm_s: float = 0.0

    @property
    def wrong_s(self) -> float:
        """Confusion, misses and false alarms."""
        return self.confused_s + self.missed_s + self.false_alarm_s

    @property
    def rate(self) -> float:
        """Identification error rate: `wrong_s` over `total_s`; NaN where that is 0."""
        return self.wrong_s / self.total_s if self.total_s else math.nan

    def __add__(self, other: Errors) -> Errors:
        names = [one.name for one in fields(self)]
        return Errors(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class Score:
    """A segmentation of one recording, held against its reference.

    Attributes
    ----------
    name : str
        How the recording is called.
    duration_s : float
        Its length in seconds.
    errors : Errors
        Of the part that is scored.
    reference_s, hypothesis_s : mapping of str to float
        Speaking time of each class in the whole recording, in seconds; the same classes in both, sorted. Two voices at
        once count twice.
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
    """Hold a segmentation against its reference.

    Parameters
    ----------
    reference, hypothesis : sequence of Segment
        In any order, overlapping or not; what lies outside the recording does not count.
    name : str
        How the recording is called.
    duration_s : float > 0
        Its length in seconds.
    collar_s : float >= 0
        Around each boundary of the reference, so many seconds are not scored: half of them before it, half after.
        Speaking time counts all the same.
    skip_overlap : bool
        Whether to leave out where the reference has two voices or more.

    Returns
    -------
    Score

    Raises
    ------
    OptionError
        If `collar_s` is negative or no number.
    """
    check_collar(collar_s)
    voices = [one for one in reference if one.label not in (UNKNOWN, NONSPEECH)]
    answers = [one for one in hypothesis if one.label != NONSPEECH]
    labels = sorted({one.label for one in (*voices, *answers)} - {UNKNOWN})
    edges = _edges(voices, answers, duration_s, collar_s)
    in_reference = np.stack([_present(voices, label, edges) for label in (*labels, UNKNOWN)])
    in_hypothesis = np.stack([_present(answers, label, edges) for label in (*labels, UNKNOWN)])
    lengths = np.diff(edges)
    scored = lengths * ~_in_collar(voices, edges, collar_s)
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
    """Refuse a collar that is no length.

    Raises
    ------
    OptionError
        If it is negative or no finite number.
    """
    if not 0 <= collar_s < math.inf:
        raise OptionError(f"the collar is {collar_s} s; expected seconds, 0 or more")


def _errors(reference: Floats, hypothesis: Floats, unknown: Floats, lengths: Floats) -> Errors:
    """Sum up pieces in which nothing changes.

    Parameters
    ----------
    reference, hypothesis : array (labels, pieces)
        How many voices of each label there are.
    unknown : array (pieces,)
        How often the hypothesis says `UNKNOWN`.
    lengths : array (pieces,)
        In seconds; 0 for what is not scored.
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


def _edges(voices: Sequence[Segment], answers: Sequence[Segment], duration_s: float, collar_s: float) -> Floats:
    """Every time at which anything changes, from 0 to the recording's end; (pieces + 1,), ascending."""
    borders = _borders(voices)
    times = [borders - collar_s / 2, borders + collar_s / 2, _borders(answers), borders, np.array([0.0, duration_s])]
    return np.unique(np.clip(np.concatenate(times), 0.0, duration_s))


def _borders(segments: Sequence[Segment]) -> Floats:
    return np.array([(one.start, one.end) for one in segments], dtype=np.float64).ravel()


def _present(segments: Sequence[Segment], label: str, edges: Floats) -> Floats:
    """How many segments have the label in each piece between two edges, (pieces,)."""
    times = _borders([one for one in segments if one.label == label]).reshape(-1, 2)
    return _covering(times, edges)


def _in_collar(voices: Sequence[Segment], edges: Floats, collar_s: float) -> npt.NDArray[np.bool_]:
    borders = _borders(voices)
    inside: npt.NDArray[np.bool_] = _covering(borders[:, np.newaxis] + [-collar_s / 2, collar_s / 2], edges) > 0
    return inside


def _covering(intervals: Floats, edges: Floats) -> Floats:
    """How many of the intervals (n, 2), whose ends are edges, cover each piece between two edges."""
    changes = np.zeros(len(edges))
    for column, change in ((0, 1.0), (1, -1.0)):
        np.add.at(changes, np.searchsorted(edges, np.clip(intervals[:, column], edges[0], edges[-1])), change)
    covering: Floats = np.cumsum(changes)[:-1]
    return covering
