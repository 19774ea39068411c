"""Models in files."""

from __future__ import annotations

from speechgmm.api.arguments import AnyPath, checked_model
from speechgmm.argument_checks import path
from speechgmm.classifier import model_file
from speechgmm.classifier.model import Model
from speechgmm.classifier.shipped_model import shipped_model_file


def save(model: Model, file: AnyPath) -> None:
    """Write a model file; an existing one is replaced.

    Raises
    ------
    OptionError
        If an argument is wrong.
    OutputError
        If it cannot be written.
    """
    model_file.save(checked_model(model), path("file", file))


def load(file: AnyPath | None = None) -> Model:
    """Read a model file, by default the shipped model.

    Raises
    ------
    ModelFileError
        If it cannot be read, or is not a model this version can read.
    OptionError
        If it is no path.
    """
    return model_file.load(shipped_model_file() if file is None else path("file", file))


def given_or_shipped(model: Model | None) -> Model:
    """The model that a function was given, or the shipped one.

    Raises
    ------
    ModelFileError
        If there is no shipped one.
    OptionError
        If it is no model.
    """
    return load() if model is None else checked_model(model)
