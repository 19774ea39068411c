"""Reference segments from annotation files: RTTM, Praat's TextGrid, or CSV.

A file with faults is refused as a whole, with all its faults and their lines. The names in a file become classes
(`label_of`): a class is itself, other names are mapped by the user, and the speaker ids of a corpus by a lookup.
Reference segments may overlap; those of length 0 are left out.

Recordings are matched by their `recording_id`, the file name without suffix, because RTTM has nothing else.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechgmm.errors import CorpusError, OptionError
from speechgmm.segmentation.readers import READERS, Faults, Line
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.writers import one_word, recording_id
from speechgmm.text.textfiles import NotTextError, decoded, undecoded

TOLERANCE_S = 0.25
"""Accepted time from a recording's end to the end of its reference; audio decoders and annotators differ by less."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The reference segments of one recording.

    Attributes
    ----------
    recording : str
        Its `recording_id`.
    segments : tuple of Segment
        Speech segments in order of time; they may overlap.
    end_s : float
        End of the last annotation in seconds.
    place : str
        File and line of that annotation.
    fault : str
        Why it is none for the channel that was asked for; empty if it is.
    """

    recording: str
    segments: tuple[Segment, ...]
    end_s: float
    place: str
    fault: str = ""

    def check(self, duration_s: float) -> None:
        """Check that the reference is one of the channel, and ends with its recording.

        Raises
        ------
        CorpusError
            If it has a fault, or ends more than `TOLERANCE_S` after `duration_s`.
        """
        if self.fault:
            raise CorpusError(f"{self.place}: {self.fault}")
        if self.end_s > duration_s + TOLERANCE_S:
            raise CorpusError(
                f"{self.place}: the segment ends at {self.end_s:.3f} s, but the recording '{self.recording}' at "
                f"{duration_s:.3f} s; expected the reference of this recording"
            )


Lookup = Callable[[str], str | None]
"""The class of a name in an annotation; None if it has none."""


def read_references(
    source: Path,
    *,
    classes: Sequence[str],
    names: Mapping[str, str] | None = None,
    further: Lookup | None = None,
    channel: int | None = None,
) -> dict[str, Reference]:
    """Read the references of recordings.

    Parameters
    ----------
    source : Path
        An RTTM file (``.rttm``), a TextGrid (``.TextGrid``, for the recording with its name), a table (``.csv`` or
        ``.tsv`` with the columns ``start,end,label`` in seconds, and ``path`` unless it is for the recording with its
        name), or a folder of such files.
    classes : sequence of str
        The model's classes.
    names : mapping of str to str, optional
        Other names in the annotations, each with its class or `NONSPEECH`.
    further : callable, optional
        Class of a name that is neither a class nor in `names`, such as the speaker ids of a corpus.
    channel : int, optional
        Read only the annotations of this channel, from 1, and those that name none. RTTM has the channel in its third
        field, a table in a column ``channel``, a TextGrid in the names of its tiers (``channel 1``).

    Returns
    -------
    dict of str to Reference
        By `recording_id`, in the order of the files.

    Raises
    ------
    CorpusError
        If there is no reference; if a file cannot be read; if it has faults, with all of them: lines of another format,
        times that are not numbers or negative, an end before the start, names without a class; if bytes are not UTF-8;
        or if two files annotate the same recording.
    """
    if source.is_dir():
        files = sorted(file for file in source.iterdir() if file.suffix.lower() in READERS)
        if not files:
            raise CorpusError(f"{source}: the folder has no references, expected files {', '.join(READERS)}")
    else:
        files = [source]
    references: dict[str, Reference] = {}
    for file in files:
        look_up = label_of(classes, names or {}, further)
        for reference in _read(file, look_up, expected=(*classes, NONSPEECH), channel=channel):
            other = references.get(reference.recording)
            if other is None or other.fault:
                references[reference.recording] = reference
            elif not reference.fault:
                raise CorpusError(
                    f"{reference.place}: '{reference.recording}' already has a reference in {other.place}"
                )
    return references


def label_of(classes: Sequence[str], names: Mapping[str, str], further: Lookup | None = None) -> Lookup:
    """The lookup of the class of a name in an annotation; parameters as for `read_references`.

    Raises
    ------
    OptionError
        If a value of `names` is neither a class nor `NONSPEECH`.
    """
    for name, label in names.items():
        if label not in (*classes, NONSPEECH):
            raise OptionError(f"'{name}' stands for '{label}', expected {', '.join(classes)} or {NONSPEECH}")
    known = {spelling: label for label in (*classes, NONSPEECH) for spelling in (label, one_word(label))}

    def look_up(name: str) -> str | None:
        label = names.get(name) or known.get(name) or (further(name) if further else None)
        return known.get(label or "")

    return look_up


def _read(file: Path, look_up: Lookup, *, expected: Sequence[str], channel: int | None) -> Iterator[Reference]:
    """The references in one file, checked; `expected` names the classes in faults."""
    read_lines = READERS.get(file.suffix.lower())
    if read_lines is None:
        raise CorpusError(f"{file}: not a reference, expected a folder or a file {', '.join(READERS)}")
    faults: Faults = []
    lines: dict[str, list[tuple[Line, str]]] = defaultdict(list)
    others: dict[str, list[Line]] = defaultdict(list)
    for line in read_lines(annotation_text(file), faults):
        if channel is not None and line.channel not in ("", str(channel)):
            others[line.recording].append(line)
            continue
        label = look_up(line.name)
        faults += [(line.number, fault) for fault in _line_faults(line, label, expected)]
        lines[line.recording].append((line, label or ""))
    if faults:
        listed = [f"{file}:{number}: {fault}" for number, fault in sorted(faults)]
        raise CorpusError(f"{file}: the reference is faulty", listed)
    if not (lines or others):
        raise CorpusError(
            f"{file}: the reference is empty, expected a segment; in a recording without speech, one of {NONSPEECH}"
        )
    for recording, labelled in lines.items():
        yield _reference(file, recording or recording_id(file.name), labelled)
    for recording, left_out in others.items():
        if recording not in lines:
            yield _of_other_channels(file, recording or recording_id(file.name), left_out, channel)


def _reference(file: Path, recording: str, labelled: Sequence[tuple[Line, str]]) -> Reference:
    last = max((line for line, _ in labelled), key=lambda line: line.end)
    segments = [
        Segment(start=line.start, end=line.end, label=label)
        for line, label in sorted(labelled, key=lambda pair: (pair[0].start, pair[0].end))
        if line.start < line.end and label != NONSPEECH
    ]
    return Reference(recording=recording, segments=tuple(segments), end_s=last.end, place=f"{file}:{last.number}")


def _of_other_channels(file: Path, recording: str, lines: Sequence[Line], channel: int | None) -> Reference:
    """A reference that is none for the channel, so that only the evaluation of this recording fails."""
    found = ", ".join(sorted({line.channel for line in lines}))
    fault = f"the reference of '{recording}' has segments of channel {found} only, expected some of channel {channel}"
    return Reference(recording=recording, segments=(), end_s=0.0, place=f"{file}:{lines[0].number}", fault=fault)


def time_faults(line: Line) -> Iterator[str]:
    """What is wrong with the times of an annotated time span."""
    if not 0 <= line.start < math.inf:
        yield f"the start is {line.start:g} s, expected 0 or more"
    elif not line.end < math.inf:
        yield f"the end is {line.end:g} s, expected a time in the recording"
    elif line.end < line.start:
        yield f"the end at {line.end:g} s is before the start at {line.start:g} s"


def _line_faults(line: Line, label: str | None, expected: Sequence[str]) -> Iterator[str]:
    yield from time_faults(line)
    if label is None:
        classes = f"{', '.join(expected[:-1])} or {expected[-1]}"
        yield f"'{line.name}' is not {classes}; give its class with --speaker '{line.name}=CLASS'"


def annotation_text(file: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark, as Praat writes it.

    Raises
    ------
    CorpusError
        If it cannot be read, or is not text.
    """
    try:
        text, _ = decoded(file.read_bytes())
    except OSError as error:
        raise CorpusError(f"{file}: the reference cannot be read ({error.strerror})") from error
    except NotTextError as error:
        raise CorpusError(f"{file}: {error}") from error
    for line, fault in undecoded(text):
        raise CorpusError(f"{file}:{line}: {fault}")
    return text
