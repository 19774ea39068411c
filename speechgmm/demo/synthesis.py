"""Synthetic voices with the pitch and the formants of adult speakers, for tests and for demonstration without a corpus.

A source-filter synthesiser after Klatt (1980): glottal pulses and aspiration noise pass through a cascade of formant
resonators, whose frequencies glide from vowel to vowel. Fricatives are filtered noise, and phrases are separated by
pauses. The signal has voiced, unvoiced and silent frames, and two kinds of voices that differ as published averages
do. It is not speech in any language, and results on it say nothing about real speech.

Main path: `write_voices` -> `draw_voice`, `speak` -> `draw_tracks` (controls), `synthesise` (samples).

References
----------
Hillenbrand, Getty, Clark and Wheeler (1995). Acoustic characteristics of American English vowels. Journal of
the Acoustical Society of America 97, 3099-3111.
Klatt (1980). Software for a cascade/parallel formant synthesizer. Journal of the Acoustical Society of
America 67, 971-995.
Klatt and Klatt (1990). Analysis, synthesis, and perception of voice quality variations among female and male
talkers. Journal of the Acoustical Society of America 87, 820-857.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.signal import iirpeak, lfilter, sosfilt

from speechgmm.errors import OptionError, OutputError

Floats = NDArray[np.float64]
Kind = Literal["female", "male"]
KINDS: tuple[Kind, ...] = ("female", "male")

# F0 and F1 to F4 in Hz at the steady state of the vowels: rounded averages of the measurements of 48 women and 45 men
# by Hillenbrand et al. (1995).
VOWELS: Mapping[Kind, Mapping[str, tuple[int, ...]]] = {
    "female": {
        "heed": (227, 437, 2761, 3373, 4353),
        "hid": (225, 484, 2369, 3057, 4333),
        "hayed": (220, 535, 2526, 3050, 4308),
        "head": (213, 727, 2063, 2953, 4312),
        "had": (214, 676, 2335, 2973, 4315),
        "hod": (212, 921, 1526, 2832, 4291),
        "hawed": (214, 804, 1188, 2824, 3946),
        "hoed": (218, 555, 1036, 2828, 3928),
        "hood": (230, 519, 1229, 2829, 4061),
        "who'd": (236, 460, 1106, 2735, 4116),
        "hud": (219, 760, 1416, 2901, 4133),
        "heard": (218, 524, 1588, 1930, 3914),
    },
    "male": {
        "heed": (139, 343, 2323, 3001, 3658),
        "hid": (136, 429, 2034, 2687, 3628),
        "hayed": (129, 476, 2090, 2692, 3649),
        "head": (127, 588, 1803, 2604, 3699),
        "had": (126, 591, 1930, 2595, 3642),
        "hod": (127, 756, 1309, 2535, 3684),
        "hawed": (125, 656, 1023, 2521, 3520),
        "hoed": (130, 498, 910, 2459, 3384),
        "hood": (133, 469, 1123, 2435, 3401),
        "who'd": (144, 380, 992, 2355, 3378),
        "hud": (129, 621, 1181, 2548, 3564),
        "heard": (131, 475, 1379, 1711, 3335),
    },
}
F0_SPREAD: Mapping[Kind, float] = {"female": 0.10, "male": 0.16}  # SD / mean over speakers, same measurements
# The measured SD / mean of F3 is 6 %. It is divided between speakers and repetitions of a vowel.
TRACT_SPREAD = 0.04  # one factor per speaker for all formants
VOWEL_SPREAD = 0.04  # one factor per formant and repetition
# Female voices have a longer open phase and are breathier on average (Klatt and Klatt 1990).
OPEN_QUOTIENT: Mapping[Kind, float] = {"female": 0.65, "male": 0.55}
BREATHINESS: Mapping[Kind, float] = {"female": 0.06, "male": 0.03}
JITTER = 0.01  # relative SD of F0 per glottal cycle
SHIMMER = 0.05  # relative SD of the amplitude per glottal cycle

RATE = 16000  # Hz; other rates are resampled from it, so that a voice is the same at any rate
BLOCK = 160  # samples with constant resonators: 10 ms
FRICATIVES_HZ = (3000.0, 5000.0)  # approximate peaks of "sh" and "s"
FRICATION_LEVEL = 0.25  # RMS relative to the voiced signal: -12 dB
BACKGROUND_LEVEL = 0.005  # RMS relative to the voiced signal: -46 dB; real recordings contain noise
PEAK = 0.5


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A synthetic speaker.

    Attributes
    ----------
    kind : {"female", "male"}
        Column of `VOWELS` for its averages.
    f0_hz : float
        Mean pitch, in Hz.
    tract_scale : float
        Factor on the average formants; above 1 for a vocal tract shorter than average.
    open_quotient : float in (0, 1]
        Fraction of a glottal cycle in which the glottis is open.
    breathiness : float >= 0
        RMS of the aspiration noise relative to that of the glottal pulses.
    """

    kind: Kind
    f0_hz: float
    tract_scale: float = 1.0
    open_quotient: float = 0.6
    breathiness: float = 0.04


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Controls of the synthesiser, one row per block of `BLOCK` samples.

    Attributes
    ----------
    pitch_hz : array (B,)
        In Hz; also defined in unvoiced blocks.
    formants_hz : array (B, F)
        In Hz, below half of `RATE`; F = 5 in `draw_tracks`.
    voicing : array (B,)
        Gain of the voiced source, in [0, 1].
    frication : array (B, len(FRICATIVES_HZ))
        Gains of the fricatives, in [0, 1].
    """

    pitch_hz: Floats
    formants_hz: Floats
    voicing: Floats
    frication: Floats


def draw_voice(kind: Kind, rng: np.random.Generator) -> Voice:
    """Draw a synthetic speaker within two standard deviations of the averages of `kind`."""
    spread = np.clip(rng.standard_normal(4), -2, 2)
    mean_f0 = np.mean([f0 for f0, *_ in VOWELS[kind].values()])
    return Voice(
        kind=kind,
        f0_hz=float(mean_f0 * (1 + F0_SPREAD[kind] * spread[0])),
        tract_scale=float(1 + TRACT_SPREAD * spread[1]),
        open_quotient=float(OPEN_QUOTIENT[kind] + 0.05 * spread[2]),
        breathiness=float(BREATHINESS[kind] * math.exp(0.4 * spread[3])),
    )


def speak(
    voice: Voice, *, duration_s: float, sampling_rate: int = RATE, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Synthesise vowels and fricatives in random order, in phrases separated by pauses.

    Parameters
    ----------
    voice : Voice
        The speaker.
    duration_s : float > 0
        In seconds, including 30 ms of silence at the beginning.
    sampling_rate : int
        In Hz, 8000 or more. The bandwidth is at most half of `RATE`.
    rng : numpy.random.Generator
        The same state gives the same samples.

    Returns
    -------
    array (round(duration_s * sampling_rate),), float32
        In [-1, 1], with a peak near `PEAK`.

    Raises
    ------
    OptionError
        If the duration or the rate is out of its range.
    """
    if not 0 < duration_s < math.inf:
        raise OptionError(f"duration_s is {duration_s}; it must be a positive number of seconds.")
    if sampling_rate < 8000:
        raise OptionError(f"sampling_rate is {sampling_rate} Hz; it must be 8000 Hz or more.")
    n_blocks = math.ceil(duration_s * RATE / BLOCK) + 1
    samples = synthesise(voice, draw_tracks(voice, n_blocks=n_blocks, rng=rng), rng)
    if sampling_rate != RATE:
        samples = soxr.resample(samples, RATE, sampling_rate)
    return samples[: round(duration_s * sampling_rate)].astype(np.float32)


