"""What a page shows and plays of a whole recording, found in one reading of it.

Up to `LONGEST_S` the recording is in the page itself, as MP3 of a constant bit rate: browsers jump in it to the very
time, while in a variable one they land seconds away. Its sound comes some 70 ms late, the delay of the codec. A longer
recording is not copied; the page names its file.
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
from speechgmm.reporting.envelope import Envelope

LONGEST_S = 1800.0
SAMPLING_RATE = 16_000
COMPRESSION = 0.88  # 24 kbit/s: half an hour takes 7 MB of a page


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A recording on a page.

    Attributes
    ----------
    duration_s : float
    extremes : np.ndarray, shape (bins, 2)
        Its lowest and highest sample in each bin.
    bin_s : float
        Seconds in a bin; the last may be shorter.
    address : str
        Of the sound: it holds the sound itself, or leads from the page to the recording's file.
    inside : bool
        Whether it holds the sound.
    """

    duration_s: float
    extremes: npt.NDArray[np.float32]
    bin_s: float
    address: str
    inside: bool


def sound_of(file: Path, *, page: Path, channel: int | None = None) -> Sound:
    """Read a recording for a page, in memory that does not grow with its length.

    Parameters
    ----------
    file : Path
    page : Path
        Where the page will be, for an address that leads from there to the recording.
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Returns
    -------
    Sound

    Raises
    ------
    AudioError
        If the recording cannot be read, or cannot be made MP3.
    """
    envelope, content = Envelope(), io.BytesIO()
    inside = duration_s(file) <= LONGEST_S
    try:
        with closing(_encoder(content)) as encoder:
            for samples in blocks(file, sampling_rate=SAMPLING_RATE, channel=channel):
                envelope.add(samples)
                if inside:
                    encoder.write(np.clip(samples, -1.0, 1.0))
    except (soundfile.LibsndfileError, ValueError) as error:
        raise AudioError(f"{file}: it cannot be made MP3 for a page: {error}") from error
    return Sound(
        duration_s=envelope.n_samples / SAMPLING_RATE,
        extremes=envelope.extremes(),
        bin_s=envelope.bin_width / SAMPLING_RATE,
        address=_embedded(content.getvalue()) if inside else address(file, page),
        inside=inside,
    )


def address(file: Path, page: Path) -> str:
    """How a page leads to a file: relative, so that both can be moved together."""
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
