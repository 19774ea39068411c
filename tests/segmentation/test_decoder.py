"""From samples to segments: what they must say, and what they must not depend on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import speechgmm
from speechgmm.classifier.decision import UNKNOWN
from speechgmm.demo.synthesis import KINDS, Kind, draw_voice, speak
from speechgmm.errors import OptionError
from speechgmm.features.bands import chunks
from speechgmm.features.front_end import STRETCH_S, log_mel_bands, power_spectrum, stream_stretches, without_offset
from speechgmm.features.options import FrontEndOptions
from speechgmm.segmentation import decoder
from speechgmm.segmentation.decoder import segments_of
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

RATE = 16000
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


def sound(turns: Sequence[tuple[Kind | None, float]], seed: int = 9) -> np.ndarray:
    """Voices and pauses one after the other, over faint noise."""
    parts = []
    for number, (kind, duration_s) in enumerate(turns):
        rng = np.random.default_rng([seed, number])
        voice = kind and draw_voice(kind, rng)
        parts.append(
            speak(voice, duration_s=duration_s, sampling_rate=RATE, rng=rng)
            if voice
            else np.zeros(round(duration_s * RATE))
        )
    samples = np.concatenate(parts)
    return (samples + 1e-4 * np.random.default_rng(seed).standard_normal(len(samples))).astype(np.float32)


def labels_over_time(segments: Sequence[Segment], step_s: float = 0.05) -> list[str]:
    times = np.arange(0.0, segments[-1].end, step_s) + step_s / 2
    return [next(one.label for one in segments if one.start <= time < one.end) for time in times]


@pytest.fixture(scope="module")
def programme() -> np.ndarray:
    return sound(TURNS)


@pytest.fixture(scope="module")
def found(tiny_model: speechgmm.Model, programme: np.ndarray) -> list[Segment]:
    return list(segments_of(tiny_model, [programme]))


def test_voices_and_pauses_are_told_apart(found: list[Segment]) -> None:
    """Synthetic voices with pauses between them: most of the time has the right label."""
    truth = [kind or NONSPEECH for kind, duration_s in TURNS for _ in range(round(duration_s / 0.05))]
    right = [label == true for label, true in zip(labels_over_time(found), truth, strict=True)]
    assert np.mean(right) > 0.85
    assert {one.label for one in found} >= {NONSPEECH, *KINDS}


def test_segments_fill_the_time(found: list[Segment], programme: np.ndarray) -> None:
    """From the first sample to the last, without gaps, each label different from the next."""
    assert found[0].start == 0.0
    assert found[-1].end == len(programme) / RATE
    assert all(a.end == b.start and a.label != b.label for a, b in itertools.pairwise(found))
    assert all(one.start < one.end for one in found)


@pytest.mark.parametrize("size", [37, 1600, 16000, 99991])
def test_segments_do_not_depend_on_the_blocks(
    size: int, found: list[Segment], tiny_model: speechgmm.Model, programme: np.ndarray
) -> None:
    """However the samples arrive, the segments are the same to the last bit."""
    blocks = (programme[at : at + size] for at in range(0, len(programme), size))
    assert repr(list(segments_of(tiny_model, blocks))) == repr(found)


def test_a_segment_is_decided_as_an_utterance(tiny_model: speechgmm.Model) -> None:
    """One voice alone is one segment, with the very probability that the classifier gives the recording."""
    samples = sound([("male", 8.0)])
    (segment,) = segments_of(
        tiny_model, [samples], options=SegmentationOptions(min_nonspeech_s=30.0, min_voice_s=30.0, nonspeech_cost=1e6)
    )
    decision = tiny_model.decide(tiny_model.score_all(stream_stretches([samples], tiny_model.front_ends)))
    assert segment.label == decision.label == "male"
    assert segment.probability == pytest.approx(decision.probability, rel=1e-5)
    assert segment.probabilities == pytest.approx(decision.probabilities, rel=1e-4)


def test_a_long_segment_is_scored_minute_by_minute(
    tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes of one voice are decided as the classifier would, though no more than a minute and a half is kept."""
    samples = np.tile(sound([("female", 10.0)]), 20)
    lengths = []
    score = decoder._Voice._score

    def spy(self, bands):
        lengths.append(len(bands[0]))
        return score(self, bands)

    monkeypatch.setattr(decoder._Voice, "_score", spy)
    options = SegmentationOptions(min_nonspeech_s=500.0, min_voice_s=500.0, nonspeech_cost=1e9, voice_cost=1e9)
    (segment,) = segments_of(tiny_model, [samples], options=options)
    assert segment.duration_s == 200.0
    minute = round(STRETCH_S / 0.01)
    assert lengths[:2] == [minute, minute]
    assert sum(lengths) == 1 + (len(samples) - 400) // 160
    decision = tiny_model.decide(tiny_model.score_all(stream_stretches([samples], tiny_model.front_ends)))
    assert segment.probability == pytest.approx(decision.probability, rel=1e-5)


