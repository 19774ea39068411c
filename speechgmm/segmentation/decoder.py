"""From samples to segments, while the samples come in: chunks are listened to, the best path is followed, each of its
runs is decided on as an utterance.

A run of a class is scored as ``speechgmm classify`` would score it alone, a minute at a time, so that its probability
is a calibrated one and memory does not grow with its length. The path says where somebody speaks, the classifier who.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.model import Model, Scores
from speechgmm.features.bands import chunks
from speechgmm.features.front_end import STRETCH_S, Features, Samples, stretch_of
from speechgmm.segmentation.emissions import Past, listen
from speechgmm.segmentation.options import Grid, SegmentationOptions
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.viterbi import Run, Topology, Viterbi

NO_SPEECH = 0  # the state; those after it are the classes
CONTRADICTION = "its parts and the whole of it do not sound like the same class"

Bands = tuple[Features, ...]


def segments_of(
    model: Model, blocks: Iterable[Samples], *, options: SegmentationOptions = SegmentationOptions()
) -> Iterator[Segment]:
    """Tell who speaks when, each segment as soon as it is certain where it ends.

    Parameters
    ----------
    model : Model
    blocks : iterable of ndarray (n,)
        The samples in [-1, 1] at the model's sampling rate, cut anyhow: the segments do not depend on the cuts.
    options : SegmentationOptions

    Yields
    ------
    Segment
        One after the other, without gaps, from 0 to the end of the samples. Neighbours differ in label or reason.
    """
    grid = Grid.of(model.front_ends)
    clock = _Clock()
    viterbi = Viterbi(topology(len(model.labels), grid, options), lag=grid.steps(options.lag_s))
    walk = _Walk(model=model, grid=grid)
    past = Past()
    for bands in chunks(clock.timed(blocks), model.front_ends, n_frames=grid.chunk):
        emissions, past = listen(model, grid, bands, past)
        walk.waiting.append(bands)
        for run in viterbi.advance(emissions):
            yield from walk.take(run)
    for run in viterbi.finish():
        yield from walk.take(run)
    yield from walk.end(clock.n_samples / model.front_end.sampling_rate)


def topology(n_classes: int, grid: Grid, options: SegmentationOptions) -> Topology:
    """The states: no speech, then each class."""
    least = [options.min_nonspeech_s, *[options.min_voice_s] * n_classes]
    states = range(1 + n_classes)
    return Topology(
        min_steps=tuple(max(grid.steps(seconds), 1) for seconds in least),
        costs=tuple(
            tuple(options.nonspeech_cost if NO_SPEECH in (i, j) else options.voice_cost for j in states) for i in states
        ),
    )


class _Clock:
    """Counts samples as they pass."""

    n_samples = 0

    def timed(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self.n_samples += len(block)
            yield block


@dataclass(kw_only=True)
class _Voice:
    """What is heard of a run that is going on: frames of a minute and a half at most, and the scores of those before.

    Nothing is kept of a run in which nobody speaks.
    """

    model: Model
    run: Run
    bands: list[Bands] = field(default_factory=list)
    n_frames: int = 0
    scores: Scores | None = None

    def hear(self, bands: Bands) -> None:
        """Take further frames."""
        if self.run.state == NO_SPEECH:
            return
        self.bands.append(bands)
        self.n_frames += len(bands[0])
        cuts = [round(STRETCH_S / stream.front_end.hop_s) for stream in self.model.streams]
        while self.n_frames >= cuts[0] + cuts[0] // 2:
            minute, rest = _split(self.bands, cuts)
            self._score(minute)
            self.bands, self.n_frames = [rest], self.n_frames - cuts[0]

    def segment(self, start: float, end: float) -> Segment:
        """What was heard, as a segment from one time to another."""
        if self.run.state == NO_SPEECH:
            return Segment(start=start, end=end, label=NONSPEECH)
        decision = self._decision(self._score(_joined(self.bands)))
        return Segment(
            start=start,
            end=end,
            label=decision.label,
            probability=decision.probability,
            probabilities=decision.probabilities,
            reason=decision.reason,
        )

    def _decision(self, scores: Scores) -> Decision:
        """The classifier's, unless it contradicts the path: in noise, what they disagree about is often no voice."""
        decision = self.model.decide(scores)
        if decision.decided and decision.label != self.model.labels[self.run.state - 1]:
            return Decision(label=UNKNOWN, speech_s=decision.speech_s, reason=CONTRADICTION)
        return decision

    def _score(self, bands: Bands) -> Scores:
        """Score frames; the sum so far."""
        front_ends = self.model.front_ends
        scores = self.model.score(
            [stretch_of(own, front_end) for own, front_end in zip(bands, front_ends, strict=True)]
        )
        self.scores = scores if self.scores is None else self.scores + scores
        return self.scores


@dataclass(kw_only=True)
class _Walk:
    """Chunks whose path is not known yet, the run that is going on, and a segment that may grow."""

    model: Model
    grid: Grid
    waiting: list[Bands] = field(default_factory=list)
    at: int = 0  # the step at which they begin
    voice: _Voice | None = None
    unknown: Segment | None = None  # an unknown voice that went over into another, which may be as unknown

    def take(self, run: Run) -> Iterator[Segment]:
        """Follow the path; segments that have ended thereby."""
        if self.voice is None or self.voice.run.state != run.state:
            yield from self._close(run.begin * self.grid.step_s, follows=run.state)
            self.voice = _Voice(model=self.model, run=run)
        cuts = [
            self.grid.first_frame(run.end, n) - self.grid.first_frame(self.at, n) for n in range(len(self.grid.ratios))
        ]
        bands, rest = _split(self.waiting, cuts)
        self.waiting, self.at = [rest], run.end
        self.voice.hear(bands)

    def end(self, at: float) -> Iterator[Segment]:
        """The last segments; what is too short for a single frame is no speech."""
        if self.voice is None and at > 0:
            yield Segment(start=0.0, end=at, label=NONSPEECH)
        yield from self._close(at, follows=NO_SPEECH)

    def _close(self, at: float, *, follows: int) -> Iterator[Segment]:
        if self.voice is None:
            return
        segment = self.voice.segment(self.voice.run.begin * self.grid.step_s, at)
        before, self.unknown = self.unknown, None
        if before is not None and segment.label == UNKNOWN:
            segment = replace(max(before, segment, key=lambda one: one.duration_s), start=before.start, end=segment.end)
        elif before is not None:
            yield before
        if segment.label == UNKNOWN and follows != NO_SPEECH:
            self.unknown = segment
        else:
            yield segment


def _split(pieces: Sequence[Bands], cuts: Sequence[int]) -> tuple[Bands, Bands]:
    """Join pieces and cut each stream in two."""
    joined = _joined(pieces)
    return (
        tuple(bands[:cut] for bands, cut in zip(joined, cuts, strict=True)),
        tuple(bands[cut:] for bands, cut in zip(joined, cuts, strict=True)),
    )


def _joined(pieces: Sequence[Bands]) -> Bands:
    return tuple(np.concatenate(stream) for stream in zip(*pieces, strict=True))
