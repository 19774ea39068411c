"""Models of several streams: views of the same speech, each with mixtures of its own, whose scores are joined."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import soundfile

import speechgmm
from speechgmm.audio.samples import Samples
from speechgmm.classifier.calibration import Calibration, fit_calibration
from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.model import Model
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer, Stream
from speechgmm.cli import main
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Recording
from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import OptionError
from speechgmm.features import front_end as frontend
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import Stretch, aligned, stream_stretches, stretches
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.options import EMOptions
from speechgmm.training.calibrate import HeldOutScores, cuts, score_utterances
from speechgmm.training.material import StreamUtterances
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor
from tests.builders import RunCommand, spoken, unit_gaussian

T = TypeVar("T")
R = TypeVar("R")

SHORT = FrontEndOptions()
LONG = replace(SHORT, window_s=0.064, n_mels=80, n_coefficients=30)
OPTIONS = Recipe(
    n_components=2, calibration_folds=2, front_end=SHORT, further_front_ends=(LONG,), em=EMOptions(max_iterations=2)
)
SMALL = (
    *("--recipe", "plain", "--components", "2", "--quiet"),
    *("--set", "calibration.folds=2", "--set", "em.max_iterations=2"),
)


def one_dimensional(window_s: float, mean: float) -> Stream:
    """Frames of one number, normal around the mean in the first class and around its negative in the second."""
    front_end = FrontEndOptions(window_s=window_s, n_coefficients=1, cepstral_mean="none")
    return Stream(front_end=front_end, reference_mean=np.zeros(1), mixtures=(unit_gaussian(mean), unit_gaussian(-mean)))


BY_HAND = Model(
    labels=("high", "low"),
    streams=(one_dimensional(0.025, 1.0), one_dimensional(0.064, 2.0)),
    calibration=Calibration(scales=(4.0, 3.0), half_weight_frames=100.0, offsets=(0.25, -0.25)),
    min_likelihood=-5.0,
    priors=(0.5, 0.5),
)


def steady(value: float, n_frames: int) -> Stretch:
    return Stretch(np.full((n_frames, 1), value, dtype=np.float32), n_frames + 7)


def assert_same(found: Stretch, expected: Stretch) -> None:
    assert found.n_frames == expected.n_frames
    assert found.frames.shape == expected.frames.shape
    np.testing.assert_allclose(found.frames, expected.frames, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic speakers a class, one file of 2 s each; read only."""
    folder = tmp_path_factory.mktemp("few") / "voices"
    write_voices(folder, n_speakers=3, n_files=1, duration_s=2.0, seed=11)
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Arguments for a training with `OPTIONS`, by a recipe of two streams."""
    file = tmp_path_factory.mktemp("recipe") / "two.toml"
    file.write_text(OPTIONS.to_toml(), encoding="utf-8")
    return ("--recipe", str(file), "--quiet")


@pytest.fixture(scope="module")
def model_file(few: Path, two: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two streams of cepstra, made by the command; read only."""
    file = tmp_path_factory.mktemp("streams") / "model.npz"
    assert main(["train", str(few), "-o", str(file), *two]) == 0
    return file


def test_scores_are_kept_stream_by_stream() -> None:
    """Each stream sums over the frames it sees itself; the frames in all are those of the first."""
    scores = BY_HAND.score([steady(0.5, 2), steady(0.0, 3)])

    constant = -0.5 * math.log(2 * math.pi)
    assert (scores.n_frames, scores.n_speech.tolist()) == (9, [2, 3])
    expected = [[2 * constant - 2 * 0.125, 2 * constant - 2 * 1.125], [3 * constant - 6.0, 3 * constant - 6.0]]
    np.testing.assert_allclose(scores.log_likelihoods, expected)
    np.testing.assert_allclose(scores.means, [[each / 2 for each in expected[0]], [each / 3 for each in expected[1]]])


