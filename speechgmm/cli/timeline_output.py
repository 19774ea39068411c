"""``speechgmm segment --html``: a page with the timeline and a player of one recording."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechgmm.segmentation.segment import Segment
    from speechgmm.segmentation.segment_recordings import Channel
    from speechgmm.segmentation.speaking_time import Summary


def add_timeline_argument(parser: argparse.ArgumentParser) -> None:
    """Add --html."""
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="also write an HTML page with the timeline of one recording; it includes sound of up to 30 minutes",
    )


def check_timeline(options: argparse.Namespace, n_recordings: int) -> None:
    """Check before the work that the page can be written."""
    from speechgmm.errors import OptionError
    from speechgmm.output.files import check_destination

    if options.html is None:
        return
    if n_recordings > 1:
        raise OptionError(f"--html {options.html}: it shows one recording and there are {n_recordings}: give one")
    check_destination(options.html, replace=options.force)


def write_timeline(options: argparse.Namespace, item: Channel, segments: Sequence[Segment], summary: Summary) -> None:
    """Write the page if --html is given."""
    if options.html is None:
        return
    from speechgmm.output.files import write_atomically
    from speechgmm.reporting.embedded_sound import sound_of
    from speechgmm.reporting.timeline import timeline_page
    from speechgmm.reporting.write_report import origin_of

    sound = sound_of(item.recording.file, page=options.html, channel=item.channel)
    page = timeline_page(segments, summary=summary, sound=sound, origin=origin_of(options.command_line))
    write_atomically(options.html, page.encode())
