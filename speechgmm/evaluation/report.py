"""The report of an evaluation: decisions compared with corpus labels.

The entry point is `evaluate`. It counts per speaker first; totals, groups and speakers are sums of these counts, and
every ratio is computed once from a sum.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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
)
from speechgmm.evaluation.columns import further_columns, missing_column, unfit_columns
from speechgmm.evaluation.discrimination import DetectionResult, Trials, discriminate
from speechgmm.evaluation.examples import Example, confident_errors, least_certain
from speechgmm.evaluation.headline import Estimate, Evidence, estimates
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome_counts import Skipped, Warned, check_outcomes, count_outcomes, missing_class_notes
from speechgmm.evaluation.plain_values import plain
from speechgmm.evaluation.score_curves import ScoreCurves, score_curves
from speechgmm.text.data_frames import data_frame

__all__ = ["Outcome", "Report", "Skipped", "Warned", "evaluate"]

SCHEMA = "speechgmm-report"
SCHEMA_VERSION = 2


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
    """All results of one evaluation. An undefined ratio is NaN.

    Attributes
    ----------
    classes : tuple of str
        The K classes, in the order of the model.
    n_utterances, n_speakers, n_unnamed : int
        Utterances, their named speakers, and utterances without a speaker name.
    n_decided, n_unknown, n_correct : int
        Utterances with a label, without a label, and with the correct label.
    heard_s : float
        Seconds of audio of all utterances.
    unknown_reasons : mapping of str to int
        Reasons for `unknown` with their number of utterances, the most frequent first.
    label_metrics : mapping of str to Estimate
        Headline metrics computed from predicted labels: accuracy, accuracy of the decided utterances, UAR.
    confusion : tuple of tuple of int
        (K, K + 1): rows are corpus labels, columns predicted labels, the last column is unknown.
    per_class : tuple of ClassResult
        In the order of `classes`.
    score_metrics : mapping of str to Estimate
        Headline metrics computed from the log-likelihood ratios of the decided utterances: EER (with more than two
        classes the mean of the defined ones in `detection`) and Cllr in bits (`detection.multiclass_cllr`).
    min_cllr : float
        Minimum Cllr; NaN for more than two classes, see `detection` for the value per class.
    detection : tuple of DetectionResult
        With two classes the first is the target; with more, each class against the others.
    curves : tuple of ScoreCurves
        Data of the score figures; one for each of `detection`.
    by_duration : tuple of GroupResult
        By duration of the audio, shortest first; each group includes its lower end and excludes its upper.
    by_snr : tuple of GroupResult
        By estimated signal-to-noise ratio, lowest first; each group includes its lower end and excludes its upper.
    by_column : mapping of str to tuple of GroupResult
        By the values of each requested column, then of every other suitable column; sorted by value; utterances without
        a value form the group ``""``.
    columns_left_out : mapping of str to str
        The other columns, each with the reason.
    folds : tuple of GroupResult
        By fold of a cross-validation, each scored by a model trained on the other folds; otherwise empty.
    fold_spread : mapping of str to Spread
        Spread of "accuracy", "uar", "eer" and "cllr" over the folds; empty without folds.
    per_speaker : tuple of SpeakerResult
        Named speakers, lowest accuracy first.
    confident_errors, least_certain : tuple of Example
        The errors of highest probability, and the decisions of lowest probability.
    skipped : tuple of Skipped
        Excluded recordings.
    warnings : tuple of Warned
        Recordings whose audio was odd. The results include them.
    notes : tuple of str
        Limitations of the results.
    model : mapping of str to anything
        Description of the model, as given by the caller.
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
    heard_s: float
    unknown_reasons: Mapping[str, int]
    label_metrics: Mapping[str, Estimate]
    confusion: tuple[tuple[int, ...], ...]
    per_class: tuple[ClassResult, ...]
    score_metrics: Mapping[str, Estimate]
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
    warnings: tuple[Warned, ...]
    notes: tuple[str, ...]
    model: Mapping[str, Any]
    intervals: IntervalMethod

    @property
    def metrics(self) -> dict[str, Estimate]:
        """All headline metrics by name; the properties below are shortcuts."""
        return {**self.label_metrics, **self.score_metrics}

    @property
    def accuracy(self) -> float:
        """`n_correct` divided by `n_utterances`."""
        return self.label_metrics["accuracy"].value

    @property
    def accuracy_wilson(self) -> Interval:
        """Wilson interval of `accuracy`."""
        return self.label_metrics["accuracy"].intervals["wilson"]

    @property
    def accuracy_bootstrap(self) -> Interval:
        """Bootstrap interval of `accuracy`."""
        return self.label_metrics["accuracy"].intervals["bootstrap"]

    @property
    def accuracy_decided(self) -> float:
        """`n_correct` divided by `n_decided`."""
        return self.label_metrics["accuracy_decided"].value

    @property
    def uar(self) -> float:
        """Mean recall of the classes that occur (balanced accuracy)."""
        return self.label_metrics["uar"].value

    @property
    def uar_bootstrap(self) -> Interval:
        """Bootstrap interval of `uar`."""
        return self.label_metrics["uar"].intervals["bootstrap"]

    @property
    def eer(self) -> float:
        """Equal error rate."""
        return self.score_metrics["eer"].value

    @property
    def eer_bootstrap(self) -> Interval:
        """Bootstrap interval of `eer`."""
        return self.score_metrics["eer"].intervals["bootstrap"]

    @property
    def cllr(self) -> float:
        """Cllr in bits."""
        return self.score_metrics["cllr"].value

    @property
    def cllr_bootstrap(self) -> Interval:
        """Bootstrap interval of `cllr`."""
        return self.score_metrics["cllr"].intervals["bootstrap"]

    def to_dict(self) -> dict[str, Any]:
        """The content of report.json as plain values.

        Returns
        -------
        dict
            ``schema`` and ``schema_version``, then one key per field of `Report`. Headline metrics are on the top
            level: ``<name>``, and ``<name>_<kind>`` per interval. Numbers that are not finite become None, as
            ``json.dumps(..., allow_nan=False)`` requires.
        """
        values: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            values |= _flat(value) if field.name in ("label_metrics", "score_metrics") else {field.name: value}
        return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **plain(values)}

    def to_frame(self, library: str | None = None) -> Any:
        """The headline metrics as a data frame: metric, value, and low and high of the bootstrap interval, else NaN.

        Parameters
        ----------
        library : "pandas" or "polars", optional
            By default pandas, or polars where pandas is not installed.

        Raises
        ------
        OptionError
            If the library is another one, or is not installed.
        """
        rows = []
        for name, estimate in self.metrics.items():
            interval = estimate.intervals.get("bootstrap", Interval(low=math.nan, high=math.nan))
            rows.append({"metric": name, "value": estimate.value, "low": interval.low, "high": interval.high})
        return data_frame(rows, library)


