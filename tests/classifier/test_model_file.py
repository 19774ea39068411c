"""The model file: a model is saved and loaded without loss, and any other file is refused without harm."""

from __future__ import annotations

import json
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.classifier import model_file as modelfile
from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.classifier.model_file import float32_mixture, load, save
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Stream
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.errors import ModelFileError, OptionError, OutputError
from speechgmm.features.front_end import Stretch
from speechgmm.features.mel_filters import mel_filters
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture

PREFIX = "not a speechgmm model, or damaged: "
REMEDY = "; give a complete file written by speechgmm train"

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


def small_model() -> Model:
    """Two classes, three components, two dimensions. No optional value is the default."""
    rng = np.random.default_rng(1)

    def mixture() -> DiagonalMixture:
        weights = rng.dirichlet(np.ones(3))
        return float32_mixture(DiagonalMixture(weights, rng.normal(size=(3, 2)), rng.uniform(0.5, 2, size=(3, 2))))

    return Model(
        labels=("féminin", "low"),
        streams=(
            Stream(
                front_end=FrontEndOptions(n_coefficients=2, cepstral_mean="utterance", hop_s=0.0125),
                reference_mean=rng.normal(size=2),
                mixtures=(mixture(), mixture()),
            ),
        ),
        calibration=Calibration(scales=(1 / 3,), half_weight_frames=12.5, offsets=(0.1, -0.1)),
        min_likelihood=-9.75,
        priors=(0.3, 0.7),
        decision=DecisionOptions(min_speech_s=0.5),
        card={"corpus": "voices", "speakers": {"low": 3}, "notes": ["ñ", None, True]},
        training_digests=np.array([3, 2**64 - 1], dtype=np.uint64),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A valid model file."""
    save(small_model(), tmp_path / "model.npz")
    return tmp_path / "model.npz"


def arrays_of(file: Path) -> Arrays:
    """The members as numpy reads them."""
    with np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def save_arrays(file: Path, arrays: Arrays, **changes: Array) -> None:
    """Write an .npz of these arrays, some of them replaced."""
    members: dict[str, Any] = {**arrays, **changes}  # `Any`: numpy annotates `allow_pickle` among the names
    np.savez(file, **members)


def gaussians_of(model: Model) -> list[DiagonalMixture]:
    """The class mixtures of the only stream."""
    (stream,) = model.streams
    return [mixture for mixture in stream.mixtures if isinstance(mixture, DiagonalMixture)]


def packed(header: dict[str, Any]) -> Array:
    return np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)


def header_of(arrays: Arrays) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(arrays["header"].tobytes())
    return header


def change_header(file: Path, **changes: Any) -> None:
    arrays = arrays_of(file)
    save_arrays(file, arrays, header=packed({**header_of(arrays), **changes}))


def change_front_end(file: Path, **changes: Any) -> None:
    (stream,) = header_of(arrays_of(file))["streams"]
    change_header(file, streams=[{**stream, "front_end": changes}])


def change_array(file: Path, name: str, change: Callable[[Array], Array]) -> None:
    arrays = arrays_of(file)
    save_arrays(file, arrays, **{name: change(arrays[name])})


def replace_member(file: Path, name: str, data: bytes, *, compression: int = zipfile.ZIP_STORED) -> None:
    """Replace the bytes of a member."""
    with zipfile.ZipFile(file) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for member, content in {**members, name: data}.items():
            archive.writestr(member, content)


def npy(header: bytes, numbers: bytes = b"") -> bytes:
    """The bytes of an array member with this header."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + numbers


def refused(file: Path) -> str:
    """The error of loading the file, without the file name."""
    with pytest.raises(ModelFileError) as caught:
        load(file)
    text = str(caught.value)
    assert text.startswith(f"{file}: ")
    assert "\n" not in text
    return text.removeprefix(f"{file}: ")


def damaged(file: Path) -> str:
    """The reason in the error of loading a file that is not a valid model, without the remedy."""
    text = refused(file)
    assert text.startswith(PREFIX)
    assert text.endswith(REMEDY)
    return text.removeprefix(PREFIX).removesuffix(REMEDY)


def test_a_model_is_loaded_as_saved(file: Path) -> None:
    """Every part of a model is loaded as it was saved."""
    model, loaded = small_model(), load(file)

    for name in ("labels", "front_ends", "calibration", "min_likelihood", "priors", "decision", "card"):
        assert getattr(loaded, name) == getattr(model, name), name
    np.testing.assert_array_equal(loaded.training_digests, model.training_digests)
    assert loaded.training_digests.dtype == np.uint64
    np.testing.assert_array_equal(loaded.streams[0].reference_mean, model.streams[0].reference_mean)
    assert len(loaded.streams[0].mixtures) == len(gaussians_of(loaded)) == 2
    for mixture, expected in zip(gaussians_of(loaded), gaussians_of(model), strict=True):
        np.testing.assert_array_equal(mixture.weights, expected.weights)
        np.testing.assert_array_equal(mixture.means, expected.means)
        np.testing.assert_array_equal(mixture.variances, expected.variances)


def test_a_loaded_model_decides_the_same(tiny_model: Model, tmp_path: Path) -> None:
    """A loaded model gives the same decisions as the trained one, and the same bytes when saved again."""
    rng = np.random.default_rng(2)
    (stream,) = tiny_model.streams
    spread = np.sqrt(gaussians_of(tiny_model)[0].variances.mean(axis=0))
    frames = (stream.reference_mean + spread * rng.normal(size=(400, len(spread)))).astype(np.float32)
    save(tiny_model, tmp_path / "once.npz")

    loaded = load(tmp_path / "once.npz")
    save(loaded, tmp_path / "twice.npz")

    decisions = [model.decide(model.score([Stretch(frames, 500)])) for model in (tiny_model, loaded)]
    assert decisions[0] == decisions[1]
    assert decisions[0].decided
    assert (tmp_path / "once.npz").read_bytes() == (tmp_path / "twice.npz").read_bytes()


def test_equal_models_are_equal_bytes(file: Path, tmp_path: Path) -> None:
    """The file does not depend on the time or on its path."""
    save(small_model(), tmp_path / "again.npz")

    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_model_file_is_a_plain_npz(file: Path) -> None:
    """Numpy reads it without pickle. The header is JSON with format and version."""
    arrays = arrays_of(file)

    assert header_of(arrays)["format"] == "speechgmm-model"
    assert header_of(arrays)["format_version"] == 3
    assert header_of(arrays)["streams"] == [{"family": "gaussian", "front_end": asdict(small_model().front_end)}]
    assert {name: array.dtype.str for name, array in arrays.items() if name.startswith("means")} == {
        "means_0_0": "<f4",
        "means_0_1": "<f4",
    }


def test_a_model_without_digests_can_be_saved(tmp_path: Path) -> None:
    """The array of digests may be empty."""
    save(replace(small_model(), training_digests=np.empty(0, dtype=np.uint64)), tmp_path / "model.npz")

    assert load(tmp_path / "model.npz").training_digests.shape == (0,)


def test_labels_with_undecodable_bytes_can_be_saved(tmp_path: Path) -> None:
    """A label is the name of a folder, which may have bytes that are not UTF-8."""
    save(replace(small_model(), labels=("b\udce9b\udce9", "low")), tmp_path / "model.npz")

    assert load(tmp_path / "model.npz").labels == ("b\udce9b\udce9", "low")


def test_a_card_that_is_too_large_is_refused_when_saving(tmp_path: Path) -> None:
    """A file that could not be loaded is not written."""
    model = replace(small_model(), card={"notes": "x" * (1 << 20)})

    with pytest.raises(OptionError, match=r"^the model's header has 1,049,\d\d\d bytes, expected 1,048,576 at most: "):
        save(model, tmp_path / "model.npz")

    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """The error of saving names the file and the cause."""
    file = tmp_path / "missing" / "model.npz"

    with pytest.raises(OutputError, match="cannot be written: No such file or directory") as caught:
        save(small_model(), file)

    assert str(caught.value).startswith(f"{file}: ")


def test_float32_mixture_has_the_precision_of_a_file(tmp_path: Path) -> None:
    """The parameters are those of a mixture that was saved and loaded."""
    exact = DiagonalMixture(np.array([1 / 3, 2 / 3]), np.array([[0.1, 0.2], [0.3, 0.4]]), np.full((2, 2), 0.7))
    model = small_model()
    save(replace(model, streams=(replace(model.streams[0], mixtures=(exact, exact)),)), tmp_path / "model.npz")

    loaded, rounded = gaussians_of(load(tmp_path / "model.npz"))[0], float32_mixture(exact)

    np.testing.assert_array_equal(loaded.weights, rounded.weights)
    np.testing.assert_array_equal(loaded.means, rounded.means)
    np.testing.assert_array_equal(loaded.variances, rounded.variances)
    assert not np.array_equal(rounded.means, exact.means)


def test_a_newer_version_is_refused(file: Path) -> None:
    """The error gives the version of the file, the supported version and the remedy."""
    change_header(file, format_version=7)

    assert refused(file) == "it has format version 7, and this speechgmm reads up to 3: update speechgmm"


def make_version(version: int, file: Path) -> None:
    """Make the file one of an earlier version: 2 had no mel filter banks, and 1 no sub-models either."""
    arrays = {name: array for name, array in arrays_of(file).items() if not name.startswith("mel_")}
    header = {**header_of(arrays), "format_version": version}
    if version == 1:
        del header["submodels"]
    save_arrays(file, arrays, header=packed(header))


@pytest.mark.parametrize("version", [1, 2])
def test_earlier_versions_are_still_read(version: int, file: Path, tmp_path: Path) -> None:
    """The model is that of the current version, with the filter bank of librosa."""
    content = file.read_bytes()
    make_version(version, file)
    assert load(file).streams[0].stored_filters is None

    save(load(file), tmp_path / "again.npz")

    assert (tmp_path / "again.npz").read_bytes() == content


def test_the_filter_bank_is_that_of_training(file: Path) -> None:
    """It is that of librosa, to the last bit; the frames of a loaded model are computed with what the file has."""
    (stream,) = load(file).streams
    expected = mel_filters(stream.front_end)
    np.testing.assert_array_equal(stream.filters.ranges, expected.ranges)
    np.testing.assert_array_equal(stream.filters.weights, expected.weights)
    assert stream.filters.weights.dtype == np.float32

    change_array(file, "mel_weights_0", lambda weights: 2 * weights)

    np.testing.assert_array_equal(load(file).filters[0].weights, 2 * expected.weights)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("mel_ranges_0", lambda ranges: ranges[:, :1], "the bands of a mel filter bank must be ranges of frequency"),
        ("mel_ranges_0", lambda ranges: ranges[:, ::-1].copy(), "the bands of a mel filter bank must be ranges of"),
        ("mel_ranges_0", lambda ranges: ranges.astype("<f4"), "'mel_ranges_0' is an array of <f4, but <u2 is"),
        ("mel_ranges_0", lambda ranges: ranges[:0], "a mel filter bank with ranges of 0 bins needs as many weights"),
        ("mel_ranges_0", lambda ranges: ranges + np.uint16(200), "the mel filter bank has 40 bands over 328 frequency"),
        ("mel_weights_0", lambda weights: weights[1:], "bins needs as many weights, not ("),
        ("mel_weights_0", lambda weights: -weights, "the weights of a mel filter bank must be finite numbers, 0 or"),
        ("mel_weights_0", lambda weights: weights * np.float32(np.nan), "the weights of a mel filter bank must be"),
    ],
)
def test_a_filter_bank_is_checked(file: Path, name: str, change: Callable[[Array], Array], reason: str) -> None:
    """Its ranges and weights must match each other and the front end."""
    change_array(file, name, change)

    assert reason in damaged(file)


