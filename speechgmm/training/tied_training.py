"""Training of sub-models tied to a background mixture: alignment of all utterances, then MMI on their statistics.

The background mixture is fitted once, on all training utterances of all classes, or it is that of the package. An
utterance is then reduced to its statistics, and every fit, also one without some speakers, is a matter of seconds.

Each class has a sub-model of usual voices, and with vocal effort augmentation one of raised voices: a single one would
put its threshold where raised men meet usual women.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.augmentation.augment import CHANNEL, EFFORT, NOISE
from speechgmm.classifier.scorer import Scorer, Stream
from speechgmm.corpus.recording import Recording
from speechgmm.corpus.speakers import speaker_of
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.mmi import Cases, MMIFit, MMIOptions, fit_mmi, likeliest
from speechgmm.mixture.tied import TiedModels, centred_statistics
from speechgmm.training.material import Material
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.tracing import traced_losses

REJECTION = MMIOptions(iterations=40, i_smoothing=0.6)
"""Of the sub-model of speech against non-speech. It starts from 0, so that sounds unlike all others are no evidence."""

NOISE_SHARE = 0.6
"""Of the versions in noise in the speech that the sub-model of speech against non-speech is trained on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedStream:
    """The background mixture of a stream, and the statistics of utterances under it.

    Attributes
    ----------
    front_end : FrontEndOptions
    reference_mean : ndarray (D,)
    background : DiagonalMixture
    statistics : ndarray (U, K, 1 + D) of float32
        Of each utterance, divided by its number of speech frames.
    rows : mapping of Utterance to int
        The row of each utterance with speech.
    """

    front_end: FrontEndOptions
    reference_mean: Floats
    background: DiagonalMixture
    statistics: npt.NDArray[np.float32]
    rows: Mapping[Utterance, int]


def align(
    utterances: Sequence[Utterance],
    background: DiagonalMixture,
    reference_mean: Floats,
    front_end: FrontEndOptions,
    run: Run,
) -> AlignedStream:
    """Reduce utterances to their statistics under a background mixture.

    Parameters
    ----------
    utterances : sequence of Utterance
        Those without speech are left out.
    background : DiagonalMixture
    reference_mean : ndarray (D,)
        Mean toward which they are normalised.
    front_end : FrontEndOptions
    run : Run

    Returns
    -------
    AlignedStream
    """
    spoken = [each for each in utterances if each.n_speech]
    work = functools.partial(_mean_statistics, background, reference_mean, front_end)
    statistics = np.empty((len(spoken), background.n_components, 1 + background.n_dimensions), dtype=np.float32)
    aligned = run.progress(run.executor.compute(work, spoken), total=len(spoken), what="aligning")
    for row, own in enumerate(aligned):
        statistics[row] = own
    return AlignedStream(
        front_end=front_end,
        reference_mean=reference_mean,
        background=background,
        statistics=statistics,
        rows={each: row for row, each in enumerate(spoken)},
    )


def _mean_statistics(
    background: DiagonalMixture, reference: Floats, front_end: FrontEndOptions, utterance: Utterance
) -> npt.NDArray[np.float32]:
    parts = [
        centred_statistics(background, normalise_mean(stretch.frames, reference, front_end))
        for stretch in utterance.stretches()
        if len(stretch.frames)
    ]
    mean: Floats = np.sum(parts, axis=0) / utterance.n_speech
    return mean.astype(np.float32)


def fit_tied(
    aligned: Sequence[AlignedStream], material: Material, run: Run
) -> tuple[Scorer, tuple[tuple[float, ...], ...]]:
    """Fit the sub-models of every stream on the train set of the material.

    Parameters
    ----------
    aligned : sequence of AlignedStream
        With all utterances of the material.
    material : Material
    run : Run

    Returns
    -------
    scorer : Scorer
    losses : tuple of tuple of float
        MMI loss of each stream at the start and after each iteration.
    """
    labels = material.corpus.labels
    n_styles = 2 if run.recipe.augmentation.effort_share else 1
    submodels = tuple(range(len(labels))) * n_styles
    packaged = material.packaged.rejection if material.packaged else None
    heard = all(any(each.n_speech for each in sounds) for sounds in material.nonspeech)
    rejecting = packaged is not None or heard
    streams, losses = [], []
    for index, (stream, utterances) in enumerate(zip(aligned, material.train_set, strict=True)):
        inside = run.at(f"stream-{index + 1}")
        trained = _fit_classes(stream, utterances, labels, n_styles, inside)
        coefficients = trained.coefficients
        if packaged is not None:
            coefficients = np.concatenate([coefficients, packaged[index][np.newaxis]])
        elif rejecting:
            against = _fit_rejection(stream, utterances, material.nonspeech[index], run.recipe)
            coefficients = np.concatenate([coefficients, against[np.newaxis]])
        coefficients = coefficients.astype(np.float32).astype(np.float64)  # the precision of a model file
        tied = TiedModels(stream.background, coefficients)
        streams.append(Stream(front_end=stream.front_end, reference_mean=stream.reference_mean, tied=tied))
        losses.append(trained.losses)
    scorer = Scorer(
        labels=labels,
        streams=tuple(streams),
        submodels=submodels,
        tied_rejection=rejecting,
    )
    return scorer, tuple(losses)


