"""Mixtures scored together: each as if it were alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.mixture.bank import Bank
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.estep import BLOCK_FRAMES, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.model import Mixture

N_DIMENSIONS = 6


def gaussians(n_components: int, *, center: float, seed: int) -> DiagonalMixture:
    """A mixture around a value."""
    rng = np.random.default_rng(seed)
    return DiagonalMixture(
        rng.dirichlet(np.ones(n_components)),
        center + rng.normal(size=(n_components, N_DIMENSIONS)),
        rng.uniform(0.1, 1.0, size=(n_components, N_DIMENSIONS)),
    )


def bernoullis(n_components: int, *, seed: int) -> BernoulliMixture:
    """A mixture of bits."""
    rng = np.random.default_rng(seed)
    return BernoulliMixture(
        rng.dirichlet(np.ones(n_components)), rng.uniform(0.05, 0.95, size=(n_components, N_DIMENSIONS))
    )


def alone(mixtures: tuple[Mixture, ...], frames: npt.NDArray[np.float64]) -> Floats:
    """What each mixture says by itself, in double precision."""
    return np.stack([mixture.log_likelihoods(frames) for mixture in mixtures], axis=1)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("n_frames", [0, 1, BLOCK_FRAMES + 7])
def test_each_mixture_as_if_alone(kind: type[np.floating], n_frames: int) -> None:
    """Mixtures of different sizes, in several blocks."""
    mixtures = (
        gaussians(3, center=0.0, seed=1),
        gaussians(1, center=0.5, seed=2),
        gaussians(8, center=-1.0, seed=3),
    )
    frames = mixtures[0].sample(n_frames, np.random.default_rng(4))[0].astype(kind)
    found = Bank(mixtures).log_likelihoods(frames)
    assert found.shape == (n_frames, 3)
    assert found.dtype == np.float64
    tolerance = 2e-4 if kind is np.float32 else 1e-10
    np.testing.assert_allclose(found, alone(mixtures, frames.astype(np.float64)), atol=tolerance)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_mixture_far_behind_another_is_right(kind: type[np.floating]) -> None:
    """Where one is hundreds of nats below the other, its likelihood vanishes beside that; it is scored alone."""
    mixtures = (gaussians(4, center=0.0, seed=1), gaussians(4, center=25.0, seed=2))
    frames = np.concatenate(
        [mixture.sample(50, np.random.default_rng(seed))[0] for seed, mixture in enumerate(mixtures)]
    ).astype(kind)
    found, expected = Bank(mixtures).log_likelihoods(frames), alone(mixtures, frames.astype(np.float64))
    assert (expected.max(axis=1) - expected.min(axis=1)).min() > 300
    np.testing.assert_allclose(found, expected, rtol=1e-4 if kind is np.float32 else 1e-12)


def test_frames_far_from_all_are_right() -> None:
    """Frames that are scored again in double precision keep apart what the mixtures say of them."""
    mixtures = (gaussians(4, center=0.0, seed=1), gaussians(4, center=1.0, seed=2))
    frames = np.array([[40.0] * N_DIMENSIONS, [-1e4] * N_DIMENSIONS, [0.5] * N_DIMENSIONS], dtype=np.float32)
    np.testing.assert_allclose(
        Bank(mixtures).log_likelihoods(frames), alone(mixtures, frames.astype(np.float64)), rtol=1e-5
    )


def test_other_families_too() -> None:
    """Bernoulli mixtures are scored together in the same way."""
    mixtures = (bernoullis(3, seed=1), bernoullis(5, seed=2))
    frames = np.random.default_rng(3).integers(2, size=(40, N_DIMENSIONS)).astype(np.float32)
    np.testing.assert_allclose(
        Bank(mixtures).log_likelihoods(frames), alone(mixtures, frames.astype(np.float64)), atol=1e-5
    )
