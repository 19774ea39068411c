"""Two models on the same recordings: which is right more often, and whether that is more than chance.

Both answers to an utterance are drawn together, so what makes an utterance hard for both falls out of the difference.
Where the difference hardly varies with the speaker, drawing speakers and then utterances makes intervals somewhat too
wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError
from speechgmm.evaluation import metrics
from speechgmm.evaluation.intervals import Resampling, percentile_interval, speaker_counts
from speechgmm.evaluation.metrics import Counts, Interval
from speechgmm.evaluation.outcomes import number_speakers
from speechgmm.evaluation.scores import ScoreTable
from speechgmm.evaluation.serialise import plain

Pair: TypeAlias = tuple[Outcome, Outcome]
Both: TypeAlias = tuple[Counts, Counts]
Statistic: TypeAlias = Callable[[Counts], npt.NDArray[np.float64]]

SCHEMA = "speechgmm-comparison"
SCHEMA_VERSION = 1
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of both models and how it differs.

    Attributes
    ----------
    first, second : float
        Of each model.
    difference : float
        Of the second from the first.
    interval : Interval
        Of the difference.
    """

    first: float
    second: float
    difference: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class ErrorChange:
    """How many errors more or fewer the second model makes, in proportion.

    Attributes
    ----------
    first, second : int
        Errors of each model; an unknown is one.
    change : float
        Of the second's over those of the first, less 1: -0.31 for 31 % fewer; NaN if the first makes none.
    interval : Interval
        Of it. A resample in which neither makes an error counts as no errors left for the lower end and as ever more of
        them for the upper one: the interval may be too wide for it, never too narrow. An end without bound is infinite.
    n_undefined : int
        Resamples in which the first makes no error.
    """

    first: int
    second: int
    change: float
    interval: Interval
    n_undefined: int


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """The exact test of McNemar (1947): whether one is right alone more often than the other, utterance by utterance.

    Attributes
    ----------
    only_first, only_second : int
        Utterances on which one alone is right.
    p_value : float
        Two-sided, of as uneven a division by fair tosses; 1 where there are no such utterances. It takes utterances
        as independent, which those of one speaker are not: with several a speaker it is too small.
    """

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two models on the utterances that both answered.

    Attributes
    ----------
    first, second : str
        Where each model's scores are from.
    classes : tuple of str
        Of either model, those of the first before further ones of the second.
    n_utterances, n_speakers, n_unnamed : int
        Utterances compared, their named speakers, and how many name no speaker.
    only_first, only_second : tuple of str
        Paths that only one of them has; they are left out.
    uar, accuracy : Figure
    errors : ErrorChange
    mcnemar : McNemar
    notes : tuple of str
        What the reader should know.
    level : float
        Of the intervals.
    n_resamples, seed : int
        Of the bootstrap by speakers.
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
    """Compare two models by the scores they gave to the same recordings.

    Parameters
    ----------
    first, second : ScoreTable
    n_resamples : int
        Resamples of the bootstrap, at least 1: of speakers within each class, then of utterances within each speaker.
    seed : int
        Of the bootstrap, at least 0.

    Returns
    -------
    Comparison

    Raises
    ------
    EvaluationError
        If they have no recording in common, contradict each other on a label or a speaker, or there are no two classes.
    OptionError
        If `n_resamples` or `seed` cannot be used.
    """
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    pairs = _pairs(first, second)
    classes = tuple(dict.fromkeys((*first.classes, *second.classes)))
    if len(classes) < 2:
        raise EvaluationError(f"{first.source} and {second.source} know one class, {classes[0]!r}, but two are needed")
    speakers, counts = _joint_counts(pairs, classes)
    resamples = resampling.counts(counts)
    totals, resampled = _marginals(counts.sum(axis=0), len(classes)), _marginals(resamples, len(classes))
    errors = _error_change(totals, resampled)
    right = [[one.decision.label == one.truth for one in pair] for pair in pairs]
    n_unnamed = sum(_named(pair).speaker is None for pair in pairs)
    return Comparison(
        first=first.source,
        second=second.source,
        classes=classes,
        n_utterances=len(pairs),
        n_speakers=len(speakers),
        n_unnamed=n_unnamed,
        only_first=tuple(one.path for key, one in first.outcomes.items() if key not in second.outcomes),
        only_second=tuple(one.path for key, one in second.outcomes.items() if key not in first.outcomes),
        uar=_figure(metrics.unweighted_average_recall, totals, resampled),
        accuracy=_figure(metrics.accuracy, totals, resampled),
        errors=errors,
        mcnemar=mcnemar_exact(right.count([True, False]), right.count([False, True])),
        notes=tuple(_notes(counts, classes, n_unnamed, errors, n_resamples)),
        n_resamples=n_resamples,
        seed=seed,
    )


