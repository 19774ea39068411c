"""Several starts: the best is kept, all are told, and one is as if there were no choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechgmm.errors import OptionError
from speechgmm.mixture.checkpoint import Journal
from speechgmm.mixture.em import fit
from speechgmm.mixture.families import family_for
from speechgmm.mixture.initialisation import START_METHODS, start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import fit_restarts
from speechgmm.mixture.shards import as_shards, shards_of

FEW = EMOptions(max_iterations=5, tolerance=0.0)


def rugged_frames():
    """Many small clusters: there are many local optima for a few components."""
    rng = np.random.default_rng(7)
    return (20.0 * rng.normal(size=(12, 2)))[rng.integers(12, size=600)] + rng.normal(size=(600, 2))


def begin(data, n_components, number, *, seed=0, method="kmeans", options=FEW):
    """The start of a number that `fit_restarts` makes."""
    shards = as_shards(data)
    family = family_for("gaussian", shards, n_components, options=options)
    rng = np.random.default_rng([seed, number])
    return start(shards, n_components, family, rng, method=method, options=options)


def parameters(mixture):
    return np.concatenate([mixture.weights, mixture.means.ravel(), mixture.variances.ravel()])


@pytest.mark.parametrize("method", START_METHODS)
def test_one_restart_is_a_start_and_a_fit(method):
    """With one start the result is that of `start` and `fit`, bit for bit, weights and options included."""
    frames = rugged_frames()
    frame_weights = np.random.default_rng(8).uniform(0.1, 1.0, size=len(frames))
    options = EMOptions(max_iterations=3, variance_floor=0.2)

    shards = shards_of(frames, frame_weights)
    expected = fit(shards, begin(shards, 5, 1, seed=4, method=method, options=options), options=options)
    found = fit_restarts(shards, 5, seed=4, method=method, options=options)

    np.testing.assert_array_equal(parameters(found.best.mixture), parameters(expected.mixture))
    assert found.log_likelihoods == (expected.log_likelihoods[-1],)
    assert found.spread == 0.0


def test_the_best_is_kept():
    """Of several fits that ended differently, the mixture is that of the highest log-likelihood, where it came from."""
    frames = rugged_frames()

    found = fit_restarts(frames, 8, seed=3, restarts=6, method="random", options=FEW)

    fits = [fit(frames, begin(frames, 8, n, seed=3, method="random"), options=FEW) for n in range(1, 7)]
    ends = tuple(each.log_likelihoods[-1] for each in fits)
    best = int(np.argmax(ends))
    assert 0 < best < 5, "the best should be neither the first nor the last for this test to tell"
    assert found.log_likelihoods == ends
    np.testing.assert_array_equal(parameters(found.best.mixture), parameters(fits[best].mixture))
    assert found.spread == max(ends) - min(ends) > 0.01


def test_more_restarts_begin_with_the_same():
    """The first fits do not depend on how many follow, so more of them are never worse."""
    frames = rugged_frames()
    few, more = (fit_restarts(frames, 8, seed=3, restarts=n, method="random", options=FEW) for n in (2, 4))
    assert more.log_likelihoods[:2] == few.log_likelihoods
    assert more.best.log_likelihoods[-1] >= few.best.log_likelihoods[-1]


def test_the_first_of_equal_fits_is_kept(monkeypatch):
    """Where fits end the same, the mixture is the one found first."""
    frames = rugged_frames()
    begun = []

    def alike(frames, beginning, **_):
        begun.append(beginning)
        return replace(ended, mixture=beginning)

    ended = fit(frames, begin(frames, 2, 1), options=FEW)
    monkeypatch.setattr("speechgmm.mixture.restarts.fit", alike)
    found = fit_restarts(frames, 2, restarts=3)
    assert found.best.mixture is begun[0]
    assert found.log_likelihoods == (ended.log_likelihoods[-1],) * 3


def test_no_restart_at_all_is_refused():
    """The error says what was given and what is expected."""
    with pytest.raises(OptionError, match=r"^restarts is 0, but it must be 1 or more$"):
        fit_restarts(rugged_frames(), 2, restarts=0)


class Notebook(Journal):
    """Keeps every fit that is written, in memory."""

    def __init__(self, pages, name=""):
        self.pages, self.name = pages, name

    def at(self, name):
        return Notebook(self.pages, f"{self.name}/{name}")

    def read(self):
        return self.pages[self.name][-1] if self.pages.get(self.name) else None

    def write(self, fit):
        self.pages.setdefault(self.name, []).append(fit)


@pytest.mark.parametrize(("n_done", "n_updates"), [(0, 1), (1, 0), (1, 3), (2, 5)])
def test_restarts_go_on_from_a_journal(n_done, n_updates):
    """Broken off in any fit, at any update, they end with the same mixture; what is done is not done again."""
    frames, whole = rugged_frames(), {}
    expected = fit_restarts(frames, 8, restarts=3, method="random", options=FEW, journal=Notebook(whole))
    assert sorted(whole) == ["/start-1", "/start-2", "/start-3"]
    pages = {f"/start-{n}": whole[f"/start-{n}"][:] for n in range(1, n_done + 1)}
    pages[f"/start-{n_done + 1}"] = whole[f"/start-{n_done + 1}"][: n_updates + 1]
    left = sum(map(len, whole.values())) - sum(map(len, pages.values()))
    n_before = sum(map(len, pages.values()))
    again = fit_restarts(frames, 8, restarts=3, method="random", options=FEW, journal=Notebook(pages))
    np.testing.assert_array_equal(parameters(again.best.mixture), parameters(expected.best.mixture))
    assert again.log_likelihoods == expected.log_likelihoods
    assert sum(map(len, pages.values())) - n_before == left


def test_an_unknown_family_is_refused():
    """The error says which families there are."""
    text = "^the family is 'poisson', but it must be one of gaussian, bernoulli$"
    with pytest.raises(OptionError, match=text):
        fit_restarts(rugged_frames(), 2, family="poisson")
