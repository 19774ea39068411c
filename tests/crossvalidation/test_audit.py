"""Label audit: planted errors are at the top of the list, and recordings of a speaker are scored as one utterance."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.classifier.model import Model
from speechgmm.classifier.scorer import Scores
from speechgmm.cli.audit import to_csv
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.crossvalidation.audit import Contradiction, _most_contradicted, audit
from speechgmm.crossvalidation.crossvalidate import CrossValidation, FoldScores, ScoredRecording
from speechgmm.crossvalidation.folds import Folding
from speechgmm.errors import OptionError
from tests.builders import RunCommand, abstain, decide, write_manifest


def scored(name: str, label: str, speaker: str | None, *, male: float, n_frames: int = 200) -> ScoredRecording:
    """A recording whose mean log-likelihood per frame is higher by `male` under "male" than under "female"."""
    means = np.array([[-40.0, -40.0 + male]])
    return ScoredRecording(
        recording=Recording(file=Path(name), name=name, label=label, speaker=speaker),
        scores=Scores(
            n_frames=n_frames,
            n_speech=np.array([n_frames]),
            log_likelihoods=n_frames * means,
            speech_ratios=np.zeros(1),
        ),
        trained=False,
    )


def results_of(model: Model, *recordings: ScoredRecording) -> CrossValidation:
    """A cross-validation of one fold with these scores."""
    model = replace(
        model,
        min_likelihood=-100.0,
        calibration=replace(model.calibration, scales=(2.0,), half_weight_frames=100.0, offsets=(0.0, 0.0)),
    )
    corpus = Corpus(source="c.csv", recordings=tuple(own.recording for own in recordings))
    fold = FoldScores(name="1", model=model, recordings=recordings)
    return CrossValidation(corpus=corpus, folding=Folding(), folds=(fold,), failures=(), notes=())


def test_a_speaker_is_scored_as_one_long_utterance(tiny_model: Model) -> None:
    """Equation (5) with the mean over all frames and the weight of all frames, not a sum of ratios."""
    recordings = [
        scored(f"{i}.wav", "female", "s", male=male, n_frames=100 * (i + 1))
        for i, male in enumerate((3.0, 1.0, -0.5, 2.0))
    ]
    (speaker,) = audit(results_of(tiny_model, *recordings), min_odds=2).speakers
    mean = (100 * 3.0 + 200 * 1.0 - 300 * 0.5 + 400 * 2.0) / 1000
    assert speaker.odds == pytest.approx(math.exp(2 * mean * 1000 / 1100))
    assert (speaker.speaker, speaker.path, speaker.label, speaker.contradicted_by) == ("s", "", "female", "male")
    assert (speaker.n_utterances, speaker.n_contradicted) == (4, 3)


def test_no_cell_of_the_list_is_a_formula(tiny_model: Model) -> None:
    """A spreadsheet would run it."""
    results = results_of(tiny_model, scored("=1+1.wav", "female", None, male=9.0))
    assert to_csv(audit(results, min_odds=2)).splitlines()[1].startswith("file,,'=1+1.wav,female,male,")


def test_more_recordings_of_a_voice_change_the_odds_little(tiny_model: Model) -> None:
    """The odds of 50 equal recordings are not the 50th power of the odds of one."""
    one = scored("0.wav", "female", "s", male=1.0)
    many = [replace(one, recording=replace(one.recording, name=f"{i}.wav")) for i in range(50)]
    (first,) = audit(results_of(tiny_model, one), min_odds=2).speakers
    (second,) = audit(results_of(tiny_model, *many), min_odds=2).speakers
    assert first.odds == pytest.approx(math.exp(2 * 200 / 300))
    assert second.odds == pytest.approx(math.exp(2 * 10000 / 10100))


def test_speakers_are_listed_then_files_of_other_speakers(tiny_model: Model) -> None:
    """Highest odds first, without files of listed speakers and without files of low odds."""
    recordings = [
        scored("a1.wav", "female", "a", male=3.0),
        scored("a2.wav", "female", "a", male=2.0),
        scored("b1.wav", "male", "b", male=-4.0),
        scored("c1.wav", "male", "c", male=-3.0),
        scored("c2.wav", "male", "c", male=4.0),
        scored("d1.wav", "female", "d", male=0.1),
        scored("e1.wav", "female", None, male=4.0),
    ]
    result = audit(results_of(tiny_model, *recordings), min_odds=10)
    assert [entry.speaker for entry in result.speakers] == ["b", "a"]
    assert [(entry.path, entry.speaker) for entry in result.files] == [("e1.wav", None), ("c1.wav", "c")]
    assert (result.n_speakers, result.n_files, result.n_undecided) == (4, 7, 0)


def test_odds_of_more_than_two_classes(tiny_model: Model) -> None:
    """The odds against a label are the posterior of all other classes over its own, with equal priors."""
    results = results_of(tiny_model, scored("a.wav", "female", "a", male=1.0))
    model = results.folds[0].model
    stream = replace(model.streams[0], mixtures=(*model.streams[0].mixtures, model.streams[0].mixtures[0]))
    trio = replace(
        model,
        labels=(*model.labels, "child"),
        streams=(stream,),
        priors=(1 / 3,) * 3,
        calibration=replace(model.calibration, offsets=(0.0,) * 3),
    )
    scores = replace(results.folds[0].recordings[0].scores, log_likelihoods=200 * np.array([[-40.0, -39.0, -39.5]]))
    fold = replace(results.folds[0], model=trio, recordings=(replace(results.folds[0].recordings[0], scores=scores),))
    (speaker,) = audit(replace(results, folds=(fold,)), min_odds=1).speakers
    weight = 2 * 200 / 300
    assert speaker.odds == pytest.approx(math.exp(weight) + math.exp(weight / 2))
    assert speaker.contradicted_by == "male"


def test_undecided_recordings_are_not_listed(tiny_model: Model) -> None:
    """Recordings without speech are counted and not listed. The other recordings of the speaker are scored."""
    recordings = [
        scored("a1.wav", "female", "a", male=3.0),
        scored("a2.wav", "female", "a", male=9.0, n_frames=0),
        scored("b1.wav", "female", "b", male=9.0, n_frames=0),
    ]
    result = audit(results_of(tiny_model, *recordings), min_odds=2)
    (speaker,) = result.speakers
    assert (speaker.speaker, speaker.n_utterances, speaker.n_contradicted) == ("a", 2, 1)
    assert (result.n_speakers, result.n_files, result.n_undecided, result.files) == (1, 1, 2, ())


def test_odds_stay_finite(tiny_model: Model) -> None:
    """Extreme scores do not give infinite odds."""
    result = audit(results_of(tiny_model, scored("a.wav", "female", "a", male=1e4)), min_odds=2)
    assert math.isfinite(result.speakers[0].odds)


@pytest.mark.parametrize("odds", [0.0, -1.0, math.nan, math.inf])
def test_invalid_minimum_odds_are_refused(tiny_model: Model, odds: float) -> None:
    """The error gives the value and the expected range."""
    with pytest.raises(OptionError, match=f"min_odds is {odds}, but it must be a positive number"):
        audit(results_of(tiny_model, scored("a.wav", "female", "a", male=1.0)), min_odds=odds)


SMALL = [
    *("--recipe", "plain", "--components", "2", "--folds", "3"),
    *("--set", "em.max_iterations=3", "--set", "calibration.folds=2"),
]


@pytest.fixture(scope="module")
def wrong(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of the synthetic voices with wrong labels: all files of one speaker, and one file without speaker."""

    def columns(label: str, speaker: str, name: str) -> dict[str, str]:
        if (speaker, name) == ("synthetic-m04", "01.wav"):
            return {"label": "female", "speaker": ""}
        return {"label": "male" if speaker == "synthetic-f02" else label}

    return write_manifest(tmp_path_factory.mktemp("wrong") / "corpus.csv", voices, columns)


