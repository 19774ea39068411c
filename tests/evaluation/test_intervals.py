"""The bootstrap over speakers: against exact probabilities, an explicit loop, and a simulation of its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from speechgmm.evaluation.intervals import percentile_interval, resample_speakers, speaker_counts, utterance_draws
from speechgmm.evaluation.metrics import accuracy, confusion, unweighted_average_recall, wilson_interval

# Speakers of class 0: 3 right; 1 right and 3 wrong; 2 right and 1 unknown. Of class 1: 1 wrong; 5 right, 1 wrong.
SPEAKERS = np.array(
    [
        [[3, 0, 0], [0, 0, 0]],
        [[1, 3, 0], [0, 0, 0]],
        [[2, 0, 1], [0, 0, 0]],
        [[0, 0, 0], [1, 0, 0]],
        [[0, 0, 0], [1, 5, 0]],
    ]
)


def resample_by_loop(counts, *, n_resamples, rng):
    """Draw speakers, then their utterances, one at a time."""
    n_classes, n_columns = counts.shape[1:]
    resamples = np.zeros((n_resamples, n_classes, n_columns), dtype=int)
    for resample in resamples:
        for label in range(n_classes):
            speakers = [np.repeat(range(n_columns), one[label]) for one in counts if one[label].any()]
            for _ in speakers:
                utterances = speakers[rng.integers(len(speakers))]
                for predicted in utterances[rng.integers(len(utterances), size=len(utterances))]:
                    resample[label, predicted] += 1
    return resamples


def test_speaker_counts_are_the_confusion_of_each():
    """Speaker by speaker, and adding up to the whole."""
    rng = np.random.default_rng(1)
    truth, predicted, speaker = rng.integers(3, size=90), rng.integers(4, size=90), rng.permutation(np.arange(90) % 8)
    counts = speaker_counts(truth, predicted, speaker, n_classes=3)
    assert counts.shape == (8, 3, 4)
    for number, of_one in enumerate(counts):
        mine = speaker == number
        np.testing.assert_array_equal(of_one, confusion(truth[mine], predicted[mine], n_classes=3))
    np.testing.assert_array_equal(counts.sum(axis=0), confusion(truth, predicted, n_classes=3))


def test_speaker_counts_of_nothing():
    """No utterances, no speakers."""
    nothing = np.zeros(0, dtype=int)
    assert speaker_counts(nothing, nothing, nothing, n_classes=2).shape == (0, 2, 3)


def test_resampling_has_the_exact_probabilities():
    """Two speakers, one with 1 right, one with 1 right and 1 wrong: every outcome as often as worked out by hand."""
    counts = np.array([[[1, 0, 0], [0, 0, 0]], [[1, 1, 0], [0, 0, 0]]])
    n_resamples = 15_000
    resamples = resample_speakers(counts, n_resamples=n_resamples, rng=np.random.default_rng(2))
    # The first twice (1/4): 2 right. Both (1/2): 1 right and two tosses. The second twice (1/4): four tosses.
    expected = {(2, 0): 1 / 4, (3, 0): 1 / 8, (2, 1): 1 / 4, (1, 2): 1 / 8}
    expected |= {(4 - wrong, wrong): math.comb(4, wrong) / 64 for wrong in range(5)}
    pairs, found = np.unique(resamples[:, 0, :2], axis=0, return_counts=True)
    assert {tuple(pair) for pair in pairs.tolist()} == set(expected)
    for pair, n in zip(pairs.tolist(), found, strict=True):
        share = expected[tuple(pair)]
        assert n / n_resamples == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n_resamples))


@pytest.mark.parametrize("statistic", [accuracy, unweighted_average_recall])
def test_resampling_equals_explicit_loop(statistic):
    """Statistics have the distribution of an explicit two-stage draw."""
    fast = resample_speakers(SPEAKERS, n_resamples=2000, rng=np.random.default_rng(3))
    slow = resample_by_loop(SPEAKERS, n_resamples=2000, rng=np.random.default_rng(4))
    assert ks_2samp(statistic(fast), statistic(slow)).pvalue > 0.01
    np.testing.assert_allclose(fast.mean(axis=0), slow.mean(axis=0), atol=5 * slow.std(axis=0).max() / math.sqrt(2000))


def test_every_resample_has_every_class_that_occurs():
    """Speakers are drawn within each class, so no class gets lost and none appears."""
    counts = np.concatenate([SPEAKERS, np.zeros((5, 1, 3), dtype=int)], axis=1)
    counts = np.concatenate([counts, np.zeros((5, 3, 1), dtype=int)], axis=2)
    n_utterances = resample_speakers(counts, n_resamples=500, rng=np.random.default_rng(5)).sum(axis=2)
    assert (n_utterances[:, 0] >= 9).all()  # three speakers with three utterances or more
    assert (n_utterances[:, 1] >= 2).all()
    assert (n_utterances[:, 2] == 0).all()


def test_one_kind_of_speaker_leaves_no_chance():
    """If all speakers of a class are always right, so is every resample."""
    counts = np.zeros((4, 2, 3), dtype=int)
    counts[:2, 0, 0], counts[2:, 1, 1] = 7, 3
    resamples = resample_speakers(counts, n_resamples=20, rng=np.random.default_rng(6))
    np.testing.assert_array_equal(resamples, np.broadcast_to(counts.sum(axis=0), resamples.shape))


def test_same_seed_same_resamples():
    """Chance comes from the generator alone."""
    first, again, other = (
        resample_speakers(SPEAKERS, n_resamples=50, rng=np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_order_of_speakers_does_not_matter():
    """Interchangeable speakers are drawn as one kind, so the resamples are the very same."""
    first, turned = (
        resample_speakers(counts, n_resamples=50, rng=np.random.default_rng(9)) for counts in (SPEAKERS, SPEAKERS[::-1])
    )
    np.testing.assert_array_equal(first, turned)


def test_many_utterances_of_one_speaker_each():
    """20,000 utterances, each a speaker of its own, 1000 times: as wide as for independent utterances."""
    truth = np.arange(20_000) % 2
    predicted = np.where(np.arange(20_000) % 10 == 0, 1 - truth, truth)
    counts = speaker_counts(truth, predicted, np.arange(20_000), n_classes=2)
    resamples = resample_speakers(counts, n_resamples=1000, rng=np.random.default_rng(10))
    assert (resamples.sum(axis=(1, 2)) == 20_000).all()
    found, independent = percentile_interval(accuracy(resamples)), wilson_interval(18_000, 20_000)
    assert found.low == pytest.approx(independent.low, abs=5e-4)
    assert found.high == pytest.approx(independent.high, abs=5e-4)


def test_draws_of_utterances_are_the_same_resampling():
    """Counted, the drawn utterances have the distribution of the resampled counts."""
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


def test_draws_keep_speakers_whole():
    """Of a speaker drawn r times, r times as many utterances are drawn as there are; each class keeps its own."""
    truth, speaker = np.repeat([0, 1], [7, 5]), np.array([4, 4, 9, 9, 9, 9, 9, 4, 4, 4, 2, 2])
    (draws,) = utterance_draws(truth, speaker, n_resamples=300, rng=np.random.default_rng(16))
    of_cells = [
        draws[:, (truth == label) & (speaker == who)].sum(axis=1) for label, who in [(0, 4), (0, 9), (1, 4), (1, 2)]
    ]
    sizes = [2, 5, 3, 2]
    times = [drawn / size for drawn, size in zip(of_cells, sizes, strict=True)]
    assert {*map(tuple, np.stack(times[:2], axis=1).tolist())} == {(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)}
    assert {*map(tuple, np.stack(times[2:], axis=1).tolist())} == {(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)}


def test_draws_come_in_blocks(monkeypatch):
    """Where memory allows only a few at a time, the same resamples come one after the other; none of nothing."""
    truth, speaker = np.arange(10) % 2, np.arange(10) // 4
    (whole,) = utterance_draws(truth, speaker, n_resamples=7, rng=np.random.default_rng(17))
    monkeypatch.setattr("speechgmm.evaluation.intervals._BLOCK", 35)
    parts = list(utterance_draws(truth, speaker, n_resamples=7, rng=np.random.default_rng(17)))
    assert [len(part) for part in parts] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    (nothing,) = utterance_draws(truth[:0], speaker[:0], n_resamples=4, rng=np.random.default_rng(18))
    assert nothing.shape == (4, 0)


def test_percentile_interval_hand_worked():
    """Of 0 to 1000 in steps of one the middle 95 % are 25 to 975, the middle half 250 to 750."""
    values = np.random.default_rng(11).permutation(1001).astype(float)
    assert percentile_interval(values).low == pytest.approx(25)
    assert percentile_interval(values).high == pytest.approx(975)
    assert percentile_interval(values, level=0.5).low == pytest.approx(250)
    assert percentile_interval(values, level=0.5).high == pytest.approx(750)


def test_percentile_interval_of_an_undefined_statistic():
    """One resample without a value, and there is no interval."""
    interval = percentile_interval(np.array([0.1, np.nan, 0.3]))
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_coverage():
    """Where speakers differ, the interval holds the true accuracy about as often as it says; Wilson's far less."""
    rng = np.random.default_rng(12)
    n_runs, held, held_by_wilson = 120, 0, 0
    for _ in range(n_runs):
        n_right = rng.binomial(20, rng.beta(4, 1, size=60))
        counts = np.zeros((60, 2, 3), dtype=int)
        counts[:30, 0, 0], counts[:30, 0, 1] = n_right[:30], 20 - n_right[:30]
        counts[30:, 1, 1], counts[30:, 1, 0] = n_right[30:], 20 - n_right[30:]
        interval = percentile_interval(accuracy(resample_speakers(counts, n_resamples=120, rng=rng)))
        wilson = wilson_interval(int(n_right.sum()), 1200)
        held += interval.low <= 0.8 <= interval.high
        held_by_wilson += wilson.low <= 0.8 <= wilson.high
    assert 0.89 <= held / n_runs <= 0.99
    assert held_by_wilson / n_runs < 0.75
