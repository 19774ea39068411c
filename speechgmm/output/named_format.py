"""The format of an output file that its name ends like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class HasSuffix(Protocol):
    """An output format, as in `classifier.writers.FORMATS` and `segmentation.writers.FORMATS`."""

    @property
    def suffix(self) -> str:
        """End of the name of a file in this format."""
        ...


def format_named_by(file: Path, formats: Mapping[str, HasSuffix]) -> str | None:
    """The format whose suffix the name of a file ends with, whatever the case; the longest suffix counts."""
    ends = [name for name, form in formats.items() if file.name.lower().endswith(form.suffix.lower())]
    return max(ends, key=lambda name: len(formats[name].suffix), default=None)
