"""Chapter 9: MAP adaptation, and discriminative training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speechgmm.explanation.material import Material, old_faithful
from speechgmm.explanation.scene import (
    Axis,
    Bars,
    Chapter,
    Ellipse,
    Figure,
    Floats,
    Image,
    Line,
    Panel,
    Pixels,
    Points,
    Step,
    Variant,
)
from speechgmm.explanation.traced_fit import fitted_diagonal, options_of
from speechgmm.explanation.views import coloured, ellipses, one_hot
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.map_adaptation import fit_adapted
from speechgmm.mixture.mmi import Cases, MMIOptions, fit_mmi, likeliest
from speechgmm.mixture.statistics import accumulate
from speechgmm.mixture.tied import SHARPNESS, TiedModels, centred_statistics

RELEVANCES = (1000.0, 300.0, 100.0, 50.0, 16.0, 8.0, 4.0, 1.0, 0.1)
SHIFT, N_NEW = np.array([0.35, -9.0]), 24
ITERATIONS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 25)
GRID = 90
SIDES = np.array([[31, 95, 168], [180, 83, 10]])  # the colours of the two classes

MAP_CODE = """\
from speechgmm.explanation.adaptation_chapter import background, new_frames
from speechgmm.mixture.map_adaptation import fit_adapted

adapted = fit_adapted(new_frames(), background(), relevance=16.0)
print(background().means, adapted.mixture.means)
"""
MMI_CODE = """\
from speechgmm.explanation.adaptation_chapter import two_classes, single_frames, shared_mixture
from speechgmm.mixture.mmi import MMIOptions, fit_mmi, likeliest

frames, labels = two_classes()
mixture = shared_mixture(frames)
cases = single_frames(mixture, frames, labels)
start = likeliest(cases, mixture.weights)
fitted = fit_mmi(cases, start, mixture.weights, MMIOptions(iterations=25, i_smoothing=0.01))
print(fitted.losses)
"""


def adaptation_chapter(material: Material) -> Chapter:
    """Relevance, and what moves when classes are separated. The data are the same whatever the material is."""
    return Chapter(
        name="adaptation",
        title="MAP adaptation and discriminative training",
        text="""
            Few frames do not suffice for a mixture of their own. MAP adaptation starts from a background mixture of
            many frames and moves each component toward the new frames, by a share that grows with the number of
            frames that it is responsible for. Components without new frames stay where they are.

            Maximum likelihood describes each class as well as possible, also where this does not help to tell the
            classes apart. Discriminative training (MMI) moves what decides: the parameters near the boundary, for the
            frames that are on the wrong side of it.
        """,
        figures=(map_figure(), mmi_figure()),
    )


def background() -> DiagonalMixture:
    """Three components fitted to Old Faithful."""
    return fitted_diagonal(old_faithful().frames, 3)


def new_frames() -> Floats:
    """A few frames of the group of long eruptions, shifted, (24, 2)."""
    frames = old_faithful().frames
    long = frames[frames[:, 0] > 4.0]
    drawn: Floats = np.random.default_rng(1).choice(long, N_NEW, replace=False) + SHIFT
    return drawn


def map_figure() -> Figure:
    """The adapted mixture at smaller and smaller relevance factors."""
    base, new = background(), new_frames()
    frames = old_faithful().frames
    x, y = Axis.of("duration (min)", frames[:, 0]), Axis.of("time to the next (min)", frames[:, 1])
    still = [replace(each, colour=0, width=1.0) for each in ellipses(base) if isinstance(each, Ellipse)]
    old = Points(x=frames[:, 0], y=frames[:, 1], size=1.2)
    places = np.arange(3.0)
    steps = []
    for relevance in RELEVANCES:
        mixture = fit_adapted(new, base, relevance=relevance, options=options_of()).mixture
        counts = accumulate(mixture, new, axes=mixture.axes).occupancies
        share = counts / (counts + relevance)
        bars = Bars(left=places + 0.6, right=places + 1.4, bottom=np.zeros(3), top=share, colour=1)
        steps.append(
            Step(
                label=f"relevance factor {relevance:g}",
                marks=((coloured(new, mixture.responsibilities(new), 4.0), *ellipses(mixture)), (bars,)),
                numbers={
                    "relevance r": relevance,
                    **{f"a_{k + 1}": float(share[k]) for k in range(3)},
                    "log-likelihood of the new frames": float(mixture.log_likelihoods(new).mean()),
                },
            )
        )
    return Figure(
        name="map",
        title="From the background to the new frames",
        panels=(
            Panel(title="Dashed: the background. Large dots: the new frames", x=x, y=y, marks=(old, *still)),
            Panel(
                title="Share a_k of the new frames",
                x=Axis(label="component", low=0.4, high=3.6),
                y=Axis(label="a_k", low=0.0, high=1.05),
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            At a relevance factor of 1000 frames, 24 new ones change nothing. At 16 the component that they belong to
            is more than half way to them. At nearly 0 it is fitted to them alone, and components with a fraction of a
            frame move as well: the frames decide about more than they know.
        """,
        source="the background is Old Faithful; the new frames are long eruptions of it, shifted.",
        formula="a_k = n_k / (n_k + r),   m_k' = a_k E_k[x] + (1 - a_k) m_k",
        symbols={"r": "relevance", "m_k'": "adapted.mixture.means[k]", "n_k": "statistics.occupancies[k]"},
        code=MAP_CODE,
    )


