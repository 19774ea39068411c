"""The front end: coefficients compared with librosa and with explicit formulas, and invariances."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal

from speechgmm.errors import OptionError
from speechgmm.features import front_end
from speechgmm.features.array_types import Features, FrameMask, Samples
from speechgmm.features.cepstra import cepstra
from speechgmm.features.front_end import Stretch, normalise_mean, stretch_samples, stretches
from speechgmm.features.log_mel import hann_window, limited_log, log_mel_bands
from speechgmm.features.mel_filters import mel_filters
from speechgmm.features.offset import PERIOD, without_offset
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.voice_activity import extremes, frame_powers, is_steady, speech_frames
from tests.builders import white_noise

OPTIONS = FrontEndOptions()
RATE = OPTIONS.sampling_rate
NEPERS = math.log(10.0) / 10.0  # per decibel of power


def vowel(duration_s: float, f0_hz: float = 120.0) -> Samples:
    """Harmonics of a gliding fundamental under two broad resonances, in [-1, 1]."""
    t = np.arange(round(duration_s * RATE)) / RATE
    phase = 2.0 * np.pi * np.cumsum(f0_hz * (1.0 + 0.1 * np.sin(2.0 * np.pi * 1.7 * t))) / RATE
    tone = np.zeros_like(t)
    for harmonic in range(1, 30):
        f = harmonic * f0_hz
        tone += (1.0 / (1.0 + ((f - 600.0) / 150.0) ** 2) + 0.2 / (1.0 + ((f - 1700.0) / 250.0) ** 2)) * np.sin(
            harmonic * phase
        )
    scaled: Samples = (0.5 * tone / np.abs(tone).max()).astype(np.float32)
    return scaled


def talk(duration_s: float, pause_level: float = 0.0015) -> Samples:
    """Bursts of 0.3 s every 0.5 s over steady noise; by default the noise is 40 dB below the bursts."""
    samples = vowel(duration_s)
    speaking = np.arange(len(samples)) % (RATE // 2) < 0.3 * RATE
    return np.where(speaking, samples, 0.0).astype(np.float32) + white_noise(len(samples), pause_level, seed=0)


def only_stretch(samples: Samples, options: FrontEndOptions = OPTIONS) -> Stretch:
    (stretch,) = stretches([samples], options)
    return stretch


def log_mel_of(samples: Samples, options: FrontEndOptions) -> Features:
    (bands,) = log_mel_bands(samples, [options], [mel_filters(options)])
    return bands


def speech_of(log_mel: Features, options: FrontEndOptions = OPTIONS) -> FrameMask:
    return speech_frames(log_mel, frame_powers(log_mel), options)


def librosa_log_mel(samples: Samples, options: FrontEndOptions) -> npt.NDArray[np.floating]:
    """Mel spectrogram of librosa (T, n_mels) in dB re power 1, limited per frame to `band_range_db`.

    librosa centres the window in the Fourier frame, so the samples are padded on both sides.
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
    decibels: npt.NDArray[np.floating] = librosa.power_to_db(bands, amin=1e-12, top_db=None).T
    limited: npt.NDArray[np.floating] = np.maximum(
        decibels, decibels.max(axis=1, keepdims=True) - options.band_range_db
    )
    return limited


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        FrontEndOptions(sampling_rate=8000),
        FrontEndOptions(band_range_db=20.0),
        FrontEndOptions(window_s=0.032, hop_s=0.016, n_mels=24, n_coefficients=12, fmin_hz=0.0, fmax_hz=8000.0),
    ],
)
def test_coefficients_are_those_of_librosa(options: FrontEndOptions) -> None:
    """Bands and coefficients equal those of librosa, apart from the unit: nepers instead of decibels."""
    samples = talk(1.0)
    expected_db = librosa_log_mel(samples, options)
    log_mel = log_mel_of(samples, options)
    np.testing.assert_allclose(log_mel, NEPERS * expected_db, rtol=0, atol=2e-3)
    mfcc = librosa.feature.mfcc(S=expected_db.T, n_mfcc=1 + options.n_coefficients, dct_type=2, norm="ortho")
    found = cepstra(log_mel, options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, NEPERS * mfcc[1:].T, rtol=0, atol=2e-3)


