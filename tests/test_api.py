"""The functions that do the whole job from Python, and what they stand on."""

from __future__ import annotations

import io
import itertools
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from threadpoolctl import threadpool_info, threadpool_limits

import speechgmm
from speechgmm.classifier import shipped_model
from speechgmm.classifier.classify import classify_all, classify_recording, classify_samples
from speechgmm.classifier.model import Model
from speechgmm.classifier.model_file import save
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Recording
from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import AudioError, CorpusError, EvaluationError, ModelFileError, OptionError, SpeechGmmError
from speechgmm.evaluation.evaluate_model import assess
from speechgmm.evaluation.outcome_counts import Skipped
from speechgmm.features.extraction import Failure
from speechgmm.mixture import estep
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.reporting.write_report import as_json
from speechgmm.training.train import Training
from tests.builders import RunCommand

SMALL = speechgmm.Recipe(n_components=2, calibration_folds=2, em=EMOptions(max_iterations=3))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two speakers a class whom the tiny model never heard; read only."""
    folder = tmp_path_factory.mktemp("others")
    write_voices(folder, n_speakers=2, n_files=1, duration_s=2.0, seed=12)
    return folder


@pytest.fixture
def voice(others: Path) -> Path:
    return others / "female" / "synthetic-f01" / "01.wav"


def same(one: speechgmm.Decision, other: speechgmm.Decision) -> bool:
    return one.label == other.label and one.log_likelihood_ratios == pytest.approx(
        other.log_likelihood_ratios, abs=1e-3
    )


def test_importing_loads_no_numeric_library() -> None:
    """The names are looked up when they are first used."""
    code = (
        "import sys, speechgmm\n"
        "heavy = ('numpy', 'scipy', 'librosa', 'joblib', 'soundfile')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "speechgmm.FrontEndOptions()\n"
        "print('librosa' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "False"]


def test_every_exported_name_is_there() -> None:
    """All of `__all__` can be used, and nothing else is answered."""
    assert all(getattr(speechgmm, name) is not None for name in speechgmm.__all__)
    assert set(speechgmm.__all__) <= set(dir(speechgmm))
    assert speechgmm.__version__ == metadata.version("speechgmm")
    with pytest.raises(AttributeError, match=r"^module 'speechgmm' has no attribute 'sort'$"):
        _ = speechgmm.sort


@pytest.fixture
def blas_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[int]]:
    """How many threads the linear algebra had whenever frames were scored; two are allowed."""
    seen: set[int] = set()
    score_blocks = estep.score_blocks

    def watched(*arguments: Any) -> Any:
        seen.update(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return score_blocks(*arguments)

    for module in ("estep", "bank", "statistics"):
        monkeypatch.setattr(f"speechgmm.mixture.{module}.score_blocks", watched)
    with threadpool_limits(2):
        yield seen


def test_every_function_works_with_one_thread(
    tiny_model: Model, voices: Path, voice: Path, blas_threads: set[int]
) -> None:
    """Sums are added up in one order, whatever the number of cores."""
    samples, rate = soundfile.read(voice)
    for work in (
        lambda: speechgmm.classify(voice, model=tiny_model),
        lambda: speechgmm.classify(samples, rate, model=tiny_model),
        lambda: speechgmm.segment(voice, model=tiny_model),
        lambda: speechgmm.segment(samples, rate, model=tiny_model),
        lambda: speechgmm.evaluate(voices, tiny_model),
        lambda: speechgmm.train(voices, recipe=SMALL),
    ):
        blas_threads.clear()
        work()
        assert blas_threads == {1}


@pytest.mark.slow
def test_python_and_the_command_line_answer_alike(
    tiny_model: Model, tiny_model_file: Path, voices: Path, run: RunCommand, tmp_path: Path
) -> None:
    """To the last bit, with any number of jobs: decisions, segments and the bytes of a model."""
    files = sorted(voices.rglob("*.wav"))[::5]
    decisions = [speechgmm.classify(file, model=tiny_model) for file in files]
    segments = speechgmm.segment(files[0], model=tiny_model)
    options = speechgmm.Recipe(n_components=2)
    speechgmm.save(speechgmm.train(voices, recipe=options).model, tmp_path / "python.npz")
    for jobs in (1, 2):
        shared = ("--jobs", jobs, "--format", "json")
        answers = json.loads(run("classify", *files, "--model", tiny_model_file, *shared).stdout)["answers"]
        assert [each["log_likelihood_ratios"] for each in answers] == [each.log_likelihood_ratios for each in decisions]
        assert [each["probability"] for each in answers] == [each.probability for each in decisions]
        found = json.loads(run("segment", files[0], "--model", tiny_model_file, *shared).stdout)["segments"]
        assert [each["probabilities"] for each in found] == [dict(each.probabilities) for each in segments]
        file = tmp_path / f"{jobs}.npz"
        assert run("train", voices, "-o", file, "--recipe", "plain", "--components", 2, "--jobs", jobs).returncode == 0
        assert file.read_bytes() == (tmp_path / "python.npz").read_bytes()


def test_the_whole_job(voices: Path, others: Path, voice: Path, tmp_path: Path) -> None:
    """Train, save, load, classify and evaluate, as the package says at its top."""
    few = speechgmm.read_corpus(voices).select(lambda each: str(each.speaker)[-1] in "12")

    model = speechgmm.train(few, recipe=SMALL).model
    speechgmm.save(model, str(tmp_path / "voices.npz"))
    model = speechgmm.load(tmp_path / "voices.npz")
    decision = speechgmm.classify(str(voice), model=model)
    report = speechgmm.evaluate(others, model)

    assert model.labels == ("female", "male")
    assert decision.label in model.labels
    assert 0.5 <= decision.probability <= 1.0
    assert decision.score == decision.log_likelihood_ratios[decision.label]
    assert 0.5 < decision.speech_s <= 2.0
    assert (report.n_utterances, report.n_speakers) == (4, 4)


def test_the_number_of_components_can_be_chosen(voices: Path) -> None:
    """With sizes to choose among, the model has one of them, and its card what the choice rests on."""
    model = speechgmm.train(voices, recipe=SMALL, sizes=(1, 3)).model

    assert {mixture.n_components for mixture in model.streams[0].mixtures} <= {1, 3}
    assert len(model.card["held_out_by_components"]) == 2


def test_training_keeps_the_model_and_lists_what_failed(voices: Path, tmp_path: Path) -> None:
    """Faulty files are listed beside the model, which is that of the other files."""
    folder = tmp_path / "voices"
    for name in ("female/synthetic-f0", "male/synthetic-m0"):
        for number in (1, 2, 3):
            shutil.copytree(voices / f"{name}{number}", folder / f"{name}{number}")
    faulty = [folder / "female" / "synthetic-f01" / "01.wav", folder / "male" / "synthetic-m03" / "02.wav"]
    for file in faulty:
        file.write_bytes(b"")

    training = speechgmm.train(folder, recipe=SMALL)

    assert [failure.reason for failure in training.failures] == [f"{file}: it is empty (0 bytes)" for file in faulty]
    corpus = speechgmm.read_corpus(folder)
    others = corpus.select(lambda recording: recording.file not in faulty)
    speechgmm.save(training.model, tmp_path / "some.npz")
    speechgmm.save(speechgmm.train(others, recipe=SMALL).model, tmp_path / "others.npz")
    assert (tmp_path / "some.npz").read_bytes() == (tmp_path / "others.npz").read_bytes()


def test_samples_are_classified_like_their_file(tiny_model: Model, voice: Path) -> None:
    """Floating-point and integer samples, of one channel or two, give the answer that the file gives."""
    expected = speechgmm.classify(voice, model=tiny_model)
    floats, rate = soundfile.read(voice)
    integers, _ = soundfile.read(voice, dtype="int16")

    for samples in (floats, floats.astype(np.float32), integers, floats.tolist(), np.stack([floats, floats], axis=1)):
        assert same(speechgmm.classify(samples, rate, model=tiny_model), expected)
    assert expected.decided


def test_samples_at_another_rate_are_resampled(tiny_model: Model, voice: Path) -> None:
    """The sampling rate given is believed: twice the samples at twice the rate are the same voice."""
    floats, rate = soundfile.read(voice)
    doubled = np.fft.irfft(np.pad(np.fft.rfft(floats), (0, len(floats) // 2)), 2 * len(floats)) * 2

    expected = speechgmm.classify(floats, rate, model=tiny_model)
    decision = speechgmm.classify(doubled, 2 * rate, model=tiny_model)

    assert decision.label == expected.label
    assert decision.score == pytest.approx(expected.score, abs=0.1)
    assert decision.speech_s == pytest.approx(expected.speech_s, abs=0.05)


def test_a_channel_of_a_file_is_chosen(tiny_model: Model, voice: Path, tmp_path: Path) -> None:
    """By default channels are mixed; one of them may be taken alone."""
    floats, rate = soundfile.read(voice)
    soundfile.write(tmp_path / "two.wav", np.stack([np.zeros_like(floats), floats], axis=1), rate)

    first, second = (speechgmm.classify(tmp_path / "two.wav", model=tiny_model, channel=number) for number in (1, 2))

    assert (first.label, first.reason) == ("unknown", "no speech")
    assert same(second, speechgmm.classify(voice, model=tiny_model))


def test_silence_is_unknown(tiny_model: Model) -> None:
    """Nothing to hear is an answer and no error."""
    decision = speechgmm.classify(np.zeros(16000), 16000, model=tiny_model)

    assert (decision.label, decision.reason, decision.speech_s) == ("unknown", "no speech", 0.0)
    assert math.isnan(decision.probability)


def test_too_short_for_a_frame_is_unknown(tiny_model: Model) -> None:
    """A hundredth of a second holds no frame."""
    assert speechgmm.classify(np.ones(160), 16000, model=tiny_model).reason == "no speech"


def test_wrong_calls_say_what_is_wrong(tiny_model: Model, voice: Path, tmp_path: Path) -> None:
    """Options that do not fit what is classified, and sound that is none, are refused with the remedy."""
    with pytest.raises(OptionError, match=r"^samples need their sampling_rate in Hz$"):
        speechgmm.classify(np.zeros(160), model=tiny_model)
    with pytest.raises(OptionError) as caught:
        speechgmm.classify(voice, 8000, model=tiny_model)
    assert str(caught.value) == f"sampling_rate is 8000, but the file {voice} has its own"
    with pytest.raises(OptionError, match=r"^channel is 2, but it is only for files: pass one column of the samples$"):
        speechgmm.classify(np.zeros((160, 2)), 16000, model=tiny_model, channel=2)
    with pytest.raises(AudioError) as missing:
        speechgmm.classify(tmp_path / "no.wav", model=tiny_model)
    assert str(missing.value) == f"{tmp_path / 'no.wav'}: there is no such file"
    with pytest.raises(AudioError, match=r"^samples: the sample at 0.000 s is nan, expected a finite number"):
        speechgmm.classify([math.nan] * 500, 16000, model=tiny_model)
    with pytest.raises(CorpusError, match="expected a folder of class folders or a manifest"):
        speechgmm.evaluate(voice, tiny_model)
    with pytest.raises(ModelFileError, match=r"no.npz: the model cannot be read: No such file or directory$"):
        speechgmm.load(tmp_path / "no.npz")
    assert issubclass(AudioError, SpeechGmmError)


untyped: Any = speechgmm

WRONG_CALLS: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "no source": (lambda model, _: untyped.classify(None, model=model), "source is None, but it must be a path, bytes"),
    "text file": (
        lambda model, _: untyped.segment(io.StringIO("a"), model=model),
        "but it must be a path, bytes, a binary file, or samples; open the file in binary mode",
    ),
    "rate of an open file": (
        lambda model, _: untyped.classify(io.BytesIO(), 16000, model=model),
        "sampling_rate is 16000, but the open file has its own",
    ),
    "rate of bytes": (
        lambda model, _: untyped.classify(b"RIFF", 16000, model=model),
        "sampling_rate is 16000, but the file in bytes has its own",
    ),
    "mapping without audio": (
        lambda model, _: untyped.classify({"text": "a", "path": None}, model=model),
        "source is a mapping with the keys 'text', 'path', expected 'array' and 'sampling_rate', 'bytes' or 'path'",
    ),
    "one path for many": (
        lambda model, _: untyped.classify_many("a.wav", model=model),
        "sources is 'a.wav', but it must be a list or another iterable of what classify takes",
    ),
    "no job for many": (lambda model, _: model.classify_many([], jobs=0), "jobs is 0, but it must be 1 to 10,000"),
    "channel of the model": (lambda model, _: model.classify("a.wav", channel=0), "channel is 0, but it must be"),
    "null in a path": (lambda model, _: untyped.classify("a\0.wav", model=model), "text without null characters"),
    "surrogate in a path": (
        lambda model, _: untyped.load("\ud800"),
        "file is '\\ud800', but it must be a path: text",
    ),
    "rate as text": (
        lambda model, _: untyped.classify(np.zeros(99), "16000", model=model),
        "sampling_rate is '16000', but it must be a number in Hz",
    ),
    "rate that is none": (
        lambda model, _: untyped.segment(np.zeros(99), math.nan, model=model),
        "sampling_rate is nan",
    ),
    "training as model": (
        lambda _, training: untyped.save(training, "m.npz"),
        "model is a Training, but it must be a Model: give its attribute model",
    ),
    "file as model": (
        lambda *_: untyped.classify("a.wav", model="m.npz"),
        "model is 'm.npz', but it must be a Model, which load returns",
    ),
    "channel as text": (
        lambda model, _: untyped.classify("a.wav", model=model, channel="1"),
        "channel is '1', but it must be a whole number of 1 or more",
    ),
    "channel 0": (lambda model, _: untyped.segment("a.wav", model=model, channel=0), "channel is 0, but it must be"),
    "channel True": (lambda model, _: untyped.evaluate("v", model, channel=True), "channel is True, but it must be"),
    "no jobs": (
        lambda model, _: untyped.evaluate("v", model, jobs=0),
        "jobs is 0, but it must be 1 to 10,000, or -1 for one worker per core",
    ),
    "jobs as text": (lambda *_: untyped.train("v", jobs="2"), "jobs is '2', but it must be a whole number"),
    "very many jobs": (lambda *_: untyped.train("v", jobs=10**400), "but it must be 1 to 10,000, or -1"),
    "half a job": (lambda *_: untyped.train("v", jobs=1.5), "jobs is 1.5, but it must be a whole number"),
    "one column": (
        lambda model, _: untyped.evaluate("v", model, by="room"),
        "by is 'room', but it must be a list of columns, such as ['corpus']",
    ),
    "one size": (
        lambda *_: untyped.train("v", sizes=8),
        "sizes is 8, but it must be 'auto' or a list of whole numbers, such as [16, 32]",
    ),
    "size as text": (lambda *_: untyped.train("v", sizes=["8"]), "a number in sizes is '8', but it must be a whole"),
    "no recordings": (lambda *_: untyped.train(None), "recordings is None, but it must be a folder, a manifest, a"),
    "a list of recordings": (lambda *_: untyped.evaluate(["a.wav"]), "recordings is ['a.wav'], but it must be"),
    "no corpus": (lambda *_: untyped.read_corpus(None), "source is None, but it must be a folder or a manifest"),
    "no recipe": (lambda *_: untyped.train("v", recipe=None), "recipe is None, but it must be a Recipe or a path"),
    "features": (lambda *_: untyped.train("v", features=3), "features is 3, but it must be a path"),
    "checkpoint": (lambda *_: untyped.train("v", checkpoint=b"x"), "checkpoint is b'x', but it must be a path"),
    "options": (
        lambda model, _: untyped.segment("a.wav", model=model, options={}),
        "options is {}, but it must be SegmentationOptions",
    ),
    "a duration as text": (
        lambda *_: untyped.SegmentationOptions(min_voice_s="1"),
        "min_voice_s is '1', but it must be a finite number of 0 or more",
    ),
    "a start as text": (
        lambda model, _: untyped.segment("a.wav", model=model, start="1"),
        "start is '1', but it must",
    ),
    "an infinite end": (
        lambda model, _: untyped.segment("a.wav", model=model, end=math.inf),
        "end is inf, but it must",
    ),
    "no report": (lambda *_: untyped.save_page(None, "r.html"), "report is None, but it must be a Report, which"),
    "priors": (lambda model, _: model.with_priors(0.5), "priors is 0.5, but it must be a mapping of each class to its"),
    "priors as text": (
        lambda model, _: model.with_priors({"female": "0.5", "male": "0.5"}),
        "priors is {'female': '0.5', 'male': '0.5'}, but it must be",
    ),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_wrong_arguments_are_errors_of_the_package(case: str, tiny_model: Model) -> None:
    """Each names the argument, its value and what was expected, before any work."""
    call, message = WRONG_CALLS[case]
    training = Training(model=tiny_model, held_out=(), fitted=(), failures=())

    with pytest.raises(OptionError) as caught:
        call(tiny_model, training)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers(tiny_model: Model, voice: Path, voices: Path) -> None:
    """Arguments may come from arrays."""
    floats, rate = soundfile.read(voice)
    expected = speechgmm.classify(voice, model=tiny_model, channel=1)

    assert untyped.classify(voice, model=tiny_model, channel=np.int64(1)) == expected
    for number in (np.float32(rate), np.array(rate), np.int16(rate)):
        assert untyped.classify(floats, number, model=tiny_model) == expected


class Tensor:
    """Looks like a tensor of another library; those on a GPU or with a gradient refuse the conversion."""

    def __init__(self, samples: Any, refusal: str = "") -> None:
        self.samples, self.refusal = samples, refusal

    def numpy(self) -> Any:
        if self.refusal:
            raise TypeError(self.refusal)
        return self.samples


class ArrayTensor(Tensor):
    """Converts itself."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numpy()


