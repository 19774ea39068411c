"""Mutations of bytes: what happens to files on their way, and what fuzzers do.

A mutation changes a range of the content, such as the sound behind a header. It gives the changed content and says what
it did.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Range = tuple[int, int]
Mutation = Callable[[bytes, Range, np.random.Generator], tuple[bytes, str]]

HOLE = 1024
"""Bytes that a hole has at least, where nothing else is said."""


def _place(span: Range, rng: np.random.Generator, least: int = 1) -> Range:
    """A range within another one, of any order of magnitude."""
    begin, end = span
    longest = max(end - begin, 1)
    length = min(round(np.exp(rng.uniform(np.log(min(least, longest)), np.log(longest)))), longest)
    first = int(rng.integers(begin, max(end - length, begin) + 1))
    return first, first + max(length, 1)


def truncate(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """Cut the end off."""
    begin = int(rng.integers(span[0], max(span[1], span[0] + 1)))
    return content[:begin], f"cut at {begin}"


def flip(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """Flip single bits."""
    changed = bytearray(content)
    places = rng.integers(span[0], max(span[1], span[0] + 1), size=int(rng.choice([1, 2, 4, 16, 64])))
    for place in places[places < len(changed)]:
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed), f"bits flipped at {', '.join(map(str, sorted(places)[:8]))}"


def overwrite(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """Noise instead of a range."""
    begin, end = _place(span, rng)
    return content[:begin] + rng.bytes(end - begin) + content[end:], f"noise from {begin} to {end}"


def hole(content: bytes, span: Range, rng: np.random.Generator, least: int = HOLE) -> tuple[bytes, str]:
    """Zeros instead of a range of at least so many bytes."""
    begin, end = _place(span, rng, least)
    return content[:begin] + bytes(end - begin) + content[end:], f"zeros from {begin} to {end}"


def cut_out(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """Leave a range out."""
    begin, end = _place(span, rng)
    return content[:begin] + content[end:], f"left out from {begin} to {end}"


def repeat(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """A range twice."""
    begin, end = _place(span, rng)
    return content[:end] + content[begin:], f"repeated from {begin} to {end}"


def insert(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """Noise between two bytes."""
    begin, end = _place(span, rng)
    return content[:begin] + rng.bytes(end - begin) + content[begin:], f"noise of {end - begin} inserted at {begin}"


def swap(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """Two neighbouring ranges in the wrong order."""
    begin, end = _place(span, rng)
    middle = int(rng.integers(begin, end + 1))
    changed = content[:begin] + content[middle:end] + content[begin:middle] + content[end:]
    return changed, f"from {begin} to {middle} and to {end} swapped"


def field(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """An unlikely number instead of 1 to 8 bytes."""
    width = int(rng.choice([1, 2, 4, 8]))
    place = int(rng.integers(span[0], max(span[1] - width, span[0]) + 1))
    value = int(rng.choice(np.array([0, 1, (1 << 8 * width) - 1, (1 << 8 * width - 1) - 1], dtype=np.uint64)))
    number = value.to_bytes(width, "little" if rng.integers(2) else "big")
    return content[:place] + number + content[place + width :], f"{value} in {width} bytes at {place}"


KEEPING: dict[str, Mutation] = {
    "cut": truncate,
    "flip": flip,
    "noise": overwrite,
    "hole": hole,
    "left out": cut_out,
    "repeat": repeat,
    "insert": insert,
    "swap": swap,
}
"""By name."""

ANYWHERE: tuple[Mutation, ...] = (*KEEPING.values(), field, field, flip)
"""For headers and small files, where numbers matter."""


def mutate(content: bytes, span: Range, rng: np.random.Generator) -> tuple[bytes, str]:
    """One to three of `ANYWHERE` in a range."""
    done: list[str] = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        within = (min(span[0], len(content)), min(span[1], len(content)))
        content, what = ANYWHERE[int(rng.integers(len(ANYWHERE)))](content, within, rng)
        done.append(what)
    return content, "; ".join(done)
