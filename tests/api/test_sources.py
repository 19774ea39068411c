"""What `classify` and `segment` take: files, bytes, samples, and the objects of other libraries."""

from __future__ import annotations

import gc
import io
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import speechgmm
from speechgmm.classifier.model import Model
from speechgmm.errors import AudioError, OptionError


@pytest.fixture
def voice(voices: Path) -> Path:
    return voices / "female" / "synthetic-f03" / "01.wav"


@pytest.fixture
def floats(voice: Path) -> Any:
    return soundfile.read(voice, dtype="float32")[0]


@pytest.fixture
def no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, which is empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


class OpenedElsewhere(io.BytesIO):
    """A binary file object with a name, as that of an upload."""

    name = "of a user/speech.wav"


def of_bytes(kind: Callable[[bytes], Any]) -> Callable[[Path], Any]:
    return lambda file: kind(file.read_bytes())


ENCODED: dict[str, Callable[[Path], Any]] = {
    "text": str,
    "bytes": of_bytes(bytes),
    "bytearray": of_bytes(bytearray),
    "file in memory": of_bytes(io.BytesIO),
    "named file": of_bytes(OpenedElsewhere),
    "badly named bytes": lambda file: {"bytes": file.read_bytes(), "path": "a.wav\0\n"},
    "bytes of a data set": lambda file: {"bytes": file.read_bytes(), "path": None},
    "named bytes of a data set": lambda file: {"bytes": file.read_bytes(), "path": "a.wav"},
    "path of a data set": lambda file: {"bytes": None, "path": str(file)},
}


@pytest.mark.usefixtures("no_temporary_files")
@pytest.mark.parametrize("form", ENCODED)
def test_a_file_in_any_form_is_answered_as_its_path(form: str, tiny_model: Model, voice: Path) -> None:
    """By the function, by the method of the model, and by `segment`; no temporary file is left."""
    make = ENCODED[form]

    assert speechgmm.classify(make(voice), model=tiny_model) == speechgmm.classify(voice, model=tiny_model)
    assert tiny_model.classify(make(voice)) == tiny_model.classify(voice)
    by_path = speechgmm.segment(voice, model=tiny_model)
    assert repr(speechgmm.segment(make(voice), model=tiny_model)) == repr(by_path)


def test_an_open_file_is_read_from_its_position(tiny_model: Model, voice: Path) -> None:
    """As other readers do; afterwards it is at its end."""
    with voice.open("rb") as stream:
        assert tiny_model.classify(stream) == tiny_model.classify(voice)
        with pytest.raises(AudioError, match=r"^01.wav: it is empty \(0 bytes\)$"):
            tiny_model.classify(stream)


def test_a_channel_of_bytes_is_chosen(tiny_model: Model, voice: Path, floats: Any) -> None:
    """As of a file."""
    content = io.BytesIO()
    soundfile.write(content, np.stack([np.zeros_like(floats), floats], axis=1), 16000, format="WAV", subtype="PCM_16")

    assert tiny_model.classify(content.getvalue(), channel=1).reason == "no speech"
    assert tiny_model.classify(content.getvalue(), channel=2) == tiny_model.classify(voice)


@pytest.mark.usefixtures("no_temporary_files")
def test_errors_of_bytes_name_no_temporary_file(tiny_model: Model) -> None:
    """But what was given, with the reason that a file would have."""
    for source, name in ((b"no audio", "bytes"), (OpenedElsewhere(b"no audio"), "speech.wav")):
        for call in (speechgmm.classify, speechgmm.segment):
            with pytest.raises(AudioError, match=f"^{name}: it is (not audio that can be read|empty)"):
                call(source, model=tiny_model)


def test_an_object_of_soundfile_is_read_with_its_rate(tiny_model: Model, voice: Path, floats: Any) -> None:
    """From its position to its end; one that is closed is an error."""
    expected = tiny_model.classify(floats, 16000)

    with soundfile.SoundFile(voice) as sound:
        assert tiny_model.classify(sound) == expected
        sound.seek(16000)
        assert tiny_model.classify(sound) == tiny_model.classify(floats[16000:], 16000)
        with pytest.raises(OptionError, match=r"^sampling_rate is 8000, but the file 01.wav has its own$"):
            tiny_model.classify(sound, 8000)
    with pytest.raises(AudioError, match=r"^01.wav: it cannot be read \(I/O operation on closed file"):
        tiny_model.classify(sound)
    with soundfile.SoundFile(voice) as sound:
        assert [each.label for each in speechgmm.segment(sound, model=tiny_model)]


