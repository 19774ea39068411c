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
    speech : tuple of Mixture
        Mixtures of speech over the same frames, with equal weights. If empty, the class mixtures are those of speech.
    """

    stream: int
    mixture: Mixture
    speech: tuple[Mixture, ...] = ()


def log_ratios(speech: Floats, nonspeech: Floats) -> Floats:
    """Log-likelihood ratio of speech to non-speech per frame.

    Parameters
    ----------
    speech : ndarray (T, M)
        Log-likelihood of each frame under each mixture of speech. Speech is their mixture with equal weights.
    nonspeech : ndarray (T,)
        Log-likelihood of each frame under the non-speech mixture.

    Returns
    -------
    ndarray (T,)
    """
    ratios: Floats = np.logaddexp.reduce(speech, axis=1) - math.log(speech.shape[1]) - nonspeech
    return ratios


def speech_ratio_threshold(means: Sequence[float], weights: Sequence[float]) -> float:
    """Threshold that rejects at most the share `REJECTED_SHARE` of held-out utterances of speech; at most 0.

    Speech over other channels or in noise has a lower ratio than the held-out speech. With a threshold of at most 0 it
    is accepted if it fits speech better than non-speech.

    Parameters
    ----------
    means : sequence of float
        Mean log-likelihood ratio per frame (nats) of each utterance; at least one.
    weights : sequence of float
        Weight of each utterance, positive.

    Returns
    -------
    float
    """
    order = np.argsort(means, kind="stable")
    shares = np.cumsum(np.array(weights)[order]) / np.sum(weights)
    return min(0.0, float(means[order[int(np.argmax(shares > REJECTED_SHARE))]]))
