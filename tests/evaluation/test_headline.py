"""The registry of headline metrics: a new metric is shown everywhere, and report.json keeps its keys."""

from __future__ import annotations

import json
import math
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation import detection, headline, metrics
from speechgmm.evaluation.array_types import Counts, Floats
from speechgmm.evaluation.headline import Estimate, Evidence, Metric, from_counts
from speechgmm.evaluation.report import Report, evaluate
from speechgmm.evaluation.report_files import to_json
from speechgmm.evaluation.report_text import to_text
from speechgmm.reporting.numbers import JsonValue
from speechgmm.reporting.tables import headline_table

LLRS = (2.0, 1.5, -0.5, 1.0, -2.0, -1.0, 0.5)  # of class a, for 4 utterances of a and 3 of b


def outcome(i: int, llr: float) -> Outcome:
    truth, probability = "aaaabbb"[i], 1 / (1 + math.exp(-llr))
    decision = Decision(
        label="a" if llr > 0 else "b",
        probability=max(probability, 1 - probability),
        score=abs(llr),
        speech_s=1.0,
        probabilities={"a": probability, "b": 1 - probability},
        log_likelihood_ratios={"a": llr, "b": -llr},
    )
    return Outcome(path=f"{i}.wav", truth=truth, speaker=f"{truth}{i % 2}", duration_s=2.0, decision=decision)


UNKNOWN = Outcome(
    path="u.wav",
    truth="b",
    speaker=None,
    duration_s=0.5,
    decision=Decision(label="unknown", speech_s=0.1, reason="no speech"),
)
OUTCOMES = [*(outcome(i, llr) for i, llr in enumerate(LLRS)), UNKNOWN]


def report() -> Report:
    return evaluate(OUTCOMES, classes=("a", "b"), n_resamples=20)


def macro_f1(counts: Counts) -> Floats:
    mean: Floats = np.nanmean(metrics.f1(counts), axis=-1)
    return mean


def mean_auc(evidence: Evidence) -> Estimate:
    sides = [evidence.trials.sides(target) for target in evidence.trials.targets]
    return Estimate(value=float(np.mean([detection.area_under_roc(*side) for side in sides])))


MACRO_F1 = Metric(
    name="macro_f1",
    title="Macro F1",
    description="mean F1 of the classes",
    source="labels",
    of="utterances",
    compute=from_counts(macro_f1),
)
AUC = Metric(name="auc", title="AUC", source="scores", of="decided", compute=mean_auc)