def _fit_classes(
    stream: AlignedStream, utterances: Sequence[Utterance], labels: Sequence[str], n_styles: int, run: Run
) -> MMIFit:
    recipe, mmi = run.recipe, run.recipe.mmi or MMIOptions()
    spoken = [each for each in utterances if each in stream.rows]
    recordings = [each.recording for each in spoken]
    weights = case_weights(recordings, recipe)
    kept = np.flatnonzero(weights)
    cases = Cases(
        statistics=stream.statistics[[stream.rows[spoken[index]] for index in kept]],
        admitted=admitted([recordings[index] for index in kept], labels, n_styles, recipe.mmi_raised_by),
        weights=weights[kept] / weights.sum(),
    )
    background = stream.background.weights
    start = likeliest(cases, background)
    return fit_mmi(cases, start, background, mmi, monitor=traced_losses(run.trace))


def _fit_rejection(
    stream: AlignedStream, voices: Sequence[Utterance], sounds: Sequence[Utterance], recipe: Recipe
) -> Floats:
    """Coefficients (K, 1 + D) of the log-likelihood ratio of speech to non-speech; both count equally."""
    voices = [each for each in voices if each in stream.rows]
    sounds = [each for each in sounds if each in stream.rows]
    weights = case_weights([each.recording for each in voices], recipe, noise_share=NOISE_SHARE)
    is_speech = np.arange(len(voices) + len(sounds)) < len(voices)
    cases = Cases(
        statistics=stream.statistics[[stream.rows[each] for each in (*voices, *sounds)]],
        admitted=np.column_stack([is_speech, ~is_speech]),
        weights=np.concatenate([weights / weights.sum(), np.full(len(sounds), 1.0 / len(sounds))]) / 2,
    )
    start = np.zeros((2, *cases.statistics.shape[1:]))
    speech, nonspeech = fit_mmi(cases, start, stream.background.weights, REJECTION).coefficients
    difference: Floats = speech - nonspeech
    return difference


def admitted(
    recordings: Sequence[Recording], labels: Sequence[str], n_styles: int, raised_by: str
) -> npt.NDArray[np.bool_]:
    """The sub-models that the truth admits: those of usual voices, then those of raised voices, a class after another.

    Parameters
    ----------
    recordings : sequence of Recording
    labels : sequence of str
        C classes.
    n_styles : int
        1 without sub-models of raised voices, else 2.
    raised_by : str
        A column of the manifest; recordings with a value in it may be raised voices.

    Returns
    -------
    ndarray (U, n_styles * C) of bool
        A version with raised effort admits its class's sub-model of raised voices, a recording that may be raised both,
        all others that of usual voices.
    """
    table = np.zeros((len(recordings), n_styles * len(labels)), dtype=bool)
    for row, recording in enumerate(recordings):
        index = labels.index(recording.label)
        raised = recording.augmentation == EFFORT
        either = bool(raised_by and recording.value_of(raised_by))
        table[row, index] = not raised or n_styles == 1
        if n_styles == 2:
            table[row, len(labels) + index] = raised or either
    return table


def case_weights(recordings: Sequence[Recording], recipe: Recipe, *, noise_share: float = 0.0) -> Floats:
    """Weights of training utterances: the kinds of version by their shares, the classes of a kind equally.

    Within a class, the values of `Recipe.balance_by` count by the square root of their number of speakers, and the
    speakers of a value equally.

    Parameters
    ----------
    recordings : sequence of Recording
    recipe : Recipe
    noise_share : float
        Share of the versions in noise; the shares of the recipe are of the rest.

    Returns
    -------
    ndarray (U,)
        Not negative; their sum is at most 1.
    """
    augmentation, rest = recipe.augmentation, 1.0 - noise_share
    shares = {
        "": rest * (1.0 - augmentation.channel_share - augmentation.effort_share),
        CHANNEL: rest * augmentation.channel_share,
        EFFORT: rest * augmentation.effort_share,
        NOISE: noise_share,
    }
    rows: dict[tuple[str, str], dict[str, dict[str, list[int]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row, recording in enumerate(recordings):
        group = recording.value_of(recipe.balance_by) or ""
        rows[recording.augmentation, recording.label][group][speaker_of(recording)].append(row)
    weights = np.zeros(len(recordings))
    for (kind, _), groups in rows.items():
        total = sum(np.sqrt(len(speakers)) for speakers in groups.values())
        for speakers in groups.values():
            of_speaker = shares.get(kind, 0.0) * np.sqrt(len(speakers)) / total / len(speakers)
            for own in speakers.values():
                weights[own] = of_speaker / len(own)
    return weights
