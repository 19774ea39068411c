"""Numbers on a page: formatted, and marked with their JSON pointer."""

from __future__ import annotations

import pytest

from speechgmm.reporting.numbers import Form, JsonValue, count, ends, formatted, length, number

DATA = JsonValue({"uar": 0.97061, "a/b~c": [{"low": 0.5, "high": None}, 1234567], "one": 1, "empty": {}})


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.97061, "ratio", "0.971"),
        (1, "ratio", "1.000"),
        (None, "ratio", "n/a"),
        (12.345, "tenths", "12.3"),
        (0.95, "percent", "95 %"),
        (0.995, "percent", "99.5 %"),
        (1234567, "count", "1,234,567"),
        (0.02, "plain", "0.02"),
        (None, "count", "n/a"),
    ],
)
def test_numbers_are_formatted(value: float | None, form: Form, text: str) -> None:
    """Each form has its decimals; an undefined number is n/a."""
    assert formatted(value, form) == text


def test_a_number_has_its_json_pointer() -> None:
    """``data-key`` is the JSON pointer, ``value`` has all digits."""
    assert number(DATA["uar"]) == '<data value="0.97061" data-key="/uar">0.971</data>'
    assert number(DATA["a/b~c"][0]["low"], "tenths") == '<data value="0.5" data-key="/a~1b~0c/0/low">0.5</data>'
    assert number(DATA["a/b~c"][0]["high"]) == '<data value="" data-key="/a~1b~0c/0/high">n/a</data>'


def test_counts_have_their_nouns() -> None:
    """Singular for one, plural otherwise."""
    assert count(DATA["one"], "speaker") == '<data value="1" data-key="/one">1</data> speaker'
    assert count(DATA["a/b~c"][1], "speaker").endswith(">1,234,567</data> speakers")
    assert count(DATA["one"]) == '<data value="1" data-key="/one">1</data>'
    assert length(DATA["a/b~c"]) == '<data value="2" data-length="/a~1b~0c">2</data>'


def test_intervals_have_two_ends() -> None:
    """Either may be undefined."""
    assert ends(DATA["a/b~c"][0]).count("<data ") == 2
    assert ends(DATA["a/b~c"][0]).endswith('data-key="/a~1b~0c/0/high">n/a</data>')


def test_iteration_gives_values_with_pointers() -> None:
    """Lists and objects give their entries with JSON pointers; an empty value is false."""
    assert [item.pointer for item in DATA["a/b~c"]] == ["/a~1b~0c/0", "/a~1b~0c/1"]
    assert [item.pointer for item in DATA["a/b~c"][0]] == ["/a~1b~0c/0/low", "/a~1b~0c/0/high"]
    assert (len(DATA), bool(DATA["empty"]), bool(DATA["one"])) == (4, False, True)
    assert str(DATA["a/b~c"][0]["high"]) == ""
