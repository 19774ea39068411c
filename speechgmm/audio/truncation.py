"""Declared length of an audio file, compared with its size, to detect truncation.

libsndfile reads a truncated file up to its end without an error. So the header fields that declare the length are read
here: the size of the chunk with the samples (WAV, AIFF, CAF, AU), the size of the last page (Ogg), or the end of the
file (`container_length`: MP4, Matroska and others). FLAC and MP3 need no such check, because fewer samples are decoded
than their header declares.

Not detected: truncation in any other format, between two Ogg pages, or in a file whose header declares no length.
Recorders that write into a pipe declare none, so such files are accepted.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from speechgmm.audio.container_length import bytes_at, declared_end

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Recorders that cannot return to the header write a size near 2 or 4 GiB: 0x7ffff000, 0x80000000, 0xffffffff.
SMALLEST_PLACEHOLDER = 0x7FFF0000

# A normal file has a few chunks. A hostile file could have millions of empty ones.
_MAX_CHUNKS = 1000

_OGG_PAGE_HEADER = 27
_OGG_LONGEST_PAGE = _OGG_PAGE_HEADER + 255 + 255 * 255


class _Layout(NamedTuple):
    header: str  # struct format of a chunk header: identifier, size
    first: int  # offset of the first chunk
    samples: bytes  # identifier of the chunk with the samples
    alignment: int


_LAYOUTS = {
    b"RIFF": _Layout("<4sI", 12, b"data", 2),
    b"RIFX": _Layout(">4sI", 12, b"data", 2),
    b"FORM": _Layout(">4sI", 12, b"SSND", 2),
    b"caff": _Layout(">4sq", 8, b"data", 1),
}


@dataclass(frozen=True, kw_only=True)
class DeclaredLength:
    """Comparison of the length that a file declares with its size.

    Attributes
    ----------
    missing : int
        Declared bytes that are not in the file; 0 if the file is complete or declares no length.
    unset_at : int or None
        Offset of the size field of a WAV file's samples, if a recorder left it at 0 although samples follow.
    """

    missing: int = 0
    unset_at: int | None = None


def declared_length(stream: BinaryIO, size: int) -> DeclaredLength:
    """Compare the length declared in the headers with the size of the file.

    Parameters
    ----------
    stream : binary file
        The whole file, seekable.
    size : int
        Its length in bytes.
    """
    magic, length = struct.unpack("<4sI", bytes_at(stream, 0, 8))
    if layout := _LAYOUTS.get(magic):
        offset, declared = _samples_chunk(stream, size, layout)
        # The size of the whole file is set and reaches past this chunk: the chunk is really empty.
        finished_empty = offset < length + 8 < SMALLEST_PLACEHOLDER
        if magic == b"RIFF" and declared == 0 and offset < size and not finished_empty:
            return DeclaredLength(unset_at=offset - 4)
    elif magic == b".snd":
        offset, declared = struct.unpack(">II", bytes_at(stream, 4, 8))
    elif magic == b"OggS":
        offset, declared = _last_page(stream, size)
    else:
        return DeclaredLength(missing=max(declared_end(stream, size) - size, 0))
    missing = offset + declared - size if declared < SMALLEST_PLACEHOLDER else 0
    return DeclaredLength(missing=max(missing, 0))


def _samples_chunk(stream: BinaryIO, size: int, layout: _Layout) -> tuple[int, int]:
    """Offset and declared size of the samples in bytes; the end of the file and 0 if there is no such chunk."""
    header_size = struct.calcsize(layout.header)
    offset = layout.first
    for _ in range(_MAX_CHUNKS):
        if not 0 < offset < size:
            break
        identifier, declared = struct.unpack(layout.header, bytes_at(stream, offset, header_size))
        offset += header_size
        if identifier == layout.samples:
            return offset, declared
        offset += declared + declared % layout.alignment
    return size, 0


def _last_page(stream: BinaryIO, size: int) -> tuple[int, int]:
    """Offset and declared size of the last Ogg page (RFC 3533, section 6)."""
    first = max(size - _OGG_LONGEST_PAGE, 0)
    tail = bytes_at(stream, first, size - first)
    offset = tail.rfind(b"OggS")
    if offset < 0:
        return size, 0
    page = tail[offset:].ljust(_OGG_PAGE_HEADER, b"\0")
    segments = page[26]
    lengths = page[_OGG_PAGE_HEADER : _OGG_PAGE_HEADER + segments]
    return first + offset, _OGG_PAGE_HEADER + segments + sum(lengths)


class PatchedWav(io.FileIO):
    """A WAV file read with 0xffffffff as the size of its samples, which means: up to the end of the file.

    Parameters
    ----------
    file : str or bytes
        The file.
    unset_at : int
        Offset of the size field, from `DeclaredLength.unset_at`.
    """

    def __init__(self, file: str | bytes, unset_at: int) -> None:
        super().__init__(file)
        self._unset_at = unset_at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer`, with 0xff in place of the size field."""
        view = memoryview(buffer).cast("B")
        start = self._unset_at - self.tell()
        count = super().readinto(view) or 0
        for index in range(max(start, 0), min(start + 4, count)):
            view[index] = 0xFF
        return count
