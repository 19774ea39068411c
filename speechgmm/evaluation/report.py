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

from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import OptionError
from speechgmm.evaluation import metrics
from speechgmm.evaluation.breakdown import (
    ClassResult,
    GroupResult,
    SpeakerResult,
    Spread,
    by_class,
    by_column,
    by_duration,
    by_fold,
    by_snr,
    by_speaker,
    spread_of,
    summarise,
    unfit_columns,
)
from speechgmm.evaluation.discrimination import DetectionResult, Trials, discriminate
from speechgmm.evaluation.examples import Example, confident_errors, least_certain
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcomes import Skipped, check_outcomes, count_outcomes
from speechgmm.evaluation.score_curves import ScoreCurves, score_curves

__all__ = ["Outcome", "Report", "Skipped", "evaluate"]


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
    eer_bootstrap, cllr_bootstrap : Interval
        Of `eer` and `cllr`.
    min_cllr : float
        Cllr after ideal calibration; NaN for more than two classes, where `detection` has it class by class.
    detection : tuple of DetectionResult
        With two classes the first is the target; with more, each in turn against all others.
    curves : tuple of ScoreCurves
        What pictures of the scores are drawn from; one for each of `detection`.
    by_duration : tuple of GroupResult
        By length of the audio, shortest first; each group holds its lower end and not its upper.
    by_snr : tuple of GroupResult
        By estimated signal-to-noise ratio, the noisiest first; each group holds its lower end and not its upper.
    by_column : mapping of str to tuple of GroupResult
        By the values of each column asked for, then of every other one that is fit for it; sorted; utterances without a
        value are the group ``""``.
    columns_left_out : mapping of str to str
        The other columns, each with the reason why nothing is broken down by it.
    folds : tuple of GroupResult
        Of a cross-validation, each answered by a model of the other folds; else empty.
    fold_spread : mapping of str to Spread
        How far the folds' "accuracy", "uar", "eer" and "cllr" lie apart; empty without folds.
    per_speaker : tuple of SpeakerResult
        Named speakers, the worst first.
    confident_errors, least_certain : tuple of Example
        The wrong answers of highest probability, and the answers of lowest.
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
    eer_bootstrap: Interval
    cllr: float
    cllr_bootstrap: Interval
    min_cllr: float
    detection: tuple[DetectionResult, ...]
    curves: tuple[ScoreCurves, ...]
    by_duration: tuple[GroupResult, ...]
    by_snr: tuple[GroupResult, ...]
    by_column: Mapping[str, tuple[GroupResult, ...]]
    columns_left_out: Mapping[str, str]
    folds: tuple[GroupResult, ...]
    fold_spread: Mapping[str, Spread]
    per_speaker: tuple[SpeakerResult, ...]
    confident_errors: tuple[Example, ...]
    least_certain: tuple[Example, ...]
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
    fold_column: str = "",
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
        Columns of the outcomes to group by, besides those that are fit for it.
    fold_column : str
        The column that names each outcome's fold, if they are those of a cross-validation.
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
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    _check_columns(outcomes, by)
    check_outcomes(outcomes, classes, n_skipped=len(skipped))
    _, counts = count_outcomes(outcomes, classes)
    total = summarise("all", outcomes, classes, resampling)
    scores = discriminate(Trials.of(outcomes, classes), classes, resampling)
    folds = by_fold(outcomes, classes, fold_column, resampling) if fold_column else ()
    unfit = unfit_columns(outcomes)
    further = (column for outcome in outcomes for column in outcome.columns)
    columns = dict.fromkeys([*by, *(column for column in further if column not in unfit and column != fold_column)])
    reasons = Counter(outcome.decision.reason for outcome in outcomes if not outcome.decision.decided)
    return Report(
        classes=tuple(classes),
        n_utterances=total.n_utterances,
        n_speakers=total.n_speakers,
        n_unnamed=sum(outcome.speaker is None for outcome in outcomes),
        n_decided=total.n_utterances - total.n_unknown,
        n_unknown=total.n_unknown,
        n_correct=total.n_correct,
        unknown_reasons=dict(reasons.most_common()),
        accuracy=total.accuracy,
        accuracy_wilson=total.accuracy_wilson,
        accuracy_bootstrap=total.accuracy_bootstrap,
        accuracy_decided=float(metrics.accuracy_decided(counts.sum(axis=0))),
        uar=total.uar,
        uar_bootstrap=total.uar_bootstrap,
        confusion=total.confusion,
        per_class=by_class(outcomes, classes, resampling),
        eer=scores.eer,
        eer_bootstrap=scores.eer_bootstrap,
        cllr=scores.cllr,
        cllr_bootstrap=scores.cllr_bootstrap,
        min_cllr=scores.detections[0].min_cllr if len(scores.detections) == 1 else math.nan,
        detection=scores.detections,
        curves=score_curves(outcomes, classes),
        by_duration=by_duration(outcomes, classes, resampling),
        by_snr=by_snr(outcomes, classes, resampling),
        by_column={column: by_column(outcomes, classes, column, resampling) for column in columns},
        columns_left_out={column: why for column, why in unfit.items() if column not in columns},
        folds=folds,
        fold_spread=spread_of(folds) if folds else {},
        per_speaker=by_speaker(outcomes, classes),
        confident_errors=confident_errors(outcomes),
        least_certain=least_certain(outcomes),
        skipped=tuple(skipped),
        notes=tuple(notes),
        model=dict(model),
        intervals=IntervalMethod(n_resamples=n_resamples, seed=seed),
    )


def _check_columns(outcomes: Sequence[Outcome], by: Sequence[str]) -> None:
    known = sorted({column for outcome in outcomes for column in outcome.columns})
    for column in by:
        if column not in known and outcomes:
            there = ", ".join(known) or "none"
            raise OptionError(f"cannot group by '{column}': the further columns of the recordings are: {there}")
