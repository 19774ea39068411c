"""``speechgmm segment --html``: a page with the timeline of one recording."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path

import pytest

from tests.builders import RunCommand, parsed, text_of


@pytest.fixture
def recording(voices: Path) -> Path:
    return min(voices.rglob("*.wav"))


def test_the_page_shows_the_segments_of_stdout(
    run: RunCommand, tiny_model_file: Path, recording: Path, tmp_path: Path
) -> None:
    """Each segment of the csv output is on the page, with the command; the sound is included."""
    page = tmp_path / "a.html"
    done = run("segment", recording, "--model", tiny_model_file, "--format", "csv", "--html", page)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    text = page.read_text(encoding="utf-8")
    assert rows
    assert re.findall(r'class="start" type="button" value="([^"]*)"', text) == [row["start"] for row in rows]
    assert f"--html {page}" in text
    assert 'src="data:audio/mpeg;base64,' in text


def test_a_page_shows_one_recording(run: RunCommand, tiny_model_file: Path, voices: Path, tmp_path: Path) -> None:
    """Several recordings are refused before the work."""
    done = run("segment", voices, "--model", tiny_model_file, "--html", tmp_path / "a.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"speechgmm: error: --html {tmp_path / 'a.html'}: it shows one recording and there are 24: give a folder\n"
    )
    assert not any(tmp_path.iterdir())


def test_a_folder_has_a_page_of_each_recording_and_an_index(
    run: RunCommand, tiny_model_file: Path, voices: Path, tmp_path: Path
) -> None:
    """The index has the speaking times of each with a link, those of all, and the recordings without a page."""
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    shutil.copy(voices / "female" / "synthetic-f03" / "01.wav", sounds / "a #1.wav")
    shutil.copy(voices / "male" / "synthetic-m03" / "01.wav", sounds / "b.wav")
    (sounds / "c.wav").write_text("text")

    done = run("segment", sounds, "--model", tiny_model_file, "--html", tmp_path / "pages", "-q")

    assert done.returncode == 1
    assert sorted(file.name for file in (tmp_path / "pages").iterdir()) == ["a #1.html", "b.html", "index.html"]
    assert "Timeline of" in (tmp_path / "pages" / "b.html").read_text(encoding="utf-8")
    index = parsed((tmp_path / "pages" / "index.html").read_text(encoding="utf-8"))
    links = [link.attrib["href"] for link in index.findall(".//section[@aria-labelledby='recordings']//a")]
    assert links == ["./a%20%231.html", "./b.html"]
    assert [text_of(row[0]) for row in index.findall(".//section[@aria-labelledby='recordings']//tbody/tr")] == [
        str(sounds / "a #1.wav"),
        str(sounds / "b.wav"),
    ]
    assert f"{sounds / 'c.wav'}: it is not audio" in text_of(index.find(".//section[@aria-labelledby='recordings']"))
    assert "2 recordings" in text_of(index.find(".//section[@aria-labelledby='times']"))


def test_only_force_replaces_an_index(run: RunCommand, tiny_model_file: Path, recording: Path, tmp_path: Path) -> None:
    """A folder of pages is checked before the work."""
    (tmp_path / "index.html").write_text("mine")

    done = run("segment", recording, "--model", tiny_model_file, "--html", tmp_path)

    assert (done.returncode, done.stdout, (tmp_path / "index.html").read_text()) == (1, "", "mine")
    assert done.stderr == f"speechgmm: error: {tmp_path / 'index.html'}: it exists already; --force replaces it\n"


def test_sound_on_stdin_has_no_page(run: RunCommand, tiny_model_file: Path, tmp_path: Path) -> None:
    """The page needs a file."""
    done = run("segment", "-", "--model", tiny_model_file, "--html", tmp_path / "a.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "speechgmm: error: --html cannot be used with -: it needs a recording that is a file\n"


def test_only_force_replaces_a_file(run: RunCommand, tiny_model_file: Path, recording: Path, tmp_path: Path) -> None:
    """Without --force an existing page stays and nothing is segmented."""
    page = tmp_path / "a.html"
    page.write_text("mine")
    done = run("segment", recording, "--model", tiny_model_file, "--html", page)
    assert (done.returncode, done.stdout, page.read_text()) == (1, "", "mine")
    assert done.stderr == f"speechgmm: error: {page}: it exists already; --force replaces it\n"
    assert run("segment", recording, "--model", tiny_model_file, "--html", page, "--force").returncode == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_bad_recording_has_no_page(run: RunCommand, tiny_model_file: Path, tmp_path: Path) -> None:
    """The failure is reported as without --html."""
    (tmp_path / "a.wav").write_text("text")
    done = run("segment", tmp_path / "a.wav", "--model", tiny_model_file, "--html", tmp_path / "a.html")
    assert done.returncode == 1
    assert "1 of 1 recordings could not be used" in done.stderr
    assert not (tmp_path / "a.html").exists()


def test_a_time_span_on_the_page(run: RunCommand, tiny_model_file: Path, recording: Path, tmp_path: Path) -> None:
    """The page shows the whole recording and says which part is segmented."""
    page = tmp_path / "a.html"
    done = run("segment", recording, "--model", tiny_model_file, "--end", "1.5", "--html", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "Duration 0:00:03.0." in text
    assert "Only 0:00:00.0 to 0:00:01.5 was segmented." in text
