"""``speechgmm evaluate --segments``: the former name of `evaluate_segments`, to be removed in 0.3.0."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from speechgmm.cli import evaluate_segments
from speechgmm.cli.arguments import pair, seconds
from speechgmm.cli.console import report_failure

_OF_UTTERANCES = ("root", "where", "split", "by", "no-audio")


def add_former_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the former options to `evaluate`, without help."""
    hidden = argparse.SUPPRESS
    parser.add_argument("--segments", type=Path, help=hidden)
    parser.add_argument("--speaker", type=pair("NAME=CLASS"), action="append", default=[], help=hidden)
    parser.add_argument("--collar", type=seconds, help=hidden)
    parser.add_argument("--skip-overlap", action="store_true", help=hidden)


def check_no_former_arguments(options: argparse.Namespace) -> None:
    """Refuse options that have no effect without --segments."""
    from speechgmm.errors import OptionError

    for name in ("speaker", "collar", "skip-overlap"):
        if getattr(options, name.replace("-", "_")) not in (None, False, []):
            raise OptionError(f"--{name} is an option of speechgmm evaluate-segments")


def run_former(options: argparse.Namespace) -> int:
    """Run ``speechgmm evaluate-segments`` with the options of the former name, and warn on stderr."""
    from speechgmm.errors import OptionError

    for name in _OF_UTTERANCES:
        if getattr(options, name.replace("-", "_")):
            raise OptionError(f"--{name} cannot be used with --segments: it applies to a corpus of utterances")
    command = shlex.join(["speechgmm", "evaluate-segments", str(options.recordings), str(options.segments)])
    report_failure(f"evaluate --segments is now: {command}; the old form will be removed in 0.3.0")
    options.recordings, options.reference = [str(options.recordings)], options.segments
    options.collar = options.collar or 0.0
    return evaluate_segments.run(options)
