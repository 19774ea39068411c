"""Training recipes: `SHIPPED` is used by `train_default_model.py`, the others are compared by `ablate.py`."""

from __future__ import annotations

from dataclasses import replace

from speechgmm import FrontEndOptions, TrainingOptions
from speechgmm.classifier.model import DecisionOptions
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions

# Frames within 15 dB of the loudest: mostly vowels, where voices differ most.
SHORT = FrontEndOptions(window_s=0.025, n_mels=40, fmax_hz=4000.0, n_coefficients=20, speech_range_db=15.0)
LONG = replace(SHORT, window_s=0.064, n_mels=80, n_coefficients=40)
MIDDLE = FrontEndOptions(window_s=0.02, n_mels=48, fmax_hz=5500.0, n_coefficients=24)

SHIPPED = TrainingOptions(
    front_end=SHORT,
    further_front_ends=(LONG,),
    mmi=MMIOptions(batch_size=256, channel_share=0.3, effort_share=0.18),
    balance_by="corpus",
    nonspeech="none",
    em=EMOptions(max_iterations=15),  # from a background model of the same size; MMI then moves the means
    decision=DecisionOptions(min_speech_s=0.1),
)
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
    "previous": TrainingOptions(n_components=256, front_end=MIDDLE),
    "bernoulli": TrainingOptions(front_end=FrontEndOptions(features="patterns")),
}
