"""Patterns: bits by hand, invariance to level and channel, and the front end with patterns."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.signal

from speechgmm.errors import OptionError
from speechgmm.features.array_types import Features, Samples
from speechgmm.features.binary_patterns import patterns
from speechgmm.features.front_end import normalise_mean, stretches
from speechgmm.features.log_mel import log_mel_bands
from speechgmm.features.mel_filters import mel_filters
from speechgmm.features.offset import without_offset
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.voice_activity import frame_powers, speech_frames

OPTIONS = FrontEndOptions(features="patterns")
RATE, N_MELS = OPTIONS.sampling_rate, OPTIONS.n_mels


def talk(duration_s: float = 2.0) -> Samples:
    """Bursts of gliding harmonics, 0.3 s every 0.5 s, over noise 40 dB below them."""
    t = np.arange(round(duration_s * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120.0 * (1 + 0.1 * np.sin(2 * np.pi * 1.7 * t))) / RATE
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 30))
    speaking = np.arange(len(t)) % (RATE // 2) < 0.3 * RATE
    noise = 0.0015 * np.random.default_rng(0).normal(size=len(t))
    return (np.where(speaking, 0.3 * tone, 0.0) + noise).astype(np.float32)


def log_mel_of(samples: Samples) -> Features:
    """Log mel bands after the high-pass, as in the front end."""
    filtered = np.concatenate(list(without_offset([samples], RATE)))
    (bands,) = log_mel_bands(filtered, [OPTIONS], [mel_filters(OPTIONS)])
    return bands


def test_bits_by_hand() -> None:
    """Three bands at a hop of 25 ms: two comparisons between bands, three with the second frame before."""
    log_mel = np.array([[1, 2, 0], [3, 3, 4], [2, 1, 0], [3, 4, 5], [1, 1, 1]], dtype=np.float32)
    expected = [
        [0, 1, 0, 0, 0],  # 1 < 2 > 0; the first frame with itself
        [0, 0, 1, 1, 1],  # 3 = 3 < 4; with the first frame
        [1, 1, 1, 0, 0],  # 2 > 1 > 0; with the first frame
        [0, 0, 0, 1, 1],  # 3 < 4 < 5; with the second frame
        [0, 0, 0, 0, 1],  # 1 = 1 = 1; with the third frame
    ]
    found = patterns(log_mel, 0.025)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32


@pytest.mark.parametrize(("hop_s", "lag"), [(0.002, 25), (0.010, 5), (0.016, 3), (0.050, 1), (0.150, 1), (0.5, 1)])
def test_the_lag_in_frames(hop_s: float, lag: int) -> None:
    """After one quiet frame, only the frame 50 ms later is louder than its reference; the hop decides which."""
    log_mel = np.zeros((60, 2), dtype=np.float32)
    log_mel[lag] = -1.0
    later = patterns(log_mel, hop_s)[:, 1:]
    np.testing.assert_array_equal(np.flatnonzero(later.all(axis=1)), [2 * lag])
    np.testing.assert_array_equal(np.flatnonzero(later.any(axis=1)), [2 * lag])


def test_equal_levels_give_zero() -> None:
    """Silence, with all bands at the power floor, gives zeros. A single frame has no bit set over time."""
    assert not patterns(log_mel_of(np.zeros(RATE, dtype=np.float32)), 0.010).any()
    assert not patterns(np.array([[1.0, 2.0]], dtype=np.float32), 0.010).any()


def test_later_frames_do_not_matter() -> None:
    """The bits of a frame do not depend on later frames."""
    log_mel = log_mel_of(talk())
    np.testing.assert_array_equal(patterns(log_mel[:60], 0.010), patterns(log_mel, 0.010)[:60])


def test_the_level_does_not_matter() -> None:
    """A hundredth of the amplitude gives the same bits, except for bands that are equal within rounding."""
    loud, quiet = log_mel_of(talk()), log_mel_of(np.float32(0.01) * talk())
    earlier = loud[np.maximum(np.arange(len(loud)) - 5, 0)]
    differences = np.concatenate([loud[:, :-1] - loud[:, 1:], loud - earlier], axis=1)
    clear = np.abs(differences) > 1e-3
    assert clear.mean() > 0.95
    assert quiet.min() > np.log(1e-12) + 1.0
    np.testing.assert_array_equal(patterns(quiet, 0.010)[clear], patterns(loud, 0.010)[clear])


def test_a_channel_does_not_change_comparisons_over_time() -> None:
    """A gain per band changes no bit over time. A smooth filter changes few over time, but many between bands."""
    rng = np.random.default_rng(1)
    log_mel = rng.integers(-40, 40, size=(50, 6)).astype(np.float32) / np.float32(8)
    gains = rng.integers(-8, 8, size=6).astype(np.float32)
    np.testing.assert_array_equal(patterns(log_mel + gains, 0.010)[:, 5:], patterns(log_mel, 0.010)[:, 5:])
    samples = talk()
    filtered = scipy.signal.lfilter([1.0, -0.9], [1.0], samples).astype(np.float32)
    changed = patterns(log_mel_of(samples), 0.010) != patterns(log_mel_of(filtered), 0.010)
    assert changed[:, N_MELS - 1 :].mean() < 0.05
    assert changed[:, : N_MELS - 1].mean() > 0.10


def test_a_stretch_has_the_patterns_of_its_speech_frames() -> None:
    """Patterns are computed on all frames, then the speech frames are kept."""
    (stretch,) = stretches([talk()], OPTIONS)
    log_mel = log_mel_of(talk())
    keep = speech_frames(log_mel, frame_powers(log_mel), OPTIONS)
    assert 0 < keep.sum() < len(keep) == stretch.n_frames
    np.testing.assert_array_equal(stretch.frames, patterns(log_mel, OPTIONS.hop_s)[keep])
    assert stretch.frames.shape[1] == OPTIONS.n_dimensions == 2 * 40 - 1
    np.testing.assert_array_equal(np.unique(stretch.frames), [0.0, 1.0])


@pytest.mark.parametrize("cepstral_mean", ["none", "utterance", "shrunk"])
def test_the_mean_is_never_moved(cepstral_mean: str) -> None:
    """Mean normalisation does not apply to patterns."""
    frames = np.array([[0.0, 1.0], [1.0, 1.0]], dtype=np.float32)
    options = FrontEndOptions(features="patterns", cepstral_mean=cepstral_mean, shrink_frames=0.0)
    np.testing.assert_array_equal(normalise_mean(frames, np.array([0.25, 0.25]), options), frames)


def test_options_of_cepstra_do_not_apply() -> None:
    """With patterns, fewer bands than `n_coefficients` are accepted; only the number of bands sets D."""
    options = FrontEndOptions.parse(["features=patterns", "n_mels=16", "delta_order=2"])
    assert (options.features, options.n_dimensions) == ("patterns", 31)
    assert FrontEndOptions().features == "cepstra"


def test_an_unknown_kind_of_features_is_refused() -> None:
    """The error names the value and the choices."""
    text = "features is 'bits', but it must be one of ('cepstra', 'patterns')"
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        FrontEndOptions(features="bits")
