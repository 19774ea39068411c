"""Arguments shared by several commands, and how their values are read.

Heavy imports stay inside functions, so that --help is fast.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.argument_checks import MAX_JOBS
from speechgmm.cli.console import detail
from speechgmm.cli.corpus_selection import select_where
from speechgmm.text.numerals import decimal, whole

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
    verbosity.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors, and results for which there is no file"
    )
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
        help=f"a recording, a folder (searched recursively), a pattern such as '*.wav', or - for {stdin}",
    )


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the labelled recordings: RECORDINGS, --root and --where."""
    parser.add_argument(
        "recordings",
        type=Path,
        metavar="RECORDINGS",
        help="a folder with one subfolder per class (CLASS/[SPEAKER/]FILE), or a manifest, .csv or .tsv, with the "
        "columns path,label[,speaker,split,start,end,...]",
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
        help="prior probability of each class; of two classes one is enough: the other gets the rest (default: the "
        "model's, all equal)",
    )


def add_min_probability_argument(parser: argparse.ArgumentParser) -> None:
    """Add --min-probability."""
    parser.add_argument(
        "--min-probability",
        type=number,
        metavar="P",
        help="give the label unknown if no class is at least this probable (default: the model's, 0)",
    )


def at_least(minimum: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least `minimum`."""

    def read(text: str) -> int:
        value = whole(text)
        if value is None or value < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {minimum}")
        return value

    return read


def number(text: str) -> float:
    """An argparse type: a finite number."""
    value = decimal(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def seconds(text: str) -> float:
    """An argparse type: a time in seconds, 0 or more."""
    value = decimal(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds, 0 or more")
    return value


def job_count(text: str) -> int:
    """An argparse type: a number of workers, 'all' (-1, one per core) or at least 1."""
    number = -1 if text == "all" else at_least(1)(text)
    if number > MAX_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MAX_JOBS:,}")
    return number


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
        prior = decimal(value)
        if not label or prior is None:
            raise argparse.ArgumentTypeError(f"{part!r} is not CLASS=P; expected for example female=0.4,male=0.6")
        if label in values:
            raise argparse.ArgumentTypeError(f"the class {label!r} has two probabilities, expected one")
        values[label] = prior
    return values


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Put the name of an option before the OptionError about its value."""
    from speechgmm.errors import OptionError

    try:
        yield
    except OptionError as error:
        raise OptionError(f"{option}: {error}") from error


def open_corpus(options: argparse.Namespace, outputs: Sequence[Path] = ()) -> Corpus:
    """Read RECORDINGS and apply --where; refuse outputs that are among the inputs of the command."""
    from speechgmm.corpus import read_corpus
    from speechgmm.output.files import check_not_inputs

    with naming("--root"):
        corpus = read_corpus(options.recordings, root=options.root)
    check_not_inputs(outputs, [*_given_files(options), *(recording.file for recording in corpus.recordings)])
    return select_where(corpus, options.where)


def _given_files(options: argparse.Namespace) -> list[Path]:
    """The files that the options name as inputs."""
    recipe = [Path(options.recipe)] if "recipe" in options else []
    model = [model_file(options)] if "model" in options else []
    return [options.recordings, *recipe, *model]


def model_file(options: argparse.Namespace) -> Path:
    """The file of the model, by default of the shipped one."""
    from speechgmm.classifier.shipped_model import shipped_model_file

    return options.model or shipped_model_file()


def open_model(options: argparse.Namespace) -> Model:
    """Read the model, by default the shipped one, and apply --priors and --min-probability."""
    from speechgmm.classifier.model_file import load

    file = model_file(options)
    detail(options, f"model: {file}")
    model = load(file)
    if options.priors is not None:
        with naming("--priors"):
            model = model.with_priors(options.priors)
    if options.min_probability is not None:
        with naming("--min-probability"):
            model = replace(model, decision=replace(model.decision, min_probability=options.min_probability))
    return model
