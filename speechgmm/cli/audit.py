"""``speechgmm audit``: list labels that speaker-disjoint models contradict."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.cli.arguments import Subparsers, add_corpus_arguments, naming, new_command, number, open_corpus
from speechgmm.cli.fold_arguments import add_fold_arguments, crossvalidated
from speechgmm.cli.output_format import add_format_argument, chosen_format
from speechgmm.cli.recipe_arguments import add_recipe_arguments, add_seed_argument, read_recipe
from speechgmm.cli.training_arguments import add_folder_arguments, add_further_options, add_workers_argument
from speechgmm.text.tables import csv_line
from speechgmm.text.terminal import escaped

if TYPE_CHECKING:
    from speechgmm.crossvalidation.audit import Audit, Contradiction

EXAMPLE = """\
  speechgmm audit recordings/
      where recordings/ holds female/ and male/ (or any other classes), each with a folder a speaker
  speechgmm audit corpus.csv --min-odds 5 -o suspects.csv"""

COLUMNS = ("kind", "speaker", "path", "label", "contradicted_by", "odds", "n_utterances", "n_contradicted", "listen_to")

WIDTH = 100


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "list speakers and recordings whose label speaker-disjoint models contradict"
    parser = new_command(subparsers, "audit", summary, EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument(
        "--min-odds",
        type=number,
        metavar="ODDS",
        help="minimum odds against the label (default: 2: two of three such voices carry another label)",
    )
    add_format_argument(parser, FORMATS, "format of the list")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the list there instead of on stdout")
    parser.add_argument("--force", action="store_true", help="replace that file if it exists")
    add_fold_arguments(parser)
    add_recipe_arguments(parser)
    add_workers_argument(parser)
    further = add_further_options(parser, "--channel, --checkpoint, --features, --seed")
    add_folder_arguments(further, in_help=False)
    add_seed_argument(further, argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Audit the labels and list the contradictions."""
    from speechgmm.crossvalidation.audit import MIN_ODDS, audit, check_odds
    from speechgmm.output.files import check_destination, write_atomically

    min_odds = MIN_ODDS if options.min_odds is None else options.min_odds
    form = FORMATS[chosen_format(options, FORMATS)]
    with naming("--min-odds"):
        check_odds(min_odds)
    recipe = read_recipe(options)
    outputs = [] if options.output is None else [options.output]
    for output in outputs:
        check_destination(output, replace=options.force)
    crossvalidation = crossvalidated(options, open_corpus(options, outputs=outputs), recipe)
    text = form.write(audit(crossvalidation, min_odds=min_odds))
    if options.output is None:
        print(text, end="")
    else:
        write_atomically(options.output, text.encode(errors="surrogateescape"))
    return 1 if crossvalidation.failures else 0


def to_text(audit: Audit) -> str:
    """The list as text."""
    counts = (
        f"label contradicted: {len(audit.speakers)} of {audit.n_speakers} speakers, and {len(audit.files)} of "
        f"{audit.n_files} recordings of the others, by odds of {audit.min_odds:g} or more"
    )
    summary = [
        counts,
        *([f"{audit.n_undecided} recordings got no label and were not compared"] if audit.n_undecided else []),
        "These are hints to listen, not errors: the odds say how much better another label fits, and voices vary.",
    ]
    lines = [line for text in summary for line in textwrap.wrap(text, WIDTH)]
    if audit.speakers:
        rows = [[_odds(one), one.label, _share(one), one.speaker or "", one.listen_to] for one in audit.speakers]
        lines += ["", *_table(["odds", "label", "contradicted", "speaker", "listen to"], rows)]
    if audit.files:
        lines += ["", *_table(["odds", "label", "path"], [[_odds(one), one.label, one.path] for one in audit.files])]
    return "\n".join(lines) + "\n"


def to_csv(audit: Audit) -> str:
    """The list as CSV: a row per speaker, then a row per recording."""
    return csv_line(COLUMNS) + "".join(csv_line(row[column] for column in COLUMNS) for row in _rows(audit))


def to_json(audit: Audit) -> str:
    """The list as JSON, with the counts."""
    report = {
        "schema": "speechgmm-audit",
        "schema_version": 1,
        "min_odds": audit.min_odds,
        "n_speakers": audit.n_speakers,
        "n_files": audit.n_files,
        "n_undecided": audit.n_undecided,
        "contradicted": _rows(audit),
    }
    return json.dumps(report, indent=2, allow_nan=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of the list: `suffix` ends the name of a file in it."""

    description: str
    suffix: str
    write: Callable[[Audit], str]


FORMATS = {
    "text": Format(description="aligned columns", suffix=".txt", write=to_text),
    "csv": Format(description="a row per speaker or recording", suffix=".csv", write=to_csv),
    "json": Format(description="one object", suffix=".json", write=to_json),
}


def _rows(audit: Audit) -> list[dict[str, Any]]:
    kinds = (("speaker", audit.speakers), ("file", audit.files))
    return [{"kind": kind, **asdict(one)} for kind, listed in kinds for one in listed]


def _odds(one: Contradiction) -> str:
    return f"{one.odds:.1f}" if one.odds < 100 else f"{one.odds:,.0f}" if one.odds < 1e6 else f"{one.odds:.0e}"


def _share(one: Contradiction) -> str:
    return f"{one.n_contradicted} of {one.n_utterances}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out columns as wide as their widest cell; the first is right-aligned."""
    cells = [list(header), *([escaped(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join([row[0].rjust(widths[0]), *map(str.ljust, row[1:-1], widths[1:-1]), row[-1]]) for row in cells]
