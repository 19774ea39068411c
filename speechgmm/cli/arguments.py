"""Arguments shared by several commands, and how their values are read.

Heavy imports stay inside functions, so that --help is fast.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.cli.console import detail
from speechgmm.cli.corpus_selection import select_where

if TYPE_CHECKING:
    from speechgmm.classifier.model import Model
    from speechgmm.corpus.recording import Corpus

Subparsers = Any  # the result type of add_subparsers is private to argparse


def new_command(subparsers: Subparsers, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a subcommand with its help, an example, --quiet and --verbose."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbosity = parser.add_mutually_exclusive_group()
    verbosity.add_argument("-q", "--quiet", action="store_true", help="print only results and errors")
    verbosity.add_argument("-v", "--verbose", action="store_true", help="print more information on stderr")
    return parser


def add_work_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --jobs and --channel."""
    parser.add_argument(
        "--jobs",
        type=job_count,
        default=1,
        metavar="N",
        help="number of parallel workers; 'all': one per CPU core (default: 1)",
    )
    parser.add_argument(
        "--channel",
        type=at_least(1),
        metavar="N",
        help="channel to use in recordings with several, counted from 1 (default: the mean of all channels)",
    )


def add_paths_argument(parser: argparse.ArgumentParser, *, stdin: str) -> None:
    """Add the input recordings; `stdin` is the help on ``-``."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help=f"a recording, a folder (searched recursively), or - for {stdin}",
    )


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the labelled recordings: RECORDINGS, --root and --where."""
    parser.add_argument(
        "recordings",
        type=Path,
        metavar="RECORDINGS",
        help="a folder with one subfolder per class (CLASS/[SPEAKER/]FILE), or a manifest .csv with the columns "
        "path,label[,speaker,split,start,end,...]",
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="folder that the relative paths of a manifest start from (default: the folder of the manifest)",
    )
    parser.add_argument(
        "--where",
        type=pair("COLUMN=VALUE"),
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="use only the manifest rows with this value in this column; can be repeated",
    )


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add --model."""
    parser.add_argument("--model", type=Path, metavar="MODEL", help="model file (default: the shipped model)")


def add_priors_argument(parser: argparse.ArgumentParser) -> None:
    """Add --priors."""
    parser.add_argument(
        "--priors",
        type=priors,
        metavar="CLASS=P,...",
        help="prior probability of each class (default: the model's, all equal)",
    )


def add_min_probability_argument(parser: argparse.ArgumentParser) -> None:
    """Add --min-probability."""
    parser.add_argument(
        "--min-probability",
        type=float,
        metavar="P",
        help="give the label unknown if no class is at least this probable (default: the model's, 0)",
    )


def at_least(minimum: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least `minimum`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {minimum}")
        return number

    return read


def seconds(text: str) -> float:
    """An argparse type: a time in seconds, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds, 0 or more")
    return number


def job_count(text: str) -> int:
    """An argparse type: a number of workers, 'all' (-1, one per core) or at least 1."""
    return -1 if text == "all" else at_least(1)(text)


def pair(form: str) -> Callable[[str], tuple[str, str]]:
    """An argparse type: a non-empty name and a value separated by "="; `form`, such as COLUMN=VALUE, is for errors."""

    def read(text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise argparse.ArgumentTypeError(f"{text!r} is not {form}")
        return name, value

    return read


def priors(text: str) -> dict[str, float]:
    """An argparse type: CLASS=P,CLASS=P,..."""
    values: dict[str, float] = {}
    for part in text.split(","):
        label, _, value = part.rpartition("=")
        try:
            prior = float(value)
        except ValueError:
            label = ""
        if not label:
            raise argparse.ArgumentTypeError(f"{part!r} is not CLASS=P; expected for example female=0.4,male=0.6")
        if label in values:
            raise argparse.ArgumentTypeError(f"the class {label!r} has two probabilities, expected one")
        values[label] = prior
    return values


def open_corpus(options: argparse.Namespace) -> Corpus:
    """Read RECORDINGS and apply --where."""
    from speechgmm.corpus import read_corpus

    return select_where(read_corpus(options.recordings, root=options.root), options.where)


def open_model(options: argparse.Namespace) -> Model:
    """Read the model, by default the shipped one, and apply --priors and --min-probability."""
    from speechgmm.api import load
    from speechgmm.classifier.shipped_model import shipped_model_file

    file = options.model or shipped_model_file()
    detail(options, f"model: {file}")
    model = load(file)
    if options.priors is not None:
        model = model.with_priors(options.priors)
    if options.min_probability is not None:
        model = replace(model, decision=replace(model.decision, min_probability=options.min_probability))
    return model
