"""Report on the segmentation of several recordings: error rates and speaking times, per recording and over all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechgmm.errors import EvaluationError
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome_counts import Skipped, Warned
from speechgmm.segmentation.array_types import Floats
from speechgmm.segmentation.bootstrap_intervals import ratio_interval
from speechgmm.segmentation.error_rate import Errors, Score


@dataclass(frozen=True, kw_only=True)
class ClassTime:
    """Speaking time of a class over all recordings.

    Attributes
    ----------
    label : str
    reference_s, hypothesis_s : float
        Seconds.
    reference_share, hypothesis_share : float
        Share of the speaking time of all classes; NaN without speech.
    rmse_s : float
        Root mean square over recordings of hypothesis minus reference, in seconds.
    rmse_share : float
        The same for the shares, over recordings with speech in both; NaN without any.
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
    """Report on the segmentations of a model.

    Attributes
    ----------
    errors : Errors
        Sum over all recordings.
    rate_interval : Interval
        95 % interval of their error rate, by resampling recordings; NaN with too few.
    classes : tuple of ClassTime
        Sorted by label.
    scores : tuple of Score
        One per recording, highest error rate first, those without a rate last.
    skipped : tuple of Skipped
        Recordings that could not be scored, with the reason.
    warnings : tuple of Warned
        Recordings whose audio was odd. The results include them.
    collar_s, skip_overlap
        See `score_segmentation`.
    resampling : Resampling
        Of the interval.
    model : mapping
        Model card.
    """

    errors: Errors
    rate_interval: Interval
    classes: tuple[ClassTime, ...]
    scores: tuple[Score, ...]
    skipped: tuple[Skipped, ...]
    warnings: tuple[Warned, ...]
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
    warnings: Sequence[Warned] = (),
    resampling: Resampling = Resampling(),
    model: Mapping[str, Any] | None = None,
) -> SegmentationReport:
    """Make the report from the scores of recordings.

    Parameters
    ----------
    scores : sequence of Score
        From `score_segmentation`.
    collar_s, skip_overlap
        As the scores were made with: see `score_segmentation`.
    skipped : sequence of Skipped
        Recordings that could not be scored.
    warnings : sequence of Warned
        Recordings whose audio was odd.
    resampling : Resampling
        Of recordings, for the interval.
    model : mapping, optional
        Model card.

    Returns
    -------
    SegmentationReport

    Raises
    ------
    EvaluationError
        If there are no scores.
    """
    if not scores:
        raise EvaluationError("no recording could be scored, so there is nothing to report")
    wrong_s = np.array([score.errors.wrong_s for score in scores])
    total_s = np.array([score.errors.total_s for score in scores])
    return SegmentationReport(
        errors=sum((score.errors for score in scores), Errors()),
        rate_interval=ratio_interval(wrong_s, total_s, resampling),
        classes=_class_times(scores),
        scores=tuple(sorted(scores, key=_worst_first)),
        skipped=tuple(skipped),
        warnings=tuple(warnings),
        collar_s=collar_s,
        skip_overlap=skip_overlap,
        resampling=resampling,
        model=model or {},
    )


def _worst_first(score: Score) -> tuple[float, str]:
    rate = score.errors.rate
    return (math.inf if math.isnan(rate) else -rate, score.name)


def _class_times(scores: Sequence[Score]) -> tuple[ClassTime, ...]:
    labels = sorted({label for score in scores for label in score.reference_s})
    reference = np.array([[score.reference_s.get(label, 0.0) for label in labels] for score in scores])
    hypothesis = np.array([[score.hypothesis_s.get(label, 0.0) for label in labels] for score in scores])
    with_speech = (reference.sum(axis=1) > 0) & (hypothesis.sum(axis=1) > 0)
    return tuple(
        ClassTime(
            label=label,
            reference_s=float(reference[:, column].sum()),
            hypothesis_s=float(hypothesis[:, column].sum()),
            reference_share=float(_shares(reference.sum(axis=0))[column]),
            hypothesis_share=float(_shares(hypothesis.sum(axis=0))[column]),
            rmse_s=_rms(hypothesis[:, column] - reference[:, column]),
            rmse_share=_rms((_shares(hypothesis[with_speech]) - _shares(reference[with_speech]))[:, column]),
        )
        for column, label in enumerate(labels)
    )


def _shares(seconds: Floats) -> Floats:
    """Shares of the sum over the last axis; NaN where that is 0."""
    total = seconds.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(seconds, total, out=np.full_like(seconds, np.nan), where=total > 0)
    return shares


def _rms(differences: Floats) -> float:
    return float(np.sqrt(np.mean(differences**2))) if len(differences) else math.nan
