"""Files that the package wrote itself: a mutated one gives the same answers as before, or is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

import speechgmm
from fuzzing.byte_mutations import mutate
from fuzzing.material import small_model, voices
from fuzzing.trials import Case, Target
from speechgmm.classifier import model_file
from speechgmm.corpus.recording import Recording
from speechgmm.features.extraction import Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.feature_store import FeatureStore
from speechgmm.training.folder_checkpoint import IDENTITY, FolderCheckpoint


class Models(Target):
    """Model files."""

    def __init__(self, folder: Path) -> None:
        self._content = small_model(folder).read_bytes()
        self._again = folder / "again.npz"

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated model."""
        content, what = mutate(self._content, (0, len(self._content)), rng)
        return Case(name="model.npz", content=content, mutation=what, same=True)

    def run(self, file: Path, case: Case) -> str:
        """Load it; saved again, a model that can be read must be the original, byte for byte."""
        model_file.save(model_file.load(file), self._again)
        return "" if self._again.read_bytes() == self._content else "another model was read"


class Checkpoints(Target):
    """Checkpoints of trainings: the fits, and the description of the training."""

    def __init__(self, folder: Path) -> None:
        self._whole = folder / "whole"
        recipe = speechgmm.Recipe(n_components=2, calibration_folds=2)
        speechgmm.train(voices(folder), recipe=recipe, checkpoint=self._whole)
        self._names = sorted(path.relative_to(self._whole) for path in self._whole.rglob("*") if path.is_file())
        self._identity = (self._whole / IDENTITY).read_bytes()
        self._mutated = folder / "mutated"

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated file of the checkpoint."""
        name = self._names[int(rng.integers(len(self._names)))]
        content, what = mutate((self._whole / name).read_bytes(), (0, (self._whole / name).stat().st_size), rng)
        return Case(name=name.as_posix().replace("/", "+"), content=content, mutation=f"{name}: {what}", same=True)

    def run(self, file: Path, case: Case) -> str:
        """Begin the training again, and read what the file holds."""
        shutil.rmtree(self._mutated, ignore_errors=True)
        shutil.copytree(self._whole, self._mutated)
        name = case.name.replace("+", "/")
        shutil.copy(file, self._mutated / name)
        identity = json.loads(self._identity)
        FolderCheckpoint(self._mutated).begin(identity)
        if name == IDENTITY:
            return ""
        part = name.removesuffix(".npz")
        found, whole = (repr(FolderCheckpoint(folder).at(part).read()) for folder in (self._mutated, self._whole))
        return "" if found == whole else "another fit was read"


class KeptFeatures(Target):
    """A feature store: damaged features are extracted again, and are the same."""

    def __init__(self, folder: Path) -> None:
        file = next(voices(folder).rglob("*.wav"))
        self._recording = Recording(file=file, name=file.name, label="female")
        self._store = FeatureStore(folder=folder / "store", front_end=FrontEndOptions())
        self._whole = self._frames()
        self._files = sorted(path for path in (folder / "store").rglob("*") if path.is_file())
        self._contents = [path.read_bytes() for path in self._files]

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated array, or the mutated description of it."""
        place = int(rng.integers(len(self._files)))
        content, what = mutate(self._contents[place], (0, len(self._contents[place])), rng)
        return Case(name=self._files[place].name, content=content, mutation=what, same=True)

    def run(self, file: Path, case: Case) -> str:
        """Fetch the features."""
        for path, content in zip(self._files, self._contents, strict=True):
            path.write_bytes(file.read_bytes() if path.name == case.name else content)
        return "" if self._frames() == self._whole else "other features than those of the recording"

    def _frames(self) -> list[tuple[int, bytes]]:
        found = self._store.fetch(self._recording)
        if not isinstance(found, Utterance):
            raise TypeError(found.reason)
        counts = [(each.n_frames, each.mean.tobytes()) for each in found.summaries]
        return [*counts, *((each.n_frames, each.frames.tobytes()) for each in found.stretches())]
