"""``speechgmm segment``: who speaks when, in long recordings or in sound as it arrives."""

from __future__ import annotations

import argparse
import sys
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
    new_command,
    open_model,
)
from speechgmm.cli.console import progress_for, tell_error, tell_failure, tell_failure_count
from speechgmm.cli.timelines import add_timeline_argument, check_timeline, write_timeline

if TYPE_CHECKING:
    from speechgmm.classifier.model import Model
    from speechgmm.segmentation.segment_recordings import Channel
    from speechgmm.segmentation.speaking_time import Summary

EXAMPLE = """\
  speechgmm segment programme.mp3
  speechgmm segment archive/ -o segments/ --format textgrid --jobs all
  arecord -f S16_LE -r 16000 -t raw | speechgmm segment - --raw s16le --rate 16000"""

FORMATS = ("table", "csv", "json", "textgrid", "rttm", "audacity")
ONE_EACH = ("json", "textgrid", "audacity")  # formats in which a file is about one recording
STDIN = "-"
SUMMARY = "speaking-time.json"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "segment", "tell who speaks when in long recordings", EXAMPLE)
    add_paths_argument(parser, stdin="sound on stdin: WAV, or see --raw")
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    parser.add_argument("--format", choices=FORMATS, default="table", help="of the segments (default: table)")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help=f"write the segments of each recording to a file in this folder, and speaking times to {SUMMARY}",
    )
    add_timeline_argument(parser)
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="begin so many seconds into a recording")
    parser.add_argument("--end", type=float, metavar="S", help="end there, counted from the recording's start")
    parser.add_argument("--per-channel", action="store_true", help="segment each channel of a recording apart")
    parser.add_argument("--by-hour", action="store_true", help="also sum up each hour of a recording")
    add_work_arguments(parser)
    raw = parser.add_argument_group("sound on stdin without a header")
    raw.add_argument("--raw", metavar="ENCODING", help="what its samples are, such as s16le or f32le")
    raw.add_argument("--rate", type=at_least(1), metavar="HZ", help="their sampling rate")
    raw.add_argument("--channels", type=at_least(1), default=1, metavar="N", help="and channels (default: 1)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Segment recordings, or sound as it arrives."""
    _check(options)
    model = open_model(options)
    return _segment_stdin(model, options) if STDIN in options.paths else _segment_files(model, options)


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be done together."""
    from speechgmm.errors import OptionError

    if STDIN in options.paths:
        if len(options.paths) > 1:
            raise OptionError("-: sound on stdin is segmented alone; name recordings without it")
        if options.per_channel:
            raise OptionError("--per-channel cannot be used with -; --channel takes one of several")
        if options.html is not None:
            raise OptionError("--html cannot be used with -: it shows a recording that is a file")
        if (options.raw is None) != (options.rate is None):
            raise OptionError("sound without a header needs both --raw and --rate, such as --raw s16le --rate 16000")
    elif options.raw is not None or options.rate is not None:
        raise OptionError("--raw and --rate are for sound on stdin: PATH must be -")
    if options.per_channel and options.channel is not None:
        raise OptionError("--per-channel and --channel cannot be used together")


def _segment_stdin(model: Model, options: argparse.Namespace) -> int:
    """Print each segment as soon as it has ended; when the sound ends in a fault, say so after the last."""
    from speechgmm.audio.streams import RawForm, blocks
    from speechgmm.cli.live import UntilStopped
    from speechgmm.segmentation.segment_recordings import segment_blocks
    from speechgmm.segmentation.speaking_time import Tally
    from speechgmm.segmentation.writers import FORMATS as WRITERS

    raw = options.raw and RawForm(encoding=options.raw, rate=options.rate, channels=options.channels)
    sound = UntilStopped(
        blocks(
            sys.stdin.buffer,
            sampling_rate=model.front_end.sampling_rate,
            raw=raw,
            channel=options.channel,
            start=options.start,
            end=options.end,
        )
    )
    files = _Files(options, ["stdin"])
    tally = Tally(model.labels)
    found = tally.following(segment_blocks(model, sound, offset_s=options.start))
    lines = WRITERS[options.format].write(found, name="stdin")
    if options.output is None:
        for line in lines:
            print(line, end="", flush=True)
    else:
        files.write(0, lines)
    _tell_summaries(options, files, [tally.summary("stdin")])
    if sound.fault is not None:
        tell_error(str(sound.fault))
    return 0 if sound.fault is None else 1


def _segment_files(model: Model, options: argparse.Namespace) -> int:
    """Segment recordings in turn; one appears when it has been heard to its end."""
    from speechgmm.errors import OptionError
    from speechgmm.features.extraction import Failure
    from speechgmm.segmentation.segment_recordings import segment_all
    from speechgmm.segmentation.speaking_time import Tally
    from speechgmm.segmentation.writers import FORMATS as WRITERS

    items = list(_items(options))
    names = [item.recording.name for item in items]
    if options.output is None and options.format in ONE_EACH and len(items) > 1:
        raise OptionError(f"--format {options.format} holds one recording and there are {len(items)}: give -o FOLDER")
    check_timeline(options, len(items))
    files = _Files(options, names)
    results = segment_all(model, items, jobs=options.jobs)
    summaries: list[Summary] = []
    n_failures = 0
    for index, result in enumerate(progress_for(options)(results, total=len(items), what="segmenting")):
        if isinstance(result, Failure):
            n_failures += 1
            tell_failure(result.reason)
            continue
        tally = Tally(model.labels)
        lines = WRITERS[options.format].write(tally.following(result), name=names[index])
        if options.output is not None:
            files.write(index, lines)
        else:
            _print_lines(lines, without_header=options.format == "csv" and len(summaries) > 0)
        summaries.append(tally.summary(names[index]))
        write_timeline(options, items[index], result, summaries[-1])
    _tell_summaries(options, files, summaries)
    tell_failure_count(n_failures, len(items))
    if not items:
        tell_failure("no recordings were found")
    return 1 if n_failures or not items else 0


def _items(options: argparse.Namespace) -> Iterator[Channel]:
    """What to segment: each recording, or each of its channels."""
    from speechgmm.corpus import find_audio
    from speechgmm.corpus.recording import Recording
    from speechgmm.segmentation.segment_recordings import Channel, channels_of

    for path in options.paths:
        for file in find_audio(Path(path)):
            name = path if file == Path(path) else str(file)
            recording = Recording(file=file, name=name, label="", start=options.start, end=options.end)
            if options.per_channel:
                yield from channels_of(recording)
            else:
                yield Channel(recording=recording, channel=options.channel)


class _Files:
    """Where the segments of each recording go: a file of its stem, all different, in the folder asked for."""

    def __init__(self, options: argparse.Namespace, names: Sequence[str]) -> None:
        from speechgmm.errors import OptionError
        from speechgmm.files import check_destination, make_folder
        from speechgmm.segmentation.writers import FORMATS as WRITERS

        self.folder: Path | None = options.output
        if self.folder is None:
            return
        suffix = WRITERS[options.format].suffix
        owners: dict[Path, str] = {}
        for name in names:
            file = self.folder / (Path(name).stem + suffix)
            if file in owners:
                raise OptionError(f"{name}: its segments would go to {file}, and so would those of {owners[file]}")
            owners[file] = name
        self.files = tuple(owners)
        make_folder(self.folder)
        for file in (*self.files, self.folder / SUMMARY):
            check_destination(file, replace=options.force)

    def write(self, index: int, lines: Iterable[str]) -> None:
        """Write the file of one of the recordings."""
        self._write(self.files[index], "".join(lines))

    def write_summary(self, text: str) -> None:
        """Write the speaking times of all of them."""
        if self.folder is not None:
            self._write(self.folder / SUMMARY, text)

    def _write(self, file: Path, text: str) -> None:
        from speechgmm.files import write_atomically

        write_atomically(file, text.encode("utf-8", "surrogateescape"))


def _print_lines(lines: Iterable[str], *, without_header: bool) -> None:
    for number, line in enumerate(lines):
        if number > 0 or not without_header:
            print(line, end="")


def _tell_summaries(options: argparse.Namespace, files: _Files, summaries: Sequence[Summary]) -> None:
    """Speaking times: on stdout where people read it, else on stderr, and in the folder if there is one."""
    import json

    from speechgmm.segmentation.serialise import summaries_to_json
    from speechgmm.segmentation.speaking_time import together
    from speechgmm.segmentation.text import summary_text

    if not summaries:
        return
    overall = together(summaries) if len(summaries) > 1 else None
    files.write_summary(json.dumps(summaries_to_json(summaries, overall), indent=2, allow_nan=False) + "\n")
    told = [one if options.by_hour else replace(one, by_hour=()) for one in summaries]
    text = "\n".join(summary_text(one) for one in (*told, *([overall] if overall else [])))
    if options.output is not None:
        print(text, end="")
    elif options.format == "table":
        print(f"\n{text}", end="")
    elif not options.quiet:
        print(text, end="", file=sys.stderr)
