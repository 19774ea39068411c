"""Output of reports: text or JSON on stdout, and files in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import at_least
from speechgmm.cli.console import note, print_result
from speechgmm.cli.corpus_selection import listed

if TYPE_CHECKING:
    from speechgmm.classifier.outcome import Outcome
    from speechgmm.corpus.recording import Corpus, Recording
    from speechgmm.evaluation.report import Report


def add_report_arguments(parser: argparse.ArgumentParser, *, seed: str = "seed of the bootstrap") -> None:
    """Add the options of a report on utterances; `seed` is the help on --seed."""
    add_by_argument(parser)
    add_report_folder_arguments(parser, "report.html, report.json, scores.csv and figures/")
    parser.add_argument(
        "--no-audio", action="store_true", help="leave the audio clips, which are people's voices, out of report.html"
    )
    add_bootstrap_arguments(parser, seed=seed)


def add_by_argument(parser: argparse.ArgumentParser) -> None:
    """Add --by."""
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        help="also report results per value of this column; can be repeated",
    )


def add_report_folder_arguments(parser: argparse.ArgumentParser, files: str) -> None:
    """Add --output, --force and --format; `files` names what is written to the folder."""
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help=f"also write {files} to this folder")
    parser.add_argument("--force", action="store_true", help="replace existing files in that folder")
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="format of the report on stdout (default: text)"
    )


def add_bootstrap_arguments(parser: argparse.ArgumentParser, *, seed: str = "seed of the bootstrap") -> None:
    """Add --resamples and --seed; `seed` is the help on the latter."""
    parser.add_argument(
        "--resamples",
        type=at_least(1),
        default=1000,
        metavar="N",
        help="bootstrap resamples for the intervals (default: 1000)",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help=f"{seed} (default: 0)")


def check_columns(corpus: Corpus, by: Sequence[str]) -> None:
    """Refuse columns of --by that the corpus does not have, before the work starts."""
    from speechgmm.errors import OptionError
    from speechgmm.evaluation.columns import further_columns, missing_column

    missing = missing_column(corpus.recordings, by)
    if missing is not None:
        existing = listed(missing, further_columns(corpus.recordings))
        raise OptionError(f"--by {missing}: {corpus.source} has no such column; its further columns: {existing}")


def check_report_folder(options: argparse.Namespace) -> None:
    """Check before the work starts that the report can be written."""
    from speechgmm.output.files import check_destinations

    check_destinations(report_files(options), replace=options.force)


def report_files(options: argparse.Namespace) -> list[Path]:
    """The files of the report, if it is written to a folder."""
    from speechgmm.reporting.write_report import FILES

    return [] if options.output is None else [options.output / name for name in FILES]


def deliver(
    options: argparse.Namespace, report: Report, outcomes: Sequence[Outcome], *, recordings: Sequence[Recording]
) -> None:
    """Write a report to the output folder, if one is given, and print it to stdout.

    Parameters
    ----------
    options : argparse.Namespace
        With the arguments of `add_report_arguments`.
    report : Report
    outcomes : sequence of Outcome
        The decisions behind the report.
    recordings : sequence of Recording
        The recordings of the outcomes, for the audio clips.
    """
    from speechgmm.evaluation.report_text import to_text
    from speechgmm.output.files import each_attempted, make_folder
    from speechgmm.reporting.write_report import as_json, has_matplotlib, origin_of, publish

    with each_attempted() as attempts:
        if options.output is not None:
            attempts.run(make_folder, options.output)
            attempts.run(
                publish,
                options.output,
                report,
                outcomes,
                origin=origin_of(options.command_line),
                recordings=None if options.no_audio else recordings,
                channel=options.channel,
            )
            if not has_matplotlib():
                note(options, "report.html has no pictures: they need matplotlib: pip install 'speechgmm[report]'")
        print_result(options, as_json(report) if options.format == "json" else to_text(report, columns=options.by))
