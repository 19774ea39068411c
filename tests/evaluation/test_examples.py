"""Single answers, noise and columns in a report: which utterances are shown, and how they are grouped."""

from __future__ import annotations

import math

import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.breakdown import MOST_VALUES, by_snr, unfit_columns
from speechgmm.evaluation.examples import confident_errors, least_certain
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.report import evaluate

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
    """An answer; its ratios agree with its probability."""
    if label == "unknown":
        decision = Decision(label=label, speech_s=0.0, reason="no speech")
    else:
        other = {"a": "b", "b": "a"}[label]
        llr = math.log(probability / (1 - probability))
        decision = Decision(
            label=label,
            probability=probability,
            score=llr,
            speech_s=1.25,
            probabilities={label: probability, other: 1 - probability},
            log_likelihood_ratios={label: llr, other: -llr},
        )
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
    outcome("right", "a", "a", 0.99),
    outcome("wrong and sure", "a", "b", 0.97),
    outcome("wrong", "b", "a", 0.6),
    outcome("right and unsure", "b", "b", 0.55),
    outcome("unknown", "b", "unknown"),
]


def test_confident_errors_are_the_surest_wrong_answers() -> None:
    """Right answers and unknowns are not among them."""
    assert [one.path for one in confident_errors(MIXED)] == ["wrong and sure", "wrong"]
    assert [one.path for one in confident_errors(MIXED, 1)] == ["wrong and sure"]


def test_least_certain_answers_may_be_right() -> None:
    """The lowest probability first; unknowns are not among them."""
    found = least_certain(MIXED, 3)
    assert [one.path for one in found] == ["right and unsure", "wrong", "wrong and sure"]


def test_an_example_tells_all_there_is() -> None:
    """Every field is that of the outcome."""
    (one,) = confident_errors([outcome("x", "a", "b", 0.75, start=3.5, snr_db=12.5)])
    assert (one.path, one.start, one.end, one.truth, one.speaker, one.label) == ("x", 3.5, 5.5, "a", "s", "b")
    assert (one.probability, one.score, one.speech_s, one.duration_s) == (0.75, math.log(3), 1.25, 2.0)
    assert one.snr_db == 12.5


def test_equal_answers_have_one_order() -> None:
    """By path, then by place in the file, whatever the order they come in."""
    some = [outcome(path, "a", "b", start=start) for path, start in (("y", 0.0), ("x", 9.0), ("x", 1.0))]
    for outcomes in (some, some[::-1]):
        for chosen in (confident_errors, least_certain):
            assert [(one.path, one.start) for one in chosen(outcomes)] == [("x", 1.0), ("x", 9.0), ("y", 0.0)]


def test_groups_by_noise_hold_their_lower_end() -> None:
    """From the noisiest to the quietest, those without an estimate last; only groups that occur."""
    ratios = (4.99, 5.0, 9.99, 10.0, 15.0, 29.99, 30.0, 80.0, math.nan, -3.0)
    groups = by_snr([outcome("x", "a", "a", snr_db=ratio) for ratio in ratios], ("a", "b"), FEW)
    assert [(one.name, one.n_utterances) for one in groups] == [
        *(("<5 dB", 2), ("5-10 dB", 2), ("10-15 dB", 1), ("15-20 dB", 1), ("20-30 dB", 1), ("30+ dB", 2), ("none", 1)),
    ]


def test_without_any_estimate_there_are_no_groups_by_noise() -> None:
    """One group of everything would say nothing."""
    assert by_snr(MIXED, ("a", "b"), FEW) == ()


def test_columns_that_say_nothing_are_unfit() -> None:
    """Constants, names of single files and columns of many values; a value that is missing is a value too."""
    outcomes = [
        outcome(
            str(i),
            "a",
            "a",
            **{"one": "x", "two": "xy"[i % 2], "many": str(i % (MOST_VALUES + 1)), "most": str(i % MOST_VALUES)},
            **({"sometimes": "x"} if i % 3 else {}),
        )
        for i in range(200)
    ]
    assert unfit_columns(outcomes) == {
        "one": "all utterances have the same value",
        "many": f"it has {MOST_VALUES + 1} values, more than {MOST_VALUES}",
    }
    few = [outcome(str(i), "a", "a", sha256=f"{i:x}", place="xyz"[i % 3]) for i in range(6)]
    assert unfit_columns(few) == {"sha256": "it has 6 values for 6 utterances"}


@pytest.mark.parametrize(("by", "columns"), [((), ["place"]), (("sha256",), ["sha256", "place"])])
def test_results_are_broken_down_by_what_is_asked_for_and_what_is_fit(by: tuple[str, ...], columns: list[str]) -> None:
    """A column asked for comes first and need not be fit; the others are named with the reason."""
    outcomes = [outcome(str(i), "ab"[i % 2], "a", sha256=f"{i:x}", place="xy"[i // 3], one="1") for i in range(6)]
    report = evaluate(outcomes, classes=("a", "b"), by=by, n_resamples=5)
    assert list(report.by_column) == columns
    assert list(report.columns_left_out) == [name for name in ("sha256", "one") if name not in columns]
