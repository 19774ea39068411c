"""Speaking time: sums over segments, per hour, and intervals of the shares."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.metrics import Interval
from speechgmm.segmentation.bootstrap_intervals import MIN_UNITS, ratio_interval
from speechgmm.segmentation.report_json import summaries_to_json
from speechgmm.segmentation.report_text import summary_text
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.speaking_time import MAX_BLOCKS, Summary, Tally, together

CLASSES = ("male", "female")


def tallied(*parts: tuple[float, float, str]) -> Tally:
    tally = Tally(CLASSES)
    for start, end, label in parts:
        tally.add(Segment(start=start, end=end, label=label))
    return tally


def programme(seed: int, duration_s: float) -> list[tuple[float, float, str]]:
    """Consecutive turns of 1 to 20 s; times are multiples of 1/8 s, so that sums are exact."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(8, 160, size=round(duration_s))) / 8
    ends = ends[ends < duration_s]
    labels = rng.choice([*CLASSES, UNKNOWN, NONSPEECH], size=len(ends)).tolist()
    return list(zip([0.0, *ends[:-1].tolist()], ends.tolist(), labels, strict=True))


def test_sums_and_shares_of_a_case_worked_by_hand() -> None:
    """Shares are of the time with a class; the share of unknown is of all that is not non-speech."""
    times = tallied((0, 3, "female"), (3, 4, "male"), (4, 5, UNKNOWN), (5, 9, NONSPEECH)).summary("x").times
    assert dict(times.classes_s) == {"male": 1, "female": 3}
    assert (times.unknown_s, times.nonspeech_s, times.decided_s, times.duration_s) == (1, 4, 4, 9)
    assert (times.share("female"), times.share("male"), times.undecided) == (0.75, 0.25, 0.2)


def test_without_speech_there_is_no_share() -> None:
    """The share of a class is NaN, and that of unknown too if all is non-speech."""
    silent = tallied((0, 9, NONSPEECH)).summary("x").times
    assert math.isnan(silent.share("male"))
    assert math.isnan(silent.undecided)
    assert tallied((0, 9, UNKNOWN)).summary("x").times.undecided == 1


def test_segments_are_split_at_full_hours() -> None:
    """Each hour has the part of a segment that lies in it."""
    hours = tallied((0, 3000, NONSPEECH), (3000, 8000, "female"), (8000, 8400, "male")).summary("x").by_hour
    assert [dict(times.classes_s) for times in hours] == [
        {"male": 0, "female": 600},
        {"male": 0, "female": 3600},
        {"male": 400, "female": 800},
    ]
    assert [times.duration_s for times in hours] == [3600, 3600, 1200]


@pytest.mark.parametrize("seed", range(3))
def test_hours_add_up_to_the_whole(seed: int) -> None:
    """Compared with plain sums over the segments."""
    parts = programme(seed, 10_000)
    summary = tallied(*parts).summary("x")
    for label in CLASSES:
        expected = sum(end - start for start, end, name in parts if name == label)
        assert summary.times.classes_s[label] == expected
        assert math.fsum(times.classes_s[label] for times in summary.by_hour) == expected
    assert summary.times.duration_s == parts[-1][1]


def test_segments_are_added_one_by_one() -> None:
    """Each is added before the next is asked for."""
    tally = Tally(CLASSES)
    passing = tally.adding(Segment(start=start, end=start + 1, label="male") for start in range(3))
    next(passing)
    assert tally.summary("x").times.classes_s["male"] == 1
    assert len(list(passing)) == 2
    assert tally.summary("x").times.classes_s["male"] == 3


def test_intervals_come_from_minutes() -> None:
    """Compared with a bootstrap written as a loop, with the same random numbers."""
    parts = programme(3, 1500)
    summary = tallied(*parts).summary("x", Resampling(n_resamples=200, seed=7))
    minutes = np.zeros((25, 2))
    for start, end, label in parts:
        for minute in range(25):
            inside = min(end, 60 * minute + 60) - max(start, 60 * minute)
            if label in CLASSES and inside > 0:
                minutes[minute, CLASSES.index(label)] += inside
    minutes = minutes[minutes.any(axis=1)]  # one minute has no speech
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


def test_the_number_of_blocks_is_limited() -> None:
    """A recording of days has blocks of several minutes, the same sums, and an interval."""
    tally, lengths = Tally(CLASSES), (50.0, 10.0)
    for minute in range(3 * MAX_BLOCKS):
        start = 60.0 * minute
        for length, label in zip(lengths, CLASSES, strict=True):
            tally.add(Segment(start=start, end=start + length, label=label))
            start += length
    summary = tally.summary("x", Resampling(n_resamples=10))
    assert summary.units == f"{3 * MAX_BLOCKS // 4} blocks of 4 min"
    assert summary.times.share("male") == pytest.approx(5 / 6)
    assert summary.intervals["male"].high == pytest.approx(5 / 6)


