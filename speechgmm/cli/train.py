"""``speechgmm train``: from labelled recordings to a model file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import (
    Subparsers,
    add_corpus_arguments,
    new_command,
    open_corpus,
)
from speechgmm.cli.console import detail, note, report_failure_count
from speechgmm.cli.training_arguments import (
    add_calibration_argument,
    add_seed_argument,
    add_training_arguments,
    check_balance,
    check_workers,
    read_training_options,
    sizes_of,
    training_run,
)

if TYPE_CHECKING:
    from speechgmm.mixture.information_criteria import SizeResult
    from speechgmm.training.options import TrainingOptions
    from speechgmm.training.train import Training

HISTORY, PICTURES = "training.json", ("png", "svg")

EXAMPLE = """\
  speechgmm train recordings/ -o voices.npz
      where recordings/ holds female/ and male/ (or any other classes), each with a folder a speaker
  speechgmm train corpus.csv -o voices.npz --components 128 --jobs all
  speechgmm train corpus.csv -o voices.npz --components auto --sizes sizes.csv -v
      tries several numbers of components on speakers held out and takes the best"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "train", "train a model on labelled recordings", EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL", help="model file to write (.npz)")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    add_training_arguments(parser)
    add_calibration_argument(parser, "--folds")
    add_seed_argument(parser)
    parser.add_argument(
        "--sizes",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write the comparison of --components to this file: a .csv table, or a .png, .svg or .pdf figure; may be "
        "given several times",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FOLDER",
        help=f"write the training curves to this folder as .png and .svg, and {HISTORY}",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, write the model and print its description."""
    from speechgmm.classifier.model_file import save
    from speechgmm.cli.describe import to_text
    from speechgmm.errors import OptionError
    from speechgmm.files import check_destination
    from speechgmm.training.recordings import training_recordings
    from speechgmm.training.train import train

    sizes = sizes_of(options)
    if options.sizes and not sizes:
        raise OptionError("--sizes needs a comparison: give --components auto or several numbers")
    _check_sizes_files(options.sizes, options.output)
    check_workers(options)
    training_options = read_training_options(options)
    check_destination(options.output, replace=options.force)
    for file in options.sizes:
        check_destination(file, replace=options.force)
    _check_report(options, training_options)
    corpus = open_corpus(options)
    for text in corpus.notes:
        note(options, text)
    check_balance(options, training_options, corpus)
    detail(options, f"{training_options}")
    with training_run(options, training_options) as run:
        training = train(corpus, run)
    read = training_recordings(corpus, training_options.nonspeech).voices.recordings
    report_failure_count(len(training.failures), len(read))
    save(training.model, options.output)
    _report_sizes(options, training.sizes)
    _write_report(options, training)
    print(to_text(training.model, options.output), end="")
    return 1 if training.failures else 0


def _check_report(options: argparse.Namespace, training_options: TrainingOptions) -> None:
    """Check before the work that the training report can be written; make its folder."""
    from speechgmm.files import check_destination, make_folder
    from speechgmm.reporting.training_plots import require_matplotlib

    if options.report is None:
        return
    require_matplotlib()
    make_folder(options.report)
    names = ["likelihood", *(["losses"] if training_options.mmi else []), *(["sizes"] if sizes_of(options) else [])]
    for name in (HISTORY, *(f"{name}.{kind}" for name in names for kind in PICTURES)):
        check_destination(options.report / name, replace=options.force)


def _write_report(options: argparse.Namespace, training: Training) -> None:
    """Write the training report: history and curves."""
    from speechgmm.files import write_atomically
    from speechgmm.reporting.training_plots import likelihood_curves, loss_curves, rendered, size_curve
    from speechgmm.training.history import history_of

    if options.report is None:
        return
    history = history_of(training)
    write_atomically(options.report / HISTORY, (json.dumps(history, indent=1, allow_nan=False) + "\n").encode())
    fits = [{"background": stream["background"], **stream["classes"]} for stream in history["streams"]]
    curves = [{name: fit["log_likelihoods"] for name, fit in stream.items()} for stream in fits]
    losses = [stream["losses"] for stream in history["streams"]]
    figures = {"likelihood": likelihood_curves(curves)}
    if any(losses):
        figures["losses"] = loss_curves(losses)
    if training.sizes:
        figures["sizes"] = size_curve(training.sizes)
    for name, figure in figures.items():
        for kind in PICTURES:
            write_atomically(options.report / f"{name}.{kind}", rendered(figure, kind))


def _report_sizes(options: argparse.Namespace, sizes: Sequence[SizeResult]) -> None:
    """Report the comparison of numbers of components on stderr with --verbose, and write the --sizes files."""
    from speechgmm.files import write_atomically
    from speechgmm.reporting.training_plots import rendered, size_curve
    from speechgmm.training.component_selection import to_csv

    for each in sizes:
        detail(
            options,
            f"{each.n_components} components: log-likelihood per frame {each.held_out:.4f} held out, "
            f"{each.log_likelihood:.4f} in training, AIC {each.aic:.0f}, BIC {each.bic:.0f}",
        )
    for file in options.sizes:
        kind = file.suffix[1:]
        write_atomically(file, to_csv(sizes).encode() if kind == "csv" else rendered(size_curve(sizes), kind))


def _check_sizes_files(files: Sequence[Path], output: Path) -> None:
    """Refuse --sizes files of unknown type, given twice, or equal to the model file."""
    from speechgmm.errors import OptionError
    from speechgmm.reporting.training_plots import FORMATS, require_matplotlib

    kinds = ("csv", *FORMATS)
    for file in files:
        if file.resolve() == output.resolve():
            raise OptionError(f"--sizes and --output are both {output}: give them different names")
        if file.suffix[1:] not in kinds:
            raise OptionError(f"--sizes is {file}, but it must end in one of {', '.join('.' + kind for kind in kinds)}")
        if file.suffix != ".csv":
            require_matplotlib()
    if len({file.resolve() for file in files}) < len(files):
        raise OptionError("--sizes names the same file twice: give each file once")
