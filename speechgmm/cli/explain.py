"""``speechgmm explain``: one page that shows how mixtures and EM work, on Old Faithful or on the user's own columns."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import Subparsers, at_least, new_command
from speechgmm.cli.console import note, progress_for
from speechgmm.text.terminal import escaped

if TYPE_CHECKING:
    from speechgmm.explanation.material import Material
    from speechgmm.explanation.scene import Chapter, Figure, Step

    NamedSteps = list[tuple[str, Figure, Step]]

EXAMPLE = """\
  speechgmm explain
  speechgmm explain data.csv --components 3 --columns x,y -o mine.html
  speechgmm explain --only em --frames slides/"""

COVARIANCES = ("full", "diag", "tied", "spherical")


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "write an interactive page that shows how mixtures and EM work, on example data or on your own"
    parser = new_command(subparsers, "explain", summary, EXAMPLE)
    parser.add_argument(
        "data",
        nargs="?",
        type=Path,
        metavar="DATA.csv",
        help="a table, whose columns the chapters on k-means and EM show (default: Old Faithful)",
    )
    parser.add_argument(
        "--components", type=at_least(1), metavar="K", help="number of components, with DATA.csv (default: 2)"
    )
    parser.add_argument(
        "--columns",
        type=lambda text: text.split(","),
        metavar="X,Y",
        help="columns of DATA.csv; of more than two, the two leading principal axes (default: all that hold numbers)",
    )
    parser.add_argument(
        "--covariance", choices=COVARIANCES, default="full", help="type of the covariances (default: full)"
    )
    parser.add_argument(
        "--recording", type=Path, metavar="FILE", help="recording for the last chapter (default: a synthetic voice)"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="CHAPTER", help="only this chapter, by name; can be repeated"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("em.html"), metavar="FILE", help="the page (default: em.html)"
    )
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="also write a picture of every step, for slides")
    parser.add_argument(
        "--frame-format", choices=["png", "svg"], default="png", help="format of these pictures (default: png)"
    )
    parser.add_argument("--gif", type=Path, metavar="FILE.gif", help="also write all steps as one moving picture")
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute the chapters and write the page."""
    from speechgmm.explanation.page import explain_page
    from speechgmm.output.files import make_folder, write_atomically

    names = _chapter_names(options)
    _check_options(options, names)
    material = _material(options)
    outputs = [file for file in (options.output, options.gif) if file is not None]
    _check_outputs(options, outputs)
    names = _drawable(options, names)
    if options.frames or options.gif:
        from speechgmm.reporting.training_plots import require_matplotlib

        require_matplotlib()
    if options.frames is not None:
        make_folder(options.frames)
    chapters = _computed(options, names, material)
    steps = _steps([chapter for _, chapter in chapters])
    frames = [options.frames / f"{name}.{options.frame_format}" for name, _, _ in steps] if options.frames else []
    _check_outputs(options, [*outputs, *frames])  # the names of the frames are known only now
    write_atomically(options.output, explain_page(chapters, lead=_lead(options), footer=_footer(options)).encode())
    note(options, f"{options.output}: open it in a browser")
    _write_pictures(options, steps, frames)
    return 0