def test_planted_errors_are_found(run: RunCommand, wrong: Path) -> None:
    """Only the wrong speaker and the wrong file are listed. The exit code is 0."""
    done = run("audit", wrong, *SMALL, "-q")

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.startswith(
        "label contradicted: 1 of 12 speakers, and 1 of 24 recordings of the others, by odds of "
    )
    assert "hints to listen" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:4])) <= 100
    begin = lines.index(["odds", "label", "contradicted", "speaker", "listen", "to"])
    assert float(lines[begin + 1][0]) >= 2
    assert lines[begin + 1][1:-1] == ["male", "2", "of", "2", "synthetic-f02"]
    assert lines[begin + 1][-1].endswith(("/synthetic-f02/01.wav", "/synthetic-f02/02.wav"))
    assert lines[begin + 3] == ["odds", "label", "path"]
    assert lines[begin + 4][1] == "female"
    assert lines[begin + 4][2].endswith("/synthetic-m04/01.wav")


def test_the_recording_to_listen_to_is_the_most_contradicted() -> None:
    """Of those with a decision; the first one, if there is none."""
    low, high = decide({"female": 0.6, "male": 0.4}), decide({"female": 0.1, "male": 0.9})

    assert _most_contradicted("female", [("none", abstain()), ("low", low), ("high", high)]) == "high"
    assert _most_contradicted("male", [("none", abstain()), ("low", low), ("high", high)]) == "low"
    assert _most_contradicted("male", [("first", abstain()), ("second", abstain())]) == "first"


