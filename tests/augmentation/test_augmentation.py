"""Augmentation: each function changes what its documentation says, by that amount, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from scipy.linalg import solve_toeplitz
from scipy.signal import iirpeak, lfilter, welch

from speechgmm.audio.samples import Samples
from speechgmm.augmentation import channel as channel_module
from speechgmm.augmentation import nonspeech_sounds as nonspeech_module
from speechgmm.augmentation import vocal_effort as effort_module
from speechgmm.augmentation.augment import CHANNEL, EFFORT, NOISE_LEVELS_DB, NONSPEECH_KINDS, augment
from speechgmm.augmentation.augment import NOISE as IN_NOISE
from speechgmm.augmentation.channel import (
    augment_channel,
    reverberated,
    steady_noise,
    telephone,
    with_noise,
    with_recorded_noise,
)
from speechgmm.augmentation.nonspeech_sounds import augment_nonspeech
from speechgmm.augmentation.vocal_effort import EFFORT_CURVE_DB, Effort, is_low_voice, raise_effort, with_effort
from speechgmm.demo.synthesis import KINDS, RATE, VOWELS, Kind, Tracks, Voice, draw_voice, speak, synthesise
from tests.builders import spoken

Augmentation = Callable[[Samples, int, np.random.Generator], Samples]

NOISE = np.random.default_rng(99).normal(0, 0.1, 5000).astype(np.float32)
LENGTH_PRESERVING: dict[str, Augmentation] = {
    "telephone": lambda samples, rate, rng: telephone(samples, rate, companded=True),
    "with_noise": lambda samples, rate, rng: with_noise(samples, NOISE, 10, begin=7, sampling_rate=rate),
    "reverberated": lambda samples, rate, rng: reverberated(samples, rate, decay_s=0.3, wet_db=-3, rng=rng),
    "augment_channel": lambda samples, rate, rng: augment_channel(samples, rate, [NOISE], rng),
}
ALL: dict[str, Augmentation] = {
    **LENGTH_PRESERVING,
    "with_effort": lambda samples, rate, rng: with_effort(samples, rate, Effort(pitch=1.3, formants=1.1, tilt_db=2)),
    "raise_effort": lambda samples, rate, rng: raise_effort(samples, rate, low_voice=True, rng=rng),
    "augment_nonspeech": augment_nonspeech,
}


def hiss(n: int, seed: int = 0) -> Samples:
    """White noise."""
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


def vowel(kind: Kind, name: str, *, pitch_hz: float, rate: int = RATE) -> Samples:
    """0.6 s of a steady vowel."""
    formants_hz = np.array(VOWELS[kind][name][1:], dtype=np.float64)
    tracks = Tracks(
        pitch_hz=np.full(60, pitch_hz),
        formants_hz=np.tile(formants_hz, (60, 1)),
        voicing=np.ones(60),
        frication=np.zeros((60, 2)),
    )
    samples = synthesise(Voice(kind=kind, f0_hz=pitch_hz), tracks, np.random.default_rng(5))
    return np.asarray(soxr.resample(samples, RATE, rate), dtype=np.float32)


def pitch_of(samples: Samples, rate: int) -> float:
    """Pitch in Hz of a steady vowel: the best comb of five harmonics, of 60 to 400 Hz, in the log spectrum."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * rate))
    level = np.log(spectrum + 1e-3 * spectrum.max())
    candidates = np.arange(60, 400, 0.25)
    teeth = np.rint(8 * np.outer(candidates, np.arange(1, 6))).astype(int)
    between = np.rint(8 * np.outer(candidates, np.arange(0.5, 5))).astype(int)
    return float(candidates[np.argmax(level[teeth].sum(axis=1) - level[between].sum(axis=1))])


