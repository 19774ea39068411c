"""Demonstration corpus of real speech: 20 speakers of the AMI meeting corpus, CC BY 4.0.

The source package of pyannote.audio 4.0.7 contains fourteen excerpts of 30 s, with annotated speaker turns, as test
data. `download` fetches this package with pip. `extract` cuts out the single-speaker intervals and writes them as an
audio folder, ``CLASS/SPEAKER/FILE.wav``.

The first letter of an AMI speaker id, F or M, is the voice gender label
(https://groups.inf.ed.ac.uk/ami/corpus/participantids.shtml).
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import subprocess
import sys
import tarfile
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgmm.demo.turns import Turn, single_speaker_intervals, split_intervals
from speechgmm.errors import CorpusError, DownloadError, OutputError

PACKAGE = "pyannote.audio==4.0.7"
ARCHIVE = "pyannote_audio-4.0.7.tar.gz"
SHA256 = "3a903dfb5ca711d134cc2522561c9158b186836f5d62e8a57c46c6648e8a8229"
DOWNLOAD_LIMIT_S = 300

ATTRIBUTION = "ATTRIBUTION.txt"
_ATTRIBUTION_TEXT = """\
These recordings are excerpts of the AMI Meeting Corpus, https://groups.inf.ed.ac.uk/ami/corpus/,
by the AMI Consortium, licensed under the Creative Commons Attribution 4.0 International Licence
(CC BY 4.0), https://creativecommons.org/licenses/by/4.0/.

Reference: J. Carletta (2007), Unleashing the killer corpus: experiences in creating the multi-everything
AMI Meeting Corpus. Language Resources and Evaluation 41, 181-190.

Changes: the excerpts in the test data of the source package pyannote.audio 4.0.7 were cut into intervals
with a single active speaker and stored as 16-bit WAV files. Folder names are the voice gender label (first
letter of the AMI speaker id) and the speaker id without accents.
"""

_LABELS = {"F": "female", "M": "male"}
_SPEAKER = re.compile(r"[FM][A-Z]{2}[0-9]{3}")
_RECORDING = re.compile(r"[A-Za-z0-9_-]+")


def download(folder: Path) -> Path:
    """Download the source package that contains the recordings, unless it is already in `folder`.

    pip checks the SHA-256 first, so it runs no code of another package.

    Parameters
    ----------
    folder : Path
        Folder for the archive, which is named `ARCHIVE`; made if missing.

    Returns
    -------
    Path
        The archive; its SHA-256 is `SHA256`.

    Raises
    ------
    DownloadError
        If pip or the network is not available, the download takes more than `DOWNLOAD_LIMIT_S` seconds, or the
        archive is not the expected one.
    OutputError
        If the folder cannot be written.
    """
    archive = folder / ARCHIVE
    try:
        if archive.is_file() and _sha256(archive) == SHA256:
            return archive
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            _pip_download(Path(temporary))
            fetched = Path(temporary, ARCHIVE)
            if not fetched.is_file() or _sha256(fetched) != SHA256:
                raise DownloadError(f"pip downloaded {PACKAGE}, but not the file {ARCHIVE} with SHA-256 {SHA256}.")
            fetched.replace(archive)
    except OSError as error:
        raise OutputError(f"{folder}: the archive {ARCHIVE} cannot be kept there ({error}).") from error
    return archive


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _pip_download(folder: Path) -> None:
    """Run ``pip download`` into `folder` without output."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps", "--no-binary", ":all:"]
    command = [*pip, "--require-hashes", "-r", str(requirements), "-d", str(folder)]
    remedy = "check that pip works and that there is a network connection"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"pip did not download {PACKAGE} within {DOWNLOAD_LIMIT_S} s; {remedy}.") from error
    except OSError as error:
        raise DownloadError(f"pip cannot be run to download {PACKAGE} ({error}); {remedy}.") from error
    if done.returncode != 0:
        raise DownloadError(f"pip could not download {PACKAGE} ({_reason(done.stderr)}); {remedy}.")


