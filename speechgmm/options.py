"""The options of a training, all in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from speechgmm.decision.model import DecisionOptions
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.em import EMOptions


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
    n_components : int
        Components of each class's mixture, 1 to 4096.
    background_iterations : int
        Most iterations of EM for the mixture of all classes together, from which each class's EM starts; at least 1.
    speaker_share : float
        All frames of a speaker together weigh at most this many times as much as those of the class's median
        speaker; positive.
    folds : int
        Where the corpus has no dev split, the model is calibrated on what models trained without a speaker say of that
        speaker: in so many parts the speakers of each class are divided for that; 2 or more.
    seed : int
        Decides how the speakers are divided into folds and where k-means starts; not negative.
    front_end : FrontEndOptions
    em : EMOptions
    decision : DecisionOptions
    """

    n_components: int = 64
    background_iterations: int = 15
    speaker_share: float = 4.0
    folds: int = 5
    seed: int = 0
    front_end: FrontEndOptions = field(default_factory=FrontEndOptions)
    em: EMOptions = field(default_factory=EMOptions)
    decision: DecisionOptions = field(default_factory=DecisionOptions)

    def __post_init__(self) -> None:
        if not 1 <= self.n_components <= 4096:
            raise OptionError(f"n_components is {self.n_components}, but it must be 1 to 4096")
        if self.background_iterations < 1:
            raise OptionError(f"background_iterations is {self.background_iterations}, but it must be 1 or more")
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
