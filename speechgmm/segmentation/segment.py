"""A segment: a time span of a recording with one label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NONSPEECH = "nonspeech"


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A time span with one label.

    Attributes
    ----------
    start, end : float
        Seconds from the recording's start; ``start < end``.
    label : str
        A class, `UNKNOWN` or `NONSPEECH`.
    probability : float
        Calibrated posterior probability of the label if that is a class; otherwise NaN.
    probabilities : mapping of str to float
        Posterior probability of each class; empty if the label is not a class.
    reason : str
        Why the label is `UNKNOWN`; otherwise empty.
    """

    start: float
    end: float
    label: str
    probability: float = math.nan
    probabilities: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        probability = None if math.isnan(self.probability) else self.probability
        return {**asdict(self), "probability": probability, "probabilities": dict(self.probabilities)}

    def to_row(self) -> dict[str, Any]:
        """Values by column of a table, with a column ``probability_CLASS`` for each class."""
        by_class = {f"probability_{name}": value for name, value in self.probabilities.items()}
        own = ("start", "end", "label", "probability", "reason")
        return {**{name: getattr(self, name) for name in own}, **by_class}


def clock(seconds: float, decimals: int = 1) -> str:
    """Format a time as hours, minutes and seconds, such as 0:01:02.5."""
    minutes, rest = divmod(round(seconds * 10**decimals), 60 * 10**decimals)
    width = decimals + 3 if decimals else 2
    return f"{minutes // 60}:{minutes % 60:02}:{rest / 10**decimals:0{width}.{decimals}f}"
