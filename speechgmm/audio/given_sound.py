"""A sound in one of the forms that callers have it in: a file, encoded bytes, or samples with their sampling rate.

Objects of other libraries are recognised by their attributes. None of these libraries is imported here.

==============================================  ====================================================
path                                            a file
bytes, binary file object                       the content of a file, from the position of the object
NumPy array, list                               samples (n,) or (n, channels)
tensor of PyTorch                               samples (n,), (n, channels) or (channels, n)
``soundfile.SoundFile``                         samples from its position to its end, with its rate
audio of Hugging Face datasets                  ``array`` with ``sampling_rate``, or ``bytes``, or ``path``
``AudioDecoder`` of TorchCodec                  all of its samples, with their rate
==============================================  ====================================================
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from numpy.typing import ArrayLike

from speechgmm.argument_checks import number, path, wrong
from speechgmm.errors import AudioError, OptionError

EXPECTED = "a path, bytes, a binary file, or samples"


class SoundFileLike(Protocol):
    """What is used of ``soundfile.SoundFile``."""

    @property
    def samplerate(self) -> int:
        """Sampling rate in Hz."""

    def read(self, frames: int = -1, dtype: str = "float64", always_2d: bool = False) -> Any:
        """Read samples (n, channels)."""


class AudioDecoderLike(Protocol):
    """What is used of ``torchcodec.decoders.AudioDecoder``."""

    def get_all_samples(self) -> Any:
        """All samples: ``data`` (channels, n) and ``sample_rate``."""


GivenSound: TypeAlias = (
    str
    | PathLike[str]
    | bytes
    | bytearray
    | BinaryIO
    | ArrayLike
    | Mapping[str, Any]
    | SoundFileLike
    | AudioDecoderLike
)
"""What a caller may give as a recording."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """A recording that is encoded, in a file or in memory.

    Attributes
    ----------
    name : str
        Of the recording, for messages.
    content : Path or bytes
        The file, or its content.
    """

    name: str
    content: Path | bytes

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """A file with the content. One that is made for it is temporary, and its path is not in the errors.

        Raises
        ------
        AudioError
            As raised inside, or if the temporary file cannot be written.
        """
        if isinstance(self.content, Path):
            yield self.content
            return
        with tempfile.TemporaryDirectory(prefix="speechgmm-", ignore_cleanup_errors=True) as folder:
            # The end of the name tells which formats to try. It may be anything: names come from others.
            suffix = Path(self.name).suffix
            file = Path(folder, f"sound{suffix if suffix[1:].isalnum() else ''}")
            try:
                file.write_bytes(self.content)
            except OSError as error:
                raise AudioError(
                    f"{self.name}: the temporary file {file} cannot be written ({error.strerror})"
                ) from error
            try:
                yield file
            except AudioError as error:
                raise AudioError(str(error).replace(str(file), self.name)) from error


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """A recording in memory.

    Attributes
    ----------
    name : str
        Of the recording, for messages.
    samples : array_like (n,) or (n, channels)
    rate : float
        In Hz.
    """

    name: str
    samples: ArrayLike
    rate: float


def sound_of(source: Any, sampling_rate: float | None = None) -> Encoded | Sampled:
    """Recognise the form of a sound.

    Parameters
    ----------
    source : GivenSound
    sampling_rate : float, optional
        In Hz. Samples need it; what has its own does not.

    Returns
    -------
    Encoded or Sampled

    Raises
    ------
    AudioError
        If a file object cannot be read.
    OptionError
        If the source is nothing of that, or the sampling rate is missing, given for what has its own, or no number.
    """
    if isinstance(source, (str, PathLike)):
        _refuse_rate(sampling_rate, f"the file {source}")
        return Encoded(name=str(source), content=path("source", source))
    if isinstance(source, (bytes, bytearray)):
        _refuse_rate(sampling_rate, "the file in bytes")
        return Encoded(name="bytes", content=bytes(source))
    if isinstance(source, Mapping):
        return _of_mapping(source, sampling_rate)
    if hasattr(source, "get_all_samples"):
        return _of_decoder(source, sampling_rate)
    if hasattr(source, "read"):
        return _of_open_file(source, sampling_rate)
    if source is None:
        raise wrong("source", source, EXPECTED)
    if sampling_rate is None:
        raise OptionError("samples need their sampling_rate in Hz")
    rate = number("sampling_rate", sampling_rate, "a number in Hz")
    if _is_tensor(source):
        return Sampled(name="samples", samples=_samples_last(_in_memory(source)), rate=rate)
    return Sampled(name="samples", samples=source, rate=rate)


def _of_mapping(source: Mapping[str, Any], sampling_rate: float | None) -> Encoded | Sampled:
    """The audio of a row of Hugging Face datasets, decoded or not."""
    if source.get("array") is not None and source.get("sampling_rate") is not None:
        _refuse_rate(sampling_rate, "the audio")
        rate = number("sampling_rate", source["sampling_rate"], "a number in Hz")
        return Sampled(name="samples", samples=_samples_last(_in_memory(source["array"])), rate=rate)
    content, file = source.get("bytes"), source.get("path")
    if content is None and file is None:
        keys = ", ".join(map(repr, source)) or "none"
        raise OptionError(
            f"source is a mapping with the keys {keys}, expected 'array' and 'sampling_rate', 'bytes' or 'path'"
        )
    if content is None:
        return sound_of(path("path", file), sampling_rate)
    if not isinstance(content, (bytes, bytearray)):
        raise wrong("bytes", content, "the content of a file")
    encoded = sound_of(content, sampling_rate)
    return Encoded(name=Path(file).name, content=bytes(content)) if isinstance(file, str) and file else encoded


def _of_decoder(source: AudioDecoderLike, sampling_rate: float | None) -> Sampled:
    """All samples of an ``AudioDecoder``."""
    _refuse_rate(sampling_rate, "the decoder")
    try:
        decoded = source.get_all_samples()
    except (OSError, ValueError, RuntimeError) as error:
        raise AudioError(f"samples: they cannot be decoded ({error})") from error
    return Sampled(name="samples", samples=_samples_last(_in_memory(decoded.data)), rate=decoded.sample_rate)


def _of_open_file(source: Any, sampling_rate: float | None) -> Encoded | Sampled:
    """A binary file object, or a ``soundfile.SoundFile``."""
    given = getattr(source, "name", None)
    name = Path(given).name if isinstance(given, str) and given else "file"
    _refuse_rate(sampling_rate, f"the file {name}" if name != "file" else "the open file")
    try:
        if hasattr(source, "samplerate"):
            frames = source.read(dtype="float32", always_2d=True)
            return Sampled(name=name, samples=frames, rate=source.samplerate)
        content = source.read()
    except (OSError, ValueError, RuntimeError) as error:  # soundfile's are RuntimeErrors
        raise AudioError(f"{name}: it cannot be read ({error})") from error
    if not isinstance(content, (bytes, bytearray)):
        raise wrong("source", source, f"{EXPECTED}; open the file in binary mode")
    return Encoded(name=name, content=bytes(content))


def _refuse_rate(sampling_rate: float | None, owner: str) -> None:
    if sampling_rate is not None:
        raise OptionError(f"sampling_rate is {sampling_rate}, but {owner} has its own")


def _is_tensor(source: Any) -> bool:
    """Whether it is a tensor of PyTorch: it may be on another device, or part of a computation of gradients."""
    return all(hasattr(source, name) for name in ("detach", "cpu", "numpy"))


def _in_memory(samples: Any) -> Any:
    return samples.detach().cpu() if _is_tensor(samples) else samples


def _samples_last(samples: Any) -> ArrayLike:
    """Samples (n, channels) of (channels, n), as PyTorch's and Hugging Face's libraries have them."""
    shape: tuple[int, ...] = getattr(samples, "shape", ())
    transposed: ArrayLike = samples.T if len(shape) == 2 and shape[0] < shape[1] else samples
    return transposed
