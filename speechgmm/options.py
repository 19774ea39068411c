"""The options of a training, all in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from speechgmm.decision.model import DecisionOptions
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.families import check_family
from speechgmm.mixture.initialisation import check_method
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import check_restarts

FEATURES = {"gaussian": "cepstra", "bernoulli": "patterns"}
"""What the front end must make for a family."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
    family : str
        What the components are: gaussian (for cepstra) or bernoulli (for binary patterns).
    n_components : int
        Components of each class's mixture, 1 to 4096.
    start : str
        How EM starts for the mixture of all classes together: kmeans, random, medoids or split; see
        `mixture.initialisation.start`.
    restarts : int
        From how many starts that mixture is fitted, at least 1; the one of highest likelihood is kept.
    background_iterations : int
        Most iterations of EM for the mixture of all classes together, from which each class's EM starts; at least 1.
        Where the classes are adapted from it, it is fitted with as many as `em` has.
    adapt : float
        Relevance factor, in frames, with which each class's mixture is adapted from that of all classes together
        instead of being fitted freely from there; 0 for the free fit.
    speaker_share : float
        All frames of a speaker together weigh at most this many times as much as those of the class's median
        speaker; positive.
    folds : int
        Where the corpus has no dev split, the model is calibrated on what models trained without a speaker say of that
        speaker: in so many parts the speakers of each class are divided for that; 2 or more.
    seed : int
        Decides how the speakers are divided into folds and what the starts are drawn from; not negative.
    front_end : FrontEndOptions
    em : EMOptions
    decision : DecisionOptions
    """

    family: str = "gaussian"
    n_components: int = 64
    start: str = "kmeans"
    restarts: int = 1
    background_iterations: int = 15
    speaker_share: float = 4.0
    folds: int = 5
    seed: int = 0
    adapt: float = 0.0
    front_end: FrontEndOptions = field(default_factory=FrontEndOptions)
    em: EMOptions = field(default_factory=EMOptions)
    decision: DecisionOptions = field(default_factory=DecisionOptions)

    def __post_init__(self) -> None:
        if not 1 <= self.n_components <= 4096:
            raise OptionError(f"n_components is {self.n_components}, but it must be 1 to 4096")
        check_family(self.family)
        if self.front_end.features != FEATURES[self.family]:
            raise OptionError(
                f"the front end makes {self.front_end.features}, but {self.family} mixtures describe "
                f"{FEATURES[self.family]}"
            )
        check_method(self.start)
        check_restarts(self.restarts)
        if self.background_iterations < 1:
            raise OptionError(f"background_iterations is {self.background_iterations}, but it must be 1 or more")
        if not (math.isfinite(self.adapt) and self.adapt >= 0):
            raise OptionError(f"adapt is {self.adapt}, but it must be a relevance factor from 0 on")
        if not self.speaker_share > 0:
            raise OptionError(f"speaker_share is {self.speaker_share}, but it must be positive")
        if self.folds < 2:
            raise OptionError(f"folds is {self.folds}, but it must be 2 or more")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}, but it must be 0 or more")

    @property
    def least_frames(self) -> int:
        """Frames of speech without which a class's mixture cannot be trained."""
        return max(self.n_components, round(self.n_components * self.em.min_occupancy))
