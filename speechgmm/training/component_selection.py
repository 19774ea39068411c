"""How many components the class mixtures get: sizes compared on speakers who were held out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields, replace
from typing import Literal, TypeAlias

import numpy as np

from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.errors import TrainingError
from speechgmm.features.extraction import Utterance
from speechgmm.mixture.checkpoint import Journal
from speechgmm.mixture.selection import SizeResult, aic, bic
from speechgmm.mixture.shards import Spread
from speechgmm.mixture.statistics import mean_log_likelihood
from speechgmm.progress import Progress, silent
from speechgmm.training.fitting import fit_stream
from speechgmm.training.options import TrainingOptions
from speechgmm.training.pooling import ClassUtterances, balance, pool

Sizes: TypeAlias = Sequence[int] | Literal["auto"]

AUTO_SIZES = (8, 16, 32, 64, 128, 256)


def check_sizes(sizes: Sizes, options: TrainingOptions) -> None:
    """Raise OptionError if one of the sizes is no possible number of components."""
    for size in AUTO_SIZES if sizes == "auto" else sizes:
        replace(options, n_components=size)


def compare_sizes(
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    options: TrainingOptions,
    *,
    sizes: Sizes = "auto",
    spread: Spread = map,
    journal: Journal = Journal(),
    progress: Progress = silent,
) -> tuple[SizeResult, ...]:
    """Fit mixtures of several sizes without one fold of the speakers, and score the frames of that fold.

    The log-likelihoods of a size are means over the classes of each class's mean a frame under its own mixture; AIC and
    BIC are of all classes' mixtures together, frames counting by their weights.

    Parameters
    ----------
    utterances : sequence of Utterance
        Of two or more speakers a class, with the frames of the first stream: the others get as many components.
    labels : sequence of str
        The classes.
    options : TrainingOptions
        Their `n_components` is not used.
    sizes : sequence of int or "auto"
        Numbers of components; "auto" for those of `AUTO_SIZES` that every class has enough speech for.
    spread : callable
        How the shards of an E-step are worked on: see `mixture.shards.Spread`.
    journal : Journal
        Where the fits are kept as they proceed.
    progress : Progress
        Follows the progress.

    Returns
    -------
    tuple of SizeResult
        From the smallest size to the largest.

    Raises
    ------
    TrainingError
        If a class has only one speaker, or too little speech for a size.
    OptionError
        If a size is no possible number of components.
    """
    utterances = [each for each in utterances if each.n_speech]
    fold = speaker_folds((each.recording for each in utterances), options.folds, options.seed)[0]
    kept = [each for each in utterances if speaker_of(each.recording) not in fold]
    held_out = [each for each in utterances if speaker_of(each.recording) in fold]
    for label in labels:
        if all(each.recording.label != label for each in kept):
            raise TrainingError(
                f"the class {label!r} has only one speaker to train on, but two are needed to compare numbers of "
                "components: give one number, or more speakers"
            )
    candidates = [
        replace(options, n_components=size)
        for size in (_sizes_within(kept, labels, options) if sizes == "auto" else sorted(set(sizes)))
    ]
    work = (
        _try_size(kept, held_out, labels, each, spread, journal.at(f"components-{each.n_components}"))
        for each in candidates
    )
    return tuple(progress(work, total=len(candidates), what="comparing sizes"))


def to_csv(results: Iterable[SizeResult]) -> str:
    """The results as a CSV table with a header, numbers in full."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(field.name for field in fields(SizeResult))
    rows.writerows(astuple(result) for result in results)
    return text.getvalue()


def _sizes_within(utterances: Sequence[Utterance], labels: Sequence[str], options: TrainingOptions) -> list[int]:
    """The sizes of `AUTO_SIZES` that every class has enough speech for, at least the smallest."""
    n_frames = min(sum(each.n_speech for each in utterances if each.recording.label == label) for label in labels)
    return [
        size
        for size in AUTO_SIZES
        if size == AUTO_SIZES[0] or replace(options, n_components=size).least_frames <= n_frames
    ]


def _try_size(
    kept: Sequence[Utterance],
    held_out: Sequence[Utterance],
    labels: Sequence[str],
    options: TrainingOptions,
    spread: Spread,
    journal: Journal,
) -> SizeResult:
    fitted = fit_stream(kept, labels, options.front_end, options, spread=spread, journal=journal)
    stream, fits = fitted.stream, fitted.fits
    unheard, n_frames = [], []
    for label, mixture in zip(labels, stream.mixtures, strict=True):
        mine = tuple(each for each in held_out if each.recording.label == label)
        data = ClassUtterances(label, mine, (1.0,) * len(mine))
        shards = pool([data], stream.reference_mean, options.front_end)
        unheard.append(mean_log_likelihood(mixture, shards, spread=spread))
        n_frames.append(balance(label, [each for each in kept if each.recording.label == label], options).total)
    means = [fits[label].log_likelihoods[-1] for label in labels]
    total, parameters = float(np.dot(means, n_frames)), sum(fit.mixture.n_parameters for fit in fits.values())
    return SizeResult(
        n_components=options.n_components,
        log_likelihood=float(np.mean(means)),
        aic=aic(total, parameters),
        bic=bic(total, parameters, sum(n_frames)),
        held_out=float(np.mean(unheard)),
    )
