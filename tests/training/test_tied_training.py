"""Training of tied sub-models: alignment, what the truth admits, weights, and fits on parts of the material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import speechgmm
from speechgmm.augmentation.augment import CHANNEL, EFFORT, NOISE
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import Stretch, normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training.fitting import fitter
from speechgmm.training.material import Material
from speechgmm.training.packaged_rejection import Packaged
from speechgmm.training.recipe import Augmentation, Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.tied_training import admitted, align, case_weights, fit_tied
from speechgmm.workers.local import LocalExecutor
from tests.builders import Floats, RunCommand, random_gaussians, unit_gaussian

D = 3
LABELS = ("high", "low")
FRONT_END = FrontEndOptions(n_coefficients=D, cepstral_mean="none")
RECIPE = Recipe(
    n_components=4, calibration_folds=2, front_end=FRONT_END, em=EMOptions(max_iterations=5), mmi=MMIOptions()
)
BOTH_STYLES = replace(RECIPE, augmentation=Augmentation(effort_share=0.4))


def recording_of(label: str = "low", speaker: str = "a", *, augmentation: str = "", **columns: str) -> Recording:
    name = f"{label} {speaker}.wav"
    return Recording(
        file=Path(name), name=name, label=label, speaker=speaker, columns=columns, augmentation=augmentation
    )


def utterance(recording: Recording, *parts: Floats) -> Utterance:
    stretches = [Stretch(np.asarray(part, dtype=np.float32).reshape(-1, D), len(part) + 7) for part in parts]
    return Utterance.of(recording, stretches, "0" * 64)


# Alignment


def test_statistics_are_means_over_the_frames_of_an_utterance() -> None:
    """Equation (10), frame by frame, with each stretch normalised on its own; silence is left out."""
    rng = np.random.default_rng(0)
    front_end = replace(FRONT_END, cepstral_mean="utterance")
    background, reference = random_gaussians(n_dimensions=D), np.array([0.5, -0.5, 1.0])
    parts = [rng.normal(size=(30, D)), np.empty((0, D)), rng.normal(5.0, 2.0, size=(12, D))]
    spoken, other = utterance(recording_of(), *parts), utterance(recording_of(), parts[0])
    silent = utterance(recording_of(), np.empty((0, D)))

    aligned = align([silent, spoken, other], background, reference, front_end, Run(recipe=RECIPE))

    assert dict(aligned.rows) == {spoken: 0, other: 1}
    assert (aligned.statistics.shape, aligned.statistics.dtype) == ((2, 4, 1 + D), np.dtype(np.float32))
    frames = np.concatenate([part - part.mean(axis=0) + reference for part in (parts[0], parts[2])])
    distances = (frames[:, np.newaxis] - background.means) / np.sqrt(background.variances)
    joint = np.log(background.weights) - 0.5 * (distances**2 + np.log(background.variances)).sum(axis=2)
    responsibilities = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, np.newaxis])
    np.testing.assert_allclose(aligned.statistics[0, :, 0], responsibilities.mean(axis=0), atol=1e-5)
    expected = np.einsum("tk,tkd->kd", responsibilities, distances) / 42
    np.testing.assert_allclose(aligned.statistics[0, :, 1:], expected, atol=1e-4)


def test_alignment_does_not_depend_on_the_jobs() -> None:
    """Two workers give the same numbers in the same order."""
    rng = np.random.default_rng(1)
    utterances = [utterance(recording_of(), rng.normal(size=(20, D))) for _ in range(9)]
    one, two = (
        align(utterances, random_gaussians(n_dimensions=D), np.zeros(D), FRONT_END, Run(recipe=RECIPE, executor=each))
        for each in (LocalExecutor(1), LocalExecutor(2))
    )
    np.testing.assert_array_equal(one.statistics, two.statistics)


# What the truth admits


def test_without_raised_voices_each_class_has_one_submodel() -> None:
    """A version with raised effort admits it, too."""
    recordings = [recording_of("low"), recording_of("high"), recording_of("high", augmentation=EFFORT)]
    assert admitted(recordings, LABELS, 1, "").tolist() == [[False, True], [True, False], [True, False]]


def test_raised_voices_have_submodels_of_their_own() -> None:
    """High and low of usual voices, then of raised ones; a recording that may be raised admits both of its class."""
    recordings = {
        "usual": recording_of("low"),
        "in noise": recording_of("low", augmentation=CHANNEL, acted=""),
        "raised": recording_of("low", augmentation=EFFORT),
        "acted": recording_of("high", acted="angry"),
        "acted in noise": recording_of("high", augmentation=CHANNEL, acted="angry"),
        "acted and raised": recording_of("high", augmentation=EFFORT, acted="angry"),
    }
    table = dict(
        zip(recordings, admitted([*recordings.values()], LABELS, 2, "acted").astype(int).tolist(), strict=True)
    )
    assert table == {
        "usual": [0, 1, 0, 0],
        "in noise": [0, 1, 0, 0],
        "raised": [0, 0, 0, 1],
        "acted": [1, 0, 1, 0],
        "acted in noise": [1, 0, 1, 0],
        "acted and raised": [0, 0, 1, 0],
    }
    assert admitted([recordings["acted"]], LABELS, 2, "").astype(int).tolist() == [[1, 0, 0, 0]]


# Weights


def shares(recordings: Sequence[Recording], weights: Floats, *fields: str) -> dict[tuple[str | None, ...], float]:
    """The sum of the weights by the values of some fields."""
    sums: dict[tuple[str | None, ...], float] = {}
    for recording, weight in zip(recordings, weights, strict=True):
        key = tuple(recording.augmentation if name == "kind" else recording.value_of(name) for name in fields)
        sums[key] = sums.get(key, 0.0) + float(weight)
    return sums


def test_speakers_of_a_class_count_equally() -> None:
    """However much they say; so do the classes, however many speakers they have."""
    recordings = [recording_of(), recording_of(), recording_of(), recording_of(speaker="b"), recording_of("high", "c")]
    weights = case_weights(recordings, RECIPE)
    np.testing.assert_allclose(weights, [1 / 6, 1 / 6, 1 / 6, 1 / 2, 1.0])


def test_groups_count_by_the_square_root_of_their_speakers() -> None:
    """A corpus of nine speakers counts three times as much as one of one; without `balance_by`, nine times."""
    recordings = [recording_of(speaker=str(n), corpus="large") for n in range(9)] + [recording_of(speaker="x")]
    weights = case_weights(recordings, replace(RECIPE, balance_by="corpus"))
    assert shares(recordings, weights, "corpus") == pytest.approx({("large",): 0.75, (None,): 0.25})
    assert len(set(weights[:9])) == 1
    assert shares(recordings, case_weights(recordings, RECIPE), "corpus")["large",] == pytest.approx(0.9)


def test_kinds_of_version_count_by_their_shares() -> None:
    """In each class, however many there are of a kind."""
    recordings = [
        *(recording_of(label, augmentation=kind) for kind in ("", CHANNEL, EFFORT) for label in LABELS),
        *[recording_of("low", augmentation=CHANNEL)] * 3,
    ]
    recipe = replace(RECIPE, augmentation=Augmentation(channel_share=0.3, effort_share=0.1))
    by_kind = shares(recordings, case_weights(recordings, recipe), "kind", "label")
    expected = {(kind, label): share for kind, share in (("", 0.6), (CHANNEL, 0.3), (EFFORT, 0.1)) for label in LABELS}
    assert by_kind == pytest.approx(expected)
    assert case_weights(recordings, RECIPE)[2:6].tolist() == [0.0] * 4  # without shares only the recordings count


def test_versions_in_noise_count_for_rejection_only() -> None:
    """Their share is given apart; those of the recipe are of the rest."""
    kinds = ("", CHANNEL, EFFORT, NOISE, NOISE)
    recordings = [recording_of(speaker=str(n), augmentation=kind) for n, kind in enumerate(kinds)]
    recipe = replace(RECIPE, augmentation=Augmentation(channel_share=0.3, effort_share=0.1))
    np.testing.assert_allclose(case_weights(recordings, recipe), [0.6, 0.3, 0.1, 0.0, 0.0])
    weights = case_weights(recordings, recipe, noise_share=0.6)
    np.testing.assert_allclose(weights, [0.24, 0.12, 0.04, 0.3, 0.3])


# Fits


def voices(rng: np.random.Generator, *, n_speakers: int = 12, raised: bool = False) -> list[Utterance]:
    """Speakers whose frames have a mean of their own; low voices are below high ones, and raised by more than that."""
    made = []
    for label, centre in (("high", 0.4), ("low", -0.4)):
        for number in range(n_speakers):
            mean = np.array([centre, 0.0, 0.0]) + 0.1 * rng.standard_normal(D)
            recording = recording_of(label, f"{label} {number}", corpus=f"corpus {number % 3}")
            made.append(utterance(recording, mean + rng.standard_normal((200, D))))
            if raised:
                up = np.array([1.2, 0.0, 0.6])
                version = replace(recording, augmentation=EFFORT)
                made.append(utterance(version, mean + up + rng.standard_normal((150, D))))
    return made


def material_of(
    utterances: list[Utterance], sounds: Sequence[Utterance] = (), packaged: Packaged | None = None
) -> Material:
    recordings = tuple(each.recording for each in utterances if not each.recording.augmentation)
    corpus = Corpus(source="drawn", recordings=recordings)
    return Material(corpus=corpus, streams=[utterances], nonspeech=[list(sounds)], failures=(), packaged=packaged)


def sounds_of(rng: np.random.Generator) -> list[Utterance]:
    """Non-speech: frames far from the voices in the last dimension; one is silent."""
    parts = [rng.normal([0.0, 0.0, -3.0], 1.0, size=(n_frames, D)) for n_frames in (100, 100, 100, 100, 0)]
    return [utterance(recording_of("noise", str(number)), part) for number, part in enumerate(parts)]


def labels_of(scorer: Scorer, utterances: Sequence[Utterance]) -> list[str]:
    means = [scorer.score_all((each,) for each in one.stretches()).means[0] for one in utterances]
    return [scorer.labels[index] for index in scorer.class_scores(np.array(means)).argmax(axis=1)]


def test_submodels_separate_the_classes() -> None:
    """Of speakers that were not trained on; the losses fall, and the coefficients have the precision of a file."""
    material = material_of(voices(np.random.default_rng(2)))
    run = Run(recipe=RECIPE)

    fitted = fitter(material, run)(material, run)

    scorer, (stream,) = fitted.scorer, fitted.streams
    assert (scorer.submodels, scorer.tied_rejection, scorer.rejects) == ((0, 1), False, False)
    others = voices(np.random.default_rng(3))
    assert np.mean([a == b.recording.label for a, b in zip(labels_of(scorer, others), others, strict=True)]) > 0.9
    assert stream.losses[-1] < 0.7 * stream.losses[0]
    assert len(stream.losses) > 2
    assert stream.fits == {}
    tied = scorer.streams[0].tied
    assert tied is not None
    assert stream.stream is scorer.streams[0]
    np.testing.assert_array_equal(tied.coefficients, tied.coefficients.astype(np.float32))
    assert stream.background is not None
    np.testing.assert_allclose(tied.background.means, stream.background.best.mixture.means, rtol=1e-6)


def test_raised_low_voices_are_not_taken_for_usual_high_ones() -> None:
    """With sub-models of raised voices both kinds are right; a single one confuses raised low and usual high voices."""
    run = Run(recipe=BOTH_STYLES)
    material = material_of(voices(np.random.default_rng(4), raised=True))
    others = voices(np.random.default_rng(5), raised=True)

    both = fitter(material, run)(material, run).scorer

    assert both.submodels == (0, 1, 0, 1)
    truth = [each.recording.label for each in others]
    right = [a == b for a, b in zip(labels_of(both, others), truth, strict=True)]
    assert np.mean(right) > 0.85
    usual = material_of([each for each in material.streams[0] if not each.recording.augmentation])
    single = fitter(usual, Run(recipe=RECIPE))(usual, Run(recipe=RECIPE)).scorer
    raised_low = [each for each in others if each.recording.augmentation and each.recording.label == "low"]
    assert np.mean([label == "high" for label in labels_of(single, raised_low)]) > 0.8


def test_nonspeech_is_rejected_by_a_submodel() -> None:
    """It is the last one: positive for voices, negative for sounds like those of the training."""
    rng, run = np.random.default_rng(6), Run(recipe=RECIPE)
    material = material_of(voices(rng), sounds_of(rng))

    scorer = fitter(material, run)(material, run).scorer

    tied = scorer.streams[0].tied
    assert tied is not None
    assert (scorer.tied_rejection, tied.n_models) == (True, 3)

    def ratios(utterances: list[Utterance]) -> list[float]:
        return [scorer.score_all((each,) for each in one.stretches()).mean_speech_ratio for one in utterances]

    others, sounds = voices(np.random.default_rng(7)), sounds_of(np.random.default_rng(8))[:-1]
    assert min(ratios(others)) > 0.1
    assert max(ratios(sounds)) < -0.1

    def of_frames(utterances: list[Utterance]) -> Floats:
        """Ratios of single frames, by the mixture of non-speech."""
        frames = [scorer.streams[0].frames(stretch) for one in utterances for stretch in one.stretches()]
        found = scorer.frame_scores(0, np.concatenate(frames)).speech_ratios
        assert found is not None
        return found

    assert np.mean(of_frames(others) > 0) > 0.9
    assert np.mean(of_frames(sounds) < 0) > 0.9


def test_silent_sounds_are_no_nonspeech() -> None:
    """Without speech frames there is nothing to reject by."""
    rng, run = np.random.default_rng(6), Run(recipe=RECIPE)
    material = material_of(voices(rng, n_speakers=4), sounds_of(rng)[-1:])
    scorer = fitter(material, run)(material, run).scorer
    assert not scorer.tied_rejection
    assert scorer.streams[0].tied is not None
    assert scorer.streams[0].tied.n_models == 2


def test_sounds_that_one_stream_does_not_hear_are_no_nonspeech() -> None:
    """A stream with a longer window may find no speech frames in them: then no stream rejects."""
    rng = np.random.default_rng(6)
    recipe = replace(RECIPE, further_front_ends=(replace(FRONT_END, window_s=0.064),))
    heard = voices(rng, n_speakers=4)
    sounds = sounds_of(rng)
    silent = [utterance(each.recording, np.empty((0, D))) for each in sounds]
    material = replace(material_of(heard), streams=[heard, heard], nonspeech=[sounds, silent])
    scorer = fitter(material, Run(recipe=recipe))(material, Run(recipe=recipe)).scorer
    assert [stream.tied.n_models for stream in scorer.streams if stream.tied] == [2, 2]
    assert not scorer.rejects


def test_packaged_background_and_rejection_are_taken_over() -> None:
    """Nothing is fitted by EM; the last sub-model and the reference mean are those of the package."""
    rng, run = np.random.default_rng(9), Run(recipe=RECIPE)
    background = random_gaussians(n_dimensions=D)
    rejection = rng.normal(size=(4, 1 + D)).astype(np.float32).astype(np.float64)
    sounds = NonSpeechModel(stream=0, mixture=random_gaussians(n_dimensions=D))
    packaged = Packaged(
        backgrounds=(background,),
        reference_means=(np.array([1.0, 2.0, 3.0]),),
        rejection=(rejection,),
        nonspeech=sounds,
    )
    material = material_of(voices(rng, n_speakers=4), packaged=packaged)

    fitted = fitter(material, run)(material, run)

    (stream,) = fitted.scorer.streams
    assert fitted.scorer.nonspeech is sounds
    assert stream.tied is not None
    assert stream.tied.background is background
    assert stream.reference_mean.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(stream.tied.coefficients[-1], rejection)
    assert (fitted.scorer.tied_rejection, stream.tied.n_models) == (True, 3)
    assert fitted.streams[0].background is None


def test_a_fit_without_a_fold_shares_the_background() -> None:
    """Only the sub-models are fitted again, without the speakers that are left out."""
    run = Run(recipe=RECIPE)
    material = material_of(voices(np.random.default_rng(10)))
    fit = fitter(material, run)
    part = material.of(material.corpus, lambda recording: recording.value_of("corpus") != "corpus 0")

    whole, without = (fit(each, run).scorer.streams[0].tied for each in (material, part))

    assert whole is not None
    assert without is not None
    assert without.background is whole.background
    assert np.abs(without.coefficients - whole.coefficients).max() > 0.01
    marred = [
        each if each.recording.value_of("corpus") != "corpus 0" else utterance(each.recording, np.full((200, D), 9.0))
        for each in material.streams[0]
    ]
    stream = align(marred, whole.background, np.zeros(D), FRONT_END, run)
    aligned = replace(stream, reference_mean=np.zeros(D))
    other = replace(material, streams=[marred])
    kept = other.of(other.corpus, lambda recording: recording.value_of("corpus") != "corpus 0")
    scorer, _ = fit_tied([aligned], kept, run)
    assert scorer.streams[0].tied is not None
    np.testing.assert_allclose(scorer.streams[0].tied.coefficients, without.coefficients, atol=1e-5)


def test_the_background_hears_one_version_of_each_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Originals and augmented versions in turn, none without speech and none in noise."""
    heard: list[Utterance] = []

    def watching(classes: Sequence[object], *_: object) -> None:
        for each in classes:
            heard.extend(each.utterances)  # type: ignore[attr-defined]
        raise RuntimeError

    monkeypatch.setattr("speechgmm.training.fitting.fit_background", watching)
    made = []
    for label in LABELS:
        for number in range(4):
            for kind in ("", CHANNEL, EFFORT, NOISE):
                recording = recording_of(label, str(number), augmentation=kind)
                silent = kind == CHANNEL and number == 3
                made.append(utterance(recording, np.zeros((0 if silent else 60, D))))
    with pytest.raises(RuntimeError):
        fitter(material_of(made), Run(recipe=BOTH_STYLES))
    assert len(heard) == 8
    assert {each.recording.augmentation for each in heard} == {"", CHANNEL, EFFORT}
    assert len({each.recording.name for each in heard}) == 8
    assert all(each.n_speech for each in heard)


