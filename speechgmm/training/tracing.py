"""The trace of a training: a line for each iteration of EM, and for the loss of discriminative training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.mixture.em import Fit

Trace: TypeAlias = Callable[[str], None]
"""Takes the lines, one by one."""


def untraced(line: str) -> None:
    """Drop the line."""


def titled(trace: Trace, title: str) -> Trace:
    """The trace of a part of the work: its lines begin with the title."""
    return lambda line: trace(f"{title}, {line}")


class TracedCheckpoint(Checkpoint):
    """A checkpoint that also traces the fits that it saves.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the fits are saved.
    trace : Trace
    """

    def __init__(self, checkpoint: Checkpoint, trace: Trace) -> None:
        self._checkpoint = checkpoint
        self._trace = trace

    def begin(self, identity: Mapping[str, str]) -> None:
        """Start or resume a training."""
        self._checkpoint.begin(identity)

    def at(self, name: str) -> TracedCheckpoint:
        """The part of the checkpoint with this name."""
        return TracedCheckpoint(self._checkpoint.at(name), titled(self._trace, name.replace("-", " ")))

    def read(self) -> Fit[Any] | None:
        """The last saved state of this fit, if there is one."""
        return self._checkpoint.read()

    def write(self, fit: Fit[Any]) -> None:
        """Save the state of this fit, and trace its last iteration."""
        self._checkpoint.write(fit)
        *before, last = fit.log_likelihoods
        change = f", change {last - before[-1]:+.4f}" if before else ""
        self._trace(f"iteration {fit.n_iterations}: log-likelihood {last:.4f} per frame{change}")


def traced_losses(trace: Trace) -> Callable[[Sequence[float]], None]:
    """A monitor for `mixture.mmi.fit_mmi` that traces the loss of each iteration."""
    return lambda losses: trace(f"MMI iteration {len(losses) - 1}: loss {losses[-1]:.4f}")
