"""Fit the weights of the speech evidence in `speechgmm segment`.

    python scripts/fit_speech_evidence.py CORPORA_ROOT [--model MODEL] [--programmes 4] [--minutes 4]

Composes programmes of the split train (see compose_programmes.py), half of them with long breaks, each clean and in
noise. Fits a logistic regression of speech against non-speech to the measures of each frame, with both classes weighted
equally. Prints the `Weights` of speechgmm/segmentation/emissions.py, for models with and without a rejection mixture.
The weights are multiplied by `DAMPING`, because neighbouring frames are correlated.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

import programmes
import speechgmm
from compose_programmes import MANIFEST, compose, voices_of
from speechgmm import Model, Segment, read_corpus
from speechgmm.audio.reading import blocks
from speechgmm.features.bands import chunks
from speechgmm.features.voice_activity import extremes
from speechgmm.segmentation.emissions import Past, Weights, shifted_frames, speech_measures, speech_ratios
from speechgmm.segmentation.options import Grid

Floats = npt.NDArray[np.float64]
SPLIT = "train"
LEVELS = ("clean", "20", "10")
DAMPING = 0.3


def measures_of(model: Model, file: Path) -> Floats:
    """The three speech measures of each frame of a recording, (T, 3)."""
    grid, past, measures = Grid.of(model.front_ends), Past(), []
    samples = blocks(file, sampling_rate=model.front_end.sampling_rate)
    for bands in itertools.chain.from_iterable(chunks(samples, model.front_ends, n_frames=grid.chunk)):
        frames, is_open, past = shifted_frames(model, grid, bands, past)
        loud, quiet = extremes(np.concatenate(past.levels), grid.frame_s)
        scores = [model.frame_scores(index, own) for index, own in enumerate(frames)]
        ratios = speech_ratios(grid, scores, len(is_open))
        measures.append(np.stack(speech_measures(past.levels[-1], ratios, loud=loud, quiet=quiet), axis=1))
    return np.concatenate(measures)


def is_speech(spans: Sequence[Segment], n_frames: int, *, hop_s: float, window_s: float) -> npt.NDArray[np.bool_]:
    """Whether the middle of each frame is in one of the spans, (T,)."""
    middles = np.arange(n_frames) * hop_s + window_s / 2
    speech = np.zeros(n_frames, dtype=np.bool_)
    for span in spans:
        speech |= (span.start <= middles) & (middles < span.end)
    return speech


def fitted(measures: Floats, speech: npt.NDArray[np.bool_]) -> Floats:
    """Logistic regression with both classes weighted equally.

    Parameters
    ----------
    measures : ndarray (T, M)
    speech : ndarray (T,) of bool
        Both values must occur.

    Returns
    -------
    ndarray (M + 1,)
        Coefficients of ``log P(speech) / P(non-speech)``: the weight of each measure and the intercept. The weight of a
        constant measure is 0.
    """
    scales = measures.std(axis=0)
    scales[scales == 0.0] = np.inf
    inputs = np.column_stack([measures / scales, np.ones(len(measures))])
    signs = np.where(speech, 1.0, -1.0)
    shares = np.where(speech, 0.5 / speech.sum(), 0.5 / (~speech).sum())

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = signs * (inputs @ weights)
        slopes = -shares * signs * np.exp(-np.logaddexp(0.0, margins))
        return float(shares @ np.logaddexp(0.0, -margins)), slopes @ inputs

    start = np.zeros(inputs.shape[1])
    weights: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-12}).x
    weights /= np.append(scales, 1.0)
    return weights


def damped(weights: Floats) -> Weights:
    """The weights as segmentation uses them, multiplied by `DAMPING`."""
    below, above, ratio, constant = (DAMPING * weights).round(4).tolist()
    return Weights(below_loud=-below, above_quiet=above, ratio=ratio, constant=constant)


def material(model: Model, arguments: argparse.Namespace) -> Iterator[tuple[Floats, npt.NDArray[np.bool_]]]:
    """Compose programmes; yield the measures of the frames of each, and which frames are speech."""
    corpus = read_corpus(MANIFEST, root=arguments.root)
    voices = voices_of(corpus, SPLIT, ())
    front_end = model.front_end
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary, "programme.wav")
        for (index, pace), number in itertools.product(enumerate(programmes.PACES), range(arguments.programmes)):
            settings = argparse.Namespace(minutes=arguments.minutes, voices=8, overlap=0.0, split=SPLIT, pace=pace)
            for level in LEVELS:
                spans = [span for span, _ in compose(file, voices, corpus, settings, level, [index, number])]
                measures = measures_of(model, file)
                yield measures, is_speech(spans, len(measures), hop_s=front_end.hop_s, window_s=front_end.window_s)


def main() -> None:
    """Compose the programmes, fit the weights, print them."""
    parser = argparse.ArgumentParser(description="Fit the weights of the speech evidence in segmentation.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--model", type=Path)
    parser.add_argument(
        "--programmes", type=int, default=4, metavar="N", help="programmes per pace and level (default: 4)"
    )
    parser.add_argument("--minutes", type=float, default=4.0, metavar="M", help="length of a programme (default: 4)")
    arguments = parser.parse_args()
    pairs = list(material(speechgmm.load(arguments.model), arguments))
    measures, speech = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    print(f"{len(speech)} frames, {speech.mean():.0%} of them speech")
    print("WITH_RATIO =", damped(fitted(measures, speech)))
    print("WITHOUT_RATIO =", damped(fitted(measures * [1.0, 1.0, 0.0], speech)))


if __name__ == "__main__":
    main()
