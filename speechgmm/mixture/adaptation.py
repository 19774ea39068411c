"""MAP adaptation: a mixture moved from a background toward data, each component as far as its data carry it.

With the responsibilities' counts n_k, means E_k[x] and second moments E_k[x^2] of T frames, and the relevance r, a
component's new parameters are (Reynolds, Quatieri & Dunn 2000, eq. 11 to 14)

    a_k = n_k / (n_k + r)
    w_k' = [a_k n_k / T + (1 - a_k) w_k] / sum over components
    m_k' = a_k E_k[x] + (1 - a_k) m_k
    v_k' = a_k E_k[x^2] + (1 - a_k) (v_k + m_k^2) - m_k'^2                                                      (6)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.em import Fit, Update, run_em
from speechgmm.mixture.estep import Frames
from speechgmm.mixture.families import family_for
from speechgmm.mixture.family import Family, M
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import Shards, Spread, as_shards
from speechgmm.mixture.statistics import Statistics

TRACE = 1e-6  # frames; the E-step's clamp may leave so little to a component that no frame is near
MAX_ITERATIONS = 5  # with more, components that little was heard of follow what the others leave them


def adapt(background: M, statistics: Statistics, family: Family[M], *, relevance: float = 16.0) -> M:
    """Adapt a mixture to data, equation (6).

    Parameters
    ----------
    background : Mixture
        K components; where the adapted mixture stays without data.
    statistics : Statistics
        Of the data, under the background or under what it was adapted to so far.
    family : Family
        Of the background.
    relevance : float
        With so many frames a component is half way from the background to its data; not negative. 0 is maximum
        likelihood for the components that have data.

    Returns
    -------
    Mixture
        K components, in the background's order.

    Raises
    ------
    OptionError
        If the relevance is not a number from 0 on.
    """
    if not relevance >= 0:
        raise OptionError(f"relevance is {relevance}, but it must be 0 or more")
    occupancies = statistics.occupancies
    share = np.where(occupancies > TRACE, occupancies / np.maximum(occupancies + relevance, TRACE), 0.0)
    weights = share * occupancies / (statistics.n_frames or 1.0) + (1.0 - share) * background.weights
    return family.adapt(background, statistics, weights=weights / weights.sum(), share=share)


def fit_adapted(
    data: Frames | Shards,
    background: M,
    *,
    relevance: float = 16.0,
    options: EMOptions = EMOptions(),
    spread: Spread = map,
    resume: Fit[M] | None = None,
    monitor: Callable[[Fit[M]], None] | None = None,
) -> Fit[M]:
    """Adapt a mixture to frames in a few iterations; each shares the frames out anew and starts from the background.

    Parameters
    ----------
    data : ndarray (T, D) or sequence of Shard
    background : Mixture
        Its parameters are brought within the limits of the M-step first.
    relevance : float
        As for `adapt`.
    options : EMOptions
        Of its iterations at most `MAX_ITERATIONS` are made; no component is re-seeded or removed. The background takes
        the place of any smoothing.
    spread, resume, monitor
        As for `em.fit`.

    Returns
    -------
    Fit

    Raises
    ------
    TrainingError
        If there are no frames, or a frame is not one the family can describe.
    OptionError
        If the relevance is not a number from 0 on.
    """
    shards = as_shards(data)
    options = replace(options, smoothing=0.0, max_iterations=min(options.max_iterations, MAX_ITERATIONS))
    family = family_for(background.family, shards, 1, options=options, spread=spread)
    background = family.apply_limits(background)

    def m_step(statistics: Statistics, state: Fit[M]) -> Update[M]:
        mixture = adapt(background, statistics, family, relevance=relevance)
        return Update(mixture=mixture, n_limited=family.n_limited(mixture))

    beginning = Fit(mixture=background) if resume is None else resume
    return run_em(beginning, shards, family, m_step, options=options, spread=spread, monitor=monitor)
