"""The options of segmentation, and the grid of time that all of it works on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions

STEP_S = 0.05  # a boundary need not be known better, and a step must cost something
CHUNK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class SegmentationOptions:
    """How long segments last, and how much must speak for a change.

    Attributes
    ----------
    min_voice_s, min_nonspeech_s : float
        The shortest stretch of one class, and the shortest pause that is told; 0 or more seconds. What is shorter
        belongs to what surrounds it.
    voice_cost, nonspeech_cost : float
        Nats that a change from one class to another, and one between a class and no speech, must gain; 0 or more.
    lag_s : float
        Seconds after which what is likeliest is taken for certain, 0 or more; up to a second more passes, because audio
        is heard in chunks of one.
    """

    min_voice_s: float = 0.7
    min_nonspeech_s: float = 0.5
    voice_cost: float = 10.0
    nonspeech_cost: float = 3.0
    lag_s: float = 1.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0):
                raise OptionError(f"{field.name} is {value}, but it must be a finite number of 0 or more")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Frames, steps and chunks of a model's front ends.

    Attributes
    ----------
    frame_s : float
        Seconds from frame to frame of the first stream.
    ratios : tuple of int
        How many frames of the first stream pass from one frame of each stream to its next.
    step : int
        Frames of the first stream in a step.
    chunk : int
        And in a chunk: whole steps, and whole frames of every stream.
    """

    frame_s: float
    ratios: tuple[int, ...]
    step: int
    chunk: int

    @classmethod
    def of(cls, front_ends: Sequence[FrontEndOptions]) -> Grid:
        """The grid for streams with these front ends."""
        first = front_ends[0]
        ratios = tuple(options.hop // first.hop for options in front_ends)
        frame_s = first.hop / first.sampling_rate
        step = max(round(STEP_S / frame_s), 1)
        whole = math.lcm(step, *ratios)
        return cls(frame_s=frame_s, ratios=ratios, step=step, chunk=math.ceil(CHUNK_S / (whole * frame_s)) * whole)

    @property
    def step_s(self) -> float:
        """Seconds in a step."""
        return self.step * self.frame_s

    def steps(self, seconds: float) -> int:
        """The number of steps nearest to so many seconds."""
        return round(seconds / self.step_s)

    def first_frame(self, step: int, stream: int) -> int:
        """The first frame of a stream that does not begin before a step."""
        return -(-step * self.step // self.ratios[stream])
