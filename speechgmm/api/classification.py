"""Classification of one utterance, or of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speechgmm.api.model_files import given_or_shipped
from speechgmm.audio.given_sound import GivenSound
from speechgmm.classifier.decision import Decision
from speechgmm.classifier.model import Model
from speechgmm.features.extraction import Failure


def classify(
    source: GivenSound,
    sampling_rate: float | None = None,
    *,
    model: Model | None = None,
    channel: int | None = None,
) -> Decision:
    """Classify an utterance: voice gender label and score.

    Parameters
    ----------
    source : path, bytes, file object, array_like (n,) or (n, channels), or audio of another library
        An audio file, its content, or samples: floating-point numbers in [-1, 1], or integers over their full range. A
        tensor of PyTorch may also be (channels, n). An object of soundfile, the audio of Hugging Face datasets (with
        ``array``, ``bytes`` or ``path``) and a decoder of TorchCodec have their own sampling rate. A file object is
        read from its position on.
    sampling_rate : float, optional
        Of samples, in Hz; not for what has its own.
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
    return given_or_shipped(model).classify(source, sampling_rate, channel=channel)


def classify_many(
    sources: Iterable[GivenSound],
    sampling_rate: float | None = None,
    *,
    model: Model | None = None,
    jobs: int = 1,
    channel: int | None = None,
) -> Iterator[Decision | Failure]:
    """Classify utterances one after the other, or several at once.

    Parameters
    ----------
    sources : iterable
        Of what `classify` takes. It is consumed lazily, as the answers are.
    sampling_rate : float, optional
        Of samples, in Hz; not for what has its own.
    model : Model, optional
        By default the shipped one, read once.
    jobs : int
        Number of workers, two of them threads and more processes; negative counts down from the number of cores.
    channel : int, optional
        Of files with several, counted from 1; by default they are mixed.

    Returns
    -------
    iterator of Decision or Failure
        One for each source, in order. A `Failure` says in `reason` why the audio cannot be read or used.

    Raises
    ------
    OptionError
        If an argument is wrong; while iterating, if a source is nothing that `classify` takes.
    """
    return given_or_shipped(model).classify_many(sources, sampling_rate, jobs=jobs, channel=channel)
