"""Segmentation: from long recordings, or samples as they arrive, to segments with a model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from speechgmm.audio.reading import blocks, channels
from speechgmm.audio.samples import Samples
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import Failure
from speechgmm.segmentation.decoder import segments_of
from speechgmm.segmentation.options import SegmentationOptions
from speechgmm.segmentation.segment import Segment
from speechgmm.workers.local import ordered_map, single_threaded

BLOCK_S = 1.0  # the decoder takes a second at a time


def segment_blocks(
    model: Model,
    blocks: Iterable[Samples],
    *,
    options: SegmentationOptions = SegmentationOptions(),
    offset_s: float = 0.0,
) -> Iterator[Segment]:
    """Tell who speaks when, in memory that does not grow, each segment a few seconds after it has ended at the latest.

    Parameters
    ----------
    model : Model
    blocks : iterable of ndarray (n,)
        Mono samples in [-1, 1] at the model's sampling rate, cut anyhow: the segments do not depend on the cuts.
    options : SegmentationOptions
    offset_s : float
        The time at which the samples begin, in seconds.

    Yields
    ------
    Segment
        In order of time, without gaps, to the end of the samples.
    """
    for segment in single_threaded(segments_of(model, blocks, options=options)):
        yield replace(segment, start=segment.start + offset_s, end=segment.end + offset_s)


def segment_file(
    model: Model,
    file: Path,
    *,
    options: SegmentationOptions = SegmentationOptions(),
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> Iterator[Segment]:
    """Tell who speaks when in a recording.

    Parameters
    ----------
    model : Model
    file : Path
    options : SegmentationOptions
    channel : int, optional
        Counted from 1; by default the channels are mixed.
    start, end : float
        The stretch wanted in seconds; an `end` of None is the end of the file. Times are those of the whole file.

    Yields
    ------
    Segment
        In order of time, without gaps.

    Raises
    ------
    AudioError
        While iterating, if the recording cannot be read.
    """
    rate = model.front_end.sampling_rate
    samples = blocks(file, sampling_rate=rate, channel=channel, start=start, end=end, block_s=BLOCK_S)
    return segment_blocks(model, samples, options=options, offset_s=start)


def segmenter(
    model: Model, *, options: SegmentationOptions = SegmentationOptions(), channel: int | None = None
) -> Callable[[Path], Iterator[Segment]]:
    """A function that segments files with a model; it can be sent to other processes."""
    return functools.partial(segment_file, model, options=options, channel=channel)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A recording, or a stretch of one, and the channel to take: None for all of them, mixed."""

    recording: Recording
    channel: int | None = None


def channels_of(recording: Recording) -> list[Channel]:
    """Each channel of a recording apart, called ``NAME.channel1.wav`` and so on; one that cannot be read as it is."""
    try:
        n_channels = channels(recording.file)
    except AudioError:  # reading it will say so again, in its turn
        return [Channel(recording=recording)]
    name = Path(recording.name)
    return [
        Channel(
            recording=replace(recording, name=str(name.with_name(f"{name.stem}.channel{number}{name.suffix}"))),
            channel=number,
        )
        for number in range(1, 1 + n_channels)
    ]


def segment_all(
    model: Model, items: Iterable[Channel], *, options: SegmentationOptions = SegmentationOptions(), jobs: int = 1
) -> Iterator[list[Segment] | Failure]:
    """Segment recordings, lazily and in order; what cannot be read to its end becomes a `Failure`."""
    return ordered_map(functools.partial(_segment, model=model, options=options), items, jobs=jobs)


def _segment(item: Channel, *, model: Model, options: SegmentationOptions) -> list[Segment] | Failure:
    recording = item.recording
    segments = segment_file(
        model, recording.file, options=options, channel=item.channel, start=recording.start, end=recording.end
    )
    try:
        return list(segments)
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))
