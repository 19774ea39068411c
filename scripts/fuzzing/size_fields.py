"""Sizes that the headers of sound files declare, and wrong values for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, kw_only=True)
class SizeField:
    """A size in a header: its place, its width in bytes, and the order of these."""

    name: str
    place: int
    width: int
    order: Literal["little", "big"]


def size_fields(content: bytes) -> tuple[SizeField, ...]:
    """The sizes that tell how much sound a file holds; empty where this module does not know the format."""
    for magic, find in _FINDERS.items():
        if content.startswith(magic):
            return tuple(find(content))
    return ()


def wrong_size(content: bytes, fields: tuple[SizeField, ...], rng: np.random.Generator) -> tuple[bytes, str]:
    """Another value for one of the sizes."""
    field = fields[int(rng.integers(len(fields)))]
    end = field.place + field.width
    old, largest = int.from_bytes(content[field.place : end], field.order), (1 << 8 * field.width) - 1
    near = int(rng.integers(1, max(old, 2)))
    values = [0, 1, old // 2, near, old + near, 2 * old, largest, largest >> 1]
    new = min(values[int(rng.integers(len(values)))], largest)
    changed = content[: field.place] + new.to_bytes(field.width, field.order) + content[end:]
    return changed, f"the size {field.name} is {new} instead of {old}"


def _wav(content: bytes) -> Iterator[SizeField]:
    yield SizeField(name="RIFF", place=4, width=4, order="little")
    yield SizeField(name="data", place=content.index(b"data") + 4, width=4, order="little")


def _rf64(content: bytes) -> Iterator[SizeField]:
    place = content.index(b"ds64") + 8
    yield SizeField(name="RIFF in ds64", place=place, width=8, order="little")
    yield SizeField(name="data in ds64", place=place + 8, width=8, order="little")


def _aiff(content: bytes) -> Iterator[SizeField]:
    yield SizeField(name="FORM", place=4, width=4, order="big")
    if content[8:12] not in (b"AIFF", b"AIFC"):
        yield SizeField(name="BODY", place=content.index(b"BODY") + 4, width=4, order="big")
        return
    yield SizeField(name="SSND", place=content.index(b"SSND") + 4, width=4, order="big")
    yield SizeField(name="frames in COMM", place=content.index(b"COMM") + 10, width=4, order="big")


def _au(content: bytes) -> Iterator[SizeField]:
    yield SizeField(name="data", place=8, width=4, order="big")


def _caf(content: bytes) -> Iterator[SizeField]:
    yield SizeField(name="data", place=content.index(b"data") + 4, width=8, order="big")


def _w64(content: bytes) -> Iterator[SizeField]:
    yield SizeField(name="riff", place=16, width=8, order="little")
    yield SizeField(name="data", place=content.index(b"data\xf3\xac\xd3\x11") + 16, width=8, order="little")


def _flac(content: bytes) -> Iterator[SizeField]:
    yield SizeField(name="samples, low 32 of 36 bits", place=22, width=4, order="big")


_FINDERS: dict[bytes, Callable[[bytes], Iterator[SizeField]]] = {
    b"RIFF": _wav,
    b"RF64": _rf64,
    b"FORM": _aiff,
    b".snd": _au,
    b"caff": _caf,
    b"riff\x2e\x91\xcf\x11": _w64,
    b"fLaC": _flac,
}
