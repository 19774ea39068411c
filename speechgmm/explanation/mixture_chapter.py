"""Chapter 1: what a mixture is."""

from __future__ import annotations

import numpy as np

from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Bars, Chapter, Figure, Floats, Line, Panel, Step, Variant
from speechgmm.explanation.traced_fit import fitted_diagonal
from speechgmm.explanation.views import coloured, density, ellipses, one_hot
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.information_criteria import aic, bic

SIZES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
EXAMPLE = DiagonalMixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[-1.5, 0.0], [1.5, 1.0], [1.0, -1.5]]),
    np.array([[0.6, 1.2], [0.8, 0.3], [0.3, 0.3]]),
)
N_BINS = 24

SAMPLING_CODE = """\
import numpy as np
from speechgmm.mixture.gaussian import DiagonalMixture

weights = np.array([0.5, 0.3, 0.2])
means = np.array([[-1.5, 0.0], [1.5, 1.0], [1.0, -1.5]])
variances = np.array([[0.6, 1.2], [0.8, 0.3], [0.3, 0.3]])
mixture = DiagonalMixture(weights, means, variances)
frames, components = mixture.sample(500, np.random.default_rng(1))
print(mixture.log_likelihoods(frames).mean())
"""
ONE_OR_TWO_CODE = """
from speechgmm.mixture import GaussianMixture

for n_components in (1, 2):
    mixture = GaussianMixture(n_components, random_state=0).fit(X[:, 1:])
    print(n_components, mixture.score(X[:, 1:]), mixture.aic(X[:, 1:]), mixture.bic(X[:, 1:]))
"""


def mixture_chapter(material: Material) -> Chapter:
    """Sampling, density and contours; one Gaussian against two."""
    return Chapter(
        name="mixture",
        title="What a mixture is",
        text="""
            A mixture describes frames that come from several sources. To draw a frame, first draw a component k with
            probability w_k, then draw the frame from the density of that component.

            Whoever sees the frames does not see the components. The density of a frame is therefore the sum over all
            components. To fit a mixture is to find weights, means and variances from the frames alone.
        """,
        figures=(sampling(), one_or_two(material)),
    )


def sampling() -> Figure:
    """Draw more and more frames from a known mixture."""
    frames, components = EXAMPLE.sample(SIZES[-1], np.random.default_rng(1))
    x, y = Axis(label="first feature", low=-4.5, high=4.5), Axis(label="second feature", low=-4.0, high=4.0)
    shares, levels = one_hot(components, 3), EXAMPLE.log_likelihoods(frames)
    steps = tuple(
        Step(
            label=f"{n} frames",
            marks=((coloured(frames[:n], shares[:n]), *ellipses(EXAMPLE)), (coloured(frames[:n], shares[:n], 1.5),)),
            numbers={
                "frames n": n,
                "mean log-likelihood (nats)": float(levels[:n].mean()),
                **{f"share of component {k + 1}": float(shares[:n, k].mean()) for k in range(3)},
            },
        )
        for n in SIZES
    )
    return Figure(
        name="sampling",
        title="Frames drawn from a mixture",
        panels=(
            Panel(title="Frames and their components", x=x, y=y),
            Panel(title="Density: the edges of the bands are contours", x=x, y=y, marks=(density(EXAMPLE, x, y),)),
        ),
        variants=(Variant(name="", steps=steps),),
        caption="""
            Left: frames in the colour of the component that they were drawn from, with the ellipses of one and two
            standard deviations. Right: the density that all components have together; each band is one nat lower than
            the one inside it. The shares approach the weights 0.5, 0.3 and 0.2.
        """,
        formula="p(x) = sum_k w_k N(x; m_k, v_k)",
        symbols={
            "w_k": "mixture.weights[k]",
            "m_k": "mixture.means[k]",
            "v_k": "mixture.variances[k]",
            "log p(x)": "mixture.log_likelihoods(frames)",
        },
        code=SAMPLING_CODE,
        start=6,
    )


def one_or_two(material: Material) -> Figure:
    """One to three Gaussians for one column that has two groups."""
    times: Floats = material.frames[:, 1:]
    x = Axis.of(material.columns[1], times, margin=0.15)
    counts, edges = np.histogram(times, bins=N_BINS)
    heights = counts / (len(times) * np.diff(edges))
    histogram = Bars(left=edges[:-1], right=edges[1:], bottom=np.zeros(N_BINS), top=heights, label="frames")
    grid = np.linspace(x.low, x.high, 161)
    steps = []
    for n_components in (1, 2, 3):
        mixture = fitted_diagonal(times, n_components)
        total = float(mixture.log_likelihoods(times).sum())
        parts = [
            Line(x=grid, y=weight * _gaussian(grid, mean[0], variance[0]), colour=k + 1, dashed=True)
            for k, (weight, mean, variance) in enumerate(
                zip(mixture.weights, mixture.means, mixture.variances, strict=True)
            )
        ]
        whole = Line(x=grid, y=np.exp(mixture.log_likelihoods(grid[:, np.newaxis])), label="density", width=2.5)
        steps.append(
            Step(
                label="1 Gaussian" if n_components == 1 else f"{n_components} Gaussians",
                marks=((*(parts if n_components > 1 else ()), whole),),
                numbers={
                    "log-likelihood per frame (nats)": total / len(times),
                    "AIC": aic(total, mixture.n_parameters),
                    "BIC": bic(total, mixture.n_parameters, len(times)),
                },
            )
        )
    return Figure(
        name="one-or-two",
        title="One Gaussian against two",
        panels=(
            Panel(
                title="",
                x=x,
                y=Axis(label="density", low=0.0, high=1.25 * heights.max()),
                marks=(histogram,),
                wide=True,
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            Histogram of one column and the density of fitted mixtures; dashed: the components times their weights.
            One Gaussian puts its peak where hardly any frame is. Two describe both groups. A third one gains little.
        """,
        formula="log L = sum_t log sum_k w_k N(x_t; m_k, v_k)",
        symbols={"log L / T": "mixture.score(X)", "w_k": "mixture.weights_[k]", "m_k": "mixture.means_[k]"},
        code=material.with_code(ONE_OR_TWO_CODE),
    )


def _gaussian(grid: Floats, mean: float, variance: float) -> Floats:
    density_of: Floats = np.exp(-0.5 * (grid - mean) ** 2 / variance) / np.sqrt(2.0 * np.pi * variance)
    return density_of
