"""Parts of `compose_programmes.py` without I/O: speech in an utterance, turn taking, mixing.

Positions and lengths are in samples at `RATE` unless a name ends in `_s` (seconds).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm import FrontEndOptions
from speechgmm.audio.samples import Samples
from speechgmm.demo.turns import Interval
from speechgmm.features.log_mel import log_mel_bands
from speechgmm.features.mel_filters import mel_filters
from speechgmm.features.voice_activity import frame_powers, speech_frames

GATE = FrontEndOptions()
RATE = GATE.sampling_rate
MAX_PAUSE_S = 0.5  # shorter pauses within an utterance count as speech
MIN_SPEECH_S = 0.1  # shorter isolated bursts do not count as speech
MARGIN_S = 0.1  # kept of an utterance before and after its speech
FADE_S = 0.05

SPEECH_DB = -26.0  # dB full scale, of the average speaker
SPEAKER_SPREAD_DB = 4.0
FLOOR_DB = -78.0  # noise floor, like that of a good microphone

WITHIN_S = (0.15, 0.7)  # pauses within a turn
BETWEEN_S = (0.05, 1.5)  # pauses between turns
OVERLAP_S = (0.3, 2.0)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The lengths of turns and of the breaks between them.

    Attributes
    ----------
    turn_s : (float, float)
        Range of the target length of a turn, drawn log-uniformly; the turn ends with the utterance that reaches it.
    break_share : float
        Share of the turns that follow a longer break.
    break_s : (float, float)
        Range of the length of a break without a sound.
    sound_share : float
        Share of the breaks that are filled with a sound.
    sound_spread_db : float
        Standard deviation of the levels of the sounds, clipped at two deviations.
    """

    turn_s: tuple[float, float] = (1.5, 20.0)
    break_share: float = 0.12
    break_s: tuple[float, float] = (2.0, 8.0)
    sound_share: float = 0.6
    sound_spread_db: float = 4.0


TALK = Pace()
SPARSE = Pace(turn_s=(1.5, 8.0), break_share=0.7, break_s=(5.0, 25.0), sound_share=0.4, sound_spread_db=10.0)
PACES = {"talk": TALK, "sparse": SPARSE}


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """Samples (n,) with a speech power of 1, and the speech intervals (start, end) in seconds."""

    samples: Samples
    runs: tuple[Interval, ...]


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A speaker, with a function that draws a random utterance of the speaker."""

    name: str
    label: str
    draw: Callable[[np.random.Generator], Utterance]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Samples placed at `start`; non-speech if `voice` is None."""

    start: int
    samples: Samples
    voice: Voice | None = None
    runs: tuple[Interval, ...] = ()

    @property
    def end(self) -> int:
        """One past the last sample."""
        return self.start + len(self.samples)


def speech_runs(samples: Samples) -> list[Interval]:
    """Speech intervals of an utterance by its energy; pauses of `MAX_PAUSE_S` and more separate them.

    Parameters
    ----------
    samples : array (n,)
        In [-1, 1], at `RATE`.

    Returns
    -------
    list of (float, float)
        In seconds: the frames of `speech_frames`, with short pauses closed and short bursts removed.
    """
    if len(samples) < GATE.window:
        return []
    (log_mel,) = log_mel_bands(samples, [GATE], [mel_filters(GATE)])
    keep = speech_frames(log_mel, frame_powers(log_mel), GATE)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], keep.astype(np.int8), [0]])))
    # A frame covers one hop around its middle.
    times = edges * GATE.hop_s + (GATE.window_s - GATE.hop_s) / 2
    runs: list[Interval] = []
    for start, end in times.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < MAX_PAUSE_S:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return [(start, end) for start, end in runs if end - start >= MIN_SPEECH_S]


def prepared(samples: Samples) -> Utterance | None:
    """Trim to the speech plus `MARGIN_S`, fade the ends, scale to a speech power of 1; None without speech."""
    runs = speech_runs(samples)
    if not runs:
        return None
    begin = max(round((runs[0][0] - MARGIN_S) * RATE), 0)
    kept = samples[begin : round((runs[-1][1] + MARGIN_S) * RATE)]
    runs = [(start - begin / RATE, end - begin / RATE) for start, end in runs]
    speech = np.concatenate([kept[round(start * RATE) : round(end * RATE)] for start, end in runs])
    return Utterance(samples=faded(kept / np.float32(np.sqrt(np.mean(speech**2)))), runs=tuple(runs))


