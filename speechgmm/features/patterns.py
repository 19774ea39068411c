"""Patterns: which of two mel bands is the louder, and whether a band grows louder, as zeros and ones.

A comparison of two levels does not know the level itself. In one over time a channel falls out as well, as far as its
response is even across a band; in one between neighbouring bands it stays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LAG_S = 0.050  # two windows apart and within a syllable


def patterns(log_mel: npt.NDArray[np.float32], hop_s: float) -> npt.NDArray[np.float32]:
    """Compare the mel bands of each frame with one another and with themselves before.

    What is equal is not louder: bands at the floor of their power are 0.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
        Logarithm of the mel bands' power.
    hop_s : float
        Seconds from frame to frame.

    Returns
    -------
    ndarray (T, 2 n_mels - 1) of float32
        For each band but the highest, 1 where it is louder than the next higher one; then for each band, 1 where it is
        louder than it was `LAG_S` before (in whole frames, at least one; in the first frame, where that is earlier).
    """
    lag = max(1, round(LAG_S / hop_s))
    before = log_mel[np.maximum(np.arange(len(log_mel)) - lag, 0)]
    return np.concatenate([log_mel[:, :-1] > log_mel[:, 1:], log_mel > before], axis=1).astype(np.float32)