def _reason(stderr: str) -> str:
    """Last error that pip printed, otherwise its last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["it gave no reason"]
    errors = [line.removeprefix("ERROR:") for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-1].strip().rstrip(".")


def extract(archive: Path, folder: Path) -> int:
    """Write the single-speaker intervals as an audio folder.

    The files are ``CLASS/SPEAKER/RECORDING_NN.wav``, 16-bit, at the rate of the archive's recordings (16 kHz),
    `SHORTEST_S` to `LONGEST_S` seconds long, with an attribution file. The folder appears only when it is complete; a
    complete one is not written again. The archive is not unpacked to disk.

    Parameters
    ----------
    archive : Path
        From `download`.
    folder : Path
        The audio folder to make.

    Returns
    -------
    int
        Number of recordings in the folder.

    Raises
    ------
    CorpusError
        If the archive is damaged or its annotations are faulty.
    OutputError
        If the folder cannot be written, or exists and was not made by this function.
    """
    if folder.exists():
        if not (folder / ATTRIBUTION).is_file():
            raise OutputError(f"{folder} exists and is not a folder of AMI recordings; give another name.")
        return sum(1 for _ in folder.rglob("*.wav"))
    recordings, turns = _read_archive(archive)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=".extract-") as temporary:
            unfinished = Path(temporary, folder.name)
            unfinished.mkdir()
            n_files = _write_intervals(recordings, turns, unfinished)
            (unfinished / ATTRIBUTION).write_text(_ATTRIBUTION_TEXT, encoding="utf-8")
            unfinished.rename(folder)
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"{folder}: the AMI recordings cannot be written there ({error}).") from error
    return n_files


def _read_archive(archive: Path) -> tuple[dict[str, tuple[NDArray[np.float32], int]], list[Turn]]:
    """Recordings (samples, rate in Hz) by name, and the turns of all annotations."""
    recordings = {}
    turns = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                is_test_data = member.isfile() and path.parts[-3:-1] == ("tests", "data")
                content = tar.extractfile(member) if is_test_data else None
                if content is not None and path.suffix == ".wav":
                    recordings[_ascii(path.stem)] = soundfile.read(io.BytesIO(content.read()), dtype="float32")
                elif content is not None and path.suffix == ".rttm":
                    turns += parse_rttm(content.read().decode("utf-8"), source=path.name)
    except (OSError, EOFError, UnicodeDecodeError, tarfile.TarError, zlib.error, soundfile.LibsndfileError) as error:
        raise CorpusError(f"{archive} cannot be read ({error}); delete it to download it again.") from error
    missing = sorted({turn.recording for turn in turns} - recordings.keys())
    if missing or not turns:
        raise CorpusError(
            f"{archive} is not the source package {PACKAGE}: its tests/data must contain *.rttm files and the"
            f" recordings named in them; not found: {', '.join(missing) or '*.rttm'}."
        )
    return recordings, turns


def _write_intervals(
    recordings: dict[str, tuple[NDArray[np.float32], int]], turns: Sequence[Turn], folder: Path
) -> int:
    """Cut and write all recordings; return the number of files."""
    n_files = 0
    for name, (samples, rate) in recordings.items():
        own_turns = [turn for turn in turns if turn.recording == name]
        for speaker, intervals in single_speaker_intervals(own_turns).items():
            for number, (start, end) in enumerate(split_intervals(intervals)):
                file = folder / _LABELS[speaker[0]] / speaker / f"{name}_{number:02}.wav"
                file.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(file, samples[round(start * rate) : round(end * rate)], rate, subtype="PCM_16")
                n_files += 1
    return n_files


def parse_rttm(text: str, *, source: str) -> list[Turn]:
    """Parse an RTTM annotation: ``SPEAKER recording channel start duration x x speaker ...``.

    The format is that of the NIST Rich Transcription evaluations (RT-09 evaluation plan, appendix A). Lines of other
    types and comments (``;;``) are ignored. Accents are removed from names.

    Parameters
    ----------
    text : str
        The annotation.
    source : str
        File name, for error messages.

    Returns
    -------
    list of Turn
        In the order of the lines. Names are safe to use in paths.

    Raises
    ------
    CorpusError
        If a line has too few fields, an invalid time, or a speaker that is not an AMI id; all such lines are listed.
    """
    turns, faults = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        turn = _turn(fields)
        if turn is None:
            faults.append(f"{source}:{number}: {line.strip()}")
        else:
            turns.append(turn)
    if faults:
        raise CorpusError(
            f"{source}: expected lines 'SPEAKER recording channel start duration x x speaker', with times in seconds"
            " and AMI speaker ids such as FEE078.",
            faults,
        )
    return turns


def _turn(fields: Sequence[str]) -> Turn | None:
    """Turn of a SPEAKER line, split at white space; None if it is faulty."""
    if len(fields) < 8:
        return None
    recording, speaker = _ascii(fields[1]), _ascii(fields[7])
    try:
        start, duration = float(fields[3]), float(fields[4])
    except ValueError:
        return None
    if not (0 <= start < math.inf and 0 <= duration < math.inf):
        return None
    if not (_RECORDING.fullmatch(recording) and _SPEAKER.fullmatch(speaker)):
        return None
    return Turn(recording=recording, speaker=speaker, start=start, end=start + duration)


def speaker_label(speaker: str) -> str | None:
    """Voice gender label of an AMI speaker id such as FEE078; None for any other name."""
    return _LABELS[speaker[0]] if _SPEAKER.fullmatch(_ascii(speaker)) else None


def _ascii(name: str) -> str:
    """Remove accents, composed or decomposed: the archive and its annotations encode them differently."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
