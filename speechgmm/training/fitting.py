"""Fitting: from the training utterances of each stream to a scorer: one mixture per class, or tied sub-models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from speechgmm.augmentation.augment import NOISE
from speechgmm.classifier.model_file import float32_mixture
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer, Stream
from speechgmm.features.extraction import Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.map_adaptation import fit_adapted
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.restarts import Restarts, fit_restarts
from speechgmm.training.material import Material, StreamUtterances
from speechgmm.training.pooling import ClassUtterances, balance, pool, reference_mean
from speechgmm.training.recipe import FAMILY_OF
from speechgmm.training.run_context import Run
from speechgmm.training.tied_training import AlignedStream, align, fit_tied

NONSPEECH_COMPONENTS = 16  # at most: more of them overfit the training sounds and separate music from speech worse


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedStream:
    """A stream of a model and how its fits went.

    Attributes
    ----------
    stream : Stream
    fits : mapping of str to Fit
        The fit of each class; empty with tied sub-models.
    background : Restarts, optional
        The background model's fits; the best one was the start of `fits`. None if it is that of the package.
    losses : tuple of float
        MMI loss at the start and after each iteration; empty without MMI.
    """

    stream: Stream
    fits: Mapping[str, Fit[Any]] = field(default_factory=dict)
    background: Restarts | None = None
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedScorer:
    """A scorer and how the fits of its streams went."""

    scorer: Scorer
    streams: tuple[FittedStream, ...]


Fitter = Callable[[Material, Run], FittedScorer]
"""Fits a scorer on the train set of some material."""


def fitter(material: Material, run: Run) -> Fitter:
    """How a recipe fits a scorer on a material, or on parts of it.

    Parameters
    ----------
    material : Material
        With MMI, its background mixtures are fitted here, and all its utterances are reduced to their statistics. So
        the fits of the parts share their background mixtures, which know no labels.
    run : Run

    Returns
    -------
    callable
        Takes a part of the material (`Material.of`) or all of it, and a run.

    Raises
    ------
    TrainingError
        If a class has too little speech.
    """
    return _TiedFitter.of(material, run).fit if run.recipe.mmi else fit_scorer


@dataclass(frozen=True, kw_only=True, eq=False)
class _TiedFitter:
    """Fits sub-models on parts of a material that is aligned already."""

    aligned: tuple[AlignedStream, ...]
    backgrounds: tuple[Restarts | None, ...]
    nonspeech: NonSpeechModel | None

    @classmethod
    def of(cls, material: Material, run: Run) -> _TiedFitter:
        backgrounds: list[Restarts | None] = []
        aligned = []
        for index, front_end in enumerate(run.recipe.front_ends):
            inside, packaged = run.at(f"stream-{index + 1}"), material.packaged
            if packaged:
                mixture, reference, restarts = packaged.backgrounds[index], packaged.reference_means[index], None
            else:
                classes = _classes(_one_version_each(material.train_set[index]), material.corpus.labels, inside)
                reference = reference_mean(classes)
                restarts = fit_background(classes, reference, front_end, inside.at("background"))
                mixture = float32_mixture(restarts.best.mixture)
            everything = [*material.streams[index], *material.nonspeech[index]]
            aligned.append(align(everything, mixture, reference, front_end, inside))
            backgrounds.append(restarts)
        if material.packaged:
            nonspeech = material.packaged.nonspeech
        else:
            rejecting = aligned[run.recipe.rejecting_stream]
            nonspeech = fit_nonspeech(material.nonspeech, rejecting.reference_mean, run)
        return cls(aligned=tuple(aligned), backgrounds=tuple(backgrounds), nonspeech=nonspeech)

    def fit(self, material: Material, run: Run) -> FittedScorer:
        scorer, losses = fit_tied(self.aligned, material, run)
        if scorer.tied_rejection:
            scorer = replace(scorer, nonspeech=self.nonspeech)
        streams = tuple(
            FittedStream(stream=stream, background=restarts, losses=own)
            for stream, restarts, own in zip(scorer.streams, self.backgrounds, losses, strict=True)
        )
        return FittedScorer(scorer=scorer, streams=streams)


def _classes(utterances: Sequence[Utterance], labels: Sequence[str], run: Run) -> list[ClassUtterances]:
    return [
        balance(label, [each for each in utterances if each.recording.label == label], run.recipe) for label in labels
    ]


def _one_version_each(utterances: Sequence[Utterance]) -> list[Utterance]:
    """One of the versions of each recording, original or augmented, in turn: EM need not see all of them."""
    versions: dict[tuple[object, ...], list[Utterance]] = {}
    for each in utterances:
        recording = each.recording
        if each.n_speech and recording.augmentation != NOISE:
            versions.setdefault((recording.name, recording.start, recording.end), []).append(each)
    return [own[number % len(own)] for number, own in enumerate(versions.values())]


def fit_scorer(material: Material, run: Run) -> FittedScorer:
    """Fit the class mixtures of every stream, and the non-speech mixture.

    Parameters
    ----------
    material : Material
        Its train set trains.
    run : Run

    Returns
    -------
    FittedScorer

    Raises
    ------
    TrainingError
        If a class has too little speech.
    """
    labels, recipe = material.corpus.labels, run.recipe
    streams = tuple(
        fit_stream(utterances, labels, front_end, run.at(f"stream-{index + 1}"))
        for index, (utterances, front_end) in enumerate(zip(material.train_set, recipe.front_ends, strict=True))
    )
    rejecting = streams[recipe.rejecting_stream].stream
    nonspeech = fit_nonspeech(material.nonspeech, rejecting.reference_mean, run)
    scorer = Scorer(labels=labels, streams=tuple(each.stream for each in streams), nonspeech=nonspeech)
    return FittedScorer(scorer=scorer, streams=streams)


def fit_stream(
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    front_end: FrontEndOptions,
    run: Run,
) -> FittedStream:
    """Fit a background model, and from it fit or adapt the mixture of each class.

    Parameters
    ----------
    utterances : sequence of Utterance
        Each class must have `recipe.least_frames` speech frames.
    labels : sequence of str
        The classes.
    front_end : FrontEndOptions
        Of the frames.
    run : Run

    Returns
    -------
    FittedStream

    Raises
    ------
    TrainingError
        If a class has too little speech.
    """
    classes = _classes(utterances, labels, run)
    reference = reference_mean(classes)
    background = fit_background(classes, reference, front_end, run.at("background"))
    fits = {
        data.label: fit_class(
            data, background.best.mixture, reference, front_end, run.at(f"class-{number}", f"class {data.label!r}")
        )
        for number, data in enumerate(run.progress(classes, total=len(classes), what="fitting mixtures"), start=1)
    }
    stream = Stream(
        front_end=front_end,
        reference_mean=reference,
        mixtures=tuple(float32_mixture(fit.mixture) for fit in fits.values()),
    )
    return FittedStream(stream=stream, fits=fits, background=background)


def fit_background(
    classes: Sequence[ClassUtterances], reference: Floats, front_end: FrontEndOptions, run: Run
) -> Restarts:
    """Fit the background model: one mixture of all classes, each class with the same weight.

    Every class's EM starts from it, or the class's mixture is adapted from it. So the components of the classes
    correspond, and the chance of the start cancels in their likelihood ratio.

    Parameters
    ----------
    classes : sequence of ClassUtterances
    reference : ndarray (D,)
        Mean toward which utterances are normalised.
    front_end : FrontEndOptions
        Of the frames.
    run : Run

    Returns
    -------
    Restarts
        The best one counts.
    """
    recipe = run.recipe
    em = recipe.em if recipe.map_relevance else replace(recipe.em, max_iterations=recipe.background_iterations)
    share = sum(each.n_speech for each in classes) / len(classes)
    even = [each.times(share / each.total) for each in classes]
    return fit_restarts(
        pool(even, reference, front_end, run.executor),
        recipe.n_components,
        family=FAMILY_OF[front_end.features],
        seed=recipe.seed,
        restarts=recipe.restarts,
        method=recipe.start,
        options=em,
        checkpoint=run.traced_checkpoint,
    )


def fit_class(
    data: ClassUtterances, background: Mixture, reference: Floats, front_end: FrontEndOptions, run: Run
) -> Fit[Any]:
    """Fit the mixture of a class by EM from the background model, or adapt it by MAP.

    Parameters
    ----------
    data : ClassUtterances
    background : Mixture
    reference : ndarray (D,)
        Mean toward which utterances are normalised.
    front_end : FrontEndOptions
        Of the frames.
    run : Run

    Returns
    -------
    Fit
    """
    recipe, checkpoint = run.recipe, run.traced_checkpoint
    frames = pool([data], reference, front_end, run.executor)
    resumed = checkpoint.read()
    if not recipe.map_relevance:
        return fit(frames, resumed or background, options=recipe.em, monitor=checkpoint.write)
    return fit_adapted(
        frames,
        background,
        relevance=recipe.map_relevance,
        options=recipe.em,
        resume=resumed,
        monitor=checkpoint.write,
    )


def fit_nonspeech(streams: StreamUtterances, reference: Floats, run: Run) -> NonSpeechModel | None:
    """Fit a mixture to recordings of non-speech, in the rejecting stream.

    Parameters
    ----------
    streams : list of list of Utterance
        Non-speech in each stream.
    reference : ndarray (D,)
        Mean toward which the rejecting stream is normalised.
    run : Run

    Returns
    -------
    NonSpeechModel or None
        None where there are too few frames that pass the voice activity detection.
    """
    recipe, rejecting = run.recipe, run.recipe.rejecting_stream
    utterances, front_end = streams[rejecting], recipe.front_ends[rejecting]
    n_frames = sum(each.n_speech for each in utterances)
    n_components = min(recipe.n_components, NONSPEECH_COMPONENTS, int(n_frames / recipe.em.min_occupancy))
    if n_components < 1:
        return None
    data = ClassUtterances("", tuple(utterances), (1.0,) * len(utterances))
    fitted = fit_restarts(
        pool([data], reference, front_end, run.executor),
        n_components,
        family=FAMILY_OF[front_end.features],
        seed=recipe.seed,
        method=recipe.start,
        options=recipe.em,
        checkpoint=run.at("nonspeech").traced_checkpoint,
    )
    return NonSpeechModel(stream=rejecting, mixture=float32_mixture(fitted.best.mixture))
