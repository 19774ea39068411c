"""The version: it comes from the tags, and what must be written by hand agrees with the newest release."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from speechgmm import provenance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).resolve().parent.parent


def releases() -> list[tuple[str, str]]:
    """Version and date of each release in the changelog, the newest first."""
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, flags=re.MULTILINE)


def settings() -> dict[str, Any]:
    """What pyproject.toml says of the version."""
    with (PROJECT / "pyproject.toml").open("rb") as stream:
        found: dict[str, Any] = tomllib.load(stream)["tool"]["hatch"]["version"]["raw-options"]
    return found


@pytest.mark.checkout
def test_sources_without_tags_have_the_version_of_the_newest_release() -> None:
    """The fallback for an archive, and for a clone without tags."""
    (newest, _), *_ = releases()
    assert settings()["fallback_version"] == newest
    assert f" echo v{newest}-1-g" in " ".join(settings()["git_describe_command"])


@pytest.mark.checkout
def test_the_citation_is_of_the_newest_release() -> None:
    """CITATION.cff has its version and date."""
    (newest, date), *_ = releases()
    text = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {newest}\n" in text
    assert f"\ndate-released: {date}\n" in text


@pytest.mark.checkout
def test_the_conda_recipe_has_the_version_and_the_dependencies() -> None:
    """Two packages have other names there."""
    (newest, _), *_ = releases()
    names = {"pysoundfile": "soundfile", "soxr-python": "soxr"}
    text = (PROJECT / ".conda" / "meta.yaml").read_text(encoding="utf-8")
    assert f'set version = "{newest}"' in text
    listed = re.findall(r"^    - ([\w.-]+) ([<>=.,\d]+)", text.partition("  run:\n")[2], flags=re.MULTILINE)
    with (PROJECT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    needed = [re.match(r"([\w-]+)(.*?)(;|$)", each) for each in project["dependencies"]]
    assert {names.get(name, name): limits for name, limits in listed} == {
        "python": project["requires-python"],
        **{match[1]: match[2].strip() for match in needed if match},
    }


@pytest.mark.checkout
def test_the_changelog_has_one_list_of_changes_to_come_and_falling_versions() -> None:
    """In the form of Keep a Changelog."""
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert sections[0] == "[Unreleased]"
    assert len(sections) == len(releases()) + 1
    numbers = [tuple(map(int, version.split("."))) for version, _ in releases()]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize(
    ("full", "kept"),
    [("0.2.0", "0.2.0"), ("0.2.0.post1.dev3+g0123abc", "0.2.0"), ("0.2.0+d20261129", "0.2.0"), ("1.10.2", "1.10.2")],
)
def test_a_model_names_the_release_that_trained_it(full: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit in between does not change the bytes of a model; the versions of libraries are exact."""
    monkeypatch.setattr(metadata, "version", lambda package: full)
    assert provenance.version("speechgmm") == kept
    assert provenance.version("numpy") == full


def test_the_version_is_known() -> None:
    """The package is installed with a version."""
    assert re.match(r"\d+\.\d+\.\d+", provenance.version("speechgmm"))
