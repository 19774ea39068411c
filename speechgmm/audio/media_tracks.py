"""The audio tracks of a media file, and which of them is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from speechgmm.audio.ffmpeg import MediaFile, Track
from speechgmm.errors import AudioError

_SILENT = 1e-4  # of full scale


@contextmanager
def opened_track(file: MediaFile, channel: int | None, alive: Callable[[], None]) -> Iterator[Track]:
    """Open the audio track with a channel, or the first track with sound.

    Parameters
    ----------
    file : MediaFile
    channel : int, optional
        Counted from 1, through all tracks.
    alive : callable
        Called during long work.

    Yields
    ------
    Track

    Raises
    ------
    AudioError
        If the file cannot be decoded: it has no audio, or its audio is damaged, protected or in an unknown encoding.
    """
    with file.opened() as container:
        n_tracks = len(container.streams.audio)
        if n_tracks == 1:
            yield Track(file, container, 0, alive)
            return
    if n_tracks == 0:
        raise AudioError(f"{file.name}: there is no audio stream in it")
    tracks = list(_usable_tracks(file, n_tracks, alive))
    total = sum(n_channels for _, n_channels in tracks)
    number, before, remark = _choose(file, tracks, channel, alive)
    with file.opened() as container:
        track = Track(file, container, number, alive)
        track.n_channels, track.n_before = total, before
        if remark:
            track.remarks.append(remark)
        yield track


def _usable_tracks(file: MediaFile, n_tracks: int, alive: Callable[[], None]) -> Iterator[tuple[int, int]]:
    """Number and channel count of the tracks that can be decoded; if there are none, the error of the first."""
    first_error: AudioError | None = None
    found = False
    for number in range(n_tracks):
        try:
            with file.opened() as container:
                track = Track(file, container, number, alive)
        except AudioError as error:
            first_error = first_error or error
            continue
        found = True
        yield number, track.n_columns
    if not found and first_error is not None:
        raise first_error


def _choose(
    file: MediaFile, tracks: list[tuple[int, int]], channel: int | None, alive: Callable[[], None]
) -> tuple[int, int, str]:
    """Number of the track to read, the channels of the tracks before it, and a remark on the others."""
    before = [sum(count for _, count in tracks[:index]) for index in range(len(tracks))]
    total = sum(count for _, count in tracks)
    if channel is not None:
        index = max(index for index, count in enumerate(before) if count < max(channel, 1))
        return tracks[index][0], before[index], ""
    sounding = (index for index, (number, _) in enumerate(tracks) if _has_sound(file, number, alive))
    index = next(sounding, 0)
    remark = (
        f"it has {len(tracks)} audio tracks, and track {tracks[index][0] + 1} was read"
        f"{', the first with sound' if index else ''}: --channel 1 to {total} selects a channel of any of them"
    )
    return tracks[index][0], before[index], remark


def _has_sound(file: MediaFile, number: int, alive: Callable[[], None]) -> bool:
    try:
        with file.opened() as container:
            return any(
                np.abs(piece).max(initial=0.0) > _SILENT for piece in Track(file, container, number, alive).decoded()
            )
    except AudioError:
        return False
