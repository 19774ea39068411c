"""Features on disk: made once, read again by every iteration and by the next training, however many there are.

An utterance is two files, named by the SHA-256 of its audio, in a folder for the front end that made it: its speech
frames as a plain array (``.npy``, float32), mapped into memory piece by piece when they are read, and what is known of
them (``.json``), which is written last. Both are written under another name first, so that what stands there is whole;
what does not fit its audio, its front end or itself is made again.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from speechgmm.audio.reading import digest
from speechgmm.augmentation import augment as copies
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import Failure, StretchSummary, Utterance, recording_stretches, summarise_stretch
from speechgmm.features.front_end import Features, Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.files import make_folder, write_atomically

MAKERS = ("librosa", "scipy", "soundfile", "soxr")  # another version may round otherwise


@dataclass(frozen=True, kw_only=True)
class FeatureStore:
    """A folder of features.

    Attributes
    ----------
    folder : Path
        Made where it is missing.
    front_end : FrontEndOptions
        What makes the features.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    noises : tuple of Path
        Sounds that copies with another channel may be mixed with.
    """

    folder: Path
    front_end: FrontEndOptions
    channel: int | None = None
    noises: tuple[Path, ...] = ()

    def fetch(self, recording: Recording) -> Utterance | Failure:
        """The features of a recording, made now if they are not there yet.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        try:
            place = Place(self, recording, digest(recording.file))
            return place.open() or place.make()
        except AudioError as error:
            return Failure(recording=recording, reason=str(error))

    @functools.cached_property
    def made_by(self) -> dict[str, Any]:
        """What a set of features depends on besides the audio."""
        return {"front_end": asdict(self.front_end), **{maker: metadata.version(maker) for maker in MAKERS}}

    def copy_key(self, copy: str) -> str:
        """What tells a copy from others of its name: those drawn otherwise or, over channels, with other noises."""
        return f"{copy}-{copies.VERSION}" + (f"-{self._noise_key}" if copy == copies.CHANNEL else "")

    @functools.cached_property
    def _noise_key(self) -> str:
        return hashlib.sha256("".join(map(digest, self.noises)).encode()).hexdigest()[:16]

    @functools.cached_property
    def key(self) -> str:
        """Name of the folder for these options."""
        return hashlib.sha256(json.dumps(self.made_by, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Place:
    """Where the features of one recording are, or go.

    Attributes
    ----------
    store : FeatureStore
    recording : Recording
    digest : str
        SHA-256 of its file, in hexadecimal.
    """

    store: FeatureStore
    recording: Recording
    digest: str

    @functools.cached_property
    def file(self) -> Path:
        """The array; the file with what is known of it has the same name and the suffix .json."""
        part = "" if self.is_whole else f"_{self.recording.start:.6f}-{self._end}"
        channel = "" if self.store.channel is None else f"_ch{self.store.channel}"
        copy = f"_{self.store.copy_key(self.recording.augmentation)}" if self.recording.augmentation else ""
        return self.store.folder / self.store.key / self.digest[:2] / f"{self.digest}{part}{channel}{copy}.npy"

    @property
    def is_whole(self) -> bool:
        """Whether the recording is all of its file."""
        return self.recording.start == 0 and self.recording.end is None

    @property
    def _end(self) -> str:
        return "" if self.recording.end is None else f"{self.recording.end:.6f}"

    def open(self) -> Utterance | None:
        """The utterance if its features are there and whole."""
        try:
            known = json.loads(self.file.with_suffix(".json").read_text(encoding="utf-8"))
            extents = tuple(StretchSummary(each[0], each[1], np.array(each[2])) for each in known["stretches"])
            if known["made_by"] != self.store.made_by or known["sha256"] != self.digest:
                return None
            self._map(sum(extent.n_speech for extent in extents))
        except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError):
            return None
        return Utterance(recording=self.recording, extents=extents, kept=self, digest=self.digest)

    def make(self) -> Utterance:
        """Make the features and write them.

        Raises
        ------
        AudioError
            If the recording cannot be read.
        OutputError
            If they cannot be written.
        """
        store = self.store
        views = recording_stretches(self.recording, [store.front_end], channel=store.channel, noises=store.noises)
        return self.write([stretch for (stretch,) in views])

    def write(self, parts: Sequence[Stretch]) -> Utterance:
        """Write features that were made.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        extents = tuple(map(summarise_stretch, parts))
        frames = [np.empty((0, self.store.front_end.n_dimensions), dtype=np.float32), *(part.frames for part in parts)]
        content = io.BytesIO()
        np.save(content, np.concatenate(frames), allow_pickle=False)
        known = {
            "made_by": self.store.made_by,
            "sha256": self.digest,
            "stretches": [[extent.n_frames, extent.n_speech, extent.mean.tolist()] for extent in extents],
        }
        make_folder(self.file.parent)
        write_atomically(self.file, content.getvalue())
        write_atomically(self.file.with_suffix(".json"), json.dumps(known).encode())
        return Utterance(recording=self.recording, extents=extents, kept=self, digest=self.digest)

    def read(self, begin: int, end: int) -> Features:
        """Some of the frames; made again where they have gone, as on a worker that is to help another one out.

        Raises
        ------
        AudioError
            If the recording, which was read once, cannot be read any more.
        """
        try:
            return np.array(self._map()[begin:end])
        except (OSError, EOFError, ValueError):
            self.make()
            return np.array(self._map()[begin:end])

    def describe(self) -> str:
        """The file, and the remedy."""
        return f"{self.file}: the features (delete the file, and they are made again)"

    def _map(self, n_frames: int | None = None) -> Features:
        """The array, mapped into memory; ValueError if it is damaged."""
        frames: Features = np.load(self.file, mmap_mode="r", allow_pickle=False)
        expected = (len(frames) if n_frames is None else n_frames, self.store.front_end.n_dimensions)
        if frames.shape != expected or frames.dtype != np.float32:
            raise ValueError(f"{self.file} holds {frames.dtype} {frames.shape}, but float32 {expected} is expected")
        return frames
