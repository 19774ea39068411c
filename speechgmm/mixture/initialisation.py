"""Where EM starts: k-means clusters of a sample of the frames become components."""

from __future__ import annotations

import numpy as np

from speechgmm.mixture.em import EMOptions, checked_moments, floor_variances
from speechgmm.mixture.gaussian import DiagonalMixture, Floats, Frames
from speechgmm.mixture.kmeans import Clustering, lloyd, seed_plus_plus

SAMPLE_PER_COMPONENT = 100  # frames drawn for each component


def start(
    frames: Frames,
    n_components: int,
    rng: np.random.Generator,
    *,
    frame_weights: Floats | None = None,
    options: EMOptions = EMOptions(),
) -> DiagonalMixture:
    """A mixture for EM to start from: k-means clusters of a sample of the frames, each feature scaled to variance 1.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_components : int
        K, at most T.
    rng : numpy.random.Generator
    frame_weights : ndarray (T,), optional
        The sample is drawn in proportion to them, without repetition; a frame of weight 0 is never drawn.
    options : EMOptions
        For the variance floor.

    Returns
    -------
    DiagonalMixture

    Raises
    ------
    TrainingError
        If there are fewer frames than components, or a frame is not finite.
    """
    mean, variance = checked_moments(frames, n_components, frame_weights)
    scale = np.sqrt(np.where(variance > 0, variance, 1.0))
    share = None if frame_weights is None else frame_weights / frame_weights.sum()
    n_drawable = len(frames) if share is None else int(np.count_nonzero(share))
    n_sample = min(n_drawable, SAMPLE_PER_COMPONENT * n_components)
    drawn = np.sort(rng.choice(len(frames), size=n_sample, replace=False, p=share))
    sample = (frames[drawn] - mean) / scale
    clustering = lloyd(sample, seed_plus_plus(sample, n_components, rng))
    return from_clustering(clustering, sample, floor_variances(variance, options) / scale**2, mean, scale)


def from_clustering(
    clustering: Clustering, sample: Floats, floor: Floats, mean: Floats, scale: Floats
) -> DiagonalMixture:
    """The mixture whose components are the clusters, in the units of the features.

    Parameters
    ----------
    clustering : Clustering
        K clusters of the sample; an empty one gets the weight of one frame.
    sample : ndarray (T, D)
        Features with `mean` taken off, divided by `scale`.
    floor : ndarray (D,)
        Least variances, of the scaled features.
    mean, scale : ndarray (D,)
        How to go back to the units of the features.

    Returns
    -------
    DiagonalMixture
    """
    counts = np.maximum(np.bincount(clustering.assignments, minlength=len(clustering.centers)), 1)
    squares = np.zeros_like(clustering.centers)
    np.add.at(squares, clustering.assignments, (sample - clustering.centers[clustering.assignments]) ** 2)
    variances = np.maximum(squares / counts[:, np.newaxis], floor)
    return DiagonalMixture(counts / counts.sum(), mean + scale * clustering.centers, variances * scale**2)