def test_csv_and_json_have_the_same_content(run: RunCommand, wrong: Path, tmp_path: Path) -> None:
    """Both formats have the same list. With -o it is written to the file instead of stdout."""
    as_csv = run("audit", wrong, *SMALL, "-q", "--format", "csv").stdout
    done = run("audit", wrong, *SMALL, "-q", "--format", "json", "-o", tmp_path / "audit.json")

    assert (done.returncode, done.stdout) == (0, "")
    document = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert (document["schema"], document["schema_version"], document["n_speakers"], document["n_files"]) == (
        "speechgmm-audit",
        1,
        12,
        24,
    )
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [(row["kind"], row["speaker"]) for row in rows] == [("speaker", "synthetic-f02"), ("file", "")]
    assert [Path(row["listen_to"]).parent.name for row in rows] == ["synthetic-f02", "synthetic-m04"]
    assert rows[1]["listen_to"] == rows[1]["path"]
    for row, entry in zip(rows, document["contradicted"], strict=True):
        assert float(row["odds"]) == entry["odds"]
        assert {name: row[name] for name in row if name != "odds"} == {
            name: "" if entry[name] is None else str(entry[name]) for name in row if name != "odds"
        }


def test_clean_labels_are_not_contradicted(run: RunCommand, voices: Path) -> None:
    """Nothing is listed. The text gives the numbers of speakers and recordings."""
    done = run("audit", voices, *SMALL, "-q")
    assert done.returncode == 0
    assert done.stdout.startswith("label contradicted: 0 of 12 speakers, and 0 of 24 recordings of the others")
    assert "odds  " not in done.stdout


def test_wrong_usage_is_refused_before_the_work(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invalid odds, and an output file that exists."""
    monkeypatch.setattr(
        "speechgmm.crossvalidation.crossvalidate.crossvalidate", lambda *_, **__: pytest.fail("the work was started")
    )
    done = run("audit", voices, "--min-odds", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "min_odds is 0.0, but it must be a positive number" in done.stderr
    (tmp_path / "list.txt").touch()
    done = run("audit", voices, "-o", tmp_path / "list.txt")
    assert (done.returncode, done.stderr) == (
        1,
        f"speechgmm: error: {tmp_path}/list.txt: it exists already; --force replaces it\n",
    )


def test_names_are_escaped_for_the_terminal(tiny_model: Model) -> None:
    """Control characters in names from a manifest are escaped in the text format."""
    from speechgmm.cli.audit import to_text

    result = audit(results_of(tiny_model, scored("a.wav", "female", "a\x1b[2J", male=3.0)), min_odds=2)
    assert r"a\x1b[2J" in to_text(result)
    assert isinstance(result.speakers[0], Contradiction)