def test_rejection_of_version_1_by_mixtures_of_speech_is_refused(tmp_path: Path) -> None:
    """Its threshold is one of another ratio."""
    model, file = small_model(), tmp_path / "model.npz"
    sounds = NonSpeechModel(stream=0, mixture=gaussians_of(model)[0])
    save(replace(model, nonspeech=sounds, min_speech_ratio=-0.5), file)
    make_version(1, file)
    assert load(file).min_speech_ratio == -0.5
    change_header(file, rejection={"stream": 0, "least_ratio": -0.5, "n_speech": 2})
    assert refused(file) == (
        "it rejects non-speech by mixtures of speech of an earlier version, which this speechgmm does not read: "
        "train the model again"
    )


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5])
def test_an_invalid_version_is_refused(file: Path, version: Any) -> None:
    """Versions are integers from 1."""
    change_header(file, format_version=version)

    assert damaged(file) == f"its format version is {version!r}"


def test_truncated_files_are_refused(file: Path) -> None:
    """A file cut at any length is refused."""
    content = file.read_bytes()
    for length in range(0, len(content), 53):
        file.write_bytes(content[:length])
        assert damaged(file).startswith("it is cut short" if length > 1 else "it is no .npz file"), length


def test_flipped_bytes_are_detected_or_have_no_effect(file: Path) -> None:
    """A file with one changed byte is refused, or its model is the same."""
    content = file.read_bytes()
    outcomes = {"refused": 0, "same": 0}
    for place in np.linspace(0, len(content) - 1, 300).astype(int):
        mask = 0xFF if place % 2 else 0x01
        file.write_bytes(content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :])
        try:
            loaded = load(file)
        except ModelFileError:
            outcomes["refused"] += 1
        else:
            save(loaded, file)
            assert file.read_bytes() == content, place
            outcomes["same"] += 1
    assert outcomes["refused"] > 200


