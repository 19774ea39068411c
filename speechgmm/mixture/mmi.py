"""Discriminative training of the means of class mixtures by maximum mutual information (MMI; Bahl et al. 1986).

Maximum likelihood describes each class as well as possible, also where this does not help to separate the classes. MMI
maximises the posterior probability of the true classes c_u of utterances u, that is, minimises

    L = - 1/U sum_u log P(c_u | u),     P(c | u) ~ exp( scale m_uc + offset_c )                                  (7)

with m_uc the mean log-likelihood per frame, as in the calibration. The gradient needs the statistics (3) only, with
signed frame weights. With e_uc = (P(c | u) - [c = c_u]) / U and the responsibilities g,

    dL/dmean_ck = sum_u scale e_uc / n_u sum_t g_tk (x_t - mean_ck) / v_ck                                       (8)

- Steps are those of Adam (Kingma & Ba 2015), in units of each component's standard deviation.
- The result is the average of the means over the steps (Polyak averaging; Polyak & Juditsky 1992).
- I-smoothing (Povey 2003) limits overfitting: a penalty pulls the means toward their maximum-likelihood values, in
  proportion to the weight of the component.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Axes, Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import accumulate

INITIAL_SCALE = 5.0  # close to the usual scale of a calibration
SCALE_LEARNING_RATE = 0.02  # of Adam for the logarithm of the scale and for the offsets
BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-8  # Adam: decay rates of the two moments, term in the denominator
AVERAGE_FROM = 0.25  # share of the steps before averaging starts; the means of the first steps are far from the result


@dataclass(frozen=True, kw_only=True)
class MMIOptions:
    """Options of discriminative training (MMI).

    Attributes
    ----------
    steps : int
        Number of steps, one batch each; 1 or more.
    batch_size : int
        Cuts of utterances per batch, 2 or more.
    learning_rate : float
        Learning rate of Adam, in standard deviations of a component; positive.
    i_smoothing : float
        Strength of the penalty that pulls the means toward their maximum-likelihood values; not negative.
    shortest_s, longest_s : float
        Range of the duration of cuts, in seconds of speech.
    channel_share, effort_share : float
        Shares of the cuts with channel and vocal effort augmentation; not negative, sum at most 1. With an effort share
        above 0, maximum likelihood training also uses shout augmentation.
    """

    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 0.02
    i_smoothing: float = 1.0
    shortest_s: float = 0.2
    longest_s: float = 3.0
    channel_share: float = 0.0
    effort_share: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise OptionError(f"steps is {self.steps}, but it must be 1 or more")
        if self.batch_size < 2:
            raise OptionError(f"batch_size is {self.batch_size}, but it must be 2 or more")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise OptionError(f"learning_rate is {self.learning_rate}, but it must be positive and finite")
        if not (math.isfinite(self.i_smoothing) and self.i_smoothing >= 0):
            raise OptionError(f"i_smoothing is {self.i_smoothing}, but it must be 0 or more and finite")
        if not 0 < self.shortest_s <= self.longest_s < math.inf:
            raise OptionError(
                f"shortest_s is {self.shortest_s} and longest_s {self.longest_s}, but both must be positive and finite "
                "and shortest_s at most longest_s"
            )
        if not (self.channel_share >= 0 and self.effort_share >= 0 and self.channel_share + self.effort_share <= 1):
            raise OptionError(
                f"channel_share is {self.channel_share} and effort_share {self.effort_share}, but both must be 0 or "
                "more and their sum at most 1"
            )


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of U utterances or cuts of utterances.

    Attributes
    ----------
    frames : ndarray (T, D)
        The frames of all utterances, concatenated.
    lengths : ndarray (U,) of int
        Number of frames of each utterance, at least 1.
    truth : ndarray (U,) of int
        Index of the true class of each utterance.
    """

    frames: Frames
    lengths: npt.NDArray[np.intp]
    truth: npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class MMIFit:
    """Mixtures after discriminative training.

    Attributes
    ----------
    mixtures : tuple of DiagonalMixture
        With new means; weights and variances are unchanged.
    losses : tuple of float
        Loss L of equation (7) in nats, of each batch before its step.
    """

    mixtures: tuple[DiagonalMixture, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Gradient:
    """Loss L of equation (7) for a batch, and its gradient.

    Attributes
    ----------
    loss : float
        In nats.
    means : tuple of ndarray (K, D)
        Gradient with respect to the means of each class, equation (8).
    log_scale : float
        Derivative with respect to the logarithm of the scale.
    offsets : ndarray (C,)
        Gradient with respect to the offsets.
    """

    loss: float
    means: tuple[Floats, ...]
    log_scale: float
    offsets: Floats


def fit_mmi(
    mixtures: Sequence[DiagonalMixture],
    batches: Iterable[Batch],
    options: MMIOptions,
    *,
    monitor: Callable[[Sequence[float]], None] | None = None,
) -> MMIFit:
    """Train the means of class mixtures discriminatively, one Adam step per batch.

    Parameters
    ----------
    mixtures : sequence of DiagonalMixture
        One per class.
    batches : iterable of Batch
        One per step.
    options : MMIOptions
    monitor : callable, optional
        Called after each step with the losses of all steps so far.

    Returns
    -------
    MMIFit
    """
    n_classes, n_dimensions = len(mixtures), mixtures[0].n_dimensions
    deviations = [np.sqrt(mixture.variances) for mixture in mixtures]
    penalties = [options.i_smoothing / n_dimensions * mixture.weights[:, np.newaxis] for mixture in mixtures]
    shifts = [Adam(mixture.means.shape, options.learning_rate) for mixture in mixtures]
    log_scale, offsets = Adam((), SCALE_LEARNING_RATE), Adam((n_classes,), SCALE_LEARNING_RATE)
    averages = [Average(mixture.means.shape) for mixture in mixtures]
    losses: list[float] = []
    for number, batch in enumerate(batches):
        current = _shifted(mixtures, deviations, [shift.value for shift in shifts])
        scale = INITIAL_SCALE * math.exp(float(log_scale.value))
        slope = gradient(current, batch, scale=scale, offsets=offsets.value)
        losses.append(slope.loss)
        for shift, means, deviation, penalty in zip(shifts, slope.means, deviations, penalties, strict=True):
            shift.step(means * deviation + penalty * shift.value)
        log_scale.step(np.asarray(slope.log_scale))
        offsets.step(slope.offsets)
        if number >= AVERAGE_FROM * options.steps:
            for average, shift in zip(averages, shifts, strict=True):
                average.add(shift.value)
        if monitor is not None:
            monitor(losses)
    final = [average.value if average.count else shift.value for average, shift in zip(averages, shifts, strict=True)]
    return MMIFit(tuple(_shifted(mixtures, deviations, final)), tuple(losses))


def gradient(mixtures: Sequence[DiagonalMixture], batch: Batch, *, scale: float, offsets: Floats) -> Gradient:
    """Loss and gradient of a batch, equations (7) and (8).

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
    starts = np.concatenate([[0], np.cumsum(batch.lengths)[:-1]])
    sums = [np.add.reduceat(mixture.log_likelihoods(batch.frames), starts) for mixture in mixtures]
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
    """An array, initially 0, that is minimised by gradient steps of Adam (Kingma & Ba 2015).

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    learning_rate : float
    """

    def __init__(self, shape: tuple[int, ...], learning_rate: float) -> None:
        self.value: Floats = np.zeros(shape)
        self._learning_rate = learning_rate
        self._mean, self._square = np.zeros(shape), np.zeros(shape)
        self._count = 0

    def step(self, slope: Floats) -> None:
        """Take one step against the gradient `slope`."""
        self._count += 1
        self._mean += (1 - BETA1) * (slope - self._mean)
        self._square += (1 - BETA2) * (slope**2 - self._square)
        mean = self._mean / (1 - BETA1**self._count)
        square = self._square / (1 - BETA2**self._count)
        self.value = self.value - self._learning_rate * mean / (np.sqrt(square) + EPSILON)


class Average:
    """Running mean of arrays of one shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value: Floats = np.zeros(shape)
        self.count = 0

    def add(self, value: Floats) -> None:
        """Add a value to the mean."""
        self.count += 1
        self.value = self.value + (value - self.value) / self.count


def _shifted(
    mixtures: Sequence[DiagonalMixture], deviations: Sequence[Floats], shifts: Sequence[Floats]
) -> list[DiagonalMixture]:
    triples = zip(mixtures, deviations, shifts, strict=True)
    return [replace(mixture, means=mixture.means + deviation * shift) for mixture, deviation, shift in triples]
