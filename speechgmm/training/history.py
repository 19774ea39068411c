"""The history of a training as plain JSON values: log-likelihoods by iteration, MMI losses, compared sizes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from speechgmm.mixture.em import Fit
from speechgmm.mixture.information_criteria import choose
from speechgmm.training.fitting import FittedStream
from speechgmm.training.train import Training

SCHEMA = "speechgmm-training"
SCHEMA_VERSION = 1


def history_of(training: Training) -> dict[str, Any]:
    """Collect the history of a training.

    Parameters
    ----------
    training : Training

    Returns
    -------
    dict
        ``schema`` and ``schema_version``; ``streams``, each with its ``family``, the fit of the background model
        (``background``, None for that of the package), those of the classes (``classes``) and the MMI loss at the start
        and after each iteration (``losses``); ``sizes`` and
        ``chosen_size``, empty and None without a comparison; ``failures``. A fit has the log-likelihood per frame
        (nats) of its start and after each update, and the updates in which components were re-seeded or removed, where
        it may fall.
    """
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "labels": list(training.model.labels),
        "streams": [_stream(each) for each in training.fitted],
        "sizes": [asdict(each) for each in training.sizes],
        "chosen_size": choose(training.sizes).n_components if training.sizes else None,
        "failures": [{"path": each.recording.name, "reason": each.reason} for each in training.failures],
    }


def _stream(fitted: FittedStream) -> dict[str, Any]:
    background = fitted.background
    return {
        "family": fitted.stream.all_mixtures[0].family,
        "background": background and {**_fit(background.best), "restarts": list(background.log_likelihoods)},
        "classes": {label: _fit(fit) for label, fit in fitted.fits.items()},
        "losses": list(fitted.losses),
    }


def _fit(fit: Fit[Any]) -> dict[str, Any]:
    return {
        "log_likelihoods": list(fit.log_likelihoods),
        "converged": fit.converged,
        "reseeded_at": list(fit.reseeded_at),
    }
