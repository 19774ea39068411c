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
    from speechgmm.decision.decision import UNKNOWN, Decision
    from speechgmm.decision.model import Model
    from speechgmm.errors import SpeechGmmError
    from speechgmm.evaluation.report import Report
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.options import TrainingOptions
    from speechgmm.recordings import read_corpus
    from speechgmm.segmentation.options import SegmentationOptions
    from speechgmm.segments.segment import Segment

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
    "UNKNOWN": "decision.decision",
    "Decision": "decision.decision",
    "FrontEndOptions": "features.options",
    "Model": "decision.model",
    "Report": "evaluation.report",
    "Segment": "segments.segment",
    "SegmentationOptions": "segmentation.options",
    "SpeechGmmError": "errors",
    "TrainingOptions": "options",
    "classify": "api",
    "evaluate": "api",
    "load": "api",
    "read_corpus": "recordings",
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
