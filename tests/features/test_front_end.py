"""The front end: its coefficients against librosa's and explicit formulas, and what it must not depend on."""

from __future__ import annotations

import itertools
import math
import re

import librosa
import numpy as np
import pytest
import scipy.signal

from speechgmm.errors import OptionError
from speechgmm.features import front_end as frontend
from speechgmm.features.activity import extremes, is_steady, speech_frames
from speechgmm.features.front_end import (
    cepstra,
    log_mel_bands,
    normalise_mean,
    power_spectrum,
    stretches,
    windows_of,
)
from speechgmm.features.options import FrontEndOptions

OPTIONS = FrontEndOptions()
RATE = OPTIONS.sampling_rate
NEPERS = math.log(10.0) / 10.0  # from decibels to the natural logarithm of a power


def vowel(duration_s, f0_hz=120.0):
    """Harmonics of a gliding fundamental under two broad resonances, in [-1, 1]."""
    t = np.arange(round(duration_s * RATE)) / RATE
    phase = 2.0 * np.pi * np.cumsum(f0_hz * (1.0 + 0.1 * np.sin(2.0 * np.pi * 1.7 * t))) / RATE
    tone = np.zeros_like(t)
    for harmonic in range(1, 30):
        f = harmonic * f0_hz
        tone += (1.0 / (1.0 + ((f - 600.0) / 150.0) ** 2) + 0.2 / (1.0 + ((f - 1700.0) / 250.0) ** 2)) * np.sin(
            harmonic * phase
        )
    return (0.5 * tone / np.abs(tone).max()).astype(np.float32)


def noise(duration_s, level, seed=0):
    return (level * np.random.default_rng(seed).normal(size=round(duration_s * RATE))).astype(np.float32)


