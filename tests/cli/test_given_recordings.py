"""Recordings from paths, folders and patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgmm.cli.given_recordings import GivenRecordings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with files that are not opened."""
    for name in ("a1.wav", "a2.wav", "b.txt", ".hidden.wav", "deep/er/c.wav", "deep/d.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths: str, stdin: list[str] | None = None) -> list[str]:
    return [recording.name for recording in GivenRecordings(paths, stdin)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.wav", ["a1.wav", "a2.wav"]),
        ("./a?.wav", ["./a1.wav", "./a2.wav"]),
        ("a[2-9].wav", ["a2.wav"]),
        ("d*p", ["deep/d.wav", "deep/er/c.wav"]),
        ("deep/**", ["deep/d.wav", "deep/er/c.wav"]),
        ("**/*.wav", ["a1.wav", "a2.wav", "deep/d.wav", "deep/er/c.wav"]),
        ("*.txt", ["b.txt"]),
    ],
)
def test_patterns_that_a_shell_has_not_expanded(pattern: str, found: list[str]) -> None:
    """They match as in a shell: sorted, without hidden files; each file once."""
    assert names(pattern) == found


def test_patterns_match_below_an_absolute_path(folder: Path) -> None:
    """The names are absolute, too."""
    assert names(f"{folder}/a*.wav") == [f"{folder}/a1.wav", f"{folder}/a2.wav"]


def test_a_name_that_exists_is_no_pattern(folder: Path) -> None:
    """Even a broken link, of which the error is reported."""
    (folder / "a[1].wav").touch()
    (folder / "[ab]*").symlink_to("gone")

    assert names("a[1].wav", "[ab]*") == ["a[1].wav", "[ab]*"]


def test_a_pattern_that_matches_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """It counts as an empty folder does; other paths are used."""
    given = GivenRecordings(["x*.wav", "a1.wav", "deep/er/**/y"])

    assert [recording.name for recording in given] == ["a1.wav"]
    assert given.n_empty == 2
    assert capsys.readouterr().err.splitlines() == [
        f"speechgmm: {pattern}: there is no such file, and none that matches this pattern"
        for pattern in ("x*.wav", "deep/er/**/y")
    ]


def test_names_on_stdin_are_no_patterns() -> None:
    """They come from programs that know the names; without stdin - is a name."""
    assert names("a1.wav", "-", "a2.wav", stdin=["a*.wav", "deep"]) == [
        *("a1.wav", "a*.wav", "deep/d.wav", "deep/er/c.wav", "a2.wav")
    ]
    assert names("-") == ["-"]
