"""The sound in Ogg files: pages of one stream, or of several that follow one another (RFC 3533).

Most damaged pages are left to libsndfile: it decodes fewer samples then than the last page declares. But it counts from
the first page with sound to the last one, so these are checked here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

from speechgmm.audio import units
from speechgmm.audio.byte_source import Source
from speechgmm.audio.checksums import ogg_checksum
from speechgmm.audio.extent import Part, UnsoundError, cut_short
from speechgmm.audio.units import Unit, Walk, check_holes

_FIRST, _LAST = 2, 4  # flags


@dataclass
class _Link:
    """Pages that begin together: one stream, or several side by side."""

    begin: int
    last: tuple[int, int] = (0, 0)  # range of the last page
    in_first_pages: bool = True
    remark: str = ""
    numbers: dict[int, int] = field(default_factory=dict)  # of the last page of each stream
    with_sound: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)

    def part(self, source: Source) -> Part:
        """The part of the file."""
        _check_sum(source, *self.last)
        return Part(kind="ogg", begin=self.begin, end=self.last[1], tells_end=not self.open, remark=self.remark)


def survey_ogg(source: Source, begin: int) -> list[Part]:
    """Find the streams.

    Parameters
    ----------
    source : Source
    begin : int
        Offset of the first page.

    Returns
    -------
    list of Part
        They tell their end if their last pages are marked as such.

    Raises
    ------
    UnsoundError
        If the beginning or pages are missing, the last page is incomplete, or there is a hole.
    """
    walk = Walk(source, begin, source.size, units.ogg_page, b"OggS")
    links: list[_Link] = []
    for page in walk:
        if page.head[5] & _FIRST and not (links and links[-1].in_first_pages):
            links.append(_Link(page.begin))
        if not links:
            raise UnsoundError("its beginning is missing")
        _add(links[-1], page, source)
    if walk.missing:
        raise cut_short(walk.missing, source.size)
    if not links:
        raise UnsoundError("its beginning is missing")
    parts = [link.part(source) for link in links]
    remark = check_holes(walk, begin, source.size, complete=parts[-1].tells_end)
    return [*parts[:-1], replace(parts[-1], remark=parts[-1].remark or remark)]


def _add(link: _Link, page: Unit, source: Source) -> None:
    flags, position, serial, number = struct.unpack_from("<BqII", page.head, 5)
    link.in_first_pages = bool(flags & _FIRST)
    if flags & _FIRST:
        link.open.add(serial)
    elif serial not in link.with_sound:
        if position > 0:
            link.with_sound.add(serial)
            _check_sum(source, page.begin, page.end)
        if number != link.numbers.get(serial, -1) + 1:
            link.remark = "its beginning is missing, as in a recorded transmission"
    elif number != link.numbers[serial] + 1:
        raise UnsoundError(f"it is damaged: pages are missing before byte {page.begin:,}")
    if flags & _LAST:
        link.open.discard(serial)
    link.numbers[serial] = number
    link.last = page.begin, page.end


def _check_sum(source: Source, begin: int, end: int) -> None:
    """Raise an error if a page is damaged: its checksum is that of the page with zeros instead of the checksum."""
    page = source.at(begin, end - begin)
    (declared,) = struct.unpack_from("<I", page, 22)
    if ogg_checksum(page[:22] + bytes(4) + page[26:]) != declared:
        raise UnsoundError(f"it is damaged in the page at byte {begin:,}")
