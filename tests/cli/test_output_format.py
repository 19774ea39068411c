"""The format that the name of an output file ends like."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgmm.output.named_format import format_named_by
from speechgmm.segmentation.writers import FORMATS


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"),
        ("a.times.csv", "times"),
        ("a.txt", "table"),
        ("a.labels.txt", "audacity"),
        ("A.TEXTGRID", "textgrid"),
        ("folder.csv/a", None),
        ("csv", None),
        ("a.csv.gz", None),
    ],
)
def test_the_longest_end_of_the_name_counts(name: str, form: str | None) -> None:
    """Whatever the case; the folders before the name do not."""
    assert format_named_by(Path(name), FORMATS) == form
