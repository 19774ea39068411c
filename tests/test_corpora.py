"""The product on recorded speech: the shipped model, and training from scratch, measured on speakers not heard.

The recordings are no part of the project: without them these tests are skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import soundfile
import soxr

import speechgmm
from speechgmm.cli import main
from speechgmm.corpus.recording import Corpus
from speechgmm.corpus.speakers import speaker_of

PROJECT = Path(__file__).resolve().parent.parent
MANIFEST = PROJECT / "corpus_manifest.csv"
CORPORA = Path(os.environ.get("SPEECHGMM_CORPORA", PROJECT.parent / "shared" / "corpora"))

pytestmark = [
    pytest.mark.checkout,
    pytest.mark.skipif(
        not CORPORA.is_dir(),
        reason="needs the recordings that corpus_manifest.csv lists; SPEECHGMM_CORPORA says where they are",
    ),
]


@pytest.fixture(scope="module")
def everything() -> Corpus:
    """All recordings of the manifest."""
    return speechgmm.read_corpus(MANIFEST, root=CORPORA)


def of_corpus(corpus: Corpus, name: str, *splits: str) -> Corpus:
    """The voices of one corpus, in the splits named."""
    return corpus.select(
        lambda each: each.columns["corpus"] == name and each.label != "none" and (not splits or each.split in splits)
    )


def test_manifest_lists_these_very_files(everything: Corpus) -> None:
    """The sha256 of a sample of the files (every tenth) is what the manifest says."""
    for each in everything.recordings[::10]:
        assert hashlib.sha256(each.file.read_bytes()).hexdigest() == each.columns["sha256"], each.name


def test_no_speaker_is_on_two_sides(everything: Corpus) -> None:
    """Train, dev and test have no speaker in common, and what is for measuring only is in none of them.

    Sounds that are no speech train or measure by the source they come from.
    """
    sides = {
        split: {speaker_of(each) for each in everything.recordings if each.split == split}
        for split in ("train", "dev", "test")
    }
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not sides[one] & sides[other]
    voices = [each for each in everything.recordings if each.label != "none"]
    trained = {each.columns["corpus"] for each in voices if each.split != "other"}
    kept = {each.columns["corpus"] for each in voices if each.split == "other"}
    assert kept == {"ami", "asterisk-prompts", "fsdd", "ravdess", "speechocean762-child"}
    assert not trained & kept
    folds = {(each.split, Path(each.name).name[0]) for each in everything.recordings if each.label == "none"}
    assert folds == {("train", "1"), ("train", "2"), ("train", "3"), ("other", "4"), ("other", "5")}


def test_shipped_model_on_its_test_speakers(everything: Corpus) -> None:
    """The shipped model reaches a UAR of 0.95 on the test speakers, and its card says what it reaches."""
    model = speechgmm.load()
    report = speechgmm.evaluate(everything.select(lambda each: each.split == "test"), model, jobs=-1)
    assert report.uar >= 0.95
    assert report.uar == pytest.approx(model.card["results"]["test"]["uar"], abs=0.002)
    assert report.n_utterances == model.card["results"]["test"]["utterances"]
    assert not any("trained" in note for note in report.notes)


def test_shipped_model_knows_what_it_was_trained_on(everything: Corpus) -> None:
    """Evaluated on recordings it was trained on, the report says so."""
    trained = of_corpus(everything, "vctk", "train", "dev")
    report = speechgmm.evaluate(trained)
    assert any(f"{len(trained.recordings)} of the {len(trained.recordings)}" in note for note in report.notes)


def test_shipped_model_on_meetings_never_heard(everything: Corpus) -> None:
    """On a corpus of another kind (meetings), the result is the card's."""
    model = speechgmm.load()
    report = speechgmm.evaluate(of_corpus(everything, "ami"), model)
    assert report.uar == pytest.approx(model.card["results"]["unheard_corpora"]["ami"]["uar"], abs=0.02)
    assert report.uar > 0.8


def test_voices_over_a_lossy_codec_are_answered(everything: Corpus, tmp_path: Path) -> None:
    """Of acted speech through MP3 at 16 kbit/s, hardly any sounds too strange to be answered."""
    answered = []
    for number, each in enumerate(of_corpus(everything, "ravdess").recordings[::4]):
        samples, rate = soundfile.read(each.file, dtype="float32")
        file, narrow = tmp_path / f"{number}.mp3", soxr.resample(samples, rate, 16000)
        soundfile.write(file, narrow, 16000, compression_level=0.95, bitrate_mode="CONSTANT")
        answered.append(speechgmm.classify(file).decided)
    assert sum(answered) >= 0.92 * len(answered)


def test_training_from_scratch(everything: Corpus) -> None:
    """A small model of one corpus's training speakers is right on most of its unheard speakers."""
    ocean = of_corpus(everything, "speechocean762-adult")
    options = speechgmm.TrainingOptions(n_components=16)
    model = speechgmm.train(ocean, options=options, jobs=-1)
    report = speechgmm.evaluate(ocean.select(lambda each: each.split == "test"), model)
    assert report.uar > 0.85


def test_commands_on_recorded_speech(everything: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The three commands work on recordings of several formats, with a manifest, a root and a column."""
    where = ["--root", str(CORPORA), "--where", "corpus=emodb"]
    model = tmp_path / "model.npz"
    assert main(["train", str(MANIFEST), *where, "-o", str(model), "--components", "8", "-q"]) == 0
    report = tmp_path / "report"
    arguments = ["evaluate", str(MANIFEST), *where, "--model", str(model), "-o", str(report), "--by", "language", "-q"]
    assert main(arguments) == 0
    figures = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert figures["n_utterances"] == len(of_corpus(everything, "emodb", "test").recordings)
    capsys.readouterr()
    formats = [str(of_corpus(everything, name).recordings[0].file) for name in ("wuw-telephone", "coswara", "ravdess")]
    assert {Path(name).suffix for name in formats} == {".wav", ".ogg", ".flac"}
    assert main(["classify", *formats, "--format", "jsonl", "-q"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["path"] for answer in answers] == formats
    assert all(answer["label"] in ("female", "male") for answer in answers)
