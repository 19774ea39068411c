"""The feature store: features on disk, extracted once and reused by every iteration and later trainings.

An utterance is two files, named by the SHA-256 of its audio, in a folder named by its front end: its speech frames as
an array (``.npy``, float32), which is memory-mapped when it is read, and the counts and means of its stretches, with a
digest of them and of the frames (``.json``). Both are written to a temporary name and renamed, the JSON file last.
Features that do not match their audio, front end or digest are extracted again. So several trainings may use a folder
at the same time.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from speechgmm.audio.hearing import Heard
from speechgmm.audio.reading import digest
from speechgmm.augmentation.augment import CHANNEL, NOISE, VERSION
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import (
    Failure,
    InStreams,
    StretchSummary,
    Utterance,
    recording_stretches,
    stretches_by_stream,
    summarise_stretch,
)
from speechgmm.features.front_end import Features, Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.output.files import make_folder, write_atomically

DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, RecursionError, SyntaxError, TokenError)
"""Errors of reading damaged features; those of Python's parser are of the header of an array."""

MAKERS = ("librosa", "scipy", "soundfile", "soxr")  # another version of these may round otherwise


@dataclass(frozen=True, kw_only=True)
class FeatureStore:
    """A folder of features of one front end.

    Attributes
    ----------
    folder : Path
        Created if missing.
    front_end : FrontEndOptions
        Of the features.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    noises : tuple of Path
        Non-speech recordings that channel augmentation may mix in.
    """

    folder: Path
    front_end: FrontEndOptions
    channel: int | None = None
    noises: tuple[Path, ...] = ()

    def fetch(self, recording: Recording) -> Utterance | Failure:
        """The features of a recording, extracted now if they are not in the store.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        result = fetch((self,), recording)
        return result.utterances[0] if isinstance(result, InStreams) else result

    @functools.cached_property
    def made_by(self) -> dict[str, Any]:
        """What features depend on besides the audio: front end and versions of libraries."""
        return {"front_end": asdict(self.front_end), **{maker: metadata.version(maker) for maker in MAKERS}}

    def augmentation_key(self, augmentation: str) -> str:
        """Key of an augmentation: its name, the version of the augmentations and the noises it may take."""
        noises = f"-{self._noise_key}" if augmentation in (CHANNEL, NOISE) else ""
        return f"{augmentation}-{VERSION}{noises}"

    @functools.cached_property
    def _noise_key(self) -> str:
        return hashlib.sha256("".join(map(digest, self.noises)).encode()).hexdigest()[:16]

    @functools.cached_property
    def key(self) -> str:
        """Name of the folder of this front end."""
        return hashlib.sha256(json.dumps(self.made_by, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """The files of one recording's features.

    Attributes
    ----------
    store : FeatureStore
    recording : Recording
    digest : str
        SHA-256 of its file, in hexadecimal.
    damage : str
        A remark if features of an earlier training were damaged and extracted again; else empty.
    warning : str
        What was odd about the recording.
    """

    store: FeatureStore
    recording: Recording
    digest: str
    damage: str = ""
    warning: str = ""

    @functools.cached_property
    def file(self) -> Path:
        """The array file; the JSON file has the same name and the suffix .json."""
        part = "" if self.is_whole else f"_{self.recording.start:.6f}-{self._end}"
        channel = "" if self.store.channel is None else f"_ch{self.store.channel}"
        augmentation = self.recording.augmentation and f"_{self.store.augmentation_key(self.recording.augmentation)}"
        return self.store.folder / self.store.key / self.digest[:2] / f"{self.digest}{part}{channel}{augmentation}.npy"

    @property
    def is_whole(self) -> bool:
        """Whether the recording is its whole file."""
        return self.recording.start == 0 and self.recording.end is None

    @property
    def _end(self) -> str:
        return "" if self.recording.end is None else f"{self.recording.end:.6f}"

    def open(self) -> Utterance | None:
        """The utterance, if its features are stored; else None.

        Raises
        ------
        OSError, ValueError and others of `DAMAGE`
            If they are damaged.
        """
        try:
            known = json.loads(self.file.with_suffix(".json").read_text(encoding="utf-8"))
            frames = self._map()
        except FileNotFoundError:  # the JSON file is missing where a training was killed while it wrote them
            return None
        stretches = known["stretches"]
        if known["made_by"] != self.store.made_by or known["sha256"] != self.digest:
            raise ValueError("they are of another recording or front end")
        if "digest" not in known:  # an earlier version wrote them
            return None
        if known["digest"] != _digest(stretches, frames):
            raise ValueError("they do not match their digest")
        summaries = tuple(StretchSummary(each[0], each[1], np.array(each[2])) for each in stretches)
        heard = replace(self, warning=str(known.get("warning", "")))  # earlier versions wrote none
        return Utterance(recording=self.recording, summaries=summaries, storage=heard, digest=self.digest)

    def make(self) -> Utterance:
        """Extract the features and write them; as `make_together`."""
        return make_together([self])[0]

    def write(self, parts: Sequence[Stretch]) -> Utterance:
        """Write extracted features.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        summaries = tuple(map(summarise_stretch, parts))
        frames = [np.empty((0, self.store.front_end.n_dimensions), dtype=np.float32), *(part.frames for part in parts)]
        array, content = np.concatenate(frames), io.BytesIO()
        np.save(content, array, allow_pickle=False)
        stretches = [[summary.n_frames, summary.n_speech, summary.mean.tolist()] for summary in summaries]
        known = {
            "made_by": self.store.made_by,
            "sha256": self.digest,
            "stretches": stretches,
            "warning": self.warning,
            "digest": _digest(stretches, array),
        }
        make_folder(self.file.parent)
        write_atomically(self.file, content.getvalue())
        write_atomically(self.file.with_suffix(".json"), json.dumps(known).encode())
        return Utterance(recording=self.recording, summaries=summaries, storage=self, digest=self.digest)

    def read(self, begin: int, end: int) -> Features:
        """Frames from `begin` to before `end`; extracted again if they are missing, as on another worker of a cluster.

        Raises
        ------
        AudioError
            If the recording can no longer be read.
        """
        try:
            return np.array(self._map()[begin:end])
        except DAMAGE:
            self.make()
            return np.array(self._map()[begin:end])

    def describe(self) -> str:
        """The file and the remedy, for an error message."""
        return f"{self.file}: the features (delete the file to extract them again)"

    def _map(self) -> Features:
        """The memory-mapped array; ValueError if it is damaged."""
        frames: Features = np.load(self.file, mmap_mode="r", allow_pickle=False)
        width = self.store.front_end.n_dimensions
        if frames.dtype != np.float32 or frames.ndim != 2 or frames.shape[1] != width:
            raise ValueError(f"they are {frames.dtype} {frames.shape}, but float32 (n, {width}) is expected")
        return frames


