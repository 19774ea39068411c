"""The update: from statistics to a better mixture, and the loop around both (Dempster, Laird & Rubin 1977).

What an M-step does depends on the family of the components (`gaussian_family`). Whatever that is, a component that owns
less than `min_occupancy` frames is put on one half of a heavy one; in a fit of K components this is done K times at
most, after that such components are removed. Only in such an iteration may the likelihood fall, and `Fit` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np

from speechgmm.mixture.estep import Frames
from speechgmm.mixture.families import family_for
from speechgmm.mixture.family import Family, M
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import Shards, Spread, as_shards
from speechgmm.mixture.statistics import Statistics, accumulate_shards, auxiliary


@dataclass(frozen=True, kw_only=True, eq=False)
class Update(Generic[M]):
    """A mixture from one M-step, and what had to be repaired.

    Attributes
    ----------
    mixture : Mixture
    n_limited : int
        Parameters held at a limit: the variances (of K times D) of Gaussians at the floor.
    n_reseeded, n_pruned : int
        Components put on one half of the heaviest, or removed, because they owned too few frames.
    """

    mixture: M
    n_limited: int = 0
    n_reseeded: int = 0
    n_pruned: int = 0


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """One step of EM in the light of its lower bound (Neal & Hinton 1998); all in nats a frame.

    For any responsibilities q, ``F(q, mixture) = Q + entropy(q)`` is at most the log-likelihood, by the
    Kullback-Leibler divergence of q from the posteriors. The M-step raises F at fixed q; the E-step closes the gap.

    Attributes
    ----------
    log_likelihood : float
        Of the mixture that the M-step made. (Hard EM: of the frames and their most likely components together.)
    auxiliary, entropy : float
        Q and the entropy of the responsibilities after the E-step; their sum F is the log-likelihood again.
    raised : float
        F after the M-step, with the responsibilities of the step before; NaN for the start, and where components were
        re-seeded or removed.
    log_prior : float
        Logarithm of the prior density of the mixture's parameters, where the family has one, up to a constant.
    """

    log_likelihood: float
    auxiliary: float
    entropy: float
    raised: float
    log_prior: float = 0.0

    @classmethod
    def after(cls, statistics: Statistics, mixture: Mixture, *, raised: float, log_prior: float) -> Iteration:
        """What an E-step found: its statistics, under the mixture they were taken with; sums over all frames."""
        return cls(
            log_likelihood=statistics.log_likelihood / statistics.n_frames,
            auxiliary=auxiliary(statistics, mixture) / statistics.n_frames,
            entropy=statistics.entropy / statistics.n_frames,
            raised=raised / statistics.n_frames,
            log_prior=log_prior / statistics.n_frames,
        )

    @property
    def objective(self) -> float:
        """What EM climbs: log-likelihood and log prior."""
        return self.log_likelihood + self.log_prior

    @property
    def bound(self) -> float:
        """F after the E-step."""
        return self.auxiliary + self.entropy

    @property
    def gap(self) -> float:
        """Divergence of the old responsibilities from the new posteriors, which the E-step closed; not negative."""
        return self.log_likelihood - self.raised


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit(Generic[M]):
    """A fitted mixture, or one on its way, and how it came about.

    Attributes
    ----------
    mixture : Mixture
    iterations : tuple of Iteration
        Of the starting mixture and after each update; the last is `mixture`'s.
    converged : bool
        True if the last update gained less than the tolerance; False if the iterations ran out.
    n_limited : int
        Parameters of `mixture` that stand at a limit: of Gaussians the variances at the floor.
    reseeded_at : tuple of int
        The updates (from 1) in which components were re-seeded or removed: there the likelihood may fall.
    n_reseeded, n_pruned : int
        Components re-seeded and removed in all.
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
        """Mean log-likelihood a frame (nats) of the start and after each update."""
        return tuple(iteration.log_likelihood for iteration in self.iterations)

    @property
    def n_iterations(self) -> int:
        """How many updates were made."""
        return max(len(self.iterations) - 1, 0)


