"""Output formats of segments, read back with Praat, pyannote and the standard library."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from speechgmm.audio.hearing import Heard
from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import OutputError
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.writers import FORMATS, TIER, SegmentedRecording, recording_id

parselmouth = pytest.importorskip("parselmouth", reason="praat-parselmouth is not installed")
load_rttm = pytest.importorskip("pyannote.database.util", reason="pyannote.database is not installed").load_rttm

SEGMENTS = (
    Segment(start=0.0, end=1.5, label=NONSPEECH),
    Segment(start=1.5, end=3.25, label='fém "a"', probability=0.9375, probabilities={'fém "a"': 0.9375, "b": 0.0625}),
    Segment(start=3.5, end=3661.004, label=UNKNOWN, reason="too little speech, 0.1 s"),
    Segment(start=3661.004, end=3662.0, label="b", probability=0.75),
)


def written(form: str, segments: tuple[Segment, ...] = SEGMENTS, *, duration_s: float | None = 3700.0) -> str:
    return "".join(
        FORMATS[form].write(iter(segments), SegmentedRecording(name="talks/my talk.wav", duration_s=duration_s))
    )


def tier(text: str, folder: Path) -> list[tuple[float, float, str]]:
    """The intervals of a TextGrid, read with Praat."""
    file = folder / "x.TextGrid"
    file.write_text(text, encoding="utf-8")
    grid = parselmouth.read(str(file))
    call = parselmouth.praat.call
    assert call(grid, "Get number of tiers") == 1
    assert call(grid, "Get tier name", 1) == TIER
    return [
        (
            call(grid, "Get start time of interval", 1, number),
            call(grid, "Get end time of interval", 1, number),
            call(grid, "Get label of interval", 1, number),
        )
        for number in range(1, 1 + call(grid, "Get number of intervals", 1))
    ]


def test_praat_reads_a_textgrid(tmp_path: Path) -> None:
    """The tier fills the recording; gaps and non-speech have an empty text; quotes and accents are kept."""
    assert tier(written("textgrid"), tmp_path) == [
        (0.0, 1.5, ""),
        (1.5, 3.25, 'fém "a"'),
        (3.25, 3.5, ""),
        (3.5, 3661.004, UNKNOWN),
        (3661.004, 3662.0, "b"),
        (3662.0, 3700.0, ""),
    ]


@pytest.mark.parametrize("duration_s", [None, 3661.9])
def test_a_recording_ends_no_earlier_than_its_last_segment(tmp_path: Path, duration_s: float | None) -> None:
    """If the duration is unknown or too short, the end of the last segment is used."""
    assert tier(written("textgrid", duration_s=duration_s), tmp_path)[-1] == (3661.004, 3662.0, "b")
    assert json.loads(written("json", duration_s=duration_s))["duration_s"] == 3662.0


def test_no_interval_of_a_textgrid_is_empty(tmp_path: Path) -> None:
    """Intervals of 0 ms after rounding are left out; Praat refuses them."""
    short = Segment(start=1.0, end=1.0001, label="b")
    assert tier(written("textgrid", (short,), duration_s=2.0), tmp_path) == [(0.0, 1.0, ""), (1.0, 2.0, "")]


def test_a_textgrid_refuses_overlap() -> None:
    """The message has the recording, both times and another format."""
    overlapping = (Segment(start=0, end=2, label="a"), Segment(start=1.5, end=3, label="b"))
    with pytest.raises(
        OutputError,
        match=r"my talk\.wav: the segment from 1\.500 s overlaps the one that ends at 2\.000 s, .* such as rttm",
    ):
        written("textgrid", overlapping)


def test_pyannote_reads_rttm(tmp_path: Path) -> None:
    """Classes and unknown have their times, blanks are underscores, non-speech is left out."""
    file = tmp_path / "x.rttm"
    file.write_text(written("rttm"), encoding="utf-8")
    ((recording, annotation),) = load_rttm(file).items()
    assert recording == "my_talk"
    tracks = [(segment.start, round(segment.end, 3), label) for segment, _, label in annotation.itertracks(True)]
    assert tracks == [(1.5, 3.25, 'fém_"a"'), (3.5, 3661.004, UNKNOWN), (3661.004, 3662.0, "b")]


def test_rttm_has_the_channel() -> None:
    """Its third field."""
    segment = Segment(start=0.0, end=1.0, label="male")
    lines = [
        "".join(FORMATS["rttm"].write([segment], SegmentedRecording(name="x.wav", channel=channel)))
        for channel in (None, 2)
    ]
    assert [line.split()[2] for line in lines] == ["1", "2"]


def test_no_cell_is_a_formula() -> None:
    """A spreadsheet would run it."""
    segment = Segment(start=0.0, end=1.0, label="@SUM(1)")
    text = "".join(FORMATS["csv"].write([segment], SegmentedRecording(name="=1+1.wav")))
    assert text.splitlines()[1].startswith("'=1+1.wav,0.000,1.000,'@SUM(1),")


def test_an_rttm_line_has_ten_fields() -> None:
    """As in the evaluation plan; adjacent segments are adjacent after rounding to milliseconds."""
    adjoining = (Segment(start=0.0004, end=1.0006, label="a"), Segment(start=1.0006, end=2.0, label="b"))
    assert written("rttm", adjoining).splitlines() == [
        "SPEAKER my_talk 1 0.000 1.001 <NA> <NA> a <NA> <NA>",
        "SPEAKER my_talk 1 1.001 0.999 <NA> <NA> b <NA> <NA>",
    ]


def test_audacity_lines_have_start_end_and_label() -> None:
    """One line per speech segment, separated by tabs; a tab in a label is replaced."""
    tabbed = (*SEGMENTS, Segment(start=3662.0, end=3663.0, label="a\tb\nc"))
    assert written("audacity", tabbed).split("\n") == [
        '1.500\t3.250\tfém "a"',
        "3.500\t3661.004\tunknown",
        "3661.004\t3662.000\tb",
        "3662.000\t3663.000\ta?b?c",
        "",
    ]


def test_csv_has_a_row_per_segment() -> None:
    """A CSV reader gives the numbers and texts that were written."""
    rows = list(csv.DictReader(written("csv").splitlines()))
    assert [row["label"] for row in rows] == [segment.label for segment in SEGMENTS]
    assert rows[1] == {
        **{"path": "talks/my talk.wav", "start": "1.500", "end": "3.250"},
        **{"label": 'fém "a"', "probability": "0.9375", "reason": "", "warning": ""},
    }
    assert (rows[2]["probability"], rows[2]["reason"]) == ("", "too little speech, 0.1 s")


def test_json_has_a_schema_and_every_field() -> None:
    """NaN is null."""
    values = json.loads(written("json"), parse_constant=pytest.fail)
    assert (values["schema"], values["schema_version"]) == ("speechgmm-segments", 1)
    assert (values["path"], values["duration_s"]) == ("talks/my talk.wav", 3700.0)
    assert values["segments"][1] == {
        **{"start": 1.5, "end": 3.25, "label": 'fém "a"', "probability": 0.9375},
        **{"probabilities": {'fém "a"': 0.9375, "b": 0.0625}, "reason": ""},
    }
    assert values["segments"][2]["probability"] is None
    assert len(values["segments"]) == 4
    assert (values["heard_s"], values["warning"]) == (None, "")


def test_warning_of_a_recording() -> None:
    """Formats with a place for it have it; a line end in it is replaced."""
    heard = Heard(seconds=12.3456, remarks=["odd\n", "strange"])

    def text(form: str) -> str:
        return "".join(FORMATS[form].write(SEGMENTS, SegmentedRecording(name="a.wav", heard=heard)))

    values = json.loads(text("json"))
    assert (values["heard_s"], values["warning"]) == (12.346, "odd\n; strange")
    assert {row["warning"] for row in csv.DictReader(io.StringIO(text("csv")))} == {"odd\n; strange"}
    assert text("table").endswith("\nwarning: odd?; strange\n")
    assert all(("strange" in text(form)) == FORMATS[form].shows_warning for form in FORMATS)


def test_the_table() -> None:
    """Times are hours, minutes and seconds; a line end in a label is replaced."""
    segments = (*SEGMENTS, Segment(start=3662.0, end=3719.996, label="a\nb"))
    assert written("table", segments).splitlines() == [
        "talks/my talk.wav",
        "      start          end  probability  label",
        " 0:00:00.00   0:00:01.50               nonspeech",
        ' 0:00:01.50   0:00:03.25        0.938  fém "a"',
        " 0:00:03.50   1:01:01.00               unknown  (too little speech, 0.1 s)",
        " 1:01:01.00   1:01:02.00        0.750  b",
        " 1:01:02.00   1:02:00.00               a?b",
    ]


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("textgrid", "times")])
def test_text_comes_before_the_next_segment(form: str) -> None:
    """A writer yields the text of a segment before it asks for the next."""
    asked: list[float] = []

    def arriving() -> Iterator[Segment]:
        for segment in SEGMENTS:
            asked.append(segment.start)
            yield segment

    texts = FORMATS[form].write(arriving(), SegmentedRecording(name="x.wav"))
    text = ""
    while "fém" not in text and "f\\u00e9m" not in text:
        text += next(texts)
    assert asked == [0.0, 1.5]


@pytest.mark.parametrize("form", list(FORMATS))
def test_no_segments_make_a_whole_file(form: str, tmp_path: Path) -> None:
    """An empty segmentation is a valid file."""
    text = written(form, (), duration_s=2.0)
    if form == "json":
        assert json.loads(text)["segments"] == []
    if form == "textgrid":
        assert tier(text, tmp_path) == [(0.0, 2.0, "")]


def test_suffixes_differ() -> None:
    """Files of all formats fit in one folder."""
    assert len({form.suffix for form in FORMATS.values()}) == len(FORMATS)


def test_the_identifier_of_a_recording() -> None:
    """File name without folder and suffix; blanks are underscores, accents are composed."""
    assert recording_id("a b/my  talk.v2.wav") == "my_talk.v2"
    assert recording_id("sen\u0303or.wav") == recording_id("se\u00f1or.wav") == "se\u00f1or"