def test_segments_come_soon_after_they_end(tiny_model: speechgmm.Model, programme: np.ndarray) -> None:
    """A segment is told when no more than three seconds have been heard beyond its end."""
    heard = 0.0

    def live():
        nonlocal heard
        for at in range(0, len(programme), 800):
            heard = at / RATE
            yield programme[at : at + 800]

    delays = [heard - segment.end for segment in segments_of(tiny_model, live()) if segment.end < heard]
    assert len(delays) > 5
    assert max(delays) <= 3.0


def test_silence_holds_nobody(tiny_model: speechgmm.Model) -> None:
    """Digital silence, and one-bit noise, are one stretch of no speech."""
    for samples in (np.zeros(20 * RATE), np.random.default_rng(1).integers(-1, 2, 20 * RATE) / 32768):
        (segment,) = segments_of(tiny_model, [samples.astype(np.float32)])
        assert (segment.label, segment.start, segment.end) == (NONSPEECH, 0.0, 20.0)


def test_a_long_silence(tiny_model: speechgmm.Model) -> None:
    """Half an hour in which nothing sounds is one stretch of no speech, and a voice after it is found where it is."""
    voice = sound([("female", 5.0), (None, 1.0)])
    silent = np.zeros(RATE, dtype=np.float32)
    segments = list(segment_blocks(tiny_model, itertools.chain(itertools.repeat(silent, 1800), [voice])))
    assert [one.label for one in segments] == [NONSPEECH, "female", NONSPEECH]
    assert segments[0].start == 0.0
    assert segments[0].end == pytest.approx(1800.0, abs=0.3)
    assert segments[-1].end == 1806.0


