"""The record of a fit, iteration by iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.mixture.em import Fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in each iteration of a fit. Row 0 is the start, row i the state after i iterations.

    Attributes
    ----------
    columns : mapping of str to ndarray (n_iter + 1,)
        The quantities by name; ``trace["log_likelihood"]`` is one of them.
    parameters : sequence of mapping of str to ndarray
        The parameters of each row by name, such as "weights" and "means"; empty unless they were asked for.
    """

    columns: Mapping[str, Floats]
    parameters: Sequence[Mapping[str, Floats]] = ()

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __repr__(self) -> str:
        return f"Trace of {len(self) - 1} iterations: {', '.join(self.columns)}"

    def to_frame(self) -> Any:
        """A pandas.DataFrame of the columns, with the iterations as index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.columns).rename_axis("iteration")


@dataclass
class Recorder(Checkpoint):
    """A checkpoint that keeps the mixtures of each fit, if they are asked for, instead of saving them."""

    keep: bool
    mixtures: list[Mixture] = field(default_factory=list)
    parts: dict[str, Recorder] = field(default_factory=dict)

    def at(self, name: str) -> Recorder:
        """The recorder of one of several fits."""
        return self.parts.setdefault(name, Recorder(self.keep))

    def write(self, fit: Fit[Any]) -> None:
        """Keep the mixture of this state."""
        if self.keep:
            self.mixtures.append(fit.mixture)


def trace_of(fit: Fit[Any], mixtures: Sequence[Mixture]) -> Trace:
    """The record of a fit by EM.

    Parameters
    ----------
    fit : Fit
    mixtures : sequence of Mixture
        Those of the iterations, if their parameters are wanted.

    Returns
    -------
    Trace
        With the quantities of `em.Iteration`, in nats per row of the data, and `reseeded`: 1 if components were
        re-seeded or removed in this iteration, else 0.
    """
    names = ("log_likelihood", "auxiliary", "entropy", "bound", "raised", "gap", "log_prior", "objective")
    columns = {name: np.array([getattr(each, name) for each in fit.iterations]) for name in names}
    columns["reseeded"] = np.isin(np.arange(len(fit.iterations)), fit.reseeded_at).astype(np.float64)
    return Trace(columns, [parameters_of(mixture) for mixture in mixtures])


def parameters_of(mixture: Mixture) -> dict[str, Floats]:
    """The arrays of a mixture by name."""
    return {each.name: getattr(mixture, each.name) for each in fields(mixture)}
