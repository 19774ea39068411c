"""The answer for one labelled or unlabelled utterance: what the classifier says, and what the corpus knows of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from speechgmm.classifier.decision import Decision


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One utterance that was classified.

    Attributes
    ----------
    path : str
        How the corpus calls it.
    truth : str
        Its label in the corpus.
    speaker : str or None
        Who speaks; None where nobody said.
    duration_s : float
        Length of the audio in seconds, speech or not.
    decision : Decision
        What the classifier says.
    start, end : float
        The stretch of the file in seconds; an `end` of None is the end of the file.
    snr_db : float
        Estimated signal-to-noise ratio in decibels; NaN where there is no speech or nobody estimated it.
    columns : mapping of str to str
        Further columns of the corpus, for grouping.
    """

    path: str
    truth: str
    speaker: str | None
    duration_s: float
    decision: Decision
    start: float = 0.0
    end: float | None = None
    snr_db: float = math.nan
    columns: Mapping[str, str] = field(default_factory=dict)
