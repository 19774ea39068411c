"""Writing an evaluation report: report.json, scores.csv, report.html and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError, OptionError
from speechgmm.evaluation.report import Report
from speechgmm.evaluation.report_files import score_rows, to_json
from speechgmm.output.files import Attempts, delete, each_attempted, make_folder, write_atomically
from speechgmm.provenance import software_versions
from speechgmm.reporting.clips import clip
from speechgmm.reporting.rendered_figures import DESCRIPTIONS, KINDS, Picture, draw
from speechgmm.reporting.report_page import Origin, report_page
from speechgmm.reporting.tables import Clips
from speechgmm.reporting.training_plots import require_matplotlib
from speechgmm.text.tables import csv_line

REPORT, SCORES, PAGE, FIGURES = "report.json", "scores.csv", "report.html", "figures"
FILES = (REPORT, SCORES, PAGE, *(f"{FIGURES}/{name}.{kind}" for name in DESCRIPTIONS for kind in KINDS))
"""Every file that `write_report` may write, relative to the report's folder."""


def publish(
    folder: Path,
    report: Report,
    outcomes: Sequence[Outcome],
    *,
    origin: Origin,
    recordings: Sequence[Recording] | None = None,
    channel: int | None = None,
) -> None:
    """Write report.json, scores.csv, report.html and the figures; without matplotlib there are no figures.

    Parameters
    ----------
    folder : Path
        An existing folder; the files of `FILES` in it are replaced, those of figures that this report lacks deleted.
    report : Report
    outcomes : sequence of Outcome
        The outcomes that the report was computed from.
    origin : Origin
    recordings : sequence of Recording, optional
        Audio of the outcomes, for the clips in the page; by default the page has no clips.
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Raises
    ------
    OutputError
        If a file cannot be written; the others are written.
    """
    with each_attempted() as attempts:
        attempts.run(write_atomically, folder / REPORT, as_json(report).encode())
        attempts.run(write_atomically, folder / SCORES, as_csv(report, outcomes).encode(errors="surrogateescape"))
        pictures = draw(report) if has_matplotlib() else {}
        clips = None if recordings is None else _clips(report, recordings, channel)
        page = as_page(report, origin=origin, pictures=pictures, clips=clips)
        attempts.run(write_atomically, folder / PAGE, page.encode())
        _write_pictures(folder, pictures, attempts)


def write_page(file: Path, report: Report, *, origin: Origin) -> None:
    """Write only the page, without clips.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    pictures = draw(report) if has_matplotlib() else {}
    write_atomically(file, as_page(report, origin=origin, pictures=pictures).encode())


def as_json(report: Report) -> str:
    """The content of report.json."""
    return json.dumps(to_json(report), indent=2, allow_nan=False) + "\n"


def as_csv(report: Report, outcomes: Sequence[Outcome]) -> str:
    """The content of scores.csv."""
    return "".join(map(csv_line, score_rows(outcomes, classes=report.classes)))


def as_page(report: Report, *, origin: Origin, pictures: Mapping[str, Picture], clips: Clips | None = None) -> str:
    """The content of report.html."""
    inline = {name: picture.inline for name, picture in pictures.items()}
    return report_page(to_json(report), origin=origin, pictures=inline, clips=clips)


def origin_of(command: str) -> Origin:
    """The origin of a report made now with this software."""
    versions = {**software_versions(), "speechgmm": metadata.version("speechgmm")}
    if find_spec("matplotlib"):
        versions["matplotlib"] = metadata.version("matplotlib")
    return Origin(command=command, made=datetime.now().astimezone().isoformat(timespec="seconds"), versions=versions)


def has_matplotlib() -> bool:
    """Whether figures can be drawn."""
    try:
        require_matplotlib()
    except OptionError:
        return False
    return True


def _clips(report: Report, recordings: Sequence[Recording], channel: int | None) -> Clips:
    """Clips of the examples; recordings that can no longer be read are left out."""
    by_utterance = {(recording.name, recording.start, recording.end): recording for recording in recordings}
    clips = {}
    for example in (*report.confident_errors, *report.least_certain):
        utterance = example.path, example.start, example.end
        if utterance in by_utterance and utterance not in clips:
            try:
                clips[utterance] = clip(by_utterance[utterance], channel=channel)
            except AudioError:
                continue
    return clips


def _write_pictures(folder: Path, pictures: Mapping[str, Picture], attempts: Attempts) -> None:
    """Write the figures; delete figures of an earlier report that this one does not have."""
    if pictures:
        make_folder(folder / FIGURES)
    for name in DESCRIPTIONS:
        for kind in KINDS:
            file = folder / FIGURES / f"{name}.{kind}"
            if name in pictures:
                attempts.run(write_atomically, file, pictures[name].files[kind])
            else:
                attempts.run(delete, file)