def test_frames_are_normalised_as_in_scoring() -> None:
    """The mean score of an utterance is that of its statistics."""
    run = Run(recipe=replace(RECIPE, front_end=replace(FRONT_END, cepstral_mean="shrunk")))
    material = material_of(voices(np.random.default_rng(11), n_speakers=4))
    scorer = fitter(material, run)(material, run).scorer
    (stream,), one = scorer.streams, material.streams[0][0]
    assert stream.tied is not None
    aligned = align([one], stream.tied.background, stream.reference_mean, stream.front_end, run)
    expected = np.tensordot(stream.tied.coefficients, aligned.statistics[0], axes=2)
    np.testing.assert_allclose(scorer.score_all((each,) for each in one.stretches()).means[0], expected, atol=1e-4)
    (whole,) = one.stretches()
    moved = normalise_mean(whole.frames, stream.reference_mean, stream.front_end)
    assert np.abs(moved - whole.frames).max() > 1e-3


@pytest.mark.slow
def test_the_command_is_the_same_however_the_work_is_done(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """With all kinds of versions, the bytes do not depend on jobs, on where features are kept, or on a checkpoint."""
    settings = (
        "calibration.folds=2",
        "mmi.iterations=4",
        "augmentation.channel_share=0.4",
        "augmentation.effort_share=0.3",
        "training.balance_by=speaker",
    )
    given = [f"--set={each}" for each in settings]
    arguments = ("train", voices, "--recipe", "plain", "--components", "2", "--quiet", *given)
    kept = ("--features", tmp_path / "features", "--checkpoint", tmp_path / "checkpoint")
    ways = {"plain": (), "kept": kept, "again": (*kept, "--jobs", "2")}
    made = []
    for name, way in ways.items():
        done = run(*arguments, "-o", tmp_path / f"{name}.npz", *way)
        assert done.returncode == 0, done.stderr
        made.append((tmp_path / f"{name}.npz").read_bytes())
    assert made[0] == made[1] == made[2]
    model = speechgmm.load(tmp_path / "plain.npz")
    assert model.submodels == (0, 1, 0, 1)
    card = model.card
    assert card["settings"]["mmi"] == {"iterations": 4, "i_smoothing": 1.0}
    assert card["settings"]["augmentation"] == {"channel_share": 0.4, "effort_share": 0.3}
    assert card["settings"]["balance_by"] == "speaker"
    assert set(card["streams"][0]["losses"]) == {"first", "last"}
    assert card["streams"][0]["background"]["components"] == 2
    assert card["data"]["train"]["female"]["recordings"] == 12, "augmented versions are no recordings"


def test_components_of_one_dimension_are_enough() -> None:
    """The least there can be: one component, one dimension, one speaker per class."""
    front_end = replace(FRONT_END, n_coefficients=1)
    recipe = replace(RECIPE, front_end=front_end, n_components=1)
    made = []
    for label, value in (("high", 1.0), ("low", -1.0)):
        stretch = Stretch(np.full((40, 1), value, dtype=np.float32), 40)
        made.append(Utterance.of(recording_of(label, label), [stretch], "0"))
    material = material_of(made)
    background = unit_gaussian(0.0)
    aligned = align(made, background, np.zeros(1), front_end, Run(recipe=recipe))
    scorer, _ = fit_tied([aligned], material, Run(recipe=recipe))
    assert labels_of(scorer, made) == ["high", "low"]
