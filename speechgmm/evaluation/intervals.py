"""Bootstrap confidence intervals: resample speakers, then the utterances of each drawn speaker.

Utterances of one speaker are correlated, so a resample draws speakers first. For ratios of confusion counts the
resamples are drawn as counts, not as single utterances, by two identities:

- n draws with replacement from the n utterances of a speaker, counted by prediction, are one multinomial draw with
  the speaker's own shares; a speaker drawn r times has r n draws;
- speakers of a class with equal counts are interchangeable, so how often each distinct row of counts is drawn is one
  multinomial draw over the distinct rows.

A resample therefore costs one draw per distinct row of counts, independent of the number of utterances. Memory grows
with the number of resamples only by their confusion counts. Metrics that need every score, such as the EER, use the
number of times each utterance is drawn (`utterance_draws`), one block of resamples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speechgmm.argument_checks import conform_fields
from speechgmm.errors import OptionError
from speechgmm.evaluation.array_types import Counts, Floats, Indices
from speechgmm.evaluation.metrics import Interval

_BLOCK = 1_000_000  # draws in memory at a time


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """Options of the bootstrap.

    Attributes
    ----------
    n_resamples : int
        At least 1.
    seed : int
        At least 0. Every metric starts a new generator from it.
    """

    n_resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        conform_fields(self)
        if self.n_resamples < 1:
            raise OptionError(f"n_resamples is {self.n_resamples}: at least 1 resample is needed for an interval")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}: it must be 0 or more")

    def counts(self, counts: Counts) -> Counts:
        """Resampled confusion counts, see `resample_speakers`."""
        return resample_speakers(counts, n_resamples=self.n_resamples, rng=np.random.default_rng(self.seed))

    def draws(self, truth: Indices, speaker: Indices) -> Iterator[Counts]:
        """Number of times each utterance is drawn, see `utterance_draws`."""
        return utterance_draws(truth, speaker, n_resamples=self.n_resamples, rng=np.random.default_rng(self.seed))


def speaker_counts(
    truth: Indices,
    predicted: Indices,
    speaker: Indices,
    *,
    n_classes: int,
    n_columns: int | None = None,
) -> Counts:
    """Confusion counts per speaker; their sum over the first axis is the total.

    Parameters
    ----------
    truth : array of int (N,)
        Class in the corpus, in [0, K).
    predicted : array of int (N,)
        Predicted class, in [0, K]; K stands for unknown.
    speaker : array of int (N,)
        Speaker, in [0, S); an utterance without a speaker has a number of its own.
    n_classes : int
        K.
    n_columns : int, optional
        C, the number of distinct values of `predicted`; K + 1 by default.

    Returns
    -------
    array of int (S, K, C)
    """
    shape = (int(speaker.max(initial=-1)) + 1, n_classes, n_classes + 1 if n_columns is None else n_columns)
    cells = np.ravel_multi_index((speaker, truth, predicted), shape)
    return np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def resample_speakers(counts: Counts, *, n_resamples: int, rng: np.random.Generator) -> Counts:
    """Draw bootstrap resamples: speakers within each class, then utterances within each drawn speaker.

    Both draws are with replacement. Each class keeps its number of speakers, so it occurs in every resample, and each
    drawn speaker keeps its number of utterances. A speaker with utterances in two classes is drawn independently in
    each. With one speaker in a class only its utterances vary: the interval does not cover variation between speakers.

    Parameters
    ----------
    counts : array of int (S, K, C)
        Confusion counts of each speaker.
    n_resamples : int
        R, at least 1.
    rng : np.random.Generator

    Returns
    -------
    array of int (R, K, C)
    """
    _, n_classes, n_columns = counts.shape
    resamples = np.zeros((n_resamples, n_classes, n_columns), dtype=np.int64)
    for label in range(n_classes):
        rows, n_speakers = np.unique(counts[:, label], axis=0, return_counts=True)
        present = rows.any(axis=1)
        rows, n_speakers = rows[present], n_speakers[present]
        if not len(rows):
            continue
        n_utterances = rows.sum(axis=1)
        shares = rows / n_utterances[:, np.newaxis]
        for resample in resamples:
            drawn = rng.multinomial(n_speakers.sum(), n_speakers / n_speakers.sum())
            resample[label] = rng.multinomial(drawn * n_utterances, shares).sum(axis=0)
    return resamples


def utterance_draws(
    truth: Indices, speaker: Indices, *, n_resamples: int, rng: np.random.Generator
) -> Iterator[Counts]:
    """Draw the resamples of `resample_speakers`, as the number of times each utterance is drawn.

    Parameters
    ----------
    truth : array of int (N,)
        Class in the corpus.
    speaker : array of int (N,)
        Speaker, any integers.
    n_resamples : int
        R, at least 1.
    rng : np.random.Generator

    Yields
    ------
    array of int (B, N)
        A block of B resamples; R resamples in total.
    """
    # Sort by class, then speaker. A cell is a run of utterances of one speaker in one class; cells are drawn per class.
    order = np.lexsort((speaker, truth))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (np.diff(truth[order]) != 0) | (np.diff(speaker[order]) != 0)
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, len(order)))
    _, first_cells, n_cells = np.unique(truth[order][starts], return_index=True, return_counts=True)
    class_starts, class_sizes = np.repeat(first_cells, n_cells), np.repeat(n_cells, n_cells)
    block = max(1, _BLOCK // max(1, len(order)))
    for done in range(0, n_resamples, block):
        draws = np.zeros((min(block, n_resamples - done), len(order)), dtype=np.int64)
        for resample in draws:
            cells = class_starts + rng.integers(class_sizes)
            drawn = np.repeat(cells, sizes[cells])
            resample[order] = np.bincount(starts[drawn] + rng.integers(sizes[drawn]), minlength=len(order))
        yield draws


def percentile_interval(values: Floats, *, level: float = 0.95) -> Interval:
    """Percentile bootstrap interval of a statistic from its values on resamples (Efron 1979).

    Parameters
    ----------
    values : array of float (R,)
        The statistic on each resample.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        The quantiles (1 - level) / 2 and (1 + level) / 2; NaN if the statistic is undefined on a resample.
    """
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))
