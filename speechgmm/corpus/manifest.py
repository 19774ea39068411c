"""Manifests: a table with one recording, or one excerpt of a recording, per row.

===================================  =========================================================================
encoding                             UTF-8, with or without byte order mark, or UTF-16 with it
line ends                            LF or CRLF
cells                                separated by commas, semicolons or tabs, quoted if needed (RFC 4180); white
                                     space is stripped (`text.tables`)
empty lines                          ignored
first row                            column names, in any case; `columns` knows synonyms and Common Voice
`path`, `label`                      required; a row without label is left out
`speaker`, `split`, `start`, `end`   optional, an empty cell counts as missing
other columns                        kept as they are
===================================  =========================================================================

Between semicolons numbers may have a decimal comma. In a path that is not there as it is written, backslashes count as
slashes. The notes of the corpus say what was read in another way than it is written, and what was left out.

All faults of a manifest are reported in one error, each with its line number.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechgmm.corpus.columns import (
    COMMON_VOICE_CLIPS,
    COMMON_VOICE_LABELS,
    OPTIONAL,
    REQUIRED,
    Columns,
    is_known,
)
from speechgmm.corpus.contradictions import Row, contradictions
from speechgmm.corpus.look_alike import plain, shown
from speechgmm.corpus.recording import RESERVED_LABEL, SPLITS, Corpus, Recording
from speechgmm.errors import CorpusError, OutputError
from speechgmm.output.files import write_atomically
from speechgmm.text.tables import SEPARATORS, Table, UnreadableRowError, csv_line
from speechgmm.text.terminal import escaped
from speechgmm.text.textfiles import UTF8, NotTextError, decoded, undecoded

_WINDOWS_ROOT = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def read_manifest(file: Path, *, root: Path | None = None) -> Corpus:
    """Read a corpus from a manifest.

    Parameters
    ----------
    file : Path
        The manifest.
    root : Path, optional
        Base folder of relative paths. If None, the folder of the manifest.

    Returns
    -------
    corpus : Corpus
        In the order of the rows. Its notes say how the manifest was read, if not as it is written, and count the rows
        left out and the recordings without a speaker.

    Raises
    ------
    CorpusError
        If the manifest cannot be read or has faults: missing, ambiguous or duplicate columns, too many or too few cells
        in a row, an empty path, the reserved label, labels that look alike, an unknown split, a start or end that is
        not a time or not in order, duplicate excerpts, a file that does not exist or has two labels under two names, a
        speaker in two splits or with two labels, bytes that are not UTF-8, an unclosed quote, no rows.
    """
    text, encoding = _text(file)
    folder = file.parent if root is None else root
    if not folder.is_dir():
        raise CorpusError(f"{folder}: it is not a folder, expected the base folder of the paths in {file}")
    manifest = _Manifest(table=Table.of(text, is_known), encoding=encoding, folder=folder)
    return manifest.corpus(str(file), f"{file}: the manifest is faulty", list(undecoded(text)))


def corpus_of_rows(
    header: Sequence[str], rows: Iterable[Iterable[object]], *, source: str, root: Path = Path()
) -> Corpus:
    """Make a corpus of rows as those of a manifest.

    Parameters
    ----------
    header : sequence of str
        The names of the columns.
    rows : iterable
        Of the cells of each row. None is an empty cell, other values are written as text.
    source : str
        Name of the rows, for messages.
    root : Path
        Base folder of relative paths.

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    CorpusError
        If there are faults, see `read_manifest`.
    """
    text = "".join(csv_line(cells) for cells in (header, *rows))
    manifest = _Manifest(table=Table(text=text, separator=","), encoding=UTF8, folder=root)
    return manifest.corpus(source, f"{source}: it is faulty; line 1 is the header, line 2 the first row")


def write_manifest(corpus: Corpus, file: Path) -> None:
    """Write a corpus as a manifest for `read_manifest`.

    Paths below the folder of the manifest are relative, others absolute. Empty optional columns are left out. The file
    appears under its name only when it is complete.

    Parameters
    ----------
    corpus : Corpus
        The recordings.
    file : Path
        The manifest; an existing file is replaced.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    rows = [_row(recording, file.parent.absolute()) for recording in corpus.recordings]
    other = dict.fromkeys(name for recording in corpus.recordings for name in recording.columns)
    columns = [*REQUIRED, *(name for name in OPTIONAL if any(row[name] for row in rows)), *other]
    content = [csv_line(columns), *(csv_line(row.get(name, "") for name in columns) for row in rows)]
    try:
        encoded = b"".join(line.encode() for line in content)
    except UnicodeEncodeError as error:
        raise OutputError(f"{file}: cannot be written: {error.object!r} is not valid Unicode") from error
    write_atomically(file, encoded)


