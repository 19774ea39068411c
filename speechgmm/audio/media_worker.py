"""The process in which media files are decoded. It answers requests on stdin until that is closed.

A request is a line of JSON; the bytes of a recording that is in memory follow it. An answer is a line of JSON and, if
that has a "shape", samples in native byte order.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from speechgmm.audio.byte_source import Window
from speechgmm.audio.ffmpeg import MediaFile, Track
from speechgmm.audio.media_tracks import opened_track
from speechgmm.audio.memory_file import MemoryFile
from speechgmm.audio.samples import Frames
from speechgmm.errors import AudioError

MEMORY = 4 << 30
"""Bytes of address space. A hostile file may make a decoder ask for any amount."""

_HEARTBEAT_S = 5.0


def serve() -> None:
    """Answer requests until stdin is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    with suppress(ImportError, OSError, ValueError):  # not on Windows, or the limit is lower already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with suppress(BrokenPipeError), ExitStack() as stack:
        Decoder(sys.stdout.buffer, stack).answer_all(sys.stdin.buffer)


class Decoder:
    """Decodes one file at a time.

    Parameters
    ----------
    answers : binary file
    stack : ExitStack
        Closes the last file.
    """

    def __init__(self, answers: BinaryIO, stack: ExitStack) -> None:
        self._answers = answers
        self._file = stack.enter_context(ExitStack())
        self._name = ""
        self._window: Window
        self._track: Track
        self._pieces: Iterator[Frames]
        self._answered_s = 0.0

    def answer_all(self, requests: BinaryIO) -> None:
        """Answer each request: "open" a file, "read" a range of it, or give the "next" samples."""
        for line in requests:
            request = json.loads(line)
            self._answered_s = time.monotonic()
            try:
                if "open" in request:
                    self._name = request["open"]["name"]
                    request["open"]["content"] = requests.read(request["open"].pop("n_bytes"))
                    self._send(self._open(**request["open"]))
                    continue
                if "close" in request:
                    self._close()
                    self._send({})
                    continue
                if "read" in request:
                    self._pieces = self._track.pieces(**request["read"])
                samples = next(self._pieces, None)
                if self._window.error is not None:
                    raise AudioError(f"{self._name}: it cannot be read ({self._window.error.strerror})")
            except AudioError as error:
                self._send({"error": str(error)})
            except Exception as error:  # noqa: BLE001  # a hostile file may make PyAV raise anything
                reason = "it needs too much memory" if isinstance(error, MemoryError) else f"{error}".strip()
                self._send({"error": f"{self._name}: it cannot be decoded ({reason})"})
            else:
                self._send({"remarks": self._track.remarks} if samples is None else {}, samples)

    def _open(
        self,
        name: str,
        path: str | None,
        content: bytes,
        begin: int,
        end: int,
        kind: str,
        stream_bytes: list[tuple[int, int]],
        channel: int | None,
    ) -> dict[str, Any]:
        self._close()
        file = MemoryFile(name, content) if path is None else Path(path)
        window = self._window = self._file.enter_context(Window(file, begin, end))
        media = MediaFile(name, window, end - begin, kind, dict(stream_bytes))
        track = self._track = self._file.enter_context(opened_track(media, channel, self._alive))
        return {
            "samplerate": track.samplerate,
            "n_channels": track.n_channels,
            "n_before": track.n_before,
            "n_samples": track.n_samples,
        }

    def _close(self) -> None:
        """Close the file, and keep nothing of it."""
        self._file.close()
        self._pieces = iter(())
        self.__dict__.pop("_window", None)
        self.__dict__.pop("_track", None)

    def _alive(self) -> None:
        """Tell during long work that it goes on."""
        if time.monotonic() - self._answered_s > _HEARTBEAT_S:
            self._send({"alive": True})

    def _send(self, answer: dict[str, Any], samples: Frames | None = None) -> None:
        if samples is not None:
            answer |= {"shape": samples.shape, "dtype": str(samples.dtype)}
        self._answers.write(json.dumps(answer).encode() + b"\n")
        if samples is not None:
            self._answers.write(np.ascontiguousarray(samples).data.cast("B"))
        self._answers.flush()
        self._answered_s = time.monotonic()
