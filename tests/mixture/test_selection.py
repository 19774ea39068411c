"""The number of components: parameters counted, criteria against scikit-learn's, and the choice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.selection import MARGIN, SizeResult, aic, bic, choose


def drawn_mixture(n_components=3, n_dimensions=4):
    rng = np.random.default_rng(1)
    return DiagonalMixture(
        rng.dirichlet(np.full(n_components, 5.0)),
        rng.normal(size=(n_components, n_dimensions)),
        rng.uniform(0.2, 3.0, size=(n_components, n_dimensions)),
    )


def result(n_components, held_out):
    return SizeResult(n_components=n_components, log_likelihood=-1.0, aic=0.0, bic=0.0, held_out=held_out)


def test_parameters_by_hand():
    """Three components of four dimensions have 12 means, 12 variances and 2 free weights."""
    assert drawn_mixture().n_parameters == 26


def test_criteria_are_those_of_sklearn():
    """AIC and BIC of a mixture on frames are scikit-learn's."""
    mixture = drawn_mixture()
    frames, _ = mixture.sample(500, np.random.default_rng(2))
    oracle = GaussianMixture(3, covariance_type="diag")
    oracle.weights_, oracle.means_, oracle.covariances_ = mixture.weights, mixture.means, mixture.variances
    oracle.precisions_cholesky_ = 1.0 / np.sqrt(mixture.variances)
    total, parameters = mixture.log_likelihoods(frames).sum(), mixture.n_parameters
    assert aic(total, parameters) == pytest.approx(oracle.aic(frames), rel=1e-12)
    assert bic(total, parameters, 500) == pytest.approx(oracle.bic(frames), rel=1e-12)


def test_the_best_held_out_size_is_chosen():
    """A size that gains more than the margin on held-out speakers is worth it; the order given does not matter."""
    results = [result(32, -50.0), result(8, -52.0), result(16, -50.0 - 2 * MARGIN)]
    assert choose(results).n_components == 32


def test_the_smallest_size_near_the_best_is_chosen():
    """Of the sizes within the margin of the best the smallest is taken."""
    results = [result(64, -50.0), result(8, -52.0), result(32, -50.0 - 0.9 * MARGIN), result(16, -50.0 - 0.8 * MARGIN)]
    assert choose(results).n_components == 16
