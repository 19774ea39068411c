"""The report: metrics compared with scikit-learn and hand-worked cases, its text, its JSON and its score rows."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from speechgmm.classifier.decision import Decision
from speechgmm.errors import EvaluationError, OptionError
from speechgmm.evaluation import detection
from speechgmm.evaluation.array_types import Floats
from speechgmm.evaluation.breakdown import ClassResult, GroupResult
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome_counts import count_outcomes
from speechgmm.evaluation.report import Outcome, Skipped, Warned, evaluate
from speechgmm.evaluation.report_files import SCORE_COLUMNS, score_rows, to_json
from speechgmm.evaluation.report_text import to_text
from tests.builders import decide

PAIR = ("female", "male")
TRIO = ("female", "male", "child")


def undecided(reason: str = "0.10 s of speech, 0.50 s are needed") -> Decision:
    return Decision(label="unknown", speech_s=0.1, reason=reason)


def outcome(
    path: str, truth: str, speaker: str | None, decision: Decision, *, duration_s: float = 4.0, **columns: str
) -> Outcome:
    return Outcome(path=path, truth=truth, speaker=speaker, duration_s=duration_s, decision=decision, columns=columns)


FEMALE, MALE = decide({"female": 3.0, "male": 1.0}), decide({"female": 1.0, "male": 4.0})

# Anna: 2 correct, 1 wrong, 1 unknown. Bea: 1 correct. Carl: 2 correct. Dan: 1 wrong. Unnamed (female): 1 correct.
SMALL = [
    outcome("a1.wav", "female", "anna", FEMALE, duration_s=0.0, corpus="x"),
    outcome("a2.wav", "female", "anna", FEMALE, duration_s=0.999, corpus="x"),
    outcome("a3.wav", "female", "anna", MALE, duration_s=1.0, corpus="x"),
    outcome("a4.wav", "female", "anna", undecided(), duration_s=2.0, corpus="y"),
    outcome("b1.wav", "female", "bea", FEMALE, duration_s=3.0, corpus="y"),
    outcome("c1.wav", "male", "carl", MALE, duration_s=4.9, corpus="x"),
    outcome("c2.wav", "male", "carl", MALE, duration_s=5.0, corpus="x"),
    outcome("d1.wav", "male", "dan", FEMALE, duration_s=10.0, corpus="y"),
    outcome("n1.wav", "female", None, FEMALE, duration_s=3600.0),
]


def random_outcomes(seed: int, classes: Sequence[str], *, n: int = 240) -> list[Outcome]:
    rng = np.random.default_rng(seed)
    outcomes = []
    for i in range(n):
        speaker = int(rng.integers(30))
        truth = classes[speaker % len(classes)]
        likelihoods = {name: math.exp(rng.normal(1.5 if name == truth else 0.0)) for name in classes}
        decision = undecided() if rng.random() < 0.1 else decide(likelihoods)
        name = None if speaker == 0 else f"s{speaker}"
        corpus = "xyz"[speaker % 5 % 3]
        outcomes.append(outcome(f"{i}.wav", truth, name, decision, duration_s=float(rng.gamma(2, 2)), corpus=corpus))
    return outcomes


def llrs_of(outcomes: list[Outcome], name: str) -> tuple[Floats, Floats]:
    decided = [one for one in outcomes if one.decision.decided]
    llr = np.array([one.decision.log_likelihood_ratios[name] for one in decided])
    is_target = np.array([one.truth == name for one in decided])
    return llr[is_target], llr[~is_target]


def strict_loads(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def ends(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"


def test_hand_worked_totals() -> None:
    """Nine utterances: six correct, two wrong, one unknown, which is not correct."""
    report = evaluate(SMALL, classes=PAIR, n_resamples=50)
    assert (report.n_utterances, report.n_speakers, report.n_unnamed) == (9, 4, 1)
    assert (report.n_decided, report.n_unknown, report.n_correct) == (8, 1, 6)
    assert report.accuracy == pytest.approx(6 / 9)
    assert report.accuracy_decided == pytest.approx(6 / 8)
    assert report.uar == pytest.approx((4 / 6 + 2 / 3) / 2)
    assert report.confusion == ((4, 1, 1), (1, 2, 0))
    female, male = report.per_class
    assert (female.n_utterances, female.n_speakers, female.n_correct, female.n_unknown, female.n_predicted) == (
        (6, 2, 4, 1, 5)
    )
    assert (male.n_utterances, male.n_speakers, male.n_correct, male.n_unknown, male.n_predicted) == (3, 2, 2, 0, 3)
    assert (female.recall, female.precision, female.f1) == pytest.approx((4 / 6, 4 / 5, 8 / 11))
    assert (male.recall, male.precision, male.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_utterances_without_a_speaker_are_separate_speakers() -> None:
    """They follow the named speakers, one row each."""
    more = outcome("n2.wav", "male", None, undecided())
    speakers, counts = count_outcomes([more, *SMALL], PAIR)
    assert speakers == ["anna", "bea", "carl", "dan"]
    expected = [[2, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 2, 0], [0, 0, 0, 1, 0, 0]]
    expected += [[0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(counts.reshape(6, 6), expected)


def test_hand_worked_detection() -> None:
    """The ratios of "female" are ln 3 or -ln 4: ln 3 for 4 of 5 targets and 1 of 3 nontargets."""
    report = evaluate(SMALL, classes=PAIR, n_resamples=10)
    (female,) = report.detection
    assert (female.target, female.n_targets, female.n_nontargets) == ("female", 5, 3)
    # (false alarm, miss) is (1, 0), (1/3, 1/5), (0, 1); the last segment intersects the diagonal.
    assert report.eer == female.eer == pytest.approx(5 / 17)
    female_cost = (4 * math.log2(4 / 3) + math.log2(5)) / 5
    male_cost = (2 * math.log2(5 / 4) + math.log2(4)) / 3
    assert report.cllr == pytest.approx((female_cost + male_cost) / 2)
    assert female.cllr == pytest.approx(report.cllr)
    # The optimal likelihood ratios are 4/5 to 1/3 for the high scores and 1/5 to 2/3 for the low scores.
    female_cost = (4 * math.log2(1 + 5 / 12) + math.log2(1 + 10 / 3)) / 5
    male_cost = (2 * math.log2(1 + 3 / 10) + math.log2(1 + 12 / 5)) / 3
    assert report.min_cllr == female.min_cllr == pytest.approx((female_cost + male_cost) / 2)


def test_more_than_two_classes() -> None:
    """Each class against the others, mean EER, multiclass Cllr, and no total minimum Cllr."""
    outcomes = random_outcomes(1, TRIO)
    report = evaluate(outcomes, classes=TRIO, n_resamples=10)
    assert [result.target for result in report.detection] == list(TRIO)
    for result in report.detection:
        targets, nontargets = llrs_of(outcomes, result.target)
        assert (result.n_targets, result.n_nontargets) == (len(targets), len(nontargets))
        assert result.eer == detection.equal_error_rate(targets, nontargets)
        assert result.cllr == detection.cllr(targets, nontargets)
        assert result.min_cllr == detection.min_cllr(targets, nontargets)
    assert report.eer == pytest.approx(np.mean([result.eer for result in report.detection]))
    bits: dict[str, list[float]] = {name: [] for name in TRIO}
    for one in outcomes:
        if one.decision.decided:
            bits[one.truth].append(-math.log2(one.decision.probabilities[one.truth]))
    assert report.cllr == pytest.approx(np.mean([np.mean(values) for values in bits.values()]))
    assert math.isnan(report.min_cllr)


@pytest.mark.parametrize("classes", [PAIR, TRIO])
def test_totals_equal_scikit_learn(classes: tuple[str, ...]) -> None:
    """Accuracy, UAR and the results per class of random outcomes."""
    outcomes = random_outcomes(2, classes)
    truth, predicted = [one.truth for one in outcomes], [one.decision.label for one in outcomes]
    report = evaluate(outcomes, classes=classes, n_resamples=10)
    options = {"labels": classes, "zero_division": np.nan}
    assert report.accuracy == pytest.approx(oracle.accuracy_score(truth, predicted))
    assert report.uar == pytest.approx(oracle.recall_score(truth, predicted, average="macro", **options))
    expected = oracle.precision_recall_fscore_support(truth, predicted, **options)
    actual = [(one.precision, one.recall, one.f1, one.n_utterances) for one in report.per_class]
    np.testing.assert_allclose(actual, np.transpose(expected))


def test_parts_add_up_to_the_whole() -> None:
    """The counts of classes, groups and speakers add up to the total."""
    report = evaluate(random_outcomes(3, TRIO), classes=TRIO, by=["corpus"], n_resamples=10)
    tables: list[Sequence[ClassResult | GroupResult]] = [
        report.per_class,
        report.by_duration,
        report.by_column["corpus"],
    ]
    for rows in tables:
        assert len(rows) > 2
        assert sum(row.n_utterances for row in rows) == report.n_utterances
        assert sum(row.n_correct for row in rows) == report.n_correct
        assert sum(row.n_unknown for row in rows) == report.n_unknown
    for groups in (report.by_duration, report.by_column["corpus"]):
        np.testing.assert_array_equal(np.sum([row.confusion for row in groups], axis=0), report.confusion)
    n_named = report.n_utterances - report.n_unnamed
    assert 0 < report.n_unnamed < 30
    assert sum(one.n_utterances for one in report.per_speaker) == n_named
    assert sum(one.n_speakers for one in report.per_class) == report.n_speakers == len(report.per_speaker)


def test_groups_by_duration() -> None:
    """A group includes its lower end and excludes its upper; groups without utterances are left out."""
    report = evaluate(SMALL, classes=PAIR, n_resamples=10)
    groups = [(one.name, one.n_utterances, one.n_correct) for one in report.by_duration]
    assert groups == [
        ("0-1 s", 2, 2),
        ("1-2 s", 1, 0),
        ("2-3 s", 1, 0),
        ("3-5 s", 2, 2),
        ("5-10 s", 1, 1),
        ("10+ s", 2, 1),
    ]
    some = evaluate(SMALL[:2] + SMALL[6:8], classes=PAIR, n_resamples=10)
    assert [one.name for one in some.by_duration] == ["0-1 s", "5-10 s", "10+ s"]


def test_groups_by_column() -> None:
    """Groups are sorted by value; utterances without a value are in the group with the empty name."""
    empty, x, y = evaluate(SMALL, classes=PAIR, by=["corpus"], n_resamples=10).by_column["corpus"]
    assert (empty.name, empty.n_utterances, empty.n_speakers, empty.uar) == ("", 1, 0, 1.0)
    assert (x.name, x.n_utterances, x.n_speakers, x.n_correct, x.n_unknown) == ("x", 5, 2, 4, 0)
    assert (x.accuracy, x.uar) == pytest.approx((4 / 5, (2 / 3 + 1) / 2))
    assert (y.name, y.n_utterances, y.n_speakers, y.n_correct, y.n_unknown) == ("y", 3, 3, 1, 1)
    assert x.accuracy_wilson.low < 4 / 5 < x.accuracy_wilson.high < 1


def test_speakers_are_sorted_by_accuracy() -> None:
    """The lowest accuracy is first, then the most errors; an unknown is an error."""
    more = [outcome("e1.wav", "male", "eli", FEMALE), outcome("e2.wav", "male", "eli", undecided())]
    report = evaluate([*SMALL, *more], classes=PAIR, n_resamples=10)
    speakers = [
        (one.speaker, one.label, one.n_utterances, one.n_errors, one.n_unknown, one.accuracy)
        for one in report.per_speaker
    ]
    assert speakers == [
        ("eli", "male", 2, 2, 1, 0.0),
        ("dan", "male", 1, 1, 0, 0.0),
        ("anna", "female", 4, 2, 1, 0.5),
        ("bea", "female", 1, 0, 0, 1.0),
        ("carl", "male", 2, 0, 0, 1.0),
    ]


def test_reasons_are_counted() -> None:
    """The most frequent reason is first."""
    more = [outcome(f"u{i}.wav", "male", "carl", undecided("no speech")) for i in range(2)]
    report = evaluate([*SMALL, *more], classes=PAIR, n_resamples=10)
    assert list(report.unknown_reasons.items()) == [("no speech", 2), ("0.10 s of speech, 0.50 s are needed", 1)]


def test_intervals_contain_their_metrics() -> None:
    """The bootstrap over correlated speakers is wider than the Wilson interval, without speakers equal to it."""
    rng = np.random.default_rng(4)
    outcomes = [
        outcome(f"{s}-{i}.wav", PAIR[s % 2], f"s{s}", [FEMALE, MALE][s % 2 if rng.random() < s / 20 else 1 - s % 2])
        for s in range(20)
        for i in range(20)
    ]
    report = evaluate(outcomes, classes=PAIR)
    wilson, bootstrap = report.accuracy_wilson, report.accuracy_bootstrap
    assert bootstrap.low < wilson.low < report.accuracy < wilson.high < bootstrap.high
    assert report.uar_bootstrap.low < report.uar < report.uar_bootstrap.high
    unnamed = evaluate([replace(one, speaker=None) for one in outcomes], classes=PAIR).accuracy_bootstrap
    assert unnamed.low == pytest.approx(wilson.low, abs=0.01)
    assert unnamed.high == pytest.approx(wilson.high, abs=0.01)


def test_groups_and_classes_have_the_intervals_of_their_own_utterances() -> None:
    """The intervals of a group equal those of a report on the group; the recall of a class depends on its row only."""
    outcomes = random_outcomes(11, TRIO)
    report = evaluate(outcomes, classes=TRIO, by=["corpus"], n_resamples=100, seed=3)
    for group in report.by_column["corpus"]:
        members = [one for one in outcomes if one.columns["corpus"] == group.name]
        expected = evaluate(members, classes=TRIO, n_resamples=100, seed=3)
        assert group.accuracy_bootstrap == expected.accuracy_bootstrap
        assert group.uar_bootstrap == expected.uar_bootstrap
        assert (group.eer, group.cllr) == pytest.approx((expected.eer, expected.cllr), nan_ok=True)
    for one in report.per_class:
        assert one.recall_bootstrap.low < one.recall < one.recall_bootstrap.high
    all_male = [replace(one, decision=decide({"female": 1.0, "male": 9.0, "child": 1.0})) for one in outcomes]
    female, male, child = evaluate(all_male, classes=TRIO, n_resamples=20).per_class
    for one, recall in ((female, 0.0), (male, 1.0), (child, 0.0)):
        assert (one.recall_bootstrap.low, one.recall_bootstrap.high) == (recall, recall)


def test_intervals_of_eer_and_cllr_resample_speakers() -> None:
    """One speaker with confident errors only makes the intervals over speakers much wider."""
    good, bad = decide({"female": 9.0, "male": 1.0}), decide({"female": 1.0, "male": 20.0})
    men = [outcome(f"m{i}.wav", "male", f"m{i}", decide({"female": 1.0, "male": 9.0})) for i in range(40)]
    women = [outcome(f"f{i}.wav", "female", f"f{i % 4}", bad if i % 4 == 0 else good) for i in range(40)]
    named = evaluate([*men, *women], classes=PAIR, n_resamples=400)
    unnamed = evaluate([replace(one, speaker=None) for one in (*men, *women)], classes=PAIR, n_resamples=400)
    (female,) = named.detection
    assert female.eer_bootstrap == named.eer_bootstrap
    assert (female.cllr_bootstrap.low, female.cllr_bootstrap.high) == pytest.approx(
        (named.cllr_bootstrap.low, named.cllr_bootstrap.high)
    )
    assert named.eer == unnamed.eer == pytest.approx(0.25)  # between (false alarm 1, miss 1/4) and (0, 1/4)
    for wide, narrow, value in [
        (named.eer_bootstrap, unnamed.eer_bootstrap, named.eer),
        (named.cllr_bootstrap, unnamed.cllr_bootstrap, named.cllr),
    ]:
        assert wide.low < narrow.low < value < narrow.high < wide.high
    assert named.eer_bootstrap.low == 0.0  # in (3/4)^4 of the resamples the speaker with errors is not drawn


def test_folds_and_their_spread() -> None:
    """One row per fold in order of occurrence, and the spread of the metrics over the folds."""
    folds = [("b", [FEMALE, MALE, MALE]), ("a", [FEMALE, FEMALE]), ("c", [MALE])]
    outcomes = [
        outcome(f"{name}{i}.wav", "female", name, decision, fold=name)
        for name, decisions in folds
        for i, decision in enumerate(decisions)
    ]
    outcomes.append(outcome("a2.wav", "male", "x", MALE, fold="a"))
    report = evaluate(outcomes, classes=PAIR, fold_column="fold", n_resamples=10)
    assert [(one.name, one.n_utterances, one.n_speakers) for one in report.folds] == [
        ("b", 3, 1),
        ("a", 3, 2),
        ("c", 1, 1),
    ]
    uar, eer = report.fold_spread["uar"], report.fold_spread["eer"]
    assert (uar.n_folds, uar.minimum, uar.median, uar.maximum) == pytest.approx((3, 0.0, 1 / 3, 1.0))
    assert uar.standard_deviation == pytest.approx(np.std([1 / 3, 1.0, 0.0], ddof=1))
    assert (eer.n_folds, eer.minimum, eer.maximum) == (1, 0.0, 0.0)  # only one fold has both classes
    assert math.isnan(eer.standard_deviation)
    lines = [" ".join(line.split()) for line in to_text(report).splitlines()]
    assert "a 3 2 3 0 1.000 1.000 0.000 0.368" in lines
    assert "median 0.333 0.333 0.000 0.368" in lines
    without = evaluate(outcomes, classes=PAIR, n_resamples=10)
    assert (without.folds, without.fold_spread) == ((), {})


def test_bootstrap_depends_on_seed_and_resamples() -> None:
    """The same seed gives the same report, another seed other intervals; both options are in the report."""
    outcomes = random_outcomes(8, PAIR)
    first, again, other = (evaluate(outcomes, classes=PAIR, n_resamples=200, seed=seed) for seed in (5, 5, 6))
    assert to_text(first) == to_text(again)
    assert to_json(first) == to_json(again)
    assert first.accuracy_bootstrap != other.accuracy_bootstrap
    assert (first.intervals.n_resamples, first.intervals.seed) == (200, 5)


def test_one_class_only() -> None:
    """UAR is the recall of the class that occurs; metrics that need both classes are undefined."""
    report = evaluate(SMALL[:4], classes=PAIR, n_resamples=10)
    assert report.uar == pytest.approx(2 / 4)
    assert math.isnan(report.per_class[1].recall)
    for value in (report.eer, report.cllr, report.min_cllr):
        assert math.isnan(value)


def test_one_of_three_classes_missing() -> None:
    """The mean EER is over the classes with a defined EER; multiclass Cllr is undefined."""
    outcomes = [one for one in random_outcomes(5, TRIO) if one.truth != "child"]
    report = evaluate(outcomes, classes=TRIO, n_resamples=10)
    female, male, child = report.detection
    assert math.isnan(child.eer)
    assert report.eer == pytest.approx((female.eer + male.eer) / 2)
    assert math.isnan(report.cllr)


def test_nothing_decided() -> None:
    """If all are unknown, accuracy is 0 and metrics of decided utterances are undefined, also in the text."""
    report = evaluate([replace(one, decision=undecided()) for one in SMALL], classes=PAIR, n_resamples=10)
    assert (report.n_decided, report.accuracy, report.uar) == (0, 0.0, 0.0)
    for value in (report.accuracy_decided, report.eer, report.cllr, report.min_cllr):
        assert math.isnan(value)
    assert "Accuracy, decided  n/a  0 of 0 decided correct" in to_text(report)


def test_two_files() -> None:
    """One utterance per class is sufficient for every metric."""
    report = evaluate([SMALL[0], SMALL[5]], classes=PAIR, n_resamples=10)
    assert (report.accuracy, report.uar, report.eer, report.min_cllr) == (1.0, 1.0, 0.0, 0.0)
    assert report.cllr == pytest.approx((math.log2(4 / 3) + math.log2(5 / 4)) / 2)


def test_heard_and_warnings() -> None:
    """The seconds of all utterances, and each utterance whose audio was odd; the text lists them."""
    odd = replace(SMALL[3], warning="its channels cancel each other")
    report = evaluate([*SMALL[:3], odd, *SMALL[4:]], classes=PAIR, n_resamples=10)
    assert report.heard_s == pytest.approx(sum(one.duration_s for one in SMALL))
    assert report.warnings == (Warned(path="a4.wav", warning="its channels cancel each other"),)
    text = to_text(report)
    assert "Warnings: 1 recording\n  a4.wav: its channels cancel each other" in text
    assert "Warnings" not in to_text(evaluate(SMALL, classes=PAIR, n_resamples=10))
    assert to_json(report)["warnings"] == [{"path": "a4.wav", "warning": "its channels cancel each other"}]


def test_skipped_notes_and_model_are_copied() -> None:
    """Skipped recordings, notes and the model description are in the report unchanged."""
    skipped = [Skipped(path="x.wav", reason="not audio")]
    report = evaluate(SMALL, classes=PAIR, skipped=skipped, notes=["2 empty"], model={"k": 32}, n_resamples=10)
    assert report.skipped == tuple(skipped)
    assert report.notes == ("2 empty",)
    assert report.model == {"k": 32}


def test_nothing_to_evaluate() -> None:
    """The error states what was expected and how many recordings were skipped."""
    skipped = [Skipped(path=f"{i}.wav", reason="not audio") for i in range(3)]
    with pytest.raises(EvaluationError, match=r"no recording labelled female or male was classified, 3 were skipped"):
        evaluate([], classes=PAIR, skipped=skipped)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"truth": "child"}, r"a1\.wav: its label in the corpus is 'child', .* use one of female, male"),
        ({"truth": "unknown"}, r"a1\.wav: its label in the corpus is 'unknown'"),
        ({"duration_s": -0.5}, r"a1\.wav: its duration is -0\.5 s"),
        ({"duration_s": math.nan}, r"a1\.wav: its duration is nan s"),
        ({"duration_s": math.inf}, r"a1\.wav: its duration is inf s"),
        ({"decision": replace(FEMALE, label="robot")}, r"a1\.wav: its predicted label is 'robot', not one of female, "),
        (
            {"decision": replace(FEMALE, log_likelihood_ratios={"female": 1.0, "male": math.inf})},
            r"a1\.wav: its log-likelihood ratio of 'male' is inf",
        ),
        (
            {"decision": replace(FEMALE, log_likelihood_ratios={"female": 1.0})},
            r"a1\.wav: its log-likelihood ratio of 'male' is nan; a decided utterance needs a finite one",
        ),
    ],
)
def test_invalid_outcomes_are_errors(fault: dict[str, Any], message: str) -> None:
    """The error names the file, the value and what was expected."""
    with pytest.raises(EvaluationError, match=message):
        evaluate([*SMALL[1:], replace(SMALL[0], **fault)], classes=PAIR)


@pytest.mark.parametrize("classes", [("female",), ("female", "male", "female"), ("female", "unknown")])
def test_invalid_classes_are_errors(classes: tuple[str, ...]) -> None:
    """Fewer than two, a duplicate, or the name `unknown`."""
    with pytest.raises(EvaluationError, match=f"the classes are .*{classes[-1]}.*: two or more different names"):
        evaluate(SMALL, classes=classes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_resamples": 0}, "n_resamples is 0: at least 1"),
        ({"seed": -4}, "seed is -4: it must be 0 or more"),
        ({"by": ["corpus", "langage"]}, "cannot group by 'langage': .* are: corpus"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    """The error names the option, its value and what was expected."""
    with pytest.raises(OptionError, match=message):
        evaluate(SMALL, classes=PAIR, **options)


def test_grouping_without_columns() -> None:
    """The error states that there are no further columns."""
    with pytest.raises(OptionError, match=r"cannot group by 'corpus': .* are: none"):
        evaluate([replace(one, columns={}) for one in SMALL], classes=PAIR, by=["corpus"])


def test_text_headline() -> None:
    """The first line has UAR, its interval, and the numbers of utterances and speakers."""
    report = evaluate(SMALL[:8], classes=PAIR, n_resamples=500)
    low, high = report.uar_bootstrap.low, report.uar_bootstrap.high
    first, second = to_text(report).splitlines()[:2]
    assert first == f"UAR 0.633 (95 % interval {low:.3f} to {high:.3f}) on 8 utterances of 4 speakers"
    assert second == ""


def test_text_counts_utterances_without_a_speaker() -> None:
    """They are counted in the second line."""
    first, second = to_text(evaluate(SMALL, classes=PAIR, n_resamples=10)).splitlines()[:2]
    assert first.endswith("on 9 utterances of 4 named speakers")
    assert second == "1 of 9 utterances without a speaker name, each counted as a separate speaker"


def test_text_tables() -> None:
    """Metrics are shown with their counts."""
    skipped = [Skipped(path="x.wav", reason="not audio")]
    report = evaluate(SMALL, classes=PAIR, skipped=skipped, by=["corpus"], model={"file": "m.npz"}, notes=["!"])
    text, (female,) = to_text(report), report.detection
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in [
        "file: m.npz",
        "Accuracy 0.667 6 of 9 utterances correct, unknown is not correct",
        "Accuracy, decided 0.750 6 of 8 decided correct",
        "Unknown: 1 of 9 utterances",
        "1: 0.10 s of speech, 0.50 s are needed",
        f"female 6 2 4 1 0.667 {ends(report.per_class[0].recall_bootstrap)} 0.800 0.727",
        "female 4 1 1",
        "male 1 2 0",
        "Log-likelihood ratios of 8 decided (costs in bits)",
        "By corpus",
        f"x 5 2 4 0 0.800 0.833 {ends(report.by_column['corpus'][1].uar_bootstrap)}",
        "(none) 1 0 1 0 1.000 1.000 1.000 to 1.000",
        f"female 5 3 0.294 {ends(female.eer_bootstrap)} {female.cllr:.3f} {ends(female.cllr_bootstrap)} 0.833",
        "Worst speakers: 4 of 4; every utterance wrong: 1 of 4",
        "dan male 1 1 0 0.000",
        "Skipped: 1 recording",
        "x.wav: not audio",
        "Notes",
    ]:
        assert line in lines
    assert "(1000 resamples, seed 0)" in text


def test_text_of_more_classes() -> None:
    """Mean EER and multiclass Cllr follow the table, with the Cllr of uninformative scores."""
    report = evaluate(random_outcomes(6, TRIO), classes=TRIO, n_resamples=10)
    expected = [f"Mean EER {report.eer:.3f}; Cllr {report.cllr:.3f} of 3 classes (1.585 if uninformative)"]
    expected.append(f"95 %: {ends(report.eer_bootstrap)}; {ends(report.cllr_bootstrap)}")
    lines = to_text(report).splitlines()
    assert lines[lines.index(expected[0]) :][:2] == expected


def test_text_fits_the_terminal() -> None:
    """Long names, reasons and lists are limited to 100 columns and ten entries."""
    long = "é" * 150
    classes = (*(f"{i}{long}" for i in range(10)),)
    likelihoods = {name: 1.0 + i for i, name in enumerate(classes)}
    outcomes = [outcome(f"{i}.wav", classes[i % 10], f"{i}{long}", decide(likelihoods)) for i in range(40)]
    outcomes = [replace(one, columns={long: long}) for one in outcomes]
    outcomes += [outcome(f"u{i}.wav", classes[0], None, undecided(f"{i} {long}")) for i in range(13)]
    skipped = [Skipped(path=f"{i}/{long}", reason=long) for i in range(12)]
    report = evaluate(outcomes, classes=classes, skipped=skipped, by=[long], model={"x": long}, notes=[long])
    lines = to_text(report).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith(tuple(f"  {i}/" for i in range(12))) for line in lines) == 10
    assert sum(line.startswith("  and 2 more") for line in lines) == 1
    assert sum(line.startswith("  and 3 more") for line in lines) == 1
    worst = lines[lines.index("Worst speakers: 10 of 40; every utterance wrong: 36 of 40") + 2 :]
    assert worst.index("") == 10


def test_text_has_no_control_characters() -> None:
    """Names from files cannot break a line or control the terminal."""
    evil = "a\n\x1b[31mb\u202e"
    outcomes = [replace(one, speaker=evil, columns={"corpus": evil}) for one in SMALL]
    skipped = [Skipped(path=evil, reason=evil)]
    text = to_text(evaluate(outcomes, classes=PAIR, by=["corpus"], skipped=skipped, n_resamples=10))
    assert "a??[31mb?" in text
    assert text.replace("\n", "").isprintable()


def test_json_is_strict_and_complete() -> None:
    """A strict parser reads every value; NaN is null; the schema has a name and a version."""
    model: dict[Any, Any] = {
        "file": "m.npz",
        "loss": math.inf,
        "means": np.array([1.5, np.nan]),
        "n": np.int64(3),
        7: (True, None),
    }
    report = evaluate(SMALL[:4], classes=PAIR, by=["corpus"], model=model, n_resamples=10)
    read = strict_loads(json.dumps(to_json(report), allow_nan=False))
    assert read == to_json(report)
    assert (read["schema"], read["schema_version"]) == ("speechgmm-report", 2)
    assert read["n_utterances"] == 4
    assert read["uar"] == report.uar
    assert read["uar_bootstrap"] == {"low": report.uar_bootstrap.low, "high": report.uar_bootstrap.high}
    assert read["eer"] is None
    assert read["confusion"] == [[2, 1, 1], [0, 0, 0]]
    assert read["per_class"][1] == {
        "name": "male",
        "n_utterances": 0,
        "n_speakers": 0,
        "n_correct": 0,
        "n_unknown": 0,
        "n_predicted": 1,
        "recall": None,
        "recall_bootstrap": {"low": None, "high": None},
        "precision": 0.0,
        "f1": 0.0,
    }
    assert [row["name"] for row in read["by_column"]["corpus"]] == ["x", "y"]
    assert read["intervals"]["n_resamples"] == 10
    assert read["model"] == {"file": "m.npz", "loss": None, "means": [1.5, None], "n": 3, "7": [True, None]}


def test_score_rows() -> None:
    """The header, then one row per utterance; numbers have full precision, missing values are empty."""
    third = replace(decide({"female": 1.0, "male": 2.0}), speech_s=np.float64(1) / 3)
    outcomes = [
        outcome("a,1.wav", "female", "anna", third, duration_s=0.1, corpus="x", score="7"),
        outcome("b.wav", "male", None, undecided("no speech"), language="de"),
    ]
    outcomes[0] = replace(outcomes[0], snr_db=17.25, start=0.5, end=0.6, warning="odd; strange")
    header, first, second = score_rows(outcomes, classes=PAIR)
    assert header[:13] == list(SCORE_COLUMNS)
    assert header[:6] == ["path", "label", "probability", "score", "speech_s", "reason"]
    assert header[6:9] == ["truth", "speaker", "duration_s"]
    assert header[9:13] == ["snr_db", "start", "end", "warning"]
    assert header[13:17] == ["probability_female", "llr_female", "probability_male", "llr_male"]
    assert header[17:] == ["corpus", "column_score", "language"]
    assert first[:2] == ["a,1.wav", "male"]
    assert first[4:9] == [repr(1 / 3), "", "female", "anna", "0.1"]
    assert [float(first[i]) for i in (2, 3)] == [2 / 3, math.log(2)]
    assert first[9:13] == ["17.25", "0.5", "0.6", "odd; strange"]
    assert [float(cell) for cell in first[13:17]] == [1 / 3, math.log(1 / 2), 2 / 3, math.log(2)]
    assert first[17:] == ["x", "7", ""]
    assert second[:9] == ["b.wav", "unknown", "", "", "0.1", "no speech", "male", "", "4.0"]
    assert second[9:] == ["", "0.0", "", "", "", "", "", "", "", "", "de"]


def test_score_rows_survive_csv() -> None:
    """Scores written to and read from CSV give the same metrics."""
    outcomes = random_outcomes(7, PAIR)
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(score_rows(outcomes, classes=PAIR))
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    decided = [row for row in rows if row["label"] != "unknown"]
    targets = np.array([float(row["llr_female"]) for row in decided if row["truth"] == "female"])
    nontargets = np.array([float(row["llr_female"]) for row in decided if row["truth"] == "male"])
    report = evaluate(outcomes, classes=PAIR, n_resamples=10)
    assert detection.equal_error_rate(targets, nontargets) == report.eer
    assert detection.min_cllr(targets, nontargets) == report.min_cllr
    assert sum(row["label"] == row["truth"] for row in rows) == report.n_correct
