"""Media files, which need the extra ``media``: the same is expected as of sound files."""

from __future__ import annotations

import functools
import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from fuzzing.byte_mutations import HOLE
from fuzzing.material import voice
from fuzzing.sound_files import AudioTarget, Form, sound_form
from speechgmm.audio.byte_source import Source
from speechgmm.audio.declared_end import boxes

LAYOUTS = {1: "mono", 2: "stereo"}

# By target: suffix, format, codec, sampling rate, channels.
MEDIA_FORMS: dict[str, tuple[tuple[str, str, str, int, int], ...]] = {
    "mp4": (
        ("m4a", "ipod", "aac", 16_000, 1),
        ("mp4", "mp4", "aac", 44_100, 2),
        ("m4a", "ipod", "alac", 16_000, 1),
        ("mov", "mov", "pcm_s16le", 16_000, 1),
    ),
    "matroska": (
        ("webm", "webm", "libopus", 48_000, 1),
        ("mkv", "matroska", "aac", 44_100, 2),
        ("mkv", "matroska", "pcm_s16le", 16_000, 1),
        ("mka", "matroska", "flac", 16_000, 1),
        ("mkv", "matroska", "wavpack", 16_000, 1),
    ),
    "other media": (
        ("ts", "mpegts", "aac", 44_100, 1),
        ("ts", "mpegts", "mp2", 48_000, 1),
        ("mpg", "mpeg", "mp2", 44_100, 2),
        ("aac", "adts", "aac", 16_000, 1),
        ("ac3", "ac3", "ac3", 48_000, 2),
        ("flv", "flv", "aac", 44_100, 1),
        ("avi", "avi", "pcm_s16le", 16_000, 1),
        ("avi", "avi", "mp2", 44_100, 1),
        ("wma", "asf", "wmav2", 44_100, 1),
    ),
}

LEAST_HOLES = {"pcm_s16le": 0, "alac": 16_384, "wmav2": 6400, "mp2": 2600}
"""Where packets are larger than usual and have no checksum: twice their length; see `Form`."""


class MediaFiles(AudioTarget):
    """Files that ffmpeg reads, in a process of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        forms = tuple(_media_form(*form) for form in MEDIA_FORMS[name])
        super().__init__(folder, forms, sound_form("WAV", "PCM_16", 16_000, 1))


MEDIA_TARGETS = {name: functools.partial(MediaFiles, name=name) for name in MEDIA_FORMS}
"""By name."""


def _media_form(suffix: str, container: str, codec: str, rate: int, channels: int) -> Form:
    """A valid file that ffmpeg writes."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container, options={"fflags": "+bitexact"}) as out:
        sound: Any = out.add_stream(codec, rate=rate, layout=LAYOUTS[channels])
        sound.codec_context.time_base = Fraction(1, rate)
        if codec == "wmav2":
            sound.bit_rate = 128_000
        sound.codec_context.open()
        samples = np.ascontiguousarray(voice(rate, channels=channels).T)
        source = av.AudioFrame.from_ndarray(samples, format="fltp", layout=LAYOUTS[channels])
        source.sample_rate, source.time_base = rate, Fraction(1, rate)
        fifo = av.AudioFifo()
        for piece in av.AudioResampler(sound.codec_context.format.name, LAYOUTS[channels], rate).resample(source):
            fifo.write(piece)
        while frame := fifo.read(sound.codec_context.frame_size or 1000, partial=True):
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    content = stream.getvalue()
    return Form(
        name=f"{codec}-{rate}-{channels}.{suffix}",
        content=content,
        sound=_sound_in(content),
        least_hole=LEAST_HOLES.get(codec, HOLE),
    )


def _sound_in(content: bytes) -> tuple[int, int]:
    """The box with the samples of an MP4 file; of others, what is behind the header."""
    for offset, kind, length in boxes(Source(io.BytesIO(content), len(content)), 0):
        if kind == b"mdat":
            return offset + 16, offset + length
    return 2048, len(content)
