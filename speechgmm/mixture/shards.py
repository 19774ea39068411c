"""The frames EM runs on, in pieces that are small enough to hold in memory, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import numpy as np

from speechgmm.mixture.estep import Floats, Frames

SHARD_FRAMES = 1 << 15  # so many frames are one piece of work, however many hands there are

T = TypeVar("T")
R = TypeVar("R")


class Shard(Protocol):
    """Some frames and how much each of them counts."""

    @property
    def n_frames(self) -> int:
        """How many there are; known without reading them."""

    def frames(self) -> Frames:
        """The frames (n_frames, D), read anew each time."""

    def weights(self) -> Floats:
        """How much each counts, (n_frames,), not negative; known without reading them."""

    def describe(self, row: int) -> str:
        """Where one of the frames comes from, for an error."""


Shards: TypeAlias = Sequence[Shard]


class Spread(Protocol):
    """How work on shards is done: applies a function to items and gives the results in their order, as `map` does."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """Apply the function, which may be sent to other processes, to each item."""


@dataclass(frozen=True, eq=False)
class ArrayShard:
    """A shard that is in memory."""

    array: Frames
    frame_weights: Floats

    @property
    def n_frames(self) -> int:
        """How many there are."""
        return len(self.array)

    def frames(self) -> Frames:
        """The frames themselves."""
        return self.array

    def weights(self) -> Floats:
        """How much each counts."""
        return self.frame_weights

    def describe(self, row: int) -> str:
        """An array does not know."""
        return "the frames"


def shards_of(frames: Frames, frame_weights: Floats | None = None) -> list[Shard]:
    """Cut an array of frames into shards of `SHARD_FRAMES`.

    Parameters
    ----------
    frames : ndarray (T, D)
        In float32 or float64, which is also the precision EM works in.
    frame_weights : ndarray (T,), optional
        How much each frame counts; 1 by default.
    """
    weights = np.ones(len(frames)) if frame_weights is None else frame_weights
    rows = (slice(begin, begin + SHARD_FRAMES) for begin in range(0, len(frames), SHARD_FRAMES))
    return [ArrayShard(frames[each], weights[each]) for each in rows]


def as_shards(data: Frames | Shards) -> Shards:
    """Shards as they are; an array cut into shards, every frame counting 1."""
    return shards_of(data) if isinstance(data, np.ndarray) else data
