"""Short audio clips embedded in a page.

The format is MP3, the one small codec that every browser plays: some do not play Opus or Vorbis in Ogg, and FLAC is
four times as large. At 16 kHz and one channel, five seconds take about 15 kB.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile

from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError

CLIP_S = 5.0
SEARCHED_S = 30.0
SAMPLING_RATE = 16_000


def clip(recording: Recording, *, channel: int | None = None) -> str:
    """Encode the loudest seconds of a recording as a data URL.

    Parameters
    ----------
    recording : Recording
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Returns
    -------
    str
        ``data:audio/mpeg;base64,...``: at most `CLIP_S` seconds of the first `SEARCHED_S` seconds.

    Raises
    ------
    AudioError
        If the recording cannot be read or encoded.
    """
    end = recording.start + SEARCHED_S
    samples = read(
        recording.file,
        sampling_rate=SAMPLING_RATE,
        channel=channel,
        start=recording.start,
        end=end if recording.end is None else min(end, recording.end),
    )
    content = io.BytesIO()
    try:
        soundfile.write(content, np.clip(loudest(samples), -1.0, 1.0), SAMPLING_RATE, format="MP3")
    except (soundfile.LibsndfileError, ValueError) as error:
        raise AudioError(
            f"{recording.file}: the clip cannot be encoded as MP3 (install a libsndfile with MP3 support): {error}"
        ) from error
    return f"data:audio/mpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def loudest(samples: Samples) -> Samples:
    """The `CLIP_S` seconds with the highest energy, in steps of 0.1 s; shorter signals are returned whole."""
    length, step = round(CLIP_S * SAMPLING_RATE), SAMPLING_RATE // 10
    if len(samples) <= length:
        return samples
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, len(samples) - length + 1, step)
    start = starts[np.argmax(energy[starts + length] - energy[starts])]
    return samples[start : start + length]