def test_decision_of_two_streams_by_hand() -> None:
    """Means differ by 1 and by 2, so 4 x 1 + 3 x 2 = 10; by the first stream's 100 frames half of it counts."""
    scores = BY_HAND.score_all([[steady(0.5, 60), steady(0.5, 300)], [steady(0.5, 40), steady(0.5, 500)]])

    decision = BY_HAND.decide(scores)

    assert (decision.label, decision.reason) == ("high", "")
    assert decision.score == pytest.approx(10.0 / 2 + 0.5)
    assert decision.probability == pytest.approx(1 / (1 + math.exp(-5.5)))
    assert decision.speech_s == pytest.approx(1.0)


def test_streams_may_disagree() -> None:
    """The second stream can turn what the first alone would say."""
    assert BY_HAND.decide(BY_HAND.score([steady(0.5, 100), steady(-0.5, 100)])).score == pytest.approx(1.0 - 0.5)
    assert BY_HAND.decide(BY_HAND.score([steady(0.5, 100), steady(-0.5, 100)])).label == "low"


def test_a_stream_without_speech_says_nothing() -> None:
    """Without frames in the second stream the first decides; without frames in the first there is no speech."""
    first_alone = BY_HAND.decide(BY_HAND.score([steady(0.5, 100), steady(0.0, 0)]))
    second_alone = BY_HAND.decide(BY_HAND.score([steady(0.0, 0), steady(0.5, 100)]))

    assert first_alone.score == pytest.approx(4.0 / 2 + 0.5)
    assert (second_alone.label, second_alone.reason) == (UNKNOWN, "no speech")


def test_what_the_rejecting_stream_does_not_hear_is_no_speech() -> None:
    """A rejection in the second stream judges by its frames, as many as they are; without any there is no answer."""
    nonspeech = NonSpeechModel(stream=1, mixture=unit_gaussian(-1.0))
    judged = replace(BY_HAND, nonspeech=nonspeech, min_speech_ratio=0.5)
    ratio = {value: judged.decide(judged.score([steady(0.5, 40), steady(value, 20)])).reason for value in (0.8, 1.0)}
    assert ratio == {0.8: "does not sound like speech", 1.0: ""}  # the ratio is value + log cosh(2 value) - 1.5
    unheard = [steady(0.5, 40), steady(0.3, 0)]
    assert BY_HAND.decide(BY_HAND.score(unheard)).decided
    assert judged.decide(judged.score(unheard)).reason == "no speech"


def test_a_stretch_is_needed_for_each_stream() -> None:
    """Scoring with one view too few or too many is a fault of the caller."""
    for n_views in (1, 3):
        with pytest.raises(ValueError, match=r"zip\(\) argument 2 is (shorter|longer)"):
            BY_HAND.score([steady(0.5, 10)] * n_views)


@pytest.mark.parametrize("change", [{"sampling_rate": 8000}, {"hop_s": 0.0125}])
def test_streams_of_another_rate_or_hop_are_refused(
    run: RunCommand, few: Path, two: tuple[str, ...], tmp_path: Path, change: dict[str, Any]
) -> None:
    """All streams need one sampling rate and one hop: in a model, in the options and on the command line."""
    text = "the streams of a model must have the same sampling_rate and the same hop_s"
    first, second = BY_HAND.streams
    with pytest.raises(OptionError, match=f"^{text}$"):
        replace(BY_HAND, streams=(first, replace(second, front_end=replace(second.front_end, **change))))
    with pytest.raises(OptionError, match=f"^{text}$"):
        Recipe(further_front_ends=(LONG, replace(LONG, **change)))
    ((name, value),) = change.items()

    done = run("train", few, "-o", tmp_path / "model.npz", *two, "--set", f"streams.2.{name}={value}")

    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_equation_5_by_loops() -> None:
    """The calibrated log-likelihood is the weighted sum over the streams, term by term."""
    rng = np.random.default_rng(1)
    means, n_frames = rng.normal(-40.0, 3.0, size=(7, 2, 3)), rng.uniform(10.0, 900.0, size=7)
    calibration = Calibration(scales=(2.5, 0.75), half_weight_frames=60.0, offsets=(0.5, -0.75, 0.25))

    calibrated = calibration.log_likelihoods(means, n_frames)

    assert calibrated.shape == (7, 3)
    for u in range(7):
        for c in range(3):
            joined = 0.0
            for s in range(2):
                joined += calibration.scales[s] * means[u, s, c]
            expected = n_frames[u] / (n_frames[u] + 60.0) * joined + calibration.offsets[c]
            assert calibrated[u, c] == pytest.approx(expected, rel=1e-12)


