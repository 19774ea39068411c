"""Checks of arguments that several functions have."""

from __future__ import annotations

import math
from os import PathLike
from typing import Any, Protocol

from speechgmm.argument_checks import instance_of, path
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Corpus
from speechgmm.errors import CorpusError, OptionError

AnyPath = str | PathLike[str]


def checked_model(model: Model) -> Model:
    """A model.

    Raises
    ------
    OptionError
        If it is none.
    """
    if isinstance(getattr(model, "model", None), Model):
        raise OptionError("model is a Training, but it must be a Model: give its attribute model")
    return instance_of(Model, "model", model, "a Model, which load returns")


class DataFrameLike(Protocol):
    """What is used of a data frame of pandas or polars."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """A column, with a method `to_list`."""


def corpus_of(recordings: AnyPath | Corpus | DataFrameLike) -> Corpus:
    """The corpus that a function was given, or that in a folder, a manifest or a data frame.

    Raises
    ------
    CorpusError
        If the folder or manifest is faulty.
    OptionError
        If it is none of these.
    """
    if isinstance(recordings, Corpus):
        return recordings
    if hasattr(recordings, "columns") and hasattr(recordings, "to_dict"):
        return _corpus_of_frame(recordings)
    from speechgmm.corpus import read_corpus

    expected = "a folder, a manifest, a data frame, or a Corpus, which read_corpus returns"
    return read_corpus(path("recordings", recordings, expected))


def _corpus_of_frame(frame: Any) -> Corpus:
    """The recordings in a data frame with the columns of a manifest; relative paths are below the current folder."""
    from speechgmm.corpus.manifest import corpus_of_rows

    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise CorpusError(f"DataFrame: its columns are {', '.join(names)}, expected different names")
    columns = [map(cell, frame[name].to_list()) for name in frame.columns]
    return corpus_of_rows(names, zip(*columns, strict=True), source="DataFrame")


def cell(value: object) -> object:
    """A value as a cell of a manifest: None where it is missing, which pandas marks in several ways."""
    is_missing = type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value))
    return None if is_missing else value
