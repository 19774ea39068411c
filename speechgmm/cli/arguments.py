"""Arguments that several commands share, and what becomes of their values. Nothing heavy is imported here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speechgmm.cli.console import detail, tell_failure

if TYPE_CHECKING:
    from speechgmm.classifier.model import Model
    from speechgmm.corpus.recording import Corpus

Subparsers = Any  # argparse has no public name for what add_subparsers returns


def new_command(subparsers: Subparsers, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a subcommand with its help, an example, and the arguments every command has."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="say nothing but answers and errors")
    volume.add_argument("-v", "--verbose", action="store_true", help="say more on stderr")
    return parser


def add_work_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how the work on recordings is done."""
    parser.add_argument(
        "--jobs",
        type=job_count,
        default=1,
        metavar="N",
        help="recordings worked on at the same time; 'all' for one a core (default: 1)",
    )
    parser.add_argument(
        "--channel",
        type=at_least(1),
        metavar="N",
        help="channel of recordings with several, counted from 1 (default: all of them mixed)",
    )


def add_paths_argument(parser: argparse.ArgumentParser, *, stdin: str) -> None:
    """Add which recordings to answer about; ``-`` stands for what `stdin` says."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help=f"a recording, a folder (searched through to the bottom), or - for {stdin}",
    )


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which labelled recordings to take."""
    parser.add_argument(
        "recordings",
        type=Path,
        metavar="RECORDINGS",
        help="a folder of class folders (CLASS/[SPEAKER/]FILE), or a manifest .csv with the columns path,label"
        "[,speaker,split,start,end,...]",
    )
    parser.add_argument(
        "--root", type=Path, metavar="FOLDER", help="what a manifest's paths are relative to (default: its own folder)"
    )
    parser.add_argument(
        "--where",
        type=column_value,
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="take only the rows of a manifest with this value; may be given several times",
    )


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add which model to use."""
    parser.add_argument("--model", type=Path, metavar="MODEL", help="a model file (default: the one that is shipped)")


def add_priors_argument(parser: argparse.ArgumentParser) -> None:
    """Add which probabilities the classes have before anything is heard."""
    parser.add_argument(
        "--priors",
        type=priors,
        metavar="CLASS=P,...",
        help="probability of each class before anything is heard (default: the model's, all equal)",
    )


def add_min_probability_argument(parser: argparse.ArgumentParser) -> None:
    """Add how probable the likeliest class must be for an answer."""
    parser.add_argument(
        "--min-probability",
        type=float,
        metavar="P",
        help="answer unknown where no class is so probable (default: the model's, 0)",
    )


def add_renamed_argument(parser: argparse.ArgumentParser, name: str, old_name: str, **settings: Any) -> None:
    """Add an option that had another name: the old one works for one version and is not in the help."""
    action = parser.add_argument(name, **settings)
    hidden = {**settings, "dest": action.dest, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    parser.add_argument(old_name, action=_Renamed, new_name=name, **hidden)


class _Renamed(argparse.Action):
    """Stores a value like the option of the new name, and says on stderr what that is."""

    def __init__(self, *, new_name: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.new_name = new_name

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Store the value."""
        tell_failure(f"{option} is now called {self.new_name}; the old name will be removed in the next version")
        setattr(namespace, self.dest, values)


def at_least(least: int) -> Callable[[str], int]:
    """A function that reads a whole number from `least` on."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return number

    return read


def job_count(text: str) -> int:
    """Read a number of workers: 'all' or a whole number from 1 on."""
    return -1 if text == "all" else at_least(1)(text)


def component_counts(text: str) -> tuple[int, ...] | Literal["auto"]:
    """Read numbers of components: 'auto' or whole numbers between commas."""
    if text == "auto":
        return "auto"
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        fault = f"{text!r} is neither whole numbers, such as 64 or 16,32,64, nor auto"
        raise argparse.ArgumentTypeError(fault) from None


def column_value(text: str) -> tuple[str, str]:
    """Read COLUMN=VALUE."""
    column, equals, value = text.partition("=")
    if not (column and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value


def priors(text: str) -> dict[str, float]:
    """Read CLASS=P,CLASS=P,..."""
    found: dict[str, float] = {}
    for part in text.split(","):
        label, _, value = part.rpartition("=")
        try:
            prior = float(value)
        except ValueError:
            label = ""
        if not label or label in found:
            raise argparse.ArgumentTypeError(f"{part!r} is not CLASS=PROBABILITY, once for each class")
        found[label] = prior
    return found


def open_corpus(options: argparse.Namespace) -> Corpus:
    """Read the recordings a command was given, narrowed by --where."""
    from speechgmm.corpus import read_corpus
    from speechgmm.errors import CorpusError

    corpus = read_corpus(options.recordings, root=options.root)
    for column, value in options.where:
        corpus = _narrow(corpus, column, value)
        if not corpus.recordings:
            raise CorpusError(f"{options.recordings}: no recording has {column}={value}")
    return corpus


def _narrow(corpus: Corpus, column: str, value: str) -> Corpus:
    return corpus.select(lambda recording: recording.value_of(column) == value)


def open_model(options: argparse.Namespace) -> Model:
    """Read the model a command was given, or the shipped one, with the priors asked for."""
    from speechgmm.api import load, shipped_model_file

    file = options.model or shipped_model_file()
    detail(options, f"the model is {file}")
    model = load(file)
    if options.priors is not None:
        model = model.with_priors(options.priors)
    if options.min_probability is not None:
        model = replace(model, decision=replace(model.decision, min_probability=options.min_probability))
    return model
