"""What `compose_programmes.py` composes of: where an utterance holds speech, who speaks when, the sum of it all.

Nothing is read or written here. Times count in samples at `RATE`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm import FrontEndOptions
from speechgmm.audio.samples import Samples
from speechgmm.demo.turns import Interval
from speechgmm.features.activity import speech_frames
from speechgmm.features.front_end import log_mel_bands, power_spectrum

GATE = FrontEndOptions()
RATE = GATE.sampling_rate
CLOSED_S = 0.5  # a shorter pause within an utterance belongs to the speech
SHORTEST_S = 0.1  # a shorter burst alone is no speech
MARGIN_S = 0.1  # what is kept of an utterance before and after its speech
FADE_S = 0.05

SPEECH_DB = -26.0  # dB full scale, of the average speaker
SPEAKER_SPREAD_DB = 4.0
FLOOR_DB = -78.0  # of a good microphone

WITHIN_S = (0.15, 0.7)  # pauses within a turn
BETWEEN_S = (0.05, 1.5)  # and from one to the next
OVERLAP_S = (0.3, 2.0)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long turns last, and what is between them.

    Attributes
    ----------
    turn_s : (float, float)
        A turn ends with the utterance in which so many seconds are reached, drawn evenly on a logarithmic scale.
    break_share : float
        Share of the turns that have a longer break before them.
    break_s : (float, float)
        Seconds that a break lasts, where no sound fills it.
    sound_share : float
        Share of the breaks that a sound fills.
    sound_spread_db : float
        Spread of the sounds' levels.
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
    """Samples (n,) whose speech has a power of 1, and where in them it is, as (start, end) in seconds."""

    samples: Samples
    runs: tuple[Interval, ...]


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A speaker in a programme, and a function that draws one of the speaker's utterances."""

    name: str
    label: str
    draw: Callable[[np.random.Generator], Utterance]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Samples that sound from `start` on; what they say is no speech where `voice` is None."""

    start: int
    samples: Samples
    voice: Voice | None = None
    runs: tuple[Interval, ...] = ()

    @property
    def end(self) -> int:
        """The sample after the last."""
        return self.start + len(self.samples)


def speech_runs(samples: Samples) -> list[Interval]:
    """Where an utterance holds speech, by its energy: pauses of `CLOSED_S` and more are left out.

    Parameters
    ----------
    samples : array (n,)
        In [-1, 1], at `RATE`.

    Returns
    -------
    list of (float, float)
        In seconds; frames that `speech_frames` takes for speech, pauses between them closed, bursts left out.
    """
    if len(samples) < GATE.window:
        return []
    keep = speech_frames(log_mel_bands(power_spectrum(samples, GATE), GATE), GATE)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], keep.astype(np.int8), [0]])))
    # A frame stands for the hop around its middle.
    times = edges * GATE.hop_s + (GATE.window_s - GATE.hop_s) / 2
    runs: list[Interval] = []
    for start, end in times.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < CLOSED_S:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return [(start, end) for start, end in runs if end - start >= SHORTEST_S]


def prepared(samples: Samples) -> Utterance | None:
    """An utterance trimmed to its speech and a margin, faded, its speech at a power of 1; None without any."""
    runs = speech_runs(samples)
    if not runs:
        return None
    begin = max(round((runs[0][0] - MARGIN_S) * RATE), 0)
    kept = samples[begin : round((runs[-1][1] + MARGIN_S) * RATE)]
    runs = [(start - begin / RATE, end - begin / RATE) for start, end in runs]
    spoken = np.concatenate([kept[round(start * RATE) : round(end * RATE)] for start, end in runs])
    return Utterance(samples=faded(kept / np.float32(np.sqrt(np.mean(spoken**2)))), runs=tuple(runs))


def faded(samples: Samples) -> Samples:
    """The same with its first and last `FADE_S` faded in and out."""
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
    """Draw who speaks when, turn by turn, until the time is over.

    Parameters
    ----------
    voices : sequence of Voice
        Two or more. How often each class speaks is drawn for the programme.
    sounds : sequence of arrays
        Of power 1, one of which fills a break.
    n_samples : int
        How long; nothing is placed that would end later.
    overlap : float in [0, 1]
        Share of the turns that begin before the one before them has ended.
    rng : numpy.random.Generator
    pace : Pace

    Yields
    ------
    Placed
        None starts before the one before it.
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
            start = placed.end + _drawn(WITHIN_S, rng)
            spoken_s += len(samples) / RATE


