"""Chapter 2: k-means, its seeds, and k-medoids."""

from __future__ import annotations

import numpy as np

from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Chapter, Figure, Floats, Line, Panel, Points, Step, Variant
from speechgmm.explanation.traced_fit import bad_points, nearest, standardised
from speechgmm.explanation.views import centres, coloured, curve, marker
from speechgmm.mixture.kmeans import Clustering, assign, centroids, lloyd, seed_plus_plus, squared_distances
from speechgmm.mixture.kmedoids import k_medoids

MOST_UPDATES = 12
BLOBS, PER_BLOB = np.array([[-3.0, -2.0], [-2.5, 2.5], [0.0, 0.2], [2.6, 2.4], [3.0, -2.2]]), 40
OUTLIER_DISTANCES = (0.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0)

LLOYD_CODE = """
from speechgmm.mixture import KMeans

X = (X - X.mean(axis=0)) / X.std(axis=0)
clusters = KMeans({n_components}, random_state=0).fit(X)
print(clusters.cluster_centers_, clusters.distortion_)
"""
SEEDS_CODE = """\
import numpy as np
from speechgmm.explanation.kmeans_chapter import blobs
from speechgmm.mixture.kmeans import seed_plus_plus, squared_distances

frames = blobs()
seeds = seed_plus_plus(frames, 5, np.random.default_rng(3))
chance = squared_distances(frames, seeds[:2]).min(axis=1)
print(seeds, chance / chance.sum())
"""
MEDOIDS_CODE = """\
import numpy as np
from speechgmm.explanation.kmeans_chapter import with_outlier
from speechgmm.mixture import KMeans, KMedoids

X = with_outlier(24.0)
print(KMeans(2, random_state=0).fit(X).cluster_centers_)
print(KMedoids(2, random_state=0).fit(X).cluster_centers_)
"""


def kmeans_chapter(material: Material) -> Chapter:
    """Lloyd's algorithm step by step, k-means++, and an outlier."""
    return Chapter(
        name="kmeans",
        title="k-means, step by step",
        text="""
            k-means looks for K centres such that the mean squared distance of the frames to their nearest centre is
            small: the distortion J. It repeats two steps. Assign: each frame belongs to its nearest centre. Move:
            each centre moves to the mean of its frames. Neither step can raise J.

            Columns of different units are first scaled to mean 0 and variance 1, because a distance counts all of
            them alike.
        """,
        figures=(lloyd_figure(material), seeds_figure(), outlier_figure()),
    )


def lloyd_states(frames: Floats, centers: Floats) -> list[tuple[str, Floats, Clustering]]:
    """Each half-step of Lloyd's algorithm: its name, the centres, and the assignment that is shown with them.

    After a move the assignment is that of the centres before it; its distortion is measured to the moved centres.
    """
    clustering = assign(frames, centers)
    states = [("assign 1", centers, clustering)]
    for update in range(1, MOST_UPDATES + 1):
        moved = centroids(frames, clustering)
        errors = ((frames - moved[clustering.assignments]) ** 2).sum(axis=1)
        states.append((f"move {update}", moved, Clustering(moved, clustering.assignments, float(errors.mean()))))
        after = assign(frames, moved)
        states.append((f"assign {update + 1}", moved, after))
        if np.array_equal(after.assignments, clustering.assignments):
            break
        clustering = after
    return states


def lloyd_figure(material: Material) -> Figure:
    """Assign and move, with the distortion of each half-step."""
    frames, k = standardised(material.frames), material.n_components
    starts = {
        "centres close together": bad_points(frames, k),
        "k-means++ seeds": seed_plus_plus(frames, k, np.random.default_rng(1)),
    }
    runs = {name: lloyd_states(frames, centers) for name, centers in starts.items()}
    longest = max(len(states) for states in runs.values())
    first = max(states[0][2].distortion for states in runs.values())
    x, y = (Axis.of(f"{name}, scaled", values) for name, values in zip(material.columns, frames.T, strict=True))
    return Figure(
        name="lloyd",
        title="Assign, move, repeat",
        panels=(
            Panel(title="Frames in the colour of their centre", x=x, y=y),
            Panel(
                title="Distortion J",
                x=Axis(label="half-step", low=-0.5, high=longest - 0.5),
                y=Axis(label="J", low=0.0, high=1.08 * first),
            ),
        ),
        variants=tuple(Variant(name=name, steps=_lloyd_steps(frames, states)) for name, states in runs.items()),
        source=material.source,
        caption="""
            Crosses: centres. J falls with every half-step until the assignment stays the same.
        """,
        formula="J = 1/T sum_t min_k |x_t - m_k|^2",
        symbols={"J": "clusters.distortion_", "m_k": "clusters.cluster_centers_[k]"},
        code=material.with_code(LLOYD_CODE),
    )