def formants_of(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Resonances in Hz of an all-pole model (linear prediction) of order 12, up to 5 kHz."""
    samples = soxr.resample(samples, rate, 10_000)
    samples = np.diff(samples)  # pre-emphasis
    spectrum = np.fft.rfft(samples * np.hanning(len(samples)), 2 * len(samples))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:13]
    prediction = solve_toeplitz(correlation[:-1], correlation[1:])
    poles = np.roots(np.concatenate([[1], -prediction]))
    poles = poles[(poles.imag > 0) & (-np.log(np.abs(poles)) * 10_000 / np.pi < 500)]
    return np.sort(np.angle(poles) * 10_000 / (2 * np.pi))


def band_db(samples: Samples, rate: int, low_hz: float, high_hz: float) -> float:
    """Mean power density between two frequencies, in dB."""
    frequencies, density = welch(samples, rate, nperseg=1024)
    return float(10 * np.log10(density[(frequencies >= low_hz) & (frequencies <= high_hz)].mean()))


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_telephone_has_nothing_above_4_khz(rate: int) -> None:
    """Power above 4 kHz falls by more than 40 dB. Power below 3.4 kHz does not change."""
    samples = hiss(2 * rate)
    narrow = telephone(samples, rate, companded=False)
    assert band_db(narrow, rate, 4100, rate / 2) < band_db(samples, rate, 4100, rate / 2) - 40
    assert band_db(narrow, rate, 50, 3400) == pytest.approx(band_db(samples, rate, 50, 3400), abs=0.1)


def test_companding_errs_by_half_a_step_of_the_code() -> None:
    """At 8 kHz there is no resampling. The error is below half a quantisation step, which grows with the magnitude."""
    samples = 0.3 * hiss(8000)
    coded = telephone(samples, 8000, companded=True)
    peak = np.abs(samples).max()
    # The magnitude is (256^c - 1) / 255 of the peak; half a step of c, 1/254, multiplies 256^c by this:
    half_step = 256 ** (1 / 254)
    bound = peak * (np.abs(samples) / peak + 1 / 255) * (half_step - 1)
    assert np.all(np.abs(coded - samples) <= bound * (1 + 1e-4))
    assert 200 < len(np.unique(coded)) <= 255


def test_silence_passes_a_companding_telephone() -> None:
    """A recording of zeros, which has no peak to scale by, stays zero."""
    np.testing.assert_array_equal(telephone(np.zeros(8000, np.float32), 16_000, companded=True), 0)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("snr_db", [-5.0, 20.0])
def test_noise_has_the_level_asked_for(rate: int, snr_db: float) -> None:
    """Speech of 50 ms and pauses of 50 ms: the noise is `snr_db` below the speech, not below the overall mean."""
    seconds = np.arange(2 * rate) / rate
    speaks = (seconds % 0.1) < 0.05
    samples = (0.2 * np.sin(2 * np.pi * 200 * seconds) * speaks).astype(np.float32)
    added = with_noise(samples, NOISE, snr_db, begin=0, sampling_rate=rate) - samples
    assert 10 * np.log10(0.02 / np.mean(added**2)) == pytest.approx(snr_db, abs=0.5)


def test_noise_is_repeated_from_the_given_sample() -> None:
    """Sample i of the added signal is sample begin + i of the noise, modulo its length."""
    samples = hiss(4000)
    noise = np.arange(1, 1501, dtype=np.float32) / np.float32(1500)
    added = with_noise(samples, noise, 0, begin=1200) - samples
    expected = [noise[(1200 + i) % 1500] for i in range(4000)]
    np.testing.assert_allclose(added / added[0], np.array(expected) / expected[0], atol=1e-4)


@pytest.mark.parametrize("noise", [np.zeros(100, np.float32), np.empty(0, np.float32), 1e-6 * NOISE])
def test_silent_noise_changes_nothing(noise: Samples) -> None:
    """Empty noise, and noise at the level of rounding errors, is not added."""
    samples = hiss(4000)
    np.testing.assert_array_equal(with_noise(samples, noise, 10, begin=0), samples)


def test_silent_recordings_get_no_noise() -> None:
    """Without speech there is no reference level."""
    samples = 1e-6 * hiss(4000)
    np.testing.assert_array_equal(with_noise(samples, NOISE, 10, begin=0), samples)


@pytest.mark.parametrize(("decay_s", "wet_db", "rate"), [(0.2, -10.0, 16_000), (0.6, 0.0, 8000), (0.4, -5.0, 44_100)])
def test_a_room_decays_in_the_time_and_has_the_energy_asked_for(decay_s: float, wet_db: float, rate: int) -> None:
    """The response to a click decays by 60 dB in `decay_s` (Schroeder integration), with an energy of `wet_db`."""
    click = np.zeros(rate, np.float32)
    click[0] = 1
    response = reverberated(click, rate, decay_s=decay_s, wet_db=wet_db, rng=np.random.default_rng(1))
    remaining_db = 10 * np.log10(np.cumsum(response[:0:-1].astype(np.float64) ** 2)[::-1] + 1e-20)
    remaining_db -= remaining_db[0]
    line = (remaining_db < -5) & (remaining_db > -35)
    slope, _ = np.polyfit(np.flatnonzero(line) / rate, remaining_db[line], 1)
    assert -60 / slope == pytest.approx(decay_s, rel=0.1)
    echoes, direct = np.sum(response[1:] ** 2), response[0] ** 2
    assert 10 * np.log10(echoes / direct) == pytest.approx(wet_db, abs=1)


def test_a_room_keeps_the_level() -> None:
    """The mean power does not change. Silence stays silence."""
    samples = hiss(16_000)
    wet = reverberated(samples, 16_000, decay_s=0.5, wet_db=0, rng=np.random.default_rng(1))
    assert np.mean(wet**2) == pytest.approx(np.mean(samples**2), rel=1e-4)
    silence = np.zeros(16_000, np.float32)
    after = reverberated(silence, 16_000, decay_s=0.5, wet_db=0, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(after, silence)


@pytest.mark.parametrize("rate", [8000, 22_050])
def test_the_same_pitch_is_the_same_recording(rate: int) -> None:
    """With factors of 1, no tilt and the curve of no octave, all samples are reconstructed, those at the ends too."""
    samples = hiss(rate)
    same = with_effort(samples, rate, Effort(pitch=1, curve_share=1))
    np.testing.assert_allclose(same, samples, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name", "pitch_hz", "pitch", "rate"),
    [
        ("male", "head", 120.0, 1.5, 16_000),
        ("male", "hod", 100.0, 1.8, 44_100),
        ("female", "had", 200.0, 0.8, 16_000),
        ("female", "hud", 220.0, 0.72, 22_050),
    ],
)
def test_pitch_moves_and_formants_stay(kind: Kind, name: str, pitch_hz: float, pitch: float, rate: int) -> None:
    """The pitch is multiplied by the factor within 3 %. The first formant stays within 8 %."""
    samples = vowel(kind, name, pitch_hz=pitch_hz, rate=rate)
    shifted = with_effort(samples, rate, Effort(pitch=pitch))
    assert pitch_of(samples, rate) == pytest.approx(pitch_hz, rel=0.02)
    assert pitch_of(shifted, rate) / pitch_of(samples, rate) == pytest.approx(pitch, rel=0.03)
    assert formants_of(shifted, rate)[0] == pytest.approx(formants_of(samples, rate)[0], rel=0.08)


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_formants_move_by_a_factor_of_their_own(factor: float) -> None:
    """A resonance at 1500 Hz, excited by white noise, moves by the factor. The pitch of a vowel does not."""
    samples = lfilter(*iirpeak(1500, Q=5, fs=RATE), hiss(4 * RATE)).astype(np.float32)
    moved = with_effort(samples, RATE, Effort(pitch=1, formants=factor))
    frequencies, density = welch(moved, RATE, nperseg=256)
    near = density > density.max() / 4
    assert np.average(frequencies[near], weights=density[near]) == pytest.approx(1500 * factor, rel=0.03)
    vocal = with_effort(vowel("male", "had", pitch_hz=110), RATE, Effort(pitch=1, formants=factor))
    assert pitch_of(vocal, RATE) == pytest.approx(110, rel=0.02)


@pytest.mark.parametrize(
    ("centre_hz", "octaves"), [(250.0, 0.0), (500.0, 0.0), (1000.0, 0.0), (2000.0, 1.0), (4000.0, 2.0), (7000.0, 2.0)]
)
def test_tilt_grows_by_octaves_from_1_to_4_khz(centre_hz: float, octaves: float) -> None:
    """A tilt of 4 dB per octave between 1 and 4 kHz. The gain is constant outside."""
    samples = hiss(32_000)
    tilted = with_effort(samples, RATE, Effort(pitch=1, tilt_db=4))
    band = (0.95 * centre_hz, 1.05 * centre_hz)
    assert band_db(tilted, RATE, *band) - band_db(samples, RATE, *band) == pytest.approx(4 * octaves, abs=0.5)


@pytest.mark.parametrize("frequency", [300, 700, 1000, 2000, 3000, 5000])
@pytest.mark.parametrize(("pitch", "curve_share"), [(1.5, 0.5), (1.5, 1.5), (2.0, 1.0)])
def test_the_spectrum_follows_the_measured_curve(frequency: int, pitch: float, curve_share: float) -> None:
    """The level at a frequency changes by the share of the curve times the octaves of pitch."""
    samples = hiss(64_000)
    plain = with_effort(samples, RATE, Effort(pitch=pitch))
    raised = with_effort(samples, RATE, Effort(pitch=pitch, curve_share=curve_share))
    band = (0.97 * frequency, 1.03 * frequency)
    expected = curve_share * np.log2(pitch) * EFFORT_CURVE_DB[frequency]
    assert band_db(raised, RATE, *band) - band_db(plain, RATE, *band) == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize(
    ("centre_hz", "factor"), [(400.0, 1.2), (700.0, 1.2), (1800.0, 1.0), (3000.0, 1.0), (6000.0, 1.0)]
)
def test_the_first_formant_moves_by_a_further_factor(centre_hz: float, factor: float) -> None:
    """Resonances up to 800 Hz move by it, those from 1800 Hz do not; all move by the factor of all formants."""
    samples = lfilter(*iirpeak(centre_hz, Q=5, fs=RATE), hiss(4 * RATE)).astype(np.float32)
    moved = with_effort(samples, RATE, Effort(pitch=1, formants=1.1, first_formant=1.2))
    frequencies, density = welch(moved, RATE, nperseg=512)
    near = density > density.max() / 4
    assert np.average(frequencies[near], weights=density[near]) == pytest.approx(1.1 * factor * centre_hz, rel=0.05)


def test_a_first_formant_beyond_the_second_moves_nothing_apart() -> None:
    """A factor that would put 800 Hz above 1800 Hz is left out, so that frequencies keep their order."""
    samples = hiss(16_000)
    far = with_effort(samples, RATE, Effort(pitch=1, formants=1.1, first_formant=2.5))
    np.testing.assert_array_equal(far, with_effort(samples, RATE, Effort(pitch=1, formants=1.1)))


@pytest.mark.parametrize("pitch", [0.72, 1.0, 1.9])
def test_a_higher_pitch_is_shorter(pitch: float) -> None:
    """The duration is divided by the factor."""
    shifted = with_effort(hiss(10_000), 16_000, Effort(pitch=pitch))
    assert abs(len(shifted) - 10_000 / pitch) <= 1


def record_calls(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[dict[str, Any]]:
    """Replace a function of a module by one that returns its samples unaltered and records its arguments."""
    calls: list[dict[str, Any]] = []

    def stand_in(samples: Samples, *positional: object, **options: object) -> Samples:
        calls.append({"positional": positional, **options})
        return samples

    monkeypatch.setattr(module, name, stand_in)
    return calls


def assert_fills(values: list[float], low: float, high: float) -> None:
    """Check that many random values come close to both bounds and stay within them."""
    assert low <= min(values) < low + 0.05 * (high - low)
    assert high >= max(values) > high - 0.05 * (high - low)


def test_channels_are_drawn_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probabilities and ranges over 2000 augmented versions are those of the documentation."""
    names = ("reverberated", "with_noise", "telephone")
    rooms, noises, phones = (record_calls(monkeypatch, channel_module, name) for name in names)
    rng = np.random.default_rng(0)
    samples, pool = hiss(100), [hiss(50, seed=1), hiss(70, seed=2)]
    for _ in range(2000):
        augment_channel(samples, 16_000, pool, rng)
    companded = [call["companded"] for call in phones]
    of_pool = [call for call in noises if any(call["positional"][0] is noise for noise in pool)]
    steady = [call for call in noises if len(call["positional"][0]) == 100]
    counts = [len(rooms), len(of_pool), len(steady), len(phones), sum(companded)]
    np.testing.assert_allclose(np.array(counts) / 2000, [0.5, 0.4, 0.4, 0.5, 0.25], atol=0.04)
    assert len(noises) == len(of_pool) + len(steady)
    assert_fills([call["decay_s"] for call in rooms], 0.15, 0.6)
    assert_fills([call["wet_db"] for call in rooms], -12, 0)
    assert_fills([call["positional"][1] for call in of_pool], 5, 25)
    assert_fills([call["positional"][1] for call in steady], 5, 30)
    for noise in pool:
        assert_fills([call["begin"] for call in of_pool if call["positional"][0] is noise], 0, len(noise))
    assert {call["sampling_rate"] for call in noises} == {16_000}


def test_noise_is_drawn_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded noise, from any of its samples on, 0 to 20 dB below the speech."""
    noises = record_calls(monkeypatch, channel_module, "with_noise")
    rng = np.random.default_rng(0)
    pool = [hiss(50, seed=1), hiss(70, seed=2)]
    for _ in range(600):
        with_recorded_noise(hiss(100), 16_000, pool, NOISE_LEVELS_DB, rng)
    assert len(noises) == 600
    assert_fills([call["positional"][1] for call in noises], 0, 20)
    for noise in pool:
        own = [call["begin"] for call in noises if call["positional"][0] is noise]
        assert len(own) == pytest.approx(300, abs=60)
        assert_fills(own, 0, len(noise))
    assert {call["sampling_rate"] for call in noises} == {16_000}


def test_channels_without_recorded_noises_have_steady_noise_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of recorded noises may be empty."""
    noises = record_calls(monkeypatch, channel_module, "with_noise")
    rng = np.random.default_rng(0)
    versions = [augment_channel(hiss(1000), 16_000, [], rng) for _ in range(400)]
    assert {len(call["positional"][0]) for call in noises} == {1000}
    assert len(noises) / 400 == pytest.approx(0.4, abs=0.08)
    assert np.mean([np.array_equal(version, hiss(1000)) for version in versions]) == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_steady_noise_is_between_white_and_brown(rate: int) -> None:
    """From 200 to 3200 Hz it falls by 0 to 9 dB per octave, 4.5 on average. Both halves have similar power."""
    falls = []
    for seed in range(200):
        noise = steady_noise(2 * rate, rate, np.random.default_rng(seed))
        low, high = (band_db(noise, rate, hz / 1.2, hz * 1.2) for hz in (200.0, 3200.0))
        falls.append((low - high) / 4)
        first, second = (10 * np.log10(np.mean(half.astype(float) ** 2)) for half in np.split(noise, 2))
        assert abs(first - second) < 6
    assert np.mean(falls) == pytest.approx(4.5, abs=0.6)
    assert 8 < max(falls) < 12
    assert -3 < min(falls) < 1
    assert len(steady_noise(0, rate, np.random.default_rng(0))) == 0


@pytest.mark.parametrize(("low_voice", "pitch"), [(True, (1.2, 2.6)), (False, (1.05, 1.7))])
def test_low_voices_are_raised_farther(
    monkeypatch: pytest.MonkeyPatch, low_voice: bool, pitch: tuple[float, float]
) -> None:
    """The factors fill the documented ranges for low and for high voices."""
    calls = record_calls(monkeypatch, effort_module, "with_effort")
    rng = np.random.default_rng(0)
    for _ in range(300):
        raise_effort(hiss(100), 16_000, low_voice=low_voice, rng=rng)
    efforts = [call["positional"][1] for call in calls]
    assert_fills([effort.pitch for effort in efforts], *pitch)
    assert_fills([effort.formants for effort in efforts], 1.0, 1.08)
    assert_fills([effort.first_formant for effort in efforts], 1.0, 1.12)
    assert_fills([effort.tilt_db for effort in efforts], -1.0, 3.0)
    assert_fills([effort.curve_share for effort in efforts], 0.5, 1.5)


def test_nonspeech_is_altered_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The factors fill the documented ranges, up as often as down. Half of the versions get a channel."""
    calls = record_calls(monkeypatch, nonspeech_module, "with_effort")
    channels = record_calls(monkeypatch, nonspeech_module, "augment_channel")
    rng = np.random.default_rng(0)
    for _ in range(600):
        augment_nonspeech(hiss(100), 16_000, rng)
    efforts = [call["positional"][1] for call in calls]
    assert_fills([np.log(effort.pitch) for effort in efforts], -0.35, 0.35)
    assert_fills([np.log(effort.formants) for effort in efforts], -0.15, 0.15)
    assert_fills([effort.tilt_db for effort in efforts], -3.0, 3.0)
    assert {(effort.first_formant, effort.curve_share) for effort in efforts} == {(1.0, 0.0)}
    assert np.mean([effort.pitch > 1 for effort in efforts]) == pytest.approx(0.5, abs=0.06)
    assert len(channels) / 600 == pytest.approx(0.5, abs=0.06)
    assert all(call["positional"][1] == [] for call in channels)


def test_each_kind_gives_its_own_version() -> None:
    """All kinds differ, each is reproducible and depends on the seed. Only two kinds use the noises."""
    rng = np.random.default_rng(1)
    samples = spoken("male", 1.0, rng)
    kinds = (CHANNEL, EFFORT, IN_NOISE, *NONSPEECH_KINDS)
    versions = {kind: augment(samples, 16_000, kind, noises=[NOISE], seed=3) for kind in kinds}
    for kind, version in versions.items():
        np.testing.assert_array_equal(version, augment(samples, 16_000, kind, noises=[NOISE], seed=3))
        assert not np.array_equal(version, augment(samples, 16_000, kind, noises=[NOISE], seed=4))
        others = [other for other_kind, other in versions.items() if other_kind != kind]
        assert not any(np.array_equal(version, other) for other in (samples, *others))
    for kind in (EFFORT, *NONSPEECH_KINDS):
        np.testing.assert_array_equal(versions[kind], augment(samples, 16_000, kind, noises=[], seed=3))


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("kind", KINDS)
def test_synthetic_voices_are_low_or_high_as_they_are_made(kind: Kind, rate: int) -> None:
    """Voices with all vowels, fricatives and pauses are low if their mean pitch is below 165 Hz."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        voice = draw_voice(kind, rng)
        samples = speak(voice, duration_s=3, sampling_rate=rate, rng=rng)
        assert is_low_voice(samples, rate) == (voice.f0_hz < 165)


@pytest.mark.parametrize(("pitch_hz", "low"), [(70.0, True), (158.0, True), (172.0, False), (320.0, False)])
def test_voices_are_low_below_165_hz(pitch_hz: float, low: bool) -> None:
    """Pitches close to the limit and far from it."""
    assert is_low_voice(vowel("male", "head", pitch_hz=pitch_hz), RATE) == low


def test_faint_hum_and_rumble_do_not_count_as_voice() -> None:
    """Faint hum in pauses does not make a high voice low. Loud rumble below 60 Hz does not make a low voice high."""
    seconds = np.arange(3 * RATE) / RATE
    voice = vowel("female", "head", pitch_hz=220)
    hum = 0.02 * np.sin(2 * np.pi * 100 * seconds)
    hum[: len(voice)] += voice
    assert not is_low_voice(hum.astype(np.float32), RATE)
    rumble = (0.2 * np.sin(2 * np.pi * 30 * seconds)).astype(np.float32)
    assert is_low_voice(np.concatenate([vowel("male", "head", pitch_hz=110), rumble]), RATE)


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.float32), hiss(16_000), hiss(630), np.empty(0, np.float32)])
def test_signals_without_voice_are_not_low(samples: Samples) -> None:
    """Silence, noise and less than one frame have no voiced frame."""
    assert is_low_voice(samples, 16_000) is False


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("n", "rate"), [(0, 16_000), (1, 16_000), (511, 16_000), (1411, 44_100)])
def test_recordings_shorter_than_a_window_are_returned_unaltered(name: str, n: int, rate: int) -> None:
    """32 ms are 512 samples at 16 kHz and 1411.2 at 44.1 kHz."""
    samples = hiss(n)
    np.testing.assert_array_equal(ALL[name](samples, rate, np.random.default_rng(1)), samples)


@pytest.mark.parametrize("name", LENGTH_PRESERVING)
@pytest.mark.parametrize(("n", "rate"), [(512, 16_000), (3001, 8000), (4999, 11_025), (5002, 48_000)])
def test_the_length_stays(name: str, n: int, rate: int) -> None:
    """The length is exact, also if a resampler would round it."""
    assert len(LENGTH_PRESERVING[name](hiss(n), rate, np.random.default_rng(1))) == n


@pytest.mark.parametrize("name", ALL)
def test_versions_are_reproducible(name: str) -> None:
    """The same seed gives the same float32 samples, altered and finite. The input is not modified."""
    samples = hiss(8000)
    first, second = (ALL[name](samples, 16_000, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert not np.array_equal(first, samples)
    np.testing.assert_array_equal(samples, hiss(8000))


@pytest.mark.parametrize("name", ["reverberated", "augment_channel", "raise_effort", "augment_nonspeech"])
def test_other_seeds_give_other_versions(name: str) -> None:
    """The random choices depend on the generator."""
    first, second = (ALL[name](hiss(8000), 16_000, np.random.default_rng(seed)) for seed in (4, 5))
    assert not np.array_equal(first, second)
