"""What the commands that cross-validate share: their arguments, and the models of the folds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import at_least
from speechgmm.cli.console import detail, note, progress_for, reporting_failures, tell_failure_count
from speechgmm.cli.trainings import check_workers, read_training_options, sizes_of, workers_of

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus
    from speechgmm.crossvalidation.crossvalidate import CrossValidation
    from speechgmm.crossvalidation.folds import Folding


def add_fold_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how recordings are divided."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--folds",
        type=at_least(2),
        default=5,
        metavar="N",
        help="parts into which the speakers are divided (default: 5)",
    )
    how.add_argument(
        "--leave-one-out",
        default="",
        metavar="COLUMN",
        help="leave out the values of this column, such as corpus, in turn; no speaker may have two of them",
    )


def read_folding(options: argparse.Namespace) -> Folding:
    """How recordings are to be divided."""
    from speechgmm.crossvalidation.folds import Folding

    return Folding(n_folds=options.folds, leave_one_out=options.leave_one_out)


def crossvalidated(options: argparse.Namespace, corpus: Corpus) -> CrossValidation:
    """Cross-validate a corpus as was asked for, and tell what could not be used."""
    from speechgmm.crossvalidation.crossvalidate import crossvalidate

    check_workers(options)
    training_options = read_training_options(options)
    detail(options, f"{training_options}")
    with workers_of(options) as workers:
        found = crossvalidate(
            corpus,
            folding=read_folding(options),
            options=training_options,
            sizes=sizes_of(options),
            workers=workers,
            channel=options.channel,
            features=options.features,
            checkpoint=options.checkpoint,
            progress=reporting_failures(progress_for(options)),
        )
    tell_failure_count(len(found.failures), len(found.corpus.recordings))
    for text in found.notes:
        note(options, text)
    return found