def faded(samples: Samples) -> Samples:
    """Fade in the first and fade out the last `FADE_S`."""
    length = min(round(FADE_S * RATE), len(samples) // 2)
    ramp = (np.arange(length, dtype=np.float32) + 0.5) / np.float32(max(length, 1))
    shaped = samples.copy()
    shaped[:length] *= ramp
    shaped[len(samples) - length :] *= ramp[::-1]
    return shaped


def programme(
    voices: Sequence[Voice],
    sounds: Sequence[Samples],
    *,
    n_samples: int,
    overlap: float,
    rng: np.random.Generator,
    pace: Pace = TALK,
) -> Iterator[Placed]:
    """Draw the turns of a programme until `n_samples` is reached.

    Parameters
    ----------
    voices : sequence of Voice
        At least two. The share of each class is drawn once for the programme.
    sounds : sequence of arrays
        Sounds of power 1 that may fill the breaks.
    n_samples : int
        Length of the programme; no utterance ends after it.
    overlap : float in [0, 1]
        Share of the turns that begin before the previous turn has ended.
    rng : numpy.random.Generator
    pace : Pace

    Yields
    ------
    Placed
        In order of their starts.
    """
    labels = sorted({voice.label for voice in voices})
    shares = dict(zip(labels, rng.dirichlet([3.0] * len(labels)), strict=True))
    gains = {voice.name: SPEECH_DB + SPEAKER_SPREAD_DB * np.clip(rng.standard_normal(), -2, 2) for voice in voices}
    past = _Past()
    while True:
        if rng.random() < pace.break_share:
            yield past.put(_break(past, sounds, pace, rng))
        speaker = past.last.voice.name if past.last and past.last.voice else ""
        voice = _next_voice([voice for voice in voices if voice.name != speaker], shares, rng)
        start = _next_start(past, overlap, rng)
        spoken_s, wanted_s = 0.0, float(np.exp(rng.uniform(*np.log(pace.turn_s))))
        while spoken_s < wanted_s:
            utterance = voice.draw(rng)
            samples = utterance.samples * np.float32(10 ** (gains[voice.name] / 20))
            placed = Placed(start=start, samples=samples, voice=voice, runs=utterance.runs)
            if placed.end > n_samples:
                return
            yield past.put(placed)
            start = placed.end + _draw_samples(WITHIN_S, rng)
            spoken_s += len(samples) / RATE


@dataclass(kw_only=True)
class _Past:
    """The last placed item, and the end of everything placed before it."""

    last: Placed | None = None
    before: int = 0

    @property
    def end(self) -> int:
        return max(self.before, self.last.end if self.last else 0)

    def put(self, placed: Placed) -> Placed:
        self.before = self.end
        self.last = placed
        return placed


def _next_voice(voices: Sequence[Voice], shares: dict[str, float], rng: np.random.Generator) -> Voice:
    """Draw a class by its share, then one of its voices."""
    labels = sorted({voice.label for voice in voices})
    weights = np.array([shares[label] for label in labels])
    label = labels[int(rng.choice(len(labels), p=weights / weights.sum()))]
    candidates = [voice for voice in voices if voice.label == label]
    return candidates[int(rng.integers(len(candidates)))]


def _next_start(past: _Past, overlap: float, rng: np.random.Generator) -> int:
    """Start of the next turn; at most two voices overlap."""
    last = past.last
    if last is not None and last.voice is not None and rng.random() < overlap:
        return max(last.start, past.before, last.end - _draw_samples(OVERLAP_S, rng))
    return past.end + _draw_samples(BETWEEN_S, rng)


def _break(past: _Past, sounds: Sequence[Samples], pace: Pace, rng: np.random.Generator) -> Placed:
    """A sound or silence, after a pause."""
    start = past.end + _draw_samples(BETWEEN_S, rng)
    if sounds and rng.random() < pace.sound_share:
        gain_db = SPEECH_DB + pace.sound_spread_db * np.clip(rng.standard_normal(), -2, 2)
        sound = sounds[int(rng.integers(len(sounds)))]
        return Placed(start=start, samples=faded(sound) * np.float32(10 ** (gain_db / 20)))
    return Placed(start=start, samples=np.zeros(_draw_samples(pace.break_s, rng), np.float32))


def _draw_samples(limits_s: tuple[float, float], rng: np.random.Generator) -> int:
    """A random length in samples."""
    return round(rng.uniform(*limits_s) * RATE)


def mixed(placed: Iterable[Placed], *, n_samples: int) -> Iterator[Samples]:
    """The sum of all placed samples, `n_samples` in total, in pieces.

    Parameters
    ----------
    placed : iterable of Placed
        In order of their starts; samples after the end are cut off.
    n_samples : int

    Yields
    ------
    array (n,)
    """
    pending, at = np.zeros(0, np.float32), 0  # `pending` begins at sample `at`; later items may still overlap it
    for item in placed:
        done = min(item.start, n_samples) - at
        yield _padded(pending, done)[:done]
        pending, at = pending[done:], at + done
        pending = _padded(pending, len(item.samples))
        pending[: len(item.samples)] += item.samples
    yield _padded(pending, n_samples - at)[: n_samples - at]


def _padded(samples: Samples, length: int) -> Samples:
    return np.pad(samples, (0, max(length - len(samples), 0)))


def backdrop(noises: Sequence[Samples], rng: np.random.Generator) -> Iterator[Samples]:
    """Endless noise: a random one of `noises` (power 1) for 0.5 to 2 minutes, then another, with cross-fades."""
    length = round(FADE_S * RATE)
    angle = (np.arange(length, dtype=np.float32) + 0.5) / length * np.float32(np.pi / 2)
    tail = np.zeros(length, np.float32)
    while True:
        noise = noises[int(rng.integers(len(noises)))]
        for _ in range(round(rng.uniform(30.0, 120.0) * RATE / len(noise))):
            # Sine and cosine keep the power constant in the cross-fade of two uncorrelated noises.
            yield np.concatenate([noise[:length] * np.sin(angle) + tail * np.cos(angle), noise[length:-length]])
            tail = noise[-length:]


def with_backdrop(
    pieces: Iterable[Samples], noise: Iterator[Samples] | None, snr_db: float, rng: np.random.Generator
) -> Iterator[Samples]:
    """Add a white noise floor, and `noise` at `snr_db` below the average speaker; clip to [-1, 1].

    Parameters
    ----------
    pieces : iterable of arrays
    noise : iterator of arrays, or None
        Endless, of power 1.
    snr_db : float
        Level of the average speaker minus that of the noise, in dB.
    rng : numpy.random.Generator

    Yields
    ------
    array (n,)
        Of the lengths of the pieces.
    """
    gain = np.float32(10 ** ((SPEECH_DB - snr_db) / 20))
    spare = np.zeros(0, np.float32)
    for piece in pieces:
        total = piece + np.float32(10 ** (FLOOR_DB / 20)) * rng.standard_normal(len(piece), dtype=np.float32)
        if noise is not None:
            while len(spare) < len(piece):
                spare = np.concatenate([spare, next(noise)])
            total += gain * spare[: len(piece)]
            spare = spare[len(piece) :]
        yield np.clip(total, -1, 1)


def unit_power(sound: Samples) -> Samples | None:
    """Trim digital silence and scale to a power of 1; None if too little is left."""
    sound = np.trim_zeros(sound)
    power = float(np.mean(sound**2)) if len(sound) > 2 * round(FADE_S * RATE) else 0.0
    return sound / np.float32(np.sqrt(power)) if power > 1e-10 else None


def cast(voices: Sequence[Voice], n_voices: int, rng: np.random.Generator) -> list[Voice]:
    """Draw voices, alternating between the classes, until there are `n_voices` or a class has no more."""
    drawn = [voices[index] for index in rng.permutation(len(voices))]
    of_class = [[voice for voice in drawn if voice.label == label] for label in sorted({v.label for v in voices})]
    return list(itertools.chain.from_iterable(zip(*of_class, strict=False)))[:n_voices]
