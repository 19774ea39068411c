"""The decision of the classifier for one utterance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from speechgmm.text.data_frames import data_frame

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Label, probability and score of one utterance.

    Attributes
    ----------
    label : str
        The most probable class, or `UNKNOWN`.
    probability : float
        Calibrated posterior probability of `label` under the model's priors, in [0, 1]; NaN when unknown.
    score : float
        Calibrated log-likelihood ratio (natural logarithm, prior-free) of `label` against the other classes;
        NaN when unknown.
    speech_s : float
        Seconds of speech that were scored.
    reason : str
        Why the label is `UNKNOWN`; otherwise empty.
    probabilities : mapping of str to float
        Posterior probability of each class; they sum to 1. Empty when unknown.
    log_likelihood_ratios : mapping of str to float
        Calibrated log-likelihood ratio of each class against the others (natural logarithm, prior-free).
        Empty when unknown.
    """

    label: str
    probability: float = math.nan
    score: float = math.nan
    speech_s: float
    reason: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    log_likelihood_ratios: Mapping[str, float] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        """Whether the label is a class."""
        return self.label != UNKNOWN

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        numbers = {name: _defined(getattr(self, name)) for name in ("probability", "score")}
        return {**asdict(self), **numbers}

    def to_row(self) -> dict[str, Any]:
        """Values by column of a table, with the columns ``probability_CLASS`` and ``llr_CLASS`` for each class."""
        own = ("label", "probability", "score", "speech_s", "reason")
        probabilities = {f"probability_{name}": value for name, value in self.probabilities.items()}
        ratios = {f"llr_{name}": value for name, value in self.log_likelihood_ratios.items()}
        return {**{name: getattr(self, name) for name in own}, **probabilities, **ratios}

    def to_frame(self, library: str | None = None) -> Any:
        """A data frame of one row, as `speechgmm.to_frame` makes it of many."""
        return data_frame([self.to_row()], library)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
