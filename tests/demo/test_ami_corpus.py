"""The AMI demonstration corpus: annotations, single-speaker intervals, download and extraction."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from speechgmm.demo import ami_corpus as ami
from speechgmm.demo.ami_corpus import parse_rttm
from speechgmm.demo.turns import Interval, Turn, single_speaker_intervals, split_intervals, subtract, union
from speechgmm.errors import CorpusError, DownloadError, OutputError

RATE = 16000
RTTM = """\
;; a comment
SPKR-INFO trn00 1 <NA> <NA> <NA> unknown MEE001 <NA> <NA>
SPEAKER trn00 1 0.500 2.000 <NA> <NA> FEE001 <NA> <NA>
SPEAKER trn00 1 2.000 1.500 <NA> <NA> M\u00c9O002 <NA> <NA>
SPEAKER trn00 1 3.900 0.050 <NA> <NA> FEE003 <NA> <NA>
"""


def turn(speaker: str, start: float, end: float) -> Turn:
    return Turn(recording="trn00", speaker=speaker, start=start, end=end)


def ramp(seconds: float = 4.0) -> NDArray[np.float32]:
    """A ramp, so that each sample identifies its time: t / 8 s."""
    return np.arange(round(seconds * RATE), dtype=np.float32) / np.float32(8 * RATE)


def wav(samples: NDArray[np.floating]) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def write_archive(file: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with one recording of 4 s, whose name has a combining tilde, and its annotation."""
    return write_archive(
        tmp_path / "small.tar.gz",
        {
            "package/README.md": b"not a recording",
            "package/tests/data/debug.rttm": RTTM.encode(),
            "package/tests/data/empty.wav": wav(np.zeros(RATE)),
            "package/tests/data/trn\u030300.wav": wav(ramp()),
            "package/other/trn00.wav": wav(np.zeros(RATE)),
        },
    )


def files_in(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


# Annotations


def test_rttm_lines_become_turns() -> None:
    """SPEAKER lines become turns; other lines are ignored and accents removed."""
    assert parse_rttm(RTTM, source="debug.rttm") == [
        turn("FEE001", 0.5, 2.5),
        turn("MEO002", 2.0, 3.5),
        turn("FEE003", 3.9, 3.9 + 0.05),
    ]


@pytest.mark.parametrize("name", ["tr\u00f100", "trn\u030300", "trn00"])
def test_encoding_of_accents_has_no_effect(name: str) -> None:
    """Composed, decomposed and missing accents give one name."""
    (parsed,) = parse_rttm(f"SPEAKER {name} 1 0 1 <NA> <NA> FEE001", source="a.rttm")
    assert parsed.recording == "trn00"


@pytest.mark.parametrize(
    "line",
    [
        "SPEAKER trn00 1 0.0 1.0 <NA> <NA>",
        "SPEAKER trn00 1 zero 1.0 <NA> <NA> FEE001",
        "SPEAKER trn00 1 0.0 nan <NA> <NA> FEE001",
        "SPEAKER trn00 1 inf 1.0 <NA> <NA> FEE001",
        "SPEAKER trn00 1 0.0 inf <NA> <NA> FEE001",
        "SPEAKER trn00 1 -0.1 1.0 <NA> <NA> FEE001",
        "SPEAKER trn00 1 0.0 -1.0 <NA> <NA> FEE001",
        "SPEAKER trn00 1 0.0 1.0 <NA> <NA> XEE001",
        "SPEAKER trn00 1 0.0 1.0 <NA> <NA> FEE001/../..",
        "SPEAKER ../trn00 1 0.0 1.0 <NA> <NA> FEE001",
    ],
)
def test_faulty_line(line: str) -> None:
    """Fields, times and names are checked; the error gives file, line number and line."""
    with pytest.raises(CorpusError, match=r"^b\.rttm: expected lines 'SPEAKER recording channel") as caught:
        parse_rttm(f"{RTTM}{line}\n", source="b.rttm")
    assert caught.value.faults == (f"b.rttm:6: {line}",)


def test_all_faulty_lines_are_listed() -> None:
    """One error lists all faults."""
    with pytest.raises(CorpusError) as caught:
        parse_rttm("SPEAKER one\nSPEAKER two\n", source="c.rttm")
    assert caught.value.faults == ("c.rttm:1: SPEAKER one", "c.rttm:2: SPEAKER two")


# Intervals


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([], []),
        ([(1, 2), (3, 4)], [(1, 2), (3, 4)]),
        ([(3, 4), (1, 2)], [(1, 2), (3, 4)]),
        ([(1, 2), (2, 3)], [(1, 3)]),
        ([(1, 3), (2, 4)], [(1, 4)]),
        ([(1, 9), (2, 3), (4, 5)], [(1, 9)]),
    ],
)
def test_union(intervals: list[Interval], expected: list[Interval]) -> None:
    """Intervals that overlap or touch are merged."""
    assert union(intervals) == expected