def test_a_new_metric_is_reported_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry in `METRICS` adds a metric to the report, report.json, the text and the HTML table."""
    before = to_json(report())
    monkeypatch.setattr(headline, "METRICS", (*headline.METRICS, MACRO_F1, AUC))
    made = report()
    f1, auc = made.metrics["macro_f1"], made.metrics["auc"]
    assert f1.value == pytest.approx((6 / 8 + 4 / 7) / 2)
    assert auc.value == pytest.approx(11 / 12)
    assert f1.intervals["bootstrap"].low <= f1.value <= f1.intervals["bootstrap"].high

    after = to_json(made)
    added = {key: value for key, value in after.items() if key not in before}
    low, high = f1.intervals["bootstrap"].low, f1.intervals["bootstrap"].high
    assert added == {"macro_f1": f1.value, "macro_f1_bootstrap": interval(low, high), "auc": auc.value}
    assert {key: after[key] for key in before} == before

    lines = [" ".join(line.split()) for line in to_text(made).splitlines()]
    start = lines.index("Macro F1 0.661 8 utterances, mean F1 of the classes")
    assert lines[start + 1] == f"95 % interval {low:.3f} to {high:.3f} by speakers"
    assert lines[start + 2] == "AUC 0.917 7 decided"

    rows = table_rows(made)
    assert rows["Macro F1: mean F1 of the classes"] == ["0.661", f"{low:.3f} to {high:.3f}", "8 utterances"]
    assert rows["AUC"] == ["0.917", "", "7 decided"]


def table_rows(made: Report) -> dict[str, list[str]]:
    """The cells of the HTML headline table by title."""
    table = ElementTree.fromstring(headline_table(JsonValue(to_json(made))))
    cells = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    return {title: values for title, *values in cells[1:]}


def test_html_table_has_all_metrics_and_intervals() -> None:
    """UAR is first; accuracy has a second row with its Wilson interval."""
    made = report()
    titles = list(table_rows(made))
    assert [title.partition(":")[0] for title in titles] == [
        "UAR",
        "Accuracy",
        "Accuracy, Wilson interval (independent utterances)",
        "Accuracy, decided",
        "EER",
        "Cllr",
    ]
    assert table_rows(made)[titles[2]][1] == f"{made.accuracy_wilson.low:.3f} to {made.accuracy_wilson.high:.3f}"


def test_shortcuts_equal_the_metrics() -> None:
    """Each property of the report returns the value or interval of its metric."""
    made = report()
    for name, estimate in made.metrics.items():
        assert getattr(made, name) == estimate.value
        for kind, ends in estimate.intervals.items():
            assert getattr(made, f"{name}_{kind}") == ends
    assert list(made.metrics) == ["accuracy", "accuracy_decided", "uar", "eer", "cllr"]


def rounded(value: Any) -> Any:
    """The same JSON value with 6 decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def interval(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


EXAMPLE_OF_A = {
    **{"path": "0.wav", "start": 0.0, "end": None, "truth": "a", "speaker": "a0", "label": "a"},
    **{"probability": 0.880797, "score": 2.0, "speech_s": 1.0, "duration_s": 2.0, "snr_db": None},
}
EXAMPLE_OF_B = {
    **{"path": "6.wav", "start": 0.0, "end": None, "truth": "b", "speaker": "b0", "label": "a"},
    **{"probability": 0.622459, "score": 0.5, "speech_s": 1.0, "duration_s": 2.0, "snr_db": None},
}
EXPECTED = {
    "schema": "speechgmm-report",
    "schema_version": 2,
    "classes": ["a", "b"],
    "n_utterances": 3,
    "n_speakers": 2,
    "n_unnamed": 1,
    "n_decided": 2,
    "n_unknown": 1,
    "n_correct": 1,
    "heard_s": 4.5,
    "unknown_reasons": {"no speech": 1},
    "accuracy": 0.333333,
    "accuracy_wilson": interval(0.061492, 0.79234),
    "accuracy_bootstrap": interval(0.333333, 0.333333),
    "accuracy_decided": 0.5,
    "uar": 0.5,
    "uar_bootstrap": interval(0.5, 0.5),
    "confusion": [[1, 0, 0], [1, 0, 1]],
    "per_class": [
        {
            **{"name": "a", "n_utterances": 1, "n_speakers": 1, "n_correct": 1, "n_unknown": 0, "n_predicted": 2},
            **{"recall": 1.0, "recall_bootstrap": interval(1.0, 1.0), "precision": 0.5, "f1": 0.666667},
        },
        {
            **{"name": "b", "n_utterances": 2, "n_speakers": 1, "n_correct": 0, "n_unknown": 1, "n_predicted": 0},
            **{"recall": 0.0, "recall_bootstrap": interval(0.0, 0.0), "precision": None, "f1": 0.0},
        },
    ],
    "eer": 0.0,
    "eer_bootstrap": interval(0.0, 0.0),
    "cllr": 0.794207,
    "cllr_bootstrap": interval(0.794207, 0.794207),
    "min_cllr": 0.0,
    "detection": [
        {
            **{"target": "a", "n_targets": 1, "n_nontargets": 1, "eer": 0.0, "eer_bootstrap": interval(0.0, 0.0)},
            **{"auc": 1.0, "cllr": 0.794207, "cllr_bootstrap": interval(0.794207, 0.794207)},
            **{"min_cllr": 0.0, "calibration_loss": 0.794207},
        }
    ],
    "curves": [
        {
            "target": "a",
            "det": {"false_alarm": [1.0, 0.0, 0.0], "miss": [0.0, 0.0, 1.0]},
            "scores": {
                "edges": [round(0.5 + 0.0375 * i, 6) for i in range(41)],
                "targets": [0] * 39 + [1],
                "nontargets": [1] + [0] * 39,
            },
            "reliability": [
                {
                    **{"low": 0.6, "high": 0.7, "n_trials": 1, "n_targets": 0, "probability": 0.622459},
                    **{"share": 0.0, "share_wilson": interval(0.0, 0.793451)},
                },
                {
                    **{"low": 0.8, "high": 0.9, "n_trials": 1, "n_targets": 1, "probability": 0.880797},
                    **{"share": 1.0, "share_wilson": interval(0.206549, 1.0)},
                },
            ],
        }
    ],
    "by_duration": [
        {
            **{"name": "0-1 s", "n_utterances": 1, "n_speakers": 0, "n_correct": 0, "n_unknown": 1},
            **{"confusion": [[0, 0, 0], [0, 0, 1]], "accuracy": 0.0, "accuracy_wilson": interval(0.0, 0.793451)},
            **{"accuracy_bootstrap": interval(0.0, 0.0), "uar": 0.0, "uar_bootstrap": interval(0.0, 0.0)},
            **{"eer": None, "cllr": None},
        },
        {
            **{"name": "2-3 s", "n_utterances": 2, "n_speakers": 2, "n_correct": 1, "n_unknown": 0},
            **{"confusion": [[1, 0, 0], [1, 0, 0]], "accuracy": 0.5, "accuracy_wilson": interval(0.094531, 0.905469)},
            **{"accuracy_bootstrap": interval(0.5, 0.5), "uar": 0.5, "uar_bootstrap": interval(0.5, 0.5)},
            **{"eer": 0.0, "cllr": 0.794207},
        },
    ],
    "by_snr": [],
    "by_column": {},
    "columns_left_out": {},
    "folds": [],
    "fold_spread": {},
    "per_speaker": [
        {"speaker": "b0", "label": "b", "n_utterances": 1, "n_errors": 1, "n_unknown": 0, "accuracy": 0.0},
        {"speaker": "a0", "label": "a", "n_utterances": 1, "n_errors": 0, "n_unknown": 0, "accuracy": 1.0},
    ],
    "confident_errors": [EXAMPLE_OF_B],
    "least_certain": [EXAMPLE_OF_B, EXAMPLE_OF_A],
    "skipped": [],
    "warnings": [],
    "notes": [],
    "model": {},
    "intervals": {
        "level": 0.95,
        "bootstrap": (
            "percentiles over resamples of speakers within each class, then of utterances within each speaker"
        ),
        "wilson": "Wilson score interval, as if utterances were independent",
        "n_resamples": 20,
        "seed": 0,
    },
}


def test_json_of_fixed_outcomes() -> None:
    """Schema version 2: keys, their order on all levels, and values of a report on three outcomes."""
    outcomes = [OUTCOMES[0], OUTCOMES[6], UNKNOWN]
    made = rounded(to_json(evaluate(outcomes, classes=("a", "b"), n_resamples=20)))
    assert made == EXPECTED
    assert json.dumps(made) == json.dumps(EXPECTED)


def test_headline_metrics_of_fixed_outcomes() -> None:
    """Values and bootstrap intervals with seed 0."""
    made = rounded(to_json(report()))
    assert (made["accuracy"], made["accuracy_decided"], made["uar"]) == (0.625, 0.714286, 0.625)
    assert (made["eer"], made["cllr"], made["min_cllr"]) == (0.25, 0.631426, 0.287358)
    assert made["accuracy_wilson"] == interval(0.305742, 0.863156)
    assert made["accuracy_bootstrap"] == interval(0.309375, 0.866518)
    assert made["uar_bootstrap"] == interval(0.309375, 0.875)
    assert made["eer_bootstrap"] == interval(0.0, 0.63125)
    assert made["cllr_bootstrap"] == interval(0.351796, 1.027185)
