"""Manifests: harmless variants are accepted, all faults are reported with their line numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speechgmm.corpus import Corpus, Recording, read_manifest, write_manifest
from speechgmm.errors import CorpusError, OutputError

FILES = ("a.wav", "b.wav", "c.wav", "sub/d.wav", "with, comma.wav", "trñ 00.wav")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with empty files; reading a manifest does not open them."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def write(folder: Path, content: str | bytes) -> Path:
    """Write a manifest."""
    file = folder / "m.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def faults(folder: Path, content: str | bytes) -> list[str]:
    """Faults of a manifest, each as LINE: TEXT."""
    file = write(folder, content)
    with pytest.raises(CorpusError, match=rf"^{re.escape(str(file))}: the manifest is faulty\n") as caught:
        read_manifest(file)
    assert str(caught.value).splitlines()[1:] == list(caught.value.faults)
    return [fault.removeprefix(f"{file}:") for fault in caught.value.faults]


def test_every_column_is_read(folder: Path) -> None:
    """The known columns may have any order; other columns are kept as they are."""
    content = "end,language,label,path,split,start,speaker,mic\n2.5,es,female,sub/d.wav,dev,0.25,S1,headset\n"

    corpus = read_manifest(write(folder, content))

    assert corpus == Corpus(
        source=str(folder / "m.csv"),
        recordings=(
            Recording(
                file=folder / "sub" / "d.wav",
                name="sub/d.wav",
                label="female",
                speaker="S1",
                split="dev",
                start=0.25,
                end=2.5,
                columns={"language": "es", "mic": "headset"},
            ),
        ),
    )


def test_two_columns_are_enough(folder: Path) -> None:
    """Other attributes have defaults; the notes count the recordings without a speaker."""
    corpus = read_manifest(write(folder, "path,label\nb.wav,male\na.wav,female\n"))

    assert corpus.recordings == (
        Recording(file=folder / "b.wav", name="b.wav", label="male"),
        Recording(file=folder / "a.wav", name="a.wav", label="female"),
    )
    assert len(corpus.notes) == 1
    assert corpus.notes[0].startswith("2 of 2 recordings have no speaker")


def test_empty_cells(folder: Path) -> None:
    """An empty optional cell has the same effect as a missing column."""
    corpus = read_manifest(write(folder, "path,label,speaker,split,start,end\na.wav,male,,,,\nb.wav,male,S1,,,\n"))

    assert corpus.recordings[0] == Recording(file=folder / "a.wav", name="a.wav", label="male")
    assert corpus.notes[0].startswith("1 of 2 recordings have no speaker")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfpath,label\na.wav,male\n",
        b"path,label\r\na.wav,male\r\n",
        b"\xef\xbb\xbfpath,label\r\n\r\na.wav,male\r\n\r\n",
        b"path,label\ra.wav,male\r",
        b"path,label\na.wav,male",
        b"\n\npath,label\n\n  \na.wav,male\n,\n , \n",
        b"  path , label\n a.wav,\tmale \n",
        b'"path","label"\n"a.wav","male"\n',
        b'path, "label"\na.wav, "male"\n',
        b"path,label\n./a.wav,male\n",
    ],
    ids=["bom", "crlf", "bom-crlf", "cr", "no-end", "blank", "spaces", "quotes", "spaced-quotes", "dot"],
)
def test_harmless_variants(folder: Path, content: bytes) -> None:
    """Byte order mark, line ends, empty lines, white space and quotes make no difference."""
    corpus = read_manifest(write(folder, content))

    assert corpus.recordings == (Recording(file=folder / "a.wav", name="a.wav", label="male"),)


def test_quoted_commas_line_ends_and_unicode(folder: Path) -> None:
    """Quoted cells may contain commas, quotes and line ends; names need not be ASCII."""
    content = 'path,label,remark\n"with, comma.wav",male,"said ""no"",\nthen left"\ntrñ 00.wav,mañana,\n'

    corpus = read_manifest(write(folder, content))

    assert [(recording.name, recording.label, dict(recording.columns)) for recording in corpus.recordings] == [
        ("with, comma.wav", "male", {"remark": 'said "no",\nthen left'}),
        ("trñ 00.wav", "mañana", {"remark": ""}),
    ]


def test_unnamed_columns_are_dropped(folder: Path) -> None:
    """Columns without a name, for example from a spreadsheet or a table index, are ignored."""
    corpus = read_manifest(write(folder, ",path,label,,\n0,a.wav,male,,x\n"))

    assert corpus.recordings == (Recording(file=folder / "a.wav", name="a.wav", label="male"),)


def test_root_and_absolute_paths(folder: Path) -> None:
    """Relative paths are relative to `root` if it is given; absolute paths are not changed."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    file = write(elsewhere, f"path,label\nd.wav,male\n{folder / 'a.wav'},male\n")

    corpus = read_manifest(file, root=folder / "sub")

    assert [recording.file for recording in corpus.recordings] == [folder / "sub" / "d.wav", folder / "a.wav"]
    assert [recording.name for recording in corpus.recordings] == ["d.wav", (folder / "a.wav").as_posix()]