def mcnemar_exact(only_first: int, only_second: int) -> McNemar:
    """McNemar's exact test: the discordant utterances are tosses of a fair coin if neither model is better."""
    n_discordant = only_first + only_second
    p_value = float(binomtest(only_first, n_discordant).pvalue) if n_discordant else 1.0
    return McNemar(only_first=only_first, only_second=only_second, p_value=p_value)


def to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON values: its fields under their names; what is not a finite number is None."""
    return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **plain(comparison)}


def _pairs(first: ScoreTable, second: ScoreTable) -> list[Pair]:
    """The two outcomes of each recording that both have, in the order of the first."""
    pairs = [(one, second.outcomes[key]) for key, one in first.outcomes.items() if key in second.outcomes]
    if not pairs:
        raise EvaluationError(f"{first.source} and {second.source} have no recording in common: paths must be the same")
    for one, other in pairs:
        for what, here, there in (
            ("label in the corpus", one.truth, other.truth),
            ("speaker", one.speaker, other.speaker),
        ):
            if here != there and here is not None and there is not None:
                raise EvaluationError(
                    f"{one.path}: its {what} is '{here}' in {first.source} and '{there}' in {second.source}"
                )
    return pairs


def _joint_counts(pairs: Sequence[Pair], classes: Sequence[str]) -> tuple[list[str], Counts]:
    """Both predictions of each utterance as one of (K + 1) squared, counted speaker by speaker."""
    index = {name: number for number, name in enumerate([*classes, UNKNOWN])}
    speakers, numbers = number_speakers([_named(pair) for pair in pairs])
    predicted = [index[one.decision.label] * len(index) + index[other.decision.label] for one, other in pairs]
    counts = speaker_counts(
        np.array([index[one.truth] for one, _ in pairs], dtype=np.intp),
        np.array(predicted, dtype=np.intp),
        numbers,
        n_classes=len(classes),
        n_columns=len(index) ** 2,
    )
    return speakers, counts


def _named(pair: Pair) -> Outcome:
    """The outcome that says who speaks, if one does."""
    return pair[1] if pair[0].speaker is None else pair[0]


def _marginals(joint: Counts, n_classes: int) -> Both:
    """Each model's confusion counts, (..., K, K + 1), from the joint ones, (..., K, (K + 1) squared)."""
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
    least, most = (_ratio(after, before, undefined=bound) for bound in (0.0, math.inf))
    # Ends are values of resamples, not points between two of them: half-way to infinity is nowhere.
    low = float(np.quantile(least, (1.0 - LEVEL) / 2.0, method="lower"))
    high = float(np.quantile(most, (1.0 + LEVEL) / 2.0, method="higher"))
    return ErrorChange(
        first=first,
        second=second,
        change=second / first - 1.0 if first else math.nan,
        interval=Interval(low - 1.0, high - 1.0) if first else Interval(math.nan, math.nan),
        n_undefined=int((before == 0).sum()),
    )


def _errors(counts: Counts) -> npt.NDArray[np.int64]:
    """Utterances without the right label, (..., K, K + 1) to (...)."""
    errors: npt.NDArray[np.int64] = counts.sum(axis=(-2, -1)) - metrics.correct(counts).sum(axis=-1)
    return errors


def _ratio(
    numerator: npt.NDArray[np.float64], denominator: npt.NDArray[np.float64], *, undefined: float
) -> npt.NDArray[np.float64]:
    """Quotients; infinite over zero, and `undefined` where both are zero."""
    ratios = np.where(numerator > 0, math.inf, undefined)
    np.divide(numerator, denominator, out=ratios, where=denominator > 0)
    return ratios


def _notes(
    counts: Counts, classes: Sequence[str], n_unnamed: int, errors: ErrorChange, n_resamples: int
) -> Iterator[str]:
    if n_unnamed:
        yield f"{n_unnamed} utterances name no speaker; each is taken as a speaker of its own"
    n_speakers = counts.any(axis=2).sum(axis=0)
    for name, number in zip(classes, n_speakers.tolist(), strict=True):
        if number == 1:
            yield f"{name!r} has a single speaker: the intervals say nothing of other speakers of that class"
    missing = [name for name, number in zip(classes, n_speakers.tolist(), strict=True) if not number]
    if missing:
        yield f"no recording has the label {' or '.join(map(repr, missing))}: UAR is the mean recall of the others"
    if errors.first and errors.n_undefined:
        yield (
            f"in {errors.n_undefined} of {n_resamples} resamples the first makes no error: there the change is taken "
            "as whatever makes its interval wider"
        )
