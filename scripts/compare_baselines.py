"""Compare the classical ways to tell voice gender labels from one voice's sound, each in its plainest form.

    python scripts/compare_baselines.py CORPORA_ROOT [--size 64] [--jobs all]

All learn from the train split of corpus_manifest.csv and answer for its test split and for adults of corpora that train
nothing, without ever saying `unknown`, each alone and joined with the shipped model by logistic regression on the dev
split:

- median F0: librosa's YIN in the frames of speech, a threshold on the median of its logarithm that is best in training;
- F0 mixture: a mixture of four Gaussians a class on the same logarithms;
- codebook: vector quantisation, a k-means codebook a class on cepstra; the class of lower distortion wins;
- Gaussian mixture: as many components a class on the same cepstra, maximum likelihood; the class of higher likelihood
  wins;
- Bernoulli mixture: the same on patterns of zeros and ones.

Every speaker gives the same number of frames. Printed is a Markdown table of the mean recall of the two classes.
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
from recipes import RECIPES, SHORT
from tqdm import tqdm

import speechgmm
from speechgmm import Model, read_corpus
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.classifier.calibration import fit_calibration
from speechgmm.cli.arguments import job_count
from speechgmm.corpus.recording import Recording
from speechgmm.corpus.speakers import speaker_of
from speechgmm.errors import AudioError
from speechgmm.features.front_end import Features, stream_stretches
from speechgmm.mixture.em import fit
from speechgmm.mixture.families import family_for
from speechgmm.mixture.family import Family
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.kmeans import lloyd, seed_plus_plus, squared_distances
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.workers.local import ordered_map

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"
ADULTS = ("ami", "asterisk-prompts", "ravdess")
FRAMES_A_SPEAKER = 400
F0_HZ = (60.0, 400.0)
F0_WINDOW_S, F0_HOP_S = 0.064, 0.01
VOICED_DB = 15.0  # frames this far below the loudest twentieth are not asked for their pitch
LLOYD_MOVES = 50
EM = EMOptions(max_iterations=50)
PATTERNS = RECIPES["bernoulli"].front_end

Scorer = Callable[["Heard"], float]
"""The higher, the more like the first class."""


@dataclass(frozen=True, eq=False)
class Heard:
    """An utterance.

    Attributes
    ----------
    recording : Recording
    cepstra : ndarray (T, D)
        Of its speech frames.
    patterns : ndarray (U, B) of bool
        Of its speech frames, by the recipe of patterns.
    log_f0 : ndarray (V,)
        Of its loud frames, in log Hz.
    shipped : float
        What the shipped model says: see `ratio_of`.
    """

    recording: Recording
    cepstra: Features
    patterns: npt.NDArray[np.bool_]
    log_f0: npt.NDArray[np.float64]
    shipped: float


def hear(recording: Recording, *, model: Model) -> Heard | None:
    """Read a recording; nothing where it holds no speech or cannot be read."""
    rate = SHORT.sampling_rate
    try:
        samples = read(recording.file, sampling_rate=rate)
    except AudioError:
        return None
    heard = list(stream_stretches([samples], (SHORT, PATTERNS)))
    if not heard:
        return None
    cepstra, patterns = (np.concatenate([part.frames for part in parts]) for parts in zip(*heard, strict=True))
    if not len(cepstra) or not len(patterns):
        return None
    length, hop = round(F0_WINDOW_S * rate), round(F0_HOP_S * rate)
    f0 = librosa.yin(samples, fmin=F0_HZ[0], fmax=F0_HZ[1], sr=rate, frame_length=length, hop_length=hop)
    level = librosa.amplitude_to_db(librosa.feature.rms(y=samples, frame_length=length, hop_length=hop)[0])
    loud = level >= np.quantile(level, 0.95) - VOICED_DB
    return Heard(
        recording=recording,
        cepstra=cepstra,
        patterns=patterns > 0,
        log_f0=np.log(f0[loud]),
        shipped=ratio_of(model, samples),
    )


def ratio_of(model: Model, samples: Samples) -> float:
    """The calibrated log-likelihood ratio of the first class to the second, whether or not the model would answer."""
    scores = model.score_all(stream_stretches([samples], model.front_ends))
    n_frames = np.array([float(scores.n_speech[0])])
    first, second = model.calibration.log_likelihoods(scores.means[np.newaxis], n_frames)[0]
    return float(first - second)


def speech_of(heard: Sequence[Heard], label: str, of: Callable[[Heard], Features]) -> Features:
    """Frames of a class, evenly taken from each of its speakers."""
    by_speaker: dict[str, list[Features]] = defaultdict(list)
    for each in heard:
        if each.recording.label == label:
            by_speaker[each.recording.speaker or each.recording.name].append(of(each))
    chosen = []
    for parts in by_speaker.values():
        frames = np.concatenate(parts)
        chosen.append(frames[np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_A_SPEAKER)).astype(int)])
    return np.concatenate(chosen)


def cepstra_of(heard: Heard) -> Features:
    """Its cepstra."""
    return heard.cepstra


def log_f0_of(heard: Heard) -> Features:
    """Its log-F0 as frames of one dimension."""
    return heard.log_f0[:, np.newaxis].astype(np.float32)


def patterns_of(heard: Heard) -> Features:
    """Its patterns as frames of zeros and ones."""
    return heard.patterns.astype(np.float32)


def median_f0(heard: Sequence[Heard], labels: Sequence[str]) -> Scorer:
    """The median of log-F0, above the threshold of the best mean recall in training."""
    medians = {
        label: np.array([np.median(each.log_f0) for each in heard if each.recording.label == label]) for label in labels
    }
    high, low = medians[labels[0]], medians[labels[1]]
    thresholds = np.sort(np.concatenate([high, low]))
    recalls = [(high > threshold).mean() + (low <= threshold).mean() for threshold in thresholds]
    best = thresholds[int(np.argmax(recalls))]
    return lambda each: float(np.median(each.log_f0) - best)


def mixtures(
    heard: Sequence[Heard],
    labels: Sequence[str],
    size: int,
    of: Callable[[Heard], Features],
    family_name: str = "gaussian",
) -> Scorer:
    """The ratio of the mean likelihoods a frame of two mixtures."""
    fitted = []
    for label in labels:
        shards = shards_of(speech_of(heard, label, of))
        family: Family[Mixture] = family_for(family_name, shards, size, options=EM)
        beginning = start(shards, size, family, np.random.default_rng(0), options=EM)
        fitted.append(fit(shards, beginning, family=family, options=EM).mixture)

    def score(each: Heard) -> float:
        frames = of(each)
        return float(fitted[0].log_likelihoods(frames).mean() - fitted[1].log_likelihoods(frames).mean())

    return score


def codebooks(heard: Sequence[Heard], labels: Sequence[str], size: int) -> Scorer:
    """The difference of the mean distortions by two codebooks, every coefficient in units of its deviation."""
    frames = [speech_of(heard, label, cepstra_of) for label in labels]
    deviations = np.concatenate(frames).std(axis=0)
    rng = np.random.default_rng(0)
    centers = [
        lloyd(each / deviations, seed_plus_plus(each / deviations, size, rng), max_iterations=LLOYD_MOVES).centers
        for each in frames
    ]

    def distortion(each: Heard, book: Features) -> float:
        return float(squared_distances(each.cepstra / deviations, book).min(axis=1).mean())

    return lambda each: distortion(each, centers[1]) - distortion(each, centers[0])


def joined(score: Scorer, heard: Sequence[Heard], labels: Sequence[str]) -> Scorer:
    """The shipped model's ratio and another, weighed by logistic regression on utterances that trained neither."""
    speakers = [speaker_of(each.recording) for each in heard]
    truth = np.array([labels.index(each.recording.label) for each in heard])
    ratios = np.array([[each.shipped, score(each)] for each in heard])
    weights = fit_calibration(
        np.stack([ratios, np.zeros_like(ratios)], axis=2),
        np.full(len(heard), 1e12),  # so many frames that the evidence counts in full
        truth,
        case_weights=np.array([1.0 / speakers.count(speaker) for speaker in speakers]),
        speakers_per_class=np.array([len({s for s, t in zip(speakers, truth, strict=True) if t == c}) for c in (0, 1)]),
    )

    def joint(each: Heard) -> float:
        first, second = weights.joined(np.array([[each.shipped, 0.0], [score(each), 0.0]]))
        return float(first - second)

    return joint


