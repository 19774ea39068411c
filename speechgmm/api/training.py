"""Training of a model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from speechgmm.api.arguments import AnyPath, DataFrameLike, corpus_of
from speechgmm.argument_checks import channel_number, items, job_count, path, whole_number
from speechgmm.corpus.recording import Corpus
from speechgmm.progress import Progress
from speechgmm.workers.arithmetic import with_usual_arithmetic

if TYPE_CHECKING:
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.run_context import Sizes
    from speechgmm.training.train import Training

T = TypeVar("T")

logger = logging.getLogger("speechgmm")


@with_usual_arithmetic
def train(
    recordings: AnyPath | Corpus | DataFrameLike,
    *,
    recipe: Recipe | AnyPath = "robust",
    sizes: Sizes = (),
    jobs: int = 1,
    channel: int | None = None,
    features: AnyPath | None = None,
    checkpoint: AnyPath | None = None,
) -> Training:
    """Train a model on labelled recordings.

    Parameters
    ----------
    recordings : path, data frame or Corpus
        A folder of class folders (``CLASS/[SPEAKER/]FILE``), a manifest (.csv), a data frame of pandas or polars with
        the columns of a manifest, or the result of `read_corpus`.
    recipe : Recipe or path
        A recipe; or the name of one that the package contains, a TOML file or a model, for `Recipe.load`.
    sizes : sequence of int or "auto"
        Numbers of components to choose from on held-out speakers, instead of the one in the recipe.
    jobs : int
        Number of workers; negative counts down from the number of cores. The model does not depend on it.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    features : path, optional
        Folder of a feature store, for speech that does not fit in memory and for later trainings.
    checkpoint : path, optional
        Folder in which the fits are kept as they proceed: an interrupted training resumes from there.

    Returns
    -------
    Training
        With the trained `model`, and in `failures` the recordings that could not be used.

    Raises
    ------
    CorpusError
        If the folder or manifest is faulty, or has fewer than two classes.
    OptionError
        If there is no such recipe, it is faulty, or another argument is wrong.
    TrainingError
        If a class has too few speakers or too little speech.
    CheckpointError
        If the checkpoint is another training's, is used by another training now, or is damaged.
    OutputError
        If features or checkpoint cannot be written.
    """
    from speechgmm.training.folder_checkpoint import checkpoint_in
    from speechgmm.training.run_context import Run
    from speechgmm.training.train import train as run_training
    from speechgmm.workers.local import LocalExecutor

    chosen = chosen_recipe(recipe)
    executor, sizes, channel = LocalExecutor(job_count(jobs)), _sizes(sizes), channel_number(channel)
    feature_folder = None if features is None else path("features", features)
    folder = None if checkpoint is None else path("checkpoint", checkpoint)
    corpus = corpus_of(recordings)
    for note in corpus.notes:
        logger.warning("%s", note)
    with checkpoint_in(folder) as kept:
        run = Run(
            recipe=chosen,
            sizes=sizes,
            channel=channel,
            feature_folder=feature_folder,
            executor=executor,
            checkpoint=kept,
            progress=_logging(),
        )
        return run_training(corpus, run)


def chosen_recipe(recipe: Recipe | AnyPath) -> Recipe:
    """The recipe, or that of a name.

    Raises
    ------
    OptionError
        If there is no such recipe, or it is faulty.
    """
    from speechgmm.training.recipe import Recipe

    return recipe if isinstance(recipe, Recipe) else Recipe.load(path("recipe", recipe, "a Recipe or a path"))


def _sizes(sizes: Sizes) -> Sizes:
    if isinstance(sizes, str) and sizes == "auto":
        return "auto"
    given = items("sizes", sizes, "'auto' or a list of whole numbers, such as [16, 32]")
    return tuple(whole_number("a number in sizes", size, 1) for size in given)


def _logging() -> Progress:
    """A progress that logs each step, features that were damaged, and what was odd about recordings: once each."""
    from speechgmm.training.heard_recordings import new_notes

    told: set[str] = set()

    def log(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:  # names of `Progress`
        logger.info("%s", what if total is None else f"{what}: {total}")
        for item in items:
            for text in new_notes(item, told):
                logger.warning(text.replace("--channel", "channel"))
            yield item

    return log
