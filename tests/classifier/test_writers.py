"""Output formats of classification: streaming, and names from files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.classifier.writers import FORMATS


@pytest.mark.parametrize("form", list(FORMATS))
def test_text_comes_before_the_next_outcome(form: str) -> None:
    """A writer yields the text of an outcome before it asks for the next, and its header before the first."""
    asked: list[int] = []

    def outcomes() -> Iterator[Outcome]:
        for number in range(2):
            asked.append(number)
            decision = Decision(label="unknown", speech_s=0.0, reason=f"reason {number}")
            yield Outcome(path="a.wav", truth="", speaker=None, duration_s=1.0, decision=decision)

    texts = FORMATS[form].write(outcomes(), labels=["female", "male"])
    written = next(texts)
    assert asked == ([0] if form == "jsonl" else [])
    while "reason 0" not in written:
        written += next(texts)
    assert asked == [0]


def test_no_cell_is_a_formula() -> None:
    """A spreadsheet would run it; negative numbers stay."""
    decision = Decision(label="=a", probability=0.5, score=-1.0, speech_s=1.0)
    outcome = Outcome(path="-x.wav", truth="", speaker=None, duration_s=1.0, decision=decision)
    text = "".join(FORMATS["csv"].write([outcome], labels=["=a", "b"]))
    assert text.splitlines()[1].startswith("'-x.wav,'=a,0.5,-1.0,")
