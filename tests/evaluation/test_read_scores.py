"""Reading scores.csv: round trip, tables of other programs, and errors with file and line."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError
from speechgmm.evaluation.read_scores import read_scores
from speechgmm.evaluation.report_files import score_rows
from speechgmm.text.tables import csv_line

PAIR = ("female", "male")


def write(file: Path, outcomes: list[Outcome]) -> Path:
    with file.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(score_rows(outcomes, classes=PAIR))
    return file


FIRST = Outcome(
    path='a, "b"\n.wav',
    truth="female",
    speaker="anna",
    duration_s=1 / 3,
    decision=Decision(
        label="male",
        probability=2 / 3,
        score=math.log(2),
        speech_s=0.7,
        probabilities={"female": 1 / 3, "male": 2 / 3},
        log_likelihood_ratios={"female": -math.log(2), "male": math.log(2)},
    ),
    start=1.25,
    end=2.5,
    snr_db=17.123456789,
    columns={"corpus": "x", "score": "7", "llr_a": "no class", "column_b": ""},
)
SECOND = Outcome(
    path="tr\udcf1.wav",
    truth="male",
    speaker=None,
    duration_s=4.0,
    decision=Decision(label="unknown", speech_s=0.0, reason="no speech"),
    columns={"corpus": "", "score": "", "llr_a": "", "column_b": "y"},
)


def test_round_trip(tmp_path: Path) -> None:
    """Outcomes are read back exactly, with any names; classes are in the order of the model."""
    found = read_scores(write(tmp_path / "scores.csv", [FIRST, SECOND]))
    assert (found.source, found.classes) == (str(tmp_path / "scores.csv"), PAIR)
    assert list(found.outcomes) == [(FIRST.path, 1.25, 2.5), (SECOND.path, 0.0, None)]
    first, second = found.outcomes.values()
    assert first == FIRST
    assert math.isnan(second.snr_db)
    assert math.isnan(second.decision.probability)
    # NaN is not equal to itself.
    decision = replace(second.decision, probability=0.0, score=0.0)
    expected = replace(SECOND.decision, probability=0.0, score=0.0)
    assert replace(second, decision=decision, snr_db=0.0) == replace(SECOND, decision=expected, snr_db=0.0)


def test_tables_of_other_programs(tmp_path: Path) -> None:
    """Path, label and truth are sufficient; the classes are the labels that occur."""
    file = tmp_path / "other.csv"
    file.write_text("\ufefftruth,path,label\r\nchild,1.wav,female\r\nmale,2.wav,unknown\r\n\r\n", encoding="utf-8")
    found = read_scores(file)
    assert found.classes == ("child", "female", "male")
    first, second = found.outcomes.values()
    assert (first.path, first.truth, first.decision.label, first.speaker) == ("1.wav", "child", "female", None)
    assert (second.decision.label, second.columns) == ("unknown", {})


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("path;label;truth;probability\r\n1.wav;a;b;0,75\r\n", "utf-8-sig"),
        ("path\tlabel\ttruth\tprobability\r\n1.wav\ta\tb\t0.75\r\n", "utf-16"),
    ],
)
def test_tables_that_a_spreadsheet_has_saved(tmp_path: Path, text: str, encoding: str) -> None:
    """With other separators, decimal commas and encodings."""
    file = tmp_path / "saved.csv"
    file.write_text(text, encoding=encoding)
    (outcome,) = read_scores(file).outcomes.values()
    assert (outcome.path, outcome.decision.label, outcome.truth, outcome.decision.probability) == (
        "1.wav",
        "a",
        "b",
        0.75,
    )


def test_formulas_are_read_as_the_text_that_they_were(tmp_path: Path) -> None:
    """The apostrophe that keeps a spreadsheet from running them is taken away."""
    outcome = replace(FIRST, path="=1+1.wav", speaker="@SUM(1)", warning="-odd", columns={"=note": "'-x"})
    file = tmp_path / "scores.csv"
    file.write_text("".join(map(csv_line, score_rows([outcome], classes=PAIR))), encoding="utf-8")
    assert list(read_scores(file).outcomes.values()) == [outcome]
    for cell in ("'=1+1.wav", "'@SUM(1)", "'=note", "''-x"):
        assert re.search(rf"(^|,){re.escape(cell)}(,|$)", file.read_text(), flags=re.MULTILINE)


def test_a_workbook_is_refused(tmp_path: Path) -> None:
    """The message has the remedy."""
    file = tmp_path / "scores.xlsx"
    file.write_bytes(b"PK\x03\x04")
    with pytest.raises(EvaluationError, match=r"scores\.xlsx: it is a workbook .* save the sheet as CSV"):
        read_scores(file)


HEADER = "path,label,truth,probability,probability_f,llr_f,probability_m,llr_m\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: column 'path' is missing, expected the columns path, label, truth, found none"),
        (
            "path,label\na,f\n",
            ":1: column 'truth' is missing, expected the columns path, label, truth, found path, label",
        ),
        ("path,label,truth,label\n", ":1: there are 2 columns 'label'"),
        ("path,label,truth\n", ": there are no rows below the header"),
        ("path,label,truth\na,f,m\nb,f\n", ":3: there are 2 cells, expected 3 as in the header"),
        ("path,label,truth\na,f,m\na,m,m\n", ":3: column 'path' holds 'a' for the second time"),
        ("path,label,truth\n,f,m\n", ":2: column 'path' holds '', expected a value"),
        ("path,label,truth\na,f,\n", ":2: column 'truth' holds '', expected a value"),
        ('path,label,truth\na,f,m\nb,"f,m\n', ":3: the row cannot be read as CSV: unexpected end of data"),
        *(
            (
                HEADER + f"a,f,f,{cell},,,,\n",
                f":2: column 'probability' holds '{cell}', expected a number from 0 to 1 or an empty cell",
            )
            for cell in ("0.1_5", "٠", "nan", "1e400")
        ),
        ("path,label,truth\na,f,F\n", ": the labels 'F' and 'f' look like one class, write them alike"),
        (HEADER + "a,x,f,,,,,\n", ":2: column 'label' holds 'x', expected f or m or unknown"),
        (HEADER + "a,f,unknown,,,,,\n", ":2: column 'truth' holds 'unknown', expected f or m"),
        (
            HEADER + "a,f,f,1.5,,,,\n",
            ":2: column 'probability' holds '1.5', expected a number from 0 to 1 or an empty cell",
        ),
        (HEADER + "a,f,f,,,inf,,\n", ":2: column 'llr_f' holds 'inf', expected a number or an empty cell"),
        (
            HEADER + "a,f,f,,,,o.5,\n",
            ":2: column 'probability_m' holds 'o.5', expected a number from 0 to 1 or an empty cell",
        ),
        (
            "path,label,truth,start\na,f,f,-1\n",
            ":2: column 'start' holds '-1', expected a number of at least 0 or an empty cell",
        ),
    ],
)
def test_invalid_tables_are_errors(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file, the line, the column, the value and what was expected."""
    file = tmp_path / "scores.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError) as caught:
        read_scores(file)
    assert str(caught.value) == f"{file}{message}"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(EvaluationError, match=r"none\.csv: the scores cannot be read: No such file or directory"):
        read_scores(tmp_path / "none.csv")