class _Payload:
    """Unpickling it creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.target,)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    """A pickle instead of a model runs no code."""
    file, target = tmp_path / "model.npz", tmp_path / "touched"
    file.write_bytes(pickle.dumps(_Payload(target)))

    assert damaged(file) == "it is no .npz file"
    assert not target.exists()
    pickle.loads(file.read_bytes())
    assert target.exists()


def test_an_array_of_objects_is_refused_and_not_run(file: Path) -> None:
    """A pickled object in an array runs no code."""
    target = file.with_name("touched")
    payload = np.array([_Payload(target)], dtype=object)
    save_arrays(file, arrays_of(file), weights_0_0=payload)

    assert damaged(file) == "'weights_0_0' is an array of |O, but <f4 is expected"
    assert not target.exists()
    with np.load(file, allow_pickle=True) as archive:
        assert archive["weights_0_0"].shape == (1,)
    assert target.exists()


def test_compressed_members_are_refused(file: Path) -> None:
    """A model has plain arrays only."""
    members: dict[str, Any] = {**arrays_of(file)}
    np.savez_compressed(file, **members)

    assert "is compressed, but a model stores plain arrays" in damaged(file)


def bomb(file: Path) -> str:
    """16 MiB of zeros, deflated to a few KiB."""
    replace_member(file, "weights_0_0.npy", bytes(16 << 20), compression=zipfile.ZIP_DEFLATED)
    return "its members claim more bytes than it has"


def vast_shape(file: Path) -> str:
    """Two numbers with a shape of 10^12."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    replace_member(file, "weights_0_0.npy", npy(header, bytes(8)))
    return "'weights_0_0' claims the shape (1000000000000,), but holds 2 numbers"


