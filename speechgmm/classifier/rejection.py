"""Rejection of non-speech by the likelihood ratio of the classes to a mixture of non-speech sounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture

REJECTED_SHARE = 0.01  # of held-out utterances of speech


@dataclass(frozen=True, kw_only=True, eq=False)
class NonSpeechModel:
    """A mixture of non-speech sounds over the frames of one of a model's streams.

    Attributes
    ----------
    stream : int
        Index of one of the model's streams.
    mixture : Mixture
        Over the frames of this stream.
    """

    stream: int
    mixture: Mixture


def log_ratios(classes: Floats, nonspeech: Floats) -> Floats:
    """Log-likelihood ratio of speech to non-speech per frame.

    Parameters
    ----------
    classes : ndarray (T, C)
        Log-likelihood of each frame under each class. Speech is the mixture of the classes with equal weights.
    nonspeech : ndarray (T,)
        Log-likelihood of each frame under the non-speech mixture.

    Returns
    -------
    ndarray (T,)
    """
    ratios: Floats = np.logaddexp.reduce(classes, axis=1) - math.log(classes.shape[1]) - nonspeech
    return ratios


def speech_ratio_threshold(means: Sequence[float]) -> float:
    """Threshold that rejects the share `REJECTED_SHARE` of held-out utterances of speech, and at most 0.

    Speech over other channels or in noise has a lower ratio than the held-out speech. With a threshold of at most 0 it
    is accepted if it fits speech better than non-speech.

    Parameters
    ----------
    means : sequence of float
        Mean log-likelihood ratio per frame (nats) of each utterance; at least one.

    Returns
    -------
    float
    """
    return min(0.0, float(np.quantile(means, REJECTED_SHARE)))
