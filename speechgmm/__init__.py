"""Voice gender labels for speech recordings.

An MFCC front end, one diagonal-covariance Gaussian mixture per class, and a calibrated likelihood-ratio classifier that
may answer "unknown". The main job from Python::

    import speechgmm

    model = speechgmm.train("recordings/").model     # CLASS/[SPEAKER/]FILE, or a manifest .csv
    speechgmm.save(model, "voices.npz")
    decision = speechgmm.classify("interview.wav", model=model)
    decision = speechgmm.classify(samples, 16000)    # with the shipped model
    report = speechgmm.evaluate("test.csv", model)

The rooms (folders), in the order of the data: `audio` and `corpus` read recordings, `augmentation` alters them,
`features` extracts frames, `mixture` fits Gaussian mixtures by EM, `classifier` scores and decides, `training` makes a
model, `evaluation`, `crossvalidation` and `segmentation` use it, `reporting` writes pages and figures. `workers` runs
the work in parallel, `text` reads and writes tables, `output` writes files, `demo` has recordings to try it on, `cli`
is the command line.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechgmm.api import (
        classify,
        classify_many,
        evaluate,
        load,
        read_segments,
        save,
        save_page,
        save_segments,
        segment,
        to_frame,
        train,
        train_from_arrays,
    )
    from speechgmm.classifier.decision import UNKNOWN, Decision
    from speechgmm.classifier.model import Model
    from speechgmm.corpus import read_corpus
    from speechgmm.errors import SpeechGmmError
    from speechgmm.evaluation.report import Report
    from speechgmm.features.extraction import Failure
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.segmentation.options import SegmentationOptions
    from speechgmm.segmentation.segment import Segment
    from speechgmm.segmentation.segments import Segments
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.train import Training

    __version__: str

__all__ = [
    "UNKNOWN",
    "Decision",
    "Failure",
    "FrontEndOptions",
    "Model",
    "Recipe",
    "Report",
    "Segment",
    "SegmentationOptions",
    "Segments",
    "SpeechGmmError",
    "Training",
    "classify",
    "classify_many",
    "evaluate",
    "load",
    "read_corpus",
    "read_segments",
    "save",
    "save_page",
    "save_segments",
    "segment",
    "to_frame",
    "train",
    "train_from_arrays",
]

_HOMES = {
    "UNKNOWN": "classifier.decision",
    "Decision": "classifier.decision",
    "Failure": "features.extraction",
    "FrontEndOptions": "features.options",
    "Model": "classifier.model",
    "Report": "evaluation.report",
    "Segment": "segmentation.segment",
    "SegmentationOptions": "segmentation.options",
    "Segments": "segmentation.segments",
    "SpeechGmmError": "errors",
    "Training": "training.train",
    "Recipe": "training.recipe",
    "classify": "api",
    "classify_many": "api",
    "evaluate": "api",
    "load": "api",
    "read_corpus": "corpus",
    "read_segments": "api",
    "save": "api",
    "save_page": "api",
    "save_segments": "api",
    "segment": "api",
    "to_frame": "api",
    "train": "api",
    "train_from_arrays": "api",
}


def __getattr__(name: str) -> object:
    # Loaded when first used: the command line's help need not wait for the numeric libraries.
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("speechgmm")
    if name not in _HOMES:
        raise AttributeError(f"module 'speechgmm' has no attribute {name!r}")
    return getattr(importlib.import_module(f"speechgmm.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, *globals()]
