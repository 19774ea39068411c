"""``speechgmm segment --html``: a page with the timeline and a player, of one recording or of each in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.segment_files import files_in

if TYPE_CHECKING:
    from speechgmm.segmentation.segment import Segment
    from speechgmm.segmentation.segment_recordings import Channel
    from speechgmm.segmentation.speaking_time import Summary

INDEX = "index.html"
SUFFIXES = (".html", ".htm")


def add_timeline_argument(parser: argparse.ArgumentParser) -> None:
    """Add --html."""
    parser.add_argument(
        "--html",
        type=Path,
        metavar="PAGE",
        help="also write an HTML page with the timeline of one recording; it includes sound of up to 30 minutes; "
        f"a name that does not end in .html is a folder: a page of each recording, and {INDEX}",
    )


class TimelinePages:
    """The pages of --html, if it is given: one file, or a folder with a page for each recording and an index.

    Attributes
    ----------
    files : list of Path
        All pages; the index is the last.

    Raises
    ------
    OptionError
        If there is one page and several recordings, or two recordings would have the same page.
    OutputError
        If a page exists and --force is not given, or cannot be written.
    """

    def __init__(self, options: argparse.Namespace, names: Sequence[str]) -> None:
        from speechgmm.errors import OptionError
        from speechgmm.output.files import check_destinations

        self._options = options
        self._shown: list[tuple[str, Summary, str]] = []
        self.files: list[Path] = []
        self._index: Path | None = None
        page: Path | None = options.html
        if page is None:
            return
        if page.suffix.lower() not in SUFFIXES:
            self._index = page / INDEX
            self.files = [*files_in(page, names, ".html"), self._index]
        elif len(names) > 1:
            raise OptionError(f"--html {page}: it shows one recording and there are {len(names)}: give a folder")
        else:
            self.files = [page]
        check_destinations(self.files, replace=options.force)

    def write(self, index: int, item: Channel, segments: Sequence[Segment], summary: Summary, warning: str) -> None:
        """Write the page of one recording."""
        if not self.files:
            return
        from speechgmm.output.files import make_folder, write_atomically
        from speechgmm.reporting.embedded_sound import sound_of
        from speechgmm.reporting.timeline import timeline_page
        from speechgmm.reporting.write_report import origin_of

        file = self.files[index]
        make_folder(file.parent)
        sound = sound_of(item.recording.file, page=file, channel=item.channel)
        page = timeline_page(segments, summary=summary, sound=sound, origin=origin_of(self._options.command_line))
        write_atomically(file, page.encode())
        self._shown.append((file.name, summary, warning))

    def write_index(self, overall: Summary | None, failures: Sequence[str]) -> None:
        """Write the page with a link to each of the others, with the reasons why recordings have none."""
        if self._index is None:
            return
        from speechgmm.output.files import make_folder, write_atomically
        from speechgmm.reporting.timeline_index import Entry, index_page
        from speechgmm.reporting.write_report import origin_of

        entries = [Entry(page=page, summary=summary, warning=warning) for page, summary, warning in self._shown]
        origin = origin_of(self._options.command_line)
        make_folder(self._index.parent)
        write_atomically(self._index, index_page(entries, overall=overall, failures=failures, origin=origin).encode())
