"""Test conditions of an utterance: whole, cut short, coded, noisy, reverberant, quiet or among other voices."""

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
    """Material for background noise.

    Attributes
    ----------
    sounds : tuple of Path
        Non-speech sounds that are not used in training, without music.
    music : tuple of Path
        Music that is not used in training.
    voices : tuple of Recording
        Speech that is not used in training.
    """

    sounds: tuple[Path, ...]
    music: tuple[Path, ...]
    voices: tuple[Recording, ...]

    @classmethod
    def of(cls, corpus: Corpus) -> Background:
        """The background material of a corpus."""
        recordings = corpus.recordings
        unheard = [item for item in recordings if item.label == "none" and item.split == "other"]
        sounds = tuple(item.file for item in unheard if "music" not in item.columns["sound_class"])
        music = tuple(item.file for item in unheard if item.columns["sound_class"] == "music")
        voices = tuple(item for item in recordings if item.label != "none" and item.split == "test")
        return cls(sounds, music, voices)


def generator_for(recording: Recording, purpose: str = "") -> np.random.Generator:
    """A random generator seeded with the name of the recording."""
    return np.random.default_rng(zlib.crc32((recording.name + purpose).encode()))


def conditions(
    recording: Recording, background: Background, wanted: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Samples]]:
    """A recording under the conditions in `wanted`, or under all if `wanted` is empty.

    Yields
    ------
    str, array (n,)
        The condition's name and the samples, at `RATE`.
    """
    samples = read(recording.file, sampling_rate=RATE)
    if wanted == {"whole"}:
        yield "whole", samples
        return
    for name, degraded in _cheap(samples, generator_for(recording), background):
        if not wanted or name in wanted:
            yield name, degraded
    for name, make in _costly(recording, samples, background.voices).items():
        if not wanted or name in wanted:
            yield name, make()


def _cheap(samples: Samples, rng: np.random.Generator, background: Background) -> Iterator[tuple[str, Samples]]:
    yield "whole", samples
    for length_s in LENGTHS_S:
        n_samples = round(RATE * length_s)
        if len(samples) > n_samples:
            begin = (len(samples) - n_samples) // 2
            yield f"{length_s:g} s", samples[begin : begin + n_samples]
    yield "8 kHz", telephone(samples, RATE, companded=False)
    yield "mu-law", telephone(samples, RATE, companded=True)
    for snr_db in LEVELS_DB:
        yield f"noise {snr_db:g} dB", with_sound(samples, rng, background.sounds, snr_db)
    yield "music 10 dB", with_sound(samples, rng, background.music, 10.0)
    yield "room", reverberated(samples, RATE, decay_s=0.4, wet_db=-6.0, rng=rng)
    yield "level -30 dB", (samples * np.float32(10 ** (-30 / 20))).astype(np.float32)


def _costly(recording: Recording, samples: Samples, voices: tuple[Recording, ...]) -> dict[str, Callable[[], Samples]]:
    """Conditions that are computed on demand; all levels share one babble noise."""
    noise = functools.cache(lambda: babble(len(samples), recording, voices))

    def in_babble(snr_db: float) -> Samples:
        return with_noise(samples, noise(), snr_db, begin=0)

    return {
        "MP3 16 kbit/s": lambda: coded(samples, "MP3", "MPEG_LAYER_III", 0.95),
        "Opus 10 kbit/s": lambda: coded(samples, "OGG", "OPUS", 0.99),
        **{f"babble {snr_db:g} dB": functools.partial(in_babble, snr_db) for snr_db in LEVELS_DB},
    }


def with_sound(samples: Samples, rng: np.random.Generator, sounds: tuple[Path, ...], snr_db: float) -> Samples:
    """The samples with a randomly drawn sound as background noise."""
    noise = read(sounds[int(rng.integers(len(sounds)))], sampling_rate=RATE)
    return with_noise(samples, noise, snr_db, begin=int(rng.integers(len(noise))))


def coded(samples: Samples, container: str, codec: str, compression: float) -> Samples:
    """Encode and decode with a lossy codec; `compression` is libsndfile's compression level, 0 to 1."""
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
    coded_samples: Samples = peak * to_mono_at_rate(decoded, rate, RATE)
    return coded_samples


def babble(n_samples: int, recording: Recording, voices: tuple[Recording, ...]) -> Samples:
    """Babble noise: `BABBLERS` other speakers at once, at equal levels, (n_samples,)."""
    rng = generator_for(recording, "babble")
    others = [voice for voice in voices if voice.speaker != recording.speaker]
    mixed = np.zeros(n_samples, dtype=np.float32)
    for index in rng.choice(len(others), BABBLERS, replace=False):
        speech = read(others[index].file, sampling_rate=RATE)
        rms = np.sqrt(np.mean(speech**2) + 1e-10)
        mixed += np.resize(np.roll(speech / rms, -int(rng.integers(len(speech)))), n_samples)
    return mixed
