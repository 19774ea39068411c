"""Sound on stdin of `speechgmm segment -`: WAV and raw samples, which arrive in pieces of any length."""

from __future__ import annotations

import io
import itertools
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np

from fuzzing.byte_mutations import KEEPING, mutate
from fuzzing.material import DURATION_S, small_model
from fuzzing.sound_files import LEFT_OPEN_SHARE, MISSING_S, sound_form
from fuzzing.trials import Case, Target
from speechgmm.audio.live_input import ENCODINGS, RawForm
from speechgmm.cli import main
from speechgmm.errors import AudioError

WAVES = (("PCM_16", 16_000, 1), ("PCM_24", 44_100, 2), ("FLOAT", 16_000, 1), ("ULAW", 8000, 1))
RATES = (8000, 16_000, 44_100)
MAX_FRAMES = 20_000
LENGTHS = (1, 7, 4099, 20_011, 65_536)
USUAL_SHARE = 0.7
ROUNDING_S = 0.001


class LiveSound(Target):
    """A stream on stdin, which the command line segments.

    A WAV stream must be heard whole or refused. Of raw samples, every byte is a valid one, so all are heard, and a
    stream that ends within a frame is refused.
    """

    def __init__(self, folder: Path) -> None:
        self._model = small_model(folder)
        self._waves = [sound_form("WAV", *form) for form in WAVES]

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated WAV stream, or raw samples."""
        return self._raw(rng) if rng.integers(2) else self._wave(rng)

    def run(self, file: Path, case: Case) -> str:
        """Segment it."""
        raw = case.name.removesuffix(".raw").split("-") if case.name.endswith(".raw") else ()
        arguments = ["--raw", raw[0], "--rate", raw[1], "--channels", raw[2]] if raw else []
        stdin = io.TextIOWrapper(io.BufferedReader(_Pieces(case.content)))
        output, errors = io.StringIO(), io.StringIO()
        with patch.object(sys, "stdin", stdin), patch.object(sys, "stderr", errors), redirect_stdout(output):
            code = main(["segment", "-", "--model", str(self._model), "--format", "json", "--quiet", *arguments])
        if code:
            raise AudioError(errors.getvalue())
        answer = json.loads(output.getvalue())
        heard_s, warning = answer["heard_s"], answer["warning"]
        if raw:
            return _raw_fault(case, RawForm(encoding=raw[0], rate=int(raw[1]), channels=int(raw[2])), heard_s)
        if warning or heard_s > case.least_s - MISSING_S:
            return ""
        return f"{heard_s:.2f} s were heard of {case.least_s:.2f} s, without a warning"

    def _wave(self, rng: np.random.Generator) -> Case:
        form = self._waves[int(rng.integers(len(self._waves)))]
        if rng.random() < LEFT_OPEN_SHARE:
            content, what = mutate(form.content, (0, len(form.content)), rng)
            return Case(name=form.name, content=content, mutation=f"{form.name}: {what}")
        kind = list(KEEPING)[int(rng.integers(len(KEEPING)))]
        content, what = KEEPING[kind](form.content, form.sound, rng)
        return Case(name=form.name, content=content, mutation=f"{form.name}: {what}", least_s=DURATION_S)

    def _raw(self, rng: np.random.Generator) -> Case:
        form = RawForm(
            encoding=ENCODINGS[int(rng.integers(len(ENCODINGS)))],
            rate=RATES[int(rng.integers(len(RATES)))],
            channels=int(rng.integers(1, 4)),
        )
        n_bytes = form.frame_size * int(rng.integers(MAX_FRAMES)) + int(rng.integers(2)) * int(rng.integers(9))
        form_name = f"{form.encoding}-{form.rate}-{form.channels}"
        return Case(name=f"{form_name}.raw", content=_samples(form, n_bytes, rng), mutation=f"{n_bytes} of {form_name}")


def _samples(form: RawForm, n_bytes: int, rng: np.random.Generator) -> bytes:
    """Noise; of floating-point numbers, mostly in the range of samples, otherwise also infinite ones."""
    if form.encoding.startswith("f") and rng.random() < USUAL_SHARE:
        kind = f"{'<' if form.encoding.endswith('le') else '>'}f{form.frame_size // form.channels}"
        return rng.uniform(-1, 1, n_bytes).astype(kind).tobytes()[:n_bytes]
    return rng.bytes(n_bytes)


def _raw_fault(case: Case, form: RawForm, heard_s: float) -> str:
    n_frames, rest = divmod(len(case.content), form.frame_size)
    if rest:
        return f"{rest} bytes of the last frame were left out, without an error"
    if abs(heard_s - n_frames / form.rate) > ROUNDING_S:
        return f"{heard_s:.3f} s were heard of {n_frames / form.rate:.3f} s"
    return ""


class _Pieces(io.RawIOBase):
    """Bytes that arrive in pieces, the lengths of which repeat."""

    def __init__(self, content: bytes) -> None:
        self._rest = content
        self._lengths = itertools.cycle(LENGTHS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._rest[: min(next(self._lengths), len(buffer))]
        self._rest = self._rest[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)
