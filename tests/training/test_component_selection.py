"""Sizes compared on speakers held out: on frames drawn from known mixtures, and through a whole training."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.errors import OptionError, TrainingError
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.information_criteria import SizeResult, aic, bic
from speechgmm.mixture.options import EMOptions
from speechgmm.training.component_selection import compare_sizes, to_csv
from speechgmm.training.fitting import fit_scorer
from speechgmm.training.material import Material
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import AUTO_SIZES, Run
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor

T = TypeVar("T")

SINGLE = 1e-5  # relative; EM on float32 frames works in single precision, which each processor rounds in its own way

LABELS = ("high", "low")
FRONT_END = FrontEndOptions(n_coefficients=4, cepstral_mean="none")
OPTIONS = Recipe(front_end=FRONT_END, calibration_folds=3, speaker_share=100.0, em=EMOptions(max_iterations=20))


def utterances_of(n_speakers: int = 6, n_frames: int = 200, *, clusters: int = 4) -> list[Utterance]:
    """Speakers of both classes whose frames are drawn from well separated clusters, the same for all."""
    rng = np.random.default_rng(4)
    made: list[Utterance] = []
    for label, shift in zip(LABELS, (0.0, 3.0), strict=True):
        means = shift + 8.0 * np.eye(4)[:clusters]
        mixture = DiagonalMixture(np.full(clusters, 1.0 / clusters), means, np.ones((clusters, 4)))
        for number in range(n_speakers):
            frames = mixture.sample(n_frames, rng)[0].astype(np.float32)
            name = f"{label}-{number}.wav"
            recording = Recording(file=Path(name), name=name, label=label, speaker=f"{label} {number}")
            made.append(Utterance.of(recording, [Stretch(frames, n_frames)], f"{len(made):064x}"))
    return made


def material_of(utterances: list[Utterance]) -> Material:
    """The material of a training with one stream."""
    corpus = Corpus(source="drawn", recordings=tuple(each.recording for each in utterances))
    return Material(corpus=corpus, streams=[utterances], nonspeech=[[]], failures=())


@pytest.mark.parametrize("cepstral_mean", ["none", "shrunk"])
def test_results_are_those_of_models_fitted_without_the_fold(cepstral_mean: str) -> None:
    """Each number is computed again from a model trained without the first fold and the frames kept and held out."""
    utterances = utterances_of()
    options = replace(OPTIONS, n_components=2, front_end=replace(FRONT_END, cepstral_mean=cepstral_mean))
    (result,) = compare_sizes(material_of(utterances), Run(recipe=options, sizes=(2,)))

    fold = speaker_folds((each.recording for each in utterances), 3, options.seed)[0]
    kept = [each for each in utterances if speaker_of(each.recording) not in fold]
    unheard = [each for each in utterances if speaker_of(each.recording) in fold]
    model = fit_scorer(material_of(kept), Run(recipe=options)).scorer

    def scores(part: list[Utterance], label: str) -> float:
        mine = [model.score_all((each,) for each in one.stretches()) for one in part if one.recording.label == label]
        total = sum(float(each.log_likelihoods[0, LABELS.index(label)]) for each in mine)
        return total / sum(int(each.n_speech[0]) for each in mine)

    means = [scores(kept, label) for label in LABELS]
    total, parameters = 800 * sum(means), 2 * (2 * 9 - 1)
    assert result.n_components == 2
    assert result.log_likelihood == pytest.approx(np.mean(means), rel=SINGLE)
    assert result.aic == pytest.approx(aic(total, parameters), rel=SINGLE)
    assert result.bic == pytest.approx(bic(total, parameters, 1600), rel=SINGLE)
    assert result.held_out == pytest.approx(np.mean([scores(unheard, label) for label in LABELS]), rel=SINGLE)


def test_held_out_speakers_show_the_true_size() -> None:
    """Up to the true number of clusters the held-out likelihood grows; beyond it, training alone still gains."""
    one, two, four, sixteen = compare_sizes(material_of(utterances_of()), Run(recipe=OPTIONS, sizes=(16, 1, 4, 2, 4)))
    assert [each.n_components for each in (one, two, four, sixteen)] == [1, 2, 4, 16]
    assert one.held_out < two.held_out < four.held_out
    assert sixteen.held_out < four.held_out
    assert sixteen.log_likelihood > four.log_likelihood
    assert four.bic < min(two.bic, sixteen.bic)


def test_auto_takes_the_sizes_the_smaller_class_can_feed() -> None:
    """Of the automatic sizes those remain for which the smallest class has frames without the fold."""
    utterances = [each for each in utterances_of() if each.recording.speaker not in ("low 4", "low 5")]
    # The first fold holds two of the four low speakers: 400 frames are left, which is 10 for each of 40 components.
    results = compare_sizes(material_of(utterances), Run(recipe=OPTIONS, sizes="auto"))
    assert [each.n_components for each in results] == [8, 16, 32]


def test_auto_says_when_even_the_smallest_is_too_large() -> None:
    """Where no automatic size has enough speech, the error is that of the smallest."""
    with pytest.raises(TrainingError, match=r"^the class 'high' has 0\.4 s of speech to train on, but 8 components"):
        compare_sizes(material_of(utterances_of(2, 40)), Run(recipe=OPTIONS, sizes="auto"))


def test_a_size_asked_for_is_not_left_out_in_silence() -> None:
    """A size in a list that the speech cannot feed is an error."""
    with pytest.raises(TrainingError, match=r"but 512 components need 51\.2 s"):
        compare_sizes(material_of(utterances_of()), Run(recipe=OPTIONS, sizes=(2, 512)))


def test_one_speaker_cannot_be_held_out() -> None:
    """A class with one speaker, or one with speech, is named with the remedy."""
    utterances = [each for each in utterances_of(2) if each.recording.speaker != "low 1"]
    silent = replace(utterances[-1].recording, speaker="low 1")
    nothing = Utterance.of(silent, [Stretch(np.empty((0, 4), np.float32), 9)], "0")
    expected = (
        r"^the class 'low' has only one speaker to train on, but two are needed to compare numbers of components: "
    )
    with pytest.raises(TrainingError, match=expected):
        compare_sizes(material_of([*utterances, nothing]), Run(recipe=OPTIONS, sizes=(2, 4)))


def test_two_jobs_give_the_same_results() -> None:
    """The results do not depend on how many workers there were."""
    one, two = (
        compare_sizes(material_of(utterances_of()), Run(recipe=OPTIONS, sizes=(2, 4), executor=LocalExecutor(jobs)))
        for jobs in (1, 2)
    )
    assert one == two


def test_an_impossible_size_is_refused() -> None:
    """A number no mixture can have is named, wherever it stands in the list; the automatic ones are possible."""
    Run(recipe=OPTIONS, sizes="auto")
    Run(recipe=OPTIONS, sizes=(1, 4096))
    with pytest.raises(OptionError, match=r"^n_components is 5000, but it must be 1 to 4096$"):
        Run(recipe=OPTIONS, sizes=(16, 5000))


def test_table_can_be_read_back() -> None:
    """The CSV has a header and every number in full."""
    results = [
        SizeResult(n_components=8, log_likelihood=-1 / 3, aic=10.0, bic=1e7 / 3, held_out=-0.1),
        SizeResult(n_components=16, log_likelihood=-0.25, aic=9.5, bic=12.0, held_out=-2 / 7),
    ]
    lines = to_csv(results).splitlines()
    assert lines[0] == "n_components,log_likelihood,aic,bic,held_out"
    rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
    assert rows == [asdict(result) for result in results]


def test_training_takes_the_size_that_does_best(voices: Path) -> None:
    """A training with sizes is the training with the chosen one, and its card says what the choice rests on."""
    corpus = read_corpus(voices)
    options = Recipe(n_components=3, calibration_folds=2, em=EMOptions(max_iterations=3))

    training = train(corpus, Run(recipe=options, sizes=(1, 8)))

    small, large = training.sizes
    assert large.held_out > small.held_out + 1
    plain = train(corpus, Run(recipe=replace(options, n_components=8))).model
    for mine, theirs in zip(training.model.streams[0].mixtures, plain.streams[0].mixtures, strict=True):
        assert isinstance(mine, DiagonalMixture)
        assert isinstance(theirs, DiagonalMixture)
        np.testing.assert_array_equal(mine.means, theirs.means)
    card = dict(training.model.card)
    assert card.pop("held_out_by_components") == {"1": round(small.held_out, 6), "8": round(large.held_out, 6)}
    assert card == plain.card


def test_training_refuses_an_impossible_size_at_once(voices: Path) -> None:
    """A size is checked before any recording is read."""

    def progress(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        pytest.fail("the work was started")

    with pytest.raises(OptionError, match=r"^n_components is 0, but"):
        train(read_corpus(voices), Run(sizes=(8, 0), progress=progress))


def test_automatic_sizes_double() -> None:
    """The automatic sizes reach from 8 to 256."""
    assert AUTO_SIZES == (8, 16, 32, 64, 128, 256)
