"""A fit with the mixture of every iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from speechgmm.explanation.scene import Floats
from speechgmm.explanation.views import diagonal, one_hot
from speechgmm.mixture.bernoulli_mstep import BernoulliFamily
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estimators.gaussian_mixture import FAMILIES
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import from_clusters, identical_components
from speechgmm.mixture.kmeans import assign, lloyd, seed_plus_plus
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.mixture.statistics import moments

VARIANCE_FLOOR = 1e-3  # share of the data's variance: low, but no component shrinks to a single frame
ALL_UNTIL = 9  # iterations of which a figure shows each one
FEW = 1e-3  # frames of a component below which it is re-seeded: hardly ever, so that every iteration is one of EM


@dataclass(frozen=True, eq=False)
class Traced:
    """A fit, and the mixture of each of its iterations."""

    fit: Fit[Mixture]
    mixtures: tuple[Mixture, ...]
    hard: bool = False

    def shown(self) -> list[int]:
        """The iterations that a figure shows: the first ones, then every third, and the last."""
        last = self.fit.n_iterations
        return [each for each in range(last + 1) if each <= ALL_UNTIL or (each - ALL_UNTIL) % 3 == 0 or each == last]

    def shares(self, iteration: int, frames: Floats) -> Floats:
        """Responsibilities (T, K) of the E-step after this iteration; hard EM: of the most likely component only."""
        posteriors = self.mixtures[iteration].responsibilities(frames)
        return one_hot(posteriors.argmax(axis=1), posteriors.shape[1]) if self.hard else posteriors


def family_of(frames: Floats, kind: str) -> Family[Mixture]:
    """The family of a type of covariance, or "bernoulli", for these frames."""
    family: type[Family[Any]] = BernoulliFamily if kind == "bernoulli" else FAMILIES[kind]
    return family.of(moments(shards_of(frames)), options_of())


def options_of(*, max_iterations: int = 40, tolerance: float = 1e-5, hard: bool = False) -> EMOptions:
    """Options of EM for a figure: it runs longer than in practice, and components are not re-seeded."""
    return EMOptions(
        max_iterations=max_iterations,
        tolerance=tolerance,
        variance_floor=VARIANCE_FLOOR,
        min_occupancy=FEW,
        hard=hard,
    )


def traced(frames: Floats, start: Mixture, family: Family[Mixture], *, options: EMOptions) -> Traced:
    """Fit from a start, and keep every mixture."""
    mixtures: list[Mixture] = []
    fitted = fit(frames, start, family=family, options=options, monitor=lambda state: mixtures.append(state.mixture))
    return Traced(fitted, tuple(mixtures), options.hard)


def kmeans_start(frames: Floats, n_components: int, family: Family[Mixture], seed: int = 0) -> Mixture:
    """A good start: the clusters of k-means become components."""
    scaled = standardised(frames)
    clustering = lloyd(scaled, seed_plus_plus(scaled, n_components, np.random.default_rng(seed)), max_iterations=20)
    return from_clusters(clustering.assignments, n_components, frames, family)


def random_start(frames: Floats, n_components: int, family: Family[Mixture], seed: int = 0) -> Mixture:
    """A slow start: each frame is assigned to a component at random, so that all components are nearly the same."""
    assignments = np.random.default_rng(seed).integers(n_components, size=len(frames))
    return from_clusters(assignments, n_components, frames, family)


def fitted_diagonal(frames: Floats, n_components: int) -> DiagonalMixture:
    """The fit of Gaussians with diagonal covariances from the clusters of k-means."""
    family = family_of(frames, "diag")
    start = kmeans_start(frames, n_components, family)
    return diagonal(traced(frames, start, family, options=options_of(max_iterations=200)).mixtures[-1])


def placed_start(frames: Floats, points: Floats, family: Family[Mixture]) -> Mixture:
    """Components as wide as the data, with their centres at these points (K, D)."""
    return family.place(identical_components(len(points), frames, family), points)


def bad_points(frames: Floats, n_components: int, spread: float = 0.5) -> Floats:
    """Centres on a short line across the main direction of the frames, at most `spread` deviations from their mean."""
    across = np.linalg.svd(standardised(frames), full_matrices=False)[2][-1]
    offsets: Floats = np.linspace(-spread, spread, n_components)[:, np.newaxis] * across * frames.std(axis=0)
    points: Floats = frames.mean(axis=0) + offsets
    return points


def standardised(frames: Floats) -> Floats:
    """Each column with mean 0 and variance 1; distances then count all columns alike."""
    deviation = frames.std(axis=0)
    scaled: Floats = (frames - frames.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return scaled


def nearest(frames: Floats, centers: Floats) -> Floats:
    """Responsibilities (T, K) of k-means: 1 for the nearest centre."""
    return one_hot(assign(frames, centers).assignments, len(centers))


def starts_of(frames: Floats, n_components: int, family: Family[Mixture]) -> dict[str, Mixture]:
    """A good start and two bad ones, by their names."""
    across = placed_start(frames, bad_points(frames, n_components), family)
    return {
        "bad start: random assignment": random_start(frames, n_components, family),
        "bad start: centres across": across,
        "good start: k-means": kmeans_start(frames, n_components, family),
    }
