"""Text from files on a terminal: nothing in a name can break a line or send a code."""

from __future__ import annotations

from speechgmm.text.terminal import escaped, printable


def test_escaped_keeps_letters_and_undecodable_bytes() -> None:
    """Letters of all scripts stay, and so do bytes that are not UTF-8; control characters become escapes."""
    assert escaped("trñ 名.wav\udcff") == "trñ 名.wav\udcff"
    assert escaped("a\nb\tc\x7f\x9b\u202e\ud800") == r"a\nb\tc\x7f\x9b\u202e\ud800"


def test_printable_keeps_the_length() -> None:
    """Each control character becomes one question mark."""
    assert printable("a\nb\x1b[31m ñ\udcff") == "a?b?[31m ñ?"
