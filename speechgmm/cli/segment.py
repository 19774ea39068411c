"""``speechgmm segment``: segments and speaking times of long recordings and of live sound."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import (
    Subparsers,
    add_min_probability_argument,
    add_model_argument,
    add_paths_argument,
    add_priors_argument,
    add_work_arguments,
    at_least,
    naming,
    new_command,
    open_model,
    seconds,
)
from speechgmm.cli.console import (
    note,
    note_warning_count,
    progress_for,
    report_error,
    report_failure,
    report_failure_count,
    to_stderr,
)
from speechgmm.cli.given_recordings import GivenRecordings
from speechgmm.cli.output_format import add_format_argument
from speechgmm.cli.segment_files import SUMMARY, SegmentFiles, format_of
from speechgmm.cli.standard_streams import standard_input
from speechgmm.cli.timeline_output import TimelinePages, add_timeline_argument
from speechgmm.segmentation.writers import FORMATS, Format, SegmentedRecording

if TYPE_CHECKING:
    from speechgmm.classifier.model import Model
    from speechgmm.corpus.recording import Recording
    from speechgmm.segmentation.segment_recordings import Channel
    from speechgmm.segmentation.speaking_time import Summary

EXAMPLE = """\
  speechgmm segment programme.mp3 -o programme.TextGrid
  speechgmm segment archive/ -o segments/ --format textgrid --jobs all
  speechgmm segment archive/ --format times -o times.csv --html pages/
  arecord -f S16_LE -r 16000 -t raw | speechgmm segment - --raw s16le --rate 16000"""

STDIN = "-"
DEFAULT = "table"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "segment", "segment long recordings by voice gender label", EXAMPLE)
    add_paths_argument(parser, stdin="sound on stdin: WAV, or see --raw")
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    add_format_argument(parser, FORMATS, "output format of the segments")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the segments to this file; a name that ends like no format is a folder: a file of each recording, "
        f"and speaking times in {SUMMARY}",
    )
    add_timeline_argument(parser)
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--start", type=seconds, default=0.0, metavar="S", help="start at this second of a recording")
    parser.add_argument(
        "--end", type=seconds, metavar="S", help="end at this second, counted from the recording's start"
    )
    parser.add_argument("--per-channel", action="store_true", help="segment each channel of a recording separately")
    parser.add_argument("--by-hour", action="store_true", help="also print the speaking times of each hour")
    add_work_arguments(parser)
    raw = parser.add_argument_group("sound on stdin without a header")
    raw.add_argument("--raw", metavar="ENCODING", help="sample encoding, such as s16le or f32le")
    raw.add_argument("--rate", type=at_least(1), metavar="HZ", help="sampling rate")
    raw.add_argument("--channels", type=at_least(1), default=1, metavar="N", help="number of channels (default: 1)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Segment recordings or sound on stdin."""
    _check(options)
    options.format = options.format or format_of(options.output) or DEFAULT
    model = open_model(options)
    return _segment_stdin(model, options) if STDIN in options.paths else _segment_files(model, options)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    from speechgmm.errors import OptionError

    if STDIN in options.paths:
        if len(options.paths) > 1:
            raise OptionError("-: sound on stdin cannot be combined with recordings; segment them separately")
        if options.per_channel:
            raise OptionError("--per-channel cannot be used with -; use --channel to select one channel")
        if options.html is not None:
            raise OptionError("--html cannot be used with -: it needs a recording that is a file")
        if (options.raw is None) != (options.rate is None):
            raise OptionError("sound without a header needs both --raw and --rate, such as --raw s16le --rate 16000")
    elif options.raw is not None or options.rate is not None:
        raise OptionError("--raw and --rate are for sound on stdin: PATH must be -")
    if options.per_channel and options.channel is not None:
        raise OptionError("--per-channel and --channel cannot be used together")
    if options.end is not None and options.end <= options.start:
        raise OptionError(f"--end is {options.end:g} s, expected a time after --start, {options.start:g} s")