def test_root_that_is_not_a_folder(folder: Path) -> None:
    """A wrong root is one fault, not one per row."""
    with pytest.raises(
        CorpusError, match=r"gone: it is not a folder, expected the base folder of the paths in .*m\.csv$"
    ):
        read_manifest(write(folder, "path,label\na.wav,male\n"), root=folder / "gone")


def test_several_excerpts_of_one_file(folder: Path) -> None:
    """The same file may occur again with another start or end."""
    content = "path,label,speaker,start,end\na.wav,male,S,,\na.wav,male,S,1,\na.wav,male,S,1,2\na.wav,male,S,,2\n"

    corpus = read_manifest(write(folder, content))

    assert [(recording.start, recording.end) for recording in corpus.recordings] == [
        (0, None),
        (1, None),
        (1, 2),
        (0, 2),
    ]


@pytest.mark.parametrize("content", ["", "\n \n,,\n", b"\xef\xbb\xbf"])
def test_empty_manifest(folder: Path, content: str | bytes) -> None:
    """In an empty manifest both required columns are missing."""
    assert faults(folder, content) == [
        "1: there is no column 'label' (or gender, sex, class) in the header, found nothing",
        "1: there is no column 'path' (or file, filename, filepath) in the header, found nothing",
    ]


def test_header_without_rows(folder: Path) -> None:
    """A header without rows is a fault."""
    assert faults(folder, "\npath,label\n") == ["2: there are no rows below the header"]


def test_missing_header(folder: Path) -> None:
    """Without a header, the fault shows the first row."""
    assert faults(folder, "a.wav,male\nb.wav,male\n") == [
        "1: there is no column 'label' (or gender, sex, class) in the header, found 'a.wav', 'male'",
        "1: there is no column 'path' (or file, filename, filepath) in the header, found 'a.wav', 'male'",
    ]


def test_duplicate_columns(folder: Path) -> None:
    """Each duplicate column is one fault, with its count."""
    assert faults(folder, "path,label,mic,mic,label,mic\na.wav,male,,,,\n") == [
        "1: there are 2 columns 'label'",
        "1: there are 3 columns 'mic'",
    ]


def test_rows_with_too_many_or_too_few_cells(folder: Path) -> None:
    """A row has as many cells as the header."""
    assert faults(folder, "path,label,speaker\na.wav,male,S1,x\nb.wav,male\nc.wav,male,S1\n") == [
        "2: there are 4 cells, expected 3 as in the header",
        "3: there are 2 cells, expected 3 as in the header",
    ]


def test_empty_paths(folder: Path) -> None:
    """A path must contain more than white space."""
    assert faults(folder, "path,label,speaker\n,male,S1\n ,male,S1\n") == [
        "2: the path is empty",
        "3: the path is empty",
    ]


@pytest.mark.parametrize("label", ["unknown", "Unknown"])
def test_reserved_label(folder: Path, label: str) -> None:
    """No row may have the label of undecided recordings, or one that looks like it."""
    assert faults(folder, f"path,label\na.wav,{label}\n") == [
        f"2: the label '{label}' is reserved for undecided recordings, use another",
    ]


