"""``speechgmm crossvalidate``: evaluate by speaker-disjoint cross-validation."""

from __future__ import annotations

import argparse

from speechgmm.cli.arguments import Subparsers, add_corpus_arguments, new_command, open_corpus
from speechgmm.cli.fold_arguments import add_fold_arguments, crossvalidated, read_folding
from speechgmm.cli.report_output import add_report_arguments, check_columns, check_report_folder, deliver
from speechgmm.cli.training_arguments import add_calibration_argument, add_training_arguments

EXAMPLE = """\
  speechgmm crossvalidate recordings/ -o report/
      where recordings/ holds female/ and male/ (or any other classes), each with a folder a speaker
  speechgmm crossvalidate corpus.csv --leave-one-out corpus --features features/ --jobs all"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "evaluate by cross-validation: train and test on the same corpus, speaker-disjoint"
    parser = new_command(subparsers, "crossvalidate", summary, EXAMPLE)
    add_corpus_arguments(parser)
    add_fold_arguments(parser)
    add_report_arguments(parser, seed="seed of all random numbers")
    add_training_arguments(parser)
    add_calibration_argument(parser, "--calibration-folds")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Cross-validate and report."""
    from speechgmm.crossvalidation.crossvalidate import check_fold_column, report_on_folds

    corpus = open_corpus(options)
    check_columns(corpus, options.by)
    check_fold_column(corpus, read_folding(options))
    check_report_folder(options)
    found = crossvalidated(options, corpus)
    assessment = report_on_folds(found, by=options.by, n_resamples=options.resamples, seed=options.seed)
    deliver(options, assessment.report, assessment.outcomes, recordings=found.corpus.recordings)
    return 1 if assessment.failures else 0
