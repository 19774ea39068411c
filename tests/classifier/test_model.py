"""The model: from scores to a decision, calculated by hand for one-dimensional mixtures."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer, Scores, Stream
from speechgmm.errors import OptionError
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from tests.builders import unit_gaussian

UNCHANGED = FrontEndOptions(n_coefficients=1, cepstral_mean="none")

STREAM = Stream(front_end=UNCHANGED, reference_mean=np.zeros(1), mixtures=(unit_gaussian(1.0), unit_gaussian(-1.0)))

TWO = Model(
    labels=("high", "low"),
    streams=(STREAM,),
    calibration=Calibration(scales=(4.0,), half_weight_frames=100.0, offsets=(0.25, -0.25)),
    min_likelihood=-5.0,
    priors=(0.5, 0.5),
)


def frames(*values: float, pauses: int = 0) -> Stretch:
    return Stretch(np.array(values, dtype=np.float32)[:, np.newaxis], len(values) + pauses)


def steady(value: float, n_frames: int) -> Stretch:
    return frames(*[value] * n_frames)


def decide(model: Model, *stretches: Stretch) -> Decision:
    return model.decide(model.score_all((stretch,) for stretch in stretches))


def test_scores_are_sums_of_log_likelihoods() -> None:
    """Log-likelihoods are summed over the speech frames per class. Pauses count only in `n_frames`."""
    scores = TWO.score([frames(0.0, 2.0, pauses=3)])

    constant = -0.5 * math.log(2 * math.pi)
    assert (scores.n_frames, scores.n_speech.tolist()) == (5, [2])
    np.testing.assert_allclose(scores.log_likelihoods, [[2 * constant - 0.5 - 0.5, 2 * constant - 0.5 - 4.5]])


def test_scores_add_up_stretch_by_stretch() -> None:
    """The scores of an utterance are the sum of those of its stretches, and zero without stretches."""
    first, second = frames(0.0, 2.0, pauses=1), frames(-1.0, 0.5, 0.25)

    total = TWO.score_all([[first], [second]])

    assert (total.n_frames, total.n_speech.tolist()) == (6, [5])
    np.testing.assert_allclose(
        total.log_likelihoods, TWO.score([first]).log_likelihoods + TWO.score([second]).log_likelihoods
    )
    zero = TWO.score_all([])
    assert (zero.n_frames, zero.n_speech.tolist(), zero.log_likelihoods.tolist()) == (0, [0], [[0.0, 0.0]])


def test_each_stretch_is_moved_to_the_reference_mean() -> None:
    """Frames are mean-normalised with the reference mean of the stream before they are scored."""
    moved = replace(STREAM, front_end=replace(UNCHANGED, cepstral_mean="utterance"), reference_mean=np.array([0.5]))
    model = replace(TWO, streams=(moved,))

    np.testing.assert_allclose(
        model.score([frames(11.0, 13.0)]).log_likelihoods, TWO.score([frames(-0.5, 1.5)]).log_likelihoods, rtol=1e-5
    )


def test_decision_by_hand() -> None:
    """100 frames at 0.5: the means differ by 1, the weight is half of the scale 4, the offsets add 0.5."""
    decision = decide(TWO, steady(0.5, 100))

    posterior = 1 / (1 + math.exp(-2.5))
    assert (decision.label, decision.reason, decision.decided) == ("high", "", True)
    assert decision.score == pytest.approx(2.5)
    assert decision.probability == pytest.approx(posterior)
    assert decision.speech_s == pytest.approx(1.0)
    assert decision.probabilities == pytest.approx({"high": posterior, "low": 1 - posterior})
    assert decision.log_likelihood_ratios == pytest.approx({"high": 2.5, "low": -2.5})


def test_longer_speech_weighs_more() -> None:
    """With 300 frames the weight is three quarters of the scale."""
    assert decide(TWO, steady(0.5, 300)).score == pytest.approx(3.5)


def test_priors_move_the_probability_and_not_the_score() -> None:
    """Posterior odds are prior odds times the likelihood ratio. The score does not depend on the priors."""
    decision = decide(TWO.with_priors({"low": 0.8, "high": 0.2}), steady(0.5, 100))

    assert decision.label == "high"
    assert decision.probability == pytest.approx(1 / (1 + 4 * math.exp(-2.5)))
    assert decision.score == pytest.approx(2.5)


def test_priors_can_change_the_label() -> None:
    """The label is the class of highest posterior probability, even if its score is negative."""
    decision = decide(TWO.with_priors({"high": 0.01, "low": 0.99}), steady(0.5, 100))

    assert decision.label == "low"
    assert decision.probability == pytest.approx(1 / (1 + math.exp(2.5) / 99))
    assert decision.score == pytest.approx(-2.5)


@pytest.mark.parametrize(
    ("priors", "text"),
    [
        (
            {"high": 0.5, "middle": 0.5},
            "the priors are for high, middle, expected one for each of high, low",
        ),
        ({"high": 1.0}, "the prior of high is 1.0, but it must be in (0, 1): low has the rest"),
        ({"middle": 0.5}, "the priors are for middle, expected one for each of high, low"),
        ({"high": "0.9"}, "priors is {'high': '0.9'}, but it must be a mapping of each class to its probability"),
        ({"high": 0.7, "low": 0.2}, "the priors are 0.7, 0.2, but they must be positive and sum to 1"),
        ({"high": 1.5, "low": -0.5}, "the priors are 1.5, -0.5, but they must be positive and sum to 1"),
        ({"high": math.nan, "low": 0.5}, "the priors are nan, 0.5, but they must be positive and sum to 1"),
    ],
)
def test_wrong_priors_are_refused(priors: dict[str, float], text: str) -> None:
    """Priors must be probabilities of the model's classes."""
    with pytest.raises(OptionError) as caught:
        TWO.with_priors(priors)

    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("stretches", "speech_s", "reason"),
    [
        ([], 0.0, "no speech"),
        ([frames(pauses=500)], 0.0, "no speech"),
        ([steady(0.5, 29)], 0.29, "too little speech: less than 0.3 s"),
        ([steady(9.0, 100)], 1.0, "does not sound like the voices the model was trained on"),
    ],
)
def test_reasons_for_unknown(stretches: list[Stretch], speech_s: float, reason: str) -> None:
    """If the model abstains, the decision has a reason and no numbers."""
    decision = decide(TWO, *stretches)

    assert (decision.label, decision.reason, decision.decided) == (UNKNOWN, reason, False)
    assert decision.speech_s == pytest.approx(speech_s)
    assert math.isnan(decision.probability)
    assert math.isnan(decision.score)
    assert (decision.probabilities, decision.log_likelihood_ratios) == ({}, {})


