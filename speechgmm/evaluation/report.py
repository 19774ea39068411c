"""The report of an evaluation: what the classifier answered, held against the labels of a corpus.

`evaluate` is the way in. It counts first, speaker by speaker; totals, groups and speakers are sums of these counts,
and every ratio is computed from a sum, once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.evaluation import detection, metrics
from speechgmm.evaluation.breakdown import (
    ClassResult,
    GroupResult,
    SpeakerResult,
    by_class,
    by_column,
    by_duration,
    by_speaker,
    summarise,
)
from speechgmm.evaluation.intervals import percentile_interval, resample_speakers
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome import Outcome, Skipped, check_outcomes, count_outcomes

__all__ = ["Outcome", "Report", "Skipped", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """One class against the others by its log-likelihood ratio, on the decided utterances; costs in bits."""

    target: str
    n_targets: int
    n_nontargets: int
    eer: float
    cllr: float
    min_cllr: float


@dataclass(frozen=True, kw_only=True)
class IntervalMethod:
    """How the intervals of a report were computed."""

    level: float = 0.95
    bootstrap: str = "percentiles over resamples of speakers within each class, then of utterances within each speaker"
    wilson: str = "Wilson score interval, as if utterances were independent"
    n_resamples: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """All results of one evaluation. A ratio that is undefined is NaN.

    Attributes
    ----------
    classes : tuple of str
        The K classes, in the order of the model.
    n_utterances, n_speakers, n_unnamed : int
        Utterances, their named speakers, and how many of the utterances name no speaker.
    n_decided, n_unknown, n_correct : int
        Utterances with a label, without one, and with the right one.
    unknown_reasons : mapping of str to int
        Why there was no label, the most frequent reason first.
    accuracy, accuracy_decided : float
        `n_correct` over all utterances, and over the decided ones.
    accuracy_wilson, accuracy_bootstrap : Interval
        Of `accuracy`.
    uar : float
        Mean recall of the classes that occur (balanced accuracy).
    uar_bootstrap : Interval
        Of `uar`.
    confusion : tuple of tuple of int
        (K, K + 1): rows are labels in the corpus, columns predicted labels, the last column is unknown.
    per_class : tuple of ClassResult
        In the order of `classes`.
    eer : float
        Equal error rate on the decided utterances; with more than two classes the mean of those in `detection`.
    cllr : float
        Cost of the log-likelihood ratios in bits; with more than two classes `detection.multiclass_cllr`.
    min_cllr : float
        Cllr after ideal calibration; NaN for more than two classes, where `detection` has it class by class.
    detection : tuple of DetectionResult
        With two classes the first is the target; with more, each in turn against all others.
    by_duration : tuple of GroupResult
        By length of the audio, shortest first; each group holds its lower end and not its upper.
    by_column : mapping of str to tuple of GroupResult
        By the values of each column asked for, sorted; utterances without a value are the group ``""``.
    per_speaker : tuple of SpeakerResult
        Named speakers, the worst first.
    skipped : tuple of Skipped
        Recordings left out.
    notes : tuple of str
        What the reader should know.
    model : mapping of str to anything
        What the caller says of the model.
    intervals : IntervalMethod
        How the intervals were computed.
    """

    classes: tuple[str, ...]
    n_utterances: int
    n_speakers: int
    n_unnamed: int
    n_decided: int
    n_unknown: int
    n_correct: int
    unknown_reasons: Mapping[str, int]
    accuracy: float
    accuracy_wilson: Interval
    accuracy_bootstrap: Interval
    accuracy_decided: float
    uar: float
    uar_bootstrap: Interval
    confusion: tuple[tuple[int, ...], ...]
    per_class: tuple[ClassResult, ...]
    eer: float
    cllr: float
    min_cllr: float
    detection: tuple[DetectionResult, ...]
    by_duration: tuple[GroupResult, ...]
    by_column: Mapping[str, tuple[GroupResult, ...]]
    per_speaker: tuple[SpeakerResult, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    model: Mapping[str, Any]
    intervals: IntervalMethod


def evaluate(
    outcomes: Sequence[Outcome],
    *,
    classes: Sequence[str],
    skipped: Sequence[Skipped] = (),
    notes: Sequence[str] = (),
    model: Mapping[str, Any] = {},
    by: Sequence[str] = (),
    n_resamples: int = 1000,
    seed: int = 0,
) -> Report:
    """Compute every figure of a report.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The classified utterances; at least one.
    classes : sequence of str
        The classes of the model, in its order; with two, the first is the target of EER and Cllr.
    skipped : sequence of Skipped
        Recordings left out, for the record.
    notes : sequence of str
        What the reader should know, for the record.
    model : mapping of str to anything
        Information on the model, for the record.
    by : sequence of str
        Columns of the outcomes to group by.
    n_resamples : int
        Resamples of the bootstrap, at least 1.
    seed : int
        Seed of the bootstrap, at least 0.

    Returns
    -------
    Report
        The same for the same arguments.

    Raises
    ------
    EvaluationError
        If there are no outcomes, or one contradicts the classes.
    OptionError
        If a column, `n_resamples` or `seed` cannot be used.
    """
    _check_options(outcomes, by, n_resamples, seed)
    check_outcomes(outcomes, classes, n_skipped=len(skipped))
    _, counts = count_outcomes(outcomes, classes)
    total = summarise("all", outcomes, classes)
    resamples = resample_speakers(counts, n_resamples=n_resamples, rng=np.random.default_rng(seed))
    decided = [outcome for outcome in outcomes if outcome.decision.decided]
    cllr, detections = _detect(decided, classes)
    reasons = Counter(outcome.decision.reason for outcome in outcomes if not outcome.decision.decided)
    return Report(
        classes=tuple(classes),
        n_utterances=total.n_utterances,
        n_speakers=total.n_speakers,
        n_unnamed=sum(outcome.speaker is None for outcome in outcomes),
        n_decided=len(decided),
        n_unknown=total.n_unknown,
        n_correct=total.n_correct,
        unknown_reasons=dict(reasons.most_common()),
        accuracy=total.accuracy,
        accuracy_wilson=total.accuracy_wilson,
        accuracy_bootstrap=percentile_interval(metrics.accuracy(resamples)),
        accuracy_decided=float(metrics.accuracy_decided(counts.sum(axis=0))),
        uar=total.uar,
        uar_bootstrap=percentile_interval(metrics.unweighted_average_recall(resamples)),
        confusion=total.confusion,
        per_class=by_class(outcomes, classes),
        eer=_mean_defined([one.eer for one in detections]),
        cllr=cllr,
        min_cllr=detections[0].min_cllr if len(detections) == 1 else math.nan,
        detection=detections,
        by_duration=by_duration(outcomes, classes),
        by_column={column: by_column(outcomes, classes, column) for column in by},
        per_speaker=by_speaker(outcomes, classes),
        skipped=tuple(skipped),
        notes=tuple(notes),
        model=dict(model),
        intervals=IntervalMethod(n_resamples=n_resamples, seed=seed),
    )


def _check_options(outcomes: Sequence[Outcome], by: Sequence[str], n_resamples: int, seed: int) -> None:
    if n_resamples < 1:
        raise OptionError(f"n_resamples is {n_resamples}: at least 1 resample is needed for an interval")
    if seed < 0:
        raise OptionError(f"seed is {seed}: it must be 0 or more")
    known = sorted({column for outcome in outcomes for column in outcome.columns})
    for column in by:
        if column not in known and outcomes:
            there = ", ".join(known) or "none"
            raise OptionError(f"cannot group by '{column}': the further columns of the recordings are: {there}")


def _detect(decided: Sequence[Outcome], classes: Sequence[str]) -> tuple[float, tuple[DetectionResult, ...]]:
    """Cllr over all classes, and the detection of the first of two classes or of each of more."""
    rows = [[outcome.decision.log_likelihood_ratios[name] for name in classes] for outcome in decided]
    llrs = np.array(rows, dtype=np.float64).reshape(len(decided), len(classes))
    truth = np.array([classes.index(outcome.truth) for outcome in decided], dtype=np.intp)
    results = []
    for i, target in enumerate(classes[:1] if len(classes) == 2 else classes):
        targets, nontargets = llrs[truth == i, i], llrs[truth != i, i]
        results.append(
            DetectionResult(
                target=target,
                n_targets=len(targets),
                n_nontargets=len(nontargets),
                eer=detection.equal_error_rate(targets, nontargets),
                cllr=detection.cllr(targets, nontargets),
                min_cllr=detection.min_cllr(targets, nontargets),
            )
        )
    return detection.multiclass_cllr(llrs, truth), tuple(results)


def _mean_defined(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan
