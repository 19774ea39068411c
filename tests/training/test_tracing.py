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


def test_losses_are_told_every_50_steps() -> None:
    """As the mean of these steps."""
    lines: list[str] = []
    monitor = traced_losses(lines.append)
    losses: list[float] = []
    for step in range(120):
        losses.append(1.0 if step < 50 else 0.25)
        monitor(losses)
    assert lines == [
        "MMI step 50: loss 1.0000, mean of 50 steps",
        "MMI step 100: loss 0.2500, mean of 50 steps",
    ]


def test_a_training_is_traced_as_it_runs(voices: Path) -> None:
    """Each fit of each stream and fold, by class; the model is the same without a trace."""
    recipe = Recipe().with_settings(
        *("training.components=1", "em.max_iterations=1", "calibration.folds=2", "mmi.steps=50", "mmi.batch_size=2")
    )
    lines: list[str] = []

    def trained(run: Run) -> Training:
        return train(read_corpus(voices), run)

    traced = trained(Run(recipe=recipe, trace=lines.append))

    places = [re.split(r", iteration|, MMI", line)[0] for line in lines]
    for where in ("model", "fold 1", "fold 2"):
        for what in ("background, start 1", "class 'female'", "class 'male'"):
            assert f"{where}, stream 1, {what}" in places
    assert "model, stream 1, class 'male', iteration 1: log-likelihood" in "\n".join(lines)
    (loss,) = [line for line in lines if line.startswith("model, stream 1, MMI step 50: loss ")]
    assert loss.endswith(", mean of 50 steps")
    (fit,) = [stream.fits["male"] for stream in traced.fitted]
    (told,) = [line for line in lines if line.startswith("model, stream 1, class 'male', iteration 1: ")]
    assert f"log-likelihood {fit.log_likelihoods[1]:.4f} per frame" in told
    assert trained(Run(recipe=recipe)).held_out == traced.held_out
