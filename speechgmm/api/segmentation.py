"""Segmentation of a long recording, and segments in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgmm.api.arguments import AnyPath
from speechgmm.api.model_files import given_or_shipped
from speechgmm.argument_checks import channel_number, instance_of, number, path, wrong
from speechgmm.audio.given_sound import GivenSound, Sampled, sound_of
from speechgmm.audio.hearing import Heard
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.classifier.classify_given import log_warning
from speechgmm.classifier.model import Model
from speechgmm.errors import OptionError
from speechgmm.segmentation.options import SegmentationOptions
from speechgmm.workers.arithmetic import with_usual_arithmetic

if TYPE_CHECKING:
    from speechgmm.segmentation.segments import Segments


@with_usual_arithmetic
def segment(
    source: GivenSound,
    sampling_rate: float | None = None,
    *,
    model: Model | None = None,
    options: SegmentationOptions = SegmentationOptions(),
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> Segments:
    """Segment a long recording by class.

    Parameters
    ----------
    source : path, bytes, file object, array_like (n,) or (n, channels), or audio of another library
        As for `classify`.
    sampling_rate : float, optional
        Of samples, in Hz; not for what has its own.
    model : Model, optional
        By default the shipped one, read at each call.
    options : SegmentationOptions
    channel : int, optional
        Of a file with several, counted from 1; by default they are mixed.
    start, end : float
        The excerpt of a file, in seconds; an `end` of None is the end of the file.

    Returns
    -------
    Segments
        A list in temporal order, without gaps, that can be converted to other formats.

    Raises
    ------
    AudioError
        If the audio cannot be read or used.
    OptionError
        If a sampling rate is missing for samples, or given for a file, or `channel`, `start` or `end` for samples, or
        an argument is wrong.
    """
    from speechgmm.segmentation.segment_recordings import segment_blocks, segment_file
    from speechgmm.segmentation.segments import Segments

    model = given_or_shipped(model)
    instance_of(SegmentationOptions, "options", options, "SegmentationOptions")
    channel, start = channel_number(channel), number("start", start, "a time in seconds")
    end = None if end is None else number("end", end, "a time in seconds, or None")
    sound = sound_of(source, sampling_rate)
    if isinstance(sound, Sampled):
        if (channel, start, end) != (None, 0.0, None):
            raise OptionError("channel, start and end are only for files: pass the wanted samples")
        heard = Heard()
        samples = to_mono_at_rate(sound.samples, sound.rate, model.front_end.sampling_rate, heard=heard)
        segments = list(segment_blocks(model, [samples], options=options))
    else:
        with sound.as_file() as file:
            stream = segment_file(model, file, options=options, channel=channel, start=start, end=end)
            segments, heard = list(stream), stream.heard
    log_warning(sound.name, heard.warning)
    return Segments(segments, name=sound.name)


def read_segments(file: AnyPath, *, channel: int | None = None) -> dict[str, Segments]:
    """Read segments, with the labels that stand there: RTTM, TextGrid, or a table with ``start,end,label``.

    Parameters
    ----------
    file : path
        Its ending tells the format: .rttm, .TextGrid, .csv or .tsv.
    channel : int, optional
        Read only the segments of this channel, from 1, and those that name none.

    Returns
    -------
    dict of str to Segments
        By recording, which is its file name without suffix, as in RTTM.

    Raises
    ------
    CorpusError
        If the file cannot be read, or has faults, with all of them.
    OptionError
        If an argument is wrong.
    """
    from speechgmm.segmentation import read_segments as reading

    return reading.read_segments(path("file", file), channel=channel_number(channel))


def save_segments(segments: Segments, file: AnyPath) -> None:
    """Write segments to a file; an existing one is replaced.

    Parameters
    ----------
    segments : Segments
        From `segment`, `read_segments`, or another format.
    file : path
        Its ending tells the format: .rttm, .TextGrid, .csv, .json, .labels.txt (Audacity) or .txt (a table).

    Raises
    ------
    OptionError
        If the ending is another one, or an argument is wrong.
    OutputError
        If it cannot be written, or segments overlap in a TextGrid.
    """
    from speechgmm.output.files import write_atomically
    from speechgmm.output.named_format import format_named_by
    from speechgmm.segmentation.segments import Segments
    from speechgmm.segmentation.writers import FORMATS

    instance_of(Segments, "segments", segments, "Segments, which segment returns")
    target = path("file", file)
    name = format_named_by(target, FORMATS)
    if name is None:
        suffixes = ", ".join(form.suffix.lower() for form in FORMATS.values())
        raise wrong("file", file, f"a path that ends in {suffixes}")
    write_atomically(target, segments.to_text(name).encode())