def _segment_stdin(model: Model, options: argparse.Namespace) -> int:
    """Print each segment as soon as it has ended; an error in the sound is reported after the last one."""
    from speechgmm.audio.hearing import Heard
    from speechgmm.audio.live_input import RawForm, blocks
    from speechgmm.cli.live import UntilStopped
    from speechgmm.segmentation.segment_recordings import segment_blocks
    from speechgmm.segmentation.speaking_time import Tally

    heard = Heard()
    with naming("--raw, --rate or --channels"):
        raw = options.raw and RawForm(encoding=options.raw, rate=options.rate, channels=options.channels)
    sound = UntilStopped(
        blocks(
            standard_input().buffer,
            sampling_rate=model.front_end.sampling_rate,
            raw=raw,
            channel=options.channel,
            start=options.start,
            end=options.end,
            heard=heard,
        )
    )
    files = SegmentFiles(options, ["stdin"])
    files.check_inputs([Path("/dev/stdin")])
    tally = Tally(model.labels)
    segments = tally.adding(segment_blocks(model, sound, offset_s=options.start))
    recording = SegmentedRecording(name="stdin", channel=options.channel, heard=heard, classes=model.labels)
    texts = FORMATS[options.format].write(segments, recording)
    if options.output is None:
        for text in texts:
            print(text, end="", flush=True)
    else:
        files.write(0, texts)
    _deliver_summaries(options, files, [tally.summary("stdin")])
    if heard.warning:
        note(options, f"standard input: {heard.warning}")
    if sound.error is not None:
        report_error(str(sound.error))
    return 1 if sound.error is not None or files.n_failures else 0


def _segment_files(model: Model, options: argparse.Namespace) -> int:
    """Segment recordings in order; each is printed when all of it is segmented."""
    from speechgmm.features.extraction import Failure
    from speechgmm.segmentation.segment_recordings import segment_all
    from speechgmm.segmentation.speaking_time import Tally

    form = FORMATS[options.format]
    given = GivenRecordings(options.paths)
    items = list(_items(given, options))
    names = [item.recording.name for item in items]
    pages = TimelinePages(options, names)
    files = SegmentFiles(options, names)
    files.check_inputs([item.recording.file for item in items], pages.files)
    results = segment_all(model, items, jobs=options.jobs)
    summaries: list[Summary] = []
    failures: list[str] = []
    n_warnings = 0
    for index, result in enumerate(progress_for(options)(results, total=len(items), what="segmenting")):
        if isinstance(result, Failure):
            failures.append(result.reason)
            report_failure(result.reason)
            continue
        tally = Tally(model.labels)
        segments, heard = result.segments, result.heard
        recording = SegmentedRecording(
            name=names[index], channel=items[index].channel, heard=heard, classes=model.labels
        )
        texts = _after_header(form, list(form.write(tally.adding(segments), recording)), files, is_first=not summaries)
        summaries.append(tally.summary(names[index]))
        files.attempt(pages.write, index, items[index], segments, summaries[-1], heard.warning)
        n_warnings += bool(heard.warning)
        if heard.warning and not form.shows_warning:
            note(options, f"{names[index]}: {heard.warning}")
        if options.output is not None:
            files.write(index, texts)
        else:
            print("".join(texts), end="")
    _deliver_summaries(options, files, summaries)
    if items:
        files.attempt(pages.write_index, _overall(summaries), failures)
    note_warning_count(options, n_warnings, len(items))
    report_failure_count(len(failures), len(items))
    return 1 if failures or given.n_empty or files.n_failures else 0


def _items(recordings: Iterable[Recording], options: argparse.Namespace) -> Iterator[Channel]:
    """The recordings to segment, or each of their channels."""
    from speechgmm.segmentation.segment_recordings import Channel, channels_of

    for whole in recordings:
        recording = replace(whole, start=options.start, end=options.end)
        if options.per_channel:
            yield from channels_of(recording)
        else:
            yield Channel(recording=recording, channel=options.channel)


def _after_header(form: Format, texts: list[str], files: SegmentFiles, *, is_first: bool) -> list[str]:
    """The text of a recording, without the header where it follows another recording."""
    return texts[1:] if form.header and files.shared and not is_first else texts


def _overall(summaries: Sequence[Summary]) -> Summary | None:
    """The speaking times of several recordings together."""
    from speechgmm.segmentation.speaking_time import together

    return together(summaries) if len(summaries) > 1 else None


def _deliver_summaries(options: argparse.Namespace, files: SegmentFiles, summaries: Sequence[Summary]) -> None:
    """Write what belongs to all recordings, and print speaking times: on stderr if stdout has segments for a program.

    With --quiet they are printed only where they are part of a text for people.
    """
    import json

    from speechgmm.segmentation.report_json import summaries_to_json
    from speechgmm.segmentation.report_text import summary_text

    if not summaries:
        return
    overall = _overall(summaries)
    files.finish(json.dumps(summaries_to_json(summaries, overall), indent=2, allow_nan=False) + "\n")
    printed = [summary if options.by_hour else replace(summary, by_hour=()) for summary in summaries]
    text = "\n".join(summary_text(summary) for summary in (*printed, *([overall] if overall else [])))
    if options.output is None and FORMATS[options.format].for_people:
        print(f"\n{text}", end="")
    elif options.quiet:
        return
    elif options.output is not None:
        print(text, end="")
    else:
        to_stderr(text)
