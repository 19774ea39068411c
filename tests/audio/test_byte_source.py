"""Bytes of a file as they are looked at, and as decoders read them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

from speechgmm.audio.byte_source import Source, Window

CONTENT = np.random.default_rng(1).integers(1, 256, 700_000, dtype=np.uint8).tobytes()


def source_of(content: bytes) -> Source:
    """A file with this content."""
    return Source(io.BytesIO(content), len(content))


def test_bytes_past_the_end_are_zeros() -> None:
    """A header that is cut short, or declares an offset outside of the file, is read as zeros."""
    source = source_of(b"abc")

    assert source.at(1, 4) == b"bc\0\0"
    assert source.at(3, 2) == source.at(2**70, 2) == source.at(-1, 2) == b"\0\0"


@pytest.mark.parametrize("offset", [0, 5, 262_141, 262_144, 600_000])
def test_find(offset: int) -> None:
    """A pattern is found wherever blocks of reading end, and only in the range."""
    content = bytes(offset) + b"needle" + bytes(10)
    source = source_of(content)

    assert source.find(b"needle", 0) == source.find(b"needle", offset) == offset
    assert source.find(b"needle", offset + 1) == source.find(b"needle", 0, offset + 5) == -1


def test_a_search_ends_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header may declare any number."""
    read_at, offsets = Source.at, []

    def counted(self: Source, offset: int, count: int) -> bytes:
        offsets.append(offset)
        return read_at(self, offset, count)

    monkeypatch.setattr(Source, "at", counted)

    assert source_of(CONTENT).find(b"\0", 5, 1 << 30) == -1
    assert len(offsets) == 3


@pytest.mark.parametrize("count", [0, 1, 262_144, 500_000])
def test_zeros(count: int) -> None:
    """Zeros are counted from the front and from the back."""
    source = source_of(CONTENT[:1000] + bytes(count) + CONTENT[:10])

    assert source.end_of_zeros(1000) == 1000 + count
    assert source.zeros_before(1000 + count, 0) == count
    assert source.zeros_before(1000 + count, 1000) == count
    assert source_of(bytes(count)).end_of_zeros(0) == source_of(bytes(count)).zeros_before(count, 0) == count


@pytest.mark.parametrize("step", [1, 7, 300_000])
@pytest.mark.parametrize("head", [b"", b"head"])
def test_window(tmp_path: Path, step: int, head: bytes) -> None:
    """The range is read behind the head, in reads of any length, and nothing after it."""
    (tmp_path / "a").write_bytes(CONTENT)
    length = 1000 if step < 300_000 else 600_000
    expected = head + CONTENT[100 : 100 + length]

    with Window(tmp_path / "a", 100, 100 + length, head=head) as window:
        assert b"".join(iter(lambda: window.read(step), b"")) == expected
        assert window.seek(0, os.SEEK_END) == window.tell() == len(expected)
        assert window.seek(-3, os.SEEK_CUR) == len(expected) - 3
        assert window.read(9) == expected[-3:]
        window.seek(2)
        assert window.read(4) == expected[2:6]
        assert window.seek(-(10**9), os.SEEK_END) == 0
        assert window.seekable()


def test_inflated_window(tmp_path: Path) -> None:
    """The length appears longer; a look at the apparent end finds zeros, and reading on ends at the real end."""
    (tmp_path / "a").write_bytes(CONTENT[:1000])

    with Window(tmp_path / "a", 0, 1000, inflated=True) as window:
        assert window.seek(0, os.SEEK_END) == 64_000
        window.seek(-128, os.SEEK_END)
        assert window.read(128) == bytes(128)
        window.seek(990)
        assert window.read(20) == CONTENT[990:1000]
        assert window.read(20) == b""


def test_error_of_the_system_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder in C cannot handle an exception: it sees the end, and the error can be asked for."""
    (tmp_path / "a").write_bytes(CONTENT[:1000])

    error = OSError(5, "Input/output error")

    class Broken(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            raise error

    monkeypatch.setattr(Path, "open", lambda *_: Broken())
    with Window(tmp_path / "a", 0, 1000) as window:
        assert window.read(10) == b""
        assert window.error is error
