"""Options of the front end. They are saved with every model, which requires frames computed with the same options."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from speechgmm.argument_checks import conform_fields
from speechgmm.errors import OptionError

FEATURES = ("cepstra", "patterns")
CEPSTRAL_MEANS = ("none", "utterance", "shrunk")


@dataclass(frozen=True, kw_only=True)
class FrontEndOptions:
    """Parameters of the front end.

    Attributes
    ----------
    sampling_rate : int
        In Hz, 8000 to 96000. Audio is resampled to it.
    window_s, hop_s : float
        Length of the Hann window and frame period, in seconds.
    n_mels : int
        Number of mel bands, 2 to 256.
    fmin_hz, fmax_hz : float
        Lower edge of the lowest band and upper edge of the highest.
    band_range_db : float
        Mel bands are limited to this far below the loudest band of their frame; positive. Lossy codecs leave bands
        empty, and the logarithms of empty bands would dominate the features.
    features : str
        "cepstra": cosine transform of the log mel bands (MFCC); "patterns": binary comparisons, see `binary_patterns`.
        The options from `n_coefficients` to `shrink_frames` do not apply to patterns.
    n_coefficients : int
        Cepstral coefficients kept, starting with the first, at most ``n_mels - 1``. The zeroth, the level, is dropped.
    delta_order : int
        0: coefficients only; 1: with deltas (slope over time); 2: with deltas and delta-deltas (curvature).
    cepstral_mean : str
        Mean normalisation of a stretch with n speech frames. "none": no shift; "utterance": its mean is moved to the
        training mean; "shrunk": its mean is moved by the share ``n / (n + shrink_frames)`` of that distance.
    shrink_frames : float
        See `cepstral_mean`; not negative.
    speech_range_db : float
        Frames more than this below the loud frames of their stretch are not speech; positive.

    Examples
    --------
    >>> options = FrontEndOptions(window_s=0.02, n_coefficients=24)
    >>> options.window, options.hop, options.n_dimensions
    (320, 160, 24)
    """

    sampling_rate: int = 16000
    window_s: float = 0.025
    hop_s: float = 0.010
    n_mels: int = 40
    fmin_hz: float = 60.0
    fmax_hz: float = 4000.0
    band_range_db: float = 60.0
    features: str = "cepstra"
    n_coefficients: int = 20
    delta_order: int = 0
    cepstral_mean: str = "shrunk"
    shrink_frames: float = 200.0
    speech_range_db: float = 30.0

    def __post_init__(self) -> None:
        conform_fields(self)
        for name, value in asdict(self).items():
            if not isinstance(value, str) and not math.isfinite(value):
                raise OptionError(f"{name} is {value}, but it must be a finite number")
        self._check_spectrum()
        if self.features not in FEATURES:
            raise OptionError(f"features is {self.features!r}, but it must be one of {FEATURES}")
        if self.features == "cepstra":
            self._check_cepstrum()
        if self.speech_range_db <= 0:
            raise OptionError(f"speech_range_db is {self.speech_range_db}, but it must be positive")

    def _check_spectrum(self) -> None:
        if not 8000 <= self.sampling_rate <= 96000:
            raise OptionError(f"sampling_rate is {self.sampling_rate} Hz, but it must be 8000 to 96000 Hz")
        if not 0.002 <= self.hop_s <= self.window_s <= 0.5:
            raise OptionError(
                f"hop_s is {self.hop_s} and window_s {self.window_s}, but 0.002 <= hop_s <= window_s <= 0.5 must hold"
            )
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.sampling_rate / 2:
            raise OptionError(
                f"fmin_hz is {self.fmin_hz} and fmax_hz {self.fmax_hz}, "
                f"but 0 <= fmin_hz < fmax_hz <= {self.sampling_rate / 2:g} (half the sampling rate) must hold"
            )
        if self.band_range_db <= 0:
            raise OptionError(f"band_range_db is {self.band_range_db}, but it must be positive")
        if not 2 <= self.n_mels <= 256:
            raise OptionError(f"n_mels is {self.n_mels}, but it must be 2 to 256")

    def _check_cepstrum(self) -> None:
        if not 1 <= self.n_coefficients < self.n_mels:
            raise OptionError(
                f"n_coefficients is {self.n_coefficients}, but it must be 1 to {self.n_mels - 1}, below n_mels"
            )
        if self.delta_order not in (0, 1, 2):
            raise OptionError(f"delta_order is {self.delta_order}, but it must be 0, 1 or 2")
        if self.cepstral_mean not in CEPSTRAL_MEANS:
            raise OptionError(f"cepstral_mean is {self.cepstral_mean!r}, but it must be one of {CEPSTRAL_MEANS}")
        if self.shrink_frames < 0:
            raise OptionError(f"shrink_frames is {self.shrink_frames}, but it must be 0 or more")

    @classmethod
    def parse(cls, assignments: Iterable[str], base: FrontEndOptions | None = None) -> FrontEndOptions:
        """Parse ``NAME=VALUE`` texts; options not named are taken from `base` or from the defaults.

        Raises
        ------
        OptionError
            If a text is not ``NAME=VALUE``, the name is unknown, or the value is of another type or outside its range.
        """
        defaults = asdict(base or cls())
        values: dict[str, Any] = dict(defaults)
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            if not equals or name not in defaults:
                raise OptionError(f"{assignment!r}: expected NAME=VALUE, where NAME is one of {', '.join(defaults)}")
            kind = type(defaults[name])
            try:
                values[name] = kind(text)
            except ValueError as error:
                raise OptionError(f"{name} is {text!r}, but it must be of type {kind.__name__}") from error
        return cls(**values)

    @cached_property
    def window(self) -> int:
        """Window length in samples."""
        return round(self.window_s * self.sampling_rate)

    @cached_property
    def hop(self) -> int:
        """Frame period in samples."""
        return round(self.hop_s * self.sampling_rate)

    @cached_property
    def n_fft(self) -> int:
        """Length of the Fourier transform: the next power of two not below the window length."""
        return 1 << (self.window - 1).bit_length()

    @property
    def n_dimensions(self) -> int:
        """Number of features per frame, D."""
        if self.features == "patterns":
            return 2 * self.n_mels - 1
        return self.n_coefficients * (1 + self.delta_order)

    def duration_s(self, n_frames: int) -> float:
        """Duration in seconds of `n_frames` consecutive frames, from the first window's start to the last one's end."""
        return (n_frames * self.hop + self.window - self.hop) / self.sampling_rate if n_frames else 0.0
