"""The Python API: train, save, load, classify, segment, evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from numpy.typing import ArrayLike

from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.classifier import model_file as modelfile
from speechgmm.classifier.classify import classify_recording, classify_samples
from speechgmm.classifier.decision import Decision
from speechgmm.classifier.model import Model
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.errors import AudioError, OptionError
from speechgmm.evaluation.evaluate_model import assess
from speechgmm.evaluation.report import Report
from speechgmm.features.extraction import Failure
from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.reporting.write_report import origin_of, write_page
from speechgmm.segmentation.options import SegmentationOptions
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.segment_recordings import segment_blocks, segment_file
from speechgmm.training.folder_checkpoint import FolderCheckpoint
from speechgmm.training.recipe import DEFAULT, Recipe
from speechgmm.training.run_context import Run, Sizes
from speechgmm.training.train import Training
from speechgmm.training.train import train as run_training
from speechgmm.workers.local import LocalExecutor

AnyPath = str | PathLike[str]


def train(
    recordings: AnyPath | Corpus,
    *,
    recipe: Recipe | AnyPath = DEFAULT,
    sizes: Sizes = (),
    jobs: int = 1,
    channel: int | None = None,
    features: AnyPath | None = None,
    checkpoint: AnyPath | None = None,
) -> Training:
    """Train a model on labelled recordings.

    Parameters
    ----------
    recordings : path or Corpus
        A folder of class folders (``CLASS/[SPEAKER/]FILE``), a manifest (.csv), or the result of `read_corpus`.
    recipe : Recipe or path
        A recipe; or the name of one that the package contains, a TOML file or a model, for `Recipe.load`.
    sizes : sequence of int or "auto"
        Numbers of components to choose from on held-out speakers, instead of the one in the recipe.
    jobs : int
        Number of workers; negative counts down from the number of cores. The model does not depend on it.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    features : path, optional
        Folder of a feature store, for speech that does not fit in memory and for later trainings.
    checkpoint : path, optional
        Folder in which the fits are kept as they proceed: an interrupted training resumes from there.

    Returns
    -------
    Training
        With the trained `model`, and in `failures` the recordings that could not be used.

    Raises
    ------
    CorpusError
        If the folder or manifest is faulty, or has fewer than two classes.
    OptionError
        If there is no such recipe, or it is faulty.
    TrainingError
        If a class has too few speakers or too little speech.
    CheckpointError
        If the checkpoint is another training's, or damaged.
    OutputError
        If features or checkpoint cannot be written.
    """
    run = Run(
        recipe=recipe if isinstance(recipe, Recipe) else Recipe.load(recipe),
        sizes=sizes,
        channel=channel,
        feature_folder=None if features is None else Path(features),
        executor=LocalExecutor(jobs),
        checkpoint=Checkpoint() if checkpoint is None else FolderCheckpoint(Path(checkpoint)),
    )
    return run_training(_corpus(recordings), run)


def save(model: Model, file: AnyPath) -> None:
    """Write a model file; an existing one is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    modelfile.save(model, Path(file))


def load(file: AnyPath | None = None) -> Model:
    """Read a model file, by default the shipped model.

    Raises
    ------
    ModelFileError
        If it cannot be read, or is not a model this version can read.
    """
    return modelfile.load(shipped_model_file() if file is None else Path(file))


