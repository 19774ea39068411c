"""``speechgmm compare``: two reports' scores in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]


def write(file: Path, labels: str, *, truth: str = "fmfmfmfm", first: int = 0) -> Path:
    """Scores of recordings 0.wav and on; each pair of them is a speaker's of either class; a "-" is an unknown."""
    names = {"f": "female", "m": "male", "-": "unknown"}
    rows = [
        f"{first + i}.wav,{names[label]},{names[true]},{true}{(first + i) // 4}"
        for i, (label, true) in enumerate(zip(labels, truth, strict=True))
    ]
    file.write_text("\n".join(["path,label,truth,speaker", *rows]) + "\n", encoding="utf-8")
    return file


def test_it_is_said_in_words(run: Run, tmp_path: Path) -> None:
    """The first line says how many errors fewer, the table both models, and McNemar's assumption is told."""
    done = run("compare", write(tmp_path / "a.csv", "mm-mfmff"), write(tmp_path / "b.csv", "fmfm-mfm"), "--seed", 3)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("B makes 67 % fewer errors (95 % interval ")
    assert lines[0].endswith("): 1 instead of 3 of 8 utterances")
    assert lines[2:6] == ["", f"A: {tmp_path}/a.csv", f"B: {tmp_path}/b.csv", "compared on 8 utterances of 4 speakers"]
    assert lines[8].startswith("UAR         0.625   0.875  +0.250  ")
    assert lines[10] == "errors          3       1      -2"
    said = " ".join(done.stdout.split())
    assert (
        "A alone is right on 1 utterances, B alone on 3. McNemar's exact test: p = 0.625; it takes utterances" in said
    )
    assert "percentiles over 1000 resamples of speakers within each class" in said
    assert "(seed 3)" in said


@pytest.mark.parametrize(
    ("a", "b", "first", "second"),
    [
        ("mmfmfmfm", "mmmmfmfm", "B makes 100 % more errors", "The difference in UAR is within what chance gives."),
        ("mmfmfmfm", "fffmfmfm", "B makes as many errors as A", "The difference in UAR is within what chance gives."),
        ("fmfmfmfm", "mmfmfmfm", "A makes no errors, B makes 1: there", "The difference in UAR is within"),
        ("fmfmfmfm", "fmfmfmfm", "A makes no errors, nor does B: there", "The difference in UAR is within"),
        (
            "mfmfmfmf",
            "fmfmfmfm",
            "B makes 100 % fewer errors (95 % interval 100 to 100 %)",
            "The difference in UAR is mo",
        ),
        ("m---m---", "mfmfmfmf", "B makes as many errors", "The difference in UAR is within what chance gives."),
    ],
)
def test_every_outcome_has_its_words(run: Run, tmp_path: Path, a: str, b: str, first: str, second: str) -> None:
    """More, fewer, as many, none: each is said as it is, and whether chance gives it."""
    lines = run("compare", write(tmp_path / "a.csv", a), write(tmp_path / "b.csv", b)).stdout.splitlines()
    assert lines[0].startswith(first)
    assert lines[1].startswith(second)


def test_an_interval_over_both_sides_names_them(run: Run, tmp_path: Path) -> None:
    """Where the interval reaches from more to fewer errors, each end says which it is."""
    a, b = "fmfmmmmm" * 4, "fmmmfmmm" * 4
    truth = "fmfmfmfm" * 4
    done = run("compare", write(tmp_path / "a.csv", a, truth=truth), write(tmp_path / "b.csv", b, truth=truth))
    first = done.stdout.splitlines()[0]
    assert " % more to " in first
    assert first.split(" % more to ")[1].split(")")[0].endswith(" % fewer")


def test_json(run: Run, tmp_path: Path) -> None:
    """The same figures for programs, with a schema and a version."""
    done = run(
        "compare", write(tmp_path / "a.csv", "mm-mfmff"), write(tmp_path / "b.csv", "fmfm-mfm"), "--format", "json"
    )

    told = json.loads(done.stdout)
    assert (told["schema"], told["schema_version"]) == ("speechgmm-comparison", 1)
    assert (told["first"], told["second"]) == (f"{tmp_path}/a.csv", f"{tmp_path}/b.csv")
    assert told["errors"]["change"] == pytest.approx(-2 / 3)
    assert told["mcnemar"] == {"only_first": 1, "only_second": 3, "p_value": 0.625}
    assert (told["n_utterances"], told["n_resamples"], told["seed"]) == (8, 1000, 0)


def test_what_only_one_has_is_named(run: Run, tmp_path: Path) -> None:
    """Paths that are missing from the other file are counted, and the first ten are listed."""
    a = write(tmp_path / "a.csv", "fm" * 8, truth="fm" * 8)
    done = run("compare", a, write(tmp_path / "b.csv", "fmfmfmfm", first=4))

    lines = done.stdout.splitlines()
    begin = lines.index("Left out, as only A has them: 8")
    assert lines[begin + 1 :] == [f"  {i}.wav" for i in (0, 1, 2, 3, 12, 13, 14, 15)]
    done = run("compare", write(tmp_path / "a.csv", "fm" * 12, truth="fm" * 12), tmp_path / "b.csv")
    assert done.stdout.splitlines()[-1] == "  and 6 more"


def test_contradictions_are_refused(run: Run, tmp_path: Path) -> None:
    """Files that disagree on a label, and files that are no scores, are errors with code 1 and nothing on stdout."""
    a, b = write(tmp_path / "a.csv", "fm", truth="fm"), write(tmp_path / "b.csv", "fm", truth="ff")
    done = run("compare", a, b)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"speechgmm: error: 1.wav: its label in the corpus is 'male' in {a} and 'female' in {b}\n")
    done = run("compare", a, tmp_path / "none.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"speechgmm: error: {tmp_path}/none.csv: the scores cannot be read: No such file or directory\n"
    )


def test_scores_of_evaluate_can_be_compared(run: Run, voices: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """What evaluate writes is what compare reads; a model is no better than itself."""
    for name in ("a", "b"):
        run("evaluate", voices, "--model", tiny_model_file, "--resamples", 2, "-o", tmp_path / name)
    done = run("compare", tmp_path / "a" / "scores.csv", tmp_path / "b" / "scores.csv", "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["classes"], told["n_utterances"], told["uar"]["difference"]) == (["female", "male"], 24, 0.0)
