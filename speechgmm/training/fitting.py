"""From the utterances of the training speakers to one mixture a class."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from speechgmm.classifier.model import Model, Stream, uncalibrated_model
from speechgmm.classifier.model_file import float32_mixture
from speechgmm.classifier.rejection import Rejection
from speechgmm.features.extraction import Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.adaptation import fit_adapted
from speechgmm.mixture.checkpoint import Journal
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.restarts import Restarts, fit_restarts
from speechgmm.mixture.shards import Spread
from speechgmm.progress import Progress, silent
from speechgmm.training.discriminative import train_discriminative
from speechgmm.training.options import FAMILY_OF, TrainingOptions
from speechgmm.training.pooling import ClassUtterances, balance, pool, reference_mean

NONSPEECH_COMPONENTS = 16  # at most: more know the sounds that train too well, and tell music from speech worse


def fit_background(
    classes: Sequence[ClassUtterances],
    reference: Floats,
    front_end: FrontEndOptions,
    options: TrainingOptions,
    *,
    spread: Spread = map,
    journal: Journal = Journal(),
) -> Restarts:
    """Fit one mixture to the frames of all classes, each class weighing the same.

    Every class's EM starts from it, or the class's mixture is adapted from it. The classes' components then stand for
    the same sounds, and what is left of the luck of the start falls out of the ratio of their likelihoods.

    Parameters
    ----------
    classes : sequence of ClassUtterances
    reference : ndarray (D,)
        The mean frame that utterances are moved toward.
    front_end : FrontEndOptions
        What made the frames.
    options : TrainingOptions
    spread : callable
        How the shards of an E-step are worked on: see `mixture.shards.Spread`.
    journal : Journal
        Where the fits are kept as they proceed.

    Returns
    -------
    Restarts
        Of which the best one counts.
    """
    share = sum(each.n_speech for each in classes) / len(classes)
    even = [each.times(share / each.total) for each in classes]
    return fit_restarts(
        pool(even, reference, front_end),
        options.n_components,
        family=FAMILY_OF[front_end.features],
        seed=options.seed,
        restarts=options.restarts,
        method=options.start,
        options=options.em if options.adapt else replace(options.em, max_iterations=options.background_iterations),
        spread=spread,
        journal=journal,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedStream:
    """A stream of a model and how it came about.

    Attributes
    ----------
    stream : Stream
    fits : mapping of str to Fit
        How EM went for each class.
    background : Restarts
        Of which the best one was the start of `fits`.
    losses : tuple of float
        Of each step by which the mixtures were re-estimated, if they were.
    """

    stream: Stream
    fits: Mapping[str, Fit[Any]]
    background: Restarts
    losses: tuple[float, ...] = ()


def fit_stream(
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    front_end: FrontEndOptions,
    options: TrainingOptions,
    *,
    spread: Spread = map,
    journal: Journal = Journal(),
    progress: Progress = silent,
) -> FittedStream:
    """Fit a background mixture, and from it fit, or adapt, the mixtures of all classes.

    Parameters
    ----------
    utterances : sequence of Utterance
        Each class must have `options.least_frames` frames of speech.
    labels : sequence of str
        The classes.
    front_end : FrontEndOptions
        What made the frames.
    options : TrainingOptions
    spread : callable
        How the shards of an E-step are worked on: see `mixture.shards.Spread`.
    journal : Journal
        Where the fits are kept as they proceed.
    progress : Progress
        Follows the progress.

    Raises
    ------
    TrainingError
        If a class has too little speech.
    """
    classes = [
        balance(label, [each for each in utterances if each.recording.label == label], options) for label in labels
    ]
    reference = reference_mean(classes)
    background = fit_background(classes, reference, front_end, options, spread=spread, journal=journal.at("background"))
    mixture = background.best.mixture
    fits: dict[str, Fit[Any]] = {}
    for number, data in enumerate(progress(classes, total=len(classes), what="fitting mixtures"), start=1):
        shards, page = pool([data], reference, front_end), journal.at(f"class-{number}")
        begun = page.read()
        if options.adapt:
            fits[data.label] = fit_adapted(
                shards,
                mixture,
                relevance=options.adapt,
                options=options.em,
                spread=spread,
                resume=begun,
                monitor=page.write,
            )
        else:
            fits[data.label] = fit(shards, begun or mixture, options=options.em, spread=spread, monitor=page.write)
    mixtures = {label: fit.mixture for label, fit in fits.items()}
    losses: tuple[float, ...] = ()
    if options.mmi and FAMILY_OF[front_end.features] == "gaussian":
        refined = train_discriminative(mixtures, utterances, reference, front_end, options, options.mmi)
        mixtures, losses = dict(zip(mixtures, refined.mixtures, strict=True)), refined.losses
    stream = Stream(
        front_end=front_end,
        reference_mean=reference,
        mixtures=tuple(float32_mixture(mixture) for mixture in mixtures.values()),
    )
    return FittedStream(stream=stream, fits=fits, background=background, losses=losses)


def fit_rejection(
    nonspeech: Sequence[Utterance],
    stream: Stream,
    options: TrainingOptions,
    *,
    spread: Spread = map,
    journal: Journal = Journal(),
) -> Rejection | None:
    """Fit a mixture to what is no speech, to be held against the classes' mixtures; the bound is set later.

    Parameters
    ----------
    nonspeech : sequence of Utterance
        With the frames of `options.rejecting_stream`. None, or none that looked like speech, make no rejection.
    stream : Stream
        That of `options.rejecting_stream`.
    options : TrainingOptions
    spread : callable
        How the shards of an E-step are worked on: see `mixture.shards.Spread`.
    journal : Journal
        Where the fit is kept as it proceeds.

    Returns
    -------
    Rejection or None
    """
    n_frames = sum(each.n_speech for each in nonspeech)
    n_components = min(options.n_components, NONSPEECH_COMPONENTS, int(n_frames / options.em.min_occupancy))
    if n_components < 1:
        return None
    data = ClassUtterances("", tuple(nonspeech), (1.0,) * len(nonspeech))
    sounds = fit_restarts(
        pool([data], stream.reference_mean, stream.front_end),
        n_components,
        family=FAMILY_OF[stream.front_end.features],
        seed=options.seed,
        method=options.start,
        options=options.em,
        spread=spread,
        journal=journal,
    )
    return Rejection(
        stream=options.rejecting_stream,
        nonspeech=float32_mixture(sounds.best.mixture),
        min_ratio=-sys.float_info.max,
    )


def fit_model(
    views: Sequence[Sequence[Utterance]],
    labels: Sequence[str],
    options: TrainingOptions,
    *,
    nonspeech: Sequence[Utterance] = (),
    spread: Spread = map,
    journal: Journal = Journal(),
    progress: Progress = silent,
) -> tuple[Model, tuple[FittedStream, ...]]:
    """Fit every stream of a model; parameters otherwise as for `fit_stream`.

    Parameters
    ----------
    views : sequence of sequence of Utterance
        The same utterances with the frames of each of `options.front_ends`.
    nonspeech : sequence of Utterance
        What is to be rejected, and copies of it, with the frames of `options.rejecting_stream`.

    Returns
    -------
    model : Model
        Not calibrated yet.
    fitted : tuple of FittedStream
    """
    fitted = tuple(
        fit_stream(
            utterances,
            labels,
            front_end,
            options,
            spread=spread,
            journal=journal.at(f"stream-{number}"),
            progress=progress,
        )
        for number, (utterances, front_end) in enumerate(zip(views, options.front_ends, strict=True), start=1)
    )
    streams = tuple(each.stream for each in fitted)
    judge = streams[options.rejecting_stream]
    model = uncalibrated_model(
        labels=tuple(labels),
        streams=streams,
        rejection=fit_rejection(nonspeech, judge, options, spread=spread, journal=journal.at("nonspeech")),
        decision=options.decision,
    )
    return model, fitted
