"""Remainders of cyclic redundancy checks, against long division by hand and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from speechgmm.audio.checksums import checksum, ogg_checksum, remainders


def divided(content: bytes, polynomial: int, width: int) -> int:
    """Remainder by long division, bit by bit."""
    number = int.from_bytes(content, "big") << width
    while (excess := number.bit_length() - width - 1) >= 0:
        number ^= polynomial << excess
    return number


@pytest.mark.parametrize("size", [0, 1, 2, 27, 300])
def test_ogg(size: int) -> None:
    """The polynomial of RFC 3533."""
    content = np.random.default_rng(size).bytes(size)
    assert ogg_checksum(content) == divided(content, 0x104C11DB7, 32)


@pytest.mark.parametrize(("polynomial", "width"), [(0x107, 8), (0x18005, 16)])
def test_flac(polynomial: int, width: int) -> None:
    """The polynomials of frames and of their headers; the remainder of content with its remainder is 0."""
    content, table = np.random.default_rng(1).bytes(100), remainders(polynomial, width)
    remainder = divided(content, polynomial, width)
    assert checksum(content, table, width) == remainder
    assert checksum(content + remainder.to_bytes(width // 8, "big"), table, width) == 0
