"""Arguments of the commands that train, besides the recipe, and the run context. No heavy imports here."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import at_least, job_count
from speechgmm.cli.console import detail, detailed_progress_for, note, reporting
from speechgmm.cli.recipe_arguments import LATER, sizes_of

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.run_context import Run


def add_workers_argument(parser: argparse.ArgumentParser) -> None:
    """Add --jobs, and --dask of earlier versions."""
    parser.add_argument(
        "--jobs",
        type=workers,
        default=1,
        metavar="N",
        help="number of parallel workers; 'all': one per CPU core; or the address of a Dask scheduler, such as "
        "tcp://host:8786, with --features (default: 1)",
    )
    parser.add_argument("--dask", help=argparse.SUPPRESS)


def add_folder_arguments(parser: argparse._ActionsContainer, *, in_help: bool = True) -> None:
    """Add --features and --checkpoint."""
    texts = {
        "--features": "keep features in this folder instead of in memory, for large corpora and for the next training",
        "--checkpoint": "keep the state of the training in this folder: the same command resumes an interrupted "
        "training",
    }
    for name, text in texts.items():
        parser.add_argument(name, type=Path, metavar="FOLDER", help=text if in_help else argparse.SUPPRESS)


def add_further_options(parser: argparse.ArgumentParser, names: str) -> argparse._ArgumentGroup:
    """Add a group of options that the help only names; docs/recipes.md describes them. --channel is always in it."""
    group = parser.add_argument_group("further options", f"rarely needed (docs/recipes.md): {names}")
    group.add_argument("--channel", type=at_least(1), metavar="N", help=argparse.SUPPRESS)
    return group


def workers(text: str) -> int | str:
    """An argparse type: a number of workers, or the address of a scheduler."""
    return text if "://" in text else job_count(text)


def check_columns(options: argparse.Namespace, recipe: Recipe, corpus: Corpus) -> None:
    """Refuse a column that no recording has, if it was given; one that only a recipe names is noted."""
    from speechgmm.errors import OptionError
    from speechgmm.training.recipe import NAMES

    columns = {
        "training.balance_by": (recipe.balance_by, "speakers count evenly"),
        "mmi.raised_by": (recipe.mmi and recipe.mmi_raised_by, "no recording may be a raised voice"),
        "calibration.by": (recipe.calibration_by, "folds of speakers are held out"),
    }
    tell = detail if options.recipe in NAMES else note
    for key, (column, consequence) in columns.items():
        if not column or any(each.value_of(column) for each in corpus.recordings):
            continue
        lacking = f"no recording of {corpus.source} has a value in the column {column!r}"
        if any(each.path == key for each in options.given):
            raise OptionError(f"{key} is {column!r}, but {lacking}: name another column, or none with ''")
        tell(options, f"{lacking}, which the recipe names in {key}: {consequence}")


def check_workers(options: argparse.Namespace) -> None:
    """Refuse a cluster without a folder for the features of its workers."""
    from speechgmm.errors import OptionError

    if options.dask:
        note(options, f"--dask {options.dask} is now --jobs {options.dask}; {LATER}")
        options.jobs = options.dask
    if isinstance(options.jobs, str) and not options.features:
        raise OptionError(
            f"--jobs {options.jobs} needs --features: a folder in which the workers of the cluster keep the features"
        )


@contextmanager
def training_run(options: argparse.Namespace, recipe: Recipe) -> Iterator[Run]:
    """The run context of the command, connected to a cluster where one is asked for."""
    from speechgmm.training.folder_checkpoint import checkpoint_in
    from speechgmm.training.run_context import Run
    from speechgmm.workers.dask import connected
    from speechgmm.workers.local import LocalExecutor

    jobs = options.jobs
    with (
        checkpoint_in(options.checkpoint) as checkpoint,
        connected(jobs) if isinstance(jobs, str) else nullcontext(LocalExecutor(jobs)) as executor,
    ):
        yield Run(
            recipe=recipe,
            sizes=sizes_of(options),
            channel=options.channel,
            feature_folder=options.features,
            executor=executor,
            checkpoint=checkpoint,
            progress=reporting(options, detailed_progress_for(options)),
            trace=functools.partial(detail, options),
        )
