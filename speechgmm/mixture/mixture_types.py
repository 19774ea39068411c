"""Types of mixtures by the name of their family: to score with a mixture needs none of the M-steps that fit one."""

from __future__ import annotations

from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.model import Mixture

MIXTURE_TYPES: dict[str, type[Mixture]] = {kind.family: kind for kind in (DiagonalMixture, BernoulliMixture)}
