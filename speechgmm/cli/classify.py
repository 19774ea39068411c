"""``speechgmm classify``: the label and score of each recording."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.classifier.writers import FORMATS
from speechgmm.cli.arguments import (
    Subparsers,
    add_min_probability_argument,
    add_model_argument,
    add_paths_argument,
    add_priors_argument,
    add_work_arguments,
    model_file,
    new_command,
    open_model,
)
from speechgmm.cli.console import note, note_warning_count, progress_for, report_failure, report_failure_count
from speechgmm.cli.given_recordings import GivenRecordings
from speechgmm.cli.output_format import add_format_argument, chosen_format
from speechgmm.cli.standard_streams import names_on_stdin
from speechgmm.progress import silent

if TYPE_CHECKING:
    from speechgmm.classifier.outcome import Outcome
    from speechgmm.corpus.recording import Recording

EXAMPLE = """\
  speechgmm classify interview.wav recordings/
  speechgmm classify 'recordings/**/*.wav' -o labels.csv
  find . -name '*.flac' | speechgmm classify - --format jsonl"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "classify", "give each recording its voice gender label and score", EXAMPLE)
    add_paths_argument(parser, stdin="one path per line on stdin")
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    add_format_argument(parser, FORMATS, "output format")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the results there, not on stdout")
    parser.add_argument("--force", action="store_true", help="replace that file if it exists")
    add_work_arguments(parser)
    parser.set_defaults(run=run, few_jobs_are_threads=True)


def run(options: argparse.Namespace) -> int:
    """Classify recordings and print each result as soon as it is there, or write it to a file."""
    from speechgmm.classifier.classify import classify_all
    from speechgmm.classifier.doubt import doubt_note
    from speechgmm.features.extraction import Failure

    form = FORMATS[chosen_format(options, FORMATS)]
    _check_output(options)
    model = open_model(options)
    given = GivenRecordings(options.paths, stdin=names_on_stdin() if "-" in options.paths else None)
    named = _not_written(given, options.output)
    recordings: Iterable[Recording] = named if "-" in options.paths else list(named)
    results = classify_all(model, recordings, jobs=options.jobs, channel=options.channel)
    # On a terminal the printed results show the progress, and a bar would stand among them.
    progress = silent if options.output is None and sys.stdout.isatty() else progress_for(options)
    n_recordings = len(recordings) if isinstance(recordings, list) else None
    n_results = n_failures = n_warnings = 0
    scores: list[float] = []

    def outcomes() -> Iterator[Outcome]:
        nonlocal n_results, n_failures, n_warnings
        for result in progress(results, total=n_recordings, what="classifying"):
            n_results += 1
            if isinstance(result, Failure):
                n_failures += 1
                report_failure(result.reason)
            else:
                n_warnings += bool(result.warning)
                if result.decision.decided:
                    scores.append(result.decision.score)
                yield result

    _deliver(form.write(outcomes(), labels=model.labels), options.output)
    note_warning_count(options, n_warnings, n_results)
    doubt = doubt_note(scores, model.card)
    if doubt:
        note(options, doubt)
    report_failure_count(n_failures, n_results)
    if not (n_results or given.n_empty):
        report_failure("no recordings were found: stdin names none")
    return 1 if n_failures or given.n_empty or not n_results else 0


def _check_output(options: argparse.Namespace) -> None:
    """Check before the work that the file of the results can be written, and is not the model."""
    from speechgmm.output.files import check_destination, check_not_inputs

    if options.output is not None:
        check_destination(options.output, replace=options.force)
        check_not_inputs([options.output], [model_file(options)])


def _not_written(recordings: Iterable[Recording], output: Path | None) -> Iterator[Recording]:
    """Pass recordings on, and refuse one that is the file of the results."""
    from speechgmm.output.files import check_not_inputs

    for recording in recordings:
        if output is not None:
            check_not_inputs([output], [recording.file])
        yield recording


def _deliver(texts: Iterable[str], output: Path | None) -> None:
    """Print each part of the results as soon as it is there, or write them to a file."""
    from speechgmm.output.files import write_parts

    if output is not None:
        write_parts(output, (text.encode("utf-8", "surrogateescape") for text in texts))
        return
    for text in texts:
        print(text, end="", flush=True)
