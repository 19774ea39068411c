"""Answers to requests, as the commands ``classify`` and ``segment`` give them, for a recording in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from speechgmm.audio.hearing import Heard
from speechgmm.audio.memory_file import MemoryFile
from speechgmm.audio.reading import blocks
from speechgmm.audio.samples import Samples
from speechgmm.classifier import writers as answer_writers
from speechgmm.classifier.model import Model
from speechgmm.classifier.outcome import Outcome
from speechgmm.features.front_end import stream_stretches
from speechgmm.segmentation import writers as segment_writers
from speechgmm.segmentation.segment_recordings import BLOCK_S, segment_blocks
from speechgmm.web.places import Wanted
from speechgmm.web.queries import ClassifyQuery, ModelQuery, SegmentQuery
from speechgmm.workers.local import single_thread


def chosen_model(model: Model, query: ModelQuery) -> Model:
    """The model with the priors and the least probability of a query."""
    if query.priors is not None:
        model = model.with_priors(query.prior_of_classes())
    if query.min_probability is not None:
        model = replace(model, decision=replace(model.decision, min_probability=query.min_probability))
    return model


@single_thread
def classified(file: MemoryFile, *, model: Model, query: ClassifyQuery, wanted: Wanted) -> str:
    """Classify a recording.

    Parameters
    ----------
    file : MemoryFile
    model : Model
    query : ClassifyQuery
    wanted : Wanted

    Returns
    -------
    str
        In the format of the query, as the command prints it.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    OptionError
        If the options do not fit the model.
    """
    model, heard = chosen_model(model, query), Heard()
    samples = blocks(file, sampling_rate=model.front_end.sampling_rate, channel=query.channel, heard=heard)
    scores = model.score_all(stream_stretches(wanted.passing(samples), model.front_ends, model.filters))
    outcome = Outcome(
        path=file.name,
        truth="",
        speaker=None,
        duration_s=model.front_end.duration_s(scores.n_frames),
        decision=model.decide(scores),
        snr_db=scores.snr_db,
        warning=heard.warning,
    )
    return "".join(answer_writers.FORMATS[query.format].write([outcome], labels=model.labels))


def samples_to_segment(file: MemoryFile, model: Model, query: SegmentQuery, heard: Heard) -> Iterator[Samples]:
    """The samples of the part of a recording that a query is for; what is heard is filled in."""
    return blocks(
        file,
        sampling_rate=model.front_end.sampling_rate,
        channel=query.channel,
        start=query.start,
        end=query.end,
        block_s=BLOCK_S,
        heard=heard,
    )


def segmented(file: MemoryFile, *, model: Model, query: SegmentQuery, wanted: Wanted) -> str:
    """Segment a recording; parameters, result and errors as of `classified`."""
    model, heard = chosen_model(model, query), Heard()
    samples = samples_to_segment(file, model, query, heard)
    segments = segment_blocks(model, wanted.passing(samples), offset_s=query.start)
    recording = segment_writers.SegmentedRecording(
        name=file.name, channel=query.channel, heard=heard, classes=model.labels
    )
    return "".join(segment_writers.FORMATS[query.format].write(segments, recording))
