"""``speechgmm train``: from labelled recordings to a model file."""

from __future__ import annotations

import argparse
from pathlib import Path

from speechgmm.commands.arguments import Subparsers, add_corpus_arguments, add_work_arguments, new_command, open_corpus
from speechgmm.commands.console import detail, note, tell_failure_count, telling_failures, watch_for

EXAMPLE = """\
  speechgmm train recordings/ -o voices.npz
      where recordings/ holds female/ and male/ (or any other classes), each with a folder a speaker
  speechgmm train corpus.csv -o voices.npz --components 128 --jobs all"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "train", "train a model on labelled recordings", EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL", help="model file to write (.npz)")
    parser.add_argument("--force", action="store_true", help="replace the model file if it exists")
    parser.add_argument("--components", type=int, default=64, metavar="K", help="components a class (default: 64)")
    parser.add_argument("--iterations", type=int, default=50, metavar="N", help="most iterations of EM (default: 50)")
    parser.add_argument(
        "--folds",
        type=int,
        default=5,
        metavar="N",
        help="parts into which the speakers are divided to calibrate, where there is no dev split (default: 5)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all that is random (default: 0)")
    parser.add_argument(
        "--front-end",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the front end, such as n_coefficients=13 (all are in docs/method.md); "
        "may be given several times",
    )
    add_work_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, write the model and describe it."""
    from speechgmm.commands.describe import to_text
    from speechgmm.decision.modelfile import save
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.files import check_destination
    from speechgmm.mixture.em import EMOptions
    from speechgmm.options import TrainingOptions
    from speechgmm.training import for_training, train

    training_options = TrainingOptions(
        n_components=options.components,
        folds=options.folds,
        seed=options.seed,
        front_end=FrontEndOptions.parse(options.front_end),
        em=EMOptions(max_iterations=options.iterations),
    )
    check_destination(options.output, replace=options.force)
    corpus = open_corpus(options)
    for text in corpus.notes:
        note(options, text)
    detail(options, f"{training_options}")
    watch = telling_failures(watch_for(options))
    training = train(corpus, options=training_options, jobs=options.jobs, channel=options.channel, watch=watch)
    tell_failure_count(len(training.failures), len(for_training(corpus).recordings))
    save(training.model, options.output)
    print(to_text(training.model, options.output), end="")
    return 1 if training.failures else 0
