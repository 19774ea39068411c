"""Audio files as mono samples at one sampling rate: the only place that knows soundfile and soxr.

Files are read in blocks through a streaming resampler, so memory does not grow with a file's length and no sample
depends on the size of the blocks. Whatever keeps a file from being used is an `AudioError` of one sentence.

What cannot be found out is said in `container`, and two things of MP3: without a Xing header the length is an estimate
of the decoder, so up to 2 % may be missing unnoticed, and a variable-bit-rate file without it may be read in part.

The main path starts at `blocks`; `conform` is the same for samples that are in memory already.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from speechgmm.errors import AudioError
from speechgmm.recordings.container import PatchedWav, promise

Samples = NDArray[np.float32]

MIN_RATE = 8_000
"""The lowest sampling rate in Hz: below it, speech lacks part of the band up to 4 kHz that a model listens to."""

MAX_RATE = 768_000
"""The highest sampling rate in Hz: the highest any audio converter uses."""

MAX_MAGNITUDE = 1e12
"""Samples beyond this are taken for damage: their power would overflow. Even unscaled 32-bit integers stay below."""

AUDIO_SUFFIXES = frozenset(
    {f".{name.lower()}" for name in soundfile.available_formats() if name != "RAW"}
    | {".aif", ".aifc", ".oga", ".opus", ".snd", ".sph", ".wave"}
)
"""The ends of file names, in lower case, by which a folder's recordings are known. Files without a header that says
rate and channels (``.raw`` and the like) are not among them."""

_QUALITY = "HQ"
_MP3_TOLERANCE = 0.02
_UNKNOWN_LENGTH = 2**63 - 1  # libsndfile's count for a FLAC stream whose header does not say
_HEADERLESS = "it has no header that says its sampling rate and channels"
_REASONS = {
    1: "its format is not recognised",
    3: "it is damaged",
    4: "its encoding is not supported",
    7: "no sound is found in it",
}
_INTEGERS = {
    np.dtype(np.uint8): (128, 128),
    np.dtype(np.int8): (0, 2**7),
    np.dtype(np.int16): (0, 2**15),
    np.dtype(np.int32): (0, 2**31),
}


def blocks(
    file: Path,
    *,
    sampling_rate: int,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    block_s: float = 10.0,
) -> Iterator[Samples]:
    """Read a recording, or a stretch of one, block by block.

    Parameters
    ----------
    file : Path
        Any file soundfile can read: wav, flac, ogg, opus, mp3, aiff, au, caf ..., of any rate in
        [`MIN_RATE`, `MAX_RATE`], sample width and channel count.
    sampling_rate : int > 0
        Of the samples wanted, in Hz.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    start, end : float
        The stretch wanted in seconds, half open. An `end` of None or past the end of the file is the end of the file.
    block_s : float > 0
        Seconds read at a time. The samples do not depend on it.

    Yields
    ------
    samples : np.ndarray, shape (n,), float32
        The next samples, n > 0, full scale at -1 and 1.

    Raises
    ------
    AudioError
        While iterating, if the file is missing, not audio, empty, cut short or damaged, if its rate is out of range or
        a sample is not finite, or if there is no such channel or stretch.
    """
    with _opened(file) as sound:
        _check_channel(file, sound, channel)
        first, stop = _stretch(file, sound, start, end)
        block = max(round(block_s * sound.samplerate), 1)
        mono_blocks = _mono_blocks(file, sound, channel, first, stop, block)
        if sound.samplerate == sampling_rate:
            yield from mono_blocks
            return
        resampler = soxr.ResampleStream(sound.samplerate, sampling_rate, 1, dtype="float32", quality=_QUALITY)
        for mono in mono_blocks:
            if (samples := resampler.resample_chunk(mono)).size:
                yield samples
        if (samples := resampler.resample_chunk(np.empty(0, np.float32), last=True)).size:
            yield samples


def read(
    file: Path, *, sampling_rate: int, channel: int | None = None, start: float = 0.0, end: float | None = None
) -> Samples:
    """Read a short recording, or a stretch of one, at once.

    Parameters and errors are those of `blocks`.

    Returns
    -------
    samples : np.ndarray, shape (n,), float32
        All the blocks, joined.
    """
    parts = blocks(file, sampling_rate=sampling_rate, channel=channel, start=start, end=end)
    return np.concatenate([np.empty(0, np.float32), *parts])


def conform(samples: ArrayLike, sampling_rate: float, target_rate: int) -> Samples:
    """Bring samples in memory to the form that `blocks` gives: mono, float32, at the rate wanted.

    Parameters
    ----------
    samples : array_like, shape (n,) or (n, channels)
        Floating-point numbers, or integers of 8, 16 or 32 bits, which are divided by their full range (``uint8`` has
        its zero at 128). Channels are averaged.
    sampling_rate : float
        Of `samples`, in Hz, in [`MIN_RATE`, `MAX_RATE`].
    target_rate : int > 0
        Of the samples wanted, in Hz.

    Returns
    -------
    samples : np.ndarray, shape (m,), float32

    Raises
    ------
    AudioError
        If there are no samples, one is not finite, or shape, type or rate are none of the above.
    """
    _check_rate("samples", sampling_rate)
    try:
        array = np.asarray(samples)
    except ValueError as error:
        raise AudioError("samples: not an array, expected shape (n,) or (n, channels)") from error
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > array.shape[0] > 0):
        raise AudioError(f"samples: shape {array.shape}, expected (n,) or (n, channels) with n >= channels")
    if array.size == 0:
        raise AudioError(f"samples: there are none, the shape is {array.shape}")
    mono = _mono("samples", _scaled(array).reshape(len(array), -1), 0, sampling_rate)
    return np.asarray(soxr.resample(mono, sampling_rate, target_rate, quality=_QUALITY))


def duration_s(file: Path) -> float:
    """Length of a recording in seconds, as its header has it, or counted where the header does not say.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _opened(file) as sound:
        frames = sound.frames
        if frames == _UNKNOWN_LENGTH:
            frames = sum(len(block) for block in _mono_blocks(file, sound, None, 0, frames, sound.samplerate))
        return float(frames / sound.samplerate)


