"""``speechgmm evaluate --segments``: a report on a model's segments of long recordings."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import column_value, open_model
from speechgmm.cli.console import note, progress_for, tell_failure, tell_failure_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from speechgmm.corpus.recording import Recording
    from speechgmm.segmentation.references import Reference
    from speechgmm.segmentation.report import SegmentationReport

REPORT = "report.json"
_FOR_CORPORA = ("root", "where", "split", "by", "no-audio")


def add_segment_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how segments are evaluated."""
    group = parser.add_argument_group(
        "who speaks when", "with --segments, RECORDINGS is a long recording or a folder of such; -o writes report.json"
    )
    group.add_argument(
        "--segments",
        type=Path,
        metavar="REFERENCE",
        help="segment the recordings, and report how right that is: an .rttm, .TextGrid or .csv (start,end,label"
        "[,path]) file of who speaks when, or a folder of such files",
    )
    group.add_argument(
        "--speaker",
        type=column_value,
        action="append",
        default=[],
        metavar="NAME=CLASS",
        help="what a name in the reference stands for, a class or nonspeech; repeatable (AMI speaker ids are known)",
    )
    group.add_argument(
        "--collar",
        type=float,
        metavar="S",
        help="seconds around each boundary of the reference not to score, half on either side (default: 0)",
    )
    group.add_argument("--skip-overlap", action="store_true", help="do not score where several voices speak at once")


def refuse_what_is_for_segments(options: argparse.Namespace) -> None:
    """Tell who evaluates utterances that an option would do nothing."""
    from speechgmm.errors import OptionError

    for name, value in (
        ("speaker", options.speaker),
        ("collar", options.collar),
        ("skip-overlap", options.skip_overlap),
    ):
        if value not in (None, False, []):
            raise OptionError(f"--{name} needs --segments: it is about who speaks when in long recordings")


def run_segments(options: argparse.Namespace) -> int:
    """Segment recordings, hold the segments against their references, and report."""
    from speechgmm.demo.ami import speaker_label
    from speechgmm.evaluation.intervals import Resampling
    from speechgmm.segmentation.assess import assess_segments
    from speechgmm.segmentation.references import read_references
    from speechgmm.segmentation.segment_recordings import segmenter

    _refuse_what_is_for_corpora(options)
    model = open_model(options)
    references = read_references(
        options.segments, classes=model.labels, names=dict(options.speaker), further=speaker_label
    )
    recordings = _recordings(options.recordings)
    _check_output(options)
    assessment = assess_segments(
        segmenter(model, channel=options.channel),
        recordings,
        references,
        collar_s=options.collar or 0.0,
        skip_overlap=options.skip_overlap,
        jobs=options.jobs,
        resampling=Resampling(n_resamples=options.resamples, seed=options.seed),
        model=model.card,
        progress=progress_for(options),
    )
    for failure in assessment.failures:
        tell_failure(failure.reason)
    tell_failure_count(len(assessment.failures), len(recordings))
    _tell_unused(options, recordings, references)
    _deliver(options, assessment.report)
    return 1 if assessment.failures else 0


def _refuse_what_is_for_corpora(options: argparse.Namespace) -> None:
    from speechgmm.errors import OptionError

    for name in _FOR_CORPORA:
        if getattr(options, name.replace("-", "_")):
            raise OptionError(f"--{name} cannot be used with --segments: it is for a corpus of utterances")


def _recordings(path: Path) -> list[Recording]:
    from speechgmm.corpus import find_audio
    from speechgmm.corpus.recording import Recording
    from speechgmm.errors import CorpusError

    recordings = [Recording(file=file, name=str(file), label="") for file in find_audio(path)]
    if not recordings:
        raise CorpusError(f"{path}: the folder holds no recordings")
    return recordings


def _check_output(options: argparse.Namespace) -> None:
    from speechgmm.files import check_destination, make_folder

    if options.output is not None:
        make_folder(options.output)
        check_destination(options.output / REPORT, replace=options.force)


def _tell_unused(
    options: argparse.Namespace, recordings: Sequence[Recording], references: Mapping[str, Reference]
) -> None:
    from speechgmm.segmentation.writers import recording_id

    unused = sorted(references.keys() - {recording_id(one.name) for one in recordings})
    if unused:
        note(options, f"{len(unused)} of {len(references)} references are of no recording here: '{unused[0]}' ...")


def _deliver(options: argparse.Namespace, report: SegmentationReport) -> None:
    from speechgmm.files import write_atomically
    from speechgmm.segmentation.serialise import report_to_json
    from speechgmm.segmentation.text import report_text

    as_json = json.dumps(report_to_json(report), indent=2, allow_nan=False) + "\n"
    if options.output is not None:
        write_atomically(options.output / REPORT, as_json.encode())
    print(as_json if options.format == "json" else report_text(report), end="")
