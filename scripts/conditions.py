"""How an utterance may be heard: whole, in part, and as channels, rooms and others spoil it."""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from speechgmm.audio.reading import read
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.augmentation.channel import reverberated, telephone, with_noise
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.features.front_end import Samples

RATE = 16_000
LENGTHS_S = (0.5, 1.0, 2.0, 3.0, 5.0)
LEVELS_DB = (20.0, 10.0, 0.0)
BABBLERS = 6


@dataclass(frozen=True)
class Background:
    """What may be heard behind a voice.

    Attributes
    ----------
    sounds : tuple of Path
        Sounds that are no speech and train nothing.
    voices : tuple of Recording
        Speech that trains no mixture.
    """

    sounds: tuple[Path, ...]
    voices: tuple[Recording, ...]

    @classmethod
    def of(cls, corpus: Corpus) -> Background:
        """What of a corpus may serve."""
        sounds = tuple(each.file for each in corpus.recordings if each.label == "none" and each.split == "other")
        voices = tuple(each for each in corpus.recordings if each.label != "none" and each.split in ("dev", "test"))
        return cls(sounds, voices)


def generator_for(recording: Recording, what: str = "") -> np.random.Generator:
    """The same draws for a recording each time."""
    return np.random.default_rng(zlib.crc32((recording.name + what).encode()))


def conditions(
    recording: Recording, background: Background, wanted: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Samples]]:
    """A recording under the conditions wanted, or under all.

    Yields
    ------
    str, array (n,)
        The condition's name and what is heard, at `RATE`.
    """
    samples = read(recording.file, sampling_rate=RATE)
    for name, heard in _usual(samples, generator_for(recording), background.sounds):
        if not wanted or name in wanted:
            yield name, heard
    for name, make in _costly(recording, samples, background.voices).items():
        if not wanted or name in wanted:
            yield name, make()


def _usual(samples: Samples, rng: np.random.Generator, sounds: tuple[Path, ...]) -> Iterator[tuple[str, Samples]]:
    yield "whole", samples
    for length_s in LENGTHS_S:
        n_samples = round(RATE * length_s)
        if len(samples) > n_samples:
            begin = (len(samples) - n_samples) // 2
            yield f"{length_s:g} s", samples[begin : begin + n_samples]
    yield "8 kHz", telephone(samples, RATE, companded=False)
    yield "mu-law", telephone(samples, RATE, companded=True)
    for snr_db in LEVELS_DB:
        yield f"noise {snr_db:g} dB", with_sound(samples, rng, sounds, snr_db)
    yield "room", reverberated(samples, RATE, decay_s=0.4, wet_db=-6.0, rng=rng)
    yield "level -30 dB", (samples * np.float32(10 ** (-30 / 20))).astype(np.float32)


def _costly(recording: Recording, samples: Samples, voices: tuple[Recording, ...]) -> dict[str, Callable[[], Samples]]:
    """What is made only where it is wanted; the others speak once for all levels."""
    others = functools.cache(lambda: babble(len(samples), recording, voices))

    def among_others(snr_db: float) -> Samples:
        return with_noise(samples, others(), snr_db, begin=0)

    return {
        "MP3 16 kbit/s": lambda: coded(samples, "MP3", "MPEG_LAYER_III", 0.95),
        "Opus 10 kbit/s": lambda: coded(samples, "OGG", "OPUS", 0.99),
        **{f"babble {snr_db:g} dB": functools.partial(among_others, snr_db) for snr_db in LEVELS_DB},
    }


def with_sound(samples: Samples, rng: np.random.Generator, sounds: tuple[Path, ...], snr_db: float) -> Samples:
    """The samples with one of the sounds behind them."""
    noise = read(sounds[int(rng.integers(len(sounds)))], sampling_rate=RATE)
    return with_noise(samples, noise, snr_db, begin=int(rng.integers(len(noise))))


def coded(samples: Samples, container: str, codec: str, compression: float) -> Samples:
    """The samples through a lossy codec and back, so strongly compressed (0 to 1, see libsndfile)."""
    if len(samples) == 0:
        return samples
    peak = np.float32(max(1.0, float(np.abs(samples).max())))
    options = {"bitrate_mode": "CONSTANT"} if container == "MP3" else {}
    with io.BytesIO() as stream:
        soundfile.write(
            stream, samples / peak, RATE, format=container, subtype=codec, compression_level=compression, **options
        )
        stream.seek(0)
        decoded, rate = soundfile.read(stream, dtype="float32")
    heard: Samples = peak * to_mono_at_rate(decoded, rate, RATE)
    return heard


def babble(n_samples: int, recording: Recording, voices: tuple[Recording, ...]) -> Samples:
    """Several others who speak at once, equally loud, for as long."""
    rng = generator_for(recording, "babble")
    others = [each for each in voices if each.speaker != recording.speaker]
    mixed = np.zeros(n_samples, dtype=np.float32)
    for index in rng.choice(len(others), BABBLERS, replace=False):
        voice = read(others[index].file, sampling_rate=RATE)
        loudness = np.sqrt(np.mean(voice**2) + 1e-10)
        mixed += np.resize(np.roll(voice / loudness, -int(rng.integers(len(voice)))), n_samples)
    return mixed