@pytest.mark.parametrize(
    ("holes", "expected"),
    [
        ([], [(2, 6), (8, 9)]),
        ([(0, 1)], [(2, 6), (8, 9)]),
        ([(0, 2)], [(2, 6), (8, 9)]),
        ([(6, 8)], [(2, 6), (8, 9)]),
        ([(0, 3)], [(3, 6), (8, 9)]),
        ([(5, 7)], [(2, 5), (8, 9)]),
        ([(3, 4)], [(2, 3), (4, 6), (8, 9)]),
        ([(3, 4), (5, 8.5)], [(2, 3), (4, 5), (8.5, 9)]),
        ([(2, 6)], [(8, 9)]),
        ([(0, 10)], []),
    ],
)
def test_subtract(holes: list[Interval], expected: list[Interval]) -> None:
    """Holes before, next to, across, inside and around [2, 6) and [8, 9)."""
    assert subtract([(2, 6), (8, 9)], holes) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([turn("A", 0, 4), turn("B", 3, 6)], {"A": [(0, 3)], "B": [(4, 6)]}),
        ([turn("A", 0, 9), turn("B", 3, 5)], {"A": [(0, 3), (5, 9)], "B": []}),
        ([turn("A", 0, 4), turn("B", 4, 6)], {"A": [(0, 4)], "B": [(4, 6)]}),
        ([turn("B", 1, 4), turn("B", 3, 6), turn("A", 5, 7)], {"A": [(6, 7)], "B": [(1, 5)]}),
        ([turn("A", 0, 5), turn("B", 1, 3), turn("C", 2, 4)], {"A": [(0, 1), (4, 5)], "B": [], "C": []}),
    ],
    ids=["overlap", "containment", "touching", "own overlap", "three"],
)
def test_single_speaker_intervals(turns: list[Turn], expected: dict[str, list[Interval]]) -> None:
    """The intervals are maximal and have exactly one active speaker."""
    assert single_speaker_intervals(turns, guard_s=0) == expected


def test_guard_applies_to_other_speakers_only() -> None:
    """An interval loses 0.25 s next to another speaker, and nothing elsewhere."""
    turns = [turn("A", 1, 4), turn("B", 3, 6), turn("A", 6.125, 8)]
    assert single_speaker_intervals(turns, guard_s=0.25) == {"A": [(1, 2.75), (6.25, 8)], "B": [(4.25, 5.875)]}


