"""Several starts: the best is kept, all are told, and one is as if there were no choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechgmm.errors import OptionError
from speechgmm.mixture.em import EMOptions, fit
from speechgmm.mixture.initialisation import START_METHODS, start
from speechgmm.mixture.restarts import fit_restarts

FEW = EMOptions(max_iterations=5, tolerance=0.0)


def rugged_frames():
    """Many small clusters: there are many local optima for a few components."""
    rng = np.random.default_rng(7)
    return (20.0 * rng.normal(size=(12, 2)))[rng.integers(12, size=600)] + rng.normal(size=(600, 2))


def parameters(mixture):
    return np.concatenate([mixture.weights, mixture.means.ravel(), mixture.variances.ravel()])


@pytest.mark.parametrize("method", START_METHODS)
def test_one_restart_is_a_start_and_a_fit(method):
    """With one start the result is that of `start` and `fit`, bit for bit, weights and options included."""
    frames = rugged_frames()
    frame_weights = np.random.default_rng(8).uniform(0.1, 1.0, size=len(frames))
    options = EMOptions(max_iterations=3, variance_floor=0.2)

    beginning = start(frames, 5, np.random.default_rng(1), method=method, frame_weights=frame_weights, options=options)
    expected = fit(frames, beginning, frame_weights=frame_weights, options=options)
    found = fit_restarts(
        frames, 5, np.random.default_rng(1), method=method, frame_weights=frame_weights, options=options
    )

    np.testing.assert_array_equal(parameters(found.best.mixture), parameters(expected.mixture))
    assert found.log_likelihoods == (expected.log_likelihoods[-1],)
    assert found.spread == 0.0


def test_the_best_is_kept():
    """Of several fits that ended differently, the mixture is that of the highest log-likelihood, where it came from."""
    frames = rugged_frames()

    found = fit_restarts(frames, 8, np.random.default_rng(3), restarts=6, method="random", options=FEW)

    rng = np.random.default_rng(3)
    fits = [fit(frames, start(frames, 8, rng, method="random"), options=FEW) for _ in range(6)]
    ends = tuple(each.log_likelihoods[-1] for each in fits)
    best = int(np.argmax(ends))
    assert 0 < best < 5, "the best should be neither the first nor the last for this test to tell"
    assert found.log_likelihoods == ends
    np.testing.assert_array_equal(parameters(found.best.mixture), parameters(fits[best].mixture))
    assert found.spread == max(ends) - min(ends) > 0.01


def test_more_restarts_begin_with_the_same():
    """The first fits do not depend on how many follow, so more of them are never worse."""
    frames = rugged_frames()
    few, more = (
        fit_restarts(frames, 8, np.random.default_rng(3), restarts=n, method="random", options=FEW) for n in (2, 4)
    )
    assert more.log_likelihoods[:2] == few.log_likelihoods
    assert more.best.log_likelihoods[-1] >= few.best.log_likelihoods[-1]


def test_the_first_of_equal_fits_is_kept(monkeypatch):
    """Where fits end the same, the mixture is the one found first."""
    frames = rugged_frames()
    begun = []

    def alike(frames, beginning, **_):
        begun.append(beginning)
        return replace(ended, mixture=beginning)

    ended = fit(frames, start(frames, 2, np.random.default_rng(0)), options=FEW)
    monkeypatch.setattr("speechgmm.mixture.restarts.fit", alike)
    found = fit_restarts(frames, 2, np.random.default_rng(0), restarts=3)
    assert found.best.mixture is begun[0]
    assert found.log_likelihoods == (ended.log_likelihoods[-1],) * 3


def test_no_restart_at_all_is_refused():
    """The error says what was given and what is expected."""
    with pytest.raises(OptionError, match=r"^restarts is 0, but it must be 1 or more$"):
        fit_restarts(rugged_frames(), 2, np.random.default_rng(0), restarts=0)
