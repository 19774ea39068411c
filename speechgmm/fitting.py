"""From the utterances of the training speakers to one mixture a class."""

from __future__ import annotations

import functools
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
from speechgmm.mixture.adaptation import fit_adapted
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.restarts import Restarts, fit_restarts
from speechgmm.mixture.statistics import Spread
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


def fit_background(
    classes: Sequence[tuple[Features, Floats]], options: TrainingOptions, spread: Spread = map
) -> Restarts:
    """Fit one mixture to the frames of all classes, each class weighing the same.

    Every class's EM starts from it, or the class's mixture is adapted from it. The classes' components then stand for
    the same sounds, and what is left of the luck of the start falls out of the ratio of their likelihoods.

    Parameters
    ----------
    classes : sequence of (frames, weights)
        As `class_frames` gives them.
    options : TrainingOptions
    spread : callable
        How the shards of an E-step are worked on: see `mixture.statistics.accumulate_shards`.

    Returns
    -------
    Restarts
        Of which the best one counts.
    """
    frames = np.concatenate([frames for frames, _ in classes])
    share = len(frames) / len(classes)
    weights = np.concatenate([weights * (share / weights.sum()) for _, weights in classes])
    rng = np.random.default_rng(options.seed)
    return fit_restarts(
        frames,
        options.n_components,
        rng,
        restarts=options.restarts,
        method=options.start,
        frame_weights=weights,
        options=options.em if options.adapt else replace(options.em, max_iterations=options.background_iterations),
        spread=spread,
    )


def fit_model(
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    options: TrainingOptions,
    *,
    jobs: int = 1,
    watch: Watch = unwatched,
) -> tuple[Model, dict[str, Fit], Restarts]:
    """Fit a background mixture, and from it fit, or adapt, the mixtures of all classes.

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
    background : Restarts
        Of which the best one was the start of `fits`.

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
    spread = functools.partial(ordered_map, jobs=jobs, threads=True)
    background = fit_background(data, options, spread)
    mixture = background.best.mixture
    fits: dict[str, Fit] = {}
    for label, (frames, weights) in watch(zip(labels, data, strict=True), total=len(data), what="fitting mixtures"):
        if options.adapt:
            fits[label] = fit_adapted(
                frames, mixture, relevance=options.adapt, frame_weights=weights, options=options.em, spread=spread
            )
        else:
            fits[label] = fit(frames, mixture, frame_weights=weights, options=options.em, spread=spread)
    model = uncalibrated_model(
        labels=tuple(labels),
        front_end=options.front_end,
        reference_mean=reference,
        mixtures=tuple(float32_mixture(fit.mixture) for fit in fits.values()),
        decision=options.decision,
    )
    return model, fits, background
