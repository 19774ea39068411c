"""Composed programmes: where speech is marked, who speaks when, and that the sum is what the plan says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from speechgmm.demo.synthesis import draw_voice, speak
from speechgmm.segmentation.references import read_references

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CORPORA = Path(os.environ.get("SPEECHGMM_CORPORA", SCRIPTS.parent.parent / "shared" / "corpora"))

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def programmes() -> Iterator[ModuleType]:
    """The script's module; scripts are no package."""
    spec = importlib.util.spec_from_file_location("programmes", SCRIPTS / "programmes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["programmes"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["programmes"]


def tone(programmes: ModuleType, length_s: float) -> np.ndarray:
    """A sound that moves as syllables do, loud throughout."""
    at = np.arange(round(length_s * programmes.RATE)) / programmes.RATE
    return (0.3 * np.sin(2 * np.pi * 300 * at) * (1.0 + 0.7 * np.sin(2 * np.pi * 4 * at))).astype(np.float32)


def silence(programmes: ModuleType, length_s: float) -> np.ndarray:
    return np.zeros(round(length_s * programmes.RATE), np.float32)


def test_short_pauses_belong_to_the_speech_and_long_ones_do_not(programmes: ModuleType) -> None:
    """Silence at the ends and pauses of half a second and more are not marked, to a frame or two."""
    parts = [("s", 0.5), ("t", 1.0), ("s", 0.3), ("t", 1.0), ("s", 0.7), ("t", 0.5), ("s", 0.4)]
    make = {"s": silence, "t": tone}
    runs = programmes.speech_runs(np.concatenate([make[kind](programmes, length_s) for kind, length_s in parts]))
    np.testing.assert_allclose(runs, [(0.5, 2.8), (3.5, 4.0)], atol=0.03)


def test_a_burst_is_no_speech(programmes: ModuleType) -> None:
    """Less than a tenth of a second alone is not marked, nor is anything in silence."""
    parts = [silence(programmes, 1), tone(programmes, 0.03), silence(programmes, 1), tone(programmes, 1)]
    np.testing.assert_allclose(programmes.speech_runs(np.concatenate(parts)), [(2.03, 3.03)], atol=0.03)
    assert programmes.speech_runs(silence(programmes, 2)) == []
    assert programmes.speech_runs(silence(programmes, 0.001)) == []
    assert programmes.prepared(silence(programmes, 2)) is None


def test_an_utterance_is_trimmed_and_levelled(programmes: ModuleType) -> None:
    """A tenth of a second is left at either end, marks move along, and the speech has a power of 1."""
    parts = [silence(programmes, 2), 0.01 * tone(programmes, 1.5), silence(programmes, 2)]
    utterance = programmes.prepared(np.concatenate(parts))
    assert len(utterance.samples) / programmes.RATE == pytest.approx(1.7, abs=0.05)
    ((start, end),) = utterance.runs
    assert (start, end) == (pytest.approx(0.1, abs=0.01), pytest.approx(1.6, abs=0.04))
    spoken = utterance.samples[round(start * programmes.RATE) : round(end * programmes.RATE)]
    assert np.mean(spoken**2) == pytest.approx(1, rel=0.02)


def plan(programmes: ModuleType, *, overlap: float, seed: int, minutes: float = 5) -> list:
    """A programme of four voices who say things of various lengths."""

    def voice(name: str, label: str) -> object:
        def draw(rng: np.random.Generator) -> object:
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
def test_a_programme_is_in_order_and_ends_in_time(overlap: float, seed: int, programmes: ModuleType) -> None:
    """Starts never go back, nobody speaks twice at once, never three at once, and overlap is there if wanted."""
    found = plan(programmes, overlap=overlap, seed=seed)
    spoken = [one for one in found if one.voice is not None]
    assert all(one.start <= next_one.start for one, next_one in pairwise(found))
    assert max(one.end for one in spoken) <= 5 * 60 * programmes.RATE
    assert sum(len(one.samples) for one in spoken) > 0.5 * 5 * 60 * programmes.RATE
    most = 0
    for one in spoken:
        at_once = [other for other in spoken if other.start <= one.start < other.end]
        most = max(most, len(at_once))
        assert len({other.voice.name for other in at_once}) == len(at_once)
    assert most == (2 if overlap else 1)


def test_the_same_seed_gives_the_same_programme(programmes: ModuleType) -> None:
    """And another seed another one."""
    starts = [[one.start for one in plan(programmes, overlap=0.3, seed=seed)] for seed in (1, 1, 2)]
    assert starts[0] == starts[1] != starts[2]


@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_the_mix_is_the_sum_of_all_that_is_placed(overlap: float, programmes: ModuleType) -> None:
    """Against adding everything to one long array; pieces come before the end is known."""
    found = plan(programmes, overlap=overlap, seed=3, minutes=1)
    n_samples = 60 * programmes.RATE
    expected = np.zeros(n_samples + 10 * programmes.RATE, np.float32)
    for one in found:
        expected[one.start : one.end] += one.samples
    pieces = list(programmes.mixed(found, n_samples=n_samples))
    np.testing.assert_allclose(np.concatenate(pieces), expected[:n_samples], atol=1e-6)
    assert len(pieces) == len(found) + 1


def test_what_starts_after_the_end_is_not_heard(programmes: ModuleType) -> None:
    """A sound in the last break may lie beyond it."""
    placed = [programmes.Placed(start=start, samples=np.ones(50, np.float32)) for start in (70, 130, 140)]
    mix = np.concatenate(list(programmes.mixed(placed, n_samples=100)))
    np.testing.assert_array_equal(mix, [0.0] * 70 + [1.0] * 30)


def test_noise_has_the_level_asked_for(programmes: ModuleType) -> None:
    """So many decibels below the average speaker; loops have no dips, and without noise there is a faint floor."""
    rng = np.random.default_rng(0)
    clips = [programmes.unit_power(np.pad(rng.standard_normal(40000).astype(np.float32), 5000)) for _ in range(3)]
    assert {len(clip) for clip in clips} == {40000}
    pieces = [np.zeros(length, np.float32) for length in (1000, 300000, 0, 20000)]
    noise = programmes.backdrop(clips, rng)
    heard = np.concatenate(list(programmes.with_backdrop(pieces, noise, 10.0, rng)))
    assert len(heard) == 321000
    levels = 10 * np.log10(np.mean(heard[: 320 * 1000].reshape(-1, 1000) ** 2, axis=1))
    # The fade-in of the very first clip aside.
    assert np.abs(levels[2:] - (programmes.SPEECH_DB - 10)).max() < 1
    floor = np.concatenate(list(programmes.with_backdrop(pieces, None, 0.0, rng)))
    assert 10 * np.log10(np.mean(floor**2)) == pytest.approx(programmes.FLOOR_DB, abs=0.1)


def test_silent_sounds_are_left_out(programmes: ModuleType) -> None:
    """What is nothing but zeros cannot be levelled."""
    assert programmes.unit_power(np.zeros(40000, np.float32)) is None


def test_a_cast_has_as_many_of_each_class(programmes: ModuleType) -> None:
    """As far as a class has voices; the same generator draws the same cast."""
    voices = [programmes.Voice(name=str(n), label="male" if n % 3 else "female", draw=None) for n in range(30)]
    drawn = programmes.cast(voices, 8, np.random.default_rng(1))
    assert [voice.label for voice in drawn] == ["female", "male"] * 4
    assert len({voice.name for voice in drawn}) == 8
    assert programmes.cast(voices, 8, np.random.default_rng(1)) == drawn
    assert len(programmes.cast(voices, 99, np.random.default_rng(1))) == 20


@pytest.mark.skipif(not CORPORA.is_dir(), reason="needs the recordings of corpus_manifest.csv; see SPEECHGMM_CORPORA")
def test_a_programme_of_recorded_speech(tmp_path: Path) -> None:
    """Both references say the same, and what they mark is far louder than the rest."""
    options = ["--split", "dev", "--minutes", "0.5", "--snr", "clean", "10", "--overlap", "0.3"]
    command = [sys.executable, str(SCRIPTS / "compose_programmes.py"), str(CORPORA), "-o", str(tmp_path), *options]
    subprocess.run(command, check=True, capture_output=True)
    names = ["programme00_clean_overlap", "programme00_10dB_overlap"]
    rttm, table = (
        read_references(tmp_path / f"reference.{kind}", classes=("female", "male")) for kind in ("rttm", "csv")
    )
    assert list(rttm) == list(table) == names
    for name in names:
        found = [(one.start, one.end) for one in rttm[name].segments]
        np.testing.assert_allclose(found, [(one.start, one.end) for one in table[name].segments], atol=0.0011)
        assert soundfile.info(tmp_path / f"{name}.wav").duration == 30
    assert rttm[names[0]].segments == rttm[names[1]].segments
    samples, rate = soundfile.read(tmp_path / f"{names[0]}.wav")
    spoken = np.zeros(len(samples), bool)
    for one in table[names[0]].segments:
        spoken[round(one.start * rate) : round(one.end * rate)] = True
    assert np.mean(samples[spoken] ** 2) > 30 * np.mean(samples[~spoken] ** 2)


def test_speech_of_a_synthetic_voice_is_marked(programmes: ModuleType) -> None:
    """Most of it, and some silence around it is not."""
    rng = np.random.default_rng(4)
    samples = speak(draw_voice("female", rng), duration_s=4.0, rng=rng)
    padded = np.concatenate([silence(programmes, 1), samples, silence(programmes, 1)])
    runs = programmes.speech_runs(padded)
    marked_s = sum(end - start for start, end in runs)
    assert 1 <= runs[0][0] < 1.4
    assert runs[-1][1] <= 5.1
    assert marked_s > 3.0