def test_single_speaker_intervals_on_a_grid() -> None:
    """For turns of whole seconds, the intervals are the runs of seconds with one active speaker."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        starts = rng.integers(0, 20, size=6)
        turns = [turn("ABC"[rng.integers(3)], int(start), int(start + rng.integers(1, 8))) for start in starts]
        active = [{t.speaker for t in turns if t.start <= second < t.end} for second in range(40)]
        expected: dict[str, list[Interval]] = {t.speaker: [] for t in sorted(turns, key=lambda t: t.speaker)}
        for second, speakers in enumerate(active):
            if len(speakers) == 1:
                runs = expected[next(iter(speakers))]
                if runs and runs[-1][1] == second:
                    runs[-1] = (runs[-1][0], second + 1)
                else:
                    runs.append((second, second + 1))
        assert single_speaker_intervals(turns, guard_s=0) == expected


def test_split_intervals() -> None:
    """Short intervals are dropped, long ones split into equal parts, those at the limits unchanged."""
    intervals = [(0.0, 0.75), (1.0, 2.0), (10.0, 14.0), (20.0, 29.0)]
    assert split_intervals(intervals, shortest_s=1, longest_s=4) == [
        (1.0, 2.0),
        (10.0, 14.0),
        (20.0, 23.0),
        (23.0, 26.0),
        (26.0, 29.0),
    ]


# Extraction


def test_extract_writes_an_audio_folder(archive: Path, tmp_path: Path) -> None:
    """Each interval becomes a 16-bit file in the folder of label and speaker; short ones are dropped."""
    folder = tmp_path / "cache" / "ami"
    assert ami.extract(archive, folder) == 2
    assert files_in(folder) == ["ATTRIBUTION.txt", "female/FEE001/trn00_00.wav", "male/MEO002/trn00_00.wav"]
    info = soundfile.info(folder / "male/MEO002/trn00_00.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")


def test_extract_cuts_at_the_annotated_times(archive: Path, tmp_path: Path) -> None:
    """FEE001 is the only speaker from 0.5 s, MEO002 from 2.5 s on, each with a guard of 50 ms."""
    ami.extract(archive, tmp_path / "ami")
    for file, start, end in [("female/FEE001", 0.5, 1.95), ("male/MEO002", 2.55, 3.5)]:
        samples, rate = soundfile.read(tmp_path / "ami" / file / "trn00_00.wav")
        expected = ramp()[round(start * rate) : round(end * rate)]
        assert len(samples) == len(expected)
        assert samples == pytest.approx(expected, abs=2**-15)


def test_files_of_one_speaker_are_numbered(tmp_path: Path) -> None:
    """A long interval, here from two annotations, is split into numbered files."""
    members = {
        "p/tests/data/a.rttm": b"SPEAKER x 1 0 5 <NA> <NA> FEE001",
        "p/tests/data/b.rttm": b"SPEAKER x 1 5 20 <NA> <NA> FEE001",
        "p/tests/data/x.wav": wav(np.zeros(25 * RATE)),
    }
    assert ami.extract(write_archive(tmp_path / "long.tar.gz", members), tmp_path / "ami") == 3
    assert files_in(tmp_path / "ami" / "female") == [f"FEE001/x_0{number}.wav" for number in range(3)]


def test_attribution_names_corpus_licence_and_changes(archive: Path, tmp_path: Path) -> None:
    """CC BY 4.0 requires the source, the licence and a note of the changes."""
    ami.extract(archive, tmp_path / "ami")
    text = (tmp_path / "ami" / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    for words in ("AMI Meeting Corpus", "https://creativecommons.org/licenses/by/4.0/", "Changes:", "pyannote.audio"):
        assert words in text


def test_complete_folder_is_used_again(archive: Path, tmp_path: Path) -> None:
    """A second call does not need the archive."""
    first = ami.extract(archive, tmp_path / "ami")
    archive.unlink()
    assert ami.extract(archive, tmp_path / "ami") == first


def test_other_folder_is_not_changed(archive: Path, tmp_path: Path) -> None:
    """An existing folder without an attribution is refused and not changed."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"mine exists and is not a folder of AMI recordings; give another name\.$"):
        ami.extract(archive, tmp_path / "mine")
    assert files_in(tmp_path / "mine") == ["thesis.txt"]


def test_unsafe_member_names(tmp_path: Path) -> None:
    """Member names with parent folders or absolute paths have no effect on the output paths."""
    members = {
        "../../tests/data/a.rttm": b"SPEAKER good 1 0 1 <NA> <NA> FEE001",
        "../../tests/data/good.wav": wav(ramp(1)),
        "/tests/data/..evil.wav": wav(ramp(1)),
    }
    archive = write_archive(tmp_path / "evil.tar.gz", members)
    (tmp_path / "deep" / "down").mkdir(parents=True)
    ami.extract(archive, tmp_path / "deep" / "down" / "ami")
    assert files_in(tmp_path) == [
        "deep/down/ami/ATTRIBUTION.txt",
        "deep/down/ami/female/FEE001/good_00.wav",
        "evil.tar.gz",
    ]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_truncated_archive(archive: Path, tmp_path: Path, share: float) -> None:
    """The error names the archive, and nothing is written."""
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CorpusError, match=r"small\.tar\.gz cannot be read \(.+\); delete it to download it again"):
        ami.extract(archive, tmp_path / "ami")
    assert files_in(tmp_path) == ["small.tar.gz"]


