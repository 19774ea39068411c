"""Names that look alike: they differ in case, by spaces or by characters that cannot be seen."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable

_INVISIBLE = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Unicode categories: controls, format characters such as the zero-width space, and spaces."""

_FURTHER_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


@functools.lru_cache(maxsize=1024)
def plain(name: str) -> str:
    """What a reader sees of a name: without spaces and invisible characters, in lower case, with composed accents."""
    visible = "".join(character for character in unicodedata.normalize("NFKC", name) if not _is_invisible(character))
    return unicodedata.normalize("NFKC", visible.casefold())


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """The groups of different names that look alike, each in the given order."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(plain(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def shown(name: str) -> str:
    """A name in quotes; if it does not look like what it is, with escapes."""
    is_plain = name.isprintable() and unicodedata.is_normalized("NFC", name)
    return f"'{name}'" if is_plain and not any(map(_is_invisible, name.replace(" ", ""))) else ascii(name)


def _is_invisible(character: str) -> bool:
    return (
        unicodedata.category(character) in _INVISIBLE
        or character in _FURTHER_INVISIBLE
        or ord(character) in _VARIATION_SELECTORS
    )