def vast_header(file: Path) -> str:
    """JSON that takes far more memory when parsed than as text."""
    text = b'{"format": "speechgmm-model", "card": [' + b"{}," * 500_000 + b"1]}"
    change_array(file, "header", lambda _: np.frombuffer(text, dtype=np.uint8))
    return "its header is larger than 1,048,576 bytes"


def many_members(file: Path) -> str:
    """3000 empty members."""
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number}.npy" if number else "header.npy", b"")
    return "'header' is not a plain array in C order"


@pytest.mark.parametrize("make", [bomb, vast_shape, vast_header, many_members])
def test_hostile_files_are_refused_in_little_memory(file: Path, make: Callable[[Path], str]) -> None:
    """Reading allocates at most a few times the size of the file."""
    reason = make(file)
    size = file.stat().st_size

    tracemalloc.start()
    try:
        assert damaged(file) == reason
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 10 * size + 200_000


@pytest.mark.parametrize(
    "header",
    [
        b"-" * 9000 + b"1",
        b"{'descr': '<f4', 'shape': (",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L,), }\n",
        b"{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }\n",
        b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }\n",
        b"a\n  b\n c",
        b"",
    ],
)
def test_array_headers_that_numpy_does_not_write_are_refused(file: Path, header: bytes) -> None:
    """Array headers must have the form that numpy writes. They are never evaluated."""
    replace_member(file, "weights_0_0.npy", npy(header, np.full(3, 1 / 3, dtype="<f4").tobytes()))

    assert damaged(file) == "'weights_0_0' is not a plain array in C order"


def test_the_wrong_type_of_numbers_is_refused(file: Path) -> None:
    """Each array has a fixed type."""
    change_array(file, "means_0_1", lambda means: means.astype(np.float64))

    assert damaged(file) == "'means_0_1' is an array of <f8, but <f4 is expected"