def test_too_few_units_have_no_interval() -> None:
    """Four minutes with speech have none, five have one; minutes without speech are not counted."""
    spoken = [(60.0 * minute, 60.0 * minute + 5 + minute, CLASSES[minute % 2]) for minute in range(5)]
    silence = (300.0, 3000.0, NONSPEECH)
    assert math.isnan(tallied(*spoken[:4], silence).summary("x").intervals["male"].low)
    assert tallied(*spoken, silence).summary("x").intervals["male"].low >= 0


def test_units_without_part_and_whole_are_not_drawn() -> None:
    """They do not change the interval; a unit with a part and no whole, such as only false alarm, does."""
    wholes = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    parts = np.array([1.0, 0.0, 2.0, 0.0, 1.0])
    interval = ratio_interval(parts, wholes, Resampling())
    silence = np.zeros(500)
    assert ratio_interval(np.append(parts, silence), np.append(wholes, silence), Resampling()) == interval
    assert ratio_interval(np.append(parts, 9.0), np.append(wholes, 0.0), Resampling()).high > interval.high


def test_a_ratio_without_a_whole_has_no_interval() -> None:
    """If a resample can have a whole of 0, the interval is NaN."""
    wholes = np.array([1.0] * MIN_UNITS + [0.0] * 500)
    assert math.isnan(ratio_interval(np.ones(len(wholes)), wholes, Resampling()).low)
    assert ratio_interval(wholes[:5] / 2, wholes[:5], Resampling()) == Interval(0.5, 0.5)


def test_several_recordings_are_resampled_as_units() -> None:
    """Sums add up; the interval resamples recordings and not minutes."""
    summaries = [tallied(*programme(seed, 2000)).summary(str(seed)) for seed in range(6)]
    overall = together(summaries)
    for label in CLASSES:
        assert overall.times.classes_s[label] == math.fsum(summary.times.classes_s[label] for summary in summaries)
    assert overall.times.duration_s == math.fsum(summary.times.duration_s for summary in summaries)
    assert (overall.name, overall.units, overall.by_hour) == ("6 recordings", "6 recordings", ())
    alike = together([summaries[0]] * 6)
    assert alike.intervals["male"].low == pytest.approx(alike.times.share("male"))
    assert math.isnan(together(summaries[:4]).intervals["male"].low)


def example() -> Summary:
    speech = ((0, 1800, "male"), (1800, 3000, "female"), (3700, 3800, "male"))
    tally = tallied(*speech, (3000, 3700, UNKNOWN), (3800, 4000.5, NONSPEECH))
    intervals = {"male": Interval(0.25, 0.5), "female": Interval(math.nan, math.nan)}
    return replace(tally.summary("a\nb.wav"), intervals=intervals)


def test_the_text_has_every_part() -> None:
    """Times, shares, intervals, hours, and the units of the intervals."""
    assert summary_text(example()).splitlines() == [
        "Speaking time in a?b.wav, 1:06:40.5 in all",
        "                  time   share  95 % interval",
        "male         0:31:40.0  61.3 %   25.0 to 50.0",
        "female       0:20:00.0  38.7 %            n/a",
        "all classes  0:51:40.0",
        "unknown: 0:11:40.0, 18.4 % of the time that is not nonspeech",
        "nonspeech: 0:03:20.5",
        "by hour       male     female    share   share    unknown  nonspeech",
        "0:00     0:30:00.0  0:20:00.0   60.0 %  40.0 %  0:10:00.0  0:00:00.0",
        "1:00     0:01:40.0  0:00:00.0  100.0 %   0.0 %  0:01:40.0  0:03:20.5",
        "Intervals of the shares from resampling 67 blocks of 1 min; label errors are not in them.",
    ]


def test_the_text_of_a_short_recording() -> None:
    """One minute has no list of hours and no intervals."""
    lines = summary_text(tallied((0, 30, "male")).summary("x.wav")).splitlines()
    assert lines[-2:] == [
        "nonspeech: 0:00:00.0",
        "No intervals: they need speech in at least 5 units (here: 1 block of 1 min).",
    ]


def test_json_has_every_field() -> None:
    """NaN is null."""
    values = json.loads(json.dumps(summaries_to_json([example()], together([example()])), allow_nan=False))
    assert (values["schema"], values["schema_version"]) == ("speechgmm-speaking-time", 1)
    (recording,) = values["recordings"]
    assert recording["share_intervals"] == {"male": [0.25, 0.5], "female": [None, None]}
    assert recording["shares"]["male"] == pytest.approx(example().times.share("male"))
    assert len(recording["by_hour"]) == 2
    assert values["overall"]["classes_s"] == recording["classes_s"]
    assert summaries_to_json([])["overall"] is None
