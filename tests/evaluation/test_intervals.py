"""Bootstrap over speakers compared with exact probabilities and an explicit loop, and its simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from speechgmm.evaluation.array_types import Counts
from speechgmm.evaluation.intervals import percentile_interval, resample_speakers, speaker_counts, utterance_draws
from speechgmm.evaluation.metrics import Statistic, accuracy, confusion, unweighted_average_recall, wilson_interval

# Class 0: 3 correct; 1 correct and 3 wrong; 2 correct and 1 unknown. Class 1: 1 wrong; 5 correct and 1 wrong.
SPEAKERS = np.array(
    [
        [[3, 0, 0], [0, 0, 0]],
        [[1, 3, 0], [0, 0, 0]],
        [[2, 0, 1], [0, 0, 0]],
        [[0, 0, 0], [1, 0, 0]],
        [[0, 0, 0], [1, 5, 0]],
    ]
)


def resample_by_loop(counts: Counts, *, n_resamples: int, rng: np.random.Generator) -> Counts:
    """Draw speakers, then their utterances, one at a time."""
    n_classes, n_columns = counts.shape[1:]
    resamples = np.zeros((n_resamples, n_classes, n_columns), dtype=int)
    for resample in resamples:
        for label in range(n_classes):
            speakers = [np.repeat(range(n_columns), rows[label]) for rows in counts if rows[label].any()]
            for _ in speakers:
                utterances = speakers[rng.integers(len(speakers))]
                for predicted in utterances[rng.integers(len(utterances), size=len(utterances))]:
                    resample[label, predicted] += 1
    return resamples


def test_speaker_counts_are_confusion_counts_per_speaker() -> None:
    """Their sum is the confusion of all utterances."""
    rng = np.random.default_rng(1)
    truth, predicted, speaker = rng.integers(3, size=90), rng.integers(4, size=90), rng.permutation(np.arange(90) % 8)
    counts = speaker_counts(truth, predicted, speaker, n_classes=3)
    assert counts.shape == (8, 3, 4)
    for number, actual in enumerate(counts):
        selected = speaker == number
        np.testing.assert_array_equal(actual, confusion(truth[selected], predicted[selected], n_classes=3))
    np.testing.assert_array_equal(counts.sum(axis=0), confusion(truth, predicted, n_classes=3))


def test_speaker_counts_without_utterances() -> None:
    """Without utterances there are no speakers."""
    empty = np.zeros(0, dtype=int)
    assert speaker_counts(empty, empty, empty, n_classes=2).shape == (0, 2, 3)


def test_resampling_has_the_exact_probabilities() -> None:
    """Two speakers, one with 1 correct, one with 1 correct and 1 wrong: hand-worked probabilities of all resamples."""
    counts = np.array([[[1, 0, 0], [0, 0, 0]], [[1, 1, 0], [0, 0, 0]]])
    n_resamples = 15_000
    resamples = resample_speakers(counts, n_resamples=n_resamples, rng=np.random.default_rng(2))
    # First speaker twice (1/4): 2 correct. Both (1/2): 1 correct and 2 random. Second twice (1/4): 4 random.
    expected = {(2, 0): 1 / 4, (3, 0): 1 / 8, (2, 1): 1 / 4, (1, 2): 1 / 8}
    expected |= {(4 - wrong, wrong): math.comb(4, wrong) / 64 for wrong in range(5)}
    pairs, n_drawn = np.unique(resamples[:, 0, :2], axis=0, return_counts=True)
    assert {tuple(pair) for pair in pairs.tolist()} == set(expected)
    for pair, n in zip(pairs.tolist(), n_drawn, strict=True):
        share = expected[tuple(pair)]
        assert n / n_resamples == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n_resamples))


@pytest.mark.parametrize("statistic", [accuracy, unweighted_average_recall])
def test_resampling_equals_explicit_loop(statistic: Statistic) -> None:
    """Statistics have the distribution of an explicit two-stage draw."""
    fast = resample_speakers(SPEAKERS, n_resamples=2000, rng=np.random.default_rng(3))
    slow = resample_by_loop(SPEAKERS, n_resamples=2000, rng=np.random.default_rng(4))
    assert ks_2samp(statistic(fast), statistic(slow)).pvalue > 0.01
    np.testing.assert_allclose(fast.mean(axis=0), slow.mean(axis=0), atol=5 * slow.std(axis=0).max() / math.sqrt(2000))


def test_every_resample_has_every_class_that_occurs() -> None:
    """Speakers are drawn within each class: every class that occurs is in every resample, and no other."""
    counts = np.concatenate([SPEAKERS, np.zeros((5, 1, 3), dtype=int)], axis=1)
    counts = np.concatenate([counts, np.zeros((5, 3, 1), dtype=int)], axis=2)
    n_utterances = resample_speakers(counts, n_resamples=500, rng=np.random.default_rng(5)).sum(axis=2)
    assert (n_utterances[:, 0] >= 9).all()  # three speakers with three utterances or more
    assert (n_utterances[:, 1] >= 2).all()
    assert (n_utterances[:, 2] == 0).all()


def test_equal_speakers_give_constant_resamples() -> None:
    """If all utterances are correct, every resample is correct."""
    counts = np.zeros((4, 2, 3), dtype=int)
    counts[:2, 0, 0], counts[2:, 1, 1] = 7, 3
    resamples = resample_speakers(counts, n_resamples=20, rng=np.random.default_rng(6))
    np.testing.assert_array_equal(resamples, np.broadcast_to(counts.sum(axis=0), resamples.shape))


def test_same_seed_same_resamples() -> None:
    """The generator is the only source of randomness."""
    first, again, other = (
        resample_speakers(SPEAKERS, n_resamples=50, rng=np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_order_of_speakers_does_not_matter() -> None:
    """Resamples do not depend on the order of speakers."""
    first, reversed_order = (
        resample_speakers(counts, n_resamples=50, rng=np.random.default_rng(9)) for counts in (SPEAKERS, SPEAKERS[::-1])
    )
    np.testing.assert_array_equal(first, reversed_order)


def test_many_utterances_of_one_speaker_each() -> None:
    """20,000 utterances, each with its own speaker: the interval is as wide as for independent utterances."""
    truth = np.arange(20_000) % 2
    predicted = np.where(np.arange(20_000) % 10 == 0, 1 - truth, truth)
    counts = speaker_counts(truth, predicted, np.arange(20_000), n_classes=2)
    resamples = resample_speakers(counts, n_resamples=1000, rng=np.random.default_rng(10))
    assert (resamples.sum(axis=(1, 2)) == 20_000).all()
    bootstrap, independent = percentile_interval(accuracy(resamples)), wilson_interval(18_000, 20_000)
    assert bootstrap.low == pytest.approx(independent.low, abs=5e-4)
    assert bootstrap.high == pytest.approx(independent.high, abs=5e-4)


def test_draws_of_utterances_are_the_same_resampling() -> None:
    """The counts of the drawn utterances have the distribution of the resampled counts."""
    speaker, truth, predicted = np.repeat(np.indices(SPEAKERS.shape).reshape(3, -1), SPEAKERS.ravel(), axis=1)
    shuffled = np.random.default_rng(13).permutation(len(truth))
    speaker, truth, predicted = speaker[shuffled], truth[shuffled], predicted[shuffled]
    (draws,) = utterance_draws(truth, speaker, n_resamples=2000, rng=np.random.default_rng(14))
    counted = np.array([confusion(np.repeat(truth, row), np.repeat(predicted, row), n_classes=2) for row in draws])
    expected = resample_speakers(SPEAKERS, n_resamples=2000, rng=np.random.default_rng(15))
    assert ks_2samp(unweighted_average_recall(counted), unweighted_average_recall(expected)).pvalue > 0.01
    np.testing.assert_allclose(
        counted.mean(axis=0), expected.mean(axis=0), atol=5 * expected.std(axis=0).max() / math.sqrt(2000)
    )


def test_draws_contain_whole_speakers() -> None:
    """A speaker with n utterances who is drawn r times contributes r n draws, independently per class."""
    truth, speaker = np.repeat([0, 1], [7, 5]), np.array([4, 4, 9, 9, 9, 9, 9, 4, 4, 4, 2, 2])
    (draws,) = utterance_draws(truth, speaker, n_resamples=300, rng=np.random.default_rng(16))
    cells = [
        draws[:, (truth == label) & (speaker == number)].sum(axis=1)
        for label, number in [(0, 4), (0, 9), (1, 4), (1, 2)]
    ]
    sizes = [2, 5, 3, 2]
    times = [drawn / size for drawn, size in zip(cells, sizes, strict=True)]
    assert {*map(tuple, np.stack(times[:2], axis=1).tolist())} == {(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)}
    assert {*map(tuple, np.stack(times[2:], axis=1).tolist())} == {(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)}


def test_draws_are_yielded_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resamples do not depend on the block size; without utterances the draws are empty."""
    truth, speaker = np.arange(10) % 2, np.arange(10) // 4
    (whole,) = utterance_draws(truth, speaker, n_resamples=7, rng=np.random.default_rng(17))
    monkeypatch.setattr("speechgmm.evaluation.intervals._BLOCK", 35)
    parts = list(utterance_draws(truth, speaker, n_resamples=7, rng=np.random.default_rng(17)))
    assert [len(part) for part in parts] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    (empty,) = utterance_draws(truth[:0], speaker[:0], n_resamples=4, rng=np.random.default_rng(18))
    assert empty.shape == (4, 0)


