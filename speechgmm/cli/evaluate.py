"""``speechgmm evaluate``: evaluate a model on labelled recordings."""

from __future__ import annotations

import argparse

from speechgmm.cli.arguments import (
    Subparsers,
    add_corpus_arguments,
    add_min_probability_argument,
    add_model_argument,
    add_priors_argument,
    add_work_arguments,
    new_command,
    open_corpus,
    open_model,
)
from speechgmm.cli.console import note, note_warning_count, progress_for, report_failure, report_failure_count
from speechgmm.cli.corpus_selection import select_split
from speechgmm.cli.former_segments import add_former_arguments, check_no_former_arguments, run_former
from speechgmm.cli.report_output import (
    add_report_arguments,
    check_columns,
    check_report_folder,
    deliver,
    report_files,
)

EXAMPLE = """\
  speechgmm evaluate recordings/ -o report/
      recordings/ contains female/ and male/, each with one folder per speaker
  speechgmm evaluate corpus.csv --model voices.npz --by language --by corpus"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "evaluate", "evaluate a model on labelled recordings", EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument(
        "--split",
        metavar="SPLIT",
        help="split of the manifest to evaluate, or 'all' (default: test if the manifest has splits, else all)",
    )
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    add_report_arguments(parser)
    add_work_arguments(parser)
    add_former_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Classify labelled recordings and write a report."""
    from speechgmm.evaluation.evaluate_model import assess

    if options.segments is not None:
        return run_former(options)
    check_no_former_arguments(options)
    model = open_model(options)
    corpus = select_split(open_corpus(options, outputs=report_files(options)), options.split)
    check_columns(corpus, options.by)
    check_report_folder(options)
    assessment = assess(
        model,
        corpus,
        by=options.by,
        jobs=options.jobs,
        channel=options.channel,
        n_resamples=options.resamples,
        seed=options.seed,
        progress=progress_for(options),
    )
    report = assessment.report
    for failure in assessment.failures:
        report_failure(failure.reason)
    report_failure_count(len(assessment.failures), len(corpus.recordings))
    note_warning_count(options, len(report.warnings), len(corpus.recordings))
    n_other_labels = len(report.skipped) - len(assessment.failures)
    if n_other_labels:
        classes = " or ".join(report.classes)
        note(options, f"{n_other_labels} of {len(corpus.recordings)} recordings left out: their label is not {classes}")
    for text in report.notes:
        note(options, text)
    deliver(options, report, assessment.outcomes, recordings=corpus.recordings)
    return 1 if assessment.failures else 0
