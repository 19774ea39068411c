"""What a model can be trained and evaluated on from Python: arrays and data frames."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import speechgmm
from speechgmm.classifier.model import Model
from speechgmm.errors import AudioError, CorpusError, OptionError
from speechgmm.mixture.options import EMOptions

SMALL = speechgmm.Recipe(n_components=2, calibration_folds=2, em=EMOptions(max_iterations=3))
untyped: Any = speechgmm


@pytest.fixture(scope="module")
def files(voices: Path) -> list[Path]:
    """Two files of three speakers of each class."""
    return [file for file in sorted(voices.rglob("*.wav")) if file.parts[-2][-1] in "123"]


@pytest.fixture(scope="module")
def rows(files: list[Path]) -> dict[str, list[str]]:
    """The columns of a manifest."""
    return {
        "path": [str(file) for file in files],
        "label": [file.parts[-3] for file in files],
        "speaker": [file.parts[-2] for file in files],
    }


@pytest.fixture(scope="module")
def of_files(files: list[Path], voices: Path) -> Model:
    """The model of the files."""
    corpus = speechgmm.read_corpus(voices).select(lambda recording: recording.file in files)
    return speechgmm.train(corpus, recipe=SMALL).model


def test_samples_train_the_model_of_their_files(
    files: list[Path], rows: dict[str, list[str]], of_files: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may come one by one, each with a rate, and nothing is left of them on disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def samples() -> Iterator[Any]:
        for file in files:
            yield soundfile.read(file, dtype="float32")[0]

    for rate in (16000, [16000] * len(files)):
        model = speechgmm.train_from_arrays(
            samples(), rows["label"], rate, speakers=rows["speaker"], recipe=SMALL
        ).model
        assert model.calibration == of_files.calibration
        assert model.classify(files[0]) == of_files.classify(files[0])
    assert list(tmp_path.iterdir()) == []


def test_training_sources_need_not_be_arrays(files: list[Path], rows: dict[str, list[str]], of_files: Model) -> None:
    """What has its own rate needs none; labels that are no text are taken as their text."""
    sources = [file.read_bytes() for file in files]
    labels = np.array([label == "male" for label in rows["label"]]).astype(int)
    speakers = np.array(rows["speaker"])

    model = speechgmm.train_from_arrays(sources, labels, speakers=speakers, recipe=SMALL).model

    assert model.labels == ("0", "1")
    assert model.calibration == of_files.calibration


def test_faulty_training_samples_are_named() -> None:
    """With their number, before any training."""
    good = np.zeros(16000, dtype=np.float32)
    cases: list[tuple[type[Exception], str, Any]] = [
        (
            AudioError,
            r"^utterance 2: samples: the sample at 0.000 s is nan",
            ([good, good * np.nan], ["a", "b"], 16000),
        ),
        (OptionError, r"^there are more samples than the 1 labels", ([good, good], ["a"], 16000)),
        (OptionError, r"^there are 1 utterances, but 2 labels: give one label", ([good], ["a", "b"], 16000)),
        (OptionError, r"^sampling_rate has 3 values, but there are 2 labels", ([good], ["a", "b"], [1, 2, 3])),
        (OptionError, r"^labels is 'ab', but it must be a list with a value for each", ([good], "ab", 16000)),
        (OptionError, r"^samples need their sampling_rate in Hz$", ([good], ["a"])),
        (CorpusError, r"^samples: 2 or more classes are needed, found a$", ([good], ["a"], 16000)),
    ]
    for error, message, arguments in cases:
        with pytest.raises(error, match=message):
            untyped.train_from_arrays(*arguments, recipe=SMALL)
    with pytest.raises(CorpusError) as caught:
        untyped.train_from_arrays([good, good[1:]], ["a", "b"], 16000, speakers=["Ada", "Ada"], recipe=SMALL)
    assert str(caught.value).splitlines() == [
        "samples: it is faulty; line 1 is the header, line 2 the first row",
        "samples:3: speaker 'Ada' has the label 'b' here and 'a' on line 2",
    ]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_is_a_manifest(
    library: str, files: list[Path], rows: dict[str, list[str]], of_files: Model
) -> None:
    """To train and to evaluate on: with the columns of a manifest, their other names, and missing values."""
    frame_of = pytest.importorskip(library).DataFrame
    columns: dict[str, Any] = {"file": rows["path"], "gender": rows["label"], "speaker": rows["speaker"]}
    columns["end"] = [None, 2.5, *[None] * (len(files) - 2)]

    model = speechgmm.train(frame_of({**columns, "end": [None] * len(files)}), recipe=SMALL).model
    report = speechgmm.evaluate(frame_of({**columns, "speaker": [None, *rows["speaker"][1:]]}), of_files)

    assert model.calibration == of_files.calibration
    assert report.n_utterances == len(files)
    assert report.n_unnamed == 1
    assert report.heard_s == pytest.approx(3.0 * len(files) - 0.5, abs=0.3)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_faults_of_a_data_frame_are_listed(library: str, rows: dict[str, list[str]], tiny_model: Model) -> None:
    """With their rows."""
    frame_of = pytest.importorskip(library).DataFrame

    with pytest.raises(CorpusError) as caught:
        speechgmm.evaluate(frame_of({"path": [*rows["path"][:1], "no.wav"], "label": ["female", "male"]}), tiny_model)
    assert str(caught.value).splitlines() == [
        "DataFrame: it is faulty; line 1 is the header, line 2 the first row",
        "DataFrame:3: there is no file no.wav",
    ]
    with pytest.raises(CorpusError, match=r"DataFrame:1: there is no column 'label' \(or gender, sex, class\)"):
        speechgmm.train(frame_of({"path": rows["path"]}))


def test_marks_of_missing_values_are_empty_cells(rows: dict[str, list[str]], tiny_model: Model) -> None:
    """All that pandas has."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"path": rows["path"][:4], "label": rows["label"][:4]})
    frame["speaker"] = pandas.Series([None, pandas.NA, float("nan"), pandas.NaT], dtype=object)

    assert speechgmm.evaluate(frame, tiny_model).n_unnamed == 4
    doubled = pandas.concat([frame, frame[["path"]]], axis=1)
    with pytest.raises(CorpusError, match=r"^DataFrame: its columns are path, label, speaker, path, expected"):
        speechgmm.evaluate(doubled, tiny_model)


def test_recordings_without_a_speaker_or_a_label_are_noted(
    files: list[Path], rows: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    """They are no speaker of the name nan, and no class."""
    samples = [soundfile.read(file)[0] for file in files]
    speakers = [None, float("nan"), *rows["speaker"][2:]]
    labels = [*rows["label"][:-1], None]

    training = speechgmm.train_from_arrays(samples, labels, np.array(16000), speakers=speakers, recipe=SMALL)

    assert training.model.labels == ("female", "male")
    assert caplog.messages[0] == "rows left out because they have no label: 1"
    assert caplog.messages[1].startswith(f"2 of {len(files) - 1} recordings have no speaker")


def test_steps_of_a_training_are_logged(
    files: list[Path], rows: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    """At the level of information."""
    with caplog.at_level(logging.INFO, logger="speechgmm"):
        speechgmm.train_from_arrays(files, rows["label"], speakers=rows["speaker"], recipe=SMALL)

    assert caplog.messages[0] == f"reading recordings: {len(files)}"
    assert len(caplog.messages) > 1