def talk(duration_s, pause_level=0.0015):
    """Bursts of 0.3 s every 0.5 s over steady noise: at the level by default, the pauses lie 40 dB below the bursts."""
    samples = vowel(duration_s)
    speaking = np.arange(len(samples)) % (RATE // 2) < 0.3 * RATE
    return np.where(speaking, samples, 0.0).astype(np.float32) + noise(duration_s, pause_level)


def only_stretch(samples, options=OPTIONS):
    (stretch,) = stretches([samples], options)
    return stretch


def log_mel_of(samples, options):
    return log_mel_bands(power_spectrum(samples, options), options)


def librosa_log_mel(samples, options):
    """Decibels over power 1 of librosa's mel spectrogram (T, n_mels), with its window centred in each Fourier frame.

    No band of a frame lies further below its loudest than the options allow.
    """
    margin = options.n_fft - options.window
    bands = librosa.feature.melspectrogram(
        y=np.pad(samples, (margin // 2, margin - margin // 2)),
        sr=options.sampling_rate,
        n_fft=options.n_fft,
        hop_length=options.hop,
        win_length=options.window,
        center=False,
        power=2.0,
        n_mels=options.n_mels,
        fmin=options.fmin_hz,
        fmax=options.fmax_hz,
    )
    decibels = librosa.power_to_db(bands, amin=1e-12, top_db=None).T
    return np.maximum(decibels, decibels.max(axis=1, keepdims=True) - options.band_range_db)


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        FrontEndOptions(sampling_rate=8000),
        FrontEndOptions(band_range_db=20.0),
        FrontEndOptions(window_s=0.032, hop_s=0.016, n_mels=24, n_coefficients=12, fmin_hz=0.0, fmax_hz=8000.0),
    ],
)
def test_coefficients_are_those_of_librosa(options):
    """Up to the unit, nepers for decibels, bands and coefficients are those that librosa computes."""
    samples = talk(1.0)
    expected_db = librosa_log_mel(samples, options)
    log_mel = log_mel_of(samples, options)
    np.testing.assert_allclose(log_mel, NEPERS * expected_db, rtol=0, atol=2e-3)
    mfcc = librosa.feature.mfcc(S=expected_db.T, n_mfcc=1 + options.n_coefficients, dct_type=2, norm="ortho")
    found = cepstra(log_mel, options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, NEPERS * mfcc[1:].T, rtol=0, atol=2e-3)


def test_bands_that_a_codec_left_empty_count_for_little():
    """A frame without its upper bands ends 60 dB below its loudest one, not at the bottom of the numbers."""
    power = power_spectrum(talk(1.0), OPTIONS)
    power[:, round(3000 / RATE * OPTIONS.n_fft) :] = 0
    log_mel = log_mel_bands(power, OPTIONS)
    np.testing.assert_allclose(log_mel.max(axis=1) - log_mel[:, -1], NEPERS * 60.0, rtol=1e-4)
    assert log_mel_bands(power, FrontEndOptions(band_range_db=200.0))[:, -1].max() < np.log(1.1e-12)


def test_a_stretch_is_offset_filter_librosa_and_choice_of_frames():
    """The whole way of a recording, computed anew: a high-pass at 20 Hz, librosa's coefficients, the speech frames."""
    samples = talk(2.0)
    b, a = scipy.signal.butter(1, 20.0, "highpass", fs=RATE)
    filtered = scipy.signal.lfilter(b, a, samples, zi=scipy.signal.lfilter_zi(b, a) * samples[0])[0]
    decibels = librosa_log_mel(filtered, OPTIONS)
    mfcc = librosa.feature.mfcc(S=decibels.T, n_mfcc=21)[1:].T
    keep = speech_frames((NEPERS * decibels).astype(np.float32), OPTIONS)
    found = only_stretch(samples)
    assert 0 < keep.sum() < len(keep) == found.n_frames
    np.testing.assert_allclose(found.frames, NEPERS * mfcc[keep], rtol=0, atol=2e-3)


def test_silent_bands_stand_at_the_power_floor():
    """The logarithm of a band without power is that of the floor, and its coefficients are all zero."""
    log_mel = log_mel_of(np.zeros(RATE, dtype=np.float32), OPTIONS)
    np.testing.assert_allclose(log_mel, math.log(1e-12), rtol=1e-6)
    np.testing.assert_allclose(cepstra(log_mel, OPTIONS), 0.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("delta_order", [0, 1, 2])
def test_a_loud_burst_leaves_the_earlier_frames_as_they_were(delta_order):
    """Frames whose window (and, for deltas, whose four neighbours) end before the burst do not know of it."""
    options = FrontEndOptions(delta_order=delta_order)
    quiet = 0.001 * talk(1.0)
    loud = np.concatenate([quiet, noise(0.5, 0.5)])
    before = cepstra(log_mel_of(quiet, options), options)
    after = cepstra(log_mel_of(loud, options), options)[: len(before)]
    unaware = len(before) - (4 if delta_order else 0)
    np.testing.assert_allclose(after[:unaware], before[:unaware], rtol=0, atol=1e-5)


def frames_of(blocks, options=OPTIONS):
    return [(stretch.n_frames, stretch.frames) for stretch in stretches(blocks, options)]


def assert_same_stretches(found, expected):
    assert [n for n, _ in found] == [n for n, _ in expected]
    for (_, frames), (_, expected_frames) in zip(found, expected, strict=True):
        np.testing.assert_allclose(frames, expected_frames, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 160, 1001, 8000, 20000])
def test_the_cuts_between_blocks_do_not_matter(size, monkeypatch):
    """In blocks of any size a recording of several stretches gives the same frames."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.4)
    samples = 0.1 + talk(1.3)
    whole = frames_of([samples])
    assert [n for n, _ in whole] == [40, 40, 48]
    assert_same_stretches(frames_of([samples[i : i + size] for i in range(0, len(samples), size)]), whole)


def test_uneven_and_empty_blocks(monkeypatch):
    """Blocks may differ in size and be empty, the first one too."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.4)
    samples = talk(1.3)
    blocks = np.split(samples, [0, 0, 3, 500, 500, 9000, 20001, 20002])
    assert_same_stretches(frames_of(blocks), frames_of([samples]))


def test_a_long_recording_comes_in_minutes():
    """160 s are two stretches of a minute and one of the rest, and no frame is lost between them."""
    samples = np.tile(talk(10.0), 16)
    blocks = [samples[i : i + 100_000] for i in range(0, len(samples), 100_000)]
    found = list(stretches(blocks, OPTIONS))
    assert [stretch.n_frames for stretch in found] == [6000, 6000, 3998]
    assert all(0.5 < len(stretch.frames) / stretch.n_frames < 0.7 for stretch in found)


@pytest.mark.parametrize(("length_s", "n_frames"), [(89.9, [8988]), (90.1, [6000, 3008]), (125.0, [6000, 6498])])
def test_the_last_stretch_is_no_short_tail(length_s, n_frames):
    """The last stretch has half a minute or more, so its pauses can be told from its speech."""
    samples = np.resize(talk(10.0), round(length_s * 16000))
    assert [stretch.n_frames for stretch in stretches([samples], OPTIONS)] == n_frames


def test_a_word_in_a_minute_of_pause_is_found():
    """One second of speech within a minute of faint noise is kept, and little else."""
    noise = 0.0003 * np.random.default_rng(3).normal(size=60 * 16000).astype(np.float32)
    noise[30 * 16000 : 31 * 16000] += talk(1.0)[:16000]
    (stretch,) = stretches([noise], OPTIONS)
    assert 40 <= len(stretch.frames) <= 110


def test_stretches_hold_the_frames_of_the_whole(monkeypatch):
    """The bands of a recording cut into stretches are those of the recording in one piece."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.4)
    samples = talk(1.3)
    pieces = [log_mel_of(piece, OPTIONS) for piece in windows_of([samples], OPTIONS)]
    assert len(pieces) == 3
    np.testing.assert_allclose(np.concatenate(pieces), log_mel_of(samples, OPTIONS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_samples", [400, 559, 560, 6400, 6639, 6640, 6799, 6800, 6960, 13039, 13040, 16000])
def test_number_of_frames(n_samples, monkeypatch):
    """There is a frame for each whole window, whether a stretch ends there or not."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.4)
    expected = 1 + (n_samples - 400) // 160
    assert len(log_mel_of(vowel(1.0)[:n_samples], OPTIONS)) == expected
    assert sum(n for n, _ in frames_of([vowel(1.0)[:n_samples]])) == expected


@pytest.mark.parametrize("n_samples", [0, 1, 399])
def test_less_than_a_window_gives_no_stretch(n_samples):
    """There is nothing to say of 25 ms that are not full."""
    assert frames_of([vowel(1.0)[:n_samples]]) == []
    assert frames_of([]) == []


def test_one_window_is_one_frame():
    """The shortest recording that has a frame; what does not move is not taken for speech, so it keeps none."""
    stretch = only_stretch(vowel(1.0)[:400], FrontEndOptions(delta_order=2))
    assert (stretch.n_frames, stretch.frames.shape) == (1, (0, 60))


@pytest.mark.parametrize("factor", [0.3, 0.01])
def test_the_level_does_not_matter(factor):
    """A quieter copy has the same speech frames, with the same coefficients."""
    samples = talk(3.0)
    loud, quiet = only_stretch(samples), only_stretch(np.float32(factor) * samples)
    assert 0 < len(loud.frames) < loud.n_frames
    assert quiet.frames.shape == loud.frames.shape
    np.testing.assert_allclose(quiet.frames, loud.frames, rtol=0, atol=5e-3)


def test_a_steady_offset_does_not_matter():
    """A recording that does not swing around zero has the frames of one that does."""
    samples = talk(3.0)
    plain, offset = only_stretch(samples), only_stretch(samples + np.float32(0.4))
    assert offset.frames.shape == plain.frames.shape
    np.testing.assert_allclose(offset.frames, plain.frames, rtol=0, atol=2e-2)


@pytest.mark.parametrize("offset", [0.0, 0.5])
@pytest.mark.parametrize("level", [0, 1])
def test_silence_holds_no_speech(level, offset):
    """Digital silence, and the last bit of 16-bit audio flickering, hold no speech frame."""
    bits = np.random.default_rng(0).integers(-level, level + 1, size=RATE)
    stretch = only_stretch((offset + bits / 32768).astype(np.float32))
    assert (stretch.n_frames, stretch.frames.shape) == (98, (0, 20))


@pytest.mark.parametrize("factor", [1.0, 0.1, 0.01])
def test_steady_sound_holds_no_speech(factor):
    """A tone, a buzz and noise of any colour, which stay within a few decibels, are no speech at any level."""
    t = np.arange(2 * RATE) / RATE
    white = noise(2.0, 0.1)
    brown = scipy.signal.lfilter([0.1], [1.0, -0.95], white)
    buzz = 0.1 * sum(np.sin(2.0 * np.pi * 110.0 * harmonic * t) / harmonic for harmonic in range(1, 12))
    for sound in (white, brown, buzz, 0.1 * np.sin(2.0 * np.pi * 225.0 * t)):
        stretch = only_stretch((factor * sound).astype(np.float32))
        assert (stretch.n_frames, stretch.frames.shape) == (198, (0, 20))


@pytest.mark.parametrize("factor", [1.0, 0.1, 0.01])
def test_a_moving_sound_without_pauses_keeps_its_frames(factor):
    """A vowel that swells and fades by 14 dB four times a second keeps its louder frames, more than half of them."""
    t = np.arange(3 * RATE) / RATE
    swell = 0.6 + 0.4 * np.cos(2.0 * np.pi * 4.0 * t)
    stretch = only_stretch((factor * swell * vowel(3.0)).astype(np.float32))
    assert 0.5 < len(stretch.frames) / stretch.n_frames < 0.9


@pytest.mark.parametrize("pause_level", [0.0, 0.0015, 0.015])
def test_pauses_are_left_out(pause_level):
    """Frames within a burst are kept, frames within a pause are not, over no noise or one 40 or 20 dB lower."""
    keep = speech_frames(log_mel_of(talk(5.0, pause_level), OPTIONS), OPTIONS)
    begins = (np.arange(len(keep)) * OPTIONS.hop) % (RATE // 2)
    burst_end = int(0.3 * RATE)
    assert keep[begins + OPTIONS.window <= burst_end].all()
    assert not keep[(begins >= burst_end) & (begins + OPTIONS.window <= RATE // 2)].any()


@pytest.mark.parametrize(
    ("quiet_db", "range_db", "threshold_db"),
    [
        (-80.0, 30.0, -30.0),  # the range decides
        (-80.0, 12.0, -12.0),
        (-20.0, 30.0, -12.0),  # 60 % of the way to the noise
        (-10.0, 2.0, -2.0),
    ],
)
def test_the_threshold_by_hand(quiet_db, range_db, threshold_db):
    """The threshold lies where the range or the noise puts it, to a tenth of a decibel, despite a click or a gap."""
    doubtful = [threshold_db + 0.1, threshold_db - 0.1]
    decibels = -10.0 + np.array(doubtful + [0.0] * 60 + [20.0] + [quiet_db] * 40 + [-100.0])
    log_mel = np.repeat(NEPERS * decibels[:, np.newaxis] - math.log(4.0), 4, axis=1).astype(np.float32)
    keep = speech_frames(log_mel, FrontEndOptions(speech_range_db=range_db))
    assert keep.tolist() == [True, False] + [True] * 61 + [False] * 41


@pytest.mark.parametrize(("level_db", "n_kept"), [(-64.9, 6), (-65.1, 0)])
def test_the_silence_level(level_db, n_kept):
    """Where even the loud frames lie below -65 dB over all bands, there is silence."""
    decibels = np.array([level_db] * 6 + [level_db - 20.0] * 4)
    log_mel = np.repeat(NEPERS * decibels[:, np.newaxis] - math.log(4.0), 4, axis=1).astype(np.float32)
    assert speech_frames(log_mel, OPTIONS).sum() == n_kept


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_frames", [1, 2, 3, 20, 21, 100, 3000])
def test_extremes_are_quantiles(n_frames, dtype):
    """To the last bit those of numpy: the loudest 5 % or quarter of a second, and the quietest 5 %."""
    for seed in range(20):
        level = np.random.default_rng(seed).normal(-40.0, 20.0, n_frames).astype(dtype)
        shares = [1.0 - min(0.05, 0.25 / (n_frames * 0.01)), 0.05]
        assert extremes(level, 0.01) == tuple(np.quantile(level, shares).tolist())


@pytest.mark.parametrize(("spread_db", "steady"), [(3.9, True), (4.1, False)])
def test_steadiness_by_hand(spread_db, steady):
    """A spread of the mean band level of less than 4 dB is steady, a twentieth at either end left aside."""
    decibels = np.array([40.0] + [0.0] * 30 + [-spread_db] * 30 + [-90.0])
    log_mel = np.repeat(NEPERS * decibels[:, np.newaxis], 4, axis=1).astype(np.float32)
    assert is_steady(log_mel, 0.01) == steady
    assert speech_frames(log_mel, OPTIONS).any() != steady


def test_steadiness_is_judged_by_the_mean_of_the_bands():
    """One loud band that moves by 20 dB among nine that stand still does not make a stretch move."""
    decibels = np.zeros((40, 10))
    decibels[::2, 0] = 20.0
    assert is_steady((NEPERS * decibels).astype(np.float32), 0.01)


def test_deltas_are_slopes_and_curvatures_of_fitted_parabolas():
    """Over nine frames, the ends repeated: the slope of a fitted line, the second derivative of a fitted parabola."""
    log_mel = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    found = cepstra(log_mel, FrontEndOptions(delta_order=2))
    assert found.shape == (30, 60)
    plain = cepstra(log_mel, OPTIONS)
    np.testing.assert_array_equal(found[:, :20], plain)
    n = np.arange(-4, 5)
    padded = np.pad(plain.astype(np.float64), ((4, 4), (0, 0)), mode="edge")
    for t, d in itertools.product(range(30), (0, 7, 19)):
        around = padded[t : t + 9, d]
        assert found[t, 20 + d] == pytest.approx(np.polyfit(n, around, 1)[0], abs=1e-5)
        assert found[t, 40 + d] == pytest.approx(2.0 * np.polyfit(n, around, 2)[0], abs=1e-5)


@pytest.mark.parametrize(("delta_order", "n_dimensions"), [(0, 20), (1, 40), (2, 60)])
@pytest.mark.parametrize("n_frames", [1, 5, 12])
def test_deltas_widen_the_frames_whatever_their_number(n_frames, delta_order, n_dimensions):
    """Fewer frames than a delta looks at are no fault."""
    options = FrontEndOptions(delta_order=delta_order)
    found = cepstra(np.zeros((n_frames, 40), dtype=np.float32), options)
    assert found.shape == (n_frames, n_dimensions) == (n_frames, options.n_dimensions)


@pytest.mark.parametrize(
    ("cepstral_mean", "expected"),
    [
        ("none", [[1.0, 10.0], [3.0, 14.0]]),  # as it was
        ("utterance", [[4.0, -2.0], [6.0, 2.0]]),  # the mean (2, 12) is now the reference (5, 0)
        ("shrunk", [[1.75, 7.0], [3.75, 11.0]]),  # moved by 2 / (2 + 6), a quarter of the way
    ],
)
def test_the_mean_is_moved_as_the_options_say(cepstral_mean, expected):
    """Two frames by hand, and the caller's are left as they were."""
    frames = np.array([[1.0, 10.0], [3.0, 14.0]], dtype=np.float32)
    options = FrontEndOptions(cepstral_mean=cepstral_mean, shrink_frames=6.0)
    moved = normalise_mean(frames, np.array([5.0, 0.0]), options)
    np.testing.assert_allclose(moved, expected, rtol=1e-6)
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(frames, [[1.0, 10.0], [3.0, 14.0]])


@pytest.mark.parametrize("cepstral_mean", ["none", "utterance", "shrunk"])
def test_no_frames_have_no_mean(cepstral_mean):
    """Where there is no speech frame there is nothing to move."""
    options = FrontEndOptions(cepstral_mean=cepstral_mean, shrink_frames=0.0)
    assert normalise_mean(np.empty((0, 2), dtype=np.float32), np.zeros(2), options).shape == (0, 2)


@pytest.mark.parametrize(
    ("options", "window", "hop", "n_fft"),
    [
        ({}, 400, 160, 512),
        ({"sampling_rate": 8000}, 200, 80, 256),
        ({"window_s": 0.032}, 512, 160, 512),
        ({"window_s": 513 / 16000}, 513, 160, 1024),
        ({"sampling_rate": 11025}, 276, 110, 512),
    ],
)
def test_lengths_in_samples(options, window, hop, n_fft):
    """Seconds become whole samples; the Fourier transform is the next power of two."""
    found = FrontEndOptions(**options)
    assert (found.window, found.hop, found.n_fft) == (window, hop, n_fft)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"window_s": math.nan}, "window_s is nan, but it must be a finite number"),
        ({"fmax_hz": math.inf}, "fmax_hz is inf, but it must be a finite number"),
        ({"sampling_rate": 7999}, "sampling_rate is 7999 Hz, but it must be 8000 to 96000 Hz"),
        ({"sampling_rate": 96001}, "sampling_rate is 96001 Hz, but it must be 8000 to 96000 Hz"),
        (
            {"hop_s": 0.03},
            "hop_s is 0.03 and window_s 0.025, but 0.002 <= hop_s <= window_s <= 0.5 must hold",
        ),
        ({"hop_s": 0.001}, "hop_s is 0.001 and window_s 0.025, but 0.002 <= hop_s <= window_s <= 0.5 must hold"),
        ({"window_s": 0.6}, "hop_s is 0.01 and window_s 0.6, but 0.002 <= hop_s <= window_s <= 0.5 must hold"),
        (
            {"fmax_hz": 8001.0},
            "fmin_hz is 60.0 and fmax_hz 8001.0, but 0 <= fmin_hz < fmax_hz <= 8000 (half the sampling rate) must hold",
        ),
        (
            {"fmin_hz": 4000.0, "sampling_rate": 8000},
            "fmin_hz is 4000.0 and fmax_hz 4000.0, "
            "but 0 <= fmin_hz < fmax_hz <= 4000 (half the sampling rate) must hold",
        ),
        (
            {"fmin_hz": -1.0},
            "fmin_hz is -1.0 and fmax_hz 4000.0, but 0 <= fmin_hz < fmax_hz <= 8000 (half the sampling rate) must hold",
        ),
        ({"n_mels": 1}, "n_mels is 1, but it must be 2 to 256"),
        ({"n_mels": 257}, "n_mels is 257, but it must be 2 to 256"),
        ({"n_mels": 20.0}, "n_mels is 20.0, but it must be a whole number"),
        ({"n_coefficients": 0}, "n_coefficients is 0, but it must be 1 to 39, below n_mels"),
        ({"n_mels": 24, "n_coefficients": 24}, "n_coefficients is 24, but it must be 1 to 23, below n_mels"),
        ({"delta_order": 3}, "delta_order is 3, but it must be 0, 1 or 2"),
        ({"delta_order": -1}, "delta_order is -1, but it must be 0, 1 or 2"),
        (
            {"cepstral_mean": "median"},
            "cepstral_mean is 'median', but it must be one of ('none', 'utterance', 'shrunk')",
        ),
        ({"shrink_frames": -5.0}, "shrink_frames is -5.0, but it must be 0 or more"),
        ({"band_range_db": -3.0}, "band_range_db is -3.0, but it must be positive"),
        ({"speech_range_db": 0.0}, "speech_range_db is 0.0, but it must be positive"),
    ],
)
def test_options_outside_their_range_are_refused(options, text):
    """The error names the option, its value and the range."""
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        FrontEndOptions(**options)


def test_options_at_the_ends_of_their_ranges():
    """The least and greatest values allowed are allowed."""
    least = FrontEndOptions(
        sampling_rate=8000, window_s=0.002, hop_s=0.002, n_mels=2, n_coefficients=1, fmin_hz=0.0, shrink_frames=0.0
    )
    most = FrontEndOptions(
        sampling_rate=96000, window_s=0.5, hop_s=0.5, n_mels=256, n_coefficients=255, fmax_hz=48000.0
    )
    assert (least.n_dimensions, most.n_dimensions) == (1, 255)
