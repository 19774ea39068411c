"""Who speaks when: turns of speakers, and the stretches in which one of them is alone.

Pure arithmetic on intervals of time; `ami` reads the turns and cuts the recordings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GUARD_S = 0.05  # how far a stretch stays away from anybody else's speech
SHORTEST_S = 0.5  # with 1 s, four of the 20 speakers of the AMI excerpts would be lost
LONGEST_S = 10.0

Interval = tuple[float, float]
"""Start and end in seconds, half open."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One line of an annotation: a speaker speaks in a recording from `start` to `end`, in seconds."""

    recording: str
    speaker: str
    start: float
    end: float


def alone(turns: Sequence[Turn], *, guard_s: float = GUARD_S) -> dict[str, list[Interval]]:
    """Where each speaker of one recording is the only one who speaks.

    Parameters
    ----------
    turns : sequence of Turn
        All turns of the recording, in any order; those of one speaker may overlap.
    guard_s : float >= 0
        Everybody else's turns count as longer by this much, in seconds, at both ends.

    Returns
    -------
    dict of str to list of (float, float)
        For each speaker, sorted, the longest possible stretches in seconds, in order of time.
    """
    stretches = {}
    for speaker in sorted({turn.speaker for turn in turns}):
        own = union((turn.start, turn.end) for turn in turns if turn.speaker == speaker)
        others = union((turn.start - guard_s, turn.end + guard_s) for turn in turns if turn.speaker != speaker)
        stretches[speaker] = subtract(own, others)
    return stretches


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The points in any of the intervals, as disjoint intervals in order; those that touch become one."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def subtract(intervals: Iterable[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """The points in `intervals` and in none of `holes`; both disjoint and in order, as `union` returns them."""
    left = []
    for start, end in intervals:
        for hole_start, hole_end in holes:
            if start < hole_start < end:
                left.append((start, hole_start))
            if hole_start < end:
                start = max(start, hole_end)
        if start < end:
            left.append((start, end))
    return left


def pieces(
    stretches: Iterable[Interval], *, shortest_s: float = SHORTEST_S, longest_s: float = LONGEST_S
) -> list[Interval]:
    """Leave out stretches shorter than `shortest_s` and cut those longer than `longest_s` into equal parts.

    Parameters
    ----------
    stretches : iterable of (float, float)
        In seconds.
    shortest_s, longest_s : float > 0
        In seconds.

    Returns
    -------
    list of (float, float)
        In seconds, in the order of `stretches`.
    """
    parts = []
    for start, end in stretches:
        if end - start >= shortest_s:
            borders = np.linspace(start, end, math.ceil((end - start) / longest_s) + 1)
            parts += [(float(left), float(right)) for left, right in pairwise(borders)]
    return parts
