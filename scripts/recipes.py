"""Training recipes: `SHIPPED` is used by `train_default_model.py`, the others are compared by `ablate.py`."""

from __future__ import annotations

from dataclasses import replace

from speechgmm import FrontEndOptions, Recipe
from speechgmm.training.recipe import Augmentation

SHIPPED = replace(Recipe.load("robust"), nonspeech="none", calibration_by="group")
SHORT, LONG, WIDE = SHIPPED.front_ends

MIXTURES = replace(SHIPPED, mmi=None, augmentation=Augmentation(), mmi_raised_by="", balance_by="")

RECIPES = {
    "shipped": SHIPPED,
    "class-mixtures": replace(MIXTURES, n_components=64),
    "one-stream": replace(SHIPPED, further_front_ends=()),
    "two-streams": replace(SHIPPED, further_front_ends=(LONG,)),
    "no-effort-augmentation": replace(SHIPPED, augmentation=Augmentation(channel_share=0.3)),
    "no-augmentation": replace(SHIPPED, augmentation=Augmentation()),
    "64-components": replace(SHIPPED, n_components=64),
    "bernoulli": Recipe(front_end=FrontEndOptions(features="patterns")),
}
