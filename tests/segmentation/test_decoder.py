"""From samples to segments: labels, boundaries, latency and memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

import speechgmm
from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.scorer import Scores
from speechgmm.demo.synthesis import KINDS, Kind
from speechgmm.errors import OptionError
from speechgmm.features.bands import chunks
from speechgmm.features.front_end import STRETCH_S, stream_stretches
from speechgmm.features.log_mel import log_mel_bands
from speechgmm.features.mel_filters import mel_filters
from speechgmm.features.offset import without_offset
from speechgmm.features.options import FrontEndOptions
from speechgmm.segmentation import decoder
from speechgmm.segmentation.decoder import CONTRADICTION, segments_of
from speechgmm.segmentation.emissions import (
    WITH_RATIO,
    WITHOUT_RATIO,
    Past,
    class_evidence,
    listen,
    open_frames,
    speech_evidence,
)
from speechgmm.segmentation.options import Grid, SegmentationOptions
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.segment_recordings import segment_blocks
from speechgmm.segmentation.viterbi import Run
from tests.builders import spoken

RATE = 16000
Samples = npt.NDArray[np.float32]
TURNS: tuple[tuple[Kind | None, float], ...] = (
    (None, 2.0),
    ("female", 6.0),
    (None, 1.5),
    ("male", 5.0),
    (None, 1.0),
    ("female", 4.0),
    (None, 1.0),
    ("male", 6.0),
    (None, 2.0),
)


def sound(turns: Sequence[tuple[Kind | None, float]], seed: int = 9) -> Samples:
    """Consecutive voices and pauses, with faint noise."""
    parts: list[npt.NDArray[np.floating]] = []
    for number, (kind, duration_s) in enumerate(turns):
        rng = np.random.default_rng([seed, number])
        parts.append(spoken(kind, duration_s, rng) if kind else np.zeros(round(duration_s * RATE)))
    samples = np.concatenate(parts)
    noise = np.random.default_rng(seed).standard_normal(len(samples))
    return np.asarray(samples + 1e-4 * noise, dtype=np.float32)


def labels_over_time(segments: Sequence[Segment], step_s: float = 0.05) -> list[str]:
    times = np.arange(0.0, segments[-1].end, step_s) + step_s / 2
    return [next(segment.label for segment in segments if segment.start <= time < segment.end) for time in times]


@pytest.fixture(scope="module")
def programme() -> Samples:
    return sound(TURNS)


@pytest.fixture(scope="module")
def segments(tiny_model: speechgmm.Model, programme: Samples) -> list[Segment]:
    """The segments of `programme`."""
    return list(segments_of(tiny_model, [programme]))


def test_synthetic_voices_and_pauses(segments: list[Segment]) -> None:
    """Most of the time has the correct label."""
    truth = [kind or NONSPEECH for kind, duration_s in TURNS for _ in range(round(duration_s / 0.05))]
    correct = [label == true for label, true in zip(labels_over_time(segments), truth, strict=True)]
    assert np.mean(correct) > 0.85
    assert {segment.label for segment in segments} >= {NONSPEECH, *KINDS}


def test_segments_fill_the_time(segments: list[Segment], programme: Samples) -> None:
    """From the first sample to the last, without gaps; neighbours have different labels."""
    assert segments[0].start == 0.0
    assert segments[-1].end == len(programme) / RATE
    assert all(a.end == b.start and a.label != b.label for a, b in itertools.pairwise(segments))
    assert all(segment.start < segment.end for segment in segments)


@pytest.mark.parametrize("size", [37, 1600, 16000, 99991])
def test_segments_do_not_depend_on_the_blocks(
    size: int, segments: list[Segment], tiny_model: speechgmm.Model, programme: Samples
) -> None:
    """Blocks of any size give the same segments to the last bit."""
    blocks = (programme[first : first + size] for first in range(0, len(programme), size))
    assert repr(list(segments_of(tiny_model, blocks))) == repr(segments)


def test_a_segment_is_classified_as_an_utterance(tiny_model: speechgmm.Model) -> None:
    """A single voice is one segment, with the probability of the whole recording as an utterance."""
    samples = sound([("male", 8.0)])
    (segment,) = segments_of(
        tiny_model, [samples], options=SegmentationOptions(min_nonspeech_s=30.0, min_voice_s=30.0, nonspeech_cost=1e6)
    )
    decision = tiny_model.decide(tiny_model.score_all(stream_stretches([samples], tiny_model.front_ends)))
    assert segment.label == decision.label == "male"
    assert segment.probability == pytest.approx(decision.probability, rel=1e-5)
    assert segment.probabilities == pytest.approx(decision.probabilities, rel=1e-4)


@pytest.mark.slow
def test_a_long_segment_is_scored_minute_by_minute(
    tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision is that of the whole utterance, and at most a minute and a half of bands is kept."""
    samples = np.tile(sound([("female", 10.0)]), 20)
    lengths: list[int] = []
    score = decoder._RunScorer._score

    def spy(self: decoder._RunScorer, bands: decoder.Bands) -> Scores:
        lengths.append(len(bands[0]))
        return score(self, bands)

    monkeypatch.setattr(decoder._RunScorer, "_score", spy)
    options = SegmentationOptions(nonspeech_cost=1e9, voice_cost=1e9)
    (segment,) = segments_of(tiny_model, [samples], options=options)
    assert segment.duration_s == 200.0
    minute = round(STRETCH_S / 0.01)
    assert lengths[:2] == [minute, minute]
    assert sum(lengths) == 1 + (len(samples) - 400) // 160
    decision = tiny_model.decide(tiny_model.score_all(stream_stretches([samples], tiny_model.front_ends)))
    assert segment.probability == pytest.approx(decision.probability, rel=1e-5)


