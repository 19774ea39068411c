"""Names that a reader cannot tell apart."""

from __future__ import annotations

import pytest

from speechgmm.corpus.look_alike import look_alikes, plain, shown


@pytest.mark.parametrize(
    "name",
    [
        "MALE",
        "Male ",
        " male",
        "ma\u200ble",
        "male\ufeff",
        "\u202amale\u202c",
        "ｍａｌｅ",
        "m\u00adale",
        "male\u00a0",
        "m ale",
    ],
)
def test_case_spaces_and_invisible_characters_make_no_difference(name: str) -> None:
    """They look like the plain name."""
    assert plain(name) == "male"
    assert look_alikes(["male", "female", name]) == [["male", name]]


@pytest.mark.parametrize(
    ("one", "other"), [("mañana", "man\u0303ana"), ("STRASSE", "straße"), ("Å", "\u212b"), ("男", "男\ufe0f")]
)
def test_forms_of_one_letter_look_alike(one: str, other: str) -> None:
    """Composed and decomposed accents, capital letters of several letters, variants."""
    assert look_alikes([one, other]) == [[one, other]]


def test_other_names_do_not_look_alike() -> None:
    """A letter, an accent or a digit makes a difference."""
    assert look_alikes(["male", "female", "malé", "male2", "male_", "男", "女"]) == []


def test_names_are_shown_with_what_cannot_be_seen() -> None:
    """Letters of any script are shown as they are."""
    assert [shown(name) for name in ("very low", "mañana", "ma\u200ble", "man\u0303ana", "a\nb")] == [
        *("'very low'", "'mañana'", r"'ma\u200ble'", r"'man\u0303ana'", r"'a\nb'")
    ]
