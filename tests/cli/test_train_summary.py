"""The summary of a training: amounts, UAR with its interval, and the next command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import speechgmm
from speechgmm.cli.train_summary import to_text
from speechgmm.features.extraction import Failure
from speechgmm.training.calibrate import HeldOutAnswer
from speechgmm.training.train import Training


def answers(label: str, speaker: str, *given: str) -> list[HeldOutAnswer]:
    return [HeldOutAnswer(label=label, speaker=speaker, answer=answer) for answer in given]


@pytest.fixture
def training(tiny_model: speechgmm.Model, voices: Path) -> Training:
    """A training with these answers: recalls of 3/4 and 1/2."""
    card = {
        "data": {
            "train": {
                "female": {"speakers": 3, "recordings": 7, "speech_s": 4.6},
                "male": {"speakers": 20, "recordings": 80, "speech_s": 7560.0},
            },
            "dev": {
                "female": {"speakers": 2, "recordings": 4, "speech_s": 90.0},
                "male": {"speakers": 1, "recordings": 2, "speech_s": 3.0},
            },
        },
    }
    held_out = [
        *answers("female", "a", "female", "female"),
        *answers("female", "b", "female", "male"),
        *answers("male", "c", "male", "unknown"),
    ]
    failure = Failure(recording=speechgmm.read_corpus(voices).recordings[0], reason="it is empty")
    return Training(
        model=replace(tiny_model, card=card),
        fitted=(),
        failures=(failure,),
        held_out=tuple(held_out),
        n_recordings=94,
    )


def test_the_summary_by_hand(training: Training) -> None:
    """UAR is the mean of 3/4 and 1/2. A resample may have one of the female speakers only."""
    assert to_text(training, Path("my voices.npz")).splitlines() == [
        "class   split  speakers  recordings   speech",
        "female  train         3           7      5 s",
        "male    train        20          80    2.1 h",
        "female    dev         2           4  1.5 min",
        "male      dev         1           2      3 s",
        "",
        "UAR on 3 held-out speakers: 0.625, 95 % interval 0.250 to 1.000",
        "  (6 utterances, which also calibrated the model; unknown counts as wrong)",
        "recordings that could not be used: 1 of 94",
        "the model is my voices.npz; to look at it: speechgmm describe 'my voices.npz'",
    ]


def test_what_was_scaled_down_is_listed(training: Training) -> None:
    """One line for each change of the rules for small data."""
    card = {**training.model.card, "scaled": ["mmi.iterations is 10 instead of 25: a class has fewer than 20 speakers"]}
    text = to_text(replace(training, model=replace(training.model, card=card)), Path("m.npz"))
    assert (
        "\nscaled down to the amount of data:\n"
        "  - mmi.iterations is 10 instead of 25: a class has fewer than 20 speakers\n" in text
    )


def test_names_are_escaped(training: Training) -> None:
    """A file name may hold terminal codes."""
    assert "\x1b" not in to_text(training, Path("a\x1b[31m.npz"))