def two_classes() -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Frames of two classes that two groups each do not describe well, (240, 2), and their classes (240,)."""
    rng = np.random.default_rng(3)
    first = np.concatenate([rng.normal([-2.0, 1.5], [0.6, 0.5], (90, 2)), rng.normal([0.2, -0.2], [0.9, 0.5], (30, 2))])
    second = np.concatenate([rng.normal([2.0, 1.0], [0.5, 1.0], (90, 2)), rng.normal([0.0, 1.6], [0.7, 0.4], (30, 2))])
    return np.concatenate([first, second]), np.repeat([0, 1], 120)


def shared_mixture(frames: Floats) -> DiagonalMixture:
    """The background mixture that both classes share."""
    return fitted_diagonal(frames, 4)


def single_frames(mixture: DiagonalMixture, frames: Floats, labels: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Cases:
    """Each frame as an utterance of its own."""
    statistics = np.stack([centred_statistics(mixture, frame[np.newaxis]) for frame in frames])
    return Cases(statistics.astype(np.float32), one_hot(labels, 2) > 0, np.full(len(frames), 1.0 / len(frames)))


def mmi_figure() -> Figure:
    """The boundary of two classes before and during discriminative training."""
    frames, labels = two_classes()
    mixture = shared_mixture(frames)
    cases = single_frames(mixture, frames, labels)
    start = likeliest(cases, mixture.weights)
    x, y = Axis.of("first feature", frames[:, 0]), Axis.of("second feature", frames[:, 1])
    steps, losses = [], []
    for n in ITERATIONS:
        coefficients, loss = start, np.nan
        if n:
            fitted = fit_mmi(cases, start, mixture.weights, MMIOptions(iterations=n, i_smoothing=0.01))
            coefficients, loss = fitted.coefficients, fitted.losses[-1]
        else:
            loss = fit_mmi(cases, start, mixture.weights, MMIOptions(iterations=1, i_smoothing=0.01)).losses[0]
        losses.append(loss)
        models = TiedModels(mixture, coefficients)
        ratios = models.log_ratios(frames)
        wrong = ratios.argmax(axis=1) != labels
        circles = Points(x=frames[wrong, 0], y=frames[wrong, 1], colour=0, size=5.5)
        means = [_tied_means(mixture, coefficients[h], h + 1) for h in range(2)]
        steps.append(
            Step(
                label="maximum likelihood" if n == 0 else f"MMI, iteration {n}",
                marks=(
                    (boundary(models, x, y), circles, coloured(frames, one_hot(labels, 2)), *means),
                    (Line(x=np.array(ITERATIONS[: len(losses)], dtype=float), y=np.array(losses), colour=1),),
                ),
                numbers={"loss L": loss, "frames on the wrong side": int(wrong.sum())},
            )
        )
    return Figure(
        name="mmi",
        title="Two classes: describe them, or tell them apart",
        panels=(
            Panel(title="Ground: the probability of each class. Ringed: wrong", x=x, y=y),
            Panel(
                title="Loss: negative log posterior of the truth",
                x=Axis(label="iteration", low=-0.5, high=ITERATIONS[-1] + 0.5),
                y=Axis.of("nats", [0.0, *losses]),
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            Crosses: the means of each class's components, tied to one background mixture. From maximum likelihood on,
            each iteration moves them so that the truth becomes more probable. They no longer lie where the frames are
            densest, because only the difference of the two classes counts.
        """,
        source="two synthetic classes of 120 frames; each frame is an utterance of its own.",
        formula="L = - sum_u W_u log P(A_u | u) + penalty,   P(h | u) ~ exp(sharpness r_uh)",
        symbols={
            "L": "MMIFit.losses[-1]",
            "r_uh": "TiedModels(mixture, coefficients).log_ratios(frames)",
            "sharpness": "mixture.tied.SHARPNESS",
        },
        code=MMI_CODE,
    )


def _tied_means(mixture: DiagonalMixture, coefficients: Floats, colour: int) -> Points:
    """The means of one class: those of the background plus their shifts."""
    means = mixture.means + np.sqrt(mixture.variances) * coefficients[:, 1:]
    return Points(x=means[:, 0], y=means[:, 1], colour=colour, shape="cross", size=5.0)


def boundary(models: TiedModels, x: Axis, y: Axis) -> Image:
    """The posterior of the two classes over a panel: the colour of the more probable one, faint where both are near."""
    columns, rows = np.linspace(x.low, x.high, GRID), np.linspace(y.high, y.low, GRID)
    ratios = models.log_ratios(np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2))
    probability = 1.0 / (1.0 + np.exp(np.clip(SHARPNESS * (ratios[:, 0] - ratios[:, 1]), -50.0, 50.0)))
    probability = probability.reshape(GRID, GRID)
    pixels: Pixels = np.empty((GRID, GRID, 4), dtype=np.uint8)
    pixels[..., :3] = SIDES[(probability > 0.5).astype(int)]
    pixels[..., 3] = np.round(150.0 * np.abs(2.0 * probability - 1.0))
    return Image(pixels=pixels, extent=(x.low, x.high, y.low, y.high))
