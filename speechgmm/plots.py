"""Pictures, drawn by matplotlib, which is an extra: whoever draws none need not install it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from speechgmm.errors import OptionError
from speechgmm.mixture.selection import SizeResult, choose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")


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
        raise OptionError("a picture needs matplotlib: pip install 'speechgmm[plots]'") from error


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


def rendered(figure: Figure, kind: str) -> bytes:
    """A figure as a file of one of `FORMATS`; the same figure gives the same bytes."""
    from matplotlib import rc_context

    content = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "speechgmm"}):
        figure.savefig(content, format=kind, dpi=150, metadata=undated.get(kind))
    return content.getvalue()
