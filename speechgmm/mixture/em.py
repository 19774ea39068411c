"""The EM algorithm: E-steps and M-steps in turn (Dempster, Laird & Rubin 1977).

The M-step depends on the family of the components (`gaussian_mstep`, `bernoulli_mstep`). For every family, components
with an occupancy below `min_occupancy` frames are re-seeded: the component is removed, and a heavy one is split in two.
A fit of K components re-seeds at most K times; further components with too few frames are removed only. The likelihood
may fall only in these iterations; `Fit.reseeded_at` lists them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np

from speechgmm.mixture.component_family import Family, M
from speechgmm.mixture.estep import Frames
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import ShardedFrames, as_shards
from speechgmm.mixture.statistics import Statistics, accumulate_shards, auxiliary


@dataclass(frozen=True, kw_only=True, eq=False)
class Update(Generic[M]):
    """The mixture of one M-step, and the number of components that were re-seeded or removed.

    Attributes
    ----------
    mixture : Mixture
    n_limited : int
        Number of parameters at a limit, for Gaussians the variances (of K times D) at the floor.
    n_reseeded, n_pruned : int
        Components with too few frames that were re-seeded by a split, or removed.
    """

    mixture: M
    n_limited: int = 0
    n_reseeded: int = 0
    n_pruned: int = 0


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """Log-likelihood and lower bound of one EM iteration (Neal & Hinton 1998), in nats per frame.

    For any responsibilities q, ``F(q, mixture) = Q + entropy(q)`` is a lower bound of the log-likelihood. The gap is
    the Kullback-Leibler divergence of q from the posteriors. The M-step raises F at fixed q; the E-step closes the gap.

    Attributes
    ----------
    log_likelihood : float
        Log-likelihood of the mixture after the M-step. Hard EM: the joint log-likelihood of the frames and their most
        likely components.
    auxiliary, entropy : float
        Q and the entropy of the responsibilities after the E-step; their sum F equals the log-likelihood.
    raised : float
        F after the M-step, with the responsibilities of the previous iteration. NaN for the start, and if components
        were re-seeded or removed.
    log_prior : float
        Logarithm of the prior density of the mixture's parameters, up to a constant; 0 for a family without a prior.
    """

    log_likelihood: float
    auxiliary: float
    entropy: float
    raised: float
    log_prior: float = 0.0

    @classmethod
    def after(cls, statistics: Statistics, *, raised: float, log_prior: float) -> Iteration:
        """From the statistics of an E-step; all sums over all frames."""
        return cls(
            log_likelihood=statistics.log_likelihood / statistics.n_frames,
            auxiliary=(statistics.log_likelihood - statistics.entropy) / statistics.n_frames,
            entropy=statistics.entropy / statistics.n_frames,
            raised=raised / statistics.n_frames,
            log_prior=log_prior / statistics.n_frames,
        )

    @property
    def objective(self) -> float:
        """The objective that EM maximises: log-likelihood plus log prior."""
        return self.log_likelihood + self.log_prior

    @property
    def bound(self) -> float:
        """The lower bound F after the E-step."""
        return self.auxiliary + self.entropy

    @property
    def gap(self) -> float:
        """Gap that the E-step closed: divergence of the old responsibilities from the posteriors, not negative."""
        return self.log_likelihood - self.raised


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit(Generic[M]):
    """A mixture and the history of its fit, finished or not.

    Attributes
    ----------
    mixture : Mixture
    iterations : tuple of Iteration
        Of the initial mixture and after each update; the last one belongs to `mixture`.
    converged : bool
        True if the last update gained less than the tolerance; False at the maximum number of iterations.
    n_limited : int
        Number of parameters of `mixture` at a limit, for Gaussians the variances at the floor.
    reseeded_at : tuple of int
        The updates (from 1) in which components were re-seeded or removed, so that the likelihood may fall.
    n_reseeded, n_pruned : int
        Total number of components re-seeded and removed.
    """

    mixture: M
    iterations: tuple[Iteration, ...] = ()
    converged: bool = False
    n_limited: int = 0
    reseeded_at: tuple[int, ...] = ()
    n_reseeded: int = 0
    n_pruned: int = 0

    @property
    def log_likelihoods(self) -> tuple[float, ...]:
        """Mean log-likelihood per frame (nats) of the start and after each update."""
        return tuple(iteration.log_likelihood for iteration in self.iterations)

    @property
    def n_iterations(self) -> int:
        """Number of updates."""
        return max(len(self.iterations) - 1, 0)


def update(statistics: Statistics, family: Family[M], *, min_occupancy: float, may_reseed: int) -> Update[M]:
    """M-step: maximise the expected log-likelihood; re-seed or remove components with too few frames.

    Parameters
    ----------
    statistics : Statistics
    family : Family
    min_occupancy : float
        A component with fewer frames is re-seeded or removed. The heaviest component always stays.
    may_reseed : int
        Maximum number of components to re-seed; never more than the number of components that stay. The others are
        removed.

    Returns
    -------
    Update
    """
    occupancies = statistics.occupancies
    starved = occupancies < min_occupancy
    starved[np.argmax(occupancies)] = False
    n_starved = int(starved.sum())
    n_reseeded = min(n_starved, may_reseed, len(starved) - n_starved)
    mixture = family.maximise(statistics.only(~starved) if n_starved else statistics)
    if n_reseeded:
        mixture = family.split(mixture, n_reseeded)
    return Update(
        mixture=mixture,
        n_limited=family.n_limited(mixture),
        n_reseeded=n_reseeded,
        n_pruned=n_starved - n_reseeded,
    )


def fit(
    data: Frames | ShardedFrames,
    start: M | Fit[M],
    *,
    family: Family[M] | None = None,
    options: EMOptions = EMOptions(),
    monitor: Callable[[Fit[M]], None] | None = None,
) -> Fit[M]:
    """Fit a mixture to frames by EM.

    Parameters
    ----------
    data : ndarray (T, D) or ShardedFrames
        The frames; for weighted frames see `shards.shards_of`.
    start : Mixture or Fit
        The initial mixture; its parameters are first brought within the limits of the M-step. Or an unfinished fit, as
        passed to the monitor; the result is then that of an uninterrupted fit.
    family : Family, optional
        The result of `family_registry.family_for` for the data, if it is already known.
    options : EMOptions
    monitor : callable, optional
        Called with the current fit before the first update and after each.

    Returns
    -------
    Fit

    Raises
    ------
    TrainingError
        If there are fewer frames than components, or the frames are not valid for the family.
    """
    shards = as_shards(data)
    mixture = start.mixture if isinstance(start, Fit) else start
    m_step_family = family or family_for(mixture.family, shards, mixture.n_components, options=options)
    initial = start if isinstance(start, Fit) else Fit(mixture=m_step_family.apply_limits(mixture))

    def m_step(statistics: Statistics, state: Fit[M]) -> Update[M]:
        may_reseed = state.mixture.n_components + state.n_pruned - state.n_reseeded
        return update(statistics, m_step_family, min_occupancy=options.min_occupancy, may_reseed=may_reseed)

    return run_em(initial, shards, m_step_family, m_step, options=options, monitor=monitor)


def run_em(
    state: Fit[M],
    data: ShardedFrames,
    family: Family[M],
    m_step: Callable[[Statistics, Fit[M]], Update[M]],
    *,
    options: EMOptions,
    monitor: Callable[[Fit[M]], None] | None,
) -> Fit[M]:
    """Run E-steps and M-steps in turn from a fit until convergence or the maximum number of iterations."""
    if state.converged or state.n_iterations >= options.max_iterations:
        return state

    def e_step(mixture: M) -> Statistics:
        return accumulate_shards(mixture, data, axes=family.axes, hard=options.hard)

    statistics = e_step(state.mixture)
    if not state.iterations:
        first = Iteration.after(statistics, raised=math.nan, log_prior=family.log_prior(state.mixture))
        state = replace(state, iterations=(first,), n_limited=family.n_limited(state.mixture))
        if monitor is not None:
            monitor(state)
    while not state.converged and state.n_iterations < options.max_iterations:
        step = m_step(statistics, state)
        repaired = bool(step.n_reseeded or step.n_pruned)
        # After a repair the old responsibilities belong to other components.
        raised = math.nan if repaired else auxiliary(statistics, step.mixture) + statistics.entropy
        statistics = e_step(step.mixture)
        log_prior = family.log_prior(step.mixture)
        latest = Iteration.after(statistics, raised=raised, log_prior=log_prior)
        gain = latest.objective - state.iterations[-1].objective
        state = Fit(
            mixture=step.mixture,
            iterations=(*state.iterations, latest),
            converged=not repaired and gain < options.tolerance,
            n_limited=step.n_limited,
            reseeded_at=(*state.reseeded_at, len(state.iterations)) if repaired else state.reseeded_at,
            n_reseeded=state.n_reseeded + step.n_reseeded,
            n_pruned=state.n_pruned + step.n_pruned,
        )
        if monitor is not None:
            monitor(state)
    return state
