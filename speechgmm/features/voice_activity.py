"""Voice activity detection (VAD): an energy threshold relative to the loud frames, independent of the absolute level.

The level of speech varies with syllables and pauses. A stretch whose level stays within a few decibels is steady noise,
hum or a tone. For this check the level is the mean of the mel bands in decibels. Its spread is 2 to 3 dB for steady
noise of any colour, and 8 dB or more for half a second of speech.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from speechgmm.features.array_types import Features, FrameMask
from speechgmm.features.options import FrontEndOptions

Powers = npt.NDArray[np.float32]  # shape (T,)

DECIBELS = 10.0 / np.log(10.0)  # per neper of power
LOUD_SHARE, LOUD_S = 0.05, 0.25  # loud frames: the loudest 5 %, at most a quarter of a second
QUIET_SHARE = 0.05
NOISE_SHARE = 0.1  # quietest share of the frames; its mean power is the noise estimate
SILENCE_DB = -65.0  # power of all mel bands, samples in [-1, 1]; one-bit noise of 16-bit audio has -78 to -72
STEADY_DB = 4.0  # spread of the mean level; below, a stretch is steady sound without speech
NOISY_SHARE = 0.6  # in noise: lowest threshold, as a share of the way from the loud down to the quiet frames


def speech_frames(log_mel: Features, powers: Powers, options: FrontEndOptions) -> FrameMask:
    """Detect the speech frames by their energy.

    The threshold is `speech_range_db` below the loud frames, but in noise not lower than 60 % of the way from the loud
    down to the quiet frames, in decibels. Few frames count as loud, so a short utterance in a long pause is detected.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
        Natural logarithm of the mel bands' power, T at least 1.
    powers : ndarray (T,)
        Their `frame_powers`.
    options : FrontEndOptions

    Returns
    -------
    ndarray (T,) of bool
        All false if even the loud frames are below `SILENCE_DB`, or if the sound is steady.
    """
    level = DECIBELS * np.log(powers)
    loud, quiet = extremes(level, options.hop_s)
    if loud < SILENCE_DB or is_steady(log_mel, options.hop_s):
        return np.zeros(len(level), dtype=np.bool_)
    threshold = loud - min(options.speech_range_db, NOISY_SHARE * (loud - quiet))
    is_speech: FrameMask = level >= threshold
    return is_speech


def speech_to_noise_db(powers: Powers, speech: FrameMask) -> float:
    """Estimate the signal-to-noise ratio: mean power of the speech frames over that of the quietest tenth of all.

    The estimate is rough and too high. In steady noise it is about 5 dB above the ratio of speech power to total noise
    power: the quietest frames are below the mean of the noise, speech frames contain noise too, and noise outside the
    mel bands does not count. Without pauses it measures the dynamic range of the speech.

    Parameters
    ----------
    powers : ndarray (T,)
        From `frame_powers`, T at least 1.
    speech : ndarray (T,) of bool
        From `speech_frames`.

    Returns
    -------
    float
        Decibels, not negative; NaN without speech.
    """
    if not speech.any():
        return math.nan
    n_quiet = math.ceil(NOISE_SHARE * len(powers))
    noise = np.partition(powers, n_quiet - 1)[:n_quiet].mean(dtype=np.float64)
    return float(DECIBELS * np.log(powers[speech].mean(dtype=np.float64) / noise))


def frame_powers(log_mel: Features) -> Powers:
    """Sum of the mel bands' power per frame, (T, n_mels) to (T,)."""
    powers: Powers = np.exp(log_mel).sum(axis=1)
    return powers


def is_steady(log_mel: Features, hop_s: float) -> bool:
    """Whether the mean level of the bands varies by less than `STEADY_DB`, except in the loud and the quiet frames."""
    loud, quiet = extremes(DECIBELS * log_mel.mean(axis=1), hop_s)
    return loud - quiet < STEADY_DB


def extremes(level: npt.NDArray[np.floating], hop_s: float) -> tuple[float, float]:
    """Quantiles of the level: the lower limit of the loud frames and the upper limit of the quiet frames.

    Parameters
    ----------
    level : ndarray (T,)
    hop_s : float
        Frame period in seconds.

    Returns
    -------
    loud, quiet : float
    """
    loud_share = min(LOUD_SHARE, LOUD_S / (len(level) * hop_s))
    ordered = np.sort(level)
    return _quantile(ordered, 1.0 - loud_share), _quantile(ordered, QUIET_SHARE)


def _quantile(ordered: npt.NDArray[np.floating], share: float) -> float:
    """Bit-identical to `numpy.quantile` without its overhead: segmentation calls this often."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    fraction, step = position - below, float(high - low)
    # Interpolate from the nearer neighbour, as numpy does.
    return float(low) + step * fraction if fraction < 0.5 else float(high) - step * (1.0 - fraction)
