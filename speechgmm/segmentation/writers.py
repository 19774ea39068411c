"""Output formats of segments: a table, CSV, JSON, label files of Praat, diarisation tools and Audacity, speaking times.

A writer takes the segments of one recording in order of time and yields text before it takes the next segment; only a
TextGrid, which starts with the number of its intervals, and the speaking times need all of them first. A new format is
one function and its entry in `FORMATS`. The command line reads the names of the formats for its help, so this module
imports no numeric library.

Table, CSV and JSON have a row per segment. The label formats have no label for non-speech: `NONSPEECH` segments are
left out (in a TextGrid they have an empty text). `UNKNOWN` is speech and stays.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from speechgmm.errors import OutputError
from speechgmm.segmentation.segment import NONSPEECH, Segment, clock
from speechgmm.text.tables import csv_line
from speechgmm.text.terminal import printable

if TYPE_CHECKING:
    from speechgmm.audio.hearing import Heard

SCHEMA = "speechgmm-segments"
SCHEMA_VERSION = 1
COLUMNS = ("path", "start", "end", "label", "probability", "reason", "warning")
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


@dataclass(frozen=True, kw_only=True)
class SegmentedRecording:
    """What a writer is told about the recording of the segments.

    Attributes
    ----------
    name : str
        Its name.
    duration_s : float, optional
        Its duration in seconds. If None or less than the end of the last segment, that end.
    channel : int, optional
        Its channel that was segmented, from 1; None for its only channel or the mean of several.
    heard : Heard, optional
        What was heard of it; it may be filled in only when the last segment was taken.
    classes : tuple of str
        The classes of the model, for `speaking_times`. Without them: those that the segments name.
    """

    name: str
    duration_s: float | None = None
    channel: int | None = None
    heard: Heard | None = None
    classes: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """What was odd about it; empty if nothing was."""
        return "" if self.heard is None else self.heard.warning


Write = Callable[[Iterable[Segment], SegmentedRecording], Iterator[str]]
"""A function that writes the segments of one recording, in order of time, as text."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """An output format.

    Attributes
    ----------
    description : str
        For the help of the command line.
    suffix : str
        End of the name of a file in this format.
    write : callable
        See `Write`.
    one_recording : bool
        Whether an output holds one recording only; several then need a file each.
    header : bool
        Whether the first text of the writer is a header that several recordings share.
    for_people : bool
        Whether people read it and no program does: other text, such as speaking times, may follow.
    shows_warning : bool
        Whether it has a place for the warning about a recording.
    """

    description: str
    suffix: str
    write: Write
    one_recording: bool = False
    header: bool = False
    for_people: bool = False
    shows_warning: bool = False


def table(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """Aligned columns: start, end, probability of a class, and label."""
    yield f"{printable(recording.name)}\n{'start':>11}  {'end':>11}  probability  label\n"
    for segment in segments:
        probability = "" if math.isnan(segment.probability) else f"{segment.probability:.3f}"
        reason = f"  ({segment.reason})" if segment.reason else ""
        times = "  ".join(f"{clock(time, 2):>11}" for time in (segment.start, segment.end))
        yield f"{times}  {probability:>11}  {printable(segment.label + reason)}\n"
    if recording.warning:
        yield f"warning: {printable(recording.warning)}\n"


def comma_separated(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """A row per segment under the header `COLUMNS` (`text.tables`); times in seconds."""
    yield csv_line(COLUMNS)
    for segment in segments:
        probability = "" if math.isnan(segment.probability) else repr(float(segment.probability))
        times = f"{segment.start:.3f}", f"{segment.end:.3f}"
        row = [recording.name, *times, segment.label, probability, segment.reason, recording.warning]
        yield csv_line(row)


def json_object(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """One object: ``schema``, ``schema_version``, ``path``, ``segments``, ``duration_s``, ``heard_s``, ``warning``.

    NaN is null.
    """
    path = json.dumps(recording.name)
    yield f'{{"schema": "{SCHEMA}", "schema_version": {SCHEMA_VERSION}, "path": {path}, "segments": ['
    separator, end = "\n", 0.0
    for segment in segments:
        yield separator + json.dumps(segment_values(segment), allow_nan=False)
        separator, end = ",\n", segment.end
    rest = {
        "duration_s": round(max(recording.duration_s or 0.0, end), 3),
        "heard_s": None if recording.heard is None else round(recording.heard.seconds, 3),
        "warning": recording.warning,
    }
    yield "\n], " + json.dumps(rest)[1:] + "\n"


def textgrid(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """Praat's TextGrid in the long text form (UTF-8): one interval tier that fills the recording.

    Raises
    ------
    OutputError
        If segments overlap; a tier cannot hold that.
    """
    intervals = list(_intervals(segments, recording))
    end = intervals[-1][1] if intervals else 0.0
    yield _TEXTGRID_HEAD.format(end=end, tier=TIER, size=len(intervals))
    for number, (start, stop, label) in enumerate(intervals, start=1):
        yield _TEXTGRID_INTERVAL.format(number=number, start=start, end=stop, text=label.replace('"', '""'))


def rttm(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """Rich Transcription Time Marked: a SPEAKER line per speech segment, with the label as the speaker's name.

    The format is that of the NIST Rich Transcription evaluations (RT-09 evaluation plan, appendix A). Its fields cannot
    contain blanks and have no escape: a blank becomes ``_``. The recording is its file name without suffix.
    """
    identifier, channel = recording_id(recording.name), recording.channel or 1
    for segment in _speech(segments):
        start, end = round(segment.start, 3), round(segment.end, 3)
        label = one_word(segment.label)
        yield f"SPEAKER {identifier} {channel} {start:.3f} {end - start:.3f} <NA> <NA> {label} <NA> <NA>\n"


def audacity(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """A label track of Audacity: start, end and label, separated by tabs."""
    for segment in _speech(segments):
        yield f"{segment.start:.3f}\t{segment.end:.3f}\t{printable(segment.label)}\n"


def speaking_times(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
    """A row with the speaking times of the recording (`text.tables`).

    Of each class: its seconds, its share of the time of all classes, and the ends of the 95 % interval of the share,
    which are empty where they are not defined.
    """
    from speechgmm.segmentation.speaking_time import Tally

    segments = list(segments)
    named = dict.fromkeys(label for segment in segments for label in segment.probabilities)
    classes = recording.classes or tuple(named)
    yield csv_line(["path", "duration_s", *_class_columns(classes), "unknown_s", "nonspeech_s", "units", "warning"])
    tally = Tally(classes)
    for segment in segments:
        tally.add(segment)
    summary = tally.summary(recording.name)
    times = summary.times
    cells: list[str | float] = []
    for label in classes:
        interval = summary.intervals[label]
        cells += [round(times.classes_s[label], 3), times.share(label), interval.low, interval.high]
    ends = [round(times.unknown_s, 3), round(times.nonspeech_s, 3), summary.units, recording.warning]
    row = [recording.name, round(times.duration_s, 3), *cells, *ends]
    yield csv_line("" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row)


FORMATS: dict[str, Format] = {
    "table": Format(description="aligned columns", suffix=".txt", write=table, for_people=True, shows_warning=True),
    "csv": Format(
        description="a row per segment", suffix=".csv", write=comma_separated, header=True, shows_warning=True
    ),
    "json": Format(description="one object", suffix=".json", write=json_object, one_recording=True, shows_warning=True),
    "textgrid": Format(description="Praat", suffix=".TextGrid", write=textgrid, one_recording=True),
    "rttm": Format(description="diarisation tools", suffix=".rttm", write=rttm),
    "audacity": Format(description="label track", suffix=".labels.txt", write=audacity, one_recording=True),
    "times": Format(
        description="CSV of speaking times, a row per recording",
        suffix=".times.csv",
        write=speaking_times,
        header=True,
        shows_warning=True,
    ),
}
"""The formats by name."""


def _class_columns(classes: Iterable[str]) -> Iterator[str]:
    for label in classes:
        yield from (f"{kind}_{label}" for kind in ("seconds", "share", "share_low", "share_high"))


def recording_id(name: str) -> str:
    """Identifier of a recording in RTTM: its file name without folder and suffix, as `one_word`."""
    return one_word(PurePath(name).stem)


def one_word(text: str) -> str:
    """Replace blanks by ``_`` and compose accents (NFC), because file systems and annotations differ in them."""
    return "_".join(unicodedata.normalize("NFC", text).split()) or "_"


def segment_values(segment: Segment) -> dict[str, Any]:
    """A segment as plain JSON values; a probability that is not defined is None."""
    return {
        "start": round(float(segment.start), 3),
        "end": round(float(segment.end), 3),
        "label": segment.label,
        "probability": None if math.isnan(segment.probability) else float(segment.probability),
        "probabilities": {label: float(probability) for label, probability in segment.probabilities.items()},
        "reason": segment.reason,
    }


def _intervals(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[tuple[float, float, str]]:
    """Intervals (start, end, text) from 0 to the end, rounded to milliseconds, without gaps and none of length 0."""
    last_end = 0.0
    for segment in segments:
        start, end = round(segment.start, 3), round(segment.end, 3)
        if start < last_end:
            raise OutputError(
                f"{recording.name}: the segment from {start:.3f} s overlaps the one that ends at {last_end:.3f} s, "
                "which a TextGrid cannot hold; write another format, such as rttm"
            )
        if last_end < start:
            yield last_end, start, ""
        if start < end:
            yield start, end, "" if segment.label == NONSPEECH else segment.label
        last_end = end
    duration_s = round(recording.duration_s or 0.0, 3)
    if last_end < duration_s:
        yield last_end, duration_s, ""


def _speech(segments: Iterable[Segment]) -> Iterator[Segment]:
    return (segment for segment in segments if segment.label != NONSPEECH)
