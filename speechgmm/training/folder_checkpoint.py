"""A checkpoint on disk: a training that was killed at any moment resumes from its last complete fits.

A fit is an ``.npz`` file followed by the SHA-256 of its bytes, so that damage is found and never resumed from.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from speechgmm.errors import CheckpointError
from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.mixture.em import Fit, Iteration
from speechgmm.mixture.family_registry import FAMILIES
from speechgmm.output.files import make_folder, write_atomically
from speechgmm.output.locks import locked
from speechgmm.output.temporary_files import PREFIX

IDENTITY = "training.json"
LOCK = f"{PREFIX}lock"
DIGEST_BYTES = 32
COUNTS = ("n_limited", "n_reseeded", "n_pruned")


@contextmanager
def checkpoint_in(folder: Path | None) -> Iterator[Checkpoint]:
    """The checkpoint in a folder, for one training at a time.

    Parameters
    ----------
    folder : Path, optional
        Made if it is missing; None for a checkpoint that saves nothing.

    Yields
    ------
    Checkpoint

    Raises
    ------
    CheckpointError
        If another training uses the folder now, or it cannot be used.
    OutputError
        If it cannot be made.
    """
    if folder is None:
        yield Checkpoint()
        return
    is_new = not folder.exists()
    make_folder(folder)
    with ExitStack() as stack:
        if is_new:
            stack.callback(_remove_if_empty, folder)
        try:
            is_free = stack.enter_context(locked(folder / LOCK))
        except OSError as error:
            raise CheckpointError(f"{folder}: it cannot be used for a checkpoint: {error.strerror or error}") from error
        if not is_free:
            raise CheckpointError(
                f"{folder}: another training is using this checkpoint: wait until it has ended, or give another folder"
            )
        yield FolderCheckpoint(folder)


@dataclass(frozen=True)
class FolderCheckpoint(Checkpoint):
    """Keeps each fit in a file of its own, the parts of a training in folders.

    Attributes
    ----------
    path : Path
        Of the folder, or of the file without its suffix.
    """

    path: Path

    def begin(self, identity: Mapping[str, str]) -> None:
        """Start or resume the training of this identity; the folder is made where it is missing.

        Parameters
        ----------
        identity : mapping of str to str
            What the training's result depends on, by name.

        Raises
        ------
        CheckpointError
            If the folder holds another training, or what it holds cannot be read.
        OutputError
            If it cannot be written to.
        """
        folder = self.path
        make_folder(folder)
        file = folder / IDENTITY
        if file.exists():
            known = _read_identity(file)
            other = [name for name in {**known, **identity} if known.get(name) != identity.get(name)]
            if other:
                raise CheckpointError(
                    f"{folder}: it is the checkpoint of another training, with other {' and '.join(other)}: give "
                    "another folder, or delete this one to begin anew"
                )
        elif _holds_files(folder):
            raise CheckpointError(f"{folder}: it holds files but no checkpoint: give an empty folder or a new one")
        else:
            write_atomically(file, json.dumps(identity, indent=1).encode())

    def at(self, name: str) -> FolderCheckpoint:
        """The folder or file of this name."""
        return FolderCheckpoint(self.path / name)

    def read(self) -> Fit[Any] | None:
        """The last state of this fit, if there is one.

        Raises
        ------
        CheckpointError
            If the file is damaged.
        """
        try:
            with np.load(io.BytesIO(_verified(self._file.read_bytes())), allow_pickle=False) as arrays:
                return _from_arrays(arrays)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"{self._file}: the checkpoint cannot be read ({error}): delete it, and this fit begins anew"
            ) from error

    def write(self, fit: Fit[Any]) -> None:
        """Keep the state of this fit; it replaces the one before.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        make_folder(self.path.parent)
        buffer = io.BytesIO()
        np.savez(buffer, **_to_arrays(fit))
        content = buffer.getvalue()
        write_atomically(self._file, content + hashlib.sha256(content).digest())

    @property
    def _file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.npz")


def _remove_if_empty(folder: Path) -> None:
    """Remove the folder of a training that failed before it had anything to keep."""
    with suppress(OSError):
        folder.rmdir()


def _holds_files(folder: Path) -> bool:
    """Whether a folder has files besides those that a killed training may have left."""
    try:
        return any(not file.name.startswith(PREFIX) for file in folder.iterdir())
    except OSError as error:
        raise CheckpointError(f"{folder}: the checkpoint cannot be read ({error.strerror or error})") from error


def _verified(content: bytes) -> bytes:
    """The content without its digest; ValueError if it is damaged."""
    content, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("it was cut short or changed")
    return content


def _to_arrays(fit: Fit[Any]) -> dict[str, Any]:
    return {
        "family": np.array(fit.mixture.family),
        **{parameter.name: getattr(fit.mixture, parameter.name) for parameter in fields(fit.mixture)},
        "iterations": np.array([astuple(iteration) for iteration in fit.iterations]),
        "converged": np.array(fit.converged),
        "reseeded_at": np.array(fit.reseeded_at, dtype=np.int64),
        "counts": np.array([getattr(fit, name) for name in COUNTS]),
    }


def _from_arrays(arrays: Mapping[str, Any]) -> Fit[Any]:
    family = FAMILIES[str(arrays["family"])].mixture_type
    names = [each.name for each in fields(Iteration)]
    return Fit(
        mixture=family(*(arrays[parameter.name] for parameter in fields(family))),
        iterations=tuple(Iteration(**dict(zip(names, row, strict=True))) for row in arrays["iterations"].tolist()),
        converged=bool(arrays["converged"]),
        reseeded_at=tuple(arrays["reseeded_at"].tolist()),
        **dict(zip(COUNTS, arrays["counts"].tolist(), strict=True)),
    )


def _read_identity(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in known.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{file}: the checkpoint cannot be read ({error}): delete its folder") from error
