"""The layout is the way of the data: which module may know of which."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "speechgmm"

pytestmark = pytest.mark.checkout

# Each room may import itself, what belongs to all (`COMMON`), and the rooms named: these stand before it on the way of
# the data. Nothing imports a room that comes later.
ROOMS: dict[str, set[str]] = {
    "text": set(),
    "output": set(),
    "audio": set(),
    "corpus": {"text", "output", "audio"},
    "augmentation": {"audio"},
    "features": {"audio", "corpus", "augmentation"},
    "mixture": set(),
    "workers": set(),
    "classifier": {"text", "output", "audio", "corpus", "features", "mixture", "workers"},
    "training": {"output", "audio", "corpus", "augmentation", "features", "mixture", "classifier", "workers"},
    "evaluation": {"text", "audio", "corpus", "features", "classifier", "workers"},
    "crossvalidation": {"audio", "corpus", "features", "classifier", "training", "evaluation", "workers"},
    "segmentation": {"text", "audio", "corpus", "features", "mixture", "classifier", "evaluation", "workers"},
    "reporting": {"text", "output", "audio", "corpus", "mixture", "classifier", "evaluation", "segmentation"},
    "web": {"text", "audio", "classifier", "features", "segmentation", "workers"},
    "demo": set(),
    "explanation": {"text", "output", "audio", "features", "mixture", "classifier", "reporting", "demo"},
}
COMMON = {"argument_checks", "errors", "progress", "provenance"}
ANYTHING = {"api", "cli", "__init__", "__main__"}

# Foreign libraries that only some files may know of.
KEEPERS = {
    "librosa": {"features/mel_filters.py"},
    "av": {"audio/ffmpeg.py"},
    "soundfile": {
        "audio/sound_file.py",
        "audio/live_input.py",
        "demo/synthesis.py",
        "demo/ami_corpus.py",
        "reporting/clips.py",
        "reporting/embedded_sound.py",
    },
    "soxr": {
        "audio/samples.py",
        "augmentation/channel.py",
        "augmentation/vocal_effort.py",
        "demo/synthesis.py",
    },
    "joblib": {"workers/local.py"},
    "distributed": {"workers/dask.py"},
    "matplotlib": {
        "explanation/stills.py",
        "reporting/training_plots.py",
        "reporting/figures.py",
        "reporting/rendered_figures.py",
    },
    "sklearn": {"mixture/estimators/", "explanation/borrowed_data.py"},
    "tqdm": {"cli/console.py"},
    "pandas": {"text/data_frames.py", "mixture/estimators/"},
    "polars": {"text/data_frames.py"},
    "pyannote": {"segmentation/foreign_annotations.py"},
    "audformat": {"segmentation/foreign_annotations.py"},
    "shtab": {"cli/completion.py"},
    "fastapi": {"web/", "cli/serve.py"},
    "starlette": {"web/"},
    "pydantic": {"web/"},
    "anyio": {"web/"},
    "python_multipart": {"web/", "cli/serve.py"},
    "uvicorn": {"cli/serve.py"},
    "argparse": {"cli/"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_run_one_way(file: Path) -> None:
    """A module imports only from the rooms before its own."""
    room = room_of(file)
    if room in ANYTHING:
        return
    allowed = COMMON if room in COMMON else ROOMS[room] | {room} | COMMON
    known = {name.split(".")[1] for name in imports_of(file) if name.startswith("speechgmm.")}
    assert known <= allowed


def test_the_map_has_no_circle() -> None:
    """A room is before every room that may import it."""
    before: set[str] = set()
    for room, allowed in ROOMS.items():
        assert allowed <= before
        before.add(room)


def test_every_module_has_a_room() -> None:
    """The top holds what belongs to all, and every folder is on the map."""
    loose = {file.stem for file in PACKAGE.glob("*.py")}
    assert loose == COMMON | ANYTHING - {"api", "cli"}
    assert {file.parent.name for file in PACKAGE.glob("*/__init__.py")} == {*ROOMS, "api", "cli"}


def test_modules_import_each_other_in_no_circle() -> None:
    """Within a room, too, imports run one way."""
    names = {".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): file for file in modules()}
    known = {name.removesuffix(".__init__"): imports_of(file) for name, file in names.items()}
    graph = {
        name: {each if each in known else each.rpartition(".")[0] for each in found if each.startswith("speechgmm.")}
        for name, found in known.items()
        if name not in ("speechgmm", "speechgmm.__main__")
    }
    tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_foreign_libraries_have_their_keepers(file: Path) -> None:
    """librosa, soundfile, joblib and the like are known in their own places only."""
    place = file.relative_to(PACKAGE).as_posix()
    for name in imports_of(file):
        keepers = KEEPERS.get(name.split(".")[0])
        if keepers is not None:
            assert any(place == keeper or (keeper.endswith("/") and place.startswith(keeper)) for keeper in keepers)


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_the_command_line_prints_or_exits(file: Path) -> None:
    """No module outside the command line calls print, input or exit."""
    if room_of(file) == "cli":
        return
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"print", "input", "exit", "quit"}
