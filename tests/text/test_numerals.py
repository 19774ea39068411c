"""Numbers in text: none of the spellings that only Python knows."""

from __future__ import annotations

import pytest

from speechgmm.text.numerals import decimal, whole


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0.0), ("-1.5", -1.5), ("+.5", 0.5), ("5.", 5.0), ("1e-3", 0.001), ("2E+2", 200.0)]
)
def test_numbers_are_read(text: str, number: float) -> None:
    """With sign, point and exponent."""
    assert decimal(text) == number


@pytest.mark.parametrize(
    "text", ["", ".", "1_5", "١٥", "１５", "1e400", "nan", "inf", "-infinity", "1,5", "0x10", " 1", "1\n", "1e", "--1"]
)
def test_other_texts_are_none(text: str) -> None:
    """Also where `float` accepts them."""
    assert decimal(text) is None
    assert whole(text) is None


def test_a_comma_may_be_the_point() -> None:
    """Where it is said to be; it separates no thousands."""
    assert decimal("-1,5", comma=True) == -1.5
    assert decimal("1.5", comma=True) == 1.5
    assert decimal("1.234,5", comma=True) is None
    assert decimal("1,234,5", comma=True) is None


def test_whole_numbers() -> None:
    """Without point and exponent, of any length that Python reads."""
    assert [whole(text) for text in ("12", "-3", "+07", "1.0", "1e2", "9" * 5000)] == [12, -3, 7, None, None, None]
