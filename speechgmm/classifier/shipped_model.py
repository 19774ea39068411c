"""The place of the shipped model."""

from __future__ import annotations

from pathlib import Path

from speechgmm.errors import ModelFileError

SHIPPED_MODEL = "default.npz"


def shipped_model_file() -> Path:
    """The file of the shipped model: inside the package, or beside it in a source checkout.

    Raises
    ------
    ModelFileError
        If the installation has none.
    """
    package = Path(__file__).parent.parent
    for folder in (package / "models", package.parent / "models"):
        if (folder / SHIPPED_MODEL).is_file():
            return folder / SHIPPED_MODEL
    raise ModelFileError(f"this installation of speechgmm has no {SHIPPED_MODEL}: name a model file")
