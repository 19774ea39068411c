"""`Recording` and `Corpus`: recordings with label, speaker and split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from speechgmm.errors import CorpusError

SPLITS = ("train", "dev", "test", "other")

RESERVED_LABEL = "unknown"
"""Not allowed as a class name: it is the label of a recording on which the classifier abstains."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One utterance: an audio file, or an excerpt of one.

    Attributes
    ----------
    file : Path
        The audio file.
    name : str
        Name in reports: the path in the manifest or below the folder, with forward slashes.
    label : str
        Reference label: the annotated voice gender label, or any other class name.
    speaker : str or None
        None if not known.
    split : str or None
        One of `SPLITS`; None if not given.
    start, end : float
        The excerpt in seconds, half open. If `end` is None, up to the end of the file.
    columns : mapping of str to str
        Other columns of the manifest, for grouping.
    renamed : mapping of str to str
        Names in the header of the manifest that stand for a known column, with that: such as client_id for speaker.
    augmentation : str
        Kind of augmentation applied to the audio in training, as in `augmentation.augment`; empty for none.
    """

    file: Path
    name: str
    label: str
    speaker: str | None = None
    split: str | None = None
    start: float = 0.0
    end: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict, compare=False)
    augmentation: str = ""

    def value_of(self, column: str) -> str | None:
        """Value in the column label, speaker, split or another one, by any of its names; None if there is none."""
        column = self.renamed.get(column, column)
        if column in ("label", "speaker", "split"):
            value: str | None = getattr(self, column)
            return value
        return self.columns.get(column)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Checked recordings from one source.

    Attributes
    ----------
    source : str
        Path of the folder or manifest, as the user gave it.
    recordings : tuple of Recording
        In the order of the manifest, or sorted by name.
    left_out : tuple of str
        Notes for the user on files and rows that were left out.
    reading : str
        Note for the user on how a manifest was read, if not as it is written.
    """

    source: str
    recordings: tuple[Recording, ...]
    left_out: tuple[str, ...] = ()
    reading: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user that are not errors: how it was read, what was left out, recordings without a speaker."""
        return (*([self.reading] if self.reading else []), *self.left_out, *speaker_notes(self.recordings))

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted({recording.label for recording in self.recordings}))

    def select(self, keep: Callable[[Recording], bool]) -> Corpus:
        """A corpus of only the recordings for which `keep` is true."""
        return replace(self, recordings=tuple(filter(keep, self.recordings)))


def augmented_versions(recordings: Sequence[Recording], names: Iterable[str]) -> list[Recording]:
    """Mark each recording with each augmentation: all recordings with the first, then all with the next."""
    return [replace(recording, augmentation=name) for name in names for recording in recordings]


def require_classes(corpus: Corpus, minimum: int = 2) -> None:
    """Check that a corpus has enough classes.

    Raises
    ------
    CorpusError
        If there are fewer than `minimum` class names.
    """
    if len(corpus.labels) < minimum:
        found = ", ".join(corpus.labels) or "none"
        raise CorpusError(f"{corpus.source}: {minimum} or more classes are needed, found {found}")


def speaker_notes(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Note for the user on recordings without a speaker; empty if there are none."""
    unnamed = sum(recording.speaker is None for recording in recordings)
    if not unnamed:
        return ()
    consequence = "results are optimistic if the splits are not speaker-disjoint"
    return (f"{unnamed} of {len(recordings)} recordings have no speaker; {consequence}",)
