"""Speaking time of each class in a recording and in several, with intervals of the shares.

A `Tally` adds segments one by one and keeps sums only: per hour, and per block of time. A block is a minute, and twice
as long each time there are more than `MAX_BLOCKS`, so that memory does not grow with the duration.

The interval of a share is a bootstrap: over the blocks of one recording, over the recordings of several. It estimates
how the share varies between more recordings of the same kind. Label errors are not in it; `error_rate` measures them.
Blocks of a minute are nearly independent if turns are shorter; with turns of many minutes the interval is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.segmentation.array_types import Floats
from speechgmm.segmentation.bootstrap_intervals import ratio_interval
from speechgmm.segmentation.segment import NONSPEECH, Segment

HOUR_S = 3600.0
BLOCK_S = 60.0
MAX_BLOCKS = 4096


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds of each label.

    Attributes
    ----------
    classes_s : mapping of str to float
        Speaking time of each class.
    unknown_s : float
        Time labelled `UNKNOWN`.
    nonspeech_s : float
        Time labelled `NONSPEECH`.
    """

    classes_s: Mapping[str, float]
    unknown_s: float
    nonspeech_s: float

    @property
    def decided_s(self) -> float:
        """Speaking time of all classes together."""
        return math.fsum(self.classes_s.values())

    @property
    def duration_s(self) -> float:
        """Sum over all labels."""
        return self.decided_s + self.unknown_s + self.nonspeech_s

    @property
    def undecided(self) -> float:
        """Share of `UNKNOWN` in all that is not `NONSPEECH`; NaN if there is nothing else."""
        speech_s = self.decided_s + self.unknown_s
        return self.unknown_s / speech_s if speech_s else math.nan

    def share(self, label: str) -> float:
        """Share of a class in the speaking time of all classes; NaN if that is 0."""
        return self.classes_s[label] / self.decided_s if self.decided_s else math.nan


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Speaking time in one recording, or in several.

    Attributes
    ----------
    name : str
        Name of the recording, or number of recordings.
    times : Times
        Over all.
    by_hour : tuple of Times
        Of each hour; the last may be shorter. Empty for several recordings.
    intervals : mapping of str to Interval
        95 % interval of each class's share; NaN with too few units.
    units : str
        Number and kind of the units that are resampled, such as "12 blocks of 1 min".
    """

    name: str
    times: Times
    by_hour: tuple[Times, ...]
    intervals: Mapping[str, Interval]
    units: str


class Tally:
    """Running sums over the segments of one recording.

    Parameters
    ----------
    classes : sequence of str
        The model's labels.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._labels = (*classes, UNKNOWN, NONSPEECH)
        self._hours: list[Floats] = []
        self._blocks: list[Floats] = []
        self._block_s = BLOCK_S

    def adding(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        """Pass segments through and add each."""
        for segment in segments:
            self.add(segment)
            yield segment

    def add(self, segment: Segment) -> None:
        """Add a segment; its label is a class, `UNKNOWN` or `NONSPEECH`."""
        column = self._labels.index(segment.label)
        self._spread(self._hours, HOUR_S, segment, column)
        self._spread(self._blocks, self._block_s, segment, column)
        while len(self._blocks) > MAX_BLOCKS:
            self._block_s *= 2
            pairs = (self._blocks[first : first + 2] for first in range(0, len(self._blocks), 2))
            self._blocks = [sum(pair, self._zeros()) for pair in pairs]

    def _spread(self, bins: list[Floats], bin_s: float, segment: Segment, column: int) -> None:
        """Add the seconds of a segment to the bins of equal length that it overlaps."""
        first, last = math.floor(segment.start / bin_s), math.ceil(segment.end / bin_s)
        while len(bins) < last:
            bins.append(self._zeros())
        for number in range(first, last):
            bins[number][column] += min(segment.end, (number + 1) * bin_s) - max(segment.start, number * bin_s)

    def _zeros(self) -> Floats:
        return np.zeros(len(self._labels))

    def summary(self, name: str, resampling: Resampling = Resampling()) -> Summary:
        """Speaking time of the segments so far; `name` is the name of the recording."""
        blocks = np.reshape(self._blocks, (len(self._blocks), len(self._labels)))
        return Summary(
            name=name,
            times=self._times(sum(self._hours, self._zeros())),
            by_hour=tuple(self._times(sums) for sums in self._hours),
            intervals=_intervals(self._labels[:-2], blocks[:, :-2], resampling),
            units=f"{_counted(len(blocks), 'block')} of {self._block_s / 60:g} min",
        )

    def _times(self, sums: Floats) -> Times:
        *classes_s, unknown_s, nonspeech_s = sums.tolist()
        return Times(
            classes_s=dict(zip(self._labels, classes_s, strict=False)), unknown_s=unknown_s, nonspeech_s=nonspeech_s
        )


def together(summaries: Sequence[Summary], resampling: Resampling = Resampling()) -> Summary:
    """Speaking time over several recordings.

    Parameters
    ----------
    summaries : sequence of Summary
        One per recording, all with the same classes; at least one.
    resampling : Resampling
        Of recordings, for the intervals.

    Returns
    -------
    Summary
    """
    labels = tuple(summaries[0].times.classes_s)
    classes_s = np.array([[summary.times.classes_s[label] for label in labels] for summary in summaries])
    return Summary(
        name=_counted(len(summaries), "recording"),
        times=Times(
            classes_s=dict(zip(labels, classes_s.sum(axis=0).tolist(), strict=True)),
            unknown_s=math.fsum(summary.times.unknown_s for summary in summaries),
            nonspeech_s=math.fsum(summary.times.nonspeech_s for summary in summaries),
        ),
        by_hour=(),
        intervals=_intervals(labels, classes_s, resampling),
        units=_counted(len(summaries), "recording"),
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _intervals(labels: Sequence[str], classes_s: Floats, resampling: Resampling) -> dict[str, Interval]:
    """Interval of each class's share, from its seconds in each unit (units, classes)."""
    decided_s = classes_s.sum(axis=1)
    return {
        label: ratio_interval(column, decided_s, resampling) for label, column in zip(labels, classes_s.T, strict=True)
    }
