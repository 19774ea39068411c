"""``speechgmm evaluate --segments``: score a model's segments of long recordings against references."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import open_model, pair
from speechgmm.cli.console import note, progress_for, report_failure, report_failure_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from speechgmm.corpus.recording import Recording
    from speechgmm.segmentation.references import Reference
    from speechgmm.segmentation.report import SegmentationReport

REPORT = "report.json"
_UTTERANCE_OPTIONS = ("root", "where", "split", "by", "no-audio")


def add_segment_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for the evaluation of segments."""
    group = parser.add_argument_group(
        "evaluation of segments",
        "with --segments, RECORDINGS is a long recording or a folder of long recordings,\n"
        "and -o writes only report.json",
    )
    group.add_argument(
        "--segments",
        type=Path,
        metavar="REFERENCE",
        help="segment the recordings and score the segments against this reference: an .rttm, .TextGrid or .csv "
        "(start,end,label[,path]) file, or a folder of such files",
    )
    group.add_argument(
        "--speaker",
        type=pair("NAME=CLASS"),
        action="append",
        default=[],
        metavar="NAME=CLASS",
        help="class of a speaker name in the reference, or nonspeech; can be repeated (AMI speaker ids are known)",
    )
    group.add_argument(
        "--collar",
        type=float,
        metavar="S",
        help="unscored seconds around each boundary of the reference, half on each side (default: 0)",
    )
    group.add_argument("--skip-overlap", action="store_true", help="do not score overlapping speech")


def check_utterance_options(options: argparse.Namespace) -> None:
    """Refuse options that have no effect without --segments."""
    from speechgmm.errors import OptionError

    for name, value in (
        ("speaker", options.speaker),
        ("collar", options.collar),
        ("skip-overlap", options.skip_overlap),
    ):
        if value not in (None, False, []):
            raise OptionError(f"--{name} needs --segments: it applies to segments of long recordings")


def run_segments(options: argparse.Namespace) -> int:
    """Segment recordings, score the segments against the references, and write a report."""
    from speechgmm.demo.ami_corpus import speaker_label
    from speechgmm.evaluation.intervals import Resampling
    from speechgmm.segmentation.evaluate_segments import assess_segments
    from speechgmm.segmentation.references import read_references
    from speechgmm.segmentation.segment_recordings import segmenter

    _check_segment_options(options)
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
        report_failure(failure.reason)
    report_failure_count(len(assessment.failures), len(recordings))
    _note_unused(options, recordings, references)
    _deliver(options, assessment.report)
    return 1 if assessment.failures else 0


def _check_segment_options(options: argparse.Namespace) -> None:
    """Refuse options that have no effect with --segments."""
    from speechgmm.errors import OptionError

    for name in _UTTERANCE_OPTIONS:
        if getattr(options, name.replace("-", "_")):
            raise OptionError(f"--{name} cannot be used with --segments: it applies to a corpus of utterances")


def _recordings(path: Path) -> list[Recording]:
    from speechgmm.corpus import find_audio
    from speechgmm.corpus.recording import Recording
    from speechgmm.errors import CorpusError

    recordings = [Recording(file=file, name=str(file), label="") for file in find_audio(path)]
    if not recordings:
        raise CorpusError(f"{path}: the folder contains no recordings")
    return recordings


def _check_output(options: argparse.Namespace) -> None:
    from speechgmm.files import check_destination, make_folder

    if options.output is not None:
        make_folder(options.output)
        check_destination(options.output / REPORT, replace=options.force)


def _note_unused(
    options: argparse.Namespace, recordings: Sequence[Recording], references: Mapping[str, Reference]
) -> None:
    from speechgmm.segmentation.writers import recording_id

    unused = sorted(references.keys() - {recording_id(recording.name) for recording in recordings})
    if unused:
        note(options, f"{len(unused)} of {len(references)} references have no recording, the first: '{unused[0]}'")


def _deliver(options: argparse.Namespace, report: SegmentationReport) -> None:
    from speechgmm.files import write_atomically
    from speechgmm.segmentation.report_json import report_to_json
    from speechgmm.segmentation.report_text import report_text

    as_json = json.dumps(report_to_json(report), indent=2, allow_nan=False) + "\n"
    if options.output is not None:
        write_atomically(options.output / REPORT, as_json.encode())
    print(as_json if options.format == "json" else report_text(report), end="")
