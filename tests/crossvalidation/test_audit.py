"""The audit of labels: planted errors are on top of the list, and a speaker's recordings are judged as one."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from speechgmm.classifier.model import Model, Scores
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.crossvalidation.audit import Contradiction, audit
from speechgmm.crossvalidation.crossvalidate import Answer, CrossValidation, FoldAnswers
from speechgmm.crossvalidation.folds import Folding
from speechgmm.errors import OptionError

Run = Callable[..., CompletedProcess[str]]


def answer(model: Model, name: str, label: str, speaker: str | None, *, male: float, n_frames: int = 200) -> Answer:
    """An answer whose frames are better described by the mixture of "male", by so much a frame."""
    means = np.array([[-40.0, -40.0 + male]])
    return Answer(
        recording=Recording(file=Path(name), name=name, label=label, speaker=speaker),
        scores=Scores(n_frames=n_frames, n_speech=np.array([n_frames]), log_likelihoods=n_frames * means),
        heard=False,
    )


def found_by(model: Model, *answers: Answer) -> CrossValidation:
    model = replace(
        model,
        min_likelihood=-100.0,
        calibration=replace(model.calibration, scales=(2.0,), half_weight_frames=100.0, offsets=(0.0, 0.0)),
    )
    corpus = Corpus(source="c.csv", recordings=tuple(each.recording for each in answers))
    fold = FoldAnswers(name="1", model=model, answers=answers)
    return CrossValidation(corpus=corpus, folding=Folding(), folds=(fold,), failures=(), notes=())


def test_a_speaker_is_judged_as_one_long_utterance(tiny_model: Model) -> None:
    """By equation (5): the mean over all frames, its weight that of all frames, not a sum of the recordings' ratios."""
    answers = [
        answer(tiny_model, f"{i}.wav", "female", "s", male=male, n_frames=100 * (i + 1))
        for i, male in enumerate((3.0, 1.0, -0.5, 2.0))
    ]
    (speaker,) = audit(found_by(tiny_model, *answers), min_odds=2).speakers
    mean = (100 * 3.0 + 200 * 1.0 - 300 * 0.5 + 400 * 2.0) / 1000
    assert speaker.odds == pytest.approx(math.exp(2 * mean * 1000 / 1100))
    assert (speaker.speaker, speaker.path, speaker.label, speaker.contradicted_by) == ("s", "", "female", "male")
    assert (speaker.n_utterances, speaker.n_contradicted, speaker.share_contradicted) == (4, 3, 0.75)


def test_more_of_the_same_voice_says_little_more(tiny_model: Model) -> None:
    """Fifty recordings alike do not make odds of the fiftieth power of one's."""
    one = answer(tiny_model, "0.wav", "female", "s", male=1.0)
    many = [replace(one, recording=replace(one.recording, name=f"{i}.wav")) for i in range(50)]
    (first,) = audit(found_by(tiny_model, one), min_odds=2).speakers
    (second,) = audit(found_by(tiny_model, *many), min_odds=2).speakers
    assert first.odds == pytest.approx(math.exp(2 * 200 / 300))
    assert second.odds == pytest.approx(math.exp(2 * 10000 / 10100))


def test_the_list_is_of_speakers_then_of_files_of_others(tiny_model: Model) -> None:
    """Highest odds first; files of speakers who are listed, files without much against them, are not."""
    answers = [
        answer(tiny_model, "a1.wav", "female", "a", male=3.0),
        answer(tiny_model, "a2.wav", "female", "a", male=2.0),
        answer(tiny_model, "b1.wav", "male", "b", male=-4.0),
        answer(tiny_model, "c1.wav", "male", "c", male=-3.0),
        answer(tiny_model, "c2.wav", "male", "c", male=4.0),
        answer(tiny_model, "d1.wav", "female", "d", male=0.1),
        answer(tiny_model, "e1.wav", "female", None, male=4.0),
    ]
    found = audit(found_by(tiny_model, *answers), min_odds=10)
    assert [one.speaker for one in found.speakers] == ["b", "a"]
    assert [(one.path, one.speaker) for one in found.files] == [("e1.wav", None), ("c1.wav", "c")]
    assert (found.n_speakers, found.n_files, found.n_undecided) == (4, 7, 0)


def test_odds_of_more_classes_are_those_of_all_others_together(tiny_model: Model) -> None:
    """With K classes equally likely beforehand the odds against a label are the others' posterior over its own."""
    found = found_by(tiny_model, answer(tiny_model, "a.wav", "female", "a", male=1.0))
    model = found.folds[0].model
    stream = replace(model.streams[0], mixtures=(*model.streams[0].mixtures, model.streams[0].mixtures[0]))
    trio = replace(
        model,
        labels=(*model.labels, "child"),
        streams=(stream,),
        priors=(1 / 3,) * 3,
        calibration=replace(model.calibration, offsets=(0.0,) * 3),
    )
    scores = replace(found.folds[0].answers[0].scores, log_likelihoods=200 * np.array([[-40.0, -39.0, -39.5]]))
    fold = replace(found.folds[0], model=trio, answers=(replace(found.folds[0].answers[0], scores=scores),))
    (speaker,) = audit(replace(found, folds=(fold,)), min_odds=1).speakers
    weight = 2 * 200 / 300
    assert speaker.odds == pytest.approx(math.exp(weight) + math.exp(weight / 2))
    assert speaker.contradicted_by == "male"


