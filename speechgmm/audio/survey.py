"""How much sound a file holds: the one place that decides, for every format and both decoders.

libsndfile and ffmpeg read a file up to its end, or up to the end that its header declares, without an error. So the
file is looked through here first: its format, the end that it declares (`declared_end`, `chunks`), its frames or
packets (`streams`, `mpeg_audio`), and what follows: tags, padding, more sound, another file. docs/robustness.md lists
what is detected in each format.
"""

from __future__ import annotations

from dataclasses import replace

from speechgmm.audio.byte_source import Source
from speechgmm.audio.chunks import survey_chunks, wav_format
from speechgmm.audio.declared_end import FINDERS, declared_end
from speechgmm.audio.extent import Extent, Part, UnsoundError, cut_short, may_be_sound, remark_on_zeros
from speechgmm.audio.flac import survey_flac
from speechgmm.audio.memory_file import AudioFile
from speechgmm.audio.mpeg_audio import is_mpeg_audio, survey_mpeg_audio
from speechgmm.audio.ogg import survey_ogg
from speechgmm.audio.streams import stream_kind, survey_units
from speechgmm.audio.units import SAMPLE_DUMP_HEADER, Walk, sample_dump_packet, tag
from speechgmm.errors import AudioError

MEDIA_KINDS = frozenset({"mov", "matroska", "asf", "avi", "flv", "mpegts", "mpeg", "aac", "ac3", "eac3", "amr"})
"""Formats that ffmpeg reads, by its names."""

_CHUNKS = frozenset({"wav", "aiff", "svx", "caf", "au"})
_UNITS = MEDIA_KINDS - {"mov"}
_CHECKED = MEDIA_KINDS | {"ogg", "flac", "mpeg audio"}  # zeros in these are no silence, and are found elsewhere
_MAX_PARTS = 10_000
_UNREAD = 4096  # bytes after the mark of the end that are worth an error

_MPEG_IN_WAV = (0x50, 0x55)

# First bytes, and where another 4 bytes distinguish: formats by the name that is used here.
_RIFF_FORMS = {b"WAVE": "wav", b"AVI ": "avi"}
_IFF_FORMS = {b"AIFF": "aiff", b"AIFC": "aiff", b"8SVX": "svx", b"16SV": "svx"}
_FIRST_BOXES = {b"ftyp", b"mdat", b"moov", b"styp", b"wide"}
_MAGICS = {
    b"caff": "caf",
    b".snd": "au",
    b"dns.": "au",
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"riff\x2e\x91\xcf\x11": "w64",
    b"NIST_1A\n": "nist",
    b"Creative Voice File\x1a": "voc",
    b"2BIT": "avr",
    b"\x01\x04": "mpc2k",
    b"ALawSoundFile**": "wve",
    b"Extended Instrument: ": "xi",
    b"MATLAB 5.0 MAT-file": "mat5",
    b" paf": "paf",
    b"fap ": "paf",
    b"PVF1\n": "pvf",
    b"\x64\xa3": "ircam",
    b"\0\x01\xa3\x64": "ircam",
    b"\0\x02\xa3\x64": "ircam",
    b"\0\x03\xa3\x64": "ircam",
    b"\0\x04\xa3\x64": "ircam",
    b"\x1a\x45\xdf\xa3": "matroska",
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"): "asf",
    b"FLV\x01": "flv",
    b"\0\0\x01\xba": "mpeg",
    b"#!AMR": "amr",
}

# These declare no length. Neither does what is not known here, except HTK, which libsndfile reads only if it is whole.
_WITHOUT_LENGTH = frozenset({"paf", "pvf", "ircam"})

# libsndfile reads these up to their declared end, and all others up to the end of the file.
_WEAK = ("", "mpc2k", "ircam")  # marks of two bytes, which other data may have by chance
_READ_TO_DECLARED_END = frozenset({"mat4", "sds"})


def survey(file: AudioFile, source: Source) -> Extent:
    """Find the streams in a file.

    Parameters
    ----------
    file : Path or MemoryFile
        For error messages.
    source : Source
        The whole file.

    Returns
    -------
    Extent

    Raises
    ------
    AudioError
        If sound is missing: the file is cut short or has a hole.
    """
    try:
        return _survey(source)
    except UnsoundError as error:
        raise AudioError(f"{file}: {error}") from error


