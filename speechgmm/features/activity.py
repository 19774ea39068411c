"""Which frames hold speech: those not far below the loud ones, whatever the recording's level.

Speech moves: syllables and pauses, vowels and consonants. A stretch whose level stays within a few decibels is noise,
hum or a tone, however loud. That level is the mean over the mel bands in decibels, because its spread is the same for
steady noise of any colour: 2 to 3 dB, against 8 dB or more for half a second of speech.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from speechgmm.features.options import FrontEndOptions

DECIBELS = 10.0 / np.log(10.0)  # from the natural logarithm of a power
LOUD_SHARE, LOUD_S = 0.05, 0.25  # the loud frames: the loudest 5 %, but no more than a quarter of a second
QUIET_SHARE = 0.05
NOISE_SHARE = 0.1  # the quietest tenth of the frames, whose mean power stands for the noise
SILENCE_DB = -65.0  # power of all mel bands, samples in [-1, 1]; one-bit noise of 16-bit audio has -78 to -72
STEADY_DB = 4.0  # spread of the mean level, below which a stretch is steady sound and no speech
NOISY_SHARE = 0.6  # in noise, how far down from the loud to the quiet frames the threshold may lie


def speech_frames(log_mel: npt.NDArray[np.float32], options: FrontEndOptions) -> npt.NDArray[np.bool_]:
    """Tell frames of speech from pauses by their energy.

    The threshold lies `speech_range_db` below the loud frames, but in a noisy recording not lower than 60 % of the way
    from them down to the quiet ones, both in decibels. The loud frames are few, so that a short utterance in a long
    pause is found.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
        Natural logarithm of the mel bands' power, T at least 1.
    options : FrontEndOptions

    Returns
    -------
    ndarray (T,) of bool
        All false where even the loud frames are silence, and where the sound is steady.
    """
    level = DECIBELS * np.log(frame_powers(log_mel))
    loud, quiet = extremes(level, options.hop_s)
    if loud < SILENCE_DB or is_steady(log_mel, options.hop_s):
        return np.zeros(len(level), dtype=np.bool_)
    threshold = loud - min(options.speech_range_db, NOISY_SHARE * (loud - quiet))
    keep: npt.NDArray[np.bool_] = level >= threshold
    return keep


def speech_to_noise_db(log_mel: npt.NDArray[np.float32], speech: npt.NDArray[np.bool_]) -> float:
    """Estimate the signal-to-noise ratio: mean power of the speech frames over that of the quietest tenth of all.

    The estimate is a rough one, and a high one. In steady noise it says some 5 dB more than the power of the speech
    over that of all the noise: the quietest frames lie below the noise's mean, speech frames hold noise as well, and
    noise outside the mel bands is not heard. Where nobody pauses, it says how far the speech itself rises and falls.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
        Natural logarithm of the mel bands' power, T at least 1.
    speech : ndarray (T,) of bool
        From `speech_frames`.

    Returns
    -------
    float
        Decibels, not negative; NaN without speech.
    """
    if not speech.any():
        return math.nan
    powers = frame_powers(log_mel)
    n_quiet = math.ceil(NOISE_SHARE * len(powers))
    noise = np.partition(powers, n_quiet - 1)[:n_quiet].mean(dtype=np.float64)
    return float(DECIBELS * np.log(powers[speech].mean(dtype=np.float64) / noise))


def frame_powers(log_mel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Power of all mel bands together in each frame, (T, n_mels) to (T,)."""
    powers: npt.NDArray[np.float32] = np.exp(log_mel).sum(axis=1)
    return powers


def is_steady(log_mel: npt.NDArray[np.float32], hop_s: float) -> bool:
    """Whether the mean level of the bands stays within `STEADY_DB`, extremes left aside."""
    loud, quiet = extremes(DECIBELS * log_mel.mean(axis=1), hop_s)
    return loud - quiet < STEADY_DB


def extremes(level: npt.NDArray[np.floating], hop_s: float) -> tuple[float, float]:
    """The level that only the loud frames exceed, and the one that only the quiet frames fall short of.

    Parameters
    ----------
    level : ndarray (T,)
    hop_s : float
        Seconds from frame to frame.

    Returns
    -------
    loud, quiet : float
    """
    loud_share = min(LOUD_SHARE, LOUD_S / (len(level) * hop_s))
    ordered = np.sort(level)
    return _quantile(ordered, 1.0 - loud_share), _quantile(ordered, QUIET_SHARE)


def _quantile(ordered: npt.NDArray[np.floating], share: float) -> float:
    """What `numpy.quantile` says, to the last bit, without the time it takes to get ready: segmentation asks often."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    part, step = place - below, float(high - low)
    # From the nearer of the two.
    return float(low) + step * part if part < 0.5 else float(high) - step * (1.0 - part)
