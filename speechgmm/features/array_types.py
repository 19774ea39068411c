"""Array types of the front end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Shape (n,), full scale at -1 and 1."""

Features = npt.NDArray[np.float32]
"""Shape (T, D): T frames of log mel bands, cepstra or patterns; also a single row of D values."""

FrameMask = npt.NDArray[np.bool_]
"""Shape (T,): which frames are selected."""
