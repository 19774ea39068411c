"""The recordings of a corpus that options select. An option that selects none is an error that names what there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus

N_LISTED = 10


def select_where(corpus: Corpus, conditions: Iterable[tuple[str, str]]) -> Corpus:
    """Select by --where: the recordings with each value in its column.

    Raises
    ------
    OptionError
        If there is no such column, or no recording that is left has the value.
    """
    from speechgmm.errors import OptionError

    met: list[str] = []
    for column, value in conditions:
        values = {each for recording in corpus.recordings if (each := recording.value_of(column)) is not None}
        condition = f"{column}={value}"
        if not values:
            columns = listed(column, _columns(corpus))
            raise OptionError(f"--where {condition}: {corpus.source} has no column {column!r}; its columns: {columns}")
        if value not in values:
            others = f" with {' and '.join(met)}" if met else ""
            raise OptionError(
                f"--where {condition}: no recording of {corpus.source}{others} has this value; values of {column}: "
                f"{listed(value, values)}"
            )
        corpus = _with_value(corpus, column, value)
        met.append(condition)
    return corpus


def select_split(corpus: Corpus, split: str | None) -> Corpus:
    """Select by --split; if it is None, the test split if the corpus has splits, else all recordings.

    Raises
    ------
    CorpusError
        If there are splits, but none is test, and `split` is None.
    OptionError
        If no recording is in the split.
    """
    from speechgmm.errors import CorpusError, OptionError

    splits = {recording.split for recording in corpus.recordings if recording.split is not None}
    if split == "all" or (split is None and not splits):
        return corpus
    if split is not None and not splits:
        raise OptionError(f"--split {split}: {corpus.source} has no splits; leave the option out")
    wanted = split or "test"
    if wanted in splits:
        return _with_value(corpus, "split", wanted)
    expected = f"expected all or one of: {listed(wanted, splits)}"
    if split is None:
        raise CorpusError(f"{corpus.source}: no recording is in the split test, the default of --split; {expected}")
    raise OptionError(f"--split {split}: no recording of {corpus.source} is in this split; {expected}")


def listed(name: str, names: Iterable[str]) -> str:
    """The existing names for an error about one that does not exist; with the most similar one, if one is similar."""
    names = sorted(names)
    text = ", ".join(names[:N_LISTED]) or "none"
    more = f" and {len(names) - N_LISTED} more" if len(names) > N_LISTED else ""
    similar = difflib.get_close_matches(name, names, n=1)
    return text + more + (f"; did you mean {similar[0]!r}?" if similar else "")


def _columns(corpus: Corpus) -> set[str]:
    own = {name for name in ("label", "speaker", "split") if any(each.value_of(name) for each in corpus.recordings)}
    return own.union(*((*recording.columns, *recording.renamed) for recording in corpus.recordings))


def _with_value(corpus: Corpus, column: str, value: str) -> Corpus:
    return corpus.select(lambda recording: recording.value_of(column) == value)
