"""The Python functions: train, save, load, classify, segment, evaluate.

Each imports the room that does its work: to classify needs nothing of training, evaluation and reports. What they log
is under the name "speechgmm" of `logging`.
"""

from __future__ import annotations

from speechgmm.api.array_training import train_from_arrays
from speechgmm.api.classification import classify, classify_many
from speechgmm.api.evaluation import evaluate, save_page
from speechgmm.api.model_files import load, save
from speechgmm.api.results import to_frame
from speechgmm.api.segmentation import read_segments, save_segments, segment
from speechgmm.api.training import train

__all__ = [
    "classify",
    "classify_many",
    "evaluate",
    "load",
    "read_segments",
    "save",
    "save_page",
    "save_segments",
    "segment",
    "to_frame",
    "train",
    "train_from_arrays",
]
