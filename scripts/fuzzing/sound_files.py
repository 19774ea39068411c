"""Sound files of all formats: of a mutated one, all of the sound is heard, or an error or a warning tells.

What is expected of a mutation behind the header:

==========================================  ==================================================================
cut, noise, repeat, insert, swap, flip,     unless there is an error or a warning, no less is heard than the
left out                                    original holds
hole                                        the same; in a compressed format there must be an error or a warning, if it
                                            holds a whole packet
wrong size in the header                    unless there is an error or a warning, all is heard
joined with itself                          unless there is an error or a warning, both are heard
joined with a file of another format        there must be an error or a warning
==========================================  ==================================================================

Mutations of the header may give another valid file, such as one of half the sampling rate. There, and where several
mutations meet, only tracebacks, hangs and the like count.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import speechgmm
from fuzzing.byte_mutations import HOLE, KEEPING, Range, hole, mutate
from fuzzing.material import small_model, voice
from fuzzing.size_fields import SizeField, size_fields, wrong_size
from fuzzing.trials import Case, Target
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import Failure

MISSING_S, MISSING_SHARE = 0.25, 0.05
"""So much less than the original, and so much of it, is clearly less."""

LEFT_OPEN_SHARE = 0.25
"""Share of the cases with mutations anywhere, of which nothing is expected."""

HEADERS = {"OGG": 4608, "NIST": 1024, "PAF": 2048, "IRCAM": 1024}
"""Bytes before the sound, where they are more than 512."""

COMPRESSED = frozenset({"FLAC", "OGG", "MP3"})

# By target: container, encoding, sampling rate, channels.
SOUND_FORMS: dict[str, tuple[tuple[str, str, int, int], ...]] = {
    "wav": (
        ("WAV", "PCM_16", 16_000, 1),
        ("WAV", "PCM_24", 44_100, 2),
        ("WAV", "FLOAT", 16_000, 1),
        ("WAV", "ULAW", 8000, 1),
        ("WAV", "IMA_ADPCM", 16_000, 1),
        ("WAV", "GSM610", 8000, 1),
        ("WAVEX", "PCM_16", 16_000, 2),
    ),
    "rf64": (("RF64", "PCM_16", 16_000, 1), ("RF64", "FLOAT", 16_000, 2)),
    "flac": (("FLAC", "PCM_16", 16_000, 1), ("FLAC", "PCM_24", 44_100, 2)),
    "ogg": (("OGG", "VORBIS", 16_000, 1), ("OGG", "VORBIS", 44_100, 2), ("OGG", "OPUS", 16_000, 1)),
    "mp3": (
        ("MP3", "MPEG_LAYER_III", 16_000, 1),
        ("MP3", "MPEG_LAYER_III", 44_100, 2),
    ),
    "aiff": (("AIFF", "PCM_16", 16_000, 1), ("AIFF", "FLOAT", 16_000, 2), ("AIFF", "ULAW", 8000, 1)),
    "au": (("AU", "PCM_16", 16_000, 1), ("AU", "ULAW", 8000, 1), ("AU", "FLOAT", 16_000, 2)),
    "caf": (("CAF", "PCM_16", 16_000, 1), ("CAF", "FLOAT", 16_000, 2), ("CAF", "ALAC_16", 16_000, 1)),
    "other sound": (
        ("W64", "PCM_16", 16_000, 1),
        ("NIST", "PCM_16", 16_000, 1),
        ("VOC", "PCM_16", 16_000, 1),
        ("AVR", "PCM_16", 16_000, 1),
        ("SVX", "PCM_16", 16_000, 1),
        ("PAF", "PCM_16", 16_000, 1),
        ("IRCAM", "PCM_16", 16_000, 1),
        ("PVF", "PCM_16", 16_000, 1),
        ("MAT4", "PCM_16", 16_000, 1),
        ("MAT5", "PCM_16", 16_000, 1),
        ("SDS", "PCM_16", 16_000, 1),
        ("HTK", "PCM_16", 16_000, 1),
        ("MPC2K", "PCM_16", 16_000, 1),
        ("WVE", "ALAW", 8000, 1),
        ("XI", "DPCM_16", 44_100, 1),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """A valid file.

    Attributes
    ----------
    name : str
    content : bytes
    sound : (int, int)
        Range of the bytes behind the header.
    least_hole : int
        Bytes of zeros that hold a whole frame or packet in any place, so that they must be noticed; 0 where zeros are
        silence.
    sizes : tuple of SizeField
    """

    name: str
    content: bytes
    sound: Range
    least_hole: int = 0
    sizes: tuple[SizeField, ...] = ()


class AudioTarget(Target):
    """Audio files, which are classified.

    Parameters
    ----------
    folder : Path
    forms : sequence of Form
        Valid files.
    other : Form
        A valid file of another format.
    """

    def __init__(self, folder: Path, forms: tuple[Form, ...], other: Form) -> None:
        self._model = speechgmm.load(small_model(folder))
        self._forms, self._other = forms, other
        self._whole_s: dict[str, float] = {}
        for form in forms:
            file = folder / form.name
            file.write_bytes(form.content)
            self._whole_s[form.name] = self._classified(file).duration_s

    def case(self, rng: np.random.Generator) -> Case:
        """A mutation of one of the files."""
        form = self._forms[int(rng.integers(len(self._forms)))]
        if rng.random() < LEFT_OPEN_SHARE:
            span = (0, form.sound[0]) if rng.integers(2) else (0, len(form.content))
            content, what = mutate(form.content, span, rng)
            return Case(name=form.name, content=content, mutation=f"{form.name}: {what}")
        whole_s = self._whole_s[form.name]
        kinds = [*KEEPING, "joined", "joined with another", *(["size"] * 2 if form.sizes else [])]
        kind = kinds[int(rng.integers(len(kinds)))]
        least_s, flagged = whole_s, False
        if kind == "joined":
            content, what, least_s = form.content * 2, "joined with itself", 2 * whole_s
        elif kind == "joined with another":
            content, what, flagged = form.content + self._other.content, f"joined with {self._other.name}", True
        elif kind == "size":
            content, what = wrong_size(form.content, form.sizes, rng)
        elif kind == "hole" and form.least_hole:
            (content, what), flagged = hole(form.content, form.sound, rng, form.least_hole), True
        else:
            content, what = KEEPING[kind](form.content, form.sound, rng)
        return Case(name=form.name, content=content, mutation=f"{form.name}: {what}", least_s=least_s, flagged=flagged)

    def run(self, file: Path, case: Case) -> str:
        """Classify it."""
        outcome = self._classified(file)
        if outcome.warning:
            return ""
        if case.flagged:
            return "an answer without a warning"
        if outcome.duration_s < case.least_s - max(MISSING_S, MISSING_SHARE * case.least_s):
            return f"{outcome.duration_s:.2f} s were heard of {case.least_s:.2f} s, without a warning"
        return ""

    def _classified(self, file: Path) -> Outcome:
        recording = Recording(file=file, name=str(file), label="")
        outcome = classify_recording(recording, model=self._model)
        if isinstance(outcome, Failure):
            raise AudioError(outcome.reason)
        return outcome


class SoundFiles(AudioTarget):
    """Files that libsndfile reads."""

    def __init__(self, folder: Path, name: str) -> None:
        forms = tuple(sound_form(*form) for form in SOUND_FORMS[name])
        other = sound_form("FLAC" if name == "wav" else "WAV", "PCM_16", 16_000, 1)
        super().__init__(folder, forms, other)


SOUND_TARGETS = {name: functools.partial(SoundFiles, name=name) for name in SOUND_FORMS}
"""By name."""


def sound_form(container: str, encoding: str, rate: int, channels: int) -> Form:
    """A valid file that libsndfile writes."""
    stream = io.BytesIO()
    soundfile.write(stream, voice(rate, channels=channels), rate, format=container, subtype=encoding)
    content = stream.getvalue()
    return Form(
        name=f"{encoding}-{rate}-{channels}.{container}".lower(),
        content=content,
        sound=(HEADERS.get(container, 512), len(content)),
        least_hole=HOLE if container in COMPRESSED else 0,
        sizes=size_fields(content),
    )
