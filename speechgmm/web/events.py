"""A segmentation told while it runs: events as plain JSON values.

``start``      labels, time of the first sample, seconds per step, and the scale of the bands.
``evidence``   of a chunk: log mel bands of each step for a spectrogram, and the evidence of each step in nats.
``progress``   seconds heard so far, and of the whole recording if it declares that.
``current``    in live sound: what the decision would be for the sound that is in no segment yet.
``segment``    a segment, with the fields of ``speechgmm segment --format json``.
``end``        seconds, and what was odd.
``problem``    the error that ended it (`problems`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.audio.hearing import Heard
from speechgmm.audio.samples import Samples
from speechgmm.classifier.model import Model
from speechgmm.segmentation.array_types import Floats
from speechgmm.segmentation.decoder import Bands
from speechgmm.segmentation.options import Grid
from speechgmm.segmentation.segment_recordings import segment_blocks
from speechgmm.segmentation.writers import segment_values

Event = dict[str, Any]
Tell = Callable[[Event], None]

LOWEST_DB, HIGHEST_DB = -80.0, 20.0
"""Power of a mel band that becomes 0 and 255."""

_DECIBELS = 10 / np.log(10)


class Teller:
    """Tells of the segmentation of one recording.

    Parameters
    ----------
    model : Model
    tell : callable
        Takes each event.
    offset_s : float
        Time of the first sample in seconds.
    """

    def __init__(self, model: Model, tell: Tell, *, offset_s: float = 0.0) -> None:
        self.reached_s = offset_s
        self._model, self._tell, self._offset_s = model, tell, offset_s
        self._grid = Grid.of(model.front_ends)
        self._stream = int(np.argmax([front_end.n_mels for front_end in model.front_ends]))
        self._n_steps, self._has_begun = 0, False

    def segment(self, samples: Iterable[Samples], heard: Heard, *, progress: bool = True) -> None:
        """Segment blocks of samples to their end.

        Parameters
        ----------
        samples : iterable of ndarray (n,)
            As of `segment_blocks`.
        heard : Heard
            Is filled in while they are read.
        progress : bool
            Whether to tell how much was heard.

        Raises
        ------
        AudioError
            If the recording cannot be read.
        """

        def watch(bands: Bands, emissions: Floats) -> None:
            self._evidence(bands[self._stream], emissions)
            if progress:
                self._tell({"type": "progress", "heard_s": round(heard.seconds, 3), "duration_s": heard.declared_s})

        for segment in segment_blocks(self._model, samples, offset_s=self._offset_s, watch=watch):
            self.reached_s = segment.end
            self._tell({"type": "segment", **segment_values(segment)})
        self.begin()
        self._tell(
            {
                "type": "end",
                "duration_s": round(self.reached_s, 3),
                "heard_s": round(heard.seconds, 3),
                "warning": heard.warning,
            }
        )

    def begin(self) -> None:
        """Tell `start`, once."""
        if self._has_begun:
            return
        self._has_begun = True
        self._tell(
            {
                "type": "start",
                "labels": list(self._model.labels),
                "start": self._offset_s,
                "step_s": self._grid.step_s,
                "n_bands": self._model.front_ends[self._stream].n_mels,
                "lowest_db": LOWEST_DB,
                "highest_db": HIGHEST_DB,
            }
        )

    def _evidence(self, bands: npt.NDArray[np.float32], emissions: Floats) -> None:
        self.begin()
        speech = emissions[:, 1:].mean(axis=1)
        classes = emissions[:, 1:] - speech[:, np.newaxis]
        columns = columns_of(bands, len(emissions), self._grid.step // self._grid.ratios[self._stream])
        self._tell(
            {
                "type": "evidence",
                "start": round(self._offset_s + self._n_steps * self._grid.step_s, 3),
                "bands": base64.b64encode(columns.tobytes()).decode("ascii"),
                "speech": np.round(speech, 3).tolist(),
                "classes": {
                    label: np.round(own, 3).tolist() for label, own in zip(self._model.labels, classes.T, strict=True)
                },
            }
        )
        self._n_steps += len(emissions)


def columns_of(bands: npt.NDArray[np.float32], n_steps: int, n_frames: int) -> npt.NDArray[np.uint8]:
    """The mean power of each band in each step, as columns of a spectrogram.

    Parameters
    ----------
    bands : ndarray (T, n_mels)
        Natural logarithms of the power.
    n_steps : int
        Number of columns; those that have no frames, at the end of a recording, are 0.
    n_frames : int
        Frames per step.

    Returns
    -------
    ndarray (n_steps, n_mels) of uint8
        Decibels, from `LOWEST_DB` to `HIGHEST_DB`.
    """
    columns = np.zeros((n_steps, bands.shape[1]), dtype=np.uint8)
    firsts = np.arange(0, min(len(bands), n_steps * n_frames), n_frames)
    if len(firsts):
        used = bands[: n_steps * n_frames]
        counts = np.diff([*firsts, len(used)])
        decibels = _DECIBELS * np.add.reduceat(used, firsts, axis=0) / counts[:, np.newaxis]
        share = (decibels - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
        columns[: len(firsts)] = np.round(255 * np.clip(share, 0.0, 1.0))
    return columns
