"""The exceptions of this package; the text of each is one sentence for the user.

Library code raises them, only the command line prints them. Whatever the input, a caller who catches
`SpeechGmmError` catches everything that is the input's fault.
"""

from __future__ import annotations

from collections.abc import Sequence


class SpeechGmmError(Exception):
    """The root: something in the input, the options or the surroundings is not as it must be."""


class AudioError(SpeechGmmError):
    """A recording cannot be read or its samples cannot be used."""


class CorpusError(SpeechGmmError):
    """A folder of recordings or a manifest is faulty.

    Parameters
    ----------
    summary : str
        One sentence: what is faulty and what was expected.
    faults : sequence of str
        Every fault found, each with its place (``manifest.csv:17: ...``).
    """

    def __init__(self, summary: str, faults: Sequence[str] = ()) -> None:
        super().__init__("\n".join([summary, *faults]))
        self.faults = tuple(faults)


class OptionError(SpeechGmmError, ValueError):
    """An option has a value outside its range."""


class TrainingError(SpeechGmmError):
    """A model cannot be trained from this data."""


class EvaluationError(SpeechGmmError):
    """Results cannot be evaluated: there are none, or they contradict each other."""


class ModelFileError(SpeechGmmError):
    """A model file cannot be read or is not a model this version understands."""


class CheckpointError(SpeechGmmError):
    """What a training that was broken off left behind is damaged or another training's."""


class ClusterError(SpeechGmmError):
    """Work cannot be done on a cluster: it cannot be reached, has no workers, or they are not fit for it."""


class OutputError(SpeechGmmError):
    """An output cannot be written."""


class DownloadError(SpeechGmmError):
    """Recordings cannot be downloaded."""
