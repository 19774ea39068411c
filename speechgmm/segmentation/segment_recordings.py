"""Segment recordings, channels of recordings, or blocks of samples with a model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from speechgmm.audio.hearing import Heard
from speechgmm.audio.reading import blocks, channels
from speechgmm.audio.samples import Samples
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import Failure
from speechgmm.segmentation.decoder import Watch, segments_of
from speechgmm.segmentation.options import SegmentationOptions
from speechgmm.segmentation.segment import Segment
from speechgmm.workers.local import ordered_map, single_threaded

BLOCK_S = 10.0  # several chunks of the decoder, which are scored together


def segment_blocks(
    model: Model,
    blocks: Iterable[Samples],
    *,
    options: SegmentationOptions = SegmentationOptions(),
    offset_s: float = 0.0,
    watch: Watch | None = None,
) -> Iterator[Segment]:
    """Segment a stream of samples in constant memory; each segment comes at most a few seconds after its end.

    Parameters
    ----------
    model : Model
    blocks : iterable of ndarray (n,)
        Mono samples in [-1, 1] at the model's sampling rate, in blocks of any length; the segments do not depend on it.
    options : SegmentationOptions
    offset_s : float
        Time of the first sample in seconds.
    watch : callable, optional
        Is told of what the decoder hears: see `decoder.Watch`.

    Yields
    ------
    Segment
        In order of time, without gaps, to the end of the samples.
    """
    for segment in single_threaded(segments_of(model, blocks, options=options, watch=watch)):
        yield replace(segment, start=segment.start + offset_s, end=segment.end + offset_s)


class SegmentStream(Iterator[Segment]):
    """The segments of a recording, in order of time.

    Attributes
    ----------
    heard : Heard
        Filled in when the last segment was given.
    """

    def __init__(self, segments: Iterator[Segment], heard: Heard) -> None:
        self.heard = heard
        self._segments = segments

    def __next__(self) -> Segment:
        return next(self._segments)


def segment_file(
    model: Model,
    file: Path,
    *,
    options: SegmentationOptions = SegmentationOptions(),
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> SegmentStream:
    """Segment a recording.

    Parameters
    ----------
    model : Model
    file : Path
    options : SegmentationOptions
    channel : int, optional
        Counted from 1; by default the channels are mixed.
    start, end : float
        Time span to segment, in seconds; an `end` of None is the end of the file.

    Returns
    -------
    SegmentStream
        In order of time, without gaps; times count from the start of the file.

    Raises
    ------
    AudioError
        While iterating, if the recording cannot be read.
    """
    rate = model.front_end.sampling_rate
    heard = Heard()
    samples = blocks(file, sampling_rate=rate, channel=channel, start=start, end=end, block_s=BLOCK_S, heard=heard)
    return SegmentStream(segment_blocks(model, samples, options=options, offset_s=start), heard)


def segmenter(
    model: Model, *, options: SegmentationOptions = SegmentationOptions(), channel: int | None = None
) -> Callable[[Path], SegmentStream]:
    """A picklable function that segments a file."""
    return functools.partial(segment_file, model, options=options, channel=channel)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A recording, whole or a part, and the channel to segment; None mixes all channels."""

    recording: Recording
    channel: int | None = None


def channels_of(recording: Recording) -> list[Channel]:
    """One item per channel, named ``NAME.channel1.wav`` and so on; the recording as it is if it cannot be read."""
    try:
        n_channels = channels(recording.file)
    except AudioError:  # raised again when the recording is segmented
        return [Channel(recording=recording)]
    name = Path(recording.name)
    return [
        Channel(
            recording=replace(recording, name=str(name.with_name(f"{name.stem}.channel{number}{name.suffix}"))),
            channel=number,
        )
        for number in range(1, 1 + n_channels)
    ]


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """All segments of a recording, and what was heard of it."""

    segments: list[Segment]
    heard: Heard


def segment_all(
    model: Model, items: Iterable[Channel], *, options: SegmentationOptions = SegmentationOptions(), jobs: int = 1
) -> Iterator[Segmented | Failure]:
    """Segment recordings, lazily and in order; a recording that cannot be read to its end becomes a `Failure`."""
    return ordered_map(functools.partial(_segment, model=model, options=options), items, jobs=jobs)


def _segment(item: Channel, *, model: Model, options: SegmentationOptions) -> Segmented | Failure:
    recording = item.recording
    segments = segment_file(
        model, recording.file, options=options, channel=item.channel, start=recording.start, end=recording.end
    )
    try:
        return Segmented(segments=list(segments), heard=segments.heard)
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))