def test_empty_bands_are_limited() -> None:
    """An empty band is 60 dB below the loudest band of its frame, not at the power floor, and so is a faint one."""
    power = np.array([[2.0, 1.0, 0.0], [0.5, 1e-3, 1e-7]], dtype=np.float32)
    bands = power.copy()
    limited_log(bands, OPTIONS)
    np.testing.assert_allclose(bands, np.log([[2.0, 1.0, 2e-6], [0.5, 1e-3, 5e-7]]), rtol=1e-6)
    limited_log(power, FrontEndOptions(band_range_db=200.0))
    np.testing.assert_allclose(power[:, 2], np.log([1e-12, 1e-7]), rtol=1e-6)


def test_a_stretch_is_high_pass_librosa_and_vad() -> None:
    """The whole front end, recomputed: high-pass at 20 Hz, coefficients of librosa, speech frames."""
    samples = talk(2.0)
    b, a = scipy.signal.butter(1, 20.0, "highpass", fs=RATE)
    filtered = scipy.signal.lfilter(b, a, samples, zi=scipy.signal.lfilter_zi(b, a) * samples[0])[0]
    decibels = librosa_log_mel(filtered, OPTIONS)
    mfcc = librosa.feature.mfcc(S=decibels.T, n_mfcc=21)[1:].T
    keep = speech_of((NEPERS * decibels).astype(np.float32))
    found = only_stretch(samples)
    assert 0 < keep.sum() < len(keep) == found.n_frames
    np.testing.assert_allclose(found.frames, NEPERS * mfcc[keep], rtol=0, atol=2e-3)


