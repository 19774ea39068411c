"""Shards: the frames of a fit in parts that fit into memory, and the executor that works on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from speechgmm.mixture.estep import Floats, Frames

SHARD_FRAMES = 1 << 15  # frames per shard; does not depend on the number of workers, so results do not either

T = TypeVar("T")
R = TypeVar("R")


class Shard(Protocol):
    """Frames and their weights."""

    @property
    def n_frames(self) -> int:
        """Number of frames, known without reading them."""

    def frames(self) -> Frames:
        """The frames (n_frames, D); every call may read them again."""

    def weights(self) -> Floats:
        """Weight of each frame, (n_frames,), not negative; known without reading the frames."""

    def describe(self, row: int) -> str:
        """The origin of a frame, for an error message."""


class ShardMap(Protocol):
    """Applies a function to items and returns the results in their order, like the built-in `map`."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """Apply the function to each item, possibly in other processes."""


@dataclass(frozen=True, eq=False)
class ShardedFrames:
    """The frames of a fit, and the executor of work on them.

    Attributes
    ----------
    shards : sequence of Shard
    execute : ShardMap
        Applies a function to each shard; sequentially by default.
    """

    shards: Sequence[Shard]
    execute: ShardMap = map

    def __iter__(self) -> Iterator[Shard]:
        return iter(self.shards)

    def apply(self, function: Callable[[Shard], R]) -> Iterable[R]:
        """Apply a function to each shard; the results come in the order of the shards."""
        return self.execute(function, self.shards)


@dataclass(frozen=True, eq=False)
class ArrayShard:
    """A shard in memory."""

    array: Frames
    frame_weights: Floats

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.array)

    def frames(self) -> Frames:
        """The frames."""
        return self.array

    def weights(self) -> Floats:
        """Weight of each frame."""
        return self.frame_weights

    def describe(self, row: int) -> str:
        """The origin is unknown."""
        return "the frames"


def shards_of(frames: Frames, frame_weights: Floats | None = None) -> ShardedFrames:
    """Split an array of frames into shards of `SHARD_FRAMES`.

    Parameters
    ----------
    frames : ndarray (T, D)
        In float32 or float64, which is also the precision of the E-step.
    frame_weights : ndarray (T,), optional
        Weight of each frame; 1 by default.
    """
    weights = np.ones(len(frames)) if frame_weights is None else frame_weights
    rows = (slice(begin, begin + SHARD_FRAMES) for begin in range(0, len(frames), SHARD_FRAMES))
    return ShardedFrames([ArrayShard(frames[part], weights[part]) for part in rows])


def as_shards(data: Frames | ShardedFrames) -> ShardedFrames:
    """Sharded frames unchanged; an array split into shards, with weight 1 for every frame."""
    return shards_of(data) if isinstance(data, np.ndarray) else data
