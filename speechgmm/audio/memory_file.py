"""Recordings whose bytes are in memory, such as an upload: no file has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path, PurePath


@dataclass(frozen=True, eq=False)
class MemoryFile:
    """The bytes of a recording. It stands where the path of a file may stand.

    Attributes
    ----------
    name : str
        For error messages. Its suffix is that of the format, if it has one; nothing opens a file of this name.
    content : bytes
    """

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """End of the name, such as ``.wav``; empty if it has none."""
        return PurePath(self.name).suffix


AudioFile = Path | MemoryFile
"""A recording: the path of its file, or its bytes."""


def opened(file: AudioFile) -> BufferedReader | BytesIO:
    """Open a recording for reading; the bytes of a `MemoryFile` are not copied."""
    return BytesIO(file.content) if isinstance(file, MemoryFile) else file.open("rb")