class Tensor:
    """What is used of a tensor of PyTorch, where that is not installed: it must be detached and moved first."""

    def __init__(self, samples: Any, usable: bool = False) -> None:
        self.samples, self.usable, self.shape = samples, usable, samples.shape

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self.samples, usable=True)

    @property
    def T(self) -> Tensor:  # noqa: N802 - the name in PyTorch
        return Tensor(self.samples.T, self.usable)

    def numpy(self) -> Any:
        if not self.usable:
            raise TypeError("it is on another device")
        return self.samples

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numpy()


def real_tensor(samples: Any) -> Any:
    import torch

    return torch.tensor(samples, requires_grad=samples.dtype.kind == "f")


TENSORS: list[Callable[[Any], Any]] = [Tensor, *([real_tensor] if find_spec("torch") else [])]


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda tensor: tensor.__name__)
def test_tensors_are_taken_as_they_come(tensor: Callable[[Any], Any], tiny_model: Model, floats: Any) -> None:
    """With a gradient, on another device, and as (channels, n)."""
    expected = tiny_model.classify(floats, 16000)
    both = np.stack([floats, floats])

    for samples in (floats, floats[np.newaxis], floats[:, np.newaxis], both, both.T):
        assert tiny_model.classify(tensor(samples), 16000) == expected
    assert tiny_model.classify(tensor((floats * 32767).astype(np.int16)), 16000).label == expected.label
    assert repr(speechgmm.segment(tensor(both), 16000, model=tiny_model)) == repr(
        speechgmm.segment(both.T, 16000, model=tiny_model)
    )


def test_decoded_audio_of_data_sets_has_its_rate(tiny_model: Model, floats: Any) -> None:
    """An array, or an array (channels, n)."""
    expected = tiny_model.classify(floats, 16000)

    for array in (floats, floats.tolist(), np.stack([floats, floats])):
        assert tiny_model.classify({"array": array, "sampling_rate": 16000, "path": "a.wav"}) == expected
    with pytest.raises(OptionError, match=r"^sampling_rate is 8000, but the audio has its own$"):
        tiny_model.classify({"array": floats, "sampling_rate": 16000}, 8000)


class AudioDecoder:
    """What is used of the decoder of TorchCodec."""

    def __init__(self, samples: Any) -> None:
        self.samples = samples

    def get_all_samples(self) -> Any:
        if self.samples is None:
            raise RuntimeError("Could not decode")

        class AudioSamples:
            data = Tensor(self.samples[np.newaxis])
            sample_rate = 16000

        return AudioSamples


def test_a_decoder_has_its_rate(tiny_model: Model, floats: Any) -> None:
    """As newer versions of Hugging Face's library give it."""
    assert tiny_model.classify(AudioDecoder(floats)) == tiny_model.classify(floats, 16000)
    with pytest.raises(OptionError, match=r"^sampling_rate is 16000, but the decoder has its own$"):
        tiny_model.classify(AudioDecoder(floats), 16000)
    with pytest.raises(AudioError, match=r"^samples: they cannot be decoded \(.*\)$"):
        tiny_model.classify(AudioDecoder(None))


def test_faulty_audio_of_data_sets_is_named(tiny_model: Model) -> None:
    """Without a traceback of another library."""
    untyped: Any = tiny_model
    cases: dict[str, dict[str, Any]] = {
        "bytes is 'RIFF', but it must be the content of a file": {"bytes": "RIFF", "path": "a.wav"},
        "path is 5, but it must be a path": {"path": 5},
        "sampling_rate is 'high', but it must be a number in Hz": {"array": [0.0], "sampling_rate": "high"},
    }
    for message, source in cases.items():
        with pytest.raises(OptionError, match=f"^{message}"):
            untyped.classify(source)
    with pytest.raises(AudioError, match=r"^samples: not an array"):
        untyped.classify({"array": [[0.0, 1.0], [0.0]], "sampling_rate": 16000})