def test_unknown_split(folder: Path) -> None:
    """The fault shows the unknown split and the known ones."""
    assert faults(folder, "path,label,split\na.wav,male,train\nb.wav,male,Train\n") == [
        "3: the split is 'Train', expected train, dev, test, other or nothing",
    ]


@pytest.mark.parametrize("column", ["start", "end"])
@pytest.mark.parametrize("cell", ["soon", "-0.5", "nan", "inf", "-inf", "infinity", "1e999", "1:30", "1_5", "٣", "0x1"])
def test_invalid_times(folder: Path, column: str, cell: str) -> None:
    """A time is a finite number of seconds, 0 or more."""
    assert faults(folder, f"path,label,{column}\na.wav,male,{cell}\n") == [
        f"2: the {column} is '{cell}', expected seconds, 0 or more",
    ]


def test_a_decimal_comma_between_commas(folder: Path) -> None:
    """It is refused: cells are separated by commas."""
    assert faults(folder, 'path,label,end\na.wav,male,"1,5"\n') == ["2: the end is '1,5', expected seconds, 0 or more"]


@pytest.mark.parametrize(("start", "end", "shown"), [("2", "1.5", "2.0"), ("1.5", "1.5", "1.5"), ("", "0", "0.0")])
def test_end_not_after_the_start(folder: Path, start: str, end: str, shown: str) -> None:
    """The end of an excerpt is after its start, even if the start is that of the file."""
    assert faults(folder, f"path,label,start,end\na.wav,male,{start},{end}\n") == [
        f"2: the end at {float(end)} s is not after the start at {shown} s",
    ]


def test_duplicate_excerpts(folder: Path) -> None:
    """The same excerpt must not occur twice, even if it is written differently."""
    content = (
        "path,label,start,end\na.wav,male,1,2\nb.wav,male,1,2\n./a.wav,male,1.0,2.00\na.wav,male,,\na.wav,male,0,\n"
    )

    assert faults(folder, content) == [
        "4: 'a.wav' with the same start and end is on line 2 already",
        "6: 'a.wav' with the same start and end is on line 5 already",
    ]


@pytest.mark.parametrize("name", ["gone.wav", "sub", "x" * 300, "a.wav/b.wav"])
def test_missing_files(folder: Path, name: str) -> None:
    """The fault shows the full path of the missing file."""
    assert faults(folder, f"path,label\na.wav,male\n{name},male\n") == [f"3: there is no file {folder / name}"]


def test_speaker_in_two_splits(folder: Path) -> None:
    """A speaker is in one split; each other split is one fault, with the line of the first."""
    content = (
        "path,label,speaker,split\na.wav,male,S1,train\nb.wav,male,S2,test\nc.wav,male,S1,test\n"
        "sub/d.wav,male,S1,test\ntrñ 00.wav,male,S1,dev\n"
    )

    assert faults(folder, content) == [
        "4: speaker 'S1' has the split 'test' here and 'train' on line 2",
        "6: speaker 'S1' has the split 'dev' here and 'train' on line 2",
    ]


def test_speaker_with_two_labels(folder: Path) -> None:
    """A speaker has one label."""
    assert faults(folder, "path,label,speaker\na.wav,male,S1\nb.wav,female,S2\nc.wav,female,S1\n") == [
        "4: speaker 'S1' has the label 'female' here and 'male' on line 2",
    ]


def test_missing_speakers_and_splits_are_consistent(folder: Path) -> None:
    """Rows without a speaker do not have the same speaker, and an empty split is not a split."""
    content = (
        "path,label,speaker,split\na.wav,male,,train\nb.wav,female,,test\nc.wav,male,S1,train\nsub/d.wav,male,S1,\n"
    )

    assert len(read_manifest(write(folder, content)).recordings) == 4


def test_labels_that_look_alike(folder: Path) -> None:
    """One fault per class names all spellings with their first lines; speakers add none."""
    content = (
        "path,label,speaker\na.wav,Male,S1\nb.wav,male,S1\nc.wav,ma\u200ble,S2\nsub/d.wav,male,S3\n"
        '"with, comma.wav",female,S4\n'
    )

    spellings = r"'Male' (line 2), 'male' (line 3) and 'ma\u200ble' (line 4)"
    assert faults(folder, content) == [f"4: the labels {spellings} look like one class, write them alike"]


