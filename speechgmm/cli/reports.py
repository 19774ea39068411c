"""How the commands that evaluate deliver a report: as text or JSON on stdout, and as files in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import at_least
from speechgmm.cli.console import note

if TYPE_CHECKING:
    from speechgmm.classifier.outcome import Outcome
    from speechgmm.corpus.recording import Corpus, Recording
    from speechgmm.evaluation.report import Report


def add_report_arguments(parser: argparse.ArgumentParser, *, seed: str = "seed of the resampling") -> None:
    """Add what the report holds and where it goes; `seed` is the help on --seed."""
    parser.add_argument(
        "--by", action="append", default=[], metavar="COLUMN", help="break the results down by a column; repeatable"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="also write report.html, report.json, scores.csv and figures/ to this folder",
    )
    parser.add_argument("--force", action="store_true", help="replace files in that folder")
    parser.add_argument(
        "--no-audio", action="store_true", help="leave out of report.html the clips of recordings, which are voices"
    )
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="of the report on stdout (default: text)"
    )
    parser.add_argument(
        "--resamples", type=at_least(1), default=1000, metavar="N", help="resamples for the intervals (default: 1000)"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help=f"{seed} (default: 0)")


def check_columns(corpus: Corpus, by: Sequence[str]) -> None:
    """Find out before the work whether its results could be broken down by these columns."""
    from speechgmm.errors import OptionError

    found = {column for recording in corpus.recordings for column in recording.columns}
    for column in by:
        if column not in found:
            there = ", ".join(sorted(found)) or "none"
            raise OptionError(f"--by {column}: {corpus.source} has no such column; its further columns: {there}")


def check_report_folder(options: argparse.Namespace) -> None:
    """Find out before the work whether the report could be written; make its folder."""
    from speechgmm.files import check_destination, make_folder
    from speechgmm.reporting.publish import FIGURES, FILES, has_matplotlib

    if options.output is None:
        return
    make_folder(options.output)
    for file in (options.output / name for name in FILES):
        if file.parent.is_dir():
            check_destination(file, replace=options.force)
    if has_matplotlib():
        make_folder(options.output / FIGURES)


def deliver(
    options: argparse.Namespace, report: Report, outcomes: Sequence[Outcome], *, recordings: Sequence[Recording]
) -> None:
    """Write a report to the folder and the form on stdout that were asked for.

    Parameters
    ----------
    options : argparse.Namespace
        With the arguments of `add_report_arguments`.
    report : Report
    outcomes : sequence of Outcome
        What the report rests on.
    recordings : sequence of Recording
        Where the outcomes' audio is.
    """
    from speechgmm.evaluation.text import to_text
    from speechgmm.reporting.publish import as_json, has_matplotlib, origin_of, publish

    if options.output is not None:
        publish(
            options.output,
            report,
            outcomes,
            origin=origin_of(options.command_line),
            recordings=None if options.no_audio else recordings,
            channel=options.channel,
        )
        if not has_matplotlib():
            note(options, "report.html has no pictures: they need matplotlib: pip install 'speechgmm[report]'")
    print(as_json(report) if options.format == "json" else to_text(report, columns=options.by), end="")
