"""The options of a training, all in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from speechgmm.classifier.model import DecisionOptions, check_streams
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.initialisation import check_method
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import check_restarts

FAMILY_OF = {"cepstra": "gaussian", "patterns": "bernoulli"}
"""What the components of a stream are, by what its front end makes."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
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
    mmi : MMIOptions, optional
        How the means of Gaussian mixtures are moved so that they tell the classes apart better; by default they stay
        where maximum likelihood put them.
    balance_by : str
        A column of the manifest, such as the corpus: where mixtures are re-estimated, its values are drawn by the
        square root of their speakers, lest the largest decides alone. Speakers are drawn evenly where there is none.
    nonspeech : str
        The class whose recordings are no speech: it is no answer, but what sounds like it gets none.
    front_end : FrontEndOptions
        How frames are made.
    further_front_ends : tuple of FrontEndOptions
        Further ways, each with class mixtures of its own, whose scores are joined with those of the first; of the same
        sampling rate and hop.
    em : EMOptions
    decision : DecisionOptions
    """

    n_components: int = 64
    start: str = "kmeans"
    restarts: int = 1
    background_iterations: int = 15
    speaker_share: float = 4.0
    folds: int = 5
    seed: int = 0
    adapt: float = 0.0
    mmi: MMIOptions | None = None
    balance_by: str = ""
    nonspeech: str = ""
    front_end: FrontEndOptions = field(default_factory=FrontEndOptions)
    further_front_ends: tuple[FrontEndOptions, ...] = ()
    em: EMOptions = field(default_factory=EMOptions)
    decision: DecisionOptions = field(default_factory=DecisionOptions)

    def __post_init__(self) -> None:
        if not 1 <= self.n_components <= 4096:
            raise OptionError(f"n_components is {self.n_components}, but it must be 1 to 4096")
        check_streams(self.front_ends)
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
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """All ways in which frames are made."""
        return (self.front_end, *self.further_front_ends)

    @property
    def rejecting_stream(self) -> int:
        """Which front end tells speech from other sounds: that of the longest window, which sees harmonics."""
        return max(range(len(self.front_ends)), key=lambda index: self.front_ends[index].window_s)

    @property
    def least_frames(self) -> int:
        """Frames of speech without which a class's mixture cannot be trained."""
        return max(self.n_components, round(self.n_components * self.em.min_occupancy))