@pytest.mark.slow
def test_rows_of_hugging_face_datasets_are_classified(tiny_model: Model, voices: Path) -> None:
    """With the library itself: files, and arrays with their rate."""
    datasets = pytest.importorskip("datasets")
    files = sorted(voices.rglob("01.wav"))[::4]
    arrays = [{"array": soundfile.read(file)[0], "sampling_rate": 16000} for file in files]
    rows = datasets.Dataset.from_dict({"audio": [str(file) for file in files], "decoded": arrays})
    rows = rows.cast_column("audio", datasets.Audio(decode=False))

    expected = [tiny_model.classify(file) for file in files]

    assert list(tiny_model.classify_many(rows["audio"])) == expected
    found = list(tiny_model.classify_many(rows["decoded"]))
    assert [each.label for each in found if isinstance(each, speechgmm.Decision)] == [each.label for each in expected]
    assert len(found) == len(expected)
    del rows
    gc.collect()


@pytest.mark.parametrize("jobs", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_many_are_answered_in_order_with_the_failures_among_them(jobs: int, tiny_model: Model, voices: Path) -> None:
    """By one worker, threads or processes; each source may be in another form."""
    files = sorted(voices.rglob("*.wav"))[:4]
    samples, rate = soundfile.read(files[2])
    closed = io.BytesIO()
    closed.close()
    sources = [files[0], b"no audio", files[1].read_bytes(), closed, samples, samples * np.nan, "no.wav"]

    answers = list(speechgmm.classify_many(sources[:4], model=tiny_model, jobs=jobs))
    answers += speechgmm.classify_many(sources[4:6], rate, model=tiny_model, jobs=jobs)
    answers += tiny_model.classify_many(sources[6:], jobs=jobs)

    kinds = [type(answer).__name__ for answer in answers]
    assert kinds == ["Decision", "Failure", "Decision", "Failure", "Decision", "Failure", "Failure"]
    assert answers[0] == tiny_model.classify(files[0])
    assert answers[2] == tiny_model.classify(files[1])
    assert answers[4] == tiny_model.classify(samples, rate)
    reasons = [answer.reason for answer in answers if isinstance(answer, speechgmm.Failure)]
    assert [reason.partition(" it ")[0].partition(" the ")[0] for reason in reasons] == [
        *("bytes:", "file:", "samples:", "no.wav: there is no such file"),
    ]


def test_many_are_consumed_as_they_are_answered(tiny_model: Model, voice: Path) -> None:
    """A generator may be endless. What is no source at all is an error of the caller."""

    def sources() -> Iterator[Any]:
        yield voice
        yield None
        pytest.fail("it was consumed further")

    answers = tiny_model.classify_many(sources())

    assert next(answers) == tiny_model.classify(voice)
    with pytest.raises(OptionError, match=r"^source is None, but it must be a path"):
        next(answers)


def test_warnings_of_many_are_logged(tiny_model: Model, floats: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With the name of the sound."""
    opposite = np.stack([floats, -floats], axis=1)

    list(tiny_model.classify_many([opposite], 16000))

    assert [record.name for record in caplog.records] == ["speechgmm"]
    assert caplog.messages[0].startswith("samples: its channels cancel each other in their mean")


def test_a_file_that_cannot_be_held_is_an_error(tiny_model: Model, tmp_path: Path, monkeypatch: Any) -> None:
    """Such as where the folder of temporary files is full."""

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(AudioError, match=r"^bytes: the temporary file .* cannot be written \(No space left"):
        tiny_model.classify(b"RIFF")


def test_threads_of_the_caller_get_the_same_answers(tiny_model: Model, voices: Path) -> None:
    """Several at once with one model, from bytes and samples too."""
    files = sorted(voices.rglob("*.wav"))[:6]
    sources: list[tuple[Any, float | None]] = [
        *((file.read_bytes(), None) for file in files),
        *((soundfile.read(file)[0], 16000.0) for file in files),
    ]

    def answers(source: tuple[Any, float | None]) -> tuple[speechgmm.Decision, str]:
        segments = speechgmm.segment(*source, model=tiny_model)
        return tiny_model.classify(*source), repr(segments)  # a probability may be NaN, which equals nothing

    expected = list(map(answers, sources))
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(answers, sources)) == expected