def test_percentile_interval_hand_worked() -> None:
    """Of the integers from 0 to 1000, the central 95 % are 25 to 975 and the central half 250 to 750."""
    values = np.random.default_rng(11).permutation(1001).astype(float)
    assert percentile_interval(values).low == pytest.approx(25)
    assert percentile_interval(values).high == pytest.approx(975)
    assert percentile_interval(values, level=0.5).low == pytest.approx(250)
    assert percentile_interval(values, level=0.5).high == pytest.approx(750)


def test_percentile_interval_of_an_undefined_statistic() -> None:
    """One undefined resample makes the interval undefined."""
    interval = percentile_interval(np.array([0.1, np.nan, 0.3]))
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_coverage() -> None:
    """If speakers differ, the bootstrap has about nominal coverage, the Wilson interval far less."""
    rng = np.random.default_rng(12)
    n_runs, covered, covered_by_wilson = 120, 0, 0
    for _ in range(n_runs):
        n_correct = rng.binomial(20, rng.beta(4, 1, size=60))
        counts = np.zeros((60, 2, 3), dtype=int)
        counts[:30, 0, 0], counts[:30, 0, 1] = n_correct[:30], 20 - n_correct[:30]
        counts[30:, 1, 1], counts[30:, 1, 0] = n_correct[30:], 20 - n_correct[30:]
        interval = percentile_interval(accuracy(resample_speakers(counts, n_resamples=120, rng=rng)))
        wilson = wilson_interval(int(n_correct.sum()), 1200)
        covered += interval.low <= 0.8 <= interval.high
        covered_by_wilson += wilson.low <= 0.8 <= wilson.high
    assert 0.89 <= covered / n_runs <= 0.99
    assert covered_by_wilson / n_runs < 0.75
