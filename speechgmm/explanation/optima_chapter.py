"""Chapter 6: local optima, and the number of components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Chapter, Figure, Floats, Line, Mark, Panel, Points, Step, Variant
from speechgmm.explanation.traced_fit import Traced, family_of, kmeans_start, options_of, placed_start, traced
from speechgmm.explanation.views import coloured, density, ellipses, means_of
from speechgmm.mixture.information_criteria import aic, bic
from speechgmm.mixture.initialisation import distinct_frames
from speechgmm.mixture.model import Mixture

N_STARTS = 20
LARGEST = 6  # components
REPEATS = (1, 2, 4, 8)
REPEAT_NOISE = 0.05  # standard deviations, between versions of the same frame
FOLDS = 3

STARTS_CODE = """
from speechgmm.mixture import GaussianMixture

model = GaussianMixture({n_starts_components}, covariance_type="{covariance}", init="random", n_init=20, random_state=0)
print(model.fit(X).restart_log_likelihoods_)
"""
SIZES_CODE = """
from speechgmm.mixture import select_components

for criterion in ("aic", "bic", "held-out"):
    chosen = select_components(X, range(1, 7), criterion=criterion, random_state=0)
    print(criterion, chosen.n_components, chosen.curve)
"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A fit of one number of components; `held_out` is of frames that it has not seen, in nats per frame."""

    n_components: int
    run: Traced
    aic: float
    bic: float
    held_out: float


def optima_chapter(material: Material) -> Chapter:
    """Twenty starts; the choice of the size; correlated frames."""
    return Chapter(
        name="optima",
        title="Local optima, and how many components",
        text="""
            EM climbs to the optimum that its start leads to, which need not be the best one. Therefore several starts
            are made and the best fit is kept.

            The log-likelihood of the frames of the fit rises with every further component, so that it cannot say how
            many there should be. AIC and BIC subtract a penalty for the parameters. The log-likelihood of held-out
            frames needs none.
        """,
        figures=(starts_figure(material), sizes_figure(material), correlated_figure(material)),
    )


