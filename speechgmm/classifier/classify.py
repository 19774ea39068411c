"""Classification of recordings, or of samples in memory, with a model."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from numpy.typing import ArrayLike

from speechgmm.audio.hearing import Heard
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.classifier.scorer import Scores
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.extraction import Failure, recording_stretches
from speechgmm.features.front_end import Stretch, stream_stretches
from speechgmm.features.mel_filters import MelFilters
from speechgmm.features.options import FrontEndOptions
from speechgmm.workers.local import ordered_map, single_thread, thread_count, while_wanted

MAX_THREADS = 2
"""So many threads work at once at the cost of one: three quarters of the work are in libraries that free the
interpreter. More would wait for it, so more jobs are processes, each of which starts for as long as 200 files take."""


class Classifier(Protocol):
    """What is used of a `Model` here. A `Model` has methods that use this module."""

    @property
    def front_end(self) -> FrontEndOptions:
        """The front end of the first stream."""

    @property
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """The front ends of all streams."""

    @property
    def filters(self) -> tuple[MelFilters, ...]:
        """The mel filter banks of all streams."""

    def score_all(self, stretches: Iterable[Sequence[Stretch]]) -> Scores:
        """Score an utterance."""

    def decide(self, scores: Scores) -> Decision:
        """Choose a label, or abstain."""


@single_thread
def classify_samples(
    model: Classifier, samples: ArrayLike, sampling_rate: float, *, heard: Heard | None = None
) -> Decision:
    """Classify an utterance in memory.

    Parameters
    ----------
    model : Classifier
    samples : array_like (n,) or (n, channels)
        Floating-point numbers in [-1, 1], or integers over their full range.
    sampling_rate : float
        Hz.
    heard : Heard, optional
        Is filled in.

    Returns
    -------
    Decision

    Raises
    ------
    AudioError
        If the samples cannot be used.
    """
    conformed = to_mono_at_rate(samples, sampling_rate, model.front_end.sampling_rate, heard=heard)
    return model.decide(model.score_all(stream_stretches([conformed], model.front_ends, model.filters)))


@single_thread
def classify_recording(recording: Recording, *, model: Classifier, channel: int | None = None) -> Outcome | Failure:
    """Classify a recording. If it cannot be read, the result is a `Failure`.

    Parameters
    ----------
    recording : Recording
    model : Classifier
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Returns
    -------
    Outcome or Failure
    """
    heard = Heard()
    try:
        stretches = recording_stretches(
            recording, model.front_ends, channel=channel, heard=heard, filters=model.filters
        )
        scores = model.score_all(while_wanted(stretches))
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))
    return Outcome(
        path=recording.name,
        truth=recording.label,
        speaker=recording.speaker,
        duration_s=model.front_end.duration_s(scores.n_frames),
        decision=model.decide(scores),
        start=recording.start,
        end=recording.end,
        snr_db=scores.snr_db,
        warning=heard.warning,
        columns=recording.columns,
        renamed=recording.renamed,
    )


def classify_all(
    model: Classifier, recordings: Iterable[Recording], *, jobs: int = 1, channel: int | None = None
) -> Iterator[Outcome | Failure]:
    """Classify recordings lazily and in order. Memory does not grow with their number or length."""
    work = functools.partial(classify_recording, model=model, channel=channel)
    return ordered_map(work, recordings, jobs=jobs, threads=in_threads(jobs))


def in_threads(jobs: int) -> bool:
    """Whether so many jobs are threads of this process; otherwise they are processes."""
    return thread_count(jobs) <= MAX_THREADS