def test_nothing_is_kept_of_a_silence(tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long nobody speaks, a few seconds wait for the path to become certain, and no frames are held after."""
    most = 0
    take = decoder._Walk.take

    def spy(self, run):
        nonlocal most
        most = max(most, sum(len(bands[0]) for bands in self.waiting))
        yield from take(self, run)
        assert self.voice.bands == []

    monkeypatch.setattr(decoder._Walk, "take", spy)
    (segment,) = segments_of(tiny_model, itertools.repeat(np.zeros(RATE, dtype=np.float32), 300))
    assert segment.label == NONSPEECH
    assert 100 <= most <= 400


def chords(duration_s: float, seed: int) -> np.ndarray:
    """Music of a kind: every half second a major chord, three notes of six partials that die away."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(round((duration_s + 1.0) * RATE))
    at = np.arange(RATE) / RATE
    for begin in range(0, round(duration_s * RATE), RATE // 2):
        root_hz = 110.0 * 2.0 ** (rng.integers(24) / 12)
        for tones, partial in itertools.product((0, 4, 7), range(1, 7)):
            wave = np.sin(2 * np.pi * partial * root_hz * 2.0 ** (tones / 12) * at + rng.uniform(0.0, 6.0))
            samples[begin : begin + RATE] += wave * np.exp(-3.0 * at) / partial
    return (0.1 * samples / samples.std())[: round(duration_s * RATE)].astype(np.float32)


@pytest.mark.checkout
@pytest.mark.parametrize("seed", range(3))
def test_music_is_nobody(seed: int) -> None:
    """The shipped model gives chords hardly ever a voice: no speech, or a sound that is not like any."""
    segments = list(segments_of(speechgmm.load(), [chords(15.0, seed)]))
    assert segments[-1].end == 15.0
    assert sum(one.duration_s for one in segments if one.label not in (NONSPEECH, UNKNOWN)) <= 1.5
    assert all(one.reason.startswith("does not sound like") for one in segments if one.label == UNKNOWN)


@pytest.mark.parametrize(("n_samples", "n_segments"), [(0, 0), (1, 1), (399, 1), (400, 1), (1600, 1), (16001, 1)])
def test_short_recordings(n_samples: int, n_segments: int, tiny_model: speechgmm.Model) -> None:
    """No samples have no segments, a few have one, to the last sample."""
    segments = list(segments_of(tiny_model, [np.zeros(n_samples, dtype=np.float32)]))
    assert [one.end for one in segments] == [n_samples / RATE] * n_segments


def test_a_contradiction_is_unknown(tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the classifier names another class than the path, nobody is named."""
    samples = sound([("male", 5.0)])
    monkeypatch.setattr(decoder, "listen", lambda *_: (np.tile([0.0, 1.0, 0.0], (20, 1)), Past()))  # female throughout
    (segment,) = segments_of(tiny_model, [samples])
    assert (segment.label, segment.reason) == (UNKNOWN, decoder.CONTRADICTION)
    assert np.isnan(segment.probability)
    assert segment.probabilities == {}


def test_unknown_neighbours_become_one(tiny_model: speechgmm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two voices in a row that both cannot be named are one unknown segment."""
    strict = replace(tiny_model, decision=replace(tiny_model.decision, min_speech_s=60.0))
    female, male = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    heard = iter([female] * 5 + [male] * 5)
    monkeypatch.setattr(decoder, "listen", lambda *_: (np.tile(next(heard), (20, 1)), Past()))
    segments = list(segments_of(strict, [sound([("female", 5.0), ("male", 5.02)])]))
    assert [(one.label, one.start, one.end) for one in segments] == [(UNKNOWN, 0.0, 10.02)]


def test_streams_of_different_hops(tiny_model: speechgmm.Model, programme: np.ndarray) -> None:
    """A second stream with half as many frames has every second one, and is cut at whole frames."""
    fine = FrontEndOptions()
    grid = Grid.of([fine, replace(fine, hop_s=0.02)])
    assert (grid.ratios, grid.step, grid.chunk) == ((1, 2), 5, 100)
    assert [grid.first_frame(step, 1) for step in range(5)] == [0, 3, 5, 8, 10]
    pieces = list(chunks([programme], [fine, replace(fine, hop_s=0.02)], n_frames=grid.chunk))
    first, second = (np.concatenate([piece[stream] for piece in pieces]) for stream in (0, 1))
    np.testing.assert_allclose(second, first[::2][: len(second)], atol=1e-4)


def test_bands_are_those_of_the_whole(programme: np.ndarray) -> None:
    """Chunks put together are the log mel bands of all samples at once."""
    front_ends = [FrontEndOptions(), FrontEndOptions(window_s=0.064)]
    pieces = list(chunks([programme[:50000], programme[50000:]], front_ends, n_frames=100))
    whole = np.concatenate(list(without_offset([programme], RATE)))
    for stream, options in enumerate(front_ends):
        joined = np.concatenate([piece[stream] for piece in pieces])
        np.testing.assert_allclose(joined, log_mel_bands(power_spectrum(whole, options), options), atol=1e-3)


def test_speech_evidence_by_hand() -> None:
    """Loud frames near the ratio of speech speak for it, quiet ones against it; bounds hold."""
    level = np.full(100, -60.0, dtype=np.float32)
    level[:30] = -20.0
    found = speech_evidence([level], np.full(100, 20.0), 0.01)
    w = WITH_RATIO
    assert found[0] == pytest.approx(w.constant + 30 * w.above_quiet + 8 * w.ratio)
    assert found[-1] == pytest.approx(w.constant - 40 * w.below_loud + 8 * w.ratio)
    found = speech_evidence([level], None, 0.01)
    assert found[-1] == pytest.approx(WITHOUT_RATIO.constant - 40 * WITHOUT_RATIO.below_loud)


def test_silent_frames_never_sound_like_speech() -> None:
    """Below the level of silence a likelihood ratio can only speak against speech."""
    level = np.concatenate([np.full(50, -20.0), np.full(50, -90.0)]).astype(np.float32)
    found = speech_evidence([level], np.full(100, 8.0), 0.01)
    assert found[-1] == pytest.approx(WITH_RATIO.constant - 50 * WITH_RATIO.below_loud)
    assert (speech_evidence([level[50:]], np.full(50, 8.0), 0.01) < 0).all()


def test_classes_are_heard_in_frames_near_the_loud_ones() -> None:
    """Of two chunks, the frames within 20 dB of the loud ones of both, and none in silence."""
    loud, level = np.full(100, -10.0, dtype=np.float32), np.array([-29.0, -31.0], dtype=np.float32)
    assert open_frames([loud, level], 0.01).tolist() == [True, False]
    assert open_frames([level], 0.01).tolist() == [True, True]
    assert open_frames([np.full(5, -70.0, dtype=np.float32)], 0.01).tolist() == [False] * 5


def test_class_evidence_by_hand(tiny_model: speechgmm.Model) -> None:
    """The scaled log-likelihoods and the offsets, less their mean, weighted."""
    stream = tiny_model.streams[0]
    calibration = replace(tiny_model.calibration, offsets=(0.4, -0.4))
    model = replace(tiny_model, calibration=calibration)
    frames = np.random.default_rng(0).normal(size=(4, stream.front_end.n_dimensions)).astype(np.float32)
    is_open = np.array([True, False, True, True])
    scores = [model.frame_scores(0, frames)]
    found = class_evidence(model, Grid.of(model.front_ends), scores, is_open)
    by_class = [mixture.log_likelihoods(frames) for mixture in stream.mixtures]
    expected = 0.03 * (calibration.scales[0] * (by_class[0] - by_class[1]) / 2 + 0.4) * is_open
    np.testing.assert_allclose(found, np.stack([expected, -expected], axis=1), rtol=1e-4, atol=1e-6)


def test_the_past_does_not_grow(tiny_model: speechgmm.Model) -> None:
    """Half a minute of levels is remembered, and the moments of one chunk."""
    grid = Grid.of(tiny_model.front_ends)
    bands = tuple(np.zeros((grid.chunk, options.n_mels), dtype=np.float32) for options in tiny_model.front_ends)
    past = Past()
    for _ in range(40):
        _, past = listen(tiny_model, grid, bands, past)
    assert len(past.levels) == 30
    assert [each.n for each in past.moments] == [grid.chunk]


def test_an_offset_moves_the_times(found: list[Segment], tiny_model: speechgmm.Model, programme: np.ndarray) -> None:
    """Samples from the middle of a recording keep its times."""
    moved = list(segment_blocks(tiny_model, [programme], offset_s=100.0))
    assert [one.start - 100.0 for one in moved] == pytest.approx([one.start for one in found])
    assert [one.end - 100.0 for one in moved] == pytest.approx([one.end for one in found])


@pytest.mark.parametrize("name", ["min_voice_s", "min_nonspeech_s", "voice_cost", "nonspeech_cost", "lag_s"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_impossible_options_are_refused(name: str, value: float) -> None:
    """Times and costs are finite and not negative."""
    with pytest.raises(OptionError, match=f"{name} is {value}, but it must be a finite number of 0 or more"):
        SegmentationOptions(**{name: value})


def test_from_python(
    found: list[Segment], tiny_model: speechgmm.Model, programme: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`speechgmm.segment` takes samples with their rate."""
    assert repr(speechgmm.segment(programme, RATE, model=tiny_model)) == repr(found)
    with pytest.raises(OptionError, match="samples need their sampling_rate"):
        speechgmm.segment(programme, model=tiny_model)
    with pytest.raises(OptionError, match="channel, start and end are for files"):
        speechgmm.segment(programme, RATE, model=tiny_model, start=1.0)
    with pytest.raises(OptionError, match="says its own"):
        speechgmm.segment("a.wav", RATE, model=tiny_model)
