"""The inner loop of the E-step: score blocks of frames by matrix products, in the precision of the frames.

For a family whose joint log-likelihood is linear in some ``z(x)``, a block of frames is scored by one product ``z W``.
Three measures make this fast and accurate in single precision:

- Frames are expressed on `Axes`, centred and scaled. There is no cancellation.
- Likelihoods are computed relative to one reference density near all of them, that of the axes. Its logarithm is linear
  in z too and is subtracted from W at no cost. The exponentials then stay in range without a search for the largest
  term of each frame. The few frames whose total is out of range are scored again in double precision with that search.
- Exponents are limited, and sums are scaled by `BOOST`. Denormal numbers would slow down the products by an order of
  magnitude; their contribution is negligible.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float32] | npt.NDArray[np.float64]

# A block's likelihoods, K per frame, should fit into the processor's cache and be enough to be worth a call. With many
# components, blocks of fewer frames would take as long for the sums of all components as for the frames. Not powers of
# two: the features of a frame would compete for the same lines of the cache.
BLOCK_FRAMES, MIN_BLOCK_FRAMES, BLOCK_LIKELIHOODS = 4000, 1000, 500_000

# The expanded frames of a block take at most 64 MB. Only products of many features need smaller blocks for this.
BLOCK_VALUES = 8_000_000

# Exponentials to base 2 take half the time of those to base e where NumPy computes them with AVX-512, which it does on
# Linux only. Elsewhere they take longer. NumPy calls AVX-512 X86_V4 from version 2.4 on, AVX512_SKX before.
SIMD = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
BASE_2 = sys.platform == "linux" and ("X86_V4" in SIMD or "AVX512_SKX" in SIMD)
EXPONENTIAL, PER_NAT = (np.exp2, 1.0 / math.log(2.0)) if BASE_2 else (np.exp, 1.0)

# By precision: the least and the largest exponent (nats), and the range of a frame's total within which neither has an
# effect. A frame outside this range is scored again.
EXPONENTS = {np.dtype(np.float32): (-70.0, 80.0), np.dtype(np.float64): (-300.0, 400.0)}
TRUSTED = {np.dtype(np.float32): (1e-10, 1e30), np.dtype(np.float64): (1e-100, 1e150)}

# The tails of mixtures are heavier than those of one Gaussian of the same mean and deviation. Relative to a Gaussian of
# twice the variance, far fewer frames are out of range: with 60 cepstra and deltas 1 in 3,000 instead of 1 in 60.
REFERENCE_WIDTH = math.sqrt(2.0)

# Weighted frames are multiplied by this before they are summed. Otherwise the sums of components with hardly any
# responsibility in a block would be denormal.
BOOST = 2.0**60


@dataclass(frozen=True, eq=False)
class Axes:
    """The centre and scale on which frames are expressed, and a reference density near all likelihoods.

    Attributes
    ----------
    center : ndarray (D,)
    scale : ndarray (D,)
        Positive.
    reference : ndarray (1 + D,) or (1 + 2D,)
        Logarithm of the reference density as coefficients of ``z = (1, x)`` or ``z = (1, x, x^2)``, x on these axes.
        The length determines to which of the two frames are expanded.
    """

    center: Floats
    scale: Floats
    reference: Floats

    @classmethod
    def gaussian(cls, center: Floats, scale: Floats, width: Floats | float = 1.0) -> Axes:
        """Axes whose reference density is the Gaussian with this mean, and `width` times this standard deviation."""
        n_dimensions = len(center)
        constant = -0.5 * n_dimensions * np.log(2.0 * np.pi) - np.log(width * scale).sum()
        quadratic = np.broadcast_to(-0.5 / np.square(width), n_dimensions)
        return cls(center, scale, np.concatenate([[constant], np.zeros(n_dimensions), quadratic]))

    @classmethod
    def around(cls, mean: Floats, deviation: Floats) -> Axes:
        """Axes near a mean and a standard deviation that are exact in single precision.

        The centre is rounded to single precision, the scale to a power of two. The reference density is
        `REFERENCE_WIDTH` times as wide.
        """
        center, scale = mean.astype(np.float32).astype(np.float64), np.exp2(np.round(np.log2(deviation)))
        return cls.gaussian(center, scale, REFERENCE_WIDTH * deviation / scale)

    @property
    def n_expanded(self) -> int:
        """Length of z."""
        return len(self.reference)

    def same(self, other: Axes) -> bool:
        """Whether the two axes are equal, so that sums on them may be added."""
        pairs = ((self.center, other.center), (self.scale, other.scale), (self.reference, other.reference))
        return self is other or all(np.array_equal(left, right) for left, right in pairs)

    def log_density(self, frames: Frames) -> Floats:
        """Logarithm of the reference density for each of the frames (T, D), in double precision."""
        log_density: Floats = self.reference @ self.expand(
            frames.astype(np.float64), np.empty((self.n_expanded, len(frames)))
        )
        return log_density

    def expand(self, frames: Frames, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Write z of the frames (T, D), with x on these axes, into the first T columns of `out`; return these columns.

        Each feature is a row, so that vectorised operations run along the frames.
        """
        n_dimensions = len(self.center)
        z = out[:, : len(frames)]
        z[0] = 1.0
        x = z[1 : 1 + n_dimensions]
        np.subtract(frames.T, self.center.astype(out.dtype)[:, np.newaxis], out=x)
        x *= (1.0 / self.scale).astype(out.dtype)[:, np.newaxis]
        if len(z) > 1 + n_dimensions:
            np.multiply(x, x, out=z[1 + n_dimensions :])
        return z


