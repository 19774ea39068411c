"""The run context of a training: options, executor, checkpoint, progress, trace and how recordings are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from speechgmm.corpus.recording import Recording
from speechgmm.corpus.speakers import fewest_speakers
from speechgmm.errors import OptionError
from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.progress import Progress, silent
from speechgmm.training.recipe import Recipe
from speechgmm.training.tracing import Trace, TracedCheckpoint, titled, untraced
from speechgmm.workers.local import Executor, LocalExecutor

Sizes: TypeAlias = Sequence[int] | Literal["auto"]
"""Numbers of components to choose from; empty where the number is given."""

AUTO_SIZES = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything a training needs besides its recordings. It is made once and passed on whole.

    The result depends on the recipe, the sizes and the channel; not on the executor, the feature folder, the
    checkpoint, the progress or the trace.

    Attributes
    ----------
    recipe : Recipe
        With the seed of all random numbers.
    given : Recipe, optional
        The recipe before the rules for small data were applied, if they were; see `scaled_to`.
    scaled : tuple of str
        What these rules changed.
    sizes : sequence of int or "auto"
        Numbers of components to choose from on held-out speakers, instead of the one in the recipe; "auto" for those
        of `AUTO_SIZES` that every class has enough speech for.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    feature_folder : Path, optional
        Folder of a feature store; by default features are kept in memory.
    executor : Executor
    checkpoint : Checkpoint
        Where the fits are kept as they proceed; nowhere by default.
    progress : Progress
    trace : Trace
        Takes a line for each iteration of EM; nobody does by default.

    Raises
    ------
    OptionError
        If one of the sizes is not a valid number of components, or the package's mixtures have a number of their own.
    """

    recipe: Recipe = field(default_factory=Recipe)
    given: Recipe | None = None
    scaled: tuple[str, ...] = ()
    sizes: Sizes = ()
    channel: int | None = None
    feature_folder: Path | None = None
    executor: Executor = field(default_factory=LocalExecutor)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    progress: Progress = silent
    trace: Trace = untraced

    def __post_init__(self) -> None:
        for size in AUTO_SIZES if self.sizes == "auto" else self.sizes:
            replace(self.recipe, n_components=size)
        if self.sizes and self.recipe.uses_package:
            raise OptionError(
                "numbers of components cannot be compared with rejection.packaged, "
                "whose mixtures have one of their own: set rejection.packaged=false, "
                "or name a class of non-speech recordings (rejection.nonspeech)"
            )

    def scaled_to(self, recordings: Iterable[Recording]) -> Run:
        """The same run with the rules for small data applied to the number of speakers of these recordings."""
        recipe, changes = self.recipe.for_speakers(fewest_speakers(recordings))
        return replace(self, recipe=recipe, given=self.recipe, scaled=changes)

    @property
    def traced_checkpoint(self) -> Checkpoint:
        """The checkpoint, which also traces the fits."""
        return TracedCheckpoint(self.checkpoint, self.trace)

    def at(self, name: str, title: str = "") -> Run:
        """The same run with the part of the checkpoint of this name; the trace says the title, or the name."""
        trace = titled(self.trace, title or name.replace("-", " "))
        return replace(self, checkpoint=self.checkpoint.at(name), trace=trace)

    def silently(self) -> Run:
        """The same run without progress, for work inside work whose progress is shown."""
        return replace(self, progress=silent)

    def with_components(self, n_components: int) -> Run:
        """The same run with this number of components."""
        given = self.given and replace(self.given, n_components=n_components)
        return replace(self, recipe=replace(self.recipe, n_components=n_components), given=given, sizes=())
