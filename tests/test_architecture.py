"""The layout is the way of the data: which module may know of which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "speechgmm"

pytestmark = pytest.mark.checkout

# Each room may import itself, `errors`, and the rooms named. Rooms below may import those above, never the reverse.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "progress": set(),
    "files": set(),
    "recordings": {"files"},
    "features": set(),
    "mixture": set(),
    "decision": {"features", "mixture", "files"},
    "evaluation": {"decision"},
    "segments": {"decision", "evaluation", "recordings"},
    "segmentation": {"features", "mixture", "decision", "segments"},
    "parallel": set(),
    "cluster": {"parallel"},
    "options": {"features", "mixture", "decision"},
    "extraction": {"recordings", "features"},
    "store": {"recordings", "features", "files", "extraction"},
    "pooling": {"recordings", "features", "mixture", "options", "extraction"},
    "checkpoint": {"mixture", "files"},
    "plots": {"mixture"},
    "reporting": {"recordings", "decision", "evaluation", "segments", "plots"},
    "publication": {"files", "recordings", "evaluation", "card", "plots", "reporting"},
    "refinement": {"recordings", "features", "mixture", "options", "extraction"},
    "fitting": {"features", "mixture", "decision", "options", "extraction", "pooling", "refinement", "progress"},
    "card": {"recordings", "mixture", "options", "extraction", "fitting"},
    "sizing": {"recordings", "mixture", "options", "extraction", "pooling", "fitting", "progress"},
    "material": {"recordings", "features", "options", "extraction", "store", "parallel", "progress"},
    "training": {
        *("recordings", "features", "mixture", "decision", "options", "extraction", "material", "card", "checkpoint"),
        *("fitting", "sizing", "parallel", "progress"),
    },
    "history": {"mixture", "fitting", "training"},
    "classification": {"recordings", "features", "decision", "evaluation", "extraction", "parallel"},
    "assessment": {"recordings", "decision", "evaluation", "extraction", "classification", "parallel", "progress"},
    "folding": {"recordings", "training"},
    "crossvalidation": {
        *("recordings", "features", "decision", "evaluation", "options", "extraction", "material", "sizing", "folding"),
        *("training", "assessment", "parallel", "progress"),
    },
    "auditing": {"recordings", "decision", "crossvalidation"},
    "segmenting": {"recordings", "decision", "segments", "segmentation", "extraction", "parallel"},
    "segment_assessment": {"recordings", "evaluation", "segments", "extraction", "parallel", "progress"},
}
ANYTHING = {"api", "commands", "__init__", "__main__"}

# Foreign libraries that only some files may know of.
KEEPERS = {
    "librosa": {"features/frontend.py"},
    "av": {"recordings/media.py"},
    "soundfile": {
        "recordings/audio.py",
        "recordings/streams.py",
        "recordings/synthesis.py",
        "recordings/ami.py",
        "reporting/clips.py",
        "reporting/sound.py",
    },
    "soxr": {
        "recordings/samples.py",
        "recordings/channel_copies.py",
        "recordings/effort_copies.py",
        "recordings/synthesis.py",
    },
    "joblib": {"parallel.py"},
    "distributed": {"cluster.py"},
    "matplotlib": {"plots.py", "reporting/figures.py", "reporting/pictures.py"},
    "tqdm": {"commands/console.py"},
    "argparse": {"commands/"},
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
    allowed = ROOMS[room] | {room, "errors"}
    known = {name.split(".")[1] for name in imports_of(file) if name.startswith("speechgmm.")}
    assert known <= allowed


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_foreign_libraries_have_their_keepers(file: Path) -> None:
    """librosa, soundfile, joblib and the like are known in their own places only."""
    place = file.relative_to(PACKAGE).as_posix()
    for name in imports_of(file):
        keepers = KEEPERS.get(name.split(".")[0])
        if keepers is not None:
            assert any(place == keeper or (keeper.endswith("/") and place.startswith(keeper)) for keeper in keepers)


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_commands_print_or_exit(file: Path) -> None:
    """No module outside the command line calls print, input or exit."""
    if room_of(file) == "commands":
        return
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"print", "input", "exit", "quit"}