def test_one_file_with_two_labels(folder: Path) -> None:
    """The fault names both lines, whether it is a link, a copy or the same path; the same label is no fault."""
    (folder / "a.wav").write_bytes(b"voice" * 10_000)
    (folder / "c.wav").write_bytes(b"voice" * 10_000)
    (folder / "link.wav").symlink_to(folder / "a.wav")
    (folder / "same.wav").hardlink_to(folder / "a.wav")
    content = (
        "path,label,start,end\na.wav,male,,\nc.wav,female,,\nlink.wav,child,,\nsame.wav,male,,\n"
        f"{folder / 'a.wav'},female,,\nlink.wav,female,1,2\na.wav,male,2,3\n"
    )

    assert faults(folder, content) == [
        "3: 'c.wav' is the same file as 'a.wav' on line 2, but its label is 'female' here and 'male' there, keep one",
        "4: 'link.wav' is the same file as 'a.wav' on line 2, but its label is 'child' here and 'male' there, keep one",
        f"6: '{folder.as_posix()}/a.wav' with the same start and end is on line 2 already, with the label 'male'",
    ]


def test_bytes_that_are_not_utf8(folder: Path) -> None:
    """Each line with invalid bytes is a fault; the other checks continue."""
    content = "path,label,town\na.wav,male,Málaga\nb.wav,male,Rome\nc.wav,male,Köln\ngone.wav,male,Oslo\n"

    assert faults(folder, content.encode("latin-1")) == [
        "2: the byte 0xe1 is not UTF-8, save the file as UTF-8",
        "4: the byte 0xf6 is not UTF-8, save the file as UTF-8",
        f"5: there is no file {folder / 'gone.wav'}",
    ]


def test_unclosed_quote(folder: Path) -> None:
    """Nothing can be read after an unclosed quote; faults before it are reported."""
    listed = faults(folder, 'path,label\ngone.wav,male\n"b.wav,male\nc.wav,male\n')

    assert listed[0] == f"2: there is no file {folder / 'gone.wav'}"
    assert listed[1].startswith("3: the row cannot be read as CSV (")
    assert listed[1].endswith("), nor any below it")
    assert len(listed) == 2


def test_unclosed_quote_in_the_header(folder: Path) -> None:
    """If the header cannot be read, this is the only fault."""
    (listed,) = faults(folder, 'path,"label\na.wav,male\n')

    assert listed.startswith("1: the row cannot be read as CSV (")


def test_line_numbers(folder: Path) -> None:
    """Line numbers are those of an editor: empty lines and line ends in cells count."""
    content = (
        'path,label,remark\r\n\r\na.wav,male,"one\r\ntwo\r\nthree"\r\n\r\ngone.wav,male,"four\r\nfive"\r\n,male,\r\n'
    )

    assert faults(folder, content) == [f"7: there is no file {folder / 'gone.wav'}", "9: the path is empty"]


def test_all_faults_are_reported_together(folder: Path) -> None:
    """Faults of every kind are reported together, also several per row, in the order of the lines."""
    content = (
        "path,label,speaker,split,start,end\n"
        "a.wav,male,S1,train,0,1\n"
        "gone.wav,unknown,S2,rain,x,-1\n"
        "a.wav,female,S1,test,0,1\n"
        "short,row\n"
    )

    assert faults(folder, content) == [
        "3: the end is '-1', expected seconds, 0 or more",
        "3: the label 'unknown' is reserved for undecided recordings, use another",
        "3: the split is 'rain', expected train, dev, test, other or nothing",
        "3: the start is 'x', expected seconds, 0 or more",
        f"3: there is no file {folder / 'gone.wav'}",
        "4: 'a.wav' with the same start and end is on line 2 already, with the label 'male'",
        "4: speaker 'S1' has the label 'female' here and 'male' on line 2",
        "4: speaker 'S1' has the split 'test' here and 'train' on line 2",
        "5: there are 2 cells, expected 6 as in the header",
    ]


