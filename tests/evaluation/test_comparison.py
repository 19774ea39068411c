"""Comparison of two models: hand-worked cases, explicit loops, simulated coverage, errors."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError, OptionError
from speechgmm.evaluation.comparison import compare, mcnemar_exact, to_json
from speechgmm.evaluation.read_scores import ScoreTable

PAIR = ("female", "male")

Row: TypeAlias = tuple[str, str, str, str | None]


def table(name: str, rows: Iterable[Row], classes: tuple[str, ...] = PAIR) -> ScoreTable:
    """Scores of rows (path, truth, label, speaker)."""
    outcomes = [
        Outcome(path=path, truth=truth, speaker=speaker, duration_s=1.0, decision=Decision(label=label, speech_s=1.0))
        for path, truth, label, speaker in rows
    ]
    return ScoreTable(source=name, classes=classes, outcomes={(one.path, 0.0, None): one for one in outcomes})


def tables(rows: Iterable[Row], classes: tuple[str, ...] = PAIR) -> tuple[ScoreTable, ScoreTable]:
    """Scores of rows (truth, label of A, label of B, speaker)."""
    first: list[Row] = []
    second: list[Row] = []
    for i, (truth, label_a, label_b, speaker) in enumerate(rows):
        first.append((f"{i}.wav", truth, label_a, speaker))
        second.append((f"{i}.wav", truth, label_b, speaker))
    return table("a.csv", first, classes), table("b.csv", second, classes)


def random_rows(seed: int, *, n_speakers: int = 12, better: float = 0.1) -> list[Row]:
    """Speakers of different difficulty, equal for both models; A makes more errors by `better`."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for speaker in range(n_speakers):
        truth, other = PAIR[speaker % 2], PAIR[1 - speaker % 2]
        error_rate = rng.beta(1, 4)
        for _ in range(int(rng.integers(3, 12))):
            first = other if rng.random() < error_rate + better else truth
            second = other if rng.random() < error_rate else truth
            rows.append((truth, first, second, f"s{speaker}"))
    return rows


def test_hand_worked() -> None:
    """Of 8 utterances A has 4 errors and B has 2 (one unknown); 3 are correct for B alone, 1 for A alone."""
    rows: list[Row] = [
        ("female", "female", "female", "a"),
        ("female", "male", "female", "a"),
        ("female", "unknown", "female", "a"),
        ("female", "female", "unknown", "b"),
        ("female", "female", "female", "b"),
        ("male", "male", "male", "c"),
        ("male", "female", "male", "c"),
        ("male", "female", "female", "d"),
    ]
    found = compare(*tables(rows), n_resamples=50)
    assert (found.n_utterances, found.n_speakers, found.n_unnamed) == (8, 4, 0)
    assert (found.errors.first, found.errors.second) == (4, 2)
    assert found.errors.change == pytest.approx(-0.5)
    assert (found.accuracy.first, found.accuracy.second) == pytest.approx((4 / 8, 6 / 8))
    assert (found.uar.first, found.uar.second) == pytest.approx(((3 / 5 + 1 / 3) / 2, (4 / 5 + 2 / 3) / 2))
    assert found.uar.difference == pytest.approx(found.uar.second - found.uar.first)
    assert (found.mcnemar.only_first, found.mcnemar.only_second) == (1, 3)
    assert found.mcnemar.p_value == pytest.approx(2 * (1 + 4) / 16)


@pytest.mark.parametrize("discordant", [(0, 0), (3, 3), (0, 6), (9, 2), (1, 40)])
def test_mcnemar_equals_the_binomial_sum(discordant: tuple[int, int]) -> None:
    """The p-value is the sum of the probabilities of all splits that are at most as likely as the observed one."""
    n, observed = sum(discordant), discordant[0]
    probabilities = [math.comb(n, k) / 2**n for k in range(n + 1)]
    expected = sum(p for p in probabilities if p <= probabilities[observed] * (1 + 1e-9))
    assert mcnemar_exact(*discordant).p_value == pytest.approx(expected)


def test_intervals_equal_an_explicit_loop() -> None:
    """The intervals equal those of a loop that draws speakers within each class, then their utterances in pairs."""
    rows = random_rows(1)
    found = compare(*tables(rows), n_resamples=4000)
    rng = np.random.default_rng(2)
    differences, ratios = [], []
    for _ in range(2000):
        drawn: list[Row] = []
        for label in PAIR:
            speakers = sorted({str(row[3]) for row in rows if row[0] == label})
            for _ in speakers:
                speaker = speakers[rng.integers(len(speakers))]
                candidates = [row for row in rows if row[3] == speaker]
                drawn += [candidates[i] for i in rng.integers(len(candidates), size=len(candidates))]
        recalls = [
            [np.mean([row[model] == label for row in drawn if row[0] == label]) for label in PAIR] for model in (1, 2)
        ]
        differences.append(np.mean(recalls[1]) - np.mean(recalls[0]))
        errors = [sum(row[0] != row[model] for row in drawn) for model in (1, 2)]
        ratios.append(errors[1] / errors[0] - 1)
    for interval, values in ((found.uar.interval, differences), (found.errors.interval, ratios)):
        low, high = np.quantile(values, [0.025, 0.975])
        assert interval.low == pytest.approx(low, abs=0.12 * (high - low))
        assert interval.high == pytest.approx(high, abs=0.12 * (high - low))


