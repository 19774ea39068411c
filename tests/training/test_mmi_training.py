"""What re-estimation sees: cuts drawn by class, group and speaker, from recordings and from their copies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import speechgmm
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.features.extraction import Utterance, extract
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.training.feature_store import FeatureStore
from speechgmm.training.fitting import fit_scorer
from speechgmm.training.material import augmentations, read_material
from speechgmm.training.mmi_training import SegmentSampler, draw_batch
from speechgmm.training.recipe import Recipe
from speechgmm.training.recordings import training_recordings
from speechgmm.training.run_context import Run
from tests.builders import RunCommand

FRONT_END = FrontEndOptions(n_coefficients=2, cepstral_mean="none")


def utterance(
    speaker: str, value: float, *, n_frames: int = 400, label: str = "low", copy: str = "", corpus: str = ""
) -> Utterance:
    """An utterance of steady frames that tell where they came from, numbered in the second feature."""
    frames = np.stack([np.full(n_frames, value), np.arange(n_frames)], axis=1).astype(np.float32)
    recording = Recording(
        file=Path("a.wav"), name="a.wav", label=label, speaker=speaker, columns={"corpus": corpus}, augmentation=copy
    )
    return Utterance.of(recording, [Stretch(frames, n_frames)], "0")


def drawn(urn: SegmentSampler, copy: str = "", n: int = 3000) -> dict[float, float]:
    rng = np.random.default_rng(0)
    counts = Counter(float(urn.draw(copy, rng).storage.read(0, 1)[0, 0]) for _ in range(n))
    return {value: count / n for value, count in counts.items()}


def test_speakers_are_drawn_evenly() -> None:
    """However much a speaker has said; silence is never drawn, nor another class."""
    urn = SegmentSampler.of(
        "low",
        [
            *(utterance("a", 1.0) for _ in range(9)),
            utterance("b", 2.0, n_frames=5),
            utterance("c", 3.0, n_frames=0),
            utterance("d", 4.0, label="high"),
        ],
        "",
    )
    assert drawn(urn) == pytest.approx({1.0: 0.5, 2.0: 0.5}, abs=0.03)


def test_groups_are_drawn_by_the_square_root_of_their_speakers() -> None:
    """A corpus of nine speakers is drawn three times as often as one of one."""
    utterances = [utterance(str(number), 1.0, corpus="large") for number in range(9)]
    urn = SegmentSampler.of("low", [*utterances, utterance("x", 2.0, corpus="small")], "corpus")
    assert drawn(urn) == pytest.approx({1.0: 0.75, 2.0: 0.25}, abs=0.03)


def test_copies_are_drawn_where_they_are_asked_for() -> None:
    """A kind of copy is drawn from its own; where there is none of a kind, the recordings themselves are."""
    urn = SegmentSampler.of("low", [utterance("a", 1.0), utterance("a", 2.0, copy="channel")], "")
    assert drawn(urn, "", 50) == {1.0: 1.0}
    assert drawn(urn, "channel", 50) == {2.0: 1.0}
    assert drawn(urn, "effort", 50) == {1.0: 1.0}


def test_a_batch_is_made_of_cuts() -> None:
    """Classes in turn; each cut successive frames of one utterance, as long as the options say, or all there are."""
    samplers = [
        SegmentSampler.of(
            "high", [utterance("a", 1.0, label="high"), utterance("b", 2.0, label="high", n_frames=9)], ""
        ),
        SegmentSampler.of("low", [utterance("c", 3.0), utterance("c", 4.0, copy="channel")], ""),
    ]
    options = MMIOptions(batch_size=200, shortest_s=0.5, longest_s=1.5, channel_share=0.25)
    batch = draw_batch(samplers, np.zeros(2), FRONT_END, options, np.random.default_rng(3))
    assert batch.truth.tolist() == [0, 1] * 100
    assert batch.frames.dtype == np.float32
    values, lengths, begin = [], [], 0
    for length in batch.lengths:
        cut = batch.frames[begin : begin + length]
        begin += length
        assert (cut[:, 0] == cut[0, 0]).all()
        np.testing.assert_array_equal(np.diff(cut[:, 1]), 1.0)
        values.append(float(cut[0, 0]))
        lengths.append(int(length))
    assert begin == len(batch.frames)
    assert {length for value, length in zip(values, lengths, strict=True) if value == 2.0} == {9}
    others = [length for value, length in zip(values, lengths, strict=True) if value != 2.0]
    assert 50 <= min(others) < 55
    assert 140 < max(others) <= 150
    assert np.mean(others) == pytest.approx(100, abs=8)
    assert Counter(values)[4.0] / 100 == pytest.approx(0.25, abs=0.12)


def test_a_cut_has_at_least_one_frame() -> None:
    """Where less is asked for than one frame lasts, one is drawn."""
    samplers = [SegmentSampler.of(label, [utterance("a", 5.0, label=label)], "") for label in ("high", "low")]
    options = MMIOptions(batch_size=20, shortest_s=1e-4, longest_s=2e-4)
    assert set(draw_batch(samplers, np.zeros(2), FRONT_END, options, np.random.default_rng(0)).lengths) == {1}


def test_cuts_are_normalised_as_utterances_are() -> None:
    """The mean of a cut is moved to the reference, as that of an utterance of its length would be."""
    samplers = [SegmentSampler.of(label, [utterance("a", 5.0, label=label)], "") for label in ("high", "low")]
    front_end = replace(FRONT_END, cepstral_mean="utterance")
    batch = draw_batch(samplers, np.array([1.0, 2.0]), front_end, MMIOptions(), np.random.default_rng(0))
    first = batch.frames[: batch.lengths[0]]
    np.testing.assert_allclose(first.mean(axis=0), [1.0, 2.0], atol=1e-4)


def test_only_the_means_of_gaussian_streams_move(voices: Path) -> None:
    """Re-estimation leaves weights, variances and Bernoulli mixtures; its losses are kept, and it needs no luck."""
    corpus = read_corpus(voices)
    options = Recipe(n_components=4, further_front_ends=(FrontEndOptions(features="patterns"),))
    material = read_material(training_recordings(corpus, ""), Run(recipe=options))
    steps = replace(options, mmi=MMIOptions(steps=12))
    plain, moved, again = (fit_scorer(material, Run(recipe=each)) for each in (options, steps, steps))
    mixtures = [fitted.scorer.streams[0].mixtures for fitted in (plain, moved, again)]
    for before, after, same in zip(*mixtures, strict=True):
        assert np.abs(after.means - before.means).max() > 1e-3
        np.testing.assert_array_equal(after.weights, before.weights)
        np.testing.assert_array_equal(after.variances, before.variances)
        np.testing.assert_array_equal(after.means, same.means)
    for before, after in zip(plain.scorer.streams[1].mixtures, moved.scorer.streams[1].mixtures, strict=True):
        assert isinstance(before, BernoulliMixture)
        assert isinstance(after, BernoulliMixture)
        np.testing.assert_array_equal(after.probabilities, before.probabilities)
    assert [len(each.losses) for each in moved.streams] == [12, 0]


@pytest.mark.parametrize(
    ("mmi", "kinds"),
    [
        (MMIOptions(), []),
        (MMIOptions(channel_share=0.2), ["channel"]),
        (MMIOptions(channel_share=0.2, effort_share=0.1), ["channel", "effort", "shout"]),
    ],
)
def test_training_recordings_are_augmented(mmi: MMIOptions, kinds: list[str], voices: Path) -> None:
    """One of each wanted kind, none of the recordings that calibrate; shouts come with raised voices."""
    first, *others = read_corpus(voices).recordings
    corpus = Corpus(source="voices", recordings=(replace(first, split="dev"), *others))
    options = Recipe(mmi=mmi)
    assert augmentations(corpus, options) == [replace(each, augmentation=kind) for kind in kinds for each in others]
    assert augmentations(corpus, Recipe()) == []


@pytest.mark.parametrize("copy", ["channel", "effort"])
def test_a_copy_is_another_sound_of_the_same_file(copy: str, voices: Path, tmp_path: Path) -> None:
    """A copy has other frames than the recording, the same each time, in memory and from disk."""
    recordings = read_corpus(voices).recordings
    front_end, noises = FrontEndOptions(), (recordings[-1].file,)
    augmented = replace(recordings[0], augmentation=copy)
    stored = FeatureStore(folder=tmp_path, front_end=front_end, noises=noises)
    results = (
        *(extract(each, front_end=front_end, noises=noises) for each in (recordings[0], augmented, augmented)),
        stored.fetch(augmented),
    )
    plain, *copies = (each for each in results if isinstance(each, Utterance))
    assert len(copies) == 3
    first = next(copies[0].stretches()).frames
    assert (
        first.shape != next(plain.stretches()).frames.shape
        or np.abs(first - next(plain.stretches()).frames).max() > 0.1
    )
    # Who speaks up is as quick, so that the copy is shorter by as much as it is higher.
    n_frames = plain.summaries[0].n_frames
    assert (copies[0].summaries[0].n_frames == n_frames) == (copy == "channel")
    assert 0.4 * n_frames < copies[0].summaries[0].n_frames <= n_frames
    for each in copies[1:]:
        np.testing.assert_array_equal(next(each.stretches()).frames, first)
    assert copies[0].digest == plain.digest


def test_copies_with_other_noises_are_kept_apart(voices: Path, tmp_path: Path) -> None:
    """What was mixed with other sounds is not taken for this; copies of effort know no noise."""
    recordings = read_corpus(voices).recordings
    for index in (-1, -2):
        store = FeatureStore(folder=tmp_path, front_end=FrontEndOptions(), noises=(recordings[index].file,))
        store.fetch(replace(recordings[0], augmentation="channel"))
        store.fetch(replace(recordings[0], augmentation="effort"))
    assert len(list(tmp_path.rglob("*.npy"))) == 3


def test_copies_on_disk_are_made_again_when_they_are_drawn_otherwise(
    monkeypatch: pytest.MonkeyPatch, voices: Path, tmp_path: Path
) -> None:
    """A folder that another version filled holds other copies; the recordings stay as they are."""
    recording = read_corpus(voices).recordings[0]
    for version in (1, 2):
        monkeypatch.setattr("speechgmm.training.feature_store.VERSION", version)
        store = FeatureStore(folder=tmp_path, front_end=FrontEndOptions())
        for copy in ("", "channel", "effort"):
            store.fetch(replace(recording, augmentation=copy))
    assert len(list(tmp_path.rglob("*.npy"))) == 5


@pytest.mark.slow
def test_the_command_is_the_same_however_the_work_is_done(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """With all kinds of copies, the bytes do not depend on jobs, on where features are kept, or on a checkpoint."""
    settings = (
        "calibration.folds=2",
        "mmi.steps=4",
        "augmentation.channel_share=0.4",
        "augmentation.effort_share=0.3",
        "training.balance_by=speaker",
    )
    arguments = (
        "train",
        voices,
        "--recipe",
        "plain",
        "--components",
        "2",
        "--quiet",
        *(f"--set={x}" for x in settings),
    )
    ways = {
        "plain": (),
        "kept": ("--features", tmp_path / "features", "--checkpoint", tmp_path / "checkpoint"),
        "again": ("--features", tmp_path / "features", "--checkpoint", tmp_path / "checkpoint", "--jobs", "2"),
    }
    made = []
    for name, way in ways.items():
        done = run(*arguments, "-o", tmp_path / f"{name}.npz", *way)
        assert done.returncode == 0, done.stderr
        made.append((tmp_path / f"{name}.npz").read_bytes())
    assert made[0] == made[1] == made[2]
    card = speechgmm.load(tmp_path / "plain.npz").card
    assert card["settings"]["discriminative"]["effort_share"] == 0.3
    assert card["settings"]["balance_by"] == "speaker"
    assert set(card["streams"][0]["losses"]) == {"first", "last"}
    assert card["data"]["train"]["female"]["recordings"] == 12, "copies are no recordings"


@pytest.mark.parametrize("name", ["channel_share", "effort_share"])
def test_what_needs_steps_is_refused_without(run: RunCommand, voices: Path, tmp_path: Path, name: str) -> None:
    """Shares of the steps say nothing where none are made."""
    settings = ("--recipe", "plain", "--set", f"augmentation.{name}=0.4")
    done = run("train", voices, "-o", tmp_path / "model.npz", *settings)
    assert done.returncode == 2
    assert f"augmentation.{name} is 0.4, but without MMI nothing is augmented: set mmi.steps" in done.stderr