def _survey(source: Source) -> Extent:
    parts: list[Part] = []
    kind, begin = _recognised(source, _after_tags(source, 0))
    while True:
        parts += _parts(source, begin, kind)
        after = _after_tags(source, parts[-1].end)
        if after <= begin or len(parts) > _MAX_PARTS or not _continues(source, after, kind):
            break
        begin = after
    rest = source.size - source.end_of_zeros(after)
    if kind == "voc" and rest == 0 and source.size - after > _UNREAD:  # a block of zeros is the mark of the end
        raise UnsoundError(f"it is damaged, its last {source.size - after:,} bytes are zeros")
    remarks = [part.remark for part in parts if part.remark]
    if len(parts) > 1:
        remarks.append(f"{len(parts)} files are joined in it, which are read as one")
    is_much = may_be_sound(rest, after - begin)
    if is_much and (other := _kind_by_mark(source.at(after, 64))) not in _WEAK:
        raise UnsoundError(f"a file of another format ({other}) follows in it, after {after:,} bytes: split it")
    if is_much and kind in FINDERS:
        parts[-1], remark = _with_rest(parts[-1], rest, source.size)
        remarks.append(remark)
    if kind not in _CHECKED:
        n_zeros = source.zeros_before(parts[-1].end, parts[-1].begin)
        remarks.append(remark_on_zeros(n_zeros, parts[-1].end - parts[-1].begin))
    return Extent(parts=tuple(parts), size=source.size, remarks=tuple(filter(None, remarks)))


def _recognised(source: Source, begin: int) -> tuple[str, int]:
    """The format of what begins at an offset, empty if it is not known, and the offset after bytes that precede it."""
    head = source.at(begin, 64)
    kind = _kind_by_mark(head)
    if kind:
        return kind, begin
    if source.at(begin + 20, 10) == b"samplerate":
        return "mat4", begin
    if head[0] == 0xF0 and head[1] == 0x7E and head[3] == 1:
        return "sds", begin
    kind, first = stream_kind(source, begin, ("mpegts", "mpeg"))
    if not kind and is_mpeg_audio(source, begin):
        return "mpeg audio", begin
    return (kind, first) if kind else stream_kind(source, begin, ("aac", "ac3"))


def _kind_by_mark(head: bytes) -> str:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return _RIFF_FORMS.get(head[8:12], "")
    if head[:4] == b"FORM":
        return _IFF_FORMS.get(head[8:12], "")
    if head[4:8] in _FIRST_BOXES:
        return "mov"
    return next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), "")


def _parts(source: Source, begin: int, kind: str) -> list[Part]:
    if kind == "wav":
        tag_value, first, stop = wav_format(source, begin)
        part = survey_chunks(source, begin, kind)
        return survey_mpeg_audio(source, first, stop) if tag_value in _MPEG_IN_WAV else [part]
    if kind in _CHUNKS:
        return [survey_chunks(source, begin, kind)]
    if kind == "ogg":
        return survey_ogg(source, begin)
    if kind == "flac":
        return survey_flac(source, begin)
    if kind == "mpeg audio":
        return survey_mpeg_audio(source, begin)
    if kind in _UNITS:
        return survey_units(source, begin, kind)
    if kind in FINDERS:
        end = declared_end(source, begin, kind)
        if end is not None and end > source.size:
            raise cut_short(end - source.size, source.size)
        if kind == "sds":
            _check_sample_dump(source, begin, source.size if end is None else end)
        return [Part(kind=kind, begin=begin, end=source.size if end is None else end, tells_end=end is not None)]
    return [Part(kind=kind, begin=begin, end=source.size, tells_end=kind not in _WITHOUT_LENGTH)]


def _check_sample_dump(source: Source, begin: int, end: int) -> None:
    """Refuse a MIDI sample dump with a damaged packet: libsndfile would print that on stdout, and read on."""
    walk = Walk(source, begin + SAMPLE_DUMP_HEADER, end, sample_dump_packet)
    n_bytes = sum(unit.end - unit.begin for unit in walk)
    if walk.holes or walk.missing:
        first = begin + SAMPLE_DUMP_HEADER + n_bytes
        raise UnsoundError(f"it is damaged: from byte {first:,} on, it holds no packet of samples")


def _continues(source: Source, begin: int, kind: str) -> bool:
    """Whether another file of the same format begins at this offset, by an unmistakable mark."""
    head = source.at(begin, 64)
    return kind not in _WEAK and _kind_by_mark(head) == kind and (kind != "mov" or head[4:8] == b"ftyp")


def _with_rest(part: Part, rest: int, size: int) -> tuple[Part, str]:
    """The last part, and a remark on the bytes after its declared end that are no tags and not zeros."""
    if part.kind in MEDIA_KINDS or part.kind == "xi":
        return part, f"its last {rest:,} bytes, after the end that its header declares, were not read"
    if part.kind in _READ_TO_DECLARED_END:
        raise UnsoundError(f"its header declares {rest:,} bytes less than it holds: convert it, or correct the header")
    return replace(part, end=size), f"its header declares {rest:,} bytes less than it holds, and all were read"


def _after_tags(source: Source, offset: int) -> int:
    """Offset after tags, which may stand before and after any file."""
    while length := tag(source.at(offset, 64), 0):
        offset += length
    return min(offset, source.size)
