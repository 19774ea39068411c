"""The tables of a report: results by class, by group of utterances, by fold and by speaker.

Every row is counted first; the counts of the rows of a table add up to those of the whole.
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
from speechgmm.evaluation.outcomes import count_outcomes

_DURATIONS = {"0-1 s": 1.0, "1-2 s": 2.0, "2-3 s": 3.0, "3-5 s": 5.0, "5-10 s": 10.0, "10+ s": math.inf}
_RATIOS = {"<5 dB": 5.0, "5-10 dB": 10.0, "10-15 dB": 15.0, "15-20 dB": 20.0, "20-30 dB": 30.0, "30+ dB": math.inf}
_NO_RATIO = "none"
MOST_VALUES = 40  # of a column that results are broken down by without being asked for


@dataclass(frozen=True, kw_only=True)
class ClassResult:
    """One class. `n_correct` of its `n_utterances` got its label; `n_predicted` utterances of any class did."""

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
    """The utterances that have something in common, counted like the whole."""

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
    """How a figure differs between folds; of those in which it is defined, NaN where there are none.

    Attributes
    ----------
    n_folds : int
        In which the figure is defined.
    minimum, median, maximum : float
    standard_deviation : float
        With one degree of freedom less than there are folds; NaN for a single one.
    """

    n_folds: int
    minimum: float
    median: float
    maximum: float
    standard_deviation: float


@dataclass(frozen=True, kw_only=True)
class SpeakerResult:
    """One speaker of one label; an utterance that stayed unknown is an error too."""

    speaker: str
    label: str
    n_utterances: int
    n_errors: int
    n_unknown: int
    accuracy: float


def by_class(outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> tuple[ClassResult, ...]:
    """Give the results of each class, in the order of `classes`."""
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
    """Group by length of the audio, shortest first; a group holds its lower end and not its upper."""

    def name_of(outcome: Outcome) -> str:
        return next(name for name, end in _DURATIONS.items() if outcome.duration_s < end)

    members = _members(outcomes, name_of)
    return tuple(summarise(name, members[name], classes, resampling) for name in _DURATIONS if name in members)


def by_snr(outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> tuple[GroupResult, ...]:
    """Group by estimated signal-to-noise ratio, noisiest first; nothing if there is no estimate at all."""

    def name_of(outcome: Outcome) -> str:
        return next((name for name, end in _RATIOS.items() if outcome.snr_db < end), _NO_RATIO)

    members = _members(outcomes, name_of)
    if set(members) == {_NO_RATIO}:
        return ()
    return tuple(
        summarise(name, members[name], classes, resampling) for name in [*_RATIOS, _NO_RATIO] if name in members
    )


def by_column(
    outcomes: Sequence[Outcome], classes: Sequence[str], column: str, resampling: Resampling
) -> tuple[GroupResult, ...]:
    """Group by the values of a column, sorted; utterances without a value are the group ``""``."""
    members = _members(outcomes, lambda outcome: outcome.columns.get(column, ""))
    return tuple(summarise(name, members[name], classes, resampling) for name in sorted(members))


def by_fold(
    outcomes: Sequence[Outcome], classes: Sequence[str], column: str, resampling: Resampling
) -> tuple[GroupResult, ...]:
    """Group by the column that names the fold of a cross-validation, in the order in which the folds are met."""
    members = _members(outcomes, lambda outcome: outcome.columns[column])
    return tuple(summarise(name, mine, classes, resampling) for name, mine in members.items())


def spread_of(folds: Sequence[GroupResult]) -> Mapping[str, Spread]:
    """How far the folds' accuracy, UAR, EER and Cllr lie apart."""
    return {figure: _spread([getattr(fold, figure) for fold in folds]) for figure in ("accuracy", "uar", "eer", "cllr")}


def unfit_columns(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Columns that no one would break results down by, each with the reason: constants, names of files and the like."""
    reasons = {}
    for column in dict.fromkeys(column for outcome in outcomes for column in outcome.columns):
        n_values = len({outcome.columns.get(column, "") for outcome in outcomes})
        if n_values == 1:
            reasons[column] = "all utterances have the same value"
        elif n_values > MOST_VALUES:
            reasons[column] = f"it has {n_values} values, more than {MOST_VALUES}"
        elif n_values > max(2, len(outcomes) / 2):
            reasons[column] = f"it has {n_values} values for {len(outcomes)} utterances"
    return reasons


def by_speaker(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[SpeakerResult, ...]:
    """Give the results of each named speaker: lowest accuracy first, among equals most errors first."""
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
    return tuple(sorted(results, key=lambda one: (one.accuracy, -one.n_errors, one.speaker, one.label)))


def summarise(name: str, outcomes: Sequence[Outcome], classes: Sequence[str], resampling: Resampling) -> GroupResult:
    """Give the results of some outcomes, at least one, as one row."""
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
