"""Training curves and model selection as figures. Matplotlib is optional and imported when a figure is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from speechgmm.errors import OptionError
from speechgmm.mixture.information_criteria import SizeResult, choose
from speechgmm.text.terminal import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")


def require_matplotlib() -> None:
    """Check that matplotlib is installed, before work that ends with a figure.

    Raises
    ------
    OptionError
        If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401  # only to see whether it is installed
    except ImportError as error:
        raise OptionError("figures need matplotlib, which is not installed: pip install 'speechgmm[report]'") from error


def size_curve(results: Sequence[SizeResult]) -> Figure:
    """Log-likelihood per frame, AIC and BIC against the number of components; the selected number is marked.

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
    likelihood.plot(sizes, [result.log_likelihood for result in results], "o--", color="0.5", label="training data")
    likelihood.plot(sizes, [result.held_out for result in results], "o-", color="C0", label="held-out speakers")
    likelihood.axvline(choose(results).n_components, color="C1", linestyle=":", label="selected")
    likelihood.set_ylabel("log-likelihood per frame (nats)")
    criteria.plot(sizes, [result.aic for result in results], "s-", color="C2", label="AIC")
    criteria.plot(sizes, [result.bic for result in results], "^-", color="C3", label="BIC")
    criteria.set_ylabel("AIC, BIC (lower is better)")
    criteria.set_xlabel("number of components per class")
    criteria.set_xscale("log", base=2)
    criteria.set_xticks(sizes, [str(size) for size in sizes])
    criteria.minorticks_off()
    for axes in (likelihood, criteria):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def likelihood_curves(streams: Sequence[Mapping[str, Sequence[float]]]) -> Figure:
    """Log-likelihood per frame of each mixture against EM iterations, one panel per stream.

    Parameters
    ----------
    streams : sequence of mapping of str to sequence of float
        Per stream, by name of the mixture: the log-likelihood per frame (nats) at the start and after each iteration.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1 + 3 * len(streams)), layout="constrained")
    panels = figure.subplots(len(streams), 1, sharex=True, squeeze=False)[:, 0]
    for number, (axes, curves) in enumerate(zip(panels, streams, strict=True), start=1):
        for index, (name, values) in enumerate(curves.items()):
            axes.plot(values, "o-", markersize=3, color=f"C{index}", label=_legible(name))
        axes.set_ylabel("log-likelihood per frame (nats)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_title(f"stream {number}" if len(streams) > 1 else "")
        axes.grid(alpha=0.3)
        axes.legend()
    panels[-1].set_xlabel("EM iterations")
    return figure


def loss_curves(streams: Sequence[Sequence[float]]) -> Figure:
    """MMI loss against the iterations of L-BFGS, one curve per stream with MMI.

    Parameters
    ----------
    streams : sequence of sequence of float
        Per stream, the MMI loss (nats) at the start and after each iteration; empty for a stream without MMI.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for number, losses in enumerate(streams, start=1):
        if losses:
            axes.plot(losses, "o-", markersize=3, color=f"C{number - 1}", label=f"stream {number}")
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("MMI loss (nats)")
    axes.set_xlabel("MMI iterations")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if len(streams) > 1:
        axes.legend()
    return figure


def _legible(name: str) -> str:
    """Escape a class name for matplotlib: no formulas, no hidden legend entry, only printable characters."""
    shown = printable(name).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def rendered(figure: Figure, kind: str) -> bytes:
    """Render a figure as PNG, SVG or PDF (`FORMATS`); the same figure gives the same bytes."""
    from matplotlib import rc_context

    content = io.BytesIO()
    no_dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "speechgmm"}):
        figure.savefig(content, format=kind, dpi=150, metadata=no_dates.get(kind))
    return content.getvalue()