def write_voices(
    folder: Path, *, n_speakers: int, n_files: int, duration_s: float, sampling_rate: int = RATE, seed: int
) -> None:
    """Write an audio folder of synthetic voices: ``female/synthetic-f01/01.wav`` etc., 16-bit.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    n_speakers : int
        Speakers per kind.
    n_files : int
        Files per speaker.
    duration_s : float > 0
        Per file, in seconds.
    sampling_rate : int
        In Hz, 8000 or more.
    seed : int >= 0
        The same seed gives the same files. A speaker does not depend on the number of speakers.

    Raises
    ------
    OptionError
        If the duration or the rate is out of its range.
    OutputError
        If the folder cannot be written.
    """
    for number, kind in enumerate(KINDS):
        for speaker in range(1, n_speakers + 1):
            rng = np.random.default_rng([seed, number, speaker])
            voice = draw_voice(kind, rng)
            speaker_folder = folder / kind / f"synthetic-{kind[0]}{speaker:02}"
            for file in range(1, n_files + 1):
                samples = speak(voice, duration_s=duration_s, sampling_rate=sampling_rate, rng=rng)
                try:
                    speaker_folder.mkdir(parents=True, exist_ok=True)
                    soundfile.write(speaker_folder / f"{file:02}.wav", samples, sampling_rate, subtype="PCM_16")
                except (OSError, soundfile.LibsndfileError) as error:
                    raise OutputError(f"{speaker_folder}: synthetic voices cannot be written ({error}).") from error


