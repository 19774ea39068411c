"""One file under several names: links, copies, and paths that are spelled differently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from speechgmm.audio.reading import digest
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError

_PROBE_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class _Member:
    index: int
    recording: Recording
    size: int
    node: tuple[int, int]


def with_two_labels(recordings: Sequence[Recording]) -> Iterator[tuple[int, int]]:
    """Find recordings that are one file, or copies of it, with two labels.

    Files are read only if another one with the same size has another label: 4096 bytes of each, and the whole of those
    that are still equal. Empty files and files that cannot be read are skipped.

    Parameters
    ----------
    recordings : sequence of Recording
        Different excerpts of a file are different recordings.

    Yields
    ------
    first, further : int
        Indices of two recordings with the same audio and different labels; one pair for each further label.
    """
    groups = _split(list(_members(recordings)), lambda member: (member.size, *_excerpt(member.recording)))
    for key in (_probe, _digest):
        groups = [
            part
            for group in groups
            # Names of the same file need not be read.
            for part in ([group] if len({member.node for member in group}) == 1 else _split(group, key))
        ]
    for first, *others in groups:
        seen = {first.recording.label}
        for member in others:
            if member.recording.label not in seen:
                seen.add(member.recording.label)
                yield first.index, member.index


def _members(recordings: Sequence[Recording]) -> Iterator[_Member]:
    for index, recording in enumerate(recordings):
        try:
            status = recording.file.stat()
        except OSError:  # reported when the recording is read
            continue
        if status.st_size:
            node = status.st_dev, status.st_ino
            yield _Member(index=index, recording=recording, size=status.st_size, node=node)


def _split(members: Sequence[_Member], key: Callable[[_Member], Hashable]) -> list[list[_Member]]:
    """The groups of members with equal keys that have more than one label."""
    groups: dict[Hashable, list[_Member]] = defaultdict(list)
    for member in members:
        groups[key(member)].append(member)
    return [group for group in groups.values() if len({member.recording.label for member in group}) > 1]


def _excerpt(recording: Recording) -> tuple[float, float | None]:
    return recording.start, recording.end


def _probe(member: _Member) -> Hashable:
    """Bytes from the middle of the file, where other recordings differ; the start may be silence."""
    try:
        with member.recording.file.open("rb") as stream:
            stream.seek(member.size // 2)
            return stream.read(_PROBE_BYTES)
    except OSError:
        return member.index


def _digest(member: _Member) -> Hashable:
    try:
        return digest(member.recording.file)
    except AudioError:
        return member.index