def _check_options(options: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse a recording that no chapter shows, and a moving picture whose name says that it is something else."""
    from speechgmm.errors import OptionError
    from speechgmm.explanation.chapters import OF_RECORDING

    if options.recording is not None and not any(name in OF_RECORDING for name in names):
        without = "about DATA.csv" if options.data is not None else "with these --only"
        raise OptionError(f"--recording is for the chapter {OF_RECORDING[0]}, which a page {without} lacks: omit one")
    if options.gif is not None and options.gif.suffix.lower() != ".gif":
        raise OptionError(f"--gif {options.gif}: a GIF is written, so that the name must end in .gif")


def _check_outputs(options: argparse.Namespace, outputs: Sequence[Path]) -> None:
    from speechgmm.output.files import check_destinations, check_not_inputs

    check_not_inputs(outputs, [file for file in (options.data, options.recording) if file is not None])
    check_destinations(outputs, replace=options.force)


def _chapter_names(options: argparse.Namespace) -> list[str]:
    """The chapters that are asked for."""
    from speechgmm.errors import OptionError
    from speechgmm.explanation.chapters import CHAPTERS, OF_MATERIAL

    possible = [name for name in CHAPTERS if options.data is None or name in OF_MATERIAL]
    for name in options.only:
        if name not in possible:
            raise OptionError(f"--only {name}: there is no such chapter; there are {', '.join(possible)}")
    return [name for name in possible if not options.only or name in options.only]


def _drawable(options: argparse.Namespace, names: list[str]) -> list[str]:
    """The chapters without those whose library is missing, unless they are asked for by name."""
    from speechgmm.errors import OptionError
    from speechgmm.explanation.borrowed_data import require_pillow
    from speechgmm.explanation.chapters import OF_PILLOW

    if any(name in OF_PILLOW for name in names):
        try:
            require_pillow()
        except OptionError as error:
            if options.only:
                raise
            note(options, f"without the chapter {OF_PILLOW[0]}: {error}")
            names = [name for name in names if name not in OF_PILLOW]
    return names


def _material(options: argparse.Namespace) -> Material:
    from speechgmm.errors import OptionError
    from speechgmm.explanation.material import old_faithful
    from speechgmm.explanation.table_columns import material_of

    if options.data is None:
        for name in ("components", "columns"):
            if getattr(options, name) is not None:
                raise OptionError(f"--{name} is for a table of your own: give DATA.csv as well")
        return replace(old_faithful(), covariance=options.covariance, recording=options.recording)
    material = material_of(
        options.data,
        columns=options.columns or (),
        n_components=options.components or 2,
        covariance=options.covariance,
    )
    if material.left_out:
        left_out = ", ".join(material.left_out)
        note(options, escaped(f"{options.data}: columns left out, without numbers or without a name: {left_out}"))
    return material


def _computed(options: argparse.Namespace, names: list[str], material: Material) -> list[tuple[int, Chapter]]:
    from speechgmm.explanation.chapters import CHAPTERS

    numbers = {name: number for number, name in enumerate(CHAPTERS, start=1)}
    progress = progress_for(options)
    return [(numbers[name], CHAPTERS[name](material)) for name in progress(names, total=len(names), what="chapters")]


def _steps(chapters: list[Chapter]) -> NamedSteps:
    from speechgmm.explanation.stills import states

    return [(name, figure, step) for chapter in chapters for figure in chapter.figures for name, step in states(figure)]


def _write_pictures(options: argparse.Namespace, steps: NamedSteps, files: list[Path]) -> None:
    """Write a picture of every step to its file, if there are files, and all of them to the moving picture."""
    from speechgmm.explanation.stills import moving, still
    from speechgmm.output.files import write_atomically

    progress = progress_for(options)
    if files:
        for file, (_, figure, step) in progress(list(zip(files, steps, strict=True)), total=len(files), what="frames"):
            write_atomically(file, still(figure, step, options.frame_format))
        note(options, f"{options.frames}: {len(files)} pictures")
    if options.gif is not None:
        pictures = [still(figure, step) for _, figure, step in progress(steps, total=len(steps), what="moving picture")]
        write_atomically(options.gif, moving(pictures))
        note(options, f"{options.gif}: {len(pictures)} steps")


def _lead(options: argparse.Namespace) -> str:
    if options.data is not None:
        return f"k-means, EM, its bound and its optima on {options.data.name}, computed by speechgmm."
    return (
        "k-means, Gaussian mixtures and EM, from the first sample to voice gender labels. Every number and every point "
        "was computed by the engine of speechgmm when this page was written."
    )


def _footer(options: argparse.Namespace) -> str:
    from speechgmm.provenance import software_versions

    versions = ", ".join(f"{package} {version}" for package, version in software_versions().items())
    return f"Made by `{options.command_line}` with {versions}."