def test_values_at_the_thresholds_are_accepted() -> None:
    """Exactly the minimum of speech gives a label, and so does just more than the minimum likelihood."""
    mean_at_two = -0.5 * math.log(2 * math.pi) - 0.5
    model = replace(TWO, min_likelihood=mean_at_two - 1e-9)

    assert decide(model, steady(2.0, 30)).label == "high"
    assert decide(replace(model, min_likelihood=mean_at_two + 1e-9), steady(2.0, 30)).label == UNKNOWN


def test_minimum_speech_is_an_option() -> None:
    """`min_speech_s` is the threshold, and the reason gives it."""
    model = replace(TWO, decision=DecisionOptions(min_speech_s=2.5))

    assert decide(model, steady(0.5, 249)).reason == "too little speech: less than 2.5 s"
    assert decide(model, steady(0.5, 250)).decided
    assert decide(replace(TWO, decision=DecisionOptions(min_speech_s=0.0)), steady(0.5, 1)).decided


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_minimum_speech_out_of_range_is_refused(value: float) -> None:
    """The minimum of speech must be finite and not negative."""
    with pytest.raises(OptionError, match=rf"^min_speech_s is {value}, but it must be 0 or more seconds$"):
        DecisionOptions(min_speech_s=value)


def test_three_classes_by_hand() -> None:
    """Posteriors are a softmax. The ratio of a class is to the mean likelihood of the others."""
    model = Model(
        labels=("low", "middle", "high"),
        streams=(replace(STREAM, mixtures=(unit_gaussian(-2.0), unit_gaussian(0.0), unit_gaussian(2.0))),),
        calibration=Calibration(scales=(1.0,), half_weight_frames=0.0, offsets=(0.0, 0.0, 0.0)),
        priors=(1 / 3, 1 / 3, 1 / 3),
    )

    decision = decide(model, steady(1.5, 100))

    low, middle, high = math.exp(-6.125), math.exp(-1.125), math.exp(-0.125)
    assert decision.label == "high"
    assert decision.probability == pytest.approx(high / (low + middle + high))
    assert decision.score == pytest.approx(math.log(high / ((low + middle) / 2)))
    assert decision.log_likelihood_ratios["low"] == pytest.approx(math.log(low / ((middle + high) / 2)))
    assert sum(decision.probabilities.values()) == pytest.approx(1.0)


