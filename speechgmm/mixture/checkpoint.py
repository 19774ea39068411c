"""The interface of checkpoints: fits are saved during training, so that an interrupted training can be resumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speechgmm.mixture.em import Fit


class Checkpoint:
    """A checkpoint that saves nothing. Subclasses override every method."""

    def begin(self, identity: Mapping[str, str]) -> None:
        """Start or resume a training. The identity maps names to everything that the result depends on."""

    def at(self, name: str) -> Checkpoint:
        """The part of the checkpoint with this name, for one fit or several."""
        return self

    def read(self) -> Fit[Any] | None:
        """The last saved state of this fit, if there is one."""
        return None

    def write(self, fit: Fit[Any]) -> None:
        """Save the state of this fit."""
