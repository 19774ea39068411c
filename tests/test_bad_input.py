"""Bad input: each kind ends in an error message, the label `unknown` or a decision, never in a traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import shutil
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from speechgmm.classifier.model_file import FORMAT_VERSION
from tests.builders import RunCommand

Samples: TypeAlias = npt.NDArray[np.float64]

RATE = 16000


@pytest.fixture
def classify(run: RunCommand, tiny_model_file: Path) -> RunCommand:
    """Run ``speechgmm classify`` with the tiny model and --format jsonl."""
    return lambda *arguments: run("classify", "--model", tiny_model_file, "--format", "jsonl", *arguments)


@pytest.fixture
def clean(voices: Path) -> Path:
    """A recording without faults."""
    return voices / "female" / "synthetic-f03" / "01.wav"


@pytest.fixture
def speech(clean: Path) -> Samples:
    """The samples (n,) of `clean`, at `RATE`."""
    samples: Samples = soundfile.read(clean)[0]
    return samples


def decisions(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    """The decisions printed in jsonl."""
    return [json.loads(line) for line in done.stdout.splitlines()]


# Unusable recordings: one line on stderr each, the others are classified, exit code 1.


def write_header(file: Path, rate: int) -> None:
    """Write a WAV file of noise with this sampling rate in its header."""
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, rate, 0, "NONE", ""))
        sound.writeframes(np.random.default_rng(0).integers(-9999, 9999, 8000, dtype=np.int16).tobytes())


def write_with(value: float) -> Callable[[Path, Path], object]:
    """A function that copies a recording as floats, with one sample set to this value."""

    def write(file: Path, clean: Path) -> None:
        samples, rate = soundfile.read(clean)
        samples[8000] = value
        soundfile.write(file, samples, rate, subtype="FLOAT")

    return write


UNUSABLE: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "missing": (lambda file, clean: None, "there is no such file"),
    "zero length": (lambda file, clean: file.touch(), "it is empty (0 bytes)"),
    "no samples": (lambda file, clean: soundfile.write(file, np.empty(0), RATE), "it holds no samples"),
    "truncated": (
        lambda file, clean: file.write_bytes(clean.read_bytes()[:50044]),
        "it is cut short, its header declares 46,000 bytes more than the 50,044 it has",
    ),
    "truncated in its header": (
        lambda file, clean: file.write_bytes(clean.read_bytes()[:30]),
        "it is not audio that can be read",
    ),
    "text": (
        lambda file, clean: file.write_text("Dear all,\nplease find enclosed ...\n"),
        "it is not audio that can be read (its format is not recognised)",
    ),
    "NaN": (write_with(np.nan), "the sample at 0.500 s is nan, expected a finite number"),
    "infinity": (write_with(-np.inf), "the sample at 0.500 s is -inf, expected a finite number"),
    "1 Hz": (lambda file, clean: write_header(file, 1), "the sampling rate is 1 Hz, expected 8,000 to 768,000 Hz"),
    "10 MHz": (
        lambda file, clean: write_header(file, 10_000_000),
        "the sampling rate is 10,000,000 Hz, expected 8,000",
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_recording_is_reported_and_the_others_are_classified(
    classify: RunCommand, clean: Path, tmp_path: Path, kind: str
) -> None:
    """One line on stderr names file and fault, stdout has the other decisions, the exit code is 1."""
    make, fault = UNUSABLE[kind]
    bad = tmp_path / "bad.wav"
    make(bad, clean)

    done = classify(clean, bad, clean)

    assert done.returncode == 1
    assert [decision["path"] for decision in decisions(done)] == [str(clean), str(clean)]
    failure, count = done.stderr.splitlines()
    assert failure.startswith(f"speechgmm: {bad}: {fault}")
    assert count == "speechgmm: 1 of 3 recordings could not be used"


def test_recording_without_read_permission_is_reported(
    classify: RunCommand, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without read permission is reported like other unusable recordings."""
    closed = tmp_path / "closed.wav"
    shutil.copy(clean, closed)
    open_any: Callable[..., IO[Any]] = Path.open

    def guarded_open(self: Path, *arguments: object, **options: object) -> IO[Any]:
        if self == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return open_any(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", guarded_open)

    done = classify(closed, clean)

    assert done.returncode == 1
    assert [decision["path"] for decision in decisions(done)] == [str(clean)]
    assert done.stderr.splitlines() == [
        f"speechgmm: {closed}: it cannot be read (Permission denied)",
        "speechgmm: 1 of 2 recordings could not be used",
    ]


# Recordings with no or too little speech: label unknown with the reason, exit code 0.


def coloured_noise(exponent: float) -> Samples:
    """Three seconds of noise with a power spectrum proportional to f ** -exponent."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(3 * RATE))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** (exponent / 2)
    noise: Samples = np.fft.irfft(spectrum)
    return 0.3 * noise / float(np.abs(noise).max())


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(np.zeros(3 * RATE), id="silence"),
        pytest.param(np.full(3 * RATE, 0.5), id="constant"),
        pytest.param(np.random.default_rng(0).integers(-1, 2, 3 * RATE) / 32768, id="noise of one bit"),
        pytest.param(coloured_noise(0), id="white noise"),
        pytest.param(coloured_noise(1), id="pink noise"),
        pytest.param(coloured_noise(2), id="brown noise"),
        pytest.param(0.3 * np.sin(2 * np.pi * 440 / RATE * np.arange(3 * RATE)), id="tone"),
    ],
)
def test_recording_without_speech_is_unknown(classify: RunCommand, tmp_path: Path, samples: Samples) -> None:
    """Silence, stationary noise and tones get the label unknown with the reason; the exit code is 0."""
    soundfile.write(tmp_path / "quiet.wav", samples, RATE)

    done = classify(tmp_path / "quiet.wav")

    # Digital silence may also be a download that was never filled: that is a warning.
    warned = "speechgmm: 1 of 1 recordings have a warning\n" if not samples.any() else ""
    assert (done.returncode, done.stderr) == (0, warned)
    (decision,) = decisions(done)
    assert (decision["label"], decision["reason"], decision["speech_s"]) == ("unknown", "no speech", 0)
    assert (decision["probability"], decision["score"]) == (None, None)


@pytest.mark.parametrize(
    ("n_samples", "reasons"),
    [
        (1, {"no speech"}),
        (800, {"no speech", "too little speech: less than 0.3 s"}),  # 50 ms may be too short for the VAD
        (3200, {"too little speech: less than 0.3 s"}),
    ],
)
def test_very_short_recording_is_unknown(
    classify: RunCommand, tmp_path: Path, speech: Samples, n_samples: int, reasons: set[str]
) -> None:
    """Up to 200 ms of speech get the label unknown with the reason; the exit code is 0."""
    soundfile.write(tmp_path / "short.wav", speech[8000 : 8000 + n_samples], RATE)

    done = classify(tmp_path / "short.wav")

    assert (done.returncode, done.stderr) == (0, "")
    (decision,) = decisions(done)
    assert decision["label"] == "unknown"
    assert decision["reason"] in reasons
    assert decision["speech_s"] <= decision["duration_s"] < n_samples / RATE + 0.05


# Unusual but usable recordings: the same label as for the clean recording.


def stored(subtype: str) -> Callable[[Path, Samples], object]:
    """A function that writes samples with this subtype."""
    return lambda file, samples: soundfile.write(file, samples, RATE, subtype=subtype)


def at_rate(rate: int) -> Callable[[Path, Samples], object]:
    """A function that writes samples at this sampling rate."""
    return lambda file, samples: soundfile.write(file, soxr.resample(samples, RATE, rate), rate)


def six_channels(file: Path, samples: Samples) -> None:
    """Write samples to six channels with different levels and independent noise."""
    noise = 1e-3 * np.random.default_rng(0).standard_normal((len(samples), 6))
    soundfile.write(file, samples[:, None] * [1.0, 0.8, 0.6, 0.4, 0.2, 0.1] + noise, RATE)


USABLE: dict[str, Callable[[Path, Samples], object]] = {
    "clipped": lambda file, samples: soundfile.write(file, np.clip(6 * samples, -1, 1), RATE),
    "DC offset": lambda file, samples: soundfile.write(file, samples * 0.5 + 0.5, RATE),
    "8-bit": stored("PCM_U8"),
    "24-bit": stored("PCM_24"),
    "32-bit": stored("PCM_32"),
    "float": stored("FLOAT"),
    "double": stored("DOUBLE"),
    "mu-law": stored("ULAW"),
    "float beyond full scale": lambda file, samples: soundfile.write(file, 40 * samples, RATE, subtype="FLOAT"),
    "very quiet": lambda file, samples: soundfile.write(file, samples / 100, RATE, subtype="PCM_24"),
    "6 channels": six_channels,
    **{f"{rate} Hz": at_rate(rate) for rate in (8000, 11025, 22050, 44100, 48000, 96000)},
}


@pytest.mark.parametrize("kind", USABLE)
def test_unusual_recording_has_the_same_label(classify: RunCommand, voices: Path, tmp_path: Path, kind: str) -> None:
    """Clipping, offset, sample format, level, number of channels and rates from 8 to 96 kHz keep the label."""
    for label, speaker in (("female", "synthetic-f03"), ("male", "synthetic-m03")):
        samples, _ = soundfile.read(voices / label / speaker / "01.wav")
        file = tmp_path / f"{label}.wav"
        USABLE[kind](file, samples)

        done = classify(file)

        assert (done.returncode, done.stderr) == (0, "")
        (decision,) = decisions(done)
        assert decision["label"] == label
        assert decision["duration_s"] == pytest.approx(len(samples) / RATE, abs=0.02)


def test_choice_of_channel(classify: RunCommand, voices: Path, clean: Path, tmp_path: Path) -> None:
    """``--channel`` selects a channel; a recording without that channel is reported as unusable."""
    pair = [soundfile.read(voices / f"{label}/synthetic-{label[0]}03/01.wav")[0] for label in ("female", "male")]
    soundfile.write(tmp_path / "pair.wav", np.stack(pair, axis=1), RATE)

    first, second = (classify(tmp_path / "pair.wav", "--channel", number) for number in (1, 2))
    third = classify(tmp_path / "pair.wav", "--channel", 3)

    assert [decisions(done)[0]["label"] for done in (first, second)] == ["female", "male"]
    assert third.returncode == 1
    assert third.stderr.startswith(f"speechgmm: {tmp_path}/pair.wav: there is no channel 3, expected 1 to 2\n")


# Corpora that cannot train a model: an error before mixtures are fitted.


@pytest.fixture
def corpus(voices: Path, tmp_path: Path) -> Path:
    """A copy of the voices that tests may change."""
    return Path(shutil.copytree(voices, tmp_path / "corpus"))


@pytest.fixture
def train(run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Run ``speechgmm train``; fail if mixtures are fitted or a model is written."""

    def fit(*arguments: object, **options: object) -> None:
        pytest.fail("mixtures are fitted")

    monkeypatch.setattr("speechgmm.training.fitting.fit", fit)

    def train(*arguments: object) -> CompletedProcess[str]:
        done = run("train", "-o", tmp_path / "model.npz", *arguments)
        assert not (tmp_path / "model.npz").exists()
        return done

    return train


def test_class_without_recordings_is_refused(train: RunCommand, corpus: Path) -> None:
    """A class folder without audio files is an error before any audio is read."""
    shutil.rmtree(corpus / "male")
    (corpus / "male").mkdir()
    (corpus / "male" / "notes.txt").touch()

    done = train(corpus)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"speechgmm: error: {corpus}: its class folders are faulty",
        f"{corpus}/male: there are no recordings in it, only files named .txt (1)",
    ]


