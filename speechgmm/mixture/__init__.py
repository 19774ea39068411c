"""Mixture models: Gaussian and Bernoulli mixtures, EM, MAP adaptation, MMI. Arrays in, arrays out.

- Model: `model` scores frames and draws samples; `gaussian` and `bernoulli` are the two families of components of
  speech, `spherical` and `full_gaussian` (full and tied covariances) those of the estimators. `bank` scores several
  mixtures with one matrix product, `mixture_types` finds a model by the name of its family.
- Statistics: `statistics` computes the sums of the E-step, with the inner loop in `estep`. `shards` holds the frames
  and the executor.
- Update: `em` alternates E-step and M-step. `component_family` is the interface of an M-step, `gaussian_mstep`,
  `full_gaussian_mstep` and `bernoulli_mstep` implement it, `family_registry` finds it by name. `map_adaptation` is MAP
  adaptation from a background model, `mmi` discriminative training (maximum mutual information) of the means.
- Start: `initialisation` makes the first mixture, with `kmeans` or `kmedoids`. `restarts` fits from several starts.
- Selection: `information_criteria` chooses the number of components.

- Estimators: `estimators` has `GaussianMixture`, `BernoulliMixture`, `KMeans`, `KMedoids`, `VectorQuantizer` and
  `select_components` in the manner of scikit-learn. `speechgmm.mixture` exports them (docs/estimators.md).

`options` holds the options of EM. `checkpoint` is the interface through which fits are saved and resumed.

Main path of a fit, `restarts.fit_restarts`:

1. `family_registry.family_for`: checks the frames; their mean and variance give the variance floor and the axes.
2. `initialisation.start`: a sample of the frames -> k-means -> the first mixture.
3. `em.fit`: `statistics.accumulate_shards` (E-step) and `em.update` (M-step) in turn, until convergence.

This room imports no other room.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechgmm.mixture.estimators.bernoulli_mixture import BernoulliMixture
    from speechgmm.mixture.estimators.gaussian_mixture import GaussianMixture
    from speechgmm.mixture.estimators.kmeans import KMeans
    from speechgmm.mixture.estimators.kmedoids import KMedoids
    from speechgmm.mixture.estimators.select_components import select_components
    from speechgmm.mixture.estimators.vector_quantizer import VectorQuantizer

__all__ = ["BernoulliMixture", "GaussianMixture", "KMeans", "KMedoids", "VectorQuantizer", "select_components"]

_HOMES = {
    "BernoulliMixture": "bernoulli_mixture",
    "GaussianMixture": "gaussian_mixture",
    "KMeans": "kmeans",
    "KMedoids": "kmedoids",
    "VectorQuantizer": "vector_quantizer",
    "select_components": "select_components",
}


def __getattr__(name: str) -> object:
    # Loaded when first used: scikit-learn takes a second, and no command that uses the mixtures needs it.
    if name not in _HOMES:
        raise AttributeError(f"module 'speechgmm.mixture' has no attribute {name!r}")
    return getattr(importlib.import_module(f"speechgmm.mixture.estimators.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, *globals()]
