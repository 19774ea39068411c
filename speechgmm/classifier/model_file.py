"""The model file: an uncompressed ``.npz`` of plain arrays with a JSON header. Reading it never runs code.

The content of a file is not trusted:

- Members must be uncompressed, the JSON header has a maximum size, and each array must have exactly the size that its
  own header gives. So reading allocates at most a few times the size of the file.
- Headers of arrays are not evaluated as expressions.
- All values are checked before they are used: also numbers that are finite, but far from those of any model. Their
  squares, quotients and sums would not be finite.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Stream
from speechgmm.errors import ModelFileError, OptionError
from speechgmm.features.mel_filters import MelFilters
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.mixture_types import MIXTURE_TYPES
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.tied import TiedModels

FORMAT, FORMAT_VERSION = "speechgmm-model", 3
FILTERS_SINCE = 3  # version of the first files with mel filter banks; earlier models were trained with librosa's
MAX_BYTES = 256 << 20
MAX_HEADER_BYTES = 1 << 20  # parsed JSON takes up to 25 times the memory of its text
DTYPES = {
    "header": "|u1",
    "mel_ranges": "<u2",
    "reference_mean": "<f8",
    "training_digests": "<u8",
}  # by the first part of the name; all others "<f4"
MAGNITUDES = {
    "coefficients": (float(np.finfo(np.float32).tiny), 1e6),
    "means": (float(np.finfo(np.float32).tiny), 1e6),
    "mel_weights": (float(np.finfo(np.float32).tiny), 1e6),
    "probabilities": (1e-9, 1.0),
    "reference_mean": (sys.float_info.min, 1e6),
    "variances": (1e-8, 1e12),
    "weights": (1e-30, 1.0 + 1e-6),
}  # by the first part of the name: the least and the largest magnitude of the numbers, besides 0
MAX_MAGNITUDE = 1e9  # of numbers in the header, besides the card
MIN_POSITIVE = 1e-9  # of numbers in the header that must be positive: priors and scales
ARRAY_START = re.compile(  # header that numpy writes for a plain array in C order
    rb"\x93NUMPY\x01\x00.."
    rb"\{'descr': '(?P<kind>[^']*)', 'fortran_order': False, 'shape': \((?P<shape>[\d, ]*)\), \} *\n",
    re.DOTALL,
)

Arrays = dict[str, npt.NDArray[Any]]
M = TypeVar("M", bound=Mixture)


def save(model: Model, file: Path) -> None:
    """Write a model file atomically.

    Equal models give equal bytes. Mixtures are stored in float32; training rounds them to float32 beforehand.

    Parameters
    ----------
    model : Model
    file : Path
        Replaced if it exists.

    Raises
    ------
    OptionError
        If the header is too large.
    OutputError
        If the file cannot be written.
    """
    from speechgmm.output.files import write_atomically  # to read a model needs no writing

    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "labels": model.labels,
        "streams": [
            {"family": stream.all_mixtures[0].family, "front_end": asdict(stream.front_end)} for stream in model.streams
        ],
        "submodels": model.submodels,
        "calibration": _plain_calibration(model.calibration),
        "least_likelihood": model.min_likelihood,
        "rejection": _plain_rejection(model),
        "priors": model.priors,
        "decision": asdict(model.decision),
        "card": model.card,
    }
    text = json.dumps(header, allow_nan=False).encode()
    if len(text) > MAX_HEADER_BYTES:
        raise OptionError(
            f"the model's header has {len(text):,} bytes, expected {MAX_HEADER_BYTES:,} at most: shorten its card"
        )
    arrays: Arrays = {
        "header": np.frombuffer(text, dtype=np.uint8),
        "training_digests": model.training_digests,
    }
    for number, stream in enumerate(model.streams):
        arrays[f"reference_mean_{number}"] = stream.reference_mean
        arrays[f"mel_ranges_{number}"] = stream.filters.ranges
        arrays[f"mel_weights_{number}"] = stream.filters.weights
        for index, mixture in enumerate(stream.mixtures):
            arrays.update(_arrays_of(mixture, f"{number}_{index}"))
        if stream.tied:
            arrays.update(_arrays_of(stream.tied.background, f"{number}_background"))
            arrays[f"coefficients_{number}"] = stream.tied.coefficients.astype(np.float32)
    if model.nonspeech:
        arrays.update(_arrays_of(model.nonspeech.mixture, "nonspeech"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # A bare ZipInfo has a fixed date, so equal models give equal bytes.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
    write_atomically(file, buffer.getvalue())


def load(file: Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    file : Path

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file cannot be read, is not a model, is damaged, or was written by a newer version.
    """
    try:
        content = _read_content(file)
        arrays = _read_arrays(content)
        header = _read_header(arrays)
        _check_version(header["format_version"])
        return _build(header, arrays)
    except ModelFileError as error:
        raise ModelFileError(f"{file}: {error}") from None
    except OSError as error:
        raise ModelFileError(f"{file}: the model cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, OverflowError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        # json and zipfile raise RuntimeError for very deep nesting, encryption and unknown compression.
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
        if isinstance(error, zipfile.BadZipFile):
            reason = f"it is cut short or was changed ({reason})"
        remedy = "give a complete file written by speechgmm train"
        raise ModelFileError(f"{file}: not a speechgmm model, or damaged: {reason}; {remedy}") from error


def _read_content(file: Path) -> bytes:
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
        content = stream.read(size)
    if not content.startswith(b"PK"):
        raise ValueError("it is no .npz file")
    return content


def _read_arrays(content: bytes) -> Arrays:
    """Read the members of an .npz as arrays, together not larger than the content."""
    arrays: Arrays = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if "header.npy" not in archive.namelist():
            raise ValueError("it has no header of a model")
        if sum(member.file_size for member in members) > len(content):
            raise ValueError("its members claim more bytes than it has")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
                raise ValueError(f"{member.filename!r} is compressed, but a model stores plain arrays")
            name = member.filename.removesuffix(".npy")
            arrays[name] = _parse_array(name, archive.read(member))
    return arrays


def _parse_array(name: str, data: bytes) -> npt.NDArray[Any]:
    """Parse one .npy member: its type must be the expected one, and its shape must agree with its size."""
    start = ARRAY_START.match(data)
    if start is None:
        raise ValueError(f"{name!r} is not a plain array in C order")
    kind, expected = start["kind"].decode(), DTYPES.get(_first_part(name), "<f4")
    if kind != expected:
        raise ValueError(f"{name!r} is an array of {kind}, but {expected} is expected")
    shape = tuple(map(int, re.findall(rb"\d+", start["shape"])))
    array = np.frombuffer(data, dtype=kind, offset=start.end())
    if math.prod(shape) != array.size:
        raise ValueError(f"{name!r} claims the shape {shape}, but holds {array.size} numbers")
    _check_magnitudes(name, array)
    return array.reshape(shape)


def _check_magnitudes(name: str, array: npt.NDArray[Any]) -> None:
    """Refuse finite numbers that no model has; others that are out of range are refused where they are used."""
    least, most = MAGNITUDES.get(_first_part(name), (0.0, math.inf))
    magnitudes = np.abs(array)
    absurd = (magnitudes > 0) & ((magnitudes < least) | (magnitudes > most)) & np.isfinite(magnitudes)
    if absurd.any():
        raise ValueError(f"{name!r} holds {array[absurd][0]:g}, expected magnitudes from {least:g} to {most:g}")


def _first_part(name: str) -> str:
    """The name of an array without that of its mixture."""
    return re.sub(r"(_(\d+|nonspeech|background))+$", "", name)


def _read_header(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    if arrays["header"].size > MAX_HEADER_BYTES:
        raise ValueError(f"its header is larger than {MAX_HEADER_BYTES:,} bytes")
    header = json.loads(arrays["header"].tobytes(), parse_constant=_refuse_constant, parse_float=_finite)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"its header does not name the format {FORMAT!r}")
    return header


def _check_version(version: object) -> None:
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"it has format version {version}, and this speechgmm reads up to {FORMAT_VERSION}: update speechgmm"
        )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"its header contains {name}, which is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"its header contains {text[:20]}, which is too large")
    return number