def test_a_missing_member_is_named(file: Path) -> None:
    """A missing array and a missing entry of the header are named."""
    arrays = arrays_of(file)
    save_arrays(file, {name: array for name, array in arrays.items() if name != "variances_0_1"})
    assert damaged(file) == "'variances_0_1' is missing"

    header = {name: value for name, value in header_of(arrays).items() if name != "priors"}
    save_arrays(file, arrays, header=packed(header))
    assert damaged(file) == "'priors' is missing"


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("means_0_0", lambda means: means * np.float32(np.nan), "the means of a mixture must be finite numbers"),
        ("variances_0_1", lambda variances: -variances, "the variances of a mixture must be positive and finite"),
        (
            "weights_0_0",
            lambda _: np.array([0.5, 0.25, 0.5], dtype=np.float32),
            "the weights of a mixture must be positive and sum to 1, but the least is 0.25 and their sum 1.25",
        ),
        (
            "weights_0_0",
            lambda _: np.array([0.5, 0.5], dtype=np.float32),
            (
                "a mixture needs weights (K,), means (K, D) and variances (K, D) with K and D at least 1, "
                "not (2,), (3, 2) and (3, 2)"
            ),
        ),
        ("reference_mean_0", lambda _: np.zeros(5), "reference_mean must be 2 finite numbers"),
    ],
)
def test_values_are_checked(file: Path, name: str, change: Callable[[Array], Array], reason: str) -> None:
    """Arrays of the correct type with invalid values are refused."""
    change_array(file, name, change)

    assert damaged(file) == reason


def with_last(value: float) -> Callable[[Array], Array]:
    """A function that replaces the last number of an array."""

    def change(array: Array) -> Array:
        changed = array.copy()
        changed.flat[-1] = value
        return changed

    return change


@pytest.mark.parametrize("value", [1e-45, 1e-39, 1e30, -3e38])
@pytest.mark.parametrize("name", ["weights_0_0", "means_0_1", "variances_0_0", "reference_mean_0"])
def test_absurd_numbers_are_refused(file: Path, name: str, value: float) -> None:
    """Numbers that are finite, but that no model has: denormal ones, and those whose squares are not finite."""
    if name == "reference_mean_0" and abs(value) < 1:
        value = 5e-324  # its numbers are in double precision
    change_array(file, name, with_last(value))

    assert damaged(file).startswith(
        f"'{name}' holds {np.float32(value) if abs(value) > 1e-300 else value:g}, expected "
    )


def test_a_variance_that_is_next_to_nothing_is_refused(file: Path) -> None:
    """Training keeps variances at 1e-6 or more."""
    change_array(file, "variances_0_1", with_last(1e-12))

    assert damaged(file) == "'variances_0_1' holds 1e-12, expected magnitudes from 1e-08 to 1e+12"


@pytest.mark.parametrize(
    ("entry", "value", "reason"),
    [
        ("format", "other", "its header does not name the format 'speechgmm-model'"),
        ("labels", ["a", 7], "its labels must be non-empty text"),
        ("labels", ["a", ""], "its labels must be non-empty text"),
        ("labels", ["a", "\ud800"], "surrogates not allowed"),
        ("labels", ["a"], "a model needs two or more different classes, none of them 'unknown', not a"),
        ("priors", [0.5, 0.25], "the priors are 0.5, 0.25, but they must be positive and sum to 1"),
        ("least_likelihood", float("nan"), "its header contains NaN, which is not a number"),
        ("least_likelihood", -1e300, "least_likelihood is -1e+300, expected a magnitude from "),
        ("priors", [1e-300, 1], "priors is 1e-300, expected a magnitude from 1e-09 to 1e+09"),
        ("decision", {"min_speech_s": 5e-324}, "min_speech_s is 4.94066e-324, expected a magnitude from "),
        ("decision", {"min_speech_s": 10**30}, "min_speech_s is 1e+30, expected a magnitude from "),
        ("calibration", {"scales": [1e-30], "halfway": 1, "offsets": [0, 0]}, "scales is 1e-30, expected a magnitude"),
        ("calibration", {"scales": [1], "halfway": 1e99, "offsets": [0, 0]}, "halfway is 1e+99, expected a magnitude"),
        ("calibration", {"scales": [1], "halfway": 1, "offsets": [1e99, 0]}, "offsets is 1e+99, expected a magnitude"),
        ("decision", {"min_speech_s": -3}, "min_speech_s is -3, but it must be 0 or more seconds"),
        ("calibration", {"scales": [0], "halfway": 1, "offsets": [0, 0]}, "the calibration's scales are (0,)"),
        (
            "calibration",
            {"scales": [1, 1], "halfway": 1, "offsets": [0, 0]},
            "a model needs one calibration scale for each stream",
        ),
        ("calibration", {"scales": [10**400], "halfway": 1, "offsets": [0, 0]}, "int too large to convert to float"),
        ("calibration", None, "'NoneType' object is not subscriptable"),
        ("calibration", {"scales": 1, "halfway": 1, "offsets": [0, 0]}, "'int' object is not iterable"),
        ("streams", [], "a model needs at least one stream, and in each one mixture per class"),
        ("streams", None, "'NoneType' object is not iterable"),
        ("streams", {"family": "gaussian"}, "string indices must be integers"),
        ("streams", [{"front_end": {}}], "'family' is missing"),
        ("streams", [{"family": "gaussian"}], "'front_end' is missing"),
        (
            "streams",
            [{"family": "poisson", "front_end": {}}],
            "its mixtures are of the family 'poisson', which is unknown",
        ),
        ("streams", [{"family": [], "front_end": {}}], "unhashable type: 'list'"),
        ("streams", [{"family": "gaussian", "front_end": []}], "must be a mapping, not list"),
    ],
)
def test_header_values_are_checked(file: Path, entry: str, value: Any, reason: str) -> None:
    """A header with an invalid value is refused."""
    change_header(file, **{entry: value})

    assert reason in damaged(file)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sampling_rate": 44}, "sampling_rate is 44 Hz, but it must be 8000 to 96000 Hz"),
        ({"cutoff": 1}, "unexpected keyword argument 'cutoff'"),
        ({}, "the mixtures must have the front end's 20 dimensions"),
    ],
)
def test_the_front_end_of_a_stream_is_checked(file: Path, changes: dict[str, Any], reason: str) -> None:
    """Its options must be known and in range, and its frames must have the dimensions of the mixtures."""
    change_front_end(file, **changes)

    assert reason in damaged(file)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
