"""Calibration on held-out speakers: score fusion, offsets and the thresholds of rejection."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.augmentation.augment import CHANNEL
from speechgmm.classifier.calibration import fit_calibration
from speechgmm.classifier.model import Model
from speechgmm.classifier.rejection import REJECTED_CHANNEL_SHARE, REJECTED_SHARE, speech_ratio_threshold
from speechgmm.classifier.scorer import Scorer, Scores
from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import Stretch, aligned
from speechgmm.training.fitting import Fitter
from speechgmm.training.material import Material, StreamUtterances, selected
from speechgmm.training.pooling import balance
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run

CUT_FRAMES = (30, 50, 100, 200, 400, 800)
CUTS_PER_LENGTH = 3  # of each stretch: more cuts of one utterance add little
UNLIKE_DEVIATIONS = 4.0
LEAST_VALUES = 3  # of a column by which recordings are held out, for each class
LONG_ENOUGH_S = 1.0  # seconds of speech of the utterances that set the speech-ratio threshold
LEAST_DEVIATION = 0.1  # nats per frame and dimension: held-out speech of one channel varies less than speech does


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOutScores:
    """Scores of one utterance by mixtures that are speaker-disjoint from it.

    Attributes
    ----------
    label : str
        Its class.
    speaker : str
    whole : Scores
        Of the whole utterance.
    cuts : tuple of Scores
        Of short cuts of it.
    group : str
        The recording's value of `Recipe.balance_by`.
    augmented : bool
        Whether it is a version with channel augmentation.
    """

    label: str
    speaker: str
    whole: Scores
    cuts: tuple[Scores, ...]
    group: str = ""
    augmented: bool = False


@dataclass(frozen=True, kw_only=True)
class HeldOutAnswer:
    """The answer to a held-out utterance.

    Attributes
    ----------
    label : str
        Its class.
    speaker : str
    answer : str
        A class, or unknown.
    score : float
        Log-likelihood ratio of the class that was answered; NaN for unknown.
    group : str
        The recording's value of `Recipe.balance_by`.
    """

    label: str
    speaker: str
    answer: str
    score: float = math.nan
    group: str = ""


def held_out_answers(model: Model, scores: Iterable[HeldOutScores]) -> tuple[HeldOutAnswer, ...]:
    """The answers of the calibrated model to the whole utterances."""
    answers = []
    for each in scores:
        if not each.augmented:
            decision = model.decide(each.whole)
            answers.append(
                HeldOutAnswer(
                    label=each.label,
                    speaker=each.speaker,
                    answer=decision.label,
                    score=decision.score,
                    group=each.group,
                )
            )
    return tuple(answers)


def held_out_scores(scorer: Scorer, material: Material, run: Run, fit: Fitter) -> list[HeldOutScores]:
    """Score held-out speakers: the dev split, or without one each fold of speakers by a fit on the others.

    Parameters
    ----------
    scorer : Scorer
        Fitted on the train set; it scores the dev split.
    material : Material
    run : Run
    fit : Fitter

    Returns
    -------
    list of HeldOutScores
        One per utterance with speech in every stream.
    """
    balance_by, dev = run.recipe.balance_by, material.dev_recordings
    if dev[0]:
        return score_utterances(scorer, dev, balance_by)
    folds = _folds(material, run)
    scores: list[HeldOutScores] = []
    for number, fold in enumerate(run.progress(folds, total=len(folds), what="holding out speakers"), start=1):
        others, held_out = _part_fold(material, fold)
        fitted = fit(others, run.at(f"fold-{number}").silently())
        scores += score_utterances(fitted.scorer, held_out, balance_by)
    return scores


def require_speech(material: Material, run: Run) -> None:
    """Refuse too little speech to train on, also without one of the folds of the calibration.

    Parameters
    ----------
    material : Material
    run : Run

    Raises
    ------
    TrainingError
    """
    parts = [material]
    if not material.dev_recordings[0]:
        parts += [_part_fold(material, fold)[0] for fold in _folds(material, run)]
    for part in parts:
        for utterances in part.train_set:
            for label in part.corpus.labels:
                balance(label, [each for each in utterances if each.recording.label == label], run.recipe)


def score_utterances(scorer: Scorer, streams: StreamUtterances, balance_by: str = "") -> list[HeldOutScores]:
    """Score utterances, whole and cut to several lengths; those without speech in a stream are left out.

    Parameters
    ----------
    scorer : Scorer
    streams : list of list of Utterance
        For each stream the same utterances.
    balance_by : str
        A column of the manifest, or empty.

    Returns
    -------
    list of HeldOutScores
    """
    scores = []
    for utterance in zip(*streams, strict=True):
        stretches = _stretches(utterance, scorer)
        whole = scorer.score_all(stretches)
        if whole.n_speech.all():
            recording = utterance[0].recording
            scores.append(
                HeldOutScores(
                    label=recording.label,
                    speaker=speaker_of(recording),
                    whole=whole,
                    cuts=tuple(scorer.score(cut) for cut in cuts(stretches)),
                    group=recording.value_of(balance_by) or "",
                    augmented=bool(recording.augmentation),
                )
            )
    return scores


def calibrate(scorer: Scorer, scores: Sequence[HeldOutScores], recipe: Recipe) -> Model:
    """Calibrate a scorer on held-out scores.

    The speakers of a class count equally, and so do all versions and cuts of a speaker. Where non-speech is rejected by
    its ratio to speech, the threshold of this ratio is set. Otherwise the minimum likelihood of class mixtures is set:
    with a ratio it would reject speech over lossy codecs and add nothing.

    Parameters
    ----------
    scorer : Scorer
    scores : sequence of HeldOutScores
        At least one for every class.
    recipe : Recipe

    Returns
    -------
    Model
        With equal priors.
    """
    all_scores = [score for each in scores for score in (each.whole, *each.cuts)]
    owners = [(scorer.labels.index(each.label), each.speaker) for each in scores for _ in range(1 + len(each.cuts))]
    n_scores = Counter(owners)
    n_classes = len(scorer.labels)
    calibration = fit_calibration(
        means=scorer.class_scores(np.stack([score.means for score in all_scores])),
        n_frames=np.array([float(score.n_speech[0]) for score in all_scores]),
        truth=np.array([label for label, _ in owners]),
        case_weights=np.array([1.0 / n_scores[owner] for owner in owners]),
        speakers_per_class=np.bincount([label for label, _ in n_scores], minlength=n_classes),
    )
    wholes = [each.whole for each in scores]
    return Model(
        labels=scorer.labels,
        streams=scorer.streams,
        submodels=scorer.submodels,
        nonspeech=scorer.nonspeech,
        tied_rejection=scorer.tied_rejection,
        calibration=calibration,
        priors=(1.0 / n_classes,) * n_classes,
        min_speech_ratio=_min_speech_ratio(scorer, scores),
        min_likelihood=None if scorer.rejects or scorer.submodels else _min_likelihood(scorer, wholes),
        decision=recipe.decision,
    )


def cuts(stretches: Sequence[Sequence[Stretch]]) -> Iterator[tuple[Stretch, ...]]:
    """Short cuts of an utterance's speech frames, a few of each length in `CUT_FRAMES`, in every stream."""
    for streams in stretches:
        n_speech = min(len(stretch.frames) for stretch in streams)
        for length in CUT_FRAMES:
            begins = range(0, n_speech - length, length)
            for begin in begins[:CUTS_PER_LENGTH]:
                yield tuple(Stretch(stretch.frames[begin : begin + length], length) for stretch in streams)