def fetch(stores: Sequence[FeatureStore], recording: Recording) -> InStreams | Failure:
    """The features of a recording in every stream; those that are not in the stores are extracted together.

    Parameters
    ----------
    stores : sequence of FeatureStore
        One per stream, of one channel and the same noises.
    recording : Recording

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    try:
        sha256 = digest(recording.file)
        found = [_find(store, recording, sha256) for store in stores]
        made = iter(make_together([each for each in found if isinstance(each, StoredFeatures)]))
        return InStreams(tuple(each if isinstance(each, Utterance) else next(made) for each in found))
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))


def _find(store: FeatureStore, recording: Recording, sha256: str) -> Utterance | StoredFeatures:
    """The utterance if its features are stored, else what is to be made."""
    features = StoredFeatures(store, recording, sha256)
    try:
        return features.open() or features
    except DAMAGE as error:
        reason = f"the features are damaged ({error}) and were extracted again"
        return replace(features, damage=f"{features.file}: {reason}")


def make_together(features: Sequence[StoredFeatures]) -> list[Utterance]:
    """Extract features of one recording in several streams, and write them.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    OutputError
        If they cannot be written.
    """
    if not features:
        return []
    store, heard = features[0].store, Heard()
    front_ends = [each.store.front_end for each in features]
    rows = recording_stretches(
        features[0].recording, front_ends, channel=store.channel, noises=store.noises, heard=heard
    )
    streams = stretches_by_stream(rows, len(front_ends))
    return [replace(each, warning=heard.warning).write(own) for each, own in zip(features, streams, strict=True)]


def damage_of(result: object) -> str:
    """The remark on damaged features, if the result of `FeatureStore.fetch` has one; else empty."""
    storage = result.storage if isinstance(result, Utterance) else None
    return storage.damage if isinstance(storage, StoredFeatures) else ""


def _digest(stretches: Any, frames: Features) -> str:
    """SHA-256 of the features of an utterance, in hexadecimal."""
    state = hashlib.sha256(json.dumps(stretches).encode())
    state.update(np.ascontiguousarray(frames).data)
    return state.hexdigest()