def test_segments_come_soon_after_their_end(tiny_model: speechgmm.Model, programme: Samples) -> None:
    """At most three seconds of sound after it."""
    received_s = 0.0

    def live() -> Iterator[Samples]:
        nonlocal received_s
        for first in range(0, len(programme), 800):
            received_s = first / RATE
            yield programme[first : first + 800]

    delays = [received_s - segment.end for segment in segments_of(tiny_model, live()) if segment.end < received_s]
    assert len(delays) > 5
    assert max(delays) <= 3.0


def test_silence_is_nonspeech(tiny_model: speechgmm.Model) -> None:
    """Digital silence and one-bit noise are one segment of non-speech."""
    for samples in (np.zeros(20 * RATE), np.random.default_rng(1).integers(-1, 2, 20 * RATE) / 32768):
        (segment,) = segments_of(tiny_model, [samples.astype(np.float32)])
        assert (segment.label, segment.start, segment.end) == (NONSPEECH, 0.0, 20.0)


def test_a_long_silence(tiny_model: speechgmm.Model) -> None:
    """Half an hour of silence is one segment, and a voice after it has the correct time."""
    voice = sound([("female", 5.0), (None, 1.0)])
    silence = np.zeros(RATE, dtype=np.float32)
    segments = list(segment_blocks(tiny_model, itertools.chain(itertools.repeat(silence, 1800), [voice])))
    assert [segment.label for segment in segments] == [NONSPEECH, "female", NONSPEECH]
    assert segments[0].start == 0.0
    assert segments[0].end == pytest.approx(1800.0, abs=0.3)
    assert segments[-1].end == 1806.0


