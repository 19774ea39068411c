"""Compare classical methods for voice gender labels, each in a basic form, with the shipped model.

    python scripts/experiments/compare_baselines.py CORPORA_ROOT [--size 64] [--jobs all]

All methods are trained on the train split of corpus_manifest.csv and tested on its test split and on adults of corpora
that are not in the training data. None abstains. Each is tested alone and fused with the shipped model by logistic
regression on the dev split:

- median F0: librosa's YIN in loud frames, a threshold on the median log-F0 with the best training recall;
- F0 mixture: four Gaussians per class on log-F0;
- codebook: vector quantisation, one k-means codebook per class on cepstra; the class with the lower distortion;
- Gaussian mixture: as many components per class on the same cepstra, maximum likelihood;
- Bernoulli mixture: the same on binary patterns.

The cepstra are those of the first stream of the shipped model. Every speaker contributes the same number of frames.
Prints a Markdown table of the mean recall of the two classes.
"""

from __future__ import annotations

import argparse
import functools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

import speechgmm
from speechgmm import FrontEndOptions, Model, read_corpus
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.classifier.calibration import fit_calibration
from speechgmm.cli.arguments import job_count
from speechgmm.corpus.recording import Recording
from speechgmm.corpus.speakers import speaker_of
from speechgmm.errors import AudioError
from speechgmm.features.front_end import Features, stream_stretches
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import fit
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.kmeans import lloyd, seed_plus_plus, squared_distances
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.workers.local import ordered_map

MANIFEST = Path(__file__).resolve().parents[2] / "corpus_manifest.csv"
ADULTS = ("ami", "asterisk-prompts", "ravdess")
FRAMES_PER_SPEAKER = 400
F0_HZ = (60.0, 400.0)
F0_WINDOW_S, F0_HOP_S = 0.064, 0.01
VOICED_DB = 15.0  # frames more than this below the loudest 5 % get no F0
LLOYD_ITERATIONS = 50
EM = EMOptions(max_iterations=50)
PATTERNS = FrontEndOptions(features="patterns")

Scorer = Callable[["Sample"], float]
"""The score of an utterance: positive for the first class, negative for the second."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The features of one utterance.

    Attributes
    ----------
    recording : Recording
    cepstra : ndarray (T, D)
        Of its speech frames.
    patterns : ndarray (U, B) of bool
        Binary patterns of its speech frames.
    log_f0 : ndarray (V,)
        Of its loud frames, in log Hz.
    shipped : float
        Log-likelihood ratio of the shipped model, see `ratio_of`.
    """

    recording: Recording
    cepstra: Features
    patterns: npt.NDArray[np.bool_]
    log_f0: npt.NDArray[np.float64]
    shipped: float


def sample_of(recording: Recording, *, model: Model) -> Sample | None:
    """Read a recording; None if it cannot be read or has no speech frames."""
    front_end = model.front_end
    rate = front_end.sampling_rate
    try:
        samples = read(recording.file, sampling_rate=rate)
    except AudioError:
        return None
    stretches = list(stream_stretches([samples], (front_end, PATTERNS)))
    if not stretches:
        return None
    cepstra, patterns = (np.concatenate([part.frames for part in parts]) for parts in zip(*stretches, strict=True))
    if not len(cepstra) or not len(patterns):
        return None
    length, hop = round(F0_WINDOW_S * rate), round(F0_HOP_S * rate)
    f0 = librosa.yin(samples, fmin=F0_HZ[0], fmax=F0_HZ[1], sr=rate, frame_length=length, hop_length=hop)
    level = librosa.amplitude_to_db(librosa.feature.rms(y=samples, frame_length=length, hop_length=hop)[0])
    loud = level >= np.quantile(level, 0.95) - VOICED_DB
    return Sample(
        recording=recording,
        cepstra=cepstra,
        patterns=patterns > 0,
        log_f0=np.log(f0[loud]),
        shipped=ratio_of(model, samples),
    )


def ratio_of(model: Model, samples: Samples) -> float:
    """The calibrated log-likelihood ratio of the first class to the second, also where the model abstains."""
    scores = model.score_all(stream_stretches([samples], model.front_ends, model.filters))
    n_frames = np.array([float(scores.n_speech[0])])
    first, second = model.calibration.log_likelihoods(scores.means[np.newaxis], n_frames)[0]
    return float(first - second)


def frames_of(samples: Sequence[Sample], label: str, of: Callable[[Sample], Features]) -> Features:
    """Frames of a class, evenly spaced and at most `FRAMES_PER_SPEAKER` for each speaker."""
    by_speaker: dict[str, list[Features]] = defaultdict(list)
    for sample in samples:
        if sample.recording.label == label:
            by_speaker[sample.recording.speaker or sample.recording.name].append(of(sample))
    chosen = []
    for parts in by_speaker.values():
        frames = np.concatenate(parts)
        chosen.append(frames[np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_PER_SPEAKER)).astype(int)])
    return np.concatenate(chosen)


def cepstra_of(sample: Sample) -> Features:
    """The cepstra."""
    return sample.cepstra


def log_f0_of(sample: Sample) -> Features:
    """The log-F0 values as frames of one dimension."""
    return sample.log_f0[:, np.newaxis].astype(np.float32)


def patterns_of(sample: Sample) -> Features:
    """The patterns as frames of zeros and ones."""
    return sample.patterns.astype(np.float32)


