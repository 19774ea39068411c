"""Bytes of an open file: a `Source` to look at, and a `Window` that decoders read as if it were a file of its own."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from speechgmm.audio.memory_file import AudioFile, opened

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 18
_LAST = 1 << 10  # looked at first: few files end in zeros

# An estimate from the size of an MP3 file is too short by at most the ratio of the highest bit rate to the lowest: 40.
_INFLATION = 64


@dataclass(frozen=True)
class Source:
    """A file that is open and seekable.

    Attributes
    ----------
    stream : binary file
    size : int
        Its length in bytes.
    """

    stream: BinaryIO
    size: int

    def at(self, offset: int, count: int) -> bytes:
        """Read `count` bytes at `offset`, padded with zeros past the end of the file."""
        if not 0 <= offset < self.size:
            return bytes(count)
        self.stream.seek(offset)
        return self.stream.read(count).ljust(count, b"\0")

    def find(self, pattern: bytes, begin: int, end: int | None = None) -> int:
        """Offset of the first occurrence of `pattern` that lies in [begin, end); -1 if there is none.

        The range may reach past the end of the file: headers may declare any number.
        """
        end = self.size if end is None else min(end, self.size)
        while begin < end:
            count = min(_BLOCK + len(pattern) - 1, end - begin)
            if (index := self.at(begin, count).find(pattern)) >= 0:
                return begin + index
            begin += _BLOCK
        return -1

    def end_of_zeros(self, begin: int, end: int | None = None) -> int:
        """Offset of the first byte in [begin, end) that is not 0; `end`, by default the end of the file, if all are."""
        end = self.size if end is None else end
        while begin < end:
            content = self.at(begin, min(_BLOCK, end - begin))
            if rest := content.lstrip(b"\0"):
                return begin + len(content) - len(rest)
            begin += len(content)
        return end

    def zeros_before(self, end: int, begin: int) -> int:
        """Number of bytes before `end`, and not before `begin`, that are 0 without a break."""
        stop, size = end, _LAST
        while stop > begin:
            start = max(stop - size, begin)
            if rest := self.at(start, stop - start).rstrip(b"\0"):
                return end - start - len(rest)
            stop, size = start, _BLOCK
        return end - begin


class Window(io.RawIOBase):
    """A range of a file that is read as if it were the whole file.

    Decoders call it from C and cannot handle exceptions, so an error of the operating system is kept in `error`.

    Parameters
    ----------
    file : Path or MemoryFile
    begin, end : int
        The range, half open.
    head : bytes
        What is read before the range.
    inflated : bool
        Whether the length appears to be longer than it is. A decoder that estimates the duration from the length then
        reads to the real end.
    """

    def __init__(self, file: AudioFile, begin: int, end: int, *, head: bytes = b"", inflated: bool = False) -> None:
        super().__init__()
        self.error: OSError | None = None
        self._stream = opened(file)
        self._head, self._begin = head, begin - len(head)
        self._size = end - self._begin
        self._apparent_size = self._size * (_INFLATION if inflated else 1)
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Offset in the range."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to an offset in the range, or after it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._apparent_size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer`; return the number of bytes, 0 at the end."""
        view = memoryview(buffer).cast("B")
        if self._size < self._position < self._apparent_size:  # a look for tags at the apparent end finds none
            view[:] = bytes(len(view))
            count = len(view)
        else:
            view = view[: max(self._size - self._position, 0)]
            content = self._head[self._position : self._position + len(view)]
            view[: len(content)] = content
            count = len(content) + self._read_range(self._position + len(content), view[len(content) :])
        self._position += count
        return count

    def _read_range(self, position: int, view: memoryview) -> int:
        try:
            self._stream.seek(self._begin + position)
            return self._stream.readinto(view)
        except OSError as error:
            self.error = error
            return 0

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()