def test_without_a_minimum_likelihood_all_speech_gets_a_label() -> None:
    """Without `min_likelihood`, frames far from all components get a label."""
    assert decide(replace(TWO, min_likelihood=None), steady(1000.0, 100)).label == "high"


def test_a_scorer_does_not_decide() -> None:
    """A scorer gives the same scores as the calibrated model, and no decision."""
    scorer = Scorer(labels=TWO.labels, streams=TWO.streams)
    assert not hasattr(scorer, "decide")
    np.testing.assert_array_equal(
        scorer.score([steady(0.5, 9)]).log_likelihoods, TWO.score([steady(0.5, 9)]).log_likelihoods
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": ("high",)}, "a model needs two or more different classes, none of them 'unknown', not high"),
        ({"labels": ()}, "a model needs two or more different classes, none of them 'unknown', not none"),
        ({"labels": ("a", "a")}, "a model needs two or more different classes, none of them 'unknown', not a, a"),
        (
            {"labels": ("a", "unknown")},
            "a model needs two or more different classes, none of them 'unknown', not a, unknown",
        ),
        (
            {"streams": (replace(STREAM, mixtures=(unit_gaussian(0.0),)),)},
            "a model needs at least one stream, and in each one mixture per class",
        ),
        ({"priors": (0.2, 0.3, 0.5)}, "a model needs one prior and one calibration offset for each class"),
        (
            {"calibration": Calibration(scales=(1.0,), half_weight_frames=1.0, offsets=(0.0,))},
            "a model needs one prior and one calibration offset for each class",
        ),
        ({"streams": ()}, "a model needs at least one stream, and in each one mixture per class"),
        ({"streams": (STREAM, STREAM)}, "a model needs one calibration scale for each stream"),
        (
            {"calibration": Calibration(scales=(1.0, 2.0), half_weight_frames=1.0, offsets=(0.0, 0.0))},
            "a model needs one calibration scale for each stream",
        ),
        ({"min_likelihood": -math.inf}, "min_likelihood is -inf, but it must be a finite number"),
        ({"min_speech_ratio": 0.0}, "a model needs min_speech_ratio if it rejects non-speech, and only then"),
        (
            {"nonspeech": NonSpeechModel(stream=0, mixture=unit_gaussian(0.0))},
            "a model needs min_speech_ratio if it rejects non-speech, and only then",
        ),
        (
            {"nonspeech": NonSpeechModel(stream=0, mixture=unit_gaussian(0.0)), "min_speech_ratio": math.nan},
            "min_speech_ratio is nan, but it must be a finite number",
        ),
        (
            {"nonspeech": NonSpeechModel(stream=1, mixture=unit_gaussian(0.0)), "min_speech_ratio": 0.0},
            "the non-speech model's stream is 1, but the model has 1 streams",
        ),
        (
            {"tied_rejection": True, "min_speech_ratio": 0.0},
            "a model without tied sub-models rejects by a non-speech mixture, not by one of them",
        ),
        ({"priors": (0.4, 0.7)}, "the priors are 0.4, 0.7, but they must be positive and sum to 1"),
        ({"priors": (1.0, 0.0)}, "the priors are 1.0, 0.0, but they must be positive and sum to 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], text: str) -> None:
    """A model with inconsistent parts is an error."""
    with pytest.raises(OptionError) as caught:
        replace(TWO, **changes)

    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"front_end": FrontEndOptions(n_coefficients=7), "reference_mean": np.zeros(7)},
            "the mixtures must have the front end's 7 dimensions",
        ),
        ({"reference_mean": np.zeros(3)}, "reference_mean must be 1 finite numbers"),
        ({"reference_mean": np.array([math.nan])}, "reference_mean must be 1 finite numbers"),
    ],
)
def test_parts_of_a_stream_that_do_not_fit_are_refused(changes: dict[str, Any], text: str) -> None:
    """The mixtures and the reference mean of a stream must have the dimensions of its front end."""
    with pytest.raises(OptionError) as caught:
        replace(STREAM, **changes)

    assert str(caught.value) == text


def test_scores_of_no_frames_are_neutral() -> None:
    """Adding the scores of no frames changes nothing."""
    scores = TWO.score([frames(0.5, 1.0)])

    nothing = Scores(
        n_frames=0,
        n_speech=np.zeros(1, dtype=np.int64),
        log_likelihoods=np.zeros((1, 2)),
        speech_ratios=np.zeros(1),
    )
    total = scores + nothing

    assert (total.n_frames, total.n_speech.tolist()) == (2, [2])
    np.testing.assert_array_equal(total.log_likelihoods, scores.log_likelihoods)
