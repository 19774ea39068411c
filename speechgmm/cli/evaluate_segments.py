"""``speechgmm evaluate-segments``: score a model's segments of long recordings against references."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import (
    Subparsers,
    add_min_probability_argument,
    add_model_argument,
    add_priors_argument,
    add_work_arguments,
    model_file,
    naming,
    new_command,
    open_model,
    pair,
    seconds,
)
from speechgmm.cli.console import (
    note,
    note_warning_count,
    print_result,
    progress_for,
    report_failure,
    report_failure_count,
)
from speechgmm.cli.given_recordings import GivenRecordings
from speechgmm.cli.report_output import add_bootstrap_arguments, add_report_folder_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from speechgmm.corpus.recording import Recording
    from speechgmm.segmentation.references import Reference
    from speechgmm.segmentation.report import SegmentationReport

EXAMPLE = """\
  speechgmm evaluate-segments programme.mp3 programme.TextGrid
  speechgmm evaluate-segments programmes/ reference.rttm --speaker Ada=female --collar 0.25
      the reference has start, duration and speaker of each turn in all recordings of programmes/"""

REPORT = "report.json"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "evaluate a model's segments of long recordings"
    parser = new_command(subparsers, "evaluate-segments", summary, EXAMPLE)
    parser.add_argument(
        "recordings",
        nargs="+",
        metavar="RECORDING",
        help="a long recording, a folder (searched recursively) or a pattern",
    )
    parser.add_argument(
        "reference",
        type=Path,
        metavar="REFERENCE",
        help="an .rttm, .TextGrid or .csv (start,end,label[,path,channel]) file, or a folder of such files",
    )
    add_scoring_arguments(parser)
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    add_report_folder_arguments(parser, REPORT)
    add_bootstrap_arguments(parser)
    add_work_arguments(parser)
    parser.set_defaults(run=run)


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --speaker, --collar and --skip-overlap."""
    parser.add_argument(
        "--speaker",
        type=pair("NAME=CLASS"),
        action="append",
        default=[],
        metavar="NAME=CLASS",
        help="class of a speaker name in the reference, or nonspeech; can be repeated (AMI speaker ids are known)",
    )
    parser.add_argument(
        "--collar",
        type=seconds,
        default=0.0,
        metavar="S",
        help="unscored seconds around each boundary of the reference, half on each side (default: 0)",
    )
    parser.add_argument("--skip-overlap", action="store_true", help="do not score overlapping speech")


def run(options: argparse.Namespace) -> int:
    """Segment recordings, score the segments against the references, and write a report."""
    from speechgmm.demo.ami_corpus import speaker_label
    from speechgmm.evaluation.intervals import Resampling
    from speechgmm.segmentation.evaluate_segments import assess_segments
    from speechgmm.segmentation.references import read_references
    from speechgmm.segmentation.segment_recordings import segmenter

    model = open_model(options)
    with naming("--speaker"):
        references = read_references(
            options.reference,
            classes=model.labels,
            names=dict(options.speaker),
            further=speaker_label,
            channel=options.channel,
        )
    given = GivenRecordings(options.recordings)
    recordings = list(given)
    if not recordings:  # and each folder is reported
        return 1
    _check_output(options, [recording.file for recording in recordings])
    assessment = assess_segments(
        segmenter(model, channel=options.channel),
        recordings,
        references,
        collar_s=options.collar,
        skip_overlap=options.skip_overlap,
        jobs=options.jobs,
        resampling=Resampling(n_resamples=options.resamples, seed=options.seed),
        model=model.card,
        progress=progress_for(options),
    )
    for failure in assessment.failures:
        report_failure(failure.reason)
    report_failure_count(len(assessment.failures), len(recordings))
    note_warning_count(options, len(assessment.report.warnings), len(recordings))
    _note_unused(options, recordings, references)
    _deliver(options, assessment.report)
    return 1 if assessment.failures or given.n_empty else 0


def _check_output(options: argparse.Namespace, recordings: Sequence[Path]) -> None:
    """Check before the work that the report can be written and that it is none of the inputs."""
    from speechgmm.output.files import check_destinations, check_not_inputs

    if options.output is None:
        return
    report, reference = options.output / REPORT, options.reference
    references = reference.rglob("*") if reference.is_dir() else [reference]
    check_destinations([report], replace=options.force)
    check_not_inputs([report], [model_file(options), *references, *recordings])


def _note_unused(
    options: argparse.Namespace, recordings: Sequence[Recording], references: Mapping[str, Reference]
) -> None:
    from speechgmm.segmentation.writers import recording_id

    unused = sorted(references.keys() - {recording_id(recording.name) for recording in recordings})
    if unused:
        note(options, f"{len(unused)} of {len(references)} references have no recording, the first: '{unused[0]}'")


def _deliver(options: argparse.Namespace, report: SegmentationReport) -> None:
    from speechgmm.output.files import each_attempted, make_folder, write_atomically
    from speechgmm.segmentation.report_json import report_to_json
    from speechgmm.segmentation.report_text import report_text

    as_json = json.dumps(report_to_json(report), indent=2, allow_nan=False) + "\n"
    with each_attempted() as attempts:
        if options.output is not None:
            attempts.run(make_folder, options.output)
            attempts.run(write_atomically, options.output / REPORT, as_json.encode())
        print_result(options, as_json if options.format == "json" else report_text(report))
