"""The chapters of the page, in their order."""

from __future__ import annotations

from collections.abc import Callable

from speechgmm.explanation.adaptation_chapter import adaptation_chapter
from speechgmm.explanation.application_chapter import application_chapter
from speechgmm.explanation.bernoulli_chapter import bernoulli_chapter
from speechgmm.explanation.bound_chapter import bound_chapter
from speechgmm.explanation.em_chapter import em_chapter
from speechgmm.explanation.hard_chapter import hard_chapter
from speechgmm.explanation.kmeans_chapter import kmeans_chapter
from speechgmm.explanation.material import Material
from speechgmm.explanation.mixture_chapter import mixture_chapter
from speechgmm.explanation.optima_chapter import optima_chapter
from speechgmm.explanation.quantisation_chapter import quantisation_chapter
from speechgmm.explanation.scene import Chapter

CHAPTERS: dict[str, Callable[[Material], Chapter]] = {
    "mixture": mixture_chapter,
    "kmeans": kmeans_chapter,
    "em": em_chapter,
    "bound": bound_chapter,
    "hard": hard_chapter,
    "optima": optima_chapter,
    "bernoulli": bernoulli_chapter,
    "quantisation": quantisation_chapter,
    "adaptation": adaptation_chapter,
    "application": application_chapter,
}

OF_MATERIAL = ("kmeans", "em", "bound", "hard", "optima")
"""Chapters that show the user's own columns, if there are any."""

OF_PILLOW = ("quantisation",)
"""Chapters that need Pillow."""

OF_RECORDING = ("application",)
"""Chapters that show the user's own recording, if there is one."""
