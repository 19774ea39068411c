"""HTML page of a segmented recording: waveform, one lane per label, player, speaking times and segment table.

The page is complete without its script, timeline.js. The script adds a cursor that follows the playback, playback from
a click, and zoom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.metrics import Interval
from speechgmm.reporting import timeline_lanes as lanes
from speechgmm.reporting.embedded_sound import MAX_EMBEDDED_S, Sound
from speechgmm.reporting.html_elements import Html, element, joined, name, page, paragraph, section, table
from speechgmm.reporting.report_page import Origin
from speechgmm.segmentation.segment import NONSPEECH, Segment, clock
from speechgmm.segmentation.speaking_time import Summary, Times

MEANING = "A label describes how a voice sounds to the model. It makes no statement about the person."
_PLAYBACK_ERROR = (
    "The recording cannot be played. Its file is not at the linked address, or the browser does not support its format."
)
_MAX_CLASSES_IN_LEAD = 3
_TOLERANCE_S = 1.0  # the last segment may end a frame before the audio


def timeline_page(segments: Sequence[Segment], *, summary: Summary, sound: Sound, origin: Origin) -> str:
    """Make the page of a segmented recording.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time, without overlap.
    summary : Summary
        Speaking times of these segments, with the recording's name and the classes.
    sound : Sound
        Waveform and audio source of the recording.
    origin : Origin
        Command, date and software versions.

    Returns
    -------
    str
        Content of an HTML file; self-contained except for audio that is not embedded.
    """
    duration_s = max(sound.duration_s, max((segment.end for segment in segments), default=0.0))
    sections = [
        section(
            "timeline", "Timeline", _player(sound), _controls(duration_s), _lanes(segments, summary, sound, duration_s)
        ),
        times_section(summary),
        section("segments", "Segments", _segments_table(segments)),
        origin_section(origin),
    ]
    return page(
        f"Timeline of {summary.name}",
        _lead(summary, duration_s),
        sections,
        footer=Html("Times are hours, minutes and seconds from the start of the recording."),
        styles=_resource("timeline.css"),
        script=_resource("timeline.js"),
        media="data:" if sound.embedded else "'self' file:",
    )


def times_section(summary: Summary) -> Html:
    """The section with the speaking time of each label, and of each hour."""
    return section("times", "Speaking time", _times_table(summary), *_hours_table(summary), _method(summary))


def origin_section(origin: Origin) -> Html:
    """The section on how a page was made."""
    versions = ", ".join(f"{package} {version}" for package, version in origin.versions.items())
    facts = {
        "Command": element("code", origin.command),
        "Date": element("time", origin.made, datetime=origin.made),
        "Software": versions,
    }
    entries = (joined([element("dt", title), element("dd", fact)]) for title, fact in facts.items())
    return section("origin", "How this page was made", element("dl", *entries))


def lead_sentence(summary: Summary, duration_s: float | None = None) -> Html:
    """Duration, by default that of the segments, and the shares of the most frequent classes."""
    times = summary.times
    classes = sorted((label for label, seconds in times.classes_s.items() if seconds), key=times.share, reverse=True)
    shares = [joined([name(label), f" {percent(times.share(label))}"]) for label in classes[:_MAX_CLASSES_IN_LEAD]]
    if len(classes) > len(shares):
        shares.append(Html("others"))
    speech = f"Labelled speech {clock(times.decided_s)}: " if shares else "No segment has a class label"
    duration = clock(times.duration_s if duration_s is None else duration_s)
    return joined(["Duration ", duration, ". ", speech, Html(", ".join(shares)), "."])


def _resource(file: str) -> str:
    return resources.files("speechgmm.reporting").joinpath(file).read_text(encoding="utf-8")


def _lead(summary: Summary, duration_s: float) -> Html:
    return joined([paragraph(lead_sentence(summary, duration_s), class_="lead"), paragraph(MEANING)])


def _player(sound: Sound) -> Html:
    audio = element("audio", id="sound", src=Html(sound.address), controls=True, preload="metadata")
    link = (
        ""
        if sound.embedded
        else paragraph(
            f"Recordings longer than {MAX_EMBEDDED_S / 60:g} minutes are not embedded. This one is played from ",
            element("a", "its file", href=Html(sound.address)),
            ". If you move the page, move the file with it.",
        )
    )
    error = element("p", _PLAYBACK_ERROR, class_="warning", id="playback_error", hidden=True)
    return joined([audio, link, error])


def _controls(duration_s: float) -> Html:
    """Readout, zoom buttons and position slider; hidden until the script runs."""
    step = 1 if duration_s >= 60 else 0.1
    slider = element(
        "input",
        type="range",
        id="position",
        min=0,
        max=f"{duration_s:.3f}",
        step=str(step),
        value=0,
        autocomplete="off",
    )
    buttons = [
        element("button", title, id=identity, type="button")
        for identity, title in (("zoom_in", "Zoom in"), ("zoom_out", "Zoom out"), ("zoom_all", "Show all"))
    ]
    label = element("label", "Position", for_="position")
    row = element("p", label, *buttons, class_="row")
    ways = paragraph(
        "Zoom also with the wheel and the control key, with two fingers, or in the timeline with the keys +, - and 0.",
        class_="faint",
    )
    return element("div", element("p", id="readout"), row, slider, ways, id="controls", hidden=True)


def _lanes(segments: Sequence[Segment], summary: Summary, sound: Sound, duration_s: float) -> Html:
    drawn = [
        lanes.lane(Html("waveform"), lanes.waveform(sound.extremes, sound.bin_s, duration_s), "wave"),
        *(_label_lane(label, number, segments, summary, duration_s) for number, label in enumerate(_labels(summary))),
        lanes.lane(Html("probability of the label (0 to 1)"), lanes.probabilities(segments, duration_s), "probability"),
        lanes.axis(duration_s),
        element("div", id="pointer", hidden=True),
        element("div", id="cursor", hidden=True),
    ]
    content = element("div", *drawn, id="lanes")
    frame = element(
        "div", content, id="frame", class_="scroll", role="group", tabindex=0, aria_label="Timeline, from left to right"
    )
    return element("figure", frame, element("figcaption", _caption(segments, duration_s)), class_="wide")


def _caption(segments: Sequence[Segment], duration_s: float) -> str:
    """The meaning of gaps between bars: non-speech, or audio outside of the segmented interval."""
    gaps = f"Gaps between the bars are non-speech (label {NONSPEECH})."
    if not segments or (segments[0].start < _TOLERANCE_S and duration_s - segments[-1].end < _TOLERANCE_S):
        return gaps
    return f"{gaps} Only {clock(segments[0].start)} to {clock(segments[-1].end)} was segmented."


def _labels(summary: Summary) -> list[str]:
    return [*summary.times.classes_s, UNKNOWN]


def _label_lane(label: str, number: int, segments: Sequence[Segment], summary: Summary, duration_s: float) -> Html:
    own = [segment for segment in segments if segment.label == label]
    times = summary.times
    seconds = times.unknown_s if label == UNKNOWN else times.classes_s[label]
    share = "" if label == UNKNOWN or not seconds else f", {percent(times.share(label))}"
    time = f": {clock(seconds)}{share}"
    title = joined([name(label), time])
    picture = lanes.bars(own, number=number, duration_s=duration_s, description=f"{label}{time}")
    return lanes.lane(title, picture, UNKNOWN if label == UNKNOWN else "")


def _times_table(summary: Summary) -> Html:
    times = summary.times
    rows = [
        [name(label), clock(seconds), percent(times.share(label)), _percents(summary.intervals[label])]
        for label, seconds in times.classes_s.items()
    ]
    header = ["label", "time", "share of labelled speech", "95 % interval"]
    if _lacks_intervals(summary):
        header, rows = header[:3], [row[:3] for row in rows]
    others = f"{UNKNOWN} {clock(times.unknown_s)}, {NONSPEECH} {clock(times.nonspeech_s)}"
    return joined([table("Time per label", header, rows), paragraph("Without a class label: ", others, ".")])


def _hours_table(summary: Summary) -> list[Html]:
    if len(summary.by_hour) < 2:
        return []

    def row(hour: int, times: Times) -> list[str]:
        speech = [f"{clock(seconds, 0)} ({percent(times.share(label))})" for label, seconds in times.classes_s.items()]
        return [f"{hour}:00", *speech, clock(times.unknown_s, 0), clock(times.nonspeech_s, 0)]

    header = ["from", *map(name, summary.times.classes_s), UNKNOWN, NONSPEECH]
    return [table("Time per label and hour", header, [row(hour, times) for hour, times in enumerate(summary.by_hour)])]


def _method(summary: Summary) -> Html:
    if _lacks_intervals(summary):
        return paragraph(f"No 95 % intervals: too few units with labelled speech ({summary.units}).", class_="faint")
    method = (
        f"95 % intervals by bootstrap over {summary.units}. They cover the variation of the share between these units, "
        "not classification errors."
    )
    return paragraph(method, class_="faint")


def _lacks_intervals(summary: Summary) -> bool:
    return all(math.isnan(interval.low) for interval in summary.intervals.values())


def _segments_table(segments: Sequence[Segment]) -> Html:
    if not segments:
        return paragraph("There are no segments.")
    header = ["start", "end", "label", "probability"]
    caption = "All segments; select a start time to play from there"
    return table(caption, header, map(_row, segments), n_texts=len(header))


def _row(segment: Segment) -> list[str]:
    start = element(
        "button", clock(segment.start, 2), class_="start", type="button", value=f"{segment.start:.3f}", disabled=True
    )
    end = element("data", clock(segment.end, 2), value=f"{segment.end:.3f}")
    probability = "" if math.isnan(segment.probability) else f"{segment.probability:.3f}"
    reason = f" ({segment.reason})" if segment.reason else ""
    return [start, end, joined([name(segment.label), reason]), probability]


def percent(ratio: float) -> str:
    """Format a ratio as a percentage; NaN gives ``n/a``."""
    return "n/a" if math.isnan(ratio) else f"{100 * ratio:.1f}\N{NO-BREAK SPACE}%"


def _percents(interval: Interval) -> str:
    return "n/a" if math.isnan(interval.low) else f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"
