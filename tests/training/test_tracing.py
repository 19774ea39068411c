"""The trace of a training: each iteration of EM and the loss of MMI is told as it comes."""

from __future__ import annotations

import re
from pathlib import Path

from speechgmm.corpus import read_corpus
from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.mixture.em import Fit, Iteration
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.tracing import TracedCheckpoint, traced_losses
from speechgmm.training.train import Training, train
from tests.builders import unit_gaussian


def fit_of(*log_likelihoods: float) -> Fit[DiagonalMixture]:
    steps = [Iteration(log_likelihood=each, auxiliary=0.0, entropy=0.0, raised=0.0) for each in log_likelihoods]
    return Fit(mixture=unit_gaussian(0.0), iterations=tuple(steps))


class Saved(Checkpoint):
    """A checkpoint that keeps the names of its parts and the last fit."""

    def __init__(self, place: tuple[str, ...] = ()) -> None:
        self.place = place
        self.fits: list[Fit[DiagonalMixture]] = []

    def at(self, name: str) -> Saved:
        return Saved((*self.place, name))

    def read(self) -> Fit[DiagonalMixture] | None:
        return self.fits[-1] if self.fits else None

    def write(self, fit: Fit[DiagonalMixture]) -> None:
        self.fits.append(fit)


def test_iterations_are_told_and_saved() -> None:
    """The start has no change; each part is named; the inner checkpoint does its work."""
    lines: list[str] = []
    inner = Saved()
    traced = TracedCheckpoint(inner, lines.append)
    traced.write(fit_of(-3.0))
    traced.write(fit_of(-3.0, -2.75))
    traced.at("start-2").write(fit_of(-3.0, -2.75, -2.8))
    assert lines == [
        "iteration 0: log-likelihood -3.0000 per frame",
        "iteration 1: log-likelihood -2.7500 per frame, change +0.2500",
        "start 2, iteration 2: log-likelihood -2.8000 per frame, change -0.0500",
    ]
    assert traced.read() is inner.fits[-1]
    assert [fit.n_iterations for fit in inner.fits] == [0, 1]


def test_losses_are_told_by_iteration() -> None:
    """The first loss is that of the start."""
    lines: list[str] = []
    monitor = traced_losses(lines.append)
    monitor([0.75, 0.5])
    monitor([0.75, 0.5, 0.25])
    assert lines == ["MMI iteration 1: loss 0.5000", "MMI iteration 2: loss 0.2500"]


SMALL = Recipe().with_settings("training.components=1", "em.max_iterations=1", "calibration.folds=2")


def traced(recipe: Recipe, voices: Path) -> tuple[list[str], Training]:
    """The trace of a training, and the training, whose answers are those without a trace."""
    lines: list[str] = []
    training = train(read_corpus(voices), Run(recipe=recipe, trace=lines.append))
    assert train(read_corpus(voices), Run(recipe=recipe)).held_out == training.held_out
    return lines, training


def test_a_training_is_traced_as_it_runs(voices: Path) -> None:
    """Each fit of each stream and fold, by class; the model is the same without a trace."""
    lines, training = traced(SMALL, voices)

    places = [re.split(r", iteration", line)[0] for line in lines]
    for where in ("model", "fold 1", "fold 2"):
        for what in ("background, start 1", "class 'female'", "class 'male'"):
            assert f"{where}, stream 1, {what}" in places
    (fit,) = [stream.fits["male"] for stream in training.fitted]
    (told,) = [line for line in lines if line.startswith("model, stream 1, class 'male', iteration 1: ")]
    assert f"log-likelihood {fit.log_likelihoods[1]:.4f} per frame" in told


def test_discriminative_training_is_traced_as_it_runs(voices: Path) -> None:
    """One background mixture, and the losses of the model and of each fold."""
    lines, training = traced(SMALL.with_settings("mmi.iterations=2"), voices)

    backgrounds = {line.partition(", start 1, ")[0] for line in lines if "background" in line}
    assert backgrounds == {"model, stream 1, background"}
    places = [line.partition(": ")[0] for line in lines if "MMI" in line]
    assert places == [
        f"{where}, stream 1, MMI iteration {n}" for where in ("model", "fold 1", "fold 2") for n in (1, 2)
    ]
    (fitted,) = training.fitted
    assert f"model, stream 1, MMI iteration 2: loss {fitted.losses[-1]:.4f}" in lines
