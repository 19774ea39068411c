"""The inner loop of the E-step in single precision: compared with double precision, out of range, at the clamp."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.mixture import estep
from speechgmm.mixture.estep import BLOCK_FRAMES, Axes, Floats, score_blocks
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import accumulate


def speechlike(n_frames: int = 3000, n_components: int = 16, seed: int = 1) -> tuple[DiagonalMixture, Floats]:
    """A mixture of narrow components, and frames of it around -300 with standard deviations of 1 to 40."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1.0, 40.0, 12)
    means = -300.0 + 2.0 * scale * rng.normal(size=(n_components, 12))
    variances = scale**2 * rng.uniform(0.02, 0.5, size=means.shape)
    mixture = DiagonalMixture(rng.dirichlet(np.ones(n_components)), means, variances)
    drawn = rng.integers(n_components, size=n_frames)
    return mixture, means[drawn] + np.sqrt(variances[drawn]) * rng.normal(size=(n_frames, 12))


def test_single_precision_is_close_to_double() -> None:
    """Log-likelihoods in float32 are those of float64 to 5e-3, their mean to a relative error of 1e-6."""
    mixture, frames = speechlike()
    single = mixture.log_likelihoods(frames.astype(np.float32))
    double = mixture.log_likelihoods(frames.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(single, double, atol=5e-3)
    assert single.mean() == pytest.approx(double.mean(), rel=1e-6)


def test_single_precision_statistics_are_close_to_double() -> None:
    """Occupancies and moments in float32 are those of float64 to 1e-4, relative to the scale of the data."""
    mixture, frames = speechlike()
    exact = frames.astype(np.float32).astype(np.float64)
    single, double = (accumulate(mixture, x, axes=mixture.axes) for x in (exact.astype(np.float32), exact))
    np.testing.assert_allclose(single.occupancies, double.occupancies, rtol=1e-4)
    counts, scale = double.occupancies[:, np.newaxis], mixture.axes.scale
    np.testing.assert_allclose(single.first / counts / scale, double.first / counts / scale, atol=1e-4)
    np.testing.assert_allclose(single.second / counts / scale**2, double.second / counts / scale**2, atol=1e-4)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_frames_out_of_range_are_scored_again(kind: type[np.floating]) -> None:
    """Frames far from the Gaussian of the axes are scored exactly, among ordinary frames."""
    mixture = DiagonalMixture(np.array([0.5, 0.5]), np.array([[0.0], [1.0]]), np.array([[1.0], [1e-4]]))
    frames = np.array([[0.5], [60.0], [0.25], [-1e4], [1e12]]).astype(kind)
    scores = mixture.log_likelihoods(frames)
    x = frames[:, 0].astype(np.float64)
    expected = np.logaddexp(
        np.log(0.5) - 0.5 * (np.log(2 * np.pi) + x**2),
        np.log(0.5) - 0.5 * (np.log(2 * np.pi * 1e-4) + (x - 1.0) ** 2 / 1e-4),
    )
    np.testing.assert_allclose(scores, expected, rtol=2e-6)
    shares = mixture.responsibilities(frames)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(shares[[1, 3, 4]], [[1.0, 0.0]] * 3, rtol=0, atol=1e-20)


def test_far_frames_are_detected_by_their_total() -> None:
    """A frame just outside of the trusted range of totals is scored again, one inside is not; both are exact."""
    mixture = DiagonalMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1)))
    axes = Axes.gaussian(np.zeros(1), np.array([2.0]))
    low, _ = estep.TRUSTED[np.dtype(np.float32)]
    # Here log p(x) - log r(x) = log 2 - (3 / 8) x^2.
    border = np.sqrt((np.log(2.0) - np.log(low)) * 8.0 / 3.0)
    frames = np.array([[border - 0.01], [border + 0.01]], dtype=np.float32)
    ((_, block),) = score_blocks(frames, axes, mixture.joint_coefficients(axes))
    assert block.totals[0] == pytest.approx(low, rel=0.2)
    assert block.totals[1] == 1.0
    expected = -0.5 * (np.log(2.0 * np.pi) + frames[:, 0].astype(np.float64) ** 2)
    np.testing.assert_allclose(block.log_ratios + axes.log_density(frames), expected, rtol=1e-6)


def test_no_likelihood_is_denormal() -> None:
    """Likelihoods of very unlikely components are normal numbers; denormal ones would slow down the products."""
    means = np.linspace(0.0, 60.0, 200)[:, np.newaxis]
    mixture = DiagonalMixture(np.full(200, 1 / 200), means, np.ones((200, 1)))
    frames = np.linspace(0.0, 60.0, BLOCK_FRAMES, dtype=np.float32)[:, np.newaxis]
    _, block = next(score_blocks(frames, mixture.axes, mixture.joint_coefficients(mixture.axes)))
    assert block.likelihoods.dtype == np.float32
    assert block.likelihoods.min() >= np.finfo(np.float32).tiny


def test_few_frames_with_heavy_tails_are_scored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60-dimensional frames of which a tenth is three times as wide, as good as none is out of range."""
    scales = np.array([1.0, 3.0])
    mixture = DiagonalMixture(np.array([0.9, 0.1]), np.zeros((2, 60)), np.repeat(scales**2, 60).reshape(2, 60))
    rng = np.random.default_rng(7)
    widths = rng.choice(scales, p=[0.9, 0.1], size=5000)[:, np.newaxis]
    frames = (widths * rng.normal(size=(5000, 60))).astype(np.float32)
    score_again, again = estep._score_again, []

    def counted(block: estep.Block, which: npt.NDArray[np.bool_], *arguments: Any) -> None:
        again.append(np.count_nonzero(which))
        score_again(block, which, *arguments)

    monkeypatch.setattr(estep, "_score_again", counted)
    mixture.log_likelihoods(frames)
    assert sum(again) <= 10


@pytest.mark.parametrize(("exponential", "per_nat"), [(np.exp, 1.0), (np.exp2, 1.0 / math.log(2.0))])
def test_the_base_of_the_exponentials_does_not_matter(
    exponential: np.ufunc, per_nat: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log-likelihoods are those of the other base, also where exponents are limited."""
    mixture, frames = speechlike()
    expected = mixture.log_likelihoods(frames)
    monkeypatch.setattr(estep, "EXPONENTIAL", exponential)
    monkeypatch.setattr(estep, "PER_NAT", per_nat)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-13)


def test_few_frames_need_little_memory() -> None:
    """The working arrays for 100 frames hold 100 frames, not a block."""
    mixture, frames = speechlike(100, n_components=512)
    mixture.log_likelihoods(frames)  # coefficients are computed once
    tracemalloc.start()
    mixture.log_likelihoods(frames)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 8 * 100 * 512


def test_memory_does_not_grow_with_the_frames() -> None:
    """Twenty blocks of frames under 512 components need no more memory than a few blocks."""
    mixture, frames = speechlike(20 * BLOCK_FRAMES, n_components=512)
    single = frames.astype(np.float32)
    tracemalloc.start()
    accumulate(mixture, single, axes=mixture.axes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6
