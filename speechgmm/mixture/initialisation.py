"""Where EM starts: a sample of the frames, and one of four ways to make a first mixture of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.em import SPLIT_OFFSET, EMOptions, checked_moments, fit, floor_variances
from speechgmm.mixture.estep import Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.kmeans import Clustering, Vectors, assign, lloyd, seed_plus_plus
from speechgmm.mixture.kmedoids import k_medoids
from speechgmm.mixture.statistics import moments

START_METHODS = ("kmeans", "random", "medoids", "split")

SAMPLE_PER_COMPONENT, LEAST_SAMPLE = 25, 2000  # frames drawn; after EM, a sample four times as large ends no better
SPLIT_SAMPLE_PER_COMPONENT = 100  # EM runs on them
MEDOID_SAMPLE_PER_COMPONENT, MEDOID_SAMPLE = 50, 4000  # for k-medoids, whose time grows with the square of the sample
SPLIT_ITERATIONS = 8  # of EM on the sample between one round of splits and the next
LEAST_SHARE = 1e-3  # of a frame


def start(
    frames: Frames,
    n_components: int,
    rng: np.random.Generator,
    *,
    method: str = "kmeans",
    frame_weights: Floats | None = None,
    options: EMOptions = EMOptions(),
) -> DiagonalMixture:
    """A mixture for EM to start from, made of a sample of the frames.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_components : int
        K, at most T.
    rng : numpy.random.Generator
    method : str
        - "kmeans": clusters of k-means become components, each feature scaled to variance 1.
        - "random": random frames, different ones where there are enough, become the means of equal components.
        - "medoids": clusters around K medoids become components, each feature scaled to variance 1. Means are frames.
        - "split": one Gaussian is split, and EM run on the sample, until there are enough: see `split_to`.
    frame_weights : ndarray (T,), optional
        The sample is drawn in proportion to them, without repetition; a frame of weight 0 is never drawn.
    options : EMOptions
        For the variance floor.

    Returns
    -------
    DiagonalMixture

    Raises
    ------
    OptionError
        If there is no such method.
    TrainingError
        If there are fewer frames than components, or a frame is not finite.
    """
    check_method(method)
    mean, variance = checked_moments(frames, n_components, frame_weights)
    floor = floor_variances(variance, options)
    share = None if frame_weights is None else frame_weights / frame_weights.sum()
    n_drawable = len(frames) if share is None else int(np.count_nonzero(share))
    n_sample = min(n_drawable, sample_size(method, n_components))
    drawn = frames[np.sort(rng.choice(len(frames), size=n_sample, replace=False, p=share))]
    if method == "random":
        means = distinct_frames(drawn, n_components, rng)
        variances = np.tile(np.maximum(variance, floor), (n_components, 1))
        return DiagonalMixture(np.full(n_components, 1 / n_components), means, variances)
    if method == "split":
        return split_to(n_components, drawn, floor, options)
    scale = np.sqrt(np.where(variance > 0, variance, 1.0))
    sample = ((drawn - mean) / scale).astype(frames.dtype)
    if method == "medoids":
        clustering = assign(sample, sample[k_medoids(sample.astype(np.float64), n_components, rng).indices])
    else:
        clustering = lloyd(sample, seed_plus_plus(sample, n_components, rng))
    return from_clustering(clustering, sample, floor / scale**2, mean, scale)


def check_method(method: str) -> None:
    """Refuse a method that is none of `START_METHODS`.

    Raises
    ------
    OptionError
    """
    if method not in START_METHODS:
        raise OptionError(f"the start is {method!r}, but it must be one of {', '.join(START_METHODS)}")


def sample_size(method: str, n_components: int) -> int:
    """How many frames a start is made of, where there are so many; never fewer than components."""
    if method == "medoids":
        return max(n_components, min(MEDOID_SAMPLE_PER_COMPONENT * n_components, MEDOID_SAMPLE))
    if method == "split":
        return SPLIT_SAMPLE_PER_COMPONENT * n_components
    return max(LEAST_SAMPLE, SAMPLE_PER_COMPONENT * n_components)


def distinct_frames(frames: Frames, n_frames: int, rng: np.random.Generator) -> Floats:
    """Draw frames, no two equal; where there are too few different ones, all of these again and again.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_frames : int
        K.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray (K, D) of float64
    """
    shuffled = rng.permutation(frames)
    _, first = np.unique(shuffled, axis=0, return_index=True)
    return shuffled[np.resize(np.sort(first), n_frames)].astype(np.float64)


def split_to(n_components: int, frames: Frames, floor: Floats, options: EMOptions) -> DiagonalMixture:
    """Grow a mixture from a single Gaussian by binary splitting (as HTK and Kaldi do), up to doubling it in a round.

    Between one round and the next come `SPLIT_ITERATIONS` of EM, after the last none.

    Parameters
    ----------
    n_components : int
        K, at most T.
    frames : ndarray (T, D)
    floor : ndarray (D,)
        Least variances.
    options : EMOptions

    Returns
    -------
    DiagonalMixture
    """
    mean, variance = moments(frames)
    mixture = DiagonalMixture(np.ones(1), mean[np.newaxis], np.maximum(variance, floor)[np.newaxis])
    # The first updates after a split gain little, and on a sample every component may stay that owns any of it.
    brief = replace(options, max_iterations=SPLIT_ITERATIONS, tolerance=0.0, min_occupancy=LEAST_SHARE)
    while mixture.n_components < n_components:
        if mixture.n_components > 1:
            fitted = fit(frames, mixture, options=brief)
            mixture = mixture if fitted.n_pruned else fitted.mixture
        mixture = split_once(mixture, n_components - mixture.n_components)
    return DiagonalMixture(mixture.weights, mixture.means, np.maximum(mixture.variances, floor))


def split_once(mixture: DiagonalMixture, n_splits: int) -> DiagonalMixture:
    """Replace each of the heaviest components by two halves, `SPLIT_OFFSET` standard deviations to either side.

    No half is split again: if it were, two of the four quarters could meet where the component was, and EM would
    never part them.

    Parameters
    ----------
    mixture : DiagonalMixture
        Of K components.
    n_splits : int
        How many to split; all of them where it is more than K.

    Returns
    -------
    DiagonalMixture
        Of at most 2 K components.
    """
    heaviest = np.argsort(-mixture.weights, kind="stable")[:n_splits]
    shift = np.zeros_like(mixture.means)
    shift[heaviest] = SPLIT_OFFSET * np.sqrt(mixture.variances[heaviest])
    weights = mixture.weights.copy()
    weights[heaviest] /= 2
    return DiagonalMixture(
        np.append(weights, weights[heaviest]),
        np.vstack([mixture.means - shift, (mixture.means + shift)[heaviest]]),
        np.vstack([mixture.variances, mixture.variances[heaviest]]),
    )


def from_clustering(
    clustering: Clustering, sample: Vectors, floor: Floats, mean: Floats, scale: Floats
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
    errors = (sample - clustering.centers[clustering.assignments]) ** 2
    squares = np.stack([np.bincount(clustering.assignments, column, len(counts)) for column in errors.T], axis=1)
    variances = np.maximum(squares / counts[:, np.newaxis], floor)
    return DiagonalMixture(counts / counts.sum(), mean + scale * clustering.centers, variances * scale**2)
