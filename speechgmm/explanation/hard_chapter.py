"""Chapter 5: hard against soft EM, and k-means as their limit."""

from __future__ import annotations

import numpy as np

from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Chapter, Figure, Floats, Panel, Step, Variant
from speechgmm.explanation.traced_fit import (
    Traced,
    bad_points,
    family_of,
    nearest,
    options_of,
    standardised,
    starts_of,
    traced,
)
from speechgmm.explanation.views import centres, coloured, curve, ellipses, marker
from speechgmm.mixture.estep import Axes
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.kmeans import assign, centroids
from speechgmm.mixture.statistics import Statistics, accumulate

VARIANCES = (3.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)
SHARED_VARIANCE = 0.7  # of k-means as hard EM; any value gives the same steps
KMEANS_UPDATES = 8

HARD_CODE = """
from speechgmm.mixture import GaussianMixture

model = GaussianMixture({n_components}, covariance_type="{covariance}", random_state=0)
for algorithm in ("soft", "hard"):
    mixture = model.set_params(algorithm=algorithm).fit(X)
    print(algorithm, mixture.means_, mixture.score(X))
"""
LIMIT_CODE = """
import numpy as np
from speechgmm.mixture.estep import Axes
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.kmeans import assign, centroids
from speechgmm.mixture.statistics import accumulate

X = (X - X.mean(axis=0)) / X.std(axis=0)
K, axes = {n_components}, Axes.gaussian(np.zeros(2), np.ones(2))
centers = X[:K]
for v in (1.0, 0.1, 0.001):
    mixture = DiagonalMixture(np.full(K, 1 / K), centers, np.full((K, 2), v))
    statistics = accumulate(mixture, X, axes=axes)
    means = statistics.first / statistics.occupancies[:, np.newaxis]
    print(v, np.abs(means - centroids(X, assign(X, centers))).max())
"""


def hard_chapter(material: Material) -> Chapter:
    """Soft and hard EM side by side; k-means as hard EM, and as the limit of soft EM."""
    return Chapter(
        name="hard",
        title="Hard against soft",
        text="""
            Hard EM (Viterbi training) gives each frame wholly to its most likely component. It raises another
            objective, the joint log-likelihood of frames and components, in fewer iterations. Where components
            overlap, it cuts their tails off: variances become too small and the means move apart.

            k-means is hard EM with equal weights and one spherical variance v that is the same for all components. It
            is also the limit of soft EM as v goes to zero.
        """,
        figures=(soft_and_hard(material), kmeans_as_hard(material), vanishing_variance(material)),
    )


def soft_and_hard(material: Material) -> Figure:
    """The same start, by soft and by hard EM."""
    frames = material.frames
    family = family_of(frames, material.covariance)
    x, y = material.axes
    variants = []
    for name, start in starts_of(frames, material.n_components, family).items():
        soft, hard = (traced(frames, start, family, options=options_of(hard=each)) for each in (False, True))
        shown = max(soft.shown(), hard.shown(), key=len)
        steps = tuple(_pair(frames, soft, hard, iteration) for iteration in shown)
        variants.append(Variant(name=name, steps=steps))
    return Figure(
        name="soft-hard",
        title="Soft and hard EM from the same start",
        panels=(Panel(title="Soft EM", x=x, y=y), Panel(title="Hard EM", x=x, y=y)),
        variants=tuple(variants),
        caption="""
            Frames in the colours of their responsibilities, of which hard EM has 0 and 1 only. From a bad start hard
            EM stops early, because frames that do not change their component hold it where it is. The two
            log-likelihoods are of different objectives: that of hard EM is the joint one, which is never higher.
        """,
        source=material.source,
        formula="soft: g_tk = p(k | x_t);   hard: g_tk = 1 for k = argmax_j w_j p_j(x_t), else 0",
        symbols={"hard": 'GaussianMixture(algorithm="hard"), EMOptions.hard', "g_tk": "keep_best(block)"},
        code=material.with_code(HARD_CODE),
    )


def _pair(frames: Floats, soft: Traced, hard: Traced, iteration: int) -> Step:
    """Both fits after an iteration; one that has ended stays as it is."""
    marks, numbers = [], {}
    for name, run in (("soft", soft), ("hard", hard)):
        at = min(iteration, run.fit.n_iterations)
        marks.append((coloured(frames, run.shares(at, frames)), *ellipses(run.mixtures[at])))
        numbers[f"{name}: log-likelihood"] = run.fit.iterations[at].log_likelihood
        numbers[f"{name}: entropy"] = run.fit.iterations[at].entropy
    return Step(label=f"iteration {iteration}", marks=tuple(marks), numbers=numbers)


def _spherical(centers: Floats, variance: float) -> DiagonalMixture:
    """Equal weights and one variance."""
    k = len(centers)
    return DiagonalMixture(np.full(k, 1.0 / k), centers, np.full(centers.shape, variance))


def _unit_axes(n_dimensions: int) -> Axes:
    return Axes.gaussian(np.zeros(n_dimensions), np.ones(n_dimensions))


