"""``speechgmm train``: from labelled recordings to a model file."""

from __future__ import annotations

import argparse
from pathlib import Path

from speechgmm.cli.arguments import (
    Subparsers,
    add_corpus_arguments,
    new_command,
    open_corpus,
)
from speechgmm.cli.console import note, report_failure_count, tell
from speechgmm.cli.recipe_arguments import (
    OLD_FOLDS,
    add_old_options,
    add_recipe_arguments,
    add_seed_argument,
    detail_recipe,
    read_recipe,
)
from speechgmm.cli.train_report import (
    add_train_report_arguments,
    check_train_report,
    train_report_files,
    write_train_report,
)
from speechgmm.cli.training_arguments import (
    add_folder_arguments,
    add_further_options,
    add_workers_argument,
    check_columns,
    check_workers,
    training_run,
)

EXAMPLE = """\
  speechgmm train recordings/ -o voices.npz
      where recordings/ holds female/ and male/ (or any other classes), each with a folder a speaker
  speechgmm train corpus.csv -o voices.npz --recipe plain --components 128 --jobs all
  speechgmm train corpus.csv -o voices.npz --components auto --report curves/ -v
      tries several numbers of components on speakers held out and takes the best"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "train", "train a model on labelled recordings", EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL", help="model file to write (.npz)")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    add_recipe_arguments(parser)
    add_seed_argument(parser)
    add_workers_argument(parser)
    add_folder_arguments(parser)
    add_train_report_arguments(parser)
    add_further_options(parser, "--channel")
    add_old_options(parser, OLD_FOLDS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, write the model and summarise the training."""
    from speechgmm.classifier.model_file import save
    from speechgmm.cli.train_summary import to_text
    from speechgmm.output.files import check_destination, each_attempted
    from speechgmm.training.train import train

    _check_name(options.output)
    recipe = read_recipe(options)
    check_workers(options)
    check_destination(options.output, replace=options.force)
    check_train_report(options, recipe)
    corpus = open_corpus(options, outputs=[options.output, *options.sizes, *train_report_files(options, recipe)])
    for text in corpus.notes:
        note(options, text)
    check_columns(options, recipe, corpus)
    detail_recipe(options, recipe)
    with training_run(options, recipe) as run:
        training = train(corpus, run)
    report_failure_count(len(training.failures), training.n_recordings)
    with each_attempted() as attempts:
        attempts.run(save, training.model, options.output)
        is_saved = not attempts.errors
        attempts.run(write_train_report, options, training)
        if is_saved:
            tell(options, to_text(training, options.output))
    return 1 if training.failures else 0


def _check_name(output: Path) -> None:
    """Refuse a model file whose name says that it is something else; a device has any name."""
    from speechgmm.errors import OptionError

    if output.suffix.lower() != ".npz" and (output.is_file() or not output.exists()):
        raise OptionError(f"--output {output}: it is a model file, whose name ends in .npz, such as {output.stem}.npz")
