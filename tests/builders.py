"""Test data that several test files build: signals, mixtures, decisions, parsed pages."""

from __future__ import annotations

import csv
import math
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.audio.samples import Samples
from speechgmm.classifier.decision import Decision
from speechgmm.demo.synthesis import Kind, draw_voice, speak
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Floats = npt.NDArray[np.float64]

RunCommand = Callable[..., CompletedProcess[str]]
"""The type of the fixture `run`."""

PROJECT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("SPEECHGMM_CORPORA", PROJECT.parent / "shared" / "corpora"))
needs_corpora = pytest.mark.skipif(
    not CORPORA.is_dir(), reason="needs the recordings of corpus_manifest.csv; set SPEECHGMM_CORPORA to their folder"
)

CORNERS = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 50.0], [100.0, 50.0]])
"""The cluster centres of `corner_frames`, (4, 2)."""


# Signals


def spoken(kind: Kind, duration_s: float, rng: np.random.Generator, *, rate: int = 16000) -> Samples:
    """Synthetic speech of a random voice, (n,)."""
    return speak(draw_voice(kind, rng), duration_s=duration_s, sampling_rate=rate, rng=rng)


def sine(duration_s: float, rate: int, *, hertz: float = 440.0, amplitude: float = 0.5) -> Floats:
    """A sine tone, (n,)."""
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(duration_s * rate)) / rate)


def white_noise(shape: int | tuple[int, ...], level: float, *, seed: int) -> Samples:
    """White Gaussian noise with standard deviation `level`."""
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


# Corpora


def write_manifest(
    file: Path, recordings: Path, columns: Callable[[str, str, str], Mapping[str, str]] = lambda *_: {}
) -> Path:
    """Write a manifest of a folder CLASS/SPEAKER/FILE.

    Parameters
    ----------
    file : Path
        The manifest. Recordings below its folder get relative paths, others absolute ones.
    recordings : Path
        The folder.
    columns : function
        Class, speaker and file name to further columns, or to other values of `label` and `speaker`.

    Returns
    -------
    Path
        `file`.
    """
    rows: list[dict[str, object]] = []
    for path in sorted(recordings.rglob("*.wav")):
        label, speaker, name = path.parts[-3:]
        place = path.relative_to(file.parent) if path.is_relative_to(file.parent) else path
        rows.append({"path": place, "label": label, "speaker": speaker, **columns(label, speaker, name)})
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


# Frames and mixtures


def normal_frames(n_frames: int, n_dimensions: int, *, seed: int = 0) -> Floats:
    """Standard normal frames, (n_frames, n_dimensions)."""
    return np.random.default_rng(seed).normal(size=(n_frames, n_dimensions))


def corner_frames(n_frames: int, *, seed: int = 0) -> Floats:
    """Four clusters of standard deviation 1 at `CORNERS`, the first with half of the frames, (n_frames, 2)."""
    rng = np.random.default_rng(seed)
    return CORNERS[rng.choice(4, size=n_frames, p=[0.5, 0.2, 0.2, 0.1])] + rng.normal(size=(n_frames, 2))


def sorted_rows(array: Floats) -> Floats:
    """The rows in lexicographic order, the last column first."""
    return array[np.lexsort(array.T)]


def unit_gaussian(mean: float) -> DiagonalMixture:
    """A mixture of one component in one dimension, with variance 1."""
    return DiagonalMixture(np.ones(1), np.array([[mean]]), np.ones((1, 1)))


def random_gaussians(
    seed: int = 0,
    n_components: int = 4,
    n_dimensions: int = 3,
    *,
    concentration: float = 5.0,
    offset: float = 0.0,
    variances: tuple[float, float] = (0.2, 3.0),
) -> DiagonalMixture:
    """A random Gaussian mixture.

    Weights are from a Dirichlet distribution with this concentration, means from a normal distribution around `offset`,
    variances from a uniform distribution.
    """
    rng = np.random.default_rng(seed)
    shape = n_components, n_dimensions
    weights = rng.dirichlet(np.full(n_components, concentration))
    means = offset + rng.normal(size=shape)
    return DiagonalMixture(weights, means, rng.uniform(*variances, size=shape))


def started(
    frames: Floats | npt.NDArray[np.float32],
    n_components: int,
    rng: np.random.Generator,
    *,
    frame_weights: Floats | None = None,
    method: str = "kmeans",
    options: EMOptions = EMOptions(),
) -> DiagonalMixture:
    """The Gaussian mixture with which EM starts."""
    shards = shards_of(frames, frame_weights)
    family: Family[DiagonalMixture] = family_for("gaussian", shards, n_components, options=options)
    return start(shards, n_components, family, rng, method=method, options=options)


# Decisions


def decide(likelihoods: Mapping[str, float], *, speech_s: float = 1.5) -> Decision:
    """The decision on given likelihoods of the classes, with equal priors."""
    total, others = sum(likelihoods.values()), len(likelihoods) - 1
    label = max(likelihoods, key=likelihoods.__getitem__)
    llrs = {name: math.log(others * value / (total - value)) for name, value in likelihoods.items()}
    return Decision(
        label=label,
        probability=likelihoods[label] / total,
        score=llrs[label],
        speech_s=speech_s,
        probabilities={name: value / total for name, value in likelihoods.items()},
        log_likelihood_ratios=llrs,
    )


def abstain(reason: str = "no speech", *, speech_s: float = 0.0) -> Decision:
    """The decision of a classifier that abstains."""
    return Decision(label="unknown", speech_s=speech_s, reason=reason)


# Pages


def parsed(page: str) -> Element:
    """The element tree of an HTML page, without namespaces; html5lib raises on invalid HTML."""
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    for node in root.iter():
        node.tag = str(node.tag).removeprefix("{http://www.w3.org/2000/svg}")
    return root


def only(node: Element | None) -> Element:
    """The result of `Element.find`, which must not be None."""
    assert node is not None
    return node


def text_of(node: Element | None) -> str:
    """The text of an element, which must not be None, and of its descendants."""
    return "".join(only(node).itertext())


# Network


def free_port() -> int:
    """A port that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
