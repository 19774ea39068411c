"""Single-speaker intervals of annotated speaker turns.

Arithmetic on time intervals only; `ami_corpus` reads the turns and cuts the recordings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GUARD_S = 0.05  # minimum distance from the speech of other speakers
SHORTEST_S = 0.5  # with 1 s, four of the 20 speakers of the AMI excerpts would be lost
LONGEST_S = 10.0

Interval = tuple[float, float]
"""Start and end in seconds, half open."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One line of an annotation: `speaker` speaks in `recording` from `start` to `end`, in seconds."""

    recording: str
    speaker: str
    start: float
    end: float


def single_speaker_intervals(turns: Sequence[Turn], *, guard_s: float = GUARD_S) -> dict[str, list[Interval]]:
    """Find where each speaker of one recording is the only active speaker.

    Parameters
    ----------
    turns : sequence of Turn
        All turns of the recording, in any order; those of one speaker may overlap.
    guard_s : float >= 0
        The turns of the other speakers are extended by this much, in seconds, at both ends.

    Returns
    -------
    dict of str to list of (float, float)
        For each speaker, sorted by name, the maximal intervals in seconds, in order of time.
    """
    intervals = {}
    for speaker in sorted({turn.speaker for turn in turns}):
        own = union((turn.start, turn.end) for turn in turns if turn.speaker == speaker)
        others = union((turn.start - guard_s, turn.end + guard_s) for turn in turns if turn.speaker != speaker)
        intervals[speaker] = subtract(own, others)
    return intervals


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Union of intervals, as disjoint intervals in order; intervals that touch are merged."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def subtract(intervals: Iterable[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """Difference of two unions of intervals; both disjoint and in order, as returned by `union`."""
    remaining = []
    for start, end in intervals:
        begin = start
        for hole_start, hole_end in holes:
            if begin < hole_start < end:
                remaining.append((begin, hole_start))
            if hole_start < end:
                begin = max(begin, hole_end)
        if begin < end:
            remaining.append((begin, end))
    return remaining


def split_intervals(
    intervals: Iterable[Interval], *, shortest_s: float = SHORTEST_S, longest_s: float = LONGEST_S
) -> list[Interval]:
    """Drop intervals shorter than `shortest_s` and split those longer than `longest_s` into equal parts.

    Parameters
    ----------
    intervals : iterable of (float, float)
        In seconds.
    shortest_s, longest_s : float > 0
        In seconds.

    Returns
    -------
    list of (float, float)
        In seconds, in the order of `intervals`.
    """
    parts = []
    for start, end in intervals:
        if end - start >= shortest_s:
            borders = np.linspace(start, end, math.ceil((end - start) / longest_s) + 1)
            parts += [(float(left), float(right)) for left, right in pairwise(borders)]
    return parts