def test_pairing_cancels_common_difficulty() -> None:
    """If both models make almost the same errors, the paired interval is much narrower than an unpaired one."""
    rows: list[Row] = [(truth, label, label, speaker) for truth, label, _, speaker in random_rows(3, n_speakers=30)]
    rows[0] = (rows[0][0], "unknown", rows[0][0], rows[0][3])
    found = compare(*tables(rows), n_resamples=300)
    assert 0 < found.accuracy.difference < 0.01
    assert found.accuracy.interval.high - found.accuracy.interval.low < 0.03
    single = compare(*tables([(row[0], row[1], row[0], row[3]) for row in rows]), n_resamples=300)
    assert single.accuracy.interval.high - single.accuracy.interval.low > 0.05


def test_coverage() -> None:
    """On new speakers in each run, the intervals contain the true difference and change at about the nominal rate.

    The mean error rate of B is 0.2 over speakers; on utterances that B labels correctly, the error rate of A is 0.2.
    """
    rng = np.random.default_rng(8)
    n_runs, n_covered = 100, np.zeros(2)
    for _ in range(n_runs):
        rows: list[Row] = []
        for speaker in range(40):
            truth, other = PAIR[speaker % 2], PAIR[1 - speaker % 2]
            wrong = rng.random((2, 20)) < [[rng.beta(0.5, 2)], [rng.beta(0.5, 2)]]
            rows += [(truth, other if a or b else truth, other if b else truth, f"s{speaker}") for a, b in wrong.T]
        found = compare(*tables(rows), n_resamples=100)
        n_covered += [
            found.uar.interval.low <= 0.16 <= found.uar.interval.high,
            found.errors.interval.low <= 0.2 / 0.36 - 1 <= found.errors.interval.high,
        ]
    assert (n_covered / n_runs >= 0.89).all()
    assert (n_covered / n_runs <= 0.99).all()


def test_three_classes() -> None:
    """More than two classes are supported."""
    trio = ("female", "male", "child")
    rows: list[Row] = [(trio[i % 3], trio[(i + (i % 5 == 0)) % 3], trio[i % 3], f"s{i % 9}") for i in range(60)]
    found = compare(*tables(rows, trio), n_resamples=50)
    assert found.classes == trio
    assert (found.errors.first, found.errors.second, found.errors.change) == (12, 0, -1.0)
    assert (found.errors.interval.low, found.errors.interval.high) == (-1.0, -1.0)


def test_models_of_different_classes() -> None:
    """The second model may have a further class; UAR averages the classes that occur."""
    rows: list[Row] = [("female", "female", "child", "a"), ("male", "male", "male", "b")]
    first, second = tables(rows)
    second = ScoreTable(source="b.csv", classes=("child", *PAIR), outcomes=second.outcomes)
    found = compare(first, second, n_resamples=10)
    assert found.classes == ("female", "male", "child")
    assert (found.uar.first, found.uar.second) == (1.0, 0.5)
    assert "no recording has the label 'child': UAR is the mean recall of the others" in found.notes


def test_equal_decisions_have_no_difference() -> None:
    """Without discordant utterances the difference and its interval are 0 and the p-value is 1."""
    rows: list[Row] = [(truth, label, label, speaker) for truth, label, _, speaker in random_rows(5)]
    found = compare(*tables(rows), n_resamples=100)
    assert (found.uar.difference, found.uar.interval.low, found.uar.interval.high) == (0.0, 0.0, 0.0)
    assert found.errors.change == 0.0
    assert (found.mcnemar.only_first, found.mcnemar.only_second, found.mcnemar.p_value) == (0, 0, 1.0)


def test_perfect_models_have_no_change_in_errors() -> None:
    """If the first model makes no errors, the relative change is undefined; the difference in UAR is defined."""
    rows: list[Row] = [(PAIR[i % 2], PAIR[i % 2], PAIR[i % 2] if i else "male", f"s{i % 4}") for i in range(12)]
    worse = compare(*tables(rows), n_resamples=50)
    assert (worse.errors.first, worse.errors.second, worse.errors.n_undefined) == (0, 1, 50)
    assert all(map(math.isnan, (worse.errors.change, worse.errors.interval.low, worse.errors.interval.high)))
    assert worse.uar.difference < 0
    as_json = to_json(worse)
    assert json.loads(json.dumps(as_json, allow_nan=False))["errors"]["change"] is None
    assert (as_json["schema"], as_json["schema_version"]) == ("speechgmm-comparison", 1)


