"""Exceptions of this package. Each message is one sentence for the user.

Library code raises them and only the command line prints them. `SpeechGmmError` covers every error caused by the input.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_WORD, LONGEST_LINE = 500, 2000
"""Characters of the longest word and the longest line of a message."""


def shortened(message: str) -> str:
    """Cut the middle from long words and lines of a message, such as from a name of a million characters."""
    words_cut = re.sub(r"\S+", lambda word: _without_middle(word[0], LONGEST_WORD), message)
    return re.sub(r".+", lambda line: _without_middle(line[0], LONGEST_LINE), words_cut)


def _without_middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = longest // 2 - 25  # leaves room for the words between both ends
    return f"{text[:end]}[... {len(text) - 2 * end:,} characters left out ...]{text[-end:]}"


class SpeechGmmError(Exception):
    """Base class: the input, an option or the environment is not usable."""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message))


class AudioError(SpeechGmmError):
    """A recording cannot be read or its samples are not usable."""


MOST_FAULTS = 50
"""Maximum number of faults that an error lists; the others are counted."""


class CorpusError(SpeechGmmError):
    """A folder of recordings, a manifest or a reference is faulty.

    Parameters
    ----------
    summary : str
        One sentence: what is faulty and what was expected.
    faults : sequence of str
        All faults found, each with its location (``manifest.csv:17: ...``).
    """

    def __init__(self, summary: str, faults: Sequence[str] = ()) -> None:
        more = [f"... and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        self.faults = (*faults[:MOST_FAULTS], *more)
        super().__init__("\n".join([summary, *self.faults]))


class OptionError(SpeechGmmError, ValueError):
    """An option has a value outside its range."""


class TrainingError(SpeechGmmError):
    """A model cannot be trained from the given data."""


class EvaluationError(SpeechGmmError):
    """There are no results to evaluate, or they contradict each other."""


class ModelFileError(SpeechGmmError):
    """A model file cannot be read or its format is not supported by this version."""


class CheckpointError(SpeechGmmError):
    """A training checkpoint is damaged or belongs to another training run."""


class ClusterError(SpeechGmmError):
    """A cluster cannot be reached, has no workers, or its workers are not suitable."""


class WorkerError(SpeechGmmError):
    """A worker process ended before its work was done."""


class OutputError(SpeechGmmError):
    """An output cannot be written."""


class DownloadError(SpeechGmmError):
    """Recordings cannot be downloaded."""
