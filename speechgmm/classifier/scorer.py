"""Scoring: log-likelihoods of speech frames per stream and class.

A `Scorer` has models of the classes over one or more streams, one mixture per class or tied sub-models, and optionally
a model of non-speech. Training fits a scorer. A calibrated `classifier.model.Model` is a scorer that can also decide.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.rejection import NonSpeechModel, log_ratios
from speechgmm.errors import OptionError
from speechgmm.features.front_end import Features, Stretch, normalise_mean
from speechgmm.features.mel_filters import MelFilters, mel_filters
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.bank import Bank
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.tied import SHARPNESS, TiedModels


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """Sums of log-likelihoods over frames. The scores of an utterance are the sum of the scores of its stretches.

    Attributes
    ----------
    n_frames : int
        Number of all frames, with and without speech.
    n_speech : ndarray (S,) of int
        Number of speech frames in each stream.
    log_likelihoods : ndarray (S, M)
        Sum over the speech frames of the log-likelihood per stream and sub-model (natural logarithm); a class without
        sub-models is one.
    speech_ratios : ndarray (S,)
        Sum over the speech frames of the log-likelihood ratio of speech to non-speech in each stream; 0 in a stream
        that does not reject.
    decibels : float
        Sum, over the speech frames of the first stream, of the estimated signal-to-noise ratio of their stretch.
    """

    n_frames: int
    n_speech: npt.NDArray[np.int64]
    log_likelihoods: Floats
    speech_ratios: Floats
    decibels: float = 0.0

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            n_frames=self.n_frames + other.n_frames,
            n_speech=self.n_speech + other.n_speech,
            log_likelihoods=self.log_likelihoods + other.log_likelihoods,
            speech_ratios=self.speech_ratios + other.speech_ratios,
            decibels=self.decibels + other.decibels,
        )

    @property
    def snr_db(self) -> float:
        """Estimated signal-to-noise ratio in decibels, the mean over the speech frames; NaN without speech."""
        return self.decibels / int(self.n_speech[0]) if self.n_speech[0] else math.nan

    @property
    def means(self) -> Floats:
        """Mean log-likelihood per frame, per stream and sub-model (S, M); 0 in a stream without speech."""
        means: Floats = self.log_likelihoods / np.maximum(self.n_speech, 1)[:, np.newaxis]
        return means

    @property
    def mean_speech_ratio(self) -> float:
        """Sum over the streams of the mean log-likelihood ratio per frame of speech to non-speech."""
        return float((self.speech_ratios / np.maximum(self.n_speech, 1)).sum())


@dataclass(frozen=True, eq=False)
class FrameScores:
    """Log-likelihoods of single frames of one stream.

    Attributes
    ----------
    log_likelihoods : ndarray (T, M)
        Under each sub-model (natural logarithm).
    speech_ratios : ndarray (T,), optional
        Log-likelihood ratio of speech to non-speech; None in a stream that does not reject.
    """

    log_likelihoods: Floats
    speech_ratios: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """A front end and the models of the classes over its frames: mixtures, or sub-models tied to a background mixture.

    Attributes
    ----------
    front_end : FrontEndOptions
        Options of the computation of the frames.
    reference_mean : ndarray (D,)
        Mean of the training frames. The mean of a stretch is moved toward it.
    mixtures : tuple of Mixture
        One per class; empty with `tied`.
    tied : TiedModels, optional
        The sub-models of the scorer, and after them one of speech against non-speech if the scorer rejects by it.
    stored_filters : MelFilters, optional
        The mel filter bank of a model file, with which its frames are computed; by default that of librosa.
    """

    front_end: FrontEndOptions
    reference_mean: Floats
    mixtures: tuple[Mixture, ...] = ()
    tied: TiedModels | None = None
    stored_filters: MelFilters | None = None

    def __post_init__(self) -> None:
        n_dimensions = self.front_end.n_dimensions
        if bool(self.mixtures) == (self.tied is not None):
            raise OptionError("a stream needs either mixtures or tied sub-models")
        if any(mixture.n_dimensions != n_dimensions for mixture in self.all_mixtures):
            raise OptionError(f"the mixtures must have the front end's {n_dimensions} dimensions")
        if self.reference_mean.shape != (n_dimensions,) or not np.isfinite(self.reference_mean).all():
            raise OptionError(f"reference_mean must be {n_dimensions} finite numbers")
        if self.stored_filters is not None:
            _check_filters(self.stored_filters, self.front_end)

    @property
    def filters(self) -> MelFilters:
        """The mel filter bank of the frames."""
        return self.stored_filters or mel_filters(self.front_end)

    @property
    def all_mixtures(self) -> tuple[Mixture, ...]:
        """The class mixtures, or the background mixture of the tied sub-models."""
        return (self.tied.background,) if self.tied else self.mixtures

    def frames(self, stretch: Stretch) -> Features:
        """The speech frames of a stretch (T, D) after mean normalisation."""
        return normalise_mean(stretch.frames, self.reference_mean, self.front_end)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scorer:
    """Models of the classes over one or more streams.

    Attributes
    ----------
    labels : tuple of str
        The classes, two or more.
    streams : tuple of Stream
        One or more. The speech frames of the first stream determine the seconds of speech.
    submodels : tuple of int
        With tied sub-models: the index of the class of each. Empty with one mixture per class.
    nonspeech : NonSpeechModel, optional
        For the rejection of non-speech by class mixtures. With tied sub-models it is for single frames only.
    tied_rejection : bool
        Whether the last of the tied sub-models of each stream is that of speech against non-speech.
    """

    labels: tuple[str, ...]
    streams: tuple[Stream, ...]
    submodels: tuple[int, ...] = ()
    nonspeech: NonSpeechModel | None = None
    tied_rejection: bool = False

    def __post_init__(self) -> None:
        n_classes = len(self.labels)
        if n_classes < 2 or len(set(self.labels)) < n_classes or UNKNOWN in self.labels:
            raise OptionError(
                f"a model needs two or more different classes, none of them {UNKNOWN!r}, "
                f"not {', '.join(self.labels) or 'none'}"
            )
        check_streams(self.front_ends)
        if self.submodels:
            _check_tied(self)
        elif not self.streams or any(len(stream.mixtures) != n_classes for stream in self.streams):
            raise OptionError("a model needs at least one stream, and in each one mixture per class")
        elif self.tied_rejection:
            raise OptionError("a model without tied sub-models rejects by a non-speech mixture, not by one of them")
        if self.nonspeech:
            _check_nonspeech(self.nonspeech, self.front_ends)

    @property
    def rejects(self) -> bool:
        """Whether non-speech is rejected by a likelihood ratio."""
        return self.nonspeech is not None or self.tied_rejection

    @property
    def front_end(self) -> FrontEndOptions:
        """The front end of the first stream. All streams have the same sampling rate and hop."""
        return self.streams[0].front_end

    @property
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """The front ends of all streams."""
        return tuple(stream.front_end for stream in self.streams)

    @property
    def filters(self) -> tuple[MelFilters, ...]:
        """The mel filter banks of all streams."""
        return tuple(stream.filters for stream in self.streams)

    def score(self, stretches: Sequence[Stretch]) -> Scores:
        """Score the speech frames of a stretch in every stream under each class.

        Parameters
        ----------
        stretches : sequence of Stretch
            The same stretch in each stream.

        Returns
        -------
        Scores
        """
        frames = [stream.frames(stretch) for stream, stretch in zip(self.streams, stretches, strict=True)]
        totals = [self._totals(index, own) for index, own in enumerate(frames)]
        return Scores(
            n_frames=stretches[0].n_frames,
            n_speech=np.array([len(own) for own in frames]),
            log_likelihoods=np.stack([total[:-1] for total in totals]),
            speech_ratios=np.array([total[-1] for total in totals]),
            decibels=len(frames[0]) * stretches[0].snr_db if len(frames[0]) else 0.0,
        )

    def _totals(self, stream: int, frames: Features) -> Floats:
        """Sums over frames of one stream (M + 1,): the log-likelihoods, then the ratio of speech to non-speech."""
        tied = self.streams[stream].tied
        if tied:
            totals = tied.totals(frames)
            return totals if self.tied_rejection else np.append(totals, 0.0)
        scores = self.frame_scores(stream, frames)
        ratio = 0.0 if scores.speech_ratios is None else scores.speech_ratios.sum()
        return np.append(scores.log_likelihoods.sum(axis=0), ratio)

    def class_scores(self, submodel_scores: Floats) -> Floats:
        """Scores of the classes from those of their sub-models: a soft maximum.

        Parameters
        ----------
        submodel_scores : ndarray (..., M)
            Mean log-likelihoods per frame, such as `Scores.means`.

        Returns
        -------
        ndarray (..., C)
            ``log(sum_h exp(sharpness r_h)) / sharpness`` over the sub-models of each class, the posterior of the class
            in `mixture.mmi`; unchanged without sub-models.
        """
        if not self.submodels:
            return submodel_scores
        members = np.array(self.submodels)
        classes = [
            np.logaddexp.reduce(SHARPNESS * submodel_scores[..., members == index], axis=-1) / SHARPNESS
            for index in range(len(self.labels))
        ]
        scores: Floats = np.stack(classes, axis=-1)
        return scores

    def frame_scores(
        self, stream: int, frames: Features, wanted: npt.NDArray[np.bool_] | slice = slice(None)
    ) -> FrameScores:
        """Score each frame of one stream.

        Parameters
        ----------
        stream : int
            Index of the stream.
        frames : ndarray (T, D)
            After mean normalisation.
        wanted : ndarray (T,) of bool, optional
            The frames whose log-likelihoods are needed. Those of others may be 0, which saves time. By default all.

        Returns
        -------
        FrameScores
        """
        tied = self.streams[stream].tied
        tied_scores = None
        if tied:
            tied_scores = np.zeros((len(frames), len(self.submodels)))
            tied_scores[wanted] = tied.log_ratios(frames[wanted], len(self.submodels))
        rejecting = self.nonspeech is not None and self.nonspeech.stream == stream
        if tied_scores is not None and not rejecting:
            return FrameScores(tied_scores)
        scores = self._banks[stream].log_likelihoods(frames)
        if not rejecting:
            return FrameScores(scores)
        speech, nonspeech = scores[:, :-1], scores[:, -1]
        return FrameScores(speech if tied_scores is None else tied_scores, log_ratios(speech, nonspeech))

    @functools.cached_property
    def _banks(self) -> tuple[Bank, ...]:
        """The mixtures of each stream, then that of the non-speech model if it is of this stream."""
        rejecting = self.nonspeech
        return tuple(
            Bank((*stream.all_mixtures, rejecting.mixture))
            if rejecting and rejecting.stream == index
            else Bank(stream.all_mixtures)
            for index, stream in enumerate(self.streams)
        )

    def score_all(self, stretches: Iterable[Sequence[Stretch]]) -> Scores:
        """Score an utterance: the sum of the scores of its stretches."""
        shape = len(self.streams), len(self.submodels or self.labels)
        zero = Scores(
            n_frames=0,
            n_speech=np.zeros(shape[0], dtype=np.int64),
            log_likelihoods=np.zeros(shape),
            speech_ratios=np.zeros(shape[0]),
        )
        return sum(map(self.score, stretches), start=zero)


def _check_filters(filters: MelFilters, front_end: FrontEndOptions) -> None:
    n_bins = 1 + front_end.n_fft // 2
    if filters.n_mels != front_end.n_mels or filters.n_bins > n_bins:
        raise OptionError(
            f"the mel filter bank has {filters.n_mels} bands over {filters.n_bins} frequency bins, but the front end "
            f"has {front_end.n_mels} bands and {n_bins} bins"
        )


def _check_tied(scorer: Scorer) -> None:
    n_models = len(scorer.submodels) + scorer.tied_rejection
    if set(scorer.submodels) != set(range(len(scorer.labels))):
        raise OptionError(f"the sub-models are of the classes {scorer.submodels}, but each class needs one or more")
    if not scorer.streams or any(not stream.tied or stream.tied.n_models != n_models for stream in scorer.streams):
        raise OptionError(f"a model needs at least one stream, and in each {n_models} tied sub-models")
    if scorer.nonspeech and not scorer.tied_rejection:
        raise OptionError("a model with tied sub-models rejects by one of them, not by a non-speech mixture alone")


def _check_nonspeech(nonspeech: NonSpeechModel, front_ends: Sequence[FrontEndOptions]) -> None:
    if not 0 <= nonspeech.stream < len(front_ends):
        raise OptionError(
            f"the non-speech model's stream is {nonspeech.stream}, but the model has {len(front_ends)} streams"
        )
    n_dimensions = front_ends[nonspeech.stream].n_dimensions
    if nonspeech.mixture.n_dimensions != n_dimensions:
        raise OptionError(f"the mixture of the non-speech model must have {n_dimensions} dimensions")


def check_streams(front_ends: Sequence[FrontEndOptions]) -> None:
    """Raise OptionError unless all streams have one sampling rate and one hop."""
    if len({(front_end.sampling_rate, front_end.hop_s) for front_end in front_ends}) > 1:
        raise OptionError("the streams of a model must have the same sampling_rate and the same hop_s")
