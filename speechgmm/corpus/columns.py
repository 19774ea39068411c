"""The columns of a manifest by the names that people give them, and the layout of Mozilla Common Voice.

A name is recognised in any case, and with blanks, hyphens or underscores in it (``Speaker ID``). A column with the name
itself comes first, then one with a name of `SYNONYMS`; other columns keep their names.

The tables of Common Voice, such as validated.tsv, have the speaker in `client_id`, the recordings in the folder `clips`
beside them, and as `gender` what the speakers said of themselves: in words that have changed over the versions, or
nothing. `COMMON_VOICE_LABELS` are those that are read as a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from speechgmm.corpus.look_alike import plain, shown

REQUIRED = ("path", "label")
OPTIONAL = ("speaker", "split", "start", "end")

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "path": ("file", "filename", "filepath"),
    "label": ("gender", "sex", "class"),
    "speaker": ("speaker_id", "client_id"),
}
"""Other names of the known columns."""

COMMON_VOICE_LABELS: Mapping[str, str] = {
    "female": "female",
    "female_feminine": "female",
    "male": "male",
    "male_masculine": "male",
}
COMMON_VOICE_CLIPS = "clips"
_COMMON_VOICE = ("client_id", "path", "gender")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a manifest.

    Attributes
    ----------
    names : tuple of str
        For each cell of a row: a name of `REQUIRED` or `OPTIONAL`, or the one in the header.
    renamed : mapping of str to str
        Names in the header that stand for a known one, with that.
    is_common_voice : bool
        Whether the table has the layout of Common Voice.
    faults : tuple of str
        What is wrong with the header.
    """

    names: tuple[str, ...]
    renamed: Mapping[str, str]
    is_common_voice: bool
    faults: tuple[str, ...]

    @classmethod
    def of(cls, header: Sequence[str]) -> Columns:
        """Recognise the columns of a header."""
        renamed: dict[str, str] = {}
        faults: list[str] = []
        for name in (*REQUIRED, *OPTIONAL):
            found = [name] if name in header else _candidates(name, header)
            if len(found) == 1 and found[0] != name:
                renamed[found[0]] = name
            elif len(found) > 1:
                listed = " and ".join(map(shown, found))
                faults.append(f"the columns {listed} may both be the {name}, rename the right one to '{name}'")
            elif not found and name in REQUIRED:
                faults.append(_missing(name, header))
        names = tuple(renamed.get(name, name) for name in header)
        keys = {_key(name) for name in header}
        return cls(
            names=names,
            renamed=renamed,
            is_common_voice=keys.issuperset(map(_key, _COMMON_VOICE)) and not keys & {"label", "speaker"},
            faults=(*faults, *_duplicates(names)),
        )


def is_known(name: str) -> bool:
    """Whether a name in a header is that of a known column, or stands for one."""
    names = [*REQUIRED, *OPTIONAL, *(other for others in SYNONYMS.values() for other in others)]
    return _key(name) in map(_key, names)


def _candidates(name: str, header: Sequence[str]) -> list[str]:
    """The columns that may be meant: with that name in another spelling, or else with another name for it."""
    for names in ((name,), SYNONYMS.get(name, ())):
        found = [column for column in dict.fromkeys(header) if _key(column) in map(_key, names)]
        if found:
            return found
    return []


def _key(name: str) -> str:
    return re.sub("[-_]", "", plain(name))


def _missing(name: str, header: Sequence[str]) -> str:
    found = ", ".join(map(shown, header)) or "nothing"
    return f"there is no column '{name}' (or {', '.join(SYNONYMS[name])}) in the header, found {found}"


def _duplicates(names: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            yield f"there are {names.count(name)} columns '{name}'"