def test_silent_bands_are_at_the_power_floor() -> None:
    """Without power, each log band equals that of the floor and all coefficients are zero."""
    log_mel = log_mel_of(np.zeros(RATE, dtype=np.float32), OPTIONS)
    np.testing.assert_allclose(log_mel, math.log(1e-12), rtol=1e-6)
    np.testing.assert_allclose(cepstra(log_mel, OPTIONS), 0.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("delta_order", [0, 1, 2])
def test_a_loud_burst_does_not_change_earlier_frames(delta_order: int) -> None:
    """Frames whose window (and, for deltas, whose next four frames) end before the burst do not depend on it."""
    options = FrontEndOptions(delta_order=delta_order)
    quiet = 0.001 * talk(1.0)
    loud = np.concatenate([quiet, white_noise(RATE // 2, 0.5, seed=0)])
    before = cepstra(log_mel_of(quiet, options), options)
    after = cepstra(log_mel_of(loud, options), options)[: len(before)]
    n_unaffected = len(before) - (4 if delta_order else 0)
    np.testing.assert_allclose(after[:n_unaffected], before[:n_unaffected], rtol=0, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
def test_the_high_pass_is_that_of_butterworth(rate: int) -> None:
    """First order, 20 Hz, settled on the first sample; also after several periods of its weights."""
    samples = (0.3 + white_noise(2 * PERIOD + 1000, 0.1, seed=1)).astype(np.float32)
    b, a = scipy.signal.butter(1, 20.0, "highpass", fs=rate)
    expected, _ = scipy.signal.lfilter(b, a, samples, zi=scipy.signal.lfilter_zi(b, a) * samples[0])
    (found,) = without_offset([samples], rate)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-8)


@pytest.mark.parametrize("size", [1, 160, 1001, PERIOD - 1, PERIOD, PERIOD + 1])
def test_the_high_pass_does_not_depend_on_the_blocks(size: int) -> None:
    """Bit-identical for blocks of any size, which begin and end anywhere in a period."""
    samples = (0.3 + white_noise(PERIOD + 2000, 0.1, seed=1)).astype(np.float32)
    (whole,) = without_offset([samples], RATE)
    found = list(without_offset([samples[i : i + size] for i in range(0, len(samples), size)], RATE))
    np.testing.assert_array_equal(np.concatenate(found), whole)


@pytest.mark.parametrize("length", [200, 400, 401, 1024])
def test_the_window_is_that_of_scipy(length: int) -> None:
    """Periodic Hann window, to the last bit."""
    np.testing.assert_array_equal(hann_window(length), scipy.signal.get_window("hann", length).astype(np.float32))


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize(
    "options", [OPTIONS, FrontEndOptions(n_mels=128, window_s=0.016), FrontEndOptions(n_mels=7, n_coefficients=6)]
)
def test_filters_are_those_of_librosa(options: FrontEndOptions) -> None:
    """The weights are equal, and applied in parts they give the product; bands may be empty, as here of 128."""
    filters = mel_filters(options)
    bank = librosa.filters.mel(
        sr=RATE, n_fft=options.n_fft, n_mels=options.n_mels, fmin=options.fmin_hz, fmax=options.fmax_hz
    )
    for (begin, end), row in zip(filters.ranges, bank, strict=True):
        assert np.array_equal(np.flatnonzero(row), np.arange(begin, end))
    np.testing.assert_array_equal(filters.weights, bank[bank > 0])
    assert filters.n_bins == 1 + np.flatnonzero(bank.any(axis=0))[-1]
    assert bank.any(axis=1).all() == (options.n_mels < 128)
    power = np.random.default_rng(0).gamma(1.0, size=(5, bank.shape[1])).astype(np.float32)
    found = np.full((5, options.n_mels), np.nan, dtype=np.float32)
    filters.apply(power, out=found)
    np.testing.assert_allclose(found, power.astype(np.float64) @ bank.T, rtol=1e-5)


def test_front_ends_of_one_window_share_its_spectrum() -> None:
    """Several at once give what each alone gives, also where one needs more bins than another."""
    samples = talk(1.0)
    options = [OPTIONS, FrontEndOptions(n_mels=20, n_coefficients=12, fmax_hz=8000.0)]
    for found, own in zip(log_mel_bands(samples, options, list(map(mel_filters, options))), options, strict=True):
        np.testing.assert_array_equal(found, log_mel_of(samples, own))


def frames_of(blocks: Iterable[Samples], options: FrontEndOptions = OPTIONS) -> list[tuple[int, Features]]:
    return [(stretch.n_frames, stretch.frames) for stretch in stretches(blocks, options)]


def assert_same_stretches(found: list[tuple[int, Features]], expected: list[tuple[int, Features]]) -> None:
    assert [n for n, _ in found] == [n for n, _ in expected]
    for (_, frames), (_, expected_frames) in zip(found, expected, strict=True):
        np.testing.assert_allclose(frames, expected_frames, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 160, 1001, 8000, 20000])
def test_block_boundaries_do_not_matter(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames of a recording of several stretches do not depend on the block size."""
    monkeypatch.setattr(front_end, "STRETCH_S", 0.4)
    samples = 0.1 + talk(1.3)
    whole = frames_of([samples])
    assert [n for n, _ in whole] == [40, 40, 48]
    assert_same_stretches(frames_of([samples[i : i + size] for i in range(0, len(samples), size)]), whole)


def test_uneven_and_empty_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks may differ in size. Any block may be empty, the first one too."""
    monkeypatch.setattr(front_end, "STRETCH_S", 0.4)
    samples = talk(1.3)
    blocks = np.split(samples, [0, 0, 3, 500, 500, 9000, 20001, 20002])
    assert_same_stretches(frames_of(blocks), frames_of([samples]))


def test_a_long_recording_comes_in_minutes() -> None:
    """160 s give two stretches of a minute and a shorter one, and no frame is lost between them."""
    samples = np.tile(talk(10.0), 16)
    blocks = [samples[i : i + 100_000] for i in range(0, len(samples), 100_000)]
    found = list(stretches(blocks, OPTIONS))
    assert [stretch.n_frames for stretch in found] == [6000, 6000, 3998]
    assert all(0.5 < len(stretch.frames) / stretch.n_frames < 0.7 for stretch in found)


@pytest.mark.parametrize(("length_s", "n_frames"), [(89.9, [8988]), (90.1, [6000, 3008]), (125.0, [6000, 6498])])
def test_the_last_stretch_is_not_short(length_s: float, n_frames: list[int]) -> None:
    """The last stretch has at least half a minute, enough for voice activity detection."""
    samples = np.resize(talk(10.0), round(length_s * 16000))
    assert [stretch.n_frames for stretch in stretches([samples], OPTIONS)] == n_frames


def test_a_word_in_a_minute_of_pause_is_found() -> None:
    """Of one second of speech within a minute of faint noise, the speech is kept and little else."""
    samples = np.float32(0.0003) * np.random.default_rng(3).normal(size=60 * 16000).astype(np.float32)
    samples[30 * 16000 : 31 * 16000] += talk(1.0)[:16000]
    (stretch,) = stretches([samples], OPTIONS)
    assert 40 <= len(stretch.frames) <= 110


def test_stretches_have_the_frames_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bands of all stretches together equal those of the recording as a whole."""
    monkeypatch.setattr(front_end, "STRETCH_S", 0.4)
    samples = talk(1.3)
    pieces = [log_mel_of(piece, OPTIONS) for piece in stretch_samples([samples], OPTIONS)]
    assert len(pieces) == 3
    np.testing.assert_allclose(np.concatenate(pieces), log_mel_of(samples, OPTIONS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_samples", [400, 559, 560, 6400, 6639, 6640, 6799, 6800, 6960, 13039, 13040, 16000])
def test_number_of_frames(n_samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one frame per complete window, also at the boundaries of stretches."""
    monkeypatch.setattr(front_end, "STRETCH_S", 0.4)
    expected = 1 + (n_samples - 400) // 160
    assert len(log_mel_of(vowel(1.0)[:n_samples], OPTIONS)) == expected
    assert sum(n for n, _ in frames_of([vowel(1.0)[:n_samples]])) == expected


@pytest.mark.parametrize("n_samples", [0, 1, 399])
def test_less_than_a_window_gives_no_stretch(n_samples: int) -> None:
    """Recordings shorter than 25 ms and recordings without blocks have no stretch."""
    assert frames_of([vowel(1.0)[:n_samples]]) == []
    assert frames_of([]) == []


def test_one_window_is_one_frame() -> None:
    """The shortest recording with a frame. It is steady, so the frame is not speech."""
    stretch = only_stretch(vowel(1.0)[:400], FrontEndOptions(delta_order=2))
    assert (stretch.n_frames, stretch.frames.shape) == (1, (0, 60))


@pytest.mark.parametrize("factor", [0.3, 0.01])
def test_the_level_does_not_matter(factor: float) -> None:
    """At a lower level, the speech frames and their coefficients are the same."""
    samples = talk(3.0)
    loud, quiet = only_stretch(samples), only_stretch(np.float32(factor) * samples)
    assert 0 < len(loud.frames) < loud.n_frames
    assert quiet.frames.shape == loud.frames.shape
    np.testing.assert_allclose(quiet.frames, loud.frames, rtol=0, atol=5e-3)


def test_a_steady_offset_does_not_matter() -> None:
    """A DC offset does not change the frames."""
    samples = talk(3.0)
    plain, offset = only_stretch(samples), only_stretch(samples + np.float32(0.4))
    assert offset.frames.shape == plain.frames.shape
    np.testing.assert_allclose(offset.frames, plain.frames, rtol=0, atol=2e-2)


@pytest.mark.parametrize("offset", [0.0, 0.5])
@pytest.mark.parametrize("level", [0, 1])
def test_silence_has_no_speech(level: int, offset: float) -> None:
    """Digital silence and one-bit noise of 16-bit audio have no speech frame."""
    bits = np.random.default_rng(0).integers(-level, level + 1, size=RATE)
    stretch = only_stretch((offset + bits / 32768).astype(np.float32))
    assert (stretch.n_frames, stretch.frames.shape) == (98, (0, 20))


@pytest.mark.parametrize("factor", [1.0, 0.1, 0.01])
def test_steady_sound_has_no_speech(factor: float) -> None:
    """A tone, a buzz and noise of any colour stay within a few decibels and have no speech frame at any level."""
    t = np.arange(2 * RATE) / RATE
    white = white_noise(2 * RATE, 0.1, seed=0)
    brown = scipy.signal.lfilter([0.1], [1.0, -0.95], white)
    harmonics = np.arange(1, 12)[:, np.newaxis]
    buzz = 0.1 * np.sum(np.sin(2.0 * np.pi * 110.0 * harmonics * t) / harmonics, axis=0)
    for sound in (white, brown, buzz, 0.1 * np.sin(2.0 * np.pi * 225.0 * t)):
        stretch = only_stretch((factor * sound).astype(np.float32))
        assert (stretch.n_frames, stretch.frames.shape) == (198, (0, 20))


@pytest.mark.parametrize("factor", [1.0, 0.1, 0.01])
def test_a_varying_sound_without_pauses_keeps_its_frames(factor: float) -> None:
    """Of a vowel whose level varies by 14 dB four times a second, more than half of the frames are kept."""
    t = np.arange(3 * RATE) / RATE
    swell = 0.6 + 0.4 * np.cos(2.0 * np.pi * 4.0 * t)
    stretch = only_stretch((factor * swell * vowel(3.0)).astype(np.float32))
    assert 0.5 < len(stretch.frames) / stretch.n_frames < 0.9


@pytest.mark.parametrize("pause_level", [0.0, 0.0015, 0.015])
def test_pauses_are_left_out(pause_level: float) -> None:
    """Frames within bursts are kept, frames within pauses are not: without noise, and with noise at -40 and -20 dB."""
    keep = speech_of(log_mel_of(talk(5.0, pause_level), OPTIONS))
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
def test_the_threshold_by_hand(quiet_db: float, range_db: float, threshold_db: float) -> None:
    """Range or noise set the threshold, accurate to 0.1 dB; a click or a gap does not change it."""
    doubtful = [threshold_db + 0.1, threshold_db - 0.1]
    decibels = -10.0 + np.array(doubtful + [0.0] * 60 + [20.0] + [quiet_db] * 40 + [-100.0])
    log_mel = np.repeat(NEPERS * decibels[:, np.newaxis] - math.log(4.0), 4, axis=1).astype(np.float32)
    keep = speech_of(log_mel, FrontEndOptions(speech_range_db=range_db))
    assert keep.tolist() == [True, False] + [True] * 61 + [False] * 41


@pytest.mark.parametrize(("level_db", "n_kept"), [(-64.9, 6), (-65.1, 0)])
def test_the_silence_level(level_db: float, n_kept: int) -> None:
    """If even the loud frames are below -65 dB, summed over the bands, there is no speech."""
    decibels = np.array([level_db] * 6 + [level_db - 20.0] * 4)
    log_mel = np.repeat(NEPERS * decibels[:, np.newaxis] - math.log(4.0), 4, axis=1).astype(np.float32)
    assert speech_of(log_mel).sum() == n_kept


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_frames", [1, 2, 3, 20, 21, 100, 3000])
def test_extremes_are_quantiles(n_frames: int, dtype: type[np.floating]) -> None:
    """Bit-identical to numpy: the loudest 5 % or quarter of a second, and the quietest 5 %."""
    for seed in range(20):
        level = np.random.default_rng(seed).normal(-40.0, 20.0, n_frames).astype(dtype)
        shares = [1.0 - min(0.05, 0.25 / (n_frames * 0.01)), 0.05]
        assert extremes(level, 0.01) == tuple(np.quantile(level, shares).tolist())


@pytest.mark.parametrize(("spread_db", "steady"), [(3.9, True), (4.1, False)])
def test_steadiness_by_hand(spread_db: float, steady: bool) -> None:
    """A mean band level with a spread below 4 dB is steady. The extreme 5 % at both ends do not count."""
    decibels = np.array([40.0] + [0.0] * 30 + [-spread_db] * 30 + [-90.0])
    log_mel = np.repeat(NEPERS * decibels[:, np.newaxis], 4, axis=1).astype(np.float32)
    assert is_steady(log_mel, 0.01) == steady
    assert speech_of(log_mel).any() != steady


def test_steadiness_is_judged_by_the_mean_of_the_bands() -> None:
    """A single band that varies by 20 dB among nine constant bands is still steady."""
    decibels = np.zeros((40, 10))
    decibels[::2, 0] = 20.0
    assert is_steady((NEPERS * decibels).astype(np.float32), 0.01)


def test_deltas_are_slopes_and_curvatures_of_fitted_parabolas() -> None:
    """Over nine frames, edges repeated: slope of a fitted line, second derivative of a fitted parabola; as librosa."""
    log_mel = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    found = cepstra(log_mel, FrontEndOptions(delta_order=2))
    assert found.shape == (30, 60)
    plain = cepstra(log_mel, OPTIONS)
    np.testing.assert_array_equal(found[:, :20], plain)
    for order in (1, 2):
        expected = librosa.feature.delta(plain, order=order, axis=0, mode="nearest")
        np.testing.assert_allclose(found[:, 20 * order : 20 * (order + 1)], expected, rtol=0, atol=1e-6)
    n = np.arange(-4, 5)
    padded = np.pad(plain.astype(np.float64), ((4, 4), (0, 0)), mode="edge")
    for t, d in itertools.product(range(30), (0, 7, 19)):
        around = padded[t : t + 9, d]
        assert found[t, 20 + d] == pytest.approx(np.polyfit(n, around, 1)[0], abs=1e-5)
        assert found[t, 40 + d] == pytest.approx(2.0 * np.polyfit(n, around, 2)[0], abs=1e-5)


@pytest.mark.parametrize(("delta_order", "n_dimensions"), [(0, 20), (1, 40), (2, 60)])
@pytest.mark.parametrize("n_frames", [1, 5, 12])
def test_deltas_add_features_for_any_number_of_frames(n_frames: int, delta_order: int, n_dimensions: int) -> None:
    """Fewer frames than the width of a delta are accepted."""
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
def test_the_mean_is_moved_as_the_options_say(cepstral_mean: str, expected: list[list[float]]) -> None:
    """Two frames by hand. The input is not modified."""
    frames = np.array([[1.0, 10.0], [3.0, 14.0]], dtype=np.float32)
    options = FrontEndOptions(cepstral_mean=cepstral_mean, shrink_frames=6.0)
    moved = normalise_mean(frames, np.array([5.0, 0.0]), options)
    np.testing.assert_allclose(moved, expected, rtol=1e-6)
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(frames, [[1.0, 10.0], [3.0, 14.0]])


@pytest.mark.parametrize("cepstral_mean", ["none", "utterance", "shrunk"])
def test_no_frames_have_no_mean(cepstral_mean: str) -> None:
    """Without speech frames the result is empty."""
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
def test_lengths_in_samples(options: dict[str, Any], window: int, hop: int, n_fft: int) -> None:
    """Seconds are rounded to samples. The Fourier transform has the next power of two."""
    resolved = FrontEndOptions(**options)
    assert (resolved.window, resolved.hop, resolved.n_fft) == (window, hop, n_fft)


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
            (
                "fmin_hz is 4000.0 and fmax_hz 4000.0, "
                "but 0 <= fmin_hz < fmax_hz <= 4000 (half the sampling rate) must hold"
            ),
        ),
        (
            {"fmin_hz": -1.0},
            "fmin_hz is -1.0 and fmax_hz 4000.0, but 0 <= fmin_hz < fmax_hz <= 8000 (half the sampling rate) must hold",
        ),
        ({"n_mels": 1}, "n_mels is 1, but it must be 2 to 256"),
        ({"n_mels": 257}, "n_mels is 257, but it must be 2 to 256"),
        ({"n_mels": 20.0}, "n_mels is 20.0, but it must be a whole number"),
        ({"n_mels": True}, "n_mels is True, but it must be a whole number"),
        ({"hop_s": None}, "hop_s is None, but it must be a number"),
        ({"window_s": "0.03"}, "window_s is '0.03', but it must be a number"),
        ({"features": None}, "features is None, but it must be text"),
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
def test_options_outside_their_range_are_refused(options: dict[str, Any], text: str) -> None:
    """The error names the option, its value and the range."""
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        FrontEndOptions(**options)


def test_options_at_the_ends_of_their_ranges() -> None:
    """The lowest and highest values of each range are accepted."""
    lowest = FrontEndOptions(
        sampling_rate=8000, window_s=0.002, hop_s=0.002, n_mels=2, n_coefficients=1, fmin_hz=0.0, shrink_frames=0.0
    )
    highest = FrontEndOptions(
        sampling_rate=96000, window_s=0.5, hop_s=0.5, n_mels=256, n_coefficients=255, fmax_hz=48000.0
    )
    assert (lowest.n_dimensions, highest.n_dimensions) == (1, 255)
