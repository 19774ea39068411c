"""Voices for the last chapters: a recording of the user, or synthetic voices, which are said to be ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechgmm.audio.reading import read
from speechgmm.classifier.model import Model
from speechgmm.classifier.model_file import load
from speechgmm.classifier.scorer import Scores
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.demo.synthesis import KINDS, Kind, draw_voice, speak
from speechgmm.errors import AudioError
from speechgmm.explanation.scene import Floats
from speechgmm.features.array_types import Samples
from speechgmm.features.front_end import stream_stretches
from speechgmm.features.log_mel import log_mel_bands
from speechgmm.features.offset import without_offset
from speechgmm.features.voice_activity import frame_powers, speech_frames

LONGEST_S = 20.0
SYNTHETIC_S = 6.0
SYNTHETIC = "a synthetic voice of the demonstration, not a person (demo.synthesis)."


@dataclass(frozen=True, kw_only=True, eq=False)
class Voice:
    """Samples, where they are from, and their name in an error."""

    samples: Samples
    source: str
    name: str = "the voice"


@dataclass(frozen=True, kw_only=True, eq=False)
class HeardVoice:
    """What the model computes of a voice.

    Attributes
    ----------
    log_mel : ndarray (T, n_mels)
        Of the first stream.
    speech : ndarray (T,) of bool
    frame_scores : tuple of ndarray (T', M)
        Log-likelihood ratios of the speech frames under each sub-model, for each stream.
    scores : Scores
    """

    log_mel: Floats
    speech: np.ndarray[tuple[int], np.dtype[np.bool_]]
    frame_scores: tuple[Floats, ...]
    scores: Scores


def shipped_model() -> Model:
    """The shipped model."""
    return load(shipped_model_file())


def synthetic_voice(kind: Kind = KINDS[0], *, seed: int = 4, duration_s: float = SYNTHETIC_S) -> Voice:
    """A synthetic voice."""
    rng = np.random.default_rng(seed)
    return Voice(samples=speak(draw_voice(kind, rng), duration_s=duration_s, rng=rng), source=SYNTHETIC)


def recorded_voice(file: Path, sampling_rate: int) -> Voice:
    """The beginning of a recording.

    Raises
    ------
    AudioError
        If it cannot be read.
    """
    samples = read(file, sampling_rate=sampling_rate, end=LONGEST_S)
    return Voice(samples=samples, source=f"{file.name}, at most its first {LONGEST_S:g} s.", name=str(file))


def heard(model: Model, voice: Voice) -> HeardVoice:
    """Score a voice frame by frame.

    Raises
    ------
    AudioError
        If it is shorter than a window, or none of its frames is speech.
    """
    front_end = model.front_end
    window = max(each.window for each in model.front_ends)
    if len(voice.samples) < window:
        raise AudioError(
            f"{voice.name}: it has {len(voice.samples)} samples at {front_end.sampling_rate:,} Hz, but a frame needs "
            f"{window}: give a recording of some seconds"
        )
    filtered = np.concatenate(list(without_offset([voice.samples], front_end.sampling_rate)))
    (log_mel,) = log_mel_bands(filtered, [front_end], model.filters[:1])
    (stretches,) = stream_stretches([voice.samples], model.front_ends, model.filters)
    frames = [stream.frames(own) for stream, own in zip(model.streams, stretches, strict=True)]
    if not all(len(own) for own in frames):
        raise AudioError(
            f"{voice.name}: no speech is found in its first {len(voice.samples) / front_end.sampling_rate:.2g} s, but "
            "the figure shows the frames with speech: give a recording that begins with a voice"
        )
    return HeardVoice(
        log_mel=log_mel.astype(np.float64),
        speech=speech_frames(log_mel, frame_powers(log_mel), front_end),
        frame_scores=tuple(model.frame_scores(index, own).log_likelihoods for index, own in enumerate(frames)),
        scores=model.score(stretches),
    )
