"""The E-step's inner loop: blocks of frames under all components by matrix products, in the frames' own precision.

For a family whose joint log-likelihood is linear in some ``z(x)``, a block of frames is scored by one product ``z W``.
Three things keep that fast and right in single precision:

- Frames are expressed on `Axes`: around a centre, in units of a scale, so that nothing cancels.
- Likelihoods are taken relative to one density that is near all of them, the axes' own: its logarithm is linear in z
  too, so it is part of W and costs nothing. The exponentials then stay in range without the usual search
  for each frame's largest term. The few frames for which they do not are scored again in double precision with it.
- Exponents are clamped before they are taken, and sums are kept up by `BOOST`: numbers too small to be normal slow the
  products by an order of magnitude, and weigh nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float32] | npt.NDArray[np.float64]

# A block's likelihoods, K a frame, shall stay in the processor's cache, and be many enough to be worth the call.
BLOCK_FRAMES, LEAST_BLOCK_FRAMES, BLOCK_LIKELIHOODS = 4096, 256, 1 << 18

# By precision: the least exponent, and the range of a frame's total within which neither that clamp nor an overflow can
# be felt. Outside it, the frame is scored again.
CLAMP = {np.dtype(np.float32): -70.0, np.dtype(np.float64): -300.0}
TRUSTED = {np.dtype(np.float32): (1e-10, 1e30), np.dtype(np.float64): (1e-100, 1e150)}

# What weighted frames are multiplied by before they are summed, lest the sums of components that hardly any frame of a
# block is due to become denormal.
BOOST = 2.0**60


@dataclass(frozen=True, eq=False)
class Axes:
    """The origin and the units that frames are expressed in, and a density near which all likelihoods are.

    Attributes
    ----------
    center : ndarray (D,)
    scale : ndarray (D,)
        Positive.
    reference : ndarray (1 + D,) or (1 + 2D,)
        Logarithm of that density as coefficients of ``z = (1, x)`` or ``z = (1, x, x^2)``, x on these axes; its length
        says which of the two frames are expanded to.
    """

    center: Floats
    scale: Floats
    reference: Floats

    @classmethod
    def gaussian(cls, center: Floats, scale: Floats) -> Axes:
        """Axes whose density is the Gaussian with this mean and standard deviation."""
        n_dimensions = len(center)
        constant = -0.5 * n_dimensions * np.log(2.0 * np.pi) - np.log(scale).sum()
        return cls(center, scale, np.concatenate([[constant], np.zeros(n_dimensions), np.full(n_dimensions, -0.5)]))

    @classmethod
    def around(cls, mean: Floats, deviation: Floats) -> Axes:
        """Axes near a mean and a standard deviation on which frames are expressed without rounding the axes.

        The centre is a number of single precision, the scale a power of two.
        """
        return cls.gaussian(mean.astype(np.float32).astype(np.float64), np.exp2(np.round(np.log2(deviation))))

    @property
    def n_expanded(self) -> int:
        """Length of z."""
        return len(self.reference)

    def same(self, other: Axes) -> bool:
        """Whether sums on these axes and on the other ones may be added."""
        pairs = ((self.center, other.center), (self.scale, other.scale), (self.reference, other.reference))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def log_density(self, frames: Frames) -> Floats:
        """Logarithm of the density of these axes for each of the frames (T, D), in double precision."""
        log_density: Floats = self.reference @ self.expand(
            frames.astype(np.float64), np.empty((self.n_expanded, len(frames)))
        )
        return log_density

    def expand(self, frames: Frames, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Write frames (T, D) as z, x on these axes, into the first T columns of `out`; return those.

        A feature is a row: what is done to all frames then runs along them, which is where they are many.
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
    """Some frames, scored.

    Attributes
    ----------
    z : ndarray (1 + D, B) or (1 + 2D, B)
        The frames, expanded.
    likelihoods : ndarray (B, K)
        Joint likelihood of each frame and component, relative to a positive number of each frame's own.
    totals : ndarray (B,)
        Sums of its rows: likelihoods over totals are responsibilities.
    log_ratios : ndarray (B,) of float64
        Logarithm of each frame's density relative to the axes' own.
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
        In float32 or float64, which is also the precision of the work.
    axes : Axes
    coefficients : ndarray (1 + D, K) or (1 + 2D, K)
        Of the joint log-likelihoods relative to the axes' own.

    Yields
    ------
    rows : slice
        Which frames the block holds.
    block : Block
        Its arrays may be overwritten, and will be by the next block.
    """
    dtype = np.dtype(frames.dtype)
    weights = coefficients.astype(dtype)
    n_expanded, n_components = coefficients.shape
    ones = np.ones(n_components, dtype=dtype)
    low, high = TRUSTED[dtype]
    n_rows = min(BLOCK_FRAMES, max(LEAST_BLOCK_FRAMES, BLOCK_LIKELIHOODS // n_components))
    expanded, products = np.empty((n_expanded, n_rows), dtype=dtype), np.empty((n_rows, n_components), dtype=dtype)
    for begin in range(0, len(frames), n_rows):
        rows = slice(begin, min(begin + n_rows, len(frames)))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # found by the total
            z = axes.expand(frames[rows], expanded)
            likelihoods = np.matmul(z.T, weights, out=products[: rows.stop - begin])
            np.maximum(likelihoods, CLAMP[dtype], out=likelihoods)
            np.exp(likelihoods, out=likelihoods)
            totals = likelihoods @ ones
            strange = ~((totals > low) & (totals < high))
            block = Block(z, likelihoods, totals, np.log(totals, dtype=np.float64))
        if strange.any():
            _score_again(block, strange, frames[rows][strange], axes, coefficients)
        yield rows, block


def _score_again(block: Block, which: npt.NDArray[np.bool_], frames: Frames, axes: Axes, coefficients: Floats) -> None:
    """Score some frames of a block in double precision, relative to each one's most likely component."""
    z = axes.expand(frames.astype(np.float64), np.empty((len(coefficients), len(frames))))
    joint = z.T @ coefficients
    peak = joint.max(axis=1)
    likelihoods = np.exp(joint - peak[:, np.newaxis])
    totals = likelihoods.sum(axis=1)
    block.likelihoods[which], block.totals[which], block.log_ratios[which] = likelihoods, totals, peak + np.log(totals)


def keep_best(block: Block) -> None:
    """Give each frame of a block to its most likely component alone, the first of several; its totals stay.

    The log-ratios become those of frame and component together.
    """
    frames = np.arange(len(block.likelihoods))
    best = block.likelihoods.argmax(axis=1)
    block.log_ratios[:] += np.log(block.likelihoods[frames, best] / block.totals)
    block.likelihoods[:] = 0.0
    block.likelihoods[frames, best] = block.totals
