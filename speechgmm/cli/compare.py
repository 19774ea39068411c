"""``speechgmm compare``: two models on the same recordings, from the scores of two reports."""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import Subparsers, at_least, new_command
from speechgmm.cli.console import printable

if TYPE_CHECKING:
    from speechgmm.evaluation.comparison import Comparison, ErrorChange, Figure

EXAMPLE = """\
  speechgmm compare old/scores.csv new/scores.csv
      where old/ and new/ are the folders of two reports, as evaluate and crossvalidate write them with -o"""

WIDTH, LIST_LENGTH = 100, 10


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "tell whether one of two models is better than the other by more than chance"
    parser = new_command(subparsers, "compare", summary, EXAMPLE)
    for name in "AB":
        parser.add_argument(
            name.lower(), type=Path, metavar=name, help="a scores.csv, as evaluate and crossvalidate write it"
        )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the answer (default: text)")
    parser.add_argument(
        "--resamples", type=at_least(1), default=1000, metavar="N", help="resamples for the intervals (default: 1000)"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of the resampling (default: 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare the scores of two models."""
    from speechgmm.evaluation.comparison import compare, to_json
    from speechgmm.evaluation.scores import read_scores

    found = compare(read_scores(options.a), read_scores(options.b), n_resamples=options.resamples, seed=options.seed)
    if options.format == "json":
        print(json.dumps(to_json(found), indent=2, allow_nan=False))
    else:
        print("\n".join(_lines(found)))
    return 0


def _lines(found: Comparison) -> Iterator[str]:
    """The comparison for people, the errors first."""
    yield _sentence(found)
    yield _verdict(found)
    yield ""
    yield f"A: {printable(found.first)}"
    yield f"B: {printable(found.second)}"
    speakers = "named speakers" if found.n_unnamed else "speakers"
    yield f"compared on {found.n_utterances} utterances of {found.n_speakers} {speakers}"
    yield ""
    yield f"{'':9}  {'A':>6}  {'B':>6}  {'B - A':>6}  {100 * found.level:g} % interval"
    for name, figure in (("UAR", found.uar), ("accuracy", found.accuracy)):
        yield _row(name, figure)
    errors = found.errors
    yield f"{'errors':9}  {errors.first:6}  {errors.second:6}  {errors.second - errors.first:+6}"
    yield ""
    yield from textwrap.wrap(_mcnemar(found), WIDTH)
    method = "speakers within each class, then of utterances within each speaker, both answers drawn together"
    yield from textwrap.wrap(
        f"Intervals: percentiles over {found.n_resamples} resamples of {method} (seed {found.seed}).", WIDTH
    )
    for text in found.notes:
        yield from textwrap.wrap(f"Note: {printable(text)}.", WIDTH, subsequent_indent="  ")
    for name, paths in (("A", found.only_first), ("B", found.only_second)):
        yield from _left_out(name, paths)


def _sentence(found: Comparison) -> str:
    errors = found.errors
    amounts = f"{errors.second} instead of {errors.first} of {found.n_utterances} utterances"
    if not errors.first:
        made = f"B makes {errors.second}" if errors.second else "nor does B"
        return f"A makes no errors, {made}: there is no change in proportion"
    within = f"{100 * found.level:g} % interval {_range(errors)}"
    if errors.second == errors.first:
        return f"B makes as many errors as A ({within}): {errors.second} of {found.n_utterances} utterances"
    return f"B makes {_share(errors.change)} {_kind(errors.change)} errors ({within}): {amounts}"


def _verdict(found: Comparison) -> str:
    low, high = found.uar.interval.low, found.uar.interval.high
    if math.isnan(low) or low <= 0.0 <= high:
        return "The difference in UAR is within what chance gives."
    return f"The difference in UAR is more than chance gives: B is {'better' if low > 0 else 'worse'}."


def _range(errors: ErrorChange) -> str:
    """The interval in words, the fewer errors last where B makes fewer: both ends name their side where they differ."""
    ends = [errors.interval.high, errors.interval.low]
    if errors.change > 0:
        ends.reverse()
    if all(end <= 0 for end in ends) or all(end >= 0 for end in ends):
        return f"{_share(ends[0]).removesuffix(' %')} to {_share(ends[1])}"
    return f"{_share(ends[0])} {_kind(ends[0])} to {_share(ends[1])} {_kind(ends[1])}"


def _share(change: float) -> str:
    return "without bound" if math.isinf(change) else f"{100 * abs(change):.0f} %"


def _kind(change: float) -> str:
    return "more" if change > 0 else "fewer"


def _row(name: str, figure: Figure) -> str:
    interval = f"{figure.interval.low:+.3f} to {figure.interval.high:+.3f}"
    return f"{name:9}  {figure.first:6.3f}  {figure.second:6.3f}  {figure.difference:+6.3f}  {interval}"


def _mcnemar(found: Comparison) -> str:
    test = found.mcnemar
    return (
        f"A alone is right on {test.only_first} utterances, B alone on {test.only_second}. McNemar's exact test: "
        f"p = {test.p_value:.3g}; it takes utterances as independent, which those of one speaker are not."
    )


def _left_out(name: str, paths: Sequence[str]) -> Iterator[str]:
    if paths:
        yield f"Left out, as only {name} has them: {len(paths)}"
        yield from (f"  {printable(path)}" for path in paths[:LIST_LENGTH])
        if len(paths) > LIST_LENGTH:
            yield f"  and {len(paths) - LIST_LENGTH} more"
