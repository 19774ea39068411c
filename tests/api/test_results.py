"""Results as plain values, data frames, and the annotations of other libraries and formats, and back."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speechgmm
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Recording
from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import CorpusError, OptionError, OutputError
from speechgmm.evaluation.report_files import to_json
from tests.builders import RunCommand, abstain, decide

DECISIONS = [decide({"female": 3.0, "male": 1.0}), abstain(), decide({"female": 1.0, "male": 3.0})]
FAILURE = speechgmm.Failure(recording=Recording(file=Path("a.wav"), name="a.wav", label=""), reason="it is empty")
SEGMENTS = speechgmm.Segments(
    [
        speechgmm.Segment(start=0.0, end=1.25, label="female", probability=0.75, probabilities={"female": 0.75}),
        speechgmm.Segment(start=1.25, end=2.0, label="nonspeech"),
        speechgmm.Segment(start=2.0, end=3.5, label="male", probability=0.875, probabilities={"male": 0.875}),
        speechgmm.Segment(start=3.5, end=4.0, label="unknown", reason="too little speech: less than 0.3 s"),
    ],
    name="archive/interview.wav",
)
SPOKEN = [(0.0, 1.25, "female"), (2.0, 3.5, "male"), (3.5, 4.0, "unknown")]
ALL = [(each.start, each.end, each.label) for each in SEGMENTS]


def spans(segments: speechgmm.Segments) -> list[tuple[float, float, str]]:
    return [(each.start, each.end, each.label) for each in segments]


def test_a_decision_is_plain_values() -> None:
    """Valid JSON: what is not defined is None."""
    decided, undecided = (json.loads(json.dumps(each.to_dict(), allow_nan=False)) for each in DECISIONS[:2])

    assert (decided["label"], decided["probability"], decided["probabilities"]) == (
        *("female", 0.75),
        {"female": 0.75, "male": 0.25},
    )
    assert (undecided["label"], undecided["probability"], undecided["reason"]) == ("unknown", None, "no speech")
    assert FAILURE.to_dict() == {"path": "a.wav", "reason": "it is empty"}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_decisions_and_failures_are_a_data_frame(library: str) -> None:
    """A row each, in order; numbers of those without a label are NaN."""
    made = pytest.importorskip(library)

    frame = speechgmm.to_frame([*DECISIONS, FAILURE], library)

    assert isinstance(frame, made.DataFrame)
    own = ["label", "probability", "score", "speech_s", "reason"]
    classes = ["probability_female", "probability_male", "llr_female", "llr_male"]
    assert list(frame.columns) == own + classes
    assert frame["reason"].to_list() == ["", "no speech", "", "it is empty"]
    assert frame["label"].to_list()[:3] == ["female", "unknown", "male"]
    probabilities = frame["probability_female"].to_list()
    assert (probabilities[0], probabilities[2]) == (0.75, 0.25)
    assert math.isnan(probabilities[1])
    assert math.isnan(probabilities[3])
    one = DECISIONS[0].to_frame(library)
    assert one["score"].to_list() == [DECISIONS[0].score]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_segments_are_a_data_frame(library: str) -> None:
    """A row each, with the name of the recording."""
    pytest.importorskip(library)

    frame = SEGMENTS.to_frame(library)

    assert frame["path"].to_list() == ["archive/interview.wav"] * 4
    assert list(zip(*(frame[name].to_list() for name in ("start", "end", "label")), strict=True)) == ALL
    assert frame["probability_male"].to_list()[2] == 0.875


def test_a_data_frame_needs_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is one of two, and installed; polars is taken where pandas is not."""
    with pytest.raises(OptionError, match=r"^library is 'numpy', but it must be 'pandas' or 'polars'$"):
        SEGMENTS.to_frame("numpy")
    with pytest.raises(OptionError, match=r"^an answer is 'female', but it must be a Decision or a Failure$"):
        speechgmm.to_frame(["female"])  # type: ignore[list-item]
    monkeypatch.setattr("speechgmm.text.data_frames.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"^a data frame needs polars, which is not installed: pip install polars$"):
        SEGMENTS.to_frame("polars")
    with pytest.raises(OptionError, match=r"^a data frame needs pandas or polars, .*: pip install pandas$"):
        SEGMENTS.to_frame()


def test_polars_is_used_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name."""
    polars = pytest.importorskip("polars")
    monkeypatch.setattr("speechgmm.text.data_frames.find_spec", lambda name: name == "polars" or None)

    assert isinstance(SEGMENTS.to_frame(), polars.DataFrame)


def test_a_report_is_plain_values_and_a_data_frame(tiny_model: Model, tmp_path: Path) -> None:
    """The content of report.json, and its headline."""
    pytest.importorskip("pandas")
    write_voices(tmp_path, n_speakers=2, n_files=1, duration_s=2.0, seed=12)

    report = speechgmm.evaluate(tmp_path, tiny_model)

    assert report.to_dict() == to_json(report)
    assert report.to_dict()["schema"] == "speechgmm-report"
    frame = report.to_frame().set_index("metric")
    assert frame.loc["cllr", "value"] == report.cllr
    assert frame.loc["cllr", "low"] == report.cllr_bootstrap.low < report.cllr_bootstrap.high
    assert frame.loc["cllr", "high"] == report.cllr_bootstrap.high


def test_segments_of_a_recording_have_its_name(
    tiny_model: Model, tiny_model_file: Path, voices: Path, run: RunCommand
) -> None:
    """Their plain values are what the command writes, and they are a list."""
    file = voices / "female" / "synthetic-f03" / "01.wav"

    segments = speechgmm.segment(file, model=tiny_model)

    assert isinstance(segments, list)
    assert segments.name == str(file)
    assert segments.end_s == pytest.approx(3.0)
    written = json.loads(run("segment", file, "--model", tiny_model_file, "--format", "json").stdout)
    assert segments.to_dict()["segments"] == written["segments"]
    assert [each.to_dict()["label"] for each in segments] == [each["label"] for each in written["segments"]]
    assert speechgmm.segment(np.zeros(16000), 16000, model=tiny_model).name == "samples"


def test_speech_segments_are_an_annotation_of_pyannote_and_back() -> None:
    """Without non-speech; segments may overlap."""
    core = pytest.importorskip("pyannote.core")

    annotation = SEGMENTS.to_annotation()

    assert isinstance(annotation, core.Annotation)
    assert annotation.uri == "interview"
    assert annotation.label_duration("male") == 1.5
    back = speechgmm.Segments.from_annotation(annotation)
    assert (back.name, spans(back)) == ("interview", SPOKEN)
    annotation[core.Segment(1.0, 2.5), "other"] = "Ada"
    assert (1.0, 2.5, "Ada") in spans(speechgmm.Segments.from_annotation(annotation))
    with pytest.raises(OptionError, match=r"^annotation is str, but it must be a pyannote.core.Annotation$"):
        speechgmm.Segments.from_annotation("a")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in audformat's loading
def test_segments_are_a_table_of_audformat_and_back(tmp_path: Path) -> None:
    """Also through a data base on disk, and from a column alone."""
    audformat = pytest.importorskip("audformat")

    table = SEGMENTS.to_audformat()

    assert isinstance(table, audformat.Table)
    assert table.is_segmented
    back = speechgmm.Segments.from_audformat(table)
    assert spans(back["archive/interview.wav"]) == ALL
    assert back["archive/interview.wav"][2].probability == 0.875
    database = audformat.Database("programmes")
    database["segments"] = table
    database.save(tmp_path)
    loaded = audformat.Database.load(tmp_path)["segments"]
    back = speechgmm.Segments.from_audformat(loaded)
    assert spans(back["archive/interview.wav"]) == ALL
    assert back["archive/interview.wav"][2].probability == 0.875
    assert math.isnan(back["archive/interview.wav"][1].probability)
    assert spans(speechgmm.Segments.from_audformat(table["label"].get())["archive/interview.wav"]) == ALL


def test_other_tables_are_refused() -> None:
    """Those of whole files, without labels, and with a segment without an end."""
    audformat = pytest.importorskip("audformat")
    whole = audformat.Table(audformat.filewise_index(["a.wav"]))
    whole["label"] = audformat.Column()
    whole["label"].set(["female"])
    open_end = audformat.Table(audformat.segmented_index(["a.wav"], ["1s"], [None]))
    open_end["label"] = audformat.Column()
    no_label = SEGMENTS.to_audformat()
    no_label["label"].set([None] * 4)
    cases: dict[str, Any] = {
        "table is of the type Table, but it must be a segmented table of audformat, with the index file": whole,
        "table: a label of 'archive/interview.wav' is .*, but it must be text": no_label,
    }
    for message, table in cases.items():
        with pytest.raises(OptionError, match=message):
            speechgmm.Segments.from_audformat(table)
    open_end["label"].set(["female"])
    with pytest.raises(OptionError, match=r"^table: the segment of 'a.wav' is from 1.0 s to nan s, but its end must"):
        speechgmm.Segments.from_audformat(open_end)


@pytest.mark.parametrize(("package", "convert"), [("pyannote.core", "to_annotation"), ("audformat", "to_audformat")])
def test_what_is_not_installed_is_named(package: str, convert: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the remedy."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(OptionError, match=f"^this needs {package}, which is not installed: pip install {package}$"):
        getattr(SEGMENTS, convert)()


@pytest.mark.parametrize(
    ("name", "recording", "expected"),
    [
        ("other.rttm", "interview", SPOKEN),
        ("interview.TextGrid", "interview", SPOKEN),
        ("other.csv", "interview", ALL),
    ],
)
def test_segments_go_to_a_file_and_back(
    name: str, recording: str, expected: list[tuple[float, float, str]], tmp_path: Path
) -> None:
    """The end of the name tells the format."""
    speechgmm.save_segments(SEGMENTS, tmp_path / name)

    found = speechgmm.read_segments(tmp_path / name)

    assert {each: spans(segments) for each, segments in found.items()} == {recording: expected}
    assert found[recording].name == recording
    read_back = tmp_path / f"again-{name}"
    speechgmm.save_segments(found[recording], read_back)
    assert "female" in read_back.read_text(encoding="utf-8")


def test_an_annotation_is_what_pyannote_reads_from_rttm(tmp_path: Path) -> None:
    """Both ways to pyannote agree."""
    util = pytest.importorskip("pyannote.database.util")
    speechgmm.save_segments(SEGMENTS, tmp_path / "a.rttm")

    read = util.load_rttm(tmp_path / "a.rttm")["interview"]

    assert spans(speechgmm.Segments.from_annotation(read)) == spans(
        speechgmm.Segments.from_annotation(SEGMENTS.to_annotation())
    )


def test_the_longest_end_of_a_name_tells_the_format(tmp_path: Path) -> None:
    """Audacity's labels and the table both end in .txt."""
    for name in ("a.labels.txt", "a.txt", "a.JSON"):
        speechgmm.save_segments(SEGMENTS, tmp_path / name)

    assert (tmp_path / "a.labels.txt").read_text(encoding="utf-8").startswith("0.000\t1.250\tfemale\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == SEGMENTS.to_text("table")
    assert json.loads((tmp_path / "a.JSON").read_text(encoding="utf-8")) == SEGMENTS.to_dict()


def test_files_of_segments_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """With what was expected, and all faults with their lines."""
    untyped: Any = speechgmm
    with pytest.raises(OptionError, match=r"but it must be a path that ends in \.txt, \.csv, \.json, \.textgrid"):
        speechgmm.save_segments(SEGMENTS, tmp_path / "a.wav")
    with pytest.raises(OptionError, match=r"^segments is \[\], but it must be Segments, which segment returns$"):
        untyped.save_segments([], tmp_path / "a.rttm")
    with pytest.raises(OptionError, match=r"^name is 'xml', but it must be one of table, csv, json"):
        SEGMENTS.to_text("xml")
    overlapping = speechgmm.Segments([*SEGMENTS, SEGMENTS[0]], name="a")
    with pytest.raises(OutputError, match="which a TextGrid cannot hold"):
        speechgmm.save_segments(overlapping, tmp_path / "a.TextGrid")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CorpusError, match=r"a.xml: not a file of segments, expected .rttm, .textgrid, .csv, .tsv$"):
        speechgmm.read_segments(tmp_path / "a.xml")
    faulty = tmp_path / "a.csv"
    faulty.write_text("start,end,label\n2,1,a\n-1,1,b\n1,1,c\n", encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        speechgmm.read_segments(faulty)
    assert str(caught.value).splitlines() == [
        f"{faulty}: the file of segments is faulty",
        f"{faulty}:2: the end at 1 s is before the start at 2 s",
        f"{faulty}:3: the start is -1 s, expected 0 or more",
    ]


def test_the_segments_of_a_channel_are_read(tmp_path: Path) -> None:
    """Of an RTTM file with two."""
    lines = "SPEAKER call 1 0 1 <NA> <NA> a <NA> <NA>\nSPEAKER call 2 0 2 <NA> <NA> b <NA> <NA>\n"
    (tmp_path / "call.rttm").write_text(lines, encoding="utf-8")

    assert spans(speechgmm.read_segments(tmp_path / "call.rttm")["call"]) == [(0, 1, "a"), (0, 2, "b")]
    assert spans(speechgmm.read_segments(tmp_path / "call.rttm", channel=2)["call"]) == [(0, 2, "b")]
