"""Training: from labelled recordings to a calibrated model.

The main path is `train.train`: `recordings` chooses what may train, `material` reads it (`feature_store` keeps features
on disk), `fitting` fits a scorer (`pooling`, `mmi_training`), `calibrate` makes it a model on held-out speakers.
`run_context` is the context that all of them are given, `options` what a model depends on, `recipe` their form as
TOML. `component_selection` compares numbers of components, `folder_checkpoint` keeps fits on disk, `card` and `history`
describe a training.
"""
