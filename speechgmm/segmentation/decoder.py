"""From a stream of samples to segments: emissions per chunk, Viterbi path, and a decision for each run of a class.

Each run of a class is classified as ``speechgmm classify`` would classify it alone, so its probability is calibrated.
It is scored a minute at a time, so memory does not grow with its length. The path gives the boundaries, the classifier
the label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.model import Model
from speechgmm.classifier.scorer import Scores
from speechgmm.features.array_types import Features, Samples
from speechgmm.features.bands import chunks
from speechgmm.features.front_end import STRETCH_S, stretch_of
from speechgmm.segmentation.array_types import Floats
from speechgmm.segmentation.emissions import Past, listen
from speechgmm.segmentation.options import Grid, SegmentationOptions
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.viterbi import Run, Topology, Viterbi

NONSPEECH_STATE = 0  # the states after it are the classes, in the order of the model's labels
CONTRADICTION = "its parts and the whole of it do not sound like the same class"

Bands = tuple[Features, ...]
"""Log mel bands (T, n_mels) of one time span, for each stream."""

Watch = Callable[[Bands, Floats], None]
"""Is told of each chunk, in order and before its path is known: its bands, and its emissions (N, 1 + C) as of
`emissions.listen`."""


def segments_of(
    model: Model,
    blocks: Iterable[Samples],
    *,
    options: SegmentationOptions = SegmentationOptions(),
    watch: Watch | None = None,
) -> Iterator[Segment]:
    """Segment a stream of samples; each segment comes as soon as its end is final.

    Parameters
    ----------
    model : Model
    blocks : iterable of ndarray (n,)
        Samples in [-1, 1] at the model's sampling rate, in blocks of any length; the segments do not depend on it. The
        chunks of a block are scored together, so blocks of several seconds take less time.
    options : SegmentationOptions
    watch : callable, optional
        See `Watch`.

    Yields
    ------
    Segment
        In order of time, without gaps, from 0 to the end of the samples. Neighbours differ in label or reason.
    """
    grid = Grid.of(model.front_ends)
    counter = _SampleCounter()
    viterbi = Viterbi(topology(len(model.labels), grid, options), lag=grid.steps(options.lag_s))
    builder = _SegmentBuilder(model=model, grid=grid)
    past = Past()
    for batch in chunks(counter.counted(blocks), model.front_ends, model.filters, n_frames=grid.chunk):
        emissions, past = listen(model, grid, batch, past)
        for bands, steps in zip(batch, emissions, strict=True):
            if watch is not None:
                watch(bands, steps)
            builder.pending.append(bands)
            for run in viterbi.advance(steps):
                yield from builder.add(run)
    for run in viterbi.finish():
        yield from builder.add(run)
    yield from builder.finish(counter.n_samples / model.front_end.sampling_rate)


def topology(n_classes: int, grid: Grid, options: SegmentationOptions) -> Topology:
    """The topology of a model's segments: non-speech, then each class."""
    min_seconds = [options.min_nonspeech_s, *[options.min_voice_s] * n_classes]
    states = range(1 + n_classes)
    return Topology(
        min_steps=tuple(max(grid.steps(seconds), 1) for seconds in min_seconds),
        costs=tuple(
            tuple(options.nonspeech_cost if NONSPEECH_STATE in (i, j) else options.voice_cost for j in states)
            for i in states
        ),
    )


