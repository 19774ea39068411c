"""Manifests: a CSV file with one recording, or one excerpt of a recording, per row.

===================================  =========================================================================
encoding                             UTF-8, with or without byte order mark
line ends                            LF or CRLF
cells                                separated by commas, quoted if needed (RFC 4180), white space is stripped
empty lines                          ignored
first row                            column names
`path`, `label`                      required
`speaker`, `split`, `start`, `end`   optional, an empty cell counts as missing
other columns                        kept as they are
===================================  =========================================================================

All faults of a manifest are reported in one error, each with its line number.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechgmm.corpus.recording import RESERVED_LABEL, SPLITS, Corpus, Recording
from speechgmm.errors import CorpusError, OutputError
from speechgmm.files import write_atomically

MOST_FAULTS = 50
"""Maximum number of faults of a manifest that are listed; the others are counted."""

_REQUIRED = ("path", "label")
_OPTIONAL = ("speaker", "split", "start", "end")
_SYNONYMS = {"file": "path", "filename": "path", "gender": "label", "class": "label"}


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
        In the order of the rows. Its notes count the recordings without a speaker.

    Raises
    ------
    CorpusError
        If the manifest cannot be read or has faults. At most `MOST_FAULTS` are listed: missing or duplicate columns,
        too many or too few cells in a row, an empty path or label, the reserved label, an unknown split, a start or
        end that is not a time or not in order, duplicate excerpts, a file that does not exist, a speaker in two splits
        or with two labels, bytes that are not UTF-8, an unclosed quote, no rows.
    """
    text = _text(file)
    folder = file.parent if root is None else root
    if not folder.is_dir():
        raise CorpusError(f"{folder}: it is not a folder, expected the base folder of the paths in {file}")
    manifest = _Manifest(folder=folder)
    manifest.read(text)
    faults = sorted([*_encoding_faults(text), *manifest.faults])
    if faults:
        listed = [f"{file}:{line}: {fault}" for line, fault in faults[:MOST_FAULTS]]
        more = [f"... and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise CorpusError(f"{file}: the manifest is faulty", [*listed, *more])
    return Corpus(source=str(file), recordings=tuple(manifest.recordings))


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
    columns = [*_REQUIRED, *(name for name in _OPTIONAL if any(row[name] for row in rows)), *other]
    content = io.BytesIO()
    stream = io.TextIOWrapper(content, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
    try:
        writer.writeheader()
        writer.writerows(rows)
    except UnicodeEncodeError as error:
        raise OutputError(f"{file}: cannot be written: {error.object!r} is not valid Unicode") from error
    write_atomically(file, content.getvalue())


@dataclass(kw_only=True)
class _Manifest:
    """Recordings of a manifest and its faults as (line, fault), collected row by row."""

    folder: Path
    recordings: list[Recording] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    excerpts: dict[tuple[Path, float, float | None], int] = field(default_factory=dict)  # line of each
    speakers: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)  # (speaker, column) -> value -> line

    def read(self, text: str) -> None:
        rows = self._rows(text)
        line, columns = next(rows, (1, []))
        if not self.faults:
            self.faults += [(line, fault) for fault in _header_faults(columns)]
        if self.faults:
            return
        for line, cells in rows:
            self.faults += [(line, fault) for fault in self._row_faults(line, columns, cells)]
        if not (self.recordings or self.faults):
            self.faults.append((line, "there are no rows below the header"))

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not empty, each with the line on which it starts; cells may contain line ends."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
        line = 1
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            self.faults.append((line, f"the row cannot be read as CSV ({error}), nor any below it"))

    def _row_faults(self, line: int, columns: Sequence[str], cells: Sequence[str]) -> Iterator[str]:
        if len(cells) != len(columns):
            yield f"there are {len(cells)} cells, expected {len(columns)} as in the header"
            return
        recording, faults = _recording(dict(zip(columns, cells, strict=True)), self.folder)
        self.recordings.append(recording)
        yield from faults
        if not faults:
            yield from self._contradictions(line, recording)

    def _contradictions(self, line: int, recording: Recording) -> Iterator[str]:
        first = self.excerpts.setdefault((recording.file, recording.start, recording.end), line)
        if first != line:
            yield f"'{recording.name}' with the same start and end is on line {first} already"
        for column, value in (("split", recording.split), ("label", recording.label)):
            if recording.speaker is None or value is None:
                continue
            values = self.speakers.setdefault((recording.speaker, column), {value: line})
            # One fault per further value, not per row, so that the list stays short.
            if value not in values:
                other, first = next(iter(values.items()))
                yield f"speaker '{recording.speaker}' has the {column} '{value}' here and '{other}' on line {first}"
                values[value] = line


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise CorpusError(f"{file}: there is no such file or folder") from error
    except OSError as error:
        raise CorpusError(f"{file}: the manifest cannot be read ({error.strerror})") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CorpusError(f"{file}: the manifest is in UTF-16, save it as UTF-8")
    return content.decode("utf-8-sig", "surrogateescape")


def _encoding_faults(text: str) -> Iterator[tuple[int, str]]:
    for line, content in enumerate(io.StringIO(text, newline=""), start=1):
        try:
            content.encode()
        except UnicodeEncodeError as error:
            byte = ord(content[error.start]) - 0xDC00  # encoded by the error handler "surrogateescape"
            yield line, f"the byte {byte:#04x} is not UTF-8, save the file as UTF-8"


def _header_faults(columns: Sequence[str]) -> Iterator[str]:
    found = ", ".join(f"'{name}'" for name in columns) or "nothing"
    for name in _REQUIRED:
        if name not in columns:
            similar = next((other for other in columns if name in (other.lower(), _SYNONYMS.get(other.lower()))), None)
            remedy = f", rename '{similar}' if that is meant" if similar else ""
            yield f"there is no column '{name}' in the header, found {found}{remedy}"
    for name in dict.fromkeys(columns):
        if name and columns.count(name) > 1:
            yield f"there are {columns.count(name)} columns '{name}'"


def _recording(row: Mapping[str, str], folder: Path) -> tuple[Recording, list[str]]:
    """Recording of a row, and the faults of the row."""
    faults = [f"the {name} is empty" for name in _REQUIRED if not row[name]]
    if row["label"] == RESERVED_LABEL:
        faults.append(f"the label '{RESERVED_LABEL}' is reserved for undecided recordings, use another")
    split = row.get("split") or None
    if split not in (None, *SPLITS):
        faults.append(f"the split is '{split}', expected {', '.join(SPLITS)} or nothing")
    start, end = (_seconds(name, row.get(name, ""), faults) for name in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        faults.append(f"the end at {end} s is not after the start at {start or 0.0} s")
    file = folder / row["path"]
    if row["path"] and not _is_file(file):
        faults.append(f"there is no file {file}")
    recording = Recording(
        file=file,
        name=Path(row["path"]).as_posix(),
        label=row["label"],
        speaker=row.get("speaker") or None,
        split=split,
        start=start or 0.0,
        end=end,
        columns={name: cell for name, cell in row.items() if name and name not in (*_REQUIRED, *_OPTIONAL)},
    )
    return recording, faults


def _seconds(name: str, cell: str, faults: list[str]) -> float | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        faults.append(f"the {name} is '{cell}', expected seconds, 0 or more")
        return None
    return value


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
