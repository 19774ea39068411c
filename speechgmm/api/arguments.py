"""Checks of arguments that several functions have."""

from __future__ import annotations

from os import PathLike

from speechgmm.argument_checks import instance_of, path
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Corpus
from speechgmm.errors import OptionError

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


def corpus_of(recordings: AnyPath | Corpus) -> Corpus:
    """The corpus that a function was given, or that in a folder or manifest.

    Raises
    ------
    CorpusError
        If the folder or manifest is faulty.
    OptionError
        If it is none of these.
    """
    if isinstance(recordings, Corpus):
        return recordings
    from speechgmm.corpus import read_corpus

    return read_corpus(path("recordings", recordings, "a folder, a manifest or a Corpus, which read_corpus returns"))
