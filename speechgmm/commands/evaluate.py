"""``speechgmm evaluate``: a report on a model's answers for labelled recordings."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.commands.arguments import (
    Subparsers,
    add_corpus_arguments,
    add_min_probability_argument,
    add_model_argument,
    add_priors_argument,
    add_work_arguments,
    at_least,
    new_command,
    open_corpus,
    open_model,
)
from speechgmm.commands.console import note, tell_failure, tell_failure_count, watch_for

if TYPE_CHECKING:
    from speechgmm.recordings.recording import Corpus

EXAMPLE = """\
  speechgmm evaluate recordings/ -o report/
      where recordings/ holds female/ and male/, each with a folder a speaker
  speechgmm evaluate corpus.csv --model voices.npz --by language --by corpus"""

REPORT, SCORES = "report.json", "scores.csv"


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "evaluate", "report how right a model is on labelled recordings", EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument(
        "--split",
        metavar="SPLIT",
        help="split of a manifest to take, or 'all' (default: test, where the manifest has splits)",
    )
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    parser.add_argument(
        "--by", action="append", default=[], metavar="COLUMN", help="break the results down by a column; repeatable"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help=f"also write {REPORT} and {SCORES} to this folder"
    )
    parser.add_argument("--force", action="store_true", help="replace files in that folder")
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="of the report on stdout (default: text)"
    )
    parser.add_argument(
        "--resamples", type=at_least(1), default=1000, metavar="N", help="resamples for the intervals (default: 1000)"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of the resampling (default: 0)")
    add_work_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Classify labelled recordings and report."""
    from speechgmm.assessment import assess
    from speechgmm.evaluation.files import score_rows, to_json
    from speechgmm.evaluation.text import to_text
    from speechgmm.files import check_destination, make_folder, write_atomically

    model = open_model(options)
    corpus = _split(open_corpus(options), options.split)
    _check_columns(corpus, options.by)
    if options.output is not None:
        make_folder(options.output)
        for name in (REPORT, SCORES):
            check_destination(options.output / name, replace=options.force)
    assessment = assess(
        model,
        corpus,
        by=options.by,
        jobs=options.jobs,
        channel=options.channel,
        n_resamples=options.resamples,
        seed=options.seed,
        watch=watch_for(options),
    )
    report = assessment.report
    for failure in assessment.failures:
        tell_failure(failure.reason)
    tell_failure_count(len(assessment.failures), len(corpus.recordings))
    n_strange = len(report.skipped) - len(assessment.failures)
    if n_strange:
        classes = " or ".join(report.classes)
        note(options, f"{n_strange} of {len(corpus.recordings)} recordings left out: their label is not {classes}")
    for text in report.notes:
        note(options, text)
    as_json = json.dumps(to_json(report), indent=2, allow_nan=False) + "\n"
    if options.output is not None:
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows(score_rows(assessment.outcomes, classes=report.classes))
        write_atomically(options.output / SCORES, rows.getvalue().encode(errors="surrogateescape"))
        write_atomically(options.output / REPORT, as_json.encode())
    print(as_json if options.format == "json" else to_text(report), end="")
    return 1 if assessment.failures else 0


def _split(corpus: Corpus, wanted: str | None) -> Corpus:
    """The split asked for; by default the test split where the corpus has splits, else everything."""
    from speechgmm.errors import CorpusError

    splits = {recording.split for recording in corpus.recordings} - {None}
    if wanted == "all" or (wanted is None and not splits):
        return corpus
    wanted = wanted or "test"
    if wanted not in splits:
        found = ", ".join(sorted(map(str, splits))) or "none"
        raise CorpusError(
            f"{corpus.source}: there are no recordings of the split {wanted!r}; its splits: {found} (see --split)"
        )
    return corpus.select(lambda recording: recording.split == wanted)


def _check_columns(corpus: Corpus, by: Sequence[str]) -> None:
    """Find out before the work whether its results could be broken down by these columns."""
    from speechgmm.errors import OptionError

    found = {column for recording in corpus.recordings for column in recording.columns}
    for column in by:
        if column not in found:
            there = ", ".join(sorted(found)) or "none"
            raise OptionError(f"--by {column}: {corpus.source} has no such column; its further columns: {there}")
