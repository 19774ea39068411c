"""Training: from labelled recordings to a model.

The main path: recordings -> material (utterances in every stream) -> fitting (a scorer) -> held-out scores ->
calibration (a model).
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from speechgmm.classifier.doubt import CARD_ENTRY, usual_share
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Corpus
from speechgmm.corpus.speakers import speaker_of
from speechgmm.features.extraction import Failure
from speechgmm.mixture.information_criteria import SizeResult, choose
from speechgmm.provenance import PACKAGES, version
from speechgmm.training.calibrate import HeldOutAnswer, calibrate, held_out_answers, held_out_scores, require_speech
from speechgmm.training.card import training_card
from speechgmm.training.component_selection import compare_sizes
from speechgmm.training.fitting import FittedStream, fitter
from speechgmm.training.material import Material, read_material
from speechgmm.training.recordings import require_speakers, training_recordings
from speechgmm.training.run_context import Run
from speechgmm.workers.local import single_thread


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """A trained model and how its training went.

    Attributes
    ----------
    model : Model
    held_out : tuple of HeldOutAnswer
        The model's answers to held-out utterances of the training corpus. It was calibrated on them.
    fitted : tuple of FittedStream
        The fits of each stream.
    failures : tuple of Failure
        Recordings that could not be used.
    sizes : tuple of SizeResult
        The numbers of components that were compared, if any.
    n_recordings : int
        Number of recordings of voices that were read, with those that could not be used.
    """

    model: Model
    held_out: tuple[HeldOutAnswer, ...]
    fitted: tuple[FittedStream, ...]
    failures: tuple[Failure, ...]
    sizes: tuple[SizeResult, ...] = ()
    n_recordings: int = 0


def train(corpus: Corpus, run: Run, *, about: Mapping[str, Any] | None = None) -> Training:
    """Train a model.

    The same corpus, recipe and seed give the identical model, whatever the executor.

    Parameters
    ----------
    corpus : Corpus
        Recordings of two or more classes. Its train split trains and its dev split calibrates. Without a dev split,
        each fold of the training speakers is scored by mixtures fitted on the others. Other splits are not used;
        without any splits, every recording is used.
    run : Run
    about : mapping, optional
        Further entries of the model card: plain JSON values.

    Returns
    -------
    Training

    Raises
    ------
    CorpusError
        If there are fewer than two classes, or no recordings of the non-speech class.
    TrainingError
        If a class has too few speakers or too little speech.
    CheckpointError
        If the checkpoint is another training's, or damaged.
    OptionError
        If rejection is asked for and there is nothing to train it on.
    OutputError
        If features or checkpoint cannot be written.
    """
    recordings = training_recordings(corpus, run.recipe.nonspeech)
    run = run.scaled_to(recordings.voices.recordings)
    return train_on(read_material(recordings, run), run, about=about)


@single_thread
def train_on(material: Material, run: Run, *, about: Mapping[str, Any] | None = None) -> Training:
    """Train a model on material that was read, without rules for small data; otherwise as `train`."""
    require_speakers(material.corpus, material.usable, who="speaker with speech", failures=material.failures)
    if not run.sizes:
        require_speech(material, run)
    run.checkpoint.begin(_identity(material, run))
    sizes: tuple[SizeResult, ...] = ()
    if run.sizes:
        sizes = compare_sizes(material, run)
        run = run.with_components(choose(sizes).n_components)
    fit = fitter(material, run.at("model"))
    fitted = fit(material, run.at("model"))
    scores = held_out_scores(fitted.scorer, material, run, fit)
    model = calibrate(fitted.scorer, scores, run.recipe)
    held_out = held_out_answers(model, scores)
    card = {**training_card(material, fitted.streams, run, sizes=sizes), **_usual_doubt(held_out)}
    return Training(
        model=replace(model, card={**(about or {}), **card}, training_digests=material.short_digests),
        held_out=held_out,
        fitted=fitted.streams,
        failures=material.failures,
        n_recordings=len(material.corpus.recordings),
        sizes=sizes,
    )


def _usual_doubt(held_out: Iterable[HeldOutAnswer]) -> dict[str, float]:
    """The entry of the card on doubtful labels of left-out corpora, if there are enough of them."""
    scores: dict[str, list[float]] = defaultdict(list)
    for each in held_out:
        if not math.isnan(each.score):
            scores[each.group].append(each.score)
    usual = usual_share(scores)
    return {} if usual is None else {CARD_ENTRY: round(usual, 4)}


def _identity(material: Material, run: Run) -> dict[str, str]:
    """What the result of a training depends on, for its checkpoint."""
    recordings, recipe = hashlib.sha256(), run.recipe
    columns = (recipe.balance_by, recipe.mmi_raised_by, recipe.calibration_by)
    for each in (*material.streams[0], *material.nonspeech[0]):
        recording = each.recording
        who = (recording.label, speaker_of(recording), recording.split, *map(recording.value_of, columns))
        what = (each.digest, recording.start, recording.end, recording.augmentation, each.n_speech)
        recordings.update(repr((who, what)).encode(errors="surrogateescape"))
    return {
        "options": repr(run.recipe),
        "sizes": repr(run.sizes if run.sizes == "auto" else tuple(run.sizes)),
        "recordings": recordings.hexdigest(),
        "software": " ".join(f"{package} {version(package)}" for package in PACKAGES),
    }
