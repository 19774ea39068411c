"""Chapter 3: EM, step by step, from a good and from a bad start."""

from __future__ import annotations

from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Chapter, Figure, Floats, Panel, Points, Step, Variant
from speechgmm.explanation.traced_fit import Traced, family_of, options_of, starts_of, traced
from speechgmm.explanation.views import coloured, covariances_of, curve, density, ellipses, marker, means_of

EM_CODE = """
from speechgmm.mixture import GaussianMixture

mixture = GaussianMixture({n_components}, covariance_type="{covariance}", random_state=0).fit(X)
print(mixture.trace_["log_likelihood"], mixture.trace_["auxiliary"], mixture.trace_["entropy"])
print(mixture.weights_, mixture.means_, mixture.predict_proba(X))
"""


def em_chapter(material: Material) -> Chapter:
    """Responsibilities, ellipses, parameters and likelihood of each half-step."""
    return Chapter(
        name="em",
        title="EM, step by step",
        text="""
            EM fits a mixture without knowing which component a frame is from. E-step: with the parameters as they
            are, compute how likely each component is given the frame, its responsibility g_tk. M-step: fit each
            component to all frames, weighted by its responsibilities. The log-likelihood never falls.
        """,
        figures=(em_figure(material),),
    )


def runs_of(material: Material) -> dict[str, Traced]:
    """The fits of the figure by the name of their start."""
    family = family_of(material.frames, material.covariance)
    starts = starts_of(material.frames, material.n_components, family)
    return {name: traced(material.frames, start, family, options=options_of()) for name, start in starts.items()}


def em_figure(material: Material) -> Figure:
    """Each E-step recolours the frames; each M-step moves the ellipses."""
    runs = runs_of(material)
    x, y = material.axes
    levels = [level for run in runs.values() for level in run.fit.log_likelihoods]
    longest = max(run.fit.n_iterations for run in runs.values())
    return Figure(
        name="em-steps",
        title="Responsibilities, then parameters",
        panels=(
            Panel(title="Frames, components and density", x=x, y=y),
            Panel(
                title="Log-likelihood",
                x=Axis(label="iteration", low=-0.5, high=longest + 0.5),
                y=Axis.of("nats per frame", levels),
            ),
        ),
        variants=tuple(Variant(name=name, steps=_steps(material, run)) for name, run in runs.items()),
        source=material.source,
        caption="""
            A frame between two components has a colour between theirs. Crosses and ellipses: means, one and two
            standard deviations. Blue: the density, one nat per band.
        """,
        formula="g_tk = w_k N(x_t; m_k, S_k) / sum_j w_j N(x_t; m_j, S_j);   n_k = sum_t g_tk;   w_k = n_k / T;   "
        "m_k = sum_t g_tk x_t / n_k;   S_k = sum_t g_tk (x_t - m_k) (x_t - m_k)' / n_k",
        symbols={
            "g_tk": "mixture.predict_proba(X)[t, k]",
            "n_k": "Statistics.occupancies[k]",
            "w_k": "mixture.weights_[k]",
            "m_k": "mixture.means_[k]",
            "S_k": "mixture.covariances_[k]",
            "log L / T": 'mixture.trace_["log_likelihood"][i]',
        },
        code=material.with_code(EM_CODE),
    )


def _steps(material: Material, run: Traced) -> tuple[Step, ...]:
    frames = material.frames
    grey = coloured(frames, run.shares(0, frames) * 0.0)
    steps = [_step(material, run, 0, "start", grey)]
    for iteration in run.shown():
        points = coloured(frames, run.shares(iteration, frames))
        if iteration:
            before = coloured(frames, run.shares(iteration - 1, frames))
            steps.append(_step(material, run, iteration, f"M-step {iteration}: move the components", before))
        steps.append(_step(material, run, iteration, f"E-step {iteration + 1}: colour the frames", points))
    return tuple(steps)


def _step(material: Material, run: Traced, iteration: int, label: str, points: Points) -> Step:
    mixture, record = run.mixtures[iteration], run.fit.iterations[iteration]
    x, y = material.axes
    levels = run.fit.log_likelihoods[: iteration + 1]
    return Step(
        label=label,
        marks=((density(mixture, x, y), points, *ellipses(mixture)), (curve(levels), marker(iteration, levels[-1]))),
        numbers={
            "log-likelihood (nats per frame)": record.log_likelihood,
            "Q": record.auxiliary,
            "entropy H": record.entropy,
            **_parameters(mixture.weights, means_of(mixture), covariances_of(mixture)),
        },
    )


def _parameters(weights: Floats, means: Floats, covariances: Floats) -> dict[str, float]:
    numbers = {}
    for k, (weight, mean, covariance) in enumerate(zip(weights, means, covariances, strict=True), start=1):
        numbers[f"w_{k}"] = float(weight)
        for d in range(len(mean)):
            numbers[f"m_{k}{d + 1}"] = float(mean[d])
        for i in range(len(mean)):
            for j in range(i, len(mean)):
                numbers[f"S_{k},{i + 1}{j + 1}"] = float(covariance[i, j])
    return numbers
