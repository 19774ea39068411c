"""Cross-validation: score every recording with a model trained on other speakers.

Main path:

1. `folds.divide`: the speakers of a corpus -> speaker-disjoint folds, at random or one per value of a manifest column.
2. `crossvalidate.crossvalidate`: per fold, train on the other folds and score the recordings of the fold.
3. `crossvalidate.report_on_folds`: evaluation report over all folds and per fold; or `audit.audit`: speakers and
   recordings whose corpus label the models contradict.
"""
