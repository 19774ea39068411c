"""Manifests as spreadsheets, other programs and Mozilla Common Voice write them; the notes say how they were read."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgmm.corpus import Corpus, Recording, read_manifest, write_manifest
from speechgmm.errors import CorpusError

NO_SPEAKER = "2 of 2 recordings have no speaker; results are optimistic if the splits are not speaker-disjoint"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with empty files; reading a manifest does not open them."""
    for name in ("a.wav", "b.wav", "sub/c.wav", "clips/1.mp3", "clips/2.mp3", "clips/3.mp3", "clips/4.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def read(folder: Path, content: str | bytes, name: str = "m.csv") -> Corpus:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_manifest(file)


def faults(folder: Path, content: str | bytes) -> list[str]:
    with pytest.raises(CorpusError) as caught:
        read(folder, content)
    return [line.removeprefix(f"{folder / 'm.csv'}:").lstrip() for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("content", "reading"),
    [
        ("path;label;end\r\na.wav;male;1,5\r\nb.wav;male;2.5\r\n", "cells separated by semicolons, decimal commas"),
        ("path\tlabel\tend\na.wav\tmale\t1.5\nb.wav\tmale\t2.5\n", "cells separated by tabs"),
        ("sep=;\r\npath;label;end\r\na.wav;male;1.5\r\nb.wav;male;2.5\r\n", "cells separated by semicolons"),
        ('"path";"label";"end"\n"a.wav";"male";"1.5"\n"b.wav";"male";2.5\n', "cells separated by semicolons"),
        (
            "File Name,Gender,End\na.wav,male,1.5\nb.wav,male,2.5\n",
            "'File Name' read as path, 'Gender' read as label, ",
        ),
        ("FILEPATH,SEX,end\na.wav,male,1.5\nb.wav,male,2.5\n", "'FILEPATH' read as path, 'SEX' read as label"),
        ("file,class,end\na.wav,male,1.5\nb.wav,male,2.5\n", "'file' read as path, 'class' read as label"),
        ("\ufeff\ufeffpath,label,end\na.wav,male,1.5\nb.wav,male,2.5\n", r"'\ufeffpath' read as path"),
    ],
)
def test_one_note_says_how_a_manifest_was_read(folder: Path, content: str, reading: str) -> None:
    """Separators, decimal commas and other names of the columns; what is read is the same."""
    corpus = read(folder, content)

    assert corpus.recordings == tuple(
        Recording(file=folder / name, name=name, label="male", end=end)
        for name, end in [("a.wav", 1.5), ("b.wav", 2.5)]
    )
    note, *others = corpus.notes
    assert note.startswith(f"{folder / 'm.csv'}: {reading}")
    assert others == [NO_SPEAKER]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(folder: Path, encoding: str) -> None:
    """UTF-16 with its mark, as spreadsheets write "Unicode text"."""
    mark = {"utf-16": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[encoding]
    content = mark + "path\tlabel\r\na.wav\tmañana\r\nb.wav\t男\r\n".encode(encoding)

    corpus = read(folder, content)

    assert [recording.label for recording in corpus.recordings] == ["mañana", "男"]
    assert corpus.notes[0].endswith("m.csv: cells separated by tabs, in UTF-16")


def test_a_plain_manifest_has_no_note_on_how_it_was_read(folder: Path) -> None:
    """Also with a mark of UTF-8, and with spaces."""
    assert read(folder, "\ufeffpath, label\na.wav, male\nb.wav, male\n").notes == (NO_SPEAKER,)


@pytest.mark.parametrize("content", [b"PK\x03\x04 rest", b"\xd0\xcf\x11\xe0 rest"])
def test_a_workbook_is_refused(folder: Path, content: bytes) -> None:
    """The message has the remedy."""
    assert faults(folder, content) == ["it is a workbook of a spreadsheet or an archive, save the sheet as CSV (UTF-8)"]


@pytest.mark.parametrize("content", ["path,label\n".encode("utf-16-le"), "path,label\n".encode("utf-32")])
def test_null_bytes_are_refused(folder: Path, content: bytes) -> None:
    """UTF-16 without its mark, and UTF-32."""
    assert faults(folder, content) == ["it is no text (it has null bytes), save the file as UTF-8"]


def test_half_a_character_of_utf16_is_refused(folder: Path) -> None:
    """A file that was cut."""
    assert faults(folder, "path,label".encode("utf-16")[:-1]) == [
        "it is not valid UTF-16 as its first bytes say, save the file as UTF-8"
    ]


def test_a_known_name_comes_before_its_synonyms(folder: Path) -> None:
    """Other columns are kept under their names."""
    (recording,) = read(folder, "path,file,Path,label,gender,speaker,client_id\na.wav,x,y,alto,f,S1,c\n").recordings

    assert (recording.name, recording.label, recording.speaker) == ("a.wav", "alto", "S1")
    assert recording.columns == {"file": "x", "Path": "y", "gender": "f", "client_id": "c"}


def test_columns_that_may_both_be_meant(folder: Path) -> None:
    """None is chosen."""
    assert faults(folder, "File,filename,Label,LABEL\na.wav,b.wav,x,y\n")[1:] == [
        "1: the columns 'File' and 'filename' may both be the path, rename the right one to 'path'",
        "1: the columns 'Label' and 'LABEL' may both be the label, rename the right one to 'label'",
    ]
    assert faults(folder, "File,file,label\na.wav,b.wav,x\n")[1:] == [
        "1: the columns 'File' and 'file' may both be the path, rename the right one to 'path'",
    ]


def test_speakers_by_other_names(folder: Path) -> None:
    """The column of speakers may be called speaker_id."""
    corpus = read(folder, "path,label,Speaker-ID\na.wav,x,S1\nb.wav,y,S2\n")

    assert [recording.speaker for recording in corpus.recordings] == ["S1", "S2"]
    assert corpus.notes == (f"{folder / 'm.csv'}: 'Speaker-ID' read as speaker",)


def test_rows_without_label_are_left_out_and_counted(folder: Path) -> None:
    """Their files need not exist; the others are used."""
    corpus = read(folder, "path,label\na.wav,male\ngone.wav,\nb.wav, \nb.wav,male\n")

    assert [recording.name for recording in corpus.recordings] == ["a.wav", "b.wav"]
    assert corpus.notes == ("rows left out because they have no label: 2", NO_SPEAKER)


def test_no_label_at_all(folder: Path) -> None:
    """The corpus would be empty."""
    assert faults(folder, "path,label\na.wav,\nb.wav,\n")[1:] == [
        "3: there are no rows below the header; rows left out because they have no label: 2"
    ]


def test_backslashes_are_slashes(folder: Path) -> None:
    """Unless a file has them in its name."""
    (folder / "d\\e.wav").touch()
    corpus = read(folder, "path,label\nsub\\c.wav,male\nd\\e.wav,male\n")

    assert [recording.file for recording in corpus.recordings] == [folder / "sub" / "c.wav", folder / "d\\e.wav"]
    assert [recording.name for recording in corpus.recordings] == ["sub/c.wav", "d\\e.wav"]
    assert corpus.notes == (f"{folder / 'm.csv'}: backslashes in paths read as slashes", NO_SPEAKER)


@pytest.mark.parametrize("path", ["C:\\data\\a.wav", "d:/data/a.wav", "\\\\server\\share\\a.wav"])
def test_paths_of_another_computer(folder: Path, path: str) -> None:
    """Paths with a drive or a server say so."""
    assert faults(folder, f"path,label\n{path},male\n")[1:] == [
        f"2: there is no file '{path}', which is a path of Windows: write paths relative to the manifest or --root"
    ]


def test_line_ends_in_quotes_between_tabs(folder: Path) -> None:
    """As a spreadsheet writes them; line numbers stay."""
    corpus = read(folder, 'path\tlabel\tnote\na.wav\tmale\t"one\ntwo\t""three"""\nb.wav\tmale\tx\n')

    assert [recording.columns["note"] for recording in corpus.recordings] == ['one\ntwo\t"three"', "x"]
    assert faults(folder, 'path\tlabel\tnote\na.wav\tmale\t"one\ntwo"\ngone.wav\tmale\tx\n')[1:] == [
        f"4: there is no file {folder / 'gone.wav'}"
    ]


HEADER = "client_id\tpath\tsentence_id\tsentence\tup_votes\tage\tgender\tlocale\n"


def common_voice(*rows: str) -> str:
    """A table of Common Voice with these speakers, paths, sentences and genders."""
    cells = [row.split("|") for row in rows]
    return HEADER + "".join(f"{who}\t{path}\ts\t{said}\t2\t\t{gender}\ten\n" for who, path, said, gender in cells)


def test_common_voice(folder: Path) -> None:
    """Speakers, clips and both kinds of gender values are found; quotes in sentences swallow no row."""
    content = common_voice(
        'ada|1.mp3|"Well, she said.|female_feminine',
        'bob|2.mp3|he said "yes"|male',
        'cem|3.mp3|"Quoted."|male_masculine',
        'dea|4.mp3|one more "|female',
        "eva|gone.mp3|nothing known|",
        "fay|gone.mp3|another|other",
        "gil|gone.mp3|another|non-binary",
        "hal|gone.mp3|another|other",
    )

    corpus = read(folder, content, "validated.tsv")

    assert [(each.speaker, each.label, each.file, each.name) for each in corpus.recordings] == [
        ("ada", "female", folder / "clips" / "1.mp3", "1.mp3"),
        ("bob", "male", folder / "clips" / "2.mp3", "2.mp3"),
        ("cem", "male", folder / "clips" / "3.mp3", "3.mp3"),
        ("dea", "female", folder / "clips" / "4.mp3", "4.mp3"),
    ]
    assert corpus.recordings[0].columns == {
        **{"sentence_id": "s", "sentence": '"Well, she said.', "up_votes": "2"},
        **{"age": "", "locale": "en"},
    }
    reading, *others = corpus.notes
    assert reading == (
        f"{folder / 'validated.tsv'}: cells separated by tabs, 'gender' read as label, 'client_id' read as speaker, "
        "labels and the folder clips as in Common Voice"
    )
    assert others == [
        "rows left out because they have no label: 1",
        "rows left out because their label is neither female nor male: 'other' (2), 'non-binary' (1)",
    ]


def test_speakers_of_common_voice_with_both_labels_are_left_out(folder: Path) -> None:
    """A speaker may have given another answer later."""
    corpus = read(
        folder,
        common_voice("ada|1.mp3|x|female", "ada|2.mp3|x|male", "ada|4.mp3|x|", "bob|3.mp3|x|male"),
        "validated.tsv",
    )

    assert [recording.speaker for recording in corpus.recordings] == ["bob"]
    assert "rows left out because their speaker has both labels: 2, of 1 speakers" in corpus.notes


def test_a_column_called_label_is_not_read_as_in_common_voice(folder: Path) -> None:
    """Classes are what the user says."""
    corpus = read(folder, "client_id,path,gender,label\nada,a.wav,other,alto\nbob,b.wav,,bass\n")

    assert corpus.labels == ("alto", "bass")


def test_formulas_are_read_and_written_as_text(folder: Path) -> None:
    """An apostrophe is added where a spreadsheet would run a formula, and taken away again."""
    for name in ("=a.wav", "'=b.wav", "-1"):
        (folder / name).touch()
    recordings = tuple(
        Recording(file=folder / name, name=name, label="male", speaker=f"@{name}", columns={"note": "+1"})
        for name in ("=a.wav", "'=b.wav", "-1")
    )

    write_manifest(Corpus(source="x", recordings=recordings), folder / "m.csv")

    assert (folder / "m.csv").read_text().splitlines() == [
        "path,label,speaker,note",
        "'=a.wav,male,'@=a.wav,+1",
        "''=b.wav,male,'@'=b.wav,+1",
        "-1,male,'@-1,+1",
    ]
    assert read_manifest(folder / "m.csv").recordings == recordings
