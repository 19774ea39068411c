"""Text from files, such as names and labels, made safe to show: it may hold line breaks and terminal codes."""

from __future__ import annotations


def escaped(text: str) -> str:
    r"""Escape unprintable characters, such as ``\n``; bytes that are not UTF-8 stay, so that names can be matched."""
    return "".join(
        character if character.isprintable() or "\udc80" <= character <= "\udcff" else ascii(character)[1:-1]
        for character in text
    )


def printable(text: str) -> str:
    """Replace each unprintable character by ``?``; the length stays, so that columns do."""
    return "".join(character if character.isprintable() else "?" for character in text)
