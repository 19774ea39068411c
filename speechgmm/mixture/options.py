"""The options of EM."""

from __future__ import annotations

from dataclasses import dataclass

from speechgmm.argument_checks import conform_fields
from speechgmm.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class EMOptions:
    """Options of EM.

    Attributes
    ----------
    max_iterations : int
        Maximum number of updates, at least 1.
    tolerance : float
        EM has converged when an update gains less than this, in nats per frame; not negative.
    variance_floor : float
        Gaussian: minimum variance of a component as a share of the data's variance in the same dimension, in [0, 1).
    smoothing : float
        Bernoulli: number of frames equal to the data's mean that are added to every component; not negative, finite.
    min_occupancy : float
        Minimum number of (weighted) frames of a component, positive.
    hard : bool
        Assign each frame to its most likely component only (Viterbi training), not to all by responsibility.
    """

    max_iterations: int = 50
    tolerance: float = 1e-3
    variance_floor: float = 0.01
    smoothing: float = 2.0
    min_occupancy: float = 10.0
    hard: bool = False

    def __post_init__(self) -> None:
        conform_fields(self)
        if self.max_iterations < 1:
            raise OptionError(f"max_iterations is {self.max_iterations}, but EM needs at least 1")
        if not self.tolerance >= 0:
            raise OptionError(f"tolerance is {self.tolerance}, but it must be 0 or more")
        if not 0 <= self.variance_floor < 1:
            raise OptionError(f"variance_floor is {self.variance_floor}, but it must be at least 0 and below 1")
        if not 0 <= self.smoothing < float("inf"):
            raise OptionError(f"smoothing is {self.smoothing}, but it must be a finite number of frames, 0 or more")
        if not self.min_occupancy > 0:
            raise OptionError(f"min_occupancy is {self.min_occupancy}, but it must be positive")