def test_number_of_listed_faults_is_limited(folder: Path) -> None:
    """Fifty faults are listed and the others are counted, if there are any."""
    rows = "".join(f"gone{number}.wav,male\n" for number in range(53))

    listed = faults(folder, "path,label\n" + rows)
    assert len(listed) == 51
    assert listed[49] == f"51: there is no file {folder / 'gone49.wav'}"
    assert listed[50] == "... and 3 more"

    assert len(faults(folder, "path,label\n" + "".join(rows.splitlines(keepends=True)[:50]))) == 50


def test_manifest_that_is_missing_or_not_readable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the manifest and the reason."""
    with pytest.raises(CorpusError, match=r"gone\.csv: there is no such file or folder$"):
        read_manifest(folder / "gone.csv")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = write(folder, "path,label\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CorpusError, match=r"m\.csv: the manifest cannot be read \(Permission denied\)$"):
        read_manifest(file)


def full_corpus(folder: Path, elsewhere: Path) -> Corpus:
    """A corpus that uses every field."""
    return Corpus(
        source="anything",
        recordings=(
            Recording(file=folder / "a.wav", name="a.wav", label="male", speaker="S1", split="train", end=1.1),
            Recording(
                file=folder / "with, comma.wav",
                name="with, comma.wav",
                label='the "other"',
                speaker="Ñ",
                start=1 / 3,
                columns={"mic": "a,b", "tongue": ""},
            ),
            Recording(
                file=elsewhere,
                name=elsewhere.as_posix(),
                label="male",
                speaker="S1",
                split="train",
                columns={"mic": "", "tongue": "es"},
            ),
        ),
    )


def test_round_trip(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A manifest that is written and read has the same recordings, with exact times and all columns."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.wav"
    elsewhere.touch()
    corpus = full_corpus(folder, elsewhere)

    write_manifest(corpus, folder / "m.csv")
    again = read_manifest(folder / "m.csv")

    assert again.recordings[1:] == corpus.recordings[1:]
    assert again.recordings[0].columns == {"mic": "", "tongue": ""}
    assert again.recordings[0].file == corpus.recordings[0].file
    assert again.recordings[0].end == 1.1


def test_written_content(folder: Path) -> None:
    """Paths below the folder of the manifest are relative, empty columns are left out, lines end in LF."""
    corpus = Corpus(
        source="anything",
        recordings=(
            Recording(file=folder / "sub" / "d.wav", name="x", label="male", speaker="S1"),
            Recording(file=folder / "trñ 00.wav", name="y", label="male"),
        ),
    )

    write_manifest(corpus, folder / "m.csv")

    assert (folder / "m.csv").read_bytes().decode() == "path,label,speaker\nsub/d.wav,male,S1\ntrñ 00.wav,male,\n"


def test_written_from_relative_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths relative to the working directory are written relative to the manifest."""
    monkeypatch.chdir(folder)
    corpus = Corpus(source=".", recordings=(Recording(file=Path("sub/d.wav"), name="", label="f"),))

    write_manifest(corpus, Path("sub/m.csv"))

    assert (folder / "sub" / "m.csv").read_text() == "path,label\nd.wav,f\n"


def test_failed_writing_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full, the old manifest is unchanged and no incomplete file is left."""
    old = write(folder, "path,label\na.wav,male\n")
    before = sorted(folder.iterdir())

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match=r"m\.csv: cannot be written: No space left on device$"):
        write_manifest(full_corpus(folder, folder / "b.wav"), old)

    assert old.read_text() == "path,label\na.wav,male\n"
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["gone/m.csv", "a.wav/m.csv"])
def test_writing_to_a_missing_folder(folder: Path, name: str) -> None:
    """A missing folder is an OutputError that names the manifest."""
    with pytest.raises(OutputError, match=r"m\.csv: cannot be written: "):
        write_manifest(full_corpus(folder, folder / "b.wav"), folder / name)


def test_writing_a_name_that_is_not_valid_unicode(folder: Path) -> None:
    """A file name that cannot be encoded in UTF-8 is refused, not changed."""
    corpus = Corpus(source="x", recordings=(Recording(file=folder / "caf\udce9.wav", name="", label="male"),))

    with pytest.raises(OutputError, match=r"m\.csv: cannot be written: '.*caf.udce9\.wav.*' is not valid Unicode$"):
        write_manifest(corpus, folder / "m.csv")

    assert not list(folder.glob("m.csv*"))
