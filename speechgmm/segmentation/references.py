"""Reading who speaks when from annotations: RTTM, Praat's TextGrid, or a table.

A file is taken as a whole or not at all: all its faults are reported together, each with the line it is on. Names in it
become classes (`label_of`): a class stands for itself, other names for what the user says, and an AMI speaker id for
its voice gender label. Segments may overlap, as people do; those of no length are left out.

Recordings are known by their `recording_id`, the file name without suffix, which is all that RTTM has of them.
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

MOST_FAULTS = 50
"""So many faults of a file are listed, the others counted."""

TOLERANCE_S = 0.25
"""So far beyond a recording's end its reference may go: decoders and annotators differ by less."""

_SUFFIXES = ".rttm, .TextGrid or .csv"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Who speaks when in one recording.

    Attributes
    ----------
    recording : str
        Its `recording_id`.
    segments : tuple of Segment
        The voices, in order of time; they may overlap.
    end_s : float
        When the last annotation ends, in seconds.
    place : str
        The file and the line of that annotation.
    """

    recording: str
    segments: tuple[Segment, ...]
    end_s: float
    place: str

    def check(self, duration_s: float) -> None:
        """Refuse a reference that goes on after the end of its recording.

        Raises
        ------
        CorpusError
            If it ends more than `TOLERANCE_S` after `duration_s`.
        """
        if self.end_s > duration_s + TOLERANCE_S:
            raise CorpusError(
                f"{self.place}: the segment ends at {self.end_s:.3f} s, but the recording '{self.recording}' at "
                f"{duration_s:.3f} s; expected the reference of this very recording"
            )


Lookup = Callable[[str], str | None]
"""Which class a name in an annotation stands for; None where it stands for none."""


def read_references(
    source: Path, *, classes: Sequence[str], names: Mapping[str, str] | None = None, further: Lookup | None = None
) -> dict[str, Reference]:
    """Read the references of recordings.

    Parameters
    ----------
    source : Path
        An RTTM file (``.rttm``), a TextGrid (``.TextGrid``: of the recording of the same name), a table (``.csv`` with
        the columns ``start,end,label`` in seconds, and ``path`` unless it is of the recording of the same name), or a
        folder that holds such files.
    classes : sequence of str
        The labels that count.
    names : mapping of str to str, optional
        What other names in the annotations stand for: a class or `NONSPEECH`.
    further : callable, optional
        Gives the class of a name that is neither a class nor in `names`, such as the speaker ids of one corpus.

    Returns
    -------
    dict of str to Reference
        By `recording_id`, in the order of the files.

    Raises
    ------
    CorpusError
        If there is no reference, a file cannot be read or has faults, with all of them (at most `MOST_FAULTS`): lines
        that are not of the format, times that are none or below zero, an end before the start, names that stand for no
        class, bytes that are not UTF-8; or if a recording's annotations are in two files.
    """
    if source.is_dir():
        files = sorted(file for file in source.iterdir() if file.suffix.lower() in READERS)
        if not files:
            raise CorpusError(f"{source}: the folder holds no references, expected files {_SUFFIXES}")
    else:
        files = [source]
    references: dict[str, Reference] = {}
    for file in files:
        for reference in _read(file, label_of(classes, names or {}, further)):
            if reference.recording in references:
                first = references[reference.recording].place
                raise CorpusError(f"{reference.place}: '{reference.recording}' has a reference in {first} already")
            references[reference.recording] = reference
    return references


def label_of(classes: Sequence[str], names: Mapping[str, str], further: Lookup | None = None) -> Lookup:
    """The lookup of names in annotations; parameters as for `read_references`.

    Raises
    ------
    OptionError
        If a value of `names` is neither a class nor `NONSPEECH`.
    """
    for name, label in names.items():
        if label not in (*classes, NONSPEECH):
            raise OptionError(f"'{name}' stands for '{label}', expected {', '.join(classes)} or {NONSPEECH}")
    known = {written: name for name in (*classes, NONSPEECH) for written in (name, one_word(name))}

    def look_up(name: str) -> str | None:
        meant = names.get(name) or known.get(name) or (further(name) if further else None)
        return known.get(meant or "")

    return look_up


def _read(file: Path, look_up: Lookup) -> Iterator[Reference]:
    """The references in one file, checked."""
    read_lines = READERS.get(file.suffix.lower())
    if read_lines is None:
        raise CorpusError(f"{file}: this is no reference, expected a folder or a file {_SUFFIXES}")
    faults: Faults = []
    lines = defaultdict(list)
    for line in read_lines(_text(file), faults):
        label = look_up(line.name)
        faults += [(line.number, fault) for fault in _line_faults(line, label)]
        lines[line.recording].append((line, label or ""))
    if faults:
        listed = [f"{file}:{number}: {fault}" for number, fault in sorted(faults)[:MOST_FAULTS]]
        more = [f"... and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise CorpusError(f"{file}: the reference is faulty", [*listed, *more])
    if not lines:
        raise CorpusError(
            f"{file}: the reference is empty, expected a segment; where nobody speaks, one of {NONSPEECH}"
        )
    for recording, found in lines.items():
        yield _reference(file, recording or recording_id(file.name), found)


def _reference(file: Path, recording: str, found: Sequence[tuple[Line, str]]) -> Reference:
    last = max((line for line, _ in found), key=lambda line: line.end)
    segments = [
        Segment(start=line.start, end=line.end, label=label)
        for line, label in sorted(found, key=lambda one: (one[0].start, one[0].end))
        if line.start < line.end and label != NONSPEECH
    ]
    return Reference(recording=recording, segments=tuple(segments), end_s=last.end, place=f"{file}:{last.number}")


def _line_faults(line: Line, label: str | None) -> Iterator[str]:
    if not 0 <= line.start < math.inf:
        yield f"the start is {line.start:g} s, expected 0 or more"
    elif not line.start <= line.end < math.inf:
        yield f"the end at {line.end:g} s is before the start at {line.start:g} s"
    if label is None:
        yield f"'{line.name}' is no class, and it is not said which class it stands for"


def _text(file: Path) -> str:
    """The text of a file: UTF-8, or UTF-16 as Praat writes it."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CorpusError(f"{file}: the reference cannot be read ({error.strerror})") from error
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        fault = f"{file}:{number}: the byte {content[error.start]:#04x} is not {encoding.removesuffix('-sig').upper()}"
        raise CorpusError(f"{fault}, save the file as UTF-8") from error