def classify(
    source: AnyPath | ArrayLike,
    sampling_rate: float | None = None,
    *,
    model: Model | None = None,
    channel: int | None = None,
) -> Decision:
    """Classify an utterance: voice gender label and score.

    Parameters
    ----------
    source : path or array_like (n,) or (n, channels)
        An audio file, or samples: floating-point numbers in [-1, 1], or integers over their full range.
    sampling_rate : float, optional
        Of samples, in Hz; not for files, which have their own.
    model : Model, optional
        By default the shipped one, read at each call: load it once for many utterances.
    channel : int, optional
        Of a file with several, counted from 1; by default they are mixed.

    Returns
    -------
    Decision

    Raises
    ------
    AudioError
        If the audio cannot be read or used.
    OptionError
        If a sampling rate is missing for samples, or given for a file, or `channel` for samples.
    """
    model = load() if model is None else model
    if not isinstance(source, (str, PathLike)):
        if sampling_rate is None:
            raise OptionError("samples need their sampling_rate in Hz")
        if channel is not None:
            raise OptionError(f"channel is {channel}, but it is only for files: pass one column of the samples")
        return classify_samples(model, source, sampling_rate)
    if sampling_rate is not None:
        raise OptionError(f"sampling_rate is {sampling_rate}, but the file {source} has its own")
    result = classify_recording(Recording(file=Path(source), name=str(source), label=""), model=model, channel=channel)
    if isinstance(result, Failure):
        raise AudioError(result.reason)
    return result.decision


def segment(
    source: AnyPath | ArrayLike,
    sampling_rate: float | None = None,
    *,
    model: Model | None = None,
    options: SegmentationOptions = SegmentationOptions(),
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> list[Segment]:
    """Segment a long recording by class.

    Parameters
    ----------
    source : path or array_like (n,) or (n, channels)
        An audio file, or samples: floating-point numbers in [-1, 1], or integers over their full range.
    sampling_rate : float, optional
        Of samples, in Hz; not for files, which have their own.
    model : Model, optional
        By default the shipped one, read at each call.
    options : SegmentationOptions
    channel : int, optional
        Of a file with several, counted from 1; by default they are mixed.
    start, end : float
        The excerpt of a file, in seconds; an `end` of None is the end of the file.

    Returns
    -------
    list of Segment
        In temporal order, without gaps.

    Raises
    ------
    AudioError
        If the audio cannot be read or used.
    OptionError
        If a sampling rate is missing for samples, or given for a file, or `channel`, `start` or `end` for samples.
    """
    model = load() if model is None else model
    if not isinstance(source, (str, PathLike)):
        if sampling_rate is None:
            raise OptionError("samples need their sampling_rate in Hz")
        if (channel, start, end) != (None, 0.0, None):
            raise OptionError("channel, start and end are only for files: pass the wanted samples")
        samples = to_mono_at_rate(source, sampling_rate, model.front_end.sampling_rate)
        return list(segment_blocks(model, [samples], options=options))
    if sampling_rate is not None:
        raise OptionError(f"sampling_rate is {sampling_rate}, but the file {source} has its own")
    return list(segment_file(model, Path(source), options=options, channel=channel, start=start, end=end))


def evaluate(
    recordings: AnyPath | Corpus,
    model: Model | None = None,
    *,
    by: Sequence[str] = (),
    jobs: int = 1,
    channel: int | None = None,
) -> Report:
    """Evaluate a model on labelled recordings.

    Parameters
    ----------
    recordings : path or Corpus
        A folder of class folders, a manifest (.csv), or the result of `read_corpus`; all splits are used.
    model : Model, optional
        By default the shipped one.
    by : sequence of str
        Columns of the manifest to break the results down by.
    jobs : int
        Processes; negative counts down from the number of cores.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.

    Returns
    -------
    Report
        Recordings that could not be read are listed as skipped.

    Raises
    ------
    CorpusError
        If the folder or manifest is faulty.
    EvaluationError
        If nothing could be classified.
    """
    model = load() if model is None else model
    return assess(model, _corpus(recordings), by=by, jobs=jobs, channel=channel).report


def save_page(report: Report, file: AnyPath) -> None:
    """Write a report as one self-contained HTML page, without sound; an existing file is replaced.

    Parameters
    ----------
    report : Report
        From `evaluate`.
    file : path
        With the extra ``report`` installed the page has pictures.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_page(Path(file), report, origin=origin_of("speechgmm.save_page"))


def _corpus(recordings: AnyPath | Corpus) -> Corpus:
    return recordings if isinstance(recordings, Corpus) else read_corpus(Path(recordings))
