"""Segment recordings and hold what comes out against references of who speaks when."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError, CorpusError, EvaluationError
from speechgmm.evaluation.intervals import Resampling
from speechgmm.evaluation.outcomes import Skipped
from speechgmm.features.extraction import Failure
from speechgmm.progress import Progress, silent
from speechgmm.segmentation.references import Reference
from speechgmm.segmentation.report import SegmentationReport, report_on
from speechgmm.segmentation.scoring import Score, check_collar, score_segmentation
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.writers import recording_id
from speechgmm.workers.local import ordered_map

Segmenter = Callable[[Path], Iterable[Segment]]


@dataclass(frozen=True, kw_only=True)
class SegmentAssessment:
    """The report on segmentations, and what could not be scored; the report lists it as skipped."""

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
    """Segment recordings and report how right the segments are.

    Parameters
    ----------
    segment : callable
        Gives the segments of a file, in order of time and to its very end. For several jobs it must be picklable.
    recordings : sequence of Recording
        Whole files.
    references : mapping of str to Reference
        By `recording_id`: see `read_references`.
    collar_s, skip_overlap
        See `score_segmentation`.
    jobs : int
        Processes; negative counts down from the number of cores.
    resampling : Resampling
        Behind the interval of the rate.
    model : mapping, optional
        What the model says of itself.
    progress : Progress
        Follows the progress.

    Returns
    -------
    SegmentAssessment

    Raises
    ------
    CorpusError
        If two recordings have one `recording_id`.
    EvaluationError
        If nothing could be scored.
    OptionError
        If the collar is no length.
    """
    check_collar(collar_s)
    work = functools.partial(_score, segment=segment, collar_s=collar_s, skip_overlap=skip_overlap)
    scores: list[Score] = []
    failures: list[Failure] = []
    results = ordered_map(work, _with_references(recordings, references), jobs=jobs)
    for result in progress(results, total=len(recordings), what="segmenting"):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            scores.append(result)
    if failures and not scores:
        raise EvaluationError(f"none of {len(failures)} recordings could be scored, the first: {failures[0].reason}")
    report = report_on(
        scores,
        collar_s=collar_s,
        skip_overlap=skip_overlap,
        skipped=[Skipped(path=failure.recording.name, reason=failure.reason) for failure in failures],
        resampling=resampling,
        model=model,
    )
    return SegmentAssessment(report=report, failures=tuple(failures))


def _with_references(
    recordings: Sequence[Recording], references: Mapping[str, Reference]
) -> Iterator[tuple[Recording, Reference | None]]:
    """Each recording with its reference, if it has one."""
    known: dict[str, str] = {}
    for recording in recordings:
        name = recording_id(recording.name)
        if known.setdefault(name, recording.name) != recording.name:
            raise CorpusError(
                f"{recording.name}: {known[name]} has the same name, by which references know recordings; "
                "evaluate them apart"
            )
        yield recording, references.get(name)


def _score(
    item: tuple[Recording, Reference | None], *, segment: Segmenter, collar_s: float, skip_overlap: bool
) -> Score | Failure:
    recording, reference = item
    try:
        if reference is None:
            raise CorpusError(f"{recording.name}: there is no reference for '{recording_id(recording.name)}'")
        segments = list(segment(recording.file))
        duration_s = segments[-1].end if segments else 0.0
        reference.check(duration_s)
    except (AudioError, CorpusError) as error:
        return Failure(recording=recording, reason=str(error))
    return score_segmentation(
        reference.segments,
        segments,
        name=recording.name,
        duration_s=duration_s,
        collar_s=collar_s,
        skip_overlap=skip_overlap,
    )