def digest(file: Path) -> str:
    """SHA-256 of the bytes of a file, in hexadecimal: it tells the contents from those of other files.

    Raises
    ------
    AudioError
        If the file cannot be read.
    """
    state = hashlib.sha256()
    with _bytes_of(file) as stream:
        while piece := stream.read(1 << 20):
            state.update(piece)
    return state.hexdigest()


def short_digest(hexadecimal: str) -> int:
    """The first 64 bits of a digest as a number: enough to tell the files of one training from others."""
    return int(hexadecimal[:16], 16)


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types, its class counts as Any
    """A sound file that is read from one block to the next with no seek in between.

    After each read soundfile seeks to the place where the file already is. An MP3 decoder then starts anew and the
    blocks do not join; a FLAC file that does not know its own length fails at its end.
    """

    def seekable(self) -> bool:
        return False

    def skips_exactly(self) -> bool:
        """Whether a seek lands on the very sample: in an MP3 file with a variable bit rate it does not."""
        return bool(super().seekable()) and self.format != "MP3"


@contextmanager
def _bytes_of(file: Path) -> Iterator[BinaryIO]:
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise AudioError(f"{file}: it is {kind}, which cannot be read as a recording")
        with file.open("rb") as stream:
            yield stream
    except FileNotFoundError as error:
        raise AudioError(f"{file}: there is no such file") from error
    except OSError as error:
        raise AudioError(f"{file}: it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise AudioError(f"{str(file)!r}: this cannot be the name of a file ({error})") from error


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open a sound file and refuse what can be refused before reading it."""
    with ExitStack() as stack:
        try:
            sound = stack.enter_context(_SoundFile(_source(file, stack)))
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{file}: it is not audio that can be read ({_reason(error)})") from error
        except TypeError as error:  # soundfile asks for the rate if the name ends in .raw
            raise AudioError(f"{file}: it is not audio that can be read ({_HEADERLESS})") from error
        if sound.format == "RAW":  # the library's guess from a name like .au or .vox, whatever the contents are
            raise AudioError(f"{file}: it is not audio that can be read ({_HEADERLESS})")
        _check_rate(str(file), sound.samplerate)
        if sound.frames == 0:
            raise AudioError(f"{file}: it holds no samples")
        yield sound


def _source(file: Path, stack: ExitStack) -> str | bytes | PatchedWav:
    """What to hand to the library, once the file is found to be there and as long as it says."""
    with _bytes_of(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            raise AudioError(f"{file}: it is empty (0 bytes)")
        promised = promise(stream, size)
    if promised.missing:
        raise AudioError(
            f"{file}: it is cut short, its header announces {promised.missing:,} bytes more than the {size:,} it has"
        )
    # Bytes, so that names that are not valid UTF-8 work too; Windows has no such names.
    name = os.fsencode(file) if os.name == "posix" else str(file)
    if promised.unset_at is None:
        return name
    return stack.enter_context(PatchedWav(name, promised.unset_at))


def _reason(error: soundfile.LibsndfileError) -> str:
    return _REASONS.get(error.code, str(error.error_string).strip().rstrip(".").removeprefix("Error : "))


def _check_rate(name: str, rate: float) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{name}: the sampling rate is {rate:,} Hz, expected {MIN_RATE:,} to {MAX_RATE:,} Hz")


def _check_channel(file: Path, sound: Any, channel: int | None) -> None:
    if channel is not None and not 1 <= channel <= sound.channels:
        raise AudioError(f"{file}: there is no channel {channel}, expected 1 to {sound.channels}")


def _stretch(file: Path, sound: Any, start: float, end: float | None) -> tuple[int, int]:
    """First sample of the stretch and the one after its last, at the file's own rate."""
    if not 0 <= start < math.inf or (end is not None and not start < end < math.inf):
        raise AudioError(f"{file}: no stretch from {start} s to {end} s, expected 0 <= start < end")
    first = round(start * sound.samplerate)
    if first >= sound.frames:
        raise AudioError(f"{file}: the start at {start} s is past its end at {sound.frames / sound.samplerate:.3f} s")
    return first, sound.frames if end is None else min(round(end * sound.samplerate), sound.frames)


def _mono_blocks(file: Path, sound: Any, channel: int | None, first: int, stop: int, block: int) -> Iterator[Samples]:
    """Samples [first, stop) at the file's own rate, all of them there and finite, or an AudioError."""
    at = 0
    try:
        if first > 0 and sound.skips_exactly():
            at = sound.seek(first)
        while at < stop:
            wanted = min(block, (first if at < first else stop) - at)
            frames = sound.read(wanted, dtype="float32", always_2d=True)
            if len(frames) == 0:
                break
            if at >= first:
                yield _mono(str(file), frames if channel is None else frames[:, [channel - 1]], at, sound.samplerate)
            at += len(frames)
    except soundfile.LibsndfileError as error:
        place = f"{at / sound.samplerate:.3f} s"
        raise AudioError(f"{file}: it is cut short or damaged somewhere after {place} ({_reason(error)})") from error
    _check_end(file, sound, first, stop, at)


def _check_end(file: Path, sound: Any, first: int, stop: int, at: int) -> None:
    """Whether reading, which stopped before sample `at`, came as far as the header had announced."""
    announced = at if sound.frames == _UNKNOWN_LENGTH else stop
    tolerated = _MP3_TOLERANCE * sound.frames if sound.format == "MP3" else 0
    if announced - at > tolerated:
        raise AudioError(
            f"{file}: it is cut short, its header announces {sound.frames:,} samples, reading ended after {at:,}"
        )
    if at <= first:
        raise AudioError(f"{file}: there are no samples after {first / sound.samplerate:.3f} s")


def _mono(name: str, frames: NDArray[Any], at: int, rate: float) -> Samples:
    """Mean over the channels of frames (n, channels), of which the first is number `at` of the recording."""
    usable = np.abs(frames) <= MAX_MAGNITUDE
    if not usable.all():
        row, column = np.argwhere(~usable)[0]
        raise AudioError(
            f"{name}: the sample at {(at + row) / rate:.3f} s is {frames[row, column]:g}, "
            f"expected a finite number of at most {MAX_MAGNITUDE:g}"
        )
    mean: Samples = (frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)).astype(np.float32)
    return mean


def _scaled(array: NDArray[Any]) -> NDArray[Any]:
    """Floating-point samples as they are (float16 widened), integers divided by their full range."""
    if array.dtype.kind == "f":
        return array.astype(np.result_type(array, np.float32), copy=False)
    if array.dtype not in _INTEGERS:
        raise AudioError(
            f"samples: they are of type {array.dtype}, expected floating-point numbers, uint8, int8, int16 or int32"
        )
    zero, full_scale = _INTEGERS[array.dtype]
    return (array.astype(np.float64) - zero) / full_scale
