"""Pictures, drawn by matplotlib, which is an extra: whoever draws none need not install it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from speechgmm.errors import OptionError
from speechgmm.mixture.selection import SizeResult, choose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
RUNNING_STEPS = 20  # of re-estimation: the loss of one is that of 64 cuts, and leaps


def require_matplotlib() -> None:
    """Find out before the work whether its picture could be drawn.

    Raises
    ------
    OptionError
        If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401  # whether it is there is the question
    except ImportError as error:
        raise OptionError("a picture needs matplotlib: pip install 'speechgmm[report]'") from error


def size_curve(results: Sequence[SizeResult]) -> Figure:
    """Log-likelihood and criteria against the number of components, the one that was chosen marked.

    Parameters
    ----------
    results : sequence of SizeResult
        At least one.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    sizes = [result.n_components for result in results]
    figure = Figure(figsize=(7, 6), layout="constrained")
    likelihood, criteria = figure.subplots(2, 1, sharex=True)
    likelihood.plot(sizes, [result.log_likelihood for result in results], "o--", color="0.5", label="in training")
    likelihood.plot(sizes, [result.held_out for result in results], "o-", color="C0", label="speakers held out")
    likelihood.axvline(choose(results).n_components, color="C1", linestyle=":", label="chosen")
    likelihood.set_ylabel("log-likelihood (nats a frame)")
    criteria.plot(sizes, [result.aic for result in results], "s-", color="C2", label="AIC")
    criteria.plot(sizes, [result.bic for result in results], "^-", color="C3", label="BIC")
    criteria.set_ylabel("AIC, BIC (less is better)")
    criteria.set_xlabel("components a class")
    criteria.set_xscale("log", base=2)
    criteria.set_xticks(sizes, [str(size) for size in sizes])
    criteria.minorticks_off()
    for axes in (likelihood, criteria):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def likelihood_curves(streams: Sequence[Mapping[str, Sequence[float]]]) -> Figure:
    """Log-likelihood of each mixture against the updates of EM, the streams below each other.

    Parameters
    ----------
    streams : sequence of mapping of str to sequence of float
        For each stream its mixtures by name, each with the log-likelihood a frame of its start and after each update.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1 + 3 * len(streams)), layout="constrained")
    panels = figure.subplots(len(streams), 1, sharex=True, squeeze=False)[:, 0]
    for number, (axes, curves) in enumerate(zip(panels, streams, strict=True), start=1):
        for place, (name, values) in enumerate(curves.items()):
            axes.plot(values, "o-", markersize=3, color=f"C{place}", label=_legible(name))
        axes.set_ylabel("log-likelihood (nats a frame)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_title(f"stream {number}" if len(streams) > 1 else "")
        axes.grid(alpha=0.3)
        axes.legend()
    panels[-1].set_xlabel("updates of EM")
    return figure


def loss_curves(streams: Sequence[Sequence[float]]) -> Figure:
    """Loss of each step that moved the means, and its running mean, for each stream that has some.

    Parameters
    ----------
    streams : sequence of sequence of float
        For each stream the loss of each step, in nats.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for number, losses in enumerate(streams, start=1):
        if losses:
            axes.plot(losses, color=f"C{number - 1}", alpha=0.25)
            label = f"mean of {RUNNING_STEPS} steps" + (f", stream {number}" if len(streams) > 1 else "")
            axes.plot(*_running_mean(losses), color=f"C{number - 1}", label=label)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("loss (nats)")
    axes.set_xlabel("steps")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _running_mean(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """The mean of the last steps, from the first on of which there are enough."""
    width = min(RUNNING_STEPS, len(values))
    ends = range(width, len(values) + 1)
    return [end - 1 for end in ends], [fmean(values[end - width : end]) for end in ends]


def _legible(name: str) -> str:
    """A class's name as matplotlib shall draw it: no formulas, no hiding, nothing that is no character."""
    shown = "".join(character if character.isprintable() else "?" for character in name).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def rendered(figure: Figure, kind: str) -> bytes:
    """A figure as a file of one of `FORMATS`; the same figure gives the same bytes."""
    from matplotlib import rc_context

    content = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "speechgmm"}):
        figure.savefig(content, format=kind, dpi=150, metadata=undated.get(kind))
    return content.getvalue()
