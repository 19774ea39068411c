"""Real speech to demonstrate with: 20 speakers of the AMI meeting corpus, CC BY 4.0.

Fourteen excerpts of 30 s travel, with annotations of who speaks when, as test data in the source package
of pyannote.audio 4.0.7. `download` gets that package with pip, `extract` cuts from it the stretches in
which one speaker is alone and writes them as an audio folder, ``CLASS/SPEAKER/FILE.wav``.

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

from speechgmm.demo.turns import Turn, alone, pieces
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

Changes: the excerpts in the test data of the source package pyannote.audio 4.0.7 were cut into the
stretches in which one speaker is alone, and stored as 16-bit WAV files. Folder names are the voice gender
label (first letter of the AMI speaker id) and the speaker id without accents.
"""

_LABELS = {"F": "female", "M": "male"}
_SPEAKER = re.compile(r"[FM][A-Z]{2}[0-9]{3}")
_RECORDING = re.compile(r"[A-Za-z0-9_-]+")


def download(folder: Path) -> Path:
    """Get the source package that holds the recordings, unless it is already in `folder`.

    pip is told the SHA-256, so it runs nothing of a package that is not the expected one.

    Parameters
    ----------
    folder : Path
        Where the archive goes, under the name `ARCHIVE`; made when missing.

    Returns
    -------
    Path
        The archive; its SHA-256 is `SHA256`.

    Raises
    ------
    DownloadError
        There is no pip, no network, no answer within `DOWNLOAD_LIMIT_S` seconds, or the wrong archive.
    OutputError
        The folder cannot be written.
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
    """Run ``pip download`` into `folder`, silently."""
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
    """The last error pip printed, or the last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["it gave no reason"]
    errors = [line.removeprefix("ERROR:") for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-1].strip().rstrip(".")


def extract(archive: Path, folder: Path) -> int:
    """Write the stretches in which one speaker is alone as an audio folder.

    The files are ``CLASS/SPEAKER/RECORDING_NN.wav``, 16-bit, at the rate of the archive's recordings
    (16 kHz), `SHORTEST_S` to `LONGEST_S` seconds long, beside an attribution. The folder appears complete
    or not at all; a complete one is kept as it is. Nothing is unpacked to the disk.

    Parameters
    ----------
    archive : Path
        What `download` returned.
    folder : Path
        The audio folder to make.

    Returns
    -------
    int
        How many recordings are in the folder.

    Raises
    ------
    CorpusError
        The archive is damaged or its annotations are faulty.
    OutputError
        The folder cannot be written, or is there and is not one that this function made.
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
            n_files = _write_stretches(recordings, turns, unfinished)
            (unfinished / ATTRIBUTION).write_text(_ATTRIBUTION_TEXT, encoding="utf-8")
            unfinished.rename(folder)
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"{folder}: the AMI recordings cannot be written there ({error}).") from error
    return n_files


def _read_archive(archive: Path) -> tuple[dict[str, tuple[NDArray[np.float32], int]], list[Turn]]:
    """Recordings (samples, rate in Hz) by name, and all turns of all annotations."""
    recordings = {}
    turns = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                wanted = member.isfile() and path.parts[-3:-1] == ("tests", "data")
                content = tar.extractfile(member) if wanted else None
                if content is not None and path.suffix == ".wav":
                    recordings[_ascii(path.stem)] = soundfile.read(io.BytesIO(content.read()), dtype="float32")
                elif content is not None and path.suffix == ".rttm":
                    turns += parse_rttm(content.read().decode("utf-8"), source=path.name)
    except (OSError, EOFError, UnicodeDecodeError, tarfile.TarError, zlib.error, soundfile.LibsndfileError) as error:
        raise CorpusError(f"{archive} cannot be read ({error}); delete it, so that it is downloaded again.") from error
    missing = sorted({turn.recording for turn in turns} - recordings.keys())
    if missing or not turns:
        raise CorpusError(
            f"{archive} is not the source package {PACKAGE}: its tests/data must hold *.rttm files and the"
            f" recordings they name; not found: {', '.join(missing) or '*.rttm'}."
        )
    return recordings, turns


def _write_stretches(
    recordings: dict[str, tuple[NDArray[np.float32], int]], turns: Sequence[Turn], folder: Path
) -> int:
    """Cut and write all recordings; the number of files."""
    n_files = 0
    for name, (samples, rate) in recordings.items():
        for speaker, stretches in alone([turn for turn in turns if turn.recording == name]).items():
            for number, (start, end) in enumerate(pieces(stretches)):
                file = folder / _LABELS[speaker[0]] / speaker / f"{name}_{number:02}.wav"
                file.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(file, samples[round(start * rate) : round(end * rate)], rate, subtype="PCM_16")
                n_files += 1
    return n_files


def parse_rttm(text: str, *, source: str) -> list[Turn]:
    """Read an annotation in RTTM: ``SPEAKER recording channel start duration x x speaker ...``.

    The format is that of the NIST Rich Transcription evaluations (RT-09 evaluation plan, appendix A).
    Lines of other types and comments (``;;``) are left out. Names lose their accents.

    Parameters
    ----------
    text : str
        The annotation.
    source : str
        How errors call it.

    Returns
    -------
    list of Turn
        In the order of the lines. Names are safe to use in paths.

    Raises
    ------
    CorpusError
        A line has too few fields, a time that is no time, or a speaker who is not from AMI; all are listed.
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
    """One SPEAKER line, split at blanks; None when it is faulty."""
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
    """The voice gender label that an AMI speaker id such as FEE078 begins with; None where it is no such id."""
    return _LABELS[speaker[0]] if _SPEAKER.fullmatch(_ascii(speaker)) else None


def _ascii(name: str) -> str:
    """A name without accents, however they are encoded: the archive and its annotations differ in them."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
