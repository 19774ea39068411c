"""Segments as text: a table for people, csv, json, and the label formats of Praat, diarisation tools and Audacity.

Every writer takes segments in order of time and gives text piece by piece, so that what has been found is written while
the rest is still being listened to. Only a TextGrid begins with the number of its intervals and waits for the last.

Tables, csv and json have a row for each segment. In the others nobody speaking is the absence of a label, so segments
of `NONSPEECH` are left out (in a TextGrid: have no text); `UNKNOWN` is somebody speaking and stays.
"""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Protocol

from speechgmm.errors import OutputError
from speechgmm.evaluation.text import printable
from speechgmm.segmentation.segment import NONSPEECH, Segment, clock

SCHEMA = "speechgmm-segments"
SCHEMA_VERSION = 1
COLUMNS = ("path", "start", "end", "label", "probability", "reason")
TIER = "voices"

_TEXTGRID_HEAD = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = {end:.3f}
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "{tier}"
        xmin = 0
        xmax = {end:.3f}
        intervals: size = {size}
"""
_TEXTGRID_INTERVAL = """\
        intervals [{number}]:
            xmin = {start:.3f}
            xmax = {end:.3f}
            text = "{text}"
"""


class Write(Protocol):
    """A function that lays segments out as text."""

    def __call__(self, segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
        """Lay out the segments of one recording.

        Parameters
        ----------
        segments : iterable of Segment
            In order of time.
        name : str
            How the recording is called.
        duration_s : float, optional
            Length of the recording in seconds. If None, or less than the end of the last segment, that end.

        Yields
        ------
        str
            The next whole lines of the file.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Format:
    """How segments are written, and how a file name that holds them ends."""

    suffix: str
    write: Write


def table(segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
    """For people: hours, minutes and seconds, a probability where there is one, and the label."""
    yield f"{printable(name)}\n{'start':>11}  {'end':>11}  probability  label\n"
    for one in segments:
        probability = "" if math.isnan(one.probability) else f"{one.probability:.3f}"
        reason = f"  ({one.reason})" if one.reason else ""
        times = "  ".join(f"{clock(time, 2):>11}" for time in (one.start, one.end))
        yield f"{times}  {probability:>11}  {printable(one.label + reason)}\n"


def comma_separated(segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
    """A row for each segment under the header `COLUMNS` (RFC 4180); times in seconds."""
    yield _csv_line(COLUMNS)
    for one in segments:
        probability = "" if math.isnan(one.probability) else repr(float(one.probability))
        yield _csv_line([name, f"{one.start:.3f}", f"{one.end:.3f}", one.label, probability, one.reason])


def json_object(segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
    """One object with ``schema``, ``schema_version``, ``path``, ``segments``, ``duration_s``; NaN is null."""
    yield f'{{"schema": "{SCHEMA}", "schema_version": {SCHEMA_VERSION}, "path": {json.dumps(name)}, "segments": ['
    separator, end = "\n", 0.0
    for one in segments:
        yield separator + json.dumps(_values(one), allow_nan=False)
        separator, end = ",\n", one.end
    yield f'\n], "duration_s": {round(max(duration_s or 0.0, end), 3)}}}\n'


def textgrid(segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
    """Praat's TextGrid, in its long text form, with one tier of intervals that fills the recording (UTF-8).

    Raises
    ------
    OutputError
        If segments overlap, which a tier cannot hold.
    """
    intervals = list(_filled(segments, name=name, duration_s=duration_s))
    end = intervals[-1][1] if intervals else 0.0
    yield _TEXTGRID_HEAD.format(end=end, tier=TIER, size=len(intervals))
    for number, (start, stop, label) in enumerate(intervals, start=1):
        yield _TEXTGRID_INTERVAL.format(number=number, start=start, end=stop, text=label.replace('"', '""'))


def rttm(segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
    """Rich Transcription Time Marked: a SPEAKER line for each segment with a voice, the label in place of a speaker.

    The format is that of the NIST Rich Transcription evaluations (RT-09 evaluation plan, appendix A). Its fields cannot
    hold blanks and know no escape: a blank becomes ``_``. The recording is called by its file name without suffix.
    """
    recording = recording_id(name)
    for one in _voiced(segments):
        start, end = round(one.start, 3), round(one.end, 3)
        yield f"SPEAKER {recording} 1 {start:.3f} {end - start:.3f} <NA> <NA> {one_word(one.label)} <NA> <NA>\n"


def audacity(segments: Iterable[Segment], *, name: str, duration_s: float | None = None) -> Iterator[str]:
    """A label track of Audacity: start, end and label between tabs."""
    for one in _voiced(segments):
        yield f"{one.start:.3f}\t{one.end:.3f}\t{printable(one.label)}\n"


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "table": Format(suffix=".txt", write=table),
        "csv": Format(suffix=".csv", write=comma_separated),
        "json": Format(suffix=".json", write=json_object),
        "textgrid": Format(suffix=".TextGrid", write=textgrid),
        "rttm": Format(suffix=".rttm", write=rttm),
        "audacity": Format(suffix=".labels.txt", write=audacity),
    }
)


def recording_id(name: str) -> str:
    """What RTTM calls a recording: its file name without folder and suffix, as `one_word`."""
    return one_word(PurePath(name).stem)


def one_word(text: str) -> str:
    """A text with blanks as ``_``, and accents composed: file systems and annotations differ in them."""
    return "_".join(unicodedata.normalize("NFC", text).split()) or "_"


def _values(one: Segment) -> dict[str, Any]:
    return {
        "start": round(float(one.start), 3),
        "end": round(float(one.end), 3),
        "label": one.label,
        "probability": None if math.isnan(one.probability) else float(one.probability),
        "probabilities": {label: float(probability) for label, probability in one.probabilities.items()},
        "reason": one.reason,
    }


def _filled(segments: Iterable[Segment], *, name: str, duration_s: float | None) -> Iterator[tuple[float, float, str]]:
    """Intervals (start, end, text) from 0 to the end with no gap, in milliseconds' precision, none of them empty."""
    at = 0.0
    for one in segments:
        start, end = round(one.start, 3), round(one.end, 3)
        if start < at:
            raise OutputError(
                f"{name}: the segment from {start:.3f} s overlaps the one that ends at {at:.3f} s, which a TextGrid "
                "cannot hold; write another format, such as rttm"
            )
        if at < start:
            yield at, start, ""
        if start < end:
            yield start, end, "" if one.label == NONSPEECH else one.label
        at = end
    if at < round(duration_s or 0.0, 3):
        yield at, round(duration_s or 0.0, 3), ""


def _voiced(segments: Iterable[Segment]) -> Iterator[Segment]:
    return (one for one in segments if one.label != NONSPEECH)


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
