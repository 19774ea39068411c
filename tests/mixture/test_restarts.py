"""EM from several starts: the best fit is kept, all log-likelihoods are reported, checkpoints resume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from speechgmm.errors import OptionError
from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Floats, Frames
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import START_METHODS, start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import fit_restarts
from speechgmm.mixture.shards import ShardedFrames, as_shards, shards_of

FEW = EMOptions(max_iterations=5, tolerance=0.0)


def rugged_frames() -> Floats:
    """Frames of many small clusters, so that a fit of a few components has many local optima."""
    rng = np.random.default_rng(7)
    centers: Floats = (20.0 * rng.normal(size=(12, 2)))[rng.integers(12, size=600)]
    return centers + rng.normal(size=(600, 2))


def begin(
    data: Frames | ShardedFrames,
    n_components: int,
    number: int,
    *,
    seed: int = 0,
    method: str = "kmeans",
    options: EMOptions = FEW,
) -> DiagonalMixture:
    """The initial mixture of `fit_restarts` for the start of this number."""
    shards = as_shards(data)
    family: Family[DiagonalMixture] = family_for("gaussian", shards, n_components, options=options)
    rng = np.random.default_rng([seed, number])
    return start(shards, n_components, family, rng, method=method, options=options)


def parameters(mixture: DiagonalMixture) -> Floats:
    return np.concatenate([mixture.weights, mixture.means.ravel(), mixture.variances.ravel()])


@pytest.mark.parametrize("method", START_METHODS)
def test_one_restart_is_a_start_and_a_fit(method: str) -> None:
    """With one start the result is bit-identical to that of `start` and `fit`, with weights and options."""
    frames = rugged_frames()
    frame_weights = np.random.default_rng(8).uniform(0.1, 1.0, size=len(frames))
    options = EMOptions(max_iterations=3, variance_floor=0.2)

    shards = shards_of(frames, frame_weights)
    expected = fit(shards, begin(shards, 5, 1, seed=4, method=method, options=options), options=options)
    result = fit_restarts(shards, 5, seed=4, method=method, options=options)

    np.testing.assert_array_equal(parameters(result.best.mixture), parameters(expected.mixture))
    assert result.log_likelihoods == (expected.log_likelihoods[-1],)
    assert result.spread == 0.0


def test_the_best_is_kept() -> None:
    """Of several fits that ended differently, the mixture is that of the highest log-likelihood, where it came from."""
    frames = rugged_frames()

    result = fit_restarts(frames, 8, seed=3, restarts=6, method="random", options=FEW)

    fits = [fit(frames, begin(frames, 8, n, seed=3, method="random"), options=FEW) for n in range(1, 7)]
    ends = tuple(fitted.log_likelihoods[-1] for fitted in fits)
    best = int(np.argmax(ends))
    assert 0 < best < 5, "the best must be neither the first nor the last for this test to be meaningful"
    assert result.log_likelihoods == ends
    np.testing.assert_array_equal(parameters(result.best.mixture), parameters(fits[best].mixture))
    assert result.spread == max(ends) - min(ends) > 0.01


def test_first_fits_do_not_depend_on_the_number_of_restarts() -> None:
    """The first fits are the same with more restarts, so more restarts are never worse."""
    frames = rugged_frames()
    few, more = (fit_restarts(frames, 8, seed=3, restarts=n, method="random", options=FEW) for n in (2, 4))
    assert more.log_likelihoods[:2] == few.log_likelihoods
    assert more.best.log_likelihoods[-1] >= few.best.log_likelihoods[-1]


def test_the_first_of_equal_fits_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """If fits end with the same log-likelihood, the first one is returned."""
    frames = rugged_frames()
    starts: list[DiagonalMixture] = []

    def fit_with_equal_end(frames: object, initial: DiagonalMixture, **_: object) -> Fit[DiagonalMixture]:
        starts.append(initial)
        return replace(ended, mixture=initial)

    ended = fit(frames, begin(frames, 2, 1), options=FEW)
    monkeypatch.setattr("speechgmm.mixture.restarts.fit", fit_with_equal_end)
    result = fit_restarts(frames, 2, restarts=3)
    assert result.best.mixture is starts[0]
    assert result.log_likelihoods == (ended.log_likelihoods[-1],) * 3


def test_no_restart_at_all_is_refused() -> None:
    """The error states the value and the expected range."""
    with pytest.raises(OptionError, match=r"^restarts is 0, but it must be 1 or more$"):
        fit_restarts(rugged_frames(), 2, restarts=0)


class MemoryCheckpoint(Checkpoint):
    """Stores every written state in memory."""

    def __init__(self, states: dict[str, list[Fit[Any]]], name: str = "") -> None:
        self.states, self.name = states, name

    def at(self, name: str) -> MemoryCheckpoint:
        return MemoryCheckpoint(self.states, f"{self.name}/{name}")

    def read(self) -> Fit[Any] | None:
        return self.states[self.name][-1] if self.states.get(self.name) else None

    def write(self, fit: Fit[Any]) -> None:
        self.states.setdefault(self.name, []).append(fit)


@pytest.mark.parametrize(("n_done", "n_updates"), [(0, 1), (1, 0), (1, 3), (2, 5)])
def test_restarts_resume_from_a_checkpoint(n_done: int, n_updates: int) -> None:
    """Interrupted in any fit, at any update, the result is the same; no update is repeated."""
    frames = rugged_frames()
    whole: dict[str, list[Fit[Any]]] = {}
    expected = fit_restarts(frames, 8, restarts=3, method="random", options=FEW, checkpoint=MemoryCheckpoint(whole))
    assert sorted(whole) == ["/start-1", "/start-2", "/start-3"]
    states = {f"/start-{n}": whole[f"/start-{n}"][:] for n in range(1, n_done + 1)}
    states[f"/start-{n_done + 1}"] = whole[f"/start-{n_done + 1}"][: n_updates + 1]
    n_before = sum(len(part) for part in states.values())
    n_left = sum(len(part) for part in whole.values()) - n_before
    again = fit_restarts(frames, 8, restarts=3, method="random", options=FEW, checkpoint=MemoryCheckpoint(states))
    np.testing.assert_array_equal(parameters(again.best.mixture), parameters(expected.best.mixture))
    assert again.log_likelihoods == expected.log_likelihoods
    assert sum(len(part) for part in states.values()) - n_before == n_left


def test_an_unknown_family_is_refused() -> None:
    """The error lists the families."""
    text = "^the family is 'poisson', but it must be one of gaussian, bernoulli$"
    with pytest.raises(OptionError, match=text):
        fit_restarts(rugged_frames(), 2, family="poisson")
