"""Linear scoring of sub-models tied to a background mixture."""

from __future__ import annotations

import numpy as np
import pytest

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import BLOCK_FRAMES, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.tied import TiedModels, centred_statistics

K, D = 5, 3


@pytest.fixture
def background() -> DiagonalMixture:
    """A mixture far from 0 and of different scales."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(1, 2, K)
    return DiagonalMixture(
        weights / weights.sum(),
        100.0 + rng.normal(0, 3, (K, D)) * [1.0, 10.0, 0.1],
        rng.uniform(0.5, 2, (K, D)) * [1.0, 100.0, 0.01],
    )


def frames_of(background: DiagonalMixture, n_frames: int, kind: type[np.floating]) -> np.ndarray:
    """Frames of the background mixture."""
    frames, _ = background.sample(n_frames, np.random.default_rng(1))
    return frames.astype(kind)


def by_definition(background: DiagonalMixture, frames: np.ndarray) -> tuple[Floats, Floats]:
    """Responsibilities (T, K) and distances from the means in standard deviations (T, K, D)."""
    frames = frames.astype(np.float64)
    distances = (frames[:, np.newaxis] - background.means) / np.sqrt(background.variances)
    joint = np.log(background.weights) - 0.5 * (distances**2 + np.log(2 * np.pi * background.variances)).sum(axis=2)
    return np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, np.newaxis]), distances


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float64, 1e-9), (np.float32, 1e-3)])
@pytest.mark.parametrize("n_frames", [1, 30, BLOCK_FRAMES + 7])
def test_statistics_are_those_of_the_definition(
    background: DiagonalMixture, n_frames: int, kind: type[np.floating], tolerance: float
) -> None:
    """N_k and F_k of equation (10), over several blocks too."""
    frames = frames_of(background, n_frames, kind)
    responsibilities, distances = by_definition(background, frames)

    statistics = centred_statistics(background, frames)

    np.testing.assert_allclose(statistics[:, 0], responsibilities.sum(axis=0), rtol=tolerance, atol=tolerance)
    expected = np.einsum("tk,tkd->kd", responsibilities, distances)
    np.testing.assert_allclose(statistics[:, 1:], expected, rtol=tolerance, atol=tolerance * n_frames)
    assert statistics[:, 0].sum() == pytest.approx(n_frames, rel=1e-5)


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float64, 1e-9), (np.float32, 2e-3)])
def test_scores_are_those_of_the_definition(
    background: DiagonalMixture, kind: type[np.floating], tolerance: float
) -> None:
    """Equation (9) for each frame; the totals are the sums."""
    coefficients = np.random.default_rng(2).normal(size=(2, K, 1 + D))
    models, frames = TiedModels(background, coefficients), frames_of(background, 200, kind)
    responsibilities, distances = by_definition(background, frames)
    per_component = coefficients[:, np.newaxis, :, 0] + np.einsum("hkd,tkd->htk", coefficients[:, :, 1:], distances)
    expected = np.einsum("tk,htk->th", responsibilities, per_component)

    np.testing.assert_allclose(models.log_ratios(frames), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(models.totals(frames), expected.sum(axis=0), rtol=tolerance, atol=tolerance * 200)


def test_a_small_shift_is_the_likelihood_ratio(background: DiagonalMixture) -> None:
    """For sub-models near the background mixture, the score is the log-likelihood ratio to it, to first order."""
    rng, size = np.random.default_rng(3), 1e-4
    shifts, frames = size * rng.normal(size=(K, D)), frames_of(background, 500, np.float64)
    moved = DiagonalMixture(
        background.weights, background.means + shifts * np.sqrt(background.variances), background.variances
    )
    coefficients = np.concatenate([-0.5 * (shifts**2).sum(axis=1, keepdims=True), shifts], axis=1)

    scores = TiedModels(background, coefficients[np.newaxis]).log_ratios(frames)[:, 0]

    expected = moved.log_likelihoods(frames) - background.log_likelihoods(frames)
    assert np.abs(expected).max() > 50 * size**2
    np.testing.assert_allclose(scores, expected, atol=50 * size**2)


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [
        (np.zeros((2, K, D)), r"need coefficients \(H, 5, 4\) with H at least 1, not \(2, 5, 3\)"),
        (np.zeros((0, K, 1 + D)), "H at least 1"),
        (np.full((1, K, 1 + D), np.nan), "finite numbers"),
    ],
)
def test_wrong_coefficients_are_refused(background: DiagonalMixture, coefficients: Floats, message: str) -> None:
    """Of another shape, of no sub-model, not finite."""
    with pytest.raises(OptionError, match=message):
        TiedModels(background, coefficients)
