"""MAP adaptation of a background model (UBM) to data (Reynolds, Quatieri & Dunn 2000).

With the occupancies n_k, means E_k[x] and second moments E_k[x^2] of T frames under the responsibilities, and the
relevance factor r, the adapted parameters are (eq. 11 to 14)

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
from speechgmm.mixture.component_family import Family, M
from speechgmm.mixture.em import Fit, Update, run_em
from speechgmm.mixture.estep import Frames
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import ShardedFrames, as_shards
from speechgmm.mixture.statistics import Statistics

NEGLIGIBLE_OCCUPANCY = 1e-6  # frames; the clamp of the E-step may leave up to this to a component that no frame is near
MAX_ITERATIONS = 5  # with more, components with few frames drift to frames that the others do not explain


def adapt(background: M, statistics: Statistics, family: Family[M], *, relevance: float = 16.0) -> M:
    """Adapt a background model to data, equation (6).

    Parameters
    ----------
    background : Mixture
        K components; the result without data.
    statistics : Statistics
        Of the data, under the background or its last adaptation.
    family : Family
        Of the background.
    relevance : float
        Relevance factor: number of frames at which a component is half way between the background and its data; not
        negative. 0 is maximum likelihood for the components with data.

    Returns
    -------
    Mixture
        K components, in the background's order.

    Raises
    ------
    OptionError
        If the relevance factor is negative or NaN.
    """
    if not relevance >= 0:
        raise OptionError(f"relevance is {relevance}, but it must be 0 or more")
    occupancies = statistics.occupancies
    share = np.where(
        occupancies > NEGLIGIBLE_OCCUPANCY, occupancies / np.maximum(occupancies + relevance, NEGLIGIBLE_OCCUPANCY), 0.0
    )
    weights = share * occupancies / (statistics.n_frames or 1.0) + (1.0 - share) * background.weights
    return family.adapt(background, statistics, weights=weights / weights.sum(), share=share)


def fit_adapted(
    data: Frames | ShardedFrames,
    background: M,
    *,
    relevance: float = 16.0,
    family: Family[M] | None = None,
    options: EMOptions = EMOptions(),
    resume: Fit[M] | None = None,
    monitor: Callable[[Fit[M]], None] | None = None,
) -> Fit[M]:
    """Adapt a background model to frames in a few EM iterations, each of which adapts the background anew.

    Parameters
    ----------
    data : ndarray (T, D) or ShardedFrames
    background : Mixture
        Its parameters are first brought within the limits of the M-step.
    relevance : float
        As for `adapt`.
    family : Family, optional
        As for `em.fit`.
    options : EMOptions
        At most `MAX_ITERATIONS` iterations are made. No component is re-seeded or removed. The background replaces the
        smoothing.
    resume, monitor
        As for `em.fit`.

    Returns
    -------
    Fit

    Raises
    ------
    TrainingError
        If there are no frames, or the frames are not valid for the family.
    OptionError
        If the relevance factor is negative or NaN.
    """
    shards = as_shards(data)
    options = replace(options, smoothing=0.0, max_iterations=min(options.max_iterations, MAX_ITERATIONS))
    m_step_family = family or family_for(background.family, shards, 1, options=options)
    background = m_step_family.apply_limits(background)

    def m_step(statistics: Statistics, state: Fit[M]) -> Update[M]:
        mixture = adapt(background, statistics, m_step_family, relevance=relevance)
        return Update(mixture=mixture, n_limited=m_step_family.n_limited(mixture))

    initial = Fit(mixture=background) if resume is None else resume
    return run_em(initial, shards, m_step_family, m_step, options=options, monitor=monitor)