class _SampleCounter:
    """Counts the samples of a stream."""

    n_samples = 0

    def counted(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self.n_samples += len(block)
            yield block


@dataclass(kw_only=True)
class _RunScorer:
    """Scores a run while it grows: keeps the bands of at most a minute and a half, and the scores of those before.

    Of a run of non-speech nothing is kept.
    """

    model: Model
    run: Run
    bands: list[Bands] = field(default_factory=list)
    n_frames: int = 0
    scores: Scores | None = None

    def add(self, bands: Bands) -> None:
        """Add the next frames of the run."""
        if self.run.state == NONSPEECH_STATE:
            return
        self.bands.append(bands)
        self.n_frames += len(bands[0])
        cuts = [round(STRETCH_S / stream.front_end.hop_s) for stream in self.model.streams]
        while self.n_frames >= cuts[0] + cuts[0] // 2:
            minute, rest = _split(self.bands, cuts)
            self._score(minute)
            self.bands, self.n_frames = [rest], self.n_frames - cuts[0]

    def segment(self, start: float, end: float) -> Segment:
        """The run as a segment from `start` to `end`, in seconds."""
        if self.run.state == NONSPEECH_STATE:
            return Segment(start=start, end=end, label=NONSPEECH)
        decision = self._decision(self._score(_concatenated(self.bands)))
        return Segment(
            start=start,
            end=end,
            label=decision.label,
            probability=decision.probability,
            probabilities=decision.probabilities,
            reason=decision.reason,
        )

    def _decision(self, scores: Scores) -> Decision:
        """The classifier's decision; unknown if it contradicts the path, which in noise is often no speech at all."""
        decision = self.model.decide(scores)
        if decision.decided and decision.label != self.model.labels[self.run.state - 1]:
            return Decision(label=UNKNOWN, speech_s=decision.speech_s, reason=CONTRADICTION)
        return decision

    def _score(self, bands: Bands) -> Scores:
        """Score further bands; returns the sum of all so far."""
        front_ends = self.model.front_ends
        scores = self.model.score(
            [stretch_of(stream_bands, front_end) for stream_bands, front_end in zip(bands, front_ends, strict=True)]
        )
        self.scores = scores if self.scores is None else self.scores + scores
        return self.scores


@dataclass(kw_only=True)
class _SegmentBuilder:
    """Turns the final runs of the path into segments.

    Attributes
    ----------
    pending : list of tuple of ndarray
        Bands of the chunks whose path is not final yet.
    first_step : int
        The step at which they start.
    scorer : _RunScorer, optional
        Of the run that is not finished yet.
    unknown : Segment, optional
        A finished segment of unknown label that is followed by another class; joined with the next one if that is
        unknown too.
    """

    model: Model
    grid: Grid
    pending: list[Bands] = field(default_factory=list)
    first_step: int = 0
    scorer: _RunScorer | None = None
    unknown: Segment | None = None

    def add(self, run: Run) -> Iterator[Segment]:
        """Add a final run, or a further part of it; gives the segments that are finished by it."""
        if self.scorer is None or self.scorer.run.state != run.state:
            yield from self._finish_run(run.start * self.grid.step_s, next_state=run.state)
            self.scorer = _RunScorer(model=self.model, run=run)
        cuts = [
            self.grid.first_frame(run.end, stream) - self.grid.first_frame(self.first_step, stream)
            for stream in range(len(self.grid.ratios))
        ]
        bands, rest = _split(self.pending, cuts)
        self.pending, self.first_step = [rest], run.end
        self.scorer.add(bands)

    def finish(self, end: float) -> Iterator[Segment]:
        """The last segments; samples too few for a frame are non-speech."""
        if self.scorer is None and end > 0:
            yield Segment(start=0.0, end=end, label=NONSPEECH)
        yield from self._finish_run(end, next_state=NONSPEECH_STATE)

    def _finish_run(self, end: float, *, next_state: int) -> Iterator[Segment]:
        if self.scorer is None:
            return
        segment = self.scorer.segment(self.scorer.run.start * self.grid.step_s, end)
        before, self.unknown = self.unknown, None
        if before is not None and segment.label == UNKNOWN:
            longer = max(before, segment, key=lambda part: part.duration_s)
            segment = replace(longer, start=before.start, end=segment.end)
        elif before is not None:
            yield before
        if segment.label == UNKNOWN and next_state != NONSPEECH_STATE:
            self.unknown = segment
        else:
            yield segment


def _split(pieces: Sequence[Bands], cuts: Sequence[int]) -> tuple[Bands, Bands]:
    """Concatenate pieces and cut each stream in two."""
    whole = _concatenated(pieces)
    return (
        tuple(bands[:cut] for bands, cut in zip(whole, cuts, strict=True)),
        tuple(bands[cut:] for bands, cut in zip(whole, cuts, strict=True)),
    )


def _concatenated(pieces: Sequence[Bands]) -> Bands:
    return tuple(np.concatenate(stream) for stream in zip(*pieces, strict=True))
