"""Evaluation: compare a model's decisions with corpus labels, and report metrics with confidence intervals.

The main path:

1. `evaluate_model.assess` classifies every labelled recording of a corpus. Each utterance becomes an `Outcome`: its
   corpus label, its speaker and the model's decision. `outcome_counts` checks the outcomes and counts them per speaker.
2. `report.evaluate` computes a `Report` from the outcomes alone; cross-validation calls it with the outcomes of all
   folds. `headline` defines the metrics of the whole, `breakdown` the results per class, group, fold and speaker.
3. `report_files` converts the report to report.json and the outcomes to scores.csv, `report_text` formats the report
   for a terminal. HTML pages and figures are made in the room `reporting`.

`comparison.compare` compares two models from two score tables, which `read_scores.read_scores` reads from scores.csv.

The numerical basis: `metrics` (accuracy, recall, UAR, Wilson interval from confusion counts), `detection` (DET, EER,
AUC, Cllr from scores), `discrimination` (EER and Cllr with intervals), `score_curves` (data of the figures) and
`intervals` (bootstrap over speakers, then over their utterances).
"""
