"""Example utterances, and grouping by SNR and by columns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.breakdown import by_snr
from speechgmm.evaluation.columns import MOST_VALUES, unfit_columns
from speechgmm.evaluation.examples import confident_errors, least_certain
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.report import evaluate
from tests.builders import abstain, decide

FEW = Resampling(n_resamples=5)


def outcome(
    path: str,
    truth: str,
    label: str,
    probability: float = 0.8,
    *,
    start: float = 0.0,
    snr_db: float = math.nan,
    **columns: str,
) -> Outcome:
    """An outcome with consistent probability and log-likelihood ratios."""
    if label == "unknown":
        decision = abstain()
    else:
        other = {"a": "b", "b": "a"}[label]
        decision = decide({label: probability, other: 1 - probability}, speech_s=1.25)
    return Outcome(
        path=path,
        truth=truth,
        speaker="s",
        duration_s=2.0,
        decision=decision,
        start=start,
        end=start + 2.0,
        snr_db=snr_db,
        columns=columns,
    )


MIXED = [
    outcome("confident correct", "a", "a", 0.99),
    outcome("confident error", "a", "b", 0.97),
    outcome("error", "b", "a", 0.6),
    outcome("uncertain correct", "b", "b", 0.55),
    outcome("unknown", "b", "unknown"),
]


def test_confident_errors_are_sorted_by_probability() -> None:
    """Correct and unknown utterances are not included."""
    assert [example.path for example in confident_errors(MIXED)] == ["confident error", "error"]
    assert [example.path for example in confident_errors(MIXED, 1)] == ["confident error"]


def test_least_certain_decisions_may_be_correct() -> None:
    """The lowest probability is first; unknown utterances are not included."""
    examples = least_certain(MIXED, 3)
    assert [example.path for example in examples] == ["uncertain correct", "error", "confident error"]


def test_an_example_has_the_values_of_its_outcome() -> None:
    """Every field is copied."""
    (example,) = confident_errors([outcome("x", "a", "b", 0.75, start=3.5, snr_db=12.5)])
    assert (example.path, example.start, example.end, example.truth) == ("x", 3.5, 5.5, "a")
    assert (example.speaker, example.label) == ("s", "b")
    assert (example.probability, example.score, example.speech_s) == (0.75, math.log(3), 1.25)
    assert (example.duration_s, example.snr_db) == (2.0, 12.5)


def test_equal_probabilities_are_sorted_by_path_and_start() -> None:
    """The order does not depend on the order of the outcomes."""
    some = [outcome(path, "a", "b", start=start) for path, start in (("y", 0.0), ("x", 9.0), ("x", 1.0))]
    for outcomes in (some, some[::-1]):
        for select in (confident_errors, least_certain):
            assert [(one.path, one.start) for one in select(outcomes)] == [("x", 1.0), ("x", 9.0), ("y", 0.0)]


def test_snr_groups_include_their_lower_end() -> None:
    """Groups are sorted by SNR, utterances without an estimate last; empty groups are left out."""
    ratios = (4.99, 5.0, 9.99, 10.0, 15.0, 29.99, 30.0, 80.0, math.nan, -3.0)
    groups = by_snr([outcome("x", "a", "a", snr_db=ratio) for ratio in ratios], ("a", "b"), FEW)
    assert [(one.name, one.n_utterances) for one in groups] == [
        *(("<5 dB", 2), ("5-10 dB", 2), ("10-15 dB", 1), ("15-20 dB", 1), ("20-30 dB", 1), ("30+ dB", 2), ("none", 1)),
    ]


def test_without_snr_estimates_there_are_no_groups() -> None:
    """A single group of all utterances is not reported."""
    assert by_snr(MIXED, ("a", "b"), FEW) == ()


def test_unfit_columns() -> None:
    """Constants, names of single files and columns of many values; a missing value is counted as a value."""
    outcomes = []
    for i in range(200):
        many, most = str(i % (MOST_VALUES + 1)), str(i % MOST_VALUES)
        columns = {"one": "x", "two": "xy"[i % 2], "many": many, "most": most}
        outcomes.append(replace(outcome(str(i), "a", "a"), columns=columns | ({"sometimes": "x"} if i % 3 else {})))
    assert unfit_columns(outcomes) == {
        "one": "all utterances have the same value",
        "many": f"it has {MOST_VALUES + 1} values, more than {MOST_VALUES}",
    }
    few = [outcome(str(i), "a", "a", sha256=f"{i:x}", place="xyz"[i % 3]) for i in range(6)]
    assert unfit_columns(few) == {"sha256": "it has 6 values for 6 utterances"}


@pytest.mark.parametrize(("by", "columns"), [((), ["place"]), (("sha256",), ["sha256", "place"])])
def test_results_are_grouped_by_requested_and_suitable_columns(by: tuple[str, ...], columns: list[str]) -> None:
    """Requested columns are first, also if unsuitable; the columns left out are listed."""
    outcomes = [outcome(str(i), "ab"[i % 2], "a", sha256=f"{i:x}", place="xy"[i // 3], one="1") for i in range(6)]
    report = evaluate(outcomes, classes=("a", "b"), by=by, n_resamples=5)
    assert list(report.by_column) == columns
    assert list(report.columns_left_out) == [name for name in ("sha256", "one") if name not in columns]
