"""Compare two models on the same recordings: differences with bootstrap intervals, and McNemar's exact test.

The bootstrap is paired: it draws both decisions on an utterance together, so the difficulty that both models share
cancels in the difference. If the difference hardly varies between speakers, the intervals are slightly too wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import binomtest

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError
from speechgmm.evaluation import metrics
from speechgmm.evaluation.array_types import Counts, Floats
from speechgmm.evaluation.intervals import Resampling, percentile_interval, speaker_counts
from speechgmm.evaluation.metrics import Interval, Statistic
from speechgmm.evaluation.outcome_counts import missing_class_notes, number_speakers
from speechgmm.evaluation.plain_values import plain
from speechgmm.evaluation.read_scores import ScoreTable

Pair: TypeAlias = tuple[Outcome, Outcome]
Both: TypeAlias = tuple[Counts, Counts]

SCHEMA = "speechgmm-comparison"
SCHEMA_VERSION = 1
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric of both models and its difference.

    Attributes
    ----------
    first, second : float
        Value for each model.
    difference : float
        ``second - first``.
    interval : Interval
        Of the difference.
    """

    first: float
    second: float
    difference: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class ErrorChange:
    """Relative change of the number of errors.

    Attributes
    ----------
    first, second : int
        Errors of each model; an unknown is an error.
    change : float
        ``second / first - 1``: -0.31 is 31 % fewer errors; NaN if the first model makes no error.
    interval : Interval
        Of `change`; unbounded ends are infinite. A resample without errors of both models counts as -1 for the lower
        end and as infinite for the upper end, so the interval may be too wide but not too narrow.
    n_undefined : int
        Resamples in which the first model makes no error.
    """

    first: int
    second: int
    change: float
    interval: Interval
    n_undefined: int


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """McNemar's exact test (McNemar 1947) of equal accuracy on paired utterances.

    Attributes
    ----------
    only_first, only_second : int
        Discordant utterances: those which only one of the models labels correctly.
    p_value : float
        Two-sided exact binomial p-value; 1 without discordant utterances. The test assumes independent utterances: with
        several utterances per speaker the p-value is too small.
    """

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Comparison of two models on the utterances that both tables contain.

    Attributes
    ----------
    first, second : str
        Source of each model's scores.
    classes : tuple of str
        Classes of both models: those of the first, then further classes of the second.
    n_utterances, n_speakers, n_unnamed : int
        Compared utterances, their named speakers, and utterances without a speaker name.
    only_first, only_second : tuple of str
        Paths that only one of the tables contains; they are excluded.
    uar, accuracy : Figure
    errors : ErrorChange
    mcnemar : McNemar
    notes : tuple of str
        Limitations of the results.
    level : float
        Confidence level of the intervals.
    n_resamples, seed : int
        Of the bootstrap over speakers.
    """

    first: str
    second: str
    classes: tuple[str, ...]
    n_utterances: int
    n_speakers: int
    n_unnamed: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    uar: Figure
    accuracy: Figure
    errors: ErrorChange
    mcnemar: McNemar
    notes: tuple[str, ...]
    level: float = LEVEL
    n_resamples: int
    seed: int


def compare(first: ScoreTable, second: ScoreTable, *, n_resamples: int = 1000, seed: int = 0) -> Comparison:
    """Compare two models by their scores of the same recordings.

    Parameters
    ----------
    first, second : ScoreTable
    n_resamples : int
        Bootstrap resamples of speakers within each class, then of utterances within each speaker; at least 1.
    seed : int
        Seed of the bootstrap, at least 0.

    Returns
    -------
    Comparison

    Raises
    ------
    EvaluationError
        If the tables have no recording in common, differ in the corpus label or speaker of a recording, or have fewer
        than two classes.
    OptionError
        If `n_resamples` or `seed` is out of range.
    """
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    pairs = _pairs(first, second)
    classes = tuple(dict.fromkeys((*first.classes, *second.classes)))
    if len(classes) < 2:
        raise EvaluationError(f"{first.source} and {second.source} have one class, {classes[0]!r}, but two are needed")
    speakers, counts = _joint_counts(pairs, classes)
    resamples = resampling.counts(counts)
    totals, resampled = _marginals(counts.sum(axis=0), len(classes)), _marginals(resamples, len(classes))
    errors = _error_change(totals, resampled)
    correct = [[outcome.decision.label == outcome.truth for outcome in pair] for pair in pairs]
    n_unnamed = sum(_with_speaker(pair).speaker is None for pair in pairs)
    return Comparison(
        first=first.source,
        second=second.source,
        classes=classes,
        n_utterances=len(pairs),
        n_speakers=len(speakers),
        n_unnamed=n_unnamed,
        only_first=tuple(outcome.path for key, outcome in first.outcomes.items() if key not in second.outcomes),
        only_second=tuple(outcome.path for key, outcome in second.outcomes.items() if key not in first.outcomes),
        uar=_figure(metrics.unweighted_average_recall, totals, resampled),
        accuracy=_figure(metrics.accuracy, totals, resampled),
        errors=errors,
        mcnemar=mcnemar_exact(correct.count([True, False]), correct.count([False, True])),
        notes=tuple(_notes(counts, classes, n_unnamed, errors, n_resamples)),
        n_resamples=n_resamples,
        seed=seed,
    )


def mcnemar_exact(only_first: int, only_second: int) -> McNemar:
    """McNemar's exact test: a two-sided binomial test of the discordant utterances with probability 1/2."""
    n_discordant = only_first + only_second
    p_value = float(binomtest(only_first, n_discordant).pvalue) if n_discordant else 1.0
    return McNemar(only_first=only_first, only_second=only_second, p_value=p_value)


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Convert a comparison to plain JSON values, one key per field; numbers that are not finite become None."""
    return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **plain(comparison)}


def _pairs(first: ScoreTable, second: ScoreTable) -> list[Pair]:
    """Both outcomes of each common recording, in the order of the first table."""
    pairs = [(outcome, second.outcomes[key]) for key, outcome in first.outcomes.items() if key in second.outcomes]
    if not pairs:
        raise EvaluationError(f"{first.source} and {second.source} have no recording in common: paths must be the same")
    for a, b in pairs:
        for field, value_a, value_b in (
            ("label in the corpus", a.truth, b.truth),
            ("speaker", a.speaker, b.speaker),
        ):
            if value_a != value_b and value_a is not None and value_b is not None:
                raise EvaluationError(
                    f"{a.path}: its {field} is '{value_a}' in {first.source} and '{value_b}' in {second.source}"
                )
    return pairs


def _joint_counts(pairs: Sequence[Pair], classes: Sequence[str]) -> tuple[list[str], Counts]:
    """Counts per speaker of the joint prediction of both models, one of (K + 1) squared: (S, K, (K + 1) squared)."""
    index = {name: number for number, name in enumerate([*classes, UNKNOWN])}
    speakers, numbers = number_speakers([_with_speaker(pair) for pair in pairs])
    predicted = [index[a.decision.label] * len(index) + index[b.decision.label] for a, b in pairs]
    counts = speaker_counts(
        np.array([index[a.truth] for a, _ in pairs], dtype=np.intp),
        np.array(predicted, dtype=np.intp),
        numbers,
        n_classes=len(classes),
        n_columns=len(index) ** 2,
    )
    return speakers, counts


def _with_speaker(pair: Pair) -> Outcome:
    """The outcome that names the speaker, if one does."""
    return pair[1] if pair[0].speaker is None else pair[0]


def _marginals(joint: Counts, n_classes: int) -> Both:
    """Confusion counts of each model, (..., K, K + 1), from joint counts, (..., K, (K + 1) squared)."""
    split = joint.reshape(*joint.shape[:-1], n_classes + 1, n_classes + 1)
    return split.sum(axis=-1), split.sum(axis=-2)


def _figure(statistic: Statistic, totals: Both, resampled: Both) -> Figure:
    first, second = (float(statistic(counts)) for counts in totals)
    differences = statistic(resampled[1]) - statistic(resampled[0])
    return Figure(
        first=first,
        second=second,
        difference=second - first,
        interval=percentile_interval(differences, level=LEVEL),
    )


def _error_change(totals: Both, resampled: Both) -> ErrorChange:
    first, second = (int(_errors(counts)) for counts in totals)
    before, after = (_errors(counts).astype(np.float64) for counts in resampled)
    lowest, highest = (_ratio(after, before, undefined=bound) for bound in (0.0, math.inf))
    # Without interpolation between resamples, because a value may be infinite.
    low = float(np.quantile(lowest, (1.0 - LEVEL) / 2.0, method="lower"))
    high = float(np.quantile(highest, (1.0 + LEVEL) / 2.0, method="higher"))
    return ErrorChange(
        first=first,
        second=second,
        change=second / first - 1.0 if first else math.nan,
        interval=Interval(low - 1.0, high - 1.0) if first else Interval(math.nan, math.nan),
        n_undefined=int((before == 0).sum()),
    )


def _errors(counts: Counts) -> Counts:
    """Number of utterances without the correct label, (..., K, K + 1) to (...)."""
    errors: Counts = counts.sum(axis=(-2, -1)) - metrics.correct(counts).sum(axis=-1)
    return errors


def _ratio(numerator: Floats, denominator: Floats, *, undefined: float) -> Floats:
    """Ratios: infinite if only the denominator is 0, `undefined` if both are 0."""
    ratios = np.where(numerator > 0, math.inf, undefined)
    np.divide(numerator, denominator, out=ratios, where=denominator > 0)
    return ratios


def _notes(
    counts: Counts, classes: Sequence[str], n_unnamed: int, errors: ErrorChange, n_resamples: int
) -> Iterator[str]:
    if n_unnamed:
        yield f"{n_unnamed} utterances have no speaker name; each is counted as a separate speaker"
    n_speakers = counts.any(axis=2).sum(axis=0)
    for name, number in zip(classes, n_speakers.tolist(), strict=True):
        if number == 1:
            yield f"{name!r} has a single speaker: the intervals do not cover variation between speakers of that class"
    yield from missing_class_notes(classes, n_speakers.tolist())
    if errors.first and errors.n_undefined:
        yield (
            f"in {errors.n_undefined} of {n_resamples} resamples the first model makes no error: they widen the "
            "interval of the change"
        )
