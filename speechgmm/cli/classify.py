"""``speechgmm classify``: a label with its score for each recording."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import (
    Subparsers,
    add_min_probability_argument,
    add_model_argument,
    add_paths_argument,
    add_priors_argument,
    add_work_arguments,
    new_command,
    open_model,
)
from speechgmm.cli.console import progress_for, tell_failure, tell_failure_count
from speechgmm.progress import silent

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Recording

EXAMPLE = """\
  speechgmm classify interview.wav recordings/
  speechgmm classify recordings/ --format csv > labels.csv
  find . -name '*.flac' | speechgmm classify - --format jsonl"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "classify", "give each recording its voice gender label and score", EXAMPLE)
    add_paths_argument(parser, stdin="one path a line on stdin")
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    parser.add_argument(
        "--format",
        choices=["table", "csv", "json", "jsonl"],
        default="table",
        help="of the answers on stdout (default: table)",
    )
    add_work_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Classify recordings, each answer printed as it comes."""
    from speechgmm.classifier.classify import classify_all
    from speechgmm.cli.answers import writer_for
    from speechgmm.features.extraction import Failure

    model = open_model(options)
    recordings: Iterable[Recording] = _recordings(options.paths)
    if "-" not in options.paths:
        recordings = list(recordings)
    results = classify_all(model, recordings, jobs=options.jobs, channel=options.channel)
    # On a terminal the answers are progress enough, and a bar would stand among them.
    progress = silent if sys.stdout.isatty() else progress_for(options)
    watched = progress(results, total=len(recordings) if isinstance(recordings, list) else None, what="classifying")
    n_results = n_failures = 0
    with writer_for(options.format, model.labels, sys.stdout) as write:
        for result in watched:
            n_results += 1
            if isinstance(result, Failure):
                n_failures += 1
                tell_failure(result.reason)
            else:
                write(result)
    tell_failure_count(n_failures, n_results)
    if n_results == 0:
        tell_failure("no recordings were found")
    return 1 if n_failures or n_results == 0 else 0


def _recordings(paths: Iterable[str]) -> Iterator[Recording]:
    from speechgmm.corpus import find_audio
    from speechgmm.corpus.recording import Recording

    for path in _named(paths):
        for file in find_audio(Path(path)):
            # A path that was given is called as it was given, so that the answer can be matched with it.
            yield Recording(file=file, name=path if file == Path(path) else str(file), label="")


def _named(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if path == "-":
            yield from (line for line in map(_without_line_end, sys.stdin) if line)
        else:
            yield path


def _without_line_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