def test_a_number_in_the_card_that_is_infinite_is_refused(file: Path, number: bytes) -> None:
    """Reports hold the card as JSON, which has no infinity."""
    arrays = arrays_of(file)
    text = arrays["header"].tobytes().replace(b'"low": 3', b'"low": ' + number)
    save_arrays(file, arrays, header=np.frombuffer(text, dtype=np.uint8))

    assert damaged(file) == f"its header contains {number.decode()}, which is too large"


def test_the_shipped_model_is_loaded() -> None:
    """Its numbers are those of a model."""
    assert load(shipped_model_file()).labels == ("female", "male")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"format":' * 50_000])
def test_a_deeply_nested_header_is_refused(file: Path, text: bytes) -> None:
    """Nesting deeper than the limit of the parser is an error of the file."""
    change_array(file, "header", lambda _: np.frombuffer(text, dtype=np.uint8))

    assert damaged(file)


@pytest.mark.parametrize("text", [b"7", b'"x"', b"[]", b"{}", b"no JSON", b"\xff\xfe"])
def test_an_invalid_header_is_refused(file: Path, text: bytes) -> None:
    """The header must be a JSON object with the format."""
    change_array(file, "header", lambda _: np.frombuffer(text, dtype=np.uint8))

    assert damaged(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The error has the reason of the operating system."""
    assert refused(tmp_path / "no.npz") == "the model cannot be read: No such file or directory"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """The error has the reason of the operating system."""
    assert refused(tmp_path) == "the model cannot be read: Is a directory"


@pytest.mark.parametrize("content", [b"", b"label,path\n", b"RIFF\x24\x00\x00\x00WAVE"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """Text, audio and an empty file are not archives."""
    file = tmp_path / "other"
    file.write_bytes(content)

    assert damaged(file) == "it is no .npz file"


@pytest.mark.parametrize("save_foreign", [np.savez, np.savez_compressed])
def test_other_archives_are_refused(tmp_path: Path, save_foreign: Callable[..., None]) -> None:
    """Another .npz has no header of a model, whatever else is unusual about it."""
    save_foreign(tmp_path / "other.npz", means=np.zeros(3))

    assert damaged(tmp_path / "other.npz") == "it has no header of a model"


def test_a_file_above_the_size_limit_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the maximum size is loaded. Nothing of a larger file is read."""
    monkeypatch.setattr(modelfile, "MAX_BYTES", file.stat().st_size)
    assert load(file).labels == small_model().labels

    with file.open("ab") as stream:
        stream.truncate(400 << 20)  # a sparse file
    monkeypatch.undo()
    tracemalloc.start()
    try:
        assert damaged(file) == "it is larger than 256 MiB"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
