"""Segments as the annotations of pyannote.core and audformat, and back. Each is imported only when one is made."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from speechgmm.errors import OptionError
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.writers import recording_id
from speechgmm.text.numerals import decimal

INDEX = ("file", "start", "end")
"""The index of a segmented table of audformat."""


def to_annotation(segments: Iterable[Segment], name: str) -> Any:
    """Make a ``pyannote.core.Annotation`` of the speech segments of a recording."""
    try:
        from pyannote.core import Annotation
        from pyannote.core import Segment as Span
    except ImportError as error:
        raise _missing("pyannote.core") from error
    annotation = Annotation(uri=recording_id(name))
    for number, segment in enumerate(segments):
        if segment.label != NONSPEECH:
            annotation[Span(segment.start, segment.end), number] = segment.label
    return annotation


def from_annotation(annotation: Any) -> list[Segment]:
    """The tracks of a ``pyannote.core.Annotation``, in order of time.

    Raises
    ------
    OptionError
        If it is none.
    """
    if not hasattr(annotation, "itertracks"):
        raise OptionError(f"annotation is {type(annotation).__name__}, but it must be a pyannote.core.Annotation")
    return [
        Segment(start=float(span.start), end=float(span.end), label=str(label))
        for span, _, label in annotation.itertracks(yield_label=True)
    ]


def to_audformat(segments: Iterable[Segment], name: str) -> Any:
    """Make a segmented ``audformat.Table`` of all segments of a recording."""
    try:
        import audformat
    except ImportError as error:
        raise _missing("audformat") from error
    segments = list(segments)
    starts, ends = ([timedelta(seconds=time) for time in times] for times in _times(segments))
    table = audformat.Table(audformat.segmented_index([name] * len(segments), starts, ends))
    for column in ("label", "probability"):
        table[column] = audformat.Column()
        table[column].set([getattr(segment, column) for segment in segments])
    return table


def from_audformat(table: Any, column: str) -> dict[str, list[Segment]]:
    """The segments of each file in a segmented table; parameters and errors as of `Segments.from_audformat`."""
    frame = getattr(table, "df", table)
    frame = frame.to_frame(column) if hasattr(frame, "to_frame") else frame
    if tuple(getattr(getattr(frame, "index", None), "names", ())) != INDEX or column not in frame.columns:
        expected = f"a segmented table of audformat, with the index {', '.join(INDEX)} and a column {column!r}"
        raise OptionError(f"table is of the type {type(table).__name__}, but it must be {expected}")
    labels = frame[column].to_list()
    probabilities = frame["probability"].to_list() if "probability" in frame.columns else [math.nan] * len(labels)
    found: dict[str, list[Segment]] = defaultdict(list)
    for (file, start, end), label, probability in zip(frame.index, labels, probabilities, strict=True):
        if not isinstance(label, str):
            raise OptionError(f"table: a label of '{file}' is {label}, but it must be text")
        start_s, end_s = start.total_seconds(), end.total_seconds()
        if not start_s < end_s:  # also where there is no end
            times = f"from {start_s} s to {end_s} s"
            raise OptionError(f"table: the segment of '{file}' is {times}, but its end must be after its start")
        found[file].append(Segment(start=start_s, end=end_s, label=label, probability=_number(probability)))
    return {file: sorted(segments, key=lambda each: (each.start, each.end)) for file, segments in found.items()}


def _number(value: object) -> float:
    """A number, which a table from disk may have as text; NaN where it has none."""
    found = decimal(str(value))
    return math.nan if found is None else found


def _times(segments: list[Segment]) -> tuple[list[float], list[float]]:
    return [float(segment.start) for segment in segments], [float(segment.end) for segment in segments]


def _missing(package: str) -> OptionError:
    return OptionError(f"this needs {package}, which is not installed: pip install {package}")
