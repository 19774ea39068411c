"""What is known of the sound in a file before it is decoded: `Part` and `Extent`, the result of `survey.survey`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_FEW_ZEROS = 2048
_FEW_BYTES, _JUNK = 256, 4096
_UNFILLED = 1 << 26


class UnsoundError(Exception):
    """Sound is missing from a file. The message says what, without the name of the file."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A range of a file that is a complete stream.

    Attributes
    ----------
    kind : str
        The format, such as "wav" or "matroska"; "" if it is not known.
    begin, end : int
        The range in bytes, half open.
    tells_end : bool
        Whether the stream declares its length or marks its end, so that a cut is noticed.
    head : bytes
        What the decoder must see before the range to read all of it: a corrected header.
    n_samples : int or None
        Samples per channel in all frames together, if they were counted.
    estimated : bool
        Whether the decoder would estimate the duration from the length of the file.
    stream_bytes : mapping of int to int
        Bytes of the packets of each audio stream in it, if they were counted.
    remark : str
        What is odd about it.
    """

    kind: str
    begin: int
    end: int
    tells_end: bool = True
    head: bytes = b""
    n_samples: int | None = None
    estimated: bool = False
    stream_bytes: Mapping[int, int] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The sound in a file.

    Attributes
    ----------
    parts : tuple of Part
        Streams, in order; more than one if files were joined.
    size : int
        Length of the file in bytes.
    remarks : tuple of str
        What is odd about the file.
    """

    parts: tuple[Part, ...]
    size: int
    remarks: tuple[str, ...] = ()

    @property
    def tells_end(self) -> bool:
        """Whether a cut of any part would have been noticed."""
        return all(part.tells_end for part in self.parts)


def cut_short(missing: int, size: int) -> UnsoundError:
    """The error for a file that ends before its declared end."""
    return UnsoundError(f"it is cut short, its header declares {missing:,} bytes more than the {size:,} it has")


def may_be_sound(n_after: int, n_bytes: int) -> bool:
    """Whether what follows the sound is more than tags and padding that are not recognised.

    Parameters
    ----------
    n_after : int
        Bytes after the declared end.
    n_bytes : int
        Bytes of sound before it: of a short recording, few bytes are much sound.
    """
    return n_after > min(_JUNK, max(_FEW_BYTES, n_bytes // 20))


def remark_on_zeros(n_zeros: int, n_bytes: int) -> str:
    """Remark on zeros at the end of sound in whose format zeros are silence; empty if they are few.

    Parameters
    ----------
    n_zeros : int
        Bytes at the end that are 0.
    n_bytes : int
        Bytes of sound in all.

    Raises
    ------
    UnsoundError
        If they are nearly all of a large file: it was made in full length, and never filled.
    """
    if n_zeros >= _UNFILLED and n_zeros > 0.9 * n_bytes:
        raise UnsoundError(f"it is damaged, its last {n_zeros:,} bytes of {n_bytes:,} are zeros")
    if not max(_FEW_ZEROS, n_bytes // 5) < n_zeros < n_bytes:
        return ""
    return f"its last {n_zeros:,} bytes of {n_bytes:,} are zeros, which is silence, or a download that broke off"
