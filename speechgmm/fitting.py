"""From the utterances of the training speakers to one mixture a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from speechgmm.decision.model import Model, uncalibrated_model
from speechgmm.decision.modelfile import float32_mixture
from speechgmm.extraction import Utterance
from speechgmm.mixture.adaptation import fit_adapted
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.journal import Journal
from speechgmm.mixture.restarts import Restarts, fit_restarts
from speechgmm.mixture.shards import Spread
from speechgmm.options import TrainingOptions
from speechgmm.pooling import ClassUtterances, balance, pool, reference_mean
from speechgmm.progress import Watch, unwatched


def fit_background(
    classes: Sequence[ClassUtterances],
    reference: Floats,
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
        pool(even, reference, options.front_end),
        options.n_components,
        family=options.family,
        seed=options.seed,
        restarts=options.restarts,
        method=options.start,
        options=options.em if options.adapt else replace(options.em, max_iterations=options.background_iterations),
        spread=spread,
        journal=journal,
    )


def fit_model(
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    options: TrainingOptions,
    *,
    spread: Spread = map,
    journal: Journal = Journal(),
    watch: Watch = unwatched,
) -> tuple[Model, dict[str, Fit[Any]], Restarts]:
    """Fit a background mixture, and from it fit, or adapt, the mixtures of all classes.

    Parameters
    ----------
    utterances : sequence of Utterance
        Each class must have `options.least_frames` frames of speech.
    labels : sequence of str
        The classes.
    options : TrainingOptions
    spread : callable
        How the shards of an E-step are worked on: see `mixture.shards.Spread`.
    journal : Journal
        Where the fits are kept as they proceed.
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
    background = fit_background(classes, reference, options, spread=spread, journal=journal.at("background"))
    mixture = background.best.mixture
    fits: dict[str, Fit[Any]] = {}
    for number, data in enumerate(watch(classes, total=len(classes), what="fitting mixtures"), start=1):
        shards, page = pool([data], reference, options.front_end), journal.at(f"class-{number}")
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
    model = uncalibrated_model(
        labels=tuple(labels),
        front_end=options.front_end,
        reference_mean=reference,
        mixtures=tuple(float32_mixture(fit.mixture) for fit in fits.values()),
        decision=options.decision,
    )
    return model, fits, background
