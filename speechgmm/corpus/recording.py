"""What the rest of the package knows of a corpus: recordings with label, speaker and split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from speechgmm.errors import CorpusError

SPLITS = ("train", "dev", "test", "other")

RESERVED_LABEL = "unknown"
"""No class may have this name: it is the answer of a classifier that cannot decide."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One utterance: an audio file, or a stretch of one.

    Attributes
    ----------
    file : Path
        Where the audio is.
    name : str
        How reports call it: the path as the manifest or the folder has it, with forward slashes.
    label : str
        The voice gender label its annotators gave it, or any other class name.
    speaker : str or None
        Who speaks; None where nobody said.
    split : str or None
        One of `SPLITS`; None where the corpus has no splits.
    start, end : float
        The stretch in seconds, half open; an `end` of None is the end of the file.
    columns : mapping of str to str
        Further columns of the manifest, for grouping.
    augmentation : str
        Which copy of the recording this is, one of the names in `copies`; empty for itself.
    """

    file: Path
    name: str
    label: str
    speaker: str | None = None
    split: str | None = None
    start: float = 0.0
    end: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    augmentation: str = ""

    def value_of(self, column: str) -> str | None:
        """What stands in the column label, speaker, split, or a further one; None where nothing does."""
        if column in ("label", "speaker", "split"):
            value: str | None = getattr(self, column)
            return value
        return self.columns.get(column)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Recordings from one source, checked.

    Attributes
    ----------
    source : str
        The folder or manifest they come from, as the user named it.
    recordings : tuple of Recording
        In the order of the source (folders: sorted by name).
    left_out : tuple of str
        What of the source was left out, for the user to know.
    """

    source: str
    recordings: tuple[Recording, ...]
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know and is no error: files left out, speakers not named."""
        return (*self.left_out, *speaker_notes(self.recordings))

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, sorted."""
        return tuple(sorted({recording.label for recording in self.recordings}))

    def select(self, keep: Callable[[Recording], bool]) -> Corpus:
        """The same corpus with only the recordings for which `keep` is true."""
        return replace(self, recordings=tuple(filter(keep, self.recordings)))


def augmented_versions(recordings: Sequence[Recording], names: Iterable[str]) -> list[Recording]:
    """Each recording with each augmentation: all recordings with the first, then all with the next."""
    return [replace(recording, augmentation=name) for name in names for recording in recordings]


def require_classes(corpus: Corpus, minimum: int = 2) -> None:
    """Refuse a corpus with too few classes to tell apart.

    Raises
    ------
    CorpusError
        If there are fewer than `minimum` class names.
    """
    if len(corpus.labels) < minimum:
        found = ", ".join(corpus.labels) or "none"
        raise CorpusError(f"{corpus.source}: {minimum} or more classes are needed, found {found}")


def speaker_notes(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """What to tell the user where nobody said who speaks; empty where all speakers are named."""
    unnamed = sum(recording.speaker is None for recording in recordings)
    if not unnamed:
        return ()
    return (
        f"{unnamed} of {len(recordings)} recordings have no speaker; results are optimistic "
        "where one speaker is on both sides of a split",
    )
