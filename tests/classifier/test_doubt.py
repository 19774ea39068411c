"""The note on sets of recordings whose labels are doubtful more often than usual."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import speechgmm
from speechgmm.classifier.doubt import CARD_ENTRY, doubt_note, doubtful_share, usual_share
from tests.builders import RunCommand

SURE, UNSURE = 3.0, 0.5


def mixed(n_sure: int, n_unsure: int) -> list[float]:
    """Scores of sure and unsure labels."""
    return [SURE] * n_sure + [UNSURE] * n_unsure


def test_doubtful_labels_have_a_score_below_one() -> None:
    """The share of them."""
    assert doubtful_share([0.2, 0.99, 1.0, 5.0]) == 0.5


def test_usual_is_what_three_quarters_of_the_corpora_do_not_exceed() -> None:
    """The 75 % quantile; corpora of few labels do not count."""
    corpora = {f"corpus {n}": mixed(20 - n, n) for n in range(5)}
    assert usual_share({**corpora, "few": mixed(0, 19)}) == pytest.approx(3 / 20)


def test_three_corpora_do_not_say_what_is_usual() -> None:
    """Nothing is kept then."""
    assert usual_share({f"corpus {n}": mixed(20, n) for n in range(3)}) is None


@pytest.mark.parametrize(
    ("scores", "card", "noted"),
    [
        (mixed(16, 4), {CARD_ENTRY: 0.1}, True),
        (mixed(18, 2), {CARD_ENTRY: 0.1}, False),
        (mixed(15, 4), {CARD_ENTRY: 0.1}, False),  # too few to tell
        (mixed(16, 4), {}, False),
        (mixed(16, 4), {CARD_ENTRY: "x"}, False),  # cards of others may hold anything
    ],
)
def test_more_doubtful_labels_than_usual_are_noted(scores: list[float], card: dict[str, object], noted: bool) -> None:
    """With the share and what is usual."""
    note = doubt_note(scores, card)
    assert (note is not None) == noted
    if note:
        assert note.startswith("20 % of the labels are doubtful (score below 1), usual are 10 % or less: ")


@pytest.fixture
def doubting(tiny_model: speechgmm.Model, tmp_path: Path) -> Path:
    """A model for which all labels of the voices are more doubtful than usual."""
    calibration = replace(tiny_model.calibration, scales=tuple(1e-3 for _ in tiny_model.streams))
    file = tmp_path / "doubting.npz"
    speechgmm.save(replace(tiny_model, calibration=calibration, card={**tiny_model.card, CARD_ENTRY: 0.05}), file)
    return file


def test_classify_and_evaluate_note_doubtful_labels(run: RunCommand, voices: Path, doubting: Path) -> None:
    """Once, on stderr; evaluate also in the report. With --quiet classify says nothing."""
    recordings = [str(file) for file in sorted(voices.rglob("*.wav"))] * 2

    classified = run("classify", *recordings, "--model", doubting)
    evaluated = run("evaluate", voices, "--model", doubting)

    assert classified.stderr.count("of the labels are doubtful") == 1
    assert classified.returncode == 0
    assert "of the labels are doubtful" in evaluated.stdout + evaluated.stderr
    assert "doubtful" not in run("classify", *recordings, "--model", doubting, "--quiet").stderr
