"""Marks of mixtures and frames: points by responsibility, ellipses, and the density in bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from speechgmm.explanation.scene import Axis, Ellipse, Floats, Image, Line, Mark, Pixels, Points, component_colour
from speechgmm.mixture.full_gaussian import FullMixture
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.model import Mixture

BANDS = 8  # of the density, equal in log density
BAND_WIDTH = 1.0  # nats
BAND_COLOUR = (70, 130, 200)  # visible on light and dark ground
GRID = 120  # pixels of an image of the density, each way
RADII = (1.0, 2.0)  # standard deviations


def covariances_of(mixture: Mixture) -> Floats:
    """Covariance matrix of each component, (K, D, D)."""
    if isinstance(mixture, FullMixture):
        return mixture.covariances
    return diagonal(mixture).variances[:, :, np.newaxis] * np.eye(mixture.n_dimensions)


def means_of(mixture: Mixture) -> Floats:
    """Mean of each component, (K, D)."""
    return mixture.means if isinstance(mixture, FullMixture) else diagonal(mixture).means


def diagonal(mixture: Mixture) -> DiagonalMixture:
    """The mixture, which is one of Gaussians with diagonal covariances."""
    if not isinstance(mixture, DiagonalMixture):
        raise TypeError(f"{type(mixture).__name__} has no diagonal covariances")
    return mixture


def ellipses(mixture: Mixture) -> list[Mark]:
    """Each component in the plane: the ellipses at `RADII`, and a cross at the mean."""
    marks: list[Mark] = []
    for component, (mean, covariance) in enumerate(zip(means_of(mixture), covariances_of(mixture), strict=True)):
        root = np.linalg.cholesky(covariance)
        colour = component_colour(component)
        marks += [Ellipse(centre=mean, root=root, radius=each, colour=colour, dashed=each > 1.0) for each in RADII]
        marks.append(centres(mean[np.newaxis], [component]))
    return marks


def centres(points: Floats, components: Sequence[int] | None = None, label: str = "") -> Points:
    """Crosses at centres (K, 2), in the colours of their components."""
    chosen = range(len(points)) if components is None else components
    colours = np.array([component_colour(each) - 1 for each in chosen])
    shares = np.eye(colours.max() + 1)[colours]
    return Points(x=points[:, 0], y=points[:, 1], shares=shares, shape="cross", size=7.0, label=label)


def coloured(frames: Floats, shares: Floats, size: float = 3.0) -> Points:
    """Frames (T, 2) in the colours of their responsibilities (T, K)."""
    return Points(x=frames[:, 0], y=frames[:, 1], shares=shares, size=size)


def one_hot(assignments: npt.NDArray[np.intp], n_components: int) -> Floats:
    """Responsibilities (T, K) of hard assignments."""
    return np.eye(n_components)[assignments]


def density(mixture: Mixture, x: Axis, y: Axis) -> Image:
    """The density over a panel in bands of `BAND_WIDTH` nats below its peak: their edges are contours."""
    columns, rows = np.linspace(x.low, x.high, GRID), np.linspace(y.high, y.low, GRID)
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    heights = mixture.log_likelihoods(points).reshape(GRID, GRID)
    bands = np.clip(BANDS - np.floor((heights.max() - heights) / BAND_WIDTH), 0, BANDS)
    return shaded(bands / BANDS, x, y)


def shaded(darkness: Floats, x: Axis, y: Axis, most: float = 0.6) -> Image:
    """An image whose opacity is `darkness` (H, W), 0 to 1, at most `most`."""
    pixels: Pixels = np.empty((*darkness.shape, 4), dtype=np.uint8)
    pixels[..., :3] = BAND_COLOUR
    pixels[..., 3] = np.round(255.0 * most * darkness)
    return Image(pixels=pixels, extent=(x.low, x.high, y.low, y.high))


def curve(values: Sequence[float], colour: int = 1, label: str = "") -> Line:
    """Values against 0, 1, 2 ..."""
    return Line(x=np.arange(len(values), dtype=float), y=np.array(values, dtype=float), colour=colour, label=label)


def marker(x: float, y: float, colour: int = 0) -> Points:
    """The current point on a curve."""
    return Points(x=np.array([x]), y=np.array([y]), colour=colour, size=5.0)