def _flat(estimates: Mapping[str, Estimate]) -> dict[str, float | Interval]:
    values: dict[str, float | Interval] = {}
    for name, estimate in estimates.items():
        values[name] = estimate.value
        values |= {f"{name}_{kind}": interval for kind, interval in estimate.intervals.items()}
    return values


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
    """Compute a report from outcomes.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The classified utterances; at least one.
    classes : sequence of str
        The classes of the model, in its order; with two, the first is the target of EER and Cllr.
    skipped : sequence of Skipped
        Excluded recordings; copied to the report, like `notes` and `model`.
    notes : sequence of str
        Limitations of the results.
    model : mapping of str to anything
        Description of the model.
    by : sequence of str
        Columns of the outcomes to group by, in addition to all suitable columns.
    fold_column : str
        Of a cross-validation, the column with the name of the fold.
    n_resamples : int
        Resamples of the bootstrap, at least 1.
    seed : int
        Seed of the bootstrap, at least 0.

    Returns
    -------
    Report
        Equal for equal arguments.

    Raises
    ------
    EvaluationError
        If there are no outcomes, or one does not fit the classes, see `check_outcomes`.
    OptionError
        If no outcome has a column of `by`, or `n_resamples` or `seed` is out of range.
    """
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    _check_columns(outcomes, by)
    check_outcomes(outcomes, classes, n_skipped=len(skipped))
    speakers, counts = count_outcomes(outcomes, classes)
    total = counts.sum(axis=0)
    n_unknown = int(total[:, -1].sum())
    trials = Trials.of(outcomes, classes)
    scores = discriminate(trials, classes, resampling)
    evidence = Evidence(counts=total, resampled=resampling.counts(counts), trials=trials, discrimination=scores)
    folds = by_fold(outcomes, classes, fold_column, resampling) if fold_column else ()
    unfit = unfit_columns(outcomes)
    further = (column for outcome in outcomes for column in outcome.columns)
    columns = dict.fromkeys([*by, *(column for column in further if column not in unfit and column != fold_column)])
    reasons = Counter(outcome.decision.reason for outcome in outcomes if not outcome.decision.decided)
    return Report(
        classes=tuple(classes),
        n_utterances=len(outcomes),
        n_speakers=len(speakers),
        n_unnamed=sum(outcome.speaker is None for outcome in outcomes),
        n_decided=len(outcomes) - n_unknown,
        n_unknown=n_unknown,
        n_correct=int(metrics.correct(total).sum()),
        heard_s=math.fsum(outcome.duration_s for outcome in outcomes),
        unknown_reasons=dict(reasons.most_common()),
        label_metrics=estimates(evidence, "labels"),
        confusion=tuple(tuple(row) for row in total.tolist()),
        per_class=by_class(outcomes, classes, resampling),
        score_metrics=estimates(evidence, "scores"),
        min_cllr=scores.detections[0].min_cllr if len(scores.detections) == 1 else math.nan,
        detection=scores.detections,
        curves=score_curves(outcomes, classes),
        by_duration=by_duration(outcomes, classes, resampling),
        by_snr=by_snr(outcomes, classes, resampling),
        by_column={column: by_column(outcomes, classes, column, resampling) for column in columns},
        columns_left_out={column: reason for column, reason in unfit.items() if column not in columns},
        folds=folds,
        fold_spread=spread_of(folds) if folds else {},
        per_speaker=by_speaker(outcomes, classes),
        confident_errors=confident_errors(outcomes),
        least_certain=least_certain(outcomes),
        skipped=tuple(skipped),
        warnings=tuple(Warned(path=out.path, warning=out.warning) for out in outcomes if out.warning),
        notes=(*notes, *missing_class_notes(classes, total.sum(axis=1).tolist())),
        model=dict(model),
        intervals=IntervalMethod(n_resamples=n_resamples, seed=seed),
    )


def _check_columns(outcomes: Sequence[Outcome], by: Sequence[str]) -> None:
    missing = missing_column(outcomes, by)
    if missing is not None:
        available = ", ".join(sorted(further_columns(outcomes))) or "none"
        raise OptionError(f"cannot group by '{missing}': the further columns of the recordings are: {available}")