def test_tensors_and_arrays_of_any_byte_order_are_classified(tiny_model: Model, voice: Path) -> None:
    """As the array that they stand for."""
    floats, rate = soundfile.read(voice)
    integers, _ = soundfile.read(voice, dtype="int16")
    expected = speechgmm.classify(floats, rate, model=tiny_model)

    for samples in (Tensor(floats), ArrayTensor(floats), floats.astype(">f8"), np.ma.array(floats), memoryview(floats)):
        assert untyped.classify(samples, rate, model=tiny_model) == expected
    for integer in (integers.astype(">i2"), integers.astype("<i2"), (integers.astype(np.int32) << 16).astype(">i4")):
        assert same(speechgmm.classify(integer, rate, model=tiny_model), expected)


def test_samples_that_cannot_be_used_are_named(tiny_model: Model) -> None:
    """With the remedy, whatever another library raises. Masked samples are not heard."""
    masked = np.ma.array(np.ones(9), mask=[True] * 2 + [False] * 7)
    cases: dict[str, Any] = {
        "samples: not an array, .* \\(it requires grad\\); of a tensor give tensor.detach": (
            Tensor([], "it requires grad"),
            ArrayTensor([], "it requires grad"),
        ),
        "samples: 2 are masked, expected none: fill them, or leave them out": (masked, [masked], (masked, np.ones(9))),
        "samples: 1 are masked": ([0.5, np.ma.masked],),
        "with n >= channels: transpose samples of shape \\(channels, n\\)": (np.zeros((2, 16000)),),
    }
    for message, sources in cases.items():
        for source in sources:
            for call in (speechgmm.classify, speechgmm.segment):
                with pytest.raises(AudioError, match=message):
                    call(source, 16000, model=tiny_model)


