"""What the valid inputs are made of: synthetic voices, and a small model that was trained on some."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import speechgmm
from speechgmm.audio.samples import Samples
from speechgmm.demo.synthesis import Kind, draw_voice, speak, write_voices

DURATION_S = 3.0


def voice(rate: int, *, channels: int = 1, kind: Kind = "female") -> Samples:
    """A voice, (n, channels); further channels are softer."""
    rng = np.random.default_rng(7)
    samples = speak(draw_voice(kind, rng), duration_s=DURATION_S, sampling_rate=rate, rng=rng)
    return np.asarray(samples[:, None] * 0.7 ** np.arange(channels), dtype=np.float32)


def voices(folder: Path) -> Path:
    """A folder of class folders, in a folder that all targets share."""
    made = folder.parent / "voices"
    if not made.exists():
        write_voices(made, n_speakers=3, n_files=1, duration_s=2.0, seed=1)
    return made


def small_model(folder: Path) -> Path:
    """A model file of two components a class and two streams, in a folder that all targets share."""
    file = folder.parent / "small.npz"
    if not file.exists():
        front_end = speechgmm.FrontEndOptions(n_mels=24, n_coefficients=12)
        patterns = speechgmm.FrontEndOptions(features="patterns", n_mels=24)
        recipe = speechgmm.Recipe(
            n_components=2, calibration_folds=2, front_end=front_end, further_front_ends=(patterns,)
        )
        speechgmm.save(speechgmm.train(voices(folder), recipe=recipe).model, file)
    return file
