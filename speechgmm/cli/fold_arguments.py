"""Arguments and work shared by the commands that cross-validate."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import at_least
from speechgmm.cli.console import note, report_failure_count
from speechgmm.cli.recipe_arguments import detail_recipe
from speechgmm.cli.training_arguments import check_columns, check_workers, training_run

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus
    from speechgmm.crossvalidation.crossvalidate import CrossValidation
    from speechgmm.crossvalidation.folds import Folding
    from speechgmm.training.recipe import Recipe


def add_fold_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the folds."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--folds",
        type=at_least(2),
        default=5,
        metavar="N",
        help="folds of speakers (default: 5)",
    )
    how.add_argument(
        "--leave-one-out",
        default="",
        metavar="COLUMN",
        help="leave out each value of this column, such as corpus, in turn; no speaker may have two values",
    )


def read_folding(options: argparse.Namespace) -> Folding:
    """The folds asked for."""
    from speechgmm.crossvalidation.folds import Folding

    return Folding(n_folds=options.folds, leave_one_out=options.leave_one_out)


def crossvalidated(options: argparse.Namespace, corpus: Corpus, recipe: Recipe) -> CrossValidation:
    """Cross-validate a corpus, and report on stderr the recordings that could not be used."""
    from speechgmm.crossvalidation.crossvalidate import crossvalidate

    check_workers(options)
    check_columns(options, recipe, corpus)
    detail_recipe(options, recipe)
    with training_run(options, recipe) as run:
        found = crossvalidate(corpus, run, folding=read_folding(options))
    report_failure_count(len(found.failures), len(found.corpus.recordings))
    for text in found.notes:
        note(options, text)
    return found