def fit_two(informative: int, n_speakers: int) -> Calibration:
    """The calibration of two streams, of which one alone knows the class."""
    rng = np.random.default_rng(2)
    truth = np.repeat([0, 1], 300)
    difference = rng.standard_normal((600, 2))
    difference[:, informative] += np.where(truth == 0, 1.5, -1.5)
    means = np.stack([difference / 2, -difference / 2], axis=2) - 40.0
    return fit_calibration(means, np.full(600, 200.0), truth, np.ones(600), np.full(2, n_speakers))


@pytest.mark.parametrize("informative", [0, 1])
def test_the_stream_that_knows_the_class_counts_more(informative: int) -> None:
    """Of two streams the informative one gets the scale, which it has where it is alone; the other next to none."""
    calibration = fit_two(informative, 10**6)

    weight = 200.0 / (200.0 + calibration.half_weight_frames)
    assert calibration.scales[informative] > 10 * calibration.scales[1 - informative]
    # Normal with means 1.5 and -1.5 and variance 1: the log-likelihood ratio is 3 times the difference.
    assert weight * calibration.scales[informative] == pytest.approx(3.0, rel=0.2)


def test_few_speakers_do_not_turn_a_stream_off() -> None:
    """The fewer speakers are held out, the more alike are the streams in the sum."""
    ratios = [fit_two(0, n_speakers).scales for n_speakers in (1, 10, 100, 1000)]
    shares = [first / second for first, second in ratios]
    assert shares == sorted(shares)
    assert 0.5 < shares[0] < 1.5
    assert shares[-1] > 5.0


def test_a_stream_twice_shares_its_scale() -> None:
    """What is said twice counts once: the scales of two equal streams sum to that of one."""
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1], 200)
    difference = np.where(truth == 0, 1.0, -1.0) + rng.standard_normal(400)
    once = np.stack([difference / 2, -difference / 2], axis=1)[:, np.newaxis]
    others = (np.full(400, 200.0), truth, np.ones(400), np.array([200, 200]))

    one, two = (fit_calibration(means, *others) for means in (once, np.repeat(once, 2, axis=1)))

    weight_of = {each: 200.0 / (200.0 + each.half_weight_frames) * sum(each.scales) for each in (one, two)}
    assert weight_of[two] == pytest.approx(weight_of[one], rel=0.01)
    assert two.scales[0] == pytest.approx(two.scales[1], rel=0.01)


def test_cuts_are_of_the_same_length_in_every_stream() -> None:
    """Pieces begin at the same frame of each view and are as long; the shorter view bounds them."""
    pair = [Stretch(np.arange(n, dtype=np.float32)[:, np.newaxis] + 1000 * n, n) for n in (120, 55)]

    pieces = list(cuts([pair, [steady(0.0, 90), steady(0.0, 0)]]))

    assert [tuple(len(view.frames) for view in piece) for piece in pieces] == [(30, 30), (50, 50)]
    assert [tuple(float(view.frames[0, 0]) for view in piece) for piece in pieces] == [(120e3, 55e3), (120e3, 55e3)]


def test_what_one_stream_does_not_hear_is_no_evidence() -> None:
    """An utterance without speech in any one stream does not calibrate."""

    def utterance(speaker: str, stretch: Stretch) -> Utterance:
        recording = Recording(file=Path("a.wav"), name="a.wav", label="high", speaker=speaker)
        return Utterance.of(recording, [stretch], "0")

    first = [utterance("spoken", steady(1.0, 40)), utterance("silent", steady(1.0, 40))]
    second = [utterance("spoken", steady(2.0, 40)), utterance("silent", steady(2.0, 0))]

    assert [each.speaker for each in score_utterances(BY_HAND, [first, second])] == ["spoken"]


