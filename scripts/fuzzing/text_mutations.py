"""Mutations of text: of its lines, words and characters; and other spellings of the same table."""

from __future__ import annotations

import csv
import io
import re
from typing import Literal

import numpy as np

from fuzzing.byte_mutations import mutate

ODD = (
    *("", " ", "'", '"', '""', "''", "=1+1", "'=1", "@x", "-", "+", "nan", "inf", "-1", "0", "1e999", "1e-999", "1_0"),
    *("٣", "１", "0x10", "\u2028", "\x85", "\x0b", "\x1b[31m", "\ufeff", "\u0301", "\0", "\r", "\n", "\t", ";", ","),
    *("|", "../..", "C:\\x", "/", "%s", "{}", "unknown", "null", "true", "[]", "[[", "{", "1979-05-27"),
    *("9" * 5000, "a" * 70_000, "[" * 3000, "[" * 80 + "]" * 80),
)
"""What people and programs write, and what readers trip over."""

_WORD = re.compile(r"[^\s,;=\"\[\]]+")

BYTES_SHARE = 0.3
"""Share of the mutations that know nothing of text."""


def mutated_text(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """One to three mutations of lines, words, characters or bytes."""
    done: list[str] = []
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        if rng.random() < BYTES_SHARE:
            content, what = mutate(content, (0, len(content)), rng)
        else:
            text, what = _changed(content.decode("utf-8", "surrogateescape"), rng)
            content = text.encode("utf-8", "surrogateescape")
        done.append(what)
    return content, "; ".join(done)


def respelled(rows: list[list[str]], rng: np.random.Generator) -> tuple[bytes, str]:
    """The same table with other separators, quotes, line ends, columns in another order, empty lines or encoding."""
    order = rng.permutation(len(rows[0])) if rng.integers(2) else np.arange(len(rows[0]))
    separator = str(rng.choice([",", ";", "\t"]))
    end = str(rng.choice(["\n", "\r\n"]))
    stream = io.StringIO()
    if rng.integers(4) == 0:
        stream.write(f"sep={separator}{end}")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if rng.integers(2) else csv.QUOTE_MINIMAL
    writer = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=quoting)
    for number, row in enumerate(rows):
        cells = [row[place] for place in order]
        writer.writerow([cell.upper() for cell in cells] if number == 0 and rng.integers(3) == 0 else cells)
        if rng.integers(6) == 0:
            stream.write(end)
    content, encoding = encoded(stream.getvalue(), rng)
    return content, f"separator {separator!r}, ends {end!r}, {encoding}"


def encoded(text: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """The text in one of the encodings that are read, and its name."""
    encodings = (("utf-8", ""), ("utf-8-sig", ""), ("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"))
    encoding, mark = encodings[int(rng.integers(len(encodings)))]
    return (mark + text).encode(encoding), encoding


def _changed(text: str, rng: np.random.Generator) -> tuple[str, str]:
    lines = text.splitlines(keepends=True) or [""]
    place, other = (int(number) for number in rng.integers(len(lines), size=2))
    odd = ODD[int(rng.integers(len(ODD)))]
    shown = odd if len(odd) < 20 else f"{odd[0]} x {len(odd)}"
    match int(rng.integers(5)):
        case 0:
            return "".join(lines[:place] + lines[place + 1 :]), f"without line {place + 1}"
        case 1:
            return "".join(lines[: place + 1] + lines[place:]), f"line {place + 1} twice"
        case 2:
            lines[place], lines[other] = lines[other], lines[place]
            return "".join(lines), f"lines {place + 1} and {other + 1} swapped"
        case 3:
            begin = int(rng.integers(len(text) + 1))
            return text[:begin] + odd + text[begin:], f"{shown!r} inserted at {begin}"
    words = list(_WORD.finditer(text))
    if not words:
        return odd, f"{shown!r} alone"
    word = words[int(rng.integers(len(words)))]
    return text[: word.start()] + odd + text[word.end() :], f"{shown!r} instead of {word[0][:20]!r}"
