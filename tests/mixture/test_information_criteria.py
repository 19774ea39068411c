"""Selection of the number of components: parameters, criteria compared with scikit-learn, and the choice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from speechgmm.mixture.information_criteria import MARGIN, SizeResult, aic, bic, choose
from tests.builders import random_gaussians


def result(n_components: int, held_out: float) -> SizeResult:
    return SizeResult(n_components=n_components, log_likelihood=-1.0, aic=0.0, bic=0.0, held_out=held_out)


def test_parameters_by_hand() -> None:
    """Three components of four dimensions have 12 means, 12 variances and 2 free weights."""
    assert random_gaussians(1, 3, 4).n_parameters == 26


def test_criteria_are_those_of_sklearn() -> None:
    """AIC and BIC of a mixture are those of scikit-learn."""
    mixture = random_gaussians(1, 3, 4)
    frames, _ = mixture.sample(500, np.random.default_rng(2))
    oracle = GaussianMixture(3, covariance_type="diag")
    oracle.weights_, oracle.means_, oracle.covariances_ = mixture.weights, mixture.means, mixture.variances
    oracle.precisions_cholesky_ = 1.0 / np.sqrt(mixture.variances)
    total, parameters = mixture.log_likelihoods(frames).sum(), mixture.n_parameters
    assert aic(total, parameters) == pytest.approx(oracle.aic(frames), rel=1e-12)
    assert bic(total, parameters, 500) == pytest.approx(oracle.bic(frames), rel=1e-12)


def test_the_best_held_out_size_is_chosen() -> None:
    """A size that gains more than the margin on held-out speakers is chosen; the order does not matter."""
    results = [result(32, -50.0), result(8, -52.0), result(16, -50.0 - 2 * MARGIN)]
    assert choose(results).n_components == 32


def test_the_smallest_size_near_the_best_is_chosen() -> None:
    """Of the sizes within the margin of the best, the smallest is chosen."""
    results = [result(64, -50.0), result(8, -52.0), result(32, -50.0 - 0.9 * MARGIN), result(16, -50.0 - 0.8 * MARGIN)]
    assert choose(results).n_components == 16
