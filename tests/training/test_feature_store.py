"""Features on disk: the same model as from memory, used again, and made again where they are not as they should be."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.classifier.model_file import save
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.errors import AudioError, OutputError, TrainingError
from speechgmm.features.extraction import Failure, InStreams, Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.training import feature_store
from speechgmm.training.feature_store import FeatureStore, damage_of
from speechgmm.training.heard_recordings import extract
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor

SMALL = Recipe(n_components=2, calibration_folds=2)


@pytest.fixture(scope="module")
def corpus(voices: Path) -> Corpus:
    return read_corpus(voices).select(lambda recording: recording.name[-5] == "1")


@pytest.fixture
def recording(voices: Path) -> Recording:
    return read_corpus(voices).recordings[0]


def store_in(folder: Path, *, channel: int | None = None) -> FeatureStore:
    return FeatureStore(folder=folder, front_end=FrontEndOptions(), channel=channel)


def fetched(store: FeatureStore, recording: Recording) -> Utterance:
    utterance = store.fetch(recording)
    assert isinstance(utterance, Utterance)
    return utterance


def test_damaged_features_give_the_same_model(corpus: Corpus, tmp_path: Path) -> None:
    """The model does not depend on the state of the folder."""
    run = Run(recipe=SMALL, executor=LocalExecutor(2), feature_folder=tmp_path / "features")
    expected = model_bytes(corpus, tmp_path / "first.npz", run)
    for damage, array in zip(DAMAGES, arrays_in(tmp_path / "features"), strict=False):
        damage(array)
    assert model_bytes(corpus, tmp_path / "again.npz", run) == expected


def arrays_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.npy"))


def model_bytes(corpus: Corpus, file: Path, run: Run) -> bytes:
    save(train(corpus, run).model, file)
    return file.read_bytes()


def test_features_come_back_as_they_were_made(recording: Recording, tmp_path: Path) -> None:
    """Made, and opened by another store of the same folder, they are those in memory, bit for bit."""
    extracted = extract(recording, front_ends=[FrontEndOptions()])
    assert isinstance(extracted, InStreams)
    (plain,) = extracted.utterances
    for stored in (fetched(store_in(tmp_path), recording), fetched(store_in(tmp_path), recording)):
        assert stored.digest == plain.digest
        for mine, theirs, extent in zip(stored.stretches(), plain.stretches(), plain.summaries, strict=True):
            np.testing.assert_array_equal(mine.frames, theirs.frames)
            assert mine.n_frames == theirs.n_frames
            np.testing.assert_array_equal(stored.summaries[0].mean, extent.mean)
    assert len(arrays_in(tmp_path)) == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_model_is_that_of_features_in_memory(corpus: Corpus, jobs: int, tmp_path: Path) -> None:
    """Training from disk gives the same bytes, whoever does the work, the first time and the next."""
    expected = model_bytes(corpus, tmp_path / "memory.npz", Run(recipe=SMALL))
    run = Run(recipe=SMALL, executor=LocalExecutor(jobs), feature_folder=tmp_path / "features")
    assert model_bytes(corpus, tmp_path / "disk.npz", run) == expected
    assert model_bytes(corpus, tmp_path / "again.npz", run) == expected
    assert len(arrays_in(tmp_path / "features")) == len(corpus.recordings)


def test_features_are_made_once(recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording whose features are there is not decoded again, under whatever name."""
    fetched(store_in(tmp_path / "features"), recording)
    copy = tmp_path / "copy.wav"
    copy.write_bytes(recording.file.read_bytes())

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was decoded again")

    monkeypatch.setattr("speechgmm.training.feature_store.recording_stretches", refuse)
    assert fetched(store_in(tmp_path / "features"), replace(recording, file=copy, name="copy.wav")).n_speech > 0


@pytest.mark.parametrize(
    "excerpt",
    [
        (0.5, None),
        (0.0, 2.0),
        (0.5, 2.0),
    ],
)
def test_a_stretch_has_features_of_its_own(
    recording: Recording, excerpt: tuple[float, float | None], tmp_path: Path
) -> None:
    """Features of a stretch of a file are not taken for those of the file."""
    start, end = excerpt
    whole = fetched(store_in(tmp_path), recording)
    part = fetched(store_in(tmp_path), replace(recording, start=start, end=end))
    assert part.summaries[0].n_frames < whole.summaries[0].n_frames
    assert len(arrays_in(tmp_path)) == 2