def draw_tracks(voice: Voice, *, n_blocks: int, rng: np.random.Generator) -> Tracks:
    """Draw phrases of random syllables for `n_blocks` blocks, with smooth transitions between sounds."""
    vowels = np.array(list(VOWELS[voice.kind].values()), dtype=np.float64)
    intrinsic_pitch = vowels[:, 0] / vowels[:, 0].mean()
    segments = [(3, 0, 0.0, 0.0, 0.0, 0.0)]
    while sum(blocks for blocks, *_ in segments) < n_blocks:
        segments += _draw_phrase(rng, n_vowels=len(vowels))
    lengths, vowel, semitones, *gains = map(np.array, zip(*segments, strict=True))
    pitch = voice.f0_hz * intrinsic_pitch[vowel] * 2 ** (semitones / 12)
    formants = voice.tract_scale * vowels[vowel, 1:] * (1 + VOWEL_SPREAD * rng.standard_normal((len(vowel), 4)))
    rows = np.column_stack([pitch, formants, *gains])
    rows = np.repeat(rows, lengths, axis=0)[:n_blocks]

    glide = np.hanning(9)[1:-1]
    rows = convolve1d(rows, glide / glide.sum(), axis=0, mode="nearest")
    # F4 and F5 of a uniform tube are 7 and 9 times its first resonance.
    formants = np.column_stack([rows[:, 1:5], rows[:, 4] * 9 / 7])
    return Tracks(pitch_hz=rows[:, 0], formants_hz=formants, voicing=rows[:, 5], frication=rows[:, 6:])


def _draw_phrase(rng: np.random.Generator, *, n_vowels: int) -> list[tuple[int, int, float, float, float, float]]:
    """Segments (blocks, vowel, semitones, voicing, "sh", "s"): four to nine syllables, then a pause."""
    segments = []
    n_syllables = rng.integers(4, 10)
    # Pitch falls by four semitones along a phrase, with a random deviation per syllable.
    for semitones in np.linspace(2, -2, n_syllables) + 1.5 * rng.standard_normal(n_syllables):
        vowel = int(rng.integers(n_vowels))
        segments.append((int(rng.integers(8, 23)), vowel, semitones, 1.0, 0.0, 0.0))
        if rng.random() < 0.5:
            sh = float(rng.integers(2))
            segments.append((int(rng.integers(6, 15)), vowel, semitones, 0.0, sh, 1.0 - sh))
    return [*segments, (int(rng.integers(15, 41)), vowel, semitones, 0.0, 0.0, 0.0)]


