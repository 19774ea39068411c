"""A bank of mixtures gives the scores of the single mixtures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.mixture.bank import Bank
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.estep import BLOCK_FRAMES, Floats
from speechgmm.mixture.model import Mixture
from tests.builders import random_gaussians

N_DIMENSIONS = 6


def bernoullis(n_components: int, *, seed: int) -> BernoulliMixture:
    """A random Bernoulli mixture."""
    rng = np.random.default_rng(seed)
    return BernoulliMixture(
        rng.dirichlet(np.ones(n_components)), rng.uniform(0.05, 0.95, size=(n_components, N_DIMENSIONS))
    )


def alone(mixtures: tuple[Mixture, ...], frames: npt.NDArray[np.float64]) -> Floats:
    """Log-likelihoods of the single mixtures."""
    return np.stack([mixture.log_likelihoods(frames) for mixture in mixtures], axis=1)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("n_frames", [0, 1, BLOCK_FRAMES + 7])
def test_scores_are_those_of_the_single_mixtures(kind: type[np.floating], n_frames: int) -> None:
    """For mixtures of different sizes and several blocks of frames."""
    mixtures = (
        random_gaussians(1, 3, N_DIMENSIONS, offset=0.0),
        random_gaussians(2, 1, N_DIMENSIONS, offset=0.5),
        random_gaussians(3, 8, N_DIMENSIONS, offset=-1.0),
    )
    frames = mixtures[0].sample(n_frames, np.random.default_rng(4))[0].astype(kind)
    scores = Bank(mixtures).log_likelihoods(frames)
    assert scores.shape == (n_frames, 3)
    assert scores.dtype == np.float64
    tolerance = 2e-4 if kind is np.float32 else 1e-10
    np.testing.assert_allclose(scores, alone(mixtures, frames.astype(np.float64)), atol=tolerance)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_much_less_likely_mixture_is_scored_exactly(kind: type[np.floating]) -> None:
    """A mixture hundreds of nats below the other has a vanishing total and is scored alone."""
    mixtures = (random_gaussians(1, 4, N_DIMENSIONS, offset=0.0), random_gaussians(2, 4, N_DIMENSIONS, offset=25.0))
    frames = np.concatenate(
        [mixture.sample(50, np.random.default_rng(seed))[0] for seed, mixture in enumerate(mixtures)]
    ).astype(kind)
    scores, expected = Bank(mixtures).log_likelihoods(frames), alone(mixtures, frames.astype(np.float64))
    assert (expected.max(axis=1) - expected.min(axis=1)).min() > 300
    np.testing.assert_allclose(scores, expected, rtol=1e-4 if kind is np.float32 else 1e-12)


def test_frames_far_from_all_mixtures_are_scored_exactly() -> None:
    """Frames that are scored again in double precision have the scores of the single mixtures."""
    mixtures = (random_gaussians(1, 4, N_DIMENSIONS, offset=0.0), random_gaussians(2, 4, N_DIMENSIONS, offset=1.0))
    frames = np.array([[40.0] * N_DIMENSIONS, [-1e4] * N_DIMENSIONS, [0.5] * N_DIMENSIONS], dtype=np.float32)
    np.testing.assert_allclose(
        Bank(mixtures).log_likelihoods(frames), alone(mixtures, frames.astype(np.float64)), rtol=1e-5
    )


def test_bernoulli_mixtures_are_scored_together() -> None:
    """A bank of Bernoulli mixtures has the scores of the single mixtures."""
    mixtures = (bernoullis(3, seed=1), bernoullis(5, seed=2))
    frames = np.random.default_rng(3).integers(2, size=(40, N_DIMENSIONS)).astype(np.float32)
    np.testing.assert_allclose(
        Bank(mixtures).log_likelihoods(frames), alone(mixtures, frames.astype(np.float64)), atol=1e-5
    )
