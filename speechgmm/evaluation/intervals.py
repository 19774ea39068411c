"""How sure a figure is, when utterances come in speakers: a bootstrap over speakers.

Utterances of one speaker are alike, so a resample draws speakers, and only then utterances of each drawn speaker.
For figures that are ratios of counts it is made of counts alone, never of single utterances, by two identities:

- n draws with replacement from the n utterances of a speaker, counted by prediction, are one multinomial draw with
  the speaker's own shares; a speaker drawn r times has r n draws;
- speakers of a class with the same counts are interchangeable, so how often each *kind* of speaker is drawn is one
  multinomial draw over the kinds.

A resample hence costs one draw for each distinct kind of speaker, whatever the number of utterances, and memory does
not grow with the number of resamples beyond their confusion counts. Figures that need every score, such as the EER,
take how often each utterance is drawn (`utterance_draws`), a block of resamples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.evaluation.metrics import Counts, Interval

_BLOCK = 1_000_000  # draws in memory at a time


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How an evaluation is resampled.

    Attributes
    ----------
    n_resamples : int
        At least 1.
    seed : int
        Not negative; every figure starts from it anew.
    """

    n_resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_resamples < 1:
            raise OptionError(f"n_resamples is {self.n_resamples}: at least 1 resample is needed for an interval")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}: it must be 0 or more")

    def counts(self, counts: Counts) -> Counts:
        """Resampled confusion counts: see `resample_speakers`."""
        return resample_speakers(counts, n_resamples=self.n_resamples, rng=np.random.default_rng(self.seed))

    def draws(self, truth: npt.NDArray[np.intp], speaker: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.int64]]:
        """How often each utterance is drawn: see `utterance_draws`."""
        return utterance_draws(truth, speaker, n_resamples=self.n_resamples, rng=np.random.default_rng(self.seed))


def speaker_counts(
    truth: npt.NDArray[np.intp],
    predicted: npt.NDArray[np.intp],
    speaker: npt.NDArray[np.intp],
    *,
    n_classes: int,
    n_columns: int | None = None,
) -> Counts:
    """Count predictions speaker by speaker; the sum over the first axis is the confusion of all.

    Parameters
    ----------
    truth : array of int (N,)
        Class in the corpus, in [0, K).
    predicted : array of int (N,)
        Predicted class, in [0, K]; K stands for unknown.
    speaker : array of int (N,)
        Who speaks, in [0, S); an utterance without a speaker has a number of its own.
    n_classes : int
        K.
    n_columns : int, optional
        C, how many predictions there may be where `predicted` stands for more than one class; K + 1 by default.

    Returns
    -------
    array of int (S, K, C)
        Confusion counts of each speaker.
    """
    shape = (int(speaker.max(initial=-1)) + 1, n_classes, n_classes + 1 if n_columns is None else n_columns)
    cells = np.ravel_multi_index((speaker, truth, predicted), shape)
    return np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def resample_speakers(counts: Counts, *, n_resamples: int, rng: np.random.Generator) -> Counts:
    """Draw resamples of an evaluation: speakers within each class, then utterances within each drawn speaker.

    Both draws are with replacement and keep their number: a class keeps its number of speakers, and so is in every
    resample, and a drawn speaker keeps its number of utterances. A speaker with utterances in two classes is drawn in
    each on its own. With one speaker in a class, only the utterances vary and an interval says nothing of other
    speakers.

    Parameters
    ----------
    counts : array of int (S, K, C)
        Confusion counts of each speaker.
    n_resamples : int
        R, at least 1.
    rng : np.random.Generator
        The source of chance.

    Returns
    -------
    array of int (R, K, C)
        Confusion counts of each resample.
    """
    _, n_classes, n_columns = counts.shape
    resamples = np.zeros((n_resamples, n_classes, n_columns), dtype=np.int64)
    for label in range(n_classes):
        kinds, n_speakers = np.unique(counts[:, label], axis=0, return_counts=True)
        present = kinds.any(axis=1)
        kinds, n_speakers = kinds[present], n_speakers[present]
        if not len(kinds):
            continue
        n_utterances = kinds.sum(axis=1)
        shares = kinds / n_utterances[:, np.newaxis]
        for resample in resamples:
            drawn = rng.multinomial(n_speakers.sum(), n_speakers / n_speakers.sum())
            resample[label] = rng.multinomial(drawn * n_utterances, shares).sum(axis=0)
    return resamples


def utterance_draws(
    truth: npt.NDArray[np.intp], speaker: npt.NDArray[np.intp], *, n_resamples: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    """Draw resamples as `resample_speakers` does, and tell how often each utterance is in them.

    Parameters
    ----------
    truth : array of int (N,)
        Class in the corpus.
    speaker : array of int (N,)
        Who speaks.
    n_resamples : int
        R, at least 1.
    rng : np.random.Generator
        The source of chance.

    Yields
    ------
    array of int (B, N)
        Of a block of resamples; R resamples in all.
    """
    # Utterances side by side that one speaker said in one class: the cells that are drawn within each class.
    order = np.lexsort((speaker, truth))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (np.diff(truth[order]) != 0) | (np.diff(speaker[order]) != 0)
    begins = np.flatnonzero(is_first)
    sizes = np.diff(np.append(begins, len(order)))
    _, first_cells, n_cells = np.unique(truth[order][begins], return_index=True, return_counts=True)
    class_begins, class_sizes = np.repeat(first_cells, n_cells), np.repeat(n_cells, n_cells)
    block = max(1, _BLOCK // max(1, len(order)))
    for done in range(0, n_resamples, block):
        draws = np.zeros((min(block, n_resamples - done), len(order)), dtype=np.int64)
        for resample in draws:
            cells = class_begins + rng.integers(class_sizes)
            drawn = np.repeat(cells, sizes[cells])
            resample[order] = np.bincount(begins[drawn] + rng.integers(sizes[drawn]), minlength=len(order))
        yield draws


def percentile_interval(values: npt.NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """Percentile interval of a statistic from its values on resamples (Efron 1979).

    Parameters
    ----------
    values : array of float (R,)
        The statistic on each resample: any function of confusion counts, see `metrics`.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        The quantiles that leave out (1 - level) / 2 on either side; NaN if the statistic is undefined on a resample.
    """
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))
