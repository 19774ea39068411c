"""Compare the estimated signal-to-noise ratio with the ratio at which clean speech was mixed with noise.

    python scripts/experiments/check_snr.py CORPORA_ROOT [--recordings N]

CORPORA_ROOT holds the folders librispeech and vctk (speech with little noise) and esc10/rain. Prints the median and the
10th and 90th percentiles over the recordings; "-" where most recordings have no speech frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechgmm.api import load
from speechgmm.audio.reading import read
from speechgmm.augmentation.channel import with_noise
from speechgmm.corpus import find_audio
from speechgmm.features.front_end import Samples, stretches
from speechgmm.features.options import FrontEndOptions

RATIOS = (0, 5, 10, 15, 20, 25, 30)
NOISE_S = 20


def main() -> None:
    """Mix, estimate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--recordings", type=int, default=24)
    options = parser.parse_args()
    front_end, rng = load().front_end, np.random.default_rng(0)
    files = [file for corpus in ("librispeech", "vctk") for file in find_audio(options.corpora / corpus)]
    speech = [_samples(files[i], front_end) for i in rng.choice(len(files), options.recordings, replace=False)]
    rain = _samples(next(iter(find_audio(options.corpora / "esc10" / "rain"))), front_end)
    print("mixed at (dB)", *(f"{ratio:>12}" for ratio in RATIOS))
    for name, noise in _noises(speech, rain, front_end.sampling_rate, rng).items():
        cells = []
        for ratio in RATIOS:
            estimates = [_estimate(with_noise(samples, noise, ratio, begin=0), front_end) for samples in speech]
            low, median, high = np.nanquantile(estimates, [0.1, 0.5, 0.9])
            cells.append("-" if np.isnan(estimates).mean() > 0.5 else f"{median:.0f} ({low:.0f}-{high:.0f})")
        print(f"{name:13}", *(f"{cell:>12}" for cell in cells))


def _noises(speech: Sequence[Samples], rain: Samples, rate: int, rng: np.random.Generator) -> dict[str, Samples]:
    white = rng.standard_normal(NOISE_S * rate)
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(np.arange(len(white) // 2 + 1), 1))
    voices: NDArray[np.float64] = sum(
        (np.resize(samples / samples.std(), NOISE_S * rate) for samples in speech[:12]), start=np.zeros(NOISE_S * rate)
    )
    scaled = {"white": white, "pink": np.fft.irfft(spectrum), "other voices": voices}
    return {name: (0.1 * noise / noise.std()).astype(np.float32) for name, noise in scaled.items()} | {"rain": rain}


def _samples(file: Path, front_end: FrontEndOptions) -> Samples:
    return read(file, sampling_rate=front_end.sampling_rate)


def _estimate(samples: Samples, front_end: FrontEndOptions) -> float:
    return next(iter(stretches([samples], front_end))).snr_db


if __name__ == "__main__":
    main()