@dataclass(kw_only=True)
class _Past:
    """What was placed last, and when all that was placed before it has ended."""

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
    """One of the voices: a class by its share, then one of its voices."""
    labels = sorted({voice.label for voice in voices})
    weights = np.array([shares[label] for label in labels])
    label = labels[int(rng.choice(len(labels), p=weights / weights.sum()))]
    candidates = [voice for voice in voices if voice.label == label]
    return candidates[int(rng.integers(len(candidates)))]


def _next_start(past: _Past, overlap: float, rng: np.random.Generator) -> int:
    """When the next turn starts; never before a third voice has ended, so that two speak at once but not three."""
    last = past.last
    if last is not None and last.voice is not None and rng.random() < overlap:
        return max(last.start, past.before, last.end - _drawn(OVERLAP_S, rng))
    return past.end + _drawn(BETWEEN_S, rng)


def _break(past: _Past, sounds: Sequence[Samples], pace: Pace, rng: np.random.Generator) -> Placed:
    """A sound, or silence, after a pause."""
    start = past.end + _drawn(BETWEEN_S, rng)
    if sounds and rng.random() < pace.sound_share:
        gain_db = SPEECH_DB + pace.sound_spread_db * np.clip(rng.standard_normal(), -2, 2)
        sound = sounds[int(rng.integers(len(sounds)))]
        return Placed(start=start, samples=faded(sound) * np.float32(10 ** (gain_db / 20)))
    return Placed(start=start, samples=np.zeros(_drawn(pace.break_s, rng), np.float32))


def _drawn(limits_s: tuple[float, float], rng: np.random.Generator) -> int:
    return round(rng.uniform(*limits_s) * RATE)


def mixed(placed: Iterable[Placed], *, n_samples: int) -> Iterator[Samples]:
    """The sum of all that is placed, silent in between, `n_samples` in all, piece by piece.

    Parameters
    ----------
    placed : iterable of Placed
        In order of their starts; what would sound after the end is cut.
    n_samples : int

    Yields
    ------
    array (n,)
    """
    pending, at = np.zeros(0, np.float32), 0  # from the sample `at` on, what may still change
    for one in placed:
        done = min(one.start, n_samples) - at
        yield _stretched(pending, done)[:done]
        pending, at = pending[done:], at + done
        pending = _stretched(pending, len(one.samples))
        pending[: len(one.samples)] += one.samples
    yield _stretched(pending, n_samples - at)[: n_samples - at]


def _stretched(samples: Samples, length: int) -> Samples:
    return np.pad(samples, (0, max(length - len(samples), 0)))


def backdrop(noises: Sequence[Samples], rng: np.random.Generator) -> Iterator[Samples]:
    """Noise without end: one of `noises` (of power 1) for half a minute to two, then another; they cross-fade."""
    length = round(FADE_S * RATE)
    angle = (np.arange(length, dtype=np.float32) + 0.5) / length * np.float32(np.pi / 2)
    tail = np.zeros(length, np.float32)
    while True:
        noise = noises[int(rng.integers(len(noises)))]
        for _ in range(round(rng.uniform(30.0, 120.0) * RATE / len(noise))):
            # Sine and cosine keep the power where two unrelated noises meet.
            yield np.concatenate([noise[:length] * np.sin(angle) + tail * np.cos(angle), noise[length:-length]])
            tail = noise[-length:]


def with_backdrop(
    pieces: Iterable[Samples], noise: Iterator[Samples] | None, snr_db: float, rng: np.random.Generator
) -> Iterator[Samples]:
    """Add a floor of faint white noise, and `noise` so many decibels below the average speaker; clipped to [-1, 1].

    Parameters
    ----------
    pieces : iterable of arrays
    noise : iterator of arrays, or None
        Without end, of power 1.
    snr_db : float
        In dB; the level of the average speaker over that of the noise.
    rng : numpy.random.Generator

    Yields
    ------
    array (n,)
        As long as the pieces.
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
    """A sound without the digital silence around it, at a power of 1; None where nothing is left to hear."""
    sound = np.trim_zeros(sound)
    power = float(np.mean(sound**2)) if len(sound) > 2 * round(FADE_S * RATE) else 0.0
    return sound / np.float32(np.sqrt(power)) if power > 1e-10 else None


def cast(voices: Sequence[Voice], n_voices: int, rng: np.random.Generator) -> list[Voice]:
    """Draw voices, the classes taking turns, until there are `n_voices` or a class has no more."""
    drawn = [voices[index] for index in rng.permutation(len(voices))]
    of_class = [[voice for voice in drawn if voice.label == label] for label in sorted({v.label for v in voices})]
    return list(itertools.chain.from_iterable(zip(*of_class, strict=False)))[:n_voices]
