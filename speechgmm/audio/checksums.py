"""Cyclic redundancy checks of FLAC and Ogg, highest bit first. The standard library has none of them.

That of Ogg has the polynomial of `zlib.crc32`, which takes the lowest bit of a byte first: with the bits of all bytes
and of the result in reverse order it is the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_ALL = 0xFFFFFFFF  # zlib begins with it, and inverts the result


def ogg_checksum(content: bytes) -> int:
    """Remainder of the content by the polynomial of 32 bits of Ogg (RFC 3533)."""
    remainder = zlib.crc32(content.translate(_REVERSED), _ALL) ^ _ALL
    return int(f"{remainder:032b}"[::-1], 2)


def remainders(polynomial: int, width: int) -> list[int]:
    """Table for `checksum`, by byte: `polynomial` has `width` bits after the highest one."""
    table = []
    for value in range(256):
        remainder = value << (width - 8)
        for _ in range(8):
            remainder = remainder << 1 ^ (polynomial if remainder >> (width - 1) else 0)
        table.append(remainder & ((1 << width) - 1))
    return table


def checksum(content: bytes, table: list[int], width: int) -> int:
    """Remainder of the content; 0 if it ends with the remainder of what stands before."""
    remainder = 0
    mask = (1 << width) - 1
    for byte in content:
        remainder = (remainder << 8 & mask) ^ table[remainder >> (width - 8) ^ byte]
    return remainder


def checked_ends(content: bytes, table: list[int], width: int) -> Iterator[int]:
    """Offsets up to which the content ends with the remainder of what stands before."""
    remainder = 0
    mask = (1 << width) - 1
    for index, byte in enumerate(content, start=1):
        remainder = (remainder << 8 & mask) ^ table[remainder >> (width - 8) ^ byte]
        if remainder == 0:
            yield index
