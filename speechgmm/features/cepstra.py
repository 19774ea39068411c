"""Cepstral coefficients (MFCC) of log mel bands, and their deltas."""

from __future__ import annotations

import functools
import math

import numpy as np

from speechgmm.features.array_types import Features
from speechgmm.features.options import FrontEndOptions

REACH = 4  # frames on either side that a delta is computed from, as in librosa


def cepstra(log_mel: Features, options: FrontEndOptions) -> Features:
    """MFCCs without the zeroth, followed by their deltas up to `delta_order`.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
    options : FrontEndOptions

    Returns
    -------
    ndarray (T, D) of float32
        Orthonormal discrete cosine transform, type II. A delta is the first or second derivative of the line or
        parabola that fits the nine frames around a frame best; the first and the last frame are repeated.
    """
    coefficients: Features = log_mel @ cosines(log_mel.shape[1], options.n_coefficients)
    if not options.delta_order:
        return coefficients
    padded = np.pad(coefficients, ((REACH, REACH), (0, 0)), mode="edge")
    around = [padded[begin : begin + len(log_mel)] for begin in range(1 + 2 * REACH)]
    deltas = [
        sum(np.float32(weight) * frames for weight, frames in zip(_derivative(order), around, strict=True))
        for order in range(1, 1 + options.delta_order)
    ]
    return np.concatenate([coefficients, *deltas], axis=1)


@functools.lru_cache(maxsize=8)
def cosines(n_mels: int, n_coefficients: int) -> Features:
    """The cosine transform without its zeroth coefficient as a matrix (n_mels, n_coefficients)."""
    bands, orders = np.arange(n_mels)[:, np.newaxis] + 0.5, np.arange(1, 1 + n_coefficients)
    matrix: Features = (math.sqrt(2.0 / n_mels) * np.cos(np.pi / n_mels * bands * orders)).astype(np.float32)
    return matrix


def _derivative(order: int) -> list[float]:
    """Weights of the nine frames around a frame in its first or second derivative (Savitzky & Golay 1964)."""
    n = np.arange(-REACH, REACH + 1.0)
    centred = n if order == 1 else n**2 - np.mean(n**2)
    scale = 1.0 if order == 1 else 2.0
    weights: list[float] = (scale * centred / (centred @ centred)).tolist()
    return weights