def test_class_without_usable_recordings_is_refused(train: RunCommand, corpus: Path) -> None:
    """If no recording of a class is usable, stderr names each recording and the class."""
    files = sorted((corpus / "male").rglob("*.wav"))
    for file in files:
        file.write_bytes(b"")

    done = train(corpus)

    assert (done.returncode, done.stdout) == (1, "")
    *failures, error = done.stderr.splitlines()
    assert failures == [f"speechgmm: {file}: it is empty (0 bytes)" for file in files]
    assert error.startswith(f"speechgmm: error: {corpus}: the class 'male' has no speaker with speech, ")


def test_single_class_is_refused(train: RunCommand, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus with one class is an error before any audio is read."""
    shutil.rmtree(corpus / "male")
    monkeypatch.setattr(
        "speechgmm.training.material.extract", lambda recording, **options: pytest.fail("audio is read")
    )

    done = train(corpus)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {corpus}: 2 or more classes are needed, found female\n"


def test_fewer_frames_than_components_are_refused(train: RunCommand, corpus: Path) -> None:
    """Too many components for the speech of a class are an error with the amount of speech and the remedy."""
    done = train(corpus, "--recipe", "plain", "--components", 1000)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("speechgmm: error: the class 'female' has ")
    assert done.stderr.endswith("1000 components need 100.0 s: give more speech or fewer components\n")


def test_class_named_unknown_is_refused(train: RunCommand, corpus: Path) -> None:
    """`unknown` is the label of abstention, so it cannot be a class."""
    (corpus / "male").rename(corpus / "unknown")

    done = train(corpus)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{corpus}/unknown: 'unknown' is reserved for undecided recordings, rename the folder" in done.stderr


# Manifests: faults are reported with their lines, harmless variants are accepted.


FAULTY: dict[str, tuple[str, list[str]]] = {
    "no header": (
        "female/synthetic-f01/01.wav,female\n",
        [
            f"1: there is no column {name} in the header, found 'female/synthetic-f01/01.wav', 'female'"
            for name in ("'label' (or gender, sex, class)", "'path' (or file, filename, filepath)")
        ],
    ),
    "missing path": (
        "path,label\nfemale/synthetic-f01/01.wav,female\nfemale/none.wav,female\n,male\n",
        ["3: there is no file {voices}/female/none.wav", "4: the path is empty"],
    ),
    "duplicate": (
        "path,label\nfemale/synthetic-f01/01.wav,female\n\nfemale/synthetic-f01/01.wav,female\n",
        ["4: 'female/synthetic-f01/01.wav' with the same start and end is on line 2 already"],
    ),
    "cells": (
        "path,label\nfemale/synthetic-f01/01.wav\nmale/synthetic-m01/01.wav,male,m1\n",
        ["2: there are 1 cells, expected 2 as in the header", "3: there are 3 cells, expected 2 as in the header"],
    ),
    "speaker with two labels": (
        "path,label,speaker\nfemale/synthetic-f01/01.wav,female,1\nmale/synthetic-m01/01.wav,male,1\n",
        ["3: speaker '1' has the label 'male' here and 'female' on line 2"],
    ),
    "empty": (
        "",
        [
            "1: there is no column 'label' (or gender, sex, class) in the header, found nothing",
            "1: there is no column 'path' (or file, filename, filepath) in the header, found nothing",
        ],
    ),
    "header only": ("path,label\n", ["1: there are no rows below the header"]),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_faults_of_a_manifest_are_reported_with_lines(
    train: RunCommand, voices: Path, tmp_path: Path, kind: str
) -> None:
    """Every fault of a manifest is reported with its line number."""
    text, faults = FAULTY[kind]
    manifest = tmp_path / "corpus.csv"
    manifest.write_text(text, encoding="utf-8")

    done = train(manifest, "--root", voices)

    assert (done.returncode, done.stdout) == (1, "")
    first, *reported = done.stderr.splitlines()
    assert first == f"speechgmm: error: {manifest}: the manifest is faulty"
    expected = [f"{manifest}:{fault.format(voices=voices)}" for fault in faults]
    assert reported == expected


def test_harmless_variants_of_a_manifest_are_accepted(
    run: RunCommand, tiny_model_file: Path, voices: Path, tmp_path: Path
) -> None:
    """A byte order mark, CRLF, quoted commas, blank lines and additional columns are accepted."""
    for label in ("female", "male"):
        shutil.copy(voices / label / f"synthetic-{label[0]}03" / "01.wav", tmp_path / f"{label}, 3.wav")
    text = 'path,label,"mood, if any"\r\n"female, 3.wav",female,"well, ""fine"""\r\n\r\n"male, 3.wav", male ,\r\n'
    (tmp_path / "corpus.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())

    done = run(
        "evaluate", tmp_path / "corpus.csv", "--model", tiny_model_file, "--by", "mood, if any", "--format", "json"
    )

    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["n_correct"] == 2
    assert [group["name"] for group in report["by_column"]["mood, if any"]] == ["", 'well, "fine"']


# Model files: refused with one line.


def newer(content: bytes) -> bytes:
    """The model with the next format version."""
    with np.load(io.BytesIO(content)) as arrays:
        members = dict(arrays)
    header = {**json.loads(members["header"].tobytes()), "format_version": FORMAT_VERSION + 1}
    members["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    return buffer.getvalue()


class Evil:
    """An object that makes a folder when unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("code-was-run",)


def pickle_in_npz(content: bytes) -> bytes:
    """An .npz file with an object array, which numpy pickles."""
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([Evil()], dtype=object))
    return buffer.getvalue()


def zip_bomb(content: bytes) -> bytes:
    """The model with an additional member, 1000 times larger than the file when uncompressed."""
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(50 << 20))
    return buffer.getvalue()


INVALID_MODELS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "newer": (newer, "it has format version 4, and this speechgmm reads up to 3: update speechgmm"),
    "truncated": (lambda content: content[: len(content) // 2], "not a speechgmm model, or damaged: "),
    "empty": (lambda content: b"", "not a speechgmm model, or damaged: it is no .npz file"),
    "text": (lambda content: b"weights", "not a speechgmm model, or damaged: it is no .npz file"),
    "pickle": (lambda content: pickle.dumps(Evil()), "not a speechgmm model, or damaged: it is no .npz file"),
    "pickle in .npz": (pickle_in_npz, "not a speechgmm model, or damaged: "),
    "zip bomb": (zip_bomb, "not a speechgmm model, or damaged: its members claim more bytes than it has"),
}


@pytest.mark.parametrize("kind", INVALID_MODELS)
def test_invalid_model_is_refused(
    run: RunCommand, tiny_model_file: Path, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A newer, truncated, pickled or oversized model is refused with one line, and no code from it is run."""
    monkeypatch.chdir(tmp_path)
    change, fault = INVALID_MODELS[kind]
    model = tmp_path / "model.npz"
    model.write_bytes(change(tiny_model_file.read_bytes()))

    done = run("classify", clean, "--model", model)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"speechgmm: error: {model}: ")
    assert fault in done.stderr
    assert list(tmp_path.iterdir()) == [model]


def test_recording_given_as_model_is_refused(run: RunCommand, clean: Path) -> None:
    """A recording passed to --model is reported as not being a model."""
    done = run("classify", clean, "--model", clean)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"speechgmm: error: {clean}: not a speechgmm model, or damaged: it is no .npz file; "
        "give a complete file written by speechgmm train\n"
    )
