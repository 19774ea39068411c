"""The estimator of vector quantisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.codebook import fit_codebook, nearest
from speechgmm.mixture.estimators.trace import Trace
from speechgmm.mixture.estimators.validation import checked_rows, count, distinct_rows

if TYPE_CHECKING:
    from typing_extensions import Self


class VectorQuantizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Vectors as numbers of codewords: a codebook by k-means, an encoder and a decoder.

    Parameters
    ----------
    n_codewords : int
        K, the size of the codebook.
    init, n_init, max_iter, trace_parameters, random_state
        As for `KMeans`.

    Attributes
    ----------
    codebook_ : ndarray (K, n_features)
    bits_per_vector_ : float
        log2 K: the rate of a code in which each codeword has the same length.
    distortion_ : float
        Mean squared distance of the rows to their codewords, by weight, on the data of the fit.
    n_iter_ : int
    trace_ : Trace
        As for `KMeans`.
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        If the columns of X have names.
    """

    codebook_: Floats
    distortion_: float
    trace_: Trace

    def __init__(
        self,
        n_codewords: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        trace_parameters: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_codewords = n_codewords
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.trace_parameters = trace_parameters
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Make the codebook; parameters and errors as for `KMeans.fit`."""
        rows = checked_rows(self, X, reset=True, n_needed=count("n_codewords", self.n_codewords))
        codebook = fit_codebook(
            distinct_rows(rows, sample_weight),
            self.n_codewords,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
            keep=bool(self.trace_parameters),
        )
        self.codebook_ = codebook.centers
        self.bits_per_vector_ = math.log2(self.n_codewords)
        self.distortion_ = codebook.distortion
        self.n_iter_ = codebook.n_iterations
        self.trace_ = codebook.trace
        return self

    def encode(self, X: Any) -> npt.NDArray[np.intp]:
        """Number of the nearest codeword of each row, (n_samples,), from 0; the first one of a tie."""
        check_is_fitted(self)
        return nearest(checked_rows(self, X, reset=False), self.codebook_)

    def decode(self, codes: Any) -> Floats:
        """The codewords of these numbers (n_samples,), as rows (n_samples, n_features).

        Raises
        ------
        OptionError
            If one is not a whole number from 0 to K - 1.
        """
        check_is_fitted(self)
        numbers = check_array(codes, ensure_2d=False, dtype=None, input_name="codes")
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise OptionError(
                f"codes have the shape {numbers.shape} and the type {numbers.dtype}, but they must be one whole number "
                "per row"
            )
        least, largest, last = numbers.min(), numbers.max(), len(self.codebook_) - 1
        if least < 0 or largest > last:
            raise OptionError(f"codes are from {least} to {largest}, but they must be from 0 to {last}")
        rows: Floats = self.codebook_[numbers]
        return rows

    def transform(self, X: Any) -> Floats:
        """The codeword of each row: what is left of the data after they were encoded and decoded."""
        return self.decode(self.encode(X))

    def distortion(self, X: Any) -> float:
        """Mean squared distance of the rows to their codewords."""
        codes = self.encode(X)
        errors = checked_rows(self, X, reset=False) - self.decode(codes)
        return float((errors**2).sum(axis=1).mean())

    def score(self, X: Any, y: Any = None) -> float:
        """The `distortion` with a minus sign."""
        return -self.distortion(X)