@pytest.mark.parametrize("how", ["raise", "call"])
def test_floating_point_errors_of_the_caller_change_nothing(
    how: Any, tiny_model: Model, voices: Path, voice: Path, tmp_path: Path
) -> None:
    """Where numpy is told to raise or to call, the answers are the same, and the caller's choice stays."""

    def answers() -> list[object]:
        file = tmp_path / "model.npz"
        speechgmm.save(speechgmm.train(voices, recipe=replace(SMALL, mmi=MMIOptions(iterations=3))).model, file)
        report = speechgmm.evaluate(voices, tiny_model)
        speechgmm.save_page(report, tmp_path / "page.html")
        decision = speechgmm.classify(voice, model=tiny_model)
        segments = repr(speechgmm.segment(voice, model=tiny_model))  # a probability may be NaN, which equals nothing
        return [file.read_bytes(), as_json(report), decision, segments]

    expected = answers()
    with np.errstate(all=how, call=lambda *_: pytest.fail("it was called")):
        assert answers() == expected
        assert set(np.geterr().values()) == {how}


def test_threads_give_the_same_answers(tiny_model: Model, voices: Path) -> None:
    """Several threads of the caller at once."""
    files = sorted(voices.rglob("*.wav"))[:8]
    expected = [speechgmm.classify(file, model=tiny_model) for file in files]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda file: speechgmm.classify(file, model=tiny_model), files)) == expected


