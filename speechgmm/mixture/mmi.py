"""Discriminative re-estimation: class mixtures moved so that their ratio, not each likelihood, fits the data.

Maximum likelihood describes each class as well as it can, also where that tells nothing of the difference. Here the
means climb the posterior probability of the true classes of utterances u (maximum mutual information; Bahl et al.
1986),

    L = - 1/U sum_u log P(c_u | u),     P(c | u) ~ exp( scale m_uc + offset_c )                                  (7)

with m_uc the mean log-likelihood a frame, as in the calibration. Its gradient needs nothing but the statistics (3),
taken with signed frame weights: with e_uc = (P(c | u) - [c = c_u]) / U and g the responsibilities,

    dL/dmean_ck = sum_u scale e_uc / n_u sum_t g_tk (x_t - mean_ck) / v_ck                                       (8)

Steps are Adam's (Kingma & Ba 2015), in units of each component's standard deviation, and what is kept is the average of
the steps' means (Polyak & Juditsky 1992). A pull toward the maximum-likelihood means, the stronger the more frames a
component stands for, keeps the mixtures from learning the known recordings by heart, as I-smoothing does (Povey 2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Axes, Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import accumulate

START_SCALE = 5.0  # a calibration's usual one is about that
SCALE_RATE = 0.02  # Adam's step for the logarithm of the scale and for the offsets
MOMENTUM, SQUARE_MEMORY, TINY = 0.9, 0.99, 1e-8  # Adam's
AVERAGE_FROM = 0.25  # of the steps: before, the means are still on their way


@dataclass(frozen=True, kw_only=True)
class MMIOptions:
    """How mixtures are re-estimated.

    Attributes
    ----------
    steps : int
        How many batches are looked at, 1 or more.
    batch : int
        Cuts of utterances in each, 2 or more.
    rate : float
        Adam's step, in standard deviations of a component; positive.
    i_smoothing : float
        How strongly means are held where maximum likelihood put them; not negative.
    shortest_s, longest_s : float
        Between how many seconds of speech a cut has.
    channel_share, effort_share : float
        Shares of the cuts that are taken from copies of the recordings: through another channel, or spoken with more
        effort; from 0 on, together at most 1. Where voices are raised, maximum likelihood also learns from shouts.
    """

    steps: int = 300
    batch: int = 64
    rate: float = 0.02
    i_smoothing: float = 1.0
    shortest_s: float = 0.2
    longest_s: float = 3.0
    channel_share: float = 0.0
    effort_share: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise OptionError(f"steps is {self.steps}, but it must be 1 or more")
        if self.batch < 2:
            raise OptionError(f"batch is {self.batch}, but it must be 2 or more")
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise OptionError(f"rate is {self.rate}, but it must be positive")
        if not (math.isfinite(self.i_smoothing) and self.i_smoothing >= 0):
            raise OptionError(f"i_smoothing is {self.i_smoothing}, but it must be 0 or more")
        if not 0 < self.shortest_s <= self.longest_s < math.inf:
            raise OptionError(
                f"shortest_s is {self.shortest_s} and longest_s {self.longest_s}, but 0 < shortest_s <= longest_s must "
                "hold"
            )
        if not (self.channel_share >= 0 and self.effort_share >= 0 and self.channel_share + self.effort_share <= 1):
            raise OptionError(
                f"channel_share is {self.channel_share} and effort_share {self.effort_share}, but they must be from 0 "
                "on and together at most 1"
            )


@dataclass(frozen=True, eq=False)
class Batch:
    """Some utterances, or cuts of them.

    Attributes
    ----------
    frames : ndarray (T, D)
        One utterance after the other.
    lengths : ndarray (U,) of int
        How many frames each has, at least 1.
    truth : ndarray (U,) of int
        The class of each.
    """

    frames: Frames
    lengths: npt.NDArray[np.intp]
    truth: npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class MMIFit:
    """Re-estimated mixtures.

    Attributes
    ----------
    mixtures : tuple of DiagonalMixture
        With the weights and variances they had.
    losses : tuple of float
        L of equation (7) in nats, of each batch before its step.
    """

    mixtures: tuple[DiagonalMixture, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Gradient:
    """L of equation (7) for a batch, and its gradient.

    Attributes
    ----------
    loss : float
        In nats.
    means : tuple of ndarray (K, D)
        Equation (8) for each class.
    log_scale : float
    offsets : ndarray (C,)
    """

    loss: float
    means: tuple[Floats, ...]
    log_scale: float
    offsets: Floats


def fit_mmi(mixtures: Sequence[DiagonalMixture], batches: Iterable[Batch], options: MMIOptions) -> MMIFit:
    """Move the means of class mixtures by one step a batch.

    Parameters
    ----------
    mixtures : sequence of DiagonalMixture
        One a class.
    batches : iterable of Batch
        One for each of the options' steps.
    options : MMIOptions

    Returns
    -------
    MMIFit
    """
    n_classes, n_dimensions = len(mixtures), mixtures[0].n_dimensions
    deviations = [np.sqrt(mixture.variances) for mixture in mixtures]
    pulls = [options.i_smoothing / n_dimensions * mixture.weights[:, np.newaxis] for mixture in mixtures]
    moves = [Adam(mixture.means.shape, options.rate) for mixture in mixtures]
    log_scale, offsets = Adam((), SCALE_RATE), Adam((n_classes,), SCALE_RATE)
    averages = [Average(mixture.means.shape) for mixture in mixtures]
    losses: list[float] = []
    for number, batch in enumerate(batches):
        current = _moved(mixtures, deviations, [move.value for move in moves])
        scale = START_SCALE * math.exp(float(log_scale.value))
        found = gradient(current, batch, scale=scale, offsets=offsets.value)
        losses.append(found.loss)
        for move, means, deviation, i_smoothing in zip(moves, found.means, deviations, pulls, strict=True):
            move.step(means * deviation + i_smoothing * move.value)
        log_scale.step(np.asarray(found.log_scale))
        offsets.step(found.offsets)
        if number >= AVERAGE_FROM * options.steps:
            for average, move in zip(averages, moves, strict=True):
                average.add(move.value)
    settled = [average.value if average.count else move.value for average, move in zip(averages, moves, strict=True)]
    return MMIFit(tuple(_moved(mixtures, deviations, settled)), tuple(losses))


def gradient(mixtures: Sequence[DiagonalMixture], batch: Batch, *, scale: float, offsets: Floats) -> Gradient:
    """Equations (7) and (8) for a batch.

    Parameters
    ----------
    mixtures : sequence of DiagonalMixture
    batch : Batch
    scale : float
    offsets : ndarray (C,)

    Returns
    -------
    Gradient
    """
    begins = np.concatenate([[0], np.cumsum(batch.lengths)[:-1]])
    sums = [np.add.reduceat(mixture.log_likelihoods(batch.frames), begins) for mixture in mixtures]
    means = np.stack(sums, axis=1) / batch.lengths[:, np.newaxis]
    log_posteriors = log_softmax(scale * means + offsets, axis=1)
    utterances = np.arange(len(batch.truth))
    errors = np.exp(log_posteriors)
    errors[utterances, batch.truth] -= 1.0
    errors /= len(batch.truth)
    slopes = []
    for mixture, error in zip(mixtures, errors.T, strict=True):
        axes: Axes = mixture.axes
        weights = np.repeat(scale * error / batch.lengths, batch.lengths)
        statistics = accumulate(mixture, batch.frames, axes=axes, frame_weights=weights)
        distances = statistics.first - statistics.occupancies[:, np.newaxis] * (mixture.means - axes.center)
        slopes.append(distances / mixture.variances)
    return Gradient(
        loss=-float(log_posteriors[utterances, batch.truth].mean()),
        means=tuple(slopes),
        log_scale=float((errors * means).sum()) * scale,
        offsets=errors.sum(axis=0),
    )


class Adam:
    """A value that goes down a gradient by Adam's steps, from 0 on.

    Parameters
    ----------
    shape : tuple of int
        Of the value.
    rate : float
        Size of a step.
    """

    def __init__(self, shape: tuple[int, ...], rate: float) -> None:
        self.value: Floats = np.zeros(shape)
        self._rate = rate
        self._mean, self._square = np.zeros(shape), np.zeros(shape)
        self._count = 0

    def step(self, slope: Floats) -> None:
        """Take one step down a slope."""
        self._count += 1
        self._mean += (1 - MOMENTUM) * (slope - self._mean)
        self._square += (1 - SQUARE_MEMORY) * (slope**2 - self._square)
        mean = self._mean / (1 - MOMENTUM**self._count)
        square = self._square / (1 - SQUARE_MEMORY**self._count)
        self.value = self.value - self._rate * mean / (np.sqrt(square) + TINY)


class Average:
    """The running mean of values of one shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value: Floats = np.zeros(shape)
        self.count = 0

    def add(self, value: Floats) -> None:
        """Take one more value into the mean."""
        self.count += 1
        self.value = self.value + (value - self.value) / self.count


def _moved(
    mixtures: Sequence[DiagonalMixture], deviations: Sequence[Floats], moves: Sequence[Floats]
) -> list[DiagonalMixture]:
    triples = zip(mixtures, deviations, moves, strict=True)
    return [replace(mixture, means=mixture.means + deviation * move) for mixture, deviation, move in triples]