def test_resamples_without_errors_widen_the_interval() -> None:
    """With a single error in many speakers the upper end is infinite instead of too low."""
    rows: list[Row] = [(PAIR[i % 2], PAIR[i % 2], PAIR[i % 2], f"s{i}") for i in range(20)]
    rows[0] = ("female", "male", "female", "s0")
    found = compare(*tables(rows), n_resamples=400)
    assert 0 < found.errors.n_undefined < 400
    assert found.errors.change == -1.0
    assert (found.errors.interval.low, found.errors.interval.high) == (-1.0, math.inf)
    note = (
        f"in {found.errors.n_undefined} of 400 resamples the first model makes no error: they widen the "
        "interval of the change"
    )
    assert found.notes == (note,)


def test_a_single_speaker_is_noted() -> None:
    """With one speaker in a class, a note states that the interval does not cover variation between speakers."""
    rows: list[Row] = [("female", "female", "male", "a")] * 5
    rows += [("male", "male", "male", f"m{i}") for i in range(4)]
    found = compare(*tables(rows), n_resamples=20)
    assert found.notes[0] == (
        "'female' has a single speaker: the intervals do not cover variation between speakers of that class"
    )


def test_recordings_in_one_table_only_are_excluded_and_listed() -> None:
    """Only recordings in both tables are compared."""
    first = table("a.csv", [("x", "female", "male", "s"), ("y", "male", "male", None), ("z", "male", "male", "u")])
    second = table("b.csv", [("w", "male", "male", "v"), ("y", "male", "female", "t"), ("x", "female", "female", None)])
    found = compare(first, second, n_resamples=20)
    assert (found.only_first, found.only_second, found.n_utterances) == (("z",), ("w",), 2)
    assert (found.errors.first, found.errors.second) == (1, 1)
    assert (found.n_speakers, found.n_unnamed) == (2, 0)  # one of the tables names the speaker


def test_order_of_rows_does_not_matter() -> None:
    """Recordings are paired by path."""
    rows = random_rows(6)
    first, second = tables(rows)
    reordered = ScoreTable(source="b.csv", classes=PAIR, outcomes=dict(reversed(list(second.outcomes.items()))))
    assert compare(first, reordered, n_resamples=30) == compare(first, second, n_resamples=30)


def test_segments_of_one_file_are_distinct() -> None:
    """Two segments of one file are two recordings."""
    first, second = (table(name, [("x", "female", label, "s")]) for name, label in (("a", "female"), ("b", "male")))
    outcomes = dict(first.outcomes)
    outcomes["x", 2.0, 3.0] = outcomes["x", 0.0, None]
    found = compare(ScoreTable(source="a", classes=PAIR, outcomes=outcomes), second, n_resamples=5)
    assert (found.n_utterances, found.only_first) == (1, ("x",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truth": "male"}, "x: its label in the corpus is 'female' in a.csv and 'male' in b.csv"),
        ({"speaker": "t"}, "x: its speaker is 's' in a.csv and 't' in b.csv"),
        ({"path": "y"}, "a.csv and b.csv have no recording in common: paths must be the same"),
    ],
)
def test_contradictions_are_errors(change: dict[str, str], message: str) -> None:
    """The error names the recording, both values and both files."""
    row = {"path": "x", "truth": "female", "label": "female", "speaker": "s"}
    changed = {**row, **change}
    first: Row = (row["path"], row["truth"], row["label"], row["speaker"])
    second: Row = (changed["path"], changed["truth"], changed["label"], changed["speaker"])
    with pytest.raises(EvaluationError, match=f"^{message}$"):
        compare(table("a.csv", [first]), table("b.csv", [second]))


def test_one_class_is_an_error() -> None:
    """Tables whose rows all have the same label cannot be compared."""
    first, second = (table(name, [("x", "female", "female", "s")], ("female",)) for name in ("a", "b"))
    with pytest.raises(EvaluationError, match=r"^a and b have one class, 'female', but two are needed$"):
        compare(first, second)


@pytest.mark.parametrize(("n_resamples", "seed", "message"), [(0, 0, "n_resamples is 0"), (1000, -1, "seed is -1")])
def test_options_out_of_range(n_resamples: int, seed: int, message: str) -> None:
    """The error names the option and its value."""
    first, second = tables(random_rows(7))
    with pytest.raises(OptionError, match=message):
        compare(first, second, n_resamples=n_resamples, seed=seed)