def test_damaged_archive(archive: Path, tmp_path: Path) -> None:
    """Wrong bytes in the middle of the archive are an error."""
    content = archive.read_bytes()
    half = len(content) // 2
    archive.write_bytes(content[:half] + b"\xff" * 5000 + content[half + 5000 :])
    with pytest.raises(CorpusError, match=r"small\.tar\.gz cannot be read"):
        ami.extract(archive, tmp_path / "ami")


def test_missing_archive(tmp_path: Path) -> None:
    """The error names the archive."""
    with pytest.raises(CorpusError, match=r"gone\.tar\.gz cannot be read"):
        ami.extract(tmp_path / "gone.tar.gz", tmp_path / "ami")


def test_damaged_recording_in_the_archive(tmp_path: Path) -> None:
    """A WAV member that is not audio is an error."""
    archive = write_archive(tmp_path / "broken.tar.gz", {"p/tests/data/x.wav": b"RIFF"})
    with pytest.raises(CorpusError, match=r"broken\.tar\.gz cannot be read"):
        ami.extract(archive, tmp_path / "ami")


def test_annotation_that_is_not_utf8(tmp_path: Path) -> None:
    """An annotation with invalid bytes is an error."""
    archive = write_archive(tmp_path / "latin.tar.gz", {"p/tests/data/x.rttm": b"SPEAKER tr\xf100"})
    with pytest.raises(CorpusError, match=r"latin\.tar\.gz cannot be read \('utf-8' codec"):
        ami.extract(archive, tmp_path / "ami")


@pytest.mark.parametrize(
    ("rttm", "missing"),
    [(b"SPEAKER y 1 0 1 <NA> <NA> FEE001\nSPEAKER x 1 0 1 <NA> <NA> FEE001\n", "y"), (b"", r"\*\.rttm")],
)
def test_annotations_and_recordings_must_match(tmp_path: Path, rttm: bytes, missing: str) -> None:
    """An archive without turns, or with turns of missing recordings, is refused as another package."""
    members = {"p/tests/data/x.wav": wav(ramp(1)), "p/tests/data/a.rttm": rttm}
    archive = write_archive(tmp_path / "other.tar.gz", members)
    with pytest.raises(CorpusError, match=rf"other\.tar\.gz is not the source package .*; not found: {missing}\.$"):
        ami.extract(archive, tmp_path / "ami")