def distortion_of_hard(statistics: Statistics, n_components: int, variance: float) -> float:
    """The distortion J that the log-likelihood of hard EM with one spherical variance implies."""
    n_dimensions = len(statistics.center)
    constant = -np.log(n_components) - 0.5 * n_dimensions * np.log(2.0 * np.pi * variance)
    return float(-2.0 * variance * (statistics.log_likelihood / statistics.n_frames - constant))


def kmeans_as_hard(material: Material) -> Figure:
    """Each update of k-means beside the hard E-step and M-step with one spherical variance."""
    frames, k = standardised(material.frames), material.n_components
    x, y = _scaled_axes(material, frames)
    by_kmeans = by_hard = bad_points(frames, k)
    steps: list[Step] = []
    levels: list[float] = []
    for update in range(KMEANS_UPDATES + 1):
        clustering = assign(frames, by_kmeans)
        mixture = _spherical(by_hard, SHARED_VARIANCE)
        statistics = accumulate(mixture, frames, axes=_unit_axes(2), hard=True)
        levels.append(clustering.distortion)
        shares = np.eye(k)[mixture.responsibilities(frames).argmax(axis=1)]
        steps.append(
            Step(
                label=f"update {update}",
                marks=(
                    (coloured(frames, nearest(frames, by_kmeans)), centres(by_kmeans)),
                    (coloured(frames, shares), *ellipses(mixture)),
                ),
                numbers={
                    "J of k-means": clustering.distortion,
                    "J from the likelihood of hard EM": distortion_of_hard(statistics, k, SHARED_VARIANCE),
                    "greatest difference of the centres": float(np.abs(by_kmeans - by_hard).max()),
                },
            )
        )
        if (update and levels[-1] >= levels[-2]) or not statistics.occupancies.all():
            break
        by_kmeans = centroids(frames, clustering)
        by_hard = statistics.first / statistics.occupancies[:, np.newaxis]
    return Figure(
        name="kmeans-hard",
        title="k-means is hard EM with one spherical variance",
        panels=(Panel(title="k-means", x=x, y=y), Panel(title="Hard EM, equal weights, one variance", x=x, y=y)),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            Both begin with the same centres. Every assignment and every centre is the same, and the log-likelihood of
            hard EM is the distortion J up to a factor and a constant.
        """,
        source=material.source,
        formula="J = -2 v (log L / T - log 1/K + D/2 log 2 pi v)",
        symbols={"J": "assign(X, centers).distortion", "log L": "accumulate(..., hard=True).log_likelihood"},
        code=material.with_code(LIMIT_CODE),
    )


def vanishing_variance(material: Material) -> Figure:
    """One soft M-step at smaller and smaller variance: it becomes that of k-means."""
    frames, k = standardised(material.frames), material.n_components
    x, y = _scaled_axes(material, frames)
    centers = bad_points(frames, k, spread=0.7)
    expected = centroids(frames, assign(frames, centers))
    steps: list[Step] = []
    differences: list[float] = []
    for number, variance in enumerate(VARIANCES):
        mixture = _spherical(centers, variance)
        statistics = accumulate(mixture, frames, axes=_unit_axes(2))
        moved = statistics.first / statistics.occupancies[:, np.newaxis]
        differences.append(float(np.abs(moved - expected).max()))
        shown = coloured(frames, mixture.responsibilities(frames))
        steps.append(
            Step(
                label=f"v = {variance:g}",
                marks=(
                    (shown, centres(moved)),
                    (curve(differences), marker(number, differences[-1])),
                ),
                numbers={
                    "variance v": variance,
                    "entropy of the responsibilities": statistics.entropy / statistics.n_frames,
                    "greatest difference from the centres of k-means": differences[-1],
                },
            )
        )
    return Figure(
        name="vanishing-variance",
        title="k-means is the limit of vanishing variance",
        panels=(
            Panel(title="Responsibilities, and the means after one M-step", x=x, y=y),
            Panel(
                title="Difference from the centres of k-means",
                x=Axis(label="step: v becomes smaller", low=-0.5, high=len(VARIANCES) - 0.5),
                y=Axis(label="standard deviations", low=-0.02, high=1.1 * max(differences) + 0.01),
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            Move the slider: the variance v that all components share becomes smaller, and the colours become pure.
            The means after one M-step become those of one update of k-means.
        """,
        source=material.source,
        formula="g_tk = exp(-|x_t - m_k|^2 / 2v) / sum_j exp(-|x_t - m_j|^2 / 2v)",
        symbols={"v": "DiagonalMixture.variances", "m_k": "statistics.first / statistics.occupancies"},
        code=material.with_code(LIMIT_CODE),
    )


def _scaled_axes(material: Material, frames: Floats) -> tuple[Axis, Axis]:
    names = material.columns
    return Axis.of(f"{names[0]}, scaled", frames[:, 0]), Axis.of(f"{names[1]}, scaled", frames[:, 1])