def min_likelihood(best_means: Sequence[float], n_dimensions: int) -> float:
    """Minimum mean log-likelihood of an utterance: four standard deviations below the held-out mean.

    Parameters
    ----------
    best_means : sequence of float
        Mean log-likelihood per frame of each held-out utterance under the class that fits it best.
    n_dimensions : int
        D; the standard deviation is taken as at least `LEAST_DEVIATION` times D.

    Returns
    -------
    float
    """
    deviation = max(float(np.std(best_means)), LEAST_DEVIATION * n_dimensions)
    return float(np.mean(best_means)) - UNLIKE_DEVIATIONS * deviation


def _folds(material: Material, run: Run) -> list[frozenset[str]]:
    """The speakers that are held out together: those of each value of `Recipe.calibration_by`, or random ones.

    A speaker with recordings of several values is held out once, with the first value.
    """
    recordings = [each.recording for each in material.streams[0]]
    by, recipe = run.recipe.calibration_by, run.recipe
    value_of: dict[str, str] = {}
    speakers: dict[str, set[str]] = defaultdict(set)
    values: dict[str, set[str]] = defaultdict(set)
    for recording in recordings if by else []:
        value = value_of.setdefault(speaker_of(recording), recording.value_of(by) or "")
        speakers[value].add(speaker_of(recording))
        values[recording.label].add(value)
    if by and all(len(values[label]) >= LEAST_VALUES for label in material.corpus.labels):
        return [frozenset(own) for _, own in sorted(speakers.items())]
    return speaker_folds(recordings, recipe.calibration_folds, recipe.seed)


def _part_fold(material: Material, fold: frozenset[str]) -> tuple[Material, StreamUtterances]:
    """The material of the speakers outside a fold; the recordings and channel versions of those inside."""
    others = material.of(material.corpus, lambda recording: speaker_of(recording) not in fold)
    held_out = selected(
        material.streams,
        lambda recording: speaker_of(recording) in fold and recording.augmentation in ("", CHANNEL),
    )
    return others, held_out


def _stretches(utterance: Sequence[Utterance], scorer: Scorer) -> list[tuple[Stretch, ...]]:
    return list(aligned((each.stretches() for each in utterance), scorer.front_ends))


def _min_speech_ratio(scorer: Scorer, scores: Sequence[HeldOutScores]) -> float | None:
    """The threshold from held-out utterances, speakers weighted equally; short ones count if there are no others."""
    if not scorer.rejects:
        return None
    least_frames = LONG_ENOUGH_S / scorer.front_end.hop_s
    long = [each for each in scores if each.whole.n_speech[0] >= least_frames] or list(scores)
    thresholds = []
    for augmented, share in ((False, REJECTED_SHARE), (True, REJECTED_CHANNEL_SHARE)):
        own = [each for each in long if each.augmented == augmented]
        n_utterances = Counter(each.speaker for each in own)
        ratios = [each.whole.mean_speech_ratio for each in own]
        if own:
            thresholds.append(speech_ratio_threshold(ratios, [1.0 / n_utterances[each.speaker] for each in own], share))
    return min(thresholds)


def _min_likelihood(scorer: Scorer, wholes: Sequence[Scores]) -> float:
    return min_likelihood([float(whole.means[0].max()) for whole in wholes], scorer.front_end.n_dimensions)