def mean_recall(score: Scorer, heard: Sequence[Heard], labels: Sequence[str]) -> float:
    """UAR of a scorer whose threshold is 0."""
    recalls = []
    for label in labels:
        mine = [each for each in heard if each.recording.label == label]
        recalls.append(np.mean([(score(each) > 0) == (label == labels[0]) for each in mine]))
    return float(np.mean(recalls))


def main() -> None:
    """Read everything once, learn, answer, print."""
    parser = argparse.ArgumentParser(description="Compare classical ways to tell voice gender labels.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--size", type=int, default=64, help="codewords or components a class (default: 64)")
    parser.add_argument("--jobs", type=job_count, default=-1)
    arguments = parser.parse_args()
    voices = read_corpus(MANIFEST, root=arguments.root).select(
        lambda each: (
            each.label in ("female", "male")
            and (each.split in ("train", "dev", "test") or each.columns["corpus"] in ADULTS)
        )
    )
    found = ordered_map(functools.partial(hear, model=speechgmm.load()), voices.recordings, jobs=arguments.jobs)
    heard = [each for each in tqdm(found, total=len(voices.recordings), desc="reading", disable=None) if each]
    train, dev = ([each for each in heard if each.recording.split == split] for split in ("train", "dev"))
    sets = {"test speakers": [each for each in heard if each.recording.split == "test"]}
    sets |= {name: [each for each in heard if each.recording.columns["corpus"] == name] for name in ADULTS}
    labels = voices.labels
    learn: dict[str, Callable[[], Scorer]] = {
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
        cells = (f"{mean_recall(score, each, labels):.3f}" for each in sets.values())
        print(f"| {name} | {' | '.join(cells)} |", flush=True)

    row("shipped", lambda each: each.shipped)
    for name, method in learn.items():
        score = method()
        row(name, score)
        row(f"shipped and {name}", joined(score, dev, labels))


if __name__ == "__main__":
    main()
