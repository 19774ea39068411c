"""What was heard of a recording, and what was odd: filled in while the recording is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[Any]  # shape (n, channels)

_SILENT = 1e-6  # share of the loudest channel's power
_CANCELLED = 0.1  # share of the power that the mean of independent channels has


@dataclass
class Heard:
    """What was heard of a recording.

    Attributes
    ----------
    seconds : float
        Of sound that was read, with and without speech.
    remarks : list of str
        What was odd.
    declared_s : float, optional
        Duration of the whole file as its header declares it.
    """

    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)
    declared_s: float | None = None

    @property
    def warning(self) -> str:
        """All remarks in one line; empty if nothing was odd."""
        return "; ".join(self.remarks)


class Listener:
    """Passes the pieces of a recording through and measures them.

    Parameters
    ----------
    heard : Heard
        Its seconds are counted while pieces pass.
    rate : float
        In Hz.
    channel : int, optional
        The channel that is heard, counted from 1. If None, the mean of all channels.
    n_before : int
        Number of channels in tracks before this one.
    """

    def __init__(self, heard: Heard, *, rate: float, channel: int | None, n_before: int = 0) -> None:
        self.n_frames = 0
        self._heard, self._rate = heard, rate
        self._channel, self._n_before = channel, n_before
        self._products: npt.NDArray[np.float64] = np.zeros((1, 1))  # of the channels with each other

    def passing(self, pieces: Iterable[Frames]) -> Iterator[Frames]:
        """Pass the pieces, arrays (n, channels), through."""
        for piece in pieces:
            self.measure(piece)
            yield piece

    def measure(self, piece: Frames) -> None:
        """Measure a piece."""
        self.n_frames += len(piece)
        self._heard.seconds = self.n_frames / self._rate
        if piece.shape[1] > 1:
            # Differences of successive samples: an offset or a hum common to the channels is not speech.
            with np.errstate(all="ignore"):  # samples that are not finite are refused later
                changes = np.diff(piece, axis=0)
                self._products = self._products + changes.T @ changes

    def remarks(self) -> Iterator[str]:
        """What was odd about the channels."""
        powers, loudest = self._products.diagonal(), self._products.diagonal().max()
        if len(powers) == 1 or not 0 < loudest < np.inf:
            return
        silent = np.flatnonzero(powers <= _SILENT * loudest)
        names = _listed(silent + 1 + self._n_before)
        best = int(powers.argmax()) + 1 + self._n_before
        if self._channel is not None:
            if self._channel - 1 - self._n_before in silent:
                yield f"channel {self._channel} is silent, and others are not: --channel {best} is the loudest"
        elif self._products.mean() < _CANCELLED / len(powers) * powers.mean():
            yield f"its channels cancel each other in their mean, which was heard: use --channel {best}"
        elif silent.size:
            yield f"{names} silent, and in the mean that was heard: use --channel {best}"


def _listed(numbers: npt.NDArray[np.intp]) -> str:
    if len(numbers) == 1:
        return f"channel {numbers[0]} is"
    return f"channels {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} are" if len(numbers) else ""