def test_other_options_have_features_of_their_own(recording: Recording, tmp_path: Path) -> None:
    """Another front end or another channel never finds what this one made."""
    stores = [
        store_in(tmp_path),
        store_in(tmp_path, channel=1),
        replace(store_in(tmp_path), front_end=FrontEndOptions(n_coefficients=19)),
    ]
    widths = [fetched(store, recording).storage.read(0, 5).shape for store in stores]
    assert widths == [(5, 20), (5, 20), (5, 19)]
    assert len(arrays_in(tmp_path)) == 3


def cut_array(array: Path) -> None:
    array.write_bytes(array.read_bytes()[:-100])


def shorten_array(array: Path) -> None:
    np.save(array, np.load(array)[:-1])


def double_array(array: Path) -> None:
    np.save(array, np.load(array).astype(np.float64))


def empty_array(array: Path) -> None:
    array.write_bytes(b"")


def zero_array(array: Path) -> None:
    """As after a power loss."""
    content = array.read_bytes()
    array.write_bytes(content[:128] + bytes(len(content) - 128))


def change_a_value(array: Path) -> None:
    content = bytearray(array.read_bytes())
    content[1000] ^= 0x10
    array.write_bytes(content)


def no_number(array: Path) -> None:
    frames = np.load(array)
    frames[7, 3] = np.nan
    np.save(array, frames)


def change_the_header(array: Path) -> None:
    """Python's tokenizer cannot read it."""
    content = bytearray(array.read_bytes())
    content[10:20] = b"{'descr'(("
    array.write_bytes(content)


def nest_the_header(array: Path) -> None:
    content = bytearray(array.read_bytes())
    content[10:127] = b"(" * 117
    array.write_bytes(content)


def change_a_mean(array: Path) -> None:
    description = array.with_suffix(".json")
    known = json.loads(description.read_text())
    known["stretches"][0][2][0] += 0.5
    description.write_text(json.dumps(known))


def nest_the_description(array: Path) -> None:
    array.with_suffix(".json").write_text("[" * 100_000)


def cut_description(array: Path) -> None:
    description = array.with_suffix(".json")
    description.write_text(description.read_text()[:-5])


def forge_front_end(array: Path) -> None:
    description = array.with_suffix(".json")
    known = json.loads(description.read_text())
    known["made_by"]["front_end"]["fmax_hz"] = 3000.0
    description.write_text(json.dumps(known))


def forge_digest(array: Path) -> None:
    description = array.with_suffix(".json")
    known = json.loads(description.read_text())
    description.write_text(json.dumps({**known, "sha256": "0" * 64}))


def strange_description(array: Path) -> None:
    array.with_suffix(".json").write_text('{"made_by": 3, "stretches": [[1]]}')


def no_description(array: Path) -> None:
    array.with_suffix(".json").unlink()


def no_array(array: Path) -> None:
    array.unlink()


DAMAGES = [
    *(cut_array, shorten_array, double_array, empty_array, zero_array, change_a_value, no_number),
    *(change_the_header, nest_the_header, change_a_mean, nest_the_description),
    *(cut_description, forge_front_end, forge_digest, strange_description),
]
GAPS = [no_description, no_array]


