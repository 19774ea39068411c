"""Chapter 10: the application, from a spectrogram to a label with a probability."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from speechgmm.classifier.calibration import log_likelihood_ratios
from speechgmm.classifier.model import Model
from speechgmm.demo.synthesis import KINDS, Kind
from speechgmm.explanation.adaptation_chapter import SIDES
from speechgmm.explanation.material import Material
from speechgmm.explanation.quantisation_chapter import spectrogram
from speechgmm.explanation.scene import (
    Axis,
    Bars,
    Chapter,
    Ellipse,
    Figure,
    Floats,
    Image,
    Line,
    Panel,
    Pixels,
    Points,
    Step,
    Variant,
)
from speechgmm.explanation.traced_fit import fitted_diagonal
from speechgmm.explanation.views import density, ellipses, marker
from speechgmm.explanation.voices import (
    HeardVoice,
    Voice,
    recorded_voice,
    shipped_model,
    synthetic_voice,
)
from speechgmm.explanation.voices import heard as hear
from speechgmm.features.front_end import stream_stretches
from speechgmm.mixture.gaussian import DiagonalMixture

COEFFICIENTS = (0, 1)
SEEDS, N_COMPONENTS = range(20, 26), 4
N_STEPS = 40
GRID = 90
MOST_SHOWN = 250  # frames of a class

PLANE_CODE = """\
from speechgmm.explanation.application_chapter import class_frames
from speechgmm.mixture import GaussianMixture

first, second = (
    GaussianMixture(4, covariance_type="diag", random_state=0).fit(class_frames(kind)) for kind in ("female", "male")
)
frames = class_frames("female")
print((first.score_samples(frames) - second.score_samples(frames)).mean())
"""
VOICE_CODE = """\
from speechgmm.explanation.application_chapter import running_ratios
from speechgmm.explanation.voices import heard, shipped_model, synthetic_voice