def synthesise(voice: Voice, tracks: Tracks, rng: np.random.Generator) -> Floats:
    """Synthesise `tracks`: B * `BLOCK` samples at `RATE`, with a peak of `PEAK`."""
    voiced = _resonate(_glottis(voice, _upsample(tracks.pitch_hz), rng) * _upsample(tracks.voicing), tracks.formants_hz)
    signal = voiced / max(_rms(voiced), np.finfo(np.float64).tiny)
    for centre_hz, gain in zip(FRICATIVES_HZ, tracks.frication.T, strict=True):
        b, a = iirpeak(centre_hz * voice.tract_scale, Q=4, fs=RATE)
        signal += FRICATION_LEVEL * _upsample(gain) * _noise(b, a, len(signal), rng)
    # The noise of rooms and microphones decreases with frequency.
    signal += BACKGROUND_LEVEL * _noise(np.array([1.0]), np.array([1.0, -0.9]), len(signal), rng)
    return PEAK * signal / float(np.abs(signal).max())


def _glottis(voice: Voice, pitch_hz: Floats, rng: np.random.Generator) -> Floats:
    """Differentiated glottal flow (the lips radiate the derivative) plus aspiration noise in the open phase.

    The pulse is KLGLOTT88 (Klatt and Klatt 1990): flow x^2 - x^3 for x from 0 to 1 in the open phase of the cycle.
    """
    cycle = np.cumsum(pitch_hz / RATE).astype(int)
    jitter = 1 + JITTER * rng.standard_normal(cycle[-1] + 1)
    phase, cycle_start = np.modf(np.cumsum(pitch_hz / RATE * jitter[cycle]))
    cycle = cycle_start.astype(int)
    shimmer = 1 + SHIMMER * rng.standard_normal(cycle[-1] + 1)
    x = np.minimum(phase / voice.open_quotient, 1)
    pulses = np.diff(shimmer[cycle] * (x**2 - x**3), prepend=0)
    aspiration = rng.standard_normal(len(x)) * (x < 1)
    source: Floats = pulses / _rms(pulses) + voice.breathiness * aspiration
    return source


def _resonate(source: Floats, formants_hz: Floats) -> Floats:
    """Filter the source (B * BLOCK,) with a cascade of resonators with frequencies (B, F), block by block.

    A resonator is y[n] = A x[n] + B y[n-1] + C y[n-2] with C = -exp(-2 pi b T), B = 2 exp(-pi b T) cos(2 pi f T),
    A = 1 - B - C, for frequency f, bandwidth b and sampling interval T (Klatt 1980, equations 1 and 2).
    """
    bandwidths_hz = 50 + 0.03 * formants_hz  # a line through the typical values of Klatt (1980), table I
    radius = np.exp(-np.pi * bandwidths_hz / RATE)
    b = 2 * radius * np.cos(2 * np.pi * formants_hz / RATE)
    c = -(radius**2)
    zero, one = np.zeros_like(b), np.ones_like(b)
    sections = np.stack([1 - b - c, zero, zero, one, -b, -c], axis=-1)  # (B, F, 6)
    signal = np.empty_like(source).reshape(-1, BLOCK)
    state = np.zeros((formants_hz.shape[1], 2))
    for block, sos in enumerate(sections):
        signal[block], state = sosfilt(sos, source[block * BLOCK : (block + 1) * BLOCK], zi=state)
    return signal.ravel()


def _noise(b: Floats, a: Floats, n_samples: int, rng: np.random.Generator) -> Floats:
    """White noise filtered with b / a, with an RMS of 1."""
    noise: Floats = lfilter(b, a, rng.standard_normal(n_samples))
    return noise / _rms(noise)


def _upsample(track: Floats) -> Floats:
    """Interpolate a track (B,) linearly between block centres to one value per sample (B * BLOCK,)."""
    centres = (np.arange(len(track)) + 0.5) * BLOCK
    return np.interp(np.arange(len(track) * BLOCK), centres, track)


def _rms(signal: Floats) -> float:
    return float(np.sqrt(np.mean(signal**2)))
