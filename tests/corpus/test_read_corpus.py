"""`read_corpus` for folders and manifests, and the checks of `Corpus`."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgmm.corpus import Corpus, Recording, read_corpus, require_classes
from speechgmm.errors import CorpusError, OptionError


def corpus_of(*labels: str) -> Corpus:
    """A corpus with these labels."""
    recordings = tuple(Recording(file=Path("x.wav"), name="x.wav", label=label) for label in labels)
    return Corpus(source="somewhere", recordings=recordings)


def make_folder(root: Path) -> Path:
    """A folder with one class folder and a manifest."""
    (root / "alto").mkdir()
    (root / "alto" / "x.wav").touch()
    (root / "m.csv").write_text("path,label\nalto/x.wav,tenor\n")
    return root


def test_folders_and_manifests(tmp_path: Path) -> None:
    """A folder is scanned; a file is read as a manifest, with its own folder or another one as the root."""
    make_folder(tmp_path)
    (tmp_path / "n.csv").write_text("path,label\nx.wav,bass\n")

    assert read_corpus(tmp_path).labels == ("alto",)
    assert read_corpus(tmp_path / "m.csv").labels == ("tenor",)
    assert read_corpus(tmp_path / "n.csv", root=tmp_path / "alto").labels == ("bass",)


@pytest.mark.parametrize("name", ["gone", "gone.csv", "gone/m.csv"])
def test_source_that_is_missing(tmp_path: Path, name: str) -> None:
    """The error names the source."""
    with pytest.raises(CorpusError, match=rf"{name}: there is no such file or folder$"):
        read_corpus(tmp_path / name)


def test_recording_is_not_a_corpus(tmp_path: Path) -> None:
    """A single recording is not read as a manifest."""
    file = make_folder(tmp_path) / "alto" / "x.wav"

    with pytest.raises(CorpusError, match=r"x\.wav: this is one recording, expected a folder of class folders or a"):
        read_corpus(file)


def test_root_is_for_manifests(tmp_path: Path) -> None:
    """A root together with a folder is refused, not ignored."""
    with pytest.raises(
        OptionError, match=r"^root is there, but .* is a folder; a root is for the paths in a manifest$"
    ):
        read_corpus(tmp_path, root=Path("there"))


def test_enough_classes() -> None:
    """The default minimum is two classes."""
    require_classes(corpus_of("b", "a", "b"))
    require_classes(corpus_of("a"), minimum=1)
    require_classes(corpus_of("a", "b", "c"), minimum=3)


@pytest.mark.parametrize(
    ("labels", "minimum", "text"),
    [
        ((), 2, "2 or more classes are needed, found none"),
        (("a", "a"), 2, "2 or more .* found a"),
        ("ba", 3, "3 or .* a, b"),
    ],
)
def test_too_few_classes(labels: tuple[str, ...], minimum: int, text: str) -> None:
    """The error names the classes found."""
    with pytest.raises(CorpusError, match=rf"^somewhere: {text}$"):
        require_classes(corpus_of(*labels), minimum)


def test_selection_keeps_source_and_recounts_notes() -> None:
    """A selection has the source of the corpus; its notes count the selected recordings."""
    corpus = Corpus(source="here", recordings=corpus_of("a", "b", "a").recordings, left_out=("n",))

    selected = corpus.select(lambda recording: recording.label == "a")

    assert (selected.source, selected.left_out, selected.labels, len(selected.recordings)) == (
        "here",
        ("n",),
        ("a",),
        2,
    )
    unnamed = "recordings have no speaker; results are optimistic if the splits are not speaker-disjoint"
    assert corpus.notes == ("n", f"3 of 3 {unnamed}")
    assert selected.notes == ("n", f"2 of 2 {unnamed}")
