"""Segments as text, read by the programs that the formats are for."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import OutputError
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.writers import FORMATS, TIER, recording_id

parselmouth = pytest.importorskip("parselmouth", reason="praat-parselmouth is not installed")
load_rttm = pytest.importorskip("pyannote.database.util", reason="pyannote.database is not installed").load_rttm

SEGMENTS = (
    Segment(start=0.0, end=1.5, label=NONSPEECH),
    Segment(start=1.5, end=3.25, label='fém "a"', probability=0.9375, probabilities={'fém "a"': 0.9375, "b": 0.0625}),
    Segment(start=3.5, end=3661.004, label=UNKNOWN, reason="too little speech, 0.1 s"),
    Segment(start=3661.004, end=3662.0, label="b", probability=0.75),
)


def written(form: str, segments: tuple[Segment, ...] = SEGMENTS, *, duration_s: float | None = 3700.0) -> str:
    return "".join(FORMATS[form].write(iter(segments), name="talks/my talk.wav", duration_s=duration_s))


def tier(text: str, folder: Path) -> list[tuple[float, float, str]]:
    """The intervals of a TextGrid as Praat reads them."""
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
    """The tier fills the recording, gaps and nonspeech have no text, and quotes and accents are what they were."""
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
    """Where the length is not known, or a header said too little, the last segment is the end."""
    assert tier(written("textgrid", duration_s=duration_s), tmp_path)[-1] == (3661.004, 3662.0, "b")
    assert json.loads(written("json", duration_s=duration_s))["duration_s"] == 3662.0


def test_no_interval_of_a_textgrid_is_empty(tmp_path: Path) -> None:
    """What rounds to no length in milliseconds is left out; Praat would refuse it."""
    short = Segment(start=1.0, end=1.0001, label="b")
    assert tier(written("textgrid", (short,), duration_s=2.0), tmp_path) == [(0.0, 1.0, ""), (1.0, 2.0, "")]


def test_overlap_is_refused_by_a_textgrid() -> None:
    """The message has the recording, both times and the remedy."""
    overlapping = (Segment(start=0, end=2, label="a"), Segment(start=1.5, end=3, label="b"))
    with pytest.raises(
        OutputError,
        match=r"my talk\.wav: the segment from 1\.500 s overlaps the one that ends at 2\.000 s, .* such as rttm",
    ):
        written("textgrid", overlapping)


def test_pyannote_reads_rttm(tmp_path: Path) -> None:
    """Classes and unknown are there with their times, blanks are underscores, nonspeech is not there."""
    file = tmp_path / "x.rttm"
    file.write_text(written("rttm"), encoding="utf-8")
    ((recording, annotation),) = load_rttm(file).items()
    assert recording == "my_talk"
    found = [(segment.start, round(segment.end, 3), label) for segment, _, label in annotation.itertracks(True)]
    assert found == [(1.5, 3.25, 'fém_"a"'), (3.5, 3661.004, UNKNOWN), (3661.004, 3662.0, "b")]


def test_an_rttm_line_has_ten_fields() -> None:
    """As the evaluation plan has them; adjoining segments adjoin in milliseconds."""
    adjoining = (Segment(start=0.0004, end=1.0006, label="a"), Segment(start=1.0006, end=2.0, label="b"))
    assert written("rttm", adjoining).splitlines() == [
        "SPEAKER my_talk 1 0.000 1.001 <NA> <NA> a <NA> <NA>",
        "SPEAKER my_talk 1 1.001 0.999 <NA> <NA> b <NA> <NA>",
    ]


def test_audacity_has_start_end_and_label_between_tabs() -> None:
    """One line for each voice; a tab in a label cannot become a column."""
    tabbed = (*SEGMENTS, Segment(start=3662.0, end=3663.0, label="a\tb\nc"))
    assert written("audacity", tabbed).split("\n") == [
        '1.500\t3.250\tfém "a"',
        "3.500\t3661.004\tunknown",
        "3661.004\t3662.000\tb",
        "3662.000\t3663.000\ta?b?c",
        "",
    ]


def test_csv_is_a_row_a_segment() -> None:
    """A reader of RFC 4180 finds the numbers and texts that were written."""
    rows = list(csv.DictReader(written("csv").splitlines()))
    assert [row["label"] for row in rows] == [one.label for one in SEGMENTS]
    assert rows[1] == {
        **{"path": "talks/my talk.wav", "start": "1.500", "end": "3.250"},
        **{"label": 'fém "a"', "probability": "0.9375", "reason": ""},
    }
    assert (rows[2]["probability"], rows[2]["reason"]) == ("", "too little speech, 0.1 s")


def test_json_has_a_schema_and_every_field() -> None:
    """NaN is null, so that the text is JSON."""
    found = json.loads(written("json"), parse_constant=pytest.fail)
    assert (found["schema"], found["schema_version"]) == ("speechgmm-segments", 1)
    assert (found["path"], found["duration_s"]) == ("talks/my talk.wav", 3700.0)
    assert found["segments"][1] == {
        **{"start": 1.5, "end": 3.25, "label": 'fém "a"', "probability": 0.9375},
        **{"probabilities": {'fém "a"': 0.9375, "b": 0.0625}, "reason": ""},
    }
    assert found["segments"][2]["probability"] is None
    assert len(found["segments"]) == 4


def test_the_table_is_for_people() -> None:
    """Times as a clock shows them; no line end from a label."""
    odd = (*SEGMENTS, Segment(start=3662.0, end=3719.996, label="a\nb"))
    assert written("table", odd).splitlines() == [
        "talks/my talk.wav",
        "      start          end  probability  label",
        " 0:00:00.00   0:00:01.50               nonspeech",
        ' 0:00:01.50   0:00:03.25        0.938  fém "a"',
        " 0:00:03.50   1:01:01.00               unknown  (too little speech, 0.1 s)",
        " 1:01:01.00   1:01:02.00        0.750  b",
        " 1:01:02.00   1:02:00.00               a?b",
    ]


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "textgrid"])
def test_segments_are_written_as_they_come(form: str) -> None:
    """Each is there before the next is asked for."""
    asked: list[float] = []

    def arriving() -> Iterator[Segment]:
        for one in SEGMENTS:
            asked.append(one.start)
            yield one

    texts = FORMATS[form].write(arriving(), name="x.wav")
    found = ""
    while "fém" not in found and "f\\u00e9m" not in found:
        found += next(texts)
    assert asked == [0.0, 1.5]


@pytest.mark.parametrize("form", list(FORMATS))
def test_no_segments_make_a_whole_file(form: str, tmp_path: Path) -> None:
    """A recording in which nothing was found still has its file."""
    text = written(form, (), duration_s=2.0)
    if form == "json":
        assert json.loads(text)["segments"] == []
    if form == "textgrid":
        assert tier(text, tmp_path) == [(0.0, 2.0, "")]


def test_suffixes_differ() -> None:
    """All formats of one recording can stand in one folder."""
    assert len({form.suffix for form in FORMATS.values()}) == len(FORMATS)


def test_a_recording_is_known_by_its_file_name() -> None:
    """Without folder and suffix, blanks as underscores, accents in one form."""
    assert recording_id("a b/my  talk.v2.wav") == "my_talk.v2"
    assert recording_id("sen\u0303or.wav") == recording_id("se\u00f1or.wav") == "se\u00f1or"