def test_what_gets_no_label_is_not_judged(tiny_model: Model) -> None:
    """Recordings without speech are counted and stand in no list; a speaker's others count."""
    answers = [
        answer(tiny_model, "a1.wav", "female", "a", male=3.0),
        answer(tiny_model, "a2.wav", "female", "a", male=9.0, n_frames=0),
        answer(tiny_model, "b1.wav", "female", "b", male=9.0, n_frames=0),
    ]
    found = audit(found_by(tiny_model, *answers), min_odds=2)
    (speaker,) = found.speakers
    assert (speaker.speaker, speaker.n_utterances, speaker.n_contradicted) == ("a", 2, 1)
    assert (found.n_speakers, found.n_files, found.n_undecided, found.files) == (1, 1, 2, ())


def test_odds_stay_finite(tiny_model: Model) -> None:
    """However sure the models are, odds are a number."""
    found = audit(found_by(tiny_model, answer(tiny_model, "a.wav", "female", "a", male=1e4)), min_odds=2)
    assert math.isfinite(found.speakers[0].odds)


@pytest.mark.parametrize("odds", [0.0, -1.0, math.nan, math.inf])
def test_odds_that_are_none(tiny_model: Model, odds: float) -> None:
    """The error says the value and what odds are."""
    with pytest.raises(OptionError, match=f"min_odds is {odds}, but odds are a positive number"):
        audit(found_by(tiny_model, answer(tiny_model, "a.wav", "female", "a", male=1.0)), min_odds=odds)


SMALL = ["--components", "2", "--iterations", "3", "--folds", "3"]


@pytest.fixture(scope="module")
def wrong(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of the synthetic voices in which one woman stands as a man, and one file of a man as nobody's."""
    rows = ["path,label,speaker"]
    for file in sorted(voices.rglob("*.wav")):
        label, speaker, name = file.parts[-3:]
        if (speaker, name) == ("synthetic-m04", "01.wav"):
            rows.append(f"{file},female,")
        else:
            rows.append(f"{file},{'male' if speaker == 'synthetic-f02' else label},{speaker}")
    file = tmp_path_factory.mktemp("wrong") / "corpus.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_planted_errors_are_found(run: Run, wrong: Path) -> None:
    """The wrong speaker and the wrong file are all that is listed; finding something is no failure."""
    done = run("audit", wrong, *SMALL, "-q")

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.startswith(
        "label contradicted: 1 of 12 speakers, and 1 of 24 recordings of the others, by odds of "
    )
    assert "hints to listen" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:4])) <= 100
    begin = lines.index(["odds", "label", "contradicted", "speaker"])
    assert float(lines[begin + 1][0]) >= 2
    assert lines[begin + 1][1:] == ["male", "2", "of", "2", "synthetic-f02"]
    assert lines[begin + 3] == ["odds", "label", "path"]
    assert lines[begin + 4][1] == "female"
    assert lines[begin + 4][2].endswith("/synthetic-m04/01.wav")


def test_csv_and_json_tell_the_same(run: Run, wrong: Path, tmp_path: Path) -> None:
    """The same list in each form; a file gets what stdout would have got."""
    as_csv = run("audit", wrong, *SMALL, "-q", "--format", "csv").stdout
    done = run("audit", wrong, *SMALL, "-q", "--format", "json", "-o", tmp_path / "audit.json")

    assert (done.returncode, done.stdout) == (0, "")
    told = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert (told["schema"], told["schema_version"], told["n_speakers"], told["n_files"]) == (
        "speechgmm-audit",
        1,
        12,
        24,
    )
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [(row["kind"], row["speaker"]) for row in rows] == [("speaker", "synthetic-f02"), ("file", "")]
    for row, entry in zip(rows, told["contradicted"], strict=True):
        assert float(row["odds"]) == entry["odds"]
        assert {name: row[name] for name in row if name != "odds"} == {
            name: "" if entry[name] is None else str(entry[name]) for name in row if name != "odds"
        }


def test_clean_labels_are_not_contradicted(run: Run, voices: Path) -> None:
    """Nothing is listed, and the text says of how many."""
    done = run("audit", voices, *SMALL, "-q")
    assert done.returncode == 0
    assert done.stdout.startswith("label contradicted: 0 of 12 speakers, and 0 of 24 recordings of the others")
    assert "odds  " not in done.stdout


def test_wrong_usage_is_refused_before_the_work(
    run: Run, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Odds that are none, and a file that exists."""
    monkeypatch.setattr(
        "speechgmm.crossvalidation.crossvalidate.crossvalidate", lambda *_, **__: pytest.fail("the work was started")
    )
    done = run("audit", voices, "--min-odds", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "min_odds is 0.0, but odds are a positive number" in done.stderr
    (tmp_path / "list.txt").touch()
    done = run("audit", voices, "-o", tmp_path / "list.txt")
    assert (done.returncode, done.stderr) == (
        1,
        f"speechgmm: error: {tmp_path}/list.txt: it exists already; --force replaces it\n",
    )


def test_names_send_no_codes_to_the_terminal(tiny_model: Model) -> None:
    """Names from a manifest are escaped in the list for people."""
    from speechgmm.cli.audit import to_text

    found = audit(found_by(tiny_model, answer(tiny_model, "a.wav", "female", "a\x1b[2J", male=3.0)), min_odds=2)
    assert r"a\x1b[2J" in to_text(found)
    assert isinstance(found.speakers[0], Contradiction)
