"""``speechgmm classify``: the label and score of each recording."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from speechgmm.classifier.writers import FORMATS
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
from speechgmm.cli.console import note, note_warning_count, progress_for, report_failure, report_failure_count
from speechgmm.cli.given_recordings import GivenRecordings
from speechgmm.cli.standard_streams import names_on_stdin
from speechgmm.progress import silent

if TYPE_CHECKING:
    from speechgmm.classifier.outcome import Outcome
    from speechgmm.corpus.recording import Recording

EXAMPLE = """\
  speechgmm classify interview.wav recordings/
  speechgmm classify recordings/ --format csv > labels.csv
  find . -name '*.flac' | speechgmm classify - --format jsonl"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "classify", "give each recording its voice gender label and score", EXAMPLE)
    add_paths_argument(parser, stdin="one path per line on stdin")
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    descriptions = ", ".join(f"{name}: {form.description}" for name, form in FORMATS.items())
    parser.add_argument(
        "--format", choices=list(FORMATS), default="table", help=f"output format; {descriptions} (default: table)"
    )
    add_work_arguments(parser)
    parser.set_defaults(run=run, few_jobs_are_threads=True)


def run(options: argparse.Namespace) -> int:
    """Classify recordings and print each result as soon as it is there."""
    from speechgmm.classifier.classify import classify_all
    from speechgmm.classifier.doubt import doubt_note
    from speechgmm.features.extraction import Failure

    model = open_model(options)
    given = GivenRecordings(options.paths, stdin=names_on_stdin() if "-" in options.paths else None)
    recordings: Iterable[Recording] = given if "-" in options.paths else list(given)
    results = classify_all(model, recordings, jobs=options.jobs, channel=options.channel)
    # On a terminal the printed results show the progress, and a bar would stand among them.
    progress = silent if sys.stdout.isatty() else progress_for(options)
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

    for text in FORMATS[options.format].write(outcomes(), labels=model.labels):
        print(text, end="", flush=True)
    note_warning_count(options, n_warnings, n_results)
    doubt = doubt_note(scores, model.card)
    if doubt:
        note(options, doubt)
    report_failure_count(n_failures, n_results)
    if not (n_results or given.n_empty):
        report_failure("no recordings were found: stdin names none")
    return 1 if n_failures or given.n_empty or not n_results else 0
