"""Other implementations of one EM iteration for Gaussians with diagonal covariances, for `benchmark_em`.

Each peer is a function of a mixture and frames (T, D) in float32, T a multiple of `BLOCK`. It returns the iteration as
a function without arguments. What can be prepared once for all iterations is prepared outside of it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.mixture import GaussianMixture

from speechgmm.mixture.estep import Floats
from speechgmm.mixture.gaussian import DiagonalMixture

BLOCK = 1000  # frames
LOG_2_PI = np.log(2.0 * np.pi)

Singles = npt.NDArray[np.float32]
Parameters = tuple[Any, Any, Any]  # weights (K,), means (K, D), variances (K, D)
Peer = Callable[[DiagonalMixture, Singles], Callable[[], Parameters]]


def scikit_learn(mixture: DiagonalMixture, frames: Singles) -> Callable[[], Parameters]:
    """GaussianMixture of scikit-learn on float64 frames: its E-step and its M-step, without the start of `fit`."""
    theirs, doubles = started(mixture), frames.astype(np.float64)

    def iteration() -> Parameters:
        # With responsibilities instead of None this would be an M-step more.
        theirs._initialize(doubles, None)
        _, log_responsibilities = theirs._e_step(doubles)
        theirs._m_step(doubles, log_responsibilities)
        return theirs.weights_, theirs.means_, theirs.covariances_

    return iteration


def started(mixture: DiagonalMixture, iterations: int = 1) -> GaussianMixture:
    """GaussianMixture of scikit-learn that starts from this mixture."""
    return GaussianMixture(
        mixture.n_components,
        covariance_type="diag",
        reg_covar=0.0,
        tol=0.0,
        max_iter=iterations,
        weights_init=mixture.weights,
        means_init=mixture.means,
        precisions_init=1.0 / mixture.variances,
    )


def coefficients_of(mixture: DiagonalMixture) -> tuple[Floats, Floats]:
    """Coefficients of (x, x^2) and the constant of each component's joint log-likelihood, (2D, K) and (K,)."""
    precisions = 1.0 / mixture.variances
    linear = mixture.means * precisions
    squares = LOG_2_PI + np.log(mixture.variances) + mixture.means * linear
    return np.concatenate([linear.T, -0.5 * precisions.T]), np.log(mixture.weights) - 0.5 * squares.sum(axis=1)


def maximised(counts: Any, sums: Any) -> Parameters:
    """The M-step from the sums of 1 and of (x, x^2), for arrays of any library."""
    moments = sums / counts[:, None]
    n_dimensions = moments.shape[1] // 2
    means = moments[:, :n_dimensions]
    return counts / counts.sum(), means, moments[:, n_dimensions:] - means**2


def plain_numpy(mixture: DiagonalMixture, frames: Singles) -> Callable[[], Parameters]:
    """EM as it is usually written in NumPy, in float32, on blocks of frames, in place."""

    def iteration() -> Parameters:
        matrix, constants = (part.astype(np.float32) for part in coefficients_of(mixture))
        counts, sums = np.zeros(len(constants)), np.zeros((len(constants), len(matrix)))
        for begin in range(0, len(frames), BLOCK):
            x = frames[begin : begin + BLOCK]
            z = np.concatenate([x, x**2], axis=1)
            joint = z @ matrix
            joint += constants
            joint -= joint.max(axis=1, keepdims=True)
            np.exp(joint, out=joint)
            joint /= joint.sum(axis=1, keepdims=True)
            counts += joint.sum(axis=0)
            sums += joint.T @ z
        return maximised(counts, sums)

    return iteration


def torch_cpu(mixture: DiagonalMixture, frames: Singles) -> Callable[[], Parameters]:
    """The same in PyTorch on the processor."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    blocks = torch.from_numpy(frames).split(BLOCK)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def iteration() -> Parameters:
        matrix, constants = (torch.from_numpy(part).float() for part in coefficients_of(mixture))
        counts = torch.zeros(len(constants), dtype=torch.float64)
        sums = torch.zeros((len(constants), len(matrix)), dtype=torch.float64)
        for x in blocks:
            z = torch.cat([x, x**2], dim=1)
            shares = torch.addmm(constants, z, matrix).softmax(dim=1)
            counts += shares.sum(dim=0)
            sums += shares.T @ z
        weights, means, variances = (part.numpy() for part in maximised(counts, sums))
        return weights, means, variances

    repeated: Callable[[], Parameters] = iteration
    return repeated


def jax_cpu(mixture: DiagonalMixture, frames: Singles) -> Callable[[], Parameters]:
    """The same in JAX on the processor, compiled by XLA; sums over blocks in float32."""
    jax = importlib.import_module("jax")
    jnp = jax.numpy
    blocks = jnp.asarray(frames.reshape(-1, BLOCK, frames.shape[1]))

    @jax.jit  # type: ignore[untyped-decorator]
    def sums_of(matrix: Any, constants: Any, blocks: Any) -> Any:
        def one(sums: Any, x: Any) -> Any:
            z = jnp.concatenate([jnp.ones((BLOCK, 1), x.dtype), x, x**2], axis=1)
            shares = jax.nn.softmax(z[:, 1:] @ matrix + constants, axis=1)
            return sums + shares.T @ z, None

        zero = jnp.zeros((len(constants), 1 + len(matrix)), matrix.dtype)
        return jax.lax.scan(one, zero, blocks)[0]

    def iteration() -> Parameters:
        matrix, constants = (part.astype(np.float32) for part in coefficients_of(mixture))
        sums = np.asarray(sums_of(matrix, constants, blocks), dtype=np.float64)
        return maximised(sums[:, 0], sums[:, 1:])

    return iteration


def peers() -> dict[str, Peer]:
    """The peers by name; PyTorch and JAX only where they are installed."""
    found: dict[str, Peer] = {"scikit-learn": scikit_learn, "NumPy": plain_numpy}
    optional: dict[str, Peer] = {"torch": torch_cpu, "jax": jax_cpu}
    return found | {name: peer for name, peer in optional.items() if importlib.util.find_spec(name)}
