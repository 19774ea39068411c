"""The comparison of two models: hand-worked cases, explicit loops, a simulation of its coverage, its refusals."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import numpy as np
import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError, OptionError
from speechgmm.evaluation.comparison import compare, mcnemar_exact, to_json
from speechgmm.evaluation.scores import ScoreTable

PAIR = ("female", "male")


def table(name: str, answers: Iterable[tuple[str, str, str, str | None]], classes=PAIR) -> ScoreTable:
    """Scores of (path, truth, label, speaker)."""
    outcomes = [
        Outcome(path=path, truth=truth, speaker=who, duration_s=1.0, decision=Decision(label=label, speech_s=1.0))
        for path, truth, label, who in answers
    ]
    return ScoreTable(source=name, classes=classes, outcomes={(one.path, 0.0, None): one for one in outcomes})


def tables(rows: Iterable[tuple[str, str, str, str | None]], classes=PAIR) -> tuple[ScoreTable, ScoreTable]:
    """Scores of (truth, label of A, label of B, speaker)."""
    rows = list(rows)
    return tuple(
        table(name, [(f"{i}.wav", row[0], row[column], row[3]) for i, row in enumerate(rows)], classes)
        for name, column in (("a.csv", 1), ("b.csv", 2))
    )


def drawn_at_random(seed: int, *, n_speakers: int = 12, better: float = 0.1) -> list[tuple[str, str, str, str]]:
    """Speakers who differ in how hard they are, for both models alike."""
    rng = np.random.default_rng(seed)
    rows = []
    for speaker in range(n_speakers):
        truth, other = PAIR[speaker % 2], PAIR[1 - speaker % 2]
        hard = rng.beta(1, 4)
        for _ in range(int(rng.integers(3, 12))):
            first = other if rng.random() < hard + better else truth
            second = other if rng.random() < hard else truth
            rows.append((truth, first, second, f"s{speaker}"))
    return rows


def test_hand_worked() -> None:
    """Of eight utterances A has four wrong and B two, an unknown among them; three are right by B alone, one by A."""
    rows = [
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
    assert (found.errors.first, found.errors.second, found.errors.change) == (4, 2, pytest.approx(-0.5))
    assert (found.accuracy.first, found.accuracy.second) == pytest.approx((4 / 8, 6 / 8))
    assert (found.uar.first, found.uar.second) == pytest.approx(((3 / 5 + 1 / 3) / 2, (4 / 5 + 2 / 3) / 2))
    assert found.uar.difference == pytest.approx(found.uar.second - found.uar.first)
    assert (found.mcnemar.only_first, found.mcnemar.only_second) == (1, 3)
    assert found.mcnemar.p_value == pytest.approx(2 * (1 + 4) / 16)


@pytest.mark.parametrize("discordant", [(0, 0), (3, 3), (0, 6), (9, 2), (1, 40)])
def test_mcnemar_equals_the_sum_over_tosses(discordant: tuple[int, int]) -> None:
    """Every division of the discordant utterances that is as unlikely as the one found, by its probability."""
    n, found = sum(discordant), discordant[0]
    probabilities = [math.comb(n, k) / 2**n for k in range(n + 1)]
    expected = sum(p for p in probabilities if p <= probabilities[found] * (1 + 1e-9))
    assert mcnemar_exact(*discordant).p_value == pytest.approx(expected)


def test_intervals_equal_an_explicit_loop() -> None:
    """Speakers drawn one by one within each class, then their utterances with both answers, give the same intervals."""
    rows = drawn_at_random(1)
    found = compare(*tables(rows), n_resamples=4000)
    rng = np.random.default_rng(2)
    differences, ratios = [], []
    for _ in range(2000):
        drawn = []
        for label in PAIR:
            speakers = sorted({row[3] for row in rows if row[0] == label})
            for _ in speakers:
                who = speakers[rng.integers(len(speakers))]
                mine = [row for row in rows if row[3] == who]
                drawn += [mine[i] for i in rng.integers(len(mine), size=len(mine))]
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


def test_pairing_takes_out_what_is_hard_for_both() -> None:
    """Where both err on the same utterances but a few, the interval is far narrower than without pairing."""
    rows = [(truth, label, label, who) for truth, label, _, who in drawn_at_random(3, n_speakers=30)]
    rows[0] = (rows[0][0], "unknown", rows[0][0], rows[0][3])
    found = compare(*tables(rows), n_resamples=300)
    assert 0 < found.accuracy.difference < 0.01
    assert found.accuracy.interval.high - found.accuracy.interval.low < 0.03
    alone = compare(*tables([(row[0], row[1], row[0], row[3]) for row in rows]), n_resamples=300)
    assert alone.accuracy.interval.high - alone.accuracy.interval.low > 0.05


def test_coverage() -> None:
    """On new speakers each time, the intervals hold the true difference and change about as often as they say.

    B errs with a probability of 0.2 in the mean over speakers; on what B has right A errs with 0.2, speaker by speaker.
    """
    rng = np.random.default_rng(8)
    n_runs, held = 100, np.zeros(2)
    for _ in range(n_runs):
        rows = []
        for speaker in range(40):
            truth, other = PAIR[speaker % 2], PAIR[1 - speaker % 2]
            wrong = rng.random((2, 20)) < [[rng.beta(0.5, 2)], [rng.beta(0.5, 2)]]
            rows += [(truth, other if a or b else truth, other if b else truth, f"s{speaker}") for a, b in wrong.T]
        found = compare(*tables(rows), n_resamples=100)
        held += [
            found.uar.interval.low <= 0.16 <= found.uar.interval.high,
            found.errors.interval.low <= 0.2 / 0.36 - 1 <= found.errors.interval.high,
        ]
    assert (held / n_runs >= 0.89).all()
    assert (held / n_runs <= 0.99).all()


def test_three_classes() -> None:
    """Any number of classes; an answer that is no truth of these recordings is an error like any other."""
    trio = ("female", "male", "child")
    rows = [(trio[i % 3], trio[(i + (i % 5 == 0)) % 3], trio[i % 3], f"s{i % 9}") for i in range(60)]
    found = compare(*tables(rows, trio), n_resamples=50)
    assert found.classes == trio
    assert (found.errors.first, found.errors.second, found.errors.change) == (12, 0, -1.0)
    assert (found.errors.interval.low, found.errors.interval.high) == (-1.0, -1.0)


def test_models_of_different_classes() -> None:
    """The second may know a class more; the recalls are of the classes that occur."""
    rows = [("female", "female", "child", "a"), ("male", "male", "male", "b")]
    first, second = tables(rows)
    second = ScoreTable(source="b.csv", classes=("child", *PAIR), outcomes=second.outcomes)
    found = compare(first, second, n_resamples=10)
    assert found.classes == ("female", "male", "child")
    assert (found.uar.first, found.uar.second) == (1.0, 0.5)
    assert "no recording has the label 'child': UAR is the mean recall of the others" in found.notes


def test_the_same_answers_are_no_difference() -> None:
    """Nothing discordant: no difference, its interval a point, and a p-value of 1."""
    rows = [(truth, label, label, who) for truth, label, _, who in drawn_at_random(5)]
    found = compare(*tables(rows), n_resamples=100)
    assert (found.uar.difference, found.uar.interval.low, found.uar.interval.high) == (0.0, 0.0, 0.0)
    assert found.errors.change == 0.0
    assert (found.mcnemar.only_first, found.mcnemar.only_second, found.mcnemar.p_value) == (0, 0, 1.0)


def test_perfect_models_have_no_change_in_errors() -> None:
    """Where the first makes no errors, there is nothing to divide by; the difference in UAR stands."""
    rows = [(PAIR[i % 2], PAIR[i % 2], PAIR[i % 2] if i else "male", f"s{i % 4}") for i in range(12)]
    worse = compare(*tables(rows), n_resamples=50)
    assert (worse.errors.first, worse.errors.second, worse.errors.n_undefined) == (0, 1, 50)
    assert all(map(math.isnan, (worse.errors.change, worse.errors.interval.low, worse.errors.interval.high)))
    assert worse.uar.difference < 0
    as_json = to_json(worse)
    assert json.loads(json.dumps(as_json, allow_nan=False))["errors"]["change"] is None
    assert (as_json["schema"], as_json["schema_version"]) == ("speechgmm-comparison", 1)


def test_resamples_without_errors_widen_the_interval() -> None:
    """One error of one speaker of many: most ends are unknown, and so there is no bound, rather than a wrong one."""
    rows = [(PAIR[i % 2], PAIR[i % 2], PAIR[i % 2], f"s{i}") for i in range(20)]
    rows[0] = ("female", "male", "female", "s0")
    found = compare(*tables(rows), n_resamples=400)
    assert 0 < found.errors.n_undefined < 400
    assert found.errors.change == -1.0
    assert (found.errors.interval.low, found.errors.interval.high) == (-1.0, math.inf)
    assert found.notes == (
        f"in {found.errors.n_undefined} of 400 resamples the first makes no error: there the change is taken as "
        "whatever makes its interval wider",
    )


def test_a_single_speaker_is_said() -> None:
    """With one speaker in a class the note says what the interval leaves out."""
    rows = [("female", "female", "male", "a")] * 5 + [("male", "male", "male", f"m{i}") for i in range(4)]
    found = compare(*tables(rows), n_resamples=20)
    assert found.notes[0] == (
        "'female' has a single speaker: the intervals say nothing of other speakers of that class"
    )


def test_recordings_of_one_alone_are_left_out_and_named() -> None:
    """What only one model answered does not count."""
    first = table("a.csv", [("x", "female", "male", "s"), ("y", "male", "male", None), ("z", "male", "male", "u")])
    second = table("b.csv", [("w", "male", "male", "v"), ("y", "male", "female", "t"), ("x", "female", "female", None)])
    found = compare(first, second, n_resamples=20)
    assert (found.only_first, found.only_second, found.n_utterances) == (("z",), ("w",), 2)
    assert (found.errors.first, found.errors.second) == (1, 1)
    assert (found.n_speakers, found.n_unnamed) == (2, 0)  # one of both names the speaker


def test_order_of_rows_does_not_matter() -> None:
    """Recordings are paired by path."""
    rows = drawn_at_random(6)
    first, second = tables(rows)
    turned = ScoreTable(source="b.csv", classes=PAIR, outcomes=dict(reversed(second.outcomes.items())))
    assert compare(first, turned, n_resamples=30) == compare(first, second, n_resamples=30)


def test_stretches_of_one_file_are_told_apart() -> None:
    """Two stretches of a path are two recordings."""
    first, second = (table(name, [("x", "female", label, "s")]) for name, label in (("a", "female"), ("b", "male")))
    outcomes = dict(first.outcomes)
    outcomes["x", 2.0, 3.0] = outcomes["x", 0.0, None]
    found = compare(ScoreTable(source="a", classes=PAIR, outcomes=outcomes), second, n_resamples=5)
    assert (found.n_utterances, found.only_first) == (1, ("x",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"truth": "male"}, "x: its label in the corpus is 'female' in a.csv and 'male' in b.csv"),
        ({"speaker": "t"}, "x: its speaker is 's' in a.csv and 't' in b.csv"),
        ({"path": "y"}, "a.csv and b.csv have no recording in common: paths must be the same"),
    ],
)
def test_contradictions_are_refused(change: dict[str, str], said: str) -> None:
    """The error names the recording, both values and both files."""
    row = {"path": "x", "truth": "female", "label": "female", "speaker": "s"}
    with pytest.raises(EvaluationError, match=f"^{said}$"):
        compare(table("a.csv", [tuple(row.values())]), table("b.csv", [tuple({**row, **change}.values())]))


def test_one_class_is_refused() -> None:
    """A table of another program whose rows all have one label says nothing of telling apart."""
    tables_ = [table(name, [("x", "female", "female", "s")], ("female",)) for name in ("a", "b")]
    with pytest.raises(EvaluationError, match=r"^a and b know one class, 'female', but two are needed$"):
        compare(*tables_)


@pytest.mark.parametrize(("options", "said"), [({"n_resamples": 0}, "n_resamples is 0"), ({"seed": -1}, "seed is -1")])
def test_options_out_of_range(options: dict[str, int], said: str) -> None:
    """As for a report."""
    with pytest.raises(OptionError, match=said):
        compare(*tables(drawn_at_random(7)), **options)