def median_f0(samples: Sequence[Sample], labels: Sequence[str]) -> Scorer:
    """The median of log-F0 minus the threshold with the best mean recall in training."""
    medians = {
        label: np.array([np.median(sample.log_f0) for sample in samples if sample.recording.label == label])
        for label in labels
    }
    high, low = medians[labels[0]], medians[labels[1]]
    thresholds = np.sort(np.concatenate([high, low]))
    recalls = [(high > threshold).mean() + (low <= threshold).mean() for threshold in thresholds]
    best = thresholds[int(np.argmax(recalls))]
    return lambda sample: float(np.median(sample.log_f0) - best)


def mixtures(
    samples: Sequence[Sample],
    labels: Sequence[str],
    size: int,
    of: Callable[[Sample], Features],
    family_name: str = "gaussian",
) -> Scorer:
    """The difference of the mean log-likelihoods per frame of two mixtures."""
    fitted = []
    for label in labels:
        shards = shards_of(frames_of(samples, label, of))
        family: Family[Mixture] = family_for(family_name, shards, size, options=EM)
        beginning = start(shards, size, family, np.random.default_rng(0), options=EM)
        fitted.append(fit(shards, beginning, family=family, options=EM).mixture)

    def score(sample: Sample) -> float:
        frames = of(sample)
        return float(fitted[0].log_likelihoods(frames).mean() - fitted[1].log_likelihoods(frames).mean())

    return score


def codebooks(samples: Sequence[Sample], labels: Sequence[str], size: int) -> Scorer:
    """The difference of the mean distortions of two codebooks; coefficients are scaled to unit variance."""
    frames = [frames_of(samples, label, cepstra_of) for label in labels]
    deviations = np.concatenate(frames).std(axis=0)
    rng = np.random.default_rng(0)
    centers = [
        lloyd(part / deviations, seed_plus_plus(part / deviations, size, rng), max_iterations=LLOYD_ITERATIONS).centers
        for part in frames
    ]

    def distortion(sample: Sample, book: Features) -> float:
        return float(squared_distances(sample.cepstra / deviations, book).min(axis=1).mean())

    return lambda sample: distortion(sample, centers[1]) - distortion(sample, centers[0])


def fused(score: Scorer, samples: Sequence[Sample], labels: Sequence[str]) -> Scorer:
    """Score fusion with the shipped model by logistic regression on utterances that trained neither."""
    speakers = [speaker_of(sample.recording) for sample in samples]
    truth = np.array([labels.index(sample.recording.label) for sample in samples])
    ratios = np.array([[sample.shipped, score(sample)] for sample in samples])
    weights = fit_calibration(
        np.stack([ratios, np.zeros_like(ratios)], axis=2),
        np.full(len(samples), 1e12),  # the calibration discounts short utterances; this switches it off
        truth,
        case_weights=np.array([1.0 / speakers.count(speaker) for speaker in speakers]),
        speakers_per_class=np.array([len({s for s, t in zip(speakers, truth, strict=True) if t == c}) for c in (0, 1)]),
    )

    def joint(sample: Sample) -> float:
        first, second = weights.joined(np.array([[sample.shipped, 0.0], [score(sample), 0.0]]))
        return float(first - second)

    return joint


def mean_recall(score: Scorer, samples: Sequence[Sample], labels: Sequence[str]) -> float:
    """UAR of a scorer at the threshold 0."""
    recalls = []
    for label in labels:
        of_class = [sample for sample in samples if sample.recording.label == label]
        recalls.append(np.mean([(score(sample) > 0) == (label == labels[0]) for sample in of_class]))
    return float(np.mean(recalls))


def main() -> None:
    """Read all recordings once, train, test, print."""
    parser = argparse.ArgumentParser(description="Compare classical methods for voice gender labels.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--size", type=int, default=64, help="codewords or components per class (default: 64)")
    parser.add_argument("--jobs", type=job_count, default=-1)
    arguments = parser.parse_args()
    voices = read_corpus(MANIFEST, root=arguments.root).select(
        lambda item: (
            item.label in ("female", "male")
            and (item.split in ("train", "dev", "test") or item.columns["corpus"] in ADULTS)
        )
    )
    read_samples = ordered_map(
        functools.partial(sample_of, model=speechgmm.load()), voices.recordings, jobs=arguments.jobs
    )
    samples = [item for item in tqdm(read_samples, total=len(voices.recordings), desc="reading", disable=None) if item]
    train, dev, test = ([item for item in samples if item.recording.split == s] for s in ("train", "dev", "test"))
    sets = {"test speakers": test}
    sets |= {name: [item for item in samples if item.recording.columns["corpus"] == name] for name in ADULTS}
    labels = voices.labels
    methods: dict[str, Callable[[], Scorer]] = {
        "median F0": functools.partial(median_f0, train, labels),
        "F0 mixture of 4": functools.partial(mixtures, train, labels, 4, log_f0_of),
        f"codebook of {arguments.size}": functools.partial(codebooks, train, labels, arguments.size),
        f"Gaussian mixture of {arguments.size}": functools.partial(mixtures, train, labels, arguments.size, cepstra_of),
        f"Bernoulli mixture of {arguments.size}": functools.partial(
            mixtures, train, labels, arguments.size, patterns_of, "bernoulli"
        ),
    }
    print(f"| | {' | '.join(sets)} |\n| :-- |{' --: |' * len(sets)}")

    def row(name: str, score: Scorer) -> None:
        cells = (f"{mean_recall(score, items, labels):.3f}" for items in sets.values())
        print(f"| {name} | {' | '.join(cells)} |", flush=True)

    row("shipped", lambda sample: sample.shipped)
    for name, train_method in methods.items():
        score = train_method()
        row(name, score)
        row(f"shipped and {name}", fused(score, dev, labels))


if __name__ == "__main__":
    main()
