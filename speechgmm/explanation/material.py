"""The frames that the chapters show: Old Faithful, unless the user gives a table."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from speechgmm.explanation.scene import Axis, Floats

OLD_FAITHFUL_SOURCE = (
    "Old Faithful: the duration of 272 eruptions of the geyser in Yellowstone National Park and the time to the next "
    "one, in minutes (Azzalini and Bowman 1990, Applied Statistics 39, 357-365; the data set `faithful` of R)."
)
OLD_FAITHFUL_CODE = "from speechgmm.explanation.material import old_faithful\n\nX = old_faithful().frames\n"


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Frames in the plane and how to model them.

    Attributes
    ----------
    frames : ndarray (T, 2)
    columns : tuple of str
        Names of the two columns.
    source : str
        Where the frames are from, and what was done to them.
    code : str
        Python that makes them, as `X`.
    n_components : int
        K, at most the number of distinct frames.
    covariance : str
        Type of the covariances, as of `mixture.GaussianMixture`.
    recording : Path, optional
        For the last chapter; by default it has a synthetic voice.
    left_out : tuple of str
        Columns of the user's table that were not chosen, as in `table_columns.Columns`.
    """

    frames: Floats
    columns: tuple[str, str]
    source: str
    code: str
    n_components: int = 2
    covariance: str = "full"
    recording: Path | None = None
    left_out: tuple[str, ...] = ()

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The axes of a panel around the frames."""
        return Axis.of(self.columns[0], self.frames[:, 0]), Axis.of(self.columns[1], self.frames[:, 1])

    def with_code(self, code: str) -> str:
        """Python that makes the frames, then this code with ``{n_components}`` and ``{covariance}`` filled in."""
        lines = (self.code + code.format(n_components=self.n_components, covariance=self.covariance)).splitlines()
        imports = [line for line in lines if line.startswith(("from ", "import "))]
        others = "\n".join(line for line in lines if line not in imports)
        return "\n".join(imports) + "\n\n" + re.sub(r"\n\n+", "\n", others).strip() + "\n"


def old_faithful() -> Material:
    """Eruptions of Old Faithful: duration and time to the next one, (272, 2), in minutes."""
    text = resources.files("speechgmm.explanation").joinpath("old_faithful.csv").read_text(encoding="utf-8")
    return Material(
        frames=np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1),
        columns=("duration (min)", "time to the next (min)"),
        source=OLD_FAITHFUL_SOURCE,
        code=OLD_FAITHFUL_CODE,
    )