model = shipped_model()
voice = heard(model, synthetic_voice())
print(model.decide(voice.scores))
print(running_ratios(model, voice)[-1])
"""


def application_chapter(material: Material) -> Chapter:
    """Two mixtures over cepstra, then the shipped model on one voice."""
    model = shipped_model()
    rate = model.front_end.sampling_rate
    voice = recorded_voice(material.recording, rate) if material.recording else synthetic_voice()
    return Chapter(
        name="application",
        title="The application: voice gender labels",
        text="""
            Each frame of 10 ms becomes a few cepstral coefficients. One mixture per class says how likely a frame is
            for the class. The difference of the two log-likelihoods is the evidence of the frame; the frames of an
            utterance together make the decision, and calibration turns it into a probability that can be trusted.

            A label says how a voice sounds to the model. It makes no statement about the person.
        """,
        figures=(plane_figure(), voice_figure(model, voice)),
    )


def class_frames(kind: Kind) -> Floats:
    """Two cepstral coefficients of the speech frames of six synthetic voices of a kind, (T, 2)."""
    model = shipped_model()
    front_end, filters = model.front_ends[:1], model.filters[:1]
    parts = []
    for seed in SEEDS:
        samples = synthetic_voice(kind, seed=seed, duration_s=3.0).samples
        parts += [part.frames for (part,) in stream_stretches([samples], front_end, filters)]
    frames: Floats = np.concatenate(parts)[:, COEFFICIENTS].astype(np.float64)
    return frames


def plane_figure() -> Figure:
    """Frames of both classes, the two mixtures, and the sign of the log-likelihood ratio."""
    frames = [class_frames(kind) for kind in KINDS]
    mixtures = [fitted_diagonal(each, N_COMPONENTS) for each in frames]
    every = np.concatenate(frames)
    x, y = Axis.of("cepstral coefficient 1", every[:, 0]), Axis.of("cepstral coefficient 2", every[:, 1])
    dots = [
        Points(x=each[::step, 0], y=each[::step, 1], colour=number + 1, size=2.0, label=kind)
        for number, (kind, each, step) in enumerate(
            zip(KINDS, frames, [max(1, len(each) // MOST_SHOWN) for each in frames], strict=True)
        )
    ]
    ratios = [mixtures[0].log_likelihoods(each) - mixtures[1].log_likelihoods(each) for each in frames]
    numbers = {
        f"mean log-likelihood ratio of {KINDS[0]} frames": float(ratios[0].mean()),
        f"mean log-likelihood ratio of {KINDS[1]} frames": float(ratios[1].mean()),
        "frames on the right side (share)": float(np.mean(np.concatenate([ratios[0] > 0, ratios[1] < 0]))),
    }
    views: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("the frames", ()),
        (f"mixture of {KINDS[0]}", (density(mixtures[0], x, y), *_one_colour(mixtures[0], 1))),
        (f"mixture of {KINDS[1]}", (density(mixtures[1], x, y), *_one_colour(mixtures[1], 2))),
        ("the log-likelihood ratio", (_sides(mixtures, x, y),)),
    )
    steps = tuple(
        Step(label=label, marks=((*marks, *dots),), numbers=numbers)  # type: ignore[arg-type]
        for label, marks in views
    )
    return Figure(
        name="two-mixtures",
        title="Two mixtures over cepstra",
        panels=(Panel(title="", x=x, y=y, wide=True),),
        variants=(Variant(name="", steps=steps),),
        caption="""
            Two of the cepstral coefficients of synthetic voices, and a mixture of four components for each kind of
            them. One frame alone decides little: the classes overlap. Several hundred frames decide well.
        """,
        source="six synthetic voices of each kind, not persons (demo.synthesis).",
        formula="ratio(x) = log p(x | first) - log p(x | second)",
        symbols={"log p(x | class)": "mixture.score_samples(frames)"},
        code=PLANE_CODE,
    )


def _one_colour(mixture: DiagonalMixture, colour: int) -> list[Ellipse]:
    return [replace(each, colour=colour) for each in ellipses(mixture) if isinstance(each, Ellipse)]


def _sides(mixtures: list[DiagonalMixture], x: Axis, y: Axis) -> Image:
    """Which class a frame speaks for, and how much: full colour from 3 nats on."""
    columns, rows = np.linspace(x.low, x.high, GRID), np.linspace(y.high, y.low, GRID)
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    ratio = (mixtures[0].log_likelihoods(points) - mixtures[1].log_likelihoods(points)).reshape(GRID, GRID)
    pixels: Pixels = np.empty((GRID, GRID, 4), dtype=np.uint8)
    pixels[..., :3] = SIDES[(ratio < 0).astype(int)]
    pixels[..., 3] = np.round(130.0 * np.minimum(np.abs(ratio) / 3.0, 1.0))
    return Image(pixels=pixels, extent=(x.low, x.high, y.low, y.high))


@dataclass(frozen=True, kw_only=True)
class Running:
    """The decision after the first n speech frames: log-likelihood ratio and probability of the first class."""

    n_speech: int
    ratio: float
    probability: float


def running_ratios(model: Model, voice: HeardVoice) -> list[Running]:
    """The calibrated decision after more and more frames; the last one is that of the whole utterance."""
    n_speech = len(voice.frame_scores[0])
    results = []
    for n in np.unique(np.linspace(1, n_speech, N_STEPS).round().astype(int)):
        parts = [scores[: max(1, round(len(scores) * n / n_speech))] for scores in voice.frame_scores]
        means = model.class_scores(np.stack([part.mean(axis=0) for part in parts]))
        calibrated = model.calibration.log_likelihoods(means[np.newaxis], np.array([float(n)]))[0]
        joint = calibrated + np.log(model.priors)
        probability = float(np.exp(joint[0] - np.logaddexp.reduce(joint)))
        ratio = float(log_likelihood_ratios(calibrated)[0])
        results.append(Running(n_speech=int(n), ratio=ratio, probability=probability))
    return results


def voice_figure(model: Model, voice: Voice) -> Figure:
    """Spectrogram, evidence of each frame, the running decision and its probability."""
    sound = hear(model, voice)
    hop_s = model.front_end.hop_s
    times = np.flatnonzero(sound.speech).astype(np.float64) * hop_s
    first, second = model.labels[:2]
    evidence = _evidence(model, sound)
    running = running_ratios(model, sound)
    seconds = len(sound.log_mel) * hop_s
    x = Axis(label="time (s)", low=0.0, high=seconds)
    bands = Axis(label="mel band", low=0.0, high=float(sound.log_mel.shape[1]))
    ratios = np.array([each.ratio for each in running])
    at = np.array([times[each.n_speech - 1] for each in running])
    reach = float(np.abs(evidence).max())
    grid = np.linspace(-1.2 * max(np.abs(ratios).max(), 4.0), 1.2 * max(np.abs(ratios).max(), 4.0), 81)
    prior = np.log(model.priors[0] / model.priors[1])
    logistic = Line(x=grid, y=1.0 / (1.0 + np.exp(-grid - prior)), colour=0, width=2.0)
    steps = tuple(
        Step(
            label=f"after {each.n_speech * hop_s:.2f} s of speech",
            marks=(
                (_cursor(at[i], bands),),
                (_bars(times[: each.n_speech], evidence[: each.n_speech], hop_s),),
                (Line(x=at[: i + 1], y=ratios[: i + 1], colour=0), marker(at[i], ratios[i], 1 if ratios[i] > 0 else 2)),
                (marker(each.ratio, each.probability, 1 if each.ratio > 0 else 2),),
            ),
            numbers={
                "speech frames n": each.n_speech,
                f"log-likelihood ratio of {first} (nats)": each.ratio,
                f"probability of {first}": each.probability,
                f"probability of {second}": 1.0 - each.probability,
            },
        )
        for i, each in enumerate(running)
    )
    return Figure(
        name="utterance",
        title="One utterance, frame by frame",
        panels=(
            Panel(title="Spectrogram", x=x, y=bands, marks=(spectrogram(sound.log_mel, x, bands),)),
            Panel(
                title=f"Evidence of each speech frame: above 0 for {first}",
                x=x,
                y=Axis(label="nats, scaled", low=-reach, high=reach),
            ),
            Panel(title="The decision so far", x=x, y=Axis.of("log-likelihood ratio", [0.0, *ratios])),
            Panel(
                title=f"Calibration: probability of {first}",
                x=Axis(label="log-likelihood ratio (nats)", low=grid[0], high=grid[-1]),
                y=Axis(label="probability", low=0.0, high=1.0),
                marks=(logistic,),
            ),
        ),
        variants=(Variant(name="", steps=steps),),
        caption="""
            The shipped model hears the utterance as it goes on. Its evidence is the mean over the frames, times a
            weight that grows with their number: the frames of one voice are not independent, so that their sum would
            be too sure.
        """,
        source=voice.source,
        formula="l_c = n / (n + n_half) sum_s scale_s mean_sc + offset_c,   P(c) ~ prior_c exp(l_c)",
        symbols={
            "scale_s": "model.calibration.scales[s]",
            "n_half": "model.calibration.half_weight_frames",
            "mean_sc": "model.class_scores(scores.means)[s, c]",
            "P(c)": "model.decide(scores).probabilities",
        },
        code=VOICE_CODE,
        start=len(steps) - 1,
    )


def _evidence(model: Model, sound: HeardVoice) -> Floats:
    """Calibrated log-likelihood ratio of each speech frame of the first stream, for the first class."""
    classes = model.class_scores(sound.frame_scores[0])
    ratio: Floats = model.calibration.scales[0] * (classes[:, 0] - classes[:, 1])
    return ratio


def _cursor(time: float, bands: Axis) -> Line:
    return Line(x=np.full(2, time), y=np.array([bands.low, bands.high]), colour=2, width=2.5)


def _bars(times: Floats, evidence: Floats, hop_s: float) -> Bars:
    return Bars(
        left=times,
        right=times + hop_s,
        bottom=np.minimum(evidence, 0.0),
        top=np.maximum(evidence, 0.0),
        colour=1,
    )
