"""Composed programmes: speech intervals, turn taking, and the mix."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

import programmes
from speechgmm.audio.samples import Samples
from speechgmm.segmentation.references import read_references
from tests.builders import CORPORA, needs_corpora, spoken

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

pytestmark = pytest.mark.checkout


def tone(length_s: float) -> Samples:
    """A tone, modulated at the rate of syllables."""
    at = np.arange(round(length_s * programmes.RATE)) / programmes.RATE
    samples: Samples = (0.3 * np.sin(2 * np.pi * 300 * at) * (1.0 + 0.7 * np.sin(2 * np.pi * 4 * at))).astype(
        np.float32
    )
    return samples


def silence(length_s: float) -> Samples:
    return np.zeros(round(length_s * programmes.RATE), np.float32)


def test_speech_runs_include_short_pauses_only() -> None:
    """Silence at the ends and pauses of 0.5 s and more are excluded, to within two frames."""
    parts = [("s", 0.5), ("t", 1.0), ("s", 0.3), ("t", 1.0), ("s", 0.7), ("t", 0.5), ("s", 0.4)]
    make = {"s": silence, "t": tone}
    runs = programmes.speech_runs(np.concatenate([make[kind](length_s) for kind, length_s in parts]))
    np.testing.assert_allclose(runs, [(0.5, 2.8), (3.5, 4.0)], atol=0.03)


def test_a_short_burst_is_not_speech() -> None:
    """Isolated bursts shorter than 0.1 s and silence are not marked."""
    parts = [silence(1), tone(0.03), silence(1), tone(1)]
    np.testing.assert_allclose(programmes.speech_runs(np.concatenate(parts)), [(2.03, 3.03)], atol=0.03)
    assert programmes.speech_runs(silence(2)) == []
    assert programmes.speech_runs(silence(0.001)) == []
    assert programmes.prepared(silence(2)) is None


def test_an_utterance_is_trimmed_and_levelled() -> None:
    """0.1 s is left at each end, the intervals are shifted accordingly, and the speech power is 1."""
    parts = [silence(2), 0.01 * tone(1.5), silence(2)]
    utterance = programmes.prepared(np.concatenate(parts))
    assert utterance is not None
    assert len(utterance.samples) / programmes.RATE == pytest.approx(1.7, abs=0.05)
    ((start, end),) = utterance.runs
    assert start == pytest.approx(0.1, abs=0.01)
    assert end == pytest.approx(1.6, abs=0.04)
    spoken = utterance.samples[round(start * programmes.RATE) : round(end * programmes.RATE)]
    assert np.mean(spoken**2) == pytest.approx(1, rel=0.02)


def plan(*, overlap: float, seed: int, minutes: float = 5) -> list[programmes.Placed]:
    """A programme of four voices with utterances of random lengths."""

    def voice(name: str, label: str) -> programmes.Voice:
        def draw(rng: np.random.Generator) -> programmes.Utterance:
            length = int(rng.integers(8000, 80000))
            return programmes.Utterance(
                samples=np.ones(length, np.float32), runs=((0.1, length / programmes.RATE - 0.1),)
            )

        return programmes.Voice(name=name, label=label, draw=draw)

    voices = [voice("a", "female"), voice("b", "female"), voice("c", "male"), voice("d", "male")]
    sounds = [np.ones(40000, np.float32)]
    n_samples = round(minutes * 60 * programmes.RATE)
    rng = np.random.default_rng(seed)
    return list(programmes.programme(voices, sounds, n_samples=n_samples, overlap=overlap, rng=rng))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("overlap", [0.0, 0.3, 1.0])
def test_a_programme_is_in_order_and_ends_in_time(overlap: float, seed: int) -> None:
    """Starts are in order; no voice overlaps itself; at most two voices overlap, and none if overlap is 0."""
    placed = plan(overlap=overlap, seed=seed)
    speech = [(item, item.voice.name) for item in placed if item.voice is not None]
    assert all(item.start <= next_item.start for item, next_item in pairwise(placed))
    assert max(item.end for item, _ in speech) <= 5 * 60 * programmes.RATE
    assert sum(len(item.samples) for item, _ in speech) > 0.5 * 5 * 60 * programmes.RATE
    most = 0
    for item, _ in speech:
        at_once = [name for other, name in speech if other.start <= item.start < other.end]
        most = max(most, len(at_once))
        assert len(set(at_once)) == len(at_once)
    assert most == (2 if overlap else 1)


def test_the_same_seed_gives_the_same_programme() -> None:
    """Another seed gives another one."""
    starts = [[item.start for item in plan(overlap=0.3, seed=seed)] for seed in (1, 1, 2)]
    assert starts[0] == starts[1] != starts[2]


@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_the_mix_is_the_sum_of_all_placed_samples(overlap: float) -> None:
    """Compared with adding everything to one long array."""
    placed = plan(overlap=overlap, seed=3, minutes=1)
    n_samples = 60 * programmes.RATE
    expected = np.zeros(n_samples + 10 * programmes.RATE, np.float32)
    for item in placed:
        expected[item.start : item.end] += item.samples
    pieces = list(programmes.mixed(placed, n_samples=n_samples))
    np.testing.assert_allclose(np.concatenate(pieces), expected[:n_samples], atol=1e-6)
    assert len(pieces) == len(placed) + 1


def test_samples_after_the_end_are_cut_off() -> None:
    """A sound in the last break may start after the end."""
    placed = [programmes.Placed(start=start, samples=np.ones(50, np.float32)) for start in (70, 130, 140)]
    mix = np.concatenate(list(programmes.mixed(placed, n_samples=100)))
    np.testing.assert_array_equal(mix, [0.0] * 70 + [1.0] * 30)


def test_noise_has_the_requested_level() -> None:
    """The SNR is relative to the average speaker; loops have no dips; without noise there is a noise floor."""
    rng = np.random.default_rng(0)
    clips = [programmes.unit_power(np.pad(rng.standard_normal(40000).astype(np.float32), 5000)) for _ in range(3)]
    loops = [clip for clip in clips if clip is not None]
    assert [len(clip) for clip in loops] == [40000] * 3
    pieces = [np.zeros(length, np.float32) for length in (1000, 300000, 0, 20000)]
    noise = programmes.backdrop(loops, rng)
    mix = np.concatenate(list(programmes.with_backdrop(pieces, noise, 10.0, rng)))
    assert len(mix) == 321000
    levels = 10 * np.log10(np.mean(mix[: 320 * 1000].reshape(-1, 1000) ** 2, axis=1))
    # Without the fade-in of the first clip.
    assert np.abs(levels[2:] - (programmes.SPEECH_DB - 10)).max() < 1
    floor = np.concatenate(list(programmes.with_backdrop(pieces, None, 0.0, rng)))
    assert 10 * np.log10(np.mean(floor**2)) == pytest.approx(programmes.FLOOR_DB, abs=0.1)


def test_silent_sounds_are_excluded() -> None:
    """All zeros cannot be scaled to a power of 1."""
    assert programmes.unit_power(np.zeros(40000, np.float32)) is None


def test_a_cast_has_equally_many_voices_of_each_class() -> None:
    """Until a class has no more voices; the same seed draws the same cast."""

    def draw(rng: np.random.Generator) -> programmes.Utterance:
        raise AssertionError("no utterance is drawn for the cast")

    voices = [programmes.Voice(name=str(n), label="male" if n % 3 else "female", draw=draw) for n in range(30)]
    drawn = programmes.cast(voices, 8, np.random.default_rng(1))
    assert [voice.label for voice in drawn] == ["female", "male"] * 4
    assert len({voice.name for voice in drawn}) == 8
    assert programmes.cast(voices, 8, np.random.default_rng(1)) == drawn
    assert len(programmes.cast(voices, 99, np.random.default_rng(1))) == 20


@pytest.mark.slow
@needs_corpora
def test_a_programme_of_recorded_speech(tmp_path: Path) -> None:
    """Both references are equal, and the marked intervals are much louder than the rest."""
    options = ["--split", "dev", "--minutes", "0.5", "--snr", "clean", "10", "--overlap", "0.3"]
    command = [sys.executable, str(SCRIPTS / "compose_programmes.py"), str(CORPORA), "-o", str(tmp_path), *options]
    subprocess.run(command, check=True, capture_output=True)
    names = ["programme00_clean_overlap", "programme00_10dB_overlap"]
    rttm, table = (
        read_references(tmp_path / f"reference.{kind}", classes=("female", "male")) for kind in ("rttm", "csv")
    )
    assert list(rttm) == list(table) == names
    for name in names:
        first, second = ([(s.start, s.end) for s in reference[name].segments] for reference in (rttm, table))
        np.testing.assert_allclose(first, second, atol=0.0011)
        assert soundfile.info(tmp_path / f"{name}.wav").duration == 30
    assert rttm[names[0]].segments == rttm[names[1]].segments
    samples, rate = soundfile.read(tmp_path / f"{names[0]}.wav")
    marked = np.zeros(len(samples), bool)
    for segment in table[names[0]].segments:
        marked[round(segment.start * rate) : round(segment.end * rate)] = True
    assert np.mean(samples[marked] ** 2) > 30 * np.mean(samples[~marked] ** 2)


def test_speech_of_a_synthetic_voice_is_marked() -> None:
    """Most of the voice is marked; the silence around it is not."""
    rng = np.random.default_rng(4)
    samples = spoken("female", 4.0, rng)
    padded = np.concatenate([silence(1), samples, silence(1)])
    runs = programmes.speech_runs(padded)
    marked_s = sum(end - start for start, end in runs)
    assert 1 <= runs[0][0] < 1.4
    assert runs[-1][1] <= 5.1
    assert marked_s > 3.0
