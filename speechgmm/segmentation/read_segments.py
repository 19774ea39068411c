"""Segments from annotation files, with the labels that stand there."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from speechgmm.errors import CorpusError
from speechgmm.segmentation.readers import READERS, Faults
from speechgmm.segmentation.references import annotation_text, time_faults
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.segments import Segments
from speechgmm.segmentation.writers import recording_id


def read_segments(file: Path, *, channel: int | None = None) -> dict[str, Segments]:
    """Read the segments of the recordings in a file.

    Parameters
    ----------
    file : Path
        RTTM (``.rttm``), Praat's TextGrid (``.TextGrid``), or a table (``.csv``, ``.tsv``) with the columns
        ``start,end,label`` and optionally ``path`` and ``channel``.
    channel : int, optional
        Read only the segments of this channel, from 1, and those that name none.

    Returns
    -------
    dict of str to Segments
        By file name without suffix, as in RTTM. Segments are in order of time and may overlap; those of length 0 are
        left out.

    Raises
    ------
    CorpusError
        If the file cannot be read, or has faults, with all of them.
    """
    read_lines = READERS.get(file.suffix.lower())
    if read_lines is None:
        raise CorpusError(f"{file}: not a file of segments, expected {', '.join(READERS)}")
    faults: Faults = []
    found: dict[str, list[Segment]] = defaultdict(list)
    for line in read_lines(annotation_text(file), faults):
        if channel is not None and line.channel not in ("", str(channel)):
            continue
        in_line = list(time_faults(line))
        faults += [(line.number, fault) for fault in in_line]
        if not in_line and line.start < line.end:
            recording = line.recording or recording_id(file.name)
            found[recording].append(Segment(start=line.start, end=line.end, label=line.name))
    if faults:
        listed = [f"{file}:{number}: {fault}" for number, fault in sorted(faults)]
        raise CorpusError(f"{file}: the file of segments is faulty", listed)
    return {
        name: Segments(sorted(segments, key=lambda each: (each.start, each.end)), name=name)
        for name, segments in found.items()
    }
