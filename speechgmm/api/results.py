"""Many results as one data frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from speechgmm.argument_checks import wrong
from speechgmm.classifier.decision import Decision
from speechgmm.features.extraction import Failure
from speechgmm.text.data_frames import data_frame


def to_frame(answers: Iterable[Decision | Failure], library: str | None = None) -> Any:
    """Make a data frame of the answers of `classify_many`, or of any decisions.

    Parameters
    ----------
    answers : iterable of Decision or Failure
    library : "pandas" or "polars", optional
        By default pandas, or polars where pandas is not installed.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        A row per answer, in order, with the columns label, probability, score, speech_s and reason, and
        ``probability_CLASS`` and ``llr_CLASS`` of each class. A failure has a reason and no label.

    Raises
    ------
    OptionError
        If the library is another one, or is not installed, or an answer is none.
    """
    return data_frame(map(_row, answers), library)


def _row(answer: object) -> dict[str, Any]:
    if not isinstance(answer, (Decision, Failure)):
        raise wrong("an answer", answer, "a Decision or a Failure")
    return answer.to_row()
