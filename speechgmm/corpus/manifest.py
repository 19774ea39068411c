"""Manifests: a CSV file with one recording, or one stretch of a recording, a row.

UTF-8, with or without byte order mark; lines end in LF or CRLF; cells are separated by commas and quoted where needed
(RFC 4180); blanks around a cell do not count, nor do empty lines. The first row names the columns: ``path`` and
``label`` must be there, ``speaker``, ``split``, ``start`` and ``end`` may be, any others are kept. A manifest is taken
as a whole or not at all: all its faults are reported together, each with the line it is on.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from speechgmm.corpus.recording import RESERVED_LABEL, SPLITS, Corpus, Recording
from speechgmm.errors import CorpusError, OutputError

MOST_FAULTS = 50
"""So many faults of a manifest are listed, the others counted."""

_REQUIRED = ("path", "label")
_OPTIONAL = ("speaker", "split", "start", "end")
_MEANT = {"file": "path", "filename": "path", "gender": "label", "class": "label"}


def read_manifest(file: Path, *, root: Path | None = None) -> Corpus:
    """Read a corpus from a manifest.

    Parameters
    ----------
    file : Path
        The manifest.
    root : Path, optional
        The folder that relative paths in it start from. If None, the manifest's own.

    Returns
    -------
    corpus : Corpus
        In the order of the rows. The notes count the recordings without a speaker.

    Raises
    ------
    CorpusError
        If the manifest cannot be read or has faults, with all of them (at most `MOST_FAULTS`): columns missing or
        named twice, rows with too many or too few cells, an empty path or label, the reserved label, an unknown split,
        a start or end that is no time or not in order, the same stretch twice, a file that does not exist, a speaker
        in two splits or with two labels, bytes that are not UTF-8, quotes that do not close, no rows at all. An empty
        split is no split, so it contradicts none.
    """
    text = _text(file)
    folder = file.parent if root is None else root
    if not folder.is_dir():
        raise CorpusError(f"{folder}: it is not a folder, expected the one that the paths in {file} start from")
    manifest = _Manifest(folder=folder)
    manifest.read(text)
    faults = sorted([*_encoding_faults(text), *manifest.faults])
    if faults:
        listed = [f"{file}:{line}: {fault}" for line, fault in faults[:MOST_FAULTS]]
        more = [f"... and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise CorpusError(f"{file}: the manifest is faulty", [*listed, *more])
    return Corpus(source=str(file), recordings=tuple(manifest.recordings))


def write_manifest(corpus: Corpus, file: Path) -> None:
    """Write a corpus as a manifest that `read_manifest` reads.

    Paths below the manifest's own folder are written relative to it, others in full. Optional columns that no
    recording fills are left out. The file appears under its name when it is complete.

    Parameters
    ----------
    corpus : Corpus
        The recordings.
    file : Path
        The manifest; an existing one is replaced.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    rows = [_row(recording, file.parent.absolute()) for recording in corpus.recordings]
    further = dict.fromkeys(name for recording in corpus.recordings for name in recording.columns)
    columns = [*_REQUIRED, *(name for name in _OPTIONAL if any(row[name] for row in rows)), *further]
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        unfinished.replace(file)
    except OSError as error:
        raise OutputError(f"{file}: the manifest cannot be written ({error.strerror})") from error
    except UnicodeEncodeError as error:
        raise OutputError(f"{file}: the manifest cannot be written, {error.object!r} is not valid Unicode") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


@dataclass(kw_only=True)
class _Manifest:
    """The recordings of a manifest and its faults, as (line, fault), gathered row by row."""

    folder: Path
    recordings: list[Recording] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    stretches: dict[tuple[Path, float, float | None], int] = field(default_factory=dict)
    speakers: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

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
        """The rows that are not blank, each with the line it starts on; cells may contain line ends."""
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
        first = self.stretches.setdefault((recording.file, recording.start, recording.end), line)
        if first != line:
            yield f"'{recording.name}' with the same start and end is on line {first} already"
        for kind, value in (("split", recording.split), ("label", recording.label)):
            if recording.speaker is None or value is None:
                continue
            values = self.speakers.setdefault((recording.speaker, kind), {value: line})
            # One fault for each further value; all the rows that have it would bury the others.
            if value not in values:
                other, first = next(iter(values.items()))
                yield f"speaker '{recording.speaker}' has the {kind} '{value}' here and '{other}' on line {first}"
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
            byte = ord(content[error.start]) - 0xDC00  # as the error handler "surrogateescape" has it
            yield line, f"the byte {byte:#04x} is not UTF-8, save the file as UTF-8"


def _header_faults(columns: Sequence[str]) -> Iterator[str]:
    found = ", ".join(f"'{name}'" for name in columns) or "nothing"
    for name in _REQUIRED:
        if name not in columns:
            meant = next((other for other in columns if name in (other.lower(), _MEANT.get(other.lower()))), None)
            remedy = f", rename '{meant}' if that is meant" if meant else ""
            yield f"there is no column '{name}' in the header, found {found}{remedy}"
    for name in dict.fromkeys(columns):
        if name and columns.count(name) > 1:
            yield f"there are {columns.count(name)} columns '{name}'"


def _recording(row: Mapping[str, str], folder: Path) -> tuple[Recording, list[str]]:
    """The recording of a row, and what is wrong with it."""
    faults = [f"the {name} is empty" for name in _REQUIRED if not row[name]]
    if row["label"] == RESERVED_LABEL:
        faults.append(f"the label '{RESERVED_LABEL}' is the answer for what cannot be decided, use another")
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
    except OSError:  # a name that is too long, or a folder on the way that is closed
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
