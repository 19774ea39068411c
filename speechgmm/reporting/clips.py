"""Short clips of recordings that a page carries inside itself.

They are MP3, the one small codec that every browser plays: some do not play Opus or Vorbis in Ogg, and FLAC is four
times as large. At 16 kHz and one channel, five seconds take some 15 kB.
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
    """The loudest seconds of a recording, as an address that holds the sound itself.

    Parameters
    ----------
    recording : Recording
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Returns
    -------
    str
        ``data:audio/mpeg;base64,...``: at most `CLIP_S` of the first `SEARCHED_S`.

    Raises
    ------
    AudioError
        If the recording cannot be read, or the clip cannot be made.
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
        raise AudioError(f"{recording.file}: no clip can be made of it: {error}") from error
    return f"data:audio/mpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def loudest(samples: Samples) -> Samples:
    """The `CLIP_S` seconds of most power, sought in steps of a tenth of a second; everything where there is no more."""
    length, step = round(CLIP_S * SAMPLING_RATE), SAMPLING_RATE // 10
    if len(samples) <= length:
        return samples
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    begins = np.arange(0, len(samples) - length + 1, step)
    begin = begins[np.argmax(energy[begins + length] - energy[begins])]
    return samples[begin : begin + length]
