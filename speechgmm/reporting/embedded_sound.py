"""Waveform envelope and audio source of a whole recording, read in one pass.

A recording of up to `MAX_EMBEDDED_S` is embedded in the page as MP3 with a constant bit rate: browsers seek exactly in
it, but miss by seconds with a variable bit rate. The codec delays the audio by about 70 ms. The page links to the file
of a longer recording.
"""

from __future__ import annotations

import base64
import io
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import soundfile

from speechgmm.audio.reading import blocks, duration_s
from speechgmm.errors import AudioError
from speechgmm.reporting.waveform_envelope import Envelope

MAX_EMBEDDED_S = 1800.0
SAMPLING_RATE = 16_000
COMPRESSION = 0.88  # 24 kbit/s: 30 minutes take 7 MB of a page


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Waveform and audio source of a recording.

    Attributes
    ----------
    duration_s : float
    extremes : np.ndarray, shape (bins, 2)
        Minimum and maximum sample of each bin.
    bin_s : float
        Bin width in seconds; the last bin may be shorter.
    address : str
        URL of the audio: a data URL, or a relative link from the page to the recording's file.
    embedded : bool
        Whether `address` is a data URL.
    """

    duration_s: float
    extremes: npt.NDArray[np.float32]
    bin_s: float
    address: str
    embedded: bool


def sound_of(file: Path, *, page: Path, channel: int | None = None) -> Sound:
    """Read a recording for a page, block by block in bounded memory.

    Parameters
    ----------
    file : Path
    page : Path
        File of the page, from which a link to the recording starts.
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Returns
    -------
    Sound

    Raises
    ------
    AudioError
        If the recording cannot be read or encoded.
    """
    envelope, content = Envelope(), io.BytesIO()
    embedded = duration_s(file) <= MAX_EMBEDDED_S
    try:
        with closing(_encoder(content)) as encoder:
            for samples in blocks(file, sampling_rate=SAMPLING_RATE, channel=channel):
                envelope.add(samples)
                if embedded:
                    encoder.write(np.clip(samples, -1.0, 1.0))
    except (soundfile.LibsndfileError, ValueError) as error:
        raise AudioError(
            f"{file}: the audio cannot be encoded as MP3 (install a libsndfile with MP3 support): {error}"
        ) from error
    return Sound(
        duration_s=envelope.n_samples / SAMPLING_RATE,
        extremes=envelope.extremes(),
        bin_s=envelope.bin_width / SAMPLING_RATE,
        address=_embedded(content.getvalue()) if embedded else address(file, page),
        embedded=embedded,
    )


def address(file: Path, page: Path) -> str:
    """URL from a page to a file: relative, so that both can be moved together."""
    try:
        relative = Path(os.path.relpath(file, page.parent))
    except ValueError:  # on another drive
        return file.resolve().as_uri()
    return f"./{quote(os.fsencode(relative.as_posix()))}"


def _encoder(content: io.BytesIO) -> soundfile.SoundFile:
    return soundfile.SoundFile(
        content, "w", SAMPLING_RATE, 1, format="MP3", bitrate_mode="CONSTANT", compression_level=COMPRESSION
    )


def _embedded(content: bytes) -> str:
    return f"data:audio/mpeg;base64,{base64.b64encode(content).decode('ascii')}"
