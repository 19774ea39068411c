"""Training of a model on samples in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from speechgmm.api.arguments import AnyPath, cell
from speechgmm.api.training import chosen_recipe, train
from speechgmm.argument_checks import wrong
from speechgmm.audio.given_sound import Encoded, GivenSound, sound_of
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples, to_mono_at_rate
from speechgmm.errors import AudioError, OptionError, OutputError

if TYPE_CHECKING:
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.run_context import Sizes
    from speechgmm.training.train import Training

T = TypeVar("T")


def train_from_arrays(
    samples: Iterable[GivenSound],
    labels: Iterable[object],
    sampling_rate: float | Iterable[float] | None = None,
    *,
    speakers: Iterable[object] | None = None,
    recipe: Recipe | AnyPath = "robust",
    sizes: Sizes = (),
    jobs: int = 1,
    features: AnyPath | None = None,
    checkpoint: AnyPath | None = None,
) -> Training:
    """Train a model on labelled samples.

    While it trains, the samples are in temporary files, mixed to one channel at the sampling rate of the recipe.

    Parameters
    ----------
    samples : iterable
        Of utterances, each as `classify` takes it. It is consumed one by one.
    labels : iterable
        The class of each utterance; other values than text are taken as their text.
    sampling_rate : float or iterable of float, optional
        Of all utterances, or of each, in Hz; not for what has its own.
    speakers : iterable, optional
        The speaker of each utterance, or None. Without speakers, each utterance counts as a speaker of its own.
    recipe, sizes, jobs, features, checkpoint
        As for `train`.

    Returns
    -------
    Training

    Raises
    ------
    AudioError
        If an utterance cannot be used.
    CorpusError
        If the labels are faulty, such as a speaker with two of them, or there are fewer than two classes.
    OptionError, TrainingError, CheckpointError, OutputError
        As for `train`, and if there are not as many labels, speakers and sampling rates as utterances.
    """
    from speechgmm.corpus.manifest import corpus_of_rows

    chosen = chosen_recipe(recipe)
    label_list = _listed("labels", labels)
    count = len(label_list)
    speaker_list = [None] * count if speakers is None else _listed("speakers", speakers, count)
    rates = _rates(sampling_rate, count)
    with tempfile.TemporaryDirectory(prefix="speechgmm-", ignore_cleanup_errors=True) as folder:
        target = chosen.front_ends[0].sampling_rate
        mono = enumerate(_mono(samples, rates, target))
        names = [_written(Path(folder, f"{number:06}.wav"), utterance, target) for number, utterance in mono]
        rows = zip(names, map(cell, label_list), map(cell, speaker_list), strict=True)
        corpus = corpus_of_rows(("path", "label", "speaker"), rows, source="samples", root=Path(folder))
        return train(corpus, recipe=chosen, sizes=sizes, jobs=jobs, features=features, checkpoint=checkpoint)


def _listed(name: str, values: Iterable[T], count: int | None = None) -> list[T]:
    """The values as a list, of so many."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise wrong(name, values, "a list with a value for each utterance")
    given = values.tolist() if hasattr(values, "tolist") else list(values)
    if count not in (None, len(given)):
        raise OptionError(f"{name} has {len(given)} values, but there are {count} labels: give one for each utterance")
    return given


def _rates(sampling_rate: Any, count: int) -> Sequence[float | None]:
    """The sampling rate of each of so many utterances."""
    if isinstance(sampling_rate, Iterable) and getattr(sampling_rate, "ndim", 1) != 0:
        return _listed("sampling_rate", sampling_rate, count)
    return [sampling_rate] * count


def _mono(sources: Iterable[GivenSound], rates: Sequence[float | None], target: int) -> Iterator[Samples]:
    """Each utterance as mono samples at the target rate."""
    number = 0
    for number, source in enumerate(sources, start=1):
        if number > len(rates):
            raise OptionError(f"there are more samples than the {len(rates)} labels: give one label for each utterance")
        try:
            sound = sound_of(source, rates[number - 1])
            if isinstance(sound, Encoded):
                with sound.as_file() as file:
                    yield read(file, sampling_rate=target)
            else:
                yield to_mono_at_rate(sound.samples, sound.rate, target)
        except AudioError as error:
            raise AudioError(f"utterance {number}: {error}") from error
    if number < len(rates):
        raise OptionError(f"there are {number} utterances, but {len(rates)} labels: give one label for each utterance")


def _written(file: Path, samples: Samples, rate: int) -> str:
    """Write samples as floating-point numbers, so that none is clipped; return the name of the file."""
    from scipy.io import wavfile

    try:
        wavfile.write(file, rate, samples)
    except OSError as error:
        raise OutputError(f"{file}: the temporary file cannot be written ({error.strerror})") from error
    return file.name
