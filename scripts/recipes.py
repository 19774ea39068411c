"""Training recipes: `SHIPPED` is used by `train_default_model.py`, the others are compared by `ablate.py`."""

from __future__ import annotations

from dataclasses import replace

from speechgmm import FrontEndOptions, Recipe
from speechgmm.mixture.mmi import MMIOptions

SHIPPED = replace(Recipe.load("robust"), nonspeech="none")
SHORT, LONG = SHIPPED.front_ends
MIDDLE = FrontEndOptions(window_s=0.02, n_mels=48, fmax_hz=5500.0, n_coefficients=24)

LIKELIHOOD = replace(SHIPPED, mmi=None, balance_by="")

RECIPES = {
    "shipped": SHIPPED,
    "maximum-likelihood": LIKELIHOOD,
    "one-stream": replace(SHIPPED, further_front_ends=()),
    "no-effort-augmentation": replace(SHIPPED, mmi=MMIOptions(batch_size=256, channel_share=0.3)),
    "no-augmentation": replace(SHIPPED, mmi=MMIOptions(batch_size=256)),
    "no-mean-normalisation": replace(
        SHIPPED,
        front_end=replace(SHORT, cepstral_mean="none"),
        further_front_ends=(replace(LONG, cepstral_mean="none"),),
    ),
    "previous": Recipe(n_components=256, front_end=MIDDLE),
    "bernoulli": Recipe(front_end=FrontEndOptions(features="patterns")),
}
