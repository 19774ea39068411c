"""A report on segmentations that were held against references: recording by recording, and all together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.errors import EvaluationError
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcomes import Skipped
from speechgmm.segmentation.resampling import ratio_interval
from speechgmm.segmentation.scoring import Errors, Score

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ClassTime:
    """Speaking time of a class, found and true, over all recordings.

    Attributes
    ----------
    label : str
    reference_s, hypothesis_s : float
        In seconds.
    reference_share, hypothesis_share : float
        Of the speech of all classes; NaN where there is none.
    rmse_s : float
        Root of the mean over recordings of (hypothesis - reference)², in seconds.
    rmse_share : float
        The same of the shares, over recordings with speech in both; NaN where there is none.
    """

    label: str
    reference_s: float
    hypothesis_s: float
    reference_share: float
    hypothesis_share: float
    rmse_s: float
    rmse_share: float


@dataclass(frozen=True, kw_only=True)
class SegmentationReport:
    """What can be said of a model's segmentations.

    Attributes
    ----------
    errors : Errors
        Of all recordings together.
    rate_interval : Interval
        95 % interval of their rate, from resampling recordings; NaN where they are too few.
    classes : tuple of ClassTime
        In the order of their labels.
    scores : tuple of Score
        One for each recording, the highest rate first, those without a rate last.
    skipped : tuple of Skipped
        Recordings that could not be scored, with the reason.
    collar_s : float
        Seconds around each boundary of the reference that were not scored.
    skip_overlap : bool
        Whether what the reference has overlapping was left out.
    resampling : Resampling
        Behind the interval.
    model : mapping
        What the model says of itself.
    """

    errors: Errors
    rate_interval: Interval
    classes: tuple[ClassTime, ...]
    scores: tuple[Score, ...]
    skipped: tuple[Skipped, ...]
    collar_s: float
    skip_overlap: bool
    resampling: Resampling
    model: Mapping[str, Any]


def report_on(
    scores: Sequence[Score],
    *,
    collar_s: float,
    skip_overlap: bool,
    skipped: Sequence[Skipped] = (),
    resampling: Resampling = Resampling(),
    model: Mapping[str, Any] | None = None,
) -> SegmentationReport:
    """Put the scores of recordings together.

    Parameters
    ----------
    scores : sequence of Score
        From `score_segmentation`.
    collar_s, skip_overlap
        How they were scored.
    skipped : sequence of Skipped
        Recordings that could not be scored.
    resampling : Resampling
        Draws recordings.
    model : mapping, optional
        What the model says of itself.

    Returns
    -------
    SegmentationReport

    Raises
    ------
    EvaluationError
        If there are no scores.
    """
    if not scores:
        raise EvaluationError("there is no segmentation to report on: no recording could be scored")
    wrong_s = np.array([one.errors.wrong_s for one in scores])
    total_s = np.array([one.errors.total_s for one in scores])
    return SegmentationReport(
        errors=sum((one.errors for one in scores), Errors()),
        rate_interval=ratio_interval(wrong_s, total_s, resampling),
        classes=_class_times(scores),
        scores=tuple(sorted(scores, key=_worst_first)),
        skipped=tuple(skipped),
        collar_s=collar_s,
        skip_overlap=skip_overlap,
        resampling=resampling,
        model=model or {},
    )


def _worst_first(score: Score) -> tuple[float, str]:
    rate = score.errors.rate
    return (math.inf if math.isnan(rate) else -rate, score.name)


def _class_times(scores: Sequence[Score]) -> tuple[ClassTime, ...]:
    labels = sorted({label for one in scores for label in one.reference_s})
    reference = np.array([[one.reference_s.get(label, 0.0) for label in labels] for one in scores])
    hypothesis = np.array([[one.hypothesis_s.get(label, 0.0) for label in labels] for one in scores])
    spoken = (reference.sum(axis=1) > 0) & (hypothesis.sum(axis=1) > 0)
    return tuple(
        ClassTime(
            label=label,
            reference_s=float(reference[:, column].sum()),
            hypothesis_s=float(hypothesis[:, column].sum()),
            reference_share=float(_shares(reference.sum(axis=0))[column]),
            hypothesis_share=float(_shares(hypothesis.sum(axis=0))[column]),
            rmse_s=_rms(hypothesis[:, column] - reference[:, column]),
            rmse_share=_rms((_shares(hypothesis[spoken]) - _shares(reference[spoken]))[:, column]),
        )
        for column, label in enumerate(labels)
    )


def _shares(seconds: Floats) -> Floats:
    """Of the sum over the last axis; NaN where that is 0."""
    whole = seconds.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(seconds, whole, out=np.full_like(seconds, np.nan), where=whole > 0)
    return shares


def _rms(differences: Floats) -> float:
    return float(np.sqrt(np.mean(differences**2))) if len(differences) else math.nan
