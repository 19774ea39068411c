"""References from RTTM, TextGrid and CSV files: formats, names and faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgmm.demo.ami_corpus import speaker_label
from speechgmm.errors import CorpusError, OptionError
from speechgmm.segmentation.references import Reference, read_references
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.writers import FORMATS, SegmentedRecording

parselmouth = pytest.importorskip("parselmouth", reason="praat-parselmouth is not installed")

FIELDS = "SPEAKER recording channel start duration x x name"
NO_CLASS = "is not female, male, very low or nonspeech; give its class with --speaker"

CLASSES = ("female", "male", "very low")
SEGMENTS = (
    Segment(start=0.5, end=1.5, label="female"),
    Segment(start=1.5, end=2.0, label="very low"),
    Segment(start=3.25, end=10.125, label="male"),
)


def read(source: Path, content: str | bytes = "", **names: str) -> dict[str, Reference]:
    if content:
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_references(source, classes=CLASSES, names=names, further=speaker_label)


def faults(source: Path, content: str | bytes) -> list[str]:
    """The lines of the error message, with file names without the folder."""
    with pytest.raises(CorpusError) as caught:
        read(source, content)
    return str(caught.value).replace(f"{source.parent}/", "").split("\n")


@pytest.mark.parametrize("form", ["rttm", "textgrid", "csv"])
def test_what_is_written_can_be_read(form: str, tmp_path: Path) -> None:
    """Written segments are read as the same reference; non-speech is left out."""
    file = tmp_path / f"my talk{FORMATS[form].suffix}"
    silence = Segment(start=2.0, end=3.25, label=NONSPEECH)
    text = "".join(
        FORMATS[form].write(
            [*SEGMENTS[:2], silence, SEGMENTS[2]], SegmentedRecording(name="my talk.wav", duration_s=12.0)
        )
    )
    assert read(file, text)["my_talk"].segments == SEGMENTS


@pytest.mark.parametrize("save", ["Save as text file...", "Save as short text file..."])
@pytest.mark.parametrize("text", ["female", 'fem "ä" ! \\bu "', "男"])
def test_textgrids_of_praat(save: str, text: str, tmp_path: Path) -> None:
    """Both text forms are read, also in UTF-16; point tiers are skipped."""
    grid = parselmouth.praat.call("Create TextGrid", 0.0, 5.0, "points voices", "points")
    parselmouth.praat.call(grid, "Insert point", 1, 0.7, "female 9 9 9")
    parselmouth.praat.call(grid, "Insert boundary", 2, 1.25)
    parselmouth.praat.call(grid, "Insert boundary", 2, 3.5)
    parselmouth.praat.call(grid, "Set interval text", 2, 2, text)
    file = tmp_path / "x.TextGrid"
    parselmouth.praat.call(grid, save, str(file))
    label = parselmouth.praat.call(grid, "Get label of interval", 2, 2)
    reference = read_references(file, classes=CLASSES, names={label: "female"})["x"]
    assert reference.segments == (Segment(start=1.25, end=3.5, label="female"),)


@pytest.mark.parametrize("names", ["voices voices", "words words"])
def test_tiers_of_one_name_are_refused(names: str, tmp_path: Path) -> None:
    """None of them is lost."""
    grid = parselmouth.praat.call("Create TextGrid", 0.0, 5.0, names, "")
    file = tmp_path / "x.TextGrid"
    parselmouth.praat.call(grid, "Save as text file...", str(file))
    one, other = names.split()
    assert faults(file, b"")[1].endswith(f"found '{one}', '{other}'")


def test_the_tier_is_called_voices_or_the_only_one(tmp_path: Path) -> None:
    """Several tiers of other names are refused."""
    grid = parselmouth.praat.call("Create TextGrid", 0.0, 5.0, "words phones", "")
    file = tmp_path / "x.TextGrid"
    parselmouth.praat.call(grid, "Save as text file...", str(file))
    assert faults(file, b"")[1] == (
        "x.TextGrid:1: expected one interval tier, one with the name 'voices', or tiers 'channel 1', 'channel 2' ..., "
        "found 'words', 'phones'"
    )


def test_rttm_of_several_recordings(tmp_path: Path) -> None:
    """Segments by recording, in order of time, overlapping; AMI speaker ids are looked up."""
    text = """\
