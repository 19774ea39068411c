"""Options from Python: a value of a wrong type is an error of the package, with a short message."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import speechgmm
from speechgmm.audio.live_input import RawForm
from speechgmm.classifier.model import DecisionOptions
from speechgmm.crossvalidation.folds import Folding
from speechgmm.errors import LONGEST_LINE, LONGEST_WORD, CorpusError, OptionError, SpeechGmmError, shortened
from speechgmm.evaluation.intervals import Resampling
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training.recipe import Augmentation, SmallData

OPTIONS: tuple[Any, ...] = (
    Augmentation(),
    DecisionOptions(),
    EMOptions(),
    Folding(),
    MMIOptions(),
    RawForm(encoding="s16le", rate=16000),
    Resampling(),
    SmallData(),
    speechgmm.FrontEndOptions(),
    speechgmm.Recipe(),
    speechgmm.SegmentationOptions(),
)

WRONG = {
    "int": ("2", None, 1.5, True, [2], np.array([1, 2]), 2**63, 10**400, 10**5000),
    "float": ("2", None, 1j, True, [2.0], np.array([1, 2]), 10**400, 10**5000),
    "str": (2, None, b"kmeans", ["kmeans"], "x" * 1_000_000),
    "bool": (1, None, "yes", np.array([True, False])),
}


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: type(options).__name__)
def test_values_of_a_wrong_type_are_refused(options: Any) -> None:
    """The error names the field and is short, also of a very long value."""
    free_text = ("balance_by", "calibration_by", "leave_one_out", "mmi_raised_by", "nonspeech")
    for field in dataclasses.fields(options):
        for value in WRONG.get(str(field.type), (3, "x", None)):
            if (field.name in free_text and isinstance(value, str)) or (field.name, value) == ("mmi", None):
                continue
            with pytest.raises(OptionError, match=f"{field.name} is ") as caught:
                dataclasses.replace(options, **{field.name: value})
            assert len(str(caught.value)) <= LONGEST_LINE


def test_numbers_of_numpy_become_numbers_of_python() -> None:
    """They can be written to files."""
    one: Any = np.int64(1)
    half: Any = np.float32(0.5)

    options = EMOptions(max_iterations=one, tolerance=half)

    assert (type(options.max_iterations), type(options.tolerance)) == (int, float)


def test_messages_keep_both_ends_of_long_values() -> None:
    """What is wrong stands at the beginning, the remedy at the end."""
    message = shortened("line\na.csv: the label '" + "x" * 1_000_000 + "' is reserved, use another\nline")

    first, middle, last = message.split("\n")
    assert (first, last) == ("line", "line")
    assert middle.startswith("a.csv: the label 'xxx")
    assert middle.endswith("xxx' is reserved, use another")
    assert "xxx[... 999,552 characters left out ...]xxx" in middle
    assert shortened(message) == message
    assert shortened("x" * LONGEST_WORD) == "x" * LONGEST_WORD
    assert len(shortened("x" * (LONGEST_WORD + 1))) <= LONGEST_WORD
    assert len(shortened("x " * 1_000_000)) <= LONGEST_LINE
    assert shortened("x " * (LONGEST_LINE // 2)) == "x " * (LONGEST_LINE // 2)


def test_errors_are_short() -> None:
    """So is each fault of a list."""
    error = CorpusError("a.csv: the manifest is faulty", ["x" * 1_000_000, "y" * 1_000_000])

    assert [len(line) <= LONGEST_LINE for line in str(error).split("\n")] == [True] * 3
    assert len(str(SpeechGmmError("x" * 1_000_000))) <= LONGEST_LINE
