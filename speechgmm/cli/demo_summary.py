"""The result of the demonstration: two models on the same recordings, and what their intervals mean, in words."""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgmm.evaluation.comparison import Figure

WIDTH = 100


def to_text(folder: Path, trained: str, shipped: str, *, heard: str) -> str:
    """Compare the model that was trained here with the shipped one.

    Parameters
    ----------
    folder : Path
    trained, shipped : str
        Folders of the reports of both models, in `folder`.
    heard : str
        A sentence on what the models have heard, for a fair comparison.

    Returns
    -------
    str
        Without a newline at the end.
    """
    from speechgmm.evaluation.comparison import compare
    from speechgmm.evaluation.read_scores import read_scores

    comparison = compare(*(read_scores(folder / name / "scores.csv") for name in (trained, shipped)))
    lines = [f"{'':14}{'correct':>10}{'unknown':>9}{'UAR':>7}{'95 % interval':>18}"]
    reports = {"trained here": _report(folder / trained), "shipped": _report(folder / shipped)}
    models = {"the model trained here": reports["trained here"], "the shipped model": reports["shipped"]}
    for name, report in reports.items():
        interval = report["uar_bootstrap"]
        correct = f"{report['n_correct']} of {report['n_utterances']}"
        ends = f"{interval['low']:.3f} to {interval['high']:.3f}"
        lines.append(f"{name:14}{correct:>10}{report['n_unknown']:9}{report['uar']:7.3f}{ends:>18}")
    words = [heard, *(_in_words(model, report) for model, report in models.items()), _difference(comparison.uar)]
    return "\n".join([*lines, *textwrap.wrap(" ".join(words), WIDTH)])


def _report(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def _in_words(model: str, report: dict[str, Any]) -> str:
    low, high = report["uar_bootstrap"]["low"], report["uar_bootstrap"]["high"]
    if low == high:
        return f"All {report['n_speakers']} speakers agree on {model}: its interval says nothing on others."
    return f"With {report['n_speakers']} other speakers like these, expect a UAR of {low:.2f} to {high:.2f} of {model}."


def _difference(uar: Figure) -> str:
    low, high = uar.interval.low, uar.interval.high
    if math.isnan(low) or low <= 0 <= high:
        return f"The difference ({low:+.2f} to {high:+.2f}) may be chance: no model is shown to be better."
    return f"The shipped model is {'better' if low > 0 else 'worse'}, by {low:+.2f} to {high:+.2f}: more than chance."