def test_failed_extraction_leaves_no_folder(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full at the second file, no folder and no temporary folder is left."""
    write = soundfile.write
    written: list[Path] = []

    def write_once(file: Path, *args: object, **options: object) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(file)
        write(file, *args, **options)

    monkeypatch.setattr(soundfile, "write", write_once)
    with pytest.raises(OutputError, match=r"ami: the AMI recordings cannot be written there \(.*No space left"):
        ami.extract(archive, tmp_path / "ami")
    assert len(written) == 1
    assert files_in(tmp_path) == ["small.tar.gz"]


# Download


class InstallPip(Protocol):
    """Install a fake pip process with the given result; return the list of its calls."""

    def __call__(
        self, *, content: bytes | None = None, stderr: str = "", error: Exception | None = None
    ) -> list[list[str]]: ...


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> InstallPip:
    """A fake pip process; each call is recorded as its command and requirements."""

    def install(*, content: bytes | None = None, stderr: str = "", error: Exception | None = None) -> list[list[str]]:
        calls: list[list[str]] = []

        def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
            assert options["timeout"] == ami.DOWNLOAD_LIMIT_S
            target = Path(command[command.index("-d") + 1])
            requirements = Path(command[command.index("-r") + 1]).read_text(encoding="utf-8")
            calls.append([*command, requirements])
            if error is not None:
                raise error
            if content is not None:
                (target / ami.ARCHIVE).write_bytes(content)
            return subprocess.CompletedProcess(command, returncode=1 if stderr else 0, stdout="", stderr=stderr)

        monkeypatch.setattr(subprocess, "run", run)
        return calls

    monkeypatch.setattr(ami, "SHA256", hashlib.sha256(b"the archive").hexdigest())
    return install


def test_download_requests_the_exact_package(tmp_path: Path, pip: InstallPip) -> None:
    """The call of pip has the version and the hash, and only the archive is left in the folder."""
    calls = pip(content=b"the archive")
    archive = ami.download(tmp_path / "new" / "cache")
    assert archive == tmp_path / "new" / "cache" / "pyannote_audio-4.0.7.tar.gz"
    assert archive.read_bytes() == b"the archive"
    assert files_in(tmp_path) == ["new/cache/pyannote_audio-4.0.7.tar.gz"]
    ((_, *command, requirements),) = calls
    assert command[:3] == ["-m", "pip", "download"]
    assert {"--no-deps", "--no-binary", ":all:", "--require-hashes"} <= set(command)
    assert requirements == f"pyannote.audio==4.0.7 --hash=sha256:{ami.SHA256}\n"


def test_existing_archive_is_used(tmp_path: Path, pip: InstallPip) -> None:
    """If the expected archive is in the folder, pip is not called."""
    calls = pip(stderr="no network")
    (tmp_path / ami.ARCHIVE).write_bytes(b"the archive")
    assert ami.download(tmp_path) == tmp_path / ami.ARCHIVE
    assert calls == []


def test_damaged_archive_is_replaced(tmp_path: Path, pip: InstallPip) -> None:
    """An archive with another hash is downloaded again."""
    pip(content=b"the archive")
    (tmp_path / ami.ARCHIVE).write_bytes(b"the arch")
    assert ami.download(tmp_path).read_bytes() == b"the archive"


@pytest.mark.parametrize("content", [b"another archive", None])
def test_wrong_download_is_refused(tmp_path: Path, pip: InstallPip, content: bytes | None) -> None:
    """An unexpected file, or none, is an error and is not kept."""
    pip(content=content)
    with pytest.raises(DownloadError, match=rf"not the file {ami.ARCHIVE} with SHA-256 {ami.SHA256}\.$"):
        ami.download(tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("/usr/bin/python: No module named pip\n", "/usr/bin/python: No module named pip"),
        ("ERROR: first\nERROR: No matching distribution.\n\nhint: see above\n", "No matching distribution"),
        ("\n", "it gave no reason"),
    ],
)
def test_failure_of_pip(tmp_path: Path, pip: InstallPip, stderr: str, reason: str) -> None:
    """The message gives the last error of pip, or its last line."""
    pip(stderr=stderr)
    with pytest.raises(DownloadError) as caught:
        ami.download(tmp_path)
    assert str(caught.value) == (
        f"pip could not download pyannote.audio==4.0.7 ({reason});"
        " check that pip works and that there is a network connection."
    )
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (subprocess.TimeoutExpired("pip", 300), r"^pip did not download pyannote\.audio==4\.0\.7 within 300 s; check"),
        (FileNotFoundError(2, "No such file", "python"), r"^pip cannot be run to download .*No such file.*; check"),
    ],
)
def test_pip_that_hangs_or_does_not_start(tmp_path: Path, pip: InstallPip, error: Exception, message: str) -> None:
    """Both are download errors, and no file is left."""
    pip(error=error)
    with pytest.raises(DownloadError, match=message):
        ami.download(tmp_path)
    assert files_in(tmp_path) == []


def test_folder_that_cannot_be_made(tmp_path: Path, pip: InstallPip) -> None:
    """A file in place of the folder is an OutputError, not a DownloadError."""
    pip(content=b"the archive")
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match=r"taken: the archive pyannote_audio-4\.0\.7\.tar\.gz cannot be kept there"):
        ami.download(tmp_path / "taken")