@dataclass(frozen=True, eq=False)
class Block:
    """A block of B scored frames.

    Attributes
    ----------
    z : ndarray (1 + D, B) or (1 + 2D, B)
        The expanded frames.
    likelihoods : ndarray (B, K)
        Joint likelihood of each frame and component, up to a positive factor per frame.
    totals : ndarray (B,)
        Row sums of `likelihoods`. Likelihoods divided by totals are responsibilities.
    log_ratios : ndarray (B,) of float64
        Logarithm of the ratio of each frame's density to the reference density of the axes.
    """

    z: npt.NDArray[Any]
    likelihoods: npt.NDArray[Any]
    totals: npt.NDArray[Any]
    log_ratios: Floats


def score_blocks(frames: Frames, axes: Axes, coefficients: Floats) -> Iterator[tuple[slice, Block]]:
    """Score frames block by block.

    Parameters
    ----------
    frames : ndarray (T, D)
        In float32 or float64, which is also the precision of the computation.
    axes : Axes
    coefficients : ndarray (1 + D, K) or (1 + 2D, K)
        Coefficients of the joint log-likelihoods relative to the reference density of the axes.

    Yields
    ------
    rows : slice
        The frames of the block.
    block : Block
        Its arrays may be overwritten. The next block overwrites them.
    """
    dtype = np.dtype(frames.dtype)
    weights = (PER_NAT * coefficients).astype(dtype)
    n_expanded, n_components = coefficients.shape
    ones = np.ones(n_components, dtype=dtype)
    (least, largest), (low, high) = EXPONENTS[dtype], TRUSTED[dtype]
    n_rows = min(BLOCK_FRAMES, max(MIN_BLOCK_FRAMES, BLOCK_LIKELIHOODS // n_components))
    n_rows = min(n_rows, max(1, BLOCK_VALUES // n_expanded))
    n_most = min(n_rows, len(frames))
    expanded, products = np.empty((n_expanded, n_most), dtype=dtype), np.empty((n_most, n_components), dtype=dtype)
    for begin in range(0, len(frames), n_rows):
        rows = slice(begin, min(begin + n_rows, len(frames)))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # detected by the total
            z = axes.expand(frames[rows], expanded)
            likelihoods = np.matmul(z.T, weights, out=products[: rows.stop - begin])
            likelihoods.clip(PER_NAT * least, PER_NAT * largest, out=likelihoods)
            EXPONENTIAL(likelihoods, out=likelihoods)
            totals = likelihoods @ ones
            block = Block(z, likelihoods, totals, np.log(totals, dtype=np.float64))
        if not (totals.min() > low and totals.max() < high):  # also if one is not a number
            out_of_range = ~((totals > low) & (totals < high))
            _score_again(block, out_of_range, frames[rows][out_of_range], axes, coefficients)
        yield rows, block


def _score_again(block: Block, which: npt.NDArray[np.bool_], frames: Frames, axes: Axes, coefficients: Floats) -> None:
    """Score some frames of a block in double precision, relative to the most likely component of each frame."""
    z = axes.expand(frames.astype(np.float64), np.empty((len(coefficients), len(frames))))
    joint = z.T @ coefficients
    peak = joint.max(axis=1)
    likelihoods = np.exp(joint - peak[:, np.newaxis])
    totals = likelihoods.sum(axis=1)
    block.likelihoods[which], block.totals[which], block.log_ratios[which] = likelihoods, totals, peak + np.log(totals)


def keep_best(block: Block) -> None:
    """Assign each frame of a block to its most likely component, the first one of a tie. Totals do not change.

    The log-ratios become those of the joint likelihood of the frame and this component.
    """
    frames = np.arange(len(block.likelihoods))
    best = block.likelihoods.argmax(axis=1)
    block.log_ratios[:] += np.log(block.likelihoods[frames, best] / block.totals)
    block.likelihoods[:] = 0.0
    block.likelihoods[frames, best] = block.totals