def starts_figure(material: Material) -> Figure:
    """Twenty random starts and where each of them ends."""
    frames, k = material.frames, max(material.n_components, 3)
    k = min(k, len(np.unique(frames, axis=0)))
    family = family_of(frames, material.covariance)
    runs = [
        traced(
            frames,
            placed_start(frames, distinct_frames(frames, k, np.random.default_rng(seed)), family),
            family,
            options=options_of(max_iterations=100),
        )
        for seed in range(N_STARTS)
    ]
    x, y = material.axes
    ends = [run.fit.log_likelihoods[-1] for run in runs]
    best = int(np.argmax(ends))
    longest = max(run.fit.n_iterations for run in runs)
    starts = [run.fit.log_likelihoods[min(1, run.fit.n_iterations)] for run in runs]
    steps = []
    for number, run in enumerate(runs):
        earlier: list[Mark] = [_trace_line(each, 0, 1.0) for each in runs[:number]]
        mixture = run.mixtures[-1]
        begin = means_of(run.mixtures[0])
        paths = [_path(run, component) for component in range(len(begin))]
        steps.append(
            Step(
                label=f"start {number + 1}" + (", the best" if number == best else ""),
                marks=(
                    (density(mixture, x, y), _faint(frames), *paths, *ellipses(mixture)),
                    (*earlier, _trace_line(run, 2 if number == best else 1, 2.5)),
                ),
                numbers={
                    "log-likelihood at the end": ends[number],
                    "iterations": run.fit.n_iterations,
                    "below the best": ends[best] - ends[number],
                },
            )
        )
    return Figure(
        name="twenty-starts",
        title=f"Twenty starts of {k} components",
        panels=(
            Panel(title="Where the start leads: lines are the ways of the means", x=x, y=y),
            Panel(
                title="Log-likelihood of this start and those before it",
                x=Axis(label="iteration", low=-1.0, high=longest + 1.0),
                y=Axis.of("nats per frame", [*ends, *starts]),
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            Each start puts the means at random frames. The ends differ, and so do the numbers of iterations. Of two
            ends the one with the higher log-likelihood is better. That there is no better one, nothing can tell.
        """,
        source=material.source,
        formula="keep the start with the highest log L",
        symbols={"best of several": "GaussianMixture(n_init=20), restarts.fit_restarts"},
        code=material.with_code(STARTS_CODE.replace("{n_starts_components}", str(k))),
        start=best,
    )


def _faint(frames: Floats) -> Points:
    return Points(x=frames[:, 0], y=frames[:, 1], size=1.5)


def _trace_line(run: Traced, colour: int, width: float) -> Line:
    levels = np.array(run.fit.log_likelihoods)
    return Line(x=np.arange(len(levels), dtype=float), y=levels, colour=colour, width=width)


def _path(run: Traced, component: int) -> Line:
    way = np.array([means_of(mixture)[component] for mixture in run.mixtures])
    return Line(x=way[:, 0], y=way[:, 1], colour=component % 6 + 1, width=1.5)


def sizes(frames: Floats, rows: npt.NDArray[np.intp], largest: int, covariance: str) -> list[Size]:
    """Fits of one to `largest` components to frames (T, 2), and to all but a fold of them.

    `rows` (T,) is the number of the row that a frame is of; all frames of a row are in one fold.
    """
    results = []
    for k in range(1, largest + 1):
        run = _fit(frames, k, covariance)
        mixture = run.mixtures[-1]
        total = len(frames) * run.fit.log_likelihoods[-1]
        held_out = 0.0
        for fold in range(FOLDS):
            own = rows % FOLDS == fold
            other = _fit(frames[~own], k, covariance).mixtures[-1]
            held_out += float(other.log_likelihoods(frames[own]).sum()) / len(frames)
        results.append(
            Size(
                n_components=k,
                run=run,
                aic=aic(total, mixture.n_parameters),
                bic=bic(total, mixture.n_parameters, len(frames)),
                held_out=held_out,
            )
        )
    return results


def _fit(frames: Floats, n_components: int, covariance: str) -> Traced:
    family = family_of(frames, covariance)
    start = kmeans_start(frames, n_components, family)
    return traced(frames, start, family, options=options_of(max_iterations=60, tolerance=1e-4))


def _largest(frames: Floats) -> int:
    """The largest size: each fold needs a different frame for each component."""
    return max(1, min(LARGEST, len(np.unique(frames, axis=0)) // 2))


def sizes_figure(material: Material) -> Figure:
    """AIC, BIC and held-out log-likelihood against the number of components."""
    frames = material.frames
    results = sizes(frames, np.arange(len(frames)), _largest(frames), material.covariance)
    x, y = material.axes
    curves = _criteria(results, len(frames))
    steps = tuple(
        Step(
            label="1 component" if each.n_components == 1 else f"{each.n_components} components",
            marks=(
                (
                    density(each.run.mixtures[-1], x, y),
                    coloured(frames, each.run.shares(-1, frames), 2.5),
                    *ellipses(each.run.mixtures[-1]),
                ),
                (_vertical(each.n_components, curves),),
            ),
            numbers={
                "AIC": each.aic,
                "BIC": each.bic,
                "held-out log-likelihood": each.held_out,
                "log-likelihood of the fit": each.run.fit.log_likelihoods[-1],
                "parameters": each.run.mixtures[-1].n_parameters,
            },
        )
        for each in results
    )
    best = {
        "AIC": min(results, key=lambda each: each.aic),
        "BIC": min(results, key=lambda each: each.bic),
        "held-out frames": max(results, key=lambda each: each.held_out),
    }
    choices = ", ".join(f"{name} {each.n_components}" for name, each in best.items())
    return Figure(
        name="sizes",
        title="AIC, BIC and held-out frames",
        panels=(
            Panel(title="The fit", x=x, y=y),
            Panel(
                title="Per frame, all as costs: lower is better",
                x=Axis(label="number of components", low=0.5, high=len(results) + 0.5),
                y=Axis.of("nats per frame", [level for line in curves.values() for level in line]),
                marks=tuple(
                    Line(x=np.arange(1.0, len(results) + 1.0), y=line, colour=colour, label=name)
                    for colour, (name, line) in enumerate(curves.items(), start=1)
                ),
            ),
        ),
        variants=(Variant(name="", steps=steps),),
        caption=f"""
            The lowest point of each curve is its choice: {choices}. AIC and BIC are divided by 2 T, so that all
            curves have one unit. Each third of the frames is held out once.
        """,
        source=material.source,
        formula="AIC = 2P - 2 log L,   BIC = P log T - 2 log L",
        symbols={
            "P": "fitted.mixture_.n_parameters",
            "AIC": "mixture.aic(X), information_criteria.aic",
            "BIC": "mixture.bic(X), information_criteria.bic",
        },
        code=material.with_code(SIZES_CODE),
        start=best["BIC"].n_components - 1,
    )


def _criteria(results: list[Size], n_frames: int) -> dict[str, Floats]:
    return {
        "AIC / 2T": np.array([each.aic for each in results]) / (2 * n_frames),
        "BIC / 2T": np.array([each.bic for each in results]) / (2 * n_frames),
        "held-out, negative": np.array([-each.held_out for each in results]),
    }


def _vertical(x: float, curves: dict[str, Floats]) -> Line:
    levels = np.concatenate(list(curves.values()))
    margin = np.ptp(levels)
    return Line(x=np.full(2, float(x)), y=np.array([levels.min() - margin, levels.max() + margin]), dashed=True)


def repeated(frames: Floats, times: int) -> Floats:
    """Each frame several times with a little noise, as the frames of speech, which follow each other every 10 ms."""
    noise = np.random.default_rng(0).standard_normal((times, *frames.shape))
    copies: Floats = frames + REPEAT_NOISE * frames.std(axis=0) * noise * (times > 1)
    return copies.reshape(-1, frames.shape[1])


def correlated_figure(material: Material) -> Figure:
    """The same frames several times: AIC and BIC take them for new evidence, held-out frames do not."""
    x, y = material.axes
    largest = _largest(material.frames)
    steps = []
    every: list[float] = []
    panels_of = []
    for times in REPEATS:
        frames = repeated(material.frames, times)
        rows = np.arange(len(frames)) % len(material.frames)
        results = sizes(frames, rows, largest, material.covariance)
        curves = {name: line - line.min() for name, line in _criteria(results, len(frames)).items()}
        every += [level for line in curves.values() for level in line]
        chosen = {name: int(np.argmin(line)) for name, line in curves.items()}
        panels_of.append((times, frames, results, curves, chosen))
    highest = max(every) or 1.0  # of two or three different rows there are curves of one point
    for times, frames, results, curves, chosen in panels_of:
        mixture: Mixture = results[chosen["BIC / 2T"]].run.mixtures[-1]
        lines = [
            Line(x=np.arange(1.0, largest + 1.0), y=line, colour=colour, label=name)
            for colour, (name, line) in enumerate(curves.items(), start=1)
        ]
        minima = Points(
            x=np.array([1.0 + place for place in chosen.values()]), y=np.zeros(len(chosen)), shares=np.eye(3), size=6.0
        )
        steps.append(
            Step(
                label="each frame once" if times == 1 else f"each frame {times} times, with noise",
                marks=((_faint(frames[: 4 * len(material.frames)]), *ellipses(mixture)), (*lines, minima)),
                numbers={
                    "frames T": len(frames),
                    "choice of AIC": 1 + chosen["AIC / 2T"],
                    "choice of BIC": 1 + chosen["BIC / 2T"],
                    "choice of held-out frames": 1 + chosen["held-out, negative"],
                },
            )
        )
    return Figure(
        name="correlated",
        title="Why AIC and BIC mislead on correlated frames",
        panels=(
            Panel(title="The choice of BIC", x=x, y=y),
            Panel(
                title="Above the lowest point of each curve",
                x=Axis(label="number of components", low=0.5, high=largest + 0.5),
                y=Axis(label="nats per frame", low=-0.02 * highest, high=1.05 * highest),
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            Frames of speech overlap in time and resemble their neighbours. Here each frame is there several times
            with a little noise. Both criteria assume that frames are independent: log L grows with every copy and the
            penalty hardly, so that they come to favour more components. A model gains nothing from copies for frames
            that are held out with all of their own.
        """,
        source=material.source,
        formula="r copies: log L -> r log L, but P stays and log T -> log T + log r",
        symbols={"held-out": 'select_components(X, range, criterion="held-out")'},
        code=material.with_code(SIZES_CODE),
    )
