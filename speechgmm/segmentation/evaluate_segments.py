"""Segment recordings and score the segments against their references."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError, CorpusError, EvaluationError
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.outcome_counts import Skipped, Warned
from speechgmm.features.extraction import Failure
from speechgmm.progress import Progress, silent
from speechgmm.segmentation.error_rate import Score, check_collar, score_segmentation
from speechgmm.segmentation.references import Reference
from speechgmm.segmentation.report import SegmentationReport, report_on
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.segment_recordings import SegmentStream
from speechgmm.segmentation.writers import recording_id
from speechgmm.workers.local import ordered_map

Segmenter = Callable[[Path], Iterable[Segment]]


@dataclass(frozen=True, kw_only=True)
class SegmentAssessment:
    """The report, and the recordings that could not be scored, which the report lists as skipped."""

    report: SegmentationReport
    failures: tuple[Failure, ...]


def assess_segments(
    segment: Segmenter,
    recordings: Sequence[Recording],
    references: Mapping[str, Reference],
    *,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
    jobs: int = 1,
    resampling: Resampling = Resampling(),
    model: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> SegmentAssessment:
    """Segment recordings, score the segments against the references, and report.

    Parameters
    ----------
    segment : callable
        Gives the segments of a file in order of time, up to its end. Picklable if there are several jobs.
    recordings : sequence of Recording
        Whole files.
    references : mapping of str to Reference
        By `recording_id`: see `read_references`.
    collar_s, skip_overlap
        See `score_segmentation`.
    jobs : int
        Processes; negative counts down from the number of cores.
    resampling : Resampling
        Of recordings, for the interval of the error rate.
    model : mapping, optional
        Model card.
    progress : Progress

    Returns
    -------
    SegmentAssessment

    Raises
    ------
    CorpusError
        If two recordings have the same `recording_id`.
    EvaluationError
        If no recording could be scored.
    OptionError
        If the collar is negative or not finite.
    """
    check_collar(collar_s)
    score = functools.partial(_score, segment=segment, collar_s=collar_s, skip_overlap=skip_overlap)
    scores: list[Score] = []
    warnings: list[Warned] = []
    failures: list[Failure] = []
    results = ordered_map(score, _with_references(recordings, references), jobs=jobs)
    for result in progress(results, total=len(recordings), what="segmenting"):
        if isinstance(result, Failure):
            failures.append(result)
            continue
        score_of_recording, warning = result
        scores.append(score_of_recording)
        if warning:
            warnings.append(Warned(path=score_of_recording.name, warning=warning))
    if failures and not scores:
        raise EvaluationError(f"none of {len(failures)} recordings could be scored, the first: {failures[0].reason}")
    report = report_on(
        scores,
        collar_s=collar_s,
        skip_overlap=skip_overlap,
        skipped=[Skipped(path=failure.recording.name, reason=failure.reason) for failure in failures],
        warnings=warnings,
        resampling=resampling,
        model=model,
    )
    return SegmentAssessment(report=report, failures=tuple(failures))


def _with_references(
    recordings: Sequence[Recording], references: Mapping[str, Reference]
) -> Iterator[tuple[Recording, Reference | None]]:
    """Each recording with its reference, if it has one."""
    names: dict[str, str] = {}
    for recording in recordings:
        identifier = recording_id(recording.name)
        if names.setdefault(identifier, recording.name) != recording.name:
            raise CorpusError(
                f"{recording.name}: {names[identifier]} has the same file name, so their references cannot be told "
                "apart; evaluate them separately"
            )
        yield recording, references.get(identifier)


def _score(
    item: tuple[Recording, Reference | None], *, segment: Segmenter, collar_s: float, skip_overlap: bool
) -> tuple[Score, str] | Failure:
    """Score a recording; the second value is the warning about its audio."""
    recording, reference = item
    try:
        if reference is None:
            raise CorpusError(f"{recording.name}: there is no reference for '{recording_id(recording.name)}'")
        found = segment(recording.file)
        segments = list(found)
        duration_s = segments[-1].end if segments else 0.0
        reference.check(duration_s)
    except (AudioError, CorpusError) as error:
        return Failure(recording=recording, reason=str(error))
    score = score_segmentation(
        reference.segments,
        segments,
        name=recording.name,
        duration_s=duration_s,
        collar_s=collar_s,
        skip_overlap=skip_overlap,
    )
    return score, found.heard.warning if isinstance(found, SegmentStream) else ""
