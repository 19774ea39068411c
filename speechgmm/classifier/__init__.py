"""Classifier: class mixtures over one or more streams, calibrated log-likelihood ratio, decision and model file.

Main path, from audio to a decision (`classify`):

1. `scorer.Scorer`: log-likelihood of the speech frames per stream and class; with a non-speech model (`rejection`) also
   the ratio of speech to non-speech. Training fits a scorer.
2. `model.Model`: a scorer with calibration, priors and thresholds. `Model.decide` gives a `decision.Decision`: a class
   with its probability and score, or `unknown` with the reason.
3. `calibration`: equation (5), from mean log-likelihoods per frame to calibrated ones, and its fit.
4. `outcome.Outcome`: the decision with the corpus data of the recording; `writers` formats outcomes.

`model_file` saves and loads a model.
"""
