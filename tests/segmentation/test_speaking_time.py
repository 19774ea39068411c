"""Speaking time: sums over segments, hour by hour, and how sure a share is."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.segmentation.resampling import LEAST_UNITS, ratio_interval
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.serialise import summaries_to_json
from speechgmm.segmentation.speaking_time import MOST_BLOCKS, Summary, Tally, together
from speechgmm.segmentation.text import summary_text

CLASSES = ("male", "female")


def tallied(*parts: tuple[float, float, str]) -> Tally:
    tally = Tally(CLASSES)
    for start, end, label in parts:
        tally.add(Segment(start=start, end=end, label=label))
    return tally


def programme(seed: int, duration_s: float) -> list[tuple[float, float, str]]:
    """Turns of 1 to 20 s, one after the other; times are multiples of 1/8 s, so that sums are exact."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(8, 160, size=round(duration_s))) / 8
    ends = ends[ends < duration_s]
    labels = rng.choice([*CLASSES, UNKNOWN, NONSPEECH], size=len(ends)).tolist()
    return list(zip([0.0, *ends[:-1].tolist()], ends.tolist(), labels, strict=True))


def test_sums_and_shares_of_a_case_worked_by_hand() -> None:
    """Shares are of decided speech, the undecided share is of all that is not nonspeech."""
    times = tallied((0, 3, "female"), (3, 4, "male"), (4, 5, UNKNOWN), (5, 9, NONSPEECH)).summary("x").times
    assert dict(times.classes_s) == {"male": 1, "female": 3}
    assert (times.unknown_s, times.nonspeech_s, times.decided_s, times.duration_s) == (1, 4, 4, 9)
    assert (times.share("female"), times.share("male"), times.undecided) == (0.75, 0.25, 0.2)


def test_nothing_decided_has_no_share() -> None:
    """NaN, not 0; nor is there anything undecided where nothing is heard."""
    silent = tallied((0, 9, NONSPEECH)).summary("x").times
    assert math.isnan(silent.share("male"))
    assert math.isnan(silent.undecided)
    assert tallied((0, 9, UNKNOWN)).summary("x").times.undecided == 1


def test_segments_are_split_at_full_hours() -> None:
    """A segment counts in each hour for what lies in it."""
    hours = tallied((0, 3000, NONSPEECH), (3000, 8000, "female"), (8000, 8400, "male")).summary("x").by_hour
    assert [dict(one.classes_s) for one in hours] == [
        {"male": 0, "female": 600},
        {"male": 0, "female": 3600},
        {"male": 400, "female": 800},
    ]
    assert [one.duration_s for one in hours] == [3600, 3600, 1200]


@pytest.mark.parametrize("seed", range(3))
def test_hours_add_up_to_the_whole(seed: int) -> None:
    """Against plain sums over the segments."""
    parts = programme(seed, 10_000)
    summary = tallied(*parts).summary("x")
    for label in CLASSES:
        expected = sum(end - start for start, end, name in parts if name == label)
        assert summary.times.classes_s[label] == expected
        assert math.fsum(one.classes_s[label] for one in summary.by_hour) == expected
    assert summary.times.duration_s == parts[-1][1]


def test_segments_pass_through_one_by_one() -> None:
    """Each is counted before the next is asked for."""
    tally = Tally(CLASSES)
    passing = tally.following(Segment(start=at, end=at + 1, label="male") for at in range(3))
    next(passing)
    assert tally.summary("x").times.classes_s["male"] == 1
    assert len(list(passing)) == 2
    assert tally.summary("x").times.classes_s["male"] == 3


def test_intervals_come_from_minutes() -> None:
    """The bootstrap of a loop over minutes, drawn with the same generator."""
    parts = programme(3, 1500)
    summary = tallied(*parts).summary("x", Resampling(n_resamples=200, seed=7))
    minutes = np.zeros((25, 2))
    for start, end, label in parts:
        for minute in range(25):
            inside = min(end, 60 * minute + 60) - max(start, 60 * minute)
            if label in CLASSES and inside > 0:
                minutes[minute, CLASSES.index(label)] += inside
    minutes = minutes[minutes.any(axis=1)]  # one says nothing of shares
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(200):
        drawn = rng.multinomial(24, [1 / 24] * 24) @ minutes
        shares.append(drawn[0] / drawn.sum())
    low, high = np.quantile(shares, [0.025, 0.975])
    assert summary.units == "25 blocks of 1 min"
    assert summary.intervals["male"].low == pytest.approx(low)
    assert summary.intervals["male"].high == pytest.approx(high)
    assert summary.intervals["female"].low == pytest.approx(1 - high)


def test_blocks_grow_with_the_recording_and_their_number_does_not() -> None:
    """A recording of months has blocks of several minutes, the same sums, and an interval."""
    tally, lengths = Tally(CLASSES), (50.0, 10.0)
    for minute in range(3 * MOST_BLOCKS):
        at = 60.0 * minute
        for length, label in zip(lengths, CLASSES, strict=True):
            tally.add(Segment(start=at, end=at + length, label=label))
            at += length
    summary = tally.summary("x", Resampling(n_resamples=10))
    assert summary.units == f"{3 * MOST_BLOCKS // 4} blocks of 4 min"
    assert summary.times.share("male") == pytest.approx(5 / 6)
    assert summary.intervals["male"].high == pytest.approx(5 / 6)


