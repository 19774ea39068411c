"""Held-out speakers: how their utterances are cut, weighed and turned into a calibration."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.classifier.scorer import Scorer, Stream
from speechgmm.corpus.recording import Recording
from speechgmm.evaluation.detection import cllr
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.calibrate import HeldOutScores, calibrate, cuts, min_likelihood, score_utterances
from tests.builders import unit_gaussian

SCORER = Scorer(
    labels=("high", "low"),
    streams=(
        Stream(
            front_end=FrontEndOptions(n_coefficients=1, cepstral_mean="none"),
            reference_mean=np.zeros(1),
            mixtures=(unit_gaussian(1.0), unit_gaussian(-1.0)),
        ),
    ),
)


def stretch(values: np.ndarray) -> Stretch:
    return Stretch(values.astype(np.float32)[:, np.newaxis], len(values) + 10)


def utterance(label: str, speaker: str, *stretches: Stretch) -> Utterance:
    recording = Recording(file=Path(f"{speaker}.wav"), name=f"{speaker}.wav", label=label, speaker=speaker)
    return Utterance.of(recording, stretches, "0")


def held_out(n_speakers: int, *, seed: int, n_frames: int = 300) -> list[Utterance]:
    """Speakers whose frames are normal around a mean of their own, and that around 0.5 or -0.5."""
    rng = np.random.default_rng(seed)
    return [
        utterance(
            label,
            f"{label}-{number}",
            stretch(centre + 0.5 * rng.standard_normal() + rng.standard_normal(n_frames)),
        )
        for label, centre in (("high", 0.5), ("low", -0.5))
        for number in range(n_speakers)
    ]


def scored(utterances: list[Utterance]) -> list[HeldOutScores]:
    return score_utterances(SCORER, [utterances])


def calibrated(utterances: list[Utterance]) -> Model:
    return calibrate(SCORER, scored(utterances), DecisionOptions())


def cost(model: Model, utterances: list[Utterance]) -> float:
    """Cllr of the model's ratios for the first class."""
    ratios: dict[str, list[float]] = {"high": [], "low": []}
    for utterance in utterances:
        decision = model.decide(model.score_all((each,) for each in utterance.stretches()))
        ratios[utterance.recording.label].append(decision.log_likelihood_ratios["high"])
    return cllr(np.array(ratios["high"]), np.array(ratios["low"]))


def test_cuts_are_a_few_pieces_of_each_shorter_length() -> None:
    """Three neighbouring pieces of each length at most, fewer where the stretch is too short, none as long as it."""
    pieces = [piece for (piece,) in cuts([[stretch(np.arange(450))]])]

    assert Counter(len(piece.frames) for piece in pieces) == {30: 3, 50: 3, 100: 3, 200: 2, 400: 1}
    assert [int(piece.frames[0, 0]) for piece in pieces] == [0, 30, 60, 0, 50, 100, 0, 100, 200, 0, 200, 0]
    assert all(np.array_equal(np.diff(piece.frames[:, 0]), np.ones(len(piece.frames) - 1)) for piece in pieces)
    assert all(piece.n_frames == len(piece.frames) for piece in pieces)


def test_cuts_do_not_cross_stretches() -> None:
    """Every stretch is cut on its own; one that is too short gives none."""
    stretches = [stretch(np.zeros(20)), stretch(np.ones(45)), stretch(np.full(31, 2.0))]

    pieces = [piece for (piece,) in cuts([[each] for each in stretches])]

    assert [(len(piece.frames), set(piece.frames[:, 0].tolist())) for piece in pieces] == [(30, {1.0}), (30, {2.0})]


def test_least_likelihood_by_hand() -> None:
    """Four standard deviations below the mean, and one deviation is at least 0.1 a dimension."""
    assert min_likelihood([-40.0, -44.0], 2) == pytest.approx(-42.0 - 4 * 2.0)
    assert min_likelihood([-40.0, -44.0], 50) == pytest.approx(-42.0 - 4 * 5.0)
    assert min_likelihood([-7.0], 1) == pytest.approx(-7.4)


def test_utterances_are_scored_whole_and_cut() -> None:
    """An utterance of 120 frames gives its own scores and those of three pieces of 30, two of 50 and one of 100."""
    (scores,) = scored(held_out(1, seed=1, n_frames=120)[:1])

    assert (scores.label, scores.speaker, scores.whole.n_speech.tolist()) == ("high", "high-0", [120])
    assert [piece.n_speech.tolist() for piece in scores.cuts] == [[30], [30], [30], [50], [50], [100]]


def test_utterances_without_speech_are_ignored() -> None:
    """What holds no speech is no evidence."""
    silent = utterance("low", "mute", Stretch(np.empty((0, 1), np.float32), 200))
    nothing = utterance("low", "absent")

    scores = scored([silent, *held_out(1, seed=2), nothing])

    assert [each.speaker for each in scores] == ["high-0", "low-0"]


def test_calibration_on_held_out_speakers_is_sane() -> None:
    """The evidence is trusted less than frames in sum, no class is favoured, and new speakers gain by it."""
    model = calibrated(held_out(40, seed=3))

    others = held_out(40, seed=4)
    trusting = replace(model, calibration=Calibration(scales=(1e5,), half_weight_frames=1e5, offsets=(0.0, 0.0)))
    assert 0.5 < model.calibration.scales[0] < 10
    assert 0.0 <= model.calibration.half_weight_frames < 100
    assert model.calibration.offsets == pytest.approx((0.0, 0.0), abs=0.5)
    assert cost(model, others) < 0.75
    assert cost(model, others) < cost(trusting, others)
    assert model.decide(model.score_all((each,) for each in others[0].stretches())).decided


def test_the_mixtures_stay_as_they_are() -> None:
    """Calibration sets the calibration and the least likelihood and nothing else."""
    scores = scored(held_out(2, seed=5))
    decision = DecisionOptions(min_speech_s=0.5)

    model = calibrate(SCORER, scores, decision)

    best = [each.whole.log_likelihoods.max() / each.whole.n_speech[0] for each in scores]
    assert model.min_likelihood == pytest.approx(min_likelihood(best, 1))
    assert model.streams is SCORER.streams
    assert (model.labels, model.priors, model.decision) == (SCORER.labels, (0.5, 0.5), decision)


def test_a_talkative_speaker_counts_once() -> None:
    """All utterances of one speaker five times over: the calibration stays."""
    utterances = held_out(6, seed=6)
    once = calibrated(utterances).calibration

    again = calibrated([*utterances, *[utterances[0]] * 4]).calibration

    assert (*again.scales, again.half_weight_frames, *again.offsets) == pytest.approx(
        (*once.scales, once.half_weight_frames, *once.offsets), rel=1e-3
    )


def test_more_speakers_may_be_surer() -> None:
    """The same utterances as of many speakers give a higher scale than as of one a class."""
    utterances = held_out(10, seed=7)
    as_one = [replace(each, recording=replace(each.recording, speaker=each.recording.label)) for each in utterances]

    (many,), (one,) = (calibrated(each).calibration.scales for each in (utterances, as_one))

    assert many > 1.1 * one
