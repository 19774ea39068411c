"""From the utterances of the training speakers to one mixture a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechgmm.decision.model import Model, uncalibrated_model
from speechgmm.decision.modelfile import float32_mixture
from speechgmm.errors import TrainingError
from speechgmm.extraction import Utterance
from speechgmm.features.frontend import Features, normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.gaussian import DiagonalMixture, Floats
from speechgmm.mixture.initialisation import start
from speechgmm.options import TrainingOptions
from speechgmm.parallel import ordered_map
from speechgmm.progress import Watch, unwatched
from speechgmm.recordings.splitting import speaker_of


@dataclass(frozen=True, eq=False)
class ClassUtterances:
    """The training utterances of one class.

    Attributes
    ----------
    label : str
        The class.
    utterances : tuple of Utterance
        At least one with speech.
    weights : tuple of float
        How much each frame of an utterance counts, in (0, 1].
    """

    label: str
    utterances: tuple[Utterance, ...]
    weights: tuple[float, ...]


def balance(label: str, utterances: Sequence[Utterance], options: TrainingOptions) -> ClassUtterances:
    """Weight utterances so that no talkative speaker owns the class: see `TrainingOptions.speaker_share`.

    Parameters
    ----------
    label : str
    utterances : sequence of Utterance
        Of that class.
    options : TrainingOptions

    Returns
    -------
    ClassUtterances

    Raises
    ------
    TrainingError
        If they hold less speech than the options need.
    """
    frames_of: Counter[str] = Counter()
    for utterance in utterances:
        frames_of[speaker_of(utterance.recording)] += utterance.n_speech
    if frames_of.total() < options.least_frames:
        hop_s = options.front_end.hop_s
        raise TrainingError(
            f"the class {label!r} has {frames_of.total() * hop_s:.1f} s of speech to train on, "
            f"but {options.n_components} components need {options.least_frames * hop_s:.1f} s: "
            "give more speech or fewer components"
        )
    limit = options.speaker_share * float(np.median([count for count in frames_of.values() if count]))
    weights = [min(1.0, limit / max(frames_of[speaker_of(utterance.recording)], 1)) for utterance in utterances]
    return ClassUtterances(label, tuple(utterances), tuple(weights))


def reference_mean(classes: Sequence[ClassUtterances]) -> Floats:
    """The mean frame of the training data, every class counting the same.

    Parameters
    ----------
    classes : sequence of ClassUtterances

    Returns
    -------
    ndarray (D,)
    """
    means = []
    for each in classes:
        pairs = list(zip(each.utterances, each.weights, strict=True))
        total = sum(
            weight * stretch.frames.sum(axis=0, dtype=np.float64)
            for utterance, weight in pairs
            for stretch in utterance.stretches
        )
        means.append(total / sum(weight * utterance.n_speech for utterance, weight in pairs))
    mean: Floats = np.mean(means, axis=0)
    return mean


def class_frames(data: ClassUtterances, reference: Floats, front_end: FrontEndOptions) -> tuple[Features, Floats]:
    """Join the frames of a class, their means moved toward the reference.

    Parameters
    ----------
    data : ClassUtterances
    reference : ndarray (D,)
        The mean frame that utterances are moved toward.
    front_end : FrontEndOptions

    Returns
    -------
    frames : ndarray (T, D) of float32
    weights : ndarray (T,)
    """
    frames: Features = np.concatenate(
        [
            normalise_mean(stretch.frames, reference, front_end)
            for utterance in data.utterances
            for stretch in utterance.stretches
        ]
    )
    return frames, np.repeat(data.weights, [utterance.n_speech for utterance in data.utterances])


def fit_background(classes: Sequence[tuple[Features, Floats]], options: TrainingOptions) -> DiagonalMixture:
    """Fit one mixture to the frames of all classes, each class weighing the same.

    Every class's EM starts from it. The classes' components then stand for the same sounds, and what is left of the
    luck of the start falls out of the ratio of their likelihoods.

    Parameters
    ----------
    classes : sequence of (frames, weights)
        As `class_frames` gives them.
    options : TrainingOptions

    Returns
    -------
    DiagonalMixture
    """
    frames = np.concatenate([frames for frames, _ in classes])
    share = len(frames) / len(classes)
    weights = np.concatenate([weights * (share / weights.sum()) for _, weights in classes])
    rng = np.random.default_rng(options.seed)
    beginning = start(frames, options.n_components, rng, frame_weights=weights, options=options.em)
    em = replace(options.em, max_iterations=options.background_iterations)
    return fit(frames, beginning, frame_weights=weights, options=em).mixture


def fit_model(
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    options: TrainingOptions,
    *,
    jobs: int = 1,
    watch: Watch = unwatched,
) -> tuple[Model, dict[str, Fit]]:
    """Fit a background mixture, and from it the mixtures of all classes, side by side.

    Parameters
    ----------
    utterances : sequence of Utterance
        Each class must have `options.least_frames` frames of speech.
    labels : sequence of str
        The classes.
    options : TrainingOptions
    jobs : int
        Threads.
    watch : Watch
        Follows the progress.

    Returns
    -------
    model : Model
        Not calibrated yet.
    fits : dict of str to Fit

    Raises
    ------
    TrainingError
        If a class has too little speech.
    """
    classes = [
        balance(label, [each for each in utterances if each.recording.label == label], options) for label in labels
    ]
    reference = reference_mean(classes)
    data = [class_frames(each, reference, options.front_end) for each in classes]
    background = fit_background(data, options)

    def fit_one(part: tuple[Features, Floats]) -> Fit:
        frames, weights = part
        return fit(frames, background, frame_weights=weights, options=options.em)

    work = ordered_map(fit_one, data, jobs=jobs, threads=True)
    fits = dict(zip(labels, watch(work, total=len(data), what="fitting mixtures"), strict=True))
    model = uncalibrated_model(
        labels=tuple(labels),
        front_end=options.front_end,
        reference_mean=reference,
        mixtures=tuple(float32_mixture(fit.mixture) for fit in fits.values()),
        decision=options.decision,
    )
    return model, fits
