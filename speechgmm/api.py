"""The Python API: train, save, load, classify, segment, evaluate.

Each function imports the room that does its work: to classify needs nothing of training, evaluation and reports.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from speechgmm.argument_checks import instance_of, items, job_count, number, path, whole_number, wrong
from speechgmm.audio.hearing import Heard
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.classifier import model_file as modelfile
from speechgmm.classifier.classify import classify_recording, classify_samples
from speechgmm.classifier.decision import Decision
from speechgmm.classifier.model import Model
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.errors import AudioError, OptionError
from speechgmm.features.extraction import Failure
from speechgmm.progress import Progress
from speechgmm.segmentation.options import SegmentationOptions

if TYPE_CHECKING:
    from speechgmm.evaluation.report import Report
    from speechgmm.segmentation.segment import Segment
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.run_context import Sizes
    from speechgmm.training.train import Training

AnyPath = str | PathLike[str]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

logger = logging.getLogger("speechgmm")


def with_usual_arithmetic(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function compute as usual where its caller has changed numpy's handling of floating-point errors.

    Terms too small for a number are part of the computation, and no error.
    """

    @functools.wraps(function)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> R:
        with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
            return function(*arguments, **options)

    return wrapped


@with_usual_arithmetic
def train(
    recordings: AnyPath | Corpus,
    *,
    recipe: Recipe | AnyPath = "robust",
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
        If there is no such recipe, it is faulty, or another argument is wrong.
    TrainingError
        If a class has too few speakers or too little speech.
    CheckpointError
        If the checkpoint is another training's, is used by another training now, or is damaged.
    OutputError
        If features or checkpoint cannot be written.
    """
    from speechgmm.training.folder_checkpoint import checkpoint_in
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.run_context import Run
    from speechgmm.training.train import train as run_training
    from speechgmm.workers.local import LocalExecutor

    chosen = recipe if isinstance(recipe, Recipe) else Recipe.load(path("recipe", recipe, "a Recipe or a path"))
    executor, sizes, channel = LocalExecutor(job_count(jobs)), _sizes(sizes), _channel(channel)
    feature_folder = None if features is None else path("features", features)
    folder = None if checkpoint is None else path("checkpoint", checkpoint)
    corpus = _corpus(recordings)
    with checkpoint_in(folder) as kept:
        run = Run(
            recipe=chosen,
            sizes=sizes,
            channel=channel,
            feature_folder=feature_folder,
            executor=executor,
            checkpoint=kept,
            progress=_logging(),
        )
        return run_training(corpus, run)


def save(model: Model, file: AnyPath) -> None:
    """Write a model file; an existing one is replaced.

    Raises
    ------
    OptionError
        If an argument is wrong.
    OutputError
        If it cannot be written.
    """
    modelfile.save(_model(model), path("file", file))


def load(file: AnyPath | None = None) -> Model:
    """Read a model file, by default the shipped model.

    Raises
    ------
    ModelFileError
        If it cannot be read, or is not a model this version can read.
    OptionError
        If it is no path.
    """
    return modelfile.load(shipped_model_file() if file is None else path("file", file))


@with_usual_arithmetic
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
        An audio file, or samples: floating-point numbers in [-1, 1], or integers over their full range. A tensor must
        be in main memory, and without a gradient.
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
        If a sampling rate is missing for samples, or given for a file, or `channel` for samples, or an argument is
        wrong.
    """
    model = load() if model is None else _model(model)
    channel = _channel(channel)
    _check_source(source)
    if not isinstance(source, (str, PathLike)):
        rate = _rate(sampling_rate)
        if channel is not None:
            raise OptionError(f"channel is {channel}, but it is only for files: pass one column of the samples")
        heard = Heard()
        decision = classify_samples(model, source, rate, heard=heard)
        _log_warning("samples", heard.warning)
        return decision
    if sampling_rate is not None:
        raise OptionError(f"sampling_rate is {sampling_rate}, but the file {source} has its own")
    file = path("source", source)
    result = classify_recording(Recording(file=file, name=str(source), label=""), model=model, channel=channel)
    if isinstance(result, Failure):
        raise AudioError(result.reason)
    _log_warning(str(source), result.warning)
    return result.decision


@with_usual_arithmetic
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
        An audio file, or samples: floating-point numbers in [-1, 1], or integers over their full range. A tensor must
        be in main memory, and without a gradient.
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
        If a sampling rate is missing for samples, or given for a file, or `channel`, `start` or `end` for samples, or
        an argument is wrong.
    """
    from speechgmm.segmentation.segment_recordings import segment_blocks, segment_file

    model = load() if model is None else _model(model)
    instance_of(SegmentationOptions, "options", options, "SegmentationOptions")
    channel, start = _channel(channel), number("start", start, "a time in seconds")
    end = None if end is None else number("end", end, "a time in seconds, or None")
    _check_source(source)
    if not isinstance(source, (str, PathLike)):
        rate = _rate(sampling_rate)
        if (channel, start, end) != (None, 0.0, None):
            raise OptionError("channel, start and end are only for files: pass the wanted samples")
        heard = Heard()
        samples = to_mono_at_rate(source, rate, model.front_end.sampling_rate, heard=heard)
        _log_warning("samples", heard.warning)
        return list(segment_blocks(model, [samples], options=options))
    if sampling_rate is not None:
        raise OptionError(f"sampling_rate is {sampling_rate}, but the file {source} has its own")
    file = path("source", source)
    stream = segment_file(model, file, options=options, channel=channel, start=start, end=end)
    segments = list(stream)
    _log_warning(str(source), stream.heard.warning)
    return segments


@with_usual_arithmetic
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
    OptionError
        If an argument is wrong.
    """
    from speechgmm.evaluation.evaluate_model import assess

    model = load() if model is None else _model(model)
    jobs, channel, by = job_count(jobs), _channel(channel), _columns(by)
    return assess(model, _corpus(recordings), by=by, jobs=jobs, channel=channel).report


@with_usual_arithmetic
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
    OptionError
        If an argument is wrong.
    OutputError
        If it cannot be written.
    """
    from speechgmm.evaluation.report import Report
    from speechgmm.reporting.write_report import origin_of, write_page

    instance_of(Report, "report", report, "a Report, which evaluate returns")
    write_page(path("file", file), report, origin=origin_of("speechgmm.save_page"))


def _corpus(recordings: AnyPath | Corpus) -> Corpus:
    if isinstance(recordings, Corpus):
        return recordings
    from speechgmm.corpus import read_corpus

    return read_corpus(path("recordings", recordings, "a folder, a manifest or a Corpus, which read_corpus returns"))


def _model(model: Model) -> Model:
    if isinstance(getattr(model, "model", None), Model):
        raise OptionError("model is a Training, but it must be a Model: give its attribute model")
    return instance_of(Model, "model", model, "a Model, which load returns")


def _channel(channel: int | None) -> int | None:
    return None if channel is None else whole_number("channel", channel, 1)


def _rate(sampling_rate: float | None) -> float:
    if sampling_rate is None:
        raise OptionError("samples need their sampling_rate in Hz")
    return number("sampling_rate", sampling_rate, "a number in Hz")


def _sizes(sizes: Sizes) -> Sizes:
    if isinstance(sizes, str) and sizes == "auto":
        return "auto"
    given = items("sizes", sizes, "'auto' or a list of whole numbers, such as [16, 32]")
    return tuple(whole_number("a number in sizes", size, 1) for size in given)


def _columns(by: Sequence[str]) -> tuple[str, ...]:
    given = items("by", by, "a list of columns, such as ['corpus']")
    return tuple(instance_of(str, "a column in by", column, "a name") for column in given)


def _check_source(source: object) -> None:
    """Refuse what is neither a path nor samples, such as an open file."""
    if source is None or isinstance(source, (bytes, bytearray)) or hasattr(source, "read"):
        raise wrong("source", source, "a path or samples")


def _log_warning(name: str, warning: str) -> None:
    """Log what was odd about audio, if anything was."""
    if warning:
        logger.warning("%s: %s", name, warning.replace("--channel", "channel"))


def _logging() -> Progress:
    """A progress that logs features that were damaged, and what was odd about recordings: once each."""
    from speechgmm.training.heard_recordings import new_notes

    told: set[str] = set()

    def log(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:  # names of `Progress`
        for item in items:
            for text in new_notes(item, told):
                logger.warning(text.replace("--channel", "channel"))
            yield item

    return log
