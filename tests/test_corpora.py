"""The shipped model and training from scratch on recorded speech of speakers that did not train.

The recordings are not part of the project; without them these tests are skipped.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import soundfile
import soxr

import speechgmm
from speechgmm.cli import main
from speechgmm.corpus.recording import Corpus
from speechgmm.corpus.speakers import speaker_of
from tests.builders import CORPORA, PROJECT, needs_corpora

MANIFEST = PROJECT / "corpus_manifest.csv"

pytestmark = [pytest.mark.checkout, needs_corpora]


@pytest.fixture(scope="module")
def everything() -> Corpus:
    """All recordings of the manifest."""
    return speechgmm.read_corpus(MANIFEST, root=CORPORA)


def of_corpus(corpus: Corpus, name: str, *splits: str) -> Corpus:
    """The voices of one corpus in the given splits, or in all."""
    return corpus.select(
        lambda item: item.columns["corpus"] == name and item.label != "none" and (not splits or item.split in splits)
    )


def test_files_are_those_of_the_manifest(everything: Corpus) -> None:
    """Every tenth file has the sha256 of the manifest."""
    for item in everything.recordings[::10]:
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.columns["sha256"], item.name


def test_splits_are_speaker_disjoint(everything: Corpus) -> None:
    """Train, dev and test share no speaker, and share no corpus with split other.

    Non-speech sounds are split by their source.
    """
    speakers = {
        split: {speaker_of(item) for item in everything.recordings if item.split == split}
        for split in ("train", "dev", "test")
    }
    for first, second in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not speakers[first] & speakers[second]
    voices = [item for item in everything.recordings if item.label != "none"]
    trained = {item.columns["corpus"] for item in voices if item.split != "other"}
    others = {item.columns["corpus"] for item in voices if item.split == "other"}
    assert others == {"ami", "asterisk-prompts", "fsdd", "ravdess", "speechocean762-child"}
    assert not trained & others
    sounds = [item for item in everything.recordings if item.label == "none"]
    folds = {(item.split, Path(item.name).name[0]) for item in sounds if item.columns["corpus"] == "esc10"}
    assert folds == {("train", "1"), ("train", "2"), ("train", "3"), ("other", "4"), ("other", "5")}
    sources = {
        split: {item.columns["source"] for item in sounds if item.split == split and item.columns["corpus"] == "sounds"}
        for split in ("train", "other")
    }
    assert all(sources.values())
    assert not sources["train"] & sources["other"]


def test_collections_are_held_out_together(everything: Corpus) -> None:
    """Each corpus is in one group; corpora of one collection are in the same; acted corpora are marked."""
    groups = {(item.columns["corpus"], item.columns["group"]) for item in everything.recordings}
    assert len({corpus for corpus, _ in groups}) == len(groups)
    assert {corpus for corpus, group in groups if group == "common-voice"} == {
        *("common-voice", "common-voice-more", "common-voice-mx"),
    }
    acted = {item.columns["corpus"] for item in everything.recordings if item.columns["acted"]}
    assert acted == {"emodb", "sdap-acted", "banglaser", "zero-ad", "flare-rpg", "ravdess"}


@pytest.mark.slow
def test_shipped_model_on_its_test_speakers(everything: Corpus) -> None:
    """The UAR on the test speakers is at least 0.95, and as in the model card."""
    model = speechgmm.load()
    report = speechgmm.evaluate(everything.select(lambda item: item.split == "test"), model, jobs=-1)
    assert report.uar >= 0.95
    assert report.uar == pytest.approx(model.card["results"]["test"]["uar"], abs=0.002)
    assert report.n_utterances == model.card["results"]["test"]["utterances"]
    assert not any("trained" in note for note in report.notes)


def test_an_evaluation_on_training_data_is_noted(everything: Corpus) -> None:
    """The report notes how many of the recordings are training data of the model."""
    trained = of_corpus(everything, "vctk", "train", "dev")
    report = speechgmm.evaluate(trained)
    assert any(f"{len(trained.recordings)} of the {len(trained.recordings)}" in note for note in report.notes)


def test_shipped_model_on_meetings(everything: Corpus) -> None:
    """On a corpus of another kind (meetings), the UAR is that of the model card."""
    model = speechgmm.load()
    report = speechgmm.evaluate(of_corpus(everything, "ami"), model)
    assert report.uar == pytest.approx(model.card["results"]["unheard_corpora"]["ami"]["uar"], abs=0.02)
    assert report.uar > 0.8


def test_voices_through_a_lossy_codec_get_a_label(everything: Corpus, tmp_path: Path) -> None:
    """The model abstains on few utterances of acted speech through MP3 at 16 kbit/s."""
    decided = []
    for number, item in enumerate(of_corpus(everything, "ravdess").recordings[::4]):
        samples, rate = soundfile.read(item.file, dtype="float32")
        file, narrow = tmp_path / f"{number}.mp3", soxr.resample(samples, rate, 16000)
        soundfile.write(file, narrow, 16000, compression_level=0.95, bitrate_mode="CONSTANT")
        decided.append(speechgmm.classify(file).decided)
    assert sum(decided) >= 0.92 * len(decided)


@pytest.mark.slow
def test_training_from_scratch(everything: Corpus) -> None:
    """A small model of one corpus has a UAR above 0.85 on the test speakers of this corpus."""
    ocean = of_corpus(everything, "speechocean762-adult")
    options = speechgmm.Recipe(n_components=16)
    model = speechgmm.train(ocean, recipe=options, jobs=-1).model
    report = speechgmm.evaluate(ocean.select(lambda item: item.split == "test"), model)
    assert report.uar > 0.85


@pytest.mark.slow
def test_commands_on_recorded_speech(everything: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train, evaluate and classify with a manifest, a root, a column and several audio formats."""
    where = ["--root", str(CORPORA), "--where", "corpus=emodb"]
    model = tmp_path / "model.npz"
    assert main(["train", str(MANIFEST), *where, "-o", str(model), "--recipe", "plain", "--components", "8", "-q"]) == 0
    report = tmp_path / "report"
    arguments = ["evaluate", str(MANIFEST), *where, "--model", str(model), "-o", str(report), "--by", "language", "-q"]
    assert main(arguments) == 0
    figures = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert figures["n_utterances"] == len(of_corpus(everything, "emodb", "test").recordings)
    capsys.readouterr()
    formats = [str(of_corpus(everything, name).recordings[0].file) for name in ("wuw-telephone", "coswara", "ravdess")]
    assert {Path(name).suffix for name in formats} == {".wav", ".ogg", ".flac"}
    assert main(["classify", *formats, "--format", "jsonl", "-q"]) == 0
    decisions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [decision["path"] for decision in decisions] == formats
    assert all(decision["label"] in ("female", "male") for decision in decisions)
