"""How much sound a file's own headers announce, compared with the bytes that are there.

The audio library reads a file that was cut off up to the cut and says nothing, whatever the header promised. So the
few bytes that hold the promise are read here: the size of the chunk with the samples (WAV, AIFF, CAF, AU), of the
last page (Ogg), or the end of the file (`ends`: MP4, Matroska and others). FLAC and MP3 need no help: there the number
of samples read falls short of the number announced.

Not found out: a cut in any other format; a cut exactly between two Ogg pages; a cut in a file whose header never
said how long it is, which is usual for recorders that write into a pipe and is accepted.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from speechgmm.audio.container_ends import announced_end, bytes_at

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Recorders that cannot go back to the header write a size near 2 or 4 GiB: 0x7ffff000, 0x80000000, 0xffffffff.
SMALLEST_PLACEHOLDER = 0x7FFF0000

# A sane file has a handful of chunks; a hostile one could have millions of empty ones.
_MOST_CHUNKS = 1000

_OGG_PAGE_HEADER = 27
_OGG_LONGEST_PAGE = _OGG_PAGE_HEADER + 255 + 255 * 255


class _Layout(NamedTuple):
    header: str  # of a chunk, for struct: identifier, size
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
    """What a file's headers say of its length.

    Attributes
    ----------
    missing : int
        Bytes that are announced but not there; 0 where nothing is missing or nothing was announced.
    unset_at : int or None
        Offset of the size of a WAV file's samples where a recorder left it at 0 although samples follow.
    """

    missing: int = 0
    unset_at: int | None = None


def declared_length(stream: BinaryIO, size: int) -> DeclaredLength:
    """Compare what the headers announce with what is there.

    Parameters
    ----------
    stream : binary file
        The whole file, seekable.
    size : int
        Its length in bytes.
    """
    magic, length = struct.unpack("<4sI", bytes_at(stream, 0, 8))
    if layout := _LAYOUTS.get(magic):
        at, announced = _samples_chunk(stream, size, layout)
        # Where the size of the whole file was set and goes past this chunk, the chunk is empty in earnest.
        mono_at_rate = at < length + 8 < SMALLEST_PLACEHOLDER
        if magic == b"RIFF" and announced == 0 and at < size and not mono_at_rate:
            return DeclaredLength(unset_at=at - 4)
    elif magic == b".snd":
        at, announced = struct.unpack(">II", bytes_at(stream, 4, 8))
    elif magic == b"OggS":
        at, announced = _last_page(stream, size)
    else:
        return DeclaredLength(missing=max(announced_end(stream, size) - size, 0))
    missing = at + announced - size if announced < SMALLEST_PLACEHOLDER else 0
    return DeclaredLength(missing=max(missing, 0))


def _samples_chunk(stream: BinaryIO, size: int, layout: _Layout) -> tuple[int, int]:
    """Where the samples start and how many bytes of them are announced; the end of the file and 0 if nowhere."""
    header_size = struct.calcsize(layout.header)
    at = layout.first
    for _ in range(_MOST_CHUNKS):
        if not 0 < at < size:
            break
        identifier, announced = struct.unpack(layout.header, bytes_at(stream, at, header_size))
        at += header_size
        if identifier == layout.samples:
            return at, announced
        at += announced + announced % layout.alignment
    return size, 0


def _last_page(stream: BinaryIO, size: int) -> tuple[int, int]:
    """Where the last Ogg page starts and how long it is by its own account (RFC 3533, section 6)."""
    first = max(size - _OGG_LONGEST_PAGE, 0)
    tail = bytes_at(stream, first, size - first)
    at = tail.rfind(b"OggS")
    if at < 0:
        return size, 0
    page = tail[at:].ljust(_OGG_PAGE_HEADER, b"\0")
    segments = page[26]
    lengths = page[_OGG_PAGE_HEADER : _OGG_PAGE_HEADER + segments]
    return first + at, _OGG_PAGE_HEADER + segments + sum(lengths)


class PatchedWav(io.FileIO):
    """A WAV file that reads as if its header gave the size of the samples as 0xffffffff, up to the end of the file.

    Parameters
    ----------
    file : str or bytes
        The file.
    unset_at : int
        Offset of the size, from `DeclaredLength.unset_at`.
    """

    def __init__(self, file: str | bytes, unset_at: int) -> None:
        super().__init__(file)
        self._unset_at = unset_at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer`, with 0xff where the size stands."""
        view = memoryview(buffer).cast("B")
        at = self._unset_at - self.tell()
        count = super().readinto(view) or 0
        for index in range(max(at, 0), min(at + 4, count)):
            view[index] = 0xFF
        return count
