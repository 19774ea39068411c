"""Recordings as a training hears them: features in memory with what was odd about the sound, and notes for the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speechgmm.audio.hearing import Heard
from speechgmm.audio.reading import digest
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import (
    Failure,
    InMemory,
    InStreams,
    Utterance,
    recording_stretches,
    stretches_by_stream,
)
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.feature_store import StoredFeatures, damage_of


@dataclass(frozen=True, eq=False)
class HeardFrames(InMemory):
    """Frames (T, D) in memory, and what was odd about the recording."""

    warning: str = ""


def extract(
    recording: Recording,
    *,
    front_ends: Sequence[FrontEndOptions],
    channel: int | None = None,
    noises: tuple[Path, ...] = (),
) -> InStreams | Failure:
    """Read a recording once and keep its frames in every stream in memory; parameters as for `recording_stretches`."""
    heard = Heard()
    try:
        rows = recording_stretches(recording, front_ends, channel=channel, noises=noises, heard=heard)
        streams = stretches_by_stream(rows, len(front_ends))
        sha256 = digest(recording.file)
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))
    return InStreams(tuple(_heard_utterance(recording, own, sha256, heard.warning) for own in streams))


def _heard_utterance(recording: Recording, stretches: Sequence[Stretch], sha256: str, warning: str) -> Utterance:
    utterance = Utterance.of(recording, stretches, sha256)
    return replace(utterance, storage=HeardFrames(utterance.storage.read(0, utterance.n_speech), warning))


def new_notes(result: object, told: set[str]) -> Iterator[str]:
    """The notes on a recording (`notes_on`) that are not in `told`; they are added to it."""
    for text in notes_on(result):
        if text not in told:
            told.add(text)
            yield text


def notes_on(result: object) -> Iterator[str]:
    """Remarks for the user on a recording that was read: damaged features, and a warning with the file."""
    for utterance in result.utterances if isinstance(result, InStreams) else ():
        if damage := damage_of(utterance):
            yield damage
        storage = utterance.storage
        warning = storage.warning if isinstance(storage, (HeardFrames, StoredFeatures)) else ""
        if warning and not utterance.recording.augmentation:
            yield f"{utterance.recording.file}: {warning}"
