"""The page of a segmented recording: who is heard when, to look at, to read and to listen to.

Everything is there without the script; with it a cursor goes along with the sound, and a click plays from there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation.metrics import Interval
from speechgmm.reporting import lanes
from speechgmm.reporting.html import Html, element, joined, name, page, paragraph, section, table
from speechgmm.reporting.page import Origin
from speechgmm.reporting.sound import LONGEST_S, Sound
from speechgmm.segmentation.segment import NONSPEECH, Segment, clock
from speechgmm.segmentation.speaking_time import Summary, Times

_MEANING = "A label says how a voice sounds to a model; it never says what a person is."
_SILENT = "The recording cannot be played: its file is not where it was, or of a kind that this browser does not play."
_MOST_IN_LEAD = 3
_SLACK_S = 1.0  # segments may end a frame before the sound does


def timeline_page(segments: Sequence[Segment], *, summary: Summary, sound: Sound, origin: Origin) -> str:
    """Show a segmented recording.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time, with no overlap.
    summary : Summary
        Of these segments; it names the recording and its classes.
    sound : Sound
        Of the recording.
    origin : Origin
        How the segments came to be.

    Returns
    -------
    str
        The content of an HTML file. It is self-contained, but for the sound where that is not inside.
    """
    duration_s = max(sound.duration_s, max((one.end for one in segments), default=0.0))
    sections = [
        section(
            "timeline", "Timeline", _player(sound), _controls(duration_s), _lanes(segments, summary, sound, duration_s)
        ),
        section("times", "Speaking time", _times_table(summary), *_hours_table(summary), _method(summary)),
        section("segments", "Segments", _segments_table(segments)),
        section("origin", "How this page was made", _origin(origin)),
    ]
    return page(
        f"Voices in {summary.name}",
        _lead(summary, duration_s),
        sections,
        footer=Html("Times are hours, minutes and seconds from the beginning of the recording."),
        styles=_resource("timeline.css"),
        script=_resource("timeline.js"),
        media="data:" if sound.inside else "'self' file:",
    )


def _resource(file: str) -> str:
    return resources.files("speechgmm.reporting").joinpath(file).read_text(encoding="utf-8")


def _lead(summary: Summary, duration_s: float) -> Html:
    times = summary.times
    heard = sorted((label for label, seconds in times.classes_s.items() if seconds), key=times.share, reverse=True)
    told = [joined([name(label), f" {percent(times.share(label))}"]) for label in heard[:_MOST_IN_LEAD]]
    if len(heard) > len(told):
        told.append(Html("and others"))
    speech = f"; of {clock(times.decided_s)} of labelled speech: " if told else "; no voice in it got a label"
    sentence = joined([clock(duration_s), " of sound", speech, Html(", ".join(told)), "."])
    return joined([paragraph(sentence, class_="lead"), paragraph(_MEANING)])


def _player(sound: Sound) -> Html:
    audio = element("audio", id="sound", src=Html(sound.address), controls=True, preload="metadata")
    told = (
        ""
        if sound.inside
        else paragraph(
            f"A recording of more than {LONGEST_S / 60:g} minutes is not inside the page. This one is played from ",
            element("a", "its own file", href=Html(sound.address)),
            ", which must stay where it is, seen from the page.",
        )
    )
    failed = element("p", _SILENT, class_="warning", id="silent", hidden=True)
    return joined([audio, told, failed])


def _controls(duration_s: float) -> Html:
    """What only the script brings to life."""
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
        for identity, title in (("closer", "Zoom in"), ("wider", "Zoom out"))
    ]
    label = element("label", "Position", for_="position")
    row = element("p", label, *buttons, class_="row")
    return element("div", element("p", id="readout"), row, slider, id="controls", hidden=True)


def _lanes(segments: Sequence[Segment], summary: Summary, sound: Sound, duration_s: float) -> Html:
    drawn = [
        lanes.lane(Html("sound"), lanes.waveform(sound.extremes, sound.bin_s, duration_s), "wave"),
        *(_voice_lane(label, number, segments, summary, duration_s) for number, label in enumerate(_voices(summary))),
        lanes.lane(
            Html("probability of the label, from 0 to 1"), lanes.probabilities(segments, duration_s), "probability"
        ),
        lanes.axis(duration_s),
        element("div", id="pointer", hidden=True),
        element("div", id="cursor", hidden=True),
    ]
    inside = element("div", *drawn, id="lanes")
    frame = element(
        "div", inside, id="frame", class_="scroll", role="group", tabindex=0, aria_label="Timeline, from left to right"
    )
    return element("figure", frame, element("figcaption", _extent(segments, duration_s)), class_="wide")


def _extent(segments: Sequence[Segment], duration_s: float) -> str:
    """What it means that no bar stands somewhere."""
    told = f"Where no bar stands, there is no voice ({NONSPEECH})."
    if not segments or (segments[0].start < _SLACK_S and duration_s - segments[-1].end < _SLACK_S):
        return told
    stretch = f"{clock(segments[0].start)} to {clock(segments[-1].end)}"
    return f"{told} Only the stretch from {stretch} was listened to."


def _voices(summary: Summary) -> list[str]:
    return [*summary.times.classes_s, UNKNOWN]


def _voice_lane(label: str, number: int, segments: Sequence[Segment], summary: Summary, duration_s: float) -> Html:
    own = [one for one in segments if one.label == label]
    times = summary.times
    seconds = times.unknown_s if label == UNKNOWN else times.classes_s[label]
    share = "" if label == UNKNOWN or not seconds else f", {percent(times.share(label))}"
    told = f"{label}: {clock(seconds)}{share}"
    title = joined([name(label), told.removeprefix(label)])
    picture = lanes.bars(own, number=number, duration_s=duration_s, told=told)
    return lanes.lane(title, picture, UNKNOWN if label == UNKNOWN else "")


def _times_table(summary: Summary) -> Html:
    times = summary.times
    rows = [
        [name(label), clock(seconds), percent(times.share(label)), _percents(summary.intervals[label])]
        for label, seconds in times.classes_s.items()
    ]
    others = [[UNKNOWN, clock(times.unknown_s), "", ""], [NONSPEECH, clock(times.nonspeech_s), "", ""]]
    header = ["label", "time", "of labelled speech", "95 % interval"]
    return table("Time of each label", header, [*rows, *others])


def _hours_table(summary: Summary) -> list[Html]:
    if len(summary.by_hour) < 2:
        return []

    def row(hour: int, times: Times) -> list[str]:
        speech = [f"{clock(seconds, 0)} ({percent(times.share(label))})" for label, seconds in times.classes_s.items()]
        return [f"{hour}:00", *speech, clock(times.unknown_s, 0), clock(times.nonspeech_s, 0)]

    header = ["from", *map(name, summary.times.classes_s), UNKNOWN, NONSPEECH]
    return [table("Time of each label, by hour", header, [row(*one) for one in enumerate(summary.by_hour)])]


def _method(summary: Summary) -> Html:
    told = (
        f"Intervals from resampling {summary.units}: how the share varies from one to the next. What the labels get "
        "wrong is not in them."
    )
    return paragraph(told, class_="faint")


def _segments_table(segments: Sequence[Segment]) -> Html:
    if not segments:
        return paragraph("There are none.")
    header = ["start", "end", "label", "probability", "why there is no label"]
    return table("All segments; with sound, a start plays from there", header, map(_row, segments), n_texts=len(header))


def _row(one: Segment) -> list[str]:
    start = element(
        "button", clock(one.start, 2), class_="start", type="button", value=f"{one.start:.3f}", disabled=True
    )
    end = element("data", clock(one.end, 2), value=f"{one.end:.3f}")
    return [start, end, name(one.label), "" if math.isnan(one.probability) else f"{one.probability:.3f}", one.reason]


def _origin(origin: Origin) -> Html:
    versions = ", ".join(f"{package} {version}" for package, version in origin.versions.items())
    facts = {
        "Command": element("code", origin.command),
        "Date": element("time", origin.made, datetime=origin.made),
        "Software": versions,
    }
    return element("dl", *(joined([element("dt", title), element("dd", told)]) for title, told in facts.items()))


def percent(ratio: float) -> str:
    """A ratio as people read it; NaN is a figure that is not defined."""
    return "n/a" if math.isnan(ratio) else f"{100 * ratio:.1f}\N{NO-BREAK SPACE}%"


def _percents(interval: Interval) -> str:
    return "n/a" if math.isnan(interval.low) else f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"
