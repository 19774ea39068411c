"""``speechgmm compare``: compare two models on the same recordings, from the scores of two reports."""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import Subparsers, new_command
from speechgmm.cli.report_output import add_bootstrap_arguments
from speechgmm.text.terminal import escaped

if TYPE_CHECKING:
    from speechgmm.evaluation.comparison import Comparison, ErrorChange, Figure

EXAMPLE = """\
  speechgmm compare old/scores.csv new/scores.csv
      old/ and new/ are report folders written by evaluate or crossvalidate with -o"""

WIDTH, LIST_LENGTH = 100, 10


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "compare two models on the same recordings, with a significance test"
    parser = new_command(subparsers, "compare", summary, EXAMPLE)
    for name in "AB":
        parser.add_argument(
            name.lower(),
            type=Path,
            metavar=name,
            help=f"scores.csv of model {name}, written by evaluate or crossvalidate",
        )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="output format (default: text)")
    add_bootstrap_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare the scores of two models."""
    from speechgmm.evaluation.comparison import compare, to_json
    from speechgmm.evaluation.read_scores import read_scores

    comparison = compare(
        read_scores(options.a), read_scores(options.b), n_resamples=options.resamples, seed=options.seed
    )
    if options.format == "json":
        print(json.dumps(to_json(comparison), indent=2, allow_nan=False))
    else:
        print("\n".join(_lines(comparison)))
    return 0


def _lines(comparison: Comparison) -> Iterator[str]:
    """The comparison as text, the errors first."""
    yield _error_sentence(comparison)
    yield _uar_sentence(comparison)
    yield ""
    yield f"A: {escaped(comparison.first)}"
    yield f"B: {escaped(comparison.second)}"
    speakers = "named speakers" if comparison.n_unnamed else "speakers"
    yield f"compared on {comparison.n_utterances} utterances of {comparison.n_speakers} {speakers}"
    yield ""
    yield f"{'':9}  {'A':>6}  {'B':>6}  {'B - A':>6}  {100 * comparison.level:g} % interval"
    for name, figure in (("UAR", comparison.uar), ("accuracy", comparison.accuracy)):
        yield _row(name, figure)
    errors = comparison.errors
    yield f"{'errors':9}  {errors.first:6}  {errors.second:6}  {errors.second - errors.first:+6}"
    yield ""
    yield from textwrap.wrap(_mcnemar(comparison), WIDTH)
    method = "speakers within each class, then of utterances within each speaker, paired over both models"
    yield from textwrap.wrap(
        f"Intervals: percentiles over {comparison.n_resamples} resamples of {method} (seed {comparison.seed}).", WIDTH
    )
    for text in comparison.notes:
        yield from textwrap.wrap(f"Note: {escaped(text)}.", WIDTH, subsequent_indent="  ")
    for name, paths in (("A", comparison.only_first), ("B", comparison.only_second)):
        yield from _left_out(name, paths)


def _error_sentence(comparison: Comparison) -> str:
    errors = comparison.errors
    counts = f"{errors.second} instead of {errors.first} of {comparison.n_utterances} utterances"
    if not errors.first:
        return f"A makes 0 errors, B makes {errors.second}: a relative change is not defined"
    interval = f"{100 * comparison.level:g} % interval {_range(errors)}"
    if errors.second == errors.first:
        return f"B makes as many errors as A ({interval}): {errors.second} of {comparison.n_utterances} utterances"
    return f"B makes {_percent(errors.change)} {_direction(errors.change)} errors ({interval}): {counts}"


def _uar_sentence(comparison: Comparison) -> str:
    low, high = comparison.uar.interval.low, comparison.uar.interval.high
    level = f"at the {100 * (1 - comparison.level):g} % level"
    if math.isnan(low) or low <= 0.0 <= high:
        return f"The difference in UAR is not significant {level}."
    return f"The difference in UAR is significant {level}: B is {'better' if low > 0 else 'worse'}."


def _range(errors: ErrorChange) -> str:
    """The interval as text; "more" or "fewer" follows each end if the signs of the ends differ."""
    ends = [errors.interval.high, errors.interval.low]
    if errors.change > 0:
        ends.reverse()
    if all(end <= 0 for end in ends) or all(end >= 0 for end in ends):
        return f"{_percent(ends[0]).removesuffix(' %')} to {_percent(ends[1])}"
    return f"{_percent(ends[0])} {_direction(ends[0])} to {_percent(ends[1])} {_direction(ends[1])}"


def _percent(change: float) -> str:
    return "without bound" if math.isinf(change) else f"{100 * abs(change):.0f} %"


def _direction(change: float) -> str:
    return "more" if change > 0 else "fewer"


def _row(name: str, figure: Figure) -> str:
    interval = f"{figure.interval.low:+.3f} to {figure.interval.high:+.3f}"
    return f"{name:9}  {figure.first:6.3f}  {figure.second:6.3f}  {figure.difference:+6.3f}  {interval}"


def _mcnemar(comparison: Comparison) -> str:
    test = comparison.mcnemar
    return (
        f"Only A is correct on {test.only_first} utterances, only B on {test.only_second}. McNemar's exact test: "
        f"p = {test.p_value:.3g}; it assumes independent utterances, and utterances of one speaker are not."
    )


def _left_out(name: str, paths: Sequence[str]) -> Iterator[str]:
    if paths:
        yield f"Left out, only in {name}: {len(paths)}"
        yield from (f"  {escaped(path)}" for path in paths[:LIST_LENGTH])
        if len(paths) > LIST_LENGTH:
            yield f"  and {len(paths) - LIST_LENGTH} more"
