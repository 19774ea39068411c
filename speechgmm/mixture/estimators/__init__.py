"""Mixtures and clusters as estimators in the manner of scikit-learn; the engine is that of `speechgmm.mixture`.

`GaussianMixture`, `BernoulliMixture`, `KMeans`, `KMedoids` and `VectorQuantizer` are exported by `speechgmm.mixture`,
as is `select_components`, which chooses the number of components. `mixture_estimator` and `cluster_estimator` hold what
several have in common, `codebook` the fit of centres, `trace` the record of a fit, `validation` the checks. No other
part of the package imports scikit-learn.
"""
