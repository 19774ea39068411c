"""The options of a training: everything a model depends on besides its recordings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from speechgmm.classifier.model import DecisionOptions
from speechgmm.classifier.scorer import check_streams
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.initialisation import check_method
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import check_restarts

FAMILY_OF = {"cepstra": "gaussian", "patterns": "bernoulli"}
"""Component family of a stream by the features of its front end."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
    n_components : int
        Components of each class's mixture, 1 to 4096.
    start : str
        Initialisation of the background model: kmeans, random, medoids or split; see `mixture.initialisation.start`.
    restarts : int
        Number of starts from which the background model is fitted, at least 1; the fit of highest likelihood is kept.
    background_iterations : int
        Maximum EM iterations of the background model, from which each class's EM starts; at least 1. With
        `map_relevance` it is fitted with the iterations of `em`.
    map_relevance : float
        Relevance factor, in frames, of MAP adaptation of each class's mixture from the background model; 0 to fit each
        class by EM from the background model.
    speaker_share : float
        Maximum total weight of a speaker's frames, as a multiple of that of the class's median speaker; positive.
    calibration_folds : int
        Without a dev split, the model is calibrated on the scores of each fold of speakers by mixtures fitted on the
        others: number of folds, 2 or more.
    seed : int
        Seed of all random numbers: folds, starts, MMI batches; not negative.
    mmi : MMIOptions, optional
        Discriminative training of the means of Gaussian mixtures; by default maximum likelihood only.
    balance_by : str
        A column of the manifest, such as the corpus: MMI samples its values in proportion to the square root of their
        number of speakers. Empty to sample all speakers evenly.
    nonspeech : str
        The class whose recordings are non-speech: it is not a label of the model, and what sounds like it is rejected.
    front_end : FrontEndOptions
        Of the first stream.
    further_front_ends : tuple of FrontEndOptions
        Of further streams, each with its own class mixtures; the calibration fuses the scores of all streams. They have
        the same sampling rate and hop.
    em : EMOptions
    decision : DecisionOptions
    """

    n_components: int = 64
    start: str = "kmeans"
    restarts: int = 1
    background_iterations: int = 15
    speaker_share: float = 4.0
    calibration_folds: int = 5
    seed: int = 0
    map_relevance: float = 0.0
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
        if not (math.isfinite(self.map_relevance) and self.map_relevance >= 0):
            raise OptionError(f"map_relevance is {self.map_relevance}, but it must be a finite number of 0 or more")
        if not self.speaker_share > 0:
            raise OptionError(f"speaker_share is {self.speaker_share}, but it must be positive")
        if self.calibration_folds < 2:
            raise OptionError(f"calibration_folds is {self.calibration_folds}, but it must be 2 or more")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}, but it must be 0 or more")

    @property
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """The front ends of all streams."""
        return (self.front_end, *self.further_front_ends)

    @property
    def rejecting_stream(self) -> int:
        """The stream of the non-speech model: the one with the longest window, which resolves harmonics."""
        return max(range(len(self.front_ends)), key=lambda index: self.front_ends[index].window_s)

    @property
    def least_frames(self) -> int:
        """Minimum speech frames to train a class's mixture."""
        return max(self.n_components, round(self.n_components * self.em.min_occupancy))