def test_too_few_units_have_no_interval() -> None:
    """Four minutes of speech do not, five do; silent minutes do not count."""
    spoken = [(60.0 * minute, 60.0 * minute + 5 + minute, CLASSES[minute % 2]) for minute in range(5)]
    silence = (300.0, 3000.0, NONSPEECH)
    assert math.isnan(tallied(*spoken[:4], silence).summary("x").intervals["male"].low)
    assert tallied(*spoken, silence).summary("x").intervals["male"].low >= 0


def test_units_that_say_nothing_are_not_drawn() -> None:
    """Silence changes no interval; a unit with a part and no whole, such as false alarms alone, does."""
    wholes = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    parts = np.array([1.0, 0.0, 2.0, 0.0, 1.0])
    interval = ratio_interval(parts, wholes, Resampling())
    silence = np.zeros(500)
    assert ratio_interval(np.append(parts, silence), np.append(wholes, silence), Resampling()) == interval
    assert ratio_interval(np.append(parts, 9.0), np.append(wholes, 0.0), Resampling()).high > interval.high


def test_a_ratio_without_a_whole_has_no_interval() -> None:
    """Where a resample can be of false alarms alone, nothing is claimed."""
    wholes = np.array([1.0] * LEAST_UNITS + [0.0] * 500)
    assert math.isnan(ratio_interval(np.ones(len(wholes)), wholes, Resampling()).low)
    assert ratio_interval(wholes[:5] / 2, wholes[:5], Resampling()) == Interval(0.5, 0.5)


def test_recordings_together_are_drawn_as_wholes() -> None:
    """Sums add, and the interval is that of the recordings' shares, not of their minutes."""
    each = [tallied(*programme(seed, 2000)).summary(str(seed)) for seed in range(6)]
    overall = together(each)
    for label in CLASSES:
        assert overall.times.classes_s[label] == math.fsum(one.times.classes_s[label] for one in each)
    assert overall.times.duration_s == math.fsum(one.times.duration_s for one in each)
    assert (overall.name, overall.units, overall.by_hour) == ("6 recordings", "6 recordings", ())
    alike = together([each[0]] * 6)
    assert alike.intervals["male"].low == pytest.approx(alike.times.share("male"))
    assert math.isnan(together(each[:4]).intervals["male"].low)


def example() -> Summary:
    voices = ((0, 1800, "male"), (1800, 3000, "female"), (3700, 3800, "male"))
    tally = tallied(*voices, (3000, 3700, UNKNOWN), (3800, 4000.5, NONSPEECH))
    intervals = {"male": Interval(0.25, 0.5), "female": Interval(math.nan, math.nan)}
    return replace(tally.summary("a\nb.wav"), intervals=intervals)


def test_the_text_has_every_figure() -> None:
    """Times, shares, intervals where there are any, hours, and what the interval is of."""
    assert summary_text(example()).splitlines() == [
        "Speaking time in a?b.wav, 1:06:40.5 in all",
        "                  time  of speech  95 % interval",
        "male         0:31:40.0     61.3 %   25.0 to 50.0",
        "female       0:20:00.0     38.7 %            n/a",
        "all classes  0:51:40.0",
        "unknown: 0:11:40.0, 18.4 % of what may be speech",
        "nonspeech: 0:03:20.5",
        "by hour       male     female  of speech  of speech    unknown  nonspeech",
        "0:00     0:30:00.0  0:20:00.0     60.0 %     40.0 %  0:10:00.0  0:00:00.0",
        "1:00     0:01:40.0  0:00:00.0    100.0 %      0.0 %  0:01:40.0  0:03:20.5",
        "Intervals from resampling 67 blocks of 1 min: how the shares vary from one to the next. What the",
        "labels get wrong is not in them.",
    ]


def test_the_text_of_a_short_recording_claims_nothing() -> None:
    """One minute has no hours and no interval."""
    lines = summary_text(tallied((0, 30, "male")).summary("x.wav")).splitlines()
    assert lines[-2:] == [
        "nonspeech: 0:00:00.0",
        "There is no interval: 1 block of 1 min cannot tell how the shares vary.",
    ]


def test_json_has_every_figure() -> None:
    """And none that is not JSON: NaN is null."""
    found = json.loads(json.dumps(summaries_to_json([example()], together([example()])), allow_nan=False))
    assert (found["schema"], found["schema_version"]) == ("speechgmm-speaking-time", 1)
    (recording,) = found["recordings"]
    assert recording["share_intervals"] == {"male": [0.25, 0.5], "female": [None, None]}
    assert recording["shares"]["male"] == pytest.approx(example().times.share("male"))
    assert len(recording["by_hour"]) == 2
    assert found["overall"]["classes_s"] == recording["classes_s"]
    assert summaries_to_json([])["overall"] is None