def _lloyd_steps(frames: Floats, states: list[tuple[str, Floats, Clustering]]) -> tuple[Step, ...]:
    distortions = [clustering.distortion for _, _, clustering in states]
    steps = []
    for number, (label, centers, clustering) in enumerate(states):
        shares = np.eye(len(centers))[clustering.assignments]
        steps.append(
            Step(
                label=label,
                marks=(
                    (coloured(frames, shares), centres(centers)),
                    (curve(distortions[: number + 1]), marker(number, distortions[number])),
                ),
                numbers={"distortion J": distortions[number]},
            )
        )
    return tuple(steps)


def blobs() -> Floats:
    """Five groups of frames, (200, 2)."""
    rng = np.random.default_rng(0)
    frames: Floats = np.repeat(BLOBS, PER_BLOB, axis=0) + 0.55 * rng.standard_normal((len(BLOBS) * PER_BLOB, 2))
    return frames


def seeds_figure() -> Figure:
    """The seeds of k-means++ one by one, with the chance of each frame to be the next."""
    frames, k = blobs(), len(BLOBS)
    seeds = seed_plus_plus(frames, k, np.random.default_rng(3))
    x, y = Axis.of("first feature", frames[:, 0]), Axis.of("second feature", frames[:, 1])
    steps = []
    for n in range(1, k + 1):
        chance = squared_distances(frames, seeds[:n]).min(axis=1)
        shown = Points(x=frames[:, 0], y=frames[:, 1], colour=0, size=1.0 + 5.0 * np.sqrt(chance / chance.max()))
        clustering = lloyd(frames, seeds[:n], max_iterations=50)
        steps.append(
            Step(
                label=f"{n} seed" + "s" * (n > 1),
                marks=(
                    (shown, centres(seeds[:n])),
                    (coloured(frames, nearest(frames, seeds[:n])), centres(seeds[:n])),
                ),
                numbers={
                    "J with these seeds": float(chance.mean()),
                    "J after k-means from them": clustering.distortion,
                },
            )
        )
    return Figure(
        name="seeds",
        title="k-means++ chooses seeds that are far apart",
        panels=(
            Panel(title="Size of a frame: its chance to be the next seed", x=x, y=y),
            Panel(title="Nearest seed", x=x, y=y),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            The first seed is a random frame. Each further one is drawn with a probability proportional to the squared
            distance to the nearest seed, a few times, and the draw with the smallest J is kept.
        """,
        formula="P(x_t is next) = d_t^2 / sum_s d_s^2,   d_t = min_k |x_t - m_k|",
        symbols={"d_t^2": "squared_distances(frames, seeds).min(axis=1)", "m_k": "seeds[k]"},
        code=SEEDS_CODE,
    )


def with_outlier(distance: float) -> Floats:
    """Two groups of frames and one frame at this distance to their right, (61, 2)."""
    rng = np.random.default_rng(5)
    groups = np.repeat([[-2.0, 0.0], [2.0, 0.0]], 30, axis=0) + 0.5 * rng.standard_normal((60, 2))
    frames: Floats = np.concatenate([groups, [[2.0 + distance, 0.0]]])
    return frames


def _best_of_starts(frames: Floats) -> Clustering:
    """Two clusters by k-means, the best of five starts."""
    runs = (
        lloyd(frames, seed_plus_plus(frames, 2, np.random.default_rng(seed)), max_iterations=50) for seed in range(5)
    )
    return min(runs, key=lambda run: run.distortion)


def outlier_figure() -> Figure:
    """The same frames with an outlier farther and farther away: means follow it, medoids do not."""
    x = Axis(label="first feature", low=-4.5, high=3.0 + OUTLIER_DISTANCES[-1])
    y = Axis(label="second feature", low=-3.0, high=3.0)
    steps = []
    for distance in OUTLIER_DISTANCES:
        frames = with_outlier(distance)
        means = _best_of_starts(frames).centers
        medoids = frames[k_medoids(frames, 2, np.random.default_rng(0)).indices]
        means, medoids = (each[np.argsort(each[:, 0])] for each in (means, medoids))
        outlier = Line(x=np.full(2, 2.0 + distance), y=np.array([-0.8, 0.8]), dashed=True, width=1.0)
        steps.append(
            Step(
                label=f"outlier at distance {distance:g}",
                marks=tuple(
                    (coloured(frames, nearest(frames, each)), outlier, centres(each)) for each in (means, medoids)
                ),
                numbers={
                    "k-means: first feature of the right centre": float(means[1, 0]),
                    "k-medoids: first feature of the right centre": float(medoids[1, 0]),
                },
            )
        )
    return Figure(
        name="outlier",
        title="k-medoids and an outlier",
        panels=(
            Panel(title="k-means: centres are means", x=x, y=y),
            Panel(title="k-medoids: centres are frames", x=x, y=y),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            One frame moves to the right (dashed). A mean follows it, because squared distances count far frames most;
            at last the outlier has a cluster of its own. k-medoids takes distances that are not squared, and its
            centres are frames of the groups.
        """,
        formula="k-medoids: sum_t min_k |x_t - x_i(k)| is least over frames i(1), ..., i(K)",
        symbols={"x_i(k)": "KMedoids(2).fit(X).cluster_centers_[k]"},
        code=MEDOIDS_CODE,
    )