@pytest.mark.parametrize("size", [160, 1001, 8000, 10**6])
def test_views_are_the_stretches_of_each_front_end(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several front ends at once, with windows shared and different, see what each alone sees, however blocks fall."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.8)
    front_ends = [
        SHORT,
        LONG,
        replace(SHORT, n_mels=24, n_coefficients=12, speech_range_db=20.0),
        replace(LONG, features="patterns"),
        replace(SHORT, window_s=0.020, delta_order=1),
    ]
    samples = spoken("female", 2.6, np.random.default_rng(3))
    blocks = [samples[begin : begin + size] for begin in range(0, len(samples), size)]

    found = list(stream_stretches(blocks, front_ends))

    assert len(found) == 3
    for number, options in enumerate(front_ends):
        alone = list(stretches([samples], options))
        assert sum(len(stretch.frames) for stretch in alone) > 50
        for row, expected in zip(found, alone, strict=True):
            assert_same(row[number], expected)


def test_blocks_are_read_once_and_one_after_the_other() -> None:
    """A recording may be a stream of blocks: nothing is read long before it is needed, nor twice."""
    taken: list[int] = []

    def blocks() -> Iterator[Samples]:
        for number in range(30):
            taken.append(number)
            yield np.tile(spoken("female", 1.0, np.random.default_rng(3)), 10)

    rows = stream_stretches(blocks(), [SHORT, LONG])
    next(rows)
    assert len(taken) <= 10
    list(rows)
    assert taken == list(range(30))


@pytest.mark.parametrize("order", [(SHORT, LONG), (LONG, SHORT)])
def test_an_end_too_short_for_one_window_is_empty_there(
    order: tuple[FrontEndOptions, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one window makes a stretch more than the other, the other's is empty, of its own dimensions."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.8)
    # The second stretch begins once there are 80 hops, the rest of a window and another half stretch.
    samples = spoken("female", 2.0, np.random.default_rng(3))[: 79 * 160 + 400 + 40 * 160]
    alone = {options: list(stretches([samples], options)) for options in order}
    assert (len(alone[SHORT]), len(alone[LONG])) == (2, 1)

    first, last = stream_stretches([samples], order)

    for options, one, other in zip(order, first, last, strict=True):
        assert_same(one, alone[options][0])
        if options is SHORT:
            assert_same(other, alone[options][1])
        else:
            assert (other.n_frames, other.frames.shape, other.frames.dtype) == (0, (0, 30), np.dtype(np.float32))


def test_held_out_speakers_are_heard_as_they_are_classified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches made front end by front end stand side by side as those that are made at once."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.8)
    samples = spoken("female", 2.0, np.random.default_rng(3))[: 79 * 160 + 400 + 40 * 160]
    alone = [stretches([samples], options) for options in (SHORT, LONG)]

    rows = list(aligned(alone, (SHORT, LONG)))

    expected = list(stream_stretches([samples], (SHORT, LONG)))
    assert len(rows) == len(expected) == 2
    for row, others in zip(rows, expected, strict=True):
        for found, other in zip(row, others, strict=True):
            assert_same(found, other)


def test_calibration_hears_all_of_an_utterance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that only one stream has a stretch for counts in calibration as it does in classification."""
    monkeypatch.setattr(frontend, "STRETCH_S", 0.8)
    n_frames: list[int] = []

    def watching(scorer: Scorer, streams: StreamUtterances, balance_by: str) -> list[HeldOutScores]:
        scores = score_utterances(scorer, streams, balance_by)
        n_frames.extend(each.whole.n_frames for each in scores)
        return scores

    monkeypatch.setattr("speechgmm.training.calibrate.score_utterances", watching)
    for label, seed in (("female", 1), ("male", 3)):
        for number in range(2):
            folder = tmp_path / label / f"{label}-{number}"
            folder.mkdir(parents=True)
            samples = spoken("female", 2.0, np.random.default_rng(seed + number))[: 79 * 160 + 400 + 40 * 160]
            soundfile.write(folder / "a.wav", samples, 16000)

    train(read_corpus(tmp_path), Run(recipe=OPTIONS))

    assert n_frames == [120] * 4


def test_the_command_and_the_function_make_the_same_model(few: Path, model_file: Path, tmp_path: Path) -> None:
    """A recipe file with two streams is the same as `further_front_ends`."""
    model = speechgmm.train(few, recipe=OPTIONS).model

    speechgmm.save(model, tmp_path / "model.npz")

    assert model.front_ends == (SHORT, LONG)
    assert [stream.mixtures[0].n_dimensions for stream in model.streams] == [20, 30]
    assert len(model.calibration.scales) == 2
    assert (tmp_path / "model.npz").read_bytes() == model_file.read_bytes()


def test_a_stream_differs_from_the_first_front_end(run: RunCommand, few: Path, tmp_path: Path) -> None:
    """The old ``--stream`` says what differs from the first stream, with its settings; there may be several."""
    file = tmp_path / "model.npz"
    arguments = ["--set", "streams.1.n_mels=30", "--stream", "window_s=0.05", "--stream", "n_mels=36,n_coefficients=10"]

    assert run("train", few, "-o", file, *SMALL, *arguments).returncode == 0

    first = replace(SHORT, n_mels=30)
    expected = (first, replace(first, window_s=0.05), replace(first, n_mels=36, n_coefficients=10))
    assert speechgmm.load(file).front_ends == expected


@pytest.mark.parametrize(
    ("text", "said"), [("window=1", "'window=1': expected NAME=VALUE"), ("", "'': expected NAME=VALUE")]
)
def test_a_stream_that_is_none_is_refused(run: RunCommand, few: Path, tmp_path: Path, text: str, said: str) -> None:
    """An unknown option of a stream, or none, is an error of usage."""
    done = run("train", few, "-o", tmp_path / "model.npz", *SMALL, "--stream", text)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_file_of_two_streams_comes_back(model_file: Path, tmp_path: Path) -> None:
    """Loaded and saved again, the bytes are the same; each stream has its arrays."""
    model = speechgmm.load(model_file)

    speechgmm.save(model, tmp_path / "again.npz")

    assert (tmp_path / "again.npz").read_bytes() == model_file.read_bytes()
    with np.load(model_file) as arrays:
        for number, n_dimensions in enumerate((20, 30)):
            assert arrays[f"means_{number}_1"].shape == (2, n_dimensions)
            np.testing.assert_array_equal(arrays[f"reference_mean_{number}"], model.streams[number].reference_mean)


def test_a_stream_is_fitted_as_it_is_alone(few: Path, model_file: Path) -> None:
    """Streams share calibration only: each one's mixtures are those of a training with its front end alone."""
    model = speechgmm.load(model_file)

    for stream in model.streams:
        options = replace(OPTIONS, front_end=stream.front_end, further_front_ends=())
        (alone,) = speechgmm.train(few, recipe=options).model.streams
        np.testing.assert_array_equal(stream.reference_mean, alone.reference_mean)
        for mine, theirs in zip(stream.mixtures, alone.mixtures, strict=True):
            assert isinstance(mine, DiagonalMixture)
            assert isinstance(theirs, DiagonalMixture)
            np.testing.assert_array_equal(mine.means, theirs.means)
            np.testing.assert_array_equal(mine.variances, theirs.variances)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["jobs", "features", "checkpoint"])
def test_every_way_of_working_gives_the_same_bytes(
    run: RunCommand, few: Path, two: tuple[str, ...], model_file: Path, tmp_path: Path, way: str
) -> None:
    """Workers, features on disk and a checkpoint, written and taken up again, do not show in the model."""
    extra = {"jobs": "2", "features": tmp_path / "features", "checkpoint": tmp_path / "checkpoint"}[way]

    for name in ("first.npz",) if way == "jobs" else ("first.npz", "again.npz"):
        done = run("train", few, "-o", tmp_path / name, *two, f"--{way}", extra)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / name).read_bytes() == model_file.read_bytes()

    if way == "features":
        assert len(list((tmp_path / "features").iterdir())) == 2
    if way == "checkpoint":
        kept = {file.relative_to(tmp_path / "checkpoint" / "model") for file in tmp_path.rglob("model/*/class-*.npz")}
        assert kept == {Path(f"stream-{stream}/class-{label}.npz") for stream in (1, 2) for label in (1, 2)}


def test_a_checkpoint_is_of_its_streams(run: RunCommand, few: Path, two: tuple[str, ...], tmp_path: Path) -> None:
    """A training of one stream does not go on from one of two."""
    assert run("train", few, "-o", tmp_path / "a.npz", *two, "--checkpoint", tmp_path / "kept").returncode == 0

    done = run("train", few, "-o", tmp_path / "b.npz", *SMALL, "--checkpoint", tmp_path / "kept")

    assert done.returncode == 1
    assert "it is the checkpoint of another training, with other options" in done.stderr


def test_all_streams_get_the_chosen_size(voices: Path) -> None:
    """Sizes are compared on the first stream, and the others get as many components."""
    training = train(read_corpus(voices), Run(recipe=OPTIONS, sizes=(1, 8)))

    alone = train(read_corpus(voices), Run(recipe=replace(OPTIONS, further_front_ends=()), sizes=(1, 8)))
    assert training.sizes == alone.sizes
    sizes = {mixture.n_components for stream in training.model.streams for mixture in stream.mixtures}
    assert sizes == {training.model.card["settings"]["n_components"]} == {8}


def test_a_recording_that_cannot_be_read_is_named_once(few: Path) -> None:
    """However many streams there are, a loss is one loss, and the streams stay in step."""
    corpus = read_corpus(few)
    first, *others = corpus.recordings
    absent = replace(first, file=first.file.with_name("absent.wav"))

    training = train(replace(corpus, recordings=(absent, *others)), Run(recipe=OPTIONS))

    assert [failure.recording for failure in training.failures] == [absent]
    without = train(replace(corpus, recordings=tuple(others)), Run(recipe=OPTIONS))
    assert training.model.calibration == without.model.calibration


def test_what_the_card_and_the_description_say(run: RunCommand, model_file: Path) -> None:
    """Each stream is listed with its front end and its fits, in JSON and for people."""
    card = speechgmm.load(model_file).card

    told = json.loads(run("describe", model_file, "--format", "json").stdout)
    lines = run("describe", model_file).stdout.splitlines()

    assert [stream["front_end"]["n_mels"] for stream in told["streams"]] == [40, 80]
    assert [stream["front_end"]["n_mels"] for stream in card["streams"]] == [40, 80]
    assert [set(stream["fits"]) for stream in card["streams"]] == [{"female", "male"}] * 2
    for window in ("0.025", "0.064"):
        assert any(line.startswith(f"    front end: sampling rate 16000 Hz, window {window} s") for line in lines)
    assert [line for line in lines if line in ("streams:", "  1:", "  2:")] == ["streams:", "  1:", "  2:"]
    assert lines.count("    fits:") == 2


def test_bits_beside_cepstra(run: RunCommand, few: Path, two: tuple[str, ...], tmp_path: Path) -> None:
    """A Bernoulli stream joins a Gaussian one: trained, saved, loaded, evaluated."""
    file = tmp_path / "model.npz"

    done = run("train", few, "-o", file, *two, "--set", "streams.2.features=patterns")

    assert (done.returncode, done.stderr) == (0, "")
    model = speechgmm.load(file)
    assert [type(stream.mixtures[0]) for stream in model.streams] == [DiagonalMixture, BernoulliMixture]
    assert [stream["fits"]["male"]["family"] for stream in model.card["streams"]] == ["gaussian", "bernoulli"]
    assert [stream["family"] for stream in json.loads(run("describe", file, "--format", "json").stdout)["streams"]] == [
        "gaussian",
        "bernoulli",
    ]
    speechgmm.save(model, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()
    assert speechgmm.evaluate(few, model).uar > 0.9


def test_files_and_samples_are_classified(run: RunCommand, few: Path, model_file: Path) -> None:
    """The command and the function give one answer, which is the truth for voices it was trained on."""
    model = speechgmm.load(model_file)
    file = next((few / "male").rglob("*.wav"))
    samples, rate = soundfile.read(file)

    answer = json.loads(run("classify", file, "--model", model_file, "--format", "jsonl").stdout)

    decision = speechgmm.classify(file, model=model)
    assert (decision.label, answer["label"]) == ("male", "male")
    assert speechgmm.classify(samples, rate, model=model) == decision
    scores = model.score_all(stream_stretches([samples.astype(np.float32)], model.front_ends))
    assert model.decide(scores).score == pytest.approx(decision.score, rel=1e-5)
    assert speechgmm.evaluate(few, model).uar > 0.9


def test_a_recording_between_two_windows(few: Path, model_file: Path, tmp_path: Path) -> None:
    """A recording that fills the short window alone gives a frame there, and no fault in classification or training."""
    short = spoken("female", 1.0, np.random.default_rng(3))[:800]
    assert [[view.n_frames for view in row] for row in stream_stretches([short], [SHORT, LONG])] == [[3, 0]]
    assert [[view.n_frames for view in row] for row in stream_stretches([short], [LONG, SHORT])] == [[0, 3]]
    soundfile.write(tmp_path / "short.wav", short, 16000)
    assert speechgmm.classify(tmp_path / "short.wav", model=speechgmm.load(model_file)).label == UNKNOWN

    recording = Recording(file=tmp_path / "short.wav", name="short.wav", label="male", speaker="brief", split="dev")
    corpus = read_corpus(few)
    others = tuple(
        replace(each, split="train" if each.speaker and each.speaker[-1] in "12" else "dev")
        for each in corpus.recordings
    )
    with_it, without = (
        train(replace(corpus, recordings=recordings), Run(recipe=OPTIONS))
        for recordings in ((recording, *others), others)
    )
    assert with_it.failures == ()
    assert with_it.model.card["data"]["dev"]["male"]["recordings"] == 2
    assert with_it.model.calibration == without.model.calibration


def test_speech_in_the_short_window_alone_is_decided_by_it(model_file: Path) -> None:
    """Where the long window has no frame, the answer is that of the first stream with its scale."""
    model = speechgmm.load(model_file)
    (heard,) = stretches([spoken("female", 2.0, np.random.default_rng(3))], SHORT)

    scores = model.score([heard, Stretch(np.empty((0, 30), dtype=np.float32), 0)])

    first = model.streams[0]
    frames = first.frames(heard)
    sums = [mixture.log_likelihoods(frames).sum() for mixture in first.mixtures]
    n = len(heard.frames)
    share = n / (n + model.calibration.half_weight_frames)
    expected = share * model.calibration.scales[0] * (sums[0] - sums[1]) / n + 2 * model.calibration.offsets[0]
    assert model.decide(scores).log_likelihood_ratios["female"] == pytest.approx(expected)


def test_a_file_that_goes_before_it_is_read_is_lost_to_all_streams(tmp_path: Path) -> None:
    """It is told once, and the utterances of the streams still belong together."""
    folder = tmp_path / "voices"
    write_voices(folder, n_speakers=3, n_files=2, duration_s=2.0, seed=4)
    gone = sorted(folder.rglob("*.wav"))[3]

    class Tidying(LocalExecutor):
        """Deletes the file after the corpus was read."""

        def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterator[R]:
            gone.unlink(missing_ok=True)
            yield from super().read(function, items)

    training = train(read_corpus(folder), Run(recipe=OPTIONS, executor=Tidying()))
    assert [failure.recording.file for failure in training.failures] == [gone]
    assert sum(part["recordings"] for part in training.model.card["data"]["train"].values()) == 11