def update(statistics: Statistics, family: Family[M], *, min_occupancy: float, may_reseed: int) -> Update[M]:
    """M-step: the mixture of highest expected log-likelihood, and no component left with too few frames.

    Parameters
    ----------
    statistics : Statistics
    family : Family
    min_occupancy : float
        A component with fewer frames is re-seeded or removed. The heaviest always stays.
    may_reseed : int
        How many components may be re-seeded; beyond them, and beyond as many as stay, components are removed.

    Returns
    -------
    Update
    """
    occupancies = statistics.occupancies
    poor = occupancies < min_occupancy
    poor[np.argmax(occupancies)] = False
    n_poor = int(poor.sum())
    n_reseeded = min(n_poor, may_reseed, len(poor) - n_poor)
    mixture = family.maximise(statistics.only(~poor) if n_poor else statistics)
    if n_reseeded:
        mixture = family.split(mixture, n_reseeded)
    return Update(
        mixture=mixture,
        n_limited=family.n_limited(mixture),
        n_reseeded=n_reseeded,
        n_pruned=n_poor - n_reseeded,
    )


def fit(
    data: Frames | Shards,
    start: M | Fit[M],
    *,
    family: Family[M] | None = None,
    options: EMOptions = EMOptions(),
    spread: Spread = map,
    monitor: Callable[[Fit[M]], None] | None = None,
) -> Fit[M]:
    """Fit a mixture to frames by EM.

    Parameters
    ----------
    data : ndarray (T, D) or sequence of Shard
        The frames; weighted ones are shards, see `shards.shards_of`.
    start : Mixture or Fit
        Where EM starts; its parameters are brought within the limits of the M-step first. Or a fit that was broken off,
        as the monitor was given it: it then ends as if it never had been.
    family : Family, optional
        What `families.family_for` says of the data, where it is known already.
    options : EMOptions
    spread : callable
        How the shards of an E-step are worked on: see `shards.Spread`.
    monitor : callable, optional
        Called with the fit as it stands, before the first update and after each.

    Returns
    -------
    Fit

    Raises
    ------
    TrainingError
        If there are fewer frames than components, or a frame is not one the family can describe.
    """
    shards = as_shards(data)
    mixture = start.mixture if isinstance(start, Fit) else start
    known = family or family_for(mixture.family, shards, mixture.n_components, options=options, spread=spread)
    beginning = start if isinstance(start, Fit) else Fit(mixture=known.apply_limits(mixture))

    def m_step(statistics: Statistics, state: Fit[M]) -> Update[M]:
        may_reseed = state.mixture.n_components + state.n_pruned - state.n_reseeded
        return update(statistics, known, min_occupancy=options.min_occupancy, may_reseed=may_reseed)

    return run_em(beginning, shards, known, m_step, options=options, spread=spread, monitor=monitor)


def run_em(
    state: Fit[M],
    shards: Shards,
    family: Family[M],
    m_step: Callable[[Statistics, Fit[M]], Update[M]],
    *,
    options: EMOptions,
    spread: Spread,
    monitor: Callable[[Fit[M]], None] | None,
) -> Fit[M]:
    """E-steps and M-steps in turn, from a fit as it stands until it has converged or the iterations run out."""
    if state.converged or state.n_iterations >= options.max_iterations:
        return state

    def e_step(mixture: M) -> Statistics:
        return accumulate_shards(mixture, shards, axes=family.axes, hard=options.hard, spread=spread)

    statistics = e_step(state.mixture)
    if not state.iterations:
        first = Iteration.after(statistics, state.mixture, raised=math.nan, log_prior=family.log_prior(state.mixture))
        state = replace(state, iterations=(first,), n_limited=family.n_limited(state.mixture))
        if monitor is not None:
            monitor(state)
    while not state.converged and state.n_iterations < options.max_iterations:
        step = m_step(statistics, state)
        repaired = bool(step.n_reseeded or step.n_pruned)
        # After a repair the old responsibilities were of other components.
        raised = math.nan if repaired else auxiliary(statistics, step.mixture) + statistics.entropy
        statistics = e_step(step.mixture)
        log_prior = family.log_prior(step.mixture)
        latest = Iteration.after(statistics, step.mixture, raised=raised, log_prior=log_prior)
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
