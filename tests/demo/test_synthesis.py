"""Synthetic voices: pitch and formants are the requested ones, and the seed determines all samples."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz

from speechgmm.demo.synthesis import (
    BLOCK,
    BREATHINESS,
    F0_SPREAD,
    KINDS,
    PEAK,
    RATE,
    TRACT_SPREAD,
    VOWELS,
    Kind,
    Tracks,
    Voice,
    draw_tracks,
    draw_voice,
    speak,
    synthesise,
    write_voices,
)
from speechgmm.errors import OptionError, OutputError

Signal = NDArray[np.float64] | NDArray[np.float32]
Scalar = TypeVar("Scalar", np.float32, np.float64)

# Ratio of the averages of women to those of men in Peterson and Barney (1952), table II: F0, F1, F2, F3.
PETERSON_BARNEY_RATIOS = {
    "heed": (235 / 136, 310 / 270, 2790 / 2290, 3310 / 3010),
    "hid": (232 / 135, 430 / 390, 2480 / 1990, 3070 / 2550),
    "head": (223 / 130, 610 / 530, 2330 / 1840, 2990 / 2480),
    "had": (210 / 127, 860 / 660, 2050 / 1720, 2850 / 2410),
    "hod": (212 / 124, 850 / 730, 1220 / 1090, 2810 / 2440),
    "hawed": (216 / 129, 590 / 570, 920 / 840, 2710 / 2410),
    "hood": (232 / 137, 470 / 440, 1160 / 1020, 2680 / 2240),
    "who'd": (231 / 141, 370 / 300, 950 / 870, 2670 / 2240),
    "hud": (221 / 130, 760 / 640, 1400 / 1190, 2780 / 2390),
    "heard": (218 / 133, 500 / 490, 1640 / 1350, 1960 / 1690),
}


def sustained(formants_hz: tuple[int, ...], *, pitch_hz: float, n_blocks: int = 60) -> Tracks:
    """Tracks of one steady vowel."""
    return Tracks(
        pitch_hz=np.full(n_blocks, pitch_hz),
        formants_hz=np.tile(np.array(formants_hz, dtype=np.float64), (n_blocks, 1)),
        voicing=np.ones(n_blocks),
        frication=np.zeros((n_blocks, 2)),
    )


def pitch_by_autocorrelation(frame: Signal) -> tuple[float, float]:
    """Pitch in Hz between 70 and 400 Hz, and the height of the peak (1 for a periodic frame)."""
    frame = frame - frame.mean()
    spectrum = np.fft.rfft(frame, 2 * len(frame))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(frame)] / np.arange(len(frame), 0, -1)
    shortest, longest = RATE // 400, RATE // 70
    lag = shortest + int(np.argmax(correlation[shortest:longest]))
    return RATE / lag, correlation[lag] / correlation[0]


def formants_by_linear_prediction(samples: Signal, *, order: int) -> NDArray[np.float64]:
    """Resonances in Hz, with a bandwidth below 400 Hz, of an all-pole model of the spectrum."""
    spectrum = np.fft.rfft(samples * np.hanning(len(samples)), 2 * len(samples))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: order + 1]
    prediction = solve_toeplitz(correlation[:-1], correlation[1:])
    poles = np.roots(np.concatenate([[1], -prediction]))
    poles = poles[poles.imag > 0]
    narrow = -np.log(np.abs(poles)) * RATE / np.pi < 400
    return np.sort(np.angle(poles[narrow]) * RATE / (2 * np.pi))


def frames_of(samples: NDArray[Scalar], length: int = 640) -> NDArray[Scalar]:
    """Frames (T, length) with a hop of a quarter of a frame."""
    return np.lib.stride_tricks.sliding_window_view(samples, length)[:: length // 4]


@pytest.mark.parametrize("sampling_rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("duration_s", [0.05, 0.3337, 2.0])
def test_length_type_and_range(sampling_rate: int, duration_s: float) -> None:
    """Length, type and range are correct at any rate and duration."""
    rng = np.random.default_rng(3)
    samples = speak(draw_voice("female", rng), duration_s=duration_s, sampling_rate=sampling_rate, rng=rng)
    assert samples.shape == (round(duration_s * sampling_rate),)
    assert samples.dtype == np.float32
    assert 0.1 < np.abs(samples).max() < 1.1 * PEAK


def test_seed_determines_the_samples() -> None:
    """The same seed gives the same samples, another seed gives others."""
    voice = draw_voice("male", np.random.default_rng(1))
    first, same, other = (speak(voice, duration_s=1, rng=np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("kind", "f0_hz"), [("male", 95.0), ("male", 140.0), ("female", 190.0), ("female", 250.0)])
def test_pitch_is_the_requested_one(kind: Kind, f0_hz: float) -> None:
    """The median pitch of the voiced frames is close to the pitch of the voice."""
    voice = Voice(kind=kind, f0_hz=f0_hz)
    samples = speak(voice, duration_s=12, rng=np.random.default_rng(2))
    pitches, heights = np.array([pitch_by_autocorrelation(frame) for frame in frames_of(samples)]).T
    voiced = heights > 0.9
    assert voiced.mean() > 0.3
    assert np.median(pitches[voiced]) == pytest.approx(f0_hz, rel=0.07)


def test_sustained_vowel_has_the_pitch_of_its_track() -> None:
    """For a steady track, the pitch is correct within the resolution of one lag and the jitter."""
    sound = synthesise(
        Voice(kind="male", f0_hz=1.0), sustained((500, 1500, 2500), pitch_hz=125.0), np.random.default_rng(0)
    )
    assert pitch_by_autocorrelation(sound[3200:6400])[0] == pytest.approx(125.0, rel=0.015)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vowel", VOWELS["male"])
def test_formants_are_those_of_the_table(kind: Kind, vowel: str) -> None:
    """Linear prediction finds F1 to F4 of the whispered vowel within 3 %."""
    formants = VOWELS[kind][vowel][1:]
    whisper = Voice(kind=kind, f0_hz=100.0, breathiness=1e4)
    sound = synthesise(whisper, sustained(formants, pitch_hz=100.0, n_blocks=100), np.random.default_rng(4))
    found = formants_by_linear_prediction(sound, order=14)
    for expected in formants:
        assert np.abs(found / expected - 1).min() < 0.03


def test_both_tables_have_the_same_vowels_with_rising_formants() -> None:
    """Every vowel has an F0 and four ascending formants, for both kinds."""
    assert VOWELS["female"].keys() == VOWELS["male"].keys()
    for table in VOWELS.values():
        for values in table.values():
            assert len(values) == 5
            assert all(low < high for low, high in pairwise(values))


@pytest.mark.parametrize("vowel", PETERSON_BARNEY_RATIOS)
def test_ratios_agree_with_another_study(vowel: str) -> None:
    """The ratios of the averages of women to those of men agree with Peterson and Barney (1952)."""
    ratios = np.divide(VOWELS["female"][vowel], VOWELS["male"][vowel])[:4]
    assert ratios == pytest.approx(PETERSON_BARNEY_RATIOS[vowel], rel=0.2)
    assert ratios[0] == pytest.approx(PETERSON_BARNEY_RATIOS[vowel][0], rel=0.06)


@pytest.mark.parametrize(("kind", "mean_hz"), [("female", 220.5), ("male", 131.4)])
def test_voices_spread_around_the_averages(kind: Kind, mean_hz: float) -> None:
    """Drawn voices have the published mean and SD of F0, are within two SD and are independent."""
    rng = np.random.default_rng(11)
    voices = [draw_voice(kind, rng) for _ in range(2000)]
    f0 = np.array([voice.f0_hz for voice in voices])
    scale = np.array([voice.tract_scale for voice in voices])
    assert f0.mean() == pytest.approx(mean_hz, rel=0.01)
    assert f0.std() / f0.mean() == pytest.approx(F0_SPREAD[kind], rel=0.1)
    assert np.abs(f0 / mean_hz - 1).max() < 2 * F0_SPREAD[kind] + 0.001
    assert scale.mean() == pytest.approx(1, abs=0.005)
    assert scale.std() == pytest.approx(TRACT_SPREAD, rel=0.1)
    assert np.median([voice.breathiness for voice in voices]) == pytest.approx(BREATHINESS[kind], rel=0.1)
    assert abs(np.corrcoef(f0, scale)[0, 1]) < 0.1


def test_shorter_vocal_tract_raises_all_formants() -> None:
    """`tract_scale` multiplies every formant and does not change the pitch."""
    average, short = (
        draw_tracks(Voice(kind="female", f0_hz=200.0, tract_scale=scale), n_blocks=300, rng=np.random.default_rng(5))
        for scale in (1.0, 1.1)
    )
    assert average.formants_hz.shape == (300, 5)
    assert short.formants_hz == pytest.approx(1.1 * average.formants_hz)
    assert np.array_equal(short.pitch_hz, average.pitch_hz)
    assert short.formants_hz.max() < RATE / 2


def test_all_vowels_occur() -> None:
    """The mean formants of a long track are those of the table, and every vowel occurs."""
    tracks = draw_tracks(Voice(kind="male", f0_hz=120.0), n_blocks=20000, rng=np.random.default_rng(6))
    table = np.array(list(VOWELS["male"].values()), dtype=np.float64)
    assert tracks.formants_hz[:, :4].mean(axis=0) == pytest.approx(table[:, 1:].mean(axis=0), rel=0.03)
    for vowel in table:
        assert np.abs(tracks.formants_hz[:, :4] / vowel[1:] - 1).max(axis=1).min() < 0.03
    assert tracks.pitch_hz.mean() == pytest.approx(120.0, rel=0.03)


def test_vowels_have_their_intrinsic_pitch() -> None:
    """Close vowels have a higher pitch than open ones, as in the table."""
    tracks = draw_tracks(Voice(kind="male", f0_hz=120.0), n_blocks=20000, rng=np.random.default_rng(6))
    table = np.array(list(VOWELS["male"].values()), dtype=np.float64)
    distances = np.abs(np.log(tracks.formants_hz[:, None, :4] / table[:, 1:])).sum(axis=2)
    pitches = [tracks.pitch_hz[distances.argmin(axis=1) == vowel].mean() for vowel in range(len(table))]
    assert np.corrcoef(pitches, table[:, 0])[0, 1] > 0.7


def test_transitions_are_smooth() -> None:
    """No formant and no gain jumps between neighbouring blocks."""
    tracks = draw_tracks(Voice(kind="male", f0_hz=120.0), n_blocks=1000, rng=np.random.default_rng(6))
    span = np.ptp(tracks.formants_hz, axis=0)
    assert np.all(np.abs(np.diff(tracks.formants_hz, axis=0)).max(axis=0) < 0.3 * span)
    assert np.abs(np.diff(tracks.voicing)).max() < 0.3
    assert tracks.voicing.min() >= 0
    assert tracks.voicing.max() <= 1 + 1e-12


def test_voiced_unvoiced_and_silent_frames() -> None:
    """The signal has a realistic proportion of each."""
    samples = speak(Voice(kind="male", f0_hz=110.0), duration_s=15, rng=np.random.default_rng(9))
    frames = frames_of(samples, 400)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) / np.mean(samples**2))
    crossings = np.mean(np.diff(np.signbit(frames), axis=1), axis=1)
    assert 0.1 < np.mean(level_db < -35) < 0.4
    assert np.mean((level_db > -25) & (crossings > 0.3)) > 0.05
    assert np.mean((level_db > -10) & (crossings < 0.25)) > 0.4


def test_breathiness_adds_noise() -> None:
    """A breathier voice is less periodic."""
    heights = [
        pitch_by_autocorrelation(
            synthesise(
                Voice(kind="female", f0_hz=200.0, breathiness=breathiness),
                sustained((500, 1500, 2500), pitch_hz=200.0),
                np.random.default_rng(0),
            )[3200:4800]
        )[1]
        for breathiness in (0.0, 0.1, 1.0)
    ]
    assert heights[0] > heights[1] > heights[2]


def test_aspiration_in_the_open_phase() -> None:
    """In glottal cycles of 100 ms of a whisper, the open first half is loud and the closed second half is not."""
    whisper = Voice(kind="male", f0_hz=1.0, open_quotient=0.5, breathiness=1e4)
    sound = synthesise(whisper, sustained((500, 1500, 2500), pitch_hz=10.0, n_blocks=101), np.random.default_rng(0))
    power = (sound[:RATE] ** 2).reshape(10, -1).mean(axis=0)  # averaged over ten cycles
    assert power[900:1500].mean() < 0.05 * power[100:700].mean()


def test_voice_is_the_same_at_any_rate() -> None:
    """The utterance at 8 kHz is the lower half of the band of the one at 16 kHz."""
    voice = Voice(kind="female", f0_hz=210.0)
    wide = speak(voice, duration_s=2, rng=np.random.default_rng(1))
    narrow = speak(voice, duration_s=2, sampling_rate=8000, rng=np.random.default_rng(1))
    assert narrow == pytest.approx(soxr.resample(wide, 16000, 8000), abs=0.01)


def test_folder_layout(tmp_path: Path) -> None:
    """Files are CLASS/SPEAKER/NUMBER.wav, 16-bit, with the requested length and rate."""
    write_voices(tmp_path / "new" / "voices", n_speakers=2, n_files=3, duration_s=0.5, sampling_rate=8000, seed=0)
    files = sorted(file.relative_to(tmp_path / "new" / "voices").as_posix() for file in tmp_path.rglob("*.*"))
    assert files == [
        f"{kind}/synthetic-{kind[0]}{speaker:02}/{file:02}.wav"
        for kind in ("female", "male")
        for speaker in (1, 2)
        for file in (1, 2, 3)
    ]
    info = soundfile.info(tmp_path / "new" / "voices" / files[0])
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (8000, 1, "PCM_16", 4000)


def test_seed_determines_the_files(tmp_path: Path) -> None:
    """The same seed gives the same bytes, also with more speakers and files; all files differ from each other."""
    write_voices(tmp_path / "a", n_speakers=1, n_files=2, duration_s=0.5, seed=4)
    write_voices(tmp_path / "b", n_speakers=2, n_files=3, duration_s=0.5, seed=4)
    write_voices(tmp_path / "c", n_speakers=1, n_files=2, duration_s=0.5, seed=5)
    small, large, other = (
        {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.wav")}
        for folder in (tmp_path / "a", tmp_path / "b", tmp_path / "c")
    )
    assert len(small) == 4
    assert small.items() <= large.items()
    assert len({*large.values(), *other.values()}) == 12 + 4


def test_pitch_of_the_files(tmp_path: Path) -> None:
    """The median pitch of the files of each kind is close to its average."""
    write_voices(tmp_path, n_speakers=3, n_files=1, duration_s=3, seed=1)
    medians = {}
    for kind in KINDS:
        files = sorted((tmp_path / kind).rglob("*.wav"))
        samples: NDArray[np.float64] = np.concatenate([soundfile.read(file)[0] for file in files])
        pitches, heights = np.array([pitch_by_autocorrelation(frame) for frame in frames_of(samples)]).T
        medians[kind] = np.median(pitches[heights > 0.9])
    assert medians["female"] == pytest.approx(220, rel=0.15)
    assert medians["male"] == pytest.approx(131, rel=0.25)


@pytest.mark.parametrize("duration_s", [0.0, -1.5, float("nan"), float("inf")])
def test_duration_must_be_positive(duration_s: float) -> None:
    """The error names the option and the value."""
    with pytest.raises(OptionError, match=rf"^duration_s is {duration_s}; it must be a positive number of seconds\.$"):
        speak(Voice(kind="male", f0_hz=100.0), duration_s=duration_s, rng=np.random.default_rng(0))


def test_rate_must_be_high_enough() -> None:
    """A rate below 8 kHz cannot represent the formants."""
    with pytest.raises(OptionError, match=r"^sampling_rate is 7999 Hz; it must be 8000 Hz or more\.$"):
        speak(Voice(kind="male", f0_hz=100.0), duration_s=1, sampling_rate=7999, rng=np.random.default_rng(0))


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the folder."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match=r"taken.female.synthetic-f01: synthetic voices cannot be written \("):
        write_voices(tmp_path / "taken", n_speakers=1, n_files=1, duration_s=0.1, seed=0)


def test_blocks_are_ten_milliseconds() -> None:
    """A synthesised signal has `BLOCK` samples per row of its tracks."""
    sound = synthesise(
        Voice(kind="male", f0_hz=1.0), sustained((500, 1500), pitch_hz=100.0, n_blocks=7), np.random.default_rng(0)
    )
    assert len(sound) == 7 * BLOCK == 7 * RATE // 100
