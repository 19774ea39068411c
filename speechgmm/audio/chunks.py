"""The sound in WAV, RF64, BW64, AIFF, SVX, CAF and AU files: a chunk, whose header declares its size.

A recorder may have left the size at 0 or at a placeholder, written only the last 32 bits of it, or ended before it was
brought up to date. The sound then reaches to the end of the file, and the decoder reads it by a corrected header.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import NamedTuple

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Part, UnsoundError, cut_short, may_be_sound
from speechgmm.audio.units import tag

_MAX_CHUNKS = 1000  # a normal file has a few; a hostile one could have millions of empty ones
_UNSET_64 = 1 << 60  # a 64-bit size that was not set is the largest number, or close to it
_TO_THE_END = 0xFFFFFFFF
_LARGEST_32 = 0xFFFFFFFF - 1
_LONGEST_HEAD = 1 << 24

CHUNKS_AFTER = frozenset(
    {b"LIST", b"ID3 ", b"id3 ", b"bext", b"iXML", b"axml", b"JUNK", b"fact", b"PEAK", b"cue ", b"smpl", b"inst"}
    | {b"acid", b"DISP", b"FLLR", b"PAD ", b"umid", b"APPL", b"COMT", b"MARK", b"info", b"uuid", b"free", b"pakt"}
)
"""Chunks that stand after the samples. At the end of a file they may be incomplete: they hold no sound."""


class _Layout(NamedTuple):
    header: str  # struct format of a chunk header: identifier, size
    first: int  # offset of the first chunk
    samples: bytes  # identifier of the chunk with the samples
    alignment: int


_RIFF = _Layout("<4sI", 12, b"data", 2)
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"RIFX": _Layout(">4sI", 12, b"data", 2),
    b"FORM": _Layout(">4sI", 12, b"SSND", 2),
    b"caff": _Layout(">4sq", 8, b"data", 1),
}
_FORMS = (b"WAVE", b"AIFF", b"AIFC", b"8SVX", b"16SV", b"desc")
_SVX = _Layout(">4sI", 12, b"BODY", 2)


class _Chunk(NamedTuple):
    """The chunk with the samples: the offset of its content, its declared size, and where and how that is written."""

    begin: int
    declared: int
    size_at: int
    size_format: str


def is_placeholder(size: int) -> bool:
    """Whether a recorder that cannot return to the header writes this size: 0x7ffff000, 0x80000000, 0xffffffff ..."""
    return 0x7FFF0000 <= size <= 0x80000000 or 0xFFFF0000 <= size <= 0xFFFFFFFF or size >= _UNSET_64 or size < 0


def survey_chunks(source: Source, begin: int, kind: str) -> Part:
    """Find the sound in a file of chunks.

    Parameters
    ----------
    source : Source
    begin : int
        Offset of the file's first byte.
    kind : str
        "wav", "aiff", "svx", "caf" or "au".

    Returns
    -------
    Part
        Its end is where other chunks, tags or another file follow.

    Raises
    ------
    UnsoundError
        If the file ends before its declared end, or its header is wrong and a decoder would follow it.
    """
    magic = source.at(begin, 4)
    chunk = _au_samples(source, begin) if kind == "au" else _samples(source, begin, magic, kind)
    if chunk is None:
        return Part(kind=kind, begin=begin, end=source.size)
    present, declared = source.size - chunk.begin, chunk.declared
    if declared == 0 and is_beginning(source, chunk.begin):
        return Part(kind=kind, begin=begin, end=chunk.begin)
    if declared == 0 and _is_finished(source, begin, magic, chunk):
        return Part(kind=kind, begin=begin, end=source.size)
    if declared == 0 or (is_placeholder(declared) and not 0 <= declared <= present):
        return replace(_to_the_end(source, begin, chunk, kind), tells_end=False)
    if declared > present:
        raise cut_short(declared - present, source.size)
    end = _end_of_chunks(source, chunk.begin + declared, _LAYOUTS.get(magic))
    wrapped = present - declared >= 1 << 32 and (present - declared) % (1 << 32) <= 1
    rest = 0 if is_beginning(source, end) else source.size - source.end_of_zeros(end)
    if wrapped or may_be_sound(rest, declared):
        remark = f"its header declares {declared:,} bytes of sound, {present:,} follow and were read"
        return replace(_to_the_end(source, begin, chunk, kind), remark=remark)
    if kind != "svx" and not is_beginning(source, end):  # libsndfile reads SVX files up to their end
        end = source.size
    if magic == b"BW64":  # libsndfile knows only the older name
        return Part(kind=kind, begin=begin + 4, end=end, head=b"RF64")
    return Part(kind=kind, begin=begin, end=end)


def is_beginning(source: Source, at: int) -> bool:
    """Whether another file begins at this offset."""
    return source.at(at, 4) in (b".snd", b"dns.", b"fLaC", b"OggS") or (
        source.at(at, 4) in _LAYOUTS and source.at(at + 8, 4) in _FORMS
    )


def wav_format(source: Source, begin: int) -> tuple[int, int, int]:
    """Format tag of a WAV file, and the range of its samples in bytes; zeros if it has none."""
    tag_value, sound = 0, (0, 0)
    for name, offset, size in _chunks(source, begin, _RIFF):
        if name == b"fmt ":
            (tag_value,) = struct.unpack("<H", source.at(offset, 2))
        elif name == b"data":
            sound = offset, min(offset + size, source.size)
    return (tag_value, *sound)


def _samples(source: Source, begin: int, magic: bytes, kind: str) -> _Chunk | None:
    layout = _SVX if kind == "svx" else _LAYOUTS[magic]
    size_format = layout.header.replace("4s", "")
    long_size_at = 0
    for name, offset, size in _chunks(source, begin, layout):
        if name == b"ds64" and magic in (b"RF64", b"BW64"):
            long_size_at = offset + 8
        elif name == layout.samples:
            if long_size_at:
                (long_size,) = struct.unpack("<Q", source.at(long_size_at, 8))
                return _Chunk(offset, long_size, long_size_at, "<Q")
            return _Chunk(offset, size, offset - struct.calcsize(size_format), size_format)
    return None


def _chunks(source: Source, begin: int, layout: _Layout) -> list[tuple[bytes, int, int]]:
    """Identifier, offset of the content and declared size of each chunk up to the one with the samples."""
    header_size = struct.calcsize(layout.header)
    chunks: list[tuple[bytes, int, int]] = []
    offset = begin + layout.first
    while begin < offset < source.size and len(chunks) < _MAX_CHUNKS:
        name, size = struct.unpack(layout.header, source.at(offset, header_size))
        chunks.append((name, offset + header_size, size))
        if name == layout.samples:
            break
        offset += header_size + size + size % layout.alignment
    return chunks


def _au_samples(source: Source, begin: int) -> _Chunk:
    size_format = ">I" if source.at(begin, 4) == b".snd" else "<I"
    offset, declared = struct.unpack(size_format + size_format[1:], source.at(begin + 4, 8))
    return _Chunk(begin + offset, declared, begin + 8, size_format)


def _is_finished(source: Source, begin: int, magic: bytes, chunk: _Chunk) -> bool:
    """Whether a size of 0 is true: the file ends there, or the size of the whole file reaches past the chunk."""
    whole = 0
    if magic in (b"RIFF", b"RIFX", b"FORM"):
        (whole,) = struct.unpack("<I" if magic == b"RIFF" else ">I", source.at(begin + 4, 4))
    return chunk.begin >= source.size or (chunk.begin < begin + whole + 8 and not is_placeholder(whole))


def _to_the_end(source: Source, begin: int, chunk: _Chunk, kind: str) -> Part:
    """The samples up to the end of the file, with a corrected header."""
    magic, present = source.at(begin, 4), source.size - chunk.begin
    is_too_long = present > _LARGEST_32 and kind != "au" and chunk.size_format[1] == "I"
    if chunk.begin - begin > _LONGEST_HEAD or (is_too_long and magic != b"RIFF"):
        raise UnsoundError(f"its header declares {chunk.declared:,} bytes of sound and {present:,} follow: correct it")
    head = bytearray(source.at(begin, chunk.begin - begin))
    if is_too_long:
        head = _rf64_head(source, begin, present)
    else:
        size = _TO_THE_END if magic in (b"RIFF", b"RIFX") or kind == "au" else present
        struct.pack_into(chunk.size_format, head, chunk.size_at - begin, size)
    if magic == b"BW64":
        head[:4] = b"RF64"
    return Part(kind=kind, begin=chunk.begin, end=source.size, head=bytes(head))


def _rf64_head(source: Source, begin: int, present: int) -> bytearray:
    """The header of a WAV file whose samples are too long for it, as RF64 (EBU Tech 3306)."""
    formats = [source.at(offset, size) for name, offset, size in _chunks(source, begin, _RIFF) if name == b"fmt "]
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, present + 100, present, 0, 0)
    format_chunks = b"".join(struct.pack("<4sI", b"fmt ", len(content)) + content for content in formats)
    return bytearray(b"RF64\xff\xff\xff\xffWAVE" + sizes + format_chunks + b"data\xff\xff\xff\xff")


def _end_of_chunks(source: Source, offset: int, layout: _Layout | None) -> int:
    """End of the chunks and tags that follow the samples, or the beginning of another file."""
    for _ in range(_MAX_CHUNKS):
        if length := tag(source.at(offset, 64), 0):
            offset += length
            continue
        # What is of odd size is padded, but not by all programs.
        beginning = next((at for at in (offset, offset + 1) if is_beginning(source, at)), 0)
        if beginning or layout is None:
            offset = beginning or offset
            break
        after = _after_chunk(source, offset, layout) or _after_chunk(source, offset + 1, layout)
        if not after:
            break
        offset = after
    return min(offset, source.size)


def _after_chunk(source: Source, offset: int, layout: _Layout) -> int:
    """End of the chunk at this offset; 0 if there is none. The last one may be cut short: it holds no sound."""
    name, size = struct.unpack(layout.header, source.at(offset, struct.calcsize(layout.header)))
    after = offset + struct.calcsize(layout.header) + size
    is_chunk = size >= 0 and name.isascii() and name.decode("ascii").isprintable()
    return int(after) if is_chunk and (after <= source.size + 1 or name in CHUNKS_AFTER) else 0