@dataclass(kw_only=True)
class _Manifest:
    """The rows of a manifest, its faults as (line, fault), and what the notes say of it."""

    table: Table
    encoding: str
    folder: Path
    columns: Columns = field(default_factory=lambda: Columns.of(()))
    rows: list[Row] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    n_unlabelled: int = 0
    other_labels: Counter[str] = field(default_factory=Counter)
    of_two_labels: Counter[str] = field(default_factory=Counter)
    """Rows by speaker, of the speakers that have two labels."""
    has_backslashes: bool = False
    has_commas: bool = False

    def read(self) -> None:
        rows = self._rows()
        line, header = next(rows, (1, []))
        self.columns = Columns.of(header)
        if not self.faults:
            self.faults += [(line, fault) for fault in self.columns.faults]
        if self.faults:
            return
        for line, cells in rows:
            self.faults += [(line, fault) for fault in self._row_faults(line, cells)]
        if self.columns.is_common_voice:
            self._leave_out_speakers_of_two_labels()
        self.faults += contradictions(self.rows)
        if not (self.rows or self.faults):
            self.faults.append((line, "; ".join(["there are no rows below the header", *self.left_out()])))

    def corpus(self, source: str, complaint: str, faults: Sequence[tuple[int, str]] = ()) -> Corpus:
        """Read the rows; raise a CorpusError that begins with `complaint` if there are faults."""
        self.read()
        faults = sorted([*faults, *self.faults])
        if faults:
            raise CorpusError(complaint, [f"{source}:{line}: {fault}" for line, fault in faults])
        reading = ", ".join(self.reading())
        return Corpus(
            source=source,
            recordings=tuple(recording for _, recording in self.rows),
            reading=f"{escaped(source)}: {reading}" if reading else "",
            left_out=tuple(self.left_out()),
        )

    def reading(self) -> Iterator[str]:
        """How the manifest was read, where that is not as it is written."""
        if self.table.separator != ",":
            yield f"cells separated by {SEPARATORS[self.table.separator]}"
        if self.encoding != UTF8:
            yield f"in {self.encoding}"
        if self.has_commas:
            yield "decimal commas"
        yield from (f"{shown(name)} read as {known}" for name, known in self.columns.renamed.items())
        if self.columns.is_common_voice:
            yield f"labels and the folder {COMMON_VOICE_CLIPS} as in Common Voice"
        if self.has_backslashes:
            yield "backslashes in paths read as slashes"

    def left_out(self) -> Iterator[str]:
        """Notes that count the rows left out."""
        if self.n_unlabelled:
            yield f"rows left out because they have no label: {self.n_unlabelled}"
        if self.other_labels:
            labels = ", ".join(f"{shown(label)} ({count})" for label, count in self.other_labels.most_common())
            yield f"rows left out because their label is neither female nor male: {labels}"
        if self.of_two_labels:
            rows, speakers = self.of_two_labels.total(), len(self.of_two_labels)
            yield f"rows left out because their speaker has both labels: {rows}, of {speakers} speakers"

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        try:
            yield from self.table.rows()
        except UnreadableRowError as error:
            self.faults.append((error.line, f"the row cannot be read as CSV ({error}), nor any below it"))

    def _row_faults(self, line: int, cells: Sequence[str]) -> Iterator[str]:
        if len(cells) != len(self.columns.names):
            yield f"there are {len(cells)} cells, expected {len(self.columns.names)} as in the header"
            return
        row = dict(zip(self.columns.names, cells, strict=True))
        label = self._label(row["label"])
        if label is None:
            return
        recording, faults = self._recording(row, label)
        yield from faults
        if not faults:
            self.rows.append((line, recording))

    def _label(self, cell: str) -> str | None:
        """The label of a row; None if the row is left out, which is counted."""
        if not cell:
            self.n_unlabelled += 1
            return None
        if not self.columns.is_common_voice:
            return cell
        label = COMMON_VOICE_LABELS.get(cell)
        if label is None:
            self.other_labels[cell] += 1
        return label

    def _recording(self, row: dict[str, str], label: str) -> tuple[Recording, list[str]]:
        """Recording of a row, and the faults of the row."""
        faults = [] if row["path"] else ["the path is empty"]
        if plain(label) == RESERVED_LABEL:
            faults.append(f"the label {shown(label)} is reserved for undecided recordings, use another")
        split = row.get("split") or None
        if split not in (None, *SPLITS):
            faults.append(f"the split is '{split}', expected {', '.join(SPLITS)} or nothing")
        start, end = (self._seconds(name, row.get(name, ""), faults) for name in ("start", "end"))
        if end is not None and end <= (start or 0.0):
            faults.append(f"the end at {end} s is not after the start at {start or 0.0} s")
        file, name = self._located(row["path"], faults)
        recording = Recording(
            file=file,
            name=name,
            label=label,
            speaker=row.get("speaker") or None,
            split=split,
            start=start or 0.0,
            end=end,
            columns={name: cell for name, cell in row.items() if name and name not in (*REQUIRED, *OPTIONAL)},
            renamed=self.columns.renamed,
        )
        return recording, faults

    def _seconds(self, name: str, cell: str, faults: list[str]) -> float | None:
        if not cell:
            return None
        value = self.table.number(cell)
        if value is None or value < 0:
            faults.append(f"the {name} is '{cell}', expected seconds, 0 or more")
            return None
        self.has_commas |= "," in cell
        return value

    def _located(self, cell: str, faults: list[str]) -> tuple[Path, str]:
        """The file at a path, and the path with forward slashes."""
        folders = [self.folder, *([self.folder / COMMON_VOICE_CLIPS] if self.columns.is_common_voice else [])]
        for path in dict.fromkeys((cell, cell.replace("\\", "/"))):
            for folder in folders:
                if _is_file(folder / path):
                    self.has_backslashes |= path != cell
                    return folder / path, Path(path).as_posix()
        if cell and _WINDOWS_ROOT.match(cell) and os.sep == "/":
            faults.append(
                f"there is no file '{cell}', which is a path of Windows: write paths relative to the manifest or --root"
            )
        elif cell:
            faults.append(f"there is no file {self.folder / cell}")
        return self.folder / cell, Path(cell).as_posix()

    def _leave_out_speakers_of_two_labels(self) -> None:
        labels: dict[str | None, set[str]] = {}
        for _, recording in self.rows:
            labels.setdefault(recording.speaker, set()).add(recording.label)
        kept: list[Row] = []
        for line, recording in self.rows:
            if recording.speaker is not None and len(labels[recording.speaker]) > 1:
                self.of_two_labels[recording.speaker] += 1
            else:
                kept.append((line, recording))
        self.rows = kept


def _text(file: Path) -> tuple[str, str]:
    """The text and its encoding."""
    try:
        return decoded(file.read_bytes())
    except FileNotFoundError as error:
        raise CorpusError(f"{file}: there is no such file or folder") from error
    except OSError as error:
        raise CorpusError(f"{file}: the manifest cannot be read ({error.strerror})") from error
    except NotTextError as error:
        raise CorpusError(f"{file}: {error}") from error


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # the name is too long or a parent folder is not accessible
        return False


def _row(recording: Recording, folder: Path) -> dict[str, str]:
    file = recording.file.absolute()
    return {
        **recording.columns,
        "path": (file.relative_to(folder) if file.is_relative_to(folder) else file).as_posix(),
        "label": recording.label,
        "speaker": recording.speaker or "",
        "split": recording.split or "",
        "start": repr(float(recording.start)) if recording.start else "",
        "end": "" if recording.end is None else repr(float(recording.end)),
    }
