"""Whether what is heard is speech at all: a likelihood ratio between voices of any class and sounds that are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture

LOST_SHARE = 0.01  # of held-out utterances of speech


@dataclass(frozen=True, kw_only=True, eq=False)
class Rejection:
    """A mixture of sounds that are no speech, held against the classes of one of a model's streams, each as likely.

    Attributes
    ----------
    stream : int
        Which of the model's streams.
    nonspeech : Mixture
        Over its frames.
    min_ratio : float
        Mean log-likelihood ratio a frame (nats) of speech to non-speech, below which nothing is answered.
    """

    stream: int
    nonspeech: Mixture
    min_ratio: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.min_ratio):
            raise OptionError(f"min_ratio is {self.min_ratio}, but it must be a finite number")


def log_ratios(classes: Floats, nonspeech: Floats) -> Floats:
    """Log-likelihood ratio of speech to non-speech of each frame.

    Parameters
    ----------
    classes : ndarray (T, C)
        Log-likelihood of each frame under each class; speech is their mixture in equal parts.
    nonspeech : ndarray (T,)
        Under the sounds that are none.

    Returns
    -------
    ndarray (T,)
    """
    ratios: Floats = np.logaddexp.reduce(classes, axis=1) - math.log(classes.shape[1]) - nonspeech
    return ratios


def min_ratio(means: Sequence[float]) -> float:
    """The ratio that the share `LOST_SHARE` of held-out utterances of speech lie below, but no more than 0.

    Speech over other channels or in noise is less like the speech that trained: where it is still more like speech than
    like the other sounds, it is answered.

    Parameters
    ----------
    means : sequence of float
        Mean log-likelihood ratio a frame of each; at least one.

    Returns
    -------
    float
    """
    return min(0.0, float(np.quantile(means, LOST_SHARE)))
