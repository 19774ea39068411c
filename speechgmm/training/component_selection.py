"""Selection of the number of components: sizes compared by the likelihood of held-out speakers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields, replace

import numpy as np

from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.errors import TrainingError
from speechgmm.features.extraction import Utterance
from speechgmm.mixture.information_criteria import SizeResult, aic, bic
from speechgmm.mixture.statistics import mean_log_likelihood
from speechgmm.training.fitting import fit_stream
from speechgmm.training.material import Material
from speechgmm.training.pooling import ClassUtterances, balance, pool
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import AUTO_SIZES, Run


def compare_sizes(material: Material, run: Run) -> tuple[SizeResult, ...]:
    """Fit mixtures of the run's sizes without one fold of the speakers, and score the frames of that fold.

    The log-likelihoods of a size are means over the classes of each class's mean per frame under its own mixture. AIC
    and BIC are of all classes' mixtures together; frames count by their weights.

    Parameters
    ----------
    material : Material
        With two or more training speakers per class. The first stream is compared: the others get as many components.
    run : Run

    Returns
    -------
    tuple of SizeResult
        From the smallest size to the largest.

    Raises
    ------
    TrainingError
        If a class has only one speaker, or too little speech for a size.
    """
    recipe, labels = run.recipe, material.corpus.labels
    utterances = [each for each in material.train_recordings[0] if each.n_speech]
    for label in labels:
        if len({speaker_of(each.recording) for each in utterances if each.recording.label == label}) < 2:
            raise TrainingError(
                f"the class {label!r} has only one speaker to train on, but two are needed to compare numbers of "
                "components: give one number, or more speakers"
            )
    fold = speaker_folds((each.recording for each in utterances), recipe.calibration_folds, recipe.seed)[0]
    kept = [each for each in utterances if speaker_of(each.recording) not in fold]
    held_out = [each for each in utterances if speaker_of(each.recording) in fold]
    sizes = _sizes_within(kept, labels, recipe) if run.sizes == "auto" else sorted(set(run.sizes))
    results = (
        _try_size(kept, held_out, labels, run.at(f"components-{size}").with_components(size).silently())
        for size in sizes
    )
    return tuple(run.progress(results, total=len(sizes), what="comparing sizes"))


def to_csv(results: Iterable[SizeResult]) -> str:
    """The results as a CSV table with a header, numbers in full."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(field.name for field in fields(SizeResult))
    rows.writerows(astuple(result) for result in results)
    return text.getvalue()


def _sizes_within(utterances: Sequence[Utterance], labels: Sequence[str], recipe: Recipe) -> list[int]:
    """The sizes of `AUTO_SIZES` that every class has enough speech for, at least the smallest."""
    n_frames = min(sum(each.n_speech for each in utterances if each.recording.label == label) for label in labels)
    return [
        size
        for size in AUTO_SIZES
        if size == AUTO_SIZES[0] or replace(recipe, n_components=size).least_frames <= n_frames
    ]


def _try_size(kept: Sequence[Utterance], held_out: Sequence[Utterance], labels: Sequence[str], run: Run) -> SizeResult:
    recipe = run.recipe
    fitted = fit_stream(kept, labels, recipe.front_end, run)
    stream, fits = fitted.stream, fitted.fits
    held_out_means, n_frames = [], []
    for label, mixture in zip(labels, stream.mixtures, strict=True):
        mine = tuple(each for each in held_out if each.recording.label == label)
        data = ClassUtterances(label, mine, (1.0,) * len(mine))
        frames = pool([data], stream.reference_mean, recipe.front_end, run.executor)
        held_out_means.append(mean_log_likelihood(mixture, frames))
        n_frames.append(balance(label, [each for each in kept if each.recording.label == label], recipe).total)
    means = [fits[label].log_likelihoods[-1] for label in labels]
    total, parameters = float(np.dot(means, n_frames)), sum(fit.mixture.n_parameters for fit in fits.values())
    return SizeResult(
        n_components=recipe.n_components,
        log_likelihood=float(np.mean(means)),
        aic=aic(total, parameters),
        bic=bic(total, parameters, sum(n_frames)),
        held_out=float(np.mean(held_out_means)),
    )
