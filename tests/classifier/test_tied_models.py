"""Models of tied sub-models: scores and decisions by hand, one component in one dimension, and the model file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.model import Model
from speechgmm.classifier.model_file import load, save
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer, Scores, Stream
from speechgmm.errors import ModelFileError, OptionError
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.tied import SHARPNESS, TiedModels
from tests.builders import unit_gaussian

Arrays = dict[str, npt.NDArray[Any]]

BACKGROUND = unit_gaussian(1.0)


def stream_of(window_s: float, *lines: tuple[float, float]) -> Stream:
    """A stream of one number, whose sub-models score a frame x with c + a (x - 1)."""
    coefficients = np.array(lines)[:, np.newaxis]
    return Stream(
        front_end=FrontEndOptions(window_s=window_s, n_coefficients=1, cepstral_mean="none"),
        reference_mean=np.zeros(1),
        tied=TiedModels(BACKGROUND, coefficients),
    )


def without_rejection(stream: Stream) -> Stream:
    """The stream without its last sub-model."""
    assert stream.tied is not None
    return replace(stream, tied=TiedModels(stream.tied.background, stream.tied.coefficients[:-1]))


# Usual voices of "low" and "high", then raised ones, then speech against non-speech.
FIRST = stream_of(0.025, (0.0, -0.25), (0.0, 0.25), (-0.5, 0.5), (-0.5, 1.0), (0.5, -0.5))
SECOND = stream_of(0.064, (0.125, 0.0), (-0.125, 0.0), (0.0, 0.0), (0.25, 0.0), (0.25, -1.0))
MODEL = Model(
    labels=("low", "high"),
    streams=(FIRST, SECOND),
    submodels=(0, 1, 0, 1),
    tied_rejection=True,
    calibration=Calibration(scales=(4.0, 2.0), half_weight_frames=100.0, offsets=(0.25, -0.25)),
    priors=(0.5, 0.5),
    min_speech_ratio=-1.0,
)


def steady(value: float, n_frames: int) -> Stretch:
    return Stretch(np.full((n_frames, 1), value, dtype=np.float32), n_frames + 5)


def soft_maximum(*scores: float) -> float:
    return math.log(sum(math.exp(SHARPNESS * score) for score in scores)) / SHARPNESS


def test_scores_by_hand() -> None:
    """Sums of c + a (x - 1) for each sub-model; the last one is the ratio of speech to non-speech of its stream."""
    scores = MODEL.score([steady(3.0, 10), steady(2.0, 4)])

    assert (scores.n_frames, scores.n_speech.tolist()) == (15, [10, 4])
    expected = [[-5.0, 5.0, 5.0, 15.0], [0.5, -0.5, 0.0, 1.0]]
    np.testing.assert_allclose(scores.log_likelihoods, expected, rtol=1e-5)
    np.testing.assert_allclose(scores.speech_ratios, [-5.0, -3.0], rtol=1e-5)
    assert scores.mean_speech_ratio == pytest.approx(-0.5 - 0.75, rel=1e-5)


def test_frame_scores_sum_to_the_scores() -> None:
    """The last sub-model is not one of a class."""
    values = np.array([3.0, -1.0, 0.5], dtype=np.float32)[:, np.newaxis]
    for stream in (0, 1):
        frames = MODEL.frame_scores(stream, values)
        whole = MODEL.score([Stretch(values, 3)] * 2)
        assert frames.log_likelihoods.shape == (3, 4)
        np.testing.assert_allclose(frames.log_likelihoods.sum(axis=0), whole.log_likelihoods[stream], rtol=1e-5)


def test_without_rejection_all_submodels_are_those_of_classes() -> None:
    """The ratio of speech to non-speech is 0, and there is none for single frames."""
    scorer = Scorer(
        labels=MODEL.labels, streams=tuple(map(without_rejection, MODEL.streams)), submodels=MODEL.submodels
    )
    stretches = [steady(3.0, 10), steady(2.0, 4)]

    scores = scorer.score(stretches)

    assert not scorer.rejects
    np.testing.assert_allclose(scores.log_likelihoods, MODEL.score(stretches).log_likelihoods, rtol=1e-6)
    assert scores.speech_ratios.tolist() == [0.0, 0.0]
    frames = scorer.frame_scores(0, stretches[0].frames)
    assert frames.speech_ratios is None
    assert frames.log_likelihoods.shape == (10, 4)


def test_the_scores_of_nothing_have_a_column_for_each_submodel() -> None:
    """They can be added to others."""
    nothing = MODEL.score_all([])
    stretches = [steady(3.0, 10), steady(2.0, 4)]
    assert nothing.log_likelihoods.shape == (2, 4)
    assert nothing.mean_speech_ratio == 0.0
    total = nothing + MODEL.score(stretches)
    np.testing.assert_array_equal(total.log_likelihoods, MODEL.score(stretches).log_likelihoods)
    np.testing.assert_array_equal(total.speech_ratios, MODEL.score(stretches).speech_ratios)


def test_a_class_scores_as_the_soft_maximum_of_its_submodels() -> None:
    """By hand, for arrays of any shape; the likelier sub-model prevails, and equal ones add log 2 / sharpness."""
    scores = np.array([[0.1, 0.2, 0.15, -3.0], [1.0, 0.0, 1.0, 0.3]])
    expected = np.array([[soft_maximum(0.1, 0.15), soft_maximum(0.2, -3.0)], [1.0 + math.log(2) / 10, 0.304859]])

    np.testing.assert_allclose(MODEL.class_scores(scores), expected, atol=1e-6)

    np.testing.assert_allclose(MODEL.class_scores(scores[:, np.newaxis]), expected[:, np.newaxis], atol=1e-6)
    assert np.isfinite(MODEL.class_scores(np.full((1, 4), 1e5))).all()


def test_class_mixtures_and_single_submodels_score_as_they_are() -> None:
    """One sub-model per class is its class; with class mixtures there are no sub-models."""
    scores = np.array([[0.25, -1.5]])
    single = Scorer(labels=("low", "high"), streams=(stream_of(0.025, (0.0, 1.0), (0.0, 2.0)),), submodels=(1, 0))
    np.testing.assert_allclose(single.class_scores(scores), scores[:, ::-1])
    mixtures = Stream(front_end=FIRST.front_end, reference_mean=np.zeros(1), mixtures=(BACKGROUND, unit_gaussian(0.0)))
    assert Scorer(labels=("low", "high"), streams=(mixtures,)).class_scores(scores) is scores


def test_decision_by_hand() -> None:
    """The class scores of both streams, weighted by their scales and the length, and the offsets."""
    decision = MODEL.decide(MODEL.score([steady(1.5, 100), steady(1.0, 100)]))

    low = 4.0 * soft_maximum(-0.125, -0.25) + 2.0 * soft_maximum(0.125, 0.0)
    high = 4.0 * soft_maximum(0.125, 0.0) + 2.0 * soft_maximum(-0.125, 0.25)
    ratio = 0.5 * (high - low) - 0.5
    assert decision.log_likelihood_ratios["high"] == pytest.approx(ratio, rel=1e-4)
    assert decision.label == ("high" if ratio > 0 else "low")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((2.0, 2.0), ""),  # (0.5 - 0.5) + (0.25 - 1.0)
        ((2.5, 2.0), ""),  # just at the threshold of -1
        ((2.6, 2.0), "does not sound like speech"),
        ((2.0, 2.3), "does not sound like speech"),
        ((0.0, 2.3), ""),
    ],
)
def test_the_ratios_of_all_streams_reject(values: tuple[float, float], reason: str) -> None:
    """Their sum of means is compared with the threshold, whatever the numbers of frames."""
    decision = MODEL.decide(MODEL.score([steady(values[0], 40), steady(values[1], 80)]))
    assert decision.reason == reason


@pytest.mark.parametrize("silent", [0, 1])
def test_rejection_needs_speech_in_every_stream(silent: int) -> None:
    """Without rejection the first stream suffices."""
    n_frames = [40, 40]
    n_frames[silent] = 0
    stretches = [steady(1.0, n) for n in n_frames]
    accepting = replace(
        MODEL, streams=tuple(map(without_rejection, MODEL.streams)), tied_rejection=False, min_speech_ratio=None
    )

    assert MODEL.decide(MODEL.score(stretches)).reason == "no speech"
    assert accepting.decide(accepting.score(stretches)).decided == (silent == 1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"submodels": (0, 0, 0, 0)},
            "the sub-models are of the classes (0, 0, 0, 0), but each class needs one or more",
        ),
        (
            {"submodels": (0, 1, 2, 1)},
            "the sub-models are of the classes (0, 1, 2, 1), but each class needs one or more",
        ),
        ({"submodels": (0, 1, 1)}, "a model needs at least one stream, and in each 4 tied sub-models"),
        ({"tied_rejection": False}, "a model needs at least one stream, and in each 4 tied sub-models"),
        ({"streams": ()}, "a model needs at least one stream, and in each 5 tied sub-models"),
        (
            {"streams": (FIRST, without_rejection(SECOND))},
            "a model needs at least one stream, and in each 5 tied sub-models",
        ),
        (
            {"streams": (FIRST, replace(SECOND, tied=None, mixtures=(BACKGROUND, BACKGROUND)))},
            "a model needs at least one stream, and in each 5 tied sub-models",
        ),
        ({"submodels": ()}, "a model needs at least one stream, and in each one mixture per class"),
        (
            {
                "nonspeech": NonSpeechModel(stream=0, mixture=BACKGROUND),
                "tied_rejection": False,
                "streams": (without_rejection(FIRST), without_rejection(SECOND)),
            },
            "a model with tied sub-models rejects by one of them, not by a non-speech mixture alone",
        ),
        ({"min_speech_ratio": None}, "a model needs min_speech_ratio if it rejects non-speech, and only then"),
        (
            {"labels": ("a", "b", "c")},
            "the sub-models are of the classes (0, 1, 0, 1), but each class needs one or more",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], text: str) -> None:
    """Of a model with tied sub-models."""
    with pytest.raises(OptionError) as caught:
        replace(MODEL, **changes)
    assert str(caught.value) == text


@pytest.mark.parametrize("changes", [{"tied": None}, {"mixtures": (BACKGROUND, BACKGROUND)}])
def test_a_stream_has_either_mixtures_or_submodels(changes: dict[str, Any]) -> None:
    """Neither none nor both."""
    with pytest.raises(OptionError, match=r"^a stream needs either mixtures or tied sub-models$"):
        replace(FIRST, **changes)


def test_the_background_has_the_dimensions_of_the_front_end() -> None:
    """As class mixtures have."""
    with pytest.raises(OptionError, match=r"^the mixtures must have the front end's 2 dimensions$"):
        replace(FIRST, front_end=replace(FIRST.front_end, n_coefficients=2), reference_mean=np.zeros(2))


# The model file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A valid model file."""
    save(MODEL, tmp_path / "model.npz")
    return tmp_path / "model.npz"


