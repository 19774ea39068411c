"""The segments of a recording, which other libraries and formats take."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from speechgmm.argument_checks import wrong
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.writers import FORMATS, SegmentedRecording
from speechgmm.text.data_frames import data_frame


class Segments(list[Segment]):
    """A list of the segments of one recording, in order of time.

    Attributes
    ----------
    name : str
        Name of the recording.
    """

    def __init__(self, segments: Iterable[Segment] = (), *, name: str = "") -> None:
        super().__init__(segments)
        self.name = name

    @property
    def end_s(self) -> float:
        """End of the last segment in seconds; 0 if there is none."""
        return max((segment.end for segment in self), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """The values that ``speechgmm segment --format json`` writes; what is not defined is None."""
        values: dict[str, Any] = json.loads(self.to_text("json"))
        return values

    def to_frame(self, library: str | None = None) -> Any:
        """A data frame with a row per segment.

        Parameters
        ----------
        library : "pandas" or "polars", optional
            By default pandas, or polars where pandas is not installed.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            With the columns path, start, end, label, probability and reason, and ``probability_CLASS`` of each class.

        Raises
        ------
        OptionError
            If the library is another one, or is not installed.
        """
        return data_frame(({"path": self.name, **segment.to_row()} for segment in self), library)

    def to_text(self, name: str) -> str:
        """The segments in an output format of ``speechgmm segment``.

        Parameters
        ----------
        name : str
            Name of the format: table, csv, json, textgrid, rttm or audacity.

        Raises
        ------
        OptionError
            If there is no such format.
        OutputError
            If segments overlap, in a TextGrid.
        """
        if name not in FORMATS:
            raise wrong("name", name, f"one of {', '.join(FORMATS)}")
        return "".join(FORMATS[name].write(self, SegmentedRecording(name=self.name)))

    def to_annotation(self) -> Any:
        """The speech segments as a ``pyannote.core.Annotation``, which must be installed.

        Returns
        -------
        pyannote.core.Annotation
            Its `uri` is the file name without suffix, as in RTTM; each segment is a track of its own.
        """
        from speechgmm.segmentation.foreign_annotations import to_annotation

        return to_annotation(self, self.name)

    def to_audformat(self) -> Any:
        """All segments as a table of audformat, which must be installed.

        Returns
        -------
        audformat.Table
            A segmented table with the columns label and probability.
        """
        from speechgmm.segmentation.foreign_annotations import to_audformat

        return to_audformat(self, self.name)

    @classmethod
    def from_annotation(cls, annotation: Any) -> Segments:
        """The segments of a ``pyannote.core.Annotation``. They may overlap; the name is its `uri`."""
        from speechgmm.segmentation.foreign_annotations import from_annotation

        return cls(from_annotation(annotation), name=str(annotation.uri or ""))

    @classmethod
    def from_audformat(cls, table: Any, column: str = "label") -> dict[str, Segments]:
        """The segments in a segmented table of audformat, by file.

        Parameters
        ----------
        table : audformat.Table, pandas.DataFrame or pandas.Series
            With the index of a segmented table: file, start, end. A column probability is read too.
        column : str
            The column with the labels.

        Raises
        ------
        OptionError
            If it is no such table, or a segment has no end.
        """
        from speechgmm.segmentation.foreign_annotations import from_audformat

        found = from_audformat(table, column)
        return {file: cls(segments, name=file) for file, segments in found.items()}
