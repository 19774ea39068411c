"""The numbers of the figures are those of the engine."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgmm.audio.samples import Samples
from speechgmm.errors import AudioError
from speechgmm.explanation import stills
from speechgmm.explanation.adaptation_chapter import adaptation_chapter
from speechgmm.explanation.application_chapter import application_chapter
from speechgmm.explanation.bound_chapter import bound_chapter
from speechgmm.explanation.chapters import CHAPTERS, OF_MATERIAL
from speechgmm.explanation.em_chapter import em_chapter
from speechgmm.explanation.hard_chapter import hard_chapter
from speechgmm.explanation.kmeans_chapter import kmeans_chapter
from speechgmm.explanation.material import Material, old_faithful
from speechgmm.explanation.optima_chapter import correlated_figure, sizes
from speechgmm.explanation.scene import Chapter, Figure, Step
from speechgmm.explanation.traced_fit import family_of, kmeans_start, options_of
from speechgmm.explanation.voices import heard, recorded_voice, shipped_model, synthetic_voice
from speechgmm.mixture import GaussianMixture, KMeans
from speechgmm.mixture.em import fit

MATERIAL = old_faithful()


def figure_of(chapter: Chapter, name: str) -> Figure:
    (found,) = [figure for figure in chapter.figures if figure.name == name]
    return found


def all_steps(figure: Figure) -> Iterator[Step]:
    for variant in figure.variants:
        yield from variant.steps


def small_material() -> Material:
    """Three groups of 20 frames: the chapters take less time than with Old Faithful."""
    rng = np.random.default_rng(0)
    frames = np.repeat([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0]], 20, axis=0) + rng.normal(size=(60, 2))
    return dataclasses.replace(MATERIAL, frames=frames, columns=("x", "y"), n_components=3)


def test_old_faithful_is_the_published_data_set() -> None:
    frames = MATERIAL.frames
    assert frames.shape == (272, 2)
    assert frames.mean(axis=0) == pytest.approx([3.487783, 70.89706], rel=1e-6)
    assert frames.std(axis=0, ddof=1) == pytest.approx([1.141371, 13.59497], rel=1e-6)
    assert np.asarray(np.corrcoef(frames.T))[0, 1] == pytest.approx(0.9008112, rel=1e-6)


def test_em_shows_the_trace_of_the_fit() -> None:
    """Likelihood, Q, entropy and parameters of the E-steps are those of a fit from the same start."""
    frames = MATERIAL.frames
    family = family_of(frames, "full")
    expected = fit(frames, kmeans_start(frames, 2, family), family=family, options=options_of())
    variant = figure_of(em_chapter(MATERIAL), "em-steps").variants[-1]
    steps = [step for step in variant.steps if step.label.startswith("E-step")]
    assert variant.name == "good start: k-means"
    assert [step.numbers["log-likelihood (nats per frame)"] for step in steps] == list(expected.log_likelihoods)
    assert [step.numbers["Q"] for step in steps] == [each.auxiliary for each in expected.iterations]
    assert [step.numbers["entropy H"] for step in steps] == [each.entropy for each in expected.iterations]
    assert steps[-1].numbers["w_1"] == expected.mixture.weights[0]


def test_em_ends_where_the_estimator_ends() -> None:
    estimator = GaussianMixture(2, random_state=0, variance_floor=1e-3, tol=1e-5).fit(MATERIAL.frames)
    last = figure_of(em_chapter(MATERIAL), "em-steps").variants[-1].steps[-1].numbers
    assert last["log-likelihood (nats per frame)"] == pytest.approx(estimator.score(MATERIAL.frames), abs=1e-5)
    assert sorted([last["w_1"], last["w_2"]]) == pytest.approx(sorted(estimator.weights_), abs=1e-3)


def test_the_bars_of_the_bound_add_up_and_never_fall() -> None:
    figure = figure_of(bound_chapter(MATERIAL), "bound-bars")
    for variant in figure.variants:
        bounds = [step.numbers["F"] for step in variant.steps]
        assert min(np.diff(bounds)) > -1e-12
        for step in variant.steps:
            numbers = step.numbers
            assert numbers["F"] + numbers["KL"] == pytest.approx(numbers["log-likelihood"], abs=1e-12)
            assert numbers["Q"] + numbers["H"] == pytest.approx(numbers["F"], abs=1e-12)
            assert numbers["KL"] >= -1e-12
            assert step.label.startswith("M") or numbers["KL"] == 0.0


def test_the_bound_touches_the_likelihood_in_its_curve() -> None:
    """After each E-step the current point is on both curves, and the bound is nowhere above the log-likelihood."""
    figure = figure_of(bound_chapter(MATERIAL), "bound-curve")
    (panel,) = figure.panels
    level = panel.marks[0]
    values = []
    for step in all_steps(figure):
        bound = step.marks[0][0]
        assert (bound.y <= level.y + 1e-9).all()  # type: ignore[union-attr]
        values.append(step.numbers["F at the mean"])
    assert min(np.diff(values)) > -1e-9


def test_k_means_ends_where_the_estimator_ends() -> None:
    scaled = (MATERIAL.frames - MATERIAL.frames.mean(axis=0)) / MATERIAL.frames.std(axis=0)
    expected = KMeans(2, n_init=5, random_state=0).fit(scaled).distortion_
    for variant in figure_of(kmeans_chapter(MATERIAL), "lloyd").variants:
        distortions = [step.numbers["distortion J"] for step in variant.steps]
        assert distortions[-1] == pytest.approx(expected, rel=1e-9)
        assert max(np.diff(distortions)) < 1e-12


def test_the_outlier_moves_a_mean_and_no_medoid() -> None:
    steps = list(all_steps(figure_of(kmeans_chapter(MATERIAL), "outlier")))
    means, medoids = (
        [step.numbers[f"{name}: first feature of the right centre"] for step in steps]
        for name in ("k-means", "k-medoids")
    )
    assert means[-1] == 26.0
    assert max(medoids) - min(medoids) < 0.1


def test_k_means_is_hard_em_in_every_step() -> None:
    chapter = hard_chapter(small_material())
    for step in all_steps(figure_of(chapter, "kmeans-hard")):
        assert step.numbers["J of k-means"] == pytest.approx(step.numbers["J from the likelihood of hard EM"], rel=1e-9)
        assert step.numbers["greatest difference of the centres"] < 1e-12
    limit = [
        step.numbers["greatest difference from the centres of k-means"]
        for step in all_steps(figure_of(chapter, "vanishing-variance"))
    ]
    assert limit[-1] < 0.05 * limit[0]


def test_criteria_are_those_of_the_estimator() -> None:
    frames = small_material().frames
    (size,) = [each for each in sizes(frames, np.arange(60), 3, "full") if each.n_components == 3]
    estimator = GaussianMixture(3, random_state=0, variance_floor=1e-3).fit(frames)
    assert size.aic == pytest.approx(estimator.aic(frames), rel=1e-2)
    assert size.bic == pytest.approx(estimator.bic(frames), rel=1e-2)
    assert size.held_out < size.run.fit.log_likelihoods[-1]


def test_the_running_decision_ends_at_that_of_the_model() -> None:
    model = shipped_model()
    decision = model.decide(heard(model, synthetic_voice()).scores)
    last = figure_of(application_chapter(MATERIAL), "utterance").variants[0].steps[-1].numbers
    assert last["log-likelihood ratio of female (nats)"] == pytest.approx(decision.score, rel=1e-6)
    assert last["probability of female"] == pytest.approx(decision.probability, rel=1e-6)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(32000), "sound.wav: no speech is found in its first 2 s"),
        (0.1 * np.random.default_rng(0).standard_normal(16000), "sound.wav: no speech is found in its first 1 s"),
        (np.full(200, 0.1), "sound.wav: it has 200 samples at 16,000 Hz, but a frame needs 1024"),
    ],
    ids=["silence", "noise", "short"],
)
def test_recordings_without_speech_are_refused(samples: Samples, message: str, tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    soundfile.write(file, samples, 16000)
    with pytest.raises(AudioError, match=message):
        heard(shipped_model(), recorded_voice(file, 16000))


def test_two_different_rows_have_an_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The curves over the number of components are one point then."""
    monkeypatch.setattr("speechgmm.explanation.optima_chapter.REPEATS", (1,))
    frames = np.array([[0.0, 1.0], [2.0, 3.0]])
    _, panel = correlated_figure(dataclasses.replace(MATERIAL, frames=frames)).panels
    assert panel.y.low < 0.0 < panel.y.high


def test_discriminative_training_lowers_its_loss() -> None:
    steps = list(all_steps(figure_of(adaptation_chapter(MATERIAL), "mmi")))
    losses = [step.numbers["loss L"] for step in steps]
    assert max(np.diff(losses)) < 0
    assert steps[-1].numbers["frames on the wrong side"] < steps[0].numbers["frames on the wrong side"]


@pytest.mark.parametrize("name", OF_MATERIAL)
def test_chapters_show_other_frames(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All marks and numbers of the chapters on the user's columns can be computed, and drawn."""
    pytest.importorskip("matplotlib")
    for constant, smaller in (("N_STARTS", 2), ("REPEATS", (1, 4)), ("LARGEST", 3)):
        monkeypatch.setattr(f"speechgmm.explanation.optima_chapter.{constant}", smaller)
    for figure in CHAPTERS[name](small_material()).figures:
        for step in all_steps(figure):
            assert len(step.marks) == len(figure.panels)
            assert all(math.isfinite(value) for value in step.numbers.values())
        _, last = list(stills.states(figure))[-1]
        assert b"<svg" in stills.still(figure, last, "svg")
