"""``speechgmm compare``: the comparison of two score files as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders import RunCommand

NOT_SIGNIFICANT = "The difference in UAR is not significant at the 5 % level."


def write(file: Path, labels: str, *, truth: str = "fmfmfmfm", first: int = 0) -> Path:
    """Write scores of recordings 0.wav, 1.wav, ...; four recordings per pair of speakers; "-" is unknown."""
    names = {"f": "female", "m": "male", "-": "unknown"}
    rows = [
        f"{first + i}.wav,{names[label]},{names[true]},{true}{(first + i) // 4}"
        for i, (label, true) in enumerate(zip(labels, truth, strict=True))
    ]
    file.write_text("\n".join(["path,label,truth,speaker", *rows]) + "\n", encoding="utf-8")
    return file


def test_text_output(run: RunCommand, tmp_path: Path) -> None:
    """The first line gives the relative change in errors, the table both models; McNemar's assumption is stated."""
    done = run("compare", write(tmp_path / "a.csv", "mm-mfmff"), write(tmp_path / "b.csv", "fmfm-mfm"), "--seed", 3)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("B makes 67 % fewer errors (95 % interval ")
    assert lines[0].endswith("): 1 instead of 3 of 8 utterances")
    assert lines[2:6] == ["", f"A: {tmp_path}/a.csv", f"B: {tmp_path}/b.csv", "compared on 8 utterances of 4 speakers"]
    assert lines[8].startswith("UAR         0.625   0.875  +0.250  ")
    assert lines[10] == "errors          3       1      -2"
    text = " ".join(done.stdout.split())
    assert "Only A is correct on 1 utterances, only B on 3. McNemar's exact test: p = 0.625; it assumes indep" in text
    assert "percentiles over 1000 resamples of speakers within each class" in text
    assert "(seed 3)" in text


@pytest.mark.parametrize(
    ("a", "b", "first", "second"),
    [
        ("mmfmfmfm", "mmmmfmfm", "B makes 100 % more errors", NOT_SIGNIFICANT),
        ("mmfmfmfm", "fffmfmfm", "B makes as many errors as A", NOT_SIGNIFICANT),
        ("fmfmfmfm", "mmfmfmfm", "A makes 0 errors, B makes 1: a relative", NOT_SIGNIFICANT),
        ("fmfmfmfm", "fmfmfmfm", "A makes 0 errors, B makes 0: a relative", NOT_SIGNIFICANT),
        (
            "mfmfmfmf",
            "fmfmfmfm",
            "B makes 100 % fewer errors (95 % interval 100 to 100 %)",
            "The difference in UAR is significant at the 5 % level: B is better.",
        ),
        ("m---m---", "mfmfmfmf", "B makes as many errors", NOT_SIGNIFICANT),
    ],
)
def test_first_lines_for_each_outcome(run: RunCommand, tmp_path: Path, a: str, b: str, first: str, second: str) -> None:
    """More, fewer, as many, no errors: the first line states it, the second the significance."""
    lines = run("compare", write(tmp_path / "a.csv", a), write(tmp_path / "b.csv", b)).stdout.splitlines()
    assert lines[0].startswith(first)
    assert lines[1] == second


def test_interval_containing_zero_names_both_directions(run: RunCommand, tmp_path: Path) -> None:
    """If the interval reaches from more to fewer errors, both ends name their direction."""
    a, b = "fmfmmmmm" * 4, "fmmmfmmm" * 4
    truth = "fmfmfmfm" * 4
    done = run("compare", write(tmp_path / "a.csv", a, truth=truth), write(tmp_path / "b.csv", b, truth=truth))
    first = done.stdout.splitlines()[0]
    assert " % more to " in first
    assert first.split(" % more to ")[1].split(")")[0].endswith(" % fewer")


def test_json(run: RunCommand, tmp_path: Path) -> None:
    """The same figures as JSON, with a schema and a version."""
    done = run(
        "compare", write(tmp_path / "a.csv", "mm-mfmff"), write(tmp_path / "b.csv", "fmfm-mfm"), "--format", "json"
    )

    comparison = json.loads(done.stdout)
    assert (comparison["schema"], comparison["schema_version"]) == ("speechgmm-comparison", 1)
    assert (comparison["first"], comparison["second"]) == (f"{tmp_path}/a.csv", f"{tmp_path}/b.csv")
    assert comparison["errors"]["change"] == pytest.approx(-2 / 3)
    assert comparison["mcnemar"] == {"only_first": 1, "only_second": 3, "p_value": 0.625}
    assert (comparison["n_utterances"], comparison["n_resamples"], comparison["seed"]) == (8, 1000, 0)


def test_recordings_in_only_one_file_are_listed(run: RunCommand, tmp_path: Path) -> None:
    """Paths missing from the other file are counted, and the first ten are listed."""
    a = write(tmp_path / "a.csv", "fm" * 8, truth="fm" * 8)
    done = run("compare", a, write(tmp_path / "b.csv", "fmfmfmfm", first=4))

    lines = done.stdout.splitlines()
    start = lines.index("Left out, only in A: 8")
    assert lines[start + 1 :] == [f"  {i}.wav" for i in (0, 1, 2, 3, 12, 13, 14, 15)]
    done = run("compare", write(tmp_path / "a.csv", "fm" * 12, truth="fm" * 12), tmp_path / "b.csv")
    assert done.stdout.splitlines()[-1] == "  and 6 more"


def test_contradictions_are_refused(run: RunCommand, tmp_path: Path) -> None:
    """Files with contradicting labels and unreadable files: exit code 1, nothing on stdout."""
    a, b = write(tmp_path / "a.csv", "fm", truth="fm"), write(tmp_path / "b.csv", "fm", truth="ff")
    done = run("compare", a, b)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"speechgmm: error: 1.wav: its label in the corpus is 'male' in {a} and 'female' in {b}\n")
    done = run("compare", a, tmp_path / "none.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"speechgmm: error: {tmp_path}/none.csv: the scores cannot be read: No such file or directory\n"
    )


def test_a_report_folder_is_refused_with_its_scores_named(run: RunCommand, tmp_path: Path) -> None:
    """The error gives the path of the scores in the folder."""
    done = run("compare", tmp_path, tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    message = f"it is a folder, expected a file; give the scores in it: {tmp_path}/scores.csv"
    assert done.stderr == f"speechgmm: error: {tmp_path}: {message}\n"


@pytest.mark.slow
def test_scores_of_evaluate_can_be_compared(
    run: RunCommand, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """Compare reads the scores.csv of evaluate; a model does not differ from itself."""
    for name in ("a", "b"):
        run("evaluate", voices, "--model", tiny_model_file, "--resamples", 2, "-o", tmp_path / name)
    done = run("compare", tmp_path / "a" / "scores.csv", tmp_path / "b" / "scores.csv", "--format", "json")
    assert done.returncode == 0, done.stderr
    comparison = json.loads(done.stdout)
    assert (comparison["classes"], comparison["n_utterances"], comparison["uar"]["difference"]) == (
        ["female", "male"],
        24,
        0.0,
    )
