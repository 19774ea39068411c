"""Results per class, per group of utterances (duration, SNR, column, fold) and per speaker.

The counts of the rows of a table add up to the counts of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, stdev

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation import metrics
from speechgmm.evaluation.discrimination import Trials
from speechgmm.evaluation.intervals import Resampling, percentile_interval
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome_counts import count_outcomes

_DURATIONS = {"0-1 s": 1.0, "1-2 s": 2.0, "2-3 s": 3.0, "3-5 s": 5.0, "5-10 s": 10.0, "10+ s": math.inf}
_SNRS = {"<5 dB": 5.0, "5-10 dB": 10.0, "10-15 dB": 15.0, "15-20 dB": 20.0, "20-30 dB": 30.0, "30+ dB": math.inf}
_NO_SNR = "none"


@dataclass(frozen=True, kw_only=True)
class ClassResult:
    """Results of one class; `n_predicted` counts the utterances of any class that were given its label."""

    name: str
    n_utterances: int
    n_speakers: int
    n_correct: int
    n_unknown: int
    n_predicted: int
    recall: float
    recall_bootstrap: Interval
    precision: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class GroupResult:
    """Results of a group of utterances."""

    name: str
    n_utterances: int
    n_speakers: int
    n_correct: int
    n_unknown: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    accuracy_wilson: Interval
    accuracy_bootstrap: Interval
    uar: float
    uar_bootstrap: Interval
    eer: float
    cllr: float


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Distribution of a metric over the folds in which it is defined; NaN if there are none.

    Attributes
    ----------
    n_folds : int
        Folds in which the metric is defined.
    minimum, median, maximum : float
    standard_deviation : float
        Sample standard deviation (n - 1); NaN for a single fold.
    """

    n_folds: int
    minimum: float
    median: float
    maximum: float
    standard_deviation: float


@dataclass(frozen=True, kw_only=True)
class SpeakerResult:
    """Results of one speaker with one label; an unknown utterance is an error."""

    speaker: str
    label: str
    n_utterances: int
    n_errors: int
    n_unknown: int
    accuracy: float


def by_class(outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> tuple[ClassResult, ...]:
    """Results per class, in the order of `classes`."""
    speakers, counts = count_outcomes(outcomes, classes)
    total = counts.sum(axis=0)
    recall, precision, f1 = metrics.recall(total), metrics.precision(total), metrics.f1(total)
    recalls = metrics.recall(resampling.counts(counts))
    return tuple(
        ClassResult(
            name=name,
            n_utterances=int(total[i].sum()),
            n_speakers=int(counts[: len(speakers), i].any(axis=1).sum()),
            n_correct=int(total[i, i]),
            n_unknown=int(total[i, -1]),
            n_predicted=int(total[:, i].sum()),
            recall=float(recall[i]),
            recall_bootstrap=percentile_interval(recalls[:, i]),
            precision=float(precision[i]),
            f1=float(f1[i]),
        )
        for i, name in enumerate(classes)
    )


def by_duration(outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> tuple[GroupResult, ...]:
    """Results per duration of the audio, shortest first; a group includes its lower end and excludes its upper."""

    def name_of(outcome: Outcome) -> str:
        return next(name for name, end in _DURATIONS.items() if outcome.duration_s < end)

    members = _members(outcomes, name_of)
    return tuple(summarise(name, members[name], classes, resampling) for name in _DURATIONS if name in members)


def by_snr(outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> tuple[GroupResult, ...]:
    """Results per estimated signal-to-noise ratio, lowest first; empty if no utterance has an estimate."""

    def name_of(outcome: Outcome) -> str:
        return next((name for name, end in _SNRS.items() if outcome.snr_db < end), _NO_SNR)

    members = _members(outcomes, name_of)
    if set(members) == {_NO_SNR}:
        return ()
    return tuple(summarise(name, members[name], classes, resampling) for name in [*_SNRS, _NO_SNR] if name in members)


def by_column(
    outcomes: Sequence[Outcome], classes: Sequence[str], column: str, resampling: Resampling
) -> tuple[GroupResult, ...]:
    """Results per value of a column, sorted; utterances without a value form the group ``""``."""
    members = _members(outcomes, lambda outcome: outcome.value_of(column) or "")
    return tuple(summarise(name, members[name], classes, resampling) for name in sorted(members))


def by_fold(
    outcomes: Sequence[Outcome], classes: Sequence[str], column: str, resampling: Resampling
) -> tuple[GroupResult, ...]:
    """Results per fold of a cross-validation, in order of first occurrence; `column` holds the name of the fold."""
    members = _members(outcomes, lambda outcome: outcome.columns[column])
    return tuple(summarise(name, members[name], classes, resampling) for name in members)


def spread_of(folds: Sequence[GroupResult]) -> Mapping[str, Spread]:
    """Spread of accuracy, UAR, EER and Cllr over the folds."""
    return {metric: _spread([getattr(fold, metric) for fold in folds]) for metric in ("accuracy", "uar", "eer", "cllr")}


def by_speaker(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[SpeakerResult, ...]:
    """Results per named speaker and label: lowest accuracy first, then most errors first."""
    speakers, counts = count_outcomes(outcomes, classes)
    results = [
        SpeakerResult(
            speaker=speaker,
            label=label,
            n_utterances=n_utterances,
            n_errors=n_utterances - int(counts[s, i, i]),
            n_unknown=int(counts[s, i, -1]),
            accuracy=int(counts[s, i, i]) / n_utterances,
        )
        for s, speaker in enumerate(speakers)
        for i, label in enumerate(classes)
        if (n_utterances := int(counts[s, i].sum()))
    ]
    return tuple(sorted(results, key=lambda row: (row.accuracy, -row.n_errors, row.speaker, row.label)))


def summarise(name: str, outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> GroupResult:
    """Results of at least one outcome as one row."""
    speakers, counts = count_outcomes(outcomes, classes)
    total = counts.sum(axis=0)
    n_correct = int(metrics.correct(total).sum())
    resamples = resampling.counts(counts)
    trials = Trials.of(outcomes, classes)
    return GroupResult(
        name=name,
        n_utterances=len(outcomes),
        n_speakers=len(speakers),
        n_correct=n_correct,
        n_unknown=int(total[:, -1].sum()),
        confusion=tuple(tuple(int(count) for count in row) for row in total),
        accuracy=float(metrics.accuracy(total)),
        accuracy_wilson=metrics.wilson_interval(n_correct, len(outcomes)),
        accuracy_bootstrap=percentile_interval(metrics.accuracy(resamples)),
        uar=float(metrics.unweighted_average_recall(total)),
        uar_bootstrap=percentile_interval(metrics.unweighted_average_recall(resamples)),
        eer=trials.eer,
        cllr=trials.cllr,
    )


def _members(outcomes: Sequence[Outcome], name_of: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    members: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault(name_of(outcome), []).append(outcome)
    return members


def _spread(values: Sequence[float]) -> Spread:
    defined = [value for value in values if not math.isnan(value)]
    return Spread(
        n_folds=len(defined),
        minimum=min(defined, default=math.nan),
        median=median(defined) if defined else math.nan,
        maximum=max(defined, default=math.nan),
        standard_deviation=stdev(defined) if len(defined) > 1 else math.nan,
    )
