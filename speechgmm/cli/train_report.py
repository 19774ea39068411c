"""The report of a training: its history and curves, and the comparison of numbers of components."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.console import detail, note
from speechgmm.cli.recipe_arguments import LATER, sizes_of

if TYPE_CHECKING:
    from speechgmm.mixture.information_criteria import SizeResult
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.train import Training

HISTORY, SIZES, PICTURES = "training.json", "sizes.csv", ("png", "svg")


def add_train_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --report, and --sizes of earlier versions."""
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FOLDER",
        help=f"write the training curves to this folder as .png and .svg, {HISTORY}, and {SIZES} where numbers of "
        "components are compared",
    )
    parser.add_argument("--sizes", type=Path, action="append", default=[], help=argparse.SUPPRESS)


def check_train_report(options: argparse.Namespace, recipe: Recipe) -> None:
    """Check before the work that the report can be written."""
    from speechgmm.output.files import check_destination, check_destinations
    from speechgmm.reporting.training_plots import require_matplotlib

    _check_sizes_files(options)
    for file in options.sizes:
        check_destination(file, replace=options.force)
    if options.report is None:
        return
    require_matplotlib()
    check_destinations(train_report_files(options, recipe), replace=options.force)


def train_report_files(options: argparse.Namespace, recipe: Recipe) -> list[Path]:
    """The files in the folder of --report, if there is one."""
    if options.report is None:
        return []
    compared = bool(sizes_of(options))
    drawn = {"likelihood": not recipe.uses_package, "losses": bool(recipe.mmi), "sizes": compared}
    curves = [curve for curve, is_drawn in drawn.items() if is_drawn]
    names = [HISTORY, *([SIZES] if compared else []), *(f"{curve}.{kind}" for curve in curves for kind in PICTURES)]
    return [options.report / name for name in names]


def write_train_report(options: argparse.Namespace, training: Training) -> None:
    """Write the report to the folder of --report, if there is one, and the comparison to stderr and --sizes."""
    from speechgmm.output.files import each_attempted, make_folder, write_atomically
    from speechgmm.reporting.training_plots import likelihood_curves, loss_curves, rendered, size_curve
    from speechgmm.training.component_selection import to_csv
    from speechgmm.training.history import history_of

    _detail_sizes(options, training.sizes)
    with each_attempted() as attempts:
        for file in options.sizes:
            kind = file.suffix[1:]
            content = to_csv(training.sizes).encode() if kind == "csv" else rendered(size_curve(training.sizes), kind)
            attempts.run(write_atomically, file, content)
        if options.report is None:
            return
        make_folder(options.report)
        history = history_of(training)
        text = json.dumps(history, indent=1, allow_nan=False) + "\n"
        attempts.run(write_atomically, options.report / HISTORY, text.encode())
        fits = [{"background": stream["background"], **stream["classes"]} for stream in history["streams"]]
        curves = [{name: fit["log_likelihoods"] for name, fit in stream.items() if fit} for stream in fits]
        losses = [stream["losses"] for stream in history["streams"]]
        figures = {"likelihood": likelihood_curves(curves)} if any(curves) else {}
        if any(losses):
            figures["losses"] = loss_curves(losses)
        if training.sizes:
            attempts.run(write_atomically, options.report / SIZES, to_csv(training.sizes).encode())
            figures["sizes"] = size_curve(training.sizes)
        for name, figure in figures.items():
            for kind in PICTURES:
                attempts.run(write_atomically, options.report / f"{name}.{kind}", rendered(figure, kind))


def _detail_sizes(options: argparse.Namespace, sizes: Sequence[SizeResult]) -> None:
    for each in sizes:
        detail(
            options,
            f"{each.n_components} components: log-likelihood per frame {each.held_out:.4f} held out, "
            f"{each.log_likelihood:.4f} in training, AIC {each.aic:.0f}, BIC {each.bic:.0f}",
        )


def _check_sizes_files(options: argparse.Namespace) -> None:
    """Refuse --sizes without a comparison, and files of unknown type, given twice, or equal to the model file."""
    from speechgmm.errors import OptionError
    from speechgmm.reporting.training_plots import FORMATS, require_matplotlib

    if not options.sizes:
        return
    note(options, f"--sizes FILE is now --report FOLDER, which writes {SIZES}, sizes.png and sizes.svg; {LATER}")
    if not sizes_of(options):
        raise OptionError("--sizes needs a comparison: give --components auto or several numbers")
    kinds = ("csv", *FORMATS)
    for file in options.sizes:
        if file.resolve() == options.output.resolve():
            raise OptionError(f"--sizes and --output are both {options.output}: give them different names")
        if file.suffix[1:] not in kinds:
            raise OptionError(f"--sizes is {file}, but it must end in one of {', '.join('.' + kind for kind in kinds)}")
        if file.suffix != ".csv":
            require_matplotlib()
    if len({file.resolve() for file in options.sizes}) < len(options.sizes):
        raise OptionError("--sizes names the same file twice: give each file once")
