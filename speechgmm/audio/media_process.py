"""Media files, decoded by processes of `media_worker`: a decoder that crashes or hangs takes only its own file with it.

A process is started for the first media file and kept for the next ones. It ends with the process that started it.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any, cast

import numpy as np

from speechgmm.audio.extent import Part
from speechgmm.audio.memory_file import AudioFile, MemoryFile
from speechgmm.audio.samples import Frames
from speechgmm.errors import AudioError

MEDIA_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".aac", ".ac3", ".amr", ".asf", ".avi", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".weba", ".webm", ".wma", ".wmv"}
)
"""Suffixes, in lower case, of files that need PyAV."""

PATIENCE_S = 60.0
"""Time without an answer after which a decoder is stopped."""

_START = "import sys; sys.path[:] = {path!r}; from speechgmm.audio.media_worker import serve; serve()"


def open_media(file: AudioFile, part: Part, channel: int | None, stack: ExitStack) -> Media:
    """Open a part of a media file.

    Parameters
    ----------
    file : Path or MemoryFile
    part : Part
        Its kind is ffmpeg's name of the format.
    channel : int, optional
        Counted from 1, through all audio tracks. If None, the first track with sound is read.
    stack : ExitStack
        Gives the process back.

    Returns
    -------
    Media

    Raises
    ------
    AudioError
        If PyAV is not installed, or the file cannot be decoded.
    """
    check_installed(file)
    try:
        process = stack.enter_context(_process())
    except OSError as error:
        raise AudioError(f"{file}: the process that decodes it cannot be started ({error.strerror})") from error
    media = Media(file, part, channel, process)
    stack.callback(media.forget)
    return media


def check_installed(file: AudioFile) -> None:
    """Raise an AudioError that says how to install PyAV, if it is missing."""
    if importlib.util.find_spec("av") is None:
        raise AudioError(f"{file}: PyAV is needed to read it: pip install 'speechgmm[media]'")


class Media:
    """An audio track of a media file, decoded by another process; attributes as in `joined.Sound`.

    The number of samples is that which the container declares.
    """

    def __init__(self, file: AudioFile, part: Part, channel: int | None, process: _Process) -> None:
        self._file, self._process = file, process
        content = file.content if isinstance(file, MemoryFile) else None
        path = None if isinstance(file, MemoryFile) else str(file.absolute())
        request = {"name": str(file), "path": path, "n_bytes": len(content or b""), "channel": channel}
        stream_bytes = list(part.stream_bytes.items())
        answer, _ = self._ask(
            content,
            open={**request, "begin": part.begin, "end": part.end, "kind": part.kind, "stream_bytes": stream_bytes},
        )
        self.samplerate: int = answer["samplerate"]
        self.channels: int = answer["n_channels"]
        self.n_before: int = answer["n_before"]
        self.n_samples: int = answer["n_samples"]
        self.remarks: tuple[str, ...] = ()

    def pieces(self, first: int, stop: int, block: int) -> Iterator[Frames]:
        """Decode samples [first, stop) to arrays (n, channels); raise an AudioError if the file is damaged."""
        answer, samples = self._ask(read={"first": first, "stop": stop, "block": block})
        while samples is not None:
            yield samples
            answer, samples = self._ask(next=True)
        self.remarks = tuple(answer["remarks"])

    def forget(self) -> None:
        """Let the process, which is kept for the next file, forget this one."""
        if self._process.is_usable:
            self._ask(close=True)

    def _ask(self, content: bytes | None = None, **request: Any) -> tuple[dict[str, Any], Frames | None]:
        try:
            answer, samples = self._process.ask(request, content)
        except _DecoderDiedError as error:
            raise AudioError(f"{self._file}: it cannot be decoded ({error}): the file is damaged") from error
        if "error" in answer:
            raise AudioError(answer["error"])
        return answer, samples


class _DecoderDiedError(Exception):
    """The process ended, or was stopped. The message says why."""


class _Process:
    """A process of `media_worker`."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders print there
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._requests = cast(IO[bytes], self._popen.stdin)
        self._answers = cast(IO[bytes], self._popen.stdout)
        self._owner = os.getpid()
        self._is_late = threading.Event()

    @property
    def is_usable(self) -> bool:
        """Whether it runs, and was started by this process, not by one from which this one was forked."""
        return self._owner == os.getpid() and self._popen.poll() is None

    def ask(self, request: dict[str, Any], content: bytes | None = None) -> tuple[dict[str, Any], Frames | None]:
        """Send a request, with the bytes of a file or without, and wait for the answer and its samples."""
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.write(content or b"")
            self._requests.flush()
            while (answer := self._answer()).get("alive"):
                pass
            return answer, self._samples(answer) if "shape" in answer else None
        except (OSError, ValueError) as error:
            self.stop()
            raise _DecoderDiedError(self._reason()) from error
        except BaseException:  # interrupted between request and answer
            self.stop()
            raise

    def stop(self) -> None:
        """End the process."""
        if self._owner == os.getpid():
            self._popen.kill()
            self._popen.communicate()

    def _answer(self) -> dict[str, Any]:
        """The next answer; the process is stopped if there is none in time."""
        timer = threading.Timer(PATIENCE_S, self._give_up)
        timer.start()
        try:
            answer: dict[str, Any] = json.loads(self._answers.readline())
        finally:
            timer.cancel()
        return answer

    def _samples(self, answer: dict[str, Any]) -> Frames:
        shape, dtype = tuple(answer["shape"]), np.dtype(answer["dtype"])
        content = self._answers.read(math.prod(shape) * dtype.itemsize)
        return np.frombuffer(content, dtype).reshape(shape)

    def _give_up(self) -> None:
        self._is_late.set()
        self._popen.kill()

    def _reason(self) -> str:
        if self._is_late.is_set():
            return f"the decoder gave no sound for {PATIENCE_S:g} s"
        code = self._popen.returncode
        return f"the decoder crashed, {f'signal {-code}' if code < 0 else f'exit status {code}'}"


_idle: list[_Process] = []
_lock = threading.Lock()


@contextmanager
def _process() -> Iterator[_Process]:
    """An idle process, or a new one; it is kept for the next file."""
    with _lock:
        process = next((process for process in _idle if process.is_usable), None)
        if process is not None:
            _idle.remove(process)
    process = process or _Process()
    try:
        yield process
    finally:
        if process.is_usable:
            with _lock:
                _idle.append(process)


@atexit.register
def stop_all() -> None:
    """End the processes that wait for the next file."""
    with _lock:
        while _idle:
            _idle.pop().stop()
