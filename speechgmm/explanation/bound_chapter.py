"""Chapter 4: the lower bound that EM raises."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from speechgmm.explanation.em_chapter import runs_of
from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Bars, Chapter, Figure, Floats, Line, Mark, Panel, Step, Variant
from speechgmm.explanation.traced_fit import fitted_diagonal
from speechgmm.explanation.views import marker
from speechgmm.mixture.em import Iteration
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import accumulate, auxiliary

MOST_ITERATIONS = 24  # of the bars; later ones hardly change
CURVE_STEPS, GRID = 8, 121

BOUND_CODE = """
from speechgmm.mixture import GaussianMixture

mixture = GaussianMixture({n_components}, covariance_type="{covariance}", random_state=0).fit(X)
trace = mixture.trace_
print(trace["raised"], trace["gap"], trace["log_likelihood"], trace["auxiliary"] + trace["entropy"])
"""
CURVE_CODE = """
import numpy as np
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import accumulate, auxiliary

x = X[:, :1]
mixture = DiagonalMixture(np.array([0.5, 0.5]), np.quantile(x, [0.1, 0.9])[:, np.newaxis], np.full((2, 1), x.var()))
statistics = accumulate(mixture, x, axes=mixture.axes)
bound = (auxiliary(statistics, mixture) + statistics.entropy) / len(x)
print(bound, mixture.log_likelihoods(x).mean())
"""


@dataclass(frozen=True, kw_only=True)
class HalfStep:
    """The bound after an E-step or an M-step, in nats per frame."""

    label: str
    bound: float
    gap: float
    log_likelihood: float
    auxiliary: float
    entropy: float


def bound_chapter(material: Material) -> Chapter:
    """The bound as bars at each half-step, and as a curve in one parameter."""
    return Chapter(
        name="bound",
        title="The bound that EM raises",
        text="""
            For any responsibilities q, F = Q + H is a lower bound of the log-likelihood. Q is the expected joint
            log-likelihood of frames and components under q, H the entropy of q. What is missing is the divergence KL
            of q from the true posteriors.

            The E-step takes the posteriors as q: KL becomes 0 and F touches the log-likelihood, which does not
            change. The M-step raises F at fixed q. The log-likelihood rises by that and by the new KL.
        """,
        figures=(bars_figure(material), curve_figure(material)),
    )


def half_steps(iterations: tuple[Iteration, ...]) -> list[HalfStep]:
    """The values of the trace in the order in which EM reaches them."""
    steps = []
    for number, record in enumerate(iterations):
        if number:
            entropy = iterations[number - 1].entropy
            steps.append(
                HalfStep(
                    label=f"M-step {number}",
                    bound=record.raised,
                    gap=record.gap,
                    log_likelihood=record.log_likelihood,
                    auxiliary=record.raised - entropy,
                    entropy=entropy,
                )
            )
        steps.append(
            HalfStep(
                label=f"E-step {number + 1}",
                bound=record.bound,
                gap=0.0,
                log_likelihood=record.log_likelihood,
                auxiliary=record.auxiliary,
                entropy=record.entropy,
            )
        )
    return steps


def bars_figure(material: Material) -> Figure:
    """Bars of F and KL, whose sum is the log-likelihood; Q and H."""
    runs = {name: half_steps(run.fit.iterations[: MOST_ITERATIONS + 1]) for name, run in runs_of(material).items()}
    every = [step for steps in runs.values() for step in steps]
    longest = max(map(len, runs.values()))
    x = Axis(label="half-step", low=-1.0, high=float(longest))
    low = min(step.bound for step in every)
    high = max(step.log_likelihood for step in every)
    base = low - 0.15 * (high - low)
    return Figure(
        name="bound-bars",
        title="Log-likelihood = F + KL, at each half-step",
        panels=(
            Panel(
                title="F and KL (the axis does not begin at 0)",
                x=x,
                y=Axis(label="nats per frame", low=base, high=high + 0.05 * (high - low)),
            ),
            Panel(
                title="Q and H, whose sum is F",
                x=x,
                y=Axis.of(
                    "nats per frame", [0.0, *(each for step in every for each in (step.auxiliary, step.entropy))]
                ),
            ),
        ),
        variants=tuple(Variant(name=name, steps=_bar_steps(steps, base)) for name, steps in runs.items()),
        caption="""
            Even bars are after an E-step: KL is 0. Odd bars are after an M-step: F has risen, and the
            responsibilities are no longer the posteriors, so that KL is above 0 again. No bar is lower than the one
            before it.
        """,
        formula="log L = F + KL,   F = Q + H,   Q = sum_t sum_k q_tk log w_k p_k(x_t),   "
        "H = - sum_t sum_k q_tk log q_tk,   KL = sum_t sum_k q_tk log (q_tk / g_tk)",
        symbols={
            "log L / T": 'trace["log_likelihood"][i]',
            "F / T": 'trace["raised"][i] (M-step), trace["bound"][i] (E-step)',
            "KL / T": 'trace["gap"][i]',
            "Q / T": 'trace["auxiliary"][i]',
            "H / T": 'trace["entropy"][i]',
        },
        code=material.with_code(BOUND_CODE),
        start=2,
    )


def _bar_steps(steps: list[HalfStep], base: float) -> tuple[Step, ...]:
    shown = []
    for n in range(1, len(steps) + 1):
        positions = np.arange(n, dtype=float)
        bounds = np.array([step.bound for step in steps[:n]])
        totals = np.array([step.log_likelihood for step in steps[:n]])
        sides = {"left": positions - 0.38, "right": positions + 0.38}
        latest = steps[n - 1]
        lines: tuple[Mark, ...] = (
            Line(x=positions, y=np.array([step.auxiliary for step in steps[:n]]), colour=1, label="Q"),
            Line(x=positions, y=np.array([step.entropy for step in steps[:n]]), colour=3, label="H"),
            marker(n - 1, latest.auxiliary, 1),
            marker(n - 1, latest.entropy, 3),
        )
        bars = (
            Bars(**sides, bottom=np.full(n, base), top=bounds, colour=1, label="F"),
            Bars(**sides, bottom=bounds, top=totals, colour=2, label="KL"),
        )
        numbers = {
            "log-likelihood": latest.log_likelihood,
            "F": latest.bound,
            "KL": latest.gap,
            "Q": latest.auxiliary,
            "H": latest.entropy,
        }
        shown.append(Step(label=latest.label, marks=(bars, lines), numbers=numbers))
    return tuple(shown)


def curve_figure(material: Material) -> Figure:
    """Log-likelihood and bound as functions of one mean, all other parameters at their optimum."""
    frames = material.frames[:, :1]
    best = fitted_diagonal(frames, material.n_components)
    order = np.argsort(best.means[:, 0])
    component = int(order[0])
    low, high = float(frames.min()), float(frames.max())
    above = float(best.means[order[1], 0]) if len(order) > 1 else high
    value = 0.45 * float(best.means[component, 0]) + 0.55 * above
    grid = np.linspace(low - 0.1 * (high - low), high, GRID)
    candidates = [_with_mean(best, component, each) for each in grid]
    levels = np.array([candidate.log_likelihoods(frames).mean() for candidate in candidates])
    steps: list[Step] = []
    spans: list[float] = list(levels)
    for number in range(1, CURVE_STEPS + 1):
        current = _with_mean(best, component, value)
        statistics = accumulate(current, frames, axes=best.axes)
        bounds = np.array([auxiliary(statistics, each) + statistics.entropy for each in candidates]) / len(frames)
        level = float(current.log_likelihoods(frames).mean())
        moved = float((statistics.center + statistics.first[component] / statistics.occupancies[component])[0])
        raised = auxiliary(statistics, _with_mean(best, component, moved)) + statistics.entropy
        steps += _curve_steps(number, grid, bounds, (value, level), (moved, raised / len(frames)))
        value = moved
    bottom = min(spans) - 0.25 * (max(spans) - min(spans))
    return Figure(
        name="bound-curve",
        title="The bound as a curve in one parameter",
        panels=(
            Panel(
                title="",
                x=Axis(label=f"mean of component {component + 1}: {material.columns[0]}", low=grid[0], high=grid[-1]),
                y=Axis(label="nats per frame", low=bottom, high=max(spans) + 0.08 * (max(spans) - min(spans))),
                marks=(Line(x=grid, y=levels, colour=0, width=2.5, label="log-likelihood"),),
                wide=True,
            ),
        ),
        variants=(Variant(name="", steps=tuple(steps)),),
        caption="""
            One mean varies, all other parameters of the mixture are at their optimum. E-step: a new F touches the
            log-likelihood at the current mean. M-step: the mean moves to the peak of F. F is below the log-likelihood
            everywhere else.
        """,
        formula="F(q, m_k) <= log L(m_k), equal where q are the posteriors",
        symbols={
            "F": "auxiliary(statistics, mixture) + statistics.entropy",
            "log L": "mixture.log_likelihoods(x).sum()",
        },
        code=material.with_code(CURVE_CODE),
    )


def _with_mean(mixture: DiagonalMixture, component: int, value: float) -> DiagonalMixture:
    means = mixture.means.copy()
    means[component] = value
    return replace(mixture, means=means)


def _curve_steps(
    number: int, grid: Floats, bounds: Floats, before: tuple[float, float], after: tuple[float, float]
) -> list[Step]:
    bound = Line(x=grid, y=bounds, colour=1, label="bound F")
    names = "mean", "F at the mean"
    return [
        Step(
            label=f"E-step {number}: F touches the log-likelihood",
            marks=((bound, marker(*before, colour=1)),),
            numbers=dict(zip(names, before, strict=True)),
        ),
        Step(
            label=f"M-step {number}: to the peak of F",
            marks=((bound, marker(*before, colour=0), marker(*after, colour=2)),),
            numbers=dict(zip(names, after, strict=True)),
        ),
    ]
