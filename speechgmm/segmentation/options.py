"""Options of segmentation, and its time grid of frames, steps and chunks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from speechgmm.argument_checks import number, wrong
from speechgmm.features.options import FrontEndOptions

STEP_S = 0.05  # resolution of segment boundaries; decoding time is proportional to the number of steps
CHUNK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class SegmentationOptions:
    """Minimum durations, transition costs and lag of the decoder.

    Attributes
    ----------
    min_voice_s, min_nonspeech_s : float
        Minimum duration of a class and of a pause, in seconds; 0 or more. What is shorter goes to its neighbours.
    voice_cost, nonspeech_cost : float
        Transition cost between two classes, and between a class and non-speech, in nats; 0 or more.
    lag_s : float
        Seconds after which the best path is final, 0 or more. Audio is processed in chunks of about a second, which
        adds up to one more second.

    Examples
    --------
    >>> SegmentationOptions(min_nonspeech_s=1.0).min_nonspeech_s
    1.0
    >>> SegmentationOptions(voice_cost=-1.0)
    Traceback (most recent call last):
    ...
    speechgmm.errors.OptionError: voice_cost is -1.0, but it must be a finite number of 0 or more
    """

    min_voice_s: float = 0.7
    min_nonspeech_s: float = 0.5
    voice_cost: float = 10.0
    nonspeech_cost: float = 3.0
    lag_s: float = 1.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value, expected = getattr(self, field.name), "a finite number of 0 or more"
            if number(field.name, value, expected) < 0:
                raise wrong(field.name, value, expected)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The time grid of a model: steps and chunks, counted in frames of its first stream.

    Attributes
    ----------
    frame_s : float
        Hop of the first stream in seconds.
    ratios : tuple of int
        Hop of each stream over the hop of the first one.
    step : int
        Frames per step.
    chunk : int
        Frames per chunk: a multiple of `step` and of all `ratios`.
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
        multiple = math.lcm(step, *ratios)
        return cls(
            frame_s=frame_s, ratios=ratios, step=step, chunk=math.ceil(CHUNK_S / (multiple * frame_s)) * multiple
        )

    @property
    def step_s(self) -> float:
        """Duration of a step in seconds."""
        return self.step * self.frame_s

    def steps(self, seconds: float) -> int:
        """Convert seconds to steps, rounded."""
        return round(seconds / self.step_s)

    def first_frame(self, step: int, stream: int) -> int:
        """Index of the first frame of a stream that starts at or after the start of a step."""
        return -(-step * self.step // self.ratios[stream])