def test_damaged_features_are_logged(voices: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A training from Python says which features it made again; the model is the same."""
    for name in ("first", "second"):
        training = speechgmm.train(voices, recipe=SMALL, features=tmp_path / "features")
        speechgmm.save(training.model, tmp_path / name)
        if name == "first":
            assert caplog.messages == []
            array = next((tmp_path / "features").rglob("*.npy"))
            array.write_bytes(array.read_bytes()[:-4] + bytes(4))

    assert caplog.messages == [
        f"{array}: the features are damaged (they do not match their digest) and were extracted again"
    ]
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_checkpoint_is_free_after_the_training(voices: Path, tmp_path: Path) -> None:
    """The next training in this process, or in another, may use it."""
    for _ in range(2):
        speechgmm.train(voices, recipe=SMALL, checkpoint=tmp_path / "checkpoint")

    assert not [file for file in (tmp_path / "checkpoint").iterdir() if file.name.startswith(".")]


def test_the_shipped_model_is_the_default(
    tiny_model: Model, voice: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the package or beside it, the file of that name is used where no model is given."""
    package = tmp_path / "speechgmm"
    monkeypatch.setattr(shipped_model, "__file__", str(package / "classifier" / "shipped_model.py"))
    with pytest.raises(ModelFileError, match=r"^this installation of speechgmm has no default.npz: name a model file$"):
        speechgmm.classify(voice)

    (tmp_path / "models").mkdir()
    save(tiny_model, tmp_path / "models" / "default.npz")
    assert speechgmm.load().calibration == tiny_model.calibration
    assert speechgmm.classify(voice) == speechgmm.classify(voice, model=tiny_model)
    assert speechgmm.evaluate(others).n_correct == speechgmm.evaluate(others, tiny_model).n_correct

    (package / "models").mkdir(parents=True)
    save(replace(tiny_model, priors=(0.25, 0.75)), package / "models" / "default.npz")
    assert speechgmm.load().priors == (0.25, 0.75)


def test_results_on_training_data_are_marked(voices: Path, others: Path, tiny_model: Model, tmp_path: Path) -> None:
    """Recordings that made the model are found by their contents, under whatever name, and the report says how many."""
    shutil.copytree(others, tmp_path / "mixed")
    shutil.copy(voices / "male" / "synthetic-m02" / "01.wav", tmp_path / "mixed" / "male" / "new-name.wav")

    mixed = speechgmm.evaluate(tmp_path / "mixed", tiny_model)

    assert [note for note in mixed.notes if "trained" in note] == [
        "this model was trained or calibrated on 1 of the 5 recordings: the results are better than on unseen speakers"
    ]
    assert "1 of 5 recordings have no speaker" in mixed.notes[0]
    assert speechgmm.evaluate(others, tiny_model).notes == ()


def test_labels_the_model_does_not_know_are_skipped(others: Path, tiny_model: Model) -> None:
    """They are listed with the reason and count for nothing."""
    corpus = read_corpus(others)
    first, *rest = corpus.recordings
    child = replace(corpus, recordings=(replace(first, label="child"), *rest))

    report = speechgmm.evaluate(child, tiny_model)

    assert report.n_utterances == 3
    assert report.skipped == (Skipped(path=first.name, reason="its label 'child' is not a class of the model"),)


def test_recordings_that_cannot_be_read_are_skipped(others: Path, tiny_model: Model) -> None:
    """An evaluation goes on without them, lists them and hands them back."""
    corpus = read_corpus(others)
    first, *rest = corpus.recordings
    absent = replace(first, file=first.file.with_name("absent.wav"))

    assessment = assess(tiny_model, replace(corpus, recordings=(absent, *rest)))

    reason = f"{absent.file}: there is no such file"
    assert assessment.failures == (Failure(recording=absent, reason=reason),)
    assert assessment.report.skipped == (Skipped(path=first.name, reason=reason),)
    assert [outcome.path for outcome in assessment.outcomes] == [each.name for each in rest]


def test_nothing_to_evaluate_is_an_error(others: Path, tiny_model: Model) -> None:
    """Where no label is the model's, there is no report."""
    corpus = read_corpus(others)
    children = replace(corpus, recordings=tuple(replace(each, label="child") for each in corpus.recordings))

    with pytest.raises(EvaluationError, match=r"no recording labelled female or male was classified, 4 were skipped$"):
        speechgmm.evaluate(children, tiny_model)


def test_no_recording_that_can_be_read_is_an_error(others: Path, tiny_model: Model) -> None:
    """Where every recording fails, the error says how many and why the first."""
    corpus = read_corpus(others)
    absent = tuple(replace(each, file=others / f"absent{number}.wav") for number, each in enumerate(corpus.recordings))

    with pytest.raises(EvaluationError, match=r"none of its 4 recordings could be used, the first: .*absent0"):
        assess(tiny_model, replace(corpus, recordings=absent))


def test_results_are_broken_down_by_columns(others: Path, tiny_model: Model) -> None:
    """Further columns of a manifest group the results; one that is not there is refused."""
    corpus = read_corpus(others)
    rooms = tuple(
        replace(each, columns={"room": f"room {number % 2}"}) for number, each in enumerate(corpus.recordings)
    )

    report = speechgmm.evaluate(replace(corpus, recordings=rooms), tiny_model, by=["room"])

    assert [(group.name, group.n_utterances) for group in report.by_column["room"]] == [("room 0", 2), ("room 1", 2)]
    with pytest.raises(OptionError, match=r"^cannot group by 'roof': .* are: room$"):
        speechgmm.evaluate(replace(corpus, recordings=rooms), tiny_model, by=["roof"])


def test_an_assessment_does_not_depend_on_the_jobs(others: Path, tiny_model: Model) -> None:
    """Two processes give the outcomes of one, in the same order."""
    corpus = read_corpus(others)

    one, two = (assess(tiny_model, corpus, jobs=jobs, n_resamples=50) for jobs in (1, 2))

    assert one.outcomes == two.outcomes
    assert one.report == two.report


def test_an_outcome_says_what_the_corpus_says(tiny_model: Model, voice: Path) -> None:
    """Name, label, speaker, columns and length go with the decision."""
    recording = Recording(
        file=voice, name="a/b.wav", label="female", speaker="Ada", start=0.25, end=1.75, columns={"room": "x"}
    )

    outcome = classify_recording(recording, model=tiny_model)

    assert isinstance(outcome, Outcome)
    assert (outcome.path, outcome.truth, outcome.speaker) == ("a/b.wav", "female", "Ada")
    assert outcome.columns == {"room": "x"}
    assert outcome.duration_s == pytest.approx(1.5, abs=0.02)
    samples, rate = soundfile.read(voice, start=4000, stop=28000)
    assert same(outcome.decision, classify_samples(tiny_model, samples, rate))


def test_many_recordings_are_classified_one_by_one(tiny_model: Model, voice: Path) -> None:
    """Answers come in order while the recordings are still being counted out, failures among them."""
    taken: list[int] = []

    def recordings() -> Iterator[Recording]:
        for number in itertools.count():
            taken.append(number)
            yield Recording(file=voice if number != 1 else voice / "no", name=str(number), label="")

    answers = list(itertools.islice(classify_all(tiny_model, recordings()), 3))

    assert [type(answer) for answer in answers] == [Outcome, Failure, Outcome]
    assert [answer.path for answer in answers if isinstance(answer, Outcome)] == ["0", "2"]
    assert len(taken) <= 4


def test_warning_about_audio_is_logged(
    tiny_model: Model, voice: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of files and of samples, by `classify` and `segment`; the report lists the recordings."""
    samples, rate = soundfile.read(voice)
    opposite = np.stack([samples, -samples], axis=1)
    file = tmp_path / "female" / "opposite.wav"
    file.parent.mkdir()
    soundfile.write(file, opposite, rate)
    text = "its channels cancel each other in their mean, which was heard: use channel 1"

    speechgmm.classify(file, model=tiny_model)
    speechgmm.segment(file, model=tiny_model)
    speechgmm.classify(opposite, rate, model=tiny_model)
    speechgmm.segment(opposite, rate, model=tiny_model)
    speechgmm.classify(voice, model=tiny_model)

    messages = [record.getMessage() for record in caplog.records]
    assert [message[:-1] for message in messages] == [
        *[f"{file}: {text[:-1]}"] * 2,
        *[f"samples: {text[:-1]}"] * 2,
    ]
    assert "--channel" in speechgmm.evaluate(tmp_path, tiny_model).warnings[0].warning
