"""``speechgmm crossvalidate``: evaluate by speaker-disjoint cross-validation."""

from __future__ import annotations

import argparse

from speechgmm.cli.arguments import Subparsers, add_corpus_arguments, at_least, new_command, open_corpus
from speechgmm.cli.fold_arguments import add_fold_arguments, crossvalidated, read_folding
from speechgmm.cli.recipe_arguments import add_recipe_arguments, add_seed_argument, read_recipe
from speechgmm.cli.report_output import (
    add_by_argument,
    add_report_folder_arguments,
    check_columns,
    check_report_folder,
    deliver,
    report_files,
)
from speechgmm.cli.training_arguments import add_folder_arguments, add_further_options, add_workers_argument

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
    add_by_argument(parser)
    add_report_folder_arguments(parser, "report.html, report.json, scores.csv and figures/")
    add_recipe_arguments(parser)
    add_workers_argument(parser)
    further = add_further_options(parser, "--channel, --checkpoint, --features, --no-audio, --resamples, --seed")
    add_folder_arguments(further, in_help=False)
    add_seed_argument(further, argparse.SUPPRESS)
    further.add_argument("--no-audio", action="store_true", help=argparse.SUPPRESS)
    further.add_argument("--resamples", type=at_least(1), default=1000, metavar="N", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Cross-validate and report."""
    from speechgmm.crossvalidation.crossvalidate import check_fold_column, report_on_folds

    recipe = read_recipe(options)
    corpus = open_corpus(options, outputs=report_files(options))
    check_columns(corpus, options.by)
    check_fold_column(corpus, read_folding(options))
    check_report_folder(options)
    found = crossvalidated(options, corpus, recipe)
    assessment = report_on_folds(found, by=options.by, n_resamples=options.resamples, seed=recipe.seed)
    deliver(options, assessment.report, assessment.outcomes, recordings=found.corpus.recordings)
    return 1 if assessment.failures else 0
