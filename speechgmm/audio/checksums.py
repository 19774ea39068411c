"""Cyclic redundancy checks with the polynomials of FLAC and Ogg, which the standard library does not have."""

from __future__ import annotations

from collections.abc import Iterator


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
