"""A stretch of a recording with one label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

NONSPEECH = "nonspeech"


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What is heard from one time to another.

    Attributes
    ----------
    start, end : float
        Seconds from the recording's start; ``start < end``.
    label : str
        A class, `UNKNOWN` or `NONSPEECH`.
    probability : float
        Of the label, where a class was given; else NaN.
    probabilities : mapping of str to float
        Of each class; empty where none was given.
    reason : str
        Why the label is `UNKNOWN`, else empty.
    """

    start: float
    end: float
    label: str
    probability: float = math.nan
    probabilities: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end - self.start


def clock(seconds: float, decimals: int = 1) -> str:
    """Hours, minutes and seconds, such as 0:01:02.5."""
    minutes, rest = divmod(round(seconds * 10**decimals), 60 * 10**decimals)
    width = decimals + 3 if decimals else 2
    return f"{minutes // 60}:{minutes % 60:02}:{rest / 10**decimals:0{width}.{decimals}f}"