def arrays_of(file: Path) -> Arrays:
    with np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def save_arrays(file: Path, arrays: Arrays) -> None:
    members: dict[str, Any] = {**arrays}  # `Any`: numpy annotates `allow_pickle` among the names
    np.savez(file, **members)


def change_header(file: Path, **changes: Any) -> None:
    arrays = arrays_of(file)
    header = {**json.loads(arrays["header"].tobytes()), **changes}
    save_arrays(file, {**arrays, "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)})


def damage(file: Path) -> str:
    """The reason in the error of loading a file that is not a valid model."""
    with pytest.raises(ModelFileError) as caught:
        load(file)
    text = str(caught.value)
    assert text.startswith(f"{file}: not a speechgmm model, or damaged: ")
    assert text.endswith("; give a complete file written by speechgmm train")
    return text


def test_a_mixture_of_nonspeech_is_for_single_frames(tmp_path: Path) -> None:
    """The ratio of a frame is that of the background mixture to it, in its stream only; utterances keep theirs."""
    sounds = DiagonalMixture(np.array([1.0]), np.array([[2.0]]), np.array([[3.0]]))
    save(replace(MODEL, nonspeech=NonSpeechModel(stream=1, mixture=sounds)), tmp_path / "model.npz")
    model = load(tmp_path / "model.npz")
    frames = np.array([[-2.0], [0.5], [4.0]])

    other, rejecting = model.frame_scores(0, frames), model.frame_scores(1, frames)

    background = model.streams[1].all_mixtures[0]
    assert other.speech_ratios is None
    assert rejecting.speech_ratios == pytest.approx(
        background.log_likelihoods(frames) - sounds.log_likelihoods(frames), abs=1e-6
    )
    np.testing.assert_array_equal(rejecting.log_likelihoods, MODEL.frame_scores(1, frames).log_likelihoods)
    stretches = [steady(1.25, 40), steady(0.5, 60)]
    np.testing.assert_array_equal(model.score(stretches).speech_ratios, MODEL.score(stretches).speech_ratios)


def test_only_the_frames_that_are_wanted_are_scored() -> None:
    """The others have log-likelihoods of 0."""
    frames = np.array([[-2.0], [0.5], [4.0]])
    whole = MODEL.frame_scores(0, frames).log_likelihoods
    some = MODEL.frame_scores(0, frames, np.array([True, False, True])).log_likelihoods
    np.testing.assert_allclose(some, whole * [[1.0], [0.0], [1.0]], rtol=1e-6)


def test_a_model_is_loaded_as_saved(file: Path, tmp_path: Path) -> None:
    """With background, coefficients and rejection; the loaded model scores the same and saves the same bytes."""
    loaded = load(file)

    assert (loaded.submodels, loaded.tied_rejection, loaded.nonspeech) == (MODEL.submodels, True, None)
    assert (loaded.min_speech_ratio, loaded.min_likelihood) == (-1.0, None)
    stretches = [steady(1.25, 40), steady(0.5, 60)]
    found, expected = loaded.score(stretches), MODEL.score(stretches)
    np.testing.assert_array_equal(found.log_likelihoods, expected.log_likelihoods)
    np.testing.assert_array_equal(found.speech_ratios, expected.speech_ratios)
    assert loaded.decide(found) == MODEL.decide(expected)
    save(loaded, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()
    arrays = {name: array for name, array in arrays_of(file).items() if not name.startswith("mel_")}
    assert {name: array.shape for name, array in arrays.items() if name.endswith("_0") or "background" in name} == {
        "reference_mean_0": (1,),
        "coefficients_0": (5, 1, 2),
        **{
            f"{name}_{number}_background": shape
            for number in (0, 1)
            for name, shape in {"weights": (1,), "means": (1, 1), "variances": (1, 1)}.items()
        },
    }


def test_a_model_without_rejection_is_loaded_as_saved(tmp_path: Path) -> None:
    """It has no threshold."""
    streams = tuple(map(without_rejection, MODEL.streams))
    save(replace(MODEL, streams=streams, tied_rejection=False, min_speech_ratio=None), tmp_path / "model.npz")

    loaded = load(tmp_path / "model.npz")

    assert (loaded.submodels, loaded.tied_rejection, loaded.min_speech_ratio) == (MODEL.submodels, False, None)


@pytest.mark.parametrize("name", ["coefficients_1", "weights_0_background", "means_1_background"])
def test_a_missing_array_is_named(file: Path, name: str) -> None:
    """Of the sub-models and of the background mixture."""
    save_arrays(file, {own: array for own, array in arrays_of(file).items() if own != name})
    assert f"'{name}' is missing" in damage(file)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda array: array[:, :, :1], "need coefficients (H, 1, 2) with H at least 1, not (5, 1, 1)"),
        (lambda array: array[:, 0], "need coefficients (H, 1, 2) with H at least 1, not (5, 2)"),
        (lambda array: array[:0], "need coefficients (H, 1, 2) with H at least 1, not (0, 1, 2)"),
        (lambda array: array[:4], "a model needs at least one stream, and in each 5 tied sub-models"),
        (lambda array: array * np.float32(np.nan), "the coefficients of tied sub-models must be finite numbers"),
        (lambda array: array + np.float32(np.inf), "the coefficients of tied sub-models must be finite numbers"),
        (lambda array: array * np.float32(1e20), "'coefficients_0' holds "),
        (lambda array: array * np.float32(1e-44), "'coefficients_0' holds "),
        (lambda array: array.astype(np.float64), "'coefficients_0' is an array of <f8, but <f4 is expected"),
    ],
)
def test_wrong_coefficients_are_refused(
    file: Path, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], reason: str
) -> None:
    """Of another shape, number or type, not finite, or absurd."""
    arrays = arrays_of(file)
    save_arrays(file, {**arrays, "coefficients_0": change(arrays["coefficients_0"])})
    assert reason in damage(file)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"submodels": [0, 1]}, "a model needs at least one stream, and in each 3 tied sub-models"),
        ({"submodels": [0, 0, 0, 0]}, "but each class needs one or more"),
        ({"submodels": [0, 1, 0, 7]}, "but each class needs one or more"),
        ({"submodels": [0, 1, 0, 10**8]}, "but each class needs one or more"),
        ({"submodels": [0, 1, 0, 1.5]}, "its sub-models must be numbers of classes"),
        ({"submodels": ["0", "1"]}, "its sub-models must be numbers of classes"),
        ({"submodels": None}, "'NoneType' object is not iterable"),
        ({"submodels": []}, "'weights_0_0' is missing"),
        ({"rejection": None}, "a model needs at least one stream, and in each 4 tied sub-models"),
        ({"rejection": {}}, "'least_ratio' is missing"),
    ],
)
def test_wrong_headers_are_refused(file: Path, changes: dict[str, Any], reason: str) -> None:
    """Sub-models of no class or of too few, and rejection that does not fit them."""
    change_header(file, **changes)
    assert reason in damage(file)


def test_submodels_are_tied_to_gaussians_only(file: Path) -> None:
    """Another family has no tied sub-models."""
    streams = [
        {"family": "bernoulli", "front_end": {"n_coefficients": 1, "cepstral_mean": "none", "window_s": window_s}}
        for window_s in (0.025, 0.064)
    ]
    change_header(file, streams=streams)
    save_arrays(file, {**arrays_of(file), "probabilities_0_background": np.full((1, 1), 0.5, dtype=np.float32)})
    assert "its sub-models are tied to a mixture of the family 'bernoulli'" in damage(file)


def test_a_stream_without_speech_adds_no_ratio() -> None:
    """Its mean is 0, not undefined."""
    scores = Scores(
        n_frames=9, n_speech=np.array([4, 0]), log_likelihoods=np.zeros((2, 4)), speech_ratios=np.array([2.0, 0.0])
    )
    assert scores.mean_speech_ratio == 0.5