def test_no_frames_of_silence_are_kept(tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few seconds are pending until the path is final; after that nothing is kept."""
    max_pending = 0
    add = decoder._SegmentBuilder.add

    def spy(self: decoder._SegmentBuilder, run: Run) -> Iterator[Segment]:
        nonlocal max_pending
        max_pending = max(max_pending, sum(len(bands[0]) for bands in self.pending))
        yield from add(self, run)
        assert self.scorer is not None
        assert self.scorer.bands == []

    monkeypatch.setattr(decoder._SegmentBuilder, "add", spy)
    (segment,) = segments_of(tiny_model, itertools.repeat(np.zeros(RATE, dtype=np.float32), 300))
    assert segment.label == NONSPEECH
    assert 100 <= max_pending <= 400


def chords(duration_s: float, seed: int) -> Samples:
    """Synthetic music: every half second a major chord of three decaying notes with six partials each."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(round((duration_s + 1.0) * RATE))
    times = np.arange(RATE) / RATE
    for start in range(0, round(duration_s * RATE), RATE // 2):
        root_hz = 110.0 * 2.0 ** (rng.integers(24) / 12)
        for tones, partial in itertools.product((0, 4, 7), range(1, 7)):
            wave = np.sin(2 * np.pi * partial * root_hz * 2.0 ** (tones / 12) * times + rng.uniform(0.0, 6.0))
            samples[start : start + RATE] += wave * np.exp(-3.0 * times) / partial
    return np.asarray((0.1 * samples / samples.std())[: round(duration_s * RATE)], dtype=np.float32)


@pytest.mark.checkout
@pytest.mark.parametrize("seed", range(3))
def test_music_is_rejected(seed: int) -> None:
    """With the shipped model, most of it is non-speech or unknown."""
    segments = list(segments_of(speechgmm.load(), [chords(15.0, seed)]))
    assert segments[-1].end == 15.0
    assert sum(segment.duration_s for segment in segments if segment.label not in (NONSPEECH, UNKNOWN)) <= 7.5
    reasons = {segment.reason for segment in segments if segment.label == UNKNOWN}
    assert reasons <= {"does not sound like speech", CONTRADICTION}


@pytest.mark.parametrize(("n_samples", "n_segments"), [(0, 0), (1, 1), (399, 1), (400, 1), (1600, 1), (16001, 1)])
def test_short_recordings(n_samples: int, n_segments: int, tiny_model: speechgmm.Model) -> None:
    """No segment without samples; one segment up to the last sample otherwise."""
    segments = list(segments_of(tiny_model, [np.zeros(n_samples, dtype=np.float32)]))
    assert [segment.end for segment in segments] == [n_samples / RATE] * n_segments


def test_a_contradiction_is_unknown(tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The label is unknown if the classifier and the path have different classes."""
    samples = sound([("male", 5.0)])
    female = np.tile([0.0, 1.0, 0.0], (20, 1))
    monkeypatch.setattr(decoder, "listen", lambda _model, _grid, batch, _past: ([female] * len(batch), Past()))
    (segment,) = segments_of(tiny_model, [samples])
    assert (segment.label, segment.reason) == (UNKNOWN, decoder.CONTRADICTION)
    assert np.isnan(segment.probability)
    assert segment.probabilities == {}


def test_unknown_neighbours_become_one(tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two consecutive unknown runs of different classes are one unknown segment."""
    strict = replace(tiny_model, decision=replace(tiny_model.decision, min_speech_s=60.0))
    female, male = (np.tile(step, (20, 1)) for step in ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0]))
    emissions = iter([female] * 5 + [male] * 5)
    monkeypatch.setattr(
        decoder, "listen", lambda _model, _grid, batch, _past: ([next(emissions) for _ in batch], Past())
    )
    segments = list(segments_of(strict, [sound([("female", 5.0), ("male", 5.02)])]))
    assert [(segment.label, segment.start, segment.end) for segment in segments] == [(UNKNOWN, 0.0, 10.02)]


def test_streams_of_different_hops(programme: Samples) -> None:
    """A second stream with twice the hop has every second frame, and chunks end at its frames."""
    fine = FrontEndOptions()
    grid = Grid.of([fine, replace(fine, hop_s=0.02)])
    assert (grid.ratios, grid.step, grid.chunk) == ((1, 2), 5, 100)
    assert [grid.first_frame(step, 1) for step in range(5)] == [0, 3, 5, 8, 10]
    (pieces, last) = chunks([programme], [fine, replace(fine, hop_s=0.02)], n_frames=grid.chunk)
    pieces += last
    first, second = (np.concatenate([piece[stream] for piece in pieces]) for stream in (0, 1))
    np.testing.assert_allclose(second, first[::2][: len(second)], atol=1e-4)


def test_chunks_have_the_bands_of_the_whole(programme: Samples) -> None:
    """Concatenated chunks are the log mel bands of all samples at once."""
    front_ends = [FrontEndOptions(), FrontEndOptions(window_s=0.064)]
    batches = chunks([programme[:50000], programme[50000:]], front_ends, n_frames=100)
    pieces = list(itertools.chain.from_iterable(batches))
    whole = np.concatenate(list(without_offset([programme], RATE)))
    for stream, options in enumerate(front_ends):
        joined = np.concatenate([piece[stream] for piece in pieces])
        (expected,) = log_mel_bands(whole, [options], [mel_filters(options)])
        np.testing.assert_allclose(joined, expected, atol=1e-3)


def test_speech_evidence_by_hand() -> None:
    """The weighted sum of the clipped measures."""
    level = np.full(100, -60.0, dtype=np.float32)
    level[:30] = -20.0
    evidence = speech_evidence([level], np.full(100, 20.0), 0.01, WITH_RATIO)
    w = WITH_RATIO
    assert evidence[0] == pytest.approx(w.constant + 30 * w.above_quiet + 8 * w.ratio)
    assert evidence[-1] == pytest.approx(w.constant - 40 * w.below_loud + 8 * w.ratio)
    evidence = speech_evidence([level], None, 0.01, WITHOUT_RATIO)
    assert evidence[-1] == pytest.approx(WITHOUT_RATIO.constant - 40 * WITHOUT_RATIO.below_loud)


def test_silent_frames_have_no_positive_ratio() -> None:
    """Below the silence threshold a likelihood ratio cannot favour speech."""
    level = np.concatenate([np.full(50, -20.0), np.full(50, -90.0)]).astype(np.float32)
    evidence = speech_evidence([level], np.full(100, 8.0), 0.01, WITH_RATIO)
    assert evidence[-1] == pytest.approx(WITH_RATIO.constant - 50 * WITH_RATIO.below_loud)
    assert (speech_evidence([level[50:]], np.full(50, 8.0), 0.01, WITH_RATIO) < 0).all()


def test_the_energy_gate() -> None:
    """Frames within 20 dB of the loud frames of two chunks pass, silent frames do not."""
    loud, level = np.full(100, -10.0, dtype=np.float32), np.array([-29.0, -31.0], dtype=np.float32)
    assert open_frames([loud, level], 0.01).tolist() == [True, False]
    assert open_frames([level], 0.01).tolist() == [True, True]
    assert open_frames([np.full(5, -70.0, dtype=np.float32)], 0.01).tolist() == [False] * 5


def test_class_evidence_by_hand(tiny_model: speechgmm.Model) -> None:
    """Calibrated log-likelihoods minus their mean over the classes, weighted; 0 in frames that do not pass the gate."""
    stream = tiny_model.streams[0]
    calibration = replace(tiny_model.calibration, offsets=(0.4, -0.4))
    model = replace(tiny_model, calibration=calibration)
    frames = np.random.default_rng(0).normal(size=(4, stream.front_end.n_dimensions)).astype(np.float32)
    is_open = np.array([True, False, True, True])
    scores = [model.frame_scores(0, frames)]
    evidence = class_evidence(model, Grid.of(model.front_ends), scores, is_open)
    by_class = [mixture.log_likelihoods(frames) for mixture in stream.mixtures]
    expected = 0.03 * (calibration.scales[0] * (by_class[0] - by_class[1]) / 2 + 0.4) * is_open
    np.testing.assert_allclose(evidence, np.stack([expected, -expected], axis=1), rtol=1e-4, atol=1e-6)


def test_the_past_does_not_grow(tiny_model: speechgmm.Model) -> None:
    """It has the levels of half a minute and the moments of one chunk."""
    grid = Grid.of(tiny_model.front_ends)
    bands = tuple(np.zeros((grid.chunk, options.n_mels), dtype=np.float32) for options in tiny_model.front_ends)
    past = Past()
    for _ in range(40):
        _, past = listen(tiny_model, grid, [bands], past)
    assert len(past.levels) == 30
    assert [moments.n for moments in past.moments] == [grid.chunk]


@pytest.mark.checkout
def test_chunks_may_be_scored_together(programme: Samples) -> None:
    """With the three streams of the shipped model, as one by one; the last chunk has fewer frames of a long window."""
    model = speechgmm.load()
    grid = Grid.of(model.front_ends)
    (pieces, last) = chunks([programme[: -RATE // 2]], model.front_ends, model.filters, n_frames=grid.chunk)
    batch = [*pieces, *last]
    assert len(batch[-1][1]) < len(batch[-1][0]) < grid.chunk
    together, past = listen(model, grid, batch, Past())
    alone, own_past = [], Past()
    for bands in batch:
        (steps,), own_past = listen(model, grid, [bands], own_past)
        alone.append(steps)
    np.testing.assert_allclose(np.concatenate(together), np.concatenate(alone), rtol=1e-5, atol=1e-5)
    assert [moments.n for moments in past.moments] == [moments.n for moments in own_past.moments]


def test_an_offset_moves_the_times(segments: list[Segment], tiny_model: speechgmm.Model, programme: Samples) -> None:
    """Times count from the start of the recording if the samples start later."""
    moved = list(segment_blocks(tiny_model, [programme], offset_s=100.0))
    assert [segment.start - 100.0 for segment in moved] == pytest.approx([segment.start for segment in segments])
    assert [segment.end - 100.0 for segment in moved] == pytest.approx([segment.end for segment in segments])


@pytest.mark.parametrize("name", ["min_voice_s", "min_nonspeech_s", "voice_cost", "nonspeech_cost", "lag_s"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_bad_options_are_refused(name: str, value: float) -> None:
    """Durations and costs must be finite and not negative."""
    with pytest.raises(OptionError, match=f"{name} is {value}, but it must be a finite number of 0 or more"):
        SegmentationOptions(**{name: value})


def test_from_python(segments: list[Segment], tiny_model: speechgmm.Model, programme: Samples) -> None:
    """`speechgmm.segment` takes samples with their sampling rate."""
    found = speechgmm.segment(programme, RATE, model=tiny_model)
    assert [(each.start, each.end, each.label) for each in found] == [(s.start, s.end, s.label) for s in segments]
    # A product of matrices may round otherwise in several threads.
    probabilities = [segment.probability for segment in segments]
    assert [each.probability for each in found] == pytest.approx(probabilities, rel=1e-6, nan_ok=True)
    with pytest.raises(OptionError, match="samples need their sampling_rate"):
        speechgmm.segment(programme, model=tiny_model)
    with pytest.raises(OptionError, match="channel, start and end are only for files"):
        speechgmm.segment(programme, RATE, model=tiny_model, start=1.0)
    with pytest.raises(OptionError, match="has its own"):
        speechgmm.segment("a.wav", RATE, model=tiny_model)
