"""Speaking time: how long each class speaks in a recording and in all of them, and how sure its share is.

A `Tally` takes segments one after the other and keeps sums alone: by hour, and by block of time. The blocks are what
an interval is drawn from: of one recording a minute, and twice as long each time there are more than `MOST_BLOCKS` of
them, so that memory does not grow with its length. Voices within a minute go together, and minutes are close to
independent where turns are shorter; where somebody speaks for many minutes on end, the interval is too narrow. Of
several recordings together, whole recordings are drawn.

Either interval says how far the share would be another in more of the same programmes. What the labels get wrong is
not in it: a reference tells that (`scoring`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.segmentation.resampling import ratio_interval
from speechgmm.segmentation.segment import NONSPEECH, Segment

HOUR_S = 3600.0
BLOCK_S = 60.0
MOST_BLOCKS = 4096

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Times:
    """What fills a stretch of time, in seconds.

    Attributes
    ----------
    classes_s : mapping of str to float
        Speech of each class.
    unknown_s : float
        Speech, or a sound that may be speech, of no class.
    nonspeech_s : float
    """

    classes_s: Mapping[str, float]
    unknown_s: float
    nonspeech_s: float

    @property
    def decided_s(self) -> float:
        """Speech of all classes together."""
        return math.fsum(self.classes_s.values())

    @property
    def duration_s(self) -> float:
        """All of it."""
        return self.decided_s + self.unknown_s + self.nonspeech_s

    @property
    def undecided(self) -> float:
        """Share of `UNKNOWN` in all that is not `NONSPEECH`; NaN where that is nothing."""
        heard_s = self.decided_s + self.unknown_s
        return self.unknown_s / heard_s if heard_s else math.nan

    def share(self, label: str) -> float:
        """Share of a class in the speech that has a class; NaN where there is none."""
        return self.classes_s[label] / self.decided_s if self.decided_s else math.nan


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Speaking time in one recording, or in several.

    Attributes
    ----------
    name : str
        How the recording is called.
    times : Times
        Of all of it.
    by_hour : tuple of Times
        Of the first hour, the second and so on; the last may be shorter. Empty for several recordings.
    intervals : mapping of str to Interval
        95 % interval of each class's share; NaN where there are too few units.
    units : str
        What the intervals are drawn from, such as "12 blocks of 1 min".
    """

    name: str
    times: Times
    by_hour: tuple[Times, ...]
    intervals: Mapping[str, Interval]
    units: str


class Tally:
    """Sums over the segments of one recording, added one by one.

    Parameters
    ----------
    classes : sequence of str
        The labels of voices.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._labels = (*classes, UNKNOWN, NONSPEECH)
        self._hours: list[Floats] = []
        self._blocks: list[Floats] = []
        self._block_s = BLOCK_S

    def following(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        """Yield segments as they come, having added them."""
        for segment in segments:
            self.add(segment)
            yield segment

    def add(self, segment: Segment) -> None:
        """Add a segment; its label is a class, `UNKNOWN` or `NONSPEECH`."""
        column = self._labels.index(segment.label)
        self._spread(self._hours, HOUR_S, segment, column)
        self._spread(self._blocks, self._block_s, segment, column)
        while len(self._blocks) > MOST_BLOCKS:
            self._block_s *= 2
            self._blocks = [sum(self._blocks[at : at + 2], self._zeros()) for at in range(0, len(self._blocks), 2)]

    def _spread(self, bins: list[Floats], bin_s: float, segment: Segment, column: int) -> None:
        """Add a segment's seconds to each of the bins of equal length that it lies in."""
        first, last = math.floor(segment.start / bin_s), math.ceil(segment.end / bin_s)
        while len(bins) < last:
            bins.append(self._zeros())
        for number in range(first, last):
            bins[number][column] += min(segment.end, (number + 1) * bin_s) - max(segment.start, number * bin_s)

    def _zeros(self) -> Floats:
        return np.zeros(len(self._labels))

    def summary(self, name: str, resampling: Resampling = Resampling()) -> Summary:
        """Sum up what has been added; `name` says of which recording."""
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
    """Speaking time in several recordings of the same classes, at least one.

    Parameters
    ----------
    summaries : sequence of Summary
        One for each recording.
    resampling : Resampling
        Draws recordings.

    Returns
    -------
    Summary
    """
    labels = tuple(summaries[0].times.classes_s)
    classes_s = np.array([[one.times.classes_s[label] for label in labels] for one in summaries])
    return Summary(
        name=_counted(len(summaries), "recording"),
        times=Times(
            classes_s=dict(zip(labels, classes_s.sum(axis=0).tolist(), strict=True)),
            unknown_s=math.fsum(one.times.unknown_s for one in summaries),
            nonspeech_s=math.fsum(one.times.nonspeech_s for one in summaries),
        ),
        by_hour=(),
        intervals=_intervals(labels, classes_s, resampling),
        units=_counted(len(summaries), "recording"),
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _intervals(labels: Sequence[str], classes_s: Floats, resampling: Resampling) -> dict[str, Interval]:
    """Of each class's share, from its seconds in each unit (units, classes)."""
    decided_s = classes_s.sum(axis=1)
    return {
        label: ratio_interval(column, decided_s, resampling) for label, column in zip(labels, classes_s.T, strict=True)
    }