@pytest.mark.parametrize("damage", [*DAMAGES, *GAPS])
def test_features_that_are_not_what_they_should_be_are_made_again(
    recording: Recording, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    """A damaged array, one of another shape or front end, a file that is missing or damaged: made again.

    Damage is told. A file is also missing where a training was killed or a person deleted it, which is not.
    """
    expected = fetched(store_in(tmp_path), recording)
    frames = expected.storage.read(0, expected.n_speech)
    (array,) = arrays_in(tmp_path)
    description = array.with_suffix(".json").read_bytes()
    damage(array)

    again = fetched(store_in(tmp_path), recording)

    np.testing.assert_array_equal(again.storage.read(0, again.n_speech), frames)
    assert np.load(array).dtype == np.float32
    assert array.with_suffix(".json").read_bytes() == description
    told = damage_of(again)
    assert told.startswith(f"{array}: the features are damaged (") == (damage in DAMAGES)
    assert told.endswith(") and were extracted again") == (damage in DAMAGES)
    assert damage_of(fetched(store_in(tmp_path), recording)) == ""


def test_features_of_an_earlier_version_are_made_again_without_a_word(recording: Recording, tmp_path: Path) -> None:
    """They had no digest."""
    fetched(store_in(tmp_path), recording)
    (array,) = arrays_in(tmp_path)
    description = array.with_suffix(".json")
    known = json.loads(description.read_text())
    del known["digest"]
    description.write_text(json.dumps(known))

    assert damage_of(fetched(store_in(tmp_path), recording)) == ""
    assert "digest" in json.loads(description.read_text())


@pytest.mark.parametrize("damage", [cut_array, empty_array, change_the_header, nest_the_header, Path.unlink])
def test_features_that_go_while_they_are_used_are_made_again(
    recording: Recording, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    """What another worker has not, or has lost, it makes from the audio; also one the features were sent to."""
    utterance = fetched(store_in(tmp_path), recording)
    frames = utterance.storage.read(0, utterance.n_speech)
    (array,) = arrays_in(tmp_path)
    for used in (utterance.storage, pickle.loads(pickle.dumps(utterance.storage))):
        damage(array)
        np.testing.assert_array_equal(used.read(3, 40), frames[3:40])


def test_features_that_cannot_be_made_again_are_an_error(recording: Recording, tmp_path: Path) -> None:
    """Where the audio has gone too, it is named."""
    copy = tmp_path / "copy.wav"
    copy.write_bytes(recording.file.read_bytes())
    utterance = fetched(store_in(tmp_path / "features"), replace(recording, file=copy))
    arrays_in(tmp_path)[0].unlink()
    copy.unlink()
    with pytest.raises(AudioError, match=r"copy\.wav"):
        utterance.storage.read(0, 1)


def test_a_value_that_is_no_number_is_found_and_named(corpus: Corpus, tmp_path: Path) -> None:
    """NaN in an array whose digest is right: the file and the remedy are told before anything is fitted."""
    features = tmp_path / "features"
    train(corpus, Run(recipe=SMALL, feature_folder=features))
    array = arrays_in(features)[5]
    no_number(array)
    description = array.with_suffix(".json")
    known = json.loads(description.read_text())
    known["digest"] = feature_store._digest(known["stretches"], np.load(array))
    description.write_text(json.dumps(known))
    with pytest.raises(TrainingError) as caught:
        train(corpus, Run(recipe=SMALL, feature_folder=features))
    assert str(caught.value) == (
        f"{array}: the features (delete the file to extract them again) hold values that are not finite numbers"
    )
    array.unlink()
    train(corpus, Run(recipe=SMALL, feature_folder=features))


def test_a_recording_that_cannot_be_read_is_a_failure(recording: Recording, tmp_path: Path) -> None:
    """It is told as without a store, and nothing is kept of it."""
    (tmp_path / "bad.wav").write_bytes(b"RIFF and then nothing")
    result = store_in(tmp_path / "features").fetch(replace(recording, file=tmp_path / "bad.wav"))
    assert isinstance(result, Failure)
    assert result.reason.startswith(f"{tmp_path / 'bad.wav'}: ")
    assert not (tmp_path / "features").exists()


def test_a_folder_that_cannot_be_made_is_an_error(recording: Recording, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "features").write_text("in the way")
    with pytest.raises(OutputError, match="features"):
        store_in(tmp_path / "features").fetch(recording)


def test_silence_can_be_kept(tmp_path: Path, recording: Recording, voices: Path) -> None:
    """A recording without a frame is kept, and opened, as one."""
    short = replace(recording, end=0.01)
    for _ in range(2):
        utterance = fetched(store_in(tmp_path), short)
        assert utterance.n_speech == 0
        assert list(utterance.stretches()) == []
    assert len(arrays_in(tmp_path)) == 1
