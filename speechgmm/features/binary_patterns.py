"""Binary patterns: comparisons of each mel band with its neighbour and with its past, as zeros and ones.

A comparison of two levels does not depend on the absolute level. The comparison over time does not depend on the
channel either, if its response is even across a band; the comparison of neighbouring bands does.
"""

from __future__ import annotations

import numpy as np

from speechgmm.features.array_types import Features

LAG_S = 0.050  # two windows apart and within a syllable


def patterns(log_mel: Features, hop_s: float) -> Features:
    """Compare each mel band with the next higher band and with itself `LAG_S` earlier.

    Equal levels give 0, so bands at the power floor are 0.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
        Logarithm of the mel bands' power.
    hop_s : float
        Frame period in seconds.

    Returns
    -------
    ndarray (T, 2 n_mels - 1) of float32
        For each band but the highest, 1 if it is louder than the next higher band; then for each band, 1 if it is
        louder than `LAG_S` earlier (rounded to whole frames, at least one; at the start, than in the first frame).
    """
    lag = max(1, round(LAG_S / hop_s))
    earlier = log_mel[np.maximum(np.arange(len(log_mel)) - lag, 0)]
    return np.concatenate([log_mel[:, :-1] > log_mel[:, 1:], log_mel > earlier], axis=1).astype(np.float32)