;; a comment
SPKR-INFO one 1 <NA> <NA> <NA> unknown ada <NA> <NA>
SPEAKER one 1 2.5 1.0 <NA> <NA> ada <NA> <NA>
SPEAKER two 1 0 1.5 <NA> <NA> MEE071 <NA>
SPEAKER one 1 0.25 2.5 <NA> <NA> FÉE078 <NA> <NA>
SPEAKER one 1 9.0 0.0 <NA> <NA> male <NA> <NA>
SPEAKER one 1 5.0 1.0 <NA> <NA> crowd <NA> <NA>
"""
    references = read(tmp_path / "x.rttm", text, ada="female", crowd=NONSPEECH)
    assert references["one"].segments == (
        Segment(start=0.25, end=2.75, label="female"),
        Segment(start=2.5, end=3.5, label="female"),
    )
    assert references["two"].segments == (Segment(start=0, end=1.5, label="male"),)
    assert list(references) == ["one", "two"]


def test_accents_of_a_recordings_name_have_one_form(tmp_path: Path) -> None:
    """Composed and decomposed accents are equal."""
    references = read(tmp_path / "x.rttm", "SPEAKER sen\u0303or 1 0 1 <NA> <NA> male\n")
    assert list(references) == ["se\u00f1or"]


def test_tables_with_and_without_a_path(tmp_path: Path) -> None:
    """Column order and further columns are ignored; without a path the file name identifies the recording."""
    with_path = read(tmp_path / "a.csv", "label,speaker,end,start,path\nmale,x,2.0,1.0,talks/one.wav\n\n")
    assert with_path["one"].segments == (Segment(start=1, end=2, label="male"),)
    without_path = read(tmp_path / "b.csv", "\ufeffstart, end, label\r\n1.0, 2.0, male\r\n")
    assert without_path["b"].segments == with_path["one"].segments


def test_a_folder_of_references(tmp_path: Path) -> None:
    """All files of a known format are read; a recording must not be in two of them."""
    (tmp_path / "notes.txt").write_text("not read")
    (tmp_path / "one.csv").write_text("start,end,label\n0,1,male\n")
    (tmp_path / "two.rttm").write_text("SPEAKER two 1 0 1 <NA> <NA> male\n")
    assert list(read(tmp_path)) == ["one", "two"]
    (tmp_path / "zwei.rttm").write_text("SPEAKER two 1 0 1 <NA> <NA> male\n")
    with pytest.raises(CorpusError, match=r"zwei\.rttm:1: 'two' already has a reference in .*two\.rttm:1"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("SPEAKER x 1 -0.5 1 <NA> <NA> male", "the start is -0.5 s, expected 0 or more"),
        ("SPEAKER x 1 1e308 1e308 <NA> <NA> male", "the end is inf s, expected a time in the recording"),
        ("SPEAKER x 1 5 -2 <NA> <NA> male", "the end at 3 s is before the start at 5 s"),
        ("SPEAKER x 1 5 ten <NA> <NA> male", "start and duration are '5' and 'ten', expected seconds"),
        ("SPEAKER x 1 5 nan <NA> <NA> male", "start and duration are '5' and 'nan', expected seconds"),
        ("SPEAKER x 1 inf 1 <NA> <NA> male", "start and duration are 'inf' and '1', expected seconds"),
        ("SPEAKER x 1 1_5 2_0 <NA> <NA> male", "start and duration are '1_5' and '2_0', expected seconds"),
        ("SPEAKER x 1 ٣ 1 <NA> <NA> male", "start and duration are '٣' and '1', expected seconds"),
        ("SPEAKER x 1 5 1e400 <NA> <NA> male", "start and duration are '5' and '1e400', expected seconds"),
        ("SPEAKER x 1 5", "expected 'SPEAKER recording channel start duration x x name', found 'SPEAKER x 1 5'"),
        ("speaker x 1 5 1 <NA> <NA> male", f"expected '{FIELDS}', found 'speaker x 1 5 1 <NA> <NA> male'"),
        ("garbage", f"expected '{FIELDS}', found 'garbage'"),
        ("x" * 100, f"expected '{FIELDS}', found '{'x' * 60}...'"),
        (
            "SPEAKER x 1 5 1 <NA> <NA>",
            "expected 'SPEAKER recording channel start duration x x name', found 'SPEAKER x 1 5 1 <NA> <NA>'",
        ),
        ("SPEAKER x 1 5 1 <NA> <NA> ada", f"'ada' {NO_CLASS} 'ada=CLASS'"),
        ("SPEAKER x 1 5 1 <NA> <NA> unknown", f"'unknown' {NO_CLASS} 'unknown=CLASS'"),
    ],
)
def test_faults_of_rttm_have_their_line(line: str, fault: str, tmp_path: Path) -> None:
    """The message has the file, the line and the fault."""
    good = "SPEAKER x 1 0 1 <NA> <NA> female\n"
    assert faults(tmp_path / "a.rttm", f"{good}{line}\n{good}") == [
        "a.rttm: the reference is faulty",
        f"a.rttm:2: {fault}",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "SPEAKER my x 1 0 1 <NA> <NA> male",
        "SPEAKER my x 1 0 1 <NA> <NA> male <NA>",
        "SPEAKER my x 1 0 1 <NA> <NA> male <NA> <NA>",
        "SPEAKER my own x 1 0 1 <NA> <NA> male <NA> <NA>",
        "SPEAKER my x 1 0 1 <NA> <NA> 12 <NA>",
        "SPEAKER x 1 0 1 <NA> <NA> speaker 2 <NA> <NA>",
        "SPEAKER x 1 0 1 <NA> <NA> very low",
        "SPEAKER x 1 0 1 <NA> <NA> very low <NA> <NA>",
        "SPEAKER x 1 0 1 <NA> <NA> male\u00a0voice <NA> <NA>",
    ],
)
def test_blanks_in_names_of_rttm_are_refused(line: str, tmp_path: Path) -> None:
    """The message shows the fields that are expected, and blames no name."""
    assert faults(tmp_path / "a.rttm", line) == [
        "a.rttm: the reference is faulty",
        f"a.rttm:1: expected '{FIELDS}' with _ for each blank in a name, found '{line}'",
    ]


def test_confidences_in_rttm_are_skipped(tmp_path: Path) -> None:
    """They are numbers."""
    assert read(tmp_path / "a.rttm", "SPEAKER x 1 0 1 <NA> <NA> male 0.93 <NA>\n")["x"].segments == (
        Segment(start=0, end=1, label="male"),
    )


RTTM_OF_CHANNELS = """\
SPEAKER call 1 0 2 <NA> <NA> male <NA> <NA>
SPEAKER call 2 1 4 <NA> <NA> female <NA> <NA>
SPEAKER call <NA> 6 1 <NA> <NA> male <NA> <NA>
"""
CSV_OF_CHANNELS = "start,end,label,Channel\n0,2,male,1\n1,5,female,2\n6,7,male,\n"
FIRST = Segment(start=0, end=2, label="male")
SECOND = Segment(start=1, end=5, label="female")
ANY = Segment(start=6, end=7, label="male")


@pytest.mark.parametrize(("name", "content"), [("a.rttm", RTTM_OF_CHANNELS), ("call.csv", CSV_OF_CHANNELS)])
def test_only_the_channel_counts(name: str, content: str, tmp_path: Path) -> None:
    """And what names no channel; without a channel all counts."""
    file = tmp_path / name
    file.write_text(content)
    found = [read_references(file, classes=CLASSES, channel=channel)["call"] for channel in (1, 2, None)]
    assert [reference.segments for reference in found] == [(FIRST, ANY), (SECOND, ANY), (FIRST, SECOND, ANY)]


def test_names_on_other_channels_need_no_class(tmp_path: Path) -> None:
    """They do not count."""
    file = tmp_path / "a.rttm"
    file.write_text(RTTM_OF_CHANNELS.replace("female", "ada"))
    assert read_references(file, classes=CLASSES, channel=1)["call"].segments == (FIRST, ANY)
    with pytest.raises(CorpusError, match="'ada' is not"):
        read_references(file, classes=CLASSES, channel=2)


def test_tiers_of_channels(tmp_path: Path) -> None:
    """A TextGrid may have a tier for each channel."""
    grid = parselmouth.praat.call("Create TextGrid", 0.0, 5.0, "words channel1 ch2", "")
    parselmouth.praat.call(grid, "Set tier name", 2, "Channel 1")
    for tier, text in enumerate(("so", "male", "female"), start=1):
        parselmouth.praat.call(grid, "Set interval text", tier, 1, text)
    file = tmp_path / "call.TextGrid"
    parselmouth.praat.call(grid, "Save as text file...", str(file))
    labels = [
        [segment.label for segment in read_references(file, classes=CLASSES, channel=channel)["call"].segments]
        for channel in (1, 2, None)
    ]
    assert labels == [["male"], ["female"], ["male", "female"]]


def test_a_reference_of_other_channels_fails_with_its_recording(tmp_path: Path) -> None:
    """Not with the others."""
    file = tmp_path / "a.rttm"
    file.write_text(f"{RTTM_OF_CHANNELS}SPEAKER other 2 0 1 <NA> <NA> male\nSPEAKER other A 0 1 <NA> <NA> male\n")
    references = read_references(file, classes=CLASSES, channel=1)
    references["call"].check(10.0)
    with pytest.raises(
        CorpusError,
        match=r"a\.rttm:4: the reference of 'other' has segments of channel 2, A only, expected some of channel 1",
    ):
        references["other"].check(10.0)


def test_a_reference_for_each_channel(tmp_path: Path) -> None:
    """Two files may annotate the channels of a recording."""
    for number, line in enumerate(RTTM_OF_CHANNELS.splitlines()[:2], start=1):
        (tmp_path / f"{number}.rttm").write_text(line)
    for channel, segment in ((1, FIRST), (2, SECOND)):
        assert read_references(tmp_path, classes=CLASSES, channel=channel)["call"].segments == (segment,)
    with pytest.raises(CorpusError, match=r"2\.rttm:1: 'call' already has a reference in .*1\.rttm:1"):
        read_references(tmp_path, classes=CLASSES)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "Start;END;label\r\n1,0;2,0;male\r\n".encode("utf-8-sig")),
        ("a.tsv", b"start\tend\tlabel\n1.0\t2.0\tmale\n"),
        ("a.csv", "start\tend\tlabel\n1.0\t2.0\tmale\n".encode("utf-16")),
    ],
)
def test_tables_of_spreadsheets(name: str, content: bytes, tmp_path: Path) -> None:
    """Other separators and encodings, decimal commas, capital letters in the header."""
    assert read(tmp_path / name, content)["a"].segments == (Segment(start=1, end=2, label="male"),)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("start,end,label,label\n0,1,male,female\n", "a.csv:1: there are two columns 'label'"),
        ("\nstart,end,label\n0,1_5,male\n", "a.csv:3: start and end are '0' and '1_5', expected seconds"),
        ('start,end,label\n"0\n",x,male\n', "a.csv:2: start and end are '0' and 'x', expected seconds"),
        ("start,end\n0,1\n", "a.csv:1: there is no column 'label' in the header"),
        ("start,end,label\n0,1\n", "a.csv:2: there are 2 cells, expected 3 as in the header"),
        ("start,end,label\n0,,male\n", "a.csv:2: start and end are '0' and '', expected seconds"),
        ("start,end,label\n2,1,male\n", "a.csv:2: the end at 1 s is before the start at 2 s"),
        ("start,end,label\n0,1,child\n", f"a.csv:2: 'child' {NO_CLASS} 'child=CLASS'"),
        (
            'start,end,label\n0,1,"male\n',
            "a.csv:2: the rows from here on cannot be read as CSV (unexpected end of data)",
        ),
        (
            "start,end,label,path\n0,1,male,a/x.wav\n1,2,male,b/x.wav\n",
            "a.csv:3: 'b/x.wav' and 'a/x.wav' have the same file name and cannot be told apart",
        ),
    ],
)
def test_faults_of_tables_have_their_line(content: str, fault: str, tmp_path: Path) -> None:
    """The message has the file, the line and the fault."""
    assert faults(tmp_path / "a.csv", content)[1:] == [fault]


@pytest.mark.parametrize("keep", range(1, 24))
def test_a_textgrid_that_is_cut_short_is_refused(keep: int, tmp_path: Path) -> None:
    """At every line: no part of it is used, and there is no traceback."""
    lines = "".join(
        FORMATS["textgrid"].write(SEGMENTS[1:], SegmentedRecording(name="x", duration_s=10.125))
    ).splitlines()
    message = faults(tmp_path / "x.TextGrid", "\n".join(lines[:keep]))
    assert "expected a TextGrid in text form; something is missing or wrong up to this line" in message[1]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"TextGrid"', '"Sound"'),
        ("xmax = 12.000", 'xmax = "12.000"'),
        ("size = 1\n", "size = 1e999\n"),
        ("            xmin = 0.500", '            xmin = "0.500"'),
        ("            xmax = 1.500", '            xmax = "1.500"'),
        ('text = "male"', "text = 5"),
        ("            xmax = 1.500", "            xmax = 1_5"),
        ("            xmax = 1.500", "            xmax = ١"),
        ('name = "voices"', "name = 3"),
    ],
)
def test_a_bad_textgrid_is_refused(good: str, bad: str, tmp_path: Path) -> None:
    """Another object, a string instead of a number, a number instead of a string, infinitely many tiers."""
    text = "".join(FORMATS["textgrid"].write(SEGMENTS, SegmentedRecording(name="x", duration_s=12.0)))
    assert good in text
    assert "expected a TextGrid in text form" in faults(tmp_path / "x.TextGrid", text.replace(good, bad))[1]


def test_faults_in_a_textgrid_have_their_line(tmp_path: Path) -> None:
    """The line on which the interval starts; the last line if something is missing."""
    lines = "".join(FORMATS["textgrid"].write(SEGMENTS, SegmentedRecording(name="x", duration_s=12.0))).splitlines()
    index = lines.index('            text = "female"')
    lines[index] = '            text = "child"'
    message = faults(tmp_path / "x.TextGrid", "\n".join(lines))
    assert message[1:] == [f"x.TextGrid:{index - 1}: 'child' {NO_CLASS} 'child=CLASS'"]
    assert faults(tmp_path / "x.TextGrid", "\n".join(lines[:index]))[1].startswith(f"x.TextGrid:{index}: expected")


def test_comments_in_a_textgrid_are_skipped(tmp_path: Path) -> None:
    """With their numbers and strings."""
    text = "".join(FORMATS["textgrid"].write(SEGMENTS, SegmentedRecording(name="x", duration_s=12.0)))
    commented = text.replace("item []:", 'item []: ! 5 tiers "or so"')
    assert read(tmp_path / "x.TextGrid", commented)["x"].segments == SEGMENTS


@pytest.mark.parametrize("name", ["a.csv", "a.rttm", "a.TextGrid"])
def test_wrong_encoding_has_its_line(name: str, tmp_path: Path) -> None:
    """Latin-1 is refused."""
    (message,) = faults(tmp_path / name, "start,end,label\nfrau m\xfcller".encode("latin-1"))
    assert message == f"{name}:2: the byte 0xfc is not UTF-8, save the file as UTF-8"


@pytest.mark.parametrize(("name", "content"), [("a.csv", "start,end,label\n"), ("a.rttm", "\n")])
def test_an_empty_reference_is_refused(name: str, content: str, tmp_path: Path) -> None:
    """A recording without speech needs a non-speech segment."""
    (message,) = faults(tmp_path / name, content)
    assert message == (
        f"{name}: the reference is empty, expected a segment; in a recording without speech, one of nonspeech"
    )
    assert read(tmp_path / "b.csv", "start,end,label\n0,9,nonspeech\n")["b"].segments == ()


def test_a_source_without_references_is_refused(tmp_path: Path) -> None:
    """A missing file, a file of another format, and an empty folder."""
    with pytest.raises(CorpusError, match=r"gone\.rttm: the reference cannot be read \(No such file or directory\)"):
        read(tmp_path / "gone.rttm")
    with pytest.raises(CorpusError, match=r"a\.eaf: not a reference, expected a folder or a file \.rttm, "):
        read(tmp_path / "a.eaf", "x")
    with pytest.raises(CorpusError, match=r"the folder has no references, expected files \.rttm, "):
        read(tmp_path)


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """Fifty are listed, the others counted."""
    message = faults(tmp_path / "a.csv", "start,end,label\n" + "1,0,male\n" * 60)
    assert len(message) == 1 + 50 + 1
    assert message[-1] == "... and 10 more"


def test_names_map_to_classes_only(tmp_path: Path) -> None:
    """The mapping of the user is checked."""
    with pytest.raises(OptionError, match="'ada' stands for 'woman', expected female, male, very low or nonspeech"):
        read(tmp_path / "a.rttm", "SPEAKER x 1 0 1 <NA> <NA> ada\n", ada="woman")


def test_a_reference_beyond_the_end_is_refused(tmp_path: Path) -> None:
    """The tolerance is a quarter of a second; the message has the line that ends last."""
    text = "start,end,label\n0,10.2,male\n4,5,female\n"
    reference = read(tmp_path / "x.csv", text)["x"]
    reference.check(10.0)
    with pytest.raises(
        CorpusError, match=r"x\.csv:2: the segment ends at 10\.200 s, but the recording 'x' at 9\.900 s"
    ):
        reference.check(9.9)
