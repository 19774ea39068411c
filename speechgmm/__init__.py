"""Voice gender labels for speech recordings.

An MFCC front end, one diagonal-covariance Gaussian mixture a class, and a calibrated likelihood-ratio classifier that
may answer "unknown". The whole job from Python::

    import speechgmm

    model = speechgmm.train("recordings/")           # CLASS/[SPEAKER/]FILE, or a manifest .csv
    speechgmm.save(model, "voices.npz")
    decision = speechgmm.classify("interview.wav", model=model)
    decision = speechgmm.classify(samples, 16000)    # with the model that is shipped
    report = speechgmm.evaluate("test.csv", model)

The main path of the data: `recordings` -> `features` -> `mixture` -> `decision` -> `evaluation`; `training` walks it
for a model, `classification` for an answer, `assessment` for a report.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechgmm.api import classify, evaluate, load, save, save_page, segment, train
    from speechgmm.classifier.decision import UNKNOWN, Decision
    from speechgmm.classifier.model import Model
    from speechgmm.corpus import read_corpus
    from speechgmm.errors import SpeechGmmError
    from speechgmm.evaluation.report import Report
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.segmentation.options import SegmentationOptions
    from speechgmm.segmentation.segment import Segment
    from speechgmm.training.options import TrainingOptions

__all__ = [
    "UNKNOWN",
    "Decision",
    "FrontEndOptions",
    "Model",
    "Report",
    "Segment",
    "SegmentationOptions",
    "SpeechGmmError",
    "TrainingOptions",
    "classify",
    "evaluate",
    "load",
    "read_corpus",
    "save",
    "save_page",
    "segment",
    "train",
]

_HOMES = {
    "UNKNOWN": "classifier.decision",
    "Decision": "classifier.decision",
    "FrontEndOptions": "features.options",
    "Model": "classifier.model",
    "Report": "evaluation.report",
    "Segment": "segmentation.segment",
    "SegmentationOptions": "segmentation.options",
    "SpeechGmmError": "errors",
    "TrainingOptions": "training.options",
    "classify": "api",
    "evaluate": "api",
    "load": "api",
    "read_corpus": "corpus",
    "save": "api",
    "save_page": "api",
    "segment": "api",
    "train": "api",
}


def __getattr__(name: str) -> object:
    # Loaded when first used: the command line's help need not wait for the numeric libraries.
    if name not in _HOMES:
        raise AttributeError(f"module 'speechgmm' has no attribute {name!r}")
    return getattr(importlib.import_module(f"speechgmm.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, *globals()]
