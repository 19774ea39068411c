"""HTML page of several segmented recordings: speaking times of each, with a link to its timeline, and of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.reporting.html_elements import Html, element, joined, listing, name, page, paragraph, section, table
from speechgmm.reporting.report_page import Origin
from speechgmm.reporting.timeline import MEANING, lead_sentence, origin_section, percent, times_section
from speechgmm.segmentation.segment import NONSPEECH, clock
from speechgmm.segmentation.speaking_time import Summary


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A recording in the index.

    Attributes
    ----------
    page : str
        Name of the file of its page, which is beside the index.
    summary : Summary
    warning : str
        What was odd about it; empty if nothing was.
    """

    page: str
    summary: Summary
    warning: str = ""


def index_page(entries: Sequence[Entry], *, overall: Summary | None, failures: Sequence[str], origin: Origin) -> str:
    """Make the index of the pages of several recordings.

    Parameters
    ----------
    entries : sequence of Entry
        In the order of the page.
    overall : Summary or None
        Over all of them; None leaves it out.
    failures : sequence of str
        Why recordings have no page, with their names.
    origin : Origin
        Command, date and software versions.

    Returns
    -------
    str
        Content of an HTML file; it links to the other pages and loads nothing.
    """
    counted = f"{len(entries)} recording{'' if len(entries) == 1 else 's'}"
    lead = paragraph(lead_sentence(overall) if overall else f"{counted}.", class_="lead")
    sections = [
        section("recordings", "Recordings", _recordings_table(entries), *_failures(failures)),
        *([times_section(overall)] if overall else []),
        origin_section(origin),
    ]
    footer = Html("Times are hours, minutes and seconds.")
    return page(f"Timelines of {counted}", joined([lead, paragraph(MEANING)]), sections, footer=footer)


def _recordings_table(entries: Sequence[Entry]) -> Html:
    if not entries:
        return paragraph("No recording could be segmented.")
    classes = list(entries[0].summary.times.classes_s)
    shares = [joined(["share of ", name(label)]) for label in classes]
    header = ["recording", "duration", *map(name, classes), *shares, UNKNOWN, NONSPEECH]
    warnings = [joined([name(entry.summary.name), ": ", entry.warning]) for entry in entries if entry.warning]
    shown = table("Speaking time in each recording", header, [_row(entry, classes) for entry in entries])
    return joined([shown, paragraph("Recordings with a warning:"), listing(warnings)]) if warnings else shown


def _row(entry: Entry, classes: Sequence[str]) -> list[str]:
    times = entry.summary.times
    return [
        element("a", name(entry.summary.name), href=f"./{quote(entry.page, errors='surrogateescape')}"),
        clock(times.duration_s),
        *(clock(times.classes_s[label]) for label in classes),
        *(percent(times.share(label)) for label in classes),
        clock(times.unknown_s),
        clock(times.nonspeech_s),
    ]


def _failures(failures: Sequence[str]) -> list[Html]:
    return [paragraph("Recordings that could not be segmented:"), listing(map(name, failures))] if failures else []
