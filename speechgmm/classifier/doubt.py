"""Doubtful labels: a sign that a set of recordings is unlike the training data.

On corpora that a model has not heard, its errors come with weak evidence: the share of labels whose log-likelihood
ratio is below `DOUBTFUL` is small on corpora where it is right, and two to five times as large on acted, distant or
otherwise different speech (docs/accuracy.md). What is usual on the left-out corpora of a training is in the model card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DOUBTFUL = 1.0  # nats: a probability of 0.73 or less
LEAST_LABELS = 20
LEAST_CORPORA = 4
USUAL_QUANTILE = 0.75  # of the left-out corpora: the last quarter is acted or distant speech
CARD_ENTRY = "usual_doubtful_share"


def doubtful_share(scores: Sequence[float]) -> float:
    """Share of scores (log-likelihood ratios of the label) below `DOUBTFUL`; at least one score."""
    return float(np.mean(np.asarray(scores) < DOUBTFUL))


def usual_share(scores: Mapping[str, Sequence[float]]) -> float | None:
    """Share of doubtful labels that three quarters of left-out corpora do not exceed.

    Parameters
    ----------
    scores : mapping of str to sequence of float
        The scores of the labels of each corpus; corpora of fewer than `LEAST_LABELS` do not count.

    Returns
    -------
    float or None
        None with fewer than `LEAST_CORPORA` corpora.
    """
    shares = [doubtful_share(own) for own in scores.values() if len(own) >= LEAST_LABELS]
    return float(np.quantile(shares, USUAL_QUANTILE)) if len(shares) >= LEAST_CORPORA else None


def doubt_note(scores: Sequence[float], card: Mapping[str, Any]) -> str | None:
    """A note for the user if more labels are doubtful than usual on corpora that the model has not heard.

    Parameters
    ----------
    scores : sequence of float
        Of the labels that were given.
    card : mapping
        Of the model.

    Returns
    -------
    str or None
        None where all is usual, with fewer than `LEAST_LABELS` labels, or if the model does not know what is usual.
    """
    usual = card.get(CARD_ENTRY)
    if not isinstance(usual, (int, float)) or len(scores) < LEAST_LABELS:
        return None
    share = doubtful_share(scores)
    if share <= usual:
        return None
    return (
        f"{100 * share:.0f} % of the labels are doubtful (score below {DOUBTFUL:g}), usual are {100 * usual:.0f} % or "
        "less: these recordings are unlike most of the training data, so expect more errors than the probabilities say"
    )
