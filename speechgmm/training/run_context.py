"""The run context of a training: options, executor, checkpoint, progress and how recordings are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.progress import Progress, silent
from speechgmm.training.options import TrainingOptions
from speechgmm.workers.local import Executor, LocalExecutor

Sizes: TypeAlias = Sequence[int] | Literal["auto"]
"""Numbers of components to choose from; empty where the number is given."""

AUTO_SIZES = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything a training needs besides its recordings. It is made once and passed on whole.

    The result depends on the options, the sizes and the channel; not on the executor, the feature folder, the
    checkpoint or the progress.

    Attributes
    ----------
    options : TrainingOptions
        With the seed of all random numbers.
    sizes : sequence of int or "auto"
        Numbers of components to choose from on held-out speakers, instead of the one in the options; "auto" for those
        of `AUTO_SIZES` that every class has enough speech for.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    feature_folder : Path, optional
        Folder of a feature store; by default features are kept in memory.
    executor : Executor
    checkpoint : Checkpoint
        Where the fits are kept as they proceed; nowhere by default.
    progress : Progress

    Raises
    ------
    OptionError
        If one of the sizes is not a valid number of components.
    """

    options: TrainingOptions = field(default_factory=TrainingOptions)
    sizes: Sizes = ()
    channel: int | None = None
    feature_folder: Path | None = None
    executor: Executor = field(default_factory=LocalExecutor)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    progress: Progress = silent

    def __post_init__(self) -> None:
        for size in AUTO_SIZES if self.sizes == "auto" else self.sizes:
            replace(self.options, n_components=size)

    def at(self, name: str) -> Run:
        """The same run with the part of the checkpoint of this name."""
        return replace(self, checkpoint=self.checkpoint.at(name))

    def silently(self) -> Run:
        """The same run without progress, for work inside work whose progress is shown."""
        return replace(self, progress=silent)

    def with_components(self, n_components: int) -> Run:
        """The same run with this number of components."""
        return replace(self, options=replace(self.options, n_components=n_components), sizes=())
