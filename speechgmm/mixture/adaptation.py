"""MAP adaptation: a mixture moved from a background toward data, each component as far as its data carry it.

With the responsibilities' counts n_k, means E_k[x] and second moments E_k[x^2] of T frames, and the relevance r, a
component's new parameters are (Reynolds, Quatieri & Dunn 2000, eq. 11 to 14)

    a_k = n_k / (n_k + r)
    w_k' = [a_k n_k / T + (1 - a_k) w_k] / sum over components
    m_k' = a_k E_k[x] + (1 - a_k) m_k
    v_k' = a_k E_k[x^2] + (1 - a_k) (v_k + m_k^2) - m_k'^2                                                      (6)

The last is computed as ``a e + (1 - a) v + a (1 - a) (E[x] - m)^2``, e being the data's variance around their own mean:
the same number, but nothing in it cancels.
"""

from __future__ import annotations

import math

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.em import ABSOLUTE_FLOOR, EMOptions, Fit, Iteration, checked_moments, floor_variances
from speechgmm.mixture.estep import Axes, Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import Spread, Statistics, accumulate_shards, auxiliary

TRACE = 1e-6  # frames; the E-step's clamp may leave so little to a component that no frame is near
MAX_ITERATIONS = 5  # with more, components that little was heard of follow what the others leave them


def adapt(
    background: DiagonalMixture, statistics: Statistics, *, relevance: float = 16.0, floor: Floats
) -> DiagonalMixture:
    """Adapt a mixture to data, equation (6).

    Parameters
    ----------
    background : DiagonalMixture
        K components; where the adapted mixture stays without data.
    statistics : Statistics
        Of the data, under the background or under what it was adapted to so far.
    relevance : float
        With so many frames a component is half way from the background to its data; not negative. 0 is maximum
        likelihood for the components that have data.
    floor : ndarray (D,)
        Least variances.

    Returns
    -------
    DiagonalMixture
        K components, in the background's order.

    Raises
    ------
    OptionError
        If the relevance is not a number from 0 on.
    """
    if not relevance >= 0:
        raise OptionError(f"relevance is {relevance}, but it must be 0 or more")
    heard = statistics.occupancies > TRACE
    counts = np.where(heard, statistics.occupancies, 1.0)
    share = np.where(heard, counts / (counts + relevance), 0.0)
    weights = share * statistics.occupancies / (statistics.n_frames or 1.0) + (1.0 - share) * background.weights

    offsets = statistics.first / counts[:, np.newaxis]
    spread = np.maximum(statistics.second / counts[:, np.newaxis] - offsets**2, 0.0)
    shift = offsets - (background.means - statistics.center)
    a = share[:, np.newaxis]
    variances = a * spread + (1.0 - a) * background.variances + a * (1.0 - a) * shift**2
    return DiagonalMixture(weights / weights.sum(), background.means + a * shift, np.maximum(variances, floor))


def fit_adapted(
    frames: Frames,
    background: DiagonalMixture,
    *,
    relevance: float = 16.0,
    frame_weights: Floats | None = None,
    options: EMOptions = EMOptions(),
    spread: Spread = map,
) -> Fit:
    """Adapt a mixture to frames in a few iterations; each shares the frames out anew and starts from the background.

    Parameters
    ----------
    frames : ndarray (T, D)
    background : DiagonalMixture
        Its variances are lifted to the floor first.
    relevance : float
        As for `adapt`.
    frame_weights : ndarray (T,), optional
        How much each frame counts; 1 by default.
    options : EMOptions
        Of its iterations at most `MAX_ITERATIONS` are made; no component is re-seeded or removed.
    spread : callable
        How the shards of an E-step are worked on: see `statistics.accumulate_shards`.

    Returns
    -------
    Fit

    Raises
    ------
    TrainingError
        If there are no frames, or a frame is not finite.
    OptionError
        If the relevance is not a number from 0 on.
    """
    center, variance = checked_moments(frames, 1, frame_weights)
    axes = Axes.around(center, np.sqrt(np.maximum(variance, ABSOLUTE_FLOOR)))
    floor = floor_variances(variance, options)

    def e_step(mixture: DiagonalMixture) -> Statistics:
        return accumulate_shards(
            mixture, frames, axes=axes, frame_weights=frame_weights, hard=options.hard, spread=spread
        )

    background = DiagonalMixture(background.weights, background.means, np.maximum(background.variances, floor))
    mixture, statistics = background, e_step(background)
    history = [Iteration.after(statistics, mixture, raised=math.nan)]
    converged = False
    while not converged and len(history) <= min(options.max_iterations, MAX_ITERATIONS):
        mixture = adapt(background, statistics, relevance=relevance, floor=floor)
        raised = (auxiliary(statistics, mixture) + statistics.entropy) / statistics.n_frames
        statistics = e_step(mixture)
        history.append(Iteration.after(statistics, mixture, raised=raised))
        converged = history[-1].log_likelihood - history[-2].log_likelihood < options.tolerance
    return Fit(
        mixture=mixture,
        iterations=tuple(history),
        converged=converged,
        n_floored=int((mixture.variances <= floor).sum()),
        reseeded_at=(),
        n_reseeded=0,
        n_pruned=0,
    )