def _check_header_numbers(name: str, value: object) -> None:
    """Refuse numbers that no model has, in an entry of the header or below it."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            _check_header_numbers(str(key), each)
    elif isinstance(value, list):
        for each in value:
            _check_header_numbers(name, each)
    elif isinstance(value, (int, float)):
        least = MIN_POSITIVE if name in ("priors", "scales") else sys.float_info.min
        if value and not least <= abs(value) <= MAX_MAGNITUDE:
            raise ValueError(f"{name} is {value:g}, expected a magnitude from {least:g} to {MAX_MAGNITUDE:g}")


def _build(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Model:
    for name, value in header.items():
        if name != "card":
            _check_header_numbers(name, value)
    labels = tuple(header["labels"])
    if not all(isinstance(label, str) and label for label in labels):
        raise ValueError("its labels must be non-empty text")
    for label in labels:
        label.encode(errors="surrogateescape")  # otherwise it could not be printed
    calibration, submodels = header["calibration"], tuple(header.get("submodels", ()))
    if not all(isinstance(index, int) for index in submodels):
        raise ValueError("its sub-models must be numbers of classes")
    n_mixtures = 0 if submodels else len(labels)
    return Model(
        labels=labels,
        streams=tuple(
            _build_stream(number, entry, n_mixtures, arrays, has_filters=header["format_version"] >= FILTERS_SINCE)
            for number, entry in enumerate(header["streams"])
        ),
        submodels=submodels,
        tied_rejection=bool(submodels) and header["rejection"] is not None,
        calibration=Calibration(
            scales=tuple(calibration["scales"]),
            half_weight_frames=calibration["halfway"],
            offsets=tuple(calibration["offsets"]),
        ),
        min_likelihood=None if header["least_likelihood"] is None else float(header["least_likelihood"]),
        priors=tuple(header["priors"]),
        nonspeech=_build_nonspeech(header, arrays),
        min_speech_ratio=None if header["rejection"] is None else float(header["rejection"]["least_ratio"]),
        decision=DecisionOptions(**header["decision"]),
        card=dict(header["card"]),
        training_digests=arrays["training_digests"],
    )


def _build_stream(
    number: int, entry: Mapping[str, Any], n_mixtures: int, arrays: Mapping[str, Any], *, has_filters: bool
) -> Stream:
    """A stream with this number of class mixtures, or with tied sub-models if it is 0."""
    tied = None
    if not n_mixtures:
        background = _mixture(entry["family"], f"{number}_background", arrays)
        if not isinstance(background, DiagonalMixture):
            raise ValueError(f"its sub-models are tied to a mixture of the family {entry['family']!r}")
        tied = TiedModels(background, arrays[f"coefficients_{number}"].astype(np.float64))
    return Stream(
        front_end=FrontEndOptions(**entry["front_end"]),
        reference_mean=arrays[f"reference_mean_{number}"],
        mixtures=tuple(_mixture(entry["family"], f"{number}_{index}", arrays) for index in range(n_mixtures)),
        tied=tied,
        stored_filters=MelFilters(arrays[f"mel_ranges_{number}"], arrays[f"mel_weights_{number}"])
        if has_filters
        else None,
    )


def _build_nonspeech(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> NonSpeechModel | None:
    rejection = header["rejection"]
    if rejection is None or (header.get("submodels") and "stream" not in rejection):
        return None
    if rejection.get("n_speech"):
        raise ModelFileError(
            "it rejects non-speech by mixtures of speech of an earlier version, which this speechgmm does not read: "
            "train the model again"
        )
    stream = rejection["stream"]
    family = header["streams"][stream]["family"]
    return NonSpeechModel(stream=int(stream), mixture=_mixture(family, "nonspeech", arrays))


def _plain_calibration(calibration: Calibration) -> dict[str, Any]:
    return {
        "scales": calibration.scales,
        "halfway": calibration.half_weight_frames,
        "offsets": calibration.offsets,
    }


def _plain_rejection(model: Model) -> dict[str, Any] | None:
    if not model.rejects:
        return None
    stream = {"stream": model.nonspeech.stream} if model.nonspeech else {}
    return {**stream, "least_ratio": model.min_speech_ratio}


def _arrays_of(mixture: Mixture, name: str) -> Arrays:
    return {
        f"{parameter.name}_{name}": getattr(mixture, parameter.name).astype(np.float32) for parameter in fields(mixture)
    }


def _mixture(family: str, name: str, arrays: Mapping[str, Any]) -> Mixture:
    if family not in MIXTURE_TYPES:
        raise ValueError(f"its mixtures are of the family {family!r}, which is unknown")
    mixture_type = MIXTURE_TYPES[family]
    return mixture_type(*(arrays[f"{parameter.name}_{name}"].astype(np.float64) for parameter in fields(mixture_type)))


def float32_mixture(mixture: M) -> M:
    """Round the parameters to float32, the precision of a model file."""
    rounded = {
        parameter.name: getattr(mixture, parameter.name).astype(np.float32).astype(np.float64)
        for parameter in fields(mixture)
    }
    return replace(mixture, **rounded)
