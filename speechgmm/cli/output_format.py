"""The format of an output: that of --format, or the one that the name of the output file ends like."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Protocol

from speechgmm.output.named_format import HasSuffix, format_named_by


class Format(HasSuffix, Protocol):
    """An output format that the help describes."""

    @property
    def description(self) -> str:
        """What it is, for the help."""
        ...


def add_format_argument(parser: argparse.ArgumentParser, formats: Mapping[str, Format], what: str) -> None:
    """Add --format; `what` is written in it, such as "output format"."""
    descriptions = ", ".join(f"{name}: {form.description}" for name, form in formats.items())
    default = next(iter(formats))
    parser.add_argument(
        "--format",
        choices=list(formats),
        help=f"{what}; {descriptions} (default: as the name of the output file ends, else {default})",
    )


def chosen_format(options: argparse.Namespace, formats: Mapping[str, Format]) -> str:
    """The format of the output: --format if it is given, else by the name of the output file, else the first one.

    Raises
    ------
    OptionError
        If --format is not given, and an output file has a name that ends like none of the formats.
    """
    from speechgmm.errors import OptionError

    if options.format is not None:
        return str(options.format)
    if options.output is None:
        return next(iter(formats))
    named = format_named_by(options.output, formats)
    if named is None:
        suffixes = ", ".join(form.suffix for form in formats.values())
        raise OptionError(
            f"--output {options.output}: its name ends in none of {suffixes}: choose one, or give --format"
        )
    return named
