"""``speechgmm evaluate``: a report on a model's answers for labelled recordings."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import (
    Subparsers,
    add_corpus_arguments,
    add_min_probability_argument,
    add_model_argument,
    add_priors_argument,
    add_work_arguments,
    new_command,
    open_corpus,
    open_model,
)
from speechgmm.cli.console import note, progress_for, tell_failure, tell_failure_count
from speechgmm.cli.evaluate_segments import add_segment_arguments, refuse_what_is_for_segments, run_segments
from speechgmm.cli.reports import add_report_arguments, check_columns, check_report_folder, deliver

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus

EXAMPLE = """\
  speechgmm evaluate recordings/ -o report/
      where recordings/ holds female/ and male/, each with a folder a speaker
  speechgmm evaluate corpus.csv --model voices.npz --by language --by corpus
  speechgmm evaluate programmes/ --segments reference.rttm --collar 0.25
      where programmes/ holds long recordings, and the reference says who speaks when in them"""


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
    add_report_arguments(parser)
    add_work_arguments(parser)
    add_segment_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Classify labelled recordings, or segment long ones, and report."""
    from speechgmm.evaluation.assess import assess

    if options.segments is not None:
        return run_segments(options)
    refuse_what_is_for_segments(options)
    model = open_model(options)
    corpus = _split(open_corpus(options), options.split)
    check_columns(corpus, options.by)
    check_report_folder(options)
    assessment = assess(
        model,
        corpus,
        by=options.by,
        jobs=options.jobs,
        channel=options.channel,
        n_resamples=options.resamples,
        seed=options.seed,
        progress=progress_for(options),
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
    deliver(options, report, assessment.outcomes, recordings=corpus.recordings)
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
