"""The outcome of one utterance: the decision of the classifier and the corpus data of the recording."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from speechgmm.classifier.decision import Decision


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A classified utterance.

    Attributes
    ----------
    path : str
        Name of the recording in the corpus.
    truth : str
        Label in the corpus; empty if it has none.
    speaker : str or None
        None if the corpus does not name the speaker.
    duration_s : float
        Seconds of audio that were heard, with and without speech.
    decision : Decision
        Decision of the classifier.
    start, end : float
        The excerpt of the file in seconds; an `end` of None is the end of the file.
    snr_db : float
        Estimated signal-to-noise ratio in decibels; NaN without speech or without an estimate.
    warning : str
        What was odd about the audio, such as channels that cancel each other; empty if nothing was.
    columns : mapping of str to str
        Further columns of the corpus, for grouping.
    renamed : mapping of str to str
        Other names of the columns label and speaker in the corpus, as of a `Recording`.
    """

    path: str
    truth: str
    speaker: str | None
    duration_s: float
    decision: Decision
    start: float = 0.0
    end: float | None = None
    snr_db: float = math.nan
    warning: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict, compare=False)

    def value_of(self, column: str) -> str | None:
        """Value in the column label, speaker or a further one, by any of its names; None if there is none."""
        column = self.renamed.get(column, column)
        own = {"label": self.truth, "speaker": self.speaker}
        return own[column] if column in own else self.columns.get(column)
