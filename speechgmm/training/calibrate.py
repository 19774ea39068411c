"""What a model learns from held-out speakers: its calibration, and how unlike its voices an utterance may sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechgmm.classifier.calibration import fit_calibration
from speechgmm.classifier.model import Model, Scores
from speechgmm.classifier.rejection import Rejection, min_ratio
from speechgmm.features.front_end import Stretch

CUT_FRAMES = (30, 50, 100, 200, 400, 800)
CUTS_PER_LENGTH = 3  # of each stretch: more of one utterance say little new
UNLIKE_DEVIATIONS = 4.0
LONG_ENOUGH_S = 1.0  # of speech, for the bound under which it is no speech
LEAST_DEVIATION = 0.1  # nats a frame and dimension: held-out voices of one channel are more alike than voices are


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """An utterance of a speaker who trained nothing.

    Attributes
    ----------
    label : str
        Its class.
    speaker : str
        Who speaks.
    stretches : tuple of tuple of Stretch
        Its frames: for each of its stretches, as each stream of the model sees it.
    """

    label: str
    speaker: str
    stretches: tuple[tuple[Stretch, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What mixtures say of one utterance of a speaker who trained nothing.

    Attributes
    ----------
    label : str
        Its class.
    speaker : str
        Who speaks.
    whole : Scores
        Of the whole utterance.
    pieces : tuple of Scores
        Of pieces of it.
    """

    label: str
    speaker: str
    whole: Scores
    pieces: tuple[Scores, ...]


def gather(model: Model, utterances: Iterable[HeldOut]) -> list[Evidence]:
    """Score utterances of held-out speakers, whole and cut to several lengths; those without speech say nothing."""
    evidence = []
    for utterance in utterances:
        whole = model.score_all(utterance.stretches)
        if whole.n_speech.all():
            pieces = tuple(model.score(cut) for cut in cuts(utterance.stretches))
            evidence.append(Evidence(label=utterance.label, speaker=utterance.speaker, whole=whole, pieces=pieces))
    return evidence


def calibrate(model: Model, evidence: Sequence[Evidence]) -> Model:
    """Calibrate a model on what was gathered from held-out speakers.

    Every speaker of a class counts the same, and so does every piece of a speaker.

    Parameters
    ----------
    model : Model
    evidence : sequence of Evidence
        At least one for every class.

    Returns
    -------
    Model
        With `calibration` and either the bound of its rejection of what is no speech or, without a rejection,
        `min_likelihood`: where other sounds are known, how well an utterance fits the voices says nothing more of
        them, and refuses voices over lossy codecs.
    """
    scores = [score for each in evidence for score in (each.whole, *each.pieces)]
    owners = [(model.labels.index(each.label), each.speaker) for each in evidence for _ in range(1 + len(each.pieces))]
    n_frames = np.array([float(score.n_speech[0]) for score in scores])
    n_pieces = Counter(owners)
    calibration = fit_calibration(
        means=np.stack([score.means for score in scores]),
        n_frames=n_frames,
        truth=np.array([label for label, _ in owners]),
        case_weights=np.array([1.0 / n_pieces[owner] for owner in owners]),
        speakers_per_class=np.bincount([label for label, _ in n_pieces], minlength=len(model.labels)),
    )
    wholes = [each.whole for each in evidence]
    model = replace(model, calibration=calibration)
    if model.rejection:
        bound = _least_ratio(model.rejection, wholes, LONG_ENOUGH_S / model.front_end.hop_s)
        return replace(model, rejection=replace(model.rejection, min_ratio=bound))
    best_means = [float(whole.means[0].max()) for whole in wholes]
    return replace(model, min_likelihood=min_likelihood(best_means, model.front_end.n_dimensions))


def _least_ratio(rejection: Rejection, wholes: Sequence[Scores], least_frames: float) -> float:
    """The bound that hardly any held-out utterance lies below, short ones left aside if possible."""
    long = [whole for whole in wholes if whole.n_speech[0] >= least_frames] or wholes
    return min_ratio([each.speech_ratio / int(each.n_speech[rejection.stream]) for each in long])


def cuts(stretches: Sequence[Sequence[Stretch]]) -> Iterator[tuple[Stretch, ...]]:
    """Short pieces of an utterance's speech frames, a few of each length in `CUT_FRAMES`, as each stream sees them."""
    for views in stretches:
        n_speech = min(len(view.frames) for view in views)
        for length in CUT_FRAMES:
            begins = range(0, n_speech - length, length)
            for begin in begins[:CUTS_PER_LENGTH]:
                yield tuple(Stretch(view.frames[begin : begin + length], length) for view in views)


def min_likelihood(best_means: Sequence[float], n_dimensions: int) -> float:
    """How low the mean log-likelihood of an utterance may lie: four standard deviations below the held-out mean.

    Parameters
    ----------
    best_means : sequence of float
        Mean log-likelihood a frame of each held-out utterance under the class that fits it best.
    n_dimensions : int
        D; the standard deviation is taken as at least `LEAST_DEVIATION` times D.

    Returns
    -------
    float
    """
    deviation = max(float(np.std(best_means)), LEAST_DEVIATION * n_dimensions)
    return float(np.mean(best_means)) - UNLIKE_DEVIATIONS * deviation
