"""Tables of the user: which columns are taken, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speechgmm.errors import SpeechGmmError
from speechgmm.explanation.chapters import CHAPTERS
from speechgmm.explanation.scene import Axis, Chapter
from speechgmm.explanation.table_columns import MOST_ROWS, material_of
from tests.builders import RunCommand


def written(folder: Path, text: str) -> Path:
    file = folder / "data.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_columns_of_numbers_are_taken(tmp_path: Path) -> None:
    file = written(tmp_path, "name;x;y\na;1,5;2\nb;3;4\nc;5;6,25\n")
    material = material_of(file, columns=(), n_components=2, covariance="full")
    assert material.columns == ("x", "y")
    assert material.frames.tolist() == [[1.5, 2.0], [3.0, 4.0], [5.0, 6.25]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.126,-0.132\n0.64,0.105\n", [[0.126, -0.132], [0.64, 0.105]]),
        ("1,2\n3,4\n6,8\n", [[1, 2], [3, 4], [6, 8]]),
        ("1,5;2\n3;4,5\n", [[1.5, 2], [3, 4.5]]),
        ("1.5\t2\n3\t4\n", [[1.5, 2], [3, 4]]),
        ("sep=;\n1,5;2\n3;4,5\n", [[1.5, 2], [3, 4.5]]),
    ],
)
def test_a_header_is_not_needed(text: str, expected: list[list[float]], tmp_path: Path) -> None:
    material = material_of(written(tmp_path, text), columns=(), n_components=2, covariance="full")
    assert material.columns == ("column 1", "column 2")
    assert material.frames.tolist() == expected


def test_columns_left_out_are_noted(tmp_path: Path, run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those without numbers and, as pandas writes the numbers of the rows, without a name; not if the user chose."""
    monkeypatch.setitem(CHAPTERS, "kmeans", lambda _: Chapter(name="kmeans", title="", text="", figures=()))
    file = written(tmp_path, ",x,town,y\n0,1,a,2\n1,3,b,4\n")
    arguments = ("--only", "kmeans", "-o", tmp_path / "em.html", "--force")
    done = run("explain", file, *arguments)
    assert done.returncode == 0
    assert f"{file}: columns left out, without numbers or without a name: (column 1), town\n" in done.stderr
    done = run("explain", file, "--columns", "x,y", *arguments)
    assert (done.returncode, "left out" in done.stderr) == (0, False)


def test_more_columns_become_principal_axes(tmp_path: Path) -> None:
    """The axes are those of the correlation matrix, and the page says so."""
    values = np.random.default_rng(0).normal(size=(30, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    file = tmp_path / "data.csv"
    np.savetxt(file, values, delimiter=",", header="a,b,c,d", comments="")
    material = material_of(file, columns=(), n_components=2, covariance="full")
    largest = np.linalg.eigvalsh(np.corrcoef(values.T))[::-1][:2]
    assert material.frames.var(axis=0) == pytest.approx(largest, rel=1e-6)
    assert material.columns == ("principal axis 1", "principal axis 2")
    assert "two leading principal axes of the columns a, b, c, d" in material.source
    assert f"{100 * largest.sum() / 4:.0f} %" in material.source


def test_the_code_reads_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "x,y,z\n1,2,3\n4,5,7\n7,8,1\n")
    monkeypatch.chdir(tmp_path)
    for columns in ((), ("z", "x")):
        material = material_of(file, columns=columns, n_components=1, covariance="full")
        names: dict[str, object] = {}
        exec(material.code, names)
        assert np.array_equal(names["X"], material.frames)  # type: ignore[arg-type]


def test_of_many_rows_some_are_drawn(tmp_path: Path) -> None:
    file = written(tmp_path, "x,y\n" + "".join(f"{n},{n * n}\n" for n in range(1000)))
    material = material_of(file, columns=(), n_components=2, covariance="full")
    assert len(material.frames) == MOST_ROWS
    assert f"{MOST_ROWS} of its 1,000 rows" in material.source


BAD = {
    "": "empty",
    "x,y\n": "no row below the header",
    "x,name\n1,a\n2,b\n": "two columns of numbers are needed, and there is only 'x'",
    "name\na\n": "there is none",
    "x,y\n1,2\n3,nan\n": ":3: the column 'y' has 'nan', but a finite number is needed",
    "x,y\n1,2\n3,\n": ":3: the column 'y' has ''",
    "x,y\n1,2\n3\n": ":3: the column 'y' has ''",
    "x,y\n1,2\n1,2\n1,2\n": "has 1 different row, but",
    "x,y\n1,2\n3,4\n": "--components 3",
    "x,y\n1,2\n-1e200,4\n": ":3: the column 'x' has '-1e200', but 1e+30 is the most",
    "a,a\n1,5\n2,9\n": "2 columns are named 'a'",
    ",x\n0,1\n1,2\n": "only 'x'",
    "\0\0": "no text",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad_tables_give_one_line(text: str, tmp_path: Path, run: RunCommand) -> None:
    """One line that names the file and the fault, exit code 1 or 2, and no page."""
    file = written(tmp_path, text)
    done = run("explain", file, "--components", 3, "-o", tmp_path / "em.html")
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert str(file) in done.stderr
    assert BAD[text] in done.stderr
    assert not (tmp_path / "em.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "missing.csv: cannot be read"),
        (["--components", "3"], "--components is for a table of your own"),
        (["--only", "nothing"], "--only nothing: there is no such chapter; there are mixture, kmeans"),
        (["data.csv", "--columns", "x,z"], "--columns z: data.csv has no such column; it has x, y"),
        (["data.csv", "--components", "11"], "1 to 10 components"),
        (["data.csv", "--columns", "x,x"], "--columns x,x: 'x' is given twice"),
        (["double.csv", "--columns", "x,y"], "--columns x: double.csv has 2 columns of this name"),
        (
            ["data.csv", "--recording", "data.csv"],
            "--recording is for the chapter application, which a page about DATA",
        ),
        (["--only", "em", "--recording", "data.csv"], "which a page with these --only lacks"),
        (["--gif", "em.png"], "--gif em.png: a GIF is written, so that the name must end in .gif"),
        (["data.csv", "-o", "data.csv", "--force"], "data.csv: it is an input of this command"),
        (["--only", "application", "--recording", "data.csv"], "data.csv"),
    ],
)
def test_wrong_arguments_give_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunCommand
) -> None:
    written(tmp_path, "x,y\n1,2\n3,4\n")
    (tmp_path / "double.csv").write_text("x,x,y\n1,2,3\n4,5,6\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = run("explain", *arguments)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_constant_columns_and_one_component_are_shown(tmp_path: Path, run: RunCommand) -> None:
    file = written(tmp_path, "x,y\n" + "".join(f"{n},3\n" for n in range(12)))
    for components in (1, 3):
        chapters = ("--only", "em", "--only", "bound", "--only", "hard", "--only", "kmeans")
        arguments = ("--components", components, "-o", tmp_path / "em.html", "--force", "--quiet")
        done = run("explain", file, *arguments, *chapters)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_axis_around_a_large_constant_has_a_length() -> None:
    axis = Axis.of("x", [1e30, 1e30])
    assert axis.low < 1e30 < axis.high


def test_errors_of_the_library_are_its_own(tmp_path: Path) -> None:
    with pytest.raises(SpeechGmmError, match="cannot be read"):
        material_of(tmp_path, columns=(), n_components=2, covariance="full")
