"""Rejection of non-speech by a likelihood ratio of speech to non-speech sounds.

The ratio is that of the class mixtures to a mixture of non-speech, or that of one of the tied sub-models of each
stream. Such a sub-model is trained on whole utterances and says little about a single frame: for the frames of a
segmentation there is the ratio of the background mixture to a mixture of non-speech.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture

REJECTED_SHARE = 0.01  # of held-out utterances of speech
REJECTED_CHANNEL_SHARE = 0.02  # of their versions in noise, rooms and telephone bands


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


def speech_ratio_threshold(means: Sequence[float], weights: Sequence[float], rejected_share: float) -> float:
    """Threshold that rejects at most a share of held-out utterances of speech; at most 0.

    Speech over other channels or in noise has a lower ratio than the held-out speech. With a threshold of at most 0 it
    is accepted if it fits speech better than non-speech.

    Parameters
    ----------
    means : sequence of float
        Mean log-likelihood ratio per frame (nats) of each utterance; at least one.
    weights : sequence of float
        Weight of each utterance, positive.
    rejected_share : float
        0 to 1.

    Returns
    -------
    float
    """
    order = np.argsort(means, kind="stable")
    shares = np.cumsum(np.array(weights)[order]) / np.sum(weights)
    return min(0.0, float(means[order[int(np.argmax(shares > rejected_share))]]))
