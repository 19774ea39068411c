"""Held-out speakers: how their utterances are cut, weighed and turned into a calibration."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.model import DecisionOptions, Model, Stream, uncalibrated_model
from speechgmm.evaluation.detection import cllr
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.training.calibrate import HeldOut, calibrate, cuts, gather, min_likelihood

BEFORE = uncalibrated_model(
    labels=("high", "low"),
    streams=(
        Stream(
            front_end=FrontEndOptions(n_coefficients=1, cepstral_mean="none"),
            reference_mean=np.zeros(1),
            mixtures=tuple(
                DiagonalMixture(np.array([1.0]), np.array([[mean]]), np.array([[1.0]])) for mean in (1.0, -1.0)
            ),
        ),
    ),
    decision=DecisionOptions(),
)


def stretch(values: np.ndarray) -> Stretch:
    return Stretch(values.astype(np.float32)[:, np.newaxis], len(values) + 10)


def held_out(n_speakers: int, *, seed: int, n_frames: int = 300) -> list[HeldOut]:
    """Speakers whose frames are normal around a mean of their own, and that around 0.5 or -0.5."""
    rng = np.random.default_rng(seed)
    return [
        HeldOut(
            label=label,
            speaker=f"{label}-{number}",
            stretches=((stretch(centre + 0.5 * rng.standard_normal() + rng.standard_normal(n_frames)),),),
        )
        for label, centre in (("high", 0.5), ("low", -0.5))
        for number in range(n_speakers)
    ]


def cost(model: Model, utterances: list[HeldOut]) -> float:
    """Cllr of the model's ratios for the first class."""
    ratios: dict[str, list[float]] = {"high": [], "low": []}
    for utterance in utterances:
        decision = model.decide(model.score_all(utterance.stretches))
        ratios[utterance.label].append(decision.log_likelihood_ratios["high"])
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


def test_gather_scores_wholes_and_pieces() -> None:
    """An utterance of 120 frames gives its own scores and those of three pieces of 30, two of 50 and one of 100."""
    (evidence,) = gather(BEFORE, held_out(1, seed=1, n_frames=120)[:1])

    assert (evidence.label, evidence.speaker, evidence.whole.n_speech.tolist()) == ("high", "high-0", [120])
    assert [piece.n_speech.tolist() for piece in evidence.pieces] == [[30], [30], [30], [50], [50], [100]]


def test_utterances_without_speech_are_ignored() -> None:
    """What holds no speech is no evidence."""
    silent = HeldOut(label="low", speaker="mute", stretches=((Stretch(np.empty((0, 1), np.float32), 200),),))
    nothing = HeldOut(label="low", speaker="absent", stretches=())

    evidence = gather(BEFORE, [silent, *held_out(1, seed=2), nothing])

    assert [each.speaker for each in evidence] == ["high-0", "low-0"]


def test_calibration_on_held_out_speakers_is_sane() -> None:
    """The evidence is trusted less than frames in sum, no class is favoured, and new speakers gain by it."""
    model = calibrate(BEFORE, gather(BEFORE, held_out(40, seed=3)))

    others = held_out(40, seed=4)
    trusting = replace(BEFORE, calibration=Calibration(scales=(1e5,), half_weight_frames=1e5, offsets=(0.0, 0.0)))
    assert 0.5 < model.calibration.scales[0] < 10
    assert 0.0 <= model.calibration.half_weight_frames < 100
    assert model.calibration.offsets == pytest.approx((0.0, 0.0), abs=0.5)
    assert cost(model, others) < 0.75
    assert cost(model, others) < cost(trusting, others)
    assert model.decide(model.score_all(others[0].stretches)).decided


def test_the_mixtures_stay_as_they_are() -> None:
    """Calibration sets the calibration and the least likelihood and nothing else."""
    evidence = gather(BEFORE, held_out(2, seed=5))

    model = calibrate(BEFORE, evidence)

    best = [each.whole.log_likelihoods.max() / each.whole.n_speech[0] for each in evidence]
    assert model.min_likelihood == pytest.approx(min_likelihood(best, 1))
    assert model.streams is BEFORE.streams
    assert (model.labels, model.priors, model.decision) == (BEFORE.labels, BEFORE.priors, BEFORE.decision)


def test_a_talkative_speaker_counts_once() -> None:
    """All utterances of one speaker five times over: the calibration stays."""
    utterances = held_out(6, seed=6)
    once = calibrate(BEFORE, gather(BEFORE, utterances)).calibration

    again = calibrate(BEFORE, gather(BEFORE, [*utterances, *[utterances[0]] * 4])).calibration

    assert (*again.scales, again.half_weight_frames, *again.offsets) == pytest.approx(
        (*once.scales, once.half_weight_frames, *once.offsets), rel=1e-3
    )


def test_more_speakers_may_be_surer() -> None:
    """The same utterances as of many speakers give a higher scale than as of one a class."""
    utterances = held_out(10, seed=7)
    as_one = [replace(each, speaker=each.label) for each in utterances]

    (many,), (one,) = (calibrate(BEFORE, gather(BEFORE, each)).calibration.scales for each in (utterances, as_one))

    assert many > 1.1 * one
